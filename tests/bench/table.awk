# SPDX-License-Identifier: MIT
#
# Makes the benchmark's table of lines "WHO TEST TURN NAME VALUE", and judges the floors. Run by tests/bench/run with
# -v other=WHO, the gateway that is compared with nginx. Ends with 1 when a floor does not hold or a figure is missing.

{
  value[$1, $2, $4, $3] = $5
  if ($3 > turns[$2, $4])
    turns[$2, $4] = $3
  failed += $4 == "failed"
  if ($4 == "wait_percent" && $1 != "direct") {
    all[$1, $2]++
    clean[$1, $2] += $5 <= DISTURBED
    measured++
  }
}

# Percent of a turn for which something else had the processor that the gateway wanted.
BEGIN {
  DISTURBED = 5
}

# Whether a turn says nothing about the gateway. When most of a test's turns are like that, all are kept.
function disturbed(who, test, i) {
  return who != "direct" && value[who, test, "wait_percent", i] > DISTURBED && clean[who, test] * 3 >= all[who, test]
}

function sort(list, n,    i, j, held) {
  for (i = 2; i <= n; i++) {
    held = list[i]
    for (j = i - 1; j >= 1 && list[j] > held; j--)
      list[j + 1] = list[j]
    list[j + 1] = held
  }
}

# A figure over all turns: the mean of the middle half, which a few disturbed turns do not move; "" when there is
# none. With less, what the upstream alone takes in the same turn is taken off first. Sets error, two standard
# errors: for a trimmed mean these come from the list with the ends set to the edges of the middle.
function figure(who, test, name, less,    i, n, cut, list, sum, squares, mean) {
  n = sum = mean = squares = error = 0
  for (i = 0; i <= turns[test, name]; i++)
    if ((who, test, name, i) in value && !disturbed(who, test, i) && (!less || ("direct", test, name, i) in value))
      list[++n] = value[who, test, name, i] - (less ? value["direct", test, name, i] : 0)
  if (n == 0)
    return ""
  sort(list, n)
  cut = int(n / 4)
  for (i = 1; i <= cut; i++) {
    list[i] = list[cut + 1]
    list[n + 1 - i] = list[n - cut]
  }
  for (i = 1; i <= n; i++) {
    mean += list[i] / n
    if (i > cut && i <= n - cut)
      sum += list[i]
  }
  for (i = 1; i <= n; i++)
    squares += (list[i] - mean) ^ 2
  if (n > 1)
    error = 2 * sqrt(squares / (n - 1) / n) * n / (n - 2 * cut)
  return sum / (n - 2 * cut)
}

function show(number) {
  if (number == "")
    return "none"
  return sprintf(number >= 1000 || number <= -1000 ? "%.0f" : number >= 100 ? "%.1f" : "%.2f", number)
}

# One row. kind and bound are the floor: "ratio" at most bound times nginx's, "most" or "least" in the row's unit.
function row(label, test, name, less, kind, bound,    mine, theirs, off, ratio, shown, floor, verdict, alone) {
  alone = figure("direct", test, name, 0)
  theirs = figure("nginx", test, name, less)
  off = error
  mine = figure(other, test, name, less)
  if (mine == "" || theirs == "")
    bad = 1
  else if (mine > 0 && theirs > 0) {
    ratio = mine / theirs
    shown = sprintf("%.2f ± %.2f", ratio, ratio * sqrt((error / mine) ^ 2 + (off / theirs) ^ 2))
  }
  if (kind != "") {
    floor = kind == "ratio" ? "≤ " bound " × nginx" : (kind == "most" ? "≤ " : "≥ ") bound
    verdict = "PASS"
    if (mine == "" || (kind == "ratio" && (ratio == "" || ratio > bound)) ||
        (kind == "most" && mine > bound) || (kind == "least" && mine < bound)) {
      verdict = "SHORT"
      bad = 1
    }
  }
  printf "| %s | %s | %s | %s | %s | %s | %s |\n", label, alone == "" ? "" : show(alone), show(theirs),
         show(mine), shown, floor, verdict
}

END {
  printf "| Measure | upstream alone | nginx | %s | ratio | floor | holds |\n",
         other == "vampire" ? "Vampire" : "nginx again"
  print "|---|--:|--:|--:|--:|--:|---|"
  row("POST, 1 connection: requests/s", "post1", "requests_per_s", 0, "", 0)
  row("POST, 1 connection: CPU per request, µs", "post1", "cpu_us", 0, "ratio", 4.5)
  row("POST, 1 connection: added latency p50, µs", "post1", "p50_us", 1, "", 0)
  row("POST, 1 connection: added latency p99, µs", "post1", "p99_us", 1, "", 0)
  row("POST, 32 connections: requests/s", "post32", "requests_per_s", 0, "", 0)
  row("POST, 32 connections: CPU per request, µs", "post32", "cpu_us", 0, "ratio", 4.5)
  row("SSE flat out, 1 stream: events/s", "flat1", "events_per_s", 0, "least", 120000)
  row("SSE flat out, 1 stream: CPU per event, µs", "flat1", "cpu_us", 0, "", 0)
  row("SSE flat out, 8 streams: events/s", "flat8", "events_per_s", 0, "least", 120000)
  row("SSE flat out, 8 streams: CPU per event, µs", "flat8", "cpu_us", 0, "", 0)
  row("SSE flat out, 8 streams: longest silence of one, ms", "flat8", "silence_ms", 0, "", 0)
  row("100 streams × 100 events/s: events/s", "paced", "events_per_s", 0, "", 0)
  row("100 streams × 100 events/s: CPU per event, µs", "paced", "cpu_us", 0, "ratio", 4.5)
  row("100 streams × 100 events/s: added delay p50, µs", "paced", "p50_us", 1, "most", 150)
  row("100 streams × 100 events/s: added delay p99, µs", "paced", "p99_us", 1, "most", 1500)
  row("Memory idle: resident, MB", "idle", "rss_mb", 0, "most", 20)
  row("Memory idle: proportional, MB", "idle", "pss_mb", 0, "", 0)
  row("Memory with 1,000 open streams: resident, MB", "held", "rss_mb", 0, "most", 60)
  row("Memory with 1,000 open streams: proportional, MB", "held", "pss_mb", 0, "", 0)
  row("Memory after all of this: resident, MB", "end", "rss_mb", 0, "", 0)
  row("Start to listening, ms", "start", "listening_ms", 0, "most", 100)
  row("Start to first proxied answer, ms", "start", "answered_ms", 0, "", 0)
  print ""
  for (key in all) {
    if (clean[key] * 3 >= all[key])
      left_out += all[key] - clean[key]
    else
      kept += all[key] - clean[key]
  }
  if (left_out + kept > 0)
    printf "Not alone: in %d of %d turns something else used the gateway's processor; %d of them are left out.\n",
           left_out + kept, measured, left_out
  if (kept > 0)
    print "The others had to be kept, for want of better. Delays and starts mean nothing in such a run: repeat it."
  if (failed > 0) {
    printf "%d turns failed; what was wrong is said above.\n", failed
    bad = 1
  }
  print bad ? "SHORT: not all floors hold." : "PASS: all floors hold."
  exit bad
}

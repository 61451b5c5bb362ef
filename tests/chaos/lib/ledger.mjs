/* SPDX-License-Identifier: MIT
 *
 * What came of all requests: how many of each kind, what must not have happened, and how long it took to leave a node
 * that refuses connections.
 */

import { performance } from 'node:perf_hooks';

export class Ledger {
  #began = performance.now();
  counts = { requests: 0, whole: 0, refused: 0, failed: 0, broken: 0, left: 0, late: 0, continued: 0, queued: 0 };
  troubles = {};
  violations = [];
  failovers = []; /* ms */
  latencies = [];

  count(name) {
    this.counts[name]++;
  }

  /* Something that must not happen. */
  violate(what, details) {
    this.violations.push({ what, at_s: Number(((performance.now() - this.#began) / 1000).toFixed(3)), ...details });
  }

  /**
   * What a trace shows: of waiting and going on, and of connections that were refused.
   * @refused: whether the node of that id refused so many ms after the request had come: one that dies while it is at
   *   work refuses when it is asked again, and that says nothing of how long it takes to leave it
   */
  readTrace({ stages, timing }, refused = () => true) {
    this.counts.continued += stages.some(({ continued }) => continued);
    this.counts.queued += timing.queued_ms > 0;
    for (const [i, stage] of stages.entries()) {
      const next = stages[i + 1];

      if (next === undefined || stage.status !== 'failed' || !stage.reason?.startsWith('cannot be reached')
          || !refused(stage.node, stage.asked_ms))
        continue;
      /* One that has to wait because the others are full waits for them, not for the one that refuses. */
      this.failovers.push((timing.queued_ms > 0 ? stage.ended_ms : next.asked_ms) - stage.asked_ms);
    }
  }

  static percentile(numbers, percent) {
    const sorted = numbers.toSorted((a, b) => a - b);

    return sorted.length > 0 ? sorted[Math.min(Math.floor(sorted.length * percent / 100), sorted.length - 1)] : null;
  }

  static round(number) {
    return number === null ? null : Number(number.toFixed(2));
  }

  of(what) {
    return this.violations.filter((violation) => violation.what === what).length;
  }

  totals() {
    const { percentile, round } = Ledger;

    return {
      ...this.counts,
      malformed: this.of('malformed'),
      wrong_text: this.of('wrong text'),
      wrong_model: this.of('wrong model'),
      needless_failures: this.of('needless failure'),
      leaks: this.of('leak'),
      violations: this.violations.length,
      failovers: this.failovers.length,
      failover_p50_ms: round(percentile(this.failovers, 50)),
      failover_p99_ms: round(percentile(this.failovers, 99)),
      failover_max_ms: round(percentile(this.failovers, 100)),
      latency_p50_ms: round(percentile(this.latencies, 50)),
      latency_p99_ms: round(percentile(this.latencies, 99)),
      latency_max_ms: round(percentile(this.latencies, 100)),
      troubles: this.troubles,
    };
  }
}

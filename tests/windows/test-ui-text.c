/* SPDX-License-Identifier: MIT
 *
 * Figures, times and words as people read them, in the language of the source.
 */

#include "app/windows/vmp-ui-text.h"

#include <locale.h>
#include <math.h>

#define NOW "2026-11-22T14:02:30Z"

/* @text: (transfer full) */
static void
assert_text (char       *text,
             const char *expected)
{
  g_autofree char *owned = text;

  g_assert_cmpstr (text, ==, expected);
}

static void
test_durations (void)
{
  assert_text (vmp_ui_text_duration (-1), "");
  assert_text (vmp_ui_text_duration (NAN), "");
  assert_text (vmp_ui_text_duration (INFINITY), "");
  assert_text (vmp_ui_text_duration (0), "0 ms");
  assert_text (vmp_ui_text_duration (850.4), "850 ms");
  assert_text (vmp_ui_text_duration (999.4), "999 ms");
  assert_text (vmp_ui_text_duration (999.6), "1.0 s");
  assert_text (vmp_ui_text_duration (3249), "3.2 s");
  assert_text (vmp_ui_text_duration (59940), "59.9 s");
  assert_text (vmp_ui_text_duration (59960), "1 min 0 s");
  assert_text (vmp_ui_text_duration (125000), "2 min 5 s");
  assert_text (vmp_ui_text_duration (3599600), "1 h 0 min");
  assert_text (vmp_ui_text_duration (7500000), "2 h 5 min");
}

static void
test_sizes (void)
{
  assert_text (vmp_ui_text_bytes (-1), "");
  assert_text (vmp_ui_text_bytes (3200000000), "3.2\302\240GB");
}

static void
test_rates (void)
{
  assert_text (vmp_ui_text_rate (0), "");
  assert_text (vmp_ui_text_rate (-3), "");
  assert_text (vmp_ui_text_rate (NAN), "");
  assert_text (vmp_ui_text_rate (4.24), "4.2 tokens/s");
  assert_text (vmp_ui_text_rate (9.96), "10 tokens/s");
  assert_text (vmp_ui_text_rate (42.4), "42 tokens/s");
}

static void
test_contexts (void)
{
  assert_text (vmp_ui_text_context (0), "");
  assert_text (vmp_ui_text_context (-4096), "");
  assert_text (vmp_ui_text_context (512), "512 context");
  assert_text (vmp_ui_text_context (4096), "4K context");
  assert_text (vmp_ui_text_context (32768), "32K context");
  assert_text (vmp_ui_text_context (131072), "128K context");
  assert_text (vmp_ui_text_context (200000), "200K context");
  assert_text (vmp_ui_text_context (1048576), "1M context");
  assert_text (vmp_ui_text_context (G_MAXINT64), "9223372036855M context");
}

static void
assert_ago (const char *time,
            const char *expected)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_iso8601 (NOW, NULL);

  assert_text (vmp_ui_text_ago_at (time, now), expected);
}

static void
assert_time (const char *time,
             const char *expected)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_iso8601 (NOW, NULL);

  assert_text (vmp_ui_text_time_at (time, now), expected);
}

static void
test_ago (void)
{
  assert_ago (NULL, "");
  assert_ago ("yesterday", "");
  assert_ago ("2026-11-22T14:02:01.250Z", "just now");
  /* The clock of another computer is ahead. */
  assert_ago ("2026-11-22T14:03:00Z", "just now");
  assert_ago ("2026-11-22T14:01:30Z", "1 minute ago");
  assert_ago ("2026-11-22T13:57:30Z", "5 minutes ago");
  assert_ago ("2026-11-22T13:02:40Z", "1 hour ago");
  assert_ago ("2026-11-22T08:02:30Z", "6 hours ago");
  assert_ago ("2026-11-21T13:05:00Z", "yesterday, 13:05");
  assert_ago ("2026-11-02T09:05:00Z", "Nov 2, 09:05");
  assert_ago ("2025-11-02T09:05:00Z", "Nov 2, 2025");
  assert_ago ("2026-11-23T09:05:00Z", "tomorrow, 09:05");
}

/* A night is not a day: what was three hours ago is said so. */
static void
test_ago_across_midnight (void)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_iso8601 ("2026-11-22T01:30:00Z", NULL);

  assert_text (vmp_ui_text_ago_at ("2026-11-21T22:30:00Z", now), "3 hours ago");
  assert_text (vmp_ui_text_ago_at ("2026-11-21T18:30:00Z", now), "yesterday, 18:30");
}

static void
test_times (void)
{
  assert_time (NULL, "");
  assert_time ("2026-11-22T22:00:00Z", "today, 22:00");
  assert_time ("2026-11-23T22:00:00Z", "tomorrow, 22:00");
  assert_time ("2026-11-21T22:00:00Z", "yesterday, 22:00");
  assert_time ("2026-12-24T18:00:00Z", "Dec 24, 18:00");
  assert_time ("2027-01-01T18:00:00Z", "Jan 1, 2027");
}

/* Times are shown as the clock on the wall has them. */
static void
test_times_in_their_zone (void)
{
  g_autoptr (GTimeZone) zone = g_time_zone_new_offset (9 * 3600);
  g_autoptr (GDateTime) utc = g_date_time_new_from_iso8601 (NOW, NULL);
  g_autoptr (GDateTime) now = g_date_time_to_timezone (utc, zone);

  assert_text (vmp_ui_text_time_at ("2026-11-22T15:30:00Z", now), "tomorrow, 00:30");
}

static void
test_words (void)
{
  g_assert_cmpstr (vmp_ui_text_node_status ("online"), ==, "Online");
  g_assert_cmpstr (vmp_ui_text_approval ("pending"), ==, "Waiting for Approval");
  g_assert_cmpstr (vmp_ui_text_provider ("lmstudio"), ==, "LM Studio");
  g_assert_cmpstr (vmp_ui_text_found_by ("mdns"), ==, "Announced itself in the network");
  g_assert_cmpstr (vmp_ui_text_share_mode ("family"), ==, "Family");
  g_assert_cmpstr (vmp_ui_text_outcome ("upstream failed"), ==, "Node failed");
  g_assert_cmpstr (vmp_ui_text_outcome (NULL), ==, "Running");
  g_assert_cmpstr (vmp_ui_text_model_kind ("vlm"), ==, "Text and images");
}

static void
test_unknown_words (void)
{
  g_assert_cmpstr (vmp_ui_text_node_status ("asleep"), ==, "asleep");
  g_assert_cmpstr (vmp_ui_text_provider (NULL), ==, "");
  g_assert_cmpstr (vmp_ui_icon_for_status ("asleep"), ==, "dialog-question-symbolic");
  g_assert_cmpstr (vmp_ui_icon_for_status (NULL), ==, "dialog-question-symbolic");
}

/* Shape tells them apart, not colour. */
static void
test_icons_differ (void)
{
  static const char * const statuses[] = { "unknown", "online", "degraded", "offline", "draining", "disabled",
                                           "maintenance", "quarantine" };

  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    for (gsize j = 0; j < i; j++)
      g_assert_cmpstr (vmp_ui_icon_for_status (statuses[i]), !=, vmp_ui_icon_for_status (statuses[j]));
}

int
main (int    argc,
      char **argv)
{
  g_setenv ("LC_ALL", "C.UTF-8", TRUE);
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ui-text/durations", test_durations);
  g_test_add_func ("/ui-text/sizes", test_sizes);
  g_test_add_func ("/ui-text/rates", test_rates);
  g_test_add_func ("/ui-text/contexts", test_contexts);
  g_test_add_func ("/ui-text/ago", test_ago);
  g_test_add_func ("/ui-text/ago-across-midnight", test_ago_across_midnight);
  g_test_add_func ("/ui-text/times", test_times);
  g_test_add_func ("/ui-text/times-in-their-zone", test_times_in_their_zone);
  g_test_add_func ("/ui-text/words", test_words);
  g_test_add_func ("/ui-text/unknown-words", test_unknown_words);
  g_test_add_func ("/ui-text/icons-differ", test_icons_differ);

  return g_test_run ();
}

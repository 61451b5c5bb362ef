/* SPDX-License-Identifier: MIT
 *
 * What is said about sharing, and what the owner's choices are to the gateway.
 */

#include "app/windows/vmp-share-words.h"
#include "core/vmp-json.h"

#include <string.h>

static GDateTime *
at (const char *time)
{
  g_autoptr (GTimeZone) berlin = g_time_zone_new_identifier ("Europe/Berlin");
  GDateTime *now = NULL;

  g_assert_nonnull (berlin);
  now = g_date_time_new_from_iso8601 (time, berlin);
  g_assert_nonnull (now);

  return now;
}

static void
test_durations (void)
{
  g_autoptr (GDateTime) now = at ("2026-11-22T22:30:00");
  g_autofree char *hour = vmp_share_words_duration (VMP_SHARE_FOR_1_H, "2d", now);
  g_autofree char *other = vmp_share_words_duration (VMP_SHARE_FOR_OTHER, " 90m ", now);
  g_autofree char *tomorrow = vmp_share_words_duration (VMP_SHARE_UNTIL_TOMORROW, NULL, now);

  g_assert_cmpstr (hour, ==, "1h");
  g_assert_cmpstr (other, ==, "90m");
  g_assert_cmpstr (tomorrow, ==, "5400s");
  g_assert_null (vmp_share_words_duration (VMP_SHARE_UNTIL_OFF, "2d", now));
}

static void
test_tomorrow_in_autumn (void)
{
  /* That day has 25 hours. */
  g_autoptr (GDateTime) now = at ("2026-10-25T00:30:00");
  g_autofree char *tomorrow = vmp_share_words_duration (VMP_SHARE_UNTIL_TOMORROW, NULL, now);

  g_assert_cmpstr (tomorrow, ==, "88200s");
}

static void
test_rest (void)
{
  g_autoptr (GDateTime) now = at ("2026-11-22T22:30:00+01:00");
  g_autofree char *rest = vmp_share_words_rest ("2026-11-22T22:30:00.000Z", now);
  g_autofree char *over = vmp_share_words_rest ("2026-11-22T20:30:00.000Z", now);

  g_assert_cmpstr (rest, ==, "3600s");
  g_assert_cmpstr (over, ==, "1s");
  g_assert_null (vmp_share_words_rest (NULL, now));
}

static void
test_choice (void)
{
  g_assert_cmpint (vmp_share_words_choice (NULL, VMP_SHARE_FOR_1_H), ==, VMP_SHARE_UNTIL_OFF);
  g_assert_cmpint (vmp_share_words_choice ("8h", VMP_SHARE_UNTIL_OFF), ==, VMP_SHARE_FOR_8_H);
  g_assert_cmpint (vmp_share_words_choice ("3h", VMP_SHARE_FOR_8_H), ==, VMP_SHARE_FOR_OTHER);
  g_assert_cmpint (vmp_share_words_choice ("3540s", VMP_SHARE_FOR_1_H), ==, VMP_SHARE_FOR_1_H);
  g_assert_cmpint (vmp_share_words_choice ("3540s", VMP_SHARE_UNTIL_OFF), ==, VMP_SHARE_FOR_OTHER);
}

static void
check_state (const char *share,
             const char *said)
{
  g_autoptr (GDateTime) now = at ("2026-11-22T14:00:00+01:00");
  g_autoptr (JsonNode) node = vmp_json_parse (share, strlen (share), NULL);
  g_autofree char *state = vmp_share_words_state (json_node_get_object (node), now);

  g_assert_true (g_str_has_prefix (state, said));
}

static void
test_state (void)
{
  check_state ("{\"open\":false,\"ends_at\":null}", "Off: ");
  check_state ("{\"open\":true,\"ends_at\":null,\"keys\":0}", "On, but nobody has a key");
  check_state ("{\"open\":true,\"ends_at\":null,\"keys\":2}", "On until you turn it off");
  check_state ("{\"open\":true,\"ends_at\":\"2026-11-22T15:03:20Z\",\"keys\":2}",
               "On until today, 16:03 (2 h 3 min left)");
}

static void
test_connection (void)
{
  g_autofree char *connection = vmp_share_words_connection ("http://192.168.1.5:7777/v1", "vmp_secret");

  g_assert_cmpstr (connection, ==, "http://192.168.1.5:7777/v1\nvmp_secret");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/share-words/durations", test_durations);
  g_test_add_func ("/share-words/tomorrow-in-autumn", test_tomorrow_in_autumn);
  g_test_add_func ("/share-words/rest", test_rest);
  g_test_add_func ("/share-words/choice", test_choice);
  g_test_add_func ("/share-words/state", test_state);
  g_test_add_func ("/share-words/connection", test_connection);

  return g_test_run ();
}

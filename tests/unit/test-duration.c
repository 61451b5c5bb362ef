/* SPDX-License-Identifier: MIT
 *
 * Tests of lengths of time.
 */

#include "core/vmp-duration.h"

#include <string.h>

#include "core/vmp-limits.h"

static void
assert_seconds (const char *text,
                gint64      expected)
{
  gint64 seconds = -1;

  if (!vmp_duration_parse (text, &seconds))
    g_error ("taken for no length of time: %s", text);
  g_assert_cmpint (seconds, ==, expected);
}

static void
assert_none (const char *text)
{
  gint64 seconds = -1;

  if (vmp_duration_parse (text, &seconds))
    g_error ("taken for a length of time: %s", text);
  g_assert_cmpint (seconds, ==, -1);
}

static void
test_short_form (void)
{
  assert_seconds ("1s", 1);
  assert_seconds ("90s", 90);
  assert_seconds ("30m", 30 * 60);
  assert_seconds ("8h", 8 * 3600);
  assert_seconds ("2d", 2 * 86400);
  assert_seconds ("1w", 7 * 86400);
  assert_seconds ("1h30m", 5400);
  assert_seconds ("1d2h3m4s", 86400 + 2 * 3600 + 3 * 60 + 4);
  assert_seconds ("0h5m", 300);
  assert_seconds ("007m", 420);
}

static void
test_iso_8601 (void)
{
  assert_seconds ("PT8H", 8 * 3600);
  assert_seconds ("PT90S", 90);
  assert_seconds ("PT30M", 1800);
  assert_seconds ("P2D", 2 * 86400);
  assert_seconds ("P1W", 7 * 86400);
  assert_seconds ("P1DT12H", 36 * 3600);
  assert_seconds ("P1DT2H3M4S", 86400 + 2 * 3600 + 3 * 60 + 4);
}

static void
test_refuses (void)
{
  static const char * const texts[] = {
    "", " ", "8", "s", "h8", "8x", "8 h", " 8h", "8h ", "8H", "8hours", "1.5h", "1,5h", "-8h", "+8h", "8h8h", "30m1h",
    "1s1m",
    "1h30", "h", "0s", "0h0m", "1y", "1mo", "forever", "8h\n", "\xd9\xa3h", "P", "PT", "P8H", "PT1D", "P1M", "P1Y",
    "P1Y2D",
    "PT1.5H", "PT0S", "P1DT", "PT8h", "pt8h", "P1dT1H", "PTT8H", "P1H", "PT8HT1M", "P1D1H", "T8H", "PT1M1H", "8hP1D",
    "P-1D",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_none (texts[i]);
}

static void
test_a_year_at_most (void)
{
  g_autofree char *most = g_strdup_printf ("%llds", VMP_LIMIT_DURATION_SECONDS);
  g_autofree char *more = g_strdup_printf ("%llds", VMP_LIMIT_DURATION_SECONDS + 1);

  assert_seconds (most, VMP_LIMIT_DURATION_SECONDS);
  assert_none (more);
  assert_seconds ("366d", VMP_LIMIT_DURATION_SECONDS);
  assert_none ("366d1s");
  assert_none ("P366DT1S");
  assert_none ("53w");
}

static void
test_overflow (void)
{
  g_autofree char *digits = g_strnfill (100000, '9');
  g_autofree char *long_one = g_strconcat (digits, "s", NULL);

  assert_none (long_one);
  assert_none ("18446744073709551617s");
  assert_none ("9223372036854775808s");
  assert_none ("31622400w31622400d31622400h31622400m31622400s");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/duration/short-form", test_short_form);
  g_test_add_func ("/duration/iso-8601", test_iso_8601);
  g_test_add_func ("/duration/refuses-others", test_refuses);
  g_test_add_func ("/duration/a-year-at-most", test_a_year_at_most);
  g_test_add_func ("/duration/overflow", test_overflow);

  return g_test_run ();
}

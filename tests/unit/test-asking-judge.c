/* SPDX-License-Identifier: MIT
 *
 * Tests of what is made of what a node says: which document is an error, wherever in it that stands.
 */

#include <string.h>

#include "relay/vmp-asking-private.h"

static char *
find_error (const char *body)
{
  gsize len = strlen (body);
  /* Of just that length, so that a tool sees each byte that is read behind it. */
  g_autofree char *exact = g_memdup2 (body, MAX (len, 1));

  return vmp_asking_find_error (exact, len);
}

static void
test_errors (void)
{
  g_autofree char *text = find_error ("{\"error\":\"Unexpected endpoint\"}");
  g_autofree char *object = find_error ("{\"error\" : {\"message\": \"no\", \"type\": null}}");
  g_autofree char *silent = find_error ("{\"error\":{}}");

  g_assert_cmpstr (text, ==, "Unexpected endpoint");
  g_assert_cmpstr (object, ==, "no");
  g_assert_nonnull (silent);
}

static void
test_answers (void)
{
  static const char * const bodies[] = {
    "", "{}", "\"error\"", "{\"error\":null}", "{\"error\":false}", "{\"errors\":\"no\"}",
    "{\"model\":\"error\"}", "{\"choices\":[{\"error\":\"inside\"}]}", "{\"text\":\"\\\"error\\\":\\\"said\\\"\"}",
    "{\"error\":\"not JSON"
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bodies); i++)
    g_assert_null (find_error (bodies[i]));
}

/* It is found at each place, and after each other name of its length. */
static void
test_anywhere (void)
{
  for (gsize before = 0; before < 100; before++)
    {
      for (gsize after = 0; after < 40; after++)
        {
          g_autofree char *x = g_strnfill (before, 'x');
          g_autofree char *y = g_strnfill (after, 'y');
          g_autofree char *body = g_strdup_printf ("{\"model\":\"e\",\"%s\":\"erroR\",\"error\":\"no\",\"a\":\"%s\"}",
                                                   x, y);
          g_autofree char *said = find_error (body);

          g_assert_cmpstr (said, ==, "no");
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/asking/judge/errors", test_errors);
  g_test_add_func ("/asking/judge/answers", test_answers);
  g_test_add_func ("/asking/judge/anywhere", test_anywhere);

  return g_test_run ();
}

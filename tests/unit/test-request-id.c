/* SPDX-License-Identifier: MIT
 *
 * The names of requests: their shape, and that none comes twice.
 */

#include "core/vmp-request-id.h"

#include <string.h>

static void
test_shape (void)
{
  char id[VMP_REQUEST_ID_BYTES];
  guint i;

  for (i = 0; i < 1000; i++)
    {
      vmp_request_id_make (id);
      g_assert_true (g_str_has_prefix (id, "req_"));
      g_assert_cmpuint (strlen (id), ==, 28);
      g_assert_cmpuint (strspn (id + 4, "0123456789abcdefghijklmnopqrstuvwxyz"), ==, 24);
    }
}

static void
test_no_two_are_the_same (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint i;

  for (i = 0; i < 100000; i++)
    {
      char *id = g_malloc (VMP_REQUEST_ID_BYTES);

      vmp_request_id_make (id);
      g_assert_true (g_hash_table_add (seen, id));
    }
}

/* Neighbours differ all over, so that people who compare two see it at once. */
static void
test_neighbours_differ (void)
{
  char before[VMP_REQUEST_ID_BYTES], after[VMP_REQUEST_ID_BYTES];
  guint same = 0;
  guint i, c;

  for (i = 0; i < 1000; i++)
    {
      vmp_request_id_make (before);
      vmp_request_id_make (after);
      for (c = 4; c < 28; c++)
        same += before[c] == after[c];
    }

  /* By chance one of 32 is the same, 750 of all. */
  g_assert_cmpuint (same, <, 1200);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/request-id/shape", test_shape);
  g_test_add_func ("/request-id/no-two-are-the-same", test_no_two_are_the_same);
  g_test_add_func ("/request-id/neighbours-differ", test_neighbours_differ);

  return g_test_run ();
}

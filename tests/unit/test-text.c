/* SPDX-License-Identifier: MIT
 *
 * Tests of the hash of texts that somebody else chose.
 */

#include <string.h>

#include "core/vmp-text.h"

/* Texts of all lengths around the bytes that are taken at a time, which differ in one place or in their length only.
 * Two of them have the same hash once in a hundred thousand runs. */
static void
test_differs (void)
{
  g_autoptr (GHashTable) hashes = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) texts = g_hash_table_new_full (vmp_text_hash, g_str_equal, g_free, NULL);

  for (gsize len = 0; len < 14; len++)
    {
      for (gsize place = 0; place <= len; place++)
        {
          g_autofree char *text = g_strnfill (len, 'm');

          if (place < len)
            text[place] = '\xff';
          g_hash_table_add (hashes, GUINT_TO_POINTER (vmp_text_hash (text)));
          g_hash_table_add (texts, g_steal_pointer (&text));
        }
    }

  g_assert_cmpuint (g_hash_table_size (hashes), ==, g_hash_table_size (texts));
  g_assert_cmpuint (g_hash_table_size (texts), ==, 105);
}

/* It reads nothing behind the text, and takes the same of it wherever it is. */
static void
test_same (void)
{
  for (gsize len = 0; len < 20; len++)
    {
      g_autofree char *exact = g_strnfill (len, 'q');
      g_autofree char *longer = g_strnfill (len + 8, 'q');

      memset (longer + len, 0, 8);
      g_assert_cmpuint (vmp_text_hash (exact), ==, vmp_text_hash (longer));
      memmove (longer + 1, exact, len + 1);
      g_assert_cmpuint (vmp_text_hash (exact), ==, vmp_text_hash (longer + 1));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/text/hash/differs", test_differs);
  g_test_add_func ("/text/hash/same", test_same);

  return g_test_run ();
}

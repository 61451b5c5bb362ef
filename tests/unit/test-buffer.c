/* SPDX-License-Identifier: MIT
 *
 * Behaviour of VmpBuffer and of lists in header fields.
 */

#include "core/vmp-buffer.h"
#include "core/vmp-slice.h"

#include <string.h>

static void
test_fill_and_use_up (void)
{
  VmpBuffer buffer = { NULL };

  vmp_buffer_append (&buffer, "hello world", 11);
  vmp_buffer_consume (&buffer, 6);
  g_assert_cmpmem (vmp_buffer_peek (&buffer), vmp_buffer_len (&buffer), "world", 5);
  vmp_buffer_consume (&buffer, 5);
  g_assert_cmpuint (vmp_buffer_len (&buffer), ==, 0);
  g_assert_cmpuint (buffer.start, ==, 0);
  vmp_buffer_clear (&buffer);
}

/* Random appends and consumes against a plain string. */
static void
test_like_a_string (void)
{
  g_autoptr (GString) expected = g_string_new (NULL);
  VmpBuffer buffer = { NULL };
  int i;

  for (i = 0; i < 20000; i++)
    {
      char bytes[700];
      gsize n = g_test_rand_int_range (0, sizeof bytes);

      if (g_test_rand_bit ())
        {
          memset (bytes, 'a' + i % 26, sizeof bytes);
          vmp_buffer_append (&buffer, bytes, n);
          g_string_append_len (expected, bytes, n);
        }
      else
        {
          n = MIN (n, expected->len);
          vmp_buffer_consume (&buffer, n);
          g_string_erase (expected, 0, n);
        }
      g_assert_cmpmem (vmp_buffer_peek (&buffer), vmp_buffer_len (&buffer), expected->str, expected->len);
    }
  vmp_buffer_clear (&buffer);
}

static void
test_too_much (void)
{
  VmpBuffer buffer = { NULL };

  vmp_buffer_append (&buffer, "kept", 4);
  g_assert_null (vmp_buffer_reserve (&buffer, G_MAXSIZE - 2));
  g_assert_cmpmem (vmp_buffer_peek (&buffer), vmp_buffer_len (&buffer), "kept", 4);
  vmp_buffer_clear (&buffer);
}

static void
test_trim (void)
{
  VmpBuffer buffer = { NULL };

  g_assert_nonnull (vmp_buffer_reserve (&buffer, 100000));
  vmp_buffer_append (&buffer, "x", 1);
  vmp_buffer_trim (&buffer, 4096);
  g_assert_cmpuint (buffer.size, >=, 100000);
  vmp_buffer_consume (&buffer, 1);
  vmp_buffer_trim (&buffer, 4096);
  g_assert_cmpuint (buffer.size, ==, 0);
}

static void
test_lists (void)
{
  g_assert_true (vmp_slice_list_contains (vmp_slice ("keep-alive, X-Foo"), vmp_slice ("x-foo")));
  g_assert_true (vmp_slice_list_contains (vmp_slice (" ,\tclose\t,"), vmp_slice ("Close")));
  g_assert_false (vmp_slice_list_contains (vmp_slice ("keep-alive"), vmp_slice ("keep")));
  g_assert_false (vmp_slice_list_contains (vmp_slice ("a,b"), vmp_slice ("")));
  g_assert_false (vmp_slice_list_contains (vmp_slice (""), vmp_slice ("a")));
}

static void
test_without_case (void)
{
  g_assert_true (vmp_slice_equal_nocase (vmp_slice ("Content-Type"), "Content-Type"));
  g_assert_true (vmp_slice_equal_nocase (vmp_slice ("content-type"), "Content-Type"));
  g_assert_true (vmp_slice_equal_nocase (vmp_slice ("CONTENT-TYPE"), "Content-Type"));
  g_assert_true (vmp_slice_equal_nocase (vmp_slice (""), ""));
  g_assert_false (vmp_slice_equal_nocase (vmp_slice ("Content-Typ"), "Content-Type"));
  g_assert_false (vmp_slice_equal_nocase (vmp_slice ("Content-Typo"), "Content-Type"));
  g_assert_false (vmp_slice_equal_nocase (vmp_slice ("xontent-type"), "Content-Type"));

  /* What differs by the bit of letters' case, and is no letter. */
  g_assert_false (vmp_slice_equal_nocase (vmp_slice ("^"), "~"));
  g_assert_false (vmp_slice_equal_nocase (vmp_slice ("a\r"), "a-"));
  g_assert_false (vmp_slice_equal_nocase (vmp_slice ("@a"), "`a"));
}

/* Bytes that were made room for are where they belong, also when what is held is moved for them. */
static void
test_extend (void)
{
  VmpBuffer buffer = { NULL };
  guint i;

  for (i = 0; i < 1000; i++)
    {
      memcpy (vmp_buffer_extend (&buffer, 3), "abc", 3);
      if (i % 3 != 0)
        {
          g_assert_cmpmem (vmp_buffer_peek (&buffer), 3, "abc", 3);
          vmp_buffer_consume (&buffer, 3);
        }
    }
  g_assert_cmpuint (vmp_buffer_len (&buffer), ==, 3 * 334);
  for (i = 0; i < 334; i++)
    g_assert_cmpmem (vmp_buffer_peek (&buffer) + 3 * i, 3, "abc", 3);
  vmp_buffer_clear (&buffer);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/buffer/fill-and-use-up", test_fill_and_use_up);
  g_test_add_func ("/core/buffer/like-a-string", test_like_a_string);
  g_test_add_func ("/core/buffer/too-much", test_too_much);
  g_test_add_func ("/core/buffer/trim", test_trim);
  g_test_add_func ("/core/buffer/extend", test_extend);
  g_test_add_func ("/core/slice/lists", test_lists);
  g_test_add_func ("/core/slice/without-case", test_without_case);

  return g_test_run ();
}

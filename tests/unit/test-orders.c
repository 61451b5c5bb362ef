/* SPDX-License-Identifier: MIT
 *
 * Tests of the lines between the resident and the windows.
 */

#include "app/vmp-orders.h"

#include <string.h>

static void
assert_comes_back (VmpOrderKind kind,
                   const char  *argument,
                   const char  *detail,
                   const char  *token)
{
  g_autofree char *line = vmp_order_to_line (kind, argument, detail, token);
  g_auto (VmpOrder) order = { 0, };
  gsize len = strlen (line);

  g_assert_cmpuint (line[len - 1], ==, '\n');
  line[len - 1] = '\0';
  g_assert_null (strchr (line, '\n'));
  g_assert_true (vmp_order_from_line (line, &order));
  g_assert_cmpint (order.kind, ==, kind);
  g_assert_cmpstr (order.argument, ==, argument);
  g_assert_cmpstr (order.detail, ==, detail);
  g_assert_cmpstr (order.token, ==, token);
}

static void
test_come_back (void)
{
  guint kind;

  for (kind = 0; kind < VMP_N_ORDERS; kind++)
    assert_comes_back (kind, "a", "b", "c");
  assert_comes_back (VMP_ORDER_SHOW, "overview", NULL, NULL);
  assert_comes_back (VMP_ORDER_SHOW, "overview", NULL, "token_TIME12");
  assert_comes_back (VMP_ORDER_CLOSE, NULL, NULL, NULL);
}

/* Sentences may hold anything that is text. */
static void
test_hostile_text (void)
{
  assert_comes_back (VMP_ORDER_TROUBLE, "two\nlines\tand\ta \\ backslash\r \"quoted\"", NULL, NULL);
  assert_comes_back (VMP_ORDER_COPY, "Größe · 大きさ · 🧛", "\001\002", "\\n");
}

static void
test_what_is_none (void)
{
  static const char * const lines[] = {
    "", "hello", "showy\toverview", "show\ta\tb\tc\td", "Gtk-WARNING **: something", "show\t\\377\\376",
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (VmpOrder) order = { 0, };

      g_assert_false (vmp_order_from_line (lines[i], &order));
      g_assert_null (order.argument);
    }
}

static void
test_too_long (void)
{
  g_autofree char *text = g_strnfill (5000, 'x');
  g_autofree char *line = g_strconcat ("copy\t", text, NULL);
  g_auto (VmpOrder) order = { 0, };

  g_assert_false (vmp_order_from_line (line, &order));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/orders/come-back", test_come_back);
  g_test_add_func ("/orders/hostile-text", test_hostile_text);
  g_test_add_func ("/orders/what-is-none", test_what_is_none);
  g_test_add_func ("/orders/too-long", test_too_long);

  return g_test_run ();
}

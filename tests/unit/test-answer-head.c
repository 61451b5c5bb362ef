/* SPDX-License-Identifier: MIT
 *
 * Behaviour of the strict reading of nodes' answer heads.
 */

#include "upstream/vmp-answer-head.h"

#include <string.h>

#define OK "HTTP/1.1 200 OK\r\n"

static void
test_good (void)
{
  static const struct {
    const char *text;
    const char *reason;
    guint n_fields;
    gint64 length;
    gboolean ends_by_close;
  } cases[] = {
    { OK "\r\n", "OK", 0, -1, TRUE },
    { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "Not Found", 1, 0, FALSE },
    { "HTTP/1.0 200\r\nA: b\r\n\r\n", "", 1, -1, TRUE },
    { "HTTP/1.1 200 \r\nContent-Length:12\r\ncontent-length: 12 \r\n\r\n", "", 2, 12, FALSE },
    { OK "Transfer-Encoding: chunked\r\n\r\n", "OK", 1, -1, FALSE },
    { OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "OK", 2, -1, FALSE },
    { "HTTP/1.1 200 OK\nA: b\n\n", "OK", 1, -1, TRUE },
    { OK "X-Empty:\r\nX-Tab: a\tb\r\nX-Text: \xc3\xa9\r\n\r\n", "OK", 3, -1, TRUE },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
      VmpTransferHead head;

      g_assert_cmpstr (vmp_answer_head_parse (vmp_slice (cases[i].text), fields, &head), ==, NULL);
      g_assert_cmpmem (head.reason.data, head.reason.len, cases[i].reason, strlen (cases[i].reason));
      g_assert_cmpuint (head.n_fields, ==, cases[i].n_fields);
      g_assert_cmpint (head.length, ==, cases[i].length);
      g_assert_cmpint (head.ends_by_close, ==, cases[i].ends_by_close);
    }
}

static void
test_bad (void)
{
  static const char * const cases[] = {
    "",
    "HTTP/1.1 200 O\x01K\r\n\r\n",
    OK "no colon\r\n\r\n",
    OK ": no name\r\n\r\n",
    OK "Name : space\r\n\r\n",
    OK "Na(me: x\r\n\r\n",
    OK "Name: a\r\n folded\r\n\r\n",
    OK "Name: a\rb\r\n\r\n",
    OK "Name: a\x7f\r\n\r\n",
    OK "Content-Length: 4\r\nContent-Length: 2\r\n\r\n",
    OK "Content-Length: 4, 4\r\n\r\n",
    OK "Content-Length: -1\r\n\r\n",
    OK "Content-Length: \r\n\r\n",
    OK "Content-Length: 99999999999999999999\r\n\r\n",
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
      VmpTransferHead head;

      g_assert_nonnull (vmp_answer_head_parse (vmp_slice (cases[i]), fields, &head));
    }
}

static void
test_nul_and_count (void)
{
  static const char with_nul[] = OK "Name: a\0b\r\n\r\n";
  g_autoptr (GString) many = g_string_new (OK);
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
  VmpTransferHead head;
  guint i;

  g_assert_nonnull (vmp_answer_head_parse ((VmpSlice) { with_nul, sizeof with_nul - 1 }, fields, &head));

  for (i = 0; i < VMP_LIMIT_HEAD_FIELDS; i++)
    g_string_append (many, "A: b\r\n");
  g_assert_null (vmp_answer_head_parse ((VmpSlice) { many->str, many->len }, fields, &head));
  g_assert_cmpuint (head.n_fields, ==, VMP_LIMIT_HEAD_FIELDS);
  g_string_append (many, "A: b\r\n");
  g_assert_nonnull (vmp_answer_head_parse ((VmpSlice) { many->str, many->len }, fields, &head));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/upstream/answer-head/good", test_good);
  g_test_add_func ("/upstream/answer-head/bad", test_bad);
  g_test_add_func ("/upstream/answer-head/nul-and-count", test_nul_and_count);

  return g_test_run ();
}

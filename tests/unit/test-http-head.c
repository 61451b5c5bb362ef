/* SPDX-License-Identifier: MIT
 *
 * Tests of the request-head parser: what a good head says, how each kind of bad one is refused, and that
 * the verdict is the same however the bytes arrive.
 */

#include <string.h>

#include "gateway/vmp-http-head.h"

/* -- Helpers --------------------------------------------------------------------------------------------- */

/* Parses a copy that ends where its memory ends; the head's slices are moved over to @text. */
static VmpHeadFault
parse (const char  *text,
       gsize        len,
       VmpHttpHead *head,
       gsize       *head_len)
{
  g_autofree char *copy = g_malloc (MAX (len, 1));
  gsize scanned = 0;
  VmpHeadFault fault;

  memcpy (copy, text, len);
  fault = vmp_http_head_parse (copy, len, &scanned, head, head_len);
  if (fault == VMP_HEAD_OK)
    {
      VmpSlice *slices[] = { &head->method, &head->target, &head->path, &head->host };

      for (gsize i = 0; i < G_N_ELEMENTS (slices); i++)
        {
          if (slices[i]->data != NULL)
            slices[i]->data = text + (slices[i]->data - copy);
        }
      for (guint i = 0; i < head->n_fields; i++)
        {
          head->fields[i].name.data = text + (head->fields[i].name.data - copy);
          head->fields[i].value.data = text + (head->fields[i].value.data - copy);
        }
    }

  return fault;
}

/* Feeds one byte more at a time. Returns the first verdict, or VMP_HEAD_INCOMPLETE. */
static VmpHeadFault
parse_bytewise (const char  *text,
                gsize        len,
                VmpHttpHead *head,
                gsize       *head_len,
                gsize       *fed)
{
  VmpHeadFault fault = VMP_HEAD_INCOMPLETE;
  gsize scanned = 0;

  for (*fed = 0; *fed < len && fault == VMP_HEAD_INCOMPLETE;)
    fault = vmp_http_head_parse (text, ++*fed, &scanned, head, head_len);

  return fault;
}

static void
assert_slice (VmpSlice    slice,
              const char *expected)
{
  g_autofree char *text = g_strndup (slice.data, slice.len);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_fault (const char  *text,
              gsize        len,
              VmpHeadFault expected)
{
  VmpHttpHead head;
  gsize head_len, fed;
  VmpHeadFault whole = parse (text, len, &head, &head_len);
  VmpHeadFault bytewise = parse_bytewise (text, len, &head, &head_len, &fed);

  if (whole != expected || bytewise != expected)
    {
      g_autofree char *shown = g_strescape (text, NULL);

      g_error ("should be fault %d, is %d at once and %d byte by byte: %s", expected, whole, bytewise, shown);
    }
}

/* -- Good heads -------------------------------------------------------------------------------------------- */

#define CLIENT_HEAD \
        "POST /v1/chat/completions?api-version=1&x=%2F HTTP/1.1\r\n" \
        "Host: localhost:7777\r\n" \
        "Accept: application/json\r\n" \
        "Accept-Encoding: gzip, deflate, br\r\n" \
        "Authorization: Bearer sk-lm-0123456789abcdef\r\n" \
        "Connection: keep-alive\r\n" \
        "Content-Length: 1234\r\n" \
        "Content-Type: application/json\r\n" \
        "User-Agent: OpenAI/Python 1.54.0\r\n" \
        "X-Stainless-Lang: python\r\n" \
        "X-Stainless-Read-Timeout: 600\r\n" \
        "\r\n"

static void
test_reads_a_head (void)
{
  static const char text[] = CLIENT_HEAD "{\"model\"";
  VmpHttpHead head;
  gsize head_len;

  g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
  g_assert_cmpuint (head_len, ==, strlen (CLIENT_HEAD));
  assert_slice (head.method, "POST");
  assert_slice (head.target, "/v1/chat/completions?api-version=1&x=%2F");
  assert_slice (head.path, "/v1/chat/completions");
  assert_slice (head.host, "localhost:7777");
  g_assert_cmpint (head.minor_version, ==, 1);
  g_assert_true (head.keep_alive);
  g_assert_false (head.expect_continue);
  g_assert_true (head.has_content_length);
  g_assert_cmpint (head.framing, ==, VMP_BODY_LENGTH);
  g_assert_cmpuint (head.content_length, ==, 1234);
  g_assert_cmpuint (head.n_fields, ==, 10);
  assert_slice (head.fields[0].name, "Host");
  assert_slice (head.fields[9].name, "X-Stainless-Read-Timeout");
  assert_slice (head.fields[9].value, "600");
}

static void
test_looks_up_fields (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\nX-A: 2\r\nX-Empty:\r\n\r\n";
  VmpHttpHead head;
  gsize head_len;

  g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
  assert_slice (*vmp_http_head_get (&head, "X-a"), "1");
  assert_slice (*vmp_http_head_get (&head, "HOST"), "a");
  assert_slice (*vmp_http_head_get (&head, "X-Empty"), "");
  g_assert_null (vmp_http_head_get (&head, "X"));
  g_assert_null (vmp_http_head_get (&head, "X-Ab"));
  g_assert_null (vmp_http_head_get (&head, ""));
}

static void
test_trims_values (void)
{
  static const char text[] =
    "GET / HTTP/1.1\r\nHost: \t a.example \t\r\nA:x\r\nB: x  y\t\tz \r\nC: \t \r\nD::\r\nE: caf\xc3\xa9\xff\r\n\r\n";
  static const char * const values[] = { "a.example", "x", "x  y\t\tz", "", ":", "caf\xc3\xa9\xff" };
  VmpHttpHead head;
  gsize head_len;

  g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
  g_assert_cmpuint (head.n_fields, ==, G_N_ELEMENTS (values));
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    assert_slice (head.fields[i].value, values[i]);
}

static void
test_targets (void)
{
  static const struct {
    const char *line;
    const char *target;
    const char *path;
  } cases[] = {
    { "GET / HTTP/1.1", "/", "/" },
    { "GET /? HTTP/1.1", "/?", "/" },
    { "GET /a?b?c HTTP/1.1", "/a?b?c", "/a" },
    { "GET //a//b HTTP/1.1", "//a//b", "//a//b" },
    { "GET /%00\"<>\\^`{|} HTTP/1.1", "/%00\"<>\\^`{|}", "/%00\"<>\\^`{|}" },
    { "GET /caf\xc3\xa9\xff HTTP/1.1", "/caf\xc3\xa9\xff", "/caf\xc3\xa9\xff" },
    { "OPTIONS * HTTP/1.1", "*", "*" },
    { "OPTIONS / HTTP/1.1", "/", "/" },
    { "GET http://Host.example:80/a?b HTTP/1.1", "/a?b", "/a" },
    { "GET HTTPS://host.EXAMPLE:80// HTTP/1.1", "//", "//" },
    { "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1", "/", "/" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("%s\r\nHost: host.example:80\r\n\r\n", cases[i].line);
      VmpHttpHead head;
      gsize head_len;

      g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
      assert_slice (head.target, cases[i].target);
      assert_slice (head.path, cases[i].path);
    }
}

static void
test_versions_and_keep_alive (void)
{
  static const struct {
    const char *rest;
    int minor_version;
    gboolean keep_alive;
  } cases[] = {
    { "1.1\r\nHost: a\r\n", 1, TRUE },
    { "1.1\r\nHost: a\r\nConnection: keep-alive\r\n", 1, TRUE },
    { "1.1\r\nHost: a\r\nConnection: close\r\n", 1, FALSE },
    { "1.1\r\nHost: a\r\nConnection: Close\r\n", 1, FALSE },
    { "1.1\r\nHost: a\r\nconnection: TE,\t CLOSE ,upgrade\r\n", 1, FALSE },
    { "1.1\r\nHost: a\r\nConnection: upgrade\r\nX: 1\r\nConnection: close\r\n", 1, FALSE },
    { "1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n", 1, FALSE },
    { "1.1\r\nHost: a\r\nConnection: disclose, close-not, clos\r\n", 1, TRUE },
    { "1.1\r\nHost: a\r\nConnection:\r\n", 1, TRUE },
    { "1.1\r\nHost: a\r\nX-Connection: close\r\n", 1, TRUE },
    { "1.0\r\n", 0, FALSE },
    { "1.0\r\nConnection: keep-alive\r\n", 0, TRUE },
    { "1.0\r\nConnection: x\r\nConnection: y , Keep-Alive\r\n", 0, TRUE },
    { "1.0\r\nConnection: keep-alive, close\r\n", 0, FALSE },
    { "1.0\r\nHost: a\r\nKeep-Alive: 300\r\n", 0, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("GET / HTTP/%s\r\n", cases[i].rest);
      VmpHttpHead head;
      gsize head_len;

      g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
      g_assert_cmpint (head.minor_version, ==, cases[i].minor_version);
      g_assert_cmpint (head.keep_alive, ==, cases[i].keep_alive);
    }
}

static void
test_framing (void)
{
  static const struct {
    const char *fields;
    VmpBodyFraming framing;
    gboolean has_content_length;
    guint64 content_length;
  } cases[] = {
    { "", VMP_BODY_NONE, FALSE, 0 },
    { "Content-Length: 0\r\n", VMP_BODY_NONE, TRUE, 0 },
    { "Content-Length: 000\r\n", VMP_BODY_NONE, TRUE, 0 },
    { "Content-Length: 1\r\n", VMP_BODY_LENGTH, TRUE, 1 },
    { "content-LENGTH:\t0042 \r\n", VMP_BODY_LENGTH, TRUE, 42 },
    { "Content-Length: 9999999999999999999\r\n", VMP_BODY_LENGTH, TRUE, G_GUINT64_CONSTANT (9999999999999999999) },
    { "Transfer-Encoding: chunked\r\n", VMP_BODY_CHUNKED, FALSE, 0 },
    { "transfer-encoding:\tCHUNKED\t \r\n", VMP_BODY_CHUNKED, FALSE, 0 },
    { "X-Content-Length: 5\r\nX-Transfer-Encoding: gzip\r\n", VMP_BODY_NONE, FALSE, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("PUT / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
      VmpHttpHead head;
      gsize head_len;

      memset (&head, 0xff, sizeof head);
      g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
      g_assert_cmpint (head.framing, ==, cases[i].framing);
      g_assert_cmpint (head.has_content_length, ==, cases[i].has_content_length);
      g_assert_cmpuint (head.content_length, ==, cases[i].content_length);
    }
}

static void
test_expectations (void)
{
  static const struct {
    const char *head;
    gboolean expect_continue;
  } cases[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", FALSE },
    { "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", TRUE },
    { "GET / HTTP/1.1\r\nHost: a\r\nexpect: 100-Continue \r\nExpect: 100-continue\r\n\r\n", TRUE },
    { "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpHttpHead head;
      gsize head_len;

      g_assert_cmpint (parse (cases[i].head, strlen (cases[i].head), &head, &head_len), ==, VMP_HEAD_OK);
      g_assert_cmpint (head.expect_continue, ==, cases[i].expect_continue);
    }
}

static void
test_good_hosts (void)
{
  static const char * const hosts[] = {
    "localhost", "localhost:7777", "LOCALHOST", "127.0.0.1", "127.0.0.1:1", "my-pc.local:65535", "a.b.c.",
    "under_score", "x%41y", "a!$&'()*+,;=~z", "[::1]", "[::1]:7777", "[::]", "[fe80::1:2:3:4]", "[::ffff:192.0.2.1]:80",
    "[1111:2222:3333:4444:5555:6666:7777:8888]", "[ABCD:EF01::]", "0", "host:00080",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autofree char *text = g_strdup_printf ("GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
      VmpHttpHead head;
      gsize head_len;

      if (parse (text, strlen (text), &head, &head_len) != VMP_HEAD_OK)
        g_error ("refused: %s", hosts[i]);
      assert_slice (head.host, hosts[i]);
    }
}

static void
test_http_1_0_without_host (void)
{
  static const char text[] = "GET / HTTP/1.0\r\n\r\n";
  VmpHttpHead head;
  gsize head_len;

  g_assert_cmpint (parse (text, strlen (text), &head, &head_len), ==, VMP_HEAD_OK);
  g_assert_null (head.host.data);
  g_assert_cmpuint (head.host.len, ==, 0);
  g_assert_cmpuint (head.n_fields, ==, 0);
}

/* -- Bad heads --------------------------------------------------------------------------------------------- */

typedef struct {
  const char *text;
  VmpHeadFault fault;
} BadHead;

static void
assert_faults (const BadHead *heads,
               gsize          n_heads)
{
  for (gsize i = 0; i < n_heads; i++)
    assert_fault (heads[i].text, strlen (heads[i].text), heads[i].fault);
}

static void
test_bad_request_lines (void)
{
  static const BadHead heads[] = {
    { "GET\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "GET /\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "GET \r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "GET / \r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "GET / http/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "GET / ICY/1.0\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_REQUEST_LINE },
    { "HTTP/1.1 200 OK\r\n\r\n", VMP_HEAD_BAD_METHOD },

    { "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_METHOD },
    { " GET / HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_METHOD },
    { "G\xc3\x89T / HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_METHOD },
    { "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_METHOD },
    { "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_METHOD },
    { "{\"model\":\"m\"}", VMP_HEAD_BAD_METHOD },
    { "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_METHOD },

    { "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET  HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET a HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET http:/a/ HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },
    { "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_TARGET },

    { "GET / HTTP/1.2\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_VERSION },
    { "GET / HTTP/0.9\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_VERSION },
    { "GET / HTTP/2\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_VERSION },
    { "GET / HTTP/1.10\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_VERSION },
    { "GET / HTTP/\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_VERSION },
    { "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_VERSION },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VMP_HEAD_BAD_VERSION },
  };

  assert_faults (heads, G_N_ELEMENTS (heads));
}

static void
test_bad_fields (void)
{
  static const BadHead heads[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\nX\t: 1\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: 1\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\nX(Y): 1\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\n\"X\": 1\r\n\r\n", VMP_HEAD_BAD_FIELD },
    /* folded lines */
    { "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2: 3\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\n Host: a\r\n\r\n", VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", VMP_HEAD_BAD_FIELD },
  };

  assert_faults (heads, G_N_ELEMENTS (heads));
}

/* Every control character, in every part of a head. */
static void
test_bad_bytes (void)
{
  static const char * const parts[] = {
    "GET /", " HTTP/1.1\r\nHost: a\r\nX-Ten-Bytes: ", "1234567", "\r\n\r\n"
  };

  for (int byte = 0; byte <= 0x7f; byte++)
    {
      if ((byte >= 0x20 && byte < 0x7f) || byte == '\t')
        continue;

      for (gsize place = 1; place < G_N_ELEMENTS (parts); place++)
        {
          g_autoptr (GString) text = g_string_new (NULL);

          for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
            {
              if (i == place)
                g_string_append_c (text, (char) byte);
              g_string_append (text, parts[i]);
            }

          /* A CR before a CR LF is as bare as any. */
          assert_fault (text->str, text->len, VMP_HEAD_BAD_BYTE);
        }
    }
}

static void
test_bad_line_ends (void)
{
  static const BadHead heads[] = {
    { "GET / HTTP/1.1\nHost: a\n\n", VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\r\nHost: a\n\r\n", VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\r\nHost: a\r\n\n", VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\r\nHost: a\r\r\n", VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\rHost: a\r\r", VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\r\nHost: a\r\n\rX: 1\r\n\r\n", VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", VMP_HEAD_BAD_BYTE },
  };

  assert_faults (heads, G_N_ELEMENTS (heads));
}

static void
test_bad_hosts (void)
{
  static const char * const hosts[] = {
    "", "a b", "a,b c", "user@a", "user:pw@a", "http://a", "a/", "a/b", "a?b", "a#b",
    "a:", "a:x", "a:65536", "a:123456", "a:4294967376", "a:80:80", "a:-1", "a:+1", ":80",
    "[", "[]", "[::1", "::1", "[::1]x", "[::1]:", "[::1]:x", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[127.0.0.1]", "[a]",
    "[:]", "[1:2:3]", "[1:2:3:4:5:6:7:8:9]", "[12345::]", "[::1::]", "[v1.x]", "[::1][::1]", "a[::1]",
    "a%", "a%4", "a%4g", "\"a\"", "<a>", "a\\b", "a^", "{a}", "a|b", "caf\xc3\xa9",
    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222]",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autofree char *text = g_strdup_printf ("GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);

      assert_fault (text, strlen (text), VMP_HEAD_BAD_HOST);
    }
}

static void
test_one_host (void)
{
  static const BadHead heads[] = {
    { "GET / HTTP/1.1\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nhOST: a\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET / HTTP/1.0\r\nHost:\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://a/ HTTP/1.1\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://a/ HTTP/1.0\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n", VMP_HEAD_BAD_HOST },
    { "GET http://a?b/ HTTP/1.1\r\nHost: a\r\n\r\n", VMP_HEAD_BAD_HOST },
  };

  assert_faults (heads, G_N_ELEMENTS (heads));
}

static void
test_smuggling (void)
{
  static const struct {
    const char *fields;
    VmpHeadFault fault;
  } cases[] = {
    /* both lengths, in either order, good or not */
    { "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", VMP_HEAD_LENGTH_AND_CODING },
    { "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", VMP_HEAD_LENGTH_AND_CODING },
    { "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", VMP_HEAD_LENGTH_AND_CODING },
    { "Transfer-Encoding: chunked\r\nContent-Length: x\r\n", VMP_HEAD_LENGTH_AND_CODING },
    { "Transfer-Encoding: chunked\r\nContent-Length: 0\r\nContent-Length: 5\r\n", VMP_HEAD_LENGTH_AND_CODING },
    /* codings that one reader takes for chunked and another does not */
    { "Transfer-Encoding: chunked, identity\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: identity, chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: gzip, chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunked, chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunked,\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: ,chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: xchunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunkedx\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunke\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: \"chunked\"\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunked;q=1\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunked\xa0\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: \xc2\xa0" "chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding:\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: identity\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding: cow\r\nTransfer-encoding: chunked\r\n", VMP_HEAD_BAD_CODING },
    { "Transfer-Encoding : chunked\r\n", VMP_HEAD_BAD_FIELD },
    { "Transfer-Encoding\t: chunked\r\n", VMP_HEAD_BAD_FIELD },
    { " Transfer-Encoding: chunked\r\n", VMP_HEAD_BAD_FIELD },
    { "Transfer-Encoding:\r\n chunked\r\n", VMP_HEAD_BAD_FIELD },
    { "X: 1\r\n\tTransfer-Encoding: chunked\r\n", VMP_HEAD_BAD_FIELD },
    { "Transfer-Encoding:\x0b" "chunked\r\n", VMP_HEAD_BAD_BYTE },
    { "Transfer-Encoding: chunked\x0c\r\n", VMP_HEAD_BAD_BYTE },
    { "X: 1\nTransfer-Encoding: chunked\r\n", VMP_HEAD_BAD_BYTE },
    { "X: 1\rTransfer-Encoding: chunked\r\n", VMP_HEAD_BAD_BYTE },
    /* lengths that readers read differently */
    { "Content-Length: 5\r\nContent-Length: 6\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 5\r\nContent-Length: 5\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 5, 5\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 5,\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: +5\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: -5\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 0x5\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 5a\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 5 6\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 5.0\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 1e3\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: \"5\"\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length:\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 10000000000000000000\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 00000000000000000005\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length: 18446744073709551621\r\n", VMP_HEAD_BAD_LENGTH },
    { "Content-Length : 5\r\n", VMP_HEAD_BAD_FIELD },
    { "Content-Length: 5\r\n 6\r\n", VMP_HEAD_BAD_FIELD },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);

      assert_fault (text, strlen (text), cases[i].fault);
    }
}

static void
test_coding_needs_http_1_1 (void)
{
  static const char text[] = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";

  assert_fault (text, strlen (text), VMP_HEAD_BAD_CODING);
}

static void
test_bad_expectations (void)
{
  static const BadHead heads[] = {
    { "PUT / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", VMP_HEAD_BAD_EXPECTATION },
    { "PUT / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", VMP_HEAD_BAD_EXPECTATION },
    { "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, 100-continue\r\n\r\n", VMP_HEAD_BAD_EXPECTATION },
    { "PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nExpect: 100-continue\r\n\r\n", VMP_HEAD_BAD_EXPECTATION },
    { "PUT / HTTP/1.0\r\nExpect: tea\r\n\r\n", VMP_HEAD_BAD_EXPECTATION },
  };

  assert_faults (heads, G_N_ELEMENTS (heads));
}

/* -- Limits ------------------------------------------------------------------------------------------------ */

/* A head of exactly @len bytes. */
static GString *
head_of (gsize len)
{
  GString *text = g_string_new ("GET / HTTP/1.1\r\nHost: a\r\nX: ");

  while (text->len < len - 4)
    g_string_append_c (text, 'x');
  g_string_append (text, "\r\n\r\n");

  return text;
}

static void
test_limit_of_bytes (void)
{
  for (gsize len = VMP_LIMIT_HEAD_BYTES - 5; len <= VMP_LIMIT_HEAD_BYTES + 5; len++)
    {
      g_autoptr (GString) text = head_of (len);

      assert_fault (text->str, len, len <= VMP_LIMIT_HEAD_BYTES ? VMP_HEAD_OK : VMP_HEAD_TOO_LARGE);
    }
}

/* It is not waited for what cannot come any more. */
static void
test_limit_of_bytes_without_end (void)
{
  g_autoptr (GString) text = head_of (2 * VMP_LIMIT_HEAD_BYTES);
  VmpHttpHead head;
  gsize head_len, fed;

  g_assert_cmpint (parse (text->str, VMP_LIMIT_HEAD_BYTES - 1, &head, &head_len), ==, VMP_HEAD_INCOMPLETE);
  g_assert_cmpint (parse (text->str, VMP_LIMIT_HEAD_BYTES, &head, &head_len), ==, VMP_HEAD_TOO_LARGE);
  g_assert_cmpint (parse_bytewise (text->str, text->len, &head, &head_len, &fed), ==, VMP_HEAD_TOO_LARGE);
  g_assert_cmpuint (fed, ==, VMP_LIMIT_HEAD_BYTES);
}

static void
test_limit_of_fields (void)
{
  for (guint n = VMP_LIMIT_HEAD_FIELDS - 1; n <= VMP_LIMIT_HEAD_FIELDS + 1; n++)
    {
      g_autoptr (GString) text = g_string_new ("GET / HTTP/1.1\r\nHost: a\r\n");

      for (guint i = 1; i < n; i++)
        g_string_append_printf (text, "x%u: %u\r\n", i, i);
      g_string_append (text, "\r\n");
      assert_fault (text->str, text->len, n <= VMP_LIMIT_HEAD_FIELDS ? VMP_HEAD_OK : VMP_HEAD_TOO_LARGE);
    }
}

static void
test_limit_of_method (void)
{
  for (gsize len = VMP_LIMIT_METHOD_BYTES - 1; len <= VMP_LIMIT_METHOD_BYTES + 1; len++)
    {
      g_autofree char *method = g_strnfill (len, 'M');
      g_autofree char *text = g_strdup_printf ("%s / HTTP/1.1\r\nHost: a\r\n\r\n", method);

      assert_fault (text, strlen (text), len <= VMP_LIMIT_METHOD_BYTES ? VMP_HEAD_OK : VMP_HEAD_BAD_METHOD);
    }
}

/* -- How the bytes arrive ---------------------------------------------------------------------------------- */

static const char * const good_heads[] = {
  CLIENT_HEAD,
  "GET / HTTP/1.0\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: [::1]:7777\r\n\r\n",
  "PUT http://a.b/%20 HTTP/1.1\r\nA: 1\r\nHost: A.B\r\nTransfer-Encoding: Chunked\r\nExpect: 100-continue\r\n\r\n",
  "DELETE /v1/files/f HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX:\r\nY: \xc3\xa9\t\t \r\n\r\n",
};

static void
assert_same_slice (VmpSlice a,
                   VmpSlice b)
{
  g_assert_cmpmem (a.data, a.len, b.data, b.len);
}

static void
assert_same_head (const VmpHttpHead *a,
                  const VmpHttpHead *b)
{
  assert_same_slice (a->method, b->method);
  assert_same_slice (a->target, b->target);
  assert_same_slice (a->path, b->path);
  assert_same_slice (a->host, b->host);
  g_assert_cmpint (a->minor_version, ==, b->minor_version);
  g_assert_cmpint (a->keep_alive, ==, b->keep_alive);
  g_assert_cmpint (a->expect_continue, ==, b->expect_continue);
  g_assert_cmpint (a->has_content_length, ==, b->has_content_length);
  g_assert_cmpint (a->framing, ==, b->framing);
  g_assert_cmpuint (a->content_length, ==, b->content_length);
  g_assert_cmpuint (a->n_fields, ==, b->n_fields);
  for (guint i = 0; i < a->n_fields; i++)
    {
      assert_same_slice (a->fields[i].name, b->fields[i].name);
      assert_same_slice (a->fields[i].value, b->fields[i].value);
    }
}

static void
test_incomplete_until_the_last_byte (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good_heads); i++)
    {
      const char *text = good_heads[i];
      gsize len = strlen (text);
      VmpHttpHead whole, stepwise;
      gsize whole_len, stepwise_len, fed;

      g_assert_cmpint (parse (text, len, &whole, &whole_len), ==, VMP_HEAD_OK);
      g_assert_cmpuint (whole_len, ==, len);
      g_assert_cmpint (parse_bytewise (text, len, &stepwise, &stepwise_len, &fed), ==, VMP_HEAD_OK);
      g_assert_cmpuint (fed, ==, len);
      g_assert_cmpuint (stepwise_len, ==, len);
      assert_same_head (&whole, &stepwise);

      for (gsize cut = 0; cut < len; cut++)
        g_assert_cmpint (parse (text, cut, &whole, &whole_len), ==, VMP_HEAD_INCOMPLETE);
    }
}

static void
test_every_cut_in_two (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good_heads); i++)
    {
      g_autofree char *text = g_strconcat (good_heads[i], "GET /next HTTP/1.1\r\n", NULL);
      gsize len = strlen (good_heads[i]);

      for (gsize cut = 0; cut < len; cut++)
        {
          VmpHttpHead whole, pieces;
          gsize whole_len, pieces_len;
          gsize scanned = 0;

          g_assert_cmpint (vmp_http_head_parse (text, cut, &scanned, &pieces, &pieces_len), ==, VMP_HEAD_INCOMPLETE);
          g_assert_cmpuint (scanned, ==, cut);
          g_assert_cmpint (vmp_http_head_parse (text, strlen (text), &scanned, &pieces, &pieces_len), ==, VMP_HEAD_OK);
          g_assert_cmpint (parse (text, strlen (text), &whole, &whole_len), ==, VMP_HEAD_OK);
          g_assert_cmpuint (pieces_len, ==, len);
          g_assert_cmpuint (whole_len, ==, len);
          assert_same_head (&whole, &pieces);
        }
    }
}

/* How many bytes it takes until something is refused. */
static void
test_refuses_early (void)
{
  static const struct {
    const char *text;
    gsize bytes;
    VmpHeadFault fault;
  } cases[] = {
    { "\x16\x03\x01\x02", 1, VMP_HEAD_BAD_METHOD },          /* a TLS hello */
    { "\x05\x01", 1, VMP_HEAD_BAD_METHOD },                  /* SOCKS */
    { "\x80\x2e\x01", 1, VMP_HEAD_BAD_METHOD },              /* SSL 2 */
    { "\r\nGET", 1, VMP_HEAD_BAD_METHOD },
    { "GE\x01", 3, VMP_HEAD_BAD_METHOD },
    { "GET /\x01", 6, VMP_HEAD_BAD_BYTE },
    { "GET /\rX", 7, VMP_HEAD_BAD_BYTE },
    { "GET /\n", 6, VMP_HEAD_BAD_BYTE },
    { "GET /\r\nX", 7, VMP_HEAD_BAD_REQUEST_LINE },
    { "GET / HTTP/3.0\r\nHost", 16, VMP_HEAD_BAD_VERSION },
    { "GET a HTTP/1.1\r\nHost", 16, VMP_HEAD_BAD_TARGET },
    { "GET / HTTP/1.1\r\n X: 1\r\nHost", 23, VMP_HEAD_BAD_FIELD },
    { "GET / HTTP/1.1\r\n\rX", 18, VMP_HEAD_BAD_BYTE },
    { "GET / HTTP/1.1\r\nHost: a\x7f", 24, VMP_HEAD_BAD_BYTE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpHttpHead head;
      gsize head_len, fed;
      VmpHeadFault fault = parse_bytewise (cases[i].text, strlen (cases[i].text), &head, &head_len, &fed);

      g_assert_cmpint (fault, ==, cases[i].fault);
      g_assert_cmpuint (fed, ==, cases[i].bytes);
    }

  /* A NUL needs a length. */
  assert_fault ("GET /\0", 6, VMP_HEAD_BAD_BYTE);
  assert_fault ("\0", 1, VMP_HEAD_BAD_METHOD);
}

/* Heads with one byte changed get one verdict, whether they come at once or byte by byte. */
static void
test_damaged_heads (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good_heads); i++)
    {
      gsize len = strlen (good_heads[i]);
      g_autofree char *text = g_strdup (good_heads[i]);

      for (gsize at = 0; at < len; at++)
        {
          for (int byte = 0; byte < 256; byte++)
            {
              VmpHttpHead whole, stepwise;
              gsize whole_len, stepwise_len, fed;
              VmpHeadFault fault;

              text[at] = (char) byte;
              fault = parse (text, len, &whole, &whole_len);
              g_assert_cmpint (parse_bytewise (text, len, &stepwise, &stepwise_len, &fed), ==, fault);
              if (fault == VMP_HEAD_OK)
                {
                  g_assert_cmpuint (whole_len, ==, stepwise_len);
                  assert_same_head (&whole, &stepwise);
                }
            }
          text[at] = good_heads[i][at];
        }
    }
}

/* -- Faults ------------------------------------------------------------------------------------------------ */

static void
test_statuses (void)
{
  static const struct {
    VmpHeadFault fault;
    guint status;
  } cases[] = {
    { VMP_HEAD_INCOMPLETE, 400 }, { VMP_HEAD_BAD_REQUEST_LINE, 400 }, { VMP_HEAD_BAD_METHOD, 400 },
    { VMP_HEAD_BAD_TARGET, 400 }, { VMP_HEAD_BAD_VERSION, 505 }, { VMP_HEAD_BAD_FIELD, 400 },
    { VMP_HEAD_BAD_BYTE, 400 }, { VMP_HEAD_BAD_HOST, 400 }, { VMP_HEAD_BAD_LENGTH, 400 },
    { VMP_HEAD_BAD_CODING, 501 }, { VMP_HEAD_LENGTH_AND_CODING, 400 }, { VMP_HEAD_BAD_EXPECTATION, 417 },
    { VMP_HEAD_TOO_LARGE, 431 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *message = vmp_head_fault_message (cases[i].fault);

      g_assert_cmpuint (vmp_head_fault_status (cases[i].fault), ==, cases[i].status);
      g_assert_true (g_str_has_prefix (message, "The request"));
      g_assert_true (g_str_has_suffix (message, "."));
    }
}

/* A typical head, many times: with `-m perf`, it prints how long one takes. */
static void
test_speed (void)
{
  const int rounds = 1000 * 1000;
  double seconds;

  g_test_timer_start ();
  for (int i = 0; i < rounds; i++)
    {
      VmpHttpHead head;
      gsize head_len, scanned = 0;

      if (vmp_http_head_parse (CLIENT_HEAD, strlen (CLIENT_HEAD), &scanned, &head, &head_len) != VMP_HEAD_OK)
        g_assert_not_reached ();
    }
  seconds = g_test_timer_elapsed ();
  g_test_minimized_result (seconds / rounds * 1e9, "%.0f ns for a head of %" G_GSIZE_FORMAT " bytes and 10 fields",
                           seconds / rounds * 1e9, strlen (CLIENT_HEAD));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/http-head/good/whole", test_reads_a_head);
  g_test_add_func ("/http-head/good/look-up", test_looks_up_fields);
  g_test_add_func ("/http-head/good/values-are-trimmed", test_trims_values);
  g_test_add_func ("/http-head/good/targets", test_targets);
  g_test_add_func ("/http-head/good/keep-alive", test_versions_and_keep_alive);
  g_test_add_func ("/http-head/good/framing", test_framing);
  g_test_add_func ("/http-head/good/expectations", test_expectations);
  g_test_add_func ("/http-head/good/hosts", test_good_hosts);
  g_test_add_func ("/http-head/good/http-1.0-without-host", test_http_1_0_without_host);
  g_test_add_func ("/http-head/bad/request-lines", test_bad_request_lines);
  g_test_add_func ("/http-head/bad/fields", test_bad_fields);
  g_test_add_func ("/http-head/bad/bytes", test_bad_bytes);
  g_test_add_func ("/http-head/bad/line-ends", test_bad_line_ends);
  g_test_add_func ("/http-head/bad/hosts", test_bad_hosts);
  g_test_add_func ("/http-head/bad/not-one-host", test_one_host);
  g_test_add_func ("/http-head/bad/smuggling", test_smuggling);
  g_test_add_func ("/http-head/bad/coding-in-http-1.0", test_coding_needs_http_1_1);
  g_test_add_func ("/http-head/bad/expectations", test_bad_expectations);
  g_test_add_func ("/http-head/limits/bytes", test_limit_of_bytes);
  g_test_add_func ("/http-head/limits/bytes-without-end", test_limit_of_bytes_without_end);
  g_test_add_func ("/http-head/limits/fields", test_limit_of_fields);
  g_test_add_func ("/http-head/limits/method", test_limit_of_method);
  g_test_add_func ("/http-head/arrival/incomplete-until-the-last-byte", test_incomplete_until_the_last_byte);
  g_test_add_func ("/http-head/arrival/cut-in-two", test_every_cut_in_two);
  g_test_add_func ("/http-head/arrival/refused-early", test_refuses_early);
  g_test_add_func ("/http-head/arrival/damaged", test_damaged_heads);
  g_test_add_func ("/http-head/faults", test_statuses);
  if (g_test_perf ())
    g_test_add_func ("/http-head/speed", test_speed);

  return g_test_run ();
}

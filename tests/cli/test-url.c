/* SPDX-License-Identifier: MIT
 *
 * Tests of core/vmp-url: base URLs, hosts and origins as people and browsers write them.
 */

#include "core/vmp-url.h"

#include <string.h>

static void
test_accepted (void)
{
  static const struct {
    const char *typed;
    const char *text;
    const char *host;
    guint16 port;
    gboolean tls;
    const char *prefix;
  } cases[] = {
    { "http://localhost:1234", "http://localhost:1234", "localhost", 1234, FALSE, "" },
    { "HTTP://LocalHost:1234/", "http://localhost:1234", "localhost", 1234, FALSE, "" },
    { "http://lab", "http://lab", "lab", 80, FALSE, "" },
    { "http://lab:80", "http://lab", "lab", 80, FALSE, "" },
    { "http://lab:443", "http://lab:443", "lab", 443, FALSE, "" },
    { "https://lab:443/", "https://lab", "lab", 443, TRUE, "" },
    { "https://lab.example.org/lm", "https://lab.example.org/lm", "lab.example.org", 443, TRUE, "/lm" },
    { "http://lab:01234", "http://lab:1234", "lab", 1234, FALSE, "" },
    { "http://my_box.local:1", "http://my_box.local:1", "my_box.local", 1, FALSE, "" },
    { "http://192.168.1.20:65535", "http://192.168.1.20:65535", "192.168.1.20", 65535, FALSE, "" },
    { "http://[::1]:1234", "http://[::1]:1234", "::1", 1234, FALSE, "" },
    { "http://[::1]", "http://[::1]", "::1", 80, FALSE, "" },
    { "http://[FE80:0:0:0:0:0:0:A]:80/x", "http://[fe80::a]/x", "fe80::a", 80, FALSE, "/x" },
    { "http://1.2.3.4.example", "http://1.2.3.4.example", "1.2.3.4.example", 80, FALSE, "" },
    { "http://bücher.example", "http://xn--bcher-kva.example", "xn--bcher-kva.example", 80, FALSE, "" },

    /* The /v1 that clients want is not ours. */
    { "http://localhost:1234/v1", "http://localhost:1234", "localhost", 1234, FALSE, "" },
    { "http://localhost:1234/v1/", "http://localhost:1234", "localhost", 1234, FALSE, "" },
    { "http://localhost:1234//v1///", "http://localhost:1234", "localhost", 1234, FALSE, "" },
    { "http://localhost/lm/v1", "http://localhost/lm", "localhost", 80, FALSE, "/lm" },
    { "http://localhost/v1/v1", "http://localhost", "localhost", 80, FALSE, "" },
    { "http://localhost/xv1", "http://localhost/xv1", "localhost", 80, FALSE, "/xv1" },
    { "http://localhost/v10", "http://localhost/v10", "localhost", 80, FALSE, "/v10" },
    { "http://localhost/V1", "http://localhost/V1", "localhost", 80, FALSE, "/V1" },

    /* Paths keep their case and their escapes. */
    { "http://h/a%20b/~x;y=(1)@z", "http://h/a%20b/~x;y=(1)@z", "h", 80, FALSE, "/a%20b/~x;y=(1)@z" },
    { "http://h/.well-known/...", "http://h/.well-known/...", "h", 80, FALSE, "/.well-known/..." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (cases[i].typed, &error);
      g_autoptr (VmpBaseUrl) again = NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (url->text, ==, cases[i].text);
      g_assert_cmpstr (url->host, ==, cases[i].host);
      g_assert_cmpuint (url->port, ==, cases[i].port);
      g_assert_cmpint (url->tls, ==, cases[i].tls);
      g_assert_cmpstr (url->prefix, ==, cases[i].prefix);

      /* What is normal stays as it is. */
      again = vmp_base_url_parse (url->text, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again->text, ==, url->text);
    }
}

static void
test_refused (void)
{
  static const struct {
    const char *typed;
    GUriError code;
  } cases[] = {
    { "", G_URI_ERROR_BAD_SCHEME },
    { "localhost:1234", G_URI_ERROR_BAD_SCHEME },
    { "ftp://localhost", G_URI_ERROR_BAD_SCHEME },
    { "http:/localhost", G_URI_ERROR_BAD_SCHEME },
    { " http://localhost", G_URI_ERROR_BAD_SCHEME },
    { "file:///etc/passwd", G_URI_ERROR_BAD_SCHEME },

    { "http://", G_URI_ERROR_BAD_HOST },
    { "http:///v1", G_URI_ERROR_BAD_HOST },
    { "http://:1234", G_URI_ERROR_BAD_HOST },
    { "http://a b", G_URI_ERROR_BAD_HOST },
    { "http://a\tb", G_URI_ERROR_BAD_HOST },
    { "http://a\nHost: b", G_URI_ERROR_BAD_PORT },
    { "http://a\n", G_URI_ERROR_BAD_HOST },
    { "http://a%2eb", G_URI_ERROR_BAD_HOST },
    { "http://a\\b", G_URI_ERROR_BAD_HOST },
    { "http://a..b", G_URI_ERROR_BAD_HOST },
    { "http://.a", G_URI_ERROR_BAD_HOST },
    { "http://a.", G_URI_ERROR_BAD_HOST },
    { "http://-a", G_URI_ERROR_BAD_HOST },
    { "http://a-", G_URI_ERROR_BAD_HOST },
    { "http://\377", G_URI_ERROR_BAD_HOST },
    { "http://*", G_URI_ERROR_BAD_HOST },

    /* What some resolvers take for 127.0.0.1. */
    { "http://127.1", G_URI_ERROR_BAD_HOST },
    { "http://2130706433", G_URI_ERROR_BAD_HOST },
    { "http://0x7f000001", G_URI_ERROR_BAD_HOST },
    { "http://0X7F.0x1", G_URI_ERROR_BAD_HOST },
    { "http://127.0.0.1.5", G_URI_ERROR_BAD_HOST },
    { "http://256.0.0.1", G_URI_ERROR_BAD_HOST },

    { "http://::1", G_URI_ERROR_BAD_HOST },
    { "http://::1:1234", G_URI_ERROR_BAD_HOST },
    { "http://[::1", G_URI_ERROR_BAD_HOST },
    { "http://[]", G_URI_ERROR_BAD_HOST },
    { "http://[", G_URI_ERROR_BAD_HOST },
    { "http://[127.0.0.1]", G_URI_ERROR_BAD_HOST },
    { "http://[fe80::1%25eth0]", G_URI_ERROR_BAD_HOST },
    { "http://[::1]1234", G_URI_ERROR_BAD_PORT },

    { "http://a:", G_URI_ERROR_BAD_PORT },
    { "http://a:0", G_URI_ERROR_BAD_PORT },
    { "http://a:65536", G_URI_ERROR_BAD_PORT },
    { "http://a:+1", G_URI_ERROR_BAD_PORT },
    { "http://a: 1", G_URI_ERROR_BAD_PORT },
    { "http://a:1a", G_URI_ERROR_BAD_PORT },
    { "http://a:99999999999999999999", G_URI_ERROR_BAD_PORT },

    { "http://user@a", G_URI_ERROR_BAD_USER },
    { "http://user:password@a:1/x", G_URI_ERROR_BAD_USER },
    { "http://a?x=1", G_URI_ERROR_BAD_QUERY },
    { "http://a/b?", G_URI_ERROR_BAD_QUERY },
    { "http://a#b", G_URI_ERROR_BAD_QUERY },

    { "http://a/b c", G_URI_ERROR_BAD_PATH },
    { "http://a/b\nc", G_URI_ERROR_BAD_PATH },
    { "http://a/b//c", G_URI_ERROR_BAD_PATH },
    { "http://a/..", G_URI_ERROR_BAD_PATH },
    { "http://a/./b", G_URI_ERROR_BAD_PATH },
    { "http://a/b/../c", G_URI_ERROR_BAD_PATH },
    { "http://a/%2E%2e/c", G_URI_ERROR_BAD_PATH },
    { "http://a/.%2e", G_URI_ERROR_BAD_PATH },
    { "http://a/%", G_URI_ERROR_BAD_PATH },
    { "http://a/%2", G_URI_ERROR_BAD_PATH },
    { "http://a/%zz", G_URI_ERROR_BAD_PATH },
    { "http://a/b\\c", G_URI_ERROR_BAD_PATH },
    { "http://a/ä", G_URI_ERROR_BAD_PATH },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      VmpBaseUrl *url = vmp_base_url_parse (cases[i].typed, &error);

      g_assert_null (url);
      g_assert_error (error, G_URI_ERROR, (int) cases[i].code);
      g_assert_true (g_str_has_prefix (error->message, "must "));
    }
}

static void
test_long (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *many = g_strnfill (5000, 'a');
  g_autofree char *label = g_strnfill (64, 'a');
  g_autofree char *labels = g_strdup ("http://");
  g_autofree char *url = g_strconcat ("http://", many, NULL);

  g_assert_null (vmp_base_url_parse (url, &error));
  g_assert_error (error, G_URI_ERROR, G_URI_ERROR_FAILED);
  g_clear_error (&error);

  g_assert_null (vmp_url_normalise_host (label, -1));
  label[63] = '\0';
  g_clear_pointer (&url, g_free);
  url = vmp_url_normalise_host (label, -1);
  g_assert_cmpstr (url, ==, label);

  for (guint i = 0; i < 130; i++)
    {
      char *longer = g_strconcat (labels, i > 0 ? ".a" : "a", NULL);

      g_free (labels);
      labels = longer;
    }
  g_assert_null (vmp_base_url_parse (labels, &error));
  g_assert_error (error, G_URI_ERROR, G_URI_ERROR_BAD_HOST);
}

static void
test_hosts (void)
{
  static const struct {
    const char *text;
    gssize len;
    const char *host;
  } cases[] = {
    { "Vampire.LAN", -1, "vampire.lan" },
    { "vampire.lan:7777", 11, "vampire.lan" },
    { "127.0.0.1", -1, "127.0.0.1" },
    { "::1", -1, "::1" },
    { "[::1]", -1, "::1" },
    { "[::0001]", -1, "::1" },
    { "::FFFF:127.0.0.1", -1, "::ffff:127.0.0.1" },
    { "a\0b", 3, NULL },
    { "", -1, NULL },
    { "x", 0, NULL },
    { "[x]", -1, NULL },
    { "vampire.lan:7777", -1, NULL },
    { "*.lan", -1, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *host = vmp_url_normalise_host (cases[i].text, cases[i].len);

      g_assert_cmpstr (host, ==, cases[i].host);
    }
}

static void
test_origins (void)
{
  static const struct {
    const char *text;
    const char *origin;
  } cases[] = {
    { "http://localhost:3000", "http://localhost:3000" },
    { "HTTP://LocalHost:3000/", "http://localhost:3000" },
    { "http://localhost:80", "http://localhost" },
    { "https://chat.example.org:443", "https://chat.example.org" },
    { "http://[::1]:5173", "http://[::1]:5173" },
    { "app://obsidian.md", "app://obsidian.md" },
    { "tauri://localhost", "tauri://localhost" },
    { "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop" },
    { "", NULL },
    { "*", NULL },
    { "null", NULL },
    { "localhost:3000", NULL },
    { "http://", NULL },
    { "://localhost", NULL },
    { "1http://localhost", NULL },
    { "ht tp://localhost", NULL },
    { "http://localhost/path", NULL },
    { "http://localhost//", NULL },
    { "http://user@localhost", NULL },
    { "http://localhost?x", NULL },
    { "http://*.example.org", NULL },
    { "http://localhost:99999", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *origin = vmp_url_normalise_origin (cases[i].text);

      g_assert_cmpstr (origin, ==, cases[i].origin);
    }
}

/* Whatever was accepted holds only bytes that may stand in a request line, and stays as it is. */
static void
test_random (void)
{
  static const char * const pieces[] = {
    "http://", "https://", "a", "localhost", "[::1]", "127.0.0.1", ":", "1234", "/", "/v1", "..", "%2e", "@", "?", "#",
    " ", "\n", "\\", "\303\274", "\377", "[", "]", ".", "-", "0x7f"
  };
  guint n_accepted = 0;

  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GString) text = g_string_new (g_test_rand_bit () ? "http://" : NULL);
      g_autoptr (VmpBaseUrl) url = NULL;
      g_autoptr (VmpBaseUrl) again = NULL;

      for (int n = g_test_rand_int_range (1, 8); n > 0; n--)
        g_string_append (text, pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))]);

      url = vmp_base_url_parse (text->str, NULL);
      if (url == NULL)
        continue;

      n_accepted++;
      for (const char *c = url->text; *c != '\0'; c++)
        g_assert_true (g_ascii_isgraph (*c) && strchr ("?#\\", *c) == NULL);
      g_assert_cmpuint (url->port, !=, 0);
      g_assert_true (*url->prefix == '\0' || *url->prefix == '/');
      again = vmp_base_url_parse (url->text, NULL);
      g_assert_nonnull (again);
      g_assert_cmpstr (again->text, ==, url->text);
    }

  g_assert_cmpuint (n_accepted, >, 100);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/url/base/accepted", test_accepted);
  g_test_add_func ("/url/base/refused", test_refused);
  g_test_add_func ("/url/base/long", test_long);
  g_test_add_func ("/url/base/random", test_random);
  g_test_add_func ("/url/hosts", test_hosts);
  g_test_add_func ("/url/origins", test_origins);

  return g_test_run ();
}

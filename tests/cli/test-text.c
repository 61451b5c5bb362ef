/* SPDX-License-Identifier: MIT
 *
 * Tests of core/vmp-text: what may be shown, and what a misspelt word was meant to be.
 */

#include "core/vmp-text.h"

#include <string.h>

static void
test_plain (void)
{
  static const gunichar plain[] = { ' ', 'a', '~', 0xa0, 0xe4, 0x4f60, 0x200d, 0x200c, 0x1f389 };
  static const gunichar hostile[] = {
    0, '\t', '\n', '\r', 0x1b, 0x7f, 0x85, 0x9b,
    0x061c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff, 0xe0001, 0xe0041
  };

  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    g_assert_true (vmp_text_is_plain (plain[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++)
    g_assert_false (vmp_text_is_plain (hostile[i]));
}

static void
test_next (void)
{
  static const struct {
    const char *bytes;
    gsize len;
    gunichar c;
    gsize used;
  } cases[] = {
    { "a", 1, 'a', 1 },
    { "\0b", 2, 0, 1 },
    { "\303\244", 2, 0xe4, 2 },
    { "\360\237\216\211x", 5, 0x1f389, 4 },
    { "\303", 1, (gunichar) -1, 1 },          /* cut */
    { "\360\237\216", 3, (gunichar) -1, 1 },  /* cut */
    { "\303\0", 2, (gunichar) -1, 1 },        /* cut by a NUL */
    { "\200", 1, (gunichar) -1, 1 },          /* no beginning */
    { "\300\200", 2, (gunichar) -1, 1 },      /* NUL, overlong */
    { "\355\240\200", 3, (gunichar) -1, 1 },  /* a surrogate */
    { "\364\220\200\200", 4, (gunichar) -1, 1 }, /* past U+10FFFF */
    { "\377", 1, (gunichar) -1, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gunichar c;
      const char *next = vmp_text_next (cases[i].bytes, cases[i].bytes + cases[i].len, &c);

      g_assert_cmphex (c, ==, cases[i].c);
      g_assert_cmpuint (next - cases[i].bytes, ==, cases[i].used);
    }
}

static void
assert_display (const char *text,
                gsize       max_chars,
                const char *expected)
{
  g_autofree char *shown = vmp_text_display (text, max_chars);

  g_assert_cmpstr (shown, ==, expected);
}

static void
test_display (void)
{
  assert_display ("", 10, "");
  assert_display ("Bären 🎉", 10, "Bären 🎉");
  assert_display ("a\nb\033[31m\177", 20, "a\357\277\275b\357\277\275[31m\357\277\275");
  assert_display ("user\342\200\256txt.exe", 20, "user\357\277\275txt.exe");
  assert_display ("\377\303", 20, "\357\277\275\357\277\275");
  assert_display ("äöüß", 4, "äöüß");
  assert_display ("äöüß", 3, "äöü…");
  assert_display ("a", 0, "…");
}

static void
test_nearest (void)
{
  static const char * const known[] = { "host", "port", "log-level", "log-format", "default-base-url", NULL };
  static const struct {
    const char *word;
    const char *nearest;
  } cases[] = {
    { "port", "port" },
    { "prot", "port" },   /* swapped */
    { "por", "port" },    /* missing */
    { "porrt", "port" },  /* too many */
    { "bort", "port" },   /* wrong */
    { "HOST", "host" },
    { "log_level", "log-level" },
    { "loglevel", "log-level" },
    { "LOG_FROMAT", "log-format" },
    { "base-url", NULL },
    { "default-url", NULL },
    { "default-base-uri", "default-base-url" },
    { "", NULL },
    { "po", NULL },
    { "temperature", NULL },
  };
  g_autofree char *endless = g_strnfill (100000, 'p');

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpstr (vmp_text_nearest (cases[i].word, known), ==, cases[i].nearest);

  g_assert_null (vmp_text_nearest (endless, known));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/text/plain", test_plain);
  g_test_add_func ("/text/next", test_next);
  g_test_add_func ("/text/display", test_display);
  g_test_add_func ("/text/nearest", test_nearest);

  return g_test_run ();
}

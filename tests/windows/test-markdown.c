/* SPDX-License-Identifier: MIT
 *
 * Tests of Markdown as values: what becomes of each kind of block, that nothing a model writes is markup, that links
 * say where they lead, and that what is settled stays as it is however the text goes on.
 */

#include "app/windows/vmp-markdown.h"
#include "core/vmp-limits.h"

#include <string.h>

static GPtrArray *
parse (const char *text)
{
  return vmp_markdown_parse (text, strlen (text));
}

static const VmpMarkdownBlock *
get (GPtrArray *blocks,
     guint      i)
{
  g_assert_cmpuint (i, <, blocks->len);

  return g_ptr_array_index (blocks, i);
}

/* The markup of a text that is one paragraph. */
static void
assert_markup (const char *text,
               const char *expected)
{
  g_autoptr (GPtrArray) blocks = parse (text);

  g_assert_cmpuint (blocks->len, ==, 1);
  g_assert_cmpint (get (blocks, 0)->kind, ==, VMP_MARKDOWN_PARAGRAPH);
  g_assert_cmpstr (get (blocks, 0)->text, ==, expected);
}

static void
test_styles (void)
{
  assert_markup ("a *b* **c** ~~d~~ `e`", "a <i>b</i> <b>c</b> <s>d</s> <tt>e</tt>");
  assert_markup ("***both***", "<i><b>both</b></i>");
  assert_markup ("one\ntwo", "one\ntwo");
}

static void
test_escaped (void)
{
  assert_markup ("<b>x</b> & <a href=\"javascript:1\">y</a>",
                 "&lt;b&gt;x&lt;/b&gt; &amp; &lt;a href=&quot;javascript:1&quot;&gt;y&lt;/a&gt;");
  assert_markup ("`<b>` '", "<tt>&lt;b&gt;</tt> &#39;");
  assert_markup ("&lt;b&gt; &amp; &#60; &#x3c; &nosuch;", "&lt;b&gt; &amp; &lt; &lt; &amp;nosuch;");
}

static void
test_plain_characters (void)
{
  /* A direction override, a control character, a bad byte, half a character. */
  assert_markup ("a\342\200\256b\001c\377d\342\200",
                 "a\357\277\275b\357\277\275c\357\277\275d\357\277\275\357\277\275");
  assert_markup ("&#x202e;x", "\357\277\275x");
}

static void
test_links (void)
{
  assert_markup ("[x](https://example.org/a?b=1&c=\"2\")",
                 "<a href=\"https://example.org/a?b=1&amp;c=&quot;2&quot;\">x</a> "
                 "<span alpha=\"70%\" size=\"smaller\">(example.org)</span>");
  assert_markup ("[x](https://example.org/a?b=1&c=2)",
                 "<a href=\"https://example.org/a?b=1&amp;c=2\">x</a> <span alpha=\"70%\" size=\"smaller\">"
                 "(example.org)</span>");
  assert_markup ("https://example.org/x", "<a href=\"https://example.org/x\">https://example.org/x</a>");
  assert_markup ("![picture](http://example.org/p.png)",
                 "<a href=\"http://example.org/p.png\">picture</a> <span alpha=\"70%\" size=\"smaller\">"
                 "(example.org)</span>");
}

static void
test_bare_links (void)
{
  assert_markup ("See https://a.example/x_y_z?b=1&c=2, ok",
                 "See <a href=\"https://a.example/x_y_z?b=1&amp;c=2\">https://a.example/x_y_z?b=1&amp;c=2</a>, ok");
  assert_markup ("(http://a.example/(b)).", "(<a href=\"http://a.example/(b)\">http://a.example/(b)</a>).");
  assert_markup ("**https://a.example**", "<b><a href=\"https://a.example\">https://a.example</a></b>");
  assert_markup ("<https://a.example>", "<a href=\"https://a.example\">https://a.example</a>");
  assert_markup ("[https://a.example](https://a.example)", "<a href=\"https://a.example\">https://a.example</a>");
  assert_markup ("xhttps://a.example https:// http://? `http://b`",
                 "xhttps://a.example https:// http://? <tt>http://b</tt>");
}

/* What its text says is another place than where it leads to. */
static void
test_misleading_links (void)
{
  assert_markup ("[https://bank.example](https://evil.example/)",
                 "<a href=\"https://evil.example/\">https://bank.example</a> <span alpha=\"70%\" size=\"smaller\">"
                 "(evil.example)</span>");
  assert_markup ("[x](https://b\303\244nk.example/)",
                 "<a href=\"https://b\303\244nk.example/\">x</a> <span alpha=\"70%\" size=\"smaller\">"
                 "(xn--bnk-qla.example)</span>");
}

static void
test_other_schemes (void)
{
  assert_markup ("[x](javascript:alert(1))", "x");
  assert_markup ("[x](file:///etc/passwd)", "x");
  assert_markup ("[x](data:text/html,y)", "x");
  assert_markup ("[x](vampire:approve)", "x");
  assert_markup ("[x](/relative)", "x");
  assert_markup ("[![p](https://a.example/p)](https://b.example/)",
                 "<a href=\"https://b.example/\">p</a> <span alpha=\"70%\" size=\"smaller\">(b.example)</span>");
}

static void
test_code (void)
{
  g_autoptr (GPtrArray) blocks = parse ("```python title=\"x\"\nif a < b:\n    *c*\n\n```\n\n~~~\nplain\n~~~\n");

  g_assert_cmpuint (blocks->len, ==, 2);
  g_assert_cmpint (get (blocks, 0)->kind, ==, VMP_MARKDOWN_CODE);
  g_assert_cmpstr (get (blocks, 0)->language, ==, "python");
  g_assert_cmpstr (get (blocks, 0)->text, ==, "if a < b:\n    *c*\n");
  g_assert_null (get (blocks, 1)->language);
  g_assert_cmpstr (get (blocks, 1)->text, ==, "plain");
}

static void
test_unclosed_code (void)
{
  g_autoptr (GPtrArray) blocks = parse ("```c\nint x;");

  g_assert_cmpuint (blocks->len, ==, 1);
  g_assert_cmpint (get (blocks, 0)->kind, ==, VMP_MARKDOWN_CODE);
  g_assert_cmpstr (get (blocks, 0)->text, ==, "int x;");
}

static void
test_lists (void)
{
  g_autoptr (GPtrArray) blocks = parse ("- one\n  - two\n\n3. three\n4. four\n   more\n\n- [x] done\n- [ ] open\n");

  g_assert_cmpuint (blocks->len, ==, 6);
  g_assert_cmpstr (get (blocks, 0)->marker, ==, "•");
  g_assert_cmpuint (get (blocks, 0)->items, ==, 1);
  g_assert_cmpstr (get (blocks, 1)->text, ==, "two");
  g_assert_cmpuint (get (blocks, 1)->items, ==, 2);
  g_assert_cmpstr (get (blocks, 2)->marker, ==, "3.");
  g_assert_cmpstr (get (blocks, 3)->marker, ==, "4.");
  g_assert_cmpstr (get (blocks, 3)->text, ==, "four\nmore");
  g_assert_cmpstr (get (blocks, 4)->marker, ==, "☑");
  g_assert_cmpstr (get (blocks, 5)->marker, ==, "☐");
}

/* The second paragraph of an item stands under the first. */
static void
test_loose_list (void)
{
  g_autoptr (GPtrArray) blocks = parse ("1. a\n\n   b\n\n   ```\n   c\n   ```\n2. d\n");

  g_assert_cmpuint (blocks->len, ==, 4);
  g_assert_cmpstr (get (blocks, 0)->marker, ==, "1.");
  g_assert_null (get (blocks, 1)->marker);
  g_assert_cmpuint (get (blocks, 1)->items, ==, 1);
  g_assert_cmpint (get (blocks, 2)->kind, ==, VMP_MARKDOWN_CODE);
  g_assert_cmpuint (get (blocks, 2)->items, ==, 1);
  g_assert_cmpstr (get (blocks, 3)->marker, ==, "2.");
}

static void
test_table (void)
{
  g_autoptr (GPtrArray) blocks = parse ("| a | b | c |\n|---|:-:|--:|\n| 1 | *2* | <3> |\n");
  const VmpMarkdownBlock *table = get (blocks, 0);

  g_assert_cmpint (table->kind, ==, VMP_MARKDOWN_TABLE);
  g_assert_cmpuint (table->columns, ==, 3);
  g_assert_cmpuint (table->cells->len, ==, 6);
  g_assert_cmpstr (g_ptr_array_index (table->cells, 0), ==, "a");
  g_assert_cmpstr (g_ptr_array_index (table->cells, 4), ==, "<i>2</i>");
  g_assert_cmpstr (g_ptr_array_index (table->cells, 5), ==, "&lt;3&gt;");
  g_assert_cmpint (table->aligns[0], ==, VMP_MARKDOWN_START);
  g_assert_cmpint (table->aligns[1], ==, VMP_MARKDOWN_CENTER);
  g_assert_cmpint (table->aligns[2], ==, VMP_MARKDOWN_END);
}

static void
test_quotes_and_rest (void)
{
  g_autoptr (GPtrArray) blocks = parse ("# big\n\n> quoted\n>> deeper\n\n---\n\n###### small\n");

  g_assert_cmpuint (blocks->len, ==, 5);
  g_assert_cmpint (get (blocks, 0)->kind, ==, VMP_MARKDOWN_HEADING);
  g_assert_cmpuint (get (blocks, 0)->level, ==, 1);
  g_assert_cmpuint (get (blocks, 1)->quotes, ==, 1);
  g_assert_cmpuint (get (blocks, 2)->quotes, ==, 2);
  g_assert_cmpint (get (blocks, 3)->kind, ==, VMP_MARKDOWN_RULE);
  g_assert_cmpuint (get (blocks, 4)->level, ==, 6);
}

static void
test_depth (void)
{
  g_autoptr (GString) quotes = g_string_new (NULL);
  g_autoptr (GString) stars = g_string_new (NULL);
  g_autoptr (GPtrArray) deep = NULL;
  g_autoptr (GPtrArray) styled = NULL;

  for (guint i = 0; i < 500; i++)
    g_string_append (quotes, "> ");
  g_string_append (quotes, "x");
  deep = parse (quotes->str);
  g_assert_cmpuint (get (deep, 0)->quotes, ==, VMP_LIMIT_MARKDOWN_LEVELS);

  for (guint i = 0; i < 100; i++)
    g_string_append (stars, "*a **b ");
  for (guint i = 0; i < 100; i++)
    g_string_append (stars, "c** d* ");
  styled = parse (stars->str);
  g_assert_cmpuint (styled->len, ==, 1);
  g_assert_cmpuint (strlen (get (styled, 0)->text), <, stars->len + (guint) VMP_LIMIT_MARKDOWN_SPANS * 200);
}

static void
test_plain_text (void)
{
  const char *text = "# A & B\n\n- *x* <y> it's\n\n```\n<z>\n```\n";
  g_autofree char *plain = vmp_markdown_to_plain (text, strlen (text));

  g_assert_cmpstr (plain, ==, "A & B\n• x <y> it's\n<z>");
}

/* -- What is settled ----------------------------------------------------------------------- */

static void
assert_settled (const char *text,
                const char *settled)
{
  g_assert_cmpuint (vmp_markdown_find_settled (text, strlen (text)), ==, strlen (settled));
}

static void
test_settled (void)
{
  assert_settled ("", "");
  assert_settled ("one", "");
  assert_settled ("one\n\n", "");
  assert_settled ("one\n\nt", "one\n\n");
  assert_settled ("one\n\ntwo\n\nthree", "one\n\ntwo\n\n");
  assert_settled ("# h\n\n```\na\n\nb", "# h\n\n");
  assert_settled ("```\na\n\nb\n```\n", "```\na\n\nb\n```\n");
  assert_settled ("```\na\n``` no\n\nb", "");
  assert_settled ("````\n```\n\nb", "");
  /* A list may go on after a blank line, with an item or with more of one. */
  assert_settled ("- a\n\n- b", "");
  assert_settled ("- a\n\n  b", "");
  assert_settled ("1. a\n\n2", "");
  assert_settled ("- a\n\nb", "- a\n\n");
  assert_settled ("- ```\n  a\n\nb", "");
}

/* Parsed in the pieces in which it is settled, a text is the same as in one. */
static void
assert_same_in_pieces (const char *text)
{
  g_autoptr (GPtrArray) whole = parse (text);
  g_autoptr (GPtrArray) pieces = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_markdown_block_free);
  gsize settled = 0;
  gsize len = strlen (text);
  g_autoptr (GPtrArray) rest = NULL;

  for (gsize end = 1; end <= len; end++)
    {
      gsize piece = vmp_markdown_find_settled (text + settled, end - settled);
      g_autoptr (GPtrArray) blocks = vmp_markdown_parse (text + settled, piece);

      settled += piece;
      g_ptr_array_extend_and_steal (pieces, g_steal_pointer (&blocks));
    }
  rest = vmp_markdown_parse (text + settled, len - settled);
  g_ptr_array_extend_and_steal (pieces, g_steal_pointer (&rest));

  g_assert_cmpuint (pieces->len, ==, whole->len);
  for (guint i = 0; i < whole->len; i++)
    g_assert_true (vmp_markdown_block_equal (get (pieces, i), get (whole, i)));
}

static void
test_same_in_pieces (void)
{
  assert_same_in_pieces ("# Title\n\nA *paragraph*\nof two lines.\n\n- a\n- b\n\n  c\n\n      d\n\n1. x\n2. y\n\n"
                         "```c\nint x;\n\n\nint y;\n```\ntext\n\n> quote\n\n> another\n\n"
                         "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
                         "~~~~\n```\n~~~\n\n# no heading\n~~~~\n\nlast\n---\n");
  assert_same_in_pieces ("1. a\n\n   ```\n   b\n\n   c\n   ```\n\n   d\n\n2. e\n\nf\n\n***\n\ng");
}

/* However long, nothing is read in one go but code. */
static void
test_bounded (void)
{
  g_autofree char *word = g_strnfill (100000, 'x');
  g_autofree char *spaces = g_strnfill (100000, ' ');
  gsize settled = vmp_markdown_find_settled (word, 100000);
  g_autoptr (GPtrArray) blocks = NULL;
  GString *code = g_string_new ("```\n");

  g_assert_cmpuint (settled, >, 0);
  g_assert_cmpuint (settled, <=, VMP_LIMIT_MARKDOWN_PIECE_BYTES);
  g_assert_cmpuint (vmp_markdown_find_settled (spaces, 100000), >, 0);

  for (guint i = 0; i < 10000; i++)
    g_string_append (code, "some line\n\n");
  g_assert_cmpuint (vmp_markdown_find_settled (code->str, code->len), ==, 0);
  blocks = vmp_markdown_parse (code->str, code->len);
  g_assert_cmpuint (blocks->len, ==, 1);
  g_string_free (code, TRUE);
}

/* Inputs that parsers have been made to take minutes for. */
static void
test_quick (void)
{
  static const char * const units[] = {
    "*a_ ", "[a](", "![[]()", "<a:", "> - ", "`", "a**b", "[x]: y\n", "|a", "| a |\n", "&#", "[[",
    "](", "\\", "http://a",
    "- - - ", "http://[", "~", "``` ", "<!--", "***", "_*",
  };
  gint64 begin = g_get_monotonic_time ();

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      GString *text = g_string_new ("|a|b|\n|-|-|\n");
      g_autoptr (GPtrArray) blocks = NULL;

      while (text->len < 256 * 1024)
        g_string_append (text, units[i]);
      blocks = vmp_markdown_parse (text->str, text->len);
      g_test_message ("%s: %u blocks, %" G_GINT64_FORMAT " ms", units[i], blocks->len,
                      (g_get_monotonic_time () - begin) / 1000);
      g_string_free (text, TRUE);
    }

  /* Seconds apart from minutes, on any machine and under any sanitizer. */
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 60 * G_USEC_PER_SEC);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/markdown/styles", test_styles);
  g_test_add_func ("/markdown/escaped", test_escaped);
  g_test_add_func ("/markdown/plain-characters", test_plain_characters);
  g_test_add_func ("/markdown/links", test_links);
  g_test_add_func ("/markdown/links/bare", test_bare_links);
  g_test_add_func ("/markdown/links/misleading", test_misleading_links);
  g_test_add_func ("/markdown/links/other-schemes", test_other_schemes);
  g_test_add_func ("/markdown/code", test_code);
  g_test_add_func ("/markdown/code/unclosed", test_unclosed_code);
  g_test_add_func ("/markdown/lists", test_lists);
  g_test_add_func ("/markdown/lists/loose", test_loose_list);
  g_test_add_func ("/markdown/table", test_table);
  g_test_add_func ("/markdown/quotes-and-rest", test_quotes_and_rest);
  g_test_add_func ("/markdown/depth", test_depth);
  g_test_add_func ("/markdown/plain-text", test_plain_text);
  g_test_add_func ("/markdown/settled", test_settled);
  g_test_add_func ("/markdown/settled/same-in-pieces", test_same_in_pieces);
  g_test_add_func ("/markdown/settled/bounded", test_bounded);
  g_test_add_func ("/markdown/quick", test_quick);

  return g_test_run ();
}

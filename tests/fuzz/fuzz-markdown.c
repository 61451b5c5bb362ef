/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of Markdown as the chat shows it. Whatever a model writes, and however it is cut: every markup that comes
 * of it is well formed, of the few elements that are made here, in characters that may be shown, with links to http and
 * https only, and what is settled never shrinks a text to nothing or goes past it.
 */

#include "fuzz.h"

#include <string.h>

#include "app/windows/vmp-markdown.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

static void
start_element_cb (GMarkupParseContext *context,
                  const char          *name,
                  const char         **attribute_names,
                  const char         **attribute_values,
                  gpointer             user_data,
                  GError             **error)
{
  static const char * const elements[] = { "markup", "i", "b", "s", "tt", "a", "span", NULL };
  guint *links = user_data;
  g_autofree char *host = NULL;

  g_assert_true (g_strv_contains (elements, name));
  if (!g_str_equal (name, "a"))
    return;

  /* GtkLabel does not know links within links. */
  g_assert_cmpuint ((*links)++, ==, 0);
  g_assert_cmpstr (attribute_names[0], ==, "href");
  host = vmp_markdown_dup_host (attribute_values[0]);
  g_assert_nonnull (host);
}

static void
end_element_cb (GMarkupParseContext *context,
                const char          *name,
                gpointer             user_data,
                GError             **error)
{
  guint *links = user_data;

  if (g_str_equal (name, "a"))
    (*links)--;
}

static void
check_characters (const char *text)
{
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (; *text != '\0'; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);

      g_assert_true (c == '\n' || c == '\t' || c == 0x200e || c == 0x200f || c == 0x061c || vmp_text_is_plain (c));
    }
}

static void
check_markup (const char *text)
{
  static const GMarkupParser parser = { .start_element = start_element_cb, .end_element = end_element_cb };
  g_autofree char *whole = g_strconcat ("<markup>", text, "</markup>", NULL);
  guint links = 0;
  g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (&parser, 0, &links, NULL);

  check_characters (text);
  g_assert_true (g_markup_parse_context_parse (context, whole, -1, NULL));
  g_assert_true (g_markup_parse_context_end_parse (context, NULL));
}

static void
check_block (const VmpMarkdownBlock *block)
{
  g_assert_cmpuint (block->quotes, <=, VMP_LIMIT_MARKDOWN_LEVELS);
  g_assert_cmpuint (block->items, <=, VMP_LIMIT_MARKDOWN_LEVELS);
  if (block->marker != NULL)
    check_characters (block->marker);

  switch (block->kind)
    {
    case VMP_MARKDOWN_PARAGRAPH:
    case VMP_MARKDOWN_HEADING:
      check_markup (block->text);
      break;

    case VMP_MARKDOWN_CODE:
      check_characters (block->text);
      if (block->language != NULL)
        check_characters (block->language);
      break;

    case VMP_MARKDOWN_TABLE:
      g_assert_cmpuint (block->columns, >, 0);
      g_assert_cmpuint (block->cells->len, <=, VMP_LIMIT_MARKDOWN_CELLS);
      for (guint i = 0; i < block->cells->len; i++)
        check_markup (g_ptr_array_index (block->cells, i));
      break;

    case VMP_MARKDOWN_RULE:
    default:
      g_assert_null (block->text);
    }
}

static void
check (const char *text,
       gsize       len)
{
  g_autoptr (GPtrArray) blocks = vmp_markdown_parse (text, len);
  g_autoptr (GPtrArray) again = vmp_markdown_parse (text, len);
  g_autofree char *plain = vmp_markdown_to_plain (text, len);

  g_assert_cmpuint (blocks->len, ==, again->len);
  for (guint i = 0; i < blocks->len; i++)
    {
      check_block (g_ptr_array_index (blocks, i));
      g_assert_true (vmp_markdown_block_equal (g_ptr_array_index (blocks, i), g_ptr_array_index (again, i)));
    }
  check_characters (plain);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const char *text = (const char *) data;
  FuzzCuts cuts = fuzz_cuts_begin (data, size);
  gsize settled = 0;
  gsize end = 0;

  check (text, size);

  /* As it comes, one piece after the other. */
  while (end < size)
    {
      gsize piece;

      end += fuzz_cuts_next (&cuts, size - end);
      piece = vmp_markdown_find_settled (text + settled, end - settled);
      g_assert_cmpuint (piece, <=, end - settled);
      if (piece > 0)
        check (text + settled, piece);
      settled += piece;
    }

  return 0;
}

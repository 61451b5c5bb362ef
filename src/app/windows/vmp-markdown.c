/* SPDX-License-Identifier: MIT
 *
 * Markdown as values. md4c reads the syntax and calls back; what it says is flattened into blocks here. The one way for
 * text into markup is append_text(), which escapes; tags come from this file alone.
 */

#include "app/windows/vmp-markdown.h"

#include <md4c.h>
#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define REPLACEMENT "\357\277\275"
#define BULLET "•"
#define BOX_EMPTY "☐"
#define BOX_TICKED "☑"

/* Characters of a code block's language that are shown. */
#define LANGUAGE_CHARS 32

/* Bytes behind a text that is parsed. */
#define PADDING 8

/* Bytes of an address that a link may have. */
#define URL_BYTES 2048

typedef struct {
  gboolean is_ordered;
  guint next; /* number of the next item */
} List;

typedef struct {
  GPtrArray *blocks;
  VmpMarkdownBlock *block; /* under way; NULL between two */
  GString *text;           /* its text, or its cell's */
  GArray *lists;           /* of List: those around, also past what is shown */
  guint items;
  guint quotes;
  char *marker;            /* of the item whose first block is still to come */

  guint spans;             /* open ones */
  GPtrArray *closers;      /* of const char *: what closes each of them */
  char *url;               /* of the link that is open; NULL: none is */
  gsize url_at;            /* where its text begins */
  guint url_depth;         /* how many spans were open before it */
} Reader;

/* -- Text ---------------------------------------------------------------------------------- */

/* The marks of direction that scripts need; overrides and isolates are no marks. */
static gboolean
is_direction_mark (gunichar c)
{
  return c == 0x200e || c == 0x200f || c == 0x061c;
}

static gboolean
is_shown (gunichar c)
{
  return c == '\n' || c == '\t' || is_direction_mark (c) || vmp_text_is_plain (c);
}

static void
append_char (GString *out,
             gunichar c,
             gboolean is_markup)
{
  if (!is_shown (c))
    g_string_append (out, REPLACEMENT);
  else if (is_markup && c == '&')
    g_string_append (out, "&amp;");
  else if (is_markup && c == '<')
    g_string_append (out, "&lt;");
  else if (is_markup && c == '>')
    g_string_append (out, "&gt;");
  else if (is_markup && c == '"')
    g_string_append (out, "&quot;");
  else if (is_markup && c == '\'')
    g_string_append (out, "&#39;");
  else
    g_string_append_unichar (out, c);
}

/* The one way for a model's text into what is shown. */
static void
append_text (GString    *out,
             const char *text,
             gsize       len,
             gboolean    is_markup)
{
  const char *end = text + len;

  while (text < end)
    {
      gunichar c;

      text = vmp_text_next (text, end, &c);
      if (c == '\r')
        continue;
      append_char (out, c == (gunichar) -1 ? 0xfffd : c, is_markup);
    }
}

/* Those that models write by name. Others stay as they were written. */
static const struct {
  const char *name;
  gunichar c;
} entities[] = {
  { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' }, { "&nbsp;", 0xa0 },
  { "&copy;", 0xa9 }, { "&reg;", 0xae }, { "&deg;", 0xb0 }, { "&plusmn;", 0xb1 }, { "&middot;", 0xb7 },
  { "&times;", 0xd7 }, { "&divide;", 0xf7 }, { "&ndash;", 0x2013 }, { "&mdash;", 0x2014 }, { "&lsquo;", 0x2018 },
  { "&rsquo;", 0x2019 }, { "&ldquo;", 0x201c }, { "&rdquo;", 0x201d }, { "&bull;", 0x2022 }, { "&hellip;", 0x2026 },
  { "&euro;", 0x20ac }, { "&larr;", 0x2190 }, { "&rarr;", 0x2192 }, { "&le;", 0x2264 }, { "&ge;", 0x2265 },
  { "&ne;", 0x2260 },
};

static void
append_entity (GString    *out,
               const char *text,
               gsize       len,
               gboolean    is_markup)
{
  if (len > 3 && text[1] == '#')
    {
      gboolean is_hex = text[2] == 'x' || text[2] == 'X';
      guint64 value = 0;
      g_autofree char *digits = g_strndup (text + (is_hex ? 3 : 2), len - (is_hex ? 4 : 3));

      if (g_ascii_string_to_unsigned (digits, is_hex ? 16 : 10, 1, 0x10ffff, &value, NULL)
          && g_unichar_validate ((gunichar) value))
        {
          append_char (out, (gunichar) value, is_markup);
          return;
        }
    }

  for (gsize i = 0; i < G_N_ELEMENTS (entities); i++)
    {
      if (strlen (entities[i].name) == len && memcmp (entities[i].name, text, len) == 0)
        {
          append_char (out, entities[i].c, is_markup);
          return;
        }
    }

  append_text (out, text, len, is_markup);
}

/* An attribute's text, plain. (transfer full) */
static char *
dup_attribute (const MD_ATTRIBUTE *attribute)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; attribute->size > 0 && attribute->substr_offsets[i] < attribute->size; i++)
    {
      MD_OFFSET from = attribute->substr_offsets[i];
      gsize len = attribute->substr_offsets[i + 1] - from;

      if (attribute->substr_types[i] == MD_TEXT_ENTITY)
        append_entity (out, attribute->text + from, len, FALSE);
      else if (attribute->substr_types[i] == MD_TEXT_NULLCHAR)
        g_string_append (out, REPLACEMENT);
      else
        append_text (out, attribute->text + from, len, FALSE);
    }

  return g_string_free (out, FALSE);
}

char *
vmp_markdown_dup_host (const char *url)
{
  g_autoptr (GUri) uri = NULL;
  const char *host;

  g_return_val_if_fail (url != NULL, NULL);

  if (strlen (url) > URL_BYTES)
    return NULL;

  uri = g_uri_parse (url, G_URI_FLAGS_NON_DNS, NULL);
  if (uri == NULL)
    return NULL;

  host = g_uri_get_host (uri);
  if (host == NULL || *host == '\0')
    return NULL;
  if (!g_str_equal (g_uri_get_scheme (uri), "https") && !g_str_equal (g_uri_get_scheme (uri), "http"))
    return NULL;

  return g_hostname_to_ascii (host);
}

/* -- Blocks -------------------------------------------------------------------------------- */

void
vmp_markdown_block_free (VmpMarkdownBlock *self)
{
  /* In an array whose blocks were taken over. */
  if (self == NULL)
    return;

  g_free (self->marker);
  g_free (self->language);
  g_free (self->text);
  g_clear_pointer (&self->cells, g_ptr_array_unref);
  g_free (self->aligns);
  g_free (self);
}

gboolean
vmp_markdown_block_equal (const VmpMarkdownBlock *a,
                          const VmpMarkdownBlock *b)
{
  if (a->kind != b->kind || a->quotes != b->quotes || a->items != b->items || a->level != b->level
      || a->columns != b->columns || g_strcmp0 (a->marker, b->marker) != 0
      || g_strcmp0 (a->language, b->language) != 0 || g_strcmp0 (a->text, b->text) != 0)
    return FALSE;

  if (a->kind != VMP_MARKDOWN_TABLE)
    return TRUE;

  if (a->cells->len != b->cells->len || memcmp (a->aligns, b->aligns, a->columns * sizeof *a->aligns) != 0)
    return FALSE;
  for (guint i = 0; i < a->cells->len; i++)
    {
      if (!g_str_equal (g_ptr_array_index (a->cells, i), g_ptr_array_index (b->cells, i)))
        return FALSE;
    }

  return TRUE;
}

static void
close_spans (Reader *self,
             guint   down_to)
{
  while (self->closers->len > down_to)
    {
      g_string_append (self->text, g_ptr_array_index (self->closers, self->closers->len - 1));
      g_ptr_array_set_size (self->closers, (int) self->closers->len - 1);
    }
}

static void
end_block (Reader *self)
{
  if (self->block == NULL)
    return;

  close_spans (self, 0);
  self->spans = 0;
  g_clear_pointer (&self->url, g_free);

  if (self->block->kind == VMP_MARKDOWN_CODE)
    {
      /* The last line of code has an end like each of them; a block of them has none. */
      if (self->text->len > 0 && self->text->str[self->text->len - 1] == '\n')
        g_string_truncate (self->text, self->text->len - 1);
      self->block->text = g_strdup (self->text->str);
    }
  else if (self->block->kind != VMP_MARKDOWN_TABLE && self->block->kind != VMP_MARKDOWN_RULE)
    {
      self->block->text = g_strdup (self->text->str);
    }

  g_string_truncate (self->text, 0);
  g_ptr_array_add (self->blocks, g_steal_pointer (&self->block));
}

static void
begin_block (Reader         *self,
             VmpMarkdownKind kind)
{
  end_block (self);

  self->block = g_new0 (VmpMarkdownBlock, 1);
  self->block->kind = kind;
  self->block->quotes = MIN (self->quotes, VMP_LIMIT_MARKDOWN_LEVELS);
  self->block->items = MIN (self->items, VMP_LIMIT_MARKDOWN_LEVELS);
  self->block->marker = g_steal_pointer (&self->marker);
}

static void
begin_list (Reader  *self,
            gboolean is_ordered,
            guint    start)
{
  List list = { is_ordered, start };

  end_block (self);
  g_array_append_val (self->lists, list);
}

static void
begin_item (Reader                   *self,
            const MD_BLOCK_LI_DETAIL *detail)
{
  List *list = self->lists->len > 0 ? &g_array_index (self->lists, List, self->lists->len - 1) : NULL;

  /* An item that begins with a list has no block of its own to stand before. */
  if (self->marker != NULL)
    begin_block (self, VMP_MARKDOWN_PARAGRAPH);
  end_block (self);

  self->items++;
  if (detail->is_task)
    self->marker = g_strdup (detail->task_mark == ' ' ? BOX_EMPTY : BOX_TICKED);
  else if (list != NULL && list->is_ordered)
    self->marker = g_strdup_printf ("%u.", list->next++);
  else
    self->marker = g_strdup (BULLET);
}

static int
enter_block_cb (MD_BLOCKTYPE type,
                void        *detail,
                void        *user_data)
{
  Reader *self = user_data;

  switch (type)
    {
    case MD_BLOCK_QUOTE:
      end_block (self);
      self->quotes++;
      break;

    case MD_BLOCK_UL:
      begin_list (self, FALSE, 0);
      break;

    case MD_BLOCK_OL:
      begin_list (self, TRUE, ((MD_BLOCK_OL_DETAIL *) detail)->start);
      break;

    case MD_BLOCK_LI:
      begin_item (self, detail);
      break;

    case MD_BLOCK_HR:
      begin_block (self, VMP_MARKDOWN_RULE);
      end_block (self);
      break;

    case MD_BLOCK_H:
      begin_block (self, VMP_MARKDOWN_HEADING);
      self->block->level = ((MD_BLOCK_H_DETAIL *) detail)->level;
      break;

    case MD_BLOCK_CODE:
      begin_block (self, VMP_MARKDOWN_CODE);
      {
        g_autofree char *language = dup_attribute (&((MD_BLOCK_CODE_DETAIL *) detail)->lang);

        if (*language != '\0')
          self->block->language = vmp_text_display (language, LANGUAGE_CHARS);
      }
      break;

    case MD_BLOCK_P:
    case MD_BLOCK_HTML:
      begin_block (self, VMP_MARKDOWN_PARAGRAPH);
      break;

    case MD_BLOCK_TABLE:
      begin_block (self, VMP_MARKDOWN_TABLE);
      self->block->columns = ((MD_BLOCK_TABLE_DETAIL *) detail)->col_count;
      self->block->cells = g_ptr_array_new_with_free_func (g_free);
      self->block->aligns = g_new0 (VmpMarkdownAlign, MAX (self->block->columns, 1));
      break;

    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
      g_string_truncate (self->text, 0);
      if (self->block != NULL && self->block->cells != NULL && self->block->cells->len < self->block->columns)
        {
          MD_ALIGN align = ((MD_BLOCK_TD_DETAIL *) detail)->align;

          self->block->aligns[self->block->cells->len] = align == MD_ALIGN_CENTER ? VMP_MARKDOWN_CENTER
                                                         : align == MD_ALIGN_RIGHT ? VMP_MARKDOWN_END
                                                                                   : VMP_MARKDOWN_START;
        }
      break;

    case MD_BLOCK_DOC:
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
    case MD_BLOCK_TR:
    default:
      break;
    }

  return 0;
}

static int
leave_block_cb (MD_BLOCKTYPE type,
                void        *detail,
                void        *user_data)
{
  Reader *self = user_data;

  switch (type)
    {
    case MD_BLOCK_QUOTE:
      end_block (self);
      self->quotes -= self->quotes > 0;
      break;

    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
      end_block (self);
      if (self->lists->len > 0)
        g_array_set_size (self->lists, self->lists->len - 1);
      break;

    case MD_BLOCK_LI:
      /* An item with nothing in it is still seen. */
      if (self->marker != NULL)
        begin_block (self, VMP_MARKDOWN_PARAGRAPH);
      end_block (self);
      self->items -= self->items > 0;
      break;

    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
      if (self->block != NULL && self->block->cells != NULL)
        {
          close_spans (self, 0);
          self->spans = 0;
          g_clear_pointer (&self->url, g_free);
          if (self->block->cells->len < VMP_LIMIT_MARKDOWN_CELLS)
            g_ptr_array_add (self->block->cells, g_strdup (self->text->str));
          g_string_truncate (self->text, 0);
        }
      break;

    case MD_BLOCK_H:
    case MD_BLOCK_CODE:
    case MD_BLOCK_P:
    case MD_BLOCK_HTML:
    case MD_BLOCK_TABLE:
      end_block (self);
      break;

    case MD_BLOCK_DOC:
    case MD_BLOCK_HR:
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
    case MD_BLOCK_TR:
    default:
      break;
    }

  return 0;
}

/* -- Styles -------------------------------------------------------------------------------- */

/* In a list item without blank lines the text has no paragraph around it. */
static void
ensure_block (Reader *self)
{
  if (self->block == NULL)
    begin_block (self, VMP_MARKDOWN_PARAGRAPH);
}

static void
open_span (Reader     *self,
           const char *opener,
           const char *closer)
{
  g_string_append (self->text, opener);
  g_ptr_array_add (self->closers, (gpointer) closer);
}

static void
open_link (Reader             *self,
           const MD_ATTRIBUTE *href)
{
  g_autofree char *url = dup_attribute (href);
  g_autofree char *host = vmp_markdown_dup_host (url);

  if (host == NULL || self->url != NULL)
    {
      open_span (self, "", "");
      return;
    }

  self->url = g_steal_pointer (&url);
  self->url_depth = self->closers->len;
  g_string_append (self->text, "<a href=\"");
  append_text (self->text, self->url, strlen (self->url), TRUE);
  g_string_append (self->text, "\">");
  self->url_at = self->text->len;
  g_ptr_array_add (self->closers, (gpointer) "</a>");
}

/* Where a link leads is said when its text does not. */
static void
close_link (Reader *self)
{
  g_autofree char *host = vmp_markdown_dup_host (self->url);
  GString *escaped = g_string_new (NULL);

  append_text (escaped, self->url, strlen (self->url), TRUE);
  if (!g_str_has_prefix (self->text->str + self->url_at, escaped->str))
    {
      close_spans (self, self->url_depth);
      g_string_append (self->text, " <span alpha=\"70%\" size=\"smaller\">(");
      append_text (self->text, host, strlen (host), TRUE);
      g_string_append (self->text, ")</span>");
    }
  else
    {
      close_spans (self, self->url_depth);
    }

  g_string_free (escaped, TRUE);
  g_clear_pointer (&self->url, g_free);
}

static int
enter_span_cb (MD_SPANTYPE type,
               void       *detail,
               void       *user_data)
{
  Reader *self = user_data;

  ensure_block (self);
  if (self->spans++ >= VMP_LIMIT_MARKDOWN_SPANS)
    return 0;

  switch (type)
    {
    case MD_SPAN_EM:
      open_span (self, "<i>", "</i>");
      break;

    case MD_SPAN_STRONG:
      open_span (self, "<b>", "</b>");
      break;

    case MD_SPAN_DEL:
      open_span (self, "<s>", "</s>");
      break;

    case MD_SPAN_CODE:
      open_span (self, "<tt>", "</tt>");
      break;

    case MD_SPAN_A:
      open_link (self, &((MD_SPAN_A_DETAIL *) detail)->href);
      break;

    case MD_SPAN_IMG:
      open_link (self, &((MD_SPAN_IMG_DETAIL *) detail)->src);
      break;

    case MD_SPAN_LATEXMATH:
    case MD_SPAN_LATEXMATH_DISPLAY:
    case MD_SPAN_WIKILINK:
    case MD_SPAN_U:
    default:
      open_span (self, "", "");
      break;
    }

  return 0;
}

static int
leave_span_cb (MD_SPANTYPE type,
               void       *detail,
               void       *user_data)
{
  Reader *self = user_data;

  if (self->spans == 0)
    return 0;
  if (--self->spans >= VMP_LIMIT_MARKDOWN_SPANS || self->closers->len == 0)
    return 0;

  if (self->url != NULL && self->closers->len - 1 == self->url_depth)
    close_link (self);
  else
    close_spans (self, self->closers->len - 1);

  return 0;
}

/* How long the address is that begins there; 0: none does. What ends a sentence is no part of it. */
static gsize
measure_address (const char *text,
                 const char *end)
{
  const char *at = text;
  gsize left = (gsize) (end - text);
  guint open = 0;
  g_autofree char *url = NULL;
  g_autofree char *host = NULL;

  if (!(left > 7 && memcmp (text, "http://", 7) == 0) && !(left > 8 && memcmp (text, "https://", 8) == 0))
    return 0;

  while (at < end && at - text < URL_BYTES && (guchar) *at > ' ' && strchr ("<>\"`|\\^{}", *at) == NULL)
    {
      open += *at == '(';
      if (*at == ')' && open-- == 0)
        break;
      at++;
    }
  while (at > text && strchr (".,;:!?'*_~", at[-1]) != NULL)
    at--;

  url = g_strndup (text, (gsize) (at - text));
  host = g_utf8_validate (url, -1, NULL) ? vmp_markdown_dup_host (url) : NULL;

  return host != NULL ? (gsize) (at - text) : 0;
}

static void
append_with_links (GString    *out,
                   const char *text,
                   gsize       len)
{
  const char *end = text + len;
  const char *plain = text;

  for (const char *at = text; at < end; at++)
    {
      gsize n = 0;

      if (*at == 'h' && (at == text || !g_ascii_isalnum (at[-1])))
        n = measure_address (at, end);
      if (n == 0)
        continue;

      append_text (out, plain, (gsize) (at - plain), TRUE);
      g_string_append (out, "<a href=\"");
      append_text (out, at, n, TRUE);
      g_string_append (out, "\">");
      append_text (out, at, n, TRUE);
      g_string_append (out, "</a>");
      plain = at + n;
      at += n - 1;
    }
  append_text (out, plain, (gsize) (end - plain), TRUE);
}

static int
text_cb (MD_TEXTTYPE    type,
         const MD_CHAR *text,
         MD_SIZE        size,
         void          *user_data)
{
  Reader *self = user_data;
  gboolean is_markup;

  ensure_block (self);
  is_markup = self->block->kind != VMP_MARKDOWN_CODE;

  switch (type)
    {
    case MD_TEXT_NULLCHAR:
      g_string_append (self->text, REPLACEMENT);
      break;

    case MD_TEXT_BR:
    case MD_TEXT_SOFTBR:
      /* Models break lines where they mean it. */
      g_string_append_c (self->text, '\n');
      break;

    case MD_TEXT_ENTITY:
      append_entity (self->text, text, size, is_markup);
      break;

    case MD_TEXT_NORMAL:
      if (self->url == NULL && is_markup)
        append_with_links (self->text, text, size);
      else
        append_text (self->text, text, size, is_markup);
      break;

    case MD_TEXT_CODE:
    case MD_TEXT_HTML:
    case MD_TEXT_LATEXMATH:
    default:
      append_text (self->text, text, size, is_markup);
      break;
    }

  return 0;
}

/* -- Reading ------------------------------------------------------------------------------- */

/* Addresses without brackets are found here: md4c 0.4.8 has been seen to hand out more than the text when it does. */
static const MD_PARSER parser = {
  .flags = MD_FLAG_NOHTML | MD_FLAG_NOINDENTEDCODEBLOCKS | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS,
  .enter_block = enter_block_cb,
  .leave_block = leave_block_cb,
  .enter_span = enter_span_cb,
  .leave_span = leave_span_cb,
  .text = text_cb,
};

/* md4c 0.4.8 looks past the end of a text that does not end with a line's end, or with half a character. It gets one
 * that does, in characters that may be shown, with something behind it. */
static void
read_piece (Reader     *self,
            const char *text,
            gsize       len)
{
  GString *copy = g_string_sized_new (len + 1 + PADDING);

  append_text (copy, text, len, FALSE);
  if (copy->len > 0 && copy->str[copy->len - 1] != '\n')
    g_string_append_c (copy, '\n');
  len = copy->len;
  for (gsize i = 0; i < PADDING; i++)
    g_string_append_c (copy, '\0');

  md_parse (copy->str, (MD_SIZE) len, &parser, self);
  end_block (self);
  g_string_free (copy, TRUE);

  g_array_set_size (self->lists, 0);
  g_clear_pointer (&self->marker, g_free);
  self->items = 0;
  self->quotes = 0;
}

GPtrArray *
vmp_markdown_parse (const char *text,
                    gsize       len)
{
  Reader reader = {
    .blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_markdown_block_free),
    .text = g_string_new (NULL),
    .lists = g_array_new (FALSE, FALSE, sizeof (List)),
    .closers = g_ptr_array_new (),
  };

  g_return_val_if_fail (text != NULL || len == 0, NULL);

  len = MIN (len, VMP_LIMIT_CHAT_TEXT_BYTES);
  while (len > 0)
    {
      gsize piece = vmp_markdown_find_settled (text, len);

      if (piece == 0)
        piece = len;
      read_piece (&reader, text, piece);
      text += piece;
      len -= piece;
    }

  g_string_free (reader.text, TRUE);
  g_array_unref (reader.lists);
  g_ptr_array_unref (reader.closers);

  return reader.blocks;
}

/* Without its tags: they are ours, so what stands between < and > is one. */
static void
append_without_tags (GString    *out,
                     const char *markup)
{
  gboolean is_tag = FALSE;

  for (; *markup != '\0'; markup++)
    {
      if (*markup == '<')
        is_tag = TRUE;
      else if (*markup == '>')
        is_tag = FALSE;
      else if (is_tag)
        continue;
      else if (*markup == '&')
        {
          const char *end = strchr (markup, ';');

          if (end == NULL)
            break;
          if (g_str_has_prefix (markup, "&#39;"))
            g_string_append_c (out, '\'');
          else
            append_entity (out, markup, (gsize) (end - markup) + 1, FALSE);
          markup = end;
        }
      else
        g_string_append_c (out, *markup);
    }
}

char *
vmp_markdown_to_plain (const char *text,
                       gsize       len)
{
  g_autoptr (GPtrArray) blocks = vmp_markdown_parse (text, len);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < blocks->len; i++)
    {
      const VmpMarkdownBlock *block = g_ptr_array_index (blocks, i);

      if (out->len > 0)
        g_string_append_c (out, '\n');
      if (block->marker != NULL)
        g_string_append_printf (out, "%s ", block->marker);
      if (block->kind == VMP_MARKDOWN_CODE)
        g_string_append (out, block->text);
      else if (block->text != NULL)
        append_without_tags (out, block->text);
      for (guint j = 0; block->cells != NULL && j < block->cells->len; j++)
        {
          append_without_tags (out, g_ptr_array_index (block->cells, j));
          g_string_append (out, (j + 1) % block->columns == 0 ? "\n" : ", ");
        }
    }

  return g_string_free (out, FALSE);
}

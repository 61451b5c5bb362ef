/* SPDX-License-Identifier: MIT
 *
 * Lays out tables. Widths are those of the terminal: East Asian letters take two columns, combining ones none.
 */

#include "cli/vmp-cli-table.h"

#include <string.h>

#include "core/vmp-text.h"

/* Characters of a cell, however wide the terminal is. */
#define CELL_CHARS 200

/* Columns of the terminal between two cells, and what a cell keeps where there is no room. */
#define GAP 2
#define WIDTH_MIN 4

#define ELLIPSIS "…"

struct _VmpCliTable {
  guint n_columns;
  GPtrArray *cells;  /* of char *; the first row is the headers */
};

VmpCliTable *
vmp_cli_table_new (const char * const *headers)
{
  VmpCliTable *self = g_new0 (VmpCliTable, 1);

  self->cells = g_ptr_array_new_with_free_func (g_free);
  for (; *headers != NULL; headers++, self->n_columns++)
    g_ptr_array_add (self->cells, g_strdup (*headers));

  return self;
}

void
vmp_cli_table_free (VmpCliTable *self)
{
  g_ptr_array_unref (self->cells);
  g_free (self);
}

void
vmp_cli_table_add (VmpCliTable *self,
                   const char  *text)
{
  g_ptr_array_add (self->cells, text != NULL && *text != '\0' ? vmp_text_display (text, CELL_CHARS) : g_strdup ("-"));
}

guint
vmp_cli_table_count_rows (VmpCliTable *self)
{
  return self->cells->len / self->n_columns - 1;
}

static guint
char_width (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;

  return g_unichar_iswide (c) ? 2 : 1;
}

guint
vmp_cli_text_width (const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    width += char_width (g_utf8_get_char (text));

  return width;
}

/* Makes the widest columns narrower, a little at a time, until a line fits; last of all the first one, whose ids people
 * copy. */
static void
fit (guint *widths,
     guint  n,
     guint  columns)
{
  guint total = GAP * (n - 1);

  for (guint i = 0; i < n; i++)
    total += widths[i];

  while (total > columns)
    {
      guint widest = 0;

      for (guint i = 1; i < n; i++)
        {
          if (widths[i] > WIDTH_MIN && (widest == 0 || widths[i] >= widths[widest]))
            widest = i;
        }
      if (widths[widest] <= WIDTH_MIN)
        return;

      widths[widest]--;
      total--;
    }
}

/* Adds a text in so many columns. @is_last: nothing follows, so no blanks do */
static void
append_cell (GString    *out,
             const char *text,
             guint       width,
             gboolean    is_last)
{
  guint full = vmp_cli_text_width (text);
  guint used = 0;

  if (full <= width)
    {
      g_string_append (out, text);
      used = full;
    }
  else
    {
      for (; used + char_width (g_utf8_get_char (text)) < width; text = g_utf8_next_char (text))
        {
          g_string_append_unichar (out, g_utf8_get_char (text));
          used += char_width (g_utf8_get_char (text));
        }
      g_string_append (out, ELLIPSIS);
      used++;
    }

  if (!is_last)
    g_string_append_printf (out, "%*s", (int) (width - used + GAP), "");
}

char *
vmp_cli_table_print (VmpCliTable *self,
                     guint        columns)
{
  GString *out = g_string_new (NULL);
  g_autofree guint *widths = g_new0 (guint, self->n_columns);

  for (guint i = 0; i < self->cells->len; i++)
    {
      guint width = vmp_cli_text_width (self->cells->pdata[i]);

      widths[i % self->n_columns] = MAX (widths[i % self->n_columns], width);
    }
  fit (widths, self->n_columns, columns);

  for (guint i = 0; i < self->cells->len; i++)
    {
      guint column = i % self->n_columns;
      gboolean is_last = column + 1 == self->n_columns;

      append_cell (out, self->cells->pdata[i], widths[column], is_last);
      if (is_last)
        g_string_append_c (out, '\n');
    }

  return g_string_free (out, FALSE);
}

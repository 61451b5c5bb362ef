/* SPDX-License-Identifier: MIT
 *
 * Lays out tables. Widths are those of the terminal: East Asian letters take two columns, combining ones none.
 */

#include "cli/vmp-cli-table.h"

#include <string.h>

#include "core/vmp-text.h"

/* Characters of a cell, however wide the terminal is. */
#define CELL_CHARS 200

/* Columns of the terminal between two cells; what a cell keeps for as long as columns at the end can go instead,
 * and what it keeps in any case. */
#define GAP 2
#define WIDTH_GOOD 12
#define WIDTH_MIN 4

/* Columns of a table that do not go. */
#define COLUMNS_MIN 2

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

static guint
line_width (const guint *widths,
            guint        n)
{
  guint total = GAP * (n - 1);

  for (guint i = 0; i < n; i++)
    total += widths[i];

  return total;
}

/* Makes the widest columns narrower, a little at a time, until a line fits or none has more than @least; last of
 * all the first one, whose ids people copy. */
static void
squeeze (guint *widths,
         guint  n,
         guint  columns,
         guint  least)
{
  while (line_width (widths, n) > columns)
    {
      guint widest = 0;

      for (guint i = 1; i < n; i++)
        {
          if (widths[i] > least && (widest == 0 || widths[i] >= widths[widest]))
            widest = i;
        }
      if (widest == 0 && (least > WIDTH_MIN || widths[0] <= least))
        return;

      widths[widest]--;
    }
}

/* Has the columns fit: those at the end go rather than that all become too narrow to be read. Returns how many are
 * left. */
static guint
fit (guint *widths,
     guint  n,
     guint  columns)
{
  g_autofree guint *full = g_memdup2 (widths, n * sizeof *widths);

  for (guint left = n; left >= COLUMNS_MIN; left--)
    {
      memcpy (widths, full, n * sizeof *widths);
      squeeze (widths, left, columns, WIDTH_GOOD);
      if (line_width (widths, left) <= columns)
        return left;
    }

  n = MIN (n, COLUMNS_MIN);
  squeeze (widths, n, columns, WIDTH_MIN);

  return n;
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
  guint n_shown;

  for (guint i = 0; i < self->cells->len; i++)
    {
      guint width = vmp_cli_text_width (self->cells->pdata[i]);

      widths[i % self->n_columns] = MAX (widths[i % self->n_columns], width);
    }
  n_shown = fit (widths, self->n_columns, columns);

  for (guint i = 0; i < self->cells->len; i++)
    {
      guint column = i % self->n_columns;
      gboolean is_last = column + 1 == n_shown;

      if (column >= n_shown)
        continue;
      append_cell (out, self->cells->pdata[i], widths[column], is_last);
      if (is_last)
        g_string_append_c (out, '\n');
    }

  return g_string_free (out, FALSE);
}

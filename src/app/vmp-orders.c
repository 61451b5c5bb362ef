/* SPDX-License-Identifier: MIT
 *
 * Implementation of the lines between the resident and the windows: tab-separated fields, in which tabs, line ends and
 * backslashes are escaped. A field that is NULL is empty.
 */

#include "app/vmp-orders.h"

#include <string.h>

/* The longest field that is taken: a node's id, a page's name, an address or a sentence, all of them far shorter. */
#define FIELD_BYTES 4096

static const char * const words[VMP_N_ORDERS] = {
  [VMP_ORDER_SHOW] = "show",
  [VMP_ORDER_ASK_QUIT] = "ask-quit",
  [VMP_ORDER_COPY] = "copy",
  [VMP_ORDER_TROUBLE] = "trouble",
  [VMP_ORDER_CLOSE] = "close",
  [VMP_ORDER_TAKEN] = "taken",
  [VMP_ORDER_QUIT] = "quit",
  [VMP_ORDER_SEEN] = "seen",
  [VMP_ORDER_UNSEEN] = "unseen",
};

void
vmp_order_clear (VmpOrder *self)
{
  g_clear_pointer (&self->argument, g_free);
  g_clear_pointer (&self->detail, g_free);
  g_clear_pointer (&self->token, g_free);
}

static void
append_field (GString    *line,
              const char *text)
{
  /* It writes octal for what is not ASCII unless it is told not to, and reads it back. */
  g_autofree char *escaped = text != NULL ? g_strescape (text, NULL) : NULL;

  g_string_append_c (line, '\t');
  if (escaped != NULL)
    g_string_append (line, escaped);
}

char *
vmp_order_to_line (VmpOrderKind kind,
                   const char  *argument,
                   const char  *detail,
                   const char  *token)
{
  GString *line;

  g_return_val_if_fail ((guint) kind < VMP_N_ORDERS, NULL);

  line = g_string_new (words[kind]);
  append_field (line, argument);
  append_field (line, detail);
  append_field (line, token);
  g_string_append_c (line, '\n');

  return g_string_free (line, FALSE);
}

/* FALSE for one that is too long or no text. */
static gboolean
read_field (const char *escaped,
            char      **text)
{
  if (escaped == NULL || *escaped == '\0')
    return TRUE;
  if (strlen (escaped) > FIELD_BYTES)
    return FALSE;

  *text = g_strcompress (escaped);
  if (g_utf8_validate (*text, -1, NULL))
    return TRUE;

  g_clear_pointer (text, g_free);

  return FALSE;
}

gboolean
vmp_order_from_line (const char *line,
                     VmpOrder   *order)
{
  g_auto (GStrv) fields = g_strsplit (line, "\t", 5);
  guint n_fields = g_strv_length (fields);
  guint kind;

  *order = (VmpOrder) { 0, };
  for (kind = 0; kind < VMP_N_ORDERS; kind++)
    {
      if (g_strcmp0 (fields[0], words[kind]) == 0)
        break;
    }
  if (kind == VMP_N_ORDERS || n_fields > 4)
    return FALSE;

  order->kind = kind;
  if (read_field (n_fields > 1 ? fields[1] : NULL, &order->argument)
      && read_field (n_fields > 2 ? fields[2] : NULL, &order->detail)
      && read_field (n_fields > 3 ? fields[3] : NULL, &order->token))
    return TRUE;

  vmp_order_clear (order);

  return FALSE;
}

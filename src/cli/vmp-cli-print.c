/* SPDX-License-Identifier: MIT
 *
 * Prints JSON, for programs and for people. json-glib's generator neither sorts nor escapes what a terminal would
 * obey, hence our own.
 */

#include "cli/vmp-cli-print.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/vmp-cli-table.h"
#include "core/vmp-text.h"

/* Columns of a terminal that does not say how many it has. */
#define COLUMNS 80

guint
vmp_cli_columns (void)
{
  struct winsize size = { 0 };

  if (!isatty (STDOUT_FILENO))
    return 0;

  return ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

/* -- For programs -------------------------------------------------------------------------- */

static void append_node (GString  *out,
                         JsonNode *node,
                         gboolean  pretty,
                         guint     level);

static void
append_string (GString    *out,
               const char *text)
{
  const char *end = text + strlen (text);

  g_string_append_c (out, '"');
  while (text < end)
    {
      gunichar c;
      const char *next = vmp_text_next (text, end, &c);

      if (c == '"' || c == '\\')
        g_string_append_printf (out, "\\%c", (char) c);
      else if (c == '\n')
        g_string_append (out, "\\n");
      else if (c == '\t')
        g_string_append (out, "\\t");
      else if (c == '\r')
        g_string_append (out, "\\r");
      else if (c == (gunichar) -1)
        g_string_append (out, "\\ufffd");
      else if (vmp_text_is_plain (c))
        g_string_append_len (out, text, next - text);
      else if (c > 0xffff)
        g_string_append_printf (out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                0xdc00 + ((c - 0x10000) & 0x3ff));
      else
        g_string_append_printf (out, "\\u%04x", c);
      text = next;
    }
  g_string_append_c (out, '"');
}

/* With as few digits as give the same number again, and such that it stays a number with a fraction. */
static void
append_double (GString *out,
               double   number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (number))
    {
      g_string_append (out, "null");
      return;
    }

  for (int digits = 15; digits <= 17; digits++)
    {
      char format[8];

      g_snprintf (format, sizeof format, "%%.%dg", digits);
      g_ascii_formatd (text, sizeof text, format, number);
      if (g_ascii_strtod (text, NULL) == number)
        break;
    }

  g_string_append (out, text);
  if (strpbrk (text, ".e") == NULL)
    g_string_append (out, ".0");
}

static void
append_value (GString  *out,
              JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      append_string (out, json_node_get_string (node));
      break;

    case G_TYPE_BOOLEAN:
      g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
      break;

    case G_TYPE_DOUBLE:
      append_double (out, json_node_get_double (node));
      break;

    default:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
      break;
    }
}

/* What stands between two entries of a list, before the first and after the last. */
static void
append_break (GString *out,
              gboolean pretty,
              guint    level,
              gboolean is_first)
{
  if (pretty)
    g_string_append_printf (out, "\n%*s", (int) (2 * level), "");
  else if (!is_first)
    g_string_append_c (out, ' ');
}

static void
append_array (GString   *out,
              JsonArray *array,
              gboolean   pretty,
              guint      level)
{
  guint n = json_array_get_length (array);

  g_string_append_c (out, '[');
  for (guint i = 0; i < n; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      append_break (out, pretty, level + 1, i == 0);
      append_node (out, json_array_get_element (array, i), pretty, level + 1);
    }
  if (n > 0)
    append_break (out, pretty, level, TRUE);
  g_string_append_c (out, ']');
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (a, b);
}

/* (transfer container) */
static GList *
sorted_names (JsonObject *object)
{
  return g_list_sort (json_object_get_members (object), compare_names);
}

static void
append_object (GString    *out,
               JsonObject *object,
               gboolean    pretty,
               guint       level)
{
  g_autoptr (GList) names = sorted_names (object);

  g_string_append_c (out, '{');
  for (GList *l = names; l != NULL; l = l->next)
    {
      if (l != names)
        g_string_append_c (out, ',');
      append_break (out, pretty, level + 1, l == names);
      append_string (out, l->data);
      g_string_append (out, ": ");
      append_node (out, json_object_get_member (object, l->data), pretty, level + 1);
    }
  if (names != NULL)
    append_break (out, pretty, level, TRUE);
  g_string_append_c (out, '}');
}

static void
append_node (GString  *out,
             JsonNode *node,
             gboolean  pretty,
             guint     level)
{
  switch (json_node_get_node_type (node))
    {
    case JSON_NODE_OBJECT:
      append_object (out, json_node_get_object (node), pretty, level);
      break;

    case JSON_NODE_ARRAY:
      append_array (out, json_node_get_array (node), pretty, level);
      break;

    case JSON_NODE_VALUE:
      append_value (out, node);
      break;

    case JSON_NODE_NULL:
    default:
      g_string_append (out, "null");
      break;
    }
}

char *
vmp_cli_json (JsonNode *node,
              gboolean  pretty)
{
  GString *out = g_string_new (NULL);

  append_node (out, node, pretty, 0);

  return g_string_free (out, FALSE);
}

/* -- For people ---------------------------------------------------------------------------- */

static char *
describe_array (JsonArray *array)
{
  guint n = json_array_get_length (array);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    {
      JsonNode *element = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_VALUE (element))
        {
          g_string_printf (text, "%u", n);
          break;
        }
      if (i > 0)
        g_string_append (text, ", ");
      if (json_node_get_value_type (element) == G_TYPE_STRING)
        g_string_append (text, json_node_get_string (element));
      else
        append_value (text, element);
    }

  return g_string_free (text, FALSE);
}

char *
vmp_cli_value (JsonObject *object,
               const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  GString *text;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node) || JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node))
    return describe_array (json_node_get_array (node));
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return g_strdup (json_node_get_string (node));
  if (json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return g_strdup (json_node_get_boolean (node) ? "yes" : "no");

  text = g_string_new (NULL);
  append_value (text, node);

  return g_string_free (text, FALSE);
}

char *
vmp_cli_time (const char *text)
{
  g_autoptr (GDateTime) utc = text != NULL ? g_date_time_new_from_iso8601 (text, NULL) : NULL;
  g_autoptr (GDateTime) local = utc != NULL ? g_date_time_to_local (utc) : NULL;

  return local != NULL ? g_date_time_format (local, "%Y-%m-%d %H:%M") : g_strdup (text);
}

static void
describe_object (VmpCliTable *table,
                 const char  *prefix,
                 JsonObject  *object)
{
  g_autoptr (GList) names = json_object_get_members (object);

  for (GList *l = names; l != NULL; l = l->next)
    {
      JsonNode *node = json_object_get_member (object, l->data);
      g_autofree char *name = g_strconcat (prefix, l->data, NULL);
      g_autofree char *value = NULL;

      if (JSON_NODE_HOLDS_OBJECT (node))
        {
          g_autofree char *deeper = g_strconcat (name, ".", NULL);

          describe_object (table, deeper, json_node_get_object (node));
          continue;
        }
      if (g_str_equal (name, "object"))
        continue;

      value = vmp_cli_value (object, l->data);
      vmp_cli_table_add (table, name);
      vmp_cli_table_add (table, value);
    }
}

char *
vmp_cli_describe (JsonNode *node,
                  guint     columns)
{
  static const char * const headers[] = { "NAME", "VALUE", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);

  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      g_autofree char *json = vmp_cli_json (node, TRUE);

      return g_strconcat (json, "\n", NULL);
    }

  describe_object (table, "", json_node_get_object (node));

  return vmp_cli_table_print (table, columns);
}

/* SPDX-License-Identifier: MIT
 *
 * Shows documents to people.
 */

#include "cli/vmp-cli-print.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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
        {
          g_autofree char *value = vmp_json_print (element);

          g_string_append (text, value);
        }
    }

  return g_string_free (text, FALSE);
}

char *
vmp_cli_value (JsonObject *object,
               const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || JSON_NODE_HOLDS_NULL (node) || JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node))
    return describe_array (json_node_get_array (node));
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return g_strdup (json_node_get_string (node));
  if (json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return g_strdup (json_node_get_boolean (node) ? "yes" : "no");

  return vmp_json_print (node);
}

void
vmp_cli_add_cell (VmpCliTable *table,
                  JsonObject  *object,
                  const char  *name)
{
  g_autofree char *value = vmp_cli_value (object, name);

  vmp_cli_table_add (table, value);
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
      g_autofree char *json = vmp_json_print_in_order (node, TRUE);

      return g_strconcat (json, "\n", NULL);
    }

  describe_object (table, "", json_node_get_object (node));

  return vmp_cli_table_print (table, columns);
}

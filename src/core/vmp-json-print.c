/* SPDX-License-Identifier: MIT
 *
 * Prints documents. json-glib's generator neither sorts nor escapes what a terminal would obey, and writes doubles with
 * seventeen digits, some of them as no JSON.
 */

#include "core/vmp-json.h"

#include <math.h>
#include <string.h>

#include "core/vmp-text.h"

typedef struct {
  gboolean in_order; /* members by their names; else as they are */
  gboolean in_lines; /* each on a line of its own */
  gboolean is_airy;  /* blanks after commas and colons */
} Style;

static void print_node (GString     *out,
                        JsonNode    *node,
                        const Style *style,
                        guint        level);

/* -- Values -------------------------------------------------------------------------------- */

static gboolean
is_printed_as_it_is (guchar byte)
{
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* What is not plain is escaped: who looks at an answer with curl has a terminal, too. */
static void
print_character (GString    *out,
                 gunichar    c,
                 const char *bytes,
                 gsize       n_bytes)
{
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
    g_string_append_len (out, bytes, n_bytes);
  else if (c > 0xffff)
    g_string_append_printf (out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
  else
    g_string_append_printf (out, "\\u%04x", c);
}

static void
print_string (GString    *out,
              const char *text)
{
  const char *end = text + strlen (text);

  g_string_append_c (out, '"');
  while (text < end)
    {
      const char *plain = text;
      const char *next;
      gunichar c;

      while (is_printed_as_it_is (*text))
        text++;
      g_string_append_len (out, plain, text - plain);
      if (text == end)
        break;

      next = vmp_text_next (text, end, &c);
      print_character (out, c, text, next - text);
      text = next;
    }
  g_string_append_c (out, '"');
}

/* With as few digits as give the same number again, and such that it stays a number with a fraction. */
static void
print_double (GString *out,
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
print_value (GString  *out,
             JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      print_string (out, json_node_get_string (node));
      break;

    case G_TYPE_BOOLEAN:
      g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
      break;

    case G_TYPE_DOUBLE:
      print_double (out, json_node_get_double (node));
      break;

    default:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
      break;
    }
}

/* -- Lists --------------------------------------------------------------------------------- */

/* What stands before an entry, and after the last one. */
static void
print_break (GString     *out,
             const Style *style,
             guint        level,
             gboolean     is_outer)
{
  if (style->in_lines)
    g_string_append_printf (out, "\n%*s", (int) (2 * level), "");
  else if (style->is_airy && !is_outer)
    g_string_append_c (out, ' ');
}

static void
print_array (GString     *out,
             JsonArray   *array,
             const Style *style,
             guint        level)
{
  guint n = json_array_get_length (array);

  g_string_append_c (out, '[');
  for (guint i = 0; i < n; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      print_break (out, style, level + 1, i == 0);
      print_node (out, json_array_get_element (array, i), style, level + 1);
    }
  if (n > 0)
    print_break (out, style, level, TRUE);
  g_string_append_c (out, ']');
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (a, b);
}

static void
print_object (GString     *out,
              JsonObject  *object,
              const Style *style,
              guint        level)
{
  g_autoptr (GList) names = json_object_get_members (object);

  if (style->in_order)
    names = g_list_sort (names, compare_names);

  g_string_append_c (out, '{');
  for (GList *l = names; l != NULL; l = l->next)
    {
      if (l != names)
        g_string_append_c (out, ',');
      print_break (out, style, level + 1, l == names);
      print_string (out, l->data);
      g_string_append (out, style->is_airy ? ": " : ":");
      print_node (out, json_object_get_member (object, l->data), style, level + 1);
    }
  if (names != NULL)
    print_break (out, style, level, TRUE);
  g_string_append_c (out, '}');
}

static void
print_node (GString     *out,
            JsonNode    *node,
            const Style *style,
            guint        level)
{
  switch (JSON_NODE_TYPE (node))
    {
    case JSON_NODE_OBJECT:
      print_object (out, json_node_get_object (node), style, level);
      break;

    case JSON_NODE_ARRAY:
      print_array (out, json_node_get_array (node), style, level);
      break;

    case JSON_NODE_VALUE:
      print_value (out, node);
      break;

    case JSON_NODE_NULL:
    default:
      g_string_append (out, "null");
      break;
    }
}

static char *
print (JsonNode    *node,
       const Style *style)
{
  GString *out = g_string_new (NULL);

  print_node (out, node, style, 0);

  return g_string_free (out, FALSE);
}

char *
vmp_json_print (JsonNode *node)
{
  static const Style style = { .in_order = FALSE };

  return print (node, &style);
}

char *
vmp_json_print_in_order (JsonNode *node,
                         gboolean  in_lines)
{
  const Style style = { .in_order = TRUE, .in_lines = in_lines, .is_airy = TRUE };

  return print (node, &style);
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: writing and reading JSON.
 */

#include "sim-json.h"

#include <math.h>
#include <string.h>

/* json-glib 1.6 parses by recursion and knows no limit. No client nests a body this deep. */
#define MAX_DEPTH 512

static void
separate (SimJson    *self,
          const char *key)
{
  if (self->comma)
    g_string_append_c (self->out, ',');
  self->comma = TRUE;
  if (key != NULL)
    {
      g_string_append_c (self->out, '"');
      sim_json_escape (self->out, key, strlen (key));
      g_string_append (self->out, "\":");
    }
}

void
sim_json_begin (SimJson    *self,
                const char *key,
                char        bracket)
{
  separate (self, key);
  g_string_append_c (self->out, bracket);
  self->comma = FALSE;
}

void
sim_json_end (SimJson *self,
              char     bracket)
{
  g_string_append_c (self->out, bracket);
  self->comma = TRUE;
}

void
sim_json_string_len (SimJson    *self,
                     const char *key,
                     const char *value,
                     gsize       len)
{
  separate (self, key);
  g_string_append_c (self->out, '"');
  sim_json_escape (self->out, value, len);
  g_string_append_c (self->out, '"');
}

void
sim_json_string (SimJson    *self,
                 const char *key,
                 const char *value)
{
  if (value == NULL)
    sim_json_null (self, key);
  else
    sim_json_string_len (self, key, value, strlen (value));
}

void
sim_json_int (SimJson    *self,
              const char *key,
              gint64      value)
{
  separate (self, key);
  g_string_append_printf (self->out, "%" G_GINT64_FORMAT, value);
}

void
sim_json_number (SimJson    *self,
                 const char *key,
                 double      value)
{
  static const char * const formats[] = { "%.15g", "%.16g", "%.17g" };
  char buffer[G_ASCII_DTOSTR_BUF_SIZE] = "0";

  /* The shortest that reads back as the same number, as JavaScript writes it. */
  for (guint i = 0; isfinite (value) && i < G_N_ELEMENTS (formats); i++)
    {
      g_ascii_formatd (buffer, sizeof buffer, formats[i], value);
      if (g_ascii_strtod (buffer, NULL) == value)
        break;
    }
  sim_json_raw (self, key, buffer);
}

void
sim_json_bool (SimJson    *self,
               const char *key,
               gboolean    value)
{
  separate (self, key);
  g_string_append (self->out, value ? "true" : "false");
}

void
sim_json_null (SimJson    *self,
               const char *key)
{
  separate (self, key);
  g_string_append (self->out, "null");
}

void
sim_json_raw (SimJson    *self,
              const char *key,
              const char *json)
{
  separate (self, key);
  g_string_append (self->out, json);
}

void
sim_json_node (SimJson    *self,
               const char *key,
               JsonNode   *node)
{
  g_autofree char *text = node != NULL ? json_to_string (node, FALSE) : NULL;

  sim_json_raw (self, key, text != NULL ? text : "null");
}

void
sim_json_escape (GString    *out,
                 const char *text,
                 gsize       len)
{
  gsize from = 0;

  for (gsize i = 0; i < len; i++)
    {
      guchar c = (guchar) text[i];
      char letter = 0;

      if (c >= 0x20 && c != '"' && c != '\\')
        continue;

      g_string_append_len (out, text + from, (gssize) (i - from));
      from = i + 1;
      switch (c)
        {
        case '"':
        case '\\':
          letter = (char) c;
          break;
        case '\n':
          letter = 'n';
          break;
        case '\r':
          letter = 'r';
          break;
        case '\t':
          letter = 't';
          break;
        default:
          break;
        }
      if (letter != 0)
        {
          g_string_append_c (out, '\\');
          g_string_append_c (out, letter);
        }
      else
        g_string_append_printf (out, "\\u%04x", c);
    }
  g_string_append_len (out, text + from, (gssize) (len - from));
}

static gboolean
is_too_deep (const char *data,
             gsize       len)
{
  guint depth = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < len; i++)
    {
      char c = data[i];

      if (in_string)
        {
          if (c == '\\')
            i++;
          else if (c == '"')
            in_string = FALSE;
        }
      else if (c == '"')
        in_string = TRUE;
      else if (c == '{' || c == '[')
        {
          if (++depth > MAX_DEPTH)
            return TRUE;
        }
      else if ((c == '}' || c == ']') && depth > 0)
        depth--;
    }

  return FALSE;
}

JsonNode *
sim_json_parse (const char *data,
                gsize       len,
                GError    **error)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonNode *root;

  if (len == 0)
    data = "";  /* a byte array that never held anything has no data */
  if (is_too_deep (data, len))
    {
      g_set_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE, "JSON nested deeper than %d", MAX_DEPTH);
      return NULL;
    }

  parser = json_parser_new_immutable ();
  if (!json_parser_load_from_data (parser, data, (gssize) len, error))
    return NULL;
  root = json_parser_steal_root (parser);
  if (root == NULL)
    g_set_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE, "Unexpected end of JSON input");

  return root;
}

static JsonNode *
member (JsonObject  *object,
        const char  *key,
        JsonNodeType type)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, key) : NULL;

  return node != NULL && JSON_NODE_TYPE (node) == type ? node : NULL;
}

JsonObject *
sim_json_as_object (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

const char *
sim_json_as_string (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
         ? json_node_get_string (node)
         : NULL;
}

gboolean
sim_json_is_number (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
         && (json_node_get_value_type (node) == G_TYPE_INT64 || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

const char *
sim_json_get_string (JsonObject *object,
                     const char *key)
{
  return sim_json_as_string (member (object, key, JSON_NODE_VALUE));
}

JsonObject *
sim_json_get_object (JsonObject *object,
                     const char *key)
{
  return sim_json_as_object (member (object, key, JSON_NODE_OBJECT));
}

JsonArray *
sim_json_get_array (JsonObject *object,
                    const char *key)
{
  JsonNode *node = member (object, key, JSON_NODE_ARRAY);

  return node != NULL ? json_node_get_array (node) : NULL;
}

gboolean
sim_json_get_bool (JsonObject *object,
                   const char *key,
                   gboolean    fallback)
{
  JsonNode *node = member (object, key, JSON_NODE_VALUE);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_BOOLEAN ? json_node_get_boolean (node) : fallback;
}

double
sim_json_get_number (JsonObject *object,
                     const char *key,
                     double      fallback)
{
  JsonNode *node = member (object, key, JSON_NODE_VALUE);

  return sim_json_is_number (node) ? json_node_get_double (node) : fallback;
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: JSON that fits a JSON Schema.
 */

#include "sim-schema.h"

#include "sim-json.h"
#include "sim-text.h"

#include <math.h>
#include <string.h>

#define MAX_DEPTH 8       /* schemas may refer to themselves */
#define MAX_ITEMS 64
#define MAX_STRING 4096

typedef struct {
  JsonObject *root;
  const char *question;
  gboolean is_argument;
  guint64 seed;
} Writer;

static void write_value (Writer     *self,
                         SimJson    *json,
                         const char *key,
                         JsonObject *schema,
                         guint       depth);

/* Follows "#/$defs/Name". */
static JsonObject *
resolve (Writer     *self,
         JsonObject *schema)
{
  for (guint hops = 0; schema != NULL && hops < MAX_DEPTH; hops++)
    {
      const char *ref = sim_json_get_string (schema, "$ref");
      JsonArray *choices = NULL;
      static const char * const combined[] = { "anyOf", "oneOf", "allOf" };

      if (ref != NULL)
        {
          g_auto (GStrv) path = g_strsplit (ref, "/", -1);

          schema = self->root;
          for (guint i = 1; path[0] != NULL && path[i] != NULL && schema != NULL; i++)
            schema = sim_json_get_object (schema, path[i]);
          continue;
        }
      for (guint i = 0; i < G_N_ELEMENTS (combined) && choices == NULL; i++)
        choices = sim_json_get_array (schema, combined[i]);
      if (choices == NULL || json_array_get_length (choices) == 0 || json_object_has_member (schema, "properties"))
        return schema;
      schema = sim_json_as_object (json_array_get_element (choices, 0));
    }

  return schema;
}

static const char *
type_of (JsonObject *schema)
{
  const char *type = sim_json_get_string (schema, "type");
  JsonArray *types = sim_json_get_array (schema, "type");

  for (guint i = 0; types != NULL && type == NULL && i < json_array_get_length (types); i++)
    {
      type = sim_json_as_string (json_array_get_element (types, i));
      if (g_strcmp0 (type, "null") == 0)
        type = NULL;
    }
  if (type != NULL)
    return type;
  if (json_object_has_member (schema, "properties"))
    return "object";

  return json_object_has_member (schema, "items") ? "array" : "string";
}

/* Quoted words, else a name (capitalised words past the first), else NULL. */
static char *
find_name (const char *question)
{
  const char *quote = strpbrk (question, "\"'");
  const char *end = quote != NULL ? strchr (quote + 1, *quote) : NULL;
  const char *word = question;

  if (end != NULL && end > quote + 1 && (quote == question || quote[-1] == ' '))
    return g_strndup (quote + 1, (gsize) (end - quote - 1));

  while ((word = strchr (word, ' ')) != NULL)
    {
      const char *last = ++word;

      if (!g_ascii_isupper (*word) || (word[0] == 'I' && !g_ascii_isalnum (word[1])))
        continue;
      for (const char *next = word; g_ascii_isupper (*next);)
        {
          next += strcspn (next, " ,.;:!?\n\t\"'()");
          last = next;
          if (*next != ' ')
            break;
          next++;
        }
      return g_strndup (word, (gsize) (last - word));
    }

  return NULL;
}

static void
write_string (Writer     *self,
              SimJson    *json,
              const char *key,
              JsonObject *schema)
{
  static const struct {
    const char *format;
    const char *value;
  } formats[] = {
    { "date", "2025-06-01" },
    { "date-time", "2025-06-01T12:00:00Z" },
    { "time", "12:00:00Z" },
    { "email", "someone@example.org" },
    { "uri", "https://example.org/" },
    { "uuid", "123e4567-e89b-42d3-a456-426614174000" },
  };
  const char *format = sim_json_get_string (schema, "format");
  double min = CLAMP (sim_json_get_number (schema, "minLength", 0), 0, MAX_STRING);
  double max = sim_json_get_number (schema, "maxLength", MAX_STRING);
  g_autofree char *subject = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_strcmp0 (format, formats[i].format) == 0)
      {
        sim_json_string (json, key, formats[i].value);
        return;
      }

  subject = sim_text_dup_subject (self->question);
  name = self->is_argument ? find_name (self->question) : NULL;
  if (name != NULL)
    g_string_append (text, name);
  else if (self->is_argument || key == NULL)
    g_string_append (text, subject);
  else
    {
      g_string_append_printf (text, "A sample %s about %s", key, subject);
      g_strdelimit (text->str, "_", ' ');
    }

  while (g_utf8_strlen (text->str, (gssize) text->len) < (glong) min)
    g_string_append (text, " more");
  if (g_utf8_strlen (text->str, (gssize) text->len) > (glong) CLAMP (max, 0, MAX_STRING))
    g_string_truncate (text, (gsize) (g_utf8_offset_to_pointer (text->str, (glong) MAX (max, 0)) - text->str));
  sim_json_string_len (json, key, text->str, text->len);
}

static void
write_number (Writer     *self,
              SimJson    *json,
              const char *key,
              JsonObject *schema,
              gboolean    is_integer)
{
  double step = MAX (sim_json_get_number (schema, "multipleOf", 0), 0);
  double low = sim_json_get_number (schema, "minimum", sim_json_get_number (schema, "exclusiveMinimum", 0) + 1);
  double below = sim_json_get_number (schema, "exclusiveMaximum", low + 100);
  double high = sim_json_get_number (schema, "maximum", below - 1);
  const char *digit = strpbrk (self->question, "0123456789");
  double value;

  if (self->is_argument && digit != NULL)
    value = g_ascii_strtod (digit, NULL);
  else
    value = low + (double) (sim_random_next (&self->seed) % 16);
  value = high >= low ? CLAMP (value, low, high) : high;
  if (is_integer)
    value = ceil (value);
  if (step > 0)
    value = ceil (value / step) * step;

  if (is_integer && fabs (value) < 9e15)
    sim_json_int (json, key, (gint64) value);
  else
    sim_json_number (json, key, value);
}

static void
write_enum (Writer     *self,
            SimJson    *json,
            const char *key,
            JsonArray  *values)
{
  g_autofree char *question = g_ascii_strdown (self->question, -1);
  guint n = json_array_get_length (values);
  guint chosen = self->is_argument ? 0 : (guint) (sim_random_next (&self->seed) % n);

  for (guint i = 0; i < n; i++)
    {
      const char *word = sim_json_as_string (json_array_get_element (values, i));
      g_autofree char *lower = word != NULL ? g_ascii_strdown (word, -1) : NULL;

      if (lower != NULL && *lower != '\0' && strstr (question, lower) != NULL)
        {
          chosen = i;
          break;
        }
    }
  sim_json_node (json, key, json_array_get_element (values, chosen));
}

static gboolean
is_required (JsonArray  *required,
             const char *name)
{
  for (guint i = 0; i < json_array_get_length (required); i++)
    if (g_strcmp0 (sim_json_as_string (json_array_get_element (required, i)), name) == 0)
      return TRUE;

  return FALSE;
}

static void
write_object (Writer     *self,
              SimJson    *json,
              const char *key,
              JsonObject *schema,
              guint       depth)
{
  JsonObject *properties = sim_json_get_object (schema, "properties");
  JsonArray *required = sim_json_get_array (schema, "required");
  gboolean only_required = required != NULL && (self->is_argument || depth >= MAX_DEPTH / 2);
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  sim_json_begin (json, key, '{');
  if (properties != NULL && depth < MAX_DEPTH)
    {
      json_object_iter_init_ordered (&iter, properties);
      while (json_object_iter_next_ordered (&iter, &name, &node))
        if (!only_required || is_required (required, name))
          write_value (self, json, name, sim_json_as_object (node), depth + 1);
    }
  sim_json_end (json, '}');
}

static void
write_array (Writer     *self,
             SimJson    *json,
             const char *key,
             JsonObject *schema,
             guint       depth)
{
  double min = sim_json_get_number (schema, "minItems", 0);
  double max = sim_json_get_number (schema, "maxItems", MAX_ITEMS);
  guint n = depth >= MAX_DEPTH / 2 ? 0 : self->is_argument ? 1 : 2;

  n = (guint) CLAMP (n, MAX (min, 0), MAX_ITEMS);
  n = (guint) MIN (n, MAX (max, 0));
  sim_json_begin (json, key, '[');
  for (guint i = 0; i < n && depth < MAX_DEPTH; i++)
    write_value (self, json, NULL, sim_json_get_object (schema, "items"), depth + 1);
  sim_json_end (json, ']');
}

static void
write_value (Writer     *self,
             SimJson    *json,
             const char *key,
             JsonObject *schema,
             guint       depth)
{
  JsonArray *values;
  const char *type;

  schema = resolve (self, schema);
  if (schema == NULL)
    {
      sim_json_string (json, key, "");
      return;
    }
  if (json_object_has_member (schema, "const"))
    {
      sim_json_node (json, key, json_object_get_member (schema, "const"));
      return;
    }
  values = sim_json_get_array (schema, "enum");
  if (values != NULL && json_array_get_length (values) > 0)
    {
      write_enum (self, json, key, values);
      return;
    }

  type = type_of (schema);
  if (strcmp (type, "object") == 0)
    write_object (self, json, key, schema, depth);
  else if (strcmp (type, "array") == 0)
    write_array (self, json, key, schema, depth);
  else if (strcmp (type, "integer") == 0 || strcmp (type, "number") == 0)
    write_number (self, json, key, schema, strcmp (type, "integer") == 0);
  else if (strcmp (type, "boolean") == 0)
    sim_json_bool (json, key, self->is_argument || sim_random_next (&self->seed) % 2 == 0);
  else if (strcmp (type, "null") == 0)
    sim_json_null (json, key);
  else
    write_string (self, json, key, schema);
}

void
sim_schema_write (JsonObject *schema,
                  const char *question,
                  gboolean    is_argument,
                  guint64     seed,
                  GString    *out)
{
  Writer self = { .root = schema, .question = question, .is_argument = is_argument, .seed = seed };
  SimJson json = { .out = out };

  if (schema == NULL)
    g_string_append (out, "{}");
  else
    write_value (&self, &json, NULL, schema, 0);
}

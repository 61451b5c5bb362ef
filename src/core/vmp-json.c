/* SPDX-License-Identifier: MIT
 *
 * Reads documents into json-glib's tree with a parser of our own: json-glib's takes comments and other things that
 * are not JSON, wraps numbers that do not fit, and ends the program on an unpaired surrogate. Prints them with a
 * generator of our own, too: json-glib's makes 1e+300.0 of large numbers. What a string is, vmp-json-string.c knows.
 * The getters and the members of a builder are thin and total: nothing here complains.
 */

#include "core/vmp-json.h"

#include <math.h>
#include <string.h>

#include "core/vmp-json-string.h"
#include "core/vmp-limits.h"

typedef struct {
  const guint8 *start;
  const guint8 *p;
  const guint8 *end;
  GString *text;      /* the last string or number, NUL-terminated */
  guint depth;
  guint n_values;
  guint max_values;
  guint max_members;  /* of one object */
  gboolean is_text;   /* whether the last string could be read */
  gboolean takes_no_text;
  const char *fault;  /* the rest of "is no JSON: "; set when something returns NULL or FALSE */
} Reader;

static JsonNode *read_value (Reader *self);

/* -- Tokens -------------------------------------------------------------------------------- */

static gboolean
fail (Reader     *self,
      const char *fault)
{
  self->fault = fault;
  return FALSE;
}

static void
skip_space (Reader *self)
{
  while (self->p < self->end &&
         (*self->p == ' ' || *self->p == '\n' || *self->p == '\r' || *self->p == '\t'))
    self->p++;
}

/* Skips white space, and the byte after it if it is this one. */
static gboolean
take (Reader *self,
      char    byte)
{
  skip_space (self);
  if (self->p == self->end || *self->p != byte)
    return FALSE;

  self->p++;
  return TRUE;
}

static gboolean
take_digits (Reader *self)
{
  const guint8 *first = self->p;

  while (self->p < self->end && g_ascii_isdigit (*self->p))
    self->p++;

  return self->p > first;
}

/* Skips a number. @whole: (out): whether it has neither fraction nor exponent */
static gboolean
take_number (Reader   *self,
             gboolean *whole)
{
  *whole = TRUE;

  if (*self->p == '-')
    self->p++;

  if (self->p < self->end && *self->p == '0')
    self->p++;
  else if (!take_digits (self))
    return FALSE;

  if (self->p < self->end && *self->p == '.')
    {
      *whole = FALSE;
      self->p++;
      if (!take_digits (self))
        return FALSE;
    }

  if (self->p < self->end && (*self->p == 'e' || *self->p == 'E'))
    {
      *whole = FALSE;
      self->p++;
      if (self->p < self->end && (*self->p == '+' || *self->p == '-'))
        self->p++;
      if (!take_digits (self))
        return FALSE;
    }

  return TRUE;
}

/* Reads the string that begins here into @text. */
static gboolean
read_string (Reader *self)
{
  const guint8 *after;
  gssize length;

  if (self->p == self->end || *self->p != '"')
    return fail (self, "a string is missing");

  after = vmp_json_skip_string (self->p, self->end);
  if (after == NULL)
    return fail (self, "a string that is not well formed");

  g_string_set_size (self->text, (gsize) (after - self->p));
  length = vmp_json_undo_escapes (self->p + 1, after - 1, self->text->str);
  self->is_text = length >= 0;
  if (!self->is_text && !self->takes_no_text)
    return fail (self, "a string with a NUL or half a character");

  g_string_truncate (self->text, self->is_text ? (gsize) length : 0);
  self->p = after;
  return TRUE;
}

/* -- Values -------------------------------------------------------------------------------- */

static JsonNode *
read_word (Reader     *self,
           const char *word,
           JsonNode   *value)
{
  gsize length = strlen (word);

  if ((gsize) (self->end - self->p) < length || memcmp (self->p, word, length) != 0)
    {
      json_node_unref (value);
      fail (self, "an unknown word");
      return NULL;
    }

  self->p += length;
  return value;
}

static JsonNode *
read_number (Reader *self)
{
  const guint8 *first = self->p;
  JsonNode *node = json_node_alloc ();
  gboolean whole;
  gint64 integer;

  if (!take_number (self, &whole))
    {
      json_node_unref (node);
      fail (self, "neither a value nor its end");
      return NULL;
    }

  g_string_truncate (self->text, 0);
  g_string_append_len (self->text, (const char *) first, self->p - first);

  if (whole && g_ascii_string_to_signed (self->text->str, 10, G_MININT64, G_MAXINT64, &integer, NULL))
    return json_node_init_int (node, integer);

  return json_node_init_double (node, g_ascii_strtod (self->text->str, NULL));
}

static JsonNode *
read_array (Reader *self)
{
  g_autoptr (JsonArray) array = json_array_new ();
  JsonNode *node;

  self->p++;
  if (!take (self, ']'))
    {
      do
        {
          JsonNode *element = read_value (self);

          if (element == NULL)
            return NULL;
          json_array_add_element (array, element);
        }
      while (take (self, ','));

      if (!take (self, ']'))
        {
          fail (self, "an array that does not go on or end");
          return NULL;
        }
    }

  node = json_node_alloc ();
  json_node_init_array (node, array);
  return node;
}

static JsonNode *
read_object (Reader *self)
{
  g_autoptr (JsonObject) object = json_object_new ();
  guint n_members = 0;
  JsonNode *node;

  self->p++;
  if (!take (self, '}'))
    {
      do
        {
          g_autofree char *name = NULL;
          JsonNode *value;

          skip_space (self);
          if (!read_string (self))
            return NULL;
          name = g_strndup (self->text->str, self->text->len);

          if (!take (self, ':'))
            {
              fail (self, "a colon is missing");
              return NULL;
            }

          /* Names that share a hash, or come again, cost json-glib a walk over all the others. */
          if (++n_members > self->max_members)
            {
              fail (self, "an object with too many members");
              return NULL;
            }

          value = read_value (self);
          if (value == NULL)
            return NULL;
          json_object_set_member (object, name, value);
        }
      while (take (self, ','));

      if (!take (self, '}'))
        {
          fail (self, "an object that does not go on or end");
          return NULL;
        }
    }

  node = json_node_alloc ();
  json_node_init_object (node, object);
  return node;
}

static JsonNode *
read_value (Reader *self)
{
  JsonNode *node;

  skip_space (self);
  if (self->p == self->end)
    {
      fail (self, "it ends too early");
      return NULL;
    }

  if (++self->n_values > self->max_values)
    {
      fail (self, "too many values");
      return NULL;
    }

  switch (*self->p)
    {
    case '{':
    case '[':
      if (self->depth == VMP_LIMIT_DOCUMENT_DEPTH)
        {
          fail (self, "nested too deeply");
          return NULL;
        }
      self->depth++;
      node = *self->p == '{' ? read_object (self) : read_array (self);
      self->depth--;
      return node;

    case '"':
      if (!read_string (self))
        return NULL;
      if (!self->is_text)
        return json_node_init_null (json_node_alloc ());
      return json_node_init_string (json_node_alloc (), self->text->str);

    case 't':
      return read_word (self, "true", json_node_init_boolean (json_node_alloc (), TRUE));

    case 'f':
      return read_word (self, "false", json_node_init_boolean (json_node_alloc (), FALSE));

    case 'n':
      return read_word (self, "null", json_node_init_null (json_node_alloc ()));

    default:
      return read_number (self);
    }
}

static JsonNode *
parse (const char *data,
       gsize       len,
       guint       max_values,
       guint       max_members,
       gboolean    takes_no_text,
       GError    **error)
{
  Reader self = { 0 };
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (JsonNode) root = NULL;

  g_return_val_if_fail (data != NULL || len == 0, NULL);

  self.start = self.p = (const guint8 *) (data != NULL ? data : "");
  self.end = self.start + len;
  self.text = text;
  self.max_values = max_values;
  self.max_members = max_members;
  self.takes_no_text = takes_no_text;

  root = read_value (&self);
  if (root != NULL)
    {
      skip_space (&self);
      if (self.p == self.end)
        return g_steal_pointer (&root);
      fail (&self, "something follows its end");
    }

  g_set_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE, "is no JSON: %s at byte %" G_GSIZE_FORMAT,
               self.fault, (gsize) (self.p - self.start));
  return NULL;
}

JsonNode *
vmp_json_parse (const char *data,
                gsize       len,
                GError    **error)
{
  return parse (data, len, VMP_LIMIT_DOCUMENT_VALUES, VMP_LIMIT_DOCUMENT_MEMBERS, FALSE, error);
}

JsonNode *
vmp_json_parse_up_to (const char *data,
                      gsize       len,
                      guint       max_values,
                      GError    **error)
{
  return parse (data, len, max_values, max_values, FALSE, error);
}

JsonNode *
vmp_json_parse_list (const char *data,
                     gsize       len,
                     GError    **error)
{
  return parse (data, len, VMP_LIMIT_DOCUMENT_VALUES, VMP_LIMIT_DOCUMENT_MEMBERS, TRUE, error);
}

/* -- Members ------------------------------------------------------------------------------- */

static JsonNode *
get_member (JsonObject  *object,
            const char  *name,
            JsonNodeType type)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && JSON_NODE_TYPE (node) == type ? node : NULL;
}

const char *
vmp_json_get_string (JsonObject *object,
                     const char *name)
{
  JsonNode *node = get_member (object, name, JSON_NODE_VALUE);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

JsonObject *
vmp_json_get_object (JsonObject *object,
                     const char *name)
{
  JsonNode *node = get_member (object, name, JSON_NODE_OBJECT);

  return node != NULL ? json_node_get_object (node) : NULL;
}

JsonArray *
vmp_json_get_array (JsonObject *object,
                    const char *name)
{
  JsonNode *node = get_member (object, name, JSON_NODE_ARRAY);

  return node != NULL ? json_node_get_array (node) : NULL;
}

gboolean
vmp_json_get_boolean (JsonObject *object,
                      const char *name,
                      gboolean   *value)
{
  JsonNode *node = get_member (object, name, JSON_NODE_VALUE);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return FALSE;

  *value = json_node_get_boolean (node);
  return TRUE;
}

gboolean
vmp_json_get_int (JsonObject *object,
                  const char *name,
                  gint64     *value)
{
  JsonNode *node = get_member (object, name, JSON_NODE_VALUE);
  double number;

  if (node == NULL)
    return FALSE;

  if (json_node_get_value_type (node) == G_TYPE_INT64)
    {
      *value = json_node_get_int (node);
      return TRUE;
    }

  if (json_node_get_value_type (node) != G_TYPE_DOUBLE)
    return FALSE;

  /* What did not fit became a double of 2^63 at least. */
  number = json_node_get_double (node);
  if (!(number > -0x1p63 && number < 0x1p63) || number != (double) (gint64) number)
    return FALSE;

  *value = (gint64) number;
  return TRUE;
}

gboolean
vmp_json_get_double (JsonObject *object,
                     const char *name,
                     double     *value)
{
  JsonNode *node = get_member (object, name, JSON_NODE_VALUE);

  if (node == NULL ||
      (json_node_get_value_type (node) != G_TYPE_DOUBLE && json_node_get_value_type (node) != G_TYPE_INT64) ||
      !isfinite (json_node_get_double (node)))
    return FALSE;

  *value = json_node_get_double (node);
  return TRUE;
}

/* -- Building ------------------------------------------------------------------------------ */

static void
add_text (JsonBuilder *builder,
          const char  *text)
{
  g_autofree char *valid = NULL;

  if (g_utf8_validate (text, -1, NULL))
    {
      json_builder_add_string_value (builder, text);
      return;
    }

  valid = g_utf8_make_valid (text, -1);
  json_builder_add_string_value (builder, valid);
}

static void
add_name (JsonBuilder *builder,
          const char  *name)
{
  if (name != NULL)
    json_builder_set_member_name (builder, name);
}

void
vmp_json_add_string (JsonBuilder *builder,
                     const char  *name,
                     const char  *value)
{
  add_name (builder, name);
  if (value != NULL)
    add_text (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
vmp_json_add_int (JsonBuilder *builder,
                  const char  *name,
                  gint64       value)
{
  add_name (builder, name);
  json_builder_add_int_value (builder, value);
}

void
vmp_json_add_double (JsonBuilder *builder,
                     const char  *name,
                     double       value)
{
  add_name (builder, name);
  if (isfinite (value))
    json_builder_add_double_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
vmp_json_add_boolean (JsonBuilder *builder,
                      const char  *name,
                      gboolean     value)
{
  add_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
vmp_json_add_null (JsonBuilder *builder,
                   const char  *name)
{
  add_name (builder, name);
  json_builder_add_null_value (builder);
}

void
vmp_json_add_strings (JsonBuilder        *builder,
                      const char         *name,
                      const char * const *values)
{
  if (values == NULL)
    {
      vmp_json_add_null (builder, name);
      return;
    }

  add_name (builder, name);
  json_builder_begin_array (builder);
  for (; *values != NULL; values++)
    add_text (builder, *values);
  json_builder_end_array (builder);
}

void
vmp_json_add_time (JsonBuilder *builder,
                   const char  *name,
                   gint64       unix_us)
{
  gint64 seconds = unix_us / G_USEC_PER_SEC - (unix_us % G_USEC_PER_SEC < 0 ? 1 : 0);
  g_autoptr (GDateTime) time = unix_us != 0 ? g_date_time_new_from_unix_utc (seconds) : NULL;
  g_autofree char *text = NULL;

  if (time != NULL)
    text = g_strdup_printf ("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                            g_date_time_get_year (time), g_date_time_get_month (time),
                            g_date_time_get_day_of_month (time), g_date_time_get_hour (time),
                            g_date_time_get_minute (time), g_date_time_get_second (time),
                            (int) ((unix_us - seconds * G_USEC_PER_SEC) / 1000));

  vmp_json_add_string (builder, name, text);
}

char *
vmp_json_builder_print (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);

  return vmp_json_print (root);
}

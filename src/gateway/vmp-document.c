/* SPDX-License-Identifier: MIT
 *
 * Implementation of the tables of members: checking a document against one, and describing one as JSON Schema. Both
 * read the same bounds; those for which the table has none are the same for all bodies, and are not repeated in each
 * schema. Names in messages are the tables' own, never the client's.
 */

#include "gateway/vmp-document.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <math.h>
#include <string.h>

/* An input that is longer than this says nothing to the person who reads the error. */
#define SHOWN_CHARS 200

/* Where doubles end that are whole numbers of gint64. */
#define INT64_END 9223372036854775808.0

typedef struct _Place Place;

/* Where in the document: a chain from the innermost place outwards. */
struct _Place {
  const Place *parent;  /* NULL: this is the body */
  const char *name;     /* NULL: an item of an array */
  guint index;
  const VmpField *field;
};

/* What has been found wrong so far. */
typedef struct {
  JsonArray *details;
  char *first;  /* the message of the first fault */
} Findings;

/* -- What a field asks for ----------------------------------------------------------------- */

/* G_MININT64 and G_MAXINT64 where there is none. */
typedef struct {
  gint64 min;
  gint64 max;
} Bounds;

/* As the table has them. */
static Bounds
given_bounds (const VmpField *field)
{
  Bounds bounds = { G_MININT64, G_MAXINT64 };

  if (field->min != 0 || field->max != 0)
    {
      bounds.min = field->min;
      if (field->max >= field->min)
        bounds.max = field->max;
    }

  return bounds;
}

/* As they are checked: nothing may be of any size. */
static Bounds
checked_bounds (const VmpField *field)
{
  Bounds bounds = given_bounds (field);

  switch (field->type)
    {
    case VMP_FIELD_STRING:
      bounds.max = MIN (bounds.max, VMP_LIMIT_DOCUMENT_STRING_CHARS);
      break;

    case VMP_FIELD_STRINGS:
    case VMP_FIELD_INTS:
    case VMP_FIELD_OBJECTS:
      bounds.max = MIN (bounds.max, VMP_LIMIT_DOCUMENT_ITEMS);
      break;

    case VMP_FIELD_BOOLEAN:
    case VMP_FIELD_INT:
    case VMP_FIELD_NUMBER:
    case VMP_FIELD_OBJECT:
    case VMP_FIELD_ANY:
    default:
      break;
    }

  return bounds;
}

static const struct {
  const char *must_be; /* the rest of a sentence */
  const char *fault;   /* the name that FastAPI has for another type than that */
  const char *schema;
} types[] = {
  [VMP_FIELD_STRING] = { "must be a string", "string_type", "string" },
  [VMP_FIELD_BOOLEAN] = { "must be true or false", "bool_type", "boolean" },
  [VMP_FIELD_INT] = { "must be a whole number", "int_type", "integer" },
  [VMP_FIELD_NUMBER] = { "must be a number", "float_type", "number" },
  [VMP_FIELD_STRINGS] = { "must be an array of strings", "list_type", "array" },
  [VMP_FIELD_INTS] = { "must be an array of whole numbers", "list_type", "array" },
  [VMP_FIELD_OBJECT] = { "must be an object", "dict_type", "object" },
  [VMP_FIELD_OBJECTS] = { "must be an array of objects", "list_type", "array" },
  [VMP_FIELD_ANY] = { "may be anything", "any_type", NULL },
};

/* What a value must be, as the rest of a sentence. (transfer full) */
static char *
describe (const VmpField *field)
{
  GString *text;
  guint i;

  if (field->type != VMP_FIELD_STRING || field->values == NULL)
    return g_strdup (types[field->type].must_be);

  text = g_string_new ("must be ");
  for (i = 0; field->values[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append (text, field->values[i + 1] != NULL ? ", " : " or ");
      g_string_append_printf (text, "\"%s\"", field->values[i]);
    }

  return g_string_free (text, FALSE);
}

/* "1 to 20 characters", "at most 256 items", "at least 1". @unit: with the space before it. (transfer full) */
static char *
describe_bounds (Bounds      bounds,
                 const char *unit)
{
  if (bounds.max == G_MAXINT64)
    return g_strdup_printf ("at least %" G_GINT64_FORMAT "%s", bounds.min, unit);
  if (bounds.min == G_MININT64 || (bounds.min == 0 && *unit != '\0'))
    return g_strdup_printf ("at most %" G_GINT64_FORMAT "%s", bounds.max, unit);
  if (bounds.min == bounds.max)
    return g_strdup_printf ("exactly %" G_GINT64_FORMAT "%s", bounds.max, unit);

  return g_strdup_printf ("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT "%s", bounds.min, bounds.max, unit);
}

/* -- Faults -------------------------------------------------------------------------------- */

static void
append_path (GString     *text,
             const Place *place)
{
  if (place->parent == NULL)
    return;

  append_path (text, place->parent);
  if (place->name == NULL)
    {
      g_string_append_printf (text, "[%u]", place->index);
      return;
    }

  if (text->len > 0)
    g_string_append_c (text, '.');
  g_string_append (text, place->name);
}

static void
append_location (JsonArray   *location,
                 const Place *place)
{
  if (place->parent == NULL)
    {
      json_array_add_string_element (location, "body");
      return;
    }

  append_location (location, place->parent);
  if (place->name == NULL)
    json_array_add_int_element (location, place->index);
  else
    json_array_add_string_element (location, place->name);
}

/* Whether the error may not repeat what was sent there. */
static gboolean
is_secret_place (const Place *place)
{
  static const char * const words[] = { "token", "secret", "password", "key" };
  guint i;

  for (; place->parent != NULL; place = place->parent)
    {
      for (i = 0; place->name != NULL && i < G_N_ELEMENTS (words); i++)
        {
          if (strstr (place->name, words[i]) != NULL)
            return TRUE;
        }
    }

  return FALSE;
}

static gboolean
text_is_plain (const char *text)
{
  for (; *text != '\0'; text = g_utf8_next_char (text))
    {
      if (!vmp_text_is_plain (g_utf8_get_char (text)))
        return FALSE;
    }

  return TRUE;
}

/* Whether an error may repeat a value: a plain and short one, and no URL with a password in it. */
static gboolean
may_be_shown (const Place *place,
              JsonNode    *value)
{
  const char *text;

  if (value == NULL || !(JSON_NODE_HOLDS_VALUE (value) || JSON_NODE_HOLDS_NULL (value)) || is_secret_place (place))
    return FALSE;

  text = JSON_NODE_HOLDS_VALUE (value) ? json_node_get_string (value) : NULL;
  if (text != NULL)
    return g_utf8_strlen (text, -1) <= SHOWN_CHARS && strchr (text, '@') == NULL && text_is_plain (text);

  return !JSON_NODE_HOLDS_VALUE (value) || json_node_get_value_type (value) != G_TYPE_DOUBLE ||
         isfinite (json_node_get_double (value));
}

/* @what: the rest of a sentence that begins with the member. @value: (nullable): what was there */
static void
add_fault (Findings    *findings,
           const Place *place,
           const char  *type,
           const char  *what,
           JsonNode    *value)
{
  g_autoptr (GString) message = NULL;
  JsonObject *detail;
  JsonArray *location;

  if (json_array_get_length (findings->details) >= VMP_LIMIT_DOCUMENT_FAULTS)
    return;

  message = g_string_new (NULL);
  append_path (message, place);
  if (message->len == 0)
    g_string_append (message, "The body");
  g_string_append_printf (message, " %s.", what);

  location = json_array_new ();
  append_location (location, place);
  detail = json_object_new ();
  json_object_set_string_member (detail, "type", type);
  json_object_set_array_member (detail, "loc", location);
  json_object_set_string_member (detail, "msg", message->str);
  if (may_be_shown (place, value))
    json_object_set_member (detail, "input", json_node_copy (value));
  json_array_add_object_element (findings->details, detail);

  if (findings->first == NULL)
    findings->first = g_string_free (g_steal_pointer (&message), FALSE);
}

static gboolean
has_enough (const Findings *findings)
{
  return json_array_get_length (findings->details) >= VMP_LIMIT_DOCUMENT_FAULTS;
}

static void
add_type_fault (Findings    *findings,
                const Place *place,
                JsonNode    *value)
{
  g_autofree char *what = describe (place->field);

  add_fault (findings, place, types[place->field->type].fault, what, value);
}

/* -- Checking ------------------------------------------------------------------------------ */

static void check_members (Findings       *findings,
                           const Place    *place,
                           JsonObject     *object,
                           const VmpField *fields);

static void
check_string (Findings    *findings,
              const Place *place,
              JsonNode    *value,
              Bounds       bounds)
{
  const VmpField *field = place->field;
  const char *text;
  gint64 n_chars;

  if (!JSON_NODE_HOLDS_VALUE (value) || json_node_get_value_type (value) != G_TYPE_STRING)
    {
      if (place->name == NULL) /* the field is that of the array */
        add_fault (findings, place, types[VMP_FIELD_STRING].fault, types[VMP_FIELD_STRING].must_be, value);
      else
        add_type_fault (findings, place, value);
      return;
    }

  text = json_node_get_string (value);
  if (field->values != NULL)
    {
      if (!g_strv_contains (field->values, text))
        {
          VmpField word = { .type = VMP_FIELD_STRING, .values = field->values };
          g_autofree char *what = describe (&word);

          add_fault (findings, place, "literal_error", what, value);
        }
      return;
    }

  n_chars = g_utf8_strlen (text, -1);
  if (n_chars < bounds.min || n_chars > bounds.max)
    {
      g_autofree char *size = describe_bounds (bounds, bounds.max == 1 ? " character" : " characters");
      g_autofree char *what = g_strdup_printf ("must have %s", size);

      add_fault (findings, place, n_chars < bounds.min ? "string_too_short" : "string_too_long", what, value);
    }
  else if (!text_is_plain (text))
    {
      add_fault (findings, place, "value_error",
                 "must be plain text on one line, without control or invisible characters", NULL);
    }
}

/* @whole: no fraction is taken */
static void
check_number (Findings    *findings,
              const Place *place,
              JsonNode    *value,
              gboolean     whole,
              Bounds       bounds)
{
  VmpFieldType type = whole ? VMP_FIELD_INT : VMP_FIELD_NUMBER;
  GType given = JSON_NODE_HOLDS_VALUE (value) ? json_node_get_value_type (value) : G_TYPE_INVALID;
  double number = 0;
  gboolean low;
  gboolean high;

  if (given == G_TYPE_INT64)
    {
      low = json_node_get_int (value) < bounds.min;
      high = json_node_get_int (value) > bounds.max;
    }
  else if (given == G_TYPE_DOUBLE)
    {
      number = json_node_get_double (value);
      low = bounds.min != G_MININT64 && number < (double) bounds.min;
      high = bounds.max != G_MAXINT64 && number > (double) bounds.max;
    }
  else
    {
      add_fault (findings, place, types[type].fault, types[type].must_be, value);
      return;
    }

  if (!isfinite (number) || (whole && (number < -INT64_END || number >= INT64_END)))
    {
      add_fault (findings, place, "finite_number", "is too large a number", value);
    }
  else if (whole && number != (double) (gint64) number)
    {
      add_fault (findings, place, "int_from_float", types[type].must_be, value);
    }
  else if (low || high)
    {
      g_autofree char *range = describe_bounds (bounds, "");
      g_autofree char *what = g_strdup_printf ("must be %s", range);

      add_fault (findings, place, low ? "greater_than_equal" : "less_than_equal", what, value);
    }
}

static void
check_object (Findings    *findings,
              const Place *place,
              JsonNode    *value)
{
  if (!JSON_NODE_HOLDS_OBJECT (value))
    add_fault (findings, place, types[VMP_FIELD_OBJECT].fault, types[VMP_FIELD_OBJECT].must_be, value);
  else if (place->field->members != NULL)
    check_members (findings, place, json_node_get_object (value), place->field->members);
}

static void
check_array (Findings    *findings,
             const Place *place,
             JsonNode    *value)
{
  static const Bounds anything = { G_MININT64, G_MAXINT64 };
  static const Bounds any_text = { 0, VMP_LIMIT_DOCUMENT_STRING_CHARS };
  const VmpField *field = place->field;
  Bounds bounds = checked_bounds (field);
  JsonArray *array;
  guint n;
  guint i;

  if (!JSON_NODE_HOLDS_ARRAY (value))
    {
      add_type_fault (findings, place, value);
      return;
    }

  array = json_node_get_array (value);
  n = json_array_get_length (array);
  if (n < bounds.min || n > bounds.max)
    {
      g_autofree char *size = describe_bounds (bounds, bounds.max == 1 ? " item" : " items");
      g_autofree char *what = g_strdup_printf ("must have %s", size);

      add_fault (findings, place, n < bounds.min ? "too_short" : "too_long", what, value);
      return;
    }

  for (i = 0; i < n && !has_enough (findings); i++)
    {
      Place item = { .parent = place, .index = i, .field = field };
      JsonNode *element = json_array_get_element (array, i);

      if (field->type == VMP_FIELD_STRINGS)
        check_string (findings, &item, element, any_text);
      else if (field->type == VMP_FIELD_INTS)
        check_number (findings, &item, element, TRUE, anything);
      else
        check_object (findings, &item, element);
    }
}

static void
check_value (Findings    *findings,
             const Place *place,
             JsonNode    *value)
{
  const VmpField *field = place->field;

  if (JSON_NODE_HOLDS_NULL (value) && field->nullable)
    return;

  switch (field->type)
    {
    case VMP_FIELD_STRING:
      check_string (findings, place, value, checked_bounds (field));
      break;

    case VMP_FIELD_BOOLEAN:
      if (!JSON_NODE_HOLDS_VALUE (value) || json_node_get_value_type (value) != G_TYPE_BOOLEAN)
        add_type_fault (findings, place, value);
      break;

    case VMP_FIELD_INT:
    case VMP_FIELD_NUMBER:
      check_number (findings, place, value, field->type == VMP_FIELD_INT, given_bounds (field));
      break;

    case VMP_FIELD_OBJECT:
      check_object (findings, place, value);
      break;

    case VMP_FIELD_ANY:
      break;

    case VMP_FIELD_STRINGS:
    case VMP_FIELD_INTS:
    case VMP_FIELD_OBJECTS:
    default:
      check_array (findings, place, value);
      break;
    }
}

static void
check_members (Findings       *findings,
               const Place    *place,
               JsonObject     *object,
               const VmpField *fields)
{
  for (; fields->name != NULL; fields++)
    {
      Place member = { .parent = place, .name = fields->name, .field = fields };
      JsonNode *value = json_object_get_member (object, fields->name);

      if (value != NULL)
        {
          check_value (findings, &member, value);
        }
      else if (fields->required)
        {
          g_autofree char *must_be = describe (fields);
          g_autofree char *what = g_strdup_printf ("is missing; it %s", must_be);

          add_fault (findings, &member, "missing", what, NULL);
        }
    }
}

static JsonNode *
take_array (JsonArray *array)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  json_node_take_array (node, array);

  return node;
}

static JsonNode *
parse (const char       *body,
       gsize             len,
       VmpDocumentFault *fault)
{
  g_autoptr (GError) error = NULL;
  JsonNode *root;

  if (body == NULL || len == 0)
    {
      root = json_node_new (JSON_NODE_OBJECT);
      json_node_take_object (root, json_object_new ());
      return root;
    }

  root = vmp_json_parse (body, len, &error);
  if (root == NULL)
    {
      fault->problem = VMP_PROBLEM_BAD_JSON;
      fault->message = g_strdup_printf ("The body %s%s", error->message,
                                        g_str_has_suffix (error->message, ".") ? "" : ".");
      fault->detail = json_node_init_string (json_node_alloc (), fault->message);
    }

  return root;
}

void
vmp_document_fault_clear (VmpDocumentFault *fault)
{
  g_clear_pointer (&fault->message, g_free);
  g_clear_pointer (&fault->detail, json_node_unref);
}

JsonNode *
vmp_document_read (const char       *body,
                   gsize             len,
                   const VmpField   *fields,
                   VmpDocumentFault *fault)
{
  static const VmpField whole = { .type = VMP_FIELD_OBJECT };
  Place place = { .field = &whole };
  Findings findings = { NULL, };
  g_autoptr (JsonNode) root = NULL;

  memset (fault, 0, sizeof *fault);
  root = parse (body, len, fault);
  if (root == NULL)
    return NULL;

  findings.details = json_array_new ();
  if (JSON_NODE_HOLDS_OBJECT (root))
    check_members (&findings, &place, json_node_get_object (root), fields);
  else
    add_fault (&findings, &place, "model_attributes_type", "must be a JSON object", NULL);

  if (findings.first == NULL)
    {
      json_array_unref (findings.details);
      return g_steal_pointer (&root);
    }

  fault->problem = VMP_PROBLEM_INVALID_FIELD;
  fault->message = findings.first;
  fault->detail = take_array (findings.details);

  return NULL;
}

/* -- Describing ---------------------------------------------------------------------------- */

static void
add_type (JsonBuilder *builder,
          const char  *type,
          gboolean     nullable)
{
  if (!nullable)
    {
      vmp_json_add_string (builder, "type", type);
      return;
    }

  json_builder_set_member_name (builder, "type");
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, type);
  json_builder_add_string_value (builder, "null");
  json_builder_end_array (builder);
}

static void
add_values (JsonBuilder    *builder,
            const VmpField *field)
{
  guint i;

  if (field->values == NULL)
    return;

  json_builder_set_member_name (builder, "enum");
  json_builder_begin_array (builder);
  for (i = 0; field->values[i] != NULL; i++)
    json_builder_add_string_value (builder, field->values[i]);
  if (field->nullable && field->type == VMP_FIELD_STRING)
    json_builder_add_null_value (builder);
  json_builder_end_array (builder);
}

static void
add_bounds (JsonBuilder *builder,
            Bounds       bounds,
            const char  *min_name,
            const char  *max_name)
{
  if (bounds.min != G_MININT64)
    vmp_json_add_int (builder, min_name, bounds.min);
  if (bounds.max != G_MAXINT64)
    vmp_json_add_int (builder, max_name, bounds.max);
}

/* The members of an object's schema that say what is in it. */
static void add_properties (JsonBuilder    *builder,
                            const VmpField *fields);

/* The schema of an array's items. */
static void
add_items (JsonBuilder    *builder,
           const VmpField *field)
{
  json_builder_set_member_name (builder, "items");
  json_builder_begin_object (builder);
  switch (field->type)
    {
    case VMP_FIELD_STRINGS:
      add_type (builder, "string", FALSE);
      add_values (builder, field);
      break;

    case VMP_FIELD_INTS:
      add_type (builder, "integer", FALSE);
      break;

    default:
      add_type (builder, "object", FALSE);
      if (field->members != NULL)
        add_properties (builder, field->members);
      break;
    }
  json_builder_end_object (builder);
}

static void
add_field (JsonBuilder    *builder,
           const VmpField *field)
{
  Bounds bounds = given_bounds (field);

  json_builder_begin_object (builder);
  if (types[field->type].schema != NULL)
    add_type (builder, types[field->type].schema, field->nullable);
  switch (field->type)
    {
    case VMP_FIELD_STRING:
      add_values (builder, field);
      if (field->values == NULL)
        add_bounds (builder, bounds, "minLength", "maxLength");
      break;

    case VMP_FIELD_INT:
    case VMP_FIELD_NUMBER:
      add_bounds (builder, bounds, "minimum", "maximum");
      break;

    case VMP_FIELD_OBJECT:
      if (field->members != NULL)
        add_properties (builder, field->members);
      break;

    case VMP_FIELD_STRINGS:
    case VMP_FIELD_INTS:
    case VMP_FIELD_OBJECTS:
      add_bounds (builder, bounds, "minItems", "maxItems");
      add_items (builder, field);
      break;

    case VMP_FIELD_BOOLEAN:
    case VMP_FIELD_ANY:
    default:
      break;
    }
  if (field->about != NULL)
    vmp_json_add_string (builder, "description", field->about);
  json_builder_end_object (builder);
}

static void
add_properties (JsonBuilder    *builder,
                const VmpField *fields)
{
  const VmpField *field;
  gboolean any_required = FALSE;

  json_builder_set_member_name (builder, "properties");
  json_builder_begin_object (builder);
  for (field = fields; field->name != NULL; field++)
    {
      json_builder_set_member_name (builder, field->name);
      add_field (builder, field);
      any_required |= field->required;
    }
  json_builder_end_object (builder);

  if (!any_required)
    return;
  json_builder_set_member_name (builder, "required");
  json_builder_begin_array (builder);
  for (field = fields; field->name != NULL; field++)
    {
      if (field->required)
        json_builder_add_string_value (builder, field->name);
    }
  json_builder_end_array (builder);
}

void
vmp_document_build_schema (const VmpField *fields,
                           JsonBuilder    *builder)
{
  json_builder_begin_object (builder);
  add_type (builder, "object", FALSE);
  add_properties (builder, fields);
  json_builder_end_object (builder);
}

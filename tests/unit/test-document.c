/* SPDX-License-Identifier: MIT
 *
 * Bodies of the control API against tables: what is taken, what an error says of what is not, and that the schema which
 * openapi.json shows has the same bounds.
 */

#include "gateway/vmp-document.h"

#include "core/vmp-limits.h"

#include <string.h>

static const char * const modes[] = { "off", "local", "family", NULL };
static const char * const methods[] = { "mdns", "local", NULL };

static const VmpField target_fields[] = {
  { "node", VMP_FIELD_STRING, .required = TRUE, .min = 1, .max = 20 },
  { "model", VMP_FIELD_STRING, .required = TRUE },
  { NULL }
};

static const VmpField fields[] = {
  { "name", VMP_FIELD_STRING, .nullable = TRUE, .max = 10, .about = "What people call it" },
  { "token", VMP_FIELD_STRING, .max = 10 },
  { "mode", VMP_FIELD_STRING, .values = modes },
  { "trusted", VMP_FIELD_BOOLEAN },
  { "port", VMP_FIELD_INT, .min = 1, .max = 65535 },
  { "size", VMP_FIELD_INT },
  { "offset", VMP_FIELD_INT, .min = -5 },
  { "speed", VMP_FIELD_NUMBER, .min = 0, .max = 100 },
  { "rate", VMP_FIELD_NUMBER },
  { "tags", VMP_FIELD_STRINGS, .max = 3 },
  { "methods", VMP_FIELD_STRINGS, .min = 1, .max = 2, .values = methods },
  { "ports", VMP_FIELD_INTS, .max = 3 },
  { "anything", VMP_FIELD_OBJECT },
  { "target", VMP_FIELD_OBJECT, .members = target_fields },
  { "targets", VMP_FIELD_OBJECTS, .max = 4, .members = target_fields },
  { NULL }
};

static const VmpField required_fields[] = {
  { "mode", VMP_FIELD_STRING, .required = TRUE, .values = modes },
  { "enabled", VMP_FIELD_BOOLEAN, .required = TRUE },
  { "model", VMP_FIELD_STRING, .nullable = TRUE },
  { NULL }
};

static void
assert_taken (const char *body)
{
  VmpDocumentFault fault;
  g_autoptr (JsonNode) root = vmp_document_read (body, strlen (body), fields, &fault);

  if (root == NULL)
    g_test_message ("%s: %s", body, fault.message);
  g_assert_nonnull (root);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (root));
  g_assert_null (fault.message);
  g_assert_null (fault.detail);
}

/* @detail: NULL, or the only fault as it is printed */
static void
assert_refused (const VmpField *table,
                const char     *body,
                const char     *message,
                const char     *detail)
{
  VmpDocumentFault fault;
  g_autoptr (JsonNode) root = vmp_document_read (body, body != NULL ? strlen (body) : 0, table, &fault);
  g_autofree char *printed = NULL;
  g_autofree char *expected = NULL;

  if (root != NULL)
    g_test_message ("taken: %s", body);
  g_assert_null (root);
  g_assert_cmpint (fault.problem, ==, VMP_PROBLEM_INVALID_FIELD);
  g_assert_cmpstr (fault.message, ==, message);
  g_assert_true (JSON_NODE_HOLDS_ARRAY (fault.detail));
  if (detail != NULL)
    {
      printed = vmp_json_print (fault.detail);
      expected = g_strdup_printf ("[%s]", detail);
      g_assert_cmpstr (printed, ==, expected);
    }
  vmp_document_fault_clear (&fault);
  g_assert_null (fault.message);
}

/* -- What is taken ------------------------------------------------------------------------- */

static void
test_taken (void)
{
  assert_taken ("{}");
  assert_taken (" {\"name\": \"Zo\xc3\xab\", \"mode\": \"family\", \"trusted\": true, \"port\": 65535}\n");
  assert_taken ("{\"port\": 3.0, \"size\": -9223372036854775808, \"offset\": -5, \"speed\": 100, \"rate\": 1e300}");
  assert_taken ("{\"tags\": [\"a\", \"\"], \"methods\": [\"mdns\"], \"ports\": [1, 2.0, 3]}");
  assert_taken ("{\"anything\": {\"x\": [1, {\"y\": null}]}}");
  assert_taken ("{\"target\": {\"node\": \"n\", \"model\": \"m\", \"more\": 1}}");
  assert_taken ("{\"targets\": []}");

  /* What the table does not name is not looked at. */
  assert_taken ("{\"nonsense\": {\"mode\": 3}}");
}

static void
test_no_body (void)
{
  VmpDocumentFault fault;
  g_autoptr (JsonNode) root = vmp_document_read (NULL, 0, fields, &fault);

  g_assert_nonnull (root);
  g_assert_cmpuint (json_object_get_size (json_node_get_object (root)), ==, 0);

  assert_refused (required_fields, NULL, "mode is missing; it must be \"off\", \"local\" or \"family\".", NULL);
}

static void
test_null (void)
{
  assert_taken ("{\"name\": null}");
  assert_refused (fields, "{\"mode\": null}", "mode must be \"off\", \"local\" or \"family\".",
                  "{\"type\":\"string_type\",\"loc\":[\"body\",\"mode\"],"
                  "\"msg\":\"mode must be \\\"off\\\", \\\"local\\\" or \\\"family\\\".\",\"input\":null}");
  assert_refused (fields, "{\"trusted\": null}", "trusted must be true or false.", NULL);
}

/* -- What is refused ----------------------------------------------------------------------- */

static void
test_not_json (void)
{
  static const char * const bodies[] = { "{", "nonsense", "{\"a\": 1}}", "{\"name\": \"\xff\"}", " ", "{'a': 1}" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      VmpDocumentFault fault;
      g_autoptr (JsonNode) root = vmp_document_read (bodies[i], strlen (bodies[i]), fields, &fault);

      g_assert_null (root);
      g_assert_cmpint (fault.problem, ==, VMP_PROBLEM_BAD_JSON);
      g_assert_true (g_str_has_prefix (fault.message, "The body is no JSON: "));
      g_assert_true (g_str_has_suffix (fault.message, "."));
      g_assert_false (g_str_has_suffix (fault.message, ".."));
      g_assert_cmpstr (json_node_get_string (fault.detail), ==, fault.message);
      vmp_document_fault_clear (&fault);
    }
}

static void
test_not_an_object (void)
{
  static const char * const bodies[] = { "[]", "null", "3", "\"text\"", "true" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (bodies); i++)
    assert_refused (fields, bodies[i], "The body must be a JSON object.",
                    "{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],"
                    "\"msg\":\"The body must be a JSON object.\"}");
}

static void
test_types (void)
{
  assert_refused (fields, "{\"name\": 3}", "name must be a string.",
                  "{\"type\":\"string_type\",\"loc\":[\"body\",\"name\"],\"msg\":\"name must be a string.\","
                  "\"input\":3}");
  assert_refused (fields, "{\"trusted\": \"true\"}", "trusted must be true or false.",
                  "{\"type\":\"bool_type\",\"loc\":[\"body\",\"trusted\"],\"msg\":\"trusted must be true or false.\","
                  "\"input\":\"true\"}");
  assert_refused (fields, "{\"trusted\": 1}", "trusted must be true or false.", NULL);
  assert_refused (fields, "{\"port\": \"3\"}", "port must be a whole number.", NULL);
  assert_refused (fields, "{\"port\": true}", "port must be a whole number.", NULL);
  assert_refused (fields, "{\"speed\": \"3\"}", "speed must be a number.", NULL);
  assert_refused (fields, "{\"tags\": \"a\"}", "tags must be an array of strings.", NULL);
  assert_refused (fields, "{\"tags\": {}}", "tags must be an array of strings.",
                  "{\"type\":\"list_type\",\"loc\":[\"body\",\"tags\"],\"msg\":\"tags must be an array of strings.\"}");
  assert_refused (fields, "{\"ports\": 3}", "ports must be an array of whole numbers.", NULL);
  assert_refused (fields, "{\"anything\": []}", "anything must be an object.", NULL);
  assert_refused (fields, "{\"targets\": {}}", "targets must be an array of objects.", NULL);
}

static void
test_whole_numbers (void)
{
  assert_refused (fields, "{\"port\": 3.5}", "port must be a whole number.",
                  "{\"type\":\"int_from_float\",\"loc\":[\"body\",\"port\"],\"msg\":\"port must be a whole number.\","
                  "\"input\":3.5}");
  assert_refused (fields, "{\"port\": 0}", "port must be 1 to 65535.",
                  "{\"type\":\"greater_than_equal\",\"loc\":[\"body\",\"port\"],\"msg\":\"port must be 1 to 65535.\","
                  "\"input\":0}");
  assert_refused (fields, "{\"port\": 65536}", "port must be 1 to 65535.", NULL);
  assert_refused (fields, "{\"port\": 65536.0}", "port must be 1 to 65535.", NULL);
  assert_refused (fields, "{\"offset\": -6}", "offset must be -5 to 0.", NULL);
  assert_refused (fields, "{\"size\": 1e300}", "size is too large a number.", NULL);
  assert_refused (fields, "{\"size\": 9223372036854775808}", "size is too large a number.", NULL);
  assert_refused (fields, "{\"size\": -1e19}", "size is too large a number.", NULL);
  assert_refused (fields, "{\"speed\": -0.5}", "speed must be 0 to 100.", NULL);
  assert_refused (fields, "{\"speed\": 100.001}", "speed must be 0 to 100.", NULL);
}

static void
test_strings (void)
{
  g_autofree char *long_text = g_strnfill (VMP_LIMIT_DOCUMENT_STRING_CHARS + 1, 'x');
  g_autofree char *long_body = g_strdup_printf ("{\"target\": {\"node\": \"n\", \"model\": \"%s\"}}", long_text);

  /* Characters are counted, not bytes. */
  assert_taken ("{\"name\": \"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}");
  assert_refused (fields, "{\"name\": \"12345678901\"}", "name must have at most 10 characters.",
                  "{\"type\":\"string_too_long\",\"loc\":[\"body\",\"name\"],"
                  "\"msg\":\"name must have at most 10 characters.\",\"input\":\"12345678901\"}");
  assert_refused (fields, "{\"target\": {\"node\": \"\", \"model\": \"\"}}",
                  "target.node must have 1 to 20 characters.", NULL);
  assert_refused (fields, long_body, "target.model must have at most 8192 characters.", NULL);

  /* No control characters, line ends, or marks that turn the direction of text; none comes back in the error. */
  assert_refused (fields, "{\"name\": \"a\\nb\"}",
                  "name must be plain text on one line, without control or invisible characters.",
                  "{\"type\":\"value_error\",\"loc\":[\"body\",\"name\"],"
                  "\"msg\":\"name must be plain text on one line, without control or invisible characters.\"}");
  assert_refused (fields, "{\"name\": \"a\\u202eb\"}",
                  "name must be plain text on one line, without control or invisible characters.", NULL);
  assert_refused (fields, "{\"tags\": [\"ok\", \"\\u001b[2J\"]}",
                  "tags[1] must be plain text on one line, without control or invisible characters.", NULL);
  assert_refused (fields, "{\"mode\": \"\\u202e\"}", "mode must be \"off\", \"local\" or \"family\".",
                  "{\"type\":\"literal_error\",\"loc\":[\"body\",\"mode\"],"
                  "\"msg\":\"mode must be \\\"off\\\", \\\"local\\\" or \\\"family\\\".\"}");
}

static void
test_words (void)
{
  assert_refused (fields, "{\"mode\": \"Family\"}", "mode must be \"off\", \"local\" or \"family\".",
                  "{\"type\":\"literal_error\",\"loc\":[\"body\",\"mode\"],"
                  "\"msg\":\"mode must be \\\"off\\\", \\\"local\\\" or \\\"family\\\".\",\"input\":\"Family\"}");
  assert_refused (fields, "{\"methods\": [\"mdns\", \"dns\"]}", "methods[1] must be \"mdns\" or \"local\".", NULL);
}

static void
test_arrays (void)
{
  assert_refused (fields, "{\"tags\": [1]}", "tags[0] must be a string.",
                  "{\"type\":\"string_type\",\"loc\":[\"body\",\"tags\",0],\"msg\":\"tags[0] must be a string.\","
                  "\"input\":1}");
  assert_refused (fields, "{\"tags\": [null]}", "tags[0] must be a string.", NULL);
  assert_refused (fields, "{\"tags\": [\"\", \"\", \"\", \"\"]}", "tags must have at most 3 items.",
                  "{\"type\":\"too_long\",\"loc\":[\"body\",\"tags\"],\"msg\":\"tags must have at most 3 items.\"}");
  assert_refused (fields, "{\"methods\": []}", "methods must have 1 to 2 items.", NULL);
  assert_refused (fields, "{\"ports\": [1, \"2\"]}", "ports[1] must be a whole number.", NULL);
  assert_refused (fields, "{\"ports\": [1.5]}", "ports[0] must be a whole number.", NULL);
}

static void
test_nested (void)
{
  assert_refused (fields, "{\"targets\": [{\"node\": \"a\", \"model\": \"m\"}, {\"node\": \"b\", \"model\": \"m\"},"
                  " {\"node\": 3, \"model\": \"m\"}]}", "targets[2].node must be a string.",
                  "{\"type\":\"string_type\",\"loc\":[\"body\",\"targets\",2,\"node\"],"
                  "\"msg\":\"targets[2].node must be a string.\",\"input\":3}");
  assert_refused (fields, "{\"targets\": [3]}", "targets[0] must be an object.",
                  "{\"type\":\"dict_type\",\"loc\":[\"body\",\"targets\",0],\"msg\":\"targets[0] must be an object.\","
                  "\"input\":3}");
  assert_refused (fields, "{\"target\": {\"node\": \"n\"}}", "target.model is missing; it must be a string.",
                  "{\"type\":\"missing\",\"loc\":[\"body\",\"target\",\"model\"],"
                  "\"msg\":\"target.model is missing; it must be a string.\"}");
}

static void
test_all_faults (void)
{
  assert_refused (required_fields, "{\"model\": 3}", "mode is missing; it must be \"off\", \"local\" or \"family\".",
                  "{\"type\":\"missing\",\"loc\":[\"body\",\"mode\"],"
                  "\"msg\":\"mode is missing; it must be \\\"off\\\", \\\"local\\\" or \\\"family\\\".\"},"
                  "{\"type\":\"missing\",\"loc\":[\"body\",\"enabled\"],"
                  "\"msg\":\"enabled is missing; it must be true or false.\"},"
                  "{\"type\":\"string_type\",\"loc\":[\"body\",\"model\"],\"msg\":\"model must be a string.\","
                  "\"input\":3}");
}

/* A flood of faults does not come back as a larger flood. */
static void
test_many_faults (void)
{
  static const VmpField numbers[] = { { "n", VMP_FIELD_INTS }, { NULL } };
  GString *body = g_string_new ("{\"n\":[");
  VmpDocumentFault fault;
  g_autoptr (JsonNode) root = NULL;
  guint i;

  for (i = 0; i < VMP_LIMIT_DOCUMENT_ITEMS; i++)
    g_string_append (body, i > 0 ? ",\"\"" : "\"\"");
  g_string_append (body, "]}");
  root = vmp_document_read (body->str, body->len, numbers, &fault);
  g_assert_null (root);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (fault.detail)), ==, VMP_LIMIT_DOCUMENT_FAULTS);
  vmp_document_fault_clear (&fault);

  g_string_truncate (body, body->len - 2);
  g_string_append (body, ",1]}");
  root = vmp_document_read (body->str, body->len, numbers, &fault);
  g_assert_null (root);
  g_assert_cmpstr (fault.message, ==, "n must have at most 4096 items.");
  vmp_document_fault_clear (&fault);
  g_string_free (body, TRUE);
}

/* -- Secrets ------------------------------------------------------------------------------- */

static void
assert_not_repeated (const char *body,
                     const char *secret)
{
  VmpDocumentFault fault;
  g_autoptr (JsonNode) root = vmp_document_read (body, strlen (body), fields, &fault);
  g_autofree char *printed = NULL;

  g_assert_null (root);
  printed = vmp_json_print (fault.detail);
  g_assert_null (strstr (printed, secret));
  g_assert_null (strstr (fault.message, secret));
  vmp_document_fault_clear (&fault);
}

static void
test_secrets (void)
{
  g_autofree char *long_text = g_strnfill (201, 'x');
  g_autofree char *long_body = g_strdup_printf ("{\"name\": \"%s\"}", long_text);

  assert_not_repeated ("{\"token\": \"sk-canary-0123456789\"}", "canary");
  assert_not_repeated ("{\"token\": 1234512345}", "12345");
  assert_not_repeated ("{\"name\": \"http://me:canary@host\"}", "canary");
  assert_not_repeated ("{\"name\": {\"token\": \"canary\"}}", "canary");
  assert_not_repeated ("{\"tags\": {\"a\": \"canary\"}}", "canary");
  assert_not_repeated (long_body, "xxx");
}

/* -- Schema -------------------------------------------------------------------------------- */

static void
test_schema (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *printed = NULL;

  vmp_document_build_schema (fields, builder);
  printed = vmp_json_builder_print (builder);
  g_assert_cmpstr (printed, ==,
                   "{\"type\":\"object\",\"properties\":{"
                   "\"name\":{\"type\":[\"string\",\"null\"],\"minLength\":0,\"maxLength\":10,"
                   "\"description\":\"What people call it\"},"
                   "\"token\":{\"type\":\"string\",\"minLength\":0,\"maxLength\":10},"
                   "\"mode\":{\"type\":\"string\",\"enum\":[\"off\",\"local\",\"family\"]},"
                   "\"trusted\":{\"type\":\"boolean\"},"
                   "\"port\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535},"
                   "\"size\":{\"type\":\"integer\"},"
                   "\"offset\":{\"type\":\"integer\",\"minimum\":-5,\"maximum\":0},"
                   "\"speed\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100},"
                   "\"rate\":{\"type\":\"number\"},"
                   "\"tags\":{\"type\":\"array\",\"minItems\":0,\"maxItems\":3,"
                   "\"items\":{\"type\":\"string\"}},"
                   "\"methods\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,"
                   "\"items\":{\"type\":\"string\",\"enum\":[\"mdns\",\"local\"]}},"
                   "\"ports\":{\"type\":\"array\",\"minItems\":0,\"maxItems\":3,\"items\":{\"type\":\"integer\"}},"
                   "\"anything\":{\"type\":\"object\"},"
                   "\"target\":{\"type\":\"object\",\"properties\":{"
                   "\"node\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":20},"
                   "\"model\":{\"type\":\"string\"}},\"required\":[\"node\",\"model\"]},"
                   "\"targets\":{\"type\":\"array\",\"minItems\":0,\"maxItems\":4,\"items\":{\"type\":\"object\","
                   "\"properties\":{\"node\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":20},"
                   "\"model\":{\"type\":\"string\"}},\"required\":[\"node\",\"model\"]}}}}");
}

static void
test_schema_of_null (void)
{
  static const VmpField nullable[] = {
    { "mode", VMP_FIELD_STRING, .nullable = TRUE, .values = modes },
    { NULL }
  };
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *printed = NULL;

  vmp_document_build_schema (nullable, builder);
  printed = vmp_json_builder_print (builder);
  g_assert_cmpstr (printed, ==, "{\"type\":\"object\",\"properties\":{\"mode\":{\"type\":[\"string\",\"null\"],"
                   "\"enum\":[\"off\",\"local\",\"family\",null]}}}");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gateway/document/taken", test_taken);
  g_test_add_func ("/gateway/document/no-body", test_no_body);
  g_test_add_func ("/gateway/document/null", test_null);
  g_test_add_func ("/gateway/document/not-json", test_not_json);
  g_test_add_func ("/gateway/document/not-an-object", test_not_an_object);
  g_test_add_func ("/gateway/document/types", test_types);
  g_test_add_func ("/gateway/document/whole-numbers", test_whole_numbers);
  g_test_add_func ("/gateway/document/strings", test_strings);
  g_test_add_func ("/gateway/document/words", test_words);
  g_test_add_func ("/gateway/document/arrays", test_arrays);
  g_test_add_func ("/gateway/document/nested", test_nested);
  g_test_add_func ("/gateway/document/all-faults", test_all_faults);
  g_test_add_func ("/gateway/document/many-faults", test_many_faults);
  g_test_add_func ("/gateway/document/secrets", test_secrets);
  g_test_add_func ("/gateway/document/schema", test_schema);
  g_test_add_func ("/gateway/document/schema-of-null", test_schema_of_null);

  return g_test_run ();
}

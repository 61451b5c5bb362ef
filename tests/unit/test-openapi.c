/* SPDX-License-Identifier: MIT
 *
 * The description of the control API: what is printed of a table, and that the real tables can be described: each
 * endpoint once, with a name of its own.
 */

#include "gateway/vmp-control.h"

#include "vmp-config.h"

#include <string.h>

static void
handle_nothing (VmpControlRequest *request)
{
}

static const VmpField fields[] = {
  { "mode", VMP_FIELD_STRING, .required = TRUE, .max = 5 },
  { NULL }
};

static const VmpField optional_fields[] = {
  { "count", VMP_FIELD_INT, .about = "How many" },
  { NULL }
};

static const VmpEndpoint one_table[] = {
  { "GET", "/things", handle_nothing, NULL, "All things.", "listThings", optional_fields },
  { "DELETE", "/things/{id}/parts/{part}", handle_nothing, NULL, "Removes a part.", "removePart", NULL },
  { NULL }
};

static const VmpEndpoint other_table[] = {
  { "POST", "/things", handle_nothing, fields, "Makes a thing.", "makeThing", NULL },
  { "PATCH", "/other", handle_nothing, optional_fields, "Changes it.", "changeOther", NULL },
  { NULL }
};

static const VmpEndpoint * const tables[] = { one_table, other_table, NULL };

#define ERRORS \
  "\"4XX\":{\"description\":\"What is wrong\",\"content\":{\"application/json\":{\"schema\":{" \
  "\"$ref\":\"#/components/schemas/Error\"}}}}," \
  "\"5XX\":{\"description\":\"What is wrong\",\"content\":{\"application/json\":{\"schema\":{" \
  "\"$ref\":\"#/components/schemas/Error\"}}}}"

static const char things[] =
  "{\"get\":{\"operationId\":\"listThings\",\"summary\":\"All things.\","
  "\"responses\":{\"200\":{\"description\":\"Done\",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","
  "\"properties\":{\"count\":{\"type\":\"integer\",\"description\":\"How many\"}}}}}}," ERRORS "}},"
  "\"post\":{\"operationId\":\"makeThing\",\"summary\":\"Makes a thing.\","
  "\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","
  "\"properties\":{\"mode\":{\"type\":\"string\",\"minLength\":0,\"maxLength\":5}},\"required\":[\"mode\"]}}}},"
  "\"responses\":{\"200\":{\"description\":\"Done\"}," ERRORS "}}}";

static const char part[] =
  "{\"delete\":{\"operationId\":\"removePart\",\"summary\":\"Removes a part.\",\"parameters\":["
  "{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}},"
  "{\"name\":\"part\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}],"
  "\"responses\":{\"200\":{\"description\":\"Done\"}," ERRORS "}}}";

static JsonNode *
parse (const VmpEndpoint * const *of)
{
  g_autofree char *text = vmp_control_print_openapi (of);
  g_autoptr (GError) error = NULL;
  JsonNode *root = vmp_json_parse (text, strlen (text), &error);

  g_assert_no_error (error);

  return root;
}

static void
assert_path (JsonObject *paths,
             const char *path,
             const char *expected)
{
  g_autofree char *printed = vmp_json_print (json_object_get_member (paths, path));

  g_assert_cmpstr (printed, ==, expected);
}

static void
test_document (void)
{
  g_autoptr (JsonNode) root = parse (tables);
  JsonObject *document = json_node_get_object (root);
  JsonObject *paths = vmp_json_get_object (document, "paths");
  JsonObject *info = vmp_json_get_object (document, "info");

  g_assert_cmpstr (vmp_json_get_string (document, "openapi"), ==, "3.1.0");
  g_assert_cmpstr (vmp_json_get_string (info, "title"), ==, "Vampire");
  g_assert_cmpstr (vmp_json_get_string (info, "version"), ==, VMP_VERSION);

  /* What is at one path is together, whichever table it is from. */
  g_assert_cmpuint (json_object_get_size (paths), ==, 3);
  assert_path (paths, "/things", things);
  assert_path (paths, "/things/{id}/parts/{part}", part);
}

static void
test_optional_body (void)
{
  g_autoptr (JsonNode) root = parse (tables);
  JsonObject *paths = vmp_json_get_object (json_node_get_object (root), "paths");
  JsonObject *patch = vmp_json_get_object (vmp_json_get_object (paths, "/other"), "patch");
  gboolean required = TRUE;

  g_assert_true (vmp_json_get_boolean (vmp_json_get_object (patch, "requestBody"), "required", &required));
  g_assert_false (required);
}

/* What errors look like is described, and is what they do look like. */
static void
test_error (void)
{
  g_autoptr (JsonNode) root = parse (tables);
  JsonObject *components = vmp_json_get_object (json_node_get_object (root), "components");
  JsonObject *schema = vmp_json_get_object (vmp_json_get_object (components, "schemas"), "Error");
  JsonObject *properties = vmp_json_get_object (schema, "properties");
  JsonObject *members = vmp_json_get_object (vmp_json_get_object (properties, "error"), "properties");
  g_autofree char *text = vmp_problem_to_json (VMP_PROBLEM_INVALID_FIELD, "mode must be a string.", TRUE);
  g_autoptr (JsonNode) error = vmp_json_parse (text, strlen (text), NULL);
  JsonObject *object = json_node_get_object (error);
  g_autoptr (GList) names = json_object_get_members (object);
  g_autoptr (GList) inner = json_object_get_members (vmp_json_get_object (object, "error"));
  GList *link;

  for (link = names; link != NULL; link = link->next)
    g_assert_true (json_object_has_member (properties, link->data));
  for (link = inner; link != NULL; link = link->next)
    g_assert_true (json_object_has_member (members, link->data));
  g_assert_cmpuint (g_list_length (inner), ==, json_object_get_size (members));
}

/* The gateway's own tables. */
static void
test_endpoints (void)
{
  g_autoptr (JsonNode) root = parse (vmp_control_tables);
  JsonObject *paths = vmp_json_get_object (json_node_get_object (root), "paths");
  g_autoptr (GHashTable) operations = g_hash_table_new (g_str_hash, g_str_equal);
  const VmpEndpoint * const *table;
  const VmpEndpoint *endpoint;
  guint n_endpoints = 0;

  for (table = vmp_control_tables; *table != NULL; table++)
    {
      for (endpoint = *table; endpoint->method != NULL; endpoint++)
        {
          g_autofree char *method = g_ascii_strdown (endpoint->method, -1);
          JsonObject *operation = vmp_json_get_object (vmp_json_get_object (paths, endpoint->path), method);

          g_test_message ("%s %s", endpoint->method, endpoint->path);
          g_assert_nonnull (operation);
          g_assert_cmpstr (vmp_json_get_string (operation, "operationId"), ==, endpoint->operation);
          g_assert_true (g_hash_table_add (operations, (gpointer) endpoint->operation));
          g_assert_nonnull (endpoint->summary);
          g_assert_cmpint (json_object_has_member (operation, "requestBody"), ==, endpoint->fields != NULL);
          n_endpoints++;
        }
    }
  g_assert_cmpuint (n_endpoints, >, 30);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gateway/openapi/document", test_document);
  g_test_add_func ("/gateway/openapi/optional-body", test_optional_body);
  g_test_add_func ("/gateway/openapi/error", test_error);
  g_test_add_func ("/gateway/openapi/endpoints", test_endpoints);

  return g_test_run ();
}

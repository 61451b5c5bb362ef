/* SPDX-License-Identifier: MIT
 *
 * How the control surface finds the endpoint of a path, and what its tables promise.
 */

#include "gateway/vmp-control.h"

#include <string.h>

/* -- Paths --------------------------------------------------------------------------------- */

/* Whether @path, as it came, is one of @template; its first parameter, or "" when it has none. */
static char *
match (const char *template,
       const char *path)
{
  g_auto (GStrv) parts = vmp_control_split_path (path);
  const char *parameters[VMP_CONTROL_PARAMETERS] = { NULL };

  g_assert_nonnull (parts);
  if (!vmp_control_match (template, (const char * const *) parts, parameters))
    return NULL;

  return g_strdup (parameters[0] != NULL ? parameters[0] : "");
}

static void
assert_parameter (const char *template,
                  const char *path,
                  const char *expected)
{
  g_autofree char *parameter = match (template, path);

  g_assert_cmpstr (parameter, ==, expected);
}

static void
test_plain (void)
{
  assert_parameter ("/", "/", "");
  assert_parameter ("/health", "/health", "");
  assert_parameter ("/vampire/v1/nodes", "/vampire/v1/nodes", "");

  assert_parameter ("/", "//", NULL);
  assert_parameter ("/health", "/", NULL);
  assert_parameter ("/health", "/health/", NULL);
  assert_parameter ("/health", "//health", NULL);
  assert_parameter ("/health", "/healthy", NULL);
  assert_parameter ("/health", "/Health", NULL);
  assert_parameter ("/vampire/v1/nodes", "/vampire/v1", NULL);
  assert_parameter ("/vampire/v1/nodes", "/vampire/v1/nodes/a", NULL);
  assert_parameter ("/vampire/v1/nodes", "vampire/v1/nodes", NULL);
  assert_parameter ("/vampire/v1/nodes", "/vampire%2Fv1/nodes", NULL);
}

static void
test_parameters (void)
{
  static const char node[] = "/vampire/v1/nodes/{id}";
  static const char approve[] = "/vampire/v1/nodes/{id}/approve";

  assert_parameter (node, "/vampire/v1/nodes/gpu-rig", "gpu-rig");
  assert_parameter (node, "/vampire/v1/nodes/gpu%20rig", "gpu rig");
  assert_parameter (node, "/vampire/v1/nodes/a%2Fb", "a/b");
  assert_parameter (node, "/vampire/v1/nodes/%c3%A9", "é");
  assert_parameter (node, "/vampire/v1/nodes/%2e%2e", "..");
  assert_parameter (node, "/vampire/v1/nodes/{id}", "{id}");
  assert_parameter (approve, "/vampire/v1/nodes/a%2Fapprove/approve", "a/approve");
  assert_parameter (approve, "/vampire/v1/nodes/approve/approve", "approve");

  assert_parameter (node, "/vampire/v1/nodes/", NULL);
  assert_parameter (node, "/vampire/v1/nodes", NULL);
  assert_parameter (node, "/vampire/v1/nodes/a/", NULL);
  assert_parameter (node, "/vampire/v1/nodes/a/approve", NULL);
  assert_parameter (approve, "/vampire/v1/nodes/a%2Fapprove", NULL);
  assert_parameter (approve, "/vampire/v1/nodes//approve", NULL);
}

static void
test_two_parameters (void)
{
  g_auto (GStrv) parts = vmp_control_split_path ("/a/one/b/two");
  const char *parameters[VMP_CONTROL_PARAMETERS];

  g_assert_true (vmp_control_match ("/a/{x}/b/{y}", (const char * const *) parts, parameters));
  g_assert_cmpstr (parameters[0], ==, "one");
  g_assert_cmpstr (parameters[1], ==, "two");
}

static void
test_bad_encoding (void)
{
  static const char * const paths[] = {
    "/%", "/a%", "/a%2", "/a%zz", "/%00", "/a/%ff", "/%c3", "/%ed%a0%80", "/a/%/b", "/\xff",
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_auto (GStrv) parts = vmp_control_split_path (paths[i]);

      if (parts != NULL)
        g_error ("%s was taken", paths[i]);
    }
}

/* -- Tables -------------------------------------------------------------------------------- */

typedef void (*EndpointFunc) (const VmpEndpoint *endpoint);

static void
for_each_endpoint (EndpointFunc func)
{
  const VmpEndpoint * const *table;
  const VmpEndpoint *endpoint;

  for (table = vmp_control_tables; *table != NULL; table++)
    {
      for (endpoint = *table; endpoint->method != NULL; endpoint++)
        func (endpoint);
    }
}

static GHashTable *seen;

static void
check_endpoint (const VmpEndpoint *endpoint)
{
  g_autofree char *address = g_strconcat (endpoint->method, " ", endpoint->path, NULL);
  const char *brace;
  guint n = 0;

  g_test_message ("%s", address);
  g_assert_nonnull (endpoint->handle);
  g_assert_true (g_str_has_suffix (endpoint->summary, "."));
  g_assert_true (g_ascii_islower (endpoint->operation[0]));
  for (brace = strchr (endpoint->path, '{'); brace != NULL; brace = strchr (brace + 1, '{'))
    n++;
  g_assert_cmpuint (n, <=, VMP_CONTROL_PARAMETERS);

  /* What reads takes no body. */
  if (g_str_equal (endpoint->method, "GET"))
    g_assert_null (endpoint->fields);

  g_assert_true (g_hash_table_add (seen, g_steal_pointer (&address)));
  g_assert_true (g_hash_table_add (seen, g_strdup (endpoint->operation)));
}

static void
test_tables (void)
{
  seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for_each_endpoint (check_endpoint);
  g_assert_cmpuint (g_hash_table_size (seen), >, 40);
  g_hash_table_unref (seen);
}

static const VmpField *
find_field (const VmpEndpoint *table,
            const char        *operation,
            const char        *name)
{
  const VmpField *field;

  for (; !g_str_equal (table->operation, operation); table++)
    g_assert_nonnull (table->method);
  for (field = table->fields; !g_str_equal (field->name, name); field++)
    g_assert_nonnull (field->name);

  return field;
}

/* The words that a body may have are those of the type that they become. */
static void
test_words (void)
{
  const VmpField *provider = find_field (vmp_control_node_endpoints, "registerNode", "provider");
  const VmpField *capabilities = find_field (vmp_control_node_endpoints, "changeNode", "capabilities");
  const VmpField *status = find_field (vmp_control_node_endpoints, "changeNode", "status");
  const VmpField *mode = find_field (vmp_control_share_endpoints, "setShare", "mode");
  guint i;

  g_assert_cmpuint (g_strv_length ((char **) provider->values), ==, VMP_N_PROVIDERS);
  for (i = 0; i < VMP_N_PROVIDERS; i++)
    g_assert_cmpstr (provider->values[i], ==, vmp_provider_to_string (i));

  for (i = 0; i < VMP_N_CAPABILITIES; i++)
    g_assert_cmpstr (capabilities->members[i].name, ==, vmp_capability_to_string (i));
  g_assert_null (capabilities->members[i].name);

  g_assert_cmpuint (g_strv_length ((char **) status->values), ==, VMP_N_NODE_SERVICES);
  for (i = 0; i < VMP_N_NODE_SERVICES; i++)
    {
      VmpNodeService service;

      g_assert_true (vmp_node_service_from_string (status->values[i], &service));
      g_assert_cmpuint (service, ==, i);
    }

  g_assert_cmpuint (g_strv_length ((char **) mode->values), ==, VMP_N_SHARE_MODES);
  for (i = 0; i < VMP_N_SHARE_MODES; i++)
    g_assert_cmpstr (mode->values[i], ==, vmp_share_mode_to_string (i));
}

/* -- Nodes --------------------------------------------------------------------------------- */

/* What is shown of a node is what openapi.json says, and nothing of its token. */
static void
test_node (void)
{
  g_autoptr (VmpNode) node = vmp_node_new ("gpu-rig", vmp_base_url_parse ("http://192.168.1.50:1234", NULL));
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;
  g_autofree char *event = NULL;
  JsonObject *object;
  const VmpField *field;
  guint n = 0;

  node->token = g_strdup ("canary-token");
  vmp_control_build_node (node, TRUE, builder);
  root = json_builder_get_root (builder);
  object = json_node_get_object (root);
  for (field = vmp_control_node_answer; field->name != NULL; field++, n++)
    {
      JsonNode *member = json_object_get_member (object, field->name);

      g_test_message ("%s", field->name);
      g_assert_nonnull (member);
      if (!field->nullable)
        g_assert_false (JSON_NODE_HOLDS_NULL (member));
    }
  g_assert_cmpuint (json_object_get_size (object), ==, n);

  text = vmp_json_print (root);
  event = vmp_control_node_event (node, VMP_NODE_ADDED);
  g_assert_null (strstr (text, "canary"));
  g_assert_null (strstr (event, "canary"));
  g_assert_true (g_str_has_prefix (event, "{\"id\":\"gpu-rig\",\"change\":\"added\","));
  g_assert_null (strstr (event, "\"models\""));

  /* The numbers that were never measured. */
  g_assert_true (json_object_get_null_member (object, "latency_ms"));
  g_assert_true (json_object_get_null_member (object, "tokens_per_second"));
  g_assert_true (json_object_get_null_member (object, "last_checked_at"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/control/path/plain", test_plain);
  g_test_add_func ("/control/path/parameters", test_parameters);
  g_test_add_func ("/control/path/two-parameters", test_two_parameters);
  g_test_add_func ("/control/path/bad-encoding", test_bad_encoding);
  g_test_add_func ("/control/tables/sound", test_tables);
  g_test_add_func ("/control/tables/words", test_words);
  g_test_add_func ("/control/node/members", test_node);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * Behaviour of the choice of a node: tables of nodes and what is asked for.
 */

#include "routing/vmp-choice.h"

#include "core/vmp-limits.h"

#include <glib/gstdio.h>

typedef struct {
  char *folder;
  VmpStore *store;
  VmpRegistry *registry;
  VmpRouteList *routes;
} House;

static void
set_up (House        *self,
        gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("vampire-choice-XXXXXX", &error);
  g_assert_no_error (error);
  self->store = vmp_store_open (self->folder, NULL, &error);
  g_assert_no_error (error);
  self->registry = vmp_registry_new (self->store);
  self->routes = vmp_route_list_new (self->store);
  vmp_registry_set_default (self->registry, "http://localhost:1234");
}

static void
tear_down (House        *self,
           gconstpointer data)
{
  static const char * const files[] = { "vampire.db", "vampire.db-wal", "vampire.db-shm", "vampire.lock" };
  guint i;

  vmp_route_list_free (self->routes);
  vmp_registry_free (self->registry);
  vmp_store_close (self->store);
  for (i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (self->folder, files[i], NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_free (self->folder);
}

/* What a probe has found at a node: an LM Studio with these models; a name that begins with '+' is loaded, one with
 * "embed" in it is for embeddings. */
static void
learn (House              *self,
       VmpNode            *node,
       const char * const *models)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (VmpInventory) inventory = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *json = NULL;
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .latency_ms = 1 };
  guint i;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "models");
  json_builder_begin_array (builder);
  for (i = 0; models[i] != NULL; i++)
    {
      gboolean loaded = models[i][0] == '+';
      const char *key = models[i] + (loaded ? 1 : 0);

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "type", strstr (key, "embed") != NULL ? "embedding" : "llm");
      vmp_json_add_string (builder, "key", key);
      json_builder_set_member_name (builder, "loaded_instances");
      json_builder_begin_array (builder);
      if (loaded)
        {
          json_builder_begin_object (builder);
          vmp_json_add_string (builder, "id", key);
          json_builder_end_object (builder);
        }
      json_builder_end_array (builder);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  json = vmp_json_builder_print (builder);

  inventory = vmp_inventory_parse (VMP_LIST_LMSTUDIO_V1, json, strlen (json), NULL, &error);
  g_assert_no_error (error);
  report.inventory = inventory;
  vmp_registry_take_probe (self->registry, node, &report);
}

static VmpNode *
add_node (House              *self,
          const char         *id,
          const char         *url,
          const char * const *models)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (url, &error);
  VmpNodeUpdate update = { .base_url = base_url };
  VmpNode *node;

  g_assert_no_error (error);
  node = vmp_registry_register (self->registry, id, &update, &error);
  g_assert_no_error (error);
  if (models != NULL)
    learn (self, node, models);

  return node;
}

#define MODELS(...) ((const char * const[]) { __VA_ARGS__, NULL })

/* @via: (nullable): the way the request came */
static void
choose (House       *self,
        const char  *model,
        VmpModelKind kind,
        const char  *via,
        VmpChoice   *choice)
{
  const VmpHttpField field = { VMP_SLICE_LITERAL ("Via"), vmp_slice (via) };
  const VmpChoiceRequest request = {
    .model = model,
    .kind = kind,
    .fields = &field,
    .n_fields = via != NULL ? 1 : 0,
    .now = g_get_monotonic_time (),
  };

  vmp_choice_make (self->registry, self->routes, &request, choice);
}

/* Asserts who is chosen. @node: NULL: nobody, for @problem. @sent: NULL: as asked for */
static void
assert_choice (House       *self,
               const char  *asked,
               VmpModelKind kind,
               const char  *node,
               const char  *sent,
               VmpProblem   problem)
{
  g_auto (VmpChoice) choice = { NULL, };

  choose (self, asked, kind, NULL, &choice);
  if (node == NULL)
    {
      g_assert_null (choice.node);
      g_assert_cmpint (choice.problem, ==, problem);
      g_assert_nonnull (choice.message);
      return;
    }
  g_assert_nonnull (choice.node);
  g_assert_cmpstr (choice.node->id, ==, node);
  if (sent != NULL)
    g_assert_cmpstr (choice.model, ==, sent);
  else
    g_assert_true (choice.model == NULL || g_strcmp0 (choice.model, asked) == 0);
}

/* As assert_choice(), for somebody being chosen for chat. */
static void
assert_chat (House      *self,
             const char *asked,
             const char *node,
             const char *sent)
{
  assert_choice (self, asked, VMP_MODEL_LLM, node, sent, 0);
}

static void
test_by_model (House        *self,
               gconstpointer data)
{
  add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen"));
  add_node (self, "b", "http://10.0.0.2:1234", MODELS ("gemma", "llama"));

  assert_chat (self, "qwen", "a", NULL);
  assert_chat (self, "llama", "b", NULL);
  assert_choice (self, "phi", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_MODEL_NOT_FOUND);
  assert_choice (self, "", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_MODEL_NOT_FOUND);
}

static void
test_nobody_knows (House        *self,
                   gconstpointer data)
{
  VmpNode *node = vmp_registry_get_default (self->registry);

  assert_chat (self, "whatever", node->id, NULL);
  assert_chat (self, NULL, node->id, NULL);

  learn (self, node, MODELS ("qwen"));
  assert_chat (self, "qwen", node->id, NULL);
  assert_chat (self, NULL, node->id, NULL);
  assert_choice (self, "whatever", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_MODEL_NOT_FOUND);
}

static void
test_least_busy (House        *self,
                 gconstpointer data)
{
  VmpNode *a = add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen"));
  VmpNode *b = add_node (self, "b", "http://10.0.0.2:1234", MODELS ("qwen"));
  guint turns[2] = { 0, 0 };
  guint i;

  g_assert_true (vmp_registry_begin_request (self->registry, a));
  for (i = 0; i < 5; i++)
    assert_chat (self, "qwen", "b", NULL);
  g_assert_true (vmp_registry_begin_request (self->registry, b));
  g_assert_true (vmp_registry_begin_request (self->registry, b));
  for (i = 0; i < 5; i++)
    assert_chat (self, "qwen", "a", NULL);
  vmp_registry_end_request (self->registry, a, VMP_TRAFFIC_ANSWERED, 1, NULL);
  vmp_registry_end_request (self->registry, b, VMP_TRAFFIC_ANSWERED, 1, NULL);
  vmp_registry_end_request (self->registry, b, VMP_TRAFFIC_ANSWERED, 1, NULL);

  /* Equally busy ones take turns. */
  for (i = 0; i < 10; i++)
    {
      g_auto (VmpChoice) choice = { NULL, };

      choose (self, "qwen", VMP_MODEL_LLM, NULL, &choice);
      turns[choice.node == b]++;
    }
  g_assert_cmpuint (turns[0], ==, 5);
  g_assert_cmpuint (turns[1], ==, 5);
}

static void
test_out_of_service (House        *self,
                     gconstpointer data)
{
  VmpNode *a = add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen"));
  VmpNode *b = add_node (self, "b", "http://10.0.0.2:1234", MODELS ("qwen"));
  const VmpNodeService draining = VMP_NODE_DRAINING;
  g_autoptr (GError) error = NULL;
  guint i;

  g_assert_true (vmp_registry_update (self->registry, a, &(VmpNodeUpdate) { .service = &draining }, &error));
  for (i = 0; i < 5; i++)
    assert_chat (self, "qwen", "b", NULL);

  g_assert_true (vmp_registry_update (self->registry, b, &(VmpNodeUpdate) { .service = &draining }, &error));
  assert_choice (self, "qwen", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_NO_ROUTE_TARGET);
}

static void
test_not_approved (House        *self,
                   gconstpointer data)
{
  VmpNode *a = add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen"));
  VmpNode *b = add_node (self, "b", "http://10.0.0.2:1234", MODELS ("phi"));

  vmp_registry_block (self->registry, a);
  vmp_registry_suspend_approval (self->registry, b, "Its address has changed.");
  assert_choice (self, "qwen@a", VMP_MODEL_LLM, vmp_registry_get_default (self->registry)->id, NULL, 0);
  assert_choice (self, "vampire:auto", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_NO_ROUTE_TARGET);
  g_assert_false (vmp_registry_begin_request (self->registry, a));
  g_assert_false (vmp_registry_begin_request (self->registry, b));
}

/* Nowhere better to go: a request is worth more than a closed breaker. */
static void
test_last_resort (House        *self,
                  gconstpointer data)
{
  VmpNode *a = add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen"));
  guint i;

  for (i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    {
      g_assert_true (vmp_registry_begin_request (self->registry, a));
      vmp_registry_end_request (self->registry, a, VMP_TRAFFIC_FAILED, 0, "it answered with status 500");
    }
  g_assert_cmpint (a->breaker.state, ==, VMP_BREAKER_OPEN);
  assert_chat (self, "qwen", "a", NULL);
  g_assert_true (vmp_registry_begin_request (self->registry, a));
  vmp_registry_end_request (self->registry, a, VMP_TRAFFIC_ANSWERED, 1, NULL);
  g_assert_cmpint (a->breaker.state, ==, VMP_BREAKER_CLOSED);

  add_node (self, "b", "http://10.0.0.2:1234", MODELS ("qwen"));
  for (i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    {
      g_assert_true (vmp_registry_begin_request (self->registry, a));
      vmp_registry_end_request (self->registry, a, VMP_TRAFFIC_FAILED, 0, "it answered with status 500");
    }
  for (i = 0; i < 6; i++)
    assert_chat (self, "qwen", "b", NULL);
}

static void
test_by_node (House        *self,
              gconstpointer data)
{
  add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen", "gemma@q4"));
  add_node (self, "b", "http://10.0.0.2:1234", MODELS ("qwen"));

  assert_chat (self, "qwen@b", "b", "qwen");
  assert_chat (self, "qwen@a", "a", "qwen");
  assert_chat (self, "gemma@q4", "a", NULL); /* an id with an "@" of its own */
  assert_chat (self, "gemma@q4@a", "a", "gemma@q4");
  assert_choice (self, "gemma@q4@b", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_MODEL_NOT_FOUND);
  assert_choice (self, "qwen@c", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_MODEL_NOT_FOUND);
}

static void
test_auto (House        *self,
           gconstpointer data)
{
  guint i;

  add_node (self, "a", "http://10.0.0.1:1234", MODELS ("text-embed", "qwen"));
  add_node (self, "b", "http://10.0.0.2:1234", MODELS ("phi", "+gemma"));

  for (i = 0; i < 6; i++)
    {
      assert_chat (self, "vampire:auto", "b", "gemma");
      assert_choice (self, "vampire:auto", VMP_MODEL_EMBEDDING, "a", "text-embed", 0);
    }
  assert_choice (self, "vampire:nonsense", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_MODEL_NOT_FOUND);
}

static void
test_routes (House        *self,
             gconstpointer data)
{
  VmpRoute *first = vmp_route_new ("first", "team:chat");
  VmpRoute *second = vmp_route_new ("second", "vampire:spare");
  VmpRoute *circle = vmp_route_new ("circle", "vampire:circle");

  add_node (self, "a", "http://10.0.0.1:1234", MODELS ("qwen"));
  add_node (self, "b", "http://10.0.0.2:1234", MODELS ("phi"));
  vmp_route_add_target (first, "gone", "qwen");
  vmp_route_add_target (first, "a", "qwen");
  first->fallback = g_strdup ("vampire:spare");
  vmp_route_add_target (second, "b", "phi");
  circle->fallback = g_strdup ("vampire:circle");
  vmp_route_add_target (circle, "b", "not there");
  g_assert_true (vmp_route_list_put (self->routes, first));
  g_assert_true (vmp_route_list_put (self->routes, second));
  g_assert_true (vmp_route_list_put (self->routes, circle));

  assert_chat (self, "team:chat", "a", "qwen");
  vmp_registry_block (self->registry, vmp_registry_find (self->registry, "a"));
  assert_chat (self, "team:chat", "b", "phi");
  assert_choice (self, "vampire:circle", VMP_MODEL_LLM, NULL, NULL, VMP_PROBLEM_NO_ROUTE_TARGET);
}

/* A gateway does not get back what it has sent us. */
static void
test_not_back (House        *self,
               gconstpointer data)
{
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .latency_ms = 1, .instance = "0b9f" };
  VmpNode *gateway = add_node (self, "gateway", "http://10.0.0.1:7777", MODELS ("qwen", "phi"));
  guint i;

  add_node (self, "b", "http://10.0.0.2:1234", MODELS ("qwen"));
  report.inventory = gateway->inventory;
  vmp_registry_take_probe (self->registry, gateway, &report);
  for (i = 0; i < 4; i++)
    {
      g_auto (VmpChoice) choice = { NULL, };
      g_auto (VmpChoice) none = { NULL, };

      choose (self, "qwen", VMP_MODEL_LLM, "1.1 proxy.example, 1.1 vampire-0b9f", &choice);
      g_assert_cmpstr (choice.node->id, ==, "b");
      choose (self, "phi", VMP_MODEL_LLM, "1.1 vampire-0b9f", &none);
      g_assert_null (none.node);
      g_assert_cmpint (none.problem, ==, VMP_PROBLEM_LOOP);
    }
  assert_chat (self, "phi", "gateway", NULL);
}

/* Ten nodes or ten thousand, busy ones, which is the worst case. */
static void
test_cost (House        *self,
           gconstpointer data)
{
  static const guint counts[] = { 10, 10000 };
  double us[G_N_ELEMENTS (counts)];
  guint added = 0;
  guint i;
  guint j;

  for (i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      gint64 best = G_MAXINT64;

      for (; added < counts[i]; added++)
        {
          g_autofree char *id = g_strdup_printf ("n%u", added);
          g_autofree char *url = g_strdup_printf ("http://10.0.%u.%u:1234", added / 256, added % 256);
          VmpNode *node = add_node (self, id, url, MODELS ("qwen"));

          g_assert_true (vmp_registry_begin_request (self->registry, node));
        }

      for (j = 0; j < 20; j++)
        {
          gint64 start = g_get_monotonic_time ();
          guint k;

          for (k = 0; k < 100; k++)
            assert_chat (self, "qwen@n3", "n3", "qwen");
          for (k = 0; k < 100; k++)
            {
              g_auto (VmpChoice) choice = { NULL, };

              choose (self, "qwen", VMP_MODEL_LLM, NULL, &choice);
              g_assert_nonnull (choice.node);
            }
          best = MIN (best, g_get_monotonic_time () - start);
        }
      us[i] = best / 200.0;
    }

  g_test_message ("%.2f µs among %u nodes, %.2f µs among %u", us[0], counts[0], us[1], counts[1]);
  g_assert_cmpfloat (us[1], <, us[0] + 20);
}

#define ADD(path, func) g_test_add (path, House, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Warnings about nodes are what some of these are about. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  ADD ("/choice/by-model", test_by_model);
  ADD ("/choice/nobody-knows", test_nobody_knows);
  ADD ("/choice/least-busy", test_least_busy);
  ADD ("/choice/out-of-service", test_out_of_service);
  ADD ("/choice/not-approved", test_not_approved);
  ADD ("/choice/last-resort", test_last_resort);
  ADD ("/choice/by-node", test_by_node);
  ADD ("/choice/auto", test_auto);
  ADD ("/choice/routes", test_routes);
  ADD ("/choice/not-back-to-a-gateway", test_not_back);
  ADD ("/choice/cost-does-not-grow", test_cost);

  return g_test_run ();
}

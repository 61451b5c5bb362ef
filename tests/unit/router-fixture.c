/* SPDX-License-Identifier: MIT
 *
 * Implementation of the router tests' common part.
 */

#include "router-fixture.h"

#include "core/vmp-limits.h"

#include <string.h>

void
router_fixture_set_up (RouterFixture *self,
                       gconstpointer  data)
{
  registry_fixture_set_up (&self->base, data);
  self->registry = self->base.registry;
  self->routes = vmp_route_list_new (self->base.store);
  self->router = vmp_router_new (self->registry, self->routes);
  vmp_registry_set_default (self->registry, "http://localhost:1234");
}

void
router_fixture_tear_down (RouterFixture *self,
                          gconstpointer  data)
{
  vmp_router_free (self->router);
  vmp_route_list_free (self->routes);
  registry_fixture_tear_down (&self->base, data);
}

/* -- Nodes --------------------------------------------------------------------------------- */

/* One model of a node's list, of "+qwen,ctx=8192,tools". */
static void
append_model (GString    *list,
              const char *text)
{
  gboolean loaded = *text == '+';
  g_auto (GStrv) parts = g_strsplit (text + loaded, ",", -1);
  const char *id = parts[0];
  const char *context = "0";
  const char *size = NULL;
  const char *slots = "0";
  const char *quantization = "Q4_K_M";
  gboolean vision = FALSE;
  gboolean tools = FALSE;
  gboolean reasoning = FALSE;

  for (guint i = 1; parts[i] != NULL; i++)
    {
      vision |= g_str_equal (parts[i], "vision");
      tools |= g_str_equal (parts[i], "tools");
      reasoning |= g_str_equal (parts[i], "reasoning");
      if (g_str_has_prefix (parts[i], "ctx="))
        context = parts[i] + strlen ("ctx=");
      if (g_str_has_prefix (parts[i], "size="))
        size = parts[i] + strlen ("size=");
      if (g_str_has_prefix (parts[i], "slots="))
        slots = parts[i] + strlen ("slots=");
      if (g_str_has_prefix (parts[i], "quant="))
        quantization = parts[i] + strlen ("quant=");
    }

  g_string_append_printf (list, "%s{\"type\":\"%s\",\"key\":\"%s\",\"max_context_length\":%s,\"format\":\"gguf\","
                          "\"quantization\":{\"name\":\"%s\"},\"capabilities\":{\"vision\":%s,"
                          "\"trained_for_tool_use\":%s%s},",
                          list->str[list->len - 1] == '[' ? "" : ",",
                          strstr (id, "embed") != NULL ? "embedding" : "llm", id, context, quantization,
                          vision ? "true" : "false", tools ? "true" : "false",
                          reasoning ? ",\"reasoning\":{\"allowed_options\":[\"off\",\"on\"]}" : "");
  if (size != NULL)
    g_string_append_printf (list, "\"params_string\":\"%sB\",", size);
  g_string_append (list, "\"loaded_instances\":[");
  if (loaded)
    g_string_append_printf (list, "{\"id\":\"%s\",\"config\":{\"context_length\":%s,\"parallel\":%s}}", id, context,
                            slots);
  g_string_append (list, "]}");
}

void
router_fixture_list (RouterFixture *self,
                     VmpNode       *node,
                     const char    *models)
{
  g_auto (GStrv) parts = g_strsplit (models, " ", -1);
  g_autoptr (GString) list = g_string_new ("{\"models\":[");

  for (guint i = 0; parts[i] != NULL; i++)
    append_model (list, parts[i]);
  g_string_append (list, "]}");
  registry_fixture_probe_list (&self->base, node, VMP_LIST_LMSTUDIO_V1, list->str, g_get_monotonic_time ());
}

VmpNode *
router_fixture_add_node (RouterFixture *self,
                         const char    *id,
                         const char    *models)
{
  g_autofree char *url = g_strdup_printf ("http://10.0.0.%u:1234", ++self->n_nodes);
  VmpNode *node = registry_fixture_register (&self->base, id, url);

  if (models != NULL)
    router_fixture_list (self, node, models);

  return node;
}

VmpHost *
router_fixture_host (VmpNode    *node,
                     const char *model)
{
  VmpHost *host = vmp_node_find_host (node, model);

  g_assert_nonnull (host);

  return host;
}

void
router_fixture_busy (RouterFixture *self,
                     VmpHost       *host,
                     guint          n)
{
  while (n-- > 0)
    g_assert_true (vmp_registry_begin_request (self->registry, host->node, host));
}

void
router_fixture_free (RouterFixture *self,
                     VmpHost       *host,
                     guint          n)
{
  while (n-- > 0)
    registry_fixture_end (&self->base, host->node, host, VMP_TRAFFIC_ANSWERED, 1);
}

void
router_fixture_fail (RouterFixture *self,
                     VmpNode       *node)
{
  for (guint i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    registry_fixture_request (&self->base, node, VMP_TRAFFIC_FAILED);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_OPEN);
}

void
router_fixture_park (RouterFixture *self,
                     VmpNode       *node,
                     VmpNodeService service)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .service = &service }, &error));
  g_assert_no_error (error);
}

void
router_fixture_add_route (RouterFixture *self,
                          const char    *id,
                          const char    *virtual_model,
                          VmpStrategy    strategy,
                          const char    *targets,
                          const char    *fallback)
{
  VmpRoute *route = vmp_route_new (id, virtual_model);
  g_auto (GStrv) parts = g_strsplit (targets, " ", -1);

  route->strategy = strategy;
  vmp_route_set_fallback (route, fallback);
  for (guint i = 0; parts[i] != NULL && *parts[i] != '\0'; i++)
    {
      g_auto (GStrv) target = g_strsplit_set (parts[i], ":=", 3);

      vmp_route_add_target (route, target[0], target[1], target[2] != NULL ? g_ascii_strtod (target[2], NULL) : 1);
    }
  g_assert_true (vmp_route_list_put (self->routes, route));
}

/* -- Calls --------------------------------------------------------------------------------- */

VmpCall
router_fixture_call (const char *model)
{
  VmpCall call = {
    .method = VMP_SLICE_LITERAL ("POST"),
    .path = VMP_SLICE_LITERAL ("/v1/chat/completions"),
    .model = model,
    .client = "127.0.0.1",
  };

  return call;
}

void
router_fixture_set_body (VmpCall     *call,
                         const char  *body,
                         VmpJsonScan *scan)
{
  g_assert_true (vmp_json_scan (body, strlen (body), scan));
  call->body = body;
  call->body_len = strlen (body);
  call->has_body = TRUE;
  call->scan = scan;
}

char *
router_fixture_describe (const VmpRouting *routing)
{
  GString *text = g_string_new (NULL);

  if (routing->plan.n_attempts == 0)
    {
      g_autofree char *json = NULL;
      g_autoptr (JsonNode) root = NULL;
      JsonObject *fault;

      g_assert_nonnull (routing->message);
      json = vmp_problem_to_json (routing->problem, routing->message, FALSE);
      root = vmp_json_parse (json, strlen (json), NULL);
      fault = vmp_json_get_object (json_node_get_object (root), "error");
      g_string_printf (text, "!%s", vmp_json_get_string (fault, "code"));
    }
  for (guint i = 0; i < routing->plan.n_attempts; i++)
    {
      const VmpHost *host = vmp_routing_get_host (routing, i);

      g_string_append_printf (text, "%s%s:%s", i > 0 ? " " : "", vmp_routing_get_node (routing, i)->id,
                              host != NULL ? host->model_id : "-");
    }

  return g_string_free (text, FALSE);
}

void
router_fixture_assert_call (RouterFixture *self,
                            const VmpCall *call,
                            const char    *expected)
{
  g_auto (VmpRouting) routing = { NULL, };
  g_autofree char *text = NULL;

  vmp_router_plan (self->router, call, NULL, TRUE, g_get_monotonic_time (), &routing);
  text = router_fixture_describe (&routing);
  g_assert_cmpstr (text, ==, expected);
}

void
router_fixture_assert_chat (RouterFixture *self,
                            const char    *model,
                            const char    *expected)
{
  VmpCall call = router_fixture_call (model);

  router_fixture_assert_call (self, &call, expected);
}

void
router_fixture_assert_embed (RouterFixture *self,
                             const char    *model,
                             const char    *expected)
{
  VmpCall call = router_fixture_call (model);

  call.kind = VMP_MODEL_EMBEDDING;
  router_fixture_assert_call (self, &call, expected);
}

void
router_fixture_assert_first (RouterFixture *self,
                             const char    *model,
                             const char    *expected)
{
  VmpCall call = router_fixture_call (model);
  g_auto (VmpRouting) routing = { NULL, };
  g_autofree char *text = NULL;

  vmp_router_plan (self->router, &call, NULL, TRUE, g_get_monotonic_time (), &routing);
  text = router_fixture_describe (&routing);
  text[strcspn (text, " ")] = '\0';
  g_assert_cmpstr (text, ==, expected);
}

void
router_fixture_assert_refused (RouterFixture *self,
                               const char    *model,
                               VmpProblem     problem,
                               const char    *message)
{
  VmpCall call = router_fixture_call (model);
  g_auto (VmpRouting) routing = { NULL, };

  vmp_router_plan (self->router, &call, NULL, FALSE, g_get_monotonic_time (), &routing);
  g_assert_cmpuint (routing.plan.n_attempts, ==, 0);
  g_assert_cmpint (routing.problem, ==, problem);
  g_assert_cmpstr (routing.message, ==, message);
}

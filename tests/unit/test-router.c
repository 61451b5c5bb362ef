/* SPDX-License-Identifier: MIT
 *
 * Behaviour of the router: what a call's model means, who is asked for it, what stands in, and what is said when there
 * is nobody.
 */

#include "router-fixture.h"

#include "core/vmp-limits.h"

#include <string.h>

#define chat(model, expected) router_fixture_assert_chat (self, model, expected)
#define embed(model, expected) router_fixture_assert_embed (self, model, expected)
#define first(model, expected) router_fixture_assert_first (self, model, expected)

/* -- Models and nodes ---------------------------------------------------------------------- */

static void
test_by_model (RouterFixture *self,
               gconstpointer  data)
{
  router_fixture_add_node (self, "a", "qwen");
  router_fixture_add_node (self, "b", "gemma llama");

  chat ("qwen", "a:qwen");
  chat ("llama", "b:llama");
  chat ("phi", "!model_not_found");
  chat ("", "!model_not_found");
  router_fixture_assert_refused (self, "phi", VMP_PROBLEM_MODEL_NOT_FOUND,
                                 "No node that is online has the model phi; GET /v1/models lists those there are.");
}

/* Whoever names an embedding model at chat gets it: the node says what is wrong with that. */
static void
test_any_kind_by_name (RouterFixture *self,
                       gconstpointer  data)
{
  router_fixture_add_node (self, "a", "text-embed qwen");

  chat ("text-embed", "a:text-embed");
  embed ("qwen", "a:qwen");
}

static void
test_nobody_knows (RouterFixture *self,
                   gconstpointer  data)
{
  VmpNode *node = vmp_registry_get_default (self->registry);
  g_autofree char *expected = g_strconcat (node->id, ":-", NULL);
  g_autofree char *listed = g_strconcat (node->id, ":qwen", NULL);
  VmpCall call = router_fixture_call ("whatever");
  g_auto (VmpRouting) routing = { NULL, };

  chat ("whatever", expected);
  chat (NULL, expected);
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &routing);
  g_assert_true (routing.keeps_model);
  g_assert_false (routing.is_routed);

  router_fixture_list (self, node, "qwen");
  chat ("qwen", listed);
  chat (NULL, expected);
  chat ("whatever", "!model_not_found");

  /* It is off: the error of asking it says what to do. As long as that was not asked, it may be there, and load. */
  registry_fixture_probe_offline (&self->base, node);
  chat ("qwen", listed);
  chat ("whatever", expected);
  router_fixture_fail (self, node);
  registry_fixture_probe_offline (&self->base, node);
  chat ("qwen", expected);
  router_fixture_park (self, node, VMP_NODE_DISABLED);
  chat (NULL, "!no_route_target");
}

static void
test_least_busy (RouterFixture *self,
                 gconstpointer  data)
{
  VmpHost *a = router_fixture_host (router_fixture_add_node (self, "a", "+qwen,slots=2"), "qwen");
  VmpHost *b = router_fixture_host (router_fixture_add_node (self, "b", "+qwen,slots=2"), "qwen");
  guint turns[2] = { 0, 0 };

  router_fixture_busy (self, a, 1);
  for (guint i = 0; i < 4; i++)
    chat ("qwen", "b:qwen a:qwen");
  router_fixture_busy (self, b, 2);
  for (guint i = 0; i < 4; i++)
    chat ("qwen", "a:qwen b:qwen");
  router_fixture_free (self, a, 1);
  router_fixture_free (self, b, 2);

  /* Equally busy ones take turns. */
  for (guint i = 0; i < 10; i++)
    {
      VmpCall call = router_fixture_call ("qwen");
      g_auto (VmpRouting) routing = { NULL, };

      vmp_router_plan (self->router, &call, NULL, TRUE, g_get_monotonic_time (), &routing);
      turns[vmp_routing_get_host (&routing, 0) == b]++;
    }
  g_assert_cmpuint (turns[0], ==, 5);
  g_assert_cmpuint (turns[1], ==, 5);
}

/* Calls for one model in between do not take the turns of another; a look takes none. */
static void
test_turns_are_of_each (RouterFixture *self,
                        gconstpointer  data)
{
  VmpCall call = router_fixture_call ("qwen");
  gpointer last = NULL;

  router_fixture_add_node (self, "a", "+qwen +phi");
  router_fixture_add_node (self, "b", "+qwen +phi");

  for (guint i = 0; i < 6; i++)
    {
      g_auto (VmpRouting) look = { NULL, };
      g_auto (VmpRouting) routing = { NULL, };
      g_auto (VmpRouting) other = { NULL, };
      VmpCall other_call = router_fixture_call ("phi");

      vmp_router_plan (self->router, &call, NULL, FALSE, 1, &look);
      vmp_router_plan (self->router, &call, NULL, TRUE, 1, &routing);
      vmp_router_plan (self->router, &other_call, NULL, TRUE, 1, &other);
      g_assert_true (vmp_routing_get_node (&look, 0) == vmp_routing_get_node (&routing, 0));
      g_assert_true (vmp_routing_get_node (&routing, 0) != last);
      last = vmp_routing_get_node (&routing, 0);
    }
}

static void
test_out_of_service (RouterFixture *self,
                     gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen");
  VmpNode *b = router_fixture_add_node (self, "b", "qwen");

  router_fixture_park (self, a, VMP_NODE_DRAINING);
  for (guint i = 0; i < 4; i++)
    chat ("qwen", "b:qwen");

  registry_fixture_probe_offline (&self->base, b);
  router_fixture_assert_refused (self, "qwen", VMP_PROBLEM_NO_ROUTE_TARGET,
                                 "No node can answer for qwen now: a is draining, b is off.");
  router_fixture_add_node (self, "c", "phi");
  router_fixture_park (self, a, VMP_NODE_DISABLED);
  router_fixture_assert_refused (self, "qwen", VMP_PROBLEM_NO_ROUTE_TARGET,
                                 "No node can answer for qwen now: a is disabled, b is off.");
}

static void
test_many_reasons (RouterFixture *self,
                   gconstpointer  data)
{
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) routing = { NULL, };

  for (guint i = 0; i < 7; i++)
    {
      g_autofree char *id = g_strdup_printf ("n%u", i);
      VmpNode *node = router_fixture_add_node (self, id, "qwen");

      router_fixture_park (self, node, i < 5 ? VMP_NODE_DRAINING : VMP_NODE_MAINTENANCE);
    }
  router_fixture_add_node (self, "other", "phi");

  router_fixture_assert_refused (self, "qwen", VMP_PROBLEM_NO_ROUTE_TARGET,
                                 "No node can answer for qwen now: n0 is draining, n1 is draining, n2 is draining, "
                                 "n3 is draining, and 3 more.");

  /* What the nodes are called is not for others. */
  call.is_shared = TRUE;
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &routing);
  g_assert_cmpstr (routing.message, ==, "No computer can answer for qwen now: 7 are out of service.");
}

static void
test_not_approved (RouterFixture *self,
                   gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen");
  VmpNode *b = router_fixture_add_node (self, "b", "phi");
  g_autofree char *by_default = g_strconcat (vmp_registry_get_default (self->registry)->id, ":-", NULL);

  vmp_registry_block (self->registry, a);
  vmp_registry_suspend_approval (self->registry, b, "Its address has changed.");
  chat ("qwen@a", by_default);
  chat ("vampire:auto", "!no_route_target");
}

/* Nowhere better to go: a request is worth more than a closed breaker. */
static void
test_last_resort (RouterFixture *self,
                  gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+qwen");
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) routing = { NULL, };

  router_fixture_fail (self, a);
  vmp_router_plan (self->router, &call, NULL, FALSE, g_get_monotonic_time (), &routing);
  g_assert_true (routing.plan.last_resort);
  g_assert_true (vmp_routing_get_node (&routing, 0) == a);
  chat ("vampire:auto", "a:qwen");

  router_fixture_add_node (self, "b", "qwen");
  for (guint i = 0; i < 6; i++)
    chat ("qwen", "b:qwen");
}

static void
test_by_node (RouterFixture *self,
              gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen gemma@q4");

  router_fixture_add_node (self, "b", "qwen");
  chat ("qwen@b", "b:qwen");
  chat ("qwen@a", "a:qwen");
  chat ("gemma@q4", "a:gemma@q4"); /* an id with an "@" of its own */
  chat ("gemma@q4@a", "a:gemma@q4");
  chat ("gemma@q4@b", "!model_not_found");
  chat ("qwen@c", "!model_not_found");

  router_fixture_fail (self, a);
  chat ("qwen@a", "a:qwen");
  router_fixture_park (self, a, VMP_NODE_DISABLED);
  router_fixture_assert_refused (self, "qwen@a", VMP_PROBLEM_NO_ROUTE_TARGET,
                                 "No node can answer for qwen@a now: a is disabled.");
}

static void
test_by_instance (RouterFixture *self,
                  gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen");
  VmpCall call = router_fixture_call ("qwen:2");
  g_auto (VmpRouting) routing = { NULL, };

  router_fixture_add_node (self, "b", "+qwen");
  registry_fixture_probe_list (&self->base, a, VMP_LIST_LMSTUDIO_V1,
                               "{\"models\":[{\"type\":\"llm\",\"key\":\"qwen\",\"loaded_instances\":["
                               "{\"id\":\"qwen\"},{\"id\":\"qwen:2\"}]}]}", g_get_monotonic_time ());
  for (guint i = 0; i < 4; i++)
    chat ("qwen:2", "a:qwen");
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &routing);
  g_assert_true (routing.keeps_model);
}

/* -- Loads --------------------------------------------------------------------------------- */

static void
test_load_failed (RouterFixture *self,
                  gconstpointer  data)
{
  VmpHost *host = router_fixture_host (router_fixture_add_node (self, "a", "qwen"), "qwen");
  gint64 now = g_get_monotonic_time ();
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) refused = { NULL, };
  g_auto (VmpRouting) at_once = { NULL, };
  g_auto (VmpRouting) new_one = { NULL, };
  g_auto (VmpRouting) elsewhere = { NULL, };
  g_auto (VmpRouting) later = { NULL, };

  call.started = now;
  vmp_host_note_load_failed (host, now);
  vmp_router_plan (self->router, &call, NULL, FALSE, now, &refused);
  g_assert_cmpuint (refused.plan.n_attempts, ==, 0);
  g_assert_cmpstr (refused.message, ==, "No node can answer for qwen now: a has just failed.");

  /* One that was not there then may try it again soon, where nobody else is left. */
  call.started = now + 1;
  now += VMP_LIMIT_LOAD_RETRY_ALONE_MS * G_TIME_SPAN_MILLISECOND;
  vmp_router_plan (self->router, &call, NULL, FALSE, now - 1, &at_once);
  g_assert_cmpuint (at_once.plan.n_attempts, ==, 0);
  vmp_router_plan (self->router, &call, NULL, FALSE, now, &new_one);
  g_assert_cmpuint (new_one.plan.n_attempts, ==, 1);
  g_assert_true (new_one.plan.last_resort);
  router_fixture_add_node (self, "b", "qwen");
  vmp_router_plan (self->router, &call, NULL, FALSE, now, &elsewhere);
  g_assert_cmpuint (elsewhere.plan.n_attempts, ==, 1);
  g_assert_cmpstr (vmp_routing_get_node (&elsewhere, 0)->id, ==, "b");

  call.started = host->load_failed;
  now += VMP_LIMIT_LOAD_RETRY_MS * G_TIME_SPAN_MILLISECOND;
  vmp_router_plan (self->router, &call, NULL, FALSE, now, &later);
  g_assert_cmpuint (later.plan.n_attempts, ==, 2);
}

static void
test_occupied (RouterFixture *self,
               gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen +phi");
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) waits = { NULL, };
  g_auto (VmpRouting) attaches = { NULL, };
  g_auto (VmpRouting) kept = { NULL, };

  router_fixture_busy (self, router_fixture_host (a, "phi"), 1);
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &waits);
  g_assert_cmpint (waits.plan.attempts[0].readiness, ==, VMP_READY_OCCUPIED);

  a->taken_for = router_fixture_host (a, "qwen");
  a->taken_for->leading = TRUE;
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &attaches);
  g_assert_cmpint (attaches.plan.attempts[0].readiness, ==, VMP_READY_LOADING);
  a->taken_for->leading = FALSE;

  /* Nobody is at it yet, but the node is kept for it. */
  router_fixture_free (self, router_fixture_host (a, "phi"), 1);
  a->taken_for = router_fixture_host (a, "phi");
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &kept);
  g_assert_cmpint (kept.plan.attempts[0].readiness, ==, VMP_READY_OCCUPIED);
  a->taken_for = NULL;
}

static void
test_excluded (RouterFixture *self,
               gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+qwen");
  VmpNode *b = router_fixture_add_node (self, "b", "qwen");
  VmpCall call = router_fixture_call ("qwen");
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  const VmpExclusions excluded = { .nodes = nodes, };
  g_auto (VmpRouting) second = { NULL, };
  g_auto (VmpRouting) none = { NULL, };

  g_ptr_array_add (nodes, a);
  vmp_router_plan (self->router, &call, &excluded, FALSE, 1, &second);
  g_assert_cmpuint (second.plan.n_attempts, ==, 1);
  g_assert_true (vmp_routing_get_node (&second, 0) == b);
  g_assert_cmpuint (second.plan.n_rejected[VMP_REJECTED_EXCLUDED], ==, 1);

  g_ptr_array_add (nodes, b);
  vmp_router_plan (self->router, &call, &excluded, FALSE, 1, &none);
  g_assert_cmpuint (none.plan.n_attempts, ==, 0);
  g_assert_cmpint (none.problem, ==, VMP_PROBLEM_NO_ROUTE_TARGET);
}

/* A model that failed does not take the others of its node with it. */
static void
test_excluded_model (RouterFixture *self,
                     gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+big +small");
  VmpCall call = router_fixture_call ("my:chain");
  g_autoptr (GPtrArray) hosts = g_ptr_array_new ();
  const VmpExclusions excluded = { .hosts = hosts, };
  g_auto (VmpRouting) routing = { NULL, };
  g_autofree char *text = NULL;

  router_fixture_add_route (self, "chain", "my:chain", VMP_STRATEGY_FALLBACK_CHAIN, "a:big a:small", NULL);
  g_ptr_array_add (hosts, vmp_node_find_host (a, "big"));
  vmp_router_plan (self->router, &call, &excluded, FALSE, 1, &routing);
  text = router_fixture_describe (&routing);
  g_assert_cmpstr (text, ==, "a:small");
}

/* A model that has failed on a node says nothing of the node's others. */
static void
test_excluded_then_other (RouterFixture *self,
                          gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+qwen,size=1 phi,size=4");
  VmpCall call = router_fixture_call ("vampire:auto");
  g_autoptr (GPtrArray) hosts = g_ptr_array_new ();
  const VmpExclusions excluded = { .hosts = hosts, };
  g_auto (VmpRouting) other = { NULL, };
  g_auto (VmpRouting) none = { NULL, };

  g_ptr_array_add (hosts, router_fixture_host (a, "qwen"));
  vmp_router_plan (self->router, &call, &excluded, FALSE, 1, &other);
  g_assert_cmpuint (other.plan.n_attempts, ==, 1);
  g_assert_true (vmp_routing_get_host (&other, 0) == router_fixture_host (a, "phi"));

  g_ptr_array_add (hosts, router_fixture_host (a, "phi"));
  vmp_router_plan (self->router, &call, &excluded, FALSE, 1, &none);
  g_assert_cmpuint (none.plan.n_attempts, ==, 0);
}

/* -- Tokens and circles -------------------------------------------------------------------- */

static void
test_token (RouterFixture *self,
            gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen");
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) shared = { NULL, };

  registry_fixture_request (&self->base, a, VMP_TRAFFIC_UNAUTHORIZED);
  router_fixture_assert_refused (self, "qwen", VMP_PROBLEM_NODE_TOKEN,
                                 "The LM Studio server at http://10.0.0.1:1234 asks for a token: set it with \"vampire "
                                 "nodes token set\".");
  call.is_shared = TRUE;
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &shared);
  g_assert_null (strstr (shared.message, "10.0.0.1"));

  router_fixture_add_node (self, "b", "qwen");
  chat ("qwen", "b:qwen");
}

/* A gateway does not get back what it has sent us. */
static void
test_not_back (RouterFixture *self,
               gconstpointer  data)
{
  const VmpHttpField via = { VMP_SLICE_LITERAL ("Via"),
                             VMP_SLICE_LITERAL ("1.1 proxy.example, 1.1 vampire-0b9f") };
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .latency_ms = 1, .instance = "0b9f" };
  VmpNode *gateway = router_fixture_add_node (self, "gateway", "qwen phi");
  VmpCall call = router_fixture_call ("qwen");

  router_fixture_add_node (self, "b", "qwen");
  report.inventory = gateway->inventory;
  vmp_registry_take_probe (self->registry, gateway, &report);
  call.fields = &via;
  call.n_fields = 1;
  for (guint i = 0; i < 4; i++)
    router_fixture_assert_call (self, &call, "b:qwen");
  call.model = "phi";
  router_fixture_assert_call (self, &call, "!loop_detected");
  call.model = "vampire:auto";
  router_fixture_assert_call (self, &call, "b:qwen");
  chat ("phi", "gateway:phi");
}

/* -- What belongs to a node ---------------------------------------------------------------- */

static void
test_owner (RouterFixture *self,
            gconstpointer  data)
{
  VmpAffinity *affinity = vmp_router_get_affinity (self->router);
  VmpNode *a = router_fixture_add_node (self, "a", "qwen");
  VmpNode *b = router_fixture_add_node (self, "b", "+qwen");
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) refused = { NULL, };
  g_auto (VmpRouting) shared = { NULL, };

  call.owner_id = "resp_1";
  router_fixture_assert_call (self, &call, "b:qwen a:qwen");
  vmp_affinity_stick (affinity, VMP_STICKY_OWNER, "resp_1", a, g_get_monotonic_time ());
  router_fixture_assert_call (self, &call, "a:qwen");
  call.model = "vampire:auto";
  router_fixture_assert_call (self, &call, "a:qwen");
  call.model = NULL;
  router_fixture_assert_call (self, &call, "a:-");
  call.model = "phi";
  router_fixture_list (self, b, "phi");
  router_fixture_assert_call (self, &call, "!no_route_target");

  call.model = "qwen";
  router_fixture_park (self, a, VMP_NODE_DISABLED);
  vmp_router_plan (self->router, &call, NULL, FALSE, g_get_monotonic_time (), &refused);
  g_assert_cmpint (refused.problem, ==, VMP_PROBLEM_NO_ROUTE_TARGET);
  g_assert_cmpstr (refused.message, ==, "Only a has the earlier response that this request builds on, and it is "
                   "disabled.");
  call.is_shared = TRUE;
  vmp_router_plan (self->router, &call, NULL, FALSE, g_get_monotonic_time (), &shared);
  g_assert_cmpstr (shared.message, ==, "Only the computer that gave the earlier response has it, and it cannot be "
                   "asked now.");

  vmp_router_node_removed (self->router, a);
  router_fixture_assert_call (self, &call, "!no_route_target");
}

static VmpRouterSettings by_prefix = { VMP_STRATEGY_PREFIX_AFFINITY, 8, 2 };

static void
test_session_and_prompt (RouterFixture *self,
                         gconstpointer  data)
{
  g_autofree char *text = g_strnfill (8 * VMP_LIMIT_PROMPT_CHUNK, 'x');
  g_autofree char *body = g_strconcat ("{\"model\":\"qwen\",\"messages\":[{\"role\":\"user\",\"content\":\"", text,
                                       "\"}]}", NULL);
  VmpCall call = router_fixture_call ("qwen");
  VmpJsonScan scan;
  VmpNode *nodes[3];
  VmpNode *warm;
  gint64 now = g_get_monotonic_time ();

  nodes[0] = router_fixture_add_node (self, "a", "+qwen,slots=4");
  nodes[1] = router_fixture_add_node (self, "b", "+qwen,slots=4");
  nodes[2] = router_fixture_add_node (self, "c", "+qwen,slots=4");
  warm = nodes[1];
  router_fixture_set_body (&call, body, &scan);

  /* By another strategy nothing is remembered of prompts. */
  vmp_router_note_start (self->router, &call, warm, router_fixture_host (warm, "qwen"), now);
  vmp_router_set_settings (self->router, &by_prefix);
  for (guint round = 0; round < 2; round++)
    {
      guint n_warm = 0;

      for (guint i = 0; i < 6; i++)
        {
          g_auto (VmpRouting) routing = { NULL, };

          vmp_router_plan (self->router, &call, NULL, TRUE, now, &routing);
          n_warm += vmp_routing_get_node (&routing, 0) == warm;
        }
      g_assert_cmpuint (n_warm, ==, round == 0 ? 2 : 6);
      vmp_router_note_start (self->router, &call, warm, router_fixture_host (warm, "qwen"), now);
    }

  /* A session is remembered whatever the prompt is. */
  call = router_fixture_call ("qwen");
  call.session = "a chat";
  vmp_router_note_start (self->router, &call, nodes[2], router_fixture_host (nodes[2], "qwen"), now);
  for (guint i = 0; i < 4; i++)
    {
      g_auto (VmpRouting) routing = { NULL, };

      vmp_router_plan (self->router, &call, NULL, TRUE, now, &routing);
      g_assert_true (vmp_routing_get_node (&routing, 0) == nodes[2]);
    }
}

/* -- Virtual models ------------------------------------------------------------------------ */

static void
test_auto (RouterFixture *self,
           gconstpointer  data)
{
  router_fixture_add_node (self, "a", "text-embed qwen");
  router_fixture_add_node (self, "b", "phi +gemma");

  for (guint i = 0; i < 6; i++)
    {
      chat ("vampire:auto", "b:gemma a:qwen");
      embed ("vampire:auto", "a:text-embed");
    }
  router_fixture_assert_refused (self, "vampire:nonsense", VMP_PROBLEM_MODEL_NOT_FOUND,
                                 "There is no virtual model vampire:nonsense; GET /v1/models lists those there are.");
}

static void
test_auto_takes_what_is_free (RouterFixture *self,
                              gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+small,size=1,slots=1 +large,size=8,slots=1");

  chat ("vampire:auto", "a:small");
  router_fixture_busy (self, router_fixture_host (a, "small"), 1);
  chat ("vampire:auto", "a:large");
  router_fixture_busy (self, router_fixture_host (a, "large"), 1);
  chat ("vampire:auto", "a:small");
}

static void
test_auto_follows_loads (RouterFixture *self,
                         gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "small,size=1 large,size=8");
  VmpHost *large = router_fixture_host (a, "large");

  chat ("vampire:auto", "a:small");

  /* It is being loaded for somebody else. */
  a->taken_for = large;
  large->leading = TRUE;
  chat ("vampire:auto", "a:large");
  a->taken_for = NULL;
  large->leading = FALSE;
  chat ("vampire:auto", "a:small");

  /* What is loaded since the list came. */
  vmp_host_prove_loaded (large, g_get_monotonic_time ());
  chat ("vampire:auto", "a:large");
  vmp_host_note_unloaded (large);
  chat ("vampire:auto", "a:small");

  vmp_host_note_load_failed (router_fixture_host (a, "small"), g_get_monotonic_time ());
  chat ("vampire:auto", "a:large");
  router_fixture_list (self, a, "other,size=2");
  chat ("vampire:auto", "a:other");
}

static void
test_preferences (RouterFixture *self,
                  gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "tiny,size=1,ctx=4096 middle,size=12,ctx=8192,vision "
                                        "huge,size=70,ctx=4096 long,size=3,ctx=131072,reasoning "
                                        "qwen-coder,size=7,ctx=8192,tools text-embed,size=99,ctx=999999");

  chat ("vampire:auto", "a:tiny");
  chat ("vampire:fast", "a:tiny");
  chat ("vampire:balanced", "a:middle");
  chat ("vampire:best", "a:huge");
  chat ("vampire:large-context", "a:long");
  chat ("vampire:code", "a:qwen-coder");
  chat ("vampire:vision", "a:middle");
  chat ("vampire:reason", "a:long");
  chat ("vampire:private", "a:tiny");
  embed ("vampire:embeddings", "a:text-embed");
  embed ("vampire:private", "a:text-embed");
  router_fixture_assert_refused (self, "vampire:embeddings", VMP_PROBLEM_MODEL_NOT_FOUND,
                                 "The virtual model vampire:embeddings is for embeddings; ask another one, such as "
                                 "vampire:auto.");
  embed ("vampire:fast", "!model_not_found");

  /* The one that was seen to be fast stands for how fast the others are. */
  router_fixture_host (a, "huge")->tokens_per_second = 90;
  a->requests_total++;
  chat ("vampire:fast", "a:tiny");
  router_fixture_host (a, "tiny")->tokens_per_second = 20;
  router_fixture_host (a, "long")->tokens_per_second = 20;
  router_fixture_host (a, "middle")->tokens_per_second = 20;
  router_fixture_host (a, "qwen-coder")->tokens_per_second = 20;
  a->requests_total++;
  chat ("vampire:fast", "a:huge");
}

/* What a virtual model is for counts among nodes, too: before what is loaded there. */
static void
test_preferences_among_nodes (RouterFixture *self,
                              gconstpointer  data)
{
  VmpNode *b = router_fixture_add_node (self, "b", "qwen-coder,size=7,ctx=8192 long,size=3,ctx=131072");

  router_fixture_add_node (self, "a", "+gemma,size=30,ctx=8192,tools");
  for (guint i = 0; i < 4; i++)
    {
      chat ("vampire:auto", "a:gemma b:long");
      chat ("vampire:code", "b:qwen-coder");
      chat ("vampire:large-context", "b:long a:gemma");
      chat ("vampire:best", "a:gemma b:qwen-coder");
    }

  router_fixture_park (self, b, VMP_NODE_DRAINING);
  chat ("vampire:code", "a:gemma");
  chat ("vampire:large-context", "a:gemma");
}

/* A load is worth it for a model that is much faster only. */
static void
test_fast_and_loaded (RouterFixture *self,
                      gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+middle,size=12 small,size=8");

  chat ("vampire:fast", "a:middle");
  router_fixture_list (self, a, "+huge,size=70 small,size=8");
  chat ("vampire:fast", "a:small");
}

/* When the one with the longest context has failed, the next one comes. */
static void
test_next_longest (RouterFixture *self,
                   gconstpointer  data)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  const VmpExclusions excluded = { .nodes = nodes, };
  VmpCall call = router_fixture_call ("vampire:large-context");
  g_auto (VmpRouting) routing = { NULL, };
  g_autofree char *text = NULL;

  g_ptr_array_add (nodes, router_fixture_add_node (self, "a", "m,ctx=131072"));
  router_fixture_add_node (self, "b", "+m,ctx=8192");
  router_fixture_add_node (self, "c", "m,ctx=65536");
  vmp_router_plan (self->router, &call, &excluded, FALSE, 1, &routing);
  text = router_fixture_describe (&routing);
  g_assert_cmpstr (text, ==, "c:m b:m");
}

static void
test_needs (RouterFixture *self,
            gconstpointer  data)
{
  static const char image[] = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\" : \"image_url\","
                              "\"image_url\":{\"url\":\"data:\"}}]}]}";
  static const char quoted[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"{\\\"type\\\":\\\"image_url\\\"}\"}]}";
  static const char tools[] = "{\"messages\":[],\"tools\":[{\"type\":\"function\"}]}";
  static const char no_tools[] = "{\"messages\":[],\"tools\":[ ]}";
  VmpCall call = router_fixture_call ("vampire:auto");
  VmpNode *b = router_fixture_add_node (self, "b", "gemma,vision,tools");
  VmpJsonScan scan;

  router_fixture_add_node (self, "a", "+qwen");
  router_fixture_set_body (&call, quoted, &scan);
  router_fixture_assert_call (self, &call, "a:qwen b:gemma");
  router_fixture_set_body (&call, no_tools, &scan);
  router_fixture_assert_call (self, &call, "a:qwen b:gemma");
  router_fixture_set_body (&call, tools, &scan);
  router_fixture_assert_call (self, &call, "b:gemma");
  router_fixture_set_body (&call, image, &scan);
  router_fixture_assert_call (self, &call, "b:gemma");

  /* Tools are a wish, an image is not. */
  router_fixture_list (self, b, "gemma");
  router_fixture_assert_call (self, &call, "!no_route_target");
  router_fixture_set_body (&call, tools, &scan);
  router_fixture_assert_call (self, &call, "a:qwen b:gemma");
}

/* A long prompt goes where it fits, and to the others last. */
static void
test_long_prompt (RouterFixture *self,
                  gconstpointer  data)
{
  g_autofree char *text = g_strnfill (40000, 'x');
  g_autofree char *body = g_strconcat ("{\"messages\":[{\"role\":\"user\",\"content\":\"", text, "\"}]}", NULL);
  VmpCall call = router_fixture_call ("vampire:auto");
  VmpConstraints *constraints;
  VmpCallOptions options = { FALSE };
  VmpJsonScan scan;

  router_fixture_add_node (self, "a", "+short,ctx=4096 long,ctx=32768");
  router_fixture_add_node (self, "b", "+short,ctx=4096");
  chat ("vampire:auto", "a:short b:short");
  router_fixture_set_body (&call, body, &scan);
  router_fixture_assert_call (self, &call, "a:long b:short");

  /* Asked for, it is no wish any more. */
  constraints = &options.constraints;
  constraints->min_context = 16384;
  call = router_fixture_call ("vampire:auto");
  call.options = &options;
  router_fixture_assert_call (self, &call, "a:long");
  constraints->min_context = 65536;
  router_fixture_assert_call (self, &call, "!no_route_target");
}

/* What the owner says of a node counts where its models do not say it. */
static void
test_owner_says (RouterFixture *self,
                 gconstpointer  data)
{
  VmpNode *node = router_fixture_add_node (self, "plain", NULL);
  const gboolean yes = TRUE;
  VmpNodeUpdate update = { NULL, };
  g_autoptr (GError) error = NULL;

  registry_fixture_probe (&self->base, node, "llava");
  chat ("vampire:vision", "!no_route_target");
  update.capabilities[VMP_CAN_VISION] = &yes;
  g_assert_true (vmp_registry_update (self->registry, node, &update, &error));
  chat ("vampire:vision", "plain:llava");
}

static void
test_private (RouterFixture *self,
              gconstpointer  data)
{
  VmpNode *outside = registry_fixture_register (&self->base, "outside", "http://llm.example:1234");

  registry_fixture_probe (&self->base, outside, "qwen");
  chat ("vampire:auto", "outside:qwen");
  chat ("vampire:private", "!no_route_target");
  router_fixture_add_node (self, "home", "qwen");
  chat ("vampire:private", "home:qwen");
}

/* -- Routes -------------------------------------------------------------------------------- */

static void
test_routes (RouterFixture *self,
             gconstpointer  data)
{
  router_fixture_add_node (self, "a", "qwen");
  router_fixture_add_node (self, "b", "phi");
  router_fixture_add_route (self, "first", "team:chat", VMP_STRATEGY_ROUND_ROBIN, "gone:qwen a:qwen", "vampire:spare");
  router_fixture_add_route (self, "second", "vampire:spare", VMP_STRATEGY_ROUND_ROBIN, "b:phi", NULL);

  chat ("team:chat", "a:qwen");
  vmp_registry_block (self->registry, vmp_registry_find (self->registry, "a"));
  chat ("team:chat", "b:phi");
}

static void
test_weights (RouterFixture *self,
              gconstpointer  data)
{
  VmpHost *a = router_fixture_host (router_fixture_add_node (self, "a", "+qwen"), "qwen");
  VmpCall call = router_fixture_call ("team");
  guint n = 0;

  router_fixture_add_node (self, "b", "+qwen");
  router_fixture_add_route (self, "r", "team", VMP_STRATEGY_WEIGHTED_ROUND_ROBIN, "a:qwen=3 b:qwen=1", NULL);
  for (guint i = 0; i < 400; i++)
    {
      g_auto (VmpRouting) routing = { NULL, };

      vmp_router_plan (self->router, &call, NULL, TRUE, 1, &routing);
      n += vmp_routing_get_host (&routing, 0) == a;
    }
  g_assert_cmpuint (n, >=, 290);
  g_assert_cmpuint (n, <=, 310);
}

/* An owner's route comes before what is built in, and before a model's name when it is named by its id. */
static void
test_route_wins (RouterFixture *self,
                 gconstpointer  data)
{
  VmpCallOptions options = { .opted_in = TRUE, .route = (char *) "mine" };
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) routing = { NULL, };

  router_fixture_add_node (self, "a", "+qwen");
  router_fixture_add_node (self, "b", "phi");
  router_fixture_add_route (self, "mine", "vampire:auto", VMP_STRATEGY_LEAST_BUSY, "b:phi", NULL);
  chat ("vampire:auto", "b:phi");
  call.options = &options;
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &routing);
  g_assert_cmpstr (routing.route_id, ==, "mine");
  g_assert_cmpint (routing.plan.strategy, ==, VMP_STRATEGY_LEAST_BUSY);
  g_assert_true (routing.is_routed);
  g_assert_cmpstr (vmp_routing_get_host (&routing, 0)->model_id, ==, "phi");

  /* One that is not there is left alone. */
  options.route = (char *) "no such";
  router_fixture_assert_call (self, &call, "a:qwen");
}

static void
test_reported (RouterFixture *self,
               gconstpointer  data)
{
  VmpCallOptions options = { .strategy = (char *) "least_latency" };
  VmpCall call = router_fixture_call ("qwen");
  g_auto (VmpRouting) plain = { NULL, };
  g_auto (VmpRouting) virtual = { NULL, };
  g_auto (VmpRouting) opted = { NULL, };

  router_fixture_add_node (self, "a", "qwen");
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &plain);
  g_assert_cmpstr (plain.route_id, ==, "default:qwen");
  g_assert_cmpint (plain.plan.strategy, ==, VMP_STRATEGY_RESIDENCY);
  g_assert_false (plain.is_routed);
  g_assert_false (plain.keeps_model);

  call.model = "vampire:best";
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &virtual);
  g_assert_cmpstr (virtual.route_id, ==, "default:vampire:best");
  g_assert_cmpint (virtual.plan.strategy, ==, VMP_STRATEGY_QUALITY_SCORE);
  g_assert_true (virtual.is_routed);

  options.opted_in = TRUE;
  call.model = "qwen";
  call.options = &options;
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &opted);
  g_assert_cmpint (opted.plan.strategy, ==, VMP_STRATEGY_LEAST_LATENCY);
  g_assert_true (opted.is_routed);
}

static void
test_fallback_chain (RouterFixture *self,
                     gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "qwen");
  VmpCall call = router_fixture_call ("one");
  g_auto (VmpRouting) routing = { NULL, };
  g_auto (VmpRouting) refused = { NULL, };

  router_fixture_add_route (self, "r1", "one", VMP_STRATEGY_ROUND_ROBIN, "a:none", "two");
  router_fixture_add_route (self, "r2", "two", VMP_STRATEGY_ROUND_ROBIN, "gone:qwen", "three");
  router_fixture_add_route (self, "r3", "three", VMP_STRATEGY_ROUND_ROBIN, "", "qwen");
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &routing);
  g_assert_cmpuint (routing.plan.n_attempts, ==, 1);
  g_assert_cmpuint (routing.fallbacks, ==, 3);
  g_assert_cmpstr (routing.route_id, ==, "default:qwen");
  g_assert_false (routing.keeps_model);

  /* When nobody can, what is told is of what was asked for. */
  router_fixture_park (self, a, VMP_NODE_DRAINING);
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &refused);
  g_assert_cmpstr (refused.route_id, ==, "r1");
  g_assert_cmpstr (refused.message, ==, "No node can answer for one now: a is draining.");
  chat ("two", "!no_route_target");
  router_fixture_assert_refused (self, "two", VMP_PROBLEM_NO_ROUTE_TARGET,
                                 "No node can answer for two now: gone is no node.");
}

/* Whoever may not see a request does not see it because of a fallback either, and it ends in any case. */
static void
test_fallback_bounds (RouterFixture *self,
                      gconstpointer  data)
{
  VmpRoute *route = vmp_route_new ("careful", "careful");
  g_autoptr (JsonNode) constraints = vmp_json_parse ("{\"trusted_only\":true}", 21, NULL);

  router_fixture_add_node (self, "a", "qwen");
  g_assert_null (vmp_route_set_constraints (route, json_node_get_object (constraints)));
  vmp_route_set_fallback (route, "vampire:auto");
  g_assert_true (vmp_route_list_put (self->routes, route));
  chat ("careful", "!no_route_target");

  /* A circle, which the control API would not have taken. */
  router_fixture_add_route (self, "x", "x", VMP_STRATEGY_ROUND_ROBIN, "", "y");
  router_fixture_add_route (self, "y", "y", VMP_STRATEGY_ROUND_ROBIN, "", "x");
  chat ("x", "!no_route_target");

  /* One after another stands in, but not for ever. */
  for (guint i = 0; i <= VMP_LIMIT_FALLBACKS + 1; i++)
    {
      g_autofree char *name = g_strdup_printf ("c%u", i);
      g_autofree char *next = g_strdup_printf ("c%u", i + 1);

      router_fixture_add_route (self, name, name, VMP_STRATEGY_ROUND_ROBIN, i > VMP_LIMIT_FALLBACKS ? "a:qwen" : "",
                                next);
    }
  chat ("c1", "a:qwen");
  chat ("c0", "!no_route_target");

  router_fixture_add_route (self, "odd", "odd", VMP_STRATEGY_ROUND_ROBIN, "", "nobody knows this");
  chat ("odd", "!no_route_target");
}

static void
test_route_kinds (RouterFixture *self,
                  gconstpointer  data)
{
  VmpNode *plain = router_fixture_add_node (self, "plain", NULL);

  router_fixture_add_node (self, "a", "qwen text-embed");
  registry_fixture_probe (&self->base, plain, "nobody-says");
  router_fixture_add_route (self, "r", "home", VMP_STRATEGY_FALLBACK_CHAIN, "a:qwen a:text-embed plain:nobody-says",
                            NULL);
  chat ("home", "a:qwen plain:nobody-says");
  embed ("home", "a:text-embed plain:nobody-says");
}

/* -- Continuations ------------------------------------------------------------------------- */

static void
assert_continuation (RouterFixture *self,
                     const char    *model,
                     VmpHost       *broken,
                     const char    *expected)
{
  VmpCall call = router_fixture_call (model);
  g_auto (VmpRouting) routing = { NULL, };
  g_autofree char *text = NULL;

  vmp_router_plan_continuation (self->router, &call, broken, NULL, g_get_monotonic_time (), &routing);
  text = router_fixture_describe (&routing);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_continuation (RouterFixture *self,
                   gconstpointer  data)
{
  VmpNode *a = router_fixture_add_node (self, "a", "+qwen,quant=Q4_K_M");
  VmpHost *broken = router_fixture_host (a, "qwen");

  router_fixture_add_node (self, "b", "+qwen,quant=Q8_0 phi");
  router_fixture_add_node (self, "c", "qwen,quant=Q4_K_M +phi");
  router_fixture_add_route (self, "r", "route", VMP_STRATEGY_ROUND_ROBIN, "a:qwen b:qwen b:phi", NULL);
  assert_continuation (self, "qwen", broken, "c:qwen");
  assert_continuation (self, "vampire:auto", broken, "c:qwen");
  assert_continuation (self, "route", broken, "!no_route_target");
  assert_continuation (self, "qwen@a", broken, "!no_route_target");
}

/* -- As JSON ------------------------------------------------------------------------------- */

static void
test_build (RouterFixture *self,
            gconstpointer  data)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *json = NULL;
  VmpCall call = router_fixture_call ("vampire:auto");
  g_auto (VmpRouting) routing = { NULL, };
  JsonObject *object;

  router_fixture_add_node (self, "last", "+qwen,size=4,ctx=8192,tools");
  for (guint i = 0; i < 40; i++)
    {
      g_autofree char *id = g_strdup_printf ("n%u", i);
      VmpNode *node = router_fixture_add_node (self, id, "phi");

      router_fixture_park (self, node, VMP_NODE_DRAINING);
    }
  vmp_router_plan (self->router, &call, NULL, FALSE, 1, &routing);

  /* The nodes may go before it is shown. */
  vmp_registry_forget (self->registry, vmp_registry_find (self->registry, "last"));
  json_builder_begin_object (builder);
  vmp_routing_build (&routing, builder);
  json_builder_end_object (builder);
  json = vmp_json_builder_print (builder);
  root = vmp_json_parse (json, strlen (json), NULL);
  object = json_node_get_object (root);
  g_assert_cmpstr (vmp_json_get_string (object, "route"), ==, "default:vampire:auto");
  g_assert_cmpstr (vmp_json_get_string (object, "strategy"), ==, "residency");
  g_assert_cmpuint (json_array_get_length (vmp_json_get_array (object, "candidates")), ==, VMP_LIMIT_SHOWN_CANDIDATES);
  g_assert_cmpint (json_object_get_int_member (object, "looked_at"), ==, 42);
  g_assert_cmpint (json_object_get_int_member (vmp_json_get_object (object, "rejected"), "draining"), ==, 40);

  object = json_array_get_object_element (vmp_json_get_array (object, "attempts"), 0);
  g_assert_cmpstr (vmp_json_get_string (object, "node"), ==, "last");
  g_assert_cmpstr (vmp_json_get_string (object, "model"), ==, "qwen");
  g_assert_cmpstr (vmp_json_get_string (object, "readiness"), ==, "now");
}

static void
test_has_virtual (RouterFixture *self,
                  gconstpointer  data)
{
  const VmpVirtualModel *embeddings = vmp_virtual_model_find ("vampire:embeddings");
  const VmpVirtualModel *automatic = vmp_virtual_model_find ("vampire:auto");
  const VmpVirtualModel *vision = vmp_virtual_model_find ("vampire:vision");
  VmpNode *a = router_fixture_add_node (self, "a", "text-embed");

  g_assert_true (vmp_router_has_virtual (self->router, embeddings));
  g_assert_true (vmp_router_has_virtual (self->router, automatic));
  g_assert_false (vmp_router_has_virtual (self->router, vision));
  router_fixture_list (self, a, "qwen,vision");
  g_assert_false (vmp_router_has_virtual (self->router, embeddings));
  g_assert_true (vmp_router_has_virtual (self->router, vision));
  registry_fixture_probe_offline (&self->base, a);
  g_assert_false (vmp_router_has_virtual (self->router, automatic));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  registry_fixture_record_log ();

  router_fixture_add ("/router/models/by-id", test_by_model);
  router_fixture_add ("/router/models/of-any-kind-by-name", test_any_kind_by_name);
  router_fixture_add ("/router/models/nobody-knows", test_nobody_knows);
  router_fixture_add ("/router/models/by-node", test_by_node);
  router_fixture_add ("/router/models/by-instance", test_by_instance);
  router_fixture_add ("/router/nodes/least-busy", test_least_busy);
  router_fixture_add ("/router/nodes/turns-are-of-each", test_turns_are_of_each);
  router_fixture_add ("/router/nodes/out-of-service", test_out_of_service);
  router_fixture_add ("/router/nodes/many-reasons", test_many_reasons);
  router_fixture_add ("/router/nodes/not-approved", test_not_approved);
  router_fixture_add ("/router/nodes/last-resort", test_last_resort);
  router_fixture_add ("/router/nodes/excluded", test_excluded);
  router_fixture_add ("/router/nodes/excluded-model", test_excluded_model);
  router_fixture_add ("/router/virtual/excluded-then-other", test_excluded_then_other);
  router_fixture_add ("/router/nodes/token", test_token);
  router_fixture_add ("/router/nodes/not-back-to-a-gateway", test_not_back);
  router_fixture_add ("/router/loads/failed", test_load_failed);
  router_fixture_add ("/router/loads/occupied", test_occupied);
  router_fixture_add ("/router/affinity/owner", test_owner);
  router_fixture_add ("/router/affinity/session-and-prompt", test_session_and_prompt);
  router_fixture_add ("/router/virtual/auto", test_auto);
  router_fixture_add ("/router/virtual/auto-takes-what-is-free", test_auto_takes_what_is_free);
  router_fixture_add ("/router/virtual/auto-follows-loads", test_auto_follows_loads);
  router_fixture_add ("/router/virtual/preferences", test_preferences);
  router_fixture_add ("/router/virtual/preferences-among-nodes", test_preferences_among_nodes);
  router_fixture_add ("/router/virtual/fast-and-loaded", test_fast_and_loaded);
  router_fixture_add ("/router/virtual/next-longest-context", test_next_longest);
  router_fixture_add ("/router/virtual/needs", test_needs);
  router_fixture_add ("/router/virtual/long-prompt", test_long_prompt);
  router_fixture_add ("/router/virtual/owner-says", test_owner_says);
  router_fixture_add ("/router/virtual/private", test_private);
  router_fixture_add ("/router/virtual/available", test_has_virtual);
  router_fixture_add ("/router/routes/targets-then-fallback", test_routes);
  router_fixture_add ("/router/routes/weights", test_weights);
  router_fixture_add ("/router/routes/win", test_route_wins);
  router_fixture_add ("/router/routes/reported", test_reported);
  router_fixture_add ("/router/routes/fallback-chain", test_fallback_chain);
  router_fixture_add ("/router/routes/fallback-bounds", test_fallback_bounds);
  router_fixture_add ("/router/routes/kinds", test_route_kinds);
  router_fixture_add ("/router/continuation", test_continuation);
  router_fixture_add ("/router/build", test_build);

  return g_test_run ();
}

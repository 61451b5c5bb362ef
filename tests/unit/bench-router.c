/* SPDX-License-Identifier: MIT
 *
 * What a plan costs from a call to its attempts, among ten nodes and among a thousand, each with a hundred models. It
 * prints microseconds, and checks nothing: build it without sanitizers.
 */

#include "registry-fixture.h"

#include "routing/vmp-router.h"

#include <stdio.h>

#define MODELS 100
#define ROUNDS 300

static char *
print_list (guint node)
{
  GString *list = g_string_new ("{\"models\":[");

  for (guint i = 0; i < MODELS; i++)
    {
      gboolean loaded = i == node % MODELS;

      g_string_append_printf (list, "%s{\"type\":\"%s\",\"key\":\"maker/model-%u-%ub\",\"params_string\":\"%uB\","
                              "\"size_bytes\":%u000000000,\"max_context_length\":%u,\"quantization\":{"
                              "\"name\":\"Q4_K_M\",\"bits_per_weight\":4},\"format\":\"gguf\","
                              "\"capabilities\":{\"vision\":%s,\"trained_for_tool_use\":true},\"loaded_instances\":[",
                              i > 0 ? "," : "", i % 10 == 9 ? "embedding" : "llm", i, 1 + i % 70, 1 + i % 70,
                              1 + i % 70, 4096 << i % 6, i % 3 == 0 ? "true" : "false");
      if (loaded)
        g_string_append_printf (list, "{\"id\":\"maker/model-%u-%ub\",\"config\":{\"context_length\":8192,"
                                "\"parallel\":4}}", i, 1 + i % 70);
      g_string_append (list, "]}");
    }
  g_string_append (list, "]}");

  return g_string_free (list, FALSE);
}

static void
add_nodes (RegistryFixture *self,
           guint            from,
           guint            to)
{
  for (guint i = from; i < to; i++)
    {
      g_autofree char *id = g_strdup_printf ("n%u", i);
      g_autofree char *url = g_strdup_printf ("http://10.0.%u.%u:1234", i / 250, 1 + i % 250);
      g_autofree char *list = print_list (i);

      registry_fixture_probe_list (self, registry_fixture_register (self, id, url), VMP_LIST_LMSTUDIO_V1, list, 0);
    }
}

static double
measure (VmpRouter     *router,
         const VmpCall *call)
{
  gint64 best = G_MAXINT64;

  for (guint i = 0; i < ROUNDS; i++)
    {
      guint repeats = 10;
      gint64 start = g_get_monotonic_time ();

      for (guint j = 0; j < repeats; j++)
        {
          g_auto (VmpRouting) routing = { NULL, };

          vmp_router_plan (router, call, NULL, TRUE, g_get_monotonic_time (), &routing);
          g_assert_cmpuint (routing.plan.n_attempts, >, 0);
        }
      best = MIN (best, (g_get_monotonic_time () - start) * 1000 / repeats);
    }

  return best / 1000.0;
}

int
main (int    argc,
      char **argv)
{
  static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                             "\"content\":\"Why is the sky blue?\"}]}";
  static const char * const models[] = { "maker/model-0-1b", "vampire:auto", "vampire:fast", "vampire:best" };
  static const guint counts[] = { 10, 1000 };
  RegistryFixture fixture = { NULL, };
  VmpRouteList *routes;
  VmpRouter *router;
  VmpJsonScan scan;
  guint added = 0;

  registry_fixture_record_log ();
  registry_fixture_set_up (&fixture, NULL);
  vmp_registry_set_default (fixture.registry, "http://localhost:1234");
  routes = vmp_route_list_new (fixture.store);
  router = vmp_router_new (fixture.registry, routes);
  g_assert_true (vmp_json_scan (body, sizeof body - 1, &scan));

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      add_nodes (&fixture, added, counts[i]);
      added = counts[i];
      for (guint j = 0; j < G_N_ELEMENTS (models); j++)
        {
          VmpCallOptions options = { FALSE };
          VmpCall call = { .id = "req_1", .body = body, .body_len = sizeof body - 1, .has_body = TRUE, .scan = &scan,
                           .model = models[j], .options = &options };

          printf ("%4u nodes x %u models, %-16s %8.2f µs\n", added, MODELS, models[j], measure (router, &call));
        }
    }

  vmp_router_free (router);
  vmp_route_list_free (routes);
  registry_fixture_tear_down (&fixture, NULL);

  return 0;
}

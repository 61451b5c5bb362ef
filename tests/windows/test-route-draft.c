/* SPDX-License-Identifier: MIT
 *
 * Routes while they are written: what comes from the gateway goes back to it as it came, but for what was changed.
 */

#include "app/windows/vmp-route-draft.h"
#include "core/vmp-json.h"

#include <string.h>

static VmpRouteDraft *
draft_from (const char *text)
{
  g_autoptr (JsonNode) node = vmp_json_parse (text, strlen (text), NULL);

  g_assert_nonnull (node);
  return vmp_route_draft_new (json_node_get_object (node));
}

/* (transfer full) */
static char *
print (VmpRouteDraft *draft,
       gboolean       with_id)
{
  g_autoptr (JsonNode) body = vmp_route_draft_to_body (draft, with_id);

  return json_to_string (body, FALSE);
}

static void
test_unchanged (void)
{
  g_autoptr (VmpRouteDraft) draft = draft_from ("{\"id\":\"r\",\"virtual_model\":\"team/code\",\"targets\":["
                                                "{\"node\":\"a\",\"model\":\"m\",\"weight\":3},"
                                                "{\"node\":\"b\",\"model\":\"m\"}],"
                                                "\"strategy\":\"fallback_chain\",\"fallback\":\"vampire:auto\","
                                                "\"constraints\":{\"min_context_window\":4096,\"max_queue_depth\":0,"
                                                "\"trusted_only\":true,\"required_capabilities\":[\"tools\"]},"
                                                "\"weights\":{\"latency\":0.25,\"quality_score\":0.75}}");
  g_autofree char *body = print (draft, TRUE);

  g_assert_cmpstr (body, ==,
                   "{\"id\":\"r\",\"virtual_model\":\"team/code\",\"strategy\":\"fallback_chain\","
                   "\"fallback\":\"vampire:auto\",\"targets\":[{\"node\":\"a\",\"model\":\"m\",\"weight\":3.0},"
                   "{\"node\":\"b\",\"model\":\"m\",\"weight\":1.0}],"
                   "\"constraints\":{\"min_context_window\":4096,\"max_queue_depth\":0,\"trusted_only\":true,"
                   "\"required_capabilities\":[\"tools\"]},"
                   "\"weights\":{\"latency\":0.25,\"tokens_per_second\":0.0,\"queue_depth\":0.0,"
                   "\"quality_score\":0.75}}");
}

static void
test_unknown (void)
{
  g_autoptr (VmpRouteDraft) draft = draft_from ("{\"id\":\"r\",\"virtual_model\":\"x\",\"constraints\":{"
                                                "\"max_cost\":{\"eur\":2},"
                                                "\"required_capabilities\":[\"streaming\",\"vision\"]}}");
  g_autofree char *body = NULL;

  draft->vision = FALSE;
  body = print (draft, FALSE);
  g_assert_nonnull (strstr (body, "\"max_cost\":{\"eur\":2}"));
  g_assert_nonnull (strstr (body, "\"required_capabilities\":[\"streaming\"]"));
  g_assert_null (strstr (body, "\"id\""));
}

static void
test_empty (void)
{
  g_autoptr (VmpRouteDraft) draft = vmp_route_draft_new (NULL);
  g_autofree char *body = NULL;

  draft->virtual_model = g_strdup ("x");
  body = print (draft, FALSE);
  g_assert_cmpstr (body, ==,
                   "{\"virtual_model\":\"x\",\"strategy\":null,\"fallback\":null,\"targets\":[],"
                   "\"constraints\":{\"required_capabilities\":[]},\"weights\":null}");
}

static void
test_targets (void)
{
  g_autoptr (VmpRouteDraft) draft = vmp_route_draft_new (NULL);
  g_autoptr (VmpDraftTarget) first = NULL;
  g_autoptr (VmpDraftTarget) second = NULL;

  g_assert_true (vmp_route_draft_add (draft, "a", "m"));
  g_assert_true (vmp_route_draft_add (draft, "b", "m"));
  g_assert_false (vmp_route_draft_add (draft, "a", "m"));
  first = g_list_model_get_item (G_LIST_MODEL (draft->targets), 0);
  vmp_route_draft_move (draft, first, -1);
  vmp_route_draft_move (draft, first, 1);
  second = g_list_model_get_item (G_LIST_MODEL (draft->targets), 1);
  g_assert_true (first == second);
  vmp_route_draft_move (draft, first, 1);
  vmp_route_draft_remove (draft, first);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (draft->targets)), ==, 1);
}

static void
test_id (void)
{
  static const char * const names[][2] = {
    { "team/code", "team-code" },
    { "My Model: 2!", "my-model-2" },
    { "///", "" },
    { "a.b_c", "a.b_c" },
    { "Grün", "gr-n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *id = vmp_route_draft_make_id (names[i][0]);

      g_assert_cmpstr (id, ==, names[i][1]);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/route-draft/unchanged", test_unchanged);
  g_test_add_func ("/route-draft/unknown-members", test_unknown);
  g_test_add_func ("/route-draft/empty", test_empty);
  g_test_add_func ("/route-draft/targets", test_targets);
  g_test_add_func ("/route-draft/id", test_id);

  return g_test_run ();
}

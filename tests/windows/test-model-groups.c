/* SPDX-License-Identifier: MIT
 *
 * The models of all nodes, one row for each id: grouping, order, search, filters, and what changes.
 */

#include "app/windows/vmp-model-groups.h"
#include "core/vmp-json.h"

#include <string.h>

typedef struct {
  VmpMirror *mirror;
  VmpModelGroups *groups;
  guint n_told;
} Fixture;

static char *
id_of (JsonObject *document)
{
  return g_strconcat (vmp_json_get_string (document, "node"), " ", vmp_json_get_string (document, "model"), NULL);
}

static void
set_models (Fixture    *self,
            const char *text)
{
  g_autoptr (JsonNode) node = vmp_json_parse (text, strlen (text), NULL);

  g_assert_nonnull (node);
  vmp_item_list_replace (vmp_mirror_get_list (self->mirror, VMP_TOPIC_MODELS), json_node_get_array (node), id_of);
  vmp_model_groups_flush (self->groups);
}

static void
told_cb (Fixture *self)
{
  self->n_told++;
}

#define FLEET \
  "[{\"node\":\"a\",\"model\":\"zeta\",\"display_name\":\"Alpha\",\"kind\":\"llm\",\"loaded\":true," \
  "\"parameters\":\"4B\",\"capabilities\":{\"vision\":false,\"tools\":true}}," \
  "{\"node\":\"a\",\"model\":\"embed\",\"kind\":\"embedding\",\"loaded\":false," \
  "\"capabilities\":{\"vision\":true},\"sources\":{\"vision\":\"unknown\"}}," \
  "{\"node\":\"b\",\"model\":\"zeta\",\"display_name\":\"Alpha\",\"kind\":\"llm\",\"loaded\":false}," \
  "{\"node\":\"b\",\"model\":\"seer\",\"kind\":\"vlm\",\"loaded\":false,\"capabilities\":{\"vision\":true}}]"

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autoptr (VmpSettings) settings = vmp_settings_load (NULL, NULL, NULL);
  g_autoptr (VmpLink) link = vmp_link_new ("http://127.0.0.1:1", settings);

  self->mirror = vmp_mirror_new (link);
  self->groups = vmp_model_groups_new (self->mirror);
  set_models (self, FLEET);
  g_signal_connect_swapped (self->groups, "items-changed", G_CALLBACK (told_cb), self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_object_unref (self->groups);
  g_object_unref (self->mirror);
}

/* The ids of what is listed, with blanks between. */
static void
assert_listed (Fixture    *self,
               const char *ids)
{
  g_autoptr (GString) listed = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->groups)); i++)
    {
      g_autoptr (VmpModelGroup) group = g_list_model_get_item (G_LIST_MODEL (self->groups), i);

      g_string_append_printf (listed, "%s%s", i > 0 ? " " : "", vmp_model_group_get_id (group));
    }
  g_assert_cmpstr (listed->str, ==, ids);
}

static void
test_grouped (Fixture      *self,
              gconstpointer data)
{
  VmpModelGroup *group = vmp_model_groups_find (self->groups, "zeta");
  g_autofree char *state = vmp_model_group_dup_state (group);
  g_autofree char *where = vmp_model_group_dup_where (group, self->mirror);

  /* By the name that people see. */
  assert_listed (self, "zeta embed seer");
  g_assert_cmpuint (vmp_model_group_count_places (group), ==, 2);
  g_assert_cmpuint (vmp_model_group_count_loaded (group), ==, 1);
  g_assert_cmpstr (state, ==, "Loaded on 1 of 2");
  g_assert_cmpstr (where, ==, "a, b");
}

static void
test_search (Fixture      *self,
             gconstpointer data)
{
  vmp_model_groups_set_search (self->groups, "ALPHA 4b");
  assert_listed (self, "zeta");
  vmp_model_groups_set_search (self->groups, "nothing");
  assert_listed (self, "");
  g_assert_cmpuint (vmp_model_groups_count (self->groups), ==, 3);
  vmp_model_groups_set_search (self->groups, " ");
  assert_listed (self, "zeta embed seer");
}

static void
test_filter (Fixture      *self,
             gconstpointer data)
{
  vmp_model_groups_set_filter (self->groups, &(VmpModelFilter) { .loaded = TRUE });
  assert_listed (self, "zeta");
  vmp_model_groups_set_filter (self->groups, &(VmpModelFilter) { .embeddings = TRUE });
  assert_listed (self, "embed");
  vmp_model_groups_set_filter (self->groups, &(VmpModelFilter) { .chat = TRUE });
  assert_listed (self, "zeta seer");
  /* What nobody knows of a model is not listed as something that it can do. */
  vmp_model_groups_set_filter (self->groups, &(VmpModelFilter) { .can = VMP_MODEL_CAN_VISION });
  assert_listed (self, "seer");
}

static void
test_kept (Fixture      *self,
           gconstpointer data)
{
  VmpModelGroup *group = vmp_model_groups_find (self->groups, "zeta");

  set_models (self, "[{\"node\":\"b\",\"model\":\"zeta\",\"display_name\":\"Alpha\",\"kind\":\"llm\","
              "\"loaded\":true}]");
  assert_listed (self, "zeta");
  g_assert_true (vmp_model_groups_find (self->groups, "zeta") == group);
  g_assert_cmpuint (vmp_model_group_count_places (group), ==, 1);
  g_assert_cmpuint (self->n_told, ==, 1);
  g_assert_null (vmp_model_groups_find (self->groups, "seer"));
}

static void
test_change_is_quiet (Fixture      *self,
                      gconstpointer data)
{
  /* One that only says something else stays where it is. */
  set_models (self, "[{\"node\":\"a\",\"model\":\"zeta\",\"display_name\":\"Alpha\",\"kind\":\"llm\",\"loaded\":false},"
              "{\"node\":\"a\",\"model\":\"embed\",\"kind\":\"embedding\",\"loaded\":true},"
              "{\"node\":\"b\",\"model\":\"zeta\",\"display_name\":\"Alpha\",\"kind\":\"llm\",\"loaded\":true},"
              "{\"node\":\"b\",\"model\":\"seer\",\"kind\":\"vlm\",\"loaded\":true}]");
  g_assert_cmpuint (self->n_told, ==, 0);
  assert_listed (self, "zeta embed seer");
}

static void
test_loading (Fixture      *self,
              gconstpointer data)
{
  VmpItemList *loads = vmp_mirror_get_list (self->mirror, VMP_TOPIC_LOADS);
  VmpModelGroup *group = vmp_model_groups_find (self->groups, "zeta");
  g_autoptr (JsonNode) load = json_from_string ("{\"node\":\"b\",\"model\":\"zeta\",\"progress\":0.42}", NULL);
  g_autofree char *during = NULL;
  g_autofree char *after = NULL;

  vmp_item_list_set (loads, "b zeta", json_node_get_object (load));
  during = vmp_model_group_dup_state (group);
  vmp_item_list_remove (loads, "b zeta");
  after = vmp_model_group_dup_state (group);
  g_assert_cmpstr (during, ==, "Loading 42 %");
  g_assert_cmpstr (after, ==, "Loaded on 1 of 2");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/model-groups/grouped", Fixture, NULL, set_up, test_grouped, tear_down);
  g_test_add ("/model-groups/search", Fixture, NULL, set_up, test_search, tear_down);
  g_test_add ("/model-groups/filter", Fixture, NULL, set_up, test_filter, tear_down);
  g_test_add ("/model-groups/kept", Fixture, NULL, set_up, test_kept, tear_down);
  g_test_add ("/model-groups/change-is-quiet", Fixture, NULL, set_up, test_change_is_quiet, tear_down);
  g_test_add ("/model-groups/loading", Fixture, NULL, set_up, test_loading, tear_down);

  return g_test_run ();
}

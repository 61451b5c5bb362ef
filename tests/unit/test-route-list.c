/* SPDX-License-Identifier: MIT
 *
 * The owner's routes: their order, which one a virtual model means, and that they are there after a restart.
 */

#include "routing/vmp-route-list.h"

#include "core/vmp-limits.h"

#include <glib/gstdio.h>
#include <string.h>

static guint warnings; /* of unreadable routes */

/* Counts what the list warns of; all else ends the test, as it does without this. */
static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  gsize i;

  for (i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, "MESSAGE") && g_str_has_prefix (fields[i].value, "The stored route bad-"))
        {
          warnings++;
          return G_LOG_WRITER_HANDLED;
        }
    }

  return g_log_writer_default (level, fields, n_fields, user_data);
}

typedef struct {
  char *data_dir;
  VmpStore *store;
  VmpRouteList *list;
} Fixture;

static void
start (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  self->store = vmp_store_open (self->data_dir, NULL, &error);
  g_assert_no_error (error);
  self->list = vmp_route_list_new (self->store);
  vmp_route_list_load (self->list);
}

static void
stop (Fixture *self)
{
  g_clear_pointer (&self->list, vmp_route_list_free);
  g_clear_pointer (&self->store, vmp_store_close);
}

static void
restart (Fixture *self)
{
  stop (self);
  start (self);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->data_dir = g_dir_make_tmp ("vampire-routes-XXXXXX", NULL);
  g_assert_nonnull (self->data_dir);
  start (self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  stop (self);
  dir = g_dir_open (self->data_dir, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->data_dir, name, NULL);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (self->data_dir), ==, 0);
  g_free (self->data_dir);
}

static void
put (Fixture    *self,
     const char *id,
     const char *virtual_model)
{
  g_assert_true (vmp_route_list_put (self->list, vmp_route_new (id, virtual_model)));
}

static char *
list_ids (Fixture *self)
{
  GPtrArray *routes = vmp_route_list_get_all (self->list);
  GString *ids = g_string_new (NULL);
  guint i;

  for (i = 0; i < routes->len; i++)
    g_string_append_printf (ids, "%s%s", i > 0 ? " " : "", ((const VmpRoute *) g_ptr_array_index (routes, i))->id);

  return g_string_free (ids, FALSE);
}

static void
assert_ids (Fixture    *self,
            const char *expected)
{
  g_autofree char *ids = list_ids (self);

  g_assert_cmpstr (ids, ==, expected);
}

static char *
print (const VmpRoute *route)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  vmp_route_build (route, builder);

  return vmp_json_builder_print (builder);
}

static void
test_defaults (Fixture      *self,
               gconstpointer data)
{
  VmpRoute *route = vmp_route_new ("fast", "vampire:fast");
  g_autofree char *printed = print (route);

  g_assert_cmpstr (printed, ==, "{\"id\":\"fast\",\"virtual_model\":\"vampire:fast\",\"targets\":[],"
                   "\"strategy\":\"round_robin\",\"fallback\":null,\"constraints\":{}}");
  vmp_route_free (route);
}

/* (transfer full) (nullable): what is wrong with them */
static char *
set_constraints (VmpRoute   *route,
                 const char *json)
{
  g_autoptr (JsonNode) root = vmp_json_parse (json, strlen (json), NULL);

  g_assert_nonnull (root);

  return vmp_route_set_constraints (route, json_node_get_object (root));
}

static char *
set_weights (VmpRoute   *route,
             const char *json)
{
  g_autoptr (JsonNode) root = vmp_json_parse (json, strlen (json), NULL);

  g_assert_nonnull (root);

  return vmp_route_set_weights (route, json_node_get_object (root));
}

/* A route with all it can have. */
static VmpRoute *
make_full (void)
{
  VmpRoute *route = vmp_route_new ("best", "vampire:best");

  vmp_route_add_target (route, "node-a", "qwen/qwen3-8b", 1);
  vmp_route_add_target (route, "node-b", "Zo\xc3\xab \"7b\"", 2.5);
  route->strategy = VMP_STRATEGY_LEAST_BUSY;
  vmp_route_set_fallback (route, "vampire:fast");
  g_assert_null (set_constraints (route, "{\"max\":1.5,\"deep\":{\"list\":[1,null,\"x\"]},"
                                  "\"trusted_only\":true,\"min_context_window\":16000}"));
  g_assert_null (set_weights (route, "{\"latency\":3,\"quality_score\":1}"));

  return route;
}

static void
test_restart (Fixture      *self,
              gconstpointer data)
{
  static const char full[] = "{\"id\":\"best\",\"virtual_model\":\"vampire:best\",\"targets\":["
                             "{\"node\":\"node-a\",\"model\":\"qwen/qwen3-8b\"},"
                             "{\"node\":\"node-b\",\"model\":\"Zo\xc3\xab \\\"7b\\\"\",\"weight\":2.5}],"
                             "\"strategy\":\"least_busy\",\"fallback\":\"vampire:fast\","
                             "\"constraints\":{\"max\":1.5,\"deep\":{\"list\":[1,null,\"x\"]},"
                             "\"trusted_only\":true,\"min_context_window\":16000},"
                             "\"weights\":{\"latency\":3,\"quality_score\":1}}";
  const VmpRoute *route;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  g_assert_true (vmp_route_list_put (self->list, make_full ()));
  put (self, "fast", "vampire:fast");
  put (self, "gone", "vampire:gone");
  g_assert_true (vmp_route_list_remove (self->list, "gone"));
  before = print (vmp_route_list_find (self->list, "best"));
  g_assert_cmpstr (before, ==, full);

  restart (self);
  assert_ids (self, "best fast");
  after = print (vmp_route_list_find (self->list, "best"));
  g_assert_cmpstr (after, ==, full);
  route = vmp_route_list_find (self->list, "best");
  g_assert_cmpint (route->strategy, ==, VMP_STRATEGY_LEAST_BUSY);
  g_assert_true (route->required.trusted_only);
  g_assert_cmpint (route->required.min_context, ==, 16000);
  g_assert_true (route->has_weights);
  g_assert_cmpfloat (route->weights[VMP_WEIGHT_LATENCY], ==, 0.75);
  g_assert_cmpfloat (((const VmpRouteTarget *) g_ptr_array_index (route->targets, 1))->weight, ==, 2.5);
  g_assert_cmpstr (vmp_route_list_find_model (self->list, "vampire:fast")->id, ==, "fast");
  g_assert_null (vmp_route_list_find (self->list, "gone"));
}

/* One that comes again takes the place of the former, also after a restart. */
static void
test_replace (Fixture      *self,
              gconstpointer data)
{
  put (self, "one", "vampire:x");
  put (self, "two", "vampire:y");
  put (self, "three", "vampire:z");
  put (self, "two", "vampire:new");
  assert_ids (self, "one two three");
  g_assert_null (vmp_route_list_find_model (self->list, "vampire:y"));
  g_assert_cmpstr (vmp_route_list_find_model (self->list, "vampire:new")->id, ==, "two");

  restart (self);
  assert_ids (self, "one two three");
  g_assert_cmpstr (vmp_route_list_find (self->list, "two")->virtual_model, ==, "vampire:new");
}

static void
test_first_wins (Fixture      *self,
                 gconstpointer data)
{
  put (self, "one", "vampire:same");
  put (self, "two", "vampire:same");
  put (self, "three", "vampire:same");
  g_assert_cmpstr (vmp_route_list_find_model (self->list, "vampire:same")->id, ==, "one");

  put (self, "one", "vampire:other");
  g_assert_cmpstr (vmp_route_list_find_model (self->list, "vampire:same")->id, ==, "two");
  g_assert_true (vmp_route_list_remove (self->list, "two"));
  g_assert_cmpstr (vmp_route_list_find_model (self->list, "vampire:same")->id, ==, "three");
  put (self, "one", "vampire:same");
  g_assert_cmpstr (vmp_route_list_find_model (self->list, "vampire:same")->id, ==, "one");
  g_assert_null (vmp_route_list_find_model (self->list, "vampire:none"));
}

static void
test_remove (Fixture      *self,
             gconstpointer data)
{
  put (self, "one", "vampire:x");
  g_assert_false (vmp_route_list_remove (self->list, "two"));

  /* By its own id, which goes with it. */
  g_assert_true (vmp_route_list_remove (self->list, vmp_route_list_find (self->list, "one")->id));
  g_assert_null (vmp_route_list_find (self->list, "one"));
  g_assert_null (vmp_route_list_find_model (self->list, "vampire:x"));
  g_assert_false (vmp_route_list_remove (self->list, "one"));
  assert_ids (self, "");
}

static void
test_full (Fixture      *self,
           gconstpointer data)
{
  guint i;

  for (i = 0; i < VMP_LIMIT_ROUTES; i++)
    {
      g_autofree char *id = g_strdup_printf ("route-%u", i);

      put (self, id, id);
    }
  g_assert_false (vmp_route_list_put (self->list, vmp_route_new ("more", "vampire:more")));
  g_assert_null (vmp_route_list_find (self->list, "more"));

  /* One that is there can still be changed, and one that goes makes room. */
  put (self, "route-7", "vampire:seven");
  g_assert_true (vmp_route_list_remove (self->list, "route-8"));
  put (self, "more", "vampire:more");
  g_assert_cmpuint (vmp_route_list_get_all (self->list)->len, ==, VMP_LIMIT_ROUTES);
}

/* What another version wrote, or a person, does not take the others along. */
static void
test_unreadable (Fixture      *self,
                 gconstpointer data)
{
  static const char * const documents[] = {
    "", "[]", "nonsense", "{}", "{\"virtual_model\":3,\"strategy\":\"round_robin\"}",
    "{\"virtual_model\":\"vampire:x\",\"strategy\":\"of_the_future\"}",
    "{\"virtual_model\":\"vampire:x\",\"strategy\":\"round_robin\",\"constraints\":{\"local_only\":\"yes\"}}"
  };
  static const char half[] = "{\"virtual_model\":\"vampire:half\",\"strategy\":\"round_robin\",\"fallback\":7,"
                             "\"constraints\":[],\"targets\":[3,{\"node\":\"a\"},{\"node\":\"a\",\"model\":\"m\"},{}]}";
  g_autofree char *printed = NULL;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      g_autofree char *id = g_strdup_printf ("bad-%u", i);

      vmp_store_put (self->store, VMP_STORE_ROUTES, id, g_strdup (documents[i]), NULL, NULL);
    }
  vmp_store_put (self->store, VMP_STORE_ROUTES, "half", g_strdup (half), NULL, NULL);
  put (self, "good", "vampire:good");

  restart (self);
  g_assert_cmpuint (warnings, ==, G_N_ELEMENTS (documents));
  assert_ids (self, "half good");
  printed = print (vmp_route_list_find (self->list, "half"));
  g_assert_cmpstr (printed, ==, "{\"id\":\"half\",\"virtual_model\":\"vampire:half\",\"targets\":["
                   "{\"node\":\"a\",\"model\":\"m\"}],\"strategy\":\"round_robin\",\"fallback\":null,"
                   "\"constraints\":{}}");
}

/* A copy changes by itself; what is wrong changes nothing. */
static void
test_change (Fixture      *self,
             gconstpointer data)
{
  VmpRoute *route = make_full ();
  VmpRoute *copy = vmp_route_copy (route);
  g_autofree char *fault = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *copied = NULL;
  g_autofree char *changed = NULL;

  g_assert_true (vmp_route_list_put (self->list, route));
  printed = print (route);
  copied = print (copy);
  g_assert_cmpstr (printed, ==, copied);
  g_assert_true (copy->required.trusted_only);

  fault = set_constraints (copy, "{\"local_only\":true,\"min_context_window\":\"many\"}");
  g_assert_nonnull (fault);
  g_assert_nonnull (strstr (fault, "min_context_window"));
  g_assert_false (copy->required.local_only);
  g_assert_true (copy->required.trusted_only);

  g_assert_null (set_constraints (copy, "{}"));
  g_assert_null (set_weights (copy, "{}"));
  vmp_route_set_fallback (copy, NULL);
  g_ptr_array_set_size (copy->targets, 1);
  changed = print (copy);
  g_assert_cmpstr (changed, ==, "{\"id\":\"best\",\"virtual_model\":\"vampire:best\",\"targets\":["
                   "{\"node\":\"node-a\",\"model\":\"qwen/qwen3-8b\"}],\"strategy\":\"least_busy\","
                   "\"fallback\":null,\"constraints\":{}}");
  g_assert_false (copy->required.trusted_only);
  g_assert_false (copy->has_weights);
  g_assert_cmpuint (vmp_route_list_find (self->list, "best")->targets->len, ==, 2);
  g_assert_true (vmp_route_list_put (self->list, copy));
  g_assert_cmpuint (vmp_route_list_find (self->list, "best")->targets->len, ==, 1);
}

static void
assert_cycle (Fixture    *self,
              const char *id,
              const char *virtual_model,
              const char *fallback,
              const char *expected)
{
  g_autoptr (VmpRoute) route = vmp_route_new (id, virtual_model);
  g_autofree char *cycle = NULL;

  vmp_route_set_fallback (route, fallback);
  cycle = vmp_route_list_find_cycle (self->list, route);
  g_assert_cmpstr (cycle, ==, expected);
  if (expected == NULL)
    g_assert_true (vmp_route_list_put (self->list, g_steal_pointer (&route)));
}

static void
test_cycles (Fixture      *self,
             gconstpointer data)
{
  assert_cycle (self, "self", "a", "a", "a, a");
  assert_cycle (self, "one", "a", "b", NULL);
  assert_cycle (self, "two", "b", "c", NULL);
  assert_cycle (self, "three", "c", "a", "c, a, b, c");
  assert_cycle (self, "three", "c", "vampire:auto", NULL);

  /* A change of one that is there, and one that nobody means because another has the name. */
  assert_cycle (self, "two", "b", "a", "b, a, b");
  assert_cycle (self, "other", "a", "c", NULL);
  assert_cycle (self, "three", "c", "b", "c, b, c");
  assert_cycle (self, "one", "z", "c", NULL);
  assert_cycle (self, "three", "c", "a", "c, a, c");
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  ADD ("/routing/route-list/defaults", test_defaults);
  ADD ("/routing/route-list/restart", test_restart);
  ADD ("/routing/route-list/replace", test_replace);
  ADD ("/routing/route-list/first-wins", test_first_wins);
  ADD ("/routing/route-list/remove", test_remove);
  ADD ("/routing/route-list/change", test_change);
  ADD ("/routing/route-list/cycles", test_cycles);
  ADD ("/routing/route-list/full", test_full);
  ADD ("/routing/route-list/unreadable", test_unreadable);

  return g_test_run ();
}

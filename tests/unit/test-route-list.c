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
test_strategies (void)
{
  const char * const *names = vmp_route_strategies ();

  g_assert_cmpuint (g_strv_length ((char **) names), ==, 16);
  g_assert_cmpstr (names[0], ==, "round_robin");
  for (; *names != NULL; names++)
    g_assert_true (vmp_route_is_strategy (*names));
  g_assert_true (vmp_route_is_strategy ("prefix_affinity"));
  g_assert_false (vmp_route_is_strategy ("race"));
  g_assert_false (vmp_route_is_strategy ("Round_Robin"));
  g_assert_false (vmp_route_is_strategy (""));
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

/* A route with all it can have. */
static VmpRoute *
make_full (void)
{
  static const char constraints[] = "{\"max\":1.5,\"deep\":{\"list\":[1,null,\"x\"]}}";
  VmpRoute *route = vmp_route_new ("best", "vampire:best");

  vmp_route_add_target (route, "node-a", "qwen/qwen3-8b");
  vmp_route_add_target (route, "node-b", "Zo\xc3\xab \"7b\"");
  g_free (route->strategy);
  route->strategy = g_strdup ("least_busy");
  route->fallback = g_strdup ("vampire:fast");
  json_node_unref (route->constraints);
  route->constraints = vmp_json_parse (constraints, strlen (constraints), NULL);
  g_assert_nonnull (route->constraints);

  return route;
}

static void
test_restart (Fixture      *self,
              gconstpointer data)
{
  static const char full[] = "{\"id\":\"best\",\"virtual_model\":\"vampire:best\",\"targets\":["
                             "{\"node\":\"node-a\",\"model\":\"qwen/qwen3-8b\"},"
                             "{\"node\":\"node-b\",\"model\":\"Zo\xc3\xab \\\"7b\\\"\"}],"
                             "\"strategy\":\"least_busy\",\"fallback\":\"vampire:fast\","
                             "\"constraints\":{\"max\":1.5,\"deep\":{\"list\":[1,null,\"x\"]}}}";
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
    "{\"virtual_model\":\"vampire:x\",\"strategy\":\"of_the_future\"}"
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

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_add_func ("/routing/route-list/strategies", test_strategies);
  ADD ("/routing/route-list/defaults", test_defaults);
  ADD ("/routing/route-list/restart", test_restart);
  ADD ("/routing/route-list/replace", test_replace);
  ADD ("/routing/route-list/first-wins", test_first_wins);
  ADD ("/routing/route-list/remove", test_remove);
  ADD ("/routing/route-list/full", test_full);
  ADD ("/routing/route-list/unreadable", test_unreadable);

  return g_test_run ();
}

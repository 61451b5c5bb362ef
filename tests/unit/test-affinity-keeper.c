/* SPDX-License-Identifier: MIT
 *
 * Tests of what is kept of responses' owners over a restart: what comes back, what does not, how often it is written,
 * and that it stays bounded.
 */

#include "registry-fixture.h"

#include "core/vmp-limits.h"
#include "routing/vmp-affinity-keeper.h"

#include <string.h>

typedef struct {
  RegistryFixture base;
  VmpPoll *poll;
  VmpAffinity *affinity;
  VmpAffinityKeeper *keeper;
} Fixture;

static void
begin (Fixture *self)
{
  self->affinity = vmp_affinity_new ();
  self->keeper = vmp_affinity_keeper_new (self->poll, self->base.store, self->base.registry, self->affinity);
}

static void
end (Fixture *self)
{
  vmp_affinity_keeper_free (self->keeper);
  vmp_affinity_free (self->affinity);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  registry_fixture_set_up (&self->base, NULL);
  self->poll = vmp_poll_new (NULL);
  begin (self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  end (self);
  vmp_poll_free (self->poll);
  registry_fixture_tear_down (&self->base, NULL);
}

static void
restart (Fixture *self)
{
  end (self);
  registry_fixture_reopen (&self->base);
  begin (self);
}

static void
stick (Fixture    *self,
       const char *key,
       const char *node)
{
  vmp_affinity_stick (self->affinity, VMP_STICKY_OWNER, key, vmp_registry_find (self->base.registry, node),
                      g_get_monotonic_time ());
}

/* The id of its node; NULL: nobody has it */
static const char *
find (Fixture    *self,
      const char *key)
{
  VmpNode *node = vmp_affinity_find (self->affinity, VMP_STICKY_OWNER, key, g_get_monotonic_time ());

  return node != NULL ? node->id : NULL;
}

static void
append (gpointer    user_data,
        const char *id,
        const char *document)
{
  g_string_append_printf (user_data, "%s=%s ", id, document);
}

static void
count (gpointer    user_data,
       const char *id,
       const char *document)
{
  (*(guint *) user_data)++;
}

static guint
count_documents (Fixture *self)
{
  guint n = 0;

  registry_fixture_flush (&self->base);
  vmp_store_for_each (self->base.store, VMP_STORE_OWNERS, count, &n);

  return n;
}

static gboolean
has_documents (Fixture    *self,
               const char *pattern)
{
  g_autoptr (GString) text = g_string_new (NULL);

  registry_fixture_flush (&self->base);
  vmp_store_for_each (self->base.store, VMP_STORE_OWNERS, append, text);
  g_test_message ("The store has %s", text->str);

  return g_pattern_match_simple (pattern, text->str);
}

/* What a run of another time left. */
static void
put (Fixture    *self,
     const char *id,
     const char *key,
     const char *node,
     gint64      used)
{
  vmp_store_put (self->base.store, VMP_STORE_OWNERS, id,
                 g_strdup_printf ("{\"response\":\"%s\",\"node\":\"%s\",\"used\":%" G_GINT64_FORMAT "}", key, node,
                                  used), NULL, NULL);
}

static gint64
unix_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* -- Over a restart ------------------------------------------------------------------------ */

static void
test_comes_back (Fixture      *self,
                 gconstpointer data)
{
  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  registry_fixture_register (&self->base, "b", "http://127.0.0.1:2");
  stick (self, "resp_1", "a");
  stick (self, "resp_2", "b");
  restart (self);
  g_assert_cmpstr (find (self, "resp_1"), ==, "a");
  g_assert_cmpstr (find (self, "resp_2"), ==, "b");
  g_assert_null (find (self, "resp_3"));

  /* Made anew by another one. */
  stick (self, "resp_1", "b");
  stick (self, "resp_3", "a");
  restart (self);
  restart (self);
  g_assert_cmpstr (find (self, "resp_1"), ==, "b");
  g_assert_cmpstr (find (self, "resp_2"), ==, "b");
  g_assert_cmpstr (find (self, "resp_3"), ==, "a");
  g_assert_cmpuint (count_documents (self), ==, 3);
}

static void
test_keeps_nothing_else (Fixture      *self,
                         gconstpointer data)
{
  VmpNode *node = registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");

  vmp_affinity_stick (self->affinity, VMP_STICKY_SESSION, "my session", node, g_get_monotonic_time ());
  stick (self, "resp_1", "a");
  restart (self);
  g_assert_null (vmp_affinity_find (self->affinity, VMP_STICKY_SESSION, "my session", g_get_monotonic_time ()));
  g_assert_true (has_documents (self, "0={\"response\":\"resp_1\",\"node\":\"a\",\"used\":1?????????} "));
}

static void
test_goes_with_its_node (Fixture      *self,
                         gconstpointer data)
{
  VmpNode *node;

  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  registry_fixture_register (&self->base, "b", "http://127.0.0.1:2");
  stick (self, "resp_1", "a");
  stick (self, "resp_2", "b");
  restart (self);

  /* As the registry's listener does it. */
  node = vmp_registry_find (self->base.registry, "a");
  vmp_node_ref (node);
  vmp_registry_forget (self->base.registry, node);
  vmp_affinity_remove_node (self->affinity, node);
  vmp_node_unref (node);
  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  restart (self);
  g_assert_null (find (self, "resp_1"));
  g_assert_cmpstr (find (self, "resp_2"), ==, "b");
  g_assert_cmpuint (count_documents (self), ==, 1);
}

static void
test_ends_in_time (Fixture      *self,
                   gconstpointer data)
{
  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  put (self, "4", "resp_old", "a", unix_now () - VMP_LIMIT_OWNER_S);
  put (self, "5", "resp_young", "a", unix_now () - VMP_LIMIT_OWNER_S + 60);
  put (self, "6", "resp_ahead", "a", unix_now () + 100 * VMP_LIMIT_OWNER_S);
  registry_fixture_flush (&self->base);
  restart (self);

  /* Its time goes on from where it was. */
  g_assert_null (vmp_affinity_find (self->affinity, VMP_STICKY_OWNER, "resp_young",
                                    g_get_monotonic_time () + 61 * G_USEC_PER_SEC));
  g_assert_null (find (self, "resp_old"));
  g_assert_null (vmp_affinity_find (self->affinity, VMP_STICKY_OWNER, "resp_ahead",
                                    g_get_monotonic_time () + VMP_LIMIT_OWNER_S * (gint64) G_USEC_PER_SEC));
  restart (self);
  g_assert_cmpuint (count_documents (self), ==, 0);
}

static void
test_takes_what_it_understands (Fixture      *self,
                                gconstpointer data)
{
  static const char * const nonsense[] = {
    "", "{", "[]", "{\"response\":\"r\",\"node\":\"a\"}", "{\"response\":7,\"node\":\"a\",\"used\":1}",
    "{\"node\":\"a\",\"used\":1}"
  };
  g_autofree char *beyond = g_strdup_printf ("%d", VMP_LIMIT_STICKY);

  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  registry_fixture_register (&self->base, "b", "http://127.0.0.1:2");
  for (guint i = 0; i < G_N_ELEMENTS (nonsense); i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);

      vmp_store_put (self->base.store, VMP_STORE_OWNERS, id, g_strdup (nonsense[i]), NULL, NULL);
    }
  put (self, "10", "resp_1", "a", unix_now () - 20);
  put (self, "11", "resp_1", "b", unix_now () - 10);
  put (self, "12", "resp_2", "nobody", unix_now ());
  put (self, "seven", "resp_3", "a", unix_now ());
  put (self, beyond, "resp_4", "a", unix_now ());
  put (self, "-1", "resp_5", "a", unix_now ());
  registry_fixture_flush (&self->base);
  restart (self);
  g_assert_cmpstr (find (self, "resp_1"), ==, "b");
  for (guint i = 2; i <= 5; i++)
    {
      g_autofree char *key = g_strdup_printf ("resp_%u", i);

      g_assert_null (find (self, key));
    }

  restart (self);
  g_assert_cmpstr (find (self, "resp_1"), ==, "b");
  g_assert_cmpuint (count_documents (self), ==, 1);
}

/* -- Bounds -------------------------------------------------------------------------------- */

static void
test_is_bounded (Fixture      *self,
                 gconstpointer data)
{
  const guint more = 100;

  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  for (guint i = 0; i < VMP_LIMIT_STICKY + more; i++)
    {
      g_autofree char *key = g_strdup_printf ("resp_%u", i);

      stick (self, key, "a");
    }
  restart (self);
  g_assert_cmpuint (count_documents (self), ==, VMP_LIMIT_STICKY);
  for (guint i = 0; i < VMP_LIMIT_STICKY + more; i += 50)
    {
      g_autofree char *key = g_strdup_printf ("resp_%u", i);

      g_assert_cmpstr (find (self, key), ==, i < more ? NULL : "a");
    }
}

/* Nothing is written at once, and all of it soon. */
static void
test_gathers (Fixture      *self,
              gconstpointer data)
{
  gint64 began = g_get_monotonic_time ();

  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  stick (self, "resp_1", "a");
  stick (self, "resp_2", "a");
  if (count_documents (self) > 0)
    g_assert_cmpint (g_get_monotonic_time () - began, >=, VMP_LIMIT_OWNER_WRITE_MS * 1000);
  while (count_documents (self) == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - began, >=, VMP_LIMIT_OWNER_WRITE_MS * 1000);
  g_assert_cmpuint (count_documents (self), ==, 2);

  /* Also what comes after that. */
  stick (self, "resp_3", "a");
  while (count_documents (self) == 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - began, >=, 2 * VMP_LIMIT_OWNER_WRITE_MS * 1000);
}

/* Its use is written when it has not been for long. */
static void
test_writes_use_seldom (Fixture      *self,
                        gconstpointer data)
{
  gint64 long_ago = unix_now () - 3 * VMP_LIMIT_OWNER_STORE_S;
  gint64 lately = unix_now () - 60;
  g_autofree char *pattern = NULL;

  registry_fixture_register (&self->base, "a", "http://127.0.0.1:1");
  put (self, "0", "resp_1", "a", long_ago);
  put (self, "1", "resp_2", "a", lately);
  registry_fixture_flush (&self->base);
  restart (self);
  pattern = g_strdup_printf ("*\"used\":%" G_GINT64_FORMAT "} *\"used\":%" G_GINT64_FORMAT "} ", long_ago, lately);
  g_assert_true (has_documents (self, pattern));
  g_assert_cmpstr (find (self, "resp_1"), ==, "a");
  g_assert_cmpstr (find (self, "resp_2"), ==, "a");
  restart (self);

  g_assert_false (has_documents (self, pattern));
  g_free (pattern);
  pattern = g_strdup_printf ("*\"used\":%" G_GINT64_FORMAT "} *", long_ago);
  g_assert_false (has_documents (self, pattern));
  g_free (pattern);
  pattern = g_strdup_printf ("*\"used\":%" G_GINT64_FORMAT "} ", lately);
  g_assert_true (has_documents (self, pattern));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  registry_fixture_record_log ();

#define add(path, test) g_test_add (path, Fixture, NULL, set_up, test, tear_down)
  add ("/affinity-keeper/comes-back-after-a-restart", test_comes_back);
  add ("/affinity-keeper/keeps-nothing-else", test_keeps_nothing_else);
  add ("/affinity-keeper/goes-with-its-node", test_goes_with_its_node);
  add ("/affinity-keeper/ends-in-time", test_ends_in_time);
  add ("/affinity-keeper/takes-what-it-understands", test_takes_what_it_understands);
  add ("/affinity-keeper/is-bounded", test_is_bounded);
  add ("/affinity-keeper/gathers-before-it-writes", test_gathers);
  add ("/affinity-keeper/writes-use-seldom", test_writes_use_seldom);
#undef add

  return g_test_run ();
}

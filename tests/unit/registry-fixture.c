/* SPDX-License-Identifier: MIT
 *
 * Implementation of the registry tests' common part.
 */

#include "registry-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

static const char * const changes[VMP_N_NODE_CHANGES] = {
  [VMP_NODE_ADDED] = "added",
  [VMP_NODE_REMOVED] = "removed",
  [VMP_NODE_APPROVAL_CHANGED] = "approval",
  [VMP_NODE_CHANGED] = "changed",
};

static GString *logged;

static void
remember (gpointer      user_data,
          VmpNode      *node,
          VmpNodeChange change)
{
  g_string_append_printf (user_data, "%s %s, ", changes[change], node->id);
}

static void
open_all (RegistryFixture *self)
{
  g_autoptr (GError) error = NULL;

  self->store = vmp_store_open (self->dir, NULL, &error);
  g_assert_no_error (error);
  self->registry = vmp_registry_new (self->store);
  vmp_registry_load (self->registry);
  vmp_registry_set_listener (self->registry, remember, self->told);
}

static void
close_all (RegistryFixture *self)
{
  vmp_registry_free (self->registry);
  vmp_store_close (self->store);
}

void
registry_fixture_set_up (RegistryFixture *self,
                         gconstpointer    data)
{
  self->dir = g_dir_make_tmp ("vampire-registry-XXXXXX", NULL);
  self->told = g_string_new (NULL);
  open_all (self);
}

void
registry_fixture_tear_down (RegistryFixture *self,
                            gconstpointer    data)
{
  static const char * const names[] = { "vampire.db", "vampire.db-wal", "vampire.db-shm", "vampire.lock" };

  close_all (self);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (self->dir, names[i], NULL);

      g_remove (path);
    }
  g_assert_cmpint (g_rmdir (self->dir), ==, 0);
  g_free (self->dir);
  g_string_free (self->told, TRUE);
  if (logged != NULL)
    g_string_truncate (logged, 0);
}

void
registry_fixture_reopen (RegistryFixture *self)
{
  close_all (self);
  open_all (self);
}

/* -- The store ----------------------------------------------------------------------------- */

static void
flushed (gpointer      user_data,
         const GError *error)
{
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

void
registry_fixture_flush (RegistryFixture *self)
{
  gboolean done = FALSE;

  vmp_registry_when_stored (self->registry, flushed, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
}

typedef struct {
  const char *id;
  char *document;
} Wanted;

static void
look_for (gpointer    user_data,
          const char *id,
          const char *document)
{
  Wanted *wanted = user_data;

  if (g_str_equal (id, wanted->id))
    wanted->document = g_strdup (document);
}

char *
registry_fixture_dup_stored (RegistryFixture *self,
                             const char      *id)
{
  Wanted wanted = { id };

  registry_fixture_flush (self);
  vmp_store_for_each (self->store, VMP_STORE_NODES, look_for, &wanted);

  return wanted.document;
}

/* -- What is said -------------------------------------------------------------------------- */

/* g_test_expect_message() does not see structured messages. */
static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0)
    return g_log_writer_default (level, fields, n_fields, user_data);

  for (gsize i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, "MESSAGE"))
        g_string_append_printf (logged, "%s%s\n",
                                (level & G_LOG_LEVEL_WARNING) != 0 ? "warning: "
                                : (level & G_LOG_LEVEL_MESSAGE) != 0 ? "" : "info: ",
                                (const char *) fields[i].value);
    }

  return G_LOG_WRITER_HANDLED;
}

void
registry_fixture_record_log (void)
{
  logged = g_string_new (NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
}

void
registry_fixture_assert_logged (const char *pattern)
{
  g_auto (GStrv) lines = g_strsplit (logged->str, "\n", -1);
  gboolean found = FALSE;

  for (gsize i = 0; lines[i] != NULL; i++)
    found |= g_pattern_match_simple (pattern, lines[i]);
  if (!found)
    g_error ("Logged was: %s", logged->str);
  g_string_truncate (logged, 0);
}

void
registry_fixture_assert_nothing_logged (void)
{
  g_assert_cmpstr (logged->str, ==, "");
}

void
registry_fixture_assert_told (RegistryFixture *self,
                              const char      *expected)
{
  g_assert_cmpstr (self->told->str, ==, expected);
  g_string_truncate (self->told, 0);
}

/* -- Nodes --------------------------------------------------------------------------------- */

static void
add_id (GString       *ids,
        const VmpNode *node)
{
  g_string_append_printf (ids, "%s%s", ids->len > 0 ? " " : "", node->id);
}

void
registry_fixture_assert_nodes (RegistryFixture *self,
                               const char      *expected)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->registry);
  g_autoptr (GString) ids = g_string_new (NULL);

  for (guint i = 0; i < nodes->len; i++)
    add_id (ids, g_ptr_array_index (nodes, i));

  g_assert_cmpstr (ids->str, ==, expected);
}

void
registry_fixture_assert_hosts (RegistryFixture *self,
                               const char      *model,
                               const char      *expected)
{
  GPtrArray *hosts = vmp_registry_find_hosts (self->registry, model);
  g_autoptr (GString) ids = g_string_new (NULL);

  for (guint i = 0; hosts != NULL && i < hosts->len; i++)
    {
      const VmpHost *host = g_ptr_array_index (hosts, i);

      g_assert_cmpstr (host->model_id, ==, model);
      g_assert_true (vmp_node_find_host (host->node, model) == host);
      add_id (ids, host->node);
    }

  g_assert_cmpstr (ids->str, ==, expected);
}

VmpNode *
registry_fixture_register (RegistryFixture *self,
                           const char      *id,
                           const char      *url)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (url, &error);
  VmpNodeUpdate update = { .base_url = base_url };
  VmpNode *node;

  g_assert_no_error (error);
  node = vmp_registry_register (self->registry, id, &update, &error);
  g_assert_no_error (error);
  g_assert_nonnull (node);

  return node;
}

VmpNode *
registry_fixture_discover (RegistryFixture *self,
                           const char      *url)
{
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (url, NULL);

  g_assert_nonnull (base_url);

  return vmp_registry_discover (self->registry, base_url, "mdns", "eth0");
}

VmpNode *
registry_fixture_find_url (RegistryFixture *self,
                           const char      *url)
{
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (url, NULL);

  g_assert_nonnull (base_url);

  return vmp_registry_find_url (self->registry, base_url);
}

VmpInventory *
registry_fixture_make_inventory (const char *models)
{
  g_auto (GStrv) ids = g_strsplit (models, " ", -1);
  g_autoptr (GString) list = g_string_new ("{\"object\":\"list\",\"data\":[");
  g_autoptr (GError) error = NULL;
  VmpInventory *inventory;

  for (gsize i = 0; ids[i] != NULL; i++)
    {
      if (*ids[i] != '\0')
        g_string_append_printf (list, "%s{\"id\":\"%s\",\"object\":\"model\"}", i > 0 ? "," : "", ids[i]);
    }
  g_string_append (list, "]}");
  inventory = vmp_inventory_parse (VMP_LIST_OPENAI, list->str, list->len, NULL, &error);
  g_assert_no_error (error);

  return inventory;
}

void
registry_fixture_probe (RegistryFixture *self,
                        VmpNode         *node,
                        const char      *models)
{
  g_autoptr (VmpInventory) inventory = models != NULL ? registry_fixture_make_inventory (models) : NULL;
  VmpProbeReport report = {
    .health = VMP_NODE_ONLINE,
    .inventory = inventory,
    .with_token = node->token != NULL,
    .latency_ms = 1.5,
  };

  vmp_registry_take_probe (self->registry, node, &report);
}

void
registry_fixture_probe_list (RegistryFixture *self,
                             VmpNode         *node,
                             VmpListKind      kind,
                             const char      *list,
                             gint64           asked)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpInventory) inventory = vmp_inventory_parse (kind, list, strlen (list), NULL, &error);
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .inventory = inventory, .asked = asked };

  g_assert_no_error (error);
  vmp_registry_take_probe (self->registry, node, &report);
}

void
registry_fixture_probe_offline (RegistryFixture *self,
                                VmpNode         *node)
{
  VmpProbeReport report = { .health = VMP_NODE_OFFLINE, .error = "Nobody answers there." };

  vmp_registry_take_probe (self->registry, node, &report);
}

void
registry_fixture_end (RegistryFixture *self,
                      VmpNode         *node,
                      VmpHost         *host,
                      VmpTrafficResult result,
                      double           latency_ms)
{
  const VmpTraffic traffic = { .result = result, .latency_ms = latency_ms, .reason = "it broke" };

  vmp_registry_end_request (self->registry, node, host, &traffic);
}

void
registry_fixture_request (RegistryFixture *self,
                          VmpNode         *node,
                          VmpTrafficResult result)
{
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  registry_fixture_end (self, node, NULL, result, result == VMP_TRAFFIC_ANSWERED ? 10 : 0);
}

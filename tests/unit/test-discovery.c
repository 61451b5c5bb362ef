/* SPDX-License-Identifier: MIT
 *
 * Discovery on this computer, at known nodes and at given addresses; its jobs; and what DNS-SD brings.
 */

#include "discovery-fixture.h"

#include <string.h>

static VmpDiscoveryJob *
search_url (Fixture    *self,
            const char *url)
{
  const VmpDiscoverRequest request = { .base_urls = (const char *[]) { url, NULL } };

  return search (self, &request);
}

/* -- Local, static, given ------------------------------------------------------------------ */

static void
test_local (Fixture      *self,
            gconstpointer data)
{
  const guint16 ports[] = { self->server->port, self->closed_port, self->server->port };
  VmpDiscoveryJob *job = search_local (self, ports, 3);
  VmpNode *node;

  g_assert_cmpuint (job->n_targets, ==, 2);
  g_assert_cmpuint (job->found->len, ==, 1);
  node = g_ptr_array_index (job->found, 0);
  g_assert_true (node == find_url (self, "127.0.0.1", self->server->port));
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpstr (node->found_by, ==, "local");
  g_assert_null (node->found_at);

  /* It is online at once, with its models, and was asked without anything that is secret. */
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_nonnull (node->inventory);
  g_assert_cmpuint (node->inventory->models->len, ==, 1);
  g_assert_cmpuint (fake_node_count (self->server, "Authorization"), ==, 0);
  g_assert_cmpuint (fake_node_count (self->server, "POST"), ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 1);
}

/* A second time it is the same node. */
static void
test_known (Fixture      *self,
            gconstpointer data)
{
  VmpNode *node = add_node (self, "localhost", self->server->port);
  VmpDiscoveryJob *job = search_local (self, &self->server->port, 1);

  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_true (g_ptr_array_index (job->found, 0) == node);
  g_assert_cmpuint (count_nodes (self), ==, 1);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpuint (fake_node_count (self->server, LIST), >, 0);
}

static void
test_default_node (Fixture      *self,
                   gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://localhost:%u", self->server->port);
  VmpNode *node = vmp_registry_set_default (self->registry, url);

  for (guint i = 0; i < 2; i++)
    {
      const VmpDiscoverRequest request = {
        .methods = i == 0 ? VMP_DISCOVER_LOCAL : VMP_DISCOVER_STATIC,
        .ports = &self->closed_port,
        .n_ports = 1,
      };
      VmpDiscoveryJob *job = search (self, &request);

      g_assert_cmpuint (job->n_targets, ==, i == 0 ? 2 : 1);
      g_assert_cmpuint (job->found->len, ==, 1);
      g_assert_true (g_ptr_array_index (job->found, 0) == node);
    }
}

static void
test_known_ports (Fixture      *self,
                  gconstpointer data)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_LOCAL };

  g_assert_cmpuint (search (self, &request)->n_targets, ==, 8);
}

static void
test_own_urls (Fixture      *self,
               gconstpointer data)
{
  static const char * const spellings[] = { "127.0.0.1", "LOCALHOST", "[::1]" };
  g_autofree char *own = g_strdup_printf ("http://localhost:%u", self->server->port);

  vmp_discovery_set_own_urls (self->discovery, (const char *[]) { own, NULL });
  for (gsize i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autofree char *url = g_strdup_printf ("http://%s:%u/v1/", spellings[i], self->server->port);

      g_assert_cmpuint (search_url (self, url)->found->len, ==, 0);
    }

  g_assert_cmpuint (search_local (self, &self->server->port, 1)->found->len, ==, 0);
  g_assert_cmpuint (self->server->n_accepted, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);

  vmp_discovery_set_own_urls (self->discovery, NULL);
  g_assert_cmpuint (search_local (self, &self->server->port, 1)->found->len, ==, 1);
}

/* Ourselves under a name that we do not know of. */
static void
test_own_instance (Fixture      *self,
                   gconstpointer data)
{
  fake_node_answer (self->server, LIST, 200, "X-Vampire-Instance: " INSTANCE "\r\n", V1_LIST);
  g_assert_cmpuint (search_local (self, &self->server->port, 1)->found->len, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);

  fake_node_answer (self->server, LIST, 200, "X-Vampire-Instance: another\r\n", V1_LIST);
  g_assert_cmpuint (search_local (self, &self->server->port, 1)->found->len, ==, 1);
}

static void
test_strangers (Fixture      *self,
                gconstpointer data)
{
  const VmpDiscoverRequest in_a_hurry = {
    .methods = VMP_DISCOVER_LOCAL,
    .ports = &self->server->port,
    .n_ports = 1,
    .timeout_ms = 50,
  };

  fake_node_answer (self->server, LIST, 200, "Content-Type: text/html\r\n", "<html>It works</html>");
  g_assert_cmpuint (search_local (self, &self->server->port, 1)->found->len, ==, 0);
  g_assert_cmpuint (self->server->n_accepted, >, 0);

  self->server->manner = FAKE_SILENT;
  g_assert_cmpuint (search (self, &in_a_hurry)->found->len, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);
}

static void
test_needs_token (Fixture      *self,
                  gconstpointer data)
{
  VmpDiscoveryJob *job;

  fake_node_answer (self->server, LIST, 401, NULL, "{\"error\":\"token\"}");
  job = search_local (self, &self->server->port, 1);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_cmpint (((VmpNode *) g_ptr_array_index (job->found, 0))->token_state, ==, VMP_TOKEN_NEEDED);
}

static void
refreshed (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

/* So that it is known to be online. */
static void
refresh (Fixture *self,
         VmpNode *node)
{
  gboolean done = FALSE;

  vmp_health_refresh (self->health, node, refreshed, &done);
  wait_until (done);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
}

static void
test_static (Fixture      *self,
             gconstpointer data)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_STATIC };
  VmpNode *online = add_node (self, "127.0.0.1", self->server->port);
  FakeNode *blocked_server = add_server ("127.0.2.1", 0);
  FakeNode *disabled_server = add_server ("127.0.2.2", 0);
  VmpNode *blocked = add_node (self, "127.0.2.1", blocked_server->port);
  VmpNode *disabled = add_node (self, "127.0.2.2", disabled_server->port);
  VmpNodeUpdate update = { .service = &(VmpNodeService) { VMP_NODE_DISABLED } };
  VmpDiscoveryJob *job;

  refresh (self, blocked);
  refresh (self, disabled);
  vmp_registry_block (self->registry, blocked);
  vmp_registry_update (self->registry, disabled, &update, NULL);
  add_node (self, "127.0.0.1", self->closed_port);
  g_ptr_array_set_size (blocked_server->requests, 0);
  g_ptr_array_set_size (disabled_server->requests, 0);
  job = search (self, &request);

  g_assert_cmpuint (job->n_targets, ==, 4);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_true (g_ptr_array_index (job->found, 0) == online);
  g_assert_cmpuint (blocked_server->requests->len, ==, 0);
  g_assert_cmpuint (disabled_server->requests->len, ==, 0);
  g_assert_cmpint (disabled->service, ==, VMP_NODE_DISABLED);
  fake_node_free (blocked_server);
  fake_node_free (disabled_server);
}

/* What its owner forgets while it is being asked does not come back. */
static void
test_forgotten_meanwhile (Fixture      *self,
                          gconstpointer data)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_STATIC };
  VmpNode *node = add_node (self, "127.0.0.1", self->server->port);
  VmpDiscoveryJob *job;

  refresh (self, node);
  self->server->manner = FAKE_SILENT;
  job = begin (self, &request);
  wait_until (self->server->n_waiting > 0);
  vmp_registry_forget (self->registry, node);
  fake_node_wake (self->server);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->found->len, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);

  /* And none that was forgotten before its turn. */
  node = add_node (self, "127.0.0.1", self->server->port);
  job = begin (self, &request);
  vmp_registry_forget (self->registry, node);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (count_nodes (self), ==, 0);
}

/* The owner types it in while it is being looked at: then it is his, and is asked as his. */
static void
test_registered_meanwhile (Fixture      *self,
                           gconstpointer data)
{
  const VmpDiscoverRequest request = {
    .methods = VMP_DISCOVER_LOCAL,
    .ports = &self->server->port,
    .n_ports = 1,
  };
  VmpDiscoveryJob *job;
  VmpNode *node;

  self->server->manner = FAKE_SILENT;
  job = begin (self, &request);
  wait_until (self->server->n_waiting > 0);
  node = add_node (self, "127.0.0.1", self->server->port);
  vmp_registry_set_token (self->registry, node, "token");
  fake_node_wake (self->server);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_true (g_ptr_array_index (job->found, 0) == node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);
  g_assert_cmpuint (fake_node_count (self->server, "Authorization: Bearer token"), >, 0);
  g_assert_cmpuint (count_nodes (self), ==, 1);
}

static void
test_base_urls (Fixture      *self,
                gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/", self->server->port);
  g_autofree char *same = g_strdup_printf ("http://localhost:%u", self->server->port);
  g_autofree char *closed = g_strdup_printf ("http://127.0.0.1:%u", self->closed_port);
  const VmpDiscoverRequest request = { .base_urls = (const char *[]) { url, same, closed, NULL } };
  VmpDiscoveryJob *job = search (self, &request);

  g_assert_cmpuint (job->n_targets, ==, 2);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_cmpstr (((VmpNode *) g_ptr_array_index (job->found, 0))->found_by, ==, "base_urls");
}

static void
test_trusted_only (Fixture      *self,
                   gconstpointer data)
{
  const VmpDiscoverRequest request = {
    .methods = VMP_DISCOVER_LOCAL,
    .ports = &self->server->port,
    .n_ports = 1,
    .trusted_only = TRUE,
  };
  VmpNodeUpdate update = { .trusted = &(gboolean) { TRUE } };
  VmpNode *node;

  g_assert_cmpuint (search (self, &request)->found->len, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);

  node = add_node (self, "127.0.0.1", self->server->port);
  g_assert_cmpuint (search (self, &request)->found->len, ==, 0);
  vmp_registry_update (self->registry, node, &update, NULL);
  g_assert_cmpuint (search (self, &request)->found->len, ==, 1);
}

static void
test_nothing_to_do (Fixture      *self,
                    gconstpointer data)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_MDNS };
  VmpDiscoveryJob *job = begin (self, &request);

  g_assert_cmpint (job->state, ==, VMP_JOB_DONE);
  g_assert_cmpint (job->ended, >, 0);
  g_assert_cmpuint (self->n_told, ==, 1);
  g_assert_cmpint (self->last_state, ==, VMP_JOB_DONE);
}

/* More than are looked at at one time. */
static void
test_many_urls (Fixture      *self,
                gconstpointer data)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) urls = NULL;
  VmpDiscoveryJob *job;

  for (guint i = 0; i < 60; i++)
    {
      g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/%u", self->server->port, i);
      g_autofree char *request = g_strdup_printf ("GET /%u/api/v1/models", i);

      g_strv_builder_add (builder, url);
      if (i % 2 == 0)
        fake_node_answer (self->server, request, 200, NULL, V1_LIST);
    }
  urls = g_strv_builder_end (builder);
  self->server->manner = FAKE_SILENT;
  job = begin (self, &(VmpDiscoverRequest) { .base_urls = (const char * const *) urls });
  wait_until (self->server->n_waiting == VMP_LIMIT_PROBES);
  settle ();
  g_assert_cmpuint (self->server->most_waiting, ==, VMP_LIMIT_PROBES);
  fake_node_wake (self->server);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->n_done, ==, 60);
  g_assert_cmpuint (job->found->len, ==, 30);
}

/* -- Jobs ---------------------------------------------------------------------------------- */

static void
test_jobs (Fixture      *self,
           gconstpointer data)
{
  GPtrArray *jobs = vmp_discovery_get_jobs (self->discovery);
  g_autofree char *first_id = NULL;
  VmpDiscoveryJob *job = NULL;

  g_assert_null (vmp_discovery_find_job (self->discovery, "job-1"));
  for (guint i = 0; i < VMP_LIMIT_DISCOVERY_JOBS; i++)
    {
      job = search_local (self, &self->closed_port, 1);
      if (first_id == NULL)
        first_id = g_strdup (job->id);
      g_assert_true (g_str_has_prefix (job->id, "job-"));
      g_assert_true (g_ptr_array_index (jobs, 0) == job);
      g_assert_true (vmp_discovery_find_job (self->discovery, job->id) == job);
    }
  g_assert_cmpuint (jobs->len, ==, VMP_LIMIT_DISCOVERY_JOBS);
  g_assert_nonnull (vmp_discovery_find_job (self->discovery, first_id));

  search_local (self, &self->closed_port, 1);
  search_local (self, &self->closed_port, 1);
  g_assert_null (vmp_discovery_find_job (self->discovery, first_id));
  g_assert_cmpuint (jobs->len, <=, VMP_LIMIT_DISCOVERY_JOBS + 1);
  g_assert_nonnull (vmp_discovery_find_job (self->discovery, job->id));
}

static void
test_words (void)
{
  VmpDiscoverMethods method;

  g_assert_true (vmp_discover_method_from_string ("lan_scan", &method));
  g_assert_cmpint (method, ==, VMP_DISCOVER_LAN_SCAN);
  g_assert_true (vmp_discover_method_from_string ("mdns", &method));
  g_assert_cmpint (method, ==, VMP_DISCOVER_MDNS);
  g_assert_false (vmp_discover_method_from_string ("broadcast", &method));
  g_assert_cmpstr (vmp_job_state_to_string (VMP_JOB_RUNNING), ==, "running");
  g_assert_cmpstr (vmp_job_state_to_string (VMP_JOB_DONE), ==, "done");
  g_assert_cmpstr (vmp_job_state_to_string (VMP_JOB_CANCELLED), ==, "cancelled");
}

/* As many small ones as there may be. */
static void
test_busy_with_small_ones (Fixture      *self,
                           gconstpointer data)
{
  const VmpDiscoverRequest request = {
    .methods = VMP_DISCOVER_LOCAL,
    .ports = &self->server->port,
    .n_ports = 1,
  };
  g_autoptr (GError) error = NULL;

  self->server->manner = FAKE_SILENT;
  for (guint i = 0; i < VMP_LIMIT_DISCOVERY_JOBS; i++)
    begin (self, &request);
  g_assert_null (vmp_discovery_start (self->discovery, &request, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
}

/* -- DNS-SD -------------------------------------------------------------------------------- */

static void
test_mdns (Fixture      *self,
           gconstpointer data)
{
  FakeNode *server = add_server ("127.0.2.1", 0);
  VmpDnssdService service = make_service ("127.0.2.1", server->port);
  VmpNode *node;

  play_found (&service);
  g_assert_cmpuint (count_nodes (self), ==, 0); /* not before it has answered */
  wait_until (count_nodes (self) == 1);
  node = find_url (self, "127.0.2.1", server->port);
  g_assert_nonnull (node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpstr (node->found_by, ==, "mdns");
  g_assert_cmpstr (node->found_at, ==, "eth0, _lmstudio._tcp 'Studio'");
  g_assert_cmpstr (node->host, ==, "studio.local");
  g_assert_null (node->name);

  /* Its end is no reason to forget it. */
  play_lost (&service);
  settle ();
  g_assert_cmpuint (count_nodes (self), ==, 1);
  fake_node_free (server);
}

static void
test_mdns_path (Fixture      *self,
                gconstpointer data)
{
  VmpDnssdService service = make_service ("127.0.2.1", 0);
  FakeNode *server = fake_node_new ("127.0.2.1", 0, NULL);
  g_autofree char *text = g_strdup_printf ("http://127.0.2.1:%u/lm", server->port);

  fake_node_answer (server, "GET /lm/api/v1/models", 200, NULL, V1_LIST);
  service.port = server->port;
  service.path = "/lm";
  play_found (&service);
  wait_until (count_nodes (self) == 1);
  g_assert_cmpstr (((VmpNode *) g_ptr_array_index (vmp_registry_get_nodes (self->registry), 0))->base_url->text, ==,
                   text);
  fake_node_free (server);
}

static void
assert_left_alone (Fixture               *self,
                   const VmpDnssdService *service)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_MDNS };

  play_found (service);
  settle ();
  g_assert_cmpuint (begin (self, &request)->n_targets, ==, 0);
  g_assert_cmpuint (self->server->n_accepted, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);
}

static void
test_mdns_not_for_us (Fixture      *self,
                      gconstpointer data)
{
  VmpDnssdService own = make_service ("127.0.0.1", self->server->port);
  VmpDnssdService instance = make_service ("127.0.0.1", self->server->port);
  VmpDnssdService gateway = make_service ("127.0.0.1", self->server->port);
  VmpDnssdService public = make_service ("8.8.8.8", 1234);
  VmpDnssdService metadata = make_service ("169.254.169.254", 80);
  VmpDnssdService zoned = make_service ("fe80::1%eth0", 1234);
  g_autofree char *own_url = g_strdup_printf ("http://localhost:%u", self->server->port);

  own.is_own = TRUE;
  assert_left_alone (self, &own);
  instance.instance = INSTANCE;
  assert_left_alone (self, &instance);
  assert_left_alone (self, &public);
  assert_left_alone (self, &metadata);
  assert_left_alone (self, &zoned);
  vmp_discovery_set_own_urls (self->discovery, (const char *[]) { own_url, NULL });
  assert_left_alone (self, &gateway);
}

/* Found as it should be, it becomes what it should not. */
static void
test_mdns_turns_bad (Fixture      *self,
                     gconstpointer data)
{
  FakeNode *server = fake_node_new ("127.0.2.1", 0, NULL);
  VmpDnssdService service = make_service ("127.0.2.1", server->port);
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_MDNS };

  play_found (&service);
  g_assert_cmpuint (search (self, &request)->n_targets, ==, 1);
  service.address = "8.8.8.8";
  play_found (&service);
  g_assert_cmpuint (begin (self, &request)->n_targets, ==, 0);
  fake_node_free (server);
}

/* One that does not answer is looked at when it is announced anew, and when a search asks for it. */
static void
test_mdns_again (Fixture      *self,
                 gconstpointer data)
{
  FakeNode *server = fake_node_new ("127.0.2.1", 0, NULL);
  VmpDnssdService service = make_service ("127.0.2.1", server->port);
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_MDNS };
  VmpDiscoveryJob *job;

  play_found (&service);
  wait_until (server->requests->len > 0);
  job = search (self, &request);
  g_assert_cmpuint (job->n_targets, ==, 1);
  g_assert_cmpuint (job->found->len, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);

  fake_node_answer (server, LIST, 200, NULL, V1_LIST);
  job = search (self, &request);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_cmpstr (((VmpNode *) g_ptr_array_index (job->found, 0))->found_by, ==, "mdns");

  vmp_registry_forget (self->registry, g_ptr_array_index (job->found, 0));
  play_found (&service);
  wait_until (count_nodes (self) == 1);

  play_lost (&service);
  g_assert_cmpuint (begin (self, &request)->n_targets, ==, 0);
  fake_node_free (server);
}

static void
test_mdns_known (Fixture      *self,
                 gconstpointer data)
{
  VmpNode *node = add_node (self, "127.0.2.1", self->closed_port);
  VmpDnssdService service = make_service ("127.0.2.1", self->closed_port);
  FakeNode *server;
  guint n_accepted;

  vmp_health_refresh (self->health, node, NULL, NULL);
  wait_until (node->health == VMP_NODE_OFFLINE);

  /* It comes back, and is asked at once. */
  server = add_server ("127.0.2.1", self->closed_port);
  play_found (&service);
  g_assert_cmpint (node->last_seen, >, 0);
  wait_until (node->health == VMP_NODE_ONLINE);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpuint (count_nodes (self), ==, 1);

  /* Blocked, it is left alone. */
  vmp_registry_block (self->registry, node);
  settle ();
  n_accepted = server->n_accepted;
  fake_node_hang_up (server);
  play_lost (&service);
  play_found (&service);
  settle ();
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_BLOCKED);
  g_assert_cmpuint (server->n_accepted, ==, n_accepted);
  fake_node_free (server);
}

/* A service that goes, or moves, while it is being looked at. */
static void
test_mdns_gone_meanwhile (Fixture      *self,
                          gconstpointer data)
{
  FakeNode *old = add_server ("127.0.2.1", 0);
  FakeNode *new = add_server ("127.0.2.2", 0);
  VmpDnssdService service = make_service ("127.0.2.1", old->port);
  VmpDnssdService moved = make_service ("127.0.2.2", new->port);

  old->manner = FAKE_SILENT;
  play_found (&service);
  wait_until (old->n_waiting == 1);
  play_found (&moved);
  wait_until (count_nodes (self) == 1 && old->connections.length == 0);
  g_assert_nonnull (find_url (self, "127.0.2.2", new->port));

  play_found (&service);
  wait_until (old->n_waiting == 1);
  play_lost (&service);
  wait_until (old->connections.length == 0);
  g_assert_cmpuint (count_nodes (self), ==, 1);
  fake_node_free (old);
  fake_node_free (new);
}

/* A flood of services is looked at in turn, and fills the list of pending nodes only so far. */
static void
test_mdns_flood (Fixture      *self,
                 gconstpointer data)
{
  FakeNode *server = fake_node_new ("127.0.2.1", 0, NULL);
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_MDNS };

  server->manner = FAKE_SILENT;
  for (guint i = 0; i < 100; i++)
    {
      VmpDnssdService service = make_service ("127.0.2.1", server->port);
      g_autofree char *name = g_strdup_printf ("Flood %u", i);
      g_autofree char *path = g_strdup_printf ("/%u", i);
      g_autofree char *asked = g_strdup_printf ("GET /%u/api/v1/models", i);

      service.name = name;
      service.path = path;
      fake_node_answer (server, asked, 200, NULL, V1_LIST);
      play_found (&service);
    }
  wait_until (server->n_waiting == VMP_LIMIT_PROBES);
  settle ();
  g_assert_cmpuint (server->most_waiting, <=, VMP_LIMIT_PROBES);
  fake_node_wake (server);
  search (self, &request);
  g_assert_cmpuint (count_nodes (self), ==, VMP_LIMIT_PENDING_NODES);
  fake_node_free (server);
}

static void
test_announce (Fixture      *self,
               gconstpointer data)
{
  g_assert_cmpint (vmp_discovery_get_dnssd_state (self->discovery), ==, VMP_DNSSD_OFF);
  vmp_discovery_watch (self->discovery, (const char *[]) { "_lmstudio._tcp", "_ollama._tcp", NULL });
  g_assert_cmpstr (get_watched (), ==, "_lmstudio._tcp _ollama._tcp");
  g_assert_cmpint (vmp_discovery_get_dnssd_state (self->discovery), ==, VMP_DNSSD_RUNNING);
  g_assert_null (get_announced ());

  vmp_discovery_announce (self->discovery, "Studio", 7777);
  g_assert_true (g_str_has_prefix (get_announced (), "Studio _vampire._tcp 7777 instance=" INSTANCE " version="));
  vmp_discovery_announce (self->discovery, NULL, 0);
  g_assert_null (get_announced ());
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("local/finds", test_local);
  ADD ("local/known", test_known);
  ADD ("local/default-node", test_default_node);
  ADD ("local/known-ports", test_known_ports);
  ADD ("local/own-urls", test_own_urls);
  ADD ("local/own-instance", test_own_instance);
  ADD ("local/strangers", test_strangers);
  ADD ("local/needs-token", test_needs_token);
  ADD ("static/nodes", test_static);
  ADD ("static/forgotten-meanwhile", test_forgotten_meanwhile);
  ADD ("local/registered-meanwhile", test_registered_meanwhile);
  ADD ("base-urls/finds", test_base_urls);
  ADD ("base-urls/many", test_many_urls);
  ADD ("trusted-only", test_trusted_only);
  ADD ("nothing-to-do", test_nothing_to_do);
  ADD ("busy-with-small-ones", test_busy_with_small_ones);
  ADD ("jobs", test_jobs);
  g_test_add_func ("/discovery/words", test_words);
  ADD ("mdns/finds", test_mdns);
  ADD ("mdns/path", test_mdns_path);
  ADD ("mdns/not-for-us", test_mdns_not_for_us);
  ADD ("mdns/turns-bad", test_mdns_turns_bad);
  ADD ("mdns/again", test_mdns_again);
  ADD ("mdns/known", test_mdns_known);
  ADD ("mdns/gone-meanwhile", test_mdns_gone_meanwhile);
  ADD ("mdns/flood", test_mdns_flood);
  ADD ("mdns/announce", test_announce);

  return g_test_run ();
}

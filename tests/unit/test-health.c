/* SPDX-License-Identifier: MIT
 *
 * Health: who is asked when, with what, and by how many at a time; and what becomes of a node that is not where or who
 * it was. With real connections and a real registry.
 */

#include "fake-node.h"

#include "core/vmp-limits.h"
#include "nodes/vmp-health-private.h"

#include <glib/gstdio.h>
#include <string.h>

#define TOKEN "canary-token-77aa"
#define INSTANCE "own-instance"
#define LIST "GET /api/v1/models"
#define V1_LIST \
  "{\"models\":[{\"type\":\"llm\",\"key\":\"gemma\",\"loaded_instances\":[],\"max_context_length\":8192}]}"

typedef struct {
  char *dir;
  VmpPoll *poll;
  VmpStore *store;
  VmpRegistry *registry;
  VmpUpstream *upstream;
  VmpHealth *health;
  FakeNode *server;      /* on 127.0.0.1, with a list */
  char *url;
  guint n_told;          /* calls of count_cb() */
} Fixture;

static void
listener (gpointer      user_data,
          VmpNode      *node,
          VmpNodeChange change)
{
  Fixture *self = user_data;

  if (self->health != NULL)
    vmp_health_node_changed (self->health, node, change);
}

static void
start (Fixture *self)
{
  self->upstream = vmp_upstream_new (self->poll);
  self->health = vmp_health_new (self->poll, self->upstream, self->registry, "1.1 vampire", INSTANCE);
  vmp_health_set_interval (self->health, 0);
}

static void
stop (Fixture *self)
{
  g_clear_pointer (&self->health, vmp_health_free);
  g_clear_pointer (&self->upstream, vmp_upstream_free);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->dir = g_dir_make_tmp ("vampire-health-XXXXXX", &error);
  g_assert_no_error (error);
  self->poll = vmp_poll_new (NULL);
  self->store = vmp_store_open (self->dir, NULL, &error);
  g_assert_no_error (error);
  self->registry = vmp_registry_new (self->store);
  vmp_registry_set_listener (self->registry, listener, self);
  self->server = fake_node_new ("127.0.0.1", 0, NULL);
  fake_node_answer (self->server, LIST, 200, NULL, V1_LIST);
  self->url = g_strdup_printf ("http://127.0.0.1:%u", self->server->port);
  start (self);

  /* What the tests bring about is warned of. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  stop (self);
  vmp_registry_free (self->registry);
  vmp_store_close (self->store);
  fake_node_free (self->server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_poll_free (self->poll);
  g_free (self->url);

  dir = g_dir_open (self->dir, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->dir, name, NULL);

      g_unlink (path);
    }
  g_rmdir (self->dir);
  g_free (self->dir);
}

static VmpNode *
add (Fixture    *self,
     const char *url,
     const char *path)
{
  g_autofree char *text = g_strconcat (url, path, NULL);
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (text, NULL);
  VmpNodeUpdate update = { .base_url = base_url };
  g_autoptr (GError) error = NULL;
  VmpNode *node = vmp_registry_register (self->registry, NULL, &update, &error);

  g_assert_no_error (error);

  return node;
}

static void
count_cb (gpointer user_data)
{
  ((Fixture *) user_data)->n_told++;
}

static void
set_true_cb (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

static void
await (gboolean *flag)
{
  while (!*flag)
    g_main_context_iteration (NULL, TRUE);
}

static void
refresh (Fixture *self,
         VmpNode *node)
{
  gboolean done = FALSE;

  vmp_health_refresh (self->health, node, set_true_cb, &done);
  g_assert_false (done);
  await (&done);
}

/* Everything that can happen without waiting. */
static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* -- When ---------------------------------------------------------------------------------- */

static void
test_delay (void)
{
  guint n_failures;

  /* Spread by a fifth either way. */
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 0, 0), ==, 8000);
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 0, 0.5), ==, 10000);
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 0, 1), ==, 12000);

  /* Doubled each time that it does not answer, up to a minute. */
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 1, 0.5), ==, 10000);
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 2, 0.5), ==, 20000);
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 3, 0.5), ==, 40000);
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, 4, 0.5), ==, 60000);
  g_assert_cmpint (vmp_health_next_delay_ms (10, FALSE, G_MAXUINT, 0.5), ==, 60000);
  g_assert_cmpint (vmp_health_next_delay_ms (1, FALSE, 6, 0.5), ==, 32000);
  g_assert_cmpint (vmp_health_next_delay_ms (1, FALSE, 7, 0.5), ==, 60000);

  /* Whoever asks for a longer time gets it. */
  g_assert_cmpint (vmp_health_next_delay_ms (3600, FALSE, 0, 0.5), ==, 3600000);
  g_assert_cmpint (vmp_health_next_delay_ms (3600, FALSE, 9, 0.5), ==, 3600000);

  /* A pending node is not pestered. */
  for (n_failures = 0; n_failures < 9; n_failures++)
    g_assert_cmpint (vmp_health_next_delay_ms (10, TRUE, n_failures, 0.5), ==, 60000);
  g_assert_cmpint (vmp_health_next_delay_ms (300, TRUE, 0, 0.5), ==, 300000);
}

static void
test_new_node (Fixture      *self,
               gconstpointer data)
{
  VmpNode *node;

  vmp_health_set_interval (self->health, 3600);
  node = add (self, self->url, "");
  while (node->health == VMP_NODE_UNKNOWN)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_nonnull (vmp_node_find_model (node, "gemma"));
  g_assert_cmpuint (fake_node_count (self->server, LIST), ==, 1);
}

/* Those that were there before. */
static void
test_loaded_nodes (Fixture      *self,
                   gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");

  stop (self);
  start (self);
  vmp_health_set_interval (self->health, 3600);
  while (node->health == VMP_NODE_UNKNOWN)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
}

static void
test_again_and_again (Fixture      *self,
                      gconstpointer data)
{
  VmpNode *node;

  vmp_health_set_interval (self->health, 1);
  node = add (self, self->url, "");
  while (node->probes < 2)
    g_main_context_iteration (NULL, TRUE);

  /* It notices that a node has gone. */
  fake_node_free (self->server);
  while (node->health == VMP_NODE_ONLINE)
    g_main_context_iteration (NULL, TRUE);
  g_assert_nonnull (strstr (node->last_error, "cannot be reached"));
  g_assert_nonnull (vmp_node_find_model (node, "gemma"));
  self->server = fake_node_new ("127.0.0.1", node->base_url->port, NULL);
  fake_node_answer (self->server, LIST, 200, NULL, V1_LIST);
  while (node->health != VMP_NODE_ONLINE)
    g_main_context_iteration (NULL, TRUE);
}

/* Without an interval only what is asked for is done. */
static void
test_by_itself_only_with_interval (Fixture      *self,
                                   gconstpointer data)
{
  VmpNode *left_alone = add (self, self->url, "/alone");
  VmpNode *asked_for = add (self, self->url, "");

  refresh (self, asked_for);
  vmp_registry_set_token (self->registry, left_alone, TOKEN);
  settle ();
  g_assert_cmpint (asked_for->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (left_alone->health, ==, VMP_NODE_UNKNOWN);
  g_assert_cmpuint (self->server->requests->len, ==, 1);
}

/* -- Who ----------------------------------------------------------------------------------- */

static void
test_blocked_and_disabled (Fixture      *self,
                           gconstpointer data)
{
  VmpNodeService disabled = VMP_NODE_DISABLED;
  VmpNodeUpdate update = { .service = &disabled };
  VmpNode *blocked;
  VmpNode *off;

  blocked = add (self, self->url, "/blocked");
  vmp_registry_block (self->registry, blocked);
  off = add (self, self->url, "/off");
  g_assert_true (vmp_registry_update (self->registry, off, &update, NULL));
  vmp_health_set_interval (self->health, 3600);
  refresh (self, blocked);
  refresh (self, off);
  settle ();
  g_assert_cmpuint (self->server->n_accepted, ==, 0);
}

static void
test_enabled_again (Fixture      *self,
                    gconstpointer data)
{
  VmpNodeService service = VMP_NODE_DISABLED;
  VmpNodeUpdate update = { .service = &service };
  VmpNode *node = add (self, self->url, "");

  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  vmp_health_set_interval (self->health, 3600);
  settle ();
  g_assert_cmpuint (self->server->n_accepted, ==, 0);

  service = VMP_NODE_MAINTENANCE;
  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  while (node->health == VMP_NODE_UNKNOWN)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (vmp_node_get_status (node), ==, "maintenance");
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
}

/* Also when there is a token for it: its owner's approval is what is missing. */
static void
test_pending_without_token (Fixture      *self,
                            gconstpointer data)
{
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (self->url, NULL);
  VmpNode *node = vmp_registry_discover (self->registry, base_url, "mdns", NULL);

  vmp_registry_set_token (self->registry, node, TOKEN);
  refresh (self, node);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpuint (self->server->requests->len, >, 0);
  g_assert_cmpuint (fake_node_count (self->server, "Authorization"), ==, 0);

  vmp_registry_approve (self->registry, node);
  refresh (self, node);
  g_assert_cmpuint (fake_node_count (self->server, "Authorization: Bearer " TOKEN), ==, 1);
}

static void
test_token_that_comes (Fixture      *self,
                       gconstpointer data)
{
  VmpNode *node;

  fake_node_answer (self->server, LIST, 401, NULL, "{}");
  vmp_health_set_interval (self->health, 3600);
  node = add (self, self->url, "");
  while (node->token_state != VMP_TOKEN_NEEDED)
    g_main_context_iteration (NULL, TRUE);

  vmp_registry_set_token (self->registry, node, TOKEN);
  while (node->token_state != VMP_TOKEN_REFUSED)
    g_main_context_iteration (NULL, TRUE);

  fake_node_answer (self->server, LIST, 200, NULL, V1_LIST);
  vmp_registry_set_token (self->registry, node, TOKEN "2");
  while (node->inventory == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);
  g_assert_cmpuint (self->server->requests->len, ==, 3);
}

/* A name may stand for anybody: who that is, is found out first. */
static void
test_name_is_bound_before_token (Fixture      *self,
                                 gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://bound.test:%u", self->server->port);
  VmpNode *node = add (self, url, "");

  fake_name ("bound.test", "127.0.0.1", NULL);
  vmp_registry_set_token (self->registry, node, TOKEN);
  refresh (self, node);
  g_assert_cmpstr (node->addresses[0], ==, "127.0.0.1");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);
  g_assert_cmpuint (self->server->requests->len, ==, 2);
  g_assert_null (strstr (g_ptr_array_index (self->server->requests, 0), TOKEN));
  g_assert_nonnull (strstr (g_ptr_array_index (self->server->requests, 1), TOKEN));

  refresh (self, node);
  g_assert_cmpuint (self->server->requests->len, ==, 3);
}

/* -- Where and who ------------------------------------------------------------------------- */

static void
test_moved (Fixture      *self,
            gconstpointer data)
{
  FakeNode *elsewhere = fake_node_new ("127.0.0.2", self->server->port, NULL);
  g_autofree char *url = g_strdup_printf ("http://moving.test:%u", self->server->port);
  VmpNode *node = add (self, url, "");

  fake_node_answer (elsewhere, LIST, 200, NULL, V1_LIST);
  fake_name ("moving.test", "127.0.0.1", NULL);
  vmp_registry_set_token (self->registry, node, TOKEN);
  refresh (self, node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);

  stop (self); /* with it goes what the resolver said */
  start (self);
  fake_name ("moving.test", "127.0.0.2", NULL);
  refresh (self, node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpstr (node->pending_reason, ==, "Its address changed from 127.0.0.1 to 127.0.0.2.");
  g_assert_cmpstr (node->seen_address, ==, "127.0.0.2");
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  refresh (self, node);
  g_assert_cmpuint (elsewhere->requests->len, ==, 2);
  g_assert_cmpuint (fake_node_count (elsewhere, TOKEN), ==, 0);

  vmp_registry_approve (self->registry, node);
  refresh (self, node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpstr (node->addresses[0], ==, "127.0.0.2");
  g_assert_cmpuint (fake_node_count (elsewhere, TOKEN), ==, 1);
  fake_node_free (elsewhere);
}

static void
test_moved_out_of_reach (Fixture      *self,
                         gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://gone.test:%u", self->server->port);
  VmpNode *node = add (self, url, "");

  fake_name ("gone.test", "127.0.0.1", NULL);
  refresh (self, node);
  stop (self);
  start (self);
  fake_name ("gone.test", "8.8.8.8", NULL);
  refresh (self, node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_true (g_str_has_prefix (node->pending_reason, "Its address is not 127.0.0.1 any more"));
  g_assert_cmpint (node->health, ==, VMP_NODE_OFFLINE);
  g_assert_nonnull (strstr (node->last_error, "public Internet"));
}

/* One that is off, or of which nothing is known at the moment, has not moved. */
static void
test_off_is_not_moved (Fixture      *self,
                       gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://off.test:%u", self->server->port);
  VmpNode *node = add (self, url, "");

  fake_name ("off.test", "127.0.0.1", NULL);
  refresh (self, node);
  stop (self);
  start (self);
  fake_name ("off.test", NULL);
  refresh (self, node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpint (node->health, ==, VMP_NODE_OFFLINE);
  g_assert_nonnull (strstr (node->last_error, "no computer of that name is known"));
}

static void
test_key_changed (Fixture      *self,
                  gconstpointer data)
{
  g_autofree char *pin = NULL;
  g_autofree char *other_pin = NULL;
  g_autofree char *reason = NULL;
  g_autoptr (GTlsCertificate) certificate = fake_certificate_new (&pin);
  g_autoptr (GTlsCertificate) other = fake_certificate_new (&other_pin);
  FakeNode *server = fake_node_new ("127.0.0.1", 0, certificate);
  g_autofree char *url = g_strdup_printf ("https://127.0.0.1:%u", server->port);
  VmpNode *node = add (self, url, "");

  fake_node_answer (server, LIST, 200, NULL, V1_LIST);
  vmp_registry_set_token (self->registry, node, TOKEN);
  refresh (self, node);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpstr (node->key, ==, pin);
  g_assert_cmpuint (server->requests->len, ==, 2);
  g_assert_cmpuint (fake_node_count (server, TOKEN), ==, 1);

  fake_node_hang_up (server);
  g_set_object (&server->certificate, other);
  refresh (self, node);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  reason = g_strdup_printf ("The key of its certificate changed from %s to %s.", pin, other_pin);
  g_assert_cmpstr (node->pending_reason, ==, reason);
  g_assert_cmpuint (fake_node_count (server, TOKEN), ==, 1);

  vmp_registry_approve (self->registry, node);
  refresh (self, node);
  g_assert_cmpstr (node->key, ==, other_pin);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpuint (fake_node_count (server, TOKEN), ==, 2);
  fake_node_free (server);
}

static void
test_ourselves (Fixture      *self,
                gconstpointer data)
{
  g_autofree char *other_url = g_strconcat (self->url, "/v2", NULL);
  g_autoptr (VmpBaseUrl) other = vmp_base_url_parse (other_url, NULL);
  VmpNode *node = add (self, self->url, "");
  VmpNode *found = vmp_registry_discover (self->registry, other, "mdns", NULL);
  G_GNUC_UNUSED g_autoptr (VmpNode) kept = vmp_node_ref (found);

  fake_node_answer (self->server, LIST, 200, "X-Vampire-Instance: " INSTANCE "\r\n", V1_LIST);
  fake_node_answer (self->server, "GET /v2/api/v1/models", 200, "X-Vampire-Instance: " INSTANCE "\r\n", V1_LIST);
  refresh (self, node);
  g_assert_cmpint (node->health, ==, VMP_NODE_OFFLINE);
  g_assert_cmpstr (node->last_error, ==, "This is this Vampire itself.");

  refresh (self, found);
  g_assert_null (vmp_registry_find_url (self->registry, other));

  /* Another Vampire is a server as good as any. */
  fake_node_answer (self->server, LIST, 200, "X-Vampire-Instance: other\r\n", V1_LIST);
  refresh (self, node);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
}

/* -- What happens meanwhile ------------------------------------------------------------------ */

static void
test_callers_join (Fixture      *self,
                   gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");

  self->server->manner = FAKE_SILENT;
  vmp_health_refresh (self->health, node, count_cb, self);
  vmp_health_refresh (self->health, node, NULL, NULL);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);
  vmp_health_refresh (self->health, node, count_cb, self);
  settle ();
  g_assert_cmpuint (self->n_told, ==, 0);
  fake_node_wake (self->server);
  while (self->n_told < 2)
    g_main_context_iteration (NULL, TRUE);
  settle ();
  g_assert_cmpuint (self->n_told, ==, 2);
  g_assert_cmpuint (self->server->requests->len, ==, 1);
}

/* What was asked for before is no answer to who wants to know how it is now. */
static void
test_look_is_from_now (Fixture      *self,
                       gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");
  gboolean early = FALSE;
  gboolean late = FALSE;
  gint64 asked;

  self->server->manner = FAKE_SILENT;
  vmp_health_refresh (self->health, node, set_true_cb, &early);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);
  asked = g_get_monotonic_time ();
  vmp_health_look (self->health, node, set_true_cb, &late);
  vmp_health_look (self->health, node, count_cb, self);
  fake_node_wake (self->server);
  await (&early);
  g_assert_false (late);
  g_assert_cmpuint (node->probes, ==, 1);
  await (&late);
  g_assert_cmpuint (self->n_told, ==, 1);
  g_assert_cmpuint (self->server->requests->len, ==, 2);
  g_assert_cmpint (node->checked_mono, >, asked);

  /* With none under way, one is enough; and a look waits for the one that is only queued. */
  late = FALSE;
  vmp_health_refresh (self->health, node, NULL, NULL);
  vmp_health_look (self->health, node, set_true_cb, &late);
  g_assert_false (late);
  await (&late);
  settle ();
  g_assert_cmpuint (self->server->requests->len, ==, 3);
}

static void
look_again_cb (gpointer user_data)
{
  Fixture *self = user_data;

  vmp_health_look (self->health, g_ptr_array_index (vmp_registry_get_nodes (self->registry), 0), count_cb, self);
}

static void
test_look_by_who_was_told (Fixture      *self,
                           gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");

  vmp_health_look (self->health, node, look_again_cb, self);
  while (self->n_told == 0)
    g_main_context_iteration (NULL, TRUE);
  settle ();
  g_assert_cmpuint (self->n_told, ==, 1);
  g_assert_cmpuint (node->probes, ==, 2);
}

/* Those for whom a second probe was to come are told too when none comes. */
static void
test_look_at_what_goes (Fixture      *self,
                        gconstpointer data)
{
  VmpNodeService services[] = { VMP_NODE_DISABLED, VMP_NODE_QUARANTINE };
  VmpNode *node = add (self, self->url, "");

  for (guint i = 0; i < G_N_ELEMENTS (services); i++)
    {
      VmpNodeService online = VMP_NODE_IN_SERVICE;
      VmpNodeUpdate stop_asking = { .service = &services[i] };
      VmpNodeUpdate ask = { .service = &online };
      guint n_told = self->n_told;

      g_assert_true (vmp_registry_update (self->registry, node, &ask, NULL));
      self->server->manner = FAKE_SILENT;
      vmp_health_refresh (self->health, node, NULL, NULL);
      while (self->server->n_waiting == 0)
        g_main_context_iteration (NULL, TRUE);
      vmp_health_look (self->health, node, count_cb, self);
      g_assert_true (vmp_registry_update (self->registry, node, &stop_asking, NULL));
      while (self->n_told == n_told || self->server->connections.length > 0)
        g_main_context_iteration (NULL, TRUE);

      vmp_health_look (self->health, node, count_cb, self);
      g_assert_cmpuint (self->n_told, ==, n_told + 1);
      settle ();
      g_assert_cmpuint (self->n_told, ==, n_told + 2);
      g_assert_cmpuint (node->probes, ==, 0);
    }
}

/* It moved meanwhile: what its new place says is from after the look was asked for as well. */
static void
test_look_at_what_changes (Fixture      *self,
                           gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");
  g_autofree char *other_url = g_strconcat (self->url, "/v2", NULL);
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (other_url, NULL);
  VmpNodeUpdate update = { .base_url = base_url };

  fake_node_answer (self->server, "GET /v2/api/v1/models", 200, NULL, V1_LIST);
  self->server->manner = FAKE_SILENT;
  vmp_health_refresh (self->health, node, NULL, NULL);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);
  vmp_health_look (self->health, node, count_cb, self);
  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  while (self->server->n_waiting == 0 || fake_node_count (self->server, "GET /v2") == 0)
    g_main_context_iteration (NULL, TRUE);
  fake_node_wake (self->server);
  while (self->n_told == 0)
    g_main_context_iteration (NULL, TRUE);
  settle ();
  g_assert_cmpuint (fake_node_count (self->server, "GET /v2/api/v1/models"), ==, 1);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
}

/* The registry is told when a list was asked for, so that it can tell what is newer. */
static void
test_when_it_was_asked (Fixture      *self,
                        gconstpointer data)
{
  static const char loaded[] =
    "{\"models\":[{\"type\":\"llm\",\"key\":\"gemma\",\"loaded_instances\":[{\"id\":\"gemma\"}]}]}";
  VmpNode *node = add (self, self->url, "");
  VmpHost *host;
  gint64 before;
  gint64 asked;

  fake_node_answer (self->server, LIST, 200, NULL, loaded);
  self->server->manner = FAKE_SILENT;
  before = g_get_monotonic_time ();
  vmp_health_refresh (self->health, node, count_cb, self);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);
  asked = g_get_monotonic_time ();
  fake_node_wake (self->server);
  while (self->n_told == 0)
    g_main_context_iteration (NULL, TRUE);
  host = vmp_node_find_host (node, "gemma");
  g_assert_true (host->loaded);
  g_assert_cmpint (host->proven, >=, before);
  g_assert_cmpint (host->proven, <=, asked);
}

static void
test_caller_is_forgotten (Fixture      *self,
                          gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");
  VmpNode *blocked = add (self, self->url, "/blocked");
  gboolean done = FALSE;

  vmp_registry_block (self->registry, blocked);
  vmp_health_refresh (self->health, blocked, count_cb, self);
  vmp_health_refresh (self->health, node, count_cb, self);
  vmp_health_refresh_stale (self->health, 1000, count_cb, self);
  vmp_health_look (self->health, node, count_cb, self);
  vmp_health_refresh (self->health, node, set_true_cb, &done);
  vmp_health_forget_caller (self->health, self);
  await (&done);
  settle ();
  g_assert_cmpuint (self->n_told, ==, 0);
}

static void
test_forgotten_meanwhile (Fixture      *self,
                          gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");

  self->server->manner = FAKE_SILENT;
  vmp_health_refresh (self->health, node, count_cb, self);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);
  vmp_registry_forget (self->registry, node);
  while (self->server->connections.length > 0 || self->n_told == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (vmp_registry_get_nodes (self->registry)->len, ==, 0);
}

static void
test_changed_meanwhile (Fixture      *self,
                        gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");
  FakeNode *other = fake_node_new ("127.0.0.1", 0, NULL);
  g_autofree char *other_url = g_strdup_printf ("http://127.0.0.1:%u", other->port);
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (other_url, NULL);
  VmpNodeUpdate update = { .base_url = base_url };

  fake_node_answer (other, LIST, 200, NULL, V1_LIST);
  self->server->manner = FAKE_SILENT;
  vmp_health_refresh (self->health, node, count_cb, self);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);

  /* Who waits, waits for the answer from where it is now. */
  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  while (self->n_told == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpuint (other->requests->len, ==, 1);
  g_assert_cmpuint (self->server->connections.length, ==, 0);

  /* What its owner says about it otherwise disturbs nothing. */
  update = (VmpNodeUpdate) { .name = "Studio" };
  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  settle ();
  g_assert_cmpuint (other->requests->len, ==, 1);
  fake_node_free (other);
}

static void
test_freed_meanwhile (Fixture      *self,
                      gconstpointer data)
{
  VmpNode *node = add (self, self->url, "");
  VmpNode *waiting = add (self, self->url, "/other");

  self->server->manner = FAKE_SILENT;
  vmp_health_refresh (self->health, node, count_cb, self);
  while (self->server->n_waiting == 0)
    g_main_context_iteration (NULL, TRUE);
  vmp_health_refresh (self->health, waiting, count_cb, self);
  vmp_health_refresh_stale (self->health, 1000, count_cb, self);
  vmp_health_look (self->health, node, count_cb, self);
  stop (self);
  settle ();
  g_assert_cmpuint (self->n_told, ==, 0);
}

/* -- Many ---------------------------------------------------------------------------------- */

static void
test_sixteen_at_a_time (Fixture      *self,
                        gconstpointer data)
{
  guint n_nodes = 200;
  guint i;

  self->server->manner = FAKE_SILENT;
  for (i = 0; i < n_nodes; i++)
    {
      g_autofree char *path = g_strdup_printf ("/n%u", i);

      vmp_health_refresh (self->health, add (self, self->url, path), count_cb, self);
    }
  while (self->server->n_waiting < VMP_LIMIT_PROBES)
    g_main_context_iteration (NULL, TRUE);
  settle ();
  g_assert_cmpuint (self->server->most_waiting, ==, VMP_LIMIT_PROBES);
  g_assert_cmpuint (self->server->n_accepted, ==, VMP_LIMIT_PROBES);

  fake_node_wake (self->server);
  while (self->n_told < n_nodes)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (self->server->most_waiting, ==, VMP_LIMIT_PROBES);
  for (i = 0; i < n_nodes; i++)
    g_assert_cmpuint (((VmpNode *) g_ptr_array_index (vmp_registry_get_nodes (self->registry), i))->probes, ==, 1);
}

/* Who is asked for does not wait behind all those whose time has come. */
static void
test_asked_for_goes_first (Fixture      *self,
                           gconstpointer data)
{
  VmpNode *wanted = NULL;
  gboolean done = FALSE;
  guint i;

  self->server->manner = FAKE_SILENT;
  vmp_health_set_interval (self->health, 3600);
  for (i = 0; i < 200; i++)
    {
      g_autofree char *path = g_strdup_printf ("/n%u", i);

      wanted = add (self, self->url, path);
    }
  while (self->server->n_waiting < VMP_LIMIT_PROBES)
    g_main_context_iteration (NULL, TRUE);
  vmp_health_refresh (self->health, wanted, set_true_cb, &done);
  fake_node_wake (self->server);
  await (&done);
  g_assert_cmpuint (self->server->requests->len, <, 16 * VMP_LIMIT_PROBES);
}

static void
test_stale (Fixture      *self,
            gconstpointer data)
{
  VmpNodeService service = VMP_NODE_MAINTENANCE;
  VmpNodeUpdate update = { .service = &service };
  VmpNode *fresh = add (self, self->url, "/fresh");
  VmpNode *stale = add (self, self->url, "/stale");
  VmpNode *resting = add (self, self->url, "/resting");

  g_assert_true (vmp_registry_update (self->registry, resting, &update, NULL));
  refresh (self, fresh);
  g_ptr_array_set_size (self->server->requests, 0);

  vmp_health_refresh_stale (self->health, 60 * 1000, count_cb, self);
  vmp_health_refresh_stale (self->health, 60 * 1000, count_cb, self);
  g_assert_cmpuint (self->n_told, ==, 0);
  while (self->n_told < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fake_node_count (self->server, "GET /stale/api/v1/models"), ==, 1);
  g_assert_cmpuint (fake_node_count (self->server, "GET /fresh"), ==, 0);
  g_assert_cmpuint (fake_node_count (self->server, "GET /resting"), ==, 0);
  g_assert_cmpuint (stale->probes, ==, 1);

  /* Nothing to do is done soon. */
  vmp_health_refresh_stale (self->health, 60 * 1000, count_cb, self);
  g_assert_cmpuint (self->n_told, ==, 2);
  settle ();
  g_assert_cmpuint (self->n_told, ==, 3);
}

/* One that says nothing keeps nobody for longer than its time, even if its turn has not come. */
static void
test_stale_has_an_end (Fixture      *self,
                       gconstpointer data)
{
  gint64 started = g_get_monotonic_time ();
  gint64 elapsed_ms;
  guint i;

  self->server->manner = FAKE_SILENT;
  for (i = 0; i < VMP_LIMIT_PROBES * 3; i++)
    {
      g_autofree char *path = g_strdup_printf ("/n%u", i);

      add (self, self->url, path);
    }
  vmp_health_refresh_stale (self->health, 1000, count_cb, self);
  while (self->n_told == 0)
    g_main_context_iteration (NULL, TRUE);
  elapsed_ms = (g_get_monotonic_time () - started) / 1000;
  g_assert_cmpint (elapsed_ms, >=, VMP_LIMIT_PROBE_MS);
  g_assert_cmpint (elapsed_ms, <, VMP_LIMIT_PROBE_MS * 2);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nodes/health/when/delay", test_delay);
  ADD ("/nodes/health/when/new-node", test_new_node);
  ADD ("/nodes/health/when/loaded-nodes", test_loaded_nodes);
  ADD ("/nodes/health/when/again-and-again", test_again_and_again);
  ADD ("/nodes/health/when/by-itself-only-with-interval", test_by_itself_only_with_interval);
  ADD ("/nodes/health/who/blocked-and-disabled", test_blocked_and_disabled);
  ADD ("/nodes/health/who/enabled-again", test_enabled_again);
  ADD ("/nodes/health/who/pending-without-token", test_pending_without_token);
  ADD ("/nodes/health/who/token-that-comes", test_token_that_comes);
  ADD ("/nodes/health/who/name-is-bound-before-token", test_name_is_bound_before_token);
  ADD ("/nodes/health/identity/moved", test_moved);
  ADD ("/nodes/health/identity/moved-out-of-reach", test_moved_out_of_reach);
  ADD ("/nodes/health/identity/off-is-not-moved", test_off_is_not_moved);
  ADD ("/nodes/health/identity/key-changed", test_key_changed);
  ADD ("/nodes/health/identity/ourselves", test_ourselves);
  ADD ("/nodes/health/meanwhile/callers-join", test_callers_join);
  ADD ("/nodes/health/look/is-from-now", test_look_is_from_now);
  ADD ("/nodes/health/look/by-who-was-told", test_look_by_who_was_told);
  ADD ("/nodes/health/look/at-what-goes", test_look_at_what_goes);
  ADD ("/nodes/health/look/at-what-changes", test_look_at_what_changes);
  ADD ("/nodes/health/look/when-it-was-asked", test_when_it_was_asked);
  ADD ("/nodes/health/meanwhile/caller-is-forgotten", test_caller_is_forgotten);
  ADD ("/nodes/health/meanwhile/forgotten", test_forgotten_meanwhile);
  ADD ("/nodes/health/meanwhile/changed", test_changed_meanwhile);
  ADD ("/nodes/health/meanwhile/freed", test_freed_meanwhile);
  ADD ("/nodes/health/many/sixteen-at-a-time", test_sixteen_at_a_time);
  ADD ("/nodes/health/many/asked-for-goes-first", test_asked_for_goes_first);
  ADD ("/nodes/health/many/stale", test_stale);
  ADD ("/nodes/health/many/stale-has-an-end", test_stale_has_an_end);

  return g_test_run ();
}

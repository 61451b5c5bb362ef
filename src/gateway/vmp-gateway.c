/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpGateway: it makes the parts, tells them of each other's changes, and stops them.
 */

#include "gateway/vmp-control.h"
#include "gateway/vmp-gateway-private.h"
#include "gateway/vmp-owner-file.h"

#include <signal.h>
#include <sys/resource.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* From this size on, memory is not taken from the heap. */
#define OWN_MEMORY_BYTES (256 * 1024)

/* How often followers of the events are told of the counts. */
#define METRICS_MS 1000

/* What other computers see of this one on the network, before its name. */
#define SERVICE_NAME "Vampire on %s"

/* -- Changes of one part that others must hear of ---------------------------------------------- */

static gboolean
has_no_approval (const VmpCall *call,
                 const VmpNode *node,
                 gconstpointer  what)
{
  return node != NULL && node->approval != VMP_APPROVAL_APPROVED;
}

static void
revocation_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  vmp_relay_revoke (self->relay, has_no_approval, NULL, "The owner of this gateway has withdrawn the node's approval.");
}

/* Of nodes that are no more. While a damaged database is set aside, its nodes may yet come back. */
static void
remove_strays (VmpGateway *self)
{
  guint i;

  for (i = 0; i < self->stray_tokens->len; i++)
    {
      const char *token_id = g_ptr_array_index (self->stray_tokens, i);
      g_autofree char *id = vmp_node_id_of_token_id (token_id);
      const VmpNode *node = id != NULL ? vmp_registry_find (self->registry, id) : NULL;

      /* Unless it was given to a new node meanwhile. */
      if (node == NULL || node->token == NULL || !vmp_node_is_token_id (node, token_id))
        vmp_token_vault_set (self->vault, token_id, NULL, NULL, NULL, NULL);
    }
  g_ptr_array_set_size (self->stray_tokens, 0);
}

static void
remove_strays_cb (gpointer user_data)
{
  remove_strays (user_data);
}

static void
removal_stored_cb (gpointer      user_data,
                   const GError *error)
{
  remove_strays (user_data);
}

/* A node's token goes after the node: a crash in between leaves a token that is nobody's, not a node without its token.
 * A new node that finds one begins without it. */
static void
look_after_token (VmpGateway   *self,
                  VmpNode      *node,
                  VmpNodeChange change)
{
  g_autofree char *token_id = vmp_node_make_token_id (node->id, node->base_url->text);

  if (!vmp_token_vault_knows (self->vault, token_id))
    return;

  if (change == VMP_NODE_ADDED)
    {
      vmp_token_vault_set (self->vault, token_id, NULL, NULL, NULL, NULL);
    }
  else
    {
      g_ptr_array_add (self->stray_tokens, g_steal_pointer (&token_id));
      vmp_registry_when_stored (self->registry, removal_stored_cb, self);
    }
}

static void
registry_changed_cb (gpointer      user_data,
                     VmpNode      *node,
                     VmpNodeChange change)
{
  VmpGateway *self = user_data;

  vmp_health_node_changed (self->health, node, change);
  vmp_relay_node_changed (self->relay, node, change);
  if (change == VMP_NODE_REMOVED)
    vmp_router_node_removed (self->router, node);

  if (change == VMP_NODE_REMOVED || change == VMP_NODE_ADDED)
    look_after_token (self, node, change);

  /* Not from here: the change may come from the end of just such an exchange. Nothing else runs in between. */
  if ((node->approval != VMP_APPROVAL_APPROVED || change == VMP_NODE_REMOVED) && node->active_requests > 0)
    vmp_poll_defer (self->poll, &self->revocation, revocation_cb, self);

  vmp_events_add (self->events, change == VMP_NODE_APPROVAL_CHANGED ? "approval" : "node",
                  vmp_control_node_event (node, change));
}

/* A crash came between the end of a node and that of its token. */
static void
note_stray (VmpGateway *self,
            const char *token_id)
{
  if (vmp_store_get_set_aside (self->store) != NULL)
    return;

  g_ptr_array_add (self->stray_tokens, g_strdup (token_id));
  vmp_poll_defer (self->poll, &self->remove_strays, remove_strays_cb, self);
}

/* A token is for the node of that id at that address; left over from another one, it is nobody's. */
static void
token_cb (gpointer    user_data,
          const char *token_id,
          const char *token,
          gboolean    locked)
{
  VmpGateway *self = user_data;
  g_autofree char *id = vmp_node_id_of_token_id (token_id);
  VmpNode *node = id != NULL ? vmp_registry_find (self->registry, id) : NULL;

  if (node == NULL || !vmp_node_is_token_id (node, token_id))
    {
      if (token != NULL)
        note_stray (self, token_id);
      return;
    }
  if (locked)
    vmp_registry_set_token_locked (self->registry, node);
  else
    vmp_registry_set_token (self->registry, node, token);
}

static void
job_cb (gpointer         user_data,
        VmpDiscoveryJob *job)
{
  vmp_control_job_changed (user_data, job);
}

/* Base URLs under which this gateway itself would be found. */
static void
tell_own_urls (VmpGateway *self)
{
  const char * const *lists[] = {
    vmp_doors_get_addresses (self->doors), vmp_doors_get_shared_addresses (self->doors)
  };
  g_autoptr (GPtrArray) urls = g_ptr_array_new_with_free_func (g_free);
  guint i;
  guint j;

  for (i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      for (j = 0; lists[i][j] != NULL; j++)
        g_ptr_array_add (urls, g_strconcat ("http://", lists[i][j], NULL));
    }
  g_ptr_array_add (urls, NULL);
  vmp_discovery_set_own_urls (self->discovery, (const char * const *) urls->pdata);
}

static void
announce (VmpGateway *self)
{
  g_autofree char *name = g_strdup_printf (SERVICE_NAME, g_get_host_name ());
  gboolean is_open = vmp_doors_get_shared_addresses (self->doors)[0] != NULL;

  vmp_discovery_announce (self->discovery, name, is_open ? vmp_doors_get_port (self->doors) : 0);
}

static void
share_changed_cb (gpointer  user_data,
                  VmpShare *share)
{
  VmpGateway *self = user_data;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  /* While the parts are being made there is nothing to open yet. */
  if (self->doors == NULL || self->discovery == NULL)
    return;

  vmp_doors_update_shared (self->doors);
  tell_own_urls (self);
  announce (self);
  vmp_control_build_share (self, builder);
  vmp_events_add (self->events, "share", vmp_json_builder_print (builder));
}

static void
pause_changed_cb (gpointer  user_data,
                  VmpPause *pause)
{
  VmpGateway *self = user_data;
  gboolean paused = vmp_pause_get (pause);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  if (paused)
    {
      g_message ("Vampire is paused: requests are refused until it is resumed; running answers go on to their end.");
      vmp_relay_refuse_waiting (self->relay);
    }
  else
    {
      g_message ("Vampire is resumed.");
    }

  json_builder_begin_object (builder);
  vmp_json_add_boolean (builder, "paused", paused);
  json_builder_end_object (builder);
  vmp_events_add (self->events, "status", vmp_json_builder_print (builder));
}

static void
key_gone_cb (gpointer            user_data,
             const VmpClientKey *key)
{
  VmpGateway *self = user_data;
  g_autoptr (JsonBuilder) builder = NULL;

  /* One that expired while the gateway did not run. */
  if (self->relay == NULL)
    return;

  vmp_doors_dismiss_key (self->doors, key->id);
  builder = json_builder_new_immutable ();
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", key->id);
  vmp_json_add_string (builder, "state", "removed");
  json_builder_end_object (builder);
  vmp_events_add (self->events, "key", vmp_json_builder_print (builder));
}

static void
look_at_interfaces (VmpGateway *self)
{
  g_auto (GStrv) addresses = vmp_interfaces_dup_addresses ();

  vmp_registry_set_own_addresses (self->registry, (const char * const *) addresses);
}

static void
interfaces_changed_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  look_at_interfaces (self);
  vmp_doors_update_shared (self->doors);
  tell_own_urls (self);
  announce (self);
}

static void
metrics_cb (gpointer user_data)
{
  VmpGateway *self = user_data;
  g_autoptr (JsonBuilder) builder = NULL;

  if (!vmp_events_has_readers (self->events))
    return;

  vmp_poll_set_timer (self->poll, &self->metrics, g_get_monotonic_time () + METRICS_MS * 1000, metrics_cb, self);
  builder = json_builder_new_immutable ();
  json_builder_begin_object (builder);
  vmp_json_add_int (builder, "active_requests", vmp_relay_get_active (self->relay));
  vmp_json_add_int (builder, "queue_depth", vmp_relay_count_waiting (self->relay));
  vmp_json_add_double (builder, "tokens_per_second", vmp_relay_measure_rate (self->relay, g_get_monotonic_time ()));
  vmp_json_add_int (builder, "nodes_online", vmp_registry_count (self->registry, VMP_NODE_ONLINE));
  vmp_json_add_int (builder, "nodes_offline", vmp_registry_count (self->registry, VMP_NODE_OFFLINE));
  vmp_json_add_int (builder, "nodes_pending", vmp_registry_count_pending (self->registry));
  vmp_json_add_int (builder, "shared_connections", vmp_doors_count_shared (self->doors));
  json_builder_end_object (builder);
  vmp_events_add (self->events, "metric", vmp_json_builder_print (builder));
}

void
vmp_gateway_tell_metrics (VmpGateway *self)
{
  if (self->metrics.due == 0)
    metrics_cb (self);
}

/* -- Life ---------------------------------------------------------------------------------- */

/* Large bodies get memory of their own, which goes back to the system with them. glibc would learn from the first one
 * to take it from the heap. */
static void
keep_heap_small (void)
{
#ifdef __GLIBC__
  mallopt (M_MMAP_THRESHOLD, OWN_MEMORY_BYTES);
#endif
}

void
vmp_gateway_prepare_process (void)
{
  struct rlimit limit;

  signal (SIGPIPE, SIG_IGN);
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MIN (limit.rlim_max, VMP_LIMIT_OPEN_FILES))
    {
      limit.rlim_cur = MIN (limit.rlim_max, VMP_LIMIT_OPEN_FILES);
      setrlimit (RLIMIT_NOFILE, &limit);
    }
}

VmpGateway *
vmp_gateway_new (VmpSettings  *settings,
                 GMainContext *context)
{
  VmpGateway *self = g_new0 (VmpGateway, 1);

  keep_heap_small ();
  self->context = context != NULL ? g_main_context_ref (context) : g_main_context_ref (g_main_context_default ());
  self->settings = vmp_settings_ref (settings);
  self->started_with = vmp_settings_ref (settings);
  self->instance = g_uuid_string_random ();
  self->via = g_strconcat ("1.1 vampire-", self->instance, NULL);
  self->owner_token = vmp_owner_file_make_token ();
  self->stray_tokens = g_ptr_array_new_with_free_func (g_free);
  self->started = g_get_monotonic_time ();
  self->started_at = g_get_real_time () / G_USEC_PER_SEC;

  return self;
}

static VmpSecretsPlace
secrets_place (const VmpSettings *settings)
{
  switch (settings->token_storage)
    {
    case VMP_TOKEN_STORAGE_KEYRING:
      return VMP_SECRETS_KEYRING;

    case VMP_TOKEN_STORAGE_FILE:
      return VMP_SECRETS_FILE;

    case VMP_TOKEN_STORAGE_AUTO:
    default:
      return VMP_SECRETS_AUTO;
    }
}

static void
load_event_cb (gpointer            user_data,
               const VmpLoadEvent *event)
{
  vmp_control_publish_load (user_data, event);
}

/* Those that are about requests, which take effect at once. */
static void
apply_request_settings (VmpGateway *self)
{
  const VmpSettings *settings = self->settings;
  const VmpRouterSettings router = {
    .default_strategy = settings->default_strategy,
    .balance_abs = settings->affinity_busy_requests,
    .balance_rel = settings->affinity_busy_ratio,
  };
  const VmpRelaySettings relay = {
    .queue_limit = settings->queue_limit,
    .queue_seconds = settings->queue_seconds,
    .patience_seconds = settings->queue_patience_seconds,
    .loading_comments = settings->loading_comments,
    .continues = settings->continue_streams,
  };

  vmp_journal_set_limit (self->journal, settings->trace_limit);
  vmp_router_set_settings (self->router, &router);
  vmp_relay_set_settings (self->relay, &relay);
}

static void
make_relay (VmpGateway *self)
{
  const VmpRelayParts parts = {
    .poll = self->poll,
    .upstream = self->upstream,
    .registry = self->registry,
    .router = self->router,
    .health = self->health,
    .journal = self->journal,
    .via = self->via,
  };

  self->relay = vmp_relay_new (&parts, load_event_cb, self);
}

/* Makes all parts and reads what was stored. Nothing is listened on and nobody is asked yet. */
static void
make_parts (VmpGateway *self)
{
  const VmpSettings *settings = self->settings;

  self->events = vmp_events_new ();
  self->upstream = vmp_upstream_new (self->poll);
  self->registry = vmp_registry_new (self->store);
  vmp_registry_set_public_allowed (self->registry, settings->allow_public_nodes);
  look_at_interfaces (self);
  vmp_registry_load (self->registry);
  vmp_registry_set_default (self->registry, settings->default_base_url);
  self->routes = vmp_route_list_new (self->store);
  vmp_route_list_load (self->routes);
  self->keys = vmp_client_keys_new (self->poll, self->store, key_gone_cb, self);
  vmp_client_keys_load (self->keys);
  self->share = vmp_share_new (self->poll, self->store, share_changed_cb, self);
  vmp_share_load (self->share);
  self->pause = vmp_pause_new (self->store, pause_changed_cb, self);
  vmp_pause_load (self->pause);
  self->router = vmp_router_new (self->registry, self->routes);
  self->affinity_keeper = vmp_affinity_keeper_new (self->poll, self->store, self->registry,
                                                   vmp_router_get_affinity (self->router));
  self->journal = vmp_journal_new ();
  self->health = vmp_health_new (self->poll, self->upstream, self->registry, self->via, self->instance);
  vmp_health_set_interval (self->health, 0); /* until begin() */
  make_relay (self);
  apply_request_settings (self);
  vmp_registry_set_listener (self->registry, registry_changed_cb, self);
  self->discovery = vmp_discovery_new (self->poll, self->upstream, self->registry, self->health, self->via,
                                       self->instance);
  vmp_discovery_set_listener (self->discovery, job_cb, self);
  self->vault = vmp_token_vault_new (settings->data_dir, secrets_place (settings), token_cb, self);
  self->control = vmp_surface_control_new (self);
}

/* Nodes are asked, and clients are let in, from now on. */
static void
begin (VmpGateway *self)
{
  vmp_poll_clear_timer (self->poll, &self->tokens_wait);
  vmp_health_set_interval (self->health, self->settings->health_seconds);
  vmp_doors_let_in (self->doors);
}

static void
tokens_loaded_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  if (self->tokens_wait.due != 0)
    begin (self);
}

static void
tokens_late_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  g_warning ("The keyring has not said yet which tokens it keeps; nodes are asked without them until it does");
  begin (self);
}

/* A node that wants its token would refuse whatever came before that. */
static void
begin_with_tokens (VmpGateway *self)
{
  vmp_poll_set_timer (self->poll, &self->tokens_wait, g_get_monotonic_time () + VMP_LIMIT_TOKENS_WAIT_MS * 1000,
                      tokens_late_cb, self);
  vmp_token_vault_when_loaded (self->vault, tokens_loaded_cb, self);
  vmp_token_vault_load (self->vault);
}

gboolean
vmp_gateway_start (VmpGateway *self,
                   GError    **error)
{
  g_return_val_if_fail (self->url == NULL, FALSE);

  if (self->poll == NULL)
    {
      self->poll = vmp_poll_new (self->context);
      if (self->poll == NULL)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
                               "No file descriptor is left to listen with.");
          return FALSE;
        }
    }
  if (self->doors == NULL)
    self->doors = vmp_doors_new (self);

  /* The address first: that it is taken is the plainest sign that Vampire runs already. */
  if (!vmp_doors_open (self->doors, error))
    return FALSE;
  self->store = vmp_store_open (self->settings->data_dir, self->context, error);
  if (self->store == NULL)
    return FALSE;

  make_parts (self);
  self->url = g_strdup_printf ("http://%s", vmp_doors_get_addresses (self->doors)[0]);
  if (!vmp_owner_file_write (self->settings->data_dir, self->url, self->instance, self->owner_token, error))
    return FALSE;

  vmp_doors_update_shared (self->doors);
  tell_own_urls (self);
  announce (self);
  vmp_discovery_watch (self->discovery, (const char * const *) self->settings->dns_sd_types);
  self->interfaces = vmp_interfaces_watch_new (self->poll, interfaces_changed_cb, self);
  begin_with_tokens (self);
  if (vmp_pause_get (self->pause))
    g_message ("Vampire is paused, as its owner left it: requests are refused until it is resumed.");

  return TRUE;
}

void
vmp_gateway_unref (VmpGateway *self)
{
  if (self->keeper != NULL)
    g_signal_handlers_disconnect_by_data (self->keeper, self);
  if (self->registry != NULL)
    vmp_registry_set_listener (self->registry, NULL, NULL);
  if (self->poll != NULL)
    {
      g_clear_pointer (&self->interfaces, vmp_interfaces_watch_free);
      vmp_poll_clear_timer (self->poll, &self->tokens_wait);
      vmp_poll_clear_timer (self->poll, &self->metrics);
      vmp_poll_clear_timer (self->poll, &self->drain_timer);
      vmp_poll_cancel_deferred (self->poll, &self->revocation);
      vmp_poll_cancel_deferred (self->poll, &self->remove_strays);
    }
  self->stopped = NULL;
  g_clear_pointer (&self->doors, vmp_doors_free);
  g_clear_pointer (&self->control, vmp_surface_control_free);
  g_clear_pointer (&self->events, vmp_events_free);
  g_clear_pointer (&self->discovery, vmp_discovery_free);
  g_clear_pointer (&self->vault, vmp_token_vault_free);
  g_clear_pointer (&self->relay, vmp_relay_free);
  g_clear_pointer (&self->health, vmp_health_free);
  g_clear_pointer (&self->journal, vmp_journal_free);
  g_clear_pointer (&self->affinity_keeper, vmp_affinity_keeper_free);
  g_clear_pointer (&self->router, vmp_router_free);
  g_clear_pointer (&self->pause, vmp_pause_free);
  g_clear_pointer (&self->share, vmp_share_free);
  g_clear_pointer (&self->keys, vmp_client_keys_free);
  g_clear_pointer (&self->routes, vmp_route_list_free);
  g_clear_pointer (&self->registry, vmp_registry_free);
  g_clear_pointer (&self->upstream, vmp_upstream_free);
  g_clear_pointer (&self->store, vmp_store_close);
  g_clear_pointer (&self->poll, vmp_poll_free);
  if (self->url != NULL)
    vmp_owner_file_remove (self->started_with->data_dir, self->instance);

  g_clear_object (&self->keeper);
  vmp_settings_unref (self->started_with);
  vmp_settings_unref (self->settings);
  g_main_context_unref (self->context);
  g_free (self->instance);
  g_free (self->via);
  g_free (self->owner_token);
  g_ptr_array_unref (self->stray_tokens);
  g_free (self->url);
  g_free (self);
}

static void
publish_settings (VmpGateway         *self,
                  const char * const *keys)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_strings (builder, "keys", keys);
  json_builder_end_object (builder);
  vmp_events_add (self->events, "settings", vmp_json_builder_print (builder));
}

static void
settings_changed_cb (VmpSettingsKeeper  *keeper,
                     const char * const *keys,
                     gpointer            user_data)
{
  VmpGateway *self = user_data;
  VmpSettings *settings = vmp_settings_ref (vmp_settings_keeper_get (keeper));

  vmp_settings_unref (self->settings);
  self->settings = settings;
  if (self->url == NULL)
    {
      /* They are what it is to start with. */
      vmp_settings_unref (self->started_with);
      self->started_with = vmp_settings_ref (settings);
      return;
    }

  vmp_registry_set_public_allowed (self->registry, settings->allow_public_nodes);
  vmp_registry_set_default (self->registry, settings->default_base_url);
  if (self->tokens_wait.due == 0)
    vmp_health_set_interval (self->health, settings->health_seconds);
  vmp_discovery_watch (self->discovery, (const char * const *) settings->dns_sd_types);
  apply_request_settings (self);
  vmp_doors_settings_changed (self->doors);
  tell_own_urls (self);
  announce (self);
  publish_settings (self, keys);
}

void
vmp_gateway_follow_settings (VmpGateway        *self,
                             VmpSettingsKeeper *keeper)
{
  g_return_if_fail (self->keeper == NULL && self->url == NULL);

  self->keeper = g_object_ref (keeper);
  g_signal_connect (keeper, "changed", G_CALLBACK (settings_changed_cb), self);
}

static void
doors_empty_cb (gpointer user_data)
{
  VmpGateway *self = user_data;
  VmpGatewayStopped stopped = self->stopped;

  self->stopped = NULL;
  vmp_poll_clear_timer (self->poll, &self->drain_timer);
  if (stopped != NULL)
    stopped (self, self->stopped_data);
}

static void
drain_timer_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  if (!self->answers_ended)
    {
      self->answers_ended = TRUE;
      vmp_relay_shut_down (self->relay);
      vmp_poll_set_timer (self->poll, &self->drain_timer, g_get_monotonic_time () + VMP_LIMIT_FAREWELL_MS * 1000,
                          drain_timer_cb, self);
      return;
    }

  vmp_doors_kill (self->doors);
}

void
vmp_gateway_drain (VmpGateway       *self,
                   VmpGatewayStopped callback,
                   gpointer          user_data)
{
  g_return_if_fail (self->url != NULL && self->stopped == NULL);

  self->stopped = callback;
  self->stopped_data = user_data;
  vmp_poll_set_timer (self->poll, &self->drain_timer, g_get_monotonic_time () + VMP_LIMIT_DRAIN_MS * 1000,
                      drain_timer_cb, self);

  /* Those who follow the events would stay for ever. */
  vmp_discovery_announce (self->discovery, NULL, 0);
  vmp_events_end (self->events);
  vmp_doors_drain (self->doors, doors_empty_cb, self);
}

/* -- Reports ------------------------------------------------------------------------------- */

char *
vmp_gateway_dup_url (VmpGateway *self)
{
  return g_strdup (self->url);
}

const char *
vmp_gateway_get_instance (VmpGateway *self)
{
  return self->instance;
}

gint64
vmp_gateway_get_uptime_seconds (VmpGateway *self)
{
  return (g_get_monotonic_time () - self->started) / G_USEC_PER_SEC;
}

const char * const *
vmp_gateway_get_listeners (VmpGateway *self)
{
  return vmp_doors_get_addresses (self->doors);
}

guint
vmp_gateway_get_active_requests (VmpGateway *self)
{
  return vmp_relay_get_active (self->relay);
}

gboolean
vmp_gateway_is_demo (VmpGateway *self)
{
  return self->settings->demo;
}

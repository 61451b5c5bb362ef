/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpGateway: who may come in, which surface answers, and how it all stops.
 */

#include "gateway/vmp-gateway.h"

#include "gateway/vmp-access.h"
#include "gateway/vmp-connection.h"
#include "gateway/vmp-listener.h"
#include "gateway/vmp-surface-control.h"
#include "gateway/vmp-surface-openai.h"
#include "relay/vmp-exchange.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After running answers were ended, their last bytes get this long to reach their clients. */
#define FAREWELL_MS 1000

/* So much free heap is kept for the next requests. */
#define IDLE_HEAP_BYTES (2 * 1024 * 1024)

/* From this size on, memory is not taken from the heap. */
#define OWN_MEMORY_BYTES (256 * 1024)

struct _VmpGateway {
  VmpSettings *settings;
  GMainContext *context;
  char *instance;
  gint64 started;

  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpRelay *relay;
  VmpNode *default_node;
  VmpSurfaceControl *control;

  VmpListener *listener;
  char *url;
  VmpServing serving;
  GHashTable *connections; /* set of VmpConnection */
  GHashTable *peers;       /* address as text -> number of its connections */
  VmpTimer sweep;

  VmpTimer drain_timer;
  gboolean answers_ended;
  VmpGatewayStopped stopped;
  gpointer stopped_data;
};

static void sweep_cb (gpointer user_data);

/* -- Connections --------------------------------------------------------------------------- */

static gboolean
address_is_loopback (GSocketAddress *address)
{
  return g_inet_address_get_is_loopback (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

static char *
peer_key (GSocketAddress *peer)
{
  return g_inet_address_to_string (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (peer)));
}

static gboolean
serving_admit (gpointer           user_data,
               VmpConnection     *connection,
               const VmpHttpHead *head)
{
  VmpGateway *self = user_data;
  gboolean on_loopback = address_is_loopback (vmp_connection_get_local_address (connection));
  VmpHttpField fields[VMP_ACCESS_PREFLIGHT_FIELDS];
  VmpAccessVerdict verdict;
  guint n;

  switch (vmp_access_check (self->settings, head, on_loopback, &verdict))
    {
    case VMP_ACCESS_REFUSED:
      vmp_connection_set_cors_origin (connection, verdict.cors_origin);
      vmp_connection_problem (connection, verdict.problem, verdict.message);
      return FALSE;

    case VMP_ACCESS_PREFLIGHT:
      vmp_connection_set_cors_origin (connection, verdict.cors_origin);
      n = vmp_access_preflight_fields (head, fields);
      vmp_connection_empty (connection, 204, VMP_SLICE_LITERAL ("No Content"), fields, n);
      return FALSE;

    case VMP_ACCESS_GRANTED:
    default:
      vmp_connection_set_cors_origin (connection, verdict.cors_origin);
      break;
    }

  if (!vmp_access_is_data_path (head->path)
      && (head->framing == VMP_BODY_CHUNKED || head->content_length > VMP_LIMIT_CONTROL_BODY_BYTES))
    {
      vmp_connection_problem (connection, VMP_PROBLEM_BODY_TOO_LARGE,
                              "Vampire's own API takes documents of at most 1 MB, sent with a Content-Length.");
      return FALSE;
    }

  return TRUE;
}

/* Methods that are passed on. CONNECT and TRACE have no place here, and unknown ones no meaning. */
static gboolean
is_relayed_method (VmpSlice method)
{
  static const char * const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      if (vmp_slice_equal (method, methods[i]))
        return TRUE;
    }

  return FALSE;
}

static void
serving_request (gpointer          user_data,
                 VmpConnection    *connection,
                 const VmpRequest *request)
{
  VmpGateway *self = user_data;

  if (!vmp_access_is_data_path (request->head.path))
    vmp_surface_control_answer (self->control, connection, request);
  else if (!is_relayed_method (request->head.method))
    vmp_connection_problem (connection, VMP_PROBLEM_METHOD,
                            "The API takes GET, HEAD, POST, PUT, PATCH and DELETE; there is no other method.");
  else
    vmp_surface_openai_answer (connection, request, self->relay, self->default_node);
}

static void
finish_drain (VmpGateway *self)
{
  VmpGatewayStopped stopped = self->stopped;

  self->stopped = NULL;
  vmp_poll_clear_timer (self->poll, &self->drain_timer);
  if (stopped != NULL)
    stopped (self, self->stopped_data);
}

static void
serving_closed (gpointer       user_data,
                VmpConnection *connection)
{
  VmpGateway *self = user_data;
  g_autofree char *key = peer_key (vmp_connection_get_peer_address (connection));
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->peers, key));

  if (n > 1)
    g_hash_table_insert (self->peers, g_steal_pointer (&key), GUINT_TO_POINTER (n - 1));
  else
    g_hash_table_remove (self->peers, key);
  g_hash_table_remove (self->connections, connection);

  if (self->listener != NULL)
    vmp_listener_resume (self->listener);
  if (g_hash_table_size (self->connections) == 0 && self->serving.draining)
    finish_drain (self);
}

static const VmpServingFuncs serving_funcs = {
  .admit = serving_admit,
  .request = serving_request,
  .closed = serving_closed,
};

/* One client too many: it is told so, without a connection being made of it. */
static void
turn_away (int         fd,
           const char *message)
{
  g_autofree char *json = vmp_problem_to_json (VMP_PROBLEM_TOO_MANY_CONNECTIONS, message, FALSE);
  g_autofree char *answer = g_strdup_printf ("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                                             "Content-Length: %" G_GSIZE_FORMAT "\r\nRetry-After: 1\r\n"
                                             "Connection: close\r\n\r\n%s", strlen (json), json);

  /* Fresh sockets take this much; where one does not, closing says enough. */
  if (send (fd, answer, strlen (answer), MSG_NOSIGNAL) < 0)
    g_debug ("A client was turned away without a word");
  close (fd);
}

static void
accepted_cb (gpointer        user_data,
             int             fd,
             GSocketAddress *local,
             GSocketAddress *peer)
{
  VmpGateway *self = user_data;
  g_autofree char *key = peer_key (peer);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->peers, key));

  if (g_hash_table_size (self->connections) >= VMP_LIMIT_CONNECTIONS)
    {
      turn_away (fd, "Vampire serves as many connections as it can; try again in a moment.");
      return;
    }
  if (n >= VMP_LIMIT_CONNECTIONS_PER_PEER)
    {
      turn_away (fd, "Too many connections from one address; let some end before opening more.");
      return;
    }

  g_hash_table_insert (self->peers, g_steal_pointer (&key), GUINT_TO_POINTER (n + 1));
  g_hash_table_add (self->connections, vmp_connection_new (&self->serving, fd, local, peer));
  if (self->sweep.due == 0)
    vmp_poll_set_timer (self->poll, &self->sweep, g_get_monotonic_time () + VMP_LIMIT_SWEEP_MS * 1000, sweep_cb, self);
}

typedef void (*ConnectionFunc) (VmpConnection *connection);

/* Calls @func for all connections that are there now; it may close them. */
static void
for_each_connection (VmpGateway    *self,
                     ConnectionFunc func)
{
  guint n;
  g_autofree gpointer *all = g_hash_table_get_keys_as_array (self->connections, &n);
  guint i;

  for (i = 0; i < n; i++)
    {
      if (g_hash_table_contains (self->connections, all[i]))
        func (all[i]);
    }
}

static void
sweep_connection (VmpConnection *connection)
{
  vmp_connection_sweep (connection, g_get_monotonic_time ());
}

/* A burst of streams leaves the heap full of holes; a program that sits in the tray all day should not keep them. */
static void
give_memory_back (void)
{
#ifdef __GLIBC__
  if (mallinfo2 ().fordblks > IDLE_HEAP_BYTES)
    malloc_trim (0);
#endif
}

static void
sweep_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  for_each_connection (self, sweep_connection);
  if (vmp_relay_get_active (self->relay) == 0)
    give_memory_back ();
  if (g_hash_table_size (self->connections) > 0)
    vmp_poll_set_timer (self->poll, &self->sweep, g_get_monotonic_time () + VMP_LIMIT_SWEEP_MS * 1000, sweep_cb, self);
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

VmpGateway *
vmp_gateway_new (VmpSettings  *settings,
                 GMainContext *context)
{
  VmpGateway *self = g_new0 (VmpGateway, 1);

  keep_heap_small ();
  self->context = context != NULL ? g_main_context_ref (context) : g_main_context_ref (g_main_context_default ());
  self->settings = vmp_settings_ref (settings);
  self->instance = g_uuid_string_random ();
  self->started = g_get_monotonic_time ();
  self->connections = g_hash_table_new (NULL, NULL);
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->default_node = vmp_node_new (settings->default_base_url);
  self->serving.funcs = &serving_funcs;
  self->serving.user_data = self;
  self->serving.max_body_bytes = settings->max_body_bytes;

  return self;
}

gboolean
vmp_gateway_start (VmpGateway *self,
                   GError    **error)
{
  const char *host = self->settings->host;

  g_return_val_if_fail (self->listener == NULL, FALSE);

  if (self->poll == NULL)
    {
      self->poll = vmp_poll_new (self->context);
      if (self->poll == NULL)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
                               "No file descriptor is left to listen with.");
          return FALSE;
        }
      self->serving.poll = self->poll;
      self->upstream = vmp_upstream_new (self->poll);
      self->relay = vmp_relay_new (self->upstream);
      self->control = vmp_surface_control_new (self);
    }

  self->listener = vmp_listener_new (self->poll, host, self->settings->port, accepted_cb, self, error);
  if (self->listener == NULL)
    return FALSE;

  self->url = g_strdup_printf ("http://%s", vmp_listener_get_addresses (self->listener)[0]);

  return TRUE;
}

void
vmp_gateway_unref (VmpGateway *self)
{
  if (self->poll != NULL)
    {
      self->stopped = NULL;
      g_clear_pointer (&self->listener, vmp_listener_free);
      for_each_connection (self, vmp_connection_kill);
      vmp_surface_control_free (self->control);
      vmp_relay_free (self->relay);
      vmp_upstream_free (self->upstream);
      vmp_poll_clear_timer (self->poll, &self->sweep);
      vmp_poll_clear_timer (self->poll, &self->drain_timer);
      vmp_poll_free (self->poll);
    }

  vmp_node_unref (self->default_node);
  g_hash_table_unref (self->connections);
  g_hash_table_unref (self->peers);
  vmp_settings_unref (self->settings);
  g_main_context_unref (self->context);
  g_free (self->instance);
  g_free (self->url);
  g_free (self);
}

void
vmp_gateway_apply_settings (VmpGateway  *self,
                            VmpSettings *settings)
{
  if (!g_str_equal (settings->default_base_url, vmp_node_get_base_url (self->default_node)->text))
    {
      vmp_node_unref (self->default_node);
      self->default_node = vmp_node_new (settings->default_base_url);
    }
  self->serving.max_body_bytes = settings->max_body_bytes;
  vmp_settings_ref (settings);
  vmp_settings_unref (self->settings);
  self->settings = settings;
}

static void
drain_timer_cb (gpointer user_data)
{
  VmpGateway *self = user_data;

  if (!self->answers_ended)
    {
      self->answers_ended = TRUE;
      vmp_relay_shut_down (self->relay);
      vmp_poll_set_timer (self->poll, &self->drain_timer, g_get_monotonic_time () + FAREWELL_MS * 1000, drain_timer_cb,
                          self);
      return;
    }

  for_each_connection (self, vmp_connection_kill);
}

void
vmp_gateway_drain (VmpGateway       *self,
                   VmpGatewayStopped callback,
                   gpointer          user_data)
{
  g_return_if_fail (self->poll != NULL && !self->serving.draining);

  self->stopped = callback;
  self->stopped_data = user_data;
  self->serving.draining = TRUE;
  g_clear_pointer (&self->listener, vmp_listener_free);
  vmp_poll_set_timer (self->poll, &self->drain_timer, g_get_monotonic_time () + VMP_LIMIT_DRAIN_MS * 1000,
                      drain_timer_cb, self);

  if (g_hash_table_size (self->connections) == 0)
    finish_drain (self);
  else
    for_each_connection (self, vmp_connection_drain);
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
  static const char * const none[] = { NULL };

  return self->listener != NULL ? vmp_listener_get_addresses (self->listener) : none;
}

VmpNode *
vmp_gateway_get_default_node (VmpGateway *self)
{
  return self->default_node;
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

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the doors.
 */

#include "gateway/vmp-doors.h"

#include "gateway/vmp-access.h"
#include "gateway/vmp-connection.h"
#include "gateway/vmp-gateway-private.h"
#include "gateway/vmp-listener.h"
#include "gateway/vmp-surface-openai.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* So much free heap is kept for the next requests. */
#define IDLE_HEAP_BYTES (2 * 1024 * 1024)

struct _VmpDoors {
  VmpGateway *gateway;
  VmpListener *listener;
  VmpListener *shared;
  gboolean lets_in;        /* at either */
  char *trouble;
  char **shared_wanted;    /* the addresses that @shared was made for; NULL: closed */
  VmpServing serving;
  GHashTable *connections; /* set of VmpConnection */
  GHashTable *peers;       /* address as text -> number of its connections */
  VmpTimer sweep;
  VmpDoorsEmpty empty;
  gpointer empty_data;
};

static void sweep_cb (gpointer user_data);

/* -- Who is let in --------------------------------------------------------------------------- */

static VmpDoor
door_of (VmpConnection *connection)
{
  GSocketAddress *local = vmp_connection_get_local_address (connection);
  GInetAddress *address = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (local));

  if (vmp_connection_is_shared (connection))
    return VMP_DOOR_SHARED;

  return g_inet_address_get_is_loopback (address) ? VMP_DOOR_LOOPBACK : VMP_DOOR_HOST;
}

static gboolean
serving_admit (gpointer           user_data,
               VmpConnection     *connection,
               const VmpHttpHead *head)
{
  VmpDoors *self = user_data;
  VmpGateway *gateway = self->gateway;
  const VmpAccessRules rules = {
    .settings = gateway->settings,
    .door = door_of (connection),
    .sharing = vmp_share_is_open (gateway->share),
    .owner_token = gateway->owner_token,
    .keys = gateway->keys,
  };
  VmpHttpField fields[VMP_ACCESS_PREFLIGHT_FIELDS];
  VmpAccessVerdict verdict;
  VmpAccess access = vmp_access_check (&rules, head, &verdict);
  guint n;

  vmp_connection_set_cors_origin (connection, verdict.cors_origin);
  vmp_connection_set_key (connection, verdict.key != NULL ? verdict.key->id : NULL);
  if (rules.door == VMP_DOOR_HOST && verdict.key != NULL)
    vmp_connection_set_shared (connection);
  if (access == VMP_ACCESS_REFUSED)
    {
      vmp_connection_problem (connection, verdict.problem, verdict.message);
      return FALSE;
    }
  if (access == VMP_ACCESS_PREFLIGHT)
    {
      n = vmp_access_preflight_fields (head, fields);
      vmp_connection_empty (connection, 204, VMP_SLICE_LITERAL ("No Content"), fields, n);
      return FALSE;
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

/* What let a request in may have ended while its body came. */
static gboolean
is_still_welcome (VmpDoors      *self,
                  VmpConnection *connection)
{
  const char *key = vmp_connection_get_key (connection);

  return (key == NULL || vmp_client_keys_find (self->gateway->keys, key) != NULL)
         && (!vmp_connection_is_shared (connection) || vmp_share_is_open (self->gateway->share));
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
  VmpDoors *self = user_data;

  if (!is_still_welcome (self, connection))
    vmp_connection_problem (connection, VMP_PROBLEM_REVOKED, "The owner of this computer has ended the access.");
  else if (!vmp_access_is_data_path (request->head.path))
    vmp_surface_control_answer (self->gateway->control, connection, request);
  else if (!is_relayed_method (request->head.method))
    vmp_connection_problem (connection, VMP_PROBLEM_METHOD,
                            "The API takes GET, HEAD, POST, PUT, PATCH and DELETE; there is no other method.");
  else
    vmp_surface_openai_answer (self->gateway, connection, request);
}

/* -- Connections --------------------------------------------------------------------------- */

static char *
peer_key (GSocketAddress *peer)
{
  return g_inet_address_to_string (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (peer)));
}

static void
check_empty (VmpDoors *self)
{
  VmpDoorsEmpty empty = self->empty;

  if (!self->serving.draining || g_hash_table_size (self->connections) > 0)
    return;

  self->empty = NULL;
  if (empty != NULL)
    empty (self->empty_data);
}

static void
serving_closed (gpointer       user_data,
                VmpConnection *connection)
{
  VmpDoors *self = user_data;
  g_autofree char *key = peer_key (vmp_connection_get_peer_address (connection));
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->peers, key));

  if (n > 1)
    g_hash_table_insert (self->peers, g_steal_pointer (&key), GUINT_TO_POINTER (n - 1));
  else
    g_hash_table_remove (self->peers, key);
  g_hash_table_remove (self->connections, connection);

  if (self->listener != NULL)
    vmp_listener_resume (self->listener);
  if (self->shared != NULL)
    vmp_listener_resume (self->shared);
  check_empty (self);
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
take_in (VmpDoors       *self,
         int             fd,
         GSocketAddress *local,
         GSocketAddress *peer,
         gboolean        is_shared)
{
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
  g_hash_table_add (self->connections, vmp_connection_new (&self->serving, fd, local, peer, is_shared));
  if (self->sweep.due == 0)
    vmp_poll_set_timer (self->gateway->poll, &self->sweep, g_get_monotonic_time () + VMP_LIMIT_SWEEP_MS * 1000,
                        sweep_cb, self);
}

static void
accepted_cb (gpointer        user_data,
             int             fd,
             GSocketAddress *local,
             GSocketAddress *peer)
{
  take_in (user_data, fd, local, peer, FALSE);
}

static void
accepted_shared_cb (gpointer        user_data,
                    int             fd,
                    GSocketAddress *local,
                    GSocketAddress *peer)
{
  take_in (user_data, fd, local, peer, TRUE);
}

typedef void (*ConnectionFunc) (VmpConnection *connection,
                                gconstpointer  data);

/* Calls @func for all connections that are there now; it may close them. */
static void
for_each_connection (VmpDoors      *self,
                     ConnectionFunc func,
                     gconstpointer  data)
{
  guint n;
  g_autofree gpointer *all = g_hash_table_get_keys_as_array (self->connections, &n);
  guint i;

  for (i = 0; i < n; i++)
    {
      if (g_hash_table_contains (self->connections, all[i]))
        func (all[i], data);
    }
}

static void
sweep_connection (VmpConnection *connection,
                  gconstpointer  data)
{
  vmp_connection_sweep (connection, g_get_monotonic_time ());
}

static void
drain_connection (VmpConnection *connection,
                  gconstpointer  data)
{
  vmp_connection_drain (connection);
}

static void
kill_connection (VmpConnection *connection,
                 gconstpointer  data)
{
  vmp_connection_kill (connection);
}

static void
dismiss_if_shared (VmpConnection *connection,
                   gconstpointer  data)
{
  if (vmp_connection_is_shared (connection))
    vmp_connection_dismiss (connection);
}

static void
dismiss_if_keyed (VmpConnection *connection,
                  gconstpointer  data)
{
  if (g_strcmp0 (vmp_connection_get_key (connection), data) == 0)
    vmp_connection_dismiss (connection);
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
  VmpDoors *self = user_data;

  for_each_connection (self, sweep_connection, NULL);
  if (vmp_relay_get_active (self->gateway->relay) == 0)
    give_memory_back ();
  if (g_hash_table_size (self->connections) > 0)
    vmp_poll_set_timer (self->gateway->poll, &self->sweep, g_get_monotonic_time () + VMP_LIMIT_SWEEP_MS * 1000,
                        sweep_cb, self);
}

/* -- The door for other computers ------------------------------------------------------------ */

static gboolean
call_is_shared (const VmpCall *call,
                const VmpNode *node,
                gconstpointer  what)
{
  return call->is_shared;
}

static gboolean
call_has_key (const VmpCall *call,
              const VmpNode *node,
              gconstpointer  what)
{
  return g_strcmp0 (call->client_key, what) == 0;
}

static gboolean
call_is_out_of_scope (const VmpCall *call,
                      const VmpNode *node,
                      gconstpointer  model)
{
  return call->is_shared && g_strcmp0 (call->model, model) != 0;
}

/* The addresses that other computers of this one's networks can reach, if the settings name none. */
static char **
private_addresses (void)
{
  g_autoptr (GPtrArray) own = vmp_interfaces_list ();
  g_autoptr (GPtrArray) addresses = g_ptr_array_new ();
  guint i;

  for (i = 0; i < own->len; i++)
    {
      const VmpInterfaceAddress *entry = g_ptr_array_index (own, i);
      VmpScope scope = vmp_scope_of (entry->address);

      if (scope == VMP_SCOPE_PRIVATE || scope == VMP_SCOPE_SHARED)
        g_ptr_array_add (addresses, g_inet_address_to_string (entry->address));
    }
  g_ptr_array_add (addresses, NULL);

  return (char **) g_ptr_array_free (g_steal_pointer (&addresses), FALSE);
}

static void
set_trouble (VmpDoors *self,
             char     *trouble)
{
  if (trouble != NULL && g_strcmp0 (trouble, self->trouble) != 0)
    g_warning ("Other computers cannot connect: %s", trouble);
  g_free (self->trouble);
  self->trouble = trouble;
}

static void
close_shared (VmpDoors *self)
{
  if (self->shared_wanted != NULL)
    g_message ("Sharing has ended; other computers cannot connect any more");
  g_clear_pointer (&self->shared_wanted, g_strfreev);
  g_clear_pointer (&self->shared, vmp_listener_free);
  set_trouble (self, NULL);

  vmp_relay_revoke (self->gateway->relay, call_is_shared, NULL, "The owner of this computer has ended the sharing.");
  for_each_connection (self, dismiss_if_shared, NULL);
}

/* An address of the network in the setting host is listened on anyhow. */
static gboolean
host_is_loopback (const VmpSettings *settings)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (settings->host);

  return address == NULL || g_inet_address_get_is_loopback (address);
}

static void
open_shared (VmpDoors *self,
             char    **wanted)
{
  g_autofree char *trouble = NULL;
  g_autofree char *list = NULL;

  g_clear_pointer (&self->shared, vmp_listener_free);
  self->shared_wanted = wanted;
  if (wanted[0] == NULL)
    {
      set_trouble (self, g_strdup ("This computer has no address on a private network; name one in the setting "
                                   "share_address."));
      return;
    }

  self->shared = vmp_listener_new_on (self->gateway->poll, (const char * const *) wanted,
                                      vmp_listener_get_port (self->listener), accepted_shared_cb, self, &trouble);
  set_trouble (self, g_steal_pointer (&trouble));
  if (self->shared == NULL)
    return;

  vmp_listener_hold (self->shared, !self->lets_in);
  list = g_strjoinv (", ", (char **) vmp_listener_get_addresses (self->shared));
  g_message ("Other computers can connect to %s, each with a client key", list);
}

void
vmp_doors_update_shared (VmpDoors *self)
{
  const VmpSettings *settings = self->gateway->settings;
  const char *model = vmp_share_get_model (self->gateway->share);
  g_auto (GStrv) wanted = NULL;

  if (self->listener == NULL || self->serving.draining)
    return;
  if (!vmp_share_is_open (self->gateway->share))
    {
      close_shared (self);
      return;
    }
  if (model != NULL)
    vmp_relay_revoke (self->gateway->relay, call_is_out_of_scope, model,
                      "The owner of this computer does not share this model any more.");
  if (!host_is_loopback (self->gateway->started_with))
    return;

  wanted = settings->share_addresses[0] != NULL ? g_strdupv (settings->share_addresses) : private_addresses ();
  if (self->shared_wanted != NULL && self->trouble == NULL
      && g_strv_equal ((const char * const *) wanted, (const char * const *) self->shared_wanted))
    return;

  g_clear_pointer (&self->shared_wanted, g_strfreev);
  open_shared (self, g_steal_pointer (&wanted));
}

void
vmp_doors_dismiss_key (VmpDoors   *self,
                       const char *key_id)
{
  vmp_relay_revoke (self->gateway->relay, call_has_key, key_id, "The owner of this computer has revoked this key.");
  for_each_connection (self, dismiss_if_keyed, key_id);
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpDoors *
vmp_doors_new (VmpGateway *gateway)
{
  VmpDoors *self = g_new0 (VmpDoors, 1);

  self->gateway = gateway;
  self->connections = g_hash_table_new (NULL, NULL);
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->serving.funcs = &serving_funcs;
  self->serving.user_data = self;
  self->serving.poll = gateway->poll;
  self->serving.max_body_bytes = gateway->settings->max_body_bytes;

  return self;
}

void
vmp_doors_free (VmpDoors *self)
{
  self->empty = NULL;
  g_clear_pointer (&self->listener, vmp_listener_free);
  g_clear_pointer (&self->shared, vmp_listener_free);
  vmp_doors_kill (self);
  vmp_poll_clear_timer (self->gateway->poll, &self->sweep);
  g_clear_pointer (&self->shared_wanted, g_strfreev);
  g_hash_table_unref (self->connections);
  g_hash_table_unref (self->peers);
  g_free (self->trouble);
  g_free (self);
}

gboolean
vmp_doors_open (VmpDoors *self,
                GError  **error)
{
  const VmpSettings *settings = self->gateway->settings;

  self->listener = vmp_listener_new (self->gateway->poll, settings->host, settings->port, accepted_cb, self, error);
  if (self->listener == NULL)
    return FALSE;

  vmp_listener_hold (self->listener, !self->lets_in);

  return TRUE;
}

void
vmp_doors_let_in (VmpDoors *self)
{
  self->lets_in = TRUE;
  if (self->listener != NULL)
    vmp_listener_hold (self->listener, FALSE);
  if (self->shared != NULL)
    vmp_listener_hold (self->shared, FALSE);
}

void
vmp_doors_settings_changed (VmpDoors *self)
{
  self->serving.max_body_bytes = self->gateway->settings->max_body_bytes;
  vmp_doors_update_shared (self);
}

void
vmp_doors_drain (VmpDoors     *self,
                 VmpDoorsEmpty empty,
                 gpointer      user_data)
{
  self->empty = empty;
  self->empty_data = user_data;
  self->serving.draining = TRUE;
  g_clear_pointer (&self->listener, vmp_listener_free);
  g_clear_pointer (&self->shared, vmp_listener_free);

  if (g_hash_table_size (self->connections) == 0)
    check_empty (self);
  else
    for_each_connection (self, drain_connection, NULL);
}

void
vmp_doors_kill (VmpDoors *self)
{
  for_each_connection (self, kill_connection, NULL);
}

static const char * const *
addresses_of (VmpListener *listener)
{
  static const char * const none[] = { NULL };

  return listener != NULL ? vmp_listener_get_addresses (listener) : none;
}

const char * const *
vmp_doors_get_addresses (VmpDoors *self)
{
  return addresses_of (self->listener);
}

const char * const *
vmp_doors_get_shared_addresses (VmpDoors *self)
{
  return addresses_of (self->shared);
}

guint16
vmp_doors_get_port (VmpDoors *self)
{
  return self->listener != NULL ? vmp_listener_get_port (self->listener) : 0;
}

const char *
vmp_doors_get_trouble (VmpDoors *self)
{
  return self->trouble;
}

guint
vmp_doors_count_shared (VmpDoors *self)
{
  GHashTableIter iter;
  gpointer connection;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    {
      if (vmp_connection_is_shared (connection))
        n++;
    }

  return n;
}

static void
guest_free (gpointer data)
{
  VmpGuest *self = data;

  g_free (self->id);
  g_free (self->address);
  g_free (self->key);
  g_free (self);
}

static int
compare_guests (gconstpointer a,
                gconstpointer b)
{
  const VmpGuest *one = *(const VmpGuest * const *) a;
  const VmpGuest *other = *(const VmpGuest * const *) b;

  if (one->since != other->since)
    return one->since < other->since ? -1 : 1;

  return strcmp (one->id, other->id);
}

GPtrArray *
vmp_doors_list_guests (VmpDoors *self)
{
  GPtrArray *guests = g_ptr_array_new_with_free_func (guest_free);
  g_autoptr (GHashTable) by_id = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer connection;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    {
      const char *key = vmp_connection_get_key (connection);
      g_autofree char *address = NULL;
      g_autofree char *id = NULL;
      VmpGuest *guest;

      if (!vmp_connection_is_shared (connection) || key == NULL || vmp_connection_is_dismissed (connection))
        continue;

      address = peer_key (vmp_connection_get_peer_address (connection));
      id = g_strconcat (address, " ", key, NULL);
      guest = g_hash_table_lookup (by_id, id);
      if (guest == NULL)
        {
          guest = g_new0 (VmpGuest, 1);
          guest->id = g_steal_pointer (&id);
          guest->address = g_steal_pointer (&address);
          guest->key = g_strdup (key);
          guest->since = G_MAXINT64;
          g_ptr_array_add (guests, guest);
          g_hash_table_insert (by_id, guest->id, guest);
        }
      guest->since = MIN (guest->since, vmp_connection_get_since (connection));
      guest->connections++;
      guest->active_requests += vmp_connection_is_answering (connection);
    }
  g_ptr_array_sort (guests, compare_guests);

  return guests;
}

guint
vmp_doors_count_guests (VmpDoors *self)
{
  g_autoptr (GPtrArray) guests = vmp_doors_list_guests (self);

  return guests->len;
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpListener.
 */

#include "gateway/vmp-listener.h"

#include "core/vmp-limits.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections accepted before others get their turn. */
#define ACCEPTS_AT_ONCE 64

/* How often another free port is tried when it is taken on the second address. */
#define PORT_TRIES 16

typedef struct {
  VmpListener *listener;
  GSocket *socket;
  GSocketAddress *address;
  VmpWatch watch;
} Door;

struct _VmpListener {
  VmpPoll *poll;
  VmpListenerAccepted accepted;
  gpointer user_data;
  GPtrArray *doors;     /* of Door */
  GPtrArray *addresses; /* of char, NULL-terminated */
  guint16 port;
  gboolean held;      /* nobody is let in yet */
  gboolean suspended;
  gboolean exhausted; /* no descriptor was left when it was last tried */
  VmpTimer retry;
};

static void
door_free (gpointer data)
{
  Door *door = data;

  vmp_poll_unwatch (door->listener->poll, &door->watch);
  g_clear_object (&door->address);
  g_clear_object (&door->socket);
  g_free (door);
}

static void
update_watches (VmpListener *self)
{
  VmpPollEvents events = self->held || self->suspended ? VMP_POLL_NONE : VMP_POLL_IN;
  guint i;

  for (i = 0; i < self->doors->len; i++)
    {
      Door *door = g_ptr_array_index (self->doors, i);

      vmp_poll_change (self->poll, &door->watch, events);
    }
}

static void
retry_cb (gpointer user_data)
{
  vmp_listener_resume (user_data);
}

/* Until a client leaves, or somebody else gives descriptors back, which nobody tells. */
static void
suspend (VmpListener *self)
{
  self->suspended = TRUE;
  vmp_poll_set_timer (self->poll, &self->retry, g_get_monotonic_time () + VMP_LIMIT_SWEEP_MS * 1000, retry_cb, self);
  update_watches (self);
  if (!self->exhausted)
    g_warning ("No file descriptor is left for another client; new ones wait until one is free");
  self->exhausted = TRUE;
}

void
vmp_listener_resume (VmpListener *self)
{
  if (!self->suspended)
    return;

  self->suspended = FALSE;
  vmp_poll_clear_timer (self->poll, &self->retry);
  update_watches (self);
}

void
vmp_listener_hold (VmpListener *self,
                   gboolean     held)
{
  self->held = held;
  update_watches (self);
}

static void
door_ready_cb (VmpPollEvents events,
               gpointer      user_data)
{
  Door *door = user_data;
  VmpListener *self = door->listener;
  int i;

  for (i = 0; i < ACCEPTS_AT_ONCE; i++)
    {
      struct sockaddr_storage address;
      socklen_t len = sizeof address;
      g_autoptr (GSocketAddress) peer = NULL;
      int fd = accept4 (g_socket_get_fd (door->socket), (struct sockaddr *) &address, &len,
                        SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd < 0)
        {
          if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            suspend (self);
          if (errno == EINTR || errno == ECONNABORTED)
            continue;
          return;
        }

      self->exhausted = FALSE;
      peer = g_socket_address_new_from_native (&address, len);
      if (peer == NULL)
        close (fd);
      else
        self->accepted (self->user_data, fd, door->address, peer);
    }
}

/* The sentence for a bind that failed. */
static void
explain (GError    **error,
         const char *address,
         guint16     port)
{
  if (g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    {
      g_clear_error (error);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                   "Port %u on %s is already in use, perhaps by a Vampire that is running; stop that program or choose "
                   "another port with --port.", port, address);
    }
  else if (g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    {
      g_clear_error (error);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "This user may not listen on port %u; choose one above 1023 with --port.", port);
    }
  else
    {
      g_prefix_error (error, "Cannot listen on %s, port %u: ", address, port);
    }
}

/* Whether the error says that the computer lacks this kind of address. */
static gboolean
is_missing_family (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE)
         || (error->domain == G_IO_ERROR && error->code == G_IO_ERROR_FAILED);
}

static gboolean
open_door (VmpListener *self,
           const char  *text,
           guint16      port,
           GError     **error)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);
  g_autoptr (GSocketAddress) wanted = NULL;
  g_autoptr (GSocket) gsocket = NULL;
  g_autoptr (GSocketAddress) bound = NULL;
  Door *door;

  g_return_val_if_fail (address != NULL, FALSE);

  wanted = g_inet_socket_address_new (address, port);
  gsocket = g_socket_new (g_inet_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
  if (gsocket == NULL)
    return FALSE;

  g_socket_set_blocking (gsocket, FALSE);
  g_socket_set_listen_backlog (gsocket, VMP_LIMIT_BACKLOG);
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6)
    g_socket_set_option (gsocket, IPPROTO_IPV6, IPV6_V6ONLY, 1, NULL);
  if (!g_socket_bind (gsocket, wanted, TRUE, error) || !g_socket_listen (gsocket, error))
    return FALSE;
  bound = g_socket_get_local_address (gsocket, error);
  if (bound == NULL)
    return FALSE;

  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  door = g_new0 (Door, 1);
  door->listener = self;
  door->socket = g_steal_pointer (&gsocket);
  door->address = g_steal_pointer (&bound);
  g_ptr_array_add (self->doors, door);
  g_ptr_array_add (self->addresses,
                   g_strdup_printf (strchr (text, ':') != NULL ? "[%s]:%u" : "%s:%u", text, self->port));

  return TRUE;
}

static void
close_doors (VmpListener *self)
{
  g_ptr_array_set_size (self->doors, 0);
  g_ptr_array_set_size (self->addresses, 0);
}

/* Opens the first address and, where it is there, the second one with the same port. */
static gboolean
open_doors (VmpListener *self,
            const char  *first,
            const char  *second,
            guint16      port,
            GError     **error)
{
  int tries = port == 0 ? PORT_TRIES : 1;

  while (tries-- > 0)
    {
      g_autoptr (GError) local_error = NULL;

      if (!open_door (self, first, port, &local_error))
        {
          explain (&local_error, first, port);
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      if (second == NULL || open_door (self, second, self->port, &local_error) || is_missing_family (local_error))
        return TRUE;

      if (tries == 0)
        {
          explain (&local_error, second, self->port);
          g_propagate_error (error, g_steal_pointer (&local_error));
        }
      close_doors (self);
    }

  return FALSE;
}

static VmpListener *
make_listener (VmpPoll            *poll,
               VmpListenerAccepted accepted,
               gpointer            user_data)
{
  VmpListener *self = g_new0 (VmpListener, 1);

  self->poll = poll;
  self->accepted = accepted;
  self->user_data = user_data;
  self->doors = g_ptr_array_new_with_free_func (door_free);
  self->addresses = g_ptr_array_new_with_free_func (g_free);

  return self;
}

static void
begin_to_accept (VmpListener *self)
{
  guint i;

  g_ptr_array_add (self->addresses, NULL);
  for (i = 0; i < self->doors->len; i++)
    {
      Door *door = g_ptr_array_index (self->doors, i);

      vmp_poll_watch (self->poll, &door->watch, g_socket_get_fd (door->socket), VMP_POLL_IN, door_ready_cb, door);
    }
}

VmpListener *
vmp_listener_new (VmpPoll            *poll,
                  const char         *host,
                  guint16             port,
                  VmpListenerAccepted accepted,
                  gpointer            user_data,
                  GError            **error)
{
  VmpListener *self = make_listener (poll, accepted, user_data);
  const char *first = host;
  const char *second = NULL;

  /* Programs that say "localhost" reach either, as their resolver likes. */
  if (g_str_equal (host, "localhost") || g_str_equal (host, "127.0.0.1"))
    {
      first = "127.0.0.1";
      second = "::1";
    }
  else if (g_str_equal (host, "::1"))
    {
      second = "127.0.0.1";
    }

  if (!open_doors (self, first, second, port, error))
    {
      vmp_listener_free (self);
      return NULL;
    }
  begin_to_accept (self);

  return self;
}

VmpListener *
vmp_listener_new_on (VmpPoll            *poll,
                     const char * const *addresses,
                     guint16             port,
                     VmpListenerAccepted accepted,
                     gpointer            user_data,
                     char              **trouble)
{
  VmpListener *self = make_listener (poll, accepted, user_data);
  guint i;

  *trouble = NULL;
  for (i = 0; addresses[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;

      if (open_door (self, addresses[i], port, &error))
        continue;
      explain (&error, addresses[i], port);
      if (*trouble == NULL)
        *trouble = g_strdup (error->message);
    }

  if (self->doors->len == 0)
    {
      vmp_listener_free (self);
      return NULL;
    }
  begin_to_accept (self);

  return self;
}

guint16
vmp_listener_get_port (VmpListener *self)
{
  return self->port;
}

void
vmp_listener_free (VmpListener *self)
{
  g_return_if_fail (self != NULL);

  vmp_poll_clear_timer (self->poll, &self->retry);
  g_ptr_array_unref (self->doors);
  g_ptr_array_unref (self->addresses);
  g_free (self);
}

const char * const *
vmp_listener_get_addresses (VmpListener *self)
{
  return (const char * const *) self->addresses->pdata;
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its listeners, which can be told not to listen, and all of
 * its connections.
 */

#include "sim-conn.h"
#include "sim-log.h"
#include "sim-stats.h"

#include <string.h>

#define BACKLOG 1024

typedef struct {
  SimHttp *http;
  GSocket *socket;
  GSource *source;          /* NULL: bound, but not listening */
  GSocketAddress *address;  /* with the port that it got */
  gboolean control;
} Listener;

struct _SimHttp {
  Sim *sim;
  GPtrArray *listeners;
  GQueue conns;             /* of SimConn */
  guint64 n_conns;
  SimTimer listen_again;
};

static gboolean
listener_readable (GSocket     *socket,
                   GIOCondition condition,
                   gpointer     data)
{
  Listener *listener = data;
  SimHttp *http = listener->http;
  SimConfig *config = http->sim->config;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GSocket) accepted = g_socket_accept (socket, NULL, &error);

      if (accepted == NULL)
        {
          if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            sim_log (http->sim, SIM_LOG_ERROR, NULL, "Cannot accept: %s", error->message);
          return G_SOURCE_CONTINUE;
        }
      if (!listener->control && config->refuse == SIM_REFUSE_ACCEPT)
        {
          sim_stats_add (http->sim->stats, SIM_COUNT_CONNECTIONS_REFUSED, 1);
          sim_conn_reset_on_close (accepted);
          if (config->refuse_count > 0 && --config->refuse_count == 0)
            config->refuse = SIM_REFUSE_OFF;
          continue;
        }
      sim_conn_new (http->sim, &http->conns, ++http->n_conns, g_steal_pointer (&accepted), listener->control);
    }
}

/* A fresh socket on the listener's address. Bound, it keeps the port: connects are refused until
 * it listens. */
static gboolean
listener_bind (Listener *self,
               GError  **error)
{
  g_autoptr (GSocket) socket = g_socket_new (g_socket_address_get_family (self->address), G_SOCKET_TYPE_STREAM,
                                             G_SOCKET_PROTOCOL_TCP, error);
  g_autoptr (GSocketAddress) bound = NULL;

  if (socket == NULL || !g_socket_bind (socket, self->address, TRUE, error))
    return FALSE;
  bound = g_socket_get_local_address (socket, error);
  if (bound == NULL)
    return FALSE;

  g_socket_set_blocking (socket, FALSE);
  g_socket_set_listen_backlog (socket, BACKLOG);
  g_set_object (&self->address, bound);
  g_set_object (&self->socket, socket);

  return TRUE;
}

static gboolean
listener_listen (Listener *self,
                 GError  **error)
{
  if (!g_socket_listen (self->socket, error))
    return FALSE;
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (listener_readable), self, NULL);
  g_source_attach (self->source, NULL);
  if (!self->control)
    sim_stats_add (self->http->sim->stats, SIM_COUNT_LISTENING, 1);

  return TRUE;
}

static void
listener_stop (Listener *self)
{
  if (self->source != NULL && !self->control)
    sim_stats_add (self->http->sim->stats, SIM_COUNT_LISTENING, -1);
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  if (self->socket != NULL)
    g_socket_close (self->socket, NULL);
}

static void
listener_free (Listener *self)
{
  listener_stop (self);
  g_clear_object (&self->socket);
  g_clear_object (&self->address);
  g_free (self);
}

guint16
sim_http_listen (SimHttp    *self,
                 const char *host,
                 guint16     port,
                 gboolean    control,
                 GError    **error)
{
  Listener *listener = g_new0 (Listener, 1);
  g_autoptr (GInetAddress) inet = NULL;

  g_ptr_array_add (self->listeners, listener);
  listener->http = self;
  listener->control = control;
  inet = g_inet_address_new_from_string (g_str_equal (host, "localhost") ? "127.0.0.1" : host);
  if (inet == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s is no IP address", host);
      return 0;
    }
  listener->address = g_inet_socket_address_new (inet, port);
  if (!listener_bind (listener, error) || !listener_listen (listener, error))
    return 0;

  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (listener->address));
}

static void
listen_again (gpointer data)
{
  SimHttp *self = data;

  self->sim->config->refuse = SIM_REFUSE_OFF;
  sim_http_apply_config (self);
}

void
sim_http_apply_config (SimHttp *self)
{
  SimConfig *config = self->sim->config;
  gboolean closed = config->refuse == SIM_REFUSE_CLOSED;

  for (guint i = 0; i < self->listeners->len; i++)
    {
      Listener *listener = self->listeners->pdata[i];
      g_autoptr (GError) error = NULL;

      if (listener->control || closed == (listener->source == NULL))
        continue;
      if (closed)
        {
          listener_stop (listener);
          listener_bind (listener, &error);
        }
      else
        listener_listen (listener, &error);
      if (error != NULL)
        sim_log (self->sim, SIM_LOG_ERROR, NULL, "Cannot %s: %s", closed ? "keep the port" : "listen again",
                 error->message);
    }

  if (closed && config->refuse_ms > 0)
    sim_timer_arm_ms (self->sim->timers, &self->listen_again, config->refuse_ms);
  else
    sim_timer_disarm (self->sim->timers, &self->listen_again);
}

void
sim_http_drop (SimHttp   *self,
               gboolean   idle_only,
               SimCloseBy by)
{
  for (GList *link = self->conns.head, *next; link != NULL; link = next)
    {
      SimConn *conn = link->data;

      next = link->next;
      if (!conn->is_counted || (idle_only && conn->exchange != NULL))
        continue;
      if (by == SIM_BY_RST)
        sim_conn_reset_on_close (conn->socket);
      sim_conn_free (conn, SIM_GONE_FAULT);
    }
}

SimHttp *
sim_http_new (Sim *sim)
{
  SimHttp *self = g_new0 (SimHttp, 1);

  self->sim = sim;
  self->listeners = g_ptr_array_new_with_free_func ((GDestroyNotify) listener_free);
  sim_timer_init (&self->listen_again, listen_again, self);

  return self;
}

void
sim_http_free (SimHttp *self)
{
  if (self == NULL)
    return;

  sim_timer_disarm (self->sim->timers, &self->listen_again);
  while (self->conns.head != NULL)
    sim_conn_free (self->conns.head->data, SIM_GONE_SHUTDOWN);
  g_ptr_array_unref (self->listeners);
  g_free (self);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the fake gateway: connections that are read from and written to asynchronously.
 */

#include "fake-gateway.h"

#include <string.h>

#define TURN_MS 100

#define NOT_FOUND \
  "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n" \
  "{\"error\":{\"message\":\"No such.\"}}"

/* Bytes that a flood keeps ready. */
#define FLOOD_BYTES (256 * 1024)

typedef struct {
  char *head_and_body; /* NULL: not known: 404 */
  char *flood;
  gboolean held;
  guint n_asked;
  char *last;
} Script;

struct _FakeGateway {
  GSocketService *service;
  guint16 port;
  char *url;
  GHashTable *scripts; /* "GET /path" -> Script */
  GQueue connections;  /* of Connection */
  guint n_events;
  guint64 bytes_out;
};

typedef struct {
  FakeGateway *gateway; /* NULL once it has hung up */
  GList link;
  GIOStream *stream;
  GCancellable *cancellable;
  GString *in;
  GString *out;
  char *request;        /* the last one; NULL: none yet */
  gboolean waits;       /* its answer is held */
  gboolean closes;      /* after what is in @out */
  const char *flood;
  gboolean writing;
  guint n_under_way;
  char bytes[16384];
} Connection;

static void read_more (Connection *self);
static void write_more (Connection *self);

/* -- Scripts ------------------------------------------------------------------------------- */

static void
script_free (gpointer data)
{
  Script *self = data;

  g_free (self->head_and_body);
  g_free (self->flood);
  g_free (self->last);
  g_free (self);
}

static Script *
get_script (FakeGateway *self,
            const char  *request)
{
  Script *script = g_hash_table_lookup (self->scripts, request);

  if (script == NULL)
    {
      script = g_new0 (Script, 1);
      g_hash_table_insert (self->scripts, g_strdup (request), script);
    }

  return script;
}

/* -- Connections --------------------------------------------------------------------------- */

static void
connection_close (Connection *self)
{
  if (self->gateway != NULL)
    {
      g_queue_unlink (&self->gateway->connections, &self->link);
      self->gateway = NULL;
      g_cancellable_cancel (self->cancellable);
    }
  if (self->n_under_way > 0)
    return;

  g_io_stream_close (self->stream, NULL, NULL);
  g_object_unref (self->stream);
  g_object_unref (self->cancellable);
  g_string_free (self->in, TRUE);
  g_string_free (self->out, TRUE);
  g_free (self->request);
  g_free (self);
}

static void
answer (Connection *self)
{
  Script *script = get_script (self->gateway, self->request);

  self->waits = script->held;
  if (self->waits)
    return;

  g_string_append (self->out, script->head_and_body != NULL ? script->head_and_body : NOT_FOUND);
  self->flood = script->flood;
  write_more (self);
}

/* Takes a whole request off what has come, if there is one. */
static void
look_for_request (Connection *self)
{
  const char *head_end = strstr (self->in->str, "\r\n\r\n");
  const char *field;
  char *end;
  gsize len;
  Script *script;

  if (head_end == NULL)
    return;

  len = head_end + strlen ("\r\n\r\n") - self->in->str;
  field = strstr (self->in->str, "\r\nContent-Length: ");
  if (field != NULL && field < head_end)
    len += g_ascii_strtoull (field + strlen ("\r\nContent-Length: "), NULL, 10);
  if (self->in->len < len)
    return;

  g_free (self->request);
  self->request = g_strndup (self->in->str, strcspn (self->in->str, "\r"));
  end = g_strrstr (self->request, " HTTP/");
  g_assert_nonnull (end);
  *end = '\0';
  end = strchr (self->request, '?');
  if (end != NULL && !g_hash_table_contains (self->gateway->scripts, self->request))
    *end = '\0';

  script = get_script (self->gateway, self->request);
  script->n_asked++;
  g_free (script->last);
  script->last = g_strndup (self->in->str, len);
  g_string_erase (self->in, 0, len);
  answer (self);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Connection *self = user_data;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  self->n_under_way--;
  if (self->gateway == NULL || n <= 0)
    {
      connection_close (self);
      return;
    }

  g_string_append_len (self->in, self->bytes, n);
  look_for_request (self);
  read_more (self);
}

static void
read_more (Connection *self)
{
  self->n_under_way++;
  g_input_stream_read_async (g_io_stream_get_input_stream (self->stream), self->bytes, sizeof self->bytes,
                             G_PRIORITY_DEFAULT, self->cancellable, read_cb, self);
}

static void
write_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Connection *self = user_data;
  gssize n = g_output_stream_write_finish (G_OUTPUT_STREAM (source), result, NULL);

  self->n_under_way--;
  self->writing = FALSE;
  if (self->gateway == NULL || n < 0)
    {
      connection_close (self);
      return;
    }

  self->gateway->bytes_out += n;
  g_string_erase (self->out, 0, n);
  write_more (self);
}

static void
write_more (Connection *self)
{
  while (self->flood != NULL && self->out->len < FLOOD_BYTES)
    g_string_append (self->out, self->flood);
  if (self->writing || self->out->len == 0)
    {
      if (!self->writing && self->closes)
        g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->stream)), FALSE, TRUE, NULL);
      return;
    }

  self->writing = TRUE;
  self->n_under_way++;
  g_output_stream_write_async (g_io_stream_get_output_stream (self->stream), self->out->str, self->out->len,
                               G_PRIORITY_DEFAULT, self->cancellable, write_cb, self);
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *stream,
             GObject           *source,
             gpointer           user_data)
{
  FakeGateway *gateway = user_data;
  Connection *self = g_new0 (Connection, 1);

  self->gateway = gateway;
  self->link.data = self;
  self->stream = G_IO_STREAM (g_object_ref (stream));
  self->cancellable = g_cancellable_new ();
  self->in = g_string_new (NULL);
  self->out = g_string_new (NULL);
  g_queue_push_tail_link (&gateway->connections, &self->link);
  read_more (self);

  return TRUE;
}

/* -- Public -------------------------------------------------------------------------------- */

FakeGateway *
fake_gateway_new (guint16 port)
{
  FakeGateway *self = g_new0 (FakeGateway, 1);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", port);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  self->scripts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, script_free);
  self->service = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), address, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  self->url = g_strdup_printf ("http://127.0.0.1:%u", self->port);
  g_signal_connect (self->service, "incoming", G_CALLBACK (incoming_cb), self);
  fake_gateway_answer_raw (self, FAKE_EVENTS, FAKE_STREAM_HEAD ": vampire\n\n");

  return self;
}

void
fake_gateway_free (FakeGateway *self)
{
  g_signal_handlers_disconnect_by_data (self->service, self);
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  fake_gateway_hang_up (self, NULL);
  g_object_unref (self->service);
  g_hash_table_unref (self->scripts);
  g_free (self->url);
  g_free (self);
}

guint16
fake_gateway_get_port (FakeGateway *self)
{
  return self->port;
}

const char *
fake_gateway_get_url (FakeGateway *self)
{
  return self->url;
}

void
fake_gateway_answer (FakeGateway *self,
                     const char  *request,
                     guint        status,
                     const char  *body)
{
  g_autofree char *text = g_strdup_printf ("HTTP/1.1 %u Said\r\nContent-Type: application/json\r\n"
                                           "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s", status, strlen (body),
                                           body);

  fake_gateway_answer_raw (self, request, text);
}

void
fake_gateway_answer_raw (FakeGateway *self,
                         const char  *request,
                         const char  *text)
{
  Script *script = get_script (self, request);

  g_free (script->head_and_body);
  script->head_and_body = g_strdup (text);
}

void
fake_gateway_flood (FakeGateway *self,
                    const char  *request,
                    const char  *piece)
{
  Script *script = get_script (self, request);

  g_free (script->flood);
  script->flood = g_strdup (piece);
}

void
fake_gateway_hold (FakeGateway *self,
                   const char  *request)
{
  get_script (self, request)->held = TRUE;
}

void
fake_gateway_let_go (FakeGateway *self,
                     const char  *request)
{
  get_script (self, request)->held = FALSE;
  for (GList *link = self->connections.head; link != NULL; link = link->next)
    {
      Connection *connection = link->data;

      if (connection->waits && g_strcmp0 (connection->request, request) == 0)
        answer (connection);
    }
}

void
fake_gateway_send (FakeGateway *self,
                   const char  *request,
                   const char  *text)
{
  for (GList *link = self->connections.head; link != NULL; link = link->next)
    {
      Connection *connection = link->data;

      if (g_strcmp0 (connection->request, request) == 0)
        {
          g_string_append (connection->out, text);
          write_more (connection);
        }
    }
}

void
fake_gateway_send_event (FakeGateway *self,
                         const char  *type,
                         const char  *data)
{
  g_autofree char *text = g_strdup_printf ("id: fake-%u\nevent: %s\ndata: %s\n\n", ++self->n_events, type, data);

  fake_gateway_send (self, FAKE_EVENTS, text);
}

void
fake_gateway_finish (FakeGateway *self,
                     const char  *request)
{
  for (GList *link = self->connections.head; link != NULL; link = link->next)
    {
      Connection *connection = link->data;

      if (g_strcmp0 (connection->request, request) == 0)
        {
          connection->closes = TRUE;
          write_more (connection);
        }
    }
}

void
fake_gateway_hang_up (FakeGateway *self,
                      const char  *request)
{
  GList *link;
  GList *next;

  for (link = self->connections.head; link != NULL; link = next)
    {
      Connection *connection = link->data;

      next = link->next;
      if (request == NULL || g_strcmp0 (connection->request, request) == 0)
        connection_close (connection);
    }
}

guint
fake_gateway_count (FakeGateway *self,
                    const char  *request)
{
  return get_script (self, request)->n_asked;
}

guint
fake_gateway_count_open (FakeGateway *self,
                         const char  *request)
{
  guint n = 0;

  for (GList *link = self->connections.head; link != NULL; link = link->next)
    n += g_strcmp0 (((Connection *) link->data)->request, request) == 0;

  return n;
}

guint64
fake_gateway_get_bytes_out (FakeGateway *self)
{
  return self->bytes_out;
}

const char *
fake_gateway_get_request (FakeGateway *self,
                          const char  *request)
{
  return get_script (self, request)->last;
}

static gboolean
turn_cb (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

void
fake_gateway_iterate (void)
{
  guint turn = g_timeout_add (TURN_MS, turn_cb, NULL);

  g_main_context_iteration (NULL, TRUE);
  g_source_remove (turn);
}

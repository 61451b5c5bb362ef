/* SPDX-License-Identifier: MIT
 *
 * Implementation of the stub: blocking sockets, and queues between its threads and the test's.
 */

#include "stub-gateway.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* Seconds to wait for a request before the test has failed. */
#define PATIENCE 20

/* -- Queues -------------------------------------------------------------------------------- */

/* Not GLib's, whose locks ThreadSanitizer cannot see. */
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  GQueue items;
} Channel;

static void
channel_init (Channel *self)
{
  pthread_mutex_init (&self->mutex, NULL);
  pthread_cond_init (&self->changed, NULL);
  g_queue_init (&self->items);
}

static void
channel_clear (Channel       *self,
               GDestroyNotify free_item)
{
  g_queue_clear_full (&self->items, free_item);
  pthread_cond_destroy (&self->changed);
  pthread_mutex_destroy (&self->mutex);
}

static void
channel_push (Channel *self,
              gpointer item)
{
  pthread_mutex_lock (&self->mutex);
  g_queue_push_tail (&self->items, item);
  pthread_cond_signal (&self->changed);
  pthread_mutex_unlock (&self->mutex);
}

/* NULL after so many seconds; 0: waits for ever */
static gpointer
channel_pop (Channel *self,
             guint    seconds)
{
  struct timespec until;
  gpointer item;
  int fault = 0;

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_sec += seconds;

  pthread_mutex_lock (&self->mutex);
  while (g_queue_is_empty (&self->items) && fault != ETIMEDOUT)
    {
      if (seconds > 0)
        fault = pthread_cond_timedwait (&self->changed, &self->mutex, &until);
      else
        pthread_cond_wait (&self->changed, &self->mutex);
    }
  item = g_queue_pop_head (&self->items);
  pthread_mutex_unlock (&self->mutex);

  return item;
}

static guint
channel_length (Channel *self)
{
  guint length;

  pthread_mutex_lock (&self->mutex);
  length = g_queue_get_length (&self->items);
  pthread_mutex_unlock (&self->mutex);

  return length;
}

/* -- The stub ------------------------------------------------------------------------------ */

struct _StubGateway {
  GSocketListener *listener;
  GCancellable *cancellable;
  GThread *acceptor;
  GPtrArray *threads;       /* of the acceptor, until it has ended */
  guint16 port;
  char *url;
  Channel answers;          /* of char *: the whole text; a stream's has no length; "" ends the connection */
  Channel requests;         /* of StubRequest */
  Channel stream;           /* of char *: what is to be sent on it; "" ends it */
};

typedef struct {
  StubGateway *gateway;
  GSocketConnection *connection;
} Conversation;

void
stub_request_free (StubRequest *self)
{
  g_free (self->method);
  g_free (self->target);
  g_free (self->head);
  g_free (self->body);
  g_free (self);
}

char *
stub_request_dup_header (const StubRequest *self,
                         const char        *name)
{
  g_autofree char *start = g_strdup_printf ("\r\n%s: ", name);
  const char *found = strstr (self->head, start);

  if (found == NULL)
    return NULL;

  found += strlen (start);

  return g_strndup (found, strcspn (found, "\r"));
}

/* -- One connection ------------------------------------------------------------------------ */

/* NULL: the client left. */
static StubRequest *
read_request (GInputStream *input,
              GCancellable *cancellable)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_auto (GStrv) words = NULL;
  g_autofree char *length = NULL;
  StubRequest *request;
  char *end;
  gsize wanted;

  while ((end = strstr (text->str, "\r\n\r\n")) == NULL)
    {
      char chunk[4096];
      gssize n = g_input_stream_read (input, chunk, sizeof chunk, cancellable, NULL);

      if (n <= 0)
        return NULL;
      g_string_append_len (text, chunk, n);
    }

  request = g_new0 (StubRequest, 1);
  request->head = g_strndup (text->str, end + 4 - text->str);
  words = g_strsplit (request->head, " ", 3);
  request->method = g_strdup (words[0]);
  request->target = g_strdup (words[1]);
  g_string_erase (text, 0, end + 4 - text->str);

  length = stub_request_dup_header (request, "Content-Length");
  wanted = length != NULL ? g_ascii_strtoull (length, NULL, 10) : 0;
  while (text->len < wanted)
    {
      char chunk[4096];
      gssize n = g_input_stream_read (input, chunk, sizeof chunk, cancellable, NULL);

      g_assert_cmpint (n, >, 0);
      g_string_append_len (text, chunk, n);
    }
  request->body = g_string_free (g_steal_pointer (&text), FALSE);

  return request;
}

static gboolean
write_text (Conversation *self,
            const char   *text)
{
  return g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (self->connection)), text, strlen (text),
                                    NULL, self->gateway->cancellable, NULL);
}

static void
write_stream (Conversation *self)
{
  for (;;)
    {
      g_autofree char *text = channel_pop (&self->gateway->stream, 0);

      if (*text == '\0' || !write_text (self, text))
        return;
    }
}

static gpointer
converse (gpointer data)
{
  Conversation *self = data;
  StubRequest *request = read_request (g_io_stream_get_input_stream (G_IO_STREAM (self->connection)),
                                       self->gateway->cancellable);
  g_autofree char *answer = NULL;

  if (request != NULL)
    {
      channel_push (&self->gateway->requests, request);
      answer = channel_pop (&self->gateway->answers, 0);
      write_text (self, answer);
      if (strstr (answer, "text/event-stream") != NULL)
        write_stream (self);
    }

  g_io_stream_close (G_IO_STREAM (self->connection), NULL, NULL);
  g_object_unref (self->connection);
  g_free (self);

  return NULL;
}

static gpointer
accept_all (gpointer data)
{
  StubGateway *self = data;

  for (;;)
    {
      GSocketConnection *connection = g_socket_listener_accept (self->listener, NULL, self->cancellable, NULL);
      Conversation *conversation;

      if (connection == NULL)
        return NULL;

      conversation = g_new0 (Conversation, 1);
      conversation->gateway = self;
      conversation->connection = connection;
      g_ptr_array_add (self->threads, g_thread_new ("conversation", converse, conversation));
    }
}

/* -- Public -------------------------------------------------------------------------------- */

StubGateway *
stub_gateway_new (void)
{
  StubGateway *self = g_new0 (StubGateway, 1);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  self->listener = g_socket_listener_new ();
  self->cancellable = g_cancellable_new ();
  self->threads = g_ptr_array_new ();
  channel_init (&self->answers);
  channel_init (&self->requests);
  channel_init (&self->stream);

  g_socket_listener_add_address (self->listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound,
                                 &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  self->url = g_strdup_printf ("http://127.0.0.1:%u", self->port);
  self->acceptor = g_thread_new ("acceptor", accept_all, self);

  return self;
}

void
stub_gateway_free (StubGateway *self)
{
  g_cancellable_cancel (self->cancellable);
  g_thread_join (self->acceptor);

  for (guint i = 0; i < self->threads->len; i++)
    {
      channel_push (&self->answers, g_strdup (""));
      stub_gateway_send (self, NULL);
    }
  for (guint i = 0; i < self->threads->len; i++)
    g_thread_join (self->threads->pdata[i]);

  channel_clear (&self->answers, g_free);
  channel_clear (&self->requests, (GDestroyNotify) stub_request_free);
  channel_clear (&self->stream, g_free);
  g_ptr_array_unref (self->threads);
  g_object_unref (self->listener);
  g_object_unref (self->cancellable);
  g_free (self->url);
  g_free (self);
}

guint16
stub_gateway_get_port (StubGateway *self)
{
  return self->port;
}

const char *
stub_gateway_get_url (StubGateway *self)
{
  return self->url;
}

void
stub_gateway_answer_with (StubGateway *self,
                          guint        status,
                          const char  *headers,
                          const char  *body)
{
  channel_push (&self->answers,
                g_strdup_printf ("HTTP/1.1 %u Said\r\nConnection: close\r\n"
                                 "Content-Length: %" G_GSIZE_FORMAT "\r\n"
                                 "%s\r\n%s", status, strlen (body), headers, body));
}

void
stub_gateway_answer (StubGateway *self,
                     guint        status,
                     const char  *body)
{
  stub_gateway_answer_with (self, status, "Content-Type: application/json\r\n", body);
}

void
stub_gateway_answer_stream (StubGateway *self)
{
  channel_push (&self->answers,
                g_strdup ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n"));
}

void
stub_gateway_send (StubGateway *self,
                   const char  *text)
{
  channel_push (&self->stream, g_strdup (text != NULL ? text : ""));
}

StubRequest *
stub_gateway_take (StubGateway *self)
{
  StubRequest *request = channel_pop (&self->requests, PATIENCE);

  g_assert_nonnull (request);

  return request;
}

void
stub_gateway_assert_idle (StubGateway *self)
{
  g_assert_cmpuint (channel_length (&self->requests), ==, 0);
}

/* SPDX-License-Identifier: MIT
 *
 * A client's connection that is lent to SoupServer, one request at a time: answers of every framing, slow and leaving
 * clients, and the connection's use afterwards.
 */

#include "gateway/vmp-lent-stream.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECES 200
#define PIECE_BYTES 4096

typedef struct {
  VmpServing serving;
  VmpConnection *connection; /* NULL once it is closed */
  SoupServer *server;
  int client;
  GString *got;
  SoupServerMessage *streaming; /* the answer that is being written in pieces */
  guint pieces;
  gboolean message_finished;
} Fixture;

static gboolean
admit (gpointer           user_data,
       VmpConnection     *connection,
       const VmpHttpHead *head)
{
  return TRUE;
}

static void
request (gpointer          user_data,
         VmpConnection    *connection,
         const VmpRequest *asked)
{
  vmp_lent_stream_lend (((Fixture *) user_data)->server, connection, asked);
}

static void
closed (gpointer       user_data,
        VmpConnection *connection)
{
  ((Fixture *) user_data)->connection = NULL;
}

static const VmpServingFuncs serving_funcs = { admit, request, closed };

static void
append_piece (Fixture *self)
{
  SoupMessageBody *body = soup_server_message_get_response_body (self->streaming);
  char piece[PIECE_BYTES];

  if (self->pieces == PIECES)
    {
      soup_message_body_complete (body);
      return;
    }

  memset (piece, 'a' + self->pieces++ % 26, sizeof piece);
  soup_message_body_append (body, SOUP_MEMORY_COPY, piece, sizeof piece);
}

static void
wrote_chunk_cb (SoupServerMessage *message,
                gpointer           user_data)
{
  append_piece (user_data);
  soup_server_message_unpause (message);
}

static void
message_finished_cb (SoupServerMessage *message,
                     gpointer           user_data)
{
  Fixture *self = user_data;

  self->message_finished = TRUE;
  self->streaming = NULL;
}

static void
handle_cb (SoupServer        *server,
           SoupServerMessage *message,
           const char        *path,
           GHashTable        *query,
           gpointer           user_data)
{
  Fixture *self = user_data;

  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  if (g_str_equal (path, "/pieces"))
    {
      soup_message_headers_set_encoding (soup_server_message_get_response_headers (message), SOUP_ENCODING_CHUNKED);
      soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);
      self->streaming = message;
      g_signal_connect (message, "wrote-chunk", G_CALLBACK (wrote_chunk_cb), self);
      g_signal_connect (message, "finished", G_CALLBACK (message_finished_cb), self);
      append_piece (self);
    }
  else
    {
      SoupMessageBody *body = soup_server_message_get_request_body (message);
      g_autofree char *text = g_strdup_printf ("%s %s %.*s", soup_server_message_get_method (message), path,
                                               (int) body->length, body->data != NULL ? body->data : "");

      soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_COPY, text, strlen (text));
    }
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 7777);
  int pair[2];
  int size = 4096;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
  setsockopt (pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  self->client = pair[1];
  self->got = g_string_new (NULL);
  self->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (self->server, NULL, handle_cb, self, NULL);
  self->serving.poll = vmp_poll_new (NULL);
  self->serving.funcs = &serving_funcs;
  self->serving.user_data = self;
  self->serving.max_body_bytes = VMP_LIMIT_BODY_BYTES;
  self->connection = vmp_connection_new (&self->serving, pair[0], address, address, FALSE);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  if (self->connection != NULL)
    vmp_connection_kill (self->connection);
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_poll_free (self->serving.poll);
  if (self->client >= 0)
    close (self->client);
  g_string_free (self->got, TRUE);
}

static void
say (Fixture    *self,
     const char *text)
{
  g_assert_cmpint (write (self->client, text, strlen (text)), ==, (gssize) strlen (text));
}

static void
receive (Fixture *self)
{
  char bytes[1000];
  gssize n;

  while ((n = read (self->client, bytes, sizeof bytes)) > 0)
    g_string_append_len (self->got, bytes, n);
}

static void
receive_until (Fixture    *self,
               const char *end)
{
  while (!g_str_has_suffix (self->got->str, end))
    {
      g_main_context_iteration (NULL, TRUE);
      receive (self);
    }
}

static void
test_several_requests (Fixture      *self,
                       gconstpointer data)
{
  say (self, "GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n");
  receive_until (self, "GET /one ");
  g_assert_true (g_str_has_prefix (self->got->str, "HTTP/1.1 200 OK\r\n"));

  /* A chunked body reaches the server with its length, and two requests in one packet are answered in turn. */
  g_string_truncate (self->got, 0);
  say (self, "POST /two HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /three HTTP/1.1\r\nHost: localhost\r\n\r\n");
  receive_until (self, "GET /three ");
  g_assert_nonnull (strstr (self->got->str, "POST /two abcde"));
  g_assert_nonnull (self->connection);
  g_assert_cmpint (self->serving.bodies_bytes, ==, 0);
}

/* libsoup ends a chunked body on a thread; the connection must not notice. */
static void
test_chunked_answer (Fixture      *self,
                     gconstpointer data)
{
  const char *cursor;
  guint i;

  say (self, "GET /pieces HTTP/1.1\r\nHost: localhost\r\n\r\n");
  receive_until (self, "\r\n0\r\n\r\n");
  cursor = strstr (self->got->str, "\r\n\r\n");
  g_assert_nonnull (cursor);
  cursor += 4;
  for (i = 0; i < PIECES; i++)
    {
      guint j;

      g_assert_true (g_str_has_prefix (cursor, "1000\r\n"));
      cursor += 6;
      for (j = 0; j < PIECE_BYTES; j++)
        g_assert_cmpint (*cursor++, ==, 'a' + (int) (i % 26));
      g_assert_true (g_str_has_prefix (cursor, "\r\n"));
      cursor += 2;
    }
  g_assert_cmpstr (cursor, ==, "0\r\n\r\n");

  say (self, "GET /after HTTP/1.1\r\nHost: localhost\r\n\r\n");
  receive_until (self, "GET /after ");
}

/* A client that reads nothing stops the writing; one that then leaves ends the answer without harm. */
static void
test_client_stalls_and_leaves (Fixture      *self,
                               gconstpointer data)
{
  say (self, "GET /pieces HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (g_main_context_iteration (NULL, FALSE)) /* as long as anything moves */
    ;
  g_assert_cmpuint (self->pieces, >, 0);
  g_assert_cmpuint (self->pieces, <, PIECES);

  close (self->client);
  self->client = -1;
  while (!self->message_finished)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (self->connection);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/gateway/lent-stream/several-requests", test_several_requests);
  ADD ("/gateway/lent-stream/chunked-answer", test_chunked_answer);
  ADD ("/gateway/lent-stream/client-stalls-and-leaves", test_client_stalls_and_leaves);

  return g_test_run ();
}

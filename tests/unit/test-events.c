/* SPDX-License-Identifier: MIT
 *
 * Following events over real sockets: what readers get, going on where one was, and readers that leave or take nothing.
 * Each test runs on a SoupServer that has the sockets itself, and on one that is lent connections, as the gateway's is.
 * Neither listens, since what libsoup 3.2 accepts by itself it leaks.
 */

#include "gateway/vmp-events.h"

#include "gateway/vmp-lent-stream.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING ": vampire\n\n"

typedef struct {
  int fd;
  guint watch;  /* 0: it does not read */
  GString *got;
  gboolean ended;
} Client;

typedef struct {
  VmpEvents *events;
  SoupServer *server;
  gboolean lent;
  VmpServing serving;      /* when lent */
  GPtrArray *connections;  /* of VmpConnection, when lent */
  GPtrArray *clients;      /* of Client */
} Fixture;

/* -- The server ---------------------------------------------------------------------------- */

static void
handle_cb (SoupServer        *server,
           SoupServerMessage *message,
           const char        *path,
           GHashTable        *query,
           gpointer           user_data)
{
  Fixture *self = user_data;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (!vmp_events_follow (self->events, message, soup_message_headers_get_one (headers, "Last-Event-ID")))
    soup_server_message_set_status (message, SOUP_STATUS_SERVICE_UNAVAILABLE, NULL);
  else /* or libsoup would keep all that was ever written */
    g_assert_false (soup_message_body_get_accumulate (soup_server_message_get_response_body (message)));
}

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
  g_ptr_array_remove (((Fixture *) user_data)->connections, connection);
}

static const VmpServingFuncs serving_funcs = { admit, request, closed };

static void
client_free (gpointer data)
{
  Client *client = data;

  if (client->watch != 0)
    g_source_remove (client->watch);
  if (client->fd >= 0)
    close (client->fd);
  g_string_free (client->got, TRUE);
  g_free (client);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->lent = GPOINTER_TO_INT (data);
  self->events = vmp_events_new ();
  self->clients = g_ptr_array_new_with_free_func (client_free);
  self->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (self->server, NULL, handle_cb, self, NULL);
  if (self->lent)
    {
      self->serving.poll = vmp_poll_new (NULL);
      self->serving.funcs = &serving_funcs;
      self->serving.user_data = self;
      self->serving.max_body_bytes = VMP_LIMIT_BODY_BYTES;
      self->connections = g_ptr_array_new ();
    }
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
stop_server (Fixture *self)
{
  while (self->lent && self->connections->len > 0)
    vmp_connection_kill (g_ptr_array_index (self->connections, 0));
  soup_server_disconnect (self->server);
  g_clear_object (&self->server);
  settle ();
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  if (self->server != NULL)
    stop_server (self);
  g_clear_pointer (&self->events, vmp_events_free);
  settle ();
  if (self->lent)
    {
      vmp_poll_free (self->serving.poll);
      g_ptr_array_unref (self->connections);
    }
  g_ptr_array_unref (self->clients);
}

/* -- Clients ------------------------------------------------------------------------------- */

static gboolean
readable_cb (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  Client *client = user_data;
  char bytes[16 * 1024];
  gssize n;

  while ((n = read (fd, bytes, sizeof bytes)) > 0)
    g_string_append_len (client->got, bytes, n);
  if (n < 0)
    return G_SOURCE_CONTINUE;

  client->ended = TRUE;
  client->watch = 0;
  return G_SOURCE_REMOVE;
}

static void
begin_to_read (Client *client)
{
  client->watch = g_unix_fd_add (client->fd, G_IO_IN | G_IO_HUP, readable_cb, client);
}

static void
stop_reading (Client *client)
{
  g_source_remove (client->watch);
  client->watch = 0;
}

static void
leave (Client *client)
{
  if (client->watch != 0)
    stop_reading (client);
  close (client->fd);
  client->fd = -1;
}

static void
give_socket (Fixture        *self,
             int             fd,
             GSocketAddress *address)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) connection = NULL;

  g_assert_no_error (error);
  connection = g_socket_connection_factory_create_connection (socket);
  soup_server_accept_iostream (self->server, G_IO_STREAM (connection), address, address, &error);
  g_assert_no_error (error);
}

/* The client's end of a connection to the server, which holds little. */
static int
open_connection (Fixture *self)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 7777);
  int send_bytes = 4096;
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
  setsockopt (pair[0], SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
  if (self->lent)
    g_ptr_array_add (self->connections, vmp_connection_new (&self->serving, pair[0], address, address, FALSE));
  else
    give_socket (self, pair[0], address);

  return pair[1];
}

static Client *
client_new (Fixture    *self,
            const char *request_text)
{
  Client *client = g_new0 (Client, 1);

  client->got = g_string_new (NULL);
  client->fd = open_connection (self);
  g_ptr_array_add (self->clients, client);
  g_assert_cmpint (write (client->fd, request_text, strlen (request_text)), ==, (gssize) strlen (request_text));
  begin_to_read (client);

  return client;
}

/* The answer's body so far, its chunks joined. */
static char *
dup_body (Client *client)
{
  GString *body = g_string_new (NULL);
  const char *cursor = strstr (client->got->str, "\r\n\r\n");
  const char *end = client->got->str + client->got->len;

  cursor = cursor != NULL ? cursor + 4 : end;
  while (cursor < end)
    {
      char *data;
      guint64 len = g_ascii_strtoull (cursor, &data, 16);

      if (len == 0 || !g_str_has_prefix (data, "\r\n"))
        break;
      data += 2;
      g_string_append_len (body, data, MIN (len, (guint64) (end - data)));
      if (len + 2 > (guint64) (end - data))
        break;
      cursor = data + len + 2;
    }

  return g_string_free (body, FALSE);
}

/* Waits until the body ends with @end. (transfer full): all of it */
static char *
wait_for (Client     *client,
          const char *end)
{
  for (;;)
    {
      g_autofree char *body = dup_body (client);

      if (g_str_has_suffix (body, end))
        return g_steal_pointer (&body);
      g_assert_false (client->ended);
      g_main_context_iteration (NULL, TRUE);
    }
}

static void
wait_for_body (Client     *client,
               const char *expected)
{
  g_autofree char *body = wait_for (client, expected);

  g_assert_cmpstr (body, ==, expected);
}

static Client *
follow (Fixture    *self,
        const char *last_event_id)
{
  g_autofree char *text = last_event_id != NULL
                          ? g_strdup_printf ("GET / HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n",
                                             last_event_id)
                          : g_strdup ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

  return client_new (self, text);
}

/* A reader that has the greeting. */
static Client *
follow_from_now (Fixture *self)
{
  Client *client = follow (self, NULL);

  g_free (wait_for (client, GREETING));

  return client;
}

static void
add (Fixture *self,
     guint    n)
{
  vmp_events_add (self->events, "node", g_strdup_printf ("{\"n\":%u}", n));
}

/* What the gateway's ids begin with, with the "-". (transfer full) */
static char *
learn_instance (Fixture *self)
{
  Client *client = follow_from_now (self);
  g_autofree char *body = NULL;
  const char *id;

  add (self, 1);
  body = wait_for (client, "data: {\"n\":1}\n\n");
  id = strstr (body, "id: ") + 4;

  return g_strndup (id, strchr (id, '-') + 1 - id);
}

static char *
event_text (const char *instance,
            guint       number,
            guint       n)
{
  return g_strdup_printf ("id: %s%u\nevent: node\ndata: {\"n\":%u}\n\n", instance, number, n);
}

/* -- Reading ------------------------------------------------------------------------------- */

static void
test_greeting (Fixture      *self,
               gconstpointer data)
{
  Client *client;

  g_assert_false (vmp_events_has_readers (self->events));
  client = follow_from_now (self);
  g_assert_true (vmp_events_has_readers (self->events));
  g_assert_true (g_str_has_prefix (client->got->str, "HTTP/1.1 200 OK\r\n"));
  g_assert_nonnull (strstr (client->got->str, "\r\nContent-Type: text/event-stream\r\n"));
  g_assert_nonnull (strstr (client->got->str, "\r\nCache-Control: no-store\r\n"));
  g_assert_nonnull (strstr (client->got->str, "\r\nX-Accel-Buffering: no\r\n"));
  g_assert_nonnull (strstr (client->got->str, "\r\nTransfer-Encoding: chunked\r\n"));
}

static void
test_order (Fixture      *self,
            gconstpointer data)
{
  g_autofree char *instance = NULL;
  GString *expected = g_string_new (GREETING);
  Client *one;
  Client *other;
  guint i;

  instance = learn_instance (self);
  one = follow_from_now (self);
  other = follow_from_now (self);

  /* Some at once, some after those were written. */
  for (i = 2; i < 400; i++)
    {
      g_autofree char *event = event_text (instance, i, i);

      g_string_append (expected, event);
      add (self, i);
      if (i % 100 == 0)
        settle ();
    }
  wait_for_body (one, expected->str);
  wait_for_body (other, expected->str);
  g_string_free (expected, TRUE);
}

static void
test_http_1_0 (Fixture      *self,
               gconstpointer data)
{
  Client *client = client_new (self, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");

  while (!g_str_has_suffix (client->got->str, "\r\n\r\n" GREETING))
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (strstr (client->got->str, "chunked"));

  vmp_events_end (self->events);
  while (!client->ended)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_head (Fixture      *self,
           gconstpointer data)
{
  Client *client = client_new (self, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");

  while (!g_str_has_suffix (client->got->str, "\r\n\r\n"))
    g_main_context_iteration (NULL, TRUE);
  settle ();
  g_assert_false (vmp_events_has_readers (self->events));
  add (self, 1);
  settle ();
  g_assert_true (g_str_has_suffix (client->got->str, "\r\n\r\n"));
}

static void
test_comment (Fixture      *self,
              gconstpointer data)
{
  Client *client;
  GSource *timer;

  g_assert_null (g_main_context_find_source_by_user_data (NULL, self->events));
  client = follow_from_now (self);
  timer = g_main_context_find_source_by_user_data (NULL, self->events);
  g_assert_nonnull (timer);

  g_source_set_ready_time (timer, 0);
  wait_for_body (client, GREETING ":\n\n");
  g_source_set_ready_time (timer, 0);
  wait_for_body (client, GREETING ":\n\n:\n\n");

  vmp_events_end (self->events);
  g_assert_null (g_main_context_find_source_by_user_data (NULL, self->events));
}

/* A client that has bytes to take already gets no comments besides. */
static void
test_no_comment_for_slow (Fixture      *self,
                          gconstpointer data)
{
  Client *client = follow_from_now (self);
  g_autofree char *filling = g_strnfill (10000, 'x');
  g_autofree char *body = NULL;
  guint i;

  stop_reading (client);
  for (i = 0; i < 50; i++)
    vmp_events_add (self->events, "node", g_strdup_printf ("{\"x\":\"%s\"}", filling));
  vmp_events_add (self->events, "node", g_strdup ("{\"last\":1}"));
  settle ();
  for (i = 0; i < 10; i++)
    {
      g_source_set_ready_time (g_main_context_find_source_by_user_data (NULL, self->events), 0);
      settle ();
    }

  begin_to_read (client);
  body = wait_for (client, "data: {\"last\":1}\n\n");
  g_assert_null (strstr (body, "\n:\n"));
}

/* -- Coming back --------------------------------------------------------------------------- */

static void
test_resume (Fixture      *self,
             gconstpointer data)
{
  g_autofree char *instance = learn_instance (self);
  g_autofree char *last_event_id = g_strconcat (instance, "2", NULL);
  g_autofree char *three = event_text (instance, 3, 3);
  g_autofree char *four = event_text (instance, 4, 4);
  g_autofree char *five = event_text (instance, 5, 5);
  g_autofree char *expected = g_strconcat (GREETING, three, four, five, NULL);
  Client *client;
  guint i;

  for (i = 2; i <= 4; i++)
    add (self, i);
  client = follow (self, last_event_id);
  g_free (wait_for (client, four));
  add (self, 5);
  wait_for_body (client, expected);
}

static void
test_resume_with_nothing_missed (Fixture      *self,
                                 gconstpointer data)
{
  g_autofree char *instance = learn_instance (self);
  g_autofree char *last_event_id = g_strconcat (instance, "1", NULL);
  g_autofree char *two = event_text (instance, 2, 2);
  g_autofree char *expected = g_strconcat (GREETING, two, NULL);
  Client *client = follow (self, last_event_id);

  g_free (wait_for (client, GREETING));
  add (self, 2);
  wait_for_body (client, expected);
}

static void
test_reset (Fixture      *self,
            gconstpointer data)
{
  static const char * const garbage[] = { "", "1", "-", "x", "00000000-1", "ffffffffffffffffffff-1" };
  static const char * const ends[] = { "", "999", "-1", "1x", "18446744073709551617", " 1", "+1" };
  g_autofree char *instance = learn_instance (self);
  g_autofree char *expected = g_strdup_printf (GREETING "id: %s1\nevent: reset\ndata: {\"reason\":\"unknown\"}\n\n",
                                               instance);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (garbage); i++)
    wait_for_body (follow (self, garbage[i]), expected);
  for (i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *id = g_strconcat (instance, ends[i], NULL);

      wait_for_body (follow (self, id), expected);
    }
}

/* The oldest event that is kept can be gone on from; the one before it cannot. */
static void
test_too_old (Fixture      *self,
              gconstpointer data)
{
  g_autofree char *instance = learn_instance (self);
  g_autofree char *one = g_strconcat (instance, "1", NULL);
  g_autofree char *two = g_strconcat (instance, "2", NULL);
  g_autofree char *second = event_text (instance, 3, 3);
  g_autofree char *newest = event_text (instance, VMP_LIMIT_EVENTS + 2, VMP_LIMIT_EVENTS + 2);
  g_autofree char *beginning = g_strconcat (GREETING, second, NULL);
  g_autofree char *reset = g_strdup_printf (GREETING "id: %s%u\nevent: reset\ndata: {\"reason\":\"too_old\"}\n\n",
                                            instance, VMP_LIMIT_EVENTS + 2);
  g_autofree char *body = NULL;
  guint i;

  for (i = 2; i <= VMP_LIMIT_EVENTS + 2; i++)
    add (self, i);
  wait_for_body (follow (self, one), reset);
  body = wait_for (follow (self, two), newest);
  g_assert_true (g_str_has_prefix (body, beginning));
}

/* Large events push older ones out by their bytes; one that is too large is told of instead. */
static void
test_large (Fixture      *self,
            gconstpointer data)
{
  g_autofree char *instance = learn_instance (self);
  g_autofree char *last_event_id = g_strconcat (instance, "1", NULL);
  g_autofree char *large = g_strnfill (VMP_LIMIT_EVENT_DATA_BYTES - strlen ("{\"x\":\"\"}"), 'x');
  g_autofree char *newest = g_strdup_printf ("\"}\n\nid: %s12\nevent: reset\ndata: {\"reason\":\"too_long\"}\n\n",
                                             instance);
  g_autofree char *reset = g_strdup_printf (GREETING "id: %s12\nevent: reset\ndata: {\"reason\":\"too_old\"}\n\n",
                                            instance);
  Client *client = follow_from_now (self);
  g_autofree char *body = NULL;
  guint i;

  for (i = 0; i < 10; i++)
    vmp_events_add (self->events, "node", g_strdup_printf ("{\"x\":\"%s\"}", large));
  vmp_events_add (self->events, "node", g_strdup_printf ("{\"x\":\"%sx\"}", large));
  body = wait_for (client, newest);
  g_assert_cmpuint (strlen (body), >, 10 * VMP_LIMIT_EVENT_DATA_BYTES);

  wait_for_body (follow (self, last_event_id), reset);
}

/* -- Leaving ------------------------------------------------------------------------------- */

static void
test_client_leaves (Fixture      *self,
                    gconstpointer data)
{
  Client *stays = follow_from_now (self);
  guint rounds;
  guint n = 0;

  for (rounds = 0; rounds < 3; rounds++)
    {
      Client *client = follow_from_now (self);

      /* Some leave in a pause, some inside of a burst. */
      if (rounds == 1)
        settle ();
      if (rounds == 2)
        add (self, ++n);
      leave (client);
    }

  /* The one that stays keeps getting all, however many writes to the others fail. */
  while (n < 100)
    {
      g_autofree char *end = g_strdup_printf ("data: {\"n\":%u}\n\n", ++n);

      add (self, n);
      g_free (wait_for (stays, end));
    }
  leave (stays);
  while (vmp_events_has_readers (self->events))
    {
      add (self, ++n);
      settle ();
    }
}

/* A reader that takes nothing is let go when a megabyte waits for it. */
static void
test_slow_reader (Fixture      *self,
                  gconstpointer data)
{
  Client *slow = follow_from_now (self);
  g_autofree char *filling = g_strnfill (10000, 'x');
  g_autofree char *body = NULL;
  gsize added = 0;
  gsize taken;

  stop_reading (slow);
  while (vmp_events_has_readers (self->events))
    {
      vmp_events_add (self->events, "node", g_strdup_printf ("{\"x\":\"%s\"}", filling));
      added += strlen (filling);
      settle ();
      g_assert_cmpuint (added, <, 32 * 1024 * 1024);
    }

  /* It gets what had been written; what waited was dropped, and the stream ends as one should. */
  begin_to_read (slow);
  while (!g_str_has_suffix (slow->got->str, "\r\n0\r\n\r\n"))
    g_main_context_iteration (NULL, TRUE);
  body = dup_body (slow);
  taken = strlen (body);
  g_assert_true (g_str_has_suffix (body, "\"}\n\n"));
  g_assert_cmpuint (added - taken, <, VMP_LIMIT_EVENT_READER_BYTES + 64 * 1024);
  g_assert_cmpuint (added - taken, >, VMP_LIMIT_EVENT_READER_BYTES - 128 * 1024);
}

/* The others notice nothing of it. */
static void
test_slow_beside_quick (Fixture      *self,
                        gconstpointer data)
{
  Client *quick = follow_from_now (self);
  Client *slow = follow_from_now (self);
  g_autofree char *filling = g_strnfill (10000, 'x');
  guint n;

  stop_reading (slow);
  for (n = 1; n <= 1000; n++)
    {
      g_autofree char *event = g_strdup_printf ("{\"x\":\"%s\",\"n\":%u}", filling, n);
      g_autofree char *end = g_strdup_printf (",\"n\":%u}\n\n", n);

      vmp_events_add (self->events, "node", g_steal_pointer (&event));
      while (strstr (quick->got->str + MAX (0, (gssize) quick->got->len - 100), end) == NULL)
        g_main_context_iteration (NULL, TRUE);
      g_string_truncate (quick->got, 0);
    }
  g_assert_true (vmp_events_has_readers (self->events));
}

static void
test_too_many (Fixture      *self,
               gconstpointer data)
{
  Client *client = NULL;
  guint i;

  for (i = 0; i < VMP_LIMIT_EVENT_READERS; i++)
    client = follow_from_now (self);
  leave (client);

  client = follow (self, NULL);
  while (!g_str_has_suffix (client->got->str, "\r\n\r\n"))
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (g_str_has_prefix (client->got->str, "HTTP/1.1 503 "));
  g_assert_null (strstr (client->got->str, "event-stream"));

  /* One has left, which the next writes show. */
  for (i = 0; i < 10; i++)
    {
      add (self, i);
      settle ();
    }
  follow_from_now (self);
}

static void
test_end (Fixture      *self,
          gconstpointer data)
{
  Client *idle = follow_from_now (self);
  Client *busy = follow_from_now (self);

  stop_reading (busy);
  add (self, 1);
  vmp_events_end (self->events);
  g_assert_false (vmp_events_has_readers (self->events));
  begin_to_read (busy);
  while (!g_str_has_suffix (idle->got->str, "{\"n\":1}\n\n\r\n0\r\n\r\n")
         || !g_str_has_suffix (busy->got->str, "{\"n\":1}\n\n\r\n0\r\n\r\n"))
    g_main_context_iteration (NULL, TRUE);
}

static void
test_free (Fixture      *self,
           gconstpointer data)
{
  Client *client = follow_from_now (self);

  g_clear_pointer (&self->events, vmp_events_free);
  while (!g_str_has_suffix (client->got->str, "\r\n0\r\n\r\n"))
    g_main_context_iteration (NULL, TRUE);
}

static void
test_server_stops (Fixture      *self,
                   gconstpointer data)
{
  follow_from_now (self);
  add (self, 1);
  stop_server (self);
  g_assert_false (vmp_events_has_readers (self->events));
  add (self, 2);
}

/* -- Both servers -------------------------------------------------------------------------- */

typedef void (*TestFunc) (Fixture      *self,
                          gconstpointer data);

static void
add_test (const char *name,
          TestFunc    func)
{
  g_autofree char *sockets = g_strconcat ("/gateway/events/sockets/", name, NULL);
  g_autofree char *lent = g_strconcat ("/gateway/events/lent/", name, NULL);

  g_test_add (sockets, Fixture, GINT_TO_POINTER (FALSE), set_up, func, tear_down);
  g_test_add (lent, Fixture, GINT_TO_POINTER (TRUE), set_up, func, tear_down);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("greeting", test_greeting);
  add_test ("order", test_order);
  add_test ("http-1.0", test_http_1_0);
  add_test ("head", test_head);
  add_test ("comment", test_comment);
  g_test_add ("/gateway/events/lent/no-comment-for-slow", Fixture, GINT_TO_POINTER (TRUE), set_up,
              test_no_comment_for_slow, tear_down);
  add_test ("resume", test_resume);
  add_test ("resume-with-nothing-missed", test_resume_with_nothing_missed);
  add_test ("reset", test_reset);
  add_test ("too-old", test_too_old);
  add_test ("large", test_large);
  add_test ("client-leaves", test_client_leaves);
  add_test ("slow-reader", test_slow_reader);
  add_test ("slow-beside-quick", test_slow_beside_quick);
  add_test ("too-many", test_too_many);
  add_test ("end", test_end);
  add_test ("free", test_free);
  add_test ("server-stops", test_server_stops);

  return g_test_run ();
}

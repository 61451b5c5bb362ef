/* SPDX-License-Identifier: MIT
 *
 * For the tests of lmstudio-sim: starting it, and speaking to it.
 */

#include "test-sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
# include <sys/prctl.h>
#endif

#define TIMEOUT_S 30  /* of one read; a test that needs it has failed */

/* -- The program ----------------------------------------------------------------------------- */

static guint16
read_port (const char *line,
           const char *before)
{
  const char *at = strstr (line, before);

  g_assert_nonnull (at);

  return (guint16) g_ascii_strtoull (at + strlen (before), NULL, 10);
}

/* In the child: a test that is aborted takes its program with it. */
static void
die_with_test (gpointer data)
{
#ifdef __linux__
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
}

TestSim *
test_sim_startf (const char *format,
                 ...)
{
  g_autofree char *flags = NULL;
  va_list args;

  va_start (args, format);
  flags = g_strdup_vprintf (format, args);
  va_end (args);

  return test_sim_start (flags);
}

TestSim *
test_sim_start (const char *flags)
{
  g_autofree char *command = g_strconcat ("sim --port=0 --control-port=0 --log-level=error --fast ", flags, NULL);
  g_auto (GStrv) argv = NULL;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GDataInputStream) out = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;
  TestSim *self = g_new0 (TestSim, 1);

  g_shell_parse_argv (command, NULL, &argv, &error);
  g_assert_no_error (error);
  g_free (argv[0]);
  argv[0] = g_strdup (g_getenv ("LMSTUDIO_SIM"));
  g_assert_nonnull (argv[0]);

  g_subprocess_launcher_set_child_setup (launcher, die_with_test, NULL, NULL);
  self->process = g_subprocess_launcher_spawnv (launcher, (const char * const *) argv, &error);
  g_assert_no_error (error);
  out = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  line = g_data_input_stream_read_line (out, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (line);
  g_assert_true (g_str_has_prefix (line, "lmstudio-sim (a simulated LM Studio, not the real one) listening on "));
  self->port = read_port (line, "listening on http://127.0.0.1:");
  self->control_port = read_port (line, "control on http://127.0.0.1:");

  return self;
}

void
test_sim_stop (TestSim *self)
{
  g_autoptr (GError) error = NULL;

  g_subprocess_send_signal (self->process, SIGTERM);
  g_subprocess_wait_check (self->process, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (self->process);
  g_free (self);
}

static GSocketConnection *
connect_to (guint16  port,
            GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, port);

  g_socket_client_set_timeout (client, TIMEOUT_S);
  g_socket_client_set_enable_proxy (client, FALSE);

  return g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, error);
}

static TestConn *
conn_new (GSocketConnection *connection)
{
  TestConn *self = g_new0 (TestConn, 1);

  self->connection = connection;
  self->buffer = g_string_new (NULL);

  return self;
}

static TestReply *
control (TestSim    *self,
         const char *method,
         const char *target,
         const char *body)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TestConn) conn = NULL;
  GSocketConnection *connection = connect_to (self->control_port, &error);

  g_assert_no_error (error);
  conn = conn_new (connection);
  test_conn_request (conn, method, target, NULL, body);

  return test_conn_read (conn);
}

void
test_sim_set (TestSim    *self,
              const char *json)
{
  g_autoptr (TestReply) reply = control (self, "POST", "/sim/v1/config", json);

  if (reply->status != 200)
    g_error ("%s: %s", json, reply->body->str);
}

void
test_sim_set_refused (TestSim    *self,
                      const char *json)
{
  g_autoptr (TestReply) before = control (self, "GET", "/sim/v1/config", NULL);
  g_autoptr (TestReply) reply = control (self, "POST", "/sim/v1/config", json);
  g_autoptr (TestReply) after = control (self, "GET", "/sim/v1/config", NULL);

  g_assert_cmpuint (reply->status, ==, 400);
  g_assert_cmpstr (before->body->str, ==, after->body->str);
}

void
test_sim_reset (TestSim *self)
{
  g_autoptr (TestReply) reply = control (self, "POST", "/sim/v1/reset", NULL);

  g_assert_cmpuint (reply->status, ==, 200);
}

void
test_sim_drop (TestSim    *self,
               const char *what)
{
  g_autoptr (TestReply) reply = control (self, "POST", "/sim/v1/drop", what);

  g_assert_cmpuint (reply->status, ==, 200);
}

static void
await (TestSim    *self,
       const char *counter,
       const char *bound,
       gint64      n)
{
  g_autofree char *target = g_strdup_printf ("/sim/v1/wait?counter=%s&%s=%" G_GINT64_FORMAT "&timeout_ms=20000",
                                             counter, bound, n);
  g_autoptr (TestReply) reply = control (self, "GET", target, NULL);

  if (reply->status != 200)
    g_error ("%s: %s", target, reply->body->str);
}

void
test_sim_await (TestSim    *self,
                const char *counter,
                gint64      n)
{
  await (self, counter, "at_least", n);
}

void
test_sim_await_at_most (TestSim    *self,
                        const char *counter,
                        gint64      n)
{
  await (self, counter, "at_most", n);
}

char *
test_sim_stat (TestSim    *self,
               const char *path)
{
  g_autoptr (TestReply) reply = control (self, "GET", "/sim/v1/stats", NULL);

  return test_reply_get (reply, path);
}

gint64
test_sim_count (TestSim    *self,
                const char *counter)
{
  g_autofree char *path = g_strconcat ("$.", counter, NULL);
  g_autofree char *value = test_sim_stat (self, path);

  g_assert_nonnull (value);

  return g_ascii_strtoll (value, NULL, 10);
}

/* -- Connections ----------------------------------------------------------------------------- */

TestConn *
test_conn_open (TestSim *sim)
{
  g_autoptr (GError) error = NULL;
  TestConn *self = test_conn_try (sim, &error);

  g_assert_no_error (error);

  return self;
}

TestConn *
test_conn_try (TestSim *sim,
               GError **error)
{
  GSocketConnection *connection = connect_to (sim->port, error);

  return connection != NULL ? conn_new (connection) : NULL;
}

void
test_conn_close (TestConn *self)
{
  g_io_stream_close (G_IO_STREAM (self->connection), NULL, NULL);
  g_object_unref (self->connection);
  g_string_free (self->buffer, TRUE);
  g_free (self);
}

void
test_conn_send (TestConn   *self,
                const char *text,
                gssize      len)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (self->connection));
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (out, text, len >= 0 ? (gsize) len : strlen (text), NULL, NULL, &error);
  g_assert_no_error (error);
}

char *
test_json (const char *text)
{
  return g_strdelimit (g_strdup (text), "'", '"');
}

void
test_conn_request (TestConn   *self,
                   const char *method,
                   const char *target,
                   const char *fields,
                   const char *body)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *json = body != NULL ? test_json (body) : NULL;

  g_string_append_printf (text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, target);
  g_string_append (text, fields != NULL ? fields : "");
  if (json != NULL)
    g_string_append_printf (text, "Content-Type: application/json\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n",
                            strlen (json));
  g_string_append_printf (text, "\r\n%s", json != NULL ? json : "");
  test_conn_send (self, text->str, (gssize) text->len);
}

/* Returns: FALSE if nothing more comes */
static gboolean
receive (TestConn *self)
{
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (self->connection));
  g_autoptr (GError) error = NULL;
  char data[16384];
  gssize n;

  if (self->is_over)
    return FALSE;
  n = g_input_stream_read (in, data, sizeof data, NULL, &error);
  if (n > 0)
    {
      g_string_append_len (self->buffer, data, n);
      return TRUE;
    }
  self->is_over = TRUE;
  self->is_reset = n < 0;
  if (n < 0)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);

  return FALSE;
}

/* The next @len bytes, or fewer if there are no more. */
static gsize
want (TestConn *self,
      gsize     len)
{
  while (self->buffer->len < len && receive (self))
    ;

  return MIN (self->buffer->len, len);
}

/* The length of the buffer up to and with @end; 0 if it does not come. */
static gsize
want_until (TestConn   *self,
            const char *end)
{
  const char *at;

  while ((at = strstr (self->buffer->str, end)) == NULL)
    if (!receive (self))
      return 0;

  return (gsize) (at - self->buffer->str) + strlen (end);
}

static void
take (TestConn  *self,
      TestReply *reply,
      gsize      len,
      GString   *to)
{
  if (to != NULL)
    g_string_append_len (to, self->buffer->str, (gssize) len);
  g_string_erase (self->buffer, 0, (gssize) len);
  reply->wire_bytes += len;
}

static TestEnd
broken_end (TestConn *self)
{
  return self->is_reset ? TEST_END_RESET : TEST_END_EARLY;
}

static TestEnd
read_chunks (TestConn  *self,
             TestReply *reply)
{
  for (;;)
    {
      gsize line = want_until (self, "\r\n");
      char *end = NULL;
      guint64 size;
      gsize got;

      if (line == 0)
        {
          take (self, reply, self->buffer->len, NULL);
          return broken_end (self);
        }
      size = g_ascii_strtoull (self->buffer->str, &end, 16);
      if (end == self->buffer->str || *end != '\r' || size > G_MAXINT32)
        return TEST_END_BAD;
      take (self, reply, line, NULL);
      got = want (self, size + 2);
      if (got < size + 2)
        {
          take (self, reply, got, NULL);
          return broken_end (self);
        }
      if (memcmp (self->buffer->str + size, "\r\n", 2) != 0)
        return TEST_END_BAD;
      take (self, reply, size, reply->body);
      take (self, reply, 2, NULL);
      if (size == 0)
        return TEST_END_WHOLE;
      reply->n_chunks++;
    }
}

static TestEnd
read_body (TestConn  *self,
           TestReply *reply)
{
  g_autofree char *length = test_reply_field (reply, "Content-Length");
  g_autofree char *coding = test_reply_field (reply, "Transfer-Encoding");
  gsize size;

  if (coding != NULL)
    return length != NULL ? TEST_END_BAD : read_chunks (self, reply);
  if (length != NULL)
    {
      size = g_ascii_strtoull (length, NULL, 10);
      take (self, reply, want (self, size), reply->body);
      return reply->body->len == size ? TEST_END_WHOLE : broken_end (self);
    }
  if (reply->status == 204)
    return TEST_END_WHOLE;
  while (receive (self))
    ;
  take (self, reply, self->buffer->len, reply->body);

  return self->is_reset ? TEST_END_RESET : TEST_END_CLOSED;
}

TestReply *
test_conn_read (TestConn *self)
{
  TestReply *reply = g_new0 (TestReply, 1);
  gsize head;

  reply->body = g_string_new (NULL);
  head = want_until (self, "\r\n\r\n");
  if (head == 0)
    {
      reply->head = g_strndup (self->buffer->str, self->buffer->len);
      take (self, reply, self->buffer->len, NULL);
      reply->end = broken_end (self);
      return reply;
    }
  reply->head = g_strndup (self->buffer->str, head);
  take (self, reply, head, NULL);
  if (!g_str_has_prefix (reply->head, "HTTP/1.1 "))
    {
      reply->end = TEST_END_BAD;
      return reply;
    }
  reply->status = (guint) g_ascii_strtoull (reply->head + strlen ("HTTP/1.1 "), NULL, 10);
  if (reply->status == 100)
    return reply;
  reply->end = read_body (self, reply);
  reply->json = json_from_string (reply->body->str, NULL);

  return reply;
}

void
test_conn_read_until (TestConn   *self,
                      const char *text)
{
  gsize len = want_until (self, text);

  g_assert_cmpuint (len, >, 0);
  g_string_erase (self->buffer, 0, (gssize) len);
}

void
test_conn_expect_end (TestConn *self)
{
  g_assert_cmpuint (want (self, 1), ==, 0);
}

TestReply *
test_request (TestSim    *sim,
              const char *method,
              const char *target,
              const char *fields,
              const char *body)
{
  g_autoptr (TestConn) conn = test_conn_open (sim);

  test_conn_request (conn, method, target, fields, body);

  return test_conn_read (conn);
}

TestReply *
test_post (TestSim    *sim,
           const char *target,
           const char *body)
{
  return test_request (sim, "POST", target, NULL, body);
}

TestReply *
test_get (TestSim    *sim,
          const char *target)
{
  return test_request (sim, "GET", target, NULL, NULL);
}

/* -- Answers --------------------------------------------------------------------------------- */

void
test_reply_free (TestReply *self)
{
  if (self == NULL)
    return;
  g_free (self->head);
  g_string_free (self->body, TRUE);
  g_clear_pointer (&self->json, json_node_unref);
  g_free (self);
}

char *
test_reply_field (TestReply  *self,
                  const char *name)
{
  g_auto (GStrv) lines = g_strsplit (self->head, "\r\n", -1);

  for (char **line = lines + 1; *line != NULL && **line != '\0'; line++)
    if (g_ascii_strncasecmp (*line, name, strlen (name)) == 0 && (*line)[strlen (name)] == ':')
      return g_strdup (*line + strlen (name) + 2);

  return NULL;
}

/* json_path_query () of json-glib 1.6 asserts on an index that is not there. */
static JsonNode *
follow (JsonNode   *node,
        const char *path)
{
  g_assert_true (*path == '$');
  for (path++; *path != '\0' && node != NULL;)
    {
      const char *begin = path + (g_str_has_prefix (path, "['") ? 2 : 1);
      gsize len = *path == '.' ? strcspn (begin, ".[") : strcspn (begin, begin[-1] == '\'' ? "'" : "]");
      g_autofree char *step = g_strndup (begin, len);

      if (*path == '[' && g_ascii_isdigit (*step))
        {
          guint index = (guint) g_ascii_strtoull (step, NULL, 10);
          JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

          node = array != NULL && index < json_array_get_length (array) ? json_array_get_element (array, index) : NULL;
        }
      else
        node = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), step) : NULL;
      path = *path == '.' ? begin + len : strchr (begin + len, ']') + 1;
    }

  return node;
}

static char *
get (JsonNode   *json,
     const char *path)
{
  JsonNode *node = json != NULL ? follow (json, path) : NULL;

  if (node == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    return g_strdup (json_node_get_string (node));

  return json_to_string (node, FALSE);
}

char *
test_reply_get (TestReply  *self,
                const char *path)
{
  return get (self->json, path);
}

void
test_reply_expect (TestReply  *self,
                   const char *path,
                   const char *value)
{
  g_autofree char *found = test_reply_get (self, path);

  if (g_strcmp0 (found, value) != 0)
    g_error ("%s is %s, not %s, in: %s", path, found, value, self->body->str);
}

static void
event_free (gpointer data)
{
  TestEvent *event = data;

  g_free (event->name);
  g_free (event->data);
  g_clear_pointer (&event->json, json_node_unref);
  g_free (event);
}

GPtrArray *
test_reply_events (TestReply *self)
{
  GPtrArray *events = g_ptr_array_new_with_free_func (event_free);
  g_auto (GStrv) blocks = g_strsplit (self->body->str, "\n\n", -1);

  for (char **block = blocks; *block != NULL && **block != '\0'; block++)
    {
      g_auto (GStrv) lines = g_strsplit (*block, "\n", -1);
      TestEvent *event = g_new0 (TestEvent, 1);

      for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix (*line, "event: "))
          event->name = g_strdup (*line + strlen ("event: "));
        else if (g_str_has_prefix (*line, "data: "))
          event->data = g_strdup (*line + strlen ("data: "));
        else
          g_error ("no line of an event: %s", *line);
      g_assert_nonnull (event->data);
      event->json = json_from_string (event->data, NULL);
      g_ptr_array_add (events, event);
    }

  return events;
}

char *
test_event_get (GPtrArray  *events,
                guint       index,
                const char *path)
{
  g_assert_cmpuint (index, <, events->len);

  return get (((TestEvent *) events->pdata[index])->json, path);
}

char *
test_events_join (GPtrArray  *events,
                  const char *path)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < events->len; i++)
    {
      g_autofree char *piece = test_event_get (events, i, path);

      g_string_append (text, piece != NULL ? piece : "");
    }

  return g_string_free (text, FALSE);
}

char *
test_events_names (GPtrArray *events)
{
  GString *text = g_string_new (NULL);
  const char *last = NULL;

  for (guint i = 0; i < events->len; i++)
    {
      const TestEvent *event = events->pdata[i];

      if (g_strcmp0 (event->name, last) != 0)
        g_string_append_printf (text, "%s%s", text->len > 0 ? " " : "", event->name);
      last = event->name;
    }

  return g_string_free (text, FALSE);
}

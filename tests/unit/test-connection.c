/* SPDX-License-Identifier: MIT
 *
 * The deadlines of a client's connection, on a clock of the test's own: the sweep is told what time it is. And what its
 * errors tell clients about asking again.
 */

#include "gateway/vmp-connection.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Between a deadline and the moment at which it was set; the test's own steps take less. */
#define SLACK_MS 900

typedef struct {
  VmpServing serving;
  VmpConnection *connection; /* NULL once it is closed */
  int client;
  GString *got;
  guint requests;
  gboolean gone;
  gboolean answers;  /* each request gets its answer at once */
} Fixture;

static gboolean
admit (gpointer           user_data,
       VmpConnection     *connection,
       const VmpHttpHead *head)
{
  return TRUE;
}

static void
drained (gpointer user_data)
{
}

static void
gone (gpointer user_data)
{
  ((Fixture *) user_data)->gone = TRUE;
}

static const VmpAnswererFuncs answerer_funcs = { drained, gone };

static void
request (gpointer          user_data,
         VmpConnection    *connection,
         const VmpRequest *asked)
{
  Fixture *self = user_data;

  self->requests++;
  vmp_connection_set_answerer (connection, &answerer_funcs, self);
  if (self->answers)
    vmp_connection_empty (connection, 200, VMP_SLICE_LITERAL ("OK"), NULL, 0);
}

static void
closed (gpointer       user_data,
        VmpConnection *connection)
{
  ((Fixture *) user_data)->connection = NULL;
}

static const VmpServingFuncs serving_funcs = { admit, request, closed };

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
  self->answers = TRUE;
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
  g_assert_cmpint (self->serving.bodies_bytes, ==, 0);
  vmp_poll_free (self->serving.poll);
  close (self->client);
  g_string_free (self->got, TRUE);
}

static void
say (Fixture    *self,
     const char *text)
{
  g_assert_cmpint (write (self->client, text, strlen (text)), ==, (gssize) strlen (text));
}

/* Lets everything happen that can, and reads what comes of it. */
static void
settle (Fixture *self)
{
  char bytes[1000];
  gssize n;

  while (g_main_context_iteration (NULL, FALSE))
    ;
  while ((n = read (self->client, bytes, sizeof bytes)) > 0)
    g_string_append_len (self->got, bytes, n);
}

/* The sweep at so many ms from now. */
static void
sweep_in (Fixture *self,
          gint64   ms)
{
  vmp_connection_sweep (self->connection, g_get_monotonic_time () + ms * 1000);
  settle (self);
}

static void
assert_deadline (Fixture *self,
                 gint64   ms)
{
  settle (self);
  sweep_in (self, ms - SLACK_MS);
  g_assert_nonnull (self->connection);
  g_assert_null (strstr (self->got->str, " 408 "));
  sweep_in (self, ms + 1);
}

static void
test_silent_from_the_start (Fixture      *self,
                            gconstpointer data)
{
  assert_deadline (self, VMP_LIMIT_HEAD_MS);
  g_assert_null (self->connection);
  g_assert_cmpstr (self->got->str, ==, "");
}

static void
test_half_a_head (Fixture      *self,
                  gconstpointer data)
{
  say (self, "GET /v1/x HTTP/1.1\r\nHost: loc");
  assert_deadline (self, VMP_LIMIT_HEAD_MS);
  g_assert_true (g_str_has_prefix (self->got->str, "HTTP/1.1 408 "));

  /* It lingers, so that the client can read this, and no longer than it must. */
  g_assert_nonnull (self->connection);
  sweep_in (self, VMP_LIMIT_LINGER_MS + 1);
  g_assert_null (self->connection);
}

/* A head that trickles in does not move its deadline. */
static void
test_trickling_head (Fixture      *self,
                     gconstpointer data)
{
  gint64 before = g_get_monotonic_time ();
  int i;

  for (i = 0; i < 20; i++)
    {
      say (self, i == 0 ? "GET /v1/x HTTP/1.1\r\nA: " : "a");
      settle (self);
    }
  vmp_connection_sweep (self->connection, before + (VMP_LIMIT_HEAD_MS + SLACK_MS) * 1000);
  settle (self);
  g_assert_true (g_str_has_prefix (self->got->str, "HTTP/1.1 408 "));
}

static void
test_idle_between_requests (Fixture      *self,
                            gconstpointer data)
{
  say (self, "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert_deadline (self, VMP_LIMIT_IDLE_MS);
  g_assert_cmpuint (self->requests, ==, 1);
  g_assert_null (self->connection);
  g_assert_true (g_str_has_prefix (self->got->str, "HTTP/1.1 200 "));
}

/* The next head has its own, shorter time. */
static void
test_half_a_head_after_a_request (Fixture      *self,
                                  gconstpointer data)
{
  say (self, "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  settle (self);
  say (self, "GET");
  assert_deadline (self, VMP_LIMIT_HEAD_MS);
  g_assert_nonnull (strstr (self->got->str, "HTTP/1.1 408 "));
}

static void
test_body_stalls (Fixture      *self,
                  gconstpointer data)
{
  say (self, "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  settle (self);
  g_assert_cmpstr (self->got->str, ==, "HTTP/1.1 100 Continue\r\n\r\n");
  assert_deadline (self, VMP_LIMIT_BODY_STALL_MS);
  g_assert_nonnull (strstr (self->got->str, "HTTP/1.1 408 "));
  g_assert_cmpuint (self->requests, ==, 0);
}

/* A model may think for hours. */
static void
test_none_while_answering (Fixture      *self,
                           gconstpointer data)
{
  self->answers = FALSE;
  say (self, "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  settle (self);
  sweep_in (self, G_TIME_SPAN_DAY / 1000);
  g_assert_nonnull (self->connection);
  g_assert_false (self->gone);
}

static void
test_client_takes_nothing (Fixture      *self,
                           gconstpointer data)
{
  g_autofree char *much = g_strnfill (100000, 'x');

  self->answers = FALSE;
  say (self, "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  settle (self);
  vmp_connection_head (self->connection, 200, VMP_SLICE_LITERAL ("OK"), NULL, 0, -1);
  vmp_connection_body (self->connection, much, strlen (much));
  while (g_main_context_iteration (NULL, FALSE))
    ;

  vmp_connection_sweep (self->connection, g_get_monotonic_time () + (VMP_LIMIT_REPLY_STALL_MS - SLACK_MS) * 1000);
  g_assert_nonnull (self->connection);
  vmp_connection_sweep (self->connection, g_get_monotonic_time () + (VMP_LIMIT_REPLY_STALL_MS + 1) * 1000);
  g_assert_null (self->connection);
  g_assert_true (self->gone);
}

/* -- Errors -------------------------------------------------------------------------------- */

static void
test_asking_again (Fixture      *self,
                   gconstpointer data)
{
  static const struct {
    VmpProblem problem;
    const char *start;
    const char *retry_after; /* NULL: no such field */
    gboolean should_retry;
  } cases[] = {
    { VMP_PROBLEM_QUEUE_FULL, "HTTP/1.1 503 ", "5", TRUE },
    { VMP_PROBLEM_WAITED_IN_VAIN, "HTTP/1.1 503 ", "5", TRUE },
    { VMP_PROBLEM_SHUTTING_DOWN, "HTTP/1.1 503 ", "5", TRUE },
    { VMP_PROBLEM_NO_ROUTE_TARGET, "HTTP/1.1 503 ", "10", TRUE },
    { VMP_PROBLEM_DEADLINE, "HTTP/1.1 503 ", "10", FALSE },
    { VMP_PROBLEM_TOO_MANY_CONNECTIONS, "HTTP/1.1 503 ", "1", TRUE },
    { VMP_PROBLEM_KEYRING, "HTTP/1.1 503 ", NULL, TRUE },
    { VMP_PROBLEM_ALL_FAILED, "HTTP/1.1 502 ", NULL, FALSE },
    { VMP_PROBLEM_UPSTREAM_UNAVAILABLE, "HTTP/1.1 502 ", NULL, FALSE },
    { VMP_PROBLEM_NODE_TOKEN, "HTTP/1.1 502 ", NULL, FALSE },
    { VMP_PROBLEM_LOAD_FAILED, "HTTP/1.1 502 ", NULL, TRUE },
    { VMP_PROBLEM_LOOP, "HTTP/1.1 508 ", NULL, FALSE },
    { VMP_PROBLEM_MODEL_NOT_FOUND, "HTTP/1.1 404 ", NULL, FALSE },
    { VMP_PROBLEM_TRACE_NOT_FOUND, "HTTP/1.1 404 ", NULL, TRUE },
    { VMP_PROBLEM_MODEL_IN_USE, "HTTP/1.1 409 ", NULL, TRUE },
  };
  gsize i;

  self->answers = FALSE;
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *wait = g_strdup_printf ("\r\nRetry-After: %s\r\n", cases[i].retry_after);

      g_string_truncate (self->got, 0);
      say (self, "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
      settle (self);
      vmp_connection_problem (self->connection, cases[i].problem, "It is so.");
      settle (self);

      g_assert_true (g_str_has_prefix (self->got->str, cases[i].start));
      if (cases[i].retry_after != NULL)
        g_assert_nonnull (strstr (self->got->str, wait));
      else
        g_assert_null (strstr (self->got->str, "Retry-After"));
      g_assert_cmpint (strstr (self->got->str, "\r\nx-should-retry: false\r\n") == NULL, ==, cases[i].should_retry);
      g_assert_nonnull (strstr (self->got->str, "{\"error\":{\"message\":\"It is so.\",\"type\":\""));
    }
}

/* No entry of the table was forgotten. */
static void
test_problems_are_complete (void)
{
  guint i;

  for (i = 0; i < VMP_N_PROBLEMS; i++)
    {
      g_autofree char *json = vmp_problem_to_json (i, "It is so.", FALSE);

      g_assert_cmpuint (vmp_problem_status (i), >=, 400);
      g_assert_cmpuint (vmp_problem_status (i), <, 600);
      g_assert_null (strstr (json, "null"));
    }
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/gateway/connection/deadline/silent-from-the-start", test_silent_from_the_start);
  ADD ("/gateway/connection/deadline/half-a-head", test_half_a_head);
  ADD ("/gateway/connection/deadline/trickling-head", test_trickling_head);
  ADD ("/gateway/connection/deadline/idle-between-requests", test_idle_between_requests);
  ADD ("/gateway/connection/deadline/half-a-head-after-a-request", test_half_a_head_after_a_request);
  ADD ("/gateway/connection/deadline/body-stalls", test_body_stalls);
  ADD ("/gateway/connection/deadline/none-while-answering", test_none_while_answering);
  ADD ("/gateway/connection/deadline/client-takes-nothing", test_client_takes_nothing);
  ADD ("/gateway/connection/problem/asking-again", test_asking_again);
  g_test_add_func ("/gateway/connection/problem/all-have-a-code", test_problems_are_complete);

  return g_test_run ();
}

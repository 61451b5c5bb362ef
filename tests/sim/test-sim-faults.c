/* SPDX-License-Identifier: MIT
 *
 * Tests of lmstudio-sim: that each fault harms what it says, as much as it says, and nothing else.
 */

#include "test-sim.h"

#include <string.h>

#define CHAT "/v1/chat/completions"
#define ASK(rest) "{'messages':[{'role':'user','content':'Why?'}]" rest "}"
#define STREAM ",'stream':true"

static void
test_status (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) first = NULL;
  g_autoptr (TestReply) second = NULL;
  g_autoptr (TestReply) third = NULL;
  g_autofree char *retry_after = NULL;

  test_sim_set (sim, "{'status':429,'retry_after_s':7,'fault_count':2}");
  first = test_post (sim, CHAT, ASK (""));
  second = test_post (sim, CHAT, ASK (STREAM));
  third = test_post (sim, CHAT, ASK (""));
  retry_after = test_reply_field (first, "Retry-After");

  g_assert_cmpuint (first->status, ==, 429);
  g_assert_cmpstr (retry_after, ==, "7");
  g_assert_cmpuint (second->status, ==, 429);
  g_assert_cmpuint (third->status, ==, 200);
  g_assert_cmpint (test_sim_count (sim, "faults"), ==, 2);
}

static void
test_turns_and_paths (void)
{
  static const guint expected[] = { 200, 200, 503, 200 };
  g_autoptr (TestSim) sim = test_sim_start ("--status=503 --fault-skip=2 --fault-count=1 --fault-path=/v1/chat/*");

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autoptr (TestReply) list = test_get (sim, "/v1/models");
      g_autoptr (TestReply) chat = test_post (sim, CHAT, ASK (""));

      g_assert_cmpuint (list->status, ==, 200);
      g_assert_cmpuint (chat->status, ==, expected[i]);
    }
}

static void
test_hang (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--hang");
  TestConn *conn = test_conn_open (sim);
  g_autoptr (TestReply) stats = test_get (sim, "/sim/v1/stats");

  g_assert_cmpuint (stats->status, ==, 200);
  test_conn_request (conn, "POST", CHAT, NULL, ASK (STREAM));
  test_sim_await (sim, "active_requests", 1);
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 0);
  test_conn_close (conn);
  test_sim_await_at_most (sim, "active_requests", 0);
}

static void
test_hang_after_headers (void)
{
  static const char * const bodies[] = { ASK (""), ASK (STREAM) };
  g_autoptr (TestSim) sim = test_sim_start ("--hang-after-headers");

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      TestConn *conn = test_conn_open (sim);

      test_conn_request (conn, "POST", CHAT, NULL, bodies[i]);
      test_conn_read_until (conn, "\r\n\r\n");
      test_sim_await_at_most (sim, "active_generations", 0);
      g_assert_cmpuint (conn->buffer->len, ==, 0);
      g_assert_cmpint (test_sim_count (sim, "active_requests"), ==, 1);
      test_conn_close (conn);
      test_sim_await_at_most (sim, "active_requests", 0);
    }
}

/* Every answer is cut at every byte. */
static void
test_cut (void)
{
  static const char * const bodies[] = { ASK (",'max_tokens':2"), ASK (STREAM ",'max_tokens':2") };
  static const char * const ends[] = { "fin", "rst" };
  g_autoptr (TestSim) sim = test_sim_start ("--deterministic");

  for (guint i = 0; i < G_N_ELEMENTS (bodies) * G_N_ELEMENTS (ends); i++)
    {
      const char *body = bodies[i % G_N_ELEMENTS (bodies)];
      const char *by = ends[i / G_N_ELEMENTS (bodies)];
      TestEnd end = strcmp (by, "fin") == 0 ? TEST_END_EARLY : TEST_END_RESET;
      g_autoptr (TestReply) whole = test_post (sim, CHAT, body);

      for (gsize n = 0; n <= whole->wire_bytes; n++)
        {
          g_autofree char *knobs = g_strdup_printf ("{'cut_at_byte':%" G_GSIZE_FORMAT ",'cut_by':'%s'}", n, by);
          g_autoptr (TestReply) reply = NULL;

          test_sim_set (sim, knobs);
          reply = test_post (sim, CHAT, body);
          g_assert_cmpuint (reply->wire_bytes, ==, n);
          g_assert_cmpint (reply->end, ==, n < whole->wire_bytes ? end : TEST_END_WHOLE);
          g_assert_true (strncmp (whole->body->str, reply->body->str, reply->body->len) == 0);
        }
      test_sim_set (sim, "{'cut_at_byte':-1}");
    }
  /* Nobody left; the node did. */
  g_assert_cmpint (test_sim_count (sim, "aborted_generations"), ==, 0);
  test_sim_await_at_most (sim, "active_requests", 0);
}

static void
test_cut_scopes (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--deterministic");
  g_autoptr (TestReply) whole = test_post (sim, CHAT, ASK (STREAM));
  g_autoptr (TestReply) body = NULL;
  g_autoptr (TestReply) payload = NULL;
  g_autoptr (TestReply) nothing = NULL;

  test_sim_set (sim, "{'cut_at_byte':300,'cut_scope':'body'}");
  body = test_post (sim, CHAT, ASK (STREAM));
  g_assert_cmpstr (body->head, ==, whole->head);
  g_assert_cmpuint (body->wire_bytes, ==, strlen (whole->head) + 300);

  test_sim_set (sim, "{'cut_scope':'payload'}");
  payload = test_post (sim, CHAT, ASK (STREAM));
  /* The reader drops the chunk that is not whole; the wire had 300 bytes of payload and two sizes. */
  g_assert_cmpuint (payload->wire_bytes, >, strlen (whole->head) + 300);
  g_assert_cmpuint (payload->wire_bytes, <, strlen (whole->head) + 320);

  test_sim_set (sim, "{'cut_at_byte':0}");
  nothing = test_post (sim, CHAT, ASK (STREAM));
  g_assert_cmpuint (nothing->status, ==, 200);
  g_assert_cmpuint (nothing->body->len, ==, 0);
}

static void
test_malformed_json (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--malformed-json --deterministic");
  g_autoptr (TestReply) whole = test_post (sim, CHAT, ASK (""));
  g_autoptr (TestReply) stream = test_post (sim, CHAT, ASK (STREAM ",'max_tokens':3"));
  g_autoptr (TestReply) list = test_get (sim, "/api/v1/models");
  g_autoptr (GPtrArray) events = test_reply_events (stream);

  g_assert_cmpint (whole->end, ==, TEST_END_WHOLE);
  g_assert_null (whole->json);
  g_assert_null (list->json);
  g_assert_cmpint (stream->end, ==, TEST_END_WHOLE);
  g_assert_cmpuint (events->len, ==, 5);
  for (guint i = 0; i < events->len - 1; i++)
    g_assert_null (((TestEvent *) events->pdata[i])->json);
  g_assert_cmpstr (((TestEvent *) events->pdata[4])->data, ==, "[DONE]");
}

static void
test_slow_drip (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--deterministic");
  static const char * const bodies[] = { ASK (",'max_tokens':2"), ASK (STREAM ",'max_tokens':2") };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (TestReply) whole = test_post (sim, CHAT, bodies[i]);
      g_autoptr (TestConn) conn = test_conn_open (sim);
      g_autoptr (TestReply) slow = NULL;
      g_autoptr (TestReply) next = NULL;
      gint64 before;

      test_sim_set (sim, "{'slow_drip_ms':0.2,'slow_drip_bytes':7,'fault_count':1}");
      before = g_get_monotonic_time ();
      test_conn_request (conn, "POST", CHAT, NULL, bodies[i]);
      slow = test_conn_read (conn);
      g_assert_cmpint (g_get_monotonic_time () - before, >, (gint64) (whole->wire_bytes / 7 - 1) * 200);
      g_assert_cmpint (slow->end, ==, TEST_END_WHOLE);
      g_assert_cmpstr (slow->body->str, ==, whole->body->str);

      /* The connection is as good as before. */
      test_conn_request (conn, "POST", CHAT, NULL, bodies[i]);
      next = test_conn_read (conn);
      g_assert_cmpstr (next->body->str, ==, whole->body->str);
    }
}

static void
test_slow_drip_of_long_stream (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--slow-drip-ms=0.1 --slow-drip-bytes=20000 --answer-tokens=3000");
  g_autoptr (TestReply) reply = test_post (sim, CHAT, ASK (STREAM));

  g_assert_cmpint (reply->end, ==, TEST_END_WHOLE);
  g_assert_cmpuint (reply->n_chunks, ==, 3002);
}

static void
test_bad_chunk (void)
{
  static const struct {
    const char *knobs;
    TestEnd end;
  } cases[] = {
    { "{'bad_chunk':'size'}", TEST_END_BAD },
    { "{'bad_chunk':'crlf'}", TEST_END_BAD },
    { "{'bad_chunk':'huge'}", TEST_END_BAD },
    { "{'bad_chunk':'no_end'}", TEST_END_EARLY },
  };
  g_autoptr (TestSim) sim = test_sim_start ("");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestReply) stream = NULL;
      g_autoptr (TestReply) whole = NULL;

      test_sim_set (sim, cases[i].knobs);
      stream = test_post (sim, CHAT, ASK (STREAM ",'max_tokens':3"));
      whole = test_post (sim, CHAT, ASK (""));
      g_assert_cmpint (stream->end, ==, cases[i].end);
      g_assert_cmpuint (stream->n_chunks, ==, cases[i].end == TEST_END_BAD ? 1 : 5);
      g_assert_cmpint (whole->end, ==, TEST_END_WHOLE);
    }
}

static void
test_bad_head (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) garbage = NULL;
  g_autoptr (TestReply) lengths = NULL;
  g_autoptr (TestReply) both = NULL;
  g_autoptr (TestReply) huge = NULL;

  test_sim_set (sim, "{'bad_head':'garbage'}");
  garbage = test_post (sim, CHAT, ASK (""));
  g_assert_cmpint (garbage->end, ==, TEST_END_BAD);
  g_assert_cmpuint (garbage->status, ==, 0);

  test_sim_set (sim, "{'bad_head':'two_lengths'}");
  lengths = test_get (sim, "/v1/models");
  g_assert_nonnull (strstr (strstr (lengths->head, "Content-Length:") + 1, "Content-Length:"));

  test_sim_set (sim, "{'bad_head':'both'}");
  both = test_get (sim, "/v1/models");
  g_assert_nonnull (strstr (both->head, "Content-Length:"));
  g_assert_nonnull (strstr (both->head, "Transfer-Encoding: chunked"));

  test_sim_set (sim, "{'bad_head':'huge'}");
  huge = test_get (sim, "/v1/models");
  g_assert_cmpuint (strlen (huge->head), >, 512 * 1024);
  g_assert_cmpint (huge->end, ==, TEST_END_WHOLE);
}

static void
test_close_on_reused (void)
{
  static const struct {
    const char *by;
    gboolean is_reset;
  } cases[] = { { "fin", FALSE }, { "rst", TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--close-after-request-on-reused --cut-by=%s", cases[i].by);
      g_autoptr (TestConn) conn = test_conn_open (sim);
      g_autoptr (TestReply) first = NULL;
      g_autoptr (TestReply) second = NULL;
      g_autoptr (TestReply) elsewhere = NULL;

      test_conn_request (conn, "POST", CHAT, NULL, ASK (""));
      first = test_conn_read (conn);
      g_assert_cmpuint (first->status, ==, 200);
      test_conn_request (conn, "POST", CHAT, NULL, ASK (""));
      second = test_conn_read (conn);
      g_assert_cmpint (second->end, ==, cases[i].is_reset ? TEST_END_RESET : TEST_END_EARLY);
      g_assert_cmpuint (second->wire_bytes, ==, 0);
      g_assert_cmpint (test_sim_count (sim, "requests"), ==, 2);
      elsewhere = test_post (sim, CHAT, ASK (""));
      g_assert_cmpuint (elsewhere->status, ==, 200);
    }
}

static void
test_error_event (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--error-event-after-tokens=2");
  g_autoptr (TestReply) chat = test_post (sim, CHAT, ASK (STREAM));
  g_autoptr (TestReply) whole = test_post (sim, CHAT, ASK (""));
  g_autoptr (TestReply) native = test_post (sim, "/api/v1/chat",
                                            "{'model':'qwen/qwen3-4b','input':'Why?','stream':true}");
  g_autoptr (TestReply) messages = test_post (sim, "/v1/messages", ASK (STREAM ",'max_tokens':50"));
  g_autoptr (GPtrArray) chat_events = test_reply_events (chat);
  g_autoptr (GPtrArray) native_events = test_reply_events (native);
  g_autoptr (GPtrArray) messages_events = test_reply_events (messages);
  g_autofree char *native_names = test_events_names (native_events);
  g_autofree char *type = test_event_get (messages_events, messages_events->len - 1, "$.error.type");

  g_assert_cmpint (chat->end, ==, TEST_END_WHOLE);
  g_assert_cmpuint (chat_events->len, ==, 3);
  g_assert_cmpstr (((TestEvent *) chat_events->pdata[2])->name, ==, "error");
  g_assert_cmpuint (whole->status, ==, 500);
  g_assert_true (g_str_has_suffix (native_names, "message.start message.delta error chat.end"));
  g_assert_cmpstr (type, ==, "api_error");
  g_assert_cmpint (test_sim_count (sim, "failed_generations"), ==, 4);
}

static void
test_stall (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--deterministic");
  g_autoptr (TestReply) whole = test_post (sim, CHAT, ASK (STREAM));
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autoptr (TestReply) reply = NULL;

  test_sim_set (sim, "{'stall_after_tokens':3}");
  test_conn_request (conn, "POST", CHAT, NULL, ASK (STREAM));
  test_sim_await (sim, "stalled_generations", 1);
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 1);

  /* Further, and to the end. */
  test_sim_set (sim, "{'stall_after_tokens':5}");
  g_assert_cmpint (test_sim_count (sim, "stalled_generations"), ==, 1);
  test_sim_set (sim, "{'stall_after_tokens':-1}");
  reply = test_conn_read (conn);
  g_assert_cmpstr (reply->body->str, ==, whole->body->str);
  g_assert_cmpint (test_sim_count (sim, "stalled_generations"), ==, 0);
}

static void
expect_refused (TestSim *sim)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (test_conn_try (sim, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

static void
test_refuse_closed (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestConn) kept = test_conn_open (sim);
  g_autoptr (TestReply) on_kept = NULL;
  g_autoptr (TestReply) after = NULL;

  test_sim_set (sim, "{'refuse':'closed'}");
  expect_refused (sim);
  expect_refused (sim);
  test_conn_request (kept, "GET", "/v1/models", NULL, NULL);
  on_kept = test_conn_read (kept);
  g_assert_cmpuint (on_kept->status, ==, 200);
  test_sim_set (sim, "{'refuse':'off'}");
  after = test_get (sim, "/v1/models");
  g_assert_cmpuint (after->status, ==, 200);

  /* And back by itself. */
  test_sim_set (sim, "{'refuse':'closed','refuse_ms':20}");
  test_sim_await (sim, "listening", 1);
  g_clear_pointer (&after, test_reply_free);
  after = test_get (sim, "/v1/models");
  g_assert_cmpuint (after->status, ==, 200);
}

static void
test_refuse_accept (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--refuse=accept --refuse-count=2");
  g_autoptr (TestReply) after = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (TestConn) conn = test_conn_try (sim, &error);

      /* The RST may be there before the connect has been told. */
      if (conn != NULL)
        {
          test_conn_expect_end (conn);
          g_assert_true (conn->is_reset);
        }
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
    }
  after = test_get (sim, "/v1/models");
  g_assert_cmpuint (after->status, ==, 200);
  g_assert_cmpint (test_sim_count (sim, "connections_refused"), ==, 2);
}

static void
test_control_is_spared (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  static const char * const knobs[] = {
    "{'hang':true}", "{'status':500}", "{'cut_at_byte':0}", "{'slow_drip_ms':60000}", "{'bad_head':'garbage'}",
    "{'malformed_json':true}", "{'refuse':'closed'}", "{'refuse':'accept'}",
    "{'close_after_request_on_reused':true}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (knobs); i++)
    {
      test_sim_set (sim, knobs[i]);
      test_sim_reset (sim);
    }
  g_assert_cmpint (test_sim_count (sim, "faults"), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sim/fault/status", test_status);
  g_test_add_func ("/sim/fault/turns-and-paths", test_turns_and_paths);
  g_test_add_func ("/sim/fault/hang", test_hang);
  g_test_add_func ("/sim/fault/hang-after-headers", test_hang_after_headers);
  g_test_add_func ("/sim/fault/cut", test_cut);
  g_test_add_func ("/sim/fault/cut/scopes", test_cut_scopes);
  g_test_add_func ("/sim/fault/malformed-json", test_malformed_json);
  g_test_add_func ("/sim/fault/slow-drip", test_slow_drip);
  g_test_add_func ("/sim/fault/slow-drip/long-stream", test_slow_drip_of_long_stream);
  g_test_add_func ("/sim/fault/bad-chunk", test_bad_chunk);
  g_test_add_func ("/sim/fault/bad-head", test_bad_head);
  g_test_add_func ("/sim/fault/close-on-reused", test_close_on_reused);
  g_test_add_func ("/sim/fault/error-event", test_error_event);
  g_test_add_func ("/sim/fault/stall", test_stall);
  g_test_add_func ("/sim/fault/refuse/closed", test_refuse_closed);
  g_test_add_func ("/sim/fault/refuse/accept", test_refuse_accept);
  g_test_add_func ("/sim/fault/control-is-spared", test_control_is_spared);

  return g_test_run ();
}

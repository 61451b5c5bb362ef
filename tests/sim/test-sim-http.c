/* SPDX-License-Identifier: MIT
 *
 * Tests of lmstudio-sim: its HTTP, and what it notices of its clients. Connections kept and closed,
 * requests in every cut, clients that leave, what it records, its knobs and its command line.
 */

#include "test-sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHAT "/v1/chat/completions"
#define QUESTION "'messages':[{'role':'user','content':'Why?'}]"
#define ASK(rest) "{" QUESTION rest "}"
#define STREAM ",'stream':true"

/* -- Connections ----------------------------------------------------------------------------- */

static void
test_keep_alive (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autofree char *nth = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (TestReply) reply = NULL;

      test_conn_request (conn, "POST", CHAT, NULL, ASK (""));
      reply = test_conn_read (conn);
      g_assert_cmpuint (reply->status, ==, 200);
      g_assert_cmpint (reply->end, ==, TEST_END_WHOLE);
    }
  g_assert_cmpint (test_sim_count (sim, "connections_opened"), ==, 1);
  g_assert_cmpint (test_sim_count (sim, "requests"), ==, 3);
  nth = test_sim_stat (sim, "$.last_request.nth_on_connection");
  g_assert_cmpstr (nth, ==, "3");
}

static void
test_idle_closes (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--keep-alive-ms=40");
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autoptr (TestReply) reply = NULL;
  gint64 before;

  test_conn_request (conn, "GET", "/v1/models", NULL, NULL);
  reply = test_conn_read (conn);
  before = g_get_monotonic_time ();
  test_conn_expect_end (conn);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 30 * 1000);
  test_sim_await_at_most (sim, "connections_active", 0);
}

static void
test_close_asked (void)
{
  static const char * const requests[] = {
    "GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /v1/models HTTP/1.0\r\n\r\n",
  };
  g_autoptr (TestSim) sim = test_sim_start ("");

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_autoptr (TestConn) conn = test_conn_open (sim);
      g_autoptr (TestReply) reply = NULL;
      g_autofree char *connection = NULL;

      test_conn_send (conn, requests[i], -1);
      reply = test_conn_read (conn);
      connection = test_reply_field (reply, "Connection");
      g_assert_cmpstr (connection, ==, "close");
      g_assert_cmpint (reply->end, ==, TEST_END_WHOLE);
      test_conn_expect_end (conn);
      g_assert_false (conn->is_reset);
    }
}

static void
test_http_1_0_stream (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autofree char *body = test_json (ASK (STREAM));
  g_autofree char *request = g_strdup_printf ("POST " CHAT " HTTP/1.0\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                                              strlen (body), body);
  g_autoptr (TestReply) reply = NULL;

  test_conn_send (conn, request, -1);
  reply = test_conn_read (conn);
  g_assert_cmpint (reply->end, ==, TEST_END_CLOSED);
  g_assert_true (g_str_has_suffix (reply->body->str, "data: [DONE]\n\n"));
}

static void
test_pipelining (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autoptr (GString) requests = g_string_new (NULL);
  g_autofree char *body = test_json (ASK (STREAM ",'max_tokens':2"));

  for (guint i = 0; i < 50; i++)
    g_string_append_printf (requests,
                            "GET /v1/models?%u HTTP/1.1\r\nHost: x\r\n\r\n"
                            "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                            i, strlen (body), body);
  test_conn_send (conn, requests->str, (gssize) requests->len);
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (TestReply) list = test_conn_read (conn);
      g_autoptr (TestReply) chat = test_conn_read (conn);

      test_reply_expect (list, "$.object", "list");
      g_assert_true (g_str_has_suffix (chat->body->str, "data: [DONE]\n\n"));
    }
}

/* -- Requests -------------------------------------------------------------------------------- */

static void
test_request_in_pieces (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autofree char *request = test_json ("POST " CHAT " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                        "5;x=y\r\n{'mes\r\n1B\r\nsages':[{'role':'user','con\r\n"
                                        "10\r\ntent':'Hello'}]}\r\n0\r\nTrailer: x\r\n\r\n");
  g_autoptr (TestReply) reply = NULL;
  g_autofree char *bytes = NULL;

  for (const char *c = request; *c != '\0'; c++)
    test_conn_send (conn, c, 1);
  reply = test_conn_read (conn);
  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_nonnull (strstr (reply->body->str, "Hello!"));
  bytes = test_sim_stat (sim, "$.last_request.body_bytes");
  g_assert_cmpstr (bytes, ==, "48");
}

static void
test_expect_continue (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestConn) conn = test_conn_open (sim);
  g_autofree char *body = test_json (ASK (""));
  g_autofree char *head = g_strdup_printf ("POST " CHAT " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                           "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n", strlen (body));
  g_autoptr (TestReply) go_on = NULL;
  g_autoptr (TestReply) reply = NULL;

  test_conn_send (conn, head, -1);
  go_on = test_conn_read (conn);
  g_assert_cmpuint (go_on->status, ==, 100);
  test_conn_send (conn, body, -1);
  reply = test_conn_read (conn);
  g_assert_cmpuint (reply->status, ==, 200);
}

static void
test_big_body (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (GString) body = g_string_new ("{'model':'google/gemma-3-12b','messages':[{'role':'user','content':"
                                           "[{'type':'image_url','image_url':{'url':'data:image/jpeg;base64,");
  g_autofree char *json = NULL;
  g_autofree char *sum = NULL;
  g_autofree char *seen = NULL;
  g_autoptr (TestReply) reply = NULL;

  while (body->len < 5 * 1024 * 1024)
    g_string_append (body, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2");
  g_string_append (body, "'}}]}]}");
  json = test_json (body->str);
  sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, json, -1);
  reply = test_post (sim, CHAT, json);

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_nonnull (strstr (reply->body->str, "JPEG of about"));
  seen = test_sim_stat (sim, "$.last_request.body_sha256");
  g_assert_cmpstr (seen, ==, sum);
}

static void
test_bad_requests (void)
{
  static const struct {
    const char *request;
    guint status;
  } cases[] = {
    { "nonsense\r\n\r\n", 400 },
    { "GET /v1/models\r\n\r\n", 400 },
    { "GET /v1/models HTTP/2.0\r\n\r\n", 400 },
    { "GET  /v1/models HTTP/1.1\r\n\r\n", 400 },
    { "GET /v1/models HTTP/1.1\r\nno colon\r\n\r\n", 400 },
    { "GET /v1/models HTTP/1.1\r\nbad name: x\r\n\r\n", 400 },
    { "GET /v1/models HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400 },
    { "POST /v1/models HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413 },
  };
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (GString) long_head = g_string_new ("GET / HTTP/1.1\r\nX: ");
  g_autoptr (TestConn) conn = NULL;
  g_autoptr (TestReply) too_long = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestConn) each = test_conn_open (sim);
      g_autoptr (TestReply) reply = NULL;

      test_conn_send (each, cases[i].request, -1);
      reply = test_conn_read (each);
      if (reply->status != cases[i].status)
        g_error ("%u, not %u: %s", reply->status, cases[i].status, cases[i].request);
      test_conn_expect_end (each);
    }

  while (long_head->len < 17000)
    g_string_append (long_head, "xxxxxxxxxxxxxxxx");
  conn = test_conn_open (sim);
  test_conn_send (conn, long_head->str, (gssize) long_head->len);
  too_long = test_conn_read (conn);
  g_assert_cmpuint (too_long->status, ==, 431);
  g_assert_cmpint (test_sim_count (sim, "bad_requests"), ==, G_N_ELEMENTS (cases) + 1);
  g_assert_cmpint (test_sim_count (sim, "active_requests"), ==, 0);
}

/* -- Clients that leave ---------------------------------------------------------------------- */

static void
test_leaving (void)
{
  static const struct {
    const char *knobs;
    const char *reached;   /* the counter that tells where the request is */
    const char *body;
    gboolean keeps_slot;
  } cases[] = {
    { "{'stall_after_tokens':2}", "stalled_generations", ASK (STREAM), FALSE },
    { "{'stall_after_tokens':2}", "stalled_generations", ASK (""), FALSE },
    { "{'tokens_per_second':1}", "active_generations", ASK (""), FALSE },
    { "{'ttft_ms':3600000}", "active_generations", ASK (STREAM), TRUE },
    { "{'ttft_ms':3600000}", "active_generations", ASK (""), TRUE },
    { "{'ttft_ms':3600000,'finish_prompt':false}", "active_generations", ASK (STREAM), FALSE },
    { "{'load_ms':3600000}", "queued_generations", "{'model':'openai/gpt-oss-20b'," QUESTION "}", FALSE },
    { "{'load_ms':3600000}", "queued_generations", "{'model':'openai/gpt-oss-20b'," QUESTION STREAM "}", FALSE },
  };
  g_autoptr (TestSim) sim = test_sim_start ("");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      TestConn *conn = test_conn_open (sim);

      test_sim_set (sim, cases[i].knobs);
      test_conn_request (conn, "POST", CHAT, NULL, cases[i].body);
      test_sim_await (sim, cases[i].reached, 1);
      test_conn_close (conn);
      test_sim_await (sim, "aborted_generations", 1);
      g_assert_cmpint (test_sim_count (sim, "active_requests"), ==, 0);
      g_assert_cmpint (test_sim_count (sim, "queued_generations"), ==, 0);
      g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, cases[i].keeps_slot ? 1 : 0);
      /* The prompt is processed to its end, and then the slot is free. */
      test_sim_set (sim, "{'ttft_ms':0}");
      test_sim_await_at_most (sim, "active_generations", 0);
      test_sim_reset (sim);
    }
}

static void
test_leaving_by_half (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--stall-after-tokens=0");
  g_autoptr (TestConn) conn = test_conn_open (sim);

  test_conn_request (conn, "POST", CHAT, NULL, ASK (""));
  test_sim_await (sim, "stalled_generations", 1);
  g_socket_shutdown (g_socket_connection_get_socket (conn->connection), FALSE, TRUE, NULL);
  test_sim_await (sim, "aborted_generations", 1);
}

static void
test_slow_client_slows_it_down (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--answer-tokens=100000 --model=a/long:loaded --context-length=131072");
  g_autoptr (TestConn) stalled = test_conn_open (sim);
  g_autoptr (TestReply) other = NULL;

  test_conn_request (stalled, "POST", CHAT, NULL, ASK (STREAM));
  test_sim_await (sim, "tokens_sent", 100);
  /* Another stream of the same length is over, the one that nobody reads is not. */
  other = test_post (sim, CHAT, ASK (STREAM));
  g_assert_cmpint (other->end, ==, TEST_END_WHOLE);
  test_sim_await (sim, "finished_generations", 1);
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 1);
  g_assert_cmpint (test_sim_count (sim, "tokens_sent"), <, 200000);
  test_conn_read_until (stalled, "data: [DONE]");
  g_assert_cmpint (test_sim_count (sim, "tokens_sent"), ==, 200000);
}

static void
test_many_streams (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--parallel=1000 --stall-after-tokens=1 --model=a/one:loaded");
  TestConn *conns[300];

  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    {
      conns[i] = test_conn_open (sim);
      test_conn_request (conns[i], "POST", CHAT, NULL, ASK (STREAM));
    }
  test_sim_await (sim, "stalled_generations", G_N_ELEMENTS (conns));
  test_sim_set (sim, "{'stall_after_tokens':-1,'tokens_per_second':2000}");
  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    {
      test_conn_read_until (conns[i], "data: [DONE]");
      test_conn_close (conns[i]);
    }
  g_assert_cmpint (test_sim_count (sim, "finished_generations"), ==, G_N_ELEMENTS (conns));
  test_sim_await_at_most (sim, "connections_active", 0);
}

static void
test_pace (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--tokens-per-second=400 --ttft-ms=30");
  static const char * const bodies[] = { ASK (STREAM ",'max_tokens':21"), ASK (",'max_tokens':21") };

  /* It may be late, on a busy machine, but never early: 30 ms, then 20 or 21 gaps of 2.5 ms. */
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      gint64 before = g_get_monotonic_time ();
      g_autoptr (TestReply) reply = test_post (sim, CHAT, bodies[i]);

      g_assert_cmpuint (reply->status, ==, 200);
      g_assert_cmpint (g_get_monotonic_time () - before, >=, 79 * 1000);
    }
}

static void
test_early_head (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--ttft-ms=3600000 --early-head");
  g_autoptr (TestConn) conn = test_conn_open (sim);

  test_conn_request (conn, "POST", CHAT, NULL, ASK (STREAM));
  test_conn_read_until (conn, "Content-Type: text/event-stream");
  test_conn_read_until (conn, "\r\n\r\n");
  g_assert_cmpint (test_sim_count (sim, "tokens_sent"), ==, 0);
}

static void
test_ends_with_work_left (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--load-ms=3600000 --download-ms=3600000");
  g_autoptr (TestReply) download = test_post (sim, "/api/v1/models/download", "{'model':'x/y'}");
  g_autoptr (TestConn) stalled = test_conn_open (sim);
  g_autoptr (TestConn) loading = test_conn_open (sim);
  g_autoptr (TestConn) ordered = test_conn_open (sim);
  g_autoptr (TestConn) embedding = test_conn_open (sim);
  TestConn *gone = test_conn_open (sim);

  test_reply_expect (download, "$.status", "downloading");
  test_sim_set (sim, "{'stall_after_tokens':1}");
  test_conn_request (stalled, "POST", CHAT, NULL, ASK (STREAM));
  test_conn_request (loading, "POST", "/api/v1/chat", NULL, "{'model':'openai/gpt-oss-20b','input':'x','stream':true}");
  test_conn_request (ordered, "POST", "/api/v1/models/load", NULL, "{'model':'google/gemma-3-12b'}");
  test_sim_await (sim, "loading", 2);
  test_sim_await (sim, "stalled_generations", 1);
  test_sim_set (sim, "{'ttft_ms':3600000}");
  test_conn_request (embedding, "POST", "/v1/embeddings", NULL, "{'input':'x'}");
  test_conn_request (gone, "POST", CHAT, NULL, ASK (""));
  test_sim_await (sim, "active_generations", 3);
  test_conn_close (gone);
  test_sim_await (sim, "aborted_generations", 1);
  /* test_sim_stop () checks that it ends well, and the sanitizers that nothing is left. */
}

/* -- What it records, its knobs, its command line -------------------------------------------- */

static void
test_record (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_request (sim, "POST", "/v1/chat/completions?a=1&a=2",
                                              "X-Two: one\r\nX-Two:  two \r\n",
                                              ASK (",'max_tokens':1"));
  g_autofree char *method = test_sim_stat (sim, "$.last_request.method");
  g_autofree char *target = test_sim_stat (sim, "$.last_request.target");
  g_autofree char *headers = test_sim_stat (sim, "$.last_request.headers");
  g_autofree char *by_path = test_sim_stat (sim, "$.requests_by_path['POST /v1/chat/completions']");
  g_autofree char *wire = test_sim_stat (sim, "$.last_answer.wire_bytes");
  g_autofree char *payload = test_sim_stat (sim, "$.last_answer.payload_bytes");
  g_autofree char *wire_seen = g_strdup_printf ("%" G_GSIZE_FORMAT, reply->wire_bytes);
  g_autofree char *payload_seen = g_strdup_printf ("%" G_GSIZE_FORMAT, reply->body->len);
  g_autofree char *off = NULL;

  g_assert_cmpstr (method, ==, "POST");
  g_assert_cmpstr (target, ==, "/v1/chat/completions?a=1&a=2");
  g_assert_nonnull (strstr (headers, "[\"X-Two\",\"one\"],[\"X-Two\",\"two\"]"));
  g_assert_cmpstr (by_path, ==, "1");
  g_assert_cmpstr (wire, ==, wire_seen);
  g_assert_cmpstr (payload, ==, payload_seen);

  test_sim_set (sim, "{'record':false}");
  g_clear_pointer (&reply, test_reply_free);
  reply = test_get (sim, "/v1/models");
  off = test_sim_stat (sim, "$.last_request.target");
  g_assert_cmpstr (off, ==, "/v1/chat/completions?a=1&a=2");
  g_assert_cmpint (test_sim_count (sim, "requests"), ==, 2);
}

static void
test_knobs (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("'--name=Studio Mac' --ttft_ms 12 --no-jit --cut-by rst");
  g_autoptr (TestReply) config = test_get (sim, "/sim/v1/config");
  g_autoptr (TestReply) after = NULL;
  g_autoptr (TestReply) chat = test_post (sim, CHAT, ASK (""));

  test_reply_expect (config, "$.name", "Studio Mac");
  test_reply_expect (config, "$.ttft_ms", "12");
  test_reply_expect (config, "$.jit", "false");
  test_reply_expect (config, "$.cut_by", "rst");
  test_reply_expect (config, "$.api_token", "[]");
  g_assert_nonnull (strstr (chat->body->str, "on Studio Mac."));

  test_sim_set (sim, "{'api_token':['a','b'],'tokens_per_second':'5','refuse_count':3,'jit':'on'}");
  test_sim_set_refused (sim, "{'ttft_ms':1,'nonsense':1}");
  test_sim_set_refused (sim, "{'ttft_ms':-1}");
  test_sim_set_refused (sim, "{'cut_at_byte':1.5}");
  test_sim_set_refused (sim, "{'cut_by':'axe'}");
  test_sim_set_refused (sim, "{'version':'new'}");
  test_sim_set_refused (sim, "{'version':'0.4.0.1'}");
  test_sim_set_refused (sim, "{'jit':7}");
  test_sim_set_refused (sim, "[]");
  test_sim_set_refused (sim, "{");
  after = test_get (sim, "/sim/v1/config");
  test_reply_expect (after, "$.api_token", "[\"a\",\"b\"]");
  test_reply_expect (after, "$.tokens_per_second", "5");
  test_reply_expect (after, "$.jit", "true");

  test_sim_reset (sim);
  g_clear_pointer (&after, test_reply_free);
  after = test_get (sim, "/sim/v1/config");
  g_assert_cmpstr (after->body->str, ==, config->body->str);
}

static void
test_control (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) unknown = test_get (sim, "/sim/v1/nothing");
  g_autoptr (TestReply) vague = test_get (sim, "/sim/v1/wait?counter=requests");
  g_autoptr (TestReply) nobody = test_get (sim, "/sim/v1/wait?counter=patience&at_least=1");
  g_autoptr (TestReply) late = test_get (sim, "/sim/v1/wait?counter=requests&at_least=1&timeout_ms=1");
  TestSim control = *sim;
  g_autoptr (TestReply) models = NULL;
  TestConn *waiting = test_conn_open (sim);

  g_assert_cmpuint (unknown->status, ==, 404);
  g_assert_cmpuint (vague->status, ==, 400);
  g_assert_cmpuint (nobody->status, ==, 400);
  g_assert_cmpuint (late->status, ==, 408);
  test_reply_expect (late, "$.requests", "0");
  g_assert_cmpint (test_sim_count (sim, "connections_opened"), ==, 1);  /* the one that has said nothing yet */

  control.port = sim->control_port;
  models = test_get (&control, "/v1/models");
  g_assert_cmpuint (models->status, ==, 404);
  g_assert_cmpint (test_sim_count (sim, "requests"), ==, 0);

  /* One who waits may leave. */
  test_conn_request (waiting, "GET", "/sim/v1/wait?counter=requests&at_least=5", NULL, NULL);
  test_sim_await_at_most (sim, "connections_opened", 0);
  test_conn_close (waiting);
}

static void
test_drop (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--stall-after-tokens=1");
  g_autoptr (TestConn) idle = test_conn_open (sim);
  g_autoptr (TestConn) busy = test_conn_open (sim);
  g_autoptr (TestReply) list = NULL;
  g_autoptr (TestReply) chat = NULL;

  test_conn_request (idle, "GET", "/v1/models", NULL, NULL);
  list = test_conn_read (idle);
  test_conn_request (busy, "POST", CHAT, NULL, ASK (STREAM));
  test_sim_await (sim, "stalled_generations", 1);

  test_sim_drop (sim, "{'connections':'idle'}");
  test_conn_expect_end (idle);
  g_assert_false (idle->is_reset);
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 1);
  test_sim_drop (sim, "{'connections':'all','by':'rst'}");
  chat = test_conn_read (busy);
  g_assert_cmpint (chat->end, ==, TEST_END_RESET);
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 0);
  /* The node ended it, not the client. */
  g_assert_cmpint (test_sim_count (sim, "aborted_generations"), ==, 0);
}

static int
run (const char *flag,
     char      **out,
     char      **err)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error,
                              g_getenv ("LMSTUDIO_SIM"), flag, NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, out, err, &error);
  g_assert_no_error (error);

  return g_subprocess_get_exit_status (process);
}

static void
test_command_line (void)
{
  static const struct {
    const char *flag;
    const char *says;
    int status;
  } cases[] = {
    { "--nonsense", "there is no flag --nonsense", 2 },
    { "word", "there is no flag word", 2 },
    { "--no-version", "there is no flag --no-version", 2 },
    { "--ttft-ms", "--ttft-ms needs a value", 2 },
    { "--ttft-ms=soon", "ttft_ms must be a number", 2 },
    { "--refuse=maybe", "refuse must be one of off|closed|accept", 2 },
    { "--port=70000", "70000", 2 },
    { "--models=/nonexistent.json", "/nonexistent.json", 2 },
    { "--log-level=loud", "loud", 2 },
    { "--host=example.org", "example.org is no IP address", 1 },
  };
  g_autofree char *help = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *out = NULL;
      g_autofree char *err = NULL;

      g_assert_cmpint (run (cases[i].flag, &out, &err), ==, cases[i].status);
      g_assert_cmpstr (out, ==, "");
      g_assert_true (g_str_has_prefix (err, "lmstudio-sim: "));
      g_assert_nonnull (strstr (err, cases[i].says));
    }

  g_assert_cmpint (run ("--help", &help, NULL), ==, 0);
  g_assert_true (g_str_has_prefix (help, "lmstudio-sim, a simulated LM Studio (a test double, not the real one)\n"));
}

static void
test_help_names_every_knob (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) config = test_get (sim, "/sim/v1/config");
  g_autofree char *help = NULL;
  JsonObjectIter iter;
  const char *name;

  g_assert_cmpint (run ("--help", &help, NULL), ==, 0);
  json_object_iter_init (&iter, json_node_get_object (config->json));
  while (json_object_iter_next (&iter, &name, NULL))
    {
      g_autofree char *flag = g_strdup_printf ("\n  --%s", name);

      g_strdelimit (flag + strlen ("\n  --"), "_", '-');
      if (strstr (help, flag) == NULL)
        g_error ("the help lacks %s", flag);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sim/http/keep-alive", test_keep_alive);
  g_test_add_func ("/sim/http/idle-closes", test_idle_closes);
  g_test_add_func ("/sim/http/close-asked", test_close_asked);
  g_test_add_func ("/sim/http/1.0-stream", test_http_1_0_stream);
  g_test_add_func ("/sim/http/pipelining", test_pipelining);
  g_test_add_func ("/sim/http/request-in-pieces", test_request_in_pieces);
  g_test_add_func ("/sim/http/expect-continue", test_expect_continue);
  g_test_add_func ("/sim/http/big-body", test_big_body);
  g_test_add_func ("/sim/http/bad-requests", test_bad_requests);
  g_test_add_func ("/sim/client/leaving", test_leaving);
  g_test_add_func ("/sim/client/leaving-by-half", test_leaving_by_half);
  g_test_add_func ("/sim/client/slow", test_slow_client_slows_it_down);
  g_test_add_func ("/sim/client/many", test_many_streams);
  g_test_add_func ("/sim/pace", test_pace);
  g_test_add_func ("/sim/early-head", test_early_head);
  g_test_add_func ("/sim/ends-with-work-left", test_ends_with_work_left);
  g_test_add_func ("/sim/record", test_record);
  g_test_add_func ("/sim/knobs", test_knobs);
  g_test_add_func ("/sim/control", test_control);
  g_test_add_func ("/sim/drop", test_drop);
  g_test_add_func ("/sim/command-line", test_command_line);
  g_test_add_func ("/sim/command-line/help", test_help_names_every_knob);

  return g_test_run ();
}

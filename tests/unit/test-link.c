/* SPDX-License-Identifier: MIT
 *
 * Tests of the lasting connection to a gateway: how it is found, lost and found again, what it is asked, and what
 * becomes of that when either side ends.
 */

#include "client/vmp-link.h"

#include <glib/gstdio.h>
#include <string.h>

#include "client/vmp-link-private.h"
#include "core/vmp-limits.h"
#include "fake-gateway.h"
#include "gateway/vmp-owner-file.h"

#define LONG_MS (600 * 1000)

#define COMPLETIONS "POST /v1/chat/completions"

typedef struct {
  char *folder;
  char *owner_file;
  FakeGateway *gateway;
  VmpSettings *settings;
  VmpLink *link;
  guint n_resets;
  guint n_states;
  GPtrArray *events;   /* "type data" */
} Fixture;

/* -- A link and its gateway ---------------------------------------------------------------- */

static void
event_cb (VmpLink    *link,
          const char *type,
          JsonObject *data,
          Fixture    *fixture)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), data);
  g_autofree char *text = vmp_json_print (node);

  g_assert_cmpint (vmp_link_get_state (link), ==, VMP_LINK_CONNECTED);
  g_ptr_array_add (fixture->events, g_strdup_printf ("%s %s", type, text));
}

static void
reset_cb (VmpLink *link,
          Fixture *fixture)
{
  g_assert_cmpint (vmp_link_get_state (link), ==, VMP_LINK_CONNECTED);
  fixture->n_resets++;
}

static void
state_cb (VmpLink    *link,
          GParamSpec *pspec,
          Fixture    *fixture)
{
  int state;

  g_object_get (link, "state", &state, NULL);
  g_assert_cmpint (state, ==, vmp_link_get_state (link));
  g_assert_true ((vmp_link_get_trouble (link) != NULL) == (state == VMP_LINK_LOST));
  fixture->n_states++;
}

static void
make_link (Fixture    *fixture,
           const char *gateway)
{
  fixture->link = vmp_link_new (gateway, fixture->settings);
  g_signal_connect (fixture->link, "event", G_CALLBACK (event_cb), fixture);
  g_signal_connect (fixture->link, "reset", G_CALLBACK (reset_cb), fixture);
  g_signal_connect (fixture->link, "notify::state", G_CALLBACK (state_cb), fixture);
}

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  g_autofree char *data_dir = NULL;
  g_autofree char *home = NULL;
  g_autoptr (GError) error = NULL;
  const char *argv[] = { NULL, "--port=1", NULL };
  const char *env[] = { NULL, NULL };

  fixture->folder = g_dir_make_tmp ("vampire-link-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->owner_file = g_build_filename (fixture->folder, VMP_OWNER_FILE, NULL);
  argv[0] = data_dir = g_strconcat ("--data-dir=", fixture->folder, NULL);
  env[0] = home = g_strconcat ("HOME=", fixture->folder, NULL);
  fixture->settings = vmp_settings_load (argv, env, &error);
  g_assert_no_error (error);

  fixture->gateway = fake_gateway_new (0);
  fixture->events = g_ptr_array_new_with_free_func (g_free);
  make_link (fixture, NULL);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  VmpLink *link = fixture->link;

  vmp_link_stop (link);
  g_object_add_weak_pointer (G_OBJECT (link), (gpointer *) &link);
  g_object_unref (fixture->link);
  await (link == NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;

  g_clear_pointer (&fixture->gateway, fake_gateway_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_ptr_array_unref (fixture->events);
  vmp_settings_unref (fixture->settings);
  g_unlink (fixture->owner_file);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->owner_file);
  g_free (fixture->folder);
}

static void
write_owner_file (Fixture    *fixture,
                  const char *url)
{
  g_autoptr (GError) error = NULL;

  vmp_owner_file_write (fixture->folder, url, "here", "secret", &error);
  g_assert_no_error (error);
}

static void
connect_link (Fixture *fixture)
{
  write_owner_file (fixture, fake_gateway_get_url (fixture->gateway));
  vmp_link_start (fixture->link);
  await (vmp_link_get_state (fixture->link) == VMP_LINK_CONNECTED);
}

static gboolean
is_lost (Fixture *fixture)
{
  return vmp_link_get_state (fixture->link) == VMP_LINK_LOST;
}

static gboolean
is_connected (Fixture *fixture)
{
  return vmp_link_get_state (fixture->link) == VMP_LINK_CONNECTED;
}

static void
assert_trouble (Fixture    *fixture,
                const char *part)
{
  const char *trouble = vmp_link_get_trouble (fixture->link);

  g_assert_nonnull (trouble);
  g_test_message ("%s", trouble);
  g_assert_nonnull (strstr (trouble, part));
}

/* -- Finding and losing -------------------------------------------------------------------- */

static void
test_connects (Fixture      *fixture,
               gconstpointer data)
{
  const char *request;

  g_assert_cmpint (vmp_link_get_state (fixture->link), ==, VMP_LINK_CONNECTING);
  g_assert_null (vmp_link_get_url (fixture->link));
  connect_link (fixture);

  g_assert_cmpstr (vmp_link_get_url (fixture->link), ==, fake_gateway_get_url (fixture->gateway));
  g_assert_null (vmp_link_get_trouble (fixture->link));
  g_assert_cmpuint (fixture->n_resets, ==, 1);
  g_assert_cmpuint (fixture->n_states, ==, 1);
  request = fake_gateway_get_request (fixture->gateway, FAKE_EVENTS);
  g_assert_nonnull (strstr (request, "Authorization: Bearer secret\r\n"));
  g_assert_nonnull (strstr (request, "Accept: text/event-stream\r\n"));
  g_assert_null (strstr (request, "Last-Event-ID"));
}

static void
test_named (Fixture      *fixture,
            gconstpointer data)
{
  g_clear_object (&fixture->link);
  make_link (fixture, fake_gateway_get_url (fixture->gateway));
  vmp_link_start (fixture->link);
  await (is_connected (fixture));
}

static void
test_events (Fixture      *fixture,
             gconstpointer data)
{
  connect_link (fixture);
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\"}");
  fake_gateway_send_event (fixture->gateway, "share", "{\"mode\":\"off\"}");
  await (fixture->events->len == 2);
  g_assert_cmpstr (fixture->events->pdata[0], ==, "node {\"id\":\"a\"}");
  g_assert_cmpstr (fixture->events->pdata[1], ==, "share {\"mode\":\"off\"}");
}

/* What is no JSON object is skipped, and the rest is heard. */
static void
test_events_odd (Fixture      *fixture,
                 gconstpointer data)
{
  static const char * const odd[] = { "", "{", "[]", "7", "null", "{\"a\":\"\\u0000\"}", "\xff\xfe", "{\"a\":1}{}" };

  connect_link (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (odd); i++)
    fake_gateway_send_event (fixture->gateway, "node", odd[i]);
  fake_gateway_send (fixture->gateway, FAKE_EVENTS, ":\r\n\r\nnonsense\rdata\nretry: x\n\ndata: {\"b\":1}\r\n\r\n");
  await (fixture->events->len == 1);
  g_assert_cmpstr (fixture->events->pdata[0], ==, "message {\"b\":1}");
}

static void
test_events_endless (Fixture      *fixture,
                     gconstpointer data)
{
  vmp_link_set_times (fixture->link, LONG_MS, LONG_MS);
  fake_gateway_answer_raw (fixture->gateway, FAKE_EVENTS, FAKE_STREAM_HEAD "data: ");
  fake_gateway_flood (fixture->gateway, FAKE_EVENTS, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  connect_link (fixture);
  await (is_lost (fixture));
  assert_trouble (fixture, "more than 1024 KiB");
  await (fake_gateway_count_open (fixture->gateway, FAKE_EVENTS) == 0);
}

static void
test_resumed (Fixture      *fixture,
              gconstpointer data)
{
  connect_link (fixture);
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\"}");
  await (fixture->events->len == 1);

  fake_gateway_hang_up (fixture->gateway, FAKE_EVENTS);
  await (is_lost (fixture));
  await (is_connected (fixture));
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, FAKE_EVENTS), "Last-Event-ID: fake-1\r\n"));
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"b\"}");
  await (fixture->events->len == 2);
  g_assert_cmpuint (fixture->n_resets, ==, 1);
}

/* The gateway says whether it can go on. */
static void
test_reset (Fixture      *fixture,
            gconstpointer data)
{
  connect_link (fixture);
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\"}");
  await (fixture->events->len == 1);

  fake_gateway_answer_raw (fixture->gateway, FAKE_EVENTS, FAKE_STREAM_HEAD
                           "id: other-9\nevent: reset\ndata: {\"reason\":\"unknown\"}\n\n");
  fake_gateway_finish (fixture->gateway, FAKE_EVENTS);
  await (is_lost (fixture));
  assert_trouble (fixture, "has stopped");
  await (fixture->n_resets == 2);
  g_assert_true (is_connected (fixture));
  g_assert_cmpuint (fixture->events->len, ==, 1);

  fake_gateway_hang_up (fixture->gateway, FAKE_EVENTS);
  await (is_lost (fixture));
  await (is_connected (fixture));
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, FAKE_EVENTS), "Last-Event-ID: other-9\r\n"));
}

/* A stream that ended before its first event left nothing to take up. */
static void
test_reset_without_id (Fixture      *fixture,
                       gconstpointer data)
{
  connect_link (fixture);
  fake_gateway_hang_up (fixture->gateway, FAKE_EVENTS);
  await (is_lost (fixture));
  await (is_connected (fixture));
  g_assert_cmpuint (fixture->n_resets, ==, 2);
}

static void
test_restarted (Fixture      *fixture,
                gconstpointer data)
{
  guint16 port = fake_gateway_get_port (fixture->gateway);

  connect_link (fixture);
  g_clear_pointer (&fixture->gateway, fake_gateway_free);
  await (is_lost (fixture));
  await (fixture->n_states >= 3); /* another reason: nobody listens */
  assert_trouble (fixture, "Could not reach Vampire gateway at http://127.0.0.1:");

  fixture->gateway = fake_gateway_new (port);
  await (is_connected (fixture));
}

/* Nothing but the file tells that there is one now. */
static void
test_file_appears (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (FakeGateway) second = fake_gateway_new (0);

  vmp_link_set_times (fixture->link, LONG_MS, LONG_MS);
  vmp_link_start (fixture->link);
  await (is_lost (fixture));
  g_assert_cmpstr (vmp_link_get_url (fixture->link), ==, "http://127.0.0.1:1");

  write_owner_file (fixture, fake_gateway_get_url (fixture->gateway));
  await (is_connected (fixture));

  /* Another one takes its place. */
  fake_gateway_hang_up (fixture->gateway, NULL);
  await (is_lost (fixture));
  write_owner_file (fixture, fake_gateway_get_url (second));
  await (is_connected (fixture));
  g_assert_cmpstr (vmp_link_get_url (fixture->link), ==, fake_gateway_get_url (second));
}

static void
test_retry (Fixture      *fixture,
            gconstpointer data)
{
  vmp_link_set_times (fixture->link, LONG_MS, LONG_MS);
  connect_link (fixture);
  fake_gateway_hang_up (fixture->gateway, FAKE_EVENTS);
  await (is_lost (fixture));
  vmp_link_retry (fixture->link);
  await (is_connected (fixture));
  vmp_link_retry (fixture->link);
  g_assert_true (is_connected (fixture));
}

static void
test_bad_file (Fixture      *fixture,
               gconstpointer data)
{
  g_assert_true (g_file_set_contents_full (fixture->owner_file, "{}", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  g_assert_cmpint (g_chmod (fixture->owner_file, 0600), ==, 0);
  vmp_link_start (fixture->link);
  g_assert_true (is_lost (fixture));
  assert_trouble (fixture, "does not say where the gateway is");
}

static void
test_refused (Fixture      *fixture,
              gconstpointer data)
{
  fake_gateway_answer (fixture->gateway, FAKE_EVENTS, 401, "{\"error\":{\"message\":\"The token is wrong.\"}}");
  write_owner_file (fixture, fake_gateway_get_url (fixture->gateway));
  vmp_link_start (fixture->link);
  await (is_lost (fixture));
  g_assert_cmpstr (vmp_link_get_trouble (fixture->link), ==, "The token is wrong.");
}

/* Somebody else listens there. */
static void
test_no_stream (Fixture      *fixture,
                gconstpointer data)
{
  fake_gateway_answer (fixture->gateway, FAKE_EVENTS, 200, "{}");
  write_owner_file (fixture, fake_gateway_get_url (fixture->gateway));
  vmp_link_start (fixture->link);
  await (is_lost (fixture));
  assert_trouble (fixture, "did not answer with a stream of events");
  g_assert_cmpuint (fixture->n_resets, ==, 0);
}

/* -- Asking -------------------------------------------------------------------------------- */

typedef struct {
  gboolean done;
  VmpClientAnswer *answer;
  GError *error;
} Asked;

static void
asked_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Asked *asked = user_data;

  g_assert_false (asked->done);
  asked->done = TRUE;
  asked->answer = vmp_link_ask_finish (VMP_LINK (source), result, &asked->error);
  g_assert_true ((asked->answer == NULL) == (asked->error != NULL));
}

static void
asked_clear (Asked *asked)
{
  g_clear_pointer (&asked->answer, vmp_client_answer_free);
  g_clear_error (&asked->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Asked, asked_clear)

/* The link goes silent, and everybody who waits is told why. */
static void
test_silent (Fixture      *fixture,
             gconstpointer data)
{
  g_auto (Asked) asked = { 0 };

  vmp_link_set_times (fixture->link, 100, LONG_MS);
  connect_link (fixture);
  fake_gateway_hold (fixture->gateway, "GET /slow");
  vmp_link_ask_async (fixture->link, "GET", "/slow", NULL, NULL, asked_cb, &asked);
  await (asked.done);
  g_assert_error (asked.error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  g_assert_nonnull (strstr (asked.error->message, "says nothing any more"));
  g_assert_true (is_lost (fixture));
  assert_trouble (fixture, "says nothing any more");
  await (fake_gateway_count_open (fixture->gateway, FAKE_EVENTS) == 0);
  await (fake_gateway_count_open (fixture->gateway, "GET /slow") == 0);
}

static gboolean
comment_cb (gpointer user_data)
{
  Fixture *fixture = user_data;

  fake_gateway_send (fixture->gateway, FAKE_EVENTS, ":\n\n");

  return G_SOURCE_CONTINUE;
}

/* Comments are no events, but life. */
static void
test_comments (Fixture      *fixture,
               gconstpointer data)
{
  gint64 until = g_get_monotonic_time () + 1500 * 1000;
  guint timer = g_timeout_add (50, comment_cb, fixture);

  vmp_link_set_times (fixture->link, 1000, LONG_MS);
  connect_link (fixture);
  while (g_get_monotonic_time () < until)
    fake_gateway_iterate ();
  g_assert_true (is_connected (fixture));
  g_source_remove (timer);
  await (is_lost (fixture));
}

static void
test_ask (Fixture      *fixture,
          gconstpointer data)
{
  JsonNode *body = vmp_json_parse ("{\"a\":1}", 7, NULL);
  g_auto (Asked) get = { 0 };
  g_auto (Asked) patch = { 0 };

  connect_link (fixture);
  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/status", 200, "{\"object\":\"vampire.status\"}");
  fake_gateway_answer (fixture->gateway, "PATCH /x", 422, "{\"detail\":\"no\"}");
  vmp_link_ask_async (fixture->link, "GET", "/vampire/v1/status", NULL, NULL, asked_cb, &get);
  vmp_link_ask_async (fixture->link, "PATCH", "/x", body, NULL, asked_cb, &patch);
  g_assert_false (get.done);
  await (get.done && patch.done);
  g_assert_no_error (get.error);
  g_assert_cmpuint (get.answer->status, ==, 200);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (get.answer->json));
  g_assert_no_error (patch.error);
  g_assert_cmpuint (patch.answer->status, ==, 422);
  g_assert_cmpstr (patch.answer->text, ==, "{\"detail\":\"no\"}");
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, "PATCH /x"), "\r\n\r\n{\"a\":1}"));
}

static void
test_ask_long (Fixture      *fixture,
               gconstpointer data)
{
  g_autoptr (GString) text = g_string_new ("{\"data\":[0");
  g_auto (Asked) asked = { 0 };

  for (guint i = 0; i < 200000; i++)
    g_string_append (text, ",0");
  g_string_append (text, "]}");
  connect_link (fixture);
  fake_gateway_answer (fixture->gateway, "GET /long", 200, text->str);
  vmp_link_ask_async (fixture->link, "GET", "/long", NULL, NULL, asked_cb, &asked);
  await (asked.done);
  g_assert_no_error (asked.error);
  g_assert_cmpstr (asked.answer->text, ==, text->str);
  g_assert_nonnull (asked.answer->json);
}

static void
test_ask_not_connected (Fixture      *fixture,
                        gconstpointer data)
{
  g_auto (Asked) before = { 0 };
  g_auto (Asked) after = { 0 };

  vmp_link_ask_async (fixture->link, "GET", "/x", NULL, NULL, asked_cb, &before);
  await (before.done);
  g_assert_error (before.error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);

  vmp_link_set_times (fixture->link, LONG_MS, LONG_MS);
  vmp_link_start (fixture->link);
  await (is_lost (fixture));
  vmp_link_ask_async (fixture->link, "GET", "/x", NULL, NULL, asked_cb, &after);
  await (after.done);
  g_assert_error (after.error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
  g_assert_cmpstr (after.error->message, ==, vmp_link_get_trouble (fixture->link));
}

static void
test_ask_cancelled (Fixture      *fixture,
                    gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Asked) asked = { 0 };
  g_auto (Asked) late = { 0 };

  connect_link (fixture);
  fake_gateway_hold (fixture->gateway, "GET /slow");
  vmp_link_ask_async (fixture->link, "GET", "/slow", NULL, cancellable, asked_cb, &asked);
  await (fake_gateway_count (fixture->gateway, "GET /slow") == 1);
  g_cancellable_cancel (cancellable);
  await (asked.done);
  g_assert_error (asked.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  await (fake_gateway_count_open (fixture->gateway, "GET /slow") == 0);
  g_assert_true (is_connected (fixture));

  vmp_link_ask_async (fixture->link, "GET", "/slow", NULL, cancellable, asked_cb, &late);
  await (late.done);
  g_assert_error (late.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_ask_stopped (Fixture      *fixture,
                  gconstpointer data)
{
  g_auto (Asked) asked = { 0 };

  connect_link (fixture);
  fake_gateway_hold (fixture->gateway, "GET /slow");
  vmp_link_ask_async (fixture->link, "GET", "/slow", NULL, NULL, asked_cb, &asked);
  await (fake_gateway_count (fixture->gateway, "GET /slow") == 1);
  vmp_link_stop (fixture->link);
  await (asked.done);
  g_assert_error (asked.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  await (fake_gateway_count_open (fixture->gateway, FAKE_EVENTS) == 0);
  g_assert_cmpint (vmp_link_get_state (fixture->link), ==, VMP_LINK_CONNECTING);

  /* And it may be started again. */
  vmp_link_start (fixture->link);
  await (is_connected (fixture));
  g_assert_cmpuint (fixture->n_resets, ==, 2);
}

static void
test_ask_endless (Fixture      *fixture,
                  gconstpointer data)
{
  g_autofree char *piece = g_strnfill (64 * 1024, ' ');
  g_auto (Asked) asked = { 0 };

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, "GET /endless",
                           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
  fake_gateway_flood (fixture->gateway, "GET /endless", piece);
  vmp_link_ask_async (fixture->link, "GET", "/endless", NULL, NULL, asked_cb, &asked);
  await (asked.done);
  g_assert_error (asked.error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  await (fake_gateway_count_open (fixture->gateway, "GET /endless") == 0);
}

/* The gateway may end a connection that is kept for the next question at any time. */
static void
test_ask_on_ended_connection (Fixture      *fixture,
                              gconstpointer data)
{
  connect_link (fixture);
  fake_gateway_answer (fixture->gateway, "GET /a", 200, "{}");
  fake_gateway_answer (fixture->gateway, "POST /a", 200, "{}");
  for (guint i = 0; i < 6; i++)
    {
      g_auto (Asked) asked = { 0 };

      vmp_link_ask_async (fixture->link, i % 2 == 0 ? "GET" : "POST", "/a", NULL, NULL, asked_cb, &asked);
      await (asked.done);
      g_assert_no_error (asked.error);
      fake_gateway_hang_up (fixture->gateway, "GET /a");
      fake_gateway_hang_up (fixture->gateway, "POST /a");
    }
}

/* -- Streams ------------------------------------------------------------------------------- */

typedef struct {
  char *begun;      /* "node model request" */
  GPtrArray *events;
  gboolean ended;
  GError *error;
  GCancellable *cancel_at_event;
} Heard;

static void
heard_begun_cb (gpointer    user_data,
                const char *node,
                const char *model,
                const char *request_id)
{
  Heard *heard = user_data;

  g_assert_null (heard->begun);
  g_assert_false (heard->ended);
  heard->begun = g_strdup_printf ("%s %s %s", node, model, request_id);
}

static void
heard_event_cb (gpointer    user_data,
                const char *type,
                const char *data)
{
  Heard *heard = user_data;

  g_assert_nonnull (heard->begun);
  g_assert_false (heard->ended);
  g_ptr_array_add (heard->events, g_strdup_printf ("%s %s", type, data));
  if (heard->cancel_at_event != NULL)
    g_cancellable_cancel (heard->cancel_at_event);
}

static void
heard_ended_cb (gpointer      user_data,
                const GError *error)
{
  Heard *heard = user_data;

  g_assert_false (heard->ended);
  heard->ended = TRUE;
  heard->error = error != NULL ? g_error_copy (error) : NULL;
}

static const VmpLinkStreamFuncs stream_funcs = { heard_begun_cb, heard_event_cb, heard_ended_cb };

static Heard *
heard_new (void)
{
  Heard *heard = g_new0 (Heard, 1);

  heard->events = g_ptr_array_new_with_free_func (g_free);

  return heard;
}

static void
heard_free (Heard *heard)
{
  g_free (heard->begun);
  g_ptr_array_unref (heard->events);
  g_clear_error (&heard->error);
  g_free (heard);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Heard, heard_free)

static void
ask_chat (Fixture      *fixture,
          GCancellable *cancellable,
          Heard        *heard)
{
  static const char text[] = "{\"model\":\"vampire:auto\",\"stream\":true}";

  vmp_link_stream (fixture->link, "/v1/chat/completions", vmp_json_parse (text, strlen (text), NULL), cancellable,
                   &stream_funcs, heard);
  g_assert_false (heard->ended);
}

#define CHAT_HEAD \
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nX-Vampire-Node: studio\r\n" \
  "X-Vampire-Model: qwen\r\nX-Vampire-Request-ID: req_1\r\nConnection: close\r\n\r\n"

static void
test_stream (Fixture      *fixture,
             gconstpointer data)
{
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, CHAT_HEAD ": waits\n\ndata: {\"error\":null}\n\n");
  ask_chat (fixture, NULL, heard);
  await (heard->events->len == 1);
  g_assert_cmpstr (heard->begun, ==, "studio qwen req_1");
  g_assert_cmpstr (heard->events->pdata[0], ==, "message {\"error\":null}");

  fake_gateway_send (fixture->gateway, COMPLETIONS, "event: x\ndata: say \"error\"\n\ndata: [DONE]\n\ndata: late\n\n");
  fake_gateway_finish (fixture->gateway, COMPLETIONS);
  await (heard->ended);
  g_assert_no_error (heard->error);
  g_assert_cmpuint (heard->events->len, ==, 2);
  g_assert_cmpstr (heard->events->pdata[1], ==, "x say \"error\"");
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, COMPLETIONS), "\"vampire:auto\""));
}

static void
test_stream_refused (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  fake_gateway_answer (fixture->gateway, COMPLETIONS, 503, "{\"error\":{\"message\":\"No node has it.\"}}");
  ask_chat (fixture, NULL, heard);
  await (heard->ended);
  g_assert_null (heard->begun);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_cmpstr (heard->error->message, ==, "No node has it.");
}

static void
assert_error_event (Fixture    *fixture,
                    const char *event,
                    const char *message)
{
  g_autoptr (Heard) heard = heard_new ();
  g_autofree char *answer = g_strconcat (CHAT_HEAD "data: {\"a\":1}\n\n", event, "\n\ndata: {\"b\":1}\n\n", NULL);

  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, answer);
  ask_chat (fixture, NULL, heard);
  await (heard->ended);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_cmpstr (heard->error->message, ==, message);
  g_assert_cmpuint (heard->events->len, ==, 1);
  await (fake_gateway_count_open (fixture->gateway, COMPLETIONS) == 0);
}

static void
test_stream_error (Fixture      *fixture,
                   gconstpointer data)
{
  connect_link (fixture);
  assert_error_event (fixture, "data: {\"error\":{\"message\":\"It died.\"}}", "It died.");
  assert_error_event (fixture, "event: error\ndata: {\"error\":{\"message\":\"It\\ndied.\"}}",
                      "It\xef\xbf\xbd" "died.");
  assert_error_event (fixture, "event: error\ndata: {\"message\":\"It died.\"}", "It died.");
  assert_error_event (fixture, "data: {\"error\":\"It died.\"}", "It died.");
  assert_error_event (fixture, "event: error\ndata: oops", "The answer ended with an error that was not explained.");
}

static void
test_stream_cancelled (Fixture      *fixture,
                       gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, CHAT_HEAD "data: {\"a\":1}\n\n");
  ask_chat (fixture, cancellable, heard);
  await (heard->events->len == 1);
  g_assert_cmpuint (fake_gateway_count_open (fixture->gateway, COMPLETIONS), ==, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (heard->ended);
  await (fake_gateway_count_open (fixture->gateway, COMPLETIONS) == 0);
  await (heard->ended);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (is_connected (fixture));
}

/* Nothing more comes after it was cancelled, though it may have been there already. */
static void
test_stream_cancelled_inside (Fixture      *fixture,
                              gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  heard->cancel_at_event = cancellable;
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, CHAT_HEAD "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  ask_chat (fixture, cancellable, heard);
  await (heard->ended);
  g_assert_cmpuint (heard->events->len, ==, 1);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_stream_not_connected (Fixture      *fixture,
                           gconstpointer data)
{
  g_autoptr (Heard) heard = heard_new ();

  ask_chat (fixture, NULL, heard);
  await (heard->ended);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
}

static void
test_stream_cut (Fixture      *fixture,
                 gconstpointer data)
{
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
  ask_chat (fixture, NULL, heard);
  await (heard->events->len == 1);
  fake_gateway_hang_up (fixture->gateway, COMPLETIONS);
  await (heard->ended);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
}

static void
test_stream_endless_event (Fixture      *fixture,
                           gconstpointer data)
{
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, CHAT_HEAD "data: ");
  fake_gateway_flood (fixture->gateway, COMPLETIONS, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
  ask_chat (fixture, NULL, heard);
  await (heard->ended);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  await (fake_gateway_count_open (fixture->gateway, COMPLETIONS) == 0);
}

/* A link that goes while a chat runs ends it. */
static void
test_stream_disposed (Fixture      *fixture,
                      gconstpointer data)
{
  g_autoptr (Heard) heard = heard_new ();

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, CHAT_HEAD "data: 1\n\n");
  ask_chat (fixture, NULL, heard);
  await (heard->events->len == 1);
  g_object_unref (fixture->link);
  await (heard->ended);
  g_assert_error (heard->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  await (fake_gateway_count_open (fixture->gateway, COMPLETIONS) == 0);
  make_link (fixture, NULL);
}

/* The events, chats and questions do not wait for one another. */
static void
test_many_at_once (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (GPtrArray) chats = g_ptr_array_new_with_free_func ((GDestroyNotify) heard_free);
  Asked asked[8] = { 0 };

  connect_link (fixture);
  fake_gateway_answer_raw (fixture->gateway, COMPLETIONS, CHAT_HEAD "data: 1\n\n");
  fake_gateway_answer (fixture->gateway, "GET /slow", 200, "{}");
  fake_gateway_hold (fixture->gateway, "GET /slow");
  for (guint i = 0; i < 6; i++)
    {
      g_ptr_array_add (chats, heard_new ());
      ask_chat (fixture, NULL, chats->pdata[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (asked); i++)
    vmp_link_ask_async (fixture->link, "GET", "/slow", NULL, NULL, asked_cb, &asked[i]);

  await (fake_gateway_count_open (fixture->gateway, COMPLETIONS) == chats->len &&
         fake_gateway_count_open (fixture->gateway, "GET /slow") == G_N_ELEMENTS (asked));
  g_assert_cmpuint (fake_gateway_count_open (fixture->gateway, FAKE_EVENTS), ==, 1);

  fake_gateway_let_go (fixture->gateway, "GET /slow");
  for (guint i = 0; i < G_N_ELEMENTS (asked); i++)
    {
      await (asked[i].done);
      g_assert_no_error (asked[i].error);
      asked_clear (&asked[i]);
    }
  fake_gateway_finish (fixture->gateway, COMPLETIONS);
  for (guint i = 0; i < chats->len; i++)
    await (((Heard *) chats->pdata[i])->ended);
}

/* -- Main ---------------------------------------------------------------------------------- */

typedef void (*TestFunc) (Fixture      *fixture,
                          gconstpointer data);

static void
add (const char *path,
     TestFunc    test)
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  g_unsetenv ("VAMPIRE_TOKEN");
  g_test_init (&argc, &argv, NULL);

  add ("/link/find/connects", test_connects);
  add ("/link/find/named", test_named);
  add ("/link/find/file-appears", test_file_appears);
  add ("/link/find/bad-file", test_bad_file);
  add ("/link/find/refused", test_refused);
  add ("/link/find/no-stream", test_no_stream);
  add ("/link/find/retry", test_retry);
  add ("/link/events/in-order", test_events);
  add ("/link/events/odd", test_events_odd);
  add ("/link/events/endless", test_events_endless);
  add ("/link/lost/resumed", test_resumed);
  add ("/link/lost/reset", test_reset);
  add ("/link/lost/reset-without-id", test_reset_without_id);
  add ("/link/lost/restarted", test_restarted);
  add ("/link/lost/silent", test_silent);
  add ("/link/lost/not-while-comments-come", test_comments);
  add ("/link/ask/answers", test_ask);
  add ("/link/ask/long", test_ask_long);
  add ("/link/ask/not-connected", test_ask_not_connected);
  add ("/link/ask/cancelled", test_ask_cancelled);
  add ("/link/ask/stopped", test_ask_stopped);
  add ("/link/ask/endless", test_ask_endless);
  add ("/link/ask/on-ended-connection", test_ask_on_ended_connection);
  add ("/link/ask/many-at-once", test_many_at_once);
  add ("/link/stream/passed-on", test_stream);
  add ("/link/stream/refused", test_stream_refused);
  add ("/link/stream/error-event", test_stream_error);
  add ("/link/stream/cancelled", test_stream_cancelled);
  add ("/link/stream/cancelled-inside", test_stream_cancelled_inside);
  add ("/link/stream/not-connected", test_stream_not_connected);
  add ("/link/stream/cut", test_stream_cut);
  add ("/link/stream/endless-event", test_stream_endless_event);
  add ("/link/stream/disposed", test_stream_disposed);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * Tests of a conversation without its widgets: the requests that it makes, what it makes of the events of several kinds
 * of servers, and that an answer ends once, however it does.
 */

#include "app/windows/vmp-chat.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"

#include <string.h>

/* Stands in for the link: keeps what it was given, and is told by the test what to answer. */
typedef struct {
  VmpChat *chat;
  JsonNode *body;
  GCancellable *cancellable;
  const VmpLinkStreamFuncs *funcs;
  gpointer stream_data;
  guint sent;
  guint answered;
} Fixture;

static void
end_stream (Fixture      *self,
            const GError *error)
{
  const VmpLinkStreamFuncs *funcs = g_steal_pointer (&self->funcs);

  if (funcs != NULL)
    funcs->ended (g_steal_pointer (&self->stream_data), error);
}

static void
send_cb (JsonNode                 *body,
         GCancellable             *cancellable,
         const VmpLinkStreamFuncs *funcs,
         gpointer                  stream_data,
         gpointer                  user_data)
{
  Fixture *self = user_data;

  /* One that was stopped may still be under way. */
  end_stream (self, NULL);
  g_clear_pointer (&self->body, json_node_unref);
  g_set_object (&self->cancellable, cancellable);
  self->body = body;
  self->funcs = funcs;
  self->stream_data = stream_data;
  self->sent++;
}

static void
answered_cb (Fixture *self)
{
  self->answered++;
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->chat = vmp_chat_new (send_cb, self);
  g_signal_connect_swapped (self->chat, "answered", G_CALLBACK (answered_cb), self);
  vmp_chat_set_target (self->chat, "m");
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_clear_object (&self->chat);
  end_stream (self, NULL);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->body, json_node_unref);
}

static VmpChatMessage *
get_message (Fixture *self,
             guint    i)
{
  g_autoptr (VmpChatMessage) message = g_list_model_get_item (vmp_chat_get_messages (self->chat), i);

  g_assert_nonnull (message);

  return message;
}

static guint
count (Fixture *self)
{
  return g_list_model_get_n_items (vmp_chat_get_messages (self->chat));
}

static void
event (Fixture    *self,
       const char *data)
{
  self->funcs->event (self->stream_data, "message", data);
}

static void
say (Fixture    *self,
     const char *text)
{
  g_autofree char *data = g_strdup_printf ("{\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}", text);

  event (self, data);
}

static void
assert_text (VmpChatMessage *message,
             const char     *expected)
{
  g_assert_cmpstr (vmp_chat_message_get_text (message, NULL), ==, expected);
}

static void
assert_body (Fixture    *self,
             const char *expected)
{
  g_autofree char *text = vmp_json_print (self->body);

  g_assert_cmpstr (text, ==, expected);
}

#define TAIL "\"stream\":true,\"stream_options\":{\"include_usage\":true}"
#define VAMPIRE "\"vampire\":{\"response\":{\"include_metadata\":true}}}"

/* -- Requests ------------------------------------------------------------------------------ */

static void
test_request (Fixture      *self,
              gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one \"quoted\"", NULL));
  assert_body (self, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"one \\\"quoted\\\"\"}]," TAIL ","
               VAMPIRE);
  say (self, "yes");
  end_stream (self, NULL);

  g_assert_true (vmp_chat_ask (self->chat, "two", NULL));
  assert_body (self, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"one \\\"quoted\\\"\"},"
               "{\"role\":\"assistant\",\"content\":\"yes\"},{\"role\":\"user\",\"content\":\"two\"}]," TAIL ","
               VAMPIRE);
}

static void
test_request_options (Fixture      *self,
                      gconstpointer data)
{
  VmpChatParameters parameters = { 0, 0.5, 100, (char *) "low" };

  vmp_chat_set_system_prompt (self->chat, "Be brief.");
  vmp_chat_set_parameters (self->chat, &parameters);
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  assert_body (self, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
               "{\"role\":\"user\",\"content\":\"one\"}]," TAIL ",\"temperature\":0.0,\"top_p\":0.5,\"max_tokens\":100,"
               "\"reasoning_effort\":\"low\"," VAMPIRE);
}

static void
test_request_images (Fixture      *self,
                     gconstpointer data)
{
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_chat_image_free);
  g_autoptr (GBytes) bytes = g_bytes_new_static ("abc", 3);

  for (guint i = 0; i < VMP_LIMIT_CHAT_IMAGES + 3; i++)
    g_ptr_array_add (images, vmp_chat_image_new (bytes, "image/png"));
  g_assert_null (vmp_chat_image_new (bytes, "text/html"));

  g_assert_true (vmp_chat_ask (self->chat, "", images));
  g_assert_cmpuint (vmp_chat_message_get_images (get_message (self, 0))->len, ==, VMP_LIMIT_CHAT_IMAGES);
  end_stream (self, NULL);

  vmp_chat_clear (self->chat);
  g_ptr_array_set_size (images, 1);
  g_assert_true (vmp_chat_ask (self->chat, "what", images));
  assert_body (self, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
               "{\"type\":\"text\",\"text\":\"what\"},"
               "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,YWJj\"}}]}]," TAIL "," VAMPIRE);
}

/* A failed answer without a word is no part of the conversation, reasoning never is. */
static void
test_request_without_failures (Fixture      *self,
                               gconstpointer data)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "No node.");

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  event (self, "{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}");
  end_stream (self, error);
  g_assert_true (vmp_chat_ask (self->chat, "two", NULL));
  assert_body (self, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"one\"},"
               "{\"role\":\"user\",\"content\":\"two\"}]," TAIL "," VAMPIRE);
}

static void
test_not_asked (Fixture      *self,
                gconstpointer data)
{
  vmp_chat_set_target (self->chat, NULL);
  g_assert_false (vmp_chat_ask (self->chat, "one", NULL));
  g_assert_cmpuint (count (self), ==, 0);

  vmp_chat_set_target (self->chat, "m");
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  g_assert_false (vmp_chat_ask (self->chat, "two", NULL));
  g_assert_cmpuint (count (self), ==, 2);
  g_assert_cmpuint (self->sent, ==, 1);
}

/* -- Answers ------------------------------------------------------------------------------- */

static void
test_answer (Fixture      *self,
             gconstpointer data)
{
  VmpChatMessage *answer;
  const VmpChatFigures *figures;

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  answer = get_message (self, 1);
  figures = vmp_chat_message_get_figures (answer);
  g_assert_cmpint (vmp_chat_message_get_state (answer), ==, VMP_CHAT_WRITING);

  self->funcs->begun (self->stream_data, "node-1", "model-1", "req_1");
  g_assert_cmpstr (figures->node, ==, "node-1");
  say (self, "Hel");
  say (self, "lo");
  event (self, "not JSON");
  event (self, "[1, 2]");
  event (self, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}");
  event (self, "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}");
  event (self, "{\"choices\":[],\"vampire\":{\"selected_node\":\"node-2\",\"selected_model\":\"model-2\","
         "\"request_id\":\"req_2\",\"time_to_first_token_ms\":185.5,\"tokens_per_second\":43,\"latency_ms\":208,"
         "\"queued_ms\":0,\"loading_ms\":-5}}");
  g_assert_true (vmp_chat_is_writing (self->chat));
  end_stream (self, NULL);

  g_assert_false (vmp_chat_is_writing (self->chat));
  g_assert_cmpuint (self->answered, ==, 1);
  g_assert_cmpint (vmp_chat_message_get_state (answer), ==, VMP_CHAT_DONE);
  assert_text (answer, "Hello");
  g_assert_cmpstr (figures->node, ==, "node-2");
  g_assert_cmpstr (figures->request_id, ==, "req_2");
  g_assert_cmpstr (figures->finish_reason, ==, "length");
  g_assert_cmpint (figures->prompt_tokens, ==, 7);
  g_assert_cmpint (figures->completion_tokens, ==, 2);
  g_assert_cmpfloat (figures->first_token_ms, ==, 185.5);
  g_assert_cmpfloat (figures->tokens_per_second, ==, 43);
  g_assert_cmpfloat (figures->loading_ms, ==, -1);
}

static void
test_reasoning (Fixture      *self,
                gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  event (self, "{\"choices\":[{\"delta\":{\"reasoning_content\":\"I \"}}]}");
  event (self, "{\"choices\":[{\"delta\":{\"reasoning\":\"think\"}}]}");
  say (self, "x");
  g_assert_cmpstr (vmp_chat_message_get_reasoning (get_message (self, 1), NULL), ==, "I think");
  assert_text (get_message (self, 1), "x");
}

/* Older servers show it in the text, and a tag may come in pieces. */
static void
test_reasoning_in_text (Fixture      *self,
                        gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  say (self, "\\n<th");
  assert_text (get_message (self, 1), "");
  say (self, "ink>\\nI <b");
  say (self, ">think</");
  say (self, "think>\\n\\nSo");
  say (self, " <think> it is.");
  g_assert_cmpstr (vmp_chat_message_get_reasoning (get_message (self, 1), NULL), ==, "I <b>think");
  assert_text (get_message (self, 1), "So <think> it is.");
}

/* What only looked like the beginning of a tag is text after all. */
static void
test_no_reasoning_in_text (Fixture      *self,
                           gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  say (self, "<th");
  say (self, "e>");
  assert_text (get_message (self, 1), "<the>");
  end_stream (self, NULL);

  g_assert_true (vmp_chat_ask (self->chat, "two", NULL));
  say (self, "<thi");
  end_stream (self, NULL);
  assert_text (get_message (self, 3), "<thi");
}

static void
test_tool_calls (Fixture      *self,
                 gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  event (self, "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"get\","
         "\"arguments\":\"\"}}]}}]}");
  event (self, "{\"choices\":[{\"delta\":{\"tool_calls\":[7,{\"index\":0,\"function\":{\"name\":\"\","
         "\"arguments\":\"{1}\"}}]}}]}");
  g_assert_nonnull (strstr (vmp_chat_message_get_text (get_message (self, 1), NULL), "get {1}"));
}

static void
test_problem (Fixture      *self,
              gconstpointer data)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "The node has gone.");

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  say (self, "Hel");
  end_stream (self, error);
  g_assert_cmpint (vmp_chat_message_get_state (get_message (self, 1)), ==, VMP_CHAT_FAILED);
  g_assert_cmpstr (vmp_chat_message_get_problem (get_message (self, 1)), ==, "The node has gone.");
  assert_text (get_message (self, 1), "Hel");
  g_assert_cmpuint (self->answered, ==, 1);
}

/* An error in the stream ends the answer at once, and its connection. */
static void
test_problem_in_stream (Fixture      *self,
                        gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  event (self, "{\"error\":{\"message\":\"Out of <b>memory</b>\\u202e.\"}}");
  g_assert_cmpint (vmp_chat_message_get_state (get_message (self, 1)), ==, VMP_CHAT_FAILED);
  g_assert_cmpstr (vmp_chat_message_get_problem (get_message (self, 1)), ==, "Out of <b>memory</b>\357\277\275.");
  g_assert_true (g_cancellable_is_cancelled (self->cancellable));
  say (self, "more");
  end_stream (self, NULL);
  assert_text (get_message (self, 1), "");
  g_assert_cmpuint (self->answered, ==, 1);
}

static void
test_too_long (Fixture      *self,
               gconstpointer data)
{
  g_autofree char *piece = g_strnfill (100 * 1024, 'x');
  gsize len;

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  for (guint i = 0; i < 20 && vmp_chat_is_writing (self->chat); i++)
    say (self, piece);
  vmp_chat_message_get_text (get_message (self, 1), &len);
  g_assert_cmpuint (len, ==, VMP_LIMIT_CHAT_TEXT_BYTES);
  g_assert_cmpint (vmp_chat_message_get_state (get_message (self, 1)), ==, VMP_CHAT_FAILED);
  g_assert_true (g_cancellable_is_cancelled (self->cancellable));
}

static void
test_stop (Fixture      *self,
           gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  say (self, "Hel");
  vmp_chat_stop (self->chat);
  g_assert_true (g_cancellable_is_cancelled (self->cancellable));
  g_assert_false (vmp_chat_is_writing (self->chat));
  g_assert_cmpuint (self->answered, ==, 1);

  /* What was on its way goes nowhere. */
  say (self, "lo");
  end_stream (self, NULL);
  assert_text (get_message (self, 1), "Hel");
  g_assert_cmpint (vmp_chat_message_get_state (get_message (self, 1)), ==, VMP_CHAT_STOPPED);
  g_assert_cmpuint (self->answered, ==, 1);
  vmp_chat_stop (self->chat);
  g_assert_cmpuint (self->answered, ==, 1);
}

/* The stream of a stopped answer ends while the next one is under way. */
static void
test_stop_and_ask (Fixture      *self,
                   gconstpointer data)
{
  const VmpLinkStreamFuncs *old;
  gpointer old_data;

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  vmp_chat_stop (self->chat);
  old = g_steal_pointer (&self->funcs);
  old_data = g_steal_pointer (&self->stream_data);

  g_assert_true (vmp_chat_ask (self->chat, "two", NULL));
  old->event (old_data, "message", "{\"choices\":[{\"delta\":{\"content\":\"late\"}}]}");
  old->ended (old_data, NULL);
  g_assert_true (vmp_chat_is_writing (self->chat));
  assert_text (get_message (self, 3), "");
}

static void
test_regenerate (Fixture      *self,
                 gconstpointer data)
{
  g_assert_false (vmp_chat_regenerate (self->chat));

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  say (self, "first");
  end_stream (self, NULL);
  g_assert_true (vmp_chat_regenerate (self->chat));
  g_assert_cmpuint (count (self), ==, 2);
  assert_text (get_message (self, 1), "");
  assert_body (self, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"one\"}]," TAIL "," VAMPIRE);

  /* Also while it is written. */
  say (self, "sec");
  g_assert_true (vmp_chat_regenerate (self->chat));
  g_assert_cmpuint (self->sent, ==, 3);
  g_assert_cmpuint (count (self), ==, 2);
}

static void
test_take_back (Fixture      *self,
                gconstpointer data)
{
  g_autoptr (VmpChatMessage) question = NULL;

  g_assert_null (vmp_chat_take_back (self->chat));
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  question = vmp_chat_take_back (self->chat);
  assert_text (question, "one");
  g_assert_cmpuint (count (self), ==, 0);
  g_assert_false (vmp_chat_is_writing (self->chat));
}

/* A chat that goes away ends what is under way, and its stream may end after it. */
static void
test_gone (Fixture      *self,
           gconstpointer data)
{
  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  g_assert_finalize_object (g_steal_pointer (&self->chat));
  g_assert_true (g_cancellable_is_cancelled (self->cancellable));
  self->funcs->begun (self->stream_data, "n", NULL, NULL);
  say (self, "x");
  end_stream (self, NULL);
}

/* -- In a file ----------------------------------------------------------------------------- */

static void
test_document (Fixture      *self,
               gconstpointer data)
{
  VmpChatParameters parameters = { 0.25, -1, 0, NULL };
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_chat_image_free);
  g_autoptr (GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr (JsonNode) document = NULL;
  g_autoptr (JsonNode) again = NULL;
  g_autoptr (VmpChat) copy = vmp_chat_new (send_cb, self);
  g_autofree char *title = NULL;

  g_ptr_array_add (images, vmp_chat_image_new (bytes, "image/webp"));
  vmp_chat_set_system_prompt (self->chat, "Be brief.");
  vmp_chat_set_parameters (self->chat, &parameters);
  g_assert_true (vmp_chat_ask (self->chat, "  what\nis this? ", images));
  event (self, "{\"choices\":[{\"delta\":{\"reasoning\":\"hm\",\"content\":\"a thing\"}}]}");
  event (self, "{\"vampire\":{\"selected_node\":\"n\",\"tokens_per_second\":12.5}}");
  end_stream (self, NULL);
  title = vmp_chat_dup_title (self->chat);
  g_assert_cmpstr (title, ==, "what is this?");

  document = vmp_chat_to_document (self->chat);
  g_assert_true (vmp_chat_load_document (copy, json_node_get_object (document)));
  again = vmp_chat_to_document (copy);
  g_assert_true (json_node_equal (document, again));
  g_assert_cmpstr (vmp_chat_get_target (copy), ==, "m");
  g_assert_cmpfloat (vmp_chat_get_parameters (copy)->temperature, ==, 0.25);
}

/* An answer that was under way when it was kept is not under way any more. */
static void
test_document_broken_off (Fixture      *self,
                          gconstpointer data)
{
  g_autoptr (JsonNode) document = NULL;
  g_autoptr (VmpChat) copy = vmp_chat_new (send_cb, self);
  g_autoptr (VmpChatMessage) answer = NULL;

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  say (self, "Hel");
  document = vmp_chat_to_document (self->chat);
  g_assert_true (vmp_chat_load_document (copy, json_node_get_object (document)));
  answer = g_list_model_get_item (vmp_chat_get_messages (copy), 1);
  g_assert_cmpint (vmp_chat_message_get_state (answer), ==, VMP_CHAT_STOPPED);
  g_assert_false (vmp_chat_is_writing (copy));
}

static void
test_document_damaged (Fixture      *self,
                       gconstpointer data)
{
  static const char * const documents[] = {
    "{}", "{\"format\":2,\"messages\":[]}", "{\"format\":1}", "{\"format\":\"1\",\"messages\":[]}",
  };
  g_autoptr (JsonNode) odd = NULL;

  g_assert_true (vmp_chat_ask (self->chat, "one", NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      g_autoptr (JsonNode) document = vmp_json_parse (documents[i], strlen (documents[i]), NULL);

      g_assert_false (vmp_chat_load_document (self->chat, json_node_get_object (document)));
    }
  g_assert_cmpuint (count (self), ==, 2);

  odd = json_from_string ("{\"format\":1,\"target\":7,\"messages\":[1,{},{\"role\":\"user\"},"
                          "{\"role\":\"x\",\"text\":\"\"},"
                          "{\"role\":\"user\",\"text\":\"a\",\"images\":[1,\"data:text/html;base64,YQ==\",\"x\"]},"
                          "{\"role\":\"assistant\",\"text\":\"b\",\"state\":9,\"images\":2}]}", NULL);
  g_assert_true (vmp_chat_load_document (self->chat, json_node_get_object (odd)));
  g_assert_cmpuint (count (self), ==, 2);
  assert_text (get_message (self, 0), "a");
  g_assert_cmpuint (vmp_chat_message_get_images (get_message (self, 0))->len, ==, 0);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/chat/request", test_request);
  ADD ("/chat/request/options", test_request_options);
  ADD ("/chat/request/images", test_request_images);
  ADD ("/chat/request/without-failures", test_request_without_failures);
  ADD ("/chat/not-asked", test_not_asked);
  ADD ("/chat/answer", test_answer);
  ADD ("/chat/reasoning", test_reasoning);
  ADD ("/chat/reasoning/in-text", test_reasoning_in_text);
  ADD ("/chat/reasoning/not-in-text", test_no_reasoning_in_text);
  ADD ("/chat/tool-calls", test_tool_calls);
  ADD ("/chat/problem", test_problem);
  ADD ("/chat/problem/in-stream", test_problem_in_stream);
  ADD ("/chat/too-long", test_too_long);
  ADD ("/chat/stop", test_stop);
  ADD ("/chat/stop/and-ask", test_stop_and_ask);
  ADD ("/chat/regenerate", test_regenerate);
  ADD ("/chat/take-back", test_take_back);
  ADD ("/chat/gone", test_gone);
  ADD ("/chat/document", test_document);
  ADD ("/chat/document/broken-off", test_document_broken_off);
  ADD ("/chat/document/damaged", test_document_damaged);

  return g_test_run ();
}

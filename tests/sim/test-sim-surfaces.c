/* SPDX-License-Identifier: MIT
 *
 * Tests of lmstudio-sim: what it answers on its other surfaces (/v1/responses, /v1/messages,
 * /api/v0, /api/v1/chat), and what differs between the versions of LM Studio that it can be.
 */

#include "test-sim.h"

#include <stdlib.h>
#include <string.h>

#define QUESTION "{'role':'user','content':'Why is the sky blue?'}"
#define CHAT(rest) "{'model':'qwen/qwen3-4b','temperature':0,'messages':[" QUESTION "]" rest "}"
#define WEATHER_TOOL                                                                                   \
  "{'type':'function','function':{'name':'get_weather','description':'The weather now',"  \
  "'parameters':{'type':'object','properties':{'city':{'type':'string'},"                \
  "'unit':{'enum':['celsius','fahrenheit']}},'required':['city','unit']}}}"

static void
expect_unexpected (TestSim    *sim,
                   const char *method,
                   const char *target,
                   const char *body)
{
  g_autoptr (TestReply) reply = test_request (sim, method, target, NULL, body);
  g_autofree char *message = g_strdup_printf ("Unexpected endpoint or method. (%s %s)", method, target);

  g_assert_cmpuint (reply->status, ==, 200);
  test_reply_expect (reply, "$.error", message);
}

/* -- /v1/responses --------------------------------------------------------------------------- */

static void
test_responses (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestSim) other = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/responses",
                                           "{'model':'qwen/qwen3-4b','input':'Tell me about tea in Japan'}");
  g_autofree char *id = test_reply_get (reply, "$.id");
  g_autofree char *tokens = test_reply_get (reply, "$.usage.input_tokens");
  g_autofree char *more = NULL;
  g_autofree char *text = NULL;
  g_autofree char *next_body = g_strdup_printf ("{'model':'qwen/qwen3-4b','input':'Why is that so popular?',"
                                                "'previous_response_id':'%s'}", id);
  g_autoptr (TestReply) next = test_post (sim, "/v1/responses", next_body);
  g_autoptr (TestReply) lost = test_post (other, "/v1/responses", next_body);

  test_reply_expect (reply, "$.object", "response");
  test_reply_expect (reply, "$.status", "completed");
  test_reply_expect (reply, "$.output[0].role", "assistant");
  test_reply_expect (reply, "$.output[0].content[0].type", "output_text");
  g_assert_true (g_str_has_prefix (id, "resp_"));

  test_reply_expect (next, "$.previous_response_id", id);
  more = test_reply_get (next, "$.usage.input_tokens");
  g_assert_cmpint (atoi (more), >, atoi (tokens) + 20);
  text = test_reply_get (next, "$.output[0].content[0].text");
  g_assert_nonnull (strstr (text, "tea in Japan"));

  /* The conversation belongs to the node that had it. */
  g_assert_cmpuint (lost->status, ==, 400);
  test_reply_expect (lost, "$.error.code", "previous_response_not_found");
}

static void
test_responses_stream (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/responses",
                                           "{'model':'openai/gpt-oss-20b','input':[{'role':'user',"
                                           "'content':[{'type':'input_text','text':'Count to 3'}]}],"
                                           "'reasoning':{'effort':'medium'},'stream':true}");
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *names = test_events_names (events);
  g_autofree char *text = NULL;
  g_autofree char *item = NULL;
  g_autofree char *final_item = NULL;

  g_assert_cmpstr (names, ==,
                   "response.created response.in_progress response.output_item.added response.content_part.added "
                   "response.reasoning_text.delta response.reasoning_text.done response.content_part.done "
                   "response.output_item.done response.output_item.added "
                   "response.content_part.added response.output_text.delta response.output_text.done "
                   "response.content_part.done response.output_item.done response.completed");
  for (guint i = 0; i < events->len; i++)
    {
      g_autofree char *number = test_event_get (events, i, "$.sequence_number");
      g_autofree char *type = test_event_get (events, i, "$.type");

      g_assert_cmpint (atoi (number), ==, (int) i);
      g_assert_cmpstr (type, ==, ((TestEvent *) events->pdata[i])->name);
    }
  text = test_event_get (events, events->len - 1, "$.response.output[1].content[0].text");
  g_assert_cmpstr (text, ==, "1, 2, 3.");
  item = test_event_get (events, events->len - 2, "$.item.id");
  final_item = test_event_get (events, events->len - 1, "$.response.output[1].id");
  g_assert_cmpstr (item, ==, final_item);
}

static void
test_responses_tools (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  static const char * const ask =
    "{'input':'What is the weather in Paris?','tools':[{'type':'function','name':'get_weather',"
    "'parameters':{'type':'object','properties':{'city':{'type':'string'}},'required':['city']}}]";
  g_autofree char *ask_whole = g_strconcat (ask, "}", NULL);
  g_autofree char *ask_stream = g_strconcat (ask, ",'stream':true}", NULL);
  g_autoptr (TestReply) reply = test_post (sim, "/v1/responses", ask_whole);
  g_autoptr (TestReply) stream = test_post (sim, "/v1/responses", ask_stream);
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autofree char *names = test_events_names (events);
  /* How Codex makes a model load. */
  g_autoptr (TestReply) probe = test_post (sim, "/v1/responses", "{'input':'','max_output_tokens':1}");
  g_autoptr (TestReply) mcp = test_post (sim, "/v1/responses",
                                         "{'input':'top model?','tools':[{'type':'mcp','server_label':'hf',"
                                         "'server_url':'https://example.org','allowed_tools':['model_search']}]}");

  test_reply_expect (reply, "$.output[0].type", "function_call");
  test_reply_expect (reply, "$.output[0].name", "get_weather");
  test_reply_expect (reply, "$.output[0].arguments", "{\"city\":\"Paris\"}");
  g_assert_cmpstr (names, ==,
                   "response.created response.in_progress response.output_item.added "
                   "response.function_call_arguments.delta response.function_call_arguments.done "
                   "response.output_item.done response.completed");
  test_reply_expect (probe, "$.status", "incomplete");
  test_reply_expect (probe, "$.usage.output_tokens", "1");
  test_reply_expect (mcp, "$.output[0].type", "mcp_call");
  test_reply_expect (mcp, "$.output[0].server_label", "hf");
}

/* -- /v1/messages ---------------------------------------------------------------------------- */

static void
test_messages (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/messages?beta=true",
                                           "{'model':'qwen/qwen3-4b','max_tokens':100,'system':[{'type':'text',"
                                           "'text':'Be brief'}],'messages':[{'role':'user','content':'Count to "
                                           "4'}]}");
  g_autoptr (TestReply) stream = test_post (sim, "/v1/messages",
                                            "{'max_tokens':100,'stream':true,'messages':[{'role':'user',"
                                            "'content':'Count to 4'}]}");
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autofree char *names = test_events_names (events);
  g_autofree char *text = test_events_join (events, "$.delta.text");
  g_autofree char *reason = test_event_get (events, events->len - 2, "$.delta.stop_reason");
  g_autoptr (TestReply) missing = test_post (sim, "/v1/messages", "{'max_tokens':1}");
  g_autoptr (TestReply) unknown = test_post (sim, "/v1/messages", "{'model':'x','messages':[]}");

  test_reply_expect (reply, "$.type", "message");
  test_reply_expect (reply, "$.content[0].text", "1, 2, 3, 4.");
  test_reply_expect (reply, "$.stop_reason", "end_turn");
  g_assert_cmpstr (names, ==,
                   "message_start content_block_start content_block_delta content_block_stop message_delta "
                   "message_stop");
  g_assert_cmpstr (text, ==, "1, 2, 3, 4.");
  g_assert_cmpstr (reason, ==, "end_turn");
  g_assert_cmpuint (missing->status, ==, 400);
  test_reply_expect (missing, "$.type", "error");
  test_reply_expect (missing, "$.error.type", "invalid_request_error");
  test_reply_expect (unknown, "$.error.type", "not_found_error");
  expect_unexpected (sim, "POST", "/v1/messages/count_tokens?beta=true", "{}");
}

static void
test_messages_tools (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  static const char * const tool = "'tools':[{'name':'get_weather','input_schema':{'type':'object',"
                                   "'properties':{'location':{'type':'string'}},'required':['location']}}]";
  g_autofree char *ask = g_strconcat ("{'max_tokens':100,'messages':[{'role':'user','content':'What is the weather "
                                      "like in San Francisco?'}],", tool, "}", NULL);
  g_autofree char *answered = g_strconcat ("{'max_tokens':100,'messages':[{'role':'user','content':'weather?'},"
                                           "{'role':'assistant','content':[{'type':'tool_use','id':'t',"
                                           "'name':'get_weather','input':{}}]},{'role':'user','content':["
                                           "{'type':'tool_result','tool_use_id':'t','content':'Fog, 12 C'}]}],",
                                           tool, "}", NULL);
  g_autoptr (TestReply) call = test_post (sim, "/v1/messages", ask);
  g_autoptr (TestReply) result = test_post (sim, "/v1/messages", answered);

  test_reply_expect (call, "$.stop_reason", "tool_use");
  test_reply_expect (call, "$.content[0].type", "tool_use");
  test_reply_expect (call, "$.content[0].input.location", "San Francisco");
  test_reply_expect (result, "$.stop_reason", "end_turn");
  g_assert_nonnull (strstr (result->body->str, "Fog, 12 C"));
}

/* -- /api/v0 --------------------------------------------------------------------------------- */

static void
test_v0 (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) list = test_get (sim, "/api/v0/models");
  g_autoptr (TestReply) one = test_get (sim, "/api/v0/models/google/gemma-3-12b");
  g_autoptr (TestReply) escaped = test_get (sim, "/api/v0/models/google%2Fgemma-3-12b");
  g_autoptr (TestReply) none = test_get (sim, "/api/v0/models/nobody/nothing");
  g_autoptr (TestReply) chat = test_post (sim, "/api/v0/chat/completions", CHAT (",'max_tokens':4"));
  g_autoptr (TestReply) stream = test_post (sim, "/api/v0/chat/completions",
                                            CHAT (",'stream':true,'stream_options':{'include_usage':true}"));
  g_autoptr (TestReply) text = test_post (sim, "/api/v0/completions", "{'prompt':'Count to 2'}");
  g_autoptr (TestReply) embedding = test_post (sim, "/api/v0/embeddings", "{'input':'some text'}");

  test_reply_expect (list, "$.data[0].type", "llm");
  test_reply_expect (list, "$.data[0].state", "loaded");
  test_reply_expect (list, "$.data[0].loaded_context_length", "4096");
  test_reply_expect (list, "$.data[0].capabilities[0]", "tool_use");
  test_reply_expect (one, "$.type", "vlm");
  test_reply_expect (one, "$.state", "not-loaded");
  test_reply_expect (one, "$.capabilities", NULL);
  g_assert_cmpstr (one->body->str, ==, escaped->body->str);
  g_assert_cmpuint (none->status, ==, 400);

  test_reply_expect (chat, "$.stats.stop_reason", "maxPredictedTokensReached");
  test_reply_expect (chat, "$.model_info.arch", "qwen3");
  test_reply_expect (chat, "$.runtime.supported_formats[0]", "gguf");
  g_assert_null (strstr (stream->body->str, "usage"));
  g_assert_null (strstr (stream->body->str, "stats"));
  test_reply_expect (text, "$.choices[0].text", "1, 2.");
  test_reply_expect (text, "$.stats.stop_reason", "eosFound");
  test_reply_expect (embedding, "$.usage.prompt_tokens", "0");
}

/* -- /api/v1/chat ---------------------------------------------------------------------------- */

static void
test_native_chat (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/api/v1/chat",
                                           "{'model':'openai/gpt-oss-20b','input':'Tell me about tea in Japan'}");
  g_autofree char *id = test_reply_get (reply, "$.response_id");
  g_autofree char *next_body = g_strdup_printf ("{'model':'openai/gpt-oss-20b','input':[{'type':'text',"
                                                "'content':'Why is that?'}],'previous_response_id':'%s',"
                                                "'store':false}", id);
  g_autoptr (TestReply) next = test_post (sim, "/api/v1/chat", next_body);

  test_reply_expect (reply, "$.model_instance_id", "openai/gpt-oss-20b");
  test_reply_expect (reply, "$.output[0].type", "reasoning");
  test_reply_expect (reply, "$.output[1].type", "message");
  g_assert_nonnull (strstr (reply->body->str, "model_load_time_seconds"));
  g_assert_true (g_str_has_prefix (id, "resp_"));
  test_reply_expect (next, "$.response_id", NULL);
  g_assert_null (strstr (next->body->str, "model_load_time_seconds"));
  g_assert_nonnull (strstr (next->body->str, "tea in Japan"));
}

static void
test_native_chat_stream (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--api-token=t");
  g_autoptr (TestReply) reply = test_request (sim, "POST", "/api/v1/chat", "Authorization: Bearer t\r\n",
                                              "{'model':'openai/gpt-oss-20b','input':'Find the top model',"
                                              "'stream':true,'temperature':0,'integrations':['mcp/huggingface']}");
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *names = test_events_names (events);
  g_autofree char *last = test_event_get (events, events->len - 1, "$.result.output[1].tool");
  g_autofree char *plugin = test_event_get (events, events->len - 1, "$.result.output[1].provider_info.plugin_id");
  g_autofree char *tokens = test_event_get (events, events->len - 1, "$.result.stats.total_output_tokens");

  g_assert_cmpstr (names, ==,
                   "chat.start model_load.start model_load.progress model_load.end prompt_processing.start "
                   "prompt_processing.progress prompt_processing.end reasoning.start reasoning.delta reasoning.end "
                   "tool_call.start tool_call.arguments tool_call.success message.start message.delta message.end "
                   "chat.end");
  g_assert_cmpstr (last, ==, "model_search");
  g_assert_cmpstr (plugin, ==, "mcp/huggingface");
  g_assert_cmpint (atoi (tokens), >, 10);
}

static void
test_native_chat_failed_tool (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/api/v1/chat",
                                           "{'model':'qwen/qwen3-4b','input':'Go','stream':true,'integrations':"
                                           "[{'type':'ephemeral_mcp','server_label':'x','server_url':'http://x',"
                                           "'allowed_tools':[]}]}");
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *names = test_events_names (events);
  g_autofree char *type = test_event_get (events, events->len - 1, "$.result.output[0].metadata.type");
  g_autoptr (TestReply) plugin = test_post (sim, "/api/v1/chat",
                                            "{'model':'qwen/qwen3-4b','input':'Go','integrations':['mcp/x']}");

  g_assert_nonnull (strstr (names, "tool_call.start tool_call.failure message.start"));
  g_assert_cmpstr (type, ==, "invalid_name");
  /* mcp.json is only for those who come with a token. */
  g_assert_cmpuint (plugin->status, ==, 400);
  test_reply_expect (plugin, "$.error.type", "plugin_connection_error");
}

static void
test_native_chat_is_strict (void)
{
  static const struct {
    const char *body;
    const char *message;
    const char *param;
  } cases[] = {
    { "{'input':'x'}", "\"model\" is required", "model" },
    { "{'model':'qwen/qwen3-4b'}", "\"input\" is required", "input" },
    { "{'model':'qwen/qwen3-4b','input':'x','stop':['y']}", "Unrecognized key(s) in object: 'stop'", NULL },
    { "{'model':'qwen/qwen3-4b','input':'x','seed':1}", "Unrecognized key(s) in object: 'seed'", NULL },
    { "{'model':'qwen/qwen3-4b','input':'x','ttl':60}", "Unrecognized key(s) in object: 'ttl'", NULL },
    { "{'model':'qwen/qwen3-4b','input':[{'type':'message','content':'x'}]}",
      "Invalid discriminator value. Expected 'text' | 'image', received 'message'", "input" },
    { "{'model':'qwen/qwen3-4b','input':'x','previous_response_id':'abc'}",
      "\"previous_response_id\" must start with \"resp_\"", "previous_response_id" },
    { "{'model':'qwen/qwen3-4b','input':'x','reasoning':'high'}",
      "Model \"qwen/qwen3-4b\" does not support the reasoning setting \"high\".", "reasoning" },
    { "{'model':'openai/gpt-oss-20b','input':'x','reasoning':'max'}",
      "Invalid enum value. Expected 'off' | 'low' | 'medium' | 'high' | 'on', received 'max'", "reasoning" },
  };
  g_autoptr (TestSim) sim = test_sim_start ("");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestReply) reply = test_post (sim, "/api/v1/chat", cases[i].body);

      g_assert_cmpuint (reply->status, ==, 400);
      test_reply_expect (reply, "$.error.type", "invalid_request");
      test_reply_expect (reply, "$.error.message", cases[i].message);
      test_reply_expect (reply, "$.error.param", cases[i].param);
    }
}

/* -- Versions, tokens, errors ---------------------------------------------------------------- */

static void
test_versions (void)
{
  static const struct {
    const char *version;
    gboolean has_responses;
    gboolean has_v0;
    gboolean has_v1;
    gboolean has_messages;
  } cases[] = {
    { "0.3.5", FALSE, FALSE, FALSE, FALSE },
    { "0.3.6", FALSE, TRUE, FALSE, FALSE },
    { "0.3.29", TRUE, TRUE, FALSE, FALSE },
    { "0.4.0", TRUE, TRUE, TRUE, FALSE },
    { "0.4.1", TRUE, TRUE, TRUE, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--version=%s", cases[i].version);
      g_autoptr (TestReply) list = test_get (sim, "/v1/models");

      test_reply_expect (list, "$.object", "list");
      if (!cases[i].has_responses)
        expect_unexpected (sim, "POST", "/v1/responses", "{'input':'x'}");
      if (!cases[i].has_v0)
        {
          expect_unexpected (sim, "GET", "/api/v0/models", NULL);
          expect_unexpected (sim, "GET", "/api/v0/models/qwen/qwen3-4b", NULL);
          expect_unexpected (sim, "POST", "/api/v0/chat/completions", CHAT (""));
        }
      if (!cases[i].has_v1)
        {
          expect_unexpected (sim, "GET", "/api/v1/models", NULL);
          expect_unexpected (sim, "POST", "/api/v1/chat", "{'model':'qwen/qwen3-4b','input':'x'}");
          expect_unexpected (sim, "POST", "/api/v1/models/load", "{'model':'qwen/qwen3-4b'}");
        }
      else
        {
          g_autoptr (TestReply) native = test_get (sim, "/api/v1/models");

          test_reply_expect (native, "$.models[0].key", "qwen/qwen3-4b");
        }
      if (!cases[i].has_messages)
        expect_unexpected (sim, "POST", "/v1/messages", "{'messages':[]}");
    }
}

static void
test_old_quirks (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--version=0.3.5");
  g_autoptr (TestReply) tools = test_post (sim, "/v1/chat/completions",
                                           "{'messages':[{'role':'user','content':'weather in Rome'}],"
                                           "'tools':[" WEATHER_TOOL "]}");
  g_autoptr (TestReply) usage = test_post (sim, "/v1/chat/completions",
                                           CHAT (",'stream':true,'stream_options':{'include_usage':true}"));
  g_autoptr (TestReply) text = test_post (sim, "/v1/chat/completions", CHAT (",'response_format':{'type':'text'}"));
  g_autoptr (TestReply) base64 = test_post (sim, "/v1/embeddings", "{'input':'x','encoding_format':'base64'}");
  g_autofree char *last_number = NULL;

  test_reply_expect (tools, "$.choices[0].finish_reason", "stop");
  g_assert_null (strstr (usage->body->str, "\"usage\""));
  g_assert_cmpuint (text->status, ==, 400);
  last_number = test_reply_get (base64, "$.data[0].embedding[767]");
  g_assert_nonnull (last_number);
}

static void
test_unexpected_endpoints (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");

  expect_unexpected (sim, "POST", "/chat/completions", "{}");
  expect_unexpected (sim, "GET", "/", NULL);
  expect_unexpected (sim, "OPTIONS", "/v1/models", NULL);
  expect_unexpected (sim, "DELETE", "/v1/models", NULL);
  expect_unexpected (sim, "GET", "/v1/chat/completions?x=1", NULL);
  expect_unexpected (sim, "GET", "/api/v1/models/download/status/", NULL);
}

static void
test_cors (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--cors");
  g_autoptr (TestReply) preflight = test_request (sim, "OPTIONS", "/v1/models", "Origin: http://x\r\n", NULL);
  g_autoptr (TestReply) list = test_get (sim, "/v1/models");
  g_autofree char *origin = test_reply_field (list, "Access-Control-Allow-Origin");
  g_autofree char *methods = test_reply_field (preflight, "Access-Control-Allow-Methods");

  g_assert_cmpuint (preflight->status, ==, 204);
  g_assert_nonnull (methods);
  g_assert_cmpstr (origin, ==, "*");
}

static void
test_tokens (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--api-token=sk-lm-a:one --api-token=sk-lm-b:two");
  static const char * const paths[] = { "/v1/models", "/api/v0/models", "/api/v1/models", "/nothing" };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (TestReply) without = test_get (sim, paths[i]);
      g_autoptr (TestReply) wrong = test_request (sim, "GET", paths[i], "Authorization: Bearer nonsense\r\n", NULL);
      g_autoptr (TestReply) right = test_request (sim, "GET", paths[i], "authorization: bearer sk-lm-b:two\r\n", NULL);
      g_autoptr (TestReply) key = test_request (sim, "GET", paths[i], "x-api-key: sk-lm-a:one\r\n", NULL);

      g_assert_cmpuint (without->status, ==, 401);
      test_reply_expect (without, "$.error.code", "invalid_api_key");
      g_assert_cmpuint (wrong->status, ==, 401);
      g_assert_cmpuint (right->status, ==, 200);
      g_assert_cmpuint (key->status, ==, 401);
    }
}

static void
test_tokens_messages (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--api-token=secret");
  g_autoptr (TestSim) old = test_sim_start ("--api-token=secret --version=0.3.30");
  static const char * const body = "{'max_tokens':5,'messages':[" QUESTION "]}";
  g_autoptr (TestReply) without = test_post (sim, "/v1/messages", body);
  g_autoptr (TestReply) key = test_request (sim, "POST", "/v1/messages", "X-Api-Key: secret\r\n", body);
  g_autoptr (TestReply) bearer = test_request (sim, "POST", "/v1/messages", "Authorization: Bearer secret\r\n", body);
  g_autoptr (TestReply) open = test_get (old, "/v1/models");

  g_assert_cmpuint (without->status, ==, 401);
  test_reply_expect (without, "$.error.type", "authentication_error");
  g_assert_cmpuint (key->status, ==, 200);
  g_assert_cmpuint (bearer->status, ==, 200);
  /* There were no tokens yet. */
  g_assert_cmpuint (open->status, ==, 200);
}

static void
test_bad_bodies (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (GString) deep = g_string_new ("{'messages':");
  static const char * const bodies[] = { "", "{", "[]", "null", "'x'", "{'messages':[}", "\xff\xfe" };
  g_autoptr (TestReply) missing = test_post (sim, "/v1/chat/completions", "{'messages':'x'}");

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions", bodies[i]);
      g_autoptr (TestReply) native = test_post (sim, "/api/v1/chat", bodies[i]);

      g_assert_cmpuint (reply->status, ==, 400);
      g_assert_cmpuint (native->status, ==, 400);
      test_reply_expect (native, "$.error.type", "invalid_request");
    }
  for (guint i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');
  g_clear_pointer (&missing, test_reply_free);
  missing = test_post (sim, "/v1/chat/completions", deep->str);
  g_assert_cmpuint (missing->status, ==, 400);

  /* What LM Studio takes without a word. */
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (TestReply) lax = test_post (sim, "/v1/chat/completions",
                                             i == 0 ? "{'messages':[],'n':3,'nonsense':{}}"
                                                    : "{'messages':[1,{'content':[{'type':'video'}]}],'seed':'x'}");

      g_assert_cmpuint (lax->status, ==, 200);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sim/responses", test_responses);
  g_test_add_func ("/sim/responses/stream", test_responses_stream);
  g_test_add_func ("/sim/responses/tools", test_responses_tools);
  g_test_add_func ("/sim/messages", test_messages);
  g_test_add_func ("/sim/messages/tools", test_messages_tools);
  g_test_add_func ("/sim/v0", test_v0);
  g_test_add_func ("/sim/v1/chat", test_native_chat);
  g_test_add_func ("/sim/v1/chat/stream", test_native_chat_stream);
  g_test_add_func ("/sim/v1/chat/failed-tool", test_native_chat_failed_tool);
  g_test_add_func ("/sim/v1/chat/strict", test_native_chat_is_strict);
  g_test_add_func ("/sim/versions", test_versions);
  g_test_add_func ("/sim/versions/old-quirks", test_old_quirks);
  g_test_add_func ("/sim/unexpected-endpoint", test_unexpected_endpoints);
  g_test_add_func ("/sim/cors", test_cors);
  g_test_add_func ("/sim/tokens", test_tokens);
  g_test_add_func ("/sim/tokens/messages", test_tokens_messages);
  g_test_add_func ("/sim/bad-bodies", test_bad_bodies);

  return g_test_run ();
}

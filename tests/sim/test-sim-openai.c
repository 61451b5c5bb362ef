/* SPDX-License-Identifier: MIT
 *
 * Tests of lmstudio-sim: what it answers where OpenAI's paths are: chats, completions, embeddings
 * and models, in whole and in streams.
 */

#include "test-sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION "{'role':'user','content':'Why is the sky blue?'}"
#define CHAT(rest) "{'model':'qwen/qwen3-4b','temperature':0,'messages':[" QUESTION "]" rest "}"
#define WEATHER_TOOL                                                                                   \
  "{'type':'function','function':{'name':'get_weather','description':'The weather now',"  \
  "'parameters':{'type':'object','properties':{'city':{'type':'string'},"                \
  "'unit':{'enum':['celsius','fahrenheit']}},'required':['city','unit']}}}"
#define TIME_TOOL                                                                                      \
  "{'type':'function','function':{'name':'local_time','description':'The clock',"         \
  "'parameters':{'type':'object','properties':{'city':{'type':'string'}},"                \
  "'required':['city']}}}"
#define PICTURE "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9"

static void
test_chat (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions", CHAT (""));
  g_autoptr (TestReply) again = test_post (sim, "/v1/chat/completions", CHAT (""));
  g_autofree char *text = test_reply_get (reply, "$.choices[0].message.content");
  g_autofree char *powered = test_reply_field (reply, "X-Powered-By");
  g_autofree char *kept = test_reply_field (reply, "Keep-Alive");

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_cmpstr (powered, ==, "Express");
  g_assert_cmpstr (kept, ==, "timeout=5");
  test_reply_expect (reply, "$.object", "chat.completion");
  test_reply_expect (reply, "$.model", "qwen/qwen3-4b");
  test_reply_expect (reply, "$.choices[0].finish_reason", "stop");
  test_reply_expect (reply, "$.stats", "{}");
  g_assert_nonnull (strstr (text, "sky blue"));
  g_assert_nonnull (strstr (text, "simulated model"));
  test_reply_expect (again, "$.choices[0].message.content", text);
}

static void
test_chat_varies (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  static const char * const question = "{'messages':[" QUESTION "],'temperature':0.8}";
  g_autofree char *first = NULL;
  gboolean differs = FALSE;

  /* Sixteen answers out of thousands are not all the same. */
  for (guint i = 0; i < 16; i++)
    {
      g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions", question);
      g_autofree char *text = test_reply_get (reply, "$.choices[0].message.content");

      if (first == NULL)
        first = g_strdup (text);
      differs = differs || strcmp (first, text) != 0;
    }
  g_assert_true (differs);
}

static void
test_chat_deterministic (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--deterministic");
  static const char * const bodies[] = { "{'messages':[" QUESTION "]}", "{'messages':[" QUESTION "],'stream':true}" };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (TestReply) one = test_post (sim, "/v1/chat/completions", bodies[i]);
      g_autoptr (TestReply) two = test_post (sim, "/v1/chat/completions", bodies[i]);

      g_assert_cmpstr (one->body->str, ==, two->body->str);
      g_assert_cmpuint (one->wire_bytes, ==, two->wire_bytes);
    }
}

static void
test_chat_stream (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) whole = test_post (sim, "/v1/chat/completions", CHAT (""));
  g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions",
                                           CHAT (",'stream':true,'stream_options':{'include_usage':true}"));
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *type = test_reply_field (reply, "Content-Type");
  g_autofree char *text = test_events_join (events, "$.choices[0].delta.content");
  g_autofree char *role = test_event_get (events, 0, "$.choices[0].delta.role");
  g_autofree char *second_role = test_event_get (events, 1, "$.choices[0].delta.role");
  g_autofree char *finish = test_event_get (events, events->len - 3, "$.choices[0].finish_reason");
  g_autofree char *choices = test_event_get (events, events->len - 2, "$.choices");
  g_autofree char *usage = test_event_get (events, events->len - 2, "$.usage.completion_tokens");
  g_autofree char *n_deltas = g_strdup_printf ("%u", events->len - 3);

  g_assert_cmpstr (type, ==, "text/event-stream");
  g_assert_cmpint (reply->end, ==, TEST_END_WHOLE);
  g_assert_cmpuint (reply->n_chunks, ==, events->len);
  test_reply_expect (whole, "$.choices[0].message.content", text);
  g_assert_cmpstr (role, ==, "assistant");
  g_assert_null (second_role);
  g_assert_cmpstr (finish, ==, "stop");
  g_assert_cmpstr (choices, ==, "[]");
  g_assert_cmpstr (usage, ==, n_deltas);
  test_reply_expect (whole, "$.usage.completion_tokens", usage);
  g_assert_cmpstr (((TestEvent *) events->pdata[events->len - 1])->data, ==, "[DONE]");
}

/* What the assistant has begun to say is gone on with, as if nothing had come between. */
static void
test_chat_prefill (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) whole = test_post (sim, "/v1/chat/completions", CHAT (""));
  g_autoptr (TestReply) stream = test_post (sim, "/v1/chat/completions", CHAT (",'stream':true"));
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autoptr (GString) said = g_string_new (NULL);
  g_autofree char *text = test_reply_get (whole, "$.choices[0].message.content");
  g_autofree char *prompt = test_reply_get (whole, "$.usage.prompt_tokens");
  g_autofree char *total = test_reply_get (whole, "$.usage.total_tokens");
  guint n = events->len - 2;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *token = test_event_get (events, i, "$.choices[0].delta.content");
      g_autoptr (TestReply) rest = NULL;
      g_autofree char *body = NULL;
      g_autofree char *so_far = NULL;
      g_autofree char *prompt_now = g_strdup_printf ("%d", atoi (prompt) + (int) i + 1);
      g_autofree char *completion = g_strdup_printf ("%u", n - i - 1);

      g_string_append (said, token);
      so_far = g_strescape (said->str, "");
      body = g_strdup_printf ("{'model':'qwen/qwen3-4b','temperature':0,'messages':[" QUESTION
                              ",{'role':'assistant','content':'%s'}]}", so_far);
      rest = test_post (sim, "/v1/chat/completions", body);
      test_reply_expect (rest, "$.choices[0].message.content", text + said->len);
      test_reply_expect (rest, "$.choices[0].finish_reason", "stop");
      test_reply_expect (rest, "$.usage.prompt_tokens", prompt_now);
      test_reply_expect (rest, "$.usage.completion_tokens", completion);
      test_reply_expect (rest, "$.usage.total_tokens", total);
    }
  g_assert_cmpstr (said->str, ==, text);
}

/* It would not have said so itself. */
static void
test_chat_foreign_prefill (void)
{
  static const char body[] = "{'model':'qwen/qwen3-4b','temperature':0,'messages':[" QUESTION
                             ",{'role':'assistant','content':'Because'}]}";
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) one = test_post (sim, "/v1/chat/completions", body);
  g_autoptr (TestReply) two = test_post (sim, "/v1/chat/completions", body);
  g_autofree char *text = test_reply_get (one, "$.choices[0].message.content");

  g_assert_cmpuint (strlen (text), >, 20);
  g_assert_false (g_str_has_prefix (text, "Because"));
  test_reply_expect (two, "$.choices[0].message.content", text);
}

static void
test_chat_limits (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) limited = test_post (sim, "/v1/chat/completions", CHAT (",'max_tokens':3"));
  g_autoptr (TestReply) unlimited = test_post (sim, "/v1/chat/completions", CHAT (",'max_tokens':-1"));
  g_autoptr (TestReply) stopped = test_post (sim, "/v1/chat/completions", CHAT (",'stop':['sky','never']"));
  g_autofree char *text = NULL;
  g_autofree char *long_text = NULL;

  test_reply_expect (limited, "$.choices[0].finish_reason", "length");
  test_reply_expect (limited, "$.usage.completion_tokens", "3");
  test_reply_expect (unlimited, "$.choices[0].finish_reason", "stop");
  test_reply_expect (stopped, "$.choices[0].finish_reason", "stop");
  text = test_reply_get (stopped, "$.choices[0].message.content");
  g_assert_null (strstr (text, "sky"));
  long_text = test_reply_get (unlimited, "$.choices[0].message.content");
  g_assert_true (g_str_has_prefix (long_text, text));

  test_sim_set (sim, "{'answer_tokens':777}");
  g_clear_pointer (&unlimited, test_reply_free);
  unlimited = test_post (sim, "/v1/chat/completions", CHAT (""));
  test_reply_expect (unlimited, "$.usage.completion_tokens", "777");
  test_reply_expect (unlimited, "$.choices[0].finish_reason", "stop");
}

static void
test_chat_usage_counts_prompt (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) bare = test_post (sim, "/v1/chat/completions", CHAT (",'max_tokens':1"));
  g_autoptr (TestReply) with_tools = test_post (sim, "/v1/chat/completions",
                                                CHAT (",'max_tokens':1,'tools':[" WEATHER_TOOL "]"));
  g_autofree char *few = test_reply_get (bare, "$.usage.prompt_tokens");
  g_autofree char *more = test_reply_get (with_tools, "$.usage.prompt_tokens");
  g_autofree char *total = NULL;

  g_assert_cmpint (atoi (few), >, 5);
  g_assert_cmpint (atoi (more), >, atoi (few) + 20);
  total = g_strdup_printf ("%d", atoi (few) + 1);
  test_reply_expect (bare, "$.usage.total_tokens", total);
}

static void
test_chat_tools (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions",
                                           "{'messages':[{'role':'user','content':'What is the weather in "
                                           "Paris, in celsius, and the local time?'}],"
                                           "'tools':[" WEATHER_TOOL "," TIME_TOOL "]}");
  g_autoptr (TestReply) unrelated = test_post (sim, "/v1/chat/completions", CHAT (",'tools':[" WEATHER_TOOL "]"));
  g_autoptr (TestReply) result = NULL;

  test_reply_expect (reply, "$.choices[0].finish_reason", "tool_calls");
  test_reply_expect (reply, "$.choices[0].message.tool_calls[0].type", "function");
  test_reply_expect (reply, "$.choices[0].message.tool_calls[0].function.name", "get_weather");
  test_reply_expect (reply, "$.choices[0].message.tool_calls[0].function.arguments",
                     "{\"city\":\"Paris\",\"unit\":\"celsius\"}");
  test_reply_expect (reply, "$.choices[0].message.tool_calls[1].function.name", "local_time");

  /* Not asked for: an ordinary answer. */
  test_reply_expect (unrelated, "$.choices[0].finish_reason", "stop");

  /* After the tool has answered: text with its result. */
  result = test_post (sim, "/v1/chat/completions",
                      "{'messages':[{'role':'user','content':'What is the weather in Paris?'},"
                      "{'role':'assistant','content':null,'tool_calls':[{'id':'1','type':'function',"
                      "'function':{'name':'get_weather','arguments':'{}'}}]},"
                      "{'role':'tool','tool_call_id':'1','content':'18 degrees and windy'}],"
                      "'tools':[" WEATHER_TOOL "]}");
  test_reply_expect (result, "$.choices[0].finish_reason", "stop");
  g_assert_nonnull (strstr (result->body->str, "18 degrees and windy"));
}

static void
test_chat_tool_choice (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) required = test_post (sim, "/v1/chat/completions",
                                              CHAT (",'tool_choice':'required','tools':[" WEATHER_TOOL "]"));
  g_autoptr (TestReply) none = test_post (sim, "/v1/chat/completions",
                                          "{'messages':[{'role':'user','content':'weather in Rome'}],"
                                          "'tool_choice':'none','tools':[" WEATHER_TOOL "]}");
  g_autoptr (TestReply) object = test_post (sim, "/v1/chat/completions",
                                            CHAT (",'tool_choice':{'type':'function'},'tools':[" WEATHER_TOOL "]"));

  test_reply_expect (required, "$.choices[0].finish_reason", "tool_calls");
  test_reply_expect (none, "$.choices[0].finish_reason", "stop");
  g_assert_cmpuint (object->status, ==, 400);
  test_reply_expect (object, "$.error",
                     "Invalid tool_choice type: 'object'. Supported string values: none, auto, required");
}

static void
test_chat_tools_stream (void)
{
  static const char * const ask = "{'messages':[{'role':'user','content':'What is the weather in Paris?'}],"
                                  "'stream':true,'tools':[" WEATHER_TOOL "]}";
  static const struct {
    const char *version;
    const char *second_name;     /* of the second delta */
    gboolean in_one_piece;
  } cases[] = {
    { "0.4.12", NULL, FALSE },
    { "0.3.16", NULL, TRUE },
    { "0.3.15", "", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--version=%s", cases[i].version);
      g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions", ask);
      g_autoptr (GPtrArray) events = test_reply_events (reply);
      g_autofree char *name = test_event_get (events, 0, "$.choices[0].delta.tool_calls[0].function.name");
      g_autofree char *id = test_event_get (events, 0, "$.choices[0].delta.tool_calls[0].id");
      g_autofree char *none_yet = test_event_get (events, 0, "$.choices[0].delta.tool_calls[0].function.arguments");
      g_autofree char *second = test_event_get (events, 1, "$.choices[0].delta.tool_calls[0].function.name");
      g_autofree char *second_id = test_event_get (events, 1, "$.choices[0].delta.tool_calls[0].id");
      g_autofree char *arguments = test_events_join (events, "$.choices[0].delta.tool_calls[0].function.arguments");
      g_autofree char *finish = test_event_get (events, events->len - 2, "$.choices[0].finish_reason");

      g_assert_cmpstr (name, ==, "get_weather");
      g_assert_cmpuint (strlen (id), ==, 9);
      g_assert_cmpstr (none_yet, ==, "");
      g_assert_cmpstr (second, ==, cases[i].second_name);
      g_assert_null (second_id);
      g_assert_cmpstr (arguments, ==, "{\"city\":\"Paris\",\"unit\":\"celsius\"}");
      g_assert_cmpstr (finish, ==, "tool_calls");
      g_assert_true ((events->len == 4) == cases[i].in_one_piece);
    }
}

static void
test_chat_structured (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (
    sim, "/v1/chat/completions",
    CHAT (",'response_format':{'type':'json_schema','json_schema':{'name':'x','schema':{"
          "'type':'object','properties':{'title':{'type':'string'},'count':{'type':'integer',"
          "'minimum':3,'maximum':5},'tags':{'type':'array','minItems':3,'items':{'enum':['a','b']}},"
          "'ok':{'type':['boolean','null']},'next':{'$ref':'#/$defs/node'}},"
          "'$defs':{'node':{'type':'object','properties':{'next':{'$ref':'#/$defs/node'}}}}}}}"));
  g_autoptr (TestReply) unnamed = test_post (sim, "/v1/chat/completions",
                                             CHAT (",'response_format':{'type':'json_schema',"
                                                   "'json_schema':{'schema':{}}}"));
  g_autoptr (TestReply) object = test_post (sim, "/v1/chat/completions",
                                            CHAT (",'response_format':{'type':'json_object'}"));
  g_autoptr (TestReply) text = test_post (sim, "/v1/chat/completions", CHAT (",'response_format':{'type':'text'}"));
  g_autofree char *content = test_reply_get (reply, "$.choices[0].message.content");
  g_autoptr (JsonNode) json = json_from_string (content, NULL);
  JsonObject *value;

  g_assert_nonnull (json);
  value = json_node_get_object (json);
  g_assert_cmpint (json_object_get_int_member (value, "count"), >=, 3);
  g_assert_cmpint (json_object_get_int_member (value, "count"), <=, 5);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (value, "tags")), ==, 3);
  g_assert_nonnull (json_object_get_string_member (value, "title"));
  g_assert_true (json_node_get_value_type (json_object_get_member (value, "ok")) == G_TYPE_BOOLEAN);
  g_assert_nonnull (json_object_get_object_member (value, "next"));

  g_assert_cmpuint (unnamed->status, ==, 400);
  g_assert_cmpuint (object->status, ==, 400);
  test_reply_expect (object, "$.error", "'response_format.type' must be 'json_schema' or 'text'");
  g_assert_cmpuint (text->status, ==, 200);
}

static void
test_chat_reasoning (void)
{
  static const struct {
    const char *version;
    const char *model;
    const char *key;     /* NULL: inside the text */
    const char *other;
  } cases[] = {
    { "0.4.12", "openai/gpt-oss-20b", "reasoning", "reasoning_content" },
    { "0.4.12", "deepseek/deepseek-r1-0528-qwen3-8b", "reasoning_content", "reasoning" },
    { "0.3.22", "openai/gpt-oss-20b", NULL, "reasoning" },
    { "0.3.9", "deepseek/deepseek-r1-0528-qwen3-8b", "reasoning_content", "reasoning" },
    { "0.3.8", "deepseek/deepseek-r1-0528-qwen3-8b", NULL, "reasoning_content" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--version=%s", cases[i].version);
      g_autofree char *ask = g_strdup_printf ("{'model':'%s','temperature':0,'messages':[" QUESTION "]",
                                              cases[i].model);
      g_autofree char *ask_whole = g_strconcat (ask, "}", NULL);
      g_autofree char *ask_stream = g_strconcat (ask, ",'stream':true}", NULL);
      g_autoptr (TestReply) whole = test_post (sim, "/v1/chat/completions", ask_whole);
      g_autoptr (TestReply) stream = test_post (sim, "/v1/chat/completions", ask_stream);
      g_autoptr (GPtrArray) events = test_reply_events (stream);
      g_autofree char *content = test_reply_get (whole, "$.choices[0].message.content");
      g_autofree char *other = g_strconcat ("$.choices[0].message.", cases[i].other, NULL);
      g_autofree char *path = g_strconcat ("$.choices[0].message.", cases[i].key, NULL);
      g_autofree char *delta_path = g_strconcat ("$.choices[0].delta.", cases[i].key, NULL);
      g_autofree char *reasoning = NULL;
      g_autofree char *deltas = NULL;

      test_reply_expect (whole, other, NULL);
      g_assert_true (g_str_has_prefix (content, "<think>") == (cases[i].key == NULL));
      if (cases[i].key == NULL)
        continue;
      reasoning = test_reply_get (whole, path);
      deltas = test_events_join (events, delta_path);
      g_assert_nonnull (strstr (reasoning, "The user asks"));
      g_assert_cmpstr (reasoning, ==, deltas);
    }
}

static void
test_chat_vision (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  static const char * const format =
    "{'model':'%s','messages':[{'role':'user','content':[{'type':'text','text':'Describe it'},"
    "{'type':'image_url','image_url':{'url':'" PICTURE "'}}]}]}";
  g_auto (GStrv) halves = g_strsplit (format, "%s", 2);
  g_autofree char *seeing = g_strconcat (halves[0], "google/gemma-3-12b", halves[1], NULL);
  g_autofree char *blind = g_strconcat (halves[0], "qwen/qwen3-4b", halves[1], NULL);
  g_autoptr (TestReply) reply = test_post (sim, "/v1/chat/completions", seeing);
  g_autoptr (TestReply) refused = test_post (sim, "/v1/chat/completions", blind);
  g_autofree char *text = test_reply_get (reply, "$.choices[0].message.content");
  g_autofree char *tokens = test_reply_get (reply, "$.usage.prompt_tokens");

  g_assert_nonnull (strstr (text, "image"));
  g_assert_nonnull (strstr (text, "PNG"));
  g_assert_cmpint (atoi (tokens), >=, 256);
  g_assert_cmpuint (refused->status, ==, 400);
  test_reply_expect (refused, "$.error", "Model does not support images. Please use a model that does.");
}

static void
test_completions (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/completions",
                                           "{'model':'qwen/qwen3-4b','prompt':'Count to 5','temperature':0}");
  g_autoptr (TestReply) stream = test_post (sim, "/v1/completions",
                                            "{'prompt':'Count to 5','temperature':0,'stream':true}");
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autofree char *text = test_events_join (events, "$.choices[0].text");

  test_reply_expect (reply, "$.object", "text_completion");
  test_reply_expect (reply, "$.choices[0].text", "1, 2, 3, 4, 5.");
  g_assert_cmpstr (text, ==, "1, 2, 3, 4, 5.");
}

static double
dot (JsonArray *a,
     JsonArray *b)
{
  double sum = 0;

  for (guint i = 0; i < json_array_get_length (a); i++)
    sum += json_array_get_double_element (a, i) * json_array_get_double_element (b, i);

  return sum;
}

static JsonArray *
vector_of (TestReply *reply,
           guint      index)
{
  JsonArray *data = json_object_get_array_member (json_node_get_object (reply->json), "data");

  return json_object_get_array_member (json_array_get_object_element (data, index), "embedding");
}

static void
test_embeddings (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/embeddings",
                                           "{'model':'text-embedding-nomic-embed-text-v1.5','input':['the cat sat "
                                           "on the mat','a cat sat on a mat','quarterly tax report']}");
  g_autoptr (TestReply) base64 = test_post (sim, "/v1/embeddings",
                                            "{'input':'the cat sat on the mat','encoding_format':'base64'}");
  g_autofree char *encoded = test_reply_get (base64, "$.data[0].embedding");
  gsize n_bytes;
  g_autofree guchar *bytes = g_base64_decode (encoded, &n_bytes);
  float first;

  g_assert_cmpuint (reply->status, ==, 200);
  test_reply_expect (reply, "$.model", "text-embedding-nomic-embed-text-v1.5");
  test_reply_expect (reply, "$.data[2].index", "2");
  g_assert_cmpuint (json_array_get_length (vector_of (reply, 0)), ==, 768);
  g_assert_cmpfloat (fabs (dot (vector_of (reply, 0), vector_of (reply, 0)) - 1), <, 1e-5);
  g_assert_cmpfloat (dot (vector_of (reply, 0), vector_of (reply, 1)), >, 0.4);
  g_assert_cmpfloat (fabs (dot (vector_of (reply, 0), vector_of (reply, 2))), <, 0.3);
  test_reply_expect (reply, "$.usage.prompt_tokens", "15");

  g_assert_cmpuint (n_bytes, ==, 768 * sizeof (float));
  memcpy (&first, bytes, sizeof first);
  g_assert_cmpfloat (first, ==, (float) json_array_get_double_element (vector_of (reply, 0), 0));
}

static void
test_embeddings_refusals (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestSim) old = test_sim_start ("--version=0.3.30");
  static const char * const of_llm = "{'model':'qwen/qwen3-4b','input':'x'}";
  g_autoptr (TestReply) llm = test_post (sim, "/v1/embeddings", of_llm);
  g_autoptr (TestReply) none = test_post (sim, "/v1/embeddings", "{'model':'qwen/qwen3-4b'}");
  g_autoptr (TestReply) chat = test_post (sim, "/v1/chat/completions",
                                          "{'model':'text-embedding-nomic-embed-text-v1.5','messages':[" QUESTION "]}");
  g_autoptr (TestReply) loads = test_post (old, "/v1/embeddings", of_llm);

  g_assert_cmpuint (llm->status, ==, 400);
  g_assert_cmpuint (none->status, ==, 400);
  g_assert_cmpuint (chat->status, ==, 400);

  /* Older builds loaded the model anew for each such request. */
  g_assert_cmpuint (loads->status, ==, 200);
  g_assert_cmpint (test_sim_count (old, "duplicate_loads"), ==, 1);
}

static void
test_list_openai (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one:loaded --model=b/two");
  g_autoptr (TestReply) all = test_get (sim, "/v1/models");
  g_autoptr (TestReply) loaded = NULL;
  g_autoptr (TestReply) head = test_request (sim, "HEAD", "/v1/models", "Connection: close\r\n", NULL);

  test_reply_expect (all, "$.object", "list");
  test_reply_expect (all, "$.data[0].id", "a/one");
  test_reply_expect (all, "$.data[1].id", "b/two");
  test_sim_set (sim, "{'jit':false}");
  loaded = test_get (sim, "/v1/models");
  test_reply_expect (loaded, "$.data[0].id", "a/one");
  test_reply_expect (loaded, "$.data[1].id", NULL);

  /* Promised, but not sent. */
  g_assert_cmpuint (head->status, ==, 200);
  g_assert_cmpint (head->end, ==, TEST_END_EARLY);
  g_assert_cmpuint (head->body->len, ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sim/openai/chat", test_chat);
  g_test_add_func ("/sim/openai/chat/varies-with-temperature", test_chat_varies);
  g_test_add_func ("/sim/openai/chat/deterministic", test_chat_deterministic);
  g_test_add_func ("/sim/openai/chat/stream", test_chat_stream);
  g_test_add_func ("/sim/openai/chat/prefill", test_chat_prefill);
  g_test_add_func ("/sim/openai/chat/prefill/foreign", test_chat_foreign_prefill);
  g_test_add_func ("/sim/openai/chat/limits", test_chat_limits);
  g_test_add_func ("/sim/openai/chat/usage", test_chat_usage_counts_prompt);
  g_test_add_func ("/sim/openai/chat/tools", test_chat_tools);
  g_test_add_func ("/sim/openai/chat/tool-choice", test_chat_tool_choice);
  g_test_add_func ("/sim/openai/chat/tools-stream", test_chat_tools_stream);
  g_test_add_func ("/sim/openai/chat/structured", test_chat_structured);
  g_test_add_func ("/sim/openai/chat/reasoning", test_chat_reasoning);
  g_test_add_func ("/sim/openai/chat/vision", test_chat_vision);
  g_test_add_func ("/sim/openai/completions", test_completions);
  g_test_add_func ("/sim/openai/embeddings", test_embeddings);
  g_test_add_func ("/sim/openai/embeddings/refusals", test_embeddings_refusals);
  g_test_add_func ("/sim/openai/models", test_list_openai);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * Tests of lmstudio-sim: what each surface answers, in whole and in streams, and what differs
 * between the versions of LM Studio that it can be.
 */

#include "test-sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION "{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}"
#define CHAT(rest) "{\"model\":\"qwen/qwen3-4b\",\"temperature\":0,\"messages\":[" QUESTION "]" rest "}"
#define WEATHER_TOOL                                                                                   \
  "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"The weather now\","  \
  "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"                \
  "\"unit\":{\"enum\":[\"celsius\",\"fahrenheit\"]}},\"required\":[\"city\",\"unit\"]}}}"
#define TIME_TOOL                                                                                      \
  "{\"type\":\"function\",\"function\":{\"name\":\"local_time\",\"description\":\"The clock\","         \
  "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},"                \
  "\"required\":[\"city\"]}}}"
#define RED_DOT "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"

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

/* -- OpenAI ---------------------------------------------------------------------------------- */

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
  static const char * const question = "{\"messages\":[" QUESTION "],\"temperature\":0.8}";
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
  static const char * const bodies[] = { "{\"messages\":[" QUESTION "]}", "{\"messages\":[" QUESTION "],\"stream\":true}" };

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
                                           CHAT (",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
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

static void
test_chat_limits (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) limited = test_post (sim, "/v1/chat/completions", CHAT (",\"max_tokens\":3"));
  g_autoptr (TestReply) unlimited = test_post (sim, "/v1/chat/completions", CHAT (",\"max_tokens\":-1"));
  g_autoptr (TestReply) stopped = test_post (sim, "/v1/chat/completions", CHAT (",\"stop\":[\"sky\",\"never\"]"));
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

  test_sim_set (sim, "{\"answer_tokens\":777}");
  g_clear_pointer (&unlimited, test_reply_free);
  unlimited = test_post (sim, "/v1/chat/completions", CHAT (""));
  test_reply_expect (unlimited, "$.usage.completion_tokens", "777");
  test_reply_expect (unlimited, "$.choices[0].finish_reason", "stop");
}

static void
test_chat_usage_counts_prompt (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) bare = test_post (sim, "/v1/chat/completions", CHAT (",\"max_tokens\":1"));
  g_autoptr (TestReply) with_tools = test_post (sim, "/v1/chat/completions",
                                                CHAT (",\"max_tokens\":1,\"tools\":[" WEATHER_TOOL "]"));
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
                                           "{\"messages\":[{\"role\":\"user\",\"content\":\"What is the weather in "
                                           "Paris, in celsius, and the local time?\"}],"
                                           "\"tools\":[" WEATHER_TOOL "," TIME_TOOL "]}");
  g_autoptr (TestReply) unrelated = test_post (sim, "/v1/chat/completions", CHAT (",\"tools\":[" WEATHER_TOOL "]"));
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
                      "{\"messages\":[{\"role\":\"user\",\"content\":\"What is the weather in Paris?\"},"
                      "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\","
                      "\"function\":{\"name\":\"get_weather\",\"arguments\":\"{}\"}}]},"
                      "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"18 degrees and windy\"}],"
                      "\"tools\":[" WEATHER_TOOL "]}");
  test_reply_expect (result, "$.choices[0].finish_reason", "stop");
  g_assert_nonnull (strstr (result->body->str, "18 degrees and windy"));
}

static void
test_chat_tool_choice (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) required = test_post (sim, "/v1/chat/completions",
                                              CHAT (",\"tool_choice\":\"required\",\"tools\":[" WEATHER_TOOL "]"));
  g_autoptr (TestReply) none = test_post (sim, "/v1/chat/completions",
                                          "{\"messages\":[{\"role\":\"user\",\"content\":\"weather in Rome\"}],"
                                          "\"tool_choice\":\"none\",\"tools\":[" WEATHER_TOOL "]}");
  g_autoptr (TestReply) object = test_post (sim, "/v1/chat/completions",
                                            CHAT (",\"tool_choice\":{\"type\":\"function\"},\"tools\":[" WEATHER_TOOL "]"));

  test_reply_expect (required, "$.choices[0].finish_reason", "tool_calls");
  test_reply_expect (none, "$.choices[0].finish_reason", "stop");
  g_assert_cmpuint (object->status, ==, 400);
  test_reply_expect (object, "$.error",
                     "Invalid tool_choice type: 'object'. Supported string values: none, auto, required");
}

static void
test_chat_tools_stream (void)
{
  static const char * const ask = "{\"messages\":[{\"role\":\"user\",\"content\":\"What is the weather in Paris?\"}],"
                                  "\"stream\":true,\"tools\":[" WEATHER_TOOL "]}";
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
    CHAT (",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{"
          "\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"},\"count\":{\"type\":\"integer\","
          "\"minimum\":3,\"maximum\":5},\"tags\":{\"type\":\"array\",\"minItems\":3,\"items\":{\"enum\":[\"a\",\"b\"]}},"
          "\"ok\":{\"type\":[\"boolean\",\"null\"]},\"next\":{\"$ref\":\"#/$defs/node\"}},"
          "\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#/$defs/node\"}}}}}}}"));
  g_autoptr (TestReply) unnamed = test_post (sim, "/v1/chat/completions",
                                             CHAT (",\"response_format\":{\"type\":\"json_schema\","
                                                   "\"json_schema\":{\"schema\":{}}}"));
  g_autoptr (TestReply) object = test_post (sim, "/v1/chat/completions",
                                            CHAT (",\"response_format\":{\"type\":\"json_object\"}"));
  g_autoptr (TestReply) text = test_post (sim, "/v1/chat/completions", CHAT (",\"response_format\":{\"type\":\"text\"}"));
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
      g_autofree char *ask = g_strdup_printf ("{\"model\":\"%s\",\"temperature\":0,\"messages\":[" QUESTION "]", cases[i].model);
      g_autofree char *ask_whole = g_strconcat (ask, "}", NULL);
      g_autofree char *ask_stream = g_strconcat (ask, ",\"stream\":true}", NULL);
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
    "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Describe it\"},"
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" RED_DOT "\"}}]}]}";
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
                                           "{\"model\":\"qwen/qwen3-4b\",\"prompt\":\"Count to 5\",\"temperature\":0}");
  g_autoptr (TestReply) stream = test_post (sim, "/v1/completions",
                                            "{\"prompt\":\"Count to 5\",\"temperature\":0,\"stream\":true}");
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
                                           "{\"model\":\"text-embedding-nomic-embed-text-v1.5\",\"input\":[\"the cat sat "
                                           "on the mat\",\"a cat sat on a mat\",\"quarterly tax report\"]}");
  g_autoptr (TestReply) base64 = test_post (sim, "/v1/embeddings",
                                            "{\"input\":\"the cat sat on the mat\",\"encoding_format\":\"base64\"}");
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
  static const char * const of_llm = "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\"}";
  g_autoptr (TestReply) llm = test_post (sim, "/v1/embeddings", of_llm);
  g_autoptr (TestReply) none = test_post (sim, "/v1/embeddings", "{\"model\":\"qwen/qwen3-4b\"}");
  g_autoptr (TestReply) chat = test_post (sim, "/v1/chat/completions",
                                          "{\"model\":\"text-embedding-nomic-embed-text-v1.5\",\"messages\":[" QUESTION "]}");
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
  test_sim_set (sim, "{\"jit\":false}");
  loaded = test_get (sim, "/v1/models");
  test_reply_expect (loaded, "$.data[0].id", "a/one");
  test_reply_expect (loaded, "$.data[1].id", NULL);

  /* Promised, but not sent. */
  g_assert_cmpuint (head->status, ==, 200);
  g_assert_cmpint (head->end, ==, TEST_END_EARLY);
  g_assert_cmpuint (head->body->len, ==, 0);
}

/* -- /v1/responses --------------------------------------------------------------------------- */

static void
test_responses (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestSim) other = test_sim_start ("");
  g_autoptr (TestReply) reply = test_post (sim, "/v1/responses",
                                           "{\"model\":\"qwen/qwen3-4b\",\"input\":\"Tell me about tea in Japan\"}");
  g_autofree char *id = test_reply_get (reply, "$.id");
  g_autofree char *tokens = test_reply_get (reply, "$.usage.input_tokens");
  g_autofree char *more = NULL;
  g_autofree char *text = NULL;
  g_autofree char *next_body = g_strdup_printf ("{\"model\":\"qwen/qwen3-4b\",\"input\":\"Why is that so popular?\","
                                                "\"previous_response_id\":\"%s\"}", id);
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
                                           "{\"model\":\"openai/gpt-oss-20b\",\"input\":[{\"role\":\"user\","
                                           "\"content\":[{\"type\":\"input_text\",\"text\":\"Count to 3\"}]}],"
                                           "\"reasoning\":{\"effort\":\"medium\"},\"stream\":true}");
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *names = test_events_names (events);
  g_autofree char *text = NULL;
  g_autofree char *item = NULL;
  g_autofree char *final_item = NULL;

  g_assert_cmpstr (names, ==,
                   "response.created response.in_progress response.output_item.added response.reasoning_text.delta "
                   "response.reasoning_text.done response.output_item.done response.output_item.added "
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
    "{\"input\":\"What is the weather in Paris?\",\"tools\":[{\"type\":\"function\",\"name\":\"get_weather\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}]";
  g_autofree char *ask_whole = g_strconcat (ask, "}", NULL);
  g_autofree char *ask_stream = g_strconcat (ask, ",\"stream\":true}", NULL);
  g_autoptr (TestReply) reply = test_post (sim, "/v1/responses", ask_whole);
  g_autoptr (TestReply) stream = test_post (sim, "/v1/responses", ask_stream);
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autofree char *names = test_events_names (events);
  /* How Codex makes a model load. */
  g_autoptr (TestReply) probe = test_post (sim, "/v1/responses", "{\"input\":\"\",\"max_output_tokens\":1}");
  g_autoptr (TestReply) mcp = test_post (sim, "/v1/responses",
                                         "{\"input\":\"top model?\",\"tools\":[{\"type\":\"mcp\",\"server_label\":\"hf\","
                                         "\"server_url\":\"https://example.org\",\"allowed_tools\":[\"model_search\"]}]}");

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
                                           "{\"model\":\"qwen/qwen3-4b\",\"max_tokens\":100,\"system\":[{\"type\":\"text\","
                                           "\"text\":\"Be brief\"}],\"messages\":[{\"role\":\"user\",\"content\":\"Count to "
                                           "4\"}]}");
  g_autoptr (TestReply) stream = test_post (sim, "/v1/messages",
                                            "{\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":\"user\","
                                            "\"content\":\"Count to 4\"}]}");
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autofree char *names = test_events_names (events);
  g_autofree char *text = test_events_join (events, "$.delta.text");
  g_autofree char *reason = test_event_get (events, events->len - 2, "$.delta.stop_reason");
  g_autoptr (TestReply) missing = test_post (sim, "/v1/messages", "{\"max_tokens\":1}");
  g_autoptr (TestReply) unknown = test_post (sim, "/v1/messages", "{\"model\":\"x\",\"messages\":[]}");

  test_reply_expect (reply, "$.type", "message");
  test_reply_expect (reply, "$.content[0].text", "1, 2, 3, 4.");
  test_reply_expect (reply, "$.stop_reason", "end_turn");
  g_assert_cmpstr (names, ==,
                   "message_start content_block_start content_block_delta content_block_stop message_delta message_stop");
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
  static const char * const tool = "\"tools\":[{\"name\":\"get_weather\",\"input_schema\":{\"type\":\"object\","
                                   "\"properties\":{\"location\":{\"type\":\"string\"}},\"required\":[\"location\"]}}]";
  g_autofree char *ask = g_strconcat ("{\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"What is the weather "
                                      "like in San Francisco?\"}],", tool, "}", NULL);
  g_autofree char *answered = g_strconcat ("{\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"weather?\"},"
                                           "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\","
                                           "\"name\":\"get_weather\",\"input\":{}}]},{\"role\":\"user\",\"content\":["
                                           "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"Fog, 12 C\"}]}],",
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
  g_autoptr (TestReply) chat = test_post (sim, "/api/v0/chat/completions", CHAT (",\"max_tokens\":4"));
  g_autoptr (TestReply) stream = test_post (sim, "/api/v0/chat/completions",
                                            CHAT (",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
  g_autoptr (TestReply) text = test_post (sim, "/api/v0/completions", "{\"prompt\":\"Count to 2\"}");
  g_autoptr (TestReply) embedding = test_post (sim, "/api/v0/embeddings", "{\"input\":\"some text\"}");

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
                                           "{\"model\":\"openai/gpt-oss-20b\",\"input\":\"Tell me about tea in Japan\"}");
  g_autofree char *id = test_reply_get (reply, "$.response_id");
  g_autofree char *next_body = g_strdup_printf ("{\"model\":\"openai/gpt-oss-20b\",\"input\":[{\"type\":\"text\","
                                                "\"content\":\"Why is that?\"}],\"previous_response_id\":\"%s\","
                                                "\"store\":false}", id);
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
                                              "{\"model\":\"openai/gpt-oss-20b\",\"input\":\"Find the top model\","
                                              "\"stream\":true,\"temperature\":0,\"integrations\":[\"mcp/huggingface\"]}");
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
                                           "{\"model\":\"qwen/qwen3-4b\",\"input\":\"Go\",\"stream\":true,\"integrations\":"
                                           "[{\"type\":\"ephemeral_mcp\",\"server_label\":\"x\",\"server_url\":\"http://x\","
                                           "\"allowed_tools\":[]}]}");
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *names = test_events_names (events);
  g_autofree char *type = test_event_get (events, events->len - 1, "$.result.output[0].metadata.type");
  g_autoptr (TestReply) plugin = test_post (sim, "/api/v1/chat",
                                            "{\"model\":\"qwen/qwen3-4b\",\"input\":\"Go\",\"integrations\":[\"mcp/x\"]}");

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
    { "{\"input\":\"x\"}", "\"model\" is required", "model" },
    { "{\"model\":\"qwen/qwen3-4b\"}", "\"input\" is required", "input" },
    { "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\",\"stop\":[\"y\"]}", "Unrecognized key(s) in object: 'stop'", NULL },
    { "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\",\"seed\":1}", "Unrecognized key(s) in object: 'seed'", NULL },
    { "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\",\"ttl\":60}", "Unrecognized key(s) in object: 'ttl'", NULL },
    { "{\"model\":\"qwen/qwen3-4b\",\"input\":[{\"type\":\"message\",\"content\":\"x\"}]}",
      "Invalid discriminator value. Expected 'text' | 'image', received 'message'", "input" },
    { "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\",\"previous_response_id\":\"abc\"}",
      "\"previous_response_id\" must start with \"resp_\"", "previous_response_id" },
    { "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\",\"reasoning\":\"high\"}",
      "Model \"qwen/qwen3-4b\" does not support the reasoning setting \"high\".", "reasoning" },
    { "{\"model\":\"openai/gpt-oss-20b\",\"input\":\"x\",\"reasoning\":\"max\"}",
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
        expect_unexpected (sim, "POST", "/v1/responses", "{\"input\":\"x\"}");
      if (!cases[i].has_v0)
        {
          expect_unexpected (sim, "GET", "/api/v0/models", NULL);
          expect_unexpected (sim, "GET", "/api/v0/models/qwen/qwen3-4b", NULL);
          expect_unexpected (sim, "POST", "/api/v0/chat/completions", CHAT (""));
        }
      if (!cases[i].has_v1)
        {
          expect_unexpected (sim, "GET", "/api/v1/models", NULL);
          expect_unexpected (sim, "POST", "/api/v1/chat", "{\"model\":\"qwen/qwen3-4b\",\"input\":\"x\"}");
          expect_unexpected (sim, "POST", "/api/v1/models/load", "{\"model\":\"qwen/qwen3-4b\"}");
        }
      else
        {
          g_autoptr (TestReply) native = test_get (sim, "/api/v1/models");

          test_reply_expect (native, "$.models[0].key", "qwen/qwen3-4b");
        }
      if (!cases[i].has_messages)
        expect_unexpected (sim, "POST", "/v1/messages", "{\"messages\":[]}");
    }
}

static void
test_old_quirks (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--version=0.3.5");
  g_autoptr (TestReply) tools = test_post (sim, "/v1/chat/completions",
                                           "{\"messages\":[{\"role\":\"user\",\"content\":\"weather in Rome\"}],"
                                           "\"tools\":[" WEATHER_TOOL "]}");
  g_autoptr (TestReply) usage = test_post (sim, "/v1/chat/completions",
                                           CHAT (",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
  g_autoptr (TestReply) text = test_post (sim, "/v1/chat/completions", CHAT (",\"response_format\":{\"type\":\"text\"}"));
  g_autoptr (TestReply) base64 = test_post (sim, "/v1/embeddings", "{\"input\":\"x\",\"encoding_format\":\"base64\"}");

  test_reply_expect (tools, "$.choices[0].finish_reason", "stop");
  g_assert_null (strstr (usage->body->str, "\"usage\""));
  g_assert_cmpuint (text->status, ==, 400);
  g_assert_cmpuint (json_array_get_length (vector_of (base64, 0)), ==, 768);
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
  static const char * const body = "{\"max_tokens\":5,\"messages\":[" QUESTION "]}";
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
  g_autoptr (GString) deep = g_string_new ("{\"messages\":");
  static const char * const bodies[] = { "", "{", "[]", "null", "\"x\"", "{\"messages\":[}", "\xff\xfe" };
  g_autoptr (TestReply) missing = test_post (sim, "/v1/chat/completions", "{\"messages\":\"x\"}");

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
                                             i == 0 ? "{\"messages\":[],\"n\":3,\"nonsense\":{}}"
                                                    : "{\"messages\":[1,{\"content\":[{\"type\":\"video\"}]}],\"seed\":\"x\"}");

      g_assert_cmpuint (lax->status, ==, 200);
    }
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

/* SPDX-License-Identifier: MIT
 *
 * Tests of lmstudio-sim: its models. Lists, loading by request and by order, the race of
 * just-in-time loads, time to live, eviction, slots and their queue, contexts, downloads.
 */

#include "test-sim.h"

#include <glib/gstdio.h>

#include <stdlib.h>
#include <string.h>

#define ASK(model, rest) "{'model':'" model "','messages':[{'role':'user','content':'Why?'}]" rest "}"
#define STREAM ",'stream':true"
#define CHAT "/v1/chat/completions"

static guint
count_instances (TestSim    *sim,
                 const char *key)
{
  g_autoptr (TestReply) list = test_get (sim, "/api/v1/models");
  JsonArray *models = json_object_get_array_member (json_node_get_object (list->json), "models");

  for (guint i = 0; i < json_array_get_length (models); i++)
    {
      JsonObject *model = json_array_get_object_element (models, i);

      if (strcmp (json_object_get_string_member (model, "key"), key) == 0)
        return json_array_get_length (json_object_get_array_member (model, "loaded_instances"));
    }

  return 0;
}

static TestConn *
begin (TestSim    *sim,
       const char *body)
{
  TestConn *conn = test_conn_open (sim);

  test_conn_request (conn, "POST", CHAT, NULL, body);

  return conn;
}

/* -- Lists ----------------------------------------------------------------------------------- */

static void
test_list (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) list = test_get (sim, "/api/v1/models");

  test_reply_expect (list, "$.models[0].type", "llm");
  test_reply_expect (list, "$.models[0].quantization.bits_per_weight", "4");
  test_reply_expect (list, "$.models[0].loaded_instances[0].id", "qwen/qwen3-4b");
  test_reply_expect (list, "$.models[0].loaded_instances[0].config.parallel", "4");
  test_reply_expect (list, "$.models[0].loaded_instances[0].config.context_length", "4096");
  test_reply_expect (list, "$.models[0].capabilities.reasoning", NULL);
  test_reply_expect (list, "$.models[0].selected_variant", "qwen/qwen3-4b@q4_k_m");
  test_reply_expect (list, "$.models[1].capabilities.vision", "true");
  test_reply_expect (list, "$.models[2].capabilities.reasoning.allowed_options", "[\"low\",\"medium\",\"high\"]");
  test_reply_expect (list, "$.models[4].format", "mlx");
  test_reply_expect (list, "$.models[5].type", "embedding");
  test_reply_expect (list, "$.models[5].architecture", NULL);
  test_reply_expect (list, "$.models[5].capabilities", NULL);
  test_reply_expect (list, "$.models[5].params_string", "null");
  test_reply_expect (list, "$.models[5].loaded_instances[0].config", "{\"context_length\":2048}");
}

static void
test_models_file (void)
{
  g_autofree char *path = NULL;
  g_autoptr (TestSim) sim = NULL;
  g_autoptr (TestReply) list = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("models-XXXXXX.json", &path, &error);

  g_assert_no_error (error);
  g_close (fd, NULL);
  g_file_set_contents (path,
                       "{'models':[{'key':'me/tiny','type':'vlm','format':'mlx','loaded':true,"
                       "'max_context_length':1000,'reasoning':['off','on'],'reasoning_default':'on'},"
                       "{'key':'openai/gpt-oss-20b','size_bytes':7}]}",
                       -1, &error);
  g_assert_no_error (error);
  sim = test_sim_startf ("--models='%s'", path);
  list = test_get (sim, "/api/v1/models");
  g_unlink (path);

  test_reply_expect (list, "$.models[0].key", "me/tiny");
  test_reply_expect (list, "$.models[0].capabilities.vision", "true");
  test_reply_expect (list, "$.models[0].capabilities.reasoning.default", "on");
  test_reply_expect (list, "$.models[0].loaded_instances[0].config.context_length", "1000");
  test_reply_expect (list, "$.models[0].loaded_instances[0].config.parallel", "1");
  test_reply_expect (list, "$.models[1].display_name", "gpt-oss 20B");
  test_reply_expect (list, "$.models[1].size_bytes", "7");
  test_reply_expect (list, "$.models[2].key", NULL);
}

/* -- Loading by order ------------------------------------------------------------------------ */

static void
test_load (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) second = test_post (sim, "/api/v1/models/load",
                                            "{'model':'qwen/qwen3-4b','context_length':8192,"
                                            "'flash_attention':false,'echo_load_config':true}");
  g_autoptr (TestReply) huge = test_post (sim, "/api/v1/models/load",
                                          "{'model':'openai/gpt-oss-20b','context_length':99999999,"
                                          "'echo_load_config':true}");
  g_autoptr (TestReply) list = test_get (sim, "/v1/models");
  g_autoptr (TestReply) by_key = test_post (sim, CHAT, ASK ("qwen/qwen3-4b", ""));
  g_autoptr (TestReply) by_id = test_post (sim, CHAT, ASK ("qwen/qwen3-4b:2", ""));
  g_autoptr (TestReply) unload = test_post (sim, "/api/v1/models/unload", "{'instance_id':'qwen/qwen3-4b'}");
  g_autoptr (TestReply) left = test_post (sim, CHAT, ASK ("qwen/qwen3-4b", ""));
  g_autoptr (TestReply) again = test_post (sim, "/api/v1/models/unload", "{'instance_id':'qwen/qwen3-4b'}");

  /* A loaded model gets another instance. */
  test_reply_expect (second, "$.status", "loaded");
  test_reply_expect (second, "$.type", "llm");
  test_reply_expect (second, "$.instance_id", "qwen/qwen3-4b:2");
  test_reply_expect (second, "$.load_config.context_length", "8192");
  test_reply_expect (second, "$.load_config.flash_attention", "false");
  test_reply_expect (second, "$.load_config.parallel", NULL);
  test_reply_expect (huge, "$.load_config.context_length", "131072");
  test_reply_expect (huge, "$.load_config.num_experts", "4");
  g_assert_nonnull (strstr (list->body->str, "\"qwen/qwen3-4b:2\""));

  test_reply_expect (by_key, "$.model", "qwen/qwen3-4b");
  test_reply_expect (by_id, "$.model", "qwen/qwen3-4b:2");
  test_reply_expect (unload, "$.instance_id", "qwen/qwen3-4b");
  test_reply_expect (left, "$.model", "qwen/qwen3-4b:2");
  g_assert_cmpuint (again->status, ==, 404);
  test_reply_expect (again, "$.error.type", "model_not_found");
}

static void
test_load_refusals (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  g_autoptr (TestReply) unknown = test_post (sim, "/api/v1/models/load", "{'model':'no/such'}");
  g_autoptr (TestReply) tagged = test_post (sim, "/api/v1/models/load", "{'model':'qwen/qwen3-4b:latest'}");
  g_autoptr (TestReply) strict = test_post (sim, "/api/v1/models/load", "{'model':'qwen/qwen3-4b','ttl':5}");
  g_autoptr (TestReply) empty = test_post (sim, "/api/v1/models/unload", "{}");
  g_autoptr (TestReply) failed = NULL;

  g_assert_cmpuint (unknown->status, ==, 404);
  test_reply_expect (unknown, "$.error.type", "model_not_found");
  g_assert_cmpuint (tagged->status, ==, 404);
  g_assert_cmpuint (strict->status, ==, 400);
  test_reply_expect (strict, "$.error.message", "Unrecognized key(s) in object: 'ttl'");
  g_assert_cmpuint (empty->status, ==, 400);

  test_sim_set (sim, "{'load_fail':true}");
  failed = test_post (sim, "/api/v1/models/load", "{'model':'openai/gpt-oss-20b'}");
  g_assert_cmpuint (failed->status, ==, 500);
  test_reply_expect (failed, "$.error.code", "model_load_failed");
  g_assert_cmpuint (count_instances (sim, "openai/gpt-oss-20b"), ==, 0);
}

static void
test_load_goes_on_without_client (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--load-ms=60000");
  TestConn *conn = test_conn_open (sim);

  test_conn_request (conn, "POST", "/api/v1/models/load", NULL, "{'model':'openai/gpt-oss-20b'}");
  test_sim_await (sim, "loading", 1);
  test_conn_close (conn);
  test_sim_await_at_most (sim, "active_requests", 0);
  test_sim_set (sim, "{'load_ms':0}");
  test_sim_await (sim, "loaded_instances", 3);
  g_assert_cmpuint (count_instances (sim, "openai/gpt-oss-20b"), ==, 1);
}

/* -- Loading by request ---------------------------------------------------------------------- */

static void
test_jit (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --model=b/two");
  g_autoptr (TestReply) loaded = test_post (sim, CHAT, ASK ("a/one", ""));
  g_autoptr (TestReply) again = test_post (sim, CHAT, ASK ("a/one", ""));

  test_reply_expect (loaded, "$.model", "a/one");
  test_reply_expect (again, "$.model", "a/one");
  g_assert_cmpint (test_sim_count (sim, "loads"), ==, 1);
  g_assert_cmpuint (count_instances (sim, "a/one"), ==, 1);
}

static void
test_unknown_model (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one:loaded --model=b/two");
  g_autoptr (TestReply) unknown = test_post (sim, CHAT, ASK ("gpt-4o", ""));
  g_autoptr (TestReply) variant = test_post (sim, CHAT, ASK ("b/two@q4_k_m", ""));
  g_autoptr (TestReply) stream = test_post (sim, CHAT, ASK ("gpt-4o", STREAM));
  g_autoptr (GPtrArray) events = test_reply_events (stream);
  g_autoptr (TestReply) unnamed = test_post (sim, CHAT, "{'messages':[]}");
  g_autoptr (TestReply) any = NULL;

  g_assert_cmpuint (unknown->status, ==, 400);
  test_reply_expect (unknown, "$.error.code", "model_not_found");
  test_reply_expect (unknown, "$.error.message",
                     "Invalid model identifier \"gpt-4o\". Please specify a valid downloaded model (e.g., a/one, "
                     "b/two).");
  g_assert_cmpuint (variant->status, ==, 400);

  /* A stream that cannot be: status 200 and one named event. */
  g_assert_cmpuint (stream->status, ==, 200);
  g_assert_cmpuint (events->len, ==, 1);
  g_assert_cmpstr (((TestEvent *) events->pdata[0])->name, ==, "error");

  test_reply_expect (unnamed, "$.model", "a/one");
  test_sim_set (sim, "{'answer_any_model':true}");
  any = test_post (sim, CHAT, ASK ("gpt-4o", ""));
  test_reply_expect (any, "$.model", "a/one");
}

static void
test_no_models (void)
{
  static const struct {
    const char *version;
    guint status;
    gboolean is_object;
  } cases[] = {
    { "0.4.12", 400, TRUE },
    { "0.3.17", 400, FALSE },
    { "0.3.6", 404, FALSE },
  };
  static const char * const message =
    "No models loaded. Please load a model in the developer page or use the 'lms load' command.";

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--version=%s --no-jit --model=a/one", cases[i].version);
      g_autoptr (TestReply) reply = test_post (sim, CHAT, ASK ("a/one", ""));

      g_assert_cmpuint (reply->status, ==, cases[i].status);
      test_reply_expect (reply, cases[i].is_object ? "$.error.message" : "$.error", message);
    }
}

static void
test_jit_race (void)
{
  static const struct {
    const char *flag;
    gint64 loads;
  } cases[] = {
    { "--jit-race", 3 },
    { "--no-jit-race", 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--model=a/one --load-ms=60000 %s", cases[i].flag);
      TestConn *conns[3];

      for (guint j = 0; j < G_N_ELEMENTS (conns); j++)
        conns[j] = begin (sim, ASK ("a/one", ""));
      test_sim_await (sim, "queued_generations", 3);
      g_assert_cmpint (test_sim_count (sim, "loading"), ==, cases[i].loads);
      test_sim_set (sim, "{'load_ms':0}");
      for (guint j = 0; j < G_N_ELEMENTS (conns); j++)
        {
          g_autoptr (TestReply) reply = test_conn_read (conns[j]);

          g_assert_cmpuint (reply->status, ==, 200);
          test_conn_close (conns[j]);
        }
      g_assert_cmpint (test_sim_count (sim, "loads"), ==, cases[i].loads);
      g_assert_cmpint (test_sim_count (sim, "duplicate_loads"), ==, cases[i].loads - 1);
      g_assert_cmpuint (count_instances (sim, "a/one"), ==, cases[i].loads);
    }
}

static void
test_jit_fails (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --load-fail");
  g_autoptr (TestReply) reply = test_post (sim, CHAT, ASK ("a/one", ""));
  g_autoptr (TestReply) native = test_post (sim, "/api/v1/chat", "{'model':'a/one','input':'x','stream':true}");
  g_autoptr (GPtrArray) events = test_reply_events (native);
  g_autofree char *names = test_events_names (events);

  g_assert_cmpuint (reply->status, ==, 500);
  g_assert_nonnull (strstr (reply->body->str, "Failed to load model"));
  g_assert_cmpstr (names, ==, "chat.start model_load.start model_load.progress error chat.end");
}

static void
test_ttl (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --model=b/two:loaded --jit-ttl-s=0.05");
  g_autoptr (TestReply) reply = test_post (sim, CHAT, ASK ("a/one", ""));

  g_assert_cmpuint (reply->status, ==, 200);
  test_sim_await (sim, "ttl_unloads", 1);
  g_assert_cmpuint (count_instances (sim, "a/one"), ==, 0);
  /* What was loaded by its owner stays. */
  g_assert_cmpuint (count_instances (sim, "b/two"), ==, 1);
}

static void
test_ttl_spares_the_busy (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --model=b/two --no-auto-evict");
  g_autoptr (TestConn) busy = NULL;
  g_autoptr (TestReply) reply = NULL;
  g_autoptr (TestReply) other = NULL;

  test_sim_set (sim, "{'stall_after_tokens':2}");
  busy = begin (sim, ASK ("a/one", STREAM ",'ttl':0.02"));
  test_sim_await (sim, "stalled_generations", 1);
  test_sim_set (sim, "{'fault_path':'/none'}");
  other = test_post (sim, CHAT, ASK ("b/two", ",'ttl':0.02"));
  test_sim_await (sim, "ttl_unloads", 1);
  g_assert_cmpuint (count_instances (sim, "a/one"), ==, 1);
  g_assert_cmpuint (count_instances (sim, "b/two"), ==, 0);

  test_sim_set (sim, "{'stall_after_tokens':-1}");
  reply = test_conn_read (busy);
  g_assert_cmpint (reply->end, ==, TEST_END_WHOLE);
  test_sim_await (sim, "ttl_unloads", 2);
}

/* -- Eviction -------------------------------------------------------------------------------- */

static void
test_evict (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --model=b/two --model=c/three:loaded");
  g_autoptr (TestReply) one = test_post (sim, CHAT, ASK ("a/one", ""));
  g_autoptr (TestReply) two = test_post (sim, CHAT, ASK ("b/two", ""));
  g_autoptr (TestReply) three = NULL;

  test_reply_expect (one, "$.model", "a/one");
  test_reply_expect (two, "$.model", "b/two");
  g_assert_cmpint (test_sim_count (sim, "evictions"), ==, 1);
  g_assert_cmpuint (count_instances (sim, "a/one"), ==, 0);
  g_assert_cmpuint (count_instances (sim, "b/two"), ==, 1);
  g_assert_cmpuint (count_instances (sim, "c/three"), ==, 1);

  test_sim_set (sim, "{'auto_evict':false}");
  three = test_post (sim, CHAT, ASK ("a/one", ""));
  g_assert_cmpuint (count_instances (sim, "a/one"), ==, 1);
  g_assert_cmpuint (count_instances (sim, "b/two"), ==, 1);
}

static void
test_evict_kills (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --model=b/two");
  g_autoptr (TestConn) streaming = NULL;
  g_autoptr (TestConn) whole = NULL;
  g_autoptr (TestReply) stream = NULL;
  g_autoptr (TestReply) answer = NULL;
  g_autoptr (TestReply) other = NULL;
  g_autoptr (GPtrArray) events = NULL;
  g_autofree char *message = NULL;

  test_sim_set (sim, "{'stall_after_tokens':2}");
  streaming = begin (sim, ASK ("a/one", STREAM));
  test_sim_await (sim, "stalled_generations", 1);
  whole = begin (sim, ASK ("a/one", ""));
  test_sim_await (sim, "stalled_generations", 2);
  test_sim_set (sim, "{'fault_path':'/none'}");
  other = test_post (sim, CHAT, ASK ("b/two", ""));
  g_assert_cmpuint (other->status, ==, 200);

  stream = test_conn_read (streaming);
  events = test_reply_events (stream);
  g_assert_cmpint (stream->end, ==, TEST_END_WHOLE);
  g_assert_cmpuint (events->len, ==, 3);
  g_assert_cmpstr (((TestEvent *) events->pdata[2])->name, ==, "error");
  message = test_event_get (events, 2, "$.error.message");
  g_assert_cmpstr (message, ==, "Model is unloaded.");
  answer = test_conn_read (whole);
  g_assert_cmpuint (answer->status, ==, 500);
  test_reply_expect (answer, "$.error", "Model is unloaded.");
  g_assert_cmpint (test_sim_count (sim, "failed_generations"), ==, 2);
  g_assert_cmpint (test_sim_count (sim, "killed_generations"), ==, 2);
}

static void
test_evict_waits (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one --model=b/two --no-evict-kills");
  g_autoptr (TestConn) streaming = NULL;
  g_autoptr (TestConn) waiting = NULL;
  g_autoptr (TestReply) stream = NULL;
  g_autoptr (TestReply) other = NULL;

  test_sim_set (sim, "{'stall_after_tokens':2}");
  streaming = begin (sim, ASK ("a/one", STREAM));
  test_sim_await (sim, "stalled_generations", 1);
  waiting = begin (sim, ASK ("b/two", ""));
  test_sim_await (sim, "loading", 1);
  g_assert_cmpint (test_sim_count (sim, "evictions"), ==, 0);

  test_sim_set (sim, "{'stall_after_tokens':-1}");
  stream = test_conn_read (streaming);
  g_assert_cmpint (stream->end, ==, TEST_END_WHOLE);
  g_assert_nonnull (strstr (stream->body->str, "[DONE]"));
  other = test_conn_read (waiting);
  g_assert_cmpuint (other->status, ==, 200);
  g_assert_cmpint (test_sim_count (sim, "evictions"), ==, 1);
}

static void
test_unload_kills (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one:loaded");
  g_autoptr (TestConn) streaming = NULL;
  g_autoptr (TestReply) stream = NULL;
  g_autoptr (TestReply) unload = NULL;

  test_sim_set (sim, "{'stall_after_tokens':0}");
  streaming = begin (sim, ASK ("a/one", STREAM));
  test_sim_await (sim, "stalled_generations", 1);
  unload = test_post (sim, "/api/v1/models/unload", "{'instance_id':'a/one'}");
  g_assert_cmpuint (unload->status, ==, 200);
  stream = test_conn_read (streaming);
  g_assert_true (g_str_has_prefix (stream->body->str, "event: error\n"));
}

/* -- Slots ----------------------------------------------------------------------------------- */

static void
test_slots (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--parallel=2");
  TestConn *conns[5];

  test_sim_set (sim, "{'stall_after_tokens':1}");
  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    {
      conns[i] = begin (sim, ASK ("qwen/qwen3-4b", STREAM));
      if (i < 2)
        test_sim_await (sim, "active_generations", i + 1);
      else
        test_sim_await (sim, "queued_generations", i - 1);
    }
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 2);
  g_assert_cmpint (test_sim_count (sim, "queued_generations"), ==, 3);

  /* The one who came first is the next. */
  test_conn_close (conns[1]);
  test_conn_read_until (conns[2], "\"role\":\"assistant\"");
  g_assert_cmpint (test_sim_count (sim, "queued_generations"), ==, 2);
  /* One who leaves the queue takes no slot. */
  test_conn_close (conns[3]);
  test_sim_await_at_most (sim, "queued_generations", 1);

  test_sim_set (sim, "{'stall_after_tokens':-1}");
  test_conn_read_until (conns[0], "[DONE]");
  test_conn_read_until (conns[2], "[DONE]");
  test_conn_read_until (conns[4], "[DONE]");
  test_conn_close (conns[0]);
  test_conn_close (conns[2]);
  test_conn_close (conns[4]);
  test_sim_await_at_most (sim, "active_generations", 0);
  g_assert_cmpint (test_sim_count (sim, "finished_generations"), ==, 3);
  g_assert_cmpint (test_sim_count (sim, "aborted_generations"), ==, 2);
}

static void
test_slots_by_version (void)
{
  static const struct {
    const char *version;
    gint64 active;
  } cases[] = {
    { "0.4.0", 4 },
    { "0.3.30", 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--version=%s --stall-after-tokens=0", cases[i].version);
      TestConn *conns[5];

      for (guint j = 0; j < G_N_ELEMENTS (conns); j++)
        conns[j] = begin (sim, ASK ("qwen/qwen3-4b", ""));
      test_sim_await (sim, "queued_generations", 5 - cases[i].active);
      g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, cases[i].active);

      /* More slots at run time let the queue in. */
      test_sim_set (sim, "{'parallel':5}");
      test_sim_await (sim, "active_generations", 5);
      for (guint j = 0; j < G_N_ELEMENTS (conns); j++)
        test_conn_close (conns[j]);
      test_sim_await_at_most (sim, "active_generations", 0);
    }
}

/* -- Contexts -------------------------------------------------------------------------------- */

static void
test_overflow (void)
{
  g_autoptr (GString) words = g_string_new (NULL);
  g_autofree char *body = NULL;
  g_autofree char *stream_body = NULL;
  static const struct {
    const char *version;
    const char *message;
  } cases[] = {
    { "0.4.12", "Input does not fit in context length. The input has 104 tokens, but the context length only "
      "supports 64 tokens." },
    { "0.3.30", "Trying to keep the first 104 tokens when context the overflows. However, the model is loaded "
      "with context length of only 64 tokens, which is not enough. Try to load the model with a "
      "larger context length, or provide a shorter input" },
  };

  for (guint i = 0; i < 100; i++)
    g_string_append (words, i > 0 ? " word" : "word");
  body = g_strdup_printf ("{'messages':[{'role':'user','content':'%s'}]}", words->str);
  stream_body = g_strdup_printf ("{'stream':true,'messages':[{'role':'user','content':'%s'}]}", words->str);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TestSim) sim = test_sim_startf ("--version=%s --context-length=64", cases[i].version);
      g_autoptr (TestReply) reply = test_post (sim, CHAT, body);
      g_autoptr (TestReply) stream = test_post (sim, CHAT, stream_body);
      g_autoptr (TestReply) shorter = test_post (sim, CHAT, ASK ("qwen/qwen3-4b", ""));
      g_autoptr (GPtrArray) events = test_reply_events (stream);
      g_autofree char *message = test_event_get (events, 0, "$.error.message");
      g_autofree char *repeated = test_event_get (events, 0, "$.message");

      g_assert_cmpuint (reply->status, ==, 400);
      test_reply_expect (reply, "$.error", cases[i].message);
      g_assert_cmpuint (stream->status, ==, 200);
      g_assert_cmpuint (events->len, ==, 1);
      g_assert_cmpstr (message, ==, cases[i].message);
      g_assert_cmpstr (repeated, ==, cases[i].message);
      /* What is left of the context bounds the answer. */
      test_reply_expect (shorter, "$.choices[0].finish_reason", "length");
      test_reply_expect (shorter, "$.usage.total_tokens", "64");
    }
}

static void
test_overflow_silent (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--context-length=16 --overflow-silent");
  static const char * const words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
  g_autofree char *body = g_strdup_printf ("{'messages':[{'role':'user','content':'%s'}],'stream':true,"
                                           "'stream_options':{'include_usage':true}}", words);
  g_autoptr (TestReply) reply = test_post (sim, CHAT, body);
  g_autoptr (GPtrArray) events = test_reply_events (reply);
  g_autofree char *text = test_events_join (events, "$.choices[0].delta.content");
  g_autofree char *finish = test_events_join (events, "$.choices[0].finish_reason");
  g_autofree char *tokens = test_events_join (events, "$.usage.completion_tokens");

  g_assert_cmpstr (text, ==, "");
  g_assert_cmpstr (finish, ==, "stop");
  g_assert_cmpint (atoi (tokens), >, 0);
}

/* -- Downloads ------------------------------------------------------------------------------- */

static char *
status_target (TestReply *reply)
{
  g_autofree char *id = test_reply_get (reply, "$.job_id");

  g_assert_true (g_str_has_prefix (id, "job_"));

  return g_strconcat ("/api/v1/models/download/status/", id, NULL);
}

static void
test_download (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--download-ms=3600000");
  g_autoptr (TestReply) have = test_post (sim, "/api/v1/models/download", "{'model':'qwen/qwen3-4b'}");
  g_autoptr (TestReply) begun = test_post (sim, "/api/v1/models/download", "{'model':'ibm/granite-4-micro'}");
  g_autofree char *target = status_target (begun);
  g_autoptr (TestReply) status = test_get (sim, target);
  g_autoptr (TestReply) early = test_post (sim, CHAT, ASK ("ibm/granite-4-micro", ""));
  g_autoptr (TestReply) unknown = test_get (sim, "/api/v1/models/download/status/job_0000000000");
  g_autoptr (TestReply) quantized = test_post (sim, "/api/v1/models/download",
                                               "{'model':'ibm/granite-4-micro','quantization':'Q4_K_M'}");

  test_reply_expect (have, "$.status", "already_downloaded");
  test_reply_expect (have, "$.job_id", NULL);
  test_reply_expect (begun, "$.status", "downloading");
  test_reply_expect (status, "$.status", "downloading");
  g_assert_nonnull (strstr (status->body->str, "\"bytes_per_second\":"));
  g_assert_nonnull (strstr (status->body->str, "\"estimated_completion\":\"2"));
  g_assert_cmpuint (early->status, ==, 400);
  g_assert_cmpuint (unknown->status, ==, 404);
  test_reply_expect (unknown, "$.error.type", "job_not_found");
  g_assert_cmpuint (quantized->status, ==, 400);
}

static void
test_download_ends (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("");
  static const char * const link = "{'model':'https://huggingface.co/lmstudio-community/Phi-9-GGUF',"
                                   "'quantization':'Q4_K_M'}";
  g_autoptr (TestReply) begun = test_post (sim, "/api/v1/models/download", link);
  g_autofree char *target = status_target (begun);
  g_autoptr (TestReply) done = test_get (sim, target);
  g_autoptr (TestReply) chat = test_post (sim, CHAT, ASK ("phi-9", ""));
  g_autofree char *total = test_reply_get (done, "$.total_size_bytes");
  g_autoptr (TestReply) paused = NULL;
  g_autoptr (TestReply) failed = NULL;
  g_autofree char *paused_target = NULL;
  g_autofree char *failed_target = NULL;

  test_reply_expect (done, "$.status", "completed");
  test_reply_expect (done, "$.downloaded_bytes", total);
  test_reply_expect (chat, "$.model", "phi-9");

  test_sim_set (sim, "{'download':'paused'}");
  g_clear_pointer (&begun, test_reply_free);
  begun = test_post (sim, "/api/v1/models/download", "{'model':'x/paused'}");
  paused_target = status_target (begun);
  paused = test_get (sim, paused_target);
  test_reply_expect (paused, "$.status", "paused");

  test_sim_set (sim, "{'download':'failed'}");
  g_clear_pointer (&begun, test_reply_free);
  begun = test_post (sim, "/api/v1/models/download", "{'model':'x/failed'}");
  failed_target = status_target (begun);
  failed = test_get (sim, failed_target);
  test_reply_expect (failed, "$.status", "failed");
  g_assert_nonnull (strstr (failed->body->str, "error_message"));
}

static void
test_reset (void)
{
  g_autoptr (TestSim) sim = test_sim_start ("--model=a/one:loaded --model=b/two");
  g_autoptr (TestReply) jit = test_post (sim, CHAT, ASK ("b/two", ""));
  g_autoptr (TestReply) unload = test_post (sim, "/api/v1/models/unload", "{'instance_id':'a/one'}");
  g_autoptr (TestReply) download = test_post (sim, "/api/v1/models/download", "{'model':'x/y'}");
  g_autoptr (TestReply) list = NULL;
  g_autoptr (TestConn) stalled = NULL;

  test_reply_expect (jit, "$.model", "b/two");
  test_reply_expect (unload, "$.instance_id", "a/one");
  test_reply_expect (download, "$.status", "downloading");
  test_sim_set (sim, "{'stall_after_tokens':1,'version':'0.4.0'}");
  stalled = begin (sim, ASK ("b/two", STREAM));
  test_sim_await (sim, "stalled_generations", 1);
  test_sim_reset (sim);

  test_conn_read_until (stalled, "\"role\":\"assistant\"");
  g_assert_cmpint (test_sim_count (sim, "loads"), ==, 0);
  g_assert_cmpint (test_sim_count (sim, "active_generations"), ==, 0);
  g_assert_cmpint (test_sim_count (sim, "stalled_generations"), ==, 0);
  g_assert_cmpint (test_sim_count (sim, "loaded_instances"), ==, 1);
  g_assert_cmpuint (count_instances (sim, "a/one"), ==, 1);
  list = test_get (sim, "/v1/models");
  g_assert_null (strstr (list->body->str, "x/y"));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sim/models/list", test_list);
  g_test_add_func ("/sim/models/file", test_models_file);
  g_test_add_func ("/sim/models/load", test_load);
  g_test_add_func ("/sim/models/load/refusals", test_load_refusals);
  g_test_add_func ("/sim/models/load/goes-on-without-client", test_load_goes_on_without_client);
  g_test_add_func ("/sim/models/jit", test_jit);
  g_test_add_func ("/sim/models/jit/unknown", test_unknown_model);
  g_test_add_func ("/sim/models/jit/off", test_no_models);
  g_test_add_func ("/sim/models/jit/race", test_jit_race);
  g_test_add_func ("/sim/models/jit/fails", test_jit_fails);
  g_test_add_func ("/sim/models/ttl", test_ttl);
  g_test_add_func ("/sim/models/ttl/spares-the-busy", test_ttl_spares_the_busy);
  g_test_add_func ("/sim/models/evict", test_evict);
  g_test_add_func ("/sim/models/evict/kills", test_evict_kills);
  g_test_add_func ("/sim/models/evict/waits", test_evict_waits);
  g_test_add_func ("/sim/models/unload/kills", test_unload_kills);
  g_test_add_func ("/sim/models/slots", test_slots);
  g_test_add_func ("/sim/models/slots/by-version", test_slots_by_version);
  g_test_add_func ("/sim/models/overflow", test_overflow);
  g_test_add_func ("/sim/models/overflow/silent", test_overflow_silent);
  g_test_add_func ("/sim/models/download", test_download);
  g_test_add_func ("/sim/models/download/ends", test_download_ends);
  g_test_add_func ("/sim/models/reset", test_reset);

  return g_test_run ();
}

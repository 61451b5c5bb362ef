/* SPDX-License-Identifier: MIT
 *
 * What the mirror costs the windows' main loop with 500 nodes, 1,000 models and 200 requests: taking over each list
 * for the first time, again with a few changes, and with a change in each; and the longest turn of the loop while all
 * of them are read from a gateway and events come in between.
 */

#include "app/mirror/vmp-mirror.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/vmp-json.h"
#include "fake-gateway.h"

#define N_NODES 500
#define N_MODELS 1000
#define N_REQUESTS 200
#define N_ROUNDS 20

/* Of each kind, all so many milliseconds. */
#define N_EVENTS 50
#define NOISE_MS 250

typedef void (*AppendFunc) (GString *text,
                            guint    i,
                            guint    round);

static void
append_node (GString *text,
             guint    i,
             guint    round)
{
  g_string_append_printf (text,
                          "{\"id\":\"node-10-0-%u-%u-1234\",\"name\":\"studio %u\",\"host\":null,"
                          "\"base_url\":\"http://10.0.%u.%u:1234\",\"provider\":\"lmstudio\","
                          "\"api_format\":\"openai-compatible\",\"agent_base_url\":null,\"status\":\"online\","
                          "\"trusted\":false,\"capabilities\":{\"chat\":true,\"responses\":true,\"completions\":true,"
                          "\"embeddings\":true,\"vision\":true,\"tools\":true,\"streaming\":true},\"tags\":[\"lab\"],"
                          "\"request_count\":%u,\"error_count\":0,\"active_requests\":0,\"queue_depth\":0,"
                          "\"latency_ms\":3.25,\"tokens_per_second\":44.5,"
                          "\"last_checked_at\":\"2026-11-22T08:55:41.633Z\",\"last_error\":null,"
                          "\"approval\":\"approved\",\"pending_reason\":null,\"health\":\"online\","
                          "\"is_default\":false,"
                          "\"breaker\":{\"state\":\"closed\",\"failures\":0,\"retry_in_seconds\":null},"
                          "\"token\":{\"state\":\"not_needed\"},\"found\":{\"by\":\"scan\",\"at\":null,"
                          "\"first_seen\":\"2026-11-22T08:55:41.632Z\",\"last_seen\":null},\"addresses\":null,"
                          "\"key_fingerprint\":null,\"seen_address\":null,\"seen_key\":null,"
                          "\"provider_name\":\"LM Studio\",\"provider_hint\":\"auto\",\"models_count\":2,"
                          "\"models_skipped\":0,\"avg_latency_ms\":184.5,\"capability_sources\":{\"chat\":\"declared\","
                          "\"responses\":\"declared\",\"completions\":\"declared\",\"embeddings\":\"declared\","
                          "\"vision\":\"declared\",\"tools\":\"declared\",\"streaming\":\"declared\"},"
                          "\"drained\":false}", i / 250, i % 250, i, i / 250, i % 250, round);
}

static void
append_model (GString *text,
              guint    i,
              guint    round)
{
  g_string_append_printf (text,
                          "{\"node\":\"node-10-0-%u-%u-1234\",\"model\":\"qwen/qwen3-%u\",\"provider\":\"lmstudio\","
                          "\"api_format\":\"openai-compatible\",\"loaded\":%s,\"owned_by\":\"llm-vampire\","
                          "\"capabilities\":{\"chat\":true,\"responses\":true,\"completions\":true,\"embeddings\":true,"
                          "\"vision\":false,\"tools\":true,\"streaming\":true,\"reasoning\":false,"
                          "\"reasoning_options\":null},\"tokens_per_second\":null,\"display_name\":\"Qwen3 4B\","
                          "\"publisher\":\"qwen\",\"kind\":\"llm\",\"instances\":[{\"id\":\"qwen/qwen3-4b\","
                          "\"context_length\":4096,\"parallel\":4}],\"context_window\":4096,"
                          "\"max_context_length\":32768,\"size_bytes\":2497281120,\"parameters\":\"4B\","
                          "\"quantization\":\"Q4_K_M\",\"format\":\"gguf\",\"architecture\":\"qwen3\","
                          "\"sources\":{\"kind\":\"declared\",\"loaded\":\"declared\",\"context\":\"declared\","
                          "\"vision\":\"declared\",\"tools\":\"declared\",\"reasoning\":\"detected\"}}", i / 2 / 250,
                          i / 2 % 250, i % 2, round % 2 == 0 ? "true" : "false");
}

static void
append_request (GString *text,
                guint    i,
                guint    round)
{
  g_string_append_printf (text,
                          "{\"id\":\"req_f99t94drasfe3696ddf%05u\",\"state\":\"running\","
                          "\"received_at\":\"2026-11-22T08:55:42.650Z\",\"endpoint\":\"/v1/chat/completions\","
                          "\"model\":\"vampire:auto\",\"node\":\"node-10-0-0-1-1234\",\"node_model\":\"qwen/qwen3-4b\","
                          "\"route\":\"default:vampire:auto\",\"strategy\":\"residency\",\"client_key\":null,"
                          "\"shared\":false,\"stream\":true,\"status\":200,\"outcome\":null,\"problem\":null,"
                          "\"attempts\":1,\"fallbacks\":0,\"duration_ms\":%u.5,\"first_event_ms\":185.054,"
                          "\"queued_ms\":0.0,\"loading_ms\":0.0,\"prompt_tokens\":null,\"completion_tokens\":2,"
                          "\"tokens_per_second\":44.369509273227436}", i, round);
}

/* @n_changed of them say something else in each round. */
static char *
make_list (AppendFunc append,
           guint      n,
           guint      n_changed,
           guint      round)
{
  GString *text = g_string_new ("{\"object\":\"list\",\"data\":[");

  for (guint i = 0; i < n; i++)
    {
      if (i > 0)
        g_string_append_c (text, ',');
      append (text, i, i % MAX (n / MAX (n_changed, 1), 1) == 0 && n_changed > 0 ? round : 0);
    }
  g_string_append (text, "]}");

  return g_string_free (text, FALSE);
}

static char *
id_of_both (JsonObject *document)
{
  return g_strconcat (vmp_json_get_string (document, "node"), " ", vmp_json_get_string (document, "model"), NULL);
}

/* -- One list ------------------------------------------------------------------------------ */

static double
milliseconds_since (gint64 then)
{
  return (g_get_monotonic_time () - then) / 1000.0;
}

static int
compare (const void *a,
         const void *b)
{
  double one = *(const double *) a;
  double other = *(const double *) b;

  return (one > other) - (one < other);
}

/* The middle one of all rounds and the longest. */
static void
print_times (const char *what,
             double     *times)
{
  qsort (times, N_ROUNDS, sizeof *times, compare);
  g_print ("  %s %.2f (%.2f)", what, times[N_ROUNDS / 2], times[N_ROUNDS - 1]);
}

/* What is made ready on another thread, what is taken over on this one, and what is let go on another one. */
static void
measure (const char   *what,
         AppendFunc    append,
         VmpItemIdFunc id_of,
         guint         n,
         guint         n_changed,
         gboolean      is_first)
{
  g_autoptr (VmpItemList) list = vmp_item_list_new ();
  double making[N_ROUNDS];
  double taking[N_ROUNDS];
  double freeing[N_ROUNDS];

  /* One more, before the first, that is not counted. */
  for (int round = -1; round < N_ROUNDS; round++)
    {
      g_autofree char *text = make_list (append, n, n_changed, round + 2);
      JsonNode *node = vmp_json_parse_up_to (text, strlen (text), G_MAXINT, NULL);
      VmpItemBatch *batch;
      gint64 then = g_get_monotonic_time ();

      batch = vmp_item_batch_new (json_object_get_array_member (json_node_get_object (node), "data"), id_of);
      making[MAX (round, 0)] = milliseconds_since (then);

      if (is_first)
        {
          g_object_unref (list);
          list = vmp_item_list_new ();
        }
      then = g_get_monotonic_time ();
      vmp_item_list_take (list, batch);
      taking[MAX (round, 0)] = milliseconds_since (then);

      then = g_get_monotonic_time ();
      json_node_unref (node);
      vmp_item_batch_free (batch);
      freeing[MAX (round, 0)] = milliseconds_since (then);
    }

  g_print ("%-28s", what);
  print_times ("taking over", taking);
  print_times ("elsewhere: making ready", making);
  print_times ("letting go", freeing);
  g_print (" ms\n");
}

/* -- All of it ----------------------------------------------------------------------------- */

static void
answer_all (FakeGateway *gateway,
            guint        round)
{
  g_autofree char *nodes = make_list (append_node, N_NODES, 10, round);
  g_autofree char *models = make_list (append_model, N_MODELS, 10, round);
  g_autofree char *requests = make_list (append_request, N_REQUESTS, N_REQUESTS, round);

  fake_gateway_answer (gateway, "GET /vampire/v1/nodes", 200, nodes);
  fake_gateway_answer (gateway, "GET /vampire/v1/models", 200, models);
  fake_gateway_answer (gateway, "GET /vampire/v1/requests", 200, requests);
}

typedef struct {
  FakeGateway *gateway;
  guint round;
} Noise;

/* Everything changes a little, and most of it is told of. */
static gboolean
noise_cb (gpointer user_data)
{
  Noise *noise = user_data;

  answer_all (noise->gateway, ++noise->round);
  for (guint i = 0; i < N_EVENTS; i++)
    {
      g_autoptr (GString) event = g_string_new (NULL);

      append_node (event, g_random_int_range (0, N_NODES), noise->round);
      fake_gateway_send_event (noise->gateway, "node", event->str);
      g_string_truncate (event, 0);
      append_request (event, g_random_int_range (0, N_REQUESTS), noise->round);
      fake_gateway_send_event (noise->gateway, "request", event->str);
    }

  return G_SOURCE_CONTINUE;
}

/* A process of its own, which ends with its parent. Says its port to @output. */
static void
run_gateway (int output)
{
  g_autoptr (FakeGateway) gateway = fake_gateway_new (0);
  Noise noise = { gateway, 0 };
  guint16 port = fake_gateway_get_port (gateway);

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  fake_gateway_answer (gateway, "GET /vampire/v1/status", 200, "{}");
  fake_gateway_answer (gateway, "GET /vampire/v1/share", 200, "{}");
  noise_cb (&noise);
  g_timeout_add (NOISE_MS, noise_cb, &noise);
  if (write (output, &port, sizeof port) != sizeof port)
    return;
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

static void
measure_turns (guint16 port)
{
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u", port);
  g_autofree char *folder = g_dir_make_tmp ("vampire-bench-XXXXXX", NULL);
  g_autofree char *data_dir = g_strconcat ("--data-dir=", folder, NULL);
  g_autofree char *home = g_strconcat ("HOME=", folder, NULL);
  const char *argv[] = { data_dir, NULL };
  const char *env[] = { home, NULL };
  g_autoptr (VmpSettings) settings = vmp_settings_load (argv, env, NULL);
  g_autoptr (VmpLink) link = vmp_link_new (url, settings);
  g_autoptr (VmpMirror) mirror = vmp_mirror_new (link);
  gint64 until = g_get_monotonic_time () + 5 * G_USEC_PER_SEC;
  double longest = 0;
  guint n_turns = 0;

  vmp_mirror_hold (mirror, VMP_TOPIC_MODELS);
  vmp_mirror_hold (mirror, VMP_TOPIC_REQUESTS);
  vmp_link_start (link);
  while (g_get_monotonic_time () < until)
    {
      gint64 then = g_get_monotonic_time ();

      if (g_main_context_iteration (NULL, FALSE))
        {
          longest = MAX (longest, milliseconds_since (then));
          n_turns++;
        }
      else
        {
          g_usleep (500);
        }
    }

  g_print ("all lists, and %u events a second: the longest of %u turns took %.2f ms\n", 2 * N_EVENTS * 1000 / NOISE_MS,
           n_turns, longest);
  g_assert_cmpuint (vmp_item_list_get_length (vmp_mirror_get_list (mirror, VMP_TOPIC_NODES)), ==, N_NODES);
  g_assert_cmpuint (vmp_item_list_get_length (vmp_mirror_get_list (mirror, VMP_TOPIC_MODELS)), ==, N_MODELS);
  vmp_link_stop (link);
  g_rmdir (folder);
}

int
main (int   argc,
      char *argv[])
{
  int ends[2];
  guint16 port = 0;
  pid_t gateway;

  /* Before there are threads. */
  if (pipe (ends) < 0 || (gateway = fork ()) < 0)
    return 1;
  if (gateway == 0)
    {
      run_gateway (ends[1]);
      _exit (1);
    }
  if (read (ends[0], &port, sizeof port) != sizeof port)
    return 1;
  kill (gateway, SIGSTOP);

  measure ("500 nodes, first", append_node, NULL, N_NODES, 0, TRUE);
  measure ("500 nodes, the same", append_node, NULL, N_NODES, 0, FALSE);
  measure ("500 nodes, 10 changed", append_node, NULL, N_NODES, 10, FALSE);
  measure ("500 nodes, all changed", append_node, NULL, N_NODES, N_NODES, FALSE);
  measure ("1,000 models, first", append_model, id_of_both, N_MODELS, 0, TRUE);
  measure ("1,000 models, 10 changed", append_model, id_of_both, N_MODELS, 10, FALSE);
  measure ("1,000 models, all changed", append_model, id_of_both, N_MODELS, N_MODELS, FALSE);
  measure ("200 requests, all changed", append_request, NULL, N_REQUESTS, N_REQUESTS, FALSE);

  kill (gateway, SIGCONT);
  measure_turns (port);
  kill (gateway, SIGKILL);

  return 0;
}

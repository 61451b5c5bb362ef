/* SPDX-License-Identifier: MIT
 *
 * See windows-gateway.h. What it says is made up, but has the form and the size of what a gateway says.
 */

#include "windows-gateway.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../unit/fake-gateway.h"

#define TICK_MS 20
#define TICKS_A_SECOND (1000 / TICK_MS)

/* One of so many events of requests tells of an end, and the next one of another request that begins. */
#define EVENTS_AN_END 10

/* Documents that change all the time. */
#define N_LIVING 7

#define CHAT "POST /v1/chat/completions"

typedef struct {
  FakeGateway *gateway;
  guint n_ticks;
  guint n_begun;                   /* requests, ever */
  guint running[BENCH_RUNNING];    /* their numbers */
  guint n_asked[N_LIVING];
  guint n_tokens;
} Bench;

typedef void (*AppendFunc) (GString     *text,
                            guint        i,
                            const Bench *self);

/* -- What there is ------------------------------------------------------------------------- */

static void
append_node (GString     *text,
             guint        i,
             const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"node-10-0-%u-%u-1234\",\"name\":\"studio %u\",\"host\":\"studio-%u.local\","
                          "\"base_url\":\"http://10.0.%u.%u:1234\",\"provider\":\"lmstudio\","
                          "\"api_format\":\"openai-compatible\",\"agent_base_url\":null,\"status\":\"%s\","
                          "\"trusted\":false,\"capabilities\":{\"chat\":true,\"responses\":true,\"completions\":true,"
                          "\"embeddings\":true,\"vision\":true,\"tools\":true,\"streaming\":true},\"tags\":[\"lab\"],"
                          "\"request_count\":%u,\"error_count\":0,\"active_requests\":%u,\"queue_depth\":0,"
                          "\"latency_ms\":%u.25,\"tokens_per_second\":%u.5,"
                          "\"last_checked_at\":\"2026-11-22T08:55:41.633Z\",\"last_error\":%s,"
                          "\"approval\":\"%s\",\"pending_reason\":null,\"health\":\"%s\",\"is_default\":%s,"
                          "\"breaker\":{\"state\":\"closed\",\"failures\":0,\"retry_in_seconds\":null},"
                          "\"token\":{\"state\":\"not_needed\"},\"found\":{\"by\":\"mdns\",\"at\":\"eth0\","
                          "\"first_seen\":\"2026-11-22T08:55:41.632Z\",\"last_seen\":null},\"addresses\":null,"
                          "\"key_fingerprint\":null,\"seen_address\":\"10.0.%u.%u\",\"seen_key\":null,"
                          "\"provider_name\":\"LM Studio\",\"provider_hint\":\"auto\",\"models_count\":2,"
                          "\"models_skipped\":0,\"avg_latency_ms\":184.5,\"capability_sources\":{\"chat\":\"declared\","
                          "\"responses\":\"declared\",\"completions\":\"declared\",\"embeddings\":\"declared\","
                          "\"vision\":\"declared\",\"tools\":\"declared\",\"streaming\":\"declared\"},"
                          "\"drained\":false}",
                          i / 250, i % 250, i, i, i / 250, i % 250, i % 9 == 4 ? "offline" : "online",
                          self->n_ticks + i, self->n_ticks / 7 % 3, 3 + self->n_ticks % 50, 20 + self->n_ticks % 31,
                          i % 9 == 4 ? "\"The server refuses connections.\"" : "null",
                          i < BENCH_NODES ? "approved" : "pending", i % 9 == 4 ? "offline" : "online",
                          i == 0 ? "true" : "false", i / 250, i % 250);
}

static void
append_model (GString     *text,
              guint        i,
              const Bench *self)
{
  g_autofree char *id = i % 2 == 0 ? g_strdup ("qwen/qwen3-4b") : g_strdup_printf ("lab/tuned-%u", i / 2);

  g_string_append_printf (text,
                          "{\"node\":\"node-10-0-%u-%u-1234\",\"model\":\"%s\",\"provider\":\"lmstudio\","
                          "\"api_format\":\"openai-compatible\",\"loaded\":%s,\"owned_by\":\"llm-vampire\","
                          "\"capabilities\":{\"chat\":true,\"responses\":true,\"completions\":true,\"embeddings\":true,"
                          "\"vision\":false,\"tools\":true,\"streaming\":true,\"reasoning\":false,"
                          "\"reasoning_options\":null},\"tokens_per_second\":null,\"display_name\":\"%s\","
                          "\"publisher\":\"qwen\",\"kind\":\"llm\",\"instances\":[{\"id\":\"%s\","
                          "\"context_length\":4096,\"parallel\":4}],\"context_window\":4096,"
                          "\"max_context_length\":32768,\"size_bytes\":2497281120,\"parameters\":\"4B\","
                          "\"quantization\":\"Q4_K_M\",\"format\":\"gguf\",\"architecture\":\"qwen3\","
                          "\"sources\":{\"kind\":\"declared\",\"loaded\":\"declared\",\"context\":\"declared\","
                          "\"vision\":\"declared\",\"tools\":\"declared\",\"reasoning\":\"detected\"}}",
                          i / 2 / 250, i / 2 % 250, id, (i + self->n_ticks / 500) % 3 != 0 ? "true" : "false", id, id);
}

static void
append_request_of (GString *text,
                   guint    number,
                   gboolean is_running)
{
  g_string_append_printf (text,
                          "{\"id\":\"req_f99t94drasfe3696ddf%05u\",\"state\":\"%s\","
                          "\"received_at\":\"2026-11-22T08:55:42.650Z\",\"endpoint\":\"/v1/chat/completions\","
                          "\"model\":\"vampire:auto\",\"node\":\"node-10-0-%u-%u-1234\","
                          "\"node_model\":\"qwen/qwen3-4b\",\"route\":\"default:vampire:auto\","
                          "\"strategy\":\"residency\",\"client_key\":\"key_%u\",\"shared\":%s,\"stream\":true,"
                          "\"status\":200,\"outcome\":%s,\"problem\":null,\"attempts\":1,\"fallbacks\":0,"
                          "\"duration_ms\":%u.5,\"first_event_ms\":185.054,\"queued_ms\":0.0,\"loading_ms\":0.0,"
                          "\"prompt_tokens\":null,\"completion_tokens\":%u,\"tokens_per_second\":44.36}",
                          number, is_running ? "running" : "ended", number % BENCH_NODES / 250, number % 250,
                          number % BENCH_KEYS, number % 2 == 0 ? "true" : "false",
                          is_running ? "null" : "\"done\"", number % 60000, number % 900);
}

/* Newest first. */
static void
append_request (GString     *text,
                guint        i,
                const Bench *self)
{
  guint number = self->n_begun - 1 - i;
  gboolean is_running = FALSE;

  for (guint slot = 0; slot < BENCH_RUNNING; slot++)
    is_running |= self->running[slot] == number;
  append_request_of (text, number, is_running);
}

static void
append_key (GString     *text,
            guint        i,
            const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"key_%u\",\"name\":\"Laptop %u\",\"created_at\":\"2026-11-20T08:00:00.000Z\","
                          "\"expires_at\":null,\"last_used_at\":\"2026-11-22T08:55:42.650Z\",\"requests\":%u}",
                          i, i, self->n_ticks);
}

static void
append_client (GString     *text,
               guint        i,
               const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"client_%u\",\"client_key\":\"Laptop %u\",\"key_id\":\"key_%u\","
                          "\"address\":\"10.1.0.%u\",\"connected_at\":\"2026-11-22T08:55:42.650Z\","
                          "\"active_requests\":%u}", i, i, i, i, (self->n_ticks + i * 50) / 400 % 3);
}

static void
append_route (GString     *text,
              guint        i,
              const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"route-%u\",\"virtual_model\":\"team/chat-%u\",\"strategy\":\"least_busy\","
                          "\"targets\":[{\"node\":\"" BENCH_NODE_ID "\",\"model\":\"qwen/qwen3-4b\",\"weight\":1}],"
                          "\"fallback\":null,\"about\":null}", i, i);
}

static void
append_virtual_model (GString     *text,
                      guint        i,
                      const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"vampire:%u\",\"type\":\"virtual\",\"about\":\"Any model that fits.\","
                          "\"strategy\":\"residency\",\"available\":true}", i);
}

static void
append_check (GString     *text,
              guint        i,
              const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"check_%u\",\"title\":\"Check %u\",\"status\":\"%s\",\"message\":\"The server on "
                          "studio %u refuses connections.\",\"remedy\":\"Start its server.\"}",
                          i, i, i < 4 ? "problem" : "ok", self->n_ticks / 500);
}

static void
append_metric (GString     *text,
               guint        i,
               const Bench *self)
{
  g_string_append_printf (text,
                          "{\"id\":\"node-10-0-%u-%u-1234\",\"node\":\"node-10-0-%u-%u-1234\",\"active_requests\":%u,"
                          "\"tokens_per_second\":%u.5,\"avg_latency_ms\":%u.5,\"requests_total\":%u}",
                          i / 250, i % 250, i / 250, i % 250, self->n_ticks % 3, self->n_ticks % 90,
                          self->n_ticks % 40, self->n_ticks);
}

/* -- Answers ------------------------------------------------------------------------------- */

static char *
make_list (const Bench *self,
           const char  *head,
           AppendFunc   append,
           guint        n)
{
  GString *text = g_string_new (head);

  for (guint i = 0; i < n; i++)
    {
      if (i > 0)
        g_string_append_c (text, ',');
      append (text, i, self);
    }
  g_string_append (text, "]}");

  return g_string_free (text, FALSE);
}

static void
answer_list (Bench      *self,
             const char *request,
             const char *head,
             AppendFunc  append,
             guint       n)
{
  g_autofree char *text = make_list (self, head, append, n);

  fake_gateway_answer (self->gateway, request, 200, text);
}

static void
answer_status (Bench *self)
{
  g_autofree char *text =
    g_strdup_printf ("{\"object\":\"vampire.status\",\"version\":\"0.1.0\",\"nodes_total\":%d,\"nodes_online\":445,"
                     "\"nodes_offline\":55,\"nodes_pending\":%d,\"instance\":\"bench\",\"uptime_seconds\":%u,"
                     "\"listeners\":[\"127.0.0.1:7777\"],\"active_requests\":%d,\"paused\":false,\"demo\":false,"
                     "\"share\":{\"mode\":\"business\",\"enabled\":true,\"open\":true,\"ends_at\":null},"
                     "\"share_trouble\":null,\"keyring\":{\"state\":\"open\",\"trouble\":null},\"dns_sd\":\"on\","
                     "\"store\":{\"trouble\":null,\"set_aside\":null}}",
                     BENCH_NODES + BENCH_WAITING, BENCH_WAITING, self->n_ticks / TICKS_A_SECOND, BENCH_RUNNING);

  fake_gateway_answer (self->gateway, "GET /vampire/v1/status", 200, text);
}

#define LIST "{\"object\":\"list\",\"data\":["

/* What changes is made when it is asked for, as it is then: it must not be older than the events. */
static const struct {
  const char *request;
  const char *head;
  AppendFunc append;
  guint n;
} living[N_LIVING] = {
  { "GET /vampire/v1/nodes", LIST, append_node, BENCH_NODES + BENCH_WAITING },
  { "GET /vampire/v1/models", LIST, append_model, BENCH_MODELS },
  { "GET /vampire/v1/requests", LIST, append_request, BENCH_RUNNING + BENCH_ENDED },
  { "GET /vampire/v1/keys", LIST, append_key, BENCH_KEYS },
  { "GET /vampire/v1/clients", LIST, append_client, BENCH_CLIENTS },
  { "GET /vampire/v1/doctor", "{\"object\":\"vampire.doctor\",\"status\":\"problem\",\"checks\":[",
    append_check, 14 },
  { "GET /vampire/v1/metrics", "{\"object\":\"vampire.metrics\",\"cluster\":{},\"models\":[],\"nodes\":[",
    append_metric, BENCH_NODES },
};

static void
hold_what_lives (Bench *self)
{
  for (guint i = 0; i < N_LIVING; i++)
    fake_gateway_hold (self->gateway, living[i].request);
}

static void
answer_what_lives (Bench *self)
{
  for (guint i = 0; i < N_LIVING; i++)
    {
      guint n_asked = fake_gateway_count (self->gateway, living[i].request);

      if (n_asked == self->n_asked[i])
        continue;
      self->n_asked[i] = n_asked;
      answer_list (self, living[i].request, living[i].head, living[i].append, living[i].n);
      fake_gateway_let_go (self->gateway, living[i].request);
      fake_gateway_hold (self->gateway, living[i].request);
    }
}

static void
answer_what_stays (Bench *self)
{
  g_autoptr (GString) node = g_string_new (NULL);

  answer_list (self, "GET /vampire/v1/routes", LIST, append_route, BENCH_ROUTES);
  answer_list (self, "GET /vampire/v1/virtual_models", "{\"object\":\"list\",\"strategies\":[],\"data\":[",
               append_virtual_model, 10);
  answer_list (self, "GET /vampire/v1/discover/jobs", LIST, NULL, 0);
  answer_list (self, "GET /vampire/v1/settings", "{\"object\":\"vampire.settings\",\"data\":[", NULL, 0);
  fake_gateway_answer (self->gateway, "GET /vampire/v1/share", 200,
                       "{\"object\":\"vampire.share\",\"mode\":\"business\",\"last_mode\":\"business\","
                       "\"enabled\":true,\"duration\":null,\"model\":null,\"open\":true,\"ends_at\":null,"
                       "\"listeners\":[{\"address\":\"10.0.0.1:7777\"}],\"trouble\":null,\"keys\":200,"
                       "\"clients\":200}");

  append_node (node, 7, self);
  g_string_truncate (node, node->len - 1);
  g_string_append (node, ",\"models\":[");
  for (guint i = 0; i < 40; i++)
    g_string_append_printf (node,
                            "%s{\"id\":\"lab/tuned-%u\",\"display_name\":\"Tuned %u\",\"kind\":\"llm\",\"loaded\":true,"
                            "\"instances\":[{\"id\":\"a\",\"context_length\":4096,\"parallel\":4}],"
                            "\"context_window\":4096,\"max_context_length\":32768,\"size_bytes\":2497281120}",
                            i > 0 ? "," : "", i, i);
  g_string_append (node, "]}");
  fake_gateway_answer (self->gateway, "GET /vampire/v1/nodes/" BENCH_NODE_ID, 200, node->str);
  fake_gateway_answer_raw (self->gateway, CHAT, FAKE_STREAM_HEAD);
}

/* -- Events -------------------------------------------------------------------------------- */

static void
tell_of_request (Bench      *self,
                 guint       number,
                 const char *state,
                 const char *outcome)
{
  g_autofree char *data =
    g_strdup_printf ("{\"id\":\"req_f99t94drasfe3696ddf%05u\",\"state\":\"%s\",\"model\":\"vampire:auto\","
                     "\"node\":\"node-10-0-%u-%u-1234\",\"client_key\":\"key_%u\",\"outcome\":%s,"
                     "\"duration_ms\":%u,\"active_requests\":%d}",
                     number, state, number % BENCH_NODES / 250, number % 250, number % BENCH_KEYS, outcome,
                     self->n_ticks * TICK_MS, BENCH_RUNNING);

  fake_gateway_send_event (self->gateway, "request", data);
}

static void
send_request_event (Bench *self)
{
  guint *number = &self->running[g_random_int_range (0, BENCH_RUNNING)];

  if (g_random_int_range (0, EVENTS_AN_END) == 0)
    {
      tell_of_request (self, *number, "ended", "\"done\"");
      *number = self->n_begun++;
    }
  tell_of_request (self, *number, "started", "null");
}

static void
send_node_event (Bench *self)
{
  g_autoptr (GString) data = g_string_new (NULL);

  append_node (data, g_random_int_range (0, BENCH_NODES), self);
  g_string_truncate (data, data->len - 1);
  g_string_append (data, ",\"change\":\"changed\"}");
  fake_gateway_send_event (self->gateway, "node", data->str);
}

static void
send_metric (Bench *self)
{
  g_autofree char *data =
    g_strdup_printf ("{\"active_requests\":%d,\"tokens_per_second\":%u,\"queue_depth\":0,\"nodes_online\":445,"
                     "\"nodes_offline\":55,\"nodes_pending\":%d,\"shared_connections\":%d}",
                     BENCH_RUNNING, 4000 + self->n_ticks % 900, BENCH_WAITING, BENCH_CLIENTS);

  fake_gateway_send_event (self->gateway, "metric", data);
}

/* An answer in Markdown, with a paragraph, a list and a block of code again and again. */
static void
send_token (Bench *self)
{
  static const char * const pieces[] = {
    "Here", " is", " **what**", " you", " asked", " for", ",", " in", " some", " `words`", ":", "\\n\\n", "- one",
    " thing\\n", "- another", " one\\n\\n", "```c\\n", "int", " main", " (void)", "\\n{\\n", "  return", " 0;\\n",
    "}\\n", "```\\n\\n",
  };
  const char *piece = pieces[self->n_tokens++ % G_N_ELEMENTS (pieces)];
  g_autofree char *text =
    g_strdup_printf ("data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1795343812,"
                     "\"model\":\"qwen/qwen3-4b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},"
                     "\"logprobs\":null,\"finish_reason\":null}]}\n\n", piece);

  fake_gateway_send (self->gateway, CHAT, text);
}

static gboolean
tick_cb (gpointer user_data)
{
  Bench *self = user_data;

  self->n_ticks++;
  answer_what_lives (self);
  for (guint i = 0; i < BENCH_REQUEST_EVENTS / TICKS_A_SECOND; i++)
    send_request_event (self);
  for (guint i = 0; i < BENCH_NODE_EVENTS / TICKS_A_SECOND; i++)
    send_node_event (self);
  for (guint i = 0; i < BENCH_TOKENS / TICKS_A_SECOND; i++)
    send_token (self);
  if (self->n_ticks % TICKS_A_SECOND == 0)
    {
      answer_status (self);
      send_metric (self);
    }

  return G_SOURCE_CONTINUE;
}

/* -- The process --------------------------------------------------------------------------- */

G_NORETURN static void
run (int output)
{
  Bench self = { .gateway = fake_gateway_new (0), .n_begun = BENCH_RUNNING + BENCH_ENDED };
  guint16 port = fake_gateway_get_port (self.gateway);

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  for (guint i = 0; i < BENCH_RUNNING; i++)
    self.running[i] = self.n_begun - 1 - i;
  answer_what_stays (&self);
  answer_status (&self);
  hold_what_lives (&self);
  g_timeout_add (TICK_MS, tick_cb, &self);
  if (write (output, &port, sizeof port) != sizeof port)
    _exit (1);
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

guint16
bench_windows_gateway_start (void)
{
  guint16 port = 0;
  int ends[2];
  pid_t pid;

  if (pipe (ends) < 0 || (pid = fork ()) < 0)
    return 0;
  if (pid == 0)
    run (ends[1]);

  close (ends[1]);
  if (read (ends[0], &port, sizeof port) != sizeof port)
    port = 0;
  close (ends[0]);

  return port;
}

/* SPDX-License-Identifier: MIT
 *
 * The journal: which traces are kept and what they show, what is counted and under which names, and the text that
 * Prometheus reads.
 */

#include "relay/vmp-journal-private.h"
#include "relay/vmp-prometheus.h"

#include "core/vmp-limits.h"

#include <string.h>

#define SECOND G_TIME_SPAN_SECOND
#define MS G_TIME_SPAN_MILLISECOND

/* When the tests happen: long enough after the start of the clock for an hour to have passed. */
#define NOW (100 * 3600 * SECOND)

typedef struct {
  VmpJournal *journal;
  gint64 now;
  guint number;
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->journal = vmp_journal_new ();
  self->now = NOW;
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  vmp_journal_free (self->journal);
}

static VmpTrace *
begin_at (Fixture    *self,
          const char *path,
          const char *model)
{
  VmpCall call = {
    .path = vmp_slice (path), .started = self->now, .model = model, .client_key = "key-1", .is_stream = TRUE
  };
  g_autofree char *id = g_strdup_printf ("req_%u", ++self->number);

  return vmp_journal_begin (self->journal, &call, id);
}

static VmpTrace *
begin (Fixture    *self,
       const char *model)
{
  return begin_at (self, "/v1/chat/completions", model);
}

/* Ends it after so many ms. */
static void
end (Fixture    *self,
     VmpTrace   *trace,
     guint       status,
     const char *outcome,
     const char *problem,
     gint64      ms)
{
  self->now = trace->started + ms * MS;
  vmp_journal_end (self->journal, trace, status, outcome, problem, self->now);
}

/* A request that a node answers well, in 100 ms. */
static void
serve (Fixture    *self,
       const char *model,
       const char *node)
{
  VmpTrace *trace = begin (self, model);

  vmp_trace_add_attempt (trace, node, model, self->now);
  end (self, trace, 200, "done", NULL, 100);
}

/* (transfer full) */
static JsonNode *
build (const VmpTrace *trace,
       gboolean        whole)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  if (whole)
    vmp_trace_build (trace, builder);
  else
    vmp_trace_build_short (trace, builder);

  return json_builder_get_root (builder);
}

static char *
print (Fixture *self)
{
  GString *out = g_string_new (NULL);

  vmp_journal_print_prometheus (self->journal, out);

  return g_string_free (out, FALSE);
}

/* That a line stands in the text, once and whole. */
static void
assert_line (const char *text,
             const char *line)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = 0;
  guint i;

  for (i = 0; lines[i] != NULL; i++)
    n += g_str_equal (lines[i], line);
  if (n != 1)
    g_test_message ("%s", text);
  g_test_message ("%s", line);
  g_assert_cmpuint (n, ==, 1);
}

static guint
count_lines (const char *text,
             const char *beginning)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = 0;
  guint i;

  for (i = 0; lines[i] != NULL; i++)
    n += g_str_has_prefix (lines[i], beginning);

  return n;
}

/* -- What a trace shows -------------------------------------------------------------------- */

static void
test_running (Fixture      *self,
              gconstpointer data)
{
  VmpTrace *trace = begin (self, "llama");
  g_autoptr (JsonNode) node = build (trace, FALSE);
  JsonObject *object = json_node_get_object (node);

  g_assert_true (vmp_journal_find (self->journal, "req_1") == trace);
  g_assert_cmpstr (vmp_json_get_string (object, "state"), ==, "running");
  g_assert_cmpstr (vmp_json_get_string (object, "model"), ==, "llama");
  g_assert_cmpstr (vmp_json_get_string (object, "endpoint"), ==, "/v1/chat/completions");
  g_assert_cmpstr (vmp_json_get_string (object, "client_key"), ==, "key-1");
  g_assert_true (json_object_get_null_member (object, "node"));
  g_assert_true (json_object_get_null_member (object, "status"));
  g_assert_true (json_object_get_null_member (object, "outcome"));
  g_assert_true (json_object_get_null_member (object, "prompt_tokens"));
  g_assert_true (json_object_get_null_member (object, "first_event_ms"));

  end (self, trace, 0, "client gone", NULL, 1);
  g_assert_cmpstr (vmp_journal_find (self->journal, "req_1")->outcome, ==, "client gone");
}

static void
assert_ms (JsonObject *object,
           const char *name,
           double      expected)
{
  double value;

  g_assert_true (vmp_json_get_double (object, name, &value));
  g_assert_cmpfloat_with_epsilon (value, expected, 0.0005);
}

static JsonObject *
get_stage (JsonObject *object,
           guint       i)
{
  JsonArray *stages = vmp_json_get_array (object, "stages");

  g_assert_cmpuint (json_array_get_length (stages), >, i);

  return json_array_get_object_element (stages, i);
}

static void
test_whole (Fixture      *self,
            gconstpointer data)
{
  VmpTrace *trace = begin (self, "vampire:auto");
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object;
  JsonObject *stage;

  vmp_trace_set_route (trace, "auto", "residency", TRUE);
  vmp_trace_add_attempt (trace, "a", "llama", self->now + 2 * MS);
  vmp_trace_end_attempt (trace, 503, "answered with status 503", self->now + 5 * MS);
  vmp_trace_add_attempt (trace, "b", "llama", self->now + 6 * MS);
  vmp_trace_mark_attempt (trace, TRUE, FALSE);
  vmp_trace_note_answer (trace, self->now + 40 * MS);
  trace->first_event_us = 50 * MS;
  trace->queued_us = 1500;
  trace->prompt_tokens = 10;
  trace->completion_tokens = 20;
  trace->tokens_per_second = 12.5;
  trace->prefix = 0.25;
  end (self, trace, 200, "done", NULL, 100);

  node = build (vmp_journal_find (self->journal, "req_1"), TRUE);
  object = json_node_get_object (node);
  g_assert_cmpstr (vmp_json_get_string (object, "object"), ==, "vampire.trace");
  g_assert_cmpstr (vmp_json_get_string (object, "state"), ==, "ended");
  g_assert_cmpstr (vmp_json_get_string (vmp_json_get_object (object, "request"), "mode"), ==, "route");
  g_assert_cmpstr (vmp_json_get_string (vmp_json_get_object (object, "routing"), "strategy"), ==, "residency");
  g_assert_cmpuint (json_array_get_length (vmp_json_get_array (vmp_json_get_object (object, "routing"),
                                                               "selected_nodes")), ==, 2);
  assert_ms (vmp_json_get_object (object, "timing"), "latency_ms", 100);
  assert_ms (vmp_json_get_object (object, "timing"), "queued_ms", 1.5);
  assert_ms (vmp_json_get_object (object, "timing"), "first_event_ms", 50);
  assert_ms (vmp_json_get_object (object, "usage"), "tokens_per_second", 12.5);
  g_assert_nonnull (vmp_json_get_string (vmp_json_get_object (object, "timing"), "completed_at"));

  stage = get_stage (object, 0);
  g_assert_cmpstr (vmp_json_get_string (stage, "id"), ==, "attempt-1");
  g_assert_cmpstr (vmp_json_get_string (stage, "status"), ==, "failed");
  g_assert_cmpstr (vmp_json_get_string (stage, "reason"), ==, "answered with status 503");
  assert_ms (stage, "latency_ms", 3);
  g_assert_true (json_object_get_null_member (stage, "answered_ms"));

  stage = get_stage (object, 1);
  g_assert_cmpstr (vmp_json_get_string (stage, "node"), ==, "b");
  g_assert_cmpstr (vmp_json_get_string (stage, "model"), ==, "llama");
  g_assert_cmpstr (vmp_json_get_string (stage, "status"), ==, "completed");
  assert_ms (stage, "http_status", 200);
  assert_ms (stage, "answered_ms", 40);
  g_assert_true (json_object_get_boolean_member (stage, "load"));
}

/* What clients and nodes write is plain and short in it. */
static void
test_hostile (Fixture      *self,
              gconstpointer data)
{
  g_autofree char *long_name = g_strnfill (2000, 'm');
  VmpTrace *trace = begin_at (self, "/v1/\033[2J\xff", "\xe2\x80\xae" "evil\n");
  VmpTrace *other = begin_at (self, long_name, long_name);

  g_assert_cmpstr (trace->endpoint, ==, "/v1/\357\277\275[2J\357\277\275");
  g_assert_cmpstr (trace->model, ==, "\357\277\275evil\357\277\275");
  g_assert_cmpint (g_utf8_strlen (other->model, -1), ==, VMP_LIMIT_MODEL_ID_CHARS + 1);
  g_assert_cmpint (g_utf8_strlen (other->endpoint, -1), ==, VMP_LIMIT_TRACE_PATH_CHARS + 1);

  vmp_trace_add_attempt (trace, "a", "m", self->now);
  vmp_trace_end_attempt (trace, 500, long_name, self->now);
  g_assert_cmpint (g_utf8_strlen (vmp_trace_get_attempt (trace)->reason, -1), ==, VMP_LIMIT_TRACE_REASON_CHARS + 1);

  end (self, trace, 500, "done", NULL, 1);
  end (self, other, 404, "refused", "model_not_found", 1);
}

static void
test_many_attempts (Fixture      *self,
                    gconstpointer data)
{
  VmpTrace *trace = begin (self, "llama");
  g_autoptr (JsonNode) node = NULL;
  guint i;

  for (i = 1; i <= 100; i++)
    {
      g_autofree char *id = g_strdup_printf ("node-%u", i);

      vmp_trace_add_attempt (trace, id, "llama", self->now);
      vmp_trace_end_attempt (trace, 503, "is busy", self->now);
    }
  g_assert_cmpuint (trace->attempts->len, ==, VMP_LIMIT_TRACE_ATTEMPTS);
  g_assert_cmpstr (vmp_trace_get_attempt (trace)->node, ==, "node-100");
  end (self, trace, 503, "upstream failed", "upstream_unavailable", 10);

  node = build (vmp_journal_find (self->journal, "req_1"), TRUE);
  g_assert_cmpstr (vmp_json_get_string (get_stage (json_node_get_object (node), VMP_LIMIT_TRACE_ATTEMPTS - 1), "id"),
                   ==, "attempt-100");
  g_assert_cmpuint (vmp_journal_get_totals (self->journal)->retries, ==, 99);
}

/* -- Plans --------------------------------------------------------------------------------- */

typedef struct {
  VmpNode *node;
  VmpCandidate *candidates;
  VmpRouting routing;
} Plan;

/* @tried: the one candidate of its attempts */
static void
plan_init (Plan *self,
           guint n_candidates,
           guint tried)
{
  guint i;

  memset (self, 0, sizeof *self);
  self->node = vmp_node_new ("studio", vmp_base_url_parse ("http://127.0.0.1:1234", NULL));
  self->candidates = g_new0 (VmpCandidate, n_candidates);
  for (i = 0; i < n_candidates; i++)
    {
      self->candidates[i].node = self->node;
      self->candidates[i].order = i;
      self->candidates[i].rejection = i == tried ? VMP_REJECTED_NOT : VMP_REJECTED_OFFLINE;
    }
  self->routing = (VmpRouting) {
    .route_id = (char *) "auto", .is_routed = TRUE, .candidates = self->candidates, .n_candidates = n_candidates,
    .plan = { .strategy = VMP_STRATEGY_RESIDENCY, .n_attempts = 1, .attempts = { { .candidate = tried } } },
  };
}

static void
plan_clear (Plan *self)
{
  vmp_node_unref (self->node);
  g_free (self->candidates);
}

/* The plan is a copy, whose nodes are there for as long as it is. */
static void
test_plan (Fixture      *self,
           gconstpointer data)
{
  VmpTrace *trace = begin (self, "vampire:auto");
  g_autoptr (JsonNode) node = NULL;
  JsonObject *routing;
  JsonArray *nodes;
  Plan plan;

  plan_init (&plan, 2, 1);
  vmp_trace_note_routing (trace, &plan.routing);
  vmp_trace_note_routing (trace, &plan.routing);
  plan_clear (&plan);
  end (self, trace, 200, "done", NULL, 1);

  g_assert_cmpstr (trace->route, ==, "auto");
  g_assert_cmpstr (trace->strategy, ==, "residency");
  node = build (trace, TRUE);
  routing = vmp_json_get_object (json_node_get_object (node), "routing");
  nodes = vmp_json_get_array (routing, "candidate_nodes");
  g_assert_cmpuint (json_array_get_length (nodes), ==, 1);
  g_assert_cmpstr (json_array_get_string_element (nodes, 0), ==, "studio");
  g_assert_cmpstr (vmp_json_get_string (vmp_json_get_object (routing, "plan"), "strategy"), ==, "residency");
}

/* Of many candidates those that are tried are kept. */
static void
test_plan_large (Fixture      *self,
                 gconstpointer data)
{
  VmpTracePlan *kept;
  const VmpRouting *routing;
  Plan plan;

  plan_init (&plan, 1000, 900);
  kept = vmp_trace_plan_new (&plan.routing);
  routing = vmp_trace_plan_get (kept);
  g_assert_cmpuint (routing->n_candidates, ==, VMP_LIMIT_SHOWN_CANDIDATES);
  g_assert_cmpuint (routing->candidates[routing->plan.attempts[0].candidate].order, ==, 900);
  g_assert_cmpuint (routing->candidates[1].order, ==, 0);
  g_assert_cmpuint (routing->candidates[VMP_LIMIT_SHOWN_CANDIDATES - 1].order, ==, VMP_LIMIT_SHOWN_CANDIDATES - 2);
  vmp_trace_plan_free (kept);
  plan_clear (&plan);
}

/* When plans are large, the oldest traces stay without theirs. */
static void
test_plans_bounded (Fixture      *self,
                    gconstpointer data)
{
  g_autoptr (GPtrArray) traces = NULL;
  gboolean is_dropped = FALSE;
  gsize bytes = 0;
  Plan plan;
  guint i;

  plan_init (&plan, VMP_LIMIT_SHOWN_CANDIDATES, 0);
  for (i = 0; i < VMP_LIMIT_TRACES; i++)
    {
      VmpTrace *trace = begin (self, "vampire:auto");

      vmp_trace_note_routing (trace, &plan.routing);
      end (self, trace, 200, "done", NULL, 1);
    }

  traces = vmp_journal_list (self->journal);
  g_assert_cmpuint (traces->len, ==, VMP_LIMIT_TRACES);
  for (i = 0; i < traces->len; i++)
    {
      const VmpTrace *trace = g_ptr_array_index (traces, i);

      if (trace->plan == NULL)
        is_dropped = TRUE;
      else
        bytes += vmp_trace_plan_get_size (trace->plan);
      g_assert_true ((trace->plan == NULL) == is_dropped);
    }
  g_assert_true (is_dropped);
  g_assert_cmpuint (bytes, <=, VMP_LIMIT_TRACE_PLANS_BYTES);
  g_assert_cmpuint (bytes, >, VMP_LIMIT_TRACE_PLANS_BYTES * 9 / 10);
  plan_clear (&plan);
}

/* -- Which are kept ------------------------------------------------------------------------ */

static void
test_kept (Fixture      *self,
           gconstpointer data)
{
  VmpTrace *first = begin (self, "llama");
  VmpTrace *second = begin (self, "llama");
  g_autoptr (GPtrArray) traces = NULL;
  guint i;

  for (i = 0; i < VMP_LIMIT_TRACES + 5; i++)
    serve (self, "llama", "a");

  traces = vmp_journal_list (self->journal);
  g_assert_cmpuint (traces->len, ==, VMP_LIMIT_TRACES + 2);
  g_assert_true (g_ptr_array_index (traces, 0) == second);
  g_assert_true (g_ptr_array_index (traces, 1) == first);
  g_assert_cmpstr (((VmpTrace *) g_ptr_array_index (traces, 2))->id, ==, "req_1007");
  g_assert_null (vmp_journal_find (self->journal, "req_7"));
  g_assert_nonnull (vmp_journal_find (self->journal, "req_8"));
  g_assert_null (vmp_journal_find (self->journal, "req_9999"));

  end (self, first, 200, "done", NULL, 1);
  end (self, second, 200, "done", NULL, 1);
}

/* What is past the limit goes at once; what runs stays, and so do the counts. */
static void
test_limit (Fixture      *self,
            gconstpointer data)
{
  VmpTrace *running = begin (self, "llama");
  g_autoptr (GPtrArray) some = NULL;
  g_autoptr (GPtrArray) none = NULL;
  Plan plan;
  guint i;

  plan_init (&plan, 2, 0);
  for (i = 0; i < 5; i++)
    {
      VmpTrace *trace = begin (self, "llama");

      vmp_trace_note_routing (trace, &plan.routing);
      end (self, trace, 200, "done", NULL, 1);
    }
  vmp_journal_set_limit (self->journal, 2);
  some = vmp_journal_list (self->journal);
  g_assert_cmpuint (some->len, ==, 3);
  g_assert_null (vmp_journal_find (self->journal, "req_4"));
  g_assert_nonnull (vmp_journal_find (self->journal, "req_6"));

  vmp_journal_set_limit (self->journal, 0);
  vmp_trace_note_routing (running, &plan.routing);
  end (self, running, 200, "done", NULL, 1);
  none = vmp_journal_list (self->journal);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_cmpuint (vmp_journal_get_totals (self->journal)->requests, ==, 6);
  plan_clear (&plan);
}

/* A list that is shown in turns may outlive what it lists, and the journal. */
static void
test_held (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GPtrArray) traces = NULL;
  guint i;

  serve (self, "llama", "a");
  traces = vmp_journal_list (self->journal);
  for (i = 0; i < VMP_LIMIT_TRACES; i++)
    serve (self, "qwen", "b");
  g_assert_null (vmp_journal_find (self->journal, "req_1"));

  vmp_journal_free (self->journal);
  self->journal = vmp_journal_new ();
  g_assert_cmpstr (((VmpTrace *) g_ptr_array_index (traces, 0))->model, ==, "llama");
}

/* Names are kept once, and go with their last user. */
static void
test_names (void)
{
  VmpNames *names = vmp_names_new ();
  char text[] = "llama";
  const char *one = vmp_names_take (names, text);
  const char *other = vmp_names_take (names, "llama");

  g_assert_true (one == other);
  g_assert_true (one != text);
  g_assert_true (vmp_names_find (names, "llama") == one);
  g_assert_null (vmp_names_find (names, "qwen"));
  g_assert_null (vmp_names_take (names, NULL));
  vmp_names_drop (names, NULL);
  vmp_names_drop (names, one);
  g_assert_cmpuint (vmp_names_count (names), ==, 1);
  vmp_names_drop (names, other);
  g_assert_cmpuint (vmp_names_count (names), ==, 0);
  vmp_names_free (names);
}

/* -- Counts -------------------------------------------------------------------------------- */

static void
test_totals (Fixture      *self,
             gconstpointer data)
{
  const VmpCounts *totals;
  const VmpCounts *counts;
  VmpTrace *trace;

  g_assert_cmpuint (vmp_journal_get_totals (self->journal)->requests, ==, 0);
  g_assert_null (vmp_journal_get_model_counts (self->journal, "llama"));

  trace = begin (self, "llama");
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  vmp_trace_end_attempt (trace, 0, "refused the connection", self->now);
  vmp_trace_add_attempt (trace, "b", "llama", self->now);
  trace->first_event_us = 40 * MS;
  trace->prompt_tokens = 100;
  trace->completion_tokens = 20;
  trace->tokens_per_second = 30;
  trace->prefix = 0.5;
  end (self, trace, 200, "done", NULL, 100);

  trace = begin (self, "llama");
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  vmp_trace_end_attempt (trace, 200, "broke off", self->now + 1);
  end (self, trace, 200, "upstream failed", "upstream_stream_interrupted", 5000);

  vmp_journal_count_load (self->journal, "a", "llama", FALSE, 3000);
  vmp_journal_count_load (self->journal, "a", "llama", TRUE, 0);

  counts = vmp_journal_get_model_counts (self->journal, "llama");
  totals = vmp_journal_get_totals (self->journal);
  g_assert_cmpmem (counts, sizeof *counts, totals, sizeof *totals);
  g_assert_cmpuint (totals->requests, ==, 2);
  g_assert_cmpuint (totals->errors, ==, 1);
  g_assert_cmpuint (totals->retries, ==, 1);
  g_assert_cmpuint (totals->prompt_tokens, ==, 100);
  g_assert_cmpuint (totals->completion_tokens, ==, 20);
  g_assert_cmpuint (totals->prefix_hits, ==, 1);
  g_assert_cmpuint (totals->loads, ==, 1);
  g_assert_cmpuint (totals->failed_loads, ==, 1);

  /* How long a failure took says nothing of the model. */
  g_assert_cmpfloat (totals->avg_latency_ms, ==, 100);
  g_assert_cmpfloat (totals->avg_ttft_ms, ==, 40);
  g_assert_cmpfloat (totals->avg_tokens_per_second, ==, 30);
}

/* Clients make no series, whatever they name. */
static void
test_unknown_models (Fixture      *self,
                     gconstpointer data)
{
  g_autofree char *text = NULL;
  VmpTrace *trace;
  guint i;

  for (i = 0; i < 50; i++)
    {
      g_autofree char *model = g_strdup_printf ("made-up-%u", i);

      trace = begin (self, model);
      end (self, trace, 404, "refused", "model_not_found", 1);

      /* The same while nobody's models are known, and the default node gets it. */
      trace = begin (self, model);
      vmp_trace_add_attempt (trace, "a", NULL, self->now);
      end (self, trace, 200, "done", NULL, 1);
    }

  text = print (self);
  g_assert_null (strstr (text, "made-up"));
  assert_line (text, "vampire_requests_total{model=\"unknown\",node=\"\",status=\"404\",outcome=\"refused\"} 50");
  assert_line (text, "vampire_requests_total{model=\"unknown\",node=\"a\",status=\"200\",outcome=\"done\"} 50");
  g_assert_cmpuint (count_lines (text, "vampire_requests_total{"), ==, 2);

  /* One that is known is counted as itself also when it came to no node. */
  serve (self, "llama", "a");
  trace = begin (self, "llama");
  end (self, trace, 503, "refused", "no_route_target", 1);
  g_assert_cmpuint (vmp_journal_get_model_counts (self->journal, "llama")->requests, ==, 2);
  g_assert_cmpuint (vmp_journal_get_model_counts (self->journal, "llama")->errors, ==, 1);
}

static void
test_series_bounded (Fixture      *self,
                     gconstpointer data)
{
  g_autofree char *text = NULL;
  guint i;

  for (i = 0; i < VMP_LIMIT_METRIC_SERIES + 100; i++)
    {
      g_autofree char *model = g_strdup_printf ("model-%u", i);
      g_autofree char *node = g_strdup_printf ("node-%u", i);

      serve (self, model, node);
    }
  for (i = 0; i < 100; i++)
    {
      VmpTrace *trace = begin (self, "model-1");

      vmp_trace_add_attempt (trace, "node-1", "model-1", self->now);
      end (self, trace, 300 + i, "done", NULL, 1);
    }

  text = print (self);
  assert_line (text, "vampire_requests_total{model=\"other\",node=\"other\",status=\"200\",outcome=\"done\"} 100");
  assert_line (text, "vampire_requests_total{model=\"model-0\",node=\"node-0\",status=\"200\",outcome=\"done\"} 1");
  assert_line (text, "vampire_requests_total{model=\"model-1\",node=\"node-1\",status=\"other\",outcome=\"other\"} 85");
  g_assert_cmpuint (count_lines (text, "vampire_requests_total{model=\"model-1\","), ==, VMP_LIMIT_METRIC_RESULTS + 1);
  g_assert_cmpuint (count_lines (text, "vampire_request_duration_seconds_count{"), <=, VMP_LIMIT_METRIC_SERIES + 2);
}

/* (transfer full) */
static JsonNode *
build_model (Fixture    *self,
             const char *model)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_journal_build_model (self->journal, model, self->now, builder);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

static void
assert_model (Fixture *self,
              gint64   requests_1h,
              gint64   requests_total,
              double   error_rate)
{
  g_autoptr (JsonNode) node = build_model (self, "llama");
  JsonObject *object = json_node_get_object (node);
  double value;
  gint64 n;

  g_assert_true (vmp_json_get_int (object, "requests_1h", &n));
  g_assert_cmpint (n, ==, requests_1h);
  g_assert_true (vmp_json_get_int (object, "requests_total", &n));
  g_assert_cmpint (n, ==, requests_total);
  g_assert_true (vmp_json_get_double (object, "error_rate", &value));
  g_assert_cmpfloat (value, ==, error_rate);
  g_assert_true (json_object_get_null_member (object, "avg_latency_ms") == (requests_1h == 0));
}

static void
test_hour (Fixture      *self,
           gconstpointer data)
{
  VmpTrace *trace;

  assert_model (self, 0, 0, 0);
  serve (self, "llama", "a");
  self->now += 30 * 60 * SECOND;
  trace = begin (self, "llama");
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  end (self, trace, 500, "done", NULL, 900);

  assert_model (self, 2, 2, 0.5);
  self->now += 31 * 60 * SECOND;
  serve (self, "llama", "a");
  assert_model (self, 2, 3, 0.5);
  self->now += 120 * 60 * SECOND;
  assert_model (self, 0, 3, 0);
}

static void
test_rate (Fixture      *self,
           gconstpointer data)
{
  VmpTrace *trace = begin (self, "llama");

  g_assert_cmpfloat (vmp_journal_get_rate (self->journal, self->now), ==, 0);

  /* A hundred tokens within the last five seconds: ten per second of the last ten. */
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  trace->first_event_us = 1 * SECOND;
  trace->completion_tokens = 100;
  trace->tokens_per_second = 20;
  end (self, trace, 200, "done", NULL, 6000);
  g_assert_cmpfloat_with_epsilon (vmp_journal_get_rate (self->journal, self->now), 10, 0.001);

  /* They fade as they came. */
  g_assert_cmpfloat_with_epsilon (vmp_journal_get_rate (self->journal, self->now + 7 * SECOND), 6, 2.001);
  g_assert_cmpfloat (vmp_journal_get_rate (self->journal, self->now + 11 * SECOND), ==, 0);

  /* One that runs is taken to be as fast as its model. */
  self->now += 100 * SECOND;
  trace = begin (self, "llama");
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  g_assert_cmpfloat (vmp_journal_get_rate (self->journal, self->now + 5 * SECOND), ==, 0);
  trace->first_event_us = 1 * SECOND;
  g_assert_cmpfloat_with_epsilon (vmp_journal_get_rate (self->journal, self->now + 6 * SECOND), 10, 0.001);
  g_assert_cmpfloat_with_epsilon (vmp_journal_get_rate (self->journal, self->now + 60 * SECOND), 20, 0.001);
  end (self, trace, 0, "client gone", NULL, 6000);
}

/* -- Prometheus ---------------------------------------------------------------------------- */

static gboolean
is_name (const char *text,
         gsize       len)
{
  gsize i;

  for (i = 0; i < len; i++)
    {
      if (!g_ascii_isalpha (text[i]) && text[i] != '_' && (i == 0 || !g_ascii_isdigit (text[i])))
        return FALSE;
    }

  return len > 0;
}

/* Reads the labels of a sample, from its "{", and moves past them. */
static void
read_labels (const char **c)
{
  do
    {
      const char *name = ++*c;

      *c += strcspn (*c, "=");
      g_assert_true (is_name (name, *c - name));
      g_assert_true (g_str_has_prefix (*c, "=\""));
      for (*c += 2; **c != '"'; (*c)++)
        {
          g_assert_cmpint (**c, !=, '\0');
          if (**c != '\\')
            continue;
          (*c)++;
          g_assert_nonnull (strchr ("\\\"n", **c));
        }
      (*c)++;
    }
  while (**c == ',');
  g_assert_cmpint (**c, ==, '}');
  (*c)++;
}

/* Of a family that is a histogram, a sample may have one of three more names. */
static gboolean
is_of_family (const char *sample,
              gsize       len,
              const char *family,
              gboolean    is_histogram)
{
  static const char * const suffixes[] = { "_bucket", "_sum", "_count" };
  g_autofree char *name = g_strndup (sample, len);
  guint i;

  for (i = 0; is_histogram && i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *whole = g_strconcat (family, suffixes[i], NULL);

      if (g_str_equal (name, whole))
        return TRUE;
    }

  return !is_histogram && g_str_equal (name, family);
}

/* That a text is what the format allows: each family with its help and type, once and before its samples. */
static void
assert_well_formed (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GHashTable) families = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) samples = g_hash_table_new (g_str_hash, g_str_equal);
  const char *family = NULL;
  gboolean is_histogram = FALSE;
  guint i;

  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_true (g_str_has_suffix (text, "\n"));
  for (i = 0; lines[i + 1] != NULL; i++)
    {
      const char *c = lines[i];
      g_auto (GStrv) words = g_strsplit (c, " ", 4);
      char *number_end;
      gsize len;

      g_test_message ("%s", c);
      if (g_str_has_prefix (c, "# HELP "))
        {
          g_assert_true (is_name (words[2], strlen (words[2])));
          g_assert_true (g_hash_table_add (families, g_strdup (words[2])));
          g_hash_table_lookup_extended (families, words[2], (gpointer *) &family, NULL);
          g_assert_true (g_str_has_prefix (lines[i + 1], "# TYPE "));
          continue;
        }
      if (g_str_has_prefix (c, "# TYPE "))
        {
          g_assert_cmpstr (words[2], ==, family);
          is_histogram = g_str_equal (words[3], "histogram");
          g_assert_true (is_histogram || g_str_equal (words[3], "counter") || g_str_equal (words[3], "gauge"));
          continue;
        }

      len = strcspn (c, "{ ");
      g_assert_true (is_of_family (c, len, family, is_histogram));
      c += len;
      if (*c == '{')
        read_labels (&c);
      g_assert_cmpint (*c, ==, ' ');
      g_ascii_strtod (c + 1, &number_end);
      g_assert_true (number_end > c + 1 && *number_end == '\0');

      lines[i][c - lines[i]] = '\0';
      g_assert_true (g_hash_table_add (samples, lines[i]));
    }
}

static void
test_prometheus_empty (Fixture      *self,
                       gconstpointer data)
{
  g_autofree char *text = print (self);

  assert_well_formed (text);
  assert_line (text, "vampire_fallbacks_total 0");
  assert_line (text, "vampire_load_duration_seconds_bucket{le=\"+Inf\"} 0");
  g_assert_cmpuint (count_lines (text, "vampire_requests_total{"), ==, 0);
}

static void
test_prometheus (Fixture      *self,
                 gconstpointer data)
{
  g_autofree char *text = NULL;
  VmpTrace *trace = begin (self, "say \"a\\b\"");

  vmp_trace_add_attempt (trace, "node b", "other\\model", self->now);
  vmp_trace_end_attempt (trace, 503, "is busy", self->now);
  vmp_trace_add_attempt (trace, "a", "say \"a\\b\"", self->now);
  trace->first_event_us = 300 * MS;
  trace->prompt_tokens = 7;
  trace->completion_tokens = 9;
  trace->tokens_per_second = 2.5;
  trace->prefix = 1;
  trace->fallbacks = 2;
  end (self, trace, 200, "done", NULL, 2000);

  trace = begin (self, "llama");
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  vmp_trace_end_attempt (trace, 502, "answered with status 502", self->now);
  trace->prefix = 0;
  end (self, trace, 502, "done", NULL, 30);

  trace = begin (self, "llama");
  vmp_trace_add_attempt (trace, "a", "llama", self->now);
  end (self, trace, 0, "client gone", NULL, 2000 * 1000);

  vmp_journal_count_load (self->journal, "a", "llama", FALSE, 3000);
  vmp_journal_count_load (self->journal, "b", "llama", TRUE, 100);

  text = print (self);
  assert_well_formed (text);
#define MODEL "model=\"say \\\"a\\\\b\\\"\""
  assert_line (text, "vampire_requests_total{" MODEL ",node=\"a\",status=\"200\",outcome=\"done\"} 1");
  assert_line (text, "vampire_requests_total{model=\"llama\",node=\"a\",status=\"none\",outcome=\"client gone\"} 1");
  assert_line (text, "vampire_request_errors_total{model=\"llama\",node=\"a\",reason=\"upstream_status\"} 1");
  assert_line (text, "vampire_tokens_total{" MODEL ",node=\"a\",kind=\"prompt\"} 7");
  assert_line (text, "vampire_tokens_total{" MODEL ",node=\"a\",kind=\"completion\"} 9");
  assert_line (text, "vampire_tokens_per_second{" MODEL "} 2.5");
  assert_line (text, "vampire_retries_total{node=\"node b\"} 1");
  assert_line (text, "vampire_fallbacks_total 2");
  assert_line (text, "vampire_prefix_hits_total{node=\"a\"} 1");
  assert_line (text, "vampire_prefix_requests_total 2");
  assert_line (text, "vampire_loads_total{node=\"a\",model=\"llama\",result=\"loaded\"} 1");
  assert_line (text, "vampire_loads_total{node=\"b\",model=\"llama\",result=\"failed\"} 1");
  assert_line (text, "vampire_load_duration_seconds_count 1");
  assert_line (text, "vampire_load_duration_seconds_sum 3");
  assert_line (text, "vampire_time_to_first_token_seconds_bucket{" MODEL ",le=\"0.25\"} 0");
  assert_line (text, "vampire_time_to_first_token_seconds_bucket{" MODEL ",le=\"0.5\"} 1");

  /* One of 30 ms, one of 2000 s. */
  assert_line (text, "vampire_request_duration_seconds_bucket{model=\"llama\",le=\"0.025\"} 0");
  assert_line (text, "vampire_request_duration_seconds_bucket{model=\"llama\",le=\"0.05\"} 1");
  assert_line (text, "vampire_request_duration_seconds_bucket{model=\"llama\",le=\"1000\"} 1");
  assert_line (text, "vampire_request_duration_seconds_bucket{model=\"llama\",le=\"+Inf\"} 2");
  assert_line (text, "vampire_request_duration_seconds_count{model=\"llama\"} 2");
  assert_line (text, "vampire_request_duration_seconds_sum{model=\"llama\"} 2000.03");
}

/* A bound belongs to its bucket. */
static void
test_buckets (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  VmpHistogram histogram = { { 0 } };

  vmp_histogram_add (&histogram, 0.01);
  vmp_histogram_add (&histogram, 0.010001);
  vmp_histogram_add (&histogram, 1e9);
  vmp_prometheus_histogram (out, "h", &histogram, NULL, NULL);
  assert_line (out->str, "h_bucket{le=\"0.01\"} 1");
  assert_line (out->str, "h_bucket{le=\"0.025\"} 2");
  assert_line (out->str, "h_bucket{le=\"+Inf\"} 3");
  assert_line (out->str, "h_count 3");

  g_string_truncate (out, 0);
  vmp_prometheus_family (out, "f", "gauge", "a\\b \"c\"\nd");
  vmp_prometheus_double (out, "f", 0.1, "l", "x\ny", "m", NULL, NULL);
  g_assert_cmpstr (out->str, ==, "# HELP f a\\\\b \"c\"\\nd\n# TYPE f gauge\nf{l=\"x\\ny\",m=\"\"} 0.1\n");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/journal/trace/running", test_running);
  ADD ("/journal/trace/whole", test_whole);
  ADD ("/journal/trace/hostile", test_hostile);
  ADD ("/journal/trace/many-attempts", test_many_attempts);
  ADD ("/journal/plan/copied", test_plan);
  ADD ("/journal/plan/large", test_plan_large);
  ADD ("/journal/plan/bounded", test_plans_bounded);
  ADD ("/journal/kept/newest", test_kept);
  ADD ("/journal/kept/limit", test_limit);
  ADD ("/journal/kept/held", test_held);
  g_test_add_func ("/journal/names", test_names);
  ADD ("/journal/counts/totals", test_totals);
  ADD ("/journal/counts/unknown-models", test_unknown_models);
  ADD ("/journal/counts/bounded", test_series_bounded);
  ADD ("/journal/counts/hour", test_hour);
  ADD ("/journal/counts/rate", test_rate);
  ADD ("/journal/prometheus/empty", test_prometheus_empty);
  ADD ("/journal/prometheus/format", test_prometheus);
  g_test_add_func ("/journal/prometheus/buckets", test_buckets);

  return g_test_run ();
}

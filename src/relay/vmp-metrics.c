/* SPDX-License-Identifier: MIT
 *
 * The counts of the journal: by model, by node, and by model on node. Names are told apart by their pointers, which are
 * of the journal's names. How many there can be is bounded, and clients cannot make any: a model is one that a node
 * lists, or "unknown".
 */

#include "relay/vmp-metrics-private.h"

#include "core/vmp-limits.h"
#include "nodes/vmp-host.h"

#define PART_US (60 * 60 * G_TIME_SPAN_SECOND / VMP_METRICS_HOUR_PARTS)

/* -- Life ---------------------------------------------------------------------------------- */

static void
pair_counts_free (gpointer data)
{
  VmpPairCounts *self = data;

  g_array_unref (self->results);
  g_clear_pointer (&self->errors, g_array_unref);
  g_free (self);
}

static guint
pair_hash (gconstpointer key)
{
  const VmpPairCounts *pair = key;

  return g_direct_hash (pair->model) * 31 + g_direct_hash (pair->node);
}

static gboolean
pair_equal (gconstpointer a,
            gconstpointer b)
{
  const VmpPairCounts *one = a;
  const VmpPairCounts *other = b;

  return one->model == other->model && one->node == other->node;
}

VmpMetrics *
vmp_metrics_new (VmpNames *names)
{
  VmpMetrics *self = g_new0 (VmpMetrics, 1);

  self->names = names;
  self->models = g_hash_table_new (NULL, NULL);
  self->nodes = g_hash_table_new (NULL, NULL);
  self->pairs = g_hash_table_new (pair_hash, pair_equal);
  self->model_list = g_ptr_array_new_with_free_func (g_free);
  self->node_list = g_ptr_array_new_with_free_func (g_free);
  self->pair_list = g_ptr_array_new_with_free_func (pair_counts_free);

  return self;
}

void
vmp_metrics_free (VmpMetrics *self)
{
  guint i;

  for (i = 0; i < self->model_list->len; i++)
    vmp_names_drop (self->names, ((VmpModelCounts *) g_ptr_array_index (self->model_list, i))->name);
  for (i = 0; i < self->node_list->len; i++)
    vmp_names_drop (self->names, ((VmpNodeCounts *) g_ptr_array_index (self->node_list, i))->name);
  g_hash_table_unref (self->pairs);
  g_hash_table_unref (self->models);
  g_hash_table_unref (self->nodes);
  g_ptr_array_unref (self->pair_list);
  g_ptr_array_unref (self->model_list);
  g_ptr_array_unref (self->node_list);
  g_free (self);
}

/* -- Finding the counts -------------------------------------------------------------------- */

/* @name: of the names */
static VmpModelCounts *
get_model (VmpMetrics *self,
           const char *name)
{
  VmpModelCounts *model = g_hash_table_lookup (self->models, name);

  if (model != NULL)
    return model;

  model = g_new0 (VmpModelCounts, 1);
  model->name = vmp_names_share (name);
  g_hash_table_insert (self->models, (gpointer) model->name, model);
  g_ptr_array_add (self->model_list, model);

  return model;
}

static VmpModelCounts *
get_model_by_text (VmpMetrics *self,
                   const char *text)
{
  const char *name = vmp_names_take (self->names, text);
  VmpModelCounts *model = get_model (self, name);

  vmp_names_drop (self->names, name);

  return model;
}

/* A node's model. @name: of the names */
static VmpModelCounts *
get_listed_model (VmpMetrics *self,
                  const char *name)
{
  if (self->model_list->len >= VMP_LIMIT_METRIC_SERIES && !g_hash_table_contains (self->models, name))
    return get_model_by_text (self, VMP_METRICS_OTHER);

  return get_model (self, name);
}

static VmpNodeCounts *
get_node (VmpMetrics *self,
          const char *name)
{
  VmpNodeCounts *node = g_hash_table_lookup (self->nodes, name);

  if (node != NULL)
    return node;

  node = g_new0 (VmpNodeCounts, 1);
  node->name = vmp_names_share (name);
  g_hash_table_insert (self->nodes, (gpointer) node->name, node);
  g_ptr_array_add (self->node_list, node);

  return node;
}

static VmpNodeCounts *
get_node_by_text (VmpMetrics *self,
                  const char *text)
{
  const char *name = vmp_names_take (self->names, text);
  VmpNodeCounts *node = get_node (self, name);

  vmp_names_drop (self->names, name);

  return node;
}

static VmpNodeCounts *
get_known_node (VmpMetrics *self,
                const char *name)
{
  if (self->node_list->len >= VMP_LIMIT_METRIC_SERIES && !g_hash_table_contains (self->nodes, name))
    return get_node_by_text (self, VMP_METRICS_OTHER);

  return get_node (self, name);
}

/* The one that is there; NULL. */
static VmpPairCounts *
find_pair (VmpMetrics     *self,
           VmpModelCounts *model,
           VmpNodeCounts  *node)
{
  const VmpPairCounts key = { .model = model, .node = node };

  return g_hash_table_lookup (self->pairs, &key);
}

static VmpPairCounts *
get_pair (VmpMetrics     *self,
          VmpModelCounts *model,
          VmpNodeCounts  *node)
{
  VmpPairCounts *pair = find_pair (self, model, node);

  if (pair == NULL && self->pair_list->len >= VMP_LIMIT_METRIC_SERIES)
    {
      model = get_model_by_text (self, VMP_METRICS_OTHER);
      node = get_node_by_text (self, VMP_METRICS_OTHER);
      pair = find_pair (self, model, node);
    }
  if (pair != NULL)
    return pair;

  pair = g_new0 (VmpPairCounts, 1);
  pair->model = model;
  pair->node = node;
  pair->results = g_array_new (FALSE, FALSE, sizeof (VmpResultCount));
  g_hash_table_add (self->pairs, pair);
  g_ptr_array_add (self->pair_list, pair);

  return pair;
}

static void
count_result (GArray     *results,
              guint       status,
              const char *word)
{
  VmpResultCount new = { status, word, 1 };
  guint i;

  for (i = 0; i < results->len; i++)
    {
      VmpResultCount *result = &g_array_index (results, VmpResultCount, i);
      gboolean is_rest = i == VMP_LIMIT_METRIC_RESULTS;

      if (is_rest || (result->status == status && g_strcmp0 (result->word, word) == 0))
        {
          result->n++;
          return;
        }
    }

  if (results->len == VMP_LIMIT_METRIC_RESULTS)
    new = (VmpResultCount) { VMP_METRICS_OTHER_STATUS, VMP_METRICS_OTHER, 1 };
  g_array_append_val (results, new);
}

/* -- Counting a request -------------------------------------------------------------------- */

/* The part of the hour that it is now. */
static VmpHourPart *
current_part (VmpModelCounts *model,
              gint64          now)
{
  gint64 number = now / PART_US;
  VmpHourPart *part = &model->hour[number % VMP_METRICS_HOUR_PARTS];

  if (part->number != number)
    *part = (VmpHourPart) { .number = number };

  return part;
}

static void
count_result_of (VmpCounts      *counts,
                 const VmpTrace *trace,
                 gboolean        failed)
{
  counts->requests++;
  if (failed)
    counts->errors++;
  if (trace->n_attempts > 1)
    counts->retries += trace->n_attempts - 1;
  if (trace->prompt_tokens > 0)
    counts->prompt_tokens += trace->prompt_tokens;
  if (trace->completion_tokens > 0)
    counts->completion_tokens += trace->completion_tokens;
  if (trace->prefix > 0)
    counts->prefix_hits++;

  if (failed || trace->status >= 400 || trace->status == 0)
    return;

  counts->avg_latency_ms = vmp_host_average (counts->avg_latency_ms, trace->ended_us / 1000.0);
  if (trace->first_event_us > 0)
    counts->avg_ttft_ms = vmp_host_average (counts->avg_ttft_ms, trace->first_event_us / 1000.0);
  if (trace->tokens_per_second > 0)
    counts->avg_tokens_per_second = vmp_host_average (counts->avg_tokens_per_second, trace->tokens_per_second);
}

static void
count_hour (VmpHourPart    *part,
            const VmpTrace *trace,
            gboolean        failed)
{
  part->requests++;
  if (failed)
    part->errors++;
  if (failed || trace->status >= 400 || trace->status == 0)
    return;

  part->n_latency++;
  part->latency_ms += trace->ended_us / 1000.0;
  if (trace->first_event_us > 0)
    {
      part->n_ttft++;
      part->ttft_ms += trace->first_event_us / 1000.0;
    }
  if (trace->tokens_per_second > 0)
    {
      part->n_rate++;
      part->rate += trace->tokens_per_second;
    }
}

/* Each retry is put down to the node that had failed. */
static void
count_retries (VmpMetrics     *self,
               const VmpTrace *trace)
{
  guint i;

  for (i = 1; i < trace->attempts->len; i++)
    get_known_node (self, g_array_index (trace->attempts, VmpTraceAttempt, i - 1).node)->retries++;
}

/* Its tokens came one after the other since its first event: each second gets its share. */
static void
spread_tokens (VmpMetrics     *self,
               const VmpTrace *trace,
               gint64          now)
{
  gint64 first = trace->started + trace->first_event_us;
  gint64 begin = MAX (first, now - VMP_METRICS_RATE_SECONDS * G_USEC_PER_SEC);
  gint64 second;
  double per_us;

  if (trace->completion_tokens <= 0)
    return;
  if (first >= now) /* all at once */
    begin = first = now - 1;

  per_us = trace->completion_tokens / (double) (now - first);
  for (second = begin / G_USEC_PER_SEC; second <= (now - 1) / G_USEC_PER_SEC; second++)
    {
      guint i = second % VMP_METRICS_RATE_SECONDS;
      gint64 from = MAX (begin, second * G_USEC_PER_SEC);
      gint64 until = MIN (now, (second + 1) * G_USEC_PER_SEC);

      if (self->seconds[i] > second)
        continue;
      if (self->seconds[i] < second)
        {
          self->seconds[i] = second;
          self->tokens[i] = 0;
        }
      self->tokens[i] += per_us * (until - from);
    }
}

static const char *
error_reason (const VmpTrace *trace)
{
  if (trace->problem != NULL)
    return trace->problem;

  return trace->status >= 500 ? "upstream_status" : "upstream_failed";
}

/* The model that it is counted under: the one that was asked for at the node; or, when it never came to a node, the one
 * that the client named, if a request for it has reached one before. */
static VmpModelCounts *
model_of (VmpMetrics            *self,
          const VmpTrace        *trace,
          const VmpTraceAttempt *last)
{
  VmpModelCounts *model = NULL;

  if (last != NULL && last->model != NULL)
    return get_listed_model (self, last->model);

  if (last == NULL && trace->model != NULL)
    model = g_hash_table_lookup (self->models, trace->model);

  return model != NULL ? model : get_model_by_text (self, VMP_METRICS_UNKNOWN);
}

void
vmp_metrics_count_request (VmpMetrics     *self,
                           const VmpTrace *trace,
                           gint64          now)
{
  const VmpTraceAttempt *last = vmp_trace_get_attempt (trace);
  gboolean failed = trace->status >= 500 || (last != NULL && last->reason != NULL);
  VmpModelCounts *model = model_of (self, trace, last);
  VmpNodeCounts *node = last != NULL ? get_known_node (self, last->node) : get_node_by_text (self, "");
  VmpPairCounts *pair = get_pair (self, model, node);

  count_result_of (&self->totals, trace, failed);
  count_result_of (&model->counts, trace, failed);
  count_hour (current_part (model, now), trace, failed);
  vmp_histogram_add (&model->durations, trace->ended_us / (double) G_USEC_PER_SEC);
  if (trace->first_event_us > 0)
    vmp_histogram_add (&model->first_events, trace->first_event_us / (double) G_USEC_PER_SEC);

  count_result (pair->results, trace->status, trace->outcome);
  if (failed)
    {
      if (pair->errors == NULL)
        pair->errors = g_array_new (FALSE, FALSE, sizeof (VmpResultCount));
      count_result (pair->errors, 0, error_reason (trace));
    }
  pair->prompt_tokens += MAX (trace->prompt_tokens, 0);
  pair->completion_tokens += MAX (trace->completion_tokens, 0);

  if (trace->attempts->len > 1)
    count_retries (self, trace);
  self->fallbacks += trace->fallbacks;
  if (trace->prefix >= 0)
    self->prefix_requests++;
  if (trace->prefix > 0)
    node->prefix_hits++;
  spread_tokens (self, trace, now);
}

/* -- Counting a load ----------------------------------------------------------------------- */

static void
count_load (VmpCounts *counts,
            gboolean   failed)
{
  if (failed)
    counts->failed_loads++;
  else
    counts->loads++;
}

void
vmp_metrics_count_load (VmpMetrics *self,
                        const char *node,
                        const char *model,
                        gboolean    failed,
                        gint64      duration_ms)
{
  const char *node_name = vmp_names_take_plain (self->names, node, VMP_LIMIT_ID_CHARS);
  const char *model_name = vmp_names_take_plain (self->names, model, VMP_LIMIT_MODEL_ID_CHARS);
  VmpPairCounts *pair = get_pair (self, get_listed_model (self, model_name), get_known_node (self, node_name));

  count_load (&self->totals, failed);
  count_load (&pair->model->counts, failed);
  if (failed)
    pair->failed_loads++;
  else
    pair->loads++;
  if (!failed && duration_ms > 0)
    vmp_histogram_add (&self->loads, duration_ms / 1000.0);

  vmp_names_drop (self->names, node_name);
  vmp_names_drop (self->names, model_name);
}

/* -- Reading ------------------------------------------------------------------------------- */

const VmpCounts *
vmp_metrics_get_totals (const VmpMetrics *self)
{
  return &self->totals;
}

static VmpModelCounts *
find_model (VmpMetrics *self,
            const char *text)
{
  const char *name = vmp_names_find (self->names, text);

  return name != NULL ? g_hash_table_lookup (self->models, name) : NULL;
}

const VmpCounts *
vmp_metrics_get_model_counts (VmpMetrics *self,
                              const char *model)
{
  const VmpModelCounts *counts = find_model (self, model);

  return counts != NULL ? &counts->counts : NULL;
}

double
vmp_metrics_get_tokens (const VmpMetrics *self,
                        gint64            now)
{
  gint64 second = now / G_USEC_PER_SEC;
  double tokens = 0;
  guint i;

  for (i = 0; i < VMP_METRICS_RATE_SECONDS; i++)
    {
      if (self->seconds[i] > second - VMP_METRICS_RATE_SECONDS && self->seconds[i] <= second)
        tokens += self->tokens[i];
    }

  return tokens;
}

/* The parts of the last hour together. */
static VmpHourPart
sum_hour (const VmpModelCounts *model,
          gint64                now)
{
  VmpHourPart sum = { 0 };
  guint i;

  for (i = 0; i < VMP_METRICS_HOUR_PARTS; i++)
    {
      const VmpHourPart *part = &model->hour[i];

      if (part->number <= now / PART_US - VMP_METRICS_HOUR_PARTS)
        continue;
      sum.requests += part->requests;
      sum.errors += part->errors;
      sum.n_latency += part->n_latency;
      sum.n_ttft += part->n_ttft;
      sum.n_rate += part->n_rate;
      sum.latency_ms += part->latency_ms;
      sum.ttft_ms += part->ttft_ms;
      sum.rate += part->rate;
    }

  return sum;
}

static void
add_quotient (JsonBuilder *builder,
              const char  *name,
              double       sum,
              guint        n)
{
  if (n > 0)
    vmp_json_add_double (builder, name, sum / n);
  else
    vmp_json_add_null (builder, name);
}

void
vmp_metrics_build_model (VmpMetrics  *self,
                         const char  *model,
                         gint64       now,
                         JsonBuilder *builder)
{
  static const VmpModelCounts none;
  const VmpModelCounts *found = self != NULL ? find_model (self, model) : NULL;
  const VmpModelCounts *counts = found != NULL ? found : &none;
  VmpHourPart hour = sum_hour (counts, now);

  vmp_json_add_int (builder, "requests_1h", hour.requests);
  vmp_json_add_int (builder, "requests_total", counts->counts.requests);
  vmp_json_add_int (builder, "errors_total", counts->counts.errors);
  add_quotient (builder, "avg_latency_ms", hour.latency_ms, hour.n_latency);
  add_quotient (builder, "avg_ttft_ms", hour.ttft_ms, hour.n_ttft);
  add_quotient (builder, "avg_tokens_per_second", hour.rate, hour.n_rate);
  vmp_json_add_double (builder, "error_rate", hour.requests > 0 ? hour.errors / (double) hour.requests : 0);
  vmp_json_add_int (builder, "prompt_tokens", counts->counts.prompt_tokens);
  vmp_json_add_int (builder, "completion_tokens", counts->counts.completion_tokens);
}

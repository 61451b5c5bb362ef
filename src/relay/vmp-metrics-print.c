/* SPDX-License-Identifier: MIT
 *
 * The counts of the journal as Prometheus reads them, a family after the other.
 */

#include "relay/vmp-metrics-private.h"

/* Digits of a status. */
#define STATUS_SIZE 12

static const char *
status_text (guint status,
             char  text[STATUS_SIZE])
{
  if (status == 0)
    return "none";
  if (status == VMP_METRICS_OTHER_STATUS)
    return VMP_METRICS_OTHER;

  g_snprintf (text, STATUS_SIZE, "%u", status);

  return text;
}

static void
print_results (const VmpPairCounts *pair,
               const char          *name,
               GString             *out)
{
  guint i;

  for (i = 0; i < pair->results->len; i++)
    {
      const VmpResultCount *result = &g_array_index (pair->results, VmpResultCount, i);
      char status[STATUS_SIZE];

      vmp_prometheus_int (out, name, result->n, "model", pair->model->name, "node", pair->node->name,
                          "status", status_text (result->status, status), "outcome", result->word, NULL);
    }
}

static void
print_errors (const VmpPairCounts *pair,
              const char          *name,
              GString             *out)
{
  guint i;

  for (i = 0; pair->errors != NULL && i < pair->errors->len; i++)
    {
      const VmpResultCount *error = &g_array_index (pair->errors, VmpResultCount, i);

      vmp_prometheus_int (out, name, error->n, "model", pair->model->name, "node", pair->node->name,
                          "reason", error->word, NULL);
    }
}

static void
print_tokens (const VmpPairCounts *pair,
              const char          *name,
              GString             *out)
{
  if (pair->prompt_tokens == 0 && pair->completion_tokens == 0)
    return;

  vmp_prometheus_int (out, name, pair->prompt_tokens, "model", pair->model->name, "node", pair->node->name,
                      "kind", "prompt", NULL);
  vmp_prometheus_int (out, name, pair->completion_tokens, "model", pair->model->name, "node", pair->node->name,
                      "kind", "completion", NULL);
}

static void
print_loads (const VmpPairCounts *pair,
             const char          *name,
             GString             *out)
{
  if (pair->loads > 0)
    vmp_prometheus_int (out, name, pair->loads, "node", pair->node->name, "model", pair->model->name,
                        "result", "loaded", NULL);
  if (pair->failed_loads > 0)
    vmp_prometheus_int (out, name, pair->failed_loads, "node", pair->node->name, "model", pair->model->name,
                        "result", "failed", NULL);
}

static void
print_duration (const VmpModelCounts *model,
                const char           *name,
                GString              *out)
{
  if (model->durations.n > 0)
    vmp_prometheus_histogram (out, name, &model->durations, "model", model->name);
}

static void
print_first_event (const VmpModelCounts *model,
                   const char           *name,
                   GString              *out)
{
  if (model->first_events.n > 0)
    vmp_prometheus_histogram (out, name, &model->first_events, "model", model->name);
}

static void
print_rate (const VmpModelCounts *model,
            const char           *name,
            GString              *out)
{
  if (model->counts.avg_tokens_per_second > 0)
    vmp_prometheus_double (out, name, model->counts.avg_tokens_per_second, "model", model->name, NULL);
}

static void
print_retries (const VmpNodeCounts *node,
               const char          *name,
               GString             *out)
{
  if (node->retries > 0)
    vmp_prometheus_int (out, name, node->retries, "node", node->name, NULL);
}

static void
print_prefix_hits (const VmpNodeCounts *node,
                   const char          *name,
                   GString             *out)
{
  if (node->prefix_hits > 0)
    vmp_prometheus_int (out, name, node->prefix_hits, "node", node->name, NULL);
}

/* -- Families ------------------------------------------------------------------------------ */

typedef void (*PrintPair) (const VmpPairCounts *pair,
                           const char          *name,
                           GString             *out);
typedef void (*PrintModel) (const VmpModelCounts *model,
                            const char           *name,
                            GString              *out);
typedef void (*PrintNode) (const VmpNodeCounts *node,
                           const char          *name,
                           GString             *out);

/* Its samples are of one of the three kinds. */
typedef struct {
  const char *name;
  const char *type;
  const char *help;
  PrintPair pair;
  PrintModel model;
  PrintNode node;
} Family;

static const Family families[] = {
  { "vampire_requests_total", "counter",
    "Requests that ended. The model is \"unknown\" when no node lists it, the node empty when none was asked.",
    .pair = print_results },
  { "vampire_request_errors_total", "counter",
    "Requests whose last attempt failed, or that were answered with a status of 500 or more.", .pair = print_errors },
  { "vampire_request_duration_seconds", "histogram", "From a request's head to the end of its answer.",
    .model = print_duration },
  { "vampire_time_to_first_token_seconds", "histogram",
    "From a request's head to the first event or byte of its answer.", .model = print_first_event },
  { "vampire_tokens_total", "counter", "Tokens that nodes have reported.", .pair = print_tokens },
  { "vampire_tokens_per_second", "gauge", "Speed of one answer after its first token, as a moving average.",
    .model = print_rate },
  { "vampire_retries_total", "counter", "Attempts that followed a failed one, by the node that had failed.",
    .node = print_retries },
  { "vampire_prefix_hits_total", "counter", "Requests to a node that had seen the beginning of their prompt.",
    .node = print_prefix_hits },
  { "vampire_loads_total", "counter", "Models that were loaded into a node's memory, or failed to be.",
    .pair = print_loads },
};

static void
print_family (const VmpMetrics *self,
              const Family     *family,
              GString          *out)
{
  guint i;

  vmp_prometheus_family (out, family->name, family->type, family->help);
  if (self == NULL)
    return;

  for (i = 0; family->pair != NULL && i < self->pair_list->len; i++)
    family->pair (g_ptr_array_index (self->pair_list, i), family->name, out);
  for (i = 0; family->model != NULL && i < self->model_list->len; i++)
    family->model (g_ptr_array_index (self->model_list, i), family->name, out);
  for (i = 0; family->node != NULL && i < self->node_list->len; i++)
    family->node (g_ptr_array_index (self->node_list, i), family->name, out);
}

/* What is not told apart, and is there from the start. */
static void
print_totals (const VmpMetrics *self,
              GString          *out)
{
  static const char fallbacks[] = "vampire_fallbacks_total";
  static const char compared[] = "vampire_prefix_requests_total";
  static const char loads[] = "vampire_load_duration_seconds";
  static const VmpHistogram none;

  vmp_prometheus_family (out, fallbacks, "counter", "Routes that stood aside for the one that they fall back on.");
  vmp_prometheus_int (out, fallbacks, self != NULL ? self->fallbacks : 0, NULL);
  vmp_prometheus_family (out, compared, "counter", "Requests whose prompt was compared with what nodes have seen.");
  vmp_prometheus_int (out, compared, self != NULL ? self->prefix_requests : 0, NULL);
  vmp_prometheus_family (out, loads, "histogram", "How long it took to load a model.");
  vmp_prometheus_histogram (out, loads, self != NULL ? &self->loads : &none, NULL, NULL);
}

void
vmp_metrics_print (const VmpMetrics *self,
                   GString          *out)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (families); i++)
    print_family (self, &families[i], out);
  print_totals (self, out);
}

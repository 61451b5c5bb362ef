/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpJournal: which traces there are. Nothing is allocated before the first request.
 */

#include "relay/vmp-journal-private.h"

#include <string.h>

#include "core/vmp-limits.h"

/* How long it is believed that the two clocks go alike. A suspended computer stops one, its owner may set the other. */
#define CLOCKS_US G_TIME_SPAN_SECOND

struct _VmpJournal {
  VmpTracePool *pool;   /* NULL before the first request */
  VmpMetrics *metrics;  /* likewise */
  GQueue running;       /* the newest first */
  GQueue ended;
  guint limit;          /* of those in ended */
  GList *oldest_plan;   /* of the oldest one in ended that may have its plan still; NULL: none has */
  gsize plan_bytes;     /* of those in ended */
  gint64 clocks_apart;  /* the time of day less the monotonic one, in µs */
  gint64 compared;      /* monotonic µs at which they were compared */
};

VmpJournal *
vmp_journal_new (void)
{
  VmpJournal *self = g_new0 (VmpJournal, 1);

  self->limit = VMP_LIMIT_TRACES;

  return self;
}

void
vmp_journal_free (VmpJournal *self)
{
  GList *link;

  g_warn_if_fail (self->running.length == 0);

  while ((link = g_queue_pop_head_link (&self->ended)) != NULL)
    vmp_trace_unref (link->data);
  g_clear_pointer (&self->metrics, vmp_metrics_free);
  g_clear_pointer (&self->pool, vmp_trace_pool_unref);
  g_free (self);
}

static void
prepare (VmpJournal *self)
{
  if (self->pool != NULL)
    return;

  self->pool = vmp_trace_pool_new ();
  self->metrics = vmp_metrics_new (self->pool->names);
}

/* -- One request --------------------------------------------------------------------------- */

/* The path as a name. Most are one of a few, and short. */
static const char *
take_path (VmpNames *names,
           VmpSlice  path)
{
  char text[VMP_LIMIT_TRACE_PATH_CHARS + 2];
  gsize len = MIN (path.len, sizeof text - 1); /* a byte more than is kept shows that something was cut off */

  if (len > 0)
    memcpy (text, path.data, len);
  text[len] = '\0';

  return vmp_names_take_plain (names, text, VMP_LIMIT_TRACE_PATH_CHARS);
}

/* µs since 1970 of a moment shortly before now. */
static gint64
time_of_day (VmpJournal *self,
             gint64      moment)
{
  if (self->compared == 0 || ABS (moment - self->compared) > CLOCKS_US)
    {
      self->compared = g_get_monotonic_time ();
      self->clocks_apart = g_get_real_time () - self->compared;
    }

  return moment + self->clocks_apart;
}

VmpTrace *
vmp_journal_begin (VmpJournal    *self,
                   const VmpCall *call,
                   const char    *id)
{
  VmpTrace *trace;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (call != NULL, NULL);
  g_return_val_if_fail (id != NULL, NULL);

  prepare (self);
  trace = vmp_trace_pool_take (self->pool);
  g_strlcpy (trace->id, id, sizeof trace->id);
  trace->started = call->started;
  trace->started_at = time_of_day (self, call->started);
  trace->endpoint = take_path (self->pool->names, call->path);
  trace->model = vmp_names_take_plain (self->pool->names, call->model, VMP_LIMIT_MODEL_ID_CHARS);
  trace->client_key = vmp_names_take_plain (self->pool->names, call->client_key, VMP_LIMIT_ID_CHARS);
  trace->is_shared = call->is_shared;
  trace->is_stream = call->is_stream;
  g_queue_push_head_link (&self->running, &trace->link);

  return trace;
}

static gsize
plan_size (const VmpTrace *trace)
{
  return trace->plan != NULL ? vmp_trace_plan_get_size (trace->plan) : 0;
}

static void
drop_plan (VmpJournal *self,
           VmpTrace   *trace)
{
  self->plan_bytes -= plan_size (trace);
  g_clear_pointer (&trace->plan, vmp_trace_plan_free);
}

static void
forget_oldest (VmpJournal *self)
{
  GList *link = g_queue_peek_tail_link (&self->ended);

  if (link == self->oldest_plan)
    self->oldest_plan = link->prev;
  drop_plan (self, link->data);
  g_queue_unlink (&self->ended, link);
  vmp_trace_unref (link->data);
}

static void
keep (VmpJournal *self,
      VmpTrace   *trace)
{
  g_queue_push_head_link (&self->ended, &trace->link);
  self->plan_bytes += plan_size (trace);
  if (self->oldest_plan == NULL)
    self->oldest_plan = &trace->link;

  if (self->ended.length > self->limit)
    forget_oldest (self);
  while (self->plan_bytes > VMP_LIMIT_TRACE_PLANS_BYTES)
    {
      drop_plan (self, self->oldest_plan->data);
      self->oldest_plan = self->oldest_plan->prev;
    }
}

void
vmp_journal_set_limit (VmpJournal *self,
                       guint       limit)
{
  g_return_if_fail (self != NULL);

  self->limit = MIN (limit, VMP_LIMIT_TRACES);
  while (self->ended.length > self->limit)
    forget_oldest (self);
}

void
vmp_journal_end (VmpJournal *self,
                 VmpTrace   *trace,
                 guint       status,
                 const char *outcome,
                 const char *problem,
                 gint64      now)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (trace != NULL && !trace->is_ended);

  vmp_trace_end_attempt (trace, status, NULL, now);
  trace->is_ended = TRUE;
  trace->ended_us = MAX (now - trace->started, 1);
  trace->status = status;
  trace->outcome = outcome;
  trace->problem = problem;

  g_queue_unlink (&self->running, &trace->link);
  vmp_metrics_count_request (self->metrics, trace, now);
  keep (self, trace);
}

/* -- Counts -------------------------------------------------------------------------------- */

void
vmp_journal_count_load (VmpJournal *self,
                        const char *node,
                        const char *model,
                        gboolean    failed,
                        gint64      duration_ms)
{
  g_return_if_fail (self != NULL);

  prepare (self);
  vmp_metrics_count_load (self->metrics, node, model, failed, duration_ms);
}

const VmpCounts *
vmp_journal_get_totals (VmpJournal *self)
{
  static const VmpCounts none;

  return self->metrics != NULL ? vmp_metrics_get_totals (self->metrics) : &none;
}

const VmpCounts *
vmp_journal_get_model_counts (VmpJournal *self,
                              const char *model)
{
  return self->metrics != NULL ? vmp_metrics_get_model_counts (self->metrics, model) : NULL;
}

/* What a running answer has brought within the last seconds, as far as is known of its speed. */
static double
estimate_tokens (VmpJournal *self,
                 VmpTrace   *trace,
                 gint64      now)
{
  const VmpTraceAttempt *attempt = vmp_trace_get_attempt (trace);
  const VmpCounts *counts = NULL;
  double speed = trace->tokens_per_second;
  double seconds;

  if (trace->first_event_us == 0 || attempt == NULL)
    return 0;

  if (speed <= 0 && attempt->model != NULL)
    counts = vmp_metrics_get_model_counts (self->metrics, attempt->model);
  if (counts != NULL)
    speed = counts->avg_tokens_per_second;
  seconds = (now - trace->started - trace->first_event_us) / (double) G_USEC_PER_SEC;

  return speed * CLAMP (seconds, 0, VMP_METRICS_RATE_SECONDS);
}

double
vmp_journal_get_rate (VmpJournal *self,
                      gint64      now)
{
  double tokens;
  GList *link;

  if (self->metrics == NULL)
    return 0;

  tokens = vmp_metrics_get_tokens (self->metrics, now);
  for (link = self->running.head; link != NULL; link = link->next)
    tokens += estimate_tokens (self, link->data, now);

  return tokens / VMP_METRICS_RATE_SECONDS;
}

void
vmp_journal_build_model (VmpJournal  *self,
                         const char  *model,
                         gint64       now,
                         JsonBuilder *builder)
{
  vmp_metrics_build_model (self->metrics, model, now, builder);
}

void
vmp_journal_print_prometheus (VmpJournal *self,
                              GString    *out)
{
  vmp_metrics_print (self->metrics, out);
}

/* -- Reading ------------------------------------------------------------------------------- */

static void
add_traces (GPtrArray *traces,
            GQueue    *queue)
{
  GList *link;

  for (link = queue->head; link != NULL; link = link->next)
    g_ptr_array_add (traces, vmp_trace_ref (link->data));
}

GPtrArray *
vmp_journal_list (VmpJournal *self)
{
  GPtrArray *traces = g_ptr_array_new_full (self->running.length + self->ended.length,
                                            (GDestroyNotify) vmp_trace_unref);

  add_traces (traces, &self->running);
  add_traces (traces, &self->ended);

  return traces;
}

static const VmpTrace *
find_in (GQueue     *queue,
         const char *id)
{
  GList *link;

  for (link = queue->head; link != NULL; link = link->next)
    {
      const VmpTrace *trace = link->data;

      if (g_str_equal (trace->id, id))
        return trace;
    }

  return NULL;
}

const VmpTrace *
vmp_journal_find (VmpJournal *self,
                  const char *id)
{
  const VmpTrace *trace = find_in (&self->running, id);

  return trace != NULL ? trace : find_in (&self->ended, id);
}

/* SPDX-License-Identifier: MIT
 *
 * One trace: what its exchange writes down, and how it is shown. Traces that nobody holds any more are used again, with
 * the memory of their attempts: a request must not pay for what is said about it.
 */

#include "relay/vmp-journal-private.h"

#include <string.h>

#include "core/vmp-limits.h"

/* Unused traces that are kept; in the long run each new one takes the place of one that is forgotten. */
#define UNUSED_MAX 16

/* Attempts for which a used trace keeps its memory. */
#define ROOMY_ATTEMPTS 2

/* -- The pool ------------------------------------------------------------------------------ */

VmpTracePool *
vmp_trace_pool_new (void)
{
  VmpTracePool *self = g_new0 (VmpTracePool, 1);

  self->ref_count = 1;
  self->names = vmp_names_new ();

  return self;
}

VmpTracePool *
vmp_trace_pool_ref (VmpTracePool *self)
{
  self->ref_count++;

  return self;
}

static void
free_trace (VmpTrace *trace)
{
  g_array_unref (trace->attempts);
  g_free (trace);
}

void
vmp_trace_pool_unref (VmpTracePool *self)
{
  if (--self->ref_count > 0)
    return;

  while (self->unused != NULL)
    {
      VmpTrace *trace = self->unused->data;

      self->unused = self->unused->next;
      free_trace (trace);
    }
  vmp_names_free (self->names);
  g_free (self);
}

VmpTrace *
vmp_trace_pool_take (VmpTracePool *self)
{
  VmpTrace *trace;
  GArray *attempts;

  if (self->unused != NULL)
    {
      trace = self->unused->data;
      self->unused = self->unused->next;
      self->n_unused--;
      attempts = trace->attempts;
    }
  else
    {
      trace = g_new (VmpTrace, 1);
      attempts = g_array_sized_new (FALSE, TRUE, sizeof (VmpTraceAttempt), 1);
    }

  memset (trace, 0, sizeof *trace);
  trace->ref_count = 1;
  trace->attempts = attempts;
  trace->prompt_tokens = -1;
  trace->completion_tokens = -1;
  trace->prefix = -1;
  trace->link.data = trace;
  trace->pool = vmp_trace_pool_ref (self);

  return trace;
}

/* -- Its life ------------------------------------------------------------------------------ */

VmpTrace *
vmp_trace_ref (VmpTrace *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  self->ref_count++;

  return self;
}

static void
drop_strings (VmpTrace *self)
{
  VmpNames *names = self->pool->names;
  guint i;

  for (i = 0; i < self->attempts->len; i++)
    {
      const VmpTraceAttempt *attempt = &g_array_index (self->attempts, VmpTraceAttempt, i);

      vmp_names_drop (names, attempt->node);
      vmp_names_drop (names, attempt->model);
      vmp_names_drop (names, attempt->reason);
    }
  vmp_names_drop (names, self->endpoint);
  vmp_names_drop (names, self->model);
  vmp_names_drop (names, self->client_key);
  vmp_names_drop (names, self->route);
  g_clear_pointer (&self->plan, vmp_trace_plan_free);
}

void
vmp_trace_unref (VmpTrace *self)
{
  VmpTracePool *pool;

  g_return_if_fail (self != NULL);

  if (--self->ref_count > 0)
    return;

  pool = self->pool;
  drop_strings (self);
  if (pool->n_unused < UNUSED_MAX && self->attempts->len <= ROOMY_ATTEMPTS)
    {
      g_array_set_size (self->attempts, 0);
      self->link.next = pool->unused;
      pool->unused = &self->link;
      pool->n_unused++;
    }
  else
    {
      free_trace (self);
    }

  vmp_trace_pool_unref (pool);
}

/* -- What its exchange writes -------------------------------------------------------------- */

void
vmp_trace_set_route (VmpTrace   *self,
                     const char *route,
                     const char *strategy,
                     gboolean    is_routed)
{
  const char *former = self->route;

  self->route = vmp_names_take_plain (self->pool->names, route, VMP_LIMIT_MODEL_ID_CHARS);
  vmp_names_drop (self->pool->names, former);
  self->strategy = strategy;
  self->is_routed = is_routed;
}

void
vmp_trace_note_routing (VmpTrace         *self,
                        const VmpRouting *routing)
{
  g_return_if_fail (!self->is_ended);

  vmp_trace_set_route (self, routing->route_id, vmp_strategy_to_string (routing->plan.strategy), routing->is_routed);
  g_clear_pointer (&self->plan, vmp_trace_plan_free);
  self->plan = vmp_trace_plan_new (routing);
}

static VmpTraceAttempt *
last_attempt (VmpTrace *self)
{
  return self->attempts->len > 0 ? &g_array_index (self->attempts, VmpTraceAttempt, self->attempts->len - 1) : NULL;
}

void
vmp_trace_add_attempt (VmpTrace   *self,
                       const char *node,
                       const char *model,
                       gint64      now)
{
  VmpNames *names = self->pool->names;
  VmpTraceAttempt *attempt;

  self->n_attempts++;
  if (self->attempts->len < VMP_LIMIT_TRACE_ATTEMPTS)
    g_array_set_size (self->attempts, self->attempts->len + 1);
  attempt = last_attempt (self);

  vmp_names_drop (names, attempt->node);
  vmp_names_drop (names, attempt->model);
  vmp_names_drop (names, attempt->reason);
  *attempt = (VmpTraceAttempt) {
    .node = vmp_names_take_plain (names, node, VMP_LIMIT_ID_CHARS),
    .model = vmp_names_take_plain (names, model, VMP_LIMIT_MODEL_ID_CHARS),
    .asked_us = now - self->started,
  };
}

const VmpTraceAttempt *
vmp_trace_get_attempt (const VmpTrace *self)
{
  return last_attempt ((VmpTrace *) self);
}

void
vmp_trace_mark_attempt (VmpTrace *self,
                        gboolean  was_load,
                        gboolean  continued)
{
  VmpTraceAttempt *attempt = last_attempt (self);

  g_return_if_fail (attempt != NULL);

  attempt->was_load = was_load;
  attempt->continued = continued;
}

void
vmp_trace_note_answer (VmpTrace *self,
                       gint64    now)
{
  VmpTraceAttempt *attempt = last_attempt (self);

  if (attempt != NULL && attempt->answered_us == 0)
    attempt->answered_us = MAX (now - self->started, 1);
}

void
vmp_trace_end_attempt (VmpTrace   *self,
                       guint       status,
                       const char *reason,
                       gint64      now)
{
  VmpTraceAttempt *attempt = last_attempt (self);

  if (attempt == NULL || attempt->ended_us != 0)
    return;

  attempt->status = status;
  attempt->ended_us = MAX (now - self->started, 1);
  attempt->reason = vmp_names_take_plain (self->pool->names, reason, VMP_LIMIT_TRACE_REASON_CHARS);
}

/* -- Showing it ---------------------------------------------------------------------------- */

static void
add_ms (JsonBuilder *builder,
        const char  *name,
        gint64       us)
{
  vmp_json_add_double (builder, name, us / 1000.0);
}

/* null for what has not happened */
static void
add_moment (JsonBuilder *builder,
            const char  *name,
            gint64       us)
{
  if (us > 0)
    add_ms (builder, name, us);
  else
    vmp_json_add_null (builder, name);
}

static void
add_tokens (JsonBuilder *builder,
            const char  *name,
            gint64       tokens)
{
  if (tokens >= 0)
    vmp_json_add_int (builder, name, tokens);
  else
    vmp_json_add_null (builder, name);
}

static void
add_usage (const VmpTrace *self,
           JsonBuilder    *builder)
{
  add_tokens (builder, "prompt_tokens", self->prompt_tokens);
  add_tokens (builder, "completion_tokens", self->completion_tokens);
  if (self->tokens_per_second > 0)
    vmp_json_add_double (builder, "tokens_per_second", self->tokens_per_second);
  else
    vmp_json_add_null (builder, "tokens_per_second");
}

static void
add_result (const VmpTrace *self,
            JsonBuilder    *builder)
{
  if (self->status != 0)
    vmp_json_add_int (builder, "status", self->status);
  else
    vmp_json_add_null (builder, "status");
  vmp_json_add_string (builder, "outcome", self->outcome);
  vmp_json_add_string (builder, "problem", self->problem);
}

/* What it takes, or has taken so far. */
static gint64
duration_us (const VmpTrace *self)
{
  return self->is_ended ? self->ended_us : g_get_monotonic_time () - self->started;
}

static const char *
state (const VmpTrace *self)
{
  return self->is_ended ? "ended" : "running";
}

static const char *
served_model (const VmpTrace        *self,
              const VmpTraceAttempt *attempt)
{
  return attempt != NULL && attempt->model != NULL ? attempt->model : self->model;
}

void
vmp_trace_build_short (const VmpTrace *self,
                       JsonBuilder    *builder)
{
  const VmpTraceAttempt *attempt = vmp_trace_get_attempt (self);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", self->id);
  vmp_json_add_string (builder, "state", state (self));
  vmp_json_add_time (builder, "received_at", self->started_at);
  vmp_json_add_string (builder, "endpoint", self->endpoint);
  vmp_json_add_string (builder, "model", self->model);
  vmp_json_add_string (builder, "node", attempt != NULL ? attempt->node : NULL);
  vmp_json_add_string (builder, "node_model", attempt != NULL ? served_model (self, attempt) : NULL);
  vmp_json_add_string (builder, "route", self->route);
  vmp_json_add_string (builder, "strategy", self->strategy);
  vmp_json_add_string (builder, "client_key", self->client_key);
  vmp_json_add_boolean (builder, "shared", self->is_shared);
  vmp_json_add_boolean (builder, "stream", self->is_stream);
  add_result (self, builder);
  vmp_json_add_int (builder, "attempts", self->n_attempts);
  vmp_json_add_int (builder, "fallbacks", self->fallbacks);
  add_ms (builder, "duration_ms", duration_us (self));
  add_moment (builder, "first_event_ms", self->first_event_us);
  add_ms (builder, "queued_ms", self->queued_us);
  add_ms (builder, "loading_ms", self->loading_us);
  add_usage (self, builder);
  json_builder_end_object (builder);
}

static void
add_request (const VmpTrace *self,
             JsonBuilder    *builder)
{
  json_builder_set_member_name (builder, "request");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "endpoint", self->endpoint);
  vmp_json_add_string (builder, "model", self->model);
  vmp_json_add_string (builder, "mode", self->is_routed ? "route" : "passthrough");
  vmp_json_add_boolean (builder, "stream", self->is_stream);
  vmp_json_add_string (builder, "client_key", self->client_key);
  vmp_json_add_boolean (builder, "shared", self->is_shared);
  json_builder_end_object (builder);
}

/* Each node once, in the order of its first coming. */
static void
add_candidate_nodes (const VmpTrace *self,
                     JsonBuilder    *builder)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  const VmpRouting *routing = self->plan != NULL ? vmp_trace_plan_get (self->plan) : NULL;
  guint i;

  json_builder_set_member_name (builder, "candidate_nodes");
  json_builder_begin_array (builder);
  for (i = 0; routing != NULL && i < routing->n_candidates; i++)
    {
      const VmpNode *node = routing->candidates[i].node;

      if (node != NULL && g_hash_table_add (seen, (gpointer) node))
        json_builder_add_string_value (builder, node->id);
    }
  json_builder_end_array (builder);
}

static void
add_selected_nodes (const VmpTrace *self,
                    JsonBuilder    *builder)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  guint i;

  json_builder_set_member_name (builder, "selected_nodes");
  json_builder_begin_array (builder);
  for (i = 0; i < self->attempts->len; i++)
    {
      const char *node = g_array_index (self->attempts, VmpTraceAttempt, i).node;

      if (g_hash_table_add (seen, (gpointer) node))
        json_builder_add_string_value (builder, node);
    }
  json_builder_end_array (builder);
}

static void
add_plan (const VmpTrace *self,
          JsonBuilder    *builder)
{
  json_builder_set_member_name (builder, "plan");
  if (self->plan == NULL)
    {
      json_builder_add_null_value (builder);
      return;
    }

  json_builder_begin_object (builder);
  vmp_routing_build (vmp_trace_plan_get (self->plan), builder);
  json_builder_end_object (builder);
}

static void
add_routing (const VmpTrace *self,
             JsonBuilder    *builder)
{
  json_builder_set_member_name (builder, "routing");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "route", self->route);
  vmp_json_add_string (builder, "strategy", self->strategy);
  add_candidate_nodes (self, builder);
  add_selected_nodes (self, builder);
  vmp_json_add_int (builder, "fallbacks", self->fallbacks);
  if (self->prefix >= 0)
    vmp_json_add_double (builder, "prefix", self->prefix);
  else
    vmp_json_add_null (builder, "prefix");
  add_plan (self, builder);
  json_builder_end_object (builder);
}

static void
add_timing (const VmpTrace *self,
            JsonBuilder    *builder)
{
  json_builder_set_member_name (builder, "timing");
  json_builder_begin_object (builder);
  vmp_json_add_time (builder, "received_at", self->started_at);
  vmp_json_add_time (builder, "completed_at", self->is_ended ? self->started_at + self->ended_us : 0);
  add_ms (builder, "latency_ms", duration_us (self));
  add_ms (builder, "planning_ms", self->planned_us);
  add_ms (builder, "queued_ms", self->queued_us);
  add_ms (builder, "loading_ms", self->loading_us);
  add_moment (builder, "first_event_ms", self->first_event_us);
  json_builder_end_object (builder);
}

static const char *
attempt_status (const VmpTraceAttempt *attempt)
{
  if (attempt->ended_us == 0)
    return "running";

  return attempt->reason != NULL ? "failed" : "completed";
}

static void
add_stage (const VmpTrace *self,
           guint           i,
           JsonBuilder    *builder)
{
  const VmpTraceAttempt *attempt = &g_array_index (self->attempts, VmpTraceAttempt, i);
  gint64 end = attempt->ended_us > 0 ? attempt->ended_us : duration_us (self);
  g_autofree char *id = g_strdup_printf ("attempt-%u", i + 1 < self->attempts->len ? i + 1 : self->n_attempts);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", id);
  vmp_json_add_string (builder, "node", attempt->node);
  vmp_json_add_string (builder, "model", served_model (self, attempt));
  vmp_json_add_string (builder, "status", attempt_status (attempt));
  add_ms (builder, "latency_ms", end - attempt->asked_us);
  if (attempt->status != 0)
    vmp_json_add_int (builder, "http_status", attempt->status);
  else
    vmp_json_add_null (builder, "http_status");
  vmp_json_add_string (builder, "reason", attempt->reason);
  add_ms (builder, "asked_ms", attempt->asked_us);
  add_moment (builder, "answered_ms", attempt->answered_us);
  add_moment (builder, "ended_ms", attempt->ended_us);
  vmp_json_add_boolean (builder, "load", attempt->was_load);
  vmp_json_add_boolean (builder, "continued", attempt->continued);
  json_builder_end_object (builder);
}

void
vmp_trace_build (const VmpTrace *self,
                 JsonBuilder    *builder)
{
  guint i;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", self->id);
  vmp_json_add_string (builder, "object", "vampire.trace");
  vmp_json_add_string (builder, "state", state (self));
  add_request (self, builder);
  add_routing (self, builder);
  add_timing (self, builder);
  json_builder_set_member_name (builder, "stages");
  json_builder_begin_array (builder);
  for (i = 0; i < self->attempts->len; i++)
    add_stage (self, i, builder);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "usage");
  json_builder_begin_object (builder);
  add_usage (self, builder);
  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "result");
  json_builder_begin_object (builder);
  add_result (self, builder);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpExchange: its life, the node that is asked, and what is done when one fails. Which one is asked,
 * and when, is chosen in vmp-exchange-choose.c.
 */

#include "relay/vmp-exchange-private.h"

#include "core/vmp-limits.h"
#include "relay/vmp-call-text.h"

#include <string.h>

static const char * const outcome_strings[VMP_N_OUTCOMES] = {
  [VMP_OUTCOME_DONE] = "done",
  [VMP_OUTCOME_UPSTREAM_FAILED] = "upstream failed",
  [VMP_OUTCOME_CLIENT_GONE] = "client gone",
  [VMP_OUTCOME_SHUT_DOWN] = "shut down",
  [VMP_OUTCOME_REVOKED] = "revoked",
  [VMP_OUTCOME_CANCELLED] = "cancelled",
  [VMP_OUTCOME_REFUSED] = "refused",
};

const char *
vmp_outcome_to_string (VmpOutcome outcome)
{
  g_return_val_if_fail ((guint) outcome < VMP_N_OUTCOMES, NULL);

  return outcome_strings[outcome];
}

/* -- The end ------------------------------------------------------------------------------- */

/* What became of a load for which a request leads. */
static VmpLeadEnd
judge_lead (const VmpAskingFailure *failure)
{
  if (failure == NULL || !failure->is_answer)
    return VMP_LEAD_LEFT;

  return failure->could_not_load || failure->status >= 500 ? VMP_LEAD_FAILED : VMP_LEAD_REFUSED;
}

/* Gives back the lead of a node. @failure: (nullable): why it came to nothing */
static void
end_lead (VmpExchange            *self,
          const VmpAskingFailure *failure)
{
  g_autoptr (VmpHost) host = g_steal_pointer (&self->leads);

  if (host != NULL)
    vmp_loads_abandon (self->relay->loads, host, judge_lead (failure), failure != NULL && failure->loads_nothing,
                       g_get_monotonic_time ());
}

/* Takes what the node has told so far into the trace. */
static void
note_usage (VmpExchange *self,
            gint64       now)
{
  const VmpUsage *usage = vmp_asking_get_usage (self->asking);
  gint64 tokens = vmp_usage_get_completion_tokens (usage);
  double rate = vmp_asking_get_rate (self->asking, now);

  if (usage->has_usage)
    self->trace->prompt_tokens = usage->prompt_tokens;
  if (usage->has_usage || tokens > 0)
    self->trace->completion_tokens = MAX (self->trace->completion_tokens, 0) + tokens;
  if (rate > 0)
    self->trace->tokens_per_second = rate;
  vmp_relay_note_tokens (self->relay, self->asking, tokens, now);
}

/* The node at hand is done with. */
static void
end_asking (VmpExchange            *self,
            const VmpAskingFailure *failure)
{
  gint64 now = g_get_monotonic_time ();
  g_autoptr (VmpNode) node = NULL;

  if (self->asking == NULL)
    return;

  node = vmp_node_ref (vmp_asking_get_node (self->asking));
  note_usage (self, now);
  vmp_trace_end_attempt (self->trace, vmp_asking_get_status (self->asking), failure != NULL ? failure->reason : NULL,
                         now);
  end_lead (self, failure);
  g_clear_pointer (&self->asking, vmp_asking_free);
  vmp_loads_request_ended (self->relay->loads, node);
  vmp_relay_pump (self->relay);
}

void
vmp_exchange_free (VmpExchange *self,
                   VmpOutcome   outcome,
                   const char  *problem_code)
{
  if (self->is_refreshing)
    vmp_health_forget_caller (self->relay->parts.health, self);
  vmp_exchange_leave_queue (self);
  end_asking (self, NULL);

  g_queue_unlink (&self->relay->exchanges, &self->link);
  vmp_journal_end (self->relay->parts.journal, g_steal_pointer (&self->trace), self->status,
                   vmp_outcome_to_string (outcome), problem_code, g_get_monotonic_time ());
  g_clear_pointer (&self->broken, vmp_host_unref);
  g_clear_pointer (&self->tried.nodes, g_ptr_array_unref);
  g_clear_pointer (&self->tried.hosts, g_ptr_array_unref);
  if (self->failures != NULL)
    g_string_free (self->failures, TRUE);
  g_free (self->identity);
  g_clear_pointer (&self->splice, vmp_splice_free);
  vmp_buffer_clear (&self->spliced);
  vmp_buffer_clear (&self->annotated);
  g_free (self);
}

static void
end_well (VmpExchange *self)
{
  const VmpReplySink *funcs = self->sink_funcs;
  gpointer sink = self->sink;

  vmp_exchange_send_rest (self);
  vmp_exchange_free (self, VMP_OUTCOME_DONE, NULL);
  funcs->end (sink, VMP_OUTCOME_DONE);
}

/* Whether a stream that broke off here can be ended so that its reader understands it. */
static gboolean
can_end_stream (VmpExchange *self)
{
  return self->is_events && !self->length_promised
         && (self->asking == NULL || !self->has_answered || vmp_asking_is_between_events (self->asking));
}

void
vmp_exchange_end_badly (VmpExchange *self,
                        VmpOutcome   outcome,
                        VmpProblem   problem,
                        const char  *message)
{
  const VmpReplySink *funcs = self->sink_funcs;
  gpointer sink = self->sink;
  gboolean tears = FALSE;

  if (!self->has_head)
    vmp_exchange_send_problem (self, problem, message);
  else if (can_end_stream (self))
    vmp_exchange_send_problem_event (self, problem, message);
  else
    tears = TRUE;

  vmp_exchange_free (self, outcome, vmp_problem_code (problem));
  if (tears)
    funcs->tear (sink, outcome);
  else
    funcs->end (sink, outcome);
}

/* -- Failing ------------------------------------------------------------------------------- */

static void
exclude_node (VmpExchange *self,
              VmpNode     *node)
{
  if (self->tried.nodes == NULL)
    self->tried.nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_node_unref);
  g_ptr_array_add (self->tried.nodes, vmp_node_ref (node));
}

static void
exclude_host (VmpExchange *self,
              VmpHost     *host)
{
  if (self->tried.hosts == NULL)
    self->tried.hosts = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_host_unref);
  g_ptr_array_add (self->tried.hosts, vmp_host_ref (host));
}

static void
note_failure (VmpExchange            *self,
              const VmpAskingFailure *failure)
{
  VmpNode *node = vmp_asking_get_node (self->asking);

  self->n_failures++;
  self->n_busy += failure->is_busy;
  if (self->failures == NULL)
    self->failures = g_string_new (NULL);
  if (self->failures->len > 0)
    g_string_append (self->failures, "; ");
  g_string_append_printf (self->failures, "%s %s", vmp_node_get_label (node), failure->reason);
}

void
vmp_exchange_give_up (VmpExchange *self,
                      VmpProblem   problem,
                      const char  *message)
{
  g_autofree char *summary = NULL;

  if (self->n_failures > 1)
    {
      problem = self->n_busy == self->n_failures ? VMP_PROBLEM_WAITED_IN_VAIN : VMP_PROBLEM_ALL_FAILED;
      if (self->call->is_shared)
        summary = g_strdup ("None of the computers that have this model answered as it should.");
      else
        summary = g_strdup_printf ("%u nodes were asked, and none could answer: %s.", self->n_failures,
                                   self->failures->str);
      message = summary;
    }

  vmp_exchange_end_badly (self, VMP_OUTCOME_UPSTREAM_FAILED, problem, message);
}

/* Whether it is of any use to ask another node. */
static gboolean
may_try_again (VmpExchange *self)
{
  return !self->call->options->only_one_attempt
         && (self->call->deadline == 0 || g_get_monotonic_time () < self->call->deadline)
         && self->n_failures < VMP_PLAN_ATTEMPTS;
}

/* The node failed before anything of its answer was passed on. */
static void
failed_early (VmpExchange      *self,
              VmpAskingFailure *failure)
{
  VmpHost *host = vmp_asking_get_host (self->asking);
  /* It would, if it were told to: it gets a second chance once its model was loaded. */
  gboolean will_load = failure->loads_nothing && host != NULL && vmp_host_loads_on_request (host)
                       && !self->has_asked_load;

  note_failure (self, failure);
  if (will_load)
    {
      self->has_asked_load = TRUE;
      self->n_failures--;
      vmp_host_note_unloaded (host);
    }
  else
    {
      if (failure->is_models && host != NULL)
        exclude_host (self, host);
      else
        exclude_node (self, vmp_asking_get_node (self->asking));
      if (!may_try_again (self)
          || !vmp_exchange_has_alternative (self, failure->status == vmp_problem_status (VMP_PROBLEM_LOOP)))
        {
          /* The only one's own words are better than ours. */
          if (self->n_failures == 1 && failure->is_answer)
            {
              end_lead (self, failure);
              vmp_asking_accept (self->asking);
              return;
            }
          end_asking (self, failure);
          vmp_exchange_give_up (self, failure->problem, failure->message);
          return;
        }
    }

  end_asking (self, failure);
  vmp_exchange_try (self);
}

/* The stream goes on at another node, now or when one is free. FALSE: there is none that could. */
static gboolean
continue_elsewhere (VmpExchange            *self,
                    const VmpAskingFailure *failure)
{
  g_auto (VmpRouting) routing = { NULL, };
  g_autoptr (VmpHost) host = NULL;
  g_auto (VmpAskingFailure) broken = { .reason = g_strdup ("broke off in the middle of its answer"), };

  if (vmp_asking_get_host (self->asking) == NULL)
    return FALSE;

  host = vmp_host_ref (vmp_asking_get_host (self->asking));
  vmp_router_plan_continuation (self->relay->parts.router, self->call, host, &self->tried, g_get_monotonic_time (),
                                &routing);
  if (routing.plan.n_attempts == 0)
    return FALSE;

  end_asking (self, failure->is_answer ? failure : &broken);
  vmp_splice_begin_next (self->splice);
  g_clear_pointer (&self->broken, vmp_host_unref);
  self->broken = g_steal_pointer (&host);
  vmp_exchange_try (self);

  return TRUE;
}

static void
asking_failed (gpointer          user_data,
               VmpAskingFailure *failure)
{
  VmpExchange *self = user_data;
  VmpRegistry *registry = self->relay->parts.registry;
  g_autoptr (VmpNode) node = vmp_node_ref (vmp_asking_get_node (self->asking));
  gboolean continues = self->splice != NULL && self->has_answered && may_try_again (self)
                       && vmp_asking_is_between_events (self->asking) && vmp_splice_can_continue (self->splice);

  if (!self->has_answered)
    {
      failed_early (self, failure);
    }
  else if (vmp_exchange_send_ending (self))
    {
      end_asking (self, failure);
      end_well (self);
    }
  else
    {
      note_failure (self, failure);
      if (continues)
        exclude_node (self, node);
      if (!continues || !continue_elsewhere (self, failure))
        {
          if (self->asking != NULL)
            vmp_trace_end_attempt (self->trace, failure->status, failure->reason, g_get_monotonic_time ());
          vmp_exchange_end_badly (self, VMP_OUTCOME_UPSTREAM_FAILED, VMP_PROBLEM_UPSTREAM_INTERRUPTED,
                                  failure->message);
        }
    }

  /* The exchange first: suspending ends all that run on the node. */
  if (failure->suspended != NULL)
    vmp_registry_suspend_approval (registry, node, failure->suspended);
}

/* -- Asking -------------------------------------------------------------------------------- */

static void
asking_begun (gpointer user_data)
{
  VmpExchange *self = user_data;
  gint64 now = vmp_asking_get_begun (self->asking);
  VmpHost *host = vmp_asking_get_host (self->asking);

  if (self->trace->first_event_us == 0)
    self->trace->first_event_us = now - self->trace->started;
  if (self->leads != NULL)
    {
      g_autoptr (VmpHost) led = g_steal_pointer (&self->leads);

      if (!led->loaded)
        self->trace->loading_us += now - vmp_asking_get_asked (self->asking);
      vmp_loads_settle (self->relay->loads, led, now);
    }
  else if (host != NULL && vmp_host_loads_on_request (host))
    {
      vmp_host_prove_loaded (host, now);
    }
}

static void
asking_answered (gpointer         user_data,
                 const VmpAnswer *answer)
{
  VmpExchange *self = user_data;

  self->has_answered = TRUE;
  vmp_trace_note_answer (self->trace, vmp_asking_get_answered (self->asking));
  vmp_exchange_send_answer (self, answer);
}

static gboolean
asking_has_room (gpointer user_data)
{
  VmpExchange *self = user_data;

  return self->sink_funcs->has_room (self->sink);
}

/* What comes later about a response has to go to the node that made it. */
static void
note_owner (VmpExchange *self,
            const char  *data,
            gsize        len)
{
  g_autofree char *id = vmp_answer_find_id (data, len);

  self->has_noted_owner = TRUE;
  if (id != NULL)
    vmp_affinity_stick (vmp_router_get_affinity (self->relay->parts.router), VMP_STICKY_OWNER, id,
                        vmp_asking_get_node (self->asking), g_get_monotonic_time ());
}

static void
asking_body (gpointer    user_data,
             const char *data,
             gsize       len)
{
  VmpExchange *self = user_data;

  if (!self->has_noted_owner && vmp_call_makes_response (self->call))
    note_owner (self, data, len);
  vmp_exchange_send_body (self, data, len);
}

static void
asking_done (gpointer user_data)
{
  VmpExchange *self = user_data;
  VmpHost *host = vmp_asking_get_host (self->asking);

  if (host != NULL && vmp_asking_get_status (self->asking) < 300 && vmp_host_loads_on_request (host))
    vmp_host_prove_loaded (host, g_get_monotonic_time ());
  end_well (self);
}

static const VmpAskingFuncs asking_funcs = {
  .begun = asking_begun,
  .answered = asking_answered,
  .has_room = asking_has_room,
  .body = asking_body,
  .done = asking_done,
  .failed = asking_failed,
};

gboolean
vmp_exchange_ask (VmpExchange      *self,
                  const VmpRouting *routing,
                  guint             attempt,
                  VmpLead           lead,
                  gboolean          continues,
                  gint64            now)
{
  VmpRelay *relay = self->relay;
  VmpNode *node = vmp_routing_get_node (routing, attempt);
  VmpHost *host = vmp_routing_get_host (routing, attempt);
  const VmpCandidate *candidate = &routing->candidates[routing->plan.attempts[attempt].candidate];
  const char *model = host != NULL && !routing->keeps_model ? host->model_id : NULL;
  gboolean is_cold = lead == VMP_LEAD_GO && !host->loaded;
  gsize len = 0;
  char *body = continues ? vmp_splice_make_body (self->splice, model, &len)
                         : vmp_call_rename_model (self->call, model, &len);

  self->asking = vmp_asking_start (relay->parts.upstream, relay->parts.registry, relay->parts.via, self->call, node,
                                   host, body, len, &asking_funcs, self);
  if (self->asking == NULL)
    {
      if (lead == VMP_LEAD_GO)
        vmp_loads_abandon (relay->loads, host, VMP_LEAD_REFUSED, FALSE, now);
      return FALSE;
    }

  if (lead == VMP_LEAD_GO)
    self->leads = vmp_host_ref (host);
  if (is_cold)
    vmp_asking_set_cold (self->asking);
  if (self->splice != NULL)
    vmp_asking_watch_errors (self->asking);
  if (continues)
    vmp_asking_take_events_only (self->asking);
  self->trace->prefix = candidate->prefix;
  vmp_trace_add_attempt (self->trace, node->id, host != NULL ? host->model_id : NULL, now);
  vmp_trace_mark_attempt (self->trace, is_cold, continues);
  vmp_router_note_start (relay->parts.router, self->call, node, host, now);
  self->sink_funcs->asks (self->sink, node);
  if (is_cold)
    vmp_relay_tick_soon (relay);

  return TRUE;
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpExchange *
vmp_exchange_new (VmpRelay           *relay,
                  const VmpCall      *call,
                  const VmpReplySink *sink_funcs,
                  gpointer            sink)
{
  VmpExchange *self = g_new0 (VmpExchange, 1);
  gboolean continues = call->options->has_continue ? call->options->continues : relay->settings.continues;

  self->relay = relay;
  self->call = call;
  self->sink_funcs = sink_funcs;
  self->sink = sink;
  self->trace = vmp_journal_begin (relay->parts.journal, call, call->id);
  self->is_traced = call->options->trace == VMP_TRACE_STREAM;
  if (continues && call->is_stream)
    self->splice = vmp_splice_new (call);
  self->link.data = self;
  g_queue_push_tail_link (&relay->exchanges, &self->link);

  return self;
}

void
vmp_exchange_run (VmpExchange *self)
{
  vmp_exchange_try (self);
}

void
vmp_exchange_tick (VmpExchange *self,
                   gint64       now)
{
  gboolean waits = self->place.model != NULL || (self->leads != NULL && !self->leads->loaded);

  if (waits && self->call->is_stream && !self->has_answered && self->relay->settings.loading_comments
      && now - self->trace->started >= VMP_LIMIT_COMMENT_AFTER_MS * 1000)
    vmp_exchange_send_comment (self, now);
}

void
vmp_exchange_drained (VmpExchange *self)
{
  if (self->asking != NULL)
    vmp_asking_resume (self->asking);
}

void
vmp_exchange_client_gone (VmpExchange *self)
{
  vmp_exchange_free (self, VMP_OUTCOME_CLIENT_GONE, NULL);
}

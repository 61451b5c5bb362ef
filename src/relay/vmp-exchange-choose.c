/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpExchange: which node is asked next, or what the call waits for. It plans, goes to the first
 * attempt that can be made, and else stays in the queue; it sends nothing itself.
 */

#include "relay/vmp-exchange-private.h"

#include "core/vmp-limits.h"

/* -- Refusing ------------------------------------------------------------------------------ */

/* Whether a look at the nodes could bring one that can be asked: for a call that nobody has failed yet whatever may
 * have changed, for one that has lost time already one that may have come back. */
static gboolean
may_look_again (VmpExchange      *self,
                const VmpRouting *routing)
{
  return routing->may_be_stale && !self->has_refreshed
         && (self->n_failures == 0 || routing->plan.n_rejected[VMP_REJECTED_OFFLINE] > 0);
}

static void
refreshed_cb (gpointer user_data)
{
  VmpExchange *self = user_data;

  self->is_refreshing = FALSE;
  vmp_exchange_try (self);
}

/* Nobody can be asked, now or later. */
static void
refuse (VmpExchange      *self,
        const VmpRouting *routing)
{
  if (may_look_again (self, routing))
    {
      self->has_refreshed = TRUE;
      self->is_refreshing = TRUE;
      vmp_health_refresh_stale (self->relay->parts.health, VMP_LIMIT_REFRESH_MS, refreshed_cb, self);
    }
  else if (self->n_failures > 0)
    {
      g_autofree char *message = self->call->is_shared ? g_strdup (routing->message)
                                 : g_strdup_printf ("%s %s.", routing->message, self->failures->str);

      vmp_exchange_give_up (self, routing->problem, message);
    }
  else
    {
      vmp_exchange_end_badly (self, VMP_OUTCOME_REFUSED, routing->problem, routing->message);
    }
}

/* -- Waiting ------------------------------------------------------------------------------- */

/* The node need not be kept for it any more. */
static void
unkeep (VmpExchange *self)
{
  if (self->kept == NULL)
    return;

  vmp_loads_unkeep (self->relay->loads, self->kept);
  g_clear_pointer (&self->kept, vmp_host_unref);
}

void
vmp_exchange_leave_queue (VmpExchange *self)
{
  gint64 waited;

  unkeep (self);
  g_clear_pointer (&self->awaited, vmp_host_unref);
  /* One that is told that it waits in vain was taken out of the queue, and has waited nevertheless. */
  if (self->place.since == 0)
    return;

  waited = g_get_monotonic_time () - self->place.since;
  self->place.since = 0;
  self->trace->queued_us += waited;
  if (self->waits_for_load)
    self->trace->loading_us += waited;
  vmp_queue_remove (self->relay->queue, &self->place);
}

/* Those that name no model wait in a queue of their own. */
static const char *
name_of_queue (const VmpCall *call)
{
  return call->model != NULL ? call->model : "";
}

/* Whether its client will have given up before its turn comes, as far as that can be foreseen. */
static gboolean
comes_too_late (VmpExchange      *self,
                const VmpRouting *routing,
                gint64            now)
{
  const VmpAttempt *attempt = &routing->plan.attempts[0];
  const VmpCandidate *candidate = &routing->candidates[attempt->candidate];
  guint ahead = vmp_queue_count (self->relay->queue, name_of_queue (self->call));
  double wait_ms = attempt->scores[VMP_SCORE_WAIT];

  if (self->call->deadline == 0)
    return FALSE;
  if (now >= self->call->deadline)
    return TRUE;
  if (candidate->duration_ms <= 0 && attempt->readiness != VMP_READY_LOADING)
    return FALSE;

  wait_ms += ahead * candidate->duration_ms / MAX (candidate->slots, 1);

  return now + (gint64) (wait_ms * 1000) > self->call->deadline;
}

/* Keeps the node from others once it has waited for too long; another one, when the plan has changed. */
static void
keep_if_impatient (VmpExchange      *self,
                   const VmpRouting *routing,
                   gint64            now)
{
  VmpHost *host = vmp_routing_get_host (routing, 0);

  if (self->kept != host)
    unkeep (self);
  if (self->kept == NULL && host != NULL && routing->plan.attempts[0].readiness == VMP_READY_OCCUPIED
      && now - self->place.since >= (gint64) self->relay->settings.patience_seconds * G_USEC_PER_SEC
      && vmp_loads_keep (self->relay->loads, host))
    self->kept = vmp_host_ref (host);
}

/* Other computers get half of a queue, so that they cannot shut out the programs of this one. */
static gboolean
may_queue (VmpExchange *self)
{
  return !self->call->is_shared
         || vmp_queue_count (self->relay->queue, name_of_queue (self->call)) < self->relay->settings.queue_limit / 2;
}

/* Waits for something to change; or it is refused, and gone. */
static void
wait_for_place (VmpExchange      *self,
                const VmpRouting *routing)
{
  VmpRelay *relay = self->relay;
  gint64 now = g_get_monotonic_time ();
  gint64 deadline = now + (gint64) relay->settings.queue_seconds * G_USEC_PER_SEC;
  VmpReadiness readiness = routing->plan.attempts[0].readiness;

  self->waits_for_load = readiness == VMP_READY_LOADING || readiness == VMP_READY_COLD;
  g_clear_pointer (&self->awaited, vmp_host_unref);
  if (self->waits_for_load && vmp_routing_get_host (routing, 0) != NULL)
    self->awaited = vmp_host_ref (vmp_routing_get_host (routing, 0));
  if (self->place.model != NULL)
    {
      keep_if_impatient (self, routing, now);
      return;
    }

  if (comes_too_late (self, routing, now))
    {
      vmp_exchange_end_badly (self, VMP_OUTCOME_REFUSED, VMP_PROBLEM_DEADLINE,
                              "All nodes that have this model are busy for longer than this client waits.");
      return;
    }
  if (self->call->deadline != 0)
    deadline = MIN (deadline, self->call->deadline - VMP_LIMIT_DEADLINE_EARLY_MS * 1000);
  if (!may_queue (self)
      || !vmp_queue_add (relay->queue, &self->place, self, name_of_queue (self->call), self->call->client, now,
                         deadline))
    {
      vmp_exchange_end_badly (self, VMP_OUTCOME_REFUSED, VMP_PROBLEM_QUEUE_FULL,
                              "All nodes that have this model are busy, and as many requests wait for it as may.");
      return;
    }
  vmp_relay_tick_soon (relay);
}

/* -- Choosing ------------------------------------------------------------------------------ */

/* Goes to the first attempt that can be made now. */
static gboolean
ask_first (VmpExchange      *self,
           const VmpRouting *routing,
           gboolean          continues,
           gint64            now)
{
  gboolean waits = FALSE;
  guint i;

  for (i = 0; i < routing->plan.n_attempts; i++)
    {
      VmpReadiness readiness = routing->plan.attempts[i].readiness;
      VmpHost *host = vmp_routing_get_host (routing, i);
      VmpLead lead;

      /* To wait for the better one is better than to load the model once more; but it is not better than one that is
       * ready. */
      if (readiness != VMP_READY_NOW && (readiness != VMP_READY_COLD || waits))
        return FALSE;

      lead = host != NULL ? vmp_loads_lead (self->relay->loads, host, now) : VMP_LEAD_NONE;
      if (lead == VMP_LEAD_WAIT)
        waits = TRUE;
      else if (vmp_exchange_ask (self, routing, i, lead, continues, now))
        return TRUE;
    }

  return FALSE;
}

/* What the trace says of the way it was chosen, the first time. */
static void
trace_plan (VmpExchange      *self,
            const VmpRouting *routing,
            gint64            begun)
{
  self->trace->planned_us += g_get_monotonic_time () - begun;
  self->trace->fallbacks = routing->fallbacks;
  vmp_trace_note_routing (self->trace, routing);
}

/* Whether others wait for the same model, who came before. They are tried before it, in a moment. */
static gboolean
overtakes (VmpExchange *self)
{
  if (self->place.model != NULL || self->n_failures > 0 || vmp_queue_count_all (self->relay->queue) == 0
      || vmp_queue_count (self->relay->queue, name_of_queue (self->call)) == 0)
    return FALSE;

  vmp_relay_pump (self->relay);

  return TRUE;
}

/* What is to be done next, as things are now: for a call that no node answers yet, or for an answer that broke off. */
static void
make_plan (VmpExchange *self,
           gint64       now,
           VmpRouting  *routing)
{
  VmpRouter *router = self->relay->parts.router;

  if (self->broken != NULL)
    vmp_router_plan_continuation (router, self->call, self->broken, &self->tried, now, routing);
  else
    vmp_router_plan (router, self->call, &self->tried, !self->took_turn, now, routing);
  self->took_turn = TRUE;
}

gboolean
vmp_exchange_try (VmpExchange *self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean continues = self->broken != NULL;
  g_auto (VmpRouting) routing = { NULL, };

  make_plan (self, now, &routing);
  if (routing.plan.n_attempts == 0)
    {
      vmp_exchange_leave_queue (self);
      trace_plan (self, &routing, now);
      if (continues)
        vmp_exchange_end_badly (self, VMP_OUTCOME_UPSTREAM_FAILED, VMP_PROBLEM_UPSTREAM_INTERRUPTED,
                                "The answer broke off, and there is no other node left that could go on with it.");
      else
        refuse (self, &routing);
      return TRUE;
    }

  if (!overtakes (self) && ask_first (self, &routing, continues, now))
    {
      vmp_exchange_leave_queue (self);
      trace_plan (self, &routing, now);
      if (continues)
        vmp_exchange_send_continued (self);
      return TRUE;
    }

  wait_for_place (self, &routing);

  return FALSE;
}

gboolean
vmp_exchange_has_alternative (VmpExchange *self,
                              gboolean     went_in_circle)
{
  g_auto (VmpRouting) routing = { NULL, };

  vmp_router_plan (self->relay->parts.router, self->call, &self->tried, FALSE, g_get_monotonic_time (), &routing);

  return routing.plan.n_attempts > 0 || (!went_in_circle && may_look_again (self, &routing));
}

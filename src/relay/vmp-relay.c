/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpRelay.
 */

#include "relay/vmp-exchange-private.h"

#include "core/vmp-limits.h"

/* -- Those that wait ----------------------------------------------------------------------- */

static gboolean
try_waiting (gpointer call,
             gpointer user_data)
{
  return vmp_exchange_try (call);
}

static void
pump_cb (gpointer user_data)
{
  VmpRelay *self = user_data;

  vmp_queue_pump (self->queue, try_waiting, self);
}

void
vmp_relay_pump (VmpRelay *self)
{
  if (vmp_queue_count_all (self->queue) > 0)
    vmp_poll_defer (self->parts.poll, &self->pump, pump_cb, self);
}

static void
end_due (VmpRelay *self,
         gint64    now)
{
  VmpExchange *exchange;

  while ((exchange = vmp_queue_pop_due (self->queue, now)) != NULL)
    vmp_exchange_end_badly (exchange, VMP_OUTCOME_REFUSED, VMP_PROBLEM_WAITED_IN_VAIN,
                            "All nodes that have this model were busy for as long as the request could wait.");
}

static void due_cb (gpointer user_data);

static void
set_due_timer (VmpRelay *self)
{
  gint64 due = vmp_queue_get_next_due (self->queue);

  if (due != 0)
    vmp_poll_set_timer (self->parts.poll, &self->due, due, due_cb, self);
}

static void
due_cb (gpointer user_data)
{
  VmpRelay *self = user_data;

  end_due (self, g_get_monotonic_time ());
  set_due_timer (self);
}

static gboolean
somebody_waits (VmpRelay *self)
{
  return vmp_queue_count_all (self->queue) > 0 || vmp_loads_count (self->loads) > 0;
}

static void
tick_cb (gpointer user_data)
{
  VmpRelay *self = user_data;
  gint64 now = g_get_monotonic_time ();
  GList *link;

  for (link = self->exchanges.head; link != NULL; link = link->next)
    vmp_exchange_tick (link->data, now);
  vmp_relay_pump (self);
  if (somebody_waits (self))
    vmp_relay_tick_soon (self);
}

void
vmp_relay_tick_soon (VmpRelay *self)
{
  if (self->tick.due == 0)
    vmp_poll_set_timer (self->parts.poll, &self->tick, g_get_monotonic_time () + VMP_LIMIT_TICK_MS * 1000, tick_cb,
                        self);
  set_due_timer (self);
}

/* -- What it is told ----------------------------------------------------------------------- */

static void
loads_changed_cb (gpointer user_data)
{
  vmp_relay_pump (user_data);
}

static void
load_event_cb (gpointer            user_data,
               const VmpLoadEvent *event)
{
  VmpRelay *self = user_data;

  if (event->state == VMP_LOAD_DONE || event->state == VMP_LOAD_FAILED)
    vmp_journal_count_load (self->parts.journal, event->host->node != NULL ? event->host->node->id : "",
                            event->host->model_id, event->state == VMP_LOAD_FAILED, event->duration_ms);
  self->load_event (self->load_event_data, event);
}

void
vmp_relay_node_changed (VmpRelay     *self,
                        VmpNode      *node,
                        VmpNodeChange change)
{
  vmp_loads_node_changed (self->loads, node, change);
  vmp_relay_pump (self);
}

/* -- Ending what runs ---------------------------------------------------------------------- */

void
vmp_relay_shut_down (VmpRelay *self)
{
  while (self->exchanges.head != NULL)
    vmp_exchange_end_badly (self->exchanges.head->data, VMP_OUTCOME_SHUT_DOWN, VMP_PROBLEM_SHUTTING_DOWN,
                            "Vampire was stopped before the answer was complete.");
}

void
vmp_relay_revoke (VmpRelay        *self,
                  VmpExchangeMatch match,
                  gconstpointer    what,
                  const char      *message)
{
  GList *link = self->exchanges.head;

  while (link != NULL)
    {
      VmpExchange *exchange = link->data;
      const VmpNode *node = exchange->asking != NULL ? vmp_asking_get_node (exchange->asking) : NULL;

      /* The end of one takes only its own link out. */
      link = link->next;
      if (match (exchange->call, node, what))
        vmp_exchange_end_badly (exchange, VMP_OUTCOME_REVOKED, VMP_PROBLEM_REVOKED, message);
    }
}

const char *
vmp_relay_paused_message (gboolean is_shared)
{
  return is_shared ? "Vampire is paused by its owner; ask again when it goes on."
                   : "Vampire is paused by its owner. Resume it from the tray or with \"vampire resume\".";
}

void
vmp_relay_refuse_waiting (VmpRelay *self)
{
  GList *link = self->exchanges.head;

  while (link != NULL)
    {
      VmpExchange *exchange = link->data;

      /* The end of one takes only its own link out. One whose answer broke off, and goes on elsewhere, has begun. */
      link = link->next;
      if (exchange->asking == NULL && !exchange->has_answered)
        vmp_exchange_end_badly (exchange, VMP_OUTCOME_REFUSED, VMP_PROBLEM_PAUSED,
                                vmp_relay_paused_message (exchange->call->is_shared));
    }
}

gboolean
vmp_relay_cancel (VmpRelay   *self,
                  const char *id)
{
  GList *link;

  for (link = self->exchanges.head; link != NULL; link = link->next)
    {
      VmpExchange *exchange = link->data;

      if (g_str_equal (exchange->call->id, id))
        {
          vmp_exchange_end_badly (exchange, VMP_OUTCOME_CANCELLED, VMP_PROBLEM_REVOKED,
                                  "The owner of this gateway has cancelled the request.");
          return TRUE;
        }
    }

  return FALSE;
}

/* -- Speed --------------------------------------------------------------------------------- */

void
vmp_relay_note_tokens (VmpRelay  *self,
                       VmpAsking *asking,
                       gint64     tokens,
                       gint64     now)
{
  gint64 took = now - vmp_asking_get_asked (asking);

  if (vmp_asking_is_stream (asking))
    self->streamed += tokens;
  else if (took > 0)
    self->whole_rate += tokens * (double) G_USEC_PER_SEC / took;
}

double
vmp_relay_measure_rate (VmpRelay *self,
                        gint64    now)
{
  gint64 streamed = self->streamed;
  double rate = self->whole_rate;
  GList *link;

  for (link = self->exchanges.head; link != NULL; link = link->next)
    {
      const VmpExchange *exchange = link->data;

      if (exchange->asking != NULL && vmp_asking_is_stream (exchange->asking))
        streamed += vmp_usage_get_completion_tokens (vmp_asking_get_usage (exchange->asking));
    }

  /* A usage that comes last may say less than was counted. */
  if (self->measured != 0 && now > self->measured && streamed > self->streamed_before)
    rate += (streamed - self->streamed_before) * (double) G_USEC_PER_SEC / (now - self->measured);
  self->measured = now;
  self->streamed_before = streamed;
  self->whole_rate = 0;

  return rate;
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpRelay *
vmp_relay_new (const VmpRelayParts *parts,
               VmpRelayLoadFunc     load_event,
               gpointer             user_data)
{
  static const VmpLoadsFuncs loads_funcs = { loads_changed_cb, load_event_cb };
  VmpRelay *self = g_new0 (VmpRelay, 1);

  self->parts = *parts;
  self->load_event = load_event;
  self->load_event_data = user_data;
  self->loads = vmp_loads_new (parts->poll, parts->upstream, parts->registry, parts->health, parts->via, &loads_funcs,
                               self);
  self->queue = vmp_queue_new ();
  g_queue_init (&self->exchanges);

  return self;
}

void
vmp_relay_free (VmpRelay *self)
{
  g_return_if_fail (self->exchanges.length == 0);

  vmp_loads_free (self->loads);
  vmp_queue_free (self->queue);
  vmp_poll_cancel_deferred (self->parts.poll, &self->pump);
  vmp_poll_clear_timer (self->parts.poll, &self->tick);
  vmp_poll_clear_timer (self->parts.poll, &self->due);
  g_free (self);
}

void
vmp_relay_set_settings (VmpRelay               *self,
                        const VmpRelaySettings *settings)
{
  self->settings = *settings;
  vmp_queue_set_limit (self->queue, settings->queue_limit);
}

guint
vmp_relay_get_active (VmpRelay *self)
{
  return self->exchanges.length;
}

guint
vmp_relay_count_waiting (VmpRelay *self)
{
  return vmp_queue_count_all (self->queue);
}

VmpQueue *
vmp_relay_get_queue (VmpRelay *self)
{
  return self->queue;
}

VmpLoads *
vmp_relay_get_loads (VmpRelay *self)
{
  return self->loads;
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpHealth. A node is due at some time, then waits in a queue, then has its probe; those that
 * somebody waits for go before those whose time has come. Probes begin and waiting callers are told in a turn of their
 * own, since nodes change inside the callbacks of others. Who waits is in vmp-health-callers.c.
 */

#include "nodes/vmp-health-private.h"

#include "core/vmp-limits.h"

#include <string.h>

/* How far a delay is lengthened or shortened at most. */
#define JITTER 0.2

static void take_turn (gpointer user_data);
static void probe_done_cb (gpointer              user_data,
                           VmpProbeResult        result,
                           const VmpProbeReport *report,
                           VmpTransferEnd        end);

void
vmp_health_request_turn (VmpHealth *self)
{
  vmp_poll_defer (self->poll, &self->turn, take_turn, self);
}

/* -- Time ---------------------------------------------------------------------------------- */

gint64
vmp_health_next_delay_ms (guint    interval_s,
                          gboolean pending,
                          guint    n_failures,
                          double   chance)
{
  guint delay_s = pending ? MAX (interval_s, VMP_LIMIT_HEALTH_PENDING_S) : interval_s;
  guint longest_s = MAX (delay_s, VMP_LIMIT_HEALTH_BACKOFF_S);

  while (n_failures-- > 1 && delay_s < longest_s)
    delay_s = delay_s < longest_s / 2 ? delay_s * 2 : longest_s;

  return (gint64) (delay_s * 1000.0 * (1 - JITTER + 2 * JITTER * chance));
}

static void timer_cb (gpointer user_data);

void
vmp_health_set_timer (VmpHealth *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->due);
  VmpHealthCall *call = vmp_health_find_deadline (self);
  gint64 at = call != NULL ? call->deadline : G_MAXINT64;

  if (!g_sequence_iter_is_end (first))
    at = MIN (at, ((VmpWatched *) g_sequence_get (first))->due);

  if (at == G_MAXINT64)
    vmp_poll_clear_timer (self->poll, &self->timer);
  else
    vmp_poll_set_timer (self->poll, &self->timer, at, timer_cb, self);
}

static int
compare_due (gconstpointer a,
             gconstpointer b,
             gpointer      user_data)
{
  const VmpWatched *one = a;
  const VmpWatched *other = b;

  return one->due < other->due ? -1 : one->due > other->due;
}

static void
unschedule (VmpWatched *watched)
{
  g_clear_pointer (&watched->due_link, g_sequence_remove);
}

static void
schedule_at (VmpWatched *watched,
             gint64      due)
{
  unschedule (watched);
  watched->due = due;
  watched->due_link = g_sequence_insert_sorted (watched->health->due, watched, compare_due, NULL);
  vmp_health_set_timer (watched->health);
}

/* After a look at it, or when there is nothing else that would bring one. */
static void
schedule (VmpWatched *watched)
{
  VmpHealth *self = watched->health;
  gint64 delay_ms;

  if (self->interval_s == 0 || !watched->is_asked || watched->place != VMP_NOT_QUEUED)
    return;

  delay_ms = vmp_health_next_delay_ms (self->interval_s, watched->approval == VMP_APPROVAL_PENDING,
                                       watched->n_failures, g_random_double ());
  schedule_at (watched, g_get_monotonic_time () + delay_ms * G_TIME_SPAN_MILLISECOND);
}

/* -- Queues -------------------------------------------------------------------------------- */

static void
unqueue (VmpWatched *watched)
{
  VmpHealth *self = watched->health;

  if (watched->place == VMP_QUEUED_AS_ASKED)
    g_queue_unlink (&self->asked_queue, &watched->queue_link);
  else if (watched->place == VMP_QUEUED_AS_DUE)
    g_queue_unlink (&self->due_queue, &watched->queue_link);
  watched->place = VMP_NOT_QUEUED;
}

void
vmp_watched_queue (VmpWatched   *watched,
                   VmpQueuePlace place)
{
  VmpHealth *self = watched->health;

  if (watched->probe != NULL || watched->place >= place)
    return;

  unqueue (watched);
  unschedule (watched);
  watched->place = place;
  g_queue_push_tail_link (place == VMP_QUEUED_AS_ASKED ? &self->asked_queue : &self->due_queue, &watched->queue_link);
  vmp_health_request_turn (self);
}

/* -- Probes -------------------------------------------------------------------------------- */

/* A token goes only to who is known to be the one that was approved. */
static gboolean
may_send_token (const VmpNode *node)
{
  return node->token != NULL && node->approval == VMP_APPROVAL_APPROVED
         && (node->addresses != NULL || !vmp_node_host_can_move (node))
         && (node->key != NULL || !node->base_url->tls);
}

/* What it was the last time counts for more than what its owner took it for. */
static VmpProvider
get_hint (const VmpNode *node)
{
  if (node->inventory != NULL && node->inventory->list == VMP_LIST_OLLAMA)
    return VMP_PROVIDER_OLLAMA;
  if (node->is_default && node->provider_hint == VMP_PROVIDER_AUTO)
    return node->provider != VMP_PROVIDER_AUTO ? node->provider : VMP_PROVIDER_LMSTUDIO;

  return node->provider_hint;
}

static void
start_probe (VmpWatched *watched)
{
  VmpHealth *self = watched->health;
  const VmpNode *node = watched->node;
  VmpProbeRequest request = {
    .base_url = node->base_url,
    .via = self->via,
    .hint = get_hint (node),
    .known = node->inventory,
    .quick = node->approval == VMP_APPROVAL_PENDING, /* its public list, and nothing else */
  };

  vmp_node_get_reach (node, vmp_registry_get_public_allowed (self->registry), &request.reach);
  if (watched->change != VMP_TRANSFER_DONE)
    {
      request.reach.addresses = NULL;
      request.reach.key = NULL;
    }
  else if (may_send_token (node))
    {
      request.token = node->token;
    }

  self->n_running++;
  watched->probe = vmp_probe_start (self->upstream, &request, probe_done_cb, watched);
}

static void
stop_probe (VmpWatched *watched)
{
  watched->change = VMP_TRANSFER_DONE;
  if (watched->probe == NULL)
    return;

  vmp_probe_cancel (g_steal_pointer (&watched->probe));
  watched->health->n_running--;
  vmp_health_request_turn (watched->health);
}

static void
take_turn (gpointer user_data)
{
  VmpHealth *self = user_data;

  while (self->n_running < VMP_LIMIT_PROBES && self->asked_queue.length + self->due_queue.length > 0)
    {
      GQueue *next = self->asked_queue.length > 0 ? &self->asked_queue : &self->due_queue;
      VmpWatched *watched = next->head->data;

      unqueue (watched);
      vmp_watched_begin (watched);
      start_probe (watched);
    }

  vmp_health_tell_all (self);
}

static void
timer_cb (gpointer user_data)
{
  VmpHealth *self = user_data;
  gint64 now = g_get_monotonic_time ();
  GSequenceIter *first;
  VmpHealthCall *call;

  while (!g_sequence_iter_is_end (first = g_sequence_get_begin_iter (self->due))
         && ((VmpWatched *) g_sequence_get (first))->due <= now)
    {
      VmpWatched *watched = g_sequence_get (first);

      unschedule (watched);
      vmp_watched_queue (watched, VMP_QUEUED_AS_DUE);
    }

  while ((call = vmp_health_find_deadline (self)) != NULL && call->deadline <= now)
    vmp_health_tell (self, call);

  vmp_health_set_timer (self);
}

/* -- What they bring ----------------------------------------------------------------------- */

static gboolean
is_bound_to (const VmpNode        *node,
             const VmpProbeReport *report)
{
  return (node->addresses == NULL || report->address == NULL
          || g_strv_contains ((const char * const *) node->addresses, report->address))
         && (node->key == NULL || g_strcmp0 (node->key, report->key) == 0);
}

/* (transfer full) */
static char *
describe_change (const VmpWatched     *watched,
                 const VmpProbeReport *report)
{
  const VmpNode *node = watched->node;
  g_autofree char *old = NULL;

  if (watched->change == VMP_TRANSFER_KEY_CHANGED && report->key != NULL)
    return g_strdup_printf ("The key of its certificate changed from %s to %s.", node->key, report->key);
  if (watched->change == VMP_TRANSFER_KEY_CHANGED)
    return g_strdup ("The key of its certificate changed.");

  old = node->addresses != NULL ? g_strjoinv (" or ", node->addresses) : g_strdup ("the one that was approved");
  if (report->address != NULL)
    return g_strdup_printf ("Its address changed from %s to %s.", old, report->address);

  return g_strdup_printf ("Its address is not %s any more, and where it is now, nobody answers.", old);
}

/* A second look, at wherever it is now, has told who that is. */
static void
take_change (VmpWatched           *watched,
             const VmpProbeReport *report)
{
  VmpHealth *self = watched->health;
  VmpNode *node = watched->node;
  gboolean is_back = report->address != NULL && is_bound_to (node, report);

  /* What answers for a name can change back between two questions. */
  if (!is_back)
    {
      g_autofree char *reason = describe_change (watched, report);

      watched->approval = VMP_APPROVAL_PENDING;
      vmp_registry_suspend_approval (self->registry, node, reason);
      vmp_registry_take_probe (self->registry, node, report);
    }
  watched->change = VMP_TRANSFER_DONE;
}

static gboolean
is_ourselves (VmpHealth            *self,
              const VmpProbeReport *report)
{
  return report->instance != NULL && g_str_equal (report->instance, self->instance);
}

static void
take_report (VmpWatched           *watched,
             const VmpProbeReport *report)
{
  VmpHealth *self = watched->health;
  VmpProbeReport taken = *report;

  if (is_ourselves (self, report))
    {
      taken.health = VMP_NODE_OFFLINE;
      taken.inventory = NULL;
      taken.auth_failed = FALSE;
      taken.error = "This is this Vampire itself.";
    }
  watched->n_failures = taken.health == VMP_NODE_ONLINE ? 0 : watched->n_failures + 1;
  vmp_registry_take_probe (self->registry, watched->node, &taken);
}

static void
probe_done_cb (gpointer              user_data,
               VmpProbeResult        result,
               const VmpProbeReport *report,
               VmpTransferEnd        end)
{
  VmpWatched *watched = user_data;
  VmpHealth *self = watched->health;
  VmpNode *node = watched->node;

  watched->probe = NULL;
  self->n_running--;
  vmp_health_request_turn (self);

  if (watched->change != VMP_TRANSFER_DONE)
    {
      take_change (watched, report);
    }
  else if ((end == VMP_TRANSFER_MOVED || end == VMP_TRANSFER_KEY_CHANGED)
           && node->approval == VMP_APPROVAL_APPROVED)
    {
      watched->change = end;
      start_probe (watched);
      return;
    }
  else
    {
      take_report (watched, report);
    }

  /* The first answer of a node has shown where its token may go. */
  if (report->health == VMP_NODE_ONLINE && !report->with_token && may_send_token (node))
    {
      vmp_watched_queue (watched, VMP_QUEUED_AS_ASKED);
      return;
    }

  if (watched->next_rounds->len > 0)
    vmp_watched_queue (watched, VMP_QUEUED_AS_ASKED);
  schedule (watched);
  vmp_watched_release (watched);

  /* Nobody needs to decide whether to approve this gateway. */
  if (node->approval == VMP_APPROVAL_PENDING && is_ourselves (self, report))
    vmp_registry_forget (self->registry, node);
}

/* -- Nodes --------------------------------------------------------------------------------- */

static void
forget_token (VmpWatched *watched)
{
  if (watched->token != NULL)
    explicit_bzero (watched->token, strlen (watched->token));
  g_clear_pointer (&watched->token, g_free);
}

/* Takes over what decides how the node is asked. Whether any of it is new. */
static gboolean
note_terms (VmpWatched *watched)
{
  const VmpNode *node = watched->node;

  if (watched->is_asked == vmp_node_may_be_asked (node) && watched->approval == node->approval
      && g_strcmp0 (watched->base_url, node->base_url->text) == 0 && g_strcmp0 (watched->token, node->token) == 0)
    return FALSE;

  watched->is_asked = vmp_node_may_be_asked (node);
  watched->approval = node->approval;
  g_free (watched->base_url);
  watched->base_url = g_strdup (node->base_url->text);
  forget_token (watched);
  watched->token = g_strdup (node->token);

  return TRUE;
}

static void
watch (VmpHealth *self,
       VmpNode   *node)
{
  VmpWatched *watched = g_new0 (VmpWatched, 1);

  watched->health = self;
  watched->node = vmp_node_ref (node);
  watched->link.data = watched;
  watched->queue_link.data = watched;
  watched->change = VMP_TRANSFER_DONE;
  watched->rounds = g_ptr_array_new ();
  watched->next_rounds = g_ptr_array_new ();
  g_queue_push_tail_link (&self->nodes, &watched->link);
  node->health_data = watched;
  note_terms (watched);
  if (watched->is_asked && self->interval_s > 0)
    vmp_watched_queue (watched, VMP_QUEUED_AS_DUE);
}

static void
unwatch (VmpWatched *watched)
{
  VmpHealth *self = watched->health;

  stop_probe (watched);
  unqueue (watched);
  unschedule (watched);
  vmp_watched_give_up (watched);
  watched->node->health_data = NULL;
  g_queue_unlink (&self->nodes, &watched->link);
  vmp_node_unref (watched->node);
  g_ptr_array_unref (watched->rounds);
  g_ptr_array_unref (watched->next_rounds);
  g_free (watched->base_url);
  forget_token (watched);
  g_free (watched);
}

/* Its owner has changed what decides how it is asked. What an old probe would bring is of no use any more. */
static void
ask_anew (VmpWatched *watched)
{
  VmpHealth *self = watched->health;

  stop_probe (watched);
  watched->n_failures = 0;
  if (!watched->is_asked)
    {
      unqueue (watched);
      unschedule (watched);
      vmp_watched_give_up (watched);
    }
  else if (self->interval_s > 0 || watched->rounds->len > 0 || watched->next_rounds->len > 0)
    {
      vmp_watched_queue (watched, VMP_QUEUED_AS_ASKED);
    }
}

/* -- The face ------------------------------------------------------------------------------ */

VmpHealth *
vmp_health_new (VmpPoll     *poll,
                VmpUpstream *upstream,
                VmpRegistry *registry,
                const char  *via,
                const char  *instance)
{
  VmpHealth *self = g_new0 (VmpHealth, 1);
  GPtrArray *nodes = vmp_registry_get_nodes (registry);
  guint i;

  g_assert (poll != NULL && upstream != NULL);
  g_assert (via != NULL && instance != NULL);

  self->poll = poll;
  self->upstream = upstream;
  self->registry = registry;
  self->via = via;
  self->instance = instance;
  self->interval_s = VMP_LIMIT_HEALTH_S;
  g_queue_init (&self->nodes);
  self->due = g_sequence_new (NULL);
  g_queue_init (&self->asked_queue);
  g_queue_init (&self->due_queue);
  g_queue_init (&self->calls);
  g_queue_init (&self->told);
  for (i = 0; i < nodes->len; i++)
    watch (self, g_ptr_array_index (nodes, i));

  return self;
}

void
vmp_health_free (VmpHealth *self)
{
  g_return_if_fail (self != NULL);

  while (self->nodes.head != NULL)
    unwatch (self->nodes.head->data);
  vmp_health_drop_calls (self);
  vmp_poll_clear_timer (self->poll, &self->timer);
  vmp_poll_cancel_deferred (self->poll, &self->turn);
  g_sequence_free (self->due);
  g_free (self);
}

void
vmp_health_set_interval (VmpHealth *self,
                         guint      seconds)
{
  GList *link;

  g_return_if_fail (self != NULL);

  if (self->interval_s == seconds)
    return;

  self->interval_s = seconds;
  for (link = self->nodes.head; link != NULL; link = link->next)
    {
      VmpWatched *watched = link->data;

      if (seconds == 0)
        {
          unschedule (watched);
          if (watched->place == VMP_QUEUED_AS_DUE)
            unqueue (watched);
        }
      else if (watched->is_asked && watched->probe == NULL && watched->place == VMP_NOT_QUEUED)
        {
          if (watched->node->checked_mono == 0)
            vmp_watched_queue (watched, VMP_QUEUED_AS_DUE);
          else
            schedule (watched);
        }
    }
  vmp_health_set_timer (self);
}

void
vmp_health_node_changed (VmpHealth    *self,
                         VmpNode      *node,
                         VmpNodeChange change)
{
  VmpWatched *watched;

  g_return_if_fail (self != NULL);
  g_return_if_fail (node != NULL);

  watched = node->health_data;
  if (change == VMP_NODE_REMOVED)
    {
      if (watched != NULL)
        unwatch (watched);
    }
  else if (watched == NULL)
    {
      watch (self, node);
    }
  else if (note_terms (watched))
    {
      ask_anew (watched);
    }
}

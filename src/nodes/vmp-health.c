/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpHealth. A node is due at some time, then waits in a queue, then has its probe; those that
 * somebody waits for go before those whose time has come. Probes begin and waiting callers are told in a turn of their
 * own, since nodes change inside the callbacks of others.
 */

#include "nodes/vmp-health-private.h"

#include "core/vmp-limits.h"
#include "nodes/vmp-probe.h"

#include <string.h>

/* How far a delay is lengthened or shortened at most. */
#define JITTER 0.2

/* Nodes whose answers somebody waits for. */
typedef struct {
  guint n_left;           /* nodes that have not answered */
  GQueue calls;           /* of HealthCall */
} Round;

/* A caller that waits. */
typedef struct {
  VmpHealthDone done;
  gpointer user_data;
  Round *round;           /* NULL once it is to be told */
  gint64 deadline;        /* monotonic µs; 0: none */
  GList link;             /* in health->calls or health->told */
  GList round_link;       /* in round->calls */
} HealthCall;

typedef enum {
  NOT_QUEUED,
  QUEUED_AS_DUE,
  QUEUED_AS_ASKED
} QueuePlace;

/* A node and where it stands: its health_data. */
typedef struct {
  VmpHealth *health;
  VmpNode *node;
  GList link;             /* in health->nodes */
  gint64 due;             /* monotonic µs */
  GSequenceIter *due_link;/* in health->due; NULL: it has no time */
  QueuePlace place;
  GList queue_link;
  VmpProbe *probe;        /* NULL: not under way */
  VmpTransferEnd change;  /* it moved, or its key changed, and the probe under way asks where it is now; else
                           * VMP_TRANSFER_DONE */
  guint n_failures;       /* in a row */
  GPtrArray *rounds;      /* of Round, that wait for it */

  /* What decides how it is asked; when its owner changes that, it is asked anew. */
  gboolean is_asked;
  VmpApproval approval;
  char *base_url;
  char *token;
} Watched;

struct _VmpHealth {
  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpRegistry *registry;
  const char *via;
  const char *instance;
  guint interval_s;

  GQueue nodes;           /* of Watched */
  GSequence *due;         /* of Watched, by time */
  GQueue asked_queue;
  GQueue due_queue;
  guint n_running;
  VmpTimer timer;         /* the earliest of all times */
  VmpDeferred turn;

  GQueue calls;           /* of HealthCall that wait, in the order in which they came */
  GQueue told;            /* of those that are to be told */
  Round *stale;           /* the latest of vmp_health_refresh_stale(); NULL: none is under way */
  gint64 stale_since;     /* monotonic µs */
};

static void take_turn (gpointer user_data);
static void probe_done_cb (gpointer              user_data,
                           VmpProbeResult        result,
                           const VmpProbeReport *report,
                           VmpTransferEnd        end);

static void
request_turn (VmpHealth *self)
{
  vmp_poll_defer (self->poll, &self->turn, take_turn, self);
}

/* -- Callers ------------------------------------------------------------------------------- */

static void
tell (HealthCall *call,
      VmpHealth  *self)
{
  if (call->round != NULL)
    g_queue_unlink (&call->round->calls, &call->round_link);
  call->round = NULL;
  g_queue_unlink (&self->calls, &call->link);
  g_queue_push_tail_link (&self->told, &call->link);
  request_turn (self);
}

/* @round: (nullable): NULL: there is nothing to wait for */
static void
add_call (VmpHealth    *self,
          Round        *round,
          gint64        deadline,
          VmpHealthDone done,
          gpointer      user_data)
{
  HealthCall *call = g_new0 (HealthCall, 1);

  call->done = done;
  call->user_data = user_data;
  call->deadline = deadline;
  call->link.data = call;
  call->round_link.data = call;
  g_queue_push_tail_link (&self->calls, &call->link);
  if (round == NULL)
    {
      tell (call, self);
      return;
    }

  call->round = round;
  g_queue_push_tail_link (&round->calls, &call->round_link);
}

static Round *
round_new (void)
{
  Round *round = g_new0 (Round, 1);

  g_queue_init (&round->calls);

  return round;
}

static void
round_add (Round   *round,
           Watched *watched)
{
  round->n_left++;
  g_ptr_array_add (watched->rounds, round);
}

/* One of its nodes has answered, or will not. */
static void
round_count (VmpHealth *self,
             Round     *round)
{
  if (--round->n_left > 0)
    return;

  while (round->calls.head != NULL)
    tell (round->calls.head->data, self);
  if (self->stale == round)
    self->stale = NULL;
  g_free (round);
}

static void
release_callers (Watched *watched)
{
  while (watched->rounds->len > 0)
    round_count (watched->health, g_ptr_array_steal_index_fast (watched->rounds, watched->rounds->len - 1));
}

static void
tell_all (VmpHealth *self)
{
  GList *link;

  while ((link = g_queue_pop_head_link (&self->told)) != NULL)
    {
      HealthCall *call = link->data;

      call->done (call->user_data);
      g_free (call);
    }
}

static void
drop_calls (GQueue  *calls,
            gboolean all,
            gpointer user_data)
{
  GList *link = calls->head;

  while (link != NULL)
    {
      HealthCall *call = link->data;

      link = link->next;
      if (!all && call->user_data != user_data)
        continue;
      if (call->round != NULL)
        g_queue_unlink (&call->round->calls, &call->round_link);
      g_queue_unlink (calls, &call->link);
      g_free (call);
    }
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

/* The first caller that does not wait for ever; they all wait for the same length of time. */
static HealthCall *
find_first_deadline (VmpHealth *self)
{
  GList *link;

  for (link = self->calls.head; link != NULL; link = link->next)
    {
      HealthCall *call = link->data;

      if (call->deadline != 0)
        return call;
    }

  return NULL;
}

static void
set_timer (VmpHealth *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->due);
  HealthCall *call = find_first_deadline (self);
  gint64 at = call != NULL ? call->deadline : G_MAXINT64;

  if (!g_sequence_iter_is_end (first))
    at = MIN (at, ((Watched *) g_sequence_get (first))->due);

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
  const Watched *one = a;
  const Watched *other = b;

  return one->due < other->due ? -1 : one->due > other->due;
}

static void
unschedule (Watched *watched)
{
  g_clear_pointer (&watched->due_link, g_sequence_remove);
}

static void
schedule_at (Watched *watched,
             gint64   due)
{
  unschedule (watched);
  watched->due = due;
  watched->due_link = g_sequence_insert_sorted (watched->health->due, watched, compare_due, NULL);
  set_timer (watched->health);
}

/* After a look at it, or when there is nothing else that would bring one. */
static void
schedule (Watched *watched)
{
  VmpHealth *self = watched->health;
  gint64 delay_ms;

  if (self->interval_s == 0 || !watched->is_asked || watched->place != NOT_QUEUED)
    return;

  delay_ms = vmp_health_next_delay_ms (self->interval_s, watched->approval == VMP_APPROVAL_PENDING,
                                       watched->n_failures, g_random_double ());
  schedule_at (watched, g_get_monotonic_time () + delay_ms * G_TIME_SPAN_MILLISECOND);
}

/* -- Queues -------------------------------------------------------------------------------- */

static void
unqueue (Watched *watched)
{
  VmpHealth *self = watched->health;

  if (watched->place == QUEUED_AS_ASKED)
    g_queue_unlink (&self->asked_queue, &watched->queue_link);
  else if (watched->place == QUEUED_AS_DUE)
    g_queue_unlink (&self->due_queue, &watched->queue_link);
  watched->place = NOT_QUEUED;
}

/* Nothing happens to one whose probe is under way: that is the one that was asked for. */
static void
queue (Watched   *watched,
       QueuePlace place)
{
  VmpHealth *self = watched->health;

  if (watched->probe != NULL || watched->place >= place)
    return;

  unqueue (watched);
  unschedule (watched);
  watched->place = place;
  g_queue_push_tail_link (place == QUEUED_AS_ASKED ? &self->asked_queue : &self->due_queue, &watched->queue_link);
  request_turn (self);
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
start_probe (Watched *watched)
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
stop_probe (Watched *watched)
{
  watched->change = VMP_TRANSFER_DONE;
  if (watched->probe == NULL)
    return;

  vmp_probe_cancel (g_steal_pointer (&watched->probe));
  watched->health->n_running--;
  request_turn (watched->health);
}

static void
take_turn (gpointer user_data)
{
  VmpHealth *self = user_data;

  while (self->n_running < VMP_LIMIT_PROBES && self->asked_queue.length + self->due_queue.length > 0)
    {
      GQueue *next = self->asked_queue.length > 0 ? &self->asked_queue : &self->due_queue;
      Watched *watched = next->head->data;

      unqueue (watched);
      start_probe (watched);
    }

  tell_all (self);
}

static void
timer_cb (gpointer user_data)
{
  VmpHealth *self = user_data;
  gint64 now = g_get_monotonic_time ();
  GSequenceIter *first;
  HealthCall *call;

  while (!g_sequence_iter_is_end (first = g_sequence_get_begin_iter (self->due))
         && ((Watched *) g_sequence_get (first))->due <= now)
    {
      Watched *watched = g_sequence_get (first);

      unschedule (watched);
      queue (watched, QUEUED_AS_DUE);
    }

  while ((call = find_first_deadline (self)) != NULL && call->deadline <= now)
    tell (call, self);

  set_timer (self);
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
describe_change (const Watched        *watched,
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
take_change (Watched              *watched,
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
take_report (Watched              *watched,
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
  Watched *watched = user_data;
  VmpHealth *self = watched->health;
  VmpNode *node = watched->node;

  watched->probe = NULL;
  self->n_running--;
  request_turn (self);

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
      queue (watched, QUEUED_AS_ASKED);
      return;
    }

  schedule (watched);
  release_callers (watched);

  /* Nobody needs to decide whether to approve this gateway. */
  if (node->approval == VMP_APPROVAL_PENDING && is_ourselves (self, report))
    vmp_registry_forget (self->registry, node);
}

/* -- Nodes --------------------------------------------------------------------------------- */

static gboolean
may_be_asked (const VmpNode *node)
{
  return node->approval != VMP_APPROVAL_BLOCKED && node->service != VMP_NODE_DISABLED;
}

static void
forget_token (Watched *watched)
{
  if (watched->token != NULL)
    explicit_bzero (watched->token, strlen (watched->token));
  g_clear_pointer (&watched->token, g_free);
}

/* Takes over what decides how the node is asked. Whether any of it is new. */
static gboolean
note_terms (Watched *watched)
{
  const VmpNode *node = watched->node;

  if (watched->is_asked == may_be_asked (node) && watched->approval == node->approval
      && g_strcmp0 (watched->base_url, node->base_url->text) == 0 && g_strcmp0 (watched->token, node->token) == 0)
    return FALSE;

  watched->is_asked = may_be_asked (node);
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
  Watched *watched = g_new0 (Watched, 1);

  watched->health = self;
  watched->node = vmp_node_ref (node);
  watched->link.data = watched;
  watched->queue_link.data = watched;
  watched->change = VMP_TRANSFER_DONE;
  watched->rounds = g_ptr_array_new ();
  g_queue_push_tail_link (&self->nodes, &watched->link);
  node->health_data = watched;
  note_terms (watched);
  if (watched->is_asked && self->interval_s > 0)
    queue (watched, QUEUED_AS_DUE);
}

static void
unwatch (Watched *watched)
{
  VmpHealth *self = watched->health;

  stop_probe (watched);
  unqueue (watched);
  unschedule (watched);
  release_callers (watched);
  watched->node->health_data = NULL;
  g_queue_unlink (&self->nodes, &watched->link);
  vmp_node_unref (watched->node);
  g_ptr_array_unref (watched->rounds);
  g_free (watched->base_url);
  forget_token (watched);
  g_free (watched);
}

/* Its owner has changed what decides how it is asked. What an old probe would bring is of no use any more. */
static void
ask_anew (Watched *watched)
{
  VmpHealth *self = watched->health;

  stop_probe (watched);
  watched->n_failures = 0;
  if (!watched->is_asked)
    {
      unqueue (watched);
      unschedule (watched);
      release_callers (watched);
    }
  else if (self->interval_s > 0 || watched->rounds->len > 0)
    {
      queue (watched, QUEUED_AS_ASKED);
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
  drop_calls (&self->calls, TRUE, NULL);
  drop_calls (&self->told, TRUE, NULL);
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
      Watched *watched = link->data;

      if (seconds == 0)
        {
          unschedule (watched);
          if (watched->place == QUEUED_AS_DUE)
            unqueue (watched);
        }
      else if (watched->is_asked && watched->probe == NULL && watched->place == NOT_QUEUED)
        {
          if (watched->node->checked_mono == 0)
            queue (watched, QUEUED_AS_DUE);
          else
            schedule (watched);
        }
    }
  set_timer (self);
}

void
vmp_health_node_changed (VmpHealth    *self,
                         VmpNode      *node,
                         VmpNodeChange change)
{
  Watched *watched;

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

void
vmp_health_refresh (VmpHealth    *self,
                    VmpNode      *node,
                    VmpHealthDone done,
                    gpointer      user_data)
{
  Watched *watched;
  Round *round;

  g_return_if_fail (self != NULL);
  g_return_if_fail (node != NULL);

  watched = node->health_data;
  if (watched == NULL || !watched->is_asked)
    {
      if (done != NULL)
        add_call (self, NULL, 0, done, user_data);
      return;
    }

  if (done != NULL)
    {
      round = round_new ();
      round_add (round, watched);
      add_call (self, round, 0, done, user_data);
    }
  queue (watched, QUEUED_AS_ASKED);
}

/* Those that are to be asked now; NULL: none. */
static Round *
begin_stale_round (VmpHealth *self,
                   gint64     now,
                   guint      max_age_ms)
{
  g_autofree Round *round = round_new ();
  GList *link;

  for (link = self->nodes.head; link != NULL; link = link->next)
    {
      Watched *watched = link->data;
      const VmpNode *node = watched->node;

      if (node->approval != VMP_APPROVAL_APPROVED
          || (node->service != VMP_NODE_IN_SERVICE && node->service != VMP_NODE_DRAINING)
          || (node->checked_mono != 0 && now - node->checked_mono <= max_age_ms * G_TIME_SPAN_MILLISECOND))
        continue;

      round_add (round, watched);
      queue (watched, QUEUED_AS_ASKED);
    }

  return round->n_left > 0 ? g_steal_pointer (&round) : NULL;
}

void
vmp_health_refresh_stale (VmpHealth    *self,
                          guint         max_age_ms,
                          VmpHealthDone done,
                          gpointer      user_data)
{
  gint64 now = g_get_monotonic_time ();

  g_return_if_fail (self != NULL);
  g_return_if_fail (done != NULL);

  /* One look at all nodes does for all who ask while it is under way. */
  if (self->stale == NULL || now - self->stale_since > max_age_ms * G_TIME_SPAN_MILLISECOND)
    {
      self->stale = begin_stale_round (self, now, max_age_ms);
      self->stale_since = now;
    }

  add_call (self, self->stale, now + VMP_LIMIT_PROBE_MS * G_TIME_SPAN_MILLISECOND, done, user_data);
  set_timer (self);
}

void
vmp_health_forget_caller (VmpHealth *self,
                          gpointer   user_data)
{
  g_return_if_fail (self != NULL);

  drop_calls (&self->calls, FALSE, user_data);
  drop_calls (&self->told, FALSE, user_data);
}

/* SPDX-License-Identifier: MIT
 *
 * Those who wait for answers of nodes: who asked for one node or for all that are stale, until when they wait, and
 * when they are told. What probes there are is decided in vmp-health.c.
 */

#include "nodes/vmp-health-private.h"

#include "core/vmp-limits.h"

/* -- Calls --------------------------------------------------------------------------------- */

void
vmp_health_tell (VmpHealth     *self,
                 VmpHealthCall *call)
{
  if (call->round != NULL)
    g_queue_unlink (&call->round->calls, &call->round_link);
  call->round = NULL;
  g_queue_unlink (&self->calls, &call->link);
  g_queue_push_tail_link (&self->told, &call->link);
  vmp_health_request_turn (self);
}

/* @round: (nullable): NULL: there is nothing to wait for */
static void
add_call (VmpHealth      *self,
          VmpHealthRound *round,
          gint64          deadline,
          VmpHealthDone   done,
          gpointer        user_data)
{
  VmpHealthCall *call = g_new0 (VmpHealthCall, 1);

  call->done = done;
  call->user_data = user_data;
  call->deadline = deadline;
  call->link.data = call;
  call->round_link.data = call;
  g_queue_push_tail_link (&self->calls, &call->link);
  if (round == NULL)
    {
      vmp_health_tell (self, call);
      return;
    }

  call->round = round;
  g_queue_push_tail_link (&round->calls, &call->round_link);
}

void
vmp_health_tell_all (VmpHealth *self)
{
  GList *link;

  while ((link = g_queue_pop_head_link (&self->told)) != NULL)
    {
      VmpHealthCall *call = link->data;

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
      VmpHealthCall *call = link->data;

      link = link->next;
      if (!all && call->user_data != user_data)
        continue;
      if (call->round != NULL)
        g_queue_unlink (&call->round->calls, &call->round_link);
      g_queue_unlink (calls, &call->link);
      g_free (call);
    }
}

void
vmp_health_drop_calls (VmpHealth *self)
{
  drop_calls (&self->calls, TRUE, NULL);
  drop_calls (&self->told, TRUE, NULL);
}

/* They all wait for the same length of time. */
VmpHealthCall *
vmp_health_find_deadline (VmpHealth *self)
{
  GList *link;

  for (link = self->calls.head; link != NULL; link = link->next)
    {
      VmpHealthCall *call = link->data;

      if (call->deadline != 0)
        return call;
    }

  return NULL;
}

/* -- Rounds -------------------------------------------------------------------------------- */

static VmpHealthRound *
round_new (void)
{
  VmpHealthRound *round = g_new0 (VmpHealthRound, 1);

  g_queue_init (&round->calls);

  return round;
}

/* @rounds: of a node */
static void
round_add (VmpHealthRound *round,
           GPtrArray      *rounds)
{
  round->n_left++;
  g_ptr_array_add (rounds, round);
}

/* One of its nodes has answered, or will not. */
static void
round_count (VmpHealth      *self,
             VmpHealthRound *round)
{
  if (--round->n_left > 0)
    return;

  while (round->calls.head != NULL)
    vmp_health_tell (self, round->calls.head->data);
  if (self->stale == round)
    self->stale = NULL;
  g_free (round);
}

void
vmp_watched_begin (VmpWatched *watched)
{
  g_ptr_array_extend_and_steal (watched->rounds, g_steal_pointer (&watched->next_rounds));
  watched->next_rounds = g_ptr_array_new ();
}

void
vmp_watched_release (VmpWatched *watched)
{
  while (watched->rounds->len > 0)
    round_count (watched->health, g_ptr_array_steal_index_fast (watched->rounds, watched->rounds->len - 1));
}

void
vmp_watched_give_up (VmpWatched *watched)
{
  vmp_watched_begin (watched);
  vmp_watched_release (watched);
}

/* -- The face ------------------------------------------------------------------------------ */

void
vmp_health_refresh (VmpHealth    *self,
                    VmpNode      *node,
                    VmpHealthDone done,
                    gpointer      user_data)
{
  VmpWatched *watched;
  VmpHealthRound *round;

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
      round_add (round, watched->rounds);
      add_call (self, round, 0, done, user_data);
    }
  vmp_watched_queue (watched, VMP_QUEUED_AS_ASKED);
}

void
vmp_health_look (VmpHealth    *self,
                 VmpNode      *node,
                 VmpHealthDone done,
                 gpointer      user_data)
{
  VmpWatched *watched;
  VmpHealthRound *round;

  g_return_if_fail (self != NULL);
  g_return_if_fail (node != NULL);
  g_return_if_fail (done != NULL);

  watched = node->health_data;
  if (watched == NULL || !watched->is_asked)
    {
      add_call (self, NULL, 0, done, user_data);
      return;
    }

  round = round_new ();
  round_add (round, watched->next_rounds);
  add_call (self, round, 0, done, user_data);
  /* While a probe is under way this does nothing, and the next one follows by itself. */
  vmp_watched_queue (watched, VMP_QUEUED_AS_ASKED);
}

/* Those that are to be asked now; NULL: none. */
static VmpHealthRound *
begin_stale_round (VmpHealth *self,
                   gint64     now,
                   guint      max_age_ms)
{
  g_autofree VmpHealthRound *round = round_new ();
  GList *link;

  for (link = self->nodes.head; link != NULL; link = link->next)
    {
      VmpWatched *watched = link->data;
      const VmpNode *node = watched->node;

      if (node->approval != VMP_APPROVAL_APPROVED
          || (node->service != VMP_NODE_IN_SERVICE && node->service != VMP_NODE_DRAINING)
          || (node->checked_mono != 0 && now - node->checked_mono <= max_age_ms * G_TIME_SPAN_MILLISECOND))
        continue;

      round_add (round, watched->rounds);
      vmp_watched_queue (watched, VMP_QUEUED_AS_ASKED);
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
  vmp_health_set_timer (self);
}

void
vmp_health_forget_caller (VmpHealth *self,
                          gpointer   user_data)
{
  g_return_if_fail (self != NULL);

  drop_calls (&self->calls, FALSE, user_data);
  drop_calls (&self->told, FALSE, user_data);
}

/* SPDX-License-Identifier: MIT
 *
 * Holds: why only one model of a node may get requests now. What they all go through, whatever they are for: their
 * times, the looks at their nodes, what their load comes to, and the end, at which all that they took is given back.
 */

#include "relay/vmp-loads-private.h"

#include "core/vmp-limits.h"

#define MS G_TIME_SPAN_MILLISECOND

/* A load that takes longer than expected is not shown as finished. */
#define MOST_PROGRESS 0.99

/* -- Time ---------------------------------------------------------------------------------- */

static int
compare_due (gconstpointer a,
             gconstpointer b,
             gpointer      user_data)
{
  const VmpHold *one = a;
  const VmpHold *other = b;

  return one->due < other->due ? -1 : one->due > other->due;
}

/* Something more is to happen at that time. */
static void
take_earlier (gint64 *due,
              gint64  time)
{
  if (time != 0 && (*due == 0 || time < *due))
    *due = time;
}

static void timer_cb (gpointer user_data);

static void
set_timer (VmpLoads *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->due);

  if (g_sequence_iter_is_end (first))
    vmp_poll_clear_timer (self->poll, &self->timer);
  else
    vmp_poll_set_timer (self->poll, &self->timer, ((VmpHold *) g_sequence_get (first))->due, timer_cb, self);
}

void
vmp_hold_schedule (VmpHold *self)
{
  VmpLoads *loads = self->place->loads;
  gint64 due = 0;

  take_earlier (&due, self->next_progress);
  take_earlier (&due, self->next_look);
  take_earlier (&due, self->deadline);
  if (due == self->due)
    return;

  g_clear_pointer (&self->due_link, g_sequence_remove);
  self->due = due;
  if (due != 0)
    self->due_link = g_sequence_insert_sorted (loads->due, self, compare_due, NULL);
  set_timer (loads);
}

static void
unschedule (VmpHold *self)
{
  self->next_progress = 0;
  self->next_look = 0;
  self->deadline = 0;
  vmp_hold_schedule (self);
}

/* -- Events -------------------------------------------------------------------------------- */

double
vmp_hold_get_progress (const VmpHold *self,
                       gint64         now)
{
  double expected = vmp_host_expect_load_ms (self->host);

  if (!self->is_load || !(expected > 0))
    return -1;

  return CLAMP ((now - self->began) / (double) MS / expected, 0, MOST_PROGRESS);
}

void
vmp_hold_emit (VmpHold     *self,
               VmpLoadState state,
               const char  *reason,
               gint64       now)
{
  VmpLoads *loads = self->place->loads;
  const VmpLoadEvent event = {
    .state = state,
    .host = self->host,
    .progress = state == VMP_LOAD_DONE ? 1 : state == VMP_LOAD_UNLOADED ? -1 : vmp_hold_get_progress (self, now),
    .reason = reason,
    .duration_ms = (now - self->began) / MS,
  };

  loads->funcs.event (loads->user_data, &event);
}

void
vmp_hold_tell_callers (VmpHold    *self,
                       const char *error,
                       const char *instance,
                       gint64      now)
{
  VmpLoads *loads = self->place->loads;
  GList *link;

  while ((link = g_queue_pop_head_link (&self->callers)) != NULL)
    {
      VmpLoadsCaller *caller = link->data;

      caller->error = g_strdup (error);
      caller->instance = g_strdup (instance);
      caller->duration_ms = (now - self->began) / MS;
      g_queue_push_tail_link (&loads->told, link);
      vmp_loads_request_turn (loads, FALSE);
    }
}

void
vmp_hold_begin_load (VmpHold *self,
                     gint64   began,
                     gint64   now)
{
  self->next_progress = now + VMP_LIMIT_PROGRESS_MS * MS;
  vmp_hold_schedule (self);
  if (self->is_load)
    return;

  self->began = began;
  self->is_load = TRUE;
  self->place->loads->n_loads++;
  vmp_hold_emit (self, VMP_LOAD_STARTED, NULL, now);
}

/* Tells of the end of a load, if it counted as one. */
static void
end_load (VmpHold     *self,
          VmpLoadState state,
          const char  *reason,
          gint64       now)
{
  if (!self->is_load)
    return;

  self->is_load = FALSE;
  self->place->loads->n_loads--;
  self->next_progress = 0;
  vmp_hold_schedule (self);
  vmp_hold_emit (self, state, reason, now);
}

/* -- Holds --------------------------------------------------------------------------------- */

gboolean
vmp_hold_is_waiting (const VmpHold *self)
{
  return self->state == VMP_HOLD_WAITING || (self->state == VMP_HOLD_KEPT && self->kind != VMP_HOLD_KEEP);
}

void
vmp_hold_set_state (VmpHold     *self,
                    VmpHoldState state)
{
  VmpLoads *loads = self->place->loads;

  loads->n_waiting -= vmp_hold_is_waiting (self);
  self->state = state;
  loads->n_waiting += vmp_hold_is_waiting (self);
}

VmpHold *
vmp_hold_new (VmpLoadsPlace *place,
              VmpHost       *host,
              VmpHoldKind    kind,
              gint64         now)
{
  VmpHold *self = g_new0 (VmpHold, 1);

  self->place = place;
  self->host = vmp_host_ref (host);
  self->kind = kind;
  self->state = VMP_HOLD_WAITING;
  self->began = now;
  self->link.data = self;
  g_queue_init (&self->callers);
  g_queue_init (&self->left);
  g_queue_push_tail_link (&place->waiting, &self->link);
  place->loads->n_waiting++;

  return self;
}

void
vmp_hold_take (VmpHold     *self,
               VmpHoldState state,
               gboolean     leading)
{
  VmpLoadsPlace *place = self->place;

  g_assert (place->hold == NULL || place->hold == self);

  if (place->hold == NULL)
    g_queue_unlink (&place->waiting, &self->link);
  place->hold = self;
  place->node->taken_for = self->host;
  self->host->leading = leading;
  vmp_hold_set_state (self, state);
  unschedule (self);
}

static void
stop_looking (VmpHold *self)
{
  if (self->look_began != 0)
    vmp_health_forget_caller (self->place->loads->health, self);
  self->look_began = 0;
}

void
vmp_hold_end (VmpHold    *self,
              const char *error,
              gint64      now)
{
  VmpLoadsPlace *place = self->place;
  VmpLoads *loads = place->loads;

  end_load (self, error != NULL ? VMP_LOAD_FAILED : VMP_LOAD_DONE, error, now);
  vmp_hold_tell_callers (self, error, NULL, now);
  unschedule (self);
  stop_looking (self);
  g_clear_pointer (&self->ask, vmp_loads_ask_cancel);
  if (place->hold == self)
    {
      place->hold = NULL;
      place->node->taken_for = NULL;
      self->host->leading = FALSE;
      vmp_loads_request_turn (loads, TRUE);
    }
  else
    {
      g_queue_unlink (&place->waiting, &self->link);
    }
  loads->n_waiting -= vmp_hold_is_waiting (self);

  vmp_host_unref (self->host);
  g_queue_clear_full (&self->left, g_free);
  g_free (self->instance);
  g_free (self->error);
  g_free (self);
}

/* -- Looks --------------------------------------------------------------------------------- */

gboolean
vmp_hold_saw_loaded (const VmpHold *self,
                     gint64         look_began)
{
  return self->host->loaded && self->host->proven >= look_began;
}

gboolean
vmp_hold_saw_nothing (const VmpHold *self,
                      gint64         look_began)
{
  const VmpNode *node = self->place->node;

  return node->checked_mono < look_began || node->health == VMP_NODE_OFFLINE || node->inventory == NULL;
}

/* One that gives no answer in time is another thing: a server that is loading may be too busy for it. */
gboolean
vmp_hold_is_off (const VmpHold *self)
{
  const VmpNode *node = self->place->node;

  return node->health == VMP_NODE_OFFLINE && node->unreachable_mono >= self->began;
}

/* What is in memory is known now, or will not be. */
static void
checked (VmpHold *self,
         gint64   now)
{
  if (self->kind == VMP_HOLD_UNLOAD)
    vmp_hold_finish_unload (self, now);
  else if (self->host->loaded)
    vmp_hold_end (self, NULL, now);
  else if (self->callers.length > 0)
    vmp_hold_start_load (self);
  else
    vmp_hold_end (self, "The request that it was to be loaded for was refused.", now);
}

/* What became of a load that nobody is told of. */
static void
looked_while_watching (VmpHold *self,
                       gint64   look_began,
                       gint64   now)
{
  if (vmp_hold_saw_loaded (self, look_began))
    {
      vmp_hold_end (self, NULL, now);
      return;
    }
  /* Nobody is told of a node that was offline before. */
  if (vmp_hold_is_off (self))
    {
      vmp_hold_end (self, "Its node does not answer.", now);
      return;
    }

  self->next_look = now + self->look_delay_ms * MS;
  self->look_delay_ms = MIN (self->look_delay_ms * 2, VMP_LIMIT_LOAD_LOOK_MAX_MS);
  vmp_hold_schedule (self);
}

static void
hold_looked_cb (gpointer user_data)
{
  VmpHold *self = user_data;
  gint64 now = g_get_monotonic_time ();
  gint64 look_began = self->look_began;

  self->look_began = 0;
  switch (self->state)
    {
    case VMP_HOLD_LEADING:
      /* Its request runs on; followers may go. */
      if (vmp_hold_saw_loaded (self, look_began))
        vmp_hold_end (self, NULL, now);
      else if (!vmp_hold_saw_nothing (self, look_began) && !self->host->loaded)
        vmp_hold_begin_load (self, self->began, now);
      break;

    case VMP_HOLD_LOOKING:
      vmp_hold_looked_before_asking (self, look_began, now);
      break;

    case VMP_HOLD_WATCHING:
      looked_while_watching (self, look_began, now);
      break;

    case VMP_HOLD_CHECKING:
      checked (self, now);
      break;

    case VMP_HOLD_WAITING:
    case VMP_HOLD_KEPT:
    case VMP_HOLD_ASKING:
    default:
      break;
    }
}

void
vmp_hold_look (VmpHold *self)
{
  stop_looking (self);
  self->look_began = g_get_monotonic_time ();
  vmp_health_look (self->place->loads->health, self->place->node, hold_looked_cb, self);
}

/* -- What a load comes to ------------------------------------------------------------------ */

void
vmp_hold_check (VmpHold *self,
                gint64   now)
{
  vmp_hold_set_state (self, VMP_HOLD_CHECKING);
  self->next_look = 0;
  self->deadline = now + VMP_LIMIT_PROBE_MS * MS;
  vmp_hold_schedule (self);
  if (self->kind != VMP_HOLD_UNLOAD)
    self->host->leading = FALSE;
  vmp_hold_look (self);
  vmp_loads_request_turn (self->place->loads, TRUE);
}

void
vmp_hold_loaded (VmpHold    *self,
                 const char *instance,
                 double      took_ms,
                 gint64      now)
{
  vmp_host_prove_loaded (self->host, now);
  if (self->is_load && took_ms > 0)
    vmp_host_note_load (self->host, took_ms);
  end_load (self, VMP_LOAD_DONE, NULL, now);
  vmp_hold_tell_callers (self, NULL, instance, now);
  vmp_hold_check (self, now);
}

void
vmp_hold_failed (VmpHold    *self,
                 const char *reason,
                 gint64      now)
{
  vmp_host_note_load_failed (self->host, now);
  vmp_hold_refused (self, reason, now);
}

void
vmp_hold_refused (VmpHold    *self,
                  const char *reason,
                  gint64      now)
{
  end_load (self, VMP_LOAD_FAILED, reason, now);
  vmp_hold_tell_callers (self, reason, NULL, now);
  vmp_hold_check (self, now);
}

void
vmp_hold_watch (VmpHold *self,
                gint64   now)
{
  double expected_ms = vmp_host_expect_load_ms (self->host);

  /* The list does not show a load. So the node is held for as long as one may take. */
  vmp_hold_set_state (self, VMP_HOLD_WATCHING);
  self->deadline = now + MAX (VMP_LIMIT_LOAD_WATCH_MS, (gint64) MIN (2 * expected_ms, VMP_LIMIT_LOAD_MS)) * MS;
  self->look_delay_ms = VMP_LIMIT_LOAD_LOOK_MS;
  vmp_hold_schedule (self);
  if (self->look_began == 0)
    vmp_hold_look (self);
}

/* As long as a load may take has passed. */
static void
watched_in_vain (VmpHold *self,
                 gint64   now)
{
  g_autofree char *reason = NULL;

  vmp_host_note_unloaded (self->host);
  if (self->kind == VMP_HOLD_LEAD && self->callers.length > 0)
    {
      vmp_hold_start_load (self);
      return;
    }

  if (self->error != NULL)
    reason = g_steal_pointer (&self->error);
  else
    reason = g_strdup_printf ("Whoever waited for %s has left, and it did not come into memory.",
                              self->host->model_id);
  vmp_hold_end (self, reason, now);
}

/* -- Its times ---------------------------------------------------------------------------------- */

static void
deadline_passed (VmpHold *self,
                 gint64   now)
{
  self->deadline = 0;
  switch (self->state)
    {
    case VMP_HOLD_WAITING:
      self->is_late = TRUE;
      vmp_hold_schedule (self);
      vmp_loads_request_turn (self->place->loads, FALSE);
      break;

    case VMP_HOLD_WATCHING:
      watched_in_vain (self, now);
      break;

    case VMP_HOLD_CHECKING:
      checked (self, now);
      break;

    case VMP_HOLD_KEPT:
    case VMP_HOLD_LEADING:
    case VMP_HOLD_LOOKING:
    case VMP_HOLD_ASKING:
    default:
      vmp_hold_schedule (self);
      break;
    }
}

static void
timer_cb (gpointer user_data)
{
  VmpLoads *self = user_data;
  gint64 now = g_get_monotonic_time ();
  GSequenceIter *first;

  while (!g_sequence_iter_is_end (first = g_sequence_get_begin_iter (self->due))
         && ((VmpHold *) g_sequence_get (first))->due <= now)
    {
      VmpHold *hold = g_sequence_get (first);

      if (hold->deadline != 0 && hold->deadline <= now)
        {
          deadline_passed (hold, now);
          continue;
        }
      if (hold->next_progress != 0 && hold->next_progress <= now)
        {
          hold->next_progress = now + VMP_LIMIT_PROGRESS_MS * MS;
          vmp_hold_emit (hold, VMP_LOAD_PROGRESS, NULL, now);
        }
      if (hold->next_look != 0 && hold->next_look <= now)
        {
          hold->next_look = 0;
          vmp_hold_look (hold);
        }
      vmp_hold_schedule (hold);
    }
  set_timer (self);
}

/* SPDX-License-Identifier: MIT
 *
 * The part of VmpPoll that does not depend on how sockets are watched: one GSource with the timers and
 * the deferred calls. The timeout is given in prepare(), since g_source_set_ready_time() wakes the context
 * each time it is called.
 */

#include "core/vmp-poll-private.h"

typedef struct {
  GSource base;
  VmpPoll *poll;
} PollSource;

static gint64
next_due (VmpPoll *self)
{
  gint64 due = 0;
  guint i;

  for (i = 0; i < self->timers->len; i++)
    {
      VmpTimer *timer = g_ptr_array_index (self->timers, i);

      if (due == 0 || timer->due < due)
        due = timer->due;
    }

  return due;
}

static gboolean
poll_source_prepare (GSource *source,
                     int     *timeout)
{
  VmpPoll *self = ((PollSource *) source)->poll;
  gint64 due;
  gint64 now;

  *timeout = -1;
  if (self->deferred_head != NULL)
    return TRUE;

  due = next_due (self);
  if (due == 0)
    return FALSE;

  now = g_source_get_time (source);
  if (due <= now)
    return TRUE;

  /* Rounded up: a timer that wakes too early would turn the loop once for nothing. */
  *timeout = (int) MIN ((due - now + 999) / 1000, G_MAXINT);
  return FALSE;
}

static gboolean
poll_source_check (GSource *source)
{
  VmpPoll *self = ((PollSource *) source)->poll;
  gint64 due;

  if (self->deferred_head != NULL || vmp_poll_backend_ready (self))
    return TRUE;

  due = next_due (self);
  return due != 0 && due <= g_source_get_time (source);
}

static gboolean
poll_source_dispatch (GSource    *source,
                      GSourceFunc callback,
                      gpointer    user_data)
{
  VmpPoll *self = ((PollSource *) source)->poll;

  vmp_poll_run_due (self);
  vmp_poll_backend_dispatch (self);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs poll_source_funcs = {
  .prepare = poll_source_prepare,
  .check = poll_source_check,
  .dispatch = poll_source_dispatch,
};

VmpPoll *
vmp_poll_new (GMainContext *context)
{
  g_autofree VmpPoll *self = g_new0 (VmpPoll, 1);

  self->timers = g_ptr_array_new ();
  self->deferred_tail = &self->deferred_head;
  self->source = g_source_new (&poll_source_funcs, sizeof (PollSource));
  g_source_set_static_name (self->source, "vampire sockets");
  /* It never runs a loop of its own. But a source that may not recurse is taken out of the poll set and put back around
   * each dispatch, with two wake-ups. */
  g_source_set_can_recurse (self->source, TRUE);
  ((PollSource *) self->source)->poll = self;
  if (!vmp_poll_backend_init (self))
    {
      g_ptr_array_unref (self->timers);
      g_source_unref (self->source);
      return NULL;
    }
  g_source_attach (self->source, context);

  return g_steal_pointer (&self);
}

void
vmp_poll_free (VmpPoll *self)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (self->timers->len == 0);
  g_return_if_fail (self->deferred_head == NULL);

  g_source_destroy (self->source);
  vmp_poll_backend_clear (self);
  g_source_unref (self->source);
  g_ptr_array_unref (self->timers);
  g_free (self);
}

GMainContext *
vmp_poll_get_context (VmpPoll *self)
{
  return g_source_get_context (self->source);
}

static void
run_due_timers (VmpPoll *self)
{
  guint i = 0;
  gint64 now; /* read once: a timer that a call sets to this moment waits for the next turn */

  if (self->timers->len == 0)
    return;

  now = g_get_monotonic_time ();
  while (i < self->timers->len)
    {
      VmpTimer *timer = g_ptr_array_index (self->timers, i);

      if (timer->due > now)
        {
          i++;
          continue;
        }

      timer->due = 0;
      g_ptr_array_remove_index_fast (self->timers, i);
      timer->func (timer->user_data);
      i = 0; /* the call may have set or cleared any of them */
    }
}

void
vmp_poll_run_due (VmpPoll *self)
{
  run_due_timers (self);

  while (self->deferred_head != NULL)
    {
      VmpDeferred *deferred = self->deferred_head;

      self->deferred_head = deferred->next;
      if (self->deferred_head == NULL)
        self->deferred_tail = &self->deferred_head;
      deferred->next = NULL;
      deferred->queued = FALSE;
      deferred->func (deferred->user_data);
    }
}

void
vmp_poll_set_timer (VmpPoll    *self,
                    VmpTimer   *timer,
                    gint64      due,
                    VmpPollFunc func,
                    gpointer    user_data)
{
  g_return_if_fail (due > 0);

  if (timer->due == 0)
    g_ptr_array_add (self->timers, timer);
  timer->due = due;
  timer->func = func;
  timer->user_data = user_data;
}

void
vmp_poll_clear_timer (VmpPoll  *self,
                      VmpTimer *timer)
{
  if (timer->due == 0)
    return;

  timer->due = 0;
  g_ptr_array_remove_fast (self->timers, timer);
}

void
vmp_poll_defer (VmpPoll     *self,
                VmpDeferred *deferred,
                VmpPollFunc  func,
                gpointer     user_data)
{
  if (deferred->queued)
    return;

  deferred->func = func;
  deferred->user_data = user_data;
  deferred->queued = TRUE;
  deferred->next = NULL;
  *self->deferred_tail = deferred;
  self->deferred_tail = &deferred->next;
}

void
vmp_poll_cancel_deferred (VmpPoll     *self,
                          VmpDeferred *deferred)
{
  VmpDeferred **link = &self->deferred_head;

  if (!deferred->queued)
    return;

  while (*link != deferred)
    link = &(*link)->next;
  *link = deferred->next;
  if (self->deferred_tail == &deferred->next)
    self->deferred_tail = link;
  deferred->next = NULL;
  deferred->queued = FALSE;
}

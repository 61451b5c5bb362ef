/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its timers, a binary heap behind one GSource.
 */

#include "sim-timer.h"

struct _SimTimers {
  GSource *source;
  GPtrArray *heap;  /* of SimTimer, the earliest first */
};

typedef struct {
  GSource parent;
  SimTimers *timers;
} TimerSource;

static void
place (SimTimers *self,
       SimTimer  *timer,
       guint      index)
{
  self->heap->pdata[index] = timer;
  timer->slot = index + 1;
}

static void
sift_up (SimTimers *self,
         SimTimer  *timer,
         guint      index)
{
  while (index > 0)
    {
      guint parent = (index - 1) / 2;
      SimTimer *above = self->heap->pdata[parent];

      if (above->when <= timer->when)
        break;
      place (self, above, index);
      index = parent;
    }
  place (self, timer, index);
}

static void
sift_down (SimTimers *self,
           SimTimer  *timer,
           guint      index)
{
  guint n = self->heap->len;

  for (guint child = 2 * index + 1; child < n; child = 2 * index + 1)
    {
      SimTimer *below = self->heap->pdata[child];

      if (child + 1 < n && ((SimTimer *) self->heap->pdata[child + 1])->when < below->when)
        below = self->heap->pdata[++child];
      if (timer->when <= below->when)
        break;
      place (self, below, index);
      index = child;
    }
  place (self, timer, index);
}

static void
heap_remove (SimTimers *self,
             SimTimer  *timer)
{
  guint index = timer->slot - 1;
  SimTimer *last = self->heap->pdata[self->heap->len - 1];

  g_ptr_array_set_size (self->heap, (int) self->heap->len - 1);
  timer->slot = 0;
  if (last == timer)
    return;
  if (index > 0 && last->when < ((SimTimer *) self->heap->pdata[(index - 1) / 2])->when)
    sift_up (self, last, index);
  else
    sift_down (self, last, index);
}

static void
update_ready_time (SimTimers *self)
{
  gint64 when = self->heap->len > 0 ? ((SimTimer *) self->heap->pdata[0])->when : -1;

  if (g_source_get_ready_time (self->source) != when)
    g_source_set_ready_time (self->source, when);
}

static gboolean
timers_dispatch (GSource    *source,
                 GSourceFunc callback,
                 gpointer    user_data)
{
  SimTimers *self = ((TimerSource *) source)->timers;
  gint64 now = g_get_monotonic_time ();

  /* Only what is due by now: a timer that rearms itself for "at once" gives way to the sockets. */
  while (self->heap->len > 0)
    {
      SimTimer *timer = self->heap->pdata[0];

      if (timer->when > now)
        break;
      heap_remove (self, timer);
      timer->fire (timer->data);
    }
  update_ready_time (self);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = { .dispatch = timers_dispatch };

SimTimers *
sim_timers_new (void)
{
  SimTimers *self = g_new0 (SimTimers, 1);

  self->heap = g_ptr_array_new ();
  self->source = g_source_new (&timer_funcs, sizeof (TimerSource));
  ((TimerSource *) self->source)->timers = self;
  g_source_set_static_name (self->source, "sim-timers");
  g_source_attach (self->source, NULL);

  return self;
}

void
sim_timers_free (SimTimers *self)
{
  if (self == NULL)
    return;

  g_assert (self->heap->len == 0);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_ptr_array_unref (self->heap);
  g_free (self);
}

void
sim_timer_init (SimTimer    *timer,
                SimTimerFunc fire,
                gpointer     data)
{
  timer->fire = fire;
  timer->data = data;
  timer->when = 0;
  timer->slot = 0;
}

void
sim_timer_arm_at (SimTimers *self,
                  SimTimer  *timer,
                  gint64     when)
{
  if (timer->slot != 0)
    heap_remove (self, timer);

  /* One microsecond past a turn's "now" at the least, see timers_dispatch (). */
  timer->when = MAX (when, g_get_monotonic_time () + 1);
  g_ptr_array_add (self->heap, timer);
  sift_up (self, timer, self->heap->len - 1);
  update_ready_time (self);
}

void
sim_timer_arm_ms (SimTimers *self,
                  SimTimer  *timer,
                  double     ms)
{
  sim_timer_arm_at (self, timer, g_get_monotonic_time () + (gint64) (ms * 1000));
}

void
sim_timer_disarm (SimTimers *self,
                  SimTimer  *timer)
{
  if (timer->slot == 0)
    return;

  heap_remove (self, timer);
  update_ready_time (self);
}

gboolean
sim_timer_is_armed (const SimTimer *timer)
{
  return timer->slot != 0;
}

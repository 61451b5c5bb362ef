/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: all of its timers, in one GSource. A thousand streams of a
 * hundred tokens a second would otherwise be a thousand sources that GLib looks at in each turn.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

typedef void (*SimTimerFunc) (gpointer data);

/* Embedded in what it belongs to, which disarms it before it goes away. */
typedef struct {
  SimTimerFunc fire;
  gpointer data;
  gint64 when;  /* microseconds of g_get_monotonic_time () */
  guint slot;   /* its place in the heap, counted from 1; 0 while it is not armed */
} SimTimer;

SimTimers *sim_timers_new (void);

void sim_timers_free (SimTimers *self);

void sim_timer_init (SimTimer    *timer,
                     SimTimerFunc fire,
                     gpointer     data);

/* Arms or moves the timer. It fires once, from the main loop, never from in here. */
void sim_timer_arm_at (SimTimers *self,
                       SimTimer  *timer,
                       gint64     when);

void sim_timer_arm_ms (SimTimers *self,
                       SimTimer  *timer,
                       double     ms);

void sim_timer_disarm (SimTimers *self,
                       SimTimer  *timer);

gboolean sim_timer_is_armed (const SimTimer *timer);

G_END_DECLS

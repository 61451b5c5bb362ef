/* SPDX-License-Identifier: MIT
 *
 * Watches the gateway's sockets and timers on one GMainContext. GLib scans every source at each turn
 * and wakes itself up when one is added or removed; with hundreds of streams that costs more than
 * moving their bytes. So all sockets, of clients and of nodes, stand behind one source here: an epoll
 * set where there is epoll, one GLib source each elsewhere. Not thread-safe: it belongs to its context.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmpPoll VmpPoll;
typedef struct _VmpWatch VmpWatch;
typedef struct _VmpTimer VmpTimer;
typedef struct _VmpDeferred VmpDeferred;

typedef enum {
  VMP_POLL_NONE = 0,
  VMP_POLL_IN = 1 << 0,
  VMP_POLL_OUT = 1 << 1
} VmpPollEvents;

/* @events: what is ready. An error, a hang-up, or that the other side has ended is reported as everything that was
 * asked for, and at least as IN, even if that was not asked for: the next read or write tells which it was. */
typedef void (*VmpWatchFunc) (VmpPollEvents events,
                              gpointer      user_data);
typedef void (*VmpPollFunc) (gpointer user_data);

/* The structs below are embedded in what they serve, zero-initialised. Their fields belong to vmp-poll-*.c. */
struct _VmpWatch {
  int fd;
  VmpPollEvents events;
  VmpWatchFunc func;
  gpointer user_data;
  gpointer backend;
};

struct _VmpTimer {
  gint64 due; /* monotonic time in µs; 0 when not set */
  VmpPollFunc func;
  gpointer user_data;
};

struct _VmpDeferred {
  VmpPollFunc func;
  gpointer user_data;
  VmpDeferred *next;
  gboolean queued;
};

/* Attaches itself to @context (NULL: the default one). (transfer full) (nullable): NULL when no descriptor is left */
VmpPoll *vmp_poll_new (GMainContext *context);

/* Everything watched or set must have been removed before. */
void vmp_poll_free (VmpPoll *self);

/* The one that it is attached to. (transfer none) */
GMainContext *vmp_poll_get_context (VmpPoll *self);

/* Watches @fd, which must stay open until vmp_poll_unwatch(). */
void vmp_poll_watch (VmpPoll      *self,
                     VmpWatch     *watch,
                     int           fd,
                     VmpPollEvents events,
                     VmpWatchFunc  func,
                     gpointer      user_data);

/* Changes what is asked for; cheap when nothing changes. */
void vmp_poll_change (VmpPoll      *self,
                      VmpWatch     *watch,
                      VmpPollEvents events);

/* Stops watching, before the descriptor is closed; no call follows, also not for events already fetched. Does
 * nothing when it is not watched. */
void vmp_poll_unwatch (VmpPoll  *self,
                       VmpWatch *watch);

static inline gboolean
vmp_poll_is_watching (const VmpWatch *watch)
{
  return watch->func != NULL;
}

/* Calls @func once at @due (monotonic µs) or soon after; set again, it moves. Meant for a handful of timers. */
void vmp_poll_set_timer (VmpPoll    *self,
                         VmpTimer   *timer,
                         gint64      due,
                         VmpPollFunc func,
                         gpointer    user_data);
void vmp_poll_clear_timer (VmpPoll  *self,
                           VmpTimer *timer);

/* Calls @func when the events at hand have been worked off, before the next wait: the place to send what they
 * produced together. Queued twice, it is called once. */
void vmp_poll_defer (VmpPoll     *self,
                     VmpDeferred *deferred,
                     VmpPollFunc  func,
                     gpointer     user_data);
void vmp_poll_cancel_deferred (VmpPoll     *self,
                               VmpDeferred *deferred);

G_END_DECLS

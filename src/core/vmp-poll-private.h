/* SPDX-License-Identifier: MIT
 *
 * What both ways of watching sockets share: the source's timers and deferred calls. Included by
 * vmp-poll.c and the two backends only.
 */

#pragma once

#include "core/vmp-poll.h"

G_BEGIN_DECLS

struct _VmpPoll {
  GSource *source;
  GPtrArray *timers; /* of VmpTimer, those that are set */
  VmpDeferred *deferred_head;
  VmpDeferred **deferred_tail;
  gpointer backend;
};

/* What a backend supplies. */
gboolean vmp_poll_backend_init (VmpPoll *self);
void vmp_poll_backend_clear (VmpPoll *self);
/* Whether the source's descriptors have something; called after GLib's poll. */
gboolean vmp_poll_backend_ready (VmpPoll *self);
/* Calls the watches that are ready, with vmp_poll_run_due() after each batch. */
void vmp_poll_backend_dispatch (VmpPoll *self);

/* Calls the timers that are due and then everything deferred. */
void vmp_poll_run_due (VmpPoll *self);

G_END_DECLS

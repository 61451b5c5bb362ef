/* SPDX-License-Identifier: MIT
 *
 * What vmp-health.c and vmp-health-callers.c share, and when a node is looked at again, as a function of its own so
 * that it can be tested without waiting.
 */

#pragma once

#include "nodes/vmp-health.h"
#include "nodes/vmp-probe.h"

G_BEGIN_DECLS

/* Nodes whose answers somebody waits for. */
typedef struct {
  guint n_left;           /* nodes that have not answered */
  GQueue calls;           /* of VmpHealthCall */
} VmpHealthRound;

/* A caller that waits. */
typedef struct {
  VmpHealthDone done;
  gpointer user_data;
  VmpHealthRound *round;  /* NULL once it is to be told */
  gint64 deadline;        /* monotonic µs; 0: none */
  GList link;             /* in health->calls or health->told */
  GList round_link;       /* in round->calls */
} VmpHealthCall;

typedef enum {
  VMP_NOT_QUEUED,
  VMP_QUEUED_AS_DUE,
  VMP_QUEUED_AS_ASKED
} VmpQueuePlace;

/* A node and where it stands: its health_data. */
typedef struct {
  VmpHealth *health;
  VmpNode *node;
  GList link;             /* in health->nodes */
  gint64 due;             /* monotonic µs */
  GSequenceIter *due_link;/* in health->due; NULL: it has no time */
  VmpQueuePlace place;
  GList queue_link;
  VmpProbe *probe;        /* NULL: not under way */
  VmpTransferEnd change;  /* it moved, or its key changed, and the probe under way asks where it is now; else
                           * VMP_TRANSFER_DONE */
  guint n_failures;       /* in a row */
  GPtrArray *rounds;      /* of VmpHealthRound, that wait for it */
  GPtrArray *next_rounds; /* the same of those for whom the probe that is under way began too early */

  /* What decides how it is asked; when its owner changes that, it is asked anew. */
  gboolean is_asked;
  VmpApproval approval;
  char *base_url;
  char *token;
} VmpWatched;

struct _VmpHealth {
  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpRegistry *registry;
  const char *via;
  const char *instance;
  guint interval_s;

  GQueue nodes;           /* of VmpWatched */
  GSequence *due;         /* of VmpWatched, by time */
  GQueue asked_queue;
  GQueue due_queue;
  guint n_running;
  VmpTimer timer;         /* the earliest of all times */
  VmpDeferred turn;

  GQueue calls;           /* of VmpHealthCall that wait, in the order in which they came */
  GQueue told;            /* of those that are to be told */
  VmpHealthRound *stale;  /* the latest of vmp_health_refresh_stale(); NULL: none is under way */
  gint64 stale_since;     /* monotonic µs */
};

/* -- vmp-health.c ---------------------------------------------------------------------------- */

/* Has probes begin and callers be told, in a turn of their own. */
void vmp_health_request_turn (VmpHealth *self);

/* To be called when the earliest of all times may be another one. */
void vmp_health_set_timer (VmpHealth *self);

/* Nothing happens to one whose probe is under way: that is the one that was asked for. */
void vmp_watched_queue (VmpWatched   *watched,
                        VmpQueuePlace place);

/**
 * vmp_health_next_delay_ms:
 * @interval_s: between two looks at a node that answers; above 0
 * @pending: whether nobody has approved it yet
 * @n_failures: how often in a row it did not answer
 * @chance: from 0 to 1: what spreads nodes that came at the same time
 *
 * Returns: milliseconds until the next look
 */
gint64 vmp_health_next_delay_ms (guint    interval_s,
                                 gboolean pending,
                                 guint    n_failures,
                                 double   chance);

/* -- vmp-health-callers.c -------------------------------------------------------------------- */

/* Its probe begins: who waits for the next one waits for this one. */
void vmp_watched_begin (VmpWatched *watched);

/* Its probe is over. */
void vmp_watched_release (VmpWatched *watched);

/* No probe of it will come. */
void vmp_watched_give_up (VmpWatched *watched);

/* The first caller that does not wait for ever; NULL. */
VmpHealthCall *vmp_health_find_deadline (VmpHealth *self);

/* Has a caller be told in the next turn, whatever it waits for. */
void vmp_health_tell (VmpHealth     *self,
                      VmpHealthCall *call);

/* Tells those that are to be told. */
void vmp_health_tell_all (VmpHealth *self);

/* Forgets all callers. */
void vmp_health_drop_calls (VmpHealth *self);

G_END_DECLS

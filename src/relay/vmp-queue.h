/* SPDX-License-Identifier: MIT
 *
 * Calls that have to wait for a place: one queue per model that was asked for, fair between clients. It knows who
 * comes next and for how long each has waited; whether a call can go now is the business of whoever asks it.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmpQueue VmpQueue;

/* A call that waits. To be zeroed once, and kept by its owner. */
typedef struct {
  gpointer call;        /* the owner's */
  char *model;          /* NULL: it does not wait */
  gint64 since;         /* monotonic µs */
  gint64 deadline;      /* monotonic µs; when it is to be told that it waits in vain; 0: never */
  guint64 number;       /* rises */
  GList link;           /* in its client's line */
  GList trial;          /* among its model's */
  guint64 pump;         /* the last one in which it was tried */
  GSequenceIter *due;   /* by deadline; NULL: it has none */
  gpointer line;
} VmpQueueEntry;

/* (transfer full) */
VmpQueue *vmp_queue_new (void);
/* Nobody may wait. */
void vmp_queue_free (VmpQueue *self);

/* @limit: entries of one model, VMP_LIMIT_QUEUE until this is called */
void vmp_queue_set_limit (VmpQueue *self,
                          guint     limit);

/* At the end of the client's line for that model. FALSE when that model has as many as it may. */
gboolean vmp_queue_add (VmpQueue      *self,
                        VmpQueueEntry *entry,
                        gpointer       call,
                        const char    *model,
                        const char    *client,
                        gint64         now,
                        gint64         deadline);

/* Also when it does not wait. Its client keeps its turn. */
void vmp_queue_remove (VmpQueue      *self,
                       VmpQueueEntry *entry);

/* TRUE when it went, and was removed by that; FALSE: it waits on. It may remove others, and add new ones. */
typedef gboolean (*VmpQueueTry) (gpointer call,
                                 gpointer user_data);

/**
 * vmp_queue_pump:
 *
 * Tries those that wait, until none of them can go: models in the order of their longest-waiting calls, within a model
 * clients by turns, within a client by age. Of a model whose first VMP_LIMIT_QUEUE_TRIES could not go, as many of the
 * rest are tried, those first that were not for the longest time: what keeps the first ones may not be in their way.
 * Not to be called from @func.
 */
void vmp_queue_pump (VmpQueue   *self,
                     VmpQueueTry func,
                     gpointer    user_data);

/* Takes out the next entry whose deadline has passed; NULL: none. (transfer none): the call */
gpointer vmp_queue_pop_due (VmpQueue *self,
                            gint64    now);
/* When the next deadline is; 0: never. */
gint64 vmp_queue_get_next_due (VmpQueue *self);

/* How many wait for a model, and in all; since when the longest-waiting one does (0: nobody). */
guint vmp_queue_count (VmpQueue   *self,
                       const char *model);
guint vmp_queue_count_all (VmpQueue *self);
gint64 vmp_queue_get_oldest (VmpQueue   *self,
                             const char *model);

/* Calls @func with each model for which somebody waits. */
typedef void (*VmpQueueModelFunc) (const char *model,
                                   guint       count,
                                   gint64      oldest,
                                   gpointer    user_data);
void vmp_queue_for_each_model (VmpQueue         *self,
                               VmpQueueModelFunc func,
                               gpointer          user_data);

G_END_DECLS

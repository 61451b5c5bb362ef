/* SPDX-License-Identifier: MIT
 *
 * Keeps requests away from a node that fails. Failures in a row open it; after a while one request may try; what
 * becomes of that one closes it or opens it again, for longer. A plain value; time is given by the caller.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_BREAKER_CLOSED,
  VMP_BREAKER_OPEN,
  VMP_BREAKER_HALF_OPEN, /* one request tries */
  VMP_N_BREAKER_STATES
} VmpBreakerState;

typedef struct {
  VmpBreakerState state;
  guint failures;       /* in a row */
  guint openings;       /* in a row: how long it stays open doubles with each */
  gint64 retry_at;      /* monotonic µs: when an open one lets a request try */
  gint64 last_failure;  /* monotonic µs; 0: never */
} VmpBreaker;

const char *vmp_breaker_state_to_string (VmpBreakerState state); /* "closed", "open", "half_open" */

/* Whether a request may go there now. Changes nothing. */
gboolean vmp_breaker_would_allow (const VmpBreaker *self,
                                  gint64            now);

/* Takes the permission for one request: an open one whose time has come becomes half open. FALSE when there is none. */
gboolean vmp_breaker_take (VmpBreaker *self,
                           gint64      now);

/* What became of a request; each is told once. TRUE when the state changed. */
gboolean vmp_breaker_succeed (VmpBreaker *self);
gboolean vmp_breaker_fail (VmpBreaker *self,
                           gint64      now);

/* The request that tried ended without telling anything, such as by its client's leaving: another one may try. */
void vmp_breaker_give_back (VmpBreaker *self);

G_END_DECLS

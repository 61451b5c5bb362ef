/* SPDX-License-Identifier: MIT
 *
 * One request under way: from the call to an answer, or to what became of it. It has a plan made, waits for its place,
 * asks one node after the other until one answers, and passes that answer on at the pace of the slower side. It ends
 * exactly once, on every path, and what it counted is given back there and only there.
 */

#pragma once

#include "relay/vmp-relay.h"

G_BEGIN_DECLS

typedef struct _VmpExchange VmpExchange;

/* How an exchange can end. */
typedef enum {
  VMP_OUTCOME_DONE,
  VMP_OUTCOME_UPSTREAM_FAILED,
  VMP_OUTCOME_CLIENT_GONE,
  VMP_OUTCOME_SHUT_DOWN,
  VMP_OUTCOME_REVOKED,   /* the key, the share or the node's approval that it ran under is no more */
  VMP_OUTCOME_CANCELLED, /* by the owner */
  VMP_OUTCOME_REFUSED,   /* no node was asked */
  VMP_N_OUTCOMES
} VmpOutcome;

const char *vmp_outcome_to_string (VmpOutcome outcome);

/* Where the answer goes: the client's connection. */
typedef struct {
  /* A node is asked; the last one that was is the one that answers. */
  void (*asks) (gpointer       sink,
                const VmpNode *node);
  /* @length: bytes of the body, or -1 when it is not known beforehand */
  void (*head) (gpointer            sink,
                guint               status,
                VmpSlice            reason,
                const VmpHttpField *fields,
                guint               n_fields,
                gint64              length);
  /* An error in the place of an answer that has not begun: all but its end. */
  void (*problem) (gpointer            sink,
                   VmpProblem          problem,
                   const char         *message,
                   const VmpHttpField *fields,
                   guint               n_fields);
  /* Takes all of it, always. */
  void (*body) (gpointer    sink,
                const char *data,
                gsize       len);
  /* FALSE while enough waits to be sent; then vmp_exchange_drained() follows. */
  gboolean (*has_room) (gpointer sink);
  /* The answer is whole, or at least well formed. */
  void (*end) (gpointer   sink,
               VmpOutcome outcome);
  /* The answer is broken off: the connection must not look as if it ended well. */
  void (*tear) (gpointer   sink,
                VmpOutcome outcome);
} VmpReplySink;

/**
 * vmp_exchange_new:
 * @call: must stay valid until the exchange ends
 * @sink_funcs: static
 *
 * After the sink's end() or tear() the exchange is gone.
 *
 * Returns: (transfer none): the exchange; nothing is called before vmp_exchange_run()
 */
VmpExchange *vmp_exchange_new (VmpRelay           *relay,
                               const VmpCall      *call,
                               const VmpReplySink *sink_funcs,
                               gpointer            sink);

/* It may be over when this returns. */
void vmp_exchange_run (VmpExchange *self);

/* There is room again. */
void vmp_exchange_drained (VmpExchange *self);

/* The client left: the node is told at once, and nothing is called any more. */
void vmp_exchange_client_gone (VmpExchange *self);

G_END_DECLS

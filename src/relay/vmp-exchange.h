/* SPDX-License-Identifier: MIT
 *
 * One request under way: from the call to a node's answer, or to what became of it. It ends exactly once, on
 * every path, and what it counted is given back there and only there. It passes the answer on as it comes, at
 * the pace of the slower side, and keeps event streams well formed when a node dies.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-problem.h"
#include "nodes/vmp-registry.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

typedef struct _VmpExchange VmpExchange;
typedef struct _VmpRelay VmpRelay;

/* How an exchange can end. */
typedef enum {
  VMP_OUTCOME_DONE,
  VMP_OUTCOME_UPSTREAM_FAILED,
  VMP_OUTCOME_CLIENT_GONE,
  VMP_OUTCOME_SHUT_DOWN,
  VMP_OUTCOME_REVOKED, /* the key, the share or the node's approval that it ran under is no more */
  VMP_N_OUTCOMES
} VmpOutcome;

const char *vmp_outcome_to_string (VmpOutcome outcome);

/* Where the answer goes: the client's connection. */
typedef struct {
  /* @length: bytes of the body, or -1 when it is not known beforehand */
  void (*head) (gpointer            sink,
                guint               status,
                VmpSlice            reason,
                const VmpHttpField *fields,
                guint               n_fields,
                gint64              length);
  /* Takes all of it, always. */
  void (*body) (gpointer    sink,
                const char *data,
                gsize       len);
  /* FALSE while enough waits to be sent; then vmp_exchange_drained() follows. */
  gboolean (*has_room) (gpointer sink);
  /* The answer is whole, or at least well formed. */
  void (*end) (gpointer   sink,
               VmpOutcome outcome);
  /* An error takes the place of the answer; nothing was sent yet. */
  void (*problem) (gpointer    sink,
                   VmpOutcome  outcome,
                   VmpProblem  problem,
                   const char *message);
  /* The answer is broken off: the connection must not look as if it ended well. */
  void (*tear) (gpointer   sink,
                VmpOutcome outcome);
} VmpReplySink;

/* Keeps the exchanges of a gateway. (transfer full) */
VmpRelay *vmp_relay_new (VmpUpstream *upstream,
                         VmpRegistry *registry,
                         const char  *via);
/* All exchanges must have ended. */
void vmp_relay_free (VmpRelay *self);
/* Exchanges under way. */
guint vmp_relay_get_active (VmpRelay *self);

/* Ends all of them with VMP_OUTCOME_SHUT_DOWN: event streams with an error event, answers that did not begin with
 * 503, others by tearing. */
void vmp_relay_shut_down (VmpRelay *self);

/* Whether an exchange is meant. */
typedef gboolean (*VmpExchangeMatch) (const VmpCall *call,
                                      const VmpNode *node,
                                      gconstpointer  what);

/* Ends those that are meant with VMP_OUTCOME_REVOKED, in the same ways. @message: a sentence for their clients */
void vmp_relay_revoke (VmpRelay        *self,
                       VmpExchangeMatch match,
                       gconstpointer    what,
                       const char      *message);

/**
 * vmp_exchange_start:
 * @call: must stay valid until the exchange ends
 * @sink_funcs: static
 *
 * Asks the node, with its token, if that is one it may get. After the sink's end(), problem() or tear() the exchange is
 * gone. Nothing is called before this returns.
 *
 * Returns: (transfer none) (nullable): the exchange; NULL when the node may not be asked now, and nothing is called
 */
VmpExchange *vmp_exchange_start (VmpRelay           *relay,
                                 const VmpCall      *call,
                                 VmpNode            *node,
                                 const VmpReplySink *sink_funcs,
                                 gpointer            sink);

/* There is room again. */
void vmp_exchange_drained (VmpExchange *self);

/* The client left: the node is told at once, and nothing is called any more. */
void vmp_exchange_client_gone (VmpExchange *self);

G_END_DECLS

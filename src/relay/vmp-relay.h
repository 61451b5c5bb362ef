/* SPDX-License-Identifier: MIT
 *
 * All requests under way, and what they share: who waits for a place, who loads what, and the one moment at which
 * those that wait are tried again. It knows exchanges as a list; what each does is its own business.
 */

#pragma once

#include "nodes/vmp-health.h"
#include "relay/vmp-journal.h"
#include "relay/vmp-loads.h"
#include "relay/vmp-queue.h"
#include "routing/vmp-router.h"

G_BEGIN_DECLS

typedef struct _VmpRelay VmpRelay;

/* What it is made of; all outlive it. */
typedef struct {
  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpRegistry *registry;
  VmpRouter *router;
  VmpHealth *health;
  VmpJournal *journal;
  const char *via;
} VmpRelayParts;

typedef struct {
  guint queue_limit;
  guint queue_seconds;
  guint patience_seconds;
  gboolean loading_comments;
  gboolean continues;         /* streams that break off are continued, unless a client says otherwise */
} VmpRelaySettings;

typedef void (*VmpRelayLoadFunc) (gpointer            user_data,
                                  const VmpLoadEvent *event);

/* @load_event: for those who follow the events. (transfer full) */
VmpRelay *vmp_relay_new (const VmpRelayParts *parts,
                         VmpRelayLoadFunc     load_event,
                         gpointer             user_data);
/* All exchanges must have ended. */
void vmp_relay_free (VmpRelay *self);
void vmp_relay_set_settings (VmpRelay               *self,
                             const VmpRelaySettings *settings);

/* To be told by the registry's listener. */
void vmp_relay_node_changed (VmpRelay     *self,
                             VmpNode      *node,
                             VmpNodeChange change);

/* Exchanges under way. */
guint vmp_relay_get_active (VmpRelay *self);
/* Those of them that wait for a place. */
guint vmp_relay_count_waiting (VmpRelay *self);

/* Tokens per second of all answers together, since it was last asked: streams as they come, others, whose tokens are
 * known at their end alone, by their speed at that time. @now: monotonic µs */
double vmp_relay_measure_rate (VmpRelay *self,
                               gint64    now);

/* (transfer none) */
VmpQueue *vmp_relay_get_queue (VmpRelay *self);
VmpLoads *vmp_relay_get_loads (VmpRelay *self);

/* Ends all of them with VMP_OUTCOME_SHUT_DOWN: event streams with an error event, answers that did not begin with
 * 503, others by tearing. */
void vmp_relay_shut_down (VmpRelay *self);

/* Ends those that no node is asked for yet, since the owner has paused the gateway; and what is said of that, also to
 * those who come later. */
void vmp_relay_refuse_waiting (VmpRelay *self);
const char *vmp_relay_paused_message (gboolean is_shared);

/* Whether an exchange is meant. @node: (nullable): that it is at; NULL while it waits */
typedef gboolean (*VmpExchangeMatch) (const VmpCall *call,
                                      const VmpNode *node,
                                      gconstpointer  what);

/* Ends those that are meant with VMP_OUTCOME_REVOKED, in the same ways. @message: a sentence for their clients */
void vmp_relay_revoke (VmpRelay        *self,
                       VmpExchangeMatch match,
                       gconstpointer    what,
                       const char      *message);

/* The owner ends one. FALSE when none of that id is under way. */
gboolean vmp_relay_cancel (VmpRelay   *self,
                           const char *id);

G_END_DECLS

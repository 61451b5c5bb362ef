/* SPDX-License-Identifier: MIT
 *
 * Keeps the registry's health up to date by itself: probes each node every so often, with jitter, less often while it
 * does not answer, at most VMP_LIMIT_PROBES at a time. Blocked and disabled nodes, and those in quarantine, are left
 * alone; pending ones are asked for their public list, without a token. It also tells a node that has moved or whose
 * key has changed from one that is merely off, and has its approval suspended.
 */

#pragma once

#include "nodes/vmp-registry.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

typedef struct _VmpHealth VmpHealth;
typedef void (*VmpHealthDone) (gpointer user_data);

/* @via: the Via field's value. All outlive it. (transfer full) */
VmpHealth *vmp_health_new (VmpPoll     *poll,
                           VmpUpstream *upstream,
                           VmpRegistry *registry,
                           const char  *via,
                           const char  *instance);
void vmp_health_free (VmpHealth *self);

/* Seconds between two looks at a node that answers, VMP_LIMIT_HEALTH_S until this is called; 0: it probes only when
 * asked to. */
void vmp_health_set_interval (VmpHealth *self,
                              guint      seconds);

/* To be told by the registry's listener: a node came, went or was changed by its owner. */
void vmp_health_node_changed (VmpHealth    *self,
                              VmpNode      *node,
                              VmpNodeChange change);

/* Probes one node now, or waits for the probe that is under way. @done: (nullable) */
void vmp_health_refresh (VmpHealth    *self,
                         VmpNode      *node,
                         VmpHealthDone done,
                         gpointer      user_data);

/* Probes one node, and waits for what it says from now on: when a probe is under way, another one follows it, and
 * @done is called after that. Never before this returns; at once when the node is not asked at all. */
void vmp_health_look (VmpHealth    *self,
                      VmpNode      *node,
                      VmpHealthDone done,
                      gpointer      user_data);

/**
 * vmp_health_refresh_stale:
 * @max_age_ms: nodes that were probed within this time are left alone
 *
 * Probes the approved nodes that may be listed and whose last probe is older, and calls @done when all of those have
 * answered or VMP_LIMIT_PROBE_MS is over, whichever is first. Never before this returns.
 */
void vmp_health_refresh_stale (VmpHealth    *self,
                               guint         max_age_ms,
                               VmpHealthDone done,
                               gpointer      user_data);

/* Takes back the calls that are to come for @user_data. */
void vmp_health_forget_caller (VmpHealth *self,
                               gpointer   user_data);

G_END_DECLS

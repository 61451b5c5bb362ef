/* SPDX-License-Identifier: MIT
 *
 * Which node has which response, kept over a restart: a conversation that builds on a response goes on at the node that
 * made it, and nobody else knows of it. Ids of responses and of nodes and when they were used last, nothing else of
 * what VmpAffinity knows; written by the store's thread, many at a time, so that no request waits for a disk.
 */

#pragma once

#include "core/vmp-poll.h"
#include "nodes/vmp-registry.h"
#include "routing/vmp-affinity.h"
#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef struct _VmpAffinityKeeper VmpAffinityKeeper;

/* Reads what was kept, and keeps what becomes known from now on. To be made when all nodes are there that were stored:
 * what is of others is forgotten. All of these outlive it; nobody else may listen to @affinity. (transfer full) */
VmpAffinityKeeper *vmp_affinity_keeper_new (VmpPoll     *poll,
                                            VmpStore    *store,
                                            VmpRegistry *registry,
                                            VmpAffinity *affinity);

/* Puts into the store what is not in it yet. */
void vmp_affinity_keeper_free (VmpAffinityKeeper *self);

G_END_DECLS

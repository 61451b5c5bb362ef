/* SPDX-License-Identifier: MIT
 *
 * Which nodes wait for approval, the one that has waited longest first, without those that were decided a moment ago,
 * and which of them were put off. What was put off is remembered as long as the mirror lives, over all windows.
 */

#pragma once

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

typedef struct _VmpApprovalsQueue VmpApprovalsQueue;

/* (transfer full) */
VmpApprovalsQueue *vmp_approvals_queue_new (VmpMirror *mirror);
void vmp_approvals_queue_free (VmpApprovalsQueue *self);

/* Reads the mirror's nodes anew. */
void vmp_approvals_queue_update (VmpApprovalsQueue *self);

guint vmp_approvals_queue_get_length (VmpApprovalsQueue *self);
/* (transfer none) (nullable) */
VmpItem *vmp_approvals_queue_get_item (VmpApprovalsQueue *self,
                                       guint              position);
VmpItem *vmp_approvals_queue_get_by_id (VmpApprovalsQueue *self,
                                        const char        *node_id);
/* The first that was not put off. */
VmpItem *vmp_approvals_queue_get_next (VmpApprovalsQueue *self);
/* Its place, from 0; -1: it does not wait */
int vmp_approvals_queue_find (VmpApprovalsQueue *self,
                              const char        *node_id);
/* Of VmpItem. (transfer none) */
GListModel *vmp_approvals_queue_get_model (VmpApprovalsQueue *self);

/* It is shown again only when its owner asks for it. */
void vmp_approvals_queue_put_off (VmpApprovalsQueue *self,
                                  const char        *node_id);
/* The gateway took the decision; the mirror may still hear of it. */
void vmp_approvals_queue_decided (VmpApprovalsQueue *self,
                                  const char        *node_id);
/* The decision is being undone. */
void vmp_approvals_queue_take_back (VmpApprovalsQueue *self,
                                    const char        *node_id);

G_END_DECLS

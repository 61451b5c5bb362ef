/* SPDX-License-Identifier: MIT
 *
 * A node: one base URL at which somebody's models can be reached, and what is known of it. It learns from
 * the traffic that goes to it; it sends none itself.
 */

#pragma once

#include "core/vmp-url.h"

G_BEGIN_DECLS

typedef enum {
  VMP_NODE_UNKNOWN, /* nothing was sent to it yet */
  VMP_NODE_ONLINE,
  VMP_NODE_OFFLINE,
  VMP_N_NODE_STATUSES
} VmpNodeStatus;

typedef struct _VmpNode VmpNode;

/* @base_url: one that vmp_base_url_parse() accepts, such as VmpSettings holds. (transfer full) */
VmpNode *vmp_node_new (const char *base_url);
VmpNode *vmp_node_ref (VmpNode *self);
void vmp_node_unref (VmpNode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpNode, vmp_node_unref)

/* "node-192-168-1-50-1234": made of its host and port, so that it stays the same over restarts. */
const char *vmp_node_get_id (VmpNode *self);
const VmpBaseUrl *vmp_node_get_base_url (VmpNode *self);
VmpNodeStatus vmp_node_get_status (VmpNode *self);
const char *vmp_node_status_to_string (VmpNodeStatus status);

/* What traffic has shown: an answer came, or nobody was there. A change is logged. */
void vmp_node_learn (VmpNode      *self,
                     VmpNodeStatus status,
                     const char   *reason);

G_END_DECLS

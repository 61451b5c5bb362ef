/* SPDX-License-Identifier: MIT
 *
 * What goes to a node besides the request itself, made in one place: what may be connected to, Via, and the node's
 * token. And what stops at the gateway: its clients' credentials, and the fields that speak of one connection only.
 */

#pragma once

#include "core/vmp-limits.h"
#include "nodes/vmp-registry.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

/* Fields that are added to a request: Via, Authorization, and a place for one of the caller's. */
#define VMP_NODE_REQUEST_OWN_FIELDS 3

typedef struct {
  VmpTransferRequest request; /* the caller sets method, target and body */
  VmpReach reach;
  char *authorization;
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS + VMP_NODE_REQUEST_OWN_FIELDS];
} VmpNodeRequest;

/**
 * vmp_node_request_init:
 * @via: the field's value
 * @fields: (nullable): of a client's request; those that are meant for the node are taken over
 *
 * Refers to the node and to @fields until it is cleared, which it may be as soon as the transfer has begun.
 */
void vmp_node_request_init (VmpNodeRequest     *self,
                            VmpRegistry        *registry,
                            VmpNode            *node,
                            const char         *via,
                            const VmpHttpField *fields,
                            guint               n_fields);
/* Wipes the token. */
void vmp_node_request_clear (VmpNodeRequest *self);

/* Copies the fields that are meant for the other end, repeated ones too and in their order. @kept has room for
 * @n_fields. Returns how many there are. */
guint vmp_fields_keep_end_to_end (const VmpHttpField *fields,
                                  guint               n_fields,
                                  VmpHttpField       *kept);

G_END_DECLS

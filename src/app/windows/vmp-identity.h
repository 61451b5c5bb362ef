/* SPDX-License-Identifier: MIT
 *
 * Who a waiting node is, as its owner saw it: a snapshot that does not change while it is on screen. The window of
 * approvals takes one, shows it, compares it with what comes later, and approves by it.
 */

#pragma once

#include "app/mirror/vmp-item.h"

G_BEGIN_DECLS

typedef struct {
  char *node_id;
  char *name;            /* NULL: it has none */
  char *host;            /* what the machine is called; NULL */
  char *base_url;
  char *seen_address;    /* that its last answer came from; NULL: it has not answered yet */
  char *seen_key;        /* of https; NULL */
  char *provider;        /* what runs there, as vmp_ui_text_provider() takes it; NULL: not known */
  char *found_by;        /* NULL */
  char *found_at;        /* NULL */
  char *pending_reason;  /* why its approval is gone; NULL: it never had one */
  gint64 n_models;
  gboolean wants_token;
} VmpIdentity;

/* How a later one differs. */
typedef enum {
  VMP_IDENTITY_SAME,
  VMP_IDENTITY_LEARNT,   /* nothing that was known is otherwise; more is known */
  VMP_IDENTITY_CHANGED
} VmpIdentityChange;

/* @document: of a node, as the control API has it. (transfer full) */
VmpIdentity *vmp_identity_new (const char *node_id,
                               JsonObject *document);
/* (transfer full) */
VmpIdentity *vmp_identity_copy (const VmpIdentity *self);
void vmp_identity_free (VmpIdentity *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpIdentity, vmp_identity_free)

VmpIdentityChange vmp_identity_compare (const VmpIdentity *shown,
                                        const VmpIdentity *later);

/* What people call it: its name, else its machine's, else its address. Plain text. (transfer none) */
const char *vmp_identity_get_title (const VmpIdentity *self);
gboolean vmp_identity_is_https (const VmpIdentity *self);

/* The body of its approval: the gateway refuses it for a node that is not this one any more. (transfer full) */
JsonNode *vmp_identity_to_approval (const VmpIdentity *self);

/* A name within a sentence: between quotes, and so that letters that run from right to left leave the rest of the
 * sentence in order. (transfer full) */
char *vmp_identity_quote (const char *name);

G_END_DECLS

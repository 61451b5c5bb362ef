/* SPDX-License-Identifier: MIT
 *
 * What the link's two files share: calls, which are what is under way for a link and may outlive it. And what tests
 * of it need.
 */

#pragma once

#include "client/vmp-client-private.h"
#include "client/vmp-link.h"

G_BEGIN_DECLS

/* One question or stream. */
typedef struct {
  VmpLink *link;             /* NULL once it has let go */
  GList node;                /* in the link's calls */
  GCancellable *cancellable; /* of this call alone */
  GCancellable *caller;      /* (nullable) */
  gulong handler;            /* on @caller */
  char *reason;              /* why the link ended it; NULL: it did not, or was stopped */
} VmpLinkCall;

void vmp_link_call_begin (VmpLinkCall  *call,
                          VmpLink      *self,
                          GCancellable *caller);
void vmp_link_call_end (VmpLinkCall *call);
/* What one that failed is told. (transfer full) */
GError *vmp_link_call_make_error (const VmpLinkCall *call,
                                  const GError      *error);

/* Whom to ask; NULL with an error while the link is not CONNECTED. (transfer none) */
VmpClient *vmp_link_get_client (VmpLink *self,
                                GError **error);

/* Milliseconds without a byte of the event stream after which its connection counts as dead, and until the first new
 * attempt, in the place of the usual ones. Before it is started. */
void vmp_link_set_times (VmpLink *self,
                         guint    patience_ms,
                         guint    retry_ms);

G_END_DECLS

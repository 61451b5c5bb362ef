/* SPDX-License-Identifier: MIT
 *
 * The window of approvals, where the owner decides about nodes that were found: the one place that can grant. It shows
 * one identity at a time, which does not change under the owner's eyes.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

/* How long an identity is on screen, in the window that has the focus, before Approve and Block can be pressed: a click
 * or a key that was meant for something else must not decide. */
#define VMP_APPROVALS_DELAY_MS 1000

#define VMP_TYPE_APPROVALS_WINDOW (vmp_approvals_window_get_type ())
/* Signal "seen" (const char *node_id, gboolean seen): the identity of that node is on the screen now, or no more. */
G_DECLARE_FINAL_TYPE (VmpApprovalsWindow, vmp_approvals_window, VMP, APPROVALS_WINDOW, AdwWindow)

VmpApprovalsWindow *vmp_approvals_window_new (GtkApplication *application,
                                              VmpMirror      *mirror);
/* @node_id: (nullable): the one to begin with; NULL: the one that has waited longest */
void vmp_approvals_window_show_node (VmpApprovalsWindow *self,
                                     const char         *node_id);

/* In place of VMP_APPROVALS_DELAY_MS, for tests. */
void vmp_approvals_window_set_delay (VmpApprovalsWindow *self,
                                     guint               delay_ms);

G_END_DECLS

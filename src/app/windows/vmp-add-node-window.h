/* SPDX-License-Identifier: MIT
 *
 * The window that adds a node by its address. Typing an address and adding it is the owner's approval.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_ADD_NODE_WINDOW (vmp_add_node_window_get_type ())
G_DECLARE_FINAL_TYPE (VmpAddNodeWindow, vmp_add_node_window, VMP, ADD_NODE_WINDOW, AdwWindow)

/* @parent: a widget of the window that it is in front of. The window belongs to GTK. */
VmpAddNodeWindow *vmp_add_node_window_present (GtkWidget *parent,
                                               VmpMirror *mirror);

/* What a person typed as a whole address: without a scheme it is http, and then without a port LM Studio's. (transfer
 * full) */
char *vmp_add_node_complete_address (const char *typed);

G_END_DECLS

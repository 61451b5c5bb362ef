/* SPDX-License-Identifier: MIT
 *
 * A plain list of nodes by what people call them, to choose one from.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* @nodes: (transfer none): of VmpItem */
void vmp_node_names_set_up (GtkListView *view,
                            GListModel  *nodes);

G_END_DECLS

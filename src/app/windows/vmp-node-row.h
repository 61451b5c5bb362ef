/* SPDX-License-Identifier: MIT
 *
 * A row of the list of nodes: a heading, or a node as a piece of a card. Rows are used again for other nodes while the
 * list is scrolled.
 */

#pragma once

#include "app/windows/vmp-node-sections.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_NODE_ROW (vmp_node_row_get_type ())
G_DECLARE_FINAL_TYPE (VmpNodeRow, vmp_node_row, VMP, NODE_ROW, GtkBox)

GtkWidget *vmp_node_row_new (void);

void vmp_node_row_set_heading (VmpNodeRow      *self,
                               VmpNodesHeading *heading);
void vmp_node_row_set_node (VmpNodeRow *self,
                            VmpItem    *node,
                            gboolean    is_first,
                            gboolean    is_last);
/* It shows nothing, and listens to nothing. */
void vmp_node_row_clear (VmpNodeRow *self);

/* Sets @image to what goes with the node's state: its shape says it, its colour says it again. */
void vmp_node_row_set_icon (GtkImage *image,
                            VmpItem  *node);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The page of nodes: approved, waiting and blocked ones, adding, searching; and the page of one node.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_NODES_PAGE (vmp_nodes_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpNodesPage, vmp_nodes_page, VMP, NODES_PAGE, AdwBin)

GtkWidget *vmp_nodes_page_new (VmpMirror *mirror);

/* Opens the page of one node. */
void vmp_nodes_page_show_node (VmpNodesPage *self,
                               const char   *node_id);

G_END_DECLS

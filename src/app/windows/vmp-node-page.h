/* SPDX-License-Identifier: MIT
 *
 * The page of one node: how it is, what it has, and all that its owner can do with it.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_NODE_PAGE (vmp_node_page_get_type ())
/* Signal "back" (): its owner wants to see all nodes again. */
G_DECLARE_FINAL_TYPE (VmpNodePage, vmp_node_page, VMP, NODE_PAGE, AdwBin)

GtkWidget *vmp_node_page_new (VmpMirror  *mirror,
                              const char *node_id);

G_END_DECLS

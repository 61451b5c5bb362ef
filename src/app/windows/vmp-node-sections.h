/* SPDX-License-Identifier: MIT
 *
 * The nodes as the list of the nodes page shows them: approved, waiting and blocked ones, each after a heading of its
 * own, in one flat list; only those that fit what was searched for. It follows the nodes from frame to frame.
 */

#pragma once

#include "app/mirror/vmp-item.h"

G_BEGIN_DECLS

typedef enum {
  VMP_NODES_APPROVED,
  VMP_NODES_WAITING,
  VMP_NODES_BLOCKED,
  VMP_N_NODES_SECTIONS
} VmpNodesSection;

#define VMP_TYPE_NODES_HEADING (vmp_nodes_heading_get_type ())
/* A heading in the list. Property "count" (uint, read-only, notified): how many nodes come after it. */
G_DECLARE_FINAL_TYPE (VmpNodesHeading, vmp_nodes_heading, VMP, NODES_HEADING, GObject)

VmpNodesSection vmp_nodes_heading_get_section (VmpNodesHeading *self);
guint vmp_nodes_heading_get_count (VmpNodesHeading *self);

#define VMP_TYPE_NODE_SECTIONS (vmp_node_sections_get_type ())
/* A GListModel of VmpNodesHeading and VmpItem. When a row's place changes from or to the first or the last of its
 * section, that is told as a change of the row, since it looks otherwise there. */
G_DECLARE_FINAL_TYPE (VmpNodeSections, vmp_node_sections, VMP, NODE_SECTIONS, GObject)

/* @nodes: (transfer none) */
VmpNodeSections *vmp_node_sections_new (VmpItemList *nodes);

/* @text: (nullable): NULL or "": all */
void vmp_node_sections_set_search (VmpNodeSections *self,
                                   const char      *text);
/* How many nodes are in it, in all sections. */
guint vmp_node_sections_count (VmpNodeSections *self);
/* Where the node at @position is within its section. */
void vmp_node_sections_get_place (VmpNodeSections *self,
                                  guint            position,
                                  gboolean        *is_first,
                                  gboolean        *is_last);
/* G_MAXUINT: it is not in it. */
guint vmp_node_sections_find (VmpNodeSections *self,
                              const char      *node_id);

G_END_DECLS

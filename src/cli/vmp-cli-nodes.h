/* SPDX-License-Identifier: MIT
 *
 * Nodes as people see them, for the verbs that list some.
 */

#pragma once

#include "core/vmp-json.h"

G_BEGIN_DECLS

/* A table, and how many wait for the owner. @nodes: (nullable). (transfer full) */
char *vmp_cli_nodes_table (JsonArray *nodes,
                           guint      columns);

G_END_DECLS

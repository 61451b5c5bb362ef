/* SPDX-License-Identifier: MIT
 *
 * What people call a node, the same in the tray, the notifications and the windows.
 */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The name that its owner gave it, else what it was found as, "This Computer", or its address. @node: as the gateway
 * tells of it. (transfer none) (nullable): as long as @node lasts; NULL for a document without an id */
const char *vmp_node_label (JsonObject *node);

G_END_DECLS

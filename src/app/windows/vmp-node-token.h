/* SPDX-License-Identifier: MIT
 *
 * The token of one node: whether there is one, setting, replacing and removing it, and unlocking the keyring that has
 * it. It is never shown: the gateway does not give it out.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_NODE_TOKEN (vmp_node_token_get_type ())
G_DECLARE_FINAL_TYPE (VmpNodeToken, vmp_node_token, VMP, NODE_TOKEN, AdwBin)

void vmp_node_token_set_node (VmpNodeToken *self,
                              VmpMirror    *mirror,
                              VmpItem      *node);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The models of one node: loaded ones first, each with what is known of it; a few at a time.
 */

#pragma once

#include <adwaita.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define VMP_TYPE_NODE_MODELS (vmp_node_models_get_type ())
G_DECLARE_FINAL_TYPE (VmpNodeModels, vmp_node_models, VMP, NODE_MODELS, AdwBin)

/* @models: (nullable): the member `models` of a node; NULL: not read yet. Nothing is made anew when it says the
 * same. */
void vmp_node_models_set (VmpNodeModels *self,
                          JsonArray     *models);

G_END_DECLS

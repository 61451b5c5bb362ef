/* SPDX-License-Identifier: MIT
 *
 * What is known of one model, and the nodes that have it, where it can be loaded and unloaded. The page of models shows
 * it.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-model-group.h"

G_BEGIN_DECLS

#define VMP_TYPE_MODEL_VIEW (vmp_model_view_get_type ())
/* Signal "back" (). Activates the window's action win.chat-with (s: the model). */
G_DECLARE_FINAL_TYPE (VmpModelView, vmp_model_view, VMP, MODEL_VIEW, AdwBin)

GtkWidget *vmp_model_view_new (VmpMirror     *mirror,
                               VmpModelGroup *group);

G_END_DECLS

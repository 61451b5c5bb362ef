/* SPDX-License-Identifier: MIT
 *
 * The page of models: all of them over all nodes, where they are, loading and unloading.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_MODELS_PAGE (vmp_models_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpModelsPage, vmp_models_page, VMP, MODELS_PAGE, AdwBin)

GtkWidget *vmp_models_page_new (VmpMirror *mirror);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * One node that has a model: whether it is loaded there, loading and unloading it, how far that is, and what
 * went wrong.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_MODEL_PLACE_ROW (vmp_model_place_row_get_type ())
G_DECLARE_FINAL_TYPE (VmpModelPlaceRow, vmp_model_place_row, VMP, MODEL_PLACE_ROW, GtkListBoxRow)

/* @place: of the mirror's models */
GtkWidget *vmp_model_place_row_new (VmpMirror *mirror,
                                    VmpItem   *place);

G_END_DECLS

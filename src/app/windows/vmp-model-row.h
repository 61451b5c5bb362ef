/* SPDX-License-Identifier: MIT
 *
 * A row of the list of models: what it is, where, and whether it is loaded. Rows are used again for other models while
 * the list is scrolled.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/windows/vmp-model-group.h"

G_BEGIN_DECLS

#define VMP_TYPE_MODEL_ROW (vmp_model_row_get_type ())
G_DECLARE_FINAL_TYPE (VmpModelRow, vmp_model_row, VMP, MODEL_ROW, GtkBox)

GtkWidget *vmp_model_row_new (VmpMirror *mirror);

/* @group: (nullable): NULL: it shows nothing, and listens to nothing */
void vmp_model_row_set_group (VmpModelRow   *self,
                              VmpModelGroup *group);

/* What a model can do, each as a small icon with its name. (transfer none): a widget for vmp_model_row_update_can() */
GtkWidget *vmp_model_row_make_can (void);
void vmp_model_row_update_can (GtkWidget     *box,
                               VmpModelGroup *group);

G_END_DECLS

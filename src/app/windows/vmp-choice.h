/* SPDX-License-Identifier: MIT
 *
 * A drop-down of many things that are told apart by an id and chosen by what people call them, found by typing. What is
 * chosen stays chosen when it is not among them any more.
 */

#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define VMP_TYPE_OPTION (vmp_option_get_type ())
/* Property "label" (string). */
G_DECLARE_FINAL_TYPE (VmpOption, vmp_option, VMP, OPTION, GObject)

VmpOption *vmp_option_new (const char *id,
                           const char *label);
const char *vmp_option_get_id (VmpOption *self);
const char *vmp_option_get_label (VmpOption *self);

#define VMP_TYPE_CHOICE (vmp_choice_get_type ())
/* Signal "changed" (): its owner chose another one. */
G_DECLARE_FINAL_TYPE (VmpChoice, vmp_choice, VMP, CHOICE, AdwBin)

GtkWidget *vmp_choice_new (void);

/* @options: of VmpOption; what was chosen stays so */
void vmp_choice_set_options (VmpChoice  *self,
                             GListModel *options);
/* NULL: nothing is chosen, or what it says is the first of the options. */
void vmp_choice_set_id (VmpChoice  *self,
                        const char *id);
/* NULL: there is nothing to choose from. */
const char *vmp_choice_get_id (VmpChoice *self);
/* What it is, for screen readers. */
void vmp_choice_set_label (VmpChoice  *self,
                           const char *label);

G_END_DECLS

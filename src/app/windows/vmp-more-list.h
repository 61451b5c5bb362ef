/* SPDX-License-Identifier: MIT
 *
 * A boxed list inside of a page that scrolls as a whole. It makes rows for the first items only and has a button for
 * more, so that a thousand of them hold up nothing.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_MORE_LIST (vmp_more_list_get_type ())
G_DECLARE_FINAL_TYPE (VmpMoreList, vmp_more_list, VMP, MORE_LIST, GtkBox)

GtkWidget *vmp_more_list_new (void);

/* @make: makes the row of an item; the row follows its item by itself. @label: what the list is, for screen readers */
void vmp_more_list_set_model (VmpMoreList               *self,
                              GListModel                *model,
                              const char                *label,
                              GtkListBoxCreateWidgetFunc make,
                              gpointer                   user_data);
/* Makes no more rows and forgets those there are. */
void vmp_more_list_clear (VmpMoreList *self);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The items of another list, as fast as a list view can take them: what changes in between is told of at once, a few
 * times a second, and what is new by a few items a frame. For GTK's list views, which bind all their rows anew with
 * each change and make some two hundred as soon as there are as many items.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_PACED_LIST (vmp_paced_list_get_type ())
/* A GListModel. While it lags behind, it is without some of what is new, and still has what is gone. */
G_DECLARE_FINAL_TYPE (VmpPacedList, vmp_paced_list, VMP, PACED_LIST, GObject)

/* @widget: whose frames it follows; while that is not shown, nothing changes */
VmpPacedList *vmp_paced_list_new (GListModel *source,
                                  GtkWidget  *widget);

G_END_DECLS

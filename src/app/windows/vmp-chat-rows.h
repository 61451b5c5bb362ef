/* SPDX-License-Identifier: MIT
 *
 * Widgets below one another in something that scrolls, of which only those that are seen are drawn. A chat's messages
 * stand in one.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_ROWS (vmp_chat_rows_get_type ())
G_DECLARE_FINAL_TYPE (VmpChatRows, vmp_chat_rows, VMP, CHAT_ROWS, GtkWidget)

void vmp_chat_rows_append (VmpChatRows *self,
                           GtkWidget   *row);
void vmp_chat_rows_remove (VmpChatRows *self,
                           GtkWidget   *row);

/* Draws the children of a widget that are seen in the viewport around it, for its GtkWidgetClass.snapshot. What is
 * drawn is kept by GTK: after each scrolling the widget has to be told with gtk_widget_queue_draw(). */
void vmp_chat_rows_snapshot_seen (GtkWidget   *widget,
                                  GtkSnapshot *snapshot);

G_END_DECLS

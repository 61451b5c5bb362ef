/* SPDX-License-Identifier: MIT
 *
 * Two widgets side by side and equally wide, or one of them where there is no room for both.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_COLUMNS (vmp_chat_columns_get_type ())
/* Property "folded" (boolean, read-only, notified): only one of two is seen. */
G_DECLARE_FINAL_TYPE (VmpChatColumns, vmp_chat_columns, VMP, CHAT_COLUMNS, GtkWidget)

/* @second: (nullable) */
void vmp_chat_columns_set_children (VmpChatColumns *self,
                                    GtkWidget      *first,
                                    GtkWidget      *second);
gboolean vmp_chat_columns_get_folded (VmpChatColumns *self);
/* Which is seen while it is folded. */
void vmp_chat_columns_show_second (VmpChatColumns *self,
                                   gboolean        shows_second);

G_END_DECLS

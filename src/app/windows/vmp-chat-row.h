/* SPDX-License-Identifier: MIT
 *
 * One message in a chat's view: a question as its owner wrote it, or an answer with its reasoning, figures and what
 * went wrong. The view tells it when to show what is new. Its buttons call the view's actions "chat.*".
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"
#include "app/windows/vmp-chat-message.h"

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_ROW (vmp_chat_row_get_type ())
G_DECLARE_FINAL_TYPE (VmpChatRow, vmp_chat_row, VMP, CHAT_ROW, AdwBin)

VmpChatRow *vmp_chat_row_new (VmpChatMessage *message,
                              VmpMirror      *mirror);

/* (transfer none) */
VmpChatMessage *vmp_chat_row_get_message (VmpChatRow *self);

/* Shows what the message says now. FALSE when there is more to do in the next frame. @deadline: monotonic, in µs */
gboolean vmp_chat_row_render (VmpChatRow *self,
                              gint64      deadline);

/* Whether it is the last question or answer, which can be changed or asked for again. */
void vmp_chat_row_set_last (VmpChatRow *self,
                            gboolean    is_last);

/* It was scrolled: another part of it is seen. */
void vmp_chat_row_draw_anew (VmpChatRow *self);

G_END_DECLS

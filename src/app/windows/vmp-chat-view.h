/* SPDX-License-Identifier: MIT
 *
 * A chat on screen: its messages in a column that follows what is written while its reader is at the end of it. What
 * has changed is shown once in a frame, in slices, so that scrolling stays smooth however fast an answer comes.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"
#include "app/windows/vmp-chat-target.h"
#include "app/windows/vmp-chat.h"

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_VIEW (vmp_chat_view_get_type ())
/* Signal "edit" (VmpChatMessage *question): the last question was taken back to be changed. */
G_DECLARE_FINAL_TYPE (VmpChatView, vmp_chat_view, VMP, CHAT_VIEW, AdwBin)

VmpChatView *vmp_chat_view_new (VmpChat        *chat,
                                VmpMirror      *mirror,
                                VmpChatTargets *targets);

/* (transfer none) */
VmpChat *vmp_chat_view_get_chat (VmpChatView *self);
/* Shows the chat's own chooser above it, for when two are compared. */
void vmp_chat_view_set_shows_chooser (VmpChatView *self,
                                      gboolean     shows);
void vmp_chat_view_scroll_to_end (VmpChatView *self);

G_END_DECLS

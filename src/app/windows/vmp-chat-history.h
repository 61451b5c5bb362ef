/* SPDX-License-Identifier: MIT
 *
 * The switch for keeping conversations, and those that are kept, to be opened and deleted.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-chat-keeper.h"

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_HISTORY (vmp_chat_history_get_type ())
/* Signal "open" (const char *id): one was chosen. */
G_DECLARE_FINAL_TYPE (VmpChatHistory, vmp_chat_history, VMP, CHAT_HISTORY, GtkPopover)

void vmp_chat_history_set_keeper (VmpChatHistory *self,
                                  VmpChatKeeper  *keeper);

G_END_DECLS

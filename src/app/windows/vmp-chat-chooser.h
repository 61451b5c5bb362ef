/* SPDX-License-Identifier: MIT
 *
 * The button that says whom a chat is with, and the list behind it to choose another one from, searched by typing.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-chat-target.h"

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_CHOOSER (vmp_chat_chooser_get_type ())
/* Property "target" (string, notified): the id of what is chosen; NULL: nothing is. It need not be in the list. */
G_DECLARE_FINAL_TYPE (VmpChatChooser, vmp_chat_chooser, VMP, CHAT_CHOOSER, AdwBin)

void vmp_chat_chooser_set_targets (VmpChatChooser *self,
                                   VmpChatTargets *targets);
void vmp_chat_chooser_set_target (VmpChatChooser *self,
                                  const char     *id);
void vmp_chat_chooser_popup (VmpChatChooser *self);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * How a model is asked, to be changed: the system prompt and the parameters. What is left empty is the model's own.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-chat.h"

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_OPTIONS (vmp_chat_options_get_type ())
/* Signal "changed" (): anything of it. */
G_DECLARE_FINAL_TYPE (VmpChatOptions, vmp_chat_options, VMP, CHAT_OPTIONS, GtkPopover)

/* Shows what the chat has. No signal comes of it. */
void vmp_chat_options_load (VmpChatOptions *self,
                            VmpChat        *chat);
/* Gives the chat what is shown; a number that makes no sense counts as empty. */
void vmp_chat_options_apply (VmpChatOptions *self,
                             VmpChat        *chat);
/* The degrees of reasoning there are to choose from; NULL: there is no choice. */
void vmp_chat_options_set_efforts (VmpChatOptions     *self,
                                   const char * const *efforts);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * Where a question is written: text, and images that are dropped, pasted or chosen. It does not send; it says when its
 * writer wants to.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-chat-message.h"

G_BEGIN_DECLS

#define VMP_TYPE_CHAT_COMPOSER (vmp_chat_composer_get_type ())
/* Signal "send" (): Enter was pressed, or the button, and there is something to send and nobody writes.
 * Signal "stop" (): the answer under way is to end. */
G_DECLARE_FINAL_TYPE (VmpChatComposer, vmp_chat_composer, VMP, CHAT_COMPOSER, AdwBin)

/* Without blanks around it. (transfer full) */
char *vmp_chat_composer_dup_text (VmpChatComposer *self);
/* (transfer none) (element-type VmpChatImage) */
GPtrArray *vmp_chat_composer_get_images (VmpChatComposer *self);
/* In place of what there is. @images: (nullable) */
void vmp_chat_composer_set_content (VmpChatComposer *self,
                                    const char      *text,
                                    GPtrArray       *images);
gboolean vmp_chat_composer_is_empty (VmpChatComposer *self);

/* An answer is under way: the button stops it. */
void vmp_chat_composer_set_writing (VmpChatComposer *self,
                                    gboolean         is_writing);
/* Why nothing can be sent now, as a sentence; NULL: it can. */
void vmp_chat_composer_set_obstacle (VmpChatComposer *self,
                                     const char      *obstacle);
/* Why images cannot be, as a sentence; NULL: they can. Images that are there stay, and are an obstacle. */
void vmp_chat_composer_set_blindness (VmpChatComposer *self,
                                      const char      *blindness);

/* Takes files or a picture that were dropped. FALSE when there is no image among them. */
gboolean vmp_chat_composer_take_value (VmpChatComposer *self,
                                       const GValue    *value);
void vmp_chat_composer_choose_images (VmpChatComposer *self);
void vmp_chat_composer_focus (VmpChatComposer *self);

G_END_DECLS

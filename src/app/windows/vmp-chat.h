/* SPDX-License-Identifier: MIT
 *
 * A conversation with a model: its messages, whom it is with, how it is asked, and the answer under way. The playground
 * has one or two of them. It knows no widgets, and sends by a function that it is given, so that it works without a
 * gateway too.
 */

#pragma once

#include "app/windows/vmp-chat-message.h"
#include "client/vmp-link.h"

G_BEGIN_DECLS

/* How the model is asked. What is not set is left to the model. */
typedef struct {
  double temperature;      /* from 0 to 2; below 0: not set */
  double top_p;            /* from 0 to 1; below 0: not set */
  gint64 max_tokens;       /* 0: not set */
  char *reasoning_effort;  /* such as "low"; NULL: not set */
} VmpChatParameters;

#define VMP_CHAT_PARAMETERS_INIT { -1, -1, 0, NULL }

void vmp_chat_parameters_clear (VmpChatParameters *self);

/* Posts @body (transfer full) to /v1/chat/completions as vmp_link_stream() does. */
typedef void (*VmpChatSendFunc) (JsonNode                 *body,
                                 GCancellable             *cancellable,
                                 const VmpLinkStreamFuncs *funcs,
                                 gpointer                  stream_data,
                                 gpointer                  user_data);

#define VMP_TYPE_CHAT (vmp_chat_get_type ())
/* Properties "target" (string: what the request's `model` says; NULL: none is chosen) and "writing" (boolean,
 *   read-only): an answer is under way.
 * Signal "answered" (VmpChatMessage *answer): it has ended, however it did. */
G_DECLARE_FINAL_TYPE (VmpChat, vmp_chat, VMP, CHAT, GObject)

/* @send is called with @user_data (of which it is known that it lasts as long) */
VmpChat *vmp_chat_new (VmpChatSendFunc send,
                       gpointer        user_data);

/* (transfer none): a GListModel of VmpChatMessage */
GListModel *vmp_chat_get_messages (VmpChat *self);
gboolean vmp_chat_is_empty (VmpChat *self);
gboolean vmp_chat_is_writing (VmpChat *self);

const char *vmp_chat_get_target (VmpChat *self);
void vmp_chat_set_target (VmpChat    *self,
                          const char *target);
/* Never NULL; empty: none */
const char *vmp_chat_get_system_prompt (VmpChat *self);
void vmp_chat_set_system_prompt (VmpChat    *self,
                                 const char *prompt);
const VmpChatParameters *vmp_chat_get_parameters (VmpChat *self);
void vmp_chat_set_parameters (VmpChat                 *self,
                              const VmpChatParameters *parameters);

/* The first words of the first question; NULL while there is none. (transfer full) */
char *vmp_chat_dup_title (VmpChat *self);

/* The request that the messages make, without an answer under way. (transfer full) */
JsonNode *vmp_chat_make_request (VmpChat *self);

/* Asks. @images: (nullable) (element-type VmpChatImage). FALSE, and nothing is done, while an answer is under way, when
 * no target is chosen, or when the chat is full. */
gboolean vmp_chat_ask (VmpChat    *self,
                       const char *text,
                       GPtrArray  *images);
/* Ends the answer under way, if there is one. What there is of it stays. */
void vmp_chat_stop (VmpChat *self);
/* Asks the last question once more, in place of its answer. */
gboolean vmp_chat_regenerate (VmpChat *self);
/* Takes back the last question and its answer, so that it can be changed. (transfer full) (nullable): the question */
VmpChatMessage *vmp_chat_take_back (VmpChat *self);
/* Ends what is under way, and forgets all messages. */
void vmp_chat_clear (VmpChat *self);

/* A number that changes whenever something that is kept in a file does. */
guint vmp_chat_get_revision (VmpChat *self);
/* As it is kept in a file. */
JsonNode *vmp_chat_to_document (VmpChat *self);
/* In place of what there is. FALSE when the document is none of a chat; nothing is changed then. */
gboolean vmp_chat_load_document (VmpChat    *self,
                                 JsonObject *document);

G_END_DECLS

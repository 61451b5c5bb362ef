/* SPDX-License-Identifier: MIT
 *
 * One message of a chat: a question with its images, or an answer that is being written or has ended. VmpChat changes
 * it, the view shows it. It knows neither widgets nor the gateway.
 */

#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "app/windows/vmp-chat-chunk.h"

G_BEGIN_DECLS

typedef enum {
  VMP_CHAT_USER,
  VMP_CHAT_ASSISTANT
} VmpChatRole;

typedef enum {
  VMP_CHAT_WRITING,
  VMP_CHAT_DONE,
  VMP_CHAT_STOPPED, /* by its owner */
  VMP_CHAT_FAILED
} VmpChatState;

/* An image as it is sent. */
typedef struct {
  GBytes *bytes;    /* of a file */
  const char *type; /* "image/png", "image/jpeg" or "image/webp" */
} VmpChatImage;

/* @type: one of those three; anything else is no image. (transfer full) (nullable) */
VmpChatImage *vmp_chat_image_new (GBytes     *bytes,
                                  const char *type);
VmpChatImage *vmp_chat_image_copy (const VmpChatImage *self);
void vmp_chat_image_free (VmpChatImage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpChatImage, vmp_chat_image_free)

/* "data:image/png;base64,…" and back. */
char *vmp_chat_image_to_url (const VmpChatImage *self);
VmpChatImage *vmp_chat_image_from_url (const char *url);

#define VMP_TYPE_CHAT_MESSAGE (vmp_chat_message_get_type ())
/* Signal "changed" (): anything of it. An answer that is being written tells of each piece. */
G_DECLARE_FINAL_TYPE (VmpChatMessage, vmp_chat_message, VMP, CHAT_MESSAGE, GObject)

/* @images: (nullable) (element-type VmpChatImage) */
VmpChatMessage *vmp_chat_message_new_question (const char *text,
                                               GPtrArray  *images);
/* One that is being written. */
VmpChatMessage *vmp_chat_message_new_answer (void);

VmpChatRole vmp_chat_message_get_role (VmpChatMessage *self);
VmpChatState vmp_chat_message_get_state (VmpChatMessage *self);
/* @len: (out) (optional): in bytes. They are UTF-8, hostile, and only there until the next change. */
const char *vmp_chat_message_get_text (VmpChatMessage *self,
                                       gsize          *len);
const char *vmp_chat_message_get_reasoning (VmpChatMessage *self,
                                            gsize          *len);
/* (transfer none) (element-type VmpChatImage) */
GPtrArray *vmp_chat_message_get_images (VmpChatMessage *self);
/* Why it has FAILED, as a sentence; else NULL. */
const char *vmp_chat_message_get_problem (VmpChatMessage *self);
const VmpChatFigures *vmp_chat_message_get_figures (VmpChatMessage *self);

/* -- For the chat -- */

/* The head of the answer is there. */
void vmp_chat_message_begin (VmpChatMessage *self,
                             const char     *node,
                             const char     *model,
                             const char     *request_id);
/* Takes over one event. FALSE when the answer has failed by it, or has become too long. */
gboolean vmp_chat_message_take (VmpChatMessage *self,
                                const char     *data);
/* Ends what is being written; what has ended stays as it is. @problem: (nullable): for FAILED */
void vmp_chat_message_end (VmpChatMessage *self,
                           VmpChatState    state,
                           const char     *problem);

/* As it is kept in a file. */
JsonNode *vmp_chat_message_to_document (VmpChatMessage *self);
/* (transfer full) (nullable): NULL when it is none */
VmpChatMessage *vmp_chat_message_from_document (JsonObject *document);

G_END_DECLS

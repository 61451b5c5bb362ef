/* SPDX-License-Identifier: MIT
 *
 * Conversations in files of the owner's, kept only while the owner says so; and what the playground remembers besides:
 * that switch, and with whom the last chat was. Without the switch no word of a chat is written anywhere.
 */

#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* One kept conversation, as it is listed. */
#define VMP_TYPE_CHAT_KEPT (vmp_chat_kept_get_type ())
G_DECLARE_FINAL_TYPE (VmpChatKept, vmp_chat_kept, VMP, CHAT_KEPT, GObject)

const char *vmp_chat_kept_get_id (VmpChatKept *self);
/* Plain text. */
const char *vmp_chat_kept_get_title (VmpChatKept *self);
/* When it was last written, in s since 1970. */
gint64 vmp_chat_kept_get_time (VmpChatKept *self);

#define VMP_TYPE_CHAT_KEEPER (vmp_chat_keeper_get_type ())
/* Property "keeps" (boolean, notified): the owner's switch; off at first.
 * Property "last-target" (string). */
G_DECLARE_FINAL_TYPE (VmpChatKeeper, vmp_chat_keeper, VMP, CHAT_KEEPER, GObject)

/* @data_dir, @config_dir: (nullable): folders of Vampire; NULL: those of this user */
VmpChatKeeper *vmp_chat_keeper_new (const char *data_dir,
                                    const char *config_dir);

gboolean vmp_chat_keeper_get_keeps (VmpChatKeeper *self);
/* What is kept already stays when it is turned off. */
void vmp_chat_keeper_set_keeps (VmpChatKeeper *self,
                                gboolean       keeps);
const char *vmp_chat_keeper_get_last_target (VmpChatKeeper *self);
void vmp_chat_keeper_set_last_target (VmpChatKeeper *self,
                                      const char    *target);

/* A name for a conversation to be. (transfer full) */
char *vmp_chat_keeper_make_id (VmpChatKeeper *self);

/* (transfer none): a GListModel of VmpChatKept, newest first; empty until vmp_chat_keeper_list() was called */
GListModel *vmp_chat_keeper_get_list (VmpChatKeeper *self);
/* Reads the list anew, on another thread. */
void vmp_chat_keeper_list (VmpChatKeeper *self);

/* Writes it, if the switch is on, on another thread; writings are done one after the other. @document: (transfer
 * full) */
void vmp_chat_keeper_keep (VmpChatKeeper *self,
                           const char    *id,
                           JsonNode      *document);

void vmp_chat_keeper_read_async (VmpChatKeeper      *self,
                                 const char         *id,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data);
/* (transfer full); NULL with an error that is a whole sentence */
JsonNode *vmp_chat_keeper_read_finish (VmpChatKeeper *self,
                                       GAsyncResult  *result,
                                       GError       **error);

void vmp_chat_keeper_delete (VmpChatKeeper *self,
                             const char    *id);
void vmp_chat_keeper_delete_all (VmpChatKeeper *self);

/* Signal "failed" (const char *problem): something could not be written or deleted: a sentence. */

G_END_DECLS

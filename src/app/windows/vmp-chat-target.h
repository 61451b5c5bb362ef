/* SPDX-License-Identifier: MIT
 *
 * Whom a chat can be with: virtual models, the owner's routes, and the models of all nodes, each once. The chooser
 * shows them, and the playground asks what one of them can do. It reads the mirror and draws nothing.
 */

#pragma once

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

typedef enum {
  VMP_CHAT_TARGET_VIRTUAL,
  VMP_CHAT_TARGET_ROUTE,
  VMP_CHAT_TARGET_MODEL
} VmpChatTargetKind;

#define VMP_TYPE_CHAT_TARGET (vmp_chat_target_get_type ())
G_DECLARE_FINAL_TYPE (VmpChatTarget, vmp_chat_target, VMP, CHAT_TARGET, GObject)

/* What a request's `model` says. */
const char *vmp_chat_target_get_id (VmpChatTarget *self);
VmpChatTargetKind vmp_chat_target_get_kind (VmpChatTarget *self);
/* As people know it: "Qwen3 4B". Plain text, as is the next. */
const char *vmp_chat_target_get_title (VmpChatTarget *self);
/* Where it is, or what it is for. */
const char *vmp_chat_target_get_subtitle (VmpChatTarget *self);
/* Whether one of its nodes has it in memory. */
gboolean vmp_chat_target_is_loaded (VmpChatTarget *self);
/* FALSE when it is known not to. */
gboolean vmp_chat_target_can_see (VmpChatTarget *self);
/* The degrees of reasoning to choose from, such as "low"; NULL: there is no choice. */
const char * const *vmp_chat_target_get_efforts (VmpChatTarget *self);
/* @words: lower case, NULL-terminated. All of them have to occur in what people see of it. */
gboolean vmp_chat_target_matches (VmpChatTarget      *self,
                                  const char * const *words);

#define VMP_TYPE_CHAT_TARGETS (vmp_chat_targets_get_type ())
/* A GListModel of VmpChatTarget: virtual models, routes, models that are loaded, the others; each by name. It is made
 * anew in an idle moment after the mirror has changed. */
G_DECLARE_FINAL_TYPE (VmpChatTargets, vmp_chat_targets, VMP, CHAT_TARGETS, GObject)

/* The topics are held by whoever shows it. */
VmpChatTargets *vmp_chat_targets_new (VmpMirror *mirror);
/* (transfer none) (nullable) */
VmpChatTarget *vmp_chat_targets_find (VmpChatTargets *self,
                                      const char     *id);

G_END_DECLS

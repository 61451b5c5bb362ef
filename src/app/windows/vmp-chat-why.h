/* SPDX-License-Identifier: MIT
 *
 * Why a request was answered where it was: the gateway's record of it in a few plain sentences.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

/* The name that people know a node by. (transfer none) */
typedef const char *(*VmpChatWhyNameFunc) (gpointer    user_data,
                                           const char *node_id);

/* The record of a request, as /vampire/v1/traces/{id} has it, as lines of text. (transfer full) */
char *vmp_chat_why_describe (JsonObject        *trace,
                             VmpChatWhyNameFunc node_name,
                             gpointer           user_data);

/* Asks the gateway and shows the answer beside @parent, which is given back its focus later. */
void vmp_chat_why_show (GtkWidget  *parent,
                        VmpMirror  *mirror,
                        const char *request_id);

G_END_DECLS

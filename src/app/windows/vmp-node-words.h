/* SPDX-License-Identifier: MIT
 *
 * What is said about a node, in words, from its document. Plain text, (transfer full) unless said otherwise; no
 * widgets.
 */

#pragma once

#include "app/mirror/vmp-item.h"

G_BEGIN_DECLS

/* What people call it: its name, else its machine's, else its address. (transfer none) */
const char *vmp_node_words_title (VmpItem *node);
/* Its address without "http://". (transfer none) */
const char *vmp_node_words_address (VmpItem *node);
/* "192.168.1.50:1234 · Online · 6 models · 12 ms"; of one that waits how it was found. */
char *vmp_node_words_summary (VmpItem *node);
/* "Online", "Online, needs a token", "Drained", … */
char *vmp_node_words_state (VmpItem *node);
/* "2 running"; "" when nothing runs. */
char *vmp_node_words_busy (VmpItem *node);
/* What its owner could do now, as a sentence; NULL: nothing. (transfer none) */
const char *vmp_node_words_remedy (VmpItem *node);

/* "6 models" */
char *vmp_node_words_models (gint64 n_models);
/* One name a line, no more than @max; "" when the document has none. @document: of a node with its models */
char *vmp_node_words_model_names (JsonObject *document,
                                  guint       max);
/* "Announced itself in the network: eth0"; NULL. @by, @at: (nullable) */
char *vmp_node_words_found (const char *by,
                            const char *at);

/* Whether the host of @base_url is @address itself. Both (nullable) */
gboolean vmp_node_words_has_address (const char *base_url,
                                     const char *address);
/* Whether what is sent there stays on this computer. */
gboolean vmp_node_words_is_here (const char *base_url);

/* Whether all of @needle's words are in what people know it by. @needle: as from g_utf8_casefold() */
gboolean vmp_node_words_match (VmpItem    *node,
                               const char *needle);

G_END_DECLS

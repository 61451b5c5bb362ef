/* SPDX-License-Identifier: MIT
 *
 * What the files that read a node's lists share: vmp-inventory.c walks a list and has one card after another read,
 * vmp-inventory-{lmstudio,openai,ollama}.c know what is written on one, and vmp-inventory-card.c has what these need
 * to read it safely.
 */

#pragma once

#include "nodes/vmp-inventory.h"

G_BEGIN_DECLS

/* -- Readers: each returns the model on a card, or NULL when it is none. (transfer full) ---------- */

VmpModel *vmp_card_read_lmstudio_v1 (JsonObject *card);
VmpModel *vmp_card_read_lmstudio_v0 (JsonObject *card);
VmpModel *vmp_card_read_openai (JsonObject *card);
VmpModel *vmp_card_read_ollama (JsonObject *card);

/* Who gave these models, concluded from the fields of its answer and the cards' owners; AUTO when nothing tells. */
VmpProvider vmp_openai_detect_provider (const char      *server,
                                        const GPtrArray *models);

/* For a whole list of a server that tells nothing of what is loaded: some hold all that they list in memory. */
void vmp_openai_conclude_loaded (VmpProvider provider,
                                 GPtrArray  *models);

/* -- Members of a card ------------------------------------------------------------------------- */

/* An id that requests can say: plain characters, none but inner spaces, within its limit; else NULL. (transfer full) */
char *vmp_card_get_id (JsonObject *card,
                       const char *name);

/* A text fit to be shown, within its limit; NULL when there is none. (transfer full) */
char *vmp_card_get_text (JsonObject *card,
                         const char *name);

/* A number from 1 to @max, else 0. */
gint64 vmp_card_get_count (JsonObject *card,
                           const char *name,
                           gint64      max);

/* Whether a list of words has this one; what is no word is passed over. */
gboolean vmp_card_has_word (JsonArray  *words,
                            const char *word);

/* -- Facts of a model that is being made ------------------------------------------------------- */

void vmp_card_set_kind (VmpModel     *model,
                        VmpModelKind  kind,
                        VmpFactSource source);
/* Of what is yes or no. */
void vmp_card_set_flag (VmpModel     *model,
                        VmpModelFact  fact,
                        gboolean      value,
                        VmpFactSource source);
/* Of 0 it is not told, which changes nothing. */
void vmp_card_set_context (VmpModel     *model,
                           gint64        context,
                           VmpFactSource source);

/* Whether its name or architecture is one that embedding models have. Their names are all there is to tell by in most
 * lists. */
gboolean vmp_card_looks_like_embedding (const VmpModel *model);

/* -- Inventories that are being made ----------------------------------------------------------- */

/* Without models. (transfer full) */
VmpInventory *vmp_inventory_new (VmpListKind kind,
                                 VmpProvider provider);

/* FALSE when its id is there already. @model: (transfer full) */
gboolean vmp_inventory_take_model (VmpInventory *self,
                                   VmpModel     *model);

G_END_DECLS

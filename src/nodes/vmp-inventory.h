/* SPDX-License-Identifier: MIT
 *
 * What a node serves, read from the lists that LM Studio, Ollama and the other OpenAI-compatible servers give. Pure
 * functions on the bytes of an answer. A list is judged by what is in it, never by its HTTP status alone: LM Studio
 * answers 200 with an `error` for addresses it does not know. One bad entry is left out and counted, not the node.
 */

#pragma once

#include "core/vmp-model.h"

G_BEGIN_DECLS

typedef enum {
  VMP_PROVIDER_AUTO, /* not known yet */
  VMP_PROVIDER_LMSTUDIO,
  VMP_PROVIDER_OLLAMA,
  VMP_PROVIDER_LLAMACPP,
  VMP_PROVIDER_LOCALAI,
  VMP_PROVIDER_VLLM,
  VMP_PROVIDER_TEXT_GENERATION_WEBUI,
  VMP_PROVIDER_KOBOLDCPP,
  VMP_PROVIDER_GPT4ALL,
  VMP_PROVIDER_JAN,
  VMP_PROVIDER_VAMPIRE,
  VMP_PROVIDER_OPENAI_COMPATIBLE,
  VMP_N_PROVIDERS
} VmpProvider;

/* "auto", "lmstudio", …, "text-generation-webui", "openai-compatible" */
const char *vmp_provider_to_string (VmpProvider provider);
gboolean vmp_provider_from_string (const char  *text,
                                   VmpProvider *provider);
/* As people know it: "LM Studio", "llama.cpp", "an OpenAI-compatible server". */
const char *vmp_provider_get_name (VmpProvider provider);

/* The kinds of lists, in the order in which a node is asked. */
typedef enum {
  VMP_LIST_LMSTUDIO_V1, /* /api/v1/models, LM Studio 0.4.0 */
  VMP_LIST_LMSTUDIO_V0, /* /api/v0/models, LM Studio 0.3.6 */
  VMP_LIST_OPENAI,      /* /v1/models */
  VMP_LIST_OLLAMA,      /* /api/tags */
  VMP_N_LISTS
} VmpListKind;

const char *vmp_list_path (VmpListKind kind);

/* Immutable once made. */
typedef struct {
  VmpProvider provider;
  VmpListKind list;        /* the one it was read from */
  GPtrArray *models;       /* of VmpModel, in the node's order, each id once */
  GHashTable *by_id;       /* id -> VmpModel */
  guint n_skipped;         /* entries left out: bad ones, repeated ids, virtual models of a Vampire (whose ids begin
                            * with "vampire:" or whose owner is "vampire"), what is past VMP_LIMIT_NODE_MODELS */
} VmpInventory;

VmpInventory *vmp_inventory_ref (VmpInventory *self);
void vmp_inventory_unref (VmpInventory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpInventory, vmp_inventory_unref)

/**
 * vmp_inventory_parse:
 * @kind: what was asked for
 * @body: the answer's body, as it came
 * @server: (nullable): its Server and X-Powered-By fields, joined; a hint as to the provider
 * @error: return location
 *
 * An id may hold any plain character, slashes and colons too, up to VMP_LIMIT_MODEL_ID_CHARS; entries with others are
 * skipped. A list of which no entry can be read is none.
 *
 * Returns: (transfer full): the inventory; NULL with G_IO_ERROR_INVALID_DATA when this is not such a list, so that
 *   the next kind is to be tried. The message is the rest of a sentence that begins with "Its list of models".
 */
VmpInventory *vmp_inventory_parse (VmpListKind kind,
                                   const char *body,
                                   gsize       len,
                                   const char *server,
                                   GError    **error);

/**
 * vmp_inventory_add_running:
 * @self: of VMP_LIST_OLLAMA
 * @body: the answer to GET /api/ps
 *
 * Returns: (transfer full): the inventory with what is loaded, and its context; @self anew when @body is no such list
 */
VmpInventory *vmp_inventory_add_running (VmpInventory *self,
                                         const char   *body,
                                         gsize         len);

/**
 * vmp_inventory_add_details:
 * @id: of a model of @self
 * @body: the answer to POST /api/show for that model
 *
 * Returns: (transfer full): the inventory with the model's capabilities, context limit and architecture; @self anew
 *   when @body is none
 */
VmpInventory *vmp_inventory_add_details (VmpInventory *self,
                                         const char   *id,
                                         const char   *body,
                                         gsize         len);

/* Whether a model's details are there, so that Ollama need not be asked for them. */
gboolean vmp_inventory_has_details (const VmpModel *model);

/**
 * vmp_inventory_add_known:
 * @self: a list that has just come, of VMP_LIST_OLLAMA
 * @known: (nullable): the same server's inventory as it was
 *
 * Takes over the details of the models that are still the same: same id, size and date.
 *
 * Returns: (transfer full): the inventory with them
 */
VmpInventory *vmp_inventory_add_known (VmpInventory *self,
                                       VmpInventory *known);

gboolean vmp_inventory_equal (const VmpInventory *a,
                              const VmpInventory *b);

G_END_DECLS

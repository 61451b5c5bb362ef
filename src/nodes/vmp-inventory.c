/* SPDX-License-Identifier: MIT
 *
 * Implementation of inventories: walks a list, has each of its cards read, and keeps what is a model. Nothing here
 * asks a node for anything.
 */

#include "nodes/vmp-inventory-private.h"

#include <gio/gio.h>
#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* -- Tables -------------------------------------------------------------------------------- */

static const struct {
  const char *id;
  const char *name;
} providers[VMP_N_PROVIDERS] = {
  [VMP_PROVIDER_AUTO] = { "auto", "a server of a kind not known yet" },
  [VMP_PROVIDER_LMSTUDIO] = { "lmstudio", "LM Studio" },
  [VMP_PROVIDER_OLLAMA] = { "ollama", "Ollama" },
  [VMP_PROVIDER_LLAMACPP] = { "llamacpp", "llama.cpp" },
  [VMP_PROVIDER_LOCALAI] = { "localai", "LocalAI" },
  [VMP_PROVIDER_VLLM] = { "vllm", "vLLM" },
  [VMP_PROVIDER_TEXT_GENERATION_WEBUI] = { "text-generation-webui", "text-generation-webui" },
  [VMP_PROVIDER_KOBOLDCPP] = { "koboldcpp", "KoboldCpp" },
  [VMP_PROVIDER_GPT4ALL] = { "gpt4all", "GPT4All" },
  [VMP_PROVIDER_JAN] = { "jan", "Jan" },
  [VMP_PROVIDER_VAMPIRE] = { "vampire", "Vampire" },
  [VMP_PROVIDER_OPENAI_COMPATIBLE] = { "openai-compatible", "an OpenAI-compatible server" },
};

static const struct {
  const char *path;
  const char *member;   /* where the list is */
  VmpModel *(*read_card) (JsonObject *card);
} lists[VMP_N_LISTS] = {
  [VMP_LIST_LMSTUDIO_V1] = { "/api/v1/models", "models", vmp_card_read_lmstudio_v1 },
  [VMP_LIST_LMSTUDIO_V0] = { "/api/v0/models", "data", vmp_card_read_lmstudio_v0 },
  [VMP_LIST_OPENAI] = { "/v1/models", "data", vmp_card_read_openai },
  [VMP_LIST_OLLAMA] = { "/api/tags", "models", vmp_card_read_ollama },
};

const char *
vmp_provider_to_string (VmpProvider provider)
{
  g_return_val_if_fail (provider < VMP_N_PROVIDERS, NULL);

  return providers[provider].id;
}

gboolean
vmp_provider_from_string (const char  *text,
                          VmpProvider *provider)
{
  for (guint i = 0; i < VMP_N_PROVIDERS; i++)
    {
      if (g_strcmp0 (text, providers[i].id) == 0)
        {
          *provider = i;
          return TRUE;
        }
    }

  return FALSE;
}

const char *
vmp_provider_get_name (VmpProvider provider)
{
  g_return_val_if_fail (provider < VMP_N_PROVIDERS, NULL);

  return providers[provider].name;
}

const char *
vmp_list_path (VmpListKind kind)
{
  g_return_val_if_fail (kind < VMP_N_LISTS, NULL);

  return lists[kind].path;
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpInventory *
vmp_inventory_new (VmpListKind kind,
                   VmpProvider provider)
{
  VmpInventory *self = g_rc_box_new0 (VmpInventory);

  self->list = kind;
  self->provider = provider;
  self->models = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_model_unref);
  self->by_id = g_hash_table_new (vmp_text_hash, g_str_equal);

  return self;
}

gboolean
vmp_inventory_take_model (VmpInventory *self,
                          VmpModel     *model)
{
  if (g_hash_table_contains (self->by_id, model->id))
    {
      vmp_model_unref (model);
      return FALSE;
    }

  g_ptr_array_add (self->models, model);
  g_hash_table_insert (self->by_id, model->id, model);
  return TRUE;
}

VmpInventory *
vmp_inventory_ref (VmpInventory *self)
{
  return g_rc_box_acquire (self);
}

static void
inventory_clear (gpointer data)
{
  VmpInventory *self = data;

  g_hash_table_unref (self->by_id);
  g_ptr_array_unref (self->models);
}

void
vmp_inventory_unref (VmpInventory *self)
{
  g_rc_box_release_full (self, inventory_clear);
}

/* -- Lists --------------------------------------------------------------------------------- */

/* What a document that is no list says instead, if it is an error: a text, or an object with one. */
static const char *
get_error (JsonObject *root)
{
  const char *message = vmp_json_get_string (root, "error");

  return message != NULL ? message : vmp_json_get_string (vmp_json_get_object (root, "error"), "message");
}

static JsonArray *
find_cards (VmpListKind kind,
            JsonNode   *document,
            GError    **error)
{
  JsonObject *root = JSON_NODE_HOLDS_OBJECT (document) ? json_node_get_object (document) : NULL;
  JsonArray *cards = vmp_json_get_array (root, lists[kind].member);
  JsonNode *failure = root != NULL ? json_object_get_member (root, "error") : NULL;

  if (failure != NULL && !JSON_NODE_HOLDS_NULL (failure))
    {
      const char *message = get_error (root);
      g_autofree char *shown = vmp_text_display (message != NULL ? message : "", VMP_LIMIT_MODEL_TEXT_CHARS);

      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "is an error message instead: \"%s\"", shown);
      return NULL;
    }

  if (cards != NULL)
    return cards;

  /* Some tell of another name for it. An empty list of that name could be anybody's. */
  if (kind == VMP_LIST_LMSTUDIO_V1)
    cards = vmp_json_get_array (root, "data");
  if (cards != NULL && json_array_get_length (cards) > 0)
    return cards;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "has no array \"%s\"", lists[kind].member);
  return NULL;
}

static gboolean
is_vampire (const char *text)
{
  return text != NULL && g_ascii_strcasecmp (text, "vampire") == 0;
}

static gboolean
is_virtual (const VmpModel *model)
{
  return g_ascii_strncasecmp (model->id, "vampire:", strlen ("vampire:")) == 0 || is_vampire (model->owned_by);
}

/* Returns whether any of the cards could be read. @from_vampire: (inout) */
static gboolean
read_cards (VmpInventory *self,
            JsonArray    *cards,
            gboolean     *from_vampire)
{
  guint n_cards = json_array_get_length (cards);
  guint n_read = MIN (n_cards, VMP_LIMIT_NODE_MODELS);
  gboolean any = FALSE;

  self->n_skipped = n_cards - n_read;
  for (guint i = 0; i < n_read; i++)
    {
      JsonNode *node = json_array_get_element (cards, i);
      g_autoptr (VmpModel) model = NULL;

      if (JSON_NODE_HOLDS_OBJECT (node))
        model = lists[self->list].read_card (json_node_get_object (node));

      any = any || model != NULL;
      if (model != NULL && is_virtual (model))
        *from_vampire = *from_vampire || is_vampire (model->owned_by) || is_vampire (model->publisher);
      else if (model != NULL && vmp_inventory_take_model (self, g_steal_pointer (&model)))
        continue;

      self->n_skipped++;
    }

  return any || n_cards == 0;
}

static VmpProvider
conclude_provider (const VmpInventory *self,
                   const char         *server)
{
  VmpProvider provider;

  if (self->list == VMP_LIST_LMSTUDIO_V1 || self->list == VMP_LIST_LMSTUDIO_V0)
    return VMP_PROVIDER_LMSTUDIO;

  provider = vmp_openai_detect_provider (server, self->models);
  if (provider != VMP_PROVIDER_AUTO)
    return provider;

  return self->list == VMP_LIST_OLLAMA ? VMP_PROVIDER_OLLAMA : VMP_PROVIDER_OPENAI_COMPATIBLE;
}

VmpInventory *
vmp_inventory_parse (VmpListKind kind,
                     const char *body,
                     gsize       len,
                     const char *server,
                     GError    **error)
{
  g_autoptr (VmpInventory) self = NULL;
  g_autoptr (GError) parse_error = NULL;
  g_autoptr (JsonNode) document = NULL;
  gboolean from_vampire = FALSE;
  JsonArray *cards;

  g_return_val_if_fail (kind < VMP_N_LISTS, NULL);

  document = vmp_json_parse_list (body, len, &parse_error);
  if (document == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, parse_error->message);
      return NULL;
    }

  cards = find_cards (kind, document, error);
  if (cards == NULL)
    return NULL;

  self = vmp_inventory_new (kind, VMP_PROVIDER_AUTO);
  if (!read_cards (self, cards, &from_vampire))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "has no entry that can be read");
      return NULL;
    }

  self->provider = from_vampire ? VMP_PROVIDER_VAMPIRE : conclude_provider (self, server);
  if (kind == VMP_LIST_OPENAI)
    vmp_openai_conclude_loaded (self->provider, self->models);

  return g_steal_pointer (&self);
}

/* -- Comparison ---------------------------------------------------------------------------- */

gboolean
vmp_inventory_equal (const VmpInventory *a,
                     const VmpInventory *b)
{
  if (a == b)
    return TRUE;

  if (a->provider != b->provider || a->list != b->list || a->models->len != b->models->len)
    return FALSE;

  for (guint i = 0; i < a->models->len; i++)
    {
      if (!vmp_model_equal (a->models->pdata[i], b->models->pdata[i]))
        return FALSE;
    }

  return TRUE;
}

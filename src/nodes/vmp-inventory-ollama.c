/* SPDX-License-Identifier: MIT
 *
 * What Ollama says of its models, in three places: /api/tags lists them, /api/ps has those that are in memory, and
 * /api/show, asked for one model, tells what it can do. The first makes an inventory, the others add to one.
 */

#include "nodes/vmp-inventory-private.h"

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* -- Parts that several answers have ----------------------------------------------------------- */

static void
fill_text (char      **text,
           JsonObject *details,
           const char *name)
{
  if (*text == NULL)
    *text = vmp_card_get_text (details, name);
}

static void
read_details (JsonObject *details,
              VmpModel   *model)
{
  fill_text (&model->format, details, "format");
  fill_text (&model->architecture, details, "family");
  fill_text (&model->parameters, details, "parameter_size");
  fill_text (&model->quantization, details, "quantization_level");
  vmp_card_set_context (model, vmp_card_get_count (details, "context_length", VMP_LIMIT_MODEL_CONTEXT),
                        VMP_FACT_DECLARED);
}

static void
read_capabilities (JsonArray *capabilities,
                   VmpModel  *model)
{
  static const struct {
    VmpModelFact fact;
    const char *word;
  } flags[] = {
    { VMP_MODEL_FACT_VISION, "vision" },
    { VMP_MODEL_FACT_TOOLS, "tools" },
    { VMP_MODEL_FACT_REASONING, "thinking" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    vmp_card_set_flag (model, flags[i].fact, vmp_card_has_word (capabilities, flags[i].word), VMP_FACT_DECLARED);

  if (vmp_card_has_word (capabilities, "completion"))
    vmp_card_set_kind (model, model->vision ? VMP_MODEL_VLM : VMP_MODEL_LLM, VMP_FACT_DECLARED);
  else if (vmp_card_has_word (capabilities, "embedding"))
    vmp_card_set_kind (model, VMP_MODEL_EMBEDDING, VMP_FACT_DECLARED);
}

/* What the answers of servers before 0.6.4 tell of it: templates name the tools, pictures need a projector. */
static void
conclude_capabilities (JsonObject *show,
                       VmpModel   *model)
{
  const char *template = vmp_json_get_string (show, "template");

  vmp_card_set_flag (model, VMP_MODEL_FACT_TOOLS, template != NULL && strstr (template, ".Tools") != NULL,
                     VMP_FACT_DETECTED);
  if (vmp_json_get_object (show, "projector_info") != NULL)
    {
      vmp_card_set_kind (model, VMP_MODEL_VLM, VMP_FACT_DETECTED);
      vmp_card_set_flag (model, VMP_MODEL_FACT_VISION, TRUE, VMP_FACT_DETECTED);
    }
}

/* For answers that do not tell what the model can do. */
static void
conclude_kind (JsonObject *details,
               VmpModel   *model)
{
  JsonArray *families = vmp_json_get_array (details, "families");

  if (model->sources[VMP_MODEL_FACT_KIND] != VMP_FACT_UNKNOWN)
    return;

  if (vmp_card_looks_like_embedding (model))
    {
      vmp_card_set_kind (model, VMP_MODEL_EMBEDDING, VMP_FACT_DETECTED);
    }
  else if (families != NULL && (vmp_card_has_word (families, "clip") || vmp_card_has_word (families, "mllama")))
    {
      vmp_card_set_kind (model, VMP_MODEL_VLM, VMP_FACT_DETECTED);
      vmp_card_set_flag (model, VMP_MODEL_FACT_VISION, TRUE, VMP_FACT_DETECTED);
    }
}

static char *
read_id (JsonObject *card)
{
  char *id = vmp_card_get_id (card, "name");

  return id != NULL ? id : vmp_card_get_id (card, "model");
}

/* -- /api/tags ----------------------------------------------------------------------------- */

VmpModel *
vmp_card_read_ollama (JsonObject *card)
{
  g_autofree char *id = read_id (card);
  JsonObject *details = vmp_json_get_object (card, "details");
  JsonArray *capabilities = vmp_json_get_array (card, "capabilities");
  const char *modified = vmp_json_get_string (card, "modified_at");
  g_autoptr (GDateTime) time = NULL;
  VmpModel *model;

  if (id == NULL)
    return NULL;

  model = vmp_model_new (id);
  model->size_bytes = vmp_card_get_count (card, "size", VMP_LIMIT_MODEL_BYTES);
  read_details (details, model);
  if (capabilities != NULL)
    read_capabilities (capabilities, model);
  conclude_kind (details, model);

  if (modified != NULL)
    time = g_date_time_new_from_iso8601 (modified, NULL);
  if (time != NULL)
    model->created = MAX (0, g_date_time_to_unix (time));

  return model;
}

/* -- What is added ------------------------------------------------------------------------- */

/* An inventory with the models of @self, each shared unless @change returns another one. */
static VmpInventory *
map_models (VmpInventory *self,
            VmpModel   *(*change) (VmpModel *model,
                                   gpointer user_data),
            gpointer      user_data)
{
  VmpInventory *changed = vmp_inventory_new (self->list, self->provider);

  changed->n_skipped = self->n_skipped;
  for (guint i = 0; i < self->models->len; i++)
    {
      VmpModel *model = self->models->pdata[i];
      g_autoptr (VmpModel) other = change (model, user_data);

      if (other == NULL || vmp_model_equal (model, other))
        vmp_inventory_take_model (changed, vmp_model_ref (model));
      else
        vmp_inventory_take_model (changed, g_steal_pointer (&other));
    }

  return changed;
}

static JsonObject *
get_root (JsonNode *root)
{
  return root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
}

static VmpModel *
change_running (VmpModel *model,
                gpointer  user_data)
{
  GHashTable *running = user_data;
  JsonObject *card = g_hash_table_lookup (running, model->id);
  VmpModel *changed = vmp_model_copy (model);

  g_ptr_array_set_size (changed->instances, 0);
  vmp_card_set_flag (changed, VMP_MODEL_FACT_LOADED, card != NULL, VMP_FACT_DECLARED);
  if (card != NULL)
    {
      VmpModelInstance *instance = vmp_model_add_instance (changed, changed->id);

      instance->context_length = vmp_card_get_count (card, "context_length", VMP_LIMIT_MODEL_CONTEXT);
    }

  return changed;
}

VmpInventory *
vmp_inventory_add_running (VmpInventory *self,
                           const char   *body,
                           gsize         len)
{
  g_autoptr (JsonNode) root = vmp_json_parse_list (body, len, NULL);
  JsonArray *cards = vmp_json_get_array (get_root (root), "models");
  g_autoptr (GHashTable) running = NULL; /* id -> its card */
  guint n_cards;

  if (cards == NULL)
    return vmp_inventory_ref (self);

  running = g_hash_table_new_full (vmp_text_hash, g_str_equal, g_free, NULL);
  n_cards = MIN (json_array_get_length (cards), VMP_LIMIT_NODE_MODELS);
  for (guint i = 0; i < n_cards; i++)
    {
      JsonNode *node = json_array_get_element (cards, i);
      JsonObject *card = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      char *id = read_id (card);

      if (id != NULL)
        g_hash_table_insert (running, id, card);
    }

  return map_models (self, change_running, running);
}

typedef struct {
  const char *id;
  JsonObject *show;
} Details;

static VmpModel *
change_details (VmpModel *model,
                gpointer  user_data)
{
  const Details *answer = user_data;
  JsonObject *details = vmp_json_get_object (answer->show, "details");
  JsonObject *info = vmp_json_get_object (answer->show, "model_info");
  JsonArray *capabilities = vmp_json_get_array (answer->show, "capabilities");
  const char *architecture = vmp_json_get_string (info, "general.architecture");
  VmpModel *changed;

  if (strcmp (model->id, answer->id) != 0)
    return NULL;

  changed = vmp_model_copy (model);
  read_details (details, changed);

  if (architecture != NULL)
    {
      g_autofree char *name = g_strconcat (architecture, ".context_length", NULL);
      g_autofree char *shown = vmp_card_get_text (info, "general.architecture");

      if (shown != NULL)
        {
          g_free (changed->architecture);
          changed->architecture = g_steal_pointer (&shown);
        }
      vmp_card_set_context (changed, vmp_card_get_count (info, name, VMP_LIMIT_MODEL_CONTEXT), VMP_FACT_DECLARED);
    }

  if (capabilities != NULL)
    read_capabilities (capabilities, changed);
  else
    conclude_capabilities (answer->show, changed);
  conclude_kind (details, changed);

  return changed;
}

VmpInventory *
vmp_inventory_add_details (VmpInventory *self,
                           const char   *id,
                           const char   *body,
                           gsize         len)
{
  g_autoptr (JsonNode) root = vmp_json_parse_list (body, len, NULL);
  Details answer = { id, get_root (root) };

  if (vmp_json_get_object (answer.show, "details") == NULL || !g_hash_table_contains (self->by_id, id))
    return vmp_inventory_ref (self);

  return map_models (self, change_details, &answer);
}

gboolean
vmp_inventory_has_details (const VmpModel *model)
{
  return model->sources[VMP_MODEL_FACT_TOOLS] != VMP_FACT_UNKNOWN;
}

/* The details of the same model as it was. */
static VmpModel *
change_known (VmpModel *model,
              gpointer  user_data)
{
  const VmpInventory *known = user_data;
  const VmpModel *before = g_hash_table_lookup (known->by_id, model->id);
  VmpModel *changed;

  if (before == NULL || !vmp_inventory_has_details (before) || vmp_inventory_has_details (model) ||
      before->size_bytes != model->size_bytes || before->created != model->created)
    return NULL;

  changed = vmp_model_copy (before);
  changed->loaded = model->loaded;
  changed->sources[VMP_MODEL_FACT_LOADED] = model->sources[VMP_MODEL_FACT_LOADED];
  g_ptr_array_unref (changed->instances);
  changed->instances = g_ptr_array_ref (model->instances);

  return changed;
}

VmpInventory *
vmp_inventory_add_known (VmpInventory *self,
                         VmpInventory *known)
{
  if (known == NULL)
    return vmp_inventory_ref (self);

  return map_models (self, change_known, known);
}

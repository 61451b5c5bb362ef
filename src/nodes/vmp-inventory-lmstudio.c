/* SPDX-License-Identifier: MIT
 *
 * The cards of LM Studio's own two lists: /api/v1/models of 0.4.0, and /api/v0/models of 0.3.6 as it is described at
 * https://lmstudio.ai/docs. What a card does not say is left open.
 */

#include "nodes/vmp-inventory-private.h"

#include <string.h>

#include "core/vmp-limits.h"

/* v1 says llm and embedding, v0 says llm, vlm and embeddings. */
static void
read_type (JsonObject *card,
           VmpModel   *model)
{
  const char *type = vmp_json_get_string (card, "type");

  if (g_strcmp0 (type, "llm") == 0)
    vmp_card_set_kind (model, VMP_MODEL_LLM, VMP_FACT_DECLARED);
  else if (g_strcmp0 (type, "vlm") == 0)
    vmp_card_set_kind (model, VMP_MODEL_VLM, VMP_FACT_DECLARED);
  else if (g_strcmp0 (type, "embedding") == 0 || g_strcmp0 (type, "embeddings") == 0)
    vmp_card_set_kind (model, VMP_MODEL_EMBEDDING, VMP_FACT_DECLARED);
  else if (vmp_card_looks_like_embedding (model))
    vmp_card_set_kind (model, VMP_MODEL_EMBEDDING, VMP_FACT_DETECTED);
}

/* -- /api/v1/models ------------------------------------------------------------------------ */

static void
read_flag (JsonObject  *capabilities,
           const char  *name,
           VmpModel    *model,
           VmpModelFact fact)
{
  gboolean value;

  if (vmp_json_get_boolean (capabilities, name, &value))
    vmp_card_set_flag (model, fact, value, VMP_FACT_DECLARED);
}

/* The choices there are for reasoning; a model that can do nothing but "off" does not. */
static void
read_reasoning_options (JsonArray *options,
                        VmpModel  *model)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  guint n_options = MIN (json_array_get_length (options), VMP_LIMIT_MODEL_OPTIONS);
  gboolean reasons = FALSE;

  for (guint i = 0; i < n_options; i++)
    {
      JsonNode *node = json_array_get_element (options, i);
      const char *option = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

      /* They are single words; others cannot be asked for. */
      if (option == NULL || *option == '\0' || strlen (option) > VMP_LIMIT_MODEL_TEXT_CHARS ||
          option[strspn (option, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0')
        continue;

      g_strv_builder_add (builder, option);
      reasons = reasons || strcmp (option, "off") != 0;
    }

  model->reasoning_options = g_strv_builder_end (builder);
  vmp_card_set_flag (model, VMP_MODEL_FACT_REASONING, reasons, VMP_FACT_DECLARED);
}

static void
read_capabilities (JsonObject *capabilities,
                   VmpModel   *model)
{
  JsonNode *reasoning = json_object_get_member (capabilities, "reasoning");
  JsonArray *options = vmp_json_get_array (vmp_json_get_object (capabilities, "reasoning"), "allowed_options");

  read_flag (capabilities, "vision", model, VMP_MODEL_FACT_VISION);
  read_flag (capabilities, "trained_for_tool_use", model, VMP_MODEL_FACT_TOOLS);

  if (options != NULL)
    read_reasoning_options (options, model);
  else if (reasoning == NULL || JSON_NODE_HOLDS_NULL (reasoning))
    vmp_card_set_flag (model, VMP_MODEL_FACT_REASONING, FALSE, VMP_FACT_DETECTED);
}

static gboolean
has_instance (const VmpModel *model,
              const char     *id)
{
  for (guint i = 0; i < model->instances->len; i++)
    {
      const VmpModelInstance *instance = model->instances->pdata[i];

      if (strcmp (instance->id, id) == 0)
        return TRUE;
    }

  return FALSE;
}

static void
read_instances (JsonArray *instances,
                VmpModel  *model)
{
  guint n_instances = MIN (json_array_get_length (instances), VMP_LIMIT_MODEL_INSTANCES);

  for (guint i = 0; i < n_instances; i++)
    {
      JsonNode *node = json_array_get_element (instances, i);
      JsonObject *card = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      JsonObject *config = vmp_json_get_object (card, "config");
      g_autofree char *id = vmp_card_get_id (card, "id");
      VmpModelInstance *instance;

      if (id == NULL || has_instance (model, id))
        continue;

      instance = vmp_model_add_instance (model, id);
      instance->context_length = vmp_card_get_count (config, "context_length", VMP_LIMIT_MODEL_CONTEXT);
      instance->parallel = (guint) vmp_card_get_count (config, "parallel", VMP_LIMIT_MODEL_PARALLEL);
    }

  vmp_card_set_flag (model, VMP_MODEL_FACT_LOADED, json_array_get_length (instances) > 0, VMP_FACT_DECLARED);
}

VmpModel *
vmp_card_read_lmstudio_v1 (JsonObject *card)
{
  g_autofree char *key = vmp_card_get_id (card, "key");
  JsonObject *capabilities = vmp_json_get_object (card, "capabilities");
  JsonArray *instances = vmp_json_get_array (card, "loaded_instances");
  VmpModel *model;

  if (key == NULL)
    return NULL;

  model = vmp_model_new (key);
  model->display_name = vmp_card_get_text (card, "display_name");
  model->publisher = vmp_card_get_text (card, "publisher");
  model->architecture = vmp_card_get_text (card, "architecture");
  model->format = vmp_card_get_text (card, "format");
  model->parameters = vmp_card_get_text (card, "params_string");
  model->quantization = vmp_card_get_text (vmp_json_get_object (card, "quantization"), "name");
  model->size_bytes = vmp_card_get_count (card, "size_bytes", VMP_LIMIT_MODEL_BYTES);
  vmp_card_set_context (model, vmp_card_get_count (card, "max_context_length", VMP_LIMIT_MODEL_CONTEXT),
                        VMP_FACT_DECLARED);

  read_type (card, model);
  if (capabilities != NULL)
    read_capabilities (capabilities, model);
  if (instances != NULL)
    read_instances (instances, model);

  if (model->kind == VMP_MODEL_LLM && model->vision)
    vmp_card_set_kind (model, VMP_MODEL_VLM, VMP_FACT_DECLARED);

  return model;
}

/* -- /api/v0/models ------------------------------------------------------------------------ */

static void
read_state (JsonObject *card,
            VmpModel   *model)
{
  const char *state = vmp_json_get_string (card, "state");
  gboolean loaded = g_strcmp0 (state, "loaded") == 0;

  if (!loaded && g_strcmp0 (state, "not-loaded") != 0)
    return;

  vmp_card_set_flag (model, VMP_MODEL_FACT_LOADED, loaded, VMP_FACT_DECLARED);
  if (loaded)
    {
      VmpModelInstance *instance = vmp_model_add_instance (model, model->id);

      instance->context_length = vmp_card_get_count (card, "loaded_context_length", VMP_LIMIT_MODEL_CONTEXT);
    }
}

VmpModel *
vmp_card_read_lmstudio_v0 (JsonObject *card)
{
  g_autofree char *id = vmp_card_get_id (card, "id");
  JsonArray *capabilities = vmp_json_get_array (card, "capabilities");
  VmpModel *model;

  /* Without these it is an OpenAI card, from a server that answers every address with its only list. */
  if (id == NULL ||
      (vmp_json_get_string (card, "type") == NULL && vmp_json_get_string (card, "state") == NULL))
    return NULL;

  model = vmp_model_new (id);
  model->publisher = vmp_card_get_text (card, "publisher");
  model->architecture = vmp_card_get_text (card, "arch");
  model->format = vmp_card_get_text (card, "compatibility_type");
  model->quantization = vmp_card_get_text (card, "quantization");
  vmp_card_set_context (model, vmp_card_get_count (card, "max_context_length", VMP_LIMIT_MODEL_CONTEXT),
                        VMP_FACT_DECLARED);

  read_type (card, model);
  read_state (card, model);

  /* The type tells of a picture's reader, the capabilities of tools. */
  if (model->sources[VMP_MODEL_FACT_KIND] == VMP_FACT_DECLARED)
    vmp_card_set_flag (model, VMP_MODEL_FACT_VISION, model->kind == VMP_MODEL_VLM, VMP_FACT_DECLARED);
  if (capabilities != NULL)
    vmp_card_set_flag (model, VMP_MODEL_FACT_TOOLS, vmp_card_has_word (capabilities, "tool_use"), VMP_FACT_DECLARED);

  return model;
}

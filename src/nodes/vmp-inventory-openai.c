/* SPDX-License-Identifier: MIT
 *
 * The cards of /v1/models, which has an id and little else, and what can be concluded from a whole list of them: who
 * gave it, and whether its models are in memory.
 */

#include "nodes/vmp-inventory-private.h"

#include <string.h>

#include "core/vmp-limits.h"

/* Seconds since 1970 up to which a model may have been made: the year 9999. */
#define LATEST_CREATED 253402300799

/* -- Cards --------------------------------------------------------------------------------- */

/* "8B", "1.5B", "270M" */
static char *
describe_parameters (gint64 count)
{
  static const struct {
    gint64 size;
    char letter;
  } scales[] = {
    { 1000000000000, 'T' },
    { 1000000000, 'B' },
    { 1000000, 'M' },
  };

  for (guint i = 0; i < G_N_ELEMENTS (scales); i++)
    {
      gint64 tenths = (count + scales[i].size / 20) / (scales[i].size / 10);

      if (tenths < 10)
        continue;

      if (tenths % 10 == 0 || tenths >= 1000)
        return g_strdup_printf ("%" G_GINT64_FORMAT "%c", (tenths + 5) / 10, scales[i].letter);
      return g_strdup_printf ("%" G_GINT64_FORMAT ".%d%c", tenths / 10, (int) (tenths % 10), scales[i].letter);
    }

  return NULL;
}

/* llama.cpp's router lists what it could load, and says how each is. */
static void
read_status (JsonObject *card,
             VmpModel   *model)
{
  const char *status = vmp_json_get_string (vmp_json_get_object (card, "status"), "value");
  gboolean loaded = g_strcmp0 (status, "loaded") == 0;

  if (status == NULL)
    return;

  vmp_card_set_flag (model, VMP_MODEL_FACT_LOADED, loaded, VMP_FACT_DECLARED);
  if (loaded)
    vmp_model_add_instance (model, model->id);
}

VmpModel *
vmp_card_read_openai (JsonObject *card)
{
  g_autofree char *id = vmp_card_get_id (card, "id");
  JsonObject *meta = vmp_json_get_object (card, "meta");
  VmpModel *model;

  if (id == NULL)
    return NULL;

  model = vmp_model_new (id);
  model->display_name = vmp_card_get_text (card, "name");
  model->owned_by = vmp_card_get_text (card, "owned_by");
  model->created = vmp_card_get_count (card, "created", LATEST_CREATED);

  /* vLLM and SGLang. */
  vmp_card_set_context (model, vmp_card_get_count (card, "max_model_len", VMP_LIMIT_MODEL_CONTEXT), VMP_FACT_DECLARED);

  /* llama.cpp: what the model was made for, and what the server was started with. */
  vmp_card_set_context (model, vmp_card_get_count (meta, "n_ctx_train", VMP_LIMIT_MODEL_CONTEXT), VMP_FACT_DECLARED);
  vmp_card_set_context (model, vmp_card_get_count (meta, "n_ctx", VMP_LIMIT_MODEL_CONTEXT), VMP_FACT_DECLARED);
  model->parameters = describe_parameters (vmp_card_get_count (meta, "n_params", VMP_LIMIT_MODEL_BYTES));
  model->size_bytes = vmp_card_get_count (meta, "size", VMP_LIMIT_MODEL_BYTES);
  read_status (card, model);

  if (vmp_card_looks_like_embedding (model))
    vmp_card_set_kind (model, VMP_MODEL_EMBEDDING, VMP_FACT_DETECTED);

  return model;
}

/* -- Lists --------------------------------------------------------------------------------- */

VmpProvider
vmp_openai_detect_provider (const char      *server,
                            const GPtrArray *models)
{
  /* Looked for in lines of lower-case letters; what has line ends must be all of its line. The first that is found
   * counts. */
  static const struct {
    const char *mark;
    VmpProvider provider;
  } marks[] = {
    { "lm studio", VMP_PROVIDER_LMSTUDIO },
    { "lmstudio", VMP_PROVIDER_LMSTUDIO },
    { "\norganization_owner\n", VMP_PROVIDER_LMSTUDIO },
    { "llama.cpp", VMP_PROVIDER_LLAMACPP },
    { "llamacpp", VMP_PROVIDER_LLAMACPP },
    { "kobold", VMP_PROVIDER_KOBOLDCPP }, /* before "ollama": its Server is ConcedoLlamaForKoboldServer */
    { "ollama", VMP_PROVIDER_OLLAMA },
    { "\nlibrary\n", VMP_PROVIDER_OLLAMA },
    { "localai", VMP_PROVIDER_LOCALAI },
    { "vllm", VMP_PROVIDER_VLLM },
    { "text-generation-webui", VMP_PROVIDER_TEXT_GENERATION_WEBUI },
    { "oobabooga", VMP_PROVIDER_TEXT_GENERATION_WEBUI },
    { "gpt4all", VMP_PROVIDER_GPT4ALL },
    { "\nhumanity\n", VMP_PROVIDER_GPT4ALL },
    { "\njan\n", VMP_PROVIDER_JAN },
  };
  g_autoptr (GString) lines = g_string_new ("\n");
  const char *last = server;

  if (server != NULL)
    g_string_append_printf (lines, "%s\n", server);

  for (guint i = 0; i < models->len; i++)
    {
      const VmpModel *model = models->pdata[i];

      /* Most lists have one owner throughout. */
      if (model->owned_by != NULL && g_strcmp0 (model->owned_by, last) != 0)
        {
          last = model->owned_by;
          g_string_append_printf (lines, "%s\n", last);
        }
    }
  g_string_ascii_down (lines);

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    {
      if (strstr (lines->str, marks[i].mark) != NULL)
        return marks[i].provider;
    }

  return VMP_PROVIDER_AUTO;
}

void
vmp_openai_conclude_loaded (VmpProvider provider,
                            GPtrArray  *models)
{
  /* vLLM's other models are adapters of the one that it runs; these run one model each. */
  gboolean is_all = provider == VMP_PROVIDER_VLLM;
  gboolean is_one = provider == VMP_PROVIDER_LLAMACPP || provider == VMP_PROVIDER_KOBOLDCPP;

  for (guint i = 0; i < models->len; i++)
    {
      VmpModel *model = models->pdata[i];

      /* A context is only told by servers that have looked into the model. */
      if (model->sources[VMP_MODEL_FACT_LOADED] != VMP_FACT_UNKNOWN ||
          !(is_all || (models->len == 1 && (is_one || model->context_limit > 0))))
        continue;

      vmp_card_set_flag (model, VMP_MODEL_FACT_LOADED, TRUE, VMP_FACT_DETECTED);
      vmp_model_add_instance (model, model->id);
    }
}

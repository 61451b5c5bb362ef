/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its built-in models, and models read from a JSON file. The
 * names are of real models, so that a demo looks like one; nothing of those models is in here.
 */

#include "sim-json.h"
#include "sim-models.h"

#include <string.h>

static const struct {
  const char *key;
  const char *display_name;
  const char *publisher;
  const char *architecture;
  const char *quantization;
  int bits;
  gint64 size_bytes;
  const char *params;
  int max_context;
  const char *format;
  SimKind kind;
  gboolean tools;
  SimReasons reasons;
  const char *reasoning_options;
  const char *reasoning_default;
  int experts;
  gboolean loaded;
} catalogue[] = {
  { "qwen/qwen3-4b", "Qwen3 4B", "qwen", "qwen3", "Q4_K_M", 4, 2497281120, "4B", 32768, "gguf",
    SIM_KIND_LLM, TRUE, SIM_REASONS_NOT, NULL, NULL, 0, TRUE },
  { "google/gemma-3-12b", "Gemma 3 12B", "google", "gemma3", "Q4_K_M", 4, 8148908432, "12B", 131072, "gguf",
    SIM_KIND_VLM, FALSE, SIM_REASONS_NOT, NULL, NULL, 0, FALSE },
  { "openai/gpt-oss-20b", "gpt-oss 20B", "openai", "gpt-oss", "MXFP4", 4, 12109565632, "20B", 131072, "gguf",
    SIM_KIND_LLM, TRUE, SIM_REASONS_AS_REASONING, "low medium high", "low", 4, FALSE },
  { "deepseek/deepseek-r1-0528-qwen3-8b", "DeepSeek R1 0528 Qwen3 8B", "deepseek", "qwen3", "Q4_K_M", 4, 5027785216,
    "8B", 131072, "gguf", SIM_KIND_LLM, FALSE, SIM_REASONS_AS_CONTENT, "on", "on", 0, FALSE },
  { "qwen/qwen3-30b-a3b-2507", "Qwen3 30B A3B 2507", "qwen", "qwen3_moe", "4bit", 4, 17190309888, "30B-A3B", 262144,
    "mlx", SIM_KIND_LLM, TRUE, SIM_REASONS_NOT, NULL, NULL, 8, FALSE },
  { "text-embedding-nomic-embed-text-v1.5", "Nomic Embed Text v1.5", "nomic-ai", "nomic-bert", "Q4_K_M", 4, 84106624,
    NULL, 2048, "gguf", SIM_KIND_EMBEDDING, FALSE, SIM_REASONS_NOT, NULL, NULL, 0, TRUE },
};

static const struct {
  const char *word;
  SimKind kind;
} kind_words[] = {
  { "llm", SIM_KIND_LLM },
  { "vlm", SIM_KIND_VLM },
  { "embedding", SIM_KIND_EMBEDDING },
  { "embeddings", SIM_KIND_EMBEDDING },
};

const char *
sim_catalogue_key (guint index)
{
  return index < G_N_ELEMENTS (catalogue) ? catalogue[index].key : NULL;
}

gboolean
sim_catalogue_is_loaded_at_start (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (catalogue); i++)
    if (strcmp (catalogue[i].key, key) == 0)
      return catalogue[i].loaded;

  return FALSE;
}

static SimModel *
make_plain (const char *key)
{
  SimModel *model = g_new0 (SimModel, 1);
  const char *slash = strchr (key, '/');

  model->key = g_strdup (key);
  model->display_name = g_strdup (slash != NULL ? slash + 1 : key);
  model->publisher = slash != NULL ? g_strndup (key, (gsize) (slash - key)) : g_strdup ("lmstudio-community");
  model->quantization = g_strdup ("Q4_K_M");
  model->bits = 4;
  model->size_bytes = 4920739232;
  model->format = g_strdup ("gguf");
  if (g_str_has_prefix (key, "text-embedding-"))
    {
      model->kind = SIM_KIND_EMBEDDING;
      model->architecture = g_strdup ("bert");
      model->max_context = 2048;
    }
  else
    {
      model->architecture = g_strdup ("llama");
      model->params = g_strdup ("8B");
      model->max_context = 131072;
      model->trained_for_tool_use = TRUE;
    }

  return model;
}

SimModel *
sim_catalogue_make (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (catalogue); i++)
    {
      SimModel *model;

      if (strcmp (catalogue[i].key, key) != 0)
        continue;

      model = g_new0 (SimModel, 1);
      model->key = g_strdup (key);
      model->display_name = g_strdup (catalogue[i].display_name);
      model->publisher = g_strdup (catalogue[i].publisher);
      model->architecture = g_strdup (catalogue[i].architecture);
      model->quantization = g_strdup (catalogue[i].quantization);
      model->bits = catalogue[i].bits;
      model->size_bytes = catalogue[i].size_bytes;
      model->params = g_strdup (catalogue[i].params);
      model->max_context = catalogue[i].max_context;
      model->format = g_strdup (catalogue[i].format);
      model->kind = catalogue[i].kind;
      model->trained_for_tool_use = catalogue[i].tools;
      model->reasons = catalogue[i].reasons;
      if (catalogue[i].reasoning_options != NULL)
        model->reasoning_options = g_strsplit (catalogue[i].reasoning_options, " ", -1);
      model->reasoning_default = g_strdup (catalogue[i].reasoning_default);
      model->experts = catalogue[i].experts;
      return model;
    }

  return make_plain (key);
}

static void
take_string (JsonObject *object,
             const char *key,
             char      **field)
{
  const char *value = sim_json_get_string (object, key);

  if (value != NULL)
    {
      g_free (*field);
      *field = g_strdup (value);
    }
}

static void
take_reasoning (SimModel   *model,
                JsonObject *object)
{
  JsonArray *options = sim_json_get_array (object, "reasoning");
  const char *field = sim_json_get_string (object, "reasoning_field");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (options == NULL)
    return;
  for (guint i = 0; i < json_array_get_length (options); i++)
    {
      const char *option = sim_json_as_string (json_array_get_element (options, i));

      if (option != NULL)
        g_strv_builder_add (builder, option);
    }
  g_strfreev (model->reasoning_options);
  model->reasoning_options = g_strv_builder_end (builder);
  if (model->reasoning_options[0] == NULL)
    {
      g_clear_pointer (&model->reasoning_options, g_strfreev);
      model->reasons = SIM_REASONS_NOT;
      return;
    }
  g_free (model->reasoning_default);
  model->reasoning_default = g_strdup (model->reasoning_options[0]);
  take_string (object, "reasoning_default", &model->reasoning_default);
  model->reasons = g_strcmp0 (field, "reasoning") == 0 ? SIM_REASONS_AS_REASONING : SIM_REASONS_AS_CONTENT;
}

SimModel *
sim_catalogue_read (JsonObject *object,
                    gboolean   *loaded,
                    GError    **error)
{
  const char *key = sim_json_get_string (object, "key");
  const char *kind = sim_json_get_string (object, "type");
  SimModel *model;

  if (key == NULL || *key == '\0')
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a model has no \"key\"");
      return NULL;
    }

  model = sim_catalogue_make (key);
  for (guint i = 0; i < G_N_ELEMENTS (kind_words); i++)
    if (g_strcmp0 (kind, kind_words[i].word) == 0)
      model->kind = kind_words[i].kind;
  take_string (object, "display_name", &model->display_name);
  take_string (object, "publisher", &model->publisher);
  take_string (object, "architecture", &model->architecture);
  take_string (object, "quantization", &model->quantization);
  take_string (object, "params_string", &model->params);
  take_string (object, "format", &model->format);
  model->bits = (int) sim_json_get_number (object, "bits_per_weight", model->bits);
  model->size_bytes = (gint64) sim_json_get_number (object, "size_bytes", (double) model->size_bytes);
  model->max_context = (int) CLAMP (sim_json_get_number (object, "max_context_length", model->max_context), 16, 1e9);
  model->experts = (int) sim_json_get_number (object, "num_experts", model->experts);
  model->trained_for_tool_use = sim_json_get_bool (object, "trained_for_tool_use", model->trained_for_tool_use);
  take_reasoning (model, object);
  *loaded = sim_json_get_bool (object, "loaded", FALSE);

  return model;
}

void
sim_model_free (SimModel *model)
{
  g_assert (model->instances.length == 0);
  g_free (model->key);
  g_free (model->display_name);
  g_free (model->publisher);
  g_free (model->architecture);
  g_free (model->quantization);
  g_free (model->params);
  g_free (model->format);
  g_strfreev (model->reasoning_options);
  g_free (model->reasoning_default);
  g_free (model);
}

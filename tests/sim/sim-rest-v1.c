/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the models of /api/v1 (0.4.0 and later): list, load, unload.
 */

#include "sim-config.h"
#include "sim-http.h"
#include "sim-json.h"
#include "sim-models.h"
#include "sim-route.h"
#include "sim-strict.h"

#include <string.h>

SimError *
sim_strict_check (JsonObject         *request,
                  const char * const *allowed,
                  guint               n_required)
{
  JsonObjectIter iter;
  const char *key;

  for (guint i = 0; i < n_required; i++)
    if (!json_object_has_member (request, allowed[i])
        || (strcmp (allowed[i], "input") != 0 && sim_json_get_string (request, allowed[i]) == NULL))
      return sim_error_new (SIM_ERROR_INVALID, allowed[i], "\"%s\" is required", allowed[i]);

  json_object_iter_init_ordered (&iter, request);
  while (json_object_iter_next_ordered (&iter, &key, NULL))
    if (!g_strv_contains (allowed, key))
      return sim_error_new (SIM_ERROR_UNKNOWN_KEY, NULL, "Unrecognized key(s) in object: '%s'", key);

  return NULL;
}

/* -- List ------------------------------------------------------------------------------------ */

static void
write_config (SimJson           *json,
              const char        *key,
              const SimInstance *instance,
              gboolean           with_parallel)
{
  gboolean is_gguf = strcmp (instance->model->format, "gguf") == 0;

  sim_json_begin (json, key, '{');
  sim_json_int (json, "context_length", instance->config.context_length);
  if (instance->model->kind != SIM_KIND_EMBEDDING)
    {
      if (is_gguf)
        sim_json_int (json, "eval_batch_size", instance->config.eval_batch_size);
      if (with_parallel)
        sim_json_int (json, "parallel", instance->parallel);
      if (is_gguf)
        sim_json_bool (json, "flash_attention", instance->config.flash_attention);
      if (instance->config.num_experts > 0)
        sim_json_int (json, "num_experts", instance->config.num_experts);
      if (is_gguf)
        sim_json_bool (json, "offload_kv_cache_to_gpu", instance->config.offload_kv_cache);
    }
  sim_json_end (json, '}');
}

static void
write_capabilities (SimJson        *json,
                    const SimModel *model)
{
  sim_json_begin (json, "capabilities", '{');
  sim_json_bool (json, "vision", model->kind == SIM_KIND_VLM);
  sim_json_bool (json, "trained_for_tool_use", model->trained_for_tool_use);
  if (model->reasoning_options != NULL)
    {
      sim_json_begin (json, "reasoning", '{');
      sim_json_begin (json, "allowed_options", '[');
      for (char **option = model->reasoning_options; *option != NULL; option++)
        sim_json_string (json, NULL, *option);
      sim_json_end (json, ']');
      sim_json_string (json, "default", model->reasoning_default);
      sim_json_end (json, '}');
    }
  sim_json_end (json, '}');
}

static void
write_model (SimJson        *json,
             const SimModel *model)
{
  gboolean is_llm = model->kind != SIM_KIND_EMBEDDING;
  g_autofree char *quantization = g_ascii_strdown (model->quantization, -1);
  g_autofree char *variant = g_strdup_printf ("%s@%s", model->key, quantization);

  sim_json_begin (json, NULL, '{');
  sim_json_string (json, "type", is_llm ? "llm" : "embedding");
  sim_json_string (json, "publisher", model->publisher);
  sim_json_string (json, "key", model->key);
  sim_json_string (json, "display_name", model->display_name);
  if (is_llm)
    sim_json_string (json, "architecture", model->architecture);
  sim_json_begin (json, "quantization", '{');
  sim_json_string (json, "name", model->quantization);
  sim_json_int (json, "bits_per_weight", model->bits);
  sim_json_end (json, '}');
  sim_json_int (json, "size_bytes", model->size_bytes);
  sim_json_string (json, "params_string", model->params);
  sim_json_begin (json, "loaded_instances", '[');
  for (GList *link = model->instances.head; link != NULL; link = link->next)
    {
      const SimInstance *instance = link->data;

      if (instance->state != SIM_INSTANCE_LOADED)
        continue;
      sim_json_begin (json, NULL, '{');
      sim_json_string (json, "id", instance->id);
      write_config (json, "config", instance, TRUE);
      sim_json_end (json, '}');
    }
  sim_json_end (json, ']');
  sim_json_int (json, "max_context_length", model->max_context);
  sim_json_string (json, "format", model->format);
  if (is_llm)
    {
      write_capabilities (json, model);
      sim_json_null (json, "description");
      sim_json_begin (json, "variants", '[');
      sim_json_string (json, NULL, variant);
      sim_json_end (json, ']');
      sim_json_string (json, "selected_variant", variant);
    }
  sim_json_end (json, '}');
}

void
sim_v1_list_models (SimExchange *exchange)
{
  GPtrArray *models = sim_models_list (exchange->sim->models);
  GString *body = g_string_sized_new (4096);
  SimJson json = { .out = body };

  sim_json_begin (&json, NULL, '{');
  sim_json_begin (&json, "models", '[');
  for (guint i = 0; i < models->len; i++)
    write_model (&json, models->pdata[i]);
  sim_json_end (&json, ']');
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, 200, body);
}

/* -- Load ------------------------------------------------------------------------------------ */

typedef struct {
  SimExchange *exchange;  /* NULL: the client has gone; the load goes on */
  gboolean echoes;
} Load;

static void
load_done (SimInstance    *instance,
           const SimError *error,
           gpointer        data)
{
  g_autofree Load *load = data;
  GString *body;
  SimJson json;

  if (load->exchange == NULL)
    return;
  if (error != NULL)
    {
      sim_error_reply (error, load->exchange, SIM_DIALECT_NATIVE);
      return;
    }

  body = g_string_new (NULL);
  json = (SimJson) { .out = body };
  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "type", instance->model->kind == SIM_KIND_EMBEDDING ? "embedding" : "llm");
  sim_json_string (&json, "instance_id", instance->id);
  sim_json_number (&json, "load_time_seconds", instance->load_seconds);
  sim_json_string (&json, "status", "loaded");
  if (load->echoes)
    write_config (&json, "load_config", instance, FALSE);
  sim_json_end (&json, '}');
  sim_exchange_reply_json (load->exchange, 200, body);
}

static void
load_client_gone (SimExchange *exchange,
                  SimGone      gone,
                  gpointer     data)
{
  Load *load = data;

  load->exchange = NULL;
}

void
sim_v1_load (SimExchange *exchange)
{
  static const char * const keys[] = { "model", "context_length", "eval_batch_size", "flash_attention", "num_experts",
                                       "offload_kv_cache_to_gpu", "echo_load_config", NULL };
  Sim *sim = exchange->sim;
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_NATIVE);
  g_autoptr (SimError) error = NULL;
  SimLoadConfig config = SIM_LOAD_CONFIG_DEFAULT;
  JsonObject *request;
  SimModel *model = NULL;
  Load *load;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  error = sim_strict_check (request, keys, 1);
  if (error == NULL)
    {
      model = sim_models_find (sim->models, sim_json_get_string (request, "model"));
      if (model == NULL)
        error = sim_error_new (SIM_ERROR_MODEL_NOT_FOUND, "model", "Model \"%s\" not found.",
                               sim_json_get_string (request, "model"));
    }
  if (error != NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_NATIVE);
      return;
    }

  config.context_length = (int) CLAMP (sim_json_get_number (request, "context_length", 0), 0, 1e9);
  config.eval_batch_size = (int) CLAMP (sim_json_get_number (request, "eval_batch_size", 512), 1, 1e6);
  config.num_experts = (int) CLAMP (sim_json_get_number (request, "num_experts", 0), 0, 1e6);
  config.flash_attention = sim_json_get_bool (request, "flash_attention", config.flash_attention);
  config.offload_kv_cache = sim_json_get_bool (request, "offload_kv_cache_to_gpu", config.offload_kv_cache);

  load = g_new0 (Load, 1);
  load->exchange = exchange;
  load->echoes = sim_json_get_bool (request, "echo_load_config", FALSE);
  sim_exchange_watch (exchange, load_client_gone, NULL, load);
  sim_models_load (sim->models, model, &config, load_done, load);
}

void
sim_v1_unload (SimExchange *exchange)
{
  static const char * const keys[] = { "instance_id", NULL };
  Sim *sim = exchange->sim;
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_NATIVE);
  g_autoptr (SimError) error = NULL;
  SimInstance *instance = NULL;
  JsonObject *request;
  const char *id;
  GString *body;
  SimJson json;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  id = sim_json_get_string (request, "instance_id");
  error = sim_strict_check (request, keys, 1);
  if (error == NULL)
    {
      instance = sim_models_find_instance (sim->models, id);
      if (instance == NULL || instance->state != SIM_INSTANCE_LOADED)
        error = sim_error_new (SIM_ERROR_MODEL_NOT_FOUND, "instance_id", "No loaded model instance with id \"%s\".",
                               id);
    }
  if (error != NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_NATIVE);
      return;
    }

  sim_models_unload (sim->models, instance);
  body = g_string_new (NULL);
  json = (SimJson) { .out = body };
  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "instance_id", id);
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, 200, body);
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the model list of /api/v0 (0.3.6 and later). What predicts
 * under /api/v0 is in sim-openai.c and sim-embed.c.
 */

#include "sim-config.h"
#include "sim-json.h"
#include "sim-models.h"
#include "sim-route.h"

#include <string.h>

/* @instance: (nullable): loaded */
static void
write_model (Sim         *sim,
             SimJson     *json,
             SimModel    *model,
             SimInstance *instance)
{
  static const char * const types[] = {
    [SIM_KIND_LLM] = "llm",
    [SIM_KIND_VLM] = "vlm",
    [SIM_KIND_EMBEDDING] = "embeddings",
  };

  sim_json_begin (json, NULL, '{');
  sim_json_string (json, "id", instance != NULL ? instance->id : model->key);
  sim_json_string (json, "object", "model");
  sim_json_string (json, "type", types[model->kind]);
  sim_json_string (json, "publisher", model->publisher);
  sim_json_string (json, "arch", model->architecture);
  sim_json_string (json, "compatibility_type", model->format);
  sim_json_string (json, "quantization", model->quantization);
  sim_json_string (json, "state", instance != NULL ? "loaded" : "not-loaded");
  sim_json_int (json, "max_context_length", model->max_context);
  if (instance != NULL && sim_config_since (sim->config, SIM_VERSION (0, 3, 9)))
    sim_json_int (json, "loaded_context_length", instance->config.context_length);
  if (model->trained_for_tool_use && sim_config_since (sim->config, SIM_VERSION (0, 3, 16)))
    sim_json_raw (json, "capabilities", "[\"tool_use\"]");
  sim_json_end (json, '}');
}

/* The model as it would be addressed by its key. */
static SimInstance *
first_loaded (SimModel *model)
{
  for (GList *link = model->instances.head; link != NULL; link = link->next)
    if (((SimInstance *) link->data)->state == SIM_INSTANCE_LOADED)
      return link->data;

  return NULL;
}

void
sim_v0_list_models (SimExchange *exchange)
{
  Sim *sim = exchange->sim;
  GPtrArray *models = sim_models_list (sim->models);
  GString *body = g_string_sized_new (2048);
  SimJson json = { .out = body };

  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "object", "list");
  sim_json_begin (&json, "data", '[');
  for (guint i = 0; i < models->len; i++)
    {
      SimModel *model = models->pdata[i];
      SimInstance *first = first_loaded (model);

      if (first == NULL)
        write_model (sim, &json, model, NULL);
      for (GList *link = model->instances.head; link != NULL; link = link->next)
        if (((SimInstance *) link->data)->state == SIM_INSTANCE_LOADED)
          write_model (sim, &json, model, link->data);
    }
  sim_json_end (&json, ']');
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, 200, body);
}

void
sim_v0_show_model (SimExchange *exchange,
                   const char  *id)
{
  Sim *sim = exchange->sim;
  SimInstance *instance = sim_models_find_instance (sim->models, id);
  SimModel *model = instance != NULL ? instance->model : sim_models_find (sim->models, id);
  g_autoptr (SimError) error = NULL;
  GString *body;
  SimJson json;

  if (model == NULL)
    {
      error = sim_error_new (SIM_ERROR_INVALID, "model", "Model with identifier '%s' not found", id);
      sim_error_reply (error, exchange, SIM_DIALECT_OPENAI);
      return;
    }
  if (instance == NULL || instance->state != SIM_INSTANCE_LOADED)
    instance = first_loaded (model);
  body = g_string_sized_new (512);
  json = (SimJson) { .out = body };
  write_model (sim, &json, model, instance);
  sim_exchange_reply_json (exchange, 200, body);
}

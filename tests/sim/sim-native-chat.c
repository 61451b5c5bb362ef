/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: POST /api/v1/chat (0.4.0 and later), with all of its events.
 * Tools of MCP servers are pretended: no server is ever contacted.
 */

#include "sim-config.h"
#include "sim-history.h"
#include "sim-json.h"
#include "sim-route.h"
#include "sim-run.h"
#include "sim-strict.h"

#include <string.h>

typedef struct {
  char *response_id;       /* NULL: the chat is not stored */
  gboolean store;
  gboolean load_began;
  gboolean prompt_began;
  gboolean has_failed;
} Chat;

static void
chat_free (gpointer data)
{
  Chat *chat = data;

  g_free (chat->response_id);
  g_free (chat);
}

/* -- Documents ------------------------------------------------------------------------------- */

static void
write_tool_call (SimRun        *run,
                 SimJson       *json,
                 const SimPart *part)
{
  sim_json_string (json, "tool", part->name);
  sim_json_raw (json, "arguments", part->text->str);
  if (part->output != NULL)
    sim_json_string (json, "output", part->output);
  sim_json_raw (json, "provider_info", run->prompt->integration);
}

static void
write_invalid_call (SimJson       *json,
                    const SimPart *part)
{
  g_autofree char *reason = g_strdup_printf ("Cannot find tool with name %s.", part->name);

  sim_json_string (json, "reason", reason);
  sim_json_begin (json, "metadata", '{');
  sim_json_string (json, "type", "invalid_name");
  sim_json_string (json, "tool_name", part->name);
  sim_json_end (json, '}');
}

static void
write_output_item (SimRun        *run,
                   SimJson       *json,
                   const SimPart *part)
{
  sim_json_begin (json, NULL, '{');
  switch (part->kind)
    {
    case SIM_PART_REASONING:
      sim_json_string (json, "type", "reasoning");
      sim_json_string (json, "content", part->text->str);
      break;
    case SIM_PART_SERVER_TOOL:
      sim_json_string (json, "type", part->output != NULL ? "tool_call" : "invalid_tool_call");
      if (part->output != NULL)
        write_tool_call (run, json, part);
      else
        write_invalid_call (json, part);
      break;
    case SIM_PART_TOOL_CALL:
    case SIM_PART_TEXT:
    default:
      sim_json_string (json, "type", "message");
      sim_json_string (json, "content", part->text->str);
      break;
    }
  sim_json_end (json, '}');
}

/* Of an answer that broke off, only the parts that are out. */
static gboolean
is_part_out (SimRun *run,
             guint   index)
{
  Chat *chat = run->state;

  return !chat->has_failed || (run->answer != NULL && index < run->part);
}

static void
write_result (SimRun     *run,
              SimJson    *json,
              const char *key)
{
  Chat *chat = run->state;
  guint n_parts = run->answer != NULL ? run->answer->parts->len : 0;
  double seconds = MAX (run->generation_seconds, 0.001);

  sim_json_begin (json, key, '{');
  sim_json_string (json, "model_instance_id", run->instance_id);
  sim_json_begin (json, "output", '[');
  for (guint i = 0; i < n_parts; i++)
    if (is_part_out (run, i))
      write_output_item (run, json, run->answer->parts->pdata[i]);
  sim_json_end (json, ']');
  sim_json_begin (json, "stats", '{');
  sim_json_int (json, "input_tokens", (gint64) run->prompt_tokens);
  sim_json_int (json, "total_output_tokens", n_parts > 0 ? sim_run_count_completion_tokens (run) : 0);
  sim_json_int (json, "reasoning_output_tokens", n_parts > 0 ? run->answer->n_reasoning_tokens : 0);
  sim_json_number (json, "tokens_per_second", run->sent / seconds);
  sim_json_number (json, "time_to_first_token_seconds", run->ttft_seconds);
  if (run->loads)
    sim_json_number (json, "model_load_time_seconds", run->load_seconds);
  sim_json_end (json, '}');
  if (chat->response_id != NULL)
    sim_json_string (json, "response_id", chat->response_id);
  sim_json_end (json, '}');
}

/* -- Events ---------------------------------------------------------------------------------- */

static void
event_begin (SimJson    *json,
             const char *type)
{
  *json = (SimJson) { .out = g_string_sized_new (256) };
  sim_json_begin (json, NULL, '{');
  sim_json_string (json, "type", type);
}

static void
event_end (SimRun     *run,
           SimJson    *json,
           const char *type)
{
  sim_json_end (json, '}');
  sim_run_send_event (run, type, json->out);
  g_string_free (json->out, TRUE);
}

static void
send_plain (SimRun     *run,
            const char *type)
{
  SimJson json;

  event_begin (&json, type);
  event_end (run, &json, type);
}

static void
chat_begin (SimRun *run)
{
  SimJson json;

  event_begin (&json, "chat.start");
  sim_json_string (&json, "model_instance_id", run->instance_id);
  event_end (run, &json, "chat.start");
  sim_exchange_flush (run->exchange);
}

static void
send_load (SimRun     *run,
           const char *type,
           const char *key,
           double      value)
{
  SimJson json;

  event_begin (&json, type);
  sim_json_string (&json, "model_instance_id", run->instance_id);
  if (key != NULL)
    sim_json_number (&json, key, value);
  event_end (run, &json, type);
}

static void
chat_load_progress (SimRun *run,
                    double  progress)
{
  Chat *chat = run->state;

  if (!chat->load_began)
    send_load (run, "model_load.start", NULL, 0);
  chat->load_began = TRUE;
  send_load (run, "model_load.progress", "progress", progress);
  if (progress >= 1)
    send_load (run, "model_load.end", "load_time_seconds", run->load_seconds);
}

static void
chat_prompt_progress (SimRun *run,
                      double  progress)
{
  Chat *chat = run->state;
  SimJson json;

  if (!chat->prompt_began)
    send_plain (run, "prompt_processing.start");
  chat->prompt_began = TRUE;
  event_begin (&json, "prompt_processing.progress");
  sim_json_number (&json, "progress", progress);
  event_end (run, &json, "prompt_processing.progress");
  if (progress >= 1)
    send_plain (run, "prompt_processing.end");
}

static void
send_tool_call (SimRun        *run,
                const SimPart *part)
{
  SimJson json;

  event_begin (&json, "tool_call.start");
  sim_json_string (&json, "tool", part->name);
  sim_json_raw (&json, "provider_info", run->prompt->integration);
  event_end (run, &json, "tool_call.start");
  if (part->output == NULL)
    {
      event_begin (&json, "tool_call.failure");
      write_invalid_call (&json, part);
      event_end (run, &json, "tool_call.failure");
      return;
    }

  event_begin (&json, "tool_call.arguments");
  sim_json_string (&json, "tool", part->name);
  sim_json_raw (&json, "arguments", part->text->str);
  sim_json_raw (&json, "provider_info", run->prompt->integration);
  event_end (run, &json, "tool_call.arguments");
  event_begin (&json, "tool_call.success");
  write_tool_call (run, &json, part);
  event_end (run, &json, "tool_call.success");
}

static void
chat_part_begin (SimRun        *run,
                 const SimPart *part)
{
  if (part->kind == SIM_PART_REASONING)
    send_plain (run, "reasoning.start");
  else if (part->kind == SIM_PART_SERVER_TOOL)
    send_tool_call (run, part);
  else
    send_plain (run, "message.start");
}

static void
chat_token (SimRun        *run,
            const SimPart *part,
            const char    *text,
            gsize          len)
{
  const char *type = part->kind == SIM_PART_REASONING ? "reasoning.delta" : "message.delta";
  SimJson json;

  if (part->kind == SIM_PART_SERVER_TOOL)
    return;
  event_begin (&json, type);
  sim_json_string_len (&json, "content", text, len);
  event_end (run, &json, type);
}

static void
chat_part_end (SimRun        *run,
               const SimPart *part)
{
  if (part->kind == SIM_PART_REASONING)
    send_plain (run, "reasoning.end");
  else if (part->kind != SIM_PART_SERVER_TOOL)
    send_plain (run, "message.end");
}

static void
send_end (SimRun *run)
{
  SimJson json;

  event_begin (&json, "chat.end");
  write_result (run, &json, "result");
  event_end (run, &json, "chat.end");
}

static void
chat_finish (SimRun *run)
{
  Chat *chat = run->state;
  g_autofree char *text = sim_answer_dup_text (run->answer, SIM_PART_TEXT);
  GString *body;
  SimJson json;

  if (chat->store)
    {
      chat->response_id = sim_run_make_id (run, "resp_", 48, TRUE);
      sim_history_put (run->sim->history, chat->response_id,
                       sim_turns_with (run->prompt->turns, SIM_ROLE_ASSISTANT, text != NULL ? text : ""));
    }
  if (run->is_stream)
    {
      send_end (run);
      return;
    }
  body = g_string_sized_new (1024);
  json = (SimJson) { .out = body };
  write_result (run, &json, NULL);
  sim_exchange_reply_json (run->exchange, 200, body);
}

/* A stream that has begun still ends with chat.end, with what there was. */
static void
chat_fail (SimRun         *run,
           const SimError *error)
{
  Chat *chat = run->state;
  g_autoptr (GString) event = g_string_new (NULL);

  chat->has_failed = TRUE;
  sim_error_write_event (error, run->sim->config, SIM_DIALECT_NATIVE, event);
  sim_run_send (run, event->str, event->len);
  send_end (run);
}

static SimError *
chat_check (SimRun *run)
{
  const char *reasoning = run->prompt->reasoning;
  char **allowed = run->model->reasoning_options;

  if (reasoning == NULL || (allowed != NULL && g_strv_contains ((const char * const *) allowed, reasoning)))
    return NULL;

  return sim_error_new (SIM_ERROR_INVALID, "reasoning", "Model \"%s\" does not support the reasoning setting \"%s\".",
                        run->model->key, reasoning);
}

static const SimSurface native_surface = {
  .dialect = SIM_DIALECT_NATIVE,
  .check = chat_check,
  .begin = chat_begin,
  .load_progress = chat_load_progress,
  .prompt_progress = chat_prompt_progress,
  .part_begin = chat_part_begin,
  .token = chat_token,
  .part_end = chat_part_end,
  .finish = chat_finish,
  .fail = chat_fail,
  .state_free = chat_free,
};

/* -- Requests -------------------------------------------------------------------------------- */

static SimError *
read_input (JsonObject *request,
            SimPrompt  *prompt)
{
  JsonNode *input = json_object_get_member (request, "input");
  JsonArray *items = JSON_NODE_HOLDS_ARRAY (input) ? json_node_get_array (input) : NULL;

  if (items == NULL && sim_json_as_string (input) == NULL)
    return sim_error_new (SIM_ERROR_INVALID, "input", "\"input\" must be a string or an array");
  for (guint i = 0; items != NULL && i < json_array_get_length (items); i++)
    {
      JsonObject *item = sim_json_as_object (json_array_get_element (items, i));
      const char *type = sim_json_get_string (item, "type");

      if (g_strcmp0 (type, "text") != 0 && g_strcmp0 (type, "image") != 0)
        return sim_error_new (SIM_ERROR_INVALID, "input",
                              "Invalid discriminator value. Expected 'text' | 'image', received '%s'",
                              type != NULL ? type : "undefined");
      if (json_object_has_member (item, "role"))
        return sim_error_new (SIM_ERROR_UNKNOWN_KEY, "input", "Unrecognized key(s) in object: 'role'");
    }
  sim_prompt_add_content (prompt, SIM_ROLE_USER, input);

  return NULL;
}

/* The first integration counts; the tool that it offers is the first that is allowed. */
static SimError *
read_integration (SimExchange *exchange,
                  JsonObject  *request,
                  SimPrompt   *prompt)
{
  JsonArray *integrations = sim_json_get_array (request, "integrations");
  JsonNode *first = integrations != NULL && json_array_get_length (integrations) > 0
                    ? json_array_get_element (integrations, 0)
                    : NULL;
  JsonObject *object = sim_json_as_object (first);
  gboolean is_mcp = g_strcmp0 (sim_json_get_string (object, "type"), "ephemeral_mcp") == 0;
  const char *name = object == NULL ? sim_json_as_string (first)
                                    : sim_json_get_string (object, is_mcp ? "server_label" : "id");
  JsonArray *allowed = sim_json_get_array (object, "allowed_tools");
  g_autoptr (GString) provider = NULL;
  SimJson json;

  if (first == NULL)
    return NULL;
  if (name == NULL)
    return sim_error_new (SIM_ERROR_INVALID, "integrations", "\"integrations\" must name a plugin or a server");
  /* The servers of mcp.json are only for those who come with a token. */
  if (!is_mcp && exchange->sim->config->api_token[0] == NULL)
    return sim_error_new (SIM_ERROR_PLUGIN, "integrations",
                          "Plugin \"%s\" cannot be used: require authentication to allow servers from mcp.json.", name);

  provider = g_string_new (NULL);
  json = (SimJson) { .out = provider };
  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "type", is_mcp ? "ephemeral_mcp" : "plugin");
  sim_json_string (&json, is_mcp ? "server_label" : "plugin_id", name);
  sim_json_end (&json, '}');
  prompt->integration = g_string_free (g_steal_pointer (&provider), FALSE);
  if (allowed == NULL)
    prompt->integration_tool = g_strdup ("model_search");
  else if (json_array_get_length (allowed) > 0)
    prompt->integration_tool = g_strdup (sim_json_as_string (json_array_get_element (allowed, 0)));

  return NULL;
}

static SimError *
read_request (SimExchange *exchange,
              JsonObject  *request,
              SimPrompt   *prompt)
{
  static const char * const keys[] = { "model", "input", "system_prompt", "integrations", "stream", "temperature",
                                       "top_p", "top_k", "min_p", "repeat_penalty", "max_output_tokens", "reasoning",
                                       "context_length", "store", "previous_response_id", NULL };
  static const char * const limits[] = { "max_output_tokens", NULL };
  const char *reasoning = sim_json_get_string (request, "reasoning");
  const char *previous = sim_json_get_string (request, "previous_response_id");
  const char *system_prompt = sim_json_get_string (request, "system_prompt");
  double temperature = sim_json_get_number (request, "temperature", 0);
  SimError *error = sim_strict_check (request, keys, 2);

  if (error != NULL)
    return error;
  if (temperature < 0 || temperature > 1)
    return sim_error_new (SIM_ERROR_INVALID, "temperature", "\"temperature\" must be between 0 and 1");
  if (previous != NULL && !g_str_has_prefix (previous, "resp_"))
    return sim_error_new (SIM_ERROR_INVALID, "previous_response_id",
                          "\"previous_response_id\" must start with \"resp_\"");
  sim_prompt_set_reasoning (prompt, reasoning);
  if (reasoning != NULL && g_strcmp0 (prompt->reasoning, reasoning) != 0)
    return sim_error_new (SIM_ERROR_INVALID, "reasoning",
                          "Invalid enum value. Expected 'off' | 'low' | 'medium' | 'high' | 'on', received '%s'",
                          reasoning);

  if (previous != NULL)
    error = sim_history_continue (exchange->sim->history, previous, prompt);
  if (error == NULL && system_prompt != NULL)
    sim_prompt_add_turn (prompt, SIM_ROLE_SYSTEM, system_prompt, strlen (system_prompt));
  if (error == NULL)
    error = read_input (request, prompt);
  if (error == NULL)
    error = read_integration (exchange, request, prompt);
  sim_prompt_read_sampling (prompt, request, limits);

  return error;
}

void
sim_v1_chat (SimExchange *exchange)
{
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_NATIVE);
  g_autoptr (SimPrompt) prompt = sim_prompt_new ();
  g_autoptr (SimError) error = NULL;
  JsonObject *request;
  Chat *chat;
  SimRun *run;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  error = read_request (exchange, request, prompt);
  if (error != NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_NATIVE);
      return;
    }

  chat = g_new0 (Chat, 1);
  chat->store = sim_json_get_bool (request, "store", TRUE);
  run = sim_run_new (exchange, &native_surface, g_steal_pointer (&prompt),
                     sim_json_get_bool (request, "stream", FALSE));
  run->state = chat;
  sim_run_start (run, sim_json_get_string (request, "model"), -1,
                 (int) CLAMP (sim_json_get_number (request, "context_length", 0), 0, 1e9));
}

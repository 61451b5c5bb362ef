/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: /v1/responses (0.3.29 and later), with its events and with
 * previous_response_id, which only this node knows.
 */

#include "sim-history.h"
#include "sim-json.h"
#include "sim-route.h"
#include "sim-run.h"

#include <string.h>

typedef struct {
  char *id;
  char *previous_id;        /* nullable */
  gboolean store;
  guint n_events;
  gboolean has_begun;       /* response.created is out */
  GPtrArray *item_ids;      /* one for each part of the answer */
  guint item;               /* the part that is under way */
} Responses;

static void
responses_free (gpointer data)
{
  Responses *state = data;

  g_free (state->id);
  g_free (state->previous_id);
  g_ptr_array_unref (state->item_ids);
  g_free (state);
}

/* -- Documents ------------------------------------------------------------------------------- */

static const char *
item_id (SimRun *run,
         guint   index)
{
  static const char * const prefixes[] = {
    [SIM_PART_REASONING] = "rs_",
    [SIM_PART_TEXT] = "msg_",
    [SIM_PART_TOOL_CALL] = "fc_",
    [SIM_PART_SERVER_TOOL] = "mcp_",
  };
  Responses *state = run->state;

  while (state->item_ids->len <= index)
    {
      const SimPart *part = run->answer->parts->pdata[state->item_ids->len];

      g_ptr_array_add (state->item_ids, sim_run_make_id (run, prefixes[part->kind], 21, FALSE));
    }

  return state->item_ids->pdata[index];
}

/* The one content part of a message or of reasoning. */
static void
write_content_part (SimJson    *json,
                    const char *key,
                    SimPartKind kind,
                    const char *text)
{
  sim_json_begin (json, key, '{');
  sim_json_string (json, "type", kind == SIM_PART_REASONING ? "reasoning_text" : "output_text");
  sim_json_string (json, "text", text);
  if (kind == SIM_PART_TEXT)
    {
      sim_json_raw (json, "annotations", "[]");
      sim_json_raw (json, "logprobs", "[]");
    }
  sim_json_end (json, '}');
}

static void
write_item (SimRun     *run,
            SimJson    *json,
            const char *key,
            guint       index,
            gboolean    is_done)
{
  const SimPart *part = run->answer->parts->pdata[index];
  const char *id = item_id (run, index);
  g_autofree char *call_id = g_strdup_printf ("call_%s", strchr (id, '_') + 1);

  sim_json_begin (json, key, '{');
  sim_json_string (json, "id", id);
  switch (part->kind)
    {
    case SIM_PART_REASONING:
      sim_json_string (json, "type", "reasoning");
      sim_json_raw (json, "summary", "[]");
      sim_json_begin (json, "content", '[');
      if (is_done)
        write_content_part (json, NULL, part->kind, part->text->str);
      sim_json_end (json, ']');
      break;
    case SIM_PART_TOOL_CALL:
      sim_json_string (json, "type", "function_call");
      sim_json_string (json, "status", is_done ? "completed" : "in_progress");
      sim_json_string (json, "call_id", call_id);
      sim_json_string (json, "name", part->name);
      sim_json_string (json, "arguments", is_done ? part->text->str : "");
      break;
    case SIM_PART_SERVER_TOOL:
      sim_json_string (json, "type", "mcp_call");
      sim_json_raw (json, "server_label", run->prompt->integration);
      sim_json_string (json, "name", part->name);
      sim_json_string (json, "arguments", is_done ? part->text->str : "");
      sim_json_string (json, "output", is_done ? part->output : NULL);
      sim_json_string (json, "error", is_done && part->output == NULL ? "no such tool" : NULL);
      break;
    case SIM_PART_TEXT:
    default:
      sim_json_string (json, "type", "message");
      sim_json_string (json, "status", is_done ? "completed" : "in_progress");
      sim_json_string (json, "role", "assistant");
      sim_json_begin (json, "content", '[');
      if (is_done)
        write_content_part (json, NULL, part->kind, part->text->str);
      sim_json_end (json, ']');
      break;
    }
  sim_json_end (json, '}');
}

static void
write_usage (SimRun  *run,
             SimJson *json)
{
  guint output = sim_run_count_completion_tokens (run);

  sim_json_begin (json, "usage", '{');
  sim_json_int (json, "input_tokens", (gint64) run->prompt_tokens);
  sim_json_raw (json, "input_tokens_details", "{\"cached_tokens\":0}");
  sim_json_int (json, "output_tokens", output);
  sim_json_begin (json, "output_tokens_details", '{');
  sim_json_int (json, "reasoning_tokens", run->answer->n_reasoning_tokens);
  sim_json_end (json, '}');
  sim_json_int (json, "total_tokens", (gint64) run->prompt_tokens + output);
  sim_json_end (json, '}');
}

static gboolean
is_incomplete (SimRun *run)
{
  return strcmp (run->answer->finish, "length") == 0;
}

static void
write_response (SimRun     *run,
                SimJson    *json,
                const char *key,
                gboolean    is_done)
{
  Responses *state = run->state;

  if (state->id == NULL)
    state->id = sim_run_make_id (run, "resp_", 48, TRUE);
  sim_json_begin (json, key, '{');
  sim_json_string (json, "id", state->id);
  sim_json_string (json, "object", "response");
  sim_json_int (json, "created_at", run->created);
  sim_json_string (json, "status", !is_done ? "in_progress" : is_incomplete (run) ? "incomplete" : "completed");
  sim_json_null (json, "error");
  sim_json_raw (json, "incomplete_details",
                is_done && is_incomplete (run) ? "{\"reason\":\"max_output_tokens\"}" : "null");
  sim_json_string (json, "model", run->instance_id);
  sim_json_begin (json, "output", '[');
  for (guint i = 0; is_done && i < run->answer->parts->len; i++)
    write_item (run, json, NULL, i, TRUE);
  sim_json_end (json, ']');
  sim_json_bool (json, "parallel_tool_calls", TRUE);
  sim_json_string (json, "previous_response_id", state->previous_id);
  sim_json_bool (json, "store", state->store);
  sim_json_raw (json, "text", "{\"format\":{\"type\":\"text\"}}");
  sim_json_string (json, "tool_choice", "auto");
  sim_json_raw (json, "tools", "[]");
  sim_json_string (json, "truncation", "disabled");
  if (is_done)
    write_usage (run, json);
  else
    sim_json_null (json, "usage");
  sim_json_raw (json, "metadata", "{}");
  sim_json_end (json, '}');
}

/* -- Events ---------------------------------------------------------------------------------- */

static void
event_begin (SimRun     *run,
             SimJson    *json,
             const char *type)
{
  Responses *state = run->state;

  *json = (SimJson) { .out = g_string_sized_new (512) };
  sim_json_begin (json, NULL, '{');
  sim_json_string (json, "type", type);
  sim_json_int (json, "sequence_number", state->n_events++);
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
send_response_event (SimRun     *run,
                     const char *type,
                     gboolean    is_done)
{
  SimJson json;

  event_begin (run, &json, type);
  write_response (run, &json, "response", is_done);
  event_end (run, &json, type);
}

static void
ensure_begun (SimRun *run)
{
  Responses *state = run->state;

  if (state->has_begun)
    return;
  state->has_begun = TRUE;
  send_response_event (run, "response.created", FALSE);
  send_response_event (run, "response.in_progress", FALSE);
}

static void
send_item_event (SimRun     *run,
                 const char *type,
                 gboolean    is_done)
{
  Responses *state = run->state;
  SimJson json;

  event_begin (run, &json, type);
  sim_json_int (&json, "output_index", state->item);
  write_item (run, &json, "item", state->item, is_done);
  event_end (run, &json, type);
}

/* An event that speaks of a part of the current item. */
static void
begin_item_part_event (SimRun     *run,
                       SimJson    *json,
                       const char *type)
{
  Responses *state = run->state;
  const SimPart *part = run->answer->parts->pdata[state->item];

  event_begin (run, json, type);
  sim_json_string (json, "item_id", item_id (run, state->item));
  sim_json_int (json, "output_index", state->item);
  if (part->kind == SIM_PART_TEXT || part->kind == SIM_PART_REASONING)
    sim_json_int (json, "content_index", 0);
}

static void
send_content_part (SimRun     *run,
                   const char *type,
                   SimPartKind kind,
                   const char *text)
{
  SimJson json;

  begin_item_part_event (run, &json, type);
  write_content_part (&json, "part", kind, text);
  event_end (run, &json, type);
}

static void
send_item_text (SimRun     *run,
                const char *type,
                const char *key,
                const char *text,
                gsize       len)
{
  SimJson json;

  begin_item_part_event (run, &json, type);
  sim_json_string_len (&json, key, text, len);
  event_end (run, &json, type);
}

static void
responses_part_begin (SimRun        *run,
                      const SimPart *part)
{
  ensure_begun (run);
  send_item_event (run, "response.output_item.added", FALSE);
  if (part->kind == SIM_PART_TEXT || part->kind == SIM_PART_REASONING)
    send_content_part (run, "response.content_part.added", part->kind, "");
}

static void
responses_token (SimRun        *run,
                 const SimPart *part,
                 const char    *text,
                 gsize          len)
{
  static const char * const types[] = {
    [SIM_PART_REASONING] = "response.reasoning_text.delta",
    [SIM_PART_TEXT] = "response.output_text.delta",
    [SIM_PART_TOOL_CALL] = "response.function_call_arguments.delta",
    [SIM_PART_SERVER_TOOL] = "response.mcp_call_arguments.delta",
  };

  send_item_text (run, types[part->kind], "delta", text, len);
}

static void
responses_part_end (SimRun        *run,
                    const SimPart *part)
{
  Responses *state = run->state;

  switch (part->kind)
    {
    case SIM_PART_REASONING:
      send_item_text (run, "response.reasoning_text.done", "text", part->text->str, part->text->len);
      send_content_part (run, "response.content_part.done", part->kind, part->text->str);
      break;
    case SIM_PART_TOOL_CALL:
      send_item_text (run, "response.function_call_arguments.done", "arguments", part->text->str, part->text->len);
      break;
    case SIM_PART_SERVER_TOOL:
      send_item_text (run, "response.mcp_call_arguments.done", "arguments", part->text->str, part->text->len);
      break;
    case SIM_PART_TEXT:
    default:
      send_item_text (run, "response.output_text.done", "text", part->text->str, part->text->len);
      send_content_part (run, "response.content_part.done", part->kind, part->text->str);
      break;
    }
  send_item_event (run, "response.output_item.done", TRUE);
  state->item++;
}

static void
remember (SimRun *run)
{
  Responses *state = run->state;
  g_autofree char *text = sim_answer_dup_text (run->answer, SIM_PART_TEXT);

  if (state->store)
    sim_history_put (run->sim->history, state->id,
                     sim_turns_with (run->prompt->turns, SIM_ROLE_ASSISTANT, text != NULL ? text : ""));
}

static void
responses_finish (SimRun *run)
{
  GString *body;
  SimJson json;

  if (run->is_stream)
    {
      ensure_begun (run);
      /* Remembered first: the client may be back as soon as it has read the last event. */
      remember (run);
      send_response_event (run, is_incomplete (run) ? "response.incomplete" : "response.completed", TRUE);
      return;
    }
  body = g_string_sized_new (2048);
  json = (SimJson) { .out = body };
  write_response (run, &json, NULL, TRUE);
  remember (run);
  sim_exchange_reply_json (run->exchange, 200, body);
}

static const SimSurface responses_surface = {
  .dialect = SIM_DIALECT_OPENAI,
  .part_begin = responses_part_begin,
  .token = responses_token,
  .part_end = responses_part_end,
  .finish = responses_finish,
  .state_free = responses_free,
};

/* -- Requests -------------------------------------------------------------------------------- */

/* Remote MCP servers that the node would use by itself. */
static void
read_mcp_tools (SimPrompt *prompt,
                JsonArray *tools)
{
  for (guint i = 0; i < json_array_get_length (tools) && prompt->integration == NULL; i++)
    {
      JsonObject *tool = sim_json_as_object (json_array_get_element (tools, i));
      JsonArray *allowed = sim_json_get_array (tool, "allowed_tools");
      const char *label = sim_json_get_string (tool, "server_label");
      g_autoptr (GString) quoted = NULL;
      SimJson json;

      if (g_strcmp0 (sim_json_get_string (tool, "type"), "mcp") != 0)
        continue;
      quoted = g_string_new (NULL);
      json = (SimJson) { .out = quoted };
      sim_json_string (&json, NULL, label != NULL ? label : "");
      prompt->integration = g_strdup (quoted->str);
      if (allowed != NULL && json_array_get_length (allowed) > 0)
        prompt->integration_tool = g_strdup (sim_json_as_string (json_array_get_element (allowed, 0)));
    }
}

static void
read_prompt (SimPrompt  *prompt,
             JsonObject *request)
{
  static const char * const limits[] = { "max_output_tokens", NULL };
  JsonNode *input = json_object_get_member (request, "input");
  JsonArray *tools = sim_json_get_array (request, "tools");
  JsonObject *format = sim_json_get_object (sim_json_get_object (request, "text"), "format");
  const char *choice = sim_json_get_string (request, "tool_choice");
  JsonObject *schema;

  if (input != NULL && JSON_NODE_HOLDS_ARRAY (input))
    sim_prompt_add_messages (prompt, json_node_get_array (input));
  else
    sim_prompt_add_content (prompt, SIM_ROLE_USER, input);
  sim_prompt_read_sampling (prompt, request, limits);
  sim_prompt_set_reasoning (prompt, sim_json_get_string (sim_json_get_object (request, "reasoning"), "effort"));
  if (tools != NULL)
    {
      sim_prompt_add_tools (prompt, tools);
      read_mcp_tools (prompt, tools);
    }
  if (g_strcmp0 (choice, "none") == 0)
    prompt->tool_choice = SIM_TOOL_CHOICE_NONE;
  else if (g_strcmp0 (choice, "required") == 0 || sim_json_get_object (request, "tool_choice") != NULL)
    prompt->tool_choice = SIM_TOOL_CHOICE_REQUIRED;
  if (g_strcmp0 (sim_json_get_string (format, "type"), "json_schema") == 0)
    {
      schema = sim_json_get_object (format, "schema");
      prompt->wants_json = TRUE;
      prompt->json_schema = schema != NULL ? json_object_ref (schema) : NULL;
    }
}

void
sim_responses_create (SimExchange *exchange)
{
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_OPENAI);
  g_autoptr (SimPrompt) prompt = NULL;
  g_autoptr (SimError) error = NULL;
  const char *previous;
  const char *instructions;
  JsonObject *request;
  Responses *state;
  SimRun *run;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  previous = sim_json_get_string (request, "previous_response_id");
  instructions = sim_json_get_string (request, "instructions");
  prompt = sim_prompt_new ();
  if (!json_object_has_member (request, "input"))
    error = sim_error_new (SIM_ERROR_INVALID, "input", "'input' is required");
  else if (previous != NULL)
    error = sim_history_continue (exchange->sim->history, previous, prompt);
  if (error != NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_OPENAI);
      return;
    }
  if (instructions != NULL)
    sim_prompt_add_turn (prompt, SIM_ROLE_SYSTEM, instructions, strlen (instructions));
  read_prompt (prompt, request);

  state = g_new0 (Responses, 1);
  state->store = sim_json_get_bool (request, "store", TRUE);
  state->previous_id = g_strdup (previous);
  state->item_ids = g_ptr_array_new_with_free_func (g_free);
  run = sim_run_new (exchange, &responses_surface, g_steal_pointer (&prompt),
                     sim_json_get_bool (request, "stream", FALSE));
  run->state = state;
  sim_run_start (run, sim_json_get_string (request, "model"), sim_json_get_number (request, "ttl", -1), 0);
}

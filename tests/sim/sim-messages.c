/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: /v1/messages (0.4.1 and later), in Anthropic's shape, with
 * its named events.
 */

#include "sim-json.h"
#include "sim-route.h"
#include "sim-run.h"

#include <string.h>

typedef struct {
  char *id;
  gboolean has_begun;   /* message_start is out */
  guint block;          /* the content block that is under way */
} Messages;

static void
messages_free (gpointer data)
{
  Messages *state = data;

  g_free (state->id);
  g_free (state);
}

static const char *
stop_reason (SimRun *run)
{
  if (strcmp (run->answer->finish, "tool_calls") == 0)
    return "tool_use";
  if (strcmp (run->answer->finish, "length") == 0)
    return "max_tokens";

  return strcmp (run->answer->stop_reason, "stopStringFound") == 0 ? "stop_sequence" : "end_turn";
}

/* -- Documents ------------------------------------------------------------------------------- */

/* A block with its text, or as it begins. */
static void
write_block (SimRun        *run,
             SimJson       *json,
             const char    *key,
             const SimPart *part,
             gboolean       is_done)
{
  g_autofree char *id = NULL;

  sim_json_begin (json, key, '{');
  switch (part->kind)
    {
    case SIM_PART_REASONING:
      sim_json_string (json, "type", "thinking");
      sim_json_string (json, "thinking", is_done ? part->text->str : "");
      sim_json_string (json, "signature", "");
      break;
    case SIM_PART_TOOL_CALL:
      id = sim_run_make_id (run, "toolu_", 24, FALSE);
      sim_json_string (json, "type", "tool_use");
      sim_json_string (json, "id", id);
      sim_json_string (json, "name", part->name);
      sim_json_raw (json, "input", is_done ? part->text->str : "{}");
      break;
    case SIM_PART_SERVER_TOOL:
    case SIM_PART_TEXT:
    default:
      sim_json_string (json, "type", "text");
      sim_json_string (json, "text", is_done ? part->text->str : "");
      break;
    }
  sim_json_end (json, '}');
}

static void
write_usage (SimRun  *run,
             SimJson *json,
             guint    output_tokens)
{
  sim_json_begin (json, "usage", '{');
  sim_json_int (json, "input_tokens", (gint64) run->prompt_tokens);
  sim_json_int (json, "output_tokens", output_tokens);
  sim_json_end (json, '}');
}

static void
write_message (SimRun     *run,
               SimJson    *json,
               const char *key,
               gboolean    is_done)
{
  Messages *state = run->state;

  if (state->id == NULL)
    state->id = sim_run_make_id (run, "msg_", 24, FALSE);
  sim_json_begin (json, key, '{');
  sim_json_string (json, "id", state->id);
  sim_json_string (json, "type", "message");
  sim_json_string (json, "role", "assistant");
  sim_json_begin (json, "content", '[');
  for (guint i = 0; is_done && i < run->answer->parts->len; i++)
    {
      const SimPart *part = run->answer->parts->pdata[i];

      /* A call that was cut short has no valid input to show. */
      if (part->kind == SIM_PART_TOOL_CALL && i + 1 == run->answer->parts->len
          && strcmp (run->answer->finish, "length") == 0)
        continue;
      write_block (run, json, NULL, part, TRUE);
    }
  sim_json_end (json, ']');
  sim_json_string (json, "model", run->instance_id);
  sim_json_string (json, "stop_reason", is_done ? stop_reason (run) : NULL);
  sim_json_null (json, "stop_sequence");
  write_usage (run, json, is_done ? sim_run_count_completion_tokens (run) : 0);
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
ensure_begun (SimRun *run)
{
  Messages *state = run->state;
  SimJson json;

  if (state->has_begun)
    return;
  state->has_begun = TRUE;
  event_begin (&json, "message_start");
  write_message (run, &json, "message", FALSE);
  event_end (run, &json, "message_start");
}

static void
messages_part_begin (SimRun        *run,
                     const SimPart *part)
{
  Messages *state = run->state;
  SimJson json;

  ensure_begun (run);
  event_begin (&json, "content_block_start");
  sim_json_int (&json, "index", state->block);
  write_block (run, &json, "content_block", part, FALSE);
  event_end (run, &json, "content_block_start");
}

static void
messages_token (SimRun        *run,
                const SimPart *part,
                const char    *text,
                gsize          len)
{
  static const struct {
    const char *type;
    const char *key;
  } deltas[] = {
    [SIM_PART_REASONING] = { "thinking_delta", "thinking" },
    [SIM_PART_TEXT] = { "text_delta", "text" },
    [SIM_PART_TOOL_CALL] = { "input_json_delta", "partial_json" },
    [SIM_PART_SERVER_TOOL] = { "text_delta", "text" },
  };
  Messages *state = run->state;
  SimJson json;

  event_begin (&json, "content_block_delta");
  sim_json_int (&json, "index", state->block);
  sim_json_begin (&json, "delta", '{');
  sim_json_string (&json, "type", deltas[part->kind].type);
  sim_json_string_len (&json, deltas[part->kind].key, text, len);
  sim_json_end (&json, '}');
  event_end (run, &json, "content_block_delta");
}

static void
messages_part_end (SimRun        *run,
                   const SimPart *part)
{
  Messages *state = run->state;
  SimJson json;

  event_begin (&json, "content_block_stop");
  sim_json_int (&json, "index", state->block++);
  event_end (run, &json, "content_block_stop");
}

static void
messages_finish (SimRun *run)
{
  GString *body;
  SimJson json;

  if (!run->is_stream)
    {
      body = g_string_sized_new (1024);
      json = (SimJson) { .out = body };
      write_message (run, &json, NULL, TRUE);
      sim_exchange_reply_json (run->exchange, 200, body);
      return;
    }

  ensure_begun (run);
  event_begin (&json, "message_delta");
  sim_json_begin (&json, "delta", '{');
  sim_json_string (&json, "stop_reason", stop_reason (run));
  sim_json_null (&json, "stop_sequence");
  sim_json_end (&json, '}');
  write_usage (run, &json, sim_run_count_completion_tokens (run));
  event_end (run, &json, "message_delta");
  event_begin (&json, "message_stop");
  event_end (run, &json, "message_stop");
}

static const SimSurface messages_surface = {
  .dialect = SIM_DIALECT_ANTHROPIC,
  .part_begin = messages_part_begin,
  .token = messages_token,
  .part_end = messages_part_end,
  .finish = messages_finish,
  .state_free = messages_free,
};

void
sim_messages_create (SimExchange *exchange)
{
  static const char * const limits[] = { "max_tokens", NULL };
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_ANTHROPIC);
  g_autoptr (SimPrompt) prompt = NULL;
  g_autoptr (SimError) error = NULL;
  const char *choice;
  JsonObject *request;
  JsonArray *messages;
  JsonArray *tools;
  SimRun *run;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  messages = sim_json_get_array (request, "messages");
  if (messages == NULL)
    {
      error = sim_error_new (SIM_ERROR_INVALID, "messages", "request.messages: Required");
      sim_error_reply (error, exchange, SIM_DIALECT_ANTHROPIC);
      return;
    }

  prompt = sim_prompt_new ();
  sim_prompt_add_content (prompt, SIM_ROLE_SYSTEM, json_object_get_member (request, "system"));
  sim_prompt_add_messages (prompt, messages);
  sim_prompt_read_sampling (prompt, request, limits);
  if (g_strcmp0 (sim_json_get_string (sim_json_get_object (request, "thinking"), "type"), "disabled") == 0)
    sim_prompt_set_reasoning (prompt, "off");
  tools = sim_json_get_array (request, "tools");
  if (tools != NULL)
    sim_prompt_add_tools (prompt, tools);
  choice = sim_json_get_string (sim_json_get_object (request, "tool_choice"), "type");
  if (g_strcmp0 (choice, "none") == 0)
    prompt->tool_choice = SIM_TOOL_CHOICE_NONE;
  else if (g_strcmp0 (choice, "any") == 0 || g_strcmp0 (choice, "tool") == 0)
    prompt->tool_choice = SIM_TOOL_CHOICE_REQUIRED;

  run = sim_run_new (exchange, &messages_surface, g_steal_pointer (&prompt),
                     sim_json_get_bool (request, "stream", FALSE));
  run->state = g_new0 (Messages, 1);
  sim_run_start (run, sim_json_get_string (request, "model"), sim_json_get_number (request, "ttl", -1), 0);
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: /v1/models, /v1/chat/completions, /v1/completions, and the
 * same under /api/v0, which adds statistics to whole answers.
 */

#include "sim-config.h"
#include "sim-json.h"
#include "sim-route.h"
#include "sim-run.h"
#include "sim-text.h"

#include <string.h>

typedef struct {
  gboolean is_v0;
  gboolean is_text;         /* /completions */
  gboolean include_usage;
  gboolean has_role;        /* the first delta has said who speaks */
  guint n_tool_calls;
  char *id;
  GString *head;            /* of every event of a stream, up to its delta or text */
  GString *event;           /* scratch */
} Chat;

static const char event_tail[] = ",\"logprobs\":null,\"finish_reason\":null}]}\n\n";

static void
chat_free (gpointer data)
{
  Chat *chat = data;

  g_free (chat->id);
  if (chat->head != NULL)
    g_string_free (chat->head, TRUE);
  if (chat->event != NULL)
    g_string_free (chat->event, TRUE);
  g_free (chat);
}

/* -- Streams --------------------------------------------------------------------------------- */

/* What all documents of an answer begin with. */
static void
write_identity (SimRun     *run,
                SimJson    *json,
                const char *object)
{
  Chat *chat = run->state;

  sim_json_string (json, "id", chat->id);
  sim_json_string (json, "object", object);
  sim_json_int (json, "created", run->created);
  sim_json_string (json, "model", run->instance_id);
}

static const char *
object_of (SimRun *run)
{
  Chat *chat = run->state;

  if (chat->is_text)
    return "text_completion";

  return run->is_stream ? "chat.completion.chunk" : "chat.completion";
}

static void
begin_event (SimRun *run)
{
  Chat *chat = run->state;
  SimJson json;

  if (chat->id == NULL)
    chat->id = sim_run_make_id (run, chat->is_text ? "cmpl-" : "chatcmpl-", 22, FALSE);
  if (chat->head == NULL)
    {
      chat->event = g_string_sized_new (512);
      chat->head = g_string_new ("data: ");
      json = (SimJson) { .out = chat->head };
      sim_json_begin (&json, NULL, '{');
      write_identity (run, &json, object_of (run));
      sim_json_string (&json, "system_fingerprint", run->instance_id);
      g_string_append_printf (chat->head, ",\"choices\":[{\"index\":0,\"%s\":", chat->is_text ? "text" : "delta");
    }
  g_string_truncate (chat->event, 0);
  g_string_append_len (chat->event, chat->head->str, (gssize) chat->head->len);
}

/* Opens the delta, and says who speaks in the first one. */
static void
begin_delta (SimRun *run)
{
  Chat *chat = run->state;

  begin_event (run);
  g_string_append (chat->event, chat->has_role ? "{" : "{\"role\":\"assistant\",");
  chat->has_role = TRUE;
}

static void
send_event (SimRun *run)
{
  Chat *chat = run->state;

  g_string_append_len (chat->event, event_tail, sizeof event_tail - 1);
  sim_run_send (run, chat->event->str, chat->event->len);
}

static void
chat_part_begin (SimRun        *run,
                 const SimPart *part)
{
  Chat *chat = run->state;
  SimJson json;
  g_autofree char *id = NULL;

  if (part->kind != SIM_PART_TOOL_CALL)
    return;

  id = g_strdup_printf ("%u", 100000000 + (guint) (sim_random_next (&run->id_seed) % 900000000));
  begin_delta (run);
  json = (SimJson) { .out = chat->event };
  sim_json_begin (&json, "tool_calls", '[');
  sim_json_begin (&json, NULL, '{');
  sim_json_int (&json, "index", chat->n_tool_calls);
  sim_json_string (&json, "id", id);
  sim_json_string (&json, "type", "function");
  sim_json_begin (&json, "function", '{');
  sim_json_string (&json, "name", part->name);
  sim_json_string (&json, "arguments", "");
  sim_json_end (&json, '}');
  sim_json_end (&json, '}');
  sim_json_end (&json, ']');
  sim_json_end (&json, '}');
  send_event (run);
}

static const char *
reasoning_key (SimRun *run)
{
  return run->model->reasons == SIM_REASONS_AS_REASONING ? "reasoning" : "reasoning_content";
}

static void
chat_token (SimRun        *run,
            const SimPart *part,
            const char    *text,
            gsize          len)
{
  Chat *chat = run->state;
  SimJson json;

  if (chat->is_text)
    {
      begin_event (run);
      json = (SimJson) { .out = chat->event };
      sim_json_string_len (&json, NULL, text, len);
      send_event (run);
      return;
    }

  begin_delta (run);
  json = (SimJson) { .out = chat->event };
  if (part->kind == SIM_PART_TOOL_CALL)
    {
      sim_json_begin (&json, "tool_calls", '[');
      sim_json_begin (&json, NULL, '{');
      sim_json_int (&json, "index", chat->n_tool_calls);
      sim_json_begin (&json, "function", '{');
      if (!sim_config_since (run->sim->config, SIM_VERSION (0, 3, 16)))
        sim_json_string (&json, "name", "");
      sim_json_string_len (&json, "arguments", text, len);
      sim_json_end (&json, '}');
      sim_json_end (&json, '}');
      sim_json_end (&json, ']');
    }
  else
    sim_json_string_len (&json, part->kind == SIM_PART_REASONING ? reasoning_key (run) : "content", text, len);
  sim_json_end (&json, '}');
  send_event (run);
}

static void
chat_part_end (SimRun        *run,
               const SimPart *part)
{
  Chat *chat = run->state;

  if (part->kind == SIM_PART_TOOL_CALL)
    chat->n_tool_calls++;
}

static void
write_usage (SimRun  *run,
             SimJson *json)
{
  guint completion = sim_run_count_completion_tokens (run);

  sim_json_begin (json, "usage", '{');
  sim_json_int (json, "prompt_tokens", (gint64) run->prompt_tokens);
  sim_json_int (json, "completion_tokens", completion);
  sim_json_int (json, "total_tokens", (gint64) run->prompt_tokens + completion);
  if (run->model->reasons != SIM_REASONS_NOT && sim_config_since (run->sim->config, SIM_VERSION (0, 4, 0)))
    {
      sim_json_begin (json, "completion_tokens_details", '{');
      sim_json_int (json, "reasoning_tokens", run->answer->n_reasoning_tokens);
      sim_json_end (json, '}');
    }
  sim_json_end (json, '}');
}

static void
finish_stream (SimRun *run)
{
  Chat *chat = run->state;
  g_autoptr (GString) event = NULL;
  SimJson json;

  begin_event (run);
  g_string_append_printf (chat->event, "%s,\"logprobs\":null,\"finish_reason\":\"%s\"}]}\n\n",
                          chat->is_text ? "\"\"" : "{}", run->answer->finish);
  sim_run_send (run, chat->event->str, chat->event->len);

  if (chat->include_usage && !chat->is_v0 && sim_config_since (run->sim->config, SIM_VERSION (0, 3, 18)))
    {
      event = g_string_new ("data: ");
      json = (SimJson) { .out = event };
      sim_json_begin (&json, NULL, '{');
      write_identity (run, &json, object_of (run));
      sim_json_string (&json, "system_fingerprint", run->instance_id);
      sim_json_raw (&json, "choices", "[]");
      write_usage (run, &json);
      sim_json_end (&json, '}');
      g_string_append (event, "\n\n");
      sim_run_send (run, event->str, event->len);
    }
  sim_run_send (run, "data: [DONE]\n\n", strlen ("data: [DONE]\n\n"));
}

/* -- Whole answers --------------------------------------------------------------------------- */

static void
write_message (SimRun  *run,
               SimJson *json)
{
  g_autofree char *text = sim_answer_dup_text (run->answer, SIM_PART_TEXT);
  g_autofree char *reasoning = sim_answer_dup_text (run->answer, SIM_PART_REASONING);

  sim_json_begin (json, "message", '{');
  sim_json_string (json, "role", "assistant");
  sim_json_string (json, "content", text != NULL ? text : "");
  if (reasoning != NULL)
    sim_json_string (json, reasoning_key (run), reasoning);
  if (sim_answer_count_parts (run->answer, SIM_PART_TOOL_CALL) > 0
      || sim_config_since (run->sim->config, SIM_VERSION (0, 3, 9)))
    {
      sim_json_begin (json, "tool_calls", '[');
      for (guint i = 0; i < run->answer->parts->len; i++)
        {
          const SimPart *part = run->answer->parts->pdata[i];
          g_autofree char *id = NULL;

          if (part->kind != SIM_PART_TOOL_CALL)
            continue;
          id = g_strdup_printf ("%u", 100000000 + (guint) (sim_random_next (&run->id_seed) % 900000000));
          sim_json_begin (json, NULL, '{');
          sim_json_string (json, "type", "function");
          sim_json_string (json, "id", id);
          sim_json_begin (json, "function", '{');
          sim_json_string (json, "name", part->name);
          sim_json_string_len (json, "arguments", part->text->str, part->text->len);
          sim_json_end (json, '}');
          sim_json_end (json, '}');
        }
      sim_json_end (json, ']');
    }
  sim_json_end (json, '}');
}

static void
write_v0_extras (SimRun  *run,
                 SimJson *json)
{
  double seconds = MAX (run->generation_seconds, 0.001);

  sim_json_begin (json, "stats", '{');
  sim_json_number (json, "tokens_per_second", run->sent / seconds);
  sim_json_number (json, "time_to_first_token", run->ttft_seconds);
  sim_json_number (json, "generation_time", run->generation_seconds);
  sim_json_string (json, "stop_reason", run->answer->stop_reason);
  sim_json_end (json, '}');

  sim_json_begin (json, "model_info", '{');
  sim_json_string (json, "arch", run->model->architecture);
  sim_json_string (json, "quant", run->model->quantization);
  sim_json_string (json, "format", run->model->format);
  sim_json_int (json, "context_length", run->context_length);
  sim_json_end (json, '}');

  sim_json_begin (json, "runtime", '{');
  sim_json_string (json, "name", "lmstudio-sim (simulated)");
  sim_json_string (json, "version", run->sim->config->version);
  sim_json_begin (json, "supported_formats", '[');
  sim_json_string (json, NULL, run->model->format);
  sim_json_end (json, ']');
  sim_json_end (json, '}');
}

static void
finish_whole (SimRun *run)
{
  Chat *chat = run->state;
  GString *body = g_string_sized_new (1024);
  SimJson json = { .out = body };

  chat->id = sim_run_make_id (run, chat->is_text ? "cmpl-" : "chatcmpl-", 22, FALSE);
  sim_json_begin (&json, NULL, '{');
  write_identity (run, &json, object_of (run));
  sim_json_begin (&json, "choices", '[');
  sim_json_begin (&json, NULL, '{');
  sim_json_int (&json, "index", 0);
  if (chat->is_text)
    {
      g_autofree char *text = sim_answer_dup_text (run->answer, SIM_PART_TEXT);

      sim_json_string (&json, "text", text != NULL ? text : "");
    }
  else
    write_message (run, &json);
  sim_json_null (&json, "logprobs");
  sim_json_string (&json, "finish_reason", run->answer->finish);
  sim_json_end (&json, '}');
  sim_json_end (&json, ']');
  write_usage (run, &json);
  if (chat->is_v0)
    write_v0_extras (run, &json);
  else
    {
      sim_json_raw (&json, "stats", "{}");
      sim_json_string (&json, "system_fingerprint", run->instance_id);
    }
  sim_json_end (&json, '}');
  sim_exchange_reply_json (run->exchange, 200, body);
}

static void
chat_finish (SimRun *run)
{
  if (run->is_stream)
    finish_stream (run);
  else
    finish_whole (run);
}

static const SimSurface chat_surface = {
  .dialect = SIM_DIALECT_OPENAI,
  .part_begin = chat_part_begin,
  .token = chat_token,
  .part_end = chat_part_end,
  .finish = chat_finish,
  .state_free = chat_free,
};

/* -- Requests -------------------------------------------------------------------------------- */

static SimError *
read_response_format (SimExchange *exchange,
                      JsonObject  *request,
                      SimPrompt   *prompt)
{
  JsonObject *format = sim_json_get_object (request, "response_format");
  const char *type = sim_json_get_string (format, "type");
  JsonObject *schema;

  if (format == NULL)
    return NULL;
  if (g_strcmp0 (type, "text") == 0 && sim_config_since (exchange->sim->config, SIM_VERSION (0, 3, 18)))
    return NULL;
  if (g_strcmp0 (type, "json_schema") != 0)
    return sim_error_new (SIM_ERROR_INVALID, "response_format",
                          sim_config_since (exchange->sim->config, SIM_VERSION (0, 3, 18))
                          ? "'response_format.type' must be 'json_schema' or 'text'"
                          : "'response_format.type' must be 'json_schema'");

  schema = sim_json_get_object (format, "json_schema");
  if (schema == NULL || sim_json_get_string (schema, "name") == NULL)
    return sim_error_new (SIM_ERROR_INVALID, "response_format",
                          "'response_format.json_schema.name' must be a string");
  prompt->wants_json = TRUE;
  schema = sim_json_get_object (schema, "schema");
  prompt->json_schema = schema != NULL ? json_object_ref (schema) : NULL;

  return NULL;
}

static SimError *
read_tools (SimExchange *exchange,
            JsonObject  *request,
            SimPrompt   *prompt)
{
  JsonArray *tools = sim_json_get_array (request, "tools");
  JsonNode *choice = json_object_get_member (request, "tool_choice");
  const char *word = sim_json_as_string (choice);

  if (tools != NULL)
    sim_prompt_add_tools (prompt, tools);
  if (choice == NULL || JSON_NODE_HOLDS_NULL (choice)
      || !sim_config_since (exchange->sim->config, SIM_VERSION (0, 3, 15)))
    return NULL;
  if (word == NULL)
    return sim_error_new (SIM_ERROR_INVALID, "tool_choice",
                          "Invalid tool_choice type: 'object'. Supported string values: none, auto, required");
  if (strcmp (word, "none") == 0)
    prompt->tool_choice = SIM_TOOL_CHOICE_NONE;
  else if (strcmp (word, "required") == 0)
    prompt->tool_choice = SIM_TOOL_CHOICE_REQUIRED;

  return NULL;
}

static void
start (SimExchange *exchange,
       JsonObject  *request,
       SimPrompt   *prompt,
       gboolean     is_text)
{
  static const char * const limits[] = { "max_tokens", "max_completion_tokens", NULL };
  Chat *chat = g_new0 (Chat, 1);
  SimRun *run;

  chat->is_v0 = g_str_has_prefix (exchange->head->path, "/api/v0/");
  chat->is_text = is_text;
  chat->include_usage = sim_json_get_bool (sim_json_get_object (request, "stream_options"), "include_usage", FALSE);
  sim_prompt_read_sampling (prompt, request, limits);
  sim_prompt_set_reasoning (prompt, sim_json_get_string (request, "reasoning"));
  sim_prompt_set_reasoning (prompt, sim_json_get_string (request, "reasoning_effort"));
  sim_prompt_set_reasoning (prompt, sim_json_get_string (sim_json_get_object (request, "reasoning"), "effort"));

  run = sim_run_new (exchange, &chat_surface, prompt, sim_json_get_bool (request, "stream", FALSE));
  run->state = chat;
  sim_run_start (run, sim_json_get_string (request, "model"), sim_json_get_number (request, "ttl", -1), 0);
}

void
sim_openai_chat (SimExchange *exchange)
{
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_OPENAI);
  g_autoptr (SimPrompt) prompt = NULL;
  g_autoptr (SimError) error = NULL;
  JsonObject *request;
  JsonArray *messages;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  messages = sim_json_get_array (request, "messages");
  prompt = sim_prompt_new ();
  if (messages == NULL)
    error = sim_error_new (SIM_ERROR_INVALID, "messages", "'messages' field is required");
  if (error == NULL)
    error = read_response_format (exchange, request, prompt);
  if (error == NULL)
    error = read_tools (exchange, request, prompt);
  if (error != NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_OPENAI);
      return;
    }

  sim_prompt_add_messages (prompt, messages);
  sim_prompt_take_prefill (prompt);
  start (exchange, request, g_steal_pointer (&prompt), FALSE);
}

void
sim_openai_complete (SimExchange *exchange)
{
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_OPENAI);
  g_autoptr (SimPrompt) prompt = NULL;
  g_autoptr (SimError) error = NULL;
  JsonObject *request;
  JsonNode *text;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  text = json_object_get_member (request, "prompt");
  if (text == NULL)
    {
      error = sim_error_new (SIM_ERROR_INVALID, "prompt", "'prompt' field is required");
      sim_error_reply (error, exchange, SIM_DIALECT_OPENAI);
      return;
    }
  prompt = sim_prompt_new ();
  sim_prompt_add_content (prompt, SIM_ROLE_USER, text);
  /* There is no template to set reasoning apart from the text. */
  sim_prompt_set_reasoning (prompt, "off");
  start (exchange, request, g_steal_pointer (&prompt), TRUE);
}

/* -- The list -------------------------------------------------------------------------------- */

static void
write_listed_model (SimJson    *json,
                    const char *id)
{
  sim_json_begin (json, NULL, '{');
  sim_json_string (json, "id", id);
  sim_json_string (json, "object", "model");
  sim_json_string (json, "owned_by", "organization_owner");
  sim_json_end (json, '}');
}

void
sim_openai_list_models (SimExchange *exchange)
{
  Sim *sim = exchange->sim;
  GPtrArray *models = sim_models_list (sim->models);
  GString *body = g_string_sized_new (1024);
  SimJson json = { .out = body };

  /* With just-in-time loading whatever is downloaded counts as there. */
  sim_json_begin (&json, NULL, '{');
  sim_json_begin (&json, "data", '[');
  for (guint i = 0; i < models->len; i++)
    {
      SimModel *model = models->pdata[i];
      gboolean is_listed = sim->config->jit;

      if (is_listed)
        write_listed_model (&json, model->key);
      for (GList *link = model->instances.head; link != NULL; link = link->next)
        {
          SimInstance *instance = link->data;

          if (instance->state == SIM_INSTANCE_LOADED && (!is_listed || strcmp (instance->id, model->key) != 0))
            write_listed_model (&json, instance->id);
        }
    }
  sim_json_end (&json, ']');
  sim_json_string (&json, "object", "list");
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, 200, body);
}

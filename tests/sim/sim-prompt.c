/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: reading what a request asks for.
 */

#include "sim-prompt.h"

#include "sim-json.h"
#include "sim-text.h"

#include <string.h>

#define MAX_QUESTION 4096      /* bytes that an answer may refer to */
#define TOKENS_OF_AN_IMAGE 256
#define TOKENS_OF_A_TURN 4     /* what a chat template puts around one */

static void
turn_clear (gpointer data)
{
  g_ref_string_release (((SimTurn *) data)->text);
}

GArray *
sim_turns_new (void)
{
  GArray *turns = g_array_new (FALSE, FALSE, sizeof (SimTurn));

  g_array_set_clear_func (turns, turn_clear);

  return turns;
}

static void
add_turns (GArray *to,
           GArray *from)
{
  for (guint i = 0; i < from->len; i++)
    {
      SimTurn turn = g_array_index (from, SimTurn, i);

      g_ref_string_acquire (turn.text);
      g_array_append_val (to, turn);
    }
}

GArray *
sim_turns_with (GArray     *turns,
                SimRole     role,
                const char *text)
{
  GArray *copy = sim_turns_new ();
  SimTurn turn = { role, g_ref_string_new (text) };

  add_turns (copy, turns);
  g_array_append_val (copy, turn);

  return copy;
}

static void
tool_free (gpointer data)
{
  SimTool *tool = data;

  g_free (tool->name);
  g_free (tool->description);
  g_clear_pointer (&tool->schema, json_object_unref);
  g_free (tool);
}

SimPrompt *
sim_prompt_new (void)
{
  SimPrompt *self = g_new0 (SimPrompt, 1);

  self->turns = sim_turns_new ();
  self->tools = g_ptr_array_new_with_free_func (tool_free);
  self->temperature = -1;
  self->max_tokens = -1;

  return self;
}

void
sim_prompt_free (SimPrompt *self)
{
  if (self == NULL)
    return;

  g_array_unref (self->turns);
  g_clear_pointer (&self->prefill, g_ref_string_release);
  g_free (self->image);
  g_ptr_array_unref (self->tools);
  g_clear_pointer (&self->json_schema, json_object_unref);
  g_strfreev (self->stop);
  g_free (self->integration);
  g_free (self->integration_tool);
  g_free (self);
}

void
sim_prompt_add_turn (SimPrompt  *self,
                     SimRole     role,
                     const char *text,
                     gsize       len)
{
  SimTurn turn = { role, g_ref_string_new_len (text, (gssize) len) };

  g_array_append_val (self->turns, turn);
}

void
sim_prompt_add_turns (SimPrompt *self,
                      GArray    *turns)
{
  add_turns (self->turns, turns);
}

/* -- Content --------------------------------------------------------------------------------- */

static void
add_image (SimPrompt  *self,
           const char *mime,
           gsize       bytes)
{
  g_autofree char *kind = NULL;

  if (self->n_images++ > 0)
    return;
  kind = g_ascii_strup (g_str_has_prefix (mime, "image/") ? mime + strlen ("image/") : "picture", -1);
  self->image = bytes > 0 ? g_strdup_printf ("%s of about %" G_GSIZE_FORMAT " KB", kind, MAX (bytes / 1024, 1))
                          : g_strdup (kind);
}

/* @url: (nullable) */
static void
add_image_url (SimPrompt  *self,
               const char *url)
{
  g_autofree char *mime = NULL;

  if (url == NULL || !g_str_has_prefix (url, "data:"))
    {
      add_image (self, "", 0);
      return;
    }
  url += strlen ("data:");
  mime = g_strndup (url, strcspn (url, ";,"));
  add_image (self, mime, strlen (url) / 4 * 3);
}

/* One part of a message. Its text is appended to @text. */
static void
read_part (SimPrompt *self,
           JsonNode  *node,
           GString   *text)
{
  JsonObject *part = sim_json_as_object (node);
  const char *type = part != NULL ? sim_json_get_string (part, "type") : NULL;
  const char *url;

  if (part == NULL)
    {
      const char *string = sim_json_as_string (node);

      g_string_append (text, string != NULL ? string : "");
      return;
    }

  if (g_strcmp0 (type, "image_url") == 0 || g_strcmp0 (type, "input_image") == 0)
    {
      url = sim_json_get_string (part, "image_url");
      if (url == NULL)
        url = sim_json_get_string (sim_json_get_object (part, "image_url"), "url");
      add_image_url (self, url);
    }
  else if (g_strcmp0 (type, "image") == 0)
    {
      JsonObject *source = sim_json_get_object (part, "source");
      const char *mime = sim_json_get_string (source, "media_type");
      const char *data = sim_json_get_string (source, "data");

      url = sim_json_get_string (part, "data_url");
      if (url != NULL)
        add_image_url (self, url);
      else
        add_image (self, mime != NULL ? mime : "", data != NULL ? strlen (data) / 4 * 3 : 0);
    }
  else if (g_strcmp0 (type, "tool_use") == 0)
    {
      g_autofree char *call = json_to_string (node, FALSE);

      g_string_append (text, call);
    }
  else if (g_strcmp0 (type, "thinking") != 0)
    {
      const char *string = sim_json_get_string (part, "text");

      if (string == NULL)
        string = sim_json_get_string (part, "content");
      g_string_append (text, string != NULL ? string : "");
    }
}

/* Anthropic's answer of a tool, inside a user's message. */
static gboolean
is_tool_result (JsonNode *node)
{
  return g_strcmp0 (sim_json_get_string (sim_json_as_object (node), "type"), "tool_result") == 0;
}

void
sim_prompt_add_content (SimPrompt *self,
                        SimRole    role,
                        JsonNode  *content)
{
  const char *string = sim_json_as_string (content);
  g_autoptr (GString) text = NULL;
  JsonArray *parts;
  guint n_pending = 0;  /* parts that are in no turn yet */

  if (string != NULL)
    {
      sim_prompt_add_turn (self, role, string, strlen (string));
      return;
    }
  if (content == NULL || !JSON_NODE_HOLDS_ARRAY (content))
    return;

  text = g_string_new (NULL);
  parts = json_node_get_array (content);
  for (guint i = 0; i < json_array_get_length (parts); i++)
    {
      JsonNode *part = json_array_get_element (parts, i);

      if (is_tool_result (part))
        {
          if (n_pending > 0)
            sim_prompt_add_turn (self, role, text->str, text->len);
          g_string_truncate (text, 0);
          n_pending = 0;
          sim_prompt_add_content (self, SIM_ROLE_TOOL, json_object_get_member (json_node_get_object (part), "content"));
          continue;
        }
      if (text->len > 0)
        g_string_append_c (text, '\n');
      read_part (self, part, text);
      n_pending++;
    }
  if (n_pending > 0)
    sim_prompt_add_turn (self, role, text->str, text->len);
}

static SimRole
role_of (const char *word)
{
  if (g_strcmp0 (word, "system") == 0 || g_strcmp0 (word, "developer") == 0)
    return SIM_ROLE_SYSTEM;
  if (g_strcmp0 (word, "assistant") == 0)
    return SIM_ROLE_ASSISTANT;
  if (g_strcmp0 (word, "tool") == 0)
    return SIM_ROLE_TOOL;

  return SIM_ROLE_USER;
}

void
sim_prompt_add_messages (SimPrompt *self,
                         JsonArray *messages)
{
  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      JsonNode *node = json_array_get_element (messages, i);
      JsonObject *message = sim_json_as_object (node);
      const char *type;
      JsonArray *calls;

      if (message == NULL)
        continue;
      type = sim_json_get_string (message, "type");
      if (g_strcmp0 (type, "function_call_output") == 0)
        sim_prompt_add_content (self, SIM_ROLE_TOOL, json_object_get_member (message, "output"));
      else if (g_strcmp0 (type, "function_call") == 0)
        {
          g_autofree char *call = json_to_string (node, FALSE);

          sim_prompt_add_turn (self, SIM_ROLE_ASSISTANT, call, strlen (call));
        }
      else if (g_strcmp0 (type, "reasoning") != 0)
        sim_prompt_add_content (self, role_of (sim_json_get_string (message, "role")),
                                json_object_get_member (message, "content"));

      calls = sim_json_get_array (message, "tool_calls");
      for (guint j = 0; calls != NULL && j < json_array_get_length (calls); j++)
        {
          g_autofree char *call = json_to_string (json_array_get_element (calls, j), FALSE);

          sim_prompt_add_turn (self, SIM_ROLE_ASSISTANT, call, strlen (call));
        }
    }
}

void
sim_prompt_take_prefill (SimPrompt *self)
{
  const SimTurn *last;

  if (self->turns->len < 2)
    return;
  last = &g_array_index (self->turns, SimTurn, self->turns->len - 1);
  if (last->role != SIM_ROLE_ASSISTANT || *last->text == '\0')
    return;

  self->prefill = g_ref_string_acquire (last->text);
  g_array_set_size (self->turns, self->turns->len - 1);
}

/* -- Settings -------------------------------------------------------------------------------- */

void
sim_prompt_add_tools (SimPrompt *self,
                      JsonArray *tools)
{
  for (guint i = 0; i < json_array_get_length (tools); i++)
    {
      JsonObject *object = sim_json_as_object (json_array_get_element (tools, i));
      JsonObject *function = sim_json_get_object (object, "function");
      JsonObject *schema;
      const char *description;
      SimTool *tool;

      if (function == NULL)
        function = object;
      if (sim_json_get_string (function, "name") == NULL)
        continue;
      schema = sim_json_get_object (function, "parameters");
      if (schema == NULL)
        schema = sim_json_get_object (function, "input_schema");
      description = sim_json_get_string (function, "description");

      tool = g_new0 (SimTool, 1);
      tool->name = g_strdup (sim_json_get_string (function, "name"));
      tool->description = g_strdup (description != NULL ? description : "");
      tool->schema = schema != NULL ? json_object_ref (schema) : NULL;
      g_ptr_array_add (self->tools, tool);
    }
}

void
sim_prompt_read_sampling (SimPrompt          *self,
                          JsonObject         *request,
                          const char * const *limit_keys)
{
  JsonArray *stops = sim_json_get_array (request, "stop");
  const char *stop = sim_json_get_string (request, "stop");
  JsonNode *seed = json_object_get_member (request, "seed");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  self->temperature = sim_json_get_number (request, "temperature", -1);
  self->has_seed = sim_json_is_number (seed);
  self->seed = self->has_seed ? json_node_get_int (seed) : 0;
  for (; *limit_keys != NULL && self->max_tokens < 0; limit_keys++)
    self->max_tokens = (gint64) CLAMP (sim_json_get_number (request, *limit_keys, -1), -1, 1e12);

  if (stops == NULL)
    stops = sim_json_get_array (request, "stop_sequences");
  if (stop != NULL)
    g_strv_builder_add (builder, stop);
  for (guint i = 0; stops != NULL && i < json_array_get_length (stops); i++)
    {
      stop = sim_json_as_string (json_array_get_element (stops, i));
      if (stop != NULL)
        g_strv_builder_add (builder, stop);
    }
  self->stop = g_strv_builder_end (builder);
}

void
sim_prompt_set_reasoning (SimPrompt  *self,
                          const char *word)
{
  static const struct {
    const char *word;
    const char *setting;
  } settings[] = {
    { "off", "off" }, { "none", "off" }, { "on", "on" }, { "minimal", "low" },
    { "low", "low" }, { "medium", "medium" }, { "high", "high" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (g_strcmp0 (word, settings[i].word) == 0)
      self->reasoning = settings[i].setting;
}

/* -- Looking --------------------------------------------------------------------------------- */

static char *
dup_start (const char *text)
{
  gsize len = strlen (text);

  if (len > MAX_QUESTION)
    for (len = MAX_QUESTION; len > 0 && ((guchar) text[len] & 0xc0) == 0x80;)
      len--;

  return g_strndup (text, len);
}

/* The @nth turn of the user, counted from the end. */
static char *
dup_user_turn (SimPrompt *self,
               guint      nth)
{
  for (guint i = self->turns->len; i > 0; i--)
    {
      const SimTurn *turn = &g_array_index (self->turns, SimTurn, i - 1);

      if (turn->role == SIM_ROLE_USER && nth-- == 0)
        return dup_start (turn->text);
    }

  return NULL;
}

char *
sim_prompt_dup_question (SimPrompt *self)
{
  char *question = dup_user_turn (self, 0);

  return question != NULL ? question : g_strdup ("");
}

char *
sim_prompt_dup_previous_question (SimPrompt *self)
{
  return dup_user_turn (self, 1);
}

char *
sim_prompt_dup_tool_result (SimPrompt *self)
{
  g_autoptr (GString) result = g_string_new (NULL);
  guint first = self->turns->len;

  while (first > 0 && g_array_index (self->turns, SimTurn, first - 1).role == SIM_ROLE_TOOL)
    first--;
  if (first == self->turns->len)
    return NULL;

  for (guint i = first; i < self->turns->len; i++)
    {
      g_autofree char *text = dup_start (g_array_index (self->turns, SimTurn, i).text);

      g_string_append_printf (result, "%s%s", i > first ? "; " : "", text);
    }

  return g_string_free (g_steal_pointer (&result), FALSE);
}

guint64
sim_prompt_hash (SimPrompt  *self,
                 const char *model_key)
{
  guint64 hash = sim_hash (SIM_HASH_START, model_key, strlen (model_key));

  for (guint i = 0; i < self->turns->len; i++)
    {
      const SimTurn *turn = &g_array_index (self->turns, SimTurn, i);
      char role = (char) turn->role;

      hash = sim_hash (hash, &role, 1);
      hash = sim_hash (hash, turn->text, g_ref_string_length (turn->text));
    }
  if (self->has_seed)
    hash = sim_hash (hash, (const char *) &self->seed, sizeof self->seed);

  return hash;
}

guint64
sim_prompt_count_tokens (SimPrompt *self)
{
  guint64 n = (guint64) self->n_images * TOKENS_OF_AN_IMAGE;

  /* The template's words around the answer are there with it or without. */
  if (self->prefill != NULL)
    n += sim_text_count_tokens (self->prefill, g_ref_string_length (self->prefill));
  for (guint i = 0; i < self->turns->len; i++)
    {
      GRefString *text = g_array_index (self->turns, SimTurn, i).text;

      n += TOKENS_OF_A_TURN + sim_text_count_tokens (text, g_ref_string_length (text));
    }
  for (guint i = 0; i < self->tools->len; i++)
    {
      const SimTool *tool = self->tools->pdata[i];

      n += TOKENS_OF_A_TURN + sim_text_count_tokens (tool->name, strlen (tool->name))
           + sim_text_count_tokens (tool->description, strlen (tool->description));
      if (tool->schema != NULL)
        {
          g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
          g_autofree char *schema = NULL;

          json_node_set_object (node, tool->schema);
          schema = json_to_string (node, FALSE);
          n += sim_text_count_tokens (schema, strlen (schema));
        }
    }

  return n;
}

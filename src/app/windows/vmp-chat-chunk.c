/* SPDX-License-Identifier: MIT
 *
 * Reads one event of a streamed chat completion: OpenAI's shape with what LM Studio, DeepSeek and others add, and the
 * gateway's own `vampire` object in the last one.
 */

#include "app/windows/vmp-chat-chunk.h"

#include <glib/gi18n.h>
#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* Characters of somebody's sentence about an error. */
#define PROBLEM_CHARS 1000

void
vmp_chat_figures_clear (VmpChatFigures *self)
{
  const VmpChatFigures none = VMP_CHAT_FIGURES_INIT;

  g_free (self->node);
  g_free (self->model);
  g_free (self->request_id);
  g_free (self->route);
  g_free (self->strategy);
  g_free (self->finish_reason);
  *self = none;
}

void
vmp_chat_chunk_clear (VmpChatChunk *self)
{
  if (self->text != NULL)
    g_string_free (self->text, TRUE);
  if (self->reasoning != NULL)
    g_string_free (self->reasoning, TRUE);
  g_free (self->problem);
  *self = (VmpChatChunk) { 0 };
}

static void
take_string (char      **place,
             JsonObject *object,
             const char *name)
{
  const char *value = vmp_json_get_string (object, name);

  if (value != NULL && *value != '\0')
    {
      g_free (*place);
      *place = vmp_text_display (value, VMP_LIMIT_MODEL_ID_CHARS);
    }
}

static void
take_double (double     *place,
             JsonObject *object,
             const char *name)
{
  double value;

  if (vmp_json_get_double (object, name, &value) && value >= 0)
    *place = value;
}

static void
take_int (gint64     *place,
          JsonObject *object,
          const char *name)
{
  gint64 value;

  if (vmp_json_get_int (object, name, &value) && value >= 0)
    *place = value;
}

static void
read_vampire (VmpChatFigures *figures,
              JsonObject     *vampire)
{
  if (vampire == NULL)
    return;

  take_string (&figures->node, vampire, "selected_node");
  take_string (&figures->model, vampire, "selected_model");
  take_string (&figures->request_id, vampire, "request_id");
  take_string (&figures->route, vampire, "route");
  take_string (&figures->strategy, vampire, "routing_strategy");
  take_double (&figures->first_token_ms, vampire, "time_to_first_token_ms");
  take_double (&figures->tokens_per_second, vampire, "tokens_per_second");
  take_double (&figures->duration_ms, vampire, "latency_ms");
  take_double (&figures->queued_ms, vampire, "queued_ms");
  take_double (&figures->loading_ms, vampire, "loading_ms");
}

static void
append_member (GString    *out,
               JsonObject *delta,
               const char *name)
{
  const char *value = vmp_json_get_string (delta, name);

  if (value != NULL)
    g_string_append (out, value);
}

/* The name begins a call, its arguments come in pieces. */
static void
read_tool_calls (VmpChatChunk *self,
                 JsonArray    *calls)
{
  for (guint i = 0; calls != NULL && i < json_array_get_length (calls); i++)
    {
      JsonNode *element = json_array_get_element (calls, i);
      JsonObject *function = NULL;
      const char *name;
      const char *arguments;

      if (JSON_NODE_HOLDS_OBJECT (element))
        function = vmp_json_get_object (json_node_get_object (element), "function");
      name = vmp_json_get_string (function, "name");
      arguments = vmp_json_get_string (function, "arguments");
      if (name != NULL && *name != '\0')
        g_string_append_printf (self->text, "\n\n%s %s ", _("Call of a tool:"), name);
      if (arguments != NULL)
        g_string_append (self->text, arguments);
    }
}

static void
read_problem (VmpChatChunk *self,
              JsonObject   *object)
{
  const char *sentence = vmp_json_get_string (vmp_json_get_object (object, "error"), "message");

  if (sentence == NULL)
    sentence = vmp_json_get_string (object, "error");
  if (sentence == NULL && vmp_json_get_object (object, "error") != NULL)
    sentence = _("The model failed without saying why.");
  if (sentence != NULL)
    self->problem = vmp_text_display (sentence, PROBLEM_CHARS);
}

gboolean
vmp_chat_chunk_read (VmpChatChunk   *self,
                     VmpChatFigures *figures,
                     const char     *data)
{
  g_autoptr (JsonNode) root = NULL;
  JsonObject *object;
  JsonObject *usage;
  JsonArray *choices;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (figures != NULL, FALSE);
  g_return_val_if_fail (data != NULL, FALSE);

  self->text = g_string_new (NULL);
  self->reasoning = g_string_new (NULL);

  root = vmp_json_parse (data, strlen (data), NULL);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return FALSE;

  object = json_node_get_object (root);
  choices = vmp_json_get_array (object, "choices");
  if (choices != NULL && json_array_get_length (choices) > 0
      && JSON_NODE_HOLDS_OBJECT (json_array_get_element (choices, 0)))
    {
      JsonObject *choice = json_array_get_object_element (choices, 0);
      JsonObject *delta = vmp_json_get_object (choice, "delta");

      /* gpt-oss in LM Studio says "reasoning", the others "reasoning_content". */
      append_member (self->reasoning, delta, "reasoning_content");
      if (self->reasoning->len == 0)
        append_member (self->reasoning, delta, "reasoning");
      append_member (self->text, delta, "content");
      append_member (self->text, delta, "refusal");
      read_tool_calls (self, vmp_json_get_array (delta, "tool_calls"));
      take_string (&figures->finish_reason, choice, "finish_reason");
    }

  usage = vmp_json_get_object (object, "usage");
  take_int (&figures->prompt_tokens, usage, "prompt_tokens");
  take_int (&figures->completion_tokens, usage, "completion_tokens");
  read_vampire (figures, vmp_json_get_object (object, "vampire"));
  read_problem (self, object);

  return TRUE;
}

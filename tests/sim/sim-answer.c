/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: what the model says to a prompt.
 */

#include "sim-answer.h"

#include "sim-config.h"
#include "sim-schema.h"
#include "sim-text.h"

#include <string.h>

static void
part_free (gpointer data)
{
  SimPart *part = data;

  g_free (part->name);
  g_free (part->output);
  g_string_free (part->text, TRUE);
  g_array_unref (part->ends);
  g_free (part);
}

static SimPart *
add_part (SimAnswer  *self,
          SimPartKind kind)
{
  SimPart *part = g_new0 (SimPart, 1);

  part->kind = kind;
  part->text = g_string_new (NULL);
  part->ends = g_array_new (FALSE, FALSE, sizeof (gsize));
  g_ptr_array_add (self->parts, part);

  return part;
}

static SimAnswer *
answer_new (void)
{
  SimAnswer *self = g_new0 (SimAnswer, 1);

  self->parts = g_ptr_array_new_with_free_func (part_free);
  self->finish = "stop";
  self->stop_reason = "eosFound";

  return self;
}

SimAnswer *
sim_answer_new_empty (void)
{
  SimAnswer *self = answer_new ();

  add_part (self, SIM_PART_TEXT);
  self->n_unseen = 1;

  return self;
}

void
sim_answer_free (SimAnswer *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->parts);
  g_free (self);
}

/* -- Parts ----------------------------------------------------------------------------------- */

static guint
effort_of (const char *reasoning)
{
  if (g_strcmp0 (reasoning, "off") == 0)
    return 0;
  if (g_strcmp0 (reasoning, "low") == 0)
    return 1;
  if (g_strcmp0 (reasoning, "medium") == 0)
    return 4;

  return g_strcmp0 (reasoning, "high") == 0 ? 8 : 3;
}

/* Before these versions reasoning came inside the text. */
static gboolean
is_inline (const SimModel  *model,
           const SimConfig *config)
{
  return model->reasons == SIM_REASONS_AS_REASONING ? !sim_config_since (config, SIM_VERSION (0, 3, 23))
                                                    : !sim_config_since (config, SIM_VERSION (0, 3, 9));
}

static gboolean
add_tool_calls (SimAnswer  *self,
                Sim        *sim,
                SimPrompt  *prompt,
                const char *question,
                gboolean    has_result,
                guint64     seed)
{
  SimToolChoice choice = prompt->tool_choice;
  guint n = 0;

  if (prompt->tools->len == 0 || !sim_config_since (sim->config, SIM_VERSION (0, 3, 6)))
    return FALSE;
  if (!sim_config_since (sim->config, SIM_VERSION (0, 3, 15)))
    choice = SIM_TOOL_CHOICE_AUTO;
  if (choice == SIM_TOOL_CHOICE_NONE || (has_result && choice != SIM_TOOL_CHOICE_REQUIRED))
    return FALSE;

  for (guint i = 0; i < prompt->tools->len; i++)
    {
      const SimTool *tool = prompt->tools->pdata[i];
      gboolean is_last_resort = choice == SIM_TOOL_CHOICE_REQUIRED && n == 0 && i + 1 == prompt->tools->len;
      SimPart *part;

      if (!is_last_resort && !sim_text_calls_for_tool (question, tool->name, tool->description))
        continue;
      part = add_part (self, SIM_PART_TOOL_CALL);
      part->name = g_strdup (tool->name);
      sim_schema_write (tool->schema, question, TRUE, seed + i, part->text);
      n++;
    }

  return n > 0;
}

static void
add_server_tool (SimAnswer  *self,
                 SimPrompt  *prompt,
                 const char *question)
{
  g_autofree char *subject = sim_text_dup_subject (question);
  SimPart *part = add_part (self, SIM_PART_SERVER_TOOL);

  /* A server that was given no tool to offer has the model ask for one that does not exist. */
  part->name = g_strdup (prompt->integration_tool != NULL ? prompt->integration_tool : "open_browser");
  g_string_append (part->text, "{\"query\":\"");
  for (const char *c = subject; *c != '\0'; c++)
    if (*c != '"' && *c != '\\')
      g_string_append_c (part->text, *c);
  g_string_append (part->text, "\",\"limit\":1}");
  if (prompt->integration_tool != NULL)
    part->output = g_strdup_printf ("[{\"type\":\"text\",\"text\":\"A simulated result of %s.\"}]", part->name);
}

static void
cut_at_stop (SimAnswer *self,
             SimPart   *part,
             char     **stop)
{
  for (; *stop != NULL; stop++)
    {
      const char *found = **stop != '\0' ? strstr (part->text->str, *stop) : NULL;

      if (found == NULL)
        continue;
      g_string_truncate (part->text, (gsize) (found - part->text->str));
      self->stop_reason = "stopStringFound";
    }
}

static void
find_tokens (SimPart *part)
{
  for (gsize i = 0; i < part->text->len;)
    {
      i = sim_text_token_end (part->text->str, i, part->text->len);
      g_array_append_val (part->ends, i);
    }
}

static void
truncate_part (SimPart *part,
               guint    n)
{
  if (part->ends->len <= n)
    return;
  g_array_set_size (part->ends, n);
  g_string_truncate (part->text, n > 0 ? g_array_index (part->ends, gsize, n - 1) : 0);
}

/* Leaves of the text what comes after its beginning, which is there already. Text that began otherwise makes way for
 * some that goes on from it. */
static void
go_on_from (SimPart        *part,
            const SimTopic *topic,
            GRefString     *prefill)
{
  gsize len = g_ref_string_length (prefill);
  SimTopic other = *topic;

  if (g_str_has_prefix (part->text->str, prefill))
    {
      g_string_erase (part->text, 0, (gssize) len);
    }
  else
    {
      other.seed = sim_hash (topic->seed, prefill, len);
      g_string_assign (part->text, "\n\n");
      sim_text_write_answer (&other, part->text);
    }
  g_array_set_size (part->ends, 0);
  find_tokens (part);
}

/* Keeps the first @max tokens. */
static void
truncate_answer (SimAnswer *self,
                 gint64     max)
{
  guint n = 0;

  for (guint i = 0; i < self->parts->len; i++)
    {
      SimPart *part = self->parts->pdata[i];

      if (max >= 0 && n + part->ends->len > max)
        {
          truncate_part (part, (guint) max - n);
          /* Of a tool call that did not begin there is nothing to show. */
          g_ptr_array_set_size (self->parts, (int) i + (part->name == NULL || part->ends->len > 0));
          self->finish = "length";
          self->stop_reason = "maxPredictedTokensReached";
        }
      if (i == self->parts->len)
        break;
      n += part->ends->len;
      if (part->kind == SIM_PART_REASONING)
        self->n_reasoning_tokens += part->ends->len;
    }
  self->n_tokens = n;
}

SimAnswer *
sim_answer_new (Sim       *sim,
                SimPrompt *prompt,
                SimModel  *model,
                guint64    seed,
                gint64     max_tokens)
{
  const SimConfig *config = sim->config;
  SimAnswer *self = answer_new ();
  g_autofree char *question = sim_prompt_dup_question (prompt);
  g_autofree char *previous = sim_prompt_dup_previous_question (prompt);
  g_autofree char *result = sim_prompt_dup_tool_result (prompt);
  g_autoptr (GString) inline_reasoning = g_string_new (NULL);
  SimTopic topic = {
    .question = question,
    .previous = previous,
    .tool_result = result,
    .image = prompt->image,
    .n_images = prompt->n_images,
    .node_name = config->name,
    .seed = seed,
    .min_tokens = (guint) config->answer_tokens,
  };
  const char *reasoning = prompt->reasoning != NULL ? prompt->reasoning : model->reasoning_default;
  guint effort = model->reasons != SIM_REASONS_NOT ? effort_of (reasoning) : 0;
  gboolean whole_arguments = !sim_config_since (config, SIM_VERSION (0, 3, 17));

  if (effort > 0 && is_inline (model, config))
    {
      g_string_append (inline_reasoning, "<think>\n");
      sim_text_write_reasoning (&topic, effort, inline_reasoning);
      g_string_append (inline_reasoning, "\n</think>\n\n");
    }
  else if (effort > 0 && prompt->prefill == NULL)
    sim_text_write_reasoning (&topic, effort, add_part (self, SIM_PART_REASONING)->text);

  if (prompt->integration != NULL)
    add_server_tool (self, prompt, question);
  if (add_tool_calls (self, sim, prompt, question, result != NULL, seed))
    {
      self->finish = "tool_calls";
      self->stop_reason = "toolCalls";
    }
  else
    {
      SimPart *part = add_part (self, SIM_PART_TEXT);

      g_string_append_len (part->text, inline_reasoning->str, (gssize) inline_reasoning->len);
      if (prompt->wants_json)
        sim_schema_write (prompt->json_schema, question, FALSE, seed, part->text);
      else
        sim_text_write_answer (&topic, part->text);
      if (prompt->stop != NULL)
        cut_at_stop (self, part, prompt->stop);
    }

  for (guint i = 0; i < self->parts->len; i++)
    {
      SimPart *part = self->parts->pdata[i];

      if (part->kind == SIM_PART_SERVER_TOOL || (part->kind == SIM_PART_TOOL_CALL && whole_arguments))
        g_array_append_val (part->ends, part->text->len);
      else
        find_tokens (part);
      if (part->kind == SIM_PART_TEXT && config->answer_tokens > 0 && !prompt->wants_json)
        truncate_part (part, (guint) config->answer_tokens);
      if (part->kind == SIM_PART_TEXT && prompt->prefill != NULL)
        go_on_from (part, &topic, prompt->prefill);
    }

  if (prompt->max_tokens >= 0 && (max_tokens < 0 || prompt->max_tokens < max_tokens))
    max_tokens = prompt->max_tokens;
  truncate_answer (self, max_tokens);

  return self;
}

/* -- Looking --------------------------------------------------------------------------------- */

char *
sim_answer_dup_text (const SimAnswer *self,
                     SimPartKind      kind)
{
  g_autoptr (GString) text = NULL;

  for (guint i = 0; i < self->parts->len; i++)
    {
      const SimPart *part = self->parts->pdata[i];

      if (part->kind != kind)
        continue;
      if (text == NULL)
        text = g_string_new (NULL);
      g_string_append_len (text, part->text->str, (gssize) part->text->len);
    }

  return text != NULL ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

guint
sim_answer_count_parts (const SimAnswer *self,
                        SimPartKind      kind)
{
  guint n = 0;

  for (guint i = 0; i < self->parts->len; i++)
    n += ((const SimPart *) self->parts->pdata[i])->kind == kind;

  return n;
}

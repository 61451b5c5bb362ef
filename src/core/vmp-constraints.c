/* SPDX-License-Identifier: MIT
 *
 * Reading, adding up and writing down constraints.
 */

#include "core/vmp-constraints.h"

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* Every word for a capability that somebody uses. The first one of a need is what we write. */
static const struct {
  const char *name;
  VmpNeeds need;
} capabilities[] = {
  { "vision", VMP_NEED_VISION },
  { "image_input", VMP_NEED_VISION },
  { "tools", VMP_NEED_TOOLS },
  { "tool_calling", VMP_NEED_TOOLS },
  { "tool_use", VMP_NEED_TOOLS },
  { "function_calling", VMP_NEED_TOOLS },
  { "reasoning", VMP_NEED_REASONING },
  { "thinking", VMP_NEED_REASONING },

  /* Every server has these, or the request's own path says that it wants them. */
  { "chat", VMP_NEED_NOTHING },
  { "completion", VMP_NEED_NOTHING },
  { "completions", VMP_NEED_NOTHING },
  { "responses", VMP_NEED_NOTHING },
  { "embedding", VMP_NEED_NOTHING },
  { "embeddings", VMP_NEED_NOTHING },
  { "streaming", VMP_NEED_NOTHING },
  { "structured_output", VMP_NEED_NOTHING },
  { "text", VMP_NEED_NOTHING },
};

static const char * const weight_names[VMP_N_WEIGHTS] = {
  [VMP_WEIGHT_LATENCY] = "latency",
  [VMP_WEIGHT_TOKENS_PER_SECOND] = "tokens_per_second",
  [VMP_WEIGHT_QUEUE_DEPTH] = "queue_depth",
  [VMP_WEIGHT_QUALITY_SCORE] = "quality_score",
};

/* The sum of all weights stays far from what a double cannot hold. */
#define WEIGHT_MAX 1e6

gboolean
vmp_needs_from_string (const char *name,
                       VmpNeeds   *needs)
{
  gsize i;

  g_return_val_if_fail (name != NULL, FALSE);

  for (i = 0; i < G_N_ELEMENTS (capabilities); i++)
    {
      if (strcmp (capabilities[i].name, name) == 0)
        {
          *needs = capabilities[i].need;
          return TRUE;
        }
    }

  return FALSE;
}

/* -- Reading ------------------------------------------------------------------------------- */

/* Clients' libraries write null for what was left out. */
static gboolean
is_given (JsonObject *object,
          const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && !JSON_NODE_HOLDS_NULL (node);
}

static char *
read_switch (JsonObject *object,
             const char *name,
             gboolean   *is_on)
{
  *is_on = FALSE;
  if (!is_given (object, name) || vmp_json_get_boolean (object, name, is_on))
    return NULL;

  return g_strdup_printf ("%s must be true or false.", name);
}

/* Adds a bound or a need for what is true. */
static char *
read_switches (JsonObject     *object,
               VmpConstraints *constraints)
{
  static const struct {
    const char *name;
    VmpNeeds need;
  } needs[] = {
    { "tool_calling", VMP_NEED_TOOLS },
    { "vision", VMP_NEED_VISION },
    { "reasoning", VMP_NEED_REASONING },
  };
  gboolean is_on;
  char *fault;
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (needs); i++)
    {
      fault = read_switch (object, needs[i].name, &is_on);
      if (fault != NULL)
        return fault;
      if (is_on)
        constraints->needs |= needs[i].need;
    }

  fault = read_switch (object, "trusted_only", &is_on);
  if (fault != NULL)
    return fault;
  constraints->trusted_only |= is_on;

  fault = read_switch (object, "local_only", &is_on);
  constraints->local_only |= is_on;

  return fault;
}

static char *
read_count (JsonObject *object,
            const char *name,
            gint64      max,
            gboolean   *given,
            gint64     *count)
{
  *given = is_given (object, name);
  if (!*given || (vmp_json_get_int (object, name, count) && *count >= 0 && *count <= max))
    return NULL;

  return g_strdup_printf ("%s must be a whole number from 0 to %" G_GINT64_FORMAT ".", name, max);
}

static char *
read_numbers (JsonObject     *object,
              VmpConstraints *constraints)
{
  static const char * const contexts[] = { "min_context_window", "minimum_context_tokens" };
  gboolean given;
  double latency;
  gint64 count;
  char *fault;
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (contexts); i++)
    {
      fault = read_count (object, contexts[i], VMP_LIMIT_MODEL_CONTEXT, &given, &count);
      if (fault != NULL)
        return fault;
      if (given)
        constraints->min_context = MAX (constraints->min_context, count);
    }

  fault = read_count (object, "max_queue_depth", VMP_LIMIT_QUEUE_CEILING, &given, &count);
  if (fault != NULL)
    return fault;
  if (given)
    vmp_constraints_add (constraints, &(VmpConstraints) { .has_max_queue_depth = TRUE, .max_queue_depth = count });

  if (!is_given (object, "max_latency_ms"))
    return NULL;
  if (!vmp_json_get_double (object, "max_latency_ms", &latency) || latency < 0)
    return g_strdup ("max_latency_ms must be a number of milliseconds from 0 on.");
  vmp_constraints_add (constraints, &(VmpConstraints) { .max_latency_ms = latency });

  return NULL;
}

static char *
read_capabilities (JsonObject     *object,
                   VmpConstraints *constraints)
{
  JsonArray *names = vmp_json_get_array (object, "required_capabilities");
  guint n_names = names != NULL ? json_array_get_length (names) : 0;
  guint i;

  if (names == NULL && is_given (object, "required_capabilities"))
    return g_strdup ("required_capabilities must be a list of texts, such as [\"vision\", \"tools\"].");

  for (i = 0; i < n_names; i++)
    {
      JsonNode *element = json_array_get_element (names, i);
      const char *name = JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_STRING
                         ? json_node_get_string (element)
                         : NULL;
      g_autofree char *shown = NULL;
      VmpNeeds need;

      if (name == NULL)
        return g_strdup ("required_capabilities must be a list of texts, such as [\"vision\", \"tools\"].");
      if (!vmp_needs_from_string (name, &need))
        {
          shown = vmp_text_display (name, VMP_LIMIT_TAG_CHARS);
          return g_strdup_printf ("required_capabilities names \"%s\", which is none; there are chat, streaming, "
                                  "vision, tools and reasoning.", shown);
        }
      constraints->needs |= need;
    }

  return NULL;
}

char *
vmp_constraints_read (JsonObject     *object,
                      VmpConstraints *constraints)
{
  char *fault;

  g_return_val_if_fail (object != NULL, NULL);
  g_return_val_if_fail (constraints != NULL, NULL);

  fault = read_switches (object, constraints);
  if (fault == NULL)
    fault = read_numbers (object, constraints);
  if (fault == NULL)
    fault = read_capabilities (object, constraints);

  return fault;
}

char *
vmp_weights_read (JsonObject *object,
                  double      weights[VMP_N_WEIGHTS],
                  gboolean   *has_weights)
{
  double read[VMP_N_WEIGHTS] = { 0 };
  gboolean any = FALSE;
  double sum = 0;
  guint i;

  g_return_val_if_fail (object != NULL, NULL);

  *has_weights = FALSE;
  for (i = 0; i < VMP_N_WEIGHTS; i++)
    {
      if (!is_given (object, weight_names[i]))
        continue;
      if (!vmp_json_get_double (object, weight_names[i], &read[i]) || read[i] < 0 || read[i] > WEIGHT_MAX)
        return g_strdup_printf ("%s must be a number from 0 to %.0f.", weight_names[i], WEIGHT_MAX);
      any = TRUE;
      sum += read[i];
    }

  if (!any)
    return NULL;
  if (!(sum > 0))
    return g_strdup ("latency, tokens_per_second, queue_depth and quality_score must not all be 0.");

  for (i = 0; i < VMP_N_WEIGHTS; i++)
    weights[i] = read[i] / sum;
  *has_weights = TRUE;

  return NULL;
}

/* -- Adding up ----------------------------------------------------------------------------- */

void
vmp_constraints_add (VmpConstraints       *self,
                     const VmpConstraints *other)
{
  self->needs |= other->needs;
  self->min_context = MAX (self->min_context, other->min_context);
  if (other->max_latency_ms > 0 && (self->max_latency_ms <= 0 || other->max_latency_ms < self->max_latency_ms))
    self->max_latency_ms = other->max_latency_ms;
  if (other->has_max_queue_depth)
    {
      self->max_queue_depth = self->has_max_queue_depth
                              ? MIN (self->max_queue_depth, other->max_queue_depth)
                              : other->max_queue_depth;
      self->has_max_queue_depth = TRUE;
    }
  self->trusted_only |= other->trusted_only;
  self->local_only |= other->local_only;
}

/* -- Writing ------------------------------------------------------------------------------- */

static void
build_needs (VmpNeeds     needs,
             JsonBuilder *builder)
{
  const char *names[G_N_ELEMENTS (capabilities) + 1] = { NULL };
  gsize n_names = 0;
  gsize i;

  if (needs == VMP_NEED_NOTHING)
    return;

  for (i = 0; i < G_N_ELEMENTS (capabilities); i++)
    {
      if ((needs & capabilities[i].need) != 0)
        names[n_names++] = capabilities[i].name;
      needs &= ~capabilities[i].need;
    }
  vmp_json_add_strings (builder, "required_capabilities", names);
}

void
vmp_constraints_build (const VmpConstraints *self,
                       JsonBuilder          *builder)
{
  g_return_if_fail (self != NULL);

  json_builder_begin_object (builder);
  if (self->min_context > 0)
    vmp_json_add_int (builder, "min_context_window", self->min_context);
  if (self->max_latency_ms > 0)
    vmp_json_add_double (builder, "max_latency_ms", self->max_latency_ms);
  if (self->has_max_queue_depth)
    vmp_json_add_int (builder, "max_queue_depth", self->max_queue_depth);
  if (self->trusted_only)
    vmp_json_add_boolean (builder, "trusted_only", TRUE);
  if (self->local_only)
    vmp_json_add_boolean (builder, "local_only", TRUE);
  build_needs (self->needs, builder);
  json_builder_end_object (builder);
}

/* SPDX-License-Identifier: MIT
 *
 * The table of the virtual models, and what is concluded of a model's size and purpose from what its node says of it.
 */

#include "routing/vmp-virtual.h"

#include <math.h>
#include <string.h>

static const VmpVirtualModel virtual_models[] = {
  { VMP_MODEL_AUTO,
    "Any model that fits: one that is loaded and free first, then the smallest.",
    VMP_PREFER_LOADED, VMP_STRATEGY_RESIDENCY, .default_strategy = TRUE, .takes_embeddings = TRUE },
  { "vampire:fast",
    "The model and node that answer with the most tokens per second, as far as was seen.",
    VMP_PREFER_FAST, VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND },
  { "vampire:balanced",
    "A loaded model of middle size.",
    VMP_PREFER_BALANCED, VMP_STRATEGY_RESIDENCY },
  { "vampire:best",
    "The model with the most parameters, loaded or not.",
    VMP_PREFER_LARGEST, VMP_STRATEGY_QUALITY_SCORE },
  { "vampire:large-context",
    "The model with the longest context.",
    VMP_PREFER_CONTEXT, VMP_STRATEGY_RESIDENCY },
  { "vampire:code",
    "A model that was made for code; where there is none, the largest.",
    VMP_PREFER_CODE, VMP_STRATEGY_RESIDENCY },
  { "vampire:vision",
    "A model that can see images.",
    VMP_PREFER_LOADED, VMP_STRATEGY_RESIDENCY, .needs = VMP_NEED_VISION },
  { "vampire:reason",
    "A model that reasons before it answers.",
    VMP_PREFER_LOADED, VMP_STRATEGY_RESIDENCY, .needs = VMP_NEED_REASONING },
  { "vampire:embeddings",
    "A model for embeddings.",
    VMP_PREFER_LOADED, VMP_STRATEGY_RESIDENCY, .embeddings = TRUE, .takes_embeddings = TRUE },
  { "vampire:private",
    "Any model that fits on this computer or in a private network, on a trusted node first.",
    VMP_PREFER_LOADED, VMP_STRATEGY_PRIVACY_POLICY, .local_only = TRUE, .takes_embeddings = TRUE },
  { NULL }
};

const VmpVirtualModel *
vmp_virtual_models (void)
{
  return virtual_models;
}

const VmpVirtualModel *
vmp_virtual_model_find (const char *id)
{
  const VmpVirtualModel *model;

  if (!g_str_has_prefix (id, VMP_VIRTUAL_PREFIX))
    return NULL;

  for (model = virtual_models; model->id != NULL; model++)
    {
      if (g_str_equal (model->id, id))
        return model;
    }

  return NULL;
}

gboolean
vmp_virtual_model_takes (const VmpVirtualModel *self,
                         VmpModelKind           kind)
{
  return kind == VMP_MODEL_EMBEDDING ? self->takes_embeddings : !self->embeddings;
}

/* -- Size ---------------------------------------------------------------------------------- */

/* Any claim above this is none: the largest models have some thousand. */
#define MOST_PARAMETERS 100000.0

static double
believe (double parameters)
{
  return parameters > 0 && parameters <= MOST_PARAMETERS ? parameters : 0;
}

/* "26B-A4B", "8x7B", "540M", "1.5b"; 0 when @text does not begin so. @end: (out): behind it */
static double
read_count (const char  *text,
            const char **end)
{
  double times = 1;
  double number;
  char *after;

  *end = text;
  if (!g_ascii_isdigit (*text))
    return 0;

  number = g_ascii_strtod (text, &after);
  if (*after == 'x' && g_ascii_isdigit (after[1]))
    {
      times = number;
      number = g_ascii_strtod (after + 1, &after);
    }

  *end = after;
  switch (g_ascii_tolower (*after))
    {
    case 't':
      number *= 1000;
      break;

    case 'b':
      break;

    case 'm':
      number /= 1000;
      break;

    case 'k':
      number /= 1000 * 1000;
      break;

    default:
      return 0;
    }

  /* "4bit" and "8base" are something else. */
  if (g_ascii_isalnum (after[1]))
    return 0;

  return believe (times * number);
}

/* The first word of a name that is a number of parameters, as in "qwen3-8b". */
static double
read_name (const char *name)
{
  const char *cursor = name;
  gboolean begins_word = TRUE;

  while (*cursor != '\0')
    {
      const char *end = cursor;
      double parameters = begins_word ? read_count (cursor, &end) : 0;

      if (parameters > 0)
        return parameters;
      if (end == cursor)
        end++;
      begins_word = !g_ascii_isalnum (end[-1]) && end[-1] != '.';
      cursor = end;
    }

  return 0;
}

/* Bits of one parameter: of "Q4_K_M" 4, of "8bit" 8, of "F16" 16; most are kept with a little more than 4. */
static double
count_bits (const char *quantization)
{
  const char *digits = quantization != NULL ? strpbrk (quantization, "0123456789") : NULL;
  guint64 bits = digits != NULL ? g_ascii_strtoull (digits, NULL, 10) : 0;

  return bits >= 1 && bits <= 32 ? bits : 4;
}

double
vmp_model_count_parameters (const VmpModel *model)
{
  double parameters = 0;
  const char *end;

  if (model->parameters != NULL)
    parameters = read_count (model->parameters, &end);
  if (parameters <= 0)
    parameters = read_name (model->id);
  if (parameters <= 0 && model->size_bytes > 0)
    parameters = believe (model->size_bytes * 8.0 / (count_bits (model->quantization) + 0.5) / 1e9);

  return parameters;
}

/* -- Purpose ------------------------------------------------------------------------------- */

/* "encoder" and "decoder" are parts of models for anything. */
static gboolean
is_of_coder (const char *name,
             const char *code)
{
  return code - name >= 2 && (memcmp (code - 2, "en", 2) == 0 || memcmp (code - 2, "de", 2) == 0)
         && code[strlen ("code")] == 'r' && (code - name == 2 || !g_ascii_isalnum (code[-3]));
}

gboolean
vmp_model_is_for_code (const VmpModel *model)
{
  static const char * const others[] = { "devstral", "swe-" };
  g_autofree char *name = g_ascii_strdown (model->id, -1);
  const char *code;
  guint i;

  for (code = strstr (name, "code"); code != NULL; code = strstr (code + 1, "code"))
    {
      if (!is_of_coder (name, code))
        return TRUE;
    }

  for (i = 0; i < G_N_ELEMENTS (others); i++)
    {
      if (strstr (name, others[i]) != NULL)
        return TRUE;
    }

  return FALSE;
}

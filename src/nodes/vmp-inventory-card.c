/* SPDX-License-Identifier: MIT
 *
 * The members of a card in a node's list, and the facts that are made of them. All that a node writes passes through
 * here on its way into a model: ids are taken as they are or not at all, other texts are mended, numbers that cannot
 * be are not there.
 */

#include "nodes/vmp-inventory-private.h"

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* -- Members ------------------------------------------------------------------------------- */

char *
vmp_card_get_id (JsonObject *card,
                 const char *name)
{
  const char *id = vmp_json_get_string (card, name);
  gboolean after_space = TRUE;
  const char *next = id;

  if (id == NULL)
    return NULL;

  for (gsize n_chars = 0; *next != '\0'; n_chars++)
    {
      gunichar c = g_utf8_get_char (next);
      gboolean is_space = g_unichar_isspace (c);

      if (n_chars == VMP_LIMIT_MODEL_ID_CHARS || !vmp_text_is_plain (c) || (is_space && n_chars == 0))
        return NULL;

      after_space = is_space;
      next = g_utf8_next_char (next);
    }

  return after_space ? NULL : g_strndup (id, (gsize) (next - id));
}

char *
vmp_card_get_text (JsonObject *card,
                   const char *name)
{
  const char *text = vmp_json_get_string (card, name);
  g_autofree char *shown = NULL;

  if (text == NULL)
    return NULL;

  /* One less, for the ellipsis. */
  shown = g_strstrip (vmp_text_display (text, VMP_LIMIT_MODEL_TEXT_CHARS - 1));

  return *shown != '\0' ? g_steal_pointer (&shown) : NULL;
}

gint64
vmp_card_get_count (JsonObject *card,
                    const char *name,
                    gint64      max)
{
  gint64 count;

  return vmp_json_get_int (card, name, &count) && count > 0 && count <= max ? count : 0;
}

gboolean
vmp_card_has_word (JsonArray  *words,
                   const char *word)
{
  for (guint i = 0; i < json_array_get_length (words); i++)
    {
      JsonNode *node = json_array_get_element (words, i);

      if (JSON_NODE_HOLDS_VALUE (node) && g_strcmp0 (json_node_get_string (node), word) == 0)
        return TRUE;
    }

  return FALSE;
}

/* -- Facts --------------------------------------------------------------------------------- */

void
vmp_card_set_kind (VmpModel     *model,
                   VmpModelKind  kind,
                   VmpFactSource source)
{
  model->kind = kind;
  model->sources[VMP_MODEL_FACT_KIND] = source;
}

void
vmp_card_set_flag (VmpModel     *model,
                   VmpModelFact  fact,
                   gboolean      value,
                   VmpFactSource source)
{
  switch (fact)
    {
    case VMP_MODEL_FACT_LOADED:
      model->loaded = value;
      break;

    case VMP_MODEL_FACT_VISION:
      model->vision = value;
      break;

    case VMP_MODEL_FACT_TOOLS:
      model->tools = value;
      break;

    case VMP_MODEL_FACT_REASONING:
      model->reasoning = value;
      break;

    case VMP_MODEL_FACT_KIND:
    case VMP_MODEL_FACT_CONTEXT:
    case VMP_N_MODEL_FACTS:
      g_assert_not_reached ();
    }

  model->sources[fact] = source;
}

void
vmp_card_set_context (VmpModel     *model,
                      gint64        context,
                      VmpFactSource source)
{
  if (context == 0)
    return;

  model->context_limit = context;
  model->sources[VMP_MODEL_FACT_CONTEXT] = source;
}

/* Whether a text in lower case has this as a word of its own: between other characters than letters and digits. */
static gboolean
has_word (const char *text,
          const char *word)
{
  gsize length = strlen (word);

  for (const char *found = strstr (text, word); found != NULL; found = strstr (found + 1, word))
    {
      if ((found == text || !g_ascii_isalnum (found[-1])) && !g_ascii_isalnum (found[length]))
        return TRUE;
    }

  return FALSE;
}

gboolean
vmp_card_looks_like_embedding (const VmpModel *model)
{
  /* Before the slash is a publisher, such as EmbeddedLLM. */
  const char *slash = strrchr (model->id, '/');
  g_autofree char *name = g_ascii_strdown (slash != NULL ? slash + 1 : model->id, -1);
  g_autofree char *architecture = NULL;

  if (strstr (name, "minilm") != NULL || has_word (name, "bge") || has_word (name, "e5") || has_word (name, "gte"))
    return TRUE;

  if (strstr (name, "embed") != NULL && strstr (name, "embedded") == NULL)
    return TRUE;

  /* bert, nomic-bert, xlm-roberta, gemma-embedding */
  if (model->architecture == NULL)
    return FALSE;

  architecture = g_ascii_strdown (model->architecture, -1);
  return strstr (architecture, "bert") != NULL || strstr (architecture, "embed") != NULL;
}

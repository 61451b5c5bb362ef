/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of inventories and of the JSON below them. An input is up to three answers with a NUL between them: a
 * list, which is read as each kind, what Ollama says is running, and its details of one model. Whatever they hold, each
 * inventory keeps the promises of its header; and what is taken for JSON is JSON for the span scanner, too.
 */

#include "fuzz.h"

#include <string.h>

#include "core/vmp-json-scan.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "nodes/vmp-inventory.h"

#define ANSWERS 3

typedef struct {
  char *body; /* of exactly so many bytes */
  gsize len;
} Answer;

/* -- JSON ---------------------------------------------------------------------------------- */

/* Why the parser may refuse what the scanner takes. The last: the scanner sees a document inside another one. */
static gboolean
is_a_reason_of_its_own (const char *message)
{
  static const char * const reasons[] = {
    "nested too deeply", "too many values", "an object with too many members",
    "a string with a NUL or half a character",
    "something follows its end",
  };

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    {
      if (strstr (message, reasons[i]) != NULL)
        return TRUE;
    }

  return FALSE;
}

static void
check_json (const Answer *answer)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = vmp_json_parse (answer->body, answer->len, &error);
  g_autoptr (GString) wrapped = g_string_new ("{\"x\":");
  g_autoptr (JsonNode) again = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *reprinted = NULL;
  VmpJsonScan scan;
  gboolean is_json;

  g_string_append_len (wrapped, answer->body, (gssize) answer->len);
  g_string_append_c (wrapped, '}');
  is_json = vmp_json_scan (wrapped->str, wrapped->len, &scan);

  if (root == NULL)
    {
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_true (!is_json || is_a_reason_of_its_own (error->message));
      return;
    }
  g_assert_true (is_json);

  /* What was read, written and read again stays the same. */
  printed = vmp_json_print (root);
  again = vmp_json_parse (printed, strlen (printed), &error);
  g_assert_no_error (error);
  reprinted = vmp_json_print (again);
  g_assert_cmpstr (printed, ==, reprinted);
}

/* -- Inventories --------------------------------------------------------------------------- */

static void
check_text (const char *text,
            glong       most)
{
  if (text == NULL)
    return;

  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_cmpint (g_utf8_strlen (text, -1), >, 0);
  g_assert_cmpint (g_utf8_strlen (text, -1), <=, most);
  for (; *text != '\0'; text = g_utf8_next_char (text))
    g_assert_true (vmp_text_is_plain (g_utf8_get_char (text)));
}

static void
check_id (const char *id)
{
  g_autofree char *stripped = g_strstrip (g_strdup (id));

  g_assert_cmpstr (id, !=, NULL);
  check_text (id, VMP_LIMIT_MODEL_ID_CHARS);
  g_assert_cmpstr (id, ==, stripped);
  g_assert_cmpint (g_ascii_strncasecmp (stripped, "vampire:", 8) == 0, ==, FALSE);
}

static void
check_instances (const VmpModel *model)
{
  g_assert_cmpuint (model->instances->len, <=, VMP_LIMIT_MODEL_INSTANCES);
  g_assert_true (model->loaded || model->instances->len == 0);

  for (guint i = 0; i < model->instances->len; i++)
    {
      const VmpModelInstance *instance = model->instances->pdata[i];

      g_assert_cmpstr (instance->id, !=, NULL);
      check_text (instance->id, VMP_LIMIT_MODEL_ID_CHARS);
      g_assert_cmpint (instance->context_length, >=, 0);
      g_assert_cmpint (instance->context_length, <=, VMP_LIMIT_MODEL_CONTEXT);
      g_assert_cmpuint (instance->parallel, <=, VMP_LIMIT_MODEL_PARALLEL);
    }
}

static void
check_sources (const VmpModel *model)
{
  for (guint fact = 0; fact < VMP_N_MODEL_FACTS; fact++)
    g_assert_true (model->sources[fact] <= VMP_FACT_DETECTED);

  g_assert_true (model->kind < VMP_N_MODEL_KINDS);
  g_assert_true (model->sources[VMP_MODEL_FACT_KIND] != VMP_FACT_UNKNOWN || model->kind == VMP_MODEL_LLM);
  g_assert_true (model->sources[VMP_MODEL_FACT_LOADED] != VMP_FACT_UNKNOWN || !model->loaded);
  g_assert_true (model->sources[VMP_MODEL_FACT_VISION] != VMP_FACT_UNKNOWN || !model->vision);
  g_assert_true (model->sources[VMP_MODEL_FACT_TOOLS] != VMP_FACT_UNKNOWN || !model->tools);
  g_assert_true (model->sources[VMP_MODEL_FACT_REASONING] != VMP_FACT_UNKNOWN || !model->reasoning);
  g_assert_cmpint (model->sources[VMP_MODEL_FACT_CONTEXT] != VMP_FACT_UNKNOWN, ==, model->context_limit > 0);
}

static void
check_members (const VmpModel *model)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *printed = NULL;

  json_builder_begin_object (builder);
  vmp_model_add_members (model, builder);
  json_builder_end_object (builder);

  printed = vmp_json_builder_print (builder);
  root = vmp_json_parse (printed, strlen (printed), NULL);
  g_assert_nonnull (root);
}

static void
check_model (const VmpModel *model)
{
  check_id (model->id);
  check_text (model->display_name, VMP_LIMIT_MODEL_TEXT_CHARS);
  check_text (model->publisher, VMP_LIMIT_MODEL_TEXT_CHARS);
  check_text (model->owned_by, VMP_LIMIT_MODEL_TEXT_CHARS);
  check_text (model->parameters, VMP_LIMIT_MODEL_TEXT_CHARS);
  check_text (model->quantization, VMP_LIMIT_MODEL_TEXT_CHARS);
  check_text (model->format, VMP_LIMIT_MODEL_TEXT_CHARS);
  check_text (model->architecture, VMP_LIMIT_MODEL_TEXT_CHARS);

  for (char **option = model->reasoning_options; option != NULL && *option != NULL; option++)
    check_text (*option, VMP_LIMIT_MODEL_TEXT_CHARS);

  g_assert_true (model->context_limit >= 0 && model->context_limit <= VMP_LIMIT_MODEL_CONTEXT);
  g_assert_true (model->size_bytes >= 0 && model->size_bytes <= VMP_LIMIT_MODEL_BYTES);
  g_assert_cmpint (model->created, >=, 0);

  check_instances (model);
  check_sources (model);
  check_members (model);
}

static void
check_inventory (const VmpInventory *inventory)
{
  g_assert_true (inventory->provider > VMP_PROVIDER_AUTO && inventory->provider < VMP_N_PROVIDERS);
  g_assert_cmpuint (inventory->models->len, <=, VMP_LIMIT_NODE_MODELS);
  g_assert_cmpuint (g_hash_table_size (inventory->by_id), ==, inventory->models->len);

  for (guint i = 0; i < inventory->models->len; i++)
    {
      const VmpModel *model = inventory->models->pdata[i];

      g_assert_true (g_hash_table_lookup (inventory->by_id, model->id) == model);
      check_model (model);
    }
}

/* The same models, in the same order. */
static void
check_same_ids (const VmpInventory *a,
                const VmpInventory *b)
{
  g_assert_cmpuint (a->models->len, ==, b->models->len);
  g_assert_cmpuint (a->n_skipped, ==, b->n_skipped);

  for (guint i = 0; i < a->models->len; i++)
    g_assert_cmpstr (((VmpModel *) a->models->pdata[i])->id, ==, ((VmpModel *) b->models->pdata[i])->id);
}

static void
check_additions (VmpInventory *tags,
                 const Answer *ps,
                 const Answer *show)
{
  g_autoptr (VmpInventory) running = vmp_inventory_add_running (tags, ps->body, ps->len);
  g_autoptr (VmpInventory) detailed = vmp_inventory_ref (running);
  g_autoptr (VmpInventory) kept = NULL;

  check_inventory (running);
  check_same_ids (tags, running);

  for (guint i = 0; i < MIN (running->models->len, 3); i++)
    {
      const VmpModel *model = running->models->pdata[i];
      VmpInventory *next = vmp_inventory_add_details (detailed, model->id, show->body, show->len);

      vmp_inventory_unref (detailed);
      detailed = next;
    }
  check_inventory (detailed);
  check_same_ids (tags, detailed);

  kept = vmp_inventory_add_known (tags, detailed);
  check_inventory (kept);
  check_same_ids (tags, kept);
}

static void
check_lists (const Answer *answers)
{
  const Answer *list = &answers[0];

  for (VmpListKind kind = 0; kind < VMP_N_LISTS; kind++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmpInventory) inventory = vmp_inventory_parse (kind, list->body, list->len, NULL, &error);
      g_autoptr (VmpInventory) again = vmp_inventory_parse (kind, list->body, list->len, NULL, NULL);

      if (inventory == NULL)
        {
          check_text (error->message, 1000);
          g_assert_null (again);
          continue;
        }

      check_inventory (inventory);
      g_assert_true (vmp_inventory_equal (inventory, again));
      check_additions (inventory, &answers[1], &answers[2]);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  Answer answers[ANSWERS] = { 0 };

  for (guint i = 0; i < ANSWERS; i++)
    {
      const guint8 *nul = i < ANSWERS - 1 && size > 0 ? memchr (data, '\0', size) : NULL;
      gsize len = nul != NULL ? (gsize) (nul - data) : size;

      answers[i].body = g_malloc (MAX (len, 1));
      answers[i].len = len;
      memcpy (answers[i].body, data, len);

      len += nul != NULL ? 1 : 0;
      data += len;
      size -= len;
    }

  for (guint i = 0; i < ANSWERS; i++)
    check_json (&answers[i]);
  check_lists (answers);

  for (guint i = 0; i < ANSWERS; i++)
    g_free (answers[i].body);

  return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The virtual models' table, and what is read of models' names and sizes.
 */

#include "routing/vmp-virtual.h"

#include <string.h>

static void
test_table (void)
{
  static const char * const ids[] = {
    "vampire:auto", "vampire:fast", "vampire:balanced", "vampire:best", "vampire:large-context", "vampire:code",
    "vampire:vision", "vampire:reason", "vampire:embeddings", "vampire:private"
  };
  const VmpVirtualModel *model = vmp_virtual_models ();
  guint i;

  for (i = 0; i < G_N_ELEMENTS (ids); i++, model++)
    {
      g_assert_cmpstr (model->id, ==, ids[i]);
      g_assert_true (vmp_virtual_model_find (ids[i]) == model);
      g_assert_cmpint (model->about[strlen (model->about) - 1], ==, '.');
      g_assert_nonnull (vmp_strategy_to_string (model->strategy));
    }
  g_assert_null (model->id);

  g_assert_null (vmp_virtual_model_find ("vampire:"));
  g_assert_null (vmp_virtual_model_find ("vampire:AUTO"));
  g_assert_null (vmp_virtual_model_find ("auto"));
  g_assert_null (vmp_virtual_model_find (""));
}

/* A chat model is never asked for embeddings, nor the other way round. */
static void
test_kinds (void)
{
  const VmpVirtualModel *model;

  for (model = vmp_virtual_models (); model->id != NULL; model++)
    {
      gboolean is_for_both = g_str_equal (model->id, "vampire:auto") || g_str_equal (model->id, "vampire:private");
      gboolean is_for_embeddings = g_str_equal (model->id, "vampire:embeddings");

      g_assert_cmpint (vmp_virtual_model_takes (model, VMP_MODEL_LLM), ==, !is_for_embeddings);
      g_assert_cmpint (vmp_virtual_model_takes (model, VMP_MODEL_EMBEDDING), ==, is_for_both || is_for_embeddings);
    }
}

static void
test_parameters (void)
{
  static const struct {
    const char *id;
    const char *parameters;
    gint64 size_bytes;
    const char *quantization;
    double expected;
  } cases[] = {
    { "m", "26B-A4B", 0, NULL, 26 },
    { "m", "540M", 0, NULL, 0.54 },
    { "m", "8x7B", 0, NULL, 56 },
    { "m", "1.5b", 0, NULL, 1.5 },
    { "m", "1T", 0, NULL, 1000 },
    { "m", "tiny", 0, NULL, 0 },
    { "m", "9999999999999B", 0, NULL, 0 },
    { "m", "-4B", 0, NULL, 0 },
    { "qwen/qwen3-8b", NULL, 0, NULL, 8 },
    { "llama3.2:3b-instruct-q4", NULL, 0, NULL, 3 },
    { "Qwen2.5-0.5B", NULL, 0, NULL, 0.5 },
    { "gemma-4bit", NULL, 0, NULL, 0 },
    { "phi-4", NULL, 0, NULL, 0 },
    { "v2b3", NULL, 0, NULL, 0 },
    { "", NULL, 0, NULL, 0 },
    { "m", NULL, 4500000000, "Q4_K_M", 8 },
    { "m", NULL, 8500000000, "8bit", 8 },
    { "m", NULL, 16500000000, "F16", 8 },
    { "m", NULL, 4500000000, NULL, 8 },
    { "m", NULL, G_MAXINT64, NULL, 0 },
    { "qwen3-8b", "4B", 0, NULL, 4 },
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VmpModel) model = vmp_model_new (cases[i].id);

      model->parameters = g_strdup (cases[i].parameters);
      model->size_bytes = cases[i].size_bytes;
      model->quantization = g_strdup (cases[i].quantization);
      g_test_message ("%s %s", cases[i].id, cases[i].parameters != NULL ? cases[i].parameters : "");
      g_assert_cmpfloat_with_epsilon (vmp_model_count_parameters (model), cases[i].expected, 1e-9);
    }
}

static void
test_code (void)
{
  static const char * const coders[] = {
    "qwen/qwen2.5-coder-7b", "codestral-22b", "CodeLlama-13b", "starcoder2", "deepseek-coder-v2", "mistralai/devstral",
    "codegemma", "granite-8b-code", "qwencoder"
  };
  static const char * const others[] = {
    "qwen3-8b", "cross-encoder", "text-encoder-2", "decoder", "cod", "gpt-oss", ""
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (coders); i++)
    {
      g_autoptr (VmpModel) model = vmp_model_new (coders[i]);

      g_test_message ("%s", coders[i]);
      g_assert_true (vmp_model_is_for_code (model));
    }
  for (i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autoptr (VmpModel) model = vmp_model_new (others[i]);

      g_test_message ("%s", others[i]);
      g_assert_false (vmp_model_is_for_code (model));
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/virtual/table", test_table);
  g_test_add_func ("/virtual/kinds", test_kinds);
  g_test_add_func ("/virtual/parameters", test_parameters);
  g_test_add_func ("/virtual/code", test_code);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * Tests of a model's record: comparison, copies, and what is told of it in JSON.
 */

#include "core/vmp-model.h"

#include <string.h>

/* A model of which everything is told. */
static VmpModel *
full_model (void)
{
  VmpModel *model = vmp_model_new ("google/gemma");
  VmpModelInstance *instance = vmp_model_add_instance (model, "google/gemma");

  instance->context_length = 4096;
  instance->parallel = 4;
  instance = vmp_model_add_instance (model, "google/gemma:2");
  instance->context_length = 8192;

  model->display_name = g_strdup ("Gemma");
  model->publisher = g_strdup ("google");
  model->owned_by = g_strdup ("organization_owner");
  model->kind = VMP_MODEL_VLM;
  model->loaded = TRUE;
  model->context_limit = 262144;
  model->size_bytes = 17990911801;
  model->parameters = g_strdup ("26B-A4B");
  model->quantization = g_strdup ("Q4_K_M");
  model->format = g_strdup ("gguf");
  model->architecture = g_strdup ("gemma4");
  model->vision = TRUE;
  model->tools = TRUE;
  model->reasoning = TRUE;
  model->reasoning_options = g_strsplit ("off on", " ", -1);
  model->created = 1700000000;
  for (guint fact = 0; fact < VMP_N_MODEL_FACTS; fact++)
    model->sources[fact] = VMP_FACT_DECLARED;

  return model;
}

static void
assert_members (const VmpModel *model,
                const char     *expected)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *printed = NULL;

  json_builder_begin_object (builder);
  vmp_model_add_members (model, builder);
  json_builder_end_object (builder);

  printed = vmp_json_builder_print (builder);
  g_assert_cmpstr (printed, ==, expected);
}

static void
test_names (void)
{
  g_assert_cmpstr (vmp_model_kind_to_string (VMP_MODEL_LLM), ==, "llm");
  g_assert_cmpstr (vmp_model_kind_to_string (VMP_MODEL_VLM), ==, "vlm");
  g_assert_cmpstr (vmp_model_kind_to_string (VMP_MODEL_EMBEDDING), ==, "embedding");

  g_assert_cmpstr (vmp_fact_source_to_string (VMP_FACT_UNKNOWN), ==, "unknown");
  g_assert_cmpstr (vmp_fact_source_to_string (VMP_FACT_DECLARED), ==, "declared");
  g_assert_cmpstr (vmp_fact_source_to_string (VMP_FACT_DETECTED), ==, "detected");
  g_assert_cmpstr (vmp_fact_source_to_string (VMP_FACT_OWNER), ==, "owner");
}

static void
test_can_chat (void)
{
  g_autoptr (VmpModel) model = vmp_model_new ("m");

  g_assert_true (vmp_model_can_chat (model));
  model->kind = VMP_MODEL_VLM;
  g_assert_true (vmp_model_can_chat (model));
  model->kind = VMP_MODEL_EMBEDDING;
  g_assert_false (vmp_model_can_chat (model));
}

static void
test_new_knows_nothing (void)
{
  g_autoptr (VmpModel) model = vmp_model_new ("m");

  g_assert_cmpstr (model->id, ==, "m");
  assert_members (model,
                  "{\"display_name\":null,\"publisher\":null,\"kind\":null,\"loaded\":null,\"instances\":null,"
                  "\"context_window\":null,\"max_context_length\":null,\"size_bytes\":null,\"parameters\":null,"
                  "\"quantization\":null,\"format\":null,\"architecture\":null,\"capabilities\":{\"vision\":null,"
                  "\"tools\":null,\"reasoning\":null,\"reasoning_options\":null},\"sources\":{\"kind\":\"unknown\","
                  "\"loaded\":\"unknown\",\"context\":\"unknown\",\"vision\":\"unknown\",\"tools\":\"unknown\","
                  "\"reasoning\":\"unknown\"}}");
}

static void
test_members (void)
{
  g_autoptr (VmpModel) model = full_model ();

  model->sources[VMP_MODEL_FACT_KIND] = VMP_FACT_DETECTED;
  model->sources[VMP_MODEL_FACT_TOOLS] = VMP_FACT_OWNER;
  assert_members (model,
                  "{\"display_name\":\"Gemma\",\"publisher\":\"google\",\"kind\":\"vlm\",\"loaded\":true,"
                  "\"instances\":[{\"id\":\"google/gemma\",\"context_length\":4096,\"parallel\":4},"
                  "{\"id\":\"google/gemma:2\",\"context_length\":8192,\"parallel\":null}],"
                  "\"context_window\":4096,\"max_context_length\":262144,\"size_bytes\":17990911801,"
                  "\"parameters\":\"26B-A4B\",\"quantization\":\"Q4_K_M\",\"format\":\"gguf\","
                  "\"architecture\":\"gemma4\",\"capabilities\":{\"vision\":true,\"tools\":true,\"reasoning\":true,"
                  "\"reasoning_options\":[\"off\",\"on\"]},"
                  "\"sources\":{\"kind\":\"detected\",\"loaded\":\"declared\",\"context\":\"declared\","
                  "\"vision\":\"declared\",\"tools\":\"owner\",\"reasoning\":\"declared\"}}");
}

/* Known not to be in memory is something else than not known. */
static void
test_members_when_not_loaded (void)
{
  g_autoptr (VmpModel) model = vmp_model_new ("m");
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *printed = NULL;

  model->sources[VMP_MODEL_FACT_LOADED] = VMP_FACT_DECLARED;
  json_builder_begin_object (builder);
  vmp_model_add_members (model, builder);
  json_builder_end_object (builder);
  printed = vmp_json_builder_print (builder);

  g_assert_nonnull (strstr (printed, "\"loaded\":false,\"instances\":[],\"context_window\":null,"));
}

/* -- Comparison ---------------------------------------------------------------------------- */

static void
set_text (char      **text,
          const char *value)
{
  g_free (*text);
  *text = g_strdup (value);
}

/* Changes one thing; FALSE when there are no more. */
static gboolean
change (VmpModel *model,
        guint     which)
{
  VmpModelInstance *instance = model->instances->pdata[1];

  switch (which)
    {
    case 0:
      set_text (&model->id, "other");
      return TRUE;
    case 1:
      set_text (&model->display_name, NULL);
      return TRUE;
    case 2:
      set_text (&model->publisher, "other");
      return TRUE;
    case 3:
      set_text (&model->owned_by, "other");
      return TRUE;
    case 4:
      model->kind = VMP_MODEL_LLM;
      return TRUE;
    case 5:
      model->loaded = FALSE;
      return TRUE;
    case 6:
      model->context_limit++;
      return TRUE;
    case 7:
      model->size_bytes++;
      return TRUE;
    case 8:
      set_text (&model->parameters, "other");
      return TRUE;
    case 9:
      set_text (&model->quantization, "other");
      return TRUE;
    case 10:
      set_text (&model->format, "other");
      return TRUE;
    case 11:
      set_text (&model->architecture, "other");
      return TRUE;
    case 12:
      model->vision = FALSE;
      return TRUE;
    case 13:
      model->tools = FALSE;
      return TRUE;
    case 14:
      model->reasoning = FALSE;
      return TRUE;
    case 15:
      set_text (&model->reasoning_options[1], "low");
      return TRUE;
    case 16:
      g_clear_pointer (&model->reasoning_options, g_strfreev);
      return TRUE;
    case 17:
      model->created++;
      return TRUE;
    case 18:
      set_text (&instance->id, "other");
      return TRUE;
    case 19:
      instance->context_length++;
      return TRUE;
    case 20:
      instance->parallel++;
      return TRUE;
    case 21:
      g_ptr_array_remove_index (model->instances, 1);
      return TRUE;
    default:
      if (which - 22 >= VMP_N_MODEL_FACTS)
        return FALSE;
      model->sources[which - 22] = VMP_FACT_DETECTED;
      return TRUE;
    }
}

static void
test_equal (void)
{
  g_autoptr (VmpModel) model = full_model ();
  g_autoptr (VmpModel) same = full_model ();
  g_autoptr (VmpModel) empty = vmp_model_new ("google/gemma");

  g_assert_true (vmp_model_equal (model, model));
  g_assert_true (vmp_model_equal (model, same));
  g_assert_true (vmp_model_equal (empty, empty));
  g_assert_false (vmp_model_equal (model, empty));
  g_assert_false (vmp_model_equal (empty, model));
}

static void
test_every_difference_counts (void)
{
  for (guint which = 0;; which++)
    {
      g_autoptr (VmpModel) model = full_model ();
      g_autoptr (VmpModel) other = full_model ();

      if (!change (other, which))
        break;

      g_test_message ("change %u", which);
      g_assert_false (vmp_model_equal (model, other));
      g_assert_false (vmp_model_equal (other, model));
    }
}

static void
test_copy (void)
{
  for (guint which = 0;; which++)
    {
      g_autoptr (VmpModel) model = full_model ();
      g_autoptr (VmpModel) copy = vmp_model_copy (model);
      g_autoptr (VmpModel) untouched = full_model ();

      g_assert_true (vmp_model_equal (model, copy));
      if (!change (copy, which))
        break;

      g_assert_false (vmp_model_equal (model, copy));
      g_assert_true (vmp_model_equal (model, untouched));
    }
}

static void
test_references (void)
{
  VmpModel *model = full_model ();
  VmpModel *other = vmp_model_ref (model);

  g_assert_true (other == model);
  vmp_model_unref (model);
  g_assert_cmpstr (other->id, ==, "google/gemma");
  vmp_model_unref (other);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/model/names", test_names);
  g_test_add_func ("/model/can-chat", test_can_chat);
  g_test_add_func ("/model/members/new-knows-nothing", test_new_knows_nothing);
  g_test_add_func ("/model/members/everything", test_members);
  g_test_add_func ("/model/members/not-loaded", test_members_when_not_loaded);
  g_test_add_func ("/model/equal/same", test_equal);
  g_test_add_func ("/model/equal/every-difference-counts", test_every_difference_counts);
  g_test_add_func ("/model/copy", test_copy);
  g_test_add_func ("/model/references", test_references);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of a model's record: its life, its comparison, its members in JSON. Where the facts come from is
 * not known here.
 */

#include "core/vmp-model.h"

static const char * const kind_names[VMP_N_MODEL_KINDS] = {
  [VMP_MODEL_LLM] = "llm",
  [VMP_MODEL_VLM] = "vlm",
  [VMP_MODEL_EMBEDDING] = "embedding",
};

static const char * const source_names[VMP_N_FACT_SOURCES] = {
  [VMP_FACT_UNKNOWN] = "unknown",
  [VMP_FACT_DECLARED] = "declared",
  [VMP_FACT_DETECTED] = "detected",
  [VMP_FACT_OWNER] = "owner",
};

static const char * const fact_names[VMP_N_MODEL_FACTS] = {
  [VMP_MODEL_FACT_KIND] = "kind",
  [VMP_MODEL_FACT_LOADED] = "loaded",
  [VMP_MODEL_FACT_CONTEXT] = "context",
  [VMP_MODEL_FACT_VISION] = "vision",
  [VMP_MODEL_FACT_TOOLS] = "tools",
  [VMP_MODEL_FACT_REASONING] = "reasoning",
};

const char *
vmp_model_kind_to_string (VmpModelKind kind)
{
  g_return_val_if_fail (kind < VMP_N_MODEL_KINDS, NULL);

  return kind_names[kind];
}

const char *
vmp_fact_source_to_string (VmpFactSource source)
{
  g_return_val_if_fail (source < VMP_N_FACT_SOURCES, NULL);

  return source_names[source];
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
instance_free (gpointer data)
{
  VmpModelInstance *instance = data;

  g_free (instance->id);
  g_free (instance);
}

VmpModel *
vmp_model_new (const char *id)
{
  VmpModel *self = g_rc_box_new0 (VmpModel);

  self->id = g_strdup (id);
  self->instances = g_ptr_array_new_with_free_func (instance_free);

  return self;
}

VmpModel *
vmp_model_ref (VmpModel *self)
{
  return g_rc_box_acquire (self);
}

VmpModel *
vmp_model_copy (const VmpModel *self)
{
  VmpModel *copy = g_rc_box_dup (sizeof *self, (VmpModel *) self);

  copy->id = g_strdup (self->id);
  copy->display_name = g_strdup (self->display_name);
  copy->publisher = g_strdup (self->publisher);
  copy->owned_by = g_strdup (self->owned_by);
  copy->parameters = g_strdup (self->parameters);
  copy->quantization = g_strdup (self->quantization);
  copy->format = g_strdup (self->format);
  copy->architecture = g_strdup (self->architecture);
  copy->reasoning_options = g_strdupv (self->reasoning_options);

  copy->instances = g_ptr_array_new_with_free_func (instance_free);
  for (guint i = 0; i < self->instances->len; i++)
    {
      const VmpModelInstance *instance = self->instances->pdata[i];
      VmpModelInstance *own = vmp_model_add_instance (copy, instance->id);

      own->context_length = instance->context_length;
      own->parallel = instance->parallel;
    }

  return copy;
}

static void
model_clear (gpointer data)
{
  VmpModel *self = data;

  g_free (self->id);
  g_free (self->display_name);
  g_free (self->publisher);
  g_free (self->owned_by);
  g_ptr_array_unref (self->instances);
  g_free (self->parameters);
  g_free (self->quantization);
  g_free (self->format);
  g_free (self->architecture);
  g_strfreev (self->reasoning_options);
}

void
vmp_model_unref (VmpModel *self)
{
  g_rc_box_release_full (self, model_clear);
}

VmpModelInstance *
vmp_model_add_instance (VmpModel   *self,
                        const char *id)
{
  VmpModelInstance *instance = g_new0 (VmpModelInstance, 1);

  instance->id = g_strdup (id);
  g_ptr_array_add (self->instances, instance);

  return instance;
}

/* -- Comparison ---------------------------------------------------------------------------- */

static gboolean
instances_equal (const GPtrArray *a,
                 const GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;

  for (guint i = 0; i < a->len; i++)
    {
      const VmpModelInstance *one = a->pdata[i];
      const VmpModelInstance *other = b->pdata[i];

      if (g_strcmp0 (one->id, other->id) != 0 ||
          one->context_length != other->context_length ||
          one->parallel != other->parallel)
        return FALSE;
    }

  return TRUE;
}

static gboolean
options_equal (char **a,
               char **b)
{
  if (a == NULL || b == NULL)
    return a == b;

  return g_strv_equal ((const char * const *) a, (const char * const *) b);
}

gboolean
vmp_model_equal (const VmpModel *a,
                 const VmpModel *b)
{
  if (a == b)
    return TRUE;

  for (guint fact = 0; fact < VMP_N_MODEL_FACTS; fact++)
    {
      if (a->sources[fact] != b->sources[fact])
        return FALSE;
    }

  return g_strcmp0 (a->id, b->id) == 0 &&
         g_strcmp0 (a->display_name, b->display_name) == 0 &&
         g_strcmp0 (a->publisher, b->publisher) == 0 &&
         g_strcmp0 (a->owned_by, b->owned_by) == 0 &&
         a->kind == b->kind &&
         a->loaded == b->loaded &&
         a->context_limit == b->context_limit &&
         a->size_bytes == b->size_bytes &&
         g_strcmp0 (a->parameters, b->parameters) == 0 &&
         g_strcmp0 (a->quantization, b->quantization) == 0 &&
         g_strcmp0 (a->format, b->format) == 0 &&
         g_strcmp0 (a->architecture, b->architecture) == 0 &&
         a->vision == b->vision &&
         a->tools == b->tools &&
         a->reasoning == b->reasoning &&
         options_equal (a->reasoning_options, b->reasoning_options) &&
         a->created == b->created &&
         instances_equal (a->instances, b->instances);
}

gboolean
vmp_model_can_chat (const VmpModel *self)
{
  return self->kind != VMP_MODEL_EMBEDDING;
}

/* -- JSON ---------------------------------------------------------------------------------- */

static gboolean
is_known (const VmpModel *self,
          VmpModelFact    fact)
{
  return self->sources[fact] != VMP_FACT_UNKNOWN;
}

/* A number of which 0 means that it was not told. */
static void
add_count (JsonBuilder *builder,
           const char  *name,
           gint64       value)
{
  if (value > 0)
    vmp_json_add_int (builder, name, value);
  else
    vmp_json_add_null (builder, name);
}

static void
add_flag (const VmpModel *self,
          JsonBuilder    *builder,
          VmpModelFact    fact,
          gboolean        value)
{
  if (is_known (self, fact))
    vmp_json_add_boolean (builder, fact_names[fact], value);
  else
    vmp_json_add_null (builder, fact_names[fact]);
}

static void
add_instances (const VmpModel *self,
               JsonBuilder    *builder)
{
  gint64 window = 0;

  if (!is_known (self, VMP_MODEL_FACT_LOADED))
    {
      vmp_json_add_null (builder, "instances");
      vmp_json_add_null (builder, "context_window");
      return;
    }

  json_builder_set_member_name (builder, "instances");
  json_builder_begin_array (builder);
  for (guint i = 0; i < self->instances->len; i++)
    {
      const VmpModelInstance *instance = self->instances->pdata[i];

      if (window == 0)
        window = instance->context_length;

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "id", instance->id);
      add_count (builder, "context_length", instance->context_length);
      add_count (builder, "parallel", instance->parallel);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);

  add_count (builder, "context_window", window);
}

void
vmp_model_add_members (const VmpModel *self,
                       JsonBuilder    *builder)
{
  vmp_json_add_string (builder, "display_name", self->display_name);
  vmp_json_add_string (builder, "publisher", self->publisher);
  vmp_json_add_string (builder, "kind",
                       is_known (self, VMP_MODEL_FACT_KIND) ? vmp_model_kind_to_string (self->kind) : NULL);
  add_flag (self, builder, VMP_MODEL_FACT_LOADED, self->loaded);
  add_instances (self, builder);
  add_count (builder, "max_context_length", self->context_limit);
  add_count (builder, "size_bytes", self->size_bytes);
  vmp_json_add_string (builder, "parameters", self->parameters);
  vmp_json_add_string (builder, "quantization", self->quantization);
  vmp_json_add_string (builder, "format", self->format);
  vmp_json_add_string (builder, "architecture", self->architecture);

  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_object (builder);
  add_flag (self, builder, VMP_MODEL_FACT_VISION, self->vision);
  add_flag (self, builder, VMP_MODEL_FACT_TOOLS, self->tools);
  add_flag (self, builder, VMP_MODEL_FACT_REASONING, self->reasoning);
  vmp_json_add_strings (builder, "reasoning_options", (const char * const *) self->reasoning_options);
  json_builder_end_object (builder);

  json_builder_set_member_name (builder, "sources");
  json_builder_begin_object (builder);
  for (guint fact = 0; fact < VMP_N_MODEL_FACTS; fact++)
    vmp_json_add_string (builder, fact_names[fact], vmp_fact_source_to_string (self->sources[fact]));
  json_builder_end_object (builder);
}

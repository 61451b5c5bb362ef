/* SPDX-License-Identifier: MIT
 *
 * See vmp-route-draft.h.
 */

#include "app/windows/vmp-route-draft.h"

#include "core/vmp-json.h"
#include "core/vmp-limits.h"

/* -- A target ------------------------------------------------------------------------------ */

struct _VmpDraftTarget {
  GObject parent_instance;

  char *node;
  char *model;
  double weight;
};

G_DEFINE_FINAL_TYPE (VmpDraftTarget, vmp_draft_target, G_TYPE_OBJECT)

static void
vmp_draft_target_finalize (GObject *object)
{
  VmpDraftTarget *self = VMP_DRAFT_TARGET (object);

  g_free (self->node);
  g_free (self->model);

  G_OBJECT_CLASS (vmp_draft_target_parent_class)->finalize (object);
}

static void
vmp_draft_target_class_init (VmpDraftTargetClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmp_draft_target_finalize;
}

static void
vmp_draft_target_init (VmpDraftTarget *self)
{
}

VmpDraftTarget *
vmp_draft_target_new (const char *node,
                      const char *model,
                      double      weight)
{
  VmpDraftTarget *self = g_object_new (VMP_TYPE_DRAFT_TARGET, NULL);

  self->node = g_strdup (node);
  self->model = g_strdup (model);
  self->weight = weight;

  return self;
}

const char *
vmp_draft_target_get_node (VmpDraftTarget *self)
{
  return self->node;
}

const char *
vmp_draft_target_get_model (VmpDraftTarget *self)
{
  return self->model;
}

double
vmp_draft_target_get_weight (VmpDraftTarget *self)
{
  return self->weight;
}

void
vmp_draft_target_set_weight (VmpDraftTarget *self,
                             double          weight)
{
  self->weight = weight;
}

/* -- Reading ------------------------------------------------------------------------------- */

static const char * const weight_names[VMP_DRAFT_N_WEIGHTS] = {
  [VMP_DRAFT_WEIGHT_LATENCY] = "latency",
  [VMP_DRAFT_WEIGHT_SPEED] = "tokens_per_second",
  [VMP_DRAFT_WEIGHT_QUEUE] = "queue_depth",
  [VMP_DRAFT_WEIGHT_QUALITY] = "quality_score",
};

static void
read_targets (VmpRouteDraft *self,
              JsonArray     *targets)
{
  guint n = targets != NULL ? json_array_get_length (targets) : 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *element = json_array_get_element (targets, i);
      JsonObject *object = JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
      const char *node = vmp_json_get_string (object, "node");
      const char *model = vmp_json_get_string (object, "model");
      double weight = 1;
      g_autoptr (VmpDraftTarget) target = NULL;

      if (node == NULL || model == NULL)
        continue;
      vmp_json_get_double (object, "weight", &weight);
      target = vmp_draft_target_new (node, model, weight);
      g_list_store_append (self->targets, target);
    }
}

static gboolean
names_capability (JsonArray  *names,
                  const char *name)
{
  guint n = names != NULL ? json_array_get_length (names) : 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *element = json_array_get_element (names, i);

      if (JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_STRING &&
          g_strcmp0 (json_node_get_string (element), name) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
read_constraints (VmpRouteDraft *self,
                  JsonObject    *constraints)
{
  JsonArray *names = vmp_json_get_array (constraints, "required_capabilities");

  if (constraints == NULL)
    return;

  self->constraints = json_object_ref (constraints);
  vmp_json_get_int (constraints, "min_context_window", &self->min_context);
  vmp_json_get_double (constraints, "max_latency_ms", &self->max_latency_ms);
  vmp_json_get_int (constraints, "max_queue_depth", &self->max_queue);
  vmp_json_get_boolean (constraints, "trusted_only", &self->trusted_only);
  vmp_json_get_boolean (constraints, "local_only", &self->local_only);
  self->vision = names_capability (names, "vision");
  self->tools = names_capability (names, "tools");
  self->reasoning = names_capability (names, "reasoning");
}

static void
read_weights (VmpRouteDraft *self,
              JsonObject    *weights)
{
  for (guint i = 0; i < VMP_DRAFT_N_WEIGHTS; i++)
    self->weights[i] = 1;
  if (weights == NULL)
    return;

  for (guint i = 0; i < VMP_DRAFT_N_WEIGHTS; i++)
    {
      self->weights[i] = 0;
      self->has_weights |= vmp_json_get_double (weights, weight_names[i], &self->weights[i]);
    }
}

VmpRouteDraft *
vmp_route_draft_new (JsonObject *route)
{
  VmpRouteDraft *self = g_new0 (VmpRouteDraft, 1);

  self->targets = g_list_store_new (VMP_TYPE_DRAFT_TARGET);
  self->max_queue = -1;
  read_weights (self, vmp_json_get_object (route, "weights"));
  if (route == NULL)
    return self;

  self->id = g_strdup (vmp_json_get_string (route, "id"));
  self->virtual_model = g_strdup (vmp_json_get_string (route, "virtual_model"));
  self->strategy = g_strdup (vmp_json_get_string (route, "strategy"));
  self->fallback = g_strdup (vmp_json_get_string (route, "fallback"));
  read_targets (self, vmp_json_get_array (route, "targets"));
  read_constraints (self, vmp_json_get_object (route, "constraints"));

  return self;
}

void
vmp_route_draft_free (VmpRouteDraft *self)
{
  if (self == NULL)
    return;

  g_free (self->id);
  g_free (self->virtual_model);
  g_free (self->strategy);
  g_free (self->fallback);
  g_object_unref (self->targets);
  g_clear_pointer (&self->constraints, json_object_unref);
  g_free (self);
}

/* -- Targets ------------------------------------------------------------------------------- */

void
vmp_route_draft_move (VmpRouteDraft  *self,
                      VmpDraftTarget *target,
                      int             by)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->targets));
  g_autoptr (VmpDraftTarget) moved = g_object_ref (target);
  guint position;

  if (!g_list_store_find (self->targets, target, &position) || (by < 0 && position == 0) ||
      (by > 0 && position + 1 == n))
    return;

  g_list_store_remove (self->targets, position);
  g_list_store_insert (self->targets, by < 0 ? position - 1 : position + 1, moved);
}

void
vmp_route_draft_remove (VmpRouteDraft  *self,
                        VmpDraftTarget *target)
{
  guint position;

  if (g_list_store_find (self->targets, target, &position))
    g_list_store_remove (self->targets, position);
}

gboolean
vmp_route_draft_add (VmpRouteDraft *self,
                     const char    *node,
                     const char    *model)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->targets));
  g_autoptr (VmpDraftTarget) target = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpDraftTarget) other = g_list_model_get_item (G_LIST_MODEL (self->targets), i);

      if (g_str_equal (other->node, node) && g_str_equal (other->model, model))
        return FALSE;
    }
  target = vmp_draft_target_new (node, model, 1);
  g_list_store_append (self->targets, target);

  return TRUE;
}

/* -- Writing ------------------------------------------------------------------------------- */

static void
add_targets (VmpRouteDraft *self,
             JsonBuilder   *builder)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->targets));

  json_builder_set_member_name (builder, "targets");
  json_builder_begin_array (builder);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpDraftTarget) target = g_list_model_get_item (G_LIST_MODEL (self->targets), i);

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "node", target->node);
      vmp_json_add_string (builder, "model", target->model);
      vmp_json_add_double (builder, "weight", target->weight);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

/* Members that nobody here knows, and capabilities that nobody here can switch. */
static void
keep_unknown (VmpRouteDraft *self,
              JsonBuilder   *builder)
{
  static const char * const known[] = { "min_context_window", "max_latency_ms", "max_queue_depth", "trusted_only",
                                        "local_only", "required_capabilities", NULL };
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (self->constraints == NULL)
    return;

  json_object_iter_init_ordered (&iter, self->constraints);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      if (g_strv_contains (known, name))
        continue;
      json_builder_set_member_name (builder, name);
      json_builder_add_value (builder, json_node_copy (value));
    }
}

static void
add_capabilities (VmpRouteDraft *self,
                  JsonBuilder   *builder)
{
  static const char * const switched[] = { "vision", "tools", "reasoning", NULL };
  const gboolean on[] = { self->vision, self->tools, self->reasoning };
  JsonArray *names = vmp_json_get_array (self->constraints, "required_capabilities");
  guint n = names != NULL ? json_array_get_length (names) : 0;

  json_builder_set_member_name (builder, "required_capabilities");
  json_builder_begin_array (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (on); i++)
    {
      if (on[i])
        json_builder_add_string_value (builder, switched[i]);
    }
  for (guint i = 0; i < n; i++)
    {
      JsonNode *element = json_array_get_element (names, i);

      if (JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_STRING &&
          !g_strv_contains (switched, json_node_get_string (element)))
        json_builder_add_string_value (builder, json_node_get_string (element));
    }
  json_builder_end_array (builder);
}

static void
add_constraints (VmpRouteDraft *self,
                 JsonBuilder   *builder)
{
  json_builder_set_member_name (builder, "constraints");
  json_builder_begin_object (builder);
  keep_unknown (self, builder);
  if (self->min_context > 0)
    vmp_json_add_int (builder, "min_context_window", self->min_context);
  if (self->max_latency_ms > 0)
    vmp_json_add_double (builder, "max_latency_ms", self->max_latency_ms);
  if (self->max_queue >= 0)
    vmp_json_add_int (builder, "max_queue_depth", self->max_queue);
  if (self->trusted_only)
    vmp_json_add_boolean (builder, "trusted_only", TRUE);
  if (self->local_only)
    vmp_json_add_boolean (builder, "local_only", TRUE);
  add_capabilities (self, builder);
  json_builder_end_object (builder);
}

static void
add_weights (VmpRouteDraft *self,
             JsonBuilder   *builder)
{
  if (!self->has_weights)
    {
      vmp_json_add_null (builder, "weights");
      return;
    }

  json_builder_set_member_name (builder, "weights");
  json_builder_begin_object (builder);
  for (guint i = 0; i < VMP_DRAFT_N_WEIGHTS; i++)
    vmp_json_add_double (builder, weight_names[i], self->weights[i]);
  json_builder_end_object (builder);
}

JsonNode *
vmp_route_draft_to_body (VmpRouteDraft *self,
                         gboolean       with_id)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  if (with_id)
    vmp_json_add_string (builder, "id", self->id);
  vmp_json_add_string (builder, "virtual_model", self->virtual_model);
  vmp_json_add_string (builder, "strategy", self->strategy);
  vmp_json_add_string (builder, "fallback", self->fallback);
  add_targets (self, builder);
  add_constraints (self, builder);
  add_weights (self, builder);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

char *
vmp_route_draft_make_id (const char *virtual_model)
{
  GString *id = g_string_new (NULL);

  g_return_val_if_fail (virtual_model != NULL, g_string_free (id, FALSE));

  for (const char *p = virtual_model; *p != '\0' && id->len < VMP_LIMIT_ID_CHARS; p++)
    {
      if (g_ascii_isalnum (*p) || *p == '.' || *p == '_')
        g_string_append_c (id, g_ascii_tolower (*p));
      else if (id->len > 0 && id->str[id->len - 1] != '-')
        g_string_append_c (id, '-');
    }
  while (id->len > 0 && id->str[id->len - 1] == '-')
    g_string_truncate (id, id->len - 1);

  return g_string_free (id, FALSE);
}

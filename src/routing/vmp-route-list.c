/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpRouteList. A route is stored as the document that the control API shows of it.
 */

#include "routing/vmp-route-list.h"

#include "core/vmp-constraints.h"
#include "core/vmp-limits.h"

#include <string.h>

#define DEFAULT_STRATEGY VMP_STRATEGY_ROUND_ROBIN
#define DEFAULT_WEIGHT 1.0

struct _VmpRouteList {
  VmpStore *store;
  GPtrArray *routes;    /* of VmpRoute, which it owns, in the order in which they were made */
  GHashTable *by_id;    /* id -> VmpRoute */
  GHashTable *by_model; /* virtual model -> the first VmpRoute that was made for it */
};

/* -- One route ----------------------------------------------------------------------------- */

static void
target_free (gpointer data)
{
  VmpRouteTarget *target = data;

  g_free (target->node);
  g_free (target->model);
  g_free (target);
}

VmpRoute *
vmp_route_new (const char *id,
               const char *virtual_model)
{
  VmpRoute *self = g_new0 (VmpRoute, 1);

  self->id = g_strdup (id);
  self->virtual_model = g_strdup (virtual_model);
  self->targets = g_ptr_array_new_with_free_func (target_free);
  self->strategy = DEFAULT_STRATEGY;
  self->constraints = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (self->constraints, json_object_new ());

  return self;
}

VmpRoute *
vmp_route_copy (const VmpRoute *self)
{
  VmpRoute *copy = g_memdup2 (self, sizeof *self);
  guint i;

  copy->id = g_strdup (self->id);
  copy->virtual_model = g_strdup (self->virtual_model);
  copy->fallback = g_strdup (self->fallback);
  copy->constraints = json_node_copy (self->constraints);
  copy->given_weights = self->given_weights != NULL ? json_node_copy (self->given_weights) : NULL;
  copy->targets = g_ptr_array_new_with_free_func (target_free);
  for (i = 0; i < self->targets->len; i++)
    {
      const VmpRouteTarget *target = g_ptr_array_index (self->targets, i);

      vmp_route_add_target (copy, target->node, target->model, target->weight);
    }

  return copy;
}

void
vmp_route_free (VmpRoute *self)
{
  g_free (self->id);
  g_free (self->virtual_model);
  g_ptr_array_unref (self->targets);
  g_free (self->fallback);
  json_node_unref (self->constraints);
  g_clear_pointer (&self->given_weights, json_node_unref);
  g_free (self);
}

void
vmp_route_add_target (VmpRoute   *self,
                      const char *node,
                      const char *model,
                      double      weight)
{
  VmpRouteTarget *target = g_new (VmpRouteTarget, 1);

  target->node = g_strdup (node);
  target->model = g_strdup (model);
  target->weight = weight > 0 ? weight : DEFAULT_WEIGHT;
  g_ptr_array_add (self->targets, target);
}

void
vmp_route_set_fallback (VmpRoute   *self,
                        const char *fallback)
{
  char *former = self->fallback;

  self->fallback = g_strdup (fallback);
  g_free (former);
}

char *
vmp_route_set_constraints (VmpRoute   *self,
                           JsonObject *constraints)
{
  VmpConstraints required = { VMP_NEED_NOTHING, };
  char *fault = vmp_constraints_read (constraints, &required);

  if (fault != NULL)
    return fault;

  self->required = required;
  json_node_set_object (self->constraints, constraints);

  return NULL;
}

char *
vmp_route_set_weights (VmpRoute   *self,
                       JsonObject *weights)
{
  double read[VMP_N_WEIGHTS] = { 0, };
  gboolean has_weights = FALSE;
  char *fault = vmp_weights_read (weights, read, &has_weights);

  if (fault != NULL)
    return fault;

  self->has_weights = has_weights;
  memcpy (self->weights, read, sizeof read);
  g_clear_pointer (&self->given_weights, json_node_unref);
  if (json_object_get_size (weights) > 0)
    self->given_weights = json_node_init_object (json_node_alloc (), weights);

  return NULL;
}

void
vmp_route_build (const VmpRoute *self,
                 JsonBuilder    *builder)
{
  guint i;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", self->id);
  vmp_json_add_string (builder, "virtual_model", self->virtual_model);
  json_builder_set_member_name (builder, "targets");
  json_builder_begin_array (builder);
  for (i = 0; i < self->targets->len; i++)
    {
      const VmpRouteTarget *target = g_ptr_array_index (self->targets, i);

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "node", target->node);
      vmp_json_add_string (builder, "model", target->model);
      if (target->weight != DEFAULT_WEIGHT)
        vmp_json_add_double (builder, "weight", target->weight);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmp_json_add_string (builder, "strategy", vmp_strategy_to_string (self->strategy));
  vmp_json_add_string (builder, "fallback", self->fallback);
  json_builder_set_member_name (builder, "constraints");
  json_builder_add_value (builder, json_node_copy (self->constraints));
  if (self->given_weights != NULL)
    {
      json_builder_set_member_name (builder, "weights");
      json_builder_add_value (builder, json_node_copy (self->given_weights));
    }
  json_builder_end_object (builder);
}

static char *
print (const VmpRoute *route)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  vmp_route_build (route, builder);

  return vmp_json_builder_print (builder);
}

static void
read_targets (VmpRoute   *route,
              JsonObject *object)
{
  JsonArray *targets = vmp_json_get_array (object, "targets");
  guint n_targets = targets != NULL ? json_array_get_length (targets) : 0;
  guint i;

  for (i = 0; i < n_targets; i++)
    {
      JsonNode *element = json_array_get_element (targets, i);
      JsonObject *target = JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
      const char *node = vmp_json_get_string (target, "node");
      const char *model = vmp_json_get_string (target, "model");
      double weight = DEFAULT_WEIGHT;

      vmp_json_get_double (target, "weight", &weight);
      if (node != NULL && model != NULL)
        vmp_route_add_target (route, node, model, weight);
    }
}

/* NULL when a document is none of ours. */
static VmpRoute *
read_route (const char *id,
            const char *document)
{
  g_autoptr (JsonNode) root = vmp_json_parse (document, strlen (document), NULL);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *virtual_model = vmp_json_get_string (object, "virtual_model");
  const char *name = vmp_json_get_string (object, "strategy");
  JsonObject *constraints = vmp_json_get_object (object, "constraints");
  JsonObject *weights = vmp_json_get_object (object, "weights");
  g_autofree char *constraints_fault = NULL;
  g_autofree char *weights_fault = NULL;
  VmpStrategy strategy;
  VmpRoute *route;

  if (virtual_model == NULL || name == NULL || !vmp_strategy_from_string (name, &strategy))
    return NULL;

  route = vmp_route_new (id, virtual_model);
  route->strategy = strategy;
  vmp_route_set_fallback (route, vmp_json_get_string (object, "fallback"));
  read_targets (route, object);

  /* A constraint that cannot be understood could be the one that keeps requests at home. */
  if (constraints != NULL)
    constraints_fault = vmp_route_set_constraints (route, constraints);
  if (weights != NULL)
    weights_fault = vmp_route_set_weights (route, weights);
  if (constraints_fault != NULL || weights_fault != NULL)
    g_clear_pointer (&route, vmp_route_free);

  return route;
}

/* -- The list ------------------------------------------------------------------------------ */

VmpRouteList *
vmp_route_list_new (VmpStore *store)
{
  VmpRouteList *self = g_new0 (VmpRouteList, 1);

  self->store = store;
  self->routes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_route_free);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_model = g_hash_table_new (g_str_hash, g_str_equal);

  return self;
}

void
vmp_route_list_free (VmpRouteList *self)
{
  g_hash_table_unref (self->by_id);
  g_hash_table_unref (self->by_model);
  g_ptr_array_unref (self->routes);
  g_free (self);
}

/* Its keys are the routes' own strings, so it is made anew when one goes. */
static void
index_models (VmpRouteList *self)
{
  guint i;

  g_hash_table_remove_all (self->by_model);
  for (i = 0; i < self->routes->len; i++)
    {
      VmpRoute *route = g_ptr_array_index (self->routes, i);

      if (!g_hash_table_contains (self->by_model, route->virtual_model))
        g_hash_table_insert (self->by_model, route->virtual_model, route);
    }
}

/* FALSE when the list is full; the route is freed then. */
static gboolean
add (VmpRouteList *self,
     VmpRoute     *route)
{
  VmpRoute *former = g_hash_table_lookup (self->by_id, route->id);
  guint place;

  if (former == NULL && self->routes->len >= VMP_LIMIT_ROUTES)
    {
      vmp_route_free (route);
      return FALSE;
    }

  if (former == NULL)
    {
      g_ptr_array_add (self->routes, route);
    }
  else
    {
      g_ptr_array_find (self->routes, former, &place);
      g_hash_table_remove (self->by_id, former->id);
      vmp_route_free (former);
      g_ptr_array_index (self->routes, place) = route;
    }
  g_hash_table_insert (self->by_id, route->id, route);

  return TRUE;
}

static void
load_one (gpointer    user_data,
          const char *id,
          const char *document)
{
  VmpRoute *route = read_route (id, document);

  if (route == NULL)
    g_warning ("The stored route %s cannot be read; make it anew with `vampire route add`", id);
  else if (!add (user_data, route))
    g_warning ("The stored route %s is left out: there are %d already", id, VMP_LIMIT_ROUTES);
}

void
vmp_route_list_load (VmpRouteList *self)
{
  vmp_store_for_each (self->store, VMP_STORE_ROUTES, load_one, self);
  index_models (self);
}

gboolean
vmp_route_list_put (VmpRouteList *self,
                    VmpRoute     *route)
{
  if (!add (self, route))
    return FALSE;

  index_models (self);
  vmp_store_put (self->store, VMP_STORE_ROUTES, route->id, print (route), NULL, NULL);

  return TRUE;
}

gboolean
vmp_route_list_remove (VmpRouteList *self,
                       const char   *id)
{
  VmpRoute *route = g_hash_table_lookup (self->by_id, id);

  if (route == NULL)
    return FALSE;

  vmp_store_put (self->store, VMP_STORE_ROUTES, id, NULL, NULL, NULL);
  g_hash_table_remove (self->by_id, id);
  g_ptr_array_remove (self->routes, route); /* @id may have been its own */
  index_models (self);

  return TRUE;
}

const VmpRoute *
vmp_route_list_find (VmpRouteList *self,
                     const char   *id)
{
  return g_hash_table_lookup (self->by_id, id);
}

const VmpRoute *
vmp_route_list_find_model (VmpRouteList *self,
                           const char   *virtual_model)
{
  return g_hash_table_lookup (self->by_model, virtual_model);
}

/* What a virtual model would mean if @route was in its place: a new one comes last. */
static const VmpRoute *
find_with (VmpRouteList   *self,
           const VmpRoute *route,
           const char     *virtual_model)
{
  guint i;

  for (i = 0; i < self->routes->len; i++)
    {
      const VmpRoute *other = g_ptr_array_index (self->routes, i);

      if (g_str_equal (other->id, route->id))
        other = route;
      if (g_str_equal (other->virtual_model, virtual_model))
        return other;
    }

  return g_str_equal (route->virtual_model, virtual_model) ? route : NULL;
}

char *
vmp_route_list_find_cycle (VmpRouteList   *self,
                           const VmpRoute *route)
{
  g_autoptr (GString) chain = g_string_new (route->virtual_model);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  const VmpRoute *next = route;

  /* A circle that @route is not part of ends the walk, too. */
  while (next != NULL && next->fallback != NULL && g_hash_table_add (seen, (gpointer) next))
    {
      g_string_append_printf (chain, ", %s", next->fallback);
      next = find_with (self, route, next->fallback);
      if (next == route)
        return g_string_free (g_steal_pointer (&chain), FALSE);
    }

  return NULL;
}

GPtrArray *
vmp_route_list_get_all (VmpRouteList *self)
{
  return self->routes;
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpRouteList. A route is stored as the document that the control API shows of it.
 */

#include "routing/vmp-route-list.h"

#include "core/vmp-limits.h"

#include <string.h>

#define DEFAULT_STRATEGY "round_robin"

struct _VmpRouteList {
  VmpStore *store;
  GPtrArray *routes;    /* of VmpRoute, which it owns, in the order in which they were made */
  GHashTable *by_id;    /* id -> VmpRoute */
  GHashTable *by_model; /* virtual model -> the first VmpRoute that was made for it */
};

/* All of the first seed's, and those that its papers plan. */
static const char * const strategies[] = {
  "round_robin",
  "weighted_round_robin",
  "least_busy",
  "least_latency",
  "highest_tokens_per_second",
  "best_available",
  "model_affinity",
  "context_window",
  "trusted_only",
  "power_saver",
  "fallback_chain",
  "quality_score",
  "cost_score",
  "privacy_policy",
  "residency",
  "prefix_affinity",
  NULL,
};

gboolean
vmp_route_is_strategy (const char *name)
{
  return g_strv_contains (strategies, name);
}

const char * const *
vmp_route_strategies (void)
{
  return strategies;
}

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
  self->strategy = g_strdup (DEFAULT_STRATEGY);
  self->constraints = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (self->constraints, json_object_new ());

  return self;
}

void
vmp_route_free (VmpRoute *self)
{
  g_free (self->id);
  g_free (self->virtual_model);
  g_ptr_array_unref (self->targets);
  g_free (self->strategy);
  g_free (self->fallback);
  json_node_unref (self->constraints);
  g_free (self);
}

void
vmp_route_add_target (VmpRoute   *self,
                      const char *node,
                      const char *model)
{
  VmpRouteTarget *target = g_new (VmpRouteTarget, 1);

  target->node = g_strdup (node);
  target->model = g_strdup (model);
  g_ptr_array_add (self->targets, target);
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
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmp_json_add_string (builder, "strategy", self->strategy);
  vmp_json_add_string (builder, "fallback", self->fallback);
  json_builder_set_member_name (builder, "constraints");
  json_builder_add_value (builder, json_node_copy (self->constraints));
  json_builder_end_object (builder);
}

static char *
print (const VmpRoute *route)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  vmp_route_build (route, builder);

  return vmp_json_builder_print (builder);
}

/* NULL when a document is none of ours. */
static VmpRoute *
read_route (const char *id,
            const char *document)
{
  g_autoptr (JsonNode) root = vmp_json_parse (document, strlen (document), NULL);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *virtual_model = object != NULL ? vmp_json_get_string (object, "virtual_model") : NULL;
  const char *strategy = object != NULL ? vmp_json_get_string (object, "strategy") : NULL;
  JsonObject *constraints;
  JsonArray *targets;
  VmpRoute *route;
  guint n_targets;
  guint i;

  if (virtual_model == NULL || strategy == NULL || !vmp_route_is_strategy (strategy))
    return NULL;

  route = vmp_route_new (id, virtual_model);
  g_free (route->strategy);
  route->strategy = g_strdup (strategy);
  route->fallback = g_strdup (vmp_json_get_string (object, "fallback"));
  constraints = vmp_json_get_object (object, "constraints");
  if (constraints != NULL)
    json_node_set_object (route->constraints, constraints);

  targets = vmp_json_get_array (object, "targets");
  n_targets = targets != NULL ? json_array_get_length (targets) : 0;
  for (i = 0; i < n_targets; i++)
    {
      JsonNode *element = json_array_get_element (targets, i);
      JsonObject *target = JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
      const char *node = target != NULL ? vmp_json_get_string (target, "node") : NULL;
      const char *model = target != NULL ? vmp_json_get_string (target, "model") : NULL;

      if (node != NULL && model != NULL)
        vmp_route_add_target (route, node, model);
    }

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

GPtrArray *
vmp_route_list_get_all (VmpRouteList *self)
{
  return self->routes;
}

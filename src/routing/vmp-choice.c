/* SPDX-License-Identifier: MIT
 *
 * Implementation of the choice.
 */

#include "routing/vmp-choice.h"

#include "core/vmp-text.h"

#include <string.h>

/* Nodes that are compared for one request. With more of them they take turns, so that a request costs the same among
 * ten nodes and among ten thousand. */
#define COMPARED_NODES 64

/* Routes that stand in for one another in a row. */
#define FALLBACKS 8

/* Characters of a model's name that a message repeats. */
#define SHOWN_CHARS 100

void
vmp_choice_clear (VmpChoice *self)
{
  g_clear_pointer (&self->node, vmp_node_unref);
  g_clear_pointer (&self->model, g_free);
  g_clear_pointer (&self->message, g_free);
}

static void
take (VmpChoice  *choice,
      VmpNode    *node,
      const char *model)
{
  choice->node = vmp_node_ref (node);
  choice->model = g_strdup (model);
}

/* @before and @after: the sentence around the name, which comes from a client. */
static void
refuse (VmpChoice  *choice,
        VmpProblem  problem,
        gboolean    may_be_stale,
        const char *before,
        const char *name,
        const char *after)
{
  g_autofree char *shown = vmp_text_display (name, SHOWN_CHARS);

  choice->problem = problem;
  choice->may_be_stale = may_be_stale;
  choice->message = g_strconcat (before, shown, after, NULL);
}

gboolean
vmp_choice_came_through (const VmpNode      *node,
                         const VmpHttpField *fields,
                         guint               n_fields)
{
  guint i;

  if (node->instance == NULL)
    return FALSE;

  for (i = 0; i < n_fields; i++)
    {
      if (vmp_slice_equal_nocase (fields[i].name, "Via")
          && g_strstr_len (fields[i].value.data, fields[i].value.len, node->instance) != NULL)
        return TRUE;
    }

  return FALSE;
}

static gboolean
came_through_any (GPtrArray              *nodes,
                  const VmpChoiceRequest *request)
{
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      if (vmp_choice_came_through (g_ptr_array_index (nodes, i), request->fields, request->n_fields))
        return TRUE;
    }

  return FALSE;
}

static gboolean
is_ready (const VmpNode          *node,
          const VmpChoiceRequest *request)
{
  return vmp_node_is_ready (node, request->now) && !vmp_choice_came_through (node, request->fields, request->n_fields);
}

/* Where the next comparison begins. Only turns depend on it, so one for all will do. */
static guint
next_turn (void)
{
  static guint turn = 0;

  return turn++;
}

/* Whether a request may go there if there is nowhere better: its breaker is open, but somebody was there. */
static gboolean
is_last_resort (const VmpNode          *node,
                const VmpChoiceRequest *request)
{
  return node->approval == VMP_APPROVAL_APPROVED && node->service == VMP_NODE_IN_SERVICE
         && (node->health == VMP_NODE_ONLINE || node->health == VMP_NODE_DEGRADED)
         && !vmp_choice_came_through (node, request->fields, request->n_fields);
}

/* The least busy of the nodes that are ready, else of those that at least are not off; or NULL. An idle one is as
 * good as it gets. */
static VmpNode *
least_busy (GPtrArray              *nodes,
            const VmpChoiceRequest *request)
{
  VmpNode *best = NULL;
  VmpNode *last_resort = NULL;
  guint first = nodes->len > 0 ? next_turn () % nodes->len : 0;
  guint compared = 0;
  guint i;

  for (i = 0; i < nodes->len && compared < COMPARED_NODES; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, (first + i) % nodes->len);
      VmpNode **place = is_ready (node, request) ? &best : &last_resort;

      if (place == &last_resort && !is_last_resort (node, request))
        continue;
      compared++;
      if (*place == NULL || node->active_requests < (*place)->active_requests)
        *place = node;
      if (best != NULL && best->active_requests == 0)
        break;
    }

  return best != NULL ? best : last_resort;
}

static gboolean
fits (const VmpModel *model,
      VmpModelKind    kind)
{
  return kind == VMP_MODEL_EMBEDDING ? model->kind == VMP_MODEL_EMBEDDING : vmp_model_can_chat (model);
}

/* Of a node's models, the one for a request that leaves the choice to us: a loaded one, else the first. */
static VmpModel *
any_model (const VmpNode *node,
           VmpModelKind   kind)
{
  VmpModel *first = NULL;
  guint i;

  for (i = 0; node->inventory != NULL && i < node->inventory->models->len; i++)
    {
      VmpModel *model = g_ptr_array_index (node->inventory->models, i);

      if (!fits (model, kind))
        continue;
      if (model->loaded)
        return model;
      if (first == NULL)
        first = model;
    }

  return first;
}

/* Any model on any node: one that is loaded before one that would have to be, then the least busy node. */
static gboolean
choose_any (VmpRegistry            *registry,
            const VmpChoiceRequest *request,
            VmpChoice              *choice)
{
  GPtrArray *nodes = vmp_registry_get_nodes (registry);
  VmpNode *best = NULL;
  VmpModel *best_model = NULL;
  guint first = nodes->len > 0 ? next_turn () % nodes->len : 0;
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, (first + i) % nodes->len);
      VmpModel *model;

      if (!is_ready (node, request) || (model = any_model (node, request->kind)) == NULL)
        continue;

      if (best == NULL || (model->loaded && !best_model->loaded)
          || (model->loaded == best_model->loaded && node->active_requests < best->active_requests))
        {
          best = node;
          best_model = model;
        }
      if (best_model->loaded && best->active_requests == 0)
        break;
    }

  if (best == NULL)
    return FALSE;

  take (choice, best, best_model->id);
  return TRUE;
}

/* The targets of a route that can be asked now; the first of the least busy. */
static gboolean
choose_target (VmpRegistry            *registry,
               const VmpRoute         *route,
               const VmpChoiceRequest *request,
               VmpChoice              *choice)
{
  VmpNode *best = NULL;
  const char *best_model = NULL;
  guint n = route->targets->len;
  guint first = n > 0 ? next_turn () % n : 0;
  guint i;

  for (i = 0; i < n; i++)
    {
      const VmpRouteTarget *target = g_ptr_array_index (route->targets, (first + i) % n);
      VmpNode *node = vmp_registry_find (registry, target->node);

      if (node == NULL || !is_ready (node, request) || vmp_node_find_model (node, target->model) == NULL)
        continue;
      if (best == NULL || node->active_requests < best->active_requests)
        {
          best = node;
          best_model = target->model;
        }
    }

  if (best == NULL)
    return FALSE;

  take (choice, best, best_model);
  return TRUE;
}

/* A virtual model: its route, then what stands in for it. */
static void
choose_virtual (VmpRegistry            *registry,
                VmpRouteList           *routes,
                const VmpChoiceRequest *request,
                VmpChoice              *choice)
{
  const char *name = request->model;
  guint i;

  for (i = 0; i < FALLBACKS && name != NULL; i++)
    {
      const VmpRoute *route = vmp_route_list_find_model (routes, name);

      if (route != NULL && choose_target (registry, route, request, choice))
        return;
      if (route == NULL && g_str_equal (name, VMP_MODEL_AUTO) && choose_any (registry, request, choice))
        return;
      name = route != NULL ? route->fallback : NULL;
    }

  refuse (choice, VMP_PROBLEM_NO_ROUTE_TARGET, TRUE, "No online route target available for ", request->model, ".");
}

/* "model@node". FALSE when there is no such node. */
static gboolean
choose_named (VmpRegistry            *registry,
              const VmpChoiceRequest *request,
              VmpChoice              *choice)
{
  const char *model = request->model;
  const char *at = strrchr (model, '@');
  VmpNode *node = at != NULL ? vmp_registry_find (registry, at + 1) : NULL;
  g_autofree char *name = NULL;

  if (node == NULL || node->approval != VMP_APPROVAL_APPROVED)
    return FALSE;

  name = g_strndup (model, at - model);
  if (!is_last_resort (node, request))
    refuse (choice, VMP_PROBLEM_NO_ROUTE_TARGET, TRUE, "The node that ", model,
            " names cannot be asked now.");
  else if (vmp_node_find_model (node, name) == NULL)
    refuse (choice, VMP_PROBLEM_MODEL_NOT_FOUND, TRUE, "The node that ", model,
            " names does not have this model.");
  else
    take (choice, node, name);

  return TRUE;
}

/* The default node as it is, for what names no model and while nobody's models are known. */
static void
choose_default (VmpRegistry *registry,
                const char  *model,
                VmpChoice   *choice)
{
  VmpNode *node = vmp_registry_get_default (registry);

  /* One that is off is asked all the same: the error that brings says what to do. */
  if (node->approval != VMP_APPROVAL_APPROVED || node->service != VMP_NODE_IN_SERVICE)
    refuse (choice, VMP_PROBLEM_NO_ROUTE_TARGET, FALSE, "No node is in service for ",
            model != NULL ? model : "this request", ".");
  else if (node->token_state == VMP_TOKEN_NEEDED || node->token_state == VMP_TOKEN_REFUSED)
    refuse (choice, VMP_PROBLEM_NODE_TOKEN, TRUE,
            "The LM Studio server at ", node->base_url->text,
            " asks for a token: set it with \"vampire nodes token set\".");
  else
    take (choice, node, NULL);
}

void
vmp_choice_make (VmpRegistry            *registry,
                 VmpRouteList           *routes,
                 const VmpChoiceRequest *request,
                 VmpChoice              *choice)
{
  const char *model = request->model;
  GPtrArray *hosts;
  VmpNode *node;

  memset (choice, 0, sizeof *choice);
  if (model == NULL)
    {
      choose_default (registry, NULL, choice);
      return;
    }

  if (g_str_has_prefix (model, VMP_VIRTUAL_PREFIX) || vmp_route_list_find_model (routes, model) != NULL)
    {
      if (vmp_route_list_find_model (routes, model) != NULL || g_str_equal (model, VMP_MODEL_AUTO))
        choose_virtual (registry, routes, request, choice);
      else
        refuse (choice, VMP_PROBLEM_MODEL_NOT_FOUND, FALSE,
                "There is no virtual model ", model,
                "; GET /v1/models lists those there are.");
      return;
    }

  hosts = vmp_registry_find_hosts (registry, model);
  if (hosts != NULL)
    {
      node = least_busy (hosts, request);
      if (node != NULL)
        take (choice, node, NULL);
      else if (came_through_any (hosts, request))
        refuse (choice, VMP_PROBLEM_LOOP, TRUE,
                "This request came from the only gateway that has ", model,
                ", so it would go in a circle: the two are each other's nodes.");
      else
        refuse (choice, VMP_PROBLEM_NO_ROUTE_TARGET, TRUE,
                "Every node that has ", model,
                " is out of service or off at the moment.");
      return;
    }

  if (choose_named (registry, request, choice))
    return;

  if (vmp_registry_has_models (registry))
    refuse (choice, VMP_PROBLEM_MODEL_NOT_FOUND, TRUE,
            "No node that is online has the model ", model,
            "; GET /v1/models lists those there are.");
  else
    choose_default (registry, model, choice);
}

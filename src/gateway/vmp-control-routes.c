/* SPDX-License-Identifier: MIT
 *
 * The control API's routes: list, make or replace, change, and remove. It also has the table of what
 * vmp-control-preview.c answers.
 */

#include "gateway/vmp-control-routes-private.h"

#include "core/vmp-limits.h"

static void
publish (VmpControlRequest *request,
         const char        *id,
         const char        *state)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", id);
  vmp_json_add_string (builder, "state", state);
  json_builder_end_object (builder);
  vmp_events_add (request->gateway->events, "route", vmp_json_builder_print (builder));
}

/* (transfer full) */
static char *
print_route (const VmpRoute *route)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  vmp_route_build (route, builder);

  return vmp_json_builder_print (builder);
}

const VmpRoute *
vmp_control_find_route (VmpControlRequest *request)
{
  const VmpRoute *route = vmp_route_list_find (request->gateway->routes, request->parameters[0]);

  if (route == NULL)
    vmp_control_problem (request, VMP_PROBLEM_ROUTE_NOT_FOUND, "There is no route with this id.", "route not found");

  return route;
}

static void
build_listed_route (gpointer     item,
                    JsonBuilder *builder)
{
  vmp_route_build (item, builder);
}

static void
handle_list (VmpControlRequest *request)
{
  vmp_control_answer_all (request, vmp_route_list_get_all (request->gateway->routes), build_listed_route);
}

static void
handle_get (VmpControlRequest *request)
{
  const VmpRoute *route = vmp_control_find_route (request);

  if (route != NULL)
    vmp_control_answer (request, SOUP_STATUS_OK, print_route (route));
}

/* -- Reading ------------------------------------------------------------------------------- */

gboolean
vmp_control_read_strategy (VmpControlRequest *request,
                           VmpStrategy       *strategy)
{
  const char *name = vmp_json_get_string (request->body, "strategy");
  g_autofree char *strategies = NULL;
  g_autofree char *message = NULL;

  if (name == NULL || vmp_strategy_from_string (name, strategy))
    return TRUE;

  strategies = g_strjoinv (", ", (char **) vmp_strategy_names ());
  message = g_strdup_printf ("There is no such strategy; there are %s.", strategies);
  vmp_control_problem (request, VMP_PROBLEM_UNSUPPORTED_STRATEGY, message, "unsupported routing strategy");

  return FALSE;
}

void
vmp_control_refuse_member (VmpControlRequest *request,
                           const char        *member,
                           const char        *fault)
{
  g_autofree char *message = g_strconcat (member, ".", fault, NULL);

  vmp_control_invalid (request, "body", member, message, NULL);
}

/* Whether a virtual model may have that name. Else answers what has it. */
static gboolean
check_virtual_model (VmpControlRequest *request,
                     const char        *virtual_model)
{
  g_autofree char *message = NULL;
  g_autofree char *detail = NULL;

  if (vmp_registry_find_hosts (request->gateway->registry, virtual_model) == NULL)
    return TRUE;

  message = g_strdup_printf ("A node has a model with the id '%s'; give the virtual model another name.",
                             virtual_model);
  detail = g_strdup_printf ("virtual_model '%s' collides with a physical model id", virtual_model);
  vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, detail);

  return FALSE;
}

/* FALSE after having answered which one is wrong. */
static gboolean
read_targets (VmpControlRequest *request,
              VmpRoute          *route)
{
  JsonArray *targets = vmp_json_get_array (request->body, "targets");
  guint i;

  if (targets == NULL)
    return TRUE;

  g_ptr_array_set_size (route->targets, 0);
  for (i = 0; i < json_array_get_length (targets); i++)
    {
      JsonObject *target = json_array_get_object_element (targets, i);
      double weight = 1;

      vmp_json_get_double (target, "weight", &weight);
      if (weight <= 0)
        {
          g_autofree char *message = g_strdup_printf ("targets[%u].weight must be above 0.", i);

          vmp_control_invalid (request, "body", "targets", message, NULL);
          return FALSE;
        }
      vmp_route_add_target (route, vmp_json_get_string (target, "node"), vmp_json_get_string (target, "model"), weight);
    }

  return TRUE;
}

/* As those of vmp-route-list.h. */
typedef char *(*SetMember) (VmpRoute   *route,
                            JsonObject *object);

/* An object of the body, for @set. null takes away what there was; what is not given stays. FALSE after having answered
 * what is wrong with it. */
static gboolean
read_object (VmpControlRequest *request,
             VmpRoute          *route,
             const char        *member,
             SetMember          set)
{
  g_autoptr (JsonObject) nothing = json_object_new ();
  JsonObject *object = vmp_json_get_object (request->body, member);
  g_autofree char *fault = NULL;

  if (!json_object_has_member (request->body, member))
    return TRUE;

  fault = set (route, object != NULL ? object : nothing);
  if (fault == NULL)
    return TRUE;

  vmp_control_refuse_member (request, member, fault);

  return FALSE;
}

/* Changes a route as the body says. FALSE after having answered what is wrong. */
static gboolean
read_route (VmpControlRequest *request,
            VmpRoute          *route)
{
  const char *virtual_model = vmp_json_get_string (request->body, "virtual_model");

  if (!vmp_control_read_strategy (request, &route->strategy))
    return FALSE;

  if (virtual_model != NULL)
    {
      if (!check_virtual_model (request, virtual_model))
        return FALSE;
      g_free (route->virtual_model);
      route->virtual_model = g_strdup (virtual_model);
    }
  if (json_object_has_member (request->body, "fallback"))
    vmp_route_set_fallback (route, vmp_json_get_string (request->body, "fallback"));

  return read_targets (request, route) && read_object (request, route, "constraints", vmp_route_set_constraints)
         && read_object (request, route, "weights", vmp_route_set_weights);
}

/* -- Changing ------------------------------------------------------------------------------ */

/* Puts a route into the list and answers with it, or with why it cannot be. */
static void
store_route (VmpControlRequest *request,
             VmpRoute          *route)
{
  VmpRouteList *routes = request->gateway->routes;
  g_autoptr (VmpRoute) own = route;
  g_autofree char *cycle = vmp_route_list_find_cycle (routes, route);
  g_autofree char *message = NULL;
  g_autofree char *id = g_strdup (route->id);
  char *json;

  if (cycle != NULL)
    {
      message = g_strdup_printf ("The routes would stand in for one another in a circle: %s.", cycle);
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, NULL);
      return;
    }

  json = print_route (route);
  if (!vmp_route_list_put (routes, g_steal_pointer (&own)))
    {
      g_free (json);
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT,
                           "There are " G_STRINGIFY (VMP_LIMIT_ROUTES) " routes already; remove one first.", NULL);
      return;
    }

  publish (request, id, "stored");
  vmp_control_answer_stored (request, SOUP_STATUS_OK, json);
}

static void
handle_put (VmpControlRequest *request)
{
  const char *id = vmp_json_get_string (request->body, "id");
  g_autoptr (VmpRoute) route = NULL;

  if (!vmp_control_check_id (request, id))
    return;

  route = vmp_route_new (id, vmp_json_get_string (request->body, "virtual_model"));
  if (read_route (request, route))
    store_route (request, g_steal_pointer (&route));
}

static void
handle_change (VmpControlRequest *request)
{
  const VmpRoute *former = vmp_control_find_route (request);
  g_autoptr (VmpRoute) route = NULL;

  if (former == NULL)
    return;

  route = vmp_route_copy (former);
  if (read_route (request, route))
    store_route (request, g_steal_pointer (&route));
}

static void
handle_remove (VmpControlRequest *request)
{
  if (vmp_control_find_route (request) == NULL)
    return;

  vmp_route_list_remove (request->gateway->routes, request->parameters[0]);
  publish (request, request->parameters[0], "removed");
  vmp_control_answer_done (request, request->parameters[0], "removed");
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField target_fields[] = {
  { "node", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS },
  { "model", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS },
  { "weight", VMP_FIELD_NUMBER, .min = 0, .max = VMP_LIMIT_ROUTE_WEIGHT,
    .about = "For weighted_round_robin: above 0, and 1 when it is not given." },
  { NULL }
};

#define VIRTUAL_MODEL_ABOUT "What requests say in model."
#define FALLBACK_ABOUT "Another virtual model, or a model, for when no target can be used."
#define CONSTRAINTS_ABOUT "What a target has to be fit for: min_context_window, max_latency_ms, max_queue_depth, " \
                          "trusted_only, local_only, required_capabilities."
#define WEIGHTS_ABOUT "For best_available: latency, tokens_per_second, queue_depth, quality_score."

static const VmpField route_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS, .about = "Without a slash." },
  { "virtual_model", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS, .about = VIRTUAL_MODEL_ABOUT },
  { "targets", VMP_FIELD_OBJECTS, .nullable = TRUE, .max = VMP_LIMIT_ROUTE_TARGETS, .members = target_fields },
  { "strategy", VMP_FIELD_STRING, .nullable = TRUE, .about = "round_robin when it is not given." },
  { "fallback", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_MODEL_ID_CHARS, .about = FALLBACK_ABOUT },
  { "constraints", VMP_FIELD_OBJECT, .nullable = TRUE, .about = CONSTRAINTS_ABOUT },
  { "weights", VMP_FIELD_OBJECT, .nullable = TRUE, .about = WEIGHTS_ABOUT },
  { NULL }
};

/* Of a change: what is not given stays as it is. */
static const VmpField change_fields[] = {
  { "virtual_model", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = VIRTUAL_MODEL_ABOUT },
  { "targets", VMP_FIELD_OBJECTS, .nullable = TRUE, .max = VMP_LIMIT_ROUTE_TARGETS, .members = target_fields,
    .about = "All of them." },
  { "strategy", VMP_FIELD_STRING, .nullable = TRUE },
  { "fallback", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = FALLBACK_ABOUT " null: none." },
  { "constraints", VMP_FIELD_OBJECT, .nullable = TRUE, .about = CONSTRAINTS_ABOUT " null: none." },
  { "weights", VMP_FIELD_OBJECT, .nullable = TRUE, .about = WEIGHTS_ABOUT " null: all alike." },
  { NULL }
};

static const VmpField list_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = route_fields },
  { NULL }
};

static const VmpField removed_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "removed" },
  { NULL }
};

const VmpEndpoint vmp_control_route_endpoints[] = {
  { "GET", "/vampire/v1/routes", handle_list, NULL,
    "All routes, in the order in which they were made.", "listRoutes", list_answer },
  { "POST", "/vampire/v1/routes", handle_put, route_fields,
    "Makes a route, or replaces the one with its id.", "putRoute", route_fields },
  { "POST", "/vampire/v1/routes/preview", vmp_control_preview_route, vmp_control_preview_fields,
    "Which nodes a request would be tried at, in which order, and why not the others. Sends nothing.", "previewRoute",
    vmp_control_preview_answer },
  { "GET", "/vampire/v1/routes/{id}", handle_get, NULL,
    "One route.", "getRoute", route_fields },
  { "PATCH", "/vampire/v1/routes/{id}", handle_change, change_fields,
    "Changes what is given of a route.", "changeRoute", route_fields },
  { "GET", "/vampire/v1/routes/{id}/explain", vmp_control_explain_route, NULL,
    "Which of a route's targets a request would be tried at now, and why not the others.", "explainRoute",
    vmp_control_explain_answer },
  { "DELETE", "/vampire/v1/routes/{id}", handle_remove, NULL,
    "Removes a route.", "removeRoute", removed_answer },
  { "GET", "/vampire/v1/virtual_models", vmp_control_list_virtual_models, NULL,
    "The virtual models that are always there, and the strategies there are.", "listVirtualModels",
    vmp_control_virtual_models_answer },
  { NULL }
};

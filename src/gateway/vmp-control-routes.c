/* SPDX-License-Identifier: MIT
 *
 * The control API's routes: list, make or replace, and remove.
 */

#include "gateway/vmp-control.h"

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

static const VmpRoute *
find_route (VmpControlRequest *request)
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
  const VmpRoute *route = find_route (request);

  if (route != NULL)
    vmp_control_answer (request, SOUP_STATUS_OK, print_route (route));
}

static void
add_targets (VmpRoute   *route,
             JsonObject *body)
{
  JsonArray *targets = vmp_json_get_array (body, "targets");
  guint i;

  for (i = 0; targets != NULL && i < json_array_get_length (targets); i++)
    {
      JsonObject *target = json_array_get_object_element (targets, i);

      vmp_route_add_target (route, vmp_json_get_string (target, "node"), vmp_json_get_string (target, "model"));
    }
}

/* (transfer full) */
static VmpRoute *
read_route (JsonObject *body)
{
  VmpRoute *route = vmp_route_new (vmp_json_get_string (body, "id"), vmp_json_get_string (body, "virtual_model"));
  const char *strategy = vmp_json_get_string (body, "strategy");

  add_targets (route, body);
  if (strategy != NULL)
    {
      g_free (route->strategy);
      route->strategy = g_strdup (strategy);
    }
  g_free (route->fallback);
  route->fallback = g_strdup (vmp_json_get_string (body, "fallback"));
  if (vmp_json_get_object (body, "constraints") != NULL)
    {
      g_clear_pointer (&route->constraints, json_node_unref);
      route->constraints = json_node_copy (json_object_get_member (body, "constraints"));
    }

  return route;
}

static void
handle_put (VmpControlRequest *request)
{
  const char *id = vmp_json_get_string (request->body, "id");
  const char *strategy = vmp_json_get_string (request->body, "strategy");
  const char *virtual_model = vmp_json_get_string (request->body, "virtual_model");
  g_autofree char *strategies = NULL;
  g_autofree char *message = NULL;
  g_autofree char *detail = NULL;
  g_autofree char *json = NULL;
  VmpRoute *route;

  if (!vmp_control_check_id (request, id))
    return;
  if (strategy != NULL && !vmp_route_is_strategy (strategy))
    {
      strategies = g_strjoinv (", ", (char **) vmp_route_strategies ());
      message = g_strdup_printf ("There is no such strategy; there are %s.", strategies);
      vmp_control_problem (request, VMP_PROBLEM_UNSUPPORTED_STRATEGY, message, "unsupported routing strategy");
      return;
    }
  if (vmp_registry_find_hosts (request->gateway->registry, virtual_model) != NULL)
    {
      message = g_strdup_printf ("A node has a model with the id '%s'; give the virtual model another name.",
                                 virtual_model);
      detail = g_strdup_printf ("virtual_model '%s' collides with a physical model id", virtual_model);
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, detail);
      return;
    }

  route = read_route (request->body);
  json = print_route (route);
  if (!vmp_route_list_put (request->gateway->routes, route))
    {
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT,
                           "There are " G_STRINGIFY (VMP_LIMIT_ROUTES) " routes already; remove one first.", NULL);
      return;
    }

  publish (request, id, "stored");
  vmp_control_answer_stored (request, SOUP_STATUS_OK, g_steal_pointer (&json));
}

static void
handle_remove (VmpControlRequest *request)
{
  if (find_route (request) == NULL)
    return;

  vmp_route_list_remove (request->gateway->routes, request->parameters[0]);
  publish (request, request->parameters[0], "removed");
  vmp_control_answer_done (request, request->parameters[0], "removed");
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField target_fields[] = {
  { "node", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS },
  { "model", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS },
  { NULL }
};

static const VmpField route_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS, .about = "Without a slash." },
  { "virtual_model", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = "What requests say in model." },
  { "targets", VMP_FIELD_OBJECTS, .nullable = TRUE, .max = VMP_LIMIT_ROUTE_TARGETS, .members = target_fields },
  { "strategy", VMP_FIELD_STRING, .nullable = TRUE, .about = "round_robin when it is not given." },
  { "fallback", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = "Another virtual model, for when no target can be used." },
  { "constraints", VMP_FIELD_OBJECT, .nullable = TRUE },
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
  { "GET", "/vampire/v1/routes/{id}", handle_get, NULL,
    "One route.", "getRoute", route_fields },
  { "DELETE", "/vampire/v1/routes/{id}", handle_remove, NULL,
    "Removes a route.", "removeRoute", removed_answer },
  { NULL }
};

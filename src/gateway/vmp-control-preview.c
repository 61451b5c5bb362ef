/* SPDX-License-Identifier: MIT
 *
 * What routes and virtual models come to: the plan for a request that is only described, and the virtual models that
 * are always there. It asks the router as a request does, sends nothing, and takes nobody's turn.
 */

#include "gateway/vmp-control-routes-private.h"

#include "core/vmp-constraints.h"
#include "core/vmp-limits.h"
#include "gateway/vmp-call-options.h"
#include "routing/vmp-router.h"

#include <string.h>

/* The endpoints that are routed, as the path says them and in short. */
static const struct {
  const char *path;
  const char *name;
  const char *prompt; /* the member that holds it; NULL: messages */
  VmpModelKind kind;
} endpoints[] = {
  { "/v1/chat/completions", "chat", NULL, VMP_MODEL_LLM },
  { "/v1/completions", "completions", "prompt", VMP_MODEL_LLM },
  { "/v1/responses", "responses", "input", VMP_MODEL_LLM },
  { "/v1/embeddings", "embeddings", "input", VMP_MODEL_EMBEDDING },
};

#define ENDPOINTS \
  "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "chat", "completions", "responses", \
  "embeddings"

static guint
find_endpoint (const char *name)
{
  guint i;

  for (i = 0; name != NULL && i < G_N_ELEMENTS (endpoints); i++)
    {
      if (g_str_equal (endpoints[i].path, name) || g_str_equal (endpoints[i].name, name))
        return i;
    }

  return 0;
}

/* -- Preview ------------------------------------------------------------------------------- */

/* The body that such a request would have. (transfer full) */
static char *
print_body (const char *model,
            const char *prompt,
            guint       endpoint)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "model", model);
  if (prompt != NULL && endpoints[endpoint].prompt != NULL)
    {
      vmp_json_add_string (builder, endpoints[endpoint].prompt, prompt);
    }
  else if (prompt != NULL)
    {
      json_builder_set_member_name (builder, "messages");
      json_builder_begin_array (builder);
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "role", "user");
      vmp_json_add_string (builder, "content", prompt);
      json_builder_end_object (builder);
      json_builder_end_array (builder);
    }
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

/* Adds the plan for a request to an object that is being built. */
static void
build_plan (VmpControlRequest    *request,
            const char           *model,
            guint                 endpoint,
            const VmpCallOptions *options,
            JsonBuilder          *builder)
{
  const char *path = endpoints[endpoint].path;
  g_autofree char *body = print_body (model, vmp_json_get_string (request->body, "prompt"), endpoint);
  g_autofree char *session = NULL;
  g_auto (VmpRouting) routing = { NULL, };
  gint64 now = g_get_monotonic_time ();
  VmpJsonScan scan;
  VmpCall call = {
    .method = VMP_SLICE_LITERAL ("POST"),
    .target = vmp_slice (path),
    .path = vmp_slice (path),
    .body = body,
    .body_len = strlen (body),
    .has_body = TRUE,
    .started = now,
    .model = model,
    .kind = endpoints[endpoint].kind,
    .options = options,
    .client = VMP_CALL_CLIENT_LOCAL,
  };

  vmp_json_get_boolean (request->body, "stream", &call.is_stream);
  if (vmp_json_scan (body, call.body_len, &scan))
    call.scan = &scan;
  call.session = session = vmp_call_read_session (&call);

  vmp_router_plan (request->gateway->router, &call, NULL, FALSE, now, &routing);
  vmp_json_add_string (builder, "model", model);
  vmp_json_add_string (builder, "endpoint", path);
  vmp_routing_build (&routing, builder);
  vmp_json_add_string (builder, "about", vmp_strategy_get_about (routing.plan.strategy));
}

void
vmp_control_preview_route (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  JsonObject *constraints = vmp_json_get_object (request->body, "constraints");
  VmpStrategy strategy;
  VmpCallOptions options = {
    .strategy = (char *) vmp_json_get_string (request->body, "strategy"),
    .route = (char *) vmp_json_get_string (request->body, "route"),
    .session = (char *) vmp_json_get_string (request->body, "session"),
  };
  g_autofree char *fault = NULL;

  if (!vmp_control_read_strategy (request, &strategy))
    return;
  if (options.route != NULL && vmp_route_list_find (request->gateway->routes, options.route) == NULL)
    {
      vmp_control_problem (request, VMP_PROBLEM_ROUTE_NOT_FOUND, "There is no route with this id.", "route not found");
      return;
    }
  fault = constraints != NULL ? vmp_constraints_read (constraints, &options.constraints) : NULL;
  if (fault != NULL)
    {
      vmp_control_refuse_member (request, "constraints", fault);
      return;
    }

  options.opted_in = options.strategy != NULL || options.route != NULL;
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.route_preview");
  build_plan (request, vmp_json_get_string (request->body, "model"),
              find_endpoint (vmp_json_get_string (request->body, "endpoint")), &options, builder);
  json_builder_end_object (builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

void
vmp_control_explain_route (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  const VmpRoute *route = vmp_control_find_route (request);
  VmpCallOptions options = { .opted_in = TRUE };

  if (route == NULL)
    return;

  options.route = route->id;
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.route_explanation");
  vmp_json_add_string (builder, "id", route->id);
  build_plan (request, route->virtual_model, 0, &options, builder);
  json_builder_end_object (builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* -- Virtual models ------------------------------------------------------------------------ */

void
vmp_control_list_virtual_models (VmpControlRequest *request)
{
  VmpRouter *router = request->gateway->router;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  const VmpVirtualModel *model;
  VmpStrategy strategy;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "list");
  json_builder_set_member_name (builder, "data");
  json_builder_begin_array (builder);
  for (model = vmp_virtual_models (); model->id != NULL; model++)
    {
      strategy = model->default_strategy ? vmp_router_get_default_strategy (router) : model->strategy;
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "id", model->id);
      vmp_json_add_string (builder, "type", "virtual");
      vmp_json_add_string (builder, "about", model->about);
      vmp_json_add_string (builder, "strategy", vmp_strategy_to_string (strategy));
      vmp_json_add_boolean (builder, "available", vmp_router_has_virtual (router, model));
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);

  json_builder_set_member_name (builder, "strategies");
  json_builder_begin_array (builder);
  for (strategy = 0; strategy < VMP_N_STRATEGIES; strategy++)
    {
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "id", vmp_strategy_to_string (strategy));
      vmp_json_add_string (builder, "about", vmp_strategy_get_about (strategy));
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* -- What they are described as ------------------------------------------------------------ */

const VmpField vmp_control_preview_fields[] = {
  { "model", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = "What the request says in model." },
  { "endpoint", VMP_FIELD_STRING, .nullable = TRUE, .values = (const char * const[]) { ENDPOINTS, NULL },
    .about = "chat when it is not given." },
  { "strategy", VMP_FIELD_STRING, .nullable = TRUE, .about = "In the place of the one there is." },
  { "route", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_ID_CHARS, .about = "Id of a route." },
  { "constraints", VMP_FIELD_OBJECT, .nullable = TRUE, .about = "As those of a route." },
  { "session", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_SESSION_BYTES },
  { "prompt", VMP_FIELD_STRING, .nullable = TRUE, .about = "How the prompt begins." },
  { "stream", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { NULL }
};

static const VmpField attempt_fields[] = {
  { "node", VMP_FIELD_STRING, TRUE },
  { "model", VMP_FIELD_STRING, .nullable = TRUE, .about = "null: the node is asked for what the client named." },
  { "readiness", VMP_FIELD_STRING, TRUE, .about = "now, cold, loading, full or occupied." },
  { "scores", VMP_FIELD_OBJECT, TRUE, .about = "Less is better." },
  { NULL }
};

static const VmpField candidate_fields[] = {
  { "node", VMP_FIELD_STRING, .nullable = TRUE },
  { "model", VMP_FIELD_STRING, .nullable = TRUE },
  { "rejected", VMP_FIELD_STRING, .nullable = TRUE, .about = "Why it is not tried." },
  { NULL }
};

#define PLAN_FIELDS \
  { "model", VMP_FIELD_STRING, TRUE }, \
  { "endpoint", VMP_FIELD_STRING, TRUE }, \
  { "route", VMP_FIELD_STRING, TRUE, .about = "Of the route, or default: and the model." }, \
  { "strategy", VMP_FIELD_STRING, TRUE, .about = "That was applied." }, \
  { "seed", VMP_FIELD_INT, TRUE, .about = "Whose turn it is among equals." }, \
  { "constraints", VMP_FIELD_OBJECT, TRUE }, \
  { "likely_context", VMP_FIELD_INT, TRUE, .about = "Tokens that the prompt seems to have." }, \
  { "fallbacks", VMP_FIELD_INT, TRUE, .about = "Routes that stood aside for another one." }, \
  { "last_resort", VMP_FIELD_BOOLEAN, TRUE, .about = "All attempts are nodes that keep failing." }, \
  { "attempts", VMP_FIELD_OBJECTS, TRUE, .members = attempt_fields, .about = "The best first." }, \
  { "candidates", VMP_FIELD_OBJECTS, TRUE, .members = candidate_fields, .about = "With what they were judged by." }, \
  { "looked_at", VMP_FIELD_INT, TRUE, .about = "Candidates in all." }, \
  { "rejected", VMP_FIELD_OBJECT, TRUE, .about = "How many for which reason." }, \
  { "problem", VMP_FIELD_STRING, .nullable = TRUE, .about = "Why nobody can answer." }, \
  { "about", VMP_FIELD_STRING, TRUE, .about = "What the strategy prefers." }

const VmpField vmp_control_preview_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE, .about = "vampire.route_preview" },
  PLAN_FIELDS,
  { NULL }
};

const VmpField vmp_control_explain_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE, .about = "vampire.route_explanation" },
  { "id", VMP_FIELD_STRING, TRUE },
  PLAN_FIELDS,
  { NULL }
};

static const VmpField virtual_model_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "type", VMP_FIELD_STRING, TRUE, .about = "virtual" },
  { "about", VMP_FIELD_STRING, TRUE },
  { "strategy", VMP_FIELD_STRING, TRUE },
  { "available", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether a node has such a model." },
  { NULL }
};

static const VmpField strategy_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "about", VMP_FIELD_STRING, TRUE },
  { NULL }
};

const VmpField vmp_control_virtual_models_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = virtual_model_fields },
  { "strategies", VMP_FIELD_OBJECTS, TRUE, .members = strategy_fields },
  { NULL }
};

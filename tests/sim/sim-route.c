/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: which surface answers which request.
 */

#include "sim-route.h"

#include "sim-config.h"
#include "sim-error.h"
#include "sim-json.h"
#include "sim-log.h"

#include <string.h>

static const struct {
  const char *method;
  const char *path;
  guint since;
  void (*answer) (SimExchange *exchange);
} routes[] = {
  { "GET", "/v1/models", 0, sim_openai_list_models },
  { "POST", "/v1/chat/completions", 0, sim_openai_chat },
  { "POST", "/v1/completions", 0, sim_openai_complete },
  { "POST", "/v1/embeddings", 0, sim_openai_embed },
  { "POST", "/v1/responses", SIM_VERSION (0, 3, 29), sim_responses_create },
  { "POST", "/v1/messages", SIM_VERSION (0, 4, 1), sim_messages_create },
  { "GET", "/api/v0/models", SIM_VERSION (0, 3, 6), sim_v0_list_models },
  { "POST", "/api/v0/chat/completions", SIM_VERSION (0, 3, 6), sim_openai_chat },
  { "POST", "/api/v0/completions", SIM_VERSION (0, 3, 6), sim_openai_complete },
  { "POST", "/api/v0/embeddings", SIM_VERSION (0, 3, 6), sim_openai_embed },
  { "GET", "/api/v1/models", SIM_VERSION (0, 4, 0), sim_v1_list_models },
  { "POST", "/api/v1/models/load", SIM_VERSION (0, 4, 0), sim_v1_load },
  { "POST", "/api/v1/models/unload", SIM_VERSION (0, 4, 0), sim_v1_unload },
  { "POST", "/api/v1/models/download", SIM_VERSION (0, 4, 0), sim_v1_download },
  { "POST", "/api/v1/chat", SIM_VERSION (0, 4, 0), sim_v1_chat },
};

/* Paths whose last part is a parameter, slashes and all. */
static const struct {
  const char *prefix;
  guint since;
  void (*answer) (SimExchange *exchange,
                  const char  *parameter);
} parameter_routes[] = {
  { "/api/v0/models/", SIM_VERSION (0, 3, 6), sim_v0_show_model },
  { "/api/v1/models/download/status/", SIM_VERSION (0, 4, 0), sim_v1_download_status },
};

static SimDialect
dialect_of (const char *path)
{
  if (g_str_has_prefix (path, "/api/v1/"))
    return SIM_DIALECT_NATIVE;

  return g_str_has_prefix (path, "/v1/messages") ? SIM_DIALECT_ANTHROPIC : SIM_DIALECT_OPENAI;
}

void
sim_route_reply_unexpected (SimExchange *exchange)
{
  GString *body = g_string_new (NULL);
  SimJson json = { .out = body };
  g_autofree char *message = g_strdup_printf ("Unexpected endpoint or method. (%s %s)", exchange->head->method,
                                              exchange->head->target);

  sim_log (exchange->sim, SIM_LOG_ERROR, NULL, "Unexpected endpoint or method. (%s %s). Returning 200 anyway",
           exchange->head->method, exchange->head->path);
  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "error", message);
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, 200, body);
}

JsonNode *
sim_route_read_object (SimExchange *exchange,
                       SimDialect   dialect)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = sim_json_parse ((const char *) exchange->body->data, exchange->body->len, &error);
  g_autoptr (SimError) complaint = NULL;

  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    return g_steal_pointer (&root);

  complaint = sim_error_new (SIM_ERROR_INVALID, NULL, "Received request for %s with invalid JSON: %s",
                             exchange->head->path, error != NULL ? error->message : "expected an object");
  sim_error_reply (complaint, exchange, dialect);

  return NULL;
}

static gboolean
is_token_known (SimExchange *exchange,
                const char  *token)
{
  return g_strv_contains ((const char * const *) exchange->sim->config->api_token, token);
}

/* Returns: (nullable): what is wrong with the request's credentials */
static SimError *
check_token (SimExchange *exchange,
             SimDialect   dialect)
{
  const SimConfig *config = exchange->sim->config;
  const char *authorization = sim_head_get (exchange->head, "Authorization");
  const char *key = sim_head_get (exchange->head, "x-api-key");

  if (config->api_token[0] == NULL || !sim_config_since (config, SIM_VERSION (0, 4, 0)))
    return NULL;
  if (authorization != NULL && g_ascii_strncasecmp (authorization, "Bearer ", strlen ("Bearer ")) == 0)
    {
      if (is_token_known (exchange, authorization + strlen ("Bearer ")))
        return NULL;
      return sim_error_new (SIM_ERROR_UNAUTHORIZED, NULL, "Invalid LM Studio API token provided.");
    }
  if (dialect == SIM_DIALECT_ANTHROPIC && key != NULL)
    {
      if (is_token_known (exchange, key))
        return NULL;
      return sim_error_new (SIM_ERROR_UNAUTHORIZED, NULL, "Invalid LM Studio API token provided.");
    }

  return sim_error_new (SIM_ERROR_UNAUTHORIZED, NULL,
                        "An LM Studio API token is required to make requests to this server, but none was provided "
                        "using the Authorization header using the 'Bearer' scheme (i.e., 'Authorization: Bearer "
                        "$LM_API_TOKEN').");
}

static gboolean
answer_by_parameter (SimExchange *exchange)
{
  const char *path = exchange->head->path;

  for (guint i = 0; i < G_N_ELEMENTS (parameter_routes); i++)
    {
      g_autofree char *parameter = NULL;

      if (!g_str_has_prefix (path, parameter_routes[i].prefix)
          || !sim_config_since (exchange->sim->config, parameter_routes[i].since))
        continue;
      parameter = g_uri_unescape_string (path + strlen (parameter_routes[i].prefix), NULL);
      if (parameter == NULL || *parameter == '\0')
        continue;
      parameter_routes[i].answer (exchange, parameter);
      return TRUE;
    }

  return FALSE;
}

static void
reply_preflight (SimExchange *exchange)
{
  const char *headers = sim_head_get (exchange->head, "Access-Control-Request-Headers");

  sim_exchange_add_field (exchange, "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
  sim_exchange_add_field (exchange, "Access-Control-Allow-Headers", headers != NULL ? headers : "*");
  sim_exchange_reply (exchange, 204, NULL, "", 0);
}

void
sim_route (SimExchange *exchange)
{
  Sim *sim = exchange->sim;
  const char *path = exchange->head->path;
  const char *method = exchange->head->method;
  SimDialect dialect = dialect_of (path);
  g_autoptr (SimError) error = NULL;

  if (g_str_has_prefix (path, "/sim/"))
    {
      sim_control (exchange);
      return;
    }
  if (sim_exchange_is_by_control_port (exchange))
    {
      sim_exchange_reply (exchange, 404, "application/json", "{\"error\":\"only /sim/ is served here\"}", -1);
      return;
    }

  sim_log (sim, SIM_LOG_DEBUG, NULL, "Received request: %s to %s", method, path);
  if (sim->config->cors && strcmp (method, "OPTIONS") == 0)
    {
      reply_preflight (exchange);
      return;
    }
  error = check_token (exchange, dialect);
  if (error != NULL)
    {
      sim_error_reply (error, exchange, dialect);
      return;
    }

  /* Express serves HEAD by the routes of GET. */
  if (strcmp (method, "HEAD") == 0)
    method = "GET";
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (strcmp (routes[i].path, path) == 0 && strcmp (routes[i].method, method) == 0
        && sim_config_since (sim->config, routes[i].since))
      {
        routes[i].answer (exchange);
        return;
      }
  if (strcmp (method, "GET") == 0 && answer_by_parameter (exchange))
    return;

  sim_route_reply_unexpected (exchange);
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its errors in the words of each surface.
 */

#include "sim-error.h"

#include "sim-http.h"
#include "sim-json.h"
#include "sim-log.h"

static const struct {
  guint status;
  const char *openai_type;
  const char *openai_code;
  const char *native_type;
  const char *native_code;
  const char *anthropic_type;
} error_table[] = {
  [SIM_ERROR_INVALID] = { 400, "invalid_request_error", NULL, "invalid_request", NULL, "invalid_request_error" },
  [SIM_ERROR_UNKNOWN_KEY] = { 400, "invalid_request_error", NULL, "invalid_request", "unrecognized_keys",
                              "invalid_request_error" },
  [SIM_ERROR_UNAUTHORIZED] = { 401, "invalid_request_error", "invalid_api_key", "invalid_request", "invalid_api_key",
                               "authentication_error" },
  [SIM_ERROR_NO_MODELS] = { 400, "invalid_request_error", NULL, "model_not_found", NULL, "not_found_error" },
  [SIM_ERROR_MODEL_NOT_FOUND] = { 400, "invalid_request_error", "model_not_found", "model_not_found", NULL,
                                  "not_found_error" },
  [SIM_ERROR_JOB_NOT_FOUND] = { 404, "invalid_request_error", NULL, "job_not_found", NULL, "not_found_error" },
  [SIM_ERROR_PREVIOUS_NOT_FOUND] = { 400, "invalid_request_error", "previous_response_not_found", "invalid_request",
                                     "previous_response_not_found", "invalid_request_error" },
  [SIM_ERROR_CONTEXT] = { 400, NULL, NULL, "internal_error", NULL, "invalid_request_error" },
  [SIM_ERROR_LOAD_FAILED] = { 500, NULL, NULL, "internal_error", "model_load_failed", "api_error" },
  [SIM_ERROR_UNLOADED] = { 500, NULL, NULL, "internal_error", NULL, "api_error" },
  [SIM_ERROR_CRASHED] = { 500, NULL, NULL, "internal_error", NULL, "api_error" },
  [SIM_ERROR_PLUGIN] = { 400, NULL, NULL, "plugin_connection_error", NULL, "api_error" },
};

SimError *
sim_error_new (SimErrorKind kind,
               const char  *param,
               const char  *format,
               ...)
{
  SimError *self = g_new0 (SimError, 1);
  va_list args;

  va_start (args, format);
  self->message = g_strdup_vprintf (format, args);
  va_end (args);
  self->kind = kind;
  self->param = g_strdup (param);

  return self;
}

SimError *
sim_error_copy (const SimError *self)
{
  return sim_error_new (self->kind, self->param, "%s", self->message);
}

void
sim_error_free (SimError *self)
{
  if (self == NULL)
    return;
  g_free (self->message);
  g_free (self->param);
  g_free (self);
}

guint
sim_error_status (const SimError  *self,
                  const SimConfig *config,
                  SimDialect       dialect)
{
  if (self->kind == SIM_ERROR_NO_MODELS && !sim_config_since (config, SIM_VERSION (0, 3, 9)))
    return 404;
  if (dialect == SIM_DIALECT_NATIVE
      && (self->kind == SIM_ERROR_MODEL_NOT_FOUND || self->kind == SIM_ERROR_NO_MODELS))
    return 404;

  return error_table[self->kind].status;
}

static void
write_openai (const SimError  *self,
              const SimConfig *config,
              SimJson         *json)
{
  const char *type = error_table[self->kind].openai_type;

  /* Complaints about a request's shape are a bare string, and so was everything in older builds. */
  if (type == NULL || self->kind == SIM_ERROR_INVALID || !sim_config_since (config, SIM_VERSION (0, 3, 18)))
    {
      sim_json_string (json, "error", self->message);
      return;
    }
  sim_json_begin (json, "error", '{');
  sim_json_string (json, "message", self->message);
  sim_json_string (json, "type", type);
  sim_json_string (json, "param", self->param);
  sim_json_string (json, "code", error_table[self->kind].openai_code);
  sim_json_end (json, '}');
}

static void
write_native (const SimError *self,
              SimJson        *json)
{
  const char *code = error_table[self->kind].native_code;

  sim_json_begin (json, "error", '{');
  sim_json_string (json, "type", error_table[self->kind].native_type);
  sim_json_string (json, "message", self->message);
  if (code != NULL)
    sim_json_string (json, "code", code);
  if (self->param != NULL)
    sim_json_string (json, "param", self->param);
  sim_json_end (json, '}');
}

static void
write_anthropic (const SimError *self,
                 SimJson        *json)
{
  sim_json_string (json, "type", "error");
  sim_json_begin (json, "error", '{');
  sim_json_string (json, "type", error_table[self->kind].anthropic_type);
  sim_json_string (json, "message", self->message);
  sim_json_end (json, '}');
}

void
sim_error_write (const SimError  *self,
                 const SimConfig *config,
                 SimDialect       dialect,
                 GString         *out)
{
  SimJson json = { .out = out };

  sim_json_begin (&json, NULL, '{');
  if (dialect == SIM_DIALECT_NATIVE)
    write_native (self, &json);
  else if (dialect == SIM_DIALECT_ANTHROPIC)
    write_anthropic (self, &json);
  else
    write_openai (self, config, &json);
  sim_json_end (&json, '}');
}

void
sim_error_reply (const SimError *self,
                 SimExchange    *exchange,
                 SimDialect      dialect)
{
  SimConfig *config = exchange->sim->config;
  GString *body = g_string_new (NULL);

  sim_log (exchange->sim, SIM_LOG_ERROR, NULL, "[Server Error] %s", self->message);
  sim_error_write (self, config, dialect, body);
  sim_exchange_reply_json (exchange, sim_error_status (self, config, dialect), body);
}

void
sim_error_write_event (const SimError  *self,
                       const SimConfig *config,
                       SimDialect       dialect,
                       GString         *out)
{
  SimJson json = { .out = out };

  g_string_append (out, "event: error\ndata: ");
  if (dialect == SIM_DIALECT_OPENAI)
    {
      sim_json_begin (&json, NULL, '{');
      sim_json_begin (&json, "error", '{');
      sim_json_string (&json, "message", self->message);
      sim_json_end (&json, '}');
      sim_json_string (&json, "message", self->message);
      sim_json_end (&json, '}');
    }
  else if (dialect == SIM_DIALECT_NATIVE)
    {
      sim_json_begin (&json, NULL, '{');
      sim_json_string (&json, "type", "error");
      write_native (self, &json);
      sim_json_end (&json, '}');
    }
  else
    sim_error_write (self, config, dialect, out);
  g_string_append (out, "\n\n");
}

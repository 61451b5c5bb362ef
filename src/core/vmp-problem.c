/* SPDX-License-Identifier: MIT
 *
 * The error table itself.
 */

#include "core/vmp-problem.h"

#include "core/vmp-json.h"

#include <libsoup/soup.h>

static const struct {
  guint status;
  const char *type;
  const char *code;
  guint retry_after;  /* s; 0: waiting alone does not help */
  gboolean is_final;  /* the same again would fail the same */
} problems[VMP_N_PROBLEMS] = {
  [VMP_PROBLEM_BAD_HTTP] = { 400, "vampire_request_error", "malformed_request" },
  [VMP_PROBLEM_EXPECTATION] = { 417, "vampire_request_error", "unknown_expectation" },
  [VMP_PROBLEM_HEAD_TOO_LARGE] = { 431, "vampire_request_error", "head_too_large" },
  [VMP_PROBLEM_CODING] = { 501, "vampire_request_error", "unknown_transfer_coding" },
  [VMP_PROBLEM_VERSION] = { 505, "vampire_request_error", "unknown_http_version" },
  [VMP_PROBLEM_METHOD] = { 501, "vampire_request_error", "unknown_method" },
  [VMP_PROBLEM_REQUEST_TIMEOUT] = { 408, "vampire_request_error", "request_timeout" },
  [VMP_PROBLEM_BODY_TOO_LARGE] = { 413, "vampire_request_error", "body_too_large" },
  [VMP_PROBLEM_BODIES_TOO_LARGE] = { 503, "vampire_overload_error", "too_many_large_requests", .retry_after = 1 },
  [VMP_PROBLEM_TOO_MANY_CONNECTIONS] = { 503, "vampire_overload_error", "too_many_connections", .retry_after = 1 },
  [VMP_PROBLEM_HOST_NOT_ALLOWED] = { 403, "vampire_access_error", "host_not_allowed" },
  [VMP_PROBLEM_ORIGIN_NOT_ALLOWED] = { 403, "vampire_access_error", "origin_not_allowed" },
  [VMP_PROBLEM_TOKEN] = { 401, "vampire_auth_error", "missing_or_invalid_token" },
  [VMP_PROBLEM_NOT_FOUND] = { 404, "vampire_request_error", "not_found" },
  [VMP_PROBLEM_METHOD_NOT_ALLOWED] = { 405, "vampire_request_error", "method_not_allowed" },
  [VMP_PROBLEM_UPSTREAM_UNAVAILABLE] = { 502, "vampire_upstream_error", "upstream_unavailable", .is_final = TRUE },
  [VMP_PROBLEM_UPSTREAM_INTERRUPTED] = { 502, "vampire_upstream_error", "upstream_stream_interrupted" },
  [VMP_PROBLEM_SHUTTING_DOWN] = { 503, "vampire_overload_error", "shutting_down", .retry_after = 5 },
  [VMP_PROBLEM_BAD_JSON] = { 400, "vampire_request_error", "malformed_json" },
  [VMP_PROBLEM_INVALID_FIELD] = { 422, "vampire_request_error", "invalid_field" },
  [VMP_PROBLEM_BAD_REQUEST] = { 400, "vampire_request_error", "invalid_request" },
  [VMP_PROBLEM_NODE_NOT_FOUND] = { 404, "vampire_request_error", "node_not_found" },
  [VMP_PROBLEM_ROUTE_NOT_FOUND] = { 404, "vampire_request_error", "route_not_found" },
  [VMP_PROBLEM_KEY_NOT_FOUND] = { 404, "vampire_request_error", "key_not_found" },
  [VMP_PROBLEM_JOB_NOT_FOUND] = { 404, "vampire_request_error", "job_not_found" },
  [VMP_PROBLEM_CONFLICT] = { 409, "vampire_request_error", "conflict" },
  [VMP_PROBLEM_UNSUPPORTED_STRATEGY] = { 400, "vampire_routing_error", "unsupported_strategy" },
  [VMP_PROBLEM_NOT_STORED] = { 507, "vampire_storage_error", "not_stored" },
  [VMP_PROBLEM_KEYRING] = { 503, "vampire_storage_error", "keyring_unavailable" },
  [VMP_PROBLEM_BUSY] = { 409, "vampire_request_error", "busy" },
  [VMP_PROBLEM_CLIENT_KEY] = { 401, "vampire_auth_error", "missing_or_invalid_key" },
  [VMP_PROBLEM_OWNER_ONLY] = { 403, "vampire_auth_error", "owner_only" },
  [VMP_PROBLEM_MODEL_NOT_SHARED] = { 403, "vampire_access_error", "model_not_shared" },
  [VMP_PROBLEM_MODEL_NOT_FOUND] = { 404, "invalid_request_error", "model_not_found", .is_final = TRUE },
  [VMP_PROBLEM_NO_ROUTE_TARGET] = { 503, "vampire_routing_error", "no_route_target", .retry_after = 10 },
  [VMP_PROBLEM_LOOP] = { 508, "vampire_routing_error", "loop_detected", .is_final = TRUE },
  [VMP_PROBLEM_REVOKED] = { 403, "vampire_access_error", "access_ended" },
  [VMP_PROBLEM_NODE_TOKEN] = { 502, "vampire_upstream_error", "node_token_refused", .is_final = TRUE },
  [VMP_PROBLEM_QUEUE_FULL] = { 503, "vampire_overload_error", "queue_full", .retry_after = 5 },
  [VMP_PROBLEM_DEADLINE] = {
    503, "vampire_overload_error", "deadline_cannot_be_met", .retry_after = 10, .is_final = TRUE
  },
  [VMP_PROBLEM_ALL_FAILED] = { 502, "vampire_upstream_error", "all_attempts_failed", .is_final = TRUE },
  [VMP_PROBLEM_WAITED_IN_VAIN] = { 503, "vampire_overload_error", "no_capacity", .retry_after = 5 },
  [VMP_PROBLEM_TRACE_NOT_FOUND] = { 404, "vampire_request_error", "trace_not_found" },
  [VMP_PROBLEM_MODEL_IN_USE] = { 409, "vampire_request_error", "model_in_use" },
  [VMP_PROBLEM_LOAD_FAILED] = { 502, "vampire_upstream_error", "load_failed" },
  [VMP_PROBLEM_PAUSED] = { 503, "vampire_access_error", "paused", .is_final = TRUE },
};

guint
vmp_problem_status (VmpProblem problem)
{
  return problems[problem].status;
}

const char *
vmp_problem_code (VmpProblem problem)
{
  return problems[problem].code;
}

const char *
vmp_problem_reason (VmpProblem problem)
{
  return soup_status_get_phrase (problems[problem].status);
}

guint
vmp_problem_retry_after (VmpProblem problem)
{
  return problems[problem].retry_after;
}

gboolean
vmp_problem_should_retry (VmpProblem problem)
{
  return !problems[problem].is_final;
}

char *
vmp_problem_to_json_with_detail (VmpProblem  problem,
                                 const char *message,
                                 JsonNode   *detail)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (builder);
  if (detail != NULL)
    {
      json_builder_set_member_name (builder, "detail");
      json_builder_add_value (builder, detail);
    }
  json_builder_set_member_name (builder, "error");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "message");
  json_builder_add_string_value (builder, message);
  json_builder_set_member_name (builder, "type");
  json_builder_add_string_value (builder, problems[problem].type);
  json_builder_set_member_name (builder, "code");
  json_builder_add_string_value (builder, problems[problem].code);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);

  return vmp_json_print (root);
}

char *
vmp_problem_to_json (VmpProblem  problem,
                     const char *message,
                     gboolean    with_detail)
{
  JsonNode *detail = with_detail ? json_node_init_string (json_node_alloc (), message) : NULL;

  return vmp_problem_to_json_with_detail (problem, message, detail);
}

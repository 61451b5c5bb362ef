/* SPDX-License-Identifier: MIT
 *
 * The error table: everything that can go wrong with a request, with its HTTP status and the names that
 * programs match on. Every surface and the guard answer from here, so that one cause looks the same
 * wherever it strikes.
 */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_PROBLEM_BAD_HTTP,
  VMP_PROBLEM_EXPECTATION,
  VMP_PROBLEM_HEAD_TOO_LARGE,
  VMP_PROBLEM_CODING,
  VMP_PROBLEM_VERSION,
  VMP_PROBLEM_METHOD,
  VMP_PROBLEM_REQUEST_TIMEOUT,
  VMP_PROBLEM_BODY_TOO_LARGE,
  VMP_PROBLEM_BODIES_TOO_LARGE,
  VMP_PROBLEM_TOO_MANY_CONNECTIONS,
  VMP_PROBLEM_HOST_NOT_ALLOWED,
  VMP_PROBLEM_ORIGIN_NOT_ALLOWED,
  VMP_PROBLEM_TOKEN,
  VMP_PROBLEM_NOT_FOUND,
  VMP_PROBLEM_METHOD_NOT_ALLOWED,
  VMP_PROBLEM_UPSTREAM_UNAVAILABLE,
  VMP_PROBLEM_UPSTREAM_INTERRUPTED,
  VMP_PROBLEM_SHUTTING_DOWN,
  VMP_PROBLEM_BAD_JSON,           /* a document that is none */
  VMP_PROBLEM_INVALID_FIELD,      /* a member of a document is missing, of a wrong type or out of range */
  VMP_PROBLEM_BAD_REQUEST,        /* a document that cannot be followed, such as a target that is not allowed */
  VMP_PROBLEM_NODE_NOT_FOUND,
  VMP_PROBLEM_ROUTE_NOT_FOUND,
  VMP_PROBLEM_KEY_NOT_FOUND,
  VMP_PROBLEM_JOB_NOT_FOUND,
  VMP_PROBLEM_CONFLICT,           /* what is asked for contradicts what is there */
  VMP_PROBLEM_UNSUPPORTED_STRATEGY,
  VMP_PROBLEM_NOT_STORED,         /* done, but it could not be written to disk */
  VMP_PROBLEM_KEYRING,            /* the keyring is locked or fails */
  VMP_PROBLEM_BUSY,
  VMP_PROBLEM_CLIENT_KEY,         /* none, an unknown, an expired or a revoked client key */
  VMP_PROBLEM_OWNER_ONLY,         /* a client key does not open the control API */
  VMP_PROBLEM_MODEL_NOT_SHARED,
  VMP_PROBLEM_MODEL_NOT_FOUND,
  VMP_PROBLEM_NO_ROUTE_TARGET,
  VMP_PROBLEM_LOOP,
  VMP_PROBLEM_REVOKED,            /* the key, the share or the node's approval ended while the answer ran */
  VMP_PROBLEM_NODE_TOKEN,         /* the node asks for a token, or refuses the one there is */
  VMP_PROBLEM_QUEUE_FULL,         /* as many calls wait for the model as may */
  VMP_PROBLEM_DEADLINE,           /* the client would have gone before its turn */
  VMP_PROBLEM_ALL_FAILED,         /* every node that fits was tried */
  VMP_PROBLEM_WAITED_IN_VAIN,     /* no node became free in the time that a call may wait */
  VMP_PROBLEM_TRACE_NOT_FOUND,
  VMP_PROBLEM_MODEL_IN_USE,       /* it is answering somebody, so it is not unloaded */
  VMP_PROBLEM_LOAD_FAILED,
  VMP_PROBLEM_PAUSED,             /* by the owner */
  VMP_N_PROBLEMS
} VmpProblem;

/* Its HTTP status. UPSTREAM_INTERRUPTED has 502, though it strikes inside an answer that began with 200. */
guint vmp_problem_status (VmpProblem problem);

/* The name that programs match on. (static) */
const char *vmp_problem_code (VmpProblem problem);

/* The reason phrase for that status. */
const char *vmp_problem_reason (VmpProblem problem);

/* Seconds after which to ask again, for Retry-After; 0 where waiting alone does not help. */
guint vmp_problem_retry_after (VmpProblem problem);

/* FALSE where asking the same again would only repeat what the gateway has done already, or what somebody has to put
 * right first. Clients' libraries ask again by themselves after any 5xx, unless the field x-should-retry says this. */
gboolean vmp_problem_should_retry (VmpProblem problem);

/**
 * vmp_problem_to_json:
 * @problem: which
 * @message: one sentence for a person: what is wrong and what to do
 * @with_detail: add the key `detail`, as the control API's errors have it
 *
 * Returns: (transfer full): `{"error":{"message":…,"type":…,"code":…}}`, on one line
 */
char *vmp_problem_to_json (VmpProblem  problem,
                           const char *message,
                           gboolean    with_detail);

/* The same with the `detail` that the control API's older clients know, where it differs from the message: a text, or a
 * list of what was wrong. @detail: (transfer full) */
char *vmp_problem_to_json_with_detail (VmpProblem  problem,
                                       const char *message,
                                       JsonNode   *detail);

G_END_DECLS

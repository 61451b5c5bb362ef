/* SPDX-License-Identifier: MIT
 *
 * The error table: everything that can go wrong with a request, with its HTTP status and the names that
 * programs match on. Every surface and the guard answer from here, so that one cause looks the same
 * wherever it strikes.
 */

#pragma once

#include <glib.h>

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
  VMP_N_PROBLEMS
} VmpProblem;

/* Its HTTP status. UPSTREAM_INTERRUPTED has 502, though it strikes inside an answer that began with 200. */
guint vmp_problem_status (VmpProblem problem);

/* The reason phrase for that status. */
const char *vmp_problem_reason (VmpProblem problem);

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

G_END_DECLS

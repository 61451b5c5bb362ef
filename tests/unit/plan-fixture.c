/* SPDX-License-Identifier: MIT
 *
 * Implementation of the fixture of plans.
 */

#include "plan-fixture.h"

#include <string.h>

/* Divisible by the size of every group of equals in these tests. */
#define SEEDS 840

char *
plan_fixture_order (const VmpPlanRequest *request,
                    VmpCandidate         *candidates,
                    guint                 n_candidates)
{
  GString *order = g_string_new (NULL);
  VmpPlan plan;

  vmp_plan_make (request, candidates, n_candidates, &plan);
  for (guint i = 0; i < plan.n_attempts; i++)
    g_string_append_c (order, (char) ('a' + plan.attempts[i].candidate));

  return g_string_free (order, FALSE);
}

void
plan_fixture_assert_order (const VmpPlanRequest *request,
                           VmpCandidate         *candidates,
                           guint                 n_candidates,
                           const char           *expected)
{
  VmpPlanRequest its = *request;

  for (its.seed = 0; its.seed < 12; its.seed++)
    {
      g_autofree char *order = plan_fixture_order (&its, candidates, n_candidates);

      g_assert_cmpstr (order, ==, expected);
    }
}

void
plan_fixture_assert_turns (const VmpPlanRequest *request,
                           VmpCandidate         *candidates,
                           guint                 n_candidates,
                           const char           *equals)
{
  VmpPlanRequest its = *request;
  guint firsts[26] = { 0 };

  g_assert_cmpuint (n_candidates, <=, G_N_ELEMENTS (firsts));

  for (its.seed = 0; its.seed < SEEDS; its.seed++)
    {
      g_autofree char *order = plan_fixture_order (&its, candidates, n_candidates);

      g_assert_cmpstr (order, !=, "");
      firsts[order[0] - 'a']++;
    }

  for (guint i = 0; i < n_candidates; i++)
    g_assert_cmpuint (firsts[i], ==, strchr (equals, 'a' + (int) i) != NULL ? SEEDS / strlen (equals) : 0);
}

static guint
rand_below (guint limit)
{
  return (guint) g_test_rand_int_range (0, (gint32) limit);
}

static gboolean
rand_once_in (guint times)
{
  return rand_below (times) == 0;
}

void
plan_fixture_randomise (VmpCandidate *candidates,
                        guint         n_candidates)
{
  /* Some tables have few that fit. */
  guint rarely = 1 + rand_below (40);

  for (guint i = 0; i < n_candidates; i++)
    {
      candidates[i] = (VmpCandidate) {
        .node = GUINT_TO_POINTER (i + 1),
        .order = i,
        .approved = !rand_once_in (rarely),
        .in_service = !rand_once_in (rarely),
        .online = !rand_once_in (rarely),
        .breaker_open = rand_once_in (1 + rand_below (4)),
        .lacks_token = rand_once_in (rarely),
        .came_through = rand_once_in (rarely),
        .trusted = !rand_once_in (3),
        .local = !rand_once_in (3),
        .node_active = rand_below (6),
        .node_waiting = rand_below (2),
        .power = rand_below (3) * 50,
        .cost = rand_below (4) - 1.0,
        .node_quality = rand_below (3) * 0.4,
        .missing = rand_once_in (rarely),
        .kind = rand_below (VMP_N_MODEL_KINDS),
        .can = rand_below (8),
        .context = rand_below (4) * 4096,
        .size_bytes = rand_below (3) * G_GINT64_CONSTANT (4000000000),
        .parameters = rand_below (3) * 7,
        .slots = rand_below (5),
        .active = rand_below (6),
        .loaded = rand_once_in (2),
        .watched = !rand_once_in (3),
        .leading = rand_once_in (5),
        .occupied = rand_once_in (5),
        .others_active = rand_once_in (3),
        .load_ms = rand_below (3) * 8000,
        .ttft_ms = rand_below (4) * 250,
        .tokens_per_second = rand_below (4) * 20,
        .duration_ms = rand_below (3) * 4000,
        .excluded = rand_once_in (rarely),
        .load_failed = rand_once_in (rarely),
        .weight = rand_below (4),
        .prefix = rand_below (5) / 4.0,
        .has_session = rand_once_in (10),
      };
    }
}

void
plan_fixture_randomise_request (VmpPlanRequest *request)
{
  *request = (VmpPlanRequest) {
    .strategy = rand_below (VMP_N_STRATEGIES),
    .kind = rand_once_in (4) ? VMP_MODEL_EMBEDDING : VMP_MODEL_LLM,
    .any_kind = rand_once_in (3),
    .constraints = {
      .needs = rand_once_in (4) ? rand_below (8) : 0,
      .min_context = rand_once_in (4) ? rand_below (3) * 4096 : 0,
      .max_latency_ms = rand_once_in (4) ? 300 : 0,
      .max_queue_depth = rand_below (2),
      .has_max_queue_depth = rand_once_in (4),
      .trusted_only = rand_once_in (6),
      .local_only = rand_once_in (6),
    },
    .likely_context = rand_once_in (2) ? rand_below (3) * 4096 : 0,
    .weights = { rand_below (3), rand_below (3), rand_below (3), rand_below (3) },
    .seed = rand_below (1000),
    .balance_abs = rand_below (4),
    .balance_rel = 1 + rand_below (3) / 2.0,
    .min_prefix = rand_below (3) / 4.0,
  };
}

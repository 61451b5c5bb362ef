/* SPDX-License-Identifier: MIT
 *
 * What each strategy prefers, as tables: candidates, and the order in which they are tried whatever the turn.
 */

#include "plan-fixture.h"

#include <math.h>
#include <string.h>

#define assert_order(request, candidates, expected) \
        plan_fixture_assert_order (request, candidates, G_N_ELEMENTS (candidates), expected)
#define assert_turns(request, candidates, equals) \
        plan_fixture_assert_turns (request, candidates, G_N_ELEMENTS (candidates), equals)

static double
get_main_score (const VmpPlanRequest *request,
                VmpCandidate          candidate)
{
  VmpPlan plan;

  vmp_plan_make (request, &candidate, 1, &plan);
  g_assert_cmpuint (plan.n_attempts, ==, 1);

  return plan.attempts[0].scores[VMP_SCORE_MAIN];
}

/* -- Turns --------------------------------------------------------------------------------- */

static void
test_round_robin (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 3, .ttft_ms = 900 },
    { FITS, .order = 1, .node_active = 50 },
    { COLD, .order = 2, .load_ms = 60000 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_ROUND_ROBIN };
  static const char * const orders[] = { "abc", "bca", "cab" };

  for (request.seed = 0; request.seed < 9; request.seed++)
    {
      g_autofree char *order = plan_fixture_order (&request, candidates, 3);

      g_assert_cmpstr (order, ==, orders[request.seed % 3]);
    }
}

static void
test_round_robin_around_a_full_one (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0 },
    { LOADED, .order = 1, .active = 4 },
    { LOADED, .order = 2 },
    { LOADED, .order = 3 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_ROUND_ROBIN };

  assert_turns (&request, candidates, "acd");
}

static void
count_firsts (VmpCandidate *candidates,
              guint         n_candidates,
              guint         n_plans,
              guint        *firsts)
{
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_WEIGHTED_ROUND_ROBIN };

  memset (firsts, 0, n_candidates * sizeof *firsts);
  for (; request.seed < n_plans; request.seed++)
    {
      VmpPlan plan;

      vmp_plan_make (&request, candidates, n_candidates, &plan);
      g_assert_cmpuint (plan.n_attempts, ==, n_candidates);
      firsts[plan.attempts[0].candidate]++;
    }
}

static void
test_weights (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .weight = 3 },
    { LOADED, .order = 1, .active = 3, .weight = 1 },
  };
  guint firsts[2];

  count_firsts (candidates, 2, 4, firsts);
  g_assert_cmpuint (firsts[0], ==, 3);

  /* Any stretch of the sequence is near the shares, the whole of it nearer still. */
  for (guint n = 1; n <= 1000; n++)
    {
      count_firsts (candidates, 2, n, firsts);
      g_assert_cmpfloat (fabs (firsts[0] - n * 0.75), <=, 3);
    }
}

static void
test_weights_are_spread (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .weight = 3 },
    { LOADED, .order = 1, .weight = 1 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_WEIGHTED_ROUND_ROBIN };
  guint run = 0;

  for (; request.seed < 1000; request.seed++)
    {
      g_autofree char *order = plan_fixture_order (&request, candidates, 2);

      run = order[0] == 'a' ? run + 1 : 0;
      g_assert_cmpuint (run, <=, 5);
    }
}

static void
test_many_weights (void)
{
  enum { N = 5 };
  /* None counts as 1. */
  static const double weights[N] = { 5, 0, 0.5, 2, 1.5 };
  VmpCandidate candidates[N];
  guint firsts[N];

  for (guint i = 0; i < N; i++)
    candidates[i] = (VmpCandidate) { LOADED, .order = i, .weight = weights[i] };

  count_firsts (candidates, N, 1000, firsts);
  for (guint i = 0; i < N; i++)
    g_assert_cmpfloat (fabs (firsts[i] - (weights[i] > 0 ? weights[i] : 1) * 100), <=, 4);
}

static void
test_weights_of_the_ready (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .weight = 97, .active = 4 },
    { LOADED, .order = 1, .weight = 2 },
    { LOADED, .order = 2, .weight = 97, .active = 4 },
    { LOADED, .order = 3, .weight = 1 },
  };
  guint firsts[4];

  count_firsts (candidates, 4, 300, firsts);
  g_assert_cmpuint (firsts[0] + firsts[2], ==, 0);
  g_assert_cmpfloat (fabs (firsts[1] - 200.0), <=, 3);
}

static void
test_weights_after_the_first (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .weight = 1 },
    { LOADED, .order = 1, .weight = 2 },
    { LOADED, .order = 2, .weight = 9 },
    { LOADED, .order = 3, .weight = 4 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_WEIGHTED_ROUND_ROBIN };

  for (; request.seed < 50; request.seed++)
    {
      g_autofree char *order = plan_fixture_order (&request, candidates, 4);
      g_autoptr (GString) expected = g_string_new ("cdba");

      g_string_erase (expected, strchr (expected->str, order[0]) - expected->str, 1);
      g_string_prepend_c (expected, order[0]);
      g_assert_cmpstr (order, ==, expected->str);
    }
}

static void
test_equal_weights (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .weight = 2, .active = 3 },
    { LOADED, .order = 1, .weight = 2 },
    { LOADED, .order = 2, .weight = 2, .active = 1 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_WEIGHTED_ROUND_ROBIN };

  assert_turns (&request, candidates, "abc");
}

static void
test_model_affinity (void)
{
  VmpCandidate candidates[] = {
    { COLD, .order = 0, .ttft_ms = 1 },
    { LOADED, .order = 1, .active = 3 },
    { LOADED, .order = 2 },
    { LOADED, .order = 3, .active = 4 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_MODEL_AFFINITY };
  g_autofree char *order = NULL;

  assert_turns (&request, candidates, "bc");
  order = plan_fixture_order (&request, candidates, 4);
  g_assert_cmpstr (order, ==, "bcad");
}

static void
test_trusted_only (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0 },
    { LOADED, .order = 1, .active = 3, .trusted = TRUE },
    { COLD, .order = 2, .trusted = TRUE },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_TRUSTED_ONLY };

  assert_turns (&request, candidates, "bc");
  g_assert_cmpuint (candidates[0].rejection, ==, VMP_REJECTED_NOT_TRUSTED);

  /* Rather nobody than another one. */
  candidates[1].online = candidates[2].online = FALSE;
  assert_order (&request, candidates, "");
}

/* -- One number ---------------------------------------------------------------------------- */

static void
test_least_busy (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 3 },
    { FITS, .order = 1, .node_active = 1 },
    { LOADED, .order = 2, .active = 1, .node_active = 5 },
    { LOADED, .order = 3, .active = 1, .node_waiting = 1 },
    { LOADED, .order = 4, .active = 1, .node_active = 1 },
    { FITS, .order = 5, .active = 1, .slots = 64 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_LEAST_BUSY };

  /* 1/64; 1/4, of which one node has more to do; 2/4; 3/4; one where nothing is known. */
  assert_order (&request, candidates, "fecdab");
}

static void
test_least_busy_turns (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 2, .node_active = 2, .ttft_ms = 5 },
    { LOADED, .order = 1, .active = 1, .node_active = 1 },
    { LOADED, .order = 2, .active = 1, .node_active = 1, .ttft_ms = 900 },
    { LOADED, .order = 3, .active = 1, .node_active = 1, .parameters = 7 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_LEAST_BUSY };

  assert_turns (&request, candidates, "bcd");
}

static void
test_least_latency (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .ttft_ms = 900 },
    { LOADED, .order = 1, .ttft_ms = 100, .active = 3 },
    { LOADED, .order = 2, .ttft_ms = 400 },
    /* Once it is loaded it is fast. */
    { COLD, .order = 3, .ttft_ms = 20, .load_ms = 8000 },
    /* It counts as the median, which is the 400 of another one, and has one request less. */
    { LOADED, .order = 4 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_LEAST_LATENCY };

  candidates[2].active = 1;
  assert_order (&request, candidates, "becad");
}

static void
test_latencies_that_are_the_same (void)
{
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_LEAST_LATENCY };
  VmpCandidate slow[] = {
    { LOADED, .order = 0, .ttft_ms = 1000 },
    { LOADED, .order = 1, .ttft_ms = 1020 },
    { LOADED, .order = 2, .ttft_ms = 1120 },
  };
  VmpCandidate fast[] = {
    { LOADED, .order = 0, .ttft_ms = 3.0 },
    { LOADED, .order = 1, .ttft_ms = 3.9 },
    { LOADED, .order = 2, .ttft_ms = 5.1 },
  };

  assert_turns (&request, slow, "ab");
  assert_turns (&request, fast, "ab");
}

/* Each latency is compared with each: no three of them go round in a circle. */
static void
test_latencies_have_an_order (void)
{
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_LEAST_LATENCY };
  int last_sign = 0;

  for (double other = 1; other < 4000; other *= 1.01)
    {
      VmpCandidate candidates[] = {
        { LOADED, .order = 0, .ttft_ms = 300 },
        { LOADED, .order = 1, .ttft_ms = other },
      };
      g_autofree char *even = plan_fixture_order (&request, candidates, 2);
      g_autofree char *odd = NULL;
      int sign;

      request.seed = 1;
      odd = plan_fixture_order (&request, candidates, 2);
      request.seed = 0;

      sign = !g_str_equal (even, odd) ? 0 : even[0] == 'b' ? -1 : 1;
      if (other == 1)
        last_sign = sign;
      g_assert_cmpint (sign, >=, last_sign);
      if (other < 300 / 1.07)
        g_assert_cmpint (sign, ==, -1);
      if (other > 300 * 1.07)
        g_assert_cmpint (sign, ==, 1);
      last_sign = sign;
    }
}

static void
test_tokens_per_second (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .tokens_per_second = 8 },
    { LOADED, .order = 1, .tokens_per_second = 90 },
    { LOADED, .order = 2, .tokens_per_second = 40, .active = 1 },
    { LOADED, .order = 3 },
    { LOADED, .order = 4, .tokens_per_second = 0.5 },
    { LOADED, .order = 5, .tokens_per_second = 0.6 },
    { LOADED, .order = 6, .tokens_per_second = 200, .active = 4 },
    { LOADED, .order = 7, .tokens_per_second = 100 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND };

  /* The unknown one counts as the 40 that is in the middle. */
  assert_order (&request, candidates, "hbdcafeg");
  g_assert_cmpfloat (get_main_score (&request, candidates[0]), ==, -8);
}

static void
test_tokens_per_second_that_are_the_same (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .tokens_per_second = 50 },
    { LOADED, .order = 1, .tokens_per_second = 51 },
    { LOADED, .order = 2, .tokens_per_second = 40 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND };

  assert_turns (&request, candidates, "ab");
}

static void
test_context_window (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .context = 131072 },
    { LOADED, .order = 1, .context = 4096 },
    { LOADED, .order = 2 },
    { LOADED, .order = 3, .context = 32768, .active = 3 },
    { LOADED, .order = 4, .context = 16384 },
    { LOADED, .order = 5, .context = 2048 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_CONTEXT_WINDOW, .likely_context = 20000 };

  /* Those that it does not fit into come last, the one that comes nearest first. */
  assert_order (&request, candidates, "dacebf");

  request.likely_context = 0;
  assert_order (&request, candidates, "fbedac");

  /* When it is demanded, it is known, or it is not there. */
  request.constraints.min_context = 16384;
  assert_order (&request, candidates, "eda");
}

static void
test_power_saver (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .power = 300, .node_active = 1 },
    { LOADED, .order = 1 },
    { LOADED, .order = 2, .power = 60, .size_bytes = G_GINT64_CONSTANT (4000000000) },
    { LOADED, .order = 3, .power = 60, .node_active = 2, .size_bytes = G_GINT64_CONSTANT (9000000000) },
    { LOADED, .order = 4, .power = 60, .node_active = 1, .size_bytes = G_GINT64_CONSTANT (4000000000) },
    { LOADED, .order = 5, .power = 61 },
    { LOADED, .order = 6, .power = 60, .size_bytes = G_GINT64_CONSTANT (2000000000) },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_POWER_SAVER };

  /* Watts; then those at work, the smaller model first; then the idle ones; then what nothing is said of. */
  assert_order (&request, candidates, "edgcfab");
  g_assert_cmpfloat (get_main_score (&request, candidates[0]), ==, 300);
  g_assert_cmpfloat (get_main_score (&request, candidates[1]), >, 1e9);
}

static void
test_quality_by_owner (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .node_quality = 0.3, .parameters = 70 },
    { LOADED, .order = 1, .node_quality = 0.9, .parameters = 8 },
    { LOADED, .order = 2, .node_quality = 0.91, .parameters = 1 },
    /* What is not rated is as usual: as the 0.9. */
    { LOADED, .order = 3, .parameters = 4 },
    { LOADED, .order = 4, .parameters = 120 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_QUALITY_SCORE };

  assert_order (&request, candidates, "cebda");
}

static void
test_quality_by_size (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .parameters = 8 },
    { LOADED, .order = 1 },
    { LOADED, .order = 2, .parameters = 70, .active = 3 },
    { LOADED, .order = 3, .parameters = 0.5 },
    { LOADED, .order = 4, .parameters = 0.6 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_QUALITY_SCORE };

  assert_order (&request, candidates, "caedb");
  g_assert_cmpfloat (get_main_score (&request, candidates[2]), ==, -70);
}

static void
test_cost (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .cost = 0.51 },
    { LOADED, .order = 1, .cost = -1, .size_bytes = 1 },
    { LOADED, .order = 2, .cost = 0.5, .size_bytes = G_GINT64_CONSTANT (8000000000) },
    { LOADED, .order = 3, .cost = 0.5, .size_bytes = G_GINT64_CONSTANT (4000000000) },
    { LOADED, .order = 4, .cost = 0, .active = 3 },
    { LOADED, .order = 5, .cost = -1, .size_bytes = G_GINT64_CONSTANT (4000000000) },
    { LOADED, .order = 6, .cost = 1000 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_COST_SCORE };

  assert_order (&request, candidates, "edcagbf");
  g_assert_cmpfloat (get_main_score (&request, candidates[0]), ==, 0.51);
}

/* -- Several numbers ----------------------------------------------------------------------- */

static void
test_best_available (void)
{
  VmpCandidate candidates[] = {
    /* Best and worst of each; in shares of what lies between: */
    { LOADED, .order = 0, .ttft_ms = 100, .tokens_per_second = 20, .active = 2, .node_quality = 0.5 },
    { LOADED, .order = 1, .ttft_ms = 1100, .tokens_per_second = 120, .active = 0, .node_quality = 0.1 },
    { LOADED, .order = 2, .ttft_ms = 300, .tokens_per_second = 100, .active = 0, .node_quality = 0.9 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_BEST_AVAILABLE };
  VmpPlan plan;

  /* 0.25 x (0.2 + 0.2 + 0 + 0), 0.25 x (1 + 0 + 0 + 1), 0.25 x (0 + 1 + 1 + 0.5) */
  assert_order (&request, candidates, "cba");
  vmp_plan_make (&request, candidates, 3, &plan);
  g_assert_cmpfloat_with_epsilon (plan.attempts[0].scores[VMP_SCORE_MAIN], 0.1, 1e-9);
  g_assert_cmpfloat_with_epsilon (plan.attempts[1].scores[VMP_SCORE_MAIN], 0.5, 1e-9);
  g_assert_cmpfloat_with_epsilon (plan.attempts[2].scores[VMP_SCORE_MAIN], 0.625, 1e-9);
}

static void
test_best_available_weights (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .ttft_ms = 100, .tokens_per_second = 50, .active = 2, .node_quality = 0.5 },
    { LOADED, .order = 1, .ttft_ms = 200, .tokens_per_second = 100, .active = 3, .node_quality = 0.4 },
    { LOADED, .order = 2, .ttft_ms = 300, .tokens_per_second = 20, .active = 1, .node_quality = 0.3 },
    { LOADED, .order = 3, .ttft_ms = 400, .tokens_per_second = 10, .active = 3, .node_quality = 0.9 },
  };
  static const char * const orders[VMP_N_WEIGHTS] = {
    [VMP_WEIGHT_LATENCY] = "abcd",
    [VMP_WEIGHT_TOKENS_PER_SECOND] = "bacd",
    [VMP_WEIGHT_QUEUE_DEPTH] = "cabd",
    [VMP_WEIGHT_QUALITY_SCORE] = "dabc",
  };

  for (guint i = 0; i < VMP_N_WEIGHTS; i++)
    {
      VmpPlanRequest request = { .strategy = VMP_STRATEGY_BEST_AVAILABLE };
      VmpPlan plan;

      request.weights[i] = 17;
      vmp_plan_make (&request, candidates, 4, &plan);
      g_assert_cmpuint (plan.n_attempts, ==, 4);
      for (guint j = 0; j < 3; j++)
        {
          const VmpAttempt *attempt = &plan.attempts[j];

          g_assert_cmpfloat (attempt->scores[VMP_SCORE_MAIN], <=, attempt[1].scores[VMP_SCORE_MAIN]);
        }
      /* The weights' sum does not matter. */
      g_assert_cmpfloat_with_epsilon (plan.attempts[3].scores[VMP_SCORE_MAIN], 1, 1e-9);
      if (i != VMP_WEIGHT_QUEUE_DEPTH)
        assert_order (&request, candidates, orders[i]);
      else
        g_assert_cmpuint (plan.attempts[0].candidate, ==, 2);
    }
}

static void
test_best_available_of_the_same (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .ttft_ms = 127.5, .tokens_per_second = 50 },
    { LOADED, .order = 1, .ttft_ms = 128.5, .tokens_per_second = 51 },
    /* As they are, mostly. */
    { LOADED, .order = 2 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_BEST_AVAILABLE };

  assert_turns (&request, candidates, "abc");

  /* Beside one that is much worse the others' differences are small. */
  candidates[1].ttft_ms = 140;
  candidates[2].ttft_ms = 9000;
  assert_turns (&request, candidates, "ab");
}

static void
test_fallback_chain (void)
{
  VmpCandidate candidates[] = {
    { COLD, .order = 3, .load_ms = 1 },
    { LOADED, .order = 1, .active = 9, .duration_ms = 60000 },
    { LOADED, .order = 0, .missing = TRUE },
    { LOADED, .order = 2, .ttft_ms = 1 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_FALLBACK_CHAIN };

  assert_order (&request, candidates, "bda");
}

/* One target, several nodes. */
static void
test_fallback_chain_within_a_target (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 4, .duration_ms = 20000 },
    { COLD, .order = 0, .load_ms = 8000 },
    { LOADED, .order = 0, .active = 1 },
    { LOADED, .order = 1 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_FALLBACK_CHAIN };

  assert_order (&request, candidates, "cabd");
}

static void
test_privacy_policy (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .trusted = TRUE },
    { LOADED, .order = 1, .local = TRUE },
    { COLD, .order = 2, .local = TRUE, .trusted = TRUE, .load_ms = 8000 },
    { COLD, .order = 3, .local = TRUE, .load_ms = 8000 },
    { LOADED, .order = 4, .local = TRUE, .trusted = TRUE, .active = 4, .duration_ms = 12000 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_PRIVACY_POLICY };

  assert_order (&request, candidates, "ecbd");
  g_assert_cmpuint (candidates[0].rejection, ==, VMP_REJECTED_NOT_LOCAL);
}

/* -- Residency ----------------------------------------------------------------------------- */

static void
test_free_before_full (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 4, .duration_ms = 1 },
    { LOADED, .order = 1, .active = 3 },
    { LOADED, .order = 2, .active = 1 },
    { LOADED, .order = 3, .active = 1 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  candidates[3].slots = 2;
  assert_order (&request, candidates, "cdba");
}

static void
test_shortest_wait (void)
{
  VmpCandidate candidates[] = {
    { COLD, .order = 0, .load_ms = 9000 },
    { LOADED, .order = 1, .active = 4, .duration_ms = 16000 },
    { COLD, .order = 2, .load_ms = 3000 },
    { COLD, .order = 3, .leading = TRUE, .load_ms = 6000 },
    { COLD, .order = 4, .others_active = TRUE, .load_ms = 1000, .duration_ms = 1000 },
    { LOADED, .order = 5, .active = 5, .duration_ms = 40000 },
    { LOADED, .order = 6, .leading = TRUE, .active = 1, .ttft_ms = 500, .load_ms = 20000 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  /* 0.5, 2, 3, 4, 6, 9 and 20 seconds */
  assert_order (&request, candidates, "gecbdaf");
}

/* When it takes the same time, no second node is loaded. */
static void
test_waiting_before_another_load (void)
{
  VmpCandidate candidates[] = {
    { COLD, .order = 0, .load_ms = 8000 },
    { LOADED, .order = 1, .active = 4, .duration_ms = 32000 },
    { COLD, .order = 2, .leading = TRUE, .load_ms = 8000, .active = 1 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };
  g_autofree char *order = plan_fixture_order (&request, candidates, 3);

  g_assert_cmpstr (order, ==, "cba");
}

static void
test_unknown_residency (void)
{
  VmpCandidate candidates[] = {
    { COLD, .order = 0, .load_ms = 100 },
    /* A server that does not tell what it has loaded, nor how many it answers at a time. */
    { FITS, .order = 1 },
    { LOADED, .order = 2, .active = 3 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  assert_order (&request, candidates, "cba");
}

static void
test_residency_turns (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 2 },
    { LOADED, .order = 1, .active = 1 },
    { LOADED, .order = 2, .active = 1 },
    { COLD, .order = 3 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  assert_turns (&request, candidates, "bc");
}

/* -- Known prompts ------------------------------------------------------------------------- */

static const VmpPlanRequest prefix_request = {
  .strategy = VMP_STRATEGY_PREFIX_AFFINITY,
  .balance_abs = 3,
  .balance_rel = 1.5,
  .min_prefix = 0.3,
};

static void
test_known_prompts (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0 },
    { LOADED, .order = 1, .active = 2, .prefix = 0.5 },
    { LOADED, .order = 2, .active = 3, .prefix = 0.9 },
    { LOADED, .order = 3, .active = 1, .prefix = 0.29 },
    { LOADED, .order = 4, .active = 3, .node_active = 3, .has_session = TRUE },
    { LOADED, .order = 5, .active = 3, .prefix = 1 },
  };

  assert_order (&prefix_request, candidates, "efcbad");
}

static void
test_prefixes_that_are_the_same (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 1, .prefix = 0.51 },
    { LOADED, .order = 1, .active = 1, .prefix = 0.55 },
    { LOADED, .order = 2, .active = 0, .prefix = 0.49 },
  };

  assert_turns (&prefix_request, candidates, "ab");
}

static void
test_session_waits (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0 },
    { LOADED, .order = 1, .active = 1, .node_active = 1, .has_session = TRUE },
  };

  candidates[1].slots = 1;
  assert_order (&prefix_request, candidates, "ba");
}

static void
test_too_busy (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .node_active = 4, .active = 1 },
    { LOADED, .order = 1, .node_active = 7, .active = 3, .has_session = TRUE },
    { LOADED, .order = 2, .node_active = 1, .active = 0, .missing = TRUE },
  };
  VmpPlanRequest request = prefix_request;

  /* 3 more are not more than 3. */
  assert_order (&request, candidates, "ba");

  candidates[1].node_active = 8;
  assert_order (&request, candidates, "ab");

  /* Many more, but hardly more for so many. */
  candidates[0].node_active = 20;
  candidates[1].node_active = 30;
  assert_order (&request, candidates, "ba");
  candidates[1].node_active = 31;
  assert_order (&request, candidates, "ab");

  /* The same for what is known of a prompt. */
  candidates[1].has_session = FALSE;
  candidates[1].prefix = 1;
  assert_order (&request, candidates, "ab");
  candidates[1].node_active = 30;
  assert_order (&request, candidates, "ba");
}

static void
test_cache_is_gone (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 3 },
    { COLD, .order = 1, .has_session = TRUE, .prefix = 1, .load_ms = 8000 },
    { FITS, .order = 2, .prefix = 0.4 },
  };

  /* Where it is not known what is loaded it may still be there. */
  assert_order (&prefix_request, candidates, "cab");
}

static void
test_no_known_prompt (void)
{
  VmpCandidate candidates[] = {
    { COLD, .order = 0, .load_ms = 3000 },
    { LOADED, .order = 1, .active = 4, .duration_ms = 8000 },
    { LOADED, .order = 2, .active = 3 },
    { LOADED, .order = 3, .active = 1 },
  };

  assert_order (&prefix_request, candidates, "dcba");
}

/* What stands for many models: the size counts where the strategy says the same, and not before. */
static void
test_size_wishes (void)
{
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY, .size_wish = VMP_SIZE_MIDDLE };
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .parameters = 70 },
    { LOADED, .order = 1, .parameters = 14 },
    { LOADED, .order = 2, .parameters = 8 },
    { LOADED, .order = 3 },
    { COLD, .order = 4, .parameters = 12, .load_ms = 2000 },
  };

  assert_order (&request, candidates, "bcade");
  candidates[1].active = 4;
  assert_order (&request, candidates, "cadeb");
  candidates[1].active = 0;

  request.strategy = VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND;
  request.size_wish = VMP_SIZE_SMALL;
  assert_order (&request, candidates, "cebad");
  candidates[0].tokens_per_second = 90;
  candidates[1].tokens_per_second = 20;
  candidates[2].tokens_per_second = 40;
  candidates[3].tokens_per_second = 30;
  candidates[4].tokens_per_second = 10;
  assert_order (&request, candidates, "acdbe");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/plan/round-robin/in-turn", test_round_robin);
  g_test_add_func ("/plan/round-robin/around-a-full-one", test_round_robin_around_a_full_one);
  g_test_add_func ("/plan/weighted-round-robin/shares", test_weights);
  g_test_add_func ("/plan/weighted-round-robin/spread", test_weights_are_spread);
  g_test_add_func ("/plan/weighted-round-robin/many", test_many_weights);
  g_test_add_func ("/plan/weighted-round-robin/among-the-ready", test_weights_of_the_ready);
  g_test_add_func ("/plan/weighted-round-robin/rest-by-weight", test_weights_after_the_first);
  g_test_add_func ("/plan/weighted-round-robin/equal-weights", test_equal_weights);
  g_test_add_func ("/plan/model-affinity/loaded-first", test_model_affinity);
  g_test_add_func ("/plan/trusted-only/nobody-else", test_trusted_only);
  g_test_add_func ("/plan/least-busy/requests-per-slot", test_least_busy);
  g_test_add_func ("/plan/least-busy/turns", test_least_busy_turns);
  g_test_add_func ("/plan/least-latency/order", test_least_latency);
  g_test_add_func ("/plan/least-latency/nearly-the-same", test_latencies_that_are_the_same);
  g_test_add_func ("/plan/least-latency/no-circles", test_latencies_have_an_order);
  g_test_add_func ("/plan/highest-tokens-per-second/order", test_tokens_per_second);
  g_test_add_func ("/plan/highest-tokens-per-second/nearly-the-same", test_tokens_per_second_that_are_the_same);
  g_test_add_func ("/plan/context-window/smallest-that-fits", test_context_window);
  g_test_add_func ("/plan/power-saver/order", test_power_saver);
  g_test_add_func ("/plan/quality-score/by-owner", test_quality_by_owner);
  g_test_add_func ("/plan/quality-score/by-size", test_quality_by_size);
  g_test_add_func ("/plan/cost-score/order", test_cost);
  g_test_add_func ("/plan/best-available/sum", test_best_available);
  g_test_add_func ("/plan/best-available/weights", test_best_available_weights);
  g_test_add_func ("/plan/best-available/nearly-the-same", test_best_available_of_the_same);
  g_test_add_func ("/plan/fallback-chain/strict", test_fallback_chain);
  g_test_add_func ("/plan/fallback-chain/nodes-of-one-target", test_fallback_chain_within_a_target);
  g_test_add_func ("/plan/privacy-policy/local-and-trusted-first", test_privacy_policy);
  g_test_add_func ("/plan/size-wishes", test_size_wishes);
  g_test_add_func ("/plan/residency/free-before-full", test_free_before_full);
  g_test_add_func ("/plan/residency/shortest-wait", test_shortest_wait);
  g_test_add_func ("/plan/residency/waiting-before-another-load", test_waiting_before_another_load);
  g_test_add_func ("/plan/residency/not-known", test_unknown_residency);
  g_test_add_func ("/plan/residency/turns", test_residency_turns);
  g_test_add_func ("/plan/prefix-affinity/known-prompts", test_known_prompts);
  g_test_add_func ("/plan/prefix-affinity/nearly-the-same", test_prefixes_that_are_the_same);
  g_test_add_func ("/plan/prefix-affinity/session-is-worth-waiting", test_session_waits);
  g_test_add_func ("/plan/prefix-affinity/too-busy", test_too_busy);
  g_test_add_func ("/plan/prefix-affinity/cache-is-gone", test_cache_is_gone);
  g_test_add_func ("/plan/prefix-affinity/none-known", test_no_known_prompt);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * The plan: who is not asked and why, when one has to be waited for, turns among equals, and what holds for any table
 * of candidates. What each strategy prefers is in test-plan-strategies.c.
 */

#include "plan-fixture.h"

#include "routing/vmp-plan-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Random tables of each property. */
#define TABLES 4000

/* -- Names --------------------------------------------------------------------------------- */

static void
test_strategy_names (void)
{
  const char * const *names = vmp_strategy_names ();
  VmpStrategy strategy;

  for (guint i = 0; i < VMP_N_STRATEGIES; i++)
    {
      g_assert_cmpstr (vmp_strategy_to_string (i), ==, names[i]);
      g_assert_true (vmp_strategy_from_string (names[i], &strategy));
      g_assert_cmpuint (strategy, ==, i);
      g_assert_true (g_str_has_suffix (vmp_strategy_get_about (i), "."));
    }
  g_assert_null (names[VMP_N_STRATEGIES]);

  strategy = VMP_STRATEGY_COST_SCORE;
  g_assert_false (vmp_strategy_from_string ("fastest", &strategy));
  g_assert_false (vmp_strategy_from_string ("", &strategy));
  g_assert_false (vmp_strategy_from_string ("Round_Robin", &strategy));
  g_assert_cmpuint (strategy, ==, VMP_STRATEGY_COST_SCORE);
}

static void
test_other_names (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < VMP_N_REJECTIONS; i++)
    g_assert_true (g_hash_table_add (seen, (gpointer) vmp_rejection_to_string (i)));
  g_assert_cmpstr (vmp_rejection_to_string (VMP_REJECTED_OFFLINE), ==, "offline");
  g_assert_cmpstr (vmp_rejection_to_string (VMP_REJECTED_CONTEXT), ==, "context_window_too_small");

  for (guint i = 0; i < VMP_N_READINESSES; i++)
    g_assert_true (g_hash_table_add (seen, (gpointer) vmp_readiness_to_string (i)));
  g_assert_cmpstr (vmp_readiness_to_string (VMP_READY_OCCUPIED), ==, "occupied");
}

/* -- Who fits ------------------------------------------------------------------------------ */

/* All that is asked for at once. */
static const VmpPlanRequest demanding = {
  .strategy = VMP_STRATEGY_ROUND_ROBIN,
  .constraints = {
    .needs = VMP_NEED_TOOLS | VMP_NEED_VISION,
    .min_context = 8192,
    .max_latency_ms = 500,
    .max_queue_depth = 1,
    .has_max_queue_depth = TRUE,
    .trusted_only = TRUE,
    .local_only = TRUE,
  },
};

#define FITS_DEMANDING                                                                                              \
  .trusted = TRUE, .local = TRUE, .can = VMP_NEED_TOOLS | VMP_NEED_VISION, .context = 8192, .ttft_ms = 500,         \
  .slots = 2, .active = 3

static VmpRejection
reject (const VmpPlanRequest *request,
        VmpCandidate          candidate)
{
  /* One that fits always, lest a breaker be the last resort. */
  VmpCandidate both[] = { { FITS, FITS_DEMANDING }, candidate };
  VmpPlan plan;

  vmp_plan_make (request, both, 2, &plan);
  g_assert_cmpuint (both[0].rejection, ==, VMP_REJECTED_NOT);
  g_assert_cmpuint (plan.n_attempts, ==, both[1].rejection == VMP_REJECTED_NOT ? 2 : 1);
  for (guint i = 0; i < VMP_N_REJECTIONS; i++)
    g_assert_cmpuint (plan.n_rejected[i], ==, i != VMP_REJECTED_NOT && i == both[1].rejection ? 1 : 0);

  return both[1].rejection;
}

static void
test_first_reason (void)
{
  /* Everything speaks against it; then one thing after the other does not. */
  VmpCandidate candidate = {
    .breaker_open = TRUE,
    .lacks_token = TRUE,
    .came_through = TRUE,
    .excluded = TRUE,
    .missing = TRUE,
    .kind = VMP_MODEL_EMBEDDING,
    .ttft_ms = 501,
    .slots = 2,
    .active = 4,
  };

  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_PENDING);
  candidate.approved = TRUE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_DRAINING);
  candidate.in_service = TRUE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_OFFLINE);
  candidate.online = TRUE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_BREAKER_OPEN);
  candidate.breaker_open = FALSE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_TOKEN);
  candidate.lacks_token = FALSE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_LOOP);
  candidate.came_through = FALSE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_EXCLUDED);
  candidate.excluded = FALSE;
  candidate.load_failed = TRUE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_EXCLUDED);
  candidate.load_failed = FALSE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_MODEL_MISSING);
  candidate.missing = FALSE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_WRONG_KIND);
  candidate.kind = VMP_MODEL_VLM;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_CAPABILITY);
  candidate.can = VMP_NEED_TOOLS;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_CAPABILITY);
  candidate.can = VMP_NEED_TOOLS | VMP_NEED_VISION | VMP_NEED_REASONING;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_CONTEXT);
  candidate.context = 8192;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_NOT_TRUSTED);
  candidate.trusted = TRUE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_NOT_LOCAL);
  candidate.local = TRUE;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_TOO_SLOW);
  candidate.ttft_ms = 500;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_QUEUE_FULL);
  candidate.active = 3;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_NOT);
}

static void
test_unknown_context (void)
{
  VmpCandidate candidate = { FITS, FITS_DEMANDING };

  candidate.context = 0;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_CONTEXT);
  candidate.context = 8191;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_CONTEXT);
}

static void
test_unknown_latency (void)
{
  VmpCandidate candidate = { FITS, FITS_DEMANDING };

  candidate.ttft_ms = 0;
  g_assert_cmpuint (reject (&demanding, candidate), ==, VMP_REJECTED_NOT);
}

static void
test_queue_depth (void)
{
  VmpCandidate candidate = { FITS, FITS_DEMANDING };
  VmpPlanRequest request = demanding;

  candidate.active = 2;
  candidate.node_waiting = 1;
  g_assert_cmpuint (reject (&request, candidate), ==, VMP_REJECTED_NOT);
  candidate.node_waiting = 2;
  g_assert_cmpuint (reject (&request, candidate), ==, VMP_REJECTED_QUEUE_FULL);

  /* Without slots that are known nobody is known to wait. */
  candidate.node_waiting = 0;
  candidate.slots = 0;
  candidate.active = 100;
  g_assert_cmpuint (reject (&request, candidate), ==, VMP_REJECTED_NOT);

  /* The number 0 is a demand as well, and none is none. */
  candidate.node_waiting = 1;
  request.constraints.max_queue_depth = 0;
  request.constraints.has_max_queue_depth = FALSE;
  g_assert_cmpuint (reject (&request, candidate), ==, VMP_REJECTED_NOT);
}

static void
test_kinds (void)
{
  static const struct
  {
    VmpModelKind asked;
    VmpModelKind is;
    gboolean fits;
  } cases[] = {
    { VMP_MODEL_LLM, VMP_MODEL_LLM, TRUE },
    { VMP_MODEL_LLM, VMP_MODEL_VLM, TRUE },
    { VMP_MODEL_LLM, VMP_MODEL_EMBEDDING, FALSE },
    { VMP_MODEL_EMBEDDING, VMP_MODEL_EMBEDDING, TRUE },
    { VMP_MODEL_EMBEDDING, VMP_MODEL_LLM, FALSE },
    { VMP_MODEL_EMBEDDING, VMP_MODEL_VLM, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY, .kind = cases[i].asked };
      VmpCandidate candidate = { LOADED, .kind = cases[i].is };

      plan_fixture_assert_order (&request, &candidate, 1, cases[i].fits ? "a" : "");
      g_assert_cmpuint (candidate.rejection, ==, cases[i].fits ? VMP_REJECTED_NOT : VMP_REJECTED_WRONG_KIND);

      request.any_kind = TRUE;
      plan_fixture_assert_order (&request, &candidate, 1, "a");
    }
}

static void
test_likely_context (void)
{
  /* The first two by their strategy, and then those whose context seems too small, whatever else they have. */
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .context = 4096, .ttft_ms = 10 },
    { LOADED, .order = 1, .context = 16384, .ttft_ms = 300, .active = 4 },
    { LOADED, .order = 2, .context = 0, .ttft_ms = 200, .active = 4 },
    { LOADED, .order = 3, .context = 4096, .ttft_ms = 100 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_LEAST_LATENCY, .likely_context = 8000 };

  for (guint i = 0; i < 4; i++)
    candidates[i].duration_ms = 100;
  plan_fixture_assert_order (&request, candidates, 4, "cbad");

  request.strategy = VMP_STRATEGY_FALLBACK_CHAIN;
  plan_fixture_assert_order (&request, candidates, 4, "bcad");

  request.likely_context = 0;
  plan_fixture_assert_order (&request, candidates, 4, "abcd");
}

static void
test_nobody (void)
{
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_BEST_AVAILABLE };
  VmpCandidate candidate = { FITS, .missing = TRUE };
  VmpPlan plan;

  memset (&plan, 0xff, sizeof plan);
  vmp_plan_make (&request, NULL, 0, &plan);
  g_assert_cmpuint (plan.n_attempts, ==, 0);
  g_assert_false (plan.last_resort);
  g_assert_cmpuint (plan.strategy, ==, VMP_STRATEGY_BEST_AVAILABLE);

  memset (&plan, 0xff, sizeof plan);
  vmp_plan_make (&request, &candidate, 1, &plan);
  g_assert_cmpuint (plan.n_attempts, ==, 0);
  g_assert_cmpuint (plan.n_rejected[VMP_REJECTED_MODEL_MISSING], ==, 1);
}

static void
test_last_resort (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .breaker_open = TRUE, .order = 0 },
    { LOADED, .breaker_open = TRUE, .order = 1, .missing = TRUE },
    { LOADED, .order = 2, .missing = TRUE },
    { LOADED, .order = 3, .active = 4 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };
  VmpPlan plan;

  /* Better a node that is full than one that fails. */
  vmp_plan_make (&request, candidates, 4, &plan);
  g_assert_false (plan.last_resort);
  g_assert_cmpuint (plan.n_attempts, ==, 1);
  g_assert_cmpuint (plan.attempts[0].candidate, ==, 3);
  g_assert_cmpuint (plan.n_rejected[VMP_REJECTED_BREAKER_OPEN], ==, 2);

  /* But better that than none. */
  vmp_plan_make (&request, candidates, 3, &plan);
  g_assert_true (plan.last_resort);
  g_assert_cmpuint (plan.n_attempts, ==, 1);
  g_assert_cmpuint (plan.attempts[0].candidate, ==, 0);
  g_assert_cmpuint (candidates[0].rejection, ==, VMP_REJECTED_NOT);
  g_assert_cmpuint (candidates[1].rejection, ==, VMP_REJECTED_BREAKER_OPEN);
  g_assert_cmpuint (plan.n_rejected[VMP_REJECTED_BREAKER_OPEN], ==, 1);
  g_assert_cmpuint (plan.n_rejected[VMP_REJECTED_MODEL_MISSING], ==, 1);

  /* The one that is left does not fit. */
  vmp_plan_make (&request, candidates + 1, 2, &plan);
  g_assert_false (plan.last_resort);
  g_assert_cmpuint (plan.n_attempts, ==, 0);
  g_assert_cmpuint (plan.n_rejected[VMP_REJECTED_BREAKER_OPEN], ==, 1);
}

/* -- When ---------------------------------------------------------------------------------- */

static void
test_readiness (void)
{
  static const struct
  {
    VmpCandidate candidate;
    VmpReadiness readiness;
  } cases[] = {
    { { LOADED, .active = 3 }, VMP_READY_NOW },
    { { LOADED, .active = 3, .others_active = TRUE }, VMP_READY_NOW },
    { { LOADED, .active = 4 }, VMP_READY_FULL },
    { { LOADED, .active = 5 }, VMP_READY_FULL },
    { { LOADED, .leading = TRUE, .active = 1 }, VMP_READY_LOADING },
    { { LOADED, .occupied = TRUE }, VMP_READY_OCCUPIED },
    { { COLD }, VMP_READY_COLD },
    { { COLD, .active = 4 }, VMP_READY_COLD },
    { { COLD, .others_active = TRUE }, VMP_READY_OCCUPIED },
    { { COLD, .occupied = TRUE }, VMP_READY_OCCUPIED },
    { { COLD, .leading = TRUE, .others_active = TRUE, .occupied = TRUE, .active = 9 }, VMP_READY_LOADING },
    { { FITS, .watched = TRUE, .loaded = TRUE, .active = 1000 }, VMP_READY_NOW },
    /* Of other servers nothing is known but how many they answer at a time. */
    { { FITS }, VMP_READY_NOW },
    { { FITS, .active = 1000 }, VMP_READY_NOW },
    { { FITS, .slots = 1, .leading = TRUE, .occupied = TRUE, .others_active = TRUE }, VMP_READY_NOW },
    { { FITS, .slots = 1, .active = 1 }, VMP_READY_FULL },
    { { FITS, .slots = 1, .active = 1, .kind = VMP_MODEL_EMBEDDING }, VMP_READY_FULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY, .any_kind = TRUE };
      VmpCandidate candidate = cases[i].candidate;
      VmpPlan plan;

      vmp_plan_make (&request, &candidate, 1, &plan);
      g_assert_cmpuint (plan.n_attempts, ==, 1);
      g_test_message ("case %u", i);
      g_assert_cmpstr (vmp_readiness_to_string (plan.attempts[0].readiness), ==,
                       vmp_readiness_to_string (cases[i].readiness));
    }
}

static void
test_waits (void)
{
  static const struct
  {
    VmpCandidate candidate;
    double wait;
  } cases[] = {
    { { LOADED, .active = 3, .duration_ms = 2000 }, 0 },
    { { LOADED, .active = 4, .duration_ms = 2000 }, 500 },
    { { LOADED, .active = 6, .node_waiting = 1, .duration_ms = 2000 }, 2000 },
    { { LOADED, .active = 4 }, 2500 },
    { { COLD, .load_ms = 7000 }, 7000 },
    { { COLD }, 10000 },
    { { COLD, .leading = TRUE, .load_ms = 7000 }, 7000 },
    /* It was there a moment ago. */
    { { LOADED, .leading = TRUE, .load_ms = 7000, .ttft_ms = 300 }, 300 },
    { { LOADED, .leading = TRUE }, 1000 },
    { { LOADED, .occupied = TRUE, .load_ms = 7000, .duration_ms = 2000 }, 2000 },
    { { COLD, .others_active = TRUE, .load_ms = 7000, .duration_ms = 2000 }, 9000 },
    { { COLD, .others_active = TRUE, .load_ms = 7000 }, 17000 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpPlanRequest request = { .strategy = VMP_STRATEGY_ROUND_ROBIN };
      VmpCandidate candidate = cases[i].candidate;
      VmpPlan plan;

      g_test_message ("case %u", i);
      vmp_plan_make (&request, &candidate, 1, &plan);
      g_assert_cmpfloat_with_epsilon (plan.attempts[0].scores[VMP_SCORE_WAIT], cases[i].wait, 1e-6);
    }
}

static void
test_ready_first (void)
{
  VmpPlanRequest request = { .min_prefix = 0.3, .balance_abs = 3, .balance_rel = 1.5 };

  for (request.strategy = 0; request.strategy < VMP_N_STRATEGIES; request.strategy++)
    {
      /* All that strategies like, but none of it now. */
      VmpCandidate candidates[] = {
        { LOADED, .order = 0, .active = 4, .trusted = TRUE, .local = TRUE, .ttft_ms = 1, .tokens_per_second = 200,
          .duration_ms = 60000, .load_ms = 4000, .context = 4096, .parameters = 70, .power = 1, .weight = 9 },
        { COLD, .order = 1, .others_active = TRUE, .trusted = TRUE, .local = TRUE, .load_ms = 4000, .context = 8192 },
        { COLD, .order = 2, .trusted = TRUE, .local = TRUE, .ttft_ms = 900, .tokens_per_second = 2, .load_ms = 4000,
          .context = 32768, .parameters = 1, .power = 500, .cost = 9 },
        { FITS, .order = 3, .trusted = TRUE, .local = TRUE, .ttft_ms = 900, .tokens_per_second = 2,
          .context = 32768, .parameters = 1, .power = 500, .cost = 9 },
      };
      g_autofree char *order = plan_fixture_order (&request, candidates, 4);

      g_test_message ("%s: %s", vmp_strategy_to_string (request.strategy), order);
      if (request.strategy == VMP_STRATEGY_FALLBACK_CHAIN)
        g_assert_cmpstr (order, ==, "abcd");
      else
        g_assert_true (g_str_has_prefix (order, "cd") || g_str_has_prefix (order, "dc"));
    }
}

/* -- Turns --------------------------------------------------------------------------------- */

static int
compare_numbers (const void *a,
                 const void *b)
{
  guint64 x = *(const guint64 *) a;
  guint64 y = *(const guint64 *) b;

  return x < y ? -1 : x > y;
}

static void
test_pick_nth (void)
{
  for (guint table = 0; table < TABLES; table++)
    {
      guint n = (guint) g_test_rand_int_range (1, 60);
      gint32 limit = g_test_rand_int_range (1, 100);
      guint nth = (guint) g_test_rand_int_range (0, (gint32) n);
      guint64 values[60];
      guint64 sorted[60];

      for (guint i = 0; i < n; i++)
        {
          switch (table % 4)
            {
            case 0:
              values[i] = (guint64) g_test_rand_int_range (0, limit);
              break;

            case 1:
              values[i] = i;
              break;

            case 2:
              values[i] = n - i;
              break;

            default:
              values[i] = (guint64) g_test_rand_int () << 32 | (guint32) g_test_rand_int ();
              break;
            }
        }
      memcpy (sorted, values, sizeof values);
      qsort (sorted, n, sizeof *sorted, compare_numbers);
      g_assert_cmpuint (vmp_plan_pick_nth (values, n, nth), ==, sorted[nth]);
    }
}

static void
shuffle (VmpCandidate *candidates,
         guint         n_candidates)
{
  for (guint i = n_candidates; i > 1; i--)
    {
      guint j = (guint) g_test_rand_int_range (0, (gint32) i);
      VmpCandidate candidate = candidates[j];

      candidates[j] = candidates[i - 1];
      candidates[i - 1] = candidate;
    }
}

/* A hundred equal ones that stand in any order and whose orders have gaps: each is first once in a hundred plans, and
 * the attempts of a plan are the next ones in turn. */
static void
test_many_equals (void)
{
  enum { N = 100 };
  VmpCandidate candidates[N];
  gboolean seen[N] = { FALSE };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  for (guint i = 0; i < N; i++)
    candidates[i] = (VmpCandidate) { LOADED, .order = i * i + 7 };
  shuffle (candidates, N);

  for (guint i = 0; i < N; i++)
    {
      guint last = 0;
      VmpPlan plan;

      request.seed = 1000000007 + i;
      vmp_plan_make (&request, candidates, N, &plan);
      g_assert_cmpuint (plan.n_attempts, ==, VMP_PLAN_ATTEMPTS);
      for (guint j = 0; j < plan.n_attempts; j++)
        {
          guint turn = (guint) (sqrt (candidates[plan.attempts[j].candidate].order - 7) + 0.5);

          if (j == 0)
            {
              g_assert_false (seen[turn]);
              seen[turn] = TRUE;
            }
          else
            {
              g_assert_cmpuint (turn, ==, (last + 1) % N);
            }
          last = turn;
        }
    }
}

/* The equals are not neighbours, and their number is not that of the candidates. */
static void
test_some_equals (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 1 },
    { LOADED, .order = 1 },
    { LOADED, .order = 2, .active = 1 },
    { LOADED, .order = 3, .active = 2 },
    { LOADED, .order = 40 },
    { LOADED, .order = 41 },
    { LOADED, .order = 42, .missing = TRUE },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  plan_fixture_assert_turns (&request, candidates, 7, "bef");
}

/* Targets of a route that several nodes have. */
static void
test_same_order (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 1 },
    { LOADED, .order = 0 },
    { LOADED, .order = 0 },
    { LOADED, .order = 0 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_ROUND_ROBIN };

  plan_fixture_assert_turns (&request, candidates, 4, "abcd");
  request.strategy = VMP_STRATEGY_FALLBACK_CHAIN;
  plan_fixture_assert_turns (&request, candidates, 4, "bcd");
}

/* -- What always holds --------------------------------------------------------------------- */

/* The rejections as the rules have them, written down once more. */
static VmpRejection
reject_naively (const VmpPlanRequest *request,
                const VmpCandidate   *candidate,
                gboolean              failures_count)
{
  const VmpConstraints *asked = &request->constraints;
  gboolean wants_trust = asked->trusted_only || request->strategy == VMP_STRATEGY_TRUSTED_ONLY;
  gboolean wants_local = asked->local_only || request->strategy == VMP_STRATEGY_PRIVACY_POLICY;
  gboolean is_embedding = candidate->kind == VMP_MODEL_EMBEDDING;
  gboolean wants_embedding = request->kind == VMP_MODEL_EMBEDDING;
  int beyond = candidate->slots == 0 ? 0 : MAX ((int) candidate->active - (int) candidate->slots, 0);
  const gboolean applies[VMP_N_REJECTIONS] = {
    [VMP_REJECTED_PENDING] = !candidate->approved,
    [VMP_REJECTED_DRAINING] = !candidate->in_service,
    [VMP_REJECTED_OFFLINE] = !candidate->online,
    [VMP_REJECTED_BREAKER_OPEN] = candidate->breaker_open && failures_count,
    [VMP_REJECTED_TOKEN] = candidate->lacks_token,
    [VMP_REJECTED_LOOP] = candidate->came_through,
    [VMP_REJECTED_EXCLUDED] = candidate->excluded || (candidate->load_failed && failures_count),
    [VMP_REJECTED_MODEL_MISSING] = candidate->missing,
    [VMP_REJECTED_WRONG_KIND] = !request->any_kind && is_embedding != wants_embedding,
    [VMP_REJECTED_CAPABILITY] = (asked->needs & candidate->can) != asked->needs,
    [VMP_REJECTED_CONTEXT] = candidate->context < asked->min_context,
    [VMP_REJECTED_NOT_TRUSTED] = wants_trust && !candidate->trusted,
    [VMP_REJECTED_NOT_LOCAL] = wants_local && !candidate->local,
    [VMP_REJECTED_TOO_SLOW] = asked->max_latency_ms > 0 && candidate->ttft_ms > asked->max_latency_ms,
    [VMP_REJECTED_QUEUE_FULL] = asked->has_max_queue_depth &&
                                beyond + candidate->node_waiting > asked->max_queue_depth,
  };

  for (guint i = 1; i < VMP_N_REJECTIONS; i++)
    {
      if (applies[i])
        return i;
    }

  return VMP_REJECTED_NOT;
}

static gboolean
waits (const VmpAttempt *attempt)
{
  return attempt->readiness != VMP_READY_NOW && attempt->readiness != VMP_READY_COLD;
}

static gboolean
is_too_small (const VmpPlanRequest *request,
              const VmpCandidate   *candidate)
{
  return candidate->context != 0 && candidate->context < request->likely_context;
}

static void
test_filter_property (void)
{
  for (guint table = 0; table < TABLES; table++)
    {
      VmpCandidate candidates[40];
      guint n = (guint) g_test_rand_int_range (0, G_N_ELEMENTS (candidates) + 1);
      guint counts[VMP_N_REJECTIONS] = { 0 };
      guint n_fitting = 0;
      guint n_spare = 0;
      VmpPlanRequest request;
      VmpPlan plan;

      plan_fixture_randomise (candidates, n);
      plan_fixture_randomise_request (&request);
      vmp_plan_make (&request, candidates, n, &plan);

      for (guint i = 0; i < n; i++)
        {
          if (reject_naively (&request, &candidates[i], TRUE) == VMP_REJECTED_NOT)
            n_fitting++;
          else if (reject_naively (&request, &candidates[i], FALSE) == VMP_REJECTED_NOT)
            n_spare++;
        }
      g_assert_cmpint (plan.last_resort, ==, n_fitting == 0 && n_spare > 0);

      for (guint i = 0; i < n; i++)
        {
          VmpRejection expected = reject_naively (&request, &candidates[i], TRUE);

          if (plan.last_resort && reject_naively (&request, &candidates[i], FALSE) == VMP_REJECTED_NOT)
            expected = VMP_REJECTED_NOT;
          g_assert_cmpstr (vmp_rejection_to_string (candidates[i].rejection), ==, vmp_rejection_to_string (expected));
          counts[expected]++;
        }

      g_assert_cmpuint (counts[VMP_REJECTED_NOT], ==, plan.last_resort ? n_spare : n_fitting);
      g_assert_cmpuint (plan.n_attempts, ==, MIN (counts[VMP_REJECTED_NOT], VMP_PLAN_ATTEMPTS));
      g_assert_cmpuint (plan.n_rejected[VMP_REJECTED_NOT], ==, 0);
      for (guint i = 1; i < VMP_N_REJECTIONS; i++)
        g_assert_cmpuint (plan.n_rejected[i], ==, counts[i]);
    }
}

static void
test_attempts_property (void)
{
  for (guint table = 0; table < TABLES; table++)
    {
      VmpCandidate candidates[40];
      guint n = (guint) g_test_rand_int_range (1, G_N_ELEMENTS (candidates) + 1);
      gboolean tried[G_N_ELEMENTS (candidates)] = { FALSE };
      VmpPlanRequest request;
      VmpPlan plan;

      plan_fixture_randomise (candidates, n);
      plan_fixture_randomise_request (&request);
      vmp_plan_make (&request, candidates, n, &plan);

      for (guint i = 0; i < plan.n_attempts; i++)
        {
          const VmpAttempt *attempt = &plan.attempts[i];
          const VmpCandidate *candidate = &candidates[attempt->candidate];

          g_assert_cmpuint (attempt->candidate, <, n);
          g_assert_cmpuint (candidate->rejection, ==, VMP_REJECTED_NOT);
          g_assert_cmpint (candidate->breaker_open || candidate->load_failed, ==, plan.last_resort);
          g_assert_false (tried[attempt->candidate]);
          tried[attempt->candidate] = TRUE;
          for (guint j = 0; j < VMP_N_SCORES; j++)
            g_assert_true (isfinite (attempt->scores[j]));
          g_assert_true (waits (attempt) ? attempt->scores[VMP_SCORE_WAIT] > 0 : TRUE);

          /* None with too small a context before one that has no such fault. */
          if (i > 0 && is_too_small (&request, &candidates[plan.attempts[i - 1].candidate]))
            g_assert_true (is_too_small (&request, &candidates[attempt->candidate]));
        }

      /* And none of those that were left out for lack of room has a better claim of that sort. */
      for (guint i = 0; plan.n_attempts > 0 && i < n; i++)
        {
          if (candidates[i].rejection != VMP_REJECTED_NOT || tried[i])
            continue;
          if (!is_too_small (&request, &candidates[i]))
            g_assert_false (is_too_small (&request, &candidates[plan.attempts[plan.n_attempts - 1].candidate]));
        }
    }
}

/* The plan for one alone tells its scores. For strategies that look at nobody else the best eight of a table are then
 * those of a sorted one. */
typedef struct {
  gboolean waits;
  double main;
} Claim;

static int
compare_claims (const void *a,
                const void *b)
{
  const Claim *x = a;
  const Claim *y = b;

  if (x->waits != y->waits)
    return x->waits ? 1 : -1;

  return x->main < y->main ? -1 : x->main > y->main;
}

static void
test_best_property (void)
{
  static const VmpStrategy strategies[] = {
    VMP_STRATEGY_LEAST_BUSY,
    VMP_STRATEGY_MODEL_AFFINITY,
    VMP_STRATEGY_CONTEXT_WINDOW,
    VMP_STRATEGY_POWER_SAVER,
    VMP_STRATEGY_COST_SCORE,
    VMP_STRATEGY_FALLBACK_CHAIN,
  };

  for (guint table = 0; table < TABLES; table++)
    {
      VmpCandidate candidates[60];
      Claim claims[G_N_ELEMENTS (candidates)];
      guint n = (guint) g_test_rand_int_range (1, G_N_ELEMENTS (candidates) + 1);
      guint n_claims = 0;
      VmpPlanRequest request;
      VmpPlan plan;
      gboolean is_chain;

      plan_fixture_randomise (candidates, n);
      plan_fixture_randomise_request (&request);
      request.strategy = strategies[table % G_N_ELEMENTS (strategies)];
      request.likely_context = 0;
      is_chain = request.strategy == VMP_STRATEGY_FALLBACK_CHAIN;

      for (guint i = 0; i < n; i++)
        {
          if (reject_naively (&request, &candidates[i], TRUE) != VMP_REJECTED_NOT)
            continue;
          vmp_plan_make (&request, &candidates[i], 1, &plan);
          claims[n_claims].waits = !is_chain && waits (&plan.attempts[0]);
          claims[n_claims++].main = plan.attempts[0].scores[VMP_SCORE_MAIN];
        }
      if (n_claims == 0)
        continue;
      qsort (claims, n_claims, sizeof *claims, compare_claims);

      vmp_plan_make (&request, candidates, n, &plan);
      for (guint i = 0; i < plan.n_attempts; i++)
        {
          g_assert_cmpint (claims[i].waits, ==, !is_chain && waits (&plan.attempts[i]));
          g_assert_cmpfloat (claims[i].main, ==, plan.attempts[i].scores[VMP_SCORE_MAIN]);
        }
    }
}

static void
assert_same_attempts (const VmpPlan      *plan,
                      const VmpCandidate *candidates,
                      const VmpPlan      *other,
                      const VmpCandidate *others)
{
  g_assert_cmpuint (plan->n_attempts, ==, other->n_attempts);
  for (guint i = 0; i < plan->n_attempts; i++)
    {
      const VmpAttempt *attempt = &plan->attempts[i];
      const VmpAttempt *match = &other->attempts[i];

      g_assert_true (candidates[attempt->candidate].node == others[match->candidate].node);
      g_assert_cmpuint (attempt->readiness, ==, match->readiness);
      for (guint j = 0; j < VMP_N_SCORES; j++)
        g_assert_cmpfloat (attempt->scores[j], ==, match->scores[j]);
    }
}

static void
test_repetition_property (void)
{
  for (guint table = 0; table < TABLES; table++)
    {
      VmpCandidate candidates[40];
      guint n = (guint) g_test_rand_int_range (1, G_N_ELEMENTS (candidates) + 1);
      VmpPlanRequest request;
      VmpPlan plan;
      VmpPlan again;

      plan_fixture_randomise (candidates, n);
      plan_fixture_randomise_request (&request);
      vmp_plan_make (&request, candidates, n, &plan);
      /* What is left of another plan counts for nothing. */
      for (guint i = 0; i < n; i++)
        candidates[i].rejection = (VmpRejection) g_test_rand_int_range (0, VMP_N_REJECTIONS);
      vmp_plan_make (&request, candidates, n, &again);
      assert_same_attempts (&plan, candidates, &again, candidates);
      g_assert_cmpmem (plan.n_rejected, sizeof plan.n_rejected, again.n_rejected, sizeof again.n_rejected);
    }
}

static void
test_permutation_property (void)
{
  for (guint table = 0; table < TABLES; table++)
    {
      VmpCandidate candidates[40];
      VmpCandidate shuffled[G_N_ELEMENTS (candidates)];
      guint n = (guint) g_test_rand_int_range (1, G_N_ELEMENTS (candidates) + 1);
      VmpPlanRequest request;
      VmpPlan plan;
      VmpPlan other;

      plan_fixture_randomise (candidates, n);
      plan_fixture_randomise_request (&request);
      memcpy (shuffled, candidates, sizeof candidates);
      shuffle (shuffled, n);

      vmp_plan_make (&request, candidates, n, &plan);
      vmp_plan_make (&request, shuffled, n, &other);

      for (guint i = 0; i < n; i++)
        g_assert_cmpuint (shuffled[i].rejection, ==, candidates[GPOINTER_TO_UINT (shuffled[i].node) - 1].rejection);
      g_assert_cmpmem (plan.n_rejected, sizeof plan.n_rejected, other.n_rejected, sizeof other.n_rejected);
      g_assert_cmpint (plan.last_resort, ==, other.last_resort);

      /* The orders decide on turns, not the places. Shares by weight are dealt out along the places. */
      if (request.strategy != VMP_STRATEGY_WEIGHTED_ROUND_ROBIN)
        assert_same_attempts (&plan, candidates, &other, shuffled);
    }
}

/* Among any table's candidates those that are ever first are so equally often. */
static void
test_fairness_property (void)
{
  enum { SEEDS = 840 };

  for (guint table = 0; table < TABLES / 40; table++)
    {
      VmpCandidate candidates[8];
      guint firsts[G_N_ELEMENTS (candidates)] = { 0 };
      guint n = (guint) g_test_rand_int_range (1, G_N_ELEMENTS (candidates) + 1);
      guint n_firsts = 0;
      VmpPlanRequest request;
      VmpPlan plan;

      plan_fixture_randomise (candidates, n);
      plan_fixture_randomise_request (&request);
      /* Half the tables are of one sort only. */
      for (guint i = 1; i < n && table % 2 == 0; i++)
        {
          candidates[i] = candidates[0];
          candidates[i].order = i;
        }
      /* These two do not treat alike what has different weights, or a different order. */
      if (request.strategy == VMP_STRATEGY_WEIGHTED_ROUND_ROBIN || request.strategy == VMP_STRATEGY_FALLBACK_CHAIN)
        request.strategy = VMP_STRATEGY_RESIDENCY;

      for (request.seed = 0; request.seed < SEEDS; request.seed++)
        {
          vmp_plan_make (&request, candidates, n, &plan);
          if (plan.n_attempts > 0)
            firsts[plan.attempts[0].candidate]++;
        }

      for (guint i = 0; i < n; i++)
        n_firsts += firsts[i] > 0 ? 1 : 0;
      for (guint i = 0; i < n; i++)
        g_assert_true (firsts[i] == 0 || firsts[i] == SEEDS / n_firsts);
      if (table % 2 == 0 && n_firsts > 0)
        g_assert_cmpuint (n_firsts, ==, n);
    }
}

/* Numbers that nobody can have measured harm nothing. */
static void
test_absurd_numbers (void)
{
  static const double absurd[] = { NAN, INFINITY, -INFINITY, -1, 1e300, 1e-300, 0 };

  for (guint table = 0; table < TABLES; table++)
    {
      VmpCandidate candidates[12];
      VmpPlanRequest request;
      VmpPlan plan;

      plan_fixture_randomise (candidates, G_N_ELEMENTS (candidates));
      plan_fixture_randomise_request (&request);
      request.constraints = (VmpConstraints) { .max_latency_ms = absurd[g_test_rand_int_range (0, 7)] };
      request.weights[table % VMP_N_WEIGHTS] = absurd[g_test_rand_int_range (0, 7)];
      request.min_prefix = absurd[g_test_rand_int_range (0, 7)];
      request.balance_rel = absurd[g_test_rand_int_range (0, 7)];
      request.balance_abs = table % 2 == 0 ? G_MAXUINT : 0;
      request.seed = table % 3 == 0 ? G_MAXUINT64 : table;

      for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
        {
          VmpCandidate *candidate = &candidates[i];
          double *numbers[] = {
            &candidate->power, &candidate->cost, &candidate->node_quality, &candidate->parameters, &candidate->load_ms,
            &candidate->ttft_ms, &candidate->tokens_per_second, &candidate->duration_ms, &candidate->weight,
            &candidate->prefix,
          };

          for (guint j = 0; j < G_N_ELEMENTS (numbers); j++)
            *numbers[j] = absurd[g_test_rand_int_range (0, 7)];
          candidate->context = g_test_rand_bit () ? G_MAXINT64 : G_MININT64;
          candidate->size_bytes = g_test_rand_bit () ? G_MAXINT64 : G_MININT64;
          candidate->order = g_test_rand_bit () ? G_MAXUINT : 0;
          candidate->node_active = g_test_rand_bit () ? G_MAXUINT : 0;
          candidate->node_waiting = g_test_rand_bit () ? G_MAXUINT : 0;
          candidate->active = g_test_rand_bit () ? G_MAXUINT : 0;
          candidate->slots = g_test_rand_bit () ? G_MAXUINT : 1;
        }

      vmp_plan_make (&request, candidates, G_N_ELEMENTS (candidates), &plan);
      for (guint i = 0; i < plan.n_attempts; i++)
        {
          for (guint j = 0; j < VMP_N_SCORES; j++)
            g_assert_true (isfinite (plan.attempts[i].scores[j]));
        }
    }
}

/* -- Bugs that others have shipped --------------------------------------------------------- */

/* A node that fails at once has nothing to do, and so looks like the best one. */
static void
test_failing_node (void)
{
  VmpPlanRequest request = { .min_prefix = 0.3, .balance_abs = 3, .balance_rel = 1.5 };

  for (request.strategy = 0; request.strategy < VMP_N_STRATEGIES; request.strategy++)
    {
      VmpCandidate candidates[] = {
        { LOADED, .order = 0, .breaker_open = TRUE, .trusted = TRUE, .local = TRUE, .ttft_ms = 1, .has_session = TRUE,
          .tokens_per_second = 999, .weight = 99, .power = 1, .node_quality = 1, .prefix = 1 },
        { LOADED, .order = 1, .trusted = TRUE, .local = TRUE, .node_active = 3, .active = 3, .ttft_ms = 4000 },
        { LOADED, .order = 2, .trusted = TRUE, .local = TRUE, .node_active = 4, .active = 4, .ttft_ms = 5000 },
      };

      plan_fixture_assert_order (&request, candidates, 2, "b");
      g_assert_cmpuint (candidates[0].rejection, ==, VMP_REJECTED_BREAKER_OPEN);

      /* Not even when the other one has to be waited for. */
      candidates[1] = candidates[2];
      plan_fixture_assert_order (&request, candidates, 2, "b");
    }
}

static void
test_equal_scores (void)
{
  VmpPlanRequest request = { .min_prefix = 0.3, .balance_abs = 3, .balance_rel = 1.5 };

  for (request.strategy = 0; request.strategy < VMP_N_STRATEGIES; request.strategy++)
    {
      /* The same machine four times; no two measurements are ever the same. */
      VmpCandidate candidates[] = {
        { LOADED, .order = 0, .trusted = TRUE, .local = TRUE, .ttft_ms = 240.0, .tokens_per_second = 50.1 },
        { LOADED, .order = 0, .trusted = TRUE, .local = TRUE, .ttft_ms = 241.3, .tokens_per_second = 50.9 },
        { LOADED, .order = 0, .trusted = TRUE, .local = TRUE, .ttft_ms = 242.7, .tokens_per_second = 50.4 },
        { LOADED, .order = 0, .trusted = TRUE, .local = TRUE, .ttft_ms = 244.0, .tokens_per_second = 50.6 },
      };

      g_test_message ("%s", vmp_strategy_to_string (request.strategy));
      plan_fixture_assert_turns (&request, candidates, 4, "abcd");
    }
}

static void
test_residency_is_not_occupancy (void)
{
  VmpCandidate candidates[] = {
    { LOADED, .order = 0, .active = 4, .node_active = 4, .duration_ms = 30000, .load_ms = 5000 },
    { LOADED, .order = 1, .active = 3, .node_active = 3, .duration_ms = 30000, .load_ms = 5000 },
    { COLD, .order = 2, .load_ms = 5000 },
  };
  VmpPlanRequest request = { .strategy = VMP_STRATEGY_RESIDENCY };

  /* Loaded and free, then what begins sooner: a load of 5 s, or one of four requests of 30 s that has to end. */
  plan_fixture_assert_order (&request, candidates, 3, "bca");

  candidates[1].active = 4;
  candidates[0].duration_ms = 8000;
  candidates[1].duration_ms = 12000;
  plan_fixture_assert_order (&request, candidates, 3, "abc");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/plan/names/strategies", test_strategy_names);
  g_test_add_func ("/plan/names/others", test_other_names);
  g_test_add_func ("/plan/filter/first-reason-in-order", test_first_reason);
  g_test_add_func ("/plan/filter/unknown-context-does-not-satisfy", test_unknown_context);
  g_test_add_func ("/plan/filter/unknown-latency-passes", test_unknown_latency);
  g_test_add_func ("/plan/filter/queue-depth", test_queue_depth);
  g_test_add_func ("/plan/filter/kinds", test_kinds);
  g_test_add_func ("/plan/filter/likely-context-is-soft", test_likely_context);
  g_test_add_func ("/plan/filter/nobody", test_nobody);
  g_test_add_func ("/plan/filter/open-breakers-are-the-last-resort", test_last_resort);
  g_test_add_func ("/plan/readiness/states", test_readiness);
  g_test_add_func ("/plan/readiness/expected-waits", test_waits);
  g_test_add_func ("/plan/readiness/ready-before-waiting", test_ready_first);
  g_test_add_func ("/plan/turns/pick-nth", test_pick_nth);
  g_test_add_func ("/plan/turns/a-hundred-equals", test_many_equals);
  g_test_add_func ("/plan/turns/some-equals", test_some_equals);
  g_test_add_func ("/plan/turns/same-order", test_same_order);
  g_test_add_func ("/plan/property/filter", test_filter_property);
  g_test_add_func ("/plan/property/attempts", test_attempts_property);
  g_test_add_func ("/plan/property/the-best-are-picked", test_best_property);
  g_test_add_func ("/plan/property/same-input-same-output", test_repetition_property);
  g_test_add_func ("/plan/property/permutation", test_permutation_property);
  g_test_add_func ("/plan/property/fairness", test_fairness_property);
  g_test_add_func ("/plan/property/absurd-numbers", test_absurd_numbers);
  g_test_add_func ("/plan/bugs/least-busy-does-not-favour-a-failing-node", test_failing_node);
  g_test_add_func ("/plan/bugs/equal-scores-do-not-give-one-node-all", test_equal_scores);
  g_test_add_func ("/plan/bugs/residency-is-not-occupancy", test_residency_is_not_occupancy);

  return g_test_run ();
}

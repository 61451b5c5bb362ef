/* SPDX-License-Identifier: MIT
 *
 * How long a plan takes, by every strategy, over ten candidates and over a thousand. It prints a line per strategy, in
 * microseconds of processor time, the best of several runs. It judges nothing.
 */

#include <stdlib.h>
#include <time.h>

#include "routing/vmp-plan.h"

#define FEW 10
#define MANY 1000
#define RUNS 15

/* Plans of one run: some milliseconds of them. */
#define FEW_PLANS 10000
#define MANY_PLANS 200

/* Nodes of all sorts; in an order of their own, so that nothing comes sorted. */
static VmpCandidate *
make_candidates (guint n)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  VmpCandidate *candidates = g_new0 (VmpCandidate, n);

  for (guint i = 0; i < n; i++)
    {
      candidates[i] = (VmpCandidate) {
        .order = i,
        .approved = TRUE,
        .in_service = TRUE,
        .online = g_rand_int_range (rand, 0, 20) != 0,
        .breaker_open = g_rand_int_range (rand, 0, 20) == 0,
        .trusted = TRUE,
        .local = TRUE,
        .node_active = (guint) g_rand_int_range (rand, 0, 8),
        .power = g_rand_int_range (rand, 0, 400),
        .cost = g_rand_double (rand),
        .node_quality = g_rand_double (rand),
        .can = VMP_NEED_TOOLS,
        .context = g_rand_int_range (rand, 1, 64) * 4096,
        .size_bytes = g_rand_int_range (rand, 1, 64) * G_GINT64_CONSTANT (1000000000),
        .parameters = g_rand_int_range (rand, 1, 200),
        .slots = 4,
        .active = (guint) g_rand_int_range (rand, 0, 6),
        .loaded = g_rand_boolean (rand),
        .watched = g_rand_boolean (rand),
        .leading = g_rand_int_range (rand, 0, 8) == 0,
        .load_ms = g_rand_double_range (rand, 1000, 60000),
        .ttft_ms = g_rand_double_range (rand, 0, 2000),
        .tokens_per_second = g_rand_double_range (rand, 0, 150),
        .duration_ms = g_rand_double_range (rand, 100, 60000),
        .weight = g_rand_int_range (rand, 1, 5),
        .prefix = g_rand_double (rand),
      };
    }

  return candidates;
}

static double
measure (VmpStrategy   strategy,
         VmpCandidate *candidates,
         guint         n_candidates,
         guint         n_plans)
{
  VmpPlanRequest request = {
    .strategy = strategy,
    .constraints = { .needs = VMP_NEED_TOOLS, .min_context = 4096 },
    .likely_context = 8192,
    .balance_abs = 3,
    .balance_rel = 1.5,
    .min_prefix = 0.3,
  };
  double best = G_MAXDOUBLE;

  for (guint run = 0; run < RUNS; run++)
    {
      clock_t start = clock ();

      for (guint i = 0; i < n_plans; i++)
        {
          VmpPlan plan;

          request.seed++;
          vmp_plan_make (&request, candidates, n_candidates, &plan);
          if (plan.n_attempts == 0)
            {
              g_printerr ("No candidate fits.\n");
              exit (EXIT_FAILURE);
            }
        }
      best = MIN (best, (double) (clock () - start) / CLOCKS_PER_SEC);
    }

  return best * 1e6 / n_plans;
}

int
main (void)
{
  g_autofree VmpCandidate *few = make_candidates (FEW);
  g_autofree VmpCandidate *many = make_candidates (MANY);

  for (guint strategy = 0; strategy < VMP_N_STRATEGIES; strategy++)
    {
      g_print ("%-26s %3d: %5.2f us   %4d: %6.2f us\n", vmp_strategy_to_string (strategy),
               FEW, measure (strategy, few, FEW, FEW_PLANS), MANY, measure (strategy, many, MANY, MANY_PLANS));
    }

  return EXIT_SUCCESS;
}

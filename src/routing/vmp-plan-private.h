/* SPDX-License-Identifier: MIT
 *
 * What the parts of the plan share: vmp-plan.c, which filters and picks, vmp-plan-score.c, which gives each candidate
 * that fits its rank, and vmp-plan-scale.c, which finds what that needs to know of all of them.
 */

#pragma once

#include "routing/vmp-plan.h"

G_BEGIN_DECLS

/* A candidate's place as one number, the lower the better. Candidates with the same rank are equal, and take turns. */
typedef struct {
  guint64 rank;
  guint candidate;
} VmpPlanEntry;

/* What of all candidates that fit the rank of one depends on; only what the strategy needs is filled in. */
typedef struct {
  const VmpPlanRequest *request;
  double typical_ttft_ms;           /* the median of the known ones, as which unknown ones count */
  double typical_tokens_per_second;
  double typical_quality;           /* of those that are said; 0: of none */
  double best[VMP_N_WEIGHTS];       /* of each metric */
  double factors[VMP_N_WEIGHTS];    /* what makes a distance from that a share of the weighted sum */
  guint least_active;               /* requests at the node that has the fewest */
  guint drawn;                      /* the candidate whose turn it is by weight; G_MAXUINT: all weigh the same */
} VmpPlanScale;

/* Numbers above are not believed to be numbers of anything. */
#define VMP_PLAN_BELIEVABLE 1e15

/* The number, or 0 when it is none that can be: negative, infinite, not a number. */
static inline double
vmp_plan_believe (double value)
{
  return value > 0 && value < VMP_PLAN_BELIEVABLE ? value : 0;
}

/* -- Of all candidates --------------------------------------------------------------------- */

/* The @nth smallest, from 0. Puts @values into another order. */
guint64 vmp_plan_pick_nth (guint64 *values,
                           guint    n_values,
                           guint    nth);

/* @entries: the candidates that fit, one at least
 * @scratch: room for as many numbers */
void vmp_plan_scale_init (VmpPlanScale         *self,
                          const VmpPlanRequest *request,
                          const VmpCandidate   *candidates,
                          const VmpPlanEntry   *entries,
                          guint                 n_entries,
                          guint64              *scratch);

/* -- Of one -------------------------------------------------------------------------------- */

/* Who is looked at before whom, for strategies that do not compare waits: 0, 1, … */
guint vmp_plan_get_class (const VmpPlanRequest *request,
                          const VmpCandidate   *candidate);

double vmp_plan_get_weight (const VmpCandidate *candidate);

/* What best_available weighs.
 *
 * @metrics: (out caller-allocates) (array fixed-size=VMP_N_WEIGHTS) */
void vmp_plan_get_metrics (const VmpPlanScale *self,
                           const VmpCandidate *candidate,
                           double             *metrics);

/* @attempt: (out caller-allocates): all of it is written */
guint64 vmp_plan_scale_rank (const VmpPlanScale *self,
                             const VmpCandidate *candidates,
                             guint               candidate,
                             VmpAttempt         *attempt);

G_END_DECLS

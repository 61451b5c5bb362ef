/* SPDX-License-Identifier: MIT
 *
 * What the rank of one candidate needs to know of all that fit: medians, the ends of what is weighed, whose turn it is
 * by weight. Each takes time in proportion to their number.
 */

#include "routing/vmp-plan-private.h"

#include <string.h>

/* 2^64 divided by the golden ratio, and 2^64. */
#define GOLDEN_RATIO_64 G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)
#define TWO_TO_64 0x1p64

guint64
vmp_plan_pick_nth (guint64 *values,
                   guint    n_values,
                   guint    nth)
{
  gssize low = 0;
  gssize high = (gssize) n_values - 1;

  g_assert (nth < n_values);

  /* Hoare's selection: candidates mostly come in their order, for which the middle is the best guess. */
  while (low < high)
    {
      guint64 pivot = values[low + (high - low) / 2];
      gssize i = low;
      gssize j = high;

      while (i <= j)
        {
          while (values[i] < pivot)
            i++;
          while (values[j] > pivot)
            j--;
          if (i <= j)
            {
              guint64 value = values[i];

              values[i++] = values[j];
              values[j--] = value;
            }
        }

      if ((gssize) nth <= j)
        high = j;
      else if ((gssize) nth >= i)
        low = i;
      else
        break;
    }

  return values[nth];
}

/* The median of what is known of a number; 0 when nothing is. When all is known nobody counts as the median, and it is
 * any of them.
 *
 * @offset: of the number, a double, in VmpCandidate */
static double
find_typical (const VmpCandidate *candidates,
              const VmpPlanEntry *entries,
              guint               n_entries,
              gsize               offset,
              guint64            *scratch)
{
  guint64 middle;
  double typical;
  guint n = 0;

  /* The bits of positive doubles are in the same order as their values. */
  for (guint i = 0; i < n_entries; i++)
    {
      double value = vmp_plan_believe (G_STRUCT_MEMBER (double, &candidates[entries[i].candidate], offset));

      if (value > 0)
        memcpy (&scratch[n++], &value, sizeof value);
    }
  if (n == 0)
    return 0;

  middle = n < n_entries ? vmp_plan_pick_nth (scratch, n, n / 2) : scratch[0];
  memcpy (&typical, &middle, sizeof typical);

  return typical;
}

static void
take_weights (const VmpPlanRequest *request,
              double               *weights)
{
  double sum = 0;

  for (guint i = 0; i < VMP_N_WEIGHTS; i++)
    sum += vmp_plan_believe (request->weights[i]);
  for (guint i = 0; i < VMP_N_WEIGHTS; i++)
    weights[i] = sum > 0 ? vmp_plan_believe (request->weights[i]) / sum : 1.0 / VMP_N_WEIGHTS;
}

/* What each metric counts for: its distance from the best one, of which the worst one's is 1, times the weight. */
static void
find_factors (VmpPlanScale       *self,
              const VmpCandidate *candidates,
              const VmpPlanEntry *entries,
              guint               n_entries)
{
  double weights[VMP_N_WEIGHTS];
  double min[VMP_N_WEIGHTS];
  double max[VMP_N_WEIGHTS];

  take_weights (self->request, weights);
  for (guint i = 0; i < VMP_N_WEIGHTS; i++)
    {
      min[i] = VMP_PLAN_BELIEVABLE;
      max[i] = 0;
    }

  for (guint i = 0; i < n_entries; i++)
    {
      double metrics[VMP_N_WEIGHTS];

      vmp_plan_get_metrics (self, &candidates[entries[i].candidate], metrics);
      for (guint j = 0; j < VMP_N_WEIGHTS; j++)
        {
          min[j] = MIN (min[j], metrics[j]);
          max[j] = MAX (max[j], metrics[j]);
        }
    }

  for (guint i = 0; i < VMP_N_WEIGHTS; i++)
    {
      gboolean is_inverted = i == VMP_WEIGHT_LATENCY || i == VMP_WEIGHT_QUEUE_DEPTH;
      gboolean is_measured = i == VMP_WEIGHT_LATENCY || i == VMP_WEIGHT_TOKENS_PER_SECOND;
      double span = max[i] - min[i];

      /* Where all are nearly the same there is no best: the ends are two measurements of the same thing. */
      if (is_measured && (span <= max[i] / 20 || (is_inverted && span <= 1)))
        span = 0;

      self->best[i] = is_inverted ? min[i] : max[i];
      self->factors[i] = span > 0 ? (is_inverted ? weights[i] : -weights[i]) / span : 0;
    }
}

/* The lot falls on one of those that are ready (of those that are not when none is). The seeds' multiples of the golden
 * ratio are spread evenly over 0 … 1 and each next one lies far from those before it: that shares out by weight, and
 * smoothly. Where all weigh the same plain turns do it better. */
static guint
draw_by_weight (const VmpPlanRequest *request,
                const VmpCandidate   *candidates,
                const VmpPlanEntry   *entries,
                guint                 n_entries)
{
  guint class = G_MAXUINT;
  double first = 0;
  double sum = 0;
  gboolean differ = FALSE;
  guint drawn = G_MAXUINT;
  double lot;

  for (guint i = 0; i < n_entries; i++)
    {
      const VmpCandidate *candidate = &candidates[entries[i].candidate];
      double weight = vmp_plan_get_weight (candidate);
      guint its_class = vmp_plan_get_class (request, candidate);

      if (its_class > class)
        continue;
      if (its_class < class)
        {
          class = its_class;
          first = weight;
          sum = 0;
          differ = FALSE;
        }
      sum += weight;
      differ = differ || weight != first;
    }
  if (!differ)
    return G_MAXUINT;

  lot = (double) (request->seed * GOLDEN_RATIO_64) / TWO_TO_64 * sum;
  for (guint i = 0; i < n_entries && lot >= 0; i++)
    {
      const VmpCandidate *candidate = &candidates[entries[i].candidate];

      if (vmp_plan_get_class (request, candidate) != class)
        continue;
      drawn = entries[i].candidate;
      lot -= vmp_plan_get_weight (candidate);
    }

  return drawn;
}

static guint
find_least_active (const VmpCandidate *candidates,
                   const VmpPlanEntry *entries,
                   guint               n_entries)
{
  guint least = G_MAXUINT;

  for (guint i = 0; i < n_entries; i++)
    least = MIN (least, candidates[entries[i].candidate].node_active);

  return least;
}

void
vmp_plan_scale_init (VmpPlanScale         *self,
                     const VmpPlanRequest *request,
                     const VmpCandidate   *candidates,
                     const VmpPlanEntry   *entries,
                     guint                 n_entries,
                     guint64              *scratch)
{
  VmpStrategy strategy = request->strategy;
  gboolean all = strategy == VMP_STRATEGY_BEST_AVAILABLE;

  g_assert (n_entries > 0);

  *self = (VmpPlanScale) { .request = request, .drawn = G_MAXUINT };

  if (all || strategy == VMP_STRATEGY_LEAST_LATENCY)
    self->typical_ttft_ms =
      find_typical (candidates, entries, n_entries, G_STRUCT_OFFSET (VmpCandidate, ttft_ms), scratch);
  if (all || strategy == VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND)
    self->typical_tokens_per_second =
      find_typical (candidates, entries, n_entries, G_STRUCT_OFFSET (VmpCandidate, tokens_per_second), scratch);
  if (all || strategy == VMP_STRATEGY_QUALITY_SCORE)
    self->typical_quality =
      find_typical (candidates, entries, n_entries, G_STRUCT_OFFSET (VmpCandidate, node_quality), scratch);

  if (all)
    find_factors (self, candidates, entries, n_entries);
  if (strategy == VMP_STRATEGY_WEIGHTED_ROUND_ROBIN)
    self->drawn = draw_by_weight (request, candidates, entries, n_entries);
  if (strategy == VMP_STRATEGY_PREFIX_AFFINITY)
    self->least_active = find_least_active (candidates, entries, n_entries);
}

/* SPDX-License-Identifier: MIT
 *
 * The table of strategies.
 */

#include "core/vmp-strategy.h"

#include <string.h>

/* One more, so that the list of names ends with NULL. */
static const char * const names[VMP_N_STRATEGIES + 1] = {
  [VMP_STRATEGY_ROUND_ROBIN] = "round_robin",
  [VMP_STRATEGY_WEIGHTED_ROUND_ROBIN] = "weighted_round_robin",
  [VMP_STRATEGY_LEAST_BUSY] = "least_busy",
  [VMP_STRATEGY_LEAST_LATENCY] = "least_latency",
  [VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND] = "highest_tokens_per_second",
  [VMP_STRATEGY_BEST_AVAILABLE] = "best_available",
  [VMP_STRATEGY_MODEL_AFFINITY] = "model_affinity",
  [VMP_STRATEGY_CONTEXT_WINDOW] = "context_window",
  [VMP_STRATEGY_TRUSTED_ONLY] = "trusted_only",
  [VMP_STRATEGY_POWER_SAVER] = "power_saver",
  [VMP_STRATEGY_FALLBACK_CHAIN] = "fallback_chain",
  [VMP_STRATEGY_QUALITY_SCORE] = "quality_score",
  [VMP_STRATEGY_COST_SCORE] = "cost_score",
  [VMP_STRATEGY_PRIVACY_POLICY] = "privacy_policy",
  [VMP_STRATEGY_RESIDENCY] = "residency",
  [VMP_STRATEGY_PREFIX_AFFINITY] = "prefix_affinity",
};

static const char * const abouts[VMP_N_STRATEGIES] = {
  [VMP_STRATEGY_ROUND_ROBIN] = "The nodes take turns.",
  [VMP_STRATEGY_WEIGHTED_ROUND_ROBIN] = "The targets take turns, each as often as its weight says.",
  [VMP_STRATEGY_LEAST_BUSY] = "The node with the fewest requests for what it answers at a time.",
  [VMP_STRATEGY_LEAST_LATENCY] = "The node from which the first token is expected soonest, as seen so far.",
  [VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND] = "The node that was seen to write fastest.",
  [VMP_STRATEGY_BEST_AVAILABLE] = "The best of latency, speed, load and quality together, each by its weight.",
  [VMP_STRATEGY_MODEL_AFFINITY] = "The nodes that have the model loaded take turns; the others come after them.",
  [VMP_STRATEGY_CONTEXT_WINDOW] = "The smallest context window that is enough, so that larger ones stay free.",
  [VMP_STRATEGY_TRUSTED_ONLY] = "The nodes that are marked as trusted take turns; no other node is asked.",
  [VMP_STRATEGY_POWER_SAVER] = "The node that draws the least power, and one at work rather than an idle one.",
  [VMP_STRATEGY_FALLBACK_CHAIN] = "The targets in their order: the next one only when those before it fail.",
  [VMP_STRATEGY_QUALITY_SCORE] = "The node with the best quality that its owner states, else the largest model.",
  [VMP_STRATEGY_COST_SCORE] = "The node with the lowest cost that its owner states, then the smallest model.",
  [VMP_STRATEGY_PRIVACY_POLICY] = "Only nodes on this computer or the private network, those marked as trusted first.",
  [VMP_STRATEGY_RESIDENCY] = "A node that has the model loaded and is free, then the one that can begin soonest.",
  [VMP_STRATEGY_PREFIX_AFFINITY] = "The node that has read the beginning of this conversation, unless it is too busy.",
};

/* Names that documents and clients of former days use. */
static const struct {
  const char *name;
  VmpStrategy strategy;
} aliases[] = {
  { "least_loaded", VMP_STRATEGY_LEAST_BUSY },
  { "lowest_latency", VMP_STRATEGY_LEAST_LATENCY },
  { "best_quality", VMP_STRATEGY_QUALITY_SCORE },
};

const char *
vmp_strategy_to_string (VmpStrategy strategy)
{
  g_return_val_if_fail ((guint) strategy < VMP_N_STRATEGIES, NULL);

  return names[strategy];
}

gboolean
vmp_strategy_from_string (const char  *name,
                          VmpStrategy *strategy)
{
  guint i;

  g_return_val_if_fail (name != NULL, FALSE);

  for (i = 0; i < VMP_N_STRATEGIES; i++)
    {
      if (strcmp (names[i], name) == 0)
        {
          *strategy = i;
          return TRUE;
        }
    }
  for (i = 0; i < G_N_ELEMENTS (aliases); i++)
    {
      if (strcmp (aliases[i].name, name) == 0)
        {
          *strategy = aliases[i].strategy;
          return TRUE;
        }
    }

  return FALSE;
}

const char *
vmp_strategy_get_about (VmpStrategy strategy)
{
  g_return_val_if_fail ((guint) strategy < VMP_N_STRATEGIES, NULL);

  return abouts[strategy];
}

const char * const *
vmp_strategy_names (void)
{
  return names;
}

/* SPDX-License-Identifier: MIT
 *
 * The names of the ways to choose among nodes that fit, for whoever may name one: a client, a route, a setting. What
 * each does is the planner's business.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_STRATEGY_ROUND_ROBIN,
  VMP_STRATEGY_WEIGHTED_ROUND_ROBIN,
  VMP_STRATEGY_LEAST_BUSY,
  VMP_STRATEGY_LEAST_LATENCY,
  VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND,
  VMP_STRATEGY_BEST_AVAILABLE,
  VMP_STRATEGY_MODEL_AFFINITY,
  VMP_STRATEGY_CONTEXT_WINDOW,
  VMP_STRATEGY_TRUSTED_ONLY,
  VMP_STRATEGY_POWER_SAVER,
  VMP_STRATEGY_FALLBACK_CHAIN,
  VMP_STRATEGY_QUALITY_SCORE,
  VMP_STRATEGY_COST_SCORE,
  VMP_STRATEGY_PRIVACY_POLICY,
  VMP_STRATEGY_RESIDENCY,
  VMP_STRATEGY_PREFIX_AFFINITY,
  VMP_N_STRATEGIES
} VmpStrategy;

const char *vmp_strategy_to_string (VmpStrategy strategy); /* "round_robin", … */
/* Takes least_loaded, lowest_latency and best_quality, too, as some clients call three of them. */
gboolean vmp_strategy_from_string (const char  *name,
                                   VmpStrategy *strategy);
/* One sentence for people: what it prefers. */
const char *vmp_strategy_get_about (VmpStrategy strategy);
/* All names, NULL-terminated. (static) */
const char * const *vmp_strategy_names (void);

G_END_DECLS

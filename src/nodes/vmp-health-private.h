/* SPDX-License-Identifier: MIT
 *
 * When a node is looked at again, as a function of its own so that it can be tested without waiting.
 */

#pragma once

#include "nodes/vmp-health.h"

G_BEGIN_DECLS

/**
 * vmp_health_next_delay_ms:
 * @interval_s: between two looks at a node that answers; above 0
 * @pending: whether nobody has approved it yet
 * @n_failures: how often in a row it did not answer
 * @chance: from 0 to 1: what spreads nodes that came at the same time
 *
 * Returns: milliseconds until the next look
 */
gint64 vmp_health_next_delay_ms (guint    interval_s,
                                 gboolean pending,
                                 guint    n_failures,
                                 double   chance);

G_END_DECLS

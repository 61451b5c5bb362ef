/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the strictness of /api/v1, the only surface of LM Studio that
 * refuses what it does not know.
 */

#pragma once

#include "sim-error.h"

G_BEGIN_DECLS

/* @allowed: NULL-terminated; its first @n_required keys must be there, as strings unless they are
 * "input".
 * Returns: (nullable): what is wrong with the keys */
SimError *sim_strict_check (JsonObject         *request,
                            const char * const *allowed,
                            guint               n_required);

G_END_DECLS

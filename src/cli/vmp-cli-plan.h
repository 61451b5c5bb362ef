/* SPDX-License-Identifier: MIT
 *
 * How a plan is shown to people: where a request would be tried, in which order, and why not elsewhere.
 */

#pragma once

#include "core/vmp-json.h"

G_BEGIN_DECLS

/* A document with route, strategy, attempts and candidates, such as the gateway answers a preview with. (transfer
 * full) */
char *vmp_cli_show_plan (JsonNode *answer,
                         guint     columns);

/* What people call the reason why a candidate is not tried; one that is not known stays as it is. */
const char *vmp_cli_rejection_words (const char *name);

G_END_DECLS

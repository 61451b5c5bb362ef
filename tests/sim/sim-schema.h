/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: JSON that fits a JSON Schema, for structured answers and for
 * the arguments of tool calls. Simple schemas only; what it does not know it ignores.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

/* Appends a value that fits @schema, with what @question offers: names, numbers, quoted words.
 * @schema: (nullable): {} if NULL
 * @is_argument: for a tool: raw values instead of sentences, and required members only */
void sim_schema_write (JsonObject *schema,
                       const char *question,
                       gboolean    is_argument,
                       guint64     seed,
                       GString    *out);

G_END_DECLS

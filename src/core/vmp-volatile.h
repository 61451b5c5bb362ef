/* SPDX-License-Identifier: MIT
 *
 * Lines that agents put at the head of a prompt and change with every request, such as Claude Code's
 * `x-anthropic-billing-header: …; cch=…;`. They tell a model nothing, and undo every cache of prompts behind them.
 */

#pragma once

#include "core/vmp-json-scan.h"

G_BEGIN_DECLS

/**
 * vmp_volatile_find:
 * @body: one JSON object
 * @scan: of it
 * @cut: (out): bytes to take out, so that it stays the same JSON without the line: the line inside its string, or, when
 *   the string holds nothing else, the whole part of the list that holds it
 *
 * Looks at the beginning of `system` and of the first message only: what a user quotes further on is theirs.
 *
 * Returns: whether there is such a line
 */
gboolean vmp_volatile_find (const char        *body,
                            const VmpJsonScan *scan,
                            VmpSpan           *cut);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * Lengths of time as people write them: "90s", "30m", "8h", "2d", "1h30m", and ISO 8601's "PT8H" and "P1DT12H".
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads one. @seconds: (out): above 0, at most VMP_LIMIT_DURATION_SECONDS. FALSE when it is none: also months and
 * years, whose length differs, fractions, and a bare number. */
gboolean vmp_duration_parse (const char *text,
                             gint64     *seconds);

/* What a text should have been, as the rest of a sentence that begins with its name. (static) */
#define VMP_DURATION_MUST_BE "must be a length of time such as 90s, 30m, 8h, 2d or PT8H, of at most a year"

G_END_DECLS

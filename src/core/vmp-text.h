/* SPDX-License-Identifier: MIT
 *
 * Text that came from somebody else, on its way to a person: which characters may be shown as they are, how
 * the others are shown, and what a misspelt word was probably meant to be. Settings, log and command line
 * ask here. It judges characters only, never what the text means.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether a character may reach a terminal, a log or a window as it is. Control characters, line and paragraph
 * separators and the invisible formatting ones (direction overrides, tags) may not: they move the cursor, forge
 * lines, and make text look like other text. The two joiners may, which emoji and several scripts need. */
gboolean vmp_text_is_plain (gunichar c);

/**
 * vmp_text_next:
 * @text: where to read
 * @end: just past the last byte; above @text
 * @c: (out): the character, or (gunichar) -1 for a byte that is not UTF-8
 *
 * Returns: where the next character begins: one byte on where there was no character
 */
const char *vmp_text_next (const char *text,
                           const char *end,
                           gunichar   *c);

/* A copy of a string fit to be shown on one line: valid UTF-8, U+FFFD for all that is not plain or not UTF-8,
 * and at most @max_chars characters, then "…". (transfer full) */
char *vmp_text_display (const char *text,
                        gsize       max_chars);

/* A GHashFunc for strings that somebody else chose: other than with g_str_hash(), nobody can make many that fall
 * together, and each operation on a table of them a walk over all. */
guint vmp_text_hash (gconstpointer text);

/* The word of a NULL-terminated list that @word was probably meant to be: at most a third of its letters
 * missing, wrong or swapped with their neighbour; letter case and `_` for `-` do not count. NULL when none is
 * near. */
const char *vmp_text_nearest (const char         *word,
                              const char * const *known);

G_END_DECLS

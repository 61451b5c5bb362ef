/* SPDX-License-Identifier: MIT
 *
 * Reads what nobody else may see: not on the command line, and not on the screen.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One line from the terminal, without echo, after @prompt on stderr; or all of the standard input when that is no
 * terminal, less its last line end. @secret: (out) (transfer full). Returns the exit status, after having said what is
 * wrong when there is no secret. */
int vmp_cli_read_secret (const char *prompt,
                         char      **secret);

G_END_DECLS

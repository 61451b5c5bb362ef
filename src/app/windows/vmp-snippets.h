/* SPDX-License-Identifier: MIT
 *
 * How programs are pointed at this gateway: for each that people use, what to do and what to paste. Pure functions.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How many there are. */
guint vmp_snippets_get_n (void);
/* "curl", "Open WebUI", … */
const char *vmp_snippets_get_name (guint index);
/* Where it goes, as a sentence or two, translated. */
const char *vmp_snippets_get_advice (guint index);
/* What to paste. @base_url: such as "http://localhost:7777/v1"; @needs_token: whether this computer's programs need the
 * owner's token, which is not repeated here. (transfer full) */
char *vmp_snippets_make (guint       index,
                         const char *base_url,
                         gboolean    needs_token);

/* The address that programs of this computer use, of one that the gateway is reached at: "http://127.0.0.1:7777"
 * becomes "http://localhost:7777/v1". (transfer full) */
char *vmp_snippets_base_url (const char *url);

G_END_DECLS

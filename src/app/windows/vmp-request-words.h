/* SPDX-License-Identifier: MIT
 *
 * What is said about a request, in words, from what the mirror has of it. Plain text; no widgets. Never what was asked
 * or answered.
 */

#pragma once

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

gboolean vmp_request_words_is_running (VmpItem *request);
/* It ended, and not as whoever asked wanted it. */
gboolean vmp_request_words_has_failed (VmpItem *request);

/* Whose it is: "This computer", or the name of its key, which is its id when the mirror does not hold the keys or the
 * key is gone. (transfer none) */
const char *vmp_request_words_client (VmpItem   *request,
                                      VmpMirror *mirror);
/* The name of a key by its id. (transfer none) */
const char *vmp_request_words_key (const char *key_id,
                                   VmpMirror  *mirror);
/* "vampire:auto → qwen/qwen3-4b". (transfer full) */
char *vmp_request_words_model (VmpItem *request);
/* "Kim's laptop · studio · Answered". (transfer full) */
char *vmp_request_words_summary (VmpItem   *request,
                                 VmpMirror *mirror);
/* "Answered", "Refused (404, model_not_found)". (transfer full) */
char *vmp_request_words_outcome (VmpItem *request);
/* "44 tokens/s · 120 tokens · first token 185 ms · waited 2 s"; "" for nothing. (transfer full) */
char *vmp_request_words_figures (VmpItem *request);
/* "18 read, 120 written"; "" while it is not known. (transfer full) */
char *vmp_request_words_tokens (VmpItem *request);

/* How long it has taken, or takes until now, in milliseconds. @now: as from g_get_real_time() */
double vmp_request_words_elapsed (VmpItem *request,
                                  gint64   now);

/* The symbolic icon for how it stands, and the CSS class of its colour. (transfer none) */
const char *vmp_request_words_icon (VmpItem     *request,
                                    const char **css_class);

G_END_DECLS

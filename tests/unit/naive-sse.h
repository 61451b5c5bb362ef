/* SPDX-License-Identifier: MIT
 *
 * The reader of server-sent events once more, as slow and as plain as can be: what vmp_sse_reader_push() is
 * compared with, in its unit tests and by its fuzz target.
 */

#pragma once

#include <glib.h>

typedef struct {
  gsize whole;
  gboolean is_done;
  gboolean is_inside;
} NaiveSse;

/* What a reader should say that was pushed the bytes before @from, in whatever pieces, and then [@from, @to). */
void naive_sse_read (const char *text,
                     gsize       from,
                     gsize       to,
                     NaiveSse   *answer);

/* SPDX-License-Identifier: MIT
 *
 * What each fuzz target supplies, for libFuzzer or for standalone-main.c, and what the targets share.
 */

#pragma once

#include <glib.h>

/* Judges one input: returns 0, or aborts. */
int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);

/* How an input is cut into pieces. What decides is part of the input, so that a finding repeats itself. */
typedef struct {
  guint32 state;
} FuzzCuts;

static inline FuzzCuts
fuzz_cuts_begin (const guint8 *data,
                 gsize         size)
{
  return (FuzzCuts) { size > 0 ? (guint32) size * 256 + data[size - 1] : 1 };
}

/* Returns the length of the next piece of @left bytes: often a few, sometimes none, now and then many. */
static inline gsize
fuzz_cuts_next (FuzzCuts *self,
                gsize     left)
{
  gsize length;

  self->state = self->state * 1103515245 + 12345;
  length = (self->state >> 16) % 8;
  if (length == 7)
    length = (self->state >> 20) % 300;

  return MIN (length, left);
}

/* SPDX-License-Identifier: MIT
 *
 * The load generator's figures: what processes used of the machine between two moments, percentiles, and the lines
 * that tests/bench/run collects. Used by load-*.c; reads /proc and clocks, and changes nothing.
 */

#pragma once

#include "load.h"

G_BEGIN_DECLS

/* A moment: the clock, and what the measured processes had used by then. Nanoseconds. */
typedef struct {
  gint64 now_ns;
  gint64 cpu_ns;   /* of all threads, ended ones too */
  gint64 main_ns;  /* of the main threads, in which both gateways do their work */
  gint64 wait_ns;  /* that these were runnable and had no processor */
} VmpBenchMoment;

gboolean vmp_bench_moment_read (const VmpBenchOptions *options,
                                VmpBenchMoment        *moment,
                                GError               **error);

/* Prints cpu_us, the share of one of @count things, and wait_percent, the part of the time for which another process
 * had the processor that this one wanted; nothing when no process was given. */
void vmp_bench_print_usage (const VmpBenchOptions *options,
                            const VmpBenchMoment  *from,
                            const VmpBenchMoment  *to,
                            guint64                count);

/* Prints p50_us and p99_us of gint64 nanoseconds; sorts them. */
void vmp_bench_print_percentiles (GArray *samples);

void vmp_bench_print (const char *name,
                      double      value);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The load generator's measurements, one function each, chosen by load.c's first argument. Each talks to one port,
 * lasts a bounded time and prints its figures as lines "name value"; FALSE with an error when an answer was wrong.
 */

#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A measurement ends with an error when nothing has happened for this long. */
#define VMP_BENCH_STALL_MS 10000

typedef struct {
  guint port;
  guint connections;  /* or streams */
  guint rate;         /* events a second of each paced stream */
  guint ms;           /* length of the measured window */
  guint times;        /* starts of a program; or ports to find */
  int cpu;            /* where a started program runs; -1: anywhere */
  char *says;         /* what a started program prints when it listens, or NULL */
  pid_t *pids;        /* whose processor time and memory are read */
  guint n_pids;
  char **argv;        /* a program to start */
} VmpBenchOptions;

/* Closed loop of chat completions in one piece: requests_per_s, p50_us, p99_us, cpu_us, wait_percent. */
gboolean vmp_bench_post (const VmpBenchOptions *options, GError **error);

/* Streams as fast as they come: events_per_s, silence_ms (the longest of any stream), cpu_us, wait_percent. */
gboolean vmp_bench_flat (const VmpBenchOptions *options, GError **error);

/* Paced streams: events_per_s, p50_us and p99_us of each event's way from the upstream, cpu_us, wait_percent. */
gboolean vmp_bench_paced (const VmpBenchOptions *options, GError **error);

/* Opens streams and keeps them open: rss_mb, pss_mb while all are. */
gboolean vmp_bench_hold (const VmpBenchOptions *options, GError **error);

/* rss_mb, pss_mb now. */
gboolean vmp_bench_memory (const VmpBenchOptions *options, GError **error);

/* Starts a program, several times: listening_ms, answered_ms. */
gboolean vmp_bench_start (const VmpBenchOptions *options, GError **error);

/* Returns when the port answers. */
gboolean vmp_bench_wait (const VmpBenchOptions *options, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The text format of Prometheus, version 0.0.4, in which counts are read by monitoring programs. Callers give whole
 * families, one after the other; it knows how they are written, not what is counted.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A family begins; its samples follow, and no other's. @type: "counter", "gauge" or "histogram" */
void vmp_prometheus_family (GString    *out,
                            const char *name,
                            const char *type,
                            const char *help);

/* A sample, with labels as pairs of name and value, ended by NULL. A value of NULL counts as "". */
void vmp_prometheus_int (GString    *out,
                         const char *name,
                         guint64     value,
                         ...) G_GNUC_NULL_TERMINATED;
void vmp_prometheus_double (GString    *out,
                            const char *name,
                            double      value,
                            ...) G_GNUC_NULL_TERMINATED;

/* -- Histograms of durations ----------------------------------------------------------------- */

/* From an answer out of a cache to a long document from a model that had to be loaded. */
#define VMP_HISTOGRAM_BOUNDS 16

/* Zero-initialise. */
typedef struct {
  guint64 counts[VMP_HISTOGRAM_BOUNDS + 1]; /* above the bound before, up to its own; the last one: above all */
  guint64 n;
  double sum;                               /* seconds */
} VmpHistogram;

void vmp_histogram_add (VmpHistogram *self,
                        double        seconds);

/* Its buckets, sum and count. @label: (nullable) */
void vmp_prometheus_histogram (GString            *out,
                               const char         *name,
                               const VmpHistogram *histogram,
                               const char         *label,
                               const char         *value);

G_END_DECLS

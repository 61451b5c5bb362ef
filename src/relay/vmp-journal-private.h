/* SPDX-License-Identifier: MIT
 *
 * What the files of the journal share: the pool that traces come from and go back to, and the counts. Nobody else
 * includes this but their tests.
 */

#pragma once

#include "relay/vmp-journal.h"
#include "relay/vmp-names.h"

G_BEGIN_DECLS

/* -- The pool -------------------------------------------------------------------------------- */

typedef struct _VmpTracePool VmpTracePool;

/* Whoever holds a trace holds its pool. */
struct _VmpTracePool {
  guint ref_count;
  VmpNames *names;
  GList *unused;     /* links of VmpTrace */
  guint n_unused;
};

/* (transfer full) */
VmpTracePool *vmp_trace_pool_new (void);
VmpTracePool *vmp_trace_pool_ref (VmpTracePool *self);
void vmp_trace_pool_unref (VmpTracePool *self);

/* A trace with nothing in it. (transfer full) */
VmpTrace *vmp_trace_pool_take (VmpTracePool *self);

/* -- A plan that is kept ----------------------------------------------------------------------- */

typedef struct _VmpTracePlan VmpTracePlan;

/* (transfer full) */
VmpTracePlan *vmp_trace_plan_new (const VmpRouting *routing);
void vmp_trace_plan_free (VmpTracePlan *self);

/* What was decided, with the candidates that were kept. (transfer none) */
const VmpRouting *vmp_trace_plan_get (const VmpTracePlan *self);
/* Bytes it takes. */
gsize vmp_trace_plan_get_size (const VmpTracePlan *self);

/* -- The counts ------------------------------------------------------------------------------- */

typedef struct _VmpMetrics VmpMetrics;

/* @names: outlive it. (transfer full) */
VmpMetrics *vmp_metrics_new (VmpNames *names);
void vmp_metrics_free (VmpMetrics *self);

/* @trace: has ended. @now: monotonic µs */
void vmp_metrics_count_request (VmpMetrics     *self,
                                const VmpTrace *trace,
                                gint64          now);
void vmp_metrics_count_load (VmpMetrics *self,
                             const char *node,
                             const char *model,
                             gboolean    failed,
                             gint64      duration_ms);

const VmpCounts *vmp_metrics_get_totals (const VmpMetrics *self);
const VmpCounts *vmp_metrics_get_model_counts (VmpMetrics *self,
                                               const char *model);

/* Tokens of answers that ended which came within the last seconds, VMP_METRICS_RATE_SECONDS of them. */
double vmp_metrics_get_tokens (const VmpMetrics *self,
                               gint64            now);
#define VMP_METRICS_RATE_SECONDS 10

/* Both take NULL for counts of nothing. */
void vmp_metrics_build_model (VmpMetrics  *self,
                              const char  *model,
                              gint64       now,
                              JsonBuilder *builder);
void vmp_metrics_print (const VmpMetrics *self,
                        GString          *out);

G_END_DECLS

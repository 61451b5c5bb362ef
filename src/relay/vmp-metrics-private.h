/* SPDX-License-Identifier: MIT
 *
 * What vmp-metrics.c counts, for vmp-metrics-print.c, which shows it.
 */

#pragma once

#include "relay/vmp-journal-private.h"
#include "relay/vmp-prometheus.h"

G_BEGIN_DECLS

/* What is past the limits, and a model that no node lists. */
#define VMP_METRICS_OTHER "other"
#define VMP_METRICS_UNKNOWN "unknown"

/* The status of a result that stands for those past the limit. */
#define VMP_METRICS_OTHER_STATUS G_MAXUINT

/* The last hour, in parts. */
#define VMP_METRICS_HOUR_PARTS 12

/* Of one part of an hour. */
typedef struct {
  gint64 number;       /* of the part, counted from when the monotonic clock was 0 */
  guint requests;
  guint errors;
  guint n_latency;
  guint n_ttft;
  guint n_rate;
  double latency_ms;   /* sums of so many */
  double ttft_ms;
  double rate;
} VmpHourPart;

typedef struct {
  const char *name;
  VmpCounts counts;
  VmpHistogram durations;
  VmpHistogram first_events;
  VmpHourPart hour[VMP_METRICS_HOUR_PARTS];
} VmpModelCounts;

typedef struct {
  const char *name;
  guint64 retries;
  guint64 prefix_hits;
} VmpNodeCounts;

/* How often something came out in the same way. */
typedef struct {
  guint status;
  const char *word;    /* static: the outcome, or the reason of an error */
  guint64 n;
} VmpResultCount;

typedef struct {
  VmpModelCounts *model;
  VmpNodeCounts *node;
  GArray *results;     /* of VmpResultCount */
  GArray *errors;      /* of VmpResultCount, without status; NULL: none */
  guint64 prompt_tokens;
  guint64 completion_tokens;
  guint64 loads;       /* that went well */
  guint64 failed_loads;
} VmpPairCounts;

/* Each kind in the order of its first coming, with a table to find it by. */
struct _VmpMetrics {
  VmpNames *names;
  GHashTable *models;  /* name -> VmpModelCounts */
  GHashTable *nodes;   /* name -> VmpNodeCounts */
  GHashTable *pairs;   /* set of VmpPairCounts */
  GPtrArray *model_list;
  GPtrArray *node_list;
  GPtrArray *pair_list;

  VmpCounts totals;
  VmpHistogram loads;
  guint64 fallbacks;
  guint64 prefix_requests;

  /* Tokens that came in each of the last seconds, and which seconds those are. */
  double tokens[VMP_METRICS_RATE_SECONDS];
  gint64 seconds[VMP_METRICS_RATE_SECONDS];
};

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * What became of requests: the traces of the last ones, and the counts of all since the start. It holds names, times
 * and numbers; never prompts, answers or tokens. Exchanges write to it, reports read it.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-json.h"
#include "routing/vmp-router.h"

G_BEGIN_DECLS

typedef struct _VmpJournal VmpJournal;
typedef struct _VmpTrace VmpTrace;

/* One asking of one node. Its strings belong to the journal. */
typedef struct {
  const char *node;
  const char *model;        /* the host's id of it; NULL: the client's name went there, and no list has it */
  gint64 asked_us;          /* since the request came */
  gint64 answered_us;       /* to the head of its answer; 0: it never came */
  gint64 ended_us;          /* 0: it runs */
  guint status;             /* 0: none came */
  const char *reason;       /* why it failed, as the rest of a sentence; NULL: it did not */
  gboolean was_load;        /* its model was not loaded */
  gboolean continued;       /* it went on where another one broke off */
} VmpTraceAttempt;

/* One request, under way or ended. Open for reading. Its exchange alone writes to it: strings through the functions,
 * numbers as they are. */
struct _VmpTrace {
  char id[32];
  gint64 started_at;        /* µs since 1970 */
  gint64 started;           /* monotonic µs */
  const char *endpoint;     /* "/v1/chat/completions" */
  const char *model;        /* as the client named it, as plain text; NULL */
  const char *client_key;
  gboolean is_shared;
  gboolean is_stream;
  const char *route;
  const char *strategy;     /* static */
  gboolean is_routed;
  struct _VmpTracePlan *plan; /* the last one that was noted; NULL: none was, or it is not kept any more */
  GArray *attempts;         /* of VmpTraceAttempt: the first ones, and the last */
  guint n_attempts;         /* that there were */
  guint fallbacks;
  gint64 planned_us;        /* the making of plans took */
  gint64 queued_us;         /* it waited for a place */
  gint64 loading_us;        /* it waited for a load, its own or another's */
  gint64 first_event_us;    /* since it came, to the first event or byte of the body; 0: not yet */
  gint64 ended_us;          /* since it came; 0: it runs */
  guint status;
  const char *outcome;      /* static, as vmp_outcome_to_string() has it; NULL: it runs */
  const char *problem;      /* static: the code of the error table; NULL */
  gint64 prompt_tokens;     /* -1: not known */
  gint64 completion_tokens;
  double tokens_per_second; /* after the first event; 0: not known */
  double prefix;            /* how much of the prompt the node had seen, 0 … 1; -1: nobody compared */

  /* For the journal alone. */
  guint ref_count;
  GList link;               /* among those that run, or that ended */
  gboolean is_ended;
  struct _VmpTracePool *pool;
};

/* (transfer full) */
VmpJournal *vmp_journal_new (void);
/* All traces must have ended. */
void vmp_journal_free (VmpJournal *self);

/* How many traces are kept after their end: VMP_LIMIT_TRACES, until this is called with fewer. What is past it goes at
 * once; counts stay. */
void vmp_journal_set_limit (VmpJournal *self,
                            guint       limit);

/* A request came. @call: read now, not kept. (transfer full): to be given to vmp_journal_end() */
VmpTrace *vmp_journal_begin (VmpJournal    *self,
                             const VmpCall *call,
                             const char    *id);

/* -- While it runs ---------------------------------------------------------------------------- */

/* How it was decided. @route: (nullable); @strategy: static (nullable) */
void vmp_trace_set_route (VmpTrace   *self,
                          const char *route,
                          const char *strategy,
                          gboolean    is_routed);
/* The same, with the plan, in the place of an earlier one: what it was decided by is copied, and shown by
 * vmp_routing_build() when somebody asks. Of the candidates those that are tried are kept, and as many others as make
 * VMP_LIMIT_SHOWN_CANDIDATES. */
void vmp_trace_note_routing (VmpTrace         *self,
                             const VmpRouting *routing);

/**
 * vmp_trace_add_attempt:
 * @model: (nullable): the host's id of it; NULL when what the client named is in nobody's list: such requests are
 *   counted as of an "unknown" model, since clients can make up names
 * @now: monotonic µs
 *
 * Another attempt. Its index is trace->attempts->len - 1. Of more than VMP_LIMIT_TRACE_ATTEMPTS each new one takes the
 * place of the last.
 */
void vmp_trace_add_attempt (VmpTrace   *self,
                            const char *node,
                            const char *model,
                            gint64      now);
/* Of the last one: its model was not loaded; it goes on where another one broke off. */
void vmp_trace_mark_attempt (VmpTrace *self,
                             gboolean  was_load,
                             gboolean  continued);
/* The head of its answer came. @now: monotonic µs */
void vmp_trace_note_answer (VmpTrace *self,
                            gint64    now);
/* The last one; NULL. (transfer none) */
const VmpTraceAttempt *vmp_trace_get_attempt (const VmpTrace *self);
/* The last one ended, if it has not yet. @reason: (nullable) */
void vmp_trace_end_attempt (VmpTrace   *self,
                            guint       status,
                            const char *reason,
                            gint64      now);

/* -- Its end ----------------------------------------------------------------------------------- */

/* All counts are made here and nowhere else. An attempt that runs ends with it. @trace: (transfer full): it is among
 * the last ones from now on. @outcome, @problem: static */
void vmp_journal_end (VmpJournal *self,
                      VmpTrace   *trace,
                      guint       status,
                      const char *outcome,
                      const char *problem,
                      gint64      now);

/* What is not of one request: a load that ended. @duration_ms: 0: not known */
void vmp_journal_count_load (VmpJournal *self,
                             const char *node,
                             const char *model,
                             gboolean    failed,
                             gint64      duration_ms);

/* -- Reading ------------------------------------------------------------------------------------ */

/* Running ones first, then the last ones that ended, the newest first of each. Plans are kept of as many as
 * VMP_LIMIT_TRACE_PLANS_BYTES holds. (transfer full) (element-type VmpTrace) */
GPtrArray *vmp_journal_list (VmpJournal *self);
/* (transfer none) (nullable) */
const VmpTrace *vmp_journal_find (VmpJournal *self,
                                  const char *id);

VmpTrace *vmp_trace_ref (VmpTrace *self);
void vmp_trace_unref (VmpTrace *self);

/* Adds an object: the request in short, as GET /vampire/v1/requests lists it; and whole, as GET /vampire/v1/traces/{id}
 * shows it. */
void vmp_trace_build_short (const VmpTrace *self,
                            JsonBuilder    *builder);
void vmp_trace_build (const VmpTrace *self,
                      JsonBuilder    *builder);

/* Counts by model and by node, as the reports need them. Open for reading. */
typedef struct {
  guint64 requests;
  guint64 errors;           /* whose last attempt failed, or that were answered with 5xx */
  guint64 retries;          /* attempts after the first one */
  guint64 prompt_tokens;
  guint64 completion_tokens;
  guint64 prefix_hits;
  guint64 loads;
  guint64 failed_loads;
  double avg_latency_ms;    /* moving averages of those that went well: of the whole request */
  double avg_ttft_ms;       /* to the first event */
  double avg_tokens_per_second;
} VmpCounts;

/* NULL: nothing was counted of it. */
const VmpCounts *vmp_journal_get_model_counts (VmpJournal *self,
                                               const char *model);
const VmpCounts *vmp_journal_get_totals (VmpJournal *self);
/* Tokens per second over the last seconds, of all requests. Those that run are taken to be as fast as their model was
 * on average. @now: monotonic µs */
double vmp_journal_get_rate (VmpJournal *self,
                             gint64      now);

/* Adds members to an object: of the last hour requests_1h, avg_latency_ms, avg_ttft_ms, avg_tokens_per_second and
 * error_rate; since the start requests_total, errors_total, prompt_tokens, completion_tokens. @now: monotonic µs */
void vmp_journal_build_model (VmpJournal  *self,
                              const char  *model,
                              gint64       now,
                              JsonBuilder *builder);

/* Appends the counts in the text format of Prometheus: requests by model, node, status and outcome, histograms of
 * latency and of time to first token, tokens, retries, loads, prefix hits. At most VMP_LIMIT_METRIC_SERIES models,
 * nodes and pairs of them are told apart; what is past that is counted as "other". */
void vmp_journal_print_prometheus (VmpJournal *self,
                                   GString    *out);

G_END_DECLS

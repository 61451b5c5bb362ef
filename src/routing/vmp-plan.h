/* SPDX-License-Identifier: MIT
 *
 * Which candidates a call tries, in which order, and why not the others. A pure function of values: the same request
 * and candidates always give the same plan. It asks nobody, counts nothing, and has no clock.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-strategy.h"

G_BEGIN_DECLS

/* Why a candidate is not tried. */
typedef enum {
  VMP_REJECTED_NOT,
  VMP_REJECTED_PENDING,         /* its owner has not approved it, or has blocked it */
  VMP_REJECTED_DRAINING,        /* draining, disabled, in maintenance or in quarantine */
  VMP_REJECTED_OFFLINE,
  VMP_REJECTED_BREAKER_OPEN,
  VMP_REJECTED_TOKEN,           /* it asks for a token that is not there */
  VMP_REJECTED_LOOP,            /* the request came from there */
  VMP_REJECTED_EXCLUDED,        /* tried already, or its load failed a moment ago */
  VMP_REJECTED_MODEL_MISSING,
  VMP_REJECTED_WRONG_KIND,
  VMP_REJECTED_CAPABILITY,
  VMP_REJECTED_CONTEXT,
  VMP_REJECTED_NOT_TRUSTED,
  VMP_REJECTED_NOT_LOCAL,
  VMP_REJECTED_TOO_SLOW,
  VMP_REJECTED_QUEUE_FULL,
  VMP_N_REJECTIONS
} VmpRejection;

const char *vmp_rejection_to_string (VmpRejection rejection); /* "offline", "context_window_too_small", … */

/* What stands between a call and an attempt. */
typedef enum {
  VMP_READY_NOW,
  VMP_READY_COLD,      /* it may go there now, and has the model loaded by that */
  VMP_READY_LOADING,   /* the model is being loaded, for somebody else: wait for that */
  VMP_READY_FULL,      /* as many requests are there as are answered at a time: wait for one to end */
  VMP_READY_OCCUPIED,  /* loading it could throw out a model that is answering, or the node is being loaded or kept for
                        * another model: wait for that */
  VMP_N_READINESSES
} VmpReadiness;

const char *vmp_readiness_to_string (VmpReadiness readiness); /* "now", "cold", "loading", "full", "occupied" */

/* One model on one node at one moment. Zero-initialise. Unknown numbers are 0. */
typedef struct {
  gpointer host;               /* whose facts these are; never looked at */
  gpointer node;               /* only compared */
  guint order;                 /* of the node, or of the target in its route: 0, 1, … */

  /* The node. */
  gboolean approved;
  gboolean in_service;
  gboolean online;             /* online or degraded */
  gboolean breaker_open;
  gboolean lacks_token;
  gboolean came_through;
  gboolean trusted;
  gboolean local;
  guint node_active;           /* requests at any of its models */
  guint node_waiting;          /* reported by its agent */
  double power;                /* watts, as its owner says; 0: not said */
  double cost;                 /* per million tokens, as its owner says; negative: not said */
  double node_quality;         /* as its owner says; 0: not said */

  /* The model. */
  gboolean missing;            /* the node does not have it */
  VmpModelKind kind;
  VmpNeeds can;
  gint64 context;              /* tokens */
  gint64 size_bytes;
  double parameters;           /* in thousand millions */
  guint slots;                 /* 0: no limit known */
  guint active;
  gboolean loaded;
  gboolean watched;            /* its server loads on request and evicts: the next four count */
  gboolean leading;            /* the model is being loaded, or it is not certain that it is loaded, for a request under
                                * way */
  gboolean occupied;           /* the same for another model of the node, or the node is kept for another model */
  gboolean others_active;      /* requests are at other models of the node */
  double load_ms;              /* expected of a load */
  double ttft_ms;
  double tokens_per_second;
  double duration_ms;

  /* The call. */
  gboolean excluded;
  gboolean load_failed;        /* loading the model failed lately, before the call came */
  double weight;               /* of the target; 0 counts as 1 */
  double prefix;               /* 0 … 1: how much of the prompt the node has seen, as its beginning */
  gboolean has_session;        /* the session was there last */

  /* Out. */
  VmpRejection rejection;
} VmpCandidate;

/* What an attempt's place comes from; lower is better for all of them. */
typedef enum {
  VMP_SCORE_WAIT,      /* expected ms until the model begins with it */
  VMP_SCORE_MAIN,      /* what the strategy goes by */
  VMP_SCORE_BUSY,      /* requests per slot, in thousandths */
  VMP_N_SCORES
} VmpScore;

typedef struct {
  guint candidate;     /* its index */
  VmpReadiness readiness;
  double scores[VMP_N_SCORES];
} VmpAttempt;

/* Attempts of one call at most. More than that no client waits for. */
#define VMP_PLAN_ATTEMPTS 8

/* Which one, where a strategy goes by how models are at hand and says the same of several. */
typedef enum {
  VMP_SIZE_ANY,
  VMP_SIZE_SMALL,             /* the smallest */
  VMP_SIZE_MIDDLE             /* the one next to VMP_PLAN_MIDDLE_PARAMETERS */
} VmpSizeWish;

/* Thousand millions of parameters in the middle of what people run at home. */
#define VMP_PLAN_MIDDLE_PARAMETERS 12.0

typedef struct {
  VmpStrategy strategy;
  VmpSizeWish size_wish;      /* of residency and highest_tokens_per_second */
  VmpModelKind kind;
  gboolean any_kind;          /* the client named the model itself: whatever kind it is */
  VmpConstraints constraints;
  gint64 likely_context;      /* tokens the prompt seems to have; those with less come last */
  double weights[VMP_N_WEIGHTS];
  guint64 seed;               /* whose turn it is among equals */
  /* prefix_affinity: the node that knows the prompt is left when it has more requests than the least busy one by this
   * many and this many times */
  guint balance_abs;
  double balance_rel;
  double min_prefix;          /* less of a common beginning than this is not worth anything; 0 … 1 */
} VmpPlanRequest;

typedef struct {
  VmpStrategy strategy;       /* that was applied */
  guint n_attempts;
  VmpAttempt attempts[VMP_PLAN_ATTEMPTS]; /* the best first */
  guint n_rejected[VMP_N_REJECTIONS];
  gboolean last_resort;       /* all attempts are nodes whose breaker is open: there was nobody else */
} VmpPlan;

/**
 * vmp_plan_make:
 * @candidates: each gets its rejection written
 * @plan: (out caller-allocates)
 *
 * Filters first, then orders: by the strategy, then, where that is not turns by itself, by requests per slot, then by
 * turns that @seed moves on. A candidate that is ready now or can be loaded now comes before one that has to be waited
 * for, unless waiting for a loaded one is expected to be shorter than a load (residency), or a reason of the strategy
 * weighs more: the order of a fallback_chain, trust for privacy_policy, a known prompt for prefix_affinity. When the
 * breaker of every node that fits is open, those nodes are taken nevertheless.
 *
 * Takes time in proportion to @n_candidates.
 */
void vmp_plan_make (const VmpPlanRequest *request,
                    VmpCandidate         *candidates,
                    guint                 n_candidates,
                    VmpPlan              *plan);

G_END_DECLS

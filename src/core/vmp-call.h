/* SPDX-License-Identifier: MIT
 *
 * One request as a surface has understood it, on its way to a node. It owns nothing: the surface's request
 * holds the bytes for as long as the exchange lives.
 */

#pragma once

#include "core/vmp-json-scan.h"
#include "core/vmp-model.h"
#include "core/vmp-slice.h"

G_BEGIN_DECLS

/* A call's client when it asks from this computer, without a key. */
#define VMP_CALL_CLIENT_LOCAL "local"

/* What a model has to be able to do, as bits. */
typedef enum {
  VMP_NEED_NOTHING = 0,
  VMP_NEED_VISION = 1 << 0,
  VMP_NEED_TOOLS = 1 << 1,
  VMP_NEED_REASONING = 1 << 2
} VmpNeeds;

/* What the strategy best_available weighs. */
typedef enum {
  VMP_WEIGHT_LATENCY,
  VMP_WEIGHT_TOKENS_PER_SECOND,
  VMP_WEIGHT_QUEUE_DEPTH,
  VMP_WEIGHT_QUALITY_SCORE,
  VMP_N_WEIGHTS
} VmpWeight;

/* What a model is to be fit for, by the client's request or by the route's constraints; both hold. Zero-initialised
 * it asks for nothing. */
typedef struct {
  VmpNeeds needs;
  gint64 min_context;        /* tokens; 0: any */
  double max_latency_ms;     /* to the first token, as seen so far; 0: any */
  guint max_queue_depth;     /* calls at or waiting for a node beyond what it answers at a time; counts when the next
                              * member says so */
  gboolean has_max_queue_depth;
  gboolean trusted_only;     /* the owner marked the node as trusted */
  gboolean local_only;       /* this computer or a private network, and no other gateway */
} VmpConstraints;

typedef enum {
  VMP_TRACE_OFF,
  VMP_TRACE_ON,              /* metadata in the answer */
  VMP_TRACE_STREAM           /* also events in the stream */
} VmpTraceMode;

/* What a client asks of the gateway itself, by X-Vampire-* fields and the body's member `vampire`. Zero-initialised it
 * asks for nothing. */
typedef struct {
  gboolean opted_in;         /* a plain model is to be treated as a route as well */
  char *strategy;            /* one of vmp_strategy_to_string(); NULL: the route's or the default */
  char *route;               /* id of a route; NULL */
  char *session;             /* what belongs together goes to the same node; NULL */
  VmpConstraints constraints;
  gboolean has_weights;
  double weights[VMP_N_WEIGHTS];
  gboolean only_one_attempt; /* no other node is asked when the first one fails */
  gboolean has_continue;
  gboolean continues;        /* a stream that breaks off is continued by another node; counts with has_continue */
  gboolean include_metadata;
  VmpTraceMode trace;
} VmpCallOptions;

typedef struct {
  const char *id;             /* "req_…": in X-Vampire-Request-ID, the trace and the log */
  VmpSlice method;
  VmpSlice target;            /* path and query as they came */
  VmpSlice path;
  const VmpHttpField *fields; /* as they came, hop-by-hop ones and credentials included */
  guint n_fields;
  const char *body;           /* without what was for the gateway alone */
  gsize body_len;
  gboolean has_body;
  const VmpJsonScan *scan;    /* of @body; NULL: it is not one JSON object */
  gint64 started;             /* monotonic time in µs at which its head was complete */
  gint64 deadline;            /* monotonic µs at which its client gives up waiting for a first byte; 0: not known */
  const char *model;          /* as the client named it; NULL: none */
  VmpModelKind kind;          /* VMP_MODEL_EMBEDDING for a request that wants embeddings, else VMP_MODEL_LLM */
  gboolean is_stream;         /* the client wants events */
  const VmpCallOptions *options;
  const char *session;        /* the session's key, from whichever field names one; NULL: none */
  const char *owner_id;       /* an id whose node must answer, such as previous_response_id; NULL */
  const char *client_key;     /* id of the client key that let it in; NULL: none */
  const char *client;         /* who asks, for fairness: the key's id, else the peer's address */
  gboolean is_shared;         /* it came from another computer, where such are let in while sharing */
} VmpCall;

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * One asking of one node: the request goes up with the node's token, and the answer is looked at before it counts as
 * one: its status, the first event of a stream, the whole of a short document. What fails before that can be tried
 * elsewhere. Afterwards whole events, or bytes, are handed on at the pace of whoever takes them.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-problem.h"
#include "nodes/vmp-registry.h"
#include "relay/vmp-usage.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

typedef struct _VmpAsking VmpAsking;

/* The head of an answer that counts. Valid while the asking is. */
typedef struct {
  guint status;
  VmpSlice reason;
  const VmpHttpField *fields; /* those that are meant for the client */
  guint n_fields;
  gint64 length;              /* bytes of the body, or -1 */
  gboolean is_events;         /* whole events follow, but for one longer than VMP_LIMIT_EVENT_BYTES */
  gboolean is_whole;          /* the body follows at once and in one piece */
} VmpAnswer;

/* What went wrong. */
typedef struct {
  VmpProblem problem;
  char *message;              /* a whole sentence for the client; names the node */
  char *reason;               /* the rest of one that begins with the node's name: "answered with status 503" */
  guint status;               /* of the answer; 0: there was none */
  gboolean is_answer;         /* the node did answer: that can be passed on with vmp_asking_accept() */
  gboolean is_busy;           /* waiting may help: 429, 503 */
  gboolean loads_nothing;     /* it says that nothing is loaded, and does not load it by itself */
  gboolean could_not_load;    /* it says that it failed to load the model */
  gboolean is_models;         /* it has to do with the model, not with the node: others of its may do better */
  const char *suspended;      /* the node is not who was approved: why; NULL */
} VmpAskingFailure;

void vmp_asking_failure_clear (VmpAskingFailure *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpAskingFailure, vmp_asking_failure_clear)

typedef struct {
  /* The first event, or the first bytes of the body, are there: the model is at it. Before answered(). */
  void (*begun) (gpointer user_data);
  /* It counts as an answer. */
  void (*answered) (gpointer         user_data,
                    const VmpAnswer *answer);
  /* FALSE: nothing can be taken now; vmp_asking_resume() follows. */
  gboolean (*has_room) (gpointer user_data);
  void (*body) (gpointer    user_data,
                const char *data,
                gsize       len);
  /* The answer is whole. The asking is to be freed. */
  void (*done) (gpointer user_data);
  /* Before answered() it can be tried elsewhere; after it, it broke off. The asking is to be freed, or, if
   * @failure->is_answer, accepted. @failure may be taken over by stealing its strings */
  void (*failed) (gpointer          user_data,
                  VmpAskingFailure *failure);
} VmpAskingFuncs;

/**
 * vmp_asking_start:
 * @call: must stay valid until the asking is freed
 * @host: (nullable): the model it is for
 * @body: (transfer full) (nullable): goes up in the place of the call's body
 * @funcs: static
 *
 * Nothing is called before this returns.
 *
 * Returns: (transfer full) (nullable): NULL when the node may not be asked now
 */
VmpAsking *vmp_asking_start (VmpUpstream          *upstream,
                             VmpRegistry          *registry,
                             const char           *via,
                             const VmpCall        *call,
                             VmpNode              *node,
                             VmpHost              *host,
                             char                 *body,
                             gsize                 body_len,
                             const VmpAskingFuncs *funcs,
                             gpointer              user_data);

/* Ends it, telling the node at once if it is not over, and the registry what became of it. Its functions may call
 * this. */
void vmp_asking_free (VmpAsking *self);

/* In failed(), for a failure that is an answer: pass it on as it is. answered(), body() and done() follow, some of
 * them before this returns. */
void vmp_asking_accept (VmpAsking *self);

/* There is room again. Functions may be called before it returns. */
void vmp_asking_resume (VmpAsking *self);

/* An error that comes as an event after others is a failure as well, and not passed on: for streams that can be
 * continued elsewhere. Before its first call. */
void vmp_asking_watch_errors (VmpAsking *self);

/* Its answer goes on with events that were passed on already: one that is none, such as a refusal, is a failure. */
void vmp_asking_take_events_only (VmpAsking *self);

/* Whether the stream stands between two events, so that others may be put in. */
gboolean vmp_asking_is_between_events (VmpAsking *self);

VmpNode *vmp_asking_get_node (VmpAsking *self);
VmpHost *vmp_asking_get_host (VmpAsking *self);
const VmpUsage *vmp_asking_get_usage (VmpAsking *self);
/* Monotonic µs: when it was asked, when the head of the answer came, when the first event or byte did; 0: not yet. */
gint64 vmp_asking_get_asked (VmpAsking *self);
gint64 vmp_asking_get_answered (VmpAsking *self);
gint64 vmp_asking_get_begun (VmpAsking *self);
guint vmp_asking_get_status (VmpAsking *self);
/* Whether it is answered with events. */
gboolean vmp_asking_is_stream (const VmpAsking *self);
/* Tokens per second after the first event; 0: not known. */
double vmp_asking_get_rate (VmpAsking *self,
                            gint64     now);
/* Its sample of how long a first event takes is of a load as well, and tells nothing of the model's speed. */
void vmp_asking_set_cold (VmpAsking *self);

G_END_DECLS

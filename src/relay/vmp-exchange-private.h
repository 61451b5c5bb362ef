/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-exchange*.c and vmp-relay.c share: an exchange and the relay it belongs to. vmp-exchange.c has
 * its life and the node at hand, vmp-exchange-choose.c decides which one is asked next, vmp-exchange-answer.c what its
 * client gets to see.
 */

#pragma once

#include "core/vmp-buffer.h"
#include "relay/vmp-asking.h"
#include "relay/vmp-exchange.h"
#include "relay/vmp-splice.h"

G_BEGIN_DECLS

struct _VmpRelay {
  VmpRelayParts parts;
  VmpRelaySettings settings;
  VmpLoads *loads;
  VmpQueue *queue;
  GQueue exchanges;        /* of VmpExchange */
  VmpDeferred pump;        /* those that wait are tried again */
  VmpTimer tick;           /* set while somebody waits */
  VmpTimer due;            /* when the first of them is to be told that it waits in vain */
  gint64 measured;         /* monotonic µs of the last look at the rate; 0: none yet */
  gint64 streamed;         /* tokens of the streams that ended */
  gint64 streamed_before;  /* the same at that look, with those of the streams that ran */
  double whole_rate;       /* of the answers that came whole since, tokens per second */
  VmpRelayLoadFunc load_event;
  gpointer load_event_data;
};

struct _VmpExchange {
  VmpRelay *relay;
  GList link;
  const VmpCall *call;
  const VmpReplySink *sink_funcs;
  gpointer sink;
  VmpTrace *trace;

  /* Choosing. */
  VmpExclusions tried;     /* not to be asked (again) */
  gboolean took_turn;
  gboolean has_refreshed;  /* the nodes were looked at anew for it */
  gboolean is_refreshing;
  gboolean has_asked_load; /* a node that had nothing loaded was to load it for this */
  VmpQueueEntry place;     /* in the queue */
  gboolean waits_for_load;
  VmpHost *awaited;        /* whose load it waits for; NULL */
  gboolean has_noted_owner; /* of the response's id */
  VmpHost *kept;           /* whose node is kept for it, since it has waited too long; NULL */

  /* The node at hand. */
  VmpAsking *asking;       /* NULL: none */
  VmpHost *leads;          /* it is the one whose model is being loaded, or looked after; NULL: none */

  /* What went wrong so far. */
  guint n_failures;
  guint n_busy;            /* of them, those for which waiting may help */
  GString *failures;       /* "studio answered with status 503; …"; NULL: none */

  /* The answer. */
  gboolean has_head;       /* it was sent */
  gboolean has_answered;   /* a node's answer is passed on: no other one can take its place */
  gboolean is_events;
  gboolean length_promised;
  gboolean is_whole;       /* what comes is all of it, and its head waits for it */
  gboolean is_misplaced;   /* a document where events were promised, such as a late refusal: it becomes the last one */
  gboolean in_misplaced_line;
  gboolean is_traced;      /* each event gets a name, others are put in */
  guint status;
  const VmpAnswer *answer; /* whose head waits; NULL */
  char *identity;          /* of the stream's chunks, for the one that is put in; NULL */
  VmpSplice *splice;       /* NULL: it cannot be continued */
  VmpHost *broken;         /* that answered last, when it broke off; NULL: none has */
  VmpBuffer spliced;
  VmpBuffer annotated;
};

/* -- vmp-relay.c ----------------------------------------------------------------------------- */

/* Those that wait are tried again before the loop's next turn. */
void vmp_relay_pump (VmpRelay *self);
/* Somebody waits: deadlines and patience run. */
void vmp_relay_tick_soon (VmpRelay *self);

/* An asking has ended, with so many tokens. */
void vmp_relay_note_tokens (VmpRelay  *self,
                            VmpAsking *asking,
                            gint64     tokens,
                            gint64     now);

/* -- vmp-exchange.c ------------------------------------------------------------------------- */

/* Asks the node of an attempt. FALSE when it may not be asked now. */
gboolean vmp_exchange_ask (VmpExchange      *self,
                           const VmpRouting *routing,
                           guint             attempt,
                           VmpLead           lead,
                           gboolean          continues,
                           gint64            now);

/* All that could be asked were. The exchange is gone then. */
void vmp_exchange_give_up (VmpExchange *self,
                           VmpProblem   problem,
                           const char  *message);

/* Ends an answer that cannot be completed, in the way that fits how far it has come. The exchange is gone then. */
void vmp_exchange_end_badly (VmpExchange *self,
                             VmpOutcome   outcome,
                             VmpProblem   problem,
                             const char  *message);

/* Takes it out of everything it is in, and counts what became of it. */
void vmp_exchange_free (VmpExchange *self,
                        VmpOutcome   outcome,
                        const char  *problem_code);

/* A second has passed while somebody waits. */
void vmp_exchange_tick (VmpExchange *self,
                        gint64       now);

/* -- vmp-exchange-choose.c ------------------------------------------------------------------ */

/* Plans, and goes where it can; else it waits, or is refused and gone. Whether it left the queue, for the pump. */
gboolean vmp_exchange_try (VmpExchange *self);

/* Whether there is another node that the call could go to, or may be. */
gboolean vmp_exchange_has_alternative (VmpExchange *self,
                                       gboolean     went_in_circle);

/* It waits no longer. */
void vmp_exchange_leave_queue (VmpExchange *self);

/* -- vmp-exchange-answer.c ------------------------------------------------------------------ */

/* The first of a node's answer is there. */
void vmp_exchange_send_answer (VmpExchange     *self,
                               const VmpAnswer *answer);
void vmp_exchange_send_body (VmpExchange *self,
                             const char  *data,
                             gsize        len);
/* What is left when the node has said all. */
void vmp_exchange_send_rest (VmpExchange *self);
/* The stream begins before there is an answer, so that its client sees that something is happening. */
void vmp_exchange_send_comment (VmpExchange *self,
                                gint64       now);
/* An error in the place of an answer that has not begun. */
void vmp_exchange_send_problem (VmpExchange *self,
                                VmpProblem   problem,
                                const char  *message);
/* The same as the last event of a stream that has. */
void vmp_exchange_send_problem_event (VmpExchange *self,
                                      VmpProblem   problem,
                                      const char  *message);
/* What is missing at the end of a stream that broke off after it had said all; FALSE: it had not. */
gboolean vmp_exchange_send_ending (VmpExchange *self);
/* Another node goes on from here. */
void vmp_exchange_send_continued (VmpExchange *self);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-loads*.c share. A node that is watched over has a place, and a place has one hold at a time: the
 * reason for which only one of its models may get requests now. vmp-loads.c has leads, vmp-loads-hold.c what all holds
 * go through, vmp-loads-owner.c what is asked of a node instead of being caused by a request, vmp-loads-ask.c how.
 */

#pragma once

#include "relay/vmp-loads.h"

G_BEGIN_DECLS

typedef struct _VmpHold VmpHold;
typedef struct _VmpLoadsAsk VmpLoadsAsk;

typedef enum {
  VMP_HOLD_LEAD,    /* a request is at a model that may not be in memory */
  VMP_HOLD_KEEP,    /* kept for a model that has waited too long */
  VMP_HOLD_LOAD,    /* asked for, by the owner or since the node does not load by itself */
  VMP_HOLD_UNLOAD
} VmpHoldKind;

typedef enum {
  VMP_HOLD_WAITING,  /* in place->waiting, not on the node yet */
  VMP_HOLD_KEPT,     /* no other model gets requests; those that did are waited for */
  VMP_HOLD_LEADING,  /* the leader's first event is waited for */
  VMP_HOLD_LOOKING,  /* at what is in memory, before something is asked */
  VMP_HOLD_ASKING,   /* the node is to load or unload */
  VMP_HOLD_WATCHING, /* it may be loading, and nobody will be told when it has */
  VMP_HOLD_CHECKING  /* done; what that has thrown out is looked at */
} VmpHoldState;

/* Who is to be told. */
typedef struct {
  VmpLoadDone done;
  gpointer user_data;
  char *error;
  char *instance;
  gint64 duration_ms;
  GList link;             /* in hold->callers or loads->told */
} VmpLoadsCaller;

/* A node. */
typedef struct {
  VmpLoads *loads;
  VmpNode *node;
  VmpHold *hold;            /* NULL: all models may get requests */
  GQueue waiting;           /* of VmpHold */
  gboolean asks_for_loads;  /* the node does not load by itself */
  gint64 look_began;        /* monotonic µs, of a look for those below; 0: none is under way */
  GPtrArray *unsure;        /* of VmpHost, that requests wait for while others answer */
} VmpLoadsPlace;

struct _VmpHold {
  VmpLoadsPlace *place;
  VmpHost *host;
  VmpHoldKind kind;
  VmpHoldState state;
  GList link;               /* in place->waiting */
  GQueue callers;           /* of VmpLoadsCaller */
  gint64 began;             /* monotonic µs */
  gboolean is_load;         /* VMP_LOAD_STARTED was told, and not its end */
  gboolean is_late;         /* it has waited for as long as is decent */

  gint64 look_began;        /* monotonic µs; 0: none is under way */
  VmpLoadsAsk *ask;         /* NULL: none is under way */
  guint look_delay_ms;      /* until the next look, of a watch */

  /* Monotonic µs; 0: not set. */
  gint64 next_progress;
  gint64 next_look;
  gint64 deadline;
  gint64 due;               /* the first of them */
  GSequenceIter *due_link;  /* in loads->due; NULL: none is set */

  /* What the owner wants. */
  gint64 context_length;    /* 0: as the server has it */
  char *instance;           /* of an unload; NULL: all */
  gboolean force;
  GQueue left;              /* of ids of copies that are still to go */
  guint n_unloaded;
  char *error;              /* what it has come to, if nothing better can be said; NULL: none so far */
};

struct _VmpLoads {
  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpRegistry *registry;
  VmpHealth *health;
  const char *via;
  VmpLoadsFuncs funcs;
  gpointer user_data;

  GHashTable *places;       /* VmpNode -> VmpLoadsPlace */
  GSequence *due;           /* of VmpHold */
  guint n_loads;            /* holds with is_load */
  guint n_waiting;          /* loads and unloads that are not on their node yet, or wait there for others to end */
  VmpTimer timer;
  VmpDeferred turn;
  gboolean has_changed;
  GQueue told;              /* of VmpLoadsCaller that are to be told */
};

/* -- vmp-loads.c ---------------------------------------------------------------------------- */

/* (transfer none) */
VmpLoadsPlace *vmp_loads_get_place (VmpLoads *self,
                                    VmpNode  *node);
/* Something may be possible now. */
void vmp_loads_request_turn (VmpLoads *self,
                             gboolean  has_changed);
/* Whether a model is certain to be in memory. */
gboolean vmp_loads_is_sure (const VmpHost *host,
                            gint64         now);
/* Whether requests are at the node that are not for that model. */
gboolean vmp_loads_others_active (const VmpHost *host);
/* Looks at the node for the sake of a host that requests wait for. */
void vmp_place_look (VmpLoadsPlace *self,
                     VmpHost       *host);

/* "LM Studio at http://studio.local:1234" (transfer full) */
char *vmp_loads_name_server (const VmpNode *node);

/* -- vmp-loads-hold.c ----------------------------------------------------------------------- */

/* One that waits. */
VmpHold *vmp_hold_new (VmpLoadsPlace *place,
                       VmpHost       *host,
                       VmpHoldKind    kind,
                       gint64         now);
/* Now only its model may get requests; when it is @leading, not even that. */
void vmp_hold_take (VmpHold     *self,
                    VmpHoldState state,
                    gboolean     leading);
void vmp_hold_set_state (VmpHold     *self,
                         VmpHoldState state);
/* Whether it has to wait for others before it can begin. */
gboolean vmp_hold_is_waiting (const VmpHold *self);
/* When the next of its times is. */
void vmp_hold_schedule (VmpHold *self);
void vmp_hold_look (VmpHold *self);
/* Whether the look that is back says that the model is in memory, or says nothing. */
gboolean vmp_hold_saw_loaded (const VmpHold *self,
                              gint64         look_began);
gboolean vmp_hold_saw_nothing (const VmpHold *self,
                               gint64         look_began);
/* Whether its node has gone since it began, and what it was loading with it. */
gboolean vmp_hold_is_off (const VmpHold *self);
/* From here on it counts as a load, and those who follow the events are told. */
void vmp_hold_begin_load (VmpHold *self,
                          gint64   began,
                          gint64   now);
/* The model is in memory. @took_ms: what to learn of it; 0: nothing */
void vmp_hold_loaded (VmpHold    *self,
                      const char *instance,
                      double      took_ms,
                      gint64      now);
/* It is not, for a reason. */
void vmp_hold_failed (VmpHold    *self,
                      const char *reason,
                      gint64      now);
/* The node does not do as it is told: a request may still have it loaded. */
void vmp_hold_refused (VmpHold    *self,
                       const char *reason,
                       gint64      now);
/* The model's requests may go on; the others' when what is in memory was looked at. */
void vmp_hold_check (VmpHold *self,
                     gint64   now);
/* It may be loading: looks until it has. */
void vmp_hold_watch (VmpHold *self,
                     gint64   now);
/* Frees it, and the node. Its callers are told @error, or that it is done. */
void vmp_hold_end (VmpHold    *self,
                   const char *error,
                   gint64      now);
/* @error: (nullable) */
void vmp_hold_tell_callers (VmpHold    *self,
                            const char *error,
                            const char *instance,
                            gint64      now);
/* 0 … 1; negative: it is no load. */
double vmp_hold_get_progress (const VmpHold *self,
                              gint64         now);
void vmp_hold_emit (VmpHold     *self,
                    VmpLoadState state,
                    const char  *reason,
                    gint64       now);

/* -- vmp-loads-owner.c ---------------------------------------------------------------------- */

/* Begins what can be begun of what waits. */
void vmp_place_start_waiting (VmpLoadsPlace *self,
                              gint64         now);
/* Takes the node, and asks it to load unless a look shows that it has. */
void vmp_hold_start_load (VmpHold *self);
/* A look is back that was begun before asking. */
void vmp_hold_looked_before_asking (VmpHold *self,
                                    gint64   look_began,
                                    gint64   now);
/* What an unload has come to is known. */
void vmp_hold_finish_unload (VmpHold *self,
                             gint64   now);

/* -- vmp-loads-ask.c ------------------------------------------------------------------------ */

typedef enum {
  VMP_LOADS_ASK_DONE,
  VMP_LOADS_ASK_FAILED,
  VMP_LOADS_ASK_REFUSED, /* the node does not take such orders, or not from us: nothing is said of the model */
  VMP_LOADS_ASK_LOST    /* no answer came: it may be doing it */
} VmpLoadsAskEnd;

/* @error: a sentence; NULL when @end is VMP_LOADS_ASK_DONE. @instance: (nullable). @suspended: (nullable): the node is
 * not who was approved: why, as a sentence */
typedef void (*VmpLoadsAskDone) (gpointer       user_data,
                                 VmpLoadsAskEnd end,
                                 const char    *error,
                                 const char    *instance,
                                 const char    *suspended);

/* Asks a node to load a model. @context_length: 0: as the server has it. Nothing is called before this returns; the ask
 * is gone once @done is called. */
VmpLoadsAsk *vmp_loads_ask_load (VmpLoads       *loads,
                                 VmpHost        *host,
                                 gint64          context_length,
                                 VmpLoadsAskDone done,
                                 gpointer        user_data);
VmpLoadsAsk *vmp_loads_ask_unload (VmpLoads       *loads,
                                   VmpHost        *host,
                                   const char     *instance,
                                   VmpLoadsAskDone done,
                                   gpointer        user_data);
/* Nothing is called any more. */
void vmp_loads_ask_cancel (VmpLoadsAsk *self);

G_END_DECLS

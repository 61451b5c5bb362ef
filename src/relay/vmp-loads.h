/* SPDX-License-Identifier: MIT
 *
 * Watches over loads on servers that load models when they are asked for, and throw out others for it: one request at
 * a time leads on such a node, until it is certain that its model is in memory and what else is. A model that is not
 * loaded, or was not seen for a while, is led to; the node is looked at while the leader is under way. So no model is
 * loaded twice, and none is thrown out while it answers. What plans go by it writes down as host->leading,
 * host->load_failed and node->taken_for. It also loads and unloads when the owner says so, or when a server does not
 * load by itself.
 */

#pragma once

#include "nodes/vmp-health.h"
#include "nodes/vmp-registry.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

typedef struct _VmpLoads VmpLoads;

typedef enum {
  VMP_LOAD_STARTED,
  VMP_LOAD_PROGRESS,
  VMP_LOAD_DONE,
  VMP_LOAD_FAILED,
  VMP_LOAD_UNLOADED
} VmpLoadState;

const char *vmp_load_state_to_string (VmpLoadState state); /* "started", "progress", "loaded", "failed", "unloaded" */

typedef struct {
  VmpLoadState state;
  VmpHost *host;
  double progress;     /* 0 … 1, by how long it took before; negative: not known */
  const char *reason;  /* of a failure: a sentence */
  gint64 duration_ms;
} VmpLoadEvent;

/* Neither is to call back into it at once. changed() comes in a turn of its own, however many changes there were. */
typedef struct {
  /* Something that was waited for may be possible now: a load is over, a node was looked at. */
  void (*changed) (gpointer user_data);
  /* For those who follow the events. */
  void (*event) (gpointer            user_data,
                 const VmpLoadEvent *event);
} VmpLoadsFuncs;

/* @poll, @upstream, @registry, @health, @via: outlive it. (transfer full) */
VmpLoads *vmp_loads_new (VmpPoll             *poll,
                         VmpUpstream         *upstream,
                         VmpRegistry         *registry,
                         VmpHealth           *health,
                         const char          *via,
                         const VmpLoadsFuncs *funcs,
                         gpointer             user_data);
/* All leads must have ended. */
void vmp_loads_free (VmpLoads *self);

/* -- Reports -------------------------------------------------------------------------------- */

/* Progress of the load under way, 0 … 1; negative: not known, or there is none. */
double vmp_loads_get_progress (VmpLoads      *self,
                               const VmpHost *host,
                               gint64         now);
/* Loads under way. */
guint vmp_loads_count (VmpLoads *self);

/* -- What a request does --------------------------------------------------------------------- */

typedef enum {
  VMP_LEAD_NONE,     /* the model is certain to be loaded, or nobody needs to watch: go */
  VMP_LEAD_GO,       /* go, as the leader; vmp_loads_settle() or vmp_loads_abandon() follows */
  VMP_LEAD_WAIT      /* not now: changed() follows */
} VmpLead;

/**
 * vmp_loads_lead:
 * @host: to which a plan sends a request now
 *
 * Called before vmp_registry_begin_request(). A leader whose model is known not to be loaded is told as
 * VMP_LOAD_STARTED; where the server does not load by itself, the load is asked for here, and the answer is
 * VMP_LEAD_WAIT. A leader whose model is only not certain to be loaded has the node looked at meanwhile; while other
 * models of the node answer, that look comes first (VMP_LEAD_WAIT).
 */
VmpLead vmp_loads_lead (VmpLoads *self,
                        VmpHost  *host,
                        gint64    now);

/* The leader's first event came: the model is loaded. What that has thrown out is looked at before others go there. */
void vmp_loads_settle (VmpLoads *self,
                       VmpHost  *host,
                       gint64    now);

/* How a lead ended before its first event. */
typedef enum {
  VMP_LEAD_LEFT = FALSE,  /* nobody waits for it any more, or its connection broke: the node may go on loading */
  VMP_LEAD_FAILED = TRUE, /* the node could not load it; others are to go elsewhere for a while */
  VMP_LEAD_REFUSED        /* the node answered with an error of another kind: whatever it loaded for that is over */
} VmpLeadEnd;

/* The leader ended before its first event. @no_request_loads: the node says that nothing is loaded, and does not load
 * by itself: loads are asked for from now on. */
void vmp_loads_abandon (VmpLoads  *self,
                        VmpHost   *host,
                        VmpLeadEnd end,
                        gboolean   no_request_loads,
                        gint64     now);

/* Keeps a node for a model that has waited too long: no other model of it gets a request before this one did, or
 * vmp_loads_unkeep(). One at a time per node; FALSE when it is kept already. */
gboolean vmp_loads_keep (VmpLoads *self,
                         VmpHost  *host);
void vmp_loads_unkeep (VmpLoads *self,
                       VmpHost  *host);

/* -- What the owner does --------------------------------------------------------------------- */

/* @error: (nullable): a sentence; NULL: it is done. @instance: (nullable): of a load: the copy's id */
typedef void (*VmpLoadDone) (gpointer    user_data,
                             const char *error,
                             const char *instance,
                             gint64      duration_ms);

/* Loads a model; one that is loaded already is left as it is, and done is told so at once (never before this returns).
 * Attaches to a load of it that is under way. Waits until no other model of the node answers.
 * @context_length: tokens; 0: as the server has it */
void vmp_loads_load (VmpLoads   *self,
                     VmpHost    *host,
                     gint64      context_length,
                     VmpLoadDone done,
                     gpointer    user_data);

/* Unloads one copy, or all of them when @instance is NULL. @force: also while it answers. */
void vmp_loads_unload (VmpLoads   *self,
                       VmpHost    *host,
                       const char *instance,
                       gboolean    force,
                       VmpLoadDone done,
                       gpointer    user_data);

/* Takes back the calls that are to come for @user_data; what was asked of the node goes on. */
void vmp_loads_forget_caller (VmpLoads *self,
                              gpointer  user_data);

/* To be told after vmp_registry_end_request(): what the owner wants loaded may wait for that. */
void vmp_loads_request_ended (VmpLoads *self,
                              VmpNode  *node);

/* To be told by the registry's listener. */
void vmp_loads_node_changed (VmpLoads     *self,
                             VmpNode      *node,
                             VmpNodeChange change);

G_END_DECLS

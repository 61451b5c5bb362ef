/* SPDX-License-Identifier: MIT
 *
 * Turns a call into a plan: finds which route or virtual model it names, gathers the candidates as the registry has
 * them at this moment, has the plan made, and takes the route that stands in when there is none. It opens no
 * connection and counts no request; what it keeps is whose turn it is and what was where.
 */

#pragma once

#include "core/vmp-problem.h"
#include "nodes/vmp-registry.h"
#include "routing/vmp-affinity.h"
#include "routing/vmp-plan.h"
#include "routing/vmp-route-list.h"
#include "routing/vmp-virtual.h"

G_BEGIN_DECLS

typedef struct _VmpRouter VmpRouter;

/* Settings that rule it. */
typedef struct {
  VmpStrategy default_strategy; /* of plain requests and vampire:auto */
  guint balance_abs;            /* as in VmpPlanRequest */
  double balance_rel;
} VmpRouterSettings;

/* Both outlive it. (transfer full) */
VmpRouter *vmp_router_new (VmpRegistry  *registry,
                           VmpRouteList *routes);
void vmp_router_free (VmpRouter *self);
void vmp_router_set_settings (VmpRouter               *self,
                              const VmpRouterSettings *settings);
VmpStrategy vmp_router_get_default_strategy (VmpRouter *self);
/* To be told by the registry's listener that a node is no more. */
void vmp_router_node_removed (VmpRouter *self,
                              VmpNode   *node);
/* (transfer none) */
VmpAffinity *vmp_router_get_affinity (VmpRouter *self);

/* What was decided, with all that it was decided by. */
typedef struct {
  char *route_id;              /* of the route, or "default:MODEL" */
  gboolean is_routed;          /* a virtual model, a route, or opted in: not just a model by its name */
  VmpPlanRequest request;
  VmpPlan plan;
  VmpCandidate *candidates;    /* those of the attempts in their order, then others; their hosts and nodes are held */
  guint n_candidates;          /* VMP_LIMIT_SHOWN_CANDIDATES at most */
  guint n_looked_at;           /* VMP_LIMIT_CANDIDATES at most */
  guint fallbacks;             /* how many routes stood aside for another one */
  gboolean keeps_model;        /* the client's name for the model goes to the node as it is: it is that of one copy in
                                * its memory, or nobody knows what it means */

  /* When plan.n_attempts is 0. */
  VmpProblem problem;
  char *message;               /* a sentence that names the model and the reasons */
  gboolean may_be_stale;       /* a fresh look at the nodes might find it */
} VmpRouting;

void vmp_routing_clear (VmpRouting *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpRouting, vmp_routing_clear)

/* The candidate of an attempt: its host, and its node. A request for no model in particular, and one that comes while
 * nobody's models are known, has a node only. */
VmpHost *vmp_routing_get_host (const VmpRouting *self,
                               guint             attempt);
VmpNode *vmp_routing_get_node (const VmpRouting *self,
                               guint             attempt);

/* What is not to be tried (again): nodes whatever their models are, and single models on a node. */
typedef struct {
  GPtrArray *nodes; /* of VmpNode; NULL: none */
  GPtrArray *hosts; /* of VmpHost; NULL: none */
} VmpExclusions;

/**
 * vmp_router_plan:
 * @excluded: (nullable)
 * @now: monotonic µs
 * @routing: (out caller-allocates)
 *
 * Changes nothing but whose turn it is, and that only when @takes_turn.
 */
void vmp_router_plan (VmpRouter           *self,
                      const VmpCall       *call,
                      const VmpExclusions *excluded,
                      gboolean             takes_turn,
                      gint64               now,
                      VmpRouting          *routing);

/**
 * vmp_router_plan_continuation:
 * @host: that broke off
 *
 * The same among the other nodes that have the very same model, in the same quantization.
 */
void vmp_router_plan_continuation (VmpRouter           *self,
                                   const VmpCall       *call,
                                   const VmpHost       *host,
                                   const VmpExclusions *excluded,
                                   gint64               now,
                                   VmpRouting          *routing);

/* The request goes to that node now: sessions and prompts are remembered to be there. */
void vmp_router_note_start (VmpRouter     *self,
                            const VmpCall *call,
                            VmpNode       *node,
                            VmpHost       *host,
                            gint64         now);

/* Whether a listed node has a model that a virtual model can stand for. */
gboolean vmp_router_has_virtual (VmpRouter             *self,
                                 const VmpVirtualModel *model);

/* Adds the plan and its why to an object that is being built: {route, strategy, seed, constraints, likely_context,
 * fallbacks, last_resort, attempts [{node, model, readiness, scores {…}}], candidates [{node, model, rejected,
 * …facts}], looked_at, rejected {reason: count}, problem}. */
void vmp_routing_build (const VmpRouting *self,
                        JsonBuilder      *builder);

/* Whether a request has come through a node, which is a gateway then (its Via says so). Such a node must not get it
 * back, nor be told of models that we only have of it. */
gboolean vmp_router_came_through (const VmpNode      *node,
                                  const VmpHttpField *fields,
                                  guint               n_fields);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The owner's routes: virtual models with their targets, as the control API has them. Kept over restarts. It stores and
 * lists; choosing among a route's targets is not its business.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-json.h"
#include "core/vmp-strategy.h"
#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef struct _VmpRouteList VmpRouteList;

typedef struct {
  char *node;
  char *model;
  double weight;          /* above 0; 1 unless it was given */
} VmpRouteTarget;

/* Open for reading. */
typedef struct {
  char *id;
  char *virtual_model;
  GPtrArray *targets;     /* of VmpRouteTarget */
  VmpStrategy strategy;
  char *fallback;         /* another virtual model, or a model; NULL */
  JsonNode *constraints;  /* an object, as it was given */
  VmpConstraints required; /* what it says */
  JsonNode *given_weights; /* for best_available, an object, as it was given; NULL: none were */
  gboolean has_weights;
  double weights[VMP_N_WEIGHTS]; /* what it says; they count with has_weights */
} VmpRoute;

/* (transfer full) */
VmpRouteList *vmp_route_list_new (VmpStore *store);
void vmp_route_list_free (VmpRouteList *self);
void vmp_route_list_load (VmpRouteList *self);

VmpRoute *vmp_route_new (const char *id,
                         const char *virtual_model);
/* One of its own, to be changed and put into the place of the other. (transfer full) */
VmpRoute *vmp_route_copy (const VmpRoute *self);
void vmp_route_free (VmpRoute *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpRoute, vmp_route_free)
void vmp_route_add_target (VmpRoute   *self,
                           const char *node,
                           const char *model,
                           double      weight);
/* @fallback: (nullable) */
void vmp_route_set_fallback (VmpRoute   *self,
                             const char *fallback);

/* Constraints, and weights, as vmp-constraints.h has them; an empty object takes away what there was. A sentence that
 * begins with the name of the member that is wrong, and nothing is changed then; else NULL. (transfer full)
 * (nullable) */
char *vmp_route_set_constraints (VmpRoute   *self,
                                 JsonObject *constraints);
char *vmp_route_set_weights (VmpRoute   *self,
                             JsonObject *weights);

/**
 * vmp_route_list_find_cycle:
 * @route: that is to be put in
 *
 * Returns: (transfer full) (nullable): when the routes that stand in for one another would lead back to @route, their
 *   virtual models in that order: "a, b, a"
 */
char *vmp_route_list_find_cycle (VmpRouteList   *self,
                                 const VmpRoute *route);

/* @route: (transfer full): new, or in the place of the one with its id. FALSE: there are VMP_LIMIT_ROUTES already. */
gboolean vmp_route_list_put (VmpRouteList *self,
                             VmpRoute     *route);
gboolean vmp_route_list_remove (VmpRouteList *self,
                                const char   *id);
const VmpRoute *vmp_route_list_find (VmpRouteList *self,
                                     const char   *id);
/* The first one that was made for it; NULL. */
const VmpRoute *vmp_route_list_find_model (VmpRouteList *self,
                                           const char   *virtual_model);
/* In the order in which they were made. (transfer none) (element-type VmpRoute) */
GPtrArray *vmp_route_list_get_all (VmpRouteList *self);

/* Adds {id, virtual_model, targets [{node, model}], strategy, fallback, constraints}; a target's weight and the weights
 * when they were given. */
void vmp_route_build (const VmpRoute *self,
                      JsonBuilder    *builder);

G_END_DECLS

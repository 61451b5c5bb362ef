/* SPDX-License-Identifier: MIT
 *
 * The owner's routes: virtual models with their targets, as the control API has them. Kept over restarts. It stores and
 * lists; choosing among a route's targets is not its business.
 */

#pragma once

#include "core/vmp-json.h"
#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef struct _VmpRouteList VmpRouteList;

typedef struct {
  char *node;
  char *model;
} VmpRouteTarget;

/* Open for reading. */
typedef struct {
  char *id;
  char *virtual_model;
  GPtrArray *targets;     /* of VmpRouteTarget */
  char *strategy;
  char *fallback;         /* another virtual model; NULL */
  JsonNode *constraints;  /* an object, as it was given */
} VmpRoute;

/* (transfer full) */
VmpRouteList *vmp_route_list_new (VmpStore *store);
void vmp_route_list_free (VmpRouteList *self);
void vmp_route_list_load (VmpRouteList *self);

VmpRoute *vmp_route_new (const char *id,
                         const char *virtual_model);
void vmp_route_free (VmpRoute *self);
void vmp_route_add_target (VmpRoute   *self,
                           const char *node,
                           const char *model);

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

/* Whether it is one of the strategies' names. */
gboolean vmp_route_is_strategy (const char *name);
/* Their names, NULL-terminated. (static) */
const char * const *vmp_route_strategies (void);

/* Adds {id, virtual_model, targets, strategy, fallback, constraints}. */
void vmp_route_build (const VmpRoute *self,
                      JsonBuilder    *builder);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * A route while its owner writes it: the gateway's document as an object that can be changed, and what it looks like in
 * the body of a request. Members that are not known here go back as they came. No widgets.
 */

#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_DRAFT_WEIGHT_LATENCY,
  VMP_DRAFT_WEIGHT_SPEED,
  VMP_DRAFT_WEIGHT_QUEUE,
  VMP_DRAFT_WEIGHT_QUALITY,
  VMP_DRAFT_N_WEIGHTS
} VmpDraftWeight;

#define VMP_TYPE_DRAFT_TARGET (vmp_draft_target_get_type ())
/* A model on a node. */
G_DECLARE_FINAL_TYPE (VmpDraftTarget, vmp_draft_target, VMP, DRAFT_TARGET, GObject)

VmpDraftTarget *vmp_draft_target_new (const char *node,
                                      const char *model,
                                      double      weight);
const char *vmp_draft_target_get_node (VmpDraftTarget *self);
const char *vmp_draft_target_get_model (VmpDraftTarget *self);
double vmp_draft_target_get_weight (VmpDraftTarget *self);
void vmp_draft_target_set_weight (VmpDraftTarget *self,
                                  double          weight);

/* Open for writing; strings may be NULL. */
typedef struct {
  char *id;
  char *virtual_model;
  char *strategy;
  char *fallback;
  GListStore *targets;               /* of VmpDraftTarget */
  gint64 min_context;                /* 0: any */
  double max_latency_ms;             /* 0: any */
  gint64 max_queue;                  /* -1: any */
  gboolean trusted_only;
  gboolean local_only;
  gboolean vision;
  gboolean tools;
  gboolean reasoning;
  gboolean has_weights;
  double weights[VMP_DRAFT_N_WEIGHTS];
  JsonObject *constraints;           /* as they came; NULL: none */
} VmpRouteDraft;

/* @route: (nullable): NULL: a new one. (transfer full) */
VmpRouteDraft *vmp_route_draft_new (JsonObject *route);
void vmp_route_draft_free (VmpRouteDraft *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpRouteDraft, vmp_route_draft_free)

/* Moves a target by one place, up or down; nothing at the ends. */
void vmp_route_draft_move (VmpRouteDraft  *self,
                           VmpDraftTarget *target,
                           int             by);
void vmp_route_draft_remove (VmpRouteDraft  *self,
                             VmpDraftTarget *target);
/* FALSE: it has that target already. */
gboolean vmp_route_draft_add (VmpRouteDraft *self,
                              const char    *node,
                              const char    *model);

/* @with_id: for making one; else for changing one. (transfer full) */
JsonNode *vmp_route_draft_to_body (VmpRouteDraft *self,
                                   gboolean       with_id);

/* An id for a route of that name: "team/code" is "team-code". (transfer full) */
char *vmp_route_draft_make_id (const char *virtual_model);

G_END_DECLS

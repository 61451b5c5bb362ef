/* SPDX-License-Identifier: MIT
 *
 * One model as people think of it: all places that have a model of that id, and what is being done to it there. What it
 * says of itself is plain text. VmpModelGroups makes and feeds it.
 */

#pragma once

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

typedef enum {
  VMP_MODEL_CAN_VISION = 1 << 0,
  VMP_MODEL_CAN_TOOLS = 1 << 1,
  VMP_MODEL_CAN_REASON = 1 << 2,
} VmpModelCan;

#define VMP_TYPE_MODEL_GROUP (vmp_model_group_get_type ())
/* Signal "changed" (): it says something else than before. */
G_DECLARE_FINAL_TYPE (VmpModelGroup, vmp_model_group, VMP, MODEL_GROUP, GObject)

/* @id: what requests call it. (transfer full) */
VmpModelGroup *vmp_model_group_new (const char *id);

/* @places: of VmpItem of the mirror's models. They stay the same objects while they are the same. */
void vmp_model_group_set_places (VmpModelGroup *self,
                                 GPtrArray     *places);
/* How far a load of it is, from 0 to 1; -1: not known how far; -2: none is under way */
void vmp_model_group_set_progress (VmpModelGroup *self,
                                   double         progress);
/* One of its places says something else. */
void vmp_model_group_changed (VmpModelGroup *self);

const char *vmp_model_group_get_id (VmpModelGroup *self);
/* "Qwen3 4B" */
const char *vmp_model_group_get_title (VmpModelGroup *self);
/* "llm", "vlm", "embedding" */
const char *vmp_model_group_get_kind (VmpModelGroup *self);
/* Of VmpItem. (transfer none) */
GListModel *vmp_model_group_get_places (VmpModelGroup *self);
/* (transfer none): the first; NULL while it is being removed */
VmpItem *vmp_model_group_get_place (VmpModelGroup *self);
guint vmp_model_group_count_places (VmpModelGroup *self);
guint vmp_model_group_count_loaded (VmpModelGroup *self);
VmpModelCan vmp_model_group_get_can (VmpModelGroup *self);
double vmp_model_group_get_progress (VmpModelGroup *self);

/* "4B · Q4_K_M · 32K context · qwen/qwen3-4b". (transfer full) */
char *vmp_model_group_dup_summary (VmpModelGroup *self);
/* "studio, kitchen and 2 more · 45 tokens/s". (transfer full) */
char *vmp_model_group_dup_where (VmpModelGroup *self,
                                 VmpMirror     *mirror);
/* "Loaded", "Loaded on 1 of 3", "Loading 42 %", "". (transfer full) */
char *vmp_model_group_dup_state (VmpModelGroup *self);

/* "Loaded · 4K context · 4 at a time · 45 tokens/s", "Not loaded". @place: of the mirror's models. (transfer full) */
char *vmp_model_group_describe_place (VmpItem *place);

G_END_DECLS

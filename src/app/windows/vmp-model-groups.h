/* SPDX-License-Identifier: MIT
 *
 * All models of all nodes, one for each id and sorted by name, of which those are listed that a search and a filter
 * leave. It follows the mirror's models and loads.
 */

#pragma once

#include "app/windows/vmp-model-group.h"

G_BEGIN_DECLS

#define VMP_TYPE_MODEL_GROUPS (vmp_model_groups_get_type ())
/* A GListModel of VmpModelGroup. They stay the same objects as long as the model is somewhere. */
G_DECLARE_FINAL_TYPE (VmpModelGroups, vmp_model_groups, VMP, MODEL_GROUPS, GObject)

/* Those that are listed are loaded somewhere, are of that kind, and can do that. */
typedef struct {
  gboolean loaded;
  gboolean embeddings;   /* only these; */
  gboolean chat;         /* all but these */
  VmpModelCan can;
} VmpModelFilter;

/* The topics are held by whoever shows it. */
VmpModelGroups *vmp_model_groups_new (VmpMirror *mirror);

/* @text: (nullable): words that all have to be in its name, its id, what it is or where */
void vmp_model_groups_set_search (VmpModelGroups *self,
                                  const char     *text);
void vmp_model_groups_set_filter (VmpModelGroups       *self,
                                  const VmpModelFilter *filter);

/* How many there are, listed or not. */
guint vmp_model_groups_count (VmpModelGroups *self);
/* Listed or not. (transfer none) (nullable) */
VmpModelGroup *vmp_model_groups_find (VmpModelGroups *self,
                                      const char     *id);
/* Does at once what waits for an idle moment. */
void vmp_model_groups_flush (VmpModelGroups *self);

G_END_DECLS

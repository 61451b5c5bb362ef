/* SPDX-License-Identifier: MIT
 *
 * The virtual models that are always there: what each asks of a model, and what it prefers.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-strategy.h"

G_BEGIN_DECLS

/* Ids that begin so are virtual. */
#define VMP_VIRTUAL_PREFIX "vampire:"
#define VMP_MODEL_AUTO "vampire:auto"

/* Of several models on one node, which is taken. */
typedef enum {
  VMP_PREFER_LOADED,       /* a loaded one, then the smallest */
  VMP_PREFER_FAST,         /* the fastest, by what was seen of the node's models; a loaded one unless another is much
                            * faster */
  VMP_PREFER_BALANCED,     /* a loaded one, then the one next to middle size */
  VMP_PREFER_LARGEST,      /* the most parameters */
  VMP_PREFER_CONTEXT,      /* the longest context */
  VMP_PREFER_CODE,         /* one made for code, by its name; then a loaded one, then the most parameters */
  VMP_N_PREFERENCES
} VmpPreference;

typedef struct {
  const char *id;          /* "vampire:auto" */
  const char *about;       /* one sentence for people */
  VmpPreference preference;
  VmpStrategy strategy;
  VmpNeeds needs;
  gboolean embeddings;     /* for embeddings only */
  gboolean takes_embeddings; /* for embeddings as well: then it means a model for them */
  gboolean local_only;
  gboolean default_strategy; /* the setting's strategy in the place of the one above */
} VmpVirtualModel;

/* NULL when there is none of that name. */
const VmpVirtualModel *vmp_virtual_model_find (const char *id);
/* All of them, ended by one whose id is NULL. */
const VmpVirtualModel *vmp_virtual_models (void);

/* Whether it is for requests of that kind. */
gboolean vmp_virtual_model_takes (const VmpVirtualModel *self,
                                  VmpModelKind           kind);

/* Thousand millions of parameters: of "26B-A4B" 26, of "540M" 0.54; else as its name says, else guessed from its size;
 * 0: not known. */
double vmp_model_count_parameters (const VmpModel *model);
/* Whether its name says that it was made for code. */
gboolean vmp_model_is_for_code (const VmpModel *model);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * What routing has worked out of a node's models, kept with the node until its list changes: the facts of those that
 * were asked for lately, and for each kind of wish the best one that is loaded and the best one that is not. With it a
 * plan over a thousand nodes of a hundred models each looks at a thousand models only. For the router
 * alone.
 */

#pragma once

#include "core/vmp-call.h"
#include "nodes/vmp-node.h"
#include "routing/vmp-virtual.h"

G_BEGIN_DECLS

/* What of a host changes with its node's list only. */
typedef struct {
  VmpHost *host; /* NULL: none */
  VmpModelKind kind;
  VmpNeeds can;
  gint64 context;
  gint64 size_bytes;
  double parameters;
  guint slots;
  gboolean watched;
  double load_ms;
} VmpHostFacts;

/* What is wished of a model that nobody named. */
typedef struct {
  gboolean embeddings;
  VmpNeeds needs;
  VmpPreference preference;
  gboolean code;       /* made for it */
  gint64 min_context;  /* tokens; what is not known may be less; 0: any */
} VmpWish;

/* The best ones of a node for a wish. */
typedef struct {
  VmpHostFacts loaded;
  VmpHostFacts unloaded;
  double loaded_worth;   /* by the preference; only to be compared */
  double unloaded_worth;
  guint n_loaded;        /* that fit */
} VmpBest;

/* (transfer none): valid until the next call for the node */
const VmpHostFacts *vmp_host_facts_get (VmpNode *node,
                                        VmpHost *host);
const VmpBest *vmp_host_facts_find_best (VmpNode       *node,
                                         const VmpWish *wish);

/* The best of a node's models for a wish among those that @suits takes, which looks at all of them. @facts: (out): host
 * NULL when there is none */
typedef gboolean (*VmpHostSuits) (const VmpHost *host,
                                  gconstpointer  user_data);
void vmp_host_facts_search (VmpNode       *node,
                            const VmpWish *wish,
                            VmpHostSuits   suits,
                            gconstpointer  user_data,
                            VmpHostFacts  *facts);

/* Whether one of the node's models fits, with no preference. Keeps nothing. */
gboolean vmp_host_facts_has (const VmpNode *node,
                             gboolean       embeddings,
                             VmpNeeds       needs);

/* Which of the two the preference takes; host NULL when there is none. */
const VmpHostFacts *vmp_best_choose (const VmpBest *self,
                                     VmpPreference  preference);

G_END_DECLS

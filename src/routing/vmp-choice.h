/* SPDX-License-Identifier: MIT
 *
 * Which node answers a request, and which of its models: the least busy of those that have what was asked for. A
 * function on what the registry and the routes hold at this moment; it opens no connection and counts nothing.
 */

#pragma once

#include "core/vmp-problem.h"
#include "core/vmp-slice.h"
#include "nodes/vmp-registry.h"
#include "routing/vmp-route-list.h"

G_BEGIN_DECLS

/* The virtual model that is always there: any model that fits, on any node. */
#define VMP_MODEL_AUTO "vampire:auto"

/* Ids that begin so are virtual. */
#define VMP_VIRTUAL_PREFIX "vampire:"

typedef struct {
  VmpNode *node;         /* (transfer full); NULL: none, and the next three say why */
  char *model;           /* (transfer full): what to ask it for; NULL: what the client asked for */
  VmpProblem problem;
  char *message;         /* (transfer full): a sentence */
  gboolean may_be_stale; /* a fresh look at the nodes might find it */
} VmpChoice;

void vmp_choice_clear (VmpChoice *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpChoice, vmp_choice_clear)

/* What is asked for. */
typedef struct {
  const char *model;          /* as the client named it: a node's model, "model@node", or a virtual one; NULL: the
                               * request names none, and is for the default node */
  VmpModelKind kind;          /* VMP_MODEL_EMBEDDING for a request that wants embeddings, VMP_MODEL_LLM otherwise; for
                               * virtual models */
  const VmpHttpField *fields; /* of the request: gateways that it came through are not asked */
  guint n_fields;
  gint64 now;                 /* monotonic µs */
} VmpChoiceRequest;

/**
 * vmp_choice_make:
 * @choice: (out caller-allocates)
 *
 * Among equally busy nodes they take turns.
 */
void vmp_choice_make (VmpRegistry            *registry,
                      VmpRouteList           *routes,
                      const VmpChoiceRequest *request,
                      VmpChoice              *choice);

/* Whether a request has come through a node, which is a gateway then (its Via says so). Such a node must not get it
 * back, nor be told of models that we only have of it. */
gboolean vmp_choice_came_through (const VmpNode      *node,
                                  const VmpHttpField *fields,
                                  guint               n_fields);

G_END_DECLS

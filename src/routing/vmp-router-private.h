/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-router*.c share: the router itself, what a call's body says, what a name means, and the gathering
 * of candidates. Nobody else includes this.
 */

#pragma once

#include "core/vmp-constraints.h"
#include "routing/vmp-router.h"

G_BEGIN_DECLS

/* Turns are counted apart for what has different hashes, so that calls for one model do not take those of another. */
#define VMP_ROUTER_TURNS 4096

/* -- What a call's body says ---------------------------------------------------------------- */

typedef struct {
  gboolean has_image;
  gboolean has_tools;
  gint64 likely_context; /* tokens; 0: not known */
} VmpReading;

/* Large bodies that were read lately: a call that waits is planned over and over. */
#define VMP_ROUTER_READINGS 64

typedef struct {
  char *id;              /* of the call; NULL: free */
  gsize body_len;
  gboolean is_read;
  VmpReading reading;
  gboolean has_digest;
  VmpPromptDigest digest;
} VmpReadingEntry;

typedef struct {
  VmpReadingEntry entries[VMP_ROUTER_READINGS];
  guint next;
} VmpReadings;

void vmp_readings_clear (VmpReadings *self);

/* @looks_for_images: also in a short body */
VmpReading vmp_readings_read (VmpReadings   *self,
                              const VmpCall *call,
                              gboolean       looks_for_images);

/* (transfer none): valid until the next call of this */
const VmpPromptDigest *vmp_readings_get_digest (VmpReadings   *self,
                                                const VmpCall *call);

/* -- The router ----------------------------------------------------------------------------- */

struct _VmpRouter {
  VmpRegistry *registry;
  VmpRouteList *routes;
  VmpAffinity *affinity;
  VmpRouterSettings settings;
  guint64 turns[VMP_ROUTER_TURNS];
  VmpReadings readings;

  /* The candidates of the plan that is being made; kept from one to the next. */
  VmpCandidate *candidates;
  guint n_candidates;
  guint n_allocated;
};

/* -- What a name means ---------------------------------------------------------------------- */

typedef enum {
  VMP_MEANS_DEFAULT,  /* no model in particular, or nobody's models are known */
  VMP_MEANS_ROUTE,
  VMP_MEANS_VIRTUAL,
  VMP_MEANS_MODEL,    /* a model by its id, on whatever nodes */
  VMP_MEANS_INSTANCE, /* one copy of a model */
  VMP_MEANS_NAMED,    /* "model@node" */
  VMP_MEANS_NOTHING
} VmpMeaningKind;

typedef struct {
  VmpMeaningKind kind;
  const char *name;                     /* NULL: none */
  const VmpRoute *route;
  const VmpVirtualModel *virtual_model;
  GPtrArray *hosts;                     /* of VMP_MEANS_MODEL; NULL: no listed node has it */
  VmpHost *host;                        /* of VMP_MEANS_INSTANCE, and of VMP_MEANS_NAMED if the node has it */
  VmpNode *node;                        /* of VMP_MEANS_DEFAULT and VMP_MEANS_NAMED */
} VmpMeaning;

/* -- Gathering ------------------------------------------------------------------------------ */

typedef struct {
  VmpRouter *router;
  const VmpCall *call;
  VmpPlanRequest *request;       /* its constraints rule what is taken of a node */
  const VmpExclusions *excluded; /* NULL: none */
  VmpNode *pinned;               /* the only one that may answer; NULL: all may */
  const VmpHost *broken;         /* the answer is to be continued by another node of the very same model; NULL */
  gpointer session_node;         /* where the session was last; NULL */
  const VmpPromptDigest *prompt; /* NULL: who knows it does not matter */
  gboolean has_via;              /* the call came through somebody */
  gboolean needs_local;          /* somebody asks which nodes are local */
  gboolean wants_code;           /* of a virtual model: only nodes with one that was made for code */
  gint64 now;
  guint64 *turn;                 /* of the route that was planned for last */
  guint searches;                /* of nodes' models in all, for more than their lists of the best */
} VmpGathering;

/* Puts the candidates for a meaning into the router. */
void vmp_gathering_run (VmpGathering     *self,
                        const VmpMeaning *meaning);

/* Puts a node into the router that is asked for no model that it is known to have. (transfer none) */
VmpCandidate *vmp_gathering_add_default (VmpGathering *self,
                                         VmpNode      *node);

/* Adds the nodes that have a model, but are not listed at this moment. */
void vmp_gathering_add_unlisted (VmpGathering *self,
                                 const char   *model);

/* -- Refusing ------------------------------------------------------------------------------- */

/* Says why there is no attempt: writes problem, message and may_be_stale. */
void vmp_routing_refuse (VmpRouting         *routing,
                         const VmpGathering *gathering,
                         const VmpMeaning   *meaning);

G_END_DECLS

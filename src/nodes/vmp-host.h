/* SPDX-License-Identifier: MIT
 *
 * One model on one node: what the node says of it, what traffic has shown of it, whether it is in memory now, and who
 * is at it. It outlives the lists that it comes from: a model that is listed again is the same host. The struct is
 * open for reading; only nodes/ writes to it, through vmp-registry.h, and relay/ through the functions here.
 */

#pragma once

#include "core/vmp-model.h"

G_BEGIN_DECLS

typedef struct _VmpHost VmpHost;
struct _VmpNode;

struct _VmpHost {
  guint ref_count;
  struct _VmpNode *node;     /* NULL once the node is gone; whoever keeps a host keeps the node as well */
  char *model_id;
  VmpModel *model;           /* as last listed; never NULL */
  gboolean listed;           /* the node's list has it now */

  /* What traffic counts. */
  guint active;              /* requests at it now */
  guint64 requests_total;
  guint64 errors_total;
  guint64 prompt_tokens;
  guint64 completion_tokens;
  double ttft_ms;            /* to the first event of an answer while loaded, moving average; 0: none yet */
  double tokens_per_second;  /* of one answer, moving average; 0: none yet */
  double duration_ms;        /* of a whole answer, moving average; 0: none yet */
  double load_ms;            /* of a load, moving average; 0: none yet */

  /* Whether it is in memory. */
  gboolean loaded;           /* as far as is known: of the list, corrected by what was seen since */
  gint64 proven;             /* monotonic µs of the last proof that it is; 0: never, or it was unloaded since */
  gint64 unloaded;           /* monotonic µs of the last proof that it is not; 0: never */
  gint64 load_failed;        /* monotonic µs at which loading it last failed; 0: never, or it has worked since */
  gboolean leading;          /* a request is at it, or a load under way, and it is not certain yet that it is loaded:
                              * others wait. Written by relay/vmp-loads.c alone */
  gint64 busy_since;         /* monotonic µs at which the first of the requests at it now went there; 0: never. Written
                              * by relay/vmp-loads.c alone */
};

VmpHost *vmp_host_new (struct _VmpNode *node,
                       VmpModel        *model);
VmpHost *vmp_host_ref (VmpHost *self);
void vmp_host_unref (VmpHost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpHost, vmp_host_unref)

/* Requests that it answers at a time: what its copies declare together, else what such a server usually does; 0: not
 * limited, or not known to be. More than that LM Studio would let wait, unseen. */
guint vmp_host_get_slots (const VmpHost *self);

/* Tokens of context it has: of its loaded copy, else at most; 0: not known. */
gint64 vmp_host_get_context (const VmpHost *self);

/* Whether its server loads models when they are asked for and may throw out others for it, and tells which are
 * loaded: LM Studio. Only there loads have to be watched over. */
gboolean vmp_host_loads_on_request (const VmpHost *self);

/* What it would take to load it, in ms: as seen before, else by its size. */
double vmp_host_expect_load_ms (const VmpHost *self);

/* Moving average of samples; the first one is taken as it is. */
double vmp_host_average (double average,
                         double sample);

/* -- What relay/ learns between two lists --------------------------------------------------- */

/* An answer began or ended well there: it is in memory. @now: monotonic µs */
void vmp_host_prove_loaded (VmpHost *self,
                            gint64   now);
/* It took @load_ms from asking to the first event while it was not loaded. */
void vmp_host_note_load (VmpHost *self,
                         double   load_ms);
void vmp_host_note_load_failed (VmpHost *self,
                                gint64   now);
/* The node says that it is not in memory. */
void vmp_host_note_unloaded (VmpHost *self);

/* -- For nodes/ alone ----------------------------------------------------------------------- */

/* Takes over what its model, as listed, says of being loaded, unless there is a newer proof of the opposite, or the
 * list does not tell. @asked: monotonic µs at which the list was asked for */
void vmp_host_take_list (VmpHost *self,
                         gint64   asked);

/* What was measured is of another machine. Counts stay. */
void vmp_host_forget_measures (VmpHost *self);

G_END_DECLS

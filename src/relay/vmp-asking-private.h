/* SPDX-License-Identifier: MIT
 *
 * What an asking makes of what a node says: whether it is an answer, whose fault it is when it is none, and how its
 * owner and the client are told. Functions of their arguments, for vmp-asking.c.
 */

#pragma once

#include "relay/vmp-asking.h"

G_BEGIN_DECLS

typedef enum {
  VMP_FIRST_EVENT_NONE,  /* comments only */
  VMP_FIRST_EVENT_ERROR,
  VMP_FIRST_EVENT_DATA
} VmpFirstEvent;

/* What the first event of a stream is. @data: whole events. @said: (out) (transfer full): of an error, as plain
 * text */
VmpFirstEvent vmp_asking_look_at_events (const char *data,
                                         gsize       len,
                                         char      **said);

/* Where among whole events the first one is that is an error; @len when none is. @said: (out) (transfer full): as
 * above */
gsize vmp_asking_find_error_event (const char *data,
                                   gsize       len,
                                   char      **said);

/* The error that a document is, as plain text; NULL when it is none. (transfer full) (nullable) */
char *vmp_asking_find_error (const char *body,
                             gsize       len);

/* Whether what a refusal says has to do with this node: nothing is loaded there, it does not know the model, … */
gboolean vmp_asking_is_for_others (const char *said);

/* Whether an error in the clothes of a success is the node's fault, not the request's. */
gboolean vmp_asking_is_nodes_fault (const char *said);

/* Whether the stream of such a call ends with [DONE]. */
gboolean vmp_asking_expects_done (const VmpCall *call);

/* Fills in the failure that an answer is. @said: (nullable): as above */
void vmp_asking_judge_answer (VmpNode          *node,
                              const VmpCall    *call,
                              guint             status,
                              const char       *said,
                              VmpAskingFailure *failure);

/* The same for an end without an answer, or inside one. @reason: (nullable). Returns what the node is told. */
VmpTrafficResult vmp_asking_judge_end (VmpNode          *node,
                                       const VmpCall    *call,
                                       VmpTransferEnd    end,
                                       const char       *reason,
                                       gboolean          had_begun,
                                       VmpAskingFailure *failure);

G_END_DECLS

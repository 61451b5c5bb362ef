/* SPDX-License-Identifier: MIT
 *
 * Continues a stream that broke off: remembers what was said so far, writes the request that has another node go on
 * from there, and makes its events look like the first one's. For POST …/chat/completions and …/completions with one
 * choice; not inside tool calls, nor before the reasoning has ended. It moves no bytes itself.
 */

#pragma once

#include "core/vmp-buffer.h"
#include "core/vmp-call.h"

G_BEGIN_DECLS

typedef struct _VmpSplice VmpSplice;

/* NULL when such a call cannot be continued: another endpoint, no stream, several choices, JSON output that is
 * constrained, an answer that the client itself has begun (its last message is the assistant's), … @call must outlive
 * it. (transfer full) (nullable) */
VmpSplice *vmp_splice_new (const VmpCall *call);
void vmp_splice_free (VmpSplice *self);

/* Takes in whole events of the stream that runs, before they are passed on. What is to be passed on in their place is
 * appended to @out: the same bytes for the first node; for a further one without the role's event, and with the first
 * one's id, date, model and fingerprint, and, at its end, the usage of all of them together. */
void vmp_splice_push (VmpSplice  *self,
                      const char *data,
                      gsize       len,
                      VmpBuffer  *out);

/* Something of the stream was passed on that was not pushed: what was said is not known any more. */
void vmp_splice_miss (VmpSplice *self);

/* Ends a stream that has said all it was to say, but broke off before it was over: appends what is missing of it to
 * @out, but for its usage, which nobody else can tell. FALSE when it has not said all. */
gboolean vmp_splice_end (VmpSplice *self,
                         VmpBuffer *out);

/* Whether the stream may be continued from where it is now: it is neither over, nor in a tool call, nor in its
 * reasoning. One that has said nothing yet begins anew. */
gboolean vmp_splice_can_continue (VmpSplice *self);

/* The request for the next node: the call's body, with what was said so far at its end and, if the client has set a
 * limit of tokens, without those that were spent. All else is as it was, byte for byte. Before or after
 * vmp_splice_begin_next(). @model: (nullable): the value of `model`. (transfer full) */
char *vmp_splice_make_body (VmpSplice  *self,
                            const char *model,
                            gsize      *len);

/* The next node's stream begins. */
void vmp_splice_begin_next (VmpSplice *self);

/* Parts that were spliced so far: 1 until the first vmp_splice_begin_next(). */
guint vmp_splice_count_parts (VmpSplice *self);

G_END_DECLS

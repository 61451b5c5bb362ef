/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-splice*.c share: finding one's way through JSON that is known to be well formed, what one chunk of
 * a stream says, changing some places of a text without touching the rest, and the request. The stream and its states
 * are vmp-splice.c's alone.
 */

#pragma once

#include "core/vmp-buffer.h"
#include "core/vmp-call.h"

G_BEGIN_DECLS

/* -- JSON as it stands --------------------------------------------------------------------- */

/* Goes through the members of an object or the elements of an array that vmp_json_scan() has found well formed, itself
 * or as a part of something. */
typedef struct {
  const char *p;
  const char *end;
} VmpSpliceWalk;

VmpSpliceWalk vmp_splice_walk (VmpSlice value);

/* FALSE after the last one. @key: (out): between its quotes, with its escapes; empty in an array. @value: (out): with
 * its quotes */
gboolean vmp_splice_walk_next (VmpSpliceWalk *self,
                               VmpSlice      *key,
                               VmpSlice      *value);

/* A whole number that is not negative, capped to what a double holds exactly; -1 for any other value. */
gint64 vmp_splice_read_number (VmpSlice value);

/* -- Chunks -------------------------------------------------------------------------------- */

/* What all chunks of a stream have in common. */
typedef enum {
  VMP_SPLICE_ID,
  VMP_SPLICE_CREATED,
  VMP_SPLICE_MODEL,
  VMP_SPLICE_FINGERPRINT,
  VMP_SPLICE_N_IDENTITY
} VmpSpliceIdentity;

typedef enum {
  VMP_SPLICE_PROMPT_TOKENS,
  VMP_SPLICE_COMPLETION_TOKENS,
  VMP_SPLICE_TOTAL_TOKENS,
  VMP_SPLICE_REASONING_TOKENS,           /* of the completion's details */
  VMP_SPLICE_N_COUNTS
} VmpSpliceCount;

/* Values as they stand in the chunk; no data where there is none. */
typedef struct {
  VmpSlice identity[VMP_SPLICE_N_IDENTITY];
  VmpSlice counts[VMP_SPLICE_N_COUNTS];  /* of its usage; those that are numbers */
  VmpSlice text;                         /* what is said, between its quotes, with its escapes */
  VmpSlice role;                         /* what to remove so that the delta says no role */
  gboolean has_choice;
  gboolean is_role_alone;                /* it says who speaks, and nothing else */
  gboolean is_reasoning;
  gboolean is_other;                     /* it says something that cannot be continued */
  gboolean is_finish;                    /* it tells why the answer ends */
  gboolean is_over;                      /* it ends the answer, or tells an error */
} VmpSpliceChunk;

/* FALSE: it is no JSON object. */
gboolean vmp_splice_read_chunk (VmpSlice        data,
                                VmpSpliceChunk *chunk);

/* -- Edits --------------------------------------------------------------------------------- */

/* What stands in a text, and what is to stand there; where the first is empty something is put in. */
typedef struct {
  VmpSlice old;
  VmpSlice new;
} VmpSpliceEdit;

/* Appends the text with all of its edits, which do not overlap, to @out. Puts the edits in order. */
void vmp_splice_edit (VmpSlice       text,
                      VmpSpliceEdit *edits,
                      guint          n_edits,
                      VmpBuffer     *out);

/* -- vmp-splice-request.c ------------------------------------------------------------------- */

/* Whether such a call can be continued. */
gboolean vmp_splice_fits (const VmpCall *call);

/* Whether the client's limit of tokens, if it has set one, is reached. */
gboolean vmp_splice_is_spent (const VmpCall *call,
                              gint64         spent);

/* Of a call that fits: whether it is a chat, and not a completion of a text. */
gboolean vmp_splice_is_chat (const VmpCall *call);

/* Of a call that fits: its body with what was said, as it stands between quotes, and fewer tokens. @model: (nullable).
 * (transfer full) */
char *vmp_splice_write_body (const VmpCall *call,
                             const char    *model,
                             VmpSlice       text,
                             gint64         spent,
                             gsize         *len);

G_END_DECLS

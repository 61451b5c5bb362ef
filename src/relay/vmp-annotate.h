/* SPDX-License-Identifier: MIT
 *
 * What is said about an answer besides it, for clients that ask for it: the object `vampire` in a document or in the
 * last event of a stream, and the events of X-Vampire-Trace: stream. Functions of their arguments.
 */

#pragma once

#include "core/vmp-buffer.h"
#include "core/vmp-call.h"
#include "relay/vmp-journal.h"

G_BEGIN_DECLS

/* The value of `vampire`: how the request went, until now. @now: monotonic µs. (transfer full) */
char *vmp_annotate_make_metadata (const VmpTrace *trace,
                                  gint64          now);

/* A document with the member put in at its end, or in the place of the one that it has; NULL when it is no object.
 * (transfer full) (nullable) */
char *vmp_annotate_document (const char *body,
                             gsize       len,
                             const char *metadata,
                             gsize      *new_len);

/**
 * vmp_annotate_events:
 * @data: whole events
 * @names: each event without a name gets the name completion.chunk
 * @last: (nullable): goes before the event [DONE]
 * @out: what is to be passed on is appended
 */
void vmp_annotate_events (const char *data,
                          gsize       len,
                          gboolean    names,
                          const char *last,
                          VmpBuffer  *out);

/* Whether [DONE] is among whole events. */
gboolean vmp_annotate_has_done (const char *data,
                                gsize       len);

/* "vampire.routing", "vampire.model_start", "vampire.continued": events of the trace, about its last attempt.
 * (transfer full) */
char *vmp_annotate_make_event (const char     *name,
                               const VmpTrace *trace);

/* What all chunks of a stream have in common, as a JSON object: id, object, created and model of the first one. NULL
 * while there is none among the events. (transfer full) (nullable) */
char *vmp_annotate_read_identity (const VmpTrace *trace,
                                  const char     *data,
                                  gsize           len);

/* A chunk without choices that holds the metadata; or, when there is no @identity for it, "event: vampire.metrics" with
 * them. (transfer full) */
char *vmp_annotate_make_last (const char *metadata,
                              const char *identity);

/* The value of Server-Timing. (transfer full) */
char *vmp_annotate_make_timing (const VmpTrace *trace,
                                gint64          now);

G_END_DECLS

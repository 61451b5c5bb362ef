/* SPDX-License-Identifier: MIT
 *
 * Where server-sent events end. The relay passes a stream's bytes on unchanged; it only needs to
 * know up to which byte the events are whole, so that it never leaves a client with half of one
 * when a node dies. Rules: https://html.spec.whatwg.org/multipage/server-sent-events.html (lines
 * end with LF, CR or CR LF; an empty line ends an event; one leading byte-order mark is skipped).
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zero-initialise. Holds no memory. Its fields belong to vmp-sse.c. */
typedef struct {
  guint8 line;   /* what the current line is so far */
  guint8 match;  /* how much of "data:[DONE]" the current line has matched */
  guint8 bom;    /* bytes of a leading byte-order mark seen */
  guint8 flags;
} VmpSseReader;

/**
 * vmp_sse_reader_push:
 * @self: the reader
 * @data: the next bytes of the stream, of any length and cut anywhere
 * @len: how many
 *
 * Returns: how many of these bytes belong to events that are now whole: 0, or the offset just past
 * the line end of the last empty line in @data. When a CR ends the event, a following LF counts to it
 * if it is in the same @data, and to the start of what follows otherwise (where it is skipped).
 */
gsize vmp_sse_reader_push (VmpSseReader *self,
                           const char   *data,
                           gsize         len);

/* TRUE if the last whole event was `data: [DONE]` (with or without the space), which ends a stream
 * of the OpenAI API. Empty lines that end no event, as after a comment, change nothing. */
gboolean vmp_sse_reader_is_done (const VmpSseReader *self);

/* TRUE if bytes were pushed after the last whole event (an event is incomplete). A lone LF that
 * belongs to the CR that ended an event does not count. */
gboolean vmp_sse_reader_is_inside (const VmpSseReader *self);

G_END_DECLS

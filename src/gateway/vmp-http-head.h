/* SPDX-License-Identifier: MIT
 *
 * A strict parser for the head of an HTTP/1.x request (RFC 9112), and for chunked bodies. It is the
 * guard's judgement on hostile bytes: what it does not accept is answered with 400 and closed, and
 * nothing behind it ever sees it. Pure functions on values; no I/O, no allocation.
 */

#pragma once

#include <glib.h>
#include "core/vmp-limits.h"
#include "core/vmp-slice.h"

G_BEGIN_DECLS

typedef enum {
  VMP_BODY_NONE,    /* neither Content-Length nor Transfer-Encoding, or Content-Length: 0 */
  VMP_BODY_LENGTH,
  VMP_BODY_CHUNKED
} VmpBodyFraming;

typedef struct {
  VmpSlice method;
  VmpSlice target;         /* the request target as sent, when in origin form or "*" */
  VmpSlice path;           /* the target up to '?' */
  int minor_version;       /* 0 or 1 */
  gboolean keep_alive;     /* as the version and Connection say */
  gboolean expect_continue; /* Expect: 100-continue, HTTP/1.1 only */
  gboolean has_content_length; /* a Content-Length was sent, be it 0 */
  VmpBodyFraming framing;
  guint64 content_length;  /* bytes, for VMP_BODY_LENGTH */
  VmpSlice host;           /* the Host field; data is NULL when absent (HTTP/1.0 only) */
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
  guint n_fields;
} VmpHttpHead;

/* Why a head was refused. Each has one sentence: vmp_head_fault_message(). */
typedef enum {
  VMP_HEAD_OK,
  VMP_HEAD_INCOMPLETE,        /* more bytes are needed */
  VMP_HEAD_BAD_REQUEST_LINE,
  VMP_HEAD_BAD_METHOD,
  VMP_HEAD_BAD_TARGET,        /* not origin form (or "*" with OPTIONS), control bytes or spaces in it, or a '#' */
  VMP_HEAD_BAD_VERSION,       /* not HTTP/1.0 or HTTP/1.1: 505 */
  VMP_HEAD_BAD_FIELD,         /* no colon, white space before it, bad name, obsolete folding */
  VMP_HEAD_BAD_BYTE,          /* a bare CR, a NUL or another control character */
  VMP_HEAD_BAD_HOST,          /* none in HTTP/1.1, more than one, not a host, or another one than the target's */
  VMP_HEAD_BAD_LENGTH,        /* Content-Length not one decimal number of at most 19 digits, or there twice */
  VMP_HEAD_BAD_CODING,        /* Transfer-Encoding other than "chunked" once and in HTTP/1.1: 501 */
  VMP_HEAD_LENGTH_AND_CODING, /* both: request smuggling */
  VMP_HEAD_BAD_EXPECTATION,   /* Expect other than 100-continue: 417 */
  VMP_HEAD_TOO_LARGE          /* past VMP_LIMIT_HEAD_BYTES or VMP_LIMIT_HEAD_FIELDS: 431 */
} VmpHeadFault;

/**
 * vmp_http_head_parse:
 * @data: the bytes received so far; empty lines before the request line are not skipped
 * @len: how many
 * @scanned: (inout): how many leading bytes an earlier call has already searched for the end of the head; 0 at first.
 *   Keeps the cost linear when a head trickles in
 * @head: (out caller-allocates): the head; its slices point into @data
 * @head_len: (out): the length of the head with its empty line, when VMP_HEAD_OK
 *
 * Only CR LF ends a line. An absolute-form target (`GET http://host/path`) is accepted: it must have a path, its
 * authority must equal Host, and @target is then the part from the path on.
 *
 * Returns: VMP_HEAD_OK, VMP_HEAD_INCOMPLETE or the first fault found. A head that is hopeless is refused as early as
 * its bytes allow (a bare CR, a NUL, a first byte that cannot begin a method such as a TLS hello's, a bad line), not
 * only when it is complete. The verdict does not depend on how the bytes were cut
 */
VmpHeadFault vmp_http_head_parse (const char  *data,
                                  gsize        len,
                                  gsize       *scanned,
                                  VmpHttpHead *head,
                                  gsize       *head_len);

/* The HTTP status for a fault: 400, 417, 431, 501 or 505. */
guint vmp_head_fault_status (VmpHeadFault fault);

/* One sentence for the client, such as "The request has more than one Host header." */
const char *vmp_head_fault_message (VmpHeadFault fault);

/* The value of the first field of that name (compared without case), or NULL. */
const VmpSlice *vmp_http_head_get (const VmpHttpHead *head,
                                   const char        *name);

/* -- Chunked bodies ------------------------------------------------------------------------ */

typedef enum {
  VMP_CHUNK_MORE,   /* all input was used, the body is not at its end */
  VMP_CHUNK_DATA,   /* data was found */
  VMP_CHUNK_END,    /* the body ended; input after it is the next request's */
  VMP_CHUNK_BAD     /* malformed, or a line past VMP_LIMIT_CHUNK_LINE_BYTES */
} VmpChunkResult;

/* Zero-initialise. Its fields belong to vmp-http-chunked.c. */
typedef struct {
  guint64 left;
  guint16 line;
  guint8 state;
} VmpChunkReader;

/**
 * vmp_chunk_reader_next:
 * @self: the reader
 * @data: the input
 * @len: its length
 * @used: (out): how many bytes of the input were used, also for VMP_CHUNK_DATA and VMP_CHUNK_END
 * @piece: (out): for VMP_CHUNK_DATA, a piece of the body inside @data
 *
 * Call again with the rest of the input until it says MORE, END or BAD. Strict: CR LF only, hexadecimal sizes of at
 * most 15 digits, extensions skipped, trailer fields checked for control bytes and dropped (at most
 * VMP_LIMIT_HEAD_BYTES of them).
 */
VmpChunkResult vmp_chunk_reader_next (VmpChunkReader *self,
                                      const char     *data,
                                      gsize           len,
                                      gsize          *used,
                                      VmpSlice       *piece);

G_END_DECLS

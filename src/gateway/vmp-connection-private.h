/* SPDX-License-Identifier: MIT
 *
 * What the two halves of VmpConnection share: vmp-connection.c (its life, and reading requests) and
 * vmp-connection-answer.c (writing answers). Nobody else includes this.
 */

#pragma once

#include "core/vmp-buffer.h"
#include "core/vmp-request-id.h"
#include "gateway/vmp-connection.h"

G_BEGIN_DECLS

/* Memory that an idle connection keeps for its next request and answer. */
#define KEPT_BYTES (4 * 1024)

typedef enum {
  READING_HEAD,
  READING_BODY,
  ANSWERING,  /* a request is with its answerer */
  FLUSHING,   /* the answer has ended; its last bytes are on their way */
  LINGERING,  /* told the client to stop, and reading what it still sends, so that it can read our answer */
  CLOSED
} ConnectionState;

struct _VmpConnection {
  VmpServing *serving;
  GSocketAddress *local;
  GSocketAddress *peer;
  VmpWatch watch;
  VmpDeferred flush;
  int fd;
  ConnectionState state;
  gint64 deadline;         /* monotonic µs; 0 when there is none */
  gint64 dismissed_until;  /* monotonic µs; 0 when it was not dismissed */
  gint64 since;            /* µs since 1970 */
  gboolean is_shared;
  guint busy;              /* calls in progress that still need this object */

  VmpBuffer in;            /* from the first byte of the request at hand */
  VmpBuffer ahead;         /* what came while it was answered */
  VmpBuffer body;          /* its body, unless all of it is in @in */
  VmpBuffer out;
  gsize scanned;           /* bytes of @in searched for the end of the head */
  gsize head_len;
  gsize request_len;       /* bytes of @in that belong to the request; 0 until it has been read to its end */
  VmpChunkReader chunks;
  VmpRequest *request;     /* from the head's end to the answer's */
  gint64 body_counted;     /* bytes of @body that count in serving->bodies_bytes */
  const VmpAnswererFuncs *answerer;
  gpointer answerer_data;
  char *cors_origin;
  char request_id[VMP_REQUEST_ID_BYTES]; /* "": none */
  char *key;               /* id of the client key; NULL */

  char *node;              /* for the access log, as are the next four */
  const char *outcome;
  guint status;
  guint64 body_bytes;
  gint64 first_byte;       /* monotonic µs; 0 before it */

  gboolean keep;           /* another request may follow this one */
  gboolean chunked_answer;
  gboolean ends_by_close;  /* the answer's end is the connection's */
  gboolean no_body_answer; /* to HEAD, or with a status that has none */
  gboolean answerer_waits; /* it was told there is no room */
};

/* vmp-connection.c */

/* Brackets a call that may close the connection; after the last leave() the object may be gone. */
void vmp_connection_enter (VmpConnection *self);
void vmp_connection_leave (VmpConnection *self);
void vmp_connection_close_now (VmpConnection *self);
void vmp_connection_set_deadline (VmpConnection *self,
                                  gint64         ms);
/* Asks the poll for what this state needs. */
void vmp_connection_update_watch (VmpConnection *self);
/* Makes the access line of the request at hand and gives its memory back. */
void vmp_connection_forget_request (VmpConnection *self,
                                    const char    *outcome);
/* The answer has gone out: closes, lingers, or goes on to what has come meanwhile. */
void vmp_connection_answer_is_out (VmpConnection *self);

/* vmp-connection-answer.c */

/* The deferred call that sends what is waiting. */
void vmp_connection_flush_cb (gpointer connection);
void vmp_connection_send_later (VmpConnection *self);
/* Tells the client to go on with the body it has announced. */
void vmp_connection_continue (VmpConnection *self);

G_END_DECLS

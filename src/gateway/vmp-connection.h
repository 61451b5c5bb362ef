/* SPDX-License-Identifier: MIT
 *
 * One client's connection, and the guard on it: it frames HTTP/1.1 strictly, keeps the limits and deadlines,
 * notices when the client leaves, and hands on one whole request at a time. What it refuses nothing behind it
 * ever sees. It does not know what a request means.
 */

#pragma once

#include "core/vmp-poll.h"
#include "core/vmp-problem.h"
#include "gateway/vmp-http-head.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmpConnection VmpConnection;
typedef struct _VmpServing VmpServing;

/* A request that has come whole. Valid until its answer has ended. */
typedef struct {
  VmpHttpHead head;
  VmpSlice raw_head;  /* the bytes that @head was read from */
  const char *body;
  gsize body_len;
  gint64 started;     /* monotonic time in µs at which the head was complete */
} VmpRequest;

/* The connections' owner. */
typedef struct {
  /* Judges a head before its body is read. Returns TRUE to go on; FALSE after it has answered. */
  gboolean (*admit) (gpointer           user_data,
                     VmpConnection     *connection,
                     const VmpHttpHead *head);
  /* Takes a request: calls vmp_connection_set_answerer() and answers now or later. */
  void (*request) (gpointer          user_data,
                   VmpConnection    *connection,
                   const VmpRequest *request);
  /* It is closed and about to be freed. */
  void (*closed) (gpointer       user_data,
                  VmpConnection *connection);
} VmpServingFuncs;

/* Whoever answers the request at hand. */
typedef struct {
  /* What was waiting to be sent has gone down to a little. */
  void (*drained) (gpointer user_data);
  /* The client left; the answer must not be touched any more. */
  void (*gone) (gpointer user_data);
} VmpAnswererFuncs;

/* What all connections of a gateway share. */
struct _VmpServing {
  VmpPoll *poll;
  const VmpServingFuncs *funcs;
  gpointer user_data;
  gint64 max_body_bytes;
  gint64 bodies_bytes;  /* held by all requests at this moment */
  gboolean draining;    /* connections are closed once their answer has ended */
};

/**
 * vmp_connection_new:
 * @fd: (transfer full): a non-blocking socket
 * @is_shared: whether it came in where other computers are let in
 *
 * Begins to read. Nothing is called before this returns. It frees itself after funcs->closed().
 */
VmpConnection *vmp_connection_new (VmpServing     *serving,
                                   int             fd,
                                   GSocketAddress *local,
                                   GSocketAddress *peer,
                                   gboolean        is_shared);

/* When it came, in µs since 1970, and whether a request of it is being answered. */
gint64 vmp_connection_get_since (VmpConnection *self);
gboolean vmp_connection_is_answering (VmpConnection *self);

/* Whether it is from another computer that is let in while its owner shares. */
gboolean vmp_connection_is_shared (VmpConnection *self);
void vmp_connection_set_shared (VmpConnection *self);
GSocketAddress *vmp_connection_get_local_address (VmpConnection *self);
GSocketAddress *vmp_connection_get_peer_address (VmpConnection *self);

/* Closes it if a deadline has passed. @now: monotonic µs */
void vmp_connection_sweep (VmpConnection *self,
                           gint64         now);

/* Closes it now if no request is under way. Otherwise it closes after the answer. */
void vmp_connection_drain (VmpConnection *self);

/* Whoever is at the other end may not be here any longer: it is drained, and closed for good after
 * VMP_LIMIT_FAREWELL_MS, which the end of a running answer gets to reach its client. */
void vmp_connection_dismiss (VmpConnection *self);
gboolean vmp_connection_is_dismissed (VmpConnection *self);

/* Closes it now, whatever it does. */
void vmp_connection_kill (VmpConnection *self);

/* -- Answering ----------------------------------------------------------------------------- */

void vmp_connection_set_answerer (VmpConnection          *self,
                                  const VmpAnswererFuncs *funcs,
                                  gpointer                user_data);

/* The Origin whose pages may read this answer; it is echoed in its head. NULL: none. */
void vmp_connection_set_cors_origin (VmpConnection *self,
                                     VmpSlice       origin);

/* Gives the request at hand a name, which its answer has in X-Vampire-Request-ID. (transfer none): until the next
 * request */
const char *vmp_connection_name_request (VmpConnection *self);

/* Which client key let the request at hand in, by its id; NULL: none. It stays until the next one is set. */
void vmp_connection_set_key (VmpConnection *self,
                             const char    *key_id);
const char *vmp_connection_get_key (VmpConnection *self);

/* For the access log: the id of the node that answers, and how the answer ended (static; "done" unless it is set). */
void vmp_connection_set_node (VmpConnection *self,
                              const char    *id);
const char *vmp_connection_get_node (VmpConnection *self);
void vmp_connection_set_outcome (VmpConnection *self,
                                 const char    *outcome);

/* Begins an answer. @length: bytes of its body; -1 when it is not known, and then it is chunked (or, for HTTP/1.0, ends
 * with the connection). Framing and connection fields are made here and must not be among @fields. */
void vmp_connection_head (VmpConnection      *self,
                          guint               status,
                          VmpSlice            reason,
                          const VmpHttpField *fields,
                          guint               n_fields,
                          gint64              length);
/* More of its body; sent when the events at hand are done, together with what else they bring. */
void vmp_connection_body (VmpConnection *self,
                          const char    *data,
                          gsize          len);
gboolean vmp_connection_has_room (VmpConnection *self);
/* The answer is whole; the next request may come. */
void vmp_connection_end (VmpConnection *self);
/* The answer breaks off: the connection is closed without the mark of a good end. */
void vmp_connection_tear (VmpConnection *self);

/* A whole answer from the error table, ended. The connection is closed after it if the request was not read to its
 * end. */
void vmp_connection_problem (VmpConnection *self,
                             VmpProblem     problem,
                             const char    *message);

/* The same with other fields as well, and not ended. */
void vmp_connection_begin_problem (VmpConnection      *self,
                                   VmpProblem          problem,
                                   const char         *message,
                                   const VmpHttpField *others,
                                   guint               n_others);

/* A whole answer without a body, ended. */
void vmp_connection_empty (VmpConnection      *self,
                           guint               status,
                           VmpSlice            reason,
                           const VmpHttpField *fields,
                           guint               n_fields);

/* For an answer that is already written as HTTP by someone else: its bytes, and its end. @keep: whether it was whole
 * and leaves the connection usable. */
void vmp_connection_raw (VmpConnection *self,
                         const char    *data,
                         gsize          len);
void vmp_connection_raw_end (VmpConnection *self,
                             gboolean       keep);

G_END_DECLS

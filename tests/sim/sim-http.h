/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its own small HTTP/1.1 server, so that every byte that goes
 * out is under the program's control. It speaks as Node's http and Express do, carries out the
 * faults that concern bytes, and tells an exchange when its client has gone.
 */

#pragma once

#include "sim-faults.h"
#include "sim-head.h"

G_BEGIN_DECLS

typedef enum {
  SIM_GONE_CLIENT,    /* it closed, or its connection broke */
  SIM_GONE_FAULT,     /* a fault ended the connection */
  SIM_GONE_SHUTDOWN
} SimGone;

typedef void (*SimGoneFunc) (SimExchange *exchange,
                             SimGone      gone,
                             gpointer     data);

typedef void (*SimDrainedFunc) (SimExchange *exchange,
                                gpointer     data);

/* One request and its answer. It is gone when sim_exchange_reply () or sim_exchange_end () returns,
 * and when the gone function has been called; whoever answers later than at once sets one. */
struct _SimExchange {
  Sim *sim;
  SimHead *head;
  GByteArray *body;
  SimFaultPlan plan;
  gint64 arrived;           /* monotonic microseconds, when its last byte was there */

  /* the server's own */
  struct _SimConn *conn;
  SimGoneFunc gone;
  SimDrainedFunc drained;
  gpointer data;
  GString *fields;          /* further fields for the head */
  guint status;
  guint n_chunks;
  gboolean is_counted;
  gboolean has_ended;
  gboolean is_chunked;
  gboolean is_muted;        /* a fault swallows the rest */
  gboolean wants_drain;
  guint64 wire_bytes;
  guint64 head_bytes;
  guint64 payload_bytes;
};

SimHttp *sim_http_new (Sim *sim);

void sim_http_free (SimHttp *self);

/* @control: serve /sim/ only, and let no fault touch this listener
 * Returns: the port, or 0 with @error set */
guint16 sim_http_listen (SimHttp    *self,
                         const char *host,
                         guint16     port,
                         gboolean    control,
                         GError    **error);

/* Makes the listener follow the knob "refuse". */
void sim_http_apply_config (SimHttp *self);

/* Ends connections now, all of them or those between two requests, but none that talks to /sim/. */
void sim_http_drop (SimHttp   *self,
                    gboolean   idle_only,
                    SimCloseBy by);

void sim_exchange_watch (SimExchange   *self,
                         SimGoneFunc    gone,
                         SimDrainedFunc drained,
                         gpointer       data);

/* Adds a field to the head, before it is sent. */
void sim_exchange_add_field (SimExchange *self,
                             const char  *name,
                             const char  *value);

/* Sends a whole answer. @len may be -1. */
void sim_exchange_reply (SimExchange *self,
                         guint        status,
                         const char  *content_type,
                         const char  *body,
                         gssize       len);

/* @json: (transfer full) */
void sim_exchange_reply_json (SimExchange *self,
                              guint        status,
                              GString     *json);

/* Begins an answer of unknown length. The head goes out with the first piece, or with a flush. */
void sim_exchange_begin (SimExchange *self,
                         guint        status,
                         const char  *content_type);

/* Adds a piece, one chunk on the wire. It is sent by sim_exchange_flush () or _end (). */
void sim_exchange_write (SimExchange *self,
                         const char  *data,
                         gsize        len);

void sim_exchange_flush (SimExchange *self);

void sim_exchange_end (SimExchange *self);

/* Bytes that the client has not taken yet. */
gsize sim_exchange_pending (SimExchange *self);

/* Calls the drained function, from the main loop, once few bytes are pending. */
void sim_exchange_want_drain (SimExchange *self);

/* /sim/: free of faults and not counted */
gboolean sim_exchange_is_control (SimExchange *self);

/* The request came by the listener that only serves /sim/. */
gboolean sim_exchange_is_by_control_port (SimExchange *self);

G_END_DECLS

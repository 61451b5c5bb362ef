/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: one connection. For the files of its HTTP server only:
 * sim-http.c makes connections, sim-conn.c reads and paces them, sim-exchange.c writes answers into
 * them.
 */

#pragma once

#include "sim-http.h"
#include "sim-timer.h"

G_BEGIN_DECLS

typedef enum {
  SIM_STAGE_HEAD,    /* waiting for a request, or reading its head */
  SIM_STAGE_BODY,
  SIM_STAGE_ANSWER,
  SIM_STAGE_LINGER   /* all is sent and our side is shut; waiting for the client's */
} SimStage;

typedef struct _SimConn {
  Sim *sim;
  GQueue *owner;     /* of all connections */
  GList link;
  guint64 id;
  GSocket *socket;
  GSource *in_source;
  GSource *out_source;
  gboolean control;         /* of the control listener */
  gboolean is_counted;      /* in the statistics: not one that talks to /sim/ */
  SimStage stage;
  GByteArray *in;
  gsize in_used;
  GString *out;
  gsize out_sent;
  SimDechunk dechunk;
  SimExchange *exchange;
  guint n_requests;
  gboolean keep_alive;
  gboolean is_processing;
  gboolean is_broken;
  gboolean is_cut;
  SimTimer deadline;        /* of the keep-alive, and of lingering */
  SimTimer work;            /* what must not be done by the caller: next request, next drip, tearing down */
} SimConn;

/* @socket: (transfer full): just accepted */
void sim_conn_new (Sim     *sim,
                   GQueue  *owner,
                   guint64  id,
                   GSocket *socket,
                   gboolean control);

void sim_conn_free (SimConn *conn,
                    SimGone  gone);

/* Sends what it can. Never frees the connection; may free its exchange, if that has ended. */
void sim_conn_flush (SimConn *conn);

void sim_conn_watch_out (SimConn *conn);

/* Makes close () send RST, and drop what the kernel has not sent. */
void sim_conn_reset_on_close (GSocket *socket);

/* An exchange of @conn, whose head has been read. */
SimExchange *sim_exchange_new (SimConn *conn,
                               SimHead *head);

void sim_exchange_free (SimExchange *self);

G_END_DECLS

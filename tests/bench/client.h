/* SPDX-License-Identifier: MIT
 *
 * One keep-alive HTTP/1.1 client connection of the load generator: sends a request, takes the answer apart as
 * it comes, and checks every byte of it. Used by the measurements in load-*.c; never blocks once connected.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmpBenchClient VmpBenchClient;

/* Called for each event of an answer that is a stream, except the closing ones; @sent_ns is the upstream's stamp. */
typedef void (*VmpBenchEventFunc) (VmpBenchClient *client,
                                   gint64          sent_ns,
                                   gpointer        data);

/* How an answer stands after a read. */
typedef enum {
  VMP_BENCH_UNDER_WAY,
  VMP_BENCH_WHOLE,       /* complete and as the upstream sent it */
  VMP_BENCH_BROKEN       /* not what the upstream sends, or the connection ended */
} VmpBenchProgress;

/* Connects to 127.0.0.1:@port from 127.0.0.@from, and has @epoll_fd watch it for input with the client as data.ptr. A
 * gateway limits the connections of one address; 1,000 streams come from several. NULL with @error. */
VmpBenchClient *vmp_bench_client_new (guint    port,
                                      guint    from,
                                      int      epoll_fd,
                                      GError **error);
void vmp_bench_client_free (VmpBenchClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpBenchClient, vmp_bench_client_free)

/* Sends a chat completion. @mode is the value of VMP_BENCH_FIELD, or NULL for an answer in one piece. */
gboolean vmp_bench_client_ask (VmpBenchClient *self,
                               const char     *mode,
                               GError        **error);

/* Reads once. @on_event may be NULL. With VMP_BENCH_BROKEN, @error says what was wrong. */
VmpBenchProgress vmp_bench_client_read (VmpBenchClient   *self,
                                        VmpBenchEventFunc on_event,
                                        gpointer          data,
                                        GError          **error);

/* CLOCK_MONOTONIC nanoseconds of the last ask. */
gint64 vmp_bench_client_asked_ns (VmpBenchClient *self);

/* Events of the answer so far. */
guint64 vmp_bench_client_events (VmpBenchClient *self);

/* The longest time since the last ask, in nanoseconds, in which no byte of the answer came. */
gint64 vmp_bench_client_silence_ns (VmpBenchClient *self);

G_END_DECLS

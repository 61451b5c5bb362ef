/* SPDX-License-Identifier: MIT
 *
 * The gateway of the windows' benchmark: a process of its own with as many nodes, models and requests as the windows
 * are promised to bear, of which it tells without end.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BENCH_NODES 500       /* approved */
#define BENCH_WAITING 200     /* more of them, that wait for approval */
#define BENCH_MODELS 1000     /* one on all nodes, and one more on each that no other has */
#define BENCH_RUNNING 200     /* requests */
#define BENCH_ENDED 800       /* requests of before */
#define BENCH_KEYS 200
#define BENCH_CLIENTS 200
#define BENCH_ROUTES 100

/* Events a second, besides one metric. */
#define BENCH_REQUEST_EVENTS 200
#define BENCH_NODE_EVENTS 50
/* Of each answer. */
#define BENCH_TOKENS 100

#define BENCH_NODE_ID "node-10-0-0-7-1234"

/* Starts it; it ends with this process. To be called before there are threads. The port; 0: it does not start. */
guint16 bench_windows_gateway_start (void);

G_END_DECLS

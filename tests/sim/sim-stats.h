/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: what it counted and what it last received, so that a test
 * can check what really arrived. A test waits for a counter (see sim_stats_wait) instead of
 * sleeping.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

typedef enum {
  SIM_COUNT_LISTENING,
  SIM_COUNT_CONNECTIONS_OPENED,
  SIM_COUNT_CONNECTIONS_ACTIVE,
  SIM_COUNT_CONNECTIONS_REFUSED,
  SIM_COUNT_REQUESTS,
  SIM_COUNT_ACTIVE_REQUESTS,
  SIM_COUNT_ANSWERS,
  SIM_COUNT_BAD_REQUESTS,
  SIM_COUNT_FAULTS,
  SIM_COUNT_QUEUED_GENERATIONS,
  SIM_COUNT_ACTIVE_GENERATIONS,
  SIM_COUNT_FINISHED_GENERATIONS,
  SIM_COUNT_ABORTED_GENERATIONS,
  SIM_COUNT_FAILED_GENERATIONS,
  SIM_COUNT_KILLED_GENERATIONS,
  SIM_COUNT_STALLED_GENERATIONS,
  SIM_COUNT_TOKENS_SENT,
  SIM_COUNT_LOADS,
  SIM_COUNT_DUPLICATE_LOADS,
  SIM_COUNT_LOADING,
  SIM_COUNT_LOADED_INSTANCES,
  SIM_COUNT_UNLOADS,
  SIM_COUNT_EVICTIONS,
  SIM_COUNT_TTL_UNLOADS,
  SIM_N_COUNTS
} SimCount;

SimStats *sim_stats_new (SimTimers *timers);

void sim_stats_free (SimStats *self);

/* Everything that grows goes back to 0; what counts things that exist now (active, loaded) stays. */
void sim_stats_reset (SimStats *self);

void sim_stats_add (SimStats *self,
                    SimCount  count,
                    gint64    n);

gint64 sim_stats_get (const SimStats *self,
                      SimCount        count);

/* Returns: FALSE if @name is no counter's */
gboolean sim_stats_find (const char *name,
                         SimCount   *count);

/* Records a request whose body is whole.
 * @head_json: (nullable): its fields as an array of [name, value]; NULL: count the request only */
void sim_stats_record_request (SimStats   *self,
                               const char *method,
                               const char *target,
                               const char *path,
                               GString    *head_json,
                               const char *body,
                               gsize       body_len,
                               guint64     connection,
                               guint       nth_on_connection);

/* Records an answer whose last byte is with the kernel. */
void sim_stats_record_answer (SimStats *self,
                              guint     status,
                              guint64   wire_bytes,
                              guint64   head_bytes,
                              guint64   payload_bytes);

void sim_stats_write (SimStats *self,
                      GString  *out);

typedef void (*SimWaitFunc) (gboolean reached,
                             gpointer data);

typedef struct _SimWait SimWait;

/* Calls @func from the main loop, once, when the counter is at least @at_least and at most
 * @at_most (TRUE), or after @timeout_ms (FALSE). */
SimWait *sim_stats_wait (SimStats   *self,
                         SimCount    count,
                         gint64      at_least,
                         gint64      at_most,
                         double      timeout_ms,
                         SimWaitFunc func,
                         gpointer    data);

void sim_stats_cancel_wait (SimStats *self,
                            SimWait  *wait);

G_END_DECLS

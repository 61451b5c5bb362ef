/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: which faults one request meets. The plan is made when the
 * request has arrived and does not change after that; sim-http.c and sim-run.c carry it out.
 */

#pragma once

#include "sim-config.h"

G_BEGIN_DECLS

typedef struct {
  gboolean hang;
  gboolean hang_after_head;
  gboolean close_if_reused;
  guint status;         /* 0: none */
  int retry_after_s;
  gint64 cut_at;        /* -1: nowhere */
  SimCutScope cut_scope;
  SimCloseBy cut_by;
  gboolean malformed_json;
  double drip_ms;       /* 0: none */
  gsize drip_bytes;
  SimBadChunk bad_chunk;
  SimBadHead bad_head;
  int error_after;      /* tokens; -1: never */
  int stall_after;      /* tokens; -1: never */
} SimFaultPlan;

/* Takes the next turn of fault_skip and fault_count. When the last turn is taken all faults of
 * answers go off. */
SimFaultPlan sim_faults_plan (Sim        *sim,
                              const char *path);

/* Turns off the faults of answers. */
void sim_faults_clear (SimConfig *config);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: which faults one request meets.
 */

#include "sim-faults.h"

#include "sim-stats.h"

static SimFaultPlan
plan_of (const SimConfig *config)
{
  return (SimFaultPlan) {
           .hang = config->hang,
           .hang_after_head = config->hang_after_headers,
           .close_if_reused = config->close_after_request_on_reused,
           .status = (guint) config->status,
           .retry_after_s = config->retry_after_s,
           .cut_at = config->cut_at_byte,
           .cut_scope = (SimCutScope) config->cut_scope,
           .cut_by = (SimCloseBy) config->cut_by,
           .malformed_json = config->malformed_json,
           .drip_ms = config->slow_drip_ms,
           .drip_bytes = (gsize) config->slow_drip_bytes,
           .bad_chunk = (SimBadChunk) config->bad_chunk,
           .bad_head = (SimBadHead) config->bad_head,
           .error_after = config->error_event_after_tokens,
           .stall_after = config->stall_after_tokens,
  };
}

static gboolean
is_harmless (const SimFaultPlan *plan)
{
  return !plan->hang && !plan->hang_after_head && !plan->close_if_reused && plan->status == 0 && plan->cut_at < 0
         && !plan->malformed_json && plan->drip_ms <= 0 && plan->bad_chunk == SIM_CHUNK_OK
         && plan->bad_head == SIM_HEAD_OK && plan->error_after < 0 && plan->stall_after < 0;
}

void
sim_faults_clear (SimConfig *config)
{
  config->hang = FALSE;
  config->hang_after_headers = FALSE;
  config->close_after_request_on_reused = FALSE;
  config->status = 0;
  config->retry_after_s = -1;
  config->cut_at_byte = -1;
  config->malformed_json = FALSE;
  config->slow_drip_ms = 0;
  config->bad_chunk = SIM_CHUNK_OK;
  config->bad_head = SIM_HEAD_OK;
  config->error_event_after_tokens = -1;
  config->stall_after_tokens = -1;
}

SimFaultPlan
sim_faults_plan (Sim        *sim,
                 const char *path)
{
  static const SimFaultPlan no_faults = { .cut_at = -1, .error_after = -1, .stall_after = -1, .retry_after_s = -1 };
  SimConfig *config = sim->config;
  SimFaultPlan plan = plan_of (config);

  if (is_harmless (&plan))
    return no_faults;
  if (*config->fault_path != '\0' && !g_pattern_match_simple (config->fault_path, path))
    return no_faults;
  if (config->fault_skip > 0)
    {
      config->fault_skip--;
      return no_faults;
    }

  sim_stats_add (sim->stats, SIM_COUNT_FAULTS, 1);
  if (config->fault_count > 0 && --config->fault_count == 0)
    sim_faults_clear (config);

  return plan;
}

/* SPDX-License-Identifier: MIT
 *
 * A routing after it was made: who is to be asked, and all of it as JSON for the control API, the traces and the
 * command line. It shows what the plan was made of.
 */

#include "routing/vmp-router.h"

#include "core/vmp-constraints.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"

void
vmp_routing_clear (VmpRouting *self)
{
  guint i;

  for (i = 0; i < self->n_candidates; i++)
    {
      if (self->candidates[i].host != NULL)
        vmp_host_unref (self->candidates[i].host);
      if (self->candidates[i].node != NULL)
        vmp_node_unref (self->candidates[i].node);
    }
  self->n_candidates = 0;
  g_clear_pointer (&self->candidates, g_free);
  g_clear_pointer (&self->route_id, g_free);
  g_clear_pointer (&self->message, g_free);
}

static const VmpCandidate *
get_candidate (const VmpRouting *self,
               guint             attempt)
{
  return &self->candidates[self->plan.attempts[attempt].candidate];
}

VmpHost *
vmp_routing_get_host (const VmpRouting *self,
                      guint             attempt)
{
  g_return_val_if_fail (attempt < self->plan.n_attempts, NULL);

  return get_candidate (self, attempt)->host;
}

VmpNode *
vmp_routing_get_node (const VmpRouting *self,
                      guint             attempt)
{
  g_return_val_if_fail (attempt < self->plan.n_attempts, NULL);

  return get_candidate (self, attempt)->node;
}

/* -- JSON ---------------------------------------------------------------------------------- */

static const char * const score_names[VMP_N_SCORES] = {
  [VMP_SCORE_WAIT] = "wait_ms",
  [VMP_SCORE_MAIN] = "main",
  [VMP_SCORE_BUSY] = "busy",
};

static void
add_place (const VmpCandidate *candidate,
           JsonBuilder        *builder)
{
  const VmpNode *node = candidate->node;
  const VmpHost *host = candidate->host;

  vmp_json_add_string (builder, "node", node != NULL ? node->id : NULL);
  vmp_json_add_string (builder, "model", host != NULL ? host->model_id : NULL);
}

/* A number that is not known while it is 0, and left out then. */
static void
add_known (JsonBuilder *builder,
           const char  *name,
           double       value)
{
  if (value > 0)
    vmp_json_add_double (builder, name, value);
}

static void
add_can (VmpNeeds     can,
         JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_array (builder);
  if ((can & VMP_NEED_VISION) != 0)
    json_builder_add_string_value (builder, "vision");
  if ((can & VMP_NEED_TOOLS) != 0)
    json_builder_add_string_value (builder, "tools");
  if ((can & VMP_NEED_REASONING) != 0)
    json_builder_add_string_value (builder, "reasoning");
  json_builder_end_array (builder);
}

static void
add_candidate (const VmpCandidate *candidate,
               JsonBuilder        *builder)
{
  gboolean has_model = candidate->host != NULL && !candidate->missing;

  /* Looking that up takes a while, so plans do only where it matters. */
  gboolean is_local = candidate->local || (candidate->node != NULL && vmp_node_is_local (candidate->node));

  json_builder_begin_object (builder);
  add_place (candidate, builder);
  vmp_json_add_string (builder, "rejected",
                       candidate->rejection != VMP_REJECTED_NOT ? vmp_rejection_to_string (candidate->rejection)
                                                                : NULL);
  vmp_json_add_boolean (builder, "trusted", candidate->trusted);
  vmp_json_add_boolean (builder, "local", is_local);
  vmp_json_add_int (builder, "node_active", candidate->node_active);
  vmp_json_add_int (builder, "node_waiting", candidate->node_waiting);
  add_known (builder, "power", candidate->power);
  if (candidate->cost >= 0)
    vmp_json_add_double (builder, "cost", candidate->cost);
  add_known (builder, "node_quality", candidate->node_quality);
  if (has_model)
    {
      vmp_json_add_string (builder, "kind", vmp_model_kind_to_string (candidate->kind));
      add_can (candidate->can, builder);
      if (candidate->context > 0)
        vmp_json_add_int (builder, "context", candidate->context);
      if (candidate->size_bytes > 0)
        vmp_json_add_int (builder, "size_bytes", candidate->size_bytes);
      add_known (builder, "parameters", candidate->parameters);
      if (candidate->slots > 0)
        vmp_json_add_int (builder, "slots", candidate->slots);
      vmp_json_add_int (builder, "active", candidate->active);
      vmp_json_add_boolean (builder, "loaded", candidate->loaded);
      vmp_json_add_boolean (builder, "leading", candidate->leading);
      vmp_json_add_boolean (builder, "occupied", candidate->occupied);
      add_known (builder, "load_ms", candidate->load_ms);
      add_known (builder, "ttft_ms", candidate->ttft_ms);
      add_known (builder, "tokens_per_second", candidate->tokens_per_second);
      add_known (builder, "duration_ms", candidate->duration_ms);
      add_known (builder, "prefix", candidate->prefix);
    }
  if (candidate->has_session)
    vmp_json_add_boolean (builder, "has_session", TRUE);
  add_known (builder, "weight", candidate->weight);
  json_builder_end_object (builder);
}

static void
add_attempts (const VmpRouting *self,
              JsonBuilder      *builder)
{
  guint i;
  guint j;

  json_builder_set_member_name (builder, "attempts");
  json_builder_begin_array (builder);
  for (i = 0; i < self->plan.n_attempts; i++)
    {
      const VmpAttempt *attempt = &self->plan.attempts[i];

      json_builder_begin_object (builder);
      add_place (get_candidate (self, i), builder);
      vmp_json_add_string (builder, "readiness", vmp_readiness_to_string (attempt->readiness));
      json_builder_set_member_name (builder, "scores");
      json_builder_begin_object (builder);
      for (j = 0; j < VMP_N_SCORES; j++)
        vmp_json_add_double (builder, score_names[j], attempt->scores[j]);
      json_builder_end_object (builder);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

static void
add_rejected (const VmpPlan *plan,
              JsonBuilder   *builder)
{
  guint i;

  json_builder_set_member_name (builder, "rejected");
  json_builder_begin_object (builder);
  for (i = 1; i < VMP_N_REJECTIONS; i++)
    {
      if (plan->n_rejected[i] > 0)
        vmp_json_add_int (builder, vmp_rejection_to_string (i), plan->n_rejected[i]);
    }
  json_builder_end_object (builder);
}

void
vmp_routing_build (const VmpRouting *self,
                   JsonBuilder      *builder)
{
  guint i;

  vmp_json_add_string (builder, "route", self->route_id);
  vmp_json_add_string (builder, "strategy", vmp_strategy_to_string (self->plan.strategy));
  vmp_json_add_int (builder, "seed", self->request.seed);
  json_builder_set_member_name (builder, "constraints");
  vmp_constraints_build (&self->request.constraints, builder);
  vmp_json_add_int (builder, "likely_context", self->request.likely_context);
  vmp_json_add_int (builder, "fallbacks", self->fallbacks);
  vmp_json_add_boolean (builder, "last_resort", self->plan.last_resort);
  add_attempts (self, builder);

  json_builder_set_member_name (builder, "candidates");
  json_builder_begin_array (builder);
  for (i = 0; i < MIN (self->n_candidates, VMP_LIMIT_SHOWN_CANDIDATES); i++)
    add_candidate (&self->candidates[i], builder);
  json_builder_end_array (builder);

  vmp_json_add_int (builder, "looked_at", self->n_looked_at);
  add_rejected (&self->plan, builder);
  vmp_json_add_string (builder, "problem", self->message);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the plan: who is not asked and why, the best of the others, and whose turn it is among equals. How
 * two candidates compare is in vmp-plan-score.c.
 */

#include "routing/vmp-plan-private.h"

static const char * const rejection_names[VMP_N_REJECTIONS] = {
  [VMP_REJECTED_NOT] = "none",
  [VMP_REJECTED_PENDING] = "pending",
  [VMP_REJECTED_DRAINING] = "draining",
  [VMP_REJECTED_OFFLINE] = "offline",
  [VMP_REJECTED_BREAKER_OPEN] = "breaker_open",
  [VMP_REJECTED_TOKEN] = "token_missing",
  [VMP_REJECTED_LOOP] = "request_loop",
  [VMP_REJECTED_EXCLUDED] = "excluded",
  [VMP_REJECTED_MODEL_MISSING] = "model_missing",
  [VMP_REJECTED_WRONG_KIND] = "wrong_kind",
  [VMP_REJECTED_CAPABILITY] = "capability_missing",
  [VMP_REJECTED_CONTEXT] = "context_window_too_small",
  [VMP_REJECTED_NOT_TRUSTED] = "not_trusted",
  [VMP_REJECTED_NOT_LOCAL] = "not_local",
  [VMP_REJECTED_TOO_SLOW] = "too_slow",
  [VMP_REJECTED_QUEUE_FULL] = "queue_full",
};

static const char * const readiness_names[VMP_N_READINESSES] = {
  [VMP_READY_NOW] = "now",
  [VMP_READY_COLD] = "cold",
  [VMP_READY_LOADING] = "loading",
  [VMP_READY_FULL] = "full",
  [VMP_READY_OCCUPIED] = "occupied",
};

const char *
vmp_rejection_to_string (VmpRejection rejection)
{
  g_return_val_if_fail ((guint) rejection < VMP_N_REJECTIONS, NULL);

  return rejection_names[rejection];
}

const char *
vmp_readiness_to_string (VmpReadiness readiness)
{
  g_return_val_if_fail ((guint) readiness < VMP_N_READINESSES, NULL);

  return readiness_names[readiness];
}

/* -- Who fits ------------------------------------------------------------------------------ */

/* In the order of the enum: as far as the breaker, @last_resort: what failed a moment ago is not held against it */
static VmpRejection
look_at_state (const VmpCandidate *candidate,
               gboolean            last_resort)
{
  if (!candidate->approved)
    return VMP_REJECTED_PENDING;
  if (!candidate->in_service)
    return VMP_REJECTED_DRAINING;
  if (!candidate->online)
    return VMP_REJECTED_OFFLINE;
  if (candidate->breaker_open && !last_resort)
    return VMP_REJECTED_BREAKER_OPEN;

  return VMP_REJECTED_NOT;
}

static guint64
count_queue (const VmpCandidate *candidate)
{
  guint64 waiting = candidate->node_waiting;

  if (candidate->slots > 0 && candidate->active > candidate->slots)
    waiting += candidate->active - candidate->slots;

  return waiting;
}

/* and what comes after it. What is not known satisfies no demand, but for the latency, which only traffic can
 * tell. */
static VmpRejection
look_at_fitness (const VmpPlanRequest *request,
                 const VmpCandidate   *candidate,
                 gboolean              last_resort)
{
  const VmpConstraints *constraints = &request->constraints;

  if (candidate->lacks_token)
    return VMP_REJECTED_TOKEN;
  if (candidate->came_through)
    return VMP_REJECTED_LOOP;
  if (candidate->excluded || (candidate->load_failed && !last_resort))
    return VMP_REJECTED_EXCLUDED;
  if (candidate->missing)
    return VMP_REJECTED_MODEL_MISSING;
  if (!request->any_kind && (candidate->kind == VMP_MODEL_EMBEDDING) != (request->kind == VMP_MODEL_EMBEDDING))
    return VMP_REJECTED_WRONG_KIND;
  if ((constraints->needs & ~candidate->can) != 0)
    return VMP_REJECTED_CAPABILITY;
  if (constraints->min_context > 0 && candidate->context < constraints->min_context)
    return VMP_REJECTED_CONTEXT;
  if (!candidate->trusted && (constraints->trusted_only || request->strategy == VMP_STRATEGY_TRUSTED_ONLY))
    return VMP_REJECTED_NOT_TRUSTED;
  if (!candidate->local && (constraints->local_only || request->strategy == VMP_STRATEGY_PRIVACY_POLICY))
    return VMP_REJECTED_NOT_LOCAL;
  if (constraints->max_latency_ms > 0 && candidate->ttft_ms > constraints->max_latency_ms)
    return VMP_REJECTED_TOO_SLOW;
  if (constraints->has_max_queue_depth && count_queue (candidate) > constraints->max_queue_depth)
    return VMP_REJECTED_QUEUE_FULL;

  return VMP_REJECTED_NOT;
}

static VmpRejection
look_at (const VmpPlanRequest *request,
         const VmpCandidate   *candidate,
         gboolean              last_resort)
{
  VmpRejection rejection = look_at_state (candidate, last_resort);

  return rejection != VMP_REJECTED_NOT ? rejection : look_at_fitness (request, candidate, last_resort);
}

/* Returns: how many fit, put into @entries */
static guint
filter (const VmpPlanRequest *request,
        VmpCandidate         *candidates,
        guint                 n_candidates,
        VmpPlan              *plan,
        VmpPlanEntry         *entries)
{
  guint n_entries = 0;

  for (guint i = 0; i < n_candidates; i++)
    {
      VmpCandidate *candidate = &candidates[i];

      candidate->rejection = look_at (request, candidate, FALSE);
      if (candidate->rejection == VMP_REJECTED_NOT)
        entries[n_entries++].candidate = i;
      else
        plan->n_rejected[candidate->rejection]++;
    }

  return n_entries;
}

/* The same when nobody fits: then a node that failed a moment ago is better than none. */
static guint
filter_last_resort (const VmpPlanRequest *request,
                    VmpCandidate         *candidates,
                    guint                 n_candidates,
                    VmpPlan              *plan,
                    VmpPlanEntry         *entries)
{
  guint n_entries = 0;

  for (guint i = 0; i < n_candidates; i++)
    {
      VmpCandidate *candidate = &candidates[i];

      if ((!candidate->breaker_open && !candidate->load_failed)
          || look_at (request, candidate, TRUE) != VMP_REJECTED_NOT)
        continue;

      plan->n_rejected[candidate->rejection]--;
      candidate->rejection = VMP_REJECTED_NOT;
      entries[n_entries++].candidate = i;
    }
  plan->last_resort = n_entries > 0;

  return n_entries;
}

/* -- Who is first -------------------------------------------------------------------------- */

/* The smallest numbers seen so far, in their order. */
typedef struct {
  guint64 values[VMP_PLAN_ATTEMPTS];
  guint candidates[VMP_PLAN_ATTEMPTS];
  guint n;
} Best;

static inline void
best_add (Best   *self,
          guint64 value,
          guint   candidate)
{
  guint at;

  if (self->n < VMP_PLAN_ATTEMPTS)
    self->n++;
  else if (value >= self->values[VMP_PLAN_ATTEMPTS - 1])
    return;

  for (at = self->n - 1; at > 0 && self->values[at - 1] > value; at--)
    {
      self->values[at] = self->values[at - 1];
      self->candidates[at] = self->candidates[at - 1];
    }
  self->values[at] = value;
  self->candidates[at] = candidate;
}

/* A candidate among its equals: by its order, and where several have the same, by where it stands. */
static guint64
get_turn (const VmpCandidate *candidates,
          guint               candidate)
{
  return (guint64) candidates[candidate].order << 32 | candidate;
}

/* Puts equals into the order of their turns: with each seed it begins with the next one, and goes round.
 *
 * @turns: of all of them; their order is lost
 * @wanted: (inout): n of the first ones */
static void
take_turns (guint64  seed,
            guint64 *turns,
            guint    n_turns,
            guint   *wanted,
            guint    n)
{
  guint64 first = vmp_plan_pick_nth (turns, n_turns, (guint) (seed % n_turns));
  Best best = { .n = 0 };

  /* Those before the first one wrap around to the end. */
  for (guint i = 0; i < n_turns; i++)
    best_add (&best, turns[i] - first, (guint) (turns[i] & G_MAXUINT32));

  g_assert (best.n >= n);
  for (guint i = 0; i < n; i++)
    wanted[i] = best.candidates[i];
}

/* Only the last ones of the best have equals that are not among the best. */
static void
rotate_equals (const VmpPlanRequest *request,
               const VmpCandidate   *candidates,
               const VmpPlanEntry   *entries,
               guint                 n_entries,
               Best                 *best,
               guint64              *scratch)
{
  guint end;

  for (guint start = 0; start < best->n; start = end)
    {
      guint64 rank = best->values[start];
      guint n_turns = 0;

      for (end = start + 1; end < best->n && best->values[end] == rank; end++)
        ;

      if (end < best->n)
        {
          for (guint i = start; i < end; i++)
            scratch[n_turns++] = get_turn (candidates, best->candidates[i]);
        }
      else
        {
          for (guint i = 0; i < n_entries; i++)
            {
              if (entries[i].rank == rank)
                scratch[n_turns++] = get_turn (candidates, entries[i].candidate);
            }
        }
      take_turns (request->seed, scratch, n_turns, best->candidates + start, end - start);
    }
}

void
vmp_plan_make (const VmpPlanRequest *request,
               VmpCandidate         *candidates,
               guint                 n_candidates,
               VmpPlan              *plan)
{
  g_autofree VmpPlanEntry *entries = NULL;
  g_autofree guint64 *scratch = NULL;
  VmpPlanScale scale;
  Best best = { .n = 0 };
  guint n_entries;

  g_return_if_fail (request != NULL && plan != NULL);
  g_return_if_fail (candidates != NULL || n_candidates == 0);
  g_return_if_fail ((guint) request->strategy < VMP_N_STRATEGIES);

  *plan = (VmpPlan) { .strategy = request->strategy };
  entries = g_new (VmpPlanEntry, n_candidates);

  n_entries = filter (request, candidates, n_candidates, plan, entries);
  if (n_entries == 0
      && (plan->n_rejected[VMP_REJECTED_BREAKER_OPEN] > 0 || plan->n_rejected[VMP_REJECTED_EXCLUDED] > 0))
    n_entries = filter_last_resort (request, candidates, n_candidates, plan, entries);
  if (n_entries == 0)
    return;

  scratch = g_new (guint64, n_entries);
  vmp_plan_scale_init (&scale, request, candidates, entries, n_entries, scratch);

  for (guint i = 0; i < n_entries; i++)
    {
      VmpAttempt attempt;

      entries[i].rank = vmp_plan_scale_rank (&scale, candidates, entries[i].candidate, &attempt);
      best_add (&best, entries[i].rank, entries[i].candidate);
    }
  rotate_equals (request, candidates, entries, n_entries, &best, scratch);

  plan->n_attempts = best.n;
  for (guint i = 0; i < best.n; i++)
    vmp_plan_scale_rank (&scale, candidates, best.candidates[i], &plan->attempts[i]);
}

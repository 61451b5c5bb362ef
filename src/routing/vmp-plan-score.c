/* SPDX-License-Identifier: MIT
 *
 * The rank of one candidate among those that fit: how long it lets wait, what the strategy makes of it, how busy it is.
 * All of that goes into one number, from values cut into steps before they are compared: so measurements that hardly
 * differ are the same, and the order stays one (comparing two values with a tolerance would not: a = b, b = c, a < c).
 */

#include "routing/vmp-plan-private.h"

/* What a request, a load, and the time to the first token are taken to last while none has been seen. */
#define USUAL_DURATION_MS 10000.0
#define USUAL_LOAD_MS 10000.0
#define USUAL_TTFT_MS 1000.0

/* The score of what is not said: behind all that is. */
#define SCORE_UNSAID 1e12

/* A rank, from its highest bit: one for a context that seems too small, one for having to wait, and then: */
#define MAIN_BITS 24
#define SECOND_BITS 16
#define BUSY_BITS 22

/* Steps per doubling, as bits: measurements are the same within some 5 %; what owners say is taken at its word. */
#define MEASURED_BITS 4
#define SAID_BITS 14
#define MEASURED_STEPS (64u << MEASURED_BITS)
#define SAID_STEPS (64u << SAID_BITS)

/* Above the steps of anything. */
#define MAIN_LAST (1u << (MAIN_BITS - 1))

/* Steps in which shares of a known beginning are compared. */
#define PREFIX_STEPS 16

/* What a strategy says of a candidate; lower is better, and @second counts when @main is the same. */
typedef struct {
  guint32 main;
  guint32 second;
  double score; /* the same as @main, for people */
} Place;

/* -- Numbers ------------------------------------------------------------------------------- */

static double
believe_or (double value,
            double otherwise)
{
  double believed = vmp_plan_believe (value);

  return believed > 0 ? believed : otherwise;
}

/* One step up to 2 ^ (bits + 1), then 2 ^ bits of them to each doubling: for 4 bits that is 1 up to 32, and above 3 to
 * 6 %. */
static guint32
count_steps (double value,
             guint  bits)
{
  guint64 whole = (guint64) (gint64) vmp_plan_believe (value);
  guint length = 64 - (guint) __builtin_clzll (whole | 1);
  guint shift;

  if (length <= bits + 1)
    return (guint32) whole;

  shift = length - bits - 1;

  return (shift << bits) + (guint32) (whole >> shift);
}

static guint32
fit_bits (double value,
          guint  bits)
{
  return (guint32) (gint64) MIN (value, (double) ((1u << bits) - 1));
}

/* -- One candidate ------------------------------------------------------------------------- */

static gboolean
is_full (const VmpCandidate *candidate)
{
  return candidate->slots > 0 && candidate->active >= candidate->slots;
}

static VmpReadiness
get_readiness (const VmpCandidate *candidate)
{
  if (candidate->watched)
    {
      if (candidate->leading)
        return VMP_READY_LOADING;
      if (candidate->occupied || (!candidate->loaded && candidate->others_active))
        return VMP_READY_OCCUPIED;
      if (!candidate->loaded)
        return VMP_READY_COLD;
    }

  return is_full (candidate) ? VMP_READY_FULL : VMP_READY_NOW;
}

static gboolean
must_wait (VmpReadiness readiness)
{
  return readiness != VMP_READY_NOW && readiness != VMP_READY_COLD;
}

/* The prompt seems to be longer than its context. */
static gboolean
is_too_small (const VmpPlanRequest *request,
              const VmpCandidate   *candidate)
{
  return candidate->context > 0 && candidate->context < request->likely_context;
}

guint
vmp_plan_get_class (const VmpPlanRequest *request,
                    const VmpCandidate   *candidate)
{
  return (is_too_small (request, candidate) ? 2 : 0) + (must_wait (get_readiness (candidate)) ? 1 : 0);
}

double
vmp_plan_get_weight (const VmpCandidate *candidate)
{
  return believe_or (candidate->weight, 1);
}

/* Requests for each that is answered at a time, in thousandths. */
static double
get_busy (const VmpCandidate *candidate)
{
  gint64 requests = candidate->slots > 0 ? candidate->active : candidate->node_active;

  requests += candidate->node_waiting;

  return (double) requests * 1000 / MAX (candidate->slots, 1);
}

static double
expect_wait (const VmpCandidate *candidate,
             VmpReadiness        readiness)
{
  double duration = believe_or (candidate->duration_ms, USUAL_DURATION_MS);
  double load = candidate->loaded ? 0 : believe_or (candidate->load_ms, USUAL_LOAD_MS);

  switch (readiness)
    {
    case VMP_READY_COLD:
      return load;

    case VMP_READY_LOADING:
      /* One that was in memory when it was last seen most likely still is: the first token will show. */
      return candidate->loaded ? believe_or (candidate->ttft_ms, USUAL_TTFT_MS) : load;

    case VMP_READY_OCCUPIED:
      return duration + load;

    case VMP_READY_FULL:
      return (candidate->active - candidate->slots + 1.0 + candidate->node_waiting) / candidate->slots * duration;

    case VMP_READY_NOW:
    case VMP_N_READINESSES:
    default:
      return 0;
    }
}

/* To the first token, that of a loaded model and what comes before. */
static double
expect_latency (const VmpPlanScale *scale,
                const VmpCandidate *candidate,
                const VmpAttempt   *attempt)
{
  return attempt->scores[VMP_SCORE_WAIT] + believe_or (candidate->ttft_ms, scale->typical_ttft_ms);
}

static double
expect_tokens_per_second (const VmpPlanScale *scale,
                          const VmpCandidate *candidate)
{
  return believe_or (candidate->tokens_per_second, scale->typical_tokens_per_second);
}

/* Owners rate from 0 to 1, which does not compare with parameters: when one is rated the others count as usual, and
 * parameters are what is left when none is. */
static double
get_quality (const VmpPlanScale *scale,
             const VmpCandidate *candidate)
{
  if (scale->typical_quality <= 0)
    return vmp_plan_believe (candidate->parameters);

  return believe_or (candidate->node_quality, scale->typical_quality);
}

void
vmp_plan_get_metrics (const VmpPlanScale *self,
                      const VmpCandidate *candidate,
                      double             *metrics)
{
  metrics[VMP_WEIGHT_LATENCY] = believe_or (candidate->ttft_ms, self->typical_ttft_ms);
  metrics[VMP_WEIGHT_TOKENS_PER_SECOND] = expect_tokens_per_second (self, candidate);
  metrics[VMP_WEIGHT_QUEUE_DEPTH] = get_busy (candidate);
  metrics[VMP_WEIGHT_QUALITY_SCORE] = get_quality (self, candidate);
}

/* How far a model is from the size that is wished for; of unknown size is last. */
static guint32
place_size (const VmpPlanScale *scale,
            const VmpCandidate *candidate)
{
  double parameters = vmp_plan_believe (candidate->parameters);
  double times = parameters / VMP_PLAN_MIDDLE_PARAMETERS;

  if (scale->request->size_wish == VMP_SIZE_ANY)
    return 0;
  if (parameters <= 0)
    return MEASURED_STEPS;
  if (scale->request->size_wish == VMP_SIZE_SMALL)
    return count_steps (parameters * 100, MEASURED_BITS);

  return count_steps (MAX (times, 1 / times) * 64, MEASURED_BITS);
}

/* -- The strategies ------------------------------------------------------------------------ */

/* Free with the model in memory, then by the time until it begins; when that is the same, what needs no load of its
 * own. */
static guint32
place_residency (const VmpCandidate *candidate,
                 const VmpAttempt   *attempt)
{
  gboolean loads = !candidate->loaded && attempt->readiness != VMP_READY_LOADING;

  if (attempt->readiness == VMP_READY_NOW && candidate->loaded)
    return 0;

  return 1 + (count_steps (attempt->scores[VMP_SCORE_WAIT], MEASURED_BITS) << 1 | (loads ? 1 : 0));
}

static void
by_turns (const VmpPlanScale *scale,
          const VmpCandidate *candidate,
          const VmpAttempt   *attempt,
          Place              *place)
{
}

static void
by_weight (const VmpPlanScale *scale,
           const VmpCandidate *candidate,
           const VmpAttempt   *attempt,
           Place              *place)
{
  double weight = vmp_plan_get_weight (candidate);

  place->score = -weight;
  place->main = attempt->candidate == scale->drawn ? 0 : SAID_STEPS - count_steps (weight * 1e6, SAID_BITS);
}

static void
by_busy (const VmpPlanScale *scale,
         const VmpCandidate *candidate,
         const VmpAttempt   *attempt,
         Place              *place)
{
  place->score = attempt->scores[VMP_SCORE_BUSY];
  place->main = fit_bits (place->score, MAIN_BITS);
  place->second = count_steps (candidate->node_active, MEASURED_BITS);
}

static void
by_latency (const VmpPlanScale *scale,
            const VmpCandidate *candidate,
            const VmpAttempt   *attempt,
            Place              *place)
{
  place->score = expect_latency (scale, candidate, attempt);
  place->main = count_steps (place->score, MEASURED_BITS);
}

static void
by_tokens_per_second (const VmpPlanScale *scale,
                      const VmpCandidate *candidate,
                      const VmpAttempt   *attempt,
                      Place              *place)
{
  double tokens_per_second = expect_tokens_per_second (scale, candidate);

  /* Sixty-fourths, so that slow ones differ as well. */
  place->score = -tokens_per_second;
  place->main = MEASURED_STEPS - count_steps (tokens_per_second * 64, MEASURED_BITS);
  place->second = place_size (scale, candidate);
}

static void
by_weighted_sum (const VmpPlanScale *scale,
                 const VmpCandidate *candidate,
                 const VmpAttempt   *attempt,
                 Place              *place)
{
  double metrics[VMP_N_WEIGHTS];

  vmp_plan_get_metrics (scale, candidate, metrics);
  for (guint i = 0; i < VMP_N_WEIGHTS; i++)
    place->score += (metrics[i] - scale->best[i]) * scale->factors[i];

  /* 0 to 1, in hundredths. */
  place->main = (guint32) (place->score * 100 + 0.5);
}

static void
by_loaded (const VmpPlanScale *scale,
           const VmpCandidate *candidate,
           const VmpAttempt   *attempt,
           Place              *place)
{
  place->main = candidate->loaded ? 0 : 1;
  place->score = place->main;
}

static void
by_context (const VmpPlanScale *scale,
            const VmpCandidate *candidate,
            const VmpAttempt   *attempt,
            Place              *place)
{
  if (candidate->context <= 0)
    {
      place->main = MAIN_LAST;
      place->score = SCORE_UNSAID;
      return;
    }

  place->main = count_steps ((double) candidate->context, SAID_BITS);
  place->score = (double) candidate->context;

  /* Where none is large enough the largest comes nearest. */
  if (is_too_small (scale->request, candidate))
    place->main = SAID_STEPS - place->main;
}

static void
by_power (const VmpPlanScale *scale,
          const VmpCandidate *candidate,
          const VmpAttempt   *attempt,
          Place              *place)
{
  double power = vmp_plan_believe (candidate->power);

  place->score = power > 0 ? power : SCORE_UNSAID;
  place->main = power > 0 ? count_steps (power * 1e3, SAID_BITS) : MAIN_LAST;

  /* Idle ones may go to sleep. Sizes in MB. */
  place->second = count_steps ((double) candidate->size_bytes / 1e6, MEASURED_BITS);
  if (candidate->node_active == 0)
    place->second += MEASURED_STEPS;
}

static void
by_order (const VmpPlanScale *scale,
          const VmpCandidate *candidate,
          const VmpAttempt   *attempt,
          Place              *place)
{
  /* A target may be had from several nodes. */
  place->score = candidate->order;
  place->main = fit_bits (candidate->order, MAIN_BITS);
  place->second = place_residency (candidate, attempt);
}

static void
by_quality (const VmpPlanScale *scale,
            const VmpCandidate *candidate,
            const VmpAttempt   *attempt,
            Place              *place)
{
  double quality = get_quality (scale, candidate);

  place->score = -quality;
  if (scale->typical_quality > 0)
    place->main = SAID_STEPS - count_steps (quality * 1e6, SAID_BITS);
  /* Which may be guesses: measured in hundredths of a thousand millions. */
  place->second = MEASURED_STEPS - count_steps (candidate->parameters * 100, MEASURED_BITS);
}

static void
by_cost (const VmpPlanScale *scale,
         const VmpCandidate *candidate,
         const VmpAttempt   *attempt,
         Place              *place)
{
  gboolean is_said = candidate->cost >= 0;

  place->score = is_said ? MIN (candidate->cost, SCORE_UNSAID) : SCORE_UNSAID;
  place->main = is_said ? count_steps (candidate->cost * 1e6, SAID_BITS) : MAIN_LAST;
  place->second = count_steps ((double) candidate->size_bytes / 1e6, MEASURED_BITS);
}

static void
by_trust (const VmpPlanScale *scale,
          const VmpCandidate *candidate,
          const VmpAttempt   *attempt,
          Place              *place)
{
  place->main = candidate->trusted ? 0 : 1;
  place->score = place->main;
  place->second = place_residency (candidate, attempt);
}

static void
by_residency (const VmpPlanScale *scale,
              const VmpCandidate *candidate,
              const VmpAttempt   *attempt,
              Place              *place)
{
  place->main = place_residency (candidate, attempt);
  place->second = place_size (scale, candidate);
  place->score = attempt->scores[VMP_SCORE_WAIT];
}

/* Past both bounds the time at which it would begin costs more than reading the prompt anew. */
static gboolean
is_too_busy (const VmpPlanScale *scale,
             const VmpCandidate *candidate)
{
  guint active = candidate->node_active;

  return active - scale->least_active > scale->request->balance_abs &&
         active > scale->least_active * scale->request->balance_rel;
}

static void
by_prefix (const VmpPlanScale *scale,
           const VmpCandidate *candidate,
           const VmpAttempt   *attempt,
           Place              *place)
{
  double known = 0;

  /* A model that is not in memory any more has left its cache behind. */
  if ((!candidate->watched || candidate->loaded) && !is_too_busy (scale, candidate))
    {
      if (candidate->has_session)
        known = 1;
      else if (candidate->prefix >= scale->request->min_prefix)
        known = CLAMP (candidate->prefix, 0, 1);
    }

  place->score = 1 - known;
  place->main = 1 + PREFIX_STEPS - (guint32) (known * PREFIX_STEPS);
  if (known > 0 && candidate->has_session)
    place->main = 0;
  place->second = place_residency (candidate, attempt);
}

typedef struct {
  void (*place) (const VmpPlanScale *scale,
                 const VmpCandidate *candidate,
                 const VmpAttempt   *attempt,
                 Place              *place);
  gboolean ready_first; /* who has to be waited for comes after all others */
  gboolean idle_first;  /* where it says the same, requests per slot count before turns */
} Way;

static const Way ways[VMP_N_STRATEGIES] = {
  [VMP_STRATEGY_ROUND_ROBIN] = { by_turns, TRUE, FALSE },
  [VMP_STRATEGY_WEIGHTED_ROUND_ROBIN] = { by_weight, TRUE, FALSE },
  [VMP_STRATEGY_LEAST_BUSY] = { by_busy, TRUE, TRUE },
  [VMP_STRATEGY_LEAST_LATENCY] = { by_latency, TRUE, TRUE },
  [VMP_STRATEGY_HIGHEST_TOKENS_PER_SECOND] = { by_tokens_per_second, TRUE, TRUE },
  [VMP_STRATEGY_BEST_AVAILABLE] = { by_weighted_sum, TRUE, TRUE },
  [VMP_STRATEGY_MODEL_AFFINITY] = { by_loaded, TRUE, FALSE },
  [VMP_STRATEGY_CONTEXT_WINDOW] = { by_context, TRUE, TRUE },
  [VMP_STRATEGY_TRUSTED_ONLY] = { by_turns, TRUE, FALSE },
  [VMP_STRATEGY_POWER_SAVER] = { by_power, TRUE, TRUE },
  [VMP_STRATEGY_FALLBACK_CHAIN] = { by_order, FALSE, TRUE },
  [VMP_STRATEGY_QUALITY_SCORE] = { by_quality, TRUE, TRUE },
  [VMP_STRATEGY_COST_SCORE] = { by_cost, TRUE, TRUE },
  [VMP_STRATEGY_PRIVACY_POLICY] = { by_trust, FALSE, TRUE },
  [VMP_STRATEGY_RESIDENCY] = { by_residency, FALSE, TRUE },
  [VMP_STRATEGY_PREFIX_AFFINITY] = { by_prefix, FALSE, TRUE },
};

guint64
vmp_plan_scale_rank (const VmpPlanScale *self,
                     const VmpCandidate *candidates,
                     guint               index,
                     VmpAttempt         *attempt)
{
  const VmpCandidate *candidate = &candidates[index];
  const Way *way = &ways[self->request->strategy];
  Place place = { 0 };
  guint64 rank;

  attempt->candidate = index;
  attempt->readiness = get_readiness (candidate);
  attempt->scores[VMP_SCORE_WAIT] = expect_wait (candidate, attempt->readiness);
  attempt->scores[VMP_SCORE_BUSY] = get_busy (candidate);
  way->place (self, candidate, attempt, &place);
  /* No negative zero, which documents would show. */
  attempt->scores[VMP_SCORE_MAIN] = place.score + 0.0;

  rank = is_too_small (self->request, candidate) ? 1 : 0;
  rank = rank << 1 | (way->ready_first && must_wait (attempt->readiness) ? 1 : 0);
  rank = rank << MAIN_BITS | place.main;
  rank = rank << SECOND_BITS | place.second;
  rank = rank << BUSY_BITS | (way->idle_first ? fit_bits (attempt->scores[VMP_SCORE_BUSY], BUSY_BITS) : 0);

  return rank;
}

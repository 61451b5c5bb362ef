/* SPDX-License-Identifier: MIT
 *
 * Implementation of what routing keeps with a node. Nothing here depends on who asks or on what is under way.
 */

#include "routing/vmp-router-facts.h"

#include <math.h>

#include "routing/vmp-plan.h"

/* Wishes, and models by their names, that are kept of a node: what clients use at the same time. */
#define KEPT_BESTS 6
#define KEPT_HOSTS 4

/* A model that is not loaded is taken for being fast if it is by this many times. */
#define WORTH_A_LOAD 2.0

/* Puts models for code before all others. */
#define CODE_WORTH 1e9

/* Of what nothing is known comes last. */
#define LEAST_WORTH -1e9

typedef struct {
  VmpWish wish;
  guint64 traffic; /* what it was worked out at; for VMP_PREFER_FAST */
  VmpBest best;
} KeptBest;

/* A node's routing_data. */
typedef struct {
  guint generation;
  guint said;      /* by the owner of what the node can; see read_said() */
  guint n_bests;
  guint next_best; /* to be replaced */
  guint n_hosts;
  guint next_host;
  KeptBest bests[KEPT_BESTS];
  VmpHostFacts hosts[KEPT_HOSTS];
} NodeFacts;

/* -- Facts --------------------------------------------------------------------------------- */

/* What the owner says that the node can, as needs, and what he says that it cannot, in the bits above. */
#define SAID_NO_SHIFT 8

static guint
read_said (const VmpNode *node)
{
  static const struct {
    VmpCapability capability;
    VmpNeeds need;
  } needs[] = { { VMP_CAN_VISION, VMP_NEED_VISION }, { VMP_CAN_TOOLS, VMP_NEED_TOOLS } };
  guint said = 0;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (needs); i++)
    {
      if (node->capability_sources[needs[i].capability] == VMP_FACT_OWNER)
        said |= (guint) needs[i].need << (node->capabilities[needs[i].capability] ? 0 : SAID_NO_SHIFT);
    }

  return said;
}

/* What a model says of itself counts; what the owner says of its node, where it does not, or against it. */
static VmpNeeds
read_can (const VmpModel *model,
          guint           said)
{
  guint can = (model->vision ? VMP_NEED_VISION : 0) | (model->tools ? VMP_NEED_TOOLS : 0)
              | (model->reasoning ? VMP_NEED_REASONING : 0);

  if (model->sources[VMP_MODEL_FACT_VISION] == VMP_FACT_UNKNOWN)
    can |= said & VMP_NEED_VISION;
  if (model->sources[VMP_MODEL_FACT_TOOLS] == VMP_FACT_UNKNOWN)
    can |= said & VMP_NEED_TOOLS;

  return can & ~(said >> SAID_NO_SHIFT);
}

static void
read_host (VmpHost      *host,
           guint         said,
           VmpHostFacts *facts)
{
  const VmpModel *model = host->model;

  *facts = (VmpHostFacts) {
    .host = host,
    .kind = model->kind,
    .can = read_can (model, said),
    .context = vmp_host_get_context (host),
    .size_bytes = model->size_bytes,
    .parameters = vmp_model_count_parameters (model),
    .slots = vmp_host_get_slots (host),
    .watched = vmp_host_loads_on_request (host),
    .load_ms = vmp_host_expect_load_ms (host),
  };
}

/* What is kept with the node, after having dropped what does not hold any more. */
static NodeFacts *
get_facts (VmpNode *node)
{
  NodeFacts *self = node->routing_data;
  guint said = read_said (node);

  if (self == NULL)
    {
      self = g_new0 (NodeFacts, 1);
      node->routing_data = self;
      node->routing_destroy = g_free;
    }
  else if (self->generation == node->hosts_generation && self->said == said)
    {
      return self;
    }

  self->generation = node->hosts_generation;
  self->said = said;
  self->n_bests = 0;
  self->n_hosts = 0;

  return self;
}

/* The place for one more of what at most @max are kept of. */
static guint
take_place (guint *n_kept,
            guint *next,
            guint  max)
{
  if (*n_kept < max)
    return (*n_kept)++;

  return (*next)++ % max;
}

const VmpHostFacts *
vmp_host_facts_get (VmpNode *node,
                    VmpHost *host)
{
  NodeFacts *self = get_facts (node);
  VmpHostFacts *facts;
  guint i;

  for (i = 0; i < self->n_hosts; i++)
    {
      if (self->hosts[i].host == host)
        return &self->hosts[i];
    }

  facts = &self->hosts[take_place (&self->n_hosts, &self->next_host, KEPT_HOSTS)];
  read_host (host, self->said, facts);

  return facts;
}

/* -- The best for a wish ------------------------------------------------------------------- */

static gboolean
fits (const VmpHost *host,
      guint          said,
      const VmpWish *wish)
{
  gint64 context;

  if (!host->listed || (host->model->kind == VMP_MODEL_EMBEDDING) != wish->embeddings
      || (wish->needs & ~read_can (host->model, said)) != 0 || (wish->code && !vmp_model_is_for_code (host->model)))
    return FALSE;
  if (wish->min_context == 0)
    return TRUE;

  context = vmp_host_get_context (host);

  return context >= wish->min_context;
}

/* What the node has been seen to do per second, in tokens times parameters: with it the speed of its other models is
 * guessed. 1 when nothing was seen: then the smallest is the fastest. */
static double
measure_power (const VmpNode *node)
{
  double power = 0;
  guint i;

  for (i = 0; i < node->hosts->len; i++)
    {
      const VmpHost *host = g_ptr_array_index (node->hosts, i);

      if (host->tokens_per_second > 0)
        power = MAX (power, host->tokens_per_second * vmp_model_count_parameters (host->model));
    }

  return power > 0 ? power : 1;
}

/* @power: of the node, for VMP_PREFER_FAST */
static double
weigh (const VmpHost *host,
       VmpPreference  preference,
       double         power)
{
  double parameters = preference == VMP_PREFER_CONTEXT ? 0 : vmp_model_count_parameters (host->model);

  switch (preference)
    {
    case VMP_PREFER_FAST:
      if (host->tokens_per_second > 0)
        return host->tokens_per_second;
      return parameters > 0 ? power / parameters : 0;

    case VMP_PREFER_BALANCED:
      return parameters > 0 ? -fabs (log (parameters / VMP_PLAN_MIDDLE_PARAMETERS)) : LEAST_WORTH;

    case VMP_PREFER_LARGEST:
      return parameters;

    case VMP_PREFER_CONTEXT:
      return vmp_host_get_context (host);

    case VMP_PREFER_CODE:
      return parameters + (vmp_model_is_for_code (host->model) ? CODE_WORTH : 0);

    case VMP_PREFER_LOADED:
    case VMP_N_PREFERENCES:
    default:
      return parameters > 0 ? -parameters : LEAST_WORTH;
    }
}

/* @suits: (nullable): those that others take */
static void
work_out (VmpNode       *node,
          guint          said,
          const VmpWish *wish,
          VmpHostSuits   suits,
          gconstpointer  user_data,
          VmpBest       *best)
{
  double power = wish->preference == VMP_PREFER_FAST ? measure_power (node) : 0;
  VmpHost *loaded = NULL;
  VmpHost *unloaded = NULL;
  guint i;

  *best = (VmpBest) { .n_loaded = 0 };
  for (i = 0; i < node->hosts->len; i++)
    {
      VmpHost *host = g_ptr_array_index (node->hosts, i);
      VmpHost **place = host->loaded ? &loaded : &unloaded;
      double *place_worth = host->loaded ? &best->loaded_worth : &best->unloaded_worth;
      double worth;

      if (!fits (host, said, wish) || (suits != NULL && !suits (host, user_data)))
        continue;

      best->n_loaded += host->loaded;
      worth = weigh (host, wish->preference, power);
      if (*place == NULL || worth > *place_worth)
        {
          *place = host;
          *place_worth = worth;
        }
    }

  if (loaded != NULL)
    read_host (loaded, said, &best->loaded);
  if (unloaded != NULL)
    read_host (unloaded, said, &best->unloaded);
}

/* Another value after each request that began or ended there. */
static guint64
read_traffic (const VmpNode *node,
              const VmpWish *wish)
{
  return wish->preference == VMP_PREFER_FAST ? node->requests_total << 16 ^ node->active_requests : 0;
}

static gboolean
wishes_equal (const VmpWish *a,
              const VmpWish *b)
{
  return a->preference == b->preference && a->needs == b->needs && a->min_context == b->min_context
         && a->embeddings == b->embeddings && a->code == b->code;
}

const VmpBest *
vmp_host_facts_find_best (VmpNode       *node,
                          const VmpWish *wish)
{
  NodeFacts *self = get_facts (node);
  guint64 traffic = read_traffic (node, wish);
  KeptBest *kept = NULL;
  guint i;

  for (i = 0; i < self->n_bests && kept == NULL; i++)
    {
      if (wishes_equal (&self->bests[i].wish, wish))
        kept = &self->bests[i];
    }
  if (kept != NULL && kept->traffic == traffic)
    return &kept->best;

  if (kept == NULL)
    kept = &self->bests[take_place (&self->n_bests, &self->next_best, KEPT_BESTS)];
  kept->wish = *wish;
  kept->traffic = traffic;
  work_out (node, self->said, wish, NULL, NULL, &kept->best);

  return &kept->best;
}

const VmpHostFacts *
vmp_best_choose (const VmpBest *self,
                 VmpPreference  preference)
{
  double loaded = self->loaded_worth;
  double unloaded = self->unloaded_worth;
  gboolean takes_unloaded;

  if (self->loaded.host == NULL || self->unloaded.host == NULL)
    return self->loaded.host != NULL ? &self->loaded : &self->unloaded;

  switch (preference)
    {
    case VMP_PREFER_FAST:
      takes_unloaded = unloaded > WORTH_A_LOAD * loaded;
      break;

    case VMP_PREFER_LARGEST:
    case VMP_PREFER_CONTEXT:
      takes_unloaded = unloaded > loaded;
      break;

    case VMP_PREFER_CODE:
      takes_unloaded = unloaded >= CODE_WORTH && loaded < CODE_WORTH;
      break;

    case VMP_PREFER_LOADED:
    case VMP_PREFER_BALANCED:
    case VMP_N_PREFERENCES:
    default:
      takes_unloaded = FALSE;
      break;
    }

  return takes_unloaded ? &self->unloaded : &self->loaded;
}

void
vmp_host_facts_search (VmpNode       *node,
                       const VmpWish *wish,
                       VmpHostSuits   suits,
                       gconstpointer  user_data,
                       VmpHostFacts  *facts)
{
  VmpBest best;

  work_out (node, get_facts (node)->said, wish, suits, user_data, &best);
  *facts = *vmp_best_choose (&best, wish->preference);
}

gboolean
vmp_host_facts_has (const VmpNode *node,
                    gboolean       embeddings,
                    VmpNeeds       needs)
{
  const VmpWish wish = { .embeddings = embeddings, .needs = needs };
  guint said = read_said (node);
  guint i;

  for (i = 0; i < node->hosts->len; i++)
    {
      if (fits (g_ptr_array_index (node->hosts, i), said, &wish))
        return TRUE;
    }

  return FALSE;
}

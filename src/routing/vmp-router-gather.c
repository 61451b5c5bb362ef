/* SPDX-License-Identifier: MIT
 *
 * The candidates of a plan, as the registry has them at this moment. Every node that could be meant gets one, also one
 * that cannot be asked now: the plan says why. What costs more than a few looks is taken from what is kept with the
 * node (vmp-router-facts.h).
 */

#include "routing/vmp-router-private.h"

#include "core/vmp-limits.h"
#include "routing/vmp-router-facts.h"

#include <string.h>

/* Nodes whose models are all looked at again, because the best one cannot be used at this moment, in one plan: among
 * more nodes than that, others will do. */
#define SEARCHES 64

/* How many nodes ahead memory is asked for. A thousand nodes do not fit into a processor's nearest caches, and a plan
 * would mostly wait for them. */
#define AHEAD 4

/* A prompt that seems to be shorter than this fits every model. */
#define SHORT_PROMPT_TOKENS 2048

/* Has the memory of a node on its way that is looked at soon. */
static void
fetch_ahead (const VmpNode *node)
{
  __builtin_prefetch (&node->approval);
  __builtin_prefetch (&node->health);
  __builtin_prefetch (&node->token_state);
  __builtin_prefetch (&node->breaker);
  __builtin_prefetch (&node->routing_data);
}

/* -- One candidate ------------------------------------------------------------------------- */

/* NULL: there are as many as there may be. */
static VmpCandidate *
add_candidate (VmpRouter *router)
{
  VmpCandidate *candidate;

  if (router->n_candidates >= VMP_LIMIT_CANDIDATES)
    return NULL;

  if (router->n_candidates == router->n_allocated)
    {
      router->n_allocated = MAX (2 * router->n_allocated, 64);
      router->candidates = g_renew (VmpCandidate, router->candidates, router->n_allocated);
    }
  candidate = &router->candidates[router->n_candidates++];
  memset (candidate, 0, sizeof *candidate);

  return candidate;
}

static gboolean
lacks_token (const VmpNode *node)
{
  return node->token_state == VMP_TOKEN_NEEDED || node->token_state == VMP_TOKEN_REFUSED
         || node->token_state == VMP_TOKEN_LOCKED;
}

static gboolean
is_excluded (const VmpGathering *self,
             VmpNode            *node)
{
  return self->excluded != NULL && self->excluded->nodes != NULL
         && g_ptr_array_find (self->excluded->nodes, node, NULL);
}

static gboolean
is_host_excluded (const VmpGathering *self,
                  const VmpHost      *host)
{
  return self->excluded != NULL && self->excluded->hosts != NULL
         && g_ptr_array_find (self->excluded->hosts, host, NULL);
}

/* What a candidate has of its node. FALSE: it will not be tried, whatever its models are. */
static gboolean
read_node (const VmpGathering *self,
           VmpNode            *node,
           VmpCandidate       *candidate)
{
  candidate->node = node;
  candidate->approved = node->approval == VMP_APPROVAL_APPROVED;
  candidate->in_service = node->service == VMP_NODE_IN_SERVICE;
  candidate->online = node->health == VMP_NODE_ONLINE || node->health == VMP_NODE_DEGRADED;
  candidate->trusted = node->trusted;
  candidate->node_active = node->active_requests;
  candidate->node_waiting = node->queue_depth;
  candidate->power = MAX (node->power, 0);
  candidate->cost = node->cost;
  candidate->node_quality = MAX (node->quality, 0);
  candidate->has_session = node == self->session_node;
  if (!candidate->approved || !candidate->in_service || !candidate->online)
    return FALSE;

  candidate->breaker_open = !vmp_breaker_would_allow (&node->breaker, self->now);
  candidate->lacks_token = lacks_token (node);
  candidate->came_through = self->has_via && node->instance != NULL
                            && vmp_router_came_through (node, self->call->fields, self->call->n_fields);
  candidate->excluded = is_excluded (self, node);
  candidate->local = self->needs_local && vmp_node_is_local (node);

  return !candidate->lacks_token && !candidate->came_through && !candidate->excluded;
}

static gboolean
load_failed (const VmpHost *host,
             gint64         now)
{
  return !host->loaded && host->load_failed > 0
         && now - host->load_failed < (gint64) VMP_LIMIT_LOAD_RETRY_MS * G_TIME_SPAN_MILLISECOND;
}

/* Whether it may be tried again nevertheless, where nobody else is left. Those that were there when it failed are not
 * to try it one after the other. */
static gboolean
may_load_alone (const VmpGathering *self,
                const VmpHost      *host)
{
  return host->load_failed < self->call->started
         && self->now - host->load_failed >= (gint64) VMP_LIMIT_LOAD_RETRY_ALONE_MS * G_TIME_SPAN_MILLISECOND;
}

/* What it has of its model, and of what is under way there. */
static void
read_model (const VmpGathering *self,
            const VmpHostFacts *facts,
            VmpCandidate       *candidate)
{
  const VmpHost *host = facts->host;
  const VmpNode *node = candidate->node;

  candidate->host = facts->host;
  candidate->kind = facts->kind;
  candidate->can = facts->can;
  candidate->context = facts->context;
  candidate->size_bytes = facts->size_bytes;
  candidate->parameters = facts->parameters;
  candidate->slots = facts->slots;
  candidate->watched = facts->watched;

  candidate->active = host->active;
  candidate->loaded = host->loaded;
  candidate->leading = host->leading;
  candidate->occupied = node->taken_for != NULL && node->taken_for != host;
  candidate->others_active = node->active_requests > host->active;
  candidate->load_ms = host->loaded ? 0 : facts->load_ms;
  candidate->ttft_ms = host->ttft_ms;
  candidate->tokens_per_second = host->tokens_per_second > 0 ? host->tokens_per_second : node->tokens_per_second;
  candidate->duration_ms = host->duration_ms;
  candidate->excluded |= is_host_excluded (self, host);
  if (load_failed (host, self->now))
    {
      candidate->load_failed = may_load_alone (self, host);
      candidate->excluded |= !candidate->load_failed;
    }
  if (self->prompt != NULL)
    candidate->prefix = vmp_affinity_match (self->router->affinity, candidate->node, host->model_id, self->prompt);
}

/* Whether an answer that broke off can be continued there: another node, the very same model. */
static gboolean
is_twin (const VmpHost *broken,
         const VmpHost *host)
{
  const VmpModel *a = broken->model;
  const VmpModel *b = host->model;

  return host->node != broken->node && g_str_equal (host->model_id, broken->model_id)
         && g_strcmp0 (a->quantization, b->quantization) == 0 && g_strcmp0 (a->format, b->format) == 0;
}

/* @host: (nullable): the node does not have the model. Returns: (nullable): NULL when it is none of this plan's. */
static VmpCandidate *
add_host (VmpGathering *self,
          VmpNode      *node,
          VmpHost      *host)
{
  VmpCandidate *candidate;

  if (self->pinned != NULL && node != self->pinned)
    return NULL;
  if (self->broken != NULL && (host == NULL || !is_twin (self->broken, host)))
    return NULL;

  candidate = add_candidate (self->router);
  if (candidate == NULL)
    return NULL;

  candidate->order = self->router->n_candidates - 1;
  candidate->missing = host == NULL;
  candidate->host = host;
  if (read_node (self, node, candidate) && host != NULL)
    read_model (self, vmp_host_facts_get (node, host), candidate);

  return candidate;
}

static void
add_hosts (VmpGathering *self,
           GPtrArray    *hosts)
{
  guint i;

  for (i = 0; hosts != NULL && i < hosts->len; i++)
    {
      VmpHost *host = g_ptr_array_index (hosts, i);

      if (i + AHEAD < hosts->len)
        fetch_ahead (((VmpHost *) g_ptr_array_index (hosts, i + AHEAD))->node);
      add_host (self, host->node, host);
    }
}

/* -- Routes -------------------------------------------------------------------------------- */

static void
add_targets (VmpGathering   *self,
             const VmpRoute *route)
{
  guint i;

  for (i = 0; i < route->targets->len; i++)
    {
      const VmpRouteTarget *target = g_ptr_array_index (route->targets, i);
      VmpNode *node = vmp_registry_find (self->router->registry, target->node);
      VmpCandidate *candidate;

      if (node == NULL)
        {
          candidate = self->pinned == NULL && self->broken == NULL ? add_candidate (self->router) : NULL;
          if (candidate == NULL)
            continue;
          candidate->approved = candidate->in_service = candidate->online = candidate->missing = TRUE;
          candidate->cost = -1;
        }
      else
        {
          candidate = add_host (self, node, vmp_node_find_host (node, target->model));
          if (candidate == NULL)
            continue;
        }

      candidate->order = i;
      candidate->weight = target->weight;

      /* Where nobody says what kind of model it is, its owner knew when he made the route. */
      if (candidate->host != NULL
          && ((VmpHost *) candidate->host)->model->sources[VMP_MODEL_FACT_KIND] == VMP_FACT_UNKNOWN)
        candidate->kind = self->request->kind;
    }
}

/* -- Virtual models ------------------------------------------------------------------------ */

/* VmpHostSuits, of a gathering. One that was tried already suits nobody. */
static gboolean
can_be_tried (const VmpHost *host,
              gconstpointer  user_data)
{
  const VmpGathering *self = user_data;

  return !load_failed (host, self->now) && !is_host_excluded (self, host);
}

static gboolean
is_free (const VmpHost *host,
         gconstpointer  user_data)
{
  guint slots = vmp_host_get_slots (host);

  return host->loaded && !host->leading && (slots == 0 || host->active < slots) && can_be_tried (host, user_data);
}

static gboolean
is_taken_for (const VmpHost *host,
              gconstpointer  user_data)
{
  return host->node->taken_for == host && can_be_tried (host, user_data);
}

/* Which other models of the node would be better at this moment than the best one; NULL: that one is. */
static VmpHostSuits
find_better (const VmpGathering *self,
             const VmpBest      *best,
             const VmpWish      *wish,
             const VmpHost      *host)
{
  gboolean takes_any_loaded = wish->preference == VMP_PREFER_LOADED || wish->preference == VMP_PREFER_BALANCED;
  const VmpNode *node = host->node;

  if (!can_be_tried (host, self))
    return can_be_tried;
  if (takes_any_loaded && node->taken_for != NULL && node->taken_for != host)
    return is_taken_for;
  if (takes_any_loaded && best->n_loaded > 1 && !is_free (host, self))
    return is_free;

  return NULL;
}

/* The node's model for a wish. FALSE: it has none. */
static gboolean
choose_model (VmpGathering  *self,
              VmpNode       *node,
              const VmpWish *wish,
              VmpHostFacts  *facts)
{
  const VmpBest *best = vmp_host_facts_find_best (node, wish);
  const VmpHostFacts *chosen = vmp_best_choose (best, wish->preference);
  VmpHostSuits better;

  if (chosen->host == NULL)
    return FALSE;

  better = find_better (self, best, wish, chosen->host);
  *facts = *chosen;
  if (better != NULL && self->searches < SEARCHES)
    {
      VmpHostFacts other;

      self->searches++;
      vmp_host_facts_search (node, wish, better, self, &other);
      if (other.host != NULL)
        *facts = other;
    }

  return TRUE;
}

/* What is likely to be needed, rounded up: wishes that are nearly the same are one. */
static gint64
round_context (gint64 likely_context)
{
  gint64 context;

  if (likely_context <= SHORT_PROMPT_TOKENS)
    return 0;

  for (context = 2 * SHORT_PROMPT_TOKENS; context < likely_context && context < VMP_LIMIT_MODEL_CONTEXT; context *= 2)
    ;

  return context;
}

/* The model of a node that a virtual model stands for; else the one that shows why the node has none. FALSE: it has
 * none to show. */
static gboolean
choose_or_show (VmpGathering  *self,
                VmpNode       *node,
                const VmpWish *wish,
                gint64         likely_context,
                VmpHostFacts  *facts)
{
  VmpWish long_wish = *wish;
  VmpWish any_wish = { .embeddings = wish->embeddings, .preference = wish->preference };

  long_wish.min_context = MAX (wish->min_context, likely_context);
  if (choose_model (self, node, &long_wish, facts))
    return TRUE;
  if (long_wish.min_context > wish->min_context && choose_model (self, node, wish, facts))
    return TRUE;
  if (wish->code || node->hosts->len == 0)
    return FALSE;
  if ((wish->needs != 0 || wish->min_context > 0) && choose_model (self, node, &any_wish, facts))
    return TRUE;

  *facts = *vmp_host_facts_get (node, g_ptr_array_index (node->hosts, 0));

  return TRUE;
}

static void
add_virtual (VmpGathering          *self,
             const VmpVirtualModel *model)
{
  const VmpWish wish = {
    .embeddings = self->request->kind == VMP_MODEL_EMBEDDING,
    .needs = self->request->constraints.needs,
    .preference = model->preference,
    .code = self->wants_code,
    .min_context = self->request->constraints.min_context,
  };
  gint64 likely_context = round_context (self->request->likely_context);
  GPtrArray *nodes = vmp_registry_get_nodes (self->router->registry);
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, i);
      VmpCandidate *candidate;
      VmpHostFacts facts;

      if (i + AHEAD < nodes->len)
        fetch_ahead (g_ptr_array_index (nodes, i + AHEAD));
      if (self->pinned != NULL && node != self->pinned)
        continue;
      candidate = add_candidate (self->router);
      if (candidate == NULL)
        break;

      candidate->order = i;
      if (!read_node (self, node, candidate))
        continue;
      if (choose_or_show (self, node, &wish, likely_context, &facts))
        read_model (self, &facts, candidate);
      else
        candidate->missing = TRUE;
    }
}

/* -- All of them --------------------------------------------------------------------------- */

/* Of a model by its id, and of one on a named node. */
static void
add_pinned (VmpGathering *self,
            const char   *model)
{
  add_host (self, self->pinned, model != NULL ? vmp_node_find_host (self->pinned, model) : NULL);
}

void
vmp_gathering_run (VmpGathering     *self,
                   const VmpMeaning *meaning)
{
  self->router->n_candidates = 0;

  switch (meaning->kind)
    {
    case VMP_MEANS_ROUTE:
      add_targets (self, meaning->route);
      break;

    case VMP_MEANS_VIRTUAL:
      /* What broke off is continued by the model that it was, whichever the others would have. */
      if (self->broken != NULL)
        add_hosts (self, vmp_registry_find_hosts (self->router->registry, self->broken->model_id));
      else
        add_virtual (self, meaning->virtual_model);
      break;

    case VMP_MEANS_MODEL:
      if (self->pinned != NULL)
        add_pinned (self, meaning->name);
      else
        add_hosts (self, meaning->hosts);
      break;

    case VMP_MEANS_INSTANCE:
      add_host (self, meaning->host->node, meaning->host);
      break;

    case VMP_MEANS_NAMED:
      add_host (self, meaning->node, meaning->host);
      break;

    case VMP_MEANS_DEFAULT:
    case VMP_MEANS_NOTHING:
    default:
      break;
    }
}

void
vmp_gathering_add_unlisted (VmpGathering *self,
                            const char   *model)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->router->registry);
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, i);
      VmpHost *host = node->approval == VMP_APPROVAL_APPROVED && !vmp_node_is_listed (node)
                      ? vmp_node_find_host (node, model) : NULL;

      if (host != NULL)
        add_host (self, node, host);
    }
}

VmpCandidate *
vmp_gathering_add_default (VmpGathering *self,
                           VmpNode      *node)
{
  VmpCandidate *candidate = add_candidate (self->router);

  read_node (self, node, candidate);
  candidate->lacks_token = lacks_token (node);
  candidate->excluded = is_excluded (self, node) || self->broken != NULL;

  return candidate;
}

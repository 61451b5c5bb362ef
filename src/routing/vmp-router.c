/* SPDX-License-Identifier: MIT
 *
 * Implementation of the router: what a call's model means, the plan for it, and what stands in when there is none.
 */

#include "routing/vmp-router-private.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "routing/vmp-router-facts.h"

#include <string.h>

/* How much of a prompt's beginning a node must know for that to count with prefix_affinity: agents' tools and
 * instructions alone are more, a date at the head is less. */
#define MIN_PREFIX 0.3

/* What best_available weighs when nobody says: all alike. */
#define EVEN_WEIGHT (1.0 / VMP_N_WEIGHTS)

#define DEFAULT_ROUTE "default:"

/* -- Life ---------------------------------------------------------------------------------- */

VmpRouter *
vmp_router_new (VmpRegistry  *registry,
                VmpRouteList *routes)
{
  VmpRouter *self = g_new0 (VmpRouter, 1);

  self->registry = registry;
  self->routes = routes;
  self->affinity = vmp_affinity_new ();
  self->settings.default_strategy = VMP_STRATEGY_RESIDENCY;

  return self;
}

void
vmp_router_free (VmpRouter *self)
{
  vmp_readings_clear (&self->readings);
  vmp_affinity_free (self->affinity);
  g_free (self->candidates);
  g_free (self);
}

void
vmp_router_set_settings (VmpRouter               *self,
                         const VmpRouterSettings *settings)
{
  g_return_if_fail ((guint) settings->default_strategy < VMP_N_STRATEGIES);

  self->settings = *settings;
}

VmpStrategy
vmp_router_get_default_strategy (VmpRouter *self)
{
  return self->settings.default_strategy;
}

void
vmp_router_node_removed (VmpRouter *self,
                         VmpNode   *node)
{
  vmp_affinity_remove_node (self->affinity, node);
}

VmpAffinity *
vmp_router_get_affinity (VmpRouter *self)
{
  return self->affinity;
}

/* -- Where a call came from ---------------------------------------------------------------- */

gboolean
vmp_router_came_through (const VmpNode      *node,
                         const VmpHttpField *fields,
                         guint               n_fields)
{
  guint i;

  if (node->instance == NULL)
    return FALSE;

  for (i = 0; i < n_fields; i++)
    {
      if (vmp_slice_equal_nocase (fields[i].name, "Via")
          && g_strstr_len (fields[i].value.data, fields[i].value.len, node->instance) != NULL)
        return TRUE;
    }

  return FALSE;
}

static gboolean
has_via (const VmpCall *call)
{
  guint i;

  for (i = 0; i < call->n_fields; i++)
    {
      if (vmp_slice_equal_nocase (call->fields[i].name, "Via"))
        return TRUE;
    }

  return FALSE;
}

/* -- What a name means --------------------------------------------------------------------- */

/* Whether an approved node has it, off or out of service as it may be. */
static gboolean
has_unlisted (VmpRouter  *self,
              const char *model)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->registry);
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      const VmpNode *node = g_ptr_array_index (nodes, i);

      if (node->approval == VMP_APPROVAL_APPROVED && vmp_node_find_host (node, model) != NULL)
        return TRUE;
    }

  return FALSE;
}

/* "model@node". FALSE when there is no such node. */
static gboolean
find_named (VmpRouter  *self,
            const char *name,
            VmpMeaning *meaning)
{
  const char *at = strrchr (name, '@');
  VmpNode *node = at != NULL ? vmp_registry_find (self->registry, at + 1) : NULL;
  g_autofree char *model = NULL;

  if (node == NULL || node->approval != VMP_APPROVAL_APPROVED)
    return FALSE;

  model = g_strndup (name, at - name);
  meaning->kind = VMP_MEANS_NAMED;
  meaning->node = node;
  meaning->host = vmp_node_find_host (node, model);

  return TRUE;
}

/* A name that no node lists at this moment. While nobody's models are known, the default node is asked for it. */
static void
find_unknown (VmpRouter  *self,
              const char *name,
              VmpMeaning *meaning)
{
  VmpNode *node = vmp_registry_get_default (self->registry);
  gboolean is_listed = vmp_registry_has_models (self->registry);

  if (has_unlisted (self, name) && (is_listed || vmp_node_find_host (node, name) == NULL))
    meaning->kind = VMP_MEANS_MODEL;
  else if (is_listed)
    meaning->kind = VMP_MEANS_NOTHING;
  else
    meaning->node = node;
}

/* @name: (nullable) */
static void
find_meaning (VmpRouter  *self,
              const char *name,
              VmpMeaning *meaning)
{
  *meaning = (VmpMeaning) { .kind = VMP_MEANS_DEFAULT, .name = name };

  if (name == NULL)
    meaning->node = vmp_registry_get_default (self->registry);
  else if ((meaning->route = vmp_route_list_find_model (self->routes, name)) != NULL)
    meaning->kind = VMP_MEANS_ROUTE;
  else if ((meaning->virtual_model = vmp_virtual_model_find (name)) != NULL)
    meaning->kind = VMP_MEANS_VIRTUAL;
  else if (g_str_has_prefix (name, VMP_VIRTUAL_PREFIX))
    meaning->kind = VMP_MEANS_NOTHING;
  else if ((meaning->hosts = vmp_registry_find_hosts (self->registry, name)) != NULL)
    meaning->kind = VMP_MEANS_MODEL;
  else if ((meaning->host = vmp_registry_find_instance (self->registry, name)) != NULL)
    meaning->kind = VMP_MEANS_INSTANCE;
  else if (!find_named (self, name, meaning))
    find_unknown (self, name, meaning);
}

/* What a call asks for: the route it names comes before the one of its model's name. One that is not there is left
 * alone, as the first seed did. */
static void
find_call_meaning (VmpRouter     *self,
                   const VmpCall *call,
                   VmpMeaning    *meaning)
{
  const char *id = call->options != NULL ? call->options->route : NULL;
  const VmpRoute *route = id != NULL && call->model != NULL ? vmp_route_list_find (self->routes, id) : NULL;

  if (route != NULL)
    *meaning = (VmpMeaning) { .kind = VMP_MEANS_ROUTE, .name = call->model, .route = route };
  else
    find_meaning (self, call->model, meaning);
}

static VmpStrategy
choose_strategy (VmpRouter        *self,
                 const VmpCall    *call,
                 const VmpMeaning *meaning)
{
  VmpStrategy strategy;

  if (call->options != NULL && call->options->strategy != NULL
      && vmp_strategy_from_string (call->options->strategy, &strategy))
    return strategy;
  if (meaning->route != NULL)
    return meaning->route->strategy;
  if (meaning->virtual_model != NULL && !meaning->virtual_model->default_strategy)
    return meaning->virtual_model->strategy;

  return self->settings.default_strategy;
}

/* -- One plan ------------------------------------------------------------------------------ */

static guint64 *
find_turn (VmpRouter  *self,
           const char *route_id)
{
  return &self->turns[vmp_text_hash (route_id) % VMP_ROUTER_TURNS];
}

static void
choose_weights (const VmpCall    *call,
                const VmpMeaning *meaning,
                double           *weights)
{
  guint i;

  for (i = 0; i < VMP_N_WEIGHTS; i++)
    {
      if (call->options != NULL && call->options->has_weights)
        weights[i] = call->options->weights[i];
      else if (meaning->route != NULL && meaning->route->has_weights)
        weights[i] = meaning->route->weights[i];
      else
        weights[i] = EVEN_WEIGHT;
    }
}

/* What makes a virtual model choose among a node's models counts among nodes, too. */
static VmpSizeWish
choose_size_wish (const VmpMeaning *meaning)
{
  if (meaning->kind != VMP_MEANS_VIRTUAL)
    return VMP_SIZE_ANY;

  switch (meaning->virtual_model->preference)
    {
    case VMP_PREFER_FAST:
      return VMP_SIZE_SMALL;

    case VMP_PREFER_BALANCED:
      return VMP_SIZE_MIDDLE;

    case VMP_PREFER_LOADED:
    case VMP_PREFER_LARGEST:
    case VMP_PREFER_CONTEXT:
    case VMP_PREFER_CODE:
    case VMP_N_PREFERENCES:
    default:
      return VMP_SIZE_ANY;
    }
}

static char *
make_route_id (const VmpMeaning *meaning)
{
  if (meaning->route != NULL)
    return g_strdup (meaning->route->id);

  return g_strconcat (DEFAULT_ROUTE, meaning->name, NULL);
}

/* @private_to: whom the routes before this one have let it be seen by */
static void
write_request (VmpRouter            *self,
               const VmpCall        *call,
               const VmpMeaning     *meaning,
               const VmpConstraints *private_to,
               VmpRouting           *routing)
{
  VmpPlanRequest *request = &routing->request;
  gboolean is_virtual = meaning->kind == VMP_MEANS_VIRTUAL;
  VmpReading reading = vmp_readings_read (&self->readings, call, is_virtual);

  *request = (VmpPlanRequest) {
    .strategy = choose_strategy (self, call, meaning),
    .size_wish = choose_size_wish (meaning),
    .kind = call->kind,
    .any_kind = !is_virtual && meaning->kind != VMP_MEANS_ROUTE,
    .constraints = *private_to,
    .likely_context = reading.likely_context,
    .balance_abs = self->settings.balance_abs,
    .balance_rel = self->settings.balance_rel,
    .min_prefix = MIN_PREFIX,
  };
  choose_weights (call, meaning, request->weights);

  if (call->options != NULL)
    vmp_constraints_add (&request->constraints, &call->options->constraints);
  if (meaning->route != NULL)
    vmp_constraints_add (&request->constraints, &meaning->route->required);
  if (is_virtual)
    {
      request->constraints.needs |= meaning->virtual_model->needs;
      request->constraints.local_only |= meaning->virtual_model->local_only;
      if (reading.has_image)
        request->constraints.needs |= VMP_NEED_VISION;
      if (reading.has_tools)
        request->constraints.needs |= VMP_NEED_TOOLS;
    }
}

/* The node that is meant by everything that names none: it is asked as it is, and also when it is off, since the error
 * that brings says what to do. While it is only a look that found it off, what it had is believed to be there still, so
 * that what is asked of it all at once is loaded once. @model: (nullable) */
static void
plan_default (VmpGathering *gathering,
              VmpNode      *node,
              const char   *model,
              VmpRouting   *routing)
{
  VmpPlan *plan = &routing->plan;
  VmpCandidate *candidate;

  *plan = (VmpPlan) { .strategy = routing->request.strategy };
  candidate = vmp_gathering_add_default (gathering, node);
  if (!candidate->approved)
    candidate->rejection = VMP_REJECTED_PENDING;
  else if (!candidate->in_service)
    candidate->rejection = VMP_REJECTED_DRAINING;
  else if (candidate->lacks_token)
    candidate->rejection = VMP_REJECTED_TOKEN;
  else if (candidate->excluded)
    candidate->rejection = VMP_REJECTED_EXCLUDED;

  if (candidate->rejection != VMP_REJECTED_NOT)
    {
      plan->n_rejected[candidate->rejection]++;
      return;
    }
  if (model != NULL && node->breaker.failures == 0)
    candidate->host = vmp_node_find_host (node, model);
  plan->n_attempts = 1;
  plan->attempts[0].readiness = VMP_READY_NOW;
}

/* The longest context of those that could be asked: the others come last then. */
static gint64
find_longest_context (const VmpRouter *self)
{
  gint64 context = 0;
  guint i;

  for (i = 0; i < self->n_candidates; i++)
    {
      const VmpCandidate *candidate = &self->candidates[i];

      if (candidate->approved && candidate->in_service && candidate->online && !candidate->excluded)
        context = MAX (context, candidate->context);
    }

  return context;
}

static void
gather_and_plan (VmpGathering     *gathering,
                 const VmpMeaning *meaning,
                 VmpRouting       *routing)
{
  VmpRouter *self = gathering->router;

  vmp_gathering_run (gathering, meaning);
  if (meaning->kind == VMP_MEANS_VIRTUAL && meaning->virtual_model->preference == VMP_PREFER_CONTEXT)
    routing->request.likely_context = MAX (routing->request.likely_context, find_longest_context (self));
  vmp_plan_make (&routing->request, self->candidates, self->n_candidates, &routing->plan);
}

/* Whether there is an attempt with these wishes. */
static gboolean
plan_wish (VmpGathering     *gathering,
           const VmpMeaning *meaning,
           gboolean          wants_code,
           VmpNeeds          needs,
           VmpRouting       *routing)
{
  gathering->wants_code = wants_code;
  routing->request.constraints.needs = needs;
  gather_and_plan (gathering, meaning, routing);

  return routing->plan.n_attempts > 0;
}

/* A virtual model has wishes besides what it needs, which are given up when nobody can fulfil them. A call's tools are
 * one: clients that always send some must not be left alone where no model says that it can use them. */
static void
plan_virtual (VmpGathering     *gathering,
              const VmpMeaning *meaning,
              VmpRouting       *routing)
{
  const VmpCallOptions *options = gathering->call->options;
  VmpNeeds asked = options != NULL ? options->constraints.needs : VMP_NEED_NOTHING;
  VmpNeeds all = routing->request.constraints.needs;
  VmpNeeds needs = all & (asked | ~(VmpNeeds) VMP_NEED_TOOLS);
  gboolean wants_code = meaning->virtual_model->preference == VMP_PREFER_CODE;

  if (plan_wish (gathering, meaning, wants_code, all, routing)
      || (needs != all && plan_wish (gathering, meaning, wants_code, needs, routing)) || !wants_code)
    return;

  if (!plan_wish (gathering, meaning, FALSE, all, routing) && needs != all)
    plan_wish (gathering, meaning, FALSE, needs, routing);
}

/* Plans for one meaning, which is the call's or that of a fallback. Whether there is an attempt. */
static gboolean
plan_once (VmpGathering         *gathering,
           const VmpMeaning     *meaning,
           const VmpConstraints *private_to,
           VmpRouting           *routing)
{
  VmpRouter *self = gathering->router;
  VmpPlanRequest *request = &routing->request;
  const VmpCall *call = gathering->call;

  g_free (routing->route_id);
  routing->route_id = make_route_id (meaning);
  write_request (self, call, meaning, private_to, routing);
  gathering->turn = find_turn (self, routing->route_id);
  request->seed = *gathering->turn;
  gathering->request = request;
  gathering->needs_local = request->constraints.local_only || request->strategy == VMP_STRATEGY_PRIVACY_POLICY;
  gathering->prompt = request->strategy == VMP_STRATEGY_PREFIX_AFFINITY && call->scan != NULL
                      ? vmp_readings_get_digest (&self->readings, call) : NULL;
  self->n_candidates = 0;

  if (meaning->kind == VMP_MEANS_DEFAULT)
    {
      plan_default (gathering, gathering->pinned != NULL ? gathering->pinned : meaning->node, meaning->name,
                    routing);
      return routing->plan.n_attempts > 0;
    }
  if (meaning->kind == VMP_MEANS_VIRTUAL && !vmp_virtual_model_takes (meaning->virtual_model, call->kind))
    {
      routing->plan = (VmpPlan) { .strategy = request->strategy };
      return FALSE;
    }

  if (meaning->kind == VMP_MEANS_VIRTUAL)
    plan_virtual (gathering, meaning, routing);
  else
    gather_and_plan (gathering, meaning, routing);

  if (routing->plan.n_attempts == 0 && meaning->kind == VMP_MEANS_MODEL && gathering->pinned == NULL
      && gathering->broken == NULL)
    {
      vmp_gathering_add_unlisted (gathering, meaning->name);
      vmp_plan_make (request, self->candidates, self->n_candidates, &routing->plan);
    }

  return routing->plan.n_attempts > 0;
}

/* The call's meaning, then what stands in for it. What decides who may see the request holds for those as well; what
 * says how good the answer has to be is each route's own. @used: (out): the meaning that was planned for last, which
 * is the call's own one when nobody can answer */
static void
plan_chain (VmpGathering     *gathering,
            const VmpMeaning *first,
            VmpMeaning       *used,
            VmpRouting       *routing)
{
  const VmpConstraints open = { VMP_NEED_NOTHING, };
  VmpConstraints private_to = open;

  *used = *first;
  while (!plan_once (gathering, used, &private_to, routing))
    {
      const char *fallback = used->route != NULL ? used->route->fallback : NULL;

      if (fallback == NULL || routing->fallbacks == VMP_LIMIT_FALLBACKS)
        {
          if (routing->fallbacks > 0)
            {
              routing->fallbacks = 0;
              *used = *first;
              plan_once (gathering, used, &open, routing);
            }
          return;
        }

      routing->fallbacks++;
      private_to.trusted_only |= used->route->required.trusted_only;
      private_to.local_only |= used->route->required.local_only;
      find_meaning (gathering->router, fallback, used);

      /* It is somebody's mistake, and not a request for the default node. */
      if (used->kind == VMP_MEANS_DEFAULT)
        used->kind = VMP_MEANS_NOTHING;
    }
}

/* -- Routings ------------------------------------------------------------------------------ */

/* Takes out of the candidates those that are shown: the attempts, then others. What they point to is held. */
static void
keep_candidates (VmpRouter  *self,
                 VmpRouting *routing)
{
  VmpPlan *plan = &routing->plan;
  guint n = MIN (self->n_candidates, VMP_LIMIT_SHOWN_CANDIDATES);
  guint n_kept = plan->n_attempts;
  guint i;
  guint j;

  routing->n_looked_at = self->n_candidates;
  routing->candidates = g_new (VmpCandidate, MAX (n, n_kept));
  for (i = 0; i < plan->n_attempts; i++)
    routing->candidates[i] = self->candidates[plan->attempts[i].candidate];

  for (i = 0; i < self->n_candidates && n_kept < n; i++)
    {
      for (j = 0; j < plan->n_attempts && plan->attempts[j].candidate != i; j++)
        ;
      if (j == plan->n_attempts)
        routing->candidates[n_kept++] = self->candidates[i];
    }

  for (i = 0; i < plan->n_attempts; i++)
    plan->attempts[i].candidate = i;
  routing->n_candidates = n_kept;
  for (i = 0; i < n_kept; i++)
    {
      VmpCandidate *candidate = &routing->candidates[i];

      if (candidate->node == NULL)
        continue;
      vmp_node_ref (candidate->node);
      if (candidate->host != NULL)
        vmp_host_ref (candidate->host);
    }
}

static void
plan (VmpGathering *gathering,
      gboolean      takes_turn,
      VmpRouting   *routing)
{
  VmpRouter *self = gathering->router;
  const VmpCall *call = gathering->call;
  VmpMeaning meaning;
  VmpMeaning used;

  find_call_meaning (self, call, &meaning);
  routing->is_routed = meaning.kind == VMP_MEANS_ROUTE || meaning.kind == VMP_MEANS_VIRTUAL
                       || (call->options != NULL && call->options->opted_in);
  if (call->session != NULL)
    gathering->session_node = vmp_affinity_find (self->affinity, VMP_STICKY_SESSION, call->session, gathering->now);
  gathering->has_via = has_via (call);

  plan_chain (gathering, &meaning, &used, routing);
  routing->keeps_model = routing->fallbacks == 0
                         && (used.kind == VMP_MEANS_INSTANCE || used.kind == VMP_MEANS_DEFAULT);
  if (takes_turn && routing->plan.n_attempts > 0)
    (*gathering->turn)++;
  if (routing->plan.n_attempts == 0)
    vmp_routing_refuse (routing, gathering, &used);
  keep_candidates (self, routing);
}

/* The node that has what the call builds on, as long as there is one. */
static VmpNode *
find_owner (VmpRouter     *self,
            const VmpCall *call,
            gint64         now)
{
  gpointer node;

  if (call->owner_id == NULL)
    return NULL;

  node = vmp_affinity_find (self->affinity, VMP_STICKY_OWNER, call->owner_id, now);

  return node != NULL && g_ptr_array_find (vmp_registry_get_nodes (self->registry), node, NULL) ? node : NULL;
}

void
vmp_router_plan (VmpRouter           *self,
                 const VmpCall       *call,
                 const VmpExclusions *excluded,
                 gboolean             takes_turn,
                 gint64               now,
                 VmpRouting          *routing)
{
  VmpGathering gathering = {
    .router = self,
    .call = call,
    .excluded = excluded,
    .pinned = find_owner (self, call, now),
    .now = now,
  };

  memset (routing, 0, sizeof *routing);
  plan (&gathering, takes_turn, routing);
}

void
vmp_router_plan_continuation (VmpRouter           *self,
                              const VmpCall       *call,
                              const VmpHost       *host,
                              const VmpExclusions *excluded,
                              gint64               now,
                              VmpRouting          *routing)
{
  VmpGathering gathering = {
    .router = self,
    .call = call,
    .excluded = excluded,
    .pinned = find_owner (self, call, now),
    .broken = host,
    .now = now,
  };

  memset (routing, 0, sizeof *routing);
  plan (&gathering, FALSE, routing);
}

/* -- What was sent where ------------------------------------------------------------------- */

/* Whether prompts are remembered for such calls: the route that they mean goes by it, or one that stands in for it. */
static gboolean
goes_by_prompt (VmpRouter     *self,
                const VmpCall *call)
{
  VmpMeaning meaning;
  guint i;

  find_call_meaning (self, call, &meaning);
  for (i = 0; i <= VMP_LIMIT_FALLBACKS; i++)
    {
      if (choose_strategy (self, call, &meaning) == VMP_STRATEGY_PREFIX_AFFINITY)
        return TRUE;
      if (meaning.route == NULL || meaning.route->fallback == NULL)
        return FALSE;
      find_meaning (self, meaning.route->fallback, &meaning);
    }

  return FALSE;
}

void
vmp_router_note_start (VmpRouter     *self,
                       const VmpCall *call,
                       VmpNode       *node,
                       VmpHost       *host,
                       gint64         now)
{
  if (call->session != NULL)
    vmp_affinity_stick (self->affinity, VMP_STICKY_SESSION, call->session, node, now);
  if (host != NULL && call->scan != NULL && goes_by_prompt (self, call))
    vmp_affinity_add_prompt (self->affinity, node, host->model_id, vmp_readings_get_digest (&self->readings, call),
                             now);
}

/* -- Virtual models ------------------------------------------------------------------------ */

static gboolean
has_virtual (VmpNode               *node,
             const VmpVirtualModel *model)
{
  return vmp_node_is_listed (node) && (!model->local_only || vmp_node_is_local (node))
         && (vmp_host_facts_has (node, model->embeddings, model->needs)
             || (model->takes_embeddings && vmp_host_facts_has (node, TRUE, model->needs)));
}

gboolean
vmp_router_has_virtual (VmpRouter             *self,
                        const VmpVirtualModel *model)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->registry);
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      if (has_virtual (g_ptr_array_index (nodes, i), model))
        return TRUE;
    }

  return FALSE;
}

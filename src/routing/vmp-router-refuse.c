/* SPDX-License-Identifier: MIT
 *
 * Why nobody can answer a call, as one sentence in the words of the house: which nodes there are, and what is with
 * each. Who came from another computer is told how many there are, and not what they are called.
 */

#include "routing/vmp-router-private.h"

#include "core/vmp-text.h"

/* Characters of a name that a message repeats; a model's may come from a client. */
#define SHOWN_CHARS 100

/* Nodes that a message names. */
#define NAMED_NODES 4

/* What is with a node, after its name or after how many there are of the kind. */
static const struct {
  const char *one;
  const char *many;
} reasons[VMP_N_REJECTIONS] = {
  [VMP_REJECTED_NOT] = { "is not needed", "are not needed" },
  [VMP_REJECTED_PENDING] = { "is not approved", "are not approved" },
  [VMP_REJECTED_DRAINING] = { "is out of service", "are out of service" },
  [VMP_REJECTED_OFFLINE] = { "is off", "are off" },
  [VMP_REJECTED_BREAKER_OPEN] = { "keeps failing", "keep failing" },
  [VMP_REJECTED_TOKEN] = { "asks for a token", "ask for a token" },
  [VMP_REJECTED_LOOP] = { "is where the request came from", "are where the request came from" },
  [VMP_REJECTED_EXCLUDED] = { "has just failed", "have just failed" },
  [VMP_REJECTED_MODEL_MISSING] = { "does not have it", "do not have it" },
  [VMP_REJECTED_WRONG_KIND] = { "has no model of that kind", "have no model of that kind" },
  [VMP_REJECTED_CAPABILITY] = { "has no model that can do what is asked for",
                                "have no model that can do what is asked for" },
  [VMP_REJECTED_CONTEXT] = { "has too little context", "have too little context" },
  [VMP_REJECTED_NOT_TRUSTED] = { "is not trusted", "are not trusted" },
  [VMP_REJECTED_NOT_LOCAL] = { "is not in a private network", "are not in a private network" },
  [VMP_REJECTED_TOO_SLOW] = { "is too slow", "are too slow" },
  [VMP_REJECTED_QUEUE_FULL] = { "has too many requests waiting", "have too many requests waiting" },
};

static const char *
describe_rejection (const VmpCandidate *candidate)
{
  const VmpNode *node = candidate->node;

  if (candidate->rejection != VMP_REJECTED_DRAINING)
    return reasons[candidate->rejection].one;

  switch (node->service)
    {
    case VMP_NODE_DRAINING:
      return "is draining";

    case VMP_NODE_DISABLED:
      return "is disabled";

    case VMP_NODE_MAINTENANCE:
      return "is in maintenance";

    case VMP_NODE_QUARANTINE:
      return "is in quarantine";

    case VMP_NODE_IN_SERVICE:
    case VMP_N_NODE_SERVICES:
    default:
      return reasons[candidate->rejection].one;
    }
}

/* "studio", or what a route calls a node that there is none of. (transfer full) (nullable) */
static char *
dup_label (const VmpCandidate *candidate,
           const VmpRoute     *route)
{
  const VmpRouteTarget *target;

  if (candidate->node != NULL)
    return vmp_text_display (vmp_node_get_label (candidate->node), SHOWN_CHARS);
  if (route == NULL || candidate->order >= route->targets->len)
    return NULL;

  target = g_ptr_array_index (route->targets, candidate->order);

  return vmp_text_display (target->node, SHOWN_CHARS);
}

/* "studio is off, cellar is draining and 3 more": those that are approved before those that are not. Whether there was
 * one to name. */
static gboolean
append_nodes (GString         *text,
              const VmpRouter *router,
              const VmpRoute  *route)
{
  guint n_named = 0;
  guint n_others = 0;
  guint pass;
  guint i;

  for (pass = 0; pass < 2; pass++)
    {
      for (i = 0; i < router->n_candidates; i++)
        {
          const VmpCandidate *candidate = &router->candidates[i];
          g_autofree char *label = NULL;

          if (candidate->rejection == VMP_REJECTED_NOT
              || (candidate->rejection == VMP_REJECTED_PENDING) != (pass == 1))
            continue;
          if (n_named == NAMED_NODES || (label = dup_label (candidate, route)) == NULL)
            {
              n_others++;
              continue;
            }
          g_string_append_printf (text, "%s%s %s", n_named > 0 ? ", " : "", label,
                                  candidate->node != NULL ? describe_rejection (candidate) : "is no node");
          n_named++;
        }
    }

  if (n_named > 0 && n_others > 0)
    g_string_append_printf (text, ", and %u more", n_others);

  return n_named > 0;
}

/* "2 are off, 1 is draining". Whether there was one to count. */
static gboolean
append_counts (GString       *text,
               const VmpPlan *plan)
{
  gboolean has_one = FALSE;
  guint i;

  for (i = 1; i < VMP_N_REJECTIONS; i++)
    {
      guint n = plan->n_rejected[i];

      if (n == 0)
        continue;
      g_string_append_printf (text, "%s%u %s", has_one ? ", " : "", n, n == 1 ? reasons[i].one : reasons[i].many);
      has_one = TRUE;
    }

  return has_one;
}

/* The first candidate that was rejected for a reason; NULL. */
static const VmpCandidate *
find_rejected (const VmpRouter *router,
               VmpRejection     rejection)
{
  guint i;

  for (i = 0; i < router->n_candidates; i++)
    {
      if (router->candidates[i].rejection == rejection)
        return &router->candidates[i];
    }

  return NULL;
}

/* Whether the token is all that is in the way of somebody. */
static const VmpNode *
find_token_lack (const VmpRouting *routing,
                 const VmpRouter  *router)
{
  const VmpCandidate *candidate = find_rejected (router, VMP_REJECTED_TOKEN);
  const guint *n_rejected = routing->plan.n_rejected;

  if (candidate == NULL || n_rejected[VMP_REJECTED_TOKEN] + n_rejected[VMP_REJECTED_PENDING] < router->n_candidates)
    return NULL;

  return candidate->node;
}

static char *
describe_token_lack (const VmpNode *node,
                     gboolean       is_shared)
{
  if (is_shared)
    return g_strdup ("The computer that would answer asks for a token that its owner has to set.");
  if (node->token_state == VMP_TOKEN_LOCKED)
    return g_strdup_printf ("The token of the server at %s is in a keyring that is locked: open it with \"vampire "
                            "nodes token unlock\".", node->base_url->text);

  return g_strdup_printf ("The %s server at %s asks for a token: set it with \"vampire nodes token set\".",
                          node->provider == VMP_PROVIDER_AUTO ? "LM Studio" : vmp_provider_get_name (node->provider),
                          node->base_url->text);
}

/* The only node that may answer is the one that has what the request builds on. */
static char *
describe_pinned (const VmpGathering *gathering)
{
  const VmpRouter *router = gathering->router;
  g_autofree char *label = NULL;

  if (gathering->call->is_shared)
    return g_strdup ("Only the computer that gave the earlier response has it, and it cannot be asked now.");

  label = vmp_text_display (vmp_node_get_label (gathering->pinned), SHOWN_CHARS);
  if (router->n_candidates == 0 || router->candidates[0].rejection == VMP_REJECTED_NOT)
    return g_strdup_printf ("Only %s has the earlier response that this request builds on, and it is not one of those "
                            "that may answer for this model.", label);

  return g_strdup_printf ("Only %s has the earlier response that this request builds on, and it %s.", label,
                          describe_rejection (&router->candidates[0]));
}

/* "No node can answer for X now: …." */
static char *
describe_all (const VmpRouting   *routing,
              const VmpGathering *gathering,
              const VmpMeaning   *meaning,
              const char         *name)
{
  gboolean is_shared = gathering->call->is_shared;
  GString *text = g_string_new (NULL);
  gsize len;

  g_string_printf (text, "No %s can answer for %s now: ", is_shared ? "computer" : "node", name);
  len = text->len;
  if (is_shared ? !append_counts (text, &routing->plan) : !append_nodes (text, gathering->router, meaning->route))
    g_string_truncate (text, len - strlen (": "));
  g_string_append_c (text, '.');

  return g_string_free (text, FALSE);
}

static void
refuse (VmpRouting *routing,
        VmpProblem  problem,
        gboolean    may_be_stale,
        char       *message)
{
  routing->problem = problem;
  routing->may_be_stale = may_be_stale;
  routing->message = message;
}

void
vmp_routing_refuse (VmpRouting         *routing,
                    const VmpGathering *gathering,
                    const VmpMeaning   *meaning)
{
  const VmpRouter *router = gathering->router;
  const VmpNode *token = find_token_lack (routing, router);
  g_autofree char *name = vmp_text_display (meaning->name != NULL ? meaning->name : "this request", SHOWN_CHARS);

  if (meaning->kind == VMP_MEANS_NOTHING && g_str_has_prefix (meaning->name, VMP_VIRTUAL_PREFIX))
    refuse (routing, VMP_PROBLEM_MODEL_NOT_FOUND, FALSE,
            g_strdup_printf ("There is no virtual model %s; GET /v1/models lists those there are.", name));
  else if (meaning->kind == VMP_MEANS_NOTHING)
    refuse (routing, VMP_PROBLEM_MODEL_NOT_FOUND, TRUE,
            g_strdup_printf ("No node that is online has the model %s; GET /v1/models lists those there are.", name));
  else if (meaning->kind == VMP_MEANS_VIRTUAL
           && !vmp_virtual_model_takes (meaning->virtual_model, gathering->call->kind))
    refuse (routing, VMP_PROBLEM_MODEL_NOT_FOUND, FALSE,
            g_strdup_printf (meaning->virtual_model->embeddings
                             ? "The virtual model %s is for embeddings; ask another one, such as vampire:auto."
                             : "The virtual model %s is not for embeddings; ask vampire:embeddings.", name));
  else if (token != NULL)
    refuse (routing, VMP_PROBLEM_NODE_TOKEN, TRUE, describe_token_lack (token, gathering->call->is_shared));
  else if (gathering->pinned != NULL)
    refuse (routing, VMP_PROBLEM_NO_ROUTE_TARGET, TRUE, describe_pinned (gathering));
  else if (meaning->kind == VMP_MEANS_NAMED && meaning->host == NULL && meaning->node->service == VMP_NODE_IN_SERVICE
           && router->n_candidates > 0 && router->candidates[0].rejection == VMP_REJECTED_MODEL_MISSING)
    refuse (routing, VMP_PROBLEM_MODEL_NOT_FOUND, TRUE,
            g_strdup_printf ("The node that %s names does not have this model.", name));
  else if (meaning->kind == VMP_MEANS_MODEL && routing->plan.n_rejected[VMP_REJECTED_LOOP] > 0)
    refuse (routing, VMP_PROBLEM_LOOP, TRUE,
            g_strdup_printf ("This request came from the only gateway that has %s, so it would go in a circle: the two "
                             "are each other's nodes.", name));
  else
    refuse (routing, VMP_PROBLEM_NO_ROUTE_TARGET, meaning->kind != VMP_MEANS_DEFAULT,
            describe_all (routing, gathering, meaning, name));
}

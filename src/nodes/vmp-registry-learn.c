/* SPDX-License-Identifier: MIT
 *
 * What discovery, probes, the token vault and traffic bring: merged into the node as it is at that moment. Nothing here
 * touches what the owner set, and nothing here approves a node.
 */

#include "nodes/vmp-registry-private.h"

#include "core/vmp-limits.h"

#include <string.h>

/* -- What is said of it -------------------------------------------------------------------- */

static const char *
what_it_is (const VmpNode *node)
{
  switch (node->provider)
    {
    case VMP_PROVIDER_AUTO:
      return "LM Studio";

    case VMP_PROVIDER_OPENAI_COMPATIBLE:
      return "The server";

    default:
      return vmp_provider_get_name (node->provider);
    }
}

/* Nobody is to be alarmed by what happens to servers that were merely found. */
static gboolean
is_of_concern (const VmpNode *node)
{
  return node->approval == VMP_APPROVAL_APPROVED;
}

/* @reason: why it is as it is, as a whole sentence from a probe, or the rest of one from traffic; NULL */
static void
log_health (const VmpNode *node,
            VmpNodeHealth  before,
            const char    *reason,
            gboolean       is_sentence)
{
  g_autofree char *said = NULL;

  if (node->health == before)
    return;

  switch (node->health)
    {
    case VMP_NODE_ONLINE:
      said = g_strdup_printf ("%s at %s answers", what_it_is (node), node->base_url->text);
      break;

    case VMP_NODE_OFFLINE:
      if (is_sentence && reason != NULL)
        said = g_strdup (reason);
      else
        said = g_strdup_printf ("%s at %s does not answer: %s", what_it_is (node), node->base_url->text,
                                reason != NULL ? reason : "no reason is known");
      break;

    case VMP_NODE_DEGRADED:
      said = g_strdup_printf ("%s at %s answers, but %u requests to it in a row failed: %s", what_it_is (node),
                              node->base_url->text, node->breaker.failures,
                              reason != NULL ? reason : "no reason is known");
      break;

    case VMP_NODE_UNKNOWN:
    case VMP_N_NODE_HEALTHS:
    default:
      return;
    }

  if (!is_of_concern (node))
    g_info ("%s", said);
  else if (node->health == VMP_NODE_ONLINE)
    g_message ("%s", said);
  else
    g_warning ("%s", said);
}

static void
log_token (const VmpNode *node,
           VmpTokenState  before)
{
  if (node->token_state == before || !is_of_concern (node))
    return;

  if (node->token_state == VMP_TOKEN_NEEDED)
    g_warning ("%s at %s wants a token, and none is known for the node %s",
               what_it_is (node), node->base_url->text, node->id);
  else if (node->token_state == VMP_TOKEN_REFUSED)
    g_warning ("%s at %s refuses the token of the node %s", what_it_is (node), node->base_url->text, node->id);
}

/* -- Discovery ----------------------------------------------------------------------------- */

gboolean
vmp_registry_is_found (const VmpNode *node)
{
  return node->approval == VMP_APPROVAL_PENDING && node->pending_reason == NULL;
}

static gboolean
seen_is_to_last (const VmpNode *node)
{
  return node->place->stored &&
         node->last_seen - node->place->stored_last_seen >= (gint64) VMP_LIMIT_SEEN_STORE_S * G_USEC_PER_SEC;
}

/* Makes room for one more pending node. Those that the owner approved once are not counted. */
static gboolean
make_room (VmpRegistry *self)
{
  gint64 now = g_get_real_time ();
  VmpNode *stalest = NULL;
  guint n_found = 0;

  for (guint i = 0; i < self->pending->len; i++)
    {
      VmpNode *node = g_ptr_array_index (self->pending, i);

      if (!vmp_registry_is_found (node))
        continue;
      n_found++;
      if (stalest == NULL || node->last_seen < stalest->last_seen)
        stalest = node;
    }

  if (n_found < VMP_LIMIT_PENDING_NODES)
    return TRUE;
  if (now - stalest->last_seen <= (gint64) VMP_LIMIT_PENDING_STALE_S * G_USEC_PER_SEC)
    return FALSE;

  vmp_registry_remove (self, stalest);
  return TRUE;
}

VmpNode *
vmp_registry_discover (VmpRegistry      *self,
                       const VmpBaseUrl *base_url,
                       const char       *found_by,
                       const char       *found_at)
{
  VmpNode *node = vmp_registry_find_url (self, base_url);
  g_autofree char *id = NULL;

  if (node != NULL)
    {
      node->last_seen = g_get_real_time ();
      if (seen_is_to_last (node))
        vmp_registry_save (self, node);
      return node;
    }

  if (vmp_reach_check_host (base_url->host, self->public_allowed) != NULL)
    return NULL;
  if (!make_room (self) || self->nodes->len >= VMP_LIMIT_NODES)
    return NULL;

  id = vmp_registry_make_id (self, base_url);
  node = vmp_node_new (id, vmp_base_url_parse (base_url->text, NULL));
  node->host = g_strdup (base_url->host);
  node->found_by = vmp_registry_clean (found_by, VMP_LIMIT_NAME_CHARS);
  node->found_at = vmp_registry_clean (found_at, VMP_LIMIT_NODE_TEXT_CHARS);
  node->first_seen = g_get_real_time ();
  node->last_seen = node->first_seen;
  g_info ("Found a server at %s (%s); it waits for approval as %s", base_url->text, node->found_by, id);

  vmp_registry_add (self, node, vmp_registry_next_order (self));
  vmp_registry_tell (self, node, VMP_NODE_APPROVAL_CHANGED);

  return node;
}

/* -- Probes -------------------------------------------------------------------------------- */

/* Puts a text where there is another one. TRUE when it differs. */
static gboolean
learn_text (char      **field,
            const char *text)
{
  g_autofree char *clean = vmp_registry_clean (text, VMP_LIMIT_NODE_TEXT_CHARS);

  if (g_strcmp0 (*field, clean) == 0)
    return FALSE;

  g_free (*field);
  *field = g_steal_pointer (&clean);
  return TRUE;
}

static gboolean
learn_capability (VmpNode      *node,
                  VmpCapability capability,
                  gboolean      can)
{
  gboolean changed = node->capabilities[capability] != can;

  if (node->capability_sources[capability] == VMP_FACT_OWNER)
    return FALSE;

  node->capabilities[capability] = can;
  node->capability_sources[capability] = VMP_FACT_DETECTED;
  return changed;
}

static gboolean
learn_capabilities (VmpNode            *node,
                    const VmpInventory *inventory)
{
  gboolean can[VMP_N_CAPABILITIES] = { FALSE };
  gboolean changed = FALSE;

  /* A server with no model at all says nothing about what it can. */
  if (inventory->models->len == 0)
    return FALSE;

  for (guint i = 0; i < inventory->models->len; i++)
    {
      const VmpModel *model = g_ptr_array_index (inventory->models, i);

      can[VMP_CAN_CHAT] |= vmp_model_can_chat (model);
      can[VMP_CAN_EMBEDDINGS] |= model->kind == VMP_MODEL_EMBEDDING;
      can[VMP_CAN_VISION] |= model->vision;
      can[VMP_CAN_TOOLS] |= model->tools;
    }
  can[VMP_CAN_COMPLETIONS] = can[VMP_CAN_STREAMING] = can[VMP_CAN_CHAT];
  /* Those that have the first list have /v1/responses; the others do not tell. */
  can[VMP_CAN_RESPONSES] = inventory->list == VMP_LIST_LMSTUDIO_V1 && can[VMP_CAN_CHAT];

  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    changed |= learn_capability (node, i, can[i]);

  return changed;
}

static gboolean
learn_inventory (VmpNode      *node,
                 VmpInventory *inventory,
                 gboolean     *provider_changed)
{
  VmpProvider provider = node->provider_hint != VMP_PROVIDER_AUTO ? node->provider_hint : inventory->provider;
  gboolean changed = learn_capabilities (node, inventory);

  *provider_changed = node->provider != provider;
  node->provider = provider;

  if (node->inventory == inventory ||
      (node->inventory != NULL && vmp_inventory_equal (node->inventory, inventory)))
    return changed || *provider_changed;

  g_clear_pointer (&node->inventory, vmp_inventory_unref);
  node->inventory = vmp_inventory_ref (inventory);
  return TRUE;
}

/* What an answer with or without a token shows. One to a probe that began before the token changed shows nothing. */
static gboolean
learn_token_state (VmpNode *node,
                   gboolean auth_failed,
                   gboolean with_token)
{
  VmpTokenState before = node->token_state;

  if (with_token != (node->token != NULL) || node->token_state == VMP_TOKEN_LOCKED)
    return FALSE;

  if (auth_failed)
    node->token_state = with_token ? VMP_TOKEN_REFUSED : VMP_TOKEN_NEEDED;
  else
    node->token_state = with_token ? VMP_TOKEN_SET : VMP_TOKEN_NOT_NEEDED;

  log_token (node, before);
  return node->token_state != before;
}

/* The health after an answer to a probe. A list that is given quickly does not prove that prompts are answered: while
 * its breaker is not closed, a node is degraded. But one that was away has been started anew. */
static VmpNodeHealth
health_of_answering (VmpNode *node)
{
  if (node->health == VMP_NODE_OFFLINE)
    vmp_breaker_succeed (&node->breaker);

  return node->breaker.state == VMP_BREAKER_CLOSED ? VMP_NODE_ONLINE : VMP_NODE_DEGRADED;
}

static gboolean
learn_answer (VmpNode              *node,
              const VmpProbeReport *report,
              gboolean             *lasts)
{
  VmpNodeHealth before = node->health;
  gboolean changed;

  node->last_seen = g_get_real_time ();
  node->latency_ms = report->latency_ms;
  if (report->address != NULL)
    learn_text (&node->seen_address, report->address);
  if (report->key != NULL)
    learn_text (&node->seen_key, report->key);

  changed = learn_text (&node->instance, report->instance);
  changed |= learn_token_state (node, report->auth_failed, report->with_token);
  if (report->auth_failed)
    {
      changed |= node->inventory != NULL;
      g_clear_pointer (&node->inventory, vmp_inventory_unref);
    }
  else if (report->inventory != NULL)
    {
      changed |= learn_inventory (node, report->inventory, lasts);
    }

  node->health = health_of_answering (node);
  log_health (node, before, node->last_error, TRUE);
  changed |= node->health != before;

  if (node->approval == VMP_APPROVAL_APPROVED && vmp_registry_bind (node))
    changed = *lasts = TRUE;

  return changed;
}

/* What the list says of being loaded, also when it says the same as the last one: it may have been corrected since.
 * TRUE when anything changed. */
static gboolean
learn_loaded (VmpNode              *node,
              const VmpProbeReport *report)
{
  guint before = node->hosts_generation;
  gint64 asked = report->asked != 0 ? report->asked : g_get_monotonic_time ();

  for (guint i = 0; i < node->hosts->len; i++)
    vmp_host_take_list (g_ptr_array_index (node->hosts, i), asked);

  return node->hosts_generation != before;
}

void
vmp_registry_take_probe (VmpRegistry          *self,
                         VmpNode              *node,
                         const VmpProbeReport *report)
{
  gboolean changed = FALSE;
  gboolean lasts = FALSE;

  /* Forgotten while it was asked, or blocked: then nobody wants to know. */
  if (!vmp_registry_has (self, node) || node->approval == VMP_APPROVAL_BLOCKED)
    return;

  node->probes++;
  node->last_checked = g_get_real_time ();
  node->checked_mono = g_get_monotonic_time ();
  if (report->unreachable)
    node->unreachable_mono = node->checked_mono;
  /* That it gave its list does not take back why its requests fail. */
  if (report->error != NULL || node->health != VMP_NODE_DEGRADED)
    changed = learn_text (&node->last_error, report->error);

  if (report->health == VMP_NODE_OFFLINE)
    {
      VmpNodeHealth before = node->health;

      node->probe_errors++;
      node->health = VMP_NODE_OFFLINE;
      log_health (node, before, node->last_error, TRUE);
      changed |= node->health != before;
    }
  else
    {
      if (report->auth_failed)
        node->probe_errors++;
      changed |= learn_answer (node, report, &lasts);
    }

  if (changed)
    vmp_registry_settle (self, node);
  if (report->inventory != NULL && node->hosts_inventory != NULL && report->health != VMP_NODE_OFFLINE)
    changed |= learn_loaded (node, report);
  if (lasts || seen_is_to_last (node))
    vmp_registry_save (self, node);
  if (changed)
    vmp_registry_tell (self, node, VMP_NODE_CHANGED);
}

/* -- Tokens -------------------------------------------------------------------------------- */

gboolean
vmp_registry_replace_token (VmpNode    *node,
                            const char *token)
{
  char *before = node->token;
  gboolean changed = g_strcmp0 (before, token) != 0;

  node->token = g_strdup (token);
  if (before != NULL)
    explicit_bzero (before, strlen (before));
  g_free (before);

  return changed;
}

void
vmp_registry_set_token (VmpRegistry *self,
                        VmpNode     *node,
                        const char  *token)
{
  VmpTokenState before = node->token_state;
  gboolean changed;

  g_return_if_fail (vmp_registry_has (self, node));

  changed = vmp_registry_replace_token (node, token);
  if (token != NULL)
    {
      /* The same one that was refused stays refused. */
      if (changed || before != VMP_TOKEN_REFUSED)
        node->token_state = VMP_TOKEN_SET;
    }
  else
    {
      node->token_state = before == VMP_TOKEN_NEEDED || before == VMP_TOKEN_REFUSED ? VMP_TOKEN_NEEDED
                                                                                    : VMP_TOKEN_NOT_NEEDED;
    }

  if (changed || node->token_state != before)
    vmp_registry_tell (self, node, VMP_NODE_CHANGED);
}

void
vmp_registry_set_token_locked (VmpRegistry *self,
                               VmpNode     *node)
{
  VmpTokenState before = node->token_state;

  g_return_if_fail (vmp_registry_has (self, node));

  vmp_registry_replace_token (node, NULL);
  node->token_state = VMP_TOKEN_LOCKED;
  if (before != VMP_TOKEN_LOCKED)
    vmp_registry_tell (self, node, VMP_NODE_CHANGED);
}

/* -- Traffic ------------------------------------------------------------------------------- */

gboolean
vmp_registry_begin_request (VmpRegistry *self,
                            VmpNode     *node,
                            VmpHost     *host)
{
  VmpBreakerState before = node->breaker.state;

  if (!vmp_registry_has (self, node) || node->approval != VMP_APPROVAL_APPROVED ||
      node->service != VMP_NODE_IN_SERVICE)
    return FALSE;
  /* One that was dropped meanwhile would count what nobody sees. */
  if (host != NULL && g_hash_table_lookup (node->hosts_by_id, host->model_id) != host)
    return FALSE;

  /* One whose breaker is open gets a request only when there is nowhere better to go, and that is chosen elsewhere. */
  vmp_breaker_take (&node->breaker, g_get_monotonic_time ());

  node->active_requests++;
  if (host != NULL)
    host->active++;
  if (node->breaker.state != before)
    vmp_registry_tell (self, node, VMP_NODE_CHANGED);

  return TRUE;
}

static gboolean
is_error (const VmpTraffic *traffic)
{
  return traffic->result == VMP_TRAFFIC_FAILED || traffic->result == VMP_TRAFFIC_UNREACHABLE;
}

static void
count_at_node (VmpNode          *node,
               const VmpTraffic *traffic,
               const char       *reason)
{
  node->active_requests--;
  node->requests_total++;
  node->avg_latency_ms = vmp_host_average (node->avg_latency_ms, traffic->latency_ms);
  if (!is_error (traffic))
    return;

  node->errors_total++;
  if (reason != NULL)
    {
      g_free (node->last_error);
      node->last_error = g_strdup_printf ("%s at %s %s: %s", what_it_is (node), node->base_url->text,
                                          traffic->result == VMP_TRAFFIC_FAILED ? "failed" : "does not answer", reason);
    }
}

/* What a server says it has counted may be nonsense. */
static guint64
believe_tokens (gint64 tokens)
{
  return CLAMP (tokens, 0, VMP_LIMIT_MODEL_CONTEXT);
}

static void
count_at_host (VmpHost          *host,
               const VmpTraffic *traffic)
{
  host->active--;
  host->requests_total++;
  host->errors_total += is_error (traffic);
  host->prompt_tokens += believe_tokens (traffic->prompt_tokens);
  host->completion_tokens += believe_tokens (traffic->completion_tokens);
  host->ttft_ms = vmp_host_average (host->ttft_ms, traffic->ttft_ms);
  host->duration_ms = vmp_host_average (host->duration_ms, traffic->duration_ms);
  host->tokens_per_second = vmp_host_average (host->tokens_per_second, traffic->tokens_per_second);
}

static void
count_failure (VmpNode *node)
{
  if (vmp_breaker_fail (&node->breaker, g_get_monotonic_time ()))
    node->breaker_openings++;
}

/* What the end of a request shows of the node. TRUE when something of it changed that can be seen. */
static gboolean
learn_end (VmpNode          *node,
           const VmpTraffic *traffic,
           const char       *reason)
{
  VmpTrafficResult result = traffic->result;
  VmpNodeHealth health = node->health;
  VmpTokenState token_state = node->token_state;
  VmpBreakerState breaker = node->breaker.state;

  switch (result)
    {
    case VMP_TRAFFIC_ANSWERED:
    case VMP_TRAFFIC_UNAUTHORIZED:
      vmp_breaker_succeed (&node->breaker);
      node->health = VMP_NODE_ONLINE;
      node->last_seen = g_get_real_time ();
      if (result == VMP_TRAFFIC_UNAUTHORIZED && token_state != VMP_TOKEN_LOCKED)
        node->token_state = node->token != NULL ? VMP_TOKEN_REFUSED : VMP_TOKEN_NEEDED;
      if (health != VMP_NODE_ONLINE)
        g_clear_pointer (&node->last_error, g_free);
      break;

    case VMP_TRAFFIC_FAILED:
      if (traffic->spares_breaker)
        {
          vmp_breaker_give_back (&node->breaker);
          break;
        }
      count_failure (node);
      if (node->breaker.state == VMP_BREAKER_OPEN && health != VMP_NODE_OFFLINE)
        node->health = VMP_NODE_DEGRADED;
      break;

    case VMP_TRAFFIC_UNREACHABLE:
      count_failure (node);
      node->health = VMP_NODE_OFFLINE;
      node->unreachable_mono = g_get_monotonic_time ();
      break;

    case VMP_TRAFFIC_ABANDONED:
    default:
      vmp_breaker_give_back (&node->breaker);
      break;
    }

  log_health (node, health, reason, FALSE);
  log_token (node, token_state);

  return node->breaker.state != breaker || node->health != health || node->token_state != token_state;
}

void
vmp_registry_end_request (VmpRegistry      *self,
                          VmpNode          *node,
                          VmpHost          *host,
                          const VmpTraffic *traffic)
{
  g_autofree char *reason = vmp_registry_clean (traffic->reason, VMP_LIMIT_NODE_TEXT_CHARS);
  gboolean changed = FALSE;

  g_return_if_fail (node->active_requests > 0);
  g_return_if_fail (host == NULL || host->active > 0);

  count_at_node (node, traffic, reason);
  if (host != NULL)
    count_at_host (host, traffic);

  if (!vmp_registry_has (self, node))
    return;

  /* Nobody asks a blocked node any more, and a forgotten one is gone: its running requests only end. But one that is
   * approved again must not wait for a trial that nobody makes any more. */
  if (node->approval != VMP_APPROVAL_BLOCKED)
    changed = learn_end (node, traffic, reason);
  else
    vmp_breaker_give_back (&node->breaker);
  if (changed)
    vmp_registry_settle (self, node);
  if (changed || vmp_node_is_drained (node))
    vmp_registry_tell (self, node, VMP_NODE_CHANGED);
}

/* SPDX-License-Identifier: MIT
 *
 * Nodes and their models as the control API and the events show them. Tokens are in none of it.
 */

#include "gateway/vmp-control.h"

#include <math.h>

/* Who owns a model whose node does not say, as the first seed has it. */
#define OWNED_BY "llm-vampire"

void
vmp_control_add_milliseconds (JsonBuilder *builder,
                              const char  *name,
                              double       value)
{
  if (value > 0)
    vmp_json_add_double (builder, name, round (value * 1000) / 1000);
  else
    vmp_json_add_null (builder, name);
}

void
vmp_control_add_rate (JsonBuilder *builder,
                      const char  *name,
                      double       value)
{
  if (value > 0)
    vmp_json_add_double (builder, name, value);
  else
    vmp_json_add_null (builder, name);
}

/* What it is taken for: the owner's word counts more than what was detected. */
static VmpProvider
get_provider (const VmpNode *node)
{
  return node->provider_hint != VMP_PROVIDER_AUTO ? node->provider_hint : node->provider;
}

/* Which API its models were listed by, or will be asked for first. */
static const char *
get_api_format (const VmpNode *node)
{
  gboolean ollama = node->inventory != NULL ? node->inventory->list == VMP_LIST_OLLAMA
                                            : get_provider (node) == VMP_PROVIDER_OLLAMA;

  return ollama ? "ollama" : "openai-compatible";
}

/* What a model says of itself, as an object of its own. */
static JsonNode *
dup_model_members (const VmpModel *model)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_model_add_members (model, builder);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

/* -- Models -------------------------------------------------------------------------------- */

static void
build_card (const VmpNode  *node,
            const VmpModel *model,
            JsonBuilder    *builder)
{
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", model->id);
  vmp_json_add_string (builder, "object", "model");
  vmp_json_add_int (builder, "created", model->created != 0 ? model->created : node->first_seen / G_USEC_PER_SEC);
  vmp_json_add_string (builder, "owned_by", model->owned_by != NULL ? model->owned_by : OWNED_BY);
  vmp_model_add_members (model, builder);
  json_builder_end_object (builder);
}

/* Whether the node can do that with this model: what is known of the model, else what the node can. */
static gboolean
model_can (const VmpNode  *node,
           const VmpModel *model,
           JsonObject     *of_model,
           VmpCapability   capability)
{
  gboolean can;

  switch (capability)
    {
    case VMP_CAN_CHAT:
    case VMP_CAN_RESPONSES:
    case VMP_CAN_COMPLETIONS:
      return node->capabilities[capability] && vmp_model_can_chat (model);

    case VMP_CAN_EMBEDDINGS:
      return node->capabilities[capability] || model->kind == VMP_MODEL_EMBEDDING;

    case VMP_CAN_VISION:
    case VMP_CAN_TOOLS:
    case VMP_CAN_STREAMING:
    case VMP_N_CAPABILITIES:
    default:
      if (vmp_json_get_boolean (of_model, vmp_capability_to_string (capability), &can))
        return can;
      return node->capabilities[capability];
    }
}

/* The node's capabilities, then what else is known of this very model. */
static void
build_model_capabilities (const VmpNode  *node,
                          const VmpModel *model,
                          JsonObject     *of_model,
                          JsonBuilder    *builder)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;
  guint i;

  json_builder_begin_object (builder);
  for (i = 0; i < VMP_N_CAPABILITIES; i++)
    vmp_json_add_boolean (builder, vmp_capability_to_string (i), model_can (node, model, of_model, i));

  json_object_iter_init_ordered (&iter, of_model);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      for (i = 0; i < VMP_N_CAPABILITIES; i++)
        {
          if (g_str_equal (name, vmp_capability_to_string (i)))
            break;
        }
      if (i < VMP_N_CAPABILITIES)
        continue;
      json_builder_set_member_name (builder, name);
      json_builder_add_value (builder, json_node_copy (value));
    }
  json_builder_end_object (builder);
}

static void
build_physical_model (const VmpNode  *node,
                      const VmpModel *model,
                      JsonBuilder    *builder)
{
  g_autoptr (JsonNode) members = dup_model_members (model);
  JsonObject *of_model = json_node_get_object (members);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "node", node->id);
  vmp_json_add_string (builder, "model", model->id);
  vmp_json_add_string (builder, "provider", vmp_provider_to_string (get_provider (node)));
  vmp_json_add_string (builder, "api_format", get_api_format (node));
  vmp_json_add_boolean (builder, "loaded", model->loaded);
  vmp_json_add_string (builder, "owned_by", model->owned_by != NULL ? model->owned_by : OWNED_BY);
  json_builder_set_member_name (builder, "capabilities");
  build_model_capabilities (node, model, json_object_get_object_member (of_model, "capabilities"), builder);
  vmp_control_add_rate (builder, "tokens_per_second", node->tokens_per_second);

  json_object_iter_init_ordered (&iter, of_model);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      if (g_str_equal (name, "loaded") || g_str_equal (name, "capabilities"))
        continue;
      json_builder_set_member_name (builder, name);
      json_builder_add_value (builder, json_node_copy (value));
    }
  json_builder_end_object (builder);
}

void
vmp_control_build_models (VmpNode     *node,
                          JsonBuilder *builder)
{
  guint i;

  for (i = 0; node->inventory != NULL && i < node->inventory->models->len; i++)
    build_physical_model (node, g_ptr_array_index (node->inventory->models, i), builder);
}

/* -- Nodes --------------------------------------------------------------------------------- */

static void
build_capabilities (const VmpNode *node,
                    JsonBuilder   *builder)
{
  guint i;

  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_object (builder);
  for (i = 0; i < VMP_N_CAPABILITIES; i++)
    vmp_json_add_boolean (builder, vmp_capability_to_string (i), node->capabilities[i]);
  json_builder_end_object (builder);
}

static void
build_capability_sources (const VmpNode *node,
                          JsonBuilder   *builder)
{
  guint i;

  json_builder_set_member_name (builder, "capability_sources");
  json_builder_begin_object (builder);
  for (i = 0; i < VMP_N_CAPABILITIES; i++)
    vmp_json_add_string (builder, vmp_capability_to_string (i),
                         vmp_fact_source_to_string (node->capability_sources[i]));
  json_builder_end_object (builder);
}

static void
build_breaker (const VmpBreaker *breaker,
               JsonBuilder      *builder)
{
  gint64 wait = breaker->retry_at - g_get_monotonic_time ();

  json_builder_set_member_name (builder, "breaker");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "state", vmp_breaker_state_to_string (breaker->state));
  vmp_json_add_int (builder, "failures", breaker->failures);
  if (breaker->state == VMP_BREAKER_OPEN)
    vmp_json_add_int (builder, "retry_in_seconds", wait > 0 ? (wait + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC : 0);
  else
    vmp_json_add_null (builder, "retry_in_seconds");
  json_builder_end_object (builder);
}

static void
build_found (const VmpNode *node,
             JsonBuilder   *builder)
{
  json_builder_set_member_name (builder, "found");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "by", node->found_by);
  vmp_json_add_string (builder, "at", node->found_at);
  vmp_json_add_time (builder, "first_seen", node->first_seen);
  vmp_json_add_time (builder, "last_seen", node->last_seen);
  json_builder_end_object (builder);
}

static void
build_cards (const VmpNode *node,
             JsonBuilder   *builder)
{
  guint i;

  json_builder_set_member_name (builder, "models");
  json_builder_begin_array (builder);
  for (i = 0; node->inventory != NULL && i < node->inventory->models->len; i++)
    build_card (node, g_ptr_array_index (node->inventory->models, i), builder);
  json_builder_end_array (builder);
}

/* All members but the id: first those that the first seed has, in its order, then ours. */
static void
build_members (const VmpNode *node,
               gboolean       with_models,
               JsonBuilder   *builder)
{
  vmp_json_add_string (builder, "name", node->name);
  vmp_json_add_string (builder, "host", node->host);
  vmp_json_add_string (builder, "base_url", node->base_url->text);
  vmp_json_add_string (builder, "provider", vmp_provider_to_string (get_provider (node)));
  vmp_json_add_string (builder, "api_format", get_api_format (node));
  vmp_json_add_string (builder, "agent_base_url", node->agent_base_url);
  vmp_json_add_string (builder, "status", vmp_node_get_status (node));
  vmp_json_add_boolean (builder, "trusted", node->trusted);
  build_capabilities (node, builder);
  vmp_json_add_strings (builder, "tags", (const char * const *) node->tags);
  if (with_models)
    build_cards (node, builder);
  vmp_json_add_int (builder, "request_count", node->requests_total);
  vmp_json_add_int (builder, "error_count", node->errors_total);
  vmp_json_add_int (builder, "active_requests", node->active_requests);
  vmp_json_add_int (builder, "queue_depth", node->queue_depth);
  vmp_control_add_milliseconds (builder, "latency_ms", node->latency_ms);
  vmp_control_add_rate (builder, "tokens_per_second", node->tokens_per_second);
  vmp_json_add_time (builder, "last_checked_at", node->last_checked);
  vmp_json_add_string (builder, "last_error", node->last_error);
  vmp_json_add_string (builder, "lmstudio_base_url", node->base_url->text);

  vmp_json_add_string (builder, "approval", vmp_approval_to_string (node->approval));
  vmp_json_add_string (builder, "pending_reason", node->pending_reason);
  vmp_json_add_string (builder, "health", vmp_node_health_to_string (node->health));
  vmp_json_add_boolean (builder, "is_default", node->is_default);
  build_breaker (&node->breaker, builder);
  json_builder_set_member_name (builder, "token");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "state", vmp_token_state_to_string (node->token_state));
  json_builder_end_object (builder);
  build_found (node, builder);
  vmp_json_add_strings (builder, "addresses", (const char * const *) node->addresses);
  vmp_json_add_string (builder, "key_fingerprint", node->key);
  vmp_json_add_string (builder, "seen_address", node->seen_address);
  vmp_json_add_string (builder, "seen_key", node->seen_key);
  vmp_json_add_string (builder, "provider_name", vmp_provider_get_name (get_provider (node)));
  vmp_json_add_string (builder, "provider_hint", vmp_provider_to_string (node->provider_hint));
  vmp_json_add_int (builder, "models_count", node->inventory != NULL ? node->inventory->models->len : 0);
  vmp_json_add_int (builder, "models_skipped", node->inventory != NULL ? node->inventory->n_skipped : 0);
  vmp_control_add_milliseconds (builder, "avg_latency_ms", node->avg_latency_ms);
  build_capability_sources (node, builder);
  vmp_json_add_boolean (builder, "drained", vmp_node_is_drained (node));
}

void
vmp_control_build_node (VmpNode     *node,
                        gboolean     with_models,
                        JsonBuilder *builder)
{
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", node->id);
  build_members (node, with_models, builder);
  json_builder_end_object (builder);
}

char *
vmp_control_node_event (VmpNode      *node,
                        VmpNodeChange change)
{
  static const char * const changes[VMP_N_NODE_CHANGES] = {
    [VMP_NODE_ADDED] = "added",
    [VMP_NODE_REMOVED] = "removed",
    [VMP_NODE_APPROVAL_CHANGED] = "approval",
    [VMP_NODE_CHANGED] = "changed",
  };
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", node->id);
  vmp_json_add_string (builder, "change", changes[change]);
  build_members (node, FALSE, builder);
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

/* -- Its description ----------------------------------------------------------------------- */

static const VmpField capability_fields[] = {
  { "chat", VMP_FIELD_BOOLEAN },
  { "responses", VMP_FIELD_BOOLEAN },
  { "completions", VMP_FIELD_BOOLEAN },
  { "embeddings", VMP_FIELD_BOOLEAN },
  { "vision", VMP_FIELD_BOOLEAN },
  { "tools", VMP_FIELD_BOOLEAN },
  { "streaming", VMP_FIELD_BOOLEAN },
  { NULL }
};

static const VmpField card_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "object", VMP_FIELD_STRING, TRUE },
  { "created", VMP_FIELD_INT, TRUE, .about = "Unix seconds." },
  { "owned_by", VMP_FIELD_STRING, TRUE },
  { NULL }
};

static const VmpField breaker_fields[] = {
  { "state", VMP_FIELD_STRING, TRUE, .about = "closed, open or half_open." },
  { "failures", VMP_FIELD_INT, TRUE, .about = "Failures in a row." },
  { "retry_in_seconds", VMP_FIELD_INT, TRUE, TRUE },
  { NULL }
};

static const VmpField token_fields[] = {
  { "state", VMP_FIELD_STRING, TRUE, .about = "not_needed, set, needed, refused or locked." },
  { NULL }
};

static const VmpField found_fields[] = {
  { "by", VMP_FIELD_STRING, TRUE, TRUE },
  { "at", VMP_FIELD_STRING, TRUE, TRUE },
  { "first_seen", VMP_FIELD_STRING, TRUE, TRUE, .about = "ISO 8601, as all times." },
  { "last_seen", VMP_FIELD_STRING, TRUE, TRUE },
  { NULL }
};

const VmpField vmp_control_node_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "name", VMP_FIELD_STRING, TRUE, TRUE },
  { "host", VMP_FIELD_STRING, TRUE, TRUE },
  { "base_url", VMP_FIELD_STRING, TRUE },
  { "provider", VMP_FIELD_STRING, TRUE },
  { "api_format", VMP_FIELD_STRING, TRUE, .about = "openai-compatible or ollama." },
  { "agent_base_url", VMP_FIELD_STRING, TRUE, TRUE },
  { "status", VMP_FIELD_STRING, TRUE,
    .about = "What its owner wants of it (draining, disabled, maintenance, quarantine), else its health." },
  { "trusted", VMP_FIELD_BOOLEAN, TRUE },
  { "capabilities", VMP_FIELD_OBJECT, TRUE, .members = capability_fields },
  { "tags", VMP_FIELD_STRINGS, TRUE },
  { "models", VMP_FIELD_OBJECTS, .members = card_fields, .about = "Left out with ?models=false." },
  { "request_count", VMP_FIELD_INT, TRUE, .about = "Requests that were sent to it; probes do not count." },
  { "error_count", VMP_FIELD_INT, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE },
  { "queue_depth", VMP_FIELD_INT, TRUE },
  { "latency_ms", VMP_FIELD_NUMBER, TRUE, TRUE, .about = "Of the last probe." },
  { "tokens_per_second", VMP_FIELD_NUMBER, TRUE, TRUE },
  { "last_checked_at", VMP_FIELD_STRING, TRUE, TRUE },
  { "last_error", VMP_FIELD_STRING, TRUE, TRUE, .about = "A sentence for people." },
  { "lmstudio_base_url", VMP_FIELD_STRING, TRUE, .about = "The same as base_url, for older clients." },
  { "approval", VMP_FIELD_STRING, TRUE, .about = "pending, approved or blocked." },
  { "pending_reason", VMP_FIELD_STRING, TRUE, TRUE, .about = "Why a node that was approved is pending again." },
  { "health", VMP_FIELD_STRING, TRUE, .about = "unknown, online, degraded or offline." },
  { "is_default", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether it is the one of the setting default_base_url." },
  { "breaker", VMP_FIELD_OBJECT, TRUE, .members = breaker_fields },
  { "token", VMP_FIELD_OBJECT, TRUE, .members = token_fields },
  { "found", VMP_FIELD_OBJECT, TRUE, .members = found_fields },
  { "addresses", VMP_FIELD_STRINGS, TRUE, TRUE, .about = "Those that its name stood for when it was approved." },
  { "key_fingerprint", VMP_FIELD_STRING, TRUE, TRUE, .about = "Of the key that it was approved with, for https." },
  { "seen_address", VMP_FIELD_STRING, TRUE, TRUE },
  { "seen_key", VMP_FIELD_STRING, TRUE, TRUE },
  { "provider_name", VMP_FIELD_STRING, TRUE },
  { "provider_hint", VMP_FIELD_STRING, TRUE },
  { "models_count", VMP_FIELD_INT, TRUE },
  { "models_skipped", VMP_FIELD_INT, TRUE, .about = "Entries of its list that could not be read." },
  { "avg_latency_ms", VMP_FIELD_NUMBER, TRUE, TRUE, .about = "To the head of an answer, over recent requests." },
  { "capability_sources", VMP_FIELD_OBJECT, TRUE, .about = "For each capability: unknown, declared, detected, owner." },
  { "drained", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether it is draining, and nothing runs on it any more." },
  { NULL }
};

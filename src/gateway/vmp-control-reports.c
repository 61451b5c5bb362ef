/* SPDX-License-Identifier: MIT
 *
 * What the gateway tells of itself and of its nodes: status, physical models, events, the health check, and a word of
 * welcome at /. Nothing here changes anything.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"
#include "vmp-config.h"

#include <string.h>

/* -- Status -------------------------------------------------------------------------------- */

static guint
count_health (VmpGateway   *gateway,
              VmpNodeHealth health)
{
  return vmp_registry_count (gateway->registry, health);
}

static void
build_keyring (VmpGateway  *gateway,
               JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "keyring");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "state",
                       vmp_keyring_state_to_string (vmp_token_vault_get_state (gateway->vault)));
  vmp_json_add_string (builder, "trouble", vmp_token_vault_get_trouble (gateway->vault));
  json_builder_end_object (builder);
}

static void
build_store (VmpGateway  *gateway,
             JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "store");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "trouble", vmp_store_get_trouble (gateway->store));
  vmp_json_add_string (builder, "set_aside", vmp_store_get_set_aside (gateway->store));
  json_builder_end_object (builder);
}

static void
build_share_in_short (VmpGateway  *gateway,
                      JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "share");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "mode", vmp_share_mode_to_string (vmp_share_get_mode (gateway->share)));
  vmp_json_add_boolean (builder, "enabled", vmp_share_get_enabled (gateway->share));
  vmp_json_add_boolean (builder, "open", vmp_share_is_open (gateway->share));
  vmp_json_add_time (builder, "ends_at", vmp_share_get_ends_at (gateway->share));
  json_builder_end_object (builder);
}

/* For this computer, then those for others. */
static void
build_listeners (VmpGateway  *gateway,
                 JsonBuilder *builder)
{
  const char * const *lists[] = {
    vmp_doors_get_addresses (gateway->doors), vmp_doors_get_shared_addresses (gateway->doors)
  };
  guint i;
  guint j;

  json_builder_set_member_name (builder, "listeners");
  json_builder_begin_array (builder);
  for (i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      for (j = 0; lists[i][j] != NULL; j++)
        json_builder_add_string_value (builder, lists[i][j]);
    }
  json_builder_end_array (builder);
}

static void
handle_status (VmpControlRequest *request)
{
  VmpGateway *gateway = request->gateway;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  VmpDnssdState dns_sd = vmp_discovery_get_dnssd_state (gateway->discovery);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.status");
  vmp_json_add_string (builder, "version", VMP_VERSION);
  vmp_json_add_int (builder, "nodes_total", vmp_registry_get_nodes (gateway->registry)->len);
  vmp_json_add_int (builder, "nodes_online", count_health (gateway, VMP_NODE_ONLINE));
  vmp_json_add_int (builder, "nodes_offline", count_health (gateway, VMP_NODE_OFFLINE));
  vmp_json_add_int (builder, "nodes_pending", vmp_registry_count_pending (gateway->registry));
  vmp_json_add_string (builder, "instance", vmp_gateway_get_instance (gateway));
  vmp_json_add_int (builder, "uptime_seconds", vmp_gateway_get_uptime_seconds (gateway));
  build_listeners (gateway, builder);
  vmp_json_add_int (builder, "active_requests", vmp_gateway_get_active_requests (gateway));
  vmp_json_add_boolean (builder, "paused", vmp_pause_get (gateway->pause));
  vmp_json_add_boolean (builder, "demo", vmp_gateway_is_demo (gateway));
  build_share_in_short (gateway, builder);
  vmp_json_add_string (builder, "share_trouble", vmp_doors_get_trouble (gateway->doors));
  build_keyring (gateway, builder);
  vmp_json_add_string (builder, "dns_sd", vmp_dnssd_state_to_string (dns_sd));
  build_store (gateway, builder);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

static void
handle_health (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  const VmpNode *node = vmp_registry_get_default (request->gateway->registry);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "status", "ok");
  vmp_json_add_string (builder, "version", VMP_VERSION);
  vmp_json_add_string (builder, "default_node", node != NULL ? vmp_node_get_status (node) : NULL);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* Not JSON: people come here with their browsers. */
static void
handle_welcome (VmpControlRequest *request)
{
  g_autofree char *url = vmp_gateway_dup_url (request->gateway);
  char *text = g_strdup_printf ("Vampire %s is running.\n\nPoint any OpenAI client at %s/v1\n"
                                "What it says about itself: %s/vampire/v1/status\n", VMP_VERSION, url, url);

  soup_server_message_set_status (request->message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (request->message, "text/plain; charset=utf-8", SOUP_MEMORY_TAKE, text,
                                    strlen (text));
}

/* -- Models -------------------------------------------------------------------------------- */

static void
build_models (gpointer     item,
              JsonBuilder *builder)
{
  vmp_control_build_models (item, builder);
}

static void
answer_models (gpointer user_data)
{
  VmpControlRequest *request = user_data;
  GPtrArray *nodes = vmp_registry_get_nodes (request->gateway->registry);
  g_autoptr (GPtrArray) listed = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_node_unref);
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, i);

      if (vmp_node_is_listed (node))
        g_ptr_array_add (listed, vmp_node_ref (node));
    }

  vmp_control_answer_list (request, g_steal_pointer (&listed), build_models);
}

/* Whether the health of the nodes does not come by itself soon enough. */
static gboolean
needs_refresh (VmpGateway *gateway)
{
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  guint i;

  if (gateway->settings->health_seconds == 0)
    return TRUE;

  for (i = 0; i < nodes->len; i++)
    {
      const VmpNode *node = g_ptr_array_index (nodes, i);

      if (node->approval == VMP_APPROVAL_APPROVED && node->last_checked == 0
          && (node->service == VMP_NODE_IN_SERVICE || node->service == VMP_NODE_DRAINING))
        return TRUE;
    }

  return FALSE;
}

static void
stop_refresh (VmpControlRequest *request)
{
  vmp_health_forget_caller (request->gateway->health, request);
}

static void
handle_models (VmpControlRequest *request)
{
  if (!needs_refresh (request->gateway))
    {
      answer_models (request);
      return;
    }

  vmp_control_wait_for (request, stop_refresh);
  vmp_health_refresh_stale (request->gateway->health, VMP_LIMIT_REFRESH_MS, answer_models, request);
}

/* -- Events -------------------------------------------------------------------------------- */

static void
handle_events (VmpControlRequest *request)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (request->message);
  const char *last = soup_message_headers_get_one (headers, "Last-Event-ID");

  if (last == NULL && request->query != NULL)
    last = g_hash_table_lookup (request->query, "last_event_id");

  if (soup_server_message_get_method (request->message) == SOUP_METHOD_HEAD)
    {
      soup_server_message_set_status (request->message, SOUP_STATUS_OK, NULL);
      soup_message_headers_set_content_type (soup_server_message_get_response_headers (request->message),
                                             "text/event-stream", NULL);
      return;
    }

  if (!vmp_events_follow (request->gateway->events, request->message, last))
    {
      vmp_control_problem (request, VMP_PROBLEM_BUSY,
                           "As many programs follow the events as Vampire serves; end one of them first.", NULL);
      return;
    }

  vmp_gateway_tell_metrics (request->gateway);
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField keyring_fields[] = {
  { "state", VMP_FIELD_STRING, TRUE, .about = "unknown, open, locked, file or unavailable." },
  { "trouble", VMP_FIELD_STRING, TRUE, TRUE },
  { NULL }
};

static const VmpField store_fields[] = {
  { "trouble", VMP_FIELD_STRING, TRUE, TRUE, .about = "Why changes cannot be written at the moment." },
  { "set_aside", VMP_FIELD_STRING, TRUE, TRUE, .about = "Where a damaged database was put at the start." },
  { NULL }
};

static const VmpField share_fields[] = {
  { "mode", VMP_FIELD_STRING, TRUE },
  { "enabled", VMP_FIELD_BOOLEAN, TRUE },
  { "open", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether other computers may connect now." },
  { "ends_at", VMP_FIELD_STRING, TRUE, TRUE },
  { NULL }
};

static const VmpField status_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "version", VMP_FIELD_STRING, TRUE },
  { "nodes_total", VMP_FIELD_INT, TRUE },
  { "nodes_online", VMP_FIELD_INT, TRUE },
  { "nodes_offline", VMP_FIELD_INT, TRUE },
  { "nodes_pending", VMP_FIELD_INT, TRUE },
  { "instance", VMP_FIELD_STRING, TRUE, .about = "New with each start." },
  { "uptime_seconds", VMP_FIELD_INT, TRUE },
  { "listeners", VMP_FIELD_STRINGS, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE },
  { "paused", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether its owner has it refuse all requests for models." },
  { "demo", VMP_FIELD_BOOLEAN, TRUE },
  { "share", VMP_FIELD_OBJECT, TRUE, .members = share_fields },
  { "share_trouble", VMP_FIELD_STRING, TRUE, TRUE, .about = "Why sharing has no listener." },
  { "keyring", VMP_FIELD_OBJECT, TRUE, .members = keyring_fields },
  { "dns_sd", VMP_FIELD_STRING, TRUE, .about = "off, connecting, running or unavailable." },
  { "store", VMP_FIELD_OBJECT, TRUE, .members = store_fields },
  { NULL }
};

static const VmpField health_answer[] = {
  { "status", VMP_FIELD_STRING, TRUE },
  { "version", VMP_FIELD_STRING, TRUE },
  { "default_node", VMP_FIELD_STRING, TRUE, TRUE },
  { NULL }
};

static const VmpField model_fields[] = {
  { "node", VMP_FIELD_STRING, TRUE },
  { "model", VMP_FIELD_STRING, TRUE },
  { "provider", VMP_FIELD_STRING, TRUE },
  { "api_format", VMP_FIELD_STRING, TRUE },
  { "loaded", VMP_FIELD_BOOLEAN, TRUE },
  { "owned_by", VMP_FIELD_STRING, TRUE },
  { "capabilities", VMP_FIELD_OBJECT, TRUE },
  { "context_window", VMP_FIELD_INT, TRUE, TRUE, .about = "Tokens, of the loaded copy." },
  { "tokens_per_second", VMP_FIELD_NUMBER, TRUE, TRUE },
  { NULL }
};

static const VmpField models_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = model_fields },
  { NULL }
};

const VmpEndpoint vmp_control_report_endpoints[] = {
  { "GET", "/vampire/v1/status", handle_status, NULL,
    "What the gateway is and how it is.", "getStatus", status_answer },
  { "GET", "/vampire/v1/models", handle_models, NULL,
    "Each model of each node whose models are served.", "listPhysicalModels", models_answer },
  { "GET", "/vampire/v1/events", handle_events, NULL,
    "What happens from now on, as server-sent events; after Last-Event-ID, what was missed.", "followEvents", NULL },
  { "GET", "/health", handle_health, NULL,
    "Whether the gateway runs.", "getHealth", health_answer },
  { "GET", "/", handle_welcome, NULL,
    "A word of welcome, as text.", "getWelcome", NULL },
  { NULL }
};

/* SPDX-License-Identifier: MIT
 *
 * The control API's words for whom the gateway serves: the share mode, the other computers that are connected, and the
 * pause, in which it serves nobody.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"

void
vmp_control_build_share (VmpGateway  *gateway,
                         JsonBuilder *builder)
{
  VmpShare *share = gateway->share;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.share");
  vmp_json_add_string (builder, "mode", vmp_share_mode_to_string (vmp_share_get_mode (share)));
  vmp_json_add_string (builder, "last_mode", vmp_share_mode_to_string (vmp_share_get_last_mode (share)));
  vmp_json_add_boolean (builder, "enabled", vmp_share_get_enabled (share));
  vmp_json_add_string (builder, "duration", vmp_share_get_duration (share));
  vmp_json_add_string (builder, "model", vmp_share_get_model (share));
  vmp_json_add_boolean (builder, "open", vmp_share_is_open (share));
  vmp_json_add_time (builder, "ends_at", vmp_share_get_ends_at (share));
  vmp_json_add_strings (builder, "listeners", vmp_doors_get_shared_addresses (gateway->doors));
  vmp_json_add_string (builder, "trouble", vmp_doors_get_trouble (gateway->doors));
  vmp_json_add_int (builder, "keys", vmp_client_keys_get_all (gateway->keys)->len);
  vmp_json_add_int (builder, "clients", vmp_doors_count_guests (gateway->doors));
  json_builder_end_object (builder);
}

static void
handle_get (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  vmp_control_build_share (request->gateway, builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

static void
handle_set (VmpControlRequest *request)
{
  JsonObject *body = request->body;
  VmpShare *share = request->gateway->share;
  g_autoptr (JsonBuilder) builder = NULL;
  g_autoptr (GError) error = NULL;
  VmpShareMode mode;
  gboolean enabled = FALSE;

  /* What is there is right, by the table. A switch knows only on and off. */
  vmp_json_get_boolean (body, "enabled", &enabled);
  if (!vmp_share_mode_from_string (vmp_json_get_string (body, "mode"), &mode))
    mode = enabled ? vmp_share_get_last_mode (share) : vmp_share_get_mode (share);

  if (!vmp_share_set (share, mode, enabled, vmp_json_get_string (body, "duration"),
                      vmp_json_get_string (body, "model"), &error))
    {
      vmp_control_invalid (request, "body", NULL, error->message, NULL);
      return;
    }

  builder = json_builder_new_immutable ();
  vmp_control_build_share (request->gateway, builder);
  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

/* -- Who is connected ---------------------------------------------------------------------- */

static void
handle_clients (VmpControlRequest *request)
{
  VmpGateway *gateway = request->gateway;
  g_autoptr (GPtrArray) guests = vmp_doors_list_guests (gateway->doors);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  guint i;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "list");
  json_builder_set_member_name (builder, "data");
  json_builder_begin_array (builder);
  for (i = 0; i < guests->len; i++)
    {
      const VmpGuest *guest = g_ptr_array_index (guests, i);
      const VmpClientKey *key = vmp_client_keys_find (gateway->keys, guest->key);

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "id", guest->id);
      vmp_json_add_string (builder, "client_key", key != NULL ? key->name : NULL);
      vmp_json_add_string (builder, "key_id", guest->key);
      vmp_json_add_string (builder, "address", guest->address);
      vmp_json_add_time (builder, "connected_at", guest->since);
      vmp_json_add_int (builder, "connections", guest->connections);
      vmp_json_add_int (builder, "active_requests", guest->active_requests);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* -- Pause --------------------------------------------------------------------------------- */

static void
handle_pause (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  gboolean paused = FALSE;

  vmp_json_get_boolean (request->body, "paused", &paused);
  vmp_pause_set (request->gateway->pause, paused);

  json_builder_begin_object (builder);
  vmp_json_add_boolean (builder, "paused", paused);
  vmp_json_add_int (builder, "active_requests", vmp_gateway_get_active_requests (request->gateway));
  json_builder_end_object (builder);
  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

/* -- The table ----------------------------------------------------------------------------- */

static const char * const modes[] = { "off", "local", "personal", "family", "business", "event", NULL };

static const VmpField share_fields[] = {
  { "mode", VMP_FIELD_STRING, .nullable = TRUE, .values = modes,
    .about = "off and local: this computer only. The others let those in who have a client key. Where it is not given: "
             "last_mode when enabled, else as it is." },
  { "enabled", VMP_FIELD_BOOLEAN, TRUE },
  { "duration", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_NAME_CHARS,
    .about = "Such as 90s, 30m, 8h, 2d or PT8H; until it is turned off when it is not given." },
  { "model", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = "The only model that is shared; all when it is not given." },
  { NULL }
};

static const VmpField share_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "mode", VMP_FIELD_STRING, TRUE, .values = modes },
  { "last_mode", VMP_FIELD_STRING, TRUE, .values = modes,
    .about = "The one for other computers that was enabled last; personal where none was." },
  { "enabled", VMP_FIELD_BOOLEAN, TRUE },
  { "duration", VMP_FIELD_STRING, TRUE, TRUE },
  { "model", VMP_FIELD_STRING, TRUE, TRUE },
  { "open", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether other computers may connect now." },
  { "ends_at", VMP_FIELD_STRING, TRUE, TRUE },
  { "listeners", VMP_FIELD_STRINGS, TRUE, .about = "Where other computers connect to." },
  { "trouble", VMP_FIELD_STRING, TRUE, TRUE, .about = "Why there is no such address, as a sentence." },
  { "keys", VMP_FIELD_INT, TRUE, .about = "How many client keys there are." },
  { "clients", VMP_FIELD_INT, TRUE,
    .about = "How many other computers are connected, as GET /vampire/v1/clients lists." },
  { NULL }
};

static const VmpField client_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE, .about = "The same as long as it is connected." },
  { "client_key", VMP_FIELD_STRING, TRUE, TRUE, .about = "The name of the key that it uses." },
  { "key_id", VMP_FIELD_STRING, TRUE },
  { "address", VMP_FIELD_STRING, TRUE },
  { "connected_at", VMP_FIELD_STRING, TRUE },
  { "connections", VMP_FIELD_INT, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE },
  { NULL }
};

static const VmpField clients_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = client_fields },
  { NULL }
};

static const VmpField pause_fields[] = {
  { "paused", VMP_FIELD_BOOLEAN, TRUE },
  { NULL }
};

static const VmpField pause_answer[] = {
  { "paused", VMP_FIELD_BOOLEAN, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE, .about = "Requests that go on to their end." },
  { NULL }
};

const VmpEndpoint vmp_control_share_endpoints[] = {
  { "GET", "/vampire/v1/share", handle_get, NULL,
    "Whether other computers may use this gateway.", "getShare", share_answer },
  { "POST", "/vampire/v1/share", handle_set, share_fields,
    "Turns sharing on or off. Off ends what other computers have running, at once.", "setShare", share_answer },
  { "GET", "/vampire/v1/clients", handle_clients, NULL,
    "The other computers that are connected now, each with its key.", "listClients", clients_answer },
  { "POST", "/vampire/v1/pause", handle_pause, pause_fields,
    "Pauses the gateway or resumes it. While it is paused it refuses requests for models; running answers go on to "
    "their end.", "setPause", pause_answer },
  { NULL }
};

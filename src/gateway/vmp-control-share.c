/* SPDX-License-Identifier: MIT
 *
 * The control API's share mode: how it is, and the owner's word for how it is to be.
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
  vmp_json_add_boolean (builder, "enabled", vmp_share_get_enabled (share));
  vmp_json_add_string (builder, "duration", vmp_share_get_duration (share));
  vmp_json_add_string (builder, "model", vmp_share_get_model (share));
  vmp_json_add_boolean (builder, "open", vmp_share_is_open (share));
  vmp_json_add_time (builder, "ends_at", vmp_share_get_ends_at (share));
  vmp_json_add_strings (builder, "listeners", vmp_doors_get_shared_addresses (gateway->doors));
  vmp_json_add_string (builder, "trouble", vmp_doors_get_trouble (gateway->doors));
  vmp_json_add_int (builder, "keys", vmp_client_keys_get_all (gateway->keys)->len);
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
  g_autoptr (JsonBuilder) builder = NULL;
  g_autoptr (GError) error = NULL;
  VmpShareMode mode = VMP_SHARE_OFF;
  gboolean enabled = FALSE;

  /* Both are there and right, by the table. */
  vmp_share_mode_from_string (vmp_json_get_string (body, "mode"), &mode);
  vmp_json_get_boolean (body, "enabled", &enabled);

  if (!vmp_share_set (request->gateway->share, mode, enabled, vmp_json_get_string (body, "duration"),
                      vmp_json_get_string (body, "model"), &error))
    {
      vmp_control_invalid (request, "body", NULL, error->message, NULL);
      return;
    }

  builder = json_builder_new_immutable ();
  vmp_control_build_share (request->gateway, builder);
  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

/* -- The table ----------------------------------------------------------------------------- */

static const char * const modes[] = { "off", "local", "personal", "family", "business", "event", NULL };

static const VmpField share_fields[] = {
  { "mode", VMP_FIELD_STRING, TRUE, .values = modes,
    .about = "off and local: this computer only. The others let those in who have a client key." },
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
  { "enabled", VMP_FIELD_BOOLEAN, TRUE },
  { "duration", VMP_FIELD_STRING, TRUE, TRUE },
  { "model", VMP_FIELD_STRING, TRUE, TRUE },
  { "open", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether other computers may connect now." },
  { "ends_at", VMP_FIELD_STRING, TRUE, TRUE },
  { "listeners", VMP_FIELD_STRINGS, TRUE, .about = "Where other computers connect to." },
  { "trouble", VMP_FIELD_STRING, TRUE, TRUE, .about = "Why there is no such address, as a sentence." },
  { "keys", VMP_FIELD_INT, TRUE, .about = "How many client keys there are." },
  { NULL }
};

const VmpEndpoint vmp_control_share_endpoints[] = {
  { "GET", "/vampire/v1/share", handle_get, NULL,
    "Whether other computers may use this gateway.", "getShare", share_answer },
  { "POST", "/vampire/v1/share", handle_set, share_fields,
    "Turns sharing on or off. Off ends what other computers have running, at once.", "setShare", share_answer },
  { NULL }
};

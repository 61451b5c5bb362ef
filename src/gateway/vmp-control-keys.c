/* SPDX-License-Identifier: MIT
 *
 * The control API's client keys: list, create, revoke. The key itself is in one answer only, that of its creation.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"

static void
build_members (const VmpClientKey *key,
               JsonBuilder        *builder)
{
  vmp_json_add_string (builder, "id", key->id);
  vmp_json_add_string (builder, "name", key->name);
  vmp_json_add_string (builder, "hint", key->hint);
  vmp_json_add_time (builder, "created_at", key->created);
  vmp_json_add_time (builder, "expires_at", key->expires);
  vmp_json_add_time (builder, "last_used_at", key->last_used);
  vmp_json_add_int (builder, "requests", key->requests);
}

static void
build_key (gpointer     item,
           JsonBuilder *builder)
{
  json_builder_begin_object (builder);
  build_members (item, builder);
  json_builder_end_object (builder);
}

static void
handle_list (VmpControlRequest *request)
{
  vmp_control_answer_all (request, vmp_client_keys_get_all (request->gateway->keys), build_key);
}

static void
publish_created (VmpControlRequest  *request,
                 const VmpClientKey *key)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  build_members (key, builder);
  vmp_json_add_string (builder, "state", "created");
  json_builder_end_object (builder);
  vmp_events_add (request->gateway->events, "key", vmp_json_builder_print (builder));
}

static void
handle_create (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = NULL;
  const VmpClientKey *key;

  key = vmp_client_keys_create (request->gateway->keys, vmp_json_get_string (request->body, "name"),
                                vmp_json_get_string (request->body, "duration"), &secret, &error);
  if (key == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    {
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT, error->message, NULL);
      return;
    }
  if (key == NULL)
    {
      vmp_control_invalid (request, "body", NULL, error->message, NULL);
      return;
    }

  builder = json_builder_new_immutable ();
  json_builder_begin_object (builder);
  build_members (key, builder);
  vmp_json_add_string (builder, "key", secret);
  json_builder_end_object (builder);

  publish_created (request, key);
  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

static void
handle_revoke (VmpControlRequest *request)
{
  if (!vmp_client_keys_revoke (request->gateway->keys, request->parameters[0]))
    {
      vmp_control_problem (request, VMP_PROBLEM_KEY_NOT_FOUND, "There is no key with this id.", "key not found");
      return;
    }

  vmp_control_answer_done (request, request->parameters[0], "revoked");
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField create_fields[] = {
  { "name", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_NAME_CHARS, .about = "Whose or what for it is." },
  { "duration", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_NAME_CHARS,
    .about = "Such as 8h or 30d; it does not expire when it is not given." },
  { NULL }
};

#define KEY_FIELDS \
  { "id", VMP_FIELD_STRING, TRUE }, \
  { "name", VMP_FIELD_STRING, TRUE }, \
  { "hint", VMP_FIELD_STRING, TRUE, .about = "Its last characters, to tell keys apart." }, \
  { "created_at", VMP_FIELD_STRING, TRUE }, \
  { "expires_at", VMP_FIELD_STRING, TRUE, TRUE }, \
  { "last_used_at", VMP_FIELD_STRING, TRUE, TRUE, .about = "Since the gateway started." }, \
  { "requests", VMP_FIELD_INT, TRUE, .about = "Since the gateway started." }

static const VmpField key_fields[] = {
  KEY_FIELDS,
  { NULL }
};

static const VmpField created_answer[] = {
  KEY_FIELDS,
  { "key", VMP_FIELD_STRING, TRUE, .about = "The key itself; nobody can read it again." },
  { NULL }
};

static const VmpField list_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = key_fields },
  { NULL }
};

static const VmpField revoked_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "revoked" },
  { NULL }
};

const VmpEndpoint vmp_control_key_endpoints[] = {
  { "GET", "/vampire/v1/keys", handle_list, NULL,
    "The client keys, without the keys themselves.", "listKeys", list_answer },
  { "POST", "/vampire/v1/keys", handle_create, create_fields,
    "Makes a client key. The answer is the only place where it can be read.", "createKey", created_answer },
  { "DELETE", "/vampire/v1/keys/{id}", handle_revoke, NULL,
    "Revokes a key, and ends what runs under it.", "revokeKey", revoked_answer },
  { NULL }
};

/* SPDX-License-Identifier: MIT
 *
 * A node as a document of the store, and back: who it is, what its owner set, what was approved, and when it was
 * seen. Never its token, and nothing that the next probe tells anew. What is missing in a document has its default,
 * so that documents of earlier versions are understood.
 */

#include "nodes/vmp-registry-private.h"

#include "core/vmp-json.h"
#include "core/vmp-limits.h"

#include <string.h>

/* -- Writing ------------------------------------------------------------------------------- */

/* Only what the owner set: the rest is detected. */
static void
add_capabilities (const VmpNode *node,
                  JsonBuilder   *builder)
{
  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_object (builder);
  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    {
      if (node->capability_sources[i] == VMP_FACT_OWNER)
        vmp_json_add_boolean (builder, vmp_capability_to_string (i), node->capabilities[i]);
    }
  json_builder_end_object (builder);
}

char *
vmp_node_to_record (const VmpNode *node,
                    gint64         order)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "base_url", node->base_url->text);
  vmp_json_add_int (builder, "order", order);
  vmp_json_add_boolean (builder, "is_default", node->is_default);

  vmp_json_add_string (builder, "name", node->name);
  vmp_json_add_string (builder, "host", node->host);
  vmp_json_add_string (builder, "agent_base_url", node->agent_base_url);
  vmp_json_add_string (builder, "approval", vmp_approval_to_string (node->approval));
  vmp_json_add_string (builder, "service", vmp_node_service_to_string (node->service));
  vmp_json_add_boolean (builder, "trusted", node->trusted);
  vmp_json_add_strings (builder, "tags", (const char * const *) node->tags);
  vmp_json_add_string (builder, "provider_hint", vmp_provider_to_string (node->provider_hint));
  add_capabilities (node, builder);
  vmp_json_add_int (builder, "queue_depth", node->queue_depth);
  vmp_json_add_double (builder, "tokens_per_second", node->tokens_per_second);

  if (node->addresses != NULL)
    vmp_json_add_strings (builder, "addresses", (const char * const *) node->addresses);
  vmp_json_add_string (builder, "key", node->key);
  vmp_json_add_string (builder, "pending_reason", node->pending_reason);

  vmp_json_add_string (builder, "found_by", node->found_by);
  vmp_json_add_string (builder, "found_at", node->found_at);
  vmp_json_add_int (builder, "first_seen", node->first_seen);
  vmp_json_add_int (builder, "last_seen", node->last_seen);
  vmp_json_add_string (builder, "provider", vmp_provider_to_string (node->provider));
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

/* -- Reading ------------------------------------------------------------------------------- */

static char *
dup_text (JsonObject *object,
          const char *name,
          gsize       max_chars)
{
  return vmp_registry_clean (vmp_json_get_string (object, name), max_chars);
}

/* The strings of an array; NULL when there is no such array. */
static char **
dup_strings (JsonObject *object,
             const char *name)
{
  JsonArray *array = vmp_json_get_array (object, name);
  g_autoptr (GStrvBuilder) strings = NULL;

  if (array == NULL)
    return NULL;

  strings = g_strv_builder_new ();
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);

      if (json_node_get_value_type (element) == G_TYPE_STRING)
        g_strv_builder_add (strings, json_node_get_string (element));
    }

  return g_strv_builder_end (strings);
}

/* What approval was bound to must be understood whole: read only in part, the node would be bound to nothing. */
static gboolean
read_approval (VmpNode    *node,
               JsonObject *object)
{
  const char *approval = vmp_json_get_string (object, "approval");
  const char *service = vmp_json_get_string (object, "service");
  guint i;

  for (i = 0; i < VMP_N_APPROVALS; i++)
    {
      if (g_strcmp0 (approval, vmp_approval_to_string (i)) == 0)
        break;
    }
  if (i == VMP_N_APPROVALS)
    return FALSE;
  node->approval = i;

  if (service == NULL || !vmp_node_service_from_string (service, &node->service))
    return FALSE;

  if (json_object_has_member (object, "addresses"))
    {
      node->addresses = dup_strings (object, "addresses");
      if (node->addresses == NULL || node->addresses[0] == NULL)
        return FALSE;
    }
  if (json_object_has_member (object, "key") && !json_object_get_null_member (object, "key"))
    {
      node->key = g_strdup (vmp_json_get_string (object, "key"));
      if (node->key == NULL || !g_str_has_prefix (node->key, "sha256//"))
        return FALSE;
    }
  node->pending_reason = dup_text (object, "pending_reason", VMP_LIMIT_NODE_TEXT_CHARS);

  return TRUE;
}

static void
read_owner_fields (VmpNode    *node,
                   JsonObject *object)
{
  JsonObject *capabilities = vmp_json_get_object (object, "capabilities");
  const char *hint = vmp_json_get_string (object, "provider_hint");
  g_auto (GStrv) tags = dup_strings (object, "tags");
  gint64 queue_depth = 0;

  node->name = dup_text (object, "name", VMP_LIMIT_NAME_CHARS);
  node->host = dup_text (object, "host", VMP_LIMIT_NAME_CHARS);
  node->agent_base_url = dup_text (object, "agent_base_url", VMP_LIMIT_NODE_TEXT_CHARS);
  vmp_json_get_boolean (object, "trusted", &node->trusted);
  if (tags != NULL)
    {
      g_strfreev (node->tags);
      node->tags = g_steal_pointer (&tags);
      vmp_node_read_tags (node);
    }
  if (hint != NULL)
    vmp_provider_from_string (hint, &node->provider_hint);

  for (guint i = 0; capabilities != NULL && i < VMP_N_CAPABILITIES; i++)
    {
      if (vmp_json_get_boolean (capabilities, vmp_capability_to_string (i), &node->capabilities[i]))
        node->capability_sources[i] = VMP_FACT_OWNER;
    }

  if (vmp_json_get_int (object, "queue_depth", &queue_depth))
    node->queue_depth = CLAMP (queue_depth, 0, G_MAXUINT);
  vmp_json_get_double (object, "tokens_per_second", &node->tokens_per_second);
}

static VmpNode *
read_node (const char *id,
           JsonObject *object,
           gint64     *order)
{
  const char *text = vmp_json_get_string (object, "base_url");
  const char *provider = vmp_json_get_string (object, "provider");
  VmpBaseUrl *base_url = text != NULL ? vmp_base_url_parse (text, NULL) : NULL;
  g_autoptr (VmpNode) node = NULL;

  if (base_url == NULL)
    return NULL;

  node = vmp_node_new (id, base_url);
  if (!read_approval (node, object))
    return NULL;
  read_owner_fields (node, object);

  vmp_json_get_boolean (object, "is_default", &node->is_default);
  if (!vmp_json_get_int (object, "order", order) || *order > VMP_MAX_ORDER || *order < -VMP_MAX_ORDER)
    *order = VMP_NO_ORDER;
  node->found_by = dup_text (object, "found_by", VMP_LIMIT_NAME_CHARS);
  node->found_at = dup_text (object, "found_at", VMP_LIMIT_NODE_TEXT_CHARS);
  vmp_json_get_int (object, "first_seen", &node->first_seen);
  vmp_json_get_int (object, "last_seen", &node->last_seen);
  if (provider != NULL)
    vmp_provider_from_string (provider, &node->provider);

  return g_steal_pointer (&node);
}

VmpNode *
vmp_node_from_record (const char *id,
                      const char *document,
                      gint64     *order,
                      GError    **error)
{
  g_autoptr (JsonNode) root = vmp_json_parse (document, strlen (document), error);
  VmpNode *node;

  *order = VMP_NO_ORDER;
  if (root == NULL)
    return NULL;

  node = JSON_NODE_HOLDS_OBJECT (root) && vmp_node_check_id (id) == NULL
         ? read_node (id, json_node_get_object (root), order)
         : NULL;
  if (node == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "is no description of a node");

  return node;
}

/* SPDX-License-Identifier: MIT
 *
 * See nodes-fixture.h.
 */

#include "nodes-fixture.h"

#include <string.h>

#include "core/vmp-json.h"

#define NODES "GET /vampire/v1/nodes"

static const char usual[] =
  "\"name\": null, \"host\": null, \"base_url\": \"http://192.168.1.50:1234\", \"provider\": \"lmstudio\", "
  "\"status\": \"online\", \"health\": \"online\", \"trusted\": false, \"tags\": [], \"active_requests\": 0, "
  "\"request_count\": 0, \"error_count\": 0, \"latency_ms\": 3.5, \"last_error\": null, \"approval\": \"pending\", "
  "\"pending_reason\": null, \"is_default\": false, \"token\": {\"state\": \"not_needed\"}, "
  "\"breaker\": {\"state\": \"closed\", \"failures\": 0, \"retry_in_seconds\": null}, "
  "\"found\": {\"by\": \"mdns\", \"at\": \"eth0\", \"first_seen\": \"2026-01-01T10:00:00Z\", \"last_seen\": null}, "
  "\"key_fingerprint\": null, \"seen_address\": \"192.168.1.50\", \"seen_key\": null, \"models_count\": 2, "
  "\"drained\": false, \"last_checked_at\": \"2026-01-01T10:00:00Z\"";

/* -- What the gateway has ------------------------------------------------------------------ */

static char *
print_object (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);

  return vmp_json_print (node);
}

static void
answer_nodes (NodesFixture *self)
{
  g_autoptr (GString) list = g_string_new ("{\"object\":\"list\",\"data\":[");
  guint i;

  for (i = 0; i < self->order->len; i++)
    {
      const char *id = g_ptr_array_index (self->order, i);
      g_autofree char *text = print_object (g_hash_table_lookup (self->nodes, id));

      g_string_append_printf (list, "%s%s", i > 0 ? "," : "", text);
      nodes_fixture_answer (self, "GET", id, "", 200, text);
    }
  g_string_append (list, "]}");
  fake_gateway_answer (self->windows.gateway, NODES, 200, list->str);
}

static void
take_members (JsonObject *object,
              const char *members)
{
  g_autofree char *text = g_strdup_printf ("{%s}", members);
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  g_assert_nonnull (node);
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &value))
    json_object_set_member (object, name, json_node_copy (value));
}

/* Ends when the mirror has it. */
static void
tell (NodesFixture *self,
      const char   *id,
      const char   *change)
{
  VmpItemList *list = vmp_mirror_get_list (self->windows.mirror, VMP_TOPIC_NODES);
  JsonObject *node = g_hash_table_lookup (self->nodes, id);
  JsonNode *models = json_object_dup_member (node, "models");
  g_autofree char *data = NULL;

  /* An event has no models, and its change is no member of the node. */
  if (models != NULL)
    json_object_remove_member (node, "models");
  json_object_set_string_member (node, "change", change);
  data = print_object (node);
  json_object_remove_member (node, "change");
  fake_gateway_send_event (self->windows.gateway, "node", data);
  await (vmp_item_list_find (list, id) != NULL &&
         json_object_equal (vmp_item_get_document (vmp_item_list_find (list, id)), node));
  if (models != NULL)
    json_object_set_member (node, "models", models);
}

void
nodes_fixture_add (NodesFixture *self,
                   const char   *id,
                   const char   *more)
{
  JsonObject *node = json_object_new ();

  json_object_set_string_member (node, "id", id);
  take_members (node, usual);
  take_members (node, more);
  g_hash_table_insert (self->nodes, g_strdup (id), node);
  g_ptr_array_add (self->order, g_strdup (id));
  answer_nodes (self);
  tell (self, id, "added");
}

void
nodes_fixture_change_silently (NodesFixture *self,
                               const char   *id,
                               const char   *more)
{
  take_members (g_hash_table_lookup (self->nodes, id), more);
  answer_nodes (self);
}

void
nodes_fixture_change (NodesFixture *self,
                      const char   *id,
                      const char   *more)
{
  nodes_fixture_change_silently (self, id, more);
  tell (self, id, "changed");
}

void
nodes_fixture_remove (NodesFixture *self,
                      const char   *id)
{
  g_autofree char *data = g_strdup_printf ("{\"id\": \"%s\", \"change\": \"removed\"}", id);
  guint i;

  for (i = 0; i < self->order->len && !g_str_equal (g_ptr_array_index (self->order, i), id); i++)
    continue;
  nodes_fixture_answer (self, "GET", id, "", 404, "{\"error\":{\"message\":\"No such node.\"}}");
  fake_gateway_send_event (self->windows.gateway, "node", data);
  await (vmp_item_list_find (vmp_mirror_get_list (self->windows.mirror, VMP_TOPIC_NODES), id) == NULL);
  g_hash_table_remove (self->nodes, id);
  g_ptr_array_remove_index (self->order, i);
  answer_nodes (self);
}

static char *
make_request (const char *method,
              const char *id,
              const char *rest)
{
  return g_strdup_printf ("%s /vampire/v1/nodes%s%s%s", method, *id != '\0' ? "/" : "", id, rest);
}

void
nodes_fixture_answer (NodesFixture *self,
                      const char   *method,
                      const char   *id,
                      const char   *rest,
                      guint         status,
                      const char   *body)
{
  g_autofree char *request = make_request (method, id, rest);

  fake_gateway_answer (self->windows.gateway, request, status, body);
}

guint
nodes_fixture_count (NodesFixture *self,
                     const char   *method,
                     const char   *id,
                     const char   *rest)
{
  g_autofree char *request = make_request (method, id, rest);

  return fake_gateway_count (self->windows.gateway, request);
}

const char *
nodes_fixture_get_body (NodesFixture *self,
                        const char   *method,
                        const char   *id,
                        const char   *rest)
{
  g_autofree char *request = make_request (method, id, rest);
  const char *text = fake_gateway_get_request (self->windows.gateway, request);
  const char *body = text != NULL ? strstr (text, "\r\n\r\n") : NULL;

  return body != NULL ? body + strlen ("\r\n\r\n") : NULL;
}

/* -- Life ---------------------------------------------------------------------------------- */

void
nodes_fixture_set_up (NodesFixture *self,
                      gconstpointer data)
{
  windows_fixture_set_up (&self->windows, data);
  self->nodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) json_object_unref);
  self->order = g_ptr_array_new_with_free_func (g_free);
  answer_nodes (self);
  windows_fixture_connect (&self->windows);
}

void
nodes_fixture_tear_down (NodesFixture *self,
                         gconstpointer data)
{
  windows_fixture_tear_down (&self->windows, data);
  g_ptr_array_unref (self->order);
  g_hash_table_unref (self->nodes);
}

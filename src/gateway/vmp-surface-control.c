/* SPDX-License-Identifier: MIT
 *
 * Implementation of the control surface.
 */

#include "gateway/vmp-surface-control.h"

#include "core/vmp-problem.h"
#include "gateway/vmp-lent-stream.h"
#include "vmp-config.h"

#include <json-glib/json-glib.h>

struct _VmpSurfaceControl {
  VmpGateway *gateway;
  SoupServer *server;
};

static void
set_json (SoupServerMessage *message,
          guint              status,
          char              *json)
{
  soup_server_message_set_status (message, status, NULL);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Cache-Control", "no-store");
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_TAKE, json, strlen (json));
}

static void
set_problem (SoupServerMessage *message,
             VmpProblem         problem,
             const char        *text)
{
  set_json (message, vmp_problem_status (problem), vmp_problem_to_json (problem, text, TRUE));
}

/* FALSE, with the answer given, for methods other than GET and HEAD. */
static gboolean
check_read_only (SoupServerMessage *message)
{
  const char *method = soup_server_message_get_method (message);

  if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD)
    return TRUE;

  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow", "GET, HEAD");
  set_problem (message, VMP_PROBLEM_METHOD_NOT_ALLOWED, "This address can only be read, with GET.");
  return FALSE;
}

static void
add_member_string (JsonBuilder *builder,
                   const char  *name,
                   const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_member_int (JsonBuilder *builder,
                const char  *name,
                gint64       value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static char *
builder_to_json (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);

  return json_to_string (root, FALSE);
}

static void
handle_status (VmpSurfaceControl *self,
               SoupServerMessage *message)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  const char * const *listeners = vmp_gateway_get_listeners (self->gateway);
  VmpNode *node = vmp_gateway_get_default_node (self->gateway);
  guint i;

  json_builder_begin_object (builder);
  add_member_string (builder, "object", "vampire.status");
  add_member_string (builder, "version", VMP_VERSION);
  add_member_int (builder, "nodes_total", 1);
  add_member_int (builder, "nodes_online", vmp_node_get_status (node) == VMP_NODE_ONLINE ? 1 : 0);
  add_member_string (builder, "instance", vmp_gateway_get_instance (self->gateway));
  add_member_int (builder, "uptime_seconds", vmp_gateway_get_uptime_seconds (self->gateway));
  json_builder_set_member_name (builder, "listeners");
  json_builder_begin_array (builder);
  for (i = 0; listeners[i] != NULL; i++)
    json_builder_add_string_value (builder, listeners[i]);
  json_builder_end_array (builder);
  add_member_int (builder, "active_requests", vmp_gateway_get_active_requests (self->gateway));
  json_builder_set_member_name (builder, "demo");
  json_builder_add_boolean_value (builder, vmp_gateway_is_demo (self->gateway));
  json_builder_end_object (builder);

  set_json (message, SOUP_STATUS_OK, builder_to_json (builder));
}

static void
handle_health (VmpSurfaceControl *self,
               SoupServerMessage *message)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  VmpNode *node = vmp_gateway_get_default_node (self->gateway);

  json_builder_begin_object (builder);
  add_member_string (builder, "status", "ok");
  add_member_string (builder, "version", VMP_VERSION);
  add_member_string (builder, "default_node", vmp_node_status_to_string (vmp_node_get_status (node)));
  json_builder_end_object (builder);

  set_json (message, SOUP_STATUS_OK, builder_to_json (builder));
}

static void
handle_welcome (VmpSurfaceControl *self,
                SoupServerMessage *message)
{
  g_autofree char *url = vmp_gateway_dup_url (self->gateway);
  char *text = g_strdup_printf ("Vampire %s is running.\n\nPoint any OpenAI client at %s/v1\n"
                                "What it says about itself: %s/vampire/v1/status\n", VMP_VERSION, url, url);

  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (message, "text/plain; charset=utf-8", SOUP_MEMORY_TAKE, text, strlen (text));
}

static const struct {
  const char *path;
  void (*handle) (VmpSurfaceControl *self,
                  SoupServerMessage *message);
} pages[] = {
  { "/vampire/v1/status", handle_status },
  { "/health", handle_health },
  { "/", handle_welcome },
};

static void
request_cb (SoupServer        *server,
            SoupServerMessage *message,
            const char        *path,
            GHashTable        *query,
            gpointer           user_data)
{
  VmpSurfaceControl *self = user_data;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (pages); i++)
    {
      if (!g_str_equal (path, pages[i].path))
        continue;
      if (check_read_only (message))
        pages[i].handle (self, message);
      return;
    }

  set_problem (message, VMP_PROBLEM_NOT_FOUND,
               "There is nothing at this address. OpenAI clients use /v1; Vampire's own API is under /vampire/v1.");
}

VmpSurfaceControl *
vmp_surface_control_new (VmpGateway *gateway)
{
  VmpSurfaceControl *self = g_new0 (VmpSurfaceControl, 1);

  self->gateway = gateway;
  self->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (self->server, NULL, request_cb, self, NULL);

  return self;
}

void
vmp_surface_control_free (VmpSurfaceControl *self)
{
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  g_free (self);
}

void
vmp_surface_control_answer (VmpSurfaceControl *self,
                            VmpConnection     *connection,
                            const VmpRequest  *request)
{
  vmp_lent_stream_lend (self->server, connection, request);
}

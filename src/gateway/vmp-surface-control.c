/* SPDX-License-Identifier: MIT
 *
 * Implementation of the control surface: finds a request's endpoint, reads its body, and sees to it that each request
 * is answered at most once, also when its client leaves before that. What the endpoints do is in vmp-control-*.c.
 */

#include "gateway/vmp-surface-control.h"

#include "gateway/vmp-control.h"
#include "gateway/vmp-lent-stream.h"

#include <string.h>

#define BAD_ADDRESS \
  "The address cannot be read: after each % there must be two hexadecimal digits, and its path must be UTF-8 without " \
  "the parts . and .. in it."

struct _VmpSurfaceControl {
  VmpGateway *gateway;
  SoupServer *server;
  GHashTable *waiting; /* set of VmpControlRequest */
};

const VmpEndpoint * const vmp_control_tables[] = {
  vmp_control_report_endpoints,
  vmp_control_node_endpoints,
  vmp_control_discover_endpoints,
  vmp_control_route_endpoints,
  vmp_control_share_endpoints,
  vmp_control_key_endpoints,
  vmp_control_doctor_endpoints,
  vmp_control_metric_endpoints,
  vmp_control_trace_endpoints,
  vmp_control_load_endpoints,
  vmp_control_setting_endpoints,
  vmp_control_openapi_endpoints,
  NULL
};

/* -- One request --------------------------------------------------------------------------- */

static void request_left_cb (SoupServerMessage *message,
                             gpointer           user_data);

static void
request_free (VmpControlRequest *request)
{
  guint i;

  g_hash_table_remove (request->surface->waiting, request);
  g_signal_handlers_disconnect_by_data (request->message, request);
  g_object_unref (request->message);
  g_clear_pointer (&request->query, g_hash_table_unref);
  g_clear_pointer (&request->body_node, json_node_unref);
  g_clear_pointer (&request->node, vmp_node_unref);
  g_clear_pointer (&request->host, vmp_host_unref);
  g_clear_pointer (&request->list, g_source_unref);
  g_clear_object (&request->cancellable);
  for (i = 0; i < VMP_CONTROL_PARAMETERS; i++)
    g_free (request->parameters[i]);
  g_free (request->stored_answer);
  g_free (request);
}

/* Nobody is there to be answered any more. */
static void
request_stop (VmpControlRequest *request)
{
  request->stop (request);
  request_free (request);
}

static void
request_left_cb (SoupServerMessage *message,
                 gpointer           user_data)
{
  request_stop (user_data);
}

void
vmp_control_wait_for (VmpControlRequest *request,
                      VmpControlStop     stop)
{
  request->stop = stop;
  if (request->waiting)
    return;

  request->waiting = TRUE;
  g_hash_table_add (request->surface->waiting, request);
}

/* The handler has returned: the request is over, or it waits. */
static void
request_settle (VmpControlRequest *request)
{
  request->in_handler = FALSE;
  if (request->answered || !request->waiting)
    {
      request_free (request);
      return;
    }

  soup_server_message_pause (request->message);
  g_signal_connect (request->message, "finished", G_CALLBACK (request_left_cb), request);
  g_signal_connect (request->message, "disconnected", G_CALLBACK (request_left_cb), request);
}

static void
set_json (SoupServerMessage *message,
          guint              status,
          char              *json)
{
  soup_server_message_set_status (message, status, NULL);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Cache-Control", "no-store");
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_TAKE, json, strlen (json));
}

void
vmp_control_answer (VmpControlRequest *request,
                    guint              status,
                    char              *json)
{
  g_return_if_fail (!request->answered);

  request->answered = TRUE;
  set_json (request->message, status, json);
  if (request->in_handler)
    return;

  soup_server_message_unpause (request->message);
  request_free (request);
}

void
vmp_control_answer_built (VmpControlRequest *request,
                          guint              status,
                          JsonBuilder       *builder)
{
  vmp_control_answer (request, status, vmp_json_builder_print (builder));
}

static void
answer_problem (VmpControlRequest *request,
                VmpProblem         problem,
                const char        *message,
                JsonNode          *detail)
{
  vmp_control_answer (request, vmp_problem_status (problem),
                      vmp_problem_to_json_with_detail (problem, message, detail));
}

void
vmp_control_problem (VmpControlRequest *request,
                     VmpProblem         problem,
                     const char        *message,
                     const char        *detail)
{
  answer_problem (request, problem, message,
                  json_node_init_string (json_node_alloc (), detail != NULL ? detail : message));
}

void
vmp_control_invalid (VmpControlRequest *request,
                     const char        *place,
                     const char        *field,
                     const char        *message,
                     const char        *detail)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_array (builder);
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "type", "value_error");
  json_builder_set_member_name (builder, "loc");
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, place);
  if (field != NULL)
    json_builder_add_string_value (builder, field);
  json_builder_end_array (builder);
  vmp_json_add_string (builder, "msg", detail != NULL ? detail : message);
  json_builder_end_object (builder);
  json_builder_end_array (builder);

  answer_problem (request, VMP_PROBLEM_INVALID_FIELD, message, json_builder_get_root (builder));
}

/* -- Answers that wait for the disk -------------------------------------------------------- */

static void
stored_cb (gpointer      user_data,
           const GError *error)
{
  VmpControlRequest *request = user_data;

  if (error != NULL)
    vmp_control_problem (request, VMP_PROBLEM_NOT_STORED, error->message, NULL);
  else
    vmp_control_answer (request, request->stored_status, g_steal_pointer (&request->stored_answer));
}

static void
stop_storing (VmpControlRequest *request)
{
  vmp_store_forget_caller (request->gateway->store, request);
}

void
vmp_control_answer_stored (VmpControlRequest *request,
                           guint              status,
                           char              *json)
{
  request->stored_status = status;
  request->stored_answer = json;
  vmp_control_wait_for (request, stop_storing);
  vmp_registry_when_stored (request->gateway->registry, stored_cb, request);
}

void
vmp_control_answer_done (VmpControlRequest *request,
                         const char        *id,
                         const char        *status)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", id);
  vmp_json_add_string (builder, "status", status);
  json_builder_end_object (builder);

  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

void
vmp_control_for_each_waiting (VmpGateway    *gateway,
                              VmpControlFunc func,
                              gpointer       user_data)
{
  VmpSurfaceControl *self = gateway->control;
  g_autofree gpointer *requests = NULL;
  guint n;
  guint i;

  requests = g_hash_table_get_keys_as_array (self->waiting, &n);
  for (i = 0; i < n; i++)
    {
      if (g_hash_table_contains (self->waiting, requests[i]))
        func (requests[i], user_data);
    }
}

/* -- Finding the endpoint ------------------------------------------------------------------ */

char **
vmp_control_split_path (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  guint i;

  for (i = 0; parts[i] != NULL; i++)
    {
      char *decoded = g_uri_unescape_string (parts[i], NULL);

      if (decoded == NULL)
        return NULL;
      g_free (parts[i]);
      parts[i] = decoded;
      if (!g_utf8_validate (decoded, -1, NULL))
        return NULL;
    }

  return g_steal_pointer (&parts);
}

gboolean
vmp_control_match (const char         *template,
                   const char * const *parts,
                   const char        **parameters)
{
  guint n_parameters = 0;

  for (; *parts != NULL; parts++)
    {
      gsize len = strcspn (template, "/");

      if (*template == '{')
        {
          if (**parts == '\0')
            return FALSE;
          g_assert (n_parameters < VMP_CONTROL_PARAMETERS);
          parameters[n_parameters++] = *parts;
        }
      else if (strlen (*parts) != len || memcmp (*parts, template, len) != 0)
        {
          return FALSE;
        }

      template += len;
      if (*template == '\0')
        return parts[1] == NULL;
      template++;
    }

  return FALSE;
}

/* The endpoint of a method and a path; else NULL, and @allow gets the methods that the path has. */
static const VmpEndpoint *
find_endpoint (const char         *method,
               const char * const *parts,
               const char        **parameters,
               GString            *allow)
{
  const VmpEndpoint * const *table;
  const VmpEndpoint *endpoint;

  if (method == SOUP_METHOD_HEAD)
    method = SOUP_METHOD_GET;

  for (table = vmp_control_tables; *table != NULL; table++)
    {
      for (endpoint = *table; endpoint->method != NULL; endpoint++)
        {
          if (!vmp_control_match (endpoint->path, parts, parameters))
            continue;
          if (g_str_equal (endpoint->method, method))
            return endpoint;
          g_string_append_printf (allow, "%s%s", allow->len > 0 ? ", " : "", endpoint->method);
          if (g_str_equal (endpoint->method, "GET"))
            g_string_append (allow, ", HEAD");
        }
    }

  return NULL;
}

/* -- Requests ------------------------------------------------------------------------------ */

/* FALSE, having answered, when the body is not what the endpoint takes. */
static gboolean
read_body (VmpControlRequest *request)
{
  g_autoptr (GBytes) bytes = soup_message_body_flatten (soup_server_message_get_request_body (request->message));
  VmpDocumentFault fault = { 0 };
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);

  request->body_node = vmp_document_read (text, len, request->endpoint->fields, &fault);
  if (request->body_node == NULL)
    {
      answer_problem (request, fault.problem, fault.message, g_steal_pointer (&fault.detail));
      vmp_document_fault_clear (&fault);
      return FALSE;
    }
  request->body = json_node_get_object (request->body_node);

  return TRUE;
}

static void
refuse (SoupServerMessage *message,
        VmpProblem         problem,
        const char        *text)
{
  set_json (message, vmp_problem_status (problem), vmp_problem_to_json (problem, text, TRUE));
}

static void
refuse_method (SoupServerMessage *message,
               const char        *allow)
{
  g_autofree char *text = g_strdup_printf ("This address does not take %s; it takes %s.",
                                           soup_server_message_get_method (message), allow);

  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow", allow);
  refuse (message, VMP_PROBLEM_METHOD_NOT_ALLOWED, text);
}

static void
request_cb (SoupServer        *server,
            SoupServerMessage *message,
            const char        *path,
            GHashTable        *query,
            gpointer           user_data)
{
  VmpSurfaceControl *self = user_data;
  g_auto (GStrv) parts = vmp_control_split_path (path);
  g_autoptr (GString) allow = g_string_new (NULL);
  const char *parameters[VMP_CONTROL_PARAMETERS] = { NULL };
  const VmpEndpoint *endpoint;
  VmpControlRequest *request;
  guint i;

  if (parts == NULL)
    {
      refuse (message, VMP_PROBLEM_BAD_HTTP, BAD_ADDRESS);
      return;
    }

  endpoint = find_endpoint (soup_server_message_get_method (message), (const char * const *) parts, parameters, allow);
  if (endpoint == NULL && allow->len > 0)
    {
      refuse_method (message, allow->str);
      return;
    }
  if (endpoint == NULL)
    {
      refuse (message, VMP_PROBLEM_NOT_FOUND,
              "There is nothing at this address. OpenAI clients use /v1; Vampire's own API is under /vampire/v1.");
      return;
    }

  request = g_new0 (VmpControlRequest, 1);
  request->surface = self;
  request->gateway = self->gateway;
  request->message = g_object_ref (message);
  request->endpoint = endpoint;
  request->query = query != NULL ? g_hash_table_ref (query) : NULL;
  request->in_handler = TRUE;
  for (i = 0; i < VMP_CONTROL_PARAMETERS; i++)
    request->parameters[i] = g_strdup (parameters[i]);

  if (endpoint->fields == NULL || read_body (request))
    endpoint->handle (request);
  request_settle (request);
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpSurfaceControl *
vmp_surface_control_new (VmpGateway *gateway)
{
  VmpSurfaceControl *self = g_new0 (VmpSurfaceControl, 1);

  self->gateway = gateway;
  self->waiting = g_hash_table_new (NULL, NULL);
  self->server = g_object_new (SOUP_TYPE_SERVER, "raw-paths", TRUE, NULL);
  soup_server_add_handler (self->server, NULL, request_cb, self, NULL);

  return self;
}

void
vmp_surface_control_free (VmpSurfaceControl *self)
{
  g_autofree gpointer *requests = NULL;
  guint n;
  guint i;

  soup_server_disconnect (self->server);
  requests = g_hash_table_get_keys_as_array (self->waiting, &n);
  for (i = 0; i < n; i++)
    request_stop (requests[i]);

  g_hash_table_unref (self->waiting);
  g_object_unref (self->server);
  g_free (self);
}

/* libsoup refuses addresses that are not percent-encoded well, but gives no reason. */
static gboolean
is_well_encoded (VmpSlice target)
{
  gsize i;

  for (i = 0; i < target.len; i++)
    {
      if (target.data[i] == '%'
          && (target.len - i < 3 || !g_ascii_isxdigit (target.data[i + 1]) || !g_ascii_isxdigit (target.data[i + 2])))
        return FALSE;
    }

  return TRUE;
}

/* libsoup resolves "." and "..", and what it then finds is not the path by which the request was let in. */
static gboolean
has_dot_parts (VmpSlice path)
{
  const char *end = path.data + path.len;
  const char *part = path.data;

  while (part < end)
    {
      const char *slash = memchr (part, '/', (gsize) (end - part));
      VmpSlice text = { part, (gsize) ((slash != NULL ? slash : end) - part) };

      if (vmp_slice_equal (text, ".") || vmp_slice_equal (text, ".."))
        return TRUE;
      part += text.len + 1;
    }

  return FALSE;
}

static void
refuse_address (VmpConnection *connection)
{
  static const VmpHttpField type = { VMP_SLICE_INIT ("Content-Type"), VMP_SLICE_INIT ("application/json") };
  g_autofree char *json = vmp_problem_to_json (VMP_PROBLEM_BAD_HTTP, BAD_ADDRESS, TRUE);

  vmp_connection_head (connection, vmp_problem_status (VMP_PROBLEM_BAD_HTTP),
                       vmp_slice (vmp_problem_reason (VMP_PROBLEM_BAD_HTTP)), &type, 1, strlen (json));
  vmp_connection_body (connection, json, strlen (json));
  vmp_connection_end (connection);
}

void
vmp_surface_control_answer (VmpSurfaceControl *self,
                            VmpConnection     *connection,
                            const VmpRequest  *request)
{
  if (!is_well_encoded (request->head.target) || has_dot_parts (request->head.path))
    {
      refuse_address (connection);
      return;
    }

  vmp_lent_stream_lend (self->server, connection, request);
}

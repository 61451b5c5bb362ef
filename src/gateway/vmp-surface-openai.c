/* SPDX-License-Identifier: MIT
 *
 * Implementation of the OpenAI surface.
 */

#include "gateway/vmp-surface-openai.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "core/vmp-volatile.h"
#include "gateway/vmp-call-options.h"
#include "gateway/vmp-surface-models.h"
#include "relay/vmp-exchange.h"
#include "routing/vmp-virtual.h"

#include <string.h>

#define RESPONSES "/v1/responses"

/* A request of this surface: the call, and the exchange that answers it on the connection. */
typedef struct {
  VmpGateway *gateway;
  VmpConnection *connection;
  VmpExchange *exchange;
  VmpCall call;
  VmpCallOptions options;
  VmpJsonScan scan;
  char *model;           /* as the client named it; NULL: none */
  char *session;
  char *owner_id;
  char *client;
  char *body;            /* what goes up in the place of the client's; NULL: that as it is */
} Answer;

static void
answer_free (Answer *self)
{
  vmp_call_options_clear (&self->options);
  g_free (self->model);
  g_free (self->session);
  g_free (self->owner_id);
  g_free (self->client);
  g_free (self->body);
  g_free (self);
}

/* -- Followers ----------------------------------------------------------------------------- */

/* Tells those who follow the gateway's events; at thousands of requests a second it is only done when somebody
 * does. */
static void
tell_followers (Answer     *self,
                const char *state,
                const char *outcome)
{
  g_autoptr (JsonBuilder) builder = NULL;
  g_autofree char *model = NULL;

  if (!vmp_events_has_readers (self->gateway->events))
    return;

  /* Clients may name anything, of any length. */
  if (self->model != NULL)
    model = vmp_text_display (self->model, VMP_LIMIT_MODEL_ID_CHARS);
  builder = json_builder_new_immutable ();
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", self->call.id);
  vmp_json_add_string (builder, "state", state);
  vmp_json_add_string (builder, "model", model);
  vmp_json_add_string (builder, "node", vmp_connection_get_node (self->connection));
  vmp_json_add_string (builder, "client_key", self->call.client_key);
  vmp_json_add_string (builder, "outcome", outcome);
  vmp_json_add_int (builder, "duration_ms", (g_get_monotonic_time () - self->call.started) / 1000);
  vmp_json_add_int (builder, "active_requests", vmp_gateway_get_active_requests (self->gateway));
  json_builder_end_object (builder);
  vmp_events_add (self->gateway->events, "request", vmp_json_builder_print (builder));
}

/* -- The sink ------------------------------------------------------------------------------ */

static void
sink_asks (gpointer       sink,
           const VmpNode *node)
{
  Answer *answer = sink;

  vmp_connection_set_node (answer->connection, node->id);
  tell_followers (answer, "started", NULL);
}

static void
sink_head (gpointer            sink,
           guint               status,
           VmpSlice            reason,
           const VmpHttpField *fields,
           guint               n_fields,
           gint64              length)
{
  Answer *answer = sink;

  vmp_connection_head (answer->connection, status, reason, fields, n_fields, length);
}

static void
sink_problem (gpointer            sink,
              VmpProblem          problem,
              const char         *message,
              const VmpHttpField *fields,
              guint               n_fields)
{
  Answer *answer = sink;

  vmp_connection_begin_problem (answer->connection, problem, message, fields, n_fields);
}

static void
sink_body (gpointer    sink,
           const char *data,
           gsize       len)
{
  Answer *answer = sink;

  vmp_connection_body (answer->connection, data, len);
}

static gboolean
sink_has_room (gpointer sink)
{
  Answer *answer = sink;

  return vmp_connection_has_room (answer->connection);
}

static void
finish (Answer    *self,
        VmpOutcome outcome)
{
  vmp_connection_set_outcome (self->connection, vmp_outcome_to_string (outcome));
  tell_followers (self, "ended", vmp_outcome_to_string (outcome));
}

static void
sink_end (gpointer   sink,
          VmpOutcome outcome)
{
  Answer *answer = sink;
  VmpConnection *connection = answer->connection;

  finish (answer, outcome);
  answer_free (answer);
  vmp_connection_end (connection);
}

static void
sink_tear (gpointer   sink,
           VmpOutcome outcome)
{
  Answer *answer = sink;
  VmpConnection *connection = answer->connection;

  finish (answer, outcome);
  answer_free (answer);
  vmp_connection_tear (connection);
}

static const VmpReplySink sink_funcs = {
  .asks = sink_asks,
  .head = sink_head,
  .problem = sink_problem,
  .body = sink_body,
  .has_room = sink_has_room,
  .end = sink_end,
  .tear = sink_tear,
};

/* -- The answerer -------------------------------------------------------------------------- */

static void
answerer_drained (gpointer user_data)
{
  Answer *self = user_data;

  if (self->exchange != NULL)
    vmp_exchange_drained (self->exchange);
}

static void
answerer_gone (gpointer user_data)
{
  Answer *self = user_data;

  vmp_exchange_client_gone (self->exchange);
  tell_followers (self, "ended", vmp_outcome_to_string (VMP_OUTCOME_CLIENT_GONE));
  answer_free (self);
}

static const VmpAnswererFuncs answerer_funcs = {
  .drained = answerer_drained,
  .gone = answerer_gone,
};

/* -- The call ------------------------------------------------------------------------------ */

static gboolean
path_ends_with (VmpSlice    path,
                const char *end)
{
  gsize len = strlen (end);

  return path.len >= len && memcmp (path.data + path.len - len, end, len) == 0;
}

/* Takes a span out of the body. FALSE: what is left cannot be read. */
static gboolean
cut (Answer *self,
     VmpSpan span)
{
  gsize rest = self->call.body_len - span.end;
  char *body = g_malloc (span.start + rest + 1);

  memcpy (body, self->call.body, span.start);
  memcpy (body + span.start, self->call.body + span.end, rest);
  body[span.start + rest] = '\0';

  g_free (self->body);
  self->body = body;
  self->call.body = body;
  self->call.body_len = span.start + rest;

  return vmp_json_scan (body, self->call.body_len, &self->scan);
}

static char *
dup_member (Answer   *self,
            VmpMember member)
{
  return vmp_json_scan_dup_string (self->call.body, &self->scan.members[member]);
}

static gboolean
is_virtual (Answer *self)
{
  return self->model != NULL
         && (g_str_has_prefix (self->model, VMP_VIRTUAL_PREFIX)
             || vmp_route_list_find_model (self->gateway->routes, self->model) != NULL);
}

/* Whether a body that cannot be read seems to hold what no node may see. */
static gboolean
holds_options (Answer *self)
{
  static const char name[] = "\"vampire\"";

  return self->call.body_len > 0 && memmem (self->call.body, self->call.body_len, name, strlen (name)) != NULL;
}

/* Takes out what is meant for us alone, and what changes with every request and says nothing; then reads what is asked
 * for. A body that is not one JSON object goes up as it is. Returns what is wrong with it; NULL: nothing. */
static char *
read_body (Answer     *self,
           VmpProblem *problem)
{
  const VmpJsonMember *vampire = &self->scan.members[VMP_MEMBER_VAMPIRE];
  gboolean is_object = self->call.body_len > 0 && vmp_json_scan (self->call.body, self->call.body_len, &self->scan);
  gboolean has_options = is_object && vampire->type != VMP_JSON_ABSENT;
  g_autofree char *wrong = NULL;
  VmpSpan span;

  self->call.model = self->model = is_object ? dup_member (self, VMP_MEMBER_MODEL) : NULL;
  wrong = vmp_call_options_read (self->call.fields, self->call.n_fields,
                                 has_options ? self->call.body + vampire->value.start : NULL,
                                 has_options ? vampire->value.end - vampire->value.start : 0,
                                 is_virtual (self), &self->options, problem);
  if (wrong != NULL)
    return g_steal_pointer (&wrong);

  if (!is_object && holds_options (self))
    return g_strdup ("The body has a member vampire, but is not one JSON object in which each member is there once.");
  if (has_options)
    is_object = cut (self, vampire->cut);
  if (vampire->type != VMP_JSON_ABSENT)
    return g_strdup ("vampire must not be there twice.");
  if (is_object && self->gateway->settings->strip_volatile_lines
      && vmp_volatile_find (self->call.body, &self->scan, &span))
    is_object = cut (self, span);
  if (!is_object)
    return NULL;

  self->call.scan = &self->scan;
  self->call.is_stream = self->scan.members[VMP_MEMBER_STREAM].type == VMP_JSON_TRUE;
  self->owner_id = dup_member (self, VMP_MEMBER_PREVIOUS_RESPONSE_ID);

  return NULL;
}

/* Of /v1/responses/ID and what is below it, the id: only the node that made it has it. */
static char *
dup_id_in_path (VmpSlice path)
{
  gsize len = strlen (RESPONSES "/");
  gsize end = len;

  if (path.len <= len || memcmp (path.data, RESPONSES "/", len) != 0)
    return NULL;
  while (end < path.len && path.data[end] != '/')
    end++;

  return g_strndup (path.data + len, end - len);
}

/* Who takes turns with whom when requests have to wait: client keys, and other computers. The programs of this one
 * cannot be told apart. */
static char *
dup_client (VmpConnection *connection)
{
  GSocketAddress *peer = vmp_connection_get_peer_address (connection);
  GInetAddress *address = G_IS_INET_SOCKET_ADDRESS (peer)
                          ? g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (peer)) : NULL;

  if (vmp_connection_get_key (connection) != NULL)
    return g_strdup (vmp_connection_get_key (connection));

  return address == NULL || g_inet_address_get_is_loopback (address) ? NULL : g_inet_address_to_string (address);
}

/* Ends a request that no node is asked. */
static void
refuse (Answer     *self,
        VmpProblem  problem,
        const char *message)
{
  VmpConnection *connection = self->connection;

  tell_followers (self, "ended", vmp_outcome_to_string (VMP_OUTCOME_REFUSED));
  vmp_connection_set_outcome (connection, vmp_outcome_to_string (VMP_OUTCOME_REFUSED));
  answer_free (self);
  vmp_connection_problem (connection, problem, message);
}

/* How many gateways of ours, and whether this one, a request has come through. */
static gboolean
is_loop (VmpGateway        *gateway,
         const VmpHttpHead *head)
{
  static const char other[] = "1.1 vampire-";
  guint hops = 0;
  guint i;

  for (i = 0; i < head->n_fields; i++)
    {
      VmpSlice rest = head->fields[i].value;

      if (!vmp_slice_equal_nocase (head->fields[i].name, "Via"))
        continue;
      while (rest.len > 0)
        {
          const char *comma = memchr (rest.data, ',', rest.len);
          gsize len = comma != NULL ? (gsize) (comma - rest.data) : rest.len;
          VmpSlice entry = vmp_slice_trim ((VmpSlice) { rest.data, len });

          if (vmp_slice_equal (entry, gateway->via))
            return TRUE;
          if (entry.len > strlen (other) && memcmp (entry.data, other, strlen (other)) == 0)
            hops++;
          if (comma == NULL)
            break;
          rest = (VmpSlice) { comma + 1, rest.data + rest.len - comma - 1 };
        }
    }

  return hops >= VMP_LIMIT_HOPS;
}

/* Says who it is: one that asks itself how it is learns so that it is no node. */
static void
refuse_loop (VmpGateway    *gateway,
             VmpConnection *connection)
{
  const VmpHttpField instance = { VMP_SLICE_LITERAL ("X-Vampire-Instance"), vmp_slice (gateway->instance) };

  vmp_connection_begin_problem (connection, VMP_PROBLEM_LOOP,
                                "This request has come through this gateway before: two gateways are each other's "
                                "nodes. Block one of them at the other.", &instance, 1);
  vmp_connection_end (connection);
}

/* While only one model is shared, other computers get no other. */
static gboolean
is_shared_model (Answer *self)
{
  const char *shared = vmp_share_get_model (self->gateway->share);

  return !self->call.is_shared || shared == NULL
         || (g_strcmp0 (self->model, shared) == 0 && !self->scan.has_lookalike && self->options.route == NULL);
}

/* The next byte of a path, with its percent-encoding undone; a backslash is a slash to some servers. */
static char
next_byte (VmpSlice path,
           gsize   *at)
{
  char byte = path.data[*at];

  if (byte == '%' && path.len - *at > 2 && g_ascii_isxdigit (path.data[*at + 1])
      && g_ascii_isxdigit (path.data[*at + 2]))
    {
      byte = (char) (g_ascii_xdigit_value (path.data[*at + 1]) * 16 + g_ascii_xdigit_value (path.data[*at + 2]));
      *at += 2;
    }
  ++*at;

  return byte == '\\' ? '/' : byte;
}

/* Whether a path under /v1 is another one to a server that resolves ".." in it, as a proxy before a node may: it could
 * reach what manages the node, with the node's token. Slashes in a row count as one, since they do for some. */
static gboolean
leads_out (VmpSlice path)
{
  guint depth = 0;
  gsize n_bytes = 0;
  gsize n_dots = 0;
  gsize at = 0;

  while (at <= path.len)
    {
      char byte = at < path.len ? next_byte (path, &at) : (at++, '/');

      if (byte != '/')
        {
          n_bytes++;
          n_dots += byte == '.';
          continue;
        }

      if (n_bytes == 2 && n_dots == 2)
        depth--;
      else if (n_bytes > 0 && !(n_bytes == 1 && n_dots == 1))
        depth++;
      if (depth == 0 && n_bytes > 0)
        return TRUE;
      n_bytes = 0;
      n_dots = 0;
    }

  return FALSE;
}

void
vmp_surface_openai_answer (VmpGateway       *gateway,
                           VmpConnection    *connection,
                           const VmpRequest *request)
{
  const VmpHttpHead *head = &request->head;
  VmpProblem problem = VMP_PROBLEM_INVALID_FIELD;
  g_autofree char *wrong = NULL;
  const char *id = vmp_connection_name_request (connection);
  Answer *self;

  if (is_loop (gateway, head))
    {
      refuse_loop (gateway, connection);
      return;
    }
  if (vmp_surface_models_is_asked (request))
    {
      vmp_surface_models_answer (gateway, connection, request);
      return;
    }
  if (vmp_pause_get (gateway->pause))
    {
      vmp_connection_set_outcome (connection, vmp_outcome_to_string (VMP_OUTCOME_REFUSED));
      vmp_connection_problem (connection, VMP_PROBLEM_PAUSED,
                              vmp_relay_paused_message (vmp_connection_is_shared (connection)));
      return;
    }

  if (leads_out (head->path))
    {
      vmp_connection_problem (connection, VMP_PROBLEM_BAD_HTTP, "The address leads out of /v1 with its \"..\".");
      return;
    }

  self = g_new0 (Answer, 1);
  self->gateway = gateway;
  self->connection = connection;
  self->client = dup_client (connection);
  self->call = (VmpCall) {
    .id = id,
    .method = head->method,
    .target = head->target,
    .path = head->path,
    .fields = head->fields,
    .n_fields = head->n_fields,
    .body = request->body,
    .body_len = request->body_len,
    .has_body = head->framing != VMP_BODY_NONE || head->has_content_length,
    .started = request->started,
    .kind = path_ends_with (head->path, "/embeddings") ? VMP_MODEL_EMBEDDING : VMP_MODEL_LLM,
    .options = &self->options,
    .client_key = vmp_connection_get_key (connection),
    .client = self->client != NULL ? self->client : VMP_CALL_CLIENT_LOCAL,
    .is_shared = vmp_connection_is_shared (connection),
  };
  wrong = read_body (self, &problem);
  if (wrong != NULL)
    {
      refuse (self, problem, wrong);
      return;
    }
  if (!is_shared_model (self))
    {
      refuse (self, VMP_PROBLEM_MODEL_NOT_SHARED,
              "The owner of this computer shares one model only; GET /v1/models names it.");
      return;
    }

  if (self->owner_id == NULL)
    self->owner_id = dup_id_in_path (head->path);
  self->session = vmp_call_read_session (&self->call);
  self->call.session = self->session;
  self->call.owner_id = self->owner_id;
  self->call.deadline = vmp_call_read_deadline (&self->call);
  self->exchange = vmp_exchange_new (gateway->relay, &self->call, &sink_funcs, self);
  vmp_connection_set_answerer (connection, &answerer_funcs, self);
  vmp_exchange_run (self->exchange);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the OpenAI surface.
 */

#include "gateway/vmp-surface-openai.h"

#include "core/vmp-json-scan.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "gateway/vmp-surface-models.h"
#include "routing/vmp-choice.h"

/* A request of this surface: the call, and the exchange that answers it on the connection. */
typedef struct {
  VmpGateway *gateway;
  VmpConnection *connection;
  VmpExchange *exchange; /* NULL while a fresh look at the nodes is waited for */
  VmpCall call;
  VmpModelKind kind;
  char *model;           /* as the client named it; NULL: none */
  gboolean is_ambiguous; /* some node could read another model's name in the body */
  char *body;            /* what goes up in the place of the client's; NULL: that as it is */
} Answer;

static void
answer_free (Answer *self)
{
  g_free (self->model);
  g_free (self->body);
  g_free (self);
}

/* -- Followers ----------------------------------------------------------------------------- */

/* Tells those who follow the gateway's events; at thousands of requests a second it is only done when somebody
 * does. */
static void
tell_followers (Answer     *self,
                const char *state,
                const char *node,
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
  vmp_json_add_string (builder, "state", state);
  vmp_json_add_string (builder, "model", model);
  vmp_json_add_string (builder, "node", node);
  vmp_json_add_string (builder, "client_key", self->call.client_key);
  vmp_json_add_string (builder, "outcome", outcome);
  vmp_json_add_int (builder, "duration_ms", (g_get_monotonic_time () - self->call.started) / 1000);
  vmp_json_add_int (builder, "active_requests", vmp_gateway_get_active_requests (self->gateway));
  json_builder_end_object (builder);
  vmp_events_add (self->gateway->events, "request", vmp_json_builder_print (builder));
}

/* -- The sink ------------------------------------------------------------------------------ */

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
  tell_followers (self, "ended", vmp_connection_get_node (self->connection), vmp_outcome_to_string (outcome));
}

static void
sink_end (gpointer   sink,
          VmpOutcome outcome)
{
  Answer *answer = sink;

  finish (answer, outcome);
  vmp_connection_end (answer->connection);
  answer_free (answer);
}

static void
sink_problem (gpointer    sink,
              VmpOutcome  outcome,
              VmpProblem  problem,
              const char *message)
{
  Answer *answer = sink;

  finish (answer, outcome);
  vmp_connection_problem (answer->connection, problem, message);
  answer_free (answer);
}

static void
sink_tear (gpointer   sink,
           VmpOutcome outcome)
{
  Answer *answer = sink;

  finish (answer, outcome);
  vmp_connection_tear (answer->connection);
  answer_free (answer);
}

static const VmpReplySink sink_funcs = {
  .head = sink_head,
  .body = sink_body,
  .has_room = sink_has_room,
  .end = sink_end,
  .problem = sink_problem,
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

  if (self->exchange != NULL)
    vmp_exchange_client_gone (self->exchange);
  else
    vmp_health_forget_caller (self->gateway->health, self);
  tell_followers (self, "ended", vmp_connection_get_node (self->connection),
                  vmp_outcome_to_string (VMP_OUTCOME_CLIENT_GONE));
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

/* Puts @text in the place of a span of the body. */
static void
replace_span (Answer     *self,
              VmpSpan     span,
              const char *text)
{
  gsize text_len = strlen (text);
  gsize rest = self->call.body_len - span.end;
  char *body = g_malloc (span.start + text_len + rest + 1);

  memcpy (body, self->call.body, span.start);
  memcpy (body + span.start, text, text_len);
  memcpy (body + span.start + text_len, self->call.body + span.end, rest);
  body[span.start + text_len + rest] = '\0';

  g_free (self->body);
  self->body = body;
  self->call.body = body;
  self->call.body_len = span.start + text_len + rest;
}

/* Reads which model is asked for, and takes out what is meant for us alone. A body that is not one JSON object goes
 * up as it is. */
static void
read_body (Answer *self)
{
  VmpJsonScan scan;

  if (self->call.body_len == 0 || !vmp_json_scan (self->call.body, self->call.body_len, &scan))
    return;

  if (scan.members[VMP_MEMBER_VAMPIRE].type != VMP_JSON_ABSENT)
    {
      replace_span (self, scan.members[VMP_MEMBER_VAMPIRE].cut, "");
      if (!vmp_json_scan (self->call.body, self->call.body_len, &scan))
        return;
    }
  self->model = vmp_json_scan_dup_string (self->call.body, &scan.members[VMP_MEMBER_MODEL]);
  self->is_ambiguous = scan.has_lookalike;
  self->call.model = self->model;
}

static void
rename_model (Answer     *self,
              const char *model)
{
  g_autoptr (JsonNode) name = json_node_init_string (json_node_alloc (), model);
  g_autofree char *json = vmp_json_print (name);
  VmpJsonScan scan;

  if (vmp_json_scan (self->call.body, self->call.body_len, &scan))
    replace_span (self, scan.members[VMP_MEMBER_MODEL].value, json);
}

/* Ends a request that no node is asked. */
static void
refuse (Answer     *self,
        VmpProblem  problem,
        const char *message)
{
  VmpConnection *connection = self->connection;

  tell_followers (self, "ended", NULL, vmp_outcome_to_string (VMP_OUTCOME_UPSTREAM_FAILED));
  answer_free (self);
  vmp_connection_problem (connection, problem, message);
}

static void dispatch_again (gpointer user_data);

static void
dispatch (Answer  *self,
          gboolean may_refresh)
{
  VmpGateway *gateway = self->gateway;
  const VmpChoiceRequest request = {
    .model = self->model,
    .kind = self->kind,
    .fields = self->call.fields,
    .n_fields = self->call.n_fields,
    .now = g_get_monotonic_time (),
  };
  g_auto (VmpChoice) choice = { NULL, };

  vmp_choice_make (gateway->registry, gateway->routes, &request, &choice);
  if (choice.node == NULL)
    {
      if (may_refresh && choice.may_be_stale)
        vmp_health_refresh_stale (gateway->health, VMP_LIMIT_REFRESH_MS, dispatch_again, self);
      else if (choice.problem == VMP_PROBLEM_NODE_TOKEN && self->call.is_shared)
        refuse (self, choice.problem, "The computer that would answer asks for a token that its owner has to set.");
      else
        refuse (self, choice.problem, choice.message);
      return;
    }

  if (choice.model != NULL && self->model != NULL && !g_str_equal (choice.model, self->model))
    rename_model (self, choice.model);
  vmp_connection_set_node (self->connection, choice.node->id);
  self->exchange = vmp_exchange_start (gateway->relay, &self->call, choice.node, &sink_funcs, self);
  if (self->exchange == NULL)
    refuse (self, VMP_PROBLEM_NO_ROUTE_TARGET, "The node that has this model may not be asked.");
  else
    tell_followers (self, "started", choice.node->id, NULL);
}

/* What let the request in may have ended while the nodes were looked at. */
static void
dispatch_again (gpointer user_data)
{
  Answer *self = user_data;

  if (vmp_connection_is_dismissed (self->connection))
    refuse (self, VMP_PROBLEM_REVOKED, "The owner of this computer has ended the access.");
  else
    dispatch (self, FALSE);
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
  g_autofree char *json = vmp_problem_to_json (VMP_PROBLEM_LOOP,
                                               "This request has come through this gateway before: two gateways are "
                                               "each other's nodes. Block one of them at the other.", FALSE);
  const VmpHttpField fields[] = {
    { VMP_SLICE_INIT ("Content-Type"), VMP_SLICE_INIT ("application/json") },
    { VMP_SLICE_INIT ("X-Vampire-Instance"), vmp_slice (gateway->instance) },
  };

  vmp_connection_head (connection, vmp_problem_status (VMP_PROBLEM_LOOP),
                       vmp_slice (vmp_problem_reason (VMP_PROBLEM_LOOP)), fields, G_N_ELEMENTS (fields), strlen (json));
  vmp_connection_body (connection, json, strlen (json));
  vmp_connection_end (connection);
}

/* While only one model is shared, other computers get no other. */
static gboolean
is_shared_model (Answer *self)
{
  const char *shared = vmp_share_get_model (self->gateway->share);

  return !self->call.is_shared || shared == NULL
         || (g_strcmp0 (self->model, shared) == 0 && !self->is_ambiguous);
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

  if (leads_out (head->path))
    {
      vmp_connection_problem (connection, VMP_PROBLEM_BAD_HTTP, "The address leads out of /v1 with its \"..\".");
      return;
    }

  self = g_new0 (Answer, 1);
  self->gateway = gateway;
  self->connection = connection;
  self->kind = path_ends_with (head->path, "/embeddings") ? VMP_MODEL_EMBEDDING : VMP_MODEL_LLM;
  self->call = (VmpCall) {
    .method = head->method,
    .target = head->target,
    .path = head->path,
    .fields = head->fields,
    .n_fields = head->n_fields,
    .body = request->body,
    .body_len = request->body_len,
    .has_body = head->framing != VMP_BODY_NONE || head->has_content_length,
    .started = request->started,
    .client_key = vmp_connection_get_key (connection),
    .is_shared = vmp_connection_is_shared (connection),
  };
  vmp_connection_set_answerer (connection, &answerer_funcs, self);
  read_body (self);

  if (is_shared_model (self))
    dispatch (self, TRUE);
  else
    refuse (self, VMP_PROBLEM_MODEL_NOT_SHARED,
            "The owner of this computer shares one model only; GET /v1/models names it.");
}

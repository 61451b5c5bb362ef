/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpExchange, and the list of those under way.
 */

#include "relay/vmp-exchange.h"

#include "core/vmp-buffer.h"
#include "core/vmp-limits.h"
#include "core/vmp-sse.h"

#include <string.h>

/* Fields that are added to a request: Via, Authorization. */
#define OWN_FIELDS 2

struct _VmpRelay {
  VmpUpstream *upstream;
  VmpRegistry *registry;
  const char *via;
  GQueue exchanges; /* of VmpExchange */
};

typedef enum {
  WAITING,   /* for the head of the node's answer */
  PASSING,   /* its body, as it comes */
  EVENTS,    /* its body, which is a stream of events: only whole ones are passed on */
  LONG_EVENT /* the same inside an event too long to be held: passed on as it comes */
} ExchangeState;

struct _VmpExchange {
  VmpRelay *relay;
  GList link;
  const VmpCall *call;
  VmpNode *node;
  const VmpReplySink *sink_funcs;
  gpointer sink;
  VmpTransfer *transfer; /* NULL once it is done */
  gint64 asked;          /* monotonic µs */
  gint64 answered;       /* when the head of the answer came; 0: not yet */
  VmpTrafficResult result; /* what the node is told became of it */
  char *failure;         /* the reason, when it failed */

  ExchangeState state;
  gboolean paused;
  gboolean length_promised; /* the client was told how long the answer is */
  gboolean ends_by_close;
  VmpSseReader reader;
  VmpBuffer held;           /* the beginning of an event that is not whole */
};

static const char * const outcome_strings[VMP_N_OUTCOMES] = {
  [VMP_OUTCOME_DONE] = "done",
  [VMP_OUTCOME_UPSTREAM_FAILED] = "upstream failed",
  [VMP_OUTCOME_CLIENT_GONE] = "client gone",
  [VMP_OUTCOME_SHUT_DOWN] = "shut down",
  [VMP_OUTCOME_REVOKED] = "revoked",
};

const char *
vmp_outcome_to_string (VmpOutcome outcome)
{
  g_return_val_if_fail ((guint) outcome < VMP_N_OUTCOMES, NULL);

  return outcome_strings[outcome];
}

/* The one end of every exchange. The caller tells the sink afterwards, with values it has kept. */
static void
end_exchange (VmpExchange *self)
{
  double latency_ms = self->answered != 0 ? (self->answered - self->asked) / 1000.0 : 0;

  if (self->transfer != NULL)
    vmp_transfer_cancel (g_steal_pointer (&self->transfer));

  g_queue_unlink (&self->relay->exchanges, &self->link);
  vmp_registry_end_request (self->relay->registry, self->node, self->result, latency_ms, self->failure);
  vmp_node_unref (self->node);
  vmp_buffer_clear (&self->held);
  g_free (self->failure);
  g_free (self);
}

static void
end_well (VmpExchange *self)
{
  const VmpReplySink *funcs = self->sink_funcs;
  gpointer sink = self->sink;

  end_exchange (self);
  funcs->end (sink, VMP_OUTCOME_DONE);
}

static void
send_body (VmpExchange *self,
           const char  *data,
           gsize        len)
{
  if (len > 0)
    self->sink_funcs->body (self->sink, data, len);
}

/* Whether a stream that broke off here can be ended so that its reader understands it. */
static gboolean
can_end_stream (VmpExchange *self)
{
  return self->state == EVENTS && !self->length_promised;
}

/* Ends an answer that cannot be completed, in the way that fits how far it has come. */
static void
end_badly (VmpExchange *self,
           VmpOutcome   outcome,
           VmpProblem   problem,
           const char  *message)
{
  const VmpReplySink *funcs = self->sink_funcs;
  gpointer sink = self->sink;

  if (self->state == WAITING)
    {
      end_exchange (self);
      funcs->problem (sink, outcome, problem, message);
    }
  else if (can_end_stream (self))
    {
      g_autofree char *json = vmp_problem_to_json (problem, message, FALSE);
      g_autofree char *event = g_strdup_printf ("data: %s\n\ndata: [DONE]\n\n", json);

      /* What is held is half an event: its reader never learns of it. */
      send_body (self, event, strlen (event));
      end_exchange (self);
      funcs->end (sink, outcome);
    }
  else
    {
      end_exchange (self);
      funcs->tear (sink, outcome);
    }
}

static gboolean
is_event_stream (const VmpTransferHead *head)
{
  static const char media_type[] = "text/event-stream";
  guint i;

  for (i = 0; i < head->n_fields; i++)
    {
      const VmpHttpField *field = &head->fields[i];

      if (vmp_slice_equal_nocase (field->name, "Content-Type"))
        return field->value.len >= strlen (media_type)
               && g_ascii_strncasecmp (field->value.data, media_type, strlen (media_type)) == 0;
    }

  return FALSE;
}

/* A compressed stream cannot be read, nor an error added to it. */
static gboolean
is_encoded (const VmpTransferHead *head)
{
  guint i;

  for (i = 0; i < head->n_fields; i++)
    {
      if (vmp_slice_equal_nocase (head->fields[i].name, "Content-Encoding")
          && !vmp_slice_equal_nocase (head->fields[i].value, "identity"))
        return TRUE;
    }

  return FALSE;
}

/* Fields that speak of one connection only (RFC 9110, 7.6.1); each side's are made anew. */
static const VmpSlice hop_by_hop[] = {
  VMP_SLICE_INIT ("Connection"),
  VMP_SLICE_INIT ("Keep-Alive"),
  VMP_SLICE_INIT ("Proxy-Authenticate"),
  VMP_SLICE_INIT ("Proxy-Authorization"),
  VMP_SLICE_INIT ("Proxy-Connection"),
  VMP_SLICE_INIT ("TE"),
  VMP_SLICE_INIT ("Trailer"),
  VMP_SLICE_INIT ("Transfer-Encoding"),
  VMP_SLICE_INIT ("Upgrade"),
  VMP_SLICE_INIT ("Content-Length"),
};

/* What a client says to the gateway alone: its credentials stop here. */
static const VmpSlice for_the_gateway[] = {
  VMP_SLICE_INIT ("Host"),
  VMP_SLICE_INIT ("Expect"),
  VMP_SLICE_INIT ("Authorization"),
  VMP_SLICE_INIT ("X-Api-Key"),
  VMP_SLICE_INIT ("Cookie"),
  VMP_SLICE_INIT ("Cookie2"),
};

static gboolean
is_one_of (VmpSlice        name,
           const VmpSlice *names,
           guint           n)
{
  guint i;

  for (i = 0; i < n; i++)
    {
      if (vmp_slices_equal_nocase (name, names[i]))
        return TRUE;
    }

  return FALSE;
}

/* Copies the fields that are meant for the other end, repeated ones too and in their order. @kept has room for
 * @n_fields. Returns how many there are. */
static guint
keep_end_to_end (const VmpHttpField *fields,
                 guint               n_fields,
                 VmpHttpField       *kept)
{
  guint connections[8]; /* more Connection fields than that nobody means */
  guint n_connections = 0;
  guint n_kept = 0;
  guint i;
  guint j;

  for (i = 0; i < n_fields && n_connections < G_N_ELEMENTS (connections); i++)
    {
      if (vmp_slices_equal_nocase (fields[i].name, hop_by_hop[0]))
        connections[n_connections++] = i;
    }

  for (i = 0; i < n_fields; i++)
    {
      gboolean named = is_one_of (fields[i].name, hop_by_hop, G_N_ELEMENTS (hop_by_hop));

      for (j = 0; j < n_connections && !named; j++)
        named = vmp_slice_list_contains (fields[connections[j]].value, fields[i].name);
      if (!named)
        kept[n_kept++] = fields[i];
    }

  return n_kept;
}

static void
set_failure (VmpExchange     *self,
             VmpTrafficResult result,
             char            *reason)
{
  self->result = result;
  g_free (self->failure);
  self->failure = reason;
}

static void
transfer_head_cb (gpointer               user_data,
                  const VmpTransferHead *head)
{
  VmpExchange *self = user_data;
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
  guint n_fields = keep_end_to_end (head->fields, head->n_fields, fields);

  self->answered = g_get_monotonic_time ();
  if (head->status == 401 || head->status == 403)
    self->result = VMP_TRAFFIC_UNAUTHORIZED;
  else if (head->status >= 500)
    set_failure (self, VMP_TRAFFIC_FAILED, g_strdup_printf ("it answered with status %u", head->status));
  else
    self->result = VMP_TRAFFIC_ANSWERED;
  self->state = is_event_stream (head) && !is_encoded (head) ? EVENTS : PASSING;
  self->length_promised = head->length >= 0;
  self->ends_by_close = head->ends_by_close;
  self->sink_funcs->head (self->sink, head->status, head->reason, fields, n_fields, head->length);
}

/* Passes on what is whole, and holds the rest until it is. */
static void
pass_events (VmpExchange *self,
             const char  *data,
             gsize        len)
{
  gsize whole = vmp_sse_reader_push (&self->reader, data, len);

  if (whole > 0)
    {
      send_body (self, vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held));
      vmp_buffer_consume (&self->held, vmp_buffer_len (&self->held));
      vmp_buffer_trim (&self->held, VMP_LIMIT_REPLY_LOW_BYTES);
      send_body (self, data, whole);
      self->state = EVENTS;
      data += whole;
      len -= whole;
    }

  if (self->state == EVENTS && len > VMP_LIMIT_EVENT_BYTES - vmp_buffer_len (&self->held))
    {
      send_body (self, vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held));
      vmp_buffer_clear (&self->held);
      self->state = LONG_EVENT;
    }

  if (self->state == LONG_EVENT)
    send_body (self, data, len);
  else
    vmp_buffer_append (&self->held, data, len);
}

static gboolean
transfer_body_cb (gpointer    user_data,
                  const char *data,
                  gsize       len)
{
  VmpExchange *self = user_data;

  if (!self->sink_funcs->has_room (self->sink))
    {
      self->paused = TRUE;
      return FALSE;
    }

  if (self->state == PASSING)
    send_body (self, data, len);
  else
    pass_events (self, data, len);

  return TRUE;
}

/* What the owner can do when nobody answers there. Most often the server is off, or listens to its own computer
 * only. */
static const char *
remedy_for (VmpNode *node)
{
  const char *host = node->base_url->host;
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  if (g_str_equal (host, "localhost") || (address != NULL && g_inet_address_get_is_loopback (address)))
    return "Start LM Studio and switch on its server in the Developer tab.";

  return "Start LM Studio on that computer, switch on its server in the Developer tab, and turn on Serve on Local "
         "Network there.";
}

/* Ends it for a failure of the node. The node is told of it at the end; a node that is not who it was when its owner
 * approved it needs that approval anew. */
static void
fail (VmpExchange   *self,
      VmpTransferEnd end,
      const char    *reason)
{
  const char *name = vmp_provider_get_name (self->node->provider == VMP_PROVIDER_AUTO ? VMP_PROVIDER_LMSTUDIO
                                                                                      : self->node->provider);
  const char *base_url = self->node->base_url->text;
  g_autoptr (VmpNode) node = vmp_node_ref (self->node);
  VmpRegistry *registry = self->relay->registry;
  VmpProblem problem = VMP_PROBLEM_UPSTREAM_UNAVAILABLE;
  const char *suspended = NULL;
  g_autofree char *message = NULL;

  set_failure (self, VMP_TRAFFIC_FAILED, g_strdup (reason));
  switch (end)
    {
    case VMP_TRANSFER_NO_CONNECTION:
      self->result = VMP_TRAFFIC_UNREACHABLE;
      message = g_strdup_printf ("%s at %s cannot be reached (%s). %s", name, base_url, reason,
                                 remedy_for (self->node));
      break;

    case VMP_TRANSFER_NOT_ALLOWED:
      self->result = VMP_TRAFFIC_UNREACHABLE;
      message = g_strdup_printf ("%s at %s may not be reached: %s.", name, base_url, reason);
      break;

    case VMP_TRANSFER_MOVED:
    case VMP_TRANSFER_KEY_CHANGED:
      self->result = VMP_TRAFFIC_ABANDONED;
      message = g_strdup_printf ("%s at %s is not the one its owner approved: %s. Nothing was sent to it. If this is "
                                 "right, approve it again.", name, base_url, reason);
      suspended = end == VMP_TRANSFER_MOVED ? "Its address has changed." : "The key of its certificate has changed.";
      break;

    case VMP_TRANSFER_KEY_UNKNOWN:
      self->result = VMP_TRAFFIC_UNREACHABLE;
      message = g_strdup_printf ("The certificate of %s at %s is not signed by an authority that this computer knows, "
                                 "and its key is not approved yet. Nothing was sent to it.", name, base_url);
      break;

    case VMP_TRANSFER_NO_ANSWER:
    case VMP_TRANSFER_TIMED_OUT:
      message = g_strdup_printf ("%s at %s took the request but ended the connection without an answer (%s).", name,
                                 base_url, reason);
      break;

    case VMP_TRANSFER_BROKEN:
    case VMP_TRANSFER_DONE:
    default:
      problem = VMP_PROBLEM_UPSTREAM_INTERRUPTED;
      if (reason == NULL)
        set_failure (self, VMP_TRAFFIC_FAILED, g_strdup ("it broke off in the middle of an answer"));
      message = g_strdup_printf ("%s at %s broke off in the middle of its answer.", name, base_url);
      break;
    }

  /* Who comes from another computer is not told which nodes there are. */
  if (self->call->is_shared)
    {
      g_free (message);
      message = g_strdup ("The computer that has this model did not answer as it should.");
    }

  /* The exchange first: suspending ends all that run on the node. */
  end_badly (self, VMP_OUTCOME_UPSTREAM_FAILED, problem, message);
  if (suspended != NULL)
    vmp_registry_suspend_approval (registry, node, suspended);
}

static void
transfer_done_cb (gpointer       user_data,
                  VmpTransferEnd end,
                  const char    *reason)
{
  VmpExchange *self = user_data;
  gboolean in_events = self->state == EVENTS || self->state == LONG_EVENT;

  self->transfer = NULL;

  /* A stream that has said [DONE] is whole, however its connection ends. */
  if (end == VMP_TRANSFER_BROKEN && can_end_stream (self) && vmp_sse_reader_is_done (&self->reader)
      && !vmp_sse_reader_is_inside (&self->reader))
    end = VMP_TRANSFER_DONE;

  /* Where only the connection's end ends the body, half an event is the one sign of a death. */
  if (end == VMP_TRANSFER_DONE && in_events && self->ends_by_close && vmp_sse_reader_is_inside (&self->reader))
    end = VMP_TRANSFER_BROKEN;

  if (end != VMP_TRANSFER_DONE)
    {
      fail (self, end, reason);
      return;
    }

  send_body (self, vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held));
  end_well (self);
}

static const VmpTransferEvents transfer_events = {
  .head = transfer_head_cb,
  .body = transfer_body_cb,
  .done = transfer_done_cb,
};

/* Whether the node's token may be sent to whoever answers there: not before it is bound to the addresses of its
 * name. */
static gboolean
may_send_token (const VmpNode *node)
{
  return node->token != NULL && node->approval == VMP_APPROVAL_APPROVED
         && (node->addresses != NULL || !vmp_node_host_can_move (node));
}

VmpExchange *
vmp_exchange_start (VmpRelay           *relay,
                    const VmpCall      *call,
                    VmpNode            *node,
                    const VmpReplySink *sink_funcs,
                    gpointer            sink)
{
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS + OWN_FIELDS];
  VmpTransferRequest request = {
    .base_url = node->base_url,
    .method = call->method,
    .target = call->target,
    .fields = fields,
    .body = call->body,
    .body_len = call->body_len,
    .has_body = call->has_body,
  };
  g_autofree char *authorization = NULL;
  VmpReach reach;
  VmpExchange *self;
  guint n_end_to_end;
  guint i;

  if (!vmp_registry_begin_request (relay->registry, node))
    return NULL;

  self = g_new0 (VmpExchange, 1);
  self->relay = relay;
  self->call = call;
  self->node = vmp_node_ref (node);
  self->sink_funcs = sink_funcs;
  self->sink = sink;
  self->asked = g_get_monotonic_time ();
  self->result = VMP_TRAFFIC_ABANDONED;
  self->link.data = self;
  g_queue_push_tail_link (&relay->exchanges, &self->link);

  vmp_node_get_reach (node, vmp_registry_get_public_allowed (relay->registry), &reach);
  request.reach = &reach;

  n_end_to_end = keep_end_to_end (call->fields, call->n_fields, fields);
  for (i = 0; i < n_end_to_end; i++)
    {
      if (!is_one_of (fields[i].name, for_the_gateway, G_N_ELEMENTS (for_the_gateway)))
        fields[request.n_fields++] = fields[i];
    }

  fields[request.n_fields++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Via"), vmp_slice (relay->via) };
  if (may_send_token (node))
    {
      authorization = g_strconcat ("Bearer ", node->token, NULL);
      fields[request.n_fields++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Authorization"), vmp_slice (authorization) };
    }

  self->transfer = vmp_upstream_start (relay->upstream, &request, &transfer_events, self);
  if (authorization != NULL)
    explicit_bzero (authorization, strlen (authorization));

  return self;
}

void
vmp_exchange_drained (VmpExchange *self)
{
  if (!self->paused)
    return;

  self->paused = FALSE;
  vmp_transfer_resume (self->transfer);
}

void
vmp_exchange_client_gone (VmpExchange *self)
{
  end_exchange (self);
}

VmpRelay *
vmp_relay_new (VmpUpstream *upstream,
               VmpRegistry *registry,
               const char  *via)
{
  VmpRelay *self = g_new0 (VmpRelay, 1);

  self->upstream = upstream;
  self->registry = registry;
  self->via = via;
  g_queue_init (&self->exchanges);

  return self;
}

void
vmp_relay_free (VmpRelay *self)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (self->exchanges.length == 0);

  g_free (self);
}

guint
vmp_relay_get_active (VmpRelay *self)
{
  return self->exchanges.length;
}

void
vmp_relay_shut_down (VmpRelay *self)
{
  while (self->exchanges.head != NULL)
    end_badly (self->exchanges.head->data, VMP_OUTCOME_SHUT_DOWN, VMP_PROBLEM_SHUTTING_DOWN,
               "Vampire was stopped before the answer was complete.");
}

void
vmp_relay_revoke (VmpRelay        *self,
                  VmpExchangeMatch match,
                  gconstpointer    what,
                  const char      *message)
{
  GList *link = self->exchanges.head;

  while (link != NULL)
    {
      VmpExchange *exchange = link->data;

      /* The end of one takes only its own link out. */
      link = link->next;
      if (match (exchange->call, exchange->node, what))
        end_badly (exchange, VMP_OUTCOME_REVOKED, VMP_PROBLEM_REVOKED, message);
    }
}

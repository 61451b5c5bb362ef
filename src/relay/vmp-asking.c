/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpAsking. What a failure means is in vmp-asking-judge.c.
 */

#include "relay/vmp-asking-private.h"

#include "core/vmp-buffer.h"
#include "core/vmp-limits.h"
#include "core/vmp-sse.h"
#include "relay/vmp-node-request.h"

#include <string.h>

typedef enum {
  WAITING,     /* for the head of the node's answer */
  FIRST_EVENT, /* for the first event of a stream */
  DOCUMENT,    /* for the whole of a short answer */
  REASON,      /* for what a refusal says */
  FAILED,      /* reported; it may yet be accepted */
  PASSING,     /* the body, as it comes */
  EVENTS,      /* a stream of events: only whole ones are passed on */
  LONG_EVENT   /* the same inside an event too long to be held: passed on as it comes */
} AskingState;

struct _VmpAsking {
  VmpRegistry *registry;
  const VmpCall *call;
  VmpNode *node;
  VmpHost *host;           /* NULL: it is for no model in particular */
  const VmpAskingFuncs *funcs;
  gpointer user_data;
  VmpTransfer *transfer;   /* NULL once it is done */
  char *body;              /* that goes up in the place of the call's; NULL */

  AskingState state;
  gboolean paused;
  gboolean is_over;        /* the transfer ended well */
  gboolean is_cold;
  gboolean watches_errors;
  gboolean takes_events_only;
  gint64 asked;            /* monotonic µs */
  gint64 answered;
  gint64 begun;
  VmpTrafficResult result;
  gboolean is_refused;     /* its answer was none, by what it says */
  char *failure;           /* what the node's owner is told, when it failed */

  /* Of the answer. */
  VmpAnswer answer;
  VmpHttpField *fields;    /* with the text that they refer to behind them */
  gboolean ends_by_close;
  VmpSseReader reader;
  VmpBuffer held;          /* what is looked at, or the beginning of an event that is not whole */
  gsize held_whole;        /* bytes of it that are whole events, while they are looked at */
  gboolean has_passed;     /* something of it was passed on */
  gboolean in_long_event;  /* half an event was passed on, and its end was not yet */
  VmpUsage usage;
};

/* -- The head ------------------------------------------------------------------------------ */

static const VmpHttpField *
find_field (const VmpTransferHead *head,
            const char            *name)
{
  VmpSlice wanted = vmp_slice (name);
  guint i;

  for (i = 0; i < head->n_fields; i++)
    {
      if (vmp_slices_equal_nocase (head->fields[i].name, wanted))
        return &head->fields[i];
    }

  return NULL;
}

static gboolean
begins_with (VmpSlice value,
             VmpSlice media_type)
{
  value.len = MIN (value.len, media_type.len);

  return vmp_slices_equal_nocase (value, media_type);
}

/* What can be read of the body as what it is. */
typedef enum {
  KIND_OPAQUE, /* nothing */
  KIND_DOCUMENT,
  KIND_EVENTS
} BodyKind;

/* What is compressed cannot be read, nor anything added to it. */
static BodyKind
get_kind (const VmpTransferHead *head)
{
  const VmpHttpField *type = find_field (head, "Content-Type");
  const VmpHttpField *encoding = find_field (head, "Content-Encoding");

  if (type == NULL || (encoding != NULL && !vmp_slice_equal_nocase (encoding->value, "identity")))
    return KIND_OPAQUE;
  if (begins_with (type->value, VMP_SLICE_LITERAL ("application/json")))
    return KIND_DOCUMENT;

  return begins_with (type->value, VMP_SLICE_LITERAL ("text/event-stream")) ? KIND_EVENTS : KIND_OPAQUE;
}

static VmpSlice
copy_slice (VmpSlice slice,
            char   **place)
{
  VmpSlice copy = { *place, slice.len };

  /* An empty one, such as a reason that a node left out, may have no place. */
  if (slice.len > 0)
    memcpy (*place, slice.data, slice.len);
  *place += slice.len;

  return copy;
}

/* The head is only lent, and may be needed long after. One piece of memory holds all of it. */
static void
keep_head (VmpAsking             *self,
           const VmpTransferHead *head)
{
  VmpHttpField kept[VMP_LIMIT_HEAD_FIELDS];
  guint n_kept = vmp_fields_keep_end_to_end (head->fields, head->n_fields, kept);
  gsize size = head->reason.len;
  char *place;
  guint i;

  for (i = 0; i < n_kept; i++)
    size += kept[i].name.len + kept[i].value.len;

  self->fields = g_malloc (n_kept * sizeof *kept + size + 1);
  place = (char *) (self->fields + n_kept);
  self->answer.reason = copy_slice (head->reason, &place);
  for (i = 0; i < n_kept; i++)
    {
      self->fields[i].name = copy_slice (kept[i].name, &place);
      self->fields[i].value = copy_slice (kept[i].value, &place);
    }

  self->answer.status = head->status;
  self->answer.fields = self->fields;
  self->answer.n_fields = n_kept;
  self->answer.length = head->length;
  self->ends_by_close = head->ends_by_close;
}

/* -- What is passed on --------------------------------------------------------------------- */

static void
note_begun (VmpAsking *self)
{
  if (self->begun != 0)
    return;

  self->begun = g_get_monotonic_time ();
  if (self->answer.status < 400)
    self->funcs->begun (self->user_data);
}

static void
send_body (VmpAsking  *self,
           const char *data,
           gsize       len)
{
  if (len > 0)
    self->funcs->body (self->user_data, data, len);
}

static void
send_events (VmpAsking  *self,
             const char *data,
             gsize       len)
{
  if (len == 0)
    return;

  vmp_usage_read_events (&self->usage, data, len);
  self->funcs->body (self->user_data, data, len);
}

static void
send_held (VmpAsking *self)
{
  if (self->answer.is_events)
    send_events (self, vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held));
  else
    send_body (self, vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held));
  vmp_buffer_consume (&self->held, vmp_buffer_len (&self->held));
  vmp_buffer_trim (&self->held, VMP_LIMIT_REPLY_LOW_BYTES);
}

/* What is held of an event is too much to be held any longer. */
static void
begin_long_event (VmpAsking *self)
{
  self->state = LONG_EVENT;
  self->in_long_event = TRUE;
  send_held (self);
}

/* It counts as an answer from now on. What was held goes with it: of a stream, up to @whole only. */
static void
begin_passing (VmpAsking *self,
               gsize      whole)
{
  self->state = self->answer.is_events ? EVENTS : PASSING;
  self->has_passed = TRUE;
  self->funcs->answered (self->user_data, &self->answer);
  if (!self->answer.is_events)
    {
      send_held (self);
    }
  else if (whole > 0)
    {
      send_events (self, vmp_buffer_peek (&self->held), whole);
      vmp_buffer_consume (&self->held, whole);
    }
}

/* -- Failing ------------------------------------------------------------------------------- */

static void
set_failure (VmpAsking       *self,
             VmpTrafficResult result,
             const char      *reason)
{
  self->result = result;
  g_free (self->failure);
  self->failure = g_strdup (reason);
}

static void
report (VmpAsking        *self,
        VmpAskingFailure *failure)
{
  self->state = FAILED;
  failure->status = self->answer.status;
  self->funcs->failed (self->user_data, failure);
}

/* An answer that is none: by its status, or by what it says. */
static void
refuse_answer (VmpAsking  *self,
               const char *said)
{
  g_auto (VmpAskingFailure) failure = { 0, };

  vmp_asking_judge_answer (self->node, self->call, self->answer.status, said, &failure);
  if (self->answer.status == 401 || self->answer.status == 403)
    self->result = VMP_TRAFFIC_UNAUTHORIZED;
  else if (self->answer.status >= 500 || (self->answer.status < 400 && vmp_asking_is_nodes_fault (said)))
    set_failure (self, VMP_TRAFFIC_FAILED, failure.reason);
  else
    self->result = VMP_TRAFFIC_ANSWERED;
  self->is_refused = TRUE;
  report (self, &failure);
}

/* What a held answer says that is no answer; NULL when it is one. (transfer full) */
static char *
dup_error (VmpAsking *self)
{
  return vmp_asking_find_error (vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held));
}

/* A short answer is one, whole or as far as is looked at. */
static void
begin_document (VmpAsking  *self,
                const char *data,
                gsize       len,
                gboolean    is_whole)
{
  vmp_usage_read_body (&self->usage, data, len);
  self->answer.is_whole = is_whole;
  if (is_whole)
    self->answer.length = len;
  note_begun (self);
  begin_passing (self, 0);
}

/* A short answer is there, whole or as far as is looked at. FALSE: it was reported as a failure, as in the next two,
 * and the asking may be gone. */
static gboolean
judge_document (VmpAsking *self)
{
  g_autofree char *said = dup_error (self);

  if (said != NULL)
    {
      refuse_answer (self, said);
      return FALSE;
    }

  begin_document (self, vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held), self->is_over);

  return TRUE;
}

/* A short answer that comes in one piece, as most do, is looked at where it is. FALSE: it has to be held. */
static gboolean
pass_document (VmpAsking  *self,
               const char *data,
               gsize       len)
{
  g_autofree char *said = NULL;

  if (self->state != DOCUMENT || (gint64) len != self->answer.length || len > VMP_LIMIT_ANSWER_LOOK_BYTES)
    return FALSE;
  said = vmp_asking_find_error (data, len);
  if (said != NULL)
    return FALSE;

  begin_document (self, data, len, TRUE);
  send_body (self, data, len);

  return TRUE;
}

/* A refusal is there: it is the client's, unless it tells that another node could do better. */
static gboolean
judge_refusal (VmpAsking *self)
{
  g_autofree char *said = dup_error (self);

  if (self->takes_events_only || (said != NULL && vmp_asking_is_for_others (said)))
    {
      refuse_answer (self, said);
      return FALSE;
    }

  begin_passing (self, 0);

  return TRUE;
}

/* The first whole events are there. @whole: their bytes in what is held */
static void
judge_events (VmpAsking *self,
              gsize      whole)
{
  g_autofree char *said = NULL;
  gsize looked_at = self->held_whole;

  self->held_whole = whole;
  switch (vmp_asking_look_at_events (vmp_buffer_peek (&self->held) + looked_at, whole - looked_at, &said))
    {
    case VMP_FIRST_EVENT_NONE: /* comments only, which say nothing; but nobody may have them held without end */
      if (whole > VMP_LIMIT_ANSWER_LOOK_BYTES)
        begin_passing (self, whole);
      break;

    case VMP_FIRST_EVENT_ERROR:
      refuse_answer (self, said);
      break;

    case VMP_FIRST_EVENT_DATA:
    default:
      note_begun (self);
      begin_passing (self, whole);
      break;
    }
}

/* Whether there is no error among the whole events that are held. FALSE: those before it were passed on, and it was
 * reported; the asking may be gone. */
static gboolean
check_held (VmpAsking *self)
{
  g_autofree char *said = NULL;
  gsize good;

  if (!self->watches_errors)
    return TRUE;

  good = vmp_asking_find_error_event (vmp_buffer_peek (&self->held), vmp_buffer_len (&self->held), &said);
  if (said == NULL)
    return TRUE;

  send_events (self, vmp_buffer_peek (&self->held), good);
  vmp_buffer_clear (&self->held);
  refuse_answer (self, said);

  return FALSE;
}

/* Passes on what is whole, and holds the rest until it is. */
static void
pass_events (VmpAsking  *self,
             const char *data,
             gsize       len)
{
  gsize whole = vmp_sse_reader_push (&self->reader, data, len);

  if (whole > 0)
    {
      /* Whoever takes events takes whole ones: the two halves of one go in one piece. */
      if (vmp_buffer_len (&self->held) > 0 || self->watches_errors)
        {
          vmp_buffer_append (&self->held, data, whole);
          if (!check_held (self))
            return;
          send_held (self);
        }
      else
        {
          send_events (self, data, whole);
        }
      self->state = EVENTS;
      self->in_long_event = FALSE;
      data += whole;
      len -= whole;
    }

  if (self->state == EVENTS && len > VMP_LIMIT_EVENT_BYTES - vmp_buffer_len (&self->held))
    begin_long_event (self);

  if (self->state == LONG_EVENT)
    send_body (self, data, len);
  else
    vmp_buffer_append (&self->held, data, len);
}

/* -- The transfer -------------------------------------------------------------------------- */

static void
transfer_head_cb (gpointer               user_data,
                  const VmpTransferHead *head)
{
  VmpAsking *self = user_data;
  BodyKind kind = get_kind (head);

  self->answered = g_get_monotonic_time ();
  self->result = VMP_TRAFFIC_ANSWERED;
  keep_head (self, head);
  self->answer.is_events = kind == KIND_EVENTS;

  if (head->status >= 500 || head->status == 429 || head->status == 401 || head->status == 403)
    {
      refuse_answer (self, NULL);
    }
  else if ((head->status == 400 || head->status == 404) && kind == KIND_DOCUMENT)
    {
      self->state = REASON;
    }
  else if (head->status < 300 && self->answer.is_events)
    {
      self->state = FIRST_EVENT;
    }
  else if (self->takes_events_only)
    {
      refuse_answer (self, NULL);
    }
  else if (head->status < 300 && kind == KIND_DOCUMENT && head->length != 0)
    {
      self->state = DOCUMENT;
    }
  else
    {
      begin_passing (self, 0);
    }
}

static void
hold (VmpAsking  *self,
      const char *data,
      gsize       len)
{
  gsize before = vmp_buffer_len (&self->held);
  gsize whole;

  vmp_buffer_append (&self->held, data, len);
  switch (self->state)
    {
    case FIRST_EVENT:
      whole = vmp_sse_reader_push (&self->reader, data, len);
      if (whole > 0)
        {
          judge_events (self, before + whole);
        }
      else if (vmp_buffer_len (&self->held) > VMP_LIMIT_EVENT_BYTES)
        {
          begin_passing (self, 0);
          begin_long_event (self);
        }
      break;

    case DOCUMENT:
      if (vmp_buffer_len (&self->held) > VMP_LIMIT_ANSWER_LOOK_BYTES)
        judge_document (self);
      break;

    case REASON:
    default:
      if (vmp_buffer_len (&self->held) > VMP_LIMIT_REASON_BYTES)
        judge_refusal (self);
      break;
    }
}

static gboolean
transfer_body_cb (gpointer    user_data,
                  const char *data,
                  gsize       len)
{
  VmpAsking *self = user_data;

  if (self->state == FIRST_EVENT || self->state == DOCUMENT || self->state == REASON)
    {
      if (!pass_document (self, data, len))
        hold (self, data, len);
      return TRUE;
    }

  if (!self->funcs->has_room (self->user_data))
    {
      self->paused = TRUE;
      return FALSE;
    }

  note_begun (self);
  if (self->state == PASSING)
    send_body (self, data, len);
  else
    pass_events (self, data, len);

  return TRUE;
}

/* Whether the end of the connection was the end of the answer. */
static gboolean
is_whole (VmpAsking     *self,
          VmpTransferEnd end)
{
  gboolean in_events = self->answer.is_events && self->answered != 0;
  gboolean is_done = vmp_sse_reader_is_done (&self->reader) && !vmp_sse_reader_is_inside (&self->reader);

  /* A stream that has said [DONE] is whole, however its connection ends. */
  if (end == VMP_TRANSFER_BROKEN)
    return self->state == EVENTS && self->answer.length < 0 && is_done;

  /* Where only the connection's end ends the body, half an event is the one sign of a death, and a missing [DONE] in
   * the protocols that have it. */
  if (end == VMP_TRANSFER_DONE && in_events && self->ends_by_close)
    return is_done || (!vmp_sse_reader_is_inside (&self->reader) && !vmp_asking_expects_done (self->call));

  return end == VMP_TRANSFER_DONE;
}

static void
fail (VmpAsking     *self,
      VmpTransferEnd end,
      const char    *reason)
{
  g_auto (VmpAskingFailure) failure = { 0, };
  VmpTrafficResult result;

  result = vmp_asking_judge_end (self->node, self->call, end, reason, self->answered != 0, &failure);
  set_failure (self, result, failure.reason);
  report (self, &failure);
}

static void
transfer_done_cb (gpointer       user_data,
                  VmpTransferEnd end,
                  const char    *reason)
{
  VmpAsking *self = user_data;

  self->transfer = NULL;
  if (!is_whole (self, end))
    {
      fail (self, end == VMP_TRANSFER_DONE ? VMP_TRANSFER_BROKEN : end, reason);
      return;
    }

  if (self->state == FIRST_EVENT) /* it ended before it said anything */
    {
      fail (self, VMP_TRANSFER_BROKEN, NULL);
      return;
    }

  self->is_over = TRUE;
  if (self->state == DOCUMENT && !judge_document (self))
    return;
  if (self->state == REASON && !judge_refusal (self))
    return;

  send_held (self);
  self->funcs->done (self->user_data);
}

static const VmpTransferEvents transfer_events = {
  .head = transfer_head_cb,
  .body = transfer_body_cb,
  .done = transfer_done_cb,
};

/* -- Life ---------------------------------------------------------------------------------- */

VmpAsking *
vmp_asking_start (VmpUpstream          *upstream,
                  VmpRegistry          *registry,
                  const char           *via,
                  const VmpCall        *call,
                  VmpNode              *node,
                  VmpHost              *host,
                  char                 *body,
                  gsize                 body_len,
                  const VmpAskingFuncs *funcs,
                  gpointer              user_data)
{
  VmpNodeRequest request;
  VmpAsking *self;

  if (!vmp_registry_begin_request (registry, node, host))
    {
      g_free (body);
      return NULL;
    }

  self = g_new0 (VmpAsking, 1);
  self->registry = registry;
  self->call = call;
  self->node = vmp_node_ref (node);
  self->host = host != NULL ? vmp_host_ref (host) : NULL;
  self->funcs = funcs;
  self->user_data = user_data;
  self->body = body;
  self->asked = g_get_monotonic_time ();
  self->result = VMP_TRAFFIC_ABANDONED;

  vmp_node_request_init (&request, registry, node, via, call->fields, call->n_fields);
  request.request.method = call->method;
  request.request.target = call->target;
  request.request.body = body != NULL ? body : call->body;
  request.request.body_len = body != NULL ? body_len : call->body_len;
  request.request.has_body = call->has_body;
  self->transfer = vmp_upstream_start (upstream, &request.request, &transfer_events, self);
  vmp_node_request_clear (&request);

  return self;
}

void
vmp_asking_free (VmpAsking *self)
{
  gint64 now = g_get_monotonic_time ();
  const VmpTraffic traffic = {
    .result = self->result,
    .latency_ms = self->answered != 0 ? (self->answered - self->asked) / 1000.0 : 0,
    .ttft_ms = self->begun != 0 && !self->is_cold && self->answer.status < 300
               ? (self->begun - self->asked) / 1000.0 : 0,
    .duration_ms = self->is_over && self->result == VMP_TRAFFIC_ANSWERED && self->answer.status < 300
                   ? (now - self->asked) / 1000.0 : 0,
    .tokens_per_second = vmp_asking_get_rate (self, now),
    .prompt_tokens = self->usage.has_usage ? self->usage.prompt_tokens : 0,
    .completion_tokens = vmp_usage_get_completion_tokens (&self->usage),
    .reason = self->failure,
    /* Other computers' requests could else take the owner's nodes away: whoever knows one that is answered with an
     * error needs to send it only three times. */
    .spares_breaker = self->call->is_shared && self->is_refused,
  };

  if (self->transfer != NULL)
    vmp_transfer_cancel (g_steal_pointer (&self->transfer));

  vmp_registry_end_request (self->registry, self->node, self->host, &traffic);
  g_clear_pointer (&self->host, vmp_host_unref);
  vmp_node_unref (self->node);
  vmp_buffer_clear (&self->held);
  g_free (self->fields);
  g_free (self->body);
  g_free (self->failure);
  g_free (self);
}

void
vmp_asking_accept (VmpAsking *self)
{
  g_return_if_fail (self->state == FAILED && self->answered != 0);

  begin_passing (self, self->held_whole);
  if (self->is_over)
    self->funcs->done (self->user_data);
}

void
vmp_asking_resume (VmpAsking *self)
{
  if (!self->paused)
    return;

  self->paused = FALSE;
  if (self->transfer != NULL)
    vmp_transfer_resume (self->transfer);
}

/* -- Reports ------------------------------------------------------------------------------- */

void
vmp_asking_watch_errors (VmpAsking *self)
{
  self->watches_errors = TRUE;
}

void
vmp_asking_take_events_only (VmpAsking *self)
{
  self->takes_events_only = TRUE;
}

gboolean
vmp_asking_is_between_events (VmpAsking *self)
{
  /* What is held of a further event was not passed on, nor was anything of an answer that has not begun. */
  return !self->has_passed || (self->answer.is_events && !self->in_long_event);
}

VmpNode *
vmp_asking_get_node (VmpAsking *self)
{
  return self->node;
}

VmpHost *
vmp_asking_get_host (VmpAsking *self)
{
  return self->host;
}

const VmpUsage *
vmp_asking_get_usage (VmpAsking *self)
{
  return &self->usage;
}

gint64
vmp_asking_get_asked (VmpAsking *self)
{
  return self->asked;
}

gint64
vmp_asking_get_answered (VmpAsking *self)
{
  return self->answered;
}

gint64
vmp_asking_get_begun (VmpAsking *self)
{
  return self->begun;
}

guint
vmp_asking_get_status (VmpAsking *self)
{
  return self->answer.status;
}

gboolean
vmp_asking_is_stream (const VmpAsking *self)
{
  return self->answer.is_events;
}

double
vmp_asking_get_rate (VmpAsking *self,
                     gint64     now)
{
  gint64 tokens = vmp_usage_get_completion_tokens (&self->usage);

  if (!self->answer.is_events || self->begun == 0 || tokens < 2 || now <= self->begun)
    return 0;

  return (tokens - 1) * (double) G_USEC_PER_SEC / (now - self->begun);
}

void
vmp_asking_set_cold (VmpAsking *self)
{
  self->is_cold = TRUE;
}

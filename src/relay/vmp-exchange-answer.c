/* SPDX-License-Identifier: MIT
 *
 * What an exchange's client gets to see: the head with what was decided, the body as the node sends it, and what takes
 * their place when there is no answer.
 */

#include "relay/vmp-exchange-private.h"

#include "core/vmp-limits.h"
#include "relay/vmp-annotate.h"

#include <libsoup/soup.h>
#include <string.h>

/* Fields that a head gets at most besides the node's own. */
#define OWN_FIELDS 10

/* What is said about the way an answer came about. A node that is a gateway itself says so of its own way. */
static const VmpSlice own_names[] = {
  VMP_SLICE_INIT ("X-Vampire-Request-ID"), /* each connection adds its own */
  VMP_SLICE_INIT ("X-Vampire-Route"),
  VMP_SLICE_INIT ("X-Vampire-Strategy"),
  VMP_SLICE_INIT ("X-Vampire-Node"),
  VMP_SLICE_INIT ("X-Vampire-Model"),
};

typedef struct {
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS + OWN_FIELDS];
  guint n;
  char *timing;
} Head;

/* Most of it is left as it is: it is large. */
static void
head_init (Head *self)
{
  self->n = 0;
  self->timing = NULL;
}

static void
add_field (Head       *self,
           VmpSlice    name,
           const char *value)
{
  if (value != NULL && *value != '\0')
    self->fields[self->n++] = (VmpHttpField) { name, vmp_slice (value) };
}

/* Names come from clients and nodes; what a field cannot hold is left out. */
static void
add_text (Head       *self,
          VmpSlice    name,
          const char *value)
{
  const char *c;

  for (c = value; c != NULL && *c != '\0'; c++)
    {
      if ((guchar) *c < ' ' || *c == 0x7f)
        return;
    }
  add_field (self, name, value);
}

/* @decided: whether the last attempt is the one that is told of; a stream that begins before its answer has none
 * yet, and those that failed are not who answers it */
static void
add_own_fields (Head        *self,
                VmpExchange *exchange,
                gboolean     decided)
{
  const VmpTrace *trace = exchange->trace;
  const VmpTraceAttempt *attempt = decided ? vmp_trace_get_attempt (trace) : NULL;

  add_text (self, VMP_SLICE_LITERAL ("X-Vampire-Route"), trace->route);
  add_field (self, VMP_SLICE_LITERAL ("X-Vampire-Strategy"), trace->strategy);
  if (attempt != NULL && !trace->is_shared)
    add_text (self, VMP_SLICE_LITERAL ("X-Vampire-Node"), attempt->node);
  if (attempt != NULL)
    add_text (self, VMP_SLICE_LITERAL ("X-Vampire-Model"), attempt->model != NULL ? attempt->model : trace->model);
  if (exchange->call->options->trace != VMP_TRACE_OFF)
    {
      self->timing = vmp_annotate_make_timing (trace, g_get_monotonic_time ());
      add_field (self, VMP_SLICE_LITERAL ("Server-Timing"), self->timing);
    }
}

static gboolean
is_own (VmpSlice name)
{
  guint i;

  if (name.len < strlen ("X-Vampire-") || (name.data[0] | 0x20) != 'x')
    return FALSE;
  for (i = 0; i < G_N_ELEMENTS (own_names); i++)
    {
      if (vmp_slices_equal_nocase (name, own_names[i]))
        return TRUE;
    }

  return FALSE;
}

static void
send_head (VmpExchange *self,
           guint        status,
           VmpSlice     reason,
           Head        *head,
           gint64       length)
{
  self->has_head = TRUE;
  self->status = status;
  self->length_promised = length >= 0;
  self->sink_funcs->head (self->sink, status, reason, head->fields, head->n, length);
  g_free (head->timing);
}

static void
send_text (VmpExchange *self,
           const char  *text)
{
  self->sink_funcs->body (self->sink, text, strlen (text));
}

/* -- A node's answer ----------------------------------------------------------------------- */

static void
send_answers_head (VmpExchange     *self,
                   const VmpAnswer *answer,
                   gint64           length)
{
  Head head;
  guint i;

  head_init (&head);
  for (i = 0; i < answer->n_fields; i++)
    {
      if (!is_own (answer->fields[i].name))
        head.fields[head.n++] = answer->fields[i];
    }
  add_own_fields (&head, self, TRUE);
  send_head (self, answer->status, answer->reason, &head, length);
}

static gboolean
wants_metadata (VmpExchange *self)
{
  return self->call->options->include_metadata || self->call->options->trace != VMP_TRACE_OFF;
}

/* The events that a traced stream begins with. */
static void
send_opening (VmpExchange *self)
{
  g_autofree char *routing = vmp_annotate_make_event ("vampire.routing", self->trace);
  g_autofree char *start = vmp_annotate_make_event ("vampire.model_start", self->trace);

  send_text (self, routing);
  send_text (self, start);
}

void
vmp_exchange_send_answer (VmpExchange     *self,
                          const VmpAnswer *answer)
{
  gboolean changes = wants_metadata (self) || self->splice != NULL;

  if (self->has_head)
    {
      self->is_misplaced = !answer->is_events;
      if (self->is_traced && answer->is_events && (self->splice == NULL || vmp_splice_count_parts (self->splice) == 1))
        send_opening (self);
      return;
    }

  self->is_events = answer->is_events;
  if (!answer->is_events && answer->is_whole && answer->status < 300 && wants_metadata (self))
    {
      self->is_whole = TRUE;
      self->answer = answer;
      return;
    }

  send_answers_head (self, answer, answer->is_events && changes ? -1 : answer->length);
  if (self->is_traced && answer->is_events)
    send_opening (self);
}

/* A whole document, with what is said about it. */
static void
send_document (VmpExchange *self,
               const char  *data,
               gsize        len)
{
  g_autofree char *metadata = vmp_annotate_make_metadata (self->trace, g_get_monotonic_time ());
  gsize new_len = len;
  g_autofree char *document = vmp_annotate_document (data, len, metadata, &new_len);

  send_answers_head (self, g_steal_pointer (&self->answer), new_len);
  self->sink_funcs->body (self->sink, document != NULL ? document : data, new_len);
}

/* Events with what is said about them. */
static void
send_annotated (VmpExchange *self,
                const char  *data,
                gsize        len)
{
  g_autofree char *last = NULL;
  g_autofree char *metadata = NULL;

  if (self->identity == NULL && !self->is_traced)
    self->identity = vmp_annotate_read_identity (self->trace, data, len);
  if (vmp_annotate_has_done (data, len))
    {
      double rate = self->asking != NULL ? vmp_asking_get_rate (self->asking, g_get_monotonic_time ()) : 0;

      if (rate > 0)
        self->trace->tokens_per_second = rate;
      metadata = vmp_annotate_make_metadata (self->trace, g_get_monotonic_time ());
      last = vmp_annotate_make_last (metadata, self->identity);
    }

  vmp_annotate_events (data, len, self->is_traced, last, &self->annotated);
  self->sink_funcs->body (self->sink, vmp_buffer_peek (&self->annotated), vmp_buffer_len (&self->annotated));
  vmp_buffer_consume (&self->annotated, vmp_buffer_len (&self->annotated));
}

/* Events, with what is said about them if the client asked for it. */
static void
send_as_asked (VmpExchange *self,
               const char  *data,
               gsize        len)
{
  if (len > 0 && wants_metadata (self))
    send_annotated (self, data, len);
  else if (len > 0)
    self->sink_funcs->body (self->sink, data, len);
}

/* What the splice has made of the events. */
static void
send_spliced (VmpExchange *self)
{
  gsize len = vmp_buffer_len (&self->spliced);

  send_as_asked (self, vmp_buffer_peek (&self->spliced), len);
  vmp_buffer_consume (&self->spliced, len);
}

static void
send_events (VmpExchange *self,
             const char  *data,
             gsize        len)
{
  if (self->splice == NULL)
    {
      send_as_asked (self, data, len);
      return;
    }

  vmp_splice_push (self->splice, data, len, &self->spliced);
  send_spliced (self);
}

gboolean
vmp_exchange_send_ending (VmpExchange *self)
{
  if (self->splice == NULL || !vmp_asking_is_between_events (self->asking)
      || !vmp_splice_end (self->splice, &self->spliced))
    return FALSE;

  send_spliced (self);

  return TRUE;
}

/* A document in the place of events becomes one, line by line as it comes: it may be of any length. */
static void
send_misplaced (VmpExchange *self,
                const char  *data,
                gsize        len)
{
  while (len > 0)
    {
      const char *end = memchr (data, '\n', len);
      gsize line_len = end != NULL ? (gsize) (end - data) : len;
      gsize taken = end != NULL ? line_len + 1 : line_len;

      if (!self->in_misplaced_line)
        send_text (self, "data: ");
      self->sink_funcs->body (self->sink, data, line_len);
      if (end != NULL)
        send_text (self, "\n");
      self->in_misplaced_line = end == NULL;
      data += taken;
      len -= taken;
    }
}

void
vmp_exchange_send_body (VmpExchange *self,
                        const char  *data,
                        gsize        len)
{
  if (self->is_misplaced)
    {
      send_misplaced (self, data, len);
    }
  else if (self->answer != NULL)
    {
      send_document (self, data, len);
    }
  else if (self->is_events && vmp_asking_is_between_events (self->asking))
    {
      send_events (self, data, len);
    }
  else
    {
      if (self->splice != NULL)
        vmp_splice_miss (self->splice);
      self->sink_funcs->body (self->sink, data, len);
    }
}

void
vmp_exchange_send_rest (VmpExchange *self)
{
  if (self->answer != NULL) /* an empty document */
    send_document (self, "", 0);
  if (self->is_misplaced)
    send_text (self, self->in_misplaced_line ? "\n\ndata: [DONE]\n\n" : "\ndata: [DONE]\n\n");
}

void
vmp_exchange_send_continued (VmpExchange *self)
{
  if (self->is_traced)
    {
      g_autofree char *event = vmp_annotate_make_event ("vampire.continued", self->trace);

      send_text (self, event);
    }
}

/* -- While it waits ------------------------------------------------------------------------ */

void
vmp_exchange_send_comment (VmpExchange *self,
                           gint64       now)
{
  const VmpHost *host = self->leads != NULL ? self->leads : self->awaited;
  double progress = host != NULL ? vmp_loads_get_progress (self->relay->loads, host, now) : -1;
  g_autofree char *comment = NULL;
  Head head;

  if (!self->has_head)
    {
      head_init (&head);
      add_field (&head, VMP_SLICE_LITERAL ("Content-Type"), "text/event-stream");
      add_field (&head, VMP_SLICE_LITERAL ("Cache-Control"), "no-cache");
      add_own_fields (&head, self, FALSE);
      send_head (self, SOUP_STATUS_OK, VMP_SLICE_LITERAL ("OK"), &head, -1);
      self->is_events = TRUE;
    }

  if (progress >= 0)
    comment = g_strdup_printf (": loading %d%%\n\n", (int) (progress * 100));
  else
    comment = g_strdup (self->waits_for_load || self->leads != NULL ? ": loading\n\n" : ": waiting\n\n");
  send_text (self, comment);
}

/* -- Instead of an answer ------------------------------------------------------------------ */

void
vmp_exchange_send_problem (VmpExchange *self,
                           VmpProblem   problem,
                           const char  *message)
{
  Head head;

  head_init (&head);
  add_own_fields (&head, self, TRUE);
  self->has_head = TRUE;
  self->status = vmp_problem_status (problem);
  self->sink_funcs->problem (self->sink, problem, message, head.fields, head.n);
  g_free (head.timing);
}

void
vmp_exchange_send_problem_event (VmpExchange *self,
                                 VmpProblem   problem,
                                 const char  *message)
{
  g_autofree char *json = vmp_problem_to_json (problem, message, FALSE);
  g_autofree char *event = g_strdup_printf ("data: %s\n\ndata: [DONE]\n\n", json);

  /* What the asking holds is half an event: its reader never learns of it. */
  send_text (self, event);
}

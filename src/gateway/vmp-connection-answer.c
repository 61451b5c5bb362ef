/* SPDX-License-Identifier: MIT
 *
 * The writing half of VmpConnection: answers and their framing, and the sending of what is waiting.
 */

#include "gateway/vmp-connection-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* So much is sent at once; less waits for what else the events at hand bring. */
#define SEND_NOW_BYTES (64 * 1024)

void
vmp_connection_send_later (VmpConnection *self)
{
  vmp_poll_defer (self->serving->poll, &self->flush, vmp_connection_flush_cb, self);
}

/* Sends what the socket takes. FALSE when the client is gone. */
static gboolean
send_some (VmpConnection *self)
{
  while (vmp_buffer_len (&self->out) > 0)
    {
      ssize_t n = send (self->fd, vmp_buffer_peek (&self->out), vmp_buffer_len (&self->out), MSG_NOSIGNAL);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        break;
      if (n <= 0)
        return FALSE;
      vmp_buffer_consume (&self->out, n);
    }

  return TRUE;
}

/* Sends what it can and asks to be called for the rest. FALSE when the connection is closed. */
static gboolean
flush (VmpConnection *self)
{
  gsize before = vmp_buffer_len (&self->out);

  if (!send_some (self))
    {
      vmp_connection_close_now (self);
      return FALSE;
    }

  /* While an answer goes out there is one deadline: that the client takes some of it. */
  if (self->state == ANSWERING || self->state == FLUSHING)
    {
      if (vmp_buffer_len (&self->out) == 0)
        self->deadline = 0;
      else if (self->deadline == 0 || vmp_buffer_len (&self->out) < before)
        vmp_connection_set_deadline (self, VMP_LIMIT_REPLY_STALL_MS);
    }
  vmp_connection_update_watch (self);

  return TRUE;
}

void
vmp_connection_flush_cb (gpointer user_data)
{
  VmpConnection *self = user_data;

  vmp_connection_enter (self);
  if (flush (self))
    {
      if (self->state == FLUSHING && vmp_buffer_len (&self->out) == 0)
        {
          vmp_connection_answer_is_out (self);
        }
      else if (self->answerer_waits && vmp_buffer_len (&self->out) <= VMP_LIMIT_REPLY_LOW_BYTES)
        {
          self->answerer_waits = FALSE;
          if (self->answerer != NULL)
            self->answerer->drained (self->answerer_data);
        }
    }
  vmp_connection_leave (self);
}

static void
append_text (VmpBuffer  *out,
             const char *text)
{
  vmp_buffer_append (out, text, strlen (text));
}

static void
append_slice (VmpBuffer *out,
              VmpSlice   slice)
{
  vmp_buffer_append (out, slice.data, slice.len);
}

static void
append_field (VmpBuffer *out,
              VmpSlice   name,
              VmpSlice   value)
{
  gsize len = name.len + strlen (": ") + value.len + strlen ("\r\n");
  char *text = vmp_buffer_extend (out, len);

  memcpy (text, name.data, name.len);
  text += name.len;
  *text++ = ':';
  *text++ = ' ';
  if (value.len > 0)
    memcpy (text, value.data, value.len);
  text += value.len;
  *text++ = '\r';
  *text++ = '\n';
}

static void
append_number (VmpBuffer *out,
               guint64    number,
               guint      base)
{
  char text[24];
  char *start = text + sizeof text;

  do
    {
      *--start = "0123456789abcdef"[number % base];
      number /= base;
    }
  while (number > 0);
  vmp_buffer_append (out, start, text + sizeof text - start);
}

static gboolean
is_old_client (VmpConnection *self)
{
  return self->request == NULL || self->request->head.minor_version == 0;
}

/* The fields that are this connection's own, whoever wrote the others. */
static void
append_own_fields (VmpConnection *self)
{
  if (self->cors_origin != NULL)
    {
      append_text (&self->out, "Access-Control-Allow-Origin: ");
      append_text (&self->out, self->cors_origin);
      append_text (&self->out, "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: *\r\n");
    }

  if (self->request_id[0] != '\0')
    append_field (&self->out, VMP_SLICE_LITERAL ("X-Vampire-Request-ID"), vmp_slice (self->request_id));

  if (self->request_len == 0 || self->serving->draining)
    self->keep = FALSE; /* where the next request would begin is not known, or it is not wanted */
  if (!self->keep)
    append_text (&self->out, "Connection: close\r\n");
  else if (is_old_client (self))
    append_text (&self->out, "Connection: keep-alive\r\n");
}

void
vmp_connection_head (VmpConnection      *self,
                     guint               status,
                     VmpSlice            reason,
                     const VmpHttpField *fields,
                     guint               n_fields,
                     gint64              length)
{
  gboolean old = is_old_client (self);
  gboolean has_no_body = status == 204 || status == 304;
  guint i;

  g_return_if_fail (self->state != CLOSED);

  self->no_body_answer = has_no_body
                         || (self->request != NULL && vmp_slice_equal (self->request->head.method, "HEAD"));
  self->chunked_answer = length < 0 && !self->no_body_answer && !old;
  self->ends_by_close = length < 0 && !self->no_body_answer && old;
  if (self->ends_by_close)
    self->keep = FALSE;

  self->status = status;
  self->first_byte = g_get_monotonic_time ();
  append_text (&self->out, "HTTP/1.1 ");
  append_number (&self->out, status, 10);
  append_text (&self->out, " ");
  append_slice (&self->out, reason);
  append_text (&self->out, "\r\n");
  for (i = 0; i < n_fields; i++)
    {
      if (self->cors_origin != NULL && vmp_slice_equal_nocase (fields[i].name, "Access-Control-Allow-Origin"))
        continue; /* the node's word on who may read does not count here */
      append_field (&self->out, fields[i].name, fields[i].value);
    }

  append_own_fields (self);
  if (self->chunked_answer)
    append_text (&self->out, "Transfer-Encoding: chunked\r\n");
  else if (length >= 0 && !has_no_body)
    {
      append_text (&self->out, "Content-Length: ");
      append_number (&self->out, length, 10);
      append_text (&self->out, "\r\n");
    }
  append_text (&self->out, "\r\n");

  vmp_connection_send_later (self);
}

void
vmp_connection_body (VmpConnection *self,
                     const char    *data,
                     gsize          len)
{
  g_return_if_fail (self->state != CLOSED);

  if (self->no_body_answer || len == 0)
    return;

  self->body_bytes += len;
  if (self->chunked_answer)
    {
      append_number (&self->out, len, 16);
      append_text (&self->out, "\r\n");
    }
  vmp_buffer_append (&self->out, data, len);
  if (self->chunked_answer)
    append_text (&self->out, "\r\n");

  /* A failure shows again when the deferred flush tries; the answerer is not to be pulled away under its feet. */
  if (vmp_buffer_len (&self->out) >= SEND_NOW_BYTES)
    send_some (self);
  vmp_connection_send_later (self);
}

gboolean
vmp_connection_has_room (VmpConnection *self)
{
  if (vmp_buffer_len (&self->out) < VMP_LIMIT_REPLY_HIGH_BYTES)
    return TRUE;

  self->answerer_waits = TRUE;
  return FALSE;
}

/* The request's memory is given back as soon as its answer has ended, not when the last byte is out. */
static void
finish (VmpConnection *self)
{
  vmp_connection_forget_request (self, self->outcome);
  self->state = FLUSHING;
  vmp_connection_send_later (self);
}

void
vmp_connection_end (VmpConnection *self)
{
  g_return_if_fail (self->state != CLOSED);

  if (self->chunked_answer)
    append_text (&self->out, "0\r\n\r\n");
  finish (self);
}

void
vmp_connection_tear (VmpConnection *self)
{
  const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

  g_return_if_fail (self->state != CLOSED);

  /* What there is goes out, without the mark of its end. Where that mark is the connection's end, only a reset
   * says that something is missing. */
  if (self->ends_by_close)
    setsockopt (self->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  self->keep = FALSE;
  finish (self);
}

void
vmp_connection_empty (VmpConnection      *self,
                      guint               status,
                      VmpSlice            reason,
                      const VmpHttpField *fields,
                      guint               n_fields)
{
  vmp_connection_head (self, status, reason, fields, n_fields, 0);
  vmp_connection_end (self);
}

void
vmp_connection_begin_problem (VmpConnection      *self,
                              VmpProblem          problem,
                              const char         *message,
                              const VmpHttpField *others,
                              guint               n_others)
{
  static const VmpHttpField challenge = { VMP_SLICE_INIT ("WWW-Authenticate"), VMP_SLICE_INIT ("Bearer") };
  guint seconds = vmp_problem_retry_after (problem);
  g_autofree char *json = NULL;
  char wait[12];
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
  guint n = 0;

  g_return_if_fail (self->state != CLOSED);
  g_return_if_fail (n_others <= VMP_LIMIT_HEAD_FIELDS / 2);

  json = vmp_problem_to_json (problem, message, FALSE);
  fields[n++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Content-Type"), VMP_SLICE_LITERAL ("application/json") };
  for (guint i = 0; i < n_others; i++)
    fields[n++] = others[i];
  if (vmp_problem_status (problem) == 401)
    fields[n++] = challenge;
  if (seconds > 0)
    {
      g_snprintf (wait, sizeof wait, "%u", seconds);
      fields[n++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Retry-After"), vmp_slice (wait) };
    }
  if (!vmp_problem_should_retry (problem))
    fields[n++] = (VmpHttpField) { VMP_SLICE_LITERAL ("x-should-retry"), VMP_SLICE_LITERAL ("false") };
  vmp_connection_head (self, vmp_problem_status (problem), vmp_slice (vmp_problem_reason (problem)), fields, n,
                       strlen (json));
  vmp_connection_body (self, json, strlen (json));
}

void
vmp_connection_problem (VmpConnection *self,
                        VmpProblem     problem,
                        const char    *message)
{
  vmp_connection_begin_problem (self, problem, message, NULL, 0);
  vmp_connection_end (self);
}

void
vmp_connection_raw (VmpConnection *self,
                    const char    *data,
                    gsize          len)
{
  g_return_if_fail (self->state != CLOSED);

  /* The head is written in one piece, before everything else. */
  if (self->first_byte == 0)
    {
      const char *line_end = memchr (data, '\n', len);
      gsize line_len = line_end != NULL ? (gsize) (line_end + 1 - data) : 0;

      self->first_byte = g_get_monotonic_time ();
      if (line_len > strlen ("HTTP/1.1 200"))
        self->status = g_ascii_digit_value (data[9]) * 100 + g_ascii_digit_value (data[10]) * 10
                       + g_ascii_digit_value (data[11]);
      vmp_buffer_append (&self->out, data, line_len);
      append_own_fields (self);
      data += line_len;
      len -= line_len;
    }
  else
    {
      self->body_bytes += len;
    }

  vmp_buffer_append (&self->out, data, len);
  vmp_connection_send_later (self);
}

void
vmp_connection_raw_end (VmpConnection *self,
                        gboolean       keep)
{
  g_return_if_fail (self->state != CLOSED);

  self->keep = self->keep && keep;
  finish (self);
}

void
vmp_connection_continue (VmpConnection *self)
{
  append_text (&self->out, "HTTP/1.1 100 Continue\r\n\r\n");
  vmp_connection_send_later (self);
}

void
vmp_connection_set_answerer (VmpConnection          *self,
                             const VmpAnswererFuncs *funcs,
                             gpointer                user_data)
{
  g_return_if_fail (self->state == ANSWERING);

  self->answerer = funcs;
  self->answerer_data = user_data;
}

void
vmp_connection_set_key (VmpConnection *self,
                        const char    *key_id)
{
  g_free (self->key);
  self->key = g_strdup (key_id);
}

const char *
vmp_connection_get_key (VmpConnection *self)
{
  return self->key;
}

void
vmp_connection_set_node (VmpConnection *self,
                         const char    *id)
{
  g_free (self->node);
  self->node = g_strdup (id);
}

const char *
vmp_connection_get_node (VmpConnection *self)
{
  return self->node;
}

void
vmp_connection_set_outcome (VmpConnection *self,
                            const char    *outcome)
{
  self->outcome = outcome;
}

const char *
vmp_connection_name_request (VmpConnection *self)
{
  vmp_request_id_make (self->request_id);

  return self->request_id;
}

void
vmp_connection_set_cors_origin (VmpConnection *self,
                                VmpSlice       origin)
{
  g_free (self->cors_origin);
  self->cors_origin = origin.data != NULL ? g_strndup (origin.data, origin.len) : NULL;
}

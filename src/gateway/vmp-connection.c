/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpConnection: its life, its deadlines, and the reading of requests.
 */

#include "gateway/vmp-connection-private.h"

#include "core/vmp-log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one recv() may bring; shared by all connections, since none holds it between two calls. */
#define RECEIVE_BYTES (64 * 1024)

static void read_head (VmpConnection *self);

/* -- Life ---------------------------------------------------------------------------------- */

static void
free_connection (VmpConnection *self)
{
  vmp_buffer_clear (&self->in);
  vmp_buffer_clear (&self->ahead);
  vmp_buffer_clear (&self->out);
  g_clear_object (&self->local);
  g_clear_object (&self->peer);
  g_free (self->key);
  g_free (self);
}

void
vmp_connection_enter (VmpConnection *self)
{
  self->busy++;
}

/* To be called last: the object may be gone after it. */
void
vmp_connection_leave (VmpConnection *self)
{
  self->busy--;
  if (self->busy == 0 && self->state == CLOSED)
    free_connection (self);
}

static void
count_body (VmpConnection *self)
{
  gint64 size = (gint64) self->body.size;

  self->serving->bodies_bytes += size - self->body_counted;
  self->body_counted = size;
}

/* One line for each request, when its answer has ended or its client has left. */
static void
log_access (VmpConnection *self,
            const char    *outcome)
{
  const VmpRequest *request = self->request;
  VmpAccessLine line = {
    .method = "-",
    .method_len = 1,
    .path = "-",
    .path_len = 1,
    .status = self->status,
    .bytes = self->body_bytes,
    .first_byte_ms = -1,
    .node = self->node,
    .outcome = outcome,
  };

  if (!vmp_log_enabled (VMP_LOG_INFO))
    return;

  if (request != NULL) /* otherwise it was not fit to be read */
    {
      line.method = request->head.method.data;
      line.method_len = request->head.method.len;
      line.path = request->head.path.data;
      line.path_len = request->head.path.len;
      line.total_ms = (g_get_monotonic_time () - request->started) / 1000.0;
      if (self->first_byte != 0)
        line.first_byte_ms = (self->first_byte - request->started) / 1000.0;
    }
  vmp_log_access (&line);
}

void
vmp_connection_forget_request (VmpConnection *self,
                               const char    *outcome)
{
  log_access (self, outcome);
  self->answerer = NULL;
  self->answerer_waits = FALSE;
  g_clear_pointer (&self->request, g_free);
  g_clear_pointer (&self->cors_origin, g_free);
  self->request_id[0] = '\0';
  g_clear_pointer (&self->node, g_free);
  vmp_buffer_clear (&self->body);
  count_body (self);
  self->outcome = "done";
  self->status = 0;
  self->body_bytes = 0;
  self->first_byte = 0;
}

void
vmp_connection_close_now (VmpConnection *self)
{
  const VmpAnswererFuncs *answerer = self->answerer;

  if (self->state == CLOSED)
    return;

  vmp_connection_enter (self);
  self->state = CLOSED;
  vmp_poll_cancel_deferred (self->serving->poll, &self->flush);
  vmp_poll_unwatch (self->serving->poll, &self->watch);
  close (self->fd);
  self->fd = -1;
  self->answerer = NULL;
  if (answerer != NULL)
    answerer->gone (self->answerer_data);
  if (self->request != NULL)
    vmp_connection_forget_request (self, "client gone");
  self->serving->funcs->closed (self->serving->user_data, self);
  vmp_connection_leave (self);
}

void
vmp_connection_set_deadline (VmpConnection *self,
                             gint64         ms)
{
  self->deadline = g_get_monotonic_time () + ms * 1000;
}

void
vmp_connection_update_watch (VmpConnection *self)
{
  VmpPollEvents events = VMP_POLL_NONE;

  if (vmp_buffer_len (&self->ahead) < VMP_LIMIT_HEAD_BYTES)
    events |= VMP_POLL_IN;
  if (vmp_buffer_len (&self->out) > 0)
    events |= VMP_POLL_OUT;
  vmp_poll_change (self->serving->poll, &self->watch, events);
}

/* Tells the client that nothing more comes, and reads on for a while: closing a socket with unread bytes makes
 * the kernel reset the connection, and with it the answer that explains why. */
static void
linger_on (VmpConnection *self)
{
  self->state = LINGERING;
  vmp_buffer_clear (&self->in);
  vmp_buffer_clear (&self->ahead);
  shutdown (self->fd, SHUT_WR);
  vmp_connection_set_deadline (self, VMP_LIMIT_LINGER_MS);
  vmp_connection_update_watch (self);
}

/* The answer is out: on to the next request. */
static void
begin_next_request (VmpConnection *self)
{
  vmp_buffer_consume (&self->in, self->request_len);
  vmp_buffer_append (&self->in, vmp_buffer_peek (&self->ahead), vmp_buffer_len (&self->ahead));
  vmp_buffer_clear (&self->ahead);
  vmp_buffer_trim (&self->in, KEPT_BYTES);
  vmp_buffer_trim (&self->out, KEPT_BYTES);
  self->request_len = 0;
  self->scanned = 0;
  self->state = READING_HEAD;
  vmp_connection_set_deadline (self, vmp_buffer_len (&self->in) > 0 ? VMP_LIMIT_HEAD_MS : VMP_LIMIT_IDLE_MS);
  vmp_connection_update_watch (self);
}

void
vmp_connection_answer_is_out (VmpConnection *self)
{
  if (!self->keep || self->serving->draining)
    {
      /* With the whole request read there is nothing unread that could reset the connection. */
      if (self->request_len == 0)
        linger_on (self);
      else
        vmp_connection_close_now (self);
      return;
    }

  begin_next_request (self);
  read_head (self);
}


/* -- Reading ------------------------------------------------------------------------------- */

static VmpProblem
problem_for_fault (VmpHeadFault fault)
{
  switch (vmp_head_fault_status (fault))
    {
    case 417:
      return VMP_PROBLEM_EXPECTATION;

    case 431:
      return VMP_PROBLEM_HEAD_TOO_LARGE;

    case 501:
      return VMP_PROBLEM_CODING;

    case 505:
      return VMP_PROBLEM_VERSION;

    default:
      return VMP_PROBLEM_BAD_HTTP;
    }
}

static void
hand_over (VmpConnection *self)
{
  VmpRequest *request = self->request;

  self->state = ANSWERING;
  self->deadline = 0;
  if (vmp_buffer_len (&self->body) > 0 || request->head.framing != VMP_BODY_LENGTH)
    {
      request->body = vmp_buffer_peek (&self->body);
      request->body_len = vmp_buffer_len (&self->body);
    }
  else
    {
      request->body = vmp_buffer_peek (&self->in) + self->head_len;
      request->body_len = request->head.content_length;
    }
  self->serving->funcs->request (self->serving->user_data, self, request);
}

static void
refuse_large_body (VmpConnection *self)
{
  g_autofree char *message = NULL;

  message = g_strdup_printf ("The request's body is larger than %" G_GINT64_FORMAT " MB, the limit set by max_body_mb.",
                             self->serving->max_body_bytes / (1024 * 1024));
  vmp_connection_problem (self, VMP_PROBLEM_BODY_TOO_LARGE, message);
}

/* Makes room in the body for what comes next. NULL, with an answer given, when there is none. */
static char *
reserve_body (VmpConnection *self,
              gsize          room)
{
  char *space;

  if (self->serving->bodies_bytes > VMP_LIMIT_BODIES_BYTES)
    space = NULL;
  else
    space = vmp_buffer_reserve (&self->body, room);
  count_body (self);
  if (space == NULL)
    vmp_connection_problem (self, VMP_PROBLEM_BODIES_TOO_LARGE,
                            "Too many large requests are under way; try again in a moment.");

  return space;
}

static gboolean
take_chunks (VmpConnection *self,
             const char    *data,
             gsize          len,
             gsize         *used)
{
  *used = 0;

  while (TRUE)
    {
      VmpSlice piece;
      gsize step;
      char *space;

      switch (vmp_chunk_reader_next (&self->chunks, data + *used, len - *used, &step, &piece))
        {
        case VMP_CHUNK_MORE:
          *used += step;
          return FALSE;

        case VMP_CHUNK_DATA:
          *used += step;
          if ((gint64) (vmp_buffer_len (&self->body) + piece.len) > self->serving->max_body_bytes)
            {
              refuse_large_body (self);
              return FALSE;
            }
          space = reserve_body (self, piece.len);
          if (space == NULL)
            return FALSE;
          memcpy (space, piece.data, piece.len);
          vmp_buffer_commit (&self->body, piece.len);
          break;

        case VMP_CHUNK_END:
          *used += step;
          return TRUE;

        case VMP_CHUNK_BAD:
        default:
          vmp_connection_problem (self, VMP_PROBLEM_BAD_HTTP, "The request's chunked body is malformed.");
          return FALSE;
        }
    }
}

/* Looks for a head in @in, and at what of its body is there already. */
static void
read_head (VmpConnection *self)
{
  VmpRequest *request = NULL;
  const char *data = vmp_buffer_peek (&self->in);
  gsize len = vmp_buffer_len (&self->in);
  VmpHeadFault fault;
  gsize skip = 0;
  gsize there;

  /* Some clients send an empty line after a body; RFC 9112, 2.2 asks to overlook it. */
  if (self->scanned == 0)
    {
      while (len - skip >= 2 && data[skip] == '\r' && data[skip + 1] == '\n')
        skip += 2;
      vmp_buffer_consume (&self->in, skip);
      data = vmp_buffer_peek (&self->in);
      len -= skip;
    }
  if (len == 0 || (len == 1 && data[0] == '\r'))
    return;

  request = g_new (VmpRequest, 1);
  fault = vmp_http_head_parse (data, len, &self->scanned, &request->head, &self->head_len);
  if (fault == VMP_HEAD_INCOMPLETE)
    {
      g_free (request);
      return;
    }
  if (fault != VMP_HEAD_OK)
    {
      g_free (request);
      self->keep = FALSE;
      vmp_connection_problem (self, problem_for_fault (fault), vmp_head_fault_message (fault));
      return;
    }

  request->raw_head = (VmpSlice) { data, self->head_len };
  request->started = g_get_monotonic_time ();
  self->request = request;
  self->keep = request->head.keep_alive;
  self->chunks = (VmpChunkReader) { 0 };
  there = len - self->head_len;

  if (request->head.framing == VMP_BODY_NONE)
    self->request_len = self->head_len;
  else if (request->head.framing == VMP_BODY_LENGTH && request->head.content_length <= there)
    self->request_len = self->head_len + request->head.content_length;

  if (!self->serving->funcs->admit (self->serving->user_data, self, &request->head))
    return;

  if (request->head.framing == VMP_BODY_LENGTH
      && request->head.content_length > (guint64) self->serving->max_body_bytes)
    {
      refuse_large_body (self);
      return;
    }

  if (self->request_len > 0)
    {
      hand_over (self);
      return;
    }

  /* The rest of the body goes into memory of its own, straight from the socket. */
  self->state = READING_BODY;
  vmp_connection_set_deadline (self, VMP_LIMIT_BODY_STALL_MS);
  if (request->head.framing == VMP_BODY_LENGTH)
    {
      char *space = reserve_body (self, MAX (there, 1));

      if (space == NULL)
        return;
      memcpy (space, data + self->head_len, there);
      vmp_buffer_commit (&self->body, there);
    }
  else
    {
      gsize used;
      gboolean whole = take_chunks (self, data + self->head_len, there, &used);

      if (self->state != READING_BODY)
        return;
      self->request_len = whole ? self->head_len + used : 0;
      if (whole)
        {
          hand_over (self);
          return;
        }
    }

  if (request->head.expect_continue && there == 0)
    {
      vmp_connection_continue (self);
    }
}

/* recv() into @space. 0 or more: bytes; -1: nothing there; -2: closed, as this connection is now, too. */
static gssize
receive (VmpConnection *self,
         char          *space,
         gsize          room)
{
  ssize_t n;

  do
    n = recv (self->fd, space, room, 0);
  while (n < 0 && errno == EINTR);

  if (n < 0 && errno == EAGAIN)
    return -1;
  if (n <= 0)
    {
      vmp_connection_close_now (self);
      return -2;
    }

  return n;
}

static void
receive_body (VmpConnection *self,
              char          *scratch)
{
  VmpRequest *request = self->request;
  gssize n;

  if (request->head.framing == VMP_BODY_LENGTH)
    {
      gsize left = request->head.content_length - vmp_buffer_len (&self->body);
      gsize room = MIN (left, 4 * (gsize) RECEIVE_BYTES);
      char *space = reserve_body (self, room);

      if (space == NULL || (n = receive (self, space, room)) < 0)
        return;
      vmp_buffer_commit (&self->body, n);
      vmp_connection_set_deadline (self, VMP_LIMIT_BODY_STALL_MS);
      if ((gsize) n < left)
        return;
      self->request_len = vmp_buffer_len (&self->in);
      hand_over (self);
    }
  else
    {
      gboolean whole;
      gsize used;

      if ((n = receive (self, scratch, RECEIVE_BYTES)) < 0)
        return;
      vmp_connection_set_deadline (self, VMP_LIMIT_BODY_STALL_MS);
      whole = take_chunks (self, scratch, n, &used);
      if (self->state != READING_BODY || !whole)
        return;
      self->request_len = vmp_buffer_len (&self->in);
      vmp_buffer_append (&self->ahead, scratch + used, n - used);
      hand_over (self);
    }
}

static void
read_ready (VmpConnection *self)
{
  static char scratch[RECEIVE_BYTES];
  gssize n;

  switch (self->state)
    {
    case READING_HEAD:
      if ((n = receive (self, scratch, RECEIVE_BYTES)) < 0)
        return;
      if (vmp_buffer_len (&self->in) == 0)
        vmp_connection_set_deadline (self, VMP_LIMIT_HEAD_MS);
      vmp_buffer_append (&self->in, scratch, n);
      read_head (self);
      break;

    case READING_BODY:
      receive_body (self, scratch);
      break;

    case ANSWERING:
    case FLUSHING:
      /* The client may only leave, or send its next request early. When too much of that is there to read more, this is
       * called for its leaving alone, and reading nothing says so. */
      if ((n = receive (self, scratch, VMP_LIMIT_HEAD_BYTES - vmp_buffer_len (&self->ahead))) < 0)
        return;
      vmp_buffer_append (&self->ahead, scratch, n);
      vmp_connection_update_watch (self);
      break;

    case LINGERING:
      receive (self, scratch, RECEIVE_BYTES);
      break;

    case CLOSED:
    default:
      break;
    }
}

static void
ready_cb (VmpPollEvents events,
          gpointer      user_data)
{
  VmpConnection *self = user_data;

  vmp_connection_enter (self);
  if (events & VMP_POLL_IN)
    read_ready (self);
  if ((events & VMP_POLL_OUT) && self->state != CLOSED)
    vmp_connection_flush_cb (self);
  vmp_connection_leave (self);
}

VmpConnection *
vmp_connection_new (VmpServing     *serving,
                    int             fd,
                    GSocketAddress *local,
                    GSocketAddress *peer,
                    gboolean        is_shared)
{
  VmpConnection *self = g_new0 (VmpConnection, 1);
  int on = 1;

  self->serving = serving;
  self->fd = fd;
  self->local = g_object_ref (local);
  self->peer = g_object_ref (peer);
  self->since = g_get_real_time ();
  self->is_shared = is_shared;
  self->state = READING_HEAD;
  self->outcome = "done";
  vmp_connection_set_deadline (self, VMP_LIMIT_HEAD_MS);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  vmp_poll_watch (serving->poll, &self->watch, fd, VMP_POLL_IN, ready_cb, self);

  return self;
}

gint64
vmp_connection_get_since (VmpConnection *self)
{
  return self->since;
}

gboolean
vmp_connection_is_answering (VmpConnection *self)
{
  return self->state == ANSWERING || self->state == FLUSHING;
}

gboolean
vmp_connection_is_shared (VmpConnection *self)
{
  return self->is_shared;
}

void
vmp_connection_set_shared (VmpConnection *self)
{
  self->is_shared = TRUE;
}

GSocketAddress *
vmp_connection_get_local_address (VmpConnection *self)
{
  return self->local;
}

GSocketAddress *
vmp_connection_get_peer_address (VmpConnection *self)
{
  return self->peer;
}

void
vmp_connection_sweep (VmpConnection *self,
                      gint64         now)
{
  if (self->dismissed_until != 0 && now >= self->dismissed_until)
    {
      vmp_connection_close_now (self);
      return;
    }
  if (self->deadline == 0 || now < self->deadline)
    return;

  /* A client that has begun to speak is told why; one that was only idle expects to be closed. */
  vmp_connection_enter (self);
  if ((self->state == READING_HEAD && vmp_buffer_len (&self->in) > 0) || self->state == READING_BODY)
    {
      self->keep = FALSE;
      vmp_connection_problem (self, VMP_PROBLEM_REQUEST_TIMEOUT, "The request did not come in time.");
    }
  else
    {
      vmp_connection_close_now (self);
    }
  vmp_connection_leave (self);
}

/* Closes it once the request at hand is answered; one that has not come whole is refused. */
static void
stop_serving (VmpConnection *self,
              VmpProblem     problem,
              const char    *message)
{
  vmp_connection_enter (self);
  self->keep = FALSE;
  if (self->state == READING_BODY)
    vmp_connection_problem (self, problem, message);
  else if (self->state == READING_HEAD || self->state == LINGERING)
    vmp_connection_close_now (self);
  vmp_connection_leave (self);
}

void
vmp_connection_drain (VmpConnection *self)
{
  stop_serving (self, VMP_PROBLEM_SHUTTING_DOWN, "Vampire was stopped before the request was complete.");
}

void
vmp_connection_dismiss (VmpConnection *self)
{
  self->dismissed_until = g_get_monotonic_time () + VMP_LIMIT_FAREWELL_MS * 1000;
  stop_serving (self, VMP_PROBLEM_REVOKED, "The owner of this computer has ended the access.");
}

gboolean
vmp_connection_is_dismissed (VmpConnection *self)
{
  return self->dismissed_until != 0;
}

void
vmp_connection_kill (VmpConnection *self)
{
  vmp_connection_close_now (self);
}

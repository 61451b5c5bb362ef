/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its HTTP/1.1 server. Nothing in here frees a connection
 * while someone writes to it: a broken or cut connection is torn down from the main loop.
 */

#include "sim-http.h"

#include "sim-json.h"
#include "sim-log.h"
#include "sim-route.h"
#include "sim-stats.h"
#include "sim-timer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 1024
#define READ_BYTES (64 * 1024)
#define MAX_BODY_BYTES (1024 * 1024 * 1024)
#define MAX_PIPELINED_BYTES (1024 * 1024)
#define DRAINED_BYTES (32 * 1024)
#define LINGER_MS 2000
#define HUGE_FIELD_BYTES (512 * 1024)

typedef enum {
  STAGE_HEAD,    /* waiting for a request, or reading its head */
  STAGE_BODY,
  STAGE_ANSWER,
  STAGE_LINGER   /* all is sent and our side is shut; waiting for the client's */
} Stage;

typedef enum {
  PIECE_HEAD,
  PIECE_FRAMING,
  PIECE_PAYLOAD
} Piece;

typedef struct {
  SimHttp *http;
  GSocket *socket;
  GSource *source;          /* NULL: bound, but not listening */
  GSocketAddress *address;  /* with the port that it got */
  gboolean control;
} Listener;

typedef struct _SimConn {
  SimHttp *http;
  GSocket *socket;
  GSource *in_source;
  GSource *out_source;
  GList link;
  guint64 id;
  gboolean control;         /* of the control listener */
  gboolean is_counted;      /* in the statistics: not one that talks to /sim/ */
  Stage stage;
  GByteArray *in;
  gsize in_used;
  GString *out;
  gsize out_sent;
  SimDechunk dechunk;
  SimExchange *exchange;
  guint n_requests;
  gboolean keep_alive;
  gboolean is_processing;
  gboolean is_broken;
  gboolean is_cut;
  SimTimer deadline;        /* of the keep-alive, and of lingering */
  SimTimer work;            /* what must not be done by the caller: next request, next drip, tearing down */
} Conn;

struct _SimHttp {
  Sim *sim;
  GPtrArray *listeners;
  GQueue conns;
  guint64 n_conns;
  SimTimer listen_again;
  GString *huge_field;
  char buffer[READ_BYTES];
};

static void conn_process (Conn *conn);
static void conn_flush (Conn *conn);
static void conn_watch_in (Conn *conn);

/* -- Ending ---------------------------------------------------------------------------------- */

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
exchange_free (SimExchange *self)
{
  if (self->is_counted)
    sim_stats_add (self->sim->stats, SIM_COUNT_ACTIVE_REQUESTS, -1);
  if (self->fields != NULL)
    g_string_free (self->fields, TRUE);
  g_byte_array_unref (self->body);
  sim_head_free (self->head);
  g_free (self);
}

static void
conn_drop_exchange (Conn   *conn,
                    SimGone gone)
{
  SimExchange *exchange = g_steal_pointer (&conn->exchange);

  if (exchange == NULL)
    return;
  if (exchange->gone != NULL && !exchange->has_ended)
    exchange->gone (exchange, gone, exchange->data);
  exchange_free (exchange);
}

static void
conn_free (Conn   *conn,
           SimGone gone)
{
  SimHttp *http = conn->http;

  conn_drop_exchange (conn, gone);
  if (conn->is_counted)
    sim_stats_add (http->sim->stats, SIM_COUNT_CONNECTIONS_ACTIVE, -1);
  clear_source (&conn->in_source);
  clear_source (&conn->out_source);
  sim_timer_disarm (http->sim->timers, &conn->deadline);
  sim_timer_disarm (http->sim->timers, &conn->work);
  g_queue_unlink (&http->conns, &conn->link);
  g_socket_close (conn->socket, NULL);
  g_object_unref (conn->socket);
  g_byte_array_unref (conn->in);
  g_string_free (conn->out, TRUE);
  g_free (conn);
}

/* Makes close () send RST, and drop what the kernel has not sent. */
static void
set_reset_on_close (GSocket *socket)
{
  struct linger linger = { .l_onoff = 1, .l_linger = 0 };

  setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Shuts our side and waits for the client's: a close with unread input would send RST instead. */
static void
conn_linger (Conn *conn)
{
  conn->stage = STAGE_LINGER;
  clear_source (&conn->out_source);
  g_socket_shutdown (conn->socket, FALSE, TRUE, NULL);
  conn_watch_in (conn);
  sim_timer_arm_ms (conn->http->sim->timers, &conn->deadline, LINGER_MS);
}

static void
conn_end_by (Conn      *conn,
             SimCloseBy by)
{
  conn_drop_exchange (conn, SIM_GONE_FAULT);
  if (by == SIM_BY_RST)
    {
      set_reset_on_close (conn->socket);
      conn_free (conn, SIM_GONE_FAULT);
    }
  else
    conn_linger (conn);
}

static void
conn_deadline (gpointer data)
{
  conn_free (data, SIM_GONE_FAULT);
}

/* -- Writing --------------------------------------------------------------------------------- */

static void
exchange_done (Conn *conn)
{
  SimExchange *exchange = g_steal_pointer (&conn->exchange);
  Sim *sim = conn->http->sim;

  if (!sim_exchange_is_control (exchange))
    {
      sim_stats_record_answer (sim->stats, exchange->status, exchange->wire_bytes, exchange->head_bytes,
                               exchange->payload_bytes);
      sim_stats_add (sim->stats, SIM_COUNT_ANSWERS, 1);
    }
  exchange_free (exchange);

  if (!conn->keep_alive)
    {
      conn_linger (conn);
      return;
    }
  conn->stage = STAGE_HEAD;
  conn_watch_in (conn);
  if (sim->config->keep_alive_ms > 0)
    sim_timer_arm_ms (sim->timers, &conn->deadline, sim->config->keep_alive_ms);
  if (conn->in->len > conn->in_used && !conn->is_processing)
    sim_timer_arm_ms (sim->timers, &conn->work, 0);
}

static void
conn_tell_drained (Conn *conn)
{
  SimExchange *exchange = conn->exchange;

  if (exchange == NULL || !exchange->wants_drain || sim_exchange_pending (exchange) > DRAINED_BYTES)
    return;
  exchange->wants_drain = FALSE;
  exchange->drained (exchange, exchange->data);
}

static gboolean
conn_writable (GSocket     *socket,
               GIOCondition condition,
               gpointer     data)
{
  Conn *conn = data;

  conn_flush (conn);
  conn_tell_drained (conn);
  if (conn->out->len == conn->out_sent && (conn->exchange == NULL || !conn->exchange->wants_drain))
    clear_source (&conn->out_source);

  return G_SOURCE_CONTINUE;
}

/* A drip is paced by its timer alone. */
static gboolean
is_dripping (Conn *conn)
{
  return conn->exchange != NULL && conn->exchange->plan.drip_ms > 0;
}

static void
conn_watch_out (Conn *conn)
{
  if (conn->out_source != NULL || conn->is_broken || is_dripping (conn))
    return;
  conn->out_source = g_socket_create_source (conn->socket, G_IO_OUT, NULL);
  g_source_set_callback (conn->out_source, G_SOURCE_FUNC (conn_writable), conn, NULL);
  g_source_attach (conn->out_source, NULL);
}

static gboolean
conn_send (Conn *conn,
           gsize len)
{
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_send (conn->socket, conn->out->str + conn->out_sent, len, NULL, &error);

  if (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      conn->is_broken = TRUE;
      clear_source (&conn->out_source);
      sim_timer_arm_ms (conn->http->sim->timers, &conn->work, 0);
      return FALSE;
    }
  conn->out_sent += (gsize) MAX (n, 0);
  if (n < (gssize) len)
    {
      conn_watch_out (conn);
      return FALSE;
    }

  return TRUE;
}

static void
conn_flush (Conn *conn)
{
  SimExchange *exchange = conn->exchange;
  gsize pending = conn->out->len - conn->out_sent;

  if (conn->is_broken)
    return;
  if (pending > 0 && is_dripping (conn))
    {
      if (sim_timer_is_armed (&conn->work))
        return;
      sim_timer_arm_ms (conn->http->sim->timers, &conn->work, exchange->plan.drip_ms);
      if (!conn_send (conn, MIN (pending, exchange->plan.drip_bytes)))
        return;
    }
  else if (pending > 0 && !conn_send (conn, pending))
    return;
  if (conn->out->len > conn->out_sent)
    return;

  g_string_truncate (conn->out, 0);
  conn->out_sent = 0;
  if (conn->is_cut)
    sim_timer_arm_ms (conn->http->sim->timers, &conn->work, 0);
  else if (exchange != NULL && exchange->has_ended)
    {
      sim_timer_disarm (conn->http->sim->timers, &conn->work);
      exchange_done (conn);
    }
}

static guint64
counted_bytes (const SimExchange *self)
{
  switch (self->plan.cut_scope)
    {
    case SIM_CUT_BODY:
      return self->wire_bytes - self->head_bytes;
    case SIM_CUT_PAYLOAD:
      return self->payload_bytes;
    case SIM_CUT_ANSWER:
    default:
      return self->wire_bytes;
    }
}

static void
put (SimExchange *self,
     Piece        piece,
     const char  *data,
     gsize        len)
{
  Conn *conn = self->conn;
  gboolean counts = self->plan.cut_scope == SIM_CUT_ANSWER
                    || (self->plan.cut_scope == SIM_CUT_BODY && piece != PIECE_HEAD)
                    || piece == PIECE_PAYLOAD;

  if (self->is_muted || len == 0)
    return;
  if (self->plan.hang_after_head && piece != PIECE_HEAD)
    {
      self->is_muted = TRUE;
      return;
    }
  if (self->plan.cut_at >= 0 && counts)
    {
      guint64 room = (guint64) self->plan.cut_at - counted_bytes (self);

      if (len > room)
        {
          len = (gsize) room;
          self->is_muted = TRUE;
          conn->is_cut = TRUE;
        }
    }

  g_string_append_len (conn->out, data, (gssize) len);
  self->wire_bytes += len;
  if (piece == PIECE_HEAD)
    self->head_bytes += len;
  else if (piece == PIECE_PAYLOAD)
    self->payload_bytes += len;
}

static const char *
reason_of (guint status)
{
  switch (status)
    {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 408: return "Request Timeout";
    case 413: return "Payload Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
    }
}

static void
append_date (GString *head,
             Sim     *sim)
{
  static char text[64];
  static gint64 at = -1;
  gint64 now = sim->config->deterministic ? 0 : g_get_real_time () / G_USEC_PER_SEC;

  if (now != at)
    {
      g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (now);
      static const char * const days[] = { "", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
      static const char * const months[] = { "", "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

      g_snprintf (text, sizeof text, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n",
                  days[g_date_time_get_day_of_week (date)], g_date_time_get_day_of_month (date),
                  months[g_date_time_get_month (date)], g_date_time_get_year (date), g_date_time_get_hour (date),
                  g_date_time_get_minute (date), g_date_time_get_second (date));
      at = now;
    }
  g_string_append (head, text);
}

/* @length: -1 for a body whose length is not known */
static void
put_head (SimExchange *self,
          guint        status,
          const char  *content_type,
          gint64       length)
{
  g_autoptr (GString) head = g_string_sized_new (512);
  Conn *conn = self->conn;
  Sim *sim = self->sim;
  SimBadHead bad = self->plan.bad_head;

  self->status = status;
  self->is_chunked = length < 0 && self->head->minor == 1;
  conn->keep_alive = self->head->keep_alive && (length >= 0 || self->is_chunked)
                     && !(self->is_chunked && self->plan.bad_chunk == SIM_CHUNK_NO_END);

  if (bad == SIM_HEAD_GARBAGE)
    g_string_append (head, "HTP/9 ~~ lmstudio-sim: this is no status line\r\n");
  else
    g_string_append_printf (head, "HTTP/1.1 %u %s\r\n", status, reason_of (status));
  g_string_append (head, "X-Powered-By: Express\r\n");
  if (sim->config->cors)
    g_string_append (head, "Access-Control-Allow-Origin: *\r\n");
  if (self->fields != NULL)
    g_string_append_len (head, self->fields->str, (gssize) self->fields->len);
  if (content_type != NULL)
    g_string_append_printf (head, "Content-Type: %s\r\n", content_type);
  if (bad == SIM_HEAD_HUGE)
    {
      g_string_append (head, "X-Simulated-Fault: ");
      g_string_append_len (head, conn->http->huge_field->str, (gssize) conn->http->huge_field->len);
      g_string_append (head, "\r\n");
    }
  if (length >= 0 && status != 204)
    g_string_append_printf (head, "Content-Length: %" G_GINT64_FORMAT "\r\n", length);
  else if (length < 0)
    g_string_append (head, "Cache-Control: no-cache\r\n");
  if (bad == SIM_HEAD_TWO_LENGTHS)
    g_string_append_printf (head, "Content-Length: %" G_GINT64_FORMAT "\r\nContent-Length: 7\r\n", MAX (length, 0) + 11);
  if (bad == SIM_HEAD_BOTH)
    g_string_append (head, length >= 0 ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 7\r\n");
  append_date (head, sim);
  if (conn->keep_alive)
    {
      g_string_append (head, "Connection: keep-alive\r\n");
      if (sim->config->keep_alive_ms > 0)
        g_string_append_printf (head, "Keep-Alive: timeout=%d\r\n", (int) (sim->config->keep_alive_ms / 1000));
    }
  else
    g_string_append (head, "Connection: close\r\n");
  if (self->is_chunked)
    g_string_append (head, "Transfer-Encoding: chunked\r\n");
  g_string_append (head, "\r\n");

  put (self, PIECE_HEAD, head->str, head->len);
}

void
sim_exchange_add_field (SimExchange *self,
                        const char  *name,
                        const char  *value)
{
  if (self->fields == NULL)
    self->fields = g_string_new (NULL);
  g_string_append_printf (self->fields, "%s: %s\r\n", name, value);
}

void
sim_exchange_watch (SimExchange   *self,
                    SimGoneFunc    gone,
                    SimDrainedFunc drained,
                    gpointer       data)
{
  self->gone = gone;
  self->drained = drained;
  self->data = data;
}

void
sim_exchange_reply (SimExchange *self,
                    guint        status,
                    const char  *content_type,
                    const char  *body,
                    gssize       len)
{
  gsize length = len >= 0 ? (gsize) len : strlen (body);

  if (self->plan.malformed_json && length > 0 && body[length - 1] == '}')
    length--;
  put_head (self, status, content_type, (gint64) length);
  if (strcmp (self->head->method, "HEAD") != 0 && status != 204)
    put (self, PIECE_PAYLOAD, body, length);
  sim_exchange_end (self);
}

void
sim_exchange_reply_json (SimExchange *self,
                         guint        status,
                         GString     *json)
{
  sim_exchange_reply (self, status, "application/json; charset=utf-8", json->str, (gssize) json->len);
  g_string_free (json, TRUE);
}

void
sim_exchange_begin (SimExchange *self,
                    guint        status,
                    const char  *content_type)
{
  put_head (self, status, content_type, -1);
}

static void
put_chunk (SimExchange *self,
           const char  *data,
           gsize        len)
{
  gboolean is_bad = ++self->n_chunks == 2;
  char size[20];

  if (is_bad && self->plan.bad_chunk == SIM_CHUNK_SIZE)
    put (self, PIECE_FRAMING, "xyz\r\n", 5);
  else if (is_bad && self->plan.bad_chunk == SIM_CHUNK_HUGE)
    put (self, PIECE_FRAMING, "fffffffffffffffff\r\n", 19);
  else
    put (self, PIECE_FRAMING, size, (gsize) g_snprintf (size, sizeof size, "%zx\r\n", len));
  put (self, PIECE_PAYLOAD, data, len);
  if (!is_bad || self->plan.bad_chunk != SIM_CHUNK_CRLF)
    put (self, PIECE_FRAMING, "\r\n", 2);
}

void
sim_exchange_write (SimExchange *self,
                    const char  *data,
                    gsize        len)
{
  g_autofree char *damaged = NULL;

  if (self->plan.malformed_json && len > 3 && memcmp (data + len - 3, "}\n\n", 3) == 0)
    {
      damaged = g_memdup2 (data, len);
      memcpy (damaged + len - 3, "\n\n", 2);
      data = damaged;
      len--;
    }
  if (self->is_chunked)
    put_chunk (self, data, len);
  else
    put (self, PIECE_PAYLOAD, data, len);
}

void
sim_exchange_flush (SimExchange *self)
{
  conn_flush (self->conn);
}

void
sim_exchange_end (SimExchange *self)
{
  if (self->is_chunked && self->plan.bad_chunk != SIM_CHUNK_NO_END)
    put (self, PIECE_FRAMING, "0\r\n\r\n", 5);

  /* A muted answer never ends by itself: it hangs, or its cut is still to come. */
  self->gone = NULL;
  self->has_ended = !self->is_muted;
  conn_flush (self->conn);
}

gsize
sim_exchange_pending (SimExchange *self)
{
  return self->conn->out->len - self->conn->out_sent;
}

void
sim_exchange_want_drain (SimExchange *self)
{
  self->wants_drain = TRUE;
  conn_watch_out (self->conn);
}

gboolean
sim_exchange_is_control (SimExchange *self)
{
  return self->conn->control || g_str_has_prefix (self->head->path, "/sim/");
}

gboolean
sim_exchange_is_by_control_port (SimExchange *self)
{
  return self->conn->control;
}

/* -- Reading --------------------------------------------------------------------------------- */

/* What Node.js says to what it cannot read: no Express is involved. */
static void
conn_refuse_request (Conn       *conn,
                     const char *status)
{
  sim_stats_add (conn->http->sim->stats, SIM_COUNT_BAD_REQUESTS, 1);
  g_string_append_printf (conn->out, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n", status);
  conn->keep_alive = FALSE;
  g_clear_pointer (&conn->exchange, exchange_free);
  conn_flush (conn);
  conn_linger (conn);
}

static GString *
fields_as_json (const SimHead *head)
{
  GString *out = g_string_sized_new (512);
  SimJson json = { .out = out };

  sim_json_begin (&json, NULL, '[');
  for (guint i = 0; i < head->fields->len; i++)
    {
      const SimField *field = &g_array_index (head->fields, SimField, i);

      sim_json_begin (&json, NULL, '[');
      sim_json_string (&json, NULL, field->name);
      sim_json_string (&json, NULL, field->value);
      sim_json_end (&json, ']');
    }
  sim_json_end (&json, ']');

  return out;
}

static void
conn_count (Conn    *conn,
            gboolean counts)
{
  SimStats *stats = conn->http->sim->stats;

  if (conn->is_counted == counts)
    return;
  conn->is_counted = counts;
  sim_stats_add (stats, SIM_COUNT_CONNECTIONS_OPENED, counts ? 1 : -1);
  sim_stats_add (stats, SIM_COUNT_CONNECTIONS_ACTIVE, counts ? 1 : -1);
}

static void
reply_status_fault (SimExchange *exchange)
{
  g_autofree char *body = g_strdup_printf ("{\"error\":{\"message\":\"Injected by lmstudio-sim: status %u\","
                                           "\"type\":\"server_error\",\"param\":null,\"code\":null}}",
                                           exchange->plan.status);
  g_autofree char *seconds = g_strdup_printf ("%d", exchange->plan.retry_after_s);

  if (exchange->plan.retry_after_s >= 0)
    sim_exchange_add_field (exchange, "Retry-After", seconds);
  sim_exchange_reply (exchange, exchange->plan.status, "application/json; charset=utf-8", body, -1);
}

/* The request is whole. */
static void
conn_dispatch (Conn *conn)
{
  SimExchange *exchange = conn->exchange;
  Sim *sim = conn->http->sim;
  SimHead *head = exchange->head;
  g_autoptr (GString) fields = NULL;

  conn->stage = STAGE_ANSWER;
  conn->n_requests++;
  exchange->arrived = g_get_monotonic_time ();
  if (sim_exchange_is_control (exchange))
    {
      /* A connection that began by asking for /sim/ is the test's own. */
      if (conn->n_requests == 1)
        conn_count (conn, FALSE);
      sim_route (exchange);
      return;
    }

  conn_count (conn, TRUE);
  exchange->is_counted = TRUE;
  sim_stats_add (sim->stats, SIM_COUNT_ACTIVE_REQUESTS, 1);
  exchange->plan = sim_faults_plan (sim, head->path);
  if (sim->config->record)
    fields = fields_as_json (head);
  sim_stats_record_request (sim->stats, head->method, head->target, head->path, fields,
                            (const char *) exchange->body->data, exchange->body->len, conn->id, conn->n_requests);
  sim_stats_add (sim->stats, SIM_COUNT_REQUESTS, 1);

  if (exchange->plan.close_if_reused && conn->n_requests > 1)
    {
      conn->is_cut = TRUE;
      sim_timer_arm_ms (sim->timers, &conn->work, 0);
    }
  else if (exchange->plan.hang)
    sim_log (sim, SIM_LOG_INFO, NULL, "Injected fault: hanging (%s %s)", head->method, head->path);
  else if (exchange->plan.status != 0)
    reply_status_fault (exchange);
  else
    sim_route (exchange);
}

static void
conn_begin_body (Conn    *conn,
                 SimHead *head)
{
  SimExchange *exchange = g_new0 (SimExchange, 1);

  sim_timer_disarm (conn->http->sim->timers, &conn->deadline);
  exchange->sim = conn->http->sim;
  exchange->conn = conn;
  exchange->head = head;
  exchange->plan = (SimFaultPlan) { .cut_at = -1, .error_after = -1, .stall_after = -1 };
  exchange->body = g_byte_array_sized_new ((guint) CLAMP (head->length, 0, 64 * 1024 * 1024));
  conn->exchange = exchange;
  conn->dechunk = (SimDechunk) { 0 };
  conn->stage = STAGE_BODY;

  if (head->expects_continue && (head->is_chunked || head->length > 0))
    {
      g_string_append (conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
      conn_flush (conn);
    }
}

static SimRead
conn_take_body (Conn *conn)
{
  SimExchange *exchange = conn->exchange;
  const char *data = (const char *) conn->in->data + conn->in_used;
  gsize len = conn->in->len - conn->in_used;
  gsize used = 0;
  SimRead read = SIM_READ_DONE;

  if (exchange->head->is_chunked)
    read = sim_dechunk (&conn->dechunk, data, len, &used, exchange->body);
  else if (exchange->head->length > MAX_BODY_BYTES)
    return SIM_READ_TOO_BIG;
  else if (exchange->head->length > 0)
    {
      used = MIN (len, (gsize) exchange->head->length - exchange->body->len);
      g_byte_array_append (exchange->body, (const guint8 *) data, (guint) used);
      read = exchange->body->len == (gsize) exchange->head->length ? SIM_READ_DONE : SIM_READ_MORE;
    }
  conn->in_used += used;

  return exchange->body->len > MAX_BODY_BYTES ? SIM_READ_TOO_BIG : read;
}

/* Reads on until bytes are missing or an answer is under way. */
static void
conn_process (Conn *conn)
{
  conn->is_processing = TRUE;
  while (conn->stage == STAGE_HEAD || conn->stage == STAGE_BODY)
    {
      SimRead read;

      if (conn->stage == STAGE_HEAD)
        {
          SimHead *head = NULL;
          gsize used = 0;

          read = sim_head_read ((const char *) conn->in->data + conn->in_used, conn->in->len - conn->in_used, &head,
                                &used);
          if (read == SIM_READ_DONE)
            {
              conn->in_used += used;
              conn_begin_body (conn, head);
            }
          else if (read != SIM_READ_MORE)
            conn_refuse_request (conn, read == SIM_READ_BAD ? "400 Bad Request" : "431 Request Header Fields Too Large");
        }
      else
        {
          read = conn_take_body (conn);
          if (read == SIM_READ_DONE)
            conn_dispatch (conn);
          else if (read != SIM_READ_MORE)
            conn_refuse_request (conn, read == SIM_READ_BAD ? "400 Bad Request" : "413 Payload Too Large");
        }
      if (read == SIM_READ_MORE)
        break;
    }
  conn->is_processing = FALSE;

  if (conn->in_used == conn->in->len)
    g_byte_array_set_size (conn->in, 0);
  else if (conn->in_used > 0)
    g_byte_array_remove_range (conn->in, 0, (guint) conn->in_used);
  conn->in_used = 0;
}

static gboolean
conn_readable (GSocket     *socket,
               GIOCondition condition,
               gpointer     data)
{
  Conn *conn = data;
  SimHttp *http = conn->http;
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_receive (socket, http->buffer, sizeof http->buffer, NULL, &error);

  if (n < 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  if (n == 0 && conn->exchange != NULL && conn->exchange->has_ended)
    {
      /* Half closed while the rest of the answer is on its way. */
      conn->keep_alive = FALSE;
      clear_source (&conn->in_source);
      return G_SOURCE_REMOVE;
    }
  if (n <= 0)
    {
      conn_free (conn, SIM_GONE_CLIENT);
      return G_SOURCE_REMOVE;
    }
  if (conn->stage == STAGE_LINGER)
    return G_SOURCE_CONTINUE;

  g_byte_array_append (conn->in, (const guint8 *) http->buffer, (guint) n);
  if (conn->stage != STAGE_ANSWER)
    conn_process (conn);
  else if (conn->in->len > MAX_PIPELINED_BYTES)
    clear_source (&conn->in_source);

  return G_SOURCE_CONTINUE;
}

static void
conn_watch_in (Conn *conn)
{
  if (conn->in_source != NULL)
    return;
  conn->in_source = g_socket_create_source (conn->socket, G_IO_IN, NULL);
  g_source_set_callback (conn->in_source, G_SOURCE_FUNC (conn_readable), conn, NULL);
  g_source_attach (conn->in_source, NULL);
}

static void
conn_work (gpointer data)
{
  Conn *conn = data;

  if (conn->is_broken)
    conn_free (conn, SIM_GONE_CLIENT);
  else if (conn->is_cut && conn->out->len == conn->out_sent)
    conn_end_by (conn, conn->exchange != NULL ? conn->exchange->plan.cut_by : SIM_BY_FIN);
  else if (conn->stage == STAGE_ANSWER)
    {
      conn_flush (conn);
      conn_tell_drained (conn);
    }
  else
    conn_process (conn);
}

/* -- Listening ------------------------------------------------------------------------------- */

static void
conn_new (SimHttp *http,
          GSocket *socket,
          gboolean control)
{
  Conn *conn = g_new0 (Conn, 1);

  g_socket_set_blocking (socket, FALSE);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  conn->http = http;
  conn->socket = socket;
  conn->control = control;
  conn->id = ++http->n_conns;
  conn->in = g_byte_array_new ();
  conn->out = g_string_new (NULL);
  conn->keep_alive = TRUE;
  conn->link.data = conn;
  sim_timer_init (&conn->deadline, conn_deadline, conn);
  sim_timer_init (&conn->work, conn_work, conn);
  g_queue_push_tail_link (&http->conns, &conn->link);
  if (!control)
    conn_count (conn, TRUE);
  conn_watch_in (conn);
}

static gboolean
listener_readable (GSocket     *socket,
                   GIOCondition condition,
                   gpointer     data)
{
  Listener *listener = data;
  SimHttp *http = listener->http;
  SimConfig *config = http->sim->config;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GSocket) accepted = g_socket_accept (socket, NULL, &error);

      if (accepted == NULL)
        {
          if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            sim_log (http->sim, SIM_LOG_ERROR, NULL, "Cannot accept: %s", error->message);
          return G_SOURCE_CONTINUE;
        }
      if (!listener->control && config->refuse == SIM_REFUSE_ACCEPT)
        {
          sim_stats_add (http->sim->stats, SIM_COUNT_CONNECTIONS_REFUSED, 1);
          set_reset_on_close (accepted);
          if (config->refuse_count > 0 && --config->refuse_count == 0)
            config->refuse = SIM_REFUSE_OFF;
          continue;
        }
      conn_new (http, g_steal_pointer (&accepted), listener->control);
    }
}

/* A fresh socket on the listener's address. Bound, it keeps the port: connects are refused until
 * it listens. */
static gboolean
listener_bind (Listener *self,
               GError  **error)
{
  g_autoptr (GSocket) socket = g_socket_new (g_socket_address_get_family (self->address), G_SOCKET_TYPE_STREAM,
                                             G_SOCKET_PROTOCOL_TCP, error);
  g_autoptr (GSocketAddress) bound = NULL;

  if (socket == NULL || !g_socket_bind (socket, self->address, TRUE, error))
    return FALSE;
  bound = g_socket_get_local_address (socket, error);
  if (bound == NULL)
    return FALSE;

  g_socket_set_blocking (socket, FALSE);
  g_socket_set_listen_backlog (socket, BACKLOG);
  g_set_object (&self->address, bound);
  g_set_object (&self->socket, socket);

  return TRUE;
}

static gboolean
listener_listen (Listener *self,
                 GError  **error)
{
  if (!g_socket_listen (self->socket, error))
    return FALSE;
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (listener_readable), self, NULL);
  g_source_attach (self->source, NULL);
  if (!self->control)
    sim_stats_add (self->http->sim->stats, SIM_COUNT_LISTENING, 1);

  return TRUE;
}

static void
listener_stop (Listener *self)
{
  if (self->source != NULL && !self->control)
    sim_stats_add (self->http->sim->stats, SIM_COUNT_LISTENING, -1);
  clear_source (&self->source);
  if (self->socket != NULL)
    g_socket_close (self->socket, NULL);
}

static void
listener_free (Listener *self)
{
  listener_stop (self);
  g_clear_object (&self->socket);
  g_clear_object (&self->address);
  g_free (self);
}

guint16
sim_http_listen (SimHttp    *self,
                 const char *host,
                 guint16     port,
                 gboolean    control,
                 GError    **error)
{
  Listener *listener = g_new0 (Listener, 1);
  g_autoptr (GInetAddress) inet = NULL;

  g_ptr_array_add (self->listeners, listener);
  listener->http = self;
  listener->control = control;
  inet = g_inet_address_new_from_string (g_str_equal (host, "localhost") ? "127.0.0.1" : host);
  if (inet == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s is no IP address", host);
      return 0;
    }
  listener->address = g_inet_socket_address_new (inet, port);
  if (!listener_bind (listener, error) || !listener_listen (listener, error))
    return 0;

  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (listener->address));
}

static void
listen_again (gpointer data)
{
  SimHttp *self = data;

  self->sim->config->refuse = SIM_REFUSE_OFF;
  sim_http_apply_config (self);
}

void
sim_http_apply_config (SimHttp *self)
{
  SimConfig *config = self->sim->config;
  gboolean closed = config->refuse == SIM_REFUSE_CLOSED;

  for (guint i = 0; i < self->listeners->len; i++)
    {
      Listener *listener = self->listeners->pdata[i];
      g_autoptr (GError) error = NULL;

      if (listener->control || closed == (listener->source == NULL))
        continue;
      if (closed)
        {
          listener_stop (listener);
          listener_bind (listener, &error);
        }
      else
        listener_listen (listener, &error);
      if (error != NULL)
        sim_log (self->sim, SIM_LOG_ERROR, NULL, "Cannot %s: %s", closed ? "keep the port" : "listen again",
                 error->message);
    }

  if (closed && config->refuse_ms > 0)
    sim_timer_arm_ms (self->sim->timers, &self->listen_again, config->refuse_ms);
  else
    sim_timer_disarm (self->sim->timers, &self->listen_again);
}

void
sim_http_drop (SimHttp   *self,
               gboolean   idle_only,
               SimCloseBy by)
{
  for (GList *link = self->conns.head, *next; link != NULL; link = next)
    {
      Conn *conn = link->data;

      next = link->next;
      if (!conn->is_counted || (idle_only && conn->exchange != NULL))
        continue;
      if (by == SIM_BY_RST)
        set_reset_on_close (conn->socket);
      conn_free (conn, SIM_GONE_FAULT);
    }
}

SimHttp *
sim_http_new (Sim *sim)
{
  SimHttp *self = g_new0 (SimHttp, 1);

  self->sim = sim;
  self->listeners = g_ptr_array_new_with_free_func ((GDestroyNotify) listener_free);
  self->huge_field = g_string_sized_new (HUGE_FIELD_BYTES);
  while (self->huge_field->len < HUGE_FIELD_BYTES)
    g_string_append_c (self->huge_field, 'x');
  sim_timer_init (&self->listen_again, listen_again, self);

  return self;
}

void
sim_http_free (SimHttp *self)
{
  if (self == NULL)
    return;

  sim_timer_disarm (self->sim->timers, &self->listen_again);
  while (self->conns.head != NULL)
    conn_free (self->conns.head->data, SIM_GONE_SHUTDOWN);
  g_ptr_array_unref (self->listeners);
  g_string_free (self->huge_field, TRUE);
  g_free (self);
}

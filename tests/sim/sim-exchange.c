/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: one answer, as bytes on its connection, with the faults that
 * concern bytes. Everything goes through put (), which counts and cuts.
 */

#include "sim-conn.h"
#include "sim-stats.h"

#include <string.h>

#define HUGE_FIELD_BYTES (512 * 1024)

typedef enum {
  PIECE_HEAD,
  PIECE_FRAMING,
  PIECE_PAYLOAD
} Piece;

SimExchange *
sim_exchange_new (SimConn *conn,
                  SimHead *head)
{
  SimExchange *self = g_new0 (SimExchange, 1);

  self->sim = conn->sim;
  self->conn = conn;
  self->head = head;
  self->plan = (SimFaultPlan) { .cut_at = -1, .error_after = -1, .stall_after = -1, .retry_after_s = -1 };
  self->body = g_byte_array_sized_new ((guint) CLAMP (head->length, 0, 64 * 1024 * 1024));

  return self;
}

void
sim_exchange_free (SimExchange *self)
{
  if (self->is_counted)
    sim_stats_add (self->sim->stats, SIM_COUNT_ACTIVE_REQUESTS, -1);
  if (self->fields != NULL)
    g_string_free (self->fields, TRUE);
  g_byte_array_unref (self->body);
  sim_head_free (self->head);
  g_free (self);
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
  SimConn *conn = self->conn;
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
  SimConn *conn = self->conn;
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
      for (guint i = 0; i < HUGE_FIELD_BYTES; i++)
        g_string_append_c (head, 'x');
      g_string_append (head, "\r\n");
    }
  if (length >= 0 && status != 204)
    g_string_append_printf (head, "Content-Length: %" G_GINT64_FORMAT "\r\n", length);
  else if (length < 0)
    g_string_append (head, "Cache-Control: no-cache\r\n");
  if (bad == SIM_HEAD_TWO_LENGTHS)
    g_string_append_printf (head, "Content-Length: %" G_GINT64_FORMAT "\r\nContent-Length: 7\r\n",
                            MAX (length, 0) + 11);
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
  sim_conn_flush (self->conn);
}

void
sim_exchange_end (SimExchange *self)
{
  if (self->is_chunked && self->plan.bad_chunk != SIM_CHUNK_NO_END)
    put (self, PIECE_FRAMING, "0\r\n\r\n", 5);

  /* A muted answer never ends by itself: it hangs, or its cut is still to come. */
  self->gone = NULL;
  self->has_ended = !self->is_muted;
  sim_conn_flush (self->conn);
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
  sim_conn_watch_out (self->conn);
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

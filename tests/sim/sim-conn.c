/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: one connection, its requests read and its answers sent.
 * Nothing in here frees a connection while someone writes to it: a broken or cut connection is torn
 * down from the main loop.
 */

#include "sim-conn.h"

#include "sim-json.h"
#include "sim-log.h"
#include "sim-route.h"
#include "sim-stats.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES (64 * 1024)
#define MAX_BODY_BYTES (1024 * 1024 * 1024)
#define MAX_PIPELINED_BYTES (1024 * 1024)
#define DRAINED_BYTES (32 * 1024)
#define LINGER_MS 2000

static void conn_watch_in (SimConn *conn);

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
conn_drop_exchange (SimConn *conn,
                    SimGone  gone)
{
  SimExchange *exchange = g_steal_pointer (&conn->exchange);

  if (exchange == NULL)
    return;
  if (exchange->gone != NULL && !exchange->has_ended)
    exchange->gone (exchange, gone, exchange->data);
  sim_exchange_free (exchange);
}

void
sim_conn_free (SimConn *conn,
               SimGone  gone)
{
  conn_drop_exchange (conn, gone);
  if (conn->is_counted)
    sim_stats_add (conn->sim->stats, SIM_COUNT_CONNECTIONS_ACTIVE, -1);
  clear_source (&conn->in_source);
  clear_source (&conn->out_source);
  sim_timer_disarm (conn->sim->timers, &conn->deadline);
  sim_timer_disarm (conn->sim->timers, &conn->work);
  g_queue_unlink (conn->owner, &conn->link);
  g_socket_close (conn->socket, NULL);
  g_object_unref (conn->socket);
  g_byte_array_unref (conn->in);
  g_string_free (conn->out, TRUE);
  g_free (conn);
}

void
sim_conn_reset_on_close (GSocket *socket)
{
  struct linger linger = { .l_onoff = 1, .l_linger = 0 };

  setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Shuts our side and waits for the client's: a close with unread input would send RST instead. */
static void
conn_linger (SimConn *conn)
{
  conn->stage = SIM_STAGE_LINGER;
  clear_source (&conn->out_source);
  g_socket_shutdown (conn->socket, FALSE, TRUE, NULL);
  conn_watch_in (conn);
  sim_timer_arm_ms (conn->sim->timers, &conn->deadline, LINGER_MS);
}

static void
conn_end_by (SimConn   *conn,
             SimCloseBy by)
{
  conn_drop_exchange (conn, SIM_GONE_FAULT);
  if (by == SIM_BY_RST)
    {
      sim_conn_reset_on_close (conn->socket);
      sim_conn_free (conn, SIM_GONE_FAULT);
    }
  else
    conn_linger (conn);
}

static void
conn_deadline (gpointer data)
{
  sim_conn_free (data, SIM_GONE_FAULT);
}

/* -- Sending --------------------------------------------------------------------------------- */

static void
exchange_done (SimConn *conn)
{
  SimExchange *exchange = g_steal_pointer (&conn->exchange);
  Sim *sim = conn->sim;

  if (!sim_exchange_is_control (exchange))
    {
      sim_stats_record_answer (sim->stats, exchange->status, exchange->wire_bytes, exchange->head_bytes,
                               exchange->payload_bytes);
      sim_stats_add (sim->stats, SIM_COUNT_ANSWERS, 1);
    }
  sim_exchange_free (exchange);

  if (!conn->keep_alive)
    {
      conn_linger (conn);
      return;
    }
  conn->stage = SIM_STAGE_HEAD;
  conn_watch_in (conn);
  if (sim->config->keep_alive_ms > 0)
    sim_timer_arm_ms (sim->timers, &conn->deadline, sim->config->keep_alive_ms);
  if (conn->in->len > conn->in_used && !conn->is_processing)
    sim_timer_arm_ms (sim->timers, &conn->work, 0);
}

static void
conn_tell_drained (SimConn *conn)
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
  SimConn *conn = data;

  sim_conn_flush (conn);
  conn_tell_drained (conn);
  if (conn->out->len == conn->out_sent && (conn->exchange == NULL || !conn->exchange->wants_drain))
    clear_source (&conn->out_source);

  return G_SOURCE_CONTINUE;
}

/* A drip is paced by its timer alone. */
static gboolean
is_dripping (SimConn *conn)
{
  return conn->exchange != NULL && conn->exchange->plan.drip_ms > 0;
}

void
sim_conn_watch_out (SimConn *conn)
{
  if (conn->out_source != NULL || conn->is_broken || is_dripping (conn))
    return;
  conn->out_source = g_socket_create_source (conn->socket, G_IO_OUT, NULL);
  g_source_set_callback (conn->out_source, G_SOURCE_FUNC (conn_writable), conn, NULL);
  g_source_attach (conn->out_source, NULL);
}

static gboolean
conn_send (SimConn *conn,
           gsize    len)
{
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_send (conn->socket, conn->out->str + conn->out_sent, len, NULL, &error);

  if (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      conn->is_broken = TRUE;
      clear_source (&conn->out_source);
      sim_timer_arm_ms (conn->sim->timers, &conn->work, 0);
      return FALSE;
    }
  conn->out_sent += (gsize) MAX (n, 0);
  if (n < (gssize) len)
    {
      sim_conn_watch_out (conn);
      return FALSE;
    }

  return TRUE;
}

void
sim_conn_flush (SimConn *conn)
{
  SimExchange *exchange = conn->exchange;
  gsize pending = conn->out->len - conn->out_sent;

  if (conn->is_broken)
    return;
  if (pending > 0 && is_dripping (conn))
    {
      if (sim_timer_is_armed (&conn->work))
        return;
      sim_timer_arm_ms (conn->sim->timers, &conn->work, exchange->plan.drip_ms);
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
    sim_timer_arm_ms (conn->sim->timers, &conn->work, 0);
  else if (exchange != NULL && exchange->has_ended)
    {
      sim_timer_disarm (conn->sim->timers, &conn->work);
      exchange_done (conn);
    }
}

/* -- Reading --------------------------------------------------------------------------------- */

/* What Node.js says to what it cannot read: no Express is involved. */
static void
conn_refuse_request (SimConn    *conn,
                     const char *status)
{
  sim_stats_add (conn->sim->stats, SIM_COUNT_BAD_REQUESTS, 1);
  g_string_append_printf (conn->out, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n", status);
  conn->keep_alive = FALSE;
  g_clear_pointer (&conn->exchange, sim_exchange_free);
  sim_conn_flush (conn);
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
conn_count (SimConn *conn,
            gboolean counts)
{
  SimStats *stats = conn->sim->stats;

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
conn_dispatch (SimConn *conn)
{
  SimExchange *exchange = conn->exchange;
  Sim *sim = conn->sim;
  SimHead *head = exchange->head;
  g_autoptr (GString) fields = NULL;

  conn->stage = SIM_STAGE_ANSWER;
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
conn_begin_body (SimConn *conn,
                 SimHead *head)
{
  sim_timer_disarm (conn->sim->timers, &conn->deadline);
  conn->exchange = sim_exchange_new (conn, head);
  conn->dechunk = (SimDechunk) { 0 };
  conn->stage = SIM_STAGE_BODY;

  if (head->expects_continue && (head->is_chunked || head->length > 0))
    {
      g_string_append (conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
      sim_conn_flush (conn);
    }
}

static SimRead
conn_take_body (SimConn *conn)
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
conn_process (SimConn *conn)
{
  conn->is_processing = TRUE;
  while (conn->stage == SIM_STAGE_HEAD || conn->stage == SIM_STAGE_BODY)
    {
      SimRead read;

      if (conn->stage == SIM_STAGE_HEAD)
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
            conn_refuse_request (conn, read == SIM_READ_BAD ? "400 Bad Request"
                                                            : "431 Request Header Fields Too Large");
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
  SimConn *conn = data;
  static char buffer[READ_BYTES];
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_receive (socket, buffer, sizeof buffer, NULL, &error);

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
      sim_conn_free (conn, SIM_GONE_CLIENT);
      return G_SOURCE_REMOVE;
    }
  if (conn->stage == SIM_STAGE_LINGER)
    return G_SOURCE_CONTINUE;

  g_byte_array_append (conn->in, (const guint8 *) buffer, (guint) n);
  if (conn->stage != SIM_STAGE_ANSWER)
    conn_process (conn);
  else if (conn->in->len > MAX_PIPELINED_BYTES)
    clear_source (&conn->in_source);

  return G_SOURCE_CONTINUE;
}

static void
conn_watch_in (SimConn *conn)
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
  SimConn *conn = data;

  if (conn->is_broken)
    sim_conn_free (conn, SIM_GONE_CLIENT);
  else if (conn->is_cut && conn->out->len == conn->out_sent)
    conn_end_by (conn, conn->exchange != NULL ? conn->exchange->plan.cut_by : SIM_BY_FIN);
  else if (conn->stage == SIM_STAGE_ANSWER)
    {
      sim_conn_flush (conn);
      conn_tell_drained (conn);
    }
  else
    conn_process (conn);
}

void
sim_conn_new (Sim     *sim,
              GQueue  *owner,
              guint64  id,
              GSocket *socket,
              gboolean control)
{
  SimConn *conn = g_new0 (SimConn, 1);

  g_socket_set_blocking (socket, FALSE);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  conn->sim = sim;
  conn->owner = owner;
  conn->id = id;
  conn->socket = socket;
  conn->control = control;
  conn->in = g_byte_array_new ();
  conn->out = g_string_new (NULL);
  conn->keep_alive = TRUE;
  conn->link.data = conn;
  sim_timer_init (&conn->deadline, conn_deadline, conn);
  sim_timer_init (&conn->work, conn_work, conn);
  g_queue_push_tail_link (owner, &conn->link);
  if (!control)
    conn_count (conn, TRUE);
  conn_watch_in (conn);
}

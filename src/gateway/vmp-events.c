/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpEvents: a ring of the last events as the bytes that readers get, and a queue of such bytes for
 * each reader, which are shared. libsoup holds one piece of a reader's stream at a time and gets the next one when that
 * was written, so that what waits for a slow reader is counted here.
 */

#include "gateway/vmp-events.h"

#include "core/vmp-limits.h"

#include <string.h>

/* Events that wait are written together, up to so many bytes. */
#define PIECE_BYTES (32 * 1024)

#define GREETING ": vampire\n\n"
#define COMMENT ":\n\n"

struct _VmpEvents {
  GMainContext *context;
  char *instance;
  guint64 last;       /* number of the newest event */
  GQueue kept;        /* of GBytes: the newest events, oldest first, without gaps in their numbers */
  gsize kept_bytes;
  GQueue readers;     /* of Reader */
  GBytes *comment;
  GSource *timer;     /* for the comments; NULL without readers */
};

typedef struct {
  VmpEvents *events;
  GList link;
  SoupServerMessage *message;
  GQueue waiting;     /* of GBytes */
  gsize waiting_bytes;
  gboolean writing;   /* libsoup has a piece; otherwise it has paused the message, and must be told of the next one */
} Reader;

/* -- Readers ------------------------------------------------------------------------------- */

static gboolean comment_cb (gpointer user_data);

static void
start_timer (VmpEvents *self)
{
  if (self->timer != NULL)
    return;

  self->timer = g_timeout_source_new_seconds (VMP_LIMIT_EVENT_COMMENT_S);
  g_source_set_static_name (self->timer, "vampire event comments");
  g_source_set_callback (self->timer, comment_cb, self, NULL);
  g_source_attach (self->timer, self->context);
}

static void
stop_timer (VmpEvents *self)
{
  if (self->timer == NULL)
    return;

  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

/* Forgets a reader. Its message is not touched: it may have ended. */
static void
remove_reader (Reader *reader)
{
  VmpEvents *self = reader->events;

  g_queue_unlink (&self->readers, &reader->link);
  g_signal_handlers_disconnect_by_data (reader->message, reader);
  g_queue_clear_full (&reader->waiting, (GDestroyNotify) g_bytes_unref);
  g_object_unref (reader->message);
  g_free (reader);

  if (self->readers.length == 0)
    stop_timer (self);
}

/* Hands libsoup the next piece, when one waits. */
static void
write_piece (Reader *reader)
{
  SoupMessageBody *body = soup_server_message_get_response_body (reader->message);
  g_autoptr (GBytes) piece = NULL;
  GString *text;

  if (reader->waiting.length == 0)
    return;

  piece = g_queue_pop_head (&reader->waiting);
  if (reader->waiting.length > 0 && g_bytes_get_size (piece) < PIECE_BYTES)
    {
      text = g_string_sized_new (MIN (reader->waiting_bytes, PIECE_BYTES) + 1);
      g_string_append_len (text, g_bytes_get_data (piece, NULL), g_bytes_get_size (piece));
      while (reader->waiting.length > 0 &&
             text->len + g_bytes_get_size (g_queue_peek_head (&reader->waiting)) <= PIECE_BYTES)
        {
          g_autoptr (GBytes) next = g_queue_pop_head (&reader->waiting);

          g_string_append_len (text, g_bytes_get_data (next, NULL), g_bytes_get_size (next));
        }
      g_bytes_unref (piece);
      piece = g_string_free_to_bytes (text);
    }

  reader->waiting_bytes -= g_bytes_get_size (piece);
  reader->writing = TRUE;
  soup_message_body_append_bytes (body, piece);
}

static void
enqueue (Reader *reader,
         GBytes *bytes)
{
  g_queue_push_tail (&reader->waiting, g_bytes_ref (bytes));
  reader->waiting_bytes += g_bytes_get_size (bytes);
}

static void
send_to (Reader *reader,
         GBytes *bytes)
{
  enqueue (reader, bytes);
  if (reader->writing)
    return;

  write_piece (reader);
  soup_server_message_unpause (reader->message);
}

/* Lets the stream end well after the piece that libsoup has. What else waits is dropped: the reader will ask for it
 * when it comes back. */
static void
end_reader (Reader *reader)
{
  soup_message_body_complete (soup_server_message_get_response_body (reader->message));
  if (!reader->writing)
    soup_server_message_unpause (reader->message);
  remove_reader (reader);
}

static void
wrote_chunk_cb (SoupServerMessage *message,
                gpointer           user_data)
{
  Reader *reader = user_data;

  reader->writing = FALSE;
  write_piece (reader);
}

/* The client left, or the server was disconnected. */
static void
message_ended_cb (SoupServerMessage *message,
                  gpointer           user_data)
{
  remove_reader (user_data);
}

static gboolean
comment_cb (gpointer user_data)
{
  VmpEvents *self = user_data;
  GList *link;

  for (link = self->readers.head; link != NULL; link = link->next)
    {
      Reader *reader = link->data;

      if (!reader->writing) /* else its client has bytes to take already */
        send_to (reader, self->comment);
    }

  return G_SOURCE_CONTINUE;
}

/* -- Events -------------------------------------------------------------------------------- */

static GBytes *
format_event (VmpEvents  *self,
              guint64     number,
              const char *type,
              const char *data)
{
  char *text = g_strdup_printf ("id: %s-%" G_GUINT64_FORMAT "\nevent: %s\ndata: %s\n\n", self->instance, number, type,
                                data);

  return g_bytes_new_take (text, strlen (text));
}

static void
keep (VmpEvents *self,
      GBytes    *event)
{
  g_queue_push_tail (&self->kept, g_bytes_ref (event));
  self->kept_bytes += g_bytes_get_size (event);
  while (self->kept.length > VMP_LIMIT_EVENTS || self->kept_bytes > VMP_LIMIT_EVENTS_BYTES)
    {
      g_autoptr (GBytes) oldest = g_queue_pop_head (&self->kept);

      self->kept_bytes -= g_bytes_get_size (oldest);
    }
}

void
vmp_events_add (VmpEvents  *self,
                const char *type,
                char       *data)
{
  G_GNUC_UNUSED g_autofree char *owned = data;
  g_autoptr (GBytes) event = NULL;
  GList *link;
  GList *next;

  g_return_if_fail (strpbrk (data, "\r\n") == NULL);

  if (strlen (data) > VMP_LIMIT_EVENT_DATA_BYTES)
    event = format_event (self, ++self->last, "reset", "{\"reason\":\"too_long\"}");
  else
    event = format_event (self, ++self->last, type, data);
  keep (self, event);

  for (link = self->readers.head; link != NULL; link = next)
    {
      Reader *reader = link->data;

      next = link->next;
      send_to (reader, event);
      if (reader->waiting_bytes > VMP_LIMIT_EVENT_READER_BYTES)
        {
          g_info ("A reader of events takes them too slowly; its stream ends");
          end_reader (reader);
        }
    }
}

gboolean
vmp_events_has_readers (VmpEvents *self)
{
  return self->readers.length > 0;
}

/* Reads the number of an id that this gateway gave since it started. */
static gboolean
read_id (VmpEvents  *self,
         const char *id,
         guint64    *number)
{
  gsize len = strlen (self->instance);

  return strncmp (id, self->instance, len) == 0 && id[len] == '-' &&
         g_ascii_string_to_unsigned (id + len + 1, 10, 0, self->last, number, NULL);
}

/* Gives a reader what has happened since its last event. */
static void
repeat_after (VmpEvents  *self,
              Reader     *reader,
              const char *last_event_id)
{
  g_autoptr (GBytes) reset = NULL;
  guint64 missed = 0;
  guint64 number;
  GList *link;

  if (!read_id (self, last_event_id, &number))
    reset = format_event (self, self->last, "reset", "{\"reason\":\"unknown\"}");
  else if (self->last - number > self->kept.length)
    reset = format_event (self, self->last, "reset", "{\"reason\":\"too_old\"}");
  else
    missed = self->last - number;

  if (reset != NULL)
    enqueue (reader, reset);
  for (link = missed > 0 ? g_queue_peek_nth_link (&self->kept, self->kept.length - missed) : NULL; link != NULL;
       link = link->next)
    enqueue (reader, link->data);
}

gboolean
vmp_events_follow (VmpEvents         *self,
                   SoupServerMessage *message,
                   const char        *last_event_id)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  g_autoptr (GBytes) greeting = NULL;
  Reader *reader;

  if (self->readers.length >= VMP_LIMIT_EVENT_READERS)
    return FALSE;

  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_message_headers_replace (headers, "Content-Type", "text/event-stream");
  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Accel-Buffering", "no"); /* for an nginx on the way */
  soup_message_headers_set_encoding (headers, soup_server_message_get_http_version (message) == SOUP_HTTP_1_0
                                     ? SOUP_ENCODING_EOF : SOUP_ENCODING_CHUNKED);
  soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);

  reader = g_new0 (Reader, 1);
  reader->events = self;
  reader->link.data = reader;
  reader->message = g_object_ref (message);
  g_queue_push_tail_link (&self->readers, &reader->link);
  g_signal_connect (message, "wrote-chunk", G_CALLBACK (wrote_chunk_cb), reader);
  g_signal_connect (message, "finished", G_CALLBACK (message_ended_cb), reader);
  g_signal_connect (message, "disconnected", G_CALLBACK (message_ended_cb), reader);
  start_timer (self);

  greeting = g_bytes_new_static (GREETING, strlen (GREETING));
  enqueue (reader, greeting);
  if (last_event_id != NULL)
    repeat_after (self, reader, last_event_id);
  write_piece (reader);

  return TRUE;
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpEvents *
vmp_events_new (void)
{
  VmpEvents *self = g_new0 (VmpEvents, 1);

  self->context = g_main_context_ref_thread_default ();
  self->instance = g_strdup_printf ("%08x", g_random_int ());
  self->comment = g_bytes_new_static (COMMENT, strlen (COMMENT));
  g_queue_init (&self->kept);
  g_queue_init (&self->readers);

  return self;
}

void
vmp_events_end (VmpEvents *self)
{
  while (self->readers.length > 0)
    end_reader (g_queue_peek_head (&self->readers));
}

void
vmp_events_free (VmpEvents *self)
{
  vmp_events_end (self);
  g_queue_clear_full (&self->kept, (GDestroyNotify) g_bytes_unref);
  g_bytes_unref (self->comment);
  g_main_context_unref (self->context);
  g_free (self->instance);
  g_free (self);
}

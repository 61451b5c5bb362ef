/* SPDX-License-Identifier: MIT
 *
 * Implementation of the flow: send, read a piece, pass on its events, read the next. It lives until its last call
 * returned.
 */

#include "client/vmp-event-flow.h"

#include "client/vmp-event-reader.h"
#include "core/vmp-limits.h"

#define CHUNK_BYTES (16 * 1024)
#define EVENT_STREAM "text/event-stream"

typedef struct {
  VmpClient *client;
  SoupMessage *message;
  GInputStream *stream; /* NULL before the head is there */
  GCancellable *cancellable;
  VmpEventReader *reader;
  const VmpEventFlowFuncs *funcs;
  gpointer user_data;
  char chunk[CHUNK_BYTES];
} Flow;

/* Frees @self. @error: (transfer full) (nullable) */
static void
end (Flow   *self,
     GError *error)
{
  const VmpEventFlowFuncs *funcs = self->funcs;
  gpointer user_data = self->user_data;
  g_autoptr (GError) owned = error;

  /* Closes the connection, unless it is at its end. */
  g_clear_object (&self->stream);
  g_clear_object (&self->message);
  g_clear_pointer (&self->reader, vmp_event_reader_free);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->client, vmp_client_free);
  g_free (self);

  funcs->ended (user_data, owned);
}

static GError *
make_cancelled (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "It was ended.");
}

static gboolean
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Flow *self = user_data;

  if (self->funcs->event != NULL)
    self->funcs->event (self->user_data, id, type, data);

  return !g_cancellable_is_cancelled (self->cancellable);
}

static void read_more (Flow *self);

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Flow *self = user_data;
  g_autoptr (GError) fault = NULL;
  GError *error = NULL;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &fault);
  gboolean is_short = TRUE;

  if (n > 0 && !g_cancellable_is_cancelled (self->cancellable))
    {
      if (self->funcs->heard != NULL)
        self->funcs->heard (self->user_data);
      is_short = vmp_event_reader_push (self->reader, self->chunk, n);
    }

  if (g_cancellable_is_cancelled (self->cancellable))
    {
      end (self, make_cancelled ());
    }
  else if (n < 0)
    {
      g_set_error (&error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "The connection to the gateway at %s ended: %s",
                   self->client->url, fault->message);
      end (self, error);
    }
  else if (n == 0)
    {
      end (self, NULL);
    }
  else if (!is_short)
    {
      g_set_error (&error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "The gateway at %s sent an event of more than %d KiB.", self->client->url,
                   VMP_LIMIT_CLIENT_EVENT_BYTES / 1024);
      end (self, error);
    }
  else
    {
      read_more (self);
    }
}

static void
read_more (Flow *self)
{
  g_input_stream_read_async (self->stream, self->chunk, CHUNK_BYTES, G_PRIORITY_DEFAULT, self->cancellable, read_cb,
                             self);
}

/* An answer of another kind, which says why there is no stream. */
static void
answer_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Flow *self = user_data;
  GError *error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_client_ask_finish (result, &error);
  g_autofree char *problem = NULL;

  if (answer == NULL)
    {
      end (self, error);
      return;
    }

  if (answer->status != SOUP_STATUS_OK)
    problem = vmp_client_answer_dup_problem (answer);
  else
    problem = vmp_client_dup_problem (answer->json);
  if (problem == NULL)
    problem = g_strdup_printf ("The gateway at %s did not answer with a stream of events.", self->client->url);
  end (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, problem));
}

static void
sent_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Flow *self = user_data;
  g_autoptr (GError) fault = NULL;
  GError *error = NULL;
  const char *type;

  self->stream = soup_session_send_finish (SOUP_SESSION (source), result, &fault);
  if (g_cancellable_is_cancelled (self->cancellable))
    {
      end (self, make_cancelled ());
      return;
    }
  if (self->stream == NULL)
    {
      vmp_client_set_unreachable (self->client, fault, &error);
      end (self, error);
      return;
    }

  type = soup_message_headers_get_content_type (soup_message_get_response_headers (self->message), NULL);
  if (soup_message_get_status (self->message) != SOUP_STATUS_OK ||
      type == NULL || g_ascii_strcasecmp (type, EVENT_STREAM) != 0)
    {
      vmp_client_read_answer_async (self->client, self->message, self->stream, self->cancellable, answer_cb, self);
      return;
    }

  if (self->funcs->begun != NULL)
    self->funcs->begun (self->user_data, self->message);
  read_more (self);
}

static gboolean
no_message_cb (gpointer user_data)
{
  Flow *self = user_data;
  GError *error = NULL;

  vmp_client_set_unreachable (self->client, NULL, &error);
  end (self, error);

  return G_SOURCE_REMOVE;
}

void
vmp_event_flow_start (VmpClient               *client,
                      SoupMessage             *message,
                      GCancellable            *cancellable,
                      const VmpEventFlowFuncs *funcs,
                      gpointer                 user_data)
{
  Flow *self = g_new0 (Flow, 1);

  self->client = vmp_client_ref (client);
  self->cancellable = g_object_ref (cancellable);
  self->reader = vmp_event_reader_new (event_cb, self);
  self->funcs = funcs;
  self->user_data = user_data;

  if (message == NULL)
    {
      g_autoptr (GSource) source = g_idle_source_new ();

      g_source_set_callback (source, no_message_cb, self, NULL);
      g_source_attach (source, g_main_context_get_thread_default ());
      return;
    }

  self->message = g_object_ref (message);
  soup_message_headers_replace (soup_message_get_request_headers (message), "Accept", EVENT_STREAM);
  soup_session_send_async (client->session, message, G_PRIORITY_DEFAULT, cancellable, sent_cb, self);
}

/* SPDX-License-Identifier: MIT
 *
 * The link's streams: a question that may be long, printed elsewhere, and an answer that comes in events. It tells an
 * event that is an error from one that is a piece of the answer; what pieces mean, its callers know.
 */

#include "client/vmp-link-private.h"

#include <glib/gi18n.h>
#include <string.h>

#include "client/vmp-event-flow.h"
#include "core/vmp-hand-over.h"
#include "core/vmp-text.h"

/* Characters of a name that a head gives, and of what went wrong. */
#define SHOWN_CHARS 500

#define END_OF_STREAM "[DONE]"

typedef struct {
  VmpLinkCall call;
  VmpClient *client;  /* NULL: there was none to ask */
  char *path;
  const VmpLinkStreamFuncs *funcs;
  gpointer user_data;
  gboolean done;      /* its end was announced */
  GError *error;      /* what an event said */
} Stream;

/* Frees @stream. */
static void
stream_end (Stream       *stream,
            const GError *error)
{
  const VmpLinkStreamFuncs *funcs = stream->funcs;
  gpointer user_data = stream->user_data;
  g_autoptr (GError) told = NULL;

  if (stream->error != NULL)
    told = g_steal_pointer (&stream->error);
  else if (error != NULL && !stream->done)
    told = vmp_link_call_make_error (&stream->call, error);
  else if (!stream->done)
    told = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                                _("The connection ended before the answer did."));

  vmp_link_call_end (&stream->call);
  g_clear_pointer (&stream->client, vmp_client_free);
  g_free (stream->path);
  g_free (stream);

  if (funcs->ended != NULL)
    funcs->ended (user_data, told);
}

static char *
dup_name (SoupMessageHeaders *headers,
          const char         *field)
{
  const char *value = soup_message_headers_get_one (headers, field);

  return value != NULL ? vmp_text_display (value, SHOWN_CHARS) : NULL;
}

static void
stream_begun_cb (gpointer     user_data,
                 SoupMessage *message)
{
  Stream *stream = user_data;
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);
  g_autofree char *node = dup_name (headers, "X-Vampire-Node");
  g_autofree char *model = dup_name (headers, "X-Vampire-Model");
  g_autofree char *request_id = dup_name (headers, "X-Vampire-Request-ID");

  if (stream->funcs->begun != NULL)
    stream->funcs->begun (stream->user_data, node, model, request_id);
}

/* What went wrong, when that is what an event is about: {"error": …}, with or without the name. (nullable) */
static GError *
read_error_event (const char *type,
                  const char *data)
{
  gboolean is_error = g_str_equal (type, "error");
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *problem = NULL;
  JsonNode *error = NULL;

  if (!is_error && strstr (data, "\"error\"") == NULL)
    return NULL;

  node = vmp_json_parse (data, strlen (data), NULL);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    error = json_object_get_member (json_node_get_object (node), "error");
  if (!is_error && (error == NULL || JSON_NODE_HOLDS_NULL (error)))
    return NULL;

  problem = vmp_client_dup_problem (node);
  if (problem == NULL && node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    {
      const char *message = vmp_json_get_string (json_node_get_object (node), "message");

      if (message == NULL)
        message = vmp_json_get_string (json_node_get_object (node), "error");
      problem = message != NULL ? vmp_text_display (message, SHOWN_CHARS) : NULL;
    }

  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED,
                              problem != NULL ? problem : _("The answer ended with an error that was not explained."));
}

static void
stream_event_cb (gpointer    user_data,
                 const char *id,
                 const char *type,
                 const char *data)
{
  Stream *stream = user_data;

  if (stream->done)
    return;
  if (g_str_equal (data, END_OF_STREAM))
    {
      stream->done = TRUE;
      return;
    }

  stream->error = read_error_event (type, data);
  if (stream->error != NULL)
    g_cancellable_cancel (stream->call.cancellable);
  else if (stream->funcs->event != NULL)
    stream->funcs->event (stream->user_data, type, data);
}

static void
stream_ended_cb (gpointer      user_data,
                 const GError *error)
{
  stream_end (user_data, error);
}

static const VmpEventFlowFuncs stream_flow_funcs = {
  .begun = stream_begun_cb,
  .event = stream_event_cb,
  .ended = stream_ended_cb,
};

static void
print_in_thread (GTask        *task,
                 gpointer      source,
                 gpointer      data,
                 GCancellable *cancellable)
{
  char *body;

  VMP_TAKE_OVER (data);
  body = vmp_json_print (data);
  VMP_HAND_OVER (body);
  g_task_return_pointer (task, body, g_free);
}

static void
printed_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Stream *stream = user_data;
  g_autofree char *body = g_task_propagate_pointer (G_TASK (result), NULL);
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  VMP_TAKE_OVER (body);
  if (g_cancellable_is_cancelled (stream->call.cancellable))
    {
      error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "It was ended.");
      stream_end (stream, error);
      return;
    }
  if (stream->client == NULL)
    {
      stream_end (stream, NULL);
      return;
    }

  message = vmp_client_make_message (stream->client, SOUP_METHOD_POST, stream->path, 0);
  if (message != NULL)
    vmp_client_set_body (message, g_steal_pointer (&body));
  vmp_event_flow_start (stream->client, message, stream->call.cancellable, &stream_flow_funcs, stream);
}

void
vmp_link_stream (VmpLink                  *self,
                 const char               *path,
                 JsonNode                 *body,
                 GCancellable             *cancellable,
                 const VmpLinkStreamFuncs *funcs,
                 gpointer                  user_data)
{
  g_autoptr (GTask) task = NULL;
  VmpClient *client;
  Stream *stream;

  g_return_if_fail (VMP_IS_LINK (self));
  g_return_if_fail (path != NULL && *path == '/');
  g_return_if_fail (body != NULL);
  g_return_if_fail (funcs != NULL);

  stream = g_new0 (Stream, 1);
  stream->path = g_strdup (path);
  stream->funcs = funcs;
  stream->user_data = user_data;
  vmp_link_call_begin (&stream->call, self, cancellable);
  client = vmp_link_get_client (self, &stream->error);
  if (client != NULL)
    stream->client = vmp_client_ref (client);

  /* A question may come with images, which take a while to print. */
  task = g_task_new (NULL, NULL, printed_cb, stream);
  g_task_set_task_data (task, body, (GDestroyNotify) json_node_unref);
  VMP_HAND_OVER (body);
  g_task_run_in_thread (task, print_in_thread);
}

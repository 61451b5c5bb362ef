/* SPDX-License-Identifier: MIT
 *
 * Speaks HTTP to the gateway: questions that are waited for, as the command line has them, and questions that are not,
 * as the windows do; both with the same messages, bounds and sentences. And follows events, waiting for them.
 */

#include "client/vmp-client-private.h"

#include <string.h>

#include "client/vmp-event-reader.h"
#include "core/vmp-hand-over.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* Bytes of an answer from which on parsing it would be felt in a window. */
#define THREAD_BYTES (64 * 1024)

#define CHUNK_BYTES (32 * 1024)

/* Characters of somebody else's text that a message repeats. */
#define SHOWN_CHARS 500

/* -- Messages ------------------------------------------------------------------------------ */

/* The session's timeout is for connecting; from then on answers may take longer. Not before the connection is complete:
 * the library sets its own once more in between. */
static void
network_event_cb (SoupMessage       *message,
                  GSocketClientEvent event,
                  GIOStream         *connection,
                  gpointer           user_data)
{
  guint read_seconds = GPOINTER_TO_UINT (user_data);
  g_autoptr (GIOStream) base = NULL;

  if (event != G_SOCKET_CLIENT_COMPLETE || connection == NULL)
    return;

  if (G_IS_TLS_CONNECTION (connection))
    g_object_get (connection, "base-io-stream", &base, NULL);
  else
    base = g_object_ref (connection);
  if (G_IS_SOCKET_CONNECTION (base))
    g_socket_set_timeout (g_socket_connection_get_socket (G_SOCKET_CONNECTION (base)), read_seconds);
}

SoupMessage *
vmp_client_make_message (VmpClient  *self,
                         const char *method,
                         const char *path,
                         guint       read_seconds)
{
  g_autofree char *url = g_strconcat (self->url, path, NULL);
  SoupMessage *message = soup_message_new (method, url);

  if (message == NULL)
    return NULL;

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  g_signal_connect (message, "network-event", G_CALLBACK (network_event_cb), GUINT_TO_POINTER (read_seconds));

  /* A kept connection may be at its end when the request is on its way. Then nobody knows whether it came through, and
   * what changes something is not to be sent twice. */
  if (!g_str_equal (method, SOUP_METHOD_GET))
    soup_message_add_flags (message, SOUP_MESSAGE_NEW_CONNECTION);

  if (self->token != NULL)
    {
      g_autofree char *authorization = g_strconcat ("Bearer ", self->token, NULL);

      soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", authorization);
    }

  return message;
}

void
vmp_client_set_body (SoupMessage *message,
                     char        *json)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (json, strlen (json));

  soup_message_set_request_body_from_bytes (message, "application/json", bytes);
}

static SoupMessage *
make_question (VmpClient  *self,
               const char *method,
               const char *path,
               JsonNode   *body,
               guint       read_seconds)
{
  SoupMessage *message = vmp_client_make_message (self, method, path, read_seconds);

  if (message != NULL && body != NULL)
    vmp_client_set_body (message, vmp_json_print (body));

  return message;
}

void
vmp_client_set_unreachable (VmpClient    *self,
                            const GError *fault,
                            GError      **error)
{
  if (fault == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Could not reach Vampire gateway at %s: "
                 "that is no address to ask.", self->url);
  else
    g_set_error (error, G_IO_ERROR, fault->domain == G_IO_ERROR ? fault->code : G_IO_ERROR_FAILED,
                 "Could not reach Vampire gateway at %s: %s", self->url, fault->message);
}

/* -- Answers ------------------------------------------------------------------------------- */

void
vmp_client_answer_free (VmpClientAnswer *self)
{
  g_free (self->text);
  g_clear_pointer (&self->json, json_node_unref);
  g_free (self);
}

static gboolean
append_to_body (VmpClient  *self,
                GString    *body,
                const char *chunk,
                gsize       n,
                GError    **error)
{
  if (body->len + n > VMP_LIMIT_CLIENT_ANSWER_BYTES)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "The answer of the gateway at %s is longer than %d MiB, so it is no Vampire.", self->url,
                   VMP_LIMIT_CLIENT_ANSWER_BYTES / (1024 * 1024));
      return FALSE;
    }
  g_string_append_len (body, chunk, n);

  return TRUE;
}

/* @body: (transfer full) */
static VmpClientAnswer *
make_answer (guint    status,
             GString *body)
{
  VmpClientAnswer *answer = g_new0 (VmpClientAnswer, 1);

  answer->status = status;
  answer->json = vmp_json_parse_up_to (body->str, body->len, VMP_LIMIT_CLIENT_ANSWER_VALUES, NULL);
  answer->text = g_string_free (body, FALSE);

  return answer;
}

/* The messages of a list of faults, as validation errors come. (transfer full) (nullable) */
static char *
join_faults (JsonArray *faults)
{
  g_autoptr (GString) joined = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (faults) && joined->len < SHOWN_CHARS; i++)
    {
      JsonNode *fault = json_array_get_element (faults, i);
      const char *text = JSON_NODE_HOLDS_OBJECT (fault)
                           ? vmp_json_get_string (json_node_get_object (fault), "msg")
                           : NULL;

      if (text != NULL)
        g_string_append_printf (joined, "%s%s", joined->len > 0 ? "; " : "", text);
    }

  return joined->len > 0 ? g_string_free (g_steal_pointer (&joined), FALSE) : NULL;
}

char *
vmp_client_dup_problem (JsonNode *document)
{
  JsonObject *object;
  g_autofree char *joined = NULL;
  const char *text;

  if (document == NULL || !JSON_NODE_HOLDS_OBJECT (document))
    return NULL;

  object = json_node_get_object (document);
  text = vmp_json_get_string (vmp_json_get_object (object, "error"), "message");
  if (text == NULL)
    text = vmp_json_get_string (object, "detail");
  if (text == NULL && vmp_json_get_array (object, "detail") != NULL)
    text = joined = join_faults (vmp_json_get_array (object, "detail"));

  return text != NULL && *text != '\0' ? vmp_text_display (text, SHOWN_CHARS) : NULL;
}

char *
vmp_client_answer_dup_problem (const VmpClientAnswer *answer)
{
  char *problem;

  g_return_val_if_fail (answer != NULL, NULL);

  problem = vmp_client_dup_problem (answer->json);

  return problem != NULL ? problem : g_strdup_printf ("The gateway answered with status %u.", answer->status);
}

/* -- Asking, and waiting ------------------------------------------------------------------- */

/* Sends, and waits for the head of the answer. */
static GInputStream *
send_message (VmpClient   *self,
              SoupMessage *message,
              GError     **error)
{
  g_autoptr (GError) fault = NULL;
  GInputStream *stream = message != NULL ? soup_session_send (self->session, message, NULL, &fault) : NULL;

  if (stream == NULL)
    vmp_client_set_unreachable (self, fault, error);

  return stream;
}

static GString *
read_body (VmpClient    *self,
           GInputStream *stream,
           GError      **error)
{
  g_autoptr (GString) body = g_string_new (NULL);
  g_autoptr (GError) fault = NULL;
  char chunk[8192];
  gssize n;

  while ((n = g_input_stream_read (stream, chunk, sizeof chunk, NULL, &fault)) > 0)
    {
      if (!append_to_body (self, body, chunk, n, error))
        return NULL;
    }

  if (n < 0)
    {
      vmp_client_set_unreachable (self, fault, error);
      return NULL;
    }

  return g_steal_pointer (&body);
}

static VmpClientAnswer *
read_answer (VmpClient    *self,
             SoupMessage  *message,
             GInputStream *stream,
             GError      **error)
{
  GString *body = read_body (self, stream, error);

  return body != NULL ? make_answer (soup_message_get_status (message), body) : NULL;
}

VmpClientAnswer *
vmp_client_ask (VmpClient  *self,
                const char *method,
                const char *path,
                JsonNode   *body,
                GError    **error)
{
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GInputStream) stream = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (method != NULL, NULL);
  g_return_val_if_fail (path != NULL && *path == '/', NULL);

  message = make_question (self, method, path, body, VMP_LIMIT_CLIENT_READ_S);
  stream = send_message (self, message, error);

  return stream != NULL ? read_answer (self, message, stream, error) : NULL;
}

/* -- Asking, without waiting --------------------------------------------------------------- */

/* A question under way: the data of its task. */
typedef struct {
  VmpClient *client;
  SoupMessage *message;
  GInputStream *stream; /* NULL before the head is there */
  guint status;
  GString *body;
  char *chunk;          /* CHUNK_BYTES */
} Question;

/* Nothing more is to come. What belongs to this thread's loop goes now: the last to let go of a task may be another
 * thread. */
static void
question_let_go (Question *self)
{
  g_clear_object (&self->stream);
  g_clear_object (&self->message);
  g_clear_pointer (&self->client, vmp_client_free);
}

static void
question_free (Question *self)
{
  VMP_TAKE_OVER (self);
  question_let_go (self);
  if (self->body != NULL)
    g_string_free (self->body, TRUE);
  g_free (self->chunk);
  g_free (self);
}

/* @message: (nullable) */
static GTask *
make_task (VmpClient          *self,
           SoupMessage        *message,
           GCancellable       *cancellable,
           GAsyncReadyCallback callback,
           gpointer            user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Question *question = g_new0 (Question, 1);

  question->client = vmp_client_ref (self);
  question->message = message != NULL ? g_object_ref (message) : NULL;
  question->body = g_string_new (NULL);
  question->chunk = g_malloc (CHUNK_BYTES);
  g_task_set_task_data (task, question, (GDestroyNotify) question_free);

  return task;
}

static void
return_unreachable (GTask        *task,
                    const GError *fault)
{
  Question *question = g_task_get_task_data (task);
  GError *error = NULL;

  vmp_client_set_unreachable (question->client, fault, &error);
  g_task_return_error (task, error);
}

static void
parse_in_thread (GTask        *task,
                 gpointer      source,
                 gpointer      data,
                 GCancellable *cancellable)
{
  Question *question = data;
  VmpClientAnswer *answer;

  VMP_TAKE_OVER (question);
  answer = make_answer (question->status, g_steal_pointer (&question->body));
  VMP_HAND_OVER (question);
  VMP_HAND_OVER (answer);
  g_task_return_pointer (task, answer, (GDestroyNotify) vmp_client_answer_free);
}

static void read_more (GTask *task);

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Question *question = g_task_get_task_data (task);
  g_autoptr (GError) fault = NULL;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &fault);

  if (n < 0)
    {
      return_unreachable (task, fault);
      return;
    }
  if (n > 0)
    {
      if (append_to_body (question->client, question->body, question->chunk, n, &fault))
        read_more (g_steal_pointer (&task));
      else
        g_task_return_error (task, g_steal_pointer (&fault));
      return;
    }

  question->status = soup_message_get_status (question->message);
  question_let_go (question);
  VMP_HAND_OVER (question);
  if (question->body->len > THREAD_BYTES)
    g_task_run_in_thread (task, parse_in_thread);
  else
    parse_in_thread (task, NULL, question, NULL);
}

/* @task: (transfer full) */
static void
read_more (GTask *task)
{
  Question *question = g_task_get_task_data (task);

  g_input_stream_read_async (question->stream, question->chunk, CHUNK_BYTES, G_PRIORITY_DEFAULT,
                             g_task_get_cancellable (task), read_cb, task);
}

static void
sent_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Question *question = g_task_get_task_data (task);
  g_autoptr (GError) fault = NULL;

  question->stream = soup_session_send_finish (SOUP_SESSION (source), result, &fault);
  if (question->stream == NULL)
    return_unreachable (task, fault);
  else
    read_more (g_steal_pointer (&task));
}

void
vmp_client_ask_async (VmpClient          *self,
                      const char         *method,
                      const char         *path,
                      JsonNode           *body,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (self != NULL);
  g_return_if_fail (method != NULL);
  g_return_if_fail (path != NULL && *path == '/');

  message = make_question (self, method, path, body, 0);
  task = make_task (self, message, cancellable, callback, user_data);
  if (message == NULL)
    return_unreachable (task, NULL);
  else
    soup_session_send_async (self->session, message, G_PRIORITY_DEFAULT, cancellable, sent_cb, g_steal_pointer (&task));
}

void
vmp_client_read_answer_async (VmpClient          *self,
                              SoupMessage        *message,
                              GInputStream       *stream,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  GTask *task = make_task (self, message, cancellable, callback, user_data);
  Question *question = g_task_get_task_data (task);

  question->stream = g_object_ref (stream);
  read_more (task);
}

VmpClientAnswer *
vmp_client_ask_finish (GAsyncResult *result,
                       GError      **error)
{
  VmpClientAnswer *answer;

  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  answer = g_task_propagate_pointer (G_TASK (result), error);
  if (answer != NULL)
    VMP_TAKE_OVER (answer);

  return answer;
}

/* -- Following events, and waiting for them ------------------------------------------------ */

static gboolean
read_events (VmpClient      *self,
             GInputStream   *stream,
             VmpEventReader *reader,
             GError        **error)
{
  char chunk[8192];

  while (!vmp_event_reader_is_ended (reader))
    {
      g_autoptr (GError) fault = NULL;
      gssize n = g_input_stream_read (stream, chunk, sizeof chunk, NULL, &fault);

      if (n <= 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                       "The gateway at %s ended the stream of events%s%s.", self->url,
                       fault != NULL ? ": " : "", fault != NULL ? fault->message : "");
          return FALSE;
        }
      if (!vmp_event_reader_push (reader, chunk, n))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "The gateway at %s sent an event of more than %d KiB.", self->url,
                       VMP_LIMIT_CLIENT_EVENT_BYTES / 1024);
          return FALSE;
        }
    }

  return TRUE;
}

gboolean
vmp_client_follow (VmpClient         *self,
                   const char        *last_event_id,
                   VmpClientEventFunc func,
                   gpointer           user_data,
                   GError           **error)
{
  g_autoptr (VmpEventReader) reader = NULL;
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GInputStream) stream = NULL;
  SoupMessageHeaders *headers;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (last_event_id == NULL || strpbrk (last_event_id, "\r\n") == NULL, FALSE);

  message = vmp_client_make_message (self, SOUP_METHOD_GET, VMP_CLIENT_EVENTS_PATH, VMP_LIMIT_CLIENT_READ_S);
  if (message != NULL)
    {
      headers = soup_message_get_request_headers (message);
      soup_message_headers_replace (headers, "Accept", "text/event-stream");
      if (last_event_id != NULL)
        soup_message_headers_replace (headers, "Last-Event-ID", last_event_id);
    }

  stream = send_message (self, message, error);
  if (stream == NULL)
    return FALSE;

  if (soup_message_get_status (message) != SOUP_STATUS_OK)
    {
      g_autoptr (VmpClientAnswer) answer = read_answer (self, message, stream, error);
      g_autofree char *problem = answer != NULL ? vmp_client_answer_dup_problem (answer) : NULL;

      if (problem != NULL)
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, problem);
      return FALSE;
    }

  reader = vmp_event_reader_new (func, user_data);

  return read_events (self, stream, reader, error);
}

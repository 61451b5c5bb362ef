/* SPDX-License-Identifier: MIT
 *
 * Finds the gateway and speaks HTTP to it, one question at a time, each waited for. What keeps a token from going
 * astray is here: no redirects, no proxy, and the owner's own tokens go to nobody but the gateway that they are of.
 */

#include "client/vmp-client.h"

#include <errno.h>
#include <fcntl.h>
#include <libsoup/soup.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "core/vmp-url.h"
#include "vmp-config.h"

/* As gateway/vmp-owner-file.h has it, which is not ours to include: the file is the seam between two programs. */
#define OWNER_FILE "gateway.json"
#define OWNER_FILE_BYTES 4096

#define DEFAULT_PORT 7777
#define EVENTS_PATH "/vampire/v1/events"

/* Characters of somebody else's text that a message repeats. */
#define SHOWN_CHARS 500

struct _VmpClient {
  SoupSession *session;
  char *url;   /* without a slash at the end */
  char *token; /* NULL: none is sent */
};

/* -- Finding the gateway ------------------------------------------------------------------- */

/* What the gateway that runs here says of itself. */
typedef struct {
  char *url;   /* NULL: none runs */
  char *token;
} Owner;

static void
owner_clear (Owner *self)
{
  g_free (self->url);
  g_free (self->token);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Owner, owner_clear)

/* Reads a file that is ours alone. An errno; EPERM for one that somebody else could have written or read. */
static int
read_private_file (const char *path,
                   char       *text,
                   gsize       size,
                   gsize      *length)
{
  struct stat status;
  gssize n = 0;
  int fault = 0;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

  *length = 0;
  if (fd < 0)
    return errno;

  if (fstat (fd, &status) < 0)
    fault = errno;
  else if (!S_ISREG (status.st_mode) || status.st_uid != geteuid () || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    fault = EPERM;

  while (fault == 0 && *length < size && (n = read (fd, text + *length, size - *length)) != 0)
    {
      if (n > 0)
        *length += n;
      else if (errno != EINTR)
        fault = errno;
    }
  close (fd);

  return fault;
}

/* The address to connect to for one that is listened on: "every address" is none to connect to. */
static char *
connectable_url (const VmpBaseUrl *url)
{
  const char *host = NULL;

  if (g_str_equal (url->host, "0.0.0.0"))
    host = "127.0.0.1";
  else if (g_str_equal (url->host, "::"))
    host = "[::1]";
  if (host == NULL)
    return g_strdup (url->text);

  return g_strdup_printf ("%s://%s:%u%s", url->tls ? "https" : "http", host, url->port, url->prefix);
}

static gboolean
read_owner_file (Owner      *self,
                 const char *data_dir,
                 GError    **error)
{
  g_autofree char *path = g_build_filename (data_dir, OWNER_FILE, NULL);
  g_autofree char *shown = vmp_text_display (path, SHOWN_CHARS);
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (VmpBaseUrl) url = NULL;
  const char *text = NULL;
  char bytes[OWNER_FILE_BYTES];
  gsize length;
  int fault = read_private_file (path, bytes, sizeof bytes, &length);

  if (fault == ENOENT || fault == ENOTDIR)
    return TRUE;

  if (fault == EPERM || fault == ELOOP)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "The file %s, which says where the gateway is, is open to other users; remove it and restart "
                   "Vampire, or name the gateway with --gateway.", shown);
      return FALSE;
    }

  if (fault != 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (fault),
                   "The file %s, which says where the gateway is, cannot be read: %s.", shown, g_strerror (fault));
      return FALSE;
    }

  root = vmp_json_parse (bytes, length, NULL);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    {
      text = vmp_json_get_string (json_node_get_object (root), "url");
      url = text != NULL ? vmp_base_url_parse (text, NULL) : NULL;
    }
  if (url == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The file %s does not say where the gateway is; remove it and restart Vampire, or name the "
                   "gateway with --gateway.", shown);
      return FALSE;
    }

  self->url = connectable_url (url);
  self->token = g_strdup (vmp_json_get_string (json_node_get_object (root), "token"));

  return TRUE;
}

/* Whether what is sent there stays on this computer or is encrypted. */
static gboolean
is_safe_for_secrets (const char *text)
{
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (text, NULL);
  g_autoptr (GInetAddress) address = NULL;

  if (url == NULL)
    return FALSE;
  if (url->tls || g_str_equal (url->host, "localhost"))
    return TRUE;

  address = g_inet_address_new_from_string (url->host);

  return address != NULL && g_inet_address_get_is_loopback (address);
}

static gboolean
check_token (const char *token,
             GError    **error)
{
  for (const char *c = token; c != NULL && *c != '\0'; c++)
    {
      if (g_ascii_iscntrl (*c))
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                               "The token must be one line without control characters, for others cannot be sent.");
          return FALSE;
        }
    }

  return TRUE;
}

static const char *
nonempty (const char *text)
{
  return text != NULL && *text != '\0' ? text : NULL;
}

/* -- A client ------------------------------------------------------------------------------ */

/* The one that a person named goes wherever that person said. The gateway's own go to itself alone, and not over a
 * network in the clear. */
static char *
choose_token (const char        *url,
              const char        *named,
              const Owner       *owner,
              const char        *default_url,
              const VmpSettings *settings)
{
  if (named != NULL)
    return g_strdup (named);
  if (!is_safe_for_secrets (url))
    return NULL;
  if (nonempty (owner->token) != NULL && g_strcmp0 (owner->url, url) == 0)
    return g_strdup (owner->token);
  if (g_str_equal (default_url, url))
    return g_strdup (settings->auth_token);

  return NULL;
}

static SoupSession *
make_session (void)
{
  SoupSession *session = soup_session_new_with_options ("user-agent", "vampire/" VMP_VERSION,
                                                        "timeout", VMP_LIMIT_CLIENT_CONNECT_S,
                                                        NULL);

  /* Not the environment's proxy either. */
  soup_session_set_proxy_resolver (session, NULL);
  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);

  return session;
}

VmpClient *
vmp_client_new (const char         *gateway,
                const char         *token,
                const VmpSettings  *settings,
                const char * const *env,
                GError            **error)
{
  g_autoptr (VmpClient) self = NULL;
  g_auto (Owner) owner = { 0 };
  g_autoptr (GError) fault = NULL;
  g_autofree char *default_url = NULL;
  const char *named = nonempty (token);

  g_return_val_if_fail (settings != NULL, NULL);

  if (named == NULL)
    named = nonempty (g_environ_getenv ((char **) env, "VAMPIRE_TOKEN"));
  if (!check_token (named, error))
    return NULL;

  /* Somebody who names a gateway needs no file that does. */
  if (!read_owner_file (&owner, settings->data_dir, gateway == NULL ? error : NULL) && gateway == NULL)
    return NULL;
  if (!check_token (owner.token, NULL))
    g_clear_pointer (&owner.token, g_free);

  self = g_new0 (VmpClient, 1);
  default_url = g_strdup_printf ("http://127.0.0.1:%u", settings->port != 0 ? settings->port : DEFAULT_PORT);
  if (gateway != NULL)
    {
      g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (gateway, &fault);

      if (url == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The gateway %s.", fault->message);
          return NULL;
        }
      self->url = g_strdup (url->text);
    }
  else
    {
      self->url = g_strdup (owner.url != NULL ? owner.url : default_url);
    }

  self->token = choose_token (self->url, named, &owner, default_url, settings);
  self->session = make_session ();

  return g_steal_pointer (&self);
}

void
vmp_client_free (VmpClient *self)
{
  if (self->session != NULL)
    soup_session_abort (self->session);
  g_clear_object (&self->session);
  g_free (self->url);
  g_free (self->token);
  g_free (self);
}

const char *
vmp_client_get_url (VmpClient *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->url;
}

void
vmp_client_answer_free (VmpClientAnswer *self)
{
  g_free (self->text);
  g_clear_pointer (&self->json, json_node_unref);
  g_free (self);
}

/* -- Asking -------------------------------------------------------------------------------- */

char *
vmp_client_path (const char *literal,
                 ...)
{
  GString *path = g_string_new (literal);
  const char *part;
  va_list args;

  va_start (args, literal);
  while ((part = va_arg (args, const char *)) != NULL)
    {
      /* These two are ways up, to our own HTTP library too, also when they are encoded once. Nothing has such an id;
       * encoded twice, nothing is what is found. */
      if (g_str_equal (part, ".") || g_str_equal (part, ".."))
        {
          for (; *part != '\0'; part++)
            g_string_append (path, "%252E");
        }
      else
        {
          g_autofree char *escaped = g_uri_escape_bytes ((const guint8 *) part, strlen (part), NULL);

          g_string_append (path, escaped);
        }

      literal = va_arg (args, const char *);
      if (literal == NULL)
        break;
      g_string_append (path, literal);
    }
  va_end (args);

  return g_string_free (path, FALSE);
}

/* The session's timeout is for connecting; from then on answers may take longer. */
static void
network_event_cb (SoupMessage       *message,
                  GSocketClientEvent event,
                  GIOStream         *connection,
                  gpointer           user_data)
{
  if (event == G_SOCKET_CLIENT_CONNECTED && G_IS_SOCKET_CONNECTION (connection))
    g_socket_set_timeout (g_socket_connection_get_socket (G_SOCKET_CONNECTION (connection)), VMP_LIMIT_CLIENT_READ_S);
}

static SoupMessage *
make_message (VmpClient  *self,
              const char *method,
              const char *path,
              JsonNode   *body)
{
  g_autofree char *url = g_strconcat (self->url, path, NULL);
  SoupMessage *message = soup_message_new (method, url);
  SoupMessageHeaders *headers;

  if (message == NULL)
    return NULL;

  headers = soup_message_get_request_headers (message);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  g_signal_connect (message, "network-event", G_CALLBACK (network_event_cb), NULL);

  if (self->token != NULL)
    {
      g_autofree char *authorization = g_strconcat ("Bearer ", self->token, NULL);

      soup_message_headers_replace (headers, "Authorization", authorization);
    }

  if (body != NULL)
    {
      char *text = vmp_json_print (body);
      g_autoptr (GBytes) bytes = g_bytes_new_take (text, strlen (text));

      soup_message_set_request_body_from_bytes (message, "application/json", bytes);
    }

  return message;
}

/* Sends, and waits for the head of the answer. */
static GInputStream *
send_message (VmpClient   *self,
              SoupMessage *message,
              GError     **error)
{
  g_autoptr (GError) fault = NULL;
  GInputStream *stream;

  if (message == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Could not reach Vampire gateway at %s: "
                   "that is no address to ask.", self->url);
      return NULL;
    }

  stream = soup_session_send (self->session, message, NULL, &fault);
  if (stream == NULL)
    g_set_error (error, G_IO_ERROR, fault->domain == G_IO_ERROR ? fault->code : G_IO_ERROR_FAILED,
                 "Could not reach Vampire gateway at %s: %s", self->url, fault->message);

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
      if (body->len + n > VMP_LIMIT_CLIENT_ANSWER_BYTES)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "The answer of the gateway at %s is longer than %d MiB, so it is no Vampire.", self->url,
                       VMP_LIMIT_CLIENT_ANSWER_BYTES / (1024 * 1024));
          return NULL;
        }
      g_string_append_len (body, chunk, n);
    }

  if (n < 0)
    {
      g_set_error (error, G_IO_ERROR, fault->domain == G_IO_ERROR ? fault->code : G_IO_ERROR_FAILED,
                   "Could not reach Vampire gateway at %s: %s", self->url, fault->message);
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
  g_autoptr (GString) body = read_body (self, stream, error);
  VmpClientAnswer *answer;

  if (body == NULL)
    return NULL;

  answer = g_new0 (VmpClientAnswer, 1);
  answer->status = soup_message_get_status (message);
  answer->json = vmp_json_parse_up_to (body->str, body->len, VMP_LIMIT_CLIENT_ANSWER_VALUES, NULL);
  answer->text = g_string_free (g_steal_pointer (&body), FALSE);

  return answer;
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

  message = make_message (self, method, path, body);
  stream = send_message (self, message, error);

  return stream != NULL ? read_answer (self, message, stream, error) : NULL;
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
vmp_client_answer_dup_problem (const VmpClientAnswer *answer)
{
  JsonObject *object = NULL;
  JsonObject *error = NULL;
  g_autofree char *joined = NULL;
  const char *text = NULL;

  g_return_val_if_fail (answer != NULL, NULL);

  if (answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json))
    {
      object = json_node_get_object (answer->json);
      error = vmp_json_get_object (object, "error");
      if (error != NULL)
        text = vmp_json_get_string (error, "message");
      if (text == NULL)
        text = vmp_json_get_string (object, "detail");
      if (text == NULL && vmp_json_get_array (object, "detail") != NULL)
        text = joined = join_faults (vmp_json_get_array (object, "detail"));
    }

  if (text == NULL || *text == '\0')
    return g_strdup_printf ("The gateway answered with status %u.", answer->status);

  return vmp_text_display (text, SHOWN_CHARS);
}

/* -- Following events ---------------------------------------------------------------------- */

/* Rules: https://html.spec.whatwg.org/multipage/server-sent-events.html */
typedef struct {
  VmpClientEventFunc func;
  gpointer user_data;
  GString *line;
  GString *data;      /* lines, each with its end */
  char *id;           /* stays for the events after it */
  char *type;
  gboolean after_cr;  /* an LF that is next belongs to it */
  gboolean ended;     /* @func wants no more */
} EventReader;

static void
event_reader_clear (EventReader *self)
{
  g_string_free (self->line, TRUE);
  g_string_free (self->data, TRUE);
  g_free (self->id);
  g_free (self->type);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EventReader, event_reader_clear)

static void
event_reader_end_event (EventReader *self)
{
  if (self->data->len > 0)
    {
      g_string_truncate (self->data, self->data->len - 1);
      self->ended = !self->func (self->user_data, self->id != NULL ? self->id : "",
                                 nonempty (self->type) != NULL ? self->type : "message", self->data->str);
    }

  g_string_truncate (self->data, 0);
  g_clear_pointer (&self->type, g_free);
}

static void
event_reader_end_line (EventReader *self)
{
  char *name = self->line->str;
  char *value = strchr (name, ':');

  if (self->line->len == 0)
    {
      event_reader_end_event (self);
      return;
    }

  if (value == NULL)
    value = name + strlen (name);
  else
    *value++ = '\0';
  if (*value == ' ')
    value++;

  if (g_str_equal (name, "data"))
    {
      g_string_append (self->data, value);
      g_string_append_c (self->data, '\n');
    }
  else if (g_str_equal (name, "event"))
    {
      g_free (self->type);
      self->type = g_utf8_make_valid (value, -1);
    }
  else if (g_str_equal (name, "id"))
    {
      g_free (self->id);
      self->id = g_utf8_make_valid (value, -1);
    }

  g_string_truncate (self->line, 0);
}

/* FALSE: an event is too long. */
static gboolean
event_reader_push (EventReader *self,
                   const char  *bytes,
                   gsize        n)
{
  for (gsize i = 0; i < n && !self->ended; i++)
    {
      char c = bytes[i];
      gboolean is_rest_of_end = c == '\n' && self->after_cr;

      self->after_cr = c == '\r';
      if (is_rest_of_end)
        continue;

      if (c == '\r' || c == '\n')
        event_reader_end_line (self);
      else if (self->line->len + self->data->len < VMP_LIMIT_CLIENT_EVENT_BYTES)
        g_string_append_c (self->line, c);
      else
        return FALSE;
    }

  return TRUE;
}

static gboolean
read_events (VmpClient    *self,
             GInputStream *stream,
             EventReader  *reader,
             GError      **error)
{
  char chunk[8192];

  while (!reader->ended)
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
      if (!event_reader_push (reader, chunk, n))
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
  g_auto (EventReader) reader = {
    .func = func, .user_data = user_data, .line = g_string_new (NULL), .data = g_string_new (NULL),
  };
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GInputStream) stream = NULL;
  SoupMessageHeaders *headers;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (last_event_id == NULL || strpbrk (last_event_id, "\r\n") == NULL, FALSE);

  message = make_message (self, SOUP_METHOD_GET, EVENTS_PATH, NULL);
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

  return read_events (self, stream, &reader, error);
}

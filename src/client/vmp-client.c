/* SPDX-License-Identifier: MIT
 *
 * Finds the gateway, and chooses what it is told to be let in. What keeps a token from going astray is here and in
 * vmp-client-ask.c: no redirects, no proxy, and the owner's own tokens go to nobody but the gateway that they are of.
 */

#include "client/vmp-client-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "core/vmp-url.h"
#include "vmp-config.h"

#define OWNER_FILE_BYTES 4096

#define DEFAULT_PORT 7777

/* Characters of a path that a message repeats. */
#define SHOWN_CHARS 500

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
  g_autofree char *path = g_build_filename (data_dir, VMP_CLIENT_OWNER_FILE, NULL);
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
                                                        "max-conns", VMP_LIMIT_CLIENT_CONNECTIONS,
                                                        "max-conns-per-host", VMP_LIMIT_CLIENT_CONNECTIONS,
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
  g_atomic_ref_count_init (&self->count);
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

VmpClient *
vmp_client_ref (VmpClient *self)
{
  g_atomic_ref_count_inc (&self->count);

  return self;
}

void
vmp_client_free (VmpClient *self)
{
  if (!g_atomic_ref_count_dec (&self->count))
    return;

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

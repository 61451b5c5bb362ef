/* SPDX-License-Identifier: MIT
 *
 * Reading base URLs, hosts and origins. Written out by hand rather than with GUri, because every form that is
 * tolerated here is one that another parser (libcurl, the resolver, a browser) may read differently: what is
 * not plainly a host, a port or a path is refused.
 */

#include "core/vmp-url.h"

#include <string.h>

/* Bytes of a base URL or an origin. Longer ones are no address of a machine. */
#define URL_MAX 2048

/* RFC 1035: a host name, and one label of it. */
#define HOST_MAX 253
#define LABEL_MAX 63

#define HTTP_PORT 80
#define HTTPS_PORT 443

/* -- Hosts --------------------------------------------------------------------------------- */

/* Whether a last label makes the host an IPv4 address for some parser: all digits, or hexadecimal after 0x. */
static gboolean
is_number (const char *label)
{
  if (g_str_has_prefix (label, "0x"))
    return strspn (label + 2, "0123456789abcdef") == strlen (label + 2);

  return strspn (label, "0123456789") == strlen (label);
}

static gboolean
is_name (const char *host)
{
  g_auto (GStrv) labels = NULL;

  if (strlen (host) > HOST_MAX)
    return FALSE;

  labels = g_strsplit (host, ".", -1);
  for (gsize i = 0; labels[i] != NULL; i++)
    {
      gsize len = strlen (labels[i]);

      if (len == 0 || len > LABEL_MAX || labels[i][0] == '-' || labels[i][len - 1] == '-')
        return FALSE;
      if (strspn (labels[i], "abcdefghijklmnopqrstuvwxyz0123456789-_") != len)
        return FALSE;
      if (labels[i + 1] == NULL && is_number (labels[i]))
        return FALSE;
    }

  return TRUE;
}

/* An address in the form that GLib prints, or NULL when it is none of that family. */
static char *
normalise_address (const char   *text,
                   GSocketFamily family)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  if (address == NULL || g_inet_address_get_family (address) != family)
    return NULL;

  return g_inet_address_to_string (address);
}

char *
vmp_url_normalise_host (const char *text,
                        gssize      len)
{
  g_autofree char *host = NULL;
  g_autofree char *ascii = NULL;
  char *address;

  g_return_val_if_fail (text != NULL, NULL);

  if (len < 0)
    len = strlen (text);
  if (len == 0 || len > URL_MAX || memchr (text, '\0', len) != NULL)
    return NULL;

  if (text[0] == '[')
    {
      if (len < 2 || text[len - 1] != ']')
        return NULL;
      host = g_strndup (text + 1, len - 2);
      return normalise_address (host, G_SOCKET_FAMILY_IPV6);
    }

  host = g_strndup (text, len);
  if (strchr (host, ':') != NULL)
    return normalise_address (host, G_SOCKET_FAMILY_IPV6);

  address = normalise_address (host, G_SOCKET_FAMILY_IPV4);
  if (address != NULL)
    return address;

  if (g_str_is_ascii (host))
    ascii = g_steal_pointer (&host);
  else if (len <= HOST_MAX && g_utf8_validate (host, -1, NULL))
    ascii = g_hostname_to_ascii (host);
  if (ascii == NULL)
    return NULL;

  for (char *c = ascii; *c != '\0'; c++)
    *c = g_ascii_tolower (*c);

  return is_name (ascii) ? g_steal_pointer (&ascii) : NULL;
}

/* -- Authorities --------------------------------------------------------------------------- */

/* Reads `host` or `host:port`; *port stays as it is where none is written. */
static gboolean
parse_authority (const char *text,
                 gsize       len,
                 char      **host,
                 guint16    *port,
                 GError    **error)
{
  const char *end = text + len;
  const char *host_end = text[0] == '[' ? memchr (text, ']', len) : memchr (text, ':', len);

  if (host_end == NULL)
    host_end = end;
  else if (text[0] == '[')
    host_end++;

  if (text[0] != '[' && host_end < end && memchr (host_end + 1, ':', end - host_end - 1) != NULL)
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_HOST,
                           "must have an IPv6 address in brackets, such as http://[::1]:1234");
      return FALSE;
    }

  if (host_end < end)
    {
      g_autofree char *digits = g_strndup (host_end + 1, end - host_end - 1);
      guint64 number;

      if (*host_end != ':' || !g_ascii_string_to_unsigned (digits, 10, 1, G_MAXUINT16, &number, NULL))
        {
          g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_PORT,
                               "must have a port from 1 to 65535 after the colon, or no colon");
          return FALSE;
        }
      *port = number;
    }

  *host = vmp_url_normalise_host (text, host_end - text);
  if (*host == NULL)
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_HOST,
                           "must name a host, which is a name or an IP address, such as http://localhost:1234");
      return FALSE;
    }

  return TRUE;
}

/* Puts together what parse_authority() took apart; a @port of 0 is left out. */
static void
append_authority (GString    *text,
                  const char *host,
                  guint16     port)
{
  g_string_append_printf (text, strchr (host, ':') != NULL ? "[%s]" : "%s", host);
  if (port != 0)
    g_string_append_printf (text, ":%u", port);
}

/* -- Base URLs ----------------------------------------------------------------------------- */

static gboolean
is_dot_segment (const char *segment)
{
  gsize n_dots = 0;

  while (*segment != '\0')
    {
      if (*segment == '.')
        segment++;
      else if (g_ascii_strncasecmp (segment, "%2e", 3) == 0)
        segment += 3;
      else
        return FALSE;
      n_dots++;
    }

  return n_dots <= 2;
}

/* Whether a path without slashes at its end may stand before a request's own: characters of RFC 3986 only, and
 * no segment that is empty or that some server folds away. */
static gboolean
is_prefix (const char *path)
{
  g_auto (GStrv) segments = NULL;

  if (*path == '\0')
    return TRUE;

  for (const char *c = path; *c != '\0'; c++)
    {
      if (*c == '%')
        {
          if (!g_ascii_isxdigit (c[1]) || !g_ascii_isxdigit (c[2]))
            return FALSE;
        }
      else if (!g_ascii_isalnum (*c) && strchr ("/-._~!$&'()*+,;=:@", *c) == NULL)
        {
          return FALSE;
        }
    }

  segments = g_strsplit (path + 1, "/", -1);
  for (gsize i = 0; segments[i] != NULL; i++)
    {
      if (is_dot_segment (segments[i]))
        return FALSE;
    }

  return TRUE;
}

static gsize
length_without_slashes (const char *path,
                        gsize       len)
{
  while (len > 0 && path[len - 1] == '/')
    len--;

  return len;
}

/* The path as it goes before a request's own: without slashes and `/v1` at the end. Also without a second
 * `/v1`, so that the result is left as it is when it is parsed again. */
static char *
trim_path (const char *path)
{
  gsize len = length_without_slashes (path, strlen (path));

  while (len >= strlen ("/v1") && memcmp (path + len - strlen ("/v1"), "/v1", strlen ("/v1")) == 0)
    len = length_without_slashes (path, len - strlen ("/v1"));

  return g_strndup (path, len);
}

VmpBaseUrl *
vmp_base_url_parse (const char *text,
                    GError    **error)
{
  g_autoptr (VmpBaseUrl) self = g_new0 (VmpBaseUrl, 1);
  g_autofree char *path = NULL;
  GString *whole;
  const char *authority;
  gsize authority_len;
  guint16 usual_port;

  g_return_val_if_fail (text != NULL, NULL);

  if (strlen (text) > URL_MAX)
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_FAILED, "must not be longer than 2048 bytes");
      return NULL;
    }

  if (g_ascii_strncasecmp (text, "http://", strlen ("http://")) == 0)
    {
      authority = text + strlen ("http://");
    }
  else if (g_ascii_strncasecmp (text, "https://", strlen ("https://")) == 0)
    {
      authority = text + strlen ("https://");
      self->tls = TRUE;
    }
  else
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_SCHEME,
                           "must begin with http:// or https://, such as http://localhost:1234");
      return NULL;
    }

  authority_len = strcspn (authority, "/?#");
  if (memchr (authority, '@', authority_len) != NULL)
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_USER, "must not hold a user name or a password");
      return NULL;
    }
  if (strpbrk (authority, "?#") != NULL)
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_QUERY, "must not hold a query or a fragment (? or #)");
      return NULL;
    }

  usual_port = self->tls ? HTTPS_PORT : HTTP_PORT;
  self->port = usual_port;
  if (!parse_authority (authority, authority_len, &self->host, &self->port, error))
    return NULL;

  path = trim_path (authority + authority_len);
  if (!is_prefix (path))
    {
      g_set_error_literal (error, G_URI_ERROR, G_URI_ERROR_BAD_PATH,
                           "must have a plain path or none: no spaces, no empty, \".\" or \"..\" segments");
      return NULL;
    }

  whole = g_string_new (self->tls ? "https://" : "http://");
  append_authority (whole, self->host, self->port == usual_port ? 0 : self->port);
  g_string_append (whole, path);
  self->text = g_string_free (whole, FALSE);
  self->prefix = self->text + strlen (self->text) - strlen (path);

  return g_steal_pointer (&self);
}

void
vmp_base_url_free (VmpBaseUrl *self)
{
  g_free (self->text);
  g_free (self->host);
  g_free (self);
}

/* -- Origins ------------------------------------------------------------------------------- */

char *
vmp_url_normalise_origin (const char *text)
{
  g_autofree char *scheme = NULL;
  g_autofree char *host = NULL;
  const char *authority;
  gsize scheme_len;
  gsize authority_len;
  GString *origin;
  guint16 port = 0;

  g_return_val_if_fail (text != NULL, NULL);

  authority = strstr (text, "://");
  if (authority == NULL || strlen (text) > URL_MAX)
    return NULL;

  scheme_len = authority - text;
  scheme = g_ascii_strdown (text, scheme_len);
  if (!g_ascii_islower (scheme[0]) || strspn (scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != scheme_len)
    return NULL;

  authority += strlen ("://");
  authority_len = strlen (authority);
  if (authority_len > 0 && authority[authority_len - 1] == '/')
    authority_len--;
  if (!parse_authority (authority, authority_len, &host, &port, NULL))
    return NULL;

  if ((g_str_equal (scheme, "http") && port == HTTP_PORT) || (g_str_equal (scheme, "https") && port == HTTPS_PORT))
    port = 0;

  origin = g_string_new (scheme);
  g_string_append (origin, "://");
  append_authority (origin, host, port);

  return g_string_free (origin, FALSE);
}

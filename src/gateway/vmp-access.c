/* SPDX-License-Identifier: MIT
 *
 * Implementation of the access checks.
 */

#include "gateway/vmp-access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* Pages of desktop programs. They have no host that a web site could take, and their owner installed them. */
static const char * const app_schemes[] = { "app", "tauri", "vscode-file", "vscode-webview" };

/* The host of "host", "host:port" or "[v6]:port", without brackets; empty when it is written in any other way. */
static VmpSlice
host_of (VmpSlice authority)
{
  const char *end = authority.data + authority.len;
  const char *host = authority.data;
  const char *host_end;
  const char *rest;

  if (authority.len > 0 && *host == '[')
    {
      host++;
      host_end = memchr (host, ']', end - host);
      rest = host_end != NULL ? host_end + 1 : NULL;
    }
  else
    {
      host_end = authority.len > 0 ? memchr (host, ':', authority.len) : NULL;
      if (host_end == NULL)
        host_end = end;
      rest = host_end;
    }

  if (rest != NULL && rest < end)
    {
      if (*rest++ != ':')
        return (VmpSlice) { NULL, 0 };
      while (rest < end && g_ascii_isdigit (*rest))
        rest++;
    }
  if (rest != end)
    return (VmpSlice) { NULL, 0 };

  return (VmpSlice) { host, host_end - host };
}

/* "localhost", names under it (RFC 6761 gives them to loopback), 127.0.0.0/8 in its one usual spelling, and ::1. */
static gboolean
is_loopback_host (VmpSlice host)
{
  static const char under_localhost[] = ".localhost";
  char text[INET6_ADDRSTRLEN];
  struct in_addr v4;
  struct in6_addr v6;

  if (host.len > 0 && host.data[host.len - 1] == '.')
    host.len--;
  if (vmp_slice_equal_nocase (host, "localhost"))
    return TRUE;
  if (host.len > strlen (under_localhost)
      && g_ascii_strncasecmp (host.data + host.len - strlen (under_localhost), under_localhost,
                              strlen (under_localhost)) == 0)
    return TRUE;

  if (host.len == 0 || host.len >= sizeof text)
    return FALSE;
  memcpy (text, host.data, host.len);
  text[host.len] = '\0';
  if (inet_pton (AF_INET, text, &v4) == 1)
    return (ntohl (v4.s_addr) >> 24) == 127;
  if (inet_pton (AF_INET6, text, &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK (&v6);

  return FALSE;
}

static gboolean
is_listed (char   **list,
           VmpSlice item)
{
  guint i;

  for (i = 0; list[i] != NULL; i++)
    {
      if (vmp_slice_equal_nocase (item, list[i]))
        return TRUE;
    }

  return FALSE;
}

static gboolean
host_is_allowed (const VmpSettings *settings,
                 const VmpHttpHead *head)
{
  VmpSlice host;

  if (head->host.data == NULL) /* HTTP/1.0 without a Host: no browser sends that */
    return TRUE;

  host = host_of (head->host);
  return is_loopback_host (host) || is_listed (settings->allowed_hosts, host);
}

static gboolean
origin_is_allowed (const VmpSettings *settings,
                   const VmpHttpHead *head,
                   VmpSlice           origin)
{
  const char *colon = memchr (origin.data, ':', origin.len);
  VmpSlice scheme;
  VmpSlice authority;
  guint i;

  if (is_listed (settings->cors_origins, origin) || is_listed (settings->cors_origins, VMP_SLICE_LITERAL ("*")))
    return TRUE;

  /* "null" is what a sandboxed frame of any page says. */
  if (colon == NULL || origin.len - (colon - origin.data) < strlen ("://") || memcmp (colon, "://", 3) != 0)
    return FALSE;
  scheme = (VmpSlice) { origin.data, colon - origin.data };
  authority = (VmpSlice) { colon + 3, origin.len - scheme.len - 3 };

  if (vmp_slice_equal_nocase (scheme, "http") || vmp_slice_equal_nocase (scheme, "https"))
    {
      /* Our own pages, wherever they were opened from. */
      if (head->host.data != NULL && vmp_slices_equal_nocase (authority, head->host))
        return TRUE;
      /* Pages of other programs on this computer may ask models, not manage the gateway. */
      return vmp_access_is_data_path (head->path) && is_loopback_host (host_of (authority));
    }

  for (i = 0; i < G_N_ELEMENTS (app_schemes); i++)
    {
      if (vmp_slice_equal_nocase (scheme, app_schemes[i]))
        return vmp_access_is_data_path (head->path);
    }

  return FALSE;
}

/* The time it takes is that of what was given: it tells nothing of how much is equal, nor how long the token is. */
static gboolean
token_matches (const char *token,
               VmpSlice    given)
{
  gsize len = strlen (token);
  guint difference = given.len != len;
  gsize i;

  for (i = 0; i < given.len; i++)
    difference |= (guchar) given.data[i] ^ (guchar) token[MIN (i, len)];

  return difference == 0;
}

/* What the request shows to be let in: a bearer token or, as Anthropic's clients send it, an API key. FALSE:
 * nothing. */
static gboolean
get_credential (const VmpHttpHead *head,
                VmpSlice          *credential)
{
  static const char bearer[] = "Bearer ";
  const VmpSlice *authorization = vmp_http_head_get (head, "Authorization");
  const VmpSlice *api_key = vmp_http_head_get (head, "X-Api-Key");

  if (authorization != NULL && authorization->len > strlen (bearer)
      && g_ascii_strncasecmp (authorization->data, bearer, strlen (bearer)) == 0)
    *credential = (VmpSlice) { authorization->data + strlen (bearer), authorization->len - strlen (bearer) };
  else if (api_key != NULL)
    *credential = *api_key;
  else
    return FALSE;

  return TRUE;
}

static gboolean
path_is_under (VmpSlice    path,
               const char *folder)
{
  gsize len = strlen (folder);

  return path.len >= len && memcmp (path.data, folder, len) == 0 && (path.len == len || path.data[len] == '/');
}

gboolean
vmp_access_is_data_path (VmpSlice path)
{
  return path_is_under (path, "/v1");
}

/* What is for the owner: the control API, and the counts at the address where Prometheus looks for them. By the path as
 * the control surface reads it, which undoes its percent-encoding. What cannot be read counts as well. */
static gboolean
is_control_path (VmpSlice path)
{
  static const char * const folders[] = { "/vampire", "/metrics" };
  g_autofree char *decoded = g_uri_unescape_segment (path.data, path.data + path.len, NULL);
  guint i;

  for (i = 0; decoded != NULL && i < G_N_ELEMENTS (folders); i++)
    {
      if (path_is_under (vmp_slice (decoded), folders[i]))
        return TRUE;
    }

  return decoded == NULL;
}

static VmpAccess
refuse (VmpAccessVerdict *verdict,
        VmpProblem        problem,
        const char       *message)
{
  verdict->problem = problem;
  verdict->message = message;

  return VMP_ACCESS_REFUSED;
}

/* The last of the checks: does who asks have to be known, and are they? */
static VmpAccess
check_credential (const VmpAccessRules *rules,
                  const VmpHttpHead    *head,
                  VmpAccessVerdict     *verdict)
{
  const char *auth_token = rules->settings->auth_token;
  gboolean is_data = vmp_access_is_data_path (head->path);
  gboolean is_control = !is_data && is_control_path (head->path);
  gboolean must_be_known = rules->door == VMP_DOOR_SHARED || (auth_token != NULL && (is_data || is_control));
  VmpSlice given = { NULL, 0 };
  gboolean is_given = get_credential (head, &given);

  if (is_given && auth_token != NULL && token_matches (auth_token, given))
    return VMP_ACCESS_GRANTED;
  if (is_given && rules->door == VMP_DOOR_LOOPBACK && rules->owner_token != NULL
      && token_matches (rules->owner_token, given))
    return VMP_ACCESS_GRANTED;

  if (is_given && rules->keys != NULL && (rules->door == VMP_DOOR_LOOPBACK || rules->sharing))
    verdict->key = vmp_client_keys_check (rules->keys, given);

  if (!must_be_known || (verdict->key != NULL && !is_control))
    return VMP_ACCESS_GRANTED;
  if (verdict->key != NULL)
    return refuse (verdict, VMP_PROBLEM_OWNER_ONLY,
                   "A client key is for the models under /v1; managing this gateway is for its owner.");
  if (rules->door == VMP_DOOR_SHARED && is_given)
    return refuse (verdict, VMP_PROBLEM_CLIENT_KEY,
                   "This key is unknown here, or it was revoked or has expired. Ask the owner of this computer for a "
                   "new one.");
  if (rules->door == VMP_DOOR_SHARED)
    return refuse (verdict, VMP_PROBLEM_CLIENT_KEY,
                   "This computer shares its models with those who have a key: send it as \"Authorization: Bearer …\". "
                   "Its owner can make one.");

  return refuse (verdict, VMP_PROBLEM_TOKEN,
                 is_given ? "The token is not the one this gateway was given in VAMPIRE_AUTH_TOKEN."
                          : "This gateway asks for a token: send it as \"Authorization: Bearer …\".");
}

VmpAccess
vmp_access_check (const VmpAccessRules *rules,
                  const VmpHttpHead    *head,
                  VmpAccessVerdict     *verdict)
{
  const VmpSettings *settings = rules->settings;
  const VmpSlice *origin = vmp_http_head_get (head, "Origin");
  const VmpSlice *fetch_site = vmp_http_head_get (head, "Sec-Fetch-Site");

  *verdict = (VmpAccessVerdict) { .cors_origin = { NULL, 0 } };

  if (rules->door == VMP_DOOR_LOOPBACK && !host_is_allowed (settings, head))
    return refuse (verdict, VMP_PROBLEM_HOST_NOT_ALLOWED,
                   "The Host header names a computer other than this one. If that name is meant to reach Vampire, add "
                   "it to VAMPIRE_ALLOWED_HOSTS.");

  if (origin != NULL && origin->len > 0)
    {
      if (!origin_is_allowed (settings, head, *origin))
        return refuse (verdict, VMP_PROBLEM_ORIGIN_NOT_ALLOWED,
                       "Web pages from this origin may not use Vampire. To allow it, add it to VAMPIRE_CORS_ORIGINS.");
      verdict->cors_origin = *origin;
    }
  else if (fetch_site != NULL && vmp_slice_equal_nocase (*fetch_site, "cross-site"))
    {
      /* A browser names no Origin for what a page merely embeds, such as an image. */
      return refuse (verdict, VMP_PROBLEM_ORIGIN_NOT_ALLOWED,
                     "Web pages of other sites may not embed what Vampire serves.");
    }

  /* A preflight cannot carry a key; for those who have a page that may ask, that is no reason to refuse it. */
  if (vmp_slice_equal (head->method, "OPTIONS")
      && (rules->door != VMP_DOOR_SHARED || verdict->cors_origin.data != NULL))
    return VMP_ACCESS_PREFLIGHT;

  return check_credential (rules, head, verdict);
}

guint
vmp_access_preflight_fields (const VmpHttpHead *head,
                             VmpHttpField       fields[VMP_ACCESS_PREFLIGHT_FIELDS])
{
  static const VmpHttpField allow = {
    VMP_SLICE_INIT ("Allow"), VMP_SLICE_INIT ("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
  };
  static const VmpHttpField methods = {
    VMP_SLICE_INIT ("Access-Control-Allow-Methods"), VMP_SLICE_INIT ("GET, HEAD, POST, PUT, PATCH, DELETE")
  };
  static const VmpHttpField max_age = { VMP_SLICE_INIT ("Access-Control-Max-Age"), VMP_SLICE_INIT ("600") };
  static const VmpHttpField private_network = {
    VMP_SLICE_INIT ("Access-Control-Allow-Private-Network"), VMP_SLICE_INIT ("true")
  };
  const VmpSlice *headers = vmp_http_head_get (head, "Access-Control-Request-Headers");
  guint n = 0;

  fields[n++] = allow;
  if (vmp_http_head_get (head, "Origin") == NULL)
    return n;

  fields[n++] = methods;
  fields[n++] = max_age;
  if (headers != NULL)
    fields[n++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Access-Control-Allow-Headers"), *headers };
  if (vmp_http_head_get (head, "Access-Control-Request-Private-Network") != NULL)
    fields[n++] = private_network;

  return n;
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the strict request-head parser. Bytes and lines are judged in the order in which they
 * arrive, so that a head that trickles in meets the same verdict as one that comes at once; what needs all
 * fields is judged at the end.
 */

#include "gateway/vmp-http-head.h"

#include <gio/gnetworking.h>
#include <string.h>

/* A head under way. */
typedef struct {
  VmpHttpHead *head;
  VmpSlice authority;  /* of a target in absolute form; data is NULL otherwise */
  guint n_fields;      /* all of them, also those for which there is no room */
} Parse;

/* -- Bytes --------------------------------------------------------------------------------------------- */

/* @end may lie before @p, when all of a line but its end was judged before. */
static gboolean
has_control (const char *p,
             const char *end)
{
  return p < end && vmp_slice_has_control ((VmpSlice) { p, (gsize) (end - p) });
}

/* memrchr() is not everywhere. */
static const char *
find_last (const char *p,
           const char *end,
           char        byte)
{
  while (end > p)
    {
      if (*--end == byte)
        return end;
    }

  return NULL;
}

/* -- Lines --------------------------------------------------------------------------------------------- */

/* What is there of the method. What is no HTTP at all, such as a TLS hello, is told by its first byte. */
static VmpHeadFault
check_method (const char *data,
              gsize       len)
{
  gsize i = 0;

  while (i < len && i <= VMP_LIMIT_METHOD_BYTES && data[i] != ' ' && vmp_is_token_byte (data[i]))
    i++;

  if (i > VMP_LIMIT_METHOD_BYTES)
    return VMP_HEAD_BAD_METHOD;

  /* A line that ends here lacks its target, but is not a bad method. */
  if (i < len && (i == 0 || (data[i] != ' ' && data[i] != '\r' && data[i] != '\n')))
    return VMP_HEAD_BAD_METHOD;

  return VMP_HEAD_OK;
}

/* Splits `http://authority/path` and leaves the path. */
static VmpHeadFault
take_absolute_form (Parse *parse)
{
  static const char * const schemes[] = { "http://", "https://" };
  VmpSlice target = parse->head->target;

  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      gsize len = strlen (schemes[i]);
      const char *authority, *path;

      if (target.len <= len || g_ascii_strncasecmp (target.data, schemes[i], len) != 0)
        continue;

      authority = target.data + len;
      path = memchr (authority, '/', target.len - len);
      if (path == NULL)
        return VMP_HEAD_BAD_TARGET;

      parse->authority = (VmpSlice) { authority, (gsize) (path - authority) };
      parse->head->target = (VmpSlice) { path, target.len - (gsize) (path - target.data) };
      return VMP_HEAD_OK;
    }

  return VMP_HEAD_BAD_TARGET;
}

static VmpHeadFault
take_target (Parse *parse)
{
  VmpHttpHead *head = parse->head;
  const char *query;

  /* Control characters but the tab have been refused. */
  if (head->target.len == 0
      || memchr (head->target.data, ' ', head->target.len) != NULL
      || memchr (head->target.data, '\t', head->target.len) != NULL
      || memchr (head->target.data, '#', head->target.len) != NULL)
    return VMP_HEAD_BAD_TARGET;

  if (head->target.data[0] != '/'
      && !(vmp_slice_equal (head->target, "*") && vmp_slice_equal (head->method, "OPTIONS")))
    {
      VmpHeadFault fault = take_absolute_form (parse);

      if (fault != VMP_HEAD_OK)
        return fault;
    }

  query = memchr (head->target.data, '?', head->target.len);
  head->path = head->target;
  if (query != NULL)
    head->path.len = (gsize) (query - head->target.data);

  return VMP_HEAD_OK;
}

/* Splits at the first space and at the last: what is left in the middle is the target's fault. */
static VmpHeadFault
take_request_line (Parse      *parse,
                   const char *line,
                   const char *end)
{
  VmpHttpHead *head = parse->head;
  const char *first = memchr (line, ' ', (gsize) (end - line));
  const char *last = find_last (line, end, ' ');
  VmpSlice version;

  if (first == last)
    return VMP_HEAD_BAD_REQUEST_LINE;

  version = (VmpSlice) { last + 1, (gsize) (end - last - 1) };
  if (version.len < 5 || memcmp (version.data, "HTTP/", 5) != 0)
    return VMP_HEAD_BAD_REQUEST_LINE;
  if (!vmp_slice_equal (version, "HTTP/1.1") && !vmp_slice_equal (version, "HTTP/1.0"))
    return VMP_HEAD_BAD_VERSION;

  head->method = (VmpSlice) { line, (gsize) (first - line) };
  head->target = (VmpSlice) { first + 1, (gsize) (last - first - 1) };
  head->minor_version = end[-1] - '0';

  return take_target (parse);
}

static VmpHeadFault
take_field (Parse      *parse,
            const char *line,
            const char *end)
{
  const char *colon = line;

  /* White space before the colon, or at the beginning of the line (a folded one), is no part of a name. */
  while (colon < end && *colon != ':' && vmp_is_token_byte (*colon))
    colon++;
  if (colon == line || colon == end || *colon != ':')
    return VMP_HEAD_BAD_FIELD;

  if (parse->n_fields < VMP_LIMIT_HEAD_FIELDS)
    {
      VmpHttpField *field = &parse->head->fields[parse->n_fields];

      field->name = (VmpSlice) { line, (gsize) (colon - line) };
      field->value = vmp_slice_trim ((VmpSlice) { colon + 1, (gsize) (end - colon - 1) });
    }
  parse->n_fields++;

  return VMP_HEAD_OK;
}

/* Reads what lies past @from, with the line that was under way there. Returns VMP_HEAD_OK at the empty line
 * that ends the head. */
static VmpHeadFault
read_lines (Parse      *parse,
            const char *data,
            gsize       from,
            gsize       len,
            gsize      *head_len)
{
  const char *p = data + from;
  const char *end = data + len;
  const char *line = data;
  VmpHeadFault fault = VMP_HEAD_OK;

  if (from <= VMP_LIMIT_METHOD_BYTES)
    fault = check_method (data, len);
  if (fault != VMP_HEAD_OK)
    return fault;

  if (from > 0 && p < end && p[-1] == '\r' && *p != '\n')
    return VMP_HEAD_BAD_BYTE;

  while (p < end)
    {
      const char *lf = memchr (p, '\n', (gsize) (end - p));
      const char *line_end;

      if (lf == NULL)
        {
          /* The last byte may be the CR of a line end. */
          line_end = end[-1] == '\r' ? end - 1 : end;
          if (has_control (p, line_end))
            return VMP_HEAD_BAD_BYTE;
          return VMP_HEAD_INCOMPLETE;
        }

      /* Only now, so that a long line that trickles in is not searched with each of its bytes. */
      if (p == data + from && from > 0)
        {
          const char *last_lf = find_last (data, p, '\n');

          line = last_lf != NULL ? last_lf + 1 : data;
        }

      line_end = lf - 1;
      if (lf == line || *line_end != '\r' || has_control (p, line_end))
        return VMP_HEAD_BAD_BYTE;

      if (line == line_end)
        {
          *head_len = (gsize) (lf + 1 - data);
          return VMP_HEAD_OK;
        }

      fault = line == data ? take_request_line (parse, line, line_end) : take_field (parse, line, line_end);
      if (fault != VMP_HEAD_OK)
        return fault;

      line = p = lf + 1;
    }

  return VMP_HEAD_INCOMPLETE;
}

/* -- The fields together --------------------------------------------------------------------------------- */

static gboolean
is_ipv6_address (const char *p,
                 gsize       len)
{
  char address[INET6_ADDRSTRLEN];
  struct in6_addr parsed;

  if (len >= sizeof address)
    return FALSE;

  memcpy (address, p, len);
  address[len] = '\0';

  return inet_pton (AF_INET6, address, &parsed) == 1;
}

/* Returns where the registered name (RFC 3986, 3.2.2), or the IPv4 address, at @p ends. */
static const char *
skip_name (const char *p,
           const char *end)
{
  while (p < end)
    {
      if (*p == '%' && end - p >= 3 && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2]))
        p += 3;
      else if (g_ascii_isalnum (*p) || (*p != '\0' && strchr ("-._~!$&'()*+,;=", *p) != NULL))
        p++;
      else
        break;
    }

  return p;
}

/* Whether this is a host with or without a port, and nothing else such as a user's name. */
static gboolean
is_host (VmpSlice host)
{
  const char *p = host.data;
  const char *end = p + host.len;
  guint port = 0;

  if (p < end && *p == '[')
    {
      const char *bracket = memchr (p, ']', host.len);

      if (bracket == NULL || !is_ipv6_address (p + 1, (gsize) (bracket - p - 1)))
        return FALSE;
      p = bracket + 1;
    }
  else
    {
      p = skip_name (p, end);
      if (p == host.data)
        return FALSE;
    }

  if (p == end)
    return TRUE;
  if (*p++ != ':' || p == end || end - p > 5)
    return FALSE;

  for (; p < end && g_ascii_isdigit (*p); p++)
    port = port * 10 + (guint) (*p - '0');

  return p == end && port <= G_MAXUINT16;
}

/* Nineteen digits fit. */
static gboolean
parse_length (VmpSlice text,
              guint64 *length)
{
  *length = 0;
  if (text.len == 0 || text.len > 19)
    return FALSE;

  for (gsize i = 0; i < text.len; i++)
    {
      if (!g_ascii_isdigit (text.data[i]))
        return FALSE;
      *length = *length * 10 + (guint64) (text.data[i] - '0');
    }

  return TRUE;
}

static VmpHeadFault
judge_fields (Parse *parse)
{
  VmpHttpHead *head = parse->head;
  VmpSlice length = { NULL, 0 };
  VmpSlice coding = { NULL, 0 };
  guint n_hosts = 0, n_lengths = 0, n_codings = 0;
  gboolean says_close = FALSE, says_keep_alive = FALSE;
  gboolean expects_continue = FALSE, expects_other = FALSE;

  if (parse->n_fields > VMP_LIMIT_HEAD_FIELDS)
    return VMP_HEAD_TOO_LARGE;

  head->n_fields = parse->n_fields;
  head->host = (VmpSlice) { NULL, 0 };
  for (guint i = 0; i < head->n_fields; i++)
    {
      VmpSlice name = head->fields[i].name;
      VmpSlice value = head->fields[i].value;

      if (vmp_slice_equal_nocase (name, "Host"))
        {
          head->host = value;
          n_hosts++;
        }
      else if (vmp_slice_equal_nocase (name, "Content-Length"))
        {
          length = value;
          n_lengths++;
        }
      else if (vmp_slice_equal_nocase (name, "Transfer-Encoding"))
        {
          coding = value;
          n_codings++;
        }
      else if (vmp_slice_equal_nocase (name, "Connection"))
        {
          says_close = says_close || vmp_slice_list_contains (value, VMP_SLICE_LITERAL ("close"));
          says_keep_alive = says_keep_alive || vmp_slice_list_contains (value, VMP_SLICE_LITERAL ("keep-alive"));
        }
      else if (vmp_slice_equal_nocase (name, "Expect"))
        {
          if (vmp_slice_equal_nocase (value, "100-continue"))
            expects_continue = TRUE;
          else
            expects_other = TRUE;
        }
    }

  if (n_hosts > 1 || (n_hosts == 0 && head->minor_version == 1) || (n_hosts == 1 && !is_host (head->host)))
    return VMP_HEAD_BAD_HOST;
  if (parse->authority.data != NULL && !(n_hosts == 1 && vmp_slices_equal_nocase (parse->authority, head->host)))
    return VMP_HEAD_BAD_HOST;

  if (n_lengths > 0 && n_codings > 0)
    return VMP_HEAD_LENGTH_AND_CODING;
  if (n_codings > 0 && (n_codings > 1 || head->minor_version == 0 || !vmp_slice_equal_nocase (coding, "chunked")))
    return VMP_HEAD_BAD_CODING;
  head->content_length = 0;
  if (n_lengths > 0 && (n_lengths > 1 || !parse_length (length, &head->content_length)))
    return VMP_HEAD_BAD_LENGTH;
  if (expects_other)
    return VMP_HEAD_BAD_EXPECTATION;

  head->has_content_length = n_lengths > 0;
  if (n_codings > 0)
    head->framing = VMP_BODY_CHUNKED;
  else
    head->framing = head->content_length > 0 ? VMP_BODY_LENGTH : VMP_BODY_NONE;
  head->keep_alive = !says_close && (head->minor_version == 1 || says_keep_alive);
  head->expect_continue = expects_continue && head->minor_version == 1;

  return VMP_HEAD_OK;
}

VmpHeadFault
vmp_http_head_parse (const char  *data,
                     gsize        len,
                     gsize       *scanned,
                     VmpHttpHead *head,
                     gsize       *head_len)
{
  Parse parse = { .head = head };
  gsize from = *scanned;
  VmpHeadFault fault;

  g_return_val_if_fail (data != NULL || len == 0, VMP_HEAD_INCOMPLETE);
  g_return_val_if_fail (from <= len, VMP_HEAD_INCOMPLETE);

  if (len == 0)
    return VMP_HEAD_INCOMPLETE;

  len = MIN (len, VMP_LIMIT_HEAD_BYTES);
  fault = read_lines (&parse, data, from, len, head_len);

  if (fault == VMP_HEAD_INCOMPLETE)
    {
      *scanned = len;
      return len < VMP_LIMIT_HEAD_BYTES ? VMP_HEAD_INCOMPLETE : VMP_HEAD_TOO_LARGE;
    }

  /* The lines of earlier calls were judged but not kept. */
  if (fault == VMP_HEAD_OK && from > 0)
    {
      parse = (Parse) { .head = head };
      fault = read_lines (&parse, data, 0, *head_len, head_len);
    }

  return fault == VMP_HEAD_OK ? judge_fields (&parse) : fault;
}

/* -- Faults ---------------------------------------------------------------------------------------------- */

static const struct {
  guint status;
  const char *message;
} faults[] = {
  [VMP_HEAD_OK] = { 200, "The request's head is well formed." },
  [VMP_HEAD_INCOMPLETE] = { 400, "The request ended before its head was complete." },
  [VMP_HEAD_BAD_REQUEST_LINE] = { 400, "The request line is not a method, a target and an HTTP version." },
  [VMP_HEAD_BAD_METHOD] = { 400, "The request does not begin with an HTTP method." },
  [VMP_HEAD_BAD_TARGET] = { 400, "The request's target is not a path." },
  [VMP_HEAD_BAD_VERSION] = { 505, "The request is neither HTTP/1.1 nor HTTP/1.0." },
  [VMP_HEAD_BAD_FIELD] = { 400, "The request has a header line that is not a name, a colon and a value." },
  [VMP_HEAD_BAD_BYTE] = { 400, "The request's head has a control character, or a line that does not end with CR LF." },
  [VMP_HEAD_BAD_HOST] = { 400, "The request does not have exactly one valid Host header that agrees with its target." },
  [VMP_HEAD_BAD_LENGTH] = { 400, "The request's Content-Length is not one decimal number." },
  [VMP_HEAD_BAD_CODING] = { 501, "The request has a Transfer-Encoding other than chunked." },
  [VMP_HEAD_LENGTH_AND_CODING] = { 400, "The request has both Content-Length and Transfer-Encoding." },
  [VMP_HEAD_BAD_EXPECTATION] = { 417, "The request expects something other than 100-continue." },
  [VMP_HEAD_TOO_LARGE] = { 431, "The request's headers are too large, or there are too many." },
};

guint
vmp_head_fault_status (VmpHeadFault fault)
{
  g_return_val_if_fail ((gsize) fault < G_N_ELEMENTS (faults), 400);

  return faults[fault].status;
}

const char *
vmp_head_fault_message (VmpHeadFault fault)
{
  g_return_val_if_fail ((gsize) fault < G_N_ELEMENTS (faults), "");

  return faults[fault].message;
}

const VmpSlice *
vmp_http_head_get (const VmpHttpHead *head,
                   const char        *name)
{
  VmpSlice wanted = vmp_slice (name);

  for (guint i = 0; i < head->n_fields; i++)
    {
      if (vmp_slices_equal_nocase (head->fields[i].name, wanted))
        return &head->fields[i].value;
    }

  return NULL;
}

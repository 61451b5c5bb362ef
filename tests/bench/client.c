/* SPDX-License-Identifier: MIT
 *
 * One keep-alive HTTP/1.1 client connection of the load generator; see client.h. A gateway may frame a body as it
 * likes, so lengths and chunks are undone here before the bytes are compared with what the upstream sent.
 */

#include "client.h"

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)
#define HEAD_BYTES 8192

/* What an OpenAI client sends, without its telemetry fields. */
#define REQUEST \
  "POST " VMP_BENCH_PATH " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: OpenAI/JS 4.104.0\r\n" \
  "Accept: application/json\r\nAuthorization: Bearer lm-studio\r\nContent-Type: application/json\r\n" \
  "Content-Length: %" G_GSIZE_FORMAT "\r\n%s%s%s\r\n%s"

typedef enum {
  IN_HEAD,
  IN_LENGTH,      /* a body of known length */
  IN_CHUNK_SIZE,
  IN_CHUNK,
  IN_CHUNK_END,   /* the CRLF after a chunk */
  IN_TRAILER      /* the empty line after the last chunk */
} Framing;

struct _VmpBenchClient {
  int fd;
  guint port;
  gint64 asked_ns;
  gint64 last_read_ns;
  gint64 silence_ns;
  gboolean streamed;      /* what was asked for */

  Framing framing;
  char head[HEAD_BYTES];
  gsize head_len;
  guint64 left;           /* bytes of the body or chunk still to come */
  guint line_bytes;       /* of the chunk-size line so far */

  gsize body_len;         /* not streamed: bytes compared so far */
  char event[512];        /* streamed: an event of which a part has come */
  gsize event_len;
  gint64 last_sent_ns;
  guint64 events;
  guint64 announced;      /* events, by the upstream's own count; G_MAXUINT64 before it came */
  gboolean done;          /* [DONE] came */
};

static gboolean
wrong (GError    **error,
       const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s", what);
  return FALSE;
}

static gboolean
failed_errno (GError    **error,
              const char *what)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", what, g_strerror (code));
  return FALSE;
}

VmpBenchClient *
vmp_bench_client_new (guint    port,
                      guint    from,
                      int      epoll_fd,
                      GError **error)
{
  g_autoptr (VmpBenchClient) self = g_new0 (VmpBenchClient, 1);
  struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl ((127u << 24) + from) };
  struct sockaddr_in remote = {
    .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)
  };
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = self };
  int on = 1;

  self->port = port;
  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self->fd < 0)
    {
      failed_errno (error, "no socket");
      return NULL;
    }
  /* The port is chosen at connect, so that more sockets than there are free ports can be bound. */
  setsockopt (self->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind (self->fd, (struct sockaddr *) &local, sizeof local) < 0 ||
      connect (self->fd, (struct sockaddr *) &remote, sizeof remote) < 0)
    {
      failed_errno (error, "cannot connect");
      return NULL;
    }
  if (epoll_fd >= 0 && epoll_ctl (epoll_fd, EPOLL_CTL_ADD, self->fd, &event) < 0)
    {
      failed_errno (error, "cannot watch a socket");
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
vmp_bench_client_free (VmpBenchClient *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

gboolean
vmp_bench_client_ask (VmpBenchClient *self,
                      const char     *mode,
                      GError        **error)
{
  char request[4096];
  const char *body = mode != NULL ? VMP_BENCH_PROMPT ("true") : VMP_BENCH_PROMPT ("false");
  gsize len;
  gssize sent;

  len = g_snprintf (request, sizeof request, REQUEST, self->port, strlen (body),
                    mode != NULL ? VMP_BENCH_FIELD ": " : "", mode != NULL ? mode : "", mode != NULL ? "\r\n" : "",
                    body);
  g_assert (len < sizeof request);

  self->streamed = mode != NULL;
  self->framing = IN_HEAD;
  self->head_len = 0;
  self->body_len = 0;
  self->event_len = 0;
  self->last_sent_ns = 0;
  self->events = 0;
  self->announced = G_MAXUINT64;
  self->done = FALSE;

  /* One request at a time: the socket always has room for it. */
  self->asked_ns = self->last_read_ns = vmp_bench_now ();
  self->silence_ns = 0;
  sent = send (self->fd, request, len, MSG_NOSIGNAL);
  if (sent < 0)
    return failed_errno (error, "cannot send");
  return (gsize) sent == len || wrong (error, "the socket did not take a whole request");
}

/* -- The body's content -------------------------------------------------------------------- */

static gboolean
take_reply (VmpBenchClient *self,
            const char     *bytes,
            gsize           len,
            GError        **error)
{
  if (len > sizeof VMP_BENCH_REPLY - 1 - self->body_len ||
      memcmp (&VMP_BENCH_REPLY[self->body_len], bytes, len) != 0)
    return wrong (error, "the answer is not the upstream's");
  self->body_len += len;
  return TRUE;
}

static gboolean
take_event (VmpBenchClient   *self,
            const char       *bytes,
            gsize             len,
            VmpBenchEventFunc on_event,
            gpointer          data,
            GError          **error)
{
  const char *stamp = bytes + VMP_BENCH_STAMP_OFFSET;
  gint64 sent_ns = 0;

  if (self->announced == G_MAXUINT64 &&
      len == VMP_BENCH_EVENT_BYTES &&
      memcmp (bytes, VMP_BENCH_EVENT_HEAD, VMP_BENCH_STAMP_OFFSET) == 0 &&
      memcmp (stamp + VMP_BENCH_STAMP_BYTES, VMP_BENCH_EVENT_TAIL, sizeof VMP_BENCH_EVENT_TAIL - 1) == 0)
    {
      for (gsize i = 0; i < VMP_BENCH_STAMP_BYTES; i++)
        {
          if (stamp[i] != ' ')
            sent_ns = sent_ns * 10 + (stamp[i] - '0');
        }
      if (sent_ns < self->last_sent_ns)
        return wrong (error, "events came out of order");
      self->last_sent_ns = sent_ns;
      self->events++;
      if (on_event != NULL)
        on_event (self, sent_ns, data);
      return TRUE;
    }

  if (self->announced == G_MAXUINT64 &&
      len > sizeof VMP_BENCH_END_HEAD &&
      memcmp (bytes, VMP_BENCH_END_HEAD, sizeof VMP_BENCH_END_HEAD - 1) == 0)
    {
      self->announced = g_ascii_strtoull (bytes + sizeof VMP_BENCH_END_HEAD - 1, NULL, 10);
      return TRUE;
    }

  self->done = self->announced != G_MAXUINT64 && !self->done &&
               len == strlen (VMP_BENCH_DONE) && memcmp (bytes, VMP_BENCH_DONE, len) == 0;
  return self->done || wrong (error, "an event is not the upstream's");
}

/* Cuts the stream at its empty lines. The upstream's events have no other line breaks. */
static gboolean
take_events (VmpBenchClient   *self,
             const char       *bytes,
             gsize             len,
             VmpBenchEventFunc on_event,
             gpointer          data,
             GError          **error)
{
  while (len > 0)
    {
      const char *newline = memchr (bytes, '\n', len);
      gsize piece = newline != NULL ? (gsize) (newline - bytes) + 1 : len;

      /* The whole event at once, when it is there. */
      if (self->event_len == 0 && piece < len && bytes[piece] == '\n')
        {
          piece++;
          if (!take_event (self, bytes, piece, on_event, data, error))
            return FALSE;
        }
      else
        {
          if (piece > sizeof self->event - self->event_len)
            return wrong (error, "an event is longer than any of the upstream's");
          memcpy (self->event + self->event_len, bytes, piece);
          self->event_len += piece;
          if (self->event_len >= 2 && memcmp (self->event + self->event_len - 2, "\n\n", 2) == 0)
            {
              gsize event_len = self->event_len;

              self->event_len = 0;
              if (!take_event (self, self->event, event_len, on_event, data, error))
                return FALSE;
            }
        }
      bytes += piece;
      len -= piece;
    }
  return TRUE;
}

/* -- Framing ------------------------------------------------------------------------------- */

/* Takes the head's part of @bytes and says how long that is; 0 with @error: not an answer that was asked for. */
static gsize
take_head (VmpBenchClient *self,
           const char     *bytes,
           gsize           len,
           GError        **error)
{
  gsize before = self->head_len;
  gsize room = sizeof self->head - 1 - before;
  const char *end, *line;

  if (room == 0)
    {
      wrong (error, "the answer's head is too long");
      return 0;
    }
  memcpy (self->head + before, bytes, MIN (len, room));
  self->head_len += MIN (len, room);
  self->head[self->head_len] = '\0';
  end = strstr (self->head, "\r\n\r\n");
  if (end == NULL)
    return MIN (len, room);

  if (!g_str_has_prefix (self->head, "HTTP/1.1 200 "))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the answer is %.*s",
                   (int) strcspn (self->head, "\r\n"), self->head);
      return 0;
    }
  for (line = strstr (self->head, "\r\n") + 2; line < end; line = strstr (line, "\r\n") + 2)
    {
      if (strncasecmp (line, "content-length:", 15) == 0)
        {
          self->left = g_ascii_strtoull (line + 15, NULL, 10);
          self->framing = IN_LENGTH;
        }
      else if (strncasecmp (line, "transfer-encoding: chunked", 26) == 0)
        {
          self->left = 0;
          self->line_bytes = 0;
          self->framing = IN_CHUNK_SIZE;
        }
    }
  if (self->framing == IN_HEAD || self->streamed != (self->framing == IN_CHUNK_SIZE))
    {
      wrong (error, "the answer is not framed as the upstream's");
      return 0;
    }
  return end + 4 - (self->head + before);
}

/* A byte of a chunk-size line. */
static gboolean
take_chunk_size (VmpBenchClient *self,
                 char            byte,
                 GError        **error)
{
  if (byte == '\n')
    {
      if (self->line_bytes == 0)
        return wrong (error, "a chunk has no size");
      self->framing = self->left > 0 ? IN_CHUNK : IN_TRAILER;
    }
  else if (byte != '\r')
    {
      if (!g_ascii_isxdigit (byte) || ++self->line_bytes > 15)
        return wrong (error, "a chunk size is not a number");
      self->left = self->left * 16 + g_ascii_xdigit_value (byte);
    }
  return TRUE;
}

/* A byte of the line break after a chunk or of the empty line after the last one; no gateway here sends trailers. */
static gboolean
take_line_end (VmpBenchClient *self,
               char            byte,
               GError        **error)
{
  if (byte != '\r' && byte != '\n')
    return wrong (error, "a chunk does not end where it should");
  if (byte == '\n' && self->framing == IN_CHUNK_END)
    {
      self->left = 0;
      self->line_bytes = 0;
      self->framing = IN_CHUNK_SIZE;
    }
  return TRUE;
}

VmpBenchProgress
vmp_bench_client_read (VmpBenchClient   *self,
                       VmpBenchEventFunc on_event,
                       gpointer          data,
                       GError          **error)
{
  static char bytes[READ_BYTES];
  gint64 now = vmp_bench_now ();
  gssize got = recv (self->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  gsize at = 0;

  if (got < 0 && errno == EAGAIN)
    return VMP_BENCH_UNDER_WAY;
  self->silence_ns = MAX (self->silence_ns, now - self->last_read_ns);
  self->last_read_ns = now;
  if (got <= 0)
    {
      if (got < 0)
        failed_errno (error, "cannot read");
      else
        wrong (error, "the connection was closed");
      return VMP_BENCH_BROKEN;
    }

  while (at < (gsize) got)
    {
      gsize piece = 1;
      gboolean ok;

      switch (self->framing)
        {
        case IN_HEAD:
          piece = take_head (self, bytes + at, got - at, error);
          ok = piece > 0;
          break;

        case IN_LENGTH:
          piece = MIN (self->left, got - at);
          ok = piece > 0 ? take_reply (self, bytes + at, piece, error) : wrong (error, "bytes follow the answer");
          self->left -= piece;
          break;

        case IN_CHUNK:
          piece = MIN (self->left, got - at);
          ok = take_events (self, bytes + at, piece, on_event, data, error);
          self->left -= piece;
          if (self->left == 0)
            self->framing = IN_CHUNK_END;
          break;

        case IN_CHUNK_SIZE:
          ok = take_chunk_size (self, bytes[at], error);
          break;

        case IN_CHUNK_END:
        case IN_TRAILER:
        default:
          ok = take_line_end (self, bytes[at], error);
          if (ok && self->framing == IN_TRAILER && bytes[at] == '\n')
            {
              if (self->done && self->announced == self->events && at + 1 == (gsize) got)
                return VMP_BENCH_WHOLE;
              ok = wrong (error, self->done ? "events were lost or doubled" : "the stream ended before [DONE]");
            }
          break;
        }
      if (!ok)
        return VMP_BENCH_BROKEN;
      at += piece;
    }

  if (self->framing != IN_LENGTH || self->left > 0)
    return VMP_BENCH_UNDER_WAY;
  if (self->body_len == sizeof VMP_BENCH_REPLY - 1)
    return VMP_BENCH_WHOLE;
  wrong (error, "the answer is cut short");
  return VMP_BENCH_BROKEN;
}

gint64
vmp_bench_client_asked_ns (VmpBenchClient *self)
{
  return self->asked_ns;
}

guint64
vmp_bench_client_events (VmpBenchClient *self)
{
  return self->events;
}

gint64
vmp_bench_client_silence_ns (VmpBenchClient *self)
{
  return self->silence_ns;
}

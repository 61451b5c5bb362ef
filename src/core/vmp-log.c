/* SPDX-License-Identifier: MIT
 *
 * GLib's log writer and the access log, both made in one buffer on the stack and written with one
 * write(2) a line, so that lines of several threads do not mix. Called from any thread. It never
 * allocates, never calls the log itself, and lets nothing through that could forge a line or drive a
 * terminal.
 */

#include "core/vmp-log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/vmp-text.h"

/* Bytes of a line. Linux keeps a write of this size to a pipe in one piece (PIPE_BUF). */
#define LINE_BYTES 4096

/* Bytes that messages leave free at the end: one more escaped character, "…" and what closes the line. */
#define LINE_RESERVE_BYTES 32

/* Bytes of a field once escaped; a longer one is cut and ends with "…". All those of an access line fit in a
 * line. */
#define METHOD_BYTES 32
#define PATH_BYTES 2048
#define NAME_BYTES 256

/* Milliseconds that a reader gets to make room, once; then lines are lost until it does. */
#define READER_MS 100

#define ELLIPSIS "\342\200\246"    /* U+2026 */
#define REPLACEMENT "\357\277\275" /* U+FFFD */

static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

typedef struct {
  gsize len;
  char bytes[LINE_BYTES];
} Line;

static const struct {
  const char *name;   /* in JSON */
  const char *column; /* in text */
  const char *coloured;
} levels[] = {
  [VMP_LOG_ERROR] = { "error", "error   ", "\033[1;31merror\033[0m   " },
  [VMP_LOG_WARNING] = { "warning", "warning ", "\033[1;33mwarning\033[0m " },
  [VMP_LOG_INFO] = { "info", "info    ", "\033[32minfo\033[0m    " },
  [VMP_LOG_DEBUG] = { "debug", "debug   ", "\033[2mdebug\033[0m   " },
};

/* Set by vmp_log_configure(), read by every thread. Before it is called only warnings and errors are written. */
static int log_level = VMP_LOG_WARNING;
static int log_format = VMP_LOG_FORMAT_TEXT;
static int log_colour = FALSE;

/* Levels that end the process, as G_DEBUG and g_log_set_always_fatal() ask. Set once, before the writer is
 * installed. */
static GLogLevelFlags fatal_levels = G_LOG_LEVEL_ERROR;

/* -- Putting a line together --------------------------------------------------------------- */

static void
put (Line       *self,
     const char *text,
     gsize       len)
{
  len = MIN (len, sizeof self->bytes - self->len);
  memcpy (self->bytes + self->len, text, len);
  self->len += len;
}

#define put_literal(self, text) put (self, text, sizeof (text) - 1)

static void
put_text (Line       *self,
          const char *text)
{
  put (self, text, strlen (text));
}

static void
put_number (Line   *self,
            guint64 number)
{
  char digits[20];
  char *first = digits + sizeof digits;

  do
    {
      *--first = '0' + number % 10;
      number /= 10;
    }
  while (number > 0);

  put (self, first, digits + sizeof digits - first);
}

/* Milliseconds with one digit after the point for @scale 10, three for 1000. printf's way is ten times slower
 * and minds the locale. */
static void
put_ms (Line  *self,
        double ms,
        guint  scale)
{
  guint64 number = 0;

  /* Neither NaN nor what does not fit passes. */
  if (ms > 0 && ms < 1e15)
    number = ms * scale + 0.5;

  put_number (self, number / scale);
  put_literal (self, ".");
  for (scale /= 10; scale > 0; scale /= 10)
    put (self, &hex_lower[number / scale % 10], 1);
}

static void
put_hex (Line    *self,
         gunichar value,
         guint    n_digits)
{
  while (n_digits-- > 0)
    put (self, &hex_lower[value >> (4 * n_digits) & 0xf], 1);
}

/* RFC 3339 with milliseconds and the local offset. Breaking a time down costs more than the rest of a line, so
 * each thread keeps the last second it wrote. */
static void
put_time (Line *self)
{
  static _Thread_local struct {
    time_t second;
    char date[sizeof "2026-01-01T00:00:00."];
    char offset[sizeof "+00:00"];
  } last;
  struct timespec now;
  guint ms;

  clock_gettime (CLOCK_REALTIME, &now);
  if (now.tv_sec != last.second || last.date[0] == '\0')
    {
      struct tm broken_down;
      char offset[sizeof "+0000"];

      localtime_r (&now.tv_sec, &broken_down);
      strftime (last.date, sizeof last.date, "%Y-%m-%dT%H:%M:%S.", &broken_down);
      strftime (offset, sizeof offset, "%z", &broken_down);
      memcpy (last.offset, offset, 3);
      last.offset[3] = ':';
      memcpy (last.offset + 4, offset + 3, 2);
      last.second = now.tv_sec;
    }

  ms = now.tv_nsec / 1000000;
  put (self, last.date, sizeof last.date - 1);
  put (self, (char[]) { '0' + ms / 100, '0' + ms / 10 % 10, '0' + ms % 10 }, 3);
  put (self, last.offset, sizeof last.offset - 1);
}

static void
put_escaped (Line    *self,
             gunichar c)
{
  switch (c)
    {
    case '\n':
      put_literal (self, "\\n");
      break;

    case '\r':
      put_literal (self, "\\r");
      break;

    case '\t':
      put_literal (self, "\\t");
      break;

    default:
      if (c > 0xffff)
        {
          /* JSON has no other way to write these. */
          put_literal (self, "\\u");
          put_hex (self, 0xd800 + ((c - 0x10000) >> 10), 4);
          c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
      put_literal (self, "\\u");
      put_hex (self, c, 4);
      break;
    }
}

/* A message: anything may be in it. What is not plain is escaped, in text as in JSON. */
static void
put_message (Line       *self,
             const char *text,
             gsize       len,
             gboolean    json)
{
  const char *end = text + len;

  while (text < end)
    {
      const char *next;
      gunichar c;

      if (self->len > sizeof self->bytes - LINE_RESERVE_BYTES)
        {
          put_literal (self, ELLIPSIS);
          return;
        }

      next = vmp_text_next (text, end, &c);
      if (c == (gunichar) -1)
        put_literal (self, REPLACEMENT);
      else if (!vmp_text_is_plain (c))
        put_escaped (self, c);
      else if (json && (c == '"' || c == '\\'))
        put (self, (char[]) { '\\', c }, 2);
      else
        put (self, text, next - text);
      text = next;
    }
}

/* A field of the access line: printable ASCII without spaces, the rest as %XX; at most @room bytes of it. */
static void
put_field (Line       *self,
           const char *text,
           gsize       len,
           gsize       room,
           gboolean    json)
{
  gsize limit = self->len + room - strlen ("%XX") - strlen (ELLIPSIS);
  const char *end = text + len;

  while (text < end)
    {
      const char *plain = text;
      const char *stop;

      if (self->len >= limit)
        {
          put_literal (self, ELLIPSIS);
          return;
        }

      stop = text + MIN ((gsize) (end - text), limit - self->len);
      while (plain < stop && g_ascii_isgraph (*plain) && *plain != '"' && *plain != '\\')
        plain++;
      put (self, text, plain - text);
      text = plain;
      if (text == stop)
        continue;

      if (!g_ascii_isgraph (*text))
        put (self, (char[]) { '%', hex_upper[(guchar) *text >> 4], hex_upper[(guchar) *text & 0xf] }, 3);
      else if (json)
        put (self, (char[]) { '\\', *text }, 2);
      else
        put (self, text, 1);
      text++;
    }
}

/* Lines that were not written, since whoever reads them has stopped. */
static int lines_lost;

static void report_lost (int n);

/* A reader that has stopped (a suspended pager, a terminal after Ctrl-S) must not stop the gateway with it; one that
 * is merely slow is waited for. A pipe that is ready takes PIPE_BUF bytes at once, and no line is longer. */
static gboolean
reader_keeps_up (void)
{
  struct pollfd reader = { .fd = STDERR_FILENO, .events = POLLOUT };

  return poll (&reader, 1, g_atomic_int_get (&lines_lost) > 0 ? 0 : READER_MS) != 0;
}

/* Writes the line to stderr, or counts it as lost. @must: wait for the reader instead, for the last words of the
 * process. When stderr is gone there is nobody left to tell. */
static void
write_line (Line    *self,
            gboolean must)
{
  int saved_errno = errno;
  gsize done = 0;
  int lost;

  if (!must && !reader_keeps_up ())
    {
      g_atomic_int_inc (&lines_lost);
      errno = saved_errno;
      return;
    }

  lost = g_atomic_int_exchange (&lines_lost, 0);
  if (lost > 0)
    report_lost (lost);

  while (done < self->len)
    {
      gssize n = write (STDERR_FILENO, self->bytes + done, self->len - done);
      struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };

      if (n >= 0)
        done += n;
      else if (errno == EAGAIN)
        poll (&writable, 1, -1);
      else if (errno != EINTR)
        break;
    }

  /* g_warning() is called between a failure and the look at its errno. */
  errno = saved_errno;
}

/* -- Messages ------------------------------------------------------------------------------ */

static VmpLogLevel
level_of (GLogLevelFlags flags)
{
  if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return VMP_LOG_ERROR;
  if (flags & G_LOG_LEVEL_WARNING)
    return VMP_LOG_WARNING;
  if (flags & G_LOG_LEVEL_DEBUG)
    return VMP_LOG_DEBUG;

  return VMP_LOG_INFO;
}

static void
write_message (VmpLogLevel level,
               const char *domain,
               const char *message,
               gsize       len,
               gboolean    must)
{
  Line line;

  line.len = 0;
  if (g_atomic_int_get (&log_format) == VMP_LOG_FORMAT_JSON)
    {
      put_literal (&line, "{\"time\":\"");
      put_time (&line);
      put_literal (&line, "\",\"level\":\"");
      put_text (&line, levels[level].name);
      put_literal (&line, "\",\"domain\":\"");
      put_field (&line, domain, strlen (domain), NAME_BYTES, TRUE);
      put_literal (&line, "\",\"message\":\"");
      put_message (&line, message, len, TRUE);
      put_literal (&line, "\"}\n");
    }
  else
    {
      put_time (&line);
      put_literal (&line, " ");
      put_text (&line, g_atomic_int_get (&log_colour) ? levels[level].coloured : levels[level].column);
      if (strcmp (domain, G_LOG_DOMAIN) != 0 && *domain != '\0')
        {
          put_field (&line, domain, strlen (domain), NAME_BYTES, FALSE);
          put_literal (&line, ": ");
        }
      put_message (&line, message, len, FALSE);
      put_literal (&line, "\n");
    }

  write_line (&line, must);
}

static void
report_lost (int n)
{
  char text[64];
  int len = g_snprintf (text, sizeof text, "%d lines of the log were lost, for nobody read them", n);

  write_message (VMP_LOG_WARNING, G_LOG_DOMAIN, text, len, FALSE);
}

static GLogWriterOutput
write_log (GLogLevelFlags   flags,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  const char *domain = "";
  const char *message = "";
  gsize len = 0;
  gboolean old_api = FALSE;
  gboolean fatal;

  for (gsize i = 0; i < n_fields; i++)
    {
      if (strcmp (fields[i].key, "MESSAGE") == 0)
        {
          message = fields[i].value;
          len = fields[i].length < 0 ? strlen (message) : (gsize) fields[i].length;
        }
      else if (strcmp (fields[i].key, "GLIB_DOMAIN") == 0 && fields[i].length < 0)
        {
          domain = fields[i].value;
        }
      else if (strcmp (fields[i].key, "GLIB_OLD_LOG_API") == 0)
        {
          old_api = TRUE;
        }
    }

  /* Ending the process on a fatal message is the writer's task, but for g_log(), which does it itself. */
  fatal = !old_api && (flags & (fatal_levels | G_LOG_FLAG_FATAL)) != 0;

  if (fatal || vmp_log_enabled (level_of (flags)))
    write_message (level_of (flags), domain, message, len, fatal);
  if (fatal)
    abort ();

  return G_LOG_WRITER_HANDLED;
}

void
vmp_log_configure (VmpLogLevel  level,
                   VmpLogFormat format)
{
  static gsize installed = 0;

  g_atomic_int_set (&log_level, level);
  g_atomic_int_set (&log_format, format);

  if (g_once_init_enter (&installed))
    {
      const char *no_colour = g_getenv ("NO_COLOR");

      g_atomic_int_set (&log_colour,
                        (no_colour == NULL || *no_colour == '\0') && g_log_writer_supports_color (STDERR_FILENO));

      /* GLib tells what is fatal only to those who change it. */
      fatal_levels = g_log_set_always_fatal (G_LOG_FATAL_MASK);
      g_log_set_always_fatal (fatal_levels);

      g_log_set_writer_func (write_log, NULL, NULL);
      g_once_init_leave (&installed, 1);
    }
}

gboolean
vmp_log_enabled (VmpLogLevel level)
{
  return (int) level <= g_atomic_int_get (&log_level);
}

/* -- The access log ------------------------------------------------------------------------ */

static void
put_access_json (Line                *self,
                 const VmpAccessLine *access)
{
  put_literal (self, "{\"time\":\"");
  put_time (self);
  put_literal (self, "\",\"level\":\"info\",\"domain\":\"" G_LOG_DOMAIN "\",\"message\":\"request\",\"method\":\"");
  put_field (self, access->method, access->method_len, METHOD_BYTES, TRUE);
  put_literal (self, "\",\"path\":\"");
  put_field (self, access->path, access->path_len, PATH_BYTES, TRUE);
  put_literal (self, "\",\"status\":");
  if (access->status != 0)
    put_number (self, access->status);
  else
    put_literal (self, "null");
  put_literal (self, ",\"bytes\":");
  put_number (self, access->bytes);

  put_literal (self, ",\"first_byte_ms\":");
  if (access->first_byte_ms >= 0)
    put_ms (self, access->first_byte_ms, 1000);
  else
    put_literal (self, "null");

  put_literal (self, ",\"total_ms\":");
  put_ms (self, access->total_ms, 1000);

  if (access->node != NULL)
    {
      put_literal (self, ",\"node\":\"");
      put_field (self, access->node, strlen (access->node), NAME_BYTES, TRUE);
      put_literal (self, "\",\"outcome\":\"");
    }
  else
    {
      put_literal (self, ",\"node\":null,\"outcome\":\"");
    }

  put_message (self, access->outcome, strlen (access->outcome), TRUE);
  put_literal (self, "\"}\n");
}

static void
put_access_text (Line                *self,
                 const VmpAccessLine *access)
{
  put_time (self);
  put_literal (self, " ");
  put_text (self, g_atomic_int_get (&log_colour) ? levels[VMP_LOG_INFO].coloured : levels[VMP_LOG_INFO].column);
  put_field (self, access->method, access->method_len, METHOD_BYTES, FALSE);
  put_literal (self, " ");
  put_field (self, access->path, access->path_len, PATH_BYTES, FALSE);
  put_literal (self, " ");
  if (access->status != 0)
    put_number (self, access->status);
  else
    put_literal (self, "-");
  put_literal (self, " ");
  put_number (self, access->bytes);
  put_literal (self, "B ");

  if (access->first_byte_ms >= 0)
    {
      put_ms (self, access->first_byte_ms, 10);
      put_literal (self, "ms ");
    }
  else
    {
      put_literal (self, "- ");
    }

  put_ms (self, access->total_ms, 10);
  put_literal (self, "ms ");
  if (access->node != NULL)
    put_field (self, access->node, strlen (access->node), NAME_BYTES, FALSE);
  else
    put_literal (self, "-");
  put_literal (self, " ");
  put_message (self, access->outcome, strlen (access->outcome), FALSE);
  put_literal (self, "\n");
}

void
vmp_log_access (const VmpAccessLine *access)
{
  Line line;

  if (!vmp_log_enabled (VMP_LOG_INFO))
    return;

  line.len = 0;
  if (g_atomic_int_get (&log_format) == VMP_LOG_FORMAT_JSON)
    put_access_json (&line, access);
  else
    put_access_text (&line, access);

  write_line (&line, FALSE);
}

/* SPDX-License-Identifier: MIT
 *
 * The upstream of the benchmark: one thread, one epoll, a few system calls an answer, so that what is measured
 * is the gateway before it. Started by tests/bench/run as `upstream PORT`; serves until it is killed. It is
 * no general HTTP server: it reads what nginx, libcurl and tests/bench/load send, and closes on anything else.
 */

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS_PER_MS G_GINT64_CONSTANT (1000000)
#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)

/* More than any gateway adds to the load generator's own head. */
#define HEAD_BYTES 8192

/* Events in one send of a flat stream: near 64 KiB, a gateway's largest read. */
#define FLAT_EVENTS 280

/* A paced stream starts this long after its request, so that all of them are open before the first event. */
#define PACED_LEAD_NS (100 * NS_PER_MS)

#define CHUNK_BYTES (strlen (chunk_size_line) + VMP_BENCH_EVENT_BYTES + 2)

#define JSON_HEAD \
  "HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: application/json; charset=utf-8\r\n" \
  "Content-Length: %" G_GSIZE_FORMAT "\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: keep-alive\r\n" \
  "Keep-Alive: timeout=5\r\n\r\n%s"

static const char SSE_HEAD[] =
  "HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
  "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n";

typedef enum {
  READING,  /* a request's head or body */
  FLAT,
  PACED,
  HELD
} State;

/* One connection of a gateway. */
typedef struct {
  int fd;
  guint32 watched;          /* epoll events asked for */
  State state;

  char head[HEAD_BYTES];
  gsize head_len;
  gboolean head_whole;
  guint64 body_left;        /* bytes of the request's body still to come */

  GByteArray *unsent;       /* what the socket did not take */

  guint64 sent;             /* flat: bytes; paced: events */
  gint64 end_ns;            /* flat: when to stop */
  guint64 count;            /* paced: events in all */
  gint64 period_ns;
  gint64 next_ns;
  GList due;                /* paced: its place in the queue */
  gboolean queued;
} Client;

static int epoll_fd;
static int timer_fd;
static gint64 timer_ns;           /* what the timer is set to; 0: to nothing */
static GQueue due = G_QUEUE_INIT; /* paced clients, earliest first */

static char chunk_size_line[16];
static char *flat_block;          /* 2 * FLAT_EVENTS chunks: from any offset in the first half a half is in one piece */
static char *chat_answer, *models_answer, *unknown_answer;

static void
watch (Client *client,
       guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = client };

  if (client->watched == events)
    return;
  epoll_ctl (epoll_fd, client->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, client->fd, &event);
  client->watched = events;
}

static void
client_free (Client *client)
{
  if (client->queued)
    g_queue_unlink (&due, &client->due);
  g_byte_array_unref (client->unsent);
  close (client->fd);
  g_free (client);
}

/* Keeps what the socket does not take. FALSE: the peer is gone. */
static gboolean
put (Client     *client,
     const void *data,
     gsize       len)
{
  gssize sent = 0;

  if (client->unsent->len == 0)
    {
      sent = send (client->fd, data, len, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN)
        return FALSE;
      sent = MAX (sent, 0);
    }
  if ((gsize) sent < len)
    {
      g_byte_array_append (client->unsent, (const guint8 *) data + sent, len - sent);
      watch (client, EPOLLIN | EPOLLOUT);
    }
  return TRUE;
}

static gboolean
put_end (Client *client,
         guint64 events)
{
  g_autofree char *end = g_strdup_printf (VMP_BENCH_END_FORMAT VMP_BENCH_DONE, events);
  g_autofree char *chunk = g_strdup_printf ("%" G_GSIZE_MODIFIER "x\r\n%s\r\n0\r\n\r\n", strlen (end), end);

  client->state = READING;
  return put (client, chunk, strlen (chunk));
}

/* -- Flat ---------------------------------------------------------------------------------- */

static gboolean
flat_writable (Client *client)
{
  gsize chunk = CHUNK_BYTES;
  gssize sent;

  if (vmp_bench_now () >= client->end_ns)
    {
      gsize cut = client->sent % chunk;

      watch (client, EPOLLIN);
      return (cut == 0 || put (client, flat_block + cut, chunk - cut)) &&
             put_end (client, (client->sent + chunk - 1) / chunk);
    }

  sent = send (client->fd, flat_block + client->sent % (FLAT_EVENTS * chunk), FLAT_EVENTS * chunk, MSG_NOSIGNAL);
  if (sent < 0)
    return errno == EAGAIN;
  client->sent += sent;
  return TRUE;
}

/* -- Paced --------------------------------------------------------------------------------- */

static void
enqueue (Client *client)
{
  GList *before = due.tail;

  /* Nearly always at the end: streams of one rate take turns. */
  while (before != NULL && ((Client *) before->data)->next_ns > client->next_ns)
    before = before->prev;
  if (before == NULL)
    g_queue_push_head_link (&due, &client->due);
  else
    g_queue_insert_before_link (&due, before->next, &client->due);
  client->queued = TRUE;
}

static gboolean
paced_send (Client *client)
{
  char chunk[sizeof chunk_size_line + VMP_BENCH_EVENT_BYTES + 2];
  gsize size_len = strlen (chunk_size_line);
  char *digit = chunk + size_len + VMP_BENCH_STAMP_OFFSET + VMP_BENCH_STAMP_BYTES;
  gint64 now;

  memcpy (chunk, flat_block, CHUNK_BYTES);
  now = vmp_bench_now ();
  for (; now > 0; now /= 10)
    *--digit = '0' + now % 10;

  if (!put (client, chunk, CHUNK_BYTES))
    return FALSE;
  client->sent++;
  client->next_ns += client->period_ns;
  if (client->sent == client->count)
    return put_end (client, client->count);
  if (client->unsent->len == 0)
    enqueue (client);
  return TRUE;
}

static void
paced_run (void)
{
  gint64 now = vmp_bench_now ();
  gint64 wanted = 0;

  while (due.head != NULL && ((Client *) due.head->data)->next_ns <= now)
    {
      Client *client = due.head->data;

      g_queue_unlink (&due, &client->due);
      client->queued = FALSE;
      if (!paced_send (client))
        client_free (client);
      now = vmp_bench_now ();
    }

  if (due.head != NULL)
    wanted = ((Client *) due.head->data)->next_ns;
  if (wanted != timer_ns)
    {
      struct itimerspec spec = { .it_value = { wanted / NS_PER_SECOND, wanted % NS_PER_SECOND } };

      timerfd_settime (timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
      timer_ns = wanted;
    }
}

/* -- Requests ------------------------------------------------------------------------------ */

static gboolean
start_stream (Client     *client,
              const char *mode)
{
  static char first_event[sizeof SSE_HEAD + sizeof chunk_size_line + VMP_BENCH_EVENT_BYTES + 2];
  unsigned int ms, rate, count, number, of;

  client->sent = 0;
  if (strcmp (mode, "hold") == 0)
    {
      memcpy (first_event, SSE_HEAD, sizeof SSE_HEAD - 1);
      memcpy (first_event + sizeof SSE_HEAD - 1, flat_block, CHUNK_BYTES);
      client->state = HELD;
      return put (client, first_event, sizeof SSE_HEAD - 1 + CHUNK_BYTES);
    }
  if (sscanf (mode, "flat %u", &ms) == 1)
    {
      client->state = FLAT;
      client->end_ns = vmp_bench_now () + ms * NS_PER_MS;
      watch (client, EPOLLIN | EPOLLOUT);
      return put (client, SSE_HEAD, sizeof SSE_HEAD - 1);
    }
  if (sscanf (mode, "paced %u %u %u %u", &rate, &count, &number, &of) == 4 && rate > 0 && count > 0 && number < of)
    {
      gint64 start = vmp_bench_now () + PACED_LEAD_NS;

      client->state = PACED;
      client->count = count;
      client->period_ns = NS_PER_SECOND / rate;
      client->next_ns = start - start % client->period_ns + client->period_ns * number / of;
      enqueue (client);
      return put (client, SSE_HEAD, sizeof SSE_HEAD - 1);
    }
  return FALSE;
}

static gboolean
answer (Client *client)
{
  const char *path = strchr (client->head, ' ');
  const char *line, *end;
  const char *reply = unknown_answer;
  char mode[64] = "";

  for (line = client->head; (end = strstr (line, "\r\n")) != NULL; line = end + 2)
    {
      if (strncasecmp (line, VMP_BENCH_FIELD ":", strlen (VMP_BENCH_FIELD ":")) == 0)
        {
          line += strlen (VMP_BENCH_FIELD ":");
          while (*line == ' ')
            line++;
          g_strlcpy (mode, line, MIN (sizeof mode, (gsize) (end - line) + 1));
        }
    }

  client->head_len = 0;
  client->head_whole = FALSE;
  if (mode[0] != '\0')
    return start_stream (client, mode);

  if (path != NULL && g_str_has_prefix (path, " " VMP_BENCH_PATH))
    reply = chat_answer;
  else if (path != NULL && g_str_has_prefix (path, " /v1/models "))
    reply = models_answer;
  return put (client, reply, strlen (reply));
}

/* Reads the fields that frame a request. FALSE: one that this server does not understand. */
static gboolean
parse_head (Client *client,
            gsize  *head_len)
{
  const char *end = strstr (client->head, "\r\n\r\n");
  const char *line;

  client->head_whole = end != NULL;
  if (end == NULL)
    return client->head_len < sizeof client->head - 1;

  *head_len = end + 4 - client->head;
  client->body_left = 0;
  for (line = strstr (client->head, "\r\n") + 2; line < end; line = strstr (line, "\r\n") + 2)
    {
      if (strncasecmp (line, "content-length:", 15) == 0)
        client->body_left = g_ascii_strtoull (line + 15, NULL, 10);
      else if (strncasecmp (line, "transfer-encoding:", 18) == 0)
        return FALSE;
    }
  return TRUE;
}

/* FALSE: the peer left, or said what is not understood. */
static gboolean
readable (Client *client)
{
  static char ignored[65536];
  gssize got;
  gsize head_len = 0;

  if (client->state != READING)
    return FALSE;

  if (client->head_whole)
    {
      got = recv (client->fd, ignored, MIN (sizeof ignored, client->body_left), 0);
      if (got <= 0)
        return got < 0 && errno == EAGAIN;
      client->body_left -= got;
    }
  else
    {
      got = recv (client->fd, client->head + client->head_len, sizeof client->head - 1 - client->head_len, 0);
      if (got <= 0)
        return got < 0 && errno == EAGAIN;
      client->head_len += got;
      client->head[client->head_len] = '\0';
      if (!parse_head (client, &head_len))
        return FALSE;
      if (!client->head_whole)
        return TRUE;
      if (client->head_len - head_len > client->body_left)
        return FALSE;
      client->body_left -= client->head_len - head_len;
      client->head[head_len] = '\0';
    }
  return client->body_left > 0 || answer (client);
}

static gboolean
writable (Client *client)
{
  gssize sent;

  if (client->unsent->len == 0)
    return client->state != FLAT || flat_writable (client);

  sent = send (client->fd, client->unsent->data, client->unsent->len, MSG_NOSIGNAL);
  if (sent < 0)
    return errno == EAGAIN;
  g_byte_array_remove_range (client->unsent, 0, sent);
  if (client->unsent->len > 0)
    return TRUE;
  if (client->state == FLAT)
    return TRUE;
  watch (client, EPOLLIN);
  if (client->state == PACED && !client->queued)
    enqueue (client);
  return TRUE;
}

/* -- The process --------------------------------------------------------------------------- */

static void
accept_all (int listen_fd)
{
  int fd;

  while ((fd = accept4 (listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    {
      Client *client = g_new0 (Client, 1);
      int on = 1;

      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      client->fd = fd;
      client->due.data = client;
      client->unsent = g_byte_array_new ();
      watch (client, EPOLLIN);
    }
}

static void
make_answers (void)
{
  static const char models[] =
    "{\"object\":\"list\",\"data\":[{\"id\":\"bench-7b-instruct\",\"object\":\"model\",\"owned_by\":\"bench\"}]}";
  static const char unknown[] = "{\"error\":\"Unexpected endpoint or method.\"}";
  GString *block = g_string_new (NULL);

  chat_answer = g_strdup_printf (JSON_HEAD, sizeof VMP_BENCH_REPLY - 1, VMP_BENCH_REPLY);
  models_answer = g_strdup_printf (JSON_HEAD, sizeof models - 1, models);
  unknown_answer = g_strdup_printf (JSON_HEAD, sizeof unknown - 1, unknown);

  g_snprintf (chunk_size_line, sizeof chunk_size_line, "%" G_GSIZE_MODIFIER "x\r\n", VMP_BENCH_EVENT_BYTES);
  for (int i = 0; i < 2 * FLAT_EVENTS; i++)
    g_string_append_printf (block, "%s%s\r\n", chunk_size_line, VMP_BENCH_EVENT);
  flat_block = g_string_free (block, FALSE);
}

static int
listen_on_loopback (int port)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)
  };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;

  if (fd < 0 ||
      setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      bind (fd, (struct sockaddr *) &address, sizeof address) < 0 ||
      listen (fd, 4096) < 0)
    {
      perror ("upstream: cannot listen");
      exit (1);
    }
  return fd;
}

int
main (int    argc,
      char **argv)
{
  struct rlimit files;
  struct epoll_event events[256];
  int listen_fd;

  if (argc != 2)
    {
      fprintf (stderr, "usage: upstream PORT\n");
      return 2;
    }

  /* One descriptor a stream, and there may be thousands. */
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);

  make_answers ();
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  listen_fd = listen_on_loopback (atoi (argv[1]));
  /* Edge-triggered, the timer needs no read: setting it anew clears it. */
  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, timer_fd,
             &(struct epoll_event) { .events = EPOLLIN | EPOLLET, .data.ptr = &timer_fd });
  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, listen_fd, &(struct epoll_event) { .events = EPOLLIN, .data.ptr = NULL });

  for (;;)
    {
      int n = epoll_wait (epoll_fd, events, G_N_ELEMENTS (events), -1);

      for (int i = 0; i < n; i++)
        {
          Client *client = events[i].data.ptr;

          if (client == NULL)
            accept_all (listen_fd);
          else if (events[i].data.ptr == &timer_fd)
            continue;
          else if (((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !readable (client)) ||
                   ((events[i].events & EPOLLOUT) != 0 && !writable (client)))
            client_free (client);
        }
      /* After the batch, since it may free clients that the batch names. */
      paced_run ();
    }
}

/* SPDX-License-Identifier: MIT
 *
 * The measurement of a gateway's start: from just before fork() to when it listens, and to its first proxied
 * answer. Each started program is ended again before the next. Run by load.c.
 */

#include "load.h"

#include "client.h"
#include "figures.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Time between two tries to connect; the error of the figure. */
#define TRY_NS 100000

#define NS_PER_MS 1e6

typedef struct {
  pid_t pid;
  int said_fd;        /* what it writes to stdout */
  GString *said;
  gint64 said_ns;     /* when it had said options->says; 0: not yet */
} Program;

/* Ends it, waits for it, and frees what belonged to it. */
static void
program_clear (Program *program)
{
  if (program->pid > 0)
    {
      kill (program->pid, SIGTERM);
      while (waitpid (program->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    }
  close (program->said_fd);
  g_string_free (program->said, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Program, program_clear)

static Program
program_start (const VmpBenchOptions *options)
{
  Program program = { .said_fd = -1, .said = g_string_new (NULL) };
  cpu_set_t cpus;
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return program;
  program.said_fd = ends[0];
  program.pid = fork ();
  if (program.pid == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGTERM);
      if (options->cpu >= 0)
        {
          CPU_ZERO (&cpus);
          CPU_SET (options->cpu, &cpus);
          sched_setaffinity (0, sizeof cpus, &cpus);
        }
      fcntl (ends[1], F_SETFL, 0);
      dup2 (ends[1], STDOUT_FILENO);
      execvp (options->argv[0], options->argv);
      _exit (127);
    }
  close (ends[1]);
  return program;
}

/* Waits for output, for at most TRY_NS. FALSE: the program has ended. */
static gboolean
program_listen (Program               *program,
                const VmpBenchOptions *options)
{
  struct timespec wait = { .tv_nsec = TRY_NS };
  struct pollfd poll_fd = { .fd = program->said_fd, .events = POLLIN };
  char bytes[512];
  gssize got;

  if (ppoll (&poll_fd, 1, &wait, NULL) > 0)
    {
      got = read (program->said_fd, bytes, sizeof bytes);
      if (got > 0)
        g_string_append_len (program->said, bytes, got);
      if (program->said_ns == 0 && options->says != NULL && strstr (program->said->str, options->says) != NULL)
        program->said_ns = vmp_bench_now ();
    }
  if (waitpid (program->pid, NULL, WNOHANG) != program->pid)
    return TRUE;
  program->pid = -1;
  return FALSE;
}

/* Whether the port gives the upstream's answer, once it takes connections; *@taken_ns is when it did. */
static gboolean
try_port (const VmpBenchOptions *options,
          gint64                *taken_ns,
          gboolean              *answered,
          GError               **error)
{
  g_autoptr (VmpBenchClient) client = NULL;
  g_autoptr (GError) refused = NULL;
  VmpBenchProgress progress = VMP_BENCH_UNDER_WAY;
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  struct epoll_event event;

  *answered = FALSE;
  client = vmp_bench_client_new (options->port, 1, epoll_fd, &refused);
  if (client != NULL)
    {
      *taken_ns = vmp_bench_now ();
      if (!vmp_bench_client_ask (client, NULL, error))
        progress = VMP_BENCH_BROKEN;
      while (progress == VMP_BENCH_UNDER_WAY)
        {
          if (epoll_wait (epoll_fd, &event, 1, VMP_BENCH_STALL_MS) <= 0)
            {
              g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "no answer to the first request");
              break;
            }
          progress = vmp_bench_client_read (client, NULL, NULL, error);
        }
      *answered = progress == VMP_BENCH_WHOLE;
    }
  close (epoll_fd);
  return client == NULL || *answered;
}

static gboolean
start_once (const VmpBenchOptions *options,
            GError               **error)
{
  gint64 start_ns = vmp_bench_now ();
  gint64 listening_ns = 0;
  gboolean answered = FALSE;
  g_auto (Program) program = program_start (options);

  while (!answered)
    {
      if (!program_listen (&program, options))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s ended before it answered", options->argv[0]);
          return FALSE;
        }
      if (vmp_bench_now () - start_ns > VMP_BENCH_STALL_MS * NS_PER_MS)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s does not listen", options->argv[0]);
          return FALSE;
        }
      /* A program that says when it listens is taken at its word, and must then take a connection. */
      if (options->says != NULL && program.said_ns == 0)
        continue;
      if (!try_port (options, &listening_ns, &answered, error))
        return FALSE;
      if (options->says != NULL && listening_ns == 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s says that it listens, but does not",
                       options->argv[0]);
          return FALSE;
        }
    }

  if (options->says != NULL)
    listening_ns = program.said_ns;
  vmp_bench_print ("listening_ms", (listening_ns - start_ns) / NS_PER_MS);
  vmp_bench_print ("answered_ms", (vmp_bench_now () - start_ns) / NS_PER_MS);
  return TRUE;
}

gboolean
vmp_bench_start (const VmpBenchOptions *options,
                 GError               **error)
{
  if (options->argv[0] == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no program to start");
      return FALSE;
    }
  for (guint i = 0; i < options->times; i++)
    {
      if (!start_once (options, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
vmp_bench_wait (const VmpBenchOptions *options,
                GError               **error)
{
  struct timespec wait = { .tv_nsec = 10 * TRY_NS };
  gint64 start_ns = vmp_bench_now ();
  gint64 taken_ns = 0;
  gboolean answered = FALSE;

  while (!answered)
    {
      if (vmp_bench_now () - start_ns > VMP_BENCH_STALL_MS * NS_PER_MS)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "nothing listens on port %u", options->port);
          return FALSE;
        }
      if (!try_port (options, &taken_ns, &answered, error))
        return FALSE;
      if (!answered)
        nanosleep (&wait, NULL);
    }
  return TRUE;
}

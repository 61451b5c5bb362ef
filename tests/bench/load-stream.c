/* SPDX-License-Identifier: MIT
 *
 * The measurements of streamed answers: flat out, paced, and held open. All streams are opened first; the window
 * opens when each has had an event (flat out, where one may have to wait for the others, when one has) and closes
 * while all still run. Run by load.c.
 */

#include "load.h"

#include "client.h"
#include "figures.h"
#include "wire.h"

#include <gio/gio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The upstream goes on for this long after a window that opened when the first stream did: time enough to open all,
 * including its own wait before the first paced event. */
#define MARGIN_MS 300

/* Held streams are opened this many at a time, as a crowd arrives; and this many come from one address, since gateways
 * bound the connections of one. */
#define OPENED_AT_A_TIME 64
#define STREAMS_PER_ADDRESS 250

typedef enum {
  FLAT,
  PACED,
  HELD
} Kind;

typedef struct {
  const VmpBenchOptions *options;
  Kind kind;
  int epoll_fd;
  GPtrArray *clients;
  guint started;           /* streams that have had an event */
  guint ended;
  VmpBenchMoment from, to; /* the window; now_ns is 0 before it opens and closes */
  guint64 events;          /* in the window */
  GArray *delays;          /* of those, when paced */
} Run;

static void
run_clear (Run *run)
{
  g_ptr_array_unref (run->clients);
  g_array_unref (run->delays);
  close (run->epoll_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static void
count_event (VmpBenchClient *client,
             gint64          sent_ns,
             gpointer        data)
{
  Run *run = data;

  if (vmp_bench_client_events (client) == 1)
    run->started++;
  if (run->from.now_ns == 0 || run->to.now_ns != 0)
    return;
  run->events++;
  if (run->kind == PACED)
    {
      gint64 delay = vmp_bench_now () - sent_ns;

      g_array_append_val (run->delays, delay);
    }
}

static gboolean
open_stream (Run     *run,
             GError **error)
{
  const VmpBenchOptions *options = run->options;
  guint number = run->clients->len;
  guint from = run->kind == HELD ? 1 + number / STREAMS_PER_ADDRESS : 1;
  VmpBenchClient *client = vmp_bench_client_new (options->port, from, run->epoll_fd, error);
  char mode[64] = "hold";

  if (client == NULL)
    return FALSE;
  g_ptr_array_add (run->clients, client);
  if (run->kind == FLAT)
    g_snprintf (mode, sizeof mode, "flat %u", options->ms + MARGIN_MS);
  else if (run->kind == PACED)
    g_snprintf (mode, sizeof mode, "paced %u %u %u %u", options->rate,
                (options->ms + MARGIN_MS) * options->rate / 1000, number, options->connections);
  return vmp_bench_client_ask (client, mode, error);
}

static gboolean
read_batch (Run     *run,
            GError **error)
{
  struct epoll_event events[256];
  gint64 left_ms = VMP_BENCH_STALL_MS;
  int n;

  if (run->from.now_ns != 0 && run->to.now_ns == 0)
    left_ms = MAX (run->options->ms - (vmp_bench_now () - run->from.now_ns) / 1000000, 0);
  n = epoll_wait (run->epoll_fd, events, G_N_ELEMENTS (events), left_ms);
  if (n <= 0 && left_ms == VMP_BENCH_STALL_MS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "nothing came, with %u of %u streams started, %u ended",
                   run->started, run->options->connections, run->ended);
      return FALSE;
    }

  for (int i = 0; i < n; i++)
    {
      switch (vmp_bench_client_read (events[i].data.ptr, count_event, run, error))
        {
        case VMP_BENCH_BROKEN:
          return FALSE;
        case VMP_BENCH_WHOLE:
          run->ended++;
          break;
        case VMP_BENCH_UNDER_WAY:
        default:
          break;
        }
    }
  return TRUE;
}

static gboolean
open_all (Run     *run,
          GError **error)
{
  guint crowd = run->kind == HELD ? OPENED_AT_A_TIME : G_MAXUINT;
  guint enough = run->kind == FLAT ? 1 : run->options->connections;

  while (run->started < enough)
    {
      while (run->clients->len < run->options->connections && run->clients->len - run->started < crowd)
        {
          if (!open_stream (run, error))
            return FALSE;
        }
      if (!read_batch (run, error))
        return FALSE;
    }
  return TRUE;
}

/* Opens the streams, counts events for the window, and reads all of them to their end. */
static gboolean
run_window (Run     *run,
            GError **error)
{
  const VmpBenchOptions *options = run->options;
  gint64 silence_ns = 0;

  if (!open_all (run, error) || !vmp_bench_moment_read (options, &run->from, error))
    return FALSE;
  while (run->ended < options->connections)
    {
      if (!read_batch (run, error))
        return FALSE;
      if (run->to.now_ns == 0 && run->ended > 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                       "a stream ended inside the window: opening all %u took too long", options->connections);
          return FALSE;
        }
      if (run->to.now_ns == 0 &&
          vmp_bench_now () - run->from.now_ns >= options->ms * G_GINT64_CONSTANT (1000000) &&
          !vmp_bench_moment_read (options, &run->to, error))
        return FALSE;
    }

  vmp_bench_print ("events_per_s", run->events * 1e9 / (run->to.now_ns - run->from.now_ns));
  for (guint i = 0; i < run->clients->len; i++)
    silence_ns = MAX (silence_ns, vmp_bench_client_silence_ns (run->clients->pdata[i]));
  if (run->kind == FLAT)
    vmp_bench_print ("silence_ms", silence_ns / 1e6);
  vmp_bench_print_percentiles (run->delays);
  vmp_bench_print_usage (options, &run->from, &run->to, run->events);
  return TRUE;
}

static Run
run_new (const VmpBenchOptions *options,
         Kind                   kind)
{
  Run run = {
    .options = options,
    .kind = kind,
    .epoll_fd = epoll_create1 (EPOLL_CLOEXEC),
    .clients = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_bench_client_free),
    .delays = g_array_new (FALSE, FALSE, sizeof (gint64)),
  };

  return run;
}

gboolean
vmp_bench_flat (const VmpBenchOptions *options,
                GError               **error)
{
  g_auto (Run) run = run_new (options, FLAT);

  return run_window (&run, error);
}

gboolean
vmp_bench_paced (const VmpBenchOptions *options,
                 GError               **error)
{
  g_auto (Run) run = run_new (options, PACED);

  return run_window (&run, error);
}

gboolean
vmp_bench_hold (const VmpBenchOptions *options,
                GError               **error)
{
  g_auto (Run) run = run_new (options, HELD);

  return open_all (&run, error) && vmp_bench_memory (options, error);
}

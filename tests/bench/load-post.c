/* SPDX-License-Identifier: MIT
 *
 * The measurement of requests answered in one piece: each connection asks again as soon as it has its answer.
 * Run by load.c.
 */

#include "load.h"

#include "client.h"
#include "figures.h"
#include "wire.h"

#include <gio/gio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Connections are made and caches warmed before the window opens. */
#define WARM_UP_NS G_GINT64_CONSTANT (30000000)

gboolean
vmp_bench_post (const VmpBenchOptions *options,
                GError               **error)
{
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_bench_client_free);
  g_autoptr (GArray) latencies = g_array_sized_new (FALSE, FALSE, sizeof (gint64), 1 << 20);
  struct epoll_event events[256];
  VmpBenchMoment from = { 0 }, to = { 0 };
  guint64 requests = 0;
  guint under_way = 0;
  gint64 open_ns;
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  for (guint i = 0; i < options->connections; i++)
    {
      VmpBenchClient *client = vmp_bench_client_new (options->port, 1, epoll_fd, error);

      if (client == NULL)
        return FALSE;
      g_ptr_array_add (clients, client);
      if (!vmp_bench_client_ask (client, NULL, error))
        return FALSE;
      under_way++;
    }

  open_ns = vmp_bench_now () + WARM_UP_NS;
  while (under_way > 0)
    {
      int n = epoll_wait (epoll_fd, events, G_N_ELEMENTS (events), VMP_BENCH_STALL_MS);

      if (n <= 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%u requests got no answer", under_way);
          return FALSE;
        }
      for (int i = 0; i < n; i++)
        {
          VmpBenchClient *client = events[i].data.ptr;
          gint64 now, latency;

          switch (vmp_bench_client_read (client, NULL, NULL, error))
            {
            case VMP_BENCH_BROKEN:
              return FALSE;
            case VMP_BENCH_UNDER_WAY:
              continue;
            case VMP_BENCH_WHOLE:
            default:
              break;
            }

          under_way--;
          now = vmp_bench_now ();
          if (from.now_ns != 0 && to.now_ns == 0)
            {
              requests++;
              latency = now - vmp_bench_client_asked_ns (client);
              g_array_append_val (latencies, latency);
            }
          if (from.now_ns == 0 && now >= open_ns && !vmp_bench_moment_read (options, &from, error))
            return FALSE;
          if (to.now_ns == 0 && now >= open_ns + options->ms * G_GINT64_CONSTANT (1000000) &&
              !vmp_bench_moment_read (options, &to, error))
            return FALSE;
          if (to.now_ns == 0)
            {
              if (!vmp_bench_client_ask (client, NULL, error))
                return FALSE;
              under_way++;
            }
        }
    }
  close (epoll_fd);

  vmp_bench_print ("requests_per_s", requests * 1e9 / (to.now_ns - from.now_ns));
  vmp_bench_print_percentiles (latencies);
  vmp_bench_print_usage (options, &from, &to, requests);
  return TRUE;
}

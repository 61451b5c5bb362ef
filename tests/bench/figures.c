/* SPDX-License-Identifier: MIT
 *
 * The load generator's figures; see figures.h. Processor time is read from the process's own clock, which counts
 * nanoseconds, and not from the ticks of /proc/PID/stat: a request costs a thousandth of a tick.
 */

#include "figures.h"

#include "wire.h"

#include <gio/gio.h>
#include <stdio.h>

#define NS_PER_US 1000.0
#define KIB_PER_MB (1e6 / 1024)

static gboolean
read_proc (pid_t       pid,
           const char *name,
           char      **text,
           GError    **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int) pid, name);

  return g_file_get_contents (path, text, NULL, error);
}

gboolean
vmp_bench_moment_read (const VmpBenchOptions *options,
                       VmpBenchMoment        *moment,
                       GError               **error)
{
  moment->now_ns = vmp_bench_now ();
  moment->cpu_ns = moment->main_ns = moment->wait_ns = 0;
  for (guint i = 0; i < options->n_pids; i++)
    {
      g_autofree char *text = NULL;
      struct timespec used;
      clockid_t clock;
      long long ran, waited;
      int code = clock_getcpuclockid (options->pids[i], &clock);

      if (code != 0 || clock_gettime (clock, &used) < 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "process %d is gone", (int) options->pids[i]);
          return FALSE;
        }
      moment->cpu_ns += used.tv_sec * G_GINT64_CONSTANT (1000000000) + used.tv_nsec;

      /* A kernel may be built without it; then nothing seems to wait. */
      if (read_proc (options->pids[i], "schedstat", &text, NULL) && sscanf (text, "%lld %lld", &ran, &waited) == 2)
        {
          moment->main_ns += ran;
          moment->wait_ns += waited;
        }
    }
  return TRUE;
}

void
vmp_bench_print (const char *name,
                 double      value)
{
  printf ("%s %.4f\n", name, value);
}

void
vmp_bench_print_usage (const VmpBenchOptions *options,
                       const VmpBenchMoment  *from,
                       const VmpBenchMoment  *to,
                       guint64                count)
{
  gint64 cpu_ns = to->cpu_ns - from->cpu_ns;
  gint64 own_ns = cpu_ns - (to->main_ns - from->main_ns);
  gint64 foreign_ns = to->wait_ns - from->wait_ns - own_ns;

  if (options->n_pids == 0)
    return;
  vmp_bench_print ("cpu_us", cpu_ns / NS_PER_US / MAX (count, 1));
  /* Waiting for its own other threads is the gateway's doing, and no disturbance. */
  vmp_bench_print ("wait_percent", 100.0 * MAX (foreign_ns, 0) / (to->now_ns - from->now_ns));
}

static int
compare (gconstpointer a,
         gconstpointer b)
{
  gint64 left = *(const gint64 *) a;
  gint64 right = *(const gint64 *) b;

  return (left > right) - (left < right);
}

void
vmp_bench_print_percentiles (GArray *samples)
{
  if (samples->len == 0)
    return;
  g_array_sort (samples, compare);
  vmp_bench_print ("p50_us", g_array_index (samples, gint64, (guint64) samples->len * 50 / 100) / NS_PER_US);
  vmp_bench_print ("p99_us", g_array_index (samples, gint64, (guint64) samples->len * 99 / 100) / NS_PER_US);
}

gboolean
vmp_bench_memory (const VmpBenchOptions *options,
                  GError               **error)
{
  long long rss = 0, pss = 0;

  for (guint i = 0; i < options->n_pids; i++)
    {
      g_autofree char *text = NULL;
      const char *line;

      if (!read_proc (options->pids[i], "smaps_rollup", &text, error))
        return FALSE;
      line = strstr (text, "\nRss:");
      rss += line != NULL ? g_ascii_strtoll (line + 5, NULL, 10) : 0;
      line = strstr (text, "\nPss:");
      pss += line != NULL ? g_ascii_strtoll (line + 5, NULL, 10) : 0;
    }
  vmp_bench_print ("rss_mb", rss / KIB_PER_MB);
  vmp_bench_print ("pss_mb", pss / KIB_PER_MB);
  return TRUE;
}

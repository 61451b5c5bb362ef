/* SPDX-License-Identifier: MIT
 *
 * The load generator of the benchmark: `load MEASUREMENT --port N …` makes one measurement and prints its figures.
 * Run by tests/bench/run, with the same arguments for each gateway and for the upstream itself.
 */

#include "load.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below the ports that Linux gives to clients: one of those could be taken by the load itself between two starts. */
#define FIRST_PORT 20000
#define LAST_PORT 32000

/* Prints as many ports that nothing listens on, in one line. They stay taken until all are found. */
static gboolean
print_free_ports (const VmpBenchOptions *options,
                  GError               **error)
{
  guint found = 0;

  for (guint port = FIRST_PORT + getpid () % (LAST_PORT - FIRST_PORT) / 2; port < LAST_PORT; port++)
    {
      struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)
      };
      int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

      if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0)
        {
          close (fd);
          continue;
        }
      found++;
      printf ("%u%c", port, found < options->times ? ' ' : '\n');
      if (found == options->times)
        return TRUE;
    }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "no free ports");
  return FALSE;
}

static const struct {
  const char *name;
  gboolean (*run) (const VmpBenchOptions *options, GError **error);
} measurements[] = {
  { "post", vmp_bench_post },
  { "flat", vmp_bench_flat },
  { "paced", vmp_bench_paced },
  { "hold", vmp_bench_hold },
  { "memory", vmp_bench_memory },
  { "start", vmp_bench_start },
  { "wait", vmp_bench_wait },
  { "port", print_free_ports },
};

int
main (int    argc,
      char **argv)
{
  static int port, connections = 1, rate = 100, ms = 1000, times = 1, cpu = -1;
  static char *says, **pids;
  static const GOptionEntry entries[] = {
    { "port", 0, 0, G_OPTION_ARG_INT, &port, "What to measure, on 127.0.0.1", "PORT" },
    { "connections", 0, 0, G_OPTION_ARG_INT, &connections, "Connections, or streams", "N" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &rate, "Events a second of each paced stream", "N" },
    { "ms", 0, 0, G_OPTION_ARG_INT, &ms, "Length of the measured window", "MS" },
    { "times", 0, 0, G_OPTION_ARG_INT, &times, "How often to start a program; how many ports to find", "N" },
    { "cpu", 0, 0, G_OPTION_ARG_INT, &cpu, "Processor a started program is bound to", "N" },
    { "says", 0, 0, G_OPTION_ARG_STRING, &says, "What a started program prints when it listens", "TEXT" },
    { "pid", 0, 0, G_OPTION_ARG_STRING_ARRAY, &pids, "A process to account for; may be repeated", "PID" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("MEASUREMENT [-- PROGRAM…]");
  g_autoptr (GError) error = NULL;
  g_autofree pid_t *pid_numbers = NULL;
  VmpBenchOptions options = { 0 };
  struct rlimit files;

  g_option_context_set_summary (context, "Measurements: post, flat, paced, hold, memory, start, wait, port.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("load: %s\n", error->message);
      return 2;
    }

  options.n_pids = pids != NULL ? g_strv_length (pids) : 0;
  pid_numbers = g_new0 (pid_t, options.n_pids + 1);
  for (guint i = 0; i < options.n_pids; i++)
    pid_numbers[i] = atoi (pids[i]);
  options.pids = pid_numbers;
  options.port = CLAMP (port, 0, 65535);
  options.connections = CLAMP (connections, 1, 4000);
  options.rate = CLAMP (rate, 1, 10000);
  options.ms = CLAMP (ms, 100, 60000);
  options.times = CLAMP (times, 1, 100);
  options.cpu = cpu;
  options.says = says;
  options.argv = argc > 2 ? argv + 2 : argv + argc;
  if (options.argv[0] != NULL && strcmp (options.argv[0], "--") == 0)
    options.argv++;

  /* One descriptor a stream. */
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);

  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS (measurements); i++)
    {
      if (strcmp (argv[1], measurements[i].name) != 0)
        continue;
      if (measurements[i].run (&options, &error))
        return 0;
      g_printerr ("load %s: %s\n", argv[1], error->message);
      return 1;
    }
  g_printerr ("load: name a measurement; see --help\n");
  return 2;
}

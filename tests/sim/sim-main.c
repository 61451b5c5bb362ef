/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim behaves as one LM Studio server does, and misbehaves as it is told to. It is a test
 * double, not the real LM Studio: no model runs in here, and nothing is downloaded or executed.
 * Used by the tests, by the benchmarks and as the demo fleet of "./dev run".
 */

#include "sim-config.h"
#include "sim-downloads.h"
#include "sim-history.h"
#include "sim-http.h"
#include "sim-log.h"
#include "sim-models.h"
#include "sim-stats.h"
#include "sim-timer.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
  char *host;
  guint16 port;
  gboolean has_control_port;
  guint16 control_port;
  char *models_file;
  GPtrArray *models;
  gboolean wants_help;
} Options;

static const char help_head[] =
  "lmstudio-sim, a simulated LM Studio (a test double, not the real one)\n"
  "\n"
  "Usage: lmstudio-sim [FLAG...]\n"
  "\n"
  "  --port=N                           listen here; 0 takes a free port [1234]\n"
  "  --host=ADDRESS                     listen on this address [127.0.0.1]\n"
  "  --control-port=N                   serve /sim/ here as well, where no fault reaches it; 0 takes a free port\n"
  "  --model=KEY[:loaded]               have this model instead of the built-in ones (repeatable)\n"
  "  --models=FILE                      have the models of this JSON file instead\n"
  "  --fast                             all times 0, tokens as fast as the client reads; flags after it count\n"
  "  --log-level=WORD                   error, warn, info or debug [info]\n"
  "  --help                             this text\n"
  "\n"
  "All flags below are knobs: they can also be turned while it runs, by POST /sim/v1/config with a JSON object of\n"
  "the same names (with _ for -). GET /sim/v1/config shows them, GET /sim/v1/stats what arrived, GET /sim/v1/wait\n"
  "waits for a counter, POST /sim/v1/drop ends connections, POST /sim/v1/reset goes back to the start.\n"
  "A knob of on and off is written --jit, --no-jit or --jit=off.\n";

/* Returns: (nullable): the value of the flag --@name, moving *@index past it */
static const char *
flag_value (char      **argv,
            int        *index,
            const char *name)
{
  const char *argument = argv[*index];
  gsize len = strlen (name);

  if (!g_str_has_prefix (argument, "--") || strncmp (argument + 2, name, len) != 0)
    return NULL;
  if (argument[2 + len] == '=')
    return argument + 2 + len + 1;
  if (argument[2 + len] != '\0' || argv[*index + 1] == NULL)
    return NULL;

  return argv[++*index];
}

static gboolean
take_port (const char *value,
           guint16    *port,
           GError    **error)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT16, &number, error))
    return FALSE;
  *port = (guint16) number;

  return TRUE;
}

static gboolean
parse_flags (char     **argv,
             Options   *options,
             SimConfig *config,
             GError   **error)
{
  for (int i = 1; argv[i] != NULL; i++)
    {
      const char *value;

      if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0)
        options->wants_help = TRUE;
      else if (strcmp (argv[i], "--fast") == 0)
        sim_config_set_fast (config);
      else if ((value = flag_value (argv, &i, "port")) != NULL)
        {
          if (!take_port (value, &options->port, error))
            return FALSE;
        }
      else if ((value = flag_value (argv, &i, "control-port")) != NULL)
        {
          options->has_control_port = TRUE;
          if (!take_port (value, &options->control_port, error))
            return FALSE;
        }
      else if ((value = flag_value (argv, &i, "host")) != NULL)
        {
          g_free (options->host);
          options->host = g_strdup (value);
        }
      else if ((value = flag_value (argv, &i, "models")) != NULL)
        {
          g_free (options->models_file);
          options->models_file = g_strdup (value);
        }
      else if ((value = flag_value (argv, &i, "model")) != NULL)
        g_ptr_array_add (options->models, g_strdup (value));
      else if ((value = flag_value (argv, &i, "log-level")) != NULL)
        {
          if (sim_log_set_level (value))
            continue;
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "there is no log level \"%s\"", value);
          return FALSE;
        }
      else if (!sim_config_take_flag (config, argv, &i, error))
        {
          if (*error == NULL)
            g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "there is no flag %s", argv[i]);
          return FALSE;
        }
    }

  return TRUE;
}

static void
print_help (void)
{
  g_autoptr (GString) text = g_string_new (help_head);

  sim_config_write_help (text);
  fputs (text->str, stdout);
}

/* A thousand open streams need more than the usual 1,024 descriptors. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

static gboolean
fill_models (Sim           *sim,
             const Options *options,
             GError       **error)
{
  if (options->models_file != NULL && !sim_models_read_file (sim->models, options->models_file, error))
    {
      g_prefix_error (error, "%s: ", options->models_file);
      return FALSE;
    }
  for (guint i = 0; i < options->models->len; i++)
    sim_models_choose (sim->models, options->models->pdata[i]);
  if (options->models_file == NULL && options->models->len == 0)
    sim_models_add_catalogue (sim->models);
  sim_models_reset (sim->models);

  return TRUE;
}

static gboolean
listen_all (Sim           *sim,
            const Options *options,
            GError       **error)
{
  const char *open = strchr (options->host, ':') != NULL ? "[" : "";
  const char *close = *open != '\0' ? "]" : "";
  guint16 port = sim_http_listen (sim->http, options->host, options->port, FALSE, error);
  guint16 control_port = 0;

  if (port == 0)
    return FALSE;
  if (options->has_control_port)
    {
      control_port = sim_http_listen (sim->http, options->host, options->control_port, TRUE, error);
      if (control_port == 0)
        return FALSE;
    }

  printf (SIM_PROGRAM " (a simulated LM Studio, not the real one) listening on http://%s%s%s:%u", open, options->host,
          close, port);
  if (control_port != 0)
    printf (", control on http://%s%s%s:%u", open, options->host, close, control_port);
  printf ("\n");
  fflush (stdout);

  return TRUE;
}

static gboolean
on_signal (gpointer data)
{
  g_main_loop_quit (data);

  return G_SOURCE_CONTINUE;
}

static void
run_until_signal (Sim *sim)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  guint term = g_unix_signal_add (SIGTERM, on_signal, loop);
  guint interrupt = g_unix_signal_add (SIGINT, on_signal, loop);

  sim_http_apply_config (sim->http);
  g_main_loop_run (loop);
  g_source_remove (term);
  g_source_remove (interrupt);
}

static void
sim_clear (Sim *sim)
{
  /* Connections first: what runs for them ends with them. Then the models, with what nobody awaits. */
  sim_http_free (sim->http);
  sim_models_free (sim->models);
  sim_downloads_free (sim->downloads);
  sim_history_free (sim->history);
  sim_stats_free (sim->stats);
  sim_timers_free (sim->timers);
  sim_config_free (sim->start_config);
  sim_config_free (sim->config);
}

int
main (int   argc,
      char *argv[])
{
  Options options = { .host = g_strdup ("127.0.0.1"), .port = 1234, .models = g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (GError) error = NULL;
  Sim sim = { .config = sim_config_new () };
  int status = 0;

  sim.timers = sim_timers_new ();
  sim.stats = sim_stats_new (sim.timers);
  sim.models = sim_models_new (&sim);
  sim.downloads = sim_downloads_new (&sim);
  sim.history = sim_history_new ();
  sim.http = sim_http_new (&sim);

  if (!parse_flags (argv, &options, sim.config, &error))
    status = 2;
  else if (options.wants_help)
    print_help ();
  else
    {
      sim.start_config = sim_config_copy (sim.config);
      raise_descriptor_limit ();
      if (!fill_models (&sim, &options, &error))
        status = 2;
      else if (listen_all (&sim, &options, &error))
        run_until_signal (&sim);
      else
        status = 1;
    }
  if (error != NULL)
    fprintf (stderr, SIM_PROGRAM ": %s\n", error->message);

  sim_clear (&sim);
  g_free (options.host);
  g_free (options.models_file);
  g_ptr_array_unref (options.models);

  return status;
}

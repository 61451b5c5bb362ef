/* SPDX-License-Identifier: MIT
 *
 * `vampire serve`: reads the settings, starts the gateway, and tells it what the signals and the
 * settings file say. It only starts and stops a gateway and never looks inside.
 */

#include "cli/vmp-cli.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/vmp-limits.h"
#include "core/vmp-log.h"
#include "core/vmp-settings.h"
#include "gateway/vmp-gateway.h"

/* Open files to ask for: two for each of the client connections that are allowed, and room. The usual soft
 * limit of 1024 is for programs that use select(). */
#define OPEN_FILES 16384

/* Milliseconds between a change of the settings file and the look at it. Editors write in several steps. */
#define SETTLE_MS 100

typedef struct {
  const char * const *args;
  char **env;              /* of the start: a reload must not find another home */
  VmpSettings *started;    /* what the listener was made with */
  VmpGateway *gateway;
  GMainLoop *loop;
  GFileMonitor *monitor;   /* NULL where files cannot be watched */
  guint settle_source;     /* 0 when no change is being awaited */
  gboolean draining;
} Serve;

static void serve_clear (Serve *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Serve, serve_clear)

/* -- Stopping ------------------------------------------------------------------------------ */

static void
stopped_cb (VmpGateway *gateway,
            gpointer    user_data)
{
  Serve *self = user_data;

  g_main_loop_quit (self->loop);
}

/* SIGTERM or SIGINT. */
static gboolean
stop_cb (gpointer user_data)
{
  Serve *self = user_data;

  /* Not through the loop's end: closing down in order may wait, for a name look-up for instance, and whoever
   * signals twice has waited enough. */
  if (self->draining)
    {
      g_message ("Ending at once, as asked by a second signal.");
      _exit (VMP_EXIT_FAILED);
    }

  /* Said when it is so: from this line on nobody is let in. */
  self->draining = TRUE;
  vmp_gateway_drain (self->gateway, stopped_cb, self);
  g_message ("Stopping; running answers have %d seconds to end.", VMP_LIMIT_DRAIN_MS / 1000);

  return G_SOURCE_CONTINUE;
}

/* -- Reloading ----------------------------------------------------------------------------- */

static void
reload (Serve *self)
{
  g_autoptr (VmpSettings) next = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *late = NULL;

  if (self->draining)
    return;

  next = vmp_settings_load (self->args, (const char * const *) self->env, &error);
  if (next == NULL || !vmp_settings_check_reload (self->started, next, &error))
    {
      g_warning ("The old settings stay in force. %s", error->message);
      return;
    }

  vmp_log_configure (next->log_level, next->log_format);
  vmp_gateway_apply_settings (self->gateway, next);
  g_message ("The settings were reloaded.");

  late = vmp_settings_changes_needing_restart (self->started, next);
  if (late != NULL)
    g_warning ("Restart Vampire for these settings to change: %s.", late);
}

static gboolean
hangup_cb (gpointer user_data)
{
  reload (user_data);

  return G_SOURCE_CONTINUE;
}

static gboolean
settled_cb (gpointer user_data)
{
  Serve *self = user_data;

  self->settle_source = 0;
  reload (self);

  return G_SOURCE_REMOVE;
}

static void
file_changed_cb (GFileMonitor     *monitor,
                 GFile            *file,
                 GFile            *other_file,
                 GFileMonitorEvent event,
                 gpointer          user_data)
{
  Serve *self = user_data;

  g_clear_handle_id (&self->settle_source, g_source_remove);
  self->settle_source = g_timeout_add (SETTLE_MS, settled_cb, self);
}

/* Watches the file by its directory entry, so that editors that replace it are seen too. */
static void
watch_file (Serve *self)
{
  /* The local file system's own, for the default one may ask D-Bus for others. */
  g_autoptr (GFile) file = g_vfs_get_file_for_path (g_vfs_get_local (), self->started->config_file);
  g_autoptr (GError) error = NULL;

  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, &error);
  if (self->monitor == NULL)
    {
      g_warning ("Changes of the settings file are not seen (%s); send SIGHUP after each.", error->message);
      return;
    }

  g_signal_connect (self->monitor, "changed", G_CALLBACK (file_changed_cb), self);
}

/* -- Starting ------------------------------------------------------------------------------ */

static void
raise_open_files (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;

  if (limit.rlim_cur < MIN (limit.rlim_max, OPEN_FILES))
    {
      limit.rlim_cur = MIN (limit.rlim_max, OPEN_FILES);
      setrlimit (RLIMIT_NOFILE, &limit);
    }
}

static void
log_start (Serve *self)
{
  g_auto (GStrv) unknown = vmp_settings_unknown_variables ((const char * const *) self->env);

  for (gsize i = 0; unknown[i] != NULL; i++)
    g_debug ("The variable %s is no setting.", unknown[i]);

  if (self->started->demo)
    g_message ("This is a demonstration: the servers behind are simulated.");
}

/* The one line on stdout. Who started us may wait for it; that nobody reads it is no reason to stop. */
static void
announce (Serve *self)
{
  g_autofree char *url = vmp_gateway_dup_url (self->gateway);

  if (printf ("Vampire listening on %s/v1\n", url) < 0 || fflush (stdout) == EOF)
    g_warning ("Vampire listens on %s/v1, but could not say so on the standard output: %s.", url, g_strerror (errno));
}

/* Runs the main loop until the gateway has stopped. Returns the exit status. */
static int
run (Serve *self)
{
  g_autoptr (GError) error = NULL;
  guint signal_sources[3];

  self->loop = g_main_loop_new (NULL, FALSE);
  self->gateway = vmp_gateway_new (self->started, g_main_context_default ());

  if (!vmp_gateway_start (self->gateway, &error))
    return vmp_cli_fail (VMP_EXIT_FAILED, "%s", error->message);

  signal_sources[0] = g_unix_signal_add (SIGTERM, stop_cb, self);
  signal_sources[1] = g_unix_signal_add (SIGINT, stop_cb, self);
  signal_sources[2] = g_unix_signal_add (SIGHUP, hangup_cb, self);
  watch_file (self);
  announce (self);

  g_main_loop_run (self->loop);

  for (gsize i = 0; i < G_N_ELEMENTS (signal_sources); i++)
    g_source_remove (signal_sources[i]);

  return VMP_EXIT_DONE;
}

static void
serve_clear (Serve *self)
{
  g_clear_handle_id (&self->settle_source, g_source_remove);
  if (self->monitor != NULL)
    g_file_monitor_cancel (self->monitor);
  g_clear_object (&self->monitor);
  g_clear_pointer (&self->gateway, vmp_gateway_unref);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_clear_pointer (&self->started, vmp_settings_unref);
  g_clear_pointer (&self->env, g_strfreev);
}

int
vmp_cli_serve (const char * const *args)
{
  g_auto (Serve) self = { .args = args, .env = g_get_environ () };
  g_autoptr (GError) error = NULL;

  self.started = vmp_settings_load (args, (const char * const *) self.env, &error);
  if (self.started == NULL)
    return vmp_cli_fail (g_error_matches (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID)
                           ? VMP_EXIT_USAGE
                           : VMP_EXIT_FAILED,
                         "%s", error->message);

  vmp_log_configure (self.started->log_level, self.started->log_format);
  log_start (&self);

  signal (SIGPIPE, SIG_IGN);
  raise_open_files ();

  return run (&self);
}

char *
vmp_cli_serve_help (void)
{
  g_autofree char *settings = vmp_settings_help ();

  return g_strconcat ("It prints one line when it listens, and logs to the standard error. SIGTERM or\n"
                      "SIGINT stops it and lets running answers end for 10 seconds; a second one ends\n"
                      "it at once. SIGHUP reloads the settings, and so does a change of their file.\n\n"
                      "Settings: flags go over variables, and variables over the settings file, which\n"
                      "has lines \"key = value\" below [vampire].\n\n",
                      settings, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * `vampire serve`: has the settings kept, starts the gateway that follows them, and does what the signals say. It only
 * starts and stops a gateway and never looks inside.
 */

#include "cli/vmp-cli.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/vmp-limits.h"
#include "core/vmp-settings-keeper.h"
#include "gateway/vmp-gateway.h"

typedef struct {
  char **env;
  VmpSettingsKeeper *keeper;
  VmpGateway *gateway;
  GMainLoop *loop;
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
  vmp_settings_keeper_stop (self->keeper);
  vmp_gateway_drain (self->gateway, stopped_cb, self);
  g_message ("Stopping; running answers have %d seconds to end.", VMP_LIMIT_DRAIN_MS / 1000);

  return G_SOURCE_CONTINUE;
}

/* SIGHUP. */
static gboolean
hangup_cb (gpointer user_data)
{
  Serve *self = user_data;

  vmp_settings_keeper_reload (self->keeper);

  return G_SOURCE_CONTINUE;
}

/* -- Starting ------------------------------------------------------------------------------ */

static void
log_start (Serve *self)
{
  g_auto (GStrv) unknown = vmp_settings_unknown_variables ((const char * const *) self->env);

  for (gsize i = 0; unknown[i] != NULL; i++)
    g_debug ("The variable %s is no setting.", unknown[i]);

  if (vmp_settings_keeper_get (self->keeper)->demo)
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
  self->gateway = vmp_gateway_new (vmp_settings_keeper_get (self->keeper), g_main_context_default ());
  vmp_gateway_follow_settings (self->gateway, self->keeper);

  if (!vmp_gateway_start (self->gateway, &error))
    return vmp_cli_fail (VMP_EXIT_FAILED, "%s", error->message);

  signal_sources[0] = g_unix_signal_add (SIGTERM, stop_cb, self);
  signal_sources[1] = g_unix_signal_add (SIGINT, stop_cb, self);
  signal_sources[2] = g_unix_signal_add (SIGHUP, hangup_cb, self);
  vmp_settings_keeper_watch (self->keeper);
  announce (self);

  g_main_loop_run (self->loop);

  for (gsize i = 0; i < G_N_ELEMENTS (signal_sources); i++)
    g_source_remove (signal_sources[i]);

  return VMP_EXIT_DONE;
}

static void
serve_clear (Serve *self)
{
  g_clear_pointer (&self->gateway, vmp_gateway_unref);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_clear_object (&self->keeper);
  g_clear_pointer (&self->env, g_strfreev);
}

int
vmp_cli_serve (const char * const *args)
{
  g_auto (Serve) self = { .env = g_get_environ () };
  g_autoptr (GError) error = NULL;

  self.keeper = vmp_settings_keeper_new (args, (const char * const *) self.env, &error);
  if (self.keeper == NULL)
    return vmp_cli_fail (g_error_matches (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID)
                           ? VMP_EXIT_USAGE
                           : VMP_EXIT_FAILED,
                         "%s", error->message);

  log_start (&self);

  vmp_gateway_prepare_process ();

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

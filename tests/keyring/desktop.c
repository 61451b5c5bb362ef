/* SPDX-License-Identifier: MIT
 *
 * Starts and ends the programs of a desktop session. What they tell on the bus is waited for, never time.
 */

#include "desktop.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NAME "org.freedesktop.secrets"
#define PATH "/org/freedesktop/secrets"
#define PASSWORD "the owner's password"

/* Longer than anything here takes on a busy machine; the test fails then. */
#define PATIENCE_S 60

static gboolean
out_of_patience (gpointer user_data)
{
  g_error ("Waited for %d s in vain.", PATIENCE_S);

  return G_SOURCE_REMOVE;
}

void
wait_for (const gboolean *flag)
{
  guint patience = g_timeout_add_seconds (PATIENCE_S, out_of_patience, NULL);

  while (!*flag)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (patience);
}

/* -- The session --------------------------------------------------------------------------- */

static char *session_home;
static char *session_bus; /* the address, whether or not a bus runs */

void
desktop_prepare (gboolean by_variable)
{
  GError *error = NULL;

  session_home = g_dir_make_tmp ("vampire-keyring-XXXXXX", &error);
  g_assert_no_error (error);
  session_bus = g_strdup_printf ("unix:path=%s/bus", session_home);

  g_setenv ("HOME", session_home, TRUE);
  g_setenv ("XDG_DATA_HOME", session_home, TRUE);
  g_setenv ("XDG_RUNTIME_DIR", session_home, TRUE);
  g_unsetenv ("GNOME_KEYRING_CONTROL");
  g_unsetenv ("DISPLAY");
  g_unsetenv ("WAYLAND_DISPLAY");
  if (by_variable)
    g_setenv ("DBUS_SESSION_BUS_ADDRESS", session_bus, TRUE);
  else
    g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
}

static int
remove_entry (const char        *path,
              const struct stat *status,
              int                type,
              struct FTW        *where)
{
  return remove (path);
}

void
desktop_finish (void)
{
  nftw (session_home, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&session_home, g_free);
  g_clear_pointer (&session_bus, g_free);
}

void
desktop_init (Desktop *self)
{
  memset (self, 0, sizeof *self);
  self->home = session_home;
  nftw (session_home, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  g_assert_cmpint (g_mkdir (session_home, 0700), ==, 0);
}

void
desktop_clear (Desktop *self)
{
  desktop_stop_daemon (self);
  desktop_stop_bus (self);
}

static void
end_with_parent (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

/* What it starts does not outlive a test that fails. */
static GSubprocessLauncher *
new_launcher (GSubprocessFlags flags)
{
  GSubprocessLauncher *launcher = g_subprocess_launcher_new (flags | G_SUBPROCESS_FLAGS_STDERR_SILENCE);

  g_subprocess_launcher_set_child_setup (launcher, end_with_parent, NULL, NULL);

  return launcher;
}

static void
end (GSubprocess **process)
{
  g_subprocess_force_exit (*process);
  g_subprocess_wait (*process, NULL, NULL);
  g_clear_object (process);
}

/* -- The bus ------------------------------------------------------------------------------- */

static char *
write_config (Desktop    *self,
              const char *service)
{
  g_autofree char *config = g_strdup_printf ("<busconfig>\n"
                                             "  <type>session</type>\n"
                                             "  <listen>%s</listen>\n"
                                             "  <servicedir>%s</servicedir>\n"
                                             "  <policy context=\"default\">\n"
                                             "    <allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
                                             "    <allow eavesdrop=\"true\"/>\n"
                                             "    <allow own=\"*\"/>\n"
                                             "  </policy>\n"
                                             "</busconfig>\n", session_bus, self->home);
  g_autofree char *service_file = g_build_filename (self->home, NAME ".service", NULL);
  g_autofree char *entry = g_strdup_printf ("[D-BUS Service]\nName=%s\nExec=%s\n", NAME, service);
  char *path = g_build_filename (self->home, "bus.conf", NULL);

  g_assert_true (g_file_set_contents (path, config, -1, NULL));
  if (service != NULL)
    g_assert_true (g_file_set_contents (service_file, entry, -1, NULL));

  return path;
}

/* It prints its address when it listens. */
static void
wait_for_address (GSubprocess *bus)
{
  char byte = '\0';

  while (byte != '\n')
    g_assert_cmpint (g_input_stream_read (g_subprocess_get_stdout_pipe (bus), &byte, 1, NULL, NULL), ==, 1);
}

void
desktop_start_bus (Desktop    *self,
                   const char *service)
{
  g_autofree char *config = write_config (self, service);
  g_autoptr (GSubprocessLauncher) launcher = new_launcher (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autofree char *argument = g_strconcat ("--config-file=", config, NULL);
  GError *error = NULL;

  g_assert_null (self->bus);
  self->bus = g_subprocess_launcher_spawn (launcher, &error, "dbus-daemon", "--nofork", "--nopidfile",
                                           "--print-address", argument, NULL);
  g_assert_no_error (error);
  wait_for_address (self->bus);

  self->connection = g_dbus_connection_new_for_address_sync (session_bus,
                                                             G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                             G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                             NULL, NULL, &error);
  g_assert_no_error (error);
}

void
desktop_stop_bus (Desktop *self)
{
  if (self->bus == NULL)
    return;

  g_dbus_connection_close_sync (self->connection, NULL, NULL);
  g_clear_object (&self->connection);
  end (&self->bus);
}

/* -- The daemon ---------------------------------------------------------------------------- */

static void
appeared_cb (GDBusConnection *connection,
             const char      *name,
             const char      *owner,
             gpointer         user_data)
{
  *(gboolean *) user_data = TRUE;
}

static void
vanished_cb (GDBusConnection *connection,
             const char      *name,
             gpointer         user_data)
{
  *(gboolean *) user_data = TRUE;
}

static void
wait_for_name (Desktop *self,
               gboolean present)
{
  gboolean done = FALSE;
  guint watch = g_bus_watch_name_on_connection (self->connection, NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                present ? appeared_cb : NULL, present ? NULL : vanished_cb,
                                                &done, NULL);

  wait_for (&done);
  g_bus_unwatch_name (watch);
}

void
desktop_start_daemon (Desktop *self,
                      gboolean unlocked)
{
  g_autoptr (GSubprocessLauncher) launcher = new_launcher (G_SUBPROCESS_FLAGS_STDIN_PIPE |
                                                           G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  const char *program = g_getenv ("KEYRING_DAEMON");
  GOutputStream *stdin_pipe;
  GError *error = NULL;

  g_assert_null (self->daemon);
  self->daemon = g_subprocess_launcher_spawn (launcher, &error, program != NULL ? program : "gnome-keyring-daemon",
                                              "--foreground", "--components=secrets", unlocked ? "--unlock" : NULL,
                                              NULL);
  g_assert_no_error (error);

  stdin_pipe = g_subprocess_get_stdin_pipe (self->daemon);
  if (unlocked)
    g_output_stream_write_all (stdin_pipe, PASSWORD, strlen (PASSWORD), NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_close (stdin_pipe, NULL, &error);
  g_assert_no_error (error);

  wait_for_name (self, TRUE);
}

void
desktop_stop_daemon (Desktop *self)
{
  if (self->daemon == NULL)
    return;

  end (&self->daemon);
  if (self->bus != NULL)
    wait_for_name (self, FALSE);
}

void
desktop_freeze_daemon (Desktop *self,
                       gboolean freeze)
{
  g_subprocess_send_signal (self->daemon, freeze ? SIGSTOP : SIGCONT);
}

static GVariant *
call (Desktop    *self,
      const char *interface,
      const char *method,
      GVariant   *arguments)
{
  GError *error = NULL;
  GVariant *reply = g_dbus_connection_call_sync (self->connection, NAME, PATH, interface, method, arguments, NULL,
                                                 G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

  g_assert_no_error (error);

  return reply;
}

/* (transfer full) */
static char *
default_collection (Desktop *self)
{
  g_autoptr (GVariant) reply = call (self, "org.freedesktop.Secret.Service", "ReadAlias",
                                     g_variant_new ("(s)", "default"));
  char *path;

  g_variant_get (reply, "(o)", &path);
  g_assert_cmpstr (path, !=, "/");

  return path;
}

void
desktop_lock (Desktop *self)
{
  g_autofree char *collection = default_collection (self);
  const char *collections[] = { collection, NULL };
  g_autoptr (GVariant) reply = NULL;

  reply = call (self, "org.freedesktop.Secret.Service", "Lock", g_variant_new ("(^ao)", collections));
}

void
desktop_unlock (Desktop *self)
{
  g_autofree char *collection = default_collection (self);
  g_autoptr (GVariant) session = call (self, "org.freedesktop.Secret.Service", "OpenSession",
                                       g_variant_new ("(sv)", "plain", g_variant_new_string ("")));
  g_autoptr (GVariant) reply = NULL;
  const char *session_path;

  g_variant_get (session, "(v&o)", NULL, &session_path);
  reply = call (self, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface", "UnlockWithMasterPassword",
                g_variant_new ("(o(o@ay@ays))", collection, session_path,
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, "", 0, 1),
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, PASSWORD, strlen (PASSWORD), 1),
                               "text/plain"));
}

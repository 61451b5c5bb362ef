/* SPDX-License-Identifier: MIT
 *
 * VmpAutostart on Linux: an entry in the user's autostart folder, or, inside a sandbox, which cannot write there, a
 * question to the desktop's Background portal.
 */

#include "platform/vmp-autostart.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define APP_ID "io.github.lmstudio_vampire.Vampire"
#define ENTRY APP_ID ".desktop"

/* There in every Flatpak, and nowhere else. */
#define SANDBOX_MARK "/.flatpak-info"

#define PORTAL_NAME "org.freedesktop.portal.Desktop"
#define PORTAL_PATH "/org/freedesktop/portal/desktop"
#define PORTAL_INTERFACE "org.freedesktop.portal.Background"

gboolean
vmp_autostart_is_supported (void)
{
  return TRUE;
}

static gboolean
is_sandboxed (void)
{
  return g_file_test (SANDBOX_MARK, G_FILE_TEST_EXISTS);
}

static char *
entry_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "autostart", ENTRY, NULL);
}

/* The portal tells nobody what it was told; what was asked for is remembered in a file of ours. */
static char *
remembered_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "vampire", "autostart", NULL);
}

gboolean
vmp_autostart_get_enabled (void)
{
  g_autofree char *path = is_sandboxed () ? remembered_path () : entry_path ();
  g_autoptr (GKeyFile) entry = g_key_file_new ();

  if (is_sandboxed ())
    return g_file_test (path, G_FILE_TEST_EXISTS);
  if (!g_key_file_load_from_file (entry, path, G_KEY_FILE_NONE, NULL))
    return FALSE;

  /* Desktops turn an entry off in either of these ways. */
  return !g_key_file_get_boolean (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_HIDDEN, NULL)
         && (!g_key_file_has_key (entry, G_KEY_FILE_DESKTOP_GROUP, "X-GNOME-Autostart-enabled", NULL)
             || g_key_file_get_boolean (entry, G_KEY_FILE_DESKTOP_GROUP, "X-GNOME-Autostart-enabled", NULL));
}

/* -- The folder ---------------------------------------------------------------------------- */

/* A command as the Desktop Entry specification wants it: each word in quotes, in which four characters need a
 * backslash, and a percent sign doubled. (The key file's own escapes come on top.) */
static char *
quote_command (const char * const *command)
{
  GString *line = g_string_new (NULL);
  guint i;

  for (i = 0; command[i] != NULL; i++)
    {
      const char *c;

      g_string_append (line, i > 0 ? " \"" : "\"");
      for (c = command[i]; *c != '\0'; c++)
        {
          if (strchr ("\"`$\\", *c) != NULL)
            g_string_append_c (line, '\\');
          else if (*c == '%')
            g_string_append_c (line, '%');
          g_string_append_c (line, *c);
        }
      g_string_append_c (line, '"');
    }

  return g_string_free (line, FALSE);
}

static gboolean
write_entry (const char * const *command,
             GError            **error)
{
  g_autofree char *path = entry_path ();
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *exec = quote_command (command);
  g_autoptr (GKeyFile) entry = g_key_file_new ();
  const char *group = G_KEY_FILE_DESKTOP_GROUP;

  if (g_mkdir_with_parents (folder, 0700) < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "The folder of programs that start at login cannot be made: %s.", g_strerror (errno));
      return FALSE;
    }

  g_key_file_set_string (entry, group, G_KEY_FILE_DESKTOP_KEY_TYPE, G_KEY_FILE_DESKTOP_TYPE_APPLICATION);
  g_key_file_set_string (entry, group, G_KEY_FILE_DESKTOP_KEY_NAME, "Vampire");
  g_key_file_set_string (entry, group, G_KEY_FILE_DESKTOP_KEY_EXEC, exec);
  g_key_file_set_string (entry, group, G_KEY_FILE_DESKTOP_KEY_ICON, APP_ID);
  g_key_file_set_boolean (entry, group, "X-GNOME-Autostart-enabled", TRUE);

  return g_key_file_save_to_file (entry, path, error);
}

static gboolean
remove_file (const char *path,
             GError    **error)
{
  if (g_unlink (path) == 0 || errno == ENOENT)
    return TRUE;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               "The entry that starts Vampire at login cannot be removed: %s.", g_strerror (errno));

  return FALSE;
}

/* -- The portal ---------------------------------------------------------------------------- */

typedef struct {
  gboolean enabled;
  GDBusConnection *bus;
  guint subscription;
} PortalCall;

static void
portal_call_free (PortalCall *call)
{
  if (call->subscription != 0)
    g_dbus_connection_signal_unsubscribe (call->bus, call->subscription);
  g_clear_object (&call->bus);
  g_free (call);
}

static void
remember (gboolean enabled)
{
  g_autofree char *path = remembered_path ();
  g_autofree char *folder = g_path_get_dirname (path);

  if (enabled)
    {
      g_mkdir_with_parents (folder, 0700);
      g_file_set_contents (path, "", 0, NULL);
    }
  else
    {
      g_unlink (path);
    }
}

/* The portal's answer comes as a signal on a request object. */
static void
portal_response_cb (GDBusConnection *bus,
                    const char      *sender,
                    const char      *path,
                    const char      *interface,
                    const char      *name,
                    GVariant        *parameters,
                    gpointer         user_data)
{
  GTask *task = user_data;
  PortalCall *call = g_task_get_task_data (task);
  g_autoptr (GVariant) results = NULL;
  gboolean autostart = FALSE;
  guint32 response = 2;

  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ua{sv})")))
    g_variant_get (parameters, "(u@a{sv})", &response, &results);
  if (results != NULL)
    g_variant_lookup (results, "autostart", "b", &autostart);

  g_dbus_connection_signal_unsubscribe (bus, call->subscription);
  call->subscription = 0;
  if (response == 0 && autostart == call->enabled)
    {
      remember (call->enabled);
      g_task_return_boolean (task, TRUE);
    }
  else
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                               "The desktop did not allow it. Its settings for Vampire decide about that.");
    }
  g_object_unref (task);
}

static void
portal_asked_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  PortalCall *call = g_task_get_task_data (task);

  if (answer != NULL || call->subscription == 0)
    return;

  /* No signal will come. */
  g_dbus_connection_signal_unsubscribe (call->bus, call->subscription);
  call->subscription = 0;
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "The desktop could not be asked: %s.", error->message);
  g_object_unref (task);
}

/* The name of the request's object, which is known before it is made, so that no answer is missed. */
static char *
request_path (GDBusConnection *bus,
              const char      *token)
{
  g_autofree char *sender = g_strdup (g_dbus_connection_get_unique_name (bus) + 1);

  g_strdelimit (sender, ".", '_');

  return g_strdup_printf (PORTAL_PATH "/request/%s/%s", sender, token);
}

static void
ask_portal (GTask              *task,
            const char * const *command)
{
  PortalCall *call = g_task_get_task_data (task);
  g_autofree char *token = g_strdup_printf ("vampire%u", g_random_int ());
  g_autofree char *path = request_path (call->bus, token);
  GVariantBuilder options;

  call->subscription = g_dbus_connection_signal_subscribe (call->bus, PORTAL_NAME, "org.freedesktop.portal.Request",
                                                           "Response", path, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                           portal_response_cb, g_object_ref (task), NULL);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "handle_token", g_variant_new_string (token));
  g_variant_builder_add (&options, "{sv}", "autostart", g_variant_new_boolean (call->enabled));
  g_variant_builder_add (&options, "{sv}", "commandline", g_variant_new_strv (command, -1));
  g_dbus_connection_call (call->bus, PORTAL_NAME, PORTAL_PATH, PORTAL_INTERFACE, "RequestBackground",
                          g_variant_new ("(sa{sv})", "", &options), G_VARIANT_TYPE ("(o)"), G_DBUS_CALL_FLAGS_NONE, -1,
                          g_task_get_cancellable (task), portal_asked_cb, g_object_ref (task));
}

/* -- Changing ------------------------------------------------------------------------------ */

void
vmp_autostart_set_enabled_async (gboolean            enabled,
                                 const char * const *command,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = entry_path ();
  PortalCall *call;

  if (!is_sandboxed ())
    {
      if (enabled ? write_entry (command, &error) : remove_file (path, &error))
        g_task_return_boolean (task, TRUE);
      else
        g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  call = g_new0 (PortalCall, 1);
  call->enabled = enabled;
  call->bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
  g_task_set_task_data (task, call, (GDestroyNotify) portal_call_free);
  if (call->bus == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    ask_portal (task, command);
}

gboolean
vmp_autostart_set_enabled_finish (GAsyncResult *result,
                                  GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

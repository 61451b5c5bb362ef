/* SPDX-License-Identifier: MIT
 *
 * Tests of starting at login, in a configuration folder of the test's own.
 */

#include "platform/vmp-autostart.h"

#include <glib/gstdio.h>

#define ENTRY "io.github.lmstudio_vampire.Vampire.desktop"

static char *folder;

static void
done_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  GAsyncResult **place = user_data;

  *place = g_object_ref (result);
}

static gboolean
set (gboolean            enabled,
     const char * const *command,
     GError            **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  vmp_autostart_set_enabled_async (enabled, command, NULL, done_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);

  return vmp_autostart_set_enabled_finish (result, error);
}

static char *
entry_path (void)
{
  return g_build_filename (folder, "autostart", ENTRY, NULL);
}

static void
test_on_and_off (void)
{
  static const char * const command[] = { "/opt/my \"apps\"/100%/vampire-desktop", "--background", NULL };
  g_autofree char *path = entry_path ();
  g_autoptr (GKeyFile) entry = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *exec = NULL;

  g_assert_true (vmp_autostart_is_supported ());
  g_assert_false (vmp_autostart_get_enabled ());
  g_assert_true (set (TRUE, command, &error));
  g_assert_no_error (error);
  g_assert_true (vmp_autostart_get_enabled ());

  /* What a desktop will make of the line. */
  g_assert_true (g_key_file_load_from_file (entry, path, G_KEY_FILE_NONE, &error));
  exec = g_key_file_get_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_EXEC, &error);
  g_assert_cmpstr (exec, ==, "\"/opt/my \\\"apps\\\"/100%%/vampire-desktop\" \"--background\"");

  g_assert_true (set (FALSE, command, &error));
  g_assert_false (vmp_autostart_get_enabled ());
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  /* Off is off already. */
  g_assert_true (set (FALSE, command, &error));
  g_assert_no_error (error);
}

/* A desktop's own settings turn an entry off without removing it. */
static void
test_turned_off_by_the_desktop (void)
{
  static const char * const command[] = { "vampire-desktop", NULL };
  static const char * const lines[] = { "Hidden=true\n", "X-GNOME-Autostart-enabled=false\n" };
  g_autofree char *path = entry_path ();
  gsize i;

  g_assert_true (set (TRUE, command, NULL));
  for (i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strconcat ("[Desktop Entry]\nType=Application\nExec=vampire-desktop\n", lines[i], NULL);

      g_assert_true (g_file_set_contents (path, text, -1, NULL));
      g_assert_false (vmp_autostart_get_enabled ());
    }
  g_assert_true (set (TRUE, command, NULL));
  g_assert_true (vmp_autostart_get_enabled ());
  g_assert_true (set (FALSE, command, NULL));
}

static void
test_cannot_be_written (void)
{
  static const char * const command[] = { "vampire-desktop", NULL };
  g_autofree char *in_the_way = g_build_filename (folder, "autostart", NULL);
  g_autoptr (GError) error = NULL;

  g_rmdir (in_the_way);
  g_assert_true (g_file_set_contents (in_the_way, "", 0, NULL));
  g_assert_false (set (TRUE, command, &error));
  g_assert_nonnull (error);
  g_assert_false (vmp_autostart_get_enabled ());
  g_assert_cmpint (g_unlink (in_the_way), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  int status;

  folder = g_dir_make_tmp ("vampire-autostart-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_setenv ("XDG_CONFIG_HOME", folder, TRUE);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/autostart/on-and-off", test_on_and_off);
  g_test_add_func ("/autostart/turned-off-by-the-desktop", test_turned_off_by_the_desktop);
  g_test_add_func ("/autostart/cannot-be-written", test_cannot_be_written);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);

  return status;
}

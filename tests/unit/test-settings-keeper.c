/* SPDX-License-Identifier: MIT
 *
 * The keeper of the settings: what it takes over from the file and what it does not, changes that it writes, and who is
 * told. Each test has a home of its own.
 */

#include "core/vmp-settings-keeper.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *home;
  char *file;
  GStrv env;
  VmpSettingsKeeper *keeper;
  GString *told;       /* the keys of each signal, "a,b;c;" */
  guint n_done;        /* changes that have ended */
  GError *error;       /* of the last one */
} Fixture;

static void
changed_cb (VmpSettingsKeeper *keeper,
            GStrv              keys,
            gpointer           user_data)
{
  Fixture *self = user_data;
  g_autofree char *list = g_strjoinv (",", keys);

  g_string_append_printf (self->told, "%s;", list);
}

static void
write_file (Fixture    *self,
            const char *text)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (self->file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
  g_assert_no_error (error);
}

static void
assert_file (Fixture    *self,
             const char *expected)
{
  g_autofree char *text = NULL;

  g_file_get_contents (self->file, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
start (Fixture            *self,
       const char * const *args)
{
  g_autoptr (GError) error = NULL;

  self->keeper = vmp_settings_keeper_new (args, (const char * const *) self->env, &error);
  g_assert_no_error (error);
  g_signal_connect (self->keeper, "changed", G_CALLBACK (changed_cb), self);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;

  self->home = g_dir_make_tmp ("vampire-keeper-XXXXXX", &error);
  g_assert_no_error (error);
  folder = g_build_filename (self->home, ".config", "vampire", NULL);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  self->file = g_build_filename (folder, "vampire.conf", NULL);
  self->env = g_environ_setenv (NULL, "HOME", self->home, TRUE);
  self->told = g_string_new (NULL);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autofree char *vampire = g_path_get_dirname (self->file);
  g_autofree char *config = g_path_get_dirname (vampire);

  g_clear_object (&self->keeper);
  g_unlink (self->file);
  g_assert_cmpint (g_rmdir (vampire), ==, 0);
  g_assert_cmpint (g_rmdir (config), ==, 0);
  g_assert_cmpint (g_rmdir (self->home), ==, 0);
  g_free (self->home);
  g_free (self->file);
  g_strfreev (self->env);
  g_string_free (self->told, TRUE);
  g_clear_error (&self->error);
}

static void
assert_told (Fixture    *self,
             const char *expected)
{
  g_assert_cmpstr (self->told->str, ==, expected);
  g_string_truncate (self->told, 0);
}

/* -- Reading ------------------------------------------------------------------------------- */

static void
test_reload (Fixture      *self,
             gconstpointer data)
{
  write_file (self, "[vampire]\nqueue_limit = 5\n");
  start (self, NULL);
  g_assert_cmpuint (vmp_settings_keeper_get (self->keeper)->queue_limit, ==, 5);

  write_file (self, "[vampire]\nqueue_limit = 6\nkeep_in_tray = no\nport = 1\n");
  assert_told (self, "");
  vmp_settings_keeper_reload (self->keeper);
  assert_told (self, "port,queue_limit,keep_in_tray;");
  g_assert_cmpuint (vmp_settings_keeper_get (self->keeper)->queue_limit, ==, 6);
  g_assert_false (vmp_settings_keeper_get (self->keeper)->keep_in_tray);
  g_assert_cmpuint (vmp_settings_keeper_get_started (self->keeper)->queue_limit, ==, 5);

  /* Nothing that is new. */
  vmp_settings_keeper_reload (self->keeper);
  assert_told (self, "");
}

static void
test_refused (Fixture      *self,
              gconstpointer data)
{
  write_file (self, "[vampire]\nhost = 0.0.0.0\nauth_token = t\n");
  start (self, NULL);

  write_file (self, "[vampire]\nqueue_limit = many\n");
  vmp_settings_keeper_reload (self->keeper);
  /* Other computers still reach it. */
  write_file (self, "[vampire]\nqueue_limit = 1\n");
  vmp_settings_keeper_reload (self->keeper);
  assert_told (self, "");
  g_assert_cmpstr (vmp_settings_keeper_get (self->keeper)->auth_token, ==, "t");
}

static void
test_watch (Fixture      *self,
            gconstpointer data)
{
  start (self, NULL);
  vmp_settings_keeper_watch (self->keeper);
  write_file (self, "[vampire]\nappearance = dark\n");
  while (self->told->len == 0)
    g_main_context_iteration (NULL, TRUE);
  assert_told (self, "appearance;");
  g_assert_cmpint (vmp_settings_keeper_get (self->keeper)->appearance, ==, VMP_APPEARANCE_DARK);
}

/* -- Changing ------------------------------------------------------------------------------ */

static void
done_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Fixture *self = user_data;

  g_clear_error (&self->error);
  self->n_done++;
  vmp_settings_keeper_change_finish (VMP_SETTINGS_KEEPER (source), result, &self->error);
}

/* @words: keys and values by turns, ended by NULL; "-" takes a key out */
static void
change (Fixture            *self,
        const char * const *words)
{
  g_autoptr (GArray) changes = vmp_setting_changes_new ();

  for (; *words != NULL; words += 2)
    vmp_setting_changes_add (changes, words[0], g_str_equal (words[1], "-") ? NULL : words[1]);
  vmp_settings_keeper_change_async (self->keeper, changes, NULL, done_cb, self);
}

static void
wait_done (Fixture *self,
           guint    n)
{
  while (self->n_done < n)
    g_main_context_iteration (NULL, TRUE);
  self->n_done = 0;
}

#define WORDS(...) ((const char * const[]) { __VA_ARGS__, NULL })

static void
test_change (Fixture      *self,
             gconstpointer data)
{
  write_file (self, "# mine\n[vampire]\nqueue_limit = 5\n# end\n");
  start (self, NULL);

  change (self, WORDS ("queue_limit", "-", "trace_limit", "3", "allowed_hosts", "a,b"));
  wait_done (self, 1);
  g_assert_no_error (self->error);
  assert_file (self, "# mine\n[vampire]\n# end\ntrace_limit = 3\nallowed_hosts = a,b\n");
  assert_told (self, "allowed_hosts,queue_limit,trace_limit;");
  g_assert_cmpuint (vmp_settings_keeper_get (self->keeper)->trace_limit, ==, 3);
}

static void
test_whole_or_not (Fixture      *self,
                   gconstpointer data)
{
  static const char before[] = "[vampire]\nqueue_limit = 5\n";

  self->env = g_environ_setenv (self->env, "VAMPIRE_QUEUE_SECONDS", "9", TRUE);
  write_file (self, before);
  start (self, WORDS ("--port=0"));

  change (self, WORDS ("queue_limit", "6", "trace_limit", "x"));
  wait_done (self, 1);
  g_assert_error (self->error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID);
  change (self, WORDS ("queue_limit", "6", "queue_seconds", "8"));
  wait_done (self, 1);
  g_assert_error (self->error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_OVERRIDDEN);
  g_assert_nonnull (strstr (self->error->message, "VAMPIRE_QUEUE_SECONDS"));
  change (self, WORDS ("queue_limit", "6", "port", "8"));
  wait_done (self, 1);
  g_assert_error (self->error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_OVERRIDDEN);
  g_assert_nonnull (strstr (self->error->message, "--port"));
  change (self, WORDS ("queue_limit", "6", "nothing", "8"));
  wait_done (self, 1);
  g_assert_error (self->error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID);

  assert_file (self, before);
  assert_told (self, "");
}

static void
test_consent (Fixture      *self,
              gconstpointer data)
{
  static const char before[] = "[vampire]\nhost = 0.0.0.0\nauth_token = t\n";

  write_file (self, before);
  start (self, NULL);
  change (self, WORDS ("host", "127.0.0.1", "auth_token", "-"));
  wait_done (self, 1);
  g_assert_error (self->error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID);
  assert_file (self, before);
}

/* None of them is lost. */
static void
test_in_order (Fixture      *self,
               gconstpointer data)
{
  start (self, NULL);
  change (self, WORDS ("queue_limit", "1"));
  change (self, WORDS ("trace_limit", "2"));
  change (self, WORDS ("queue_limit", "3"));
  wait_done (self, 3);
  g_assert_no_error (self->error);
  assert_file (self, "[vampire]\nqueue_limit = 3\ntrace_limit = 2\n");
  assert_told (self, "queue_limit;trace_limit;queue_limit;");
}

static void
test_stopped (Fixture      *self,
              gconstpointer data)
{
  start (self, NULL);
  vmp_settings_keeper_stop (self->keeper);
  change (self, WORDS ("queue_limit", "1"));
  wait_done (self, 1);
  g_assert_error (self->error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_UNREADABLE);
  g_assert_false (g_file_test (self->file, G_FILE_TEST_EXISTS));

  write_file (self, "[vampire]\nqueue_limit = 1\n");
  vmp_settings_keeper_reload (self->keeper);
  assert_told (self, "");
}

/* -- Telling ------------------------------------------------------------------------------- */

static void
test_values (Fixture      *self,
             gconstpointer data)
{
  g_autoptr (GPtrArray) values = NULL;
  guint n_seen = 0;

  write_file (self, "[vampire]\nauth_token = hush\nlog_level = WARN\ndefault_strategy = Least-Loaded\n");
  start (self, WORDS ("--port=0"));
  values = vmp_settings_list_values (vmp_settings_keeper_get (self->keeper));
  for (guint i = 0; i < values->len; i++)
    {
      const VmpSettingValue *value = g_ptr_array_index (values, i);

      g_assert_cmpint (value->words != NULL, ==, value->type == VMP_SETTING_ENUM);
      n_seen += value->words != NULL;
      if (value->words != NULL)
        g_assert_nonnull (vmp_setting_value_find_word (value, value->fallback));
      if (g_str_equal (value->key, "auth_token"))
        g_assert_cmpstr (value->value, ==, "(set)");
      if (g_str_equal (value->key, "log_level"))
        g_assert_cmpstr (vmp_setting_value_find_word (value, value->value), ==, "warning");
      if (g_str_equal (value->key, "default_strategy"))
        g_assert_cmpstr (vmp_setting_value_find_word (value, value->value), ==, "least_busy");
      if (g_str_equal (value->key, "port"))
        g_assert_false (value->can_change);
    }
  g_assert_cmpuint (n_seen, ==, 5);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* GTest makes warnings fatal; that settings are refused, or need a restart, is what is tested. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/settings-keeper/reload/what-changed-is-told", test_reload);
  ADD ("/settings-keeper/reload/what-cannot-rule-does-not", test_refused);
  ADD ("/settings-keeper/watch/a-hand-writes-the-file", test_watch);
  ADD ("/settings-keeper/change/comments-stay", test_change);
  ADD ("/settings-keeper/change/whole-or-not-at-all", test_whole_or_not);
  ADD ("/settings-keeper/change/a-reached-gateway-keeps-its-token", test_consent);
  ADD ("/settings-keeper/change/one-after-the-other", test_in_order);
  ADD ("/settings-keeper/stop/nothing-changes-any-more", test_stopped);
  ADD ("/settings-keeper/values/types-and-words", test_values);

  return g_test_run ();
}

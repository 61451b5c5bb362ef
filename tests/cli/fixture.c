/* SPDX-License-Identifier: MIT
 *
 * Implementation of the tests' fixture.
 */

#include "fixture.h"

#include <glib/gstdio.h>

/* What a sanitized program must know; everything else of our own environment is kept from it. */
static const char * const sanitizer_options[] = { "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS" };

void
fixture_set_up (Fixture      *fixture,
                gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) env = NULL;
  g_autofree char *folder = NULL;

  fixture->home = g_dir_make_tmp ("vampire-cli-XXXXXX", &error);
  g_assert_no_error (error);
  folder = g_build_filename (fixture->home, ".config", "vampire", NULL);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  fixture->file = g_build_filename (folder, "vampire.conf", NULL);

  env = g_environ_setenv (NULL, "HOME", fixture->home, TRUE);
  env = g_environ_setenv (env, "PATH", g_getenv ("PATH"), TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (sanitizer_options); i++)
    {
      if (g_getenv (sanitizer_options[i]) != NULL)
        env = g_environ_setenv (env, sanitizer_options[i], g_getenv (sanitizer_options[i]), TRUE);
    }
  env = g_environ_setenv (env, "G_DEBUG", "fatal-criticals", TRUE);
  /* A server asks nobody how they are, so that what comes to a node is what a test has sent. */
  env = g_environ_setenv (env, "VAMPIRE_HEALTH_SECONDS", "0", TRUE);
  env = g_environ_setenv (env, "VAMPIRE_DNS_SD_TYPES", "none", TRUE);

  fixture->launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_environ (fixture->launcher, env);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

void
fixture_tear_down (Fixture      *fixture,
                   gconstpointer data)
{
  /* A test that failed half way does not come here; one that passed has ended its server. */
  g_assert_null (fixture->server);
  g_object_unref (fixture->launcher);
  remove_tree (fixture->home);
  g_free (fixture->home);
  g_free (fixture->file);
}

void
fixture_set_variable (Fixture    *fixture,
                      const char *name,
                      const char *value)
{
  g_subprocess_launcher_setenv (fixture->launcher, name, value, TRUE);
}

void
fixture_write_file (Fixture    *fixture,
                    const char *text)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (fixture->file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
  g_assert_no_error (error);
}

GSubprocess *
fixture_spawn (Fixture            *fixture,
               const char * const *args)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_ptr_array_add (argv, (gpointer) g_getenv ("VAMPIRE_BIN"));
  for (; *args != NULL; args++)
    g_ptr_array_add (argv, (gpointer) *args);
  g_ptr_array_add (argv, NULL);

  process = g_subprocess_launcher_spawnv (fixture->launcher, (const char * const *) argv->pdata, &error);
  g_assert_no_error (error);

  return process;
}

/* Runs to the end. A NULL stands for anything. */
void
fixture_assert_run (Fixture            *fixture,
                    const char * const *args,
                    int                 status,
                    const char         *output,
                    const char         *errors)
{
  g_autoptr (GSubprocess) process = fixture_spawn (fixture, args);
  g_autoptr (GError) error = NULL;
  g_autofree char *got_output = NULL;
  g_autofree char *got_errors = NULL;

  g_subprocess_communicate_utf8 (process, NULL, NULL, &got_output, &got_errors, &error);
  g_assert_no_error (error);
  if (errors != NULL)
    g_assert_cmpstr (got_errors, ==, errors);
  if (output != NULL)
    g_assert_cmpstr (got_output, ==, output);
  g_assert_true (g_subprocess_get_if_exited (process));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, status);
}

char *
fixture_run_for_output (Fixture            *fixture,
                        const char * const *args)
{
  g_autoptr (GSubprocess) process = fixture_spawn (fixture, args);
  g_autoptr (GError) error = NULL;
  g_autofree char *errors = NULL;
  char *output = NULL;

  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (errors, ==, "");
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);

  return output;
}

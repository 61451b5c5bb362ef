/* SPDX-License-Identifier: MIT
 *
 * Tests of how the resident has its windows: with scripts in the place of the program, which end when they should not.
 */

#include "app/vmp-windows-process.h"

#include <glib/gstdio.h>
#include <string.h>

/* Longer than anything here takes on a busy machine. */
#define PATIENCE_S 60

typedef struct {
  char *folder;
  VmpWindowsProcess *process;
  GString *orders;     /* what it said, a word each */
  gboolean has_ended;
  char *trouble;
} Fixture;

static void
order_cb (gpointer        user_data,
          const VmpOrder *order)
{
  Fixture *self = user_data;

  g_string_append_printf (self->orders, "%d:%s ", order->kind, order->argument);
}

static void
ended_cb (gpointer    user_data,
          const char *trouble)
{
  Fixture *self = user_data;

  self->has_ended = TRUE;
  self->trouble = g_strdup (trouble);
}

static const VmpWindowsFuncs funcs = { .order = order_cb, .ended = ended_cb };

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;

  self->folder = g_dir_make_tmp ("vampire-windows-XXXXXX", NULL);
  g_assert_nonnull (self->folder);
  path = g_build_filename (self->folder, "program", NULL);
  /* Each run adds a line to the file "runs". */
  text = g_strdup_printf ("#!/bin/sh\ncd '%s'\necho run >>runs\nruns=$(wc -l <runs)\n%s", self->folder,
                          (const char *) data);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0700), ==, 0);
  g_setenv ("VAMPIRE_WINDOWS_PROGRAM", path, TRUE);

  self->orders = g_string_new (NULL);
  self->process = vmp_windows_process_new (NULL, &funcs, self);
}

static void
remove_file (Fixture    *self,
             const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);

  g_unlink (path);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  vmp_windows_process_free (self->process);
  remove_file (self, "program");
  remove_file (self, "runs");
  remove_file (self, "heard");
  g_rmdir (self->folder);
  g_free (self->folder);
  g_free (self->trouble);
  g_string_free (self->orders, TRUE);
}

static void
wait_for_end (Fixture *self)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_S * G_TIME_SPAN_SECOND;

  while (!self->has_ended && g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (self->has_ended);
}

static void
assert_file (Fixture    *self,
             const char *name,
             const char *content)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autofree char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, content);
}

/* -- Tests --------------------------------------------------------------------------------- */

static const char ends_before_it_reads[] =
  "[ $runs -eq 1 ] && exit 0\n"
  "IFS= read -r line; echo \"$line\" >heard; printf 'taken\\nseen\\tstudio\\n'\n";

/* Its last window closed just when something was to be shown. */
static void
test_said_again (Fixture      *self,
                 gconstpointer data)
{
  vmp_windows_process_send (self->process, VMP_ORDER_SHOW, "nodes", "studio", NULL);
  wait_for_end (self);
  g_assert_null (self->trouble);
  assert_file (self, "runs", "run\nrun\n");
  assert_file (self, "heard", "show\tnodes\tstudio\t\n");
  g_assert_nonnull (strstr (self->orders->str, ":studio "));
  g_assert_false (vmp_windows_process_is_running (self->process));
}

static const char takes_it_and_ends[] = "read -r line; echo noise; printf 'taken\\n'\n";

/* What was shown and closed is not shown again. */
static void
test_taken (Fixture      *self,
            gconstpointer data)
{
  vmp_windows_process_send (self->process, VMP_ORDER_SHOW, "overview", NULL, NULL);
  wait_for_end (self);
  g_assert_null (self->trouble);
  assert_file (self, "runs", "run\n");
}

static const char fails[] = "exit 3\n";

/* What cannot work is not tried for ever. */
static void
test_fails (Fixture      *self,
            gconstpointer data)
{
  vmp_windows_process_send (self->process, VMP_ORDER_SHOW, "overview", NULL, NULL);
  wait_for_end (self);
  g_assert_nonnull (self->trouble);
  assert_file (self, "runs", "run\n");
}

static const char crashes[] = "kill -SEGV $$\n";

static void
test_crashes (Fixture      *self,
              gconstpointer data)
{
  vmp_windows_process_send (self->process, VMP_ORDER_SHOW, "overview", NULL, NULL);
  wait_for_end (self);
  g_assert_nonnull (strstr (self->trouble, "signal 11"));
  assert_file (self, "runs", "run\n");
}

/* What only matters to windows that are there starts none. */
static void
test_tell (Fixture      *self,
           gconstpointer data)
{
  vmp_windows_process_tell (self->process, VMP_ORDER_TROUBLE, "The port is taken.");
  g_assert_false (vmp_windows_process_is_running (self->process));
  assert_file (self, "runs", NULL);
}

static void
test_missing (Fixture      *self,
              gconstpointer data)
{
  g_setenv ("VAMPIRE_WINDOWS_PROGRAM", "/nowhere/vampire-windows", TRUE);
  vmp_windows_process_send (self->process, VMP_ORDER_SHOW, "overview", NULL, NULL);
  g_assert_true (self->has_ended);
  g_assert_nonnull (self->trouble);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, script, function) g_test_add (path, Fixture, script, set_up, function, tear_down)
  ADD ("/windows-process/said-again", ends_before_it_reads, test_said_again);
  ADD ("/windows-process/taken", takes_it_and_ends, test_taken);
  ADD ("/windows-process/fails", fails, test_fails);
  ADD ("/windows-process/crashes", crashes, test_crashes);
  ADD ("/windows-process/tell", takes_it_and_ends, test_tell);
  ADD ("/windows-process/missing", takes_it_and_ends, test_missing);
#undef ADD

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * The pause: told once for each change, there after a restart, and not lost to a document that cannot be read.
 */

#include "policy/vmp-pause.h"

#include <glib/gstdio.h>

typedef struct {
  char *folder;
  VmpStore *store;
  VmpPause *pause;
  guint changes;
} Fixture;

static void
changed_cb (gpointer  user_data,
            VmpPause *pause)
{
  Fixture *self = user_data;

  self->changes++;
}

static void
start (Fixture *self)
{
  GError *error = NULL;

  self->store = vmp_store_open (self->folder, NULL, &error);
  g_assert_no_error (error);
  self->pause = vmp_pause_new (self->store, changed_cb, self);
  vmp_pause_load (self->pause);
}

static void
stop (Fixture *self)
{
  vmp_pause_free (self->pause);
  vmp_store_close (self->store);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->folder = g_dir_make_tmp ("vampire-pause-XXXXXX", NULL);
  start (self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  stop (self);
  dir = g_dir_open (self->folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_free (self->folder);
}

static void
test_set (Fixture      *self,
          gconstpointer data)
{
  g_assert_false (vmp_pause_get (self->pause));
  vmp_pause_set (self->pause, FALSE);
  g_assert_cmpuint (self->changes, ==, 0);
  vmp_pause_set (self->pause, TRUE);
  vmp_pause_set (self->pause, TRUE);
  g_assert_true (vmp_pause_get (self->pause));
  g_assert_cmpuint (self->changes, ==, 1);
}

static void
test_lasts (Fixture      *self,
            gconstpointer data)
{
  vmp_pause_set (self->pause, TRUE);
  stop (self);
  start (self);
  g_assert_true (vmp_pause_get (self->pause));
  g_assert_cmpuint (self->changes, ==, 1);

  vmp_pause_set (self->pause, FALSE);
  stop (self);
  start (self);
  g_assert_false (vmp_pause_get (self->pause));
}

static void
test_unreadable (Fixture      *self,
                 gconstpointer data)
{
  vmp_store_put (self->store, VMP_STORE_PAUSE, "pause", g_strdup ("nonsense"), NULL, NULL);
  stop (self);
  start (self);
  g_assert_true (vmp_pause_get (self->pause));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/pause/set/told-once", Fixture, NULL, set_up, test_set, tear_down);
  g_test_add ("/pause/lasts", Fixture, NULL, set_up, test_lasts, tear_down);
  g_test_add ("/pause/unreadable/stays-paused", Fixture, NULL, set_up, test_unreadable, tear_down);

  return g_test_run ();
}

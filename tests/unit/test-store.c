/* SPDX-License-Identifier: MIT
 *
 * The store on real files: what it says is on disk is there after the hardest of ends, one process has it, and a disk
 * that takes nothing more is told of and caught up with. The test runs itself as the other process where one is needed.
 */

#include "store-fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rounds of kill -9, and how many documents are acknowledged before it. */
#define KILL_ROUNDS 24
#define ACKNOWLEDGED_AT_LEAST 5

static const char *own_path;

/* -- Documents ----------------------------------------------------------------------------- */

static void
test_order (StoreFixture *self,
            gconstpointer data)
{
  store_fixture_put (self, "zebra", "{\"a\":1}");
  store_fixture_put (self, "ant", "{}");
  store_fixture_put (self, "mole", "[\"ü\"]");
  store_fixture_put (self, "zebra", "{\"a\":2}");
  vmp_store_put (self->store, VMP_STORE_KEYS, "ant", g_strdup ("{\"k\":0}"), NULL, NULL);

  store_fixture_reopen (self);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "zebra={\"a\":2} ant={} mole=[\"ü\"] ");
  store_fixture_assert_contents (self, VMP_STORE_KEYS, "ant={\"k\":0} ");
  store_fixture_assert_contents (self, VMP_STORE_ROUTES, "");

  /* Also what comes later comes behind. */
  store_fixture_put (self, "bee", "{}");
  store_fixture_reopen (self);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "zebra={\"a\":2} ant={} mole=[\"ü\"] bee={} ");
}

static void
test_remove (StoreFixture *self,
             gconstpointer data)
{
  store_fixture_put (self, "one", "1");
  store_fixture_put (self, "two", "2");
  store_fixture_put (self, "one", NULL);
  store_fixture_put (self, "never", NULL);
  vmp_store_put (self->store, VMP_STORE_ROUTES, "two", NULL, NULL, NULL);
  store_fixture_put (self, "three", "3");
  store_fixture_put (self, "one", "4");

  store_fixture_reopen (self);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "two=2 three=3 one=4 ");
}

static void
test_done_comes_later (StoreFixture *self,
                       gconstpointer data)
{
  StoreDone result = { 0 };

  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);

      vmp_store_put (self->store, VMP_STORE_NODES, id, g_strdup ("{}"), store_done_call, &result);
    }
  g_assert_cmpuint (result.n_calls, ==, 0);

  store_done_wait (&result, 100);
  g_assert_no_error (result.error);
  g_assert_cmpuint (store_fixture_count_nodes (self), ==, 100);
  g_assert_null (vmp_store_get_trouble (self->store));
}

static void
count_and_barrier (gpointer      user_data,
                   const GError *error)
{
  guint *n_seen = user_data;

  g_assert_no_error (error);
  (*n_seen)++;
}

static void
barrier_done (gpointer      user_data,
              const GError *error)
{
  guint **state = user_data;

  /* All that was put before is done, and nothing that was put after. */
  g_assert_cmpuint (*state[0], ==, 10);
  g_assert_cmpuint (*state[1], ==, 0);
  *state[2] = 1;
}

static void
test_barrier (StoreFixture *self,
              gconstpointer data)
{
  guint before = 0;
  guint after = 0;
  guint passed = 0;
  guint *state[] = { &before, &after, &passed };

  for (guint i = 0; i < 10; i++)
    vmp_store_put (self->store, VMP_STORE_NODES, "same", g_strdup ("{}"), count_and_barrier, &before);
  vmp_store_barrier (self->store, barrier_done, state);
  vmp_store_put (self->store, VMP_STORE_NODES, "late", g_strdup ("{}"), count_and_barrier, &after);
  g_assert_cmpuint (passed, ==, 0);

  while (after == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (passed, ==, 1);
}

static void
test_forget_caller (StoreFixture *self,
                    gconstpointer data)
{
  StoreDone gone = { 0 };
  StoreDone stays = { 0 };

  vmp_store_put (self->store, VMP_STORE_NODES, "a", g_strdup ("1"), store_done_call, &gone);
  vmp_store_put (self->store, VMP_STORE_NODES, "b", g_strdup ("2"), store_done_call, &stays);
  vmp_store_barrier (self->store, store_done_call, &gone);
  vmp_store_forget_caller (self->store, &gone);

  store_done_wait (&stays, 1);
  g_assert_no_error (store_fixture_flush (self));
  g_assert_cmpuint (gone.n_calls, ==, 0);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "a=1 b=2 ");
}

static void
test_close_writes (StoreFixture *self,
                   gconstpointer data)
{
  StoreDone result = { 0 };

  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);

      vmp_store_put (self->store, VMP_STORE_NODES, id, g_strdup ("{}"), store_done_call, &result);
    }
  store_fixture_reopen (self);

  g_assert_cmpuint (result.n_calls, ==, 0);
  g_assert_cmpuint (store_fixture_count_nodes (self), ==, 500);
}

/* -- Files --------------------------------------------------------------------------------- */

static guint
mode_of (const char *path)
{
  struct stat status;

  g_assert_cmpint (stat (path, &status), ==, 0);

  return status.st_mode & 07777;
}

static void
test_modes (StoreFixture *self,
            gconstpointer data)
{
  static const char * const names[] = { "vampire.db", "vampire.db-wal", "vampire.db-shm", "vampire.lock" };

  store_fixture_put (self, "a", "1");
  g_assert_no_error (store_fixture_flush (self));

  g_assert_cmpuint (mode_of (self->dir), ==, 0700);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = store_fixture_dup_path (self, names[i]);

      g_assert_cmpuint (mode_of (path), ==, 0600);
    }
}

static void
test_modes_of_old_files (StoreFixture *self,
                         gconstpointer data)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");

  g_clear_pointer (&self->store, vmp_store_close);
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
  self->store = store_fixture_open (self->dir);

  g_assert_cmpuint (mode_of (path), ==, 0600);
}

static void
test_no_folder (StoreFixture *self,
                gconstpointer data)
{
  g_autofree char *file = store_fixture_dup_path (self, "file");
  g_autofree char *below = g_build_filename (file, "data", NULL);

  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  store_fixture_assert_refused (below, G_IO_ERROR_NOT_DIRECTORY);
}

static void
test_folder_in_the_way (StoreFixture *self,
                        gconstpointer data)
{
  g_autofree char *dir = store_fixture_dup_path (self, "other");
  g_autofree char *database = g_build_filename (dir, "vampire.db", NULL);

  g_assert_cmpint (g_mkdir_with_parents (database, 0700), ==, 0);
  store_fixture_assert_refused (dir, G_IO_ERROR_NOT_REGULAR_FILE);
}

static void
test_read_only_folder (StoreFixture *self,
                       gconstpointer data)
{
  g_autofree char *dir = store_fixture_dup_path (self, "other");

  if (geteuid () == 0)
    {
      g_test_skip ("the superuser may write anywhere");
      return;
    }

  g_assert_cmpint (g_mkdir (dir, 0500), ==, 0);
  store_fixture_assert_refused (dir, G_IO_ERROR_PERMISSION_DENIED);
}

/* -- One process --------------------------------------------------------------------------- */

/* Starts this program as @verb; what it prints comes by the pipe. */
static GSubprocess *
start_other (const char    *verb,
             const char    *dir,
             const char    *argument,
             GInputStream **printed)
{
  g_autoptr (GError) error = NULL;
  GSubprocess *other = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                                         own_path, verb, dir, argument, NULL);

  g_assert_no_error (error);
  *printed = g_subprocess_get_stdout_pipe (other);

  return other;
}

/* --open: whether it can be opened. */
static int
run_open (const char *dir)
{
  g_autoptr (GError) error = NULL;
  VmpStore *store = vmp_store_open (dir, NULL, &error);

  if (store != NULL)
    vmp_store_close (store);

  return store != NULL ? 0 : error->code == G_IO_ERROR_BUSY ? 2 : 1;
}

static int
open_elsewhere (StoreFixture *self)
{
  GInputStream *printed;
  g_autoptr (GSubprocess) other = start_other ("--open", self->dir, "", &printed);

  g_assert_true (g_subprocess_wait (other, NULL, NULL));
  g_assert_true (g_subprocess_get_if_exited (other));

  return g_subprocess_get_exit_status (other);
}

static void
test_one_process (StoreFixture *self,
                  gconstpointer data)
{
  store_fixture_put (self, "a", "1");
  g_assert_cmpint (open_elsewhere (self), ==, 2);
  store_fixture_assert_refused (self->dir, G_IO_ERROR_BUSY);

  /* And the one that has it is none the worse for it. */
  store_fixture_put (self, "b", "2");
  g_assert_no_error (store_fixture_flush (self));

  g_clear_pointer (&self->store, vmp_store_close);
  g_assert_cmpint (open_elsewhere (self), ==, 0);
  self->store = store_fixture_open (self->dir);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "a=1 b=2 ");
}

/* -- kill -9 ------------------------------------------------------------------------------- */

typedef struct {
  VmpStore *store;
  gint64 next;
} Putter;

static void put_next (Putter *self);

static void
print_done (gpointer      user_data,
            const GError *error)
{
  char line[32];
  int len = g_snprintf (line, sizeof line, "%u\n", GPOINTER_TO_UINT (user_data));

  g_assert_no_error (error);
  /* Unbuffered: what was printed was acknowledged before the kill. */
  if (write (STDOUT_FILENO, line, len) != len)
    _exit (1);
}

static void
put_next (Putter *self)
{
  g_autofree char *id = g_strdup_printf ("%" G_GINT64_FORMAT, self->next);

  vmp_store_put (self->store, VMP_STORE_NODES, id, g_strdup_printf ("{\"n\":%" G_GINT64_FORMAT "}", self->next),
                 print_done, GUINT_TO_POINTER ((guint) self->next));
  self->next++;
}

static gboolean
put_some (gpointer user_data)
{
  for (guint i = 0; i < 7; i++)
    put_next (user_data);

  return G_SOURCE_CONTINUE;
}

/* --put: puts documents without end, from number @from on, and prints those that are said to be on disk. */
static int
run_put (const char *dir,
         const char *from)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Putter self = { store_fixture_open (dir), g_ascii_strtoll (from, NULL, 10) };

  g_timeout_add (1, put_some, &self);
  g_main_loop_run (loop);

  return 0;
}

static void
collect (gpointer    user_data,
         const char *id,
         const char *document)
{
  g_autofree char *expected = g_strdup_printf ("{\"n\":%s}", id);

  g_assert_cmpstr (document, ==, expected);
  g_hash_table_add (user_data, g_strdup (id));
}

static void
test_kill (StoreFixture *self,
           gconstpointer data)
{
  g_autoptr (GHashTable) acknowledged = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint from = 0;

  for (guint round = 0; round < KILL_ROUNDS; round++)
    {
      g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_autofree char *argument = g_strdup_printf ("%u", from);
      g_autoptr (GSubprocess) other = NULL;
      g_autoptr (GDataInputStream) lines = NULL;
      GInputStream *printed;
      GHashTableIter iter;
      gpointer id;
      char *line;

      g_clear_pointer (&self->store, vmp_store_close);
      other = start_other ("--put", self->dir, argument, &printed);
      lines = g_data_input_stream_new (printed);

      /* A different number each time, so that it is hit in all that it does. */
      for (guint i = 0; i < ACKNOWLEDGED_AT_LEAST + round * 13; i++)
        {
          line = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
          g_assert_nonnull (line);
          g_hash_table_add (acknowledged, line);
        }
      g_subprocess_send_signal (other, SIGKILL);
      while ((line = g_data_input_stream_read_line (lines, NULL, NULL, NULL)) != NULL)
        g_hash_table_add (acknowledged, line);
      g_assert_true (g_subprocess_wait (other, NULL, NULL));
      g_assert_true (g_subprocess_get_if_signaled (other));

      self->store = store_fixture_open (self->dir);
      g_assert_null (vmp_store_get_set_aside (self->store));
      vmp_store_for_each (self->store, VMP_STORE_NODES, collect, found);
      g_hash_table_iter_init (&iter, acknowledged);
      while (g_hash_table_iter_next (&iter, &id, NULL))
        {
          g_assert_true (g_hash_table_contains (found, id));
          from = MAX (from, (guint) g_ascii_strtoull (id, NULL, 10) + 1);
        }
    }

  g_test_message ("%u acknowledged changes in %u rounds, none lost", g_hash_table_size (acknowledged), KILL_ROUNDS);
  g_assert_cmpuint (g_hash_table_size (acknowledged), >=, KILL_ROUNDS * ACKNOWLEDGED_AT_LEAST);
}

/* -- A disk that takes nothing more -------------------------------------------------------- */

/* No file of this process may grow past so many bytes; 0: as it was. */
static void
limit_files (rlim_t bytes)
{
  static struct rlimit before;
  struct rlimit limit;

  if (before.rlim_max == 0)
    g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = before;
  if (bytes != 0)
    limit.rlim_cur = bytes;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

static void
test_full_disk (StoreFixture *self,
                gconstpointer data)
{
  g_autofree char *big = g_strnfill (100 * 1000, 'x');
  g_autoptr (GError) error = NULL;
  StoreDone result = { 0 };

  store_fixture_put (self, "before", "1");
  g_assert_no_error (store_fixture_flush (self));

  signal (SIGXFSZ, SIG_IGN);
  limit_files (64 * 1024);
  vmp_store_put (self->store, VMP_STORE_NODES, "big", g_strdup_printf ("\"%s\"", big), store_done_call, &result);
  vmp_store_put (self->store, VMP_STORE_NODES, "small", g_strdup ("2"), store_done_call, &result);
  store_done_wait (&result, 2);
  store_fixture_assert_said ("Changes cannot be kept.*vampire.db*");
  g_assert_error (result.error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_cmpstr (vmp_store_get_trouble (self->store), ==, result.error->message);
  g_assert_true (g_str_has_suffix (result.error->message, "."));
  store_fixture_assert_contents (self, VMP_STORE_NODES, "before=1 ");

  /* Said once, tried again with each change, and a barrier does not pass for success. */
  error = store_fixture_flush (self);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  store_fixture_put (self, "before", NULL);
  store_fixture_put (self, "small", "3");
  g_clear_error (&error);
  error = store_fixture_flush (self);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "before=1 ");

  /* With room again, all that was missed is written with the next change, in its order. */
  limit_files (0);
  store_fixture_put (self, "after", "4");
  g_assert_no_error (store_fixture_flush (self));
  store_fixture_assert_said ("Changes are written to *vampire.db again");
  g_assert_null (vmp_store_get_trouble (self->store));
  store_fixture_put (self, "big", "0");
  store_fixture_reopen (self);
  store_fixture_assert_contents (self, VMP_STORE_NODES, "big=0 small=3 after=4 ");
  g_clear_error (&result.error);
}

static void
test_full_disk_then_close (StoreFixture *self,
                           gconstpointer data)
{
  g_autofree char *big = g_strnfill (100 * 1000, 'x');
  g_autoptr (GError) error = NULL;

  signal (SIGXFSZ, SIG_IGN);
  limit_files (64 * 1024);
  store_fixture_put (self, "a", "1");
  store_fixture_put (self, "big", big);
  error = store_fixture_flush (self);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  store_fixture_assert_said ("Changes cannot be kept.*");
  limit_files (0);

  /* The last try. */
  store_fixture_reopen (self);
  g_assert_cmpuint (store_fixture_count_nodes (self), ==, 2);
}

int
main (int   argc,
      char *argv[])
{
  own_path = argv[0];
  if (argc == 4 && g_str_equal (argv[1], "--open"))
    return run_open (argv[2]);
  if (argc == 4 && g_str_equal (argv[1], "--put"))
    return run_put (argv[2], argv[3]);

  g_test_init (&argc, &argv, NULL);
  store_fixture_record_log ();

  store_fixture_add ("/store/documents/keep-their-order", test_order);
  store_fixture_add ("/store/documents/go-when-removed", test_remove);
  store_fixture_add ("/store/done/comes-later-and-means-on-disk", test_done_comes_later);
  store_fixture_add ("/store/done/not-for-a-caller-that-is-gone", test_forget_caller);
  store_fixture_add ("/store/barrier/stands-between", test_barrier);
  store_fixture_add ("/store/close/writes-what-was-put", test_close_writes);
  store_fixture_add ("/store/files/are-the-owners", test_modes);
  store_fixture_add ("/store/files/become-the-owners", test_modes_of_old_files);
  store_fixture_add ("/store/files/folder-cannot-be-made", test_no_folder);
  store_fixture_add ("/store/files/something-else-in-the-way", test_folder_in_the_way);
  store_fixture_add ("/store/files/folder-cannot-be-written", test_read_only_folder);
  store_fixture_add ("/store/process/only-one", test_one_process);
  store_fixture_add ("/store/process/killed-at-any-moment", test_kill);
  store_fixture_add ("/store/trouble/told-and-caught-up-with", test_full_disk);
  store_fixture_add ("/store/trouble/tried-a-last-time", test_full_disk_then_close);

  return g_test_run ();
}

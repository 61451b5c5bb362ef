/* SPDX-License-Identifier: MIT
 *
 * Databases that are damaged in every way, or are none: each is set aside as it was, and a fresh one works. One of a
 * later version is left alone.
 */

#include "store-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <unistd.h>

/* A database of several pages, closed. */
static void
fill (StoreFixture *self)
{
  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *id = g_strdup_printf ("%03u", i);
      g_autofree char *filling = g_strnfill (500, 'x');

      vmp_store_put (self->store, VMP_STORE_NODES, id, g_strdup_printf ("{\"filling\":\"%s\"}", filling), NULL, NULL);
    }
  g_clear_pointer (&self->store, vmp_store_close);
}

static void
overwrite (StoreFixture *self,
           const char   *name,
           goffset       offset,
           gsize         len)
{
  g_autofree char *path = store_fixture_dup_path (self, name);
  g_autofree char *garbage = g_strnfill (len, '\xa5');
  int fd = g_open (path, O_WRONLY | O_CREAT, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pwrite (fd, garbage, len, offset), ==, (gssize) len);
  close (fd);
}

/* Opens what is damaged: it is put aside as it was, and what comes now is kept. */
static void
assert_set_aside (StoreFixture *self)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");
  g_autofree char *damaged = NULL;
  g_autofree char *aside = NULL;
  gsize damaged_len;
  gsize aside_len;

  g_assert_true (g_file_get_contents (path, &damaged, &damaged_len, NULL));
  self->store = store_fixture_open (self->dir);
  store_fixture_assert_said ("*vampire.db is damaged; it was set aside as *");

  g_assert_true (g_str_has_prefix (vmp_store_get_set_aside (self->store), path));
  g_assert_true (g_regex_match_simple ("/vampire\\.db\\.damaged-\\d{8}T\\d{6}Z(-\\d+)?$",
                                       vmp_store_get_set_aside (self->store), 0, 0));
  g_assert_true (g_file_get_contents (vmp_store_get_set_aside (self->store), &aside, &aside_len, NULL));
  g_assert_cmpmem (aside, aside_len, damaged, damaged_len);

  g_assert_cmpuint (store_fixture_count_nodes (self), ==, 0);
  store_fixture_put (self, "new", "{}");
  store_fixture_reopen (self);
  g_assert_null (vmp_store_get_set_aside (self->store));
  store_fixture_assert_contents (self, VMP_STORE_NODES, "new={} ");
}

static void
test_garbage (StoreFixture *self,
              gconstpointer data)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");

  g_clear_pointer (&self->store, vmp_store_close);
  g_assert_true (g_file_set_contents (path, "this is no database, whatever its name is\n", -1, NULL));
  assert_set_aside (self);
}

static void
test_garbage_in_the_header (StoreFixture *self,
                            gconstpointer data)
{
  fill (self);
  overwrite (self, "vampire.db", 0, 100);
  assert_set_aside (self);
}

static void
test_garbage_in_a_page (StoreFixture *self,
                        gconstpointer data)
{
  fill (self);
  overwrite (self, "vampire.db", 10 * 4096, 4096);
  assert_set_aside (self);
}

static void
test_garbage_in_the_schema (StoreFixture *self,
                            gconstpointer data)
{
  fill (self);
  /* The first page behind its header: the list of tables. */
  overwrite (self, "vampire.db", 108, 3900);
  assert_set_aside (self);
}

static void
test_truncated (StoreFixture *self,
                gconstpointer data)
{
  static const goffset lengths[] = { 11 * 4096, 4096, 1000, 17 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *path = store_fixture_dup_path (self, "vampire.db");

      fill (self);
      g_assert_cmpint (truncate (path, lengths[i]), ==, 0);
      assert_set_aside (self);
    }
}

static void
test_cut_off_beside_its_log (StoreFixture *self,
                             gconstpointer data)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");
  g_autofree char *log = NULL;

  fill (self);
  g_assert_cmpint (truncate (path, 0), ==, 0);
  overwrite (self, "vampire.db-wal", 0, 5000);
  assert_set_aside (self);

  /* The log went with it. */
  log = store_fixture_dup_path (self, "vampire.db-wal");
  g_clear_pointer (&self->store, vmp_store_close);
  g_assert_false (g_file_test (log, G_FILE_TEST_EXISTS));
}

static void
test_garbage_in_the_log (StoreFixture *self,
                         gconstpointer data)
{
  /* What a log holds behind its last sound transaction was never acknowledged: that is no damage. */
  fill (self);
  overwrite (self, "vampire.db-wal", 0, 10000);
  self->store = store_fixture_open (self->dir);

  g_assert_null (vmp_store_get_set_aside (self->store));
  g_assert_cmpuint (store_fixture_count_nodes (self), ==, 200);
}

static void
execute (StoreFixture *self,
         const char   *sql)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");
  sqlite3 *database = NULL;

  g_assert_cmpint (sqlite3_open (path, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (database, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (database), ==, SQLITE_OK);
}

static void
test_missing_table (StoreFixture *self,
                    gconstpointer data)
{
  fill (self);
  execute (self, "DROP TABLE document");
  assert_set_aside (self);
}

static void
test_another_table (StoreFixture *self,
                    gconstpointer data)
{
  fill (self);
  execute (self, "DROP TABLE document; CREATE TABLE document (collection TEXT, words TEXT)");
  assert_set_aside (self);
}

static void
test_somebody_elses (StoreFixture *self,
                     gconstpointer data)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");

  g_clear_pointer (&self->store, vmp_store_close);
  g_assert_cmpint (g_remove (path), ==, 0);
  execute (self, "CREATE TABLE recipes (name TEXT)");
  assert_set_aside (self);
}

static void
test_twice_in_a_second (StoreFixture *self,
                        gconstpointer data)
{
  for (guint i = 0; i < 3; i++)
    {
      fill (self);
      overwrite (self, "vampire.db", 0, 100);
      assert_set_aside (self);
    }
}

static void
test_later_version (StoreFixture *self,
                    gconstpointer data)
{
  g_autofree char *path = store_fixture_dup_path (self, "vampire.db");
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize before_len;
  gsize after_len;

  fill (self);
  execute (self, "PRAGMA user_version = 9999");
  g_assert_true (g_file_get_contents (path, &before, &before_len, NULL));
  store_fixture_assert_refused (self->dir, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_true (g_file_get_contents (path, &after, &after_len, NULL));
  g_assert_cmpmem (before, before_len, after, after_len);
}

static void
test_document_that_is_no_text (StoreFixture *self,
                               gconstpointer data)
{
  store_fixture_put (self, "a", "1");
  store_fixture_put (self, "b", "2");
  store_fixture_put (self, "c", "3");
  g_clear_pointer (&self->store, vmp_store_close);
  execute (self, "UPDATE document SET body = CAST (x'ff00ff' AS TEXT) WHERE id = 'b'");
  self->store = store_fixture_open (self->dir);

  store_fixture_assert_contents (self, VMP_STORE_NODES, "a=1 c=3 ");
  store_fixture_assert_said ("One of the stored nodes cannot be read*");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  store_fixture_record_log ();

  store_fixture_add ("/store/documents/that-are-no-text-are-left-out", test_document_that_is_no_text);
  store_fixture_add ("/store/damage/no-database", test_garbage);
  store_fixture_add ("/store/damage/in-the-header", test_garbage_in_the_header);
  store_fixture_add ("/store/damage/in-a-page", test_garbage_in_a_page);
  store_fixture_add ("/store/damage/in-the-schema", test_garbage_in_the_schema);
  store_fixture_add ("/store/damage/in-the-log-is-none", test_garbage_in_the_log);
  store_fixture_add ("/store/damage/truncated", test_truncated);
  store_fixture_add ("/store/damage/cut-off-beside-its-log", test_cut_off_beside_its_log);
  store_fixture_add ("/store/damage/table-is-missing", test_missing_table);
  store_fixture_add ("/store/damage/table-is-another", test_another_table);
  store_fixture_add ("/store/damage/somebody-elses-database", test_somebody_elses);
  store_fixture_add ("/store/damage/twice-in-a-second", test_twice_in_a_second);
  store_fixture_add ("/store/version/later-one-is-left-alone", test_later_version);

  return g_test_run ();
}

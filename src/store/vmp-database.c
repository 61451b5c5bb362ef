/* SPDX-License-Identifier: MIT
 *
 * Opening the database: its file for the owner alone, whether it is one and sound, its version and the steps to the
 * present one. A damaged one is put aside, never repaired and never thrown away.
 */

#include "store/vmp-store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Milliseconds to wait for somebody who looks into the database with a tool of their own. */
#define BUSY_MS 5000

/* The steps from each version to the next; the version is how many were taken. A step that was once shipped never
 * changes. */
static const char * const steps[] = {
  /* One table for all collections: documents are found by id and read by collection, never searched. `position` keeps
   * the order in which they were first put. */
  "CREATE TABLE document ("
  "  collection TEXT NOT NULL,"
  "  id TEXT NOT NULL,"
  "  position INTEGER NOT NULL,"
  "  body TEXT NOT NULL,"
  "  PRIMARY KEY (collection, id)"
  ") STRICT, WITHOUT ROWID",
};

/* What a database must answer to be ours. */
static const char probe_sql[] = "SELECT collection, id, position, body FROM document LIMIT 0";

typedef enum {
  SOUND,
  DAMAGED, /* or no database at all */
  FAILED   /* nothing can be said, with an error */
} Verdict;

/* -- Words --------------------------------------------------------------------------------- */

void
vmp_database_set_error (VmpDatabase *database,
                        const char  *path,
                        GError     **error)
{
  int code = database != NULL ? sqlite3_errcode (database) : SQLITE_NOMEM;
  const char *why = database != NULL ? sqlite3_errmsg (database) : "out of memory";
  int system_error = database != NULL ? sqlite3_system_errno (database) : 0;

  switch (code & 0xff)
    {
    case SQLITE_FULL:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "There is no room left on the disk of %s; make some, or changes are lost.", path);
      break;

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                   "Another program keeps %s locked; close it.", path);
      break;

    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "%s cannot be written (%s); let this user write to it and to its folder.", path, why);
      break;

    case SQLITE_IOERR:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "%s cannot be read or written (%s); check its disk.", path,
                   system_error != 0 ? g_strerror (system_error) : why);
      break;

    default:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s cannot be used (%s).", path, why);
      break;
    }
}

/* -- Statements ---------------------------------------------------------------------------- */

static gboolean
run (VmpDatabase *database,
     const char  *sql)
{
  return sqlite3_exec (database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The one value that a statement gives, as text; NULL when it fails. (transfer full) */
static char *
ask (VmpDatabase *database,
     const char  *sql)
{
  g_autoptr (VmpStatement) statement = NULL;

  if (sqlite3_prepare_v2 (database, sql, -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step (statement) != SQLITE_ROW)
    return NULL;

  return g_strdup ((const char *) sqlite3_column_text (statement, 0));
}

/* -- Judging ------------------------------------------------------------------------------- */

/* What a statement that failed says of the database. */
static Verdict
judge_failure (VmpDatabase *database,
               const char  *path,
               GError     **error)
{
  switch (sqlite3_errcode (database) & 0xff)
    {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    /* Of sentences that have no errors of their own: the tables are not those that they speak of. */
    case SQLITE_ERROR:
      return DAMAGED;

    default:
      vmp_database_set_error (database, path, error);
      return FAILED;
    }
}

/* An empty database is a fresh one. An empty file beside a write-ahead log is one that was cut off: SQLite would throw
 * the log away. */
static gboolean
is_cut_off (const char *path)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  struct stat status;

  return stat (path, &status) == 0 && status.st_size == 0 && stat (log, &status) == 0 && status.st_size > 0;
}

static Verdict
take_steps (VmpDatabase *database,
            const char  *path,
            guint        version,
            GError     **error)
{
  for (; version < G_N_ELEMENTS (steps); version++)
    {
      g_autofree char *mark = g_strdup_printf ("PRAGMA user_version = %u", version + 1);

      if (!run (database, "BEGIN IMMEDIATE") || !run (database, steps[version]) || !run (database, mark) ||
          !run (database, "COMMIT"))
        {
          Verdict verdict = judge_failure (database, path, error);

          run (database, "ROLLBACK");
          return verdict;
        }
    }

  return SOUND;
}

static Verdict
judge (VmpDatabase *database,
       const char  *path,
       GError     **error)
{
  g_autofree char *version_text = ask (database, "PRAGMA user_version");
  g_autofree char *check = NULL;
  g_autofree char *n_tables = NULL;
  gint64 version;

  if (version_text == NULL)
    return judge_failure (database, path, error);

  /* First of all: a later version may have ways to keep its pages which this one takes for damage. */
  version = g_ascii_strtoll (version_text, NULL, 10);
  if (version > (gint64) G_N_ELEMENTS (steps))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "%s was written by a later version of Vampire; use that one, or move the file away.", path);
      return FAILED;
    }
  if (version < 0)
    return DAMAGED;

  check = ask (database, "PRAGMA quick_check(1)");
  if (check == NULL)
    return judge_failure (database, path, error);
  if (!g_str_equal (check, "ok"))
    return DAMAGED;

  /* Somebody else's, which happens to have that name. */
  n_tables = ask (database, "SELECT count(*) FROM sqlite_schema");
  if (n_tables == NULL)
    return judge_failure (database, path, error);
  if (version == 0 && !g_str_equal (n_tables, "0"))
    return DAMAGED;

  /* From here on it is written to. */
  if (!run (database, "PRAGMA journal_mode = WAL") || !run (database, "PRAGMA synchronous = FULL"))
    return judge_failure (database, path, error);
  if (version < (gint64) G_N_ELEMENTS (steps))
    {
      Verdict verdict = take_steps (database, path, version, error);

      if (verdict != SOUND)
        return verdict;
    }

  return run (database, probe_sql) ? SOUND : judge_failure (database, path, error);
}

/* -- Files --------------------------------------------------------------------------------- */

/* The files of one database, by what is added to its path. */
static const char * const suffixes[] = { "", "-wal", "-shm" };

/* SQLite gives its other files the mode of the first one. The file is not kept open: closing it would let go of the
 * locks that SQLite holds on it. */
static gboolean
prepare_file (const char *path,
              GError    **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd >= 0)
    {
      close (fd);
      return TRUE;
    }
  if (errno != EEXIST)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "%s cannot be made (%s); let this user write to its folder.", path, g_strerror (errno));
      return FALSE;
    }
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                   "%s is no file; move it away, for Vampire keeps its database there.", path);
      return FALSE;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *name = g_strconcat (path, suffixes[i], NULL);
      struct stat status;

      if (stat (name, &status) == 0 && (status.st_mode & 077) != 0)
        g_chmod (name, 0600);
    }

  return TRUE;
}

static gboolean
is_free (const char *path)
{
  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *name = g_strconcat (path, suffixes[i], NULL);
      struct stat status;

      if (lstat (name, &status) == 0)
        return FALSE;
    }

  return TRUE;
}

/* Where a damaged database goes: "….damaged-20261122T023701Z", with "-2" when that is taken. (transfer full) */
static char *
find_free_name (const char *path)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *date = g_date_time_format (now, "%Y%m%dT%H%M%SZ");
  char *name = g_strdup_printf ("%s.damaged-%s", path, date);

  for (guint i = 2; !is_free (name); i++)
    {
      g_free (name);
      name = g_strdup_printf ("%s.damaged-%s-%u", path, date, i);
    }

  return name;
}

/* Returns where to, or NULL with an error. */
static char *
put_aside (const char *path,
           GError    **error)
{
  g_autofree char *name = find_free_name (path);

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *from = g_strconcat (path, suffixes[i], NULL);
      g_autofree char *to = g_strconcat (name, suffixes[i], NULL);

      if (g_rename (from, to) < 0 && errno != ENOENT)
        {
          g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                       "%s is damaged, and cannot be set aside (%s); move it away.", from, g_strerror (errno));
          return NULL;
        }
    }

  return g_steal_pointer (&name);
}

/* -- Opening ------------------------------------------------------------------------------- */

static Verdict
open_once (const char   *path,
           VmpDatabase **opened,
           GError      **error)
{
  g_autoptr (VmpDatabase) database = NULL;
  Verdict verdict;

  if (!prepare_file (path, error))
    return FAILED;
  if (is_cut_off (path))
    return DAMAGED;

  /* Each connection is used by one thread at a time. */
  if (sqlite3_open_v2 (path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
    return judge_failure (database, path, error);
  sqlite3_extended_result_codes (database, 1);
  sqlite3_busy_timeout (database, BUSY_MS);
  /* Our own file, but damage to it must not make SQLite run what is in it. */
  sqlite3_db_config (database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);

  verdict = judge (database, path, error);
  if (verdict == SOUND)
    *opened = g_steal_pointer (&database);
  else
    /* Closing it would else move what is in the log into a file that is not to be touched any more. */
    sqlite3_db_config (database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

  return verdict;
}

VmpDatabase *
vmp_database_open (const char *path,
                   char      **set_aside,
                   GError    **error)
{
  VmpDatabase *database = NULL;
  Verdict verdict;

  *set_aside = NULL;
  verdict = open_once (path, &database, error);
  if (verdict == DAMAGED)
    {
      *set_aside = put_aside (path, error);
      if (*set_aside == NULL)
        return NULL;

      g_warning ("%s is damaged; it was set aside as %s, and a fresh one is begun", path, *set_aside);
      verdict = open_once (path, &database, error);
    }

  if (verdict == DAMAGED)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "A fresh %s is damaged at once; check its disk.", path);

  return database;
}

VmpDatabase *
vmp_database_open_reader (const char *path,
                          GError    **error)
{
  g_autoptr (VmpDatabase) database = NULL;

  if (sqlite3_open_v2 (path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
    {
      vmp_database_set_error (database, path, error);
      return NULL;
    }
  sqlite3_busy_timeout (database, BUSY_MS);

  return g_steal_pointer (&database);
}

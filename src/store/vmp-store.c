/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpStore: the queue from the context to the writer's thread, its transactions, and the way back of
 * what became of them. The two sides share two GAsyncQueues and nothing else; all other fields belong to one side.
 */

#include "store/vmp-store-private.h"

#include "core/vmp-hand-over.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DATABASE_NAME "vampire.db"
#define LOCK_NAME "vampire.lock"

/* Whoever waits for a change; belongs to the context's side. */
typedef struct {
  VmpStoreDone done;  /* NULL: not any more */
  gpointer user_data;
} Waiter;

typedef enum {
  CHANGE,
  BARRIER,
  CLOSE
} ErrandKind;

/* What the context wants of the writer. */
typedef struct {
  ErrandKind kind;
  VmpStoreCollection collection;
  char *id;
  char *document;  /* NULL: take it out */
  Waiter *waiter;  /* (nullable): the writer only hands it back */
  GError *error;   /* what became of this one alone; of a batch's fate, see Outcome */
} Errand;

/* What became of one transaction. */
typedef struct {
  GPtrArray *errands;
  GError *error;
} Outcome;

/* The writer's side. */
typedef struct {
  VmpDatabase *database;
  VmpStatement *put;
  VmpStatement *remove;
  gint64 position;       /* the last one that was given */
  GPtrArray *unwritten;  /* of Errand: of transactions that failed, in order, each id once */
} Writer;

typedef struct {
  GSource base;
  VmpStore *store;
} OutcomeSource;

struct _VmpStore {
  char *path;
  int lock;
  char *set_aside;

  GAsyncQueue *errands;  /* to the writer */
  GAsyncQueue *outcomes; /* from it */
  GSource *source;
  GThread *thread;
  Writer writer;         /* its thread's, once that runs */

  GQueue waiting;        /* of Waiter, in the order in which they are called */
  char *trouble;
};

static const char * const collection_strings[VMP_N_STORE_COLLECTIONS] = {
  [VMP_STORE_NODES] = "nodes",
  [VMP_STORE_ROUTES] = "routes",
  [VMP_STORE_KEYS] = "keys",
  [VMP_STORE_SHARE] = "share",
  [VMP_STORE_OWNERS] = "owners",
  [VMP_STORE_PAUSE] = "pause",
};

const char *
vmp_store_collection_to_string (VmpStoreCollection collection)
{
  g_return_val_if_fail ((guint) collection < VMP_N_STORE_COLLECTIONS, NULL);

  return collection_strings[collection];
}

static void
errand_free (gpointer data)
{
  Errand *errand = data;

  g_free (errand->id);
  g_free (errand->document);
  g_clear_error (&errand->error);
  g_free (errand);
}

static void
outcome_free (Outcome *outcome)
{
  g_ptr_array_unref (outcome->errands);
  g_clear_error (&outcome->error);
  g_free (outcome);
}

/* -- Writing, on its thread ---------------------------------------------------------------- */

static gboolean
is_same_document (const Errand *a,
                  const Errand *b)
{
  return a->collection == b->collection && g_str_equal (a->id, b->id);
}

/* Takes over a change that could not be written. Only the last one of each document matters. */
static void
keep (GPtrArray *unwritten,
      Errand    *errand)
{
  Errand *kept;

  for (guint i = 0; i < unwritten->len; i++)
    {
      kept = g_ptr_array_index (unwritten, i);
      if (is_same_document (kept, errand))
        {
          g_free (kept->document);
          kept->document = g_steal_pointer (&errand->document);
          return;
        }
    }

  kept = g_new0 (Errand, 1);
  kept->kind = CHANGE;
  kept->collection = errand->collection;
  kept->id = g_steal_pointer (&errand->id);
  kept->document = g_steal_pointer (&errand->document);
  g_ptr_array_add (unwritten, kept);
}

/* SQLITE_OK, or why this change cannot be written. */
static int
apply (Writer *self,
       Errand *errand)
{
  VmpStatement *statement = errand->document != NULL ? self->put : self->remove;
  int code;

  code = sqlite3_bind_text (statement, 1, collection_strings[errand->collection], -1, SQLITE_STATIC);
  if (code == SQLITE_OK)
    code = sqlite3_bind_text (statement, 2, errand->id, -1, SQLITE_STATIC);
  if (code == SQLITE_OK && errand->document != NULL)
    code = sqlite3_bind_text (statement, 3, errand->document, -1, SQLITE_STATIC);
  if (code == SQLITE_OK && errand->document != NULL)
    code = sqlite3_bind_int64 (statement, 4, self->position + 1);
  if (code == SQLITE_OK)
    {
      code = sqlite3_step (statement);
      code = code == SQLITE_DONE ? SQLITE_OK : code;
      if (code == SQLITE_OK && errand->document != NULL)
        self->position++;
    }

  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);

  return code;
}

/* Whether no other try can succeed, so that keeping it would hold up all others for good. */
static gboolean
is_hopeless (int code)
{
  return (code & 0xff) == SQLITE_TOOBIG || (code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_MISMATCH;
}

static gboolean
apply_all (Writer     *self,
           GPtrArray  *errands,
           const char *path,
           GError    **error)
{
  for (guint i = 0; i < errands->len; i++)
    {
      Errand *errand = g_ptr_array_index (errands, i);
      int code;

      if (errand->kind != CHANGE)
        continue;

      code = apply (self, errand);
      if (is_hopeless (code))
        {
          vmp_database_set_error (self->database, path, &errand->error);
        }
      else if (code != SQLITE_OK)
        {
          vmp_database_set_error (self->database, path, error);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
run (Writer     *self,
     const char *sql,
     const char *path,
     GError    **error)
{
  if (sqlite3_exec (self->database, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;

  vmp_database_set_error (self->database, path, error);
  return FALSE;
}

static gboolean
has_changes (GPtrArray *errands)
{
  for (guint i = 0; i < errands->len; i++)
    {
      if (((Errand *) g_ptr_array_index (errands, i))->kind == CHANGE)
        return TRUE;
    }

  return FALSE;
}

/* One transaction for all that is there, and for what earlier ones failed to write. */
static void
write_batch (Writer     *self,
             GPtrArray  *errands,
             const char *path,
             GError    **error)
{
  if (self->unwritten->len == 0 && !has_changes (errands))
    return;

  if (!run (self, "BEGIN IMMEDIATE", path, error) ||
      !apply_all (self, self->unwritten, path, error) ||
      !apply_all (self, errands, path, error) ||
      !run (self, "COMMIT", path, error))
    {
      /* Some errors have ended it already. */
      if (!sqlite3_get_autocommit (self->database))
        sqlite3_exec (self->database, "ROLLBACK", NULL, NULL, NULL);

      for (guint i = 0; i < errands->len; i++)
        {
          Errand *errand = g_ptr_array_index (errands, i);

          if (errand->kind == CHANGE && errand->error == NULL)
            keep (self->unwritten, errand);
        }
      return;
    }

  g_ptr_array_set_size (self->unwritten, 0);
}

/* Waits for an errand and takes all that are there. TRUE when it is the last batch. */
static gboolean
take_batch (VmpStore  *self,
            GPtrArray *errands)
{
  Errand *errand = g_async_queue_pop (self->errands);

  while (errand != NULL)
    {
      VMP_TAKE_OVER (errand);
      g_ptr_array_add (errands, errand);
      if (errand->kind == CLOSE)
        return TRUE;
      errand = g_async_queue_try_pop (self->errands);
    }

  return FALSE;
}

static gpointer
write_until_closed (gpointer data)
{
  VmpStore *self = data;
  gboolean last;

  do
    {
      Outcome *outcome = g_new0 (Outcome, 1);

      outcome->errands = g_ptr_array_new_with_free_func (errand_free);
      last = take_batch (self, outcome->errands);
      write_batch (&self->writer, outcome->errands, self->path, &outcome->error);

      VMP_HAND_OVER (outcome);
      g_async_queue_push (self->outcomes, outcome);
      g_source_set_ready_time (self->source, 0);
    }
  while (!last);

  return NULL;
}

static gboolean
writer_init (Writer     *self,
             const char *path,
             GError    **error)
{
  g_autoptr (VmpStatement) last = NULL;

  static const char put_sql[] = "INSERT INTO document (collection, id, body, position) VALUES (?1, ?2, ?3, ?4)"
                                " ON CONFLICT (collection, id) DO UPDATE SET body = excluded.body";
  static const char remove_sql[] = "DELETE FROM document WHERE collection = ?1 AND id = ?2";
  static const char last_sql[] = "SELECT coalesce(max(position), 0) FROM document";

  if (sqlite3_prepare_v3 (self->database, put_sql, -1, SQLITE_PREPARE_PERSISTENT, &self->put, NULL) != SQLITE_OK ||
      sqlite3_prepare_v3 (self->database, remove_sql, -1, SQLITE_PREPARE_PERSISTENT, &self->remove,
                          NULL) != SQLITE_OK ||
      sqlite3_prepare_v2 (self->database, last_sql, -1, &last, NULL) != SQLITE_OK ||
      sqlite3_step (last) != SQLITE_ROW)
    {
      vmp_database_set_error (self->database, path, error);
      return FALSE;
    }

  self->position = sqlite3_column_int64 (last, 0);
  self->unwritten = g_ptr_array_new_with_free_func (errand_free);

  return TRUE;
}

static void
writer_clear (Writer *self)
{
  g_clear_pointer (&self->put, sqlite3_finalize);
  g_clear_pointer (&self->remove, sqlite3_finalize);
  g_clear_pointer (&self->database, sqlite3_close);
  g_clear_pointer (&self->unwritten, g_ptr_array_unref);
}

/* -- What became of it, on the context ----------------------------------------------------- */

static void
set_trouble (VmpStore     *self,
             const GError *error)
{
  if (error == NULL && self->trouble == NULL)
    return;

  if (error == NULL)
    g_message ("Changes are written to %s again", self->path);
  else if (self->trouble == NULL)
    g_warning ("Changes cannot be kept. %s", error->message);

  g_free (self->trouble);
  self->trouble = error != NULL ? g_strdup (error->message) : NULL;
}

static void
deliver (VmpStore *self,
         Outcome  *outcome)
{
  const GError *worst = outcome->error;

  for (guint i = 0; i < outcome->errands->len; i++)
    {
      Errand *errand = g_ptr_array_index (outcome->errands, i);
      g_autofree Waiter *waiter = errand->waiter;

      if (errand->error != NULL && outcome->error == NULL)
        worst = errand->error;
      if (waiter == NULL)
        continue;

      g_assert (g_queue_peek_head (&self->waiting) == waiter);
      g_queue_pop_head (&self->waiting);
      if (waiter->done != NULL)
        waiter->done (waiter->user_data, errand->kind == BARRIER ? worst
                      : errand->error != NULL ? errand->error : outcome->error);
    }
}

static gboolean
outcome_source_dispatch (GSource    *source,
                         GSourceFunc callback,
                         gpointer    user_data)
{
  VmpStore *self = ((OutcomeSource *) source)->store;
  Outcome *outcome;

  /* First this, then the queue: an outcome that comes in between makes it ready again. */
  g_source_set_ready_time (source, -1);
  while ((outcome = g_async_queue_try_pop (self->outcomes)) != NULL)
    {
      VMP_TAKE_OVER (outcome);
      set_trouble (self, outcome->error);
      deliver (self, outcome);
      outcome_free (outcome);
    }

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs outcome_source_funcs = { .dispatch = outcome_source_dispatch };

/* -- Opening ------------------------------------------------------------------------------- */

static gboolean
make_dir (const char *data_dir,
          GError    **error)
{
  if (g_mkdir_with_parents (data_dir, 0700) == 0)
    return TRUE;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               "The data folder %s cannot be made (%s); name another one with data_dir.", data_dir,
               g_strerror (errno));
  return FALSE;
}

/* A lock of the open file, which the kernel lets go of with the process. The file stays: taking it away would let two
 * processes hold locks of two files of one name. */
static int
lock_dir (const char *data_dir,
          GError    **error)
{
  g_autofree char *path = g_build_filename (data_dir, LOCK_NAME, NULL);
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int fault;

  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;

  fault = errno;
  if (fd >= 0)
    close (fd);
  if (fd >= 0 && fault == EWOULDBLOCK)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                 "Another Vampire uses the data folder %s; stop it, or give this one another folder with data_dir.",
                 data_dir);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (fault),
                 "%s cannot be %s (%s); let this user write to its folder, or name another one with data_dir.", path,
                 fd >= 0 ? "locked" : "made", g_strerror (fault));

  return -1;
}

/* Neither the thread nor the source may run any more. */
static void
store_free (VmpStore *self)
{
  Outcome *outcome;

  writer_clear (&self->writer);
  while ((outcome = g_async_queue_try_pop (self->outcomes)) != NULL)
    outcome_free (outcome);
  g_async_queue_unref (self->outcomes);
  g_async_queue_unref (self->errands);
  g_queue_clear_full (&self->waiting, g_free);
  if (self->lock >= 0)
    close (self->lock);
  g_free (self->path);
  g_free (self->set_aside);
  g_free (self->trouble);
  g_free (self);
}

VmpStore *
vmp_store_open (const char   *data_dir,
                GMainContext *context,
                GError      **error)
{
  VmpStore *self;

  g_return_val_if_fail (data_dir != NULL, NULL);

  self = g_new0 (VmpStore, 1);
  self->lock = -1;
  self->path = g_build_filename (data_dir, DATABASE_NAME, NULL);
  self->errands = g_async_queue_new ();
  self->outcomes = g_async_queue_new ();
  g_queue_init (&self->waiting);

  if (make_dir (data_dir, error))
    self->lock = lock_dir (data_dir, error);
  if (self->lock >= 0)
    self->writer.database = vmp_database_open (self->path, &self->set_aside, error);
  if (self->writer.database == NULL || !writer_init (&self->writer, self->path, error))
    {
      store_free (self);
      return NULL;
    }

  self->source = g_source_new (&outcome_source_funcs, sizeof (OutcomeSource));
  g_source_set_static_name (self->source, "vampire store");
  ((OutcomeSource *) self->source)->store = self;
  g_source_attach (self->source, context);
  self->thread = g_thread_new ("store", write_until_closed, self);

  return self;
}

static void
send (VmpStore *self,
      Errand   *errand)
{
  if (errand->waiter != NULL)
    g_queue_push_tail (&self->waiting, errand->waiter);
  VMP_HAND_OVER (errand);
  g_async_queue_push (self->errands, errand);
}

void
vmp_store_close (VmpStore *self)
{
  Errand *errand;

  g_return_if_fail (self != NULL);

  errand = g_new0 (Errand, 1);
  errand->kind = CLOSE;
  send (self, errand);
  g_thread_join (self->thread);

  g_source_destroy (self->source);
  g_source_unref (self->source);
  store_free (self);
}

/* -- For the callers ----------------------------------------------------------------------- */

const char *
vmp_store_get_set_aside (VmpStore *self)
{
  return self->set_aside;
}

const char *
vmp_store_get_trouble (VmpStore *self)
{
  return self->trouble;
}

void
vmp_store_for_each (VmpStore          *self,
                    VmpStoreCollection collection,
                    VmpStoreFunc       func,
                    gpointer           user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpDatabase) database = vmp_database_open_reader (self->path, &error);
  g_autoptr (VmpStatement) statement = NULL;
  int code = SQLITE_ERROR;

  static const char sql[] = "SELECT id, body FROM document WHERE collection = ?1 ORDER BY position";

  g_return_if_fail ((guint) collection < VMP_N_STORE_COLLECTIONS);

  if (database != NULL && sqlite3_prepare_v2 (database, sql, -1, &statement, NULL) == SQLITE_OK)
    {
      sqlite3_bind_text (statement, 1, collection_strings[collection], -1, SQLITE_STATIC);
      while ((code = sqlite3_step (statement)) == SQLITE_ROW)
        {
          const char *id = (const char *) sqlite3_column_text (statement, 0);
          const char *document = (const char *) sqlite3_column_text (statement, 1);

          if (id == NULL || document == NULL || !g_utf8_validate (id, -1, NULL) ||
              !g_utf8_validate (document, -1, NULL))
            g_warning ("One of the stored %s cannot be read; it is left out", collection_strings[collection]);
          else
            func (user_data, id, document);
        }
    }

  if (code != SQLITE_DONE)
    {
      if (error == NULL)
        vmp_database_set_error (database, self->path, &error);
      g_warning ("Not all stored %s could be read. %s", collection_strings[collection], error->message);
    }
}

static Waiter *
waiter_new (VmpStoreDone done,
            gpointer     user_data)
{
  Waiter *waiter;

  if (done == NULL)
    return NULL;

  waiter = g_new (Waiter, 1);
  waiter->done = done;
  waiter->user_data = user_data;

  return waiter;
}

void
vmp_store_put (VmpStore          *self,
               VmpStoreCollection collection,
               const char        *id,
               char              *document,
               VmpStoreDone       done,
               gpointer           user_data)
{
  Errand *errand;

  g_return_if_fail ((guint) collection < VMP_N_STORE_COLLECTIONS);
  g_return_if_fail (id != NULL);

  errand = g_new0 (Errand, 1);
  errand->kind = CHANGE;
  errand->collection = collection;
  errand->id = g_strdup (id);
  errand->document = document;
  errand->waiter = waiter_new (done, user_data);
  send (self, errand);
}

void
vmp_store_barrier (VmpStore    *self,
                   VmpStoreDone done,
                   gpointer     user_data)
{
  Errand *errand;

  g_return_if_fail (done != NULL);

  errand = g_new0 (Errand, 1);
  errand->kind = BARRIER;
  errand->waiter = waiter_new (done, user_data);
  send (self, errand);
}

void
vmp_store_forget_caller (VmpStore *self,
                         gpointer  user_data)
{
  for (GList *l = self->waiting.head; l != NULL; l = l->next)
    {
      Waiter *waiter = l->data;

      if (waiter->user_data == user_data)
        waiter->done = NULL;
    }
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the store tests' common part.
 */

#include "store-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

/* -- What is said -------------------------------------------------------------------------- */

static GString *said;

/* g_test_expect_message() does not see structured messages. */
static GLogWriterOutput
remember (GLogLevelFlags   level,
          const GLogField *fields,
          gsize            n_fields,
          gpointer         user_data)
{
  if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0)
    return g_log_writer_default (level, fields, n_fields, user_data);

  for (gsize i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, "MESSAGE"))
        g_string_append_printf (said, "%s\n", (const char *) fields[i].value);
    }

  return G_LOG_WRITER_HANDLED;
}

void
store_fixture_assert_said (const char *pattern)
{
  g_autofree char *line = g_strdup_printf ("%s\n", pattern);

  if (!g_pattern_match_simple (line, said->str) || strchr (said->str, '\n') != said->str + said->len - 1)
    g_error ("Said was: %s", said->str);
  g_string_truncate (said, 0);
}

static void
assert_nothing_said (void)
{
  g_assert_cmpstr (said->str, ==, "");
}

/* -- Helpers ------------------------------------------------------------------------------- */

VmpStore *
store_fixture_open (const char *dir)
{
  g_autoptr (GError) error = NULL;
  VmpStore *store = vmp_store_open (dir, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (store);

  return store;
}

void
store_fixture_set_up (StoreFixture *self,
                      gconstpointer data)
{
  g_autofree char *parent = g_dir_make_tmp ("vampire-store-XXXXXX", NULL);

  self->dir = g_build_filename (parent, "data", NULL);
  self->store = store_fixture_open (self->dir);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

void
store_fixture_tear_down (StoreFixture *self,
                         gconstpointer data)
{
  g_autofree char *parent = g_path_get_dirname (self->dir);

  g_clear_pointer (&self->store, vmp_store_close);
  assert_nothing_said ();
  remove_tree (parent);
  g_free (self->dir);
}

void
store_fixture_reopen (StoreFixture *self)
{
  g_clear_pointer (&self->store, vmp_store_close);
  self->store = store_fixture_open (self->dir);
}

char *
store_fixture_dup_path (StoreFixture *self,
                        const char   *name)
{
  return g_build_filename (self->dir, name, NULL);
}

void
store_done_call (gpointer      user_data,
                 const GError *error)
{
  StoreDone *self = user_data;

  self->n_calls++;
  g_clear_error (&self->error);
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

void
store_done_wait (StoreDone *self,
                 guint      n_calls)
{
  while (self->n_calls < n_calls)
    g_main_context_iteration (NULL, TRUE);
}

GError *
store_fixture_flush (StoreFixture *self)
{
  StoreDone result = { 0 };

  vmp_store_barrier (self->store, store_done_call, &result);
  store_done_wait (&result, 1);

  return result.error;
}

void
store_fixture_put (StoreFixture *self,
                   const char   *id,
                   const char   *document)
{
  vmp_store_put (self->store, VMP_STORE_NODES, id, g_strdup (document), NULL, NULL);
}

static void
append (gpointer    user_data,
        const char *id,
        const char *document)
{
  g_string_append_printf (user_data, "%s=%s ", id, document);
}

static char *
contents (StoreFixture      *self,
          VmpStoreCollection collection)
{
  GString *text = g_string_new (NULL);

  vmp_store_for_each (self->store, collection, append, text);

  return g_string_free (text, FALSE);
}

void
store_fixture_assert_contents (StoreFixture      *self,
                               VmpStoreCollection collection,
                               const char        *expected)
{
  g_autofree char *text = contents (self, collection);

  g_assert_cmpstr (text, ==, expected);
}

static void
count (gpointer    user_data,
       const char *id,
       const char *document)
{
  (*(guint *) user_data)++;
}

guint
store_fixture_count_nodes (StoreFixture *self)
{
  guint n = 0;

  vmp_store_for_each (self->store, VMP_STORE_NODES, count, &n);

  return n;
}

void
store_fixture_assert_refused (const char *dir,
                              int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vmp_store_open (dir, NULL, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_true (g_str_has_suffix (error->message, "."));
  g_test_message ("%s", error->message);
}

void
store_fixture_record_log (void)
{
  said = g_string_new (NULL);
  g_log_set_writer_func (remember, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Client keys: only what was given out opens, until it is revoked or expires, and over restarts; no key is stored.
 */

#include "policy/vmp-client-keys-private.h"

#include <glib/gstdio.h>
#include <string.h>

#include "core/vmp-limits.h"

typedef struct {
  char *folder;
  VmpPoll *poll;
  VmpStore *store;
  VmpClientKeys *keys;
  GString *gone;   /* "name " of each key that ended */
  char *probe;     /* a key that is tried as one ends; NULL */
} Fixture;

/* Warnings are expected here; they are counted. */
static guint warnings;

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return g_log_writer_default (level, fields, n_fields, user_data);
  if (level & G_LOG_LEVEL_WARNING)
    warnings++;

  return G_LOG_WRITER_HANDLED;
}

static const VmpClientKey *
check (Fixture    *self,
       const char *secret)
{
  return vmp_client_keys_check (self->keys, vmp_slice (secret));
}

static void
gone_cb (gpointer            user_data,
         const VmpClientKey *key)
{
  Fixture *self = user_data;

  g_string_append_printf (self->gone, "%s ", key->name);
  if (self->probe != NULL)
    g_assert_null (check (self, self->probe));
}

static void
start (Fixture *self)
{
  GError *error = NULL;

  self->store = vmp_store_open (self->folder, NULL, &error);
  g_assert_no_error (error);
  self->keys = vmp_client_keys_new (self->poll, self->store, gone_cb, self);
}

static void
stop (Fixture *self)
{
  vmp_client_keys_free (self->keys);
  vmp_store_close (self->store);
}

static void
start_again (Fixture *self)
{
  stop (self);
  start (self);
  vmp_client_keys_load (self->keys);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  warnings = 0;
  self->folder = g_dir_make_tmp ("vampire-keys-XXXXXX", NULL);
  self->poll = vmp_poll_new (NULL);
  self->gone = g_string_new (NULL);
  start (self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  stop (self);
  vmp_poll_free (self->poll);
  dir = g_dir_open (self->folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_string_free (self->gone, TRUE);
  g_free (self->folder);
}

/* (transfer full): the secret */
static char *
create (Fixture             *self,
        const char          *name,
        const char          *duration,
        const VmpClientKey **key)
{
  GError *error = NULL;
  char *secret = NULL;
  const VmpClientKey *made = vmp_client_keys_create (self->keys, name, duration, &secret, &error);

  g_assert_no_error (error);
  g_assert_nonnull (made);
  if (key != NULL)
    *key = made;

  return secret;
}

static guint
count (Fixture *self)
{
  return vmp_client_keys_get_all (self->keys)->len;
}

/* -- Keys ---------------------------------------------------------------------------------- */

static void
test_create (Fixture      *self,
             gconstpointer data)
{
  const VmpClientKey *key;
  gint64 before = g_get_real_time ();
  g_autofree char *secret = create (self, "Anna's laptop", NULL, &key);

  g_assert_cmpuint (strlen (secret), ==, 4 + 43);
  g_assert_true (g_str_has_prefix (secret, "vmp_"));
  g_assert_cmpuint (strspn (secret + 4, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"), ==, 43);
  g_assert_true (g_str_has_prefix (key->id, "key-"));
  g_assert_cmpstr (key->name, ==, "Anna's laptop");
  g_assert_true (g_str_has_suffix (secret, key->hint));
  g_assert_cmpuint (strlen (key->hint), ==, 4);
  g_assert_cmpint (key->created, >=, before);
  g_assert_cmpint (key->expires, ==, 0);
  g_assert_cmpint (key->last_used, ==, 0);
  g_assert_true (vmp_client_keys_find (self->keys, key->id) == key);
  g_assert_null (vmp_client_keys_find (self->keys, "key-"));
  g_assert_null (vmp_client_keys_find (self->keys, secret));
}

static void
test_different (Fixture      *self,
                gconstpointer data)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint i;

  for (i = 0; i < 200; i++)
    {
      const VmpClientKey *key;

      g_assert_true (g_hash_table_add (seen, create (self, "one of many", NULL, &key)));
      g_assert_true (g_hash_table_add (seen, g_strdup (key->id)));
    }
  g_assert_cmpuint (count (self), ==, 200);
}

static void
test_check (Fixture      *self,
            gconstpointer data)
{
  const VmpClientKey *anna;
  const VmpClientKey *ben;
  g_autofree char *annas = create (self, "Anna", NULL, &anna);
  g_autofree char *bens = create (self, "Ben", NULL, &ben);
  g_autofree char *longer = g_strconcat (annas, "x", NULL);
  g_autofree char *flood = g_strnfill (VMP_LIMIT_TOKEN_BYTES + 1, 'v');
  g_autofree char *upper = g_ascii_strup (annas, -1);
  VmpSlice with_nul = { longer, strlen (longer) };
  gint64 before = g_get_real_time ();

  g_assert_true (check (self, annas) == anna);
  g_assert_true (check (self, annas) == anna);
  g_assert_true (check (self, bens) == ben);
  g_assert_cmpuint (anna->requests, ==, 2);
  g_assert_cmpuint (ben->requests, ==, 1);
  g_assert_cmpint (anna->last_used, >=, before);

  g_assert_null (check (self, longer));
  longer[strlen (longer) - 1] = '\0';
  g_assert_null (vmp_client_keys_check (self->keys, with_nul));
  g_assert_null (vmp_client_keys_check (self->keys, (VmpSlice) { annas, strlen (annas) - 1 }));
  g_assert_null (vmp_client_keys_check (self->keys, (VmpSlice) { NULL, 0 }));
  g_assert_null (check (self, ""));
  g_assert_null (check (self, "vmp_"));
  g_assert_null (check (self, upper));
  g_assert_null (check (self, flood));
  g_assert_null (check (self, anna->id));
  g_assert_cmpuint (anna->requests, ==, 2);
}

static void
test_names (Fixture      *self,
            gconstpointer data)
{
  g_autofree char *longest = g_strnfill (VMP_LIMIT_NAME_CHARS, 'n');
  g_autofree char *longer = g_strnfill (VMP_LIMIT_NAME_CHARS + 1, 'n');
  const char *bad[] = { "", "   ", "a\nb", "\xff", "right\xe2\x80\xaeleft", longer };
  G_GNUC_UNUSED g_autofree char *secret = create (self, longest, NULL, NULL);
  G_GNUC_UNUSED g_autofree char *other = create (self, "Klasse 7 \xc3\xbc", NULL, NULL);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      char *none = NULL;

      g_assert_null (vmp_client_keys_create (self->keys, bad[i], NULL, &none, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_str_has_suffix (error->message, "."));
      g_assert_null (none);
    }
  g_assert_cmpuint (count (self), ==, 2);
}

static void
test_durations (Fixture      *self,
                gconstpointer data)
{
  static const char * const bad[] = { "", "soon", "0s", "-1h", "400d", "8" };
  const VmpClientKey *key;
  G_GNUC_UNUSED g_autofree char *secret = create (self, "a lesson", "PT45M", &key);
  guint i;

  g_assert_cmpint (key->expires, ==, key->created + 45LL * 60 * G_USEC_PER_SEC);
  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      char *none = NULL;

      g_assert_null (vmp_client_keys_create (self->keys, "name", bad[i], &none, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_too_many (Fixture      *self,
               gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  char *none = NULL;
  const VmpClientKey *first = NULL;
  g_autofree char *secret = NULL;
  guint i;

  for (i = 0; i < VMP_LIMIT_CLIENT_KEYS; i++)
    g_free (create (self, "one of many", NULL, i == 0 ? &first : NULL));
  g_assert_null (vmp_client_keys_create (self->keys, "one more", NULL, &none, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "revoke"));

  g_assert_true (vmp_client_keys_revoke (self->keys, first->id));
  secret = create (self, "one more", NULL, NULL);
  g_assert_nonnull (check (self, secret));
}

/* -- The end ------------------------------------------------------------------------------- */

static void
test_revoke (Fixture      *self,
             gconstpointer data)
{
  const VmpClientKey *anna;
  g_autofree char *annas = create (self, "Anna", NULL, &anna);
  g_autofree char *bens = create (self, "Ben", NULL, NULL);
  g_autofree char *id = g_strdup (anna->id);

  self->probe = annas;
  g_assert_false (vmp_client_keys_revoke (self->keys, "key-none"));
  g_assert_cmpstr (self->gone->str, ==, "");
  g_assert_true (vmp_client_keys_revoke (self->keys, id));
  g_assert_cmpstr (self->gone->str, ==, "Anna ");
  g_assert_false (vmp_client_keys_revoke (self->keys, id));
  g_assert_null (vmp_client_keys_find (self->keys, id));
  g_assert_null (check (self, annas));
  g_assert_nonnull (check (self, bens));

  start_again (self);
  g_assert_cmpuint (count (self), ==, 1);
  g_assert_null (check (self, annas));
  g_assert_nonnull (check (self, bens));
}

static void
test_expires (Fixture      *self,
              gconstpointer data)
{
  const VmpClientKey *lesson;
  g_autofree char *day = create (self, "day", "1d", NULL);
  g_autofree char *always = create (self, "always", NULL, NULL);
  g_autofree char *hour = create (self, "lesson", "1h", &lesson);
  gint64 end = lesson->expires;

  self->probe = hour;
  vmp_client_keys_tick (self->keys, end - 1);
  g_assert_cmpstr (self->gone->str, ==, "");
  vmp_client_keys_tick (self->keys, end);
  g_assert_cmpstr (self->gone->str, ==, "lesson ");
  g_assert_null (check (self, hour));
  g_assert_nonnull (check (self, day));

  vmp_client_keys_tick (self->keys, end + 30LL * 24 * 3600 * G_USEC_PER_SEC);
  g_assert_cmpstr (self->gone->str, ==, "lesson day ");
  start_again (self);
  g_assert_cmpuint (count (self), ==, 1);
  g_assert_nonnull (check (self, always));
}

/* The one test that waits: for the timer. */
static void
test_timer (Fixture      *self,
            gconstpointer data)
{
  const VmpClientKey *key;
  g_autofree char *later = create (self, "later", "1h", NULL);
  g_autofree char *secret = create (self, "moment", "1s", &key);
  gint64 end = key->expires;

  g_assert_nonnull (check (self, secret));
  while (self->gone->len == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_real_time (), >=, end);
  g_assert_cmpstr (self->gone->str, ==, "moment ");
  g_assert_null (check (self, secret));
  g_assert_nonnull (check (self, later));
}

/* -- Restarts ------------------------------------------------------------------------------ */

static void
test_lasts (Fixture      *self,
            gconstpointer data)
{
  const VmpClientKey *key;
  g_autofree char *first = create (self, "first", NULL, NULL);
  g_autofree char *second = create (self, "sec\"ond", "8h", &key);
  g_autofree char *third = create (self, "third", NULL, NULL);
  g_autofree char *id = g_strdup (key->id);
  g_autofree char *hint = g_strdup (key->hint);
  gint64 created = key->created;
  gint64 expires = key->expires;
  GPtrArray *all;

  g_assert_nonnull (check (self, second));
  start_again (self);
  all = vmp_client_keys_get_all (self->keys);
  g_assert_cmpuint (all->len, ==, 3);
  g_assert_cmpstr (((VmpClientKey *) all->pdata[0])->name, ==, "first");
  key = all->pdata[1];
  g_assert_cmpstr (key->id, ==, id);
  g_assert_cmpstr (key->name, ==, "sec\"ond");
  g_assert_cmpstr (key->hint, ==, hint);
  g_assert_cmpint (key->created, ==, created);
  g_assert_cmpint (key->expires, ==, expires);
  g_assert_cmpint (key->last_used, ==, 0);
  g_assert_cmpuint (key->requests, ==, 0);
  g_assert_true (check (self, second) == key);
  g_assert_nonnull (check (self, first));
  g_assert_nonnull (check (self, third));
  g_assert_cmpstr (self->gone->str, ==, "");

  vmp_client_keys_tick (self->keys, expires);
  g_assert_cmpstr (self->gone->str, ==, "sec\"ond ");
}

static void
find_secret_cb (gpointer    user_data,
                const char *id,
                const char *document)
{
  const char *secret = user_data;

  g_assert_null (strstr (document, secret));
  g_assert_null (strstr (document, secret + strlen ("vmp_")));
  g_assert_null (strstr (id, secret));
}

/* Neither in a document nor anywhere in the files. */
static void
test_not_stored (Fixture      *self,
                 gconstpointer data)
{
  g_autofree char *secret = create (self, "Anna", NULL, NULL);
  g_autoptr (GDir) dir = NULL;
  const char *name;

  start_again (self);
  vmp_store_for_each (self->store, VMP_STORE_KEYS, find_secret_cb, secret);
  dir = g_dir_open (self->folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);
      g_autofree char *content = NULL;
      gsize len;

      g_assert_true (g_file_get_contents (path, &content, &len, NULL));
      g_assert_null (memmem (content, len, secret + strlen ("vmp_"), 43));
    }
}

static void
test_over_meanwhile (Fixture      *self,
                     gconstpointer data)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "vmp_old", -1);

  vmp_store_put (self->store, VMP_STORE_KEYS, "key-1",
                 g_strdup_printf ("{\"name\":\"old\",\"hint\":\"_old\",\"hash\":\"%s\",\"created\":1600000000000000,"
                                  "\"expires\":1700000000000000}", hash), NULL, NULL);
  start_again (self);
  g_assert_cmpstr (self->gone->str, ==, "old ");
  g_assert_null (check (self, "vmp_old"));
  start_again (self);
  g_assert_cmpstr (self->gone->str, ==, "old ");
}

static void
test_odd_documents (Fixture      *self,
                    gconstpointer data)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "vmp_x", -1);
  /* HASH stands for that of "vmp_x". */
  static const char * const documents[] = {
    "", "[]", "{}", "{",
    "{\"hint\":\"x\",\"hash\":\"HASH\",\"created\":1,\"expires\":0}",
    "{\"name\":\"a\\nb\",\"hint\":\"x\",\"hash\":\"HASH\",\"created\":1,\"expires\":0}",
    "{\"name\":\"x\",\"hint\":\"x\",\"hash\":\"HASH\",\"created\":1}",
    "{\"name\":\"x\",\"hint\":\"x\",\"hash\":\"HASH\",\"created\":1,\"expires\":-1}",
    "{\"name\":\"x\",\"hint\":\"x\",\"hash\":\"HASH\",\"created\":1,\"expires\":\"never\"}",
    "{\"name\":\"x\",\"hint\":\"x\",\"hash\":\"HASHx\",\"created\":1,\"expires\":0}",
    "{\"name\":\"x\",\"hint\":\"x\",\"hash\":5,\"created\":1,\"expires\":0}",
  };
  g_autofree char *good = create (self, "good", NULL, NULL);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      GString *document = g_string_new (documents[i]);

      g_string_replace (document, "HASH", hash, 0);
      warnings = 0;
      vmp_store_put (self->store, VMP_STORE_KEYS, "key-odd", g_string_free (document, FALSE), NULL, NULL);
      start_again (self);
      g_assert_null (check (self, "vmp_x"));
      g_assert_cmpuint (count (self), ==, 1);
      g_assert_cmpuint (warnings, ==, 1);
      g_assert_nonnull (check (self, good));
    }
}

int
main (int    argc,
      char **argv)
{
  static const struct {
    const char *path;
    void (*test) (Fixture *, gconstpointer);
  } tests[] = {
    { "/client-keys/create", test_create },
    { "/client-keys/all-different", test_different },
    { "/client-keys/check", test_check },
    { "/client-keys/names", test_names },
    { "/client-keys/durations", test_durations },
    { "/client-keys/too-many", test_too_many },
    { "/client-keys/end/revoked", test_revoke },
    { "/client-keys/end/expires", test_expires },
    { "/client-keys/end/timer", test_timer },
    { "/client-keys/restart/lasts", test_lasts },
    { "/client-keys/restart/secret-not-stored", test_not_stored },
    { "/client-keys/restart/over-meanwhile", test_over_meanwhile },
    { "/client-keys/restart/odd-documents", test_odd_documents },
  };
  guint i;

  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_init (&argc, &argv, NULL);

  for (i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);

  return g_test_run ();
}

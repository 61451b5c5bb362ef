/* SPDX-License-Identifier: MIT
 *
 * The keyring in all its states, as the gateway meets them on desktops: open, locked, gone, hanging, failing, or none
 * at all. Whatever happens, no secret may reach the log, and none a file while there is a keyring.
 */

#include "platform/vmp-keyring.h"
#include "policy/vmp-token-vault.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "desktop.h"

#define KIND "node-token"
#define CANARY "canary-3f9d"

typedef struct {
  Desktop desktop;
  char *file;
  VmpKeyring *keyring;

  /* What the last call came to. */
  gboolean done;
  GHashTable *secrets;
  GError *error;
} Fixture;

/* -- LeakSanitizer ------------------------------------------------------------------------- */

const char *__asan_default_options (void);
const char *__lsan_default_suppressions (void);

/* Whole stacks, since those of programs without frame pointers end in g_malloc(). */
const char *
__asan_default_options (void)
{
  return "fast_unwind_on_malloc=0";
}

/* libsecret before 0.21 leaks what it learns when a prompt ends. GDBus has read that on its own thread. */
const char *
__lsan_default_suppressions (void)
{
  return "leak:secret_service_unlock_sync\n"
         "leak:g_dbus_message_new_from_blob\n";
}

/* -- The log ------------------------------------------------------------------------------- */

static GMutex log_mutex;
static GString *log_text;

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  gsize i;

  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return g_log_writer_default (level, fields, n_fields, user_data);

  g_mutex_lock (&log_mutex);
  for (i = 0; i < n_fields; i++)
    {
      if (strcmp (fields[i].key, "MESSAGE") == 0)
        g_string_append_printf (log_text, "%s\n", (const char *) fields[i].value);
    }
  g_mutex_unlock (&log_mutex);

  return G_LOG_WRITER_HANDLED;
}

/* How often the log says it. */
static guint
times_said (const char *words)
{
  guint times = 0;
  const char *at;

  g_mutex_lock (&log_mutex);
  for (at = log_text->str; (at = strstr (at, words)) != NULL; at++)
    times++;
  g_mutex_unlock (&log_mutex);

  return times;
}

/* -- Calls --------------------------------------------------------------------------------- */

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_string_truncate (log_text, 0);
  desktop_init (&self->desktop);
  self->file = g_build_filename (self->desktop.home, "vampire", "tokens.json", NULL);
  self->keyring = vmp_keyring_new (self->file, VMP_SECRETS_AUTO);
}

static void
set_up_open (Fixture      *self,
             gconstpointer data)
{
  set_up (self, data);
  desktop_start_bus (&self->desktop, NULL);
  desktop_start_daemon (&self->desktop, TRUE);
}

static void
forget_outcome (Fixture *self)
{
  self->done = FALSE;
  g_clear_pointer (&self->secrets, g_hash_table_unref);
  g_clear_error (&self->error);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  forget_outcome (self);
  vmp_keyring_unref (self->keyring);
  desktop_clear (&self->desktop);
  g_free (self->file);
  g_assert_cmpuint (times_said (CANARY), ==, 0);
}

static void
loaded_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Fixture *self = user_data;

  self->secrets = vmp_keyring_load_finish (self->keyring, result, &self->error);
  g_assert_true ((self->secrets == NULL) == (self->error != NULL));
  self->done = TRUE;
}

static void
stored_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Fixture *self = user_data;
  gboolean ok = vmp_keyring_store_finish (self->keyring, result, &self->error);

  g_assert_true (ok == (self->error == NULL));
  self->done = TRUE;
}

static void
unlocked_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Fixture *self = user_data;
  gboolean ok = vmp_keyring_unlock_finish (self->keyring, result, &self->error);

  g_assert_true (ok == (self->error == NULL));
  self->done = TRUE;
}

static void
load (Fixture *self)
{
  forget_outcome (self);
  vmp_keyring_load_async (self->keyring, KIND, NULL, loaded_cb, self);
  wait_for (&self->done);
}

/* @secret: NULL removes it */
static void
store (Fixture    *self,
       const char *id,
       const char *secret)
{
  forget_outcome (self);
  vmp_keyring_store_async (self->keyring, KIND, id, "Vampire: a test", secret, NULL, stored_cb, self);
  wait_for (&self->done);
}

static void
unlock (Fixture *self)
{
  forget_outcome (self);
  vmp_keyring_unlock_async (self->keyring, NULL, unlocked_cb, self);
  wait_for (&self->done);
}

/* -- Expectations -------------------------------------------------------------------------- */

static void
assert_state (Fixture    *self,
              const char *state)
{
  g_assert_cmpstr (vmp_keyring_state_to_string (vmp_keyring_get_state (self->keyring)), ==, state);
  g_assert_true ((vmp_keyring_get_trouble (self->keyring) != NULL) == g_str_equal (state, "unavailable"));
}

/* A whole sentence, without a secret. */
static void
assert_sentence (const char *message)
{
  g_assert_true (g_ascii_isupper (message[0]));
  g_assert_true (g_str_has_suffix (message, "."));
  g_assert_null (strstr (message, CANARY));
  g_assert_null (strstr (message, ".."));
}

static void
assert_stored (Fixture *self)
{
  g_assert_no_error (self->error);
}

static void
assert_failed (Fixture *self,
               int      code)
{
  g_assert_error (self->error, G_IO_ERROR, code);
  assert_sentence (self->error->message);
}

static void
assert_count (Fixture *self,
              guint    count)
{
  g_assert_no_error (self->error);
  g_assert_cmpuint (g_hash_table_size (self->secrets), ==, count);
}

static void
assert_secret (Fixture    *self,
               const char *id,
               const char *secret)
{
  gpointer value = NULL;

  g_assert_no_error (self->error);
  g_assert_true (g_hash_table_lookup_extended (self->secrets, id, NULL, &value));
  g_assert_cmpstr (value, ==, secret);
}

static gboolean
file_has (Fixture    *self,
          const char *text)
{
  g_autofree char *content = NULL;

  return g_file_get_contents (self->file, &content, NULL, NULL) && strstr (content, text) != NULL;
}

static void
assert_no_secret_in_file (Fixture *self)
{
  g_assert_false (file_has (self, CANARY));
}

/* -- Open ---------------------------------------------------------------------------------- */

static void
test_round_trip (Fixture      *self,
                 gconstpointer data)
{
  assert_state (self, "unknown");
  load (self);
  assert_count (self, 0);
  assert_state (self, "open");

  store (self, "node-a", CANARY "-a");
  assert_stored (self);
  store (self, "node-b", CANARY "-b");
  assert_stored (self);
  store (self, "node-a", CANARY "-a2");
  assert_stored (self);
  load (self);
  assert_count (self, 2);
  assert_secret (self, "node-a", CANARY "-a2");
  assert_secret (self, "node-b", CANARY "-b");

  store (self, "node-a", NULL);
  assert_stored (self);
  store (self, "node-a", NULL);
  assert_failed (self, G_IO_ERROR_NOT_FOUND);
  load (self);
  assert_count (self, 1);
  assert_state (self, "open");
  assert_no_secret_in_file (self);
}

static void
test_kinds (Fixture      *self,
            gconstpointer data)
{
  store (self, "node-a", CANARY);
  forget_outcome (self);
  vmp_keyring_load_async (self->keyring, "another-kind", NULL, loaded_cb, self);
  wait_for (&self->done);
  assert_count (self, 0);
}

static void
test_order (Fixture      *self,
            gconstpointer data)
{
  guint i;

  forget_outcome (self);
  for (i = 0; i < 10; i++)
    {
      g_autofree char *secret = g_strdup_printf (CANARY "-%u", i);

      vmp_keyring_store_async (self->keyring, KIND, "node-a", "Vampire: a test", secret, NULL, NULL, NULL);
    }
  vmp_keyring_load_async (self->keyring, KIND, NULL, loaded_cb, self);
  wait_for (&self->done);
  assert_secret (self, "node-a", CANARY "-9");
}

/* Another program, or another start of this one. */
static void
test_lasts (Fixture      *self,
            gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_stop_daemon (&self->desktop);
  desktop_start_daemon (&self->desktop, TRUE);
  vmp_keyring_unref (self->keyring);
  self->keyring = vmp_keyring_new (self->file, VMP_SECRETS_AUTO);
  load (self);
  assert_secret (self, "node-a", CANARY);
}

/* -- Locked -------------------------------------------------------------------------------- */

static void
test_locked_with_token (Fixture      *self,
                        gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_lock (&self->desktop);

  load (self);
  assert_count (self, 1);
  assert_secret (self, "node-a", NULL);
  assert_state (self, "locked");

  store (self, "node-a", CANARY "-2");
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (self->error->message, "Unlock it"));
  store (self, "node-b", CANARY "-b");
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
  store (self, "node-a", NULL);
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
  assert_state (self, "locked");
  assert_no_secret_in_file (self);

  desktop_unlock (&self->desktop);
  load (self);
  assert_count (self, 1);
  assert_secret (self, "node-a", CANARY);
  assert_state (self, "open");
}

static void
test_locked_empty (Fixture      *self,
                   gconstpointer data)
{
  desktop_lock (&self->desktop);

  load (self);
  assert_count (self, 0);
  assert_state (self, "locked");
  store (self, "node-a", CANARY);
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
  store (self, "node-a", NULL);
  assert_failed (self, G_IO_ERROR_NOT_FOUND);
  assert_state (self, "locked");
  assert_no_secret_in_file (self);
}

/* The first login after a start of the computer, without a password. */
static void
test_locked_from_the_start (Fixture      *self,
                            gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_stop_daemon (&self->desktop);
  desktop_start_daemon (&self->desktop, FALSE);

  load (self);
  assert_secret (self, "node-a", NULL);
  assert_state (self, "locked");
  store (self, "node-b", CANARY "-b");
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
  store (self, "node-a", NULL);
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
  assert_no_secret_in_file (self);

  desktop_unlock (&self->desktop);
  load (self);
  assert_secret (self, "node-a", CANARY);
  assert_state (self, "open");
}

/* The same without the notes of what is in it: whose tokens those are cannot be told, that there are some can. */
static void
test_locked_without_notes (Fixture      *self,
                           gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_stop_daemon (&self->desktop);
  desktop_start_daemon (&self->desktop, FALSE);
  g_assert_cmpint (unlink (self->file), ==, 0);

  load (self);
  assert_count (self, 0);
  assert_state (self, "locked");
  store (self, "node-a", NULL);
  assert_failed (self, G_IO_ERROR_PERMISSION_DENIED);
}

static void
test_unlock (Fixture      *self,
             gconstpointer data)
{
  unlock (self);
  assert_stored (self);
  assert_state (self, "open");

  /* Nothing on this desktop can ask for a password. */
  desktop_lock (&self->desktop);
  unlock (self);
  g_assert_nonnull (self->error);
  assert_sentence (self->error->message);
  load (self);
  assert_state (self, "locked");
}

/* -- Away ---------------------------------------------------------------------------------- */

static void
test_daemon_gone (Fixture      *self,
                  gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_stop_daemon (&self->desktop);

  load (self);
  assert_count (self, 1);
  assert_secret (self, "node-a", NULL);
  assert_state (self, "unavailable");
  assert_sentence (vmp_keyring_get_trouble (self->keyring));
  store (self, "node-b", CANARY "-b");
  assert_failed (self, G_IO_ERROR_NOT_SUPPORTED);
  assert_no_secret_in_file (self);

  desktop_start_daemon (&self->desktop, TRUE);
  load (self);
  assert_count (self, 1);
  assert_secret (self, "node-a", CANARY);
  assert_state (self, "open");
}

static gboolean
tick_cb (gpointer user_data)
{
  guint *ticks = user_data;

  return --*ticks > 0;
}

/* The loop goes on turning while the keyring does not answer, and what was asked for is answered when it does. */
static void
test_daemon_hangs (Fixture      *self,
                   gconstpointer data)
{
  guint ticks = 50;

  store (self, "node-a", CANARY);
  desktop_freeze_daemon (&self->desktop, TRUE);
  forget_outcome (self);
  vmp_keyring_load_async (self->keyring, KIND, NULL, loaded_cb, self);
  g_timeout_add (1, tick_cb, &ticks);
  while (ticks > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (self->done);

  desktop_freeze_daemon (&self->desktop, FALSE);
  wait_for (&self->done);
  assert_secret (self, "node-a", CANARY);
}

static void
test_cancelled (Fixture      *self,
                gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  store (self, "node-a", CANARY);
  desktop_freeze_daemon (&self->desktop, TRUE);
  forget_outcome (self);
  vmp_keyring_load_async (self->keyring, KIND, cancellable, loaded_cb, self);
  g_cancellable_cancel (cancellable);
  wait_for (&self->done);
  g_assert_error (self->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_state (self, "open");
  desktop_freeze_daemon (&self->desktop, FALSE);
}

/* Logging out. GLib ends a process whose shared connection to a bus breaks; a gateway goes on. */
static void
test_bus_dies (Fixture      *self,
               gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_stop_bus (&self->desktop);

  load (self);
  assert_secret (self, "node-a", NULL);
  assert_state (self, "unavailable");
  assert_sentence (vmp_keyring_get_trouble (self->keyring));
  store (self, "node-b", CANARY "-b");
  g_assert_nonnull (self->error);
  assert_no_secret_in_file (self);

  desktop_stop_daemon (&self->desktop);
  desktop_start_bus (&self->desktop, NULL);
  desktop_start_daemon (&self->desktop, TRUE);
  load (self);
  assert_secret (self, "node-a", CANARY);
  assert_state (self, "open");
}

static void
test_bus_dies_meanwhile (Fixture      *self,
                         gconstpointer data)
{
  store (self, "node-a", CANARY);
  desktop_freeze_daemon (&self->desktop, TRUE);
  forget_outcome (self);
  vmp_keyring_load_async (self->keyring, KIND, NULL, loaded_cb, self);
  desktop_stop_bus (&self->desktop);
  wait_for (&self->done);
  assert_secret (self, "node-a", NULL);
  assert_state (self, "unavailable");
  assert_sentence (vmp_keyring_get_trouble (self->keyring));
}

/* -- None ---------------------------------------------------------------------------------- */

static void
assert_file_is_used (Fixture *self)
{
  struct stat status;

  load (self);
  assert_count (self, 0);
  assert_state (self, "file");
  assert_no_secret_in_file (self);

  store (self, "node-a", CANARY);
  assert_stored (self);
  assert_state (self, "file");
  g_assert_true (file_has (self, CANARY));
  g_assert_cmpint (stat (self->file, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);

  load (self);
  assert_count (self, 1);
  assert_secret (self, "node-a", CANARY);
  unlock (self);
  assert_stored (self);
  store (self, "node-a", NULL);
  assert_stored (self);
  store (self, "node-a", NULL);
  assert_failed (self, G_IO_ERROR_NOT_FOUND);
  assert_state (self, "file");
  g_assert_cmpuint (times_said (self->file), ==, 1);
}

static void
test_no_bus (Fixture      *self,
             gconstpointer data)
{
  assert_file_is_used (self);
}

/* What a bus that ended has left behind. */
static void
test_stale_bus (Fixture      *self,
                gconstpointer data)
{
  desktop_start_bus (&self->desktop, NULL);
  desktop_stop_bus (&self->desktop);
  assert_file_is_used (self);
}

/* Only the well-known place of the bus says where it is, as in a service of the user's. */
static void
test_no_variable (Fixture      *self,
                  gconstpointer data)
{
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  load (self);
  assert_count (self, 0);
  assert_state (self, "file");
  desktop_start_bus (&self->desktop, NULL);
  desktop_start_daemon (&self->desktop, TRUE);
  store (self, "node-a", CANARY);
  assert_stored (self);
  load (self);
  assert_secret (self, "node-a", CANARY);
  assert_state (self, "open");
}

static void
test_no_provider (Fixture      *self,
                  gconstpointer data)
{
  desktop_start_bus (&self->desktop, NULL);
  assert_file_is_used (self);
}

/* There is a program for it, which does not start: it may know tokens, so no file takes its place. */
static void
test_provider_fails (Fixture      *self,
                     gconstpointer data)
{
  desktop_start_bus (&self->desktop, "/bin/false");
  load (self);
  assert_failed (self, G_IO_ERROR_FAILED);
  assert_state (self, "unavailable");
  g_assert_cmpstr (vmp_keyring_get_trouble (self->keyring), ==, self->error->message);
  store (self, "node-a", CANARY);
  assert_failed (self, G_IO_ERROR_FAILED);
  assert_no_secret_in_file (self);
}

static void
test_appears_later (Fixture      *self,
                    gconstpointer data)
{
  store (self, "old", CANARY "-old");
  store (self, "both", CANARY "-file");
  store (self, "gone", CANARY "-gone");
  assert_state (self, "file");

  desktop_start_bus (&self->desktop, NULL);
  desktop_start_daemon (&self->desktop, TRUE);
  load (self);
  assert_count (self, 3);
  assert_secret (self, "old", CANARY "-old");
  assert_state (self, "open");
  g_assert_cmpuint (times_said ("There is a keyring now"), ==, 1);

  store (self, "new", CANARY "-new");
  assert_stored (self);
  g_assert_false (file_has (self, CANARY "-new"));
  store (self, "both", CANARY "-keyring");
  assert_stored (self);
  g_assert_false (file_has (self, CANARY "-file"));
  store (self, "gone", NULL);
  assert_stored (self);
  g_assert_false (file_has (self, "gone"));

  load (self);
  assert_count (self, 3);
  assert_secret (self, "both", CANARY "-keyring");
  g_assert_cmpuint (times_said ("There is a keyring now"), ==, 1);

  /* A keyring that fails does not take the others along. */
  desktop_stop_daemon (&self->desktop);
  load (self);
  assert_count (self, 3);
  assert_secret (self, "old", CANARY "-old");
  assert_secret (self, "new", NULL);
  assert_state (self, "unavailable");
}

static void
test_keyring_wins (Fixture      *self,
                   gconstpointer data)
{
  g_autoptr (VmpKeyring) file_only = vmp_keyring_new (self->file, VMP_SECRETS_FILE);

  store (self, "node-a", CANARY "-keyring");
  forget_outcome (self);
  vmp_keyring_store_async (file_only, KIND, "node-a", "Vampire: a test", CANARY "-file", NULL, stored_cb, self);
  wait_for (&self->done);
  assert_stored (self);
  load (self);
  assert_count (self, 1);
  assert_secret (self, "node-a", CANARY "-keyring");
  desktop_lock (&self->desktop);
  load (self);
  assert_secret (self, "node-a", NULL);
}

static void
test_only_keyring (Fixture      *self,
                   gconstpointer data)
{
  vmp_keyring_unref (self->keyring);
  self->keyring = vmp_keyring_new (self->file, VMP_SECRETS_KEYRING);
  load (self);
  assert_failed (self, G_IO_ERROR_NOT_SUPPORTED);
  assert_state (self, "unavailable");
  store (self, "node-a", CANARY);
  g_assert_nonnull (self->error);
  assert_no_secret_in_file (self);
}

static void
test_only_file (Fixture      *self,
                gconstpointer data)
{
  vmp_keyring_unref (self->keyring);
  self->keyring = vmp_keyring_new (self->file, VMP_SECRETS_FILE);
  store (self, "node-a", CANARY);
  assert_stored (self);
  assert_state (self, "file");
  g_assert_true (file_has (self, CANARY));
  vmp_keyring_unref (self->keyring);
  self->keyring = vmp_keyring_new (self->file, VMP_SECRETS_KEYRING);
  load (self);
  assert_count (self, 0);
}

/* A desktop with the program but without a keyring so far, and nothing to ask its owner for a password with. */
static void
test_no_keyring_yet (Fixture      *self,
                     gconstpointer data)
{
  desktop_start_bus (&self->desktop, NULL);
  desktop_start_daemon (&self->desktop, FALSE);
  load (self);
  assert_count (self, 0);
  store (self, "node-a", CANARY);
  g_assert_nonnull (self->error);
  assert_sentence (self->error->message);
  assert_no_secret_in_file (self);
}

/* -- The vault ----------------------------------------------------------------------------- */

typedef struct {
  GString *told; /* "node=token " or "node=locked ", "node=none " */
  gboolean done;
  char *error;
} Owner;

static void
told_cb (gpointer    user_data,
         const char *node_id,
         const char *token,
         gboolean    locked)
{
  Owner *owner = user_data;

  g_string_append_printf (owner->told, "%s=%s ", node_id, locked ? "locked" : token != NULL ? token : "none");
}

static void
kept_cb (gpointer      user_data,
         const GError *error)
{
  Owner *owner = user_data;

  g_free (owner->error);
  owner->error = error != NULL ? g_strdup (error->message) : NULL;
  owner->done = TRUE;
}

static void
set_token (VmpTokenVault *vault,
           Owner         *owner,
           const char    *node_id,
           const char    *token)
{
  owner->done = FALSE;
  vmp_token_vault_set (vault, node_id, "Vampire: a test", token, kept_cb, owner);
  wait_for (&owner->done);
}

/* A removal of what is not there ends when all before it has. */
static void
load_vault (VmpTokenVault *vault,
            Owner         *owner)
{
  vmp_token_vault_load (vault);
  set_token (vault, owner, "nobody", NULL);
}

static void
assert_told (Owner      *owner,
             const char *told)
{
  g_assert_cmpstr (owner->told->str, ==, told);
  g_string_truncate (owner->told, 0);
}

static void
test_vault_locked (Fixture      *self,
                   gconstpointer data)
{
  Owner owner = { g_string_new (NULL) };
  VmpTokenVault *vault;

  store (self, "node-a", CANARY "-a");
  desktop_lock (&self->desktop);
  vault = vmp_token_vault_new (self->desktop.home, VMP_SECRETS_AUTO, told_cb, &owner);

  load_vault (vault, &owner);
  assert_told (&owner, "node-a=locked ");
  g_assert_cmpint (vmp_token_vault_get_state (vault), ==, VMP_KEYRING_LOCKED);

  /* It rules, though it cannot be kept. */
  set_token (vault, &owner, "node-b", CANARY "-b");
  assert_told (&owner, "node-b=" CANARY "-b ");
  assert_sentence (owner.error);

  desktop_unlock (&self->desktop);
  load_vault (vault, &owner);
  assert_told (&owner, "node-a=" CANARY "-a ");

  /* What is known stays so while it is locked again, or away. */
  desktop_lock (&self->desktop);
  load_vault (vault, &owner);
  assert_told (&owner, "");
  desktop_stop_daemon (&self->desktop);
  load_vault (vault, &owner);
  assert_told (&owner, "");
  g_assert_nonnull (vmp_token_vault_get_trouble (vault));

  /* The keyring's own program took it out. */
  desktop_start_daemon (&self->desktop, TRUE);
  store (self, "node-a", NULL);
  assert_stored (self);
  load_vault (vault, &owner);
  assert_told (&owner, "node-a=none ");

  vmp_token_vault_free (vault);
  g_string_free (owner.told, TRUE);
  g_free (owner.error);
}

/* What the owner has removed stays so, though the locked keyring still has it. */
static void
test_vault_removed_while_locked (Fixture      *self,
                                 gconstpointer data)
{
  Owner owner = { g_string_new (NULL) };
  VmpTokenVault *vault = vmp_token_vault_new (self->desktop.home, VMP_SECRETS_AUTO, told_cb, &owner);

  set_token (vault, &owner, "node-a", CANARY "-a");
  g_assert_null (owner.error);
  desktop_lock (&self->desktop);
  set_token (vault, &owner, "node-a", NULL);
  assert_sentence (owner.error);
  assert_told (&owner, "node-a=" CANARY "-a node-a=none ");
  desktop_unlock (&self->desktop);
  load_vault (vault, &owner);
  assert_told (&owner, "");

  vmp_token_vault_free (vault);
  g_string_free (owner.told, TRUE);
  g_free (owner.error);
}

/* A locked keyring that shows nothing at all: what is known of it stays. */
static void
test_vault_nothing_to_see (Fixture      *self,
                           gconstpointer data)
{
  g_autofree char *file = g_build_filename (self->desktop.home, "tokens.json", NULL);
  Owner owner = { g_string_new (NULL) };
  VmpTokenVault *vault = vmp_token_vault_new (self->desktop.home, VMP_SECRETS_AUTO, told_cb, &owner);

  set_token (vault, &owner, "node-a", CANARY "-a");
  assert_told (&owner, "node-a=" CANARY "-a ");
  desktop_stop_daemon (&self->desktop);
  desktop_start_daemon (&self->desktop, FALSE);
  g_assert_cmpint (unlink (file), ==, 0);
  load_vault (vault, &owner);
  assert_told (&owner, "");
  g_assert_cmpint (vmp_token_vault_get_state (vault), ==, VMP_KEYRING_LOCKED);

  vmp_token_vault_free (vault);
  g_string_free (owner.told, TRUE);
  g_free (owner.error);
}

int
main (int    argc,
      char **argv)
{
  static const struct {
    const char *path;
    gboolean open; /* begins with an open keyring */
    void (*test) (Fixture *, gconstpointer);
  } tests[] = {
    { "/keyring/open/round-trip", TRUE, test_round_trip },
    { "/keyring/open/kinds-apart", TRUE, test_kinds },
    { "/keyring/open/in-order", TRUE, test_order },
    { "/keyring/open/lasts", TRUE, test_lasts },
    { "/keyring/locked/with-a-token", TRUE, test_locked_with_token },
    { "/keyring/locked/empty", TRUE, test_locked_empty },
    { "/keyring/locked/from-the-start", TRUE, test_locked_from_the_start },
    { "/keyring/locked/without-notes", TRUE, test_locked_without_notes },
    { "/keyring/locked/unlock", TRUE, test_unlock },
    { "/keyring/away/daemon", TRUE, test_daemon_gone },
    { "/keyring/away/daemon-hangs", TRUE, test_daemon_hangs },
    { "/keyring/away/cancelled", TRUE, test_cancelled },
    { "/keyring/away/bus", TRUE, test_bus_dies },
    { "/keyring/away/bus-meanwhile", TRUE, test_bus_dies_meanwhile },
    { "/keyring/none/no-bus", FALSE, test_no_bus },
    { "/keyring/none/stale-bus", FALSE, test_stale_bus },
    { "/keyring/none/no-variable", FALSE, test_no_variable },
    { "/keyring/none/no-provider", FALSE, test_no_provider },
    { "/keyring/none/provider-fails", FALSE, test_provider_fails },
    { "/keyring/none/no-keyring-yet", FALSE, test_no_keyring_yet },
    { "/keyring/none/appears-later", FALSE, test_appears_later },
    { "/keyring/both/keyring-wins", TRUE, test_keyring_wins },
    { "/keyring/only/keyring", FALSE, test_only_keyring },
    { "/keyring/only/file", TRUE, test_only_file },
    { "/keyring/vault/locked", TRUE, test_vault_locked },
    { "/keyring/vault/removed-while-locked", TRUE, test_vault_removed_while_locked },
    { "/keyring/vault/nothing-to-see", TRUE, test_vault_nothing_to_see },
  };
  int failed;
  guint i;

  log_text = g_string_new (NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_init (&argc, &argv, NULL);
  desktop_prepare (!g_test_subprocess ());

  for (i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, tests[i].open ? set_up_open : set_up, tests[i].test, tear_down);

  failed = g_test_run ();
  desktop_finish ();
  g_string_free (log_text, TRUE);

  return failed;
}

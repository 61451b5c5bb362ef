/* SPDX-License-Identifier: MIT
 *
 * Tokens kept in a file: what lasts, in which order, and what happens to a file that is damaged, open to others, or out
 * of reach. (With the desktop's keyring: tests/keyring.)
 */

#include "policy/vmp-token-vault.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vmp-limits.h"

#define CANARY "canary-81ce"

typedef struct {
  char *folder;
  char *file;
  VmpTokenVault *vault;
  GString *told;   /* "node=token " of each call; "none", "locked" */
  guint done;      /* calls of it */
  char *error;     /* of the last one */
} Fixture;

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

static gboolean
log_says (const char *words)
{
  gboolean says;

  g_mutex_lock (&log_mutex);
  says = strstr (log_text->str, words) != NULL;
  g_mutex_unlock (&log_mutex);

  return says;
}

/* -- The fixture --------------------------------------------------------------------------- */

static void
told_cb (gpointer    user_data,
         const char *node_id,
         const char *token,
         gboolean    locked)
{
  Fixture *self = user_data;

  g_string_append_printf (self->told, "%s=%s ", node_id, locked ? "locked" : token != NULL ? token : "none");
}

static void
done_cb (gpointer      user_data,
         const GError *error)
{
  Fixture *self = user_data;

  self->done++;
  g_free (self->error);
  self->error = error != NULL ? g_strdup (error->message) : NULL;
}

static void
open_vault (Fixture *self)
{
  self->vault = vmp_token_vault_new (self->folder, VMP_SECRETS_FILE, told_cb, self);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_string_truncate (log_text, 0);
  self->folder = g_dir_make_tmp ("vampire-vault-XXXXXX", NULL);
  self->file = g_build_filename (self->folder, "tokens.json", NULL);
  self->told = g_string_new (NULL);
  open_vault (self);
}

static void
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *entry = g_build_filename (path, name, NULL);

      g_assert_cmpint (g_remove (entry), ==, 0);
    }
  g_assert_cmpint (g_rmdir (path), ==, 0);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  vmp_token_vault_free (self->vault);
  remove_folder (self->folder);
  g_assert_false (log_says (CANARY));
  g_free (self->folder);
  g_free (self->file);
  g_free (self->error);
  g_string_free (self->told, TRUE);
}

/* Until so many calls of done_cb() have come. */
static void
wait_done (Fixture *self,
           guint    count)
{
  while (self->done < count)
    g_main_context_iteration (NULL, TRUE);
}

static void
set_token (Fixture    *self,
           const char *node_id,
           const char *token)
{
  guint count = self->done + 1;

  vmp_token_vault_set (self->vault, node_id, "Vampire: a test", token, done_cb, self);
  wait_done (self, count);
}

/* All that was asked for before has happened when this has. */
static void
load (Fixture *self)
{
  vmp_token_vault_load (self->vault);
  set_token (self, "nobody", NULL);
}

static void
start_again (Fixture *self)
{
  vmp_token_vault_free (self->vault);
  g_string_truncate (self->told, 0);
  open_vault (self);
  load (self);
}

static void
assert_told (Fixture    *self,
             const char *told)
{
  g_assert_cmpstr (self->told->str, ==, told);
  g_string_truncate (self->told, 0);
}

static void
write_file (Fixture    *self,
            const char *content)
{
  g_assert_true (g_file_set_contents_full (self->file, content, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
}

static guint
file_mode (Fixture *self)
{
  struct stat status;

  g_assert_cmpint (stat (self->file, &status), ==, 0);

  return status.st_mode & 07777;
}

/* -- Keeping ------------------------------------------------------------------------------- */

static void
test_lasts (Fixture      *self,
            gconstpointer data)
{
  set_token (self, "node-a", CANARY "-a");
  g_assert_null (self->error);
  set_token (self, "node-b", CANARY "-b");
  set_token (self, "node-b", NULL);
  set_token (self, "node-c", CANARY "-c\"\\");
  g_assert_null (self->error);
  assert_told (self, "node-a=" CANARY "-a node-b=" CANARY "-b node-b=none node-c=" CANARY "-c\"\\ ");
  g_assert_cmpuint (file_mode (self), ==, 0600);
  g_assert_cmpint (vmp_token_vault_get_state (self->vault), ==, VMP_KEYRING_FILE);

  g_assert_false (vmp_token_vault_is_loaded (self->vault));
  start_again (self);
  g_assert_true (vmp_token_vault_is_loaded (self->vault));
  g_assert_nonnull (strstr (self->told->str, "node-a=" CANARY "-a "));
  g_assert_nonnull (strstr (self->told->str, "node-c=" CANARY "-c\"\\ "));
  g_assert_null (strstr (self->told->str, "node-b"));

  /* Nothing is news the second time. */
  g_string_truncate (self->told, 0);
  load (self);
  assert_told (self, "");
}

static void
note_loaded (gpointer user_data)
{
  g_string_append (((Fixture *) user_data)->told, "loaded ");
}

/* Told once, and when all tokens are known; also of a load that fails. */
static void
test_tells_when_loaded (Fixture      *self,
                        gconstpointer data)
{
  set_token (self, "node-a", CANARY);
  vmp_token_vault_free (self->vault);
  g_string_truncate (self->told, 0);
  open_vault (self);
  vmp_token_vault_when_loaded (self->vault, note_loaded, self);
  assert_told (self, "");
  vmp_token_vault_load (self->vault);
  assert_told (self, "");
  while (!vmp_token_vault_is_loaded (self->vault))
    g_main_context_iteration (NULL, TRUE);
  assert_told (self, "node-a=" CANARY " loaded ");
  load (self);
  vmp_token_vault_when_loaded (self->vault, note_loaded, self);
  load (self);
  assert_told (self, "");

  vmp_token_vault_free (self->vault);
  write_file (self, "none of ours");
  open_vault (self);
  vmp_token_vault_when_loaded (self->vault, note_loaded, self);
  vmp_token_vault_load (self->vault);
  while (!vmp_token_vault_is_loaded (self->vault))
    g_main_context_iteration (NULL, TRUE);
  assert_told (self, "loaded ");
}

/* More than an object of somebody else's document may have. */
static void
test_many (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GString) text = g_string_new ("{\"node-token\":{");
  guint i;

  for (i = 0; i < 1000; i++)
    g_string_append_printf (text, "\"node-%u\":\"" CANARY "-%u\",", i, i);
  g_string_append (text, "\"last\":null}}");
  write_file (self, text->str);
  load (self);
  g_assert_nonnull (strstr (self->told->str, "node-0=" CANARY "-0 "));
  g_assert_nonnull (strstr (self->told->str, "node-999=" CANARY "-999 "));

  set_token (self, "node-1000", CANARY);
  g_assert_null (self->error);
  start_again (self);
  g_assert_nonnull (strstr (self->told->str, "node-500=" CANARY "-500 "));
  g_assert_nonnull (strstr (self->told->str, "node-1000=" CANARY " "));
}

static void
test_rules_at_once (Fixture      *self,
                    gconstpointer data)
{
  vmp_token_vault_set (self->vault, "node-a", "Vampire: a test", CANARY, done_cb, self);
  g_assert_cmpuint (self->done, ==, 0);
  assert_told (self, "node-a=" CANARY " ");
  wait_done (self, 1);
}

static void
test_order (Fixture      *self,
            gconstpointer data)
{
  guint i;

  for (i = 0; i < 20; i++)
    {
      g_autofree char *token = g_strdup_printf (CANARY "-%u", i);

      vmp_token_vault_set (self->vault, "node-a", "Vampire: a test", i % 5 == 4 ? NULL : token, done_cb, self);
      vmp_token_vault_set (self->vault, "node-b", "Vampire: a test", token, done_cb, self);
    }
  wait_done (self, 40);
  g_assert_null (self->error);
  start_again (self);
  assert_told (self, "node-b=" CANARY "-19 ");
}

/* A load that was asked for before must not bring back what was there then. */
static void
test_set_while_loading (Fixture      *self,
                        gconstpointer data)
{
  set_token (self, "node-a", CANARY "-old");
  set_token (self, "node-b", CANARY "-old");
  g_string_truncate (self->told, 0);

  vmp_token_vault_load (self->vault);
  vmp_token_vault_set (self->vault, "node-a", "Vampire: a test", CANARY "-new", done_cb, self);
  vmp_token_vault_set (self->vault, "node-b", "Vampire: a test", NULL, done_cb, self);
  vmp_token_vault_load (self->vault);
  wait_done (self, 4);
  load (self);
  assert_told (self, "node-a=" CANARY "-new node-b=none ");
}

static void
test_taken_out_by_hand (Fixture      *self,
                        gconstpointer data)
{
  set_token (self, "node-a", CANARY "-a");
  set_token (self, "node-b", CANARY "-b");
  g_string_truncate (self->told, 0);
  write_file (self, "{\"node-token\":{\"node-b\":\"" CANARY "-b2\"},\"later\":{\"x\":\"y\"}}");
  load (self);
  assert_told (self, "node-b=" CANARY "-b2 node-a=none ");
}

/* What a later version of Vampire may keep there stays. */
static void
test_other_kinds_stay (Fixture      *self,
                       gconstpointer data)
{
  g_autofree char *content = NULL;

  write_file (self, "{\"later\":{\"x\":\"y\"},\"number\":1}");
  set_token (self, "node-a", CANARY);
  g_assert_true (g_file_get_contents (self->file, &content, NULL, NULL));
  g_assert_nonnull (strstr (content, "\"later\":{\"x\":\"y\"}"));
  g_assert_nonnull (strstr (content, "\"number\":1"));
}

static void
test_forget_caller (Fixture      *self,
                    gconstpointer data)
{
  Fixture other = { NULL };

  vmp_token_vault_set (self->vault, "node-a", "Vampire: a test", CANARY "-a", done_cb, &other);
  vmp_token_vault_set (self->vault, "node-b", "Vampire: a test", CANARY "-b", done_cb, self);
  vmp_token_vault_forget_caller (self->vault, &other);
  wait_done (self, 1);
  g_assert_cmpuint (other.done, ==, 0);
  start_again (self);
  g_assert_nonnull (strstr (self->told->str, "node-a=" CANARY "-a "));
}

/* Nobody is called any more. */
static void
test_free_meanwhile (Fixture      *self,
                     gconstpointer data)
{
  vmp_token_vault_load (self->vault);
  vmp_token_vault_set (self->vault, "node-a", "Vampire: a test", CANARY, done_cb, self);
  vmp_token_vault_free (self->vault);
  open_vault (self);
  g_string_truncate (self->told, 0);
  set_token (self, "node-b", CANARY "-b");
  g_assert_cmpuint (self->done, ==, 1);
  assert_told (self, "node-b=" CANARY "-b ");
}

/* -- Trouble ------------------------------------------------------------------------------- */

static void
test_damaged (Fixture      *self,
              gconstpointer data)
{
  static const char * const contents[] = {
    "", "{\"node-token\":{\"node-a\":\"" CANARY, "[1]", "{\"node-token\":\xff}", "\"" CANARY "\""
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autoptr (GDir) dir = NULL;
      const char *name;
      guint aside = 0;

      write_file (self, contents[i]);
      start_again (self);
      assert_told (self, "");
      g_assert_cmpint (vmp_token_vault_get_state (self->vault), ==, VMP_KEYRING_FILE);
      g_assert_true (log_says ("set the nodes' tokens again"));
      g_assert_false (g_file_test (self->file, G_FILE_TEST_EXISTS));

      set_token (self, "node-a", CANARY "-a");
      g_assert_null (self->error);
      start_again (self);
      assert_told (self, "node-a=" CANARY "-a ");

      dir = g_dir_open (self->folder, 0, NULL);
      while ((name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *path = g_build_filename (self->folder, name, NULL);

          if (g_str_has_prefix (name, "tokens.json.damaged-"))
            {
              aside++;
              g_assert_cmpint (g_unlink (path), ==, 0);
            }
        }
      g_assert_cmpuint (aside, ==, 1);
      g_assert_cmpint (g_unlink (self->file), ==, 0);
    }
}

/* What is no token, or of another type, is left out; the others work. */
static void
test_odd_entries (Fixture      *self,
                  gconstpointer data)
{
  write_file (self, "{\"node-token\":{\"a\":1,\"b\":null,\"c\":[\"x\"],\"d\":\"with space\",\"e\":\"\","
              "\"f\":\"line\\nline\",\"node-a\":\"" CANARY "\"}}");
  load (self);
  assert_told (self, "node-a=" CANARY " ");
  write_file (self, "{\"node-token\":\"text\"}");
  load (self);
  assert_told (self, "node-a=none ");
}

static void
test_open_to_others (Fixture      *self,
                     gconstpointer data)
{
  set_token (self, "node-a", CANARY);
  g_assert_cmpint (chmod (self->file, 0644), ==, 0);
  start_again (self);
  assert_told (self, "node-a=" CANARY " ");
  g_assert_cmpuint (file_mode (self), ==, 0600);
  g_assert_true (log_says ("Other users of this computer could read"));
}

/* A folder stands in its place: what is known stays, and what is set rules, but its owner is told. */
static void
test_out_of_reach (Fixture      *self,
                   gconstpointer data)
{
  set_token (self, "node-a", CANARY "-a");
  g_string_truncate (self->told, 0);
  g_assert_cmpint (g_unlink (self->file), ==, 0);
  g_assert_cmpint (g_mkdir (self->file, 0700), ==, 0);

  load (self);
  assert_told (self, "");
  g_assert_cmpint (vmp_token_vault_get_state (self->vault), ==, VMP_KEYRING_UNAVAILABLE);
  g_assert_true (g_str_has_suffix (vmp_token_vault_get_trouble (self->vault), "no regular file."));

  set_token (self, "node-b", CANARY "-b");
  g_assert_true (g_str_has_suffix (self->error, "no regular file."));
  set_token (self, "node-a", NULL);
  g_assert_nonnull (self->error);
  assert_told (self, "node-b=" CANARY "-b node-a=none ");

  /* Readable again, without it: what the owner said still rules. */
  g_assert_cmpint (g_rmdir (self->file), ==, 0);
  write_file (self, "{\"node-token\":{\"node-a\":\"" CANARY "-a\"}}");
  load (self);
  assert_told (self, "");
  g_assert_null (vmp_token_vault_get_trouble (self->vault));

  /* And once it could be kept, the file does. */
  set_token (self, "node-b", CANARY "-b");
  set_token (self, "node-a", NULL);
  g_assert_null (self->error);
  write_file (self, "{}");
  load (self);
  assert_told (self, "node-b=none ");
}

static void
test_pipe (Fixture      *self,
           gconstpointer data)
{
  g_assert_cmpint (mkfifo (self->file, 0600), ==, 0);
  load (self);
  g_assert_cmpint (vmp_token_vault_get_state (self->vault), ==, VMP_KEYRING_UNAVAILABLE);
}

static void
test_too_large (Fixture      *self,
                gconstpointer data)
{
  write_file (self, "{}");
  g_assert_cmpint (truncate (self->file, VMP_LIMIT_SECRETS_FILE_BYTES + 1), ==, 0);
  load (self);
  g_assert_cmpint (vmp_token_vault_get_state (self->vault), ==, VMP_KEYRING_UNAVAILABLE);
  set_token (self, "node-a", CANARY);
  g_assert_nonnull (self->error);
}

/* -- What is a token ----------------------------------------------------------------------- */

static void
test_check (void)
{
  g_autofree char *longest = g_strnfill (VMP_LIMIT_TOKEN_BYTES, '~');
  g_autofree char *longer = g_strnfill (VMP_LIMIT_TOKEN_BYTES + 1, '~');
  static const char * const bad[] = {
    "", " ", "a b", "a\n", "a\r\nX-Evil: 1", "\x7f", "t\xc3\xb6ken", "\xff", "tab\t", "\x1b[31m"
  };
  guint i;

  g_assert_null (vmp_token_vault_check ("!"));
  g_assert_null (vmp_token_vault_check ("sk-lm-abc123:ABC=/+~"));
  g_assert_null (vmp_token_vault_check (longest));
  g_assert_true (g_str_has_prefix (vmp_token_vault_check (longer), "must be at most "));
  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_true (g_str_has_prefix (vmp_token_vault_check (bad[i]), "must be one line "));
}

int
main (int    argc,
      char **argv)
{
  static const struct {
    const char *path;
    void (*test) (Fixture *, gconstpointer);
  } tests[] = {
    { "/token-vault/lasts", test_lasts },
    { "/token-vault/tells-when-loaded", test_tells_when_loaded },
    { "/token-vault/many", test_many },
    { "/token-vault/rules-at-once", test_rules_at_once },
    { "/token-vault/in-order", test_order },
    { "/token-vault/set-while-loading", test_set_while_loading },
    { "/token-vault/taken-out-by-hand", test_taken_out_by_hand },
    { "/token-vault/other-kinds-stay", test_other_kinds_stay },
    { "/token-vault/forget-caller", test_forget_caller },
    { "/token-vault/free-meanwhile", test_free_meanwhile },
    { "/token-vault/file/damaged", test_damaged },
    { "/token-vault/file/odd-entries", test_odd_entries },
    { "/token-vault/file/open-to-others", test_open_to_others },
    { "/token-vault/file/out-of-reach", test_out_of_reach },
    { "/token-vault/file/pipe", test_pipe },
    { "/token-vault/file/too-large", test_too_large },
  };
  int failed;
  guint i;

  log_text = g_string_new (NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_init (&argc, &argv, NULL);

  for (i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
  g_test_add_func ("/token-vault/check", test_check);

  failed = g_test_run ();
  g_string_free (log_text, TRUE);

  return failed;
}

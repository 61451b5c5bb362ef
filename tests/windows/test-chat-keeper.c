/* SPDX-License-Identifier: MIT
 *
 * Tests of kept conversations: that nothing is written without the owner's word, who can read what is, and that what is
 * deleted is gone.
 */

#include "app/windows/vmp-chat-keeper.h"
#include "core/vmp-json.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *folder;
  char *conversations;
  VmpChatKeeper *keeper;
  GAsyncResult *result;
  guint failures;
} Fixture;

static void
failed_cb (Fixture *self)
{
  self->failures++;
}

static void
begin (Fixture *self)
{
  self->keeper = vmp_chat_keeper_new (self->folder, self->folder);
  g_signal_connect_swapped (self->keeper, "failed", G_CALLBACK (failed_cb), self);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->folder = g_dir_make_tmp ("vampire-chat-XXXXXX", NULL);
  g_assert_nonnull (self->folder);
  self->conversations = g_build_filename (self->folder, "conversations", NULL);
  begin (self);
}

static void
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_remove (child) < 0)
        remove_folder (child);
    }
  g_rmdir (path);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_clear_object (&self->result);
  g_clear_object (&self->keeper);
  remove_folder (self->folder);
  g_free (self->conversations);
  g_free (self->folder);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Fixture *self = user_data;

  g_set_object (&self->result, result);
}

/* Reading comes after all that was asked for before it. */
static JsonNode *
read_document (Fixture    *self,
               const char *id)
{
  g_autoptr (GError) error = NULL;
  JsonNode *document;

  vmp_chat_keeper_read_async (self->keeper, id, NULL, read_cb, self);
  while (self->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  document = vmp_chat_keeper_read_finish (self->keeper, self->result, &error);
  g_clear_object (&self->result);
  g_assert_true ((document == NULL) == (error != NULL));

  return document;
}

static void
settle (Fixture *self)
{
  g_autoptr (JsonNode) none = read_document (self, "nothing");

  g_assert_null (none);
}

static void
keep (Fixture    *self,
      const char *id,
      const char *title)
{
  g_autofree char *text = g_strdup_printf ("{\"format\":1,\"title\":\"%s\",\"messages\":[]}", title);

  vmp_chat_keeper_keep (self->keeper, id, vmp_json_parse (text, strlen (text), NULL));
}

static const char *
get_title (Fixture *self,
           guint    i)
{
  g_autoptr (VmpChatKept) kept = g_list_model_get_item (vmp_chat_keeper_get_list (self->keeper), i);

  return kept != NULL ? vmp_chat_kept_get_title (kept) : NULL;
}

static guint
list (Fixture *self)
{
  vmp_chat_keeper_list (self->keeper);
  settle (self);

  return g_list_model_get_n_items (vmp_chat_keeper_get_list (self->keeper));
}

static void
test_off (Fixture      *self,
          gconstpointer data)
{
  g_assert_false (vmp_chat_keeper_get_keeps (self->keeper));
  keep (self, "one", "secret");
  settle (self);
  g_assert_false (g_file_test (self->conversations, G_FILE_TEST_EXISTS));

  vmp_chat_keeper_set_last_target (self->keeper, "some/model");
  g_assert_false (g_file_test (self->conversations, G_FILE_TEST_EXISTS));
}

static void
test_keep (Fixture      *self,
           gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->conversations, "one.json", NULL);
  g_autoptr (JsonNode) document = NULL;
  struct stat status;

  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  keep (self, "one", "a");
  keep (self, "one", "b");
  document = read_document (self, "one");
  g_assert_cmpstr (vmp_json_get_string (json_node_get_object (document), "title"), ==, "b");

  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0777, ==, 0600);
  g_assert_cmpint (stat (self->conversations, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0777, ==, 0700);
}

static void
test_off_again (Fixture      *self,
                gconstpointer data)
{
  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  keep (self, "one", "a");
  vmp_chat_keeper_set_keeps (self->keeper, FALSE);
  keep (self, "two", "b");
  g_assert_cmpuint (list (self), ==, 1);
  g_assert_cmpstr (get_title (self, 0), ==, "a");
}

static void
test_remembered (Fixture      *self,
                 gconstpointer data)
{
  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  vmp_chat_keeper_set_last_target (self->keeper, "a \"b\"=c");
  g_clear_object (&self->keeper);
  begin (self);
  g_assert_true (vmp_chat_keeper_get_keeps (self->keeper));
  g_assert_cmpstr (vmp_chat_keeper_get_last_target (self->keeper), ==, "a \"b\"=c");
}

static void
test_delete (Fixture      *self,
             gconstpointer data)
{
  g_autofree char *other = NULL;

  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  keep (self, "one", "a");
  keep (self, "two", "b");
  keep (self, "three", "c");
  g_assert_cmpuint (list (self), ==, 3);
  vmp_chat_keeper_delete (self->keeper, "two");
  g_assert_cmpuint (list (self), ==, 2);

  /* What is not ours stays. */
  other = g_build_filename (self->conversations, "notes.txt", NULL);
  g_assert_true (g_file_set_contents (other, "x", 1, NULL));
  keep (self, "four", "d");
  vmp_chat_keeper_delete_all (self->keeper);
  g_assert_cmpuint (list (self), ==, 0);
  g_assert_true (g_file_test (other, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (self->failures, ==, 0);
}

static void
test_damaged (Fixture      *self,
              gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->conversations, "one.json", NULL);
  g_autofree char *odd = g_build_filename (self->conversations, "not an id.json", NULL);
  g_autofree char *link = g_build_filename (self->conversations, "link.json", NULL);
  g_autoptr (JsonNode) document = NULL;

  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  keep (self, "one", "a\\u202eb");
  g_assert_cmpuint (list (self), ==, 1);
  g_assert_cmpstr (get_title (self, 0), ==, "a\357\277\275b");

  g_assert_true (g_file_set_contents (path, "{", 1, NULL));
  g_assert_true (g_file_set_contents (odd, "{}", 2, NULL));
  g_assert_cmpint (symlink ("/etc/hostname", link), ==, 0);
  document = read_document (self, "one");
  g_assert_null (document);
  g_assert_cmpuint (list (self), ==, 1);
}

static void
test_failed (Fixture      *self,
             gconstpointer data)
{
  g_assert_true (g_file_set_contents (self->conversations, "in the way", -1, NULL));
  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  keep (self, "one", "a");
  settle (self);
  g_assert_cmpuint (self->failures, ==, 1);
}

static void
test_ids (Fixture      *self,
          gconstpointer data)
{
  g_autofree char *one = vmp_chat_keeper_make_id (self->keeper);
  g_autofree char *other = vmp_chat_keeper_make_id (self->keeper);

  g_assert_cmpstr (one, !=, other);
  vmp_chat_keeper_set_keeps (self->keeper, TRUE);
  keep (self, one, "a");
  g_assert_cmpuint (list (self), ==, 1);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/chat-keeper/off", test_off);
  ADD ("/chat-keeper/keep", test_keep);
  ADD ("/chat-keeper/off-again", test_off_again);
  ADD ("/chat-keeper/remembered", test_remembered);
  ADD ("/chat-keeper/delete", test_delete);
  ADD ("/chat-keeper/damaged", test_damaged);
  ADD ("/chat-keeper/failed", test_failed);
  ADD ("/chat-keeper/ids", test_ids);

  return g_test_run ();
}

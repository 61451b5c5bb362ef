/* SPDX-License-Identifier: MIT
 *
 * The file by which the owner's programs find the gateway: what is in it, who can read it, and whose it is.
 */

#include "gateway/vmp-owner-file.h"

#include "core/vmp-json.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *data_dir;
  char *path;
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->data_dir = g_dir_make_tmp ("vampire-owner-XXXXXX", NULL);
  g_assert_nonnull (self->data_dir);
  self->path = g_build_filename (self->data_dir, VMP_OWNER_FILE, NULL);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_unlink (self->path);
  g_assert_cmpint (g_rmdir (self->data_dir), ==, 0); /* and so nothing else was left there */
  g_free (self->data_dir);
  g_free (self->path);
}

static void
write_file (Fixture    *self,
            const char *instance)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmp_owner_file_write (self->data_dir, "http://127.0.0.1:7777", instance, "the-token", &error));
  g_assert_no_error (error);
}

static void
assert_mode (Fixture *self)
{
  struct stat status;

  g_assert_cmpint (lstat (self->path, &status), ==, 0);
  g_assert_true (S_ISREG (status.st_mode));
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
}

static void
test_token (void)
{
  g_autofree char *one = vmp_owner_file_make_token ();
  g_autofree char *other = vmp_owner_file_make_token ();

  g_assert_cmpuint (strlen (one), ==, 64);
  g_assert_cmpuint (strspn (one, "0123456789abcdef"), ==, 64);
  g_assert_cmpstr (one, !=, other);
}

static void
test_content (Fixture      *self,
              gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autofree char *beginning = g_strdup_printf ("{\"instance\":\"me\",\"pid\":%d,\"token\":\"the-token\","
                                                "\"url\":\"http://127.0.0.1:7777\",\"version\":\"", (int) getpid ());

  write_file (self, "me");
  g_assert_true (g_file_get_contents (self->path, &text, NULL, NULL));
  g_assert_true (g_str_has_prefix (text, beginning));
  g_assert_true (g_str_has_suffix (text, "\"}"));
  assert_mode (self);
}

/* Whatever mode the file had, whatever the umask is, and wherever a link in its place leads. */
static void
test_mode (Fixture      *self,
           gconstpointer data)
{
  g_autofree char *elsewhere = g_build_filename (self->data_dir, "elsewhere", NULL);
  g_autofree char *text = NULL;
  mode_t umask_before = umask (0);

  g_assert_true (g_file_set_contents (self->path, "old", -1, NULL));
  g_assert_cmpint (g_chmod (self->path, 0666), ==, 0);
  write_file (self, "me");
  assert_mode (self);

  g_assert_true (g_file_set_contents (elsewhere, "untouched", -1, NULL));
  g_assert_cmpint (g_unlink (self->path), ==, 0);
  g_assert_cmpint (symlink (elsewhere, self->path), ==, 0);
  write_file (self, "me");
  umask (umask_before);
  assert_mode (self);
  g_assert_true (g_file_get_contents (elsewhere, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "untouched");
  g_assert_cmpint (g_unlink (elsewhere), ==, 0);
}

static void
test_directory_is_made (Fixture      *self,
                        gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *deeper = g_build_filename (self->data_dir, "deeper", NULL);
  g_autofree char *path = g_build_filename (deeper, VMP_OWNER_FILE, NULL);
  struct stat status;

  g_assert_true (vmp_owner_file_write (deeper, "http://[::1]:7777", "me", "t", &error));
  g_assert_cmpint (stat (deeper, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0700);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (deeper), ==, 0);
}

static void
test_cannot_write (Fixture      *self,
                   gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *in_a_file = g_build_filename (self->path, "deeper", NULL);

  g_assert_true (g_file_set_contents (self->path, "a file", -1, NULL));
  g_assert_false (vmp_owner_file_write (in_a_file, "http://127.0.0.1:7777", "me", "the-token", &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, in_a_file));
  g_assert_null (strstr (error->message, "the-token"));
  g_assert_true (g_str_has_suffix (error->message, "."));
}

static void
test_remove (Fixture      *self,
             gconstpointer data)
{
  static const char * const others[] = { "", "nonsense", "[]", "{}", "{\"instance\":3}", "{\"instance\":\"other\"}" };
  guint i;

  vmp_owner_file_remove (self->data_dir, "me");

  write_file (self, "other");
  vmp_owner_file_remove (self->data_dir, "me");
  g_assert_true (g_file_test (self->path, G_FILE_TEST_EXISTS));
  write_file (self, "me");
  vmp_owner_file_remove (self->data_dir, "me");
  g_assert_false (g_file_test (self->path, G_FILE_TEST_EXISTS));

  for (i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_assert_true (g_file_set_contents (self->path, others[i], -1, NULL));
      vmp_owner_file_remove (self->data_dir, "me");
      g_assert_true (g_file_test (self->path, G_FILE_TEST_EXISTS));
    }
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gateway/owner-file/token", test_token);
  ADD ("/gateway/owner-file/content", test_content);
  ADD ("/gateway/owner-file/mode", test_mode);
  ADD ("/gateway/owner-file/directory-is-made", test_directory_is_made);
  ADD ("/gateway/owner-file/cannot-write", test_cannot_write);
  ADD ("/gateway/owner-file/remove", test_remove);

  return g_test_run ();
}

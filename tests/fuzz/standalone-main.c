/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over files without libFuzzer: each file named, and each file of each folder named, is a test
 * case. So every compiler's build sees the corpora, and a finding can be replayed in a debugger.
 */

#include "fuzz.h"

#include <stdlib.h>

static void
run_file (gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *contents = NULL;
  g_autofree guint8 *input = NULL;
  gsize len;

  g_file_get_contents (user_data, &contents, &len, &error);
  g_assert_no_error (error);

  /* Without the NUL that GLib adds, so that a read past the end is one. */
  input = g_memdup2 (contents, len);
  g_assert_cmpint (LLVMFuzzerTestOneInput (input, len), ==, 0);
}

static void
add_file (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *test_path = g_strconcat ("/corpus/", name, NULL);

  g_test_add_data_func_full (test_path, g_strdup (path), run_file, g_free);
}

static int
compare_paths (gconstpointer a,
               gconstpointer b)
{
  return g_strcmp0 (*(const char * const *) a, *(const char * const *) b);
}

/* Adds the files of a folder, in the order of their names. */
static gboolean
add_folder (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  const char *name;

  if (dir == NULL)
    {
      g_printerr ("%s\n", error->message);
      return FALSE;
    }

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      if (name[0] != '.')
        g_ptr_array_add (files, g_build_filename (path, name, NULL));
    }

  g_ptr_array_sort (files, compare_paths);
  for (guint i = 0; i < files->len; i++)
    add_file (files->pdata[i]);

  return TRUE;
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  if (argc < 2)
    {
      g_printerr ("Usage: %s FILE-OR-FOLDER...\n", argv[0]);
      return 2;
    }

  for (int i = 1; i < argc; i++)
    {
      if (!g_file_test (argv[i], G_FILE_TEST_IS_DIR))
        add_file (argv[i]);
      else if (!add_folder (argv[i]))
        return EXIT_FAILURE;
    }

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the owner's file.
 */

#include "gateway/vmp-owner-file.h"

#include "core/vmp-json.h"
#include "vmp-config.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

#define TOKEN_BYTES 32

char *
vmp_owner_file_make_token (void)
{
  guint8 bytes[TOKEN_BYTES];
  GString *text = g_string_sized_new (2 * TOKEN_BYTES + 1);
  guint i;

  /* A token that can be guessed is worse than no gateway. */
  if (RAND_bytes (bytes, sizeof bytes) != 1)
    abort ();

  for (i = 0; i < sizeof bytes; i++)
    g_string_append_printf (text, "%02x", bytes[i]);

  return g_string_free (text, FALSE);
}

gboolean
vmp_owner_file_write (const char *data_dir,
                      const char *url,
                      const char *instance,
                      const char *token,
                      GError    **error)
{
  g_autofree char *path = g_build_filename (data_dir, VMP_OWNER_FILE, NULL);
  g_autofree char *json = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GError) cause = NULL;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "instance", instance);
  vmp_json_add_int (builder, "pid", getpid ());
  vmp_json_add_string (builder, "token", token);
  vmp_json_add_string (builder, "url", url);
  vmp_json_add_string (builder, "version", VMP_VERSION);
  json_builder_end_object (builder);
  json = vmp_json_builder_print (builder);

  /* A new file, made with that mode, then moved into the place of an old one. */
  if (g_mkdir_with_parents (data_dir, 0700) == 0 &&
      g_file_set_contents_full (path, json, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &cause))
    return TRUE;

  g_set_error (error, G_IO_ERROR, cause != NULL ? G_IO_ERROR_FAILED : (int) g_io_error_from_errno (errno),
               "The file %s cannot be written (%s), so the command line will not find this gateway; check the "
               "directory's permissions and the disk's free space.", path,
               cause != NULL ? cause->message : g_strerror (errno));
  return FALSE;
}

void
vmp_owner_file_remove (const char *data_dir,
                       const char *instance)
{
  g_autofree char *path = g_build_filename (data_dir, VMP_OWNER_FILE, NULL);
  g_autofree char *json = NULL;
  g_autoptr (JsonNode) root = NULL;
  gsize len;

  if (!g_file_get_contents (path, &json, &len, NULL))
    return;

  root = vmp_json_parse (json, len, NULL);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root) &&
      g_strcmp0 (vmp_json_get_string (json_node_get_object (root), "instance"), instance) == 0)
    g_unlink (path);
}

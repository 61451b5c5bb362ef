/* SPDX-License-Identifier: MIT
 *
 * Secrets in a file, for where there is no keyring, and notes of those that are in one. Whoever can read the file has
 * its secrets: it is for its owner alone, and replaced as a whole, so that a power cut leaves the old or the new one.
 * Called by vmp-keyring.c, on its thread.
 */

#include "platform/vmp-keyring-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"

static void
fail (GError    **error,
      int         errsv,
      const char *path,
      const char *what)
{
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errsv),
               "The file %s, which keeps tokens, cannot be %s: %s.", path, what, g_strerror (errsv));
}

static void
free_text (char *text,
           gsize len)
{
  explicit_bzero (text, len);
  g_free (text);
}

static gboolean
make_private (int         fd,
              const char *path,
              GError    **error)
{
  struct stat status;

  if (fstat (fd, &status) != 0)
    {
      fail (error, errno, path, "read");
      return FALSE;
    }

  if (!S_ISREG (status.st_mode))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                   "The file %s, which keeps tokens, is no regular file.", path);
      return FALSE;
    }

  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return TRUE;

  if (fchmod (fd, S_IRUSR | S_IWUSR) != 0)
    {
      fail (error, errno, path, "made private");
      return FALSE;
    }
  g_warning ("Other users of this computer could read %s, which keeps tokens; now only its owner can. "
             "If others use this computer, give the nodes new tokens.", path);

  return TRUE;
}

/* @text: (out): NULL when there is no file */
static gboolean
read_file (const char *path,
           char      **text,
           gsize      *len,
           GError    **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  g_autofree char *bytes = NULL;
  gsize room = 4096;
  gsize used = 0;
  gssize n;

  *text = NULL;
  *len = 0;
  if (fd < 0)
    {
      if (errno == ENOENT)
        return TRUE;
      fail (error, errno, path, "read");
      return FALSE;
    }

  if (!make_private (fd, path, error))
    {
      close (fd);
      return FALSE;
    }

  bytes = g_malloc (room);
  while ((n = read (fd, bytes + used, room - used)) != 0)
    {
      char *more;

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 || used + n > VMP_LIMIT_SECRETS_FILE_BYTES)
        {
          fail (error, n < 0 ? errno : EFBIG, path, "read");
          free_text (g_steal_pointer (&bytes), used);
          close (fd);
          return FALSE;
        }

      used += n;
      if (used < room)
        continue;
      more = g_malloc (2 * room); /* not g_realloc(), which leaves a copy behind */
      memcpy (more, bytes, used);
      free_text (bytes, used);
      bytes = more;
      room *= 2;
    }
  close (fd);

  *text = g_steal_pointer (&bytes);
  *len = used;

  return TRUE;
}

static gboolean
set_aside (const char *path,
           const char *why,
           GError    **error)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *stamp = g_date_time_format (now, "%Y%m%dT%H%M%SZ");
  g_autofree char *aside = g_strdup_printf ("%s.damaged-%s", path, stamp);

  if (rename (path, aside) != 0)
    {
      fail (error, errno, path, "set aside");
      return FALSE;
    }
  g_warning ("The file %s, which keeps tokens, %s. It is now %s, and a new one is begun: set the nodes' tokens again.",
             path, why, aside);

  return TRUE;
}

/* (transfer full): the file's object; an empty one when there is no file */
static JsonObject *
read_object (const char *path,
             GError    **error)
{
  g_autoptr (GError) damage = NULL;
  g_autoptr (JsonNode) node = NULL;
  char *text;
  gsize len;

  if (!read_file (path, &text, &len, error))
    return NULL;
  if (text == NULL)
    return json_object_new ();

  node = vmp_json_parse_up_to (text, len, VMP_LIMIT_SECRETS_FILE_VALUES, &damage);
  free_text (text, len);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    return json_node_dup_object (node);

  /* The parser's own words could hold a piece of a token. */
  if (!set_aside (path, node == NULL ? "is damaged" : "holds something else", error))
    return NULL;

  return json_object_new ();
}

GHashTable *
vmp_keyring_file_load (const char *path,
                       const char *kind,
                       GError    **error)
{
  g_autoptr (JsonObject) object = read_object (path, error);
  JsonObject *secrets;
  GHashTable *result;
  JsonObjectIter iter;
  const char *id;
  JsonNode *value;

  if (object == NULL)
    return NULL;

  result = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, vmp_secret_free);
  secrets = vmp_json_get_object (object, kind);
  if (secrets == NULL)
    return result;

  json_object_iter_init (&iter, secrets);
  while (json_object_iter_next (&iter, &id, &value))
    {
      const char *secret = vmp_json_get_string (secrets, id);

      if (secret != NULL || JSON_NODE_HOLDS_NULL (value))
        g_hash_table_insert (result, g_strdup (id), g_strdup (secret));
    }

  return result;
}

static gboolean
write_object (const char *path,
              JsonObject *object,
              GError    **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (GError) cause = NULL;
  gboolean written;
  char *text;
  gsize len;

  json_node_set_object (node, object);
  text = vmp_json_print (node);
  len = strlen (text);

  if (len > VMP_LIMIT_SECRETS_FILE_BYTES)
    {
      fail (error, EFBIG, path, "written");
      free_text (text, len);
      return FALSE;
    }

  g_mkdir_with_parents (folder, 0700); /* what is wrong with it, writing tells */
  written = g_file_set_contents_full (path, text, len, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                      S_IRUSR | S_IWUSR, &cause);
  free_text (text, len);
  if (!written)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The file %s, which keeps tokens, cannot be written: %s.",
                 path, cause->message);

  return written;
}

/* The member of that name, made when it is not there. */
static JsonObject *
get_secrets (JsonObject *object,
             const char *kind)
{
  JsonObject *secrets = vmp_json_get_object (object, kind);

  if (secrets == NULL)
    {
      secrets = json_object_new ();
      json_object_set_object_member (object, kind, secrets);
    }

  return secrets;
}

gboolean
vmp_keyring_file_store (const char *path,
                        const char *kind,
                        const char *id,
                        const char *secret,
                        GError    **error)
{
  g_autoptr (JsonObject) object = read_object (path, error);
  JsonObject *secrets;

  if (object == NULL)
    return FALSE;

  secrets = get_secrets (object, kind);
  if (secret == NULL && !json_object_has_member (secrets, id))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no such secret.");
      return FALSE;
    }

  if (secret != NULL)
    json_object_set_string_member (secrets, id, secret);
  else
    json_object_remove_member (secrets, id);

  return write_object (path, object, error);
}

gboolean
vmp_keyring_file_note (const char *path,
                       const char *kind,
                       const char *id,
                       GError    **error)
{
  g_autoptr (JsonObject) object = read_object (path, error);
  JsonObject *secrets;

  if (object == NULL)
    return FALSE;

  secrets = get_secrets (object, kind);
  if (json_object_has_member (secrets, id) && json_object_get_null_member (secrets, id))
    return TRUE;
  json_object_set_null_member (secrets, id);

  return write_object (path, object, error);
}

/* SPDX-License-Identifier: MIT
 *
 * Reads the settings file: that it can be read, is one, names only settings that there are, and does
 * not show its secrets to other users. Changes lines of it for `vampire config set` and the control API. Called by
 * vmp-settings.c, which judges the values. Never blocks on what is no file, and never repeats a line in a
 * message.
 */

#include "core/vmp-settings-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a settings file; a file past it is something else, named by mistake. */
#define FILE_MAX (1024 * 1024)

/* What to do about a file that is no settings file. */
#define WRITE_LINES "write lines \"key = value\" below [" VMP_SETTINGS_GROUP "]."

/* -- Reading ------------------------------------------------------------------------------- */

/* Reads up to FILE_MAX bytes. Returns 0, or an errno. */
static int
read_text (int      fd,
           GString *text)
{
  char chunk[4096];

  for (;;)
    {
      gssize n = read (fd, chunk, sizeof chunk);

      if (n == 0)
        return 0;
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return errno;
      if (text->len + n > FILE_MAX)
        return EFBIG;

      g_string_append_len (text, chunk, n);
    }
}

/* Returns 0, or an errno. */
static int
open_and_read (const char *path,
               GString    *text,
               mode_t     *mode)
{
  struct stat status;
  int fault;
  int fd;

  /* Not blocking: a FIFO named by mistake must not hold up the gateway when it reloads. */
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return errno;

  /* Of the open file, not of the path: the file whose mode is judged is the one that is read. */
  if (fstat (fd, &status) < 0)
    fault = errno;
  else
    fault = read_text (fd, text);
  close (fd);

  if (fault == 0)
    *mode = status.st_mode;

  return fault;
}

/* -- Judging ------------------------------------------------------------------------------- */

/* The number of the first line that GKeyFile cannot have understood; 0 when none stands out. GLib's own message
 * repeats the line, which may hold the token. */
static guint
find_bad_line (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  gboolean in_group = FALSE;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strstrip (lines[i]);

      if (*line == '\0' || *line == '#')
        continue;
      if (*line == '[' && g_str_has_suffix (line, "]"))
        in_group = TRUE;
      else if (*line == '=' || strchr (line, '=') == NULL || !in_group)
        return i + 1;
    }

  return 0;
}

static gboolean
check_groups (GKeyFile   *file,
              const char *shown_path,
              GError    **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

  for (gsize i = 0; groups[i] != NULL; i++)
    {
      if (!g_str_equal (groups[i], VMP_SETTINGS_GROUP))
        {
          g_autofree char *shown = vmp_settings_show (groups[i]);

          vmp_settings_set_invalid (error, "The group [%s] in %s is unknown; " WRITE_LINES, shown, shown_path);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
check_key (const char *key,
           const char *shown_path,
           GError    **error)
{
  const char *keys[VMP_N_SETTINGS + 1] = { NULL };
  g_autofree char *shown = NULL;
  g_autofree char *ending = NULL;
  gsize n_keys = 0;

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      const VmpSetting *setting = &vmp_settings_table[i];

      if (setting->in_file)
        keys[n_keys++] = setting->key;
      if (!g_str_equal (setting->key, key))
        continue;
      if (setting->in_file)
        return TRUE;

      vmp_settings_set_invalid (error, "The key %s cannot be set in %s; use --%s or %s instead.",
                                key, shown_path, setting->flag, setting->variable);
      return FALSE;
    }

  shown = vmp_settings_show (key);
  ending = vmp_settings_suggest (key, keys, "");
  vmp_settings_set_invalid (error, "The key %s in %s is unknown; %s", shown, shown_path, ending);

  return FALSE;
}

static gboolean
check_keys (GKeyFile   *file,
            const char *shown_path,
            GError    **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file, VMP_SETTINGS_GROUP, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      if (!check_key (keys[i], shown_path, error))
        return FALSE;
    }

  return TRUE;
}

/* The key of a secret that is in the file, or NULL. */
static const char *
find_secret (GKeyFile *file)
{
  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      const VmpSetting *setting = &vmp_settings_table[i];
      g_autofree char *value = NULL;

      if (setting->is_secret)
        value = g_key_file_get_value (file, VMP_SETTINGS_GROUP, setting->key, NULL);
      if (value != NULL && *value != '\0')
        return setting->key;
    }

  return NULL;
}

/* A file that other users can read, or write, holds no secret. */
static gboolean
check_privacy (GKeyFile   *file,
               mode_t      mode,
               const char *shown_path,
               GError    **error)
{
  const char *key = find_secret (file);

  if (key == NULL || (mode & (S_IRWXG | S_IRWXO)) == 0)
    return TRUE;

  vmp_settings_set_invalid (error, "The %s given by key %s in %s can be read by other users; run \"chmod 600 %s\".",
                            key, key, shown_path, shown_path);

  return FALSE;
}

/* Whether the text is a settings file, but for who can read it. */
static GKeyFile *
parse_text (const GString *text,
            const char    *shown_path,
            GError       **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (!g_utf8_validate (text->str, text->len, NULL))
    {
      vmp_settings_set_invalid (error, "The settings file %s is not UTF-8 text; " WRITE_LINES, shown_path);
      return NULL;
    }

  /* Names with a language in brackets are kept, to be refused like other unknown ones. */
  if (!g_key_file_load_from_data (file, text->str, text->len, G_KEY_FILE_KEEP_TRANSLATIONS, NULL))
    {
      guint line = find_bad_line (text->str);

      if (line != 0)
        vmp_settings_set_invalid (error, "Line %u of %s cannot be understood; " WRITE_LINES, line, shown_path);
      else
        vmp_settings_set_invalid (error, "The settings file %s cannot be understood; " WRITE_LINES, shown_path);
      return NULL;
    }

  if (!check_groups (file, shown_path, error) || !check_keys (file, shown_path, error))
    return NULL;

  return g_steal_pointer (&file);
}

GKeyFile *
vmp_settings_file_read (const char *path,
                        GError    **error)
{
  g_autoptr (GKeyFile) file = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *shown_path = vmp_settings_show (path);
  mode_t mode = 0;
  int fault = open_and_read (path, text, &mode);

  if (fault != 0)
    {
      g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (fault), g_strerror (fault));
      return NULL;
    }

  file = parse_text (text, shown_path, error);
  if (file == NULL || !check_privacy (file, mode, shown_path, error))
    return NULL;

  return g_steal_pointer (&file);
}

/* -- Changing ------------------------------------------------------------------------------ */

static gboolean
is_line_of (const char *line,
            const char *key)
{
  while (g_ascii_isspace (*line))
    line++;
  if (!g_str_has_prefix (line, key))
    return FALSE;

  line += strlen (key);
  while (*line == ' ' || *line == '\t')
    line++;

  return *line == '=';
}

/* Replaces the line of a key, or adds one at the end: there is only one group. */
static GString *
edit_text (const char *text,
           const char *key,
           const char *value)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_auto (GStrv) parts = g_strsplit (value != NULL ? value : "", "\\", -1);
  g_autofree char *escaped = g_strjoinv ("\\\\", parts);
  GString *edited = g_string_new (NULL);
  gboolean has_group = FALSE;

  for (gsize i = 0; lines[i] != NULL; i++)
    {
      if (is_line_of (lines[i], key))
        {
          if (value != NULL)
            g_string_append_printf (edited, "%s = %s\n", key, escaped);
          value = NULL;
        }
      else if (lines[i + 1] != NULL || *lines[i] != '\0')
        {
          has_group = has_group || lines[i][strspn (lines[i], " \t")] == '[';
          g_string_append_printf (edited, "%s\n", lines[i]);
        }
    }

  if (value != NULL)
    g_string_append_printf (edited, "%s%s = %s\n", has_group ? "" : "[" VMP_SETTINGS_GROUP "]\n", key, escaped);

  return edited;
}

GKeyFile *
vmp_settings_file_edit (const char *path,
                        GArray     *changes,
                        char      **text,
                        guint      *mode,
                        GError    **error)
{
  g_autoptr (GKeyFile) before = NULL;
  g_autoptr (GKeyFile) after = NULL;
  g_autoptr (GString) old_text = g_string_new (NULL);
  g_autoptr (GString) new_text = NULL;
  g_autofree char *shown_path = vmp_settings_show (path);
  mode_t old_mode = S_IFREG | S_IRUSR | S_IWUSR;
  int fault = open_and_read (path, old_text, &old_mode);

  if (fault != 0 && fault != ENOENT)
    {
      g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (fault), g_strerror (fault));
      return NULL;
    }

  before = parse_text (old_text, shown_path, error);
  if (before == NULL)
    return NULL;

  new_text = g_string_new (old_text->str);
  for (guint i = 0; i < changes->len; i++)
    {
      const VmpSettingChange *change = &g_array_index (changes, VmpSettingChange, i);
      g_autoptr (GString) text_before = g_steal_pointer (&new_text);

      new_text = edit_text (text_before->str, change->key, change->value);
    }
  after = parse_text (new_text, shown_path, error);
  if (after == NULL)
    return NULL;

  *mode = find_secret (after) != NULL ? S_IRUSR | S_IWUSR : old_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
  *text = g_string_free (g_steal_pointer (&new_text), FALSE);

  return g_steal_pointer (&after);
}

gboolean
vmp_settings_file_write (const char *path,
                         const char *text,
                         guint       mode,
                         GError    **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  char *behind = realpath (path, NULL);
  gboolean ok;

  if (behind == NULL && g_mkdir_with_parents (folder, S_IRWXU) < 0)
    {
      g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (errno), g_strerror (errno));
      return FALSE;
    }

  ok = g_file_set_contents_full (behind != NULL ? behind : path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, mode, error);
  free (behind);

  return ok;
}

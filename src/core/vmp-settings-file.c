/* SPDX-License-Identifier: MIT
 *
 * Reads the settings file: that it can be read, is one, names only settings that there are, and does
 * not show its secrets to other users. Called by vmp-settings.c, which judges the values. Never blocks
 * on what is no file, and never repeats a line in a message.
 */

#include "core/vmp-settings-private.h"

#include <errno.h>
#include <fcntl.h>
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

/* A file that other users can read, or write, holds no secret. */
static gboolean
check_privacy (GKeyFile   *file,
               mode_t      mode,
               const char *shown_path,
               GError    **error)
{
  if ((mode & (S_IRWXG | S_IRWXO)) == 0)
    return TRUE;

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      const VmpSetting *setting = &vmp_settings_table[i];
      g_autofree char *value = NULL;

      if (setting->is_secret)
        value = g_key_file_get_value (file, VMP_SETTINGS_GROUP, setting->key, NULL);
      if (value != NULL && *value != '\0')
        {
          vmp_settings_set_invalid (error,
                                    "The %s given by key %s in %s can be read by other users; run \"chmod 600 %s\".",
                                    setting->key, setting->key, shown_path, shown_path);
          return FALSE;
        }
    }

  return TRUE;
}

GKeyFile *
vmp_settings_file_read (const char *path,
                        GError    **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *shown_path = vmp_settings_show (path);
  mode_t mode = 0;
  int fault = open_and_read (path, text, &mode);

  if (fault != 0)
    {
      g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (fault), g_strerror (fault));
      return NULL;
    }

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

  if (!check_groups (file, shown_path, error) ||
      !check_keys (file, shown_path, error) ||
      !check_privacy (file, mode, shown_path, error))
    return NULL;

  return g_steal_pointer (&file);
}

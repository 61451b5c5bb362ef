/* SPDX-License-Identifier: MIT
 *
 * What is told of the settings: their values and where each came from, for the command line and the control API; what
 * differs between two sets; and the help. It reads the table and what vmp-settings.c has kept, and changes nothing.
 */

#include "core/vmp-settings-private.h"

#include <string.h>

#define HELP_COLUMNS 80
#define HELP_INDENT "      "

/* In place of a secret. */
#define SET "(set)"

static const char * const types[VMP_N_SETTING_TYPES] = {
  [VMP_SETTING_STRING] = "string",
  [VMP_SETTING_BOOLEAN] = "bool",
  [VMP_SETTING_INT] = "int",
  [VMP_SETTING_NUMBER] = "number",
  [VMP_SETTING_LIST] = "list",
  [VMP_SETTING_ENUM] = "enum",
};

const char *
vmp_setting_type_to_string (VmpSettingType type)
{
  g_return_val_if_fail (type < VMP_N_SETTING_TYPES, NULL);

  return types[type];
}

/* -- Keys ---------------------------------------------------------------------------------- */

const VmpSetting *
vmp_settings_find (const char *key)
{
  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      if (g_str_equal (vmp_settings_table[i].key, key))
        return &vmp_settings_table[i];
    }

  return NULL;
}

const char **
vmp_settings_list_keys (void)
{
  const char **keys = g_new0 (const char *, VMP_N_SETTINGS + 1);

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    keys[i] = vmp_settings_table[i].key;

  return keys;
}

gboolean
vmp_settings_is_secret (const char *key)
{
  const VmpSetting *setting = vmp_settings_find (key);

  return setting != NULL && setting->is_secret;
}

/* -- Values -------------------------------------------------------------------------------- */

static void
setting_value_free (gpointer data)
{
  VmpSettingValue *self = data;

  g_free (self->value);
  g_free (self->source);
  g_free (self);
}

GPtrArray *
vmp_settings_list_values (const VmpSettings *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (setting_value_free);

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      const VmpSetting *setting = &vmp_settings_table[i];
      const struct _VmpSettingOrigin *origin = &self->origins[i];
      VmpSettingValue *value = g_new0 (VmpSettingValue, 1);

      value->key = setting->key;
      value->value = g_strdup (origin->value != NULL && setting->is_secret ? SET : origin->value);
      value->source = g_strdup (origin->where);
      value->fallback = setting->fallback;
      value->type = setting->type;
      /* Which strategies there are is told by a table of their own. */
      value->words = i == VMP_SETTING_DEFAULT_STRATEGY ? vmp_strategy_names () : setting->words;
      value->needs_restart = setting->needs_restart;
      value->can_change = setting->in_file && origin->source <= VMP_SETTING_FROM_FILE;
      value->is_secret = setting->is_secret;
      value->about = setting->help;
      g_ptr_array_add (list, value);
    }

  return list;
}

const char *
vmp_setting_value_find_word (const VmpSettingValue *self,
                             const char            *text)
{
  g_autofree char *word = g_ascii_strdown (text, -1);
  VmpStrategy strategy;

  g_return_val_if_fail (self->words != NULL, NULL);

  g_strdelimit (word, "-", '_');
  for (gsize i = 0; self->words[i] != NULL; i++)
    {
      if (g_str_equal (self->words[i], word))
        return self->words[i];
    }

  if (self->words == vmp_strategy_names ())
    return vmp_strategy_from_string (word, &strategy) ? vmp_strategy_to_string (strategy) : NULL;

  return g_str_equal (word, "warn") ? "warning" : NULL;
}

/* -- Changes ------------------------------------------------------------------------------- */

void
vmp_setting_change_clear (VmpSettingChange *self)
{
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->value, g_free);
}

GArray *
vmp_setting_changes_new (void)
{
  GArray *changes = g_array_new (FALSE, FALSE, sizeof (VmpSettingChange));

  g_array_set_clear_func (changes, (GDestroyNotify) vmp_setting_change_clear);

  return changes;
}

void
vmp_setting_changes_add (GArray     *changes,
                         const char *key,
                         const char *value)
{
  const VmpSettingChange change = { g_strdup (key), g_strdup (value) };

  g_array_append_val (changes, change);
}

/* @only_restart: those alone that take effect at the next start */
static const char **
list_changes (const VmpSettings *before,
              const VmpSettings *after,
              gboolean           only_restart)
{
  const char **keys = g_new0 (const char *, VMP_N_SETTINGS + 1);
  gsize n_keys = 0;

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      if ((!only_restart || vmp_settings_table[i].needs_restart) &&
          g_strcmp0 (before->origins[i].value, after->origins[i].value) != 0)
        keys[n_keys++] = vmp_settings_table[i].key;
    }

  return keys;
}

const char **
vmp_settings_list_changes (const VmpSettings *before,
                           const VmpSettings *after)
{
  g_return_val_if_fail (before != NULL, NULL);
  g_return_val_if_fail (after != NULL, NULL);

  return list_changes (before, after, FALSE);
}

char *
vmp_settings_changes_needing_restart (const VmpSettings *before,
                                      const VmpSettings *after)
{
  g_autofree const char **keys = NULL;

  g_return_val_if_fail (before != NULL, NULL);
  g_return_val_if_fail (after != NULL, NULL);

  keys = list_changes (before, after, TRUE);

  return keys[0] != NULL ? g_strjoinv (", ", (char **) keys) : NULL;
}

/* -- Help ---------------------------------------------------------------------------------- */

/* Adds words as lines of HELP_COLUMNS, each after HELP_INDENT. */
static void
append_wrapped (GString    *help,
                const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gsize column = HELP_COLUMNS;

  for (gsize i = 0; words[i] != NULL; i++)
    {
      if (column + 1 + strlen (words[i]) > HELP_COLUMNS)
        {
          g_string_append (help, i == 0 ? HELP_INDENT : "\n" HELP_INDENT);
          column = strlen (HELP_INDENT);
        }
      else
        {
          g_string_append_c (help, ' ');
          column++;
        }
      g_string_append (help, words[i]);
      column += strlen (words[i]);
    }

  g_string_append_c (help, '\n');
}

char *
vmp_settings_help (void)
{
  GString *help = g_string_new (NULL);

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      const VmpSetting *setting = &vmp_settings_table[i];
      g_autoptr (GString) names = g_string_new ("Variable ");

      if (setting->flag == NULL)
        g_string_append_printf (help, "  %s\n", setting->variable);
      else if (setting->argument == NULL)
        g_string_append_printf (help, "  --%s\n", setting->flag);
      else
        g_string_append_printf (help, "  --%s=%s\n", setting->flag, setting->argument);

      g_string_append (names, setting->variable);
      if (setting->former_variable != NULL)
        g_string_append_printf (names, " (formerly %s)", setting->former_variable);
      if (setting->in_file)
        g_string_append_printf (names, ", key %s", setting->key);
      if (setting->fallback == NULL || *setting->fallback == '\0')
        g_string_append (names, ", none by default.");
      else
        g_string_append_printf (names, ", by default %s.", setting->fallback);

      append_wrapped (help, setting->help);
      append_wrapped (help, names->str);
    }

  return g_string_free (help, FALSE);
}

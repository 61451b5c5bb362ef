/* SPDX-License-Identifier: MIT
 *
 * The layers that give the settings their values: default, file, environment, flags. Called at start, at each reload
 * and when the file is to be changed. A value enters VmpSettings only through its entry's check in the table, and the
 * text of the token never enters a message.
 */

#include "core/vmp-settings-private.h"

#include <string.h>

#define VARIABLE_PREFIX "VAMPIRE_"

G_DEFINE_QUARK (vmp-settings-error-quark, vmp_settings_error)

/* One load under way. */
typedef struct {
  VmpSettings *settings;
  char **env;
  const char *flags[VMP_N_SETTINGS]; /* their values, inside argv; NULL where not given */
  VmpSettingSource sources[VMP_N_SETTINGS];    /* where the value in force came from */
  char *values[VMP_N_SETTINGS];      /* ... and the value; NULL: none */
  GKeyFile *file;                    /* NULL when there is none */
} Loader;

static void
loader_clear (Loader *self)
{
  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    g_free (self->values[i]);
  g_clear_pointer (&self->file, g_key_file_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Loader, loader_clear)

/* -- The set of values --------------------------------------------------------------------- */

static void
settings_clear (gpointer data)
{
  VmpSettings *self = data;

  g_free (self->host);
  g_free (self->default_base_url);
  g_free (self->auth_token);
  g_free (self->data_dir);
  g_free (self->config_file);
  g_strfreev (self->allowed_hosts);
  g_strfreev (self->cors_origins);
  g_strfreev (self->dns_sd_types);
  g_strfreev (self->share_addresses);
  for (gsize i = 0; self->origins != NULL && i < VMP_N_SETTINGS; i++)
    {
      g_free (self->origins[i].where);
      g_free (self->origins[i].value);
    }
  g_free (self->origins);
}

VmpSettings *
vmp_settings_ref (VmpSettings *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_atomic_rc_box_acquire (self);
}

void
vmp_settings_unref (VmpSettings *self)
{
  g_return_if_fail (self != NULL);

  g_atomic_rc_box_release_full (self, settings_clear);
}

/* -- Messages ------------------------------------------------------------------------------ */

/* The variable that gives a setting's value: the former one only where the new one is unset or empty. */
static const char *
find_variable (Loader           *self,
               const VmpSetting *setting,
               const char      **value)
{
  *value = g_environ_getenv (self->env, setting->variable);
  if ((*value != NULL && **value != '\0') || setting->former_variable == NULL)
    return setting->variable;

  *value = g_environ_getenv (self->env, setting->former_variable);

  return setting->former_variable;
}

/* Where a value was set, as it fits after "given by". (transfer full) */
static char *
describe_source (Loader           *self,
                 const VmpSetting *setting,
                 VmpSettingSource  source)
{
  g_autofree char *file = NULL;
  const char *value;

  switch (source)
    {
    case VMP_SETTING_FROM_FLAG:
      return g_strconcat ("--", setting->flag, NULL);

    case VMP_SETTING_FROM_VARIABLE:
      return g_strdup (find_variable (self, setting, &value));

    case VMP_SETTING_FROM_FILE:
      file = vmp_settings_show (self->settings->config_file);
      return g_strdup_printf ("key %s in %s", setting->key, file);

    case VMP_SETTING_FROM_DEFAULT:
    default:
      return g_strdup ("default");
    }
}

/* -- Flags --------------------------------------------------------------------------------- */

/* Says that there is no such flag: the nearest one, or how else it is set when it is a setting without a flag. */
static void
set_unknown_flag (GError    **error,
                  const char *name)
{
  const char *flags[VMP_N_SETTINGS + 1] = { NULL };
  g_autofree char *key = g_strdelimit (g_strdup (name), "-", '_');
  g_autofree char *shown = vmp_settings_show (name);
  g_autofree char *ending = NULL;
  gsize n_flags = 0;

  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      const VmpSetting *setting = &vmp_settings_table[i];

      if (setting->flag != NULL)
        {
          flags[n_flags++] = setting->flag;
        }
      else if (g_str_equal (key, setting->key))
        {
          vmp_settings_set_invalid (error, "There is no flag --%s, because other users can see flags; set %s instead.",
                                    shown, setting->variable);
          return;
        }
    }

  ending = vmp_settings_suggest (name, flags, "--");
  vmp_settings_set_invalid (error, "There is no flag --%s; %s", shown, ending);
}

/* Returns the index in the table, or -1. */
static gssize
find_flag (const char *name)
{
  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      if (g_strcmp0 (vmp_settings_table[i].flag, name) == 0)
        return i;
    }

  return -1;
}

static gboolean
read_flags (Loader             *self,
            const char * const *argv,
            GError            **error)
{
  while (*argv != NULL)
    {
      const char *arg = *argv++;
      const char *equals = strchr (arg, '=');
      const char *value = equals != NULL ? equals + 1 : NULL;
      g_autofree char *name = NULL;
      const VmpSetting *setting;
      gssize i;

      if (!g_str_has_prefix (arg, "--"))
        {
          g_autofree char *shown = vmp_settings_show (arg);

          vmp_settings_set_invalid (error, "\"%s\" is not a flag; see \"vampire help serve\".", shown);
          return FALSE;
        }

      name = equals != NULL ? g_strndup (arg + 2, equals - arg - 2) : g_strdup (arg + 2);
      i = find_flag (name);
      if (i < 0)
        {
          set_unknown_flag (error, name);
          return FALSE;
        }

      setting = &vmp_settings_table[i];
      if (value == NULL && setting->argument == NULL)
        value = "yes";
      else if (value == NULL && *argv != NULL && !g_str_has_prefix (*argv, "--"))
        value = *argv++;

      if (value == NULL || (*value == '\0' && setting->type != VMP_SETTING_LIST))
        {
          vmp_settings_set_invalid (error, "The flag --%s needs a value; write --%s=%s or leave it out.",
                                    name, name, setting->argument != NULL ? setting->argument : "yes");
          return FALSE;
        }

      self->flags[i] = value;
    }

  return TRUE;
}

/* -- The file ------------------------------------------------------------------------------ */

static gboolean
read_file (Loader  *self,
           GError **error)
{
  VmpSettingSource source = self->sources[VMP_SETTING_CONFIG];
  g_autoptr (GError) fault = NULL;
  g_autofree char *file = NULL;
  g_autofree char *origin = NULL;

  self->file = vmp_settings_file_read (self->settings->config_file, &fault);
  if (self->file != NULL)
    return TRUE;

  if (fault->domain == VMP_SETTINGS_ERROR)
    {
      g_propagate_error (error, g_steal_pointer (&fault));
      return FALSE;
    }

  if (source == VMP_SETTING_FROM_DEFAULT && (g_error_matches (fault, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
                                             g_error_matches (fault, G_FILE_ERROR, G_FILE_ERROR_NOTDIR)))
    return TRUE;

  file = vmp_settings_show (self->settings->config_file);
  origin = describe_source (self, &vmp_settings_table[VMP_SETTING_CONFIG], source);
  g_set_error (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_UNREADABLE,
               "The settings file %s (%s) cannot be read: %s; make it readable or name another with --config.",
               file, origin, fault->message);

  return FALSE;
}

/* -- Layers -------------------------------------------------------------------------------- */

/* A path made absolute. `~/` is the home, and in our defaults stand the XDG folders; a variable of theirs that
 * is not absolute counts as unset, as the Base Directory Specification says. */
static char *
resolve_path (Loader     *self,
              const char *path)
{
  static const struct {
    const char *word;
    const char *variable;
    const char *below_home;
  } folders[] = {
    { "~/", NULL, "" },
    { "$XDG_CONFIG_HOME/", "XDG_CONFIG_HOME", ".config" },
    { "$XDG_DATA_HOME/", "XDG_DATA_HOME", ".local/share" },
  };
  const char *home = g_environ_getenv (self->env, "HOME");

  if (home == NULL || !g_path_is_absolute (home))
    home = g_get_home_dir ();

  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      const char *folder = NULL;

      if (!g_str_has_prefix (path, folders[i].word))
        continue;

      path += strlen (folders[i].word);
      if (folders[i].variable != NULL)
        folder = g_environ_getenv (self->env, folders[i].variable);
      if (folder != NULL && g_path_is_absolute (folder))
        return g_build_filename (folder, path, NULL);

      return g_build_filename (home, folders[i].below_home, path, NULL);
    }

  return g_canonicalize_filename (path, NULL);
}

/* @value: (inout): a path is made absolute */
static char *
take (Loader           *self,
      const VmpSetting *setting,
      VmpSettingSource  source,
      char            **value)
{
  char *path;

  if (!setting->is_path)
    return setting->take (self->settings, *value);

  /* A relative path means something in the folder where the command was typed, and nothing in a file. */
  if (source == VMP_SETTING_FROM_FILE && !g_path_is_absolute (*value) && !g_str_has_prefix (*value, "~/"))
    return g_strdup ("must be an absolute path or begin with ~/");

  path = resolve_path (self, *value);
  g_free (*value);
  *value = path;

  return setting->take (self->settings, path);
}

/* Takes one value, or says what is wrong with it. An empty one counts as unset in the environment and the file. */
static gboolean
apply (Loader          *self,
       gsize            i,
       VmpSettingSource source,
       const char      *value,
       GError         **error)
{
  const VmpSetting *setting = &vmp_settings_table[i];
  g_autofree char *trimmed = g_strdup (value);
  g_autofree char *origin = NULL;
  g_autofree char *must = NULL;

  if (value == NULL)
    return TRUE;

  g_strstrip (trimmed);
  if (*trimmed == '\0' && (source == VMP_SETTING_FROM_FILE || source == VMP_SETTING_FROM_VARIABLE))
    return TRUE;

  must = take (self, setting, source, &trimmed);
  if (must == NULL)
    {
      self->sources[i] = source;
      g_free (self->values[i]);
      self->values[i] = g_steal_pointer (&trimmed);
      return TRUE;
    }

  /* What stands before an '@' or after a '?' may be a password. */
  origin = describe_source (self, setting, source);
  if (setting->is_secret || strpbrk (trimmed, "@?") != NULL)
    {
      vmp_settings_set_invalid (error, "The %s given by %s %s.", setting->key, origin, must);
    }
  else
    {
      g_autofree char *shown = vmp_settings_show (trimmed);

      vmp_settings_set_invalid (error, "The %s given by %s is \"%s\"; it %s.", setting->key, origin, shown, must);
    }

  return FALSE;
}

static gboolean
apply_file (Loader  *self,
            gsize    i,
            GError **error)
{
  const VmpSetting *setting = &vmp_settings_table[i];
  g_autoptr (GError) fault = NULL;
  g_autofree char *value = NULL;
  g_autofree char *origin = NULL;

  if (self->file == NULL || !setting->in_file)
    return TRUE;

  value = g_key_file_get_string (self->file, VMP_SETTINGS_GROUP, setting->key, &fault);
  if (!g_error_matches (fault, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE))
    return apply (self, i, VMP_SETTING_FROM_FILE, value, error);

  origin = describe_source (self, setting, VMP_SETTING_FROM_FILE);
  vmp_settings_set_invalid (error, "The %s given by %s has a backslash that means nothing; write \\\\ for a backslash.",
                            setting->key, origin);

  return FALSE;
}

static gboolean
apply_variable (Loader  *self,
                gsize    i,
                GError **error)
{
  const char *value;

  find_variable (self, &vmp_settings_table[i], &value);

  return apply (self, i, VMP_SETTING_FROM_VARIABLE, value, error);
}

static gboolean
apply_layers (Loader  *self,
              gsize    i,
              GError **error)
{
  return apply (self, i, VMP_SETTING_FROM_DEFAULT, vmp_settings_table[i].fallback, error) &&
         apply_file (self, i, error) &&
         apply_variable (self, i, error) &&
         apply (self, i, VMP_SETTING_FROM_FLAG, self->flags[i], error);
}

/* -- Consent ------------------------------------------------------------------------------- */

static gboolean
is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = NULL;

  if (g_str_equal (host, "localhost"))
    return TRUE;

  address = g_inet_address_new_from_string (host);

  return g_inet_address_get_is_loopback (address);
}

/* Whoever listens where other computers reach must ask for a token. */
static gboolean
check_consent (Loader  *self,
               GError **error)
{
  g_autofree char *origin = NULL;

  if (is_loopback (self->settings->host) || self->settings->auth_token != NULL)
    return TRUE;

  origin = describe_source (self, &vmp_settings_table[VMP_SETTING_HOST], self->sources[VMP_SETTING_HOST]);
  vmp_settings_set_invalid (error,
                            "The host given by %s is \"%s\", which other computers can reach; "
                            "set %s to a token that clients must send, or use 127.0.0.1.",
                            origin, self->settings->host, vmp_settings_table[VMP_SETTING_AUTH_TOKEN].variable);

  return FALSE;
}

gboolean
vmp_settings_check_reload (const VmpSettings *listening,
                           const VmpSettings *next,
                           GError           **error)
{
  g_return_val_if_fail (listening != NULL, FALSE);
  g_return_val_if_fail (next != NULL, FALSE);

  if (is_loopback (listening->host) || next->auth_token != NULL)
    return TRUE;

  vmp_settings_set_invalid (error,
                            "The auth_token cannot go away while Vampire listens on \"%s\", "
                            "which other computers can reach; keep it until Vampire is restarted on another host.",
                            listening->host);

  return FALSE;
}

/* -- Public -------------------------------------------------------------------------------- */

/* What comes before the file: it is these that say where it is. */
static gboolean
load_config_name (Loader             *self,
                  const char * const *argv,
                  GError            **error)
{
  static const char * const none[] = { NULL };

  return read_flags (self, argv != NULL ? argv : none, error) &&
         apply_layers (self, VMP_SETTING_CONFIG, error);
}

static gboolean
load_values (Loader  *self,
             GError **error)
{
  gboolean ok = TRUE;

  for (gsize i = VMP_SETTING_CONFIG + 1; ok && i < VMP_N_SETTINGS; i++)
    ok = apply_layers (self, i, error);

  return ok && check_consent (self, error);
}

/* Of a load that succeeded: what it found, for those who ask later. */
static void
keep_origins (Loader *self)
{
  self->settings->origins = g_new0 (struct _VmpSettingOrigin, VMP_N_SETTINGS);
  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      struct _VmpSettingOrigin *origin = &self->settings->origins[i];

      origin->source = self->sources[i];
      origin->where = describe_source (self, &vmp_settings_table[i], self->sources[i]);
      origin->value = g_steal_pointer (&self->values[i]);
    }
}

static char **
environment_or_none (const char * const *env)
{
  static const char * const none[] = { NULL };

  return (char **) (env != NULL ? env : none);
}

VmpSettings *
vmp_settings_load (const char * const *argv,
                   const char * const *env,
                   GError            **error)
{
  g_autoptr (VmpSettings) loaded = g_atomic_rc_box_new0 (VmpSettings);
  g_auto (Loader) loader = { .settings = loaded, .env = environment_or_none (env) };

  if (!load_config_name (&loader, argv, error) || !read_file (&loader, error) || !load_values (&loader, error))
    return NULL;
  keep_origins (&loader);

  return g_steal_pointer (&loaded);
}

/* Whether the file rules over what is to be changed, in a program that runs. The keys are known. */
static gboolean
check_overrides (Loader  *self,
                 GArray  *changes,
                 GError **error)
{
  for (guint i = 0; i < changes->len; i++)
    {
      const char *key = g_array_index (changes, VmpSettingChange, i).key;
      const VmpSetting *setting = vmp_settings_find (key);
      VmpSettingSource source = self->sources[setting - vmp_settings_table];
      g_autofree char *origin = NULL;

      if (source != VMP_SETTING_FROM_FLAG && source != VMP_SETTING_FROM_VARIABLE)
        continue;

      origin = describe_source (self, setting, source);
      g_set_error (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_OVERRIDDEN,
                   source == VMP_SETTING_FROM_FLAG
                     ? "The %s is given by the flag %s, which rules over the settings file; start Vampire without it "
                   "to change the setting here."
                     : "The %s is given by the variable %s, which rules over the settings file; start Vampire without "
                   "it to change the setting here.",
                   key, origin);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_changes (GArray  *changes,
               GError **error)
{
  for (guint i = 0; i < changes->len; i++)
    {
      const VmpSettingChange *change = &g_array_index (changes, VmpSettingChange, i);

      if (change->value != NULL && strpbrk (change->value, "\r\n") != NULL)
        {
          vmp_settings_set_invalid (error, "The %s must be one line.", change->key);
          return FALSE;
        }
    }

  return TRUE;
}

/* Whether the file as it would be gives settings that can rule. */
static gboolean
check_edited (Loader            *self,
              const VmpSettings *running,
              GArray            *changes,
              GError           **error)
{
  if (!load_values (self, error))
    return FALSE;

  return running == NULL ||
         (check_overrides (self, changes, error) && vmp_settings_check_reload (running, self->settings, error));
}

VmpSettings *
vmp_settings_edit (const char * const *argv,
                   const char * const *env,
                   const VmpSettings  *running,
                   GArray             *changes,
                   GError            **error)
{
  g_autoptr (VmpSettings) loaded = g_atomic_rc_box_new0 (VmpSettings);
  g_auto (Loader) loader = { .settings = loaded, .env = environment_or_none (env) };
  g_autoptr (GError) fault = NULL;
  g_autofree char *text = NULL;
  g_autofree char *shown = NULL;
  guint mode;

  g_return_val_if_fail (changes != NULL, NULL);

  if (!check_changes (changes, error) || !load_config_name (&loader, argv, error))
    return NULL;

  loader.file = vmp_settings_file_edit (loaded->config_file, changes, &text, &mode, &fault);
  if (loader.file != NULL && !check_edited (&loader, running, changes, error))
    return NULL;
  if (loader.file != NULL && vmp_settings_file_write (loaded->config_file, text, mode, &fault))
    {
      keep_origins (&loader);
      return g_steal_pointer (&loaded);
    }

  if (fault->domain == VMP_SETTINGS_ERROR)
    {
      g_propagate_error (error, g_steal_pointer (&fault));
      return NULL;
    }

  shown = vmp_settings_show (loaded->config_file);
  g_set_error (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_UNREADABLE, "The settings file %s cannot be changed: %s.",
               shown, fault->message);

  return NULL;
}

static gboolean
is_variable (const char *name)
{
  for (gsize i = 0; i < VMP_N_SETTINGS; i++)
    {
      if (g_str_equal (name, vmp_settings_table[i].variable) ||
          g_strcmp0 (name, vmp_settings_table[i].former_variable) == 0)
        return TRUE;
    }

  return FALSE;
}

char **
vmp_settings_unknown_variables (const char * const *env)
{
  GPtrArray *unknown = g_ptr_array_new ();

  for (gsize i = 0; env != NULL && env[i] != NULL; i++)
    {
      g_autofree char *name = g_strndup (env[i], strcspn (env[i], "="));

      if (g_str_has_prefix (name, VARIABLE_PREFIX) && !is_variable (name))
        g_ptr_array_add (unknown, g_steal_pointer (&name));
    }
  g_ptr_array_add (unknown, NULL);

  return (char **) g_ptr_array_free (unknown, FALSE);
}

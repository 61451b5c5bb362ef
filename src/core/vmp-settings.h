/* SPDX-License-Identifier: MIT
 *
 * The settings, and the one way to read them: built-in default, then the file, then the
 * environment, then flags. One table in vmp-settings.c holds each setting's key, variable, flag,
 * default, check and help; the help text, the man page's table and the README's come from it.
 */

#pragma once

#include <gio/gio.h>

#include "core/vmp-strategy.h"

G_BEGIN_DECLS

typedef enum {
  VMP_LOG_ERROR,
  VMP_LOG_WARNING,
  VMP_LOG_INFO,
  VMP_LOG_DEBUG
} VmpLogLevel;

typedef enum {
  VMP_LOG_FORMAT_TEXT,
  VMP_LOG_FORMAT_JSON
} VmpLogFormat;

/* Where nodes' tokens are kept. */
typedef enum {
  VMP_TOKEN_STORAGE_AUTO,    /* the desktop's keyring; a file only where there is none */
  VMP_TOKEN_STORAGE_KEYRING,
  VMP_TOKEN_STORAGE_FILE
} VmpTokenStorage;

/* How the desktop app looks. */
typedef enum {
  VMP_APPEARANCE_SYSTEM, /* as the desktop does */
  VMP_APPEARANCE_LIGHT,
  VMP_APPEARANCE_DARK
} VmpAppearance;

/* A set of values that have been checked. Immutable once made. */
typedef struct {
  char *host;               /* an IP literal or "localhost" */
  guint16 port;             /* 0: any free one */
  char *default_base_url;   /* normalised: scheme://host[:port][/prefix], no trailing slash */
  VmpLogLevel log_level;
  VmpLogFormat log_format;
  char *auth_token;         /* NULL when none is asked for */
  char *data_dir;           /* absolute */
  char *config_file;        /* absolute; whether it exists or not */
  char **allowed_hosts;     /* names besides loopback ones that Host may say; never NULL */
  char **cors_origins;      /* origins besides our own that browsers may call from, or "*"; never NULL */
  gint64 max_body_bytes;
  guint health_seconds;     /* between two looks at a node; 0: only when asked */
  char **dns_sd_types;      /* such as "_lmstudio._tcp"; never NULL */
  char **share_addresses;   /* IP literals to listen on while sharing; none: those of the private networks */
  gboolean allow_public_nodes;
  VmpTokenStorage token_storage;
  VmpStrategy default_strategy;  /* of plain requests and vampire:auto */
  guint affinity_busy_requests;  /* a node that knows a prompt is left when it has so many more requests ... */
  double affinity_busy_ratio;    /* ... and so many times those of the least busy one */
  gboolean strip_volatile_lines;
  gboolean continue_streams;
  guint queue_limit;             /* calls that may wait for one model; 0: none waits */
  guint queue_seconds;
  guint queue_patience_seconds;
  gboolean loading_comments;
  guint trace_limit;             /* ended requests that are kept in memory to be looked at */
  gboolean keep_in_tray;         /* of the desktop app, when its last window is closed */
  VmpAppearance appearance;
  gboolean demo;

  struct _VmpSettingOrigin *origins; /* what each was given as, and where: for vmp-settings*.c alone */
} VmpSettings;

/* What was wrong with a setting; its message is a whole sentence that names the setting, where it was set
 * and what to do. */
#define VMP_SETTINGS_ERROR (vmp_settings_error_quark ())
GQuark vmp_settings_error_quark (void);
typedef enum {
  VMP_SETTINGS_ERROR_INVALID,    /* bad input: exit status 2 */
  VMP_SETTINGS_ERROR_UNREADABLE, /* the config file cannot be read, or not be written: exit status 1 */
  VMP_SETTINGS_ERROR_OVERRIDDEN  /* a change of the file that would have no effect: a flag or a variable rules */
} VmpSettingsError;

/**
 * vmp_settings_load:
 * @argv: (nullable): NULL-terminated flags after the verb (`--port`, `9000`, `--port=9000`); NULL for none
 * @env: (nullable): as from g_get_environ(); NULL for an empty environment
 * @error: return location
 *
 * Reads the file named by --config, VAMPIRE_CONFIG or the default place. A default file that does not exist
 * is no error; a named one is. Unknown keys, groups and flags are errors that suggest the nearest known one.
 * Every layer is checked, also where a higher one overrides it. An empty variable or key counts as unset.
 *
 * A host that other computers reach is refused without a token, and so is a file with a token that other users
 * can read.
 *
 * Returns: (transfer full): the settings, or NULL with VMP_SETTINGS_ERROR
 */
VmpSettings *vmp_settings_load (const char * const *argv,
                                const char * const *env,
                                GError            **error);

typedef enum {
  VMP_SETTING_STRING,
  VMP_SETTING_BOOLEAN,  /* yes or no, and other words for them */
  VMP_SETTING_INT,
  VMP_SETTING_NUMBER,
  VMP_SETTING_LIST,     /* texts with commas between; "none" where an empty one would mean the default */
  VMP_SETTING_ENUM,     /* one of @words */
  VMP_N_SETTING_TYPES
} VmpSettingType;

const char *vmp_setting_type_to_string (VmpSettingType type);

/* One setting as it is in force. */
typedef struct {
  const char *key;
  char *value;               /* as it was given, paths made absolute; "(set)" in place of a secret; NULL: none */
  char *source;              /* "default", "VAMPIRE_PORT", "--port" or "key port in FILE" */
  const char *fallback;      /* the default, as a file would have it; NULL: none */
  VmpSettingType type;
  const char * const *words; /* of an enum; NULL */
  gboolean needs_restart;    /* a change takes effect when Vampire is started again */
  gboolean can_change;       /* the settings file rules over it: it may be in there, and no flag or variable is given */
  gboolean is_secret;
  const char *about;         /* a sentence or two */
} VmpSettingValue;

/* All settings, in the order of their table. (transfer full) (element-type VmpSettingValue) */
GPtrArray *vmp_settings_list_values (const VmpSettings *self);

/* The word of an enum that a text stands for, which may be written in other ways: "WARN" for "warning"; NULL: none. */
const char *vmp_setting_value_find_word (const VmpSettingValue *self,
                                         const char            *text);

/* Of VMP_SETTING_BOOLEAN. */
gboolean vmp_setting_text_is_true (const char *text);

/* The keys of all settings, NULL-terminated. (transfer container) */
const char **vmp_settings_list_keys (void);

/* Whether the value of a setting may not be shown. */
gboolean vmp_settings_is_secret (const char *key);

/* One line of the settings file. */
typedef struct {
  char *key;
  char *value; /* NULL takes it out of the file */
} VmpSettingChange;

void vmp_setting_change_clear (VmpSettingChange *self);

/* An empty array, which frees what is in it. (transfer full) (element-type VmpSettingChange) */
GArray *vmp_setting_changes_new (void);
void vmp_setting_changes_add (GArray     *changes,
                              const char *key,
                              const char *value);

/**
 * vmp_settings_edit:
 * @running: (nullable): what a program that runs was started with: a change that could not rule there is refused too,
 *   as with vmp_settings_check_reload(), and one of what a flag or a variable says
 * @changes: (element-type VmpSettingChange)
 *
 * Changes lines of the settings file, all or none; the file is made if need be, and comments stay. Nothing is written
 * that vmp_settings_load() would refuse. A file with a token becomes readable by its owner alone. It may be called on
 * any thread, but not on two at a time.
 *
 * Returns: (transfer full): the settings as they are from now on; NULL with VMP_SETTINGS_ERROR
 */
VmpSettings *vmp_settings_edit (const char * const *argv,
                                const char * const *env,
                                const VmpSettings  *running,
                                GArray             *changes,
                                GError            **error);

VmpSettings *vmp_settings_ref (VmpSettings *self);
void vmp_settings_unref (VmpSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpSettings, vmp_settings_unref)

/* The keys of the settings that differ between the two sets, NULL-terminated. (transfer container) */
const char **vmp_settings_list_changes (const VmpSettings *before,
                                        const VmpSettings *after);

/**
 * vmp_settings_changes_needing_restart:
 *
 * Returns: (transfer full): the keys that differ between the two sets and only take effect at the next start,
 * comma-separated; NULL when there are none
 */
char *vmp_settings_changes_needing_restart (const VmpSettings *before,
                                            const VmpSettings *after);

/**
 * vmp_settings_check_reload:
 * @listening: the settings that the listener was made with
 * @next: those that are to rule from now on
 * @error: return location
 *
 * The host only changes at the next start, so @next must still suit the host that is listened on: while other
 * computers reach it, the token may change but not go away.
 *
 * Returns: whether it does; FALSE with VMP_SETTINGS_ERROR_INVALID
 */
gboolean vmp_settings_check_reload (const VmpSettings *listening,
                                    const VmpSettings *next,
                                    GError           **error);

/* The names of variables that begin with VAMPIRE_ and are no setting, for the debug log. (transfer full) */
char **vmp_settings_unknown_variables (const char * const *env);

/* The table of settings as lines for `vampire help serve`. (transfer full) */
char *vmp_settings_help (void);

G_END_DECLS

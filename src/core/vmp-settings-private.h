/* SPDX-License-Identifier: MIT
 *
 * What the four files of the settings share: the table with the checks of values (vmp-settings-table.c), the file
 * (vmp-settings-file.c), the layers (vmp-settings.c), and what is told of them (vmp-settings-values.c). Nobody else
 * includes this.
 */

#pragma once

#include "core/vmp-settings.h"

G_BEGIN_DECLS

enum {
  VMP_SETTING_CONFIG, /* first: it says where the file is */
  VMP_SETTING_HOST,
  VMP_SETTING_PORT,
  VMP_SETTING_DEFAULT_BASE_URL,
  VMP_SETTING_AUTH_TOKEN,
  VMP_SETTING_ALLOWED_HOSTS,
  VMP_SETTING_CORS_ORIGINS,
  VMP_SETTING_MAX_BODY_MB,
  VMP_SETTING_HEALTH_SECONDS,
  VMP_SETTING_DNS_SD_TYPES,
  VMP_SETTING_SHARE_ADDRESS,
  VMP_SETTING_ALLOW_PUBLIC_NODES,
  VMP_SETTING_TOKEN_STORAGE,
  VMP_SETTING_DEFAULT_STRATEGY,
  VMP_SETTING_AFFINITY_BUSY_REQUESTS,
  VMP_SETTING_AFFINITY_BUSY_RATIO,
  VMP_SETTING_STRIP_VOLATILE_LINES,
  VMP_SETTING_CONTINUE_STREAMS,
  VMP_SETTING_QUEUE_LIMIT,
  VMP_SETTING_QUEUE_SECONDS,
  VMP_SETTING_QUEUE_PATIENCE_SECONDS,
  VMP_SETTING_LOADING_COMMENTS,
  VMP_SETTING_TRACE_LIMIT,
  VMP_SETTING_KEEP_IN_TRAY,
  VMP_SETTING_APPEARANCE,
  VMP_SETTING_DATA_DIR,
  VMP_SETTING_LOG_LEVEL,
  VMP_SETTING_LOG_FORMAT,
  VMP_SETTING_DEMO,
  VMP_N_SETTINGS
};

typedef struct {
  const char *key;             /* in the file, and in messages */
  gboolean in_file;            /* FALSE for what a file cannot say */
  const char *variable;
  const char *former_variable; /* also read, when the variable is unset */
  const char *flag;            /* NULL: none */
  const char *argument;        /* of the flag, as the help names it; NULL: the flag may stand alone, for "yes" */
  const char *fallback;        /* the default; NULL: none */
  VmpSettingType type;         /* of a list, an empty flag means none */
  const char * const *words;   /* of an enum */
  gboolean needs_restart;
  gboolean is_path;            /* made absolute before it is taken */
  gboolean is_secret;          /* never repeated in a message; the file must be private */
  const char *help;

  /* Checks a value and puts it into the set. Returns NULL when it was taken; else what the value should have
   * been, as the rest of a sentence that begins with the setting: "must be …". (transfer full) */
  char *(*take) (VmpSettings *settings,
                 const char  *value);
} VmpSetting;

extern const VmpSetting vmp_settings_table[VMP_N_SETTINGS];

typedef enum {
  VMP_SETTING_FROM_DEFAULT,
  VMP_SETTING_FROM_FILE,
  VMP_SETTING_FROM_VARIABLE,
  VMP_SETTING_FROM_FLAG
} VmpSettingSource;

/* Where the value in force came from; settings have one for each row of the table. */
struct _VmpSettingOrigin {
  VmpSettingSource source;
  char *where;  /* as it fits after "given by" */
  char *value;  /* paths made absolute, secrets too; NULL: none */
};

/* The row of a key; NULL: there is none. */
const VmpSetting *vmp_settings_find (const char *key);

/* The group of the settings file that holds them all. */
#define VMP_SETTINGS_GROUP "vampire"

#define vmp_settings_set_invalid(error, ...) \
  g_set_error (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID, __VA_ARGS__)

/* A value, a name or a path as a message repeats it. (transfer full) */
char *vmp_settings_show (const char *text);

/* The end of a sentence about an unknown word: what it was probably meant to be, after @prefix, or where the
 * words are listed. (transfer full) */
char *vmp_settings_suggest (const char         *word,
                            const char * const *known,
                            const char         *prefix);

/**
 * vmp_settings_file_read:
 *
 * Returns: (transfer full): the file, which has VMP_SETTINGS_GROUP with known keys or nothing; NULL with a
 *   G_FILE_ERROR when it cannot be read, or with VMP_SETTINGS_ERROR_INVALID when it is no settings file
 */
GKeyFile *vmp_settings_file_read (const char *path,
                                  GError    **error);

/**
 * vmp_settings_file_edit:
 * @changes: (element-type VmpSettingChange)
 * @text: (out) (transfer full): what the file would then be; all other lines stay as they are
 * @mode: (out): its permissions
 *
 * Changes nothing yet. A file that is not there counts as an empty one.
 *
 * Returns: (transfer full): what that text says; NULL with an error as from vmp_settings_file_read()
 */
GKeyFile *vmp_settings_file_edit (const char *path,
                                  GArray     *changes,
                                  char      **text,
                                  guint      *mode,
                                  GError    **error);

/* Puts the text in the place of the file, whole or not at all; behind a link if it is one. */
gboolean vmp_settings_file_write (const char *path,
                                  const char *text,
                                  guint       mode,
                                  GError    **error);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The command line of the app: its own few flags, and those of the settings, which it passes on.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gboolean shows_help;
  gboolean shows_version;
  gboolean in_background;  /* no window at the start: the desktop's autostart, or D-Bus */
  gboolean quits;          /* the one that runs is to quit */
  char *page;              /* to be shown; NULL: the overview */
  GPtrArray *settings;     /* of const char *, NULL-terminated: the rest, for vmp_settings_load() */
} VmpAppArgs;

/* FALSE with an error that is a whole sentence. @argv: with the program's name */
gboolean vmp_app_args_parse (VmpAppArgs         *self,
                             const char * const *argv,
                             GError            **error);
void vmp_app_args_clear (VmpAppArgs *self);

/* (transfer full) */
char *vmp_app_args_help (void);

/* Whether there is a page of that name, "approvals" and "preferences" included. */
gboolean vmp_app_args_is_page (const char *page);

G_END_DECLS

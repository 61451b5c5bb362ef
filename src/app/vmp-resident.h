/* SPDX-License-Identifier: MIT
 *
 * The part of the app that stays: one of it runs for a user. It sits in the tray, has the gateway, shows notifications,
 * and starts the program with the windows when something is to be seen. It draws nothing itself and links no GTK.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMP_APP_ID "io.github.lmstudio_vampire.Vampire"

/* The exit statuses of `vampire` are those of the app too. */
int vmp_resident_run (int    argc,
                      char **argv);

G_END_DECLS

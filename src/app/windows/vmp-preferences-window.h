/* SPDX-License-Identifier: MIT
 *
 * The preferences: the gateway's settings, and those of the app on this computer (starting at login, the tray).
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_PREFERENCES_WINDOW (vmp_preferences_window_get_type ())
G_DECLARE_FINAL_TYPE (VmpPreferencesWindow, vmp_preferences_window, VMP, PREFERENCES_WINDOW, AdwPreferencesWindow)

VmpPreferencesWindow *vmp_preferences_window_new (GtkWindow *parent,
                                                  VmpMirror *mirror);

G_END_DECLS

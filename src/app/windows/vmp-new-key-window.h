/* SPDX-License-Identifier: MIT
 *
 * The window that makes a client key and shows it, this one time: as text and, with the address it is for, as a QR
 * code.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_NEW_KEY_WINDOW (vmp_new_key_window_get_type ())
G_DECLARE_FINAL_TYPE (VmpNewKeyWindow, vmp_new_key_window, VMP, NEW_KEY_WINDOW, AdwWindow)

/* @parent: a widget of the window that it is in front of. (transfer none): the window belongs to GTK */
VmpNewKeyWindow *vmp_new_key_window_present (GtkWidget *parent,
                                             VmpMirror *mirror);

G_END_DECLS

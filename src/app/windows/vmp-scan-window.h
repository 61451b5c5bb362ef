/* SPDX-License-Identifier: MIT
 *
 * The window that looks for servers in the owner's network, when the owner asks for it. What it finds waits for
 * approval like anything else that is found.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-scan-progress.h"

G_BEGIN_DECLS

#define VMP_TYPE_SCAN_WINDOW (vmp_scan_window_get_type ())
G_DECLARE_FINAL_TYPE (VmpScanWindow, vmp_scan_window, VMP, SCAN_WINDOW, AdwWindow)

/* @parent: a widget of the window that it is in front of. Nothing is searched before its owner says so. The window
 * belongs to GTK. */
VmpScanWindow *vmp_scan_window_present (GtkWidget *parent,
                                        VmpMirror *mirror);

G_END_DECLS

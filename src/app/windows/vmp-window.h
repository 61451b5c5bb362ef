/* SPDX-License-Identifier: MIT
 *
 * The main window: a list of pages at the left, the chosen page at the right (one at a time where it is narrow), a
 * banner when the gateway is gone, and toasts. It makes pages when they are first shown and knows nothing of what is
 * on them.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_WINDOW (vmp_window_get_type ())
/* Actions for what is in it: win.show-page (s), win.show-node (s: its id), win.show-request (s: its id), win.try-again,
 * win.resume. */
G_DECLARE_FINAL_TYPE (VmpWindow, vmp_window, VMP, WINDOW, AdwApplicationWindow)

VmpWindow *vmp_window_new (GtkApplication *application,
                           VmpMirror      *mirror);

/* @page: "overview", "nodes", "models", "routes", "playground", "activity", "sharing"; another one is "overview".
 * The same as the window's action win.show-page. */
void vmp_window_show_page (VmpWindow  *self,
                           const char *page);
/* The page, made if need be, for those that have more to say to it. (transfer none) */
GtkWidget *vmp_window_get_page (VmpWindow  *self,
                                const char *page);

/* Why there is no gateway, as the resident knows it: said in place of what the link found. NULL: it knows nothing. */
void vmp_window_set_trouble (VmpWindow  *self,
                             const char *trouble);

void vmp_window_add_toast (VmpWindow *self,
                           AdwToast  *toast);

G_END_DECLS

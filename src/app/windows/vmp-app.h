/* SPDX-License-Identifier: MIT
 *
 * The program with the windows: one for each time that something is shown, gone with its last window. It does what the
 * resident's orders say (app/vmp-orders.h); started by hand, without a resident, it shows the main window. It never
 * hosts a gateway.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_APP (vmp_app_get_type ())
/* Actions for all windows: app.review (s: a node's id, or ""), app.preferences, app.about, app.quit. */
G_DECLARE_FINAL_TYPE (VmpApp, vmp_app, VMP, APP, AdwApplication)

/* @orders, @replies: descriptors to and from the resident, owned by it from now on. (transfer full) */
VmpApp *vmp_app_new (int orders,
                     int replies);

G_END_DECLS

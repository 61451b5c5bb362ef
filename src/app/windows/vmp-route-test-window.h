/* SPDX-License-Identifier: MIT
 *
 * The window that shows where a request would go now, and why. It asks the gateway for a plan and sends nothing to any
 * node.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_ROUTE_TEST_WINDOW (vmp_route_test_window_get_type ())
G_DECLARE_FINAL_TYPE (VmpRouteTestWindow, vmp_route_test_window, VMP, ROUTE_TEST_WINDOW, AdwWindow)

/* @parent: a widget of the window that it is in front of. @model: (nullable): what is shown at once. @route_id:
 * (nullable): the route that has it. (transfer none): the window belongs to GTK */
VmpRouteTestWindow *vmp_route_test_window_present (GtkWidget  *parent,
                                                   VmpMirror  *mirror,
                                                   const char *model,
                                                   const char *route_id);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The window in which the owner makes a route or changes one. What the gateway does not take is said at the field that
 * it is about, and nothing that was typed is lost.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_ROUTE_EDITOR (vmp_route_editor_get_type ())
G_DECLARE_FINAL_TYPE (VmpRouteEditor, vmp_route_editor, VMP, ROUTE_EDITOR, AdwWindow)

/* @parent: a widget of the window that it is in front of. @route: (nullable): the gateway's document; NULL: a new one.
 * @is_copy: a new one that begins as @route. (transfer none): the window belongs to GTK */
VmpRouteEditor *vmp_route_editor_present (GtkWidget  *parent,
                                          VmpMirror  *mirror,
                                          JsonObject *route,
                                          gboolean    is_copy);

G_END_DECLS

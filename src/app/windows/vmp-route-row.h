/* SPDX-License-Identifier: MIT
 *
 * A row of the list of routes: one of the owner's, with a menu, or a virtual model. Rows are used again for others
 * while the list is scrolled.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_ROUTE_ROW (vmp_route_row_get_type ())
/* Its buttons activate the actions routes.edit, routes.copy, routes.remove, routes.explain (s: a route's id) and
 * routes.try (s: a model's name). */
G_DECLARE_FINAL_TYPE (VmpRouteRow, vmp_route_row, VMP, ROUTE_ROW, GtkBox)

GtkWidget *vmp_route_row_new (VmpMirror *mirror);

/* @item: (nullable): of the mirror's routes or virtual models; NULL: it shows nothing, and listens to nothing */
void vmp_route_row_set_item (VmpRouteRow *self,
                             VmpItem     *item);

/* Whether it is the owner's, and not one that is always there. */
gboolean vmp_route_row_is_own (VmpItem *item);
/* "qwen/qwen3-4b on studio, and 2 more; then vampire:auto". (transfer full) */
char *vmp_route_row_describe (VmpItem   *item,
                              VmpMirror *mirror);

G_END_DECLS

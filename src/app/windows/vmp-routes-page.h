/* SPDX-License-Identifier: MIT
 *
 * The page of routes: the owner's own, virtual models, making, changing and testing them.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_ROUTES_PAGE (vmp_routes_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpRoutesPage, vmp_routes_page, VMP, ROUTES_PAGE, AdwBin)

GtkWidget *vmp_routes_page_new (VmpMirror *mirror);

G_END_DECLS

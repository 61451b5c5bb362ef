/* SPDX-License-Identifier: MIT
 *
 * The first page: whether it works, the address for clients, who may use it, nodes, load, and problems.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_OVERVIEW_PAGE (vmp_overview_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpOverviewPage, vmp_overview_page, VMP, OVERVIEW_PAGE, AdwBin)

GtkWidget *vmp_overview_page_new (VmpMirror *mirror);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The page of sharing: who else may use this gateway, for how long, with which keys.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_SHARING_PAGE (vmp_sharing_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpSharingPage, vmp_sharing_page, VMP, SHARING_PAGE, AdwBin)

GtkWidget *vmp_sharing_page_new (VmpMirror *mirror);

G_END_DECLS

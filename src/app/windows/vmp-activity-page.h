/* SPDX-License-Identifier: MIT
 *
 * The page of requests under way and recent ones. It never shows prompts or answers.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_ACTIVITY_PAGE (vmp_activity_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpActivityPage, vmp_activity_page, VMP, ACTIVITY_PAGE, AdwBin)

GtkWidget *vmp_activity_page_new (VmpMirror *mirror);

/* Opens what is known of one request. */
void vmp_activity_page_show_request (VmpActivityPage *self,
                                     const char      *request_id);

G_END_DECLS

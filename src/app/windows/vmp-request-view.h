/* SPDX-License-Identifier: MIT
 *
 * What is known of one request: whose, which model and node, how long each part took, what was tried and why. Never
 * what was asked or answered. The page of activity shows it.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_REQUEST_VIEW (vmp_request_view_get_type ())
/* Signal "back" (). */
G_DECLARE_FINAL_TYPE (VmpRequestView, vmp_request_view, VMP, REQUEST_VIEW, AdwBin)

GtkWidget *vmp_request_view_new (VmpMirror  *mirror,
                                 const char *request_id);

/* Ends a request, after asking when it is another computer's. @widget: from where it is asked */
void vmp_request_view_cancel (GtkWidget  *widget,
                              VmpMirror  *mirror,
                              const char *request_id);

G_END_DECLS

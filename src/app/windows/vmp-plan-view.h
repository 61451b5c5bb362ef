/* SPDX-License-Identifier: MIT
 *
 * Shows a plan of the gateway: which nodes are tried in which order and why, and why the others are not. For routes
 * before anything is sent, and for requests afterwards.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_PLAN_VIEW (vmp_plan_view_get_type ())
G_DECLARE_FINAL_TYPE (VmpPlanView, vmp_plan_view, VMP, PLAN_VIEW, GtkBox)

GtkWidget *vmp_plan_view_new (VmpMirror *mirror);

/* @plan: as a preview of a route has it; NULL: nothing is shown */
void vmp_plan_view_set_plan (VmpPlanView *self,
                             JsonObject  *plan);

G_END_DECLS

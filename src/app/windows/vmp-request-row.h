/* SPDX-License-Identifier: MIT
 *
 * A row of the list of requests. Rows are used again for other requests while the list is scrolled.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_REQUEST_ROW (vmp_request_row_get_type ())
/* Its button activates the action activity-page.cancel (s: the request's id). */
G_DECLARE_FINAL_TYPE (VmpRequestRow, vmp_request_row, VMP, REQUEST_ROW, GtkBox)

GtkWidget *vmp_request_row_new (VmpMirror *mirror);

/* @request: (nullable): NULL: it shows nothing, and listens to nothing */
void vmp_request_row_set_request (VmpRequestRow *self,
                                  VmpItem       *request);
/* A second has gone by. Returns whether it shows one that runs. */
gboolean vmp_request_row_tick (VmpRequestRow *self);

G_END_DECLS

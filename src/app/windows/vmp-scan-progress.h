/* SPDX-License-Identifier: MIT
 *
 * How the newest search for servers is getting on, from the mirror's list of searches, and how to end it.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

typedef struct _VmpScanProgress VmpScanProgress;

typedef void (*VmpScanProgressFunc) (gpointer user_data);

/* @changed: called when it has moved on. The topic of searches is held by whoever shows it. (transfer full) */
VmpScanProgress *vmp_scan_progress_new (VmpMirror          *mirror,
                                        VmpScanProgressFunc changed,
                                        gpointer            user_data);
void vmp_scan_progress_free (VmpScanProgress *self);

gboolean vmp_scan_progress_is_running (VmpScanProgress *self);
/* "120 of 254 addresses, 2 found" (transfer full) */
char *vmp_scan_progress_dup_text (VmpScanProgress *self);
/* 0 to 1 */
double vmp_scan_progress_get_fraction (VmpScanProgress *self);
/* Its id; NULL: nothing was searched yet. (transfer none) */
const char *vmp_scan_progress_get_id (VmpScanProgress *self);
gint64 vmp_scan_progress_get_found (VmpScanProgress *self);

/* @widget: in whose window trouble is told */
void vmp_scan_progress_cancel (VmpScanProgress *self,
                               GtkWidget       *widget);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * A small chart of one figure over the last minutes, newest at the right. It draws on its own and says to screen
 * readers what its newest value is.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_CHART (vmp_chart_get_type ())
G_DECLARE_FINAL_TYPE (VmpChart, vmp_chart, VMP, CHART, GtkWidget)

/* @capacity: how many values are shown; @label: what they are, such as "Tokens per second" */
GtkWidget *vmp_chart_new (guint       capacity,
                          const char *label);
/* One more at the right; the oldest goes when it is full. Values below 0 are gaps. */
void vmp_chart_add (VmpChart *self,
                    double    value);
void vmp_chart_clear (VmpChart *self);

G_END_DECLS

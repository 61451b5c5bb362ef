/* SPDX-License-Identifier: MIT
 *
 * A row of a boxed list that tells one fact: what it is, small, and below it the fact, which wraps. Both are plain
 * text.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_FACT_ROW (vmp_fact_row_get_type ())
/* Properties "caption" and "value" (strings; a row without a value is not shown), "fixed" (boolean: the value is an
 * address or a key, in letters of one width that can be selected). */
G_DECLARE_FINAL_TYPE (VmpFactRow, vmp_fact_row, VMP, FACT_ROW, GtkListBoxRow)

GtkWidget *vmp_fact_row_new (const char *caption);

void vmp_fact_row_set_value (VmpFactRow *self,
                             const char *value);
const char *vmp_fact_row_get_value (VmpFactRow *self);

G_END_DECLS

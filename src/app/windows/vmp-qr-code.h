/* SPDX-License-Identifier: MIT
 *
 * A text as a QR code, dark on light in every style, with the margin that readers need. What it says to screen readers
 * is its owner's business: the text itself may be secret.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_QR_CODE (vmp_qr_code_get_type ())
G_DECLARE_FINAL_TYPE (VmpQrCode, vmp_qr_code, VMP, QR_CODE, GtkWidget)

GtkWidget *vmp_qr_code_new (void);

/* FALSE, and nothing is shown: it is too long for a code. @text: (nullable): NULL: nothing is shown */
gboolean vmp_qr_code_set_text (VmpQrCode  *self,
                               const char *text);

/* Modules along one side, without the margin; 0: nothing is shown */
int vmp_qr_code_get_width (VmpQrCode *self);
/* Whether that one is dark. */
gboolean vmp_qr_code_is_dark (VmpQrCode *self,
                              int        x,
                              int        y);

G_END_DECLS

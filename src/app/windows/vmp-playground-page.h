/* SPDX-License-Identifier: MIT
 *
 * The playground: chats with any model or route, one or two side by side.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_PLAYGROUND_PAGE (vmp_playground_page_get_type ())
G_DECLARE_FINAL_TYPE (VmpPlaygroundPage, vmp_playground_page, VMP, PLAYGROUND_PAGE, AdwBin)

GtkWidget *vmp_playground_page_new (VmpMirror *mirror);

/* From the next question on this model or route is asked. */
void vmp_playground_page_set_target (VmpPlaygroundPage *self,
                                     const char        *target);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * One identity on the screen, and in plain words what its approval gives. It shows what it was given, and changes only
 * when it is given another.
 */

#pragma once

#include <adwaita.h>

#include "app/windows/vmp-identity.h"

G_BEGIN_DECLS

#define VMP_TYPE_IDENTITY_VIEW (vmp_identity_view_get_type ())
G_DECLARE_FINAL_TYPE (VmpIdentityView, vmp_identity_view, VMP, IDENTITY_VIEW, AdwBin)

/* From its beginning. @document: of the same node, for the names of its models if it has them */
void vmp_identity_view_show (VmpIdentityView   *self,
                             const VmpIdentity *identity,
                             JsonObject        *document);
/* The names of the models, which came after the rest. */
void vmp_identity_view_set_models (VmpIdentityView *self,
                                   JsonObject      *document);

G_END_DECLS

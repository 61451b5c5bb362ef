/* SPDX-License-Identifier: MIT
 *
 * What the gateway says about itself: the control API under /vampire/v1, /health, and a word of welcome at /. Runs on
 * libsoup's SoupServer, which gets its requests one at a time as lent streams.
 */

#pragma once

#include "gateway/vmp-connection.h"
#include "gateway/vmp-gateway.h"

G_BEGIN_DECLS

typedef struct _VmpSurfaceControl VmpSurfaceControl;

/* @gateway: outlives the surface. (transfer full) */
VmpSurfaceControl *vmp_surface_control_new (VmpGateway *gateway);
void vmp_surface_control_free (VmpSurfaceControl *self);

void vmp_surface_control_answer (VmpSurfaceControl *self,
                                 VmpConnection     *connection,
                                 const VmpRequest  *request);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * GET /v1/models and /v1/models/{id}: the models of all nodes as one catalogue, virtual ones first. Answered from what
 * is known of the nodes; they are only asked when that is too old.
 */

#pragma once

#include "gateway/vmp-connection.h"
#include "gateway/vmp-gateway-private.h"

G_BEGIN_DECLS

/* Whether this surface is to answer a request. */
gboolean vmp_surface_models_is_asked (const VmpRequest *request);

void vmp_surface_models_answer (VmpGateway       *gateway,
                                VmpConnection    *connection,
                                const VmpRequest *request);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The OpenAI surface, /v1: it reads just enough of a request to make a call, has a node chosen for it, and lets the
 * relay write the answer on the client's connection. The lists of models it leaves to vmp-surface-models.
 */

#pragma once

#include "gateway/vmp-connection.h"
#include "gateway/vmp-gateway-private.h"

G_BEGIN_DECLS

void vmp_surface_openai_answer (VmpGateway       *gateway,
                                VmpConnection    *connection,
                                const VmpRequest *request);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The OpenAI surface, /v1: it reads just enough of a request to make a call, and lets the relay write the
 * answer on the client's connection.
 */

#pragma once

#include "gateway/vmp-connection.h"
#include "nodes/vmp-node.h"
#include "relay/vmp-exchange.h"

G_BEGIN_DECLS

/* Passes the request on to @node. */
void vmp_surface_openai_answer (VmpConnection    *connection,
                                const VmpRequest *request,
                                VmpRelay         *relay,
                                VmpNode          *node);

G_END_DECLS

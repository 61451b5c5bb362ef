/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: which surface answers which request, by the version that is
 * simulated; and who is let in.
 */

#pragma once

#include "sim-error.h"
#include "sim-http.h"

G_BEGIN_DECLS

/* Answers the exchange, now or later. */
void sim_route (SimExchange *exchange);

/* Parses the body as a JSON object.
 * Returns: (transfer full) (nullable): NULL if it is none: the exchange has been answered then */
JsonNode *sim_route_read_object (SimExchange *exchange,
                                 SimDialect   dialect);

/* LM Studio's answer to what it does not know: status 200. */
void sim_route_reply_unexpected (SimExchange *exchange);

/* -- The surfaces: each of these answers the exchange -- */

void sim_openai_list_models (SimExchange *exchange);

void sim_openai_chat (SimExchange *exchange);

void sim_openai_complete (SimExchange *exchange);

void sim_openai_embed (SimExchange *exchange);

void sim_responses_create (SimExchange *exchange);

void sim_messages_create (SimExchange *exchange);

void sim_v0_list_models (SimExchange *exchange);

void sim_v0_show_model (SimExchange *exchange,
                        const char  *id);

void sim_v1_list_models (SimExchange *exchange);

void sim_v1_load (SimExchange *exchange);

void sim_v1_unload (SimExchange *exchange);

void sim_v1_download (SimExchange *exchange);

void sim_v1_download_status (SimExchange *exchange,
                             const char  *job_id);

void sim_v1_chat (SimExchange *exchange);

/* /sim/v1/...; sim-control.c */
void sim_control (SimExchange *exchange);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * A plan of the gateway in plain words: why a node is tried when it is, and why another one is not. Pure functions; the
 * views of routes and of requests show what they say.
 */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* "Take Turns". What is not known comes back as it is. (transfer none) */
const char *vmp_plan_words_strategy (const char *strategy);
/* "has the model loaded and is free" (transfer none) */
const char *vmp_plan_words_readiness (const char *readiness);
/* "The model is not on this node" (transfer none) */
const char *vmp_plan_words_rejection (const char *rejection);

/* What is known of one candidate, as "loaded · 2 of 4 places taken · first token in 185 ms"; "" for nothing. (transfer
 * full) */
char *vmp_plan_words_candidate (JsonObject *candidate);
/* The scores of an attempt, as "expected wait 120 ms · score 3 · 25 % busy"; "" for nothing. (transfer full) */
char *vmp_plan_words_scores (JsonObject *attempt);
/* What a route or a request asks of nodes, as "at least 32K context, trusted nodes only"; "" for nothing. (transfer
 * full) */
char *vmp_plan_words_constraints (JsonObject *constraints);

G_END_DECLS

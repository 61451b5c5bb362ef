/* SPDX-License-Identifier: MIT
 *
 * Constraints as clients and owners write them down: the body's `vampire.constraints`, and a route's. With them the
 * weights of best_available, which both write down in the same way.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-json.h"

G_BEGIN_DECLS

/* "chat", "streaming", "vision", "tools", "tool_calling", "reasoning", …: FALSE when there is no such capability. Those
 * that every server has come to VMP_NEED_NOTHING. */
gboolean vmp_needs_from_string (const char *name,
                                VmpNeeds   *needs);

/**
 * vmp_constraints_read:
 * @object: min_context_window or minimum_context_tokens, max_latency_ms, max_queue_depth, trusted_only, local_only,
 *   required_capabilities, tool_calling, vision, reasoning; unknown members are left alone, and null is none
 * @constraints: (inout): what @object says is added to what is there
 *
 * Returns: (transfer full) (nullable): NULL, or a sentence about what is wrong. It begins with the member's name, so
 *   that the caller can put before it where the object is: "vampire.constraints."
 */
char *vmp_constraints_read (JsonObject     *object,
                            VmpConstraints *constraints);

/* Both are to hold. */
void vmp_constraints_add (VmpConstraints       *self,
                          const VmpConstraints *other);

/**
 * vmp_weights_read:
 * @object: latency, tokens_per_second, queue_depth, quality_score: numbers from 0 on. One that is left out weighs
 *   nothing
 * @weights: (out): they sum up to 1; as they were when @object names none
 * @has_weights: (out): whether @object names any
 *
 * Returns: (transfer full) (nullable): as vmp_constraints_read()
 */
char *vmp_weights_read (JsonObject *object,
                        double      weights[VMP_N_WEIGHTS],
                        gboolean   *has_weights);

/* Adds what is asked for, as an object; {} for nothing. */
void vmp_constraints_build (const VmpConstraints *self,
                            JsonBuilder          *builder);

G_END_DECLS

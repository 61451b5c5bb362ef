/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the conversations that previous_response_id continues. They
 * belong to this node alone: another one answers that it does not know the id.
 */

#pragma once

#include "sim-prompt.h"

G_BEGIN_DECLS

SimHistory *sim_history_new (void);

void sim_history_free (SimHistory *self);

void sim_history_clear (SimHistory *self);

/* @turns: (transfer full): the conversation up to and with the response @id */
void sim_history_put (SimHistory *self,
                      const char *id,
                      GArray     *turns);

/* Prepends the conversation up to @id to @prompt.
 * Returns: (nullable): the error if there is none of that name */
SimError *sim_history_continue (SimHistory *self,
                                const char *id,
                                SimPrompt  *prompt);

G_END_DECLS

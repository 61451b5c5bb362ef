/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its log on stderr, in the words of LM Studio's server log
 * where there are such, each line beginning with this program's own name. Never holds a prompt, an
 * answer or a token.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

typedef enum {
  SIM_LOG_ERROR,
  SIM_LOG_WARN,
  SIM_LOG_INFO,
  SIM_LOG_DEBUG
} SimLogLevel;

/* Returns: FALSE if @word is no level */
gboolean sim_log_set_level (const char *word);

/* @subject: (nullable): the model or instance that the line is about */
void sim_log (Sim        *sim,
              SimLogLevel level,
              const char *subject,
              const char *format,
              ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS

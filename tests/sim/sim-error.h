/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: what can be wrong with a request, and how each surface says
 * it. The messages are LM Studio's own where a public report quotes them.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

typedef enum {
  SIM_ERROR_INVALID,            /* the request makes no sense */
  SIM_ERROR_UNKNOWN_KEY,        /* a member that a strict surface does not know */
  SIM_ERROR_UNAUTHORIZED,
  SIM_ERROR_NO_MODELS,
  SIM_ERROR_MODEL_NOT_FOUND,
  SIM_ERROR_JOB_NOT_FOUND,
  SIM_ERROR_PREVIOUS_NOT_FOUND,
  SIM_ERROR_CONTEXT,
  SIM_ERROR_LOAD_FAILED,
  SIM_ERROR_UNLOADED,
  SIM_ERROR_CRASHED,
  SIM_ERROR_PLUGIN
} SimErrorKind;

typedef struct {
  SimErrorKind kind;
  char *message;
  char *param;     /* nullable */
} SimError;

typedef enum {
  SIM_DIALECT_OPENAI,     /* /v1 and /api/v0 */
  SIM_DIALECT_NATIVE,     /* /api/v1 */
  SIM_DIALECT_ANTHROPIC   /* /v1/messages */
} SimDialect;

SimError *sim_error_new (SimErrorKind kind,
                         const char  *param,
                         const char  *format,
                         ...) G_GNUC_PRINTF (3, 4);

SimError *sim_error_copy (const SimError *self);

void sim_error_free (SimError *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimError, sim_error_free)

guint sim_error_status (const SimError  *self,
                        const SimConfig *config,
                        SimDialect       dialect);

/* The document that says it: {"error": ...}. */
void sim_error_write (const SimError  *self,
                      const SimConfig *config,
                      SimDialect       dialect,
                      GString         *out);

/* Answers with status and document. */
void sim_error_reply (const SimError *self,
                      SimExchange    *exchange,
                      SimDialect      dialect);

/* The frame that tells it in a stream of that dialect. */
void sim_error_write_event (const SimError  *self,
                            const SimConfig *config,
                            SimDialect       dialect,
                            GString         *out);

G_END_DECLS

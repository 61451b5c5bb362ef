/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: what the model says to a prompt, as parts of tokens. Made
 * whole before the first token goes out; sim-run.c paces it and the surfaces dress it.
 */

#pragma once

#include "sim-models.h"
#include "sim-prompt.h"

G_BEGIN_DECLS

typedef enum {
  SIM_PART_REASONING,
  SIM_PART_TEXT,
  SIM_PART_TOOL_CALL,    /* for the client to execute */
  SIM_PART_SERVER_TOOL   /* executed by the node already */
} SimPartKind;

typedef struct {
  SimPartKind kind;
  char *name;            /* of the tool; NULL for the others */
  char *output;          /* of the server's tool; NULL: there is no such tool */
  GString *text;         /* a tool call's is its arguments as JSON */
  GArray *ends;          /* of gsize: where each token ends */
} SimPart;

typedef struct {
  GPtrArray *parts;      /* of SimPart */
  guint n_tokens;
  guint n_reasoning_tokens;
  guint n_unseen;          /* tokens that are counted, but that nobody gets */
  const char *finish;      /* stop, length, tool_calls */
  const char *stop_reason; /* in the words of /api/v0 */
} SimAnswer;

/* @seed: decides the words
 * @max_tokens: what the context leaves; the prompt's own limit may be lower */
SimAnswer *sim_answer_new (Sim       *sim,
                           SimPrompt *prompt,
                           SimModel  *model,
                           guint64    seed,
                           gint64     max_tokens);

/* No text at all, as a GGUF model answers to a prompt that is too long. */
SimAnswer *sim_answer_new_empty (void);

void sim_answer_free (SimAnswer *self);

/* All text of one kind, or NULL if there is no part of it. (transfer full) */
char *sim_answer_dup_text (const SimAnswer *self,
                           SimPartKind      kind);

guint sim_answer_count_parts (const SimAnswer *self,
                              SimPartKind      kind);

G_END_DECLS

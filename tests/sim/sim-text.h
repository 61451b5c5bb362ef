/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its words. Splits text into word-like tokens, and writes
 * answers that read like answers, always the same for the same seed. Pure functions.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

/* Where the token that begins at @from ends. Never inside a UTF-8 sequence. */
gsize sim_text_token_end (const char *text,
                          gsize       from,
                          gsize       len);

guint64 sim_text_count_tokens (const char *text,
                               gsize       len);

#define SIM_HASH_START G_GUINT64_CONSTANT (14695981039346656037)

guint64 sim_hash (guint64     hash,
                  const char *text,
                  gsize       len);

/* A small generator of numbers; its state is the seed. */
guint64 sim_random_next (guint64 *state);

/* Random characters of 0-9 and a-z, or of 0-9 and a-f. (transfer full) */
char *sim_random_id (guint64    *state,
                     const char *prefix,
                     guint       length,
                     gboolean    hex);

typedef struct {
  const char *question;     /* the last thing the user said; may be empty */
  const char *previous;     /* nullable: what they said before that */
  const char *tool_result;  /* nullable: what a tool has just answered */
  const char *image;        /* nullable: "PNG of about 3 KB", when there are images */
  guint n_images;
  const char *node_name;    /* may be empty */
  guint64 seed;
  guint min_tokens;         /* the text is at least so long */
} SimTopic;

void sim_text_write_answer (const SimTopic *topic,
                            GString        *out);

/* @effort: how many sentences */
void sim_text_write_reasoning (const SimTopic *topic,
                               guint           effort,
                               GString        *out);

/* TRUE if @question speaks of something that a tool with this name and description does. */
gboolean sim_text_calls_for_tool (const char *question,
                                  const char *name,
                                  const char *description);

/* The first words of @question that mean something, or "that". (transfer full) */
char *sim_text_dup_subject (const char *question);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * One event of a streamed chat completion, as values. VmpChat reads its answers with it. It takes what several kinds of
 * servers write, and nothing in an event can make it fail: what is not understood is not there.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is known of how an answer came about. Texts are NULL and numbers below 0 where it is not known. */
typedef struct {
  char *node;
  char *model;
  char *request_id;
  char *route;
  char *strategy;
  char *finish_reason; /* "stop", "length", … */
  double first_token_ms;
  double tokens_per_second;
  double duration_ms;
  double queued_ms;
  double loading_ms;
  gint64 prompt_tokens;
  gint64 completion_tokens;
} VmpChatFigures;

#define VMP_CHAT_FIGURES_INIT { NULL, NULL, NULL, NULL, NULL, NULL, -1, -1, -1, -1, -1, -1, -1 }

void vmp_chat_figures_clear (VmpChatFigures *self);

typedef struct {
  GString *text;           /* to be added to the answer; may be empty */
  GString *reasoning;      /* to be added to the reasoning; may be empty */
  char *problem;           /* the answer has failed: why, as a sentence; else NULL */
} VmpChatChunk;

void vmp_chat_chunk_clear (VmpChatChunk *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpChatChunk, vmp_chat_chunk_clear)

/**
 * vmp_chat_chunk_read:
 * @self: of zeros
 * @figures: what the event says of them is taken over
 * @data: of the event
 *
 * Calls of tools, which nobody here can answer, become text with code.
 *
 * Returns: FALSE when it was no JSON object
 */
gboolean vmp_chat_chunk_read (VmpChatChunk   *self,
                              VmpChatFigures *figures,
                              const char     *data);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * Reads from an answer, as it passes, how many tokens it cost: from the `usage` that it ends with, else by counting
 * its events. It changes nothing and keeps no text.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zero-initialise. Holds no memory. */
typedef struct {
  guint64 events;             /* events with data so far; a token each, as a rule */
  gint64 prompt_tokens;       /* as the last usage says that tells it; -1: none did. 0 until has_usage */
  gint64 completion_tokens;   /* the same */
  gboolean has_usage;
} VmpUsage;

/* Whole events of a stream, one or several, as they are passed on: OpenAI's chat, completions and responses, and
 * Anthropic's messages. Costs a few ns per event that has no usage. */
void vmp_usage_read_events (VmpUsage   *self,
                            const char *data,
                            gsize       len);

/* The body of an answer that is not a stream: all of it, or its last part. */
void vmp_usage_read_body (VmpUsage   *self,
                          const char *data,
                          gsize       len);

/* What it comes to: of the usage, else for completion the events but the last two, which carry no text; 0 if
 * nothing is known. */
gint64 vmp_usage_get_completion_tokens (const VmpUsage *self);

G_END_DECLS

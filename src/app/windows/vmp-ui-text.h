/* SPDX-License-Identifier: MIT
 *
 * Figures and states as people read them, translated. Pure functions, all of whose results are plain text and
 * (transfer full), unless said otherwise.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* "3.2 GB"; "" for a size below 0. */
char *vmp_ui_text_bytes (gint64 bytes);
/* "850 ms", "3.2 s", "2 min 5 s"; "" below 0. */
char *vmp_ui_text_duration (double ms);
/* "42 tokens/s"; "" for 0 and below. */
char *vmp_ui_text_rate (double tokens_per_second);
/* "32,768" tokens as "32K context"; "" for 0 and below. */
char *vmp_ui_text_context (gint64 tokens);
/* An ISO 8601 time as "just now", "5 minutes ago", "yesterday, 14:02"; "" for NULL. */
char *vmp_ui_text_ago (const char *time);
/* An ISO 8601 time as "today, 14:02"; "" for NULL. */
char *vmp_ui_text_time (const char *time);
/* The same as seen at another time than now, in its time zone. */
char *vmp_ui_text_ago_at (const char *time,
                          GDateTime  *now);
char *vmp_ui_text_time_at (const char *time,
                           GDateTime  *now);

/* Words for what the API says; what is not known comes back as it is. */
const char *vmp_ui_text_node_status (const char *status);
const char *vmp_ui_text_approval (const char *approval);
const char *vmp_ui_text_provider (const char *provider);
const char *vmp_ui_text_found_by (const char *by);
const char *vmp_ui_text_share_mode (const char *mode);
const char *vmp_ui_text_outcome (const char *outcome);
const char *vmp_ui_text_model_kind (const char *kind);
/* The symbolic icon that goes with a node's status. */
const char *vmp_ui_icon_for_status (const char *status);

G_END_DECLS

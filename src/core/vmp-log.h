/* SPDX-License-Identifier: MIT
 *
 * What the gateway says on stderr: one line per message, as text or as JSON (--log-format). Code uses
 * GLib's g_warning(), g_message(), g_info() and g_debug(); this is the writer behind them. Prompts,
 * answers and tokens are never given to it.
 *
 * A line of text is `2026-07-01T12:00:00.123+02:00 warning libsoup: the message`; Vampire's own domain
 * is left out. JSON has the keys time, level, domain and message; on an access line the message is
 * `request`, and the fields of VmpAccessLine follow. In both, what could forge a line or drive a
 * terminal is escaped, and no line is longer than 4096 bytes.
 */

#pragma once

#include "core/vmp-settings.h"

G_BEGIN_DECLS

/* Installs the writer for the whole process (once, at start) and sets or changes level and format (any time
 * later). Before the first call GLib's own writer is in place, and the access log is silent. Levels: error
 * (g_critical, g_error), warning (g_warning), info (g_message, g_info), debug (g_debug). Messages that are
 * fatal (G_DEBUG, g_error) end the process. */
void vmp_log_configure (VmpLogLevel  level,
                        VmpLogFormat format);

/* Whether messages of that level are written, to skip the making of costly ones. */
gboolean vmp_log_enabled (VmpLogLevel level);

/* One line of the access log. Times are milliseconds; @first_byte_ms is negative when no byte was sent. */
typedef struct {
  const char *method;
  gsize method_len;
  const char *path;      /* without the query */
  gsize path_len;
  guint status;          /* 0: the client left before an answer began */
  guint64 bytes;         /* of the answer's body sent to the client */
  double first_byte_ms;
  double total_ms;
  const char *node;      /* id of the node that answered, or NULL */
  const char *outcome;   /* "done", "client gone", …: how the exchange ended */
} VmpAccessLine;

/* Writes it at level info: text `GET /v1/models 200 5120B 1.2ms 1.9ms node-localhost-1234 done` with `-` for
 * what there was not, or one JSON object with null there. Bytes of the path that are not printable ASCII are
 * written as %XX, so that no client can forge a line. */
void vmp_log_access (const VmpAccessLine *access);

G_END_DECLS

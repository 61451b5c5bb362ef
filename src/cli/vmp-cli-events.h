/* SPDX-License-Identifier: MIT
 *
 * Events of the gateway as lines, for the verbs that follow them.
 */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* One line of JSON: {"data": …, "id": …, "type": …}. (transfer full) */
char *vmp_cli_event_line (const char *id,
                          const char *type,
                          JsonNode   *data);

G_END_DECLS

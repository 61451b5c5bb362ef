/* SPDX-License-Identifier: MIT
 *
 * What is shown of requests: by `vampire requests`, and in the live table.
 */

#pragma once

#include "core/vmp-json.h"

G_BEGIN_DECLS

/* A table of requests in short, with a row for each; "" when there are none. (transfer full) */
char *vmp_cli_requests_table (JsonArray *requests,
                              guint      columns);

/* A number of ms for people: "0.4 ms", "120 ms", "3.2 s"; NULL when the member is none. (transfer full) */
char *vmp_cli_duration (JsonObject *object,
                        const char *name);

G_END_DECLS

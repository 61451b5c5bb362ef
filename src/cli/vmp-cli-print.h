/* SPDX-License-Identifier: MIT
 *
 * How documents are shown to people: as lines "name  value", and as cells.
 */

#pragma once

#include "cli/vmp-cli-table.h"
#include "core/vmp-json.h"

G_BEGIN_DECLS

/* The members of an object, nested ones as "outer.inner", a line each; lists of objects as their number. (transfer
 * full) */
char *vmp_cli_describe (JsonNode *node,
                        guint     columns);

/* A value as a cell shows it: "yes", "12", "a, b"; NULL for null and for what is not there. (transfer full) */
char *vmp_cli_value (JsonObject *object,
                     const char *name);

/* Fills the next cell with such a value. */
void vmp_cli_add_cell (VmpCliTable *table,
                       JsonObject  *object,
                       const char  *name);

/* A point in time as the gateway says it, for people: local, to the minute. What is none stays as it is. (transfer
 * full) (nullable): NULL for NULL */
char *vmp_cli_time (const char *text);

/* Columns of the terminal that stdout is; 0 when it is none. */
guint vmp_cli_columns (void);

G_END_DECLS

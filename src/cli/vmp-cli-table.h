/* SPDX-License-Identifier: MIT
 *
 * A table for a person at a terminal: columns as wide as what is in them looks, cut where the terminal is narrower.
 * Every cell is made plain first, whoever wrote it.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmpCliTable VmpCliTable;

/* @headers: NULL-terminated (transfer full) */
VmpCliTable *vmp_cli_table_new (const char * const *headers);
void vmp_cli_table_free (VmpCliTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpCliTable, vmp_cli_table_free)

/* Fills the next cell, from left to right and from top to bottom; NULL or "" shows as "-". */
void vmp_cli_table_add (VmpCliTable *self,
                        const char  *text);

guint vmp_cli_table_count_rows (VmpCliTable *self);

/* @columns: of the terminal. Lines, each with its end. (transfer full) */
char *vmp_cli_table_print (VmpCliTable *self,
                           guint        columns);

/* How many columns of a terminal a plain text takes. */
guint vmp_cli_text_width (const char *text);

G_END_DECLS

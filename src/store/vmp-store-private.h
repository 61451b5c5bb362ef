/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-store*.c share: opening a database that may be in any state, and the words in which SQLite's
 * errors are told to people.
 */

#pragma once

#include "store/vmp-store.h"

#include <sqlite3.h>

G_BEGIN_DECLS

typedef sqlite3 VmpDatabase;
typedef sqlite3_stmt VmpStatement;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpDatabase, sqlite3_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpStatement, sqlite3_finalize)

/* The text of a collection in the table. */
const char *vmp_store_collection_to_string (VmpStoreCollection collection);

/**
 * vmp_database_open:
 * @path: of the database; made when it is not there
 * @set_aside: (out) (nullable) (transfer full): where a damaged one was put; NULL: there was none
 *
 * Returns: (transfer full): the database, sound, of the present version, ready for its one writer; or NULL with an
 *   error whose message is a whole sentence
 */
VmpDatabase *vmp_database_open (const char *path,
                                char      **set_aside,
                                GError    **error);

/* A second connection, for reading only. */
VmpDatabase *vmp_database_open_reader (const char *path,
                                       GError    **error);

/* The last error of @database as a whole sentence that says what could not be done. */
void vmp_database_set_error (VmpDatabase *database,
                             const char  *path,
                             GError     **error);

G_END_DECLS

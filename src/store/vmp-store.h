/* SPDX-License-Identifier: MIT
 *
 * What lasts: small JSON documents in collections, in one SQLite database (WAL) under the data directory. Writing
 * happens on a thread of its own, many changes in one transaction; a change is reported as done when it is on
 * disk. The store knows nothing of what its documents mean, and its callers nothing of SQL.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmpStore VmpStore;

typedef enum {
  VMP_STORE_NODES,
  VMP_STORE_ROUTES,
  VMP_STORE_KEYS,  /* client keys */
  VMP_STORE_SHARE,
  VMP_STORE_OWNERS, /* which node has which response */
  VMP_STORE_PAUSE,  /* one document while the gateway is paused */
  VMP_N_STORE_COLLECTIONS
} VmpStoreCollection;

/* @error: NULL when the change is on disk; else a whole sentence for the owner */
typedef void (*VmpStoreDone) (gpointer      user_data,
                              const GError *error);

/* @document: JSON text, as it was put */
typedef void (*VmpStoreFunc) (gpointer    user_data,
                              const char *id,
                              const char *document);

/**
 * vmp_store_open:
 * @data_dir: made when it is not there, for its owner alone (0700); files in it are 0600
 * @context: where VmpStoreDone is called
 *
 * Blocks: to be called before the gateway listens. Only one process may have a data directory open: another one gets
 * G_IO_ERROR_BUSY, and the kernel lets go of it when the process ends, however it ends. A database that is damaged
 * (or is none) is set aside as "vampire.db.damaged-20261122T023701Z" (its -wal with it) and a fresh one begun; one
 * of a later version of Vampire is refused and left alone.
 *
 * Returns: (transfer full): the store, or NULL with an error whose message is a whole sentence that says what to do
 */
VmpStore *vmp_store_open (const char   *data_dir,
                          GMainContext *context,
                          GError      **error);

/* Writes what is still to be written, and closes. VmpStoreDone is not called any more. */
void vmp_store_close (VmpStore *self);

/* The path of the damaged database that was set aside by vmp_store_open(); NULL: it was sound. */
const char *vmp_store_get_set_aside (VmpStore *self);

/* What is wrong with writing at the moment, such as a full disk, as a sentence; NULL when the last change was written.
 * (transfer none) */
const char *vmp_store_get_trouble (VmpStore *self);

/* Calls @func for all documents of a collection in the order in which they were first put. Blocks: for the start. A
 * document that cannot be read is skipped. */
void vmp_store_for_each (VmpStore          *self,
                         VmpStoreCollection collection,
                         VmpStoreFunc       func,
                         gpointer           user_data);

/**
 * vmp_store_put:
 * @document: (transfer full): JSON text; NULL takes the id out of the collection
 * @done: (nullable): called once on the context, also on failure; never before this returns
 *
 * Changes are written in the order in which they are put.
 */
void vmp_store_put (VmpStore          *self,
                    VmpStoreCollection collection,
                    const char        *id,
                    char              *document,
                    VmpStoreDone       done,
                    gpointer           user_data);

/* Calls @done when all that was put before is on disk, or with the error of the last of it that is not. */
void vmp_store_barrier (VmpStore    *self,
                        VmpStoreDone done,
                        gpointer     user_data);

/* Takes back the calls that are to come for @user_data. What was put is written all the same. */
void vmp_store_forget_caller (VmpStore *self,
                              gpointer  user_data);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The two places behind a VmpKeyring: the desktop's own keyring, of which each platform has one, and a file. These
 * functions block, the desktop's for as long as its owner takes to answer: vmp-keyring.c calls them on another
 * thread than the gateway's. They keep nothing between two calls.
 */

#pragma once

#include "platform/vmp-keyring.h"

G_BEGIN_DECLS

/* -- The desktop's ------------------------------------------------------------------------- */

/* Errors are those of vmp-keyring.h, and G_IO_ERROR_NOT_SUPPORTED: there is no keyring here at all. */

/**
 * vmp_keyring_desktop_load:
 * @locked: (out): whether some or all of it is locked. Then there may be more: a locked keyring may keep to itself
 *   whose secrets it has
 *
 * Returns: (transfer full): id -> secret, or NULL for one that is locked
 */
GHashTable *vmp_keyring_desktop_load (const char   *kind,
                                      gboolean     *locked,
                                      GCancellable *cancellable,
                                      GError      **error);

/* Never asks the owner to unlock. Where there is no keyring yet but a program that keeps them, that program asks the
 * owner to begin one. @locked: (out): as above, also with G_IO_ERROR_NOT_FOUND */
gboolean vmp_keyring_desktop_store (const char   *kind,
                                    const char   *id,
                                    const char   *label,
                                    const char   *secret,
                                    gboolean     *locked,
                                    GCancellable *cancellable,
                                    GError      **error);

gboolean vmp_keyring_desktop_unlock (GCancellable *cancellable,
                                     GError      **error);

/* -- The file ------------------------------------------------------------------------------ */

/* One JSON object, {kind: {id: secret}}, where null is a note: that secret is in the desktop's keyring. A file that
 * other users can read is made private, one that is damaged is set aside and begun anew; both are said in the log. No
 * two calls for one file at a time. */

/* (transfer full): id -> secret, NULL for a note */
GHashTable *vmp_keyring_file_load (const char *path,
                                   const char *kind,
                                   GError    **error);

/* @secret: NULL removes it, or the note */
gboolean vmp_keyring_file_store (const char *path,
                                 const char *kind,
                                 const char *id,
                                 const char *secret,
                                 GError    **error);

/* In place of a secret, too. */
gboolean vmp_keyring_file_note (const char *path,
                                const char *kind,
                                const char *id,
                                GError    **error);

G_END_DECLS

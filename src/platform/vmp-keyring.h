/* SPDX-License-Identifier: MIT
 *
 * Keeps secrets: in the desktop's keyring (the Secret Service, through libsecret), or, where there is none, in a file
 * that only its owner can read. Asynchronous: a keyring may ask its owner for a password. A locked keyring is never
 * taken for an empty one.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmpKeyring VmpKeyring;

typedef enum {
  VMP_KEYRING_UNKNOWN,     /* not asked yet */
  VMP_KEYRING_OPEN,        /* the desktop's keyring, unlocked */
  VMP_KEYRING_LOCKED,      /* it is there, and asks for its password first */
  VMP_KEYRING_FILE,        /* there is none; a file is used */
  VMP_KEYRING_UNAVAILABLE, /* there is one, but it fails; or the file does */
  VMP_N_KEYRING_STATES
} VmpKeyringState;

typedef enum {
  VMP_SECRETS_AUTO,    /* the keyring; the file only when there is no keyring */
  VMP_SECRETS_KEYRING, /* nothing but the keyring */
  VMP_SECRETS_FILE     /* nothing but the file */
} VmpSecretsPlace;

/* "unknown", "open", "locked", "file", "unavailable" */
const char *vmp_keyring_state_to_string (VmpKeyringState state);

/* G_IO_ERROR_NOT_FOUND: there is no such secret. G_IO_ERROR_PERMISSION_DENIED: the keyring is locked. Others: it is
 * unavailable. Messages are whole sentences. */

/* @file: path of the file to use where there is no keyring; made 0600 when it is first needed. It also notes which
 * secrets are in a keyring. (transfer full) */
VmpKeyring *vmp_keyring_new (const char     *file,
                             VmpSecretsPlace place);
VmpKeyring *vmp_keyring_ref (VmpKeyring *self);
void vmp_keyring_unref (VmpKeyring *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpKeyring, vmp_keyring_unref)

/* Overwrites it before its memory is given back. NULL is nothing. For secrets that came from here, and their copies. */
void vmp_secret_free (gpointer secret);

/* As the last operation found it. */
VmpKeyringState vmp_keyring_get_state (VmpKeyring *self);
/* Why it is unavailable, as a sentence; NULL. (transfer none) */
const char *vmp_keyring_get_trouble (VmpKeyring *self);

/* Loading and storing are carried out one after the other, in the order of the calls. Unlocking does not keep them
 * waiting. The callbacks come in the thread-default context of the call. */

/* All secrets of @kind, such as "node-token". Never asks for a password. Complete only when the state is OPEN or FILE
 * afterwards. */
void vmp_keyring_load_async (VmpKeyring         *self,
                             const char         *kind,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data);
/* Returns: (transfer full): id -> secret; a value of NULL says that there is one that cannot be read now. NULL with an
 * error, when nothing at all is known. */
GHashTable *vmp_keyring_load_finish (VmpKeyring   *self,
                                     GAsyncResult *result,
                                     GError      **error);

/* @label: what the owner sees in the keyring's own program. @secret: NULL removes it. */
void vmp_keyring_store_async (VmpKeyring         *self,
                              const char         *kind,
                              const char         *id,
                              const char         *label,
                              const char         *secret,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data);
gboolean vmp_keyring_store_finish (VmpKeyring   *self,
                                   GAsyncResult *result,
                                   GError      **error);

/* Lets the desktop ask for the password of a locked keyring. */
void vmp_keyring_unlock_async (VmpKeyring         *self,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data);
gboolean vmp_keyring_unlock_finish (VmpKeyring   *self,
                                    GAsyncResult *result,
                                    GError      **error);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The nodes' tokens: loaded from the keyring at the start, and again when it may have been unlocked; set and removed by
 * the owner. It says which token is kept under which id (one that vmp_node_make_token_id() makes); it knows no node,
 * and nothing here is ever written to a log.
 */

#pragma once

#include "platform/vmp-keyring.h"

G_BEGIN_DECLS

typedef struct _VmpTokenVault VmpTokenVault;

/* @token: NULL: the node has none (any more). @locked: it has one that cannot be read now, and @token is NULL. */
typedef void (*VmpTokenVaultFunc) (gpointer    user_data,
                                   const char *node_id,
                                   const char *token,
                                   gboolean    locked);
typedef void (*VmpTokenVaultLoaded) (gpointer user_data);
/* @error: NULL when it is kept; else a sentence */
typedef void (*VmpTokenVaultDone) (gpointer      user_data,
                                   const GError *error);

/* @func: told of each token that becomes known, locked or is removed. (transfer full) */
VmpTokenVault *vmp_token_vault_new (const char       *data_dir,
                                    VmpSecretsPlace   place,
                                    VmpTokenVaultFunc func,
                                    gpointer          user_data);
void vmp_token_vault_free (VmpTokenVault *self);

/* Reads all tokens, also again later. */
void vmp_token_vault_load (VmpTokenVault *self);
/* Whether the first load is over, well or not. */
gboolean vmp_token_vault_is_loaded (VmpTokenVault *self);
/* Calls @func once, when that is so: never before this returns, and not when it is so already. */
void vmp_token_vault_when_loaded (VmpTokenVault      *self,
                                  VmpTokenVaultLoaded func,
                                  gpointer            user_data);

VmpKeyringState vmp_token_vault_get_state (VmpTokenVault *self);
const char *vmp_token_vault_get_trouble (VmpTokenVault *self);

/* Whether there is a token under an id, also one that is locked or on its way to be removed. */
gboolean vmp_token_vault_knows (VmpTokenVault *self,
                                const char    *node_id);

/* Why a token cannot be one, as the rest of a sentence; NULL when it can: one line of visible ASCII, at most
 * VMP_LIMIT_TOKEN_BYTES. (static) */
const char *vmp_token_vault_check (const char *token);

/* The token rules at once, before it is kept. @token: NULL removes it. @done: (nullable) */
void vmp_token_vault_set (VmpTokenVault    *self,
                          const char       *node_id,
                          const char       *label,
                          const char       *token,
                          VmpTokenVaultDone done,
                          gpointer          user_data);

/* Lets the desktop ask its owner for the password of a locked keyring, and then reads the tokens. @error as in
 * vmp_token_vault_set() */
void vmp_token_vault_unlock (VmpTokenVault    *self,
                             VmpTokenVaultDone done,
                             gpointer          user_data);

/* Takes back the calls of VmpTokenVaultDone that are to come for @user_data. */
void vmp_token_vault_forget_caller (VmpTokenVault *self,
                                    gpointer       user_data);

G_END_DECLS

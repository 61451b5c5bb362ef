/* SPDX-License-Identifier: MIT
 *
 * The keys by which other people's programs may use this gateway's models. A key is shown once, when it is made; only
 * its hash is kept. Keys expire and can be revoked.
 */

#pragma once

#include "core/vmp-poll.h"
#include "core/vmp-slice.h"
#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef struct _VmpClientKeys VmpClientKeys;

/* Open for reading. Times: µs since 1970; 0: never */
typedef struct {
  char *id;         /* "key-…" */
  char *name;
  char *hint;       /* the key's last four characters, to tell keys apart */
  gint64 created;
  gint64 expires;
  gint64 last_used; /* since the gateway started */
  guint64 requests; /* since the gateway started */
} VmpClientKey;

/* @key is about to be removed: revoked or expired. What runs under it must end now. */
typedef void (*VmpClientKeyGone) (gpointer            user_data,
                                  const VmpClientKey *key);

/* (transfer full) */
VmpClientKeys *vmp_client_keys_new (VmpPoll         *poll,
                                    VmpStore        *store,
                                    VmpClientKeyGone gone,
                                    gpointer         user_data);
void vmp_client_keys_free (VmpClientKeys *self);
void vmp_client_keys_load (VmpClientKeys *self);

/**
 * vmp_client_keys_create:
 * @name: for the owner; 1 to VMP_LIMIT_NAME_CHARS plain characters, else G_IO_ERROR_INVALID_ARGUMENT
 * @duration: (nullable): as vmp_duration_parse() takes it; NULL: it does not expire
 * @secret: (out) (transfer full): the key itself, "vmp_" and 43 characters of 256 random bits; nobody can read it again
 *
 * Returns: (transfer none): the record; NULL with an error that is a whole sentence: also when there are already
 *   VMP_LIMIT_CLIENT_KEYS, G_IO_ERROR_NO_SPACE
 */
const VmpClientKey *vmp_client_keys_create (VmpClientKeys *self,
                                            const char    *name,
                                            const char    *duration,
                                            char         **secret,
                                            GError       **error);

/* FALSE: there is none with that id. */
gboolean vmp_client_keys_revoke (VmpClientKeys *self,
                                 const char    *id);

/* Which key a client has sent, or NULL. Takes the same time for wrong ones, however wrong. Counts its use. (transfer
 * none) */
const VmpClientKey *vmp_client_keys_check (VmpClientKeys *self,
                                           VmpSlice       secret);

const VmpClientKey *vmp_client_keys_find (VmpClientKeys *self,
                                          const char    *id);
/* Oldest first. (transfer none) (element-type VmpClientKey) */
GPtrArray *vmp_client_keys_get_all (VmpClientKeys *self);

G_END_DECLS

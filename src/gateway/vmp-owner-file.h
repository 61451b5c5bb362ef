/* SPDX-License-Identifier: MIT
 *
 * How the owner's programs on this computer find the gateway and are let in: a file in the data directory that only
 * their user can read, with the gateway's address and a token that is good for this run only. Written when the gateway
 * listens, removed when it stops.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The name of the file in the data directory. Its content: {"instance", "pid", "token", "url", "version"}. */
#define VMP_OWNER_FILE "gateway.json"

/* 256 random bits as text. (transfer full) */
char *vmp_owner_file_make_token (void);

gboolean vmp_owner_file_write (const char *data_dir,
                               const char *url,
                               const char *instance,
                               const char *token,
                               GError    **error);

/* Only if it is still that instance's. */
void vmp_owner_file_remove (const char *data_dir,
                            const char *instance);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The doors of a gateway: where it listens, the connections that came in, and who of them is let in. One door is for
 * this computer and always open; the other is for other computers, and open only while its owner shares.
 */

#pragma once

#include "gateway/vmp-gateway.h"

G_BEGIN_DECLS

typedef struct _VmpDoors VmpDoors;
typedef void (*VmpDoorsEmpty) (gpointer user_data);

/* @gateway: outlives it, and has its poll. (transfer full) */
VmpDoors *vmp_doors_new (VmpGateway *gateway);

/* Closes the doors and all connections, at once. */
void vmp_doors_free (VmpDoors *self);

/* Opens the first door, as the settings say. Whoever knocks at it or at the other one waits until vmp_doors_let_in().
 * FALSE with an error that is a whole sentence. */
gboolean vmp_doors_open (VmpDoors *self,
                         GError  **error);
void vmp_doors_let_in (VmpDoors *self);

/* Opens, moves or closes the other door, as the share and the settings say. */
void vmp_doors_update_shared (VmpDoors *self);

/* To be called when the settings have changed. */
void vmp_doors_settings_changed (VmpDoors *self);

/* Sends away who came in with a client key. */
void vmp_doors_dismiss_key (VmpDoors   *self,
                            const char *key_id);

/* Closes the doors and each connection as soon as its answer has ended; @empty is called once, when none is left. */
void vmp_doors_drain (VmpDoors     *self,
                      VmpDoorsEmpty empty,
                      gpointer      user_data);
/* Closes all connections now. */
void vmp_doors_kill (VmpDoors *self);

/* Addresses that are listened on, "127.0.0.1:7777"; the first door's, and the other's. (transfer none) */
const char * const *vmp_doors_get_addresses (VmpDoors *self);
const char * const *vmp_doors_get_shared_addresses (VmpDoors *self);
guint16 vmp_doors_get_port (VmpDoors *self);

/* Why other computers cannot come in though they should, as a sentence; NULL. (transfer none) */
const char *vmp_doors_get_trouble (VmpDoors *self);

/* Connections from other computers. */
guint vmp_doors_count_shared (VmpDoors *self);

/* Another computer that is connected with a client key. */
typedef struct {
  char *id;               /* the same as long as it is connected */
  char *address;
  char *key;              /* the id of its client key */
  gint64 since;           /* of its oldest connection, in µs since 1970 */
  guint connections;
  guint active_requests;
} VmpGuest;

/* All of them, those first that are here longest. (transfer full) (element-type VmpGuest) */
GPtrArray *vmp_doors_list_guests (VmpDoors *self);
guint vmp_doors_count_guests (VmpDoors *self);

G_END_DECLS

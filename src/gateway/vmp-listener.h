/* SPDX-License-Identifier: MIT
 *
 * The sockets that clients connect to. It binds them, accepts, and gives each connection's socket to its owner.
 */

#pragma once

#include "core/vmp-poll.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmpListener VmpListener;

/* @fd: (transfer full): non-blocking. */
typedef void (*VmpListenerAccepted) (gpointer        user_data,
                                     int             fd,
                                     GSocketAddress *local,
                                     GSocketAddress *peer);

/**
 * vmp_listener_new:
 * @host: an IP literal, or "localhost"; either loopback address, or "localhost", listens on both
 * @port: 0 for a free one, the same on all addresses
 *
 * Returns: (transfer full): the listener, or NULL with an error whose message is a whole sentence
 */
VmpListener *vmp_listener_new (VmpPoll            *poll,
                               const char         *host,
                               guint16             port,
                               VmpListenerAccepted accepted,
                               gpointer            user_data,
                               GError            **error);

/**
 * vmp_listener_new_on:
 * @addresses: IP literals, NULL-terminated
 * @port: not 0
 * @trouble: (out) (transfer full) (nullable): a sentence on the first address that cannot be listened on; NULL: all can
 *
 * Returns: (transfer full) (nullable): a listener on those addresses that can be listened on; NULL when there is none
 */
VmpListener *vmp_listener_new_on (VmpPoll            *poll,
                                  const char * const *addresses,
                                  guint16             port,
                                  VmpListenerAccepted accepted,
                                  gpointer            user_data,
                                  char              **trouble);

guint16 vmp_listener_get_port (VmpListener *self);

/* Closes its sockets. */
void vmp_listener_free (VmpListener *self);

/* The addresses it listens on, such as "127.0.0.1:7777" and "[::1]:7777". (transfer none) */
const char * const *vmp_listener_get_addresses (VmpListener *self);

/* While it is held, whoever connects waits in the kernel's queue, which has room for VMP_LIMIT_BACKLOG. */
void vmp_listener_hold (VmpListener *self,
                        gboolean     held);

/* When the process ran out of descriptors it stops accepting, as it would be called again and again for nothing, and
 * tries again each VMP_LIMIT_SWEEP_MS. To be called when a descriptor was closed, so that nobody waits that long. */
void vmp_listener_resume (VmpListener *self);

G_END_DECLS

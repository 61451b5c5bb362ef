/* SPDX-License-Identifier: MIT
 *
 * This computer's own network addresses.
 */

#pragma once

#include "core/vmp-poll.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *name;             /* "eth0" */
  GInetAddress *address;
  guint prefix_len;       /* bits of its subnet */
  gboolean is_loopback;
  gboolean has_link;      /* a bridge without members, for one, has none */
} VmpInterfaceAddress;

/* Those that are up. (transfer full) (element-type VmpInterfaceAddress) */
GPtrArray *vmp_interfaces_list (void);

/* Only the addresses, as canonical text without a zone. (transfer full) */
char **vmp_interfaces_dup_addresses (void);

/* Tells when one of them may have come or gone. */
typedef struct _VmpInterfacesWatch VmpInterfacesWatch;
typedef void (*VmpInterfacesChanged) (gpointer user_data);

/* (transfer full) (nullable): NULL where the system does not tell */
VmpInterfacesWatch *vmp_interfaces_watch_new (VmpPoll             *poll,
                                              VmpInterfacesChanged changed,
                                              gpointer             user_data);
void vmp_interfaces_watch_free (VmpInterfacesWatch *self);

G_END_DECLS

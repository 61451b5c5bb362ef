/* SPDX-License-Identifier: MIT
 *
 * IP addresses as the upstream compares them: sixteen bytes, so that no two spellings of one address differ, and
 * nothing is allocated for the check that every request passes.
 */

#pragma once

#include "upstream/vmp-reach.h"

#include <netinet/in.h>
#include <string.h>

G_BEGIN_DECLS

/* In network order; an IPv4 address as ::ffff:a.b.c.d. */
typedef struct {
  guint8 bytes[16];
} VmpAddress;

/* Reads an address; the zone of a link-local one is dropped. FALSE when it is none. */
gboolean vmp_address_parse (const char *text,
                            VmpAddress *address);

/* FALSE when it is of another family. */
gboolean vmp_address_from_sockaddr (const struct sockaddr *sockaddr,
                                    gsize                  len,
                                    VmpAddress            *address);

/* Writes it in canonical form: an IPv4 address with dots, also when it was mapped into IPv6. */
void vmp_address_print (const VmpAddress *address,
                        char              text[INET6_ADDRSTRLEN]);

static inline gboolean
vmp_address_equal (const VmpAddress *a,
                   const VmpAddress *b)
{
  return memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

VmpScope vmp_address_get_scope (const VmpAddress *address);

/* Whether addresses of that scope may be connected to. */
gboolean vmp_scope_is_allowed (VmpScope scope,
                               gboolean allow_public);

G_END_DECLS

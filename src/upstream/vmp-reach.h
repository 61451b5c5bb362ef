/* SPDX-License-Identifier: MIT
 *
 * Which addresses may be reached. Nodes are machines of their owner: on this computer, on the LAN, on a tailnet.
 * The rules are applied to the very address that is connected to, not to a look-up made before: a name that changes
 * its answer gains nothing.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
  VMP_SCOPE_LOOPBACK,   /* 127.0.0.0/8, ::1 */
  VMP_SCOPE_PRIVATE,    /* RFC 1918, fc00::/7 */
  VMP_SCOPE_LINK_LOCAL, /* 169.254.0.0/16, fe80::/10 */
  VMP_SCOPE_SHARED,     /* 100.64.0.0/10: carrier-grade NAT, Tailscale */
  VMP_SCOPE_PUBLIC,
  VMP_SCOPE_NONE,       /* no host has it: unspecified, multicast, broadcast, documentation, reserved; and cloud
                         * metadata services such as 169.254.169.254 and fd00:ec2::254 */
  VMP_N_SCOPES
} VmpScope;

/* An IPv4 address that is mapped, translated (64:ff9b::/96) or tunnelled (6to4) into IPv6 has the scope of the IPv4
 * address. */
VmpScope vmp_scope_of (GInetAddress *address);
/* The same of one that is written down, for where this is asked often; VMP_SCOPE_NONE when it is none. */
VmpScope vmp_scope_of_text (const char *text);
const char *vmp_scope_to_string (VmpScope scope); /* "loopback", "private", … */

/* What a transfer may connect to. Zero-initialised: any address that is not public, any key that a known authority
 * has signed. Strings must stay valid for as long as the transfer. */
typedef struct {
  gboolean allow_public;
  const char * const *addresses; /* NULL, or the only ones, NULL-terminated, in canonical form */
  const char *key;               /* NULL, or the SHA-256 of the one public key (SPKI) that may answer, as "sha256//…" in
                                  * base64; then no authority is asked */
  gboolean any_key;              /* take whatever key comes, to learn it: for transfers that carry nothing private */
} VmpReach;

gboolean vmp_reach_allows (const VmpReach *self,
                           GInetAddress   *address);

/**
 * vmp_reach_check_host:
 * @host: of a base URL; an IP address or a name
 *
 * What can be said before any look-up.
 *
 * Returns: NULL when it may be tried; else why not, as the rest of a sentence that begins with what it is for:
 *   "must be an address of …" (static)
 */
const char *vmp_reach_check_host (const char *host,
                                  gboolean    allow_public);

G_END_DECLS

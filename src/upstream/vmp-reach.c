/* SPDX-License-Identifier: MIT
 *
 * Judging addresses, by the registries of special-purpose addresses of IANA (RFC 6890 and what came after it).
 */

#include "upstream/vmp-reach-private.h"

#include <arpa/inet.h>

/* Where the four bytes of an IPv4 address are in the sixteen. */
#define MAPPED_AT 12

static const guint8 mapped_prefix[MAPPED_AT] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

typedef struct {
  guint8 prefix[16];
  guint8 n_bits;
  VmpScope scope;
} ScopeRange;

/* The first range that an address is in decides; what is in none is public. */
static const ScopeRange ipv4_ranges[] = {
  /* Metadata services of clouds, which give the keys of the machine to who asks: of Amazon, Google, Microsoft and most
   * others; of Amazon's containers; of Alibaba; of Microsoft's hosts. */
  { { 169, 254, 169, 254 }, 32, VMP_SCOPE_NONE },
  { { 169, 254, 170, 2 }, 32, VMP_SCOPE_NONE },
  { { 169, 254, 170, 23 }, 32, VMP_SCOPE_NONE },
  { { 100, 100, 100, 200 }, 32, VMP_SCOPE_NONE },
  { { 168, 63, 129, 16 }, 32, VMP_SCOPE_NONE },

  { { 127 }, 8, VMP_SCOPE_LOOPBACK },
  { { 10 }, 8, VMP_SCOPE_PRIVATE },
  { { 172, 16 }, 12, VMP_SCOPE_PRIVATE },
  { { 192, 168 }, 16, VMP_SCOPE_PRIVATE },
  { { 169, 254 }, 16, VMP_SCOPE_LINK_LOCAL },
  { { 100, 64 }, 10, VMP_SCOPE_SHARED },

  { { 0 }, 8, VMP_SCOPE_NONE },            /* this network; Linux connects 0.0.0.0 to itself */
  { { 192, 0, 0 }, 24, VMP_SCOPE_NONE },   /* protocol assignments */
  { { 192, 0, 2 }, 24, VMP_SCOPE_NONE },   /* documentation */
  { { 192, 88, 99 }, 24, VMP_SCOPE_NONE }, /* relays of 6to4, given up */
  { { 198, 18 }, 15, VMP_SCOPE_NONE },     /* benchmarks */
  { { 198, 51, 100 }, 24, VMP_SCOPE_NONE },
  { { 203, 0, 113 }, 24, VMP_SCOPE_NONE },
  { { 224 }, 4, VMP_SCOPE_NONE },          /* multicast */
  { { 240 }, 4, VMP_SCOPE_NONE },          /* reserved, and broadcast */
};

/* The same for IPv6; what is in none is not given out yet. */
static const ScopeRange ipv6_ranges[] = {
  { { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, VMP_SCOPE_NONE }, /* metadata services, of Amazon, */
  { { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 }, 128, VMP_SCOPE_NONE },       /* of its containers, */
  { { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, 128, VMP_SCOPE_NONE }, /* and of Google */

  { { 0, [15] = 1 }, 128, VMP_SCOPE_LOOPBACK },
  { { 0xfc }, 7, VMP_SCOPE_PRIVATE },
  { { 0xfe, 0x80 }, 10, VMP_SCOPE_LINK_LOCAL },

  { { 0x20, 0x01, 0x00 }, 23, VMP_SCOPE_NONE },             /* protocol assignments, with Teredo */
  { { 0x20, 0x01, 0x0d, 0xb8 }, 32, VMP_SCOPE_NONE },       /* documentation */
  { { 0x3f, 0xff }, 20, VMP_SCOPE_NONE },                   /* the same */
  { { 0x20 }, 3, VMP_SCOPE_PUBLIC },
};

/* Ranges of IPv6 that hold an IPv4 address, and where. */
static const struct {
  guint8 prefix[16];
  guint8 n_bits;
  guint8 offset;
} embeddings[] = {
  { { 0, [10] = 0xff, 0xff }, 96, MAPPED_AT },
  { { 0x00, 0x64, 0xff, 0x9b }, 96, MAPPED_AT }, /* translated: RFC 6052 */
  { { 0x20, 0x02 }, 16, 2 },                     /* tunnelled by 6to4: RFC 3056 */
};

static const char * const scope_strings[VMP_N_SCOPES] = {
  [VMP_SCOPE_LOOPBACK] = "loopback",
  [VMP_SCOPE_PRIVATE] = "private",
  [VMP_SCOPE_LINK_LOCAL] = "link-local",
  [VMP_SCOPE_SHARED] = "shared",
  [VMP_SCOPE_PUBLIC] = "public",
  [VMP_SCOPE_NONE] = "none",
};

const char *
vmp_scope_to_string (VmpScope scope)
{
  g_return_val_if_fail ((guint) scope < VMP_N_SCOPES, NULL);

  return scope_strings[scope];
}

/* -- Addresses as bytes -------------------------------------------------------------------- */

static gboolean
has_prefix (const guint8 *bytes,
            const guint8 *prefix,
            guint         n_bits)
{
  guint n_whole = n_bits / 8;
  guint8 mask = (guint8) (0xff00 >> (n_bits % 8));

  return memcmp (bytes, prefix, n_whole) == 0
         && (n_bits % 8 == 0 || (bytes[n_whole] & mask) == (prefix[n_whole] & mask));
}

static VmpScope
find_scope (const guint8     *bytes,
            const ScopeRange *ranges,
            guint             n_ranges,
            VmpScope          otherwise)
{
  guint i;

  for (i = 0; i < n_ranges; i++)
    {
      if (has_prefix (bytes, ranges[i].prefix, ranges[i].n_bits))
        return ranges[i].scope;
    }

  return otherwise;
}

VmpScope
vmp_address_get_scope (const VmpAddress *address)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (embeddings); i++)
    {
      if (has_prefix (address->bytes, embeddings[i].prefix, embeddings[i].n_bits))
        return find_scope (address->bytes + embeddings[i].offset, ipv4_ranges, G_N_ELEMENTS (ipv4_ranges),
                           VMP_SCOPE_PUBLIC);
    }

  return find_scope (address->bytes, ipv6_ranges, G_N_ELEMENTS (ipv6_ranges), VMP_SCOPE_NONE);
}

static void
set_ipv4 (VmpAddress *address,
          const void *bytes)
{
  memcpy (address->bytes, mapped_prefix, sizeof mapped_prefix);
  memcpy (address->bytes + MAPPED_AT, bytes, 4);
}

gboolean
vmp_address_parse (const char *text,
                   VmpAddress *address)
{
  struct in_addr ipv4;
  char without_zone[INET6_ADDRSTRLEN];
  gsize len;

  if (strchr (text, ':') == NULL)
    {
      if (inet_pton (AF_INET, text, &ipv4) != 1)
        return FALSE;
      set_ipv4 (address, &ipv4);
      return TRUE;
    }

  len = strcspn (text, "%");
  if (len >= sizeof without_zone)
    return FALSE;
  memcpy (without_zone, text, len);
  without_zone[len] = '\0';

  return inet_pton (AF_INET6, without_zone, address->bytes) == 1;
}

gboolean
vmp_address_from_sockaddr (const struct sockaddr *sockaddr,
                           gsize                  len,
                           VmpAddress            *address)
{
  if (sockaddr->sa_family == AF_INET && len >= sizeof (struct sockaddr_in))
    set_ipv4 (address, &((const struct sockaddr_in *) (gconstpointer) sockaddr)->sin_addr);
  else if (sockaddr->sa_family == AF_INET6 && len >= sizeof (struct sockaddr_in6))
    memcpy (address->bytes, &((const struct sockaddr_in6 *) (gconstpointer) sockaddr)->sin6_addr,
            sizeof address->bytes);
  else
    return FALSE;

  return TRUE;
}

void
vmp_address_print (const VmpAddress *address,
                   char              text[INET6_ADDRSTRLEN])
{
  if (memcmp (address->bytes, mapped_prefix, sizeof mapped_prefix) == 0)
    inet_ntop (AF_INET, address->bytes + MAPPED_AT, text, INET6_ADDRSTRLEN);
  else
    inet_ntop (AF_INET6, address->bytes, text, INET6_ADDRSTRLEN);
}

gboolean
vmp_scope_is_allowed (VmpScope scope,
                      gboolean allow_public)
{
  switch (scope)
    {
    case VMP_SCOPE_LOOPBACK:
    case VMP_SCOPE_PRIVATE:
    case VMP_SCOPE_LINK_LOCAL:
    case VMP_SCOPE_SHARED:
      return TRUE;

    case VMP_SCOPE_PUBLIC:
      return allow_public;

    case VMP_SCOPE_NONE:
    case VMP_N_SCOPES:
    default:
      return FALSE;
    }
}

/* -- Addresses as objects and hosts -------------------------------------------------------- */

static void
from_inet_address (GInetAddress *inet_address,
                   VmpAddress   *address)
{
  const guint8 *bytes = g_inet_address_to_bytes (inet_address);

  if (g_inet_address_get_family (inet_address) == G_SOCKET_FAMILY_IPV4)
    set_ipv4 (address, bytes);
  else
    memcpy (address->bytes, bytes, sizeof address->bytes);
}

VmpScope
vmp_scope_of (GInetAddress *inet_address)
{
  VmpAddress address;

  g_return_val_if_fail (G_IS_INET_ADDRESS (inet_address), VMP_SCOPE_NONE);

  from_inet_address (inet_address, &address);

  return vmp_address_get_scope (&address);
}

VmpScope
vmp_scope_of_text (const char *text)
{
  VmpAddress address;

  g_return_val_if_fail (text != NULL, VMP_SCOPE_NONE);

  return vmp_address_parse (text, &address) ? vmp_address_get_scope (&address) : VMP_SCOPE_NONE;
}

gboolean
vmp_reach_allows (const VmpReach *self,
                  GInetAddress   *inet_address)
{
  VmpAddress address;
  VmpAddress only;
  guint i;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (G_IS_INET_ADDRESS (inet_address), FALSE);

  from_inet_address (inet_address, &address);
  if (!vmp_scope_is_allowed (vmp_address_get_scope (&address), self->allow_public))
    return FALSE;
  if (self->addresses == NULL)
    return TRUE;

  for (i = 0; self->addresses[i] != NULL; i++)
    {
      if (vmp_address_parse (self->addresses[i], &only) && vmp_address_equal (&only, &address))
        return TRUE;
    }

  return FALSE;
}

const char *
vmp_reach_check_host (const char *host,
                      gboolean    allow_public)
{
  VmpAddress address;
  VmpScope scope;

  g_return_val_if_fail (host != NULL, NULL);

  if (!vmp_address_parse (host, &address))
    return NULL;

  scope = vmp_address_get_scope (&address);
  if (vmp_scope_is_allowed (scope, allow_public))
    return NULL;

  if (scope == VMP_SCOPE_PUBLIC)
    return "must be an address of this computer or of a private network; one on the public Internet needs the setting "
           "allow_public_nodes";

  return "must be an address that a computer of yours can have; this one is reserved, for many at once, or a cloud's "
         "metadata service";
}

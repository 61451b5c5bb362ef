/* SPDX-License-Identifier: MIT
 *
 * This computer's own network addresses, as the kernel lists them.
 */

#include "platform/vmp-interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void
interface_address_free (gpointer data)
{
  VmpInterfaceAddress *self = data;

  g_free (self->name);
  g_object_unref (self->address);
  g_free (self);
}

/* (transfer full) (nullable): NULL when it is neither IPv4 nor IPv6 */
static GInetAddress *
to_address (const struct sockaddr *native)
{
  g_autoptr (GSocketAddress) address = NULL;
  gsize size;

  if (native == NULL)
    return NULL;
  if (native->sa_family == AF_INET)
    size = sizeof (struct sockaddr_in);
  else if (native->sa_family == AF_INET6)
    size = sizeof (struct sockaddr_in6);
  else
    return NULL;

  address = g_socket_address_new_from_native ((gpointer) native, size);
  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return NULL;

  return g_object_ref (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

/* The bits that are set in a mask; they stand together at its beginning. */
static guint
count_bits (GInetAddress *mask)
{
  const guint8 *bytes = g_inet_address_to_bytes (mask);
  gsize size = g_inet_address_get_native_size (mask);
  guint n = 0;

  for (gsize i = 0; i < size; i++)
    n += __builtin_popcount (bytes[i]);

  return n;
}

GPtrArray *
vmp_interfaces_list (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (interface_address_free);
  struct ifaddrs *all = NULL;

  if (getifaddrs (&all) < 0)
    return list;

  for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next)
    {
      g_autoptr (GInetAddress) address = to_address (entry->ifa_addr);
      g_autoptr (GInetAddress) mask = to_address (entry->ifa_netmask);
      VmpInterfaceAddress *self;

      if (address == NULL || mask == NULL || !(entry->ifa_flags & IFF_UP))
        continue;

      self = g_new0 (VmpInterfaceAddress, 1);
      self->name = g_strdup (entry->ifa_name);
      self->address = g_steal_pointer (&address);
      self->prefix_len = count_bits (mask);
      self->is_loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
      self->has_link = (entry->ifa_flags & IFF_RUNNING) != 0;
      g_ptr_array_add (list, self);
    }
  freeifaddrs (all);

  return list;
}

char **
vmp_interfaces_dup_addresses (void)
{
  g_autoptr (GPtrArray) list = vmp_interfaces_list ();
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < list->len; i++)
    {
      const VmpInterfaceAddress *entry = g_ptr_array_index (list, i);
      g_autofree char *text = g_inet_address_to_string (entry->address);

      g_strv_builder_add (builder, text);
    }

  return g_strv_builder_end (builder);
}

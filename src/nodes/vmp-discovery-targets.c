/* SPDX-License-Identifier: MIT
 *
 * What a search has to look at, made of what was asked for. All of it is checked before anything is looked at, and
 * what cannot be done as asked is refused by name: nothing is left out silently.
 */

#include "nodes/vmp-discovery-private.h"

#include "core/vmp-text.h"
#include "platform/vmp-interfaces.h"

#include <string.h>

/* Where LM Studio, Ollama, llama.cpp and LocalAI, vLLM, text-generation-webui, KoboldCpp, GPT4All, and Jan listen. */
static const guint16 known_ports[] = { 1234, 11434, 8080, 8000, 5000, 5001, 4891, 1337 };

/* Characters of a target that are repeated in an error. */
#define SHOWN_CHARS 100

/* -- Targets ------------------------------------------------------------------------------- */

VmpTarget *
vmp_target_new (VmpBaseUrl *base_url,
                const char *found_by,
                const char *found_at)
{
  VmpTarget *self = g_new0 (VmpTarget, 1);

  self->base_url = base_url;
  self->found_by = found_by;
  self->found_at = g_strdup (found_at);

  return self;
}

void
vmp_target_free (VmpTarget *self)
{
  g_clear_pointer (&self->node, vmp_node_unref);
  vmp_base_url_free (self->base_url);
  g_free (self->found_at);
  g_free (self->host);
  g_free (self);
}

/* -- Subnets ------------------------------------------------------------------------------- */

static void
add_to_bytes (guint8 *bytes,
              gsize   size,
              guint   n)
{
  for (gsize i = size; i > 0 && n > 0; i--)
    {
      n += bytes[i - 1];
      bytes[i - 1] = n & 0xff;
      n >>= 8;
    }
}

static void
clear_host_bits (guint8 *bytes,
                 gsize   size,
                 guint   prefix_len)
{
  for (gsize i = 0; i < size; i++)
    {
      guint n_kept = prefix_len > i * 8 ? MIN (prefix_len - i * 8, 8) : 0;

      bytes[i] &= 0xff00 >> n_kept;
    }
}

static gsize
size_of_family (GSocketFamily family)
{
  return family == G_SOCKET_FAMILY_IPV6 ? 16 : 4;
}

static GInetAddress *
get_host (const VmpSubnet *self,
          guint            i)
{
  guint8 bytes[16];

  memcpy (bytes, self->first, sizeof bytes);
  add_to_bytes (bytes, size_of_family (self->family), i);

  return g_inet_address_new_from_bytes (bytes, self->family);
}

/* Whether nobody but the owner and those near him can have an address. */
static gboolean
is_near (GInetAddress *address)
{
  const guint8 *bytes = g_inet_address_to_bytes (address);

  if (g_inet_address_get_is_loopback (address))
    return TRUE;

  /* Of IPv6 only the unique local ones: of link-local ones nothing says on which link they are, and IPv4 addresses that
   * are written as IPv6 would be searched under two names. */
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6)
    return (bytes[0] & 0xfe) == 0xfc;

  switch (vmp_scope_of (address))
    {
    case VMP_SCOPE_LOOPBACK:
    case VMP_SCOPE_PRIVATE:
    case VMP_SCOPE_LINK_LOCAL:
    case VMP_SCOPE_SHARED:
      return TRUE;

    default:
      return FALSE;
    }
}

/* The block of addresses around one of them; those of IPv4 that stand for the whole block are left out. (transfer full)
 * (nullable): NULL when it is larger than a search may be */
static VmpSubnet *
subnet_new (GInetAddress *address,
            guint         prefix_len)
{
  g_autoptr (VmpSubnet) self = g_new0 (VmpSubnet, 1);
  g_autoptr (GInetAddress) first = NULL;
  g_autofree char *first_text = NULL;
  gsize size = g_inet_address_get_native_size (address);
  guint n_host_bits = size * 8 - prefix_len;

  if (n_host_bits >= 32 || (1u << n_host_bits) > VMP_LIMIT_SCAN_HOSTS)
    return NULL;

  self->family = g_inet_address_get_family (address);
  memcpy (self->first, g_inet_address_to_bytes (address), size);
  clear_host_bits (self->first, size, prefix_len);
  first = get_host (self, 0);
  first_text = g_inet_address_to_string (first);
  self->text = g_strdup_printf ("%s/%u", first_text, prefix_len);

  self->n_hosts = 1u << n_host_bits;
  if (self->family == G_SOCKET_FAMILY_IPV4 && n_host_bits >= 2)
    {
      self->n_hosts -= 2;
      add_to_bytes (self->first, size, 1);
    }

  return g_steal_pointer (&self);
}

void
vmp_subnet_free (VmpSubnet *self)
{
  g_free (self->text);
  g_free (self);
}

/* The plain forms only: "192.168.1.0/24", "fd00::/120", or one address. */
static GInetAddress *
parse_cidr (const char *text,
            guint      *prefix_len)
{
  const char *slash = strchr (text, '/');
  g_autofree char *address_text = slash != NULL ? g_strndup (text, slash - text) : g_strdup (text);
  g_autoptr (GInetAddress) address = NULL;
  guint64 number;
  guint n_bits;

  if (strchr (address_text, '%') != NULL)
    return NULL;

  address = g_inet_address_new_from_string (address_text);
  if (address == NULL)
    return NULL;

  n_bits = g_inet_address_get_native_size (address) * 8;
  *prefix_len = n_bits;
  if (slash == NULL)
    return g_steal_pointer (&address);

  if ((slash[1] == '0' && slash[2] != '\0') || !g_ascii_string_to_unsigned (slash + 1, 10, 0, n_bits, &number, NULL))
    return NULL;
  *prefix_len = number;

  return g_steal_pointer (&address);
}

VmpSubnet *
vmp_subnet_parse (const char *text,
                  GError    **error)
{
  g_autofree char *shown = vmp_text_display (text, SHOWN_CHARS);
  guint prefix_len;
  g_autoptr (GInetAddress) address = parse_cidr (text, &prefix_len);
  g_autoptr (VmpSubnet) self = NULL;
  g_autoptr (GInetAddress) first = NULL;
  g_autoptr (GInetAddress) last = NULL;

  if (address == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Subnet %s is not understood; write its address and the length of its prefix, such as "
                   "192.168.1.0/24.", shown);
      return NULL;
    }

  if (!is_near (address))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Subnet %s is not a private network; only networks of your own are searched, such as "
                   "192.168.1.0/24.", shown);
      return NULL;
    }

  self = subnet_new (address, prefix_len);
  if (self == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Subnet %s has more than the %d addresses that are searched at a time; name smaller ones, such as "
                   "%s.", shown, VMP_LIMIT_SCAN_HOSTS,
                   g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4 ? "192.168.4.0/22" : "fd00::/118");
      return NULL;
    }

  first = get_host (self, 0);
  last = get_host (self, self->n_hosts - 1);
  if (!is_near (first) || !is_near (last))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Subnet %s is not a private network in all of its addresses; name a smaller one.", shown);
      return NULL;
    }

  return g_steal_pointer (&self);
}

/* Blocks of addresses are inside one another or apart. */
static gboolean
is_inside (const VmpSubnet *inner,
           const VmpSubnet *outer)
{
  gsize size = size_of_family (inner->family);
  guint8 inner_last[16];
  guint8 outer_last[16];

  if (inner->family != outer->family || inner->n_hosts > outer->n_hosts)
    return FALSE;

  memcpy (inner_last, inner->first, sizeof inner_last);
  memcpy (outer_last, outer->first, sizeof outer_last);
  add_to_bytes (inner_last, size, inner->n_hosts - 1);
  add_to_bytes (outer_last, size, outer->n_hosts - 1);

  return memcmp (inner->first, outer->first, size) >= 0 && memcmp (inner_last, outer_last, size) <= 0;
}

/* @subnet: (transfer full) */
static void
add_subnet (VmpTargets *self,
            VmpSubnet  *subnet)
{
  for (guint i = self->subnets->len; i > 0; i--)
    {
      VmpSubnet *other = g_ptr_array_index (self->subnets, i - 1);

      if (is_inside (subnet, other))
        {
          vmp_subnet_free (subnet);
          return;
        }
      if (is_inside (other, subnet))
        {
          self->n_hosts -= other->n_hosts;
          g_ptr_array_remove_index (self->subnets, i - 1);
        }
    }

  self->n_hosts += subnet->n_hosts;
  g_ptr_array_add (self->subnets, subnet);
}

static gboolean
add_given_subnets (VmpTargets         *self,
                   const char * const *texts,
                   GError            **error)
{
  if (g_strv_length ((char **) texts) > VMP_LIMIT_SCAN_SUBNETS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "At most %d subnets are looked at in one search.",
                   VMP_LIMIT_SCAN_SUBNETS);
      return FALSE;
    }

  for (; *texts != NULL; texts++)
    {
      VmpSubnet *subnet = vmp_subnet_parse (*texts, error);

      if (subnet == NULL)
        return FALSE;
      add_subnet (self, subnet);
    }

  return TRUE;
}

/* The networks of this computer's own interfaces. Those of IPv6 have too many addresses to be tried one by one;
 * point-to-point ones have nobody else. */
static gboolean
add_own_subnets (VmpTargets *self,
                 GError    **error)
{
  g_autoptr (GPtrArray) interfaces = vmp_interfaces_list ();

  for (guint i = 0; i < interfaces->len; i++)
    {
      const VmpInterfaceAddress *entry = g_ptr_array_index (interfaces, i);
      g_autofree char *address = g_inet_address_to_string (entry->address);
      VmpSubnet *subnet;

      if (entry->is_loopback || !entry->has_link || entry->prefix_len >= 31
          || g_inet_address_get_family (entry->address) != G_SOCKET_FAMILY_IPV4
          || vmp_scope_of (entry->address) != VMP_SCOPE_PRIVATE)
        continue;

      subnet = subnet_new (entry->address, entry->prefix_len);
      if (subnet == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "The network of %s (%s/%u) has more than the %d addresses that are searched at a time; name the "
                       "subnets to search (--subnet), such as %s/24.", entry->name, address, entry->prefix_len,
                       VMP_LIMIT_SCAN_HOSTS, address);
          return FALSE;
        }
      add_subnet (self, subnet);
    }

  if (self->subnets->len == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "This computer is in no private IPv4 network that could be searched; name the subnets to "
                           "search (--subnet), such as 192.168.1.0/24.");
      return FALSE;
    }
  if (self->subnets->len > VMP_LIMIT_SCAN_SUBNETS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "This computer is in %u networks, and at most %d are searched at a time; name those to search "
                   "(--subnet).", self->subnets->len, VMP_LIMIT_SCAN_SUBNETS);
      return FALSE;
    }

  return TRUE;
}

/* -- Ports --------------------------------------------------------------------------------- */

static gboolean
add_ports (VmpTargets    *self,
           const guint16 *ports,
           guint          n_ports,
           GError       **error)
{
  if (ports == NULL || n_ports == 0)
    {
      ports = known_ports;
      n_ports = G_N_ELEMENTS (known_ports);
    }

  if (n_ports > VMP_LIMIT_SCAN_PORTS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "At most %d ports are looked at in one search.",
                   VMP_LIMIT_SCAN_PORTS);
      return FALSE;
    }

  for (guint i = 0; i < n_ports; i++)
    {
      guint j = 0;

      if (ports[i] == 0)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                               "Port 0 cannot be searched; ports are numbers from 1 to 65535.");
          return FALSE;
        }

      while (j < self->n_ports && self->ports[j] != ports[i])
        j++;
      if (j == self->n_ports)
        self->ports[self->n_ports++] = ports[i];
    }

  return TRUE;
}

/* -- Base URLs ----------------------------------------------------------------------------- */

typedef struct {
  VmpDiscovery *discovery;
  VmpTargets *targets;
  GHashTable *keys;   /* of those that are targets already */
} Collector;

/* @data: a VmpTarget (transfer full); @user_data: a Collector */
static void
collect (gpointer data,
         gpointer user_data)
{
  VmpTarget *target = data;
  Collector *self = user_data;
  const char * const *own_addresses = (const char * const *) self->discovery->own_addresses;

  if (g_hash_table_add (self->keys, vmp_node_url_key (target->base_url, own_addresses)))
    g_queue_push_tail (&self->targets->urls, target);
  else
    vmp_target_free (target);
}

/* @text: known to be one */
static void
collect_text (Collector  *self,
              const char *text,
              const char *found_by)
{
  VmpBaseUrl *base_url = vmp_base_url_parse (text, NULL);

  g_assert (base_url != NULL);
  collect (vmp_target_new (base_url, found_by, NULL), self);
}

static void
collect_node (Collector  *self,
              VmpNode    *node,
              const char *found_by)
{
  VmpBaseUrl *base_url = vmp_base_url_parse (node->base_url->text, NULL);
  VmpTarget *target;

  g_return_if_fail (base_url != NULL);

  target = vmp_target_new (base_url, found_by, NULL);
  target->node = vmp_node_ref (node);
  collect (target, self);
}

static gboolean
collect_given (Collector          *self,
               const char * const *base_urls,
               GError            **error)
{
  gboolean allow_public = vmp_registry_get_public_allowed (self->discovery->registry);

  if (g_strv_length ((char **) base_urls) > VMP_LIMIT_DISCOVER_URLS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "At most %d base URLs are looked at in one search.",
                   VMP_LIMIT_DISCOVER_URLS);
      return FALSE;
    }

  for (guint i = 0; base_urls[i] != NULL; i++)
    {
      g_autoptr (GError) local_error = NULL;
      g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (base_urls[i], &local_error);
      const char *objection;
      VmpTarget *target;

      if (base_url != NULL)
        objection = vmp_reach_check_host (base_url->host, allow_public);
      else
        objection = local_error->message;
      if (objection != NULL)
        {
          g_autofree char *shown = vmp_text_display (base_urls[i], SHOWN_CHARS);

          /* What is before an @ may be a password. */
          if (strchr (base_urls[i], '@') != NULL)
            g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Base URL number %u %s.", i + 1, objection);
          else
            g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Base URL '%s' %s.", shown, objection);
          return FALSE;
        }

      target = vmp_target_new (g_steal_pointer (&base_url), "base_urls", NULL);
      target->allow_public = allow_public;
      collect (target, self);
    }

  return TRUE;
}

static void
collect_default (Collector *self)
{
  VmpNode *node = vmp_registry_get_default (self->discovery->registry);

  if (node != NULL)
    collect_node (self, node, "default");
}

static void
collect_local (Collector *self)
{
  for (guint i = 0; i < self->targets->n_ports; i++)
    {
      g_autofree char *text = g_strdup_printf ("http://127.0.0.1:%u", self->targets->ports[i]);

      collect_text (self, text, "local");
    }
}

static void
collect_static (Collector *self)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->discovery->registry);

  for (guint i = 0; i < nodes->len; i++)
    collect_node (self, g_ptr_array_index (nodes, i), "static");
}

/* -- All of it ----------------------------------------------------------------------------- */

VmpTargets *
vmp_targets_new (VmpDiscovery             *discovery,
                 const VmpDiscoverRequest *request,
                 GError                  **error)
{
  g_autoptr (VmpTargets) self = g_new0 (VmpTargets, 1);
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Collector collector = { discovery, self, keys };

  g_queue_init (&self->urls);
  self->subnets = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_subnet_free);
  if (!add_ports (self, request->ports, request->n_ports, error))
    return NULL;

  if (request->methods & VMP_DISCOVER_LAN_SCAN)
    {
      gboolean are_given = request->subnets != NULL && request->subnets[0] != NULL;

      if (are_given ? !add_given_subnets (self, request->subnets, error) : !add_own_subnets (self, error))
        return NULL;
    }

  if (request->base_urls != NULL && !collect_given (&collector, request->base_urls, error))
    return NULL;
  if (request->methods & (VMP_DISCOVER_LOCAL | VMP_DISCOVER_STATIC))
    collect_default (&collector);
  if (request->methods & VMP_DISCOVER_LOCAL)
    collect_local (&collector);
  if (request->methods & VMP_DISCOVER_STATIC)
    collect_static (&collector);
  if (request->methods & VMP_DISCOVER_MDNS)
    vmp_discovery_for_each_sighting (discovery, collect, &collector);

  return g_steal_pointer (&self);
}

void
vmp_targets_free (VmpTargets *self)
{
  g_queue_clear_full (&self->urls, (GDestroyNotify) vmp_target_free);
  g_ptr_array_unref (self->subnets);
  g_free (self);
}

guint
vmp_targets_count_scanned (const VmpTargets *self)
{
  return self->n_hosts * self->n_ports;
}

GInetAddress *
vmp_targets_get_scanned (const VmpTargets *self,
                         guint             i,
                         guint16          *port,
                         const VmpSubnet **subnet)
{
  guint host = i % self->n_hosts;

  *port = self->ports[i / self->n_hosts];
  for (guint j = 0; j < self->subnets->len; j++)
    {
      const VmpSubnet *entry = g_ptr_array_index (self->subnets, j);

      if (host < entry->n_hosts)
        {
          if (subnet != NULL)
            *subnet = entry;
          return get_host (entry, host);
        }
      host -= entry->n_hosts;
    }

  g_assert_not_reached ();
}

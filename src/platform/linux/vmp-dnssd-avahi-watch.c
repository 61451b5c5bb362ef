/* SPDX-License-Identifier: MIT
 *
 * The services that VmpDnssd watches through Avahi. A service comes once for each interface, and there over IPv4 and
 * IPv6 apart; it is reported once for each interface, with its IPv4 address where it has one. Each is kept being
 * resolved for as long as it is announced, so that a change of its address or text is seen.
 */

#include "platform/linux/vmp-dnssd-avahi-private.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <net/if.h>
#include <string.h>

#define ANY (-1)

/* AvahiLookupResultFlags: this computer announced it; the second when it was this very connection to the daemon. */
#define RESULT_LOCAL (1 << 3)
#define RESULT_OUR_OWN (1 << 4)

/* Characters of a service's name and of its host's: the longest that DNS knows. */
#define NAME_MAX_CHARS 63
#define HOST_MAX_CHARS 253

/* AvahiProtocol, and where a way stands in a service: the better one first. */
#define IPV4 0
#define IPV6 1
#define N_WAYS 2

typedef struct {
  VmpDnssd *dnssd;
  char *type;
  VmpAvahiObject *object;
} Browser;

typedef struct _Service Service;

/* How a service is reached over one of the two protocols. */
typedef struct {
  Service *service;
  gboolean is_announced;    /* it was seen there */
  VmpAvahiObject *resolver; /* NULL: it is not asked for there */
  gboolean is_answered;     /* it was resolved, or could not be */
  GStringChunk *strings;    /* of what follows; NULL: it has no usable address */
  VmpDnssdService found;
} Way;

struct _Service {
  Browser *browser;
  char *key;
  char *name;            /* as it may be shown */
  char *interface;
  gboolean is_own;
  Way ways[N_WAYS];
  char *reported;        /* all that was last reported, in one text; NULL: nothing */
};

/* -- Services ------------------------------------------------------------------------------ */

/* Its name last, since it may hold anything. (transfer full) */
static char *
make_key (int         interface,
          const char *type,
          const char *domain,
          const char *name)
{
  return g_strdup_printf ("%d %s %s %s", interface, type, domain, name);
}

static Service *
service_new (Browser    *browser,
             int         interface,
             const char *name,
             gboolean    is_own)
{
  Service *self = g_new0 (Service, 1);
  char interface_name[IF_NAMESIZE];

  self->browser = browser;
  self->name = vmp_text_display (name, NAME_MAX_CHARS);
  self->interface = interface > 0 && if_indextoname (interface, interface_name) != NULL
                    ? vmp_text_display (interface_name, IF_NAMESIZE)
                    : g_strdup_printf ("interface %d", interface);
  self->is_own = is_own;
  for (guint i = 0; i < N_WAYS; i++)
    self->ways[i].service = self;

  return self;
}

static void
way_forget (Way *self)
{
  self->is_answered = FALSE;
  g_clear_pointer (&self->strings, g_string_chunk_free);
}

static void
way_close (Way *self)
{
  if (self->resolver == NULL)
    return;

  g_clear_pointer (&self->resolver, vmp_avahi_object_drop);
  way_forget (self);
}

static void
report_lost (Service *self)
{
  VmpDnssd *dnssd = self->browser->dnssd;
  const VmpDnssdService service = {
    .type = self->browser->type,
    .name = self->name,
    .interface = self->interface,
    .path = "",
  };

  if (self->reported == NULL)
    return;

  g_clear_pointer (&self->reported, g_free);
  if (dnssd->events.lost != NULL)
    dnssd->events.lost (dnssd->user_data, &service);
}

static void
service_free (gpointer data)
{
  Service *self = data;

  for (guint i = 0; i < N_WAYS; i++)
    way_close (&self->ways[i]);
  report_lost (self);
  g_free (self->interface);
  g_free (self->name);
  g_free (self->key);
  g_free (self);
}

/* The way by which it is reported. IPv6 has to wait while an answer over IPv4 may still come. */
static const Way *
choose_way (const Service *self,
            gboolean      *must_wait)
{
  *must_wait = FALSE;
  for (guint i = 0; i < N_WAYS; i++)
    {
      const Way *way = &self->ways[i];

      *must_wait = way->resolver != NULL && !way->is_answered;
      if (*must_wait)
        return NULL;
      if (way->strings != NULL)
        return way;
    }

  return NULL;
}

static void
service_update (Service *self)
{
  VmpDnssd *dnssd = self->browser->dnssd;
  gboolean must_wait;
  const Way *way = choose_way (self, &must_wait);
  g_autofree char *report = NULL;

  if (must_wait)
    return;

  if (way == NULL)
    {
      report_lost (self);
      return;
    }

  report = g_strdup_printf ("%s %u %s %s %s %d", way->found.address, way->found.port, way->found.host,
                            way->found.instance != NULL ? way->found.instance : "-", way->found.path, way->found.tls);
  if (g_strcmp0 (report, self->reported) == 0)
    return;

  g_free (self->reported);
  self->reported = g_steal_pointer (&report);
  if (dnssd->events.found != NULL)
    dnssd->events.found (dnssd->user_data, &way->found);
}

/* -- Resolvers ----------------------------------------------------------------------------- */

/* The address in canonical form with its zone; NULL when nothing can be reached there from here. (transfer full) */
static char *
check_address (const char *text,
               const char *interface)
{
  g_autoptr (GInetAddress) address = NULL;
  g_autofree char *canonical = NULL;

  if (strchr (text, '%') != NULL)
    return NULL;

  address = g_inet_address_new_from_string (text);
  if (address == NULL || g_inet_address_get_is_any (address) || g_inet_address_get_is_loopback (address)
      || g_inet_address_get_is_multicast (address))
    return NULL;

  canonical = g_inet_address_to_string (address);
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 && g_inet_address_get_is_link_local (address))
    return g_strdup_printf ("%s%%%s", canonical, interface);

  return g_steal_pointer (&canonical);
}

/* The items as they are on the wire: each after a byte with its length. (transfer full) (nullable): NULL when they are
 * too long to be looked at */
static GByteArray *
to_wire (GVariant *txt)
{
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  GVariantIter items;
  GVariant *item;

  g_variant_iter_init (&items, txt);
  while ((item = g_variant_iter_next_value (&items)) != NULL)
    {
      gsize len;
      const guint8 *bytes = g_variant_get_fixed_array (item, &len, 1);
      guint8 len_byte = MIN (len, G_MAXUINT8);
      gboolean fits = len <= G_MAXUINT8 && wire->len + 1 + len <= VMP_LIMIT_DNSSD_TXT_BYTES;

      if (fits)
        {
          g_byte_array_append (wire, &len_byte, 1);
          g_byte_array_append (wire, bytes, len);
        }
      g_variant_unref (item);
      if (!fits)
        return NULL;
    }

  return g_steal_pointer (&wire);
}

static void
take_found (Way      *self,
            GVariant *parameters)
{
  Service *service = self->service;
  const char *host;
  const char *address;
  guint16 port;
  g_autoptr (GVariant) txt = NULL;
  g_autoptr (GByteArray) wire = NULL;
  g_autofree char *shown_host = NULL;
  g_autofree char *usable = NULL;

  g_variant_get (parameters, "(iisss&si&sq@aayu)", NULL, NULL, NULL, NULL, NULL, &host, NULL, &address, &port, &txt,
                 NULL);
  way_forget (self);
  self->is_answered = TRUE;
  usable = check_address (address, service->interface);
  wire = to_wire (txt);
  if (usable == NULL || port == 0 || wire == NULL)
    return;

  shown_host = vmp_text_display (host, HOST_MAX_CHARS);
  self->strings = g_string_chunk_new (256);
  self->found = (VmpDnssdService) {
    .type = service->browser->type,
    .name = service->name,
    .interface = service->interface,
    .host = g_string_chunk_insert (self->strings, shown_host),
    .address = g_string_chunk_insert (self->strings, usable),
    .port = port,
    .is_own = service->is_own,
  };
  vmp_dnssd_read_txt (wire->data, wire->len, &self->found, self->strings);
}

static void
resolver_ready (gpointer      owner,
                const GError *error)
{
  Way *self = owner;

  if (error == NULL)
    {
      vmp_avahi_object_call (self->resolver, "Start", NULL, NULL);
      return;
    }

  self->is_answered = TRUE;
  service_update (self->service);
}

static void
resolver_signal (gpointer    owner,
                 const char *name,
                 GVariant   *parameters)
{
  Way *self = owner;

  if (g_str_equal (name, "Found") && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(iissssisqaayu)")))
    {
      take_found (self, parameters);
    }
  else if (g_str_equal (name, "Failure"))
    {
      /* Not for good: what comes late is found all the same. */
      way_forget (self);
      self->is_answered = TRUE;
    }
  else
    {
      return;
    }

  service_update (self->service);
}

static const VmpAvahiObjectFuncs resolver_funcs = {
  .interface = "org.freedesktop.Avahi.ServiceResolver",
  .ready = resolver_ready,
  .signal = resolver_signal,
};

/* -- Browsers ------------------------------------------------------------------------------ */

static void
browser_ready (gpointer      owner,
               const GError *error)
{
  Browser *self = owner;
  g_autofree char *complaint = NULL;

  if (error == NULL)
    {
      vmp_avahi_object_call (self->object, "Start", NULL, NULL);
      return;
    }

  complaint = vmp_avahi_dup_complaint (error);
  if (complaint != NULL)
    g_message ("The network cannot be searched for %s services: %s", self->type, complaint);
}

/* The way that an item speaks of, whose service is made when it is new. NULL: it is not followed. */
static Way *
find_way (Browser  *self,
          GVariant *parameters,
          gboolean  is_new)
{
  VmpDnssd *dnssd = self->dnssd;
  int interface;
  int protocol;
  const char *name;
  const char *domain;
  guint32 flags;
  g_autofree char *key = NULL;
  Service *service;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(iisssu)")))
    return NULL;

  g_variant_get (parameters, "(ii&ss&su)", &interface, &protocol, &name, NULL, &domain, &flags);
  if (protocol != IPV4 && protocol != IPV6)
    return NULL;

  key = make_key (interface, self->type, domain, name);
  service = g_hash_table_lookup (dnssd->services, key);
  if (service == NULL && is_new)
    {
      if (g_hash_table_size (dnssd->services) >= VMP_LIMIT_DNSSD_SERVICES)
        {
          if (!dnssd->excess_was_said)
            g_message ("The network announces more than %d services; the others are left alone",
                       VMP_LIMIT_DNSSD_SERVICES);
          dnssd->excess_was_said = TRUE;
          return NULL;
        }

      service = service_new (self, interface, name, (flags & (RESULT_LOCAL | RESULT_OUR_OWN)) != 0);
      service->key = g_steal_pointer (&key);
      g_hash_table_insert (dnssd->services, service->key, service);
    }

  return service != NULL ? &service->ways[protocol] : NULL;
}

static void
ask_way (Way      *self,
         GVariant *item)
{
  Browser *browser = self->service->browser;
  int protocol = self - self->service->ways;
  int interface;
  const char *name;
  const char *domain;

  if (self->resolver != NULL)
    return;

  g_variant_get (item, "(ii&ss&su)", &interface, NULL, &name, NULL, &domain, NULL);
  self->resolver = vmp_avahi_object_new (browser->dnssd, &resolver_funcs, self, "ServiceResolverPrepare",
                                         g_variant_new ("(iisssiu)", interface, protocol, name, browser->type, domain,
                                                        protocol, 0u));
}

static void
take_new (Browser  *self,
          GVariant *parameters)
{
  Way *way = find_way (self, parameters, TRUE);
  gboolean is_first;

  if (way == NULL)
    return;

  /* Nearly always it comes over both, now one first and now the other. So IPv4 is asked for in any case, and IPv6
   * counts once that was in vain. */
  is_first = !way->service->ways[IPV4].is_announced && !way->service->ways[IPV6].is_announced;
  way->is_announced = TRUE;
  ask_way (way, parameters);
  if (is_first)
    ask_way (&way->service->ways[IPV4], parameters);
}

static void
take_remove (Browser  *self,
             GVariant *parameters)
{
  VmpDnssd *dnssd = self->dnssd;
  Way *way = find_way (self, parameters, FALSE);
  Service *service;

  if (way == NULL)
    return;

  service = way->service;
  way->is_announced = FALSE;
  way_close (way);
  if (service->ways[IPV4].is_announced || service->ways[IPV6].is_announced)
    service_update (service);
  else
    g_hash_table_remove (dnssd->services, service->key);

  /* The daemon does not tell again of those that there was no room for: all is asked anew. Frees this browser. */
  if (dnssd->excess_was_said && g_hash_table_size (dnssd->services) <= VMP_LIMIT_DNSSD_SERVICES / 2)
    {
      vmp_avahi_watch_end (dnssd);
      vmp_avahi_watch_begin (dnssd);
    }
}

static void
browser_signal (gpointer    owner,
                const char *name,
                GVariant   *parameters)
{
  if (g_str_equal (name, "ItemNew"))
    take_new (owner, parameters);
  else if (g_str_equal (name, "ItemRemove"))
    take_remove (owner, parameters);
}

static const VmpAvahiObjectFuncs browser_funcs = {
  .interface = "org.freedesktop.Avahi.ServiceBrowser",
  .ready = browser_ready,
  .signal = browser_signal,
};

static Browser *
browser_new (VmpDnssd   *dnssd,
             const char *type)
{
  Browser *self = g_new0 (Browser, 1);

  self->dnssd = dnssd;
  self->type = g_strdup (type);
  self->object = vmp_avahi_object_new (dnssd, &browser_funcs, self, "ServiceBrowserPrepare",
                                       g_variant_new ("(iissu)", ANY, ANY, type, "", 0u));

  return self;
}

static gboolean
is_of_browser (gpointer key,
               gpointer value,
               gpointer user_data)
{
  return ((Service *) value)->browser == user_data;
}

static void
browser_free (gpointer data)
{
  Browser *self = data;

  vmp_avahi_object_drop (self->object);
  g_hash_table_foreach_remove (self->dnssd->services, is_of_browser, self);
  g_free (self->type);
  g_free (self);
}

static gboolean
has_browser (VmpDnssd   *dnssd,
             const char *type)
{
  for (guint i = 0; i < dnssd->browsers->len; i++)
    {
      if (g_str_equal (((Browser *) g_ptr_array_index (dnssd->browsers, i))->type, type))
        return TRUE;
    }

  return FALSE;
}

void
vmp_avahi_watch_begin (VmpDnssd *dnssd)
{
  if (dnssd->types == NULL)
    return;

  if (dnssd->browsers == NULL)
    {
      dnssd->browsers = g_ptr_array_new_with_free_func (browser_free);
      dnssd->services = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, service_free);
    }

  for (guint i = dnssd->browsers->len; i > 0; i--)
    {
      const Browser *browser = g_ptr_array_index (dnssd->browsers, i - 1);

      if (!g_strv_contains ((const char * const *) dnssd->types, browser->type))
        g_ptr_array_remove_index (dnssd->browsers, i - 1);
    }

  for (gsize i = 0; dnssd->types[i] != NULL && dnssd->browsers->len < VMP_LIMIT_DNSSD_TYPES; i++)
    {
      if (!has_browser (dnssd, dnssd->types[i]))
        g_ptr_array_add (dnssd->browsers, browser_new (dnssd, dnssd->types[i]));
    }
}

void
vmp_avahi_watch_end (VmpDnssd *dnssd)
{
  if (dnssd->browsers == NULL)
    return;

  g_clear_pointer (&dnssd->browsers, g_ptr_array_unref);
  g_clear_pointer (&dnssd->services, g_hash_table_unref);
  dnssd->excess_was_said = FALSE;
}

/* SPDX-License-Identifier: MIT
 *
 * DNS service discovery on the LAN: watches types of services and announces one. On Linux through avahi-daemon, which
 * may be absent, die and come back. Everything it reports is hostile text from strangers: already capped and plain.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmpDnssd VmpDnssd;

typedef enum {
  VMP_DNSSD_OFF,         /* nothing is watched or announced */
  VMP_DNSSD_CONNECTING,
  VMP_DNSSD_RUNNING,
  VMP_DNSSD_UNAVAILABLE, /* the service is absent or died; it is waited for */
  VMP_N_DNSSD_STATES
} VmpDnssdState;

const char *vmp_dnssd_state_to_string (VmpDnssdState state); /* "off", "connecting", "running", "unavailable" */

/* A service that was resolved. Valid during the call only. */
typedef struct {
  const char *type;       /* "_lmstudio._tcp" */
  const char *name;       /* as people see it */
  const char *interface;  /* "eth0" */
  const char *host;       /* "studio.local" */
  const char *address;    /* an IP address, canonical; a link-local IPv6 one has its "%eth0" */
  guint16 port;
  gboolean is_own;        /* this computer announced it */
  const char *instance;   /* TXT "instance=": of a Vampire; NULL */
  const char *path;       /* TXT "path=": "" or "/…", checked */
  gboolean tls;           /* TXT "tls=1" */
} VmpDnssdService;

typedef struct {
  void (*found) (gpointer               user_data,
                 const VmpDnssdService *service);
  /* It is not announced any more. Which one: by type, name and interface. */
  void (*lost) (gpointer               user_data,
                const VmpDnssdService *service);
  void (*state_changed) (gpointer      user_data,
                         VmpDnssdState state);
} VmpDnssdEvents;

/* Runs on @context. (transfer full) */
VmpDnssd *vmp_dnssd_new (GMainContext         *context,
                         const VmpDnssdEvents *events,
                         gpointer              user_data);
void vmp_dnssd_free (VmpDnssd *self);

VmpDnssdState vmp_dnssd_get_state (VmpDnssd *self);

/* Watches these types; NULL or none: stops. What is there already is reported as found. */
void vmp_dnssd_watch (VmpDnssd           *self,
                      const char * const *types);

/* Announces a service on all interfaces, with TXT items such as "instance=…"; NULL @name takes it back. When the name
 * is taken on the LAN another one is chosen. */
void vmp_dnssd_announce (VmpDnssd           *self,
                         const char         *name,
                         const char         *type,
                         guint16             port,
                         const char * const *txt);

/* A text record's bytes, "key=value" items, as a resolver gives them: reads the known keys into @service. Strings it
 * sets are put into @strings to be freed. Apart for the fuzzer. */
void vmp_dnssd_read_txt (const guint8    *data,
                         gsize            len,
                         VmpDnssdService *service,
                         GStringChunk    *strings);

G_END_DECLS

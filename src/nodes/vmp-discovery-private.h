/* SPDX-License-Identifier: MIT
 *
 * What the files of discovery share: what is to be looked at (vmp-discovery-targets.c), one look at one address
 * (-look.c), one search (-job.c), and the whole with the watching of DNS-SD (vmp-discovery.c).
 */

#pragma once

#include "nodes/vmp-discovery.h"
#include "nodes/vmp-probe.h"

#include "core/vmp-limits.h"

G_BEGIN_DECLS

/* -- Targets ------------------------------------------------------------------------------- */

/* A base URL to be looked at, and how we came by it. */
typedef struct {
  VmpBaseUrl *base_url;
  const char *found_by;  /* as VmpNode has it; static */
  char *found_at;        /* NULL: says nothing */
  char *host;            /* what the machine calls itself; NULL: not known */
  VmpNode *node;         /* the one to look for: when it is gone by then, nothing is looked at; NULL: any */
  gboolean allow_public;
} VmpTarget;

/* @base_url: (transfer full) */
VmpTarget *vmp_target_new (VmpBaseUrl *base_url,
                           const char *found_by,
                           const char *found_at);
void vmp_target_free (VmpTarget *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpTarget, vmp_target_free)

/* Addresses that follow one another. */
typedef struct {
  GSocketFamily family;
  guint8 first[16];      /* the first one that is looked at, in network order */
  guint n_hosts;
  char *text;            /* "192.168.1.0/24" */
} VmpSubnet;

/**
 * vmp_subnet_parse:
 * @text: "192.168.1.0/24"; bits past the length do not count, and without a length it is one address
 * @error: a whole sentence, with G_IO_ERROR_INVALID_ARGUMENT
 *
 * Returns: (transfer full): a private subnet of at most VMP_LIMIT_SCAN_HOSTS addresses, or NULL
 */
VmpSubnet *vmp_subnet_parse (const char *text,
                             GError    **error);
void vmp_subnet_free (VmpSubnet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpSubnet, vmp_subnet_free)

/* All that one search looks at: base URLs, and each port on each address of some subnets. */
typedef struct {
  GQueue urls;           /* of VmpTarget, each address once; taken out one by one */
  GPtrArray *subnets;    /* of VmpSubnet, none inside another */
  guint n_hosts;         /* of all of them */
  guint16 ports[VMP_LIMIT_SCAN_PORTS];
  guint n_ports;
} VmpTargets;

/* NULL with G_IO_ERROR_INVALID_ARGUMENT and a whole sentence. (transfer full) */
VmpTargets *vmp_targets_new (VmpDiscovery             *discovery,
                             const VmpDiscoverRequest *request,
                             GError                  **error);
void vmp_targets_free (VmpTargets *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpTargets, vmp_targets_free)

/* Ports times addresses: each port on all addresses, before the next port. */
guint vmp_targets_count_scanned (const VmpTargets *self);
/* (transfer full) */
GInetAddress *vmp_targets_get_scanned (const VmpTargets *self,
                                       guint             i,
                                       guint16          *port,
                                       const VmpSubnet **subnet);

/* -- Looks --------------------------------------------------------------------------------- */

typedef struct _VmpLook VmpLook;

/* @node: the node that answered there; NULL: none, or it is none of ours to keep. Afterwards the look is gone. */
typedef void (*VmpLookDone) (gpointer user_data,
                             VmpLook *look,
                             VmpNode *node);

/**
 * vmp_look_start:
 * @target: (transfer full)
 * @only_known: leave alone what is no node yet
 *
 * Looks whether there is a server at an address, in its turn: at most VMP_LIMIT_PROBES look at one time. A server
 * that is new becomes a pending node; one that is known gets a fresh probe, unless its owner blocked or disabled it.
 * Nothing is called before this returns.
 */
VmpLook *vmp_look_start (VmpDiscovery *discovery,
                         VmpTarget    *target,
                         guint         timeout_ms,
                         gboolean      only_known,
                         VmpLookDone   done,
                         gpointer      user_data);
/* No call follows. */
void vmp_look_cancel (VmpLook *self);

/* -- Searches ------------------------------------------------------------------------------ */

/* @targets: (transfer full). Its job is VMP_JOB_DONE at once when there is nothing to look at. */
VmpDiscoveryJob *vmp_search_new (VmpDiscovery             *discovery,
                                 const char               *id,
                                 const VmpDiscoverRequest *request,
                                 VmpTargets               *targets);
void vmp_search_free (VmpDiscoveryJob *job);
void vmp_search_cancel (VmpDiscoveryJob *job);
gboolean vmp_search_is_scan (VmpDiscoveryJob *job);

/* -- All of it ----------------------------------------------------------------------------- */

struct _VmpDiscovery {
  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpRegistry *registry;
  VmpHealth *health;
  char *via;
  char *instance;

  GPtrArray *own_urls;      /* of VmpBaseUrl */
  GHashTable *own_keys;     /* of char: their keys as this computer's addresses are now */
  char **own_addresses;

  VmpDiscoveryFunc listener;
  gpointer listener_data;
  GPtrArray *jobs;          /* of VmpDiscoveryJob, the newest first */
  guint n_started;

  GQueue waiting;           /* of VmpLook */
  GQueue running;           /* of VmpLook */
  VmpDeferred turn;

  VmpDnssd *dnssd;
  GHashTable *sightings;    /* key -> Sighting: what DNS-SD shows */
};

/* Addresses of this computer come and go. */
void vmp_discovery_refresh_own (VmpDiscovery *self);
gboolean vmp_discovery_is_own_url (VmpDiscovery     *self,
                                   const VmpBaseUrl *base_url);
/* Calls @func with what DNS-SD shows at this moment: a VmpTarget (transfer full). */
void vmp_discovery_for_each_sighting (VmpDiscovery *self,
                                      GFunc         func,
                                      gpointer      user_data);
void vmp_discovery_tell (VmpDiscovery    *self,
                         VmpDiscoveryJob *job);

G_END_DECLS

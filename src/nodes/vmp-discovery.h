/* SPDX-License-Identifier: MIT
 *
 * Finds servers: on this computer's known ports, in a subnet that was asked for, at given addresses, and by DNS-SD,
 * which is watched all the time. Whatever is found is only ever a pending node. A search is a job with progress; it
 * looks at every address it was asked to, or says that it was cancelled.
 */

#pragma once

#include "nodes/vmp-health.h"
#include "platform/vmp-dnssd.h"

G_BEGIN_DECLS

typedef struct _VmpDiscovery VmpDiscovery;
typedef struct _VmpDiscoveryJob VmpDiscoveryJob;

typedef enum {
  VMP_DISCOVER_LOCAL = 1 << 0,    /* default_base_url and this computer's known ports */
  VMP_DISCOVER_STATIC = 1 << 1,   /* default_base_url and every node that is known */
  VMP_DISCOVER_LAN_SCAN = 1 << 2,
  VMP_DISCOVER_MDNS = 1 << 3      /* what DNS-SD shows at this moment */
} VmpDiscoverMethods;

gboolean vmp_discover_method_from_string (const char         *text,
                                          VmpDiscoverMethods *method);

typedef enum {
  VMP_JOB_RUNNING,
  VMP_JOB_DONE,
  VMP_JOB_CANCELLED,
  VMP_N_JOB_STATES
} VmpJobState;

const char *vmp_job_state_to_string (VmpJobState state);

typedef struct {
  VmpDiscoverMethods methods;
  const char * const *subnets;   /* NULL or CIDR texts, IPv4 or IPv6; none with LAN_SCAN: the private IPv4 ones that
                                  * this computer is in */
  const guint16 *ports;          /* NULL: the known ones */
  guint n_ports;
  const char * const *base_urls; /* NULL or URLs to look at */
  guint timeout_ms;              /* for each address; 0: 1500 */
  gboolean trusted_only;         /* finds only nodes that are trusted: what is new is left alone */
} VmpDiscoverRequest;

/* Open for reading. A finished job stays until VMP_LIMIT_DISCOVERY_JOBS newer ones came. */
struct _VmpDiscoveryJob {
  char *id;                /* "job-…" */
  VmpJobState state;
  guint n_targets;
  guint n_done;
  GPtrArray *found;        /* of VmpNode, each once */
  gint64 started;          /* µs since 1970 */
  gint64 ended;            /* 0: not yet */
};

typedef void (*VmpDiscoveryFunc) (gpointer         user_data,
                                  VmpDiscoveryJob *job);

/* @instance: of this gateway: servers that say it are us. All outlive it. (transfer full) */
VmpDiscovery *vmp_discovery_new (VmpPoll     *poll,
                                 VmpUpstream *upstream,
                                 VmpRegistry *registry,
                                 VmpHealth   *health,
                                 const char  *via,
                                 const char  *instance);
void vmp_discovery_free (VmpDiscovery *self);

/* The gateway's own base URLs ("http://127.0.0.1:7777"), which are never nodes. */
void vmp_discovery_set_own_urls (VmpDiscovery       *self,
                                 const char * const *urls);

/* Told of each job that makes progress (at most a few times a second) or ends. */
void vmp_discovery_set_listener (VmpDiscovery    *self,
                                 VmpDiscoveryFunc func,
                                 gpointer         user_data);

/* Watches these DNS-SD types from now on, such as "_lmstudio._tcp"; none: stops watching. */
void vmp_discovery_watch (VmpDiscovery       *self,
                          const char * const *types);
VmpDnssdState vmp_discovery_get_dnssd_state (VmpDiscovery *self);

/* Makes this gateway known as _vampire._tcp on all interfaces, or no longer with a port of 0. */
void vmp_discovery_announce (VmpDiscovery *self,
                             const char   *name,
                             guint16       port);

/**
 * vmp_discovery_start:
 * @error: return location: a whole sentence that names the target that is not allowed or not understood
 *
 * Refused are targets that vmp_reach_check_host() refuses, subnets that are not private or have more than
 * VMP_LIMIT_SCAN_HOSTS addresses, more than VMP_LIMIT_SCAN_SUBNETS subnets, and a scan while one is running.
 *
 * Returns: (transfer none): the job, which may already have ended; or NULL with G_IO_ERROR_INVALID_ARGUMENT, or with
 *   G_IO_ERROR_BUSY
 */
VmpDiscoveryJob *vmp_discovery_start (VmpDiscovery             *self,
                                      const VmpDiscoverRequest *request,
                                      GError                  **error);
void vmp_discovery_cancel (VmpDiscovery    *self,
                           VmpDiscoveryJob *job);
VmpDiscoveryJob *vmp_discovery_find_job (VmpDiscovery *self,
                                         const char   *id);
/* Newest first. (transfer none) (element-type VmpDiscoveryJob) */
GPtrArray *vmp_discovery_get_jobs (VmpDiscovery *self);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The parts of a gateway, for the files of gateway/ that answer from them. The gateway makes and frees them; nobody
 * outside this folder includes this.
 */

#pragma once

#include "gateway/vmp-doors.h"
#include "gateway/vmp-events.h"
#include "gateway/vmp-gateway.h"
#include "gateway/vmp-surface-control.h"
#include "nodes/vmp-discovery.h"
#include "nodes/vmp-health.h"
#include "nodes/vmp-registry.h"
#include "policy/vmp-client-keys.h"
#include "policy/vmp-pause.h"
#include "policy/vmp-share.h"
#include "policy/vmp-token-vault.h"
#include "platform/vmp-interfaces.h"
#include "relay/vmp-relay.h"
#include "routing/vmp-affinity-keeper.h"
#include "routing/vmp-router.h"
#include "store/vmp-store.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

struct _VmpGateway {
  VmpSettings *settings;
  VmpSettings *started_with; /* what takes effect at the next start is as in here: host, port, data_dir */
  VmpSettingsKeeper *keeper; /* NULL: they are not changed any more */
  GMainContext *context;
  char *instance;          /* a UUID, new with each start */
  char *via;               /* what it adds to Via: "1.1 vampire-…" */
  gint64 started;          /* monotonic µs */
  gint64 started_at;       /* Unix seconds */

  VmpPoll *poll;
  VmpUpstream *upstream;
  VmpStore *store;
  VmpRegistry *registry;
  VmpHealth *health;
  VmpDiscovery *discovery;
  VmpTokenVault *vault;
  VmpShare *share;
  VmpPause *pause;
  VmpClientKeys *keys;
  VmpRouteList *routes;
  VmpRouter *router;
  VmpAffinityKeeper *affinity_keeper;
  VmpJournal *journal;
  VmpEvents *events;
  VmpRelay *relay;
  VmpSurfaceControl *control;

  VmpDoors *doors;
  VmpInterfacesWatch *interfaces;
  VmpDeferred revocation;     /* nodes lost their approval: what runs on them is to end */
  GPtrArray *stray_tokens;    /* ids of tokens whose node is no more, to be removed */
  VmpDeferred remove_strays;
  VmpTimer tokens_wait;       /* set at the start, until the tokens are known */
  VmpTimer metrics;           /* set while somebody follows the events */
  char *owner_token;          /* lets the command line of this user in: see vmp-owner-file.h */
  char *url;                  /* NULL until it listens */

  VmpTimer drain_timer;
  gboolean answers_ended;
  VmpGatewayStopped stopped;
  gpointer stopped_data;
};

/* Adds an event with the counts every so often, as long as somebody follows the events. */
void vmp_gateway_tell_metrics (VmpGateway *self);

G_END_DECLS

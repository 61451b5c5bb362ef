/* SPDX-License-Identifier: MIT
 *
 * What the windows know of the gateway, kept up to date by its events: lists of nodes, models, requests, routes and
 * keys, and the documents of status, share, settings and doctor. A part is read only while somebody holds it. No GTK in
 * here; the windows read it, and ask for changes through its link.
 */

#pragma once

#include "app/mirror/vmp-item.h"
#include "client/vmp-link.h"

G_BEGIN_DECLS

typedef enum {
  VMP_TOPIC_STATUS,         /* document: /vampire/v1/status; always held */
  VMP_TOPIC_SHARE,          /* document: /vampire/v1/share; always held */
  VMP_TOPIC_NODES,          /* list: /vampire/v1/nodes, without the nodes' models; always held */
  VMP_TOPIC_MODELS,         /* list: /vampire/v1/models; id "NODE MODEL" */
  VMP_TOPIC_VIRTUAL_MODELS, /* list: /vampire/v1/virtual_models */
  VMP_TOPIC_ROUTES,         /* list: /vampire/v1/routes */
  VMP_TOPIC_REQUESTS,       /* list: /vampire/v1/requests, newest first */
  VMP_TOPIC_KEYS,           /* list: /vampire/v1/keys */
  VMP_TOPIC_CLIENTS,        /* list: /vampire/v1/clients */
  VMP_TOPIC_SEARCHES,       /* list: /vampire/v1/discover/jobs */
  VMP_TOPIC_LOADS,          /* list: loads under way and their progress, from events; id "NODE MODEL" */
  VMP_TOPIC_METRICS,        /* document: /vampire/v1/metrics, at most once a second */
  VMP_TOPIC_DOCTOR,         /* document: /vampire/v1/doctor; read anew when nodes, share or settings change */
  VMP_TOPIC_SETTINGS,       /* document: /vampire/v1/settings */
  VMP_N_TOPICS
} VmpTopic;

#define VMP_TYPE_MIRROR (vmp_mirror_get_type ())
/* Signal "changed" (guint topic): a document topic has another document, a list topic was read for the first time, or
 *   its trouble came or went. (Lists tell of their items by themselves.)
 * Signal "metric" (JsonObject *data): the gateway's figures of this second: active_requests, tokens_per_second,
 *   queue_depth, nodes_online, nodes_offline, nodes_pending, shared_connections. For charts. */
G_DECLARE_FINAL_TYPE (VmpMirror, vmp_mirror, VMP, MIRROR, GObject)

VmpMirror *vmp_mirror_new (VmpLink *link);

/* (transfer none) */
VmpLink *vmp_mirror_get_link (VmpMirror *self);

/* From now on it is kept up to date, until it was released as often. */
void vmp_mirror_hold (VmpMirror *self,
                      VmpTopic   topic);
void vmp_mirror_release (VmpMirror *self,
                         VmpTopic   topic);
/* Reads it anew now. */
void vmp_mirror_refresh (VmpMirror *self,
                         VmpTopic   topic);

/* Whether it was read since the link is there: until then a page shows that it loads. */
gboolean vmp_mirror_has (VmpMirror *self,
                         VmpTopic   topic);
/* Why it could not be read, as a sentence; NULL: it could. */
const char *vmp_mirror_get_trouble (VmpMirror *self,
                                    VmpTopic   topic);

/* (transfer none): the list of a list topic, the same one for ever. */
VmpItemList *vmp_mirror_get_list (VmpMirror *self,
                                  VmpTopic   topic);
/* (transfer none) (nullable): the last document of a document topic. */
JsonObject *vmp_mirror_get_document (VmpMirror *self,
                                     VmpTopic   topic);

/* The name that people know a node by, from the nodes' list; its id when it is not known. (transfer none) */
const char *vmp_mirror_get_node_name (VmpMirror  *self,
                                      const char *node_id);

G_END_DECLS

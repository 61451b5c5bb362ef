/* SPDX-License-Identifier: MIT
 *
 * All nodes: found by id, by address and by model, in the order in which they came. Every change of a node that its
 * owner, a probe or traffic brings goes through here, is stored when it must last, and is told to one listener. It
 * decides who is approved; it opens no connection.
 */

#pragma once

#include "nodes/vmp-node.h"
#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef struct _VmpRegistry VmpRegistry;

typedef enum {
  VMP_NODE_ADDED,
  VMP_NODE_REMOVED,
  VMP_NODE_APPROVAL_CHANGED, /* includes a new node that is pending, after VMP_NODE_ADDED */
  VMP_NODE_CHANGED,          /* what its owner set, its health, its token's state or its models */
  VMP_N_NODE_CHANGES
} VmpNodeChange;

/* Called after the change, on the gateway context. It must not change nodes itself. */
typedef void (*VmpRegistryFunc) (gpointer      user_data,
                                 VmpNode      *node,
                                 VmpNodeChange change);

#define VMP_REGISTRY_ERROR (vmp_registry_error_quark ())
GQuark vmp_registry_error_quark (void);
typedef enum {
  VMP_REGISTRY_ERROR_NOT_ALLOWED, /* an address that may not be reached, or an id that cannot be one */
  VMP_REGISTRY_ERROR_TAKEN,       /* another node has that address: its id is in the message */
  VMP_REGISTRY_ERROR_FULL
} VmpRegistryError;

/* @store: outlives it. (transfer full) */
VmpRegistry *vmp_registry_new (VmpStore *store);
void vmp_registry_free (VmpRegistry *self);

void vmp_registry_set_listener (VmpRegistry    *self,
                                VmpRegistryFunc func,
                                gpointer        user_data);

/* Reads what was stored. At the start, before there is a listener. */
void vmp_registry_load (VmpRegistry *self);

void vmp_registry_set_public_allowed (VmpRegistry *self,
                                      gboolean     allowed);
gboolean vmp_registry_get_public_allowed (VmpRegistry *self);

/* This computer's own addresses, as text. Nodes get their url_key anew. */
void vmp_registry_set_own_addresses (VmpRegistry        *self,
                                     const char * const *addresses);

/* The node of the setting default_base_url: made when no node has that address, else that one becomes it, approved. The
 * one that was it before goes, unless the owner changed something about it. (transfer none) */
VmpNode *vmp_registry_set_default (VmpRegistry *self,
                                   const char  *base_url);
VmpNode *vmp_registry_get_default (VmpRegistry *self);

/* -- Finding ------------------------------------------------------------------------------- */

/* In the order in which they came. (transfer none) (element-type VmpNode) */
GPtrArray *vmp_registry_get_nodes (VmpRegistry *self);
VmpNode *vmp_registry_find (VmpRegistry *self,
                            const char  *id);
VmpNode *vmp_registry_find_url (VmpRegistry      *self,
                                const VmpBaseUrl *base_url);

/* The hosts of a model on listed nodes, in the order in which the nodes came; NULL when there is none. Takes the same
 * time however many nodes there are. Valid until a node changes. (transfer none) (element-type VmpHost) */
GPtrArray *vmp_registry_find_hosts (VmpRegistry *self,
                                    const char  *model);

/* The host one of whose copies in memory goes by that id, on a listed node, when that is not a model's id as well;
 * NULL. (transfer none) */
VmpHost *vmp_registry_find_instance (VmpRegistry *self,
                                     const char  *instance);

/* Whether any listed node has a model. */
gboolean vmp_registry_has_models (VmpRegistry *self);

/* Each id of a listed node's model once, in registry order: of the first node that has it. (transfer container)
 * (element-type VmpModel) */
GPtrArray *vmp_registry_dup_models (VmpRegistry *self);

/* How many nodes there are by health. */
guint vmp_registry_count (VmpRegistry  *self,
                          VmpNodeHealth health);
guint vmp_registry_count_pending (VmpRegistry *self);

/* -- What the owner does ------------------------------------------------------------------- */

/* Owner-set fields of a node as a request gives them; a member that is not given is left alone. */
typedef struct {
  const char *name;                 /* "" takes it away */
  const char *host;
  const VmpBaseUrl *base_url;
  const char *agent_base_url;
  const VmpProvider *provider;
  const VmpNodeService *service;
  const gboolean *trusted;
  const char * const *tags;
  const gboolean *capabilities[VMP_N_CAPABILITIES];
  const guint *queue_depth;
  const double *tokens_per_second;
} VmpNodeUpdate;

/**
 * vmp_registry_register:
 * @id: as the owner wants it; NULL: made of the address
 * @update: what is known of it; with its base_url
 *
 * The owner typed it in, so it is approved by that. An id or an address that is known is the same node: its
 * owner-set fields are replaced, its counters, its trust and its service are kept unless given. One that was blocked or
 * pending is approved. One that was only found, or is only there because of the setting, takes @id as its own, which is
 * told as VMP_NODE_REMOVED and VMP_NODE_ADDED; any other one keeps its id. When @id names one node and the address
 * belongs to another, VMP_REGISTRY_ERROR_TAKEN.
 *
 * Returns: (transfer none): the node, or NULL with a VMP_REGISTRY_ERROR; the message is a whole sentence
 */
VmpNode *vmp_registry_register (VmpRegistry         *self,
                                const char          *id,
                                const VmpNodeUpdate *update,
                                GError             **error);

/* A new base_url needs a new approval of a node that was bound to the old one; the owner who changes it gives it by
 * that, but its token is not taken along: it is gone from the node, and the caller has to take it out of the vault.
 * FALSE with a VMP_REGISTRY_ERROR, and nothing is changed. */
gboolean vmp_registry_update (VmpRegistry         *self,
                              VmpNode             *node,
                              const VmpNodeUpdate *update,
                              GError             **error);

/* Binds it to the address and the key that were last seen. */
void vmp_registry_approve (VmpRegistry *self,
                           VmpNode     *node);
/* An approved or a blocked node is pending again, as one that was just found. */
void vmp_registry_revoke (VmpRegistry *self,
                          VmpNode     *node);
void vmp_registry_block (VmpRegistry *self,
                         VmpNode     *node);
/* Puts an approved node back to pending. @reason: a sentence */
void vmp_registry_suspend_approval (VmpRegistry *self,
                                    VmpNode     *node,
                                    const char  *reason);
/* It is as if it had never been; it may be found again. The default node comes back at once, as new. */
void vmp_registry_forget (VmpRegistry *self,
                          VmpNode     *node);

/* Calls @done when all changes until now are on disk. */
void vmp_registry_when_stored (VmpRegistry *self,
                               VmpStoreDone done,
                               gpointer     user_data);

/* -- What discovery, probes and traffic bring ------------------------------------------------ */

/**
 * vmp_registry_discover:
 * @found_by: "mdns", "lan_scan", …
 * @found_at: (nullable)
 *
 * A server was found: it becomes a pending node, unless its address is known; then it was seen again. At most
 * VMP_LIMIT_PENDING_NODES pending ones are kept; when more come, the one that was not seen for longest goes, if that
 * is over VMP_LIMIT_PENDING_STALE_S, else the new one is not taken.
 *
 * Returns: (transfer none) (nullable): the node
 */
VmpNode *vmp_registry_discover (VmpRegistry      *self,
                                const VmpBaseUrl *base_url,
                                const char       *found_by,
                                const char       *found_at);

/* What one probe found out. */
typedef struct {
  VmpNodeHealth health;          /* ONLINE or OFFLINE */
  gboolean unreachable;          /* nobody took a connection, which is more than no answer in time */
  VmpInventory *inventory;       /* (nullable) (transfer none) */
  gint64 asked;                  /* monotonic µs at which that was asked for; 0: not known, taken as now */
  gboolean auth_failed;          /* 401 or 403 */
  gboolean with_token;           /* a token was sent */
  const char *error;             /* (nullable): a sentence */
  const char *address;           /* (nullable): connected to */
  const char *key;               /* (nullable): that answered */
  const char *instance;          /* (nullable): X-Vampire-Instance */
  double latency_ms;
} VmpProbeReport;

/* Merges a probe's findings into the node as it is now. Never touches what the owner set nor what traffic counts. An
 * approved node gets bound to the address and key of its first probe. */
void vmp_registry_take_probe (VmpRegistry          *self,
                              VmpNode              *node,
                              const VmpProbeReport *report);

/* NULL: it has none (any more). */
void vmp_registry_set_token (VmpRegistry *self,
                             VmpNode     *node,
                             const char  *token);
void vmp_registry_set_token_locked (VmpRegistry *self,
                                    VmpNode     *node);

typedef enum {
  VMP_TRAFFIC_ANSWERED,    /* below 500 */
  VMP_TRAFFIC_UNAUTHORIZED,/* 401, 403 */
  VMP_TRAFFIC_FAILED,      /* 5xx, a broken stream, no answer: the breaker counts it */
  VMP_TRAFFIC_UNREACHABLE, /* no connection: also offline */
  VMP_TRAFFIC_ABANDONED    /* the client left, or it was stopped: tells nothing */
} VmpTrafficResult;

/* What became of a request at a node. Numbers that are not known are 0. */
typedef struct {
  VmpTrafficResult result;
  double latency_ms;         /* to the head of the answer; 0: it never came */
  double ttft_ms;            /* to the first event of its body, when the model was loaded */
  double duration_ms;        /* of all of it, when it ended well */
  double tokens_per_second;  /* after the first event */
  gint64 prompt_tokens;
  gint64 completion_tokens;
  const char *reason;        /* (nullable): for VMP_TRAFFIC_FAILED and UNREACHABLE, the rest of a sentence */
  gboolean spares_breaker;   /* of VMP_TRAFFIC_FAILED: the request itself may have been what failed it */
} VmpTraffic;

/**
 * vmp_registry_begin_request:
 * @host: (nullable): the model it is for; NULL: no model in particular
 *
 * A request goes to the node: takes the breaker's permission, when there is one, and counts it at the node and at the
 * host. An open breaker does not keep it away, for whoever chose the node had none that is ready. FALSE: it may not go
 * there, for the node is not approved, not in service, or was forgotten.
 */
gboolean vmp_registry_begin_request (VmpRegistry *self,
                                     VmpNode     *node,
                                     VmpHost     *host);
/* Exactly once for each that began. When it was the last one of a node that is draining, the listener is told of a
 * change: the node is drained. */
void vmp_registry_end_request (VmpRegistry      *self,
                               VmpNode          *node,
                               VmpHost          *host,
                               const VmpTraffic *traffic);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * A node: one base URL at which somebody's models can be reached, who it is, whether its owner agreed, and how it
 * is. The struct is open for reading; only nodes/ writes to it, through the functions here and in vmp-registry.h,
 * each group of fields in one place: what the owner set, what was found, what probes learnt, what traffic counts.
 */

#pragma once

#include "core/vmp-url.h"
#include "nodes/vmp-breaker.h"
#include "nodes/vmp-host.h"
#include "nodes/vmp-inventory.h"
#include "upstream/vmp-reach.h"

G_BEGIN_DECLS

typedef enum {
  VMP_APPROVAL_PENDING,  /* found, nobody has decided: gets no prompt and no token */
  VMP_APPROVAL_APPROVED,
  VMP_APPROVAL_BLOCKED,  /* stays so when it is found again */
  VMP_N_APPROVALS
} VmpApproval;

/* What the owner wants of it; a probe never changes this. */
typedef enum {
  VMP_NODE_IN_SERVICE,
  VMP_NODE_DRAINING,     /* running requests end, no new ones */
  VMP_NODE_DISABLED,
  VMP_NODE_MAINTENANCE,
  VMP_NODE_QUARANTINE,   /* something is wrong with it: out of use until its owner has looked */
  VMP_N_NODE_SERVICES
} VmpNodeService;

/* What probes and traffic have shown. */
typedef enum {
  VMP_NODE_UNKNOWN,  /* it was not asked yet */
  VMP_NODE_ONLINE,
  VMP_NODE_DEGRADED, /* it answers, but requests to it fail: its breaker is open */
  VMP_NODE_OFFLINE,
  VMP_N_NODE_HEALTHS
} VmpNodeHealth;

typedef enum {
  VMP_TOKEN_NOT_NEEDED, /* as far as is known */
  VMP_TOKEN_SET,
  VMP_TOKEN_NEEDED,     /* it answered 401 or 403, and there is none */
  VMP_TOKEN_REFUSED,    /* it answered 401 or 403 to the one there is */
  VMP_TOKEN_LOCKED,     /* there is one, in a keyring that is locked */
  VMP_N_TOKEN_STATES
} VmpTokenState;

/* What a server of that kind can be asked; for each whether, and who said so. */
typedef enum {
  VMP_CAN_CHAT,
  VMP_CAN_RESPONSES,
  VMP_CAN_COMPLETIONS,
  VMP_CAN_EMBEDDINGS,
  VMP_CAN_VISION,
  VMP_CAN_TOOLS,
  VMP_CAN_STREAMING,
  VMP_N_CAPABILITIES
} VmpCapability;

typedef struct _VmpNode VmpNode;

struct _VmpNode {
  /* Identity. */
  char *id;
  VmpBaseUrl *base_url;
  char *url_key;               /* the same for all spellings of one address: vmp_node_url_key() */
  gboolean is_default;         /* the one of the setting default_base_url: always approved, not stored unless changed */

  /* What the owner set. */
  char *name;                  /* NULL: none */
  char *host;                  /* as the owner or discovery called the machine; NULL: none */
  char *agent_base_url;        /* NULL: none */
  VmpApproval approval;
  VmpNodeService service;
  gboolean trusted;
  char **tags;                 /* never NULL */
  VmpProvider provider_hint;   /* VMP_PROVIDER_AUTO: detect */
  VmpFactSource capability_sources[VMP_N_CAPABILITIES];
  gboolean capabilities[VMP_N_CAPABILITIES];
  double cost;                 /* of its tags "cost:0.5", "power:60", "quality:0.8": per million tokens, watts, 0 to 1;
                                * negative: no such tag */
  double power;
  double quality;
  guint queue_depth;           /* as an agent reports them by PATCH */
  double tokens_per_second;    /* 0: not known */

  /* What approval is bound to. */
  char **addresses;            /* those that a name stood for when it was approved; NULL: an IP address, a loopback
                                * name, or not connected to yet */
  char *key;                   /* of https, as VmpReach has it; NULL: http, or not connected to yet */
  char *pending_reason;        /* why an approved one is pending again, as a sentence; NULL: it was just found */

  /* How it was found. µs since 1970 */
  char *found_by;              /* "owner", "default", "local", "mdns", "lan_scan", "static", "base_urls" */
  char *found_at;              /* where: "eth0, _lmstudio._tcp 'Studio'", "192.168.1.0/24"; NULL */
  gint64 first_seen;
  gint64 last_seen;            /* it answered or was announced; 0: never */

  /* What probes learnt. */
  VmpNodeHealth health;
  VmpProvider provider;
  VmpInventory *inventory;     /* NULL: never got one; kept while offline, but not served from */
  GPtrArray *hosts;            /* of VmpHost: its inventory's models, in that order; never NULL */
  GHashTable *hosts_by_id;     /* model id -> VmpHost: those, and former ones that were used */
  guint hosts_generation;      /* rises when the above or what is loaded of it changes */
  char *instance;              /* of another Vampire: X-Vampire-Instance; NULL */
  char *seen_address;          /* the last one that was connected to; NULL */
  char *seen_key;              /* the last one that answered; NULL */
  gint64 last_checked;         /* µs since 1970; 0: never */
  gint64 checked_mono;         /* the same in monotonic µs */
  gint64 unreachable_mono;     /* a probe or a request was last refused its connection, monotonic µs; 0: never */
  char *last_error;            /* a sentence for people; NULL */
  guint64 probes;
  guint64 probe_errors;

  /* Its token. */
  char *token;                 /* NULL: none is known. Goes to this node only, into nothing that is written */
  VmpTokenState token_state;

  /* What traffic counts. */
  guint active_requests;
  guint64 requests_total;
  guint64 errors_total;
  double latency_ms;           /* of the last probe; 0: never */
  double avg_latency_ms;       /* to the head of an answer, moving average over requests; 0: none yet */
  VmpBreaker breaker;
  guint64 breaker_openings;    /* in all */

  /* The only one of its hosts that may get requests at this moment: it is being loaded, what it has thrown out is being
   * looked at, or it has waited for too long. NULL: all may. Written by relay/vmp-loads.c alone. */
  VmpHost *taken_for;

  /* For routing/ alone: what it has worked out of the hosts. */
  gpointer routing_data;
  GDestroyNotify routing_destroy;

  /* For nodes/ alone. */
  VmpInventory *hosts_inventory; /* the one that its hosts are of; NULL: it has none */
  gpointer health_data;
  struct _VmpNodePlace *place; /* in the registry; NULL: it is in none, not yet or not any more */
  GPtrArray *retired;          /* what it had before and a transfer may still read; NULL: nothing */
};

/**
 * vmp_node_new:
 * @id: (nullable): made of host and port when NULL: "node-192-168-1-50-1234"
 * @base_url: (transfer full)
 */
VmpNode *vmp_node_new (const char *id,
                       VmpBaseUrl *base_url);
VmpNode *vmp_node_ref (VmpNode *self);
void vmp_node_unref (VmpNode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpNode, vmp_node_unref)

/* Of host and port, without looking whether another node has it. (transfer full) */
char *vmp_node_make_id (const VmpBaseUrl *base_url);

/* Why a text cannot be a node's id, as the rest of a sentence; NULL when it can: 1 to VMP_LIMIT_ID_CHARS plain
 * characters, without slashes and without spaces at its ends. (static) */
const char *vmp_node_check_id (const char *id);

/**
 * vmp_node_url_key:
 * @own_addresses: this computer's, as text, NULL-terminated
 *
 * One text for all spellings of one address: loopback names, 127.0.0.1, ::1 and this computer's own addresses are
 * "localhost", and so is its host name, with and without ".local". The other addresses of 127.0.0.0/8 stay themselves:
 * servers of their own can listen there. No name is looked up.
 *
 * Returns: (transfer full)
 */
char *vmp_node_url_key (const VmpBaseUrl   *base_url,
                        const char * const *own_addresses);

const char *vmp_approval_to_string (VmpApproval approval);
const char *vmp_node_health_to_string (VmpNodeHealth health);
const char *vmp_token_state_to_string (VmpTokenState state); /* "not_needed", "set", "needed", "refused", "locked" */
const char *vmp_capability_to_string (VmpCapability capability);
/* What every OpenAI-compatible server can: as long as it is not known better. */
gboolean vmp_capability_get_default (VmpCapability capability);
const char *vmp_node_service_to_string (VmpNodeService service); /* "online", "draining", "disabled", "maintenance",
                                                                  * "quarantine" */
gboolean vmp_node_service_from_string (const char     *text, /* "online" means in service */
                                       VmpNodeService *service);

/* The one word for people and for the API: "draining", "disabled", "maintenance", "quarantine" when the owner wants
 * that, else its health: "unknown", "online", "degraded", "offline". */
const char *vmp_node_get_status (const VmpNode *self);

/* What people call it: its name, else its id. */
const char *vmp_node_get_label (const VmpNode *self);

/* Whether a prompt may go there now: approved, in service, online (or degraded, when its breaker is to let one try),
 * and its breaker would let it. */
gboolean vmp_node_is_ready (const VmpNode *self,
                            gint64         now);

/* Whether its models are listed: approved, in service or draining, online or degraded. */
gboolean vmp_node_is_listed (const VmpNode *self);

/* Fills in what a transfer to it may connect to. @reach refers to the node's own strings, which stay for as long as
 * the node does. Only an approved node is bound to what it was approved with: a pending one is asked wherever it
 * is, for nothing that is private goes there. @public_allowed: the setting */
void vmp_node_get_reach (const VmpNode *self,
                         gboolean       public_allowed,
                         VmpReach      *reach);

/* Whether its host is a name that may come to mean another machine; an IP address and a loopback name do not. */
gboolean vmp_node_host_can_move (const VmpNode *self);

/* What a node's token is kept under: its id and the address that the token was given for. One that is left over,
 * because it could not be removed in time, is then nobody's. (transfer full) */
char *vmp_node_make_token_id (const char *id,
                              const char *base_url);

/* Whether a token that was kept under @token_id is for the node that is given. */
gboolean vmp_node_is_token_id (const VmpNode *self,
                               const char    *token_id);

/* The id in a token's id. (transfer full) (nullable): NULL when it is none */
char *vmp_node_id_of_token_id (const char *token_id);

/* Its host of a model that it lists; NULL. (transfer none) */
VmpHost *vmp_node_find_host (const VmpNode *self,
                             const char    *model);

/* Draining, and nothing runs on it any more. */
gboolean vmp_node_is_drained (const VmpNode *self);

/* Whether it is this computer or in a private network, and no other gateway. */
gboolean vmp_node_is_local (const VmpNode *self);

/* Its model, or NULL. (transfer none) */
VmpModel *vmp_node_find_model (const VmpNode *self,
                               const char    *model);

/* -- For nodes/ alone ----------------------------------------------------------------------- */

/* Keeps what the node had until the node goes: a transfer that runs may still read it. @value: (transfer full)
 * (nullable) */
void vmp_node_retire (VmpNode       *self,
                      gpointer       value,
                      GDestroyNotify destroy);

/* Whether probes go there: not to one that is blocked, disabled or in quarantine. */
gboolean vmp_node_may_be_asked (const VmpNode *self);

/* Has the hosts be those of its inventory as it is now. One that is no longer listed is kept when traffic has counted
 * something of it, at most VMP_LIMIT_NODE_MODELS in all, and always while it is in use. */
void vmp_node_follow_inventory (VmpNode *self);

/* What was measured at its hosts is of another machine. */
void vmp_node_forget_measures (VmpNode *self);

/* Has cost, power and quality be what its tags say. */
void vmp_node_read_tags (VmpNode *self);

G_END_DECLS

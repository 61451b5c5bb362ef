/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-registry-*.c share: the tables, and the few ways to change them. The rule for all of them: set a
 * node's fields first, then have the tables follow with vmp_registry_settle(), then store, then tell.
 */

#pragma once

#include "nodes/vmp-registry.h"

G_BEGIN_DECLS

/* A node's place in a registry. */
typedef struct _VmpNodePlace VmpNodePlace;

struct _VmpNodePlace {
  VmpRegistry *registry;
  gint64 order;            /* rises from node to node; lasts */
  VmpNodeHealth counted;   /* as what it is counted */
  gboolean waits;          /* it is among the pending ones */
  VmpInventory *listed;    /* what the tables of hosts have of it; NULL: nothing */
  gboolean stored;         /* the store has a document of it */
  gint64 stored_last_seen; /* what that document says */
};

struct _VmpRegistry {
  VmpStore *store;
  VmpRegistryFunc listener;
  gpointer listener_data;

  GPtrArray *nodes;        /* of VmpNode, by order */
  GHashTable *by_id;       /* id -> VmpNode */
  GHashTable *by_url;      /* url_key -> VmpNode; the first one of those that share a key */
  GHashTable *hosts;       /* model id -> GPtrArray of VmpHost, by order; never an empty one */
  GHashTable *instances;   /* the same by the ids of copies in memory, where they are not their model's */
  GPtrArray *pending;      /* of VmpNode */
  guint counts[VMP_N_NODE_HEALTHS];

  VmpBaseUrl *default_url; /* NULL: not set yet */
  VmpNode *default_node;
  char **own_addresses;
  gboolean public_allowed;
};

/* Whether the node is in this registry at this moment: what ends late must not bring back what was forgotten. */
gboolean vmp_registry_has (VmpRegistry *self,
                           VmpNode     *node);

/* Where a new node goes: behind all others, or before them. */
gint64 vmp_registry_next_order (VmpRegistry *self);
gint64 vmp_registry_first_order (VmpRegistry *self);

/* Puts a node into the tables. @node: (transfer full). Neither stored nor told. */
void vmp_registry_insert (VmpRegistry *self,
                          VmpNode     *node,
                          gint64       order);

/* Inserts, stores and tells of a node. @node: (transfer full) */
void vmp_registry_add (VmpRegistry *self,
                       VmpNode     *node,
                       gint64       order);

/* Takes a node out of the tables and the store, and tells. */
void vmp_registry_remove (VmpRegistry *self,
                          VmpNode     *node);

/* Has counts and tables follow what the node's fields now say. */
void vmp_registry_settle (VmpRegistry *self,
                          VmpNode     *node);

/* Stores what of it is to last. */
void vmp_registry_save (VmpRegistry *self,
                        VmpNode     *node);

void vmp_registry_tell (VmpRegistry  *self,
                        VmpNode      *node,
                        VmpNodeChange change);

/* settle, save, tell */
void vmp_registry_commit (VmpRegistry  *self,
                          VmpNode      *node,
                          VmpNodeChange change);

/* Gives a node another address in the tables. @url_key: (transfer full) */
void vmp_registry_rekey (VmpRegistry *self,
                         VmpNode     *node,
                         char        *url_key);

/* An id for that address which no node has. (transfer full) */
char *vmp_registry_make_id (VmpRegistry      *self,
                            const VmpBaseUrl *base_url);

/* Takes a node from being the default one: it goes, or stays as an ordinary one. The setting's node is made anew. */
void vmp_registry_drop_default (VmpRegistry *self);

/* Forgets all that was learnt at the old address: bindings, token, health, models. */
void vmp_registry_move (VmpRegistry      *self,
                        VmpNode          *node,
                        const VmpBaseUrl *base_url);

/* Wipes the token there was. @token: (nullable). TRUE when it is another one. */
gboolean vmp_registry_replace_token (VmpNode    *node,
                                     const char *token);

/* Binds an approved node to what was last seen of it where it is not bound yet. TRUE when it now is. */
gboolean vmp_registry_bind (VmpNode *node);

/* Whether the owner changed something about a node that is there because of a setting. */
gboolean vmp_registry_is_owners (const VmpNode *node);

/* Whether it was found and nobody has ever decided on it. */
gboolean vmp_registry_is_found (const VmpNode *node);

/* Text from elsewhere as it is kept: plain, capped; NULL when there is nothing of it. (transfer full) */
char *vmp_registry_clean (const char *text,
                          gsize       max_chars);

/* -- vmp-registry-hosts.c ------------------------------------------------------------------ */

void vmp_registry_init_hosts (VmpRegistry *self);
void vmp_registry_clear_hosts (VmpRegistry *self);

/* Has the node's hosts follow its inventory, and the tables its hosts. */
void vmp_registry_settle_hosts (VmpRegistry *self,
                                VmpNode     *node);

/* Takes all of a node's hosts out of the tables. */
void vmp_registry_unlist_hosts (VmpRegistry *self,
                                VmpNode     *node);

/* -- vmp-registry-record.c ----------------------------------------------------------------- */

/* Far more than there can ever be, so that counting on from one never ends. */
#define VMP_MAX_ORDER (G_GINT64_CONSTANT (1) << 52)
#define VMP_NO_ORDER G_MAXINT64

/* What lasts of a node, as a document of the store. (transfer full) */
char *vmp_node_to_record (const VmpNode *node,
                          gint64         order);

/**
 * vmp_node_from_record:
 * @order: (out): VMP_NO_ORDER when the document has none
 *
 * Returns: (transfer full): the node, or NULL with an error whose message is the rest of a sentence
 */
VmpNode *vmp_node_from_record (const char *id,
                               const char *document,
                               gint64     *order,
                               GError    **error);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * What was where: which node a session was at last, which node keeps the state behind an id (a response that a next
 * request builds on), and which nodes have seen which beginnings of prompts, so that their KV caches are met again. All
 * of it is bounded, forgets the longest unused first, and may be wrong: it says where something was, not that it is
 * still there. Nodes are only compared, and must be taken out when they go.
 */

#pragma once

#include "core/vmp-call.h"

G_BEGIN_DECLS

typedef struct _VmpAffinity VmpAffinity;

/* (transfer full) */
VmpAffinity *vmp_affinity_new (void);
void vmp_affinity_free (VmpAffinity *self);

/* A node was forgotten. */
void vmp_affinity_remove_node (VmpAffinity *self,
                               gpointer     node);

/* -- Sessions and ids ----------------------------------------------------------------------- */

typedef enum {
  VMP_STICKY_SESSION, /* forgotten after VMP_LIMIT_SESSION_S without use */
  VMP_STICKY_OWNER    /* of a response's id; forgotten after VMP_LIMIT_OWNER_S */
} VmpStickyKind;

/* @now: monotonic µs. VMP_LIMIT_STICKY entries are kept of each kind. */
void vmp_affinity_stick (VmpAffinity  *self,
                         VmpStickyKind kind,
                         const char   *key,
                         gpointer      node,
                         gint64        now);

/* (transfer none) (nullable): the node; looking it up counts as use */
gpointer vmp_affinity_find (VmpAffinity  *self,
                            VmpStickyKind kind,
                            const char   *key,
                            gint64        now);

/* An owner became known or is used (again), at @used (monotonic µs); @node NULL: it is forgotten. It must not change
 * anything here. */
typedef void (*VmpAffinityFunc) (gpointer    user_data,
                                 const char *key,
                                 gpointer    node,
                                 gint64      used);

/* @func: told of owners; NULL: nobody is. Nobody is told at the end. */
void vmp_affinity_set_listener (VmpAffinity    *self,
                                VmpAffinityFunc func,
                                gpointer        user_data);

/* -- Beginnings of prompts ------------------------------------------------------------------ */

/* A prompt in short: the hash of each of its beginnings at VMP_LIMIT_PROMPT_CHUNK bytes and multiples, as far as
 * VMP_LIMIT_PROMPT_CHUNKS go; of a prompt shorter than one, the hash of it all. What clients repeat and what comes
 * first for the model (tools, system, instructions), then messages, input or prompt; not the model's name nor
 * parameters, which do not matter to a KV cache. */
typedef struct {
  guint n_chunks;
  guint64 *chunks;
} VmpPromptDigest;

/* @call: with a scan; else the digest is empty */
void vmp_prompt_digest_init (VmpPromptDigest *self,
                             const VmpCall   *call);
void vmp_prompt_digest_clear (VmpPromptDigest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpPromptDigest, vmp_prompt_digest_clear)

/* The node is about to read this prompt, for that model. Each node has room for VMP_LIMIT_PREFIX_CHUNKS. */
void vmp_affinity_add_prompt (VmpAffinity           *self,
                              gpointer               node,
                              const char            *model,
                              const VmpPromptDigest *prompt,
                              gint64                 now);

/* How much of the prompt's beginning the node has read for that model, 0 … 1. Changes nothing. */
double vmp_affinity_match (VmpAffinity           *self,
                           gpointer               node,
                           const char            *model,
                           const VmpPromptDigest *prompt);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * What vmp-affinity.c is made of: the hash of text that nobody outside the process can foresee, and which beginnings of
 * prompts one node has read.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* -- vmp-prompt-digest.c: text in 64 bits ------------------------------------------------------------- */

/* Other in each process. */
guint64 vmp_prompt_hash (const char *text,
                         gsize       len);

/* -- vmp-prefix-tree.c: one node's beginnings --------------------------------------------------------- */

/* Each chunk's hash covers all chunks before it, so that a beginning is known by its last one, and the tree is a set.
 * It never holds a chunk without those before it: that is what lets a match be searched for by halves. */
typedef struct _VmpPrefixTree VmpPrefixTree;

VmpPrefixTree *vmp_prefix_tree_new (void);
void vmp_prefix_tree_free (VmpPrefixTree *self);

/* @model: a hash of it; chunks are kept for each model. Past VMP_LIMIT_PREFIX_CHUNKS the ends of the prompts that were
 * not added for the longest time go first. */
void vmp_prefix_tree_add (VmpPrefixTree *self,
                          guint64        model,
                          const guint64 *chunks,
                          guint          n_chunks);

/* How many of the chunks, from the first on, the tree holds. @guess: a number that it may well be; a good one makes it
 * quick, a bad one makes it no slower than none */
guint vmp_prefix_tree_match (const VmpPrefixTree *self,
                             guint64              model,
                             const guint64       *chunks,
                             guint                n_chunks,
                             guint                guess);

/* Chunks that it holds, and bytes of memory that it has for them. */
guint vmp_prefix_tree_get_size (const VmpPrefixTree *self);
gsize vmp_prefix_tree_get_bytes (const VmpPrefixTree *self);

G_END_DECLS

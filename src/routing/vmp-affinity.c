/* SPDX-License-Identifier: MIT
 *
 * Implementation of what was where: two maps of keys with the longest unused entry at their tails, and for each node
 * the beginnings of prompts that it has read (vmp-prefix-tree.c).
 */

#include "routing/vmp-affinity.h"
#include "routing/vmp-affinity-private.h"

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define N_STICKY (VMP_STICKY_OWNER + 1)

typedef struct {
  GList link;     /* in Sticky.by_use; its data is the entry */
  gpointer node;
  gint64 used;    /* monotonic µs */
  char key[];
} StickyEntry;

typedef struct {
  GHashTable *by_key;  /* StickyEntry.key -> StickyEntry, which it owns */
  GQueue by_use;       /* the latest first */
} Sticky;

/* What one node has read. */
typedef struct {
  GList link;     /* in VmpAffinity.readers_by_use; its data is the reader */
  gpointer node;
  gint64 used;
  VmpPrefixTree *tree;
} Reader;

struct _VmpAffinity {
  Sticky sticky[N_STICKY];
  GHashTable *readers;    /* node -> Reader, which it owns */
  GQueue readers_by_use;  /* the latest first */
  VmpAffinityFunc func;   /* of owners; NULL: none */
  gpointer user_data;
  guint last_match;       /* what several nodes know of a prompt is as often as not the same */
};

/* Seconds without use after which an entry is forgotten. */
static const gint64 sticky_seconds[N_STICKY] = {
  [VMP_STICKY_SESSION] = VMP_LIMIT_SESSION_S,
  [VMP_STICKY_OWNER] = VMP_LIMIT_OWNER_S,
};

static inline gboolean
is_stale (gint64 used,
          gint64 now,
          gint64 seconds)
{
  return now - used >= seconds * G_USEC_PER_SEC;
}

/* -- Making and ending -------------------------------------------------------------------------------- */

static void
reader_free (gpointer data)
{
  Reader *reader = data;

  vmp_prefix_tree_free (reader->tree);
  g_free (reader);
}

VmpAffinity *
vmp_affinity_new (void)
{
  VmpAffinity *self = g_new0 (VmpAffinity, 1);
  guint i;

  for (i = 0; i < N_STICKY; i++)
    self->sticky[i].by_key = g_hash_table_new_full (vmp_text_hash, g_str_equal, NULL, g_free);
  self->readers = g_hash_table_new_full (NULL, NULL, NULL, reader_free);

  return self;
}

void
vmp_affinity_free (VmpAffinity *self)
{
  guint i;

  g_return_if_fail (self != NULL);

  for (i = 0; i < N_STICKY; i++)
    g_hash_table_unref (self->sticky[i].by_key);
  g_hash_table_unref (self->readers);
  g_free (self);
}

/* -- Sessions and ids --------------------------------------------------------------------------------- */

void
vmp_affinity_set_listener (VmpAffinity    *self,
                           VmpAffinityFunc func,
                           gpointer        user_data)
{
  self->func = func;
  self->user_data = user_data;
}

/* @node: NULL: it is about to be forgotten */
static inline void
tell (VmpAffinity       *self,
      VmpStickyKind      kind,
      const StickyEntry *entry,
      gpointer           node)
{
  if (kind == VMP_STICKY_OWNER && self->func != NULL)
    self->func (self->user_data, entry->key, node, entry->used);
}

static void
sticky_remove (VmpAffinity  *self,
               VmpStickyKind kind,
               StickyEntry  *entry)
{
  Sticky *sticky = &self->sticky[kind];

  tell (self, kind, entry, NULL);
  g_queue_unlink (&sticky->by_use, &entry->link);
  g_hash_table_remove (sticky->by_key, entry->key);
}

static void
sticky_touch (VmpAffinity  *self,
              VmpStickyKind kind,
              StickyEntry  *entry,
              gint64        now)
{
  Sticky *sticky = &self->sticky[kind];

  entry->used = now;
  g_queue_unlink (&sticky->by_use, &entry->link);
  g_queue_push_head_link (&sticky->by_use, &entry->link);
  tell (self, kind, entry, entry->node);
}

/* Forgets what is stale, and what is one too many for another entry. */
static void
sticky_make_room (VmpAffinity  *self,
                  VmpStickyKind kind,
                  gint64        now)
{
  Sticky *sticky = &self->sticky[kind];

  while (!g_queue_is_empty (&sticky->by_use))
    {
      StickyEntry *oldest = g_queue_peek_tail (&sticky->by_use);

      if (sticky->by_use.length < VMP_LIMIT_STICKY && !is_stale (oldest->used, now, sticky_seconds[kind]))
        break;
      sticky_remove (self, kind, oldest);
    }
}

/* The part of a key that counts: @key itself unless it is too long. @room: of VMP_LIMIT_SESSION_BYTES + 1 bytes */
static const char *
limit_key (const char *key,
           char       *room)
{
  if (strnlen (key, VMP_LIMIT_SESSION_BYTES + 1) <= VMP_LIMIT_SESSION_BYTES)
    return key;

  memcpy (room, key, VMP_LIMIT_SESSION_BYTES);
  room[VMP_LIMIT_SESSION_BYTES] = '\0';

  return room;
}

void
vmp_affinity_stick (VmpAffinity  *self,
                    VmpStickyKind kind,
                    const char   *key,
                    gpointer      node,
                    gint64        now)
{
  char room[VMP_LIMIT_SESSION_BYTES + 1];
  StickyEntry *entry;
  Sticky *sticky;
  gsize size;

  g_return_if_fail (self != NULL);
  g_return_if_fail (kind < N_STICKY);
  g_return_if_fail (key != NULL);
  g_return_if_fail (node != NULL);

  sticky = &self->sticky[kind];
  key = limit_key (key, room);
  entry = g_hash_table_lookup (sticky->by_key, key);
  if (entry != NULL)
    {
      entry->node = node;
      sticky_touch (self, kind, entry, now);
      return;
    }

  sticky_make_room (self, kind, now);

  size = strlen (key) + 1;
  entry = g_malloc (sizeof *entry + size);
  entry->link = (GList) { .data = entry };
  entry->node = node;
  entry->used = now;
  memcpy (entry->key, key, size);
  g_hash_table_insert (sticky->by_key, entry->key, entry);
  g_queue_push_head_link (&sticky->by_use, &entry->link);
  tell (self, kind, entry, node);
}

gpointer
vmp_affinity_find (VmpAffinity  *self,
                   VmpStickyKind kind,
                   const char   *key,
                   gint64        now)
{
  char room[VMP_LIMIT_SESSION_BYTES + 1];
  StickyEntry *entry;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (kind < N_STICKY, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  entry = g_hash_table_lookup (self->sticky[kind].by_key, limit_key (key, room));
  if (entry == NULL)
    return NULL;

  if (is_stale (entry->used, now, sticky_seconds[kind]))
    {
      sticky_remove (self, kind, entry);
      return NULL;
    }

  sticky_touch (self, kind, entry, now);

  return entry->node;
}

/* -- Beginnings of prompts ---------------------------------------------------------------------------- */

static void
remove_reader (VmpAffinity *self,
               Reader      *reader)
{
  g_queue_unlink (&self->readers_by_use, &reader->link);
  g_hash_table_remove (self->readers, reader->node);
}

/* A cache goes with its model, as sessions do. This gives back the memory for nodes that nobody uses. */
static void
remove_stale_readers (VmpAffinity *self,
                      gint64       now)
{
  Reader *oldest = g_queue_peek_tail (&self->readers_by_use);

  while (oldest != NULL && is_stale (oldest->used, now, VMP_LIMIT_SESSION_S))
    {
      remove_reader (self, oldest);
      oldest = g_queue_peek_tail (&self->readers_by_use);
    }
}

static inline guint64
hash_model (const char *model)
{
  return model != NULL ? vmp_prompt_hash (model, strlen (model)) : 0;
}

void
vmp_affinity_add_prompt (VmpAffinity           *self,
                         gpointer               node,
                         const char            *model,
                         const VmpPromptDigest *prompt,
                         gint64                 now)
{
  Reader *reader;

  g_return_if_fail (self != NULL);
  g_return_if_fail (node != NULL);
  g_return_if_fail (prompt != NULL);

  remove_stale_readers (self, now);
  if (prompt->n_chunks == 0)
    return;

  reader = g_hash_table_lookup (self->readers, node);
  if (reader == NULL)
    {
      reader = g_new0 (Reader, 1);
      reader->link.data = reader;
      reader->node = node;
      reader->tree = vmp_prefix_tree_new ();
      g_hash_table_insert (self->readers, node, reader);
    }
  else
    {
      g_queue_unlink (&self->readers_by_use, &reader->link);
    }

  reader->used = now;
  g_queue_push_head_link (&self->readers_by_use, &reader->link);
  vmp_prefix_tree_add (reader->tree, hash_model (model), prompt->chunks, prompt->n_chunks);
}

double
vmp_affinity_match (VmpAffinity           *self,
                    gpointer               node,
                    const char            *model,
                    const VmpPromptDigest *prompt)
{
  const Reader *reader;
  guint match;

  g_return_val_if_fail (self != NULL, 0);
  g_return_val_if_fail (prompt != NULL, 0);

  if (prompt->n_chunks == 0)
    return 0;

  reader = g_hash_table_lookup (self->readers, node);
  if (reader == NULL)
    return 0;

  match = vmp_prefix_tree_match (reader->tree, hash_model (model), prompt->chunks, prompt->n_chunks, self->last_match);
  if (match > 0)
    self->last_match = match;

  return (double) match / prompt->n_chunks;
}

/* -- Nodes -------------------------------------------------------------------------------------------- */

void
vmp_affinity_remove_node (VmpAffinity *self,
                          gpointer     node)
{
  Reader *reader;
  guint i;

  g_return_if_fail (self != NULL);

  for (i = 0; i < N_STICKY; i++)
    {
      GList *link = self->sticky[i].by_use.head;

      while (link != NULL)
        {
          StickyEntry *entry = link->data;

          link = link->next;
          if (entry->node == node)
            sticky_remove (self, i, entry);
        }
    }

  reader = g_hash_table_lookup (self->readers, node);
  if (reader != NULL)
    remove_reader (self, reader);
}

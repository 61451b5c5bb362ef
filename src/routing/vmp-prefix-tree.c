/* SPDX-License-Identifier: MIT
 *
 * Implementation of one node's beginnings of prompts, for vmp-affinity.c: a hash table of chunks in two arrays, with
 * the order of their use threaded through. It takes memory as it fills, 20 bytes a chunk when it is full, and gives it
 * back as a whole.
 */

#include "routing/vmp-affinity-private.h"

#include "core/vmp-limits.h"

/* No entry: past the last one. */
#define NONE G_MAXUINT16

#define FIRST_CAPACITY 32

G_STATIC_ASSERT (VMP_LIMIT_PREFIX_CHUNKS < NONE);
G_STATIC_ASSERT (VMP_LIMIT_PREFIX_CHUNKS >= FIRST_CAPACITY);
G_STATIC_ASSERT ((VMP_LIMIT_PREFIX_CHUNKS & (VMP_LIMIT_PREFIX_CHUNKS - 1)) == 0);
G_STATIC_ASSERT (VMP_LIMIT_PROMPT_CHUNKS <= VMP_LIMIT_PREFIX_CHUNKS);

typedef struct {
  guint64 key;
  guint16 next;  /* in its bucket */
  guint16 newer;
  guint16 older;
} Entry;

struct _VmpPrefixTree {
  Entry *entries;
  guint16 *buckets;  /* twice as many as there is room for entries */
  guint capacity;    /* a power of two, or 0 */
  guint size;
  guint16 newest;
  guint16 oldest;
};

VmpPrefixTree *
vmp_prefix_tree_new (void)
{
  VmpPrefixTree *self = g_new0 (VmpPrefixTree, 1);

  self->newest = NONE;
  self->oldest = NONE;

  return self;
}

void
vmp_prefix_tree_free (VmpPrefixTree *self)
{
  g_free (self->entries);
  g_free (self->buckets);
  g_free (self);
}

/* -- The table ---------------------------------------------------------------------------------------- */

/* The keys are hashes already, with a secret in them. */
static inline guint16 *
bucket_of (const VmpPrefixTree *self,
           guint64              key)
{
  return &self->buckets[key & (2 * self->capacity - 1)];
}

static guint16
find (const VmpPrefixTree *self,
      guint64              key)
{
  guint16 at = *bucket_of (self, key);

  while (at != NONE && self->entries[at].key != key)
    at = self->entries[at].next;

  return at;
}

static void
put_into_bucket (VmpPrefixTree *self,
                 guint16        at)
{
  guint16 *bucket = bucket_of (self, self->entries[at].key);

  self->entries[at].next = *bucket;
  *bucket = at;
}

static void
take_from_bucket (VmpPrefixTree *self,
                  guint16        at)
{
  guint16 *link = bucket_of (self, self->entries[at].key);

  while (*link != at)
    link = &self->entries[*link].next;

  *link = self->entries[at].next;
}

static void
grow (VmpPrefixTree *self)
{
  guint i;

  self->capacity = MAX (FIRST_CAPACITY, 2 * self->capacity);
  self->entries = g_renew (Entry, self->entries, self->capacity);

  g_free (self->buckets);
  self->buckets = g_new (guint16, 2 * self->capacity);
  for (i = 0; i < 2 * self->capacity; i++)
    self->buckets[i] = NONE;

  for (i = 0; i < self->size; i++)
    put_into_bucket (self, (guint16) i);
}

/* -- The order of use --------------------------------------------------------------------------------- */

static void
unlink_entry (VmpPrefixTree *self,
              guint16        at)
{
  Entry *entry = &self->entries[at];

  if (entry->newer != NONE)
    self->entries[entry->newer].older = entry->older;
  else
    self->newest = entry->older;

  if (entry->older != NONE)
    self->entries[entry->older].newer = entry->newer;
  else
    self->oldest = entry->newer;
}

static void
link_as_newest (VmpPrefixTree *self,
                guint16        at)
{
  Entry *entry = &self->entries[at];

  entry->newer = NONE;
  entry->older = self->newest;
  if (self->newest != NONE)
    self->entries[self->newest].newer = at;
  else
    self->oldest = at;
  self->newest = at;
}

/* -- Beginnings --------------------------------------------------------------------------------------- */

/* Returns an entry that is in no bucket and not in the order: a new one, or the longest unused one. */
static guint16
make_room (VmpPrefixTree *self)
{
  guint16 at;

  if (self->size == self->capacity && self->capacity < VMP_LIMIT_PREFIX_CHUNKS)
    grow (self);

  if (self->size < self->capacity)
    return (guint16) self->size++;

  at = self->oldest;
  unlink_entry (self, at);
  take_from_bucket (self, at);

  return at;
}

void
vmp_prefix_tree_add (VmpPrefixTree *self,
                     guint64        model,
                     const guint64 *chunks,
                     guint          n_chunks)
{
  guint i;

  if (self->capacity == 0)
    grow (self);

  /* From the end, so that each chunk is used later than all that follow it, and leaves after them. */
  for (i = MIN (n_chunks, VMP_LIMIT_PREFIX_CHUNKS); i-- > 0;)
    {
      guint64 key = chunks[i] ^ model;
      guint16 at = find (self, key);

      if (at != NONE)
        {
          unlink_entry (self, at);
        }
      else
        {
          at = make_room (self);
          self->entries[at].key = key;
          put_into_bucket (self, at);
        }
      link_as_newest (self, at);
    }
}

guint
vmp_prefix_tree_match (const VmpPrefixTree *self,
                       guint64              model,
                       const guint64       *chunks,
                       guint                n_chunks,
                       guint                guess)
{
  guint held, lacking; /* beginnings of so many chunks */

  if (self->capacity == 0 || n_chunks == 0 || find (self, chunks[0] ^ model) == NONE)
    return 0;

  held = 1;
  lacking = n_chunks + 1;
  if (guess > held && guess < lacking)
    {
      if (find (self, chunks[guess - 1] ^ model) != NONE)
        held = guess;
      else
        lacking = guess;
    }

  /* The guess may be the answer. */
  if (held + 1 < lacking)
    {
      if (find (self, chunks[held] ^ model) == NONE)
        return held;
      held++;
    }

  while (held + 1 < lacking)
    {
      guint middle = held + (lacking - held) / 2;

      if (find (self, chunks[middle - 1] ^ model) != NONE)
        held = middle;
      else
        lacking = middle;
    }

  return held;
}

guint
vmp_prefix_tree_get_size (const VmpPrefixTree *self)
{
  return self->size;
}

gsize
vmp_prefix_tree_get_bytes (const VmpPrefixTree *self)
{
  return sizeof *self + self->capacity * (sizeof (Entry) + 2 * sizeof (guint16));
}

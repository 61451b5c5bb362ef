/* SPDX-License-Identifier: MIT
 *
 * Digests of prompts, for vmp-affinity.c and its callers: a hash of every beginning, made in one pass over the bytes as
 * they are in the body. The hash multiplies with numbers that are drawn once for each process: it is quick rather than
 * cryptographic, but without those numbers nobody can write two prompts that have the same one.
 */

#include "routing/vmp-affinity.h"
#include "routing/vmp-affinity-private.h"

#include <string.h>

#include "core/vmp-limits.h"

/* -- The hash ----------------------------------------------------------------------------------------- */

typedef struct {
  guint64 start;
  guint64 text;  /* for whole steps */
  guint64 rest;  /* for what is left at the end */
  guint64 length;
} Secret;

static guint64
random_number (void)
{
  return (guint64) g_random_int () << 32 | g_random_int ();
}

static const Secret *
get_secret (void)
{
  static Secret secret;
  static gsize is_drawn = 0;

  if (g_once_init_enter (&is_drawn))
    {
      secret.start = random_number ();
      secret.text = random_number ();
      secret.rest = random_number ();
      secret.length = random_number ();
      g_once_init_leave (&is_drawn, 1);
    }

  return &secret;
}

/* The two halves of the product, one upon the other: every bit of it depends on every bit of both. */
static inline guint64
fold (guint64 a,
      guint64 b)
{
#ifdef __SIZEOF_INT128__
  __extension__ typedef unsigned __int128 Wide;
  Wide product = (Wide) a * b;

  return (guint64) product ^ (guint64) (product >> 64);
#else
  guint64 a_low = a & G_MAXUINT32, a_high = a >> 32;
  guint64 b_low = b & G_MAXUINT32, b_high = b >> 32;
  guint64 low = a_low * b_low;
  guint64 middle = a_high * b_low + (low >> 32);
  guint64 other = a_low * b_high + (middle & G_MAXUINT32);

  return (other << 32 | (low & G_MAXUINT32)) ^ (a_high * b_high + (middle >> 32) + (other >> 32));
#endif
}

static inline guint64
load (const guint8 *p)
{
  guint64 word;

  memcpy (&word, p, sizeof word);

  return word;
}

/* Adds a piece of text to a hash. Where a text is cut into pieces matters. */
static guint64
add_piece (const Secret *secret,
           guint64       hash,
           const guint8 *p,
           gsize         len)
{
  gsize left;

  for (left = len; left >= 16; left -= 16, p += 16)
    hash = fold (load (p) ^ secret->text, load (p + 8) ^ hash);

  if (left > 0)
    {
      guint8 rest[16] = { 0 };

      memcpy (rest, p, left);
      hash = fold (load (rest) ^ secret->rest, load (rest + 8) ^ hash);
    }

  return fold (hash ^ secret->rest, len ^ secret->length);
}

guint64
vmp_prompt_hash (const char *text,
                 gsize       len)
{
  const Secret *secret = get_secret ();

  return add_piece (secret, secret->start, (const guint8 *) text, len);
}

/* -- The digest --------------------------------------------------------------------------------------- */

/* In the order in which templates put them before a model. */
static const VmpMember heads[] = { VMP_MEMBER_TOOLS, VMP_MEMBER_SYSTEM, VMP_MEMBER_INSTRUCTIONS };

/* One of these comes then: what a conversation adds to. */
static const VmpMember bodies[] = { VMP_MEMBER_MESSAGES, VMP_MEMBER_INPUT, VMP_MEMBER_PROMPT };

#define MAX_PIECES (G_N_ELEMENTS (heads) + 1)

typedef struct {
  VmpMember member;
  const guint8 *text;
  gsize len;
} Piece;

static inline gboolean
holds_text (const VmpJsonMember *member)
{
  return member->type == VMP_JSON_STRING || member->type == VMP_JSON_ARRAY || member->type == VMP_JSON_OBJECT;
}

/* Without the bracket or quote at its end, where the next request of the conversation goes on. */
static gsize
open_length (const guint8 *text,
             gsize         len)
{
  gboolean is_list = text[0] == '[';

  len--;
  while (is_list && len > 1 && (text[len - 1] == ' ' || text[len - 1] == '\n' || text[len - 1] == '\r' ||
                                text[len - 1] == '\t'))
    len--;

  return len;
}

/* @pieces: of MAX_PIECES. Returns how many there are. */
static guint
find_pieces (const VmpCall *call,
             Piece         *pieces)
{
  const guint8 *body = (const guint8 *) call->body;
  guint n = 0;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      const VmpJsonMember *member = &call->scan->members[heads[i]];

      if (holds_text (member))
        pieces[n++] = (Piece) { heads[i], body + member->value.start, member->value.end - member->value.start };
    }

  for (i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      const VmpJsonMember *member = &call->scan->members[bodies[i]];

      if (holds_text (member))
        {
          const guint8 *text = body + member->value.start;

          pieces[n++] = (Piece) { bodies[i], text, open_length (text, member->value.end - member->value.start) };
          break;
        }
    }

  return n;
}

void
vmp_prompt_digest_init (VmpPromptDigest *self,
                        const VmpCall   *call)
{
  const Secret *secret = get_secret ();
  Piece pieces[MAX_PIECES];
  guint64 hash = secret->start;
  gsize total = 0;
  gsize filled = 0; /* of the chunk under way */
  guint n_pieces, room, i;

  g_return_if_fail (self != NULL);
  g_return_if_fail (call != NULL);

  *self = (VmpPromptDigest) { 0, NULL };
  if (call->scan == NULL || call->body == NULL)
    return;

  n_pieces = find_pieces (call, pieces);
  for (i = 0; i < n_pieces; i++)
    total += pieces[i].len;
  if (total == 0)
    return;

  room = (guint) CLAMP (total / VMP_LIMIT_PROMPT_CHUNK, 1, VMP_LIMIT_PROMPT_CHUNKS);
  self->chunks = g_new (guint64, room);

  for (i = 0; i < n_pieces && self->n_chunks < room; i++)
    {
      const guint8 *p = pieces[i].text;
      gsize left = pieces[i].len;

      hash = fold (hash ^ secret->length, secret->text + pieces[i].member);
      while (left > 0 && self->n_chunks < room)
        {
          gsize len = MIN (left, VMP_LIMIT_PROMPT_CHUNK - filled);

          hash = add_piece (secret, hash, p, len);
          p += len;
          left -= len;
          filled += len;
          if (filled == VMP_LIMIT_PROMPT_CHUNK)
            {
              self->chunks[self->n_chunks++] = hash;
              filled = 0;
            }
        }
    }

  /* A short prompt is known as a whole only. */
  if (self->n_chunks == 0)
    self->chunks[self->n_chunks++] = hash;
}

void
vmp_prompt_digest_clear (VmpPromptDigest *self)
{
  g_clear_pointer (&self->chunks, g_free);
  self->n_chunks = 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Tests of what was where: sessions and ids, digests of prompts, beginnings of prompts by example, by comparison with a
 * plain list, and by replay of agents' sessions.
 */

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-volatile.h"
#include "routing/vmp-affinity-private.h"
#include "routing/vmp-affinity.h"

#define SECOND ((gint64) G_USEC_PER_SEC)

/* Nodes are only compared. */
static int things[1000];
#define NODE(i) ((gpointer) &things[i])

static void
affinity_clear (VmpAffinity **self)
{
  g_clear_pointer (self, vmp_affinity_free);
}

#define AUTO_AFFINITY __attribute__ ((cleanup (affinity_clear))) VmpAffinity *

/* -- Sessions and ids --------------------------------------------------------------------------------- */

static void
test_sticks (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();

  g_assert_null (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "a", 0));
  vmp_affinity_stick (affinity, VMP_STICKY_SESSION, "a", NODE (0), 0);
  vmp_affinity_stick (affinity, VMP_STICKY_SESSION, "b", NODE (1), 0);
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "a", 1) == NODE (0));
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "b", 1) == NODE (1));
  g_assert_null (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "", 1));

  vmp_affinity_stick (affinity, VMP_STICKY_SESSION, "a", NODE (2), 2);
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "a", 3) == NODE (2));
}

static void
test_kinds_are_apart (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();

  vmp_affinity_stick (affinity, VMP_STICKY_SESSION, "a", NODE (0), 0);
  g_assert_null (vmp_affinity_find (affinity, VMP_STICKY_OWNER, "a", 0));
  vmp_affinity_stick (affinity, VMP_STICKY_OWNER, "a", NODE (1), 0);
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "a", 0) == NODE (0));
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_OWNER, "a", 0) == NODE (1));
}

static void
test_sticky_expires (void)
{
  static const gint64 seconds[] = { VMP_LIMIT_SESSION_S, VMP_LIMIT_OWNER_S };

  for (guint kind = 0; kind < G_N_ELEMENTS (seconds); kind++)
    {
      AUTO_AFFINITY affinity = vmp_affinity_new ();
      gint64 last = seconds[kind] * SECOND - 1;
      gint64 now = 5;

      /* Use renews it, again and again. */
      vmp_affinity_stick (affinity, kind, "a", NODE (0), now);
      vmp_affinity_stick (affinity, kind, "b", NODE (1), now);
      now += last;
      g_assert_true (vmp_affinity_find (affinity, kind, "a", now) == NODE (0));
      g_assert_null (vmp_affinity_find (affinity, kind, "b", now + 1));
      now += last;
      g_assert_true (vmp_affinity_find (affinity, kind, "a", now) == NODE (0));
      now += last;
      vmp_affinity_stick (affinity, kind, "a", NODE (0), now);
      now += last;
      g_assert_true (vmp_affinity_find (affinity, kind, "a", now) == NODE (0));

      now += last + 1;
      g_assert_null (vmp_affinity_find (affinity, kind, "a", now));
      g_assert_null (vmp_affinity_find (affinity, kind, "a", 5));
    }
}

static void
test_sticky_is_bounded (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  char key[32];

  for (guint i = 0; i < VMP_LIMIT_STICKY; i++)
    {
      g_snprintf (key, sizeof key, "session-%u", i);
      vmp_affinity_stick (affinity, VMP_STICKY_SESSION, key, NODE (i % 10), i);
    }

  /* The one that was looked up is not the longest unused any more. */
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "session-0", VMP_LIMIT_STICKY) == NODE (0));
  for (guint i = 0; i < 3; i++)
    {
      g_snprintf (key, sizeof key, "new-%u", i);
      vmp_affinity_stick (affinity, VMP_STICKY_SESSION, key, NODE (11), VMP_LIMIT_STICKY + i);
    }

  for (guint i = 0; i < VMP_LIMIT_STICKY; i++)
    {
      gpointer node;

      g_snprintf (key, sizeof key, "session-%u", i);
      node = vmp_affinity_find (affinity, VMP_STICKY_SESSION, key, VMP_LIMIT_STICKY + 10);
      g_assert_true (node == (i >= 1 && i <= 3 ? NULL : NODE (i % 10)));
    }
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "new-0", VMP_LIMIT_STICKY + 10) == NODE (11));
}

/* However long a key is, no more of it is kept than counts. */
static void
test_long_keys (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  g_autofree char *just = g_strnfill (VMP_LIMIT_SESSION_BYTES, 'k');
  g_autofree char *longer = g_strconcat (just, "-and-more", NULL);
  g_autofree char *shorter = g_strndup (just, VMP_LIMIT_SESSION_BYTES - 1);

  vmp_affinity_stick (affinity, VMP_STICKY_SESSION, longer, NODE (0), 0);
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, longer, 0) == NODE (0));
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, just, 0) == NODE (0));
  g_assert_null (vmp_affinity_find (affinity, VMP_STICKY_SESSION, shorter, 0));
}

/* -- Calls -------------------------------------------------------------------------------------------- */

/* (transfer full) in @digest */
static void
digest_of (VmpPromptDigest *digest,
           const char      *body)
{
  VmpCall call = { .body = body, .body_len = strlen (body), .has_body = TRUE };
  VmpJsonScan scan;

  if (vmp_json_scan (body, strlen (body), &scan))
    call.scan = &scan;
  vmp_prompt_digest_init (digest, &call);
}

static void
assert_same_digest (const char *body,
                    const char *other)
{
  g_auto (VmpPromptDigest) a = { 0 };
  g_auto (VmpPromptDigest) b = { 0 };

  digest_of (&a, body);
  digest_of (&b, other);
  g_assert_cmpuint (a.n_chunks, >, 0);
  g_assert_cmpmem (a.chunks, a.n_chunks * sizeof *a.chunks, b.chunks, b.n_chunks * sizeof *b.chunks);
}

/* The number of chunks that the two have in common; after the first that differs all must. */
static guint
common_chunks (const char *body,
               const char *other)
{
  g_auto (VmpPromptDigest) a = { 0 };
  g_auto (VmpPromptDigest) b = { 0 };
  guint n = 0;

  digest_of (&a, body);
  digest_of (&b, other);
  while (n < MIN (a.n_chunks, b.n_chunks) && a.chunks[n] == b.chunks[n])
    n++;
  for (guint i = n; i < MIN (a.n_chunks, b.n_chunks); i++)
    g_assert_cmpuint (a.chunks[i], !=, b.chunks[i]);

  return n;
}

static guint
count_chunks (const char *body)
{
  g_auto (VmpPromptDigest) digest = { 0 };

  digest_of (&digest, body);

  return digest.n_chunks;
}

/* (transfer full): text of that many bytes that differs with the seed from its first bytes on */
static char *
text_of (guint bytes,
         guint seed)
{
  GRand *rand = g_rand_new_with_seed (seed);
  char *text = g_malloc (bytes + 1);

  for (guint i = 0; i < bytes; i++)
    text[i] = (char) g_rand_int_range (rand, 'a', 'z' + 1);
  text[bytes] = '\0';
  g_rand_free (rand);

  return text;
}

/* -- Digests ------------------------------------------------------------------------------------------ */

static void
test_digest_of_what_counts (void)
{
  g_autofree char *text = text_of (3000, 1);
  g_autofree char *plain = g_strdup_printf ("{\"model\":\"a\",\"tools\":[1],\"system\":\"S\",\"instructions\":\"I\","
                                            "\"messages\":[{\"content\":\"%s\"}]}", text);
  g_autofree char *other = g_strdup_printf ("{ \"messages\" : [{\"content\":\"%s\"}\n ] ,\"temperature\":0.7,"
                                            "\"instructions\":\"I\",\"system\":\"S\",\"n\":2,\"user\":\"me\","
                                            "\"model\":\"another one\",\"tools\":[1],\"stream\":true}", text);
  g_autofree char *null = g_strdup_printf ("{\"messages\":[{\"content\":\"%s\"}],\"tools\":null,\"input\":\"x\"}",
                                           text);
  g_autofree char *bare = g_strdup_printf ("{\"messages\":[{\"content\":\"%s\"}]}", text);

  assert_same_digest (plain, other);
  assert_same_digest (null, bare);
  g_assert_cmpuint (common_chunks (plain, bare), ==, 0);
}

/* The same bytes elsewhere are another prompt. */
static void
test_digest_of_places (void)
{
  static const char * const members[] = { "tools", "system", "instructions", "messages", "input", "prompt" };
  g_autofree char *text = text_of (3000, 1);
  g_autofree char *chunk = text_of (VMP_LIMIT_PROMPT_CHUNK, 2);
  g_autofree char *twice = g_strdup_printf ("{\"prompt\":\"%s%s%s\"}", chunk, chunk, chunk);
  g_auto (VmpPromptDigest) digest = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autofree char *one = g_strdup_printf ("{\"%s\":\"%s\"}", members[i], text);

      for (gsize j = 0; j < i; j++)
        {
          g_autofree char *other = g_strdup_printf ("{\"%s\":\"%s\"}", members[j], text);

          g_assert_cmpuint (common_chunks (one, other), ==, 0);
        }
    }

  digest_of (&digest, twice);
  g_assert_cmpuint (digest.n_chunks, ==, 3);
  g_assert_cmpuint (digest.chunks[0], !=, digest.chunks[1]);
  g_assert_cmpuint (digest.chunks[1], !=, digest.chunks[2]);
}

static void
test_digest_of_whole_chunks (void)
{
  /* The opening quote counts, the closing one does not. */
  for (guint chunks = 1; chunks <= 5; chunks++)
    {
      g_autofree char *just = text_of (chunks * VMP_LIMIT_PROMPT_CHUNK - 1, 3);
      g_autofree char *more = text_of (chunks * VMP_LIMIT_PROMPT_CHUNK + 500, 3);
      g_autofree char *less = text_of (chunks * VMP_LIMIT_PROMPT_CHUNK - 2, 3);
      g_autofree char *just_body = g_strdup_printf ("{\"prompt\":\"%s\"}", just);
      g_autofree char *more_body = g_strdup_printf ("{\"prompt\":\"%s\"}", more);
      g_autofree char *less_body = g_strdup_printf ("{\"prompt\":\"%s\"}", less);

      assert_same_digest (just_body, more_body);
      g_assert_cmpuint (count_chunks (just_body), ==, chunks);
      g_assert_cmpuint (count_chunks (less_body), ==, MAX (chunks - 1, 1));
      g_assert_cmpuint (common_chunks (just_body, less_body), ==, chunks - 1);
    }
}

/* Each byte of a chunk counts, wherever the pieces of it begin and end. */
static void
test_digest_of_each_byte (void)
{
  for (guint head = 1; head <= 40; head += 3)
    {
      g_autofree char *before = text_of (head, 4);
      g_autofree char *text = text_of (2 * VMP_LIMIT_PROMPT_CHUNK, 5);
      g_autofree char *body = g_strdup_printf ("{\"system\":\"%s\",\"prompt\":\"%s\"}", before, text);

      for (guint i = 0; i < VMP_LIMIT_PROMPT_CHUNK - head - 3; i += 7)
        {
          g_autofree char *other = NULL;
          char byte = text[i];

          text[i] = 'A';
          other = g_strdup_printf ("{\"system\":\"%s\",\"prompt\":\"%s\"}", before, text);
          g_assert_cmpuint (common_chunks (body, other), ==, 0);
          text[i] = byte;
        }
    }
}

static void
test_digest_of_short_prompts (void)
{
  g_assert_cmpuint (count_chunks ("{\"prompt\":\"Hi\"}"), ==, 1);
  assert_same_digest ("{\"prompt\":\"Hi\",\"top_p\":1}", "{\"prompt\":\"Hi\"}");
  g_assert_cmpuint (common_chunks ("{\"prompt\":\"Hi\"}", "{\"prompt\":\"Hi!\"}"), ==, 0);
  g_assert_cmpuint (common_chunks ("{\"prompt\":\"Hi\"}", "{\"prompt\":\"Hj\"}"), ==, 0);
  g_assert_cmpuint (common_chunks ("{\"prompt\":\"Hi\"}", "{\"system\":\"\",\"prompt\":\"Hi\"}"), ==, 0);
}

/* One thing is what a conversation adds to, and the bracket at its end is not part of it, however it is set. */
static void
test_digest_of_lists (void)
{
  assert_same_digest ("{\"messages\":[\"Hi\"],\"input\":\"x\",\"prompt\":\"y\"}", "{\"messages\":[\"Hi\"]}");
  assert_same_digest ("{\"prompt\":\"y\",\"input\":\"x\"}", "{\"input\":\"x\"}");
  assert_same_digest ("{\"messages\":[\"Hi\" \n\t\r]}", "{\"messages\":[\"Hi\"]}");
  assert_same_digest ("{\"messages\":[\"Hi\" ]}", "{\"messages\":[\"Hi\"]}");
}

static void
test_digest_of_nothing (void)
{
  static const char * const bodies[] = { "", "{}", "[]", "{\"model\":\"m\"}", "{\"messages\":null,\"tools\":3}", "{" };

  for (gsize i = 0; i < G_N_ELEMENTS (bodies); i++)
    g_assert_cmpuint (count_chunks (bodies[i]), ==, 0);
  g_assert_cmpuint (count_chunks ("{\"messages\":[ \n ]}"), ==, 1);
  g_assert_cmpuint (count_chunks ("{\"input\":\"\"}"), ==, 1);
}

static void
test_digest_is_bounded (void)
{
  g_autofree char *text = text_of ((VMP_LIMIT_PROMPT_CHUNKS + 10) * VMP_LIMIT_PROMPT_CHUNK, 6);
  g_autofree char *body = g_strdup_printf ("{\"prompt\":\"%s\"}", text);

  g_assert_cmpuint (count_chunks (body), ==, VMP_LIMIT_PROMPT_CHUNKS);
}

/* -- Beginnings of prompts ---------------------------------------------------------------------------- */

/* A prompt of so many chunks that begins as @base does, for @shared of them. */
static VmpPromptDigest
made_digest (const VmpPromptDigest *base,
             guint                  shared,
             guint                  n_chunks,
             guint                  seed)
{
  VmpPromptDigest digest = { n_chunks, g_new (guint64, n_chunks) };

  for (guint i = 0; i < n_chunks; i++)
    {
      guint64 text[] = { seed, i };

      digest.chunks[i] = i < shared ? base->chunks[i] : vmp_prompt_hash ((const char *) text, sizeof text);
    }

  return digest;
}

static void
assert_match (VmpAffinity           *affinity,
              guint                  node,
              const char            *model,
              const VmpPromptDigest *prompt,
              guint                  chunks)
{
  g_assert_cmpfloat (vmp_affinity_match (affinity, NODE (node), model, prompt), ==,
                     (double) chunks / MAX (prompt->n_chunks, 1));
}

static void
test_prefix_matches (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  g_auto (VmpPromptDigest) first = made_digest (NULL, 0, 100, 1);
  g_auto (VmpPromptDigest) longer = made_digest (&first, 100, 250, 2);
  g_auto (VmpPromptDigest) forked = made_digest (&first, 37, 80, 3);
  g_auto (VmpPromptDigest) other = made_digest (NULL, 0, 10, 4);
  g_auto (VmpPromptDigest) empty = { 0 };

  assert_match (affinity, 0, "m", &first, 0);
  vmp_affinity_add_prompt (affinity, NODE (0), "m", &first, 0);
  assert_match (affinity, 0, "m", &first, 100);
  assert_match (affinity, 0, "m", &longer, 100);
  assert_match (affinity, 0, "m", &forked, 37);
  assert_match (affinity, 0, "m", &other, 0);
  assert_match (affinity, 1, "m", &first, 0);

  vmp_affinity_add_prompt (affinity, NODE (0), "m", &forked, 0);
  assert_match (affinity, 0, "m", &forked, 80);
  assert_match (affinity, 0, "m", &longer, 100);

  vmp_affinity_add_prompt (affinity, NODE (1), "m", &empty, 0);
  assert_match (affinity, 1, "m", &first, 0);
  assert_match (affinity, 0, "m", &empty, 0);
}

static void
test_prefix_models_are_apart (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  g_auto (VmpPromptDigest) prompt = made_digest (NULL, 0, 20, 1);

  vmp_affinity_add_prompt (affinity, NODE (0), "qwen3-4b", &prompt, 0);
  assert_match (affinity, 0, "qwen3-4b", &prompt, 20);
  assert_match (affinity, 0, "qwen3-8b", &prompt, 0);
  assert_match (affinity, 0, "", &prompt, 0);
  assert_match (affinity, 0, NULL, &prompt, 0);

  vmp_affinity_add_prompt (affinity, NODE (0), NULL, &prompt, 0);
  assert_match (affinity, 0, NULL, &prompt, 20);
  assert_match (affinity, 0, "", &prompt, 0);
}

static void
test_prefix_of_removed_node (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  g_auto (VmpPromptDigest) prompt = made_digest (NULL, 0, 20, 1);

  for (guint i = 0; i < 2; i++)
    {
      const char *key = i == 0 ? "a" : "b";

      vmp_affinity_add_prompt (affinity, NODE (i), "m", &prompt, 0);
      vmp_affinity_stick (affinity, VMP_STICKY_SESSION, key, NODE (i), 0);
      vmp_affinity_stick (affinity, VMP_STICKY_OWNER, key, NODE (i), 0);
    }
  vmp_affinity_remove_node (affinity, NODE (0));
  vmp_affinity_remove_node (affinity, NODE (0));
  vmp_affinity_remove_node (affinity, NODE (7));

  assert_match (affinity, 0, "m", &prompt, 0);
  g_assert_null (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "a", 0));
  g_assert_null (vmp_affinity_find (affinity, VMP_STICKY_OWNER, "a", 0));
  assert_match (affinity, 1, "m", &prompt, 20);
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_SESSION, "b", 0) == NODE (1));
  g_assert_true (vmp_affinity_find (affinity, VMP_STICKY_OWNER, "b", 0) == NODE (1));
}

/* A node that reads nothing for as long as a model stays loaded has an empty cache. */
static void
test_prefix_goes_stale (void)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  g_auto (VmpPromptDigest) prompt = made_digest (NULL, 0, 20, 1);
  g_auto (VmpPromptDigest) other = made_digest (NULL, 0, 20, 2);
  const gint64 last = VMP_LIMIT_SESSION_S * SECOND - 1;

  vmp_affinity_add_prompt (affinity, NODE (0), "m", &prompt, 0);
  vmp_affinity_add_prompt (affinity, NODE (1), "m", &prompt, 0);
  vmp_affinity_add_prompt (affinity, NODE (1), "m", &other, last);
  assert_match (affinity, 0, "m", &prompt, 20);
  vmp_affinity_add_prompt (affinity, NODE (2), "m", &other, last + 1);
  assert_match (affinity, 0, "m", &prompt, 0);
  assert_match (affinity, 1, "m", &prompt, 20);
}

static void
test_prefix_eviction (void)
{
  const guint n = VMP_LIMIT_PREFIX_CHUNKS / 8;
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  VmpPromptDigest prompts[10];

  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
    prompts[i] = made_digest (NULL, 0, n, i);

  for (guint i = 0; i < 8; i++)
    vmp_affinity_add_prompt (affinity, NODE (0), "m", &prompts[i], i);
  for (guint i = 0; i < 8; i++)
    assert_match (affinity, 0, "m", &prompts[i], n);

  /* A look is no use, an addition is. */
  vmp_affinity_add_prompt (affinity, NODE (0), "m", &prompts[0], 8);
  vmp_affinity_add_prompt (affinity, NODE (0), "m", &prompts[8], 9);
  assert_match (affinity, 0, "m", &prompts[0], n);
  assert_match (affinity, 0, "m", &prompts[1], 0);
  for (guint i = 2; i <= 8; i++)
    assert_match (affinity, 0, "m", &prompts[i], n);

  /* The end of a prompt leaves before its beginning. */
  prompts[9].n_chunks = n / 4;
  vmp_affinity_add_prompt (affinity, NODE (0), "m", &prompts[9], 10);
  assert_match (affinity, 0, "m", &prompts[9], n / 4);
  assert_match (affinity, 0, "m", &prompts[2], n - n / 4);
  assert_match (affinity, 0, "m", &prompts[3], n);

  /* Another node has its own room. */
  vmp_affinity_add_prompt (affinity, NODE (1), "m", &prompts[1], 11);
  assert_match (affinity, 0, "m", &prompts[3], n);

  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
    vmp_prompt_digest_clear (&prompts[i]);
}

/* -- The tree beside a plain list --------------------------------------------------------------------- */

typedef struct {
  GQueue by_use;       /* of keys, the latest first */
  GHashTable *links;   /* key -> its link */
} PlainTree;

static void
plain_add (PlainTree             *self,
           const VmpPromptDigest *prompt)
{
  for (guint i = prompt->n_chunks; i-- > 0;)
    {
      GList *link = g_hash_table_lookup (self->links, &prompt->chunks[i]);

      if (link != NULL)
        {
          g_queue_unlink (&self->by_use, link);
        }
      else
        {
          guint64 *key = g_memdup2 (&prompt->chunks[i], sizeof *key);

          if (self->by_use.length == VMP_LIMIT_PREFIX_CHUNKS)
            {
              guint64 *oldest = g_queue_pop_tail (&self->by_use);

              g_hash_table_remove (self->links, oldest);
              g_free (oldest);
            }
          link = g_list_prepend (NULL, key);
          g_hash_table_insert (self->links, key, link);
        }
      g_queue_push_head_link (&self->by_use, link);
    }
}

static guint
plain_match (const PlainTree       *self,
             const VmpPromptDigest *prompt)
{
  guint n = 0;

  while (n < prompt->n_chunks && g_hash_table_contains (self->links, &prompt->chunks[n]))
    n++;

  return n;
}

/* Prompts that go on with and fork off one another at random, until the room is used up several times over. */
static void
test_tree_as_plain (void)
{
  VmpPrefixTree *tree = vmp_prefix_tree_new ();
  PlainTree plain = { G_QUEUE_INIT, g_hash_table_new (g_int64_hash, g_int64_equal) };
  VmpPromptDigest prompts[100] = { 0 };
  GRand *rand = g_rand_new_with_seed (7777);
  guint n_partial = 0;

  for (guint round = 0; round < 1000; round++)
    {
      guint at = (guint) g_rand_int_range (rand, 0, G_N_ELEMENTS (prompts));
      const VmpPromptDigest *base = &prompts[g_rand_int_range (rand, 0, G_N_ELEMENTS (prompts))];
      guint shared = base->n_chunks > 0 ? (guint) g_rand_int_range (rand, 0, (gint32) base->n_chunks + 1) : 0;
      guint more = (guint) g_rand_int_range (rand, 1, round % 10 == 0 ? 500 : 100);
      VmpPromptDigest prompt = made_digest (base, shared, MIN (shared + more, VMP_LIMIT_PROMPT_CHUNKS), round);

      for (guint guess = 0; guess < 3; guess++)
        g_assert_cmpuint (vmp_prefix_tree_match (tree, 0, prompt.chunks, prompt.n_chunks,
                                                 guess == 0 ? shared : (guint) g_rand_int_range (rand, 0, 1100)),
                          ==, plain_match (&plain, &prompt));

      vmp_prefix_tree_add (tree, 0, prompt.chunks, prompt.n_chunks);
      plain_add (&plain, &prompt);
      vmp_prompt_digest_clear (&prompts[at]);
      prompts[at] = prompt;

      g_assert_cmpuint (vmp_prefix_tree_get_size (tree), ==, plain.by_use.length);
      for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
        {
          guint match = plain_match (&plain, &prompts[i]);

          g_assert_cmpuint (vmp_prefix_tree_match (tree, 0, prompts[i].chunks, prompts[i].n_chunks, round), ==, match);
          n_partial += match > 0 && match < prompts[i].n_chunks;
        }
    }
  g_assert_cmpuint (vmp_prefix_tree_get_size (tree), ==, VMP_LIMIT_PREFIX_CHUNKS);
  g_assert_cmpuint (n_partial, >, 100);

  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
    vmp_prompt_digest_clear (&prompts[i]);
  g_hash_table_unref (plain.links);
  g_queue_clear_full (&plain.by_use, g_free);
  g_rand_free (rand);
  vmp_prefix_tree_free (tree);
}

/* A match by any guess is the same. */
static void
test_tree_guesses (void)
{
  VmpPrefixTree *tree = vmp_prefix_tree_new ();
  g_auto (VmpPromptDigest) whole = made_digest (NULL, 0, 40, 1);

  for (guint held = 0; held <= whole.n_chunks; held++)
    {
      vmp_prefix_tree_add (tree, 9, whole.chunks, held);
      for (guint n = 0; n <= whole.n_chunks; n++)
        {
          for (guint guess = 0; guess <= whole.n_chunks + 2; guess++)
            g_assert_cmpuint (vmp_prefix_tree_match (tree, 9, whole.chunks, n, guess), ==, MIN (held, n));
        }
    }

  vmp_prefix_tree_free (tree);
}

static void
test_tree_memory (void)
{
  VmpPrefixTree *tree = vmp_prefix_tree_new ();
  gsize empty = vmp_prefix_tree_get_bytes (tree);

  g_assert_cmpuint (empty, <, 64);
  for (guint i = 0; i < 3 * VMP_LIMIT_PREFIX_CHUNKS / 16; i++)
    {
      g_auto (VmpPromptDigest) prompt = made_digest (NULL, 0, 16, i);
      guint size;

      vmp_prefix_tree_add (tree, 0, prompt.chunks, prompt.n_chunks);
      size = vmp_prefix_tree_get_size (tree);
      g_assert_cmpuint (size, ==, MIN (16 * (i + 1), VMP_LIMIT_PREFIX_CHUNKS));
      g_assert_cmpuint (vmp_prefix_tree_get_bytes (tree), <=, 64 + 40 * MAX (size, 32));
    }
  g_test_message ("%" G_GSIZE_FORMAT " bytes for a node's %d chunks, %" G_GSIZE_FORMAT " for one without",
                  vmp_prefix_tree_get_bytes (tree), VMP_LIMIT_PREFIX_CHUNKS, empty);
  g_assert_cmpuint (vmp_prefix_tree_get_bytes (tree), <=, empty + 20 * VMP_LIMIT_PREFIX_CHUNKS);

  vmp_prefix_tree_free (tree);
}

/* -- Agents' sessions --------------------------------------------------------------------------------- */

#define TURNS 30
#define SESSIONS 3

typedef enum {
  LINE_NONE,
  LINE_LEFT,
  LINE_CUT
} Line;

typedef struct {
  GString *messages;
  guint seed;
} Session;

/* The next turn of a session, as an agent sends it: tools and a long prompt that all sessions have, then what was said
 * so far. */
static char *
next_body (Session *session,
           guint    number,
           guint    turn,
           Line     line,
           gboolean with_tools)
{
  g_autofree char *tools = text_of (6000, 1);
  g_autofree char *prompt = text_of (9000, 2);
  g_autofree char *question = text_of (turn == 0 ? 1500 : 200 + 97 * turn, session->seed + turn);
  g_autofree char *answer = text_of (1500, session->seed + 100 + turn);
  g_autofree char *billing = NULL;
  char *body;

  if (line != LINE_NONE)
    billing = g_strdup_printf ("x-anthropic-billing-header: cc_version=2.1.0.%x; cch=%05x;\\n\\n", turn,
                               7919 * (number * TURNS + turn + 1));

  g_string_append_printf (session->messages, ",{\"role\":\"user\",\"content\":\"%s\"}", question);
  body = g_strdup_printf ("{\"model\":\"m-%u\",%s%s%s\"temperature\":0.%u,\"stream\":true,"
                          "\"messages\":[{\"role\":\"system\",\"content\":\"%s%s\"}%s]}",
                          turn, with_tools ? "\"tools\":[\"" : "", with_tools ? tools : "", with_tools ? "\"]," : "",
                          turn, billing != NULL ? billing : "", prompt, session->messages->str);
  g_string_append_printf (session->messages, ",{\"role\":\"assistant\",\"content\":\"%s\"}", answer);

  if (line == LINE_CUT)
    {
      VmpJsonScan scan;
      VmpSpan cut;

      g_assert_true (vmp_json_scan (body, strlen (body), &scan));
      g_assert_true (vmp_volatile_find (body, &scan, &cut));
      memmove (body + cut.start, body + cut.end, strlen (body) + 1 - cut.end);
    }

  return body;
}

/* Plays all sessions at the same time, each on a node of its own. Returns at how many turns after the first one the
 * warm node knew most of the prompt, and more than all others. @most: (out): the best match of any node */
static guint
replay (Line     line,
        gboolean with_tools,
        double  *most)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  Session sessions[SESSIONS];
  guint n_warm = 0;

  *most = 0;
  for (guint i = 0; i < SESSIONS; i++)
    sessions[i] = (Session) { g_string_new (NULL), 1000 * (i + 1) };

  for (guint turn = 0; turn < TURNS; turn++)
    {
      for (guint i = 0; i < SESSIONS; i++)
        {
          g_autofree char *body = next_body (&sessions[i], i, turn, line, with_tools);
          g_auto (VmpPromptDigest) digest = { 0 };
          double own, others = 0;

          digest_of (&digest, body);
          own = vmp_affinity_match (affinity, NODE (i), "m", &digest);
          for (guint other = 0; other < SESSIONS; other++)
            {
              double match = vmp_affinity_match (affinity, NODE (other), "m", &digest);

              *most = MAX (*most, match);
              if (other != i)
                others = MAX (others, match);
            }

          n_warm += turn > 0 && own > 0.75 && own > others;
          vmp_affinity_add_prompt (affinity, NODE (i), "m", &digest, turn);
        }
    }

  for (guint i = 0; i < SESSIONS; i++)
    g_string_free (sessions[i].messages, TRUE);

  return n_warm;
}

static void
test_agents_return (void)
{
  double most;

  g_assert_cmpuint (replay (LINE_NONE, TRUE, &most), ==, SESSIONS * (TURNS - 1));
  g_assert_cmpuint (replay (LINE_NONE, FALSE, &most), ==, SESSIONS * (TURNS - 1));
  g_assert_cmpuint (replay (LINE_CUT, TRUE, &most), ==, SESSIONS * (TURNS - 1));
  g_assert_cmpuint (replay (LINE_CUT, FALSE, &most), ==, SESSIONS * (TURNS - 1));
}

/* A line that changes undoes all that is behind it. */
static void
test_agents_with_line (void)
{
  double most;

  g_assert_cmpuint (replay (LINE_LEFT, FALSE, &most), ==, 0);
  g_assert_cmpfloat (most, ==, 0);
  g_assert_cmpuint (replay (LINE_LEFT, TRUE, &most), ==, 0);
  g_assert_cmpfloat (most, <, 0.5);
}

/* -- Figures ------------------------------------------------------------------------------------------ */

static void
test_speed_of_digest (void)
{
  g_autofree char *text = text_of (VMP_LIMIT_PROMPT_CHUNKS * VMP_LIMIT_PROMPT_CHUNK, 1);
  g_autofree char *body = g_strdup_printf ("{\"prompt\":\"%s\"}", text);
  VmpCall call = { .body = body, .body_len = strlen (body), .has_body = TRUE };
  gint64 best = G_MAXINT64;
  VmpJsonScan scan;

  g_assert_true (vmp_json_scan (body, strlen (body), &scan));
  call.scan = &scan;
  for (guint run = 0; run < 50; run++)
    {
      g_auto (VmpPromptDigest) digest = { 0 };
      gint64 start = g_get_monotonic_time ();

      vmp_prompt_digest_init (&digest, &call);
      best = MIN (best, g_get_monotonic_time () - start);
    }
  g_test_message ("a digest at %.2f GB/s", (double) call.body_len / 1e3 / (double) MAX (best, 1));
}

/* Microseconds for one plan's questions about a prompt of 1,000 chunks: each of 1,000 nodes knows @known of them, and
 * with @each_more the next one a chunk more. */
static double
time_of_matches (guint    known,
                 gboolean each_more)
{
  AUTO_AFFINITY affinity = vmp_affinity_new ();
  g_auto (VmpPromptDigest) prompt = made_digest (NULL, 0, 1000, 1);
  g_auto (VmpPromptDigest) other = made_digest (NULL, 0, 1, 2);
  gint64 best = G_MAXINT64;

  for (guint node = 0; node < G_N_ELEMENTS (things); node++)
    {
      VmpPromptDigest part = { known + (each_more ? node : 0), prompt.chunks };

      vmp_affinity_add_prompt (affinity, NODE (node), "m", &other, 0);
      vmp_affinity_add_prompt (affinity, NODE (node), "m", &part, 0);
    }

  for (guint run = 0; run < 20; run++)
    {
      gint64 start = g_get_monotonic_time ();
      double sum = 0;

      for (guint node = 0; node < G_N_ELEMENTS (things); node++)
        sum += vmp_affinity_match (affinity, NODE (node), "m", &prompt);
      best = MIN (best, g_get_monotonic_time () - start);
      g_assert_cmpfloat_with_epsilon (sum, known + (each_more ? 999 * 1000 / 2 / 1000.0 : 0), 1e-6);
    }

  return (double) MAX (best, 1);
}

/* What a plan asks of 1,000 nodes does not grow with the prompt. */
static void
test_speed_of_matches (void)
{
  double none = time_of_matches (0, FALSE);
  double some = time_of_matches (20, FALSE);
  double all = time_of_matches (1000, FALSE);
  double various = time_of_matches (0, TRUE);

  g_test_message ("1,000 nodes matched with 1,000 chunks: %.0f microseconds when none knows any, %.0f when each knows "
                  "20, %.0f when each knows all, %.0f when each knows another number", none, some, all, various);
  g_assert_cmpfloat (some, <, 100 * none);
  g_assert_cmpfloat (all, <, 100 * none);
  g_assert_cmpfloat (various, <, 100 * none);
}

static void
test_speed_of_additions (void)
{
  VmpPrefixTree *tree = vmp_prefix_tree_new ();
  VmpPromptDigest prompts[20];
  guint n = 0;
  gint64 start, time;

  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
    prompts[i] = made_digest (NULL, 0, VMP_LIMIT_PROMPT_CHUNKS, i);

  start = g_get_monotonic_time ();
  for (guint i = 0; i < 10 * G_N_ELEMENTS (prompts); i++, n += VMP_LIMIT_PROMPT_CHUNKS)
    vmp_prefix_tree_add (tree, 0, prompts[i % G_N_ELEMENTS (prompts)].chunks, VMP_LIMIT_PROMPT_CHUNKS);
  time = g_get_monotonic_time () - start;
  g_test_message ("%.0f ns a chunk that takes another one's place", 1e3 * (double) time / n);
  g_assert_cmpuint (vmp_prefix_tree_get_size (tree), ==, VMP_LIMIT_PREFIX_CHUNKS);

  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++)
    vmp_prompt_digest_clear (&prompts[i]);
  vmp_prefix_tree_free (tree);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/affinity/sticky/found-again", test_sticks);
  g_test_add_func ("/affinity/sticky/kinds-are-apart", test_kinds_are_apart);
  g_test_add_func ("/affinity/sticky/expires-without-use", test_sticky_expires);
  g_test_add_func ("/affinity/sticky/bounded-longest-unused-first", test_sticky_is_bounded);
  g_test_add_func ("/affinity/sticky/long-keys", test_long_keys);
  g_test_add_func ("/affinity/digest/what-counts", test_digest_of_what_counts);
  g_test_add_func ("/affinity/digest/places", test_digest_of_places);
  g_test_add_func ("/affinity/digest/whole-chunks", test_digest_of_whole_chunks);
  g_test_add_func ("/affinity/digest/each-byte", test_digest_of_each_byte);
  g_test_add_func ("/affinity/digest/short-prompts", test_digest_of_short_prompts);
  g_test_add_func ("/affinity/digest/lists", test_digest_of_lists);
  g_test_add_func ("/affinity/digest/nothing", test_digest_of_nothing);
  g_test_add_func ("/affinity/digest/bounded", test_digest_is_bounded);
  g_test_add_func ("/affinity/prefix/matches", test_prefix_matches);
  g_test_add_func ("/affinity/prefix/models-are-apart", test_prefix_models_are_apart);
  g_test_add_func ("/affinity/prefix/removed-node", test_prefix_of_removed_node);
  g_test_add_func ("/affinity/prefix/goes-stale", test_prefix_goes_stale);
  g_test_add_func ("/affinity/prefix/eviction", test_prefix_eviction);
  g_test_add_func ("/affinity/tree/as-plain", test_tree_as_plain);
  g_test_add_func ("/affinity/tree/guesses", test_tree_guesses);
  g_test_add_func ("/affinity/tree/memory", test_tree_memory);
  g_test_add_func ("/affinity/agents/return-to-their-node", test_agents_return);
  g_test_add_func ("/affinity/agents/changing-line", test_agents_with_line);
  g_test_add_func ("/affinity/speed/digest", test_speed_of_digest);
  g_test_add_func ("/affinity/speed/matches", test_speed_of_matches);
  g_test_add_func ("/affinity/speed/additions", test_speed_of_additions);

  return g_test_run ();
}

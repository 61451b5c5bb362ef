/* SPDX-License-Identifier: MIT
 *
 * Tests of the reader of server-sent events: by examples, and by comparison with the plain reader for every
 * way of cutting streams in two, in single bytes, and at random.
 */

#include <string.h>

#include "core/vmp-sse.h"
#include "naive-sse.h"

static gsize
push (VmpSseReader *reader,
      const char   *text)
{
  return vmp_sse_reader_push (reader, text, strlen (text));
}

/* -- By example --------------------------------------------------------------------------------------- */

static void
test_finds_the_last_whole_event (void)
{
  VmpSseReader reader = { 0 };

  g_assert_cmpuint (push (&reader, "data: 1\n\ndata: 2\n\ndata: 3"), ==, 18);
  g_assert_true (vmp_sse_reader_is_inside (&reader));
  g_assert_cmpuint (push (&reader, "4\n"), ==, 0);
  g_assert_true (vmp_sse_reader_is_inside (&reader));
  g_assert_cmpuint (push (&reader, "\nd"), ==, 1);
  g_assert_true (vmp_sse_reader_is_inside (&reader));
  g_assert_cmpuint (push (&reader, "ata\n\n"), ==, 5);
  g_assert_false (vmp_sse_reader_is_inside (&reader));
}

static void
test_nothing_is_outside (void)
{
  VmpSseReader reader = { 0 };

  g_assert_false (vmp_sse_reader_is_inside (&reader));
  g_assert_false (vmp_sse_reader_is_done (&reader));
  g_assert_cmpuint (vmp_sse_reader_push (&reader, NULL, 0), ==, 0);
  g_assert_cmpuint (push (&reader, ""), ==, 0);
  g_assert_false (vmp_sse_reader_is_inside (&reader));
}

/* One table for all line ends: the number of bytes that are whole in the end. */
static void
test_line_ends (void)
{
  static const struct {
    const char *text;
    gsize whole;
  } cases[] = {
    { "data: 1\n\n", 9 },
    { "data: 1\r\r", 9 },
    { "data: 1\r\n\r\n", 11 },
    { "data: 1\n\r\n", 10 },
    { "data: 1\r\n\r", 10 },
    { "data: 1\r\n\n", 10 },
    { "data: 1\n\r", 9 },
    { "data: 1\r\n", 0 },
    { "data: 1\r", 0 },
    { "data: 1\n", 0 },
    { "\n", 1 },
    { "\r\n", 2 },
    { "\r", 1 },
    { "\xef\xbb\xbf\n", 4 },
    { "\xef\xbb\n\n", 4 },
    { "\xef\xbb\n", 0 },
    { "\n\xef\xbb\xbf\n", 1 },
    { " \n", 0 },
    { ": comment\n\n", 11 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpSseReader reader = { 0 };

      g_assert_cmpuint (push (&reader, cases[i].text), ==, cases[i].whole);
    }
}

static void
test_lf_of_the_cr_that_ended_the_event (void)
{
  VmpSseReader reader = { 0 };

  g_assert_cmpuint (push (&reader, "data: 1\r\n\r"), ==, 10);
  g_assert_false (vmp_sse_reader_is_inside (&reader));
  g_assert_cmpuint (push (&reader, "\n"), ==, 0);
  g_assert_false (vmp_sse_reader_is_inside (&reader));
  g_assert_cmpuint (push (&reader, "\n"), ==, 1);

  g_assert_cmpuint (push (&reader, "data: 2\r\r"), ==, 9);
  g_assert_cmpuint (push (&reader, "\ndata: 3\r\n\r\n:"), ==, 12);
  g_assert_true (vmp_sse_reader_is_inside (&reader));
}

static void
test_done (void)
{
  static const struct {
    const char *text;
    gboolean is_done;
  } cases[] = {
    { "data: [DONE]\n\n", TRUE },
    { "data:[DONE]\n\n", TRUE },
    { "data: [DONE]\r\n\r\n", TRUE },
    { "data: [DONE]\r\r", TRUE },
    { "\xef\xbb\xbf" "data: [DONE]\n\n", TRUE },
    { "data: {}\n\ndata: [DONE]\n\n", TRUE },
    { ": bye\nevent: end\nid: 7\ndata: [DONE]\nretry: 1\n\n", TRUE },
    { "data: [DONE]\n\n\n\n: idle\n\n", TRUE },
    { "data: [DONE]\n\nevent: message\n\n", TRUE },

    { "data: [DONE]\n", FALSE },
    { "data: [DONE]", FALSE },
    { "data:  [DONE]\n\n", FALSE },
    { "data: [DONE] \n\n", FALSE },
    { "data: [DONE\n\n", FALSE },
    { "data: [DONE]]\n\n", FALSE },
    { "data: [done]\n\n", FALSE },
    { "data : [DONE]\n\n", FALSE },
    { "Data: [DONE]\n\n", FALSE },
    { " data: [DONE]\n\n", FALSE },
    { "datum: [DONE]\n\n", FALSE },
    { "datadata: [DONE]\n\n", FALSE },
    { "data: data: [DONE]\n\n", FALSE },
    { "data: \"data: [DONE]\"\n\n", FALSE },
    { "[DONE]\n\n", FALSE },
    { ": data: [DONE]\n\n", FALSE },
    { "id: data:[DONE]\n\n", FALSE },
    { "data: [DONE]\ndata: 1\n\n", FALSE },
    { "data: 1\ndata: [DONE]\n\n", FALSE },
    { "data: [DONE]\ndata\n\n", FALSE },
    { "data\ndata: [DONE]\n\n", FALSE },
    { "data:\ndata: [DONE]\n\n", FALSE },
    { "data: [DONE]\n\ndata: 1\n\n", FALSE },
    { "data: [DONE]\n\ndata\n\n", FALSE },
    { "data: [DONE]\n\ndata:\n\n", FALSE },
    { "\xef\xbb" "data: [DONE]\n\n", FALSE },
    { "\xef\xbb\xbf\xef\xbb\xbf" "data: [DONE]\n\n", FALSE },
    { "\n\xef\xbb\xbf" "data: [DONE]\n\n", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpSseReader reader = { 0 };

      push (&reader, cases[i].text);
      if (vmp_sse_reader_is_done (&reader) != cases[i].is_done)
        g_error ("should %s: %s", cases[i].is_done ? "be done" : "not be done", cases[i].text);
    }
}

/* -- By comparison ------------------------------------------------------------------------------------ */

#define CHUNK(text) \
        "{\"id\":\"chatcmpl-7a\",\"object\":\"chat.completion.chunk\",\"created\":1731000000,\"model\":\"qwen3-4b\"," \
        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}"

static const char * const streams[] = {
  /* LM Studio, to the end */
  "data: " CHUNK ("Hi") "\n\ndata: " CHUNK (" there.") "\n\ndata: [DONE]\n\n",
  /* the same with CR LF, and with CR */
  "data: " CHUNK ("Hi") "\r\n\r\ndata: " CHUNK (" there.") "\r\n\r\ndata: [DONE]\r\n\r\n",
  "data: " CHUNK ("Hi") "\r\rdata: " CHUNK (" there.") "\r\rdata: [DONE]\r\r",
  /* line ends mixed in every way */
  "data: 1\n\r\ndata: 2\r\n\ndata: 3\r\r\ndata: 4\n\rdata: 5\r\n\rdata: 6\r\n\r\n\r\n\r\r\n\n\n\r",
  "\r\r\n\n\r\n\r\r\r\n\n\ndata: x\r\n",
  /* a byte-order mark, pieces of one, one too late */
  "\xef\xbb\xbf" "data: 1\n\ndata: [DONE]\n\n",
  "\xef\xbb\xbf\r\n\r\n\xef\xbb\xbf\n\n",
  "\xef\xbb\n\n\xef\n\xef\xbb\xbf\n",
  "\xef\xbb\xbf\xef\xbb\xbf" "data: [DONE]\n\n",
  "\xef\xbb\xbf",
  /* comments, other fields, several data lines, no data */
  ": OPENROUTER PROCESSING\n\n: keep-alive\r\n\r\nevent: error\ndata: {\"error\":\"x\"}\n\n",
  "id: 1\nevent: response.created\ndata: {\ndata:   \"a\": 1\ndata: }\n\nid\nretry: 10\ndata\n\ndata:\n\ndata: \n\n\n",
  "event: chat.end\nid\n\nunknown: field\n\n:\n\n\n:::\n\nno colon at all\n\n",
  /* [DONE] with and without the space, in other text, and what is nearly it */
  "data:[DONE]\n\n",
  "data:[DONE]\r\n\r\ndata: more\r\n\r\ndata: [DONE]\r\n\r\n: bye\r\n\r\n",
  "data: say data:[DONE] and data: [DONE]\n\ndata: \"[DONE]\"\n\ndata: [DONE",
  "data: [DONE] \n\ndata:  [DONE]\n\ndata: [DONE]x\n\ndata: [DON\n\ndatadata:[DONE]\n\ndata::[DONE]\n\n",
  "data: [DONE]\ndata: [DONE]\n\nid: [DONE]\ndata: [DONE]\n\ndata: [DONE]\n\ndata\n\n",
  "dat\nda\nd\ndata\ndatax\ndata \ndata:\n\ndata:[\n\ndata:[DONE]",
  /* nothing that is text */
  "data: \xff\xfe\x01\x02 \xc3\n\n\xef\n\n",
};

static void
assert_says (const VmpSseReader *reader,
             gsize               whole,
             const char         *text,
             gsize               from,
             gsize               to)
{
  NaiveSse expected;

  naive_sse_read (text, from, to, &expected);
  g_assert_cmpuint (whole, ==, expected.whole);
  g_assert_cmpint (vmp_sse_reader_is_done (reader), ==, expected.is_done);
  g_assert_cmpint (vmp_sse_reader_is_inside (reader), ==, expected.is_inside);
}

/* Pushes a copy of a piece that ends where its memory ends. */
static void
push_piece (VmpSseReader *reader,
            const char   *text,
            gsize         from,
            gsize         to)
{
  g_autofree char *piece = g_malloc (MAX (to - from, 1));

  memcpy (piece, text + from, to - from);
  assert_says (reader, vmp_sse_reader_push (reader, piece, to - from), text, from, to);
}

static void
test_every_cut_in_two (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      gsize len = strlen (streams[i]);

      for (gsize cut = 0; cut <= len; cut++)
        {
          VmpSseReader reader = { 0 };

          push_piece (&reader, streams[i], 0, cut);
          push_piece (&reader, streams[i], cut, len);
        }
    }
}

static void
test_byte_by_byte (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      VmpSseReader reader = { 0 };

      for (gsize at = 0; at < strlen (streams[i]); at++)
        push_piece (&reader, streams[i], at, at + 1);
    }
}

static void
cut_at_random (const char *text,
               gsize       len,
               GRand      *rand)
{
  VmpSseReader reader = { 0 };
  gsize from = 0;

  while (from < len)
    {
      gsize to = from + (gsize) g_rand_int_range (rand, 0, 20);

      to = MIN (to, len);
      push_piece (&reader, text, from, to);
      from = to;
    }
}

static void
test_random_cuts (void)
{
  GRand *rand = g_rand_new_with_seed (7777);

  for (gsize i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      for (int round = 0; round < 200; round++)
        cut_at_random (streams[i], strlen (streams[i]), rand);
    }

  g_rand_free (rand);
}

/* Streams put together from what matters to the reader. */
static void
test_random_streams (void)
{
  static const char * const pieces[] = {
    "\n", "\r", "\r\n", "\n\n", "data", ":", " ", "[DONE]", "data: [DONE]", "data:", "d", "x", "\xef",
    "\xef\xbb\xbf", "[",
  };
  GRand *rand = g_rand_new_with_seed (7777);

  for (int round = 0; round < 20000; round++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      gint32 count = g_rand_int_range (rand, 1, 15);

      for (gint32 i = 0; i < count; i++)
        g_string_append (text, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
      cut_at_random (text->str, text->len, rand);
    }

  g_rand_free (rand);
}

/* Every stream of up to seven of these bytes, byte by byte and whole. */
static void
test_short_streams (void)
{
  static const char bytes[] = "\n\rd\xef";

  for (guint length = 1; length <= 7; length++)
    {
      for (guint n = 0; n < 1u << (2 * length); n++)
        {
          VmpSseReader stepwise = { 0 };
          VmpSseReader at_once = { 0 };
          char text[8];

          for (guint i = 0; i < length; i++)
            text[i] = bytes[n >> (2 * i) & 3];
          for (guint i = 0; i < length; i++)
            assert_says (&stepwise, vmp_sse_reader_push (&stepwise, text + i, 1), text, i, i + 1);
          assert_says (&at_once, vmp_sse_reader_push (&at_once, text, length), text, 0, length);
        }
    }
}

/* Where lines end with one of CR and LF only, the other must not be searched for again with each line. Ten
 * million lines take a fraction of a second, or hours. */
static void
test_cost_is_linear (void)
{
  const gsize len = 20 * 1000 * 1000;
  g_autofree char *text = g_malloc (len);

  for (int round = 0; round < 2; round++)
    {
      VmpSseReader reader = { 0 };

      for (gsize i = 0; i < len; i++)
        text[i] = i % 2 == 0 ? 'x' : "\r\n"[round];
      g_assert_cmpuint (vmp_sse_reader_push (&reader, text, len), ==, 0);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sse/last-whole-event", test_finds_the_last_whole_event);
  g_test_add_func ("/sse/nothing-is-outside", test_nothing_is_outside);
  g_test_add_func ("/sse/line-ends", test_line_ends);
  g_test_add_func ("/sse/lf-of-the-cr", test_lf_of_the_cr_that_ended_the_event);
  g_test_add_func ("/sse/done", test_done);
  g_test_add_func ("/sse/as-naive/cut-in-two", test_every_cut_in_two);
  g_test_add_func ("/sse/as-naive/byte-by-byte", test_byte_by_byte);
  g_test_add_func ("/sse/as-naive/random-cuts", test_random_cuts);
  g_test_add_func ("/sse/as-naive/random-streams", test_random_streams);
  g_test_add_func ("/sse/as-naive/short-streams", test_short_streams);
  g_test_add_func ("/sse/cost-is-linear", test_cost_is_linear);

  return g_test_run ();
}

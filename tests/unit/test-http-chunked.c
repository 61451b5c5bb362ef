/* SPDX-License-Identifier: MIT
 *
 * Tests of the reader of chunked bodies: what it finds and refuses, and that neither depends on how the
 * bytes are cut.
 */

#include <string.h>

#include "gateway/vmp-http-head.h"

/* -- Helpers --------------------------------------------------------------------------------------------- */

typedef struct {
  VmpChunkReader reader;
  VmpChunkResult result; /* of the last call; MORE at first */
  GString *body;
  gsize used;
} Decoding;

static void
decoding_init (Decoding *self)
{
  *self = (Decoding) { .result = VMP_CHUNK_MORE, .body = g_string_new (NULL) };
}

static void
decoding_clear (Decoding *self)
{
  g_string_free (self->body, TRUE);
}

/* Gives the reader a copy of some bytes that ends where its memory ends, until it wants no more of them. */
static void
decode (Decoding   *self,
        const char *data,
        gsize       len)
{
  g_autofree char *copy = g_malloc (MAX (len, 1));
  gsize at = 0;

  memcpy (copy, data, len);
  do
    {
      VmpSlice piece;
      gsize used;

      self->result = vmp_chunk_reader_next (&self->reader, copy + at, len - at, &used, &piece);
      g_assert_cmpuint (used, <=, len - at);
      if (self->result == VMP_CHUNK_DATA)
        {
          g_assert_cmpuint (piece.len, >, 0);
          g_assert_true (piece.data >= copy + at && piece.data + piece.len == copy + at + used);
          g_string_append_len (self->body, piece.data, (gssize) piece.len);
        }
      else if (self->result == VMP_CHUNK_MORE)
        {
          g_assert_cmpuint (used, ==, len - at);
        }
      at += used;
    }
  while (self->result == VMP_CHUNK_DATA);

  self->used += at;
}

static void
decode_all (Decoding   *self,
            const char *data,
            gsize       len)
{
  decoding_init (self);
  decode (self, data, len);
}

static void
decode_bytewise (Decoding   *self,
                 const char *data,
                 gsize       len)
{
  decoding_init (self);
  for (gsize i = 0; i < len && self->result == VMP_CHUNK_MORE; i++)
    decode (self, data + i, 1);
}

static void
assert_same (const Decoding *a,
             const Decoding *b)
{
  g_assert_cmpint (a->result, ==, b->result);
  g_assert_cmpuint (a->used, ==, b->used);
  g_assert_cmpmem (a->body->str, a->body->len, b->body->str, b->body->len);
}

/* Says whether the text is refused, at once and byte by byte alike. */
static gboolean
is_refused (const char *data,
            gsize       len)
{
  Decoding whole, bytewise;
  gboolean refused;

  decode_all (&whole, data, len);
  decode_bytewise (&bytewise, data, len);
  assert_same (&whole, &bytewise);
  refused = whole.result == VMP_CHUNK_BAD;
  decoding_clear (&whole);
  decoding_clear (&bytewise);

  return refused;
}

/* -- What is found ------------------------------------------------------------------------------------------ */

static const struct {
  const char *text;
  const char *body;
} good[] = {
  { "0\r\n\r\n", "" },
  { "5\r\nhello\r\n0\r\n\r\n", "hello" },
  { "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef" },
  { "A\r\n0123456789\r\n00a\r\nabcdefghij\r\n000\r\n\r\n", "0123456789abcdefghij" },
  { "000000000000001\r\nx\r\n000000000000000\r\n\r\n", "x" },
  { "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", "\r\n0\r\n\r" },
  { "1;a\r\nx\r\n1;a=b;c=\"d ; e\"\r\ny\r\n1 \t ; a=b\r\nz\r\n0;last\r\n\r\n", "xyz" },
  { "1;\xc3\xa9\tx\r\nx\r\n0;\r\n\r\n", "x" },
  { "1\r\nx\r\n0\r\nX-Sum: 1\r\nX-More: a b\tc \xc3\xa9\r\n\r\n", "x" },
  { "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "" },
};

static void
test_reads_bodies (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      Decoding decoding;

      decode_all (&decoding, good[i].text, strlen (good[i].text));
      g_assert_cmpint (decoding.result, ==, VMP_CHUNK_END);
      g_assert_cmpuint (decoding.used, ==, strlen (good[i].text));
      g_assert_cmpstr (decoding.body->str, ==, good[i].body);
      decoding_clear (&decoding);
    }
}

static void
test_leaves_the_next_request (void)
{
  static const char text[] = "2\r\nab\r\n0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\n";
  Decoding decoding;
  VmpSlice piece;
  gsize used;

  decode_all (&decoding, text, strlen (text));
  g_assert_cmpint (decoding.result, ==, VMP_CHUNK_END);
  g_assert_cmpstr (text + decoding.used, ==, "GET / HTTP/1.1\r\n");

  /* It stays at the end. */
  g_assert_cmpint (vmp_chunk_reader_next (&decoding.reader, "5\r\n", 3, &used, &piece), ==, VMP_CHUNK_END);
  g_assert_cmpuint (used, ==, 0);
  decoding_clear (&decoding);
}

static void
test_incomplete_until_the_last_byte (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      for (gsize len = 0; len < strlen (good[i].text); len++)
        {
          Decoding decoding;

          decode_all (&decoding, good[i].text, len);
          g_assert_cmpint (decoding.result, ==, VMP_CHUNK_MORE);
          g_assert_cmpuint (decoding.used, ==, len);
          decoding_clear (&decoding);
        }
    }
}

static void
test_no_input (void)
{
  VmpChunkReader reader = { 0 };
  VmpSlice piece;
  gsize used = 1;

  g_assert_cmpint (vmp_chunk_reader_next (&reader, NULL, 0, &used, &piece), ==, VMP_CHUNK_MORE);
  g_assert_cmpuint (used, ==, 0);
}

/* A chunk of the largest size is passed on as it comes. */
static void
test_largest_size (void)
{
  static const char text[] = "fffffffffffffff\r\nabc";
  Decoding decoding;

  decode_all (&decoding, text, strlen (text));
  g_assert_cmpint (decoding.result, ==, VMP_CHUNK_MORE);
  g_assert_cmpstr (decoding.body->str, ==, "abc");
  decoding_clear (&decoding);
}

/* -- What is refused ------------------------------------------------------------------------------------------ */

/* Each is refused at its last byte, and not before. */
static void
test_refuses (void)
{
  static const char * const texts[] = {
    /* sizes */
    "\r", "\n", " ", "\t", ";", "g", "G", "-", "+", "\"", "0x", "5g", "1.", "1,", "5 \r", "5\t\r", "5 5", "5 \n", "5 ,",
    "1000000000000000", "0000000000000000", "ffffffffffffffff",
    /* line ends */
    "5\n", "5\rx", "5\r\r", "5;a\n", "5;a\rx", "5;a\r\r", "0\n",
    /* control characters in extensions */
    "5;\x01", "5;a=\x7f", "5;\x1f",
    /* after a chunk */
    "1\r\nxy", "1\r\nx\n", "1\r\nx\rx", "1\r\nx\r\r", "1\r\nx0", "1\r\nx\r\n\r", "1\r\nx\r\n ", "1\r\nx\r\n;",
    /* trailers */
    "0\r\n\n", "0\r\n\rx", "0\r\n\r\r", "0\r\nX: 1\n", "0\r\nX: 1\rY", "0\r\nX: 1\r\n\n", "0\r\nX: 1\r\n\r\r",
    "0\r\nX: \x01", "0\r\n\x7f", "0\r\nX\x08",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      gsize len = strlen (texts[i]);

      if (!is_refused (texts[i], len) || is_refused (texts[i], len - 1))
        {
          g_autofree char *shown = g_strescape (texts[i], NULL);

          g_error ("not refused, or too early: %s", shown);
        }
    }

  g_assert_true (is_refused ("5;\0", 3));
  g_assert_true (is_refused ("0\r\n\0", 4));
  g_assert_true (is_refused ("\0", 1));
}

static void
test_refused_for_good (void)
{
  VmpChunkReader reader = { 0 };
  VmpSlice piece;
  gsize used;

  g_assert_cmpint (vmp_chunk_reader_next (&reader, "x", 1, &used, &piece), ==, VMP_CHUNK_BAD);
  g_assert_cmpint (vmp_chunk_reader_next (&reader, "0\r\n\r\n", 5, &used, &piece), ==, VMP_CHUNK_BAD);
  g_assert_cmpuint (used, ==, 0);
}

/* -- Limits ---------------------------------------------------------------------------------------------------- */

static void
test_limit_of_line (void)
{
  for (gsize len = VMP_LIMIT_CHUNK_LINE_BYTES - 1; len <= VMP_LIMIT_CHUNK_LINE_BYTES + 1; len++)
    {
      for (int spaces = 0; spaces < 2; spaces++)
        {
          g_autofree char *filling = g_strnfill (len - 3, spaces ? ' ' : 'x');
          g_autofree char *text = g_strdup_printf (spaces ? "0%s;x\r\n\r\n" : "0;%sx\r\n\r\n", filling);

          g_assert_cmpint (is_refused (text, strlen (text)), ==, len > VMP_LIMIT_CHUNK_LINE_BYTES);
        }
    }
}

/* The limit is of one line, not of all. */
static void
test_many_lines (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Decoding decoding;

  for (int i = 0; i < 10000; i++)
    g_string_append (text, "1;extension=with-some-value\r\nx\r\n");
  g_string_append (text, "0\r\n\r\n");

  decode_all (&decoding, text->str, text->len);
  g_assert_cmpint (decoding.result, ==, VMP_CHUNK_END);
  g_assert_cmpuint (decoding.body->len, ==, 10000);
  decoding_clear (&decoding);
}

/* A trailer of so many bytes, with the empty line. */
static void
test_limit_of_trailer (void)
{
  for (gsize len = VMP_LIMIT_HEAD_BYTES - 1; len <= VMP_LIMIT_HEAD_BYTES + 1; len++)
    {
      g_autoptr (GString) text = g_string_new ("0\r\n");

      while (text->len < 3 + len - 4)
        g_string_append (text, text->len % 1000 == 998 && text->len < 3 + len - 20 ? "\r\n" : "x");
      g_string_append (text, "\r\n\r\n");
      g_assert_cmpuint (text->len, ==, 3 + len);
      g_assert_cmpint (is_refused (text->str, text->len), ==, len > VMP_LIMIT_HEAD_BYTES);
    }
}

/* -- How the bytes arrive ---------------------------------------------------------------------------------------- */

static void
test_every_cut_in_three (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *text = g_strconcat (good[i].text, "GET /", NULL);
      gsize len = strlen (text);
      Decoding whole;

      decode_all (&whole, text, len);
      for (gsize first = 0; first <= len; first++)
        {
          for (gsize second = first; second <= len; second++)
            {
              Decoding pieces;

              decode_all (&pieces, text, first);
              if (pieces.result == VMP_CHUNK_MORE)
                decode (&pieces, text + first, second - first);
              if (pieces.result == VMP_CHUNK_MORE)
                decode (&pieces, text + second, len - second);
              assert_same (&whole, &pieces);
              decoding_clear (&pieces);
            }
        }
      decoding_clear (&whole);
    }
}

/* Bodies with one byte changed are judged alike, whether they come at once or byte by byte; most are refused. */
static void
test_damaged (void)
{
  guint refused = 0, all = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *text = g_strdup (good[i].text);
      gsize len = strlen (text);

      for (gsize at = 0; at < len; at++)
        {
          for (int byte = 0; byte < 256; byte++)
            {
              text[at] = (char) byte;
              refused += is_refused (text, len) ? 1 : 0;
              all++;
            }
          text[at] = good[i].text[at];
        }
    }

  g_assert_cmpuint (refused, >, all / 4);
  g_assert_cmpuint (refused, <, all);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/http-chunked/good/bodies", test_reads_bodies);
  g_test_add_func ("/http-chunked/good/leaves-the-next-request", test_leaves_the_next_request);
  g_test_add_func ("/http-chunked/good/incomplete-until-the-last-byte", test_incomplete_until_the_last_byte);
  g_test_add_func ("/http-chunked/good/no-input", test_no_input);
  g_test_add_func ("/http-chunked/good/largest-size", test_largest_size);
  g_test_add_func ("/http-chunked/bad/table", test_refuses);
  g_test_add_func ("/http-chunked/bad/for-good", test_refused_for_good);
  g_test_add_func ("/http-chunked/limits/line", test_limit_of_line);
  g_test_add_func ("/http-chunked/limits/many-lines", test_many_lines);
  g_test_add_func ("/http-chunked/limits/trailer", test_limit_of_trailer);
  g_test_add_func ("/http-chunked/arrival/cut-in-three", test_every_cut_in_three);
  g_test_add_func ("/http-chunked/arrival/damaged", test_damaged);

  return g_test_run ();
}

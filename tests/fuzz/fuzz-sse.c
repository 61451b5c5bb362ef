/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the reader of server-sent events: whatever the stream, and however it is cut, the reader says
 * after each piece what the plain one says.
 */

#include "fuzz.h"

#include "core/vmp-sse.h"
#include "naive-sse.h"

/* The plain reader reads everything anew for each piece, which longer streams would make slow to no purpose. */
#define LONGEST_STREAM 512
#define MOST_BYTEWISE 128

static void
push (VmpSseReader *reader,
      const char   *text,
      gsize         from,
      gsize         to)
{
  gsize whole = vmp_sse_reader_push (reader, text + from, to - from);
  NaiveSse expected;

  naive_sse_read (text, from, to, &expected);
  g_assert_cmpuint (whole, ==, expected.whole);
  g_assert_cmpint (vmp_sse_reader_is_done (reader), ==, expected.is_done);
  g_assert_cmpint (vmp_sse_reader_is_inside (reader), ==, expected.is_inside);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const char *text = (const char *) data;
  VmpSseReader at_once = { 0 };
  VmpSseReader bytewise = { 0 };
  VmpSseReader in_pieces = { 0 };
  FuzzCuts cuts = fuzz_cuts_begin (data, size);
  gsize from = 0;

  size = MIN (size, LONGEST_STREAM);
  push (&at_once, text, 0, size);

  for (gsize i = 0; i < MIN (size, MOST_BYTEWISE); i++)
    push (&bytewise, text, i, i + 1);

  while (from < size)
    {
      gsize to = from + fuzz_cuts_next (&cuts, size - from);

      push (&in_pieces, text, from, to);
      from = to;
    }

  return 0;
}

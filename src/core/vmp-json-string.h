/* SPDX-License-Identifier: MIT
 *
 * Strings of JSON, for vmp-json-scan.c and vmp-json.c: where one ends, whether it is well formed, what it says.
 * Most bytes of a request are inside strings, so that is where the effort went: sixteen bytes a step where
 * there is SSE2, eight elsewhere. Also the few names for SSE2 that the scanner's other parts share.
 */

#pragma once

#include <glib.h>

/* VMP_NO_SIMD keeps the portable code in the tests of a machine that has SSE2. */
#if defined (__SSE2__) && !defined (VMP_NO_SIMD)
#define VMP_HAVE_SSE2 1
#include <emmintrin.h>
#else
#define VMP_HAVE_SSE2 0
#endif

G_BEGIN_DECLS

#if VMP_HAVE_SSE2

/* Sixteen bytes from anywhere. */
static inline __m128i
vmp_bytes_load (const guint8 *p)
{
  return _mm_loadu_si128 ((const void *) p);
}

/* Which bytes have their top bit set, the first in the lowest place. */
static inline guint
vmp_bytes_mask (__m128i bytes)
{
  return (guint) _mm_movemask_epi8 (bytes);
}

/* Each byte becomes 0xff where it is as said, and 0 elsewhere. */
static inline __m128i
vmp_bytes_equal (__m128i bytes,
                 guint8  value)
{
  return _mm_cmpeq_epi8 (bytes, _mm_set1_epi8 ((char) value));
}

static inline __m128i
vmp_bytes_at_least (__m128i bytes,
                    guint8  value)
{
  return _mm_cmpeq_epi8 (_mm_max_epu8 (bytes, _mm_set1_epi8 ((char) value)), bytes);
}

static inline __m128i
vmp_bytes_at_most (__m128i bytes,
                   guint8  value)
{
  return _mm_cmpeq_epi8 (_mm_min_epu8 (bytes, _mm_set1_epi8 ((char) value)), bytes);
}

#endif

/* Eight copies of a byte. */
#define VMP_EIGHT(byte) (G_GUINT64_CONSTANT (0x0101010101010101) * (byte))

/* Takes a place in a string that begins a character, with the byte before it readable. Returns the byte
 * after the closing quote, or NULL if the string does not end, holds a raw control character, a malformed
 * escape or malformed UTF-8. An unpaired surrogate in escapes is well formed. */
const guint8 *vmp_json_skip_text (const guint8 *p,
                                  const guint8 *end);

/* As vmp_json_skip_text(), from the opening quote on. */
static inline const guint8 *
vmp_json_skip_string (const guint8 *p,
                      const guint8 *end)
{
  p++;

#if VMP_HAVE_SSE2
  /* Keys and short plain values end here. */
  if (end - p >= 16)
    {
      __m128i bytes = vmp_bytes_load (p);
      __m128i others = _mm_or_si128 (vmp_bytes_equal (bytes, '\\'), vmp_bytes_at_most (bytes, 0x1f));
      guint quotes = vmp_bytes_mask (vmp_bytes_equal (bytes, '"'));
      guint stops = vmp_bytes_mask (_mm_or_si128 (others, bytes)); /* also what is not ASCII */

      if (quotes != 0 && (stops & (quotes ^ (quotes - 1))) == 0)
        return p + __builtin_ctz (quotes) + 1;
    }
#endif

  return vmp_json_skip_text (p, end);
}

/* Writes what the text between the quotes of a well-formed string says to @out, which has room for as many
 * bytes: no escape is shorter than what it stands for. Returns the length, or -1 for an escaped NUL or an
 * unpaired surrogate. */
gssize vmp_json_undo_escapes (const guint8 *p,
                              const guint8 *end,
                              char         *out);

G_END_DECLS

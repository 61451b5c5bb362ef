/* SPDX-License-Identifier: MIT
 *
 * Implementation of the strings of JSON. vmp_json_skip_text() exists twice: with SSE2, and portable, which
 * also reads the last few bytes for the other one. Both accept exactly the same texts.
 */

#include "core/vmp-json-string.h"

#include <string.h>

/* Returns the length of the UTF-8 character at @p, whose first byte is not ASCII; 0 if it is
 * malformed. Table 3-7 of the Unicode standard: no overlong forms, no surrogates, up to U+10FFFF. */
static inline gsize
utf8_length (const guint8 *p,
             const guint8 *end)
{
  gsize left = (gsize) (end - p);
  guint8 low = 0x80;
  guint8 high = 0xbf;

  if (*p < 0xc2)
    return 0;

  if (*p < 0xe0)
    return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;

  if (*p < 0xf0)
    {
      if (*p == 0xe0)
        low = 0xa0;
      else if (*p == 0xed)
        high = 0x9f;
      return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
    }

  if (*p > 0xf4)
    return 0;

  if (*p == 0xf0)
    low = 0x90;
  else if (*p == 0xf4)
    high = 0x8f;
  return left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
}

static inline gboolean
is_hex4 (const guint8 *p)
{
  return (g_ascii_table[p[0]] & g_ascii_table[p[1]] & g_ascii_table[p[2]] & g_ascii_table[p[3]] & G_ASCII_XDIGIT) != 0;
}

/* What may follow a backslash, but for the `u` that four digits follow. */
static const guint8 short_escape[256] = {
  ['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 1, ['f'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1,
};

/* Returns the length of the escape whose backslash is at @p; 0 if it is malformed. */
static inline gsize
escape_length (const guint8 *p,
               const guint8 *end)
{
  if (end - p >= 2 && short_escape[p[1]])
    return 2;

  return end - p >= 6 && p[1] == 'u' && is_hex4 (p + 2) ? 6 : 0;
}

/* Returns how many of eight bytes, the first in the lowest place, come before a quote, a backslash, a
 * control character or one that is not ASCII. */
static inline guint
plain_bytes (guint64 word)
{
  guint64 quote = word ^ VMP_EIGHT ('"');
  guint64 backslash = word ^ VMP_EIGHT ('\\');
  guint64 found;

  /* A byte that is too small for a subtraction borrows, which sets its top bit. The borrow may spoil the
   * bytes above it, but what counts is the lowest. */
  found = word | (quote - VMP_EIGHT (1)) | (backslash - VMP_EIGHT (1)) | (word - VMP_EIGHT (0x20));
  found &= VMP_EIGHT (0x80);

  return found != 0 ? (guint) __builtin_ctzll (found) / 8 : 8;
}

static const guint8 *
skip_text_portable (const guint8 *p,
                    const guint8 *end)
{
  while (p < end)
    {
      gsize length;

      if (end - p >= 8)
        {
          guint64 word;
          guint plain;

          memcpy (&word, p, sizeof word);
          plain = plain_bytes (GUINT64_FROM_LE (word));
          p += plain;
          if (plain == 8)
            continue;
        }

      if (*p == '"')
        return p + 1;

      if (*p == '\\' || *p >= 0x80)
        {
          /* These seldom come alone. */
          do
            {
              length = *p == '\\' ? escape_length (p, end) : utf8_length (p, end);
              if (length == 0)
                return NULL;
              p += length;
            }
          while (p < end && (*p == '\\' || *p >= 0x80));
        }
      else if (*p >= 0x20)
        {
          p++;
        }
      else
        {
          return NULL;
        }
    }

  return NULL;
}

#if VMP_HAVE_SSE2

static inline __m128i
either (__m128i a,
        __m128i b)
{
  return _mm_or_si128 (a, b);
}

static inline __m128i
both (__m128i a,
      __m128i b)
{
  return _mm_and_si128 (a, b);
}

/* Checks the first @n of the sixteen bytes at @p. @owed are the bits of the bytes that must go on with a
 * character begun before @p; it is set to those for the sixteen bytes that follow. */
static inline gboolean
utf8_is_valid (const guint8 *p,
               guint         n,
               guint        *owed)
{
  __m128i bytes = vmp_bytes_load (p);
  __m128i before = vmp_bytes_load (p - 1);
  guint checked = (1u << n) - 1;
  guint begin2 = vmp_bytes_mask (vmp_bytes_at_least (bytes, 0xc0)) & checked; /* begins a character of two or more */
  guint begin3 = vmp_bytes_mask (vmp_bytes_at_least (bytes, 0xe0)) & checked;
  guint begin4 = vmp_bytes_mask (vmp_bytes_at_least (bytes, 0xf0)) & checked;
  guint inner = vmp_bytes_mask (bytes) & ~begin2 & checked;
  guint wanted = begin2 << 1 | begin3 << 2 | begin4 << 3 | *owed;
  __m128i bad;

  /* Overlong forms, surrogates and what is past U+10FFFF show in the first byte or in the second. */
  bad = either (vmp_bytes_equal (bytes, 0xc0), vmp_bytes_equal (bytes, 0xc1));
  bad = either (bad, vmp_bytes_at_least (bytes, 0xf5));
  bad = either (bad, both (vmp_bytes_equal (before, 0xe0), vmp_bytes_at_most (bytes, 0x9f)));
  bad = either (bad, both (vmp_bytes_equal (before, 0xed), vmp_bytes_at_least (bytes, 0xa0)));
  bad = either (bad, both (vmp_bytes_equal (before, 0xf0), vmp_bytes_at_most (bytes, 0x8f)));
  bad = either (bad, both (vmp_bytes_equal (before, 0xf4), vmp_bytes_at_least (bytes, 0x90)));

  *owed = wanted >> 16;
  return (wanted & 0xffff) == inner && (vmp_bytes_mask (bad) & checked) == 0;
}

static const guint8 *
skip_text_sse2 (const guint8 *p,
                const guint8 *end)
{
  guint owed = 0;

  /* One more than sixteen, so that the byte after a backslash is there too. */
  while (end - p > 16)
    {
      __m128i bytes = vmp_bytes_load (p);
      __m128i special = either (vmp_bytes_equal (bytes, '"'), vmp_bytes_equal (bytes, '\\'));
      guint stops = vmp_bytes_mask (either (special, vmp_bytes_at_most (bytes, 0x1f)));
      guint step = 16;
      guint n = 16;

      /* Step over short escapes where they are; stop at anything else. */
      while (stops != 0)
        {
          guint at = (guint) __builtin_ctz (stops);

          if (p[at] != '\\' || !short_escape[p[at + 1]])
            {
              n = at;
              break;
            }
          stops &= ~(3u << at);
          step = MAX (16, at + 2);
        }

      if ((owed | (vmp_bytes_mask (bytes) & ((1u << n) - 1))) != 0 && !utf8_is_valid (p, n, &owed))
        return NULL;

      if (n == 16)
        {
          p += step;
          continue;
        }

      p += n;
      if (*p == '"')
        return p + 1;

      /* Text of another script that was sent as ASCII is one \uXXXX after another. */
      do
        {
          gsize length = *p == '\\' ? escape_length (p, end) : 0;

          if (length == 0)
            return NULL;
          p += length;
        }
      while (end - p >= 2 && p[0] == '\\' && p[1] == 'u');
    }

  /* Let the rest begin with a whole character. */
  if (owed != 0)
    {
      do
        p--;
      while ((*p & 0xc0) == 0x80);
    }

  return skip_text_portable (p, end);
}

#endif

const guint8 *
vmp_json_skip_text (const guint8 *p,
                    const guint8 *end)
{
#if VMP_HAVE_SSE2
  return skip_text_sse2 (p, end);
#else
  return skip_text_portable (p, end);
#endif
}

static guint
hex4 (const guint8 *p)
{
  return (guint) (g_ascii_xdigit_value (p[0]) << 12 | g_ascii_xdigit_value (p[1]) << 8 |
                  g_ascii_xdigit_value (p[2]) << 4 | g_ascii_xdigit_value (p[3]));
}

gssize
vmp_json_undo_escapes (const guint8 *p,
                       const guint8 *end,
                       char         *out)
{
  char *o = out;

  while (p < end)
    {
      const guint8 *backslash = memchr (p, '\\', (gsize) (end - p));
      gsize plain = (gsize) ((backslash != NULL ? backslash : end) - p);
      gunichar character;

      memcpy (o, p, plain);
      o += plain;
      p += plain;
      if (p == end)
        break;

      switch (p[1])
        {
        case 'u':
          character = hex4 (p + 2);
          p += 6;
          if (character >= 0xd800 && character < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
              (hex4 (p + 2) & 0xfc00) == 0xdc00)
            {
              character = 0x10000 + ((character & 0x3ff) << 10) + (hex4 (p + 2) & 0x3ff);
              p += 6;
            }
          if (character == 0 || (character & 0xfffff800) == 0xd800)
            return -1;
          o += g_unichar_to_utf8 (character, o);
          continue;

        case 'b':
          *o++ = '\b';
          break;

        case 'f':
          *o++ = '\f';
          break;

        case 'n':
          *o++ = '\n';
          break;

        case 'r':
          *o++ = '\r';
          break;

        case 't':
          *o++ = '\t';
          break;

        default:
          *o++ = (char) p[1];
          break;
        }
      p += 2;
    }

  return o - out;
}

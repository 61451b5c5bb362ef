/* SPDX-License-Identifier: MIT
 *
 * Judging and mending text for display, and hashing it. Pure functions, but for one random number of the process;
 * nothing here does I/O.
 */

#include "core/vmp-text.h"

#include <string.h>

#define REPLACEMENT "\357\277\275" /* U+FFFD */
#define ELLIPSIS "\342\200\246"    /* U+2026 */
#define ZERO_WIDTH_NON_JOINER 0x200c
#define ZERO_WIDTH_JOINER 0x200d

/* The longest word that is compared with others; no name of ours comes near it. */
#define WORD_MAX 40

/* 2^31 - 1: the compiler needs no division for it. */
#define HASH_PRIME G_MAXINT32

gboolean
vmp_text_is_plain (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_SURROGATE:
      return FALSE;

    case G_UNICODE_FORMAT:
      return c == ZERO_WIDTH_NON_JOINER || c == ZERO_WIDTH_JOINER;

    default:
      return TRUE;
    }
}

const char *
vmp_text_next (const char *text,
               const char *end,
               gunichar   *c)
{
  if ((guchar) *text < 0x80)
    {
      *c = (guchar) *text;
      return text + 1;
    }

  *c = g_utf8_get_char_validated (text, end - text);
  if (*c >= (gunichar) -2)
    {
      *c = (gunichar) -1;
      return text + 1;
    }

  return g_utf8_next_char (text);
}

char *
vmp_text_display (const char *text,
                  gsize       max_chars)
{
  const char *end = text + strlen (text);
  GString *shown = g_string_new (NULL);
  gsize n_chars = 0;

  while (text < end)
    {
      const char *next;
      gunichar c;

      if (n_chars == max_chars)
        {
          g_string_append (shown, ELLIPSIS);
          break;
        }

      next = vmp_text_next (text, end, &c);
      if (c != (gunichar) -1 && vmp_text_is_plain (c))
        g_string_append_len (shown, text, next - text);
      else
        g_string_append (shown, REPLACEMENT);
      text = next;
      n_chars++;
    }

  return g_string_free (shown, FALSE);
}

static char
fold (char c)
{
  return c == '_' ? '-' : g_ascii_tolower (c);
}

/* How many letters must be added, dropped, changed or swapped with their neighbour to make one word the other. */
static guint
distance (const char *a,
          gsize       a_len,
          const char *b,
          gsize       b_len)
{
  guint rows[3][WORD_MAX + 1]; /* of the classic table, only the last three are needed */
  guint *before = rows[0];     /* the row of two letters ago */
  guint *above = rows[1];
  guint *row = rows[2];

  for (gsize j = 0; j <= b_len; j++)
    above[j] = j;

  for (gsize i = 1; i <= a_len; i++)
    {
      guint *spare = before;

      row[0] = i;
      for (gsize j = 1; j <= b_len; j++)
        {
          gboolean same = fold (a[i - 1]) == fold (b[j - 1]);

          row[j] = MIN (MIN (above[j], row[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
          if (i > 1 && j > 1 && fold (a[i - 1]) == fold (b[j - 2]) && fold (a[i - 2]) == fold (b[j - 1]))
            row[j] = MIN (row[j], before[j - 2] + 1);
        }

      before = above;
      above = row;
      row = spare;
    }

  return above[b_len];
}

const char *
vmp_text_nearest (const char         *word,
                  const char * const *known)
{
  gsize len = strlen (word);
  guint least = MAX (1, len / 3) + 1;
  const char *nearest = NULL;

  /* With one or two letters everything is near. */
  if (len < 3 || len > WORD_MAX)
    return NULL;

  for (; *known != NULL; known++)
    {
      gsize known_len = strlen (*known);
      guint d;

      if (known_len > WORD_MAX)
        continue;

      d = distance (word, len, *known, known_len);
      if (d < least)
        {
          least = d;
          nearest = *known;
        }
    }

  return nearest;
}

/* The text, three bytes at a time, as a polynomial modulo the prime, at a point that nobody knows: of two texts of n
 * bytes that somebody chose, the values are the same at n of its two billion points at most. Four bytes could be more
 * than the prime, and two of them the same modulo it. */
guint
vmp_text_hash (gconstpointer text)
{
  static gsize point = 0;
  const guint8 *p = text;
  gsize len = strlen (text);
  guint64 hash = 0;

  if (g_once_init_enter (&point))
    g_once_init_leave (&point, (gsize) g_random_int_range (1, HASH_PRIME));

  for (; len > 2; p += 3, len -= 3)
    hash = (hash + (p[0] | (guint) p[1] << 8 | (guint) p[2] << 16)) * point % HASH_PRIME;
  if (len > 0)
    hash = (hash + (p[0] | (guint) p[1] << 8)) * point % HASH_PRIME;

  return (guint) hash;
}

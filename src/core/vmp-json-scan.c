/* SPDX-License-Identifier: MIT
 *
 * Implementation of the span scanner. It walks the text once, checks the whole grammar (RFC 8259) and the
 * UTF-8 on the way, and keeps a bit per level of nesting instead of a call stack. What is inside strings is
 * the business of vmp-json-string.c.
 */

#include "core/vmp-json-scan.h"

#include <string.h>

#include "core/vmp-json-string.h"
#include "core/vmp-limits.h"

static const char * const member_names[VMP_N_MEMBERS] = {
  [VMP_MEMBER_MODEL] = "model",
  [VMP_MEMBER_STREAM] = "stream",
  [VMP_MEMBER_VAMPIRE] = "vampire",
  [VMP_MEMBER_USER] = "user",
  [VMP_MEMBER_STREAM_OPTIONS] = "stream_options",
  [VMP_MEMBER_MESSAGES] = "messages",
  [VMP_MEMBER_PROMPT] = "prompt",
  [VMP_MEMBER_INPUT] = "input",
  [VMP_MEMBER_SYSTEM] = "system",
  [VMP_MEMBER_INSTRUCTIONS] = "instructions",
  [VMP_MEMBER_TOOLS] = "tools",
  [VMP_MEMBER_N] = "n",
  [VMP_MEMBER_MAX_TOKENS] = "max_tokens",
  [VMP_MEMBER_MAX_COMPLETION_TOKENS] = "max_completion_tokens",
  [VMP_MEMBER_RESPONSE_FORMAT] = "response_format",
  [VMP_MEMBER_PROMPT_CACHE_KEY] = "prompt_cache_key",
  [VMP_MEMBER_PREVIOUS_RESPONSE_ID] = "previous_response_id",
  [VMP_MEMBER_ERROR] = "error",
  [VMP_MEMBER_USAGE] = "usage",
  [VMP_MEMBER_ID] = "id",
};

/* The longest of these names, each of its bytes written as \u00XX. A longer key is none of them. */
#define LONGEST_KEY (6 * (sizeof "max_completion_tokens" - 1))

G_STATIC_ASSERT (VMP_LIMIT_JSON_DEPTH % 64 == 0);

/* -- Tokens: each takes the first byte of one and returns the byte after it, or NULL ----------------- */

static inline gboolean
is_digit (guint8 byte)
{
  return (guint8) (byte - '0') < 10;
}

/* Skips one digit and all that follow it. */
static inline const guint8 *
skip_digits (const guint8 *p,
             const guint8 *end)
{
  const guint8 *first = p;

  while (end - p >= 8)
    {
      guint64 word, found;

      /* As in a string's text: what is below '0' borrows, what is above '9' carries into its own top bit. */
      memcpy (&word, p, sizeof word);
      word = GUINT64_FROM_LE (word);
      found = (word | (word - VMP_EIGHT ('0')) | (word + VMP_EIGHT (0x7f - '9'))) & VMP_EIGHT (0x80);
      if (found != 0)
        {
          p += __builtin_ctzll (found) / 8;
          return p > first ? p : NULL;
        }
      p += 8;
    }

  while (p < end && is_digit (*p))
    p++;

  return p > first ? p : NULL;
}

static const guint8 *
skip_number (const guint8 *p,
             const guint8 *end)
{
  if (*p == '-')
    p++;

  p = p < end && *p == '0' ? p + 1 : skip_digits (p, end);

  if (p != NULL && p < end && *p == '.')
    p = skip_digits (p + 1, end);

  if (p != NULL && p < end && (*p == 'e' || *p == 'E'))
    {
      p++;
      if (p < end && (*p == '+' || *p == '-'))
        p++;
      p = skip_digits (p, end);
    }

  return p;
}

static inline const guint8 *
skip_word (const guint8 *p,
           const guint8 *end,
           const char   *word,
           gsize         length)
{
  return (gsize) (end - p) >= length && memcmp (p, word, length) == 0 ? p + length : NULL;
}

/* -- White space --------------------------------------------------------------------------------- */

static inline gboolean
is_space (guint8 byte)
{
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static const guint8 *
skip_long_space (const guint8 *p,
                 const guint8 *end)
{
#if VMP_HAVE_SSE2
  while (end - p >= 16)
    {
      __m128i bytes = vmp_bytes_load (p);
      __m128i space = _mm_or_si128 (_mm_or_si128 (vmp_bytes_equal (bytes, ' '), vmp_bytes_equal (bytes, '\n')),
                                    _mm_or_si128 (vmp_bytes_equal (bytes, '\r'), vmp_bytes_equal (bytes, '\t')));
      guint others = 0xffff ^ vmp_bytes_mask (space);

      if (others != 0)
        return p + __builtin_ctz (others);
      p += 16;
    }
#endif

  while (p < end && is_space (*p))
    p++;

  return p;
}

/* None or one byte of it is the rule; indentation is the exception. */
static inline const guint8 *
skip_space (const guint8 *p,
            const guint8 *end)
{
  if (p < end && *p > ' ')
    return p;

  if (end - p >= 2 && *p == ' ' && p[1] > ' ')
    return p + 1;

  return skip_long_space (p, end);
}

/* -- Values -------------------------------------------------------------------------------------- */

/* Skips a key, its colon and the space around that. Returns where the value should begin, or NULL. */
static inline const guint8 *
skip_key (const guint8 *p,
          const guint8 *end)
{
  if (p == end || *p != '"')
    return NULL;

  p = vmp_json_skip_string (p, end);
  if (p == NULL)
    return NULL;

  p = skip_space (p, end);
  if (p == end || *p != ':')
    return NULL;

  return skip_space (p + 1, end);
}

/* Skips the value at @p, which is nested in one object, with all that it holds. Returns the byte after
 * it, or NULL if it is not well formed or too deep. */
static const guint8 *
skip_value (const guint8 *p,
            const guint8 *end)
{
  guint64 outer[VMP_LIMIT_JSON_DEPTH / 64] = { 0 }; /* a bit per level: whether what is around it is an object */
  gboolean in_object = TRUE;
  guint depth = 1;

  for (;;)
    {
      if (p == NULL || p == end)
        return NULL;

      switch (*p)
        {
        case '{':
        case '[':
          {
            gboolean opens_object = *p == '{';
            guint64 bit = G_GUINT64_CONSTANT (1) << (depth % 64);

            if (depth == VMP_LIMIT_JSON_DEPTH)
              return NULL;

            p = skip_space (p + 1, end);
            if (p < end && *p == (opens_object ? '}' : ']'))
              {
                p++;
                break;
              }

            if (in_object)
              outer[depth / 64] |= bit;
            else
              outer[depth / 64] &= ~bit;
            depth++;
            in_object = opens_object;

            if (in_object)
              p = skip_key (p, end);
          }
          continue;

        case '"':
          p = vmp_json_skip_string (p, end);
          break;

        case 't':
          p = skip_word (p, end, "true", 4);
          break;

        case 'f':
          p = skip_word (p, end, "false", 5);
          break;

        case 'n':
          p = skip_word (p, end, "null", 4);
          break;

        default:
          p = skip_number (p, end);
          break;
        }

      if (p == NULL)
        return NULL;

      /* A value has ended; so does every container that closes here. */
      for (;;)
        {
          if (depth == 1)
            return p;

          p = skip_space (p, end);
          if (p == end)
            return NULL;
          if (*p == ',')
            break;
          if (*p != (in_object ? '}' : ']'))
            return NULL;

          p++;
          depth--;
          in_object = (outer[depth / 64] >> (depth % 64)) & 1;
        }

      p = skip_space (p + 1, end);
      if (in_object)
        p = skip_key (p, end);
    }
}

static VmpJsonType
type_of (guint8 first_byte)
{
  switch (first_byte)
    {
    case '"':
      return VMP_JSON_STRING;
    case '{':
      return VMP_JSON_OBJECT;
    case '[':
      return VMP_JSON_ARRAY;
    case 't':
      return VMP_JSON_TRUE;
    case 'f':
      return VMP_JSON_FALSE;
    case 'n':
      return VMP_JSON_NULL;
    default:
      return VMP_JSON_NUMBER;
    }
}

/* The one member that a key may be, by its length and a byte or two. A body has few keys at its top, but the answers'
 * events are scanned as well, and in those there is little else. */
static VmpMember
likely_member (const char *key,
               gsize       length)
{
  switch (length)
    {
    case 1:
      return VMP_MEMBER_N;

    case 2:
      return VMP_MEMBER_ID;

    case 4:
      return VMP_MEMBER_USER;

    case 5:
      switch (key[0])
        {
        case 'm':
          return VMP_MEMBER_MODEL;
        case 'i':
          return VMP_MEMBER_INPUT;
        case 't':
          return VMP_MEMBER_TOOLS;
        case 'u':
          return VMP_MEMBER_USAGE;
        default:
          return VMP_MEMBER_ERROR;
        }

    case 6:
      if (key[0] == 'p')
        return VMP_MEMBER_PROMPT;
      return key[1] == 'y' ? VMP_MEMBER_SYSTEM : VMP_MEMBER_STREAM;

    case 7:
      return VMP_MEMBER_VAMPIRE;

    case 8:
      return VMP_MEMBER_MESSAGES;

    case 10:
      return VMP_MEMBER_MAX_TOKENS;

    case 12:
      return VMP_MEMBER_INSTRUCTIONS;

    case 14:
      return VMP_MEMBER_STREAM_OPTIONS;

    case 15:
      return VMP_MEMBER_RESPONSE_FORMAT;

    case 16:
      return VMP_MEMBER_PROMPT_CACHE_KEY;

    case 20:
      return VMP_MEMBER_PREVIOUS_RESPONSE_ID;

    case 21:
      return VMP_MEMBER_MAX_COMPLETION_TOKENS;

    default:
      return VMP_N_MEMBERS;
    }
}

/* Returns which member the key between two quotes names, or VMP_N_MEMBERS. @lookalike: set when it nearly is "model" */
static VmpMember
member_of_key (const guint8 *p,
               const guint8 *end,
               gboolean     *lookalike)
{
  const char *model = member_names[VMP_MEMBER_MODEL];
  const char *key = (const char *) p;
  gssize length = end - p;
  char plain[LONGEST_KEY];
  VmpMember member;

  if (length > (gssize) LONGEST_KEY)
    return VMP_N_MEMBERS;

  if (memchr (p, '\\', (gsize) length) != NULL)
    {
      length = vmp_json_undo_escapes (p, end, plain);
      key = plain;
      if (length < 0)
        return VMP_N_MEMBERS;
    }

  member = likely_member (key, (gsize) length);
  if (member < VMP_N_MEMBERS && memcmp (key, member_names[member], (gsize) length) == 0)
    return member;

  if (length == (gssize) strlen (model) && g_ascii_strncasecmp (key, model, (gsize) length) == 0)
    *lookalike = TRUE;

  return VMP_N_MEMBERS;
}

/* Requests may hold anything under the names that matter in answers, and one that is told to us twice must not pass for
 * something else. */
static inline gboolean
may_come_twice (VmpMember member)
{
  return member == VMP_MEMBER_ERROR || member == VMP_MEMBER_USAGE || member == VMP_MEMBER_ID
         || member == VMP_MEMBER_VAMPIRE;
}

/* -- The scan ------------------------------------------------------------------------------------ */

static gboolean
scan_object (const guint8 *data,
             gsize         len,
             VmpJsonScan  *scan)
{
  const guint8 *end = data + len;
  const guint8 *comma = NULL;  /* the one before the current member */
  const guint8 *p = skip_space (data, end);

  if (p == end || *p != '{')
    return FALSE;

  p = skip_space (p + 1, end);
  if (p < end && *p == '}')
    return skip_space (p + 1, end) == end;

  for (;;)
    {
      const guint8 *key = p;
      const guint8 *key_end, *value, *value_end;
      VmpMember member;

      if (p == end || *p != '"')
        return FALSE;

      key_end = vmp_json_skip_string (p, end);
      if (key_end == NULL)
        return FALSE;

      p = skip_space (key_end, end);
      if (p == end || *p != ':')
        return FALSE;

      value = skip_space (p + 1, end);
      value_end = skip_value (value, end);
      if (value_end == NULL)
        return FALSE;

      p = skip_space (value_end, end);
      if (p == end || (*p != ',' && *p != '}'))
        return FALSE;

      member = member_of_key (key + 1, key_end - 1, &scan->has_lookalike);
      if (member < VMP_N_MEMBERS)
        {
          VmpJsonMember *found = &scan->members[member];
          const guint8 *cut = comma != NULL ? comma : key;
          const guint8 *cut_end = comma == NULL && *p == ',' ? p + 1 : value_end;

          if (found->type != VMP_JSON_ABSENT && !may_come_twice (member))
            return FALSE;

          found->type = type_of (*value);
          found->value = (VmpSpan) { (gsize) (value - data), (gsize) (value_end - data) };
          found->cut = (VmpSpan) { (gsize) (cut - data), (gsize) (cut_end - data) };
        }

      if (*p == '}')
        return skip_space (p + 1, end) == end;

      comma = p;
      p = skip_space (p + 1, end);
    }
}

gboolean
vmp_json_scan (const char  *data,
               gsize        len,
               VmpJsonScan *scan)
{
  g_return_val_if_fail (data != NULL || len == 0, FALSE);
  g_return_val_if_fail (scan != NULL, FALSE);

  memset (scan, 0, sizeof *scan);
  if (len > 0 && scan_object ((const guint8 *) data, len, scan))
    return TRUE;

  memset (scan, 0, sizeof *scan);
  return FALSE;
}

char *
vmp_json_scan_dup_string (const char          *data,
                          const VmpJsonMember *member)
{
  g_autofree char *text = NULL;
  const guint8 *p;
  gsize room;
  gssize length;

  g_return_val_if_fail (member != NULL, NULL);

  if (member->type != VMP_JSON_STRING)
    return NULL;

  p = (const guint8 *) data + member->value.start + 1;
  room = member->value.end - member->value.start - 2;
  text = g_malloc (room + 1);
  length = vmp_json_undo_escapes (p, p + room, text);
  if (length < 0)
    return NULL;

  text[length] = '\0';
  return g_steal_pointer (&text);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpUsage. It runs over every byte that is passed on, so it is no parser: it stops at line ends and
 * at what may be the name `usage`, and steps over all else, sixteen bytes at a time where there is SSE2. The quotes of
 * text that speaks of "usage" are escaped, so it is no name.
 */

#include "relay/vmp-usage.h"

#include <string.h>

#include "core/vmp-json-string.h"

/* Bytes at the beginning of an event's line in which its type is looked for; it is the first member. A line may be
 * long, and a node may write it so that it is looked for again and again. */
#define TYPE_BYTES 256

/* Bytes at the end of a document in which its usage stands, as a rule: after the answer. */
#define USAGE_BYTES 512

/* What a double holds exactly, as most of those who read it will take it for one. */
#define MOST_TOKENS (G_GINT64_CONSTANT (1) << 53)

/* Whether a line ends here, or a name that begins with `u` begins; with the byte after it readable. Other control
 * characters do no harm. */
static inline gboolean
is_stop (const char *p)
{
  return (guchar) *p < ' ' || (p[0] == '"' && p[1] == 'u');
}

static inline const char *
find_stop (const char *p,
           const char *end)
{
#if VMP_HAVE_SSE2
  while (end - p > 16)
    {
      __m128i bytes = vmp_bytes_load ((const guint8 *) p);
      __m128i next = vmp_bytes_load ((const guint8 *) p + 1);
      __m128i names = _mm_and_si128 (vmp_bytes_equal (bytes, '"'), vmp_bytes_equal (next, 'u'));
      guint stops = vmp_bytes_mask (_mm_or_si128 (names, vmp_bytes_at_most (bytes, 0x1f)));

      if (stops != 0)
        return p + __builtin_ctz (stops);
      p += 16;
    }
#endif

  while (end - p > 8)
    {
      guint64 bytes, next, names, stops;

      /* What is too small for a subtraction borrows, which may spoil the bytes above it: the lowest one counts. */
      memcpy (&bytes, p, sizeof bytes);
      memcpy (&next, p + 1, sizeof next);
      bytes = GUINT64_FROM_LE (bytes);
      next = GUINT64_FROM_LE (next);
      names = (bytes ^ VMP_EIGHT ('"')) | (next ^ VMP_EIGHT ('u'));
      stops = ((names - VMP_EIGHT (1)) & ~names) | ((bytes - VMP_EIGHT (0x20)) & ~bytes);
      stops &= VMP_EIGHT (0x80);
      if (stops != 0)
        return p + __builtin_ctzll (stops) / 8;
      p += 8;
    }

  while (end - p > 1 && !is_stop (p))
    p++;

  return end - p == 1 && (guchar) *p >= ' ' ? end : p;
}

/* -- The object ------------------------------------------------------------------------------ */

static const char *
skip_space (const char *p,
            const char *end)
{
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;

  return p;
}

/* Returns the place of a value, after a colon; NULL when there is no colon, and @p was no name. */
static const char *
skip_colon (const char *p,
            const char *end)
{
  p = skip_space (p, end);

  return p < end && *p == ':' ? skip_space (p + 1, end) : NULL;
}

/* Returns the quote that ends a string, or @end. @p: after the one that begins it */
static const char *
find_quote (const char *p,
            const char *end)
{
  while (p < end && *p != '"')
    p += *p == '\\' && end - p > 1 ? 2 : 1;

  return p;
}

/* A whole number, capped; -1 for anything else. */
static gint64
read_number (const char *p,
             const char *end)
{
  gint64 number = 0;

  if (p == NULL || p == end || !g_ascii_isdigit (*p))
    return -1;

  for (; p < end && g_ascii_isdigit (*p); p++)
    number = MIN (number * 10 + (*p - '0'), MOST_TOKENS);

  return p < end && (*p == 'e' || *p == 'E') ? -1 : number;
}

static gboolean
is_name (const char *p,
         const char *end,
         const char *name)
{
  return (gsize) (end - p) == strlen (name) && memcmp (p, name, strlen (name)) == 0;
}

/* What an object tells; -1: nothing. */
typedef struct {
  gint64 prompt;
  gint64 completion;
  gboolean is_anthropic;  /* or of OpenAI's responses: the names are the same */
} Told;

/* Reads an object from the byte after its brace on. Returns the byte after it; NULL when it does not end. */
static const char *
read_object (const char *p,
             const char *end,
             Told       *told)
{
  guint depth = 1;

  while (p < end)
    {
      const char *quote;

      switch (*p++)
        {
        case '{':
        case '[':
          depth++;
          break;

        case '}':
        case ']':
          if (--depth == 0)
            return p;
          break;

        case '"':
          quote = find_quote (p, end);
          if (quote == end)
            return NULL;
          if (depth == 1)
            {
              const char *value = skip_colon (quote + 1, end);

              if (is_name (p, quote, "prompt_tokens"))
                told->prompt = read_number (value, end);
              else if (is_name (p, quote, "completion_tokens") || is_name (p, quote, "output_tokens"))
                told->completion = read_number (value, end);
              else if (is_name (p, quote, "input_tokens"))
                {
                  told->prompt = read_number (value, end);
                  told->is_anthropic = TRUE;
                }
            }
          p = quote + 1;
          break;

        default:
          break;
        }
    }

  return NULL;
}

/* -- The stream ------------------------------------------------------------------------------ */

/* Looks at what may be the name. @line: of it, or of the body. Returns up to where usage need not be looked for. */
static const char *
read_usage (VmpUsage   *self,
            const char *line,
            const char *p,
            const char *end)
{
  static const char name[] = "\"usage\"";
  Told told = { -1, -1, FALSE };
  const char *value, *after;

  if ((gsize) (end - p) < strlen (name) || memcmp (p, name, strlen (name)) != 0)
    return p;
  value = skip_colon (p + strlen (name), end);
  if (value == NULL || value == end || *value != '{')
    return p;

  /* One that does not end holds all that follows: to look at each of those as well would take for ever. */
  after = read_object (value + 1, end, &told);
  if (after == NULL)
    return end;

  /* The first event of an Anthropic stream tells of the prompt, and of a token or two that are not the whole
   * answer. */
  if (told.is_anthropic && g_strstr_len (line, MIN (p - line, TYPE_BYTES), "\"message_start\"") != NULL)
    told.completion = -1;

  if (told.prompt < 0 && told.completion < 0)
    return after;
  if (!self->has_usage)
    self->prompt_tokens = self->completion_tokens = -1;
  self->has_usage = TRUE;
  if (told.prompt >= 0)
    self->prompt_tokens = told.prompt;
  if (told.completion >= 0)
    self->completion_tokens = told.completion;

  return after;
}

static inline gboolean
is_data (const char *line,
         const char *end)
{
  return end - line >= 4 && memcmp (line, "data", 4) == 0 && (end - line == 4 || line[4] == ':');
}

void
vmp_usage_read_events (VmpUsage   *self,
                       const char *data,
                       gsize       len)
{
  const char *p = data;
  const char *line = data;
  const char *end, *looks_from;
  gboolean has_data = FALSE;

  g_return_if_fail (self != NULL);
  g_return_if_fail (data != NULL || len == 0);

  end = p + len;
  looks_from = p;
  while (p < end)
    {
      p = find_stop (p, end);
      if (p == end)
        break;

      if (*p == '\n' && p > data && p[-1] == '\r') /* one line end of two bytes */
        {
          line = ++p;
        }
      else if (*p == '\n' || *p == '\r')
        {
          if (line < p)
            {
              has_data = has_data || is_data (line, p);
            }
          else if (has_data)
            {
              self->events++;
              has_data = FALSE;
            }
          line = ++p;
        }
      else
        {
          if (*p == '"' && p >= looks_from)
            looks_from = read_usage (self, line, p, end);
          p++;
        }
    }

  /* The last one of a stream whose node did not end it. */
  if (has_data || is_data (line, end))
    self->events++;
}

static void
read_names (VmpUsage   *self,
            const char *p,
            const char *end)
{
  while (p < end)
    {
      const char *after;

      p = find_stop (p, end);
      if (p == end)
        break;
      after = *p == '"' ? read_usage (self, p, p, end) : p;
      p = MAX (after, p + 1);
    }
}

void
vmp_usage_read_body (VmpUsage   *self,
                     const char *data,
                     gsize       len)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (data != NULL || len == 0);

  if (len > USAGE_BYTES)
    read_names (self, data + len - USAGE_BYTES, data + len);
  if (!self->has_usage && len > 0)
    read_names (self, data, data + len);
}

gint64
vmp_usage_get_completion_tokens (const VmpUsage *self)
{
  g_return_val_if_fail (self != NULL, 0);

  if (self->has_usage && self->completion_tokens >= 0)
    return self->completion_tokens;

  return self->events > 2 ? (gint64) (self->events - 2) : 0;
}

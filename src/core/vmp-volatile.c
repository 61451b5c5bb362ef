/* SPDX-License-Identifier: MIT
 *
 * Implementation of the search for a line that changes with every request. The body has been scanned, so that it is
 * well formed; nevertheless nothing here reads past the spans of the scan. A body without such a line costs a look at
 * the first few bytes of its prompt.
 */

#include "core/vmp-volatile.h"

#include <string.h>

#include "core/vmp-json-string.h"
#include "core/vmp-limits.h"

/* The line begins with this, and what changes in it is named so. */
#define BILLING_HEADER "x-anthropic-billing-header:"
#define BILLING_HASH "cch="

/* -- Steps through text that is known to be JSON: each returns NULL when @end comes first ------------- */

static const guint8 *
skip_space (const guint8 *p,
            const guint8 *end)
{
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;

  return p < end ? p : NULL;
}

/* Skips any value. What is in a container needs no telling apart: outside its strings only the brackets count. */
static const guint8 *
skip_value (const guint8 *p,
            const guint8 *end)
{
  guint depth = 0;

  while (p < end)
    {
      switch (*p)
        {
        case '"':
          p = vmp_json_skip_string (p, end);
          if (p == NULL || depth == 0)
            return p;
          break;

        case '{':
        case '[':
          depth++;
          p++;
          break;

        case '}':
        case ']':
          if (depth == 0)
            return p;
          depth--;
          p++;
          if (depth == 0)
            return p;
          break;

        case ',':
        case ' ':
        case '\n':
        case '\r':
        case '\t':
          if (depth == 0)
            return p;
          p++;
          break;

        default:
          p++;
          break;
        }
    }

  return NULL;
}

/* From an opening bracket to the first thing behind it. */
static inline const guint8 *
enter (const guint8 *p,
       const guint8 *end)
{
  return p < end ? skip_space (p + 1, end) : NULL;
}

/* Returns where the first member of that name begins its value, in the object at @p; NULL if there is none before
 * @end. A name that is written with escapes is another one. */
static const guint8 *
find_member (const guint8 *p,
             const guint8 *end,
             const char   *name)
{
  gsize len = strlen (name);

  p = enter (p, end);
  while (p != NULL && *p == '"')
    {
      const guint8 *key = p + 1;
      gboolean is_it;

      p = vmp_json_skip_string (p, end);
      if (p == NULL)
        return NULL;
      is_it = (gsize) (p - 1 - key) == len && memcmp (key, name, len) == 0;

      p = skip_space (p, end);
      p = p != NULL ? enter (p, end) : NULL; /* the colon */
      if (p == NULL || is_it)
        return p;

      p = skip_value (p, end);
      p = p != NULL ? skip_space (p, end) : NULL;
      if (p == NULL || *p != ',')
        return NULL;
      p = enter (p, end);
    }

  return NULL;
}

static gboolean
is_string (const guint8 *p,
           const guint8 *end,
           const char   *text)
{
  gsize len = strlen (text);

  return (gsize) (end - p) >= len + 2 && *p == '"' && memcmp (p + 1, text, len) == 0 && p[len + 1] == '"';
}

/* -- The line ----------------------------------------------------------------------------------------- */

/* Skips an escape that stands for one certain control character, in either of its forms. Returns @p if there is
 * another thing. */
static const guint8 *
skip_escape_of (const guint8 *p,
                const guint8 *end,
                char          letter,
                const char   *hex)
{
  if (end - p >= 2 && p[0] == '\\' && p[1] == (guint8) letter)
    return p + 2;

  if (end - p >= 6 && p[0] == '\\' && p[1] == 'u' && g_ascii_strncasecmp ((const char *) p + 2, hex, 4) == 0)
    return p + 6;

  return p;
}

/* Skips the end of one line: a line feed, a carriage return, or both. Returns @p if there is none. */
static const guint8 *
skip_line_end (const guint8 *p,
               const guint8 *end)
{
  p = skip_escape_of (p, end, 'r', "000d");

  return skip_escape_of (p, end, 'n', "000a");
}

static const guint8 *
skip_blank (const guint8 *p,
            const guint8 *end)
{
  if (p < end && *p == ' ')
    return p + 1;

  return skip_escape_of (skip_line_end (p, end), end, 't', "0009");
}

/* Takes the string at @p. Returns the byte after the line at its head and after the empty line that may follow; NULL if
 * there is none that begins and ends before @limit. */
static const guint8 *
find_line (const guint8 *p,
           const guint8 *end,
           const guint8 *limit)
{
  const gsize header_len = strlen (BILLING_HEADER);
  const gsize hash_len = strlen (BILLING_HASH);
  const guint8 *next = p + 1;
  gboolean changes = FALSE;

  do
    {
      p = next;
      next = skip_blank (p, limit);
    }
  while (next != p);

  if ((gsize) (limit - p) < header_len || g_ascii_strncasecmp ((const char *) p, BILLING_HEADER, header_len) != 0)
    return NULL;

  p += header_len;
  while (p < limit && *p != '"' && skip_line_end (p, limit) == p)
    {
      if ((gsize) (limit - p) >= hash_len && memcmp (p, BILLING_HASH, hash_len) == 0)
        changes = TRUE;

      if (*p == '\\')
        p += p[1] == 'u' ? 6 : 2;
      else
        p++;
    }

  if (p >= limit || !changes)
    return NULL;

  return skip_line_end (skip_line_end (p, end), end);
}

/* -- Where it may be ---------------------------------------------------------------------------------- */

static gboolean
set_cut (const guint8 *body,
         const guint8 *start,
         const guint8 *end,
         VmpSpan      *cut)
{
  cut->start = (gsize) (start - body);
  cut->end = (gsize) (end - body);

  return TRUE;
}

/* Takes a prompt: a string, or a list of parts of which the first may hold the line. */
static gboolean
find_in_content (const guint8 *body,
                 const guint8 *content,
                 const guint8 *end,
                 const guint8 *limit,
                 VmpSpan      *cut)
{
  const guint8 *part = NULL;
  const guint8 *text = content;
  const guint8 *line_end;

  if (*content == '[')
    {
      part = enter (content, limit);
      if (part == NULL || *part != '{')
        return FALSE;
      text = find_member (part, limit, "text");
    }

  if (text == NULL || *text != '"')
    return FALSE;

  line_end = find_line (text, end, limit);
  if (line_end == NULL)
    return FALSE;

  /* A part without text is refused by some servers; when others follow, it goes altogether. */
  if (part != NULL && line_end < end && *line_end == '"')
    {
      const guint8 *next = skip_value (part, end);

      next = next != NULL ? skip_space (next, end) : NULL;
      if (next != NULL && *next == ',')
        return set_cut (body, part, next + 1, cut);
    }

  return set_cut (body, text + 1, line_end, cut);
}

gboolean
vmp_volatile_find (const char        *body,
                   const VmpJsonScan *scan,
                   VmpSpan           *cut)
{
  const guint8 *data = (const guint8 *) body;
  const VmpJsonMember *system, *messages;

  g_return_val_if_fail (body != NULL, FALSE);
  g_return_val_if_fail (scan != NULL, FALSE);
  g_return_val_if_fail (cut != NULL, FALSE);

  *cut = (VmpSpan) { 0, 0 };

  system = &scan->members[VMP_MEMBER_SYSTEM];
  if (system->type == VMP_JSON_STRING || system->type == VMP_JSON_ARRAY)
    {
      gsize window = MIN (system->value.end - system->value.start, VMP_LIMIT_VOLATILE_BYTES);
      const guint8 *start = data + system->value.start;

      if (find_in_content (data, start, data + system->value.end, start + window, cut))
        return TRUE;
    }

  messages = &scan->members[VMP_MEMBER_MESSAGES];
  if (messages->type == VMP_JSON_ARRAY)
    {
      gsize window = MIN (messages->value.end - messages->value.start, VMP_LIMIT_VOLATILE_BYTES);
      const guint8 *end = data + messages->value.end;
      const guint8 *limit = data + messages->value.start + window;
      const guint8 *message = enter (data + messages->value.start, limit);
      const guint8 *content, *role;

      if (message == NULL || *message != '{')
        return FALSE;

      content = find_member (message, limit, "content");
      if (content == NULL || !find_in_content (data, content, end, limit, cut))
        return FALSE;

      /* A user's own message is theirs, and its role may stand behind it. */
      role = find_member (message, end, "role");
      if (role != NULL && (is_string (role, end, "system") || is_string (role, end, "developer")))
        return TRUE;

      *cut = (VmpSpan) { 0, 0 };
    }

  return FALSE;
}

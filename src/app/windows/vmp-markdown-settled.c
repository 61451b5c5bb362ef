/* SPDX-License-Identifier: MIT
 *
 * Which part of a Markdown text that still grows is settled. It reads lines, not Markdown: where code begins and
 * ends, and where a line stands that nothing before it can own.
 */

#include "app/windows/vmp-markdown.h"

#include <string.h>

#include "core/vmp-limits.h"

typedef struct {
  char c;    /* '`' or '~'; NUL: no code is open */
  gsize len;
} Fence;

/* Past blanks and the markers of list items. */
static const char *
skip_markers (const char *line,
              const char *end)
{
  for (;;)
    {
      const char *mark;

      while (line < end && (*line == ' ' || *line == '\t'))
        line++;
      mark = line;
      if (mark < end && (*mark == '-' || *mark == '*' || *mark == '+'))
        {
          mark++;
        }
      else
        {
          while (mark < end && g_ascii_isdigit (*mark))
            mark++;
          if (mark == line || mark == end || (*mark != '.' && *mark != ')'))
            return line;
          mark++;
        }
      if (mark == end || (*mark != ' ' && *mark != '\t'))
        return line;
      line = mark;
    }
}

/* Opens or closes code, if the line does; TRUE when it has closed it. */
static gboolean
follow_fence (Fence      *fence,
              const char *line,
              const char *end)
{
  const char *at = fence->c == '\0' ? skip_markers (line, end) : line;
  const char *rest;

  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  if (at == end || (*at != '`' && *at != '~'))
    return FALSE;

  rest = at;
  while (rest < end && *rest == *at)
    rest++;
  if (rest - at < 3)
    return FALSE;

  if (fence->c == '\0')
    {
      if (*at == '~' || memchr (rest, '`', (gsize) (end - rest)) == NULL)
        *fence = (Fence) { *at, (gsize) (rest - at) };
      return FALSE;
    }

  if (*at != fence->c || (gsize) (rest - at) < fence->len)
    return FALSE;
  while (rest < end && (*rest == ' ' || *rest == '\t' || *rest == '\r'))
    rest++;
  if (rest < end)
    return FALSE;
  fence->c = '\0';

  return TRUE;
}

static gboolean
is_blank (const char *line,
          const char *end)
{
  while (line < end && (*line == ' ' || *line == '\t' || *line == '\r'))
    line++;

  return line == end;
}

/* Whether a line after a blank one begins a block that cannot belong to a list before it. */
static gboolean
begins_block (const char *line,
              const char *end)
{
  return line < end && strchr (" \t-*+0123456789", *line) == NULL;
}

/* Where a piece that is too long is cut: at a line's end, a blank, or a character. */
static gsize
cut (const char *text,
     gsize       len)
{
  gsize at;

  for (at = len; at > len / 2; at--)
    {
      if (text[at - 1] == '\n')
        return at;
    }
  for (at = len; at > len / 2; at--)
    {
      if (text[at - 1] == ' ')
        return at;
    }
  for (at = len; at > len - MIN (len, 4); at--)
    {
      if (((guint8) text[at] & 0xc0) != 0x80)
        return at;
    }

  return len;
}

gsize
vmp_markdown_find_settled (const char *text,
                           gsize       len)
{
  const char *end = text + len;
  const char *line = text;
  Fence fence = { 0 };
  gboolean was_blank = FALSE;
  gsize settled = 0;

  g_return_val_if_fail (text != NULL || len == 0, 0);

  while (line < end)
    {
      const char *line_end = memchr (line, '\n', (gsize) (end - line));
      gsize begin = (gsize) (line - text);
      gboolean was_code = fence.c != '\0';
      gboolean is_whole = line_end != NULL;

      if (begin > 0 && was_blank && !was_code && begins_block (line, end))
        settled = begin;
      if (settled > 0 && begin >= VMP_LIMIT_MARKDOWN_PIECE_BYTES)
        return settled;
      /* One that opens no code is cut; code before it is whole. */
      if (!was_code && !is_whole && begin + (gsize) (end - line) > VMP_LIMIT_MARKDOWN_PIECE_BYTES)
        break;
      if (!is_whole)
        return settled;

      if (follow_fence (&fence, line, line_end))
        {
          was_blank = FALSE;
          /* Code in a list's item may be followed by more of the item. */
          if (line[0] == '`' || line[0] == '~')
            settled = (gsize) (line_end + 1 - text);
        }
      else
        {
          was_blank = is_blank (line, line_end);
        }
      line = line_end + 1;

      if (fence.c == '\0' && !was_code && (gsize) (line - text) > VMP_LIMIT_MARKDOWN_PIECE_BYTES)
        break;
    }

  if (settled > 0 || len <= VMP_LIMIT_MARKDOWN_PIECE_BYTES || fence.c != '\0')
    return settled;

  return cut (text, VMP_LIMIT_MARKDOWN_PIECE_BYTES);
}

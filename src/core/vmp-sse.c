/* SPDX-License-Identifier: MIT
 *
 * Implementation of the reader of server-sent events. It looks at the first few bytes of a line, which say
 * whether it is `data: [DONE]`, and leaves the search for the line's end to memchr().
 */

#include "core/vmp-sse.h"

#include <string.h>

/* What the current line is so far. */
enum {
  LINE_EMPTY,
  LINE_NAME,   /* a beginning of "data", `match` bytes of it */
  LINE_COLON,  /* just "data:" */
  LINE_VALUE,  /* "data:", perhaps a space, and a beginning of "[DONE]", `match` bytes of it */
  LINE_DATA,   /* "data:" with another value */
  LINE_OTHER   /* a comment or another field */
};

enum {
  AFTER_CR = 1 << 0,   /* the last byte was a CR; an LF that is next belongs to it */
  INSIDE = 1 << 1,     /* there are bytes after the last whole event */
  HAS_DATA = 1 << 2,   /* the event under way has a data line */
  SAYS_DONE = 1 << 3,  /* ... whose only one is [DONE] */
  DONE = 1 << 4        /* the last whole event said [DONE] */
};

static const char bom[] = "\xef\xbb\xbf";
static const char field[] = "data";
static const char done[] = "[DONE]";

#define BOM_LENGTH 3
#define FIELD_LENGTH 4
#define DONE_LENGTH 6

/* The value of `bom` where no byte-order mark can begin any more. */
#define BOM_PAST (BOM_LENGTH + 1)

static void
read_byte (VmpSseReader *self,
           char          byte)
{
  switch (self->line)
    {
    case LINE_EMPTY:
      self->line = byte == field[0] ? LINE_NAME : LINE_OTHER;
      self->match = 1;
      break;

    case LINE_NAME:
      if (self->match == FIELD_LENGTH)
        self->line = byte == ':' ? LINE_COLON : LINE_OTHER;
      else if (byte == field[self->match])
        self->match++;
      else
        self->line = LINE_OTHER;
      break;

    case LINE_COLON:
      self->match = byte == done[0] ? 1 : 0;
      self->line = byte == done[0] || byte == ' ' ? LINE_VALUE : LINE_DATA;
      break;

    case LINE_VALUE:
      if (self->match < DONE_LENGTH && byte == done[self->match])
        self->match++;
      else
        self->line = LINE_DATA;
      break;

    default:
      break;
    }
}

/* Reads bytes of one line, without its end. */
static void
read_text (VmpSseReader *self,
           const char   *p,
           const char   *end)
{
  if (p == end)
    return;

  self->flags |= INSIDE;

  while (self->bom < BOM_LENGTH && p < end)
    {
      if (*p == bom[self->bom])
        {
          self->bom++;
          p++;
        }
      else
        {
          /* It was the beginning of one at most, and then it is text like any other. */
          if (self->bom > 0)
            self->line = LINE_OTHER;
          self->bom = BOM_PAST;
        }
    }

  while (p < end && self->line != LINE_DATA && self->line != LINE_OTHER)
    read_byte (self, *p++);
}

/* Returns whether the line that ends here ends an event. One or two bytes of a byte-order mark are a line with text. */
static gboolean
end_line (VmpSseReader *self)
{
  gboolean is_empty = self->line == LINE_EMPTY && (self->bom == 0 || self->bom >= BOM_LENGTH);
  gboolean is_data = self->line >= LINE_COLON && self->line <= LINE_DATA;
  gboolean is_done = self->line == LINE_VALUE && self->match == DONE_LENGTH;

  /* "data" without a colon is a field with an empty value. */
  is_data = is_data || (self->line == LINE_NAME && self->match == FIELD_LENGTH);

  self->line = LINE_EMPTY;
  self->match = 0;
  self->bom = BOM_PAST;

  if (is_data)
    {
      self->flags &= (guint8) ~SAYS_DONE;
      if (is_done && (self->flags & HAS_DATA) == 0)
        self->flags |= SAYS_DONE;
      self->flags |= HAS_DATA;
    }

  if (!is_empty)
    return FALSE;

  /* An empty line after nothing but comments ends no event that a client would see. */
  if (self->flags & HAS_DATA)
    {
      self->flags &= (guint8) ~DONE;
      if (self->flags & SAYS_DONE)
        self->flags |= DONE;
    }
  self->flags &= (guint8) ~(INSIDE | HAS_DATA | SAYS_DONE);

  return TRUE;
}

/* Returns the next @byte, or @end. */
static const char *
find (const char *p,
      const char *end,
      char        byte)
{
  const char *found = memchr (p, byte, (gsize) (end - p));

  return found != NULL ? found : end;
}

gsize
vmp_sse_reader_push (VmpSseReader *self,
                     const char   *data,
                     gsize         len)
{
  const char *p = data;
  const char *end, *lf, *cr;
  gsize whole = 0;

  g_return_val_if_fail (self != NULL, 0);
  g_return_val_if_fail (data != NULL || len == 0, 0);

  if (len == 0)
    return 0;

  end = data + len;
  if (self->flags & AFTER_CR)
    {
      self->flags &= (guint8) ~AFTER_CR;
      if (*p == '\n')
        p++;
    }

  /* Both are kept until the lines have come past them, so that no byte is searched more than twice,
   * whichever of the two the stream uses. */
  lf = find (p, end, '\n');
  cr = find (p, end, '\r');

  while (p < end)
    {
      const char *line_end = MIN (lf, cr);

      read_text (self, p, line_end);
      if (line_end == end)
        break;

      p = line_end + 1;
      if (*line_end == '\r')
        {
          if (p == end)
            self->flags |= AFTER_CR;
          else if (*p == '\n')
            p++;
        }

      if (end_line (self))
        whole = (gsize) (p - data);

      if (lf < p)
        lf = find (p, end, '\n');
      if (cr < p)
        cr = find (p, end, '\r');
    }

  return whole;
}

gboolean
vmp_sse_reader_is_done (const VmpSseReader *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return (self->flags & DONE) != 0;
}

gboolean
vmp_sse_reader_is_inside (const VmpSseReader *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return (self->flags & INSIDE) != 0;
}

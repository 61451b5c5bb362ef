/* SPDX-License-Identifier: MIT
 *
 * The reader of chunked request bodies (RFC 9112, 7.1). The connection calls it with whatever has arrived. It
 * finds the pieces of the body in place and never copies them, and is as strict as the parser of heads: two readers
 * that disagree on where a body ends are how requests are smuggled.
 */

#include "gateway/vmp-http-head.h"

#define SIZE_DIGITS 15

/* The part of the body that the next byte belongs to. */
enum {
  SIZE,            /* a chunk's size; `line` digits were read, `left` is their value */
  SIZE_SPACE,      /* white space before an extension, which RFC 9112 asks to bear */
  EXTENSION,       /* `line` bytes of the line were read */
  SIZE_LF,
  DATA,            /* `left` bytes of the chunk are to come */
  DATA_CR,
  DATA_LF,
  TRAILER_START,   /* a line of the trailer, or the empty one that ends the body; `left` bytes were read */
  TRAILER,
  TRAILER_LF,
  END_LF,
  END,
  BAD
};

/* Bytes of extensions and of trailer fields. */
static gboolean
is_text (char byte)
{
  return ((guchar) byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/* Reads a byte of a chunk's line, up to its CR. */
static guint8
read_size_line (VmpChunkReader *self,
                char            byte)
{
  if (byte == '\r')
    return self->line > 0 && self->state != SIZE_SPACE ? SIZE_LF : BAD;

  if (++self->line > VMP_LIMIT_CHUNK_LINE_BYTES)
    return BAD;

  if (self->state == EXTENSION)
    return is_text (byte) ? EXTENSION : BAD;

  if (self->state == SIZE && g_ascii_isxdigit (byte))
    {
      if (self->line > SIZE_DIGITS)
        return BAD;
      self->left = self->left << 4 | (guint64) g_ascii_xdigit_value (byte);
      return SIZE;
    }

  /* There must be a size before anything else. */
  if (self->state == SIZE && self->line == 1)
    return BAD;
  if (byte == ';')
    return EXTENSION;

  return byte == ' ' || byte == '\t' ? SIZE_SPACE : BAD;
}

static guint8
read_trailer (VmpChunkReader *self,
              char            byte)
{
  if (++self->left > VMP_LIMIT_HEAD_BYTES)
    return BAD;

  switch (self->state)
    {
    case TRAILER_START:
      if (byte == '\r')
        return END_LF;
      return is_text (byte) ? TRAILER : BAD;

    case TRAILER:
      if (byte == '\r')
        return TRAILER_LF;
      return is_text (byte) ? TRAILER : BAD;

    case TRAILER_LF:
      return byte == '\n' ? TRAILER_START : BAD;

    default: /* END_LF */
      return byte == '\n' ? END : BAD;
    }
}

/* Reads a byte that is not the body's. Returns what the next one is part of. */
static guint8
read_byte (VmpChunkReader *self,
           char            byte)
{
  switch (self->state)
    {
    case SIZE:
    case SIZE_SPACE:
    case EXTENSION:
      return read_size_line (self, byte);

    case SIZE_LF:
      self->line = 0;
      if (byte != '\n')
        return BAD;
      return self->left > 0 ? DATA : TRAILER_START;

    case DATA_CR:
      return byte == '\r' ? DATA_LF : BAD;

    case DATA_LF:
      return byte == '\n' ? SIZE : BAD;

    default:
      return read_trailer (self, byte);
    }
}

VmpChunkResult
vmp_chunk_reader_next (VmpChunkReader *self,
                       const char     *data,
                       gsize           len,
                       gsize          *used,
                       VmpSlice       *piece)
{
  gsize at = 0;

  *piece = (VmpSlice) { NULL, 0 };

  while (at < len && self->state != END && self->state != BAD)
    {
      if (self->state == DATA)
        {
          *piece = (VmpSlice) { data + at, (gsize) MIN (self->left, len - at) };
          self->left -= piece->len;
          if (self->left == 0)
            self->state = DATA_CR;
          *used = at + piece->len;
          return VMP_CHUNK_DATA;
        }

      self->state = read_byte (self, data[at++]);
    }

  *used = at;
  if (self->state == BAD)
    return VMP_CHUNK_BAD;

  return self->state == END ? VMP_CHUNK_END : VMP_CHUNK_MORE;
}

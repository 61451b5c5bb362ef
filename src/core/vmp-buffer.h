/* SPDX-License-Identifier: MIT
 *
 * A growing run of bytes that is filled at its end and used up at its start: what a socket has given and
 * is not yet read, what is to be sent, a request's body. Embedded, zero-initialised.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *data;
  gsize start; /* offset of the first byte held */
  gsize end;   /* offset past the last byte held */
  gsize size;  /* bytes allocated */
} VmpBuffer;

static inline gsize
vmp_buffer_len (const VmpBuffer *self)
{
  return self->end - self->start;
}

static inline const char *
vmp_buffer_peek (const VmpBuffer *self)
{
  return self->data != NULL ? self->data + self->start : NULL;
}

/**
 * vmp_buffer_reserve:
 * @room: bytes wanted past the end
 *
 * Moves what is held to the front, or grows by doubling. Past a few hundred KiB growing moves pages, not bytes.
 *
 * Returns: (nullable): where to write up to @room bytes, to be followed by vmp_buffer_commit(); NULL when
 * there is no memory
 */
char *vmp_buffer_reserve (VmpBuffer *self,
                          gsize      room);

static inline void
vmp_buffer_commit (VmpBuffer *self,
                   gsize      len)
{
  g_assert (len <= self->size - self->end);
  self->end += len;
}

/* Uses up bytes at the start. */
static inline void
vmp_buffer_consume (VmpBuffer *self,
                    gsize      len)
{
  g_assert (len <= vmp_buffer_len (self));
  self->start += len;
  if (self->start == self->end)
    self->start = self->end = 0;
}

/* Lengthens it by @len bytes, more than none, and returns where they are to be written. Aborts when there is no memory,
 * as g_malloc() does: for small pieces. */
char *vmp_buffer_extend (VmpBuffer *self,
                         gsize      len);

/* Copies bytes to the end. Aborts when there is no memory, as g_malloc() does: for small pieces. */
void vmp_buffer_append (VmpBuffer  *self,
                        const void *data,
                        gsize       len);

/* Gives the memory back, and with it all that is held. */
void vmp_buffer_clear (VmpBuffer *self);

/* Gives the memory back if nothing is held and more than @keep bytes are allocated. */
void vmp_buffer_trim (VmpBuffer *self,
                      gsize      keep);

G_END_DECLS

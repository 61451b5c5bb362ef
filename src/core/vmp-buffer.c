/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpBuffer.
 */

#include "core/vmp-buffer.h"

#include <string.h>

#define SMALLEST 512

/* @reallocate: g_realloc() or g_try_realloc(), which differ in what they do when there is no memory */
static char *
make_room (VmpBuffer *self,
           gsize room,
           gpointer (*reallocate) (gpointer, gsize))
{
  gsize held = vmp_buffer_len (self);
  gsize size;
  char *data;

  if (room <= self->size - self->end)
    return self->data + self->end;

  if (room > G_MAXSSIZE - held)
    return NULL;

  if (self->start > 0)
    {
      memmove (self->data, self->data + self->start, held);
      self->start = 0;
      self->end = held;
      if (room <= self->size - held)
        return self->data + held;
    }

  size = MAX (self->size, SMALLEST);
  while (size - held < room)
    size = size <= G_MAXSSIZE / 2 ? size * 2 : held + room;

  data = reallocate (self->data, size);
  if (data == NULL)
    return NULL;
  self->data = data;
  self->size = size;

  return data + held;
}

char *
vmp_buffer_reserve (VmpBuffer *self,
                    gsize      room)
{
  return make_room (self, room, g_try_realloc);
}

char *
vmp_buffer_extend (VmpBuffer *self,
                   gsize      len)
{
  char *room = make_room (self, len, g_realloc);

  g_assert (room != NULL);
  self->end += len;

  return room;
}

void
vmp_buffer_append (VmpBuffer  *self,
                   const void *data,
                   gsize       len)
{
  if (len > 0)
    memcpy (vmp_buffer_extend (self, len), data, len);
}

void
vmp_buffer_clear (VmpBuffer *self)
{
  g_free (self->data);
  *self = (VmpBuffer) { NULL };
}

void
vmp_buffer_trim (VmpBuffer *self,
                 gsize      keep)
{
  if (vmp_buffer_len (self) == 0 && self->size > keep)
    vmp_buffer_clear (self);
}

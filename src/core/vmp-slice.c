/* SPDX-License-Identifier: MIT
 *
 * What header fields are made of.
 */

#include "core/vmp-slice.h"

VmpSlice
vmp_slice_trim (VmpSlice slice)
{
  while (slice.len > 0 && (slice.data[0] == ' ' || slice.data[0] == '\t'))
    {
      slice.data++;
      slice.len--;
    }
  while (slice.len > 0 && (slice.data[slice.len - 1] == ' ' || slice.data[slice.len - 1] == '\t'))
    slice.len--;

  return slice;
}

gboolean
vmp_slice_is_token (VmpSlice slice)
{
  gsize i;

  for (i = 0; i < slice.len; i++)
    {
      if (!vmp_is_token_byte (slice.data[i]))
        return FALSE;
    }

  return slice.len > 0;
}

/* Of every eight bytes, a copy. */
#define EIGHT(byte) (G_GUINT64_CONSTANT (0x0101010101010101) * (byte))

gboolean
vmp_slice_has_control (VmpSlice slice)
{
  const char *p = slice.data;
  const char *end = p + slice.len;

  while (p < end)
    {
      const char *stop = end;

      if (end - p >= 8)
        {
          guint64 word, control, delete;

          /* The top bit of each byte: below 0x20, or 0x7f. A tab is found too, and is then looked at below. */
          memcpy (&word, p, sizeof word);
          control = (word - EIGHT (0x20)) & ~word;
          delete = ((word ^ EIGHT (0x7f)) - EIGHT (1)) & ~(word ^ EIGHT (0x7f));
          if (((control | delete) & EIGHT (0x80)) == 0)
            {
              p += 8;
              continue;
            }
          stop = p + 8;
        }

      for (; p < stop; p++)
        {
          if (((guchar) *p < 0x20 && *p != '\t') || *p == 0x7f)
            return TRUE;
        }
    }

  return FALSE;
}

gboolean
vmp_slice_list_contains (VmpSlice list,
                         VmpSlice token)
{
  while (list.len > 0)
    {
      const char *comma = memchr (list.data, ',', list.len);
      VmpSlice item = { list.data, comma != NULL ? (gsize) (comma - list.data) : list.len };
      gsize used = comma != NULL ? item.len + 1 : item.len;

      if (token.len > 0 && vmp_slices_equal_nocase (vmp_slice_trim (item), token))
        return TRUE;
      list.data += used;
      list.len -= used;
    }

  return FALSE;
}

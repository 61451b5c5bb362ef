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
      char c = slice.data[i];

      if (!g_ascii_isalnum (c) && c != '-' && (c == '\0' || strchr ("!#$%&'*+.^_`|~", c) == NULL))
        return FALSE;
    }

  return slice.len > 0;
}

gboolean
vmp_slice_has_control (VmpSlice slice)
{
  gsize i;

  for (i = 0; i < slice.len; i++)
    {
      guchar c = (guchar) slice.data[i];

      if ((c < 0x20 && c != '\t') || c == 0x7f)
        return TRUE;
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

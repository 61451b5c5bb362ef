/* SPDX-License-Identifier: MIT
 *
 * Reading lists in header fields.
 */

#include "core/vmp-slice.h"

gboolean
vmp_slice_list_contains (VmpSlice list,
                         VmpSlice token)
{
  const char *cursor = list.data;
  const char *end = list.data + list.len;

  while (cursor < end)
    {
      const char *comma = memchr (cursor, ',', end - cursor);
      const char *item_end = comma != NULL ? comma : end;
      const char *next = comma != NULL ? comma + 1 : end;

      while (cursor < item_end && (*cursor == ' ' || *cursor == '\t'))
        cursor++;
      while (item_end > cursor && (item_end[-1] == ' ' || item_end[-1] == '\t'))
        item_end--;
      if ((gsize) (item_end - cursor) == token.len && token.len > 0
          && g_ascii_strncasecmp (cursor, token.data, token.len) == 0)
        return TRUE;
      cursor = next;
    }

  return FALSE;
}

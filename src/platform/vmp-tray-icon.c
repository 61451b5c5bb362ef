/* SPDX-License-Identifier: MIT
 *
 * The tray's icons as pixels, for hosts that do not find them by name and for systems that know no SVG. They come from
 * our SVG files, rendered while the program is built: rendering them here would cost more memory than all the rest of
 * the tray.
 */

#include "platform/vmp-tray-private.h"

/* Its contrast is 4:1 on a white panel as on one of #1e1e1e: nobody tells us which it is. */
#define INK 0xa35fd0u

const VmpTrayMask *
vmp_tray_mask (VmpTrayState state,
               int          size)
{
  const VmpTrayMask *mask = NULL;

  for (const VmpTrayStateMask *row = vmp_tray_masks; row->mask.coverage != NULL; row++)
    {
      if (row->state == state && (mask == NULL || mask->size < size))
        mask = &row->mask;
    }

  return mask;
}

void
vmp_tray_mask_paint (const VmpTrayMask *mask,
                     uint32_t          *pixels)
{
  for (int i = 0; i < mask->size * mask->size; i++)
    pixels[i] = (uint32_t) mask->coverage[i] << 24 | INK;
}

/* SPDX-License-Identifier: MIT
 *
 * What the systems' trays share: text as it may be shown, a copy of the menu that can be trusted, and icons as pixels.
 * Like the tray's own header it is plain C without GLib, and knows no system.
 */

#pragma once

#include "platform/vmp-tray.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A copy, at most @max_chars characters with the ellipsis that ends it when it was cut; U+FFFD for what is not UTF-8,
 * moves the cursor, turns the direction or is invisible. NULL becomes "". To be freed. */
char *vmp_tray_text (const char *text,
                     size_t      max_chars);

/* The items of a menu, fit to be shown: labels as vmp_tray_text() makes them, at most VMP_TRAY_MAX_ITEMS, no id twice,
 * none deeper than one below the submenu before it. A separator without an id has one that no item of the caller's
 * has. */
typedef struct {
  VmpTrayItem *items;
  size_t n_items;
} VmpTrayItems;

/* Ids of separators that came without one begin here. */
#define VMP_TRAY_FIRST_OWN_ID 0x40000000

VmpTrayItems vmp_tray_items_copy (const VmpTrayItem *items,
                                  size_t             n_items);
void vmp_tray_items_clear (VmpTrayItems *self);

/* -- Icons as pixels --------------------------------------------------------------------- */

/* How much of each pixel an icon covers, 0 to 255, row by row. Made of the SVG files when the program is built. */
typedef struct {
  int size;
  const uint8_t *coverage;
} VmpTrayMask;

/* Of each state sizes ascend; the last row has no coverage. data/icons/render-masks.c writes it, where there is librsvg
 * to build with. */
typedef struct {
  VmpTrayState state;
  VmpTrayMask mask;
} VmpTrayStateMask;

extern const VmpTrayStateMask vmp_tray_masks[];

/* The smallest of at least @size pixels, or the largest; NULL: the program was built without. */
const VmpTrayMask *vmp_tray_mask (VmpTrayState state,
                                  int          size);

/* @pixels: size * size of them, each as 0xAARRGGBB, not premultiplied. In a colour that can be seen on light and on
 * dark panels, for those that do not colour it themselves. */
void vmp_tray_mask_paint (const VmpTrayMask *mask,
                          uint32_t          *pixels);

#ifdef __cplusplus
}
#endif

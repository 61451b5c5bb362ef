/* SPDX-License-Identifier: MIT
 *
 * The tray's icons as pixels, where there was no librsvg to make them with: none. Hosts find them by name.
 */

#include "platform/vmp-tray-private.h"

const VmpTrayStateMask vmp_tray_masks[] = {
  { VMP_TRAY_N_STATES, { 0, NULL } },
};

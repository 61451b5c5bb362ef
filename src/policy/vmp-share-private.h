/* SPDX-License-Identifier: MIT
 *
 * For vmp-share.c and its test: the passing of time.
 */

#pragma once

#include "policy/vmp-share.h"

G_BEGIN_DECLS

/* Ends it when its time is over. @now: µs since 1970. The timer calls this; a test, with a clock of its own. */
void vmp_share_tick (VmpShare *self,
                     gint64    now);

G_END_DECLS

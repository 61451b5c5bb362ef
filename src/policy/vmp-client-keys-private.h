/* SPDX-License-Identifier: MIT
 *
 * For vmp-client-keys.c and its test: the passing of time.
 */

#pragma once

#include "policy/vmp-client-keys.h"

G_BEGIN_DECLS

/* Removes the keys whose time is over. @now: µs since 1970. The timer calls this; a test, with a clock of its own. */
void vmp_client_keys_tick (VmpClientKeys *self,
                           gint64         now);

G_END_DECLS

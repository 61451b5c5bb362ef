/* SPDX-License-Identifier: MIT
 *
 * Whether the owner has paused the gateway: then nobody gets an answer of a model, the owner included. Kept over
 * restarts. It only says what holds; the gateway refuses.
 */

#pragma once

#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef struct _VmpPause VmpPause;
typedef void (*VmpPauseChanged) (gpointer  user_data,
                                 VmpPause *pause);

/* (transfer full) */
VmpPause *vmp_pause_new (VmpStore       *store,
                         VmpPauseChanged changed,
                         gpointer        user_data);
void vmp_pause_free (VmpPause *self);

/* Reads what was stored, and tells nobody of it. */
void vmp_pause_load (VmpPause *self);

void vmp_pause_set (VmpPause *self,
                    gboolean  paused);
gboolean vmp_pause_get (VmpPause *self);

G_END_DECLS

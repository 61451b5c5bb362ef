/* SPDX-License-Identifier: MIT
 *
 * Watches the items of a list too, which tells by itself only of those that come and go. For pages whose order or
 * choice depends on what the documents say.
 */

#pragma once

#include "app/mirror/vmp-item.h"

G_BEGIN_DECLS

typedef struct _VmpItemWatch VmpItemWatch;

/* @item: whose document is another one; NULL: items came or went */
typedef void (*VmpItemWatchFunc) (gpointer user_data,
                                  VmpItem *item);

/* @func is not called before the first change. (transfer full) */
VmpItemWatch *vmp_item_watch_new (VmpItemList     *list,
                                  VmpItemWatchFunc func,
                                  gpointer         user_data);
void vmp_item_watch_free (VmpItemWatch *self);

G_END_DECLS

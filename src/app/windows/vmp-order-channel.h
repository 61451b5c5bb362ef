/* SPDX-License-Identifier: MIT
 *
 * The windows' end of the lines between them and the resident (app/vmp-orders.h). It reads and writes without ever
 * blocking, and says when the resident is gone. What an order means is not its business.
 */

#pragma once

#include <gio/gio.h>

#include "app/vmp-orders.h"

G_BEGIN_DECLS

typedef struct _VmpOrderChannel VmpOrderChannel;

typedef struct {
  void (*order) (gpointer        user_data,
                 const VmpOrder *order);
  /* Nothing more will come. @had_orders: whether anything came at all; FALSE: nobody is there who gives orders. */
  void (*ended) (gpointer user_data,
                 gboolean had_orders);
} VmpOrderChannelFuncs;

/* @input, @output: descriptors, owned by it from now on; an input that is a terminal gives no orders. @funcs must
 * last; it is not called before the main loop runs. (transfer full) */
VmpOrderChannel *vmp_order_channel_new (int                         input,
                                        int                         output,
                                        const VmpOrderChannelFuncs *funcs,
                                        gpointer                    user_data);
/* Nothing is called after this. Lines that are not written yet are lost. */
void vmp_order_channel_free (VmpOrderChannel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpOrderChannel, vmp_order_channel_free)

/* Lines go out in order. */
void vmp_order_channel_send (VmpOrderChannel *self,
                             VmpOrderKind     kind,
                             const char      *argument);

G_END_DECLS

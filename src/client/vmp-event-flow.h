/* SPDX-License-Identifier: MIT
 *
 * One answer of the gateway that comes as server-sent events, read without blocking: its events, a chat's. For
 * client/vmp-link.c, which knows what to do when it ends.
 */

#pragma once

#include "client/vmp-client-private.h"

G_BEGIN_DECLS

/* Each but @ended may be NULL. None is called after the flow was cancelled, but @ended. */
typedef struct {
  /* The head is there, and its status is 200. */
  void (*begun) (gpointer     user_data,
                 SoupMessage *message);
  /* Bytes came, whatever they are. */
  void (*heard) (gpointer user_data);
  void (*event) (gpointer    user_data,
                 const char *id,
                 const char *type,
                 const char *data);
  /* Called once, last, and never before vmp_event_flow_start() has returned. @error: (nullable): a sentence;
   * G_IO_ERROR_CANCELLED when it was cancelled; NULL: the stream ended as streams do */
  void (*ended) (gpointer      user_data,
                 const GError *error);
} VmpEventFlowFuncs;

/**
 * vmp_event_flow_start:
 * @message: (nullable): of vmp_client_make_message()
 * @cancellable: closes the connection
 * @funcs: must last
 */
void vmp_event_flow_start (VmpClient               *client,
                           SoupMessage             *message,
                           GCancellable            *cancellable,
                           const VmpEventFlowFuncs *funcs,
                           gpointer                 user_data);

G_END_DECLS

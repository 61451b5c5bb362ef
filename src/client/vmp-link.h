/* SPDX-License-Identifier: MIT
 *
 * A connection to the gateway that lasts: for the tray and the windows. It finds the gateway as VmpClient does, follows
 * its events, notices when it is gone and when it is back, and asks it things without ever blocking. It knows addresses
 * and bodies, not what they mean. All of it belongs to the thread-default main context of its making.
 */

#pragma once

#include "client/vmp-client.h"

G_BEGIN_DECLS

typedef enum {
  VMP_LINK_CONNECTING, /* nothing is known yet */
  VMP_LINK_CONNECTED,  /* its events are followed */
  VMP_LINK_LOST        /* it was there, or was looked for in vain; it is looked for again and again */
} VmpLinkState;

#define VMP_TYPE_LINK (vmp_link_get_type ())
/* Property "state" (int, of VmpLinkState, read-only, notified).
 * Signal "event" (const char *type, JsonObject *data): one event of the gateway, in order.
 * Signal "reset" (): what is known of the gateway is to be read anew: at each connection that could not take up where
 *   the last one ended, the first included. It comes after "state" is CONNECTED. */
G_DECLARE_FINAL_TYPE (VmpLink, vmp_link, VMP, LINK, GObject)

/**
 * vmp_link_new:
 * @gateway: (nullable): base URL; NULL: the one that runs here, found anew for each attempt
 * @settings: those of this computer
 *
 * Nothing happens before vmp_link_start(). (transfer full)
 */
VmpLink *vmp_link_new (const char  *gateway,
                       VmpSettings *settings);

void vmp_link_start (VmpLink *self);
/* Ends everything; calls that wait end with G_IO_ERROR_CANCELLED. */
void vmp_link_stop (VmpLink *self);
/* Tries now in place of later, as when its owner presses "Try Again". */
void vmp_link_retry (VmpLink *self);

VmpLinkState vmp_link_get_state (VmpLink *self);
/* "http://127.0.0.1:7777"; NULL before the first attempt. */
const char *vmp_link_get_url (VmpLink *self);
/* Why it is LOST, as a sentence; NULL when it is not. */
const char *vmp_link_get_trouble (VmpLink *self);

/**
 * vmp_link_ask_async:
 * @method: "GET", …
 * @path: with its leading slash; see vmp_client_path()
 * @body: (transfer full) (nullable): a JSON document
 *
 * The answer may have any status. Long answers are parsed on another thread. Fails at once while the link is not
 * CONNECTED, with the trouble as the message. @callback's source object is the link.
 */
void vmp_link_ask_async (VmpLink            *self,
                         const char         *method,
                         const char         *path,
                         JsonNode           *body,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data);
/* (transfer full); NULL with an error that is a whole sentence when no answer came */
VmpClientAnswer *vmp_link_ask_finish (VmpLink      *self,
                                      GAsyncResult *result,
                                      GError      **error);

/* One answer that comes as server-sent events, such as a chat's. */
typedef struct {
  /* The head is there, with status 200, and says who answers. Each may be NULL. */
  void (*begun) (gpointer    user_data,
                 const char *node,
                 const char *model,
                 const char *request_id);
  /* @data: of one event, as text; "[DONE]" is not passed on. */
  void (*event) (gpointer    user_data,
                 const char *type,
                 const char *data);
  /* Called once, last, and not before vmp_link_stream() has returned. @error: (nullable): a whole sentence, the
   * gateway's own where it gave one; G_IO_ERROR_CANCELLED after it was cancelled; G_IO_ERROR_PARTIAL_INPUT when the
   * stream ended without a "[DONE]", so that something may be missing. */
  void (*ended) (gpointer      user_data,
                 const GError *error);
} VmpLinkStreamFuncs;

/* POSTs @body (transfer full) to @path and passes on what comes. Cancelling closes the connection, which ends the
 * request at the gateway. @funcs must last. */
void vmp_link_stream (VmpLink                  *self,
                      const char               *path,
                      JsonNode                 *body,
                      GCancellable             *cancellable,
                      const VmpLinkStreamFuncs *funcs,
                      gpointer                  user_data);

G_END_DECLS

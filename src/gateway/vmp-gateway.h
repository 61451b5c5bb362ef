/* SPDX-License-Identifier: MIT
 *
 * The gateway: it owns the listener, the connections, the surfaces and the relay, on one GMainContext. `vampire serve`
 * and the desktop app start and stop one; whatever else they want of it they ask over HTTP.
 */

#pragma once

#include "core/vmp-settings-keeper.h"

G_BEGIN_DECLS

typedef struct _VmpGateway VmpGateway;
typedef void (*VmpGatewayStopped) (VmpGateway *self,
                                   gpointer    user_data);

/* @context: (nullable): the gateway context; the default one when NULL. (transfer full) */
VmpGateway *vmp_gateway_new (VmpSettings  *settings,
                             GMainContext *context);

/* Once, at the start of a program that is to have a gateway: a client that has left is no signal, and as many files may
 * be open as the limits of connections need. */
void vmp_gateway_prepare_process (void);

/* Ends whatever still runs, at once. */
void vmp_gateway_unref (VmpGateway *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpGateway, vmp_gateway_unref)

/* Begins to listen. FALSE with an error whose message is a whole sentence that names the address and what to do. */
gboolean vmp_gateway_start (VmpGateway *self,
                            GError    **error);

/* "http://127.0.0.1:7777". (transfer full) */
char *vmp_gateway_dup_url (VmpGateway *self);

/* From now on it takes over what changes in the settings, as far as it can while it runs (requests under way go on as
 * they began), and its owner can change them over the control API. To be called once, before it is started. */
void vmp_gateway_follow_settings (VmpGateway        *self,
                                  VmpSettingsKeeper *keeper);

/**
 * vmp_gateway_drain:
 *
 * Stops accepting, lets running answers end for VMP_LIMIT_DRAIN_MS, then ends them properly. @callback is called
 * once, when no connection is left.
 */
void vmp_gateway_drain (VmpGateway       *self,
                        VmpGatewayStopped callback,
                        gpointer          user_data);

/* -- What it reports of itself ------------------------------------------------------------- */

const char *vmp_gateway_get_instance (VmpGateway *self); /* a UUID, new with each start */
gint64 vmp_gateway_get_uptime_seconds (VmpGateway *self);
const char * const *vmp_gateway_get_listeners (VmpGateway *self);
guint vmp_gateway_get_active_requests (VmpGateway *self);
gboolean vmp_gateway_is_demo (VmpGateway *self);

G_END_DECLS

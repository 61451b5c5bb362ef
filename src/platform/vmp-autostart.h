/* SPDX-License-Identifier: MIT
 *
 * Whether the app starts when its user logs in: an XDG autostart entry, or inside a sandbox the desktop's Background
 * portal. Behind it linux/; elsewhere it is not supported.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean vmp_autostart_is_supported (void);
/* Whether it is on, as far as can be seen. */
gboolean vmp_autostart_get_enabled (void);

/* @command: what is started, such as { "/usr/bin/vampire-desktop", "--background", NULL } */
void vmp_autostart_set_enabled_async (gboolean            enabled,
                                      const char * const *command,
                                      GCancellable       *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data);
/* FALSE with an error that is a whole sentence. */
gboolean vmp_autostart_set_enabled_finish (GAsyncResult *result,
                                           GError      **error);

G_END_DECLS

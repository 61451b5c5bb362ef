/* SPDX-License-Identifier: MIT
 *
 * The object on the bus that a panel reads an icon from and sends clicks to: org.kde.StatusNotifierItem. The tray
 * (vmp-tray-sni.c) says what it shows and makes it known.
 */

#pragma once

#include "platform/vmp-tray-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMP_TRAY_NOTIFIER_PATH "/StatusNotifierItem"
#define VMP_TRAY_NOTIFIER_MENU_PATH VMP_TRAY_NOTIFIER_PATH "/menu"

typedef struct _VmpTrayNotifier VmpTrayNotifier;

/* Called from within a D-Bus call; may not free the notifier. @secondary: with the middle button */
typedef void (*VmpTrayNotifierClicked) (gpointer user_data,
                                        gboolean secondary);

VmpTrayNotifier *vmp_tray_notifier_new (const char            *app_id,
                                        const char            *title,
                                        const char            *icon_dir,
                                        VmpTrayNotifierClicked clicked,
                                        gpointer               user_data);
void vmp_tray_notifier_free (VmpTrayNotifier *self);

/* Shows it on a connection, in the default main context, until vmp_tray_notifier_unexport(). */
gboolean vmp_tray_notifier_export (VmpTrayNotifier *self,
                                   GDBusConnection *bus,
                                   GError         **error);
void vmp_tray_notifier_unexport (VmpTrayNotifier *self);

/* Tells hosts what is different now. */
void vmp_tray_notifier_set (VmpTrayNotifier *self,
                            VmpTrayState     state,
                            const char      *tooltip);
/* Tells them all of it again. */
void vmp_tray_notifier_repeat (VmpTrayNotifier *self);

VmpTrayState vmp_tray_notifier_get_state (VmpTrayNotifier *self);

/* The activation token that a host gave for what it calls next, once. NULL: it gave none. (transfer full) */
char *vmp_tray_notifier_take_token (VmpTrayNotifier *self);

G_END_DECLS

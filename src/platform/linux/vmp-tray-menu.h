/* SPDX-License-Identifier: MIT
 *
 * A menu as hosts of tray icons read it: com.canonical.dbusmenu. The hosts draw it, in their own process; here are the
 * values they ask for, and the words about what has changed.
 */

#pragma once

#include "platform/vmp-tray-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* -- As values (vmp-tray-layout.c) --------------------------------------------------------- */

/* All of an item, a{sv}; of the menu itself for id 0. @names: only these; NULL or empty: all. NULL: no such item.
 * Floating. */
GVariant *vmp_tray_layout_properties (const VmpTrayItems *items,
                                      int                 id,
                                      const char * const *names);

/* What GetLayout answers about @parent and @depth levels below it, (ia{sv}av); -1: all levels. NULL: no such item.
 * Floating. */
GVariant *vmp_tray_layout_tree (const VmpTrayItems *items,
                                int                 parent,
                                int                 depth,
                                const char * const *names);

/* What ItemsPropertiesUpdated says of the items that are in both, (a(ia{sv})a(ias)); NULL: nothing has changed.
 * Floating. */
GVariant *vmp_tray_layout_changes (const VmpTrayItems *before,
                                   const VmpTrayItems *after);

/* Whose items have come, gone or moved: an id, 0 for the menu itself or several of its submenus, -1 for nobody. */
int vmp_tray_layout_changed_parent (const VmpTrayItems *before,
                                    const VmpTrayItems *after);

/* -- On the bus (vmp-tray-menu.c) ---------------------------------------------------------- */

typedef struct _VmpTrayMenu VmpTrayMenu;

/* Called from within a D-Bus call for an item that can be chosen; may not free the menu. */
typedef void (*VmpTrayMenuChosen) (gpointer user_data,
                                   int      id);

VmpTrayMenu *vmp_tray_menu_new (VmpTrayMenuChosen chosen,
                                gpointer          user_data);
void vmp_tray_menu_free (VmpTrayMenu *self);

/* Shows it on a connection, in the default main context, until vmp_tray_menu_unexport(). */
gboolean vmp_tray_menu_export (VmpTrayMenu     *self,
                               GDBusConnection *bus,
                               const char      *path,
                               GError         **error);
void vmp_tray_menu_unexport (VmpTrayMenu *self);

/* @items: (transfer full): are taken, and tells hosts what has changed */
void vmp_tray_menu_set (VmpTrayMenu  *self,
                        VmpTrayItems *items);

G_END_DECLS

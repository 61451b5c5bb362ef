/* SPDX-License-Identifier: MIT
 *
 * A desktop session for a test: a message bus and, if wanted, the real gnome-keyring-daemon, with a home of their own.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *home;
  GSubprocess *bus;           /* NULL: none runs */
  GSubprocess *daemon;        /* NULL: none runs */
  GDBusConnection *connection;/* the test's own */
} Desktop;

/* Where all desktops of this process live, one after the other. To be called before there are threads: it says so in
 * the environment. @by_variable: whether the address of the bus stands there too. */
void desktop_prepare (gboolean by_variable);
void desktop_finish (void);

void desktop_init (Desktop *self);
void desktop_clear (Desktop *self);

/* @service: (nullable): a program that the bus may start as the keyring */
void desktop_start_bus (Desktop    *self,
                        const char *service);
void desktop_stop_bus (Desktop *self);

/* Returns when it can be asked. */
void desktop_start_daemon (Desktop *self,
                           gboolean unlocked);
void desktop_stop_daemon (Desktop *self);

/* A process that stands still, as one that hangs does. */
void desktop_freeze_daemon (Desktop *self,
                            gboolean freeze);

/* As the owner does in the keyring's own program. */
void desktop_lock (Desktop *self);
void desktop_unlock (Desktop *self);

/* Turns the loop until @flag is set. */
void wait_for (const gboolean *flag);

G_END_DECLS

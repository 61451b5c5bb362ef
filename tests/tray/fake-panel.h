/* SPDX-License-Identifier: MIT
 *
 * A panel for a test: the watcher and the host of StatusNotifierItems, which writes down what items say and calls what
 * hosts call. It lives on the loop of the test, on a connection of its own.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define WATCHER_NAME "org.kde.StatusNotifierWatcher"
#define ITEM_PATH "/StatusNotifierItem"
#define ITEM_INTERFACE "org.kde.StatusNotifierItem"
#define MENU_PATH "/StatusNotifierItem/menu"
#define MENU_INTERFACE "com.canonical.dbusmenu"

typedef struct {
  GDBusConnection *bus;
  guint registration;
  guint owned_name;
  guint signals;

  gboolean has_host;
  guint n_to_refuse;     /* registrations that fail, from now on */
  guint n_refused;

  char *item;            /* the name that was registered last; NULL: none */
  guint n_registered;
  GPtrArray *said;       /* of char *: "NewStatus ('Active',)" */
  guint n_changes;       /* PropertiesChanged among them */
} FakePanel;

FakePanel *fake_panel_new (GDBusConnection *bus,
                           gboolean         has_host);
/* Also when its bus is gone. */
void fake_panel_free (FakePanel *self);

/* Tells items that a host has come or gone. */
void fake_panel_set_host (FakePanel *self,
                          gboolean   has_host);

/* Both wait for the answer. NULL: it was an error. (transfer full) */
GVariant *fake_panel_call (FakePanel  *self,
                           const char *path,
                           const char *interface,
                           const char *method,
                           GVariant   *parameters,
                           GError    **error);
GVariant *fake_panel_get (FakePanel  *self,
                          const char *path,
                          const char *interface,
                          const char *property,
                          GError    **error);

/* Says what the item said since the last time, joined by newlines, without PropertiesChanged. */
char *fake_panel_take_said (FakePanel *self);
/* Whether a signal of this name has come. */
gboolean fake_panel_heard (FakePanel  *self,
                           const char *signal);

void patience_begin (void);
void patience_end (void);

/* Turns the loop until it is so. */
#define wait_until(condition) \
        G_STMT_START { \
          patience_begin (); \
          while (!(condition)) \
            g_main_context_iteration (NULL, TRUE); \
          patience_end (); \
        } G_STMT_END

G_END_DECLS

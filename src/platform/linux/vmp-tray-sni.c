/* SPDX-License-Identifier: MIT
 *
 * The tray as desktops on Linux have it: a StatusNotifierItem on the session's bus, which panels draw, with a menu that
 * they draw too. Here is what is shown when, and to whom it is made known; what panels then ask is answered by
 * vmp-tray-notifier.c and vmp-tray-menu.c. Needs the default main context to run. It never blocks, and waits for a bus,
 * a watcher or a host for as long as it takes: panels are restarted, and at login they come after us.
 *
 * The connection is its own, and the item is registered by the connection's unique name: hosts drop an icon when that
 * name goes, and no name has to be owned.
 */

#include "platform/linux/vmp-tray-menu.h"
#include "platform/linux/vmp-tray-notifier.h"

#include <stdlib.h>

#define WATCHER_NAME "org.kde.StatusNotifierWatcher"
#define WATCHER_PATH "/StatusNotifierWatcher"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

/* Between two changes of text or menu, and of the icon, that are told to hosts: a busy gateway is no flickering one. */
#define CHANGE_MS 250
#define ICON_MS 1000

/* What people did and nobody heard of yet. They cannot be that quick. */
#define MOST_CLICKS 16

/* Until a bus is tried again, the last one from then on; and until a watcher is that refused us. At the start of a
 * session both may be there too early. */
static const guint retry_s[] = { 1, 5, 30 };

typedef enum {
  REGISTRATION_NONE,     /* nothing to show yet, or no watcher */
  REGISTRATION_ASKED,
  REGISTRATION_DONE,
  REGISTRATION_REFUSED
} Registration;

typedef enum {
  HOST_UNKNOWN,
  HOST_ABSENT,
  HOST_PRESENT
} Host;

typedef struct {
  VmpTrayState state;
  char *tooltip;
  VmpTrayItems items;
} Content;

/* Instead of an item's id, where it was the icon itself that was clicked. */
#define CLICK_FIRST 0
#define CLICK_SECOND -1

typedef struct {
  int id;
  char *token;
} Click;

struct _VmpTray {
  const VmpTrayFuncs *funcs;
  void *user_data;

  /* What hosts know, and what they are to know next. */
  gboolean is_set;
  VmpTrayNotifier *notifier;
  VmpTrayMenu *menu;
  Content next;
  gboolean has_next;
  gint64 change_due;     /* when hosts may be told again, in the time of g_get_monotonic_time() */
  gint64 icon_due;
  guint flush_source;
  gint64 flush_due;

  /* The bus. */
  GDBusConnection *bus;  /* NULL: none yet */
  GCancellable *cancellable;
  gulong closed_handler;
  guint watch;
  guint n_tries;
  guint retry_source;
  gboolean trouble_was_said;

  /* The watcher. */
  char *watcher;         /* its unique name; NULL: none */
  GCancellable *watcher_cancellable;
  guint watcher_signals;
  Registration registration;
  Host host;
  guint n_host_questions;/* that wait for their answers: only the last one counts */
  guint n_refused;
  guint register_source;

  gboolean is_available;
  gboolean is_known;     /* has been said */
  gboolean is_told;      /* what was said */

  GQueue clicks;         /* of Click */
  guint call_source;     /* tells funcs */
};

static void connect_bus (VmpTray *self);
static void register_item (VmpTray *self);

/* -- To the caller ------------------------------------------------------------------------- */

static void
click_free (Click *self)
{
  g_free (self->token);
  g_free (self);
}

/* One call a turn: any of them may free the tray. */
static gboolean
call_cb (gpointer user_data)
{
  VmpTray *self = user_data;
  const VmpTrayFuncs *funcs = self->funcs;
  gboolean tells = self->is_known && self->is_available != self->is_told;
  Click *click = tells ? NULL : g_queue_pop_head (&self->clicks);

  if (!tells && click == NULL)
    {
      self->call_source = 0;
      return G_SOURCE_REMOVE;
    }

  if (tells)
    {
      self->is_told = self->is_available;
      funcs->available (self->user_data, self->is_available);
      return G_SOURCE_CONTINUE;
    }

  if (click->id == CLICK_FIRST)
    funcs->activated (self->user_data, click->token);
  else if (click->id == CLICK_SECOND)
    funcs->secondary_activated (self->user_data, click->token);
  else
    funcs->chosen (self->user_data, click->id, click->token);
  click_free (click);

  /* Where the tray is gone, so is this source. */
  return G_SOURCE_CONTINUE;
}

static void
call_soon (VmpTray *self)
{
  if (self->call_source == 0)
    self->call_source = g_idle_add_full (G_PRIORITY_DEFAULT, call_cb, self, NULL);
}

/* Says it when it is known, and no more than that it has changed. */
static void
update_available (VmpTray *self)
{
  gboolean has_bus = self->bus != NULL && self->watcher != NULL;

  if (has_bus && (self->host == HOST_UNKNOWN || self->registration == REGISTRATION_ASKED))
    return;

  self->is_available = has_bus && self->host == HOST_PRESENT && self->registration != REGISTRATION_REFUSED;
  if (!self->is_known)
    {
      self->is_known = TRUE;
      self->is_told = !self->is_available;
    }
  if (self->is_available != self->is_told)
    call_soon (self);
}

static void
take_click (VmpTray *self,
            int      id)
{
  g_autofree char *token = vmp_tray_notifier_take_token (self->notifier);
  Click *click;

  if (self->clicks.length >= MOST_CLICKS)
    return;

  click = g_new0 (Click, 1);
  click->id = id;
  click->token = g_steal_pointer (&token);
  g_queue_push_tail (&self->clicks, click);
  call_soon (self);
}

static void
chosen_cb (gpointer user_data,
           int      id)
{
  take_click (user_data, id);
}

static void
clicked_cb (gpointer user_data,
            gboolean secondary)
{
  take_click (user_data, secondary ? CLICK_SECOND : CLICK_FIRST);
}

/* -- What is shown ------------------------------------------------------------------------- */

static gboolean flush_cb (gpointer user_data);

static void
flush_at (VmpTray *self,
          gint64   due)
{
  gint64 wait_us = due - g_get_monotonic_time ();

  if (self->flush_source != 0 && self->flush_due <= due)
    return;

  g_clear_handle_id (&self->flush_source, g_source_remove);
  self->flush_due = due;
  if (wait_us <= 0)
    self->flush_source = g_idle_add_full (G_PRIORITY_DEFAULT, flush_cb, self, NULL);
  else
    self->flush_source = g_timeout_add ((wait_us + 999) / 1000, flush_cb, self);
}

static gboolean
flush_cb (gpointer user_data)
{
  VmpTray *self = user_data;
  gint64 now = g_get_monotonic_time ();
  VmpTrayState state = vmp_tray_notifier_get_state (self->notifier);

  self->flush_source = 0;
  if (self->has_next)
    {
      self->has_next = FALSE;
      self->change_due = now + CHANGE_MS * 1000;
      vmp_tray_menu_set (self->menu, &self->next.items);
    }

  if (self->next.state != state && now < self->icon_due)
    flush_at (self, self->icon_due);
  else if (self->next.state != state)
    {
      self->icon_due = now + ICON_MS * 1000;
      state = self->next.state;
    }
  vmp_tray_notifier_set (self->notifier, state, self->next.tooltip);

  self->is_set = TRUE;
  register_item (self);

  return G_SOURCE_REMOVE;
}

void
vmp_tray_set (VmpTray           *self,
              VmpTrayState       state,
              const char        *tooltip,
              const VmpTrayItem *items,
              size_t             n_items)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail ((guint) state < VMP_TRAY_N_STATES);
  g_return_if_fail (items != NULL || n_items == 0);

  free (self->next.tooltip);
  vmp_tray_items_clear (&self->next.items);
  self->next.state = state;
  self->next.tooltip = vmp_tray_text (tooltip, VMP_TRAY_TOOLTIP_CHARS);
  self->next.items = vmp_tray_items_copy (items, n_items);
  self->has_next = TRUE;

  flush_at (self, self->change_due);
}

/* -- The watcher --------------------------------------------------------------------------- */

static gboolean
register_again_cb (gpointer user_data)
{
  VmpTray *self = user_data;

  self->register_source = 0;
  self->registration = REGISTRATION_NONE;
  register_item (self);

  return G_SOURCE_REMOVE;
}

static void
registered_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  VmpTray *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  if (reply != NULL)
    {
      self->registration = REGISTRATION_DONE;
      self->n_refused = 0;
      /* It may have read some of it before the last change. */
      vmp_tray_notifier_repeat (self->notifier);
    }
  else
    {
      self->registration = REGISTRATION_REFUSED;
      if (self->n_refused < G_N_ELEMENTS (retry_s))
        self->register_source = g_timeout_add_seconds (retry_s[self->n_refused++], register_again_cb, self);
      else
        g_info ("The desktop does not take the tray's icon: %s", error->message);
    }
  update_available (self);
}

/* Once there is something to show and somebody to show it. */
static void
register_item (VmpTray *self)
{
  if (!self->is_set || self->watcher == NULL || self->registration != REGISTRATION_NONE)
    return;

  self->registration = REGISTRATION_ASKED;
  g_dbus_connection_call (self->bus, self->watcher, WATCHER_PATH, WATCHER_NAME, "RegisterStatusNotifierItem",
                          g_variant_new ("(s)", g_dbus_connection_get_unique_name (self->bus)), NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->watcher_cancellable, registered_cb, self);
}

static void
host_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  VmpTray *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) value = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  /* A signal may have said it meanwhile. */
  if (--self->n_host_questions > 0 || self->host != HOST_UNKNOWN)
    return;

  if (reply != NULL)
    g_variant_get (reply, "(v)", &value);
  /* One that cannot tell is a panel that is watcher and host in one. */
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) && !g_variant_get_boolean (value))
    self->host = HOST_ABSENT;
  else
    self->host = HOST_PRESENT;
  update_available (self);
}

static void
ask_for_host (VmpTray *self)
{
  self->n_host_questions++;
  g_dbus_connection_call (self->bus, self->watcher, WATCHER_PATH, PROPERTIES_INTERFACE, "Get",
                          g_variant_new ("(ss)", WATCHER_NAME, "IsStatusNotifierHostRegistered"),
                          G_VARIANT_TYPE ("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->watcher_cancellable,
                          host_cb, self);
}

static void
watcher_signal_cb (GDBusConnection *bus,
                   const char      *sender,
                   const char      *path,
                   const char      *interface,
                   const char      *name,
                   GVariant        *parameters,
                   gpointer         user_data)
{
  VmpTray *self = user_data;

  if (g_str_equal (name, "StatusNotifierHostRegistered"))
    {
      self->host = HOST_PRESENT;
      update_available (self);
    }
  else if (g_str_equal (name, "StatusNotifierHostUnregistered"))
    {
      /* There may be others. */
      self->host = HOST_UNKNOWN;
      ask_for_host (self);
    }
}

static void
drop_watcher (VmpTray *self)
{
  if (self->watcher == NULL)
    return;

  g_cancellable_cancel (self->watcher_cancellable);
  g_clear_object (&self->watcher_cancellable);
  g_dbus_connection_signal_unsubscribe (self->bus, self->watcher_signals);
  self->watcher_signals = 0;
  g_clear_handle_id (&self->register_source, g_source_remove);
  g_clear_pointer (&self->watcher, g_free);
  self->registration = REGISTRATION_NONE;
  self->host = HOST_UNKNOWN;
  self->n_host_questions = 0;
  self->n_refused = 0;
}

static void
watcher_appeared_cb (GDBusConnection *bus,
                     const char      *name,
                     const char      *owner,
                     gpointer         user_data)
{
  VmpTray *self = user_data;

  drop_watcher (self);
  self->watcher = g_strdup (owner);
  self->watcher_cancellable = g_cancellable_new ();
  self->watcher_signals = g_dbus_connection_signal_subscribe (bus, owner, WATCHER_NAME, NULL, WATCHER_PATH, NULL,
                                                              G_DBUS_SIGNAL_FLAGS_NONE, watcher_signal_cb, self, NULL);
  ask_for_host (self);
  register_item (self);
}

static void
watcher_vanished_cb (GDBusConnection *bus,
                     const char      *name,
                     gpointer         user_data)
{
  VmpTray *self = user_data;

  drop_watcher (self);
  update_available (self);
}

/* -- The bus ------------------------------------------------------------------------------- */

static gboolean
connect_again_cb (gpointer user_data)
{
  VmpTray *self = user_data;

  self->retry_source = 0;
  connect_bus (self);

  return G_SOURCE_REMOVE;
}

static void
bus_failed (VmpTray      *self,
            const GError *error)
{
  if (!self->trouble_was_said)
    g_message ("There is no icon in the tray, since the session's message bus cannot be reached: %s", error->message);
  self->trouble_was_said = TRUE;

  self->retry_source = g_timeout_add_seconds (retry_s[MIN (self->n_tries, G_N_ELEMENTS (retry_s) - 1)],
                                              connect_again_cb, self);
  self->n_tries++;
  update_available (self);
}

static void
drop_bus (VmpTray *self)
{
  if (self->bus == NULL)
    return;

  drop_watcher (self);
  g_bus_unwatch_name (self->watch);
  self->watch = 0;
  g_clear_signal_handler (&self->closed_handler, self->bus);
  vmp_tray_notifier_unexport (self->notifier);
  vmp_tray_menu_unexport (self->menu);
  /* Nobody waits: it closes in a thread of its own. */
  if (!g_dbus_connection_is_closed (self->bus))
    g_dbus_connection_close (self->bus, NULL, NULL, NULL);
  g_clear_object (&self->bus);
}

static void
closed_cb (GDBusConnection *bus,
           gboolean         remote_peer_vanished,
           GError          *error,
           gpointer         user_data)
{
  VmpTray *self = user_data;
  g_autoptr (GError) lost = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "the connection was closed");

  drop_bus (self);
  bus_failed (self, error != NULL ? error : lost);
}

static void
connected_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  VmpTray *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_dbus_connection_new_for_address_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  g_clear_object (&self->cancellable);
  if (bus == NULL)
    {
      bus_failed (self, error);
      return;
    }

  self->bus = g_steal_pointer (&bus);
  self->n_tries = 0;
  self->trouble_was_said = FALSE;
  self->closed_handler = g_signal_connect (self->bus, "closed", G_CALLBACK (closed_cb), self);
  /* Nothing else can be at these paths of a connection that is new and ours. */
  vmp_tray_notifier_export (self->notifier, self->bus, NULL);
  vmp_tray_menu_export (self->menu, self->bus, VMP_TRAY_NOTIFIER_MENU_PATH, NULL);
  self->watch = g_bus_watch_name_on_connection (self->bus, WATCHER_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                watcher_appeared_cb, watcher_vanished_cb, self, NULL);
  /* It may have been closed before anybody listened. */
  if (g_dbus_connection_is_closed (self->bus))
    closed_cb (self->bus, TRUE, NULL, self);
}

/* GLib would start a bus of its own where there is none, and wait for it: nobody else would be there.
 * (transfer full) */
static char *
find_address (GError **error)
{
  const char *given = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  g_autofree char *path = g_build_filename (g_get_user_runtime_dir (), "bus", NULL);
  g_autofree char *escaped = NULL;

  if (given != NULL && given[0] != '\0')
    return g_strdup (given);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "this is no desktop session");
      return NULL;
    }
  escaped = g_dbus_address_escape_value (path);

  return g_strconcat ("unix:path=", escaped, NULL);
}

static void
connect_bus (VmpTray *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *address = find_address (&error);

  if (address == NULL)
    {
      bus_failed (self, error);
      return;
    }

  self->cancellable = g_cancellable_new ();
  g_dbus_connection_new_for_address (address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                     G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, self->cancellable, connected_cb, self);
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpTray *
vmp_tray_new (const char         *app_id,
              const char         *title,
              const char         *icon_dir,
              const VmpTrayFuncs *funcs,
              void               *user_data)
{
  VmpTray *self;

  g_return_val_if_fail (app_id != NULL && title != NULL && funcs != NULL, NULL);

  self = g_new0 (VmpTray, 1);
  self->funcs = funcs;
  self->user_data = user_data;
  self->notifier = vmp_tray_notifier_new (app_id, title, icon_dir, clicked_cb, self);
  self->menu = vmp_tray_menu_new (chosen_cb, self);
  g_queue_init (&self->clicks);
  connect_bus (self);

  return self;
}

void
vmp_tray_free (VmpTray *self)
{
  if (self == NULL)
    return;

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_handle_id (&self->retry_source, g_source_remove);
  g_clear_handle_id (&self->flush_source, g_source_remove);
  g_clear_handle_id (&self->call_source, g_source_remove);
  drop_bus (self);
  vmp_tray_menu_free (self->menu);
  vmp_tray_notifier_free (self->notifier);
  g_queue_clear_full (&self->clicks, (GDestroyNotify) click_free);
  vmp_tray_items_clear (&self->next.items);
  free (self->next.tooltip);
  g_free (self);
}

bool
vmp_tray_is_available (const VmpTray *self)
{
  g_return_val_if_fail (self != NULL, false);

  return self->is_available;
}

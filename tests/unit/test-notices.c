/* SPDX-License-Identifier: MIT
 *
 * Tests of the notifications of waiting nodes, with an application that only writes down what it is to show.
 */

#include "app/vmp-notices.h"

#include <string.h>

#include "core/vmp-limits.h"

/* -- An application that shows nothing ----------------------------------------------------- */

#define TEST_TYPE_APP (test_app_get_type ())
G_DECLARE_FINAL_TYPE (TestApp, test_app, TEST, APP, GApplication)

struct _TestApp {
  GApplication parent_instance;
};

G_DEFINE_FINAL_TYPE (TestApp, test_app, G_TYPE_APPLICATION)

static void
test_app_class_init (TestAppClass *klass)
{
}

static void
test_app_init (TestApp *self)
{
}

typedef struct {
  GApplication *app;
  GDBusConnection *bus;
  guint object;
  GString *said;      /* "+ID " for a notification, "-ID " for one withdrawn */
  VmpNotices *notices;
} Fixture;

static const char introspection[] =
  "<node><interface name='org.gtk.Notifications'>"
  "<method name='AddNotification'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
  "<arg type='a{sv}' direction='in'/></method>"
  "<method name='RemoveNotification'><arg type='s' direction='in'/><arg type='s' direction='in'/></method>"
  "</interface></node>";

/* As GNOME's shell does it. */
static void
method_cb (GDBusConnection       *connection,
           const char            *sender,
           const char            *path,
           const char            *interface,
           const char            *method,
           GVariant              *parameters,
           GDBusMethodInvocation *invocation,
           gpointer               user_data)
{
  Fixture *self = user_data;
  const char *id;

  g_variant_get_child (parameters, 1, "&s", &id);
  g_string_append_printf (self->said, "%c%s ", g_str_equal (method, "AddNotification") ? '+' : '-', id);
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static const GDBusInterfaceVTable vtable = { .method_call = method_cb };

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autoptr (GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (introspection, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;

  self->said = g_string_new (NULL);
  self->bus = g_dbus_connection_new_for_address_sync (g_getenv ("DBUS_SESSION_BUS_ADDRESS"),
                                                      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                      | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                      NULL, NULL, &error);
  g_assert_no_error (error);
  self->object = g_dbus_connection_register_object (self->bus, "/org/gtk/Notifications", info->interfaces[0], &vtable,
                                                    self, NULL, &error);
  g_assert_no_error (error);
  answer = g_dbus_connection_call_sync (self->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "RequestName",
                                        g_variant_new ("(su)", "org.gtk.Notifications", 4u), NULL,
                                        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);

  self->app = g_object_new (TEST_TYPE_APP, "application-id", "io.github.lmstudio_vampire.Test", NULL);
  g_assert_true (g_application_register (self->app, NULL, &error));
  self->notices = vmp_notices_new (self->app);
}

/* What was said until now (NULL: it is left for a closer look): all of it has arrived when a call made after it has. */
static void
assert_said (Fixture    *self,
             const char *said)
{
  GDBusConnection *own = g_application_get_dbus_connection (self->app);
  guint64 end = g_get_monotonic_time () + 30 * G_TIME_SPAN_SECOND;
  g_autoptr (GNotification) fence = g_notification_new ("fence");
  g_autoptr (GError) error = NULL;

  g_application_send_notification (self->app, "fence", fence);
  g_dbus_connection_flush_sync (own, NULL, &error);
  g_assert_no_error (error);
  while (g_strrstr (self->said->str, "+fence ") == NULL && (guint64) g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, TRUE);
  g_string_truncate (self->said, self->said->len - strlen ("+fence "));
  if (said != NULL)
    {
      g_assert_cmpstr (self->said->str, ==, said);
      g_string_truncate (self->said, 0);
    }
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  vmp_notices_free (self->notices);
  g_clear_object (&self->app);
  g_dbus_connection_unregister_object (self->bus, self->object);
  g_dbus_connection_close_sync (self->bus, NULL, NULL);
  g_clear_object (&self->bus);
  g_string_free (self->said, TRUE);
}

/* @ids: one letter for each node that waits */
static void
set_waiting (Fixture    *self,
             const char *ids,
             gint64      seconds)
{
  g_autoptr (GPtrArray) waiting = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_waiting_node_free);

  for (; *ids != '\0'; ids++)
    {
      VmpWaitingNode *node = g_new0 (VmpWaitingNode, 1);

      node->id = g_strndup (ids, 1);
      node->name = g_strdup ("<b>studio</b>");
      node->address = g_strdup ("http://127.0.0.1:1234");
      g_ptr_array_add (waiting, node);
    }
  vmp_notices_set_waiting (self->notices, waiting, (1000 + seconds) * G_TIME_SPAN_SECOND);
}

/* -- Tests --------------------------------------------------------------------------------- */

/* Those that waited before the app started are no news. */
static void
test_news_only (Fixture      *self,
                gconstpointer data)
{
  set_waiting (self, "ab", 0);
  set_waiting (self, "abc", 1);
  set_waiting (self, "abc", 2);
  assert_said (self, "+approval-c ");
}

static void
test_withdrawn_when_decided (Fixture      *self,
                             gconstpointer data)
{
  set_waiting (self, "", 0);
  set_waiting (self, "ab", 1);
  set_waiting (self, "b", 2);
  assert_said (self, "+approval-a +approval-b -approval-a ");
}

static void
test_flood (Fixture      *self,
            gconstpointer data)
{
  set_waiting (self, "", 0);
  set_waiting (self, "abcdefghij", 1);
  assert_said (self, "+approval-a +approval-b +approval-c +approvals ");
  set_waiting (self, "abcdefghijklmnopqrstuvwxyz", 2);
  assert_said (self, "");
  set_waiting (self, "", 3);
  /* In whichever order. */
  assert_said (self, NULL);
  g_assert_nonnull (strstr (self->said->str, "-approval-a "));
  g_assert_nonnull (strstr (self->said->str, "-approval-b "));
  g_assert_nonnull (strstr (self->said->str, "-approval-c "));
  g_assert_nonnull (strstr (self->said->str, "-approvals "));
}

/* A node that comes and goes is told of once. */
static void
test_again (Fixture      *self,
            gconstpointer data)
{
  set_waiting (self, "", 0);
  set_waiting (self, "a", 1);
  set_waiting (self, "", 2);
  set_waiting (self, "a", 3);
  assert_said (self, "+approval-a -approval-a ");
  set_waiting (self, "", 4);
  set_waiting (self, "a", VMP_LIMIT_NOTICE_AGAIN_S + 5);
  assert_said (self, "+approval-a ");
}

static void
test_seen (Fixture      *self,
           gconstpointer data)
{
  set_waiting (self, "", 0);
  set_waiting (self, "a", 1);
  vmp_notices_set_seen (self->notices, "a", TRUE);
  vmp_notices_set_seen (self->notices, "b", TRUE);
  set_waiting (self, "ab", 2);
  assert_said (self, "+approval-a -approval-a ");
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GTestDBus) daemon = NULL;
  g_autoptr (GDBusConnection) session = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  daemon = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (daemon);
  g_setenv ("GNOTIFICATION_BACKEND", "gtk", TRUE);

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/notices/news-only", test_news_only);
  ADD ("/notices/withdrawn-when-decided", test_withdrawn_when_decided);
  ADD ("/notices/flood", test_flood);
  ADD ("/notices/again", test_again);
  ADD ("/notices/seen", test_seen);
#undef ADD

  status = g_test_run ();
  session = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  if (session != NULL)
    g_dbus_connection_set_exit_on_close (session, FALSE);
  g_test_dbus_stop (daemon);

  return status;
}

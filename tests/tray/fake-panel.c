/* SPDX-License-Identifier: MIT
 *
 * The panel's side of the bus. Its calls turn the loop instead of blocking it, since the item lives on the same one.
 */

#include "fake-panel.h"

#include <string.h>

/* Longer than anything here takes on a busy machine; the test fails then. */
#define PATIENCE_S 60

static guint patience;

static gboolean
out_of_patience (gpointer user_data)
{
  g_error ("Waited for %d s in vain.", PATIENCE_S);

  return G_SOURCE_REMOVE;
}

void
patience_begin (void)
{
  g_assert_cmpuint (patience, ==, 0);
  patience = g_timeout_add_seconds (PATIENCE_S, out_of_patience, NULL);
}

void
patience_end (void)
{
  g_clear_handle_id (&patience, g_source_remove);
}

/* -- The watcher --------------------------------------------------------------------------- */

static const char introspection[] =
  "<node>"
  "  <interface name='" WATCHER_NAME "'>"
  "    <method name='RegisterStatusNotifierItem'><arg type='s' name='service' direction='in'/></method>"
  "    <method name='RegisterStatusNotifierHost'><arg type='s' name='service' direction='in'/></method>"
  "    <property name='IsStatusNotifierHostRegistered' type='b' access='read'/>"
  "    <signal name='StatusNotifierHostRegistered'/>"
  "    <signal name='StatusNotifierHostUnregistered'/>"
  "  </interface>"
  "</node>";

static void
said_cb (GDBusConnection *bus,
         const char      *sender,
         const char      *path,
         const char      *interface,
         const char      *name,
         GVariant        *parameters,
         gpointer         user_data)
{
  FakePanel *self = user_data;
  g_autofree char *text = g_variant_print (parameters, FALSE);

  if (g_str_equal (name, "PropertiesChanged"))
    self->n_changes++;
  else
    g_ptr_array_add (self->said, g_strdup_printf ("%s %s", name, text));
}

static void
listen_to_item (FakePanel  *self,
                const char *item)
{
  if (self->signals != 0)
    g_dbus_connection_signal_unsubscribe (self->bus, self->signals);
  self->signals = g_dbus_connection_signal_subscribe (self->bus, item, NULL, NULL, NULL, NULL,
                                                      G_DBUS_SIGNAL_FLAGS_NONE, said_cb, self, NULL);
}

static void
method_cb (GDBusConnection       *bus,
           const char            *sender,
           const char            *path,
           const char            *interface,
           const char            *name,
           GVariant              *parameters,
           GDBusMethodInvocation *invocation,
           gpointer               user_data)
{
  FakePanel *self = user_data;
  const char *service;

  g_assert_cmpstr (name, ==, "RegisterStatusNotifierItem");
  g_variant_get (parameters, "(&s)", &service);
  g_assert_cmpstr (service, ==, sender);

  if (self->n_to_refuse > 0)
    {
      self->n_to_refuse--;
      self->n_refused++;
      g_dbus_method_invocation_return_dbus_error (invocation, "org.example.NotYet", "Come again");
      return;
    }

  g_free (self->item);
  self->item = g_strdup (service);
  self->n_registered++;
  listen_to_item (self, service);
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static GVariant *
property_cb (GDBusConnection *bus,
             const char      *sender,
             const char      *path,
             const char      *interface,
             const char      *name,
             GError         **error,
             gpointer         user_data)
{
  FakePanel *self = user_data;

  return g_variant_new_boolean (self->has_host);
}

static const GDBusInterfaceVTable vtable = {
  .method_call = method_cb,
  .get_property = property_cb,
};

static void
owned_cb (GDBusConnection *bus,
          const char      *name,
          gpointer         user_data)
{
  *(gboolean *) user_data = TRUE;
}

FakePanel *
fake_panel_new (GDBusConnection *bus,
                gboolean         has_host)
{
  FakePanel *self = g_new0 (FakePanel, 1);
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (introspection, NULL);
  gboolean owned = FALSE;
  GError *error = NULL;

  self->bus = g_object_ref (bus);
  self->has_host = has_host;
  self->said = g_ptr_array_new_with_free_func (g_free);
  self->registration = g_dbus_connection_register_object (bus, "/StatusNotifierWatcher", node->interfaces[0], &vtable,
                                                          self, NULL, &error);
  g_assert_no_error (error);
  self->owned_name = g_bus_own_name_on_connection (bus, WATCHER_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, owned_cb, NULL,
                                                   &owned, NULL);
  wait_until (owned);

  return self;
}

void
fake_panel_free (FakePanel *self)
{
  g_bus_unown_name (self->owned_name);
  g_dbus_connection_unregister_object (self->bus, self->registration);
  if (self->signals != 0)
    g_dbus_connection_signal_unsubscribe (self->bus, self->signals);
  g_object_unref (self->bus);
  g_ptr_array_unref (self->said);
  g_free (self->item);
  g_free (self);
}

void
fake_panel_set_host (FakePanel *self,
                     gboolean   has_host)
{
  GError *error = NULL;

  self->has_host = has_host;
  g_dbus_connection_emit_signal (self->bus, NULL, "/StatusNotifierWatcher", WATCHER_NAME,
                                 has_host ? "StatusNotifierHostRegistered" : "StatusNotifierHostUnregistered", NULL,
                                 &error);
  g_assert_no_error (error);
}

/* -- The host ------------------------------------------------------------------------------ */

static void
replied_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

GVariant *
fake_panel_call (FakePanel  *self,
                 const char *path,
                 const char *interface,
                 const char *method,
                 GVariant   *parameters,
                 GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_assert_nonnull (self->item);
  g_dbus_connection_call (self->bus, self->item, path, interface, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE,
                          -1, NULL, replied_cb, &result);
  wait_until (result != NULL);

  return g_dbus_connection_call_finish (self->bus, result, error);
}

GVariant *
fake_panel_get (FakePanel  *self,
                const char *path,
                const char *interface,
                const char *property,
                GError    **error)
{
  g_autoptr (GVariant) reply = fake_panel_call (self, path, "org.freedesktop.DBus.Properties", "Get",
                                                g_variant_new ("(ss)", interface, property), error);
  GVariant *value = NULL;

  if (reply != NULL)
    g_variant_get (reply, "(v)", &value);

  return value;
}

char *
fake_panel_take_said (FakePanel *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->said->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "\n" : "", (char *) self->said->pdata[i]);
  g_ptr_array_set_size (self->said, 0);

  return g_string_free (text, FALSE);
}

gboolean
fake_panel_heard (FakePanel  *self,
                  const char *signal)
{
  gsize len = strlen (signal);

  for (guint i = 0; i < self->said->len; i++)
    {
      const char *said = self->said->pdata[i];

      if (strncmp (said, signal, len) == 0 && said[len] == ' ')
        return TRUE;
    }

  return FALSE;
}

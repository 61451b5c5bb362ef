/* SPDX-License-Identifier: MIT
 *
 * com.canonical.dbusmenu on a connection: answers the calls of hosts and tells them of changes. Who may call is whoever
 * is on the session's bus: what makes no sense is answered with an error, and an answer is never longer than the menu.
 */

#include "platform/linux/vmp-tray-menu.h"

#define INTERFACE "com.canonical.dbusmenu"

/* The version that EventGroup and AboutToShowGroup came with. */
#define VERSION 3

struct _VmpTrayMenu {
  VmpTrayItems items;
  guint revision;
  VmpTrayMenuChosen chosen;
  gpointer user_data;
  GDBusConnection *bus;   /* NULL: not on any */
  char *path;
  guint registration;
};

static const char introspection[] =
  "<node>"
  "  <interface name='" INTERFACE "'>"
  "    <method name='GetLayout'>"
  "      <arg type='i' name='parentId' direction='in'/>"
  "      <arg type='i' name='recursionDepth' direction='in'/>"
  "      <arg type='as' name='propertyNames' direction='in'/>"
  "      <arg type='u' name='revision' direction='out'/>"
  "      <arg type='(ia{sv}av)' name='layout' direction='out'/>"
  "    </method>"
  "    <method name='GetGroupProperties'>"
  "      <arg type='ai' name='ids' direction='in'/>"
  "      <arg type='as' name='propertyNames' direction='in'/>"
  "      <arg type='a(ia{sv})' name='properties' direction='out'/>"
  "    </method>"
  "    <method name='GetProperty'>"
  "      <arg type='i' name='id' direction='in'/>"
  "      <arg type='s' name='name' direction='in'/>"
  "      <arg type='v' name='value' direction='out'/>"
  "    </method>"
  "    <method name='Event'>"
  "      <arg type='i' name='id' direction='in'/>"
  "      <arg type='s' name='eventId' direction='in'/>"
  "      <arg type='v' name='data' direction='in'/>"
  "      <arg type='u' name='timestamp' direction='in'/>"
  "    </method>"
  "    <method name='EventGroup'>"
  "      <arg type='a(isvu)' name='events' direction='in'/>"
  "      <arg type='ai' name='idErrors' direction='out'/>"
  "    </method>"
  "    <method name='AboutToShow'>"
  "      <arg type='i' name='id' direction='in'/>"
  "      <arg type='b' name='needUpdate' direction='out'/>"
  "    </method>"
  "    <method name='AboutToShowGroup'>"
  "      <arg type='ai' name='ids' direction='in'/>"
  "      <arg type='ai' name='updatesNeeded' direction='out'/>"
  "      <arg type='ai' name='idErrors' direction='out'/>"
  "    </method>"
  "    <signal name='ItemsPropertiesUpdated'>"
  "      <arg type='a(ia{sv})' name='updatedProps'/>"
  "      <arg type='a(ias)' name='removedProps'/>"
  "    </signal>"
  "    <signal name='LayoutUpdated'>"
  "      <arg type='u' name='revision'/>"
  "      <arg type='i' name='parent'/>"
  "    </signal>"
  "    <signal name='ItemActivationRequested'>"
  "      <arg type='i' name='id'/>"
  "      <arg type='u' name='timestamp'/>"
  "    </signal>"
  "    <property name='Version' type='u' access='read'/>"
  "    <property name='TextDirection' type='s' access='read'/>"
  "    <property name='Status' type='s' access='read'/>"
  "    <property name='IconThemePath' type='as' access='read'/>"
  "  </interface>"
  "</node>";

static void
refuse (GDBusMethodInvocation *invocation,
        int                    id)
{
  g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                         "The menu has no item %d", id);
}

/* NULL: there is none, or @id is the menu itself. */
static const VmpTrayItem *
find (VmpTrayMenu *self,
      int          id)
{
  for (size_t i = 0; i < self->items.n_items; i++)
    {
      if (self->items.items[i].id == id)
        return &self->items.items[i];
    }

  return NULL;
}

/* -- Questions ----------------------------------------------------------------------------- */

static void
get_layout (VmpTrayMenu           *self,
            GVariant              *parameters,
            GDBusMethodInvocation *invocation)
{
  g_autofree const char **names = NULL;
  GVariant *tree;
  int parent;
  int depth;

  g_variant_get (parameters, "(ii^a&s)", &parent, &depth, &names);
  tree = vmp_tray_layout_tree (&self->items, parent, depth, names);
  if (tree == NULL)
    refuse (invocation, parent);
  else
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u@(ia{sv}av))", self->revision, tree));
}

/* In the order of the menu, each once, however many times it was asked for. */
static void
get_group_properties (VmpTrayMenu           *self,
                      GVariant              *parameters,
                      GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) array = NULL;
  g_autofree const char **names = NULL;
  const int32_t *ids;
  gsize n_ids;
  GVariantBuilder builder;

  g_variant_get (parameters, "(@ai^a&s)", &array, &names);
  ids = g_variant_get_fixed_array (array, &n_ids, sizeof *ids);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ia{sv})"));
  for (gsize i = 0; i <= self->items.n_items; i++)
    {
      int id = i > 0 ? self->items.items[i - 1].id : 0;
      gboolean asked = n_ids == 0;

      for (gsize j = 0; j < n_ids && !asked; j++)
        asked = ids[j] == id;
      if (asked)
        g_variant_builder_add (&builder, "(i@a{sv})", id, vmp_tray_layout_properties (&self->items, id, names));
    }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(a(ia{sv}))", &builder));
}

/* What a property is that an item does not have. */
static GVariant *
default_value (const char *name)
{
  if (g_str_equal (name, "type"))
    return g_variant_new_string ("standard");
  if (g_str_equal (name, "visible") || g_str_equal (name, "enabled"))
    return g_variant_new_boolean (TRUE);
  if (g_str_equal (name, "toggle-state"))
    return g_variant_new_int32 (-1);
  if (g_str_equal (name, "disposition"))
    return g_variant_new_string ("normal");
  if (g_str_equal (name, "label") || g_str_equal (name, "icon-name") || g_str_equal (name, "toggle-type")
      || g_str_equal (name, "children-display"))
    return g_variant_new_string ("");

  return NULL;
}

static void
get_property (VmpTrayMenu           *self,
              GVariant              *parameters,
              GDBusMethodInvocation *invocation)
{
  const char *names[] = { NULL, NULL };
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) value = NULL;
  int id;

  g_variant_get (parameters, "(i&s)", &id, &names[0]);
  properties = vmp_tray_layout_properties (&self->items, id, names);
  if (properties == NULL)
    {
      refuse (invocation, id);
      return;
    }

  g_variant_ref_sink (properties);
  value = g_variant_lookup_value (properties, names[0], NULL);
  if (value == NULL && (value = default_value (names[0])) != NULL)
    g_variant_ref_sink (value);
  if (value == NULL)
    g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY,
                                           "Items of a menu have no property “%s”", names[0]);
  else
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(v)", value));
}

/* -- What people do ------------------------------------------------------------------------ */

/* FALSE: no such item. Opened, closed, hovered: the host's own business, since the menu is always up to date. */
static gboolean
take_event (VmpTrayMenu *self,
            int          id,
            const char  *event)
{
  const VmpTrayItem *item = find (self, id);

  if (item == NULL)
    return id == 0;

  if (g_str_equal (event, "clicked") && item->enabled
      && (item->kind == VMP_TRAY_ITEM_ACTION || item->kind == VMP_TRAY_ITEM_CHECK))
    self->chosen (self->user_data, id);

  return TRUE;
}

static void
event (VmpTrayMenu           *self,
       GVariant              *parameters,
       GDBusMethodInvocation *invocation)
{
  const char *name;
  int id;

  g_variant_get (parameters, "(i&svu)", &id, &name, NULL, NULL);
  if (take_event (self, id, name))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    refuse (invocation, id);
}

/* An error only where none of the items is known; else the ids that are not. */
static void
event_group (VmpTrayMenu           *self,
             GVariant              *parameters,
             GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariantIter) events = NULL;
  GVariantBuilder unknown;
  const char *name;
  gsize n_known = 0;
  gsize n_unknown = 0;
  int id;

  g_variant_get (parameters, "(a(isvu))", &events);
  g_variant_builder_init (&unknown, G_VARIANT_TYPE ("ai"));
  while (g_variant_iter_loop (events, "(i&svu)", &id, &name, NULL, NULL))
    {
      if (take_event (self, id, name))
        n_known++;
      else if (n_unknown++ < VMP_TRAY_MAX_ITEMS)
        g_variant_builder_add (&unknown, "i", id);
    }

  if (n_known > 0 || n_unknown == 0)
    {
      g_dbus_method_invocation_return_value (invocation, g_variant_new ("(ai)", &unknown));
      return;
    }
  g_variant_builder_clear (&unknown);
  g_dbus_method_invocation_return_error_literal (invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                                 "The menu has none of these items");
}

static void
about_to_show (VmpTrayMenu           *self,
               GVariant              *parameters,
               GDBusMethodInvocation *invocation)
{
  int id;

  g_variant_get (parameters, "(i)", &id);
  if (id == 0 || find (self, id) != NULL)
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(b)", FALSE));
  else
    refuse (invocation, id);
}

static void
about_to_show_group (VmpTrayMenu           *self,
                     GVariant              *parameters,
                     GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariantIter) ids = NULL;
  GVariantBuilder unknown;
  gsize n_known = 0;
  gsize n_unknown = 0;
  int id;

  g_variant_get (parameters, "(ai)", &ids);
  g_variant_builder_init (&unknown, G_VARIANT_TYPE ("ai"));
  while (g_variant_iter_loop (ids, "i", &id))
    {
      if (id == 0 || find (self, id) != NULL)
        n_known++;
      else if (n_unknown++ < VMP_TRAY_MAX_ITEMS)
        g_variant_builder_add (&unknown, "i", id);
    }

  if (n_known > 0 || n_unknown == 0)
    {
      g_dbus_method_invocation_return_value (invocation,
                                             g_variant_new ("(@aiai)",
                                                            g_variant_new_array (G_VARIANT_TYPE_INT32, NULL, 0),
                                                            &unknown));
      return;
    }
  g_variant_builder_clear (&unknown);
  g_dbus_method_invocation_return_error_literal (invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                                 "The menu has none of these items");
}

/* -- The object ---------------------------------------------------------------------------- */

static const struct {
  const char *name;
  void (*answer) (VmpTrayMenu           *self,
                  GVariant              *parameters,
                  GDBusMethodInvocation *invocation);
} methods[] = {
  { "GetLayout", get_layout },
  { "GetGroupProperties", get_group_properties },
  { "GetProperty", get_property },
  { "Event", event },
  { "EventGroup", event_group },
  { "AboutToShow", about_to_show },
  { "AboutToShowGroup", about_to_show_group },
};

/* GDBus has compared name and arguments with the introspection data before. */
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
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      if (g_str_equal (methods[i].name, name))
        {
          methods[i].answer (user_data, parameters, invocation);
          return;
        }
    }
  g_assert_not_reached ();
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
  if (g_str_equal (name, "Version"))
    return g_variant_new_uint32 (VERSION);
  if (g_str_equal (name, "TextDirection"))
    return g_variant_new_string ("ltr");
  if (g_str_equal (name, "Status"))
    return g_variant_new_string ("normal");

  return g_variant_new_strv (NULL, 0);
}

static const GDBusInterfaceVTable vtable = {
  .method_call = method_cb,
  .get_property = property_cb,
};

gboolean
vmp_tray_menu_export (VmpTrayMenu     *self,
                      GDBusConnection *bus,
                      const char      *path,
                      GError         **error)
{
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (introspection, NULL);

  g_return_val_if_fail (self->bus == NULL, FALSE);
  g_assert (node != NULL);

  self->registration = g_dbus_connection_register_object (bus, path, node->interfaces[0], &vtable, self, NULL, error);
  if (self->registration == 0)
    return FALSE;

  self->bus = g_object_ref (bus);
  self->path = g_strdup (path);

  return TRUE;
}

void
vmp_tray_menu_unexport (VmpTrayMenu *self)
{
  if (self->bus == NULL)
    return;

  g_dbus_connection_unregister_object (self->bus, self->registration);
  self->registration = 0;
  g_clear_object (&self->bus);
  g_clear_pointer (&self->path, g_free);
}

static void
tell (VmpTrayMenu *self,
      const char  *signal,
      GVariant    *parameters)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (parameters);

  /* Fails only when the connection is closed, which its owner hears of. */
  if (self->bus != NULL)
    g_dbus_connection_emit_signal (self->bus, NULL, self->path, INTERFACE, signal, owned, NULL);
}

void
vmp_tray_menu_set (VmpTrayMenu  *self,
                   VmpTrayItems *items)
{
  VmpTrayItems before = self->items;
  GVariant *changes = vmp_tray_layout_changes (&before, items);
  int parent = vmp_tray_layout_changed_parent (&before, items);

  self->items = *items;
  *items = (VmpTrayItems) { NULL, 0 };
  vmp_tray_items_clear (&before);

  /* A host that reads the layout again may keep what it knows of the items that stayed: so it is told both. */
  if (changes != NULL)
    tell (self, "ItemsPropertiesUpdated", changes);
  if (parent >= 0)
    tell (self, "LayoutUpdated", g_variant_new ("(ui)", ++self->revision, parent));
}

VmpTrayMenu *
vmp_tray_menu_new (VmpTrayMenuChosen chosen,
                   gpointer          user_data)
{
  VmpTrayMenu *self = g_new0 (VmpTrayMenu, 1);

  self->chosen = chosen;
  self->user_data = user_data;
  self->revision = 1;

  return self;
}

void
vmp_tray_menu_free (VmpTrayMenu *self)
{
  vmp_tray_menu_unexport (self);
  vmp_tray_items_clear (&self->items);
  g_free (self);
}

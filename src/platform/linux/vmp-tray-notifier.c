/* SPDX-License-Identifier: MIT
 *
 * org.kde.StatusNotifierItem on a connection: its properties, the signals that tell hosts to read them again, and the
 * calls that hosts make for clicks. Who may call is whoever is on the session's bus: what makes no sense is answered
 * with an error.
 */

#include "platform/linux/vmp-tray-notifier.h"

#include <string.h>

#define INTERFACE "org.kde.StatusNotifierItem"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

#define TOKEN_BYTES 1024

/* Pixels of the icons for hosts that have no icon of that name. */
static const int icon_sizes[] = { 22, 24, 32, 48 };

struct _VmpTrayNotifier {
  char *app_id;
  char *title;
  char *icon_dir;         /* NULL: the icons are installed */
  VmpTrayNotifierClicked clicked;
  gpointer user_data;

  VmpTrayState state;
  char *tooltip;
  char *token;            /* NULL: none was given */

  GDBusConnection *bus;   /* NULL: not on any */
  guint registration;
};

/* -- Properties ---------------------------------------------------------------------------- */

static const char introspection[] =
  "<node>"
  "  <interface name='" INTERFACE "'>"
  "    <method name='Activate'>"
  "      <arg type='i' name='x' direction='in'/>"
  "      <arg type='i' name='y' direction='in'/>"
  "    </method>"
  "    <method name='SecondaryActivate'>"
  "      <arg type='i' name='x' direction='in'/>"
  "      <arg type='i' name='y' direction='in'/>"
  "    </method>"
  "    <method name='ContextMenu'>"
  "      <arg type='i' name='x' direction='in'/>"
  "      <arg type='i' name='y' direction='in'/>"
  "    </method>"
  "    <method name='Scroll'>"
  "      <arg type='i' name='delta' direction='in'/>"
  "      <arg type='s' name='orientation' direction='in'/>"
  "    </method>"
  "    <method name='ProvideXdgActivationToken'>"
  "      <arg type='s' name='token' direction='in'/>"
  "    </method>"
  "    <signal name='NewTitle'/>"
  "    <signal name='NewIcon'/>"
  "    <signal name='NewAttentionIcon'/>"
  "    <signal name='NewOverlayIcon'/>"
  "    <signal name='NewToolTip'/>"
  "    <signal name='NewStatus'>"
  "      <arg type='s' name='status'/>"
  "    </signal>"
  "    <property name='Category' type='s' access='read'/>"
  "    <property name='Id' type='s' access='read'/>"
  "    <property name='Title' type='s' access='read'/>"
  "    <property name='Status' type='s' access='read'/>"
  "    <property name='WindowId' type='i' access='read'/>"
  "    <property name='IconThemePath' type='s' access='read'/>"
  "    <property name='Menu' type='o' access='read'/>"
  "    <property name='ItemIsMenu' type='b' access='read'/>"
  "    <property name='IconName' type='s' access='read'/>"
  "    <property name='IconPixmap' type='a(iiay)' access='read'/>"
  "    <property name='IconAccessibleDesc' type='s' access='read'/>"
  "    <property name='OverlayIconName' type='s' access='read'/>"
  "    <property name='OverlayIconPixmap' type='a(iiay)' access='read'/>"
  "    <property name='AttentionIconName' type='s' access='read'/>"
  "    <property name='AttentionIconPixmap' type='a(iiay)' access='read'/>"
  "    <property name='AttentionAccessibleDesc' type='s' access='read'/>"
  "    <property name='AttentionMovieName' type='s' access='read'/>"
  "    <property name='ToolTip' type='(sa(iiay)ss)' access='read'/>"
  "  </interface>"
  "</node>";

static const char *
get_status (VmpTrayNotifier *self)
{
  return self->state == VMP_TRAY_APPROVAL ? "NeedsAttention" : "Active";
}

static GVariant *
new_icon_name (VmpTrayNotifier *self,
               VmpTrayState     state)
{
  return g_variant_new_take_string (g_strdup_printf ("%s-tray-%s-symbolic", self->app_id,
                                                     vmp_tray_state_to_string (state)));
}

/* ARGB in network byte order. */
static GVariant *
new_pixmaps (VmpTrayState state)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(iiay)"));
  for (guint i = 0; i < G_N_ELEMENTS (icon_sizes); i++)
    {
      const VmpTrayMask *mask = vmp_tray_mask (state, icon_sizes[i]);
      gsize n_pixels = mask != NULL ? (gsize) mask->size * mask->size : 0;
      uint32_t *pixels;

      if (mask == NULL || mask->size != icon_sizes[i])
        continue;

      pixels = g_new (uint32_t, n_pixels);
      vmp_tray_mask_paint (mask, pixels);
      for (gsize j = 0; j < n_pixels; j++)
        pixels[j] = GUINT32_TO_BE (pixels[j]);
      g_variant_builder_add (&builder, "(ii@ay)", mask->size, mask->size,
                             g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, pixels, n_pixels * sizeof *pixels,
                                                      TRUE, g_free, pixels));
    }

  return g_variant_builder_end (&builder);
}

/* Hosts read markup in both texts. */
static GVariant *
new_tooltip (VmpTrayNotifier *self)
{
  g_autofree char *title = g_markup_escape_text (self->title, -1);
  g_autofree char *text = g_markup_escape_text (self->tooltip, -1);

  return g_variant_new ("(s@a(iiay)ss)", "", g_variant_new_array (G_VARIANT_TYPE ("(iiay)"), NULL, 0), title, text);
}

/* For those who do not see it. */
static GVariant *
new_description (VmpTrayNotifier *self)
{
  if (self->tooltip[0] == '\0')
    return g_variant_new_string (self->title);

  return g_variant_new_take_string (g_strdup_printf ("%s: %s", self->title, self->tooltip));
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
  VmpTrayNotifier *self = user_data;

  if (g_str_equal (name, "Category"))
    return g_variant_new_string ("ApplicationStatus");
  if (g_str_equal (name, "Id"))
    return g_variant_new_string (self->app_id);
  if (g_str_equal (name, "Title"))
    return g_variant_new_string (self->title);
  if (g_str_equal (name, "Status"))
    return g_variant_new_string (get_status (self));
  if (g_str_equal (name, "WindowId"))
    return g_variant_new_int32 (0);
  if (g_str_equal (name, "IconThemePath"))
    return g_variant_new_string (self->icon_dir != NULL ? self->icon_dir : "");
  if (g_str_equal (name, "Menu"))
    return g_variant_new_object_path (VMP_TRAY_NOTIFIER_MENU_PATH);
  if (g_str_equal (name, "ItemIsMenu"))
    return g_variant_new_boolean (FALSE);
  if (g_str_equal (name, "IconName"))
    return new_icon_name (self, self->state);
  if (g_str_equal (name, "IconPixmap"))
    return new_pixmaps (self->state);
  if (g_str_equal (name, "AttentionIconName"))
    return new_icon_name (self, VMP_TRAY_APPROVAL);
  if (g_str_equal (name, "AttentionIconPixmap"))
    return new_pixmaps (VMP_TRAY_APPROVAL);
  if (g_str_equal (name, "IconAccessibleDesc") || g_str_equal (name, "AttentionAccessibleDesc"))
    return new_description (self);
  if (g_str_equal (name, "OverlayIconPixmap"))
    return g_variant_new_array (G_VARIANT_TYPE ("(iiay)"), NULL, 0);
  if (g_str_equal (name, "ToolTip"))
    return new_tooltip (self);

  /* OverlayIconName, AttentionMovieName */
  return g_variant_new_string ("");
}

/* -- What hosts are told ------------------------------------------------------------------- */

static void
emit (VmpTrayNotifier *self,
      const char      *interface,
      const char      *signal,
      GVariant        *parameters)
{
  /* Fails only when the connection is closed, which its owner hears of. */
  g_dbus_connection_emit_signal (self->bus, NULL, VMP_TRAY_NOTIFIER_PATH, interface, signal, parameters, NULL);
}

/* Panels read the icon again on NewIcon alone, and go by the status that they know by then: so that comes first. */
static void
tell_hosts (VmpTrayNotifier *self,
            gboolean         status,
            gboolean         icon,
            gboolean         tooltip)
{
  GVariantBuilder changed;
  GVariantBuilder invalidated;

  if (self->bus == NULL || !(status || icon || tooltip))
    return;

  g_variant_builder_init (&changed, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&invalidated, G_VARIANT_TYPE_STRING_ARRAY);

  if (status)
    {
      emit (self, INTERFACE, "NewStatus", g_variant_new ("(s)", get_status (self)));
      g_variant_builder_add (&changed, "{sv}", "Status", g_variant_new_string (get_status (self)));
    }
  if (icon)
    {
      emit (self, INTERFACE, "NewIcon", NULL);
      emit (self, INTERFACE, "NewAttentionIcon", NULL);
      g_variant_builder_add (&changed, "{sv}", "IconName", new_icon_name (self, self->state));
      g_variant_builder_add (&invalidated, "s", "IconPixmap");
    }
  if (tooltip)
    {
      g_variant_builder_add (&changed, "{sv}", "IconAccessibleDesc", new_description (self));
      g_variant_builder_add (&changed, "{sv}", "AttentionAccessibleDesc", new_description (self));
      g_variant_builder_add (&changed, "{sv}", "ToolTip", new_tooltip (self));
    }
  if (icon || tooltip)
    emit (self, INTERFACE, "NewToolTip", NULL);

  emit (self, PROPERTIES_INTERFACE, "PropertiesChanged",
        g_variant_new ("(sa{sv}as)", INTERFACE, &changed, &invalidated));
}

void
vmp_tray_notifier_set (VmpTrayNotifier *self,
                       VmpTrayState     state,
                       const char      *tooltip)
{
  const char *old_status = get_status (self);
  gboolean has_other_icon = state != self->state;
  gboolean has_other_tooltip = !g_str_equal (tooltip, self->tooltip);

  self->state = state;
  if (has_other_tooltip)
    {
      g_free (self->tooltip);
      self->tooltip = g_strdup (tooltip);
    }
  tell_hosts (self, !g_str_equal (old_status, get_status (self)), has_other_icon, has_other_tooltip);
}

void
vmp_tray_notifier_repeat (VmpTrayNotifier *self)
{
  tell_hosts (self, TRUE, TRUE, TRUE);
}

VmpTrayState
vmp_tray_notifier_get_state (VmpTrayNotifier *self)
{
  return self->state;
}

/* -- What hosts call ----------------------------------------------------------------------- */

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
  VmpTrayNotifier *self = user_data;

  if (g_str_equal (name, "Activate"))
    self->clicked (self->user_data, FALSE);
  else if (g_str_equal (name, "SecondaryActivate"))
    self->clicked (self->user_data, TRUE);
  else if (g_str_equal (name, "ProvideXdgActivationToken"))
    {
      const char *token;

      g_variant_get (parameters, "(&s)", &token);
      g_clear_pointer (&self->token, g_free);
      if (token[0] != '\0' && strlen (token) <= TOKEN_BYTES)
        self->token = g_strdup (token);
    }

  /* Hosts draw the menu, so ContextMenu asks for nothing; and Scroll has no meaning here. */
  g_dbus_method_invocation_return_value (invocation, NULL);
}

char *
vmp_tray_notifier_take_token (VmpTrayNotifier *self)
{
  return g_steal_pointer (&self->token);
}

/* -- Life ---------------------------------------------------------------------------------- */

static const GDBusInterfaceVTable vtable = {
  .method_call = method_cb,
  .get_property = property_cb,
};

gboolean
vmp_tray_notifier_export (VmpTrayNotifier *self,
                          GDBusConnection *bus,
                          GError         **error)
{
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (introspection, NULL);

  g_return_val_if_fail (self->bus == NULL, FALSE);
  g_assert (node != NULL);

  self->registration = g_dbus_connection_register_object (bus, VMP_TRAY_NOTIFIER_PATH, node->interfaces[0], &vtable,
                                                          self, NULL, error);
  if (self->registration == 0)
    return FALSE;

  self->bus = g_object_ref (bus);

  return TRUE;
}

void
vmp_tray_notifier_unexport (VmpTrayNotifier *self)
{
  if (self->bus == NULL)
    return;

  g_dbus_connection_unregister_object (self->bus, self->registration);
  self->registration = 0;
  g_clear_object (&self->bus);
  g_clear_pointer (&self->token, g_free);
}

VmpTrayNotifier *
vmp_tray_notifier_new (const char            *app_id,
                       const char            *title,
                       const char            *icon_dir,
                       VmpTrayNotifierClicked clicked,
                       gpointer               user_data)
{
  VmpTrayNotifier *self = g_new0 (VmpTrayNotifier, 1);

  self->app_id = g_strdup (app_id);
  self->title = g_strdup (title);
  self->icon_dir = g_strdup (icon_dir);
  self->tooltip = g_strdup ("");
  self->clicked = clicked;
  self->user_data = user_data;

  return self;
}

void
vmp_tray_notifier_free (VmpTrayNotifier *self)
{
  vmp_tray_notifier_unexport (self);
  g_free (self->token);
  g_free (self->tooltip);
  g_free (self->icon_dir);
  g_free (self->title);
  g_free (self->app_id);
  g_free (self);
}

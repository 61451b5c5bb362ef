/* SPDX-License-Identifier: MIT
 *
 * Tests of the tray on Linux against a message bus of its own and a panel of the test: what is registered and when,
 * what is said and in which order, and that nothing which a bus, a panel or another program does leaves it in disorder.
 */

#include "fake-panel.h"

#include "../keyring/desktop.h"

#include "platform/vmp-tray.h"

#include <string.h>

#define APP_ID "org.example.Vampire"

typedef struct {
  Desktop desktop;
  FakePanel *panel;       /* NULL: none runs */
  VmpTray *tray;          /* NULL: none, or it was freed */
  GString *heard;         /* what the tray called, as words */
  gboolean frees;         /* the next call frees the tray */
} Fixture;

static const VmpTrayItem menu[] = {
  { 1, VMP_TRAY_ITEM_ACTION, 0, "Works for this computer", false },
  { 2, VMP_TRAY_ITEM_SEPARATOR, 0 },
  { 3, VMP_TRAY_ITEM_CHECK, 0, "Share on This Network", true, true },
  { 4, VMP_TRAY_ITEM_SUBMENU, 0, "Nodes", true },
  { 5, VMP_TRAY_ITEM_ACTION, 1, "the_attic", true },
  { 6, VMP_TRAY_ITEM_ACTION, 0, "Quit", true },
};

static guint n_messages;

/* What the owner is told in the log is counted, not printed. */
static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  if (level != G_LOG_LEVEL_MESSAGE)
    return g_log_writer_default (level, fields, n_fields, user_data);

  n_messages++;

  return G_LOG_WRITER_HANDLED;
}

/* -- The caller ---------------------------------------------------------------------------- */

static void
hear (Fixture    *self,
      const char *word,
      const char *token)
{
  g_string_append_printf (self->heard, "%s%s%s%s", self->heard->len > 0 ? " " : "", word, token != NULL ? "+" : "",
                          token != NULL ? token : "");
  if (self->frees)
    g_clear_pointer (&self->tray, vmp_tray_free);
}

static void
activated (void       *user_data,
           const char *token)
{
  hear (user_data, "activated", token);
}

static void
secondary_activated (void       *user_data,
                     const char *token)
{
  hear (user_data, "secondary", token);
}

static void
chosen (void       *user_data,
        int         id,
        const char *token)
{
  g_autofree char *word = g_strdup_printf ("%d", id);

  hear (user_data, word, token);
}

static void
available (void *user_data,
           bool  is_available)
{
  hear (user_data, is_available ? "yes" : "no", NULL);
}

static const VmpTrayFuncs funcs = {
  .activated = activated,
  .secondary_activated = secondary_activated,
  .chosen = chosen,
  .available = available,
};

static void
set_state (Fixture     *self,
           VmpTrayState state)
{
  vmp_tray_set (self->tray, state, "Ready <now>", menu, G_N_ELEMENTS (menu));
}

/* Waits for the words, and forgets them. */
static void
assert_heard (Fixture    *self,
              const char *words)
{
  wait_until (self->heard->len >= strlen (words));
  g_assert_cmpstr (self->heard->str, ==, words);
  g_string_truncate (self->heard, 0);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  desktop_init (&self->desktop);
  desktop_start_bus (&self->desktop, NULL);
  self->heard = g_string_new (NULL);
  n_messages = 0;
  self->tray = vmp_tray_new (APP_ID, "Vampire", NULL, &funcs, self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_clear_pointer (&self->tray, vmp_tray_free);
  g_clear_pointer (&self->panel, fake_panel_free);
  g_string_free (self->heard, TRUE);
  desktop_clear (&self->desktop);
}

static void
start_panel (Fixture *self)
{
  self->panel = fake_panel_new (self->desktop.connection, TRUE);
}

/* An icon that a panel shows, with what is said at that moment already heard. */
static void
set_up_shown (Fixture      *self,
              gconstpointer data)
{
  g_autofree char *said = NULL;

  set_up (self, data);
  start_panel (self);
  set_state (self, VMP_TRAY_OFF);
  assert_heard (self, "yes");
  wait_until (fake_panel_heard (self->panel, "NewToolTip"));
  said = fake_panel_take_said (self->panel);
}

static char *
get_text (Fixture    *self,
          const char *property)
{
  GError *error = NULL;
  g_autoptr (GVariant) value = fake_panel_get (self->panel, ITEM_PATH, ITEM_INTERFACE, property, &error);

  g_assert_no_error (error);

  return g_variant_print (value, TRUE);
}

static void
assert_property (Fixture    *self,
                 const char *property,
                 const char *expected)
{
  g_autofree char *text = get_text (self, property);

  g_assert_cmpstr (text, ==, expected);
}

/* Icons change once a second at most, so it may be asked for often. */
static void
wait_for_icon (Fixture    *self,
               const char *state)
{
  g_autofree char *expected = g_strdup_printf ("'" APP_ID "-tray-%s-symbolic'", state);
  g_autofree char *text = get_text (self, "IconName");

  while (!g_str_equal (text, expected))
    {
      g_free (text);
      text = get_text (self, "IconName");
    }
}

static void
assert_calls (Fixture    *self,
              const char *path,
              const char *interface,
              const char *method,
              const char *parameters)
{
  GError *error = NULL;
  g_autoptr (GVariant) reply = fake_panel_call (self->panel, path, interface, method,
                                                g_variant_new_parsed (parameters), &error);

  g_assert_no_error (error);
}

static void
assert_refused (Fixture    *self,
                const char *path,
                const char *interface,
                const char *method,
                const char *parameters)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = fake_panel_call (self->panel, path, interface, method,
                                                parameters != NULL ? g_variant_new_parsed (parameters) : NULL, &error);

  g_assert_null (reply);
  g_assert_true (g_dbus_error_is_remote_error (error));
  g_assert_false (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY));
}

/* -- The watcher --------------------------------------------------------------------------- */

static void
test_registers (Fixture      *self,
                gconstpointer data)
{
  start_panel (self);
  assert_heard (self, "yes");
  g_assert_cmpuint (self->panel->n_registered, ==, 0);

  set_state (self, VMP_TRAY_OFF);
  wait_until (self->panel->n_registered == 1);
  g_assert_true (g_dbus_is_unique_name (self->panel->item));
  g_assert_cmpstr (self->panel->item, !=, g_dbus_connection_get_unique_name (self->desktop.connection));
  wait_until (fake_panel_heard (self->panel, "NewToolTip"));
  g_assert_true (vmp_tray_is_available (self->tray));
  g_assert_cmpstr (self->heard->str, ==, "");
}

static void
test_panel_later (Fixture      *self,
                  gconstpointer data)
{
  set_state (self, VMP_TRAY_OFF);
  assert_heard (self, "no");
  g_assert_false (vmp_tray_is_available (self->tray));

  start_panel (self);
  assert_heard (self, "yes");
  g_assert_cmpuint (self->panel->n_registered, ==, 1);
}

static void
test_panel_restarts (Fixture      *self,
                     gconstpointer data)
{
  g_autofree char *item = g_strdup (self->panel->item);

  for (guint i = 0; i < 3; i++)
    {
      g_clear_pointer (&self->panel, fake_panel_free);
      assert_heard (self, "no");
      set_state (self, VMP_TRAY_SHARING);
      start_panel (self);
      assert_heard (self, "yes");
      g_assert_cmpuint (self->panel->n_registered, ==, 1);
      g_assert_cmpstr (self->panel->item, ==, item);
    }
  wait_for_icon (self, "sharing");
  g_assert_true (fake_panel_heard (self->panel, "NewIcon"));
}

static void
test_host_later (Fixture      *self,
                 gconstpointer data)
{
  self->panel = fake_panel_new (self->desktop.connection, FALSE);
  set_state (self, VMP_TRAY_OFF);
  assert_heard (self, "no");
  wait_until (self->panel->n_registered == 1);

  fake_panel_set_host (self->panel, TRUE);
  assert_heard (self, "yes");
  fake_panel_set_host (self->panel, FALSE);
  assert_heard (self, "no");
  g_assert_cmpuint (self->panel->n_registered, ==, 1);
}

static void
test_refused_once (Fixture      *self,
                   gconstpointer data)
{
  start_panel (self);
  self->panel->n_to_refuse = 1;
  set_state (self, VMP_TRAY_OFF);
  assert_heard (self, "no yes");
  g_assert_cmpuint (self->panel->n_refused, ==, 1);
  g_assert_cmpuint (self->panel->n_registered, ==, 1);
}

/* -- What is said -------------------------------------------------------------------------- */

static void
test_properties (Fixture      *self,
                 gconstpointer data)
{
  static const struct {
    const char *name;
    const char *value;
  } properties[] = {
    { "Category", "'ApplicationStatus'" },
    { "Id", "'" APP_ID "'" },
    { "Title", "'Vampire'" },
    { "Status", "'Active'" },
    { "WindowId", "0" },
    { "IconThemePath", "''" },
    { "Menu", "objectpath '" MENU_PATH "'" },
    { "ItemIsMenu", "false" },
    { "IconName", "'" APP_ID "-tray-off-symbolic'" },
    { "IconAccessibleDesc", "'Vampire: Ready <now>'" },
    { "OverlayIconName", "''" },
    { "OverlayIconPixmap", "@a(iiay) []" },
    { "AttentionIconName", "'" APP_ID "-tray-approval-symbolic'" },
    { "AttentionAccessibleDesc", "'Vampire: Ready <now>'" },
    { "AttentionMovieName", "''" },
    { "ToolTip", "('', @a(iiay) [], 'Vampire', 'Ready &lt;now&gt;')" },
  };
  g_autoptr (GVariant) all = NULL;
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (properties); i++)
    assert_property (self, properties[i].name, properties[i].value);

  all = fake_panel_call (self->panel, ITEM_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                         g_variant_new ("(s)", ITEM_INTERFACE), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (all), ==, "(a{sv})");
}

static void
test_pixmaps (Fixture      *self,
              gconstpointer data)
{
  static const int sizes[] = { 22, 24, 32, 48 };
  GError *error = NULL;
  g_autoptr (GVariant) pixmaps = fake_panel_get (self->panel, ITEM_PATH, ITEM_INTERFACE, "IconPixmap", &error);

  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (pixmaps, G_VARIANT_TYPE ("a(iiay)")));
  if (g_variant_n_children (pixmaps) == 0)
    {
      g_test_skip ("built without librsvg");
      return;
    }

  g_assert_cmpuint (g_variant_n_children (pixmaps), ==, G_N_ELEMENTS (sizes));
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GVariant) bytes = NULL;
      const guint8 *pixels;
      gsize n_bytes;
      int width, height;
      guint n_solid = 0;
      guint n_clear = 0;

      g_variant_get_child (pixmaps, i, "(ii@ay)", &width, &height, &bytes);
      pixels = g_variant_get_fixed_array (bytes, &n_bytes, 1);
      g_assert_cmpint (width, ==, sizes[i]);
      g_assert_cmpint (height, ==, sizes[i]);
      g_assert_cmpuint (n_bytes, ==, (gsize) width * height * 4);

      /* The first byte of a pixel is how solid it is: a drawing has both, mostly. */
      for (gsize j = 0; j < n_bytes; j += 4)
        {
          n_solid += pixels[j] == 255;
          n_clear += pixels[j] == 0;
        }
      g_assert_cmpuint (n_solid * 6, >, (guint) (width * height));
      g_assert_cmpuint (n_clear * 12, >, (guint) (width * height));
    }
}

/* In the order that panels need: they read the icon again when they hear of the icon, not of the status. */
static void
test_order (Fixture      *self,
            gconstpointer data)
{
  g_autofree char *said = NULL;

  set_state (self, VMP_TRAY_APPROVAL);
  wait_until (fake_panel_heard (self->panel, "NewToolTip"));
  said = fake_panel_take_said (self->panel);
  g_assert_cmpstr (said, ==, "NewStatus ('NeedsAttention',)\nNewIcon ()\nNewAttentionIcon ()\nNewToolTip ()");
  assert_property (self, "Status", "'NeedsAttention'");
  assert_property (self, "IconName", "'" APP_ID "-tray-approval-symbolic'");
}

static void
test_tooltip_alone (Fixture      *self,
                    gconstpointer data)
{
  g_autofree char *said = NULL;

  vmp_tray_set (self->tray, VMP_TRAY_OFF, "Other", menu, G_N_ELEMENTS (menu));
  wait_until (fake_panel_heard (self->panel, "NewToolTip"));
  said = fake_panel_take_said (self->panel);
  g_assert_cmpstr (said, ==, "NewToolTip ()");
}

static void
test_coalesced (Fixture      *self,
                gconstpointer data)
{
  VmpTrayItem items[G_N_ELEMENTS (menu)];
  guint n_icons = 0;
  guint n_tooltips = 0;
  guint n_menus = 0;
  gint64 began = g_get_monotonic_time ();
  guint seconds;

  memcpy (items, menu, sizeof menu);
  for (guint i = 1; i <= 1000; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      items[0].label = text;
      vmp_tray_set (self->tray, i < 1000 ? i % (VMP_TRAY_BUSY + 1) : VMP_TRAY_PAUSED, text, items,
                    G_N_ELEMENTS (items));
      g_main_context_iteration (NULL, FALSE);
    }

  wait_for_icon (self, "paused");
  assert_property (self, "ToolTip", "('', @a(iiay) [], 'Vampire', '1000')");
  seconds = (g_get_monotonic_time () - began) / G_USEC_PER_SEC;

  for (guint i = 0; i < self->panel->said->len; i++)
    {
      const char *said = self->panel->said->pdata[i];

      n_icons += g_str_has_prefix (said, "NewIcon ");
      n_tooltips += g_str_has_prefix (said, "NewToolTip ");
      n_menus += g_str_has_prefix (said, "ItemsPropertiesUpdated ");
      g_assert_false (g_str_has_prefix (said, "LayoutUpdated "));
    }
  /* Once a second and four times a second, at most. */
  g_assert_cmpuint (n_icons, >=, 1);
  g_assert_cmpuint (n_icons, <=, seconds + 2);
  g_assert_cmpuint (n_menus, >=, 1);
  g_assert_cmpuint (n_menus, <=, 4 * seconds + 6);
  g_assert_cmpuint (n_tooltips, <=, n_menus + n_icons);
  g_assert_cmpuint (self->panel->n_changes, <=, n_menus + n_icons);
}

/* One that flickers tells nobody anything. */
static void
test_icon_rate (Fixture      *self,
                gconstpointer data)
{
  g_autofree char *said = NULL;
  gint64 began;

  set_state (self, VMP_TRAY_BUSY);
  wait_until (fake_panel_heard (self->panel, "NewIcon"));
  began = g_get_monotonic_time ();
  said = fake_panel_take_said (self->panel);
  set_state (self, VMP_TRAY_OFF);
  wait_until (fake_panel_heard (self->panel, "NewIcon"));
  g_assert_cmpint (g_get_monotonic_time () - began, >, 800 * 1000);
}

static gboolean
set_often_cb (gpointer user_data)
{
  Fixture *self = user_data;

  set_state (self, VMP_TRAY_SHARING);

  return G_SOURCE_CONTINUE;
}

/* As long as changes come in each turn of the loop, they are shown nevertheless. */
static void
test_flood (Fixture      *self,
            gconstpointer data)
{
  guint source = g_idle_add_full (G_PRIORITY_DEFAULT, set_often_cb, self, NULL);

  wait_until (fake_panel_heard (self->panel, "NewIcon"));
  g_source_remove (source);
}

static void
test_menu_changes (Fixture      *self,
                   gconstpointer data)
{
  VmpTrayItem items[G_N_ELEMENTS (menu)];
  g_autofree char *checked = NULL;
  g_autofree char *shorter = NULL;

  memcpy (items, menu, sizeof menu);
  items[2].checked = false;
  vmp_tray_set (self->tray, VMP_TRAY_OFF, "Ready <now>", items, G_N_ELEMENTS (items));
  wait_until (self->panel->said->len > 0);
  checked = fake_panel_take_said (self->panel);
  g_assert_cmpstr (checked, ==, "ItemsPropertiesUpdated ([(3, {'toggle-state': <0>})], [])");

  vmp_tray_set (self->tray, VMP_TRAY_OFF, "Ready <now>", items, G_N_ELEMENTS (items) - 1);
  wait_until (self->panel->said->len > 0);
  shorter = fake_panel_take_said (self->panel);
  g_assert_cmpstr (shorter, ==, "LayoutUpdated (3, 0)");
}

/* -- What people do ------------------------------------------------------------------------ */

static void
test_clicks (Fixture      *self,
             gconstpointer data)
{
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Activate", "(10, 20)");
  assert_heard (self, "activated");
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "SecondaryActivate", "(10, 20)");
  assert_heard (self, "secondary");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(3, 'clicked', <''>, uint32 0)");
  assert_heard (self, "3");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "EventGroup",
                "([(0, 'opened', <0>, uint32 0), (5, 'clicked', <0>, 0), (6, 'clicked', <0>, 0)],)");
  assert_heard (self, "5 6");
}

/* The status line, a separator, a submenu, and what is not a click. */
static void
test_no_clicks (Fixture      *self,
                gconstpointer data)
{
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "ContextMenu", "(10, 20)");
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Scroll", "(1, 'vertical')");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(1, 'clicked', <''>, uint32 0)");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(2, 'clicked', <''>, uint32 0)");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(4, 'clicked', <''>, uint32 0)");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(0, 'opened', <''>, uint32 0)");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(6, 'hovered', <''>, uint32 0)");
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Activate", "(0, 0)");
  assert_heard (self, "activated");
}

static void
test_token (Fixture      *self,
            gconstpointer data)
{
  g_autofree char *long_token = g_strnfill (5000, 'x');

  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "ProvideXdgActivationToken", "('old',)");
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "ProvideXdgActivationToken", "('new',)");
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Activate", "(0, 0)");
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Activate", "(0, 0)");
  assert_heard (self, "activated+new activated");

  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "ProvideXdgActivationToken", "('menu',)");
  assert_calls (self, MENU_PATH, MENU_INTERFACE, "Event", "(6, 'clicked', <''>, uint32 0)");
  assert_heard (self, "6+menu");

  g_variant_unref (fake_panel_call (self->panel, ITEM_PATH, ITEM_INTERFACE, "ProvideXdgActivationToken",
                                    g_variant_new ("(s)", long_token), NULL));
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "SecondaryActivate", "(0, 0)");
  assert_heard (self, "secondary");
}

static void
test_freed_in_call (Fixture      *self,
                    gconstpointer data)
{
  g_autoptr (GVariant) reply = NULL;

  self->frees = TRUE;
  /* The answer may come too late for the connection. */
  reply = fake_panel_call (self->panel, MENU_PATH, MENU_INTERFACE, "EventGroup",
                           g_variant_new_parsed ("([(6, 'clicked', <0>, uint32 0), (3, 'clicked', <0>, 0)],)"), NULL);
  wait_until (self->tray == NULL);
  g_assert_cmpstr (self->heard->str, ==, "6");
}

/* -- Disorder ------------------------------------------------------------------------------ */

static void
test_malformed (Fixture      *self,
                gconstpointer data)
{
  static const struct {
    const char *path, *interface, *method, *parameters;
  } calls[] = {
    { ITEM_PATH, ITEM_INTERFACE, "Activate", NULL },
    { ITEM_PATH, ITEM_INTERFACE, "Activate", "('a', 'b')" },
    { ITEM_PATH, ITEM_INTERFACE, "Scroll", "(1, 2)" },
    { ITEM_PATH, ITEM_INTERFACE, "Explode", "(1, 2)" },
    { ITEM_PATH, ITEM_INTERFACE, "ProvideXdgActivationToken", "(1,)" },
    { ITEM_PATH, "org.example.Nothing", "Activate", "(1, 2)" },
    { "/Nowhere", ITEM_INTERFACE, "Activate", "(1, 2)" },
    { ITEM_PATH, "org.freedesktop.DBus.Properties", "Get", "('" ITEM_INTERFACE "', 'Nothing')" },
    { ITEM_PATH, "org.freedesktop.DBus.Properties", "Set", "('" ITEM_INTERFACE "', 'Title', <'Other'>)" },
    { MENU_PATH, MENU_INTERFACE, "GetLayout", "(0, -1)" },
    { MENU_PATH, MENU_INTERFACE, "GetLayout", "(77, -1, @as [])" },
    { MENU_PATH, MENU_INTERFACE, "GetLayout", "(-1, -1, @as [])" },
    { MENU_PATH, MENU_INTERFACE, "GetGroupProperties", "(['a'], @as [])" },
    { MENU_PATH, MENU_INTERFACE, "GetProperty", "(1, 'nothing')" },
    { MENU_PATH, MENU_INTERFACE, "GetProperty", "(77, 'label')" },
    { MENU_PATH, MENU_INTERFACE, "Event", "(77, 'clicked', <0>, uint32 0)" },
    { MENU_PATH, MENU_INTERFACE, "Event", "(6, 'clicked')" },
    { MENU_PATH, MENU_INTERFACE, "EventGroup", "([(77, 'clicked', <0>, uint32 0)],)" },
    { MENU_PATH, MENU_INTERFACE, "AboutToShow", "(77,)" },
    { MENU_PATH, MENU_INTERFACE, "AboutToShowGroup", "([77, 78],)" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    assert_refused (self, calls[i].path, calls[i].interface, calls[i].method, calls[i].parameters);

  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Activate", "(0, 0)");
  assert_heard (self, "activated");
}

/* More than anybody can click: what is kept of it is bounded. */
static void
test_many_clicks (Fixture      *self,
                  gconstpointer data)
{
  GVariantBuilder events;
  GVariantBuilder ids;
  GError *error = NULL;
  g_autoptr (GVariant) clicked = NULL;
  g_autoptr (GVariant) properties = NULL;

  g_variant_builder_init (&events, G_VARIANT_TYPE ("a(isvu)"));
  g_variant_builder_init (&ids, G_VARIANT_TYPE ("ai"));
  for (guint i = 0; i < 10000; i++)
    {
      g_variant_builder_add (&events, "(isvu)", 6, "clicked", g_variant_new_int32 (0), 0);
      g_variant_builder_add (&ids, "i", 6);
    }

  clicked = fake_panel_call (self->panel, MENU_PATH, MENU_INTERFACE, "EventGroup",
                             g_variant_new ("(a(isvu))", &events), &error);
  g_assert_no_error (error);
  assert_calls (self, ITEM_PATH, ITEM_INTERFACE, "Activate", "(0, 0)");
  wait_until (self->heard->len > 0);
  g_assert_cmpuint (self->heard->len, <, 100);

  properties = fake_panel_call (self->panel, MENU_PATH, MENU_INTERFACE, "GetGroupProperties",
                                g_variant_new ("(aias)", &ids, NULL), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_size (properties), <, 200);
}

static void
test_bus_dies (Fixture      *self,
               gconstpointer data)
{
  g_clear_pointer (&self->panel, fake_panel_free);
  desktop_stop_bus (&self->desktop);
  assert_heard (self, "no");
  g_assert_cmpuint (n_messages, ==, 1);
  set_state (self, VMP_TRAY_SHARING);

  /* It comes back by itself when there is a bus again. */
  desktop_start_bus (&self->desktop, NULL);
  start_panel (self);
  assert_heard (self, "yes");
  g_assert_cmpuint (self->panel->n_registered, ==, 1);
}

static void
test_no_bus (Fixture      *self,
             gconstpointer data)
{
  g_clear_pointer (&self->tray, vmp_tray_free);
  desktop_stop_bus (&self->desktop);

  self->tray = vmp_tray_new (APP_ID, "Vampire", NULL, &funcs, self);
  set_state (self, VMP_TRAY_OFF);
  g_assert_cmpstr (self->heard->str, ==, "");
  assert_heard (self, "no");
  g_assert_cmpuint (n_messages, ==, 1);
  g_assert_false (vmp_tray_is_available (self->tray));
}

/* The icon of a tray that is freed goes at once: its name does. */
static void
test_freed (Fixture      *self,
            gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  g_clear_pointer (&self->tray, vmp_tray_free);
  do
    {
      g_clear_pointer (&reply, g_variant_unref);
      reply = fake_panel_call (self->panel, ITEM_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL, &error);
    }
  while (reply != NULL);
  g_assert_error (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN);
}

static void
test_freed_at_once (Fixture      *self,
                    gconstpointer data)
{
  for (guint i = 0; i < 20; i++)
    {
      g_clear_pointer (&self->tray, vmp_tray_free);
      self->tray = vmp_tray_new (APP_ID, "Vampire", NULL, &funcs, self);
      set_state (self, VMP_TRAY_OFF);
      for (guint turns = 0; turns < i; turns++)
        g_main_context_iteration (NULL, FALSE);
    }
}

/* -- Where the bus is ---------------------------------------------------------------------- */

int
main (int   argc,
      char *argv[])
{
  gboolean by_variable = argc < 2 || !g_str_equal (argv[1], "--in-runtime-dir");
  int failures;

  desktop_prepare (by_variable);
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);

#define ADD(path, prepare, test) g_test_add (path, Fixture, NULL, prepare, test, tear_down)
  ADD ("/tray/registers/by-its-unique-name", set_up, test_registers);
  ADD ("/tray/registers/when-a-panel-comes", set_up, test_panel_later);
  ADD ("/tray/registers/after-each-restart-of-the-panel", set_up_shown, test_panel_restarts);
  ADD ("/tray/registers/again-when-refused", set_up, test_refused_once);
  ADD ("/tray/available/with-a-host", set_up, test_host_later);
  ADD ("/tray/available/not-without-a-bus", set_up, test_no_bus);
  ADD ("/tray/says/properties", set_up_shown, test_properties);
  ADD ("/tray/says/pixmaps", set_up_shown, test_pixmaps);
  ADD ("/tray/says/status-before-icon", set_up_shown, test_order);
  ADD ("/tray/says/the-tooltip-alone", set_up_shown, test_tooltip_alone);
  ADD ("/tray/says/a-thousand-changes-as-few", set_up_shown, test_coalesced);
  ADD ("/tray/says/icons-once-a-second", set_up_shown, test_icon_rate);
  ADD ("/tray/says/it-in-a-flood", set_up_shown, test_flood);
  ADD ("/tray/says/what-changed-in-the-menu", set_up_shown, test_menu_changes);
  ADD ("/tray/hears/clicks", set_up_shown, test_clicks);
  ADD ("/tray/hears/nothing-else", set_up_shown, test_no_clicks);
  ADD ("/tray/hears/activation-token", set_up_shown, test_token);
  ADD ("/tray/hears/no-more-once-freed", set_up_shown, test_freed_in_call);
  ADD ("/tray/disorder/malformed-calls", set_up_shown, test_malformed);
  ADD ("/tray/disorder/many-clicks", set_up_shown, test_many_clicks);
  ADD ("/tray/disorder/the-bus-dies", set_up_shown, test_bus_dies);
  ADD ("/tray/free/takes-the-icon-away", set_up_shown, test_freed);
  ADD ("/tray/free/while-connecting", set_up, test_freed_at_once);
#undef ADD

  failures = g_test_run ();
  desktop_finish ();

  return failures;
}

/* SPDX-License-Identifier: MIT
 *
 * The preferences: each kind of row shows a setting, changes it at once, keeps what the gateway does not take, and says
 * why it cannot be changed.
 */

#include "app/windows/vmp-preferences-window.h"

#include <string.h>

#include "app/windows/vmp-setting-row.h"
#include "windows-fixture.h"

#define SETTINGS "GET /vampire/v1/settings"
#define CHANGE "PATCH /vampire/v1/settings"

#define ONE(key, value, type, values, source, pending, can_change) \
  "{\"object\":\"vampire.settings\",\"data\":[{\"key\":\"" key "\",\"value\":" value ",\"default\":null,\"source\":\"" \
  source "\",\"type\":\"" type "\",\"values\":" values ",\"needs_restart\":true,\"restart_pending\":" #pending "," \
  "\"can_change\":" #can_change ",\"secret\":false,\"about\":\"\"}]}"

static GtkWidget *
show_row (WindowsFixture *fixture,
          const char     *key,
          const char     *kind,
          const char     *document)
{
  GtkWidget *list = gtk_list_box_new ();
  GtkWidget *row = g_object_new (VMP_TYPE_SETTING_ROW, "key", key, "kind", kind, "title", "The <Row>", NULL);

  fake_gateway_answer (fixture->gateway, SETTINGS, 200, document);
  fake_gateway_answer (fixture->gateway, CHANGE, 200, "{}");
  vmp_mirror_hold (fixture->mirror, VMP_TOPIC_SETTINGS);
  windows_fixture_connect (fixture);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_SETTINGS));
  vmp_setting_row_set_mirror (VMP_SETTING_ROW (row), fixture->mirror);
  gtk_list_box_append (GTK_LIST_BOX (list), row);
  windows_fixture_show (fixture, list, 500);

  return row;
}

/* What was asked for last. */
static void
assert_changed (WindowsFixture *fixture,
                guint           n,
                const char     *body)
{
  await (fake_gateway_count (fixture->gateway, CHANGE) == n);
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, CHANGE), body));
}

static GtkWidget *
find_entry (GtkWidget *row)
{
  GtkWidget *entry = windows_find (row, GTK_TYPE_ENTRY, NULL);

  return entry != NULL ? entry : windows_find (row, GTK_TYPE_PASSWORD_ENTRY, NULL);
}

static void
type (GtkWidget  *row,
      const char *text)
{
  GtkWidget *entry = find_entry (row);

  gtk_editable_set_text (GTK_EDITABLE (entry), text);
  g_signal_emit_by_name (entry, "activate");
}

static void
test_number (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "port", "number", ONE ("port", "7777", "int", "null", "default", false, true));

  g_assert_true (windows_sees (row, "The <Row>"));
  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (find_entry (row))), ==, "7777");

  fake_gateway_answer (fixture->gateway, SETTINGS, 200, ONE ("port", "8080", "int", "null", "file", true, true));
  type (row, "8080");
  assert_changed (fixture, 1, "{\"port\":8080}");
  await (windows_sees (row, "Takes effect when Vampire is started again."));
  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (find_entry (row))), ==, "8080");
}

/* Empty is back to the default. */
static void
test_default (WindowsFixture *fixture,
              gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "port", "number", ONE ("port", "8080", "int", "null", "file", false, true));

  type (row, "");
  assert_changed (fixture, 1, "{\"port\":null}");
}

static void
test_refused (WindowsFixture *fixture,
              gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "port", "number", ONE ("port", "7777", "int", "null", "default", false, true));

  fake_gateway_answer (fixture->gateway, CHANGE, 422, "{\"error\":{\"message\":\"port must be a <whole> number.\"}}");
  type (row, "80x0");
  await (windows_sees (row, "port must be a <whole> number."));
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, CHANGE), "{\"port\":\"80x0\"}"));
  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (find_entry (row))), ==, "80x0");

  /* Nor is it lost when the settings are read again. */
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_SETTINGS);
  await (fake_gateway_count (fixture->gateway, SETTINGS) == 2);
  windows_await_frame (fixture->window);
  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (find_entry (row))), ==, "80x0");
  g_assert_true (windows_sees (row, "port must be a <whole> number."));

  type (row, "7777");
  g_assert_false (windows_sees (row, "port must be a <whole> number."));
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, CHANGE), ==, 1);
}

static void
test_list (WindowsFixture *fixture,
           gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "hosts", "list",
                             ONE ("hosts", "[\"a.lan\",\"b.lan\"]", "list", "null", "file", false, true));

  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (find_entry (row))), ==, "a.lan, b.lan");
  type (row, " c.lan,, d.lan ");
  assert_changed (fixture, 1, "{\"hosts\":[\"c.lan\",\"d.lan\"]}");
}

static void
test_switch (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "keep", "switch", ONE ("keep", "true", "bool", "null", "default", false, true));
  GtkWidget *widget = windows_find (row, GTK_TYPE_SWITCH, NULL);

  g_assert_true (gtk_switch_get_active (GTK_SWITCH (widget)));
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, CHANGE), ==, 0);
  windows_press (widget);
  assert_changed (fixture, 1, "{\"keep\":false}");
}

static void
test_switch_refused (WindowsFixture *fixture,
                     gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "keep", "switch", ONE ("keep", "true", "bool", "null", "default", false, true));
  GtkWidget *widget = windows_find (row, GTK_TYPE_SWITCH, NULL);

  fake_gateway_answer (fixture->gateway, CHANGE, 500, "{\"error\":{\"message\":\"The disk is full.\"}}");
  windows_press (widget);
  await (windows_sees (row, "The disk is full."));
  g_assert_true (gtk_switch_get_active (GTK_SWITCH (widget)));
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, CHANGE), ==, 1);
}

static void
test_choice (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "appearance", "choice",
                             ONE ("appearance", "\"light\"", "enum", "[\"system\",\"light\",\"dark\"]", "file", false,
                                  true));
  GtkWidget *choice = windows_find (row, GTK_TYPE_DROP_DOWN, NULL);

  g_assert_cmpuint (gtk_drop_down_get_selected (GTK_DROP_DOWN (choice)), ==, 1);
  g_assert_true (windows_sees (row, "Light"));
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, CHANGE), ==, 0);
  gtk_drop_down_set_selected (GTK_DROP_DOWN (choice), 2);
  assert_changed (fixture, 1, "{\"appearance\":\"dark\"}");
}

static void
test_secret (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "auth_token", "secret",
                             ONE ("auth_token", "\"(set)\"", "string", "null", "file", false, true));

  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (find_entry (row))), ==, "");
  type (row, "");
  type (row, "new-token");
  assert_changed (fixture, 1, "{\"auth_token\":\"new-token\"}");
  await (*gtk_editable_get_text (GTK_EDITABLE (find_entry (row))) == '\0');

  windows_press (windows_find (row, GTK_TYPE_BUTTON, "_Remove"));
  assert_changed (fixture, 2, "{\"auth_token\":null}");
}

static void
test_ruled (WindowsFixture *fixture,
            gconstpointer   data)
{
  GtkWidget *row = show_row (fixture, "port", "number",
                             ONE ("port", "7777", "int", "null", "VAMPIRE_PORT", false, false));

  g_assert_false (gtk_widget_is_sensitive (find_entry (row)));
  g_assert_true (windows_sees (row, "The variable VAMPIRE_PORT rules over this."));

  fake_gateway_answer (fixture->gateway, SETTINGS, 200, ONE ("port", "7777", "int", "null", "--port", false, false));
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_SETTINGS);
  await (windows_sees (row, "Vampire was started with --port, which rules over this."));
}

static void
test_unknown (WindowsFixture *fixture,
              gconstpointer   data)
{
  GtkWidget *row = g_object_ref_sink (g_object_new (VMP_TYPE_SETTING_ROW, "key", "coffee", "kind", "switch", NULL));

  vmp_mirror_hold (fixture->mirror, VMP_TOPIC_SETTINGS);
  windows_fixture_connect (fixture);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_SETTINGS));
  vmp_setting_row_set_mirror (VMP_SETTING_ROW (row), fixture->mirror);
  g_assert_false (gtk_widget_get_visible (row));
  g_object_unref (row);
}

static void
test_keyring (WindowsFixture *fixture,
              gconstpointer   data)
{
  VmpPreferencesWindow *window;

  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/keyring/unlock", 200, "{}");
  windows_fixture_connect (fixture);
  window = vmp_preferences_window_new (NULL, fixture->mirror);
  adw_preferences_window_set_visible_page_name (ADW_PREFERENCES_WINDOW (window), "privacy");
  gtk_window_present (GTK_WINDOW (window));
  windows_await_frame (GTK_WIDGET (window));
  g_assert_true (windows_sees (GTK_WIDGET (window), "Locked: "));
  windows_press (windows_find (GTK_WIDGET (window), GTK_TYPE_BUTTON, "_Unlock"));
  await (fake_gateway_count (fixture->gateway, "POST /vampire/v1/keyring/unlock") == 1);
}

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  windows_test_add ("/preferences/number", test_number, NULL);
  windows_test_add ("/preferences/default", test_default, NULL);
  windows_test_add ("/preferences/refused", test_refused, NULL);
  windows_test_add ("/preferences/list", test_list, NULL);
  windows_test_add ("/preferences/switch", test_switch, NULL);
  windows_test_add ("/preferences/switch-refused", test_switch_refused, NULL);
  windows_test_add ("/preferences/choice", test_choice, NULL);
  windows_test_add ("/preferences/secret", test_secret, NULL);
  windows_test_add ("/preferences/ruled", test_ruled, NULL);
  windows_test_add ("/preferences/unknown", test_unknown, NULL);
  windows_test_add ("/preferences/keyring", test_keyring, NULL);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * The main window: going from page to page, what it says above all of them, and its actions.
 */

#include "app/windows/vmp-window.h"

#include <string.h>

#include "windows-fixture.h"

#define PAUSED_STATUS \
  "{\"object\":\"vampire.status\",\"nodes_online\":1,\"nodes_offline\":0,\"nodes_pending\":0,\"active_requests\":3," \
  "\"paused\":true,\"listeners\":[]}"

static GtkWidget *
show_window (WindowsFixture *fixture,
             int             width)
{
  fixture->window = GTK_WIDGET (vmp_window_new (NULL, fixture->mirror));
  gtk_window_set_default_size (GTK_WINDOW (fixture->window), width, 700);
  gtk_window_present (GTK_WINDOW (fixture->window));
  windows_await_frame (fixture->window);

  return fixture->window;
}

/* The title in the header bar. */
static gboolean
is_on_page (GtkWidget  *window,
            const char *title)
{
  GtkWidget *found = windows_find (window, ADW_TYPE_WINDOW_TITLE, NULL);

  /* The first is the sidebar's. */
  if (found != NULL && g_strcmp0 (adw_window_title_get_title (ADW_WINDOW_TITLE (found)), "Vampire") == 0)
    return windows_find (window, ADW_TYPE_LEAFLET, NULL) != NULL && windows_sees (window, title);

  return found != NULL && g_strcmp0 (adw_window_title_get_title (ADW_WINDOW_TITLE (found)), title) == 0;
}

static gboolean
has_page (GtkWidget  *window,
          const char *name)
{
  GtkWidget *page = vmp_window_get_page (VMP_WINDOW (window), name);

  return gtk_widget_get_mapped (page);
}

static void
test_pages_by_action (WindowsFixture *fixture,
                      gconstpointer   data)
{
  static const char * const names[] = { "nodes", "models", "routes", "playground", "activity", "sharing", "overview" };
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  g_assert_true (has_page (window, "overview"));

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_true (gtk_widget_activate_action (window, "win.show-page", "s", names[i]));
      windows_await_frame (window);
      g_assert_true (has_page (window, names[i]));
    }
}

static void
test_unknown_page (WindowsFixture *fixture,
                   gconstpointer   data)
{
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  vmp_window_show_page (VMP_WINDOW (window), "sharing");
  vmp_window_show_page (VMP_WINDOW (window), "../etc/passwd");
  windows_await_frame (window);
  g_assert_true (has_page (window, "overview"));
}

static void
test_pages_by_list (WindowsFixture *fixture,
                    gconstpointer   data)
{
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  windows_press (gtk_widget_get_ancestor (windows_find (window, GTK_TYPE_LABEL, "Playground"), GTK_TYPE_LIST_BOX_ROW));
  windows_await_frame (window);
  g_assert_true (has_page (window, "playground"));
  windows_press (gtk_widget_get_ancestor (windows_find (window, GTK_TYPE_LABEL, "Sharing"), GTK_TYPE_LIST_BOX_ROW));
  windows_await_frame (window);
  g_assert_true (has_page (window, "sharing"));
}

static void
test_narrow (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 360);
  g_assert_true (has_page (window, "overview"));
  g_assert_true (is_on_page (window, "Overview"));

  g_assert_true (gtk_widget_activate_action (window, "win.back", NULL));
  windows_await_frame (window);
  g_assert_nonnull (windows_find (window, GTK_TYPE_LIST_BOX, NULL));
  g_assert_false (has_page (window, "overview"));

  g_assert_true (gtk_widget_activate_action (window, "win.show-page", "s", "sharing"));
  windows_await_frame (window);
  g_assert_true (has_page (window, "sharing"));
}

static void
test_nodes_wait (WindowsFixture *fixture,
                 gconstpointer   data)
{
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  g_assert_true (windows_sees (window, "1 node waits for your approval."));
  g_assert_nonnull (windows_find (window, GTK_TYPE_BUTTON, "Re_view…"));
  g_assert_false (windows_sees (window, "Vampire is paused"));
}

static void
test_paused (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *window;

  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/status", 200, PAUSED_STATUS);
  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/pause", 200, "{\"paused\":false,\"active_requests\":0}");
  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  g_assert_true (windows_sees (window, "Vampire is paused"));
  g_assert_false (windows_sees (window, "wait for your approval"));
  g_assert_nonnull (windows_find (window, GTK_TYPE_LABEL, "3"));

  g_assert_true (gtk_widget_activate_action (window, "win.resume", NULL));
  await (fake_gateway_count (fixture->gateway, "POST /vampire/v1/pause") == 1);
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, "POST /vampire/v1/pause"),
                            "{\"paused\":false}"));
}

static void
test_lost_and_back (WindowsFixture *fixture,
                    gconstpointer   data)
{
  guint16 port = fake_gateway_get_port (fixture->gateway);
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  g_assert_null (windows_find (window, GTK_TYPE_BUTTON, "_Try Again"));

  fake_gateway_free (fixture->gateway);
  await (vmp_link_get_state (fixture->link) == VMP_LINK_LOST);
  windows_await_frame (window);
  g_assert_nonnull (windows_find (window, GTK_TYPE_BUTTON, "_Try Again"));
  g_assert_true (windows_sees (window, vmp_link_get_trouble (fixture->link)));
  /* What was known stays in sight; the banner of nodes that wait does not, for nothing could be done about them. */
  g_assert_true (windows_sees (window, "studio"));
  g_assert_false (windows_sees (window, "waits for your approval"));

  vmp_window_set_trouble (VMP_WINDOW (window), "Port 7777 is taken by another program.");
  windows_await_frame (window);
  g_assert_true (windows_sees (window, "Port 7777 is taken by another program."));
  vmp_window_set_trouble (VMP_WINDOW (window), NULL);

  fixture->gateway = fake_gateway_new (port);
  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/status", 200, PAUSED_STATUS);
  g_assert_true (gtk_widget_activate_action (window, "win.try-again", NULL));
  await (vmp_link_get_state (fixture->link) == VMP_LINK_CONNECTED);
  await (windows_find (window, GTK_TYPE_BUTTON, "_Try Again") == NULL);
  await (windows_sees (window, "Vampire is paused"));
}

/* Ctrl+F goes to what the page has for searching, and does no harm where it has nothing. */
static void
test_search (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *window;

  windows_fixture_connect (fixture);
  window = show_window (fixture, 900);
  g_assert_true (gtk_widget_activate_action (window, "win.search", NULL));
  vmp_window_show_page (VMP_WINDOW (window), "models");
  windows_await_frame (window);
  g_assert_true (gtk_widget_activate_action (window, "win.search", NULL));
  g_assert_true (GTK_IS_TEXT (gtk_window_get_focus (GTK_WINDOW (window))));
}

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  windows_test_add ("/window/pages/by-action", test_pages_by_action, NULL);
  windows_test_add ("/window/pages/unknown", test_unknown_page, NULL);
  windows_test_add ("/window/pages/by-list", test_pages_by_list, NULL);
  windows_test_add ("/window/narrow", test_narrow, NULL);
  windows_test_add ("/window/banner/nodes-wait", test_nodes_wait, NULL);
  windows_test_add ("/window/banner/paused", test_paused, NULL);
  windows_test_add ("/window/banner/lost-and-back", test_lost_and_back, NULL);
  windows_test_add ("/window/search", test_search, NULL);

  return g_test_run ();
}

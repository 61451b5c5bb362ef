/* SPDX-License-Identifier: MIT
 *
 * Every page and window is made from its template, shown wide and as narrow as a phone, and goes without leaving
 * anything behind: with a gateway that answers, and with none.
 */

#include "app/windows/vmp-activity-page.h"
#include "app/windows/vmp-approvals-window.h"
#include "app/windows/vmp-models-page.h"
#include "app/windows/vmp-nodes-page.h"
#include "app/windows/vmp-overview-page.h"
#include "app/windows/vmp-playground-page.h"
#include "app/windows/vmp-preferences-window.h"
#include "app/windows/vmp-routes-page.h"
#include "app/windows/vmp-sharing-page.h"
#include "app/windows/vmp-window.h"

#include "windows-fixture.h"

#define NARROW 360
#define WIDE 900

typedef GtkWidget *(*MakePage) (VmpMirror *mirror);

static const struct {
  const char *name;
  MakePage make;
} pages[] = {
  { "activity", vmp_activity_page_new },
  { "models", vmp_models_page_new },
  { "nodes", vmp_nodes_page_new },
  { "overview", vmp_overview_page_new },
  { "playground", vmp_playground_page_new },
  { "routes", vmp_routes_page_new },
  { "sharing", vmp_sharing_page_new },
};

static void
assert_fits (GtkWidget *widget,
             int        width)
{
  int minimum;

  /* A window has borders of its own where no window manager draws them. */
  if (GTK_IS_WINDOW (widget))
    widget = gtk_widget_get_first_child (widget);
  gtk_widget_measure (widget, GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
  g_assert_cmpint (minimum, <=, width);
}

/* It is gone with its window, and whatever it held with it. */
static void
show_and_close (WindowsFixture *fixture,
                MakePage        make,
                int             width)
{
  GtkWidget *page = make (fixture->mirror);
  gpointer weak = page;

  g_object_add_weak_pointer (G_OBJECT (page), &weak);
  windows_fixture_show (fixture, page, width);
  assert_fits (page, width);
  gtk_window_destroy (GTK_WINDOW (fixture->window));
  fixture->window = NULL;
  await (weak == NULL);
}

static void
test_page (WindowsFixture *fixture,
           gconstpointer   data)
{
  MakePage make = pages[GPOINTER_TO_UINT (data)].make;

  windows_fixture_connect (fixture);
  show_and_close (fixture, make, WIDE);
  show_and_close (fixture, make, NARROW);
}

static void
test_page_without_gateway (WindowsFixture *fixture,
                           gconstpointer   data)
{
  show_and_close (fixture, pages[GPOINTER_TO_UINT (data)].make, NARROW);
}

static void
show_window (GtkWindow *window,
             int        width)
{
  gpointer weak = window;

  g_object_add_weak_pointer (G_OBJECT (window), &weak);
  gtk_window_set_default_size (window, width, 600);
  gtk_window_present (window);
  windows_await_frame (GTK_WIDGET (window));
  assert_fits (GTK_WIDGET (window), width);
  gtk_window_destroy (window);
  await (weak == NULL);
}

static void
test_main_window (WindowsFixture *fixture,
                  gconstpointer   data)
{
  windows_fixture_connect (fixture);
  show_window (GTK_WINDOW (vmp_window_new (NULL, fixture->mirror)), WIDE);
  show_window (GTK_WINDOW (vmp_window_new (NULL, fixture->mirror)), NARROW);
}

static void
test_approvals_window (WindowsFixture *fixture,
                       gconstpointer   data)
{
  windows_fixture_connect (fixture);
  show_window (GTK_WINDOW (vmp_approvals_window_new (NULL, fixture->mirror)), NARROW);
}

static void
test_preferences_window (WindowsFixture *fixture,
                         gconstpointer   data)
{
  windows_fixture_connect (fixture);
  show_window (GTK_WINDOW (vmp_preferences_window_new (NULL, fixture->mirror)), NARROW);
}

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    {
      g_autofree char *path = g_strconcat ("/templates/", pages[i].name, NULL);
      g_autofree char *without = g_strconcat (path, "-without-gateway", NULL);

      windows_test_add (path, test_page, GUINT_TO_POINTER (i));
      windows_test_add (without, test_page_without_gateway, GUINT_TO_POINTER (i));
    }
  windows_test_add ("/templates/main-window", test_main_window, NULL);
  windows_test_add ("/templates/approvals-window", test_approvals_window, NULL);
  windows_test_add ("/templates/preferences-window", test_preferences_window, NULL);

  return g_test_run ();
}

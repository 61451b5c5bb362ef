/* SPDX-License-Identifier: MIT
 *
 * The chart: what it draws, seen as pixels, and what it tells those who do not see it.
 */

#include "app/windows/vmp-chart.h"

#include "windows-fixture.h"

#define WIDTH 240
#define HEIGHT 100

/* Draws it into memory. (transfer full) */
static cairo_surface_t *
draw (GtkWidget *chart)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, WIDTH, HEIGHT);
  cairo_t *cairo = cairo_create (surface);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;

  GTK_WIDGET_GET_CLASS (chart)->snapshot (chart, snapshot);
  node = gtk_snapshot_free_to_node (snapshot);
  if (node != NULL)
    gsk_render_node_draw (node, cairo);
  cairo_destroy (cairo);
  cairo_surface_flush (surface);

  return surface;
}

/* Whether something that is not the faint grid or area is drawn in these columns. */
static gboolean
has_line (GtkWidget *chart,
          int        from,
          int        to)
{
  cairo_surface_t *surface = draw (chart);
  const guint8 *data = cairo_image_surface_get_data (surface);
  int stride = cairo_image_surface_get_stride (surface);
  gboolean found = FALSE;

  /* The scale's number is at the top left. */
  for (int y = 30; y < HEIGHT && !found; y++)
    for (int x = from; x < to && !found; x++)
      found = data[y * stride + x * 4 + 3] > 200;
  cairo_surface_destroy (surface);

  return found;
}

/* The highest row, from the top, where a column has the line. */
static int
find_height (GtkWidget *chart,
             int        x)
{
  cairo_surface_t *surface = draw (chart);
  const guint8 *data = cairo_image_surface_get_data (surface);
  int stride = cairo_image_surface_get_stride (surface);
  int y = 0;

  while (y < HEIGHT && data[y * stride + x * 4 + 3] <= 200)
    y++;
  cairo_surface_destroy (surface);

  return y;
}

static GtkWidget *
show_chart (guint capacity)
{
  GtkWidget *window = gtk_window_new ();
  GtkWidget *chart = vmp_chart_new (capacity, "Tokens per second");

  gtk_window_set_child (GTK_WINDOW (window), chart);
  gtk_widget_set_size_request (chart, WIDTH, HEIGHT);
  gtk_widget_set_halign (chart, GTK_ALIGN_START);
  gtk_widget_set_valign (chart, GTK_ALIGN_START);
  gtk_window_present (GTK_WINDOW (window));
  windows_await_frame (window);
  g_assert_cmpint (gtk_widget_get_width (chart), ==, WIDTH);

  return chart;
}

static void
close_chart (GtkWidget *chart)
{
  gtk_window_destroy (GTK_WINDOW (gtk_widget_get_root (chart)));
}

static void
test_newest_at_the_right (void)
{
  GtkWidget *chart = show_chart (11);

  g_assert_false (has_line (chart, 0, WIDTH));
  vmp_chart_add (VMP_CHART (chart), 3);
  vmp_chart_add (VMP_CHART (chart), 3);
  g_assert_true (has_line (chart, WIDTH - 20, WIDTH));
  g_assert_false (has_line (chart, 0, WIDTH - 40));

  for (guint i = 0; i < 9; i++)
    vmp_chart_add (VMP_CHART (chart), 3);
  g_assert_true (has_line (chart, 0, 40));

  close_chart (chart);
}

static void
test_oldest_goes (void)
{
  GtkWidget *chart = show_chart (5);

  /* The high one makes a scale of 100: below it, 10 is near the bottom. */
  vmp_chart_add (VMP_CHART (chart), 100);
  for (guint i = 0; i < 4; i++)
    vmp_chart_add (VMP_CHART (chart), 10);
  g_assert_cmpint (find_height (chart, WIDTH - 10), >, HEIGHT / 2);

  /* Gone, 10 is the top of the scale. */
  vmp_chart_add (VMP_CHART (chart), 10);
  g_assert_cmpint (find_height (chart, WIDTH - 10), <, 10);

  close_chart (chart);
}

static void
test_gaps (void)
{
  GtkWidget *chart = show_chart (11);

  for (guint i = 0; i < 11; i++)
    vmp_chart_add (VMP_CHART (chart), i >= 4 && i <= 6 ? -1 : 3);
  g_assert_true (has_line (chart, 0, 50));
  g_assert_false (has_line (chart, WIDTH / 2 - 15, WIDTH / 2 + 15));
  g_assert_true (has_line (chart, WIDTH - 50, WIDTH));

  close_chart (chart);
}

/* Whatever a node claims to be its speed. */
static void
test_strange_values (void)
{
  static const double values[] = { G_MAXDOUBLE, -G_MAXDOUBLE, 0.0 / 0.0, 1.0 / 0.0, 0, G_MINDOUBLE };
  GtkWidget *chart = show_chart (8);

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      vmp_chart_add (VMP_CHART (chart), values[i]);
      cairo_surface_destroy (draw (chart));
    }
  vmp_chart_clear (VMP_CHART (chart));
  g_assert_false (has_line (chart, 0, WIDTH));

  close_chart (chart);
}

static void
test_tells_its_newest_value (void)
{
  GtkWidget *chart = show_chart (3);

  g_assert_cmpstr (gtk_widget_get_tooltip_text (chart), ==, "Tokens per second: nothing yet");
  vmp_chart_add (VMP_CHART (chart), 41.96);
  g_assert_cmpstr (gtk_widget_get_tooltip_text (chart), ==, "Tokens per second: 42.0");
  vmp_chart_add (VMP_CHART (chart), -1);
  g_assert_cmpstr (gtk_widget_get_tooltip_text (chart), ==, "Tokens per second: nothing yet");
  g_assert_cmpint (gtk_accessible_get_accessible_role (GTK_ACCESSIBLE (chart)), ==, GTK_ACCESSIBLE_ROLE_IMG);

  close_chart (chart);
}

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  g_test_add_func ("/chart/newest-at-the-right", test_newest_at_the_right);
  g_test_add_func ("/chart/oldest-goes", test_oldest_goes);
  g_test_add_func ("/chart/gaps", test_gaps);
  g_test_add_func ("/chart/strange-values", test_strange_values);
  g_test_add_func ("/chart/tells-its-newest-value", test_tells_its_newest_value);

  return g_test_run ();
}

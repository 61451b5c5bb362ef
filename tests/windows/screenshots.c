/* SPDX-License-Identifier: MIT
 *
 * Pictures of every window and page, light and dark, wide and narrow, of a gateway that runs: for the metainfo and to
 * be looked at. Run by take-screenshots; it writes FOLDER/NAME-light.png and so on.
 */

#include <adwaita.h>
#include <stdlib.h>

#include "app/mirror/vmp-mirror.h"
#include "app/windows/vmp-approvals-window.h"
#include "app/windows/vmp-preferences-window.h"
#include "app/windows/vmp-window.h"

#define WAIT_SECONDS 20
/* After what was asked for is there: rows are made, and what they ask for comes. */
#define QUIET_FRAMES 30

#define WIDE_WIDTH 1040
#define WIDE_HEIGHT 760
#define NARROW_WIDTH 360
#define NARROW_HEIGHT 720

static const char * const pages[] = {
  "overview", "nodes", "models", "routes", "playground", "activity", "sharing", NULL
};

static const char *folder;
static VmpMirror *mirror;

static void
fail (const char *message)
{
  g_printerr ("screenshots: %s\n", message);
  exit (EXIT_FAILURE);
}

static gboolean
tick_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  guint *n_left = user_data;

  (*n_left)--;

  return *n_left > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
await_frames (GtkWidget *widget)
{
  guint n_left = QUIET_FRAMES;

  gtk_widget_add_tick_callback (widget, tick_cb, &n_left, NULL);
  while (n_left > 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
save (GtkWidget  *window,
      const char *name,
      const char *variant)
{
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (window);
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  g_autofree char *path = g_strdup_printf ("%s/%s-%s.png", folder, name, variant);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  int width = gdk_paintable_get_intrinsic_width (paintable);
  int height = gdk_paintable_get_intrinsic_height (paintable);

  gdk_paintable_snapshot (paintable, snapshot, width, height);
  node = gtk_snapshot_free_to_node (snapshot);
  if (node == NULL)
    fail ("there is nothing to be seen");

  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (window)), node,
                                         &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  if (!gdk_texture_save_to_png (texture, path))
    fail (path);
  g_print ("%s\n", path);
}

static void
ignore_cb (GSimpleAction *action,
           GVariant      *parameter,
           gpointer       user_data)
{
}

/* Of the application, which is not here: buttons for them are seen as they are there. */
static void
add_actions (GtkWidget *window)
{
  static const GActionEntry actions[] = {
    { .name = "review", .activate = ignore_cb, .parameter_type = "s" },
    { .name = "preferences", .activate = ignore_cb },
    { .name = "about", .activate = ignore_cb },
    { .name = "quit", .activate = ignore_cb },
  };
  g_autoptr (GSimpleActionGroup) group = g_simple_action_group_new ();

  g_action_map_add_action_entries (G_ACTION_MAP (group), actions, G_N_ELEMENTS (actions), NULL);
  gtk_widget_insert_action_group (window, "app", G_ACTION_GROUP (group));
}

static void
take_window (GtkWindow  *window,
             const char *name,
             const char *variant,
             int         width,
             int         height)
{
  add_actions (GTK_WIDGET (window));
  if (width > 0)
    gtk_window_set_default_size (window, width, height);
  gtk_window_present (window);
  await_frames (GTK_WIDGET (window));
  save (GTK_WIDGET (window), name, variant);
  gtk_window_destroy (window);
}

static void
take_all (const char *variant,
          int         width,
          int         height)
{
  for (gsize i = 0; pages[i] != NULL; i++)
    {
      VmpWindow *window = vmp_window_new (NULL, mirror);

      vmp_window_show_page (window, pages[i]);
      take_window (GTK_WINDOW (window), pages[i], variant, width, height);
    }
  take_window (GTK_WINDOW (vmp_approvals_window_new (NULL, mirror)), "approvals", variant, 0, 0);
  take_window (GTK_WINDOW (vmp_preferences_window_new (NULL, mirror)), "preferences", variant, 0, 0);
}

static void
connect_link (VmpLink *link)
{
  gint64 until = g_get_monotonic_time () + WAIT_SECONDS * G_USEC_PER_SEC;

  vmp_link_start (link);
  while (!vmp_mirror_has (mirror, VMP_TOPIC_STATUS) || !vmp_mirror_has (mirror, VMP_TOPIC_NODES))
    {
      if (g_get_monotonic_time () > until)
        fail ("the gateway does not answer");
      g_main_context_iteration (NULL, TRUE);
    }
}

/* As the application does by itself. */
static void
load_style (void)
{
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (provider, "/io/github/lmstudio_vampire/Vampire/style.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (), GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (VmpSettings) settings = vmp_settings_load (NULL, NULL, NULL);
  g_autoptr (VmpLink) link = NULL;
  AdwStyleManager *style;

  if (argc != 3)
    fail ("usage: screenshots GATEWAY-URL FOLDER");

  folder = argv[2];
  adw_init ();
  load_style ();
  g_object_set (gtk_settings_get_default (), "gtk-enable-animations", FALSE, NULL);
  style = adw_style_manager_get_default ();

  link = vmp_link_new (argv[1], settings);
  mirror = vmp_mirror_new (link);
  connect_link (link);

  adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_FORCE_LIGHT);
  take_all ("light", WIDE_WIDTH, WIDE_HEIGHT);
  take_all ("narrow", NARROW_WIDTH, NARROW_HEIGHT);
  adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_FORCE_DARK);
  take_all ("dark", WIDE_WIDTH, WIDE_HEIGHT);

  vmp_link_stop (link);
  g_object_unref (mirror);

  return EXIT_SUCCESS;
}

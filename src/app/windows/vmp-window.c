/* SPDX-License-Identifier: MIT
 *
 * See vmp-window.h. A table of pages makes the list at the left; what the mirror tells of all of them (the gateway is
 * gone, it is paused, nodes wait) is said above the page, whichever it is.
 */

#include "app/windows/vmp-window.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-activity-page.h"
#include "app/windows/vmp-models-page.h"
#include "app/windows/vmp-nodes-page.h"
#include "app/windows/vmp-overview-page.h"
#include "app/windows/vmp-playground-page.h"
#include "app/windows/vmp-routes-page.h"
#include "app/windows/vmp-sharing-page.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

#define SCHEMA_ID "io.github.lmstudio_vampire.Vampire"

typedef struct {
  const char *name;
  const char *title;
  const char *icon;
  GtkWidget *(*make) (VmpMirror *mirror);
  gboolean is_for_typing;    /* it has a place that takes the keys as soon as it is opened */
} Page;

static const Page pages[] = {
  { "overview", N_("Overview"), "go-home-symbolic", vmp_overview_page_new },
  { "nodes", N_("Nodes"), "network-server-symbolic", vmp_nodes_page_new },
  { "models", N_("Models"), "package-x-generic-symbolic", vmp_models_page_new },
  { "routes", N_("Routes"), "media-playlist-shuffle-symbolic", vmp_routes_page_new },
  { "playground", N_("Playground"), "chat-message-new-symbolic", vmp_playground_page_new, TRUE },
  { "activity", N_("Activity"), "view-list-bullet-symbolic", vmp_activity_page_new },
  { "sharing", N_("Sharing"), "emblem-shared-symbolic", vmp_sharing_page_new },
};

struct _VmpWindow {
  AdwApplicationWindow parent_instance;

  AdwToastOverlay *toasts;
  AdwLeaflet *leaflet;
  GtkListBox *page_list;
  AdwWindowTitle *title;
  GtkMenuButton *menu_button;
  GtkMenuButton *sidebar_menu_button;
  GtkInfoBar *lost_banner;
  GtkLabel *lost_label;
  GtkInfoBar *paused_banner;
  GtkInfoBar *waiting_banner;
  GtkLabel *waiting_label;
  GtkStack *stack;

  VmpMirror *mirror;
  GSettings *state;                          /* NULL: where its schema is not installed */
  GtkLabel *counts[G_N_ELEMENTS (pages)];
  char *trouble;                             /* as the resident knows it; NULL */
};

G_DEFINE_FINAL_TYPE (VmpWindow, vmp_window, ADW_TYPE_APPLICATION_WINDOW)

static guint
find_page (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    if (g_strcmp0 (pages[i].name, name) == 0)
      return i;

  return 0;
}

/* -- Pages --------------------------------------------------------------------------------- */

/* A number at the right of a page's name; none for 0. @what: (transfer full): what it counts, for those who do not
 * see */
static void
set_count (VmpWindow  *self,
           const char *page,
           int         count,
           gboolean    is_quiet,
           char       *what)
{
  guint index = find_page (page);
  GtkLabel *label = self->counts[index];
  GtkWidget *row = GTK_WIDGET (gtk_list_box_get_row_at_index (self->page_list, (int) index));
  g_autofree char *owned_what = what;
  g_autofree char *text = g_strdup_printf ("%d", count);

  gtk_widget_set_visible (GTK_WIDGET (label), count > 0);
  if (count > 0)
    gtk_label_set_text (label, text);
  if (is_quiet)
    gtk_widget_add_css_class (GTK_WIDGET (label), "quiet");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (label), "quiet");

  gtk_widget_set_tooltip_text (GTK_WIDGET (label), count > 0 ? what : NULL);
  if (count > 0)
    gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, what, -1);
  else
    gtk_accessible_reset_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION);
}

static void
add_row (VmpWindow *self,
         guint      index)
{
  const Page *page = &pages[index];
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *icon = gtk_image_new_from_icon_name (page->icon);
  GtkWidget *label = gtk_label_new (_(page->title));
  GtkWidget *count = gtk_label_new (NULL);
  GtkWidget *row = gtk_list_box_row_new ();

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_set_visible (count, FALSE);
  gtk_widget_set_valign (count, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (count, "vmp-count");
  gtk_widget_add_css_class (count, "numeric");
  gtk_box_append (GTK_BOX (box), icon);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), count);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, _(page->title), -1);

  self->counts[index] = GTK_LABEL (count);
  gtk_list_box_append (self->page_list, row);
}

static GtkWidget *
ensure_page (VmpWindow *self,
             guint      index)
{
  GtkWidget *page = gtk_stack_get_child_by_name (self->stack, pages[index].name);

  if (page == NULL)
    {
      page = pages[index].make (self->mirror);
      gtk_stack_add_named (self->stack, page, pages[index].name);
    }
  return page;
}

static void
show_page (VmpWindow *self,
           guint      index)
{
  ensure_page (self, index);
  gtk_stack_set_visible_child_name (self->stack, pages[index].name);
  adw_window_title_set_title (self->title, _(pages[index].title));
  gtk_list_box_select_row (self->page_list, gtk_list_box_get_row_at_index (self->page_list, (int) index));
}

/* Else keys would go to the menu's button, which comes first in the window. */
static void
focus_page (VmpWindow *self)
{
  const char *name = gtk_stack_get_visible_child_name (self->stack);
  guint index = find_page (name);

  if (name == NULL)
    return;
  if (pages[index].is_for_typing)
    gtk_widget_grab_focus (gtk_stack_get_visible_child (self->stack));
  else if (!adw_leaflet_get_folded (self->leaflet))
    gtk_widget_grab_focus (GTK_WIDGET (gtk_list_box_get_row_at_index (self->page_list, (int) index)));
}

static gboolean
first_frame_cb (GtkWidget     *widget,
                GdkFrameClock *clock,
                gpointer       user_data)
{
  focus_page (VMP_WINDOW (widget));

  return G_SOURCE_REMOVE;
}

/* Not before it is on the screen: GTK 4.8 would tell screen readers of no window then. */
static void
mapped_cb (VmpWindow *self)
{
  gtk_widget_add_tick_callback (GTK_WIDGET (self), first_frame_cb, NULL, NULL);
}

void
vmp_window_show_page (VmpWindow  *self,
                      const char *page)
{
  guint index = find_page (page);

  g_return_if_fail (VMP_IS_WINDOW (self));

  show_page (self, index);
  adw_leaflet_set_visible_child_name (self->leaflet, "content");

  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    focus_page (self);
}

GtkWidget *
vmp_window_get_page (VmpWindow  *self,
                     const char *page)
{
  g_return_val_if_fail (VMP_IS_WINDOW (self), NULL);

  return ensure_page (self, find_page (page));
}

static void
row_activated_cb (VmpWindow     *self,
                  GtkListBoxRow *row)
{
  vmp_window_show_page (self, pages[gtk_list_box_row_get_index (row)].name);
}

/* Arrow keys go through the pages; where one has to be opened, Enter does it. */
static void
row_selected_cb (VmpWindow     *self,
                 GtkListBoxRow *row)
{
  if (row != NULL && self->mirror != NULL && !adw_leaflet_get_folded (self->leaflet))
    show_page (self, (guint) gtk_list_box_row_get_index (row));
}

static gboolean
focus_list_cb (GtkWidget     *widget,
               GdkFrameClock *clock,
               gpointer       user_data)
{
  VmpWindow *self = VMP_WINDOW (widget);
  const char *name = gtk_stack_get_visible_child_name (self->stack);

  if (name != NULL && adw_leaflet_get_folded (self->leaflet))
    gtk_widget_grab_focus (GTK_WIDGET (gtk_list_box_get_row_at_index (self->page_list, (int) find_page (name))));

  return G_SOURCE_REMOVE;
}

/* Where one page is seen at a time, keys go on from the one that was left: after GTK has moved the focus out of it. */
static void
sidebar_mapped_cb (VmpWindow *self)
{
  gtk_widget_add_tick_callback (GTK_WIDGET (self), focus_list_cb, NULL, NULL);
}

/* Where one page is seen at a time, none is marked in the list. */
static void
folded_cb (VmpWindow *self)
{
  const char *name = gtk_stack_get_visible_child_name (self->stack);

  if (adw_leaflet_get_folded (self->leaflet))
    {
      gtk_list_box_set_selection_mode (self->page_list, GTK_SELECTION_NONE);
      return;
    }
  gtk_list_box_set_selection_mode (self->page_list, GTK_SELECTION_SINGLE);
  if (name != NULL)
    gtk_list_box_select_row (self->page_list, gtk_list_box_get_row_at_index (self->page_list, (int) find_page (name)));
}

/* -- What all pages say -------------------------------------------------------------------- */

static void
update_lost (VmpWindow *self)
{
  VmpLink *link = vmp_mirror_get_link (self->mirror);
  gboolean is_lost = vmp_link_get_state (link) == VMP_LINK_LOST;
  const char *trouble = self->trouble != NULL ? self->trouble : vmp_link_get_trouble (link);

  if (is_lost)
    {
      if (trouble == NULL)
        trouble = _("The gateway does not answer.");
      gtk_label_set_text (self->lost_label, trouble);
      if (vmp_mirror_get_document (self->mirror, VMP_TOPIC_STATUS) != NULL)
        gtk_widget_add_css_class (GTK_WIDGET (self->stack), "vmp-stale");
      if (!gtk_info_bar_get_revealed (self->lost_banner))
        vmp_ui_announce (GTK_WIDGET (self), trouble);
    }
  else
    {
      gtk_widget_remove_css_class (GTK_WIDGET (self->stack), "vmp-stale");
    }
  gtk_info_bar_set_revealed (self->lost_banner, is_lost);
}

static void
update_status (VmpWindow *self)
{
  JsonObject *status = vmp_mirror_get_document (self->mirror, VMP_TOPIC_STATUS);
  gboolean is_lost = vmp_link_get_state (vmp_mirror_get_link (self->mirror)) == VMP_LINK_LOST;
  gboolean is_paused = FALSE;
  gint64 waiting = 0;
  gint64 active = 0;

  if (status != NULL)
    {
      vmp_json_get_boolean (status, "paused", &is_paused);
      vmp_json_get_int (status, "nodes_pending", &waiting);
      vmp_json_get_int (status, "active_requests", &active);
    }

  gtk_info_bar_set_revealed (self->paused_banner, is_paused && !is_lost);
  gtk_info_bar_set_revealed (self->waiting_banner, waiting > 0 && !is_lost);
  if (waiting > 0)
    {
      g_autofree char *text = g_strdup_printf (ngettext ("%d node waits for your approval.",
                                                         "%d nodes wait for your approval.", (gulong) waiting),
                                               (int) waiting);

      gtk_label_set_text (self->waiting_label, text);
    }
  set_count (self, "nodes", (int) waiting, FALSE,
             g_strdup_printf (ngettext ("%d waits for approval", "%d wait for approval", (gulong) waiting),
                              (int) waiting));
  set_count (self, "activity", (int) active, TRUE,
             g_strdup_printf (ngettext ("%d request is running", "%d requests are running", (gulong) active),
                              (int) active));
}

static void
changed_cb (VmpWindow *self,
            guint      topic)
{
  if (topic == VMP_TOPIC_STATUS)
    update_status (self);
}

static void
state_cb (VmpWindow *self)
{
  update_lost (self);
  update_status (self);
}

void
vmp_window_set_trouble (VmpWindow  *self,
                        const char *trouble)
{
  g_return_if_fail (VMP_IS_WINDOW (self));

  g_free (self->trouble);
  self->trouble = g_strdup (trouble);
  update_lost (self);
}

void
vmp_window_add_toast (VmpWindow *self,
                      AdwToast  *toast)
{
  g_return_if_fail (VMP_IS_WINDOW (self));

  adw_toast_overlay_add_toast (self->toasts, toast);
}

/* -- Actions ------------------------------------------------------------------------------- */

static void
show_page_action (GtkWidget  *widget,
                  const char *name,
                  GVariant   *page)
{
  vmp_window_show_page (VMP_WINDOW (widget), g_variant_get_string (page, NULL));
}

static void
show_node_action (GtkWidget  *widget,
                  const char *name,
                  GVariant   *node_id)
{
  VmpWindow *self = VMP_WINDOW (widget);

  vmp_window_show_page (self, "nodes");
  vmp_nodes_page_show_node (VMP_NODES_PAGE (vmp_window_get_page (self, "nodes")),
                            g_variant_get_string (node_id, NULL));
}

static void
show_request_action (GtkWidget  *widget,
                     const char *name,
                     GVariant   *request_id)
{
  VmpWindow *self = VMP_WINDOW (widget);

  vmp_window_show_page (self, "activity");
  vmp_activity_page_show_request (VMP_ACTIVITY_PAGE (vmp_window_get_page (self, "activity")),
                                  g_variant_get_string (request_id, NULL));
}

static void
chat_with_action (GtkWidget  *widget,
                  const char *name,
                  GVariant   *model)
{
  VmpWindow *self = VMP_WINDOW (widget);

  vmp_window_show_page (self, "playground");
  vmp_playground_page_set_target (VMP_PLAYGROUND_PAGE (vmp_window_get_page (self, "playground")),
                                  g_variant_get_string (model, NULL));
}

static void
back_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  adw_leaflet_navigate (VMP_WINDOW (widget)->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
}

static void
try_again_action (GtkWidget  *widget,
                  const char *name,
                  GVariant   *parameter)
{
  vmp_link_retry (vmp_mirror_get_link (VMP_WINDOW (widget)->mirror));
}

static void
resume_action (GtkWidget  *widget,
               const char *name,
               GVariant   *parameter)
{
  VmpWindow *self = VMP_WINDOW (widget);

  vmp_ui_ask (widget, self->mirror, "POST", g_strdup ("/vampire/v1/pause"),
              vmp_ui_object ("paused", "b", FALSE, NULL), NULL, NULL);
}

static void
menu_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  VmpWindow *self = VMP_WINDOW (widget);
  gboolean is_sidebar = adw_leaflet_get_folded (self->leaflet) &&
                        g_strcmp0 (adw_leaflet_get_visible_child_name (self->leaflet), "sidebar") == 0;

  gtk_menu_button_popup (is_sidebar ? self->sidebar_menu_button : self->menu_button);
}

/* What the page that is seen has for searching. */
static GtkWidget *
find_search (GtkWidget *widget)
{
  if (!gtk_widget_get_visible (widget) || !gtk_widget_get_child_visible (widget))
    return NULL;
  if (GTK_IS_SEARCH_BAR (widget) || GTK_IS_SEARCH_ENTRY (widget))
    return widget;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_search (child);

      if (found != NULL)
        return found;
    }
  return NULL;
}

static void
search_action (GtkWidget  *widget,
               const char *name,
               GVariant   *parameter)
{
  VmpWindow *self = VMP_WINDOW (widget);
  GtkWidget *page = gtk_stack_get_visible_child (self->stack);
  GtkWidget *search = page != NULL ? find_search (page) : NULL;

  if (search == NULL)
    {
      gtk_widget_error_bell (widget);
      return;
    }
  adw_leaflet_set_visible_child_name (self->leaflet, "content");
  if (GTK_IS_SEARCH_BAR (search))
    gtk_search_bar_set_search_mode (GTK_SEARCH_BAR (search), TRUE);
  gtk_widget_child_focus (search, GTK_DIR_TAB_FORWARD);
}

/* -- Its size ------------------------------------------------------------------------------ */

/* NULL where the schema is not installed, as when it runs from the build tree: then nothing is kept. */
static GSettings *
open_state (void)
{
  GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema = NULL;

  if (source != NULL)
    schema = g_settings_schema_source_lookup (source, SCHEMA_ID, TRUE);

  return schema != NULL ? g_settings_new (SCHEMA_ID) : NULL;
}

static void
restore_state (VmpWindow *self)
{
  if (self->state == NULL)
    {
      gtk_window_set_default_size (GTK_WINDOW (self), 1040, 720);
      return;
    }
  g_settings_bind (self->state, "window-width", self, "default-width", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->state, "window-height", self, "default-height", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->state, "window-maximized", self, "maximized", G_SETTINGS_BIND_DEFAULT);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_window_dispose (GObject *object)
{
  VmpWindow *self = VMP_WINDOW (object);

  if (self->state != NULL)
    {
      g_settings_unbind (self, "default-width");
      g_settings_unbind (self, "default-height");
      g_settings_unbind (self, "maximized");
    }
  if (self->mirror != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->mirror, self);
      g_signal_handlers_disconnect_by_data (vmp_mirror_get_link (self->mirror), self);
    }
  g_clear_object (&self->state);
  g_clear_object (&self->mirror);
  g_clear_pointer (&self->trouble, g_free);

  G_OBJECT_CLASS (vmp_window_parent_class)->dispose (object);
}

static void
vmp_window_class_init (VmpWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_window_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, leaflet);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, page_list);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, title);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, menu_button);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, sidebar_menu_button);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, lost_banner);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, lost_label);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, paused_banner);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, waiting_banner);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, waiting_label);
  gtk_widget_class_bind_template_child (widget_class, VmpWindow, stack);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, folded_cb);
  gtk_widget_class_bind_template_callback (widget_class, sidebar_mapped_cb);

  gtk_widget_class_install_action (widget_class, "win.show-page", "s", show_page_action);
  gtk_widget_class_install_action (widget_class, "win.show-node", "s", show_node_action);
  gtk_widget_class_install_action (widget_class, "win.show-request", "s", show_request_action);
  gtk_widget_class_install_action (widget_class, "win.chat-with", "s", chat_with_action);
  gtk_widget_class_install_action (widget_class, "win.back", NULL, back_action);
  gtk_widget_class_install_action (widget_class, "win.try-again", NULL, try_again_action);
  gtk_widget_class_install_action (widget_class, "win.resume", NULL, resume_action);
  gtk_widget_class_install_action (widget_class, "win.menu", NULL, menu_action);
  gtk_widget_class_install_action (widget_class, "win.search", NULL, search_action);

  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    gtk_widget_class_add_binding_action (widget_class, GDK_KEY_1 + i, GDK_CONTROL_MASK, "win.show-page", "s",
                                         pages[i].name);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_F10, 0, "win.menu", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_f, GDK_CONTROL_MASK, "win.search", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "win.back", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_w, GDK_CONTROL_MASK, "window.close", NULL);
}

static void
vmp_window_init (VmpWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (self, "map", G_CALLBACK (mapped_cb), NULL);

  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    add_row (self, i);

  self->state = open_state ();
  restore_state (self);
}

VmpWindow *
vmp_window_new (GtkApplication *application,
                VmpMirror      *mirror)
{
  VmpWindow *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_WINDOW, "application", application, NULL);
  self->mirror = g_object_ref (mirror);
  g_signal_connect_object (mirror, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (vmp_mirror_get_link (mirror), "notify::state", G_CALLBACK (state_cb), self,
                           G_CONNECT_SWAPPED);
  vmp_window_show_page (self, pages[0].name);
  state_cb (self);

  return self;
}

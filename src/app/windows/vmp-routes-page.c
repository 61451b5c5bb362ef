/* SPDX-License-Identifier: MIT
 *
 * See vmp-routes-page.h. The owner's routes and the virtual models are one list with two headings; making, changing and
 * testing them have windows of their own.
 */

#include "app/windows/vmp-routes-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-card-list.h"
#include "app/windows/vmp-route-editor.h"
#include "app/windows/vmp-route-row.h"
#include "app/windows/vmp-route-test-window.h"
#include "app/windows/vmp-ui.h"

struct _VmpRoutesPage {
  AdwBin parent_instance;

  VmpMirror *mirror;
  GListStore *own_heading;     /* one VmpCardHeading, whose words depend on whether there are routes */
  GListModel *all;
  gboolean had_routes;
  gboolean is_listed;          /* the list view has its model */

  GtkStack *stack;
  GtkLabel *trouble_label;
  GtkListView *list_view;
};

G_DEFINE_FINAL_TYPE (VmpRoutesPage, vmp_routes_page, ADW_TYPE_BIN)

static VmpItemList *
get_routes (VmpRoutesPage *self)
{
  return vmp_mirror_get_list (self->mirror, VMP_TOPIC_ROUTES);
}

/* -- Which of its states ------------------------------------------------------------------- */

static void
update_heading (VmpRoutesPage *self)
{
  gboolean has_routes = vmp_item_list_get_length (get_routes (self)) > 0;
  g_autoptr (VmpCardHeading) heading = NULL;
  gpointer headings[1];

  if (has_routes == self->had_routes && g_list_model_get_n_items (G_LIST_MODEL (self->own_heading)) > 0)
    return;

  self->had_routes = has_routes;
  heading = vmp_card_heading_new (has_routes ? _("Your Routes") : _("You have no routes of your own yet."));
  headings[0] = heading;
  g_list_store_splice (self->own_heading, 0, g_list_model_get_n_items (G_LIST_MODEL (self->own_heading)), headings, 1);
}

static void
set_up_list (VmpRoutesPage *self);

static void
update (VmpRoutesPage *self)
{
  const char *trouble = vmp_mirror_get_trouble (self->mirror, VMP_TOPIC_ROUTES);
  gboolean is_known = vmp_mirror_has (self->mirror, VMP_TOPIC_ROUTES) &&
                      (vmp_mirror_has (self->mirror, VMP_TOPIC_VIRTUAL_MODELS) ||
                       vmp_mirror_get_trouble (self->mirror, VMP_TOPIC_VIRTUAL_MODELS) != NULL);

  if (trouble != NULL)
    gtk_label_set_text (self->trouble_label, trouble);
  update_heading (self);
  /* A list view stays at what it shows: with all that comes in at first it begins at its top. */
  if (is_known && !self->is_listed)
    set_up_list (self);
  gtk_stack_set_visible_child_name (self->stack, self->is_listed ? "routes" : trouble != NULL ? "trouble" : "loading");
}

static void
topic_changed_cb (GtkWidget *widget)
{
  update (VMP_ROUTES_PAGE (widget));
}

/* Rows name nodes. */
static void
nodes_changed_cb (GtkWidget *widget)
{
  vmp_card_list_refill (VMP_ROUTES_PAGE (widget)->list_view);
}

static void
retry_cb (VmpRoutesPage *self)
{
  vmp_link_retry (vmp_mirror_get_link (self->mirror));
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_ROUTES);
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_VIRTUAL_MODELS);
}

/* -- Rows ---------------------------------------------------------------------------------- */

static GtkWidget *
make_row (gpointer user_data)
{
  return vmp_route_row_new (VMP_ROUTES_PAGE (user_data)->mirror);
}

static void
fill_row (gpointer   user_data,
          GtkWidget *row,
          gpointer   item)
{
  vmp_route_row_set_item (VMP_ROUTE_ROW (row), VMP_ITEM (item));
}

static void
clear_row (gpointer   user_data,
           GtkWidget *row)
{
  vmp_route_row_set_item (VMP_ROUTE_ROW (row), NULL);
}

static const VmpCardListFuncs list_funcs = {
  .make = make_row,
  .fill = fill_row,
  .clear = clear_row,
};

/* (transfer full) */
static GListModel *
join (VmpRoutesPage *self)
{
  GListStore *lists = g_list_store_new (G_TYPE_LIST_MODEL);
  g_autoptr (GListStore) fixed_heading = g_list_store_new (VMP_TYPE_CARD_HEADING);
  g_autoptr (VmpCardHeading) heading = vmp_card_heading_new (_("Always There"));

  g_list_store_append (fixed_heading, heading);
  g_list_store_append (lists, self->own_heading);
  g_list_store_append (lists, get_routes (self));
  g_list_store_append (lists, fixed_heading);
  g_list_store_append (lists, vmp_mirror_get_list (self->mirror, VMP_TOPIC_VIRTUAL_MODELS));

  return G_LIST_MODEL (gtk_flatten_list_model_new (G_LIST_MODEL (lists)));
}

static void
set_up_list (VmpRoutesPage *self)
{
  self->is_listed = TRUE;
  vmp_card_list_set_up (self->list_view, self->all, &list_funcs, self);
}

static void
activated_cb (GtkListView   *view,
              guint          position,
              VmpRoutesPage *self)
{
  g_autoptr (GObject) item = vmp_card_list_get_item (view, position);

  if (!VMP_IS_ITEM (item))
    return;
  if (vmp_route_row_is_own (VMP_ITEM (item)))
    vmp_route_editor_present (GTK_WIDGET (self), self->mirror, vmp_item_get_document (VMP_ITEM (item)), FALSE);
  else
    vmp_route_test_window_present (GTK_WIDGET (self), self->mirror, vmp_item_get_id (VMP_ITEM (item)), NULL);
}

/* -- Actions ------------------------------------------------------------------------------- */

/* The route of an action's target; NULL: it is gone. */
static VmpItem *
find_route (VmpRoutesPage *self,
            GVariant      *parameter)
{
  return vmp_item_list_find (get_routes (self), g_variant_get_string (parameter, NULL));
}

static void
new_action (GtkWidget  *widget,
            const char *name,
            GVariant   *parameter)
{
  vmp_route_editor_present (widget, VMP_ROUTES_PAGE (widget)->mirror, NULL, FALSE);
}

static void
edit_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  VmpRoutesPage *self = VMP_ROUTES_PAGE (widget);
  VmpItem *route = find_route (self, parameter);

  if (route != NULL)
    vmp_route_editor_present (widget, self->mirror, vmp_item_get_document (route), g_str_equal (name, "routes.copy"));
}

static void
test_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  vmp_route_test_window_present (widget, VMP_ROUTES_PAGE (widget)->mirror,
                                 parameter != NULL ? g_variant_get_string (parameter, NULL) : NULL, NULL);
}

static void
explain_action (GtkWidget  *widget,
                const char *name,
                GVariant   *parameter)
{
  VmpRoutesPage *self = VMP_ROUTES_PAGE (widget);
  VmpItem *route = find_route (self, parameter);

  if (route != NULL)
    vmp_route_test_window_present (widget, self->mirror, vmp_item_get_string (route, "virtual_model"),
                                   vmp_item_get_id (route));
}

static void
copy_name_action (GtkWidget  *widget,
                  const char *name,
                  GVariant   *parameter)
{
  vmp_ui_copy (widget, g_variant_get_string (parameter, NULL), _("Name copied"));
}

typedef struct {
  VmpRoutesPage *page;
  char *id;
} Removing;

static void
removing_free (gpointer data)
{
  Removing *self = data;

  g_object_unref (self->page);
  g_free (self->id);
  g_free (self);
}

static void
removed_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  vmp_mirror_refresh (VMP_ROUTES_PAGE (widget)->mirror, VMP_TOPIC_ROUTES);
  vmp_ui_toast (widget, _("Route removed"));
}

static void
remove_now (gpointer user_data)
{
  Removing *self = user_data;

  vmp_ui_ask (GTK_WIDGET (self->page), self->page->mirror, "DELETE",
              vmp_client_path ("/vampire/v1/routes/", self->id, NULL), NULL, removed_cb, NULL);
}

static void
remove_action (GtkWidget  *widget,
               const char *name,
               GVariant   *parameter)
{
  VmpRoutesPage *self = VMP_ROUTES_PAGE (widget);
  VmpItem *route = find_route (self, parameter);
  g_autofree char *body = NULL;
  Removing *removing;

  if (route == NULL)
    return;

  removing = g_new0 (Removing, 1);
  removing->page = g_object_ref (self);
  removing->id = g_strdup (vmp_item_get_id (route));
  body = g_strdup_printf (_("Requests that name “%s” get an error from then on, unless another route or model has that "
                            "name."), vmp_item_get_string (route, "virtual_model"));
  vmp_ui_confirm (widget, _("Remove This Route?"), body, _("_Remove"), TRUE, remove_now, removing, removing_free);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_routes_page_dispose (GObject *object)
{
  VmpRoutesPage *self = VMP_ROUTES_PAGE (object);

  if (self->list_view != NULL)
    gtk_list_view_set_model (self->list_view, NULL);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_ROUTES_PAGE);
  g_clear_object (&self->all);
  g_clear_object (&self->own_heading);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_routes_page_parent_class)->dispose (object);
}

static void
vmp_routes_page_class_init (VmpRoutesPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_routes_page_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/routes-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpRoutesPage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpRoutesPage, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRoutesPage, list_view);
  gtk_widget_class_bind_template_callback (widget_class, activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, retry_cb);
  gtk_widget_class_install_action (widget_class, "routes.new", NULL, new_action);
  gtk_widget_class_install_action (widget_class, "routes.edit", "s", edit_action);
  gtk_widget_class_install_action (widget_class, "routes.copy", "s", edit_action);
  gtk_widget_class_install_action (widget_class, "routes.test", NULL, test_action);
  gtk_widget_class_install_action (widget_class, "routes.try", "s", test_action);
  gtk_widget_class_install_action (widget_class, "routes.explain", "s", explain_action);
  gtk_widget_class_install_action (widget_class, "routes.copy-name", "s", copy_name_action);
  gtk_widget_class_install_action (widget_class, "routes.remove", "s", remove_action);
}

static void
vmp_routes_page_init (VmpRoutesPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
vmp_routes_page_new (VmpMirror *mirror)
{
  VmpRoutesPage *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_ROUTES_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  self->own_heading = g_list_store_new (VMP_TYPE_CARD_HEADING);
  self->all = join (self);
  g_signal_connect_object (get_routes (self), "items-changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);

  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_ROUTES);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_VIRTUAL_MODELS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_ROUTES, topic_changed_cb);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_VIRTUAL_MODELS, topic_changed_cb);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_NODES, nodes_changed_cb);

  return GTK_WIDGET (self);
}

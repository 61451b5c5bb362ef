/* SPDX-License-Identifier: MIT
 *
 * See vmp-nodes-page.h. It lists what the mirror has and opens what is asked for; what is done to one node is on the
 * page of that node.
 */

#include "app/windows/vmp-nodes-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-add-node-window.h"
#include "app/windows/vmp-node-page.h"
#include "app/windows/vmp-node-row.h"
#include "app/windows/vmp-node-sections.h"
#include "app/windows/vmp-scan-window.h"
#include "app/windows/vmp-ui.h"

/* A list view makes some two hundred rows as soon as there are as many items, which no frame has time for: it gets to
 * know of so many more with each. */
#define ROWS_A_FRAME 8

struct _VmpNodesPage {
  AdwBin parent_instance;

  VmpMirror *mirror;
  VmpNodeSections *sections;
  GtkSliceListModel *known;      /* the part of @sections that the list view knows of */
  guint growing;                 /* tick callback; 0: that is all of it */
  VmpScanProgress *scan;

  GtkStack *pages;
  GtkWidget *list_page;
  GtkSearchEntry *search_entry;
  GtkRevealer *scan_revealer;
  GtkProgressBar *scan_progress;
  GtkStack *stack;
  GtkLabel *trouble_label;
  GtkListView *list_view;
};

G_DEFINE_FINAL_TYPE (VmpNodesPage, vmp_nodes_page, ADW_TYPE_BIN)

/* -- Which of its states ------------------------------------------------------------------- */

static void
update (VmpNodesPage *self)
{
  const char *trouble = vmp_mirror_get_trouble (self->mirror, VMP_TOPIC_NODES);
  guint n = vmp_item_list_get_length (vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES));
  const char *name;

  if (n > 0)
    name = vmp_node_sections_count (self->sections) > 0 ? "nodes" : "nothing";
  else if (trouble != NULL)
    name = "trouble";
  else
    name = vmp_mirror_has (self->mirror, VMP_TOPIC_NODES) ? "empty" : "loading";

  if (trouble != NULL)
    gtk_label_set_text (self->trouble_label, trouble);
  gtk_stack_set_visible_child_name (self->stack, name);
}

static void
topic_changed_cb (GtkWidget *widget)
{
  update (VMP_NODES_PAGE (widget));
}

static void
retry_cb (VmpNodesPage *self)
{
  vmp_link_retry (vmp_mirror_get_link (self->mirror));
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_NODES);
}

/* -- Rows ---------------------------------------------------------------------------------- */

static void
set_up_row_cb (GtkSignalListItemFactory *factory,
               GtkListItem              *list_item,
               VmpNodesPage             *self)
{
  gtk_list_item_set_child (list_item, vmp_node_row_new ());
}

static void
bind_row_cb (GtkSignalListItemFactory *factory,
             GtkListItem              *list_item,
             VmpNodesPage             *self)
{
  VmpNodeRow *row = VMP_NODE_ROW (gtk_list_item_get_child (list_item));
  gpointer item = gtk_list_item_get_item (list_item);
  gboolean is_first;
  gboolean is_last;

  gtk_list_item_set_activatable (list_item, VMP_IS_ITEM (item));
  gtk_list_item_set_selectable (list_item, FALSE);
  if (VMP_IS_NODES_HEADING (item))
    {
      vmp_node_row_set_heading (row, item);
      return;
    }

  vmp_node_sections_get_place (self->sections, gtk_list_item_get_position (list_item), &is_first, &is_last);
  vmp_node_row_set_node (row, item, is_first, is_last);
}

static void
unbind_row_cb (GtkSignalListItemFactory *factory,
               GtkListItem              *list_item,
               VmpNodesPage             *self)
{
  vmp_node_row_clear (VMP_NODE_ROW (gtk_list_item_get_child (list_item)));
}

static gboolean
grow_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  VmpNodesPage *self = VMP_NODES_PAGE (widget);
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->sections));
  guint known = gtk_slice_list_model_get_size (self->known);

  if (known < n)
    {
      gtk_slice_list_model_set_size (self->known, known + ROWS_A_FRAME);
      return G_SOURCE_CONTINUE;
    }

  self->growing = 0;

  return G_SOURCE_REMOVE;
}

static void
sections_changed_cb (VmpNodesPage *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->sections));
  guint known = gtk_slice_list_model_get_size (self->known);

  if (known > n + ROWS_A_FRAME)
    gtk_slice_list_model_set_size (self->known, n + ROWS_A_FRAME);
  else if (known < n && self->growing == 0)
    self->growing = gtk_widget_add_tick_callback (GTK_WIDGET (self), grow_cb, NULL, NULL);
  update (self);
}

static void
set_up_list (VmpNodesPage *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  g_autoptr (GtkNoSelection) model = NULL;

  g_signal_connect (factory, "setup", G_CALLBACK (set_up_row_cb), self);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_row_cb), self);
  g_signal_connect (factory, "unbind", G_CALLBACK (unbind_row_cb), self);

  self->known = gtk_slice_list_model_new (g_object_ref (G_LIST_MODEL (self->sections)), 0, ROWS_A_FRAME);
  model = gtk_no_selection_new (g_object_ref (G_LIST_MODEL (self->known)));
  gtk_list_view_set_factory (self->list_view, factory);
  gtk_list_view_set_model (self->list_view, GTK_SELECTION_MODEL (model));
}

static void
activated_cb (GtkListView  *view,
              guint         position,
              VmpNodesPage *self)
{
  g_autoptr (GObject) item = g_list_model_get_item (G_LIST_MODEL (self->sections), position);

  if (VMP_IS_ITEM (item))
    vmp_nodes_page_show_node (self, vmp_item_get_id (VMP_ITEM (item)));
}

static void
search_changed_cb (VmpNodesPage *self)
{
  vmp_node_sections_set_search (self->sections, gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));
  update (self);
}

/* -- Adding and searching ------------------------------------------------------------------ */

static void
add_cb (VmpNodesPage *self)
{
  vmp_add_node_window_present (GTK_WIDGET (self), self->mirror);
}

static void
scan_cb (VmpNodesPage *self)
{
  vmp_scan_window_present (GTK_WIDGET (self), self->mirror);
}

static void
scan_cancel_cb (VmpNodesPage *self)
{
  vmp_scan_progress_cancel (self->scan, GTK_WIDGET (self));
}

static void
scan_changed_cb (gpointer user_data)
{
  VmpNodesPage *self = user_data;
  gboolean is_running = vmp_scan_progress_is_running (self->scan);
  g_autofree char *text = vmp_scan_progress_dup_text (self->scan);

  gtk_revealer_set_reveal_child (self->scan_revealer, is_running);
  if (!is_running)
    return;

  gtk_progress_bar_set_fraction (self->scan_progress, vmp_scan_progress_get_fraction (self->scan));
  gtk_progress_bar_set_text (self->scan_progress, text);
}

/* -- One node ------------------------------------------------------------------------------ */

static void
go_back (VmpNodesPage *self)
{
  if (gtk_stack_get_visible_child (self->pages) == self->list_page)
    return;

  gtk_stack_set_visible_child (self->pages, self->list_page);
  gtk_widget_grab_focus (GTK_WIDGET (self->list_view));
}

void
vmp_nodes_page_show_node (VmpNodesPage *self,
                          const char   *node_id)
{
  GtkWidget *before;
  GtkWidget *page;

  g_return_if_fail (VMP_IS_NODES_PAGE (self));
  g_return_if_fail (node_id != NULL);

  before = gtk_stack_get_child_by_name (self->pages, "node");
  if (before != NULL)
    gtk_stack_remove (self->pages, before);

  page = vmp_node_page_new (self->mirror, node_id);
  g_signal_connect_object (page, "back", G_CALLBACK (go_back), self, G_CONNECT_SWAPPED);
  gtk_stack_add_named (self->pages, page, "node");
  gtk_stack_set_visible_child (self->pages, page);
  gtk_widget_child_focus (page, GTK_DIR_TAB_FORWARD);
}

static void
search_action (GtkWidget  *widget,
               const char *name,
               GVariant   *parameter)
{
  VmpNodesPage *self = VMP_NODES_PAGE (widget);

  go_back (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

static void
add_action (GtkWidget  *widget,
            const char *name,
            GVariant   *parameter)
{
  add_cb (VMP_NODES_PAGE (widget));
}

static void
back_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  go_back (VMP_NODES_PAGE (widget));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_nodes_page_dispose (GObject *object)
{
  VmpNodesPage *self = VMP_NODES_PAGE (object);

  g_clear_pointer (&self->scan, vmp_scan_progress_free);
  if (self->list_view != NULL)
    gtk_list_view_set_model (self->list_view, NULL);
  if (self->growing != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->growing);
  self->growing = 0;
  g_clear_object (&self->known);
  g_clear_object (&self->sections);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_NODES_PAGE);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_nodes_page_parent_class)->dispose (object);
}

static void
vmp_nodes_page_class_init (VmpNodesPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_nodes_page_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/nodes-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, pages);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, list_page);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, search_entry);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, scan_revealer);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, scan_progress);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, VmpNodesPage, list_view);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, add_cb);
  gtk_widget_class_bind_template_callback (widget_class, scan_cb);
  gtk_widget_class_bind_template_callback (widget_class, scan_cancel_cb);
  gtk_widget_class_bind_template_callback (widget_class, retry_cb);
  gtk_widget_class_install_action (widget_class, "nodes.search", NULL, search_action);
  gtk_widget_class_install_action (widget_class, "nodes.add", NULL, add_action);
  gtk_widget_class_install_action (widget_class, "nodes.back", NULL, back_action);
}

static void
vmp_nodes_page_init (VmpNodesPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_search_entry_set_key_capture_widget (self->search_entry, self->list_page);
}

GtkWidget *
vmp_nodes_page_new (VmpMirror *mirror)
{
  VmpNodesPage *self;
  VmpItemList *nodes;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_NODES_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  nodes = vmp_mirror_get_list (mirror, VMP_TOPIC_NODES);
  self->sections = vmp_node_sections_new (nodes);
  set_up_list (self);
  g_signal_connect_object (self->sections, "items-changed", G_CALLBACK (sections_changed_cb), self,
                           G_CONNECT_SWAPPED);
  sections_changed_cb (self);

  self->scan = vmp_scan_progress_new (mirror, scan_changed_cb, self);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_SEARCHES);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_NODES, topic_changed_cb);
  scan_changed_cb (self);

  return GTK_WIDGET (self);
}

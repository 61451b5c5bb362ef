/* SPDX-License-Identifier: MIT
 *
 * See vmp-models-page.h. It lists what VmpModelGroups gathers and opens the view of one model.
 */

#include "app/windows/vmp-models-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-card-list.h"
#include "app/windows/vmp-model-groups.h"
#include "app/windows/vmp-model-row.h"
#include "app/windows/vmp-model-view.h"
#include "app/windows/vmp-ui.h"

struct _VmpModelsPage {
  AdwBin parent_instance;

  VmpMirror *mirror;
  VmpModelGroups *groups;
  GSimpleActionGroup *actions;

  GtkStack *pages;
  GtkWidget *list_page;
  GtkSearchEntry *search_entry;
  GtkMenuButton *filter_button;
  GtkStack *stack;
  GtkLabel *trouble_label;
  GtkListView *list_view;
};

G_DEFINE_FINAL_TYPE (VmpModelsPage, vmp_models_page, ADW_TYPE_BIN)

/* -- Which of its states ------------------------------------------------------------------- */

static void
update (VmpModelsPage *self)
{
  const char *trouble = vmp_mirror_get_trouble (self->mirror, VMP_TOPIC_MODELS);
  const char *name;

  if (vmp_model_groups_count (self->groups) > 0)
    name = g_list_model_get_n_items (G_LIST_MODEL (self->groups)) > 0 ? "models" : "nothing";
  else if (trouble != NULL)
    name = "trouble";
  else
    name = vmp_mirror_has (self->mirror, VMP_TOPIC_MODELS) ? "empty" : "loading";

  if (trouble != NULL)
    gtk_label_set_text (self->trouble_label, trouble);
  gtk_stack_set_visible_child_name (self->stack, name);
}

static void
topic_changed_cb (GtkWidget *widget)
{
  VmpModelsPage *self = VMP_MODELS_PAGE (widget);

  vmp_model_groups_flush (self->groups);
  update (self);
}

/* Rows name nodes. */
static void
nodes_changed_cb (GtkWidget *widget)
{
  vmp_card_list_refill (VMP_MODELS_PAGE (widget)->list_view);
}

static void
retry_cb (VmpModelsPage *self)
{
  vmp_link_retry (vmp_mirror_get_link (self->mirror));
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_MODELS);
}

/* -- Choosing among them ------------------------------------------------------------------- */

static void
search_changed_cb (VmpModelsPage *self)
{
  vmp_model_groups_set_search (self->groups, gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));
  update (self);
}

static gboolean
is_on (VmpModelsPage *self,
       const char    *action)
{
  g_autoptr (GVariant) state = g_action_group_get_action_state (G_ACTION_GROUP (self->actions), action);

  return g_variant_get_boolean (state);
}

static void
apply_filter (VmpModelsPage *self)
{
  g_autoptr (GVariant) kind = g_action_group_get_action_state (G_ACTION_GROUP (self->actions), "kind");
  VmpModelFilter filter = {
    .loaded = is_on (self, "loaded"),
    .chat = g_str_equal (g_variant_get_string (kind, NULL), "chat"),
    .embeddings = g_str_equal (g_variant_get_string (kind, NULL), "embedding"),
    .can = (is_on (self, "vision") ? VMP_MODEL_CAN_VISION : 0)
           | (is_on (self, "tools") ? VMP_MODEL_CAN_TOOLS : 0)
           | (is_on (self, "reasoning") ? VMP_MODEL_CAN_REASON : 0),
  };
  int n = (filter.loaded ? 1 : 0) + (filter.chat || filter.embeddings ? 1 : 0);
  g_autofree char *label = NULL;

  n += (filter.can & VMP_MODEL_CAN_VISION ? 1 : 0) + (filter.can & VMP_MODEL_CAN_TOOLS ? 1 : 0)
       + (filter.can & VMP_MODEL_CAN_REASON ? 1 : 0);
  label = n > 0 ? g_strdup_printf (ngettext ("_Filter (%d)", "_Filter (%d)", (gulong) n), n) : g_strdup (_("_Filter"));
  gtk_menu_button_set_label (self->filter_button, label);
  vmp_model_groups_set_filter (self->groups, &filter);
  update (self);
}

static void
change_filter (GSimpleAction *action,
               GVariant      *state,
               gpointer       user_data)
{
  g_simple_action_set_state (action, state);
  apply_filter (VMP_MODELS_PAGE (user_data));
}

static const GActionEntry filter_actions[] = {
  { .name = "loaded", .state = "false", .change_state = change_filter },
  { .name = "kind", .parameter_type = "s", .state = "'all'", .change_state = change_filter },
  { .name = "vision", .state = "false", .change_state = change_filter },
  { .name = "tools", .state = "false", .change_state = change_filter },
  { .name = "reasoning", .state = "false", .change_state = change_filter },
};

/* -- Rows ---------------------------------------------------------------------------------- */

static GtkWidget *
make_row (gpointer user_data)
{
  return vmp_model_row_new (VMP_MODELS_PAGE (user_data)->mirror);
}

static void
fill_row (gpointer   user_data,
          GtkWidget *row,
          gpointer   item)
{
  vmp_model_row_set_group (VMP_MODEL_ROW (row), VMP_MODEL_GROUP (item));
}

static void
clear_row (gpointer   user_data,
           GtkWidget *row)
{
  vmp_model_row_set_group (VMP_MODEL_ROW (row), NULL);
}

static const VmpCardListFuncs list_funcs = {
  .make = make_row,
  .fill = fill_row,
  .clear = clear_row,
};

/* -- One model ----------------------------------------------------------------------------- */

static void
go_back (VmpModelsPage *self)
{
  if (gtk_stack_get_visible_child (self->pages) == self->list_page)
    return;

  gtk_stack_set_visible_child (self->pages, self->list_page);
  gtk_widget_grab_focus (GTK_WIDGET (self->list_view));
}

static void
show_model (VmpModelsPage *self,
            VmpModelGroup *group)
{
  GtkWidget *before = gtk_stack_get_child_by_name (self->pages, "model");
  GtkWidget *page;

  if (before != NULL)
    gtk_stack_remove (self->pages, before);

  page = vmp_model_view_new (self->mirror, group);
  g_signal_connect_object (page, "back", G_CALLBACK (go_back), self, G_CONNECT_SWAPPED);
  gtk_stack_add_named (self->pages, page, "model");
  gtk_stack_set_visible_child (self->pages, page);
  gtk_widget_child_focus (page, GTK_DIR_TAB_FORWARD);
}

static void
activated_cb (GtkListView   *view,
              guint          position,
              VmpModelsPage *self)
{
  g_autoptr (VmpModelGroup) group = vmp_card_list_get_item (view, position);

  if (group != NULL)
    show_model (self, group);
}

static void
back_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  go_back (VMP_MODELS_PAGE (widget));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_models_page_dispose (GObject *object)
{
  VmpModelsPage *self = VMP_MODELS_PAGE (object);

  if (self->list_view != NULL)
    gtk_list_view_set_model (self->list_view, NULL);
  if (self->groups != NULL)
    g_signal_handlers_disconnect_by_data (self->groups, self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "models", NULL);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_MODELS_PAGE);
  g_clear_object (&self->actions);
  g_clear_object (&self->groups);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_models_page_parent_class)->dispose (object);
}

static void
vmp_models_page_class_init (VmpModelsPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_models_page_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/models-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, pages);
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, list_page);
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, search_entry);
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, filter_button);
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, VmpModelsPage, list_view);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, retry_cb);
  gtk_widget_class_install_action (widget_class, "models-page.back", NULL, back_action);
}

static void
vmp_models_page_init (VmpModelsPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_search_entry_set_key_capture_widget (self->search_entry, self->list_page);
}

GtkWidget *
vmp_models_page_new (VmpMirror *mirror)
{
  VmpModelsPage *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_MODELS_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  self->groups = vmp_model_groups_new (mirror);
  self->actions = g_simple_action_group_new ();
  g_action_map_add_action_entries (G_ACTION_MAP (self->actions), filter_actions, G_N_ELEMENTS (filter_actions), self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "models", G_ACTION_GROUP (self->actions));

  vmp_card_list_set_up (self->list_view, G_LIST_MODEL (self->groups), &list_funcs, self);
  g_signal_connect_object (self->groups, "items-changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_LOADS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS, topic_changed_cb);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_NODES, nodes_changed_cb);

  return GTK_WIDGET (self);
}

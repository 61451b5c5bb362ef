/* SPDX-License-Identifier: MIT
 *
 * The list of kept conversations. It is read anew each time that it is shown; files are the keeper's.
 */

#include "app/windows/vmp-chat-history.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"

struct _VmpChatHistory {
  GtkPopover parent_instance;

  GtkSwitch *keep_switch;
  GtkStack *stack;
  GtkListView *list;
  GtkWidget *delete_all_button;

  VmpChatKeeper *keeper;
  gboolean is_syncing;
};

G_DEFINE_FINAL_TYPE (VmpChatHistory, vmp_chat_history, GTK_TYPE_POPOVER)

enum {
  SIGNAL_OPEN,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/* -- Rows ---------------------------------------------------------------------------------- */

static void
delete_cb (GtkButton *button,
           gpointer   user_data)
{
  GtkListItem *list_item = user_data;
  VmpChatHistory *self = VMP_CHAT_HISTORY (gtk_widget_get_ancestor (GTK_WIDGET (button), VMP_TYPE_CHAT_HISTORY));
  VmpChatKept *kept = gtk_list_item_get_item (list_item);

  if (self != NULL && kept != NULL)
    vmp_chat_keeper_delete (self->keeper, vmp_chat_kept_get_id (kept));
}

static void
setup_cb (GtkSignalListItemFactory *factory,
          GtkListItem              *list_item,
          gpointer                  user_data)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *lines = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *title = gtk_label_new (NULL);
  GtkWidget *time = gtk_label_new (NULL);
  GtkWidget *button = gtk_button_new_from_icon_name ("user-trash-symbolic");

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_ellipsize (GTK_LABEL (title), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (time), 0);
  gtk_widget_add_css_class (time, "caption");
  gtk_widget_add_css_class (time, "dim-label");
  gtk_widget_set_hexpand (lines, TRUE);
  gtk_box_append (GTK_BOX (lines), title);
  gtk_box_append (GTK_BOX (lines), time);

  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, _("Delete Conversation"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Delete Conversation"), -1);
  g_signal_connect (button, "clicked", G_CALLBACK (delete_cb), list_item);

  gtk_box_append (GTK_BOX (row), lines);
  gtk_box_append (GTK_BOX (row), button);
  gtk_list_item_set_child (list_item, row);
}

static void
bind_cb (GtkSignalListItemFactory *factory,
         GtkListItem              *list_item,
         gpointer                  user_data)
{
  VmpChatKept *kept = gtk_list_item_get_item (list_item);
  GtkWidget *lines = gtk_widget_get_first_child (gtk_list_item_get_child (list_item));
  GtkWidget *title = gtk_widget_get_first_child (lines);
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (vmp_chat_kept_get_time (kept));
  g_autofree char *iso = g_date_time_format_iso8601 (time);
  g_autofree char *ago = vmp_ui_text_ago (iso);

  gtk_label_set_text (GTK_LABEL (title), vmp_chat_kept_get_title (kept));
  gtk_label_set_text (GTK_LABEL (gtk_widget_get_next_sibling (title)), ago);
}

static void
row_activated_cb (VmpChatHistory *self,
                  guint           position)
{
  g_autoptr (VmpChatKept) kept = g_list_model_get_item (vmp_chat_keeper_get_list (self->keeper), position);

  gtk_popover_popdown (GTK_POPOVER (self));
  if (kept != NULL)
    g_signal_emit (self, signals[SIGNAL_OPEN], 0, vmp_chat_kept_get_id (kept));
}

/* -- Keeping and deleting ------------------------------------------------------------------ */

static void
delete_all_confirmed_cb (gpointer user_data)
{
  vmp_chat_keeper_delete_all (user_data);
}

static void
ask_to_delete_all (VmpChatHistory *self,
                   const char     *body)
{
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));

  gtk_popover_popdown (GTK_POPOVER (self));
  vmp_ui_confirm (parent, _("Delete All Conversations?"), body, _("_Delete All"), TRUE, delete_all_confirmed_cb,
                  g_object_ref (self->keeper), g_object_unref);
}

static void
delete_all_cb (VmpChatHistory *self)
{
  ask_to_delete_all (self, _("All conversations that are kept on this computer will be gone for good."));
}

/* When it is turned off, what was kept so far is not forgotten by that alone: its owner is asked. */
static void
switched_cb (VmpChatHistory *self)
{
  gboolean keeps = gtk_switch_get_active (self->keep_switch);

  if (self->is_syncing || self->keeper == NULL)
    return;

  vmp_chat_keeper_set_keeps (self->keeper, keeps);
  if (!keeps && g_list_model_get_n_items (vmp_chat_keeper_get_list (self->keeper)) > 0)
    ask_to_delete_all (self, _("From now on nothing is kept. Cancel leaves the conversations that are kept already."));
}

static void
update (VmpChatHistory *self)
{
  gboolean is_empty = g_list_model_get_n_items (vmp_chat_keeper_get_list (self->keeper)) == 0;

  self->is_syncing = TRUE;
  gtk_switch_set_active (self->keep_switch, vmp_chat_keeper_get_keeps (self->keeper));
  self->is_syncing = FALSE;
  gtk_stack_set_visible_child_name (self->stack, is_empty ? "empty" : "list");
  gtk_widget_set_visible (self->delete_all_button, !is_empty);
}

static void
shown_cb (VmpChatHistory *self)
{
  if (self->keeper != NULL)
    vmp_chat_keeper_list (self->keeper);
}

/* -- The widget ---------------------------------------------------------------------------- */

static void
vmp_chat_history_dispose (GObject *object)
{
  VmpChatHistory *self = VMP_CHAT_HISTORY (object);

  if (self->list != NULL)
    gtk_list_view_set_model (self->list, NULL);
  g_clear_object (&self->keeper);

  G_OBJECT_CLASS (vmp_chat_history_parent_class)->dispose (object);
}

static void
vmp_chat_history_class_init (VmpChatHistoryClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_chat_history_dispose;

  signals[SIGNAL_OPEN] = g_signal_new ("open", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_STRING);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/chat-history.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpChatHistory, keep_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpChatHistory, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpChatHistory, list);
  gtk_widget_class_bind_template_child (widget_class, VmpChatHistory, delete_all_button);
  gtk_widget_class_bind_template_callback (widget_class, shown_cb);
  gtk_widget_class_bind_template_callback (widget_class, switched_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, delete_all_cb);
}

static void
vmp_chat_history_init (VmpChatHistory *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (factory, "setup", G_CALLBACK (setup_cb), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_cb), NULL);
  gtk_list_view_set_factory (self->list, factory);
}

void
vmp_chat_history_set_keeper (VmpChatHistory *self,
                             VmpChatKeeper  *keeper)
{
  GtkNoSelection *selection;
  GListModel *list;

  g_return_if_fail (VMP_IS_CHAT_HISTORY (self));
  g_return_if_fail (VMP_IS_CHAT_KEEPER (keeper));
  g_return_if_fail (self->keeper == NULL);

  self->keeper = g_object_ref (keeper);
  list = vmp_chat_keeper_get_list (keeper);
  selection = gtk_no_selection_new (g_object_ref (list));
  gtk_list_view_set_model (self->list, GTK_SELECTION_MODEL (selection));
  g_object_unref (selection);

  g_signal_connect_object (list, "items-changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (keeper, "notify::keeps", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
}

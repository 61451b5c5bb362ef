/* SPDX-License-Identifier: MIT
 *
 * Chooses whom a chat is with. GtkDropDown of this GTK finds only what begins with the text, hence this list.
 */

#include "app/windows/vmp-chat-chooser.h"

#include <glib/gi18n.h>

struct _VmpChatChooser {
  AdwBin parent_instance;

  GtkMenuButton *button;
  GtkLabel *label;
  GtkPopover *popover;
  GtkSearchEntry *search;
  GtkStack *stack;
  GtkListView *list;

  VmpChatTargets *targets;
  char *target;
  char **words;             /* of the search, folded */
  GtkFilter *filter;
  GtkSingleSelection *selection;
};

G_DEFINE_FINAL_TYPE (VmpChatChooser, vmp_chat_chooser, ADW_TYPE_BIN)

enum {
  PROP_0,
  PROP_TARGET,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* -- Rows ---------------------------------------------------------------------------------- */

static GtkWidget *
make_row_label (const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  if (css_class != NULL)
    {
      gtk_widget_add_css_class (label, css_class);
      gtk_widget_add_css_class (label, "dim-label");
    }

  return label;
}

static void
setup_cb (GtkSignalListItemFactory *factory,
          GtkListItem              *list_item,
          gpointer                  user_data)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *icon = gtk_image_new ();
  GtkWidget *lines = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *check = gtk_image_new_from_icon_name ("object-select-symbolic");

  gtk_widget_set_hexpand (lines, TRUE);
  gtk_widget_set_valign (lines, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_top (row, 6);
  gtk_widget_set_margin_bottom (row, 6);
  gtk_box_append (GTK_BOX (lines), make_row_label (NULL));
  gtk_box_append (GTK_BOX (lines), make_row_label ("caption"));
  gtk_box_append (GTK_BOX (row), icon);
  gtk_box_append (GTK_BOX (row), lines);
  gtk_box_append (GTK_BOX (row), check);
  gtk_list_item_set_child (list_item, row);
}

static void
bind_cb (GtkSignalListItemFactory *factory,
         GtkListItem              *list_item,
         gpointer                  user_data)
{
  static const char * const icons[] = {
    "starred-symbolic", "media-playlist-shuffle-symbolic", "package-x-generic-symbolic"
  };
  VmpChatChooser *self = user_data;
  VmpChatTarget *target = gtk_list_item_get_item (list_item);
  GtkWidget *icon = gtk_widget_get_first_child (gtk_list_item_get_child (list_item));
  GtkWidget *lines = gtk_widget_get_next_sibling (icon);
  GtkWidget *title = gtk_widget_get_first_child (lines);
  GtkWidget *subtitle = gtk_widget_get_next_sibling (title);
  const char *about = vmp_chat_target_get_subtitle (target);

  gtk_image_set_from_icon_name (GTK_IMAGE (icon), icons[vmp_chat_target_get_kind (target)]);
  gtk_label_set_text (GTK_LABEL (title), vmp_chat_target_get_title (target));
  gtk_label_set_text (GTK_LABEL (subtitle), about);
  gtk_widget_set_visible (subtitle, *about != '\0');
  gtk_widget_set_tooltip_text (lines, about);
  gtk_widget_set_opacity (gtk_widget_get_next_sibling (lines),
                          g_strcmp0 (self->target, vmp_chat_target_get_id (target)) == 0 ? 1 : 0);
}

/* -- Choosing ------------------------------------------------------------------------------ */

static void
show_chosen (VmpChatChooser *self)
{
  VmpChatTarget *target = self->targets != NULL ? vmp_chat_targets_find (self->targets, self->target) : NULL;
  g_autofree char *name = NULL;
  const char *text = self->target;

  if (target != NULL)
    text = vmp_chat_target_get_title (target);
  else if (text == NULL)
    text = _("Choose a Model");
  gtk_label_set_text (self->label, text);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->button), self->target);

  /* Translators: what a screen reader says of the button; %s is a model's name */
  name = g_strdup_printf (_("Model: %s"), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static void
choose (VmpChatChooser *self,
        guint           position)
{
  g_autoptr (VmpChatTarget) target = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  if (target == NULL)
    return;

  gtk_popover_popdown (self->popover);
  vmp_chat_chooser_set_target (self, vmp_chat_target_get_id (target));
}

static void
row_activated_cb (VmpChatChooser *self,
                  guint           position)
{
  choose (self, position);
}

static gboolean
filter_cb (gpointer item,
           gpointer user_data)
{
  VmpChatChooser *self = user_data;

  return self->words == NULL || vmp_chat_target_matches (item, (const char * const *) self->words);
}

static void
show_whether_empty (VmpChatChooser *self)
{
  gboolean is_empty = g_list_model_get_n_items (G_LIST_MODEL (self->selection)) == 0;

  gtk_stack_set_visible_child_name (self->stack, is_empty ? "empty" : "list");
}

static void
search_changed_cb (VmpChatChooser *self)
{
  g_autofree char *folded = g_utf8_casefold (gtk_editable_get_text (GTK_EDITABLE (self->search)), -1);

  g_strfreev (self->words);
  self->words = g_strsplit_set (folded, " \t", -1);
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
  gtk_single_selection_set_selected (self->selection, 0);
}

static void
search_activate_cb (VmpChatChooser *self)
{
  choose (self, gtk_single_selection_get_selected (self->selection));
}

static void
search_stop_cb (VmpChatChooser *self)
{
  gtk_popover_popdown (self->popover);
}

/* Arrows go through the list while the text is typed. */
static gboolean
search_key_cb (VmpChatChooser *self,
               guint           keyval,
               guint           keycode,
               GdkModifierType state)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->selection));
  guint at = gtk_single_selection_get_selected (self->selection);

  if (n == 0 || (keyval != GDK_KEY_Down && keyval != GDK_KEY_Up))
    return GDK_EVENT_PROPAGATE;

  if (keyval == GDK_KEY_Down && at + 1 < n)
    at++;
  else if (keyval == GDK_KEY_Up && at > 0)
    at--;
  gtk_single_selection_set_selected (self->selection, at);
  gtk_widget_activate_action (GTK_WIDGET (self->list), "list.scroll-to-item", "u", at);

  return GDK_EVENT_STOP;
}

static void
popover_shown_cb (VmpChatChooser *self)
{
  gtk_editable_set_text (GTK_EDITABLE (self->search), "");
  gtk_widget_grab_focus (GTK_WIDGET (self->search));

  gtk_list_view_set_model (self->list, GTK_SELECTION_MODEL (self->selection));
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->selection)); i++)
    {
      g_autoptr (VmpChatTarget) target = g_list_model_get_item (G_LIST_MODEL (self->selection), i);

      if (g_strcmp0 (vmp_chat_target_get_id (target), self->target) == 0)
        gtk_single_selection_set_selected (self->selection, i);
    }
}

/* Rows that nobody sees need not follow what happens to a thousand models. */
static void
popover_closed_cb (VmpChatChooser *self)
{
  gtk_list_view_set_model (self->list, NULL);
}

/* -- The widget ---------------------------------------------------------------------------- */

static void
vmp_chat_chooser_get_property (GObject    *object,
                               guint       id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_TARGET:
      g_value_set_string (value, VMP_CHAT_CHOOSER (object)->target);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_chooser_set_property (GObject      *object,
                               guint         id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  switch (id)
    {
    case PROP_TARGET:
      vmp_chat_chooser_set_target (VMP_CHAT_CHOOSER (object), g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_chooser_dispose (GObject *object)
{
  VmpChatChooser *self = VMP_CHAT_CHOOSER (object);

  if (self->list != NULL)
    gtk_list_view_set_model (self->list, NULL);
  g_clear_object (&self->selection);
  g_clear_object (&self->filter);
  g_clear_object (&self->targets);

  G_OBJECT_CLASS (vmp_chat_chooser_parent_class)->dispose (object);
}

static void
vmp_chat_chooser_finalize (GObject *object)
{
  VmpChatChooser *self = VMP_CHAT_CHOOSER (object);

  g_free (self->target);
  g_strfreev (self->words);

  G_OBJECT_CLASS (vmp_chat_chooser_parent_class)->finalize (object);
}

static void
vmp_chat_chooser_class_init (VmpChatChooserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = vmp_chat_chooser_get_property;
  object_class->set_property = vmp_chat_chooser_set_property;
  object_class->dispose = vmp_chat_chooser_dispose;
  object_class->finalize = vmp_chat_chooser_finalize;

  properties[PROP_TARGET] = g_param_spec_string ("target", NULL, NULL, NULL,
                                                 G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/chat-chooser.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpChatChooser, button);
  gtk_widget_class_bind_template_child (widget_class, VmpChatChooser, label);
  gtk_widget_class_bind_template_child (widget_class, VmpChatChooser, popover);
  gtk_widget_class_bind_template_child (widget_class, VmpChatChooser, search);
  gtk_widget_class_bind_template_child (widget_class, VmpChatChooser, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpChatChooser, list);
  gtk_widget_class_bind_template_callback (widget_class, popover_shown_cb);
  gtk_widget_class_bind_template_callback (widget_class, popover_closed_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_activate_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_stop_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_key_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
}

static void
vmp_chat_chooser_init (VmpChatChooser *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));

  g_signal_connect_object (factory, "setup", G_CALLBACK (setup_cb), self, 0);
  g_signal_connect_object (factory, "bind", G_CALLBACK (bind_cb), self, 0);
  gtk_list_view_set_factory (self->list, factory);
  show_chosen (self);
}

void
vmp_chat_chooser_set_targets (VmpChatChooser *self,
                              VmpChatTargets *targets)
{
  GtkFilterListModel *filtered;

  g_return_if_fail (VMP_IS_CHAT_CHOOSER (self));
  g_return_if_fail (VMP_IS_CHAT_TARGETS (targets));
  g_return_if_fail (self->targets == NULL);

  self->targets = g_object_ref (targets);
  self->filter = GTK_FILTER (gtk_custom_filter_new (filter_cb, self, NULL));
  filtered = gtk_filter_list_model_new (G_LIST_MODEL (g_object_ref (targets)), g_object_ref (self->filter));
  self->selection = gtk_single_selection_new (G_LIST_MODEL (filtered));

  g_signal_connect_object (self->selection, "items-changed", G_CALLBACK (show_whether_empty), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (targets, "items-changed", G_CALLBACK (show_chosen), self, G_CONNECT_SWAPPED);
  show_whether_empty (self);
  show_chosen (self);
}

void
vmp_chat_chooser_set_target (VmpChatChooser *self,
                             const char     *id)
{
  g_return_if_fail (VMP_IS_CHAT_CHOOSER (self));

  if (g_strcmp0 (self->target, id) == 0)
    return;

  g_free (self->target);
  self->target = g_strdup (id);
  show_chosen (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TARGET]);
}

void
vmp_chat_chooser_popup (VmpChatChooser *self)
{
  g_return_if_fail (VMP_IS_CHAT_CHOOSER (self));

  gtk_menu_button_popup (self->button);
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-choice.h.
 */

#include "app/windows/vmp-choice.h"

/* -- An option ----------------------------------------------------------------------------- */

struct _VmpOption {
  GObject parent_instance;

  char *id;
  char *label;
};

enum {
  PROP_0,
  PROP_LABEL,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (VmpOption, vmp_option, G_TYPE_OBJECT)

static void
vmp_option_get_property (GObject    *object,
                         guint       prop_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_LABEL:
      g_value_set_string (value, VMP_OPTION (object)->label);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
vmp_option_finalize (GObject *object)
{
  VmpOption *self = VMP_OPTION (object);

  g_free (self->id);
  g_free (self->label);

  G_OBJECT_CLASS (vmp_option_parent_class)->finalize (object);
}

static void
vmp_option_class_init (VmpOptionClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->get_property = vmp_option_get_property;
  object_class->finalize = vmp_option_finalize;

  properties[PROP_LABEL] = g_param_spec_string ("label", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmp_option_init (VmpOption *self)
{
}

VmpOption *
vmp_option_new (const char *id,
                const char *label)
{
  VmpOption *self = g_object_new (VMP_TYPE_OPTION, NULL);

  self->id = g_strdup (id);
  self->label = g_strdup (label);

  return self;
}

const char *
vmp_option_get_id (VmpOption *self)
{
  return self->id;
}

const char *
vmp_option_get_label (VmpOption *self)
{
  return self->label;
}

/* -- The choice ---------------------------------------------------------------------------- */

struct _VmpChoice {
  AdwBin parent_instance;

  GtkDropDown *drop_down;
  GListStore *extra;       /* what is chosen and not among the options, at most one */
  GListModel *all;         /* extra, then the options */
  GListModel *options;     /* NULL: none yet */
  char *id;                /* what is chosen; NULL */
  gboolean is_updating;
};

enum {
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpChoice, vmp_choice, ADW_TYPE_BIN)

static guint
find (GListModel *model,
      const char *id)
{
  guint n = model != NULL ? g_list_model_get_n_items (model) : 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpOption) option = g_list_model_get_item (model, i);

      if (g_strcmp0 (option->id, id) == 0)
        return i;
    }
  return GTK_INVALID_LIST_POSITION;
}

static void
show_chosen (VmpChoice *self)
{
  guint position;

  self->is_updating = TRUE;
  g_list_store_remove_all (self->extra);
  position = self->id != NULL ? find (self->all, self->id) : 0;
  if (position == GTK_INVALID_LIST_POSITION)
    {
      g_autoptr (VmpOption) option = vmp_option_new (self->id, self->id);

      g_list_store_append (self->extra, option);
      position = 0;
    }
  if (g_list_model_get_n_items (self->all) > 0)
    gtk_drop_down_set_selected (self->drop_down, position);
  self->is_updating = FALSE;
}

static void
selected_cb (VmpChoice *self)
{
  VmpOption *option = VMP_OPTION (gtk_drop_down_get_selected_item (self->drop_down));

  if (self->is_updating || option == NULL || g_strcmp0 (option->id, self->id) == 0)
    return;

  g_free (self->id);
  self->id = g_strdup (option->id);
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
make_row_cb (GtkSignalListItemFactory *factory,
             GtkListItem              *list_item)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_list_item_set_child (list_item, label);
}

static void
fill_row_cb (GtkSignalListItemFactory *factory,
             GtkListItem              *list_item)
{
  VmpOption *option = VMP_OPTION (gtk_list_item_get_item (list_item));
  GtkWidget *label = gtk_list_item_get_child (list_item);

  gtk_label_set_text (GTK_LABEL (label), option->label);
  gtk_widget_set_tooltip_text (label, option->label);
}

static void
vmp_choice_dispose (GObject *object)
{
  VmpChoice *self = VMP_CHOICE (object);

  if (self->drop_down != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->drop_down, self);
      gtk_drop_down_set_model (self->drop_down, NULL);
    }
  self->drop_down = NULL;
  g_clear_object (&self->all);
  g_clear_object (&self->extra);
  g_clear_object (&self->options);
  g_clear_pointer (&self->id, g_free);

  G_OBJECT_CLASS (vmp_choice_parent_class)->dispose (object);
}

static void
vmp_choice_class_init (VmpChoiceClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_choice_dispose;

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
vmp_choice_init (VmpChoice *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  g_autoptr (GtkExpression) expression = gtk_property_expression_new (VMP_TYPE_OPTION, NULL, "label");

  g_signal_connect (factory, "setup", G_CALLBACK (make_row_cb), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (fill_row_cb), NULL);
  self->drop_down = GTK_DROP_DOWN (gtk_drop_down_new (NULL, NULL));
  gtk_drop_down_set_factory (self->drop_down, factory);
  gtk_drop_down_set_expression (self->drop_down, expression);
  gtk_drop_down_set_enable_search (self->drop_down, TRUE);
  gtk_widget_set_hexpand (GTK_WIDGET (self->drop_down), TRUE);
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->drop_down));

  self->extra = g_list_store_new (VMP_TYPE_OPTION);
  g_signal_connect_swapped (self->drop_down, "notify::selected", G_CALLBACK (selected_cb), self);
}

GtkWidget *
vmp_choice_new (void)
{
  return g_object_new (VMP_TYPE_CHOICE, NULL);
}

void
vmp_choice_set_options (VmpChoice  *self,
                        GListModel *options)
{
  GListStore *lists;

  g_return_if_fail (VMP_IS_CHOICE (self));
  g_return_if_fail (G_IS_LIST_MODEL (options));

  self->is_updating = TRUE;
  g_set_object (&self->options, options);
  lists = g_list_store_new (G_TYPE_LIST_MODEL);
  g_list_store_append (lists, self->extra);
  g_list_store_append (lists, options);
  g_clear_object (&self->all);
  self->all = G_LIST_MODEL (gtk_flatten_list_model_new (G_LIST_MODEL (lists)));
  gtk_drop_down_set_model (self->drop_down, self->all);
  show_chosen (self);
}

void
vmp_choice_set_id (VmpChoice  *self,
                   const char *id)
{
  char *copy = g_strdup (id);

  g_return_if_fail (VMP_IS_CHOICE (self));

  g_free (self->id);
  self->id = copy;
  if (self->all != NULL)
    show_chosen (self);
}

const char *
vmp_choice_get_id (VmpChoice *self)
{
  VmpOption *option;

  g_return_val_if_fail (VMP_IS_CHOICE (self), NULL);

  if (self->id != NULL || self->all == NULL)
    return self->id;

  option = VMP_OPTION (gtk_drop_down_get_selected_item (self->drop_down));
  return option != NULL ? option->id : NULL;
}

void
vmp_choice_set_label (VmpChoice  *self,
                      const char *label)
{
  g_return_if_fail (VMP_IS_CHOICE (self));

  gtk_accessible_update_property (GTK_ACCESSIBLE (self->drop_down), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

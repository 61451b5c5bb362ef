/* SPDX-License-Identifier: MIT
 *
 * See vmp-card-list.h. Which row is the first or the last of its card depends on its neighbours, of which a list view
 * tells nothing: the rows on screen are looked at again whenever the model changes.
 */

#include "app/windows/vmp-card-list.h"

struct _VmpCardHeading {
  GObject parent_instance;

  char *text;
};

enum {
  PROP_0,
  PROP_TEXT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (VmpCardHeading, vmp_card_heading, G_TYPE_OBJECT)

/* -- A heading ----------------------------------------------------------------------------- */

static void
vmp_card_heading_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_TEXT:
      g_value_set_string (value, VMP_CARD_HEADING (object)->text);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
vmp_card_heading_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_TEXT:
      VMP_CARD_HEADING (object)->text = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
vmp_card_heading_finalize (GObject *object)
{
  g_free (VMP_CARD_HEADING (object)->text);

  G_OBJECT_CLASS (vmp_card_heading_parent_class)->finalize (object);
}

static void
vmp_card_heading_class_init (VmpCardHeadingClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->get_property = vmp_card_heading_get_property;
  object_class->set_property = vmp_card_heading_set_property;
  object_class->finalize = vmp_card_heading_finalize;

  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL,
                                               G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmp_card_heading_init (VmpCardHeading *self)
{
}

VmpCardHeading *
vmp_card_heading_new (const char *text)
{
  return g_object_new (VMP_TYPE_CARD_HEADING, "text", text, NULL);
}

/* -- The list ------------------------------------------------------------------------------ */

/* Lives as long as the factory. */
typedef struct {
  VmpCardListFuncs funcs;
  gpointer user_data;
  GListModel *model;
  GPtrArray *bound;    /* of GtkListItem, not owned: those that show something now */
} CardList;

static void
card_list_free (gpointer data)
{
  CardList *self = data;

  g_ptr_array_unref (self->bound);
  g_object_unref (self->model);
  g_free (self);
}

static gboolean
is_card (CardList *self,
         guint     position)
{
  g_autoptr (GObject) item = g_list_model_get_item (self->model, position);

  return item != NULL && !VMP_IS_CARD_HEADING (item);
}

static void
set_class (GtkWidget  *widget,
           const char *css_class,
           gboolean    has_it)
{
  if (has_it)
    gtk_widget_add_css_class (widget, css_class);
  else
    gtk_widget_remove_css_class (widget, css_class);
}

static GtkWidget *
get_heading (GtkListItem *list_item)
{
  return gtk_widget_get_first_child (gtk_list_item_get_child (list_item));
}

static GtkWidget *
get_row (GtkListItem *list_item)
{
  return gtk_widget_get_last_child (gtk_list_item_get_child (list_item));
}

static void
set_place (CardList    *self,
           GtkListItem *list_item)
{
  guint position = gtk_list_item_get_position (list_item);
  GtkWidget *row = get_row (list_item);

  set_class (row, "first", position == 0 || !is_card (self, position - 1));
  set_class (row, "last", !is_card (self, position + 1));
}

static void
items_changed_cb (GListModel *model,
                  guint       position,
                  guint       removed,
                  guint       added,
                  CardList   *self)
{
  for (guint i = 0; i < self->bound->len; i++)
    {
      GtkListItem *list_item = g_ptr_array_index (self->bound, i);

      if (gtk_list_item_get_position (list_item) != GTK_INVALID_LIST_POSITION)
        set_place (self, list_item);
    }
}

static void
set_up_cb (GtkSignalListItemFactory *factory,
           GtkListItem              *list_item,
           CardList                 *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *heading = gtk_label_new (NULL);
  GtkWidget *row = self->funcs.make (self->user_data);

  gtk_label_set_xalign (GTK_LABEL (heading), 0);
  gtk_label_set_wrap (GTK_LABEL (heading), TRUE);
  gtk_widget_add_css_class (heading, "heading");
  gtk_widget_add_css_class (heading, "vmp-cards-heading");
  gtk_widget_add_css_class (row, "vmp-card");
  gtk_box_append (GTK_BOX (box), heading);
  gtk_box_append (GTK_BOX (box), row);
  gtk_list_item_set_child (list_item, box);
  gtk_list_item_set_selectable (list_item, FALSE);
}

static void
bind_cb (GtkSignalListItemFactory *factory,
         GtkListItem              *list_item,
         CardList                 *self)
{
  gpointer item = gtk_list_item_get_item (list_item);
  gboolean is_heading = VMP_IS_CARD_HEADING (item);

  gtk_widget_set_visible (get_heading (list_item), is_heading);
  gtk_widget_set_visible (get_row (list_item), !is_heading);
  gtk_list_item_set_activatable (list_item, !is_heading);
  if (is_heading)
    {
      const char *text = VMP_CARD_HEADING (item)->text;

      gtk_label_set_text (GTK_LABEL (get_heading (list_item)), text);
      vmp_card_list_set_spoken (get_heading (list_item), text);
      return;
    }

  self->funcs.fill (self->user_data, get_row (list_item), item);
  g_ptr_array_add (self->bound, list_item);
  set_place (self, list_item);
}

static void
unbind_cb (GtkSignalListItemFactory *factory,
           GtkListItem              *list_item,
           CardList                 *self)
{
  if (g_ptr_array_remove_fast (self->bound, list_item))
    self->funcs.clear (self->user_data, get_row (list_item));
}

void
vmp_card_list_set_up (GtkListView            *view,
                      GListModel             *model,
                      const VmpCardListFuncs *funcs,
                      gpointer                user_data)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  g_autoptr (GtkNoSelection) selection = NULL;
  CardList *self;

  g_return_if_fail (GTK_IS_LIST_VIEW (view));
  g_return_if_fail (G_IS_LIST_MODEL (model));

  self = g_new0 (CardList, 1);
  self->funcs = *funcs;
  self->user_data = user_data;
  self->model = g_object_ref (model);
  self->bound = g_ptr_array_new ();
  g_object_set_data_full (G_OBJECT (factory), "vmp-card-list", self, card_list_free);
  g_signal_connect (factory, "setup", G_CALLBACK (set_up_cb), self);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_cb), self);
  g_signal_connect (factory, "unbind", G_CALLBACK (unbind_cb), self);

  gtk_widget_add_css_class (GTK_WIDGET (view), "vmp-cards");
  gtk_list_view_set_factory (view, factory);
  selection = gtk_no_selection_new (g_object_ref (model));
  gtk_list_view_set_model (view, GTK_SELECTION_MODEL (selection));
  /* After the view's own handler: it knows the new places then. */
  g_signal_connect_data (selection, "items-changed", G_CALLBACK (items_changed_cb), self, NULL, G_CONNECT_AFTER);
}

void
vmp_card_list_refill (GtkListView *view)
{
  GtkListItemFactory *factory;
  CardList *self;

  g_return_if_fail (GTK_IS_LIST_VIEW (view));

  factory = gtk_list_view_get_factory (view);
  self = factory != NULL ? g_object_get_data (G_OBJECT (factory), "vmp-card-list") : NULL;
  if (self == NULL)
    return;

  for (guint i = 0; i < self->bound->len; i++)
    {
      GtkListItem *list_item = g_ptr_array_index (self->bound, i);

      self->funcs.clear (self->user_data, get_row (list_item));
      self->funcs.fill (self->user_data, get_row (list_item), gtk_list_item_get_item (list_item));
    }
}

void
vmp_card_list_set_spoken (GtkWidget  *row,
                          const char *text)
{
  GtkWidget *box = gtk_widget_get_parent (row);
  GtkWidget *around = box != NULL ? gtk_widget_get_parent (box) : NULL;

  if (around != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (around), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

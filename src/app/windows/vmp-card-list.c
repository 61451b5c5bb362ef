/* SPDX-License-Identifier: MIT
 *
 * See vmp-card-list.h. Which row is the first or the last of its card depends on its neighbours, of which a list view
 * tells nothing: the rows on screen are looked at again whenever the model changes.
 */

#include "app/windows/vmp-card-list.h"

#include "app/windows/vmp-paced-list.h"

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
  GListModel *model;   /* VmpPacedList */
  GHashTable *filled;  /* GtkListItem, not owned -> Filled */
} CardList;

/* A row that shows something now; it may be out of its list item already when that is torn down. */
typedef struct {
  GtkWidget *row;
  gpointer item;
} Filled;

static void
filled_free (gpointer data)
{
  Filled *self = data;

  g_object_unref (self->row);
  g_object_unref (self->item);
  g_free (self);
}

static void
card_list_free (gpointer data)
{
  CardList *self = data;

  g_hash_table_unref (self->filled);
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
clear (CardList    *self,
       GtkListItem *list_item)
{
  Filled *filled = g_hash_table_lookup (self->filled, list_item);

  if (filled == NULL)
    return;

  self->funcs.clear (self->user_data, filled->row);
  g_hash_table_remove (self->filled, list_item);
}

/* Rows that move are bound anew; those beside the change may have become, or be no more, the first or the last. */
static void
items_changed_cb (GListModel *model,
                  guint       position,
                  guint       removed,
                  guint       added,
                  CardList   *self)
{
  GHashTableIter iter;
  gpointer list_item;

  g_hash_table_iter_init (&iter, self->filled);
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    {
      guint at = gtk_list_item_get_position (list_item);

      if (at != GTK_INVALID_LIST_POSITION && (at + 1 == position || at == position + added))
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

/* A view binds all rows behind a change anew, to the items that they have: these stay filled. A row that is unbound
 * is either bound again at once or torn down. */
static void
bind_cb (GtkSignalListItemFactory *factory,
         GtkListItem              *list_item,
         CardList                 *self)
{
  gpointer item = gtk_list_item_get_item (list_item);
  gboolean is_heading = VMP_IS_CARD_HEADING (item);
  Filled *filled = g_hash_table_lookup (self->filled, list_item);

  if (filled != NULL && filled->item == item)
    {
      set_place (self, list_item);
      return;
    }

  clear (self, list_item);
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

  filled = g_new0 (Filled, 1);
  filled->row = g_object_ref (get_row (list_item));
  filled->item = g_object_ref (item);
  g_hash_table_insert (self->filled, list_item, filled);
  self->funcs.fill (self->user_data, filled->row, item);
  set_place (self, list_item);
}

static void
tear_down_cb (GtkSignalListItemFactory *factory,
              GtkListItem              *list_item,
              CardList                 *self)
{
  clear (self, list_item);
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
  self->model = G_LIST_MODEL (vmp_paced_list_new (model, GTK_WIDGET (view)));
  self->filled = g_hash_table_new_full (NULL, NULL, NULL, filled_free);
  g_object_set_data_full (G_OBJECT (factory), "vmp-card-list", self, card_list_free);
  g_signal_connect (factory, "setup", G_CALLBACK (set_up_cb), self);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_cb), self);
  g_signal_connect (factory, "teardown", G_CALLBACK (tear_down_cb), self);

  gtk_widget_add_css_class (GTK_WIDGET (view), "vmp-cards");
  gtk_list_view_set_factory (view, factory);
  selection = gtk_no_selection_new (g_object_ref (self->model));
  gtk_list_view_set_model (view, GTK_SELECTION_MODEL (selection));
  /* After the view's own handler: it knows the new places then. */
  g_signal_connect_data (selection, "items-changed", G_CALLBACK (items_changed_cb), self, NULL, G_CONNECT_AFTER);
}

gpointer
vmp_card_list_get_item (GtkListView *view,
                        guint        position)
{
  GtkSelectionModel *model;

  g_return_val_if_fail (GTK_IS_LIST_VIEW (view), NULL);

  model = gtk_list_view_get_model (view);

  return model != NULL ? g_list_model_get_item (G_LIST_MODEL (model), position) : NULL;
}

void
vmp_card_list_refill (GtkListView *view)
{
  GtkListItemFactory *factory;
  CardList *self;
  GHashTableIter iter;
  gpointer value;

  g_return_if_fail (GTK_IS_LIST_VIEW (view));

  factory = gtk_list_view_get_factory (view);
  self = factory != NULL ? g_object_get_data (G_OBJECT (factory), "vmp-card-list") : NULL;
  if (self == NULL)
    return;

  g_hash_table_iter_init (&iter, self->filled);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Filled *filled = value;

      self->funcs.clear (self->user_data, filled->row);
      self->funcs.fill (self->user_data, filled->row, filled->item);
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

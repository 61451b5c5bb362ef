/* SPDX-License-Identifier: MIT
 *
 * Two columns that fold. A box of two would never let its window become narrow enough to fold it.
 */

#include "app/windows/vmp-chat-columns.h"

/* Pixels of a column in which an answer with code can be read. */
#define COLUMN_WIDTH 300

struct _VmpChatColumns {
  GtkWidget parent_instance;

  GtkWidget *first;
  GtkWidget *second; /* NULL: there is one only */
  gboolean is_folded;
  gboolean shows_second;
  guint idle;
};

G_DEFINE_FINAL_TYPE (VmpChatColumns, vmp_chat_columns, GTK_TYPE_WIDGET)

enum {
  PROP_0,
  PROP_FOLDED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
vmp_chat_columns_measure (GtkWidget     *widget,
                          GtkOrientation orientation,
                          int            for_size,
                          int           *minimum,
                          int           *natural,
                          int           *minimum_baseline,
                          int           *natural_baseline)
{
  VmpChatColumns *self = VMP_CHAT_COLUMNS (widget);
  GtkWidget *children[] = { self->first, self->second };

  *minimum = *natural = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (children); i++)
    {
      int child_minimum;
      int child_natural;

      if (children[i] == NULL)
        continue;
      gtk_widget_measure (children[i], orientation, -1, &child_minimum, &child_natural, NULL, NULL);
      *minimum = MAX (*minimum, child_minimum);
      *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? *natural + child_natural : MAX (*natural, child_natural);
    }
}

/* Whoever shows a switch for it does so after the allocation, not in it. */
static gboolean
idle_cb (gpointer user_data)
{
  VmpChatColumns *self = user_data;

  self->idle = 0;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FOLDED]);

  return G_SOURCE_REMOVE;
}

static void
vmp_chat_columns_size_allocate (GtkWidget *widget,
                                int        width,
                                int        height,
                                int        baseline)
{
  VmpChatColumns *self = VMP_CHAT_COLUMNS (widget);
  gboolean is_folded = self->second != NULL && width < 2 * COLUMN_WIDTH;
  gboolean is_rtl = gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL;
  GtkAllocation place = { 0, 0, width, height };

  if (self->first == NULL)
    return;

  if (is_folded != self->is_folded)
    {
      self->is_folded = is_folded;
      if (self->idle == 0)
        self->idle = g_idle_add (idle_cb, self);
    }

  gtk_widget_set_child_visible (self->first, !is_folded || !self->shows_second);
  if (self->second != NULL)
    gtk_widget_set_child_visible (self->second, !is_folded || self->shows_second);

  if (self->second == NULL || is_folded)
    {
      gtk_widget_size_allocate (self->second != NULL && self->shows_second ? self->second : self->first, &place, -1);
      return;
    }

  place.width = width / 2;
  place.x = is_rtl ? width - place.width : 0;
  gtk_widget_size_allocate (self->first, &place, -1);
  place.x = is_rtl ? 0 : place.width;
  place.width = width - place.width;
  gtk_widget_size_allocate (self->second, &place, -1);
}

static void
vmp_chat_columns_get_property (GObject    *object,
                               guint       id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_FOLDED:
      g_value_set_boolean (value, VMP_CHAT_COLUMNS (object)->is_folded);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_columns_dispose (GObject *object)
{
  VmpChatColumns *self = VMP_CHAT_COLUMNS (object);

  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_pointer (&self->first, gtk_widget_unparent);
  g_clear_pointer (&self->second, gtk_widget_unparent);

  G_OBJECT_CLASS (vmp_chat_columns_parent_class)->dispose (object);
}

static void
vmp_chat_columns_class_init (VmpChatColumnsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = vmp_chat_columns_get_property;
  object_class->dispose = vmp_chat_columns_dispose;
  widget_class->measure = vmp_chat_columns_measure;
  widget_class->size_allocate = vmp_chat_columns_size_allocate;

  properties[PROP_FOLDED] = g_param_spec_boolean ("folded", NULL, NULL, FALSE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmp_chat_columns_init (VmpChatColumns *self)
{
}

static void
replace_child (VmpChatColumns *self,
               GtkWidget     **place,
               GtkWidget      *child)
{
  if (*place == child)
    return;

  g_clear_pointer (place, gtk_widget_unparent);
  *place = child;
  if (child != NULL)
    gtk_widget_set_parent (child, GTK_WIDGET (self));
}

void
vmp_chat_columns_set_children (VmpChatColumns *self,
                               GtkWidget      *first,
                               GtkWidget      *second)
{
  g_return_if_fail (VMP_IS_CHAT_COLUMNS (self));

  replace_child (self, &self->first, first);
  replace_child (self, &self->second, second);
  if (second == NULL)
    self->shows_second = FALSE;
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

gboolean
vmp_chat_columns_get_folded (VmpChatColumns *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_COLUMNS (self), FALSE);

  return self->is_folded;
}

void
vmp_chat_columns_show_second (VmpChatColumns *self,
                              gboolean        shows_second)
{
  g_return_if_fail (VMP_IS_CHAT_COLUMNS (self));

  self->shows_second = shows_second && self->second != NULL;
  gtk_widget_queue_allocate (GTK_WIDGET (self));
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-paced-list.h. What it has is always a part of the source as it was a moment ago, in the same order.
 */

#include "app/windows/vmp-paced-list.h"

/* New items a frame, as long as a view may make rows of them. */
#define ITEMS_A_FRAME 8
#define VIEW_ITEMS 250

/* Between two changes, when there is nothing that waits for its turn. */
#define PACE_US (100 * 1000)

struct _VmpPacedList {
  GObject parent_instance;

  GListModel *source;
  GtkWidget *widget;     /* NULL: it is gone */
  GPtrArray *items;
  guint tick;            /* 0: it has all of the source, or nobody sees it */
  gint64 changed_at;     /* µs, of frames */
  gboolean is_partial;   /* there is more that is new than was told of */
};

static GType
get_item_type (GListModel *model)
{
  return g_list_model_get_item_type (VMP_PACED_LIST (model)->source);
}

static guint
get_n_items (GListModel *model)
{
  return VMP_PACED_LIST (model)->items->len;
}

static gpointer
get_item (GListModel *model,
          guint       position)
{
  VmpPacedList *self = VMP_PACED_LIST (model);

  return position < self->items->len ? g_object_ref (g_ptr_array_index (self->items, position)) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (VmpPacedList, vmp_paced_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

/* -- Following ----------------------------------------------------------------------------- */

/* (transfer full) */
static GPtrArray *
read_source (VmpPacedList *self)
{
  guint n = g_list_model_get_n_items (self->source);
  GPtrArray *items = g_ptr_array_new_full (n, g_object_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (items, g_list_model_get_item (self->source, i));

  return items;
}

/* Takes out what @wanted has not, or has elsewhere in relation to those before it. */
static void
take_out (VmpPacedList *self,
          GPtrArray    *wanted)
{
  g_autoptr (GHashTable) places = g_hash_table_new (NULL, NULL);
  g_autofree gboolean *stays = g_new0 (gboolean, self->items->len + 1);
  guint next = 1;

  for (guint i = 0; i < wanted->len; i++)
    g_hash_table_insert (places, g_ptr_array_index (wanted, i), GUINT_TO_POINTER (i + 1));
  for (guint i = 0; i < self->items->len; i++)
    {
      guint place = GPOINTER_TO_UINT (g_hash_table_lookup (places, g_ptr_array_index (self->items, i)));

      stays[i] = place >= next;
      if (stays[i])
        next = place + 1;
    }

  for (guint end = self->items->len; end > 0; end--)
    {
      guint start = end;

      while (start > 0 && !stays[start - 1])
        start--;
      if (start == end)
        continue;
      g_ptr_array_remove_range (self->items, start, end - start);
      g_list_model_items_changed (G_LIST_MODEL (self), start, end - start, 0);
      end = start + 1;
    }
}

/* Puts in what it has not, the first of that first. FALSE: there is more. */
static gboolean
put_in (VmpPacedList *self,
        GPtrArray    *wanted)
{
  guint n_left = ITEMS_A_FRAME;
  guint i = 0;

  while (i < wanted->len)
    {
      gpointer next = i < self->items->len ? g_ptr_array_index (self->items, i) : NULL;
      guint start = i;

      for (; i < wanted->len && g_ptr_array_index (wanted, i) != next && (n_left > 0 || i >= VIEW_ITEMS); i++)
        {
          g_ptr_array_insert (self->items, (int) i, g_object_ref (g_ptr_array_index (wanted, i)));
          n_left -= n_left > 0 ? 1 : 0;
        }
      if (i > start)
        g_list_model_items_changed (G_LIST_MODEL (self), start, 0, i - start);
      else if (g_ptr_array_index (wanted, i) != next)
        return FALSE;
      else
        i++;
    }

  return TRUE;
}

static gboolean
tick_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  VmpPacedList *self = user_data;
  gint64 now = gdk_frame_clock_get_frame_time (clock);
  g_autoptr (GPtrArray) wanted = NULL;

  if (!gtk_widget_get_mapped (widget))
    {
      self->tick = 0;
      return G_SOURCE_REMOVE;
    }
  if (!self->is_partial && now - self->changed_at < PACE_US)
    return G_SOURCE_CONTINUE;

  self->changed_at = now;
  wanted = read_source (self);
  take_out (self, wanted);
  self->is_partial = !put_in (self, wanted);
  if (self->is_partial)
    return G_SOURCE_CONTINUE;

  self->tick = 0;

  return G_SOURCE_REMOVE;
}

/* Or the widget is shown. */
static void
source_changed_cb (VmpPacedList *self)
{
  if (self->tick == 0 && self->widget != NULL && gtk_widget_get_mapped (self->widget))
    self->tick = gtk_widget_add_tick_callback (self->widget, tick_cb, self, NULL);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_paced_list_dispose (GObject *object)
{
  VmpPacedList *self = VMP_PACED_LIST (object);

  if (self->source != NULL)
    g_signal_handlers_disconnect_by_data (self->source, self);
  if (self->widget != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->widget, self);
      if (self->tick != 0)
        gtk_widget_remove_tick_callback (self->widget, self->tick);
    }
  self->tick = 0;
  g_clear_weak_pointer (&self->widget);

  G_OBJECT_CLASS (vmp_paced_list_parent_class)->dispose (object);
}

static void
vmp_paced_list_finalize (GObject *object)
{
  VmpPacedList *self = VMP_PACED_LIST (object);

  g_ptr_array_unref (self->items);
  g_clear_object (&self->source);

  G_OBJECT_CLASS (vmp_paced_list_parent_class)->finalize (object);
}

static void
vmp_paced_list_class_init (VmpPacedListClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_paced_list_dispose;
  G_OBJECT_CLASS (class)->finalize = vmp_paced_list_finalize;
}

static void
vmp_paced_list_init (VmpPacedList *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
}

VmpPacedList *
vmp_paced_list_new (GListModel *source,
                    GtkWidget  *widget)
{
  VmpPacedList *self;

  g_return_val_if_fail (G_IS_LIST_MODEL (source), NULL);
  g_return_val_if_fail (GTK_IS_WIDGET (widget), NULL);

  self = g_object_new (VMP_TYPE_PACED_LIST, NULL);
  self->source = g_object_ref (source);
  g_set_weak_pointer (&self->widget, widget);
  g_signal_connect_swapped (source, "items-changed", G_CALLBACK (source_changed_cb), self);
  g_signal_connect_swapped (widget, "map", G_CALLBACK (source_changed_cb), self);
  source_changed_cb (self);

  return self;
}

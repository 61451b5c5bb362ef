/* SPDX-License-Identifier: MIT
 *
 * See vmp-item-watch.h.
 */

#include "app/windows/vmp-item-watch.h"

struct _VmpItemWatch {
  VmpItemList *list;
  GPtrArray *items;    /* those that are listened to, in the list's order */
  VmpItemWatchFunc func;
  gpointer user_data;
};

static void
document_changed_cb (VmpItem      *item,
                     GParamSpec   *pspec,
                     VmpItemWatch *self)
{
  self->func (self->user_data, item);
}

static void
follow (VmpItemWatch *self,
        guint         position,
        guint         n)
{
  for (guint i = position; i < position + n; i++)
    {
      VmpItem *item = g_list_model_get_item (G_LIST_MODEL (self->list), i);

      g_signal_connect (item, "notify::document", G_CALLBACK (document_changed_cb), self);
      g_ptr_array_insert (self->items, i, item);
    }
}

static void
leave (VmpItemWatch *self,
       guint         position,
       guint         n)
{
  for (guint i = position; i < position + n; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->items, i), self);
  if (n > 0)
    g_ptr_array_remove_range (self->items, position, n);
}

static void
items_changed_cb (GListModel   *model,
                  guint         position,
                  guint         removed,
                  guint         added,
                  VmpItemWatch *self)
{
  leave (self, position, removed);
  follow (self, position, added);
  self->func (self->user_data, NULL);
}

VmpItemWatch *
vmp_item_watch_new (VmpItemList     *list,
                    VmpItemWatchFunc func,
                    gpointer         user_data)
{
  VmpItemWatch *self;

  g_return_val_if_fail (VMP_IS_ITEM_LIST (list), NULL);

  self = g_new0 (VmpItemWatch, 1);
  self->list = g_object_ref (list);
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
  self->func = func;
  self->user_data = user_data;
  follow (self, 0, g_list_model_get_n_items (G_LIST_MODEL (list)));
  g_signal_connect (list, "items-changed", G_CALLBACK (items_changed_cb), self);

  return self;
}

void
vmp_item_watch_free (VmpItemWatch *self)
{
  if (self == NULL)
    return;

  g_signal_handlers_disconnect_by_data (self->list, self);
  leave (self, 0, self->items->len);
  g_ptr_array_unref (self->items);
  g_object_unref (self->list);
  g_free (self);
}

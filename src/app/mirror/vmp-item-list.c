/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpItemList. A whole new list is taken over with the smallest change that makes the one of the
 * other: of the items that stay, as many as possible do not move, and each gap between two of those is one
 * "items-changed".
 */

#include "app/mirror/vmp-item-private.h"

#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-text.h"

#define NOWHERE G_MAXUINT

struct _VmpItemList {
  GObject parent;

  GPtrArray *items;   /* of VmpItem, owned */
  GHashTable *by_id;  /* the item's id -> VmpItem */
};

static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmpItemList, vmp_item_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

/* -- Batches ------------------------------------------------------------------------------- */

typedef struct {
  char *id;
  JsonObject *document;
  guint64 digest;
} Entry;

struct _VmpItemBatch {
  GArray *entries; /* of Entry; no id comes twice */
};

static void
entry_clear (gpointer data)
{
  Entry *self = data;

  g_free (self->id);
  g_clear_pointer (&self->document, json_object_unref);
}

VmpItemBatch *
vmp_item_batch_new (JsonArray    *documents,
                    VmpItemIdFunc id_of)
{
  guint length = json_array_get_length (documents);
  VmpItemBatch *self = g_new0 (VmpItemBatch, 1);
  g_autoptr (GHashTable) ids = g_hash_table_new (vmp_text_hash, g_str_equal);

  self->entries = g_array_sized_new (FALSE, FALSE, sizeof (Entry), length);
  g_array_set_clear_func (self->entries, entry_clear);
  for (guint i = 0; i < length; i++)
    {
      JsonNode *node = json_array_get_element (documents, i);
      JsonObject *document = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      g_autofree char *id = NULL;
      Entry entry;

      if (document == NULL)
        continue;
      id = id_of != NULL ? id_of (document) : g_strdup (vmp_json_get_string (document, "id"));
      if (id == NULL || !g_hash_table_add (ids, id))
        continue;

      entry.id = g_steal_pointer (&id);
      entry.document = json_object_ref (document);
      entry.digest = vmp_document_digest (document);
      g_array_append_val (self->entries, entry);
    }

  return self;
}

void
vmp_item_batch_free (VmpItemBatch *self)
{
  g_array_unref (self->entries);
  g_free (self);
}

/* -- Changes ------------------------------------------------------------------------------- */

/* Puts @n_added of @added (whose references stay its own) in the place of @n_removed from @position on, and says so. */
static void
splice (VmpItemList    *self,
        guint           position,
        guint           n_removed,
        gpointer const *added,
        guint           n_added)
{
  guint n_after = self->items->len - position - n_removed;

  for (guint i = 0; i < n_added; i++)
    g_object_ref (added[i]);
  for (guint i = 0; i < n_removed; i++)
    g_object_unref (self->items->pdata[position + i]);

  if (n_added > n_removed)
    g_ptr_array_set_size (self->items, self->items->len + n_added - n_removed);
  memmove (self->items->pdata + position + n_added, self->items->pdata + position + n_removed,
           n_after * sizeof (gpointer));
  if (n_added > 0)
    memcpy (self->items->pdata + position, added, n_added * sizeof (gpointer));
  g_ptr_array_set_size (self->items, position + n_added + n_after);

  g_list_model_items_changed (G_LIST_MODEL (self), position, n_removed, n_added);
}

/* Sets the position of those to NOWHERE that do not belong to the longest run of items whose old positions rise. They
 * move; the others stay where they are to one another. Returns whether there are any. */
static gboolean
find_moved (GPtrArray *items)
{
  g_autofree guint *ends = g_new (guint, items->len);   /* the item that ends the best run of each length */
  g_autofree guint *before = g_new (guint, items->len); /* the item before each in its run */
  guint longest = 0;
  guint n_known = 0;
  guint at;

  for (guint i = 0; i < items->len; i++)
    {
      guint position = ((VmpItem *) items->pdata[i])->position;
      guint low = 0;
      guint high = longest;

      if (position == NOWHERE)
        continue;
      n_known++;
      while (low < high)
        {
          guint middle = low + (high - low) / 2;

          if (((VmpItem *) items->pdata[ends[middle]])->position < position)
            low = middle + 1;
          else
            high = middle;
        }
      before[i] = low > 0 ? ends[low - 1] : NOWHERE;
      ends[low] = i;
      if (low == longest)
        longest++;
    }
  if (longest == n_known)
    return FALSE;

  at = ends[longest - 1];
  for (guint i = items->len; i-- > 0;)
    {
      if (i == at)
        at = before[i];
      else
        ((VmpItem *) items->pdata[i])->position = NOWHERE;
    }

  return TRUE;
}

/* Takes those out that have no position. */
static void
remove_moved (VmpItemList *self)
{
  guint end = self->items->len;

  while (end > 0)
    {
      guint start = end;

      while (start > 0 && ((VmpItem *) self->items->pdata[start - 1])->position == NOWHERE)
        start--;
      if (start < end)
        splice (self, start, end - start, NULL, 0);
      else
        start--;
      end = start;
    }
}

static void
number (VmpItemList *self)
{
  for (guint i = 0; i < self->items->len; i++)
    ((VmpItem *) self->items->pdata[i])->position = i;
}

/* Makes the list the one of @items, of which those that are in it already have their numbers, and the others NOWHERE.
 * What moves is taken out first: no item is ever in the list twice. */
static void
reorder (VmpItemList *self,
         GPtrArray   *items)
{
  guint n_old;
  guint old_at = 0; /* the next old position that was not come past */
  guint new_at = 0;

  if (find_moved (items))
    {
      remove_moved (self);
      number (self);
    }

  /* Each gap between two that stay. What moves was numbered no more. */
  n_old = self->items->len;
  for (guint i = 0; i <= items->len; i++)
    {
      guint position = i < items->len ? ((VmpItem *) items->pdata[i])->position : n_old;

      if (position == NOWHERE)
        continue;
      if (position > old_at || i > new_at)
        splice (self, new_at, position - old_at, i > new_at ? items->pdata + new_at : NULL, i - new_at);
      old_at = position + 1;
      new_at = i + 1;
    }
}

void
vmp_item_list_take (VmpItemList  *self,
                    VmpItemBatch *batch)
{
  g_autoptr (VmpItemList) guard = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GPtrArray) old = NULL;
  guint i;

  g_return_if_fail (VMP_IS_ITEM_LIST (self));

  guard = g_object_ref (self);
  items = g_ptr_array_new_full (batch->entries->len, g_object_unref);
  old = g_ptr_array_new_full (self->items->len, g_object_unref);
  for (i = 0; i < self->items->len; i++)
    g_ptr_array_add (old, g_object_ref (self->items->pdata[i]));
  number (self);

  for (i = 0; i < batch->entries->len; i++)
    {
      const Entry *entry = &g_array_index (batch->entries, Entry, i);
      VmpItem *item = g_hash_table_lookup (self->by_id, entry->id);

      if (item != NULL)
        {
          g_ptr_array_add (items, g_object_ref (item));
          continue;
        }
      item = vmp_item_new_digested (entry->id, entry->document, entry->digest);
      item->position = NOWHERE;
      g_ptr_array_add (items, item);
    }
  g_hash_table_remove_all (self->by_id);
  for (i = 0; i < items->len; i++)
    g_hash_table_insert (self->by_id, ((VmpItem *) items->pdata[i])->id, items->pdata[i]);

  reorder (self, items);

  for (i = 0; i < items->len; i++)
    {
      Entry *entry = &g_array_index (batch->entries, Entry, i);

      vmp_item_exchange (items->pdata[i], &entry->document, &entry->digest);
    }
}

void
vmp_item_list_replace (VmpItemList  *self,
                       JsonArray    *documents,
                       VmpItemIdFunc id_of)
{
  g_autoptr (VmpItemBatch) batch = NULL;

  g_return_if_fail (VMP_IS_ITEM_LIST (self));
  g_return_if_fail (documents != NULL);

  batch = vmp_item_batch_new (documents, id_of);
  vmp_item_list_take (self, batch);
}

static VmpItem *
set_at (VmpItemList *self,
        const char  *id,
        JsonObject  *document,
        guint        position)
{
  VmpItem *item = g_hash_table_lookup (self->by_id, id);
  gpointer added;

  if (item != NULL)
    {
      vmp_item_set_document (item, document);
      return item;
    }

  added = item = vmp_item_new (id, document);
  g_hash_table_insert (self->by_id, item->id, item);
  splice (self, position, 0, &added, 1);
  g_object_unref (item);

  return item;
}

VmpItem *
vmp_item_list_set (VmpItemList *self,
                   const char  *id,
                   JsonObject  *document)
{
  g_return_val_if_fail (VMP_IS_ITEM_LIST (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  return set_at (self, id, document, self->items->len);
}

VmpItem *
vmp_item_list_set_first (VmpItemList *self,
                         const char  *id,
                         JsonObject  *document)
{
  g_return_val_if_fail (VMP_IS_ITEM_LIST (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  return set_at (self, id, document, 0);
}

void
vmp_item_list_remove (VmpItemList *self,
                      const char  *id)
{
  VmpItem *item;
  guint position;

  g_return_if_fail (VMP_IS_ITEM_LIST (self));
  g_return_if_fail (id != NULL);

  item = g_hash_table_lookup (self->by_id, id);
  if (item == NULL || !g_ptr_array_find (self->items, item, &position))
    return;

  g_hash_table_remove (self->by_id, id);
  splice (self, position, 1, NULL, 0);
}

void
vmp_item_list_clear (VmpItemList *self)
{
  g_return_if_fail (VMP_IS_ITEM_LIST (self));

  g_hash_table_remove_all (self->by_id);
  if (self->items->len > 0)
    splice (self, 0, self->items->len, NULL, 0);
}

VmpItem *
vmp_item_list_find (VmpItemList *self,
                    const char  *id)
{
  g_return_val_if_fail (VMP_IS_ITEM_LIST (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  return g_hash_table_lookup (self->by_id, id);
}

guint
vmp_item_list_get_length (VmpItemList *self)
{
  g_return_val_if_fail (VMP_IS_ITEM_LIST (self), 0);

  return self->items->len;
}

/* -- GListModel ---------------------------------------------------------------------------- */

static GType
get_item_type (GListModel *model)
{
  return VMP_TYPE_ITEM;
}

static guint
get_n_items (GListModel *model)
{
  return VMP_ITEM_LIST (model)->items->len;
}

static gpointer
get_item (GListModel *model,
          guint       position)
{
  VmpItemList *self = VMP_ITEM_LIST (model);

  return position < self->items->len ? g_object_ref (self->items->pdata[position]) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpItemList *
vmp_item_list_new (void)
{
  return g_object_new (VMP_TYPE_ITEM_LIST, NULL);
}

static void
vmp_item_list_finalize (GObject *object)
{
  VmpItemList *self = VMP_ITEM_LIST (object);

  g_hash_table_unref (self->by_id);
  for (guint i = 0; i < self->items->len; i++)
    g_object_unref (self->items->pdata[i]);
  g_ptr_array_unref (self->items);

  G_OBJECT_CLASS (vmp_item_list_parent_class)->finalize (object);
}

static void
vmp_item_list_class_init (VmpItemListClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmp_item_list_finalize;
}

static void
vmp_item_list_init (VmpItemList *self)
{
  self->items = g_ptr_array_new ();
  self->by_id = g_hash_table_new (vmp_text_hash, g_str_equal);
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-approvals-queue.h.
 */

#include "app/windows/vmp-approvals-queue.h"

struct _VmpApprovalsQueue {
  VmpMirror *mirror;
  GListStore *waiting;    /* of VmpItem */
  GHashTable *decided;    /* ids: here, and the mirror still says that they wait */
  GHashTable *put_off;    /* ids; the mirror's, shared by all windows */
};

#define PUT_OFF "vmp-approvals-put-off"

VmpApprovalsQueue *
vmp_approvals_queue_new (VmpMirror *mirror)
{
  VmpApprovalsQueue *self = g_new0 (VmpApprovalsQueue, 1);
  GHashTable *put_off = g_object_get_data (G_OBJECT (mirror), PUT_OFF);

  if (put_off == NULL)
    {
      put_off = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_object_set_data_full (G_OBJECT (mirror), PUT_OFF, put_off, (GDestroyNotify) g_hash_table_unref);
    }

  self->mirror = g_object_ref (mirror);
  self->waiting = g_list_store_new (VMP_TYPE_ITEM);
  self->decided = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->put_off = g_hash_table_ref (put_off);

  return self;
}

void
vmp_approvals_queue_free (VmpApprovalsQueue *self)
{
  if (self == NULL)
    return;

  g_hash_table_unref (self->put_off);
  g_hash_table_unref (self->decided);
  g_object_unref (self->waiting);
  g_object_unref (self->mirror);
  g_free (self);
}

/* Times in ISO 8601 compare as texts do. */
static int
compare_waiting (gconstpointer a,
                 gconstpointer b)
{
  VmpItem *one = *(VmpItem * const *) a;
  VmpItem *other = *(VmpItem * const *) b;
  int order = g_strcmp0 (vmp_item_get_string (one, "found.first_seen"),
                         vmp_item_get_string (other, "found.first_seen"));

  return order != 0 ? order : g_strcmp0 (vmp_item_get_id (one), vmp_item_get_id (other));
}

static gboolean
is_waiting (VmpApprovalsQueue *self,
            VmpItem           *item)
{
  const char *id = vmp_item_get_id (item);

  if (g_strcmp0 (vmp_item_get_string (item, "approval"), "pending") != 0)
    {
      /* What the mirror says from now on is newer than the decision. */
      g_hash_table_remove (self->decided, id);
      return FALSE;
    }

  return !g_hash_table_contains (self->decided, id);
}

/* In whatever order: since when a node waits does not change as long as it does. */
static gboolean
is_same (VmpApprovalsQueue *self,
         GPtrArray         *waiting)
{
  g_autoptr (GHashTable) known = g_hash_table_new (NULL, NULL);
  guint n = vmp_approvals_queue_get_length (self);

  if (waiting->len != n)
    return FALSE;

  for (guint i = 0; i < n; i++)
    g_hash_table_add (known, vmp_approvals_queue_get_item (self, i));
  for (guint i = 0; i < n; i++)
    {
      if (!g_hash_table_contains (known, g_ptr_array_index (waiting, i)))
        return FALSE;
    }

  return TRUE;
}

void
vmp_approvals_queue_update (VmpApprovalsQueue *self)
{
  GListModel *nodes = G_LIST_MODEL (vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES));
  g_autoptr (GPtrArray) waiting = g_ptr_array_new_with_free_func (g_object_unref);
  guint n = g_list_model_get_n_items (nodes);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (nodes, i);

      if (is_waiting (self, item))
        g_ptr_array_add (waiting, g_steal_pointer (&item));
    }
  if (is_same (self, waiting))
    return;

  g_ptr_array_sort (waiting, compare_waiting);
  g_list_store_splice (self->waiting, 0, vmp_approvals_queue_get_length (self), waiting->pdata, waiting->len);
}

guint
vmp_approvals_queue_get_length (VmpApprovalsQueue *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->waiting));
}

VmpItem *
vmp_approvals_queue_get_item (VmpApprovalsQueue *self,
                              guint              position)
{
  /* The queue has a reference of its own. */
  g_autoptr (VmpItem) item = g_list_model_get_item (G_LIST_MODEL (self->waiting), position);

  return item;
}

int
vmp_approvals_queue_find (VmpApprovalsQueue *self,
                          const char        *node_id)
{
  guint n = vmp_approvals_queue_get_length (self);

  for (guint i = 0; i < n; i++)
    {
      if (g_str_equal (vmp_item_get_id (vmp_approvals_queue_get_item (self, i)), node_id))
        return i;
    }

  return -1;
}

VmpItem *
vmp_approvals_queue_get_by_id (VmpApprovalsQueue *self,
                               const char        *node_id)
{
  int position = vmp_approvals_queue_find (self, node_id);

  return position >= 0 ? vmp_approvals_queue_get_item (self, position) : NULL;
}

VmpItem *
vmp_approvals_queue_get_next (VmpApprovalsQueue *self)
{
  guint n = vmp_approvals_queue_get_length (self);

  for (guint i = 0; i < n; i++)
    {
      VmpItem *item = vmp_approvals_queue_get_item (self, i);

      if (!g_hash_table_contains (self->put_off, vmp_item_get_id (item)))
        return item;
    }

  return NULL;
}

GListModel *
vmp_approvals_queue_get_model (VmpApprovalsQueue *self)
{
  return G_LIST_MODEL (self->waiting);
}

void
vmp_approvals_queue_put_off (VmpApprovalsQueue *self,
                             const char        *node_id)
{
  g_hash_table_add (self->put_off, g_strdup (node_id));
}

void
vmp_approvals_queue_decided (VmpApprovalsQueue *self,
                             const char        *node_id)
{
  VmpItem *item = vmp_item_list_find (vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES), node_id);

  g_hash_table_remove (self->put_off, node_id);
  if (item != NULL && g_strcmp0 (vmp_item_get_string (item, "approval"), "pending") == 0)
    g_hash_table_add (self->decided, g_strdup (node_id));
  vmp_approvals_queue_update (self);
}

void
vmp_approvals_queue_take_back (VmpApprovalsQueue *self,
                               const char        *node_id)
{
  g_hash_table_remove (self->decided, node_id);
  g_hash_table_remove (self->put_off, node_id);
}

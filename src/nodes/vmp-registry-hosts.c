/* SPDX-License-Identifier: MIT
 *
 * Who has which model: the registry's hosts by model id and by the ids of copies in memory. Kept in step with the
 * nodes by vmp_registry_settle() alone, which touches only what came or went, so that finding costs the same however
 * many nodes there are.
 */

#include "nodes/vmp-registry-private.h"

#include "core/vmp-text.h"

/* -- One table ----------------------------------------------------------------------------- */

static GHashTable *
table_new (void)
{
  return g_hash_table_new_full (vmp_text_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
}

static gint64
get_order (GPtrArray *hosts,
           guint      position)
{
  return ((VmpHost *) g_ptr_array_index (hosts, position))->node->place->order;
}

/* Where in an array that is sorted by their nodes' order a host is, or belongs. New ones mostly belong at the end. */
static guint
find_position (GPtrArray     *hosts,
               const VmpNode *node)
{
  gint64 order = node->place->order;
  guint low = 0;
  guint high = hosts->len;

  if (high > 0 && get_order (hosts, high - 1) < order)
    return high;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (get_order (hosts, middle) < order)
        low = middle + 1;
      else
        high = middle;
    }

  return low;
}

static gboolean
is_at (GPtrArray     *hosts,
       guint          position,
       const VmpNode *node)
{
  return position < hosts->len && ((VmpHost *) g_ptr_array_index (hosts, position))->node == node;
}

/* One per node: the first that comes. */
static void
table_add (GHashTable *table,
           const char *id,
           VmpHost    *host)
{
  GPtrArray *hosts = g_hash_table_lookup (table, id);
  guint position;

  if (hosts == NULL)
    {
      hosts = g_ptr_array_new ();
      g_hash_table_insert (table, g_strdup (id), hosts);
    }

  position = find_position (hosts, host->node);
  if (!is_at (hosts, position, host->node))
    g_ptr_array_insert (hosts, position, host);
}

static void
table_remove (GHashTable    *table,
              const char    *id,
              const VmpNode *node)
{
  GPtrArray *hosts = g_hash_table_lookup (table, id);
  guint position = hosts != NULL ? find_position (hosts, node) : 0;

  if (hosts == NULL || !is_at (hosts, position, node))
    return;

  g_ptr_array_remove_index (hosts, position);
  if (hosts->len == 0)
    g_hash_table_remove (table, id);
}

/* -- Both ---------------------------------------------------------------------------------- */

void
vmp_registry_init_hosts (VmpRegistry *self)
{
  self->hosts = table_new ();
  self->instances = table_new ();
}

void
vmp_registry_clear_hosts (VmpRegistry *self)
{
  g_hash_table_unref (self->hosts);
  g_hash_table_unref (self->instances);
}

static gboolean
inventory_has (VmpInventory *inventory,
               const char   *model)
{
  return inventory != NULL && g_hash_table_contains (inventory->by_id, model);
}

/* The first copy usually goes by its model's id: it needs no place. */
static const char *
get_instance_id (const VmpModel *model,
                 guint           i)
{
  const VmpModelInstance *instance = g_ptr_array_index (model->instances, i);

  return g_str_equal (instance->id, model->id) ? NULL : instance->id;
}

/* @after: what stays listed; NULL: nothing */
static void
unlist (VmpRegistry  *self,
        VmpNode      *node,
        VmpInventory *after)
{
  VmpInventory *before = node->place->listed;

  for (guint i = 0; before != NULL && i < before->models->len; i++)
    {
      const VmpModel *model = g_ptr_array_index (before->models, i);

      if (!inventory_has (after, model->id))
        table_remove (self->hosts, model->id, node);
      for (guint j = 0; j < model->instances->len; j++)
        {
          const char *id = get_instance_id (model, j);

          if (id != NULL)
            table_remove (self->instances, id, node);
        }
    }
}

static void
list (VmpRegistry  *self,
      VmpNode      *node,
      VmpInventory *before)
{
  for (guint i = 0; i < node->hosts->len; i++)
    {
      VmpHost *host = g_ptr_array_index (node->hosts, i);

      if (!inventory_has (before, host->model_id))
        table_add (self->hosts, host->model_id, host);
      for (guint j = 0; j < host->model->instances->len; j++)
        {
          const char *id = get_instance_id (host->model, j);

          if (id != NULL)
            table_add (self->instances, id, host);
        }
    }
}

void
vmp_registry_settle_hosts (VmpRegistry *self,
                           VmpNode     *node)
{
  VmpInventory *after = vmp_node_is_listed (node) ? node->inventory : NULL;
  g_autoptr (VmpInventory) before = NULL;

  if (node->place->listed == after)
    {
      vmp_node_follow_inventory (node);
      return;
    }

  /* Out of the tables before they may be gone. */
  unlist (self, node, after);
  vmp_node_follow_inventory (node);
  before = g_steal_pointer (&node->place->listed);
  if (after != NULL)
    {
      list (self, node, before);
      node->place->listed = vmp_inventory_ref (after);
    }
}

void
vmp_registry_unlist_hosts (VmpRegistry *self,
                           VmpNode     *node)
{
  unlist (self, node, NULL);
  g_clear_pointer (&node->place->listed, vmp_inventory_unref);
}

/* -- Finding ------------------------------------------------------------------------------- */

GPtrArray *
vmp_registry_find_hosts (VmpRegistry *self,
                         const char  *model)
{
  return g_hash_table_lookup (self->hosts, model);
}

VmpHost *
vmp_registry_find_instance (VmpRegistry *self,
                            const char  *instance)
{
  GPtrArray *hosts;

  if (g_hash_table_size (self->instances) == 0) /* as a rule: hashing costs more than all else */
    return NULL;

  hosts = g_hash_table_lookup (self->instances, instance);
  if (hosts == NULL || g_hash_table_contains (self->hosts, instance))
    return NULL;

  return g_ptr_array_index (hosts, 0);
}

gboolean
vmp_registry_has_models (VmpRegistry *self)
{
  return g_hash_table_size (self->hosts) > 0;
}

GPtrArray *
vmp_registry_dup_models (VmpRegistry *self)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (vmp_text_hash, g_str_equal);
  GPtrArray *models = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_model_unref);

  for (guint i = 0; i < self->nodes->len; i++)
    {
      VmpInventory *listed = ((VmpNode *) g_ptr_array_index (self->nodes, i))->place->listed;

      for (guint j = 0; listed != NULL && j < listed->models->len; j++)
        {
          VmpModel *model = g_ptr_array_index (listed->models, j);

          if (g_hash_table_add (seen, model->id))
            g_ptr_array_add (models, vmp_model_ref (model));
        }
    }

  return models;
}

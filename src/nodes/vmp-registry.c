/* SPDX-License-Identifier: MIT
 *
 * The registry's tables: in order, by id and by address, with counts that are kept and not computed; and the default
 * node. Who has which model is in vmp-registry-hosts.c, what owners do in vmp-registry-owner.c, what probes and traffic
 * bring in vmp-registry-learn.c.
 */

#include "nodes/vmp-registry-private.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <string.h>

G_DEFINE_QUARK (vmp-registry-error-quark, vmp_registry_error)

/* Characters that "-2", "-3", … may add to an id. */
#define SUFFIX_CHARS 8

/* -- Life ---------------------------------------------------------------------------------- */

VmpRegistry *
vmp_registry_new (VmpStore *store)
{
  VmpRegistry *self = g_new0 (VmpRegistry, 1);

  g_assert (store != NULL);

  self->store = store;
  self->nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_node_unref);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_url = g_hash_table_new (g_str_hash, g_str_equal);
  self->pending = g_ptr_array_new ();
  vmp_registry_init_hosts (self);

  return self;
}

static void
clear_place (VmpNode *node)
{
  g_clear_pointer (&node->place->listed, vmp_inventory_unref);
  g_clear_pointer (&node->place, g_free);
}

void
vmp_registry_free (VmpRegistry *self)
{
  g_return_if_fail (self != NULL);

  for (guint i = 0; i < self->nodes->len; i++)
    clear_place (g_ptr_array_index (self->nodes, i));

  g_ptr_array_unref (self->pending);
  vmp_registry_clear_hosts (self);
  g_hash_table_unref (self->by_url);
  g_hash_table_unref (self->by_id);
  g_ptr_array_unref (self->nodes);
  g_clear_pointer (&self->default_url, vmp_base_url_free);
  g_strfreev (self->own_addresses);
  g_free (self);
}

void
vmp_registry_set_listener (VmpRegistry    *self,
                           VmpRegistryFunc func,
                           gpointer        user_data)
{
  self->listener = func;
  self->listener_data = user_data;
}

void
vmp_registry_tell (VmpRegistry  *self,
                   VmpNode      *node,
                   VmpNodeChange change)
{
  if (self->listener != NULL)
    self->listener (self->listener_data, node, change);
}

void
vmp_registry_set_public_allowed (VmpRegistry *self,
                                 gboolean     allowed)
{
  self->public_allowed = allowed;
}

gboolean
vmp_registry_get_public_allowed (VmpRegistry *self)
{
  return self->public_allowed;
}

char *
vmp_registry_clean (const char *text,
                    gsize       max_chars)
{
  g_autofree char *plain = text != NULL ? vmp_text_display (text, max_chars) : NULL;

  if (plain == NULL || *g_strstrip (plain) == '\0')
    return NULL;

  return g_steal_pointer (&plain);
}

/* -- In order ------------------------------------------------------------------------------ */

/* Where in an array that is sorted by order a node of that order is, or belongs. New ones mostly belong at the end. */
static guint
find_position (GPtrArray *nodes,
               gint64     order)
{
  guint low = 0;
  guint high = nodes->len;

  if (high > 0 && ((VmpNode *) g_ptr_array_index (nodes, high - 1))->place->order < order)
    return high;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (((VmpNode *) g_ptr_array_index (nodes, middle))->place->order < order)
        low = middle + 1;
      else
        high = middle;
    }

  return low;
}

static void
take_out (GPtrArray *nodes,
          VmpNode   *node)
{
  guint position = find_position (nodes, node->place->order);

  g_assert (position < nodes->len && g_ptr_array_index (nodes, position) == node);
  g_ptr_array_remove_index (nodes, position);
}

static gboolean
is_taken (VmpRegistry *self,
          gint64       order)
{
  guint position = find_position (self->nodes, order);

  return position < self->nodes->len &&
         ((VmpNode *) g_ptr_array_index (self->nodes, position))->place->order == order;
}

gint64
vmp_registry_next_order (VmpRegistry *self)
{
  VmpNode *last;

  if (self->nodes->len == 0)
    return 1;

  last = g_ptr_array_index (self->nodes, self->nodes->len - 1);
  return last->place->order + 1;
}

gint64
vmp_registry_first_order (VmpRegistry *self)
{
  VmpNode *first;

  if (self->nodes->len == 0)
    return 1;

  first = g_ptr_array_index (self->nodes, 0);
  return first->place->order - 1;
}

/* -- Changing the tables ------------------------------------------------------------------- */

gboolean
vmp_registry_has (VmpRegistry *self,
                  VmpNode     *node)
{
  return node->place != NULL && node->place->registry == self;
}

void
vmp_registry_settle (VmpRegistry *self,
                     VmpNode     *node)
{
  VmpNodePlace *place = node->place;
  gboolean waits = node->approval == VMP_APPROVAL_PENDING;

  if (place->counted != node->health)
    {
      self->counts[place->counted]--;
      self->counts[node->health]++;
      place->counted = node->health;
    }

  if (waits && !place->waits)
    g_ptr_array_add (self->pending, node);
  else if (!waits && place->waits)
    g_ptr_array_remove (self->pending, node);
  place->waits = waits;

  vmp_registry_settle_hosts (self, node);
}

void
vmp_registry_insert (VmpRegistry *self,
                     VmpNode     *node,
                     gint64       order)
{
  VmpNodePlace *place = g_new0 (VmpNodePlace, 1);

  g_assert (node->place == NULL);
  g_assert (!g_hash_table_contains (self->by_id, node->id));

  place->registry = self;
  place->order = order;
  place->counted = node->health;
  self->counts[node->health]++;
  node->place = place;

  g_free (node->url_key);
  node->url_key = vmp_node_url_key (node->base_url, (const char * const *) self->own_addresses);

  g_ptr_array_insert (self->nodes, find_position (self->nodes, order), node);
  g_hash_table_insert (self->by_id, node->id, node);
  if (!g_hash_table_contains (self->by_url, node->url_key))
    g_hash_table_insert (self->by_url, node->url_key, node);

  vmp_registry_settle (self, node);
}

void
vmp_registry_add (VmpRegistry *self,
                  VmpNode     *node,
                  gint64       order)
{
  vmp_registry_insert (self, node, order);
  vmp_registry_save (self, node);
  vmp_registry_tell (self, node, VMP_NODE_ADDED);
}

/* Nodes that were different ones can come to have one address, when it becomes this computer's own; when the first of
 * them goes, the address is the next one's. */
static void
release_url (VmpRegistry *self,
             VmpNode     *node)
{
  g_autofree char *url_key = g_strdup (node->url_key);

  if (g_hash_table_lookup (self->by_url, url_key) != node)
    return;

  g_hash_table_remove (self->by_url, url_key);
  if (g_hash_table_size (self->by_url) == self->nodes->len - 1)
    return;

  for (guint i = 0; i < self->nodes->len; i++)
    {
      VmpNode *other = g_ptr_array_index (self->nodes, i);

      if (other != node && g_str_equal (other->url_key, url_key))
        {
          g_hash_table_insert (self->by_url, other->url_key, other);
          return;
        }
    }
}

void
vmp_registry_remove (VmpRegistry *self,
                     VmpNode     *node)
{
  G_GNUC_UNUSED g_autoptr (VmpNode) kept = vmp_node_ref (node);

  vmp_registry_unlist_hosts (self, node);
  if (node->place->waits)
    g_ptr_array_remove (self->pending, node);
  self->counts[node->place->counted]--;
  if (node->place->stored)
    vmp_store_put (self->store, VMP_STORE_NODES, node->id, NULL, NULL, NULL);
  if (self->default_node == node)
    self->default_node = NULL;
  release_url (self, node);
  g_hash_table_remove (self->by_id, node->id);
  take_out (self->nodes, node);
  clear_place (node);

  vmp_registry_tell (self, node, VMP_NODE_REMOVED);

  /* Whoever still holds it, such as a request that waits, finds that it may not go there. A trace may hold it for long:
   * its token is not to stay in memory for that. */
  node->approval = VMP_APPROVAL_PENDING;
  vmp_registry_replace_token (node, NULL);
}

void
vmp_registry_rekey (VmpRegistry *self,
                    VmpNode     *node,
                    char        *url_key)
{
  release_url (self, node);
  g_free (node->url_key);
  node->url_key = url_key;
  if (!g_hash_table_contains (self->by_url, url_key))
    g_hash_table_insert (self->by_url, url_key, node);
}

/* -- Storing ------------------------------------------------------------------------------- */

/* The default node is there without being stored, so that another setting leaves nothing behind. But what it is bound
 * to has to last: a name must not stand for another machine after a restart. */
static gboolean
is_to_last (const VmpNode *node)
{
  return !node->is_default || vmp_registry_is_owners (node) || node->addresses != NULL || node->key != NULL;
}

void
vmp_registry_save (VmpRegistry *self,
                   VmpNode     *node)
{
  char *document = is_to_last (node) ? vmp_node_to_record (node, node->place->order) : NULL;

  if (document == NULL && !node->place->stored)
    return;

  node->place->stored = document != NULL;
  node->place->stored_last_seen = node->last_seen;
  vmp_store_put (self->store, VMP_STORE_NODES, node->id, document, NULL, NULL);
}

void
vmp_registry_commit (VmpRegistry  *self,
                     VmpNode      *node,
                     VmpNodeChange change)
{
  vmp_registry_settle (self, node);
  vmp_registry_save (self, node);
  vmp_registry_tell (self, node, change);
}

void
vmp_registry_when_stored (VmpRegistry *self,
                          VmpStoreDone done,
                          gpointer     user_data)
{
  vmp_store_barrier (self->store, done, user_data);
}

static void
load_node (gpointer    user_data,
           const char *id,
           const char *document)
{
  VmpRegistry *self = user_data;
  g_autoptr (GError) error = NULL;
  VmpNode *node;
  gint64 order;

  node = vmp_node_from_record (id, document, &order, &error);
  if (node == NULL)
    {
      g_autofree char *shown = vmp_text_display (id, VMP_LIMIT_ID_CHARS);

      g_warning ("What was stored of the node %s %s; it is left out", shown, error->message);
      return;
    }
  if (self->nodes->len >= VMP_LIMIT_NODES)
    {
      g_warning ("There are more than %u nodes; %s is left out", VMP_LIMIT_NODES, node->id);
      vmp_node_unref (node);
      return;
    }

  if (order == VMP_NO_ORDER || is_taken (self, order))
    order = vmp_registry_next_order (self);
  vmp_registry_insert (self, node, order);
  node->place->stored = TRUE;
  node->place->stored_last_seen = node->last_seen;

  if (node->is_default && self->default_node == NULL)
    self->default_node = node;
  else
    node->is_default = FALSE;
}

void
vmp_registry_load (VmpRegistry *self)
{
  vmp_store_for_each (self->store, VMP_STORE_NODES, load_node, self);
}

/* -- The default node ---------------------------------------------------------------------- */

gboolean
vmp_registry_is_owners (const VmpNode *node)
{
  if (g_strcmp0 (node->found_by, "default") != 0)
    return TRUE;

  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    {
      if (node->capability_sources[i] == VMP_FACT_OWNER)
        return TRUE;
    }

  return node->name != NULL || node->host != NULL || node->agent_base_url != NULL ||
         node->approval != VMP_APPROVAL_APPROVED || node->service != VMP_NODE_IN_SERVICE || node->trusted ||
         node->tags[0] != NULL || node->provider_hint != VMP_PROVIDER_AUTO || node->queue_depth != 0 ||
         node->tokens_per_second > 0;
}

static VmpNode *
make_default (VmpRegistry *self)
{
  g_autofree char *id = vmp_registry_make_id (self, self->default_url);
  VmpNode *node = vmp_node_new (id, vmp_base_url_parse (self->default_url->text, NULL));

  node->is_default = TRUE;
  node->approval = VMP_APPROVAL_APPROVED;
  node->found_by = g_strdup ("default");
  node->first_seen = g_get_real_time ();
  self->default_node = node;
  vmp_registry_add (self, node, vmp_registry_first_order (self));

  return node;
}

static void
become_default (VmpRegistry *self,
                VmpNode     *node)
{
  gboolean approves = node->approval != VMP_APPROVAL_APPROVED;

  node->is_default = TRUE;
  self->default_node = node;
  if (approves)
    {
      vmp_registry_approve (self, node);
      return;
    }
  vmp_registry_commit (self, node, VMP_NODE_CHANGED);
}

void
vmp_registry_drop_default (VmpRegistry *self)
{
  g_autoptr (VmpNode) node = NULL;

  if (self->default_node == NULL)
    return;

  node = vmp_node_ref (g_steal_pointer (&self->default_node));
  node->is_default = FALSE;
  if (vmp_registry_is_owners (node))
    {
      vmp_registry_commit (self, node, VMP_NODE_CHANGED);
    }
  else
    {
      VmpApproval approval = node->approval;

      /* Nobody withdrew anything from it: what runs on it may end there. */
      vmp_registry_remove (self, node);
      node->approval = approval;
    }
}

VmpNode *
vmp_registry_set_default (VmpRegistry *self,
                          const char  *base_url)
{
  VmpBaseUrl *url = vmp_base_url_parse (base_url, NULL);
  VmpNode *node;

  g_return_val_if_fail (url != NULL, NULL);

  g_clear_pointer (&self->default_url, vmp_base_url_free);
  self->default_url = url;

  node = vmp_registry_find_url (self, url);
  if (node != NULL && node == self->default_node)
    {
      /* It was that already, also before a restart: what the owner or a new address made of its approval stays. */
      if (!vmp_registry_is_owners (node) && !g_str_equal (node->base_url->text, url->text))
        {
          vmp_registry_move (self, node, url);
          vmp_registry_commit (self, node, VMP_NODE_CHANGED);
        }
      return node;
    }

  vmp_registry_drop_default (self);
  if (node == NULL)
    return make_default (self);

  become_default (self, node);
  return node;
}

VmpNode *
vmp_registry_get_default (VmpRegistry *self)
{
  return self->default_node;
}

/* -- Finding ------------------------------------------------------------------------------- */

GPtrArray *
vmp_registry_get_nodes (VmpRegistry *self)
{
  return self->nodes;
}

VmpNode *
vmp_registry_find (VmpRegistry *self,
                   const char  *id)
{
  g_return_val_if_fail (id != NULL, NULL);

  return g_hash_table_lookup (self->by_id, id);
}

VmpNode *
vmp_registry_find_url (VmpRegistry      *self,
                       const VmpBaseUrl *base_url)
{
  g_autofree char *url_key = vmp_node_url_key (base_url, (const char * const *) self->own_addresses);

  return g_hash_table_lookup (self->by_url, url_key);
}

guint
vmp_registry_count (VmpRegistry  *self,
                    VmpNodeHealth health)
{
  g_return_val_if_fail ((guint) health < VMP_N_NODE_HEALTHS, 0);

  return self->counts[health];
}

guint
vmp_registry_count_pending (VmpRegistry *self)
{
  return self->pending->len;
}

char *
vmp_registry_make_id (VmpRegistry      *self,
                      const VmpBaseUrl *base_url)
{
  g_autofree char *id = vmp_node_make_id (base_url);
  gsize len = MIN (strlen (id), VMP_LIMIT_ID_CHARS - SUFFIX_CHARS);

  if (!g_hash_table_contains (self->by_id, id))
    return g_steal_pointer (&id);

  for (guint i = 2;; i++)
    {
      g_autofree char *other = g_strdup_printf ("%.*s-%u", (int) len, id, i);

      if (!g_hash_table_contains (self->by_id, other))
        return g_steal_pointer (&other);
    }
}

/* -- This computer's addresses ------------------------------------------------------------- */

void
vmp_registry_set_own_addresses (VmpRegistry        *self,
                                const char * const *addresses)
{
  guint i;

  if (self->own_addresses != NULL && addresses != NULL &&
      g_strv_equal ((const char * const *) self->own_addresses, addresses))
    return;

  g_strfreev (self->own_addresses);
  self->own_addresses = g_strdupv ((char **) addresses);

  g_hash_table_remove_all (self->by_url);
  for (i = 0; i < self->nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (self->nodes, i);

      g_free (node->url_key);
      node->url_key = vmp_node_url_key (node->base_url, addresses);
      if (!vmp_registry_is_found (node) && !g_hash_table_contains (self->by_url, node->url_key))
        g_hash_table_insert (self->by_url, node->url_key, node);
    }

  /* What was found at an address that turns out to be one of this computer's was known already. */
  i = 0;
  while (i < self->nodes->len)
    {
      VmpNode *node = g_ptr_array_index (self->nodes, i);

      if (vmp_registry_is_found (node) && g_hash_table_contains (self->by_url, node->url_key))
        {
          vmp_registry_remove (self, node);
          continue;
        }

      if (vmp_registry_is_found (node))
        g_hash_table_insert (self->by_url, node->url_key, node);
      i++;
    }
}

/* SPDX-License-Identifier: MIT
 *
 * What the owner does to nodes: register, change, approve, revoke, block, forget. The control API calls it, and health
 * where it takes back an approval in the owner's name.
 */

#include "nodes/vmp-registry-private.h"

#include "core/vmp-limits.h"

#include <math.h>
#include <string.h>

/* -- Fields -------------------------------------------------------------------------------- */

static void
take_text (char      **field,
           const char *text,
           gsize       max_chars)
{
  if (text == NULL)
    return;

  g_free (*field);
  *field = vmp_registry_clean (text, max_chars);
}

static void
take_tags (VmpNode            *node,
           const char * const *tags)
{
  g_autoptr (GStrvBuilder) taken = g_strv_builder_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (gsize i = 0; tags[i] != NULL && g_hash_table_size (seen) < VMP_LIMIT_TAGS; i++)
    {
      char *tag = vmp_registry_clean (tags[i], VMP_LIMIT_TAG_CHARS);

      if (tag == NULL || g_hash_table_contains (seen, tag))
        {
          g_free (tag);
          continue;
        }
      g_hash_table_add (seen, tag);
      g_strv_builder_add (taken, tag);
    }

  g_strfreev (node->tags);
  node->tags = g_strv_builder_end (taken);
  vmp_node_read_tags (node);
}

static void
take_provider (VmpNode    *node,
               VmpProvider provider)
{
  /* What its hosts can do at a time follows from it. */
  if (node->provider_hint != provider)
    node->hosts_generation++;
  node->provider_hint = provider;
  if (provider != VMP_PROVIDER_AUTO)
    node->provider = provider;
  else
    node->provider = node->inventory != NULL ? node->inventory->provider : VMP_PROVIDER_AUTO;
}

static void
take_fields (VmpNode             *node,
             const VmpNodeUpdate *update)
{
  take_text (&node->name, update->name, VMP_LIMIT_NAME_CHARS);
  take_text (&node->host, update->host, VMP_LIMIT_NAME_CHARS);
  take_text (&node->agent_base_url, update->agent_base_url, VMP_LIMIT_NODE_TEXT_CHARS);
  if (update->provider != NULL)
    take_provider (node, *update->provider);
  if (update->service != NULL)
    node->service = *update->service;
  if (update->trusted != NULL)
    node->trusted = *update->trusted;
  if (update->tags != NULL)
    take_tags (node, update->tags);
  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    {
      if (update->capabilities[i] != NULL)
        {
          node->capabilities[i] = *update->capabilities[i];
          node->capability_sources[i] = VMP_FACT_OWNER;
        }
    }
  if (update->queue_depth != NULL)
    node->queue_depth = *update->queue_depth;
  if (update->tokens_per_second != NULL && isfinite (*update->tokens_per_second))
    node->tokens_per_second = MAX (*update->tokens_per_second, 0);
}

/* A registration says what there is to say: what it leaves out is no longer so. Except for trust, which is never taken
 * or given in passing, and for service: a script that registers its node at each start must not end a drain. */
static void
reset_fields (VmpNode *node)
{
  static const char * const no_tags[] = { NULL };

  take_text (&node->name, "", 0);
  take_text (&node->host, "", 0);
  take_text (&node->agent_base_url, "", 0);
  take_provider (node, VMP_PROVIDER_AUTO);
  take_tags (node, no_tags);
  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    {
      if (node->capability_sources[i] == VMP_FACT_OWNER)
        {
          node->capability_sources[i] = VMP_FACT_UNKNOWN;
          node->capabilities[i] = vmp_capability_get_default (i);
        }
    }
  node->queue_depth = 0;
  node->tokens_per_second = 0;
}

/* -- Addresses ----------------------------------------------------------------------------- */

/* Whether @node, or a new node when it is NULL, may have that address. */
static gboolean
check_address (VmpRegistry      *self,
               VmpNode          *node,
               const VmpBaseUrl *base_url,
               GError          **error)
{
  const char *why_not = vmp_reach_check_host (base_url->host, self->public_allowed);
  VmpNode *other = vmp_registry_find_url (self, base_url);

  if (why_not != NULL)
    {
      g_set_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED,
                   "%s cannot be a node: its host %s.", base_url->text, why_not);
      return FALSE;
    }
  if (other != NULL && node != NULL && other != node)
    {
      g_set_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_TAKEN,
                   "%s is the address of the node %s already.", base_url->text, other->id);
      return FALSE;
    }

  return TRUE;
}

void
vmp_registry_move (VmpRegistry      *self,
                   VmpNode          *node,
                   const VmpBaseUrl *base_url)
{
  vmp_node_retire (node, node->base_url, (GDestroyNotify) vmp_base_url_free);
  node->base_url = vmp_base_url_parse (base_url->text, NULL);
  vmp_registry_rekey (self, node, vmp_node_url_key (base_url, (const char * const *) self->own_addresses));

  vmp_node_retire (node, g_steal_pointer (&node->addresses), (GDestroyNotify) g_strfreev);
  vmp_node_retire (node, g_steal_pointer (&node->key), g_free);
  g_clear_pointer (&node->seen_address, g_free);
  g_clear_pointer (&node->seen_key, g_free);
  g_clear_pointer (&node->instance, g_free);
  g_clear_pointer (&node->last_error, g_free);
  vmp_registry_replace_token (node, NULL);
  node->token_state = VMP_TOKEN_NOT_NEEDED;

  g_clear_pointer (&node->inventory, vmp_inventory_unref);
  vmp_node_forget_measures (node);
  node->health = VMP_NODE_UNKNOWN;
  node->provider = node->provider_hint;
  node->last_checked = 0;
  node->checked_mono = 0;
  node->unreachable_mono = 0;
  node->latency_ms = 0;
  vmp_breaker_succeed (&node->breaker);
}

/* The node that was the setting's is somewhere else now, so that the setting needs one again. */
static void
check_default (VmpRegistry *self)
{
  VmpNode *node = self->default_node;
  g_autofree char *url_key = NULL;

  if (node == NULL || self->default_url == NULL)
    return;

  url_key = vmp_node_url_key (self->default_url, (const char * const *) self->own_addresses);
  if (g_str_equal (url_key, node->url_key))
    return;

  if (g_strcmp0 (node->found_by, "default") == 0)
    {
      g_free (node->found_by);
      node->found_by = g_strdup ("owner");
    }
  vmp_registry_set_default (self, self->default_url->text);
}

/* -- Registering --------------------------------------------------------------------------- */

static VmpNode *
add_registered (VmpRegistry         *self,
                const char          *id,
                const VmpNodeUpdate *update,
                GError             **error)
{
  g_autofree char *made_id = NULL;
  VmpNode *node;

  if (self->nodes->len >= VMP_LIMIT_NODES)
    {
      g_set_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_FULL,
                   "There are %u nodes already; forget one first.", VMP_LIMIT_NODES);
      return NULL;
    }

  if (id == NULL)
    id = made_id = vmp_registry_make_id (self, update->base_url);
  node = vmp_node_new (id, vmp_base_url_parse (update->base_url->text, NULL));
  node->approval = VMP_APPROVAL_APPROVED;
  node->found_by = g_strdup ("owner");
  node->first_seen = g_get_real_time ();
  take_fields (node, update);
  vmp_registry_add (self, node, vmp_registry_next_order (self));

  return node;
}

/* Whether nobody can have come to know the node by its id yet: it was found, or is there because of the setting. */
static gboolean
takes_id (const VmpNode *node)
{
  return node->token == NULL && node->token_state != VMP_TOKEN_LOCKED &&
         (vmp_registry_is_found (node) || !vmp_registry_is_owners (node));
}

static void
give_id (VmpRegistry *self,
         VmpNode     *node,
         const char  *id)
{
  gboolean was_default = node == self->default_node;
  gint64 order = node->place->order;

  vmp_node_ref (node);
  vmp_registry_remove (self, node);
  vmp_node_retire (node, node->id, g_free);
  node->id = g_strdup (id);
  vmp_registry_insert (self, node, order);
  if (was_default)
    self->default_node = node;
}

static void
approve (VmpNode *node)
{
  node->approval = VMP_APPROVAL_APPROVED;
  g_clear_pointer (&node->pending_reason, g_free);
  vmp_registry_bind (node);
}

static void
register_known (VmpRegistry         *self,
                VmpNode             *node,
                const char          *id,
                const VmpNodeUpdate *update)
{
  gboolean was_approved = node->approval == VMP_APPROVAL_APPROVED;
  gboolean renames = id != NULL && !g_str_equal (id, node->id) && takes_id (node);

  if (renames)
    give_id (self, node, id);
  if (!g_str_equal (node->base_url->text, update->base_url->text))
    vmp_registry_move (self, node, update->base_url);
  if (g_strcmp0 (node->found_by, "default") == 0)
    {
      g_free (node->found_by);
      node->found_by = g_strdup ("owner");
    }

  reset_fields (node);
  take_fields (node, update);
  approve (node);
  vmp_registry_commit (self, node, renames ? VMP_NODE_ADDED : VMP_NODE_CHANGED);
  if (!was_approved)
    vmp_registry_tell (self, node, VMP_NODE_APPROVAL_CHANGED);
  check_default (self);
}

VmpNode *
vmp_registry_register (VmpRegistry         *self,
                       const char          *id,
                       const VmpNodeUpdate *update,
                       GError             **error)
{
  const char *why_not = id != NULL ? vmp_node_check_id (id) : NULL;
  VmpNode *node;

  g_return_val_if_fail (update->base_url != NULL, NULL);

  if (why_not != NULL)
    {
      g_set_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED, "The id of a node %s.", why_not);
      return NULL;
    }

  node = id != NULL ? vmp_registry_find (self, id) : NULL;
  if (!check_address (self, node, update->base_url, error))
    return NULL;

  if (node == NULL)
    node = vmp_registry_find_url (self, update->base_url);
  if (node == NULL)
    return add_registered (self, id, update, error);

  register_known (self, node, id, update);

  return node;
}

gboolean
vmp_registry_update (VmpRegistry         *self,
                     VmpNode             *node,
                     const VmpNodeUpdate *update,
                     GError             **error)
{
  g_return_val_if_fail (vmp_registry_has (self, node), FALSE);

  if (update->base_url != NULL && !g_str_equal (update->base_url->text, node->base_url->text))
    {
      if (!check_address (self, node, update->base_url, error))
        return FALSE;
      vmp_registry_move (self, node, update->base_url);
    }

  take_fields (node, update);
  vmp_registry_commit (self, node, VMP_NODE_CHANGED);
  check_default (self);

  return TRUE;
}

/* -- Approval ------------------------------------------------------------------------------ */

gboolean
vmp_registry_bind (VmpNode *node)
{
  gboolean bound = FALSE;

  if (node->addresses == NULL && node->seen_address != NULL && vmp_node_host_can_move (node))
    {
      node->addresses = g_new0 (char *, 2);
      node->addresses[0] = g_strdup (node->seen_address);
      bound = TRUE;
    }
  if (node->key == NULL && node->seen_key != NULL && node->base_url->tls)
    {
      node->key = g_strdup (node->seen_key);
      bound = TRUE;
    }

  return bound;
}

void
vmp_registry_approve (VmpRegistry *self,
                      VmpNode     *node)
{
  g_return_if_fail (vmp_registry_has (self, node));

  if (node->approval == VMP_APPROVAL_APPROVED)
    return;

  approve (node);
  g_message ("The node %s at %s is approved", node->id, node->base_url->text);
  vmp_registry_commit (self, node, VMP_NODE_APPROVAL_CHANGED);
}

/* What it was bound to is bound no longer, and what was seen of it may be of before: an approval to come binds to what
 * is seen from now on. */
static void
unbind (VmpNode *node)
{
  vmp_node_retire (node, g_steal_pointer (&node->addresses), (GDestroyNotify) g_strfreev);
  vmp_node_retire (node, g_steal_pointer (&node->key), g_free);
  g_clear_pointer (&node->seen_address, g_free);
  g_clear_pointer (&node->seen_key, g_free);

  /* Who is there now is not known before it was asked anew; until then no request goes there. */
  node->health = VMP_NODE_UNKNOWN;
}

void
vmp_registry_block (VmpRegistry *self,
                    VmpNode     *node)
{
  g_return_if_fail (vmp_registry_has (self, node));

  if (node->approval == VMP_APPROVAL_BLOCKED)
    return;

  node->approval = VMP_APPROVAL_BLOCKED;
  g_clear_pointer (&node->pending_reason, g_free);
  unbind (node);
  g_message ("The node %s at %s is blocked", node->id, node->base_url->text);
  vmp_registry_commit (self, node, VMP_NODE_APPROVAL_CHANGED);
}

void
vmp_registry_revoke (VmpRegistry *self,
                     VmpNode     *node)
{
  g_return_if_fail (vmp_registry_has (self, node));

  if (node->approval == VMP_APPROVAL_PENDING)
    return;

  node->approval = VMP_APPROVAL_PENDING;
  g_clear_pointer (&node->pending_reason, g_free);
  unbind (node);
  g_message ("The node %s at %s waits for approval again", node->id, node->base_url->text);
  vmp_registry_commit (self, node, VMP_NODE_APPROVAL_CHANGED);
}

void
vmp_registry_suspend_approval (VmpRegistry *self,
                               VmpNode     *node,
                               const char  *reason)
{
  g_return_if_fail (reason != NULL);

  /* A request may still run on one that is no more, and be the one to find out. */
  if (!vmp_registry_has (self, node) || node->approval != VMP_APPROVAL_APPROVED)
    return;

  node->approval = VMP_APPROVAL_PENDING;
  node->pending_reason = vmp_registry_clean (reason, VMP_LIMIT_NODE_TEXT_CHARS);
  unbind (node);
  g_warning ("The node %s at %s gets no requests until it is approved again: %s",
             node->id, node->base_url->text, node->pending_reason);
  vmp_registry_commit (self, node, VMP_NODE_APPROVAL_CHANGED);
}

void
vmp_registry_forget (VmpRegistry *self,
                     VmpNode     *node)
{
  gboolean was_default;

  g_return_if_fail (vmp_registry_has (self, node));

  was_default = node == self->default_node;
  vmp_registry_remove (self, node);
  if (was_default && self->default_url != NULL)
    vmp_registry_set_default (self, self->default_url->text);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNode: its words, who it is, and what follows from its fields. What changes them is in the
 * registry.
 */

#include "nodes/vmp-node.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <math.h>
#include <string.h>

/* Something a node had, until the node goes. */
typedef struct {
  gpointer value;
  GDestroyNotify destroy;
} Retired;

/* -- Words --------------------------------------------------------------------------------- */

static const char * const approval_strings[VMP_N_APPROVALS] = {
  [VMP_APPROVAL_PENDING] = "pending",
  [VMP_APPROVAL_APPROVED] = "approved",
  [VMP_APPROVAL_BLOCKED] = "blocked",
};

static const char * const service_strings[VMP_N_NODE_SERVICES] = {
  [VMP_NODE_IN_SERVICE] = "online",
  [VMP_NODE_DRAINING] = "draining",
  [VMP_NODE_DISABLED] = "disabled",
  [VMP_NODE_MAINTENANCE] = "maintenance",
  [VMP_NODE_QUARANTINE] = "quarantine",
};

static const char * const health_strings[VMP_N_NODE_HEALTHS] = {
  [VMP_NODE_UNKNOWN] = "unknown",
  [VMP_NODE_ONLINE] = "online",
  [VMP_NODE_DEGRADED] = "degraded",
  [VMP_NODE_OFFLINE] = "offline",
};

static const char * const token_state_strings[VMP_N_TOKEN_STATES] = {
  [VMP_TOKEN_NOT_NEEDED] = "not_needed",
  [VMP_TOKEN_SET] = "set",
  [VMP_TOKEN_NEEDED] = "needed",
  [VMP_TOKEN_REFUSED] = "refused",
  [VMP_TOKEN_LOCKED] = "locked",
};

static const char * const capability_strings[VMP_N_CAPABILITIES] = {
  [VMP_CAN_CHAT] = "chat",
  [VMP_CAN_RESPONSES] = "responses",
  [VMP_CAN_COMPLETIONS] = "completions",
  [VMP_CAN_EMBEDDINGS] = "embeddings",
  [VMP_CAN_VISION] = "vision",
  [VMP_CAN_TOOLS] = "tools",
  [VMP_CAN_STREAMING] = "streaming",
};

const char *
vmp_approval_to_string (VmpApproval approval)
{
  g_return_val_if_fail ((guint) approval < VMP_N_APPROVALS, NULL);

  return approval_strings[approval];
}

const char *
vmp_node_service_to_string (VmpNodeService service)
{
  g_return_val_if_fail ((guint) service < VMP_N_NODE_SERVICES, NULL);

  return service_strings[service];
}

gboolean
vmp_node_service_from_string (const char     *text,
                              VmpNodeService *service)
{
  g_return_val_if_fail (text != NULL, FALSE);

  for (guint i = 0; i < VMP_N_NODE_SERVICES; i++)
    {
      if (g_str_equal (service_strings[i], text))
        {
          *service = i;
          return TRUE;
        }
    }

  return FALSE;
}

const char *
vmp_node_health_to_string (VmpNodeHealth health)
{
  g_return_val_if_fail ((guint) health < VMP_N_NODE_HEALTHS, NULL);

  return health_strings[health];
}

const char *
vmp_token_state_to_string (VmpTokenState state)
{
  g_return_val_if_fail ((guint) state < VMP_N_TOKEN_STATES, NULL);

  return token_state_strings[state];
}

const char *
vmp_capability_to_string (VmpCapability capability)
{
  g_return_val_if_fail ((guint) capability < VMP_N_CAPABILITIES, NULL);

  return capability_strings[capability];
}

gboolean
vmp_capability_get_default (VmpCapability capability)
{
  return capability == VMP_CAN_CHAT || capability == VMP_CAN_COMPLETIONS || capability == VMP_CAN_STREAMING;
}

/* -- Identity ------------------------------------------------------------------------------ */

char *
vmp_node_make_id (const VmpBaseUrl *base_url)
{
  g_autofree char *host = g_strdup (base_url->host);
  char *id;

  g_strdelimit (host, ".:%", '-');
  id = g_strdup_printf ("node-%s-%u", host, base_url->port);
  /* A host name can have 253 characters. They are ASCII. */
  if (strlen (id) > VMP_LIMIT_ID_CHARS)
    id[VMP_LIMIT_ID_CHARS] = '\0';

  return id;
}

const char *
vmp_node_check_id (const char *id)
{
  const char *end = id + strlen (id);
  gsize n_chars = 0;

  if (id == end)
    return "must not be empty";
  if (*id == ' ' || end[-1] == ' ')
    return "must not begin or end with a space";
  if (g_str_equal (id, ".") || g_str_equal (id, "..") || strchr (id, '/') != NULL)
    return "must not hold a slash, nor be \".\" or \"..\": it is part of an address";

  for (const char *at = id; at < end; n_chars++)
    {
      gunichar c;

      at = vmp_text_next (at, end, &c);
      if (c == (gunichar) -1 || !vmp_text_is_plain (c))
        return "must hold plain characters only";
      if (n_chars == VMP_LIMIT_ID_CHARS)
        return "must not have more than " G_STRINGIFY (VMP_LIMIT_ID_CHARS) " characters";
    }

  return NULL;
}

/* An address in its one form, that of IPv4 where it is one in IPv6's clothes; NULL when the text is none. */
static char *
canonical_address (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);
  const guint8 *bytes;

  static const guint8 mapped[12] = { 0, [10] = 0xff, 0xff };

  if (address == NULL)
    return NULL;

  bytes = g_inet_address_to_bytes (address);
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 && memcmp (bytes, mapped, sizeof mapped) == 0)
    {
      g_autoptr (GInetAddress) v4 = g_inet_address_new_from_bytes (bytes + sizeof mapped, G_SOCKET_FAMILY_IPV4);

      return g_inet_address_to_string (v4);
    }

  return g_inet_address_to_string (address);
}

static gboolean
is_loopback_name (const char *host)
{
  /* RFC 6761, 6.3: names below it are loopback too. The third one is in Debian's /etc/hosts. */
  return g_str_equal (host, "localhost") || g_str_has_suffix (host, ".localhost") ||
         g_str_equal (host, "localhost.localdomain") || g_str_equal (host, "ip6-localhost");
}

static gboolean
is_own_host_name (const char *host)
{
  const char *own = g_get_host_name ();
  gsize len = strlen (own);

  return len > 0 && g_ascii_strncasecmp (host, own, len) == 0 &&
         (host[len] == '\0' || g_ascii_strcasecmp (host + len, ".local") == 0);
}

static gboolean
is_own_address (const char         *address,
                const char * const *own_addresses)
{
  if (g_str_equal (address, "127.0.0.1") || g_str_equal (address, "::1"))
    return TRUE;

  for (gsize i = 0; own_addresses != NULL && own_addresses[i] != NULL; i++)
    {
      g_autofree char *own = canonical_address (own_addresses[i]);

      if (own != NULL && g_str_equal (own, address))
        return TRUE;
    }

  return FALSE;
}

char *
vmp_node_url_key (const VmpBaseUrl   *base_url,
                  const char * const *own_addresses)
{
  g_autofree char *address = canonical_address (base_url->host);
  const char *host = base_url->host;

  if (address != NULL)
    host = is_own_address (address, own_addresses) ? "localhost" : address;
  else if (is_loopback_name (host) || is_own_host_name (host))
    host = "localhost";

  return g_strdup_printf (strchr (host, ':') != NULL ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
                          base_url->tls ? "https" : "http", host, base_url->port, base_url->prefix);
}

char *
vmp_node_make_token_id (const char *id,
                        const char *base_url)
{
  /* No base URL has a blank in it, so the last one is ours. */
  return g_strdup_printf ("%s %s", id, base_url);
}

gboolean
vmp_node_is_token_id (const VmpNode *self,
                      const char    *token_id)
{
  g_autofree char *own = vmp_node_make_token_id (self->id, self->base_url->text);

  return g_str_equal (own, token_id);
}

char *
vmp_node_id_of_token_id (const char *token_id)
{
  const char *blank = strrchr (token_id, ' ');

  return blank != NULL ? g_strndup (token_id, blank - token_id) : NULL;
}

gboolean
vmp_node_host_can_move (const VmpNode *self)
{
  const char *host = self->base_url->host;

  return !g_hostname_is_ip_address (host) && !is_loopback_name (host);
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpNode *
vmp_node_new (const char *id,
              VmpBaseUrl *base_url)
{
  VmpNode *self = g_rc_box_new0 (VmpNode);

  g_assert (base_url != NULL);

  self->id = id != NULL ? g_strdup (id) : vmp_node_make_id (base_url);
  self->base_url = base_url;
  self->url_key = vmp_node_url_key (base_url, NULL);
  self->tags = g_new0 (char *, 1);
  vmp_node_read_tags (self);
  self->hosts = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_host_unref);
  self->hosts_by_id = g_hash_table_new_full (vmp_text_hash, g_str_equal, NULL, (GDestroyNotify) vmp_host_unref);
  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    self->capabilities[i] = vmp_capability_get_default (i);

  return self;
}

VmpNode *
vmp_node_ref (VmpNode *self)
{
  return g_rc_box_acquire (self);
}

static void
retired_free (gpointer data)
{
  Retired *retired = data;

  retired->destroy (retired->value);
  g_free (retired);
}

void
vmp_node_retire (VmpNode       *self,
                 gpointer       value,
                 GDestroyNotify destroy)
{
  Retired *retired;

  if (value == NULL)
    return;

  if (self->retired == NULL)
    self->retired = g_ptr_array_new_with_free_func (retired_free);
  retired = g_new (Retired, 1);
  retired->value = value;
  retired->destroy = destroy;
  g_ptr_array_add (self->retired, retired);
}

/* Somebody may still hold them. */
static void
clear_hosts (VmpNode *self)
{
  GHashTableIter iter;
  gpointer host;

  g_hash_table_iter_init (&iter, self->hosts_by_id);
  while (g_hash_table_iter_next (&iter, NULL, &host))
    ((VmpHost *) host)->node = NULL;

  g_ptr_array_unref (self->hosts);
  g_hash_table_unref (self->hosts_by_id);
  g_clear_pointer (&self->hosts_inventory, vmp_inventory_unref);
}

static void
node_clear (gpointer data)
{
  VmpNode *self = data;

  g_assert (self->place == NULL);

  if (self->routing_data != NULL && self->routing_destroy != NULL)
    self->routing_destroy (self->routing_data);
  clear_hosts (self);
  g_free (self->id);
  vmp_base_url_free (self->base_url);
  g_free (self->url_key);
  g_free (self->name);
  g_free (self->host);
  g_free (self->agent_base_url);
  g_strfreev (self->tags);
  g_strfreev (self->addresses);
  g_free (self->key);
  g_free (self->pending_reason);
  g_free (self->found_by);
  g_free (self->found_at);
  g_clear_pointer (&self->inventory, vmp_inventory_unref);
  g_free (self->instance);
  g_free (self->seen_address);
  g_free (self->seen_key);
  g_free (self->last_error);
  if (self->token != NULL)
    explicit_bzero (self->token, strlen (self->token));
  g_free (self->token);
  g_clear_pointer (&self->retired, g_ptr_array_unref);
}

void
vmp_node_unref (VmpNode *self)
{
  g_rc_box_release_full (self, node_clear);
}

/* -- What follows from its fields ---------------------------------------------------------- */

const char *
vmp_node_get_status (const VmpNode *self)
{
  if (self->service != VMP_NODE_IN_SERVICE)
    return service_strings[self->service];

  return health_strings[self->health];
}

const char *
vmp_node_get_label (const VmpNode *self)
{
  return self->name != NULL ? self->name : self->id;
}

static gboolean
answers (const VmpNode *self)
{
  return self->health == VMP_NODE_ONLINE || self->health == VMP_NODE_DEGRADED;
}

gboolean
vmp_node_is_ready (const VmpNode *self,
                   gint64         now)
{
  return self->approval == VMP_APPROVAL_APPROVED && self->service == VMP_NODE_IN_SERVICE && answers (self) &&
         vmp_breaker_would_allow (&self->breaker, now);
}

gboolean
vmp_node_is_listed (const VmpNode *self)
{
  return self->approval == VMP_APPROVAL_APPROVED &&
         (self->service == VMP_NODE_IN_SERVICE || self->service == VMP_NODE_DRAINING) && answers (self);
}

gboolean
vmp_node_may_be_asked (const VmpNode *self)
{
  return self->approval != VMP_APPROVAL_BLOCKED &&
         self->service != VMP_NODE_DISABLED && self->service != VMP_NODE_QUARANTINE;
}

void
vmp_node_get_reach (const VmpNode *self,
                    gboolean       public_allowed,
                    VmpReach      *reach)
{
  gboolean bound = self->approval == VMP_APPROVAL_APPROVED;

  *reach = (VmpReach) {
    .allow_public = public_allowed,
    .addresses = bound ? (const char * const *) self->addresses : NULL,
    .key = bound ? self->key : NULL,
  };
}

gboolean
vmp_node_is_drained (const VmpNode *self)
{
  return self->service == VMP_NODE_DRAINING && self->active_requests == 0;
}

static gboolean
is_local_address (const char *address)
{
  VmpScope scope = vmp_scope_of_text (address);

  return scope != VMP_SCOPE_PUBLIC && scope != VMP_SCOPE_NONE;
}

gboolean
vmp_node_is_local (const VmpNode *self)
{
  /* Where another gateway sends what it gets is not known. */
  if (self->provider == VMP_PROVIDER_VAMPIRE)
    return FALSE;

  if (!vmp_node_host_can_move (self))
    return is_loopback_name (self->base_url->host) || is_local_address (self->base_url->host);

  if (self->addresses == NULL)
    return self->seen_address != NULL && is_local_address (self->seen_address);

  for (gsize i = 0; self->addresses[i] != NULL; i++)
    {
      if (!is_local_address (self->addresses[i]))
        return FALSE;
    }

  return TRUE;
}

/* "cost:0.5" is 0.5 in every locale; what is no such number says nothing. */
static gboolean
read_tag (const char *tag,
          const char *name,
          double     *value)
{
  gsize len = strlen (name);
  const char *number = tag + len + 1;
  char *end;
  double read;

  if (strncmp (tag, name, len) != 0 || tag[len] != ':')
    return FALSE;

  /* g_ascii_strtod() knows blanks, signs, hexadecimals and infinity as well. */
  if (!g_ascii_isdigit (*number) || number[strspn (number, "0123456789.eE+-")] != '\0')
    return FALSE;
  read = g_ascii_strtod (number, &end);
  if (*end != '\0' || !isfinite (read))
    return FALSE;

  *value = read;
  return TRUE;
}

/* Of several, the first. */
static double
find_tag (const VmpNode *self,
          const char    *name)
{
  double value = -1;

  for (gsize i = 0; self->tags[i] != NULL; i++)
    {
      if (read_tag (self->tags[i], name, &value))
        break;
    }

  return value;
}

void
vmp_node_read_tags (VmpNode *self)
{
  self->cost = find_tag (self, "cost");
  self->power = find_tag (self, "power");
  self->quality = find_tag (self, "quality");
}

VmpModel *
vmp_node_find_model (const VmpNode *self,
                     const char    *model)
{
  if (self->inventory == NULL)
    return NULL;

  return g_hash_table_lookup (self->inventory->by_id, model);
}

/* -- Its hosts ------------------------------------------------------------------------------ */

VmpHost *
vmp_node_find_host (const VmpNode *self,
                    const char    *model)
{
  VmpHost *host = g_hash_table_lookup (self->hosts_by_id, model);

  return host != NULL && host->listed ? host : NULL;
}

/* (transfer none) */
static VmpHost *
list_host (VmpNode  *self,
           VmpModel *model)
{
  VmpHost *host = g_hash_table_lookup (self->hosts_by_id, model->id);

  if (host == NULL)
    {
      host = vmp_host_new (self, model);
      g_hash_table_insert (self->hosts_by_id, host->model_id, host);
    }
  else if (host->model != model)
    {
      vmp_model_unref (host->model);
      host->model = vmp_model_ref (model);
    }
  host->listed = TRUE;

  return host;
}

static gboolean
is_in_use (const VmpHost *host)
{
  return host->active > 0 || host->leading || host->node->taken_for == host;
}

static gboolean
has_counts (const VmpHost *host)
{
  return host->requests_total > 0 || host->load_ms > 0 || host->load_failed != 0;
}

/* Only requests and loads leave counts, so that what a node lists cannot fill the memory with former models. */
static void
leave_former_hosts (VmpNode *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->hosts_by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      VmpHost *host = value;
      gboolean too_many = g_hash_table_size (self->hosts_by_id) > VMP_LIMIT_NODE_MODELS;

      if (host->listed)
        continue;

      if (host->loaded)
        vmp_host_note_unloaded (host);
      if (!is_in_use (host) && (too_many || !has_counts (host)))
        g_hash_table_iter_remove (&iter);
    }
}

void
vmp_node_follow_inventory (VmpNode *self)
{
  VmpInventory *inventory = self->inventory;

  if (self->hosts_inventory == inventory)
    return;

  for (guint i = 0; i < self->hosts->len; i++)
    ((VmpHost *) g_ptr_array_index (self->hosts, i))->listed = FALSE;
  g_ptr_array_set_size (self->hosts, 0);

  for (guint i = 0; inventory != NULL && i < inventory->models->len; i++)
    g_ptr_array_add (self->hosts, vmp_host_ref (list_host (self, g_ptr_array_index (inventory->models, i))));
  leave_former_hosts (self);

  g_clear_pointer (&self->hosts_inventory, vmp_inventory_unref);
  self->hosts_inventory = inventory != NULL ? vmp_inventory_ref (inventory) : NULL;
  self->hosts_generation++;
}

void
vmp_node_forget_measures (VmpNode *self)
{
  GHashTableIter iter;
  gpointer host;

  g_hash_table_iter_init (&iter, self->hosts_by_id);
  while (g_hash_table_iter_next (&iter, NULL, &host))
    vmp_host_forget_measures (host);
}

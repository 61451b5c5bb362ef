/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNode: its words, who it is, and what follows from its fields. What changes them is in the
 * registry.
 */

#include "nodes/vmp-node.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

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

static void
node_clear (gpointer data)
{
  VmpNode *self = data;

  g_assert (self->place == NULL);

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

VmpModel *
vmp_node_find_model (const VmpNode *self,
                     const char    *model)
{
  if (self->inventory == NULL)
    return NULL;

  return g_hash_table_lookup (self->inventory->by_id, model);
}

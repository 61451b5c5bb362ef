/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNode.
 */

#include "nodes/vmp-node.h"

struct _VmpNode {
  char *id;
  VmpBaseUrl *base_url;
  VmpNodeStatus status;
};

static const char * const status_strings[VMP_N_NODE_STATUSES] = {
  [VMP_NODE_UNKNOWN] = "unknown",
  [VMP_NODE_ONLINE] = "online",
  [VMP_NODE_OFFLINE] = "offline",
};

VmpNode *
vmp_node_new (const char *base_url)
{
  VmpNode *self = g_rc_box_new0 (VmpNode);
  g_autofree char *host = NULL;

  self->base_url = vmp_base_url_parse (base_url, NULL);
  g_assert (self->base_url != NULL);
  host = g_strdelimit (g_strdup (self->base_url->host), ".:%", '-');
  self->id = g_strdup_printf ("node-%s-%u", host, self->base_url->port);

  return self;
}

VmpNode *
vmp_node_ref (VmpNode *self)
{
  return g_rc_box_acquire (self);
}

static void
node_clear (gpointer data)
{
  VmpNode *self = data;

  g_free (self->id);
  vmp_base_url_free (self->base_url);
}

void
vmp_node_unref (VmpNode *self)
{
  g_rc_box_release_full (self, node_clear);
}

const char *
vmp_node_get_id (VmpNode *self)
{
  return self->id;
}

const VmpBaseUrl *
vmp_node_get_base_url (VmpNode *self)
{
  return self->base_url;
}

VmpNodeStatus
vmp_node_get_status (VmpNode *self)
{
  return self->status;
}

const char *
vmp_node_status_to_string (VmpNodeStatus status)
{
  g_return_val_if_fail ((guint) status < VMP_N_NODE_STATUSES, NULL);

  return status_strings[status];
}

void
vmp_node_learn (VmpNode      *self,
                VmpNodeStatus status,
                const char   *reason)
{
  if (self->status == status)
    return;

  self->status = status;
  if (status == VMP_NODE_OFFLINE)
    g_warning ("LM Studio at %s does not answer: %s", self->base_url->text, reason);
  else
    g_message ("LM Studio at %s answers", self->base_url->text);
}

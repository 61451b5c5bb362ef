/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNodeRequest.
 */

#include "relay/vmp-node-request.h"

#include <string.h>

/* Fields that speak of one connection only (RFC 9110, 7.6.1); each side's are made anew. */
static const VmpSlice hop_by_hop[] = {
  VMP_SLICE_INIT ("Connection"),
  VMP_SLICE_INIT ("Keep-Alive"),
  VMP_SLICE_INIT ("Proxy-Authenticate"),
  VMP_SLICE_INIT ("Proxy-Authorization"),
  VMP_SLICE_INIT ("Proxy-Connection"),
  VMP_SLICE_INIT ("TE"),
  VMP_SLICE_INIT ("Trailer"),
  VMP_SLICE_INIT ("Transfer-Encoding"),
  VMP_SLICE_INIT ("Upgrade"),
  VMP_SLICE_INIT ("Content-Length"),
};

/* What a client says to the gateway alone: its credentials stop here. */
static const VmpSlice for_the_gateway[] = {
  VMP_SLICE_INIT ("Host"),
  VMP_SLICE_INIT ("Expect"),
  VMP_SLICE_INIT ("Authorization"),
  VMP_SLICE_INIT ("X-Api-Key"),
  VMP_SLICE_INIT ("Cookie"),
  VMP_SLICE_INIT ("Cookie2"),
};

static gboolean
is_one_of (VmpSlice        name,
           const VmpSlice *names,
           guint           n)
{
  guint i;

  for (i = 0; i < n; i++)
    {
      if (vmp_slices_equal_nocase (name, names[i]))
        return TRUE;
    }

  return FALSE;
}

guint
vmp_fields_keep_end_to_end (const VmpHttpField *fields,
                            guint               n_fields,
                            VmpHttpField       *kept)
{
  guint connections[8]; /* more Connection fields than that nobody means */
  guint n_connections = 0;
  guint n_kept = 0;
  guint i;
  guint j;

  for (i = 0; i < n_fields && n_connections < G_N_ELEMENTS (connections); i++)
    {
      if (vmp_slices_equal_nocase (fields[i].name, hop_by_hop[0]))
        connections[n_connections++] = i;
    }

  for (i = 0; i < n_fields; i++)
    {
      gboolean named = is_one_of (fields[i].name, hop_by_hop, G_N_ELEMENTS (hop_by_hop));

      for (j = 0; j < n_connections && !named; j++)
        named = vmp_slice_list_contains (fields[connections[j]].value, fields[i].name);
      if (!named)
        kept[n_kept++] = fields[i];
    }

  return n_kept;
}

/* Whether the node's token may be sent to whoever answers there: not before it is bound to the addresses of its
 * name. */
static gboolean
may_send_token (const VmpNode *node)
{
  return node->token != NULL && node->approval == VMP_APPROVAL_APPROVED
         && (node->addresses != NULL || !vmp_node_host_can_move (node));
}

void
vmp_node_request_init (VmpNodeRequest     *self,
                       VmpRegistry        *registry,
                       VmpNode            *node,
                       const char         *via,
                       const VmpHttpField *fields,
                       guint               n_fields)
{
  guint n_end_to_end = vmp_fields_keep_end_to_end (fields, n_fields, self->fields);
  guint n = 0;
  guint i;

  memset (&self->request, 0, sizeof self->request);
  self->authorization = NULL;
  for (i = 0; i < n_end_to_end; i++)
    {
      if (!is_one_of (self->fields[i].name, for_the_gateway, G_N_ELEMENTS (for_the_gateway)))
        self->fields[n++] = self->fields[i];
    }

  self->fields[n++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Via"), vmp_slice (via) };
  if (may_send_token (node))
    {
      self->authorization = g_strconcat ("Bearer ", node->token, NULL);
      self->fields[n++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Authorization"), vmp_slice (self->authorization) };
    }

  vmp_node_get_reach (node, vmp_registry_get_public_allowed (registry), &self->reach);
  self->request.base_url = node->base_url;
  self->request.reach = &self->reach;
  self->request.fields = self->fields;
  self->request.n_fields = n;
}

void
vmp_node_request_clear (VmpNodeRequest *self)
{
  if (self->authorization != NULL)
    explicit_bzero (self->authorization, strlen (self->authorization));
  g_clear_pointer (&self->authorization, g_free);
}

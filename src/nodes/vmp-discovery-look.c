/* SPDX-License-Identifier: MIT
 *
 * One look at one address, for searches and for what DNS-SD shows. It decides what is done about a server that
 * answers; what the server is asked is the probe's and the health's business.
 */

#include "nodes/vmp-discovery-private.h"

struct _VmpLook {
  VmpDiscovery *discovery;
  GList link;            /* in discovery->waiting or ->running */
  gboolean is_running;
  VmpTarget *target;
  guint timeout_ms;
  gboolean only_known;
  VmpLookDone done;
  gpointer user_data;

  VmpProbe *probe;       /* NULL: not under way */
  VmpNode *refreshed;    /* NULL: not under way */
};

static void run_waiting (gpointer user_data);
static void begin (VmpLook *self);

static void
look_unlink (VmpLook *self)
{
  VmpDiscovery *discovery = self->discovery;

  g_queue_unlink (self->is_running ? &discovery->running : &discovery->waiting, &self->link);
  if (discovery->waiting.length > 0)
    vmp_poll_defer (discovery->poll, &discovery->turn, run_waiting, discovery);
}

static void
look_free (VmpLook *self)
{
  g_clear_pointer (&self->refreshed, vmp_node_unref);
  vmp_target_free (self->target);
  g_free (self);
}

static void
finish (VmpLook *self,
        VmpNode *node)
{
  g_autoptr (VmpNode) found = node != NULL ? vmp_node_ref (node) : NULL;

  look_unlink (self);
  self->done (self->user_data, self, found);
  look_free (self);
}

static gboolean
is_registered (VmpLook *self,
               VmpNode *node)
{
  return vmp_registry_find (self->discovery->registry, node->id) == node;
}

static void
refreshed_cb (gpointer user_data)
{
  VmpLook *self = user_data;
  g_autoptr (VmpNode) node = g_steal_pointer (&self->refreshed);
  gboolean answers = node->health == VMP_NODE_ONLINE || node->health == VMP_NODE_DEGRADED;

  /* The owner may have forgotten it meanwhile: then it stays so. */
  finish (self, answers && is_registered (self, node) ? node : NULL);
}

/* What has answered and is no node of ours yet. */
static VmpNode *
take_new (VmpLook              *self,
          const VmpProbeReport *report)
{
  VmpRegistry *registry = self->discovery->registry;
  const VmpTarget *target = self->target;
  VmpNode *node = vmp_registry_discover (registry, target->base_url, target->found_by, target->found_at);

  if (node == NULL)
    return NULL;

  vmp_registry_take_probe (registry, node, report);
  /* What the machine calls itself says more than its address. */
  if (target->host != NULL && g_strcmp0 (node->host, target->base_url->host) == 0)
    {
      const VmpNodeUpdate update = { .host = target->host };

      vmp_registry_update (registry, node, &update, NULL);
    }

  return node;
}

static void
probed_cb (gpointer              user_data,
           VmpProbeResult        result,
           const VmpProbeReport *report,
           VmpTransferEnd        end)
{
  VmpLook *self = user_data;
  VmpDiscovery *discovery = self->discovery;

  self->probe = NULL;
  if (result != VMP_PROBE_ONLINE || g_strcmp0 (report->instance, discovery->instance) == 0)
    finish (self, NULL);
  else if (vmp_registry_find_url (discovery->registry, self->target->base_url) != NULL)
    begin (self); /* somebody registered it meanwhile */
  else
    finish (self, take_new (self, report));
}

static void
begin (VmpLook *self)
{
  VmpDiscovery *discovery = self->discovery;
  const VmpTarget *target = self->target;
  VmpNode *node = target->node != NULL ? target->node : vmp_registry_find_url (discovery->registry, target->base_url);

  if (vmp_discovery_is_own_url (discovery, target->base_url))
    {
      finish (self, NULL);
    }
  else if (node != NULL)
    {
      if (!is_registered (self, node) || !vmp_node_may_be_asked (node))
        {
          finish (self, NULL);
          return;
        }
      self->refreshed = vmp_node_ref (node);
      vmp_health_refresh (discovery->health, node, refreshed_cb, self);
    }
  else if (self->only_known)
    {
      finish (self, NULL);
    }
  else
    {
      const VmpProbeRequest request = {
        .base_url = target->base_url,
        .via = discovery->via,
        .reach = { .allow_public = target->allow_public },
        .timeout_ms = self->timeout_ms,
        .quick = TRUE,
      };

      self->probe = vmp_probe_start (discovery->upstream, &request, probed_cb, self);
    }
}

static void
run_waiting (gpointer user_data)
{
  VmpDiscovery *discovery = user_data;

  while (discovery->waiting.length > 0 && discovery->running.length < VMP_LIMIT_PROBES)
    {
      GList *link = g_queue_pop_head_link (&discovery->waiting);
      VmpLook *look = link->data;

      look->is_running = TRUE;
      g_queue_push_tail_link (&discovery->running, link);
      begin (look);
    }
}

VmpLook *
vmp_look_start (VmpDiscovery *discovery,
                VmpTarget    *target,
                guint         timeout_ms,
                gboolean      only_known,
                VmpLookDone   done,
                gpointer      user_data)
{
  VmpLook *self = g_new0 (VmpLook, 1);

  self->discovery = discovery;
  self->target = target;
  self->timeout_ms = timeout_ms;
  self->only_known = only_known;
  self->done = done;
  self->user_data = user_data;
  self->link.data = self;
  g_queue_push_tail_link (&discovery->waiting, &self->link);
  vmp_poll_defer (discovery->poll, &discovery->turn, run_waiting, discovery);

  return self;
}

void
vmp_look_cancel (VmpLook *self)
{
  if (self->probe != NULL)
    vmp_probe_cancel (self->probe);
  if (self->refreshed != NULL)
    vmp_health_forget_caller (self->discovery->health, self);

  look_unlink (self);
  look_free (self);
}

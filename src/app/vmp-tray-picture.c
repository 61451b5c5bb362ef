/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpTrayPicture.
 */

#include "app/vmp-tray-picture.h"

#include <glib/gi18n.h>

#include "core/vmp-limits.h"

void
vmp_tray_node_free (VmpTrayNode *self)
{
  g_free (self->id);
  g_free (self->name);
  g_free (self->status);
  g_free (self);
}

void
vmp_tray_facts_clear (VmpTrayFacts *self)
{
  g_clear_pointer (&self->trouble, g_free);
  g_clear_pointer (&self->share_mode, g_free);
  g_clear_pointer (&self->nodes, g_ptr_array_unref);
}

/* -- State and status line ----------------------------------------------------------------- */

/* What needs its owner most comes first. */
static VmpTrayState
choose_state (const VmpTrayFacts *facts)
{
  if (!facts->is_connected || facts->trouble != NULL)
    return VMP_TRAY_PROBLEM;
  if (facts->is_paused)
    return VMP_TRAY_PAUSED;
  if (facts->nodes_waiting > 0)
    return VMP_TRAY_APPROVAL;
  if (facts->nodes_online == 0)
    return VMP_TRAY_PROBLEM;
  if (facts->active_requests > 0)
    return VMP_TRAY_BUSY;

  return facts->is_sharing ? VMP_TRAY_SHARING : VMP_TRAY_OFF;
}

/* (transfer full) */
static char *
describe (const VmpTrayFacts *facts)
{
  if (facts->is_quitting)
    return g_strdup (_("Quitting when running answers have ended…"));
  if (facts->trouble != NULL)
    return g_strdup (facts->trouble);
  if (!facts->is_connected)
    return g_strdup (_("Starting…"));
  if (facts->is_paused)
    return g_strdup (_("Paused: requests are refused"));
  if (facts->nodes_online == 0)
    return g_strdup (facts->nodes_total == 0 ? _("No LM Studio was found yet") : _("No node answers"));
  if (facts->active_requests > 0)
    return g_strdup_printf (ngettext ("%u answer is being written", "%u answers are being written",
                                      facts->active_requests), facts->active_requests);

  return g_strdup_printf (facts->is_sharing
                            ? ngettext ("Sharing %u node", "Sharing %u nodes", facts->nodes_online)
                            : ngettext ("Ready with %u node", "Ready with %u nodes", facts->nodes_online),
                          facts->nodes_online);
}

/* -- Items --------------------------------------------------------------------------------- */

/* @label: (transfer full) (nullable) */
static void
add (VmpTrayPicture *self,
     VmpTrayItem     item,
     char           *label)
{
  item.label = label;
  if (label != NULL)
    g_ptr_array_add (self->texts, label);
  g_array_append_val (self->items, item);
}

static void
add_action (VmpTrayPicture *self,
            int             id,
            gboolean        enabled,
            const char     *label)
{
  add (self, (VmpTrayItem) { .id = id, .kind = VMP_TRAY_ITEM_ACTION, .enabled = enabled }, g_strdup (label));
}

static void
add_check (VmpTrayPicture *self,
           int             id,
           gboolean        enabled,
           gboolean        checked,
           const char     *label)
{
  add (self, (VmpTrayItem) { .id = id, .kind = VMP_TRAY_ITEM_CHECK, .enabled = enabled, .checked = checked },
       g_strdup (label));
}

static void
add_separator (VmpTrayPicture *self,
               guint           which)
{
  add (self, (VmpTrayItem) { .id = VMP_TRAY_ITEM_SEPARATORS + which, .kind = VMP_TRAY_ITEM_SEPARATOR }, NULL);
}

/* "studio", or "studio (Offline)". */
static char *
label_node (const VmpTrayNode *node)
{
  if (g_strcmp0 (node->status, "online") == 0)
    return g_strdup (node->name);
  if (g_strcmp0 (node->status, "draining") == 0)
    return g_strdup_printf (_("%s (Draining)"), node->name);
  if (g_strcmp0 (node->status, "disabled") == 0 || g_strcmp0 (node->status, "maintenance") == 0)
    return g_strdup_printf (_("%s (Switched Off)"), node->name);
  if (g_strcmp0 (node->status, "degraded") == 0)
    return g_strdup_printf (_("%s (In Trouble)"), node->name);

  return g_strdup_printf (_("%s (Offline)"), node->name);
}

static void
add_nodes (VmpTrayPicture     *self,
           const VmpTrayFacts *facts)
{
  guint n = facts->nodes != NULL ? MIN (facts->nodes->len, VMP_LIMIT_TRAY_NODES) : 0;
  guint i;

  add (self, (VmpTrayItem) { .id = VMP_TRAY_ITEM_NODES, .kind = VMP_TRAY_ITEM_SUBMENU, .enabled = TRUE },
       g_strdup (_("Nodes")));
  for (i = 0; i < n; i++)
    {
      const VmpTrayNode *node = g_ptr_array_index (facts->nodes, i);

      add (self, (VmpTrayItem) { .id = node->item, .kind = VMP_TRAY_ITEM_ACTION, .depth = 1, .enabled = TRUE },
           label_node (node));
    }
  if (n > 0)
    add (self, (VmpTrayItem) { .id = VMP_TRAY_ITEM_SEPARATORS + 3, .kind = VMP_TRAY_ITEM_SEPARATOR, .depth = 1 }, NULL);
  add (self, (VmpTrayItem) { .id = VMP_TRAY_ITEM_ALL_NODES, .kind = VMP_TRAY_ITEM_ACTION, .depth = 1, .enabled = TRUE },
       g_strdup (_("All Nodes…")));
}

void
vmp_tray_picture_init (VmpTrayPicture     *self,
                       const VmpTrayFacts *facts)
{
  gboolean works = facts->is_connected && !facts->is_quitting;

  self->state = choose_state (facts);
  self->items = g_array_new (FALSE, FALSE, sizeof (VmpTrayItem));
  self->texts = g_ptr_array_new_with_free_func (g_free);
  self->tooltip = describe (facts);

  add (self, (VmpTrayItem) { .id = VMP_TRAY_ITEM_STATUS, .kind = VMP_TRAY_ITEM_ACTION }, g_strdup (self->tooltip));
  add_separator (self, 0);
  add_check (self, VMP_TRAY_ITEM_SHARE, works, facts->is_sharing, _("Share on This Network"));
  add_check (self, VMP_TRAY_ITEM_PAUSE, works, facts->is_paused, _("Pause Gateway"));
  add_nodes (self, facts);
  if (facts->nodes_waiting > 0)
    add (self, (VmpTrayItem) { .id = VMP_TRAY_ITEM_WAITING, .kind = VMP_TRAY_ITEM_ACTION, .enabled = works },
         g_strdup_printf (ngettext ("%u Waiting for Approval…", "%u Waiting for Approval…", facts->nodes_waiting),
                          facts->nodes_waiting));
  add_separator (self, 1);
  add_action (self, VMP_TRAY_ITEM_PLAYGROUND, TRUE, _("Open Playground"));
  add_action (self, VMP_TRAY_ITEM_COPY, works, _("Copy Endpoint Address"));
  add_action (self, VMP_TRAY_ITEM_DASHBOARD, works, _("Open Dashboard"));
  add_action (self, VMP_TRAY_ITEM_PREFERENCES, TRUE, _("Preferences"));
  add_separator (self, 2);
  add_action (self, VMP_TRAY_ITEM_QUIT, !facts->is_quitting, _("Quit"));
}

void
vmp_tray_picture_clear (VmpTrayPicture *self)
{
  g_clear_pointer (&self->tooltip, g_free);
  g_clear_pointer (&self->items, g_array_unref);
  g_clear_pointer (&self->texts, g_ptr_array_unref);
}

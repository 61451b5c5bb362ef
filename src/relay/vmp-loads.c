/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpLoads: leads, and what nodes and callers do to holds. What is told to others comes in a turn of
 * its own, since this is called from inside their loops.
 */

#include "relay/vmp-loads-private.h"

#include "core/vmp-limits.h"

#define MS G_TIME_SPAN_MILLISECOND

static const char * const state_strings[] = {
  [VMP_LOAD_STARTED] = "started",
  [VMP_LOAD_PROGRESS] = "progress",
  [VMP_LOAD_DONE] = "loaded",
  [VMP_LOAD_FAILED] = "failed",
  [VMP_LOAD_UNLOADED] = "unloaded",
};

const char *
vmp_load_state_to_string (VmpLoadState state)
{
  g_return_val_if_fail ((guint) state < G_N_ELEMENTS (state_strings), NULL);

  return state_strings[state];
}

char *
vmp_loads_name_server (const VmpNode *node)
{
  VmpProvider provider = node->provider == VMP_PROVIDER_AUTO ? VMP_PROVIDER_LMSTUDIO : node->provider;

  return g_strdup_printf ("%s at %s", vmp_provider_get_name (provider), node->base_url->text);
}

/* -- Turns --------------------------------------------------------------------------------- */

static void
caller_free (VmpLoadsCaller *self)
{
  g_free (self->error);
  g_free (self->instance);
  g_free (self);
}

static void
tell_callers (VmpLoads *self)
{
  GList *link;

  while ((link = g_queue_pop_head_link (&self->told)) != NULL)
    {
      VmpLoadsCaller *caller = link->data;

      caller->done (caller->user_data, caller->error, caller->instance, caller->duration_ms);
      caller_free (caller);
    }
}

static void
turn_cb (gpointer user_data)
{
  VmpLoads *self = user_data;
  gint64 now = g_get_monotonic_time ();

  if (self->n_waiting > 0)
    {
      GHashTableIter iter;
      VmpLoadsPlace *place;

      g_hash_table_iter_init (&iter, self->places);
      while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &place))
        vmp_place_start_waiting (place, now);
    }

  tell_callers (self);
  if (self->has_changed)
    {
      self->has_changed = FALSE;
      self->funcs.changed (self->user_data);
    }
}

void
vmp_loads_request_turn (VmpLoads *self,
                        gboolean  has_changed)
{
  self->has_changed |= has_changed;
  vmp_poll_defer (self->poll, &self->turn, turn_cb, self);
}

/* -- Places -------------------------------------------------------------------------------- */

static void
place_free (gpointer data)
{
  VmpLoadsPlace *self = data;

  g_assert (self->hold == NULL && self->waiting.length == 0);
  vmp_health_forget_caller (self->loads->health, self);
  g_ptr_array_unref (self->unsure);
  vmp_node_unref (self->node);
  g_free (self);
}

static VmpLoadsPlace *
find_place (VmpLoads *self,
            VmpNode  *node)
{
  return node != NULL ? g_hash_table_lookup (self->places, node) : NULL;
}

VmpLoadsPlace *
vmp_loads_get_place (VmpLoads *self,
                     VmpNode  *node)
{
  VmpLoadsPlace *place = find_place (self, node);

  if (place != NULL)
    return place;

  place = g_new0 (VmpLoadsPlace, 1);
  place->loads = self;
  place->node = vmp_node_ref (node);
  g_queue_init (&place->waiting);
  place->unsure = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_host_unref);
  g_hash_table_insert (self->places, node, place);

  return place;
}

static VmpHold *
find_hold (VmpLoads      *self,
           const VmpHost *host)
{
  VmpLoadsPlace *place = find_place (self, host->node);

  return place != NULL && place->hold != NULL && place->hold->host == host ? place->hold : NULL;
}

gboolean
vmp_loads_is_sure (const VmpHost *host,
                   gint64         now)
{
  if (!host->loaded || host->proven == 0)
    return FALSE;

  return now - host->proven < VMP_LIMIT_PROOF_MS * MS || (host->active > 0 && host->proven >= host->busy_since);
}

gboolean
vmp_loads_others_active (const VmpHost *host)
{
  return host->node->active_requests > host->active;
}

static void
place_looked_cb (gpointer user_data)
{
  VmpLoadsPlace *self = user_data;
  gint64 began = self->look_began;
  guint i;

  self->look_began = 0;
  for (i = 0; i < self->unsure->len; i++)
    {
      VmpHost *host = g_ptr_array_index (self->unsure, i);

      /* What a look does not show counts as not there; else it would be looked for again and again. */
      if (host->loaded && host->proven < began)
        vmp_host_note_unloaded (host);
    }
  g_ptr_array_set_size (self->unsure, 0);
  vmp_loads_request_turn (self->loads, TRUE);
}

void
vmp_place_look (VmpLoadsPlace *self,
                VmpHost       *host)
{
  if (!g_ptr_array_find (self->unsure, host, NULL))
    g_ptr_array_add (self->unsure, vmp_host_ref (host));
  if (self->look_began != 0)
    return;

  self->look_began = g_get_monotonic_time ();
  vmp_health_look (self->loads->health, self->node, place_looked_cb, self);
}

/* -- Leads --------------------------------------------------------------------------------- */

/* A request goes to a host, which may be its first at this time. */
static void
note_going (VmpHost *host,
            gint64   now)
{
  if (host->active == 0)
    host->busy_since = now;
}

/* Whether a hold keeps a request away from the model that it is for. */
static gboolean
keeps_away (const VmpHold *hold,
            const VmpHost *host,
            gboolean       is_sure)
{
  if (hold->host != host || host->leading)
    return TRUE;

  return hold->kind != VMP_HOLD_KEEP && !is_sure;
}

/* Requests are at the node, and one more could make it load. Does what brings its turn nearer. */
static void
wait_for_others (VmpLoadsPlace *place,
                 VmpHost       *host,
                 gint64         now)
{
  if (host->loaded)
    {
      vmp_place_look (place, host);
    }
  else if (!vmp_loads_others_active (host) && !place->asks_for_loads && place->hold == NULL)
    {
      /* Those that went there when it seemed to be loaded have it loaded now. */
      VmpHold *hold = vmp_hold_new (place, host, VMP_HOLD_LEAD, now);

      vmp_hold_take (hold, VMP_HOLD_WATCHING, TRUE);
      vmp_hold_begin_load (hold, now, now);
      vmp_hold_watch (hold, now);
    }
}

VmpLead
vmp_loads_lead (VmpLoads *self,
                VmpHost  *host,
                gint64    now)
{
  VmpLoadsPlace *place;
  VmpHold *hold;
  gboolean is_sure;

  g_return_val_if_fail (self != NULL && host != NULL, VMP_LEAD_NONE);

  if (host->node == NULL || !vmp_host_loads_on_request (host))
    return VMP_LEAD_NONE;

  is_sure = vmp_loads_is_sure (host, now);
  if (is_sure && host->node->taken_for == NULL)
    {
      note_going (host, now);
      return VMP_LEAD_NONE;
    }

  place = vmp_loads_get_place (self, host->node);
  hold = place->hold;
  if (hold != NULL && keeps_away (hold, host, is_sure))
    return VMP_LEAD_WAIT;

  if (!is_sure && host->node->active_requests > 0)
    {
      wait_for_others (place, host, now);
      return VMP_LEAD_WAIT;
    }

  /* What the node was kept for is here. */
  if (hold != NULL && hold->kind == VMP_HOLD_KEEP)
    vmp_hold_end (hold, NULL, now);
  if (is_sure)
    {
      note_going (host, now);
      return VMP_LEAD_NONE;
    }

  if (!host->loaded && place->asks_for_loads)
    {
      vmp_hold_start_load (vmp_hold_new (place, host, VMP_HOLD_LOAD, now));
      return VMP_LEAD_WAIT;
    }

  hold = vmp_hold_new (place, host, VMP_HOLD_LEAD, now);
  vmp_hold_take (hold, VMP_HOLD_LEADING, TRUE);
  if (host->loaded)
    vmp_hold_look (hold);
  else
    vmp_hold_begin_load (hold, now, now);
  note_going (host, now);

  return VMP_LEAD_GO;
}

/* The hold of a lead that is not over. */
static VmpHold *
find_lead (VmpLoads      *self,
           const VmpHost *host)
{
  VmpHold *hold = find_hold (self, host);

  return hold != NULL && (hold->state == VMP_HOLD_LEADING || hold->state == VMP_HOLD_WATCHING) ? hold : NULL;
}

void
vmp_loads_settle (VmpLoads *self,
                  VmpHost  *host,
                  gint64    now)
{
  VmpHold *hold;

  g_return_if_fail (self != NULL && host != NULL);

  hold = find_lead (self, host);
  if (hold != NULL)
    vmp_hold_loaded (hold, NULL, (now - hold->began) / (double) MS, now);
  else
    vmp_host_prove_loaded (host, now);
}

/* The node loads nothing when it is asked for a model. Loads are asked for from now on. */
static void
no_request_loads (VmpHold *self,
                  gint64   now)
{
  g_autofree char *server = NULL;
  g_autofree char *reason = NULL;

  if (self->callers.length > 0)
    {
      vmp_hold_start_load (self);
      return;
    }

  server = vmp_loads_name_server (self->place->node);
  reason = g_strdup_printf ("%s does not load models when they are asked for; it is told to from now on.", server);
  vmp_hold_end (self, reason, now);
}

void
vmp_loads_abandon (VmpLoads  *self,
                   VmpHost   *host,
                   VmpLeadEnd end,
                   gboolean   no_loads,
                   gint64     now)
{
  VmpLoadsPlace *place;
  VmpHold *hold;

  g_return_if_fail (self != NULL && host != NULL);

  place = find_place (self, host->node);
  hold = find_lead (self, host);
  if (no_loads)
    {
      if (place != NULL)
        place->asks_for_loads = TRUE;
      vmp_host_note_unloaded (host);
      if (hold != NULL)
        no_request_loads (hold, now);
    }
  else if (end == VMP_LEAD_FAILED && hold != NULL)
    {
      g_autofree char *server = vmp_loads_name_server (host->node);
      g_autofree char *reason = g_strdup_printf ("%s could not load %s.", server, host->model_id);

      vmp_hold_failed (hold, reason, now);
    }
  else if (end == VMP_LEAD_FAILED)
    {
      vmp_host_note_load_failed (host, now);
    }
  else if (end == VMP_LEAD_REFUSED && hold != NULL)
    {
      vmp_hold_check (hold, now);
    }
  else if (hold != NULL && hold->state == VMP_HOLD_LEADING)
    {
      if (vmp_hold_is_off (hold))
        vmp_hold_end (hold, "Its node does not answer.", now);
      else
        vmp_hold_watch (hold, now);
    }
}

gboolean
vmp_loads_keep (VmpLoads *self,
                VmpHost  *host)
{
  VmpLoadsPlace *place;

  g_return_val_if_fail (self != NULL && host != NULL, FALSE);

  if (host->node == NULL || !vmp_host_loads_on_request (host) || host->node->taken_for != NULL)
    return FALSE;

  place = vmp_loads_get_place (self, host->node);
  vmp_hold_take (vmp_hold_new (place, host, VMP_HOLD_KEEP, g_get_monotonic_time ()), VMP_HOLD_KEPT, FALSE);

  return TRUE;
}

void
vmp_loads_unkeep (VmpLoads *self,
                  VmpHost  *host)
{
  VmpHold *hold;

  g_return_if_fail (self != NULL && host != NULL);

  hold = find_hold (self, host);
  if (hold != NULL && hold->kind == VMP_HOLD_KEEP)
    vmp_hold_end (hold, NULL, g_get_monotonic_time ());
}

/* -- Nodes that change --------------------------------------------------------------------- */

/* Whether a hold can come to nothing any more when its node is off. Requests and questions under way tell by themselves
 * how they end. */
static gboolean
ends_when_off (const VmpHold *self)
{
  switch (self->state)
    {
    case VMP_HOLD_WATCHING:
      return vmp_hold_is_off (self);

    case VMP_HOLD_WAITING:
    case VMP_HOLD_KEPT:
    case VMP_HOLD_CHECKING:
      return TRUE;

    case VMP_HOLD_LEADING:
    case VMP_HOLD_LOOKING:
    case VMP_HOLD_ASKING:
    default:
      return FALSE;
    }
}

static void
end_holds (VmpLoadsPlace *self,
           const char    *reason,
           gboolean       only_if_off)
{
  gint64 now = g_get_monotonic_time ();
  GList *link = self->waiting.head;

  while (link != NULL)
    {
      VmpHold *hold = link->data;

      link = link->next;
      vmp_hold_end (hold, reason, now);
    }
  if (self->hold != NULL && (!only_if_off || ends_when_off (self->hold)))
    vmp_hold_end (self->hold, reason, now);
}

void
vmp_loads_node_changed (VmpLoads     *self,
                        VmpNode      *node,
                        VmpNodeChange change)
{
  VmpLoadsPlace *place;

  g_return_if_fail (self != NULL && node != NULL);

  place = find_place (self, node);
  if (place == NULL)
    return;

  if (change == VMP_NODE_REMOVED)
    {
      end_holds (place, "The node was removed.", FALSE);
      g_hash_table_remove (self->places, node);
    }
  else if (node->approval != VMP_APPROVAL_APPROVED)
    {
      end_holds (place, "The node is not approved any more.", FALSE);
    }
  else if (node->health == VMP_NODE_OFFLINE)
    {
      /* It may come back with other settings. */
      place->asks_for_loads = FALSE;
      end_holds (place, node->last_error != NULL ? node->last_error : "The node does not answer.", TRUE);
    }
}

void
vmp_loads_request_ended (VmpLoads *self,
                         VmpNode  *node)
{
  g_return_if_fail (self != NULL && node != NULL);

  if (self->n_waiting > 0)
    vmp_loads_request_turn (self, FALSE);
}

/* -- Callers ------------------------------------------------------------------------------- */

static void
drop_callers (GQueue  *callers,
              gboolean all,
              gpointer user_data)
{
  GList *link = callers->head;

  while (link != NULL)
    {
      VmpLoadsCaller *caller = link->data;

      link = link->next;
      if (!all && caller->user_data != user_data)
        continue;
      g_queue_unlink (callers, &caller->link);
      caller_free (caller);
    }
}

/* What has not been asked for yet, and nobody waits for any more, need not be. */
static void
drop_waiting (VmpHold *self)
{
  if (self->callers.length == 0 && vmp_hold_is_waiting (self))
    vmp_hold_end (self, NULL, g_get_monotonic_time ());
}

void
vmp_loads_forget_caller (VmpLoads *self,
                         gpointer  user_data)
{
  GHashTableIter iter;
  VmpLoadsPlace *place;

  g_return_if_fail (self != NULL);

  drop_callers (&self->told, FALSE, user_data);
  g_hash_table_iter_init (&iter, self->places);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &place))
    {
      GList *link = place->waiting.head;

      while (link != NULL)
        {
          VmpHold *hold = link->data;

          link = link->next;
          drop_callers (&hold->callers, FALSE, user_data);
          drop_waiting (hold);
        }
      if (place->hold != NULL)
        {
          drop_callers (&place->hold->callers, FALSE, user_data);
          drop_waiting (place->hold);
        }
    }
}

/* -- The face ------------------------------------------------------------------------------ */

VmpLoads *
vmp_loads_new (VmpPoll             *poll,
               VmpUpstream         *upstream,
               VmpRegistry         *registry,
               VmpHealth           *health,
               const char          *via,
               const VmpLoadsFuncs *funcs,
               gpointer             user_data)
{
  VmpLoads *self = g_new0 (VmpLoads, 1);

  g_assert (funcs->changed != NULL && funcs->event != NULL);

  self->poll = poll;
  self->upstream = upstream;
  self->registry = registry;
  self->health = health;
  self->via = via;
  self->funcs = *funcs;
  self->user_data = user_data;
  self->places = g_hash_table_new_full (NULL, NULL, NULL, place_free);
  self->due = g_sequence_new (NULL);
  g_queue_init (&self->told);

  return self;
}

static void
tell_nobody (gpointer            user_data,
             const VmpLoadEvent *event)
{
}

void
vmp_loads_free (VmpLoads *self)
{
  GHashTableIter iter;
  VmpLoadsPlace *place;

  g_return_if_fail (self != NULL);

  /* What still goes on at nodes goes on without anybody to hear of it. */
  self->funcs.event = tell_nobody;
  g_hash_table_iter_init (&iter, self->places);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &place))
    end_holds (place, "Vampire was stopped.", FALSE);
  g_hash_table_unref (self->places);
  drop_callers (&self->told, TRUE, NULL);
  g_sequence_free (self->due);
  vmp_poll_clear_timer (self->poll, &self->timer);
  vmp_poll_cancel_deferred (self->poll, &self->turn);
  g_free (self);
}

double
vmp_loads_get_progress (VmpLoads      *self,
                        const VmpHost *host,
                        gint64         now)
{
  const VmpHold *hold;

  g_return_val_if_fail (self != NULL && host != NULL, -1);

  hold = find_hold (self, host);

  return hold != NULL ? vmp_hold_get_progress (hold, now) : -1;
}

guint
vmp_loads_count (VmpLoads *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->n_loads;
}

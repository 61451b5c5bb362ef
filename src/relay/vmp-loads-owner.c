/* SPDX-License-Identifier: MIT
 *
 * What is asked of a node: loads and unloads that the owner wants, and loads on a node that does not load when a
 * request names a model. A look comes before each, since a model that is loaded once more becomes a second copy; and
 * one after each.
 */

#include "relay/vmp-loads-private.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define MS G_TIME_SPAN_MILLISECOND

/* -- Callers ------------------------------------------------------------------------------- */

static void
add_caller (GQueue     *callers,
            VmpLoadDone done,
            gpointer    user_data,
            const char *error)
{
  VmpLoadsCaller *caller = g_new0 (VmpLoadsCaller, 1);

  caller->done = done;
  caller->user_data = user_data;
  caller->error = g_strdup (error);
  caller->link.data = caller;
  g_queue_push_tail_link (callers, &caller->link);
}

/* In the next turn. @error: (nullable) */
static void
tell (VmpLoads   *self,
      VmpLoadDone done,
      gpointer    user_data,
      const char *error)
{
  add_caller (&self->told, done, user_data, error);
  vmp_loads_request_turn (self, FALSE);
}

/* Why a node cannot be told to load or unload; NULL when it can. (transfer full) */
static char *
find_obstacle (const VmpHost *host)
{
  const VmpNode *node = host->node;
  g_autofree char *server = NULL;

  if (node == NULL)
    return g_strdup ("The node was removed.");

  server = vmp_loads_name_server (node);
  if (node->approval != VMP_APPROVAL_APPROVED)
    return g_strdup_printf ("%s is not approved.", server);
  if (!vmp_node_may_be_asked (node))
    return g_strdup_printf ("%s is out of service.", server);
  if (node->health == VMP_NODE_OFFLINE && node->last_error != NULL)
    return g_strdup (node->last_error);
  if (node->health == VMP_NODE_OFFLINE)
    return g_strdup_printf ("%s does not answer.", server);
  if (!vmp_host_loads_on_request (host))
    return g_strdup_printf ("%s cannot be told to load or unload models; LM Studio can.", server);

  return NULL;
}

/* -- Loads --------------------------------------------------------------------------------- */

static void
suspend (VmpLoads   *loads,
         VmpNode    *node,
         const char *reason)
{
  if (reason != NULL)
    vmp_registry_suspend_approval (loads->registry, node, reason);
}

static void
asked_load_cb (gpointer       user_data,
               VmpLoadsAskEnd end,
               const char    *error,
               const char    *instance,
               const char    *suspended)
{
  VmpHold *self = user_data;
  VmpLoads *loads = self->place->loads;
  g_autoptr (VmpNode) node = vmp_node_ref (self->place->node);
  gint64 now = g_get_monotonic_time ();

  self->ask = NULL;
  switch (end)
    {
    case VMP_LOADS_ASK_DONE:
      vmp_hold_loaded (self, instance, (now - self->began) / (double) MS, now);
      break;

    case VMP_LOADS_ASK_LOST:
      self->error = g_strdup (error);
      vmp_hold_watch (self, now);
      break;

    case VMP_LOADS_ASK_REFUSED:
      /* Where nothing else loads it, that is its end for requests as well. */
      if (self->place->asks_for_loads)
        vmp_hold_failed (self, error, now);
      else
        vmp_hold_refused (self, error, now);
      break;

    case VMP_LOADS_ASK_FAILED:
    default:
      /* It may have lost the model, and not be one that has to be told. */
      self->place->asks_for_loads = FALSE;
      vmp_hold_failed (self, error, now);
      break;
    }

  /* The hold first: suspending ends all that is about the node. */
  suspend (loads, node, suspended);
}

static void
ask_load (VmpHold *self,
          gint64   now)
{
  vmp_hold_set_state (self, VMP_HOLD_ASKING);
  vmp_hold_begin_load (self, now, now);
  self->ask = vmp_loads_ask_load (self->place->loads, self->host, self->context_length, asked_load_cb, self);
}

void
vmp_hold_start_load (VmpHold *self)
{
  self->kind = VMP_HOLD_LOAD;
  vmp_hold_take (self, VMP_HOLD_LOOKING, TRUE);
  vmp_hold_look (self);
}

void
vmp_loads_load (VmpLoads   *self,
                VmpHost    *host,
                gint64      context_length,
                VmpLoadDone done,
                gpointer    user_data)
{
  gint64 now = g_get_monotonic_time ();
  g_autofree char *obstacle = NULL;
  VmpLoadsPlace *place;
  VmpHold *hold;
  GList *link;

  g_return_if_fail (self != NULL && host != NULL && done != NULL);

  obstacle = find_obstacle (host);
  if (obstacle != NULL || vmp_loads_is_sure (host, now))
    {
      tell (self, done, user_data, obstacle);
      return;
    }

  place = vmp_loads_get_place (self, host->node);
  hold = place->hold;
  if (hold != NULL && hold->host == host && hold->state != VMP_HOLD_CHECKING
      && (hold->kind == VMP_HOLD_LEAD || hold->kind == VMP_HOLD_LOAD))
    {
      add_caller (&hold->callers, done, user_data, NULL);
      return;
    }
  for (link = place->waiting.head; link != NULL; link = link->next)
    {
      hold = link->data;
      if (hold->host == host && hold->kind == VMP_HOLD_LOAD)
        {
          add_caller (&hold->callers, done, user_data, NULL);
          return;
        }
    }

  hold = vmp_hold_new (place, host, VMP_HOLD_LOAD, now);
  hold->context_length = context_length;
  hold->deadline = now + VMP_LIMIT_PATIENCE_S * G_TIME_SPAN_SECOND;
  vmp_hold_schedule (hold);
  add_caller (&hold->callers, done, user_data, NULL);
  vmp_loads_request_turn (self, FALSE);
}

/* -- Unloads ------------------------------------------------------------------------------- */

/* (transfer full) */
static char *
describe_answering (const VmpHost *host)
{
  g_autofree char *server = vmp_loads_name_server (host->node);

  return g_strdup_printf ("%s is answering on %s. Unload it by force to break that off, or wait for its end.",
                          host->model_id, server);
}

static void ask_next_unload (VmpHold *self,
                             gint64   now);

static void
asked_unload_cb (gpointer       user_data,
                 VmpLoadsAskEnd end,
                 const char    *error,
                 const char    *instance,
                 const char    *suspended)
{
  VmpHold *self = user_data;
  VmpLoads *loads = self->place->loads;
  g_autoptr (VmpNode) node = vmp_node_ref (self->place->node);
  gint64 now = g_get_monotonic_time ();

  self->ask = NULL;
  if (end == VMP_LOADS_ASK_DONE)
    {
      self->n_unloaded++;
    }
  else
    {
      self->error = g_strdup (error);
      g_queue_clear_full (&self->left, g_free);
    }
  ask_next_unload (self, now);
  suspend (loads, node, suspended);
}

static void
ask_next_unload (VmpHold *self,
                 gint64   now)
{
  g_autofree char *id = g_queue_pop_head (&self->left);

  if (id == NULL)
    {
      vmp_hold_check (self, now);
      return;
    }

  vmp_hold_set_state (self, VMP_HOLD_ASKING);
  self->ask = vmp_loads_ask_unload (self->place->loads, self->host, id, asked_unload_cb, self);
}

/* Which copies are to go. */
static void
list_copies (VmpHold *self)
{
  GPtrArray *instances = self->host->model->instances;
  guint i;

  for (i = 0; i < instances->len; i++)
    {
      const VmpModelInstance *instance = g_ptr_array_index (instances, i);

      if (self->instance == NULL || g_str_equal (self->instance, instance->id))
        g_queue_push_tail (&self->left, g_strdup (instance->id));
    }

  /* Older lists tell of no copies. The only one goes by its model's id. */
  if (instances->len == 0 && self->host->loaded
      && (self->instance == NULL || g_str_equal (self->instance, self->host->model_id)))
    g_queue_push_tail (&self->left, g_strdup (self->host->model_id));
}

static void
begin_unload (VmpHold *self,
              gint64   now)
{
  g_autofree char *error = NULL;

  if (self->host->active > 0 && !self->force)
    {
      error = describe_answering (self->host);
      vmp_hold_end (self, error, now);
      return;
    }

  list_copies (self);
  if (self->left.length == 0 && self->instance != NULL)
    {
      g_autofree char *server = vmp_loads_name_server (self->place->node);
      g_autofree char *instance = vmp_text_display (self->instance, VMP_LIMIT_MODEL_ID_CHARS);

      error = g_strdup_printf ("%s has no copy of %s in memory that is called %s.", server, self->host->model_id,
                               instance);
    }
  if (self->left.length == 0)
    vmp_hold_end (self, error, now);
  else
    ask_next_unload (self, now);
}

void
vmp_hold_finish_unload (VmpHold *self,
                        gint64   now)
{
  g_autofree char *error = g_steal_pointer (&self->error);

  /* What was to go is gone, whoever has unloaded it. */
  if (!self->host->loaded && self->instance == NULL)
    g_clear_pointer (&error, g_free);
  if (self->n_unloaded > 0)
    vmp_hold_emit (self, VMP_LOAD_UNLOADED, NULL, now);
  vmp_hold_end (self, error, now);
}

void
vmp_loads_unload (VmpLoads   *self,
                  VmpHost    *host,
                  const char *instance,
                  gboolean    force,
                  VmpLoadDone done,
                  gpointer    user_data)
{
  g_autofree char *obstacle = NULL;
  VmpHold *hold;

  g_return_if_fail (self != NULL && host != NULL && done != NULL);

  obstacle = find_obstacle (host);
  if (obstacle == NULL && host->active > 0 && !force)
    obstacle = describe_answering (host);
  if (obstacle != NULL)
    {
      tell (self, done, user_data, obstacle);
      return;
    }

  hold = vmp_hold_new (vmp_loads_get_place (self, host->node), host, VMP_HOLD_UNLOAD, g_get_monotonic_time ());
  hold->instance = g_strdup (instance);
  hold->force = force;
  add_caller (&hold->callers, done, user_data, NULL);
  vmp_loads_request_turn (self, FALSE);
}

/* -- When they begin ----------------------------------------------------------------------- */

/* Whether the list has it, whatever else was heard meanwhile: one more copy is worse than one question more. */
static gboolean
lists_as_loaded (const VmpHold *self,
                 gint64         look_began)
{
  return vmp_hold_saw_loaded (self, look_began)
         || (!vmp_hold_saw_nothing (self, look_began) && self->host->listed && self->host->model->loaded);
}

void
vmp_hold_looked_before_asking (VmpHold *self,
                               gint64   look_began,
                               gint64   now)
{
  if (self->kind == VMP_HOLD_LOAD && lists_as_loaded (self, look_began))
    {
      vmp_host_prove_loaded (self->host, look_began);
      vmp_hold_end (self, NULL, now);
    }
  else if (vmp_hold_saw_nothing (self, look_began))
    {
      g_autofree char *error = find_obstacle (self->host);
      g_autofree char *server = vmp_loads_name_server (self->place->node);

      if (error == NULL)
        error = g_strdup_printf ("%s does not tell what it has in memory.", server);
      vmp_hold_end (self, error, now);
    }
  else if (self->kind == VMP_HOLD_LOAD)
    {
      ask_load (self, now);
    }
  else
    {
      begin_unload (self, now);
    }
}

/* Whether a load may begin; else something that brings it nearer is done. */
static gboolean
can_begin_load (VmpHold *self)
{
  if (!vmp_loads_others_active (self->host))
    return TRUE;

  if (self->host->loaded)
    vmp_place_look (self->place, self->host);
  else if (self->is_late && self->place->hold == NULL)
    vmp_hold_take (self, VMP_HOLD_KEPT, FALSE);

  return FALSE;
}

void
vmp_place_start_waiting (VmpLoadsPlace *self,
                         gint64         now)
{
  GList *link = self->waiting.head;
  VmpHold *hold = self->hold;

  if (hold != NULL && hold->kind == VMP_HOLD_LOAD && hold->state == VMP_HOLD_KEPT)
    {
      if (vmp_loads_is_sure (hold->host, now))
        vmp_hold_end (hold, NULL, now);
      else if (can_begin_load (hold))
        vmp_hold_start_load (hold);
    }

  while (link != NULL)
    {
      hold = link->data;
      link = link->next;
      if (hold->kind == VMP_HOLD_LOAD && vmp_loads_is_sure (hold->host, now))
        {
          vmp_hold_end (hold, NULL, now);
        }
      else if (self->hold != NULL)
        {
          continue;
        }
      else if (hold->kind == VMP_HOLD_UNLOAD)
        {
          vmp_hold_take (hold, VMP_HOLD_LOOKING, TRUE);
          vmp_hold_look (hold);
        }
      else if (can_begin_load (hold))
        {
          vmp_hold_start_load (hold);
        }
    }
}

/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the conversations that previous_response_id continues.
 */

#include "sim-history.h"

#define MAX_REMEMBERED 4096

struct _SimHistory {
  GHashTable *turns;  /* id -> GArray of SimTurn */
  GQueue ids;         /* of the same strings, the oldest first */
};

SimHistory *
sim_history_new (void)
{
  SimHistory *self = g_new0 (SimHistory, 1);

  self->turns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);

  return self;
}

void
sim_history_clear (SimHistory *self)
{
  g_queue_clear (&self->ids);
  g_hash_table_remove_all (self->turns);
}

void
sim_history_free (SimHistory *self)
{
  if (self == NULL)
    return;
  sim_history_clear (self);
  g_hash_table_unref (self->turns);
  g_free (self);
}

void
sim_history_put (SimHistory *self,
                 const char *id,
                 GArray     *turns)
{
  char *key = g_strdup (id);
  gpointer old = NULL;

  /* Ids repeat when they are made to be the same for the same request. */
  if (g_hash_table_lookup_extended (self->turns, id, &old, NULL))
    g_queue_remove (&self->ids, old);
  g_hash_table_replace (self->turns, key, turns);
  g_queue_push_tail (&self->ids, key);
  if (self->ids.length > MAX_REMEMBERED)
    g_hash_table_remove (self->turns, g_queue_pop_head (&self->ids));
}

SimError *
sim_history_continue (SimHistory *self,
                      const char *id,
                      SimPrompt  *prompt)
{
  GArray *turns = g_hash_table_lookup (self->turns, id);

  if (turns == NULL)
    return sim_error_new (SIM_ERROR_PREVIOUS_NOT_FOUND, "previous_response_id",
                          "Previous response with id '%s' not found.", id);
  sim_prompt_add_turns (prompt, turns);

  return NULL;
}

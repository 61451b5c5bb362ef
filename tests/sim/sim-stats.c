/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: counters, the last requests, and waiting for counters.
 */

#include "sim-stats.h"

#include "sim-json.h"
#include "sim-timer.h"

#include <string.h>

#define MAX_RECORDED 64
#define MAX_PATHS 256  /* clients may ask for as many paths as they like */

struct _SimWait {
  SimStats *stats;
  SimCount count;
  gint64 at_least;
  gint64 at_most;
  SimWaitFunc func;
  gpointer data;
  SimTimer timer;
  gboolean reached;
  GList link;
};

struct _SimStats {
  SimTimers *timers;
  gint64 counts[SIM_N_COUNTS];
  GHashTable *by_path;   /* "POST /v1/x" -> guint */
  GQueue recorded;       /* of char *, JSON, the newest last */
  char *last_answer;     /* JSON */
  GQueue waits;
};

static const struct {
  const char *name;
  gboolean is_level;  /* counts what exists now */
} count_table[SIM_N_COUNTS] = {
  [SIM_COUNT_LISTENING] = { "listening", TRUE },
  [SIM_COUNT_CONNECTIONS_OPENED] = { "connections_opened", FALSE },
  [SIM_COUNT_CONNECTIONS_ACTIVE] = { "connections_active", TRUE },
  [SIM_COUNT_CONNECTIONS_REFUSED] = { "connections_refused", FALSE },
  [SIM_COUNT_REQUESTS] = { "requests", FALSE },
  [SIM_COUNT_ACTIVE_REQUESTS] = { "active_requests", TRUE },
  [SIM_COUNT_ANSWERS] = { "answers", FALSE },
  [SIM_COUNT_BAD_REQUESTS] = { "bad_requests", FALSE },
  [SIM_COUNT_FAULTS] = { "faults", FALSE },
  [SIM_COUNT_QUEUED_GENERATIONS] = { "queued_generations", TRUE },
  [SIM_COUNT_ACTIVE_GENERATIONS] = { "active_generations", TRUE },
  [SIM_COUNT_FINISHED_GENERATIONS] = { "finished_generations", FALSE },
  [SIM_COUNT_ABORTED_GENERATIONS] = { "aborted_generations", FALSE },
  [SIM_COUNT_FAILED_GENERATIONS] = { "failed_generations", FALSE },
  [SIM_COUNT_KILLED_GENERATIONS] = { "killed_generations", FALSE },
  [SIM_COUNT_STALLED_GENERATIONS] = { "stalled_generations", TRUE },
  [SIM_COUNT_TOKENS_SENT] = { "tokens_sent", FALSE },
  [SIM_COUNT_LOADS] = { "loads", FALSE },
  [SIM_COUNT_DUPLICATE_LOADS] = { "duplicate_loads", FALSE },
  [SIM_COUNT_LOADING] = { "loading", TRUE },
  [SIM_COUNT_LOADED_INSTANCES] = { "loaded_instances", TRUE },
  [SIM_COUNT_UNLOADS] = { "unloads", FALSE },
  [SIM_COUNT_EVICTIONS] = { "evictions", FALSE },
  [SIM_COUNT_TTL_UNLOADS] = { "ttl_unloads", FALSE },
};

SimStats *
sim_stats_new (SimTimers *timers)
{
  SimStats *self = g_new0 (SimStats, 1);

  self->timers = timers;
  self->by_path = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return self;
}

void
sim_stats_free (SimStats *self)
{
  if (self == NULL)
    return;

  g_assert (self->waits.length == 0);
  g_hash_table_unref (self->by_path);
  g_queue_clear_full (&self->recorded, g_free);
  g_free (self->last_answer);
  g_free (self);
}

void
sim_stats_reset (SimStats *self)
{
  for (guint i = 0; i < SIM_N_COUNTS; i++)
    if (!count_table[i].is_level)
      self->counts[i] = 0;
  g_hash_table_remove_all (self->by_path);
  g_queue_clear_full (&self->recorded, g_free);
  g_clear_pointer (&self->last_answer, g_free);
}

static gboolean
is_reached (const SimWait *wait)
{
  gint64 n = wait->stats->counts[wait->count];

  return n >= wait->at_least && n <= wait->at_most;
}

void
sim_stats_add (SimStats *self,
               SimCount  count,
               gint64    n)
{
  self->counts[count] += n;

  for (GList *link = self->waits.head; link != NULL; link = link->next)
    {
      SimWait *wait = link->data;

      /* Told from the main loop: whoever counts is in the middle of something. */
      if (wait->count == count && !wait->reached && is_reached (wait))
        {
          wait->reached = TRUE;
          sim_timer_arm_ms (self->timers, &wait->timer, 0);
        }
    }
}

gint64
sim_stats_get (const SimStats *self,
               SimCount        count)
{
  return self->counts[count];
}

gboolean
sim_stats_find (const char *name,
                SimCount   *count)
{
  for (guint i = 0; i < SIM_N_COUNTS; i++)
    if (strcmp (count_table[i].name, name) == 0)
      {
        *count = (SimCount) i;
        return TRUE;
      }

  return FALSE;
}

void
sim_stats_record_request (SimStats   *self,
                          const char *method,
                          const char *target,
                          const char *path,
                          GString    *head_json,
                          const char *body,
                          gsize       body_len,
                          guint64     connection,
                          guint       nth_on_connection)
{
  g_autofree char *key = g_strconcat (method, " ", path, NULL);
  g_autofree char *sum = NULL;
  g_autoptr (GString) out = NULL;
  SimJson json;
  gpointer n = g_hash_table_lookup (self->by_path, key);

  if (n != NULL || g_hash_table_size (self->by_path) < MAX_PATHS)
    g_hash_table_replace (self->by_path, g_steal_pointer (&key), GUINT_TO_POINTER (GPOINTER_TO_UINT (n) + 1));
  if (head_json == NULL)
    return;

  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) body, body_len);
  out = g_string_sized_new (head_json->len + 512);
  json = (SimJson) { .out = out };
  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "method", method);
  sim_json_string (&json, "target", target);
  sim_json_raw (&json, "headers", head_json->str);
  sim_json_int (&json, "body_bytes", (gint64) body_len);
  sim_json_string (&json, "body_sha256", sum);
  sim_json_int (&json, "connection", (gint64) connection);
  sim_json_int (&json, "nth_on_connection", nth_on_connection);
  sim_json_end (&json, '}');

  g_queue_push_tail (&self->recorded, g_string_free (g_steal_pointer (&out), FALSE));
  if (self->recorded.length > MAX_RECORDED)
    g_free (g_queue_pop_head (&self->recorded));
}

void
sim_stats_record_answer (SimStats *self,
                         guint     status,
                         guint64   wire_bytes,
                         guint64   head_bytes,
                         guint64   payload_bytes)
{
  g_free (self->last_answer);
  self->last_answer = g_strdup_printf ("{\"status\":%u,\"wire_bytes\":%" G_GUINT64_FORMAT ",\"head_bytes\":%"
                                       G_GUINT64_FORMAT ",\"payload_bytes\":%" G_GUINT64_FORMAT "}",
                                       status, wire_bytes, head_bytes, payload_bytes);
}

void
sim_stats_write (SimStats *self,
                 GString  *out)
{
  SimJson json = { .out = out };
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  sim_json_begin (&json, NULL, '{');
  for (guint i = 0; i < SIM_N_COUNTS; i++)
    sim_json_int (&json, count_table[i].name, self->counts[i]);

  sim_json_begin (&json, "requests_by_path", '{');
  g_hash_table_iter_init (&iter, self->by_path);
  while (g_hash_table_iter_next (&iter, &key, &value))
    sim_json_int (&json, key, GPOINTER_TO_UINT (value));
  sim_json_end (&json, '}');

  sim_json_raw (&json, "last_request", self->recorded.tail != NULL ? self->recorded.tail->data : "null");
  sim_json_begin (&json, "recent_requests", '[');
  for (GList *link = self->recorded.head; link != NULL; link = link->next)
    sim_json_raw (&json, NULL, link->data);
  sim_json_end (&json, ']');
  sim_json_raw (&json, "last_answer", self->last_answer != NULL ? self->last_answer : "null");
  sim_json_end (&json, '}');
}

static void
wait_fired (gpointer data)
{
  SimWait *wait = data;
  SimWaitFunc func = wait->func;
  gpointer func_data = wait->data;
  gboolean reached = wait->reached;

  sim_stats_cancel_wait (wait->stats, wait);
  func (reached, func_data);
}

SimWait *
sim_stats_wait (SimStats   *self,
                SimCount    count,
                gint64      at_least,
                gint64      at_most,
                double      timeout_ms,
                SimWaitFunc func,
                gpointer    data)
{
  SimWait *wait = g_new0 (SimWait, 1);

  wait->stats = self;
  wait->count = count;
  wait->at_least = at_least;
  wait->at_most = at_most;
  wait->func = func;
  wait->data = data;
  wait->link.data = wait;
  wait->reached = is_reached (wait);
  sim_timer_init (&wait->timer, wait_fired, wait);
  sim_timer_arm_ms (self->timers, &wait->timer, wait->reached ? 0 : timeout_ms);
  g_queue_push_tail_link (&self->waits, &wait->link);

  return wait;
}

void
sim_stats_cancel_wait (SimStats *self,
                       SimWait  *wait)
{
  sim_timer_disarm (self->timers, &wait->timer);
  g_queue_unlink (&self->waits, &wait->link);
  g_free (wait);
}

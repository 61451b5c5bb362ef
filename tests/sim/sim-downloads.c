/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: POST /api/v1/models/download and its status.
 */

#include "sim-downloads.h"

#include "sim-config.h"
#include "sim-json.h"
#include "sim-models.h"
#include "sim-route.h"
#include "sim-strict.h"
#include "sim-text.h"

#include <string.h>

#define MAX_JOBS 1024

struct _SimDownloads {
  Sim *sim;
  GHashTable *jobs;    /* id -> Job */
};

typedef struct {
  SimDownloads *downloads;
  char *id;
  char *key;           /* of the model when it is there */
  gint64 total_bytes;
  gint64 started;      /* monotonic */
  gint64 ended;        /* monotonic; 0: not yet */
  double ms;
  gint64 started_real; /* Unix microseconds */
  SimDownloadFate fate;
  SimTimer timer;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  sim_timer_disarm (job->downloads->sim->timers, &job->timer);
  g_free (job->id);
  g_free (job->key);
  g_free (job);
}

SimDownloads *
sim_downloads_new (Sim *sim)
{
  SimDownloads *self = g_new0 (SimDownloads, 1);

  self->sim = sim;
  self->jobs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, job_free);

  return self;
}

void
sim_downloads_reset (SimDownloads *self)
{
  g_hash_table_remove_all (self->jobs);
}

void
sim_downloads_free (SimDownloads *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->jobs);
  g_free (self);
}

static void
job_fired (gpointer data)
{
  Job *job = data;

  job->ended = g_get_monotonic_time ();
  if (job->fate == SIM_DOWNLOAD_OK)
    sim_models_add_downloaded (job->downloads->sim->models, job->key);
}

static double
job_progress (const Job *job)
{
  double passed = (double) (g_get_monotonic_time () - job->started) / 1000;

  if (job->ended != 0 && job->fate == SIM_DOWNLOAD_OK)
    return 1;

  /* What is paused or failed stops half way. */
  return MIN (job->ms > 0 ? passed / job->ms : 0, job->fate == SIM_DOWNLOAD_OK ? 0.999 : 0.5);
}

static const char *
job_status (const Job *job)
{
  if (job->fate == SIM_DOWNLOAD_PAUSED)
    return "paused";
  if (job->ended == 0)
    return "downloading";

  return job->fate == SIM_DOWNLOAD_OK ? "completed" : "failed";
}

static void
write_time (SimJson    *json,
            const char *key,
            gint64      unix_us)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (unix_us / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *full = g_strdup_printf ("%s.%03dZ", text, (int) (unix_us / 1000 % 1000));

  sim_json_string (json, key, full);
}

static void
reply_job (SimExchange *exchange,
           const Job   *job,
           gboolean     with_progress)
{
  GString *body = g_string_new (NULL);
  SimJson json = { .out = body };
  const char *status = job_status (job);
  gint64 end = job->started_real + (gint64) (job->ms * 1000);

  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "job_id", job->id);
  sim_json_string (&json, "status", status);
  if (with_progress && strcmp (status, "downloading") == 0)
    {
      sim_json_number (&json, "bytes_per_second", (double) job->total_bytes / MAX (job->ms / 1000, 0.001));
      write_time (&json, "estimated_completion", end);
    }
  if (strcmp (status, "completed") == 0)
    write_time (&json, "completed_at", end);
  if (strcmp (status, "failed") == 0)
    sim_json_string (&json, "error_message", "Injected by lmstudio-sim: the download fails.");
  sim_json_int (&json, "total_size_bytes", job->total_bytes);
  if (with_progress)
    sim_json_int (&json, "downloaded_bytes", (gint64) ((double) job->total_bytes * job_progress (job)));
  write_time (&json, "started_at", job->started_real);
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, 200, body);
}

/* "https://huggingface.co/lmstudio-community/gpt-oss-20b-GGUF" -> "gpt-oss-20b" */
static char *
dup_key_of (const char *model)
{
  g_autofree char *key = NULL;
  const char *slash;

  if (!g_str_has_prefix (model, "https://"))
    return g_strdup (model);
  slash = strrchr (model, '/');
  key = g_ascii_strdown (slash + 1, -1);
  if (g_str_has_suffix (key, "-gguf"))
    key[strlen (key) - strlen ("-gguf")] = '\0';

  return g_steal_pointer (&key);
}

void
sim_v1_download (SimExchange *exchange)
{
  static const char * const keys[] = { "model", "quantization", NULL };
  Sim *sim = exchange->sim;
  SimDownloads *self = sim->downloads;
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_NATIVE);
  g_autoptr (SimError) error = NULL;
  g_autofree char *key = NULL;
  JsonObject *request;
  const char *name;
  guint64 hash;
  Job *job;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  name = sim_json_get_string (request, "model");
  error = sim_strict_check (request, keys, 1);
  if (error == NULL && json_object_has_member (request, "quantization") && !g_str_has_prefix (name, "https://"))
    error = sim_error_new (SIM_ERROR_INVALID, "quantization",
                           "\"quantization\" is only supported for Hugging Face links");
  if (error == NULL && (strchr (name, '/') == NULL || g_hash_table_size (self->jobs) >= MAX_JOBS))
    error = sim_error_new (SIM_ERROR_MODEL_NOT_FOUND, "model", "Model \"%s\" not found in the catalog.", name);
  if (error != NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_NATIVE);
      return;
    }

  key = dup_key_of (name);
  if (sim_models_find (sim->models, key) != NULL)
    {
      sim_exchange_reply (exchange, 200, "application/json; charset=utf-8", "{\"status\":\"already_downloaded\"}", -1);
      return;
    }

  hash = sim_hash (SIM_HASH_START, key, strlen (key));
  job = g_new0 (Job, 1);
  job->downloads = self;
  job->key = g_steal_pointer (&key);
  job->fate = (SimDownloadFate) sim->config->download;
  job->total_bytes = 1000000000 + (gint64) (hash % 8000000000);
  job->ms = sim->config->download_ms;
  job->started = g_get_monotonic_time ();
  job->started_real = g_get_real_time ();
  hash ^= (guint64) job->started;
  job->id = sim_random_id (&hash, "job_", 10, TRUE);
  sim_timer_init (&job->timer, job_fired, job);
  if (job->fate != SIM_DOWNLOAD_PAUSED)
    sim_timer_arm_ms (sim->timers, &job->timer, job->ms);
  g_hash_table_replace (self->jobs, job->id, job);
  reply_job (exchange, job, FALSE);
}

void
sim_v1_download_status (SimExchange *exchange,
                        const char  *job_id)
{
  const Job *job = g_hash_table_lookup (exchange->sim->downloads->jobs, job_id);
  g_autoptr (SimError) error = NULL;

  if (job == NULL)
    {
      error = sim_error_new (SIM_ERROR_JOB_NOT_FOUND, "job_id", "No download job with id \"%s\".", job_id);
      sim_error_reply (error, exchange, SIM_DIALECT_NATIVE);
      return;
    }
  reply_job (exchange, job, TRUE);
}

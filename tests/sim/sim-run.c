/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: one prediction.
 */

#include "sim-run.h"

#include "sim-config.h"
#include "sim-log.h"
#include "sim-stats.h"
#include "sim-text.h"

#include <math.h>
#include <string.h>

#define HIGH_BYTES (64 * 1024)  /* pending for a slow client: past it no token is made */
#define LOAD_STEPS 10           /* of a load's progress */
#define PROMPT_STEPS 4
#define FIXED_TIME 1735689600   /* "created" of deterministic answers */

/* -- Ending ---------------------------------------------------------------------------------- */

static void
count_tokens (SimRun *run)
{
  sim_stats_add (run->sim->stats, SIM_COUNT_TOKENS_SENT, run->sent - run->n_counted);
  run->n_counted = run->sent;
}

static void
set_stalled (SimRun  *run,
             gboolean stalled)
{
  if (run->is_stalled == stalled)
    return;
  run->is_stalled = stalled;
  sim_stats_add (run->sim->stats, SIM_COUNT_STALLED_GENERATIONS, stalled ? 1 : -1);
}

static void
run_free (SimRun *run)
{
  Sim *sim = run->sim;

  count_tokens (run);
  set_stalled (run, FALSE);
  sim_timer_disarm (sim->timers, &run->timer);
  sim_seat_leave (&run->seat);
  if (run->link.data != NULL)
    g_queue_unlink (&sim->runs, &run->link);
  if (run->surface->state_free != NULL && run->state != NULL)
    run->surface->state_free (run->state);
  sim_prompt_free (run->prompt);
  sim_answer_free (run->answer);
  g_free (run->instance_id);
  g_free (run);
}

static void
open_stream (SimRun *run)
{
  if (run->is_open)
    return;
  run->is_open = TRUE;
  sim_exchange_begin (run->exchange, 200, "text/event-stream");
}

static void
run_finish (SimRun *run)
{
  gint64 now = g_get_monotonic_time ();

  run->generation_seconds = (double) (now - run->first_token) / G_USEC_PER_SEC;
  sim_log (run->sim, SIM_LOG_INFO, run->instance_id, run->is_stream ? "Finished streaming response"
                                                                    : "Generated prediction.");
  if (run->is_stream)
    open_stream (run);
  run->surface->finish (run);
  if (run->is_stream)
    sim_exchange_end (run->exchange);
  sim_stats_add (run->sim->stats, SIM_COUNT_FINISHED_GENERATIONS, 1);
  run_free (run);
}

static void
run_fail (SimRun         *run,
          const SimError *error)
{
  g_autoptr (GString) event = NULL;

  sim_stats_add (run->sim->stats, SIM_COUNT_FAILED_GENERATIONS, 1);
  if (run->exchange == NULL)
    {
      run_free (run);
      return;
    }

  if (!run->is_stream)
    sim_error_reply (error, run->exchange, run->surface->dialect);
  else
    {
      sim_log (run->sim, SIM_LOG_ERROR, run->instance_id, "%s", error->message);
      if (run->is_open && run->surface->fail != NULL)
        run->surface->fail (run, error);
      else
        {
          event = g_string_new (NULL);
          sim_error_write_event (error, run->sim->config, run->surface->dialect, event);
          sim_run_send (run, event->str, event->len);
        }
      sim_exchange_end (run->exchange);
    }
  run_free (run);
}

static void
client_gone (SimExchange *exchange,
             SimGone      gone,
             gpointer     data)
{
  SimRun *run = data;

  if (gone == SIM_GONE_CLIENT)
    {
      sim_log (run->sim, SIM_LOG_INFO, run->instance_id,
               "Client disconnected. Stopping generation... (If the model is busy processing the prompt, it will "
               "finish first.)");
      sim_stats_add (run->sim->stats, SIM_COUNT_ABORTED_GENERATIONS, 1);
    }
  run->exchange = NULL;
  if (run->phase != SIM_PHASE_PROMPT || !run->sim->config->finish_prompt || gone == SIM_GONE_SHUTDOWN)
    run_free (run);
}

/* -- Tokens ---------------------------------------------------------------------------------- */

static const SimPart *
current_part (const SimRun *run)
{
  return run->part < run->answer->parts->len ? run->answer->parts->pdata[run->part] : NULL;
}

/* Steps over parts that are over, and parts of no tokens. */
static void
end_parts (SimRun *run)
{
  for (const SimPart *part = current_part (run); part != NULL && run->token >= part->ends->len;
       part = current_part (run))
    {
      if (run->token == 0 && run->surface->part_begin != NULL)
        run->surface->part_begin (run, part);
      if (run->surface->part_end != NULL)
        run->surface->part_end (run, part);
      run->part++;
      run->token = 0;
    }
}

static void
emit_token (SimRun *run)
{
  const SimPart *part = current_part (run);
  gsize from = run->token > 0 ? g_array_index (part->ends, gsize, run->token - 1) : 0;
  gsize end = g_array_index (part->ends, gsize, run->token);

  if (run->token == 0 && run->surface->part_begin != NULL)
    run->surface->part_begin (run, part);
  run->surface->token (run, part, part->text->str + from, end - from);
  run->token++;
  run->sent++;
  end_parts (run);
}

/* When the token after @n ones is due. */
static gint64
due_time (const SimRun *run,
          guint         n)
{
  double speed = run->sim->config->tokens_per_second;

  return speed > 0 ? run->phase_started + (gint64) (n * (double) G_USEC_PER_SEC / speed) : 0;
}

/* After a wait of any kind the pace begins anew, with a token that is due now. */
static void
rebase (SimRun *run)
{
  double speed = run->sim->config->tokens_per_second;

  run->phase_started = g_get_monotonic_time ();
  if (speed > 0)
    run->phase_started -= (gint64) (run->sent * (double) G_USEC_PER_SEC / speed);
}

/* Ends or stalls the run if it has come that far.
 * Returns: TRUE if there is no token to make now */
static gboolean
reached_end (SimRun *run)
{
  g_autoptr (SimError) error = NULL;

  if (run->error_after >= 0 && run->sent >= (guint) run->error_after)
    {
      error = sim_error_new (SIM_ERROR_CRASHED, NULL,
                             "The model has crashed without additional information. (Exit code: "
                             "18446744072635812000)");
      run_fail (run, error);
      return TRUE;
    }
  if (run->stall_after >= 0 && run->sent >= (guint) run->stall_after)
    {
      count_tokens (run);
      set_stalled (run, TRUE);
      sim_exchange_flush (run->exchange);
      return TRUE;
    }
  if (run->sent >= run->answer->n_tokens)
    {
      run_finish (run);
      return TRUE;
    }

  return FALSE;
}

static void
stream_tokens (SimRun *run)
{
  gint64 now = g_get_monotonic_time ();

  end_parts (run);
  while (!reached_end (run))
    {
      if (sim_exchange_pending (run->exchange) >= HIGH_BYTES)
        {
          count_tokens (run);
          sim_exchange_flush (run->exchange);
          sim_exchange_want_drain (run->exchange);
          return;
        }
      if (due_time (run, run->sent) > now)
        {
          count_tokens (run);
          sim_exchange_flush (run->exchange);
          sim_timer_arm_at (run->sim->timers, &run->timer, due_time (run, run->sent));
          return;
        }
      emit_token (run);
    }
}

/* All tokens of an answer that goes out in one piece. */
static void
wait_for_tokens (SimRun *run)
{
  guint n = run->answer->n_tokens;
  gint64 due;

  if (run->error_after >= 0)
    n = MIN (n, (guint) run->error_after);
  if (run->stall_after >= 0)
    n = MIN (n, (guint) run->stall_after);
  due = due_time (run, n);
  if (due > g_get_monotonic_time ())
    {
      sim_timer_arm_at (run->sim->timers, &run->timer, due);
      return;
    }
  run->sent = n;
  reached_end (run);
}

static void
make_tokens (SimRun *run)
{
  if (run->is_stream)
    stream_tokens (run);
  else
    wait_for_tokens (run);
}

static void
client_drained (SimExchange *exchange,
                gpointer     data)
{
  SimRun *run = data;

  if (run->phase != SIM_PHASE_TOKENS || run->is_stalled)
    return;
  if (run->sim->config->tokens_per_second > 0 && due_time (run, run->sent) < g_get_monotonic_time ())
    rebase (run);
  make_tokens (run);
}

/* -- Before the first token ------------------------------------------------------------------ */

static void
begin_tokens (SimRun *run)
{
  gint64 now = g_get_monotonic_time ();

  run->phase = SIM_PHASE_TOKENS;
  run->phase_started = now;
  run->first_token = now;
  run->ttft_seconds = (double) (now - run->exchange->arrived) / G_USEC_PER_SEC;
  if (run->is_stream && run->surface->prompt_progress != NULL)
    run->surface->prompt_progress (run, 1);
  if (run->is_stream)
    sim_log (run->sim, SIM_LOG_INFO, run->instance_id, "First token generated. Continuing to stream response..");
  make_tokens (run);
}

static void
process_prompt (SimRun *run)
{
  const SimConfig *config = run->sim->config;
  double ms = config->ttft_ms + config->prompt_ms_per_token * (double) run->prompt_tokens;
  gint64 now = g_get_monotonic_time ();
  gint64 due = run->phase_started + (gint64) (ms * 1000);
  gboolean shows = run->is_stream && run->surface->prompt_progress != NULL && run->exchange != NULL;
  double progress = ms > 0 ? CLAMP ((double) (now - run->phase_started) / (ms * 1000), 0, 1) : 1;

  if (now < due)
    {
      gint64 next = run->phase_started + (gint64) (ms * 1000 / PROMPT_STEPS * floor (progress * PROMPT_STEPS + 1));

      if (shows)
        {
          run->surface->prompt_progress (run, progress);
          sim_exchange_flush (run->exchange);
        }
      sim_timer_arm_at (run->sim->timers, &run->timer, shows ? MIN (next, due) : due);
    }
  else if (run->exchange == NULL)
    run_free (run);
  else
    begin_tokens (run);
}

static gboolean
overflows (SimRun *run)
{
  g_autoptr (SimError) error = NULL;

  if (run->prompt_tokens < (guint64) run->context_length)
    return FALSE;
  if (run->sim->config->overflow_silent)
    {
      run->answer = sim_answer_new_empty ();
      return FALSE;
    }

  if (sim_config_since (run->sim->config, SIM_VERSION (0, 4, 0)))
    error = sim_error_new (SIM_ERROR_CONTEXT, NULL,
                           "Input does not fit in context length. The input has %" G_GUINT64_FORMAT
                           " tokens, but the context length only supports %d tokens.",
                           run->prompt_tokens, run->context_length);
  else
    error = sim_error_new (SIM_ERROR_CONTEXT, NULL,
                           "Trying to keep the first %" G_GUINT64_FORMAT " tokens when context the overflows. However, "
                           "the model is loaded with context length of only %d tokens, which is not enough. Try to "
                           "load the model with a larger context length, or provide a shorter input",
                           run->prompt_tokens, run->context_length);
  run_fail (run, error);

  return TRUE;
}

static void
seat_granted (SimSeat *seat)
{
  SimRun *run = seat->data;
  SimInstance *instance = seat->instance;

  g_free (run->instance_id);
  run->instance_id = g_strdup (instance->id);
  run->context_length = instance->config.context_length;
  if (run->loads)
    {
      run->load_seconds = instance->load_seconds;
      if (run->is_stream && run->surface->load_progress != NULL)
        run->surface->load_progress (run, 1);
    }
  sim_timer_disarm (run->sim->timers, &run->timer);
  if (overflows (run))
    return;

  if (run->answer == NULL)
    run->answer = sim_answer_new (run->sim, run->prompt, run->model, run->seed,
                                  run->context_length - (gint64) run->prompt_tokens);
  if (run->is_stream)
    sim_log (run->sim, SIM_LOG_INFO, run->instance_id, "Streaming response...");
  if (run->is_stream && run->sim->config->early_head)
    {
      open_stream (run);
      sim_exchange_flush (run->exchange);
    }
  run->phase = SIM_PHASE_PROMPT;
  run->phase_started = g_get_monotonic_time ();
  process_prompt (run);
}

static void
seat_lost (SimSeat        *seat,
           const SimError *error)
{
  run_fail (seat->data, error);
}

static void
show_load (SimRun *run)
{
  double step = MAX (run->sim->config->load_ms / LOAD_STEPS, 1);

  run->surface->load_progress (run, sim_instance_load_progress (run->seat.instance));
  sim_exchange_flush (run->exchange);
  sim_timer_arm_ms (run->sim->timers, &run->timer, step);
}

static void
timer_fired (gpointer data)
{
  SimRun *run = data;

  switch (run->phase)
    {
    case SIM_PHASE_SEAT:
      if (run->seat.instance->state != SIM_INSTANCE_LOADED)
        show_load (run);
      break;
    case SIM_PHASE_PROMPT:
      process_prompt (run);
      break;
    case SIM_PHASE_TOKENS:
    default:
      make_tokens (run);
      break;
    }
}

SimRun *
sim_run_new (SimExchange      *exchange,
             const SimSurface *surface,
             SimPrompt        *prompt,
             gboolean          is_stream)
{
  SimRun *run = g_new0 (SimRun, 1);
  const SimConfig *config = exchange->sim->config;

  run->sim = exchange->sim;
  run->exchange = exchange;
  run->surface = surface;
  run->prompt = prompt;
  run->is_stream = is_stream;
  run->error_after = exchange->plan.error_after;
  run->stall_after = exchange->plan.stall_after;
  run->created = config->deterministic ? FIXED_TIME : g_get_real_time () / G_USEC_PER_SEC;
  run->seat.granted = seat_granted;
  run->seat.lost = seat_lost;
  run->seat.data = run;
  sim_timer_init (&run->timer, timer_fired, run);

  return run;
}

void
sim_run_start (SimRun     *run,
               const char *model_name,
               double      ttl_s,
               int         context_length)
{
  Sim *sim = run->sim;
  SimPrompt *prompt = run->prompt;
  g_autoptr (SimError) error = NULL;
  SimInstance *instance = sim_models_demand (sim->models, model_name, FALSE, ttl_s, context_length, &run->loads,
                                             &error);
  gboolean is_fixed = sim->config->deterministic || prompt->has_seed || prompt->temperature == 0;
  gboolean shows_load;
  guint64 chance = (guint64) g_random_int () << 32 | g_random_int ();

  sim_exchange_watch (run->exchange, client_gone, client_drained, run);
  if (instance != NULL)
    {
      run->model = instance->model;
      run->instance_id = g_strdup (instance->id);
      run->seed = sim_prompt_hash (prompt, run->model->key);
      run->id_seed = sim->config->deterministic ? run->seed : chance;
      if (!is_fixed)
        run->seed ^= chance;
      run->prompt_tokens = sim_prompt_count_tokens (prompt);
      if (prompt->n_images > 0 && run->model->kind != SIM_KIND_VLM)
        error = sim_error_new (SIM_ERROR_INVALID, "model",
                               "Model does not support images. Please use a model that does.");
      else if (run->surface->check != NULL)
        error = run->surface->check (run);
    }
  if (error != NULL)
    {
      run_fail (run, error);
      return;
    }

  run->link.data = run;
  g_queue_push_tail_link (&sim->runs, &run->link);
  sim_log (sim, SIM_LOG_INFO, run->instance_id, "Running chat completion on conversation with %u messages.",
           prompt->turns->len);
  if (run->is_stream && run->surface->begin != NULL)
    run->surface->begin (run);

  /* With a free slot the run may be over when this returns. */
  shows_load = instance->state != SIM_INSTANCE_LOADED && run->is_stream && run->surface->load_progress != NULL;
  sim_seat_take (&run->seat, instance);
  if (shows_load)
    show_load (run);
}

/* -- For the surfaces ------------------------------------------------------------------------ */

guint
sim_run_count_completion_tokens (const SimRun *run)
{
  return run->sent + run->answer->n_unseen;
}

char *
sim_run_make_id (SimRun     *run,
                 const char *prefix,
                 guint       length,
                 gboolean    hex)
{
  return sim_random_id (&run->id_seed, prefix, length, hex);
}

void
sim_run_send (SimRun     *run,
              const char *data,
              gsize       len)
{
  open_stream (run);
  sim_exchange_write (run->exchange, data, len);
}

void
sim_run_send_event (SimRun     *run,
                    const char *name,
                    GString    *json)
{
  g_autoptr (GString) event = g_string_sized_new (json->len + 64);

  g_string_append_printf (event, "event: %s\ndata: ", name);
  g_string_append_len (event, json->str, (gssize) json->len);
  g_string_append (event, "\n\n");
  sim_run_send (run, event->str, event->len);
}

/* -- All of them ----------------------------------------------------------------------------- */

void
sim_runs_config_changed (Sim *sim)
{
  for (GList *link = sim->runs.head, *next; link != NULL; link = next)
    {
      SimRun *run = link->data;

      next = link->next;
      if (run->stall_after >= 0)
        run->stall_after = sim->config->stall_after_tokens;
      if (run->phase == SIM_PHASE_PROMPT)
        {
          process_prompt (run);
          continue;
        }
      if (run->phase != SIM_PHASE_TOKENS || run->exchange->wants_drain)
        continue;
      set_stalled (run, FALSE);
      rebase (run);
      make_tokens (run);
    }
}

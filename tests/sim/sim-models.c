/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: models, instances, seats.
 */

#include "sim-models.h"

#include "sim-config.h"
#include "sim-json.h"
#include "sim-log.h"
#include "sim-stats.h"

#include <string.h>

#define DEFAULT_PARALLEL 4       /* of llama.cpp from LM Studio 0.4.0 on */
#define MAX_NAMED_IN_AN_ERROR 3

struct _SimModels {
  Sim *sim;
  GPtrArray *models;    /* of SimModel */
  GPtrArray *start;     /* of char *: the keys that are loaded at the start */
  SimTimer settle;      /* looks whether what is to be evicted has come to rest */
};

static void load_fired (gpointer data);
static void settle_fired (gpointer data);

SimModels *
sim_models_new (Sim *sim)
{
  SimModels *self = g_new0 (SimModels, 1);

  self->sim = sim;
  self->models = g_ptr_array_new_with_free_func ((GDestroyNotify) sim_model_free);
  self->start = g_ptr_array_new_with_free_func (g_free);
  sim_timer_init (&self->settle, settle_fired, self);

  return self;
}

/* -- The table ------------------------------------------------------------------------------- */

GPtrArray *
sim_models_list (SimModels *self)
{
  return self->models;
}

SimModel *
sim_models_find (SimModels  *self,
                 const char *key)
{
  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      if (strcmp (model->key, key) == 0)
        return model;
    }

  return NULL;
}

static SimInstance *
first_loaded (SimModel *model)
{
  for (GList *link = model->instances.head; link != NULL; link = link->next)
    {
      SimInstance *instance = link->data;

      if (instance->state == SIM_INSTANCE_LOADED)
        return instance;
    }

  return NULL;
}

SimInstance *
sim_models_find_instance (SimModels  *self,
                          const char *id)
{
  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      for (GList *link = model->instances.head; link != NULL; link = link->next)
        {
          SimInstance *instance = link->data;

          if (strcmp (instance->id, id) == 0)
            return instance;
        }
    }

  return NULL;
}

guint
sim_models_count_loaded (SimModels *self)
{
  guint n = 0;

  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      for (GList *link = model->instances.head; link != NULL; link = link->next)
        n += ((SimInstance *) link->data)->state == SIM_INSTANCE_LOADED;
    }

  return n;
}

/* -- Seats ----------------------------------------------------------------------------------- */

static gboolean
is_idle (const SimInstance *self)
{
  return self->seated.length == 0 && self->waiting.length == 0;
}

static void
arm_ttl (SimInstance *self)
{
  if (self->state != SIM_INSTANCE_LOADED || !is_idle (self))
    return;

  /* Those that waited for a slot may have left before their turn came: the timer was set for that. */
  if (self->is_jit && self->ttl_s > 0)
    sim_timer_arm_ms (self->models->sim->timers, &self->timer, self->ttl_s * 1000);
  else
    sim_timer_disarm (self->models->sim->timers, &self->timer);
}

static void
seat_enter (SimSeat *seat)
{
  SimInstance *instance = seat->instance;

  seat->is_seated = TRUE;
  g_queue_push_tail_link (&instance->seated, &seat->link);
  sim_stats_add (instance->models->sim->stats, SIM_COUNT_ACTIVE_GENERATIONS, 1);
}

/* A seat that is granted may be given back before granted () returns: no recursion, whatever the
 * length of the queue. */
static void
grant_seats (SimInstance *self)
{
  while (self->state == SIM_INSTANCE_LOADED && self->waiting.length > 0
         && self->seated.length < (guint) self->parallel)
    {
      SimSeat *seat = g_queue_pop_head_link (&self->waiting)->data;

      sim_stats_add (self->models->sim->stats, SIM_COUNT_QUEUED_GENERATIONS, -1);
      seat_enter (seat);
      seat->granted (seat);
    }
}

void
sim_seat_take (SimSeat     *seat,
               SimInstance *instance)
{
  Sim *sim = instance->models->sim;

  seat->instance = instance;
  seat->link.data = seat;
  if (instance->state == SIM_INSTANCE_LOADED && instance->waiting.length == 0
      && instance->seated.length < (guint) instance->parallel)
    {
      sim_timer_disarm (sim->timers, &instance->timer);
      seat_enter (seat);
      seat->granted (seat);
      return;
    }
  g_queue_push_tail_link (&instance->waiting, &seat->link);
  sim_stats_add (sim->stats, SIM_COUNT_QUEUED_GENERATIONS, 1);
}

static void
seat_detach (SimSeat *seat)
{
  SimInstance *instance = g_steal_pointer (&seat->instance);
  Sim *sim = instance->models->sim;

  if (seat->is_seated)
    g_queue_unlink (&instance->seated, &seat->link);
  else
    g_queue_unlink (&instance->waiting, &seat->link);
  sim_stats_add (sim->stats, seat->is_seated ? SIM_COUNT_ACTIVE_GENERATIONS : SIM_COUNT_QUEUED_GENERATIONS, -1);
  seat->is_seated = FALSE;
}

void
sim_seat_leave (SimSeat *seat)
{
  SimInstance *instance = seat->instance;
  SimModels *models;

  if (instance == NULL)
    return;
  models = instance->models;
  seat_detach (seat);

  /* The next in the queue gets its turn, and eviction its look, from the main loop. */
  if (instance->state == SIM_INSTANCE_LOADED)
    {
      if (is_idle (instance))
        arm_ttl (instance);
      else if (instance->waiting.length > 0)
        sim_timer_arm_ms (models->sim->timers, &instance->timer, 0);
    }
  if (sim_stats_get (models->sim->stats, SIM_COUNT_LOADING) > 0)
    sim_timer_arm_ms (models->sim->timers, &models->settle, 0);
}

/* -- Loading and unloading ------------------------------------------------------------------- */

static char *
new_instance_id (SimModels *self,
                 SimModel  *model)
{
  g_autofree char *id = g_strdup (model->key);

  for (guint n = 2; sim_models_find_instance (self, id) != NULL; n++)
    {
      g_free (id);
      id = g_strdup_printf ("%s:%u", model->key, n);
    }

  return g_steal_pointer (&id);
}

static void
instance_free (SimInstance    *self,
               const SimError *error)
{
  Sim *sim = self->models->sim;
  SimLoadedFunc loaded = self->loaded;

  g_queue_unlink (&self->model->instances, &self->link);
  sim_timer_disarm (sim->timers, &self->timer);
  sim_stats_add (sim->stats,
                 self->state == SIM_INSTANCE_LOADED ? SIM_COUNT_LOADED_INSTANCES : SIM_COUNT_LOADING, -1);
  self->loaded = NULL;
  if (loaded != NULL)
    loaded (self, error, self->loaded_data);
  while (self->seated.length + self->waiting.length > 0)
    {
      SimSeat *seat = self->seated.length > 0 ? self->seated.head->data : self->waiting.head->data;

      seat_detach (seat);
      seat->lost (seat, error);
    }
  g_free (self->id);
  g_free (self);
}

void
sim_models_unload (SimModels   *self,
                   SimInstance *instance)
{
  g_autoptr (SimError) error = sim_error_new (SIM_ERROR_UNLOADED, NULL, "Model is unloaded.");

  sim_log (self->sim, SIM_LOG_INFO, instance->id, "Model unloaded.");
  sim_stats_add (self->sim->stats, SIM_COUNT_UNLOADS, 1);
  sim_stats_add (self->sim->stats, SIM_COUNT_KILLED_GENERATIONS, instance->seated.length + instance->waiting.length);
  instance_free (instance, error);
}

static void
instance_loaded (SimInstance *self)
{
  Sim *sim = self->models->sim;
  SimLoadedFunc loaded = self->loaded;

  self->loaded = NULL;
  self->state = SIM_INSTANCE_LOADED;
  self->load_seconds = (double) (g_get_monotonic_time () - self->load_started) / G_USEC_PER_SEC;
  sim_stats_add (sim->stats, SIM_COUNT_LOADING, -1);
  sim_stats_add (sim->stats, SIM_COUNT_LOADED_INSTANCES, 1);
  sim_log (sim, SIM_LOG_INFO, self->id, "Model loaded in %.2f s.", self->load_seconds);
  if (loaded != NULL)
    loaded (self, NULL, self->loaded_data);
  arm_ttl (self);
  grant_seats (self);
}

/* The timer of an instance: of its load while it is loading, then of its queue and its time to live. */
static void
load_fired (gpointer data)
{
  SimInstance *self = data;
  SimModels *models = self->models;
  g_autoptr (SimError) error = NULL;

  if (self->state == SIM_INSTANCE_LOADED && !is_idle (self))
    grant_seats (self);
  else if (self->state == SIM_INSTANCE_LOADED)
    {
      sim_log (models->sim, SIM_LOG_INFO, self->id, "Idle TTL reached.");
      sim_stats_add (models->sim->stats, SIM_COUNT_TTL_UNLOADS, 1);
      sim_models_unload (models, self);
    }
  else if (models->sim->config->load_fail)
    {
      sim_log (models->sim, SIM_LOG_ERROR, self->id, "Injected fault: the load fails.");
      error = sim_error_new (SIM_ERROR_LOAD_FAILED, NULL,
                             "Failed to load model \"%s\". Error: Error loading model. (Exit code: "
                             "18446744073709515000). Unknown error. Try a different model and/or config.",
                             self->model->key);
      instance_free (self, error);
    }
  else
    instance_loaded (self);
}

static gboolean
evicts (SimInstance *comer,
        SimInstance *other)
{
  return other->is_jit && other->model != comer->model && other->state == SIM_INSTANCE_LOADED;
}

/* Evicts for one just-in-time load.
 * Returns: TRUE if nothing is in its way any more */
static gboolean
evict_for (SimInstance *comer)
{
  SimModels *self = comer->models;
  SimConfig *config = self->sim->config;
  gboolean is_clear = TRUE;

  if (!comer->is_jit || !config->auto_evict || !sim_config_since (config, SIM_VERSION (0, 3, 9)))
    return TRUE;

  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      for (GList *link = model->instances.head, *next; link != NULL; link = next)
        {
          SimInstance *other = link->data;

          next = link->next;
          if (!evicts (comer, other))
            continue;
          if (!config->evict_kills && !is_idle (other))
            {
              is_clear = FALSE;
              continue;
            }
          sim_log (self->sim, SIM_LOG_INFO, other->id, "Unloading other JIT loaded model for %s.", comer->id);
          sim_stats_add (self->sim->stats, SIM_COUNT_EVICTIONS, 1);
          sim_models_unload (self, other);
        }
    }

  return is_clear;
}

static void
instance_begin_load (SimInstance *self)
{
  Sim *sim = self->models->sim;

  if (!evict_for (self))
    return;
  self->state = SIM_INSTANCE_LOADING;
  self->load_started = g_get_monotonic_time ();
  sim_timer_arm_ms (sim->timers, &self->timer, sim->config->load_ms);
}

static void
settle_fired (gpointer data)
{
  SimModels *self = data;

  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      for (GList *link = model->instances.head; link != NULL; link = link->next)
        {
          SimInstance *instance = link->data;

          if (instance->state == SIM_INSTANCE_WAITING)
            instance_begin_load (instance);
        }
    }
}

static int
count_slots (const SimConfig *config,
             const SimModel  *model)
{
  if (config->parallel > 0)
    return config->parallel;

  return g_str_equal (model->format, "gguf") && sim_config_since (config, SIM_VERSION (0, 4, 0)) ? DEFAULT_PARALLEL : 1;
}

static SimInstance *
instance_new (SimModels           *self,
              SimModel            *model,
              const SimLoadConfig *load_config)
{
  SimInstance *instance = g_new0 (SimInstance, 1);
  const SimConfig *config = self->sim->config;

  instance->models = self;
  instance->model = model;
  instance->id = new_instance_id (self, model);
  instance->config = *load_config;
  if (instance->config.context_length <= 0)
    instance->config.context_length = config->context_length;
  instance->config.context_length = MIN (instance->config.context_length, model->max_context);
  if (instance->config.num_experts <= 0)
    instance->config.num_experts = model->experts;
  instance->parallel = count_slots (config, model);
  instance->link.data = instance;
  sim_timer_init (&instance->timer, load_fired, instance);
  if (model->instances.length > 0)
    sim_stats_add (self->sim->stats, SIM_COUNT_DUPLICATE_LOADS, 1);
  g_queue_push_tail_link (&model->instances, &instance->link);
  sim_stats_add (self->sim->stats, SIM_COUNT_LOADING, 1);

  return instance;
}

SimInstance *
sim_models_load (SimModels           *self,
                 SimModel            *model,
                 const SimLoadConfig *config,
                 SimLoadedFunc        loaded,
                 gpointer             data)
{
  SimInstance *instance = instance_new (self, model, config);

  sim_log (self->sim, SIM_LOG_INFO, instance->id, "Loading model...");
  sim_stats_add (self->sim->stats, SIM_COUNT_LOADS, 1);
  instance->loaded = loaded;
  instance->loaded_data = data;
  instance_begin_load (instance);

  return instance;
}

static SimInstance *
load_just_in_time (SimModels *self,
                   SimModel  *model,
                   double     ttl_s,
                   int        context_length)
{
  SimLoadConfig load_config = SIM_LOAD_CONFIG_DEFAULT;
  const SimConfig *config = self->sim->config;
  SimInstance *instance;

  load_config.context_length = context_length;
  instance = instance_new (self, model, &load_config);
  sim_log (self->sim, SIM_LOG_INFO, instance->id, "JIT loading model...");
  sim_stats_add (self->sim->stats, SIM_COUNT_LOADS, 1);
  instance->is_jit = TRUE;
  if (sim_config_since (config, SIM_VERSION (0, 3, 9)))
    instance->ttl_s = ttl_s >= 0 ? ttl_s : config->jit_ttl_s;
  instance_begin_load (instance);

  return instance;
}

double
sim_instance_load_progress (SimInstance *self)
{
  double span = self->models->sim->config->load_ms * 1000;
  double passed = (double) (g_get_monotonic_time () - self->load_started);

  if (self->state != SIM_INSTANCE_LOADING)
    return self->state == SIM_INSTANCE_LOADED ? 1 : 0;

  return span > 0 ? CLAMP (passed / span, 0, 0.99) : 0;
}

/* -- Demand ---------------------------------------------------------------------------------- */

static SimError *
no_such_model (SimModels  *self,
               const char *name)
{
  g_autoptr (GString) examples = g_string_new (NULL);

  if (sim_models_count_loaded (self) == 0)
    return sim_error_new (SIM_ERROR_NO_MODELS, "model",
                          "No models loaded. Please load a model in the developer page or use the 'lms load' "
                          "command.");

  for (guint i = 0; i < MIN (self->models->len, MAX_NAMED_IN_AN_ERROR); i++)
    g_string_append_printf (examples, "%s%s", i > 0 ? ", " : "", ((SimModel *) self->models->pdata[i])->key);

  return sim_error_new (SIM_ERROR_MODEL_NOT_FOUND, "model",
                        "Invalid model identifier \"%s\". Please specify a valid downloaded model (e.g., %s).", name,
                        examples->str);
}

/* The first loaded instance that can do it. */
static SimInstance *
any_loaded (SimModels *self,
            gboolean   embedding,
            guint     *n)
{
  SimInstance *found = NULL;

  *n = 0;
  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];
      SimInstance *instance = first_loaded (model);

      if (instance == NULL || (model->kind == SIM_KIND_EMBEDDING) != embedding)
        continue;
      if (found == NULL)
        found = instance;
      (*n)++;
    }

  return found;
}

static SimInstance *
first_loading (SimModel *model)
{
  return model->instances.head != NULL ? model->instances.head->data : NULL;
}

SimInstance *
sim_models_demand (SimModels  *self,
                   const char *name,
                   gboolean    embedding,
                   double      ttl_s,
                   int         context_length,
                   gboolean   *loads,
                   SimError  **error)
{
  const SimConfig *config = self->sim->config;
  guint n_loaded;
  SimInstance *any = any_loaded (self, embedding, &n_loaded);
  SimInstance *instance;
  SimModel *model;

  *loads = FALSE;
  if (name == NULL || *name == '\0')
    {
      if (any == NULL)
        *error = no_such_model (self, "");
      return any;
    }

  instance = sim_models_find_instance (self, name);
  model = instance != NULL ? instance->model : sim_models_find (self, name);
  if (model != NULL && embedding && model->kind != SIM_KIND_EMBEDDING)
    {
      /* Newer builds refuse; older ones loaded the model anew for each such request. */
      if (sim_config_since (config, SIM_VERSION (0, 4, 0)) || !config->jit)
        {
          *error = sim_error_new (SIM_ERROR_NO_MODELS, "model",
                                  "No models loaded. Please load a model in the developer page or use the 'lms load' "
                                  "command.");
          return NULL;
        }
      *loads = TRUE;
      return load_just_in_time (self, model, ttl_s, context_length);
    }
  if (model != NULL && !embedding && model->kind == SIM_KIND_EMBEDDING)
    {
      *error = sim_error_new (SIM_ERROR_INVALID, "model", "Failed to load model \"%s\". Error: Model is not llm.",
                              name);
      return NULL;
    }

  if (instance != NULL && instance->state == SIM_INSTANCE_LOADED)
    return instance;
  instance = model != NULL ? first_loaded (model) : NULL;
  if (instance != NULL)
    return instance;
  if (config->answer_any_model && n_loaded == 1)
    return any;
  if (model == NULL || !config->jit)
    {
      *error = no_such_model (self, name);
      return NULL;
    }

  *loads = TRUE;
  instance = config->jit_race ? NULL : first_loading (model);

  return instance != NULL ? instance : load_just_in_time (self, model, ttl_s, context_length);
}

/* -- Filling the table ----------------------------------------------------------------------- */

static void
load_now (SimModels *self,
          SimModel  *model)
{
  SimLoadConfig config = SIM_LOAD_CONFIG_DEFAULT;
  SimInstance *instance = instance_new (self, model, &config);

  instance->load_started = g_get_monotonic_time ();
  instance->state = SIM_INSTANCE_LOADED;
  sim_stats_add (self->sim->stats, SIM_COUNT_LOADING, -1);
  sim_stats_add (self->sim->stats, SIM_COUNT_LOADED_INSTANCES, 1);
}

static void
add_model (SimModels *self,
           SimModel  *model,
           gboolean   loaded)
{
  SimModel *old = sim_models_find (self, model->key);

  if (old != NULL)
    {
      sim_model_free (model);
      model = old;
    }
  else
    g_ptr_array_add (self->models, model);
  if (loaded)
    g_ptr_array_add (self->start, g_strdup (model->key));
}

void
sim_models_add_catalogue (SimModels *self)
{
  const char *key;

  for (guint i = 0; (key = sim_catalogue_key (i)) != NULL; i++)
    add_model (self, sim_catalogue_make (key), sim_catalogue_is_loaded_at_start (key));
}

void
sim_models_choose (SimModels  *self,
                   const char *choice)
{
  gboolean loaded = g_str_has_suffix (choice, ":loaded");
  g_autofree char *key = g_strndup (choice, strlen (choice) - (loaded ? strlen (":loaded") : 0));

  add_model (self, sim_catalogue_make (key), loaded);
}

gboolean
sim_models_read_file (SimModels  *self,
                      const char *path,
                      GError    **error)
{
  g_autofree char *text = NULL;
  gsize len;
  g_autoptr (JsonNode) root = NULL;
  JsonArray *models;

  if (!g_file_get_contents (path, &text, &len, error))
    return FALSE;
  root = sim_json_parse (text, len, error);
  if (root == NULL)
    return FALSE;
  models = JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root)
                                        : sim_json_get_array (sim_json_as_object (root), "models");
  if (models == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "no array of models");
      return FALSE;
    }
  for (guint i = 0; i < json_array_get_length (models); i++)
    {
      JsonObject *object = sim_json_as_object (json_array_get_element (models, i));
      gboolean loaded = FALSE;
      SimModel *model;

      if (object == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "model %u is no object", i);
          return FALSE;
        }
      model = sim_catalogue_read (object, &loaded, error);
      if (model == NULL)
        return FALSE;
      add_model (self, model, loaded);
    }

  return TRUE;
}

static void
load_start_models (SimModels *self)
{
  for (guint i = 0; i < self->start->len; i++)
    load_now (self, sim_models_find (self, self->start->pdata[i]));
}

void
sim_models_add_downloaded (SimModels  *self,
                           const char *key)
{
  SimModel *model;

  if (sim_models_find (self, key) != NULL)
    return;
  model = sim_catalogue_make (key);
  model->is_downloaded_later = TRUE;
  g_ptr_array_add (self->models, model);
}

void
sim_models_config_changed (SimModels *self)
{
  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      for (GList *link = model->instances.head; link != NULL; link = link->next)
        {
          SimInstance *instance = link->data;

          instance->parallel = count_slots (self->sim->config, model);
          if (instance->state == SIM_INSTANCE_LOADING)
            sim_timer_arm_at (self->sim->timers, &instance->timer,
                              instance->load_started + (gint64) (self->sim->config->load_ms * 1000));
          if (instance->state == SIM_INSTANCE_LOADED && instance->waiting.length > 0)
            sim_timer_arm_ms (self->sim->timers, &instance->timer, 0);
        }
    }
}

static void
unload_all (SimModels *self)
{
  for (guint i = 0; i < self->models->len; i++)
    {
      SimModel *model = self->models->pdata[i];

      while (model->instances.head != NULL)
        sim_models_unload (self, model->instances.head->data);
    }
}

void
sim_models_reset (SimModels *self)
{
  unload_all (self);
  for (guint i = self->models->len; i > 0; i--)
    if (((SimModel *) self->models->pdata[i - 1])->is_downloaded_later)
      g_ptr_array_remove_index (self->models, i - 1);
  load_start_models (self);
}

void
sim_models_free (SimModels *self)
{
  if (self == NULL)
    return;

  unload_all (self);
  sim_timer_disarm (self->sim->timers, &self->settle);
  g_ptr_array_unref (self->models);
  g_ptr_array_unref (self->start);
  g_free (self);
}

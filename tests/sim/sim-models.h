/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the models that are downloaded, their loaded instances, and
 * the seats (slots) of an instance with the queue before them. Loading, the race of just-in-time
 * loads, time to live and eviction are decided here; nothing in here knows HTTP.
 */

#pragma once

#include "sim-error.h"
#include "sim-timer.h"

G_BEGIN_DECLS

typedef enum {
  SIM_KIND_LLM,
  SIM_KIND_VLM,
  SIM_KIND_EMBEDDING
} SimKind;

typedef enum {
  SIM_REASONS_NOT,
  SIM_REASONS_AS_CONTENT,  /* reasoning_content, as DeepSeek R1 */
  SIM_REASONS_AS_REASONING /* reasoning, as gpt-oss from 0.3.23 on */
} SimReasons;

typedef struct {
  char *key;
  char *display_name;
  char *publisher;
  char *architecture;
  char *quantization;
  int bits;
  gint64 size_bytes;
  char *params;             /* nullable */
  int max_context;
  char *format;             /* gguf or mlx */
  SimKind kind;
  gboolean trained_for_tool_use;
  SimReasons reasons;
  char **reasoning_options; /* nullable: off, on, low, medium, high */
  char *reasoning_default;
  int experts;              /* 0: not a mixture */
  GQueue instances;         /* of SimInstance, the first loaded first */
  gboolean is_downloaded_later; /* gone after a reset */
} SimModel;

typedef struct {
  int context_length;       /* 0: the default */
  int eval_batch_size;
  int num_experts;
  gboolean flash_attention;
  gboolean offload_kv_cache;
} SimLoadConfig;

#define SIM_LOAD_CONFIG_DEFAULT { .eval_batch_size = 512, .flash_attention = TRUE, .offload_kv_cache = TRUE }

typedef enum {
  SIM_INSTANCE_WAITING,     /* for what is evicted to come to rest */
  SIM_INSTANCE_LOADING,
  SIM_INSTANCE_LOADED
} SimInstanceState;

typedef struct _SimInstance SimInstance;

typedef void (*SimLoadedFunc) (SimInstance    *instance,
                               const SimError *error,
                               gpointer        data);

struct _SimInstance {
  SimModels *models;
  SimModel *model;
  char *id;
  SimInstanceState state;
  SimLoadConfig config;
  int parallel;
  gboolean is_jit;
  double ttl_s;             /* 0: none */
  gint64 load_started;
  double load_seconds;
  GQueue seated;            /* of SimSeat */
  GQueue waiting;
  SimTimer timer;           /* of the load, then of the time to live */
  SimLoadedFunc loaded;     /* nullable */
  gpointer loaded_data;
  GList link;               /* in the model's instances */
};

/* A claim to one of an instance's slots. Embedded in what predicts. */
typedef struct _SimSeat SimSeat;

struct _SimSeat {
  SimInstance *instance;    /* NULL: it claims nothing */
  gboolean is_seated;
  void (*granted) (SimSeat *seat);
  void (*lost) (SimSeat        *seat,   /* the instance has gone; @seat claims nothing any more */
                const SimError *error);
  gpointer data;
  GList link;
};

SimModels *sim_models_new (Sim *sim);

void sim_models_free (SimModels *self);

/* Fills the table: the built-in catalogue, or those that were chosen. */
void sim_models_add_catalogue (SimModels *self);

/* @choice: a key, with ":loaded" to have it loaded from the start. A key that the catalogue does not
 * know becomes a plain model. */
void sim_models_choose (SimModels  *self,
                        const char *choice);

/* Reads models from a JSON file, see README.md. */
gboolean sim_models_read_file (SimModels  *self,
                               const char *path,
                               GError    **error);


/* All instances go, with their seats; then the models of the start are loaded again. */
void sim_models_reset (SimModels *self);

/* Gives the instances the slots, and loads the time, that the knobs say now. */
void sim_models_config_changed (SimModels *self);

/* A model that was downloaded. */
void sim_models_add_downloaded (SimModels  *self,
                                const char *key);

GPtrArray *sim_models_list (SimModels *self);

SimModel *sim_models_find (SimModels  *self,
                           const char *key);

SimInstance *sim_models_find_instance (SimModels  *self,
                                       const char *id);

guint sim_models_count_loaded (SimModels *self);

/* Finds who answers for @name: an instance's id, a model's key, or nothing for whatever is loaded.
 * With just-in-time loading this may start a load.
 * @name: (nullable)
 * @ttl_s: of an instance that is loaded for this; negative: the default
 * @loads: (out): TRUE if an instance is loaded for this request
 * Returns: an instance that is loaded or loading, or NULL with @error set */
SimInstance *sim_models_demand (SimModels  *self,
                                const char *name,
                                gboolean    embedding,
                                double      ttl_s,
                                int         context_length,
                                gboolean   *loads,
                                SimError  **error);

/* Loads another instance, whatever is loaded already. */
SimInstance *sim_models_load (SimModels           *self,
                              SimModel            *model,
                              const SimLoadConfig *config,
                              SimLoadedFunc        loaded,
                              gpointer             data);

void sim_models_unload (SimModels   *self,
                        SimInstance *instance);

/* From 0 to 1; 1 only when it is loaded. */
double sim_instance_load_progress (SimInstance *self);

/* Queues for a slot. granted () is called from in here if one is free, else when one is. */
void sim_seat_take (SimSeat     *seat,
                    SimInstance *instance);

/* Gives the slot back, or leaves the queue. */
void sim_seat_leave (SimSeat *seat);

/* The built-in catalogue's model of that key, or a plain one. (transfer full) */
SimModel *sim_catalogue_make (const char *key);

/* NULL after the last one. */
const char *sim_catalogue_key (guint index);

gboolean sim_catalogue_is_loaded_at_start (const char *key);

/* Reads one model of a JSON file. (transfer full) (nullable) */
SimModel *sim_catalogue_read (JsonObject *object,
                              gboolean   *loaded,
                              GError    **error);

void sim_model_free (SimModel *model);

G_END_DECLS

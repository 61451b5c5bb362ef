/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpHost: what follows from its facts, and the one place where it becomes loaded or not. Lists and
 * answers overtake one another, so each proof has its time, and an older one never undoes a newer one. What makes and
 * drops hosts is in vmp-node.c, what counts at them in vmp-registry-learn.c.
 */

#include "nodes/vmp-host.h"

#include "nodes/vmp-node.h"

#include <math.h>

/* What one more sample weighs in an average. */
#define SAMPLE_WEIGHT 0.2

/* Requests that LM Studio answers at a time unless its owner says otherwise: its llama.cpp engine since the version
 * that has the v1 list; its MLX engine, and all engines before, one after another. */
#define USUAL_PARALLEL 4
#define USUAL_PARALLEL_MLX 1
#define USUAL_PARALLEL_OLD 1

/* A load that was never seen: what starting an engine takes, bytes that a usual disk gives in a millisecond, and what
 * a model of usual size takes. */
#define LOAD_START_MS 2000
#define LOAD_BYTES_PER_MS 1e6
#define LOAD_UNKNOWN_MS 10000

/* -- Life ---------------------------------------------------------------------------------- */

VmpHost *
vmp_host_new (struct _VmpNode *node,
              VmpModel        *model)
{
  VmpHost *self = g_new0 (VmpHost, 1);

  g_assert (model != NULL);

  self->ref_count = 1;
  self->node = node;
  self->model_id = g_strdup (model->id);
  self->model = vmp_model_ref (model);
  self->loaded = model->loaded;

  return self;
}

VmpHost *
vmp_host_ref (VmpHost *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  self->ref_count++;

  return self;
}

void
vmp_host_unref (VmpHost *self)
{
  g_return_if_fail (self != NULL);
  g_assert (self->ref_count > 0);

  if (--self->ref_count > 0)
    return;

  g_free (self->model_id);
  vmp_model_unref (self->model);
  g_free (self);
}

/* -- What follows from its facts ------------------------------------------------------------ */

static gboolean
is_lmstudio (const VmpHost *self)
{
  return self->node != NULL && self->node->provider == VMP_PROVIDER_LMSTUDIO;
}

static gboolean
has_list (const VmpHost *self,
          VmpListKind    list)
{
  return self->node->inventory != NULL && self->node->inventory->list == list;
}

guint
vmp_host_get_slots (const VmpHost *self)
{
  const VmpModel *model = self->model;
  guint slots = 0;

  for (guint i = 0; i < model->instances->len; i++)
    slots += ((const VmpModelInstance *) g_ptr_array_index (model->instances, i))->parallel;
  if (slots > 0)
    return slots;

  if (!is_lmstudio (self) || model->kind == VMP_MODEL_EMBEDDING)
    return 0;
  if (!has_list (self, VMP_LIST_LMSTUDIO_V1))
    return USUAL_PARALLEL_OLD;

  return g_strcmp0 (model->format, "mlx") == 0 ? USUAL_PARALLEL_MLX : USUAL_PARALLEL;
}

gint64
vmp_host_get_context (const VmpHost *self)
{
  const VmpModel *model = self->model;
  gint64 context = 0;

  for (guint i = 0; self->loaded && i < model->instances->len; i++)
    {
      const VmpModelInstance *instance = g_ptr_array_index (model->instances, i);

      context = MAX (context, instance->context_length);
    }

  return context > 0 ? context : model->context_limit;
}

gboolean
vmp_host_loads_on_request (const VmpHost *self)
{
  return is_lmstudio (self) &&
         (has_list (self, VMP_LIST_LMSTUDIO_V1) || has_list (self, VMP_LIST_LMSTUDIO_V0));
}

double
vmp_host_expect_load_ms (const VmpHost *self)
{
  if (self->load_ms > 0)
    return self->load_ms;
  if (self->model->size_bytes > 0)
    return LOAD_START_MS + self->model->size_bytes / LOAD_BYTES_PER_MS;

  return LOAD_UNKNOWN_MS;
}

double
vmp_host_average (double average,
                  double sample)
{
  if (!(sample > 0) || !isfinite (sample))
    return average;

  return average > 0 ? average + SAMPLE_WEIGHT * (sample - average) : sample;
}

/* -- Whether it is in memory ---------------------------------------------------------------- */

static void
set_loaded (VmpHost *self,
            gboolean loaded)
{
  if (self->loaded == loaded)
    return;

  self->loaded = loaded;
  if (self->node != NULL)
    self->node->hosts_generation++;
}

static void
set_unloaded (VmpHost *self,
              gint64   when)
{
  self->proven = 0;
  self->unloaded = MAX (self->unloaded, when);
  set_loaded (self, FALSE);
}

void
vmp_host_prove_loaded (VmpHost *self,
                       gint64   now)
{
  self->proven = MAX (self->proven, now);
  self->load_failed = 0;
  set_loaded (self, TRUE);
}

void
vmp_host_note_load (VmpHost *self,
                    double   load_ms)
{
  self->load_ms = vmp_host_average (self->load_ms, load_ms);
}

void
vmp_host_note_load_failed (VmpHost *self,
                           gint64   now)
{
  self->load_failed = now;
  set_unloaded (self, now);
}

void
vmp_host_note_unloaded (VmpHost *self)
{
  set_unloaded (self, g_get_monotonic_time ());
}

void
vmp_host_take_list (VmpHost *self,
                    gint64   asked)
{
  if (self->model->sources[VMP_MODEL_FACT_LOADED] == VMP_FACT_UNKNOWN)
    return;

  if (!self->model->loaded)
    {
      if (asked >= self->proven)
        set_unloaded (self, asked);
      return;
    }
  if (asked <= self->unloaded)
    return;

  if (vmp_host_loads_on_request (self))
    {
      vmp_host_prove_loaded (self, asked);
      return;
    }
  set_loaded (self, TRUE);
}

void
vmp_host_forget_measures (VmpHost *self)
{
  self->ttft_ms = 0;
  self->tokens_per_second = 0;
  self->duration_ms = 0;
  self->load_ms = 0;
  self->load_failed = 0;
  vmp_host_note_unloaded (self);
}

/* SPDX-License-Identifier: MIT
 *
 * The share mode and its end. The end is a time of day, not a stretch of running: a computer that sleeps through it
 * wakes up with sharing off. What was stored and does not make sense shares nothing. Called by the gateway.
 */

#include "policy/vmp-share-private.h"

#include <string.h>

#include "core/vmp-duration.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define DOCUMENT "share"

struct _VmpShare {
  VmpPoll *poll;
  VmpStore *store;
  VmpShareChanged changed;
  gpointer user_data;

  VmpShareMode mode;
  VmpShareMode last_mode;
  gboolean enabled;
  char *duration;   /* NULL: until it is turned off */
  char *model;      /* NULL: all */
  gint64 ends_at;   /* µs since 1970; 0: no end */
  VmpTimer timer;
};

static const char * const modes[] = { "off", "local", "personal", "family", "business", "event" };

G_STATIC_ASSERT (G_N_ELEMENTS (modes) == VMP_N_SHARE_MODES);

const char *
vmp_share_mode_to_string (VmpShareMode mode)
{
  g_return_val_if_fail (mode < VMP_N_SHARE_MODES, NULL);

  return modes[mode];
}

gboolean
vmp_share_mode_from_string (const char   *text,
                            VmpShareMode *mode)
{
  guint i;

  for (i = 0; i < VMP_N_SHARE_MODES; i++)
    {
      if (g_strcmp0 (text, modes[i]) == 0)
        {
          *mode = i;
          return TRUE;
        }
    }

  return FALSE;
}

VmpShare *
vmp_share_new (VmpPoll        *poll,
               VmpStore       *store,
               VmpShareChanged changed,
               gpointer        user_data)
{
  VmpShare *self = g_new0 (VmpShare, 1);

  self->poll = poll;
  self->store = store;
  self->changed = changed;
  self->user_data = user_data;
  self->last_mode = VMP_SHARE_PERSONAL;

  return self;
}

void
vmp_share_free (VmpShare *self)
{
  vmp_poll_clear_timer (self->poll, &self->timer);
  g_free (self->duration);
  g_free (self->model);
  g_free (self);
}

VmpShareMode
vmp_share_get_mode (VmpShare *self)
{
  return self->mode;
}

VmpShareMode
vmp_share_get_last_mode (VmpShare *self)
{
  return self->last_mode;
}

gboolean
vmp_share_get_enabled (VmpShare *self)
{
  return self->enabled;
}

const char *
vmp_share_get_duration (VmpShare *self)
{
  return self->duration;
}

const char *
vmp_share_get_model (VmpShare *self)
{
  return self->model;
}

gint64
vmp_share_get_ends_at (VmpShare *self)
{
  return self->ends_at;
}

static gboolean
is_for_others (VmpShareMode mode)
{
  return mode > VMP_SHARE_LOCAL;
}

/* Asked by who lets clients in: the timer may be late, after the computer slept. */
gboolean
vmp_share_is_open (VmpShare *self)
{
  return self->enabled && is_for_others (self->mode) && (self->ends_at == 0 || g_get_real_time () < self->ends_at);
}

/* -- Its end ------------------------------------------------------------------------------- */

static void
save (VmpShare *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "mode", modes[self->mode]);
  vmp_json_add_string (builder, "last_mode", modes[self->last_mode]);
  vmp_json_add_boolean (builder, "enabled", self->enabled);
  vmp_json_add_string (builder, "duration", self->duration);
  vmp_json_add_string (builder, "model", self->model);
  vmp_json_add_int (builder, "ends_at", self->ends_at);
  json_builder_end_object (builder);

  vmp_store_put (self->store, VMP_STORE_SHARE, DOCUMENT, vmp_json_builder_print (builder), NULL, NULL);
}

/* Keeps the mode, so that one sees what has ended. */
static void
close_share (VmpShare *self)
{
  vmp_poll_clear_timer (self->poll, &self->timer);
  self->enabled = FALSE;
  self->ends_at = 0;
  g_clear_pointer (&self->duration, g_free);
  g_clear_pointer (&self->model, g_free);
}

static void
timer_cb (gpointer user_data)
{
  vmp_share_tick (user_data, g_get_real_time ());
}

/* The timer runs on a clock that stands still while the computer sleeps, and knows nothing of one that is set. So the
 * end is looked for every now and then. */
static void
set_timer (VmpShare *self,
           gint64    now)
{
  gint64 wait = MIN (self->ends_at - now, VMP_LIMIT_WALL_CLOCK_S * G_USEC_PER_SEC);

  vmp_poll_set_timer (self->poll, &self->timer, g_get_monotonic_time () + wait, timer_cb, self);
}

void
vmp_share_tick (VmpShare *self,
                gint64    now)
{
  if (self->ends_at == 0)
    return;

  if (now < self->ends_at)
    {
      set_timer (self, now);
      return;
    }

  g_message ("The time for which this gateway was shared (%s) is over; sharing is off.", modes[self->mode]);
  close_share (self);
  save (self);
  self->changed (self->user_data, self);
}

/* -- Setting ------------------------------------------------------------------------------- */

static gboolean
is_model_id (const char *model)
{
  const char *p;

  if (!g_utf8_validate (model, -1, NULL) || g_utf8_strlen (model, -1) > VMP_LIMIT_MODEL_ID_CHARS)
    return FALSE;

  for (p = model; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (!vmp_text_is_plain (g_utf8_get_char (p)))
        return FALSE;
    }

  return p > model;
}

/* Whether the parts of a state agree. */
static gboolean
check (VmpShareMode mode,
       gboolean     enabled,
       const char  *duration,
       const char  *model,
       gint64      *seconds,
       GError     **error)
{
  const char *extra = duration != NULL ? "duration" : "model";

  *seconds = 0;

  if (mode == VMP_SHARE_OFF && enabled)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "The mode \"off\" cannot be enabled; to share, choose personal, family, business or event.");
      return FALSE;
    }

  if ((duration != NULL || model != NULL) && !is_for_others (mode))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The mode \"%s\" shares nothing with other computers, so it cannot have a %s; to share, choose "
                   "personal, family, business or event.", modes[mode], extra);
      return FALSE;
    }

  if ((duration != NULL || model != NULL) && !enabled)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Sharing that is switched off cannot have a %s; leave it out, or enable sharing.", extra);
      return FALSE;
    }

  if (duration != NULL && !vmp_duration_parse (duration, seconds))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The duration " VMP_DURATION_MUST_BE ".");
      return FALSE;
    }

  if (model != NULL && !is_model_id (model))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The model must be the id of a model: 1 to %d visible characters.", VMP_LIMIT_MODEL_ID_CHARS);
      return FALSE;
    }

  return TRUE;
}

gboolean
vmp_share_set (VmpShare    *self,
               VmpShareMode mode,
               gboolean     enabled,
               const char  *duration,
               const char  *model,
               GError     **error)
{
  g_autofree char *new_duration = g_strdup (duration);
  g_autofree char *new_model = g_strdup (model);
  gint64 now = g_get_real_time ();
  gint64 seconds;

  g_return_val_if_fail (mode < VMP_N_SHARE_MODES, FALSE);

  if (!check (mode, enabled, duration, model, &seconds, error))
    return FALSE;

  close_share (self);
  self->mode = mode;
  if (enabled && is_for_others (mode))
    self->last_mode = mode;
  self->enabled = enabled;
  self->duration = g_steal_pointer (&new_duration);
  self->model = g_steal_pointer (&new_model);
  if (seconds > 0)
    {
      self->ends_at = now + seconds * G_USEC_PER_SEC;
      set_timer (self, now);
    }

  save (self);
  self->changed (self->user_data, self);

  return TRUE;
}

/* -- Loading ------------------------------------------------------------------------------- */

static gboolean
read_document (VmpShare   *self,
               const char *document)
{
  g_autoptr (JsonNode) node = vmp_json_parse (document, strlen (document), NULL);
  JsonObject *object;
  VmpShareMode mode;
  VmpShareMode last_mode;
  gboolean enabled;
  gint64 ends_at;
  gint64 seconds;
  const char *duration;
  const char *model;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;

  object = json_node_get_object (node);
  duration = vmp_json_get_string (object, "duration");
  model = vmp_json_get_string (object, "model");
  if (!vmp_share_mode_from_string (vmp_json_get_string (object, "mode"), &mode) ||
      !vmp_json_get_boolean (object, "enabled", &enabled) ||
      !vmp_json_get_int (object, "ends_at", &ends_at) ||
      !check (mode, enabled, duration, model, &seconds, NULL) ||
      ends_at < 0 || (ends_at > 0) != (seconds > 0))
    return FALSE;

  self->mode = mode;
  /* Documents of before do not have it. */
  if (vmp_share_mode_from_string (vmp_json_get_string (object, "last_mode"), &last_mode) && is_for_others (last_mode))
    self->last_mode = last_mode;
  else if (is_for_others (mode))
    self->last_mode = mode;
  self->enabled = enabled;
  self->duration = g_strdup (duration);
  self->model = g_strdup (model);
  self->ends_at = ends_at;

  return TRUE;
}

static void
load_cb (gpointer    user_data,
         const char *id,
         const char *document)
{
  VmpShare *self = user_data;

  if (g_strcmp0 (id, DOCUMENT) == 0 && !read_document (self, document))
    g_warning ("What was stored of the share mode cannot be read; nothing is shared.");
}

void
vmp_share_load (VmpShare *self)
{
  gint64 now = g_get_real_time ();

  vmp_store_for_each (self->store, VMP_STORE_SHARE, load_cb, self);
  if (self->mode == VMP_SHARE_OFF)
    return;

  if (self->ends_at > 0 && now >= self->ends_at)
    {
      vmp_share_tick (self, now);
      return;
    }
  if (self->ends_at > 0)
    set_timer (self, now);
  self->changed (self->user_data, self);
}

/* SPDX-License-Identifier: MIT
 *
 * The pause. That there is a document means that the gateway is paused, whatever it says: one that cannot be read does
 * not set free what its owner has stopped. Called by the gateway.
 */

#include "policy/vmp-pause.h"

#define DOCUMENT "pause"

struct _VmpPause {
  VmpStore *store;
  VmpPauseChanged changed;
  gpointer user_data;
  gboolean paused;
};

VmpPause *
vmp_pause_new (VmpStore       *store,
               VmpPauseChanged changed,
               gpointer        user_data)
{
  VmpPause *self = g_new0 (VmpPause, 1);

  self->store = store;
  self->changed = changed;
  self->user_data = user_data;

  return self;
}

void
vmp_pause_free (VmpPause *self)
{
  g_free (self);
}

static void
load_cb (gpointer    user_data,
         const char *id,
         const char *document)
{
  VmpPause *self = user_data;

  if (g_strcmp0 (id, DOCUMENT) == 0)
    self->paused = TRUE;
}

void
vmp_pause_load (VmpPause *self)
{
  vmp_store_for_each (self->store, VMP_STORE_PAUSE, load_cb, self);
}

void
vmp_pause_set (VmpPause *self,
               gboolean  paused)
{
  if (self->paused == paused)
    return;

  self->paused = paused;
  vmp_store_put (self->store, VMP_STORE_PAUSE, DOCUMENT, paused ? g_strdup ("{\"paused\":true}") : NULL, NULL, NULL);
  self->changed (self->user_data, self);
}

gboolean
vmp_pause_get (VmpPause *self)
{
  return self->paused;
}

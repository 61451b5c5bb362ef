/* SPDX-License-Identifier: MIT
 *
 * The tray where the system has none that is known: it says so, and shows nothing.
 */

#include "platform/vmp-tray.h"

#include <glib.h>

struct _VmpTray {
  const VmpTrayFuncs *funcs;
  void *user_data;
  guint source;
};

static gboolean
tell_cb (gpointer user_data)
{
  VmpTray *self = user_data;

  self->source = 0;
  self->funcs->available (self->user_data, false);

  return G_SOURCE_REMOVE;
}

VmpTray *
vmp_tray_new (const char         *app_id,
              const char         *title,
              const char         *icon_dir,
              const VmpTrayFuncs *funcs,
              void               *user_data)
{
  VmpTray *self = g_new0 (VmpTray, 1);

  self->funcs = funcs;
  self->user_data = user_data;
  self->source = g_idle_add_full (G_PRIORITY_DEFAULT, tell_cb, self, NULL);

  return self;
}

void
vmp_tray_free (VmpTray *self)
{
  if (self == NULL)
    return;

  g_clear_handle_id (&self->source, g_source_remove);
  g_free (self);
}

void
vmp_tray_set (VmpTray           *self,
              VmpTrayState       state,
              const char        *tooltip,
              const VmpTrayItem *items,
              size_t             n_items)
{
}

bool
vmp_tray_is_available (const VmpTray *self)
{
  return false;
}

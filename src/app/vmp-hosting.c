/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpHosting. A gateway of this user leaves a file in the data directory: where it is, the link looks
 * first, and one is started here only when nothing answers, so that two never share a database. Somebody else's gateway
 * is attached to only when it is in the way, at the very port that is ours.
 */

#include "app/vmp-hosting.h"

#include <stdio.h>

#include "core/vmp-limits.h"
#include "gateway/vmp-gateway.h"
#include "gateway/vmp-owner-file.h"

struct _VmpHosting {
  const VmpHostingFuncs *funcs;
  gpointer user_data;
  VmpSettingsKeeper *keeper;
  VmpLink *link;
  VmpGateway *gateway;   /* NULL: not our own */
  VmpHostingState state;
  char *trouble;         /* NULL unless FAILED */
  guint begin;           /* 0, or the idle that begins */
  guint take_over;       /* 0, or the source that waits for another's gateway to come back */
  guint drained;         /* 0, or the idle that tells that there was nothing to drain */
};

static void
set_state (VmpHosting     *self,
           VmpHostingState state,
           const char     *trouble)
{
  if (self->state == state && g_strcmp0 (self->trouble, trouble) == 0)
    return;

  self->state = state;
  g_free (self->trouble);
  self->trouble = g_strdup (trouble);
  self->funcs->changed (self->user_data);
}

/* As `vampire serve` says it, to a terminal or to who started us; that nobody reads it is no reason to stop. */
static void
announce (const char *url)
{
  if (printf ("Vampire listening on %s/v1\n", url) < 0 || fflush (stdout) == EOF)
    g_message ("Vampire listens on %s/v1.", url);
}

static void
start_own (VmpHosting *self)
{
  g_autoptr (VmpGateway) gateway = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;

  g_clear_handle_id (&self->take_over, g_source_remove);
  if (self->gateway != NULL)
    return;

  gateway = vmp_gateway_new (vmp_settings_keeper_get (self->keeper), NULL);
  vmp_gateway_follow_settings (gateway, self->keeper);
  if (!vmp_gateway_start (gateway, &error))
    {
      g_warning ("%s", error->message);
      set_state (self, VMP_HOSTING_FAILED, error->message);
      return;
    }

  self->gateway = g_steal_pointer (&gateway);
  url = vmp_gateway_dup_url (self->gateway);
  announce (url);
  set_state (self, VMP_HOSTING_OWN, NULL);
  vmp_link_retry (self->link);
}

static gboolean
take_over_cb (gpointer user_data)
{
  VmpHosting *self = user_data;

  self->take_over = 0;
  start_own (self);

  return G_SOURCE_REMOVE;
}

static void
link_changed_cb (VmpLink    *link,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  VmpHosting *self = user_data;

  switch (vmp_link_get_state (link))
    {
    case VMP_LINK_CONNECTING:
      break;

    case VMP_LINK_CONNECTED:
      g_clear_handle_id (&self->take_over, g_source_remove);
      if (self->gateway == NULL)
        {
          g_message ("A gateway runs already, at %s: the tray and the windows are for that one.",
                     vmp_link_get_url (link));
          set_state (self, VMP_HOSTING_ATTACHED, NULL);
        }
      break;

    case VMP_LINK_LOST:
      if (self->state == VMP_HOSTING_LOOKING)
        start_own (self);
      else if (self->state == VMP_HOSTING_ATTACHED && self->take_over == 0)
        self->take_over = g_timeout_add (VMP_LIMIT_TAKE_OVER_MS, take_over_cb, self);
      break;

    default:
      g_assert_not_reached ();
    }
}

static gboolean
begin_cb (gpointer user_data)
{
  VmpHosting *self = user_data;
  const VmpSettings *settings = vmp_settings_keeper_get (self->keeper);
  g_autofree char *path = g_build_filename (settings->data_dir, VMP_OWNER_FILE, NULL);

  self->begin = 0;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    start_own (self);
  vmp_link_start (self->link);

  return G_SOURCE_REMOVE;
}

VmpHosting *
vmp_hosting_new (VmpSettingsKeeper     *keeper,
                 const VmpHostingFuncs *funcs,
                 gpointer               user_data)
{
  VmpHosting *self = g_new0 (VmpHosting, 1);

  self->funcs = funcs;
  self->user_data = user_data;
  self->keeper = g_object_ref (keeper);
  self->link = vmp_link_new (NULL, vmp_settings_keeper_get (keeper));
  g_signal_connect (self->link, "notify::state", G_CALLBACK (link_changed_cb), self);
  self->begin = g_idle_add (begin_cb, self);

  return self;
}

void
vmp_hosting_free (VmpHosting *self)
{
  g_clear_handle_id (&self->begin, g_source_remove);
  g_clear_handle_id (&self->take_over, g_source_remove);
  g_clear_handle_id (&self->drained, g_source_remove);
  g_signal_handlers_disconnect_by_data (self->link, self);
  vmp_link_stop (self->link);
  g_clear_object (&self->link);
  g_clear_pointer (&self->gateway, vmp_gateway_unref);
  g_clear_object (&self->keeper);
  g_free (self->trouble);
  g_free (self);
}

VmpHostingState
vmp_hosting_get_state (VmpHosting *self)
{
  return self->state;
}

const char *
vmp_hosting_get_trouble (VmpHosting *self)
{
  return self->trouble;
}

VmpLink *
vmp_hosting_get_link (VmpHosting *self)
{
  return self->link;
}

void
vmp_hosting_retry (VmpHosting *self)
{
  if (self->state == VMP_HOSTING_FAILED)
    start_own (self);
}

static void
stopped_cb (VmpGateway *gateway,
            gpointer    user_data)
{
  VmpHosting *self = user_data;

  self->funcs->drained (self->user_data);
}

static gboolean
nothing_to_drain_cb (gpointer user_data)
{
  VmpHosting *self = user_data;

  self->drained = 0;
  self->funcs->drained (self->user_data);

  return G_SOURCE_REMOVE;
}

void
vmp_hosting_drain (VmpHosting *self)
{
  g_clear_handle_id (&self->begin, g_source_remove);
  g_clear_handle_id (&self->take_over, g_source_remove);
  g_signal_handlers_disconnect_by_data (self->link, self);
  /* Its event stream would be the last to end. */
  vmp_link_stop (self->link);

  if (self->gateway != NULL)
    vmp_gateway_drain (self->gateway, stopped_cb, self);
  else if (self->drained == 0)
    self->drained = g_idle_add (nothing_to_drain_cb, self);
}

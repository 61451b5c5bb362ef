/* SPDX-License-Identifier: MIT
 *
 * See vmp-scan-progress.h.
 */

#include "app/windows/vmp-scan-progress.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-ui.h"

struct _VmpScanProgress {
  VmpMirror *mirror;
  VmpItemWatch *watch;
  VmpItem *job;       /* the newest, one that runs before all others; NULL */
  VmpScanProgressFunc changed;
  gpointer user_data;
};

static gboolean
is_running (VmpItem *job)
{
  return g_strcmp0 (vmp_item_get_string (job, "state"), "running") == 0;
}

static gboolean
is_newer (VmpItem *job,
          VmpItem *other)
{
  if (is_running (job) != is_running (other))
    return is_running (job);

  return g_strcmp0 (vmp_item_get_string (job, "started_at"), vmp_item_get_string (other, "started_at")) > 0;
}

static void
choose (VmpScanProgress *self)
{
  GListModel *jobs = G_LIST_MODEL (vmp_mirror_get_list (self->mirror, VMP_TOPIC_SEARCHES));
  guint n = g_list_model_get_n_items (jobs);

  g_clear_object (&self->job);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) job = g_list_model_get_item (jobs, i);

      if (self->job == NULL || is_newer (job, self->job))
        g_set_object (&self->job, job);
    }
}

static void
searches_changed_cb (gpointer user_data,
                     VmpItem *changed)
{
  VmpScanProgress *self = user_data;

  choose (self);
  self->changed (self->user_data);
}

VmpScanProgress *
vmp_scan_progress_new (VmpMirror          *mirror,
                       VmpScanProgressFunc changed,
                       gpointer            user_data)
{
  VmpScanProgress *self = g_new0 (VmpScanProgress, 1);

  self->mirror = g_object_ref (mirror);
  self->changed = changed;
  self->user_data = user_data;
  self->watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_SEARCHES), searches_changed_cb, self);
  choose (self);

  return self;
}

void
vmp_scan_progress_free (VmpScanProgress *self)
{
  if (self == NULL)
    return;

  vmp_item_watch_free (self->watch);
  g_clear_object (&self->job);
  g_object_unref (self->mirror);
  g_free (self);
}

gboolean
vmp_scan_progress_is_running (VmpScanProgress *self)
{
  return self->job != NULL && is_running (self->job);
}

static guint
get_count (VmpScanProgress *self,
           const char      *path)
{
  return self->job != NULL ? CLAMP (vmp_item_get_int (self->job, path, 0), 0, G_MAXINT) : 0;
}

char *
vmp_scan_progress_dup_text (VmpScanProgress *self)
{
  guint total = get_count (self, "progress.total");
  guint found = get_count (self, "found");
  g_autofree char *addresses = NULL;
  g_autofree char *servers = NULL;

  if (self->job == NULL)
    return g_strdup ("");

  addresses = g_strdup_printf (ngettext ("%u of %u address", "%u of %u addresses", total),
                               get_count (self, "progress.done"), total);
  servers = g_strdup_printf (ngettext ("%u server found", "%u servers found", found), found);

  /* Translators: such as "120 of 254 addresses, 2 servers found" */
  return g_strdup_printf (C_("search", "%s, %s"), addresses, servers);
}

double
vmp_scan_progress_get_fraction (VmpScanProgress *self)
{
  guint total = get_count (self, "progress.total");

  return total > 0 ? CLAMP (get_count (self, "progress.done") / (double) total, 0, 1) : 0;
}

const char *
vmp_scan_progress_get_id (VmpScanProgress *self)
{
  return self->job != NULL ? vmp_item_get_id (self->job) : NULL;
}

gint64
vmp_scan_progress_get_found (VmpScanProgress *self)
{
  return get_count (self, "found");
}

void
vmp_scan_progress_cancel (VmpScanProgress *self,
                          GtkWidget       *widget)
{
  if (vmp_scan_progress_is_running (self))
    vmp_ui_ask (widget, self->mirror, "DELETE",
                vmp_client_path ("/vampire/v1/discover/jobs/", vmp_item_get_id (self->job), NULL), NULL, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNotices.
 */

#include "app/vmp-notices.h"

#include <glib/gi18n.h>

#include "core/vmp-limits.h"

/* One for all, when there are too many for one each. */
#define ALL_ID "approvals"

struct _VmpNotices {
  GApplication *application;
  GHashTable *waiting;    /* of node ids: those that wait */
  GHashTable *shown;      /* of node ids: those with a notification */
  GHashTable *told;       /* node id -> gint64 *: when its owner was last told of it */
  char *seen;             /* NULL, or the id of the node in the window of approvals */
  gint64 recent[VMP_LIMIT_NOTICES_PER_MINUTE]; /* when the last ones were shown, in turn */
  guint turn;
  gboolean has_begun;
  gboolean shows_all;     /* there is the one for all */
};

void
vmp_waiting_node_free (VmpWaitingNode *self)
{
  g_free (self->id);
  g_free (self->name);
  g_free (self->address);
  g_free (self);
}

static char *
notification_id (const char *node_id)
{
  return g_strconcat ("approval-", node_id, NULL);
}

static void
withdraw (VmpNotices *self,
          const char *node_id)
{
  g_autofree char *id = notification_id (node_id);

  if (g_hash_table_contains (self->shown, node_id))
    g_application_withdraw_notification (self->application, id);
}

static void
withdraw_all (VmpNotices *self)
{
  if (self->shows_all)
    g_application_withdraw_notification (self->application, ALL_ID);
  self->shows_all = FALSE;
}

static void
show (VmpNotices *self,
      const char *id,
      const char *title,
      const char *body,
      const char *node_id)
{
  g_autoptr (GNotification) notification = g_notification_new (title);

  g_notification_set_body (notification, body);
  g_notification_set_priority (notification, G_NOTIFICATION_PRIORITY_HIGH);
  g_notification_set_default_action_and_target (notification, "app.review", "s", node_id);
  g_notification_add_button_with_target (notification, _("Review…"), "app.review", "s", node_id);
  g_application_send_notification (self->application, id, notification);
}

static void
show_one (VmpNotices           *self,
          const VmpWaitingNode *node,
          gint64                now)
{
  g_autofree char *id = notification_id (node->id);
  g_autofree char *title = g_strdup_printf (_("“%s” waits for your approval"), node->name);
  g_autofree char *body = g_strdup_printf (_("Found at %s. Vampire sends it nothing before you approve it."),
                                           node->address);

  show (self, id, title, body, node->id);
  g_hash_table_add (self->shown, g_strdup (node->id));
  g_hash_table_insert (self->told, g_strdup (node->id), g_memdup2 (&now, sizeof now));
  self->recent[self->turn++ % VMP_LIMIT_NOTICES_PER_MINUTE] = now;
}

static void
show_all (VmpNotices *self)
{
  guint n = g_hash_table_size (self->waiting);
  g_autofree char *title = g_strdup_printf (ngettext ("%u node waits for your approval",
                                                      "%u nodes wait for your approval", n), n);

  show (self, ALL_ID, title, _("Vampire sends them nothing before you approve them."), "");
  self->shows_all = TRUE;
}

/* Whether one more may be shown in this minute. */
static gboolean
has_room (VmpNotices *self,
          gint64      now)
{
  gint64 oldest = self->recent[self->turn % VMP_LIMIT_NOTICES_PER_MINUTE];

  return oldest == 0 || now - oldest >= G_TIME_SPAN_MINUTE;
}

static gboolean
was_told (VmpNotices *self,
          const char *node_id,
          gint64      now)
{
  const gint64 *when = g_hash_table_lookup (self->told, node_id);

  return when != NULL && now - *when < (gint64) VMP_LIMIT_NOTICE_AGAIN_S * G_TIME_SPAN_SECOND;
}

/* Memory of what is long ago is of no use. */
static void
forget_old (VmpNotices *self,
            gint64      now)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->told);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      if (!was_told (self, id, now))
        g_hash_table_iter_remove (&iter);
    }
}

static void
withdraw_decided (VmpNotices *self,
                  GHashTable *waiting)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->shown);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      if (!g_hash_table_contains (waiting, id))
        {
          withdraw (self, id);
          g_hash_table_iter_remove (&iter);
        }
    }
  if (g_hash_table_size (waiting) == 0)
    withdraw_all (self);
}

void
vmp_notices_set_waiting (VmpNotices *self,
                         GPtrArray  *waiting,
                         gint64      now)
{
  GHashTable *ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean too_many = FALSE;
  guint i;

  for (i = 0; i < waiting->len; i++)
    g_hash_table_add (ids, g_strdup (((VmpWaitingNode *) g_ptr_array_index (waiting, i))->id));

  withdraw_decided (self, ids);
  forget_old (self, now);

  for (i = 0; self->has_begun && i < waiting->len; i++)
    {
      const VmpWaitingNode *node = g_ptr_array_index (waiting, i);

      if (g_hash_table_contains (self->waiting, node->id) || was_told (self, node->id, now)
          || g_strcmp0 (self->seen, node->id) == 0)
        continue;
      if (has_room (self, now))
        show_one (self, node, now);
      else
        too_many = TRUE;
    }

  g_hash_table_unref (self->waiting);
  self->waiting = ids;
  self->has_begun = TRUE;
  if (too_many && !self->shows_all)
    show_all (self);
}

void
vmp_notices_set_seen (VmpNotices *self,
                      const char *node_id,
                      gboolean    seen)
{
  if (seen)
    {
      withdraw (self, node_id);
      g_hash_table_remove (self->shown, node_id);
      withdraw_all (self);
      g_free (self->seen);
      self->seen = g_strdup (node_id);
    }
  else if (g_strcmp0 (self->seen, node_id) == 0)
    {
      g_clear_pointer (&self->seen, g_free);
    }
}

VmpNotices *
vmp_notices_new (GApplication *application)
{
  VmpNotices *self = g_new0 (VmpNotices, 1);

  self->application = application;
  self->waiting = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->shown = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  return self;
}

void
vmp_notices_free (VmpNotices *self)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->shown);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    withdraw (self, id);
  withdraw_all (self);

  g_clear_pointer (&self->waiting, g_hash_table_unref);
  g_clear_pointer (&self->shown, g_hash_table_unref);
  g_clear_pointer (&self->told, g_hash_table_unref);
  g_free (self->seen);
  g_free (self);
}

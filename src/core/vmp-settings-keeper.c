/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpSettingsKeeper. The file is what counts: also after a change of its own it reads that anew, so
 * that a hand which writes at the same time is never overruled for long.
 */

#include "core/vmp-settings-keeper.h"

#include "core/vmp-hand-over.h"
#include "core/vmp-log.h"

/* Milliseconds between a change of the settings file and the look at it. Editors write in several steps. */
#define SETTLE_MS 100

struct _VmpSettingsKeeper {
  GObject parent_instance;

  char **args;
  char **env;
  GMainContext *context;
  VmpSettings *started;    /* what the listener was made with */
  VmpSettings *settings;
  GFileMonitor *monitor;   /* NULL where files cannot be watched */
  GSource *settling;       /* NULL when no change is being awaited */
  GQueue changes;          /* of GTask; the first one is being made */
  GArray *editing;         /* the first one's; NULL: there is none */
  gboolean stopped;
};

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpSettingsKeeper, vmp_settings_keeper, G_TYPE_OBJECT)

static void start_change (VmpSettingsKeeper *self);

/* -- Reading ------------------------------------------------------------------------------- */

/* @is_asked_for: it is said also when nothing has changed */
static void
read_anew (VmpSettingsKeeper *self,
           gboolean           is_asked_for)
{
  g_autoptr (VmpSettings) next = NULL;
  g_autoptr (VmpSettings) before = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree const char **keys = NULL;
  g_autofree char *late = NULL;

  if (self->stopped)
    return;

  next = vmp_settings_load ((const char * const *) self->args, (const char * const *) self->env, &error);
  if (next == NULL || !vmp_settings_check_reload (self->started, next, &error))
    {
      g_warning ("The old settings stay in force. %s", error->message);
      return;
    }

  keys = vmp_settings_list_changes (self->settings, next);
  if (keys[0] == NULL && !is_asked_for)
    return;

  before = self->settings;
  self->settings = g_steal_pointer (&next);
  vmp_log_configure (self->settings->log_level, self->settings->log_format);
  if (keys[0] != NULL)
    g_signal_emit (self, signals[CHANGED], 0, keys);
  g_message ("The settings were reloaded.");

  late = vmp_settings_changes_needing_restart (self->started, self->settings);
  if (late != NULL)
    g_warning ("Restart Vampire for these settings to change: %s.", late);
}

void
vmp_settings_keeper_reload (VmpSettingsKeeper *self)
{
  g_return_if_fail (VMP_IS_SETTINGS_KEEPER (self));

  read_anew (self, TRUE);
}

/* -- Watching ------------------------------------------------------------------------------ */

static void
stop_settling (VmpSettingsKeeper *self)
{
  if (self->settling != NULL)
    g_source_destroy (self->settling);
  g_clear_pointer (&self->settling, g_source_unref);
}

static gboolean
settled_cb (gpointer user_data)
{
  VmpSettingsKeeper *self = user_data;

  stop_settling (self);
  read_anew (self, FALSE);

  return G_SOURCE_REMOVE;
}

static void
file_changed_cb (GFileMonitor     *monitor,
                 GFile            *file,
                 GFile            *other_file,
                 GFileMonitorEvent event,
                 gpointer          user_data)
{
  VmpSettingsKeeper *self = user_data;

  stop_settling (self);
  self->settling = g_timeout_source_new (SETTLE_MS);
  g_source_set_callback (self->settling, settled_cb, self, NULL);
  g_source_attach (self->settling, self->context);
}

/* The file is watched by its directory entry, so that editors that replace it are seen too. */
void
vmp_settings_keeper_watch (VmpSettingsKeeper *self)
{
  g_autoptr (GFile) file = NULL;
  g_autoptr (GError) error = NULL;

  g_return_if_fail (VMP_IS_SETTINGS_KEEPER (self));
  g_return_if_fail (self->monitor == NULL);

  /* The local file system's own, for the default one may ask D-Bus for others. */
  file = g_vfs_get_file_for_path (g_vfs_get_local (), self->started->config_file);
  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, &error);
  if (self->monitor == NULL)
    {
      g_warning ("Changes of the settings file are not seen (%s); send SIGHUP after each.", error->message);
      return;
    }

  g_signal_connect (self->monitor, "changed", G_CALLBACK (file_changed_cb), self);
}

void
vmp_settings_keeper_stop (VmpSettingsKeeper *self)
{
  g_return_if_fail (VMP_IS_SETTINGS_KEEPER (self));

  self->stopped = TRUE;
  stop_settling (self);
  if (self->monitor != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->monitor, self);
      g_file_monitor_cancel (self->monitor);
    }
  g_clear_object (&self->monitor);
}

/* -- Changing ------------------------------------------------------------------------------ */

/* On another thread: the disk may take its time. What it reads of the keeper does not change meanwhile. */
static void
edit_in_thread (GTask        *task,
                gpointer      source,
                gpointer      task_data,
                GCancellable *cancellable)
{
  VmpSettingsKeeper *self = task_data;
  g_autoptr (VmpSettings) edited = NULL;
  GError *error = NULL;

  VMP_TAKE_OVER (self);
  edited = vmp_settings_edit ((const char * const *) self->args, (const char * const *) self->env, self->started,
                              self->editing, &error);
  VMP_HAND_OVER (self);
  if (edited != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
edited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (VmpSettingsKeeper) self = user_data;
  g_autoptr (GTask) change = g_queue_pop_head (&self->changes);
  GError *error = NULL;

  VMP_TAKE_OVER (self);
  self->editing = NULL;
  if (g_task_propagate_boolean (G_TASK (result), &error))
    {
      read_anew (self, FALSE);
      g_task_return_boolean (change, TRUE);
    }
  else
    {
      g_task_return_error (change, error);
    }

  start_change (self);
}

/* The first one of the queue, if any. The other thread borrows what it needs: it may be the last to let go of its task,
 * and the keeper is to end where its file is watched. */
static void
start_change (VmpSettingsKeeper *self)
{
  g_autoptr (GTask) edit = NULL;

  if (self->changes.head == NULL)
    return;

  self->editing = g_task_get_task_data (self->changes.head->data);
  edit = g_task_new (NULL, NULL, edited_cb, g_object_ref (self));
  g_task_set_task_data (edit, self, NULL);
  VMP_HAND_OVER (self);
  g_task_run_in_thread (edit, edit_in_thread);
}

void
vmp_settings_keeper_change_async (VmpSettingsKeeper  *self,
                                  GArray             *changes,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (VMP_IS_SETTINGS_KEEPER (self));
  g_return_if_fail (changes != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_task_data (task, g_array_ref (changes), (GDestroyNotify) g_array_unref);
  if (self->stopped)
    {
      g_task_return_new_error (task, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_UNREADABLE,
                               "Vampire is about to end, and changes no settings any more.");
      return;
    }

  g_queue_push_tail (&self->changes, g_steal_pointer (&task));
  if (self->changes.length == 1)
    start_change (self);
}

gboolean
vmp_settings_keeper_change_finish (VmpSettingsKeeper *self,
                                   GAsyncResult      *result,
                                   GError           **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpSettings *
vmp_settings_keeper_get (VmpSettingsKeeper *self)
{
  g_return_val_if_fail (VMP_IS_SETTINGS_KEEPER (self), NULL);

  return self->settings;
}

VmpSettings *
vmp_settings_keeper_get_started (VmpSettingsKeeper *self)
{
  g_return_val_if_fail (VMP_IS_SETTINGS_KEEPER (self), NULL);

  return self->started;
}

VmpSettingsKeeper *
vmp_settings_keeper_new (const char * const *args,
                         const char * const *env,
                         GError            **error)
{
  g_autoptr (VmpSettings) settings = vmp_settings_load (args, env, error);
  VmpSettingsKeeper *self;

  if (settings == NULL)
    return NULL;

  self = g_object_new (VMP_TYPE_SETTINGS_KEEPER, NULL);
  self->args = g_strdupv ((char **) args);
  self->env = g_strdupv ((char **) env);
  self->context = g_main_context_ref_thread_default ();
  self->started = vmp_settings_ref (settings);
  self->settings = g_steal_pointer (&settings);
  vmp_log_configure (self->settings->log_level, self->settings->log_format);

  return self;
}

static void
vmp_settings_keeper_dispose (GObject *object)
{
  vmp_settings_keeper_stop (VMP_SETTINGS_KEEPER (object));

  G_OBJECT_CLASS (vmp_settings_keeper_parent_class)->dispose (object);
}

static void
vmp_settings_keeper_finalize (GObject *object)
{
  VmpSettingsKeeper *self = VMP_SETTINGS_KEEPER (object);

  g_clear_pointer (&self->settings, vmp_settings_unref);
  g_clear_pointer (&self->started, vmp_settings_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_strfreev (self->env);
  g_strfreev (self->args);

  G_OBJECT_CLASS (vmp_settings_keeper_parent_class)->finalize (object);
}

static void
vmp_settings_keeper_class_init (VmpSettingsKeeperClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = vmp_settings_keeper_dispose;
  object_class->finalize = vmp_settings_keeper_finalize;

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_STRV | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
vmp_settings_keeper_init (VmpSettingsKeeper *self)
{
  g_queue_init (&self->changes);
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the resident: a GApplication, so that there is one for a user and later starts come to it; what it
 * hosts (vmp-hosting), shows (vmp-indicator, vmp-notices) and starts (vmp-windows-process) it ties together here, and
 * here is decided when it ends.
 */

#include "app/vmp-resident.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "app/vmp-app-args.h"
#include "app/vmp-hosting.h"
#include "app/vmp-indicator.h"
#include "app/vmp-notices.h"
#include "app/vmp-windows-process.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-settings-keeper.h"
#include "gateway/vmp-gateway.h"
#include "vmp-config.h"

/* A folder with the tray's icons, for an app that is not installed. */
#define ICON_VARIABLE "VAMPIRE_ICON_DIR"

#define EXIT_WRONG_USAGE 2
#define EXIT_FAILED 1

#define CLIENTS_PATH "/vampire/v1/clients"

/* Of the notification that says that the app goes on without a tray. */
#define BACKGROUND_NOTICE "background"
/* Of the one that says that something could not be done. */
#define FAILURE_NOTICE "failure"

#define VMP_TYPE_RESIDENT (vmp_resident_get_type ())
G_DECLARE_FINAL_TYPE (VmpResident, vmp_resident, VMP, RESIDENT, GApplication)

struct _VmpResident {
  GApplication parent_instance;

  VmpAppArgs args;
  VmpSettingsKeeper *keeper;
  VmpHosting *hosting;
  VmpIndicator *indicator;
  VmpNotices *notices;
  VmpWindowsProcess *windows;
  GCancellable *cancellable;
  char *token;               /* activation token of the call that is being carried out; NULL */
  guint signals[3];          /* SIGTERM, SIGINT, SIGHUP */
  guint notice_watch;        /* of the service that shows notifications */
  gboolean can_notify;
  gboolean knows_tray;       /* whether there is a tray has been found out */
  gboolean said_background;  /* that it goes on without one, once */
  gboolean had_windows;
  guint tray_wait;           /* 0, or the source that waits for a tray that may come */
  gboolean is_quitting;
  int status;                /* exit status */
};

G_DEFINE_FINAL_TYPE (VmpResident, vmp_resident, G_TYPE_APPLICATION)

/* -- Showing ------------------------------------------------------------------------------- */

static void
show_page (VmpResident *self,
           const char  *page,
           const char  *detail,
           const char  *token)
{
  self->had_windows = TRUE;
  vmp_windows_process_send (self->windows, VMP_ORDER_SHOW, page, detail, token);
  if (vmp_hosting_get_trouble (self->hosting) != NULL)
    vmp_windows_process_tell (self->windows, VMP_ORDER_TROUBLE, vmp_hosting_get_trouble (self->hosting));
}

static void
notify_of (VmpResident *self,
           const char  *id,
           const char  *title,
           const char  *body)
{
  g_autoptr (GNotification) notification = g_notification_new (title);

  g_notification_set_body (notification, body);
  g_notification_set_default_action_and_target (notification, "app.show", "s", "overview");
  g_notification_add_button_with_target (notification, _("Open"), "app.show", "s", "overview");
  if (g_str_equal (id, BACKGROUND_NOTICE))
    g_notification_add_button (notification, _("Quit"), "app.quit");
  g_application_send_notification (G_APPLICATION (self), id, notification);
}

/* -- Ending -------------------------------------------------------------------------------- */

static void
end_now (VmpResident *self)
{
  if (self->is_quitting)
    return;

  self->is_quitting = TRUE;
  vmp_indicator_set_quitting (self->indicator);
  vmp_windows_process_tell (self->windows, VMP_ORDER_CLOSE, NULL);
  vmp_settings_keeper_stop (self->keeper);
  vmp_hosting_drain (self->hosting);
}

static guint
count_served (const VmpClientAnswer *answer)
{
  JsonArray *clients = NULL;
  guint n = 0;
  guint i;

  if (answer != NULL && answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json))
    clients = vmp_json_get_array (json_node_get_object (answer->json), "data");
  for (i = 0; clients != NULL && i < json_array_get_length (clients); i++)
    {
      JsonNode *client = json_array_get_element (clients, i);
      gint64 active;

      if (JSON_NODE_HOLDS_OBJECT (client)
          && vmp_json_get_int (json_node_get_object (client), "active_requests", &active) && active > 0)
        n += MIN (active, G_MAXINT16);
    }

  return n;
}

typedef struct {
  VmpResident *self;
  char *token;
} QuitQuestion;

static void
clients_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autofree QuitQuestion *question = user_data;
  g_autofree char *token = g_steal_pointer (&question->token);
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, NULL);
  g_autoptr (VmpResident) self = question->self;
  guint n = count_served (answer);
  g_autofree char *number = g_strdup_printf ("%u", n);

  if (n > 0)
    vmp_windows_process_send (self->windows, VMP_ORDER_ASK_QUIT, number, NULL, token);
  else
    end_now (self);
}

/* Its owner wants it to end. Who else is being served is thought of first; another's gateway goes on anyway. */
static void
quit (VmpResident *self,
      const char  *token)
{
  QuitQuestion *question;

  if (self->is_quitting)
    return;
  if (vmp_hosting_get_state (self->hosting) != VMP_HOSTING_OWN
      || vmp_indicator_get_active_requests (self->indicator) == 0)
    {
      end_now (self);
      return;
    }

  question = g_new0 (QuitQuestion, 1);
  question->self = g_object_ref (self);
  question->token = g_strdup (token);
  vmp_link_ask_async (vmp_hosting_get_link (self->hosting), "GET", CLIENTS_PATH, NULL, self->cancellable, clients_cb,
                      question);
}

/* That it goes on without a tray is said once. */
static void
say_it_goes_on (VmpResident *self)
{
  if (!self->said_background)
    notify_of (self, BACKGROUND_NOTICE, _("Vampire goes on in the background"),
               _("This desktop has no tray to show it in. Open Vampire again to see it, or quit it here."));
  self->said_background = TRUE;
}

/* Started in the background, and no tray has come. */
static gboolean
tray_wait_cb (gpointer user_data)
{
  VmpResident *self = user_data;

  self->tray_wait = 0;
  if (self->is_quitting || self->had_windows || vmp_indicator_is_available (self->indicator))
    return G_SOURCE_REMOVE;

  if (self->can_notify)
    say_it_goes_on (self);
  else
    show_page (self, "overview", NULL, NULL);

  return G_SOURCE_REMOVE;
}

/* There is no window. An app that can neither be seen nor reached does not go on. */
static void
decide_whether_to_stay (VmpResident *self)
{
  if (self->is_quitting || vmp_windows_process_is_running (self->windows) || !self->knows_tray)
    return;

  /* At the start of a session the tray may come after us. */
  if (!self->had_windows)
    {
      if (!vmp_indicator_is_available (self->indicator) && self->tray_wait == 0)
        self->tray_wait = g_timeout_add (VMP_LIMIT_TRAY_WAIT_MS, tray_wait_cb, self);
      return;
    }

  if (!vmp_settings_keeper_get (self->keeper)->keep_in_tray)
    {
      quit (self, NULL);
      return;
    }
  if (vmp_indicator_is_available (self->indicator))
    return;

  if (self->can_notify)
    {
      say_it_goes_on (self);
      return;
    }
  g_message ("There is neither a tray nor anything that shows notifications, so Vampire ends with its window.");
  quit (self, NULL);
}

/* -- What the parts say -------------------------------------------------------------------- */

static void
hosting_changed_cb (gpointer user_data)
{
  VmpResident *self = user_data;
  const char *trouble = vmp_hosting_get_trouble (self->hosting);

  vmp_indicator_set_trouble (self->indicator, trouble);
  vmp_windows_process_tell (self->windows, VMP_ORDER_TROUBLE, trouble);
  if (trouble != NULL && !vmp_windows_process_is_running (self->windows))
    notify_of (self, FAILURE_NOTICE, _("Vampire does not work"), trouble);
}

static void
drained_cb (gpointer user_data)
{
  g_application_quit (user_data);
}

static const VmpHostingFuncs hosting_funcs = {
  .changed = hosting_changed_cb,
  .drained = drained_cb,
};

static void
tray_show_cb (gpointer    user_data,
              const char *page,
              const char *detail,
              const char *token)
{
  show_page (user_data, page, detail, token);
}

static void
tray_copy_cb (gpointer    user_data,
              const char *token)
{
  VmpResident *self = user_data;
  const char *url = vmp_link_get_url (vmp_hosting_get_link (self->hosting));
  g_autofree char *address = url != NULL ? g_strconcat (url, "/v1", NULL) : NULL;

  if (address != NULL)
    vmp_windows_process_send (self->windows, VMP_ORDER_COPY, address, NULL, token);
}

static void
dashboard_opened_cb (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  g_autoptr (VmpResident) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!g_app_info_launch_default_for_uri_finish (result, &error))
    notify_of (self, FAILURE_NOTICE, _("The dashboard could not be opened"), error->message);
}

static void
tray_dashboard_cb (gpointer    user_data,
                   const char *token)
{
  VmpResident *self = user_data;
  const char *url = vmp_link_get_url (vmp_hosting_get_link (self->hosting));
  g_autoptr (GAppLaunchContext) context = g_app_launch_context_new ();

  if (token != NULL)
    g_app_launch_context_setenv (context, "XDG_ACTIVATION_TOKEN", token);
  if (url != NULL)
    g_app_info_launch_default_for_uri_async (url, context, self->cancellable, dashboard_opened_cb,
                                             g_object_ref (self));
}

static void
tray_quit_cb (gpointer    user_data,
              const char *token)
{
  quit (user_data, token);
}

static void
tray_available_cb (gpointer user_data,
                   gboolean is_available)
{
  VmpResident *self = user_data;

  self->knows_tray = TRUE;
  if (is_available)
    g_application_withdraw_notification (G_APPLICATION (self), BACKGROUND_NOTICE);
  else
    decide_whether_to_stay (self);
}

static void
tray_waiting_cb (gpointer   user_data,
                 GPtrArray *waiting)
{
  VmpResident *self = user_data;

  vmp_notices_set_waiting (self->notices, waiting, g_get_monotonic_time ());
}

static void
tray_failed_cb (gpointer    user_data,
                const char *problem)
{
  notify_of (user_data, FAILURE_NOTICE, _("That could not be done"), problem);
}

static const VmpIndicatorFuncs indicator_funcs = {
  .show = tray_show_cb,
  .copy_address = tray_copy_cb,
  .open_dashboard = tray_dashboard_cb,
  .quit = tray_quit_cb,
  .available = tray_available_cb,
  .waiting = tray_waiting_cb,
  .failed = tray_failed_cb,
};

static void
windows_order_cb (gpointer        user_data,
                  const VmpOrder *order)
{
  VmpResident *self = user_data;

  if (order->kind == VMP_ORDER_QUIT)
    end_now (self);
  else if ((order->kind == VMP_ORDER_SEEN || order->kind == VMP_ORDER_UNSEEN) && order->argument != NULL)
    vmp_notices_set_seen (self->notices, order->argument, order->kind == VMP_ORDER_SEEN);
}

static void
windows_ended_cb (gpointer    user_data,
                  const char *trouble)
{
  VmpResident *self = user_data;

  if (trouble != NULL)
    {
      g_warning ("%s", trouble);
      notify_of (self, FAILURE_NOTICE, _("The window ended unexpectedly"), trouble);
    }
  decide_whether_to_stay (self);
}

static const VmpWindowsFuncs windows_funcs = {
  .order = windows_order_cb,
  .ended = windows_ended_cb,
};

static void
notifier_appeared_cb (GDBusConnection *connection,
                      const char      *name,
                      const char      *owner,
                      gpointer         user_data)
{
  VmpResident *self = user_data;

  self->can_notify = TRUE;
}

static void
notifier_vanished_cb (GDBusConnection *connection,
                      const char      *name,
                      gpointer         user_data)
{
  VmpResident *self = user_data;

  self->can_notify = FALSE;
}

/* -- Signals ------------------------------------------------------------------------------- */

static gboolean
terminate_cb (gpointer user_data)
{
  VmpResident *self = user_data;

  /* Who signals twice has waited enough. */
  if (self->is_quitting)
    _exit (EXIT_FAILED);
  end_now (self);

  return G_SOURCE_CONTINUE;
}

static gboolean
hangup_cb (gpointer user_data)
{
  VmpResident *self = user_data;

  vmp_settings_keeper_reload (self->keeper);

  return G_SOURCE_CONTINUE;
}

/* -- Actions ------------------------------------------------------------------------------- */

static void
show_action (GSimpleAction *action,
             GVariant      *parameter,
             gpointer       user_data)
{
  VmpResident *self = user_data;
  const char *page = g_variant_get_string (parameter, NULL);

  /* Anybody on the session's bus can call this. */
  show_page (self, vmp_app_args_is_page (page) ? page : "overview", NULL, self->token);
}

static void
review_action (GSimpleAction *action,
               GVariant      *parameter,
               gpointer       user_data)
{
  VmpResident *self = user_data;
  const char *node = g_variant_get_string (parameter, NULL);

  show_page (self, "approvals", *node != '\0' ? node : NULL, self->token);
}

static void
quit_action (GSimpleAction *action,
             GVariant      *parameter,
             gpointer       user_data)
{
  VmpResident *self = user_data;

  quit (self, self->token);
}

static const GActionEntry actions[] = {
  { .name = "show", .activate = show_action, .parameter_type = "s" },
  { .name = "review", .activate = review_action, .parameter_type = "s" },
  { .name = "quit", .activate = quit_action },
};

/* -- GApplication -------------------------------------------------------------------------- */

static void
start_windows (VmpResident *self)
{
  const VmpSettings *settings = vmp_settings_keeper_get (self->keeper);
  g_autofree char *data_dir = g_strconcat ("VAMPIRE_DATA_DIR=", settings->data_dir, NULL);
  g_autofree char *config = g_strconcat ("VAMPIRE_CONFIG=", settings->config_file, NULL);
  const char *env[] = { data_dir, config, NULL };

  /* A file that is not there is no error only in its default place. */
  if (!g_file_test (settings->config_file, G_FILE_TEST_EXISTS))
    env[1] = NULL;
  self->windows = vmp_windows_process_new (env, &windows_funcs, self);
}

static void
vmp_resident_startup (GApplication *application)
{
  VmpResident *self = VMP_RESIDENT (application);
  GDBusConnection *bus = g_application_get_dbus_connection (application);

  G_APPLICATION_CLASS (vmp_resident_parent_class)->startup (application);
  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);

  vmp_gateway_prepare_process ();
  self->signals[0] = g_unix_signal_add (SIGTERM, terminate_cb, self);
  self->signals[1] = g_unix_signal_add (SIGINT, terminate_cb, self);
  self->signals[2] = g_unix_signal_add (SIGHUP, hangup_cb, self);
  if (bus != NULL)
    self->notice_watch = g_bus_watch_name_on_connection (bus, "org.freedesktop.Notifications",
                                                         G_BUS_NAME_WATCHER_FLAGS_AUTO_START, notifier_appeared_cb,
                                                         notifier_vanished_cb, self, NULL);

  vmp_settings_keeper_watch (self->keeper);
  start_windows (self);
  self->notices = vmp_notices_new (application);
  self->hosting = vmp_hosting_new (self->keeper, &hosting_funcs, self);
  self->indicator = vmp_indicator_new (vmp_hosting_get_link (self->hosting), VMP_APP_ID, g_getenv (ICON_VARIABLE),
                                       &indicator_funcs, self);
  g_application_hold (application);
}

static void
vmp_resident_shutdown (GApplication *application)
{
  VmpResident *self = VMP_RESIDENT (application);
  guint i;

  g_cancellable_cancel (self->cancellable);
  for (i = 0; i < G_N_ELEMENTS (self->signals); i++)
    g_clear_handle_id (&self->signals[i], g_source_remove);
  g_clear_handle_id (&self->notice_watch, g_bus_unwatch_name);
  g_clear_handle_id (&self->tray_wait, g_source_remove);
  g_clear_pointer (&self->indicator, vmp_indicator_free);
  g_clear_pointer (&self->notices, vmp_notices_free);
  g_clear_pointer (&self->windows, vmp_windows_process_free);
  g_clear_pointer (&self->hosting, vmp_hosting_free);

  G_APPLICATION_CLASS (vmp_resident_parent_class)->shutdown (application);
}

/* Started again, or by D-Bus: the window is what is wanted. */
static void
vmp_resident_activate (GApplication *application)
{
  VmpResident *self = VMP_RESIDENT (application);

  show_page (self, self->args.page != NULL ? self->args.page : "overview", NULL, self->token);
}

/* What lets a window that is opened for another process take the focus. */
static void
vmp_resident_add_platform_data (GApplication    *application,
                                GVariantBuilder *builder)
{
  const char *token = g_getenv ("XDG_ACTIVATION_TOKEN");

  G_APPLICATION_CLASS (vmp_resident_parent_class)->add_platform_data (application, builder);
  if (token == NULL)
    token = g_getenv ("DESKTOP_STARTUP_ID");
  if (token != NULL && g_utf8_validate (token, -1, NULL))
    g_variant_builder_add (builder, "{sv}", "activation-token", g_variant_new_string (token));
}

static void
vmp_resident_before_emit (GApplication *application,
                          GVariant     *platform_data)
{
  VmpResident *self = VMP_RESIDENT (application);

  g_clear_pointer (&self->token, g_free);
  if (!g_variant_lookup (platform_data, "activation-token", "s", &self->token))
    g_variant_lookup (platform_data, "desktop-startup-id", "s", &self->token);
}

static void
vmp_resident_after_emit (GApplication *application,
                         GVariant     *platform_data)
{
  VmpResident *self = VMP_RESIDENT (application);

  g_clear_pointer (&self->token, g_free);
}

/* What this start is for, said to the one that runs, which may be this one. */
static void
say_what_for (VmpResident *self)
{
  GActionGroup *group = G_ACTION_GROUP (self);

  if (self->args.quits)
    g_action_group_activate_action (group, "quit", NULL);
  else if (!self->args.in_background)
    g_action_group_activate_action (group, "show", g_variant_new_string (self->args.page != NULL ? self->args.page
                                                                                                 : "overview"));
}

static void
trouble_ended_cb (gpointer    user_data,
                  const char *trouble)
{
  g_main_loop_quit (user_data);
}

static void
trouble_order_cb (gpointer        user_data,
                  const VmpOrder *order)
{
  if (order->kind == VMP_ORDER_QUIT)
    g_main_loop_quit (user_data);
}

/* Why it did not start, in a window: who clicked on an icon sees no terminal. */
static void
show_trouble (const char *message)
{
  static const VmpWindowsFuncs funcs = { .order = trouble_order_cb, .ended = trouble_ended_cb };
  g_autoptr (GMainLoop) loop = NULL;
  VmpWindowsProcess *windows;

  if (isatty (STDERR_FILENO) || (g_getenv ("DISPLAY") == NULL && g_getenv ("WAYLAND_DISPLAY") == NULL))
    return;

  loop = g_main_loop_new (NULL, FALSE);
  windows = vmp_windows_process_new (NULL, &funcs, loop);
  vmp_windows_process_send (windows, VMP_ORDER_SHOW, "overview", NULL, g_getenv ("XDG_ACTIVATION_TOKEN"));
  vmp_windows_process_tell (windows, VMP_ORDER_TROUBLE, message);
  if (vmp_windows_process_is_running (windows))
    g_main_loop_run (loop);
  vmp_windows_process_free (windows);
}

static gboolean
fail (VmpResident *self,
      int         *status,
      int          value,
      const char  *message)
{
  fprintf (stderr, "vampire-desktop: %s\n", message);
  *status = value;

  return TRUE;
}

static gboolean
vmp_resident_local_command_line (GApplication *application,
                                 char       ***arguments,
                                 int          *status)
{
  VmpResident *self = VMP_RESIDENT (application);
  g_auto (GStrv) env = g_get_environ ();
  g_autoptr (GError) error = NULL;

  *status = 0;
  if (!vmp_app_args_parse (&self->args, (const char * const *) *arguments, &error))
    return fail (self, status, EXIT_WRONG_USAGE, error->message);

  if (self->args.shows_help || self->args.shows_version)
    {
      g_autofree char *text = self->args.shows_help ? vmp_app_args_help () : g_strdup ("vampire " VMP_VERSION "\n");

      fputs (text, stdout);
      return TRUE;
    }

  /* Whoever only wants something of the one that runs needs no settings of his own. */
  if (!self->args.quits)
    self->keeper = vmp_settings_keeper_new ((const char * const *) self->args.settings->pdata,
                                            (const char * const *) env, &error);
  if (self->keeper == NULL)
    g_application_set_flags (application, G_APPLICATION_IS_LAUNCHER);

  if (!g_application_register (application, NULL, error == NULL ? &error : NULL))
    {
      if (!self->args.quits)
        show_trouble (error->message);
      return fail (self, status, error->domain == VMP_SETTINGS_ERROR && error->code == VMP_SETTINGS_ERROR_INVALID
                                   ? EXIT_WRONG_USAGE
                                   : EXIT_FAILED,
                   self->args.quits ? _("Vampire does not run.") : error->message);
    }

  if (g_application_get_is_remote (application) && self->args.settings->len > 1)
    fprintf (stderr, "vampire-desktop: %s\n",
             _("Vampire runs already; the settings that were given here have no effect on it."));
  say_what_for (self);

  return TRUE;
}

static void
vmp_resident_finalize (GObject *object)
{
  VmpResident *self = VMP_RESIDENT (object);

  vmp_app_args_clear (&self->args);
  g_clear_object (&self->keeper);
  g_clear_object (&self->cancellable);
  g_free (self->token);

  G_OBJECT_CLASS (vmp_resident_parent_class)->finalize (object);
}

static void
vmp_resident_class_init (VmpResidentClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  object_class->finalize = vmp_resident_finalize;
  application_class->startup = vmp_resident_startup;
  application_class->shutdown = vmp_resident_shutdown;
  application_class->activate = vmp_resident_activate;
  application_class->add_platform_data = vmp_resident_add_platform_data;
  application_class->before_emit = vmp_resident_before_emit;
  application_class->after_emit = vmp_resident_after_emit;
  application_class->local_command_line = vmp_resident_local_command_line;
}

static void
vmp_resident_init (VmpResident *self)
{
  self->cancellable = g_cancellable_new ();
}

int
vmp_resident_run (int    argc,
                  char **argv)
{
  g_autoptr (VmpResident) self = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, VMP_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_application_name ("Vampire");

  self = g_object_new (VMP_TYPE_RESIDENT, "application-id", VMP_APP_ID, NULL);

  return g_application_run (G_APPLICATION (self), argc, argv);
}

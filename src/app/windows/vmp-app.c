/* SPDX-License-Identifier: MIT
 *
 * See vmp-app.h. It holds what all windows share: the link to the gateway, the mirror, and the channel to the resident.
 */

#include "app/windows/vmp-app.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "app/vmp-resident.h"
#include "app/windows/vmp-approvals-window.h"
#include "app/windows/vmp-order-channel.h"
#include "app/windows/vmp-preferences-window.h"
#include "app/windows/vmp-ui-settings.h"
#include "app/windows/vmp-ui.h"
#include "app/windows/vmp-window.h"
#include "core/vmp-json.h"
#include "vmp-config.h"

#define NARROW_WIDTH 360
#define NARROW_HEIGHT 640

struct _VmpApp {
  AdwApplication parent_instance;

  VmpOrderChannel *channel;
  VmpLink *link;
  VmpMirror *mirror;
  VmpWindow *window;                      /* NULL: not open. Not owned, as the two below */
  VmpApprovalsWindow *approvals;
  VmpPreferencesWindow *preferences;
  GtkWidget *quit_question;
  char *trouble;                          /* the resident's, for the window to come; NULL */
  char *page;                             /* --page; NULL */
  char *gateway;                          /* --gateway; NULL: the one that runs here */
  gboolean is_narrow;
  gboolean waits_for_orders;              /* held open until the first one */
  gboolean has_resident;
};

G_DEFINE_FINAL_TYPE (VmpApp, vmp_app, ADW_TYPE_APPLICATION)

/* -- Windows ------------------------------------------------------------------------------- */

static VmpWindow *
ensure_window (VmpApp *self)
{
  if (self->window == NULL)
    {
      self->window = vmp_window_new (GTK_APPLICATION (self), self->mirror);
      g_object_add_weak_pointer (G_OBJECT (self->window), (gpointer *) &self->window);
      vmp_window_set_trouble (self->window, self->trouble);
      if (self->is_narrow)
        gtk_window_set_default_size (GTK_WINDOW (self->window), NARROW_WIDTH, NARROW_HEIGHT);
    }
  return self->window;
}

/* @token: (nullable): of who asked for it, without which many desktops do not let it come to the front */
static void
present (GtkWindow  *window,
         const char *token)
{
  if (token != NULL)
    gtk_window_set_startup_id (window, token);
  gtk_window_present (window);
}

/* Its notification is not needed while the owner looks at it. */
static void
approval_seen_cb (VmpApp     *self,
                  const char *node_id,
                  gboolean    is_seen)
{
  if (self->has_resident && self->channel != NULL)
    vmp_order_channel_send (self->channel, is_seen ? VMP_ORDER_SEEN : VMP_ORDER_UNSEEN, node_id);
}

static void
show_approvals (VmpApp     *self,
                const char *node_id,
                const char *token)
{
  if (self->approvals == NULL)
    {
      self->approvals = vmp_approvals_window_new (GTK_APPLICATION (self), self->mirror);
      g_object_add_weak_pointer (G_OBJECT (self->approvals), (gpointer *) &self->approvals);
      g_signal_connect_object (self->approvals, "seen", G_CALLBACK (approval_seen_cb), self, G_CONNECT_SWAPPED);
    }
  vmp_approvals_window_show_node (self->approvals, node_id);
  present (GTK_WINDOW (self->approvals), token);
}

static void
show_preferences (VmpApp     *self,
                  const char *token)
{
  if (self->preferences == NULL)
    {
      VmpWindow *window = ensure_window (self);

      gtk_window_present (GTK_WINDOW (window));
      self->preferences = vmp_preferences_window_new (GTK_WINDOW (window), self->mirror);
      g_object_add_weak_pointer (G_OBJECT (self->preferences), (gpointer *) &self->preferences);
    }
  present (GTK_WINDOW (self->preferences), token);
}

/* @detail: (nullable): such as a node's id */
static void
show (VmpApp     *self,
      const char *page,
      const char *detail,
      const char *token)
{
  VmpWindow *window;

  if (g_strcmp0 (page, "approvals") == 0)
    {
      show_approvals (self, detail, token);
      return;
    }
  if (g_strcmp0 (page, "preferences") == 0)
    {
      show_preferences (self, token);
      return;
    }

  window = ensure_window (self);
  vmp_window_show_page (window, page);
  if (detail != NULL && g_strcmp0 (page, "nodes") == 0)
    gtk_widget_activate_action (GTK_WIDGET (window), "win.show-node", "s", detail);
  else if (detail != NULL && g_strcmp0 (page, "activity") == 0)
    gtk_widget_activate_action (GTK_WIDGET (window), "win.show-request", "s", detail);
  present (GTK_WINDOW (window), token);
}

static void
close_all (VmpApp *self)
{
  GList *windows;

  while ((windows = gtk_application_get_windows (GTK_APPLICATION (self))) != NULL)
    gtk_window_destroy (windows->data);
  g_application_quit (G_APPLICATION (self));
}

/* -- Quitting ------------------------------------------------------------------------------ */

/* Its owner is sure. */
static void
quit_now (VmpApp *self)
{
  if (self->has_resident)
    vmp_order_channel_send (self->channel, VMP_ORDER_QUIT, NULL);
  else
    close_all (self);
}

static void
quit_answered_cb (AdwMessageDialog *dialog,
                  const char       *response,
                  VmpApp           *self)
{
  if (g_strcmp0 (response, "quit") == 0)
    quit_now (self);
}

static void
ask_quit (VmpApp     *self,
          int         n_answers,
          const char *token)
{
  GtkWindow *parent = gtk_application_get_active_window (GTK_APPLICATION (self));
  g_autofree char *body = g_strdup_printf (ngettext ("%d answer is being written, also for other computers. Whoever "
                                                     "waits for it gets an error.",
                                                     "%d answers are being written, also for other computers. Whoever "
                                                     "waits for them gets an error.", (gulong) n_answers), n_answers);

  if (self->quit_question == NULL)
    {
      self->quit_question = adw_message_dialog_new (parent, _("Quit Vampire?"), NULL);
      g_object_add_weak_pointer (G_OBJECT (self->quit_question), (gpointer *) &self->quit_question);
      gtk_window_set_application (GTK_WINDOW (self->quit_question), GTK_APPLICATION (self));
      adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (self->quit_question), "cancel", _("_Cancel"), "quit",
                                        _("_Quit Nevertheless"), NULL);
      adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (self->quit_question), "quit",
                                                  ADW_RESPONSE_DESTRUCTIVE);
      adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (self->quit_question), "cancel");
      adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (self->quit_question), "cancel");
      g_signal_connect_object (self->quit_question, "response", G_CALLBACK (quit_answered_cb), self, 0);
    }
  adw_message_dialog_set_body (ADW_MESSAGE_DIALOG (self->quit_question), body);
  present (GTK_WINDOW (self->quit_question), token);
}

/* How many answers other computers wait for. */
static int
count_served (JsonNode *answer)
{
  JsonArray *clients = NULL;
  guint n_clients;
  gint64 n_requests = 0;

  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    clients = vmp_json_get_array (json_node_get_object (answer), "data");

  n_clients = clients != NULL ? json_array_get_length (clients) : 0;
  for (guint i = 0; i < n_clients; i++)
    {
      JsonNode *client = json_array_get_element (clients, i);
      gint64 n = 0;

      if (JSON_NODE_HOLDS_OBJECT (client) &&
          vmp_json_get_int (json_node_get_object (client), "active_requests", &n) && n > 0)
        n_requests += MIN (n, G_MAXINT16);
    }
  return (int) MIN (n_requests, G_MAXINT);
}

static void
clients_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (VmpApp) self = user_data;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, NULL);
  int n_answers = answer != NULL ? count_served (answer->json) : 0;

  if (n_answers > 0)
    ask_quit (self, n_answers, NULL);
  else
    quit_now (self);
}

/* -- Actions ------------------------------------------------------------------------------- */

static void
quit_action (GSimpleAction *action,
             GVariant      *parameter,
             gpointer       user_data)
{
  VmpApp *self = VMP_APP (user_data);

  /* Closing windows that belong to no resident ends nothing but them. */
  if (!self->has_resident)
    quit_now (self);
  else
    vmp_link_ask_async (self->link, "GET", "/vampire/v1/clients", NULL, NULL, clients_cb, g_object_ref (self));
}

static void
preferences_action (GSimpleAction *action,
                    GVariant      *parameter,
                    gpointer       user_data)
{
  show_preferences (VMP_APP (user_data), NULL);
}

static void
review_action (GSimpleAction *action,
               GVariant      *parameter,
               gpointer       user_data)
{
  const char *node_id = g_variant_get_string (parameter, NULL);

  show_approvals (VMP_APP (user_data), node_id[0] != '\0' ? node_id : NULL, NULL);
}

static void
about_action (GSimpleAction *action,
              GVariant      *parameter,
              gpointer       user_data)
{
  GtkApplication *application = GTK_APPLICATION (user_data);

  adw_show_about_window (gtk_application_get_active_window (application),
                         "application-name", _("Vampire"),
                         "application-icon", VMP_APP_ID,
                         "version", VMP_VERSION,
                         "developer-name", _("The Vampire authors"),
                         "comments", _("One private address for the LM Studio servers that you own."),
                         "license-type", GTK_LICENSE_MIT_X11,
                         /* Translators: your names, one a line. */
                         "translator-credits", _("translator-credits"),
                         NULL);
}

static const GActionEntry actions[] = {
  { .name = "quit", .activate = quit_action },
  { .name = "preferences", .activate = preferences_action },
  { .name = "about", .activate = about_action },
  { .name = "review", .activate = review_action, .parameter_type = "s" },
};

static void
add_actions (VmpApp *self)
{
  static const struct {
    const char *action;
    const char *keys[3];
  } accelerators[] = {
    { "app.quit", { "<Control>q" } },
    { "app.preferences", { "<Control>comma" } },
    { "win.show-help-overlay", { "F1", "<Control>question" } },
  };

  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
  for (guint i = 0; i < G_N_ELEMENTS (accelerators); i++)
    gtk_application_set_accels_for_action (GTK_APPLICATION (self), accelerators[i].action, accelerators[i].keys);
}

/* -- Orders -------------------------------------------------------------------------------- */

/* Something is open now, or nothing will be: it ends with its last window from here on. */
static void
stop_waiting (VmpApp *self)
{
  if (self->waits_for_orders)
    g_application_release (G_APPLICATION (self));
  self->waits_for_orders = FALSE;
}

static void
set_trouble (VmpApp     *self,
             const char *trouble)
{
  g_free (self->trouble);
  self->trouble = g_strdup (trouble);
  if (self->window != NULL)
    vmp_window_set_trouble (self->window, trouble);
}

static void
order_cb (gpointer        user_data,
          const VmpOrder *order)
{
  VmpApp *self = VMP_APP (user_data);

  self->has_resident = TRUE;
  switch (order->kind)
    {
    case VMP_ORDER_SHOW:
      show (self, order->argument, order->detail, order->token);
      break;

    case VMP_ORDER_ASK_QUIT:
      ask_quit (self, order->argument != NULL ? atoi (order->argument) : 0, order->token);
      break;

    case VMP_ORDER_COPY:
      /* A clipboard belongs to a window that has the focus. */
      present (GTK_WINDOW (ensure_window (self)), order->token);
      if (order->argument != NULL)
        vmp_ui_copy (GTK_WIDGET (self->window), order->argument, _("Address copied"));
      break;

    case VMP_ORDER_TROUBLE:
      set_trouble (self, order->argument);
      return;

    case VMP_ORDER_CLOSE:
      close_all (self);
      return;

    case VMP_ORDER_TAKEN:
    case VMP_ORDER_QUIT:
    case VMP_ORDER_SEEN:
    case VMP_ORDER_UNSEEN:
    case VMP_N_ORDERS:
    default:
      return;
    }

  vmp_order_channel_send (self->channel, VMP_ORDER_TAKEN, NULL);
  if (gtk_application_get_windows (GTK_APPLICATION (self)) != NULL)
    stop_waiting (self);
}

static void
orders_ended_cb (gpointer user_data,
                 gboolean had_orders)
{
  VmpApp *self = VMP_APP (user_data);

  if (had_orders)
    {
      close_all (self);
      return;
    }
  if (gtk_application_get_windows (GTK_APPLICATION (self)) == NULL)
    show (self, "overview", NULL, NULL);
  stop_waiting (self);
}

static const VmpOrderChannelFuncs channel_funcs = {
  .order = order_cb,
  .ended = orders_ended_cb,
};

/* -- Appearance ---------------------------------------------------------------------------- */

static void
changed_cb (VmpApp *self,
            guint   topic)
{
  AdwStyleManager *style = adw_style_manager_get_default ();
  const char *appearance;

  if (topic != VMP_TOPIC_SETTINGS)
    return;

  appearance = vmp_ui_settings_get_string (self->mirror, "appearance");
  if (g_strcmp0 (appearance, "light") == 0)
    adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_FORCE_LIGHT);
  else if (g_strcmp0 (appearance, "dark") == 0)
    adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_FORCE_DARK);
  else
    adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_DEFAULT);
}

/* -- The application ----------------------------------------------------------------------- */

/* Those of this computer. Where they are wrong the gateway says so; the windows go on with what finds it. (transfer
 * full) */
static VmpSettings *
load_settings (void)
{
  g_auto (GStrv) env = g_get_environ ();
  g_autoptr (GError) error = NULL;
  VmpSettings *settings = vmp_settings_load (NULL, (const char * const *) env, &error);
  const char *data_dir;
  g_auto (GStrv) fallback = NULL;

  if (settings != NULL)
    return settings;

  g_warning ("%s", error->message);
  g_clear_error (&error);
  data_dir = g_environ_getenv (env, "VAMPIRE_DATA_DIR");
  for (gsize i = 0; env[i] != NULL; i++)
    if (!g_str_has_prefix (env[i], "VAMPIRE_"))
      {
        g_auto (GStrv) pair = g_strsplit (env[i], "=", 2);

        fallback = g_environ_setenv (fallback, pair[0], pair[1] != NULL ? pair[1] : "", TRUE);
      }
  fallback = g_environ_setenv (fallback, "VAMPIRE_CONFIG", "/dev/null", TRUE);
  if (data_dir != NULL)
    fallback = g_environ_setenv (fallback, "VAMPIRE_DATA_DIR", data_dir, TRUE);

  settings = vmp_settings_load (NULL, (const char * const *) fallback, &error);
  if (settings == NULL)
    settings = vmp_settings_load (NULL, NULL, NULL);

  return settings;
}

static void
vmp_app_startup (GApplication *application)
{
  VmpApp *self = VMP_APP (application);
  g_autoptr (VmpSettings) settings = load_settings ();

  G_APPLICATION_CLASS (vmp_app_parent_class)->startup (application);

  gtk_window_set_default_icon_name (VMP_APP_ID);
  add_actions (self);

  self->link = vmp_link_new (self->gateway, settings);
  self->mirror = vmp_mirror_new (self->link);
  g_signal_connect_object (self->mirror, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  vmp_mirror_hold (self->mirror, VMP_TOPIC_SETTINGS);
  vmp_link_start (self->link);
}

static void
vmp_app_activate (GApplication *application)
{
  VmpApp *self = VMP_APP (application);

  if (self->page != NULL)
    {
      show (self, self->page, NULL, NULL);
    }
  else if (!self->waits_for_orders && gtk_application_get_windows (GTK_APPLICATION (self)) == NULL)
    {
      g_application_hold (application);
      self->waits_for_orders = TRUE;
    }
}

static void
vmp_app_shutdown (GApplication *application)
{
  VmpApp *self = VMP_APP (application);

  g_clear_pointer (&self->channel, vmp_order_channel_free);
  if (self->link != NULL)
    vmp_link_stop (self->link);

  G_APPLICATION_CLASS (vmp_app_parent_class)->shutdown (application);

  if (self->mirror != NULL)
    vmp_mirror_release (self->mirror, VMP_TOPIC_SETTINGS);
  g_clear_object (&self->mirror);
  g_clear_object (&self->link);
}

static gint
vmp_app_handle_local_options (GApplication *application,
                              GVariantDict *options)
{
  VmpApp *self = VMP_APP (application);

  g_variant_dict_lookup (options, "page", "s", &self->page);
  g_variant_dict_lookup (options, "gateway", "s", &self->gateway);
  self->is_narrow = g_variant_dict_contains (options, "narrow");
  if (g_variant_dict_contains (options, "version"))
    {
      g_print ("vampire %s\n", VMP_VERSION);
      return EXIT_SUCCESS;
    }
  return -1;
}

static void
vmp_app_finalize (GObject *object)
{
  VmpApp *self = VMP_APP (object);

  g_clear_weak_pointer ((gpointer *) &self->window);
  g_clear_weak_pointer ((gpointer *) &self->approvals);
  g_clear_weak_pointer ((gpointer *) &self->preferences);
  g_clear_weak_pointer ((gpointer *) &self->quit_question);
  g_clear_pointer (&self->channel, vmp_order_channel_free);
  g_free (self->trouble);
  g_free (self->page);
  g_free (self->gateway);

  G_OBJECT_CLASS (vmp_app_parent_class)->finalize (object);
}

static void
vmp_app_class_init (VmpAppClass *class)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = vmp_app_finalize;
  application_class->startup = vmp_app_startup;
  application_class->activate = vmp_app_activate;
  application_class->shutdown = vmp_app_shutdown;
  application_class->handle_local_options = vmp_app_handle_local_options;
}

static void
vmp_app_init (VmpApp *self)
{
  static const GOptionEntry options[] = {
    { "page", 0, 0, G_OPTION_ARG_STRING, NULL, N_("Show this page"), N_("PAGE") },
    { "gateway", 0, 0, G_OPTION_ARG_STRING, NULL, N_("Use the gateway at this address"), N_("URL") },
    { "narrow", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Begin as narrow as on a phone"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Show the version"), NULL },
    { NULL }
  };

  g_application_add_main_option_entries (G_APPLICATION (self), options);
}

VmpApp *
vmp_app_new (int orders,
             int replies)
{
  /* The resident has the name on the bus. */
  VmpApp *self = g_object_new (VMP_TYPE_APP,
                               "application-id", VMP_APP_ID,
                               "flags", G_APPLICATION_NON_UNIQUE,
                               NULL);

  self->channel = vmp_order_channel_new (orders, replies, &channel_funcs, self);

  return self;
}

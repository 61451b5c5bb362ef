/* SPDX-License-Identifier: MIT
 *
 * See windows-fixture.h.
 */

#include "windows-fixture.h"

#include <string.h>

static const char status_document[] =
  "{\"object\":\"vampire.status\",\"version\":\"0.1.0\",\"nodes_total\":3,\"nodes_online\":1,\"nodes_offline\":1,"
  "\"nodes_pending\":1,\"instance\":\"test\",\"uptime_seconds\":1,\"listeners\":[\"127.0.0.1:7777\"],"
  "\"active_requests\":0,\"paused\":false,\"demo\":false,"
  "\"share\":{\"mode\":\"off\",\"enabled\":false,\"open\":false,\"ends_at\":null},\"share_trouble\":null,"
  "\"keyring\":{\"state\":\"locked\",\"trouble\":null},\"dns_sd\":\"off\","
  "\"store\":{\"trouble\":null,\"set_aside\":null}}";

static const char share_document[] =
  "{\"object\":\"vampire.share\",\"mode\":\"off\",\"enabled\":false,\"duration\":null,\"model\":null,\"open\":false,"
  "\"ends_at\":null,\"listeners\":[],\"trouble\":null,\"keys\":0}";

static const char doctor_document[] =
  "{\"object\":\"vampire.doctor\",\"status\":\"ok\",\"checks\":[{\"id\":\"clock\",\"title\":\"Clock\","
  "\"status\":\"ok\",\"message\":\"It is right.\",\"remedy\":null}]}";

#define SETTING(key, value, type, values, extra) \
  "{\"key\":\"" key "\",\"value\":" value ",\"default\":" value ",\"source\":\"default\",\"type\":\"" type "\"," \
  "\"values\":" values ",\"needs_restart\":false,\"restart_pending\":false,\"can_change\":true,\"secret\":false" extra \
  ",\"about\":\"About it.\"}"

static const char settings_document[] =
  "{\"object\":\"vampire.settings\",\"file\":\"/home/test/vampire.conf\",\"data\":["
  SETTING ("port", "7777", "int", "null", "") ","
  SETTING ("host", "\"127.0.0.1\"", "string", "null", "") ","
  SETTING ("allowed_hosts", "[\"a.lan\",\"b.lan\"]", "list", "null", "") ","
  SETTING ("loading_comments", "true", "bool", "null", "") ","
  SETTING ("appearance", "\"system\"", "enum", "[\"system\",\"light\",\"dark\"]", "") "]}";

static const struct {
  const char *request;
  const char *document;
} answers[] = {
  { "GET /vampire/v1/status", status_document },
  { "GET /vampire/v1/share", share_document },
  { "GET /vampire/v1/doctor", doctor_document },
  { "GET /vampire/v1/settings", settings_document },
  { "GET /vampire/v1/metrics", "{\"object\":\"vampire.metrics\",\"cluster\":{},\"models\":[],\"nodes\":[]}" },
  { "GET /vampire/v1/models", "{\"object\":\"list\",\"data\":[]}" },
  { "GET /vampire/v1/virtual_models", "{\"object\":\"list\",\"data\":[],\"strategies\":[]}" },
  { "GET /vampire/v1/routes", "{\"object\":\"list\",\"data\":[]}" },
  { "GET /vampire/v1/requests", "{\"object\":\"list\",\"data\":[]}" },
  { "GET /vampire/v1/keys", "{\"object\":\"list\",\"data\":[]}" },
  { "GET /vampire/v1/clients", "{\"object\":\"list\",\"data\":[]}" },
  { "GET /vampire/v1/discover/jobs", "{\"object\":\"list\",\"data\":[]}" },
};

/* (transfer full) */
static char *
make_node (const char *id,
           const char *name,
           const char *status,
           const char *approval)
{
  return g_strdup_printf (
    "{\"id\":\"%s\",\"name\":\"%s\",\"host\":null,\"base_url\":\"http://192.168.1.20:1234\",\"provider\":\"lmstudio\","
    "\"status\":\"%s\",\"health\":\"%s\",\"approval\":\"%s\",\"trusted\":false,\"tags\":[],\"models_count\":2,"
    "\"active_requests\":0,\"queue_depth\":0,\"latency_ms\":12.5,\"tokens_per_second\":42.0,\"last_error\":null,"
    "\"is_default\":false,\"pending_reason\":null,\"token\":{\"state\":\"not_needed\"},\"found\":{\"by\":\"lan_scan\","
    "\"at\":null,\"first_seen\":\"2026-11-22T08:00:00.000Z\",\"last_seen\":\"2026-11-22T08:00:00.000Z\"},"
    "\"addresses\":null,\"key_fingerprint\":null,\"seen_address\":\"192.168.1.20\",\"seen_key\":null,"
    "\"provider_name\":\"LM Studio\",\"drained\":false}",
    id, name, status, status, approval);
}

static void
answer_nodes (FakeGateway *gateway)
{
  g_autofree char *studio = make_node ("node-studio", "studio", "online", "approved");
  g_autofree char *attic = make_node ("node-attic", "<b>attic</b> & co", "offline", "approved");
  g_autofree char *stranger = make_node ("node-stranger", "stranger", "online", "pending");
  g_autofree char *document = g_strdup_printf ("{\"object\":\"list\",\"data\":[%s,%s,%s]}", studio, attic, stranger);

  fake_gateway_answer (gateway, "GET /vampire/v1/nodes", 200, document);
}

void
windows_test_init (int    *argc,
                   char ***argv)
{
  g_test_init (argc, argv, NULL);
  adw_init ();

  /* What moves is drawn where it ends. */
  g_object_set (gtk_settings_get_default (), "gtk-enable-animations", FALSE, NULL);
}

/* -- The fixture --------------------------------------------------------------------------- */

void
windows_fixture_set_up (WindowsFixture *self,
                        gconstpointer   data)
{
  g_autoptr (VmpSettings) settings = NULL;
  g_autoptr (GError) error = NULL;

  self->gateway = fake_gateway_new (0);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    fake_gateway_answer (self->gateway, answers[i].request, 200, answers[i].document);

  answer_nodes (self->gateway);

  settings = vmp_settings_load (NULL, NULL, &error);
  g_assert_no_error (error);
  self->link = vmp_link_new (fake_gateway_get_url (self->gateway), settings);
  self->mirror = vmp_mirror_new (self->link);
}

void
windows_test_add (const char   *path,
                  WindowsTest   test,
                  gconstpointer data)
{
  g_test_add (path, WindowsFixture, data, windows_fixture_set_up, test, windows_fixture_tear_down);
}

void
windows_fixture_connect (WindowsFixture *self)
{
  vmp_link_start (self->link);
  await (vmp_link_get_state (self->link) == VMP_LINK_CONNECTED);
  await (vmp_mirror_has (self->mirror, VMP_TOPIC_STATUS) && vmp_mirror_has (self->mirror, VMP_TOPIC_SHARE) &&
         vmp_mirror_has (self->mirror, VMP_TOPIC_NODES));
}

static void
close_windows (void)
{
  GListModel *windows = gtk_window_get_toplevels ();

  while (g_list_model_get_n_items (windows) > 0)
    {
      g_autoptr (GtkWindow) window = g_list_model_get_item (windows, 0);

      gtk_window_destroy (window);
    }
}

void
windows_fixture_tear_down (WindowsFixture *self,
                           gconstpointer   data)
{
  close_windows ();
  self->window = NULL;
  vmp_link_stop (self->link);

  /* Answers that were under way hold what asked for them until they are told that it is over. */
  await (G_OBJECT (self->mirror)->ref_count == 1);
  g_assert_finalize_object (self->mirror);
  await (G_OBJECT (self->link)->ref_count == 1);
  g_assert_finalize_object (self->link);
  fake_gateway_free (self->gateway);
}

/* -- Windows ------------------------------------------------------------------------------- */

static gboolean
tick_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  guint *n_left = user_data;

  if (*n_left > 0)
    (*n_left)--;

  return *n_left > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
windows_await_frame (GtkWidget *widget)
{
  /* One lays out what has changed; the next is after what that changed. */
  guint n_left = 3;

  while (g_main_context_pending (NULL))
    g_main_context_iteration (NULL, FALSE);
  gtk_widget_add_tick_callback (widget, tick_cb, &n_left, NULL);
  await (n_left == 0);
}

void
windows_fixture_show (WindowsFixture *self,
                      GtkWidget      *child,
                      int             width)
{
  GtkWidget *overlay = adw_toast_overlay_new ();

  self->window = adw_window_new ();
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (overlay), child);
  adw_window_set_content (ADW_WINDOW (self->window), overlay);
  gtk_window_set_default_size (GTK_WINDOW (self->window), width, 700);
  gtk_window_present (GTK_WINDOW (self->window));
  await (gtk_widget_get_mapped (child));
  windows_await_frame (self->window);
}

/* -- Finding ------------------------------------------------------------------------------- */

/* What a person sees on it or is told of it. */
static gboolean
says (GtkWidget  *widget,
      const char *text)
{
  const char *words[4] = { NULL };

  if (GTK_IS_LABEL (widget))
    words[0] = gtk_label_get_text (GTK_LABEL (widget));
  if (GTK_IS_BUTTON (widget))
    words[1] = gtk_button_get_label (GTK_BUTTON (widget));
  if (ADW_IS_PREFERENCES_ROW (widget))
    words[2] = adw_preferences_row_get_title (ADW_PREFERENCES_ROW (widget));
  words[3] = gtk_widget_get_tooltip_text (widget);

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_strcmp0 (words[i], text) == 0)
      return TRUE;

  return FALSE;
}

GtkWidget *
windows_find (GtkWidget  *root,
              GType       type,
              const char *text)
{
  if (!gtk_widget_get_mapped (root))
    return NULL;
  if (g_type_is_a (G_OBJECT_TYPE (root), type) && (text == NULL || says (root, text)))
    return root;

  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = windows_find (child, type, text);

      if (found != NULL)
        return found;
    }
  return NULL;
}

gboolean
windows_sees (GtkWidget  *root,
              const char *text)
{
  if (!gtk_widget_get_mapped (root))
    return FALSE;
  if (GTK_IS_LABEL (root) && strstr (gtk_label_get_text (GTK_LABEL (root)), text) != NULL)
    return TRUE;

  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    if (windows_sees (child, text))
      return TRUE;

  return FALSE;
}

void
windows_press (GtkWidget *widget)
{
  g_assert_nonnull (widget);
  g_assert_true (gtk_widget_is_sensitive (widget));

  if (GTK_IS_BUTTON (widget))
    g_signal_emit_by_name (widget, "clicked");
  else if (GTK_IS_SWITCH (widget))
    gtk_switch_set_active (GTK_SWITCH (widget), !gtk_switch_get_active (GTK_SWITCH (widget)));
  else
    g_assert_true (gtk_widget_activate (widget));
}

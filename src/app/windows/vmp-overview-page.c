/* SPDX-License-Identifier: MIT
 *
 * See vmp-overview-page.h. Each part follows one topic of the mirror. What is not known yet is not guessed: the page
 * says that it looks for the gateway until it has its status.
 */

#include "app/windows/vmp-overview-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chart.h"
#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-problem-list.h"
#include "app/windows/vmp-snippets.h"
#include "app/windows/vmp-ui-settings.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

/* Nodes that are shown here; the rest are on their own page. */
#define MAX_NODES 6
/* Values of the chart: one a second. */
#define CHART_SECONDS 120
/* What sharing begins with for those who never chose a mode. */
#define FIRST_MODE "personal"

struct _VmpOverviewPage {
  AdwBin parent_instance;

  GtkStack *stack;
  GtkImage *state_icon;
  GtkLabel *state_title;
  GtkLabel *state_text;
  AdwPreferencesGroup *guide;
  GtkButton *look_button;
  VmpProblemList *problems;
  AdwActionRow *address_row;
  AdwComboRow *app_row;
  GtkLabel *advice_label;
  GtkTextView *snippet_view;
  AdwActionRow *share_row;
  GtkSwitch *share_switch;
  GtkBox *now_box;
  GtkLabel *requests_label;
  GtkLabel *rate_label;
  AdwPreferencesGroup *nodes_group;
  VmpChart *chart;

  VmpMirror *mirror;
  VmpItemWatch *nodes_watch;
  guint nodes_idle;
  GPtrArray *node_rows;        /* of GtkWidget, not owned: they are in the group */
  char *base_url;              /* NULL: not known yet */
  gboolean needs_token;
  gboolean is_updating_share;  /* what the switch does is not its owner's doing */
};

G_DEFINE_FINAL_TYPE (VmpOverviewPage, vmp_overview_page, ADW_TYPE_BIN)

/* -- Whether it works ---------------------------------------------------------------------- */

typedef struct {
  const char *icon;
  const char *css_class;
  const char *title;
  char *text;
} State;

static gint64
read_count (JsonObject *document,
            const char *name)
{
  gint64 count = 0;

  vmp_json_get_int (document, name, &count);

  return MAX (count, 0);
}

/* A trouble of the gateway itself, in the doctor's words; NULL: it has none. */
static const char *
find_trouble (VmpOverviewPage *self)
{
  static const char * const own_checks[] = { "listeners", "store", "sharing", NULL };
  JsonObject *document = vmp_mirror_get_document (self->mirror, VMP_TOPIC_DOCTOR);
  JsonArray *checks = document != NULL ? vmp_json_get_array (document, "checks") : NULL;
  guint n_checks = checks != NULL ? json_array_get_length (checks) : 0;

  for (guint i = 0; i < n_checks; i++)
    {
      JsonNode *node = json_array_get_element (checks, i);
      JsonObject *check = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      const char *id = check != NULL ? vmp_json_get_string (check, "id") : NULL;

      if (id != NULL && g_strv_contains (own_checks, id) &&
          g_strcmp0 (vmp_json_get_string (check, "status"), "problem") == 0)
        return vmp_json_get_string (check, "message");
    }
  return NULL;
}

static char *
describe_nodes (gint64 online,
                gint64 offline)
{
  g_autofree char *answering = g_strdup_printf (ngettext ("%d node answers.", "%d nodes answer.", (gulong) online),
                                                (int) online);
  g_autofree char *silent = NULL;

  if (offline == 0)
    return g_steal_pointer (&answering);

  silent = g_strdup_printf (ngettext ("%d does not.", "%d do not.", (gulong) offline), (int) offline);
  /* Translators: two sentences, "3 nodes answer." and "1 does not.". */
  return g_strdup_printf (C_("sentences", "%s %s"), answering, silent);
}

static State
judge (VmpOverviewPage *self,
       JsonObject      *status)
{
  VmpLink *link = vmp_mirror_get_link (self->mirror);
  const char *trouble = find_trouble (self);
  gboolean is_paused = FALSE;
  gint64 online;

  /* Why is above all pages. */
  if (vmp_link_get_state (link) == VMP_LINK_LOST)
    return (State) { "network-error-symbolic", "error", _("Vampire Is Not Reached"),
                     g_strdup (_("It is looked for again and again. Below is what was known last.")) };

  vmp_json_get_boolean (status, "paused", &is_paused);
  online = read_count (status, "nodes_online");
  if (is_paused)
    return (State) { "media-playback-pause-symbolic", "warning", _("Vampire Is Paused"),
                     g_strdup (_("Requests get no answer until you resume it.")) };
  if (trouble != NULL)
    return (State) { "dialog-error-symbolic", "error", _("Vampire Has a Problem"), g_strdup (trouble) };
  if (online == 0)
    return (State) { "network-offline-symbolic", "warning", _("No Server Answers"),
                     g_strdup (_("Vampire runs, but there is nobody to pass requests on to.")) };

  return (State) { "emblem-ok-symbolic", "success", _("Vampire Works"),
                   describe_nodes (online, read_count (status, "nodes_offline")) };
}

static void
show_state (VmpOverviewPage *self,
            const State     *state)
{
  static const char * const classes[] = { "success", "warning", "error" };

  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    gtk_widget_remove_css_class (GTK_WIDGET (self->state_icon), classes[i]);
  gtk_widget_add_css_class (GTK_WIDGET (self->state_icon), state->css_class);
  gtk_image_set_from_icon_name (self->state_icon, state->icon);

  /* One who listens is told when it changes, and not what it is each second. */
  if (g_strcmp0 (gtk_label_get_text (self->state_title), state->title) != 0)
    {
      if (*gtk_label_get_text (self->state_title) != '\0')
        vmp_ui_announce (GTK_WIDGET (self), state->title);
      gtk_label_set_text (self->state_title, state->title);
    }
  gtk_label_set_text (self->state_text, state->text);
  gtk_widget_set_visible (GTK_WIDGET (self->state_text), *state->text != '\0');
}

/* For those who begin: there is nothing but the server of this computer, and that is not there. */
static gboolean
needs_guide (VmpOverviewPage *self)
{
  VmpItemList *nodes = vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES);
  guint n_nodes = vmp_item_list_get_length (nodes);

  if (!vmp_mirror_has (self->mirror, VMP_TOPIC_NODES))
    return FALSE;

  for (guint i = 0; i < n_nodes; i++)
    {
      g_autoptr (VmpItem) node = g_list_model_get_item (G_LIST_MODEL (nodes), i);

      if (g_strcmp0 (vmp_item_get_string (node, "approval"), "approved") == 0 &&
          (g_strcmp0 (vmp_item_get_string (node, "status"), "online") == 0 ||
           !vmp_item_get_boolean (node, "is_default")))
        return FALSE;
    }
  return TRUE;
}

static void
update_address (VmpOverviewPage *self);

static void
update_state (GtkWidget *widget)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (widget);
  JsonObject *status = vmp_mirror_get_document (self->mirror, VMP_TOPIC_STATUS);
  VmpLinkState link_state = vmp_link_get_state (vmp_mirror_get_link (self->mirror));
  State state;

  /* Before the first answer; afterwards what was known stays in sight. */
  if (status == NULL)
    {
      gtk_stack_set_visible_child_name (self->stack, link_state == VMP_LINK_LOST ? "lost" : "loading");
      return;
    }

  state = judge (self, status);
  show_state (self, &state);
  g_free (state.text);
  gtk_widget_set_visible (GTK_WIDGET (self->guide), link_state == VMP_LINK_CONNECTED && needs_guide (self));
  update_address (self);
  gtk_stack_set_visible_child_name (self->stack, "content");
}

static void
looked_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (widget);

  gtk_widget_set_sensitive (GTK_WIDGET (self->look_button), TRUE);
  if (needs_guide (self))
    vmp_ui_toast (widget, _("Nothing answers on this computer yet"));
}

static void
look_failed_cb (GtkWidget  *widget,
                const char *problem,
                gpointer    user_data)
{
  gtk_widget_set_sensitive (GTK_WIDGET (VMP_OVERVIEW_PAGE (widget)->look_button), TRUE);
  vmp_ui_toast (widget, problem);
}

static void
refresh_defaults (VmpOverviewPage *self)
{
  VmpItemList *nodes = vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES);
  guint n_nodes = vmp_item_list_get_length (nodes);

  for (guint i = 0; i < n_nodes; i++)
    {
      g_autoptr (VmpItem) node = g_list_model_get_item (G_LIST_MODEL (nodes), i);

      if (vmp_item_get_boolean (node, "is_default"))
        vmp_ui_ask (GTK_WIDGET (self), self->mirror, "POST",
                    vmp_client_path ("/vampire/v1/nodes/", vmp_item_get_id (node), "/refresh", NULL), NULL, NULL,
                    NULL);
    }
}

static void
look_cb (VmpOverviewPage *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "methods");
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, "local");
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  gtk_widget_set_sensitive (GTK_WIDGET (self->look_button), FALSE);
  refresh_defaults (self);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/discover"),
                   json_builder_get_root (builder), looked_cb, look_failed_cb, NULL, NULL);
}

/* -- The address --------------------------------------------------------------------------- */

static void
update_snippet (VmpOverviewPage *self)
{
  guint index = adw_combo_row_get_selected (self->app_row);
  g_autofree char *text = NULL;

  if (index >= vmp_snippets_get_n () || self->base_url == NULL)
    return;

  text = vmp_snippets_make (index, self->base_url, self->needs_token);
  gtk_label_set_text (self->advice_label, vmp_snippets_get_advice (index));
  gtk_text_buffer_set_text (gtk_text_view_get_buffer (self->snippet_view), text, -1);
}

static void
app_chosen_cb (VmpOverviewPage *self)
{
  update_snippet (self);
}

static void
update_address (VmpOverviewPage *self)
{
  const char *url = vmp_link_get_url (vmp_mirror_get_link (self->mirror));
  JsonObject *token = vmp_ui_settings_find (self->mirror, "auth_token");
  gboolean needs_token = token != NULL && vmp_json_get_string (token, "value") != NULL;
  g_autofree char *base_url = url != NULL ? vmp_snippets_base_url (url) : NULL;

  if (base_url == NULL || (g_strcmp0 (base_url, self->base_url) == 0 && needs_token == self->needs_token))
    return;

  g_free (self->base_url);
  self->base_url = g_steal_pointer (&base_url);
  self->needs_token = needs_token;
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->address_row), self->base_url);
  adw_action_row_set_subtitle (self->address_row, needs_token
                               ? _("Whatever speaks OpenAI’s API can use it, with your token as its key")
                               : _("Whatever speaks OpenAI’s API can use it. It needs no key here: give any."));
  update_snippet (self);
}

static void
settings_changed (GtkWidget *widget)
{
  update_address (VMP_OVERVIEW_PAGE (widget));
}

static void
copy_address_cb (VmpOverviewPage *self)
{
  if (self->base_url != NULL)
    vmp_ui_copy (GTK_WIDGET (self), self->base_url, _("Address copied"));
}

static void
copy_snippet_cb (VmpOverviewPage *self)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->snippet_view);
  GtkTextIter start;
  GtkTextIter end;
  g_autofree char *text = NULL;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  text = gtk_text_buffer_get_text (buffer, &start, &end, FALSE);
  vmp_ui_copy (GTK_WIDGET (self), text, _("Copied"));
}

/* -- Sharing ------------------------------------------------------------------------------- */

/* (transfer full) */
static char *
describe_share (JsonObject *share,
                gboolean    is_enabled)
{
  const char *trouble = vmp_json_get_string (share, "trouble");
  const char *mode = vmp_ui_text_share_mode (vmp_json_get_string (share, "mode"));
  const char *ends_at = vmp_json_get_string (share, "ends_at");
  g_autofree char *until = vmp_ui_text_time (ends_at);

  if (!is_enabled)
    return g_strdup (_("Off: only this computer uses Vampire"));
  if (trouble != NULL)
    return g_strdup (trouble);
  if (*until != '\0')
    /* Translators: a share mode, such as "Family", and a time, such as "today, 14:02". */
    return g_strdup_printf (_("%s, until %s"), mode, until);

  /* Translators: a share mode, such as "Family". */
  return g_strdup_printf (_("%s, until you turn it off"), mode);
}

static void
update_share (GtkWidget *widget)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (widget);
  JsonObject *share = vmp_mirror_get_document (self->mirror, VMP_TOPIC_SHARE);
  gboolean is_enabled = FALSE;
  g_autofree char *text = NULL;

  gtk_widget_set_sensitive (GTK_WIDGET (self->share_switch), share != NULL);
  if (share == NULL)
    return;

  /* Ended by its time counts as off; waiting for a network does not. */
  vmp_json_get_boolean (share, "enabled", &is_enabled);
  text = describe_share (share, is_enabled);
  self->is_updating_share = TRUE;
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->share_row), FALSE);
  adw_action_row_set_subtitle (self->share_row, text);
  gtk_switch_set_active (self->share_switch, is_enabled);
  gtk_switch_set_state (self->share_switch, is_enabled);
  self->is_updating_share = FALSE;
}

static void
share_failed_cb (GtkWidget  *widget,
                 const char *problem,
                 gpointer    user_data)
{
  update_share (widget);
  vmp_ui_toast (widget, problem);
}

static void
shared_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  vmp_mirror_refresh (VMP_OVERVIEW_PAGE (widget)->mirror, VMP_TOPIC_SHARE);
}

static gboolean
share_set_cb (GtkSwitch *widget,
              gboolean   state,
              gpointer   user_data)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (user_data);
  JsonObject *share = vmp_mirror_get_document (self->mirror, VMP_TOPIC_SHARE);
  const char *mode = NULL;

  if (self->is_updating_share || share == NULL)
    return FALSE;

  mode = vmp_json_get_string (share, "last_mode");
  if (mode == NULL)
    mode = vmp_json_get_string (share, "mode");
  if (mode == NULL || g_str_equal (mode, "off") || g_str_equal (mode, "local"))
    mode = FIRST_MODE;
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/share"),
                   vmp_ui_object ("mode", "s", mode, "enabled", "b", state, NULL), shared_cb, share_failed_cb, NULL,
                   NULL);

  /* The switch is on when sharing is, not when it was asked for. */
  return TRUE;
}

/* -- Now ----------------------------------------------------------------------------------- */

static void
show_figures (VmpOverviewPage *self,
              int              active,
              int              queued,
              double           rate)
{
  g_autofree char *running = g_strdup_printf (ngettext ("%d request is running", "%d requests are running",
                                                        (gulong) active), active);
  g_autofree char *waiting = g_strdup_printf (ngettext ("%d waits", "%d wait", (gulong) queued), queued);
  g_autofree char *rate_text = vmp_ui_text_rate (rate);
  g_autofree char *text = NULL;

  if (active == 0 && queued == 0)
    text = g_strdup (_("No request is running"));
  else if (queued == 0)
    text = g_steal_pointer (&running);
  else
    /* Translators: "3 requests are running, 1 waits". */
    text = g_strdup_printf (_("%s, %s"), running, waiting);

  gtk_label_set_text (self->requests_label, text);
  gtk_label_set_text (self->rate_label, rate_text);
}

static void
metric_cb (VmpOverviewPage *self,
           JsonObject      *metric)
{
  double rate = 0;

  vmp_json_get_double (metric, "tokens_per_second", &rate);
  vmp_chart_add (self->chart, rate);
  show_figures (self, (int) MIN (read_count (metric, "active_requests"), G_MAXINT),
                (int) MIN (read_count (metric, "queue_depth"), G_MAXINT), rate);
}

/* -- Nodes --------------------------------------------------------------------------------- */

/* (transfer full) */
static char *
describe_node (VmpItem *node)
{
  const char *status = vmp_ui_text_node_status (vmp_item_get_string (node, "status"));
  gint64 n_models = vmp_item_get_int (node, "models_count", 0);
  g_autofree char *models = g_strdup_printf (ngettext ("%d model", "%d models", (gulong) MAX (n_models, 0)),
                                             (int) n_models);
  const char *error = vmp_item_get_string (node, "last_error");

  if (g_strcmp0 (vmp_item_get_string (node, "status"), "offline") == 0)
    return g_strdup (error != NULL ? error : status);

  /* Translators: a node's status and how many models it has, such as "Online · 6 models". */
  return g_strdup_printf (_("%s · %s"), status, models);
}

static void
add_node_row (VmpOverviewPage *self)
{
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *icon = gtk_image_new ();
  GtkWidget *label = gtk_label_new (NULL);

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 2);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
  gtk_widget_add_css_class (label, "dim-label");
  gtk_widget_add_css_class (label, "numeric");
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), label);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("go-next-symbolic"));
  g_object_set_data (G_OBJECT (row), "vmp-icon", icon);
  g_object_set_data (G_OBJECT (row), "vmp-label", label);

  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (row), "s", "");
  gtk_actionable_set_action_name (GTK_ACTIONABLE (row), "win.show-node");
  adw_preferences_group_add (self->nodes_group, row);
  g_ptr_array_add (self->node_rows, row);
}

static void
fill_node_row (VmpOverviewPage *self,
               GtkWidget       *row,
               VmpItem         *node)
{
  GtkWidget *icon = g_object_get_data (G_OBJECT (row), "vmp-icon");
  GtkWidget *label = g_object_get_data (G_OBJECT (row), "vmp-label");
  const char *status = vmp_item_get_string (node, "status");
  gint64 active = vmp_item_get_int (node, "active_requests", 0);
  g_autofree char *text = describe_node (node);
  g_autofree char *count = g_strdup_printf (ngettext ("%d running", "%d running", (gulong) active), (int) active);
  const char *classes[] = { NULL, NULL };

  if (g_strcmp0 (status, "online") == 0)
    classes[0] = "success";
  else if (g_strcmp0 (status, "offline") == 0 || g_strcmp0 (status, "degraded") == 0)
    classes[0] = "warning";
  gtk_widget_set_css_classes (icon, classes);
  gtk_image_set_from_icon_name (GTK_IMAGE (icon), vmp_ui_icon_for_status (status));
  gtk_label_set_text (GTK_LABEL (label), count);
  gtk_widget_set_visible (label, active > 0);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row),
                                 vmp_mirror_get_node_name (self->mirror, vmp_item_get_id (node)));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (row), "s", vmp_item_get_id (node));
}

/* Rows stay while nodes change, and with them the focus. */
static gboolean
update_nodes_cb (gpointer user_data)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (user_data);
  VmpItemList *nodes = vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES);
  guint n_nodes = vmp_item_list_get_length (nodes);
  guint n_shown = 0;

  self->nodes_idle = 0;
  for (guint i = 0; i < n_nodes && n_shown < MAX_NODES; i++)
    {
      g_autoptr (VmpItem) node = g_list_model_get_item (G_LIST_MODEL (nodes), i);

      if (g_strcmp0 (vmp_item_get_string (node, "approval"), "approved") != 0)
        continue;
      if (n_shown == self->node_rows->len)
        add_node_row (self);
      fill_node_row (self, g_ptr_array_index (self->node_rows, n_shown), node);
      n_shown++;
    }
  for (guint i = n_shown; i < self->node_rows->len; i++)
    adw_preferences_group_remove (self->nodes_group, g_ptr_array_index (self->node_rows, i));
  g_ptr_array_set_size (self->node_rows, (int) n_shown);
  gtk_widget_set_visible (GTK_WIDGET (self->nodes_group), n_shown > 0);
  update_state (GTK_WIDGET (self));

  return G_SOURCE_REMOVE;
}

/* Many may change at once: that is shown once for all of them. */
static void
update_nodes_soon (VmpOverviewPage *self)
{
  if (self->nodes_idle == 0)
    self->nodes_idle = g_idle_add (update_nodes_cb, self);
}

/* Where nobody looks nothing is done. */
static void
nodes_changed_cb (gpointer user_data,
                  VmpItem *item)
{
  if (gtk_widget_get_mapped (GTK_WIDGET (user_data)))
    update_nodes_soon (user_data);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
state_cb (VmpOverviewPage *self)
{
  if (vmp_link_get_state (vmp_mirror_get_link (self->mirror)) == VMP_LINK_LOST)
    vmp_chart_add (self->chart, -1);
  update_state (GTK_WIDGET (self));
}

static void
vmp_overview_page_dispose (GObject *object)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (object);

  g_clear_pointer (&self->nodes_watch, vmp_item_watch_free);
  g_clear_handle_id (&self->nodes_idle, g_source_remove);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_overview_page_parent_class)->dispose (object);
}

static void
vmp_overview_page_finalize (GObject *object)
{
  VmpOverviewPage *self = VMP_OVERVIEW_PAGE (object);

  g_ptr_array_unref (self->node_rows);
  g_free (self->base_url);

  G_OBJECT_CLASS (vmp_overview_page_parent_class)->finalize (object);
}

static void
vmp_overview_page_class_init (VmpOverviewPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_overview_page_dispose;
  G_OBJECT_CLASS (class)->finalize = vmp_overview_page_finalize;

  g_type_ensure (VMP_TYPE_PROBLEM_LIST);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/overview-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, state_icon);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, state_title);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, state_text);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, guide);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, look_button);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, problems);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, app_row);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, advice_label);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, snippet_view);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, share_row);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, share_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, now_box);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, requests_label);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, rate_label);
  gtk_widget_class_bind_template_child (widget_class, VmpOverviewPage, nodes_group);
  gtk_widget_class_bind_template_callback (widget_class, look_cb);
  gtk_widget_class_bind_template_callback (widget_class, app_chosen_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_address_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_snippet_cb);
  gtk_widget_class_bind_template_callback (widget_class, share_set_cb);
}

static void
vmp_overview_page_init (VmpOverviewPage *self)
{
  GtkStringList *apps = gtk_string_list_new (NULL);

  self->node_rows = g_ptr_array_new ();
  gtk_widget_init_template (GTK_WIDGET (self));

  for (guint i = 0; i < vmp_snippets_get_n (); i++)
    gtk_string_list_append (apps, vmp_snippets_get_name (i));
  adw_combo_row_set_model (self->app_row, G_LIST_MODEL (apps));
  g_object_unref (apps);

  self->chart = VMP_CHART (vmp_chart_new (CHART_SECONDS, _("Tokens per second")));
  gtk_box_append (self->now_box, GTK_WIDGET (self->chart));
  show_figures (self, 0, 0, 0);
}

GtkWidget *
vmp_overview_page_new (VmpMirror *mirror)
{
  VmpOverviewPage *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_OVERVIEW_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  vmp_problem_list_set_mirror (self->problems, mirror);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_DOCTOR);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_SETTINGS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_SETTINGS, settings_changed);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_SHARE, update_share);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_STATUS, update_state);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_DOCTOR, update_state);
  self->nodes_watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_NODES), nodes_changed_cb, self);
  g_signal_connect (self, "map", G_CALLBACK (update_nodes_soon), NULL);
  update_nodes_soon (self);
  g_signal_connect_object (mirror, "metric", G_CALLBACK (metric_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (vmp_mirror_get_link (mirror), "notify::state", G_CALLBACK (state_cb), self,
                           G_CONNECT_SWAPPED);

  return GTK_WIDGET (self);
}

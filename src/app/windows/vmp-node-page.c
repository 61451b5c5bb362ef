/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-page.h. It shows the mirror's document, asks for the models, which the mirror has not, and tells the
 * gateway what its owner wants; what is shown then is what the gateway says.
 */

#include "app/windows/vmp-node-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chart.h"
#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-identity.h"
#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-node-models.h"
#include "app/windows/vmp-node-row.h"
#include "app/windows/vmp-node-token.h"
#include "app/windows/vmp-node-words.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"

/* Two minutes, at a value a second. */
#define CHART_VALUES 120

/* In the order of the list in the template. */
static const char * const services[] = { "online", "maintenance", "disabled", "quarantine" };

struct _VmpNodePage {
  AdwBin parent_instance;

  VmpMirror *mirror;
  VmpItemWatch *watch;
  char *node_id;
  VmpItem *node;             /* NULL: it is not known */
  gboolean updating;         /* what changes in the widgets is not its owner's doing */
  char *models_as_of;        /* the look at the node whose models are shown; NULL: none yet */
  gboolean asking_models;

  GtkLabel *title_label;
  GtkLabel *busy_label;
  GtkStack *stack;
  AdwActionRow *state_row;
  GtkImage *state_icon;
  GtkSpinner *test_spinner;
  GtkWidget *test_button;
  AdwActionRow *remedy_row;
  GtkWidget *review_button;
  GtkWidget *unblock_button;
  GtkFlowBox *charts_box;
  VmpChart *latency_chart;
  VmpChart *speed_chart;
  GtkLabel *latency_label;
  GtkLabel *speed_label;
  VmpFactRow *address_row;
  VmpFactRow *seen_address_row;
  VmpFactRow *key_row;
  VmpFactRow *provider_row;
  VmpFactRow *found_row;
  VmpFactRow *seen_row;
  VmpFactRow *requests_row;
  VmpFactRow *breaker_row;
  VmpNodeModels *models;
  GtkWidget *use_group;
  AdwEntryRow *name_row;
  AdwEntryRow *tags_row;
  GtkSwitch *trust_switch;
  AdwActionRow *drain_row;
  GtkSwitch *drain_switch;
  AdwComboRow *service_row;
  VmpNodeToken *token;
  GtkWidget *block_button;
  GtkWidget *forget_button;
};

enum {
  SIGNAL_BACK,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpNodePage, vmp_node_page, ADW_TYPE_BIN)

static gboolean
is (VmpNodePage *self,
    const char  *path,
    const char  *value)
{
  return g_strcmp0 (vmp_item_get_string (self->node, path), value) == 0;
}

static char *
make_path (VmpNodePage *self,
           const char  *rest)
{
  return vmp_client_path ("/vampire/v1/nodes/", self->node_id, rest, NULL);
}

/* -- Its models ---------------------------------------------------------------------------- */

static void ask_models (VmpNodePage *self);

static void
models_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  VmpNodePage *self = VMP_NODE_PAGE (widget);
  JsonNode *models = NULL;

  self->asking_models = FALSE;
  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    models = vmp_document_find (json_node_get_object (answer), "models");
  if (models != NULL && JSON_NODE_HOLDS_ARRAY (models))
    vmp_node_models_set (self->models, json_node_get_array (models));
  ask_models (self);
}

/* They are asked for again when the node was looked at again. */
static void
no_models_cb (GtkWidget  *widget,
              const char *problem,
              gpointer    user_data)
{
  VMP_NODE_PAGE (widget)->asking_models = FALSE;
}

/* Only a look at the node changes them. */
static void
ask_models (VmpNodePage *self)
{
  const char *looked = self->node != NULL ? vmp_item_get_string (self->node, "last_checked_at") : NULL;

  if (self->node == NULL || self->asking_models || !gtk_widget_get_mapped (GTK_WIDGET (self))
      || g_strcmp0 (self->models_as_of, looked != NULL ? looked : "") == 0)
    return;

  self->asking_models = TRUE;
  g_free (self->models_as_of);
  self->models_as_of = g_strdup (looked != NULL ? looked : "");
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "GET", make_path (self, ""), NULL, models_cb, no_models_cb, NULL,
                   NULL);
}

/* -- Its charts ---------------------------------------------------------------------------- */

static VmpChart *
add_chart (VmpNodePage *self,
           const char  *caption,
           GtkLabel   **value_label)
{
  GtkWidget *card = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *label = gtk_label_new (caption);
  GtkWidget *value = gtk_label_new (NULL);
  GtkWidget *chart = vmp_chart_new (CHART_VALUES, caption);

  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (label, "dim-label");
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_add_css_class (value, "numeric");
  gtk_box_append (GTK_BOX (head), label);
  gtk_box_append (GTK_BOX (head), value);
  gtk_widget_set_size_request (chart, -1, 72);

  gtk_widget_add_css_class (card, "card");
  gtk_widget_add_css_class (card, "vmp-chart-card");
  gtk_box_append (GTK_BOX (card), head);
  gtk_box_append (GTK_BOX (card), chart);
  gtk_flow_box_append (self->charts_box, card);
  gtk_widget_set_focusable (gtk_widget_get_parent (card), FALSE);
  *value_label = GTK_LABEL (value);

  return VMP_CHART (chart);
}

static void
add_values (VmpNodePage *self,
            JsonObject  *metrics)
{
  JsonNode *speed = vmp_document_find (metrics, "tokens_per_second");
  JsonNode *running = vmp_document_find (metrics, "active_requests");
  gboolean is_running = running != NULL && json_node_get_int (running) > 0;
  double rate = speed != NULL && is_running ? json_node_get_double (speed) : 0;
  double latency = vmp_item_get_double (self->node, "latency_ms", -1);
  g_autofree char *rate_text = vmp_ui_text_rate (rate);
  g_autofree char *latency_text = vmp_ui_text_duration (latency);

  vmp_chart_add (self->latency_chart, is (self, "health", "offline") ? -1 : latency);
  vmp_chart_add (self->speed_chart, MAX (rate, 0));
  gtk_label_set_text (self->latency_label, latency_text);
  gtk_label_set_text (self->speed_label, *rate_text != '\0' ? rate_text : C_("speed", "idle"));
}

/* The figures of this node, at most once a second, while it is on screen. */
static void
metrics_changed_cb (GtkWidget *widget)
{
  VmpNodePage *self = VMP_NODE_PAGE (widget);
  JsonObject *document = vmp_mirror_get_document (self->mirror, VMP_TOPIC_METRICS);
  JsonNode *nodes = document != NULL ? vmp_document_find (document, "nodes") : NULL;
  guint n = nodes != NULL && JSON_NODE_HOLDS_ARRAY (nodes) ? json_array_get_length (json_node_get_array (nodes)) : 0;

  if (self->node == NULL || !gtk_widget_get_mapped (widget))
    return;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *entry = json_array_get_element (json_node_get_array (nodes), i);
      JsonNode *id = JSON_NODE_HOLDS_OBJECT (entry) ? vmp_document_find (json_node_get_object (entry), "node") : NULL;

      if (id != NULL && g_strcmp0 (json_node_get_string (id), self->node_id) == 0)
        {
          add_values (self, json_node_get_object (entry));
          return;
        }
    }
}

/* -- What is shown ------------------------------------------------------------------------- */

static void
update_state (VmpNodePage *self)
{
  const char *error = vmp_item_get_string (self->node, "last_error");
  const char *reason = vmp_item_get_string (self->node, "pending_reason");
  const char *remedy = vmp_node_words_remedy (self->node);
  gboolean is_pending = is (self, "approval", "pending");
  gboolean is_blocked = is (self, "approval", "blocked");
  g_autofree char *state = vmp_node_words_state (self->node);
  g_autofree char *busy = vmp_node_words_busy (self->node);

  gtk_label_set_text (self->title_label, vmp_node_words_title (self->node));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->title_label), vmp_node_words_title (self->node));
  gtk_label_set_text (self->busy_label, busy);
  gtk_widget_set_visible (GTK_WIDGET (self->busy_label), *busy != '\0');

  vmp_node_row_set_icon (self->state_icon, self->node);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->state_row),
                                 is_pending ? vmp_ui_text_approval ("pending") : state);
  adw_action_row_set_subtitle (self->state_row, reason != NULL ? reason : error != NULL ? error : "");
  gtk_widget_set_visible (self->test_button, !is_blocked);

  gtk_widget_set_visible (GTK_WIDGET (self->remedy_row), remedy != NULL);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->remedy_row), remedy != NULL ? remedy : "");
  gtk_widget_set_visible (self->review_button, is_pending);
  gtk_widget_set_visible (self->unblock_button, is_blocked);
}

static char *
describe_requests (VmpNodePage *self)
{
  gulong n = MAX (vmp_item_get_int (self->node, "request_count", 0), 0);
  gulong failed = MAX (vmp_item_get_int (self->node, "error_count", 0), 0);
  g_autofree char *latency = vmp_ui_text_duration (vmp_item_get_double (self->node, "avg_latency_ms", -1));
  g_autofree char *requests = g_strdup_printf (ngettext ("%lu request", "%lu requests", n), n);
  g_autofree char *errors = g_strdup_printf (ngettext ("%lu failed", "%lu failed", failed), failed);

  if (n == 0)
    return g_strdup (_("None"));

  return g_strjoin (" · ", requests, errors, *latency != '\0' ? latency : NULL, NULL);
}

static char *
describe_breaker (VmpNodePage *self)
{
  guint failures = CLAMP (vmp_item_get_int (self->node, "breaker.failures", 0), 0, G_MAXINT);
  guint wait = CLAMP (vmp_item_get_int (self->node, "breaker.retry_in_seconds", 0), 0, G_MAXINT);

  if (is (self, "breaker.state", "half_open"))
    return g_strdup (_("One request tries whether it works again."));
  if (!is (self, "breaker.state", "open"))
    return NULL;

  /* Two numbers, of which the second is a count of seconds that needs no plural: "in 20 s". */
  return g_strdup_printf (ngettext ("%u request failed in a row. It is tried again in %u s.",
                                    "%u requests failed in a row. It is tried again in %u s.", failures),
                          failures, wait);
}

static void
update_facts (VmpNodePage *self)
{
  const char *base_url = vmp_item_get_string (self->node, "base_url");
  const char *seen_address = vmp_item_get_string (self->node, "seen_address");
  const char *key = vmp_item_get_string (self->node, "key_fingerprint");
  g_autofree char *found = vmp_node_words_found (vmp_item_get_string (self->node, "found.by"),
                                                 vmp_item_get_string (self->node, "found.at"));
  g_autofree char *seen = vmp_ui_text_ago (vmp_item_get_string (self->node, "found.last_seen"));
  g_autofree char *requests = describe_requests (self);
  g_autofree char *breaker = describe_breaker (self);

  vmp_fact_row_set_value (self->address_row, base_url);
  vmp_fact_row_set_value (self->seen_address_row,
                          vmp_node_words_has_address (base_url, seen_address) ? NULL : seen_address);
  vmp_fact_row_set_value (self->key_row, key != NULL ? key : vmp_item_get_string (self->node, "seen_key"));
  vmp_fact_row_set_value (self->provider_row, vmp_ui_text_provider (vmp_item_get_string (self->node, "provider")));
  vmp_fact_row_set_value (self->found_row, found);
  vmp_fact_row_set_value (self->seen_row, seen);
  vmp_fact_row_set_value (self->requests_row, is (self, "approval", "approved") ? requests : NULL);
  vmp_fact_row_set_value (self->breaker_row, breaker);
}

/* What its owner is typing stays. @data: what was last put there */
static void
set_entry (AdwEntryRow *row,
           const char  *text)
{
  const char *shown = gtk_editable_get_text (GTK_EDITABLE (row));
  const char *before = g_object_get_data (G_OBJECT (row), "before");

  if (before != NULL && (g_strcmp0 (before, text) == 0 || g_strcmp0 (before, shown) != 0))
    return;

  g_object_set_data_full (G_OBJECT (row), "before", g_strdup (text), g_free);
  adw_entry_row_set_show_apply_button (row, FALSE);
  gtk_editable_set_text (GTK_EDITABLE (row), text);
  adw_entry_row_set_show_apply_button (row, TRUE);
}

static char *
join_tags (VmpNodePage *self)
{
  JsonArray *tags = vmp_item_get_array (self->node, "tags");
  g_autoptr (GString) text = g_string_new (NULL);
  guint n = tags != NULL ? json_array_get_length (tags) : 0;

  for (guint i = 0; i < n; i++)
    {
      const char *tag = json_node_get_string (json_array_get_element (tags, i));

      if (tag != NULL)
        g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", tag);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static guint
get_service (VmpNodePage *self)
{
  for (guint i = 1; i < G_N_ELEMENTS (services); i++)
    {
      if (is (self, "status", services[i]))
        return i;
    }

  return 0;
}

static void
update_use (VmpNodePage *self)
{
  const char *name = vmp_item_get_string (self->node, "name");
  gboolean is_draining = is (self, "status", "draining");
  g_autofree char *tags = join_tags (self);

  self->updating = TRUE;
  set_entry (self->name_row, name != NULL ? name : "");
  set_entry (self->tags_row, tags);
  gtk_switch_set_active (self->trust_switch, vmp_item_get_boolean (self->node, "trusted"));
  gtk_switch_set_active (self->drain_switch, is_draining);
  adw_action_row_set_subtitle (self->drain_row,
                               vmp_item_get_boolean (self->node, "drained")
                                 ? _("Drained: nothing runs on it any more")
                                 : is_draining ? _("Running answers end; no new ones begin")
                                               : _("Lets running answers end and begins no new ones"));
  adw_combo_row_set_selected (self->service_row, get_service (self));
  gtk_widget_set_sensitive (GTK_WIDGET (self->drain_row), get_service (self) == 0);
  self->updating = FALSE;
}

static void
update (VmpNodePage *self)
{
  gboolean is_approved;

  gtk_stack_set_visible_child_name (self->stack, self->node != NULL ? "node" : "gone");
  if (self->node == NULL)
    {
      gtk_widget_set_visible (GTK_WIDGET (self->busy_label), FALSE);
      return;
    }

  is_approved = is (self, "approval", "approved");
  update_state (self);
  update_facts (self);
  update_use (self);
  gtk_widget_set_visible (GTK_WIDGET (self->charts_box), is_approved);
  gtk_widget_set_visible (self->use_group, is_approved);
  gtk_widget_set_visible (GTK_WIDGET (self->token), is_approved);
  gtk_widget_set_visible (self->block_button, !is (self, "approval", "blocked"));
  /* The one of the settings would be there again at once. */
  gtk_widget_set_visible (self->forget_button, !vmp_item_get_boolean (self->node, "is_default"));
  ask_models (self);
}

/* -- What its owner wants ------------------------------------------------------------------ */

/* What the gateway says is shown, also when that is what it was before. */
static void
refused_cb (GtkWidget  *widget,
            const char *problem,
            gpointer    user_data)
{
  VmpNodePage *self = VMP_NODE_PAGE (widget);

  vmp_ui_toast (widget, problem);
  if (self->node != NULL)
    update (self);
}

static void
change (VmpNodePage *self,
        JsonNode    *body)
{
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "PATCH", make_path (self, ""), body, NULL, refused_cb, NULL, NULL);
}

static void
back_cb (VmpNodePage *self)
{
  g_signal_emit (self, signals[SIGNAL_BACK], 0);
}

static void
rename_cb (VmpNodePage *self)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row))));

  g_object_set_data_full (G_OBJECT (self->name_row), "before", g_strdup (name), g_free);
  change (self, vmp_ui_object ("name", "s", *name != '\0' ? name : NULL, NULL));
}

static void
tags_cb (VmpNodePage *self)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->tags_row));
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "tags");
  json_builder_begin_array (builder);
  for (guint i = 0; words[i] != NULL; i++)
    {
      if (*g_strstrip (words[i]) != '\0')
        json_builder_add_string_value (builder, words[i]);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  g_object_set_data_full (G_OBJECT (self->tags_row), "before", g_strdup (text), g_free);
  change (self, json_builder_get_root (builder));
}

static void
trust_cb (VmpNodePage *self)
{
  if (!self->updating)
    change (self, vmp_ui_object ("trusted", "b", gtk_switch_get_active (self->trust_switch), NULL));
}

static void
drain_cb (VmpNodePage *self)
{
  if (!self->updating)
    change (self, vmp_ui_object ("status", "s", gtk_switch_get_active (self->drain_switch) ? "draining" : "online",
                                 NULL));
}

static void
service_cb (VmpNodePage *self)
{
  guint selected = adw_combo_row_get_selected (self->service_row);

  if (!self->updating && selected < G_N_ELEMENTS (services))
    change (self, vmp_ui_object ("status", "s", services[selected], NULL));
}

static void
set_testing (VmpNodePage *self,
             gboolean     is_testing)
{
  gtk_widget_set_sensitive (self->test_button, !is_testing);
  gtk_spinner_set_spinning (self->test_spinner, is_testing);
}

static void
tested_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  JsonNode *message = NULL;

  set_testing (VMP_NODE_PAGE (widget), FALSE);
  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    message = vmp_document_find (json_node_get_object (answer), "message");
  if (message != NULL && json_node_get_string (message) != NULL)
    vmp_ui_toast (widget, json_node_get_string (message));
}

static void
not_tested_cb (GtkWidget  *widget,
               const char *problem,
               gpointer    user_data)
{
  set_testing (VMP_NODE_PAGE (widget), FALSE);
  vmp_ui_toast (widget, problem);
}

static void
test_cb (VmpNodePage *self)
{
  set_testing (self, TRUE);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", make_path (self, "/test"), NULL,
                   tested_cb, not_tested_cb, NULL, NULL);
}

static void
take_back (VmpNodePage *self)
{
  vmp_ui_ask (GTK_WIDGET (self), self->mirror, "POST", make_path (self, "/revoke"), NULL, NULL, NULL);
}

static void
unblock_cb (VmpNodePage *self)
{
  take_back (self);
}

static void
undo_block_cb (AdwToast    *toast,
               VmpNodePage *self)
{
  take_back (self);
}

static void
blocked_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  vmp_ui_toast_with_button (widget, _("Node blocked"), _("Undo"), G_CALLBACK (undo_block_cb), g_object_ref (widget),
                            g_object_unref);
}

static void
block_confirmed_cb (gpointer user_data)
{
  VmpNodePage *self = user_data;

  vmp_ui_ask (GTK_WIDGET (self), self->mirror, "POST", make_path (self, "/block"), NULL, blocked_cb, NULL);
}

static void
block_cb (VmpNodePage *self)
{
  g_autofree char *name = vmp_identity_quote (vmp_node_words_title (self->node));
  g_autofree char *heading = g_strdup_printf (_("Block %s?"), name);

  vmp_ui_confirm (GTK_WIDGET (self), heading,
                  _("What runs on it ends at once, and it gets nothing more, also when it is found again."),
                  _("_Block"), TRUE, block_confirmed_cb, g_object_ref (self), g_object_unref);
}

static void
forgotten_cb (GtkWidget *widget,
              JsonNode  *answer,
              gpointer   user_data)
{
  vmp_ui_toast (widget, _("Node forgotten"));
  back_cb (VMP_NODE_PAGE (widget));
}

static void
forget_confirmed_cb (gpointer user_data)
{
  VmpNodePage *self = user_data;

  vmp_ui_ask (GTK_WIDGET (self), self->mirror, "POST", make_path (self, "/forget"), NULL, forgotten_cb, NULL);
}

static void
forget_cb (VmpNodePage *self)
{
  g_autofree char *name = vmp_identity_quote (vmp_node_words_title (self->node));
  g_autofree char *heading = g_strdup_printf (_("Forget %s?"), name);

  vmp_ui_confirm (GTK_WIDGET (self), heading,
                  _("What runs on it ends at once, and its token, name and tags are gone. It may be found again, and "
                    "then waits for your approval."),
                  _("_Forget"), TRUE, forget_confirmed_cb, g_object_ref (self), g_object_unref);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
find_node (VmpNodePage *self)
{
  VmpItem *node = vmp_item_list_find (vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES), self->node_id);

  if (g_set_object (&self->node, node) && node != NULL)
    vmp_node_token_set_node (self->token, self->mirror, node);
}

static void
nodes_changed_cb (gpointer user_data,
                  VmpItem *changed)
{
  VmpNodePage *self = user_data;

  if (changed != NULL && changed != self->node)
    return;

  find_node (self);
  update (self);
}

static void
vmp_node_page_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (vmp_node_page_parent_class)->map (widget);
  ask_models (VMP_NODE_PAGE (widget));
}

static void
vmp_node_page_dispose (GObject *object)
{
  VmpNodePage *self = VMP_NODE_PAGE (object);

  g_clear_pointer (&self->watch, vmp_item_watch_free);
  g_clear_object (&self->node);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_NODE_PAGE);
  g_clear_object (&self->mirror);
  g_clear_pointer (&self->node_id, g_free);
  g_clear_pointer (&self->models_as_of, g_free);

  G_OBJECT_CLASS (vmp_node_page_parent_class)->dispose (object);
}

static void
bind_template (GtkWidgetClass *widget_class)
{
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/node-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, title_label);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, busy_label);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, state_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, state_icon);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, test_spinner);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, test_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, remedy_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, review_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, unblock_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, charts_box);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, seen_address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, key_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, provider_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, found_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, seen_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, requests_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, breaker_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, models);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, use_group);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, name_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, tags_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, trust_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, drain_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, drain_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, service_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, token);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, block_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNodePage, forget_button);
  gtk_widget_class_bind_template_callback (widget_class, back_cb);
  gtk_widget_class_bind_template_callback (widget_class, test_cb);
  gtk_widget_class_bind_template_callback (widget_class, unblock_cb);
  gtk_widget_class_bind_template_callback (widget_class, rename_cb);
  gtk_widget_class_bind_template_callback (widget_class, tags_cb);
  gtk_widget_class_bind_template_callback (widget_class, trust_cb);
  gtk_widget_class_bind_template_callback (widget_class, drain_cb);
  gtk_widget_class_bind_template_callback (widget_class, service_cb);
  gtk_widget_class_bind_template_callback (widget_class, block_cb);
  gtk_widget_class_bind_template_callback (widget_class, forget_cb);
}

static void
vmp_node_page_class_init (VmpNodePageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_node_page_dispose;
  GTK_WIDGET_CLASS (class)->map = vmp_node_page_map;

  signals[SIGNAL_BACK] = g_signal_new ("back", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 0);

  g_type_ensure (VMP_TYPE_FACT_ROW);
  g_type_ensure (VMP_TYPE_NODE_MODELS);
  g_type_ensure (VMP_TYPE_NODE_TOKEN);
  bind_template (GTK_WIDGET_CLASS (class));
}

static void
vmp_node_page_init (VmpNodePage *self)
{
  self->updating = TRUE;
  gtk_widget_init_template (GTK_WIDGET (self));
  self->latency_chart = add_chart (self, _("Time to an answer"), &self->latency_label);
  self->speed_chart = add_chart (self, _("Tokens per second"), &self->speed_label);
  self->updating = FALSE;
}

GtkWidget *
vmp_node_page_new (VmpMirror  *mirror,
                   const char *node_id)
{
  VmpNodePage *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror) && node_id != NULL, NULL);

  self = g_object_new (VMP_TYPE_NODE_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  self->node_id = g_strdup (node_id);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->review_button), "s", node_id);
  gtk_label_set_text (self->title_label, vmp_mirror_get_node_name (mirror, node_id));
  self->watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_NODES), nodes_changed_cb, self);
  find_node (self);
  update (self);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_METRICS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_METRICS, metrics_changed_cb);

  return GTK_WIDGET (self);
}

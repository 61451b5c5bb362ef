/* SPDX-License-Identifier: MIT
 *
 * See vmp-request-view.h. The mirror's item says how it stands; what was decided and tried is asked for when the view
 * opens and each time that the item says something else.
 */

#include "app/windows/vmp-request-view.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-more-list.h"
#include "app/windows/vmp-plan-view.h"
#include "app/windows/vmp-request-words.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

struct _VmpRequestView {
  AdwBin parent_instance;

  VmpMirror *mirror;
  char *id;
  VmpItem *request;      /* the mirror's; NULL: it has none */
  JsonObject *trace;     /* NULL: not here yet */
  gboolean is_asking;
  gboolean is_stale;     /* it is to be asked for once more */
  guint ticker;

  GtkLabel *title_label;
  GtkLabel *state_label;
  GtkStack *stack;
  GtkWidget *cancel_button;
  GtkLabel *trouble_label;
  VmpFactRow *outcome_row;
  VmpFactRow *client_row;
  VmpFactRow *asked_row;
  VmpFactRow *used_row;
  VmpFactRow *node_row;
  VmpFactRow *endpoint_row;
  VmpFactRow *received_row;
  VmpFactRow *id_row;
  VmpFactRow *total_row;
  VmpFactRow *first_row;
  VmpFactRow *queued_row;
  VmpFactRow *loading_row;
  VmpFactRow *tokens_row;
  VmpFactRow *rate_row;
  GtkWidget *stages_group;
  VmpMoreList *stages_list;
  GtkWidget *plan_group;
  AdwBin *plan_bin;
};

enum {
  BACK,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpRequestView, vmp_request_view, ADW_TYPE_BIN)

/* -- Cancelling ---------------------------------------------------------------------------- */

typedef struct {
  GtkWidget *widget;
  VmpMirror *mirror;
  char *id;
} Cancelling;

static void
cancelling_free (gpointer data)
{
  Cancelling *self = data;

  g_object_unref (self->widget);
  g_object_unref (self->mirror);
  g_free (self->id);
  g_free (self);
}

static void
cancelled_cb (GtkWidget *widget,
              JsonNode  *answer,
              gpointer   user_data)
{
  JsonNode *status = answer != NULL && JSON_NODE_HOLDS_OBJECT (answer)
                     ? vmp_document_find (json_node_get_object (answer), "status") : NULL;
  gboolean was_over = status != NULL && JSON_NODE_HOLDS_VALUE (status) &&
                      g_strcmp0 (json_node_get_string (status), "ended") == 0;

  vmp_ui_toast (widget, was_over ? _("It was over already") : _("Request cancelled"));
}

static void
cancel_now (gpointer user_data)
{
  Cancelling *self = user_data;

  vmp_ui_ask (self->widget, self->mirror, "DELETE", vmp_client_path ("/vampire/v1/requests/", self->id, NULL), NULL,
              cancelled_cb, NULL);
}

void
vmp_request_view_cancel (GtkWidget  *widget,
                         VmpMirror  *mirror,
                         const char *request_id)
{
  VmpItem *request;
  Cancelling *self;
  const char *key;

  g_return_if_fail (GTK_IS_WIDGET (widget) && VMP_IS_MIRROR (mirror) && request_id != NULL);

  request = vmp_item_list_find (vmp_mirror_get_list (mirror, VMP_TOPIC_REQUESTS), request_id);
  self = g_new0 (Cancelling, 1);
  self->widget = g_object_ref (widget);
  self->mirror = g_object_ref (mirror);
  self->id = g_strdup (request_id);

  key = request != NULL ? vmp_item_get_string (request, "client_key") : NULL;
  if (key != NULL || (request != NULL && vmp_item_get_boolean (request, "shared")))
    {
      g_autofree char *body = g_strdup_printf (_("It is from “%s”, who gets an error in place of the rest of the "
                                                 "answer."), vmp_request_words_client (request, mirror));

      vmp_ui_confirm (widget, _("Cancel This Request?"), body, _("C_ancel Request"), TRUE, cancel_now, self,
                      cancelling_free);
      return;
    }
  cancel_now (self);
  cancelling_free (self);
}

/* -- What was tried ------------------------------------------------------------------------ */

/* "after 12 ms · answered after 185 ms · failed: …". (transfer full) */
static char *
describe_stage (VmpItem *stage)
{
  const char *status = vmp_item_get_string (stage, "status");
  const char *reason = vmp_item_get_string (stage, "reason");
  gint64 http_status = vmp_item_get_int (stage, "http_status", 0);
  double answered = vmp_item_get_double (stage, "answered_ms", -1);
  g_autofree char *asked = vmp_ui_text_duration (vmp_item_get_double (stage, "asked_ms", 0));
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, _("Asked after %s"), asked);
  if (answered >= 0)
    {
      g_autofree char *duration = vmp_ui_text_duration (answered);

      g_string_append_printf (text, _(", answered after %s"), duration);
    }
  if (vmp_item_get_boolean (stage, "load"))
    g_string_append (text, _(", loaded the model first"));
  if (vmp_item_get_boolean (stage, "continued"))
    g_string_append (text, _(", went on where another node broke off"));
  if (g_strcmp0 (status, "failed") == 0)
    {
      g_string_append (text, "\n");
      if (reason != NULL)
        g_string_append_printf (text, _("Failed: %s"), reason);
      else
        g_string_append (text, _("Failed"));
      if (http_status > 0)
        g_string_append_printf (text, " (%d)", (int) http_status);
    }
  else if (g_strcmp0 (status, "running") == 0)
    {
      g_string_append_printf (text, "\n%s", C_("outcome", "Running"));
    }
  return g_string_free (text, FALSE);
}

static GtkWidget *
make_stage_row (gpointer item,
                gpointer user_data)
{
  VmpRequestView *self = VMP_REQUEST_VIEW (user_data);
  const char *node = vmp_item_get_string (item, "node");
  const char *model = vmp_item_get_string (item, "model");
  gboolean has_failed = g_strcmp0 (vmp_item_get_string (item, "status"), "failed") == 0;
  g_autofree char *text = describe_stage (item);
  g_autofree char *place = g_strjoin (" · ", node != NULL ? vmp_mirror_get_node_name (self->mirror, node) : "?", model,
                                      NULL);
  GtkWidget *icon = gtk_image_new_from_icon_name (has_failed ? "dialog-error-symbolic" : "emblem-ok-symbolic");
  GtkWidget *row = g_object_new (ADW_TYPE_ACTION_ROW, "use-markup", FALSE, "title", place, "subtitle", text,
                                 "title-lines", 0, "subtitle-lines", 0, NULL);

  gtk_widget_add_css_class (icon, has_failed ? "error" : "success");
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);

  return row;
}

static void
show_stages (VmpRequestView *self)
{
  JsonArray *stages = vmp_json_get_array (self->trace, "stages");
  guint n = stages != NULL ? json_array_get_length (stages) : 0;
  g_autoptr (GListStore) store = g_list_store_new (VMP_TYPE_ITEM);

  for (guint i = 0; i < n; i++)
    {
      JsonNode *stage = json_array_get_element (stages, i);
      g_autofree char *id = g_strdup_printf ("%u", i);
      g_autoptr (VmpItem) item = NULL;

      if (!JSON_NODE_HOLDS_OBJECT (stage))
        continue;
      item = vmp_item_new (id, json_node_get_object (stage));
      g_list_store_append (store, item);
    }
  vmp_more_list_set_model (self->stages_list, G_LIST_MODEL (store), _("What was tried"), make_stage_row, self);
  gtk_widget_set_visible (self->stages_group, g_list_model_get_n_items (G_LIST_MODEL (store)) > 0);
}

static void
show_trace (VmpRequestView *self)
{
  JsonObject *plan = vmp_json_get_object (vmp_json_get_object (self->trace, "routing"), "plan");

  show_stages (self);
  vmp_plan_view_set_plan (VMP_PLAN_VIEW (adw_bin_get_child (self->plan_bin)), plan);
  gtk_widget_set_visible (self->plan_group, plan != NULL);
}

/* -- Facts --------------------------------------------------------------------------------- */

/* @value: (transfer full) */
static void
set_fact (VmpFactRow *row,
          char       *value)
{
  vmp_fact_row_set_value (row, value);
  g_free (value);
}

/* (transfer full) (nullable) */
static char *
dup_member_duration (VmpItem    *request,
                     const char *member,
                     double      least)
{
  double ms = vmp_item_get_double (request, member, -1);

  return ms >= least ? vmp_ui_text_duration (ms) : NULL;
}

static void
update_total (VmpRequestView *self)
{
  set_fact (self->total_row, vmp_ui_text_duration (vmp_request_words_elapsed (self->request, g_get_real_time ())));
}

static gboolean
tick_cb (gpointer user_data)
{
  VmpRequestView *self = user_data;

  if (self->request == NULL || !vmp_request_words_is_running (self->request))
    {
      self->ticker = 0;
      return G_SOURCE_REMOVE;
    }
  update_total (self);

  return G_SOURCE_CONTINUE;
}

static void
show_facts (VmpRequestView *self)
{
  VmpItem *request = self->request;
  const char *node = vmp_item_get_string (request, "node");
  gboolean is_running = vmp_request_words_is_running (request);
  g_autofree char *title = vmp_request_words_model (request);

  gtk_label_set_text (self->title_label, title);
  gtk_label_set_text (self->state_label, C_("outcome", "Running"));
  gtk_widget_set_visible (GTK_WIDGET (self->state_label), is_running);
  gtk_widget_set_visible (self->cancel_button, is_running);
  set_fact (self->outcome_row, vmp_request_words_outcome (request));
  vmp_fact_row_set_value (self->client_row, vmp_request_words_client (request, self->mirror));
  vmp_fact_row_set_value (self->asked_row, vmp_item_get_string (request, "model"));
  vmp_fact_row_set_value (self->used_row, vmp_item_get_string (request, "node_model"));
  vmp_fact_row_set_value (self->node_row, node != NULL ? vmp_mirror_get_node_name (self->mirror, node) : NULL);
  vmp_fact_row_set_value (self->endpoint_row, vmp_item_get_string (request, "endpoint"));
  set_fact (self->received_row, vmp_ui_text_time (vmp_item_get_string (request, "received_at")));
  vmp_fact_row_set_value (self->id_row, self->id);
  update_total (self);
  set_fact (self->first_row, dup_member_duration (request, "first_event_ms", 0));
  set_fact (self->queued_row, dup_member_duration (request, "queued_ms", 1));
  set_fact (self->loading_row, dup_member_duration (request, "loading_ms", 1));
  set_fact (self->tokens_row, vmp_request_words_tokens (request));
  set_fact (self->rate_row, vmp_ui_text_rate (vmp_item_get_double (request, "tokens_per_second", 0)));
  if (is_running && self->ticker == 0)
    self->ticker = g_timeout_add_seconds (1, tick_cb, self);
}

/* -- Following it -------------------------------------------------------------------------- */

static void
ask_trace (VmpRequestView *self);

static void
set_trouble (VmpRequestView *self,
             const char     *trouble)
{
  gtk_label_set_text (self->trouble_label, trouble != NULL ? trouble : "");
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_label), trouble != NULL);
}

static void
asked (VmpRequestView *self)
{
  gboolean is_stale = self->is_stale;

  self->is_asking = FALSE;
  self->is_stale = FALSE;
  if (is_stale)
    ask_trace (self);
}

static void
traced_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  VmpRequestView *self = VMP_REQUEST_VIEW (widget);

  set_trouble (self, NULL);
  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    {
      g_clear_pointer (&self->trace, json_object_unref);
      self->trace = json_object_ref (json_node_get_object (answer));
      show_trace (self);
    }
  asked (self);
}

static void
not_traced_cb (GtkWidget  *widget,
               const char *problem,
               gpointer    user_data)
{
  VmpRequestView *self = VMP_REQUEST_VIEW (widget);

  if (self->request == NULL)
    gtk_stack_set_visible_child_name (self->stack, "gone");
  set_trouble (self, problem);
  asked (self);
}

static void
ask_trace (VmpRequestView *self)
{
  if (self->is_asking)
    {
      self->is_stale = TRUE;
      return;
    }
  self->is_asking = TRUE;
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "GET", vmp_client_path ("/vampire/v1/traces/", self->id, NULL),
                   NULL, traced_cb, not_traced_cb, NULL, NULL);
}

static void
request_changed_cb (VmpRequestView *self)
{
  show_facts (self);
  ask_trace (self);
}

/* @request: (nullable) */
static void
set_request (VmpRequestView *self,
             VmpItem        *request)
{
  if (self->request != NULL)
    g_signal_handlers_disconnect_by_data (self->request, self);
  g_set_object (&self->request, request);
  if (request == NULL)
    return;

  g_signal_connect_swapped (request, "notify::document", G_CALLBACK (request_changed_cb), self);
  gtk_stack_set_visible_child_name (self->stack, "content");
  show_facts (self);
}

/* One that the mirror forgets stays on screen as it was. */
static void
find_request (VmpRequestView *self)
{
  VmpItem *request = vmp_item_list_find (vmp_mirror_get_list (self->mirror, VMP_TOPIC_REQUESTS), self->id);

  if (request != NULL && request != self->request)
    set_request (self, request);
}

static void
shortly_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  VmpRequestView *self = VMP_REQUEST_VIEW (widget);
  g_autoptr (VmpItem) request = NULL;

  if (self->request != NULL || answer == NULL || !JSON_NODE_HOLDS_OBJECT (answer))
    return;

  request = vmp_item_new (self->id, json_node_get_object (answer));
  set_request (self, request);
}

static void
gone_cb (GtkWidget  *widget,
         const char *problem,
         gpointer    user_data)
{
  VmpRequestView *self = VMP_REQUEST_VIEW (widget);

  if (self->request == NULL)
    gtk_stack_set_visible_child_name (self->stack, "gone");
}

/* -- Actions ------------------------------------------------------------------------------- */

static void
back_cb (VmpRequestView *self)
{
  g_signal_emit (self, signals[BACK], 0);
}

static void
cancel_cb (VmpRequestView *self)
{
  vmp_request_view_cancel (GTK_WIDGET (self), self->mirror, self->id);
}

static void
copy_cb (VmpRequestView *self)
{
  vmp_ui_copy (GTK_WIDGET (self), self->id, _("Request ID copied"));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_request_view_dispose (GObject *object)
{
  VmpRequestView *self = VMP_REQUEST_VIEW (object);

  g_clear_handle_id (&self->ticker, g_source_remove);
  if (self->request != NULL)
    g_signal_handlers_disconnect_by_data (self->request, self);
  if (self->stages_list != NULL)
    vmp_more_list_clear (self->stages_list);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_REQUEST_VIEW);
  g_clear_object (&self->request);
  g_clear_pointer (&self->trace, json_object_unref);
  g_clear_pointer (&self->id, g_free);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_request_view_parent_class)->dispose (object);
}

static void
vmp_request_view_class_init (VmpRequestViewClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_request_view_dispose;
  signals[BACK] = g_signal_new ("back", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 0);

  g_type_ensure (VMP_TYPE_FACT_ROW);
  g_type_ensure (VMP_TYPE_MORE_LIST);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/request-view.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, title_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, state_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, cancel_button);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, outcome_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, client_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, asked_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, used_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, node_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, endpoint_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, received_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, id_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, total_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, first_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, queued_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, loading_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, tokens_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, rate_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, stages_group);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, stages_list);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, plan_group);
  gtk_widget_class_bind_template_child (widget_class, VmpRequestView, plan_bin);
  gtk_widget_class_bind_template_callback (widget_class, back_cb);
  gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_cb);
}

static void
vmp_request_view_init (VmpRequestView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_visible (self->stages_group, FALSE);
  gtk_widget_set_visible (self->plan_group, FALSE);
  gtk_widget_set_visible (self->cancel_button, FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self->state_label), FALSE);
}

GtkWidget *
vmp_request_view_new (VmpMirror  *mirror,
                      const char *request_id)
{
  VmpRequestView *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror) && request_id != NULL, NULL);

  self = g_object_new (VMP_TYPE_REQUEST_VIEW, NULL);
  self->mirror = g_object_ref (mirror);
  self->id = g_strdup (request_id);
  adw_bin_set_child (self->plan_bin, vmp_plan_view_new (mirror));
  g_signal_connect_object (vmp_mirror_get_list (mirror, VMP_TOPIC_REQUESTS), "items-changed",
                           G_CALLBACK (find_request), self, G_CONNECT_SWAPPED);
  gtk_label_set_text (self->title_label, request_id);
  gtk_stack_set_visible_child_name (self->stack, "content");
  vmp_fact_row_set_value (self->id_row, request_id);
  find_request (self);
  if (self->request == NULL)
    vmp_ui_ask_full (GTK_WIDGET (self), mirror, "GET", vmp_client_path ("/vampire/v1/requests/", request_id, NULL),
                     NULL, shortly_cb, gone_cb, NULL, NULL);
  ask_trace (self);

  return GTK_WIDGET (self);
}

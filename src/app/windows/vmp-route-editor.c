/* SPDX-License-Identifier: MIT
 *
 * See vmp-route-editor.h. The draft holds what is written; the fields are read into it when it is saved. Lists to
 * choose from are taken when the window opens and when they come in for the first time.
 */

#include "app/windows/vmp-route-editor.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-choice.h"
#include "app/windows/vmp-more-list.h"
#include "app/windows/vmp-plan-words.h"
#include "app/windows/vmp-route-draft.h"
#include "app/windows/vmp-route-options.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"

/* What the gateway takes for one that says nothing. */
#define FIRST_STRATEGY "round_robin"

struct _VmpRouteEditor {
  AdwWindow parent_instance;

  VmpMirror *mirror;
  VmpRouteDraft *draft;
  GPtrArray *strategies;    /* of char *: ids, in the order of the row's model */
  GPtrArray *abouts;        /* of char *: what each does */
  gboolean is_new;
  gboolean has_own_id;      /* its owner typed one */
  gboolean is_updating;

  AdwWindowTitle *title;
  GtkWidget *save_button;
  GtkLabel *problem_label;
  GtkEditable *name_row;
  GtkEditable *id_row;
  GtkLabel *name_problem;
  VmpMoreList *targets_list;
  VmpChoice *target_choice;
  GtkWidget *add_button;
  GtkLabel *targets_problem;
  AdwComboRow *strategy_row;
  GtkLabel *about_label;
  GtkLabel *strategy_problem;
  GtkWidget *weights_group;
  GtkSpinButton *latency_spin;
  GtkSpinButton *speed_spin;
  GtkSpinButton *queue_spin;
  GtkSpinButton *quality_spin;
  GtkLabel *weights_problem;
  VmpChoice *fallback_choice;
  GtkLabel *fallback_problem;
  GtkSpinButton *context_spin;
  GtkSpinButton *latency_limit_spin;
  GtkSpinButton *queue_limit_spin;
  GtkSwitch *vision_switch;
  GtkSwitch *tools_switch;
  GtkSwitch *reasoning_switch;
  GtkSwitch *trusted_switch;
  GtkSwitch *local_switch;
  GtkLabel *constraints_problem;
};

G_DEFINE_FINAL_TYPE (VmpRouteEditor, vmp_route_editor, ADW_TYPE_WINDOW)

/* -- What is wrong ------------------------------------------------------------------------- */

static void
set_problem (GtkLabel   *label,
             const char *problem)
{
  gtk_label_set_text (label, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (label), problem != NULL);
}

static GtkLabel *
find_problem_label (VmpRouteEditor *self,
                    const char     *field)
{
  const struct {
    const char *field;
    GtkLabel *label;
  } labels[] = {
    { "id", self->name_problem },
    { "virtual_model", self->name_problem },
    { "targets", self->targets_problem },
    { "strategy", self->strategy_problem },
    { "weights", self->weights_problem },
    { "fallback", self->fallback_problem },
    { "constraints", self->constraints_problem },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (labels); i++)
    {
      if (g_strcmp0 (field, labels[i].field) == 0 && gtk_widget_get_visible (gtk_widget_get_parent (
                                                                               GTK_WIDGET (labels[i].label))))
        return labels[i].label;
    }
  return self->problem_label;
}

static void
clear_problems (VmpRouteEditor *self)
{
  set_problem (self->problem_label, NULL);
  set_problem (self->name_problem, NULL);
  set_problem (self->targets_problem, NULL);
  set_problem (self->strategy_problem, NULL);
  set_problem (self->weights_problem, NULL);
  set_problem (self->fallback_problem, NULL);
  set_problem (self->constraints_problem, NULL);
}

/* Which member of the body it is about: detail[0].loc[1]; NULL: none. (transfer none) */
static const char *
find_field (VmpClientAnswer *answer)
{
  JsonObject *document = answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json)
                         ? json_node_get_object (answer->json) : NULL;
  JsonArray *detail = vmp_json_get_array (document, "detail");
  JsonNode *first = detail != NULL && json_array_get_length (detail) > 0 ? json_array_get_element (detail, 0) : NULL;
  JsonArray *loc = first != NULL && JSON_NODE_HOLDS_OBJECT (first)
                   ? vmp_json_get_array (json_node_get_object (first), "loc") : NULL;
  JsonNode *field = loc != NULL && json_array_get_length (loc) > 1 ? json_array_get_element (loc, 1) : NULL;

  return field != NULL && JSON_NODE_HOLDS_VALUE (field) && json_node_get_value_type (field) == G_TYPE_STRING
         ? json_node_get_string (field) : NULL;
}

static void
show_problem (VmpRouteEditor *self,
              const char     *field,
              const char     *problem)
{
  GtkLabel *label = find_problem_label (self, field);

  set_problem (label, problem);
  /* It may be below what is seen. */
  gtk_widget_grab_focus (label == self->problem_label || label == self->name_problem ? GTK_WIDGET (self->name_row)
                                                                                     : GTK_WIDGET (self->strategy_row));
  vmp_ui_announce (GTK_WIDGET (self), problem);
}

/* -- Targets ------------------------------------------------------------------------------- */

static VmpDraftTarget *
get_row_target (GtkWidget *widget)
{
  return g_object_get_data (G_OBJECT (gtk_widget_get_ancestor (widget, ADW_TYPE_ACTION_ROW)), "vmp-target");
}

static void
up_cb (VmpRouteEditor *self,
       GtkWidget      *button)
{
  vmp_route_draft_move (self->draft, get_row_target (button), -1);
}

static void
down_cb (VmpRouteEditor *self,
         GtkWidget      *button)
{
  vmp_route_draft_move (self->draft, get_row_target (button), 1);
}

static void
remove_cb (VmpRouteEditor *self,
           GtkWidget      *button)
{
  vmp_route_draft_remove (self->draft, get_row_target (button));
  gtk_widget_grab_focus (self->add_button);
}

static void
weight_changed_cb (GtkSpinButton  *spin,
                   VmpDraftTarget *target)
{
  vmp_draft_target_set_weight (target, gtk_spin_button_get_value (spin));
}

static void
add_button (VmpRouteEditor *self,
            GtkWidget      *box,
            const char     *icon,
            const char     *label,
            GCallback       callback)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);

  gtk_widget_set_tooltip_text (button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_signal_connect_object (button, "clicked", callback, self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (box), button);
}

static const char *
get_strategy (VmpRouteEditor *self)
{
  guint selected = adw_combo_row_get_selected (self->strategy_row);

  return selected < self->strategies->len ? g_ptr_array_index (self->strategies, selected) : self->draft->strategy;
}

static GtkWidget *
make_target_row (gpointer item,
                 gpointer user_data)
{
  VmpRouteEditor *self = VMP_ROUTE_EDITOR (user_data);
  VmpDraftTarget *target = VMP_DRAFT_TARGET (item);
  const char *node = vmp_mirror_get_node_name (self->mirror, vmp_draft_target_get_node (target));
  GtkWidget *row = g_object_new (ADW_TYPE_ACTION_ROW, "use-markup", FALSE, "title", vmp_draft_target_get_model (target),
                                 "subtitle", node, "title-lines", 0, "subtitle-lines", 0, NULL);
  GtkWidget *buttons = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

  g_object_set_data_full (G_OBJECT (row), "vmp-target", g_object_ref (target), g_object_unref);
  if (g_strcmp0 (get_strategy (self), "weighted_round_robin") == 0)
    {
      GtkWidget *spin = gtk_spin_button_new_with_range (0.1, VMP_LIMIT_ROUTE_WEIGHT, 1);

      gtk_spin_button_set_digits (GTK_SPIN_BUTTON (spin), 1);
      gtk_spin_button_set_value (GTK_SPIN_BUTTON (spin), vmp_draft_target_get_weight (target));
      gtk_editable_set_width_chars (GTK_EDITABLE (spin), 4);
      gtk_widget_set_valign (spin, GTK_ALIGN_CENTER);
      gtk_widget_set_tooltip_text (spin, _("Weight"));
      gtk_accessible_update_property (GTK_ACCESSIBLE (spin), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Weight"), -1);
      g_signal_connect_object (spin, "value-changed", G_CALLBACK (weight_changed_cb), target, 0);
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), spin);
    }
  if (g_strcmp0 (get_strategy (self), "fallback_chain") == 0)
    {
      add_button (self, buttons, "go-up-symbolic", _("Move Up"), G_CALLBACK (up_cb));
      add_button (self, buttons, "go-down-symbolic", _("Move Down"), G_CALLBACK (down_cb));
    }
  add_button (self, buttons, "user-trash-symbolic", _("Remove"), G_CALLBACK (remove_cb));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), buttons);

  return row;
}

static void
show_targets (VmpRouteEditor *self)
{
  vmp_more_list_set_model (self->targets_list, G_LIST_MODEL (self->draft->targets), _("Models of this route"),
                           make_target_row, self);
}

static void
add_cb (VmpRouteEditor *self)
{
  const char *id = vmp_choice_get_id (self->target_choice);
  g_auto (GStrv) parts = id != NULL ? g_strsplit (id, " ", 2) : NULL;

  if (parts == NULL || g_strv_length (parts) != 2)
    return;

  set_problem (self->targets_problem, NULL);
  if (!vmp_route_draft_add (self->draft, parts[0], parts[1]))
    set_problem (self->targets_problem, _("This model on this node is in the list already."));
}

/* -- Strategies ---------------------------------------------------------------------------- */

static void
strategy_changed_cb (VmpRouteEditor *self)
{
  guint selected = adw_combo_row_get_selected (self->strategy_row);

  if (self->draft == NULL || selected >= self->strategies->len)
    return;

  gtk_label_set_text (self->about_label, g_ptr_array_index (self->abouts, selected));
  gtk_widget_set_visible (GTK_WIDGET (self->about_label), *gtk_label_get_text (self->about_label) != '\0');
  gtk_widget_set_visible (self->weights_group, g_strcmp0 (get_strategy (self), "best_available") == 0);
  /* Rows have weights, or an order, only where that counts. */
  if (!self->is_updating)
    show_targets (self);
}

/* @strategies: (nullable): {"id", "about"} of each */
static void
set_strategies (VmpRouteEditor *self,
                JsonArray      *strategies)
{
  guint n = strategies != NULL ? json_array_get_length (strategies) : 0;
  const char *chosen = self->draft->strategy != NULL ? self->draft->strategy : FIRST_STRATEGY;
  g_autoptr (GtkStringList) titles = gtk_string_list_new (NULL);
  guint selected = GTK_INVALID_LIST_POSITION;

  g_ptr_array_set_size (self->strategies, 0);
  g_ptr_array_set_size (self->abouts, 0);
  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (strategies, i);
      JsonObject *strategy = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      const char *id = vmp_json_get_string (strategy, "id");
      const char *about = vmp_json_get_string (strategy, "about");

      if (id == NULL)
        continue;
      if (g_str_equal (id, chosen))
        selected = self->strategies->len;
      g_ptr_array_add (self->strategies, g_strdup (id));
      g_ptr_array_add (self->abouts, g_strdup (about != NULL ? about : ""));
      gtk_string_list_append (titles, vmp_plan_words_strategy (id));
    }
  /* One that is not known stays what it is. */
  if (selected == GTK_INVALID_LIST_POSITION)
    {
      selected = self->strategies->len;
      g_ptr_array_add (self->strategies, g_strdup (chosen));
      g_ptr_array_add (self->abouts, g_strdup (""));
      gtk_string_list_append (titles, vmp_plan_words_strategy (chosen));
    }

  self->is_updating = TRUE;
  adw_combo_row_set_model (self->strategy_row, G_LIST_MODEL (titles));
  adw_combo_row_set_selected (self->strategy_row, selected);
  self->is_updating = FALSE;
  strategy_changed_cb (self);
}

static void
strategies_cb (GtkWidget *widget,
               JsonNode  *answer,
               gpointer   user_data)
{
  VmpRouteEditor *self = VMP_ROUTE_EDITOR (widget);

  if (answer == NULL || !JSON_NODE_HOLDS_OBJECT (answer))
    return;

  g_free (self->draft->strategy);
  self->draft->strategy = g_strdup (get_strategy (self));
  set_strategies (self, vmp_json_get_array (json_node_get_object (answer), "strategies"));
}

static void
no_strategies_cb (GtkWidget  *widget,
                  const char *problem,
                  gpointer    user_data)
{
  set_problem (VMP_ROUTE_EDITOR (widget)->strategy_problem, problem);
}

/* -- Filling and reading the fields -------------------------------------------------------- */

static void
fill (VmpRouteEditor *self)
{
  VmpRouteDraft *draft = self->draft;

  self->is_updating = TRUE;
  gtk_editable_set_text (self->name_row, draft->virtual_model != NULL ? draft->virtual_model : "");
  gtk_editable_set_text (self->id_row, draft->id != NULL ? draft->id : "");
  gtk_widget_set_sensitive (GTK_WIDGET (self->id_row), self->is_new);
  gtk_spin_button_set_value (self->latency_spin, draft->weights[VMP_DRAFT_WEIGHT_LATENCY]);
  gtk_spin_button_set_value (self->speed_spin, draft->weights[VMP_DRAFT_WEIGHT_SPEED]);
  gtk_spin_button_set_value (self->queue_spin, draft->weights[VMP_DRAFT_WEIGHT_QUEUE]);
  gtk_spin_button_set_value (self->quality_spin, draft->weights[VMP_DRAFT_WEIGHT_QUALITY]);
  gtk_spin_button_set_value (self->context_spin, draft->min_context);
  gtk_spin_button_set_value (self->latency_limit_spin, draft->max_latency_ms);
  gtk_spin_button_set_value (self->queue_limit_spin, draft->max_queue);
  gtk_switch_set_active (self->vision_switch, draft->vision);
  gtk_switch_set_active (self->tools_switch, draft->tools);
  gtk_switch_set_active (self->reasoning_switch, draft->reasoning);
  gtk_switch_set_active (self->trusted_switch, draft->trusted_only);
  gtk_switch_set_active (self->local_switch, draft->local_only);
  vmp_choice_set_id (self->fallback_choice, draft->fallback != NULL ? draft->fallback : "");
  self->is_updating = FALSE;
  set_strategies (self, NULL);
  show_targets (self);
}

/* Weights that are all alike and were never set are no weights. */
static void
read_weights (VmpRouteEditor *self)
{
  VmpRouteDraft *draft = self->draft;
  GtkSpinButton *spins[VMP_DRAFT_N_WEIGHTS] = { self->latency_spin, self->speed_spin, self->queue_spin,
                                                self->quality_spin };

  for (guint i = 0; i < VMP_DRAFT_N_WEIGHTS; i++)
    {
      double weight = gtk_spin_button_get_value (spins[i]);

      /* The field shows two digits of what may have more. */
      if (ABS (weight - draft->weights[i]) < 0.005)
        continue;
      draft->weights[i] = weight;
      draft->has_weights = TRUE;
    }
}

/* @text: (transfer full) */
static void
set_text (char **member,
          char  *text)
{
  g_free (*member);
  *member = g_strstrip (text);
}

static void
read_fields (VmpRouteEditor *self)
{
  VmpRouteDraft *draft = self->draft;
  const char *fallback = vmp_choice_get_id (self->fallback_choice);

  set_text (&draft->virtual_model, g_strdup (gtk_editable_get_text (self->name_row)));
  set_text (&draft->id, g_strdup (gtk_editable_get_text (self->id_row)));
  set_text (&draft->strategy, g_strdup (get_strategy (self)));
  g_clear_pointer (&draft->fallback, g_free);
  if (fallback != NULL && *fallback != '\0')
    draft->fallback = g_strdup (fallback);
  read_weights (self);
  draft->min_context = gtk_spin_button_get_value_as_int (self->context_spin);
  draft->max_latency_ms = gtk_spin_button_get_value (self->latency_limit_spin);
  draft->max_queue = gtk_spin_button_get_value_as_int (self->queue_limit_spin);
  draft->vision = gtk_switch_get_active (self->vision_switch);
  draft->tools = gtk_switch_get_active (self->tools_switch);
  draft->reasoning = gtk_switch_get_active (self->reasoning_switch);
  draft->trusted_only = gtk_switch_get_active (self->trusted_switch);
  draft->local_only = gtk_switch_get_active (self->local_switch);
}

static void
name_changed_cb (VmpRouteEditor *self)
{
  const char *name = gtk_editable_get_text (self->name_row);
  const char *id = gtk_editable_get_text (self->id_row);
  g_autofree char *made = vmp_route_draft_make_id (name);
  g_autofree char *before = NULL;

  if (self->draft == NULL || self->is_updating)
    return;

  /* The id follows the name until its owner gives it one. */
  before = vmp_route_draft_make_id (self->draft->virtual_model != NULL ? self->draft->virtual_model : "");
  self->has_own_id |= !g_str_equal (id, before);
  if (self->is_new && !self->has_own_id)
    gtk_editable_set_text (self->id_row, made);
  g_free (self->draft->virtual_model);
  self->draft->virtual_model = g_strdup (name);
}

/* -- Choices ------------------------------------------------------------------------------- */

static void
models_changed_cb (GtkWidget *widget)
{
  VmpRouteEditor *self = VMP_ROUTE_EDITOR (widget);
  g_autoptr (GListModel) targets = vmp_route_options_targets (self->mirror);
  g_autoptr (GListModel) names = vmp_route_options_names (self->mirror, _("Nothing"), self->draft->id);

  vmp_choice_set_options (self->target_choice, targets);
  vmp_choice_set_options (self->fallback_choice, names);
  gtk_widget_set_sensitive (self->add_button, g_list_model_get_n_items (targets) > 0);
}

/* -- Saving -------------------------------------------------------------------------------- */

static void
saved_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (VmpRouteEditor) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  g_autofree char *problem = NULL;

  /* Closed meanwhile. */
  if (self->draft == NULL)
    return;

  gtk_widget_set_sensitive (self->save_button, TRUE);
  if (answer == NULL)
    {
      show_problem (self, NULL, error->message);
      return;
    }
  if (answer->status >= 300)
    {
      problem = vmp_client_answer_dup_problem (answer);
      show_problem (self, find_field (answer), problem);
      return;
    }

  vmp_mirror_refresh (self->mirror, VMP_TOPIC_ROUTES);
  if (gtk_window_get_transient_for (GTK_WINDOW (self)) != NULL)
    vmp_ui_toast (GTK_WIDGET (gtk_window_get_transient_for (GTK_WINDOW (self))),
                  self->is_new ? _("Route made") : _("Route changed"));
  gtk_window_destroy (GTK_WINDOW (self));
}

static void
save_cb (VmpRouteEditor *self)
{
  g_autofree char *path = NULL;

  clear_problems (self);
  read_fields (self);
  if (*self->draft->virtual_model == '\0')
    {
      show_problem (self, "virtual_model", _("Give the route the name that requests will use."));
      return;
    }
  /* The gateway would replace it. */
  if (self->is_new &&
      vmp_item_list_find (vmp_mirror_get_list (self->mirror, VMP_TOPIC_ROUTES), self->draft->id) != NULL)
    {
      show_problem (self, "id", _("There is a route with this ID already."));
      return;
    }

  gtk_widget_set_sensitive (self->save_button, FALSE);
  path = self->is_new ? g_strdup ("/vampire/v1/routes")
                      : vmp_client_path ("/vampire/v1/routes/", self->draft->id, NULL);
  vmp_link_ask_async (vmp_mirror_get_link (self->mirror), self->is_new ? "POST" : "PATCH", path,
                      vmp_route_draft_to_body (self->draft, self->is_new), NULL, saved_cb, g_object_ref (self));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_route_editor_dispose (GObject *object)
{
  VmpRouteEditor *self = VMP_ROUTE_EDITOR (object);

  if (self->targets_list != NULL)
    vmp_more_list_clear (self->targets_list);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_ROUTE_EDITOR);
  g_clear_pointer (&self->draft, vmp_route_draft_free);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_route_editor_parent_class)->dispose (object);
}

static void
vmp_route_editor_finalize (GObject *object)
{
  VmpRouteEditor *self = VMP_ROUTE_EDITOR (object);

  g_ptr_array_unref (self->strategies);
  g_ptr_array_unref (self->abouts);

  G_OBJECT_CLASS (vmp_route_editor_parent_class)->finalize (object);
}

static void
vmp_route_editor_class_init (VmpRouteEditorClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_route_editor_dispose;
  G_OBJECT_CLASS (class)->finalize = vmp_route_editor_finalize;

  g_type_ensure (VMP_TYPE_CHOICE);
  g_type_ensure (VMP_TYPE_MORE_LIST);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/route-editor.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, title);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, save_button);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, problem_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, name_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, id_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, name_problem);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, targets_list);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, target_choice);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, add_button);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, targets_problem);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, strategy_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, about_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, strategy_problem);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, weights_group);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, latency_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, speed_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, queue_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, quality_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, weights_problem);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, fallback_choice);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, fallback_problem);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, context_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, latency_limit_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, queue_limit_spin);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, vision_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, tools_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, reasoning_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, trusted_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, local_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteEditor, constraints_problem);
  gtk_widget_class_bind_template_callback (widget_class, name_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, strategy_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, add_cb);
  gtk_widget_class_bind_template_callback (widget_class, save_cb);
}

static void
vmp_route_editor_init (VmpRouteEditor *self)
{
  self->strategies = g_ptr_array_new_with_free_func (g_free);
  self->abouts = g_ptr_array_new_with_free_func (g_free);
  gtk_widget_init_template (GTK_WIDGET (self));
  vmp_choice_set_label (self->target_choice, _("Model to add"));
  vmp_choice_set_label (self->fallback_choice, _("What stands in"));
}

VmpRouteEditor *
vmp_route_editor_present (GtkWidget  *parent,
                          VmpMirror  *mirror,
                          JsonObject *route,
                          gboolean    is_copy)
{
  VmpRouteEditor *self;
  GtkRoot *root;
  const char *title;

  g_return_val_if_fail (GTK_IS_WIDGET (parent) && VMP_IS_MIRROR (mirror), NULL);

  root = gtk_widget_get_root (parent);
  self = g_object_new (VMP_TYPE_ROUTE_EDITOR, "transient-for", GTK_IS_WINDOW (root) ? root : NULL, NULL);
  self->mirror = g_object_ref (mirror);
  self->draft = vmp_route_draft_new (route);
  self->is_new = route == NULL || is_copy;
  if (is_copy)
    g_clear_pointer (&self->draft->id, g_free);
  title = self->is_new ? _("New Route") : _("Change Route");
  adw_window_title_set_title (self->title, title);
  gtk_window_set_title (GTK_WINDOW (self), title);

  fill (self);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS, models_changed_cb);
  vmp_ui_ask_full (GTK_WIDGET (self), mirror, "GET", g_strdup ("/vampire/v1/virtual_models"), NULL, strategies_cb,
                   no_strategies_cb, NULL, NULL);
  gtk_window_present (GTK_WINDOW (self));
  gtk_widget_grab_focus (GTK_WIDGET (self->name_row));

  return self;
}

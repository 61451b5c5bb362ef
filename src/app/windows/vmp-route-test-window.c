/* SPDX-License-Identifier: MIT
 *
 * See vmp-route-test-window.h.
 */

#include "app/windows/vmp-route-test-window.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-choice.h"
#include "app/windows/vmp-plan-view.h"
#include "app/windows/vmp-route-options.h"
#include "app/windows/vmp-ui.h"

/* What virtual model a request without any wish names. */
#define FIRST_MODEL "vampire:auto"

struct _VmpRouteTestWindow {
  AdwWindow parent_instance;

  VmpMirror *mirror;
  guint asked;              /* which question the last one was: answers to former ones are not shown */

  VmpChoice *model_choice;
  AdwComboRow *endpoint_row;
  GtkEditable *prompt_row;
  GtkWidget *test_button;
  GtkLabel *problem_label;
  AdwBin *plan_bin;
};

G_DEFINE_FINAL_TYPE (VmpRouteTestWindow, vmp_route_test_window, ADW_TYPE_WINDOW)

static void
set_problem (VmpRouteTestWindow *self,
             const char         *problem)
{
  gtk_label_set_text (self->problem_label, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem_label), problem != NULL);
}

static void
planned_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  VmpRouteTestWindow *self = VMP_ROUTE_TEST_WINDOW (widget);

  if (GPOINTER_TO_UINT (user_data) != self->asked || answer == NULL || !JSON_NODE_HOLDS_OBJECT (answer))
    return;

  gtk_widget_set_sensitive (self->test_button, TRUE);
  set_problem (self, NULL);
  vmp_plan_view_set_plan (VMP_PLAN_VIEW (adw_bin_get_child (self->plan_bin)), json_node_get_object (answer));
}

static void
not_planned_cb (GtkWidget  *widget,
                const char *problem,
                gpointer    user_data)
{
  VmpRouteTestWindow *self = VMP_ROUTE_TEST_WINDOW (widget);

  if (GPOINTER_TO_UINT (user_data) != self->asked)
    return;

  gtk_widget_set_sensitive (self->test_button, TRUE);
  vmp_plan_view_set_plan (VMP_PLAN_VIEW (adw_bin_get_child (self->plan_bin)), NULL);
  set_problem (self, problem);
}

/* @path: (transfer full); @body: (transfer full) (nullable) */
static void
ask (VmpRouteTestWindow *self,
     const char         *method,
     char               *path,
     JsonNode           *body)
{
  self->asked++;
  gtk_widget_set_sensitive (self->test_button, FALSE);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, method, path, body, planned_cb, not_planned_cb,
                   GUINT_TO_POINTER (self->asked), NULL);
}

static void
test_cb (VmpRouteTestWindow *self)
{
  static const char * const endpoints[] = { "chat", "completions", "responses", "embeddings" };
  guint endpoint = MIN (adw_combo_row_get_selected (self->endpoint_row), G_N_ELEMENTS (endpoints) - 1);
  const char *prompt = gtk_editable_get_text (self->prompt_row);
  const char *model = vmp_choice_get_id (self->model_choice);

  if (model == NULL)
    return;

  ask (self, "POST", g_strdup ("/vampire/v1/routes/preview"),
       vmp_ui_object ("model", "s", model, "endpoint", "s", endpoints[endpoint],
                      "prompt", "s", *prompt != '\0' ? prompt : NULL, NULL));
}

static void
models_changed_cb (GtkWidget *widget)
{
  VmpRouteTestWindow *self = VMP_ROUTE_TEST_WINDOW (widget);
  g_autoptr (GListModel) names = vmp_route_options_names (self->mirror, NULL, NULL);

  vmp_choice_set_options (self->model_choice, names);
}

static void
vmp_route_test_window_dispose (GObject *object)
{
  VmpRouteTestWindow *self = VMP_ROUTE_TEST_WINDOW (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_ROUTE_TEST_WINDOW);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_route_test_window_parent_class)->dispose (object);
}

static void
vmp_route_test_window_class_init (VmpRouteTestWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_route_test_window_dispose;

  g_type_ensure (VMP_TYPE_CHOICE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/route-test-window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpRouteTestWindow, model_choice);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteTestWindow, endpoint_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteTestWindow, prompt_row);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteTestWindow, test_button);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteTestWindow, problem_label);
  gtk_widget_class_bind_template_child (widget_class, VmpRouteTestWindow, plan_bin);
  gtk_widget_class_bind_template_callback (widget_class, test_cb);
}

static void
vmp_route_test_window_init (VmpRouteTestWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  vmp_choice_set_label (self->model_choice, _("Model that the request names"));
}

VmpRouteTestWindow *
vmp_route_test_window_present (GtkWidget  *parent,
                               VmpMirror  *mirror,
                               const char *model,
                               const char *route_id)
{
  VmpRouteTestWindow *self;
  GtkRoot *root;

  g_return_val_if_fail (GTK_IS_WIDGET (parent) && VMP_IS_MIRROR (mirror), NULL);

  root = gtk_widget_get_root (parent);
  self = g_object_new (VMP_TYPE_ROUTE_TEST_WINDOW, "transient-for", GTK_IS_WINDOW (root) ? root : NULL, NULL);
  self->mirror = g_object_ref (mirror);
  adw_bin_set_child (self->plan_bin, vmp_plan_view_new (mirror));
  vmp_choice_set_id (self->model_choice, model != NULL ? model : FIRST_MODEL);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS, models_changed_cb);
  gtk_window_present (GTK_WINDOW (self));

  if (route_id != NULL)
    ask (self, "GET", vmp_client_path ("/vampire/v1/routes/", route_id, "/explain", NULL), NULL);
  else
    test_cb (self);

  return self;
}

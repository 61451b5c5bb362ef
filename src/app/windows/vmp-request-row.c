/* SPDX-License-Identifier: MIT
 *
 * See vmp-request-row.h.
 */

#include "app/windows/vmp-request-row.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-card-list.h"
#include "app/windows/vmp-request-words.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"

struct _VmpRequestRow {
  GtkBox parent_instance;

  VmpMirror *mirror;
  VmpItem *request;     /* NULL: nothing is shown */
  gulong changed;
  const char *css_class;

  GtkImage *icon;
  GtkLabel *model_label;
  GtkLabel *time_label;
  GtkLabel *summary_label;
  GtkLabel *figures_label;
  GtkWidget *cancel_button;
};

G_DEFINE_FINAL_TYPE (VmpRequestRow, vmp_request_row, GTK_TYPE_BOX)

/* One that runs counts whole seconds, so that its figures do not flicker. (transfer full) */
static char *
describe_time (VmpItem *request)
{
  double elapsed = vmp_request_words_elapsed (request, g_get_real_time ());

  if (vmp_request_words_is_running (request) && elapsed < 60000)
    return g_strdup_printf (_("%d s"), (int) (elapsed / 1000));

  return vmp_ui_text_duration (elapsed);
}

gboolean
vmp_request_row_tick (VmpRequestRow *self)
{
  g_autofree char *time = NULL;

  g_return_val_if_fail (VMP_IS_REQUEST_ROW (self), FALSE);

  if (self->request == NULL || !vmp_request_words_is_running (self->request))
    return FALSE;

  time = describe_time (self->request);
  gtk_label_set_text (self->time_label, time);

  return TRUE;
}

static void
update_icon (VmpRequestRow *self)
{
  const char *css_class;
  const char *icon = vmp_request_words_icon (self->request, &css_class);

  gtk_image_set_from_icon_name (self->icon, icon);
  if (self->css_class != NULL)
    gtk_widget_remove_css_class (GTK_WIDGET (self->icon), self->css_class);
  gtk_widget_add_css_class (GTK_WIDGET (self->icon), css_class);
  self->css_class = css_class;
}

static void
update (VmpRequestRow *self)
{
  g_autofree char *model = vmp_request_words_model (self->request);
  g_autofree char *summary = vmp_request_words_summary (self->request, self->mirror);
  g_autofree char *figures = vmp_request_words_figures (self->request);
  g_autofree char *time = describe_time (self->request);
  g_autofree char *ago = vmp_ui_text_ago (vmp_item_get_string (self->request, "received_at"));
  g_autofree char *second = NULL;
  g_autofree char *spoken = NULL;

  gtk_label_set_text (self->model_label, model);
  gtk_label_set_text (self->summary_label, summary);
  second = g_strconcat (ago, *figures != '\0' && *ago != '\0' ? " · " : "", figures, NULL);
  gtk_label_set_text (self->figures_label, second);
  gtk_label_set_text (self->time_label, time);
  update_icon (self);
  gtk_widget_set_visible (self->cancel_button, vmp_request_words_is_running (self->request));

  spoken = g_strjoin (", ", model, summary, second, NULL);
  vmp_card_list_set_spoken (GTK_WIDGET (self), spoken);
}

void
vmp_request_row_set_request (VmpRequestRow *self,
                             VmpItem       *request)
{
  g_return_if_fail (VMP_IS_REQUEST_ROW (self));

  g_clear_signal_handler (&self->changed, self->request);
  g_clear_object (&self->request);
  if (request == NULL)
    return;

  self->request = g_object_ref (request);
  self->changed = g_signal_connect_swapped (request, "notify::document", G_CALLBACK (update), self);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->cancel_button), "s", vmp_item_get_id (request));
  update (self);
}

static void
vmp_request_row_dispose (GObject *object)
{
  VmpRequestRow *self = VMP_REQUEST_ROW (object);

  vmp_request_row_set_request (self, NULL);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_request_row_parent_class)->dispose (object);
}

static void
vmp_request_row_class_init (VmpRequestRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_request_row_dispose;
}

static void
vmp_request_row_init (VmpRequestRow *self)
{
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);

  gtk_box_set_spacing (GTK_BOX (self), 12);
  self->icon = GTK_IMAGE (gtk_image_new ());
  gtk_box_append (GTK_BOX (self), GTK_WIDGET (self->icon));

  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (self), texts);
  gtk_box_append (GTK_BOX (texts), head);

  self->model_label = vmp_ui_add_label (head, NULL);
  gtk_widget_set_hexpand (GTK_WIDGET (self->model_label), TRUE);
  self->time_label = vmp_ui_add_label (head, "numeric");
  gtk_label_set_ellipsize (self->time_label, PANGO_ELLIPSIZE_NONE);
  self->summary_label = vmp_ui_add_label (texts, "caption");
  self->figures_label = vmp_ui_add_label (texts, "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->figures_label), "dim-label");
  gtk_widget_add_css_class (GTK_WIDGET (self->figures_label), "numeric");

  self->cancel_button = gtk_button_new_from_icon_name ("process-stop-symbolic");
  gtk_widget_set_tooltip_text (self->cancel_button, _("Cancel Request"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->cancel_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _("Cancel Request"), -1);
  gtk_widget_add_css_class (self->cancel_button, "flat");
  gtk_widget_set_valign (self->cancel_button, GTK_ALIGN_CENTER);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->cancel_button), "s", "");
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->cancel_button), "activity-page.cancel");
  gtk_box_append (GTK_BOX (self), self->cancel_button);
}

GtkWidget *
vmp_request_row_new (VmpMirror *mirror)
{
  VmpRequestRow *self = g_object_new (VMP_TYPE_REQUEST_ROW, NULL);

  self->mirror = g_object_ref (mirror);

  return GTK_WIDGET (self);
}

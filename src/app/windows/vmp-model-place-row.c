/* SPDX-License-Identifier: MIT
 *
 * See vmp-model-place-row.h. The button says what the gateway was asked for until it has answered; the bar follows the
 * mirror's loads, so that it also shows those that others began.
 */

#include "app/windows/vmp-model-place-row.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-model-group.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

struct _VmpModelPlaceRow {
  GtkListBoxRow parent_instance;

  VmpMirror *mirror;
  VmpItem *place;
  VmpItemWatch *loads_watch;
  gboolean is_asking;

  GtkLabel *title_label;
  GtkLabel *state_label;
  GtkButton *button;
  GtkProgressBar *progress_bar;
  GtkLabel *problem_label;
};

G_DEFINE_FINAL_TYPE (VmpModelPlaceRow, vmp_model_place_row, GTK_TYPE_LIST_BOX_ROW)

/* -- Showing it ---------------------------------------------------------------------------- */

static void
set_problem (VmpModelPlaceRow *self,
             const char       *problem)
{
  gtk_label_set_text (self->problem_label, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem_label), problem != NULL);
}

static const char *
get_node_name (VmpModelPlaceRow *self)
{
  const char *node = vmp_item_get_string (self->place, "node");

  return node != NULL ? vmp_mirror_get_node_name (self->mirror, node) : "";
}

static void
update_button (VmpModelPlaceRow *self,
               gboolean          is_loading)
{
  gboolean is_loaded = vmp_item_get_boolean (self->place, "loaded");
  g_autofree char *spoken = NULL;

  gtk_button_set_label (self->button, is_loaded ? _("Unload") : _("Load"));
  gtk_widget_set_sensitive (GTK_WIDGET (self->button), !self->is_asking && !is_loading);
  spoken = g_strdup_printf (is_loaded ? _("Unload from %s") : _("Load on %s"), get_node_name (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void
update (VmpModelPlaceRow *self)
{
  VmpItem *load = vmp_item_list_find (vmp_mirror_get_list (self->mirror, VMP_TOPIC_LOADS),
                                      vmp_item_get_id (self->place));
  double progress = load != NULL ? vmp_item_get_double (load, "progress", -1) : -1;
  g_autofree char *state = vmp_model_group_describe_place (self->place);
  g_autofree char *loading = NULL;

  if (load != NULL)
    loading = progress >= 0 ? g_strdup_printf (_("Loading %.0f %%"), CLAMP (progress, 0, 1) * 100)
                            : g_strdup (_("Loading…"));
  gtk_label_set_text (self->title_label, get_node_name (self));
  gtk_label_set_text (self->state_label, loading != NULL ? loading : state);
  gtk_widget_set_visible (GTK_WIDGET (self->progress_bar), load != NULL);
  if (progress >= 0)
    gtk_progress_bar_set_fraction (self->progress_bar, CLAMP (progress, 0, 1));
  else
    gtk_progress_bar_pulse (self->progress_bar);
  update_button (self, load != NULL);
}

static void
loads_changed_cb (gpointer user_data,
                  VmpItem *load)
{
  VmpModelPlaceRow *self = user_data;

  if (load == NULL || g_str_equal (vmp_item_get_id (load), vmp_item_get_id (self->place)))
    update (self);
}

/* -- Doing it ------------------------------------------------------------------------------ */

static void
finish (VmpModelPlaceRow *self,
        const char       *problem)
{
  self->is_asking = FALSE;
  set_problem (self, problem);
  update (self);
}

/* @said: (transfer full) */
static void
finish_well (VmpModelPlaceRow *self,
             char             *said)
{
  finish (self, NULL);
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_MODELS);
  vmp_ui_announce (GTK_WIDGET (self), said);
  g_free (said);
}

static void
loaded_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  VmpModelPlaceRow *self = VMP_MODEL_PLACE_ROW (widget);

  finish_well (self, g_strdup_printf (_("The model is loaded on %s"), get_node_name (self)));
}

static void
failed_cb (GtkWidget  *widget,
           const char *problem,
           gpointer    user_data)
{
  finish (VMP_MODEL_PLACE_ROW (widget), problem);
}

static void
load (VmpModelPlaceRow *self)
{
  self->is_asking = TRUE;
  set_problem (self, NULL);
  update (self);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/models/load"),
                   vmp_ui_object ("node", "s", vmp_item_get_string (self->place, "node"),
                                  "model", "s", vmp_item_get_string (self->place, "model"), NULL),
                   loaded_cb, failed_cb, NULL, NULL);
}

static void
ask_unload (VmpModelPlaceRow *self,
            gboolean          force);

static void
force_cb (gpointer user_data)
{
  ask_unload (VMP_MODEL_PLACE_ROW (user_data), TRUE);
}

/* Somebody gets an answer from it: only its owner can say that this is to end. */
static gboolean
is_in_use (VmpClientAnswer *answer)
{
  JsonObject *document = answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json)
                         ? json_node_get_object (answer->json) : NULL;

  return g_strcmp0 (vmp_json_get_string (vmp_json_get_object (document, "error"), "code"), "model_in_use") == 0;
}

static void
unloaded_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (VmpModelPlaceRow) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  g_autofree char *problem = NULL;

  /* The page may be gone by now. */
  if (gtk_widget_get_root (GTK_WIDGET (self)) == NULL)
    return;

  if (answer == NULL)
    {
      finish (self, error->message);
      return;
    }
  if (answer->status < 300)
    {
      finish_well (self, g_strdup_printf (_("The model is not loaded on %s any more"), get_node_name (self)));
      return;
    }
  if (is_in_use (answer))
    {
      finish (self, NULL);
      vmp_ui_confirm (GTK_WIDGET (self), _("Unload While It Answers?"),
                      _("The model is answering somebody, whose answer would break off."), _("_Unload Nevertheless"),
                      TRUE, force_cb, g_object_ref (self), g_object_unref);
      return;
    }
  problem = vmp_client_answer_dup_problem (answer);
  finish (self, problem);
}

static void
ask_unload (VmpModelPlaceRow *self,
            gboolean          force)
{
  self->is_asking = TRUE;
  set_problem (self, NULL);
  update (self);
  vmp_link_ask_async (vmp_mirror_get_link (self->mirror), "POST", "/vampire/v1/models/unload",
                      vmp_ui_object ("node", "s", vmp_item_get_string (self->place, "node"),
                                     "model", "s", vmp_item_get_string (self->place, "model"),
                                     "force", "b", force, NULL),
                      NULL, unloaded_cb, g_object_ref (self));
}

static void
clicked_cb (VmpModelPlaceRow *self)
{
  if (vmp_item_get_boolean (self->place, "loaded"))
    ask_unload (self, FALSE);
  else
    load (self);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_model_place_row_dispose (GObject *object)
{
  VmpModelPlaceRow *self = VMP_MODEL_PLACE_ROW (object);

  if (self->place != NULL)
    g_signal_handlers_disconnect_by_data (self->place, self);
  g_clear_pointer (&self->loads_watch, vmp_item_watch_free);
  g_clear_object (&self->place);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_model_place_row_parent_class)->dispose (object);
}

static void
vmp_model_place_row_class_init (VmpModelPlaceRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_model_place_row_dispose;
}

static GtkLabel *
add_label (GtkWidget  *box,
           const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  gtk_box_append (GTK_BOX (box), label);

  return GTK_LABEL (label);
}

static void
vmp_model_place_row_init (VmpModelPlaceRow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);

  gtk_widget_add_css_class (box, "vmp-padded");
  gtk_box_append (GTK_BOX (box), line);

  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  self->title_label = add_label (texts, NULL);
  self->state_label = add_label (texts, "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->state_label), "dim-label");
  gtk_box_append (GTK_BOX (line), texts);

  self->button = GTK_BUTTON (gtk_button_new ());
  gtk_widget_set_valign (GTK_WIDGET (self->button), GTK_ALIGN_CENTER);
  g_signal_connect_swapped (self->button, "clicked", G_CALLBACK (clicked_cb), self);
  gtk_box_append (GTK_BOX (line), GTK_WIDGET (self->button));

  self->progress_bar = GTK_PROGRESS_BAR (gtk_progress_bar_new ());
  gtk_widget_set_visible (GTK_WIDGET (self->progress_bar), FALSE);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->progress_bar));

  self->problem_label = GTK_LABEL (g_object_new (GTK_TYPE_LABEL, "accessible-role", GTK_ACCESSIBLE_ROLE_ALERT,
                                                 "xalign", 0.0, "wrap", TRUE, "visible", FALSE, NULL));
  gtk_widget_add_css_class (GTK_WIDGET (self->problem_label), "error");
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->problem_label));

  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (self), FALSE);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (self), box);
}

GtkWidget *
vmp_model_place_row_new (VmpMirror *mirror,
                         VmpItem   *place)
{
  VmpModelPlaceRow *self = g_object_new (VMP_TYPE_MODEL_PLACE_ROW, NULL);

  self->mirror = g_object_ref (mirror);
  self->place = g_object_ref (place);
  g_signal_connect_swapped (place, "notify::document", G_CALLBACK (update), self);
  self->loads_watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_LOADS), loads_changed_cb, self);
  update (self);

  return GTK_WIDGET (self);
}

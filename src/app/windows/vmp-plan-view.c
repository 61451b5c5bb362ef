/* SPDX-License-Identifier: MIT
 *
 * See vmp-plan-view.h. What it says of a plan comes from vmp-plan-words.
 */

#include "app/windows/vmp-plan-view.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app/windows/vmp-more-list.h"
#include "app/windows/vmp-plan-words.h"
#include "core/vmp-json.h"

struct _VmpPlanView {
  GtkBox parent_instance;

  VmpMirror *mirror;
  JsonObject *plan;

  GtkLabel *how_label;
  GtkLabel *problem_label;
  AdwPreferencesGroup *attempts_group;
  VmpMoreList *attempts_list;
  AdwPreferencesGroup *rejected_group;
  VmpMoreList *rejected_list;
  GtkLabel *rest_label;
};

G_DEFINE_FINAL_TYPE (VmpPlanView, vmp_plan_view, GTK_TYPE_BOX)

/* -- Reading ------------------------------------------------------------------------------- */

static JsonObject *
get_element (JsonArray *array,
             guint      i)
{
  JsonNode *element = json_array_get_element (array, i);

  return JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
}

static guint
get_length (JsonArray *array)
{
  return array != NULL ? json_array_get_length (array) : 0;
}

/* The candidate that an attempt is at; NULL: it is not among those that are shown. */
static JsonObject *
find_candidate (VmpPlanView *self,
                JsonObject  *attempt)
{
  JsonArray *candidates = vmp_json_get_array (self->plan, "candidates");
  guint n = get_length (candidates);

  for (guint i = 0; i < n; i++)
    {
      JsonObject *candidate = get_element (candidates, i);

      if (candidate != NULL &&
          g_strcmp0 (vmp_json_get_string (candidate, "node"), vmp_json_get_string (attempt, "node")) == 0 &&
          g_strcmp0 (vmp_json_get_string (candidate, "model"), vmp_json_get_string (attempt, "model")) == 0)
        return candidate;
    }
  return NULL;
}

/* "studio · qwen/qwen3-4b". (transfer full) */
static char *
describe_place (VmpPlanView *self,
                JsonObject  *place)
{
  const char *node = vmp_json_get_string (place, "node");
  const char *model = vmp_json_get_string (place, "model");
  const char *name = node != NULL ? vmp_mirror_get_node_name (self->mirror, node) : _("No node");

  return model != NULL ? g_strdup_printf ("%s · %s", name, model) : g_strdup (name);
}

/* -- Rows ---------------------------------------------------------------------------------- */

/* Both are plain text. */
static GtkWidget *
make_row (const char *title,
          const char *subtitle)
{
  return g_object_new (ADW_TYPE_ACTION_ROW,
                       "use-markup", FALSE,
                       "activatable", FALSE,
                       "title", title,
                       "subtitle", subtitle,
                       "title-lines", 0,
                       "subtitle-lines", 0,
                       NULL);
}

static GtkWidget *
make_attempt_row (gpointer item,
                  gpointer user_data)
{
  VmpPlanView *self = VMP_PLAN_VIEW (user_data);
  JsonObject *attempt = vmp_item_get_document (VMP_ITEM (item));
  JsonObject *candidate = find_candidate (self, attempt);
  g_autofree char *place = describe_place (self, attempt);
  g_autofree char *known = candidate != NULL ? vmp_plan_words_candidate (candidate) : g_strdup ("");
  g_autofree char *scores = vmp_plan_words_scores (attempt);
  g_autofree char *text = g_strjoin ("\n", vmp_plan_words_readiness (vmp_json_get_string (attempt, "readiness")),
                                     *known != '\0' ? known : scores,
                                     *known != '\0' && *scores != '\0' ? scores : NULL, NULL);
  GtkWidget *row = make_row (place, text);
  GtkWidget *number = gtk_label_new (vmp_item_get_id (VMP_ITEM (item)));

  gtk_widget_add_css_class (number, "numeric");
  gtk_widget_add_css_class (number, "vmp-count");
  gtk_widget_add_css_class (number, "quiet");
  gtk_widget_set_valign (number, GTK_ALIGN_CENTER);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), number);

  return row;
}

static GtkWidget *
make_rejected_row (gpointer item,
                   gpointer user_data)
{
  VmpPlanView *self = VMP_PLAN_VIEW (user_data);
  JsonObject *candidate = vmp_item_get_document (VMP_ITEM (item));
  g_autofree char *place = describe_place (self, candidate);
  GtkWidget *row = make_row (place, vmp_plan_words_rejection (vmp_json_get_string (candidate, "rejected")));
  GtkWidget *icon = gtk_image_new_from_icon_name ("action-unavailable-symbolic");

  gtk_widget_add_css_class (icon, "dim-label");
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);

  return row;
}

/* -- The whole ----------------------------------------------------------------------------- */

static void
show_label (GtkLabel   *label,
            const char *text)
{
  gtk_label_set_text (label, text != NULL ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (label), text != NULL && *text != '\0');
}

/* Elements as items; their ids are their numbers from 1 on. @only: (nullable): a member that they must have. (transfer
 * full) */
static GListModel *
list_elements (JsonArray  *array,
               const char *only)
{
  GListStore *store = g_list_store_new (VMP_TYPE_ITEM);
  guint n = get_length (array);

  for (guint i = 0; i < n; i++)
    {
      JsonObject *element = get_element (array, i);
      g_autofree char *id = g_strdup_printf ("%u", g_list_model_get_n_items (G_LIST_MODEL (store)) + 1);
      g_autoptr (VmpItem) item = NULL;

      if (element == NULL || (only != NULL && vmp_json_get_string (element, only) == NULL))
        continue;
      item = vmp_item_new (id, element);
      g_list_store_append (store, item);
    }
  return G_LIST_MODEL (store);
}

/* Plans of many nodes name only some of those that are not tried; the reasons of all are counted. (transfer full)
 * (nullable) */
static char *
describe_rest (VmpPlanView *self)
{
  JsonObject *counts = vmp_json_get_object (self->plan, "rejected");
  guint n_shown = get_length (vmp_json_get_array (self->plan, "candidates"));
  GString *text;
  JsonObjectIter iter;
  const char *reason;
  JsonNode *count;
  gint64 looked_at = 0;

  vmp_json_get_int (self->plan, "looked_at", &looked_at);
  if (counts == NULL || looked_at <= n_shown)
    return NULL;

  text = g_string_new (NULL);
  g_string_append_printf (text, ngettext ("%d place was looked at in all.", "%d places were looked at in all.",
                                          (gulong) looked_at), (int) MIN (looked_at, G_MAXINT));
  json_object_iter_init_ordered (&iter, counts);
  while (json_object_iter_next_ordered (&iter, &reason, &count))
    {
      if (JSON_NODE_HOLDS_VALUE (count))
        g_string_append_printf (text, "\n%d: %s", (int) CLAMP (json_node_get_int (count), 0, G_MAXINT),
                                vmp_plan_words_rejection (reason));
    }
  return g_string_free (text, FALSE);
}

static char *
describe_how (VmpPlanView *self)
{
  const char *strategy = vmp_json_get_string (self->plan, "strategy");
  const char *about = vmp_json_get_string (self->plan, "about");
  g_autofree char *asked = vmp_plan_words_constraints (vmp_json_get_object (self->plan, "constraints"));
  GString *text = g_string_new (NULL);
  gboolean is_last_resort = FALSE;
  gint64 fallbacks = 0;

  if (strategy != NULL)
    g_string_append_printf (text, _("Chosen by: %s"), vmp_plan_words_strategy (strategy));
  if (about != NULL)
    g_string_append_printf (text, "\n%s", about);
  if (*asked != '\0')
    g_string_append_printf (text, _("\nAsked for: %s"), asked);
  if (vmp_json_get_int (self->plan, "fallbacks", &fallbacks) && fallbacks > 0)
    g_string_append_printf (text, ngettext ("\n%d route could not be used, and what stands in for it was taken.",
                                            "\n%d routes could not be used, and what stands in for them was taken.",
                                            (gulong) fallbacks), (int) MIN (fallbacks, G_MAXINT));
  if (vmp_json_get_boolean (self->plan, "last_resort", &is_last_resort) && is_last_resort)
    g_string_append (text, _("\nAll that are left have kept failing; they are tried as a last resort."));

  return g_string_free (text, FALSE);
}

static void
show_plan (VmpPlanView *self)
{
  JsonArray *attempts = vmp_json_get_array (self->plan, "attempts");
  g_autoptr (GListModel) tried = list_elements (attempts, NULL);
  g_autoptr (GListModel) rejected = list_elements (vmp_json_get_array (self->plan, "candidates"), "rejected");
  g_autofree char *how = describe_how (self);
  g_autofree char *rest = describe_rest (self);

  show_label (self->how_label, how);
  show_label (self->problem_label, vmp_json_get_string (self->plan, "problem"));
  vmp_more_list_set_model (self->attempts_list, tried, _("Nodes in the order in which they are tried"),
                           make_attempt_row, self);
  vmp_more_list_set_model (self->rejected_list, rejected, _("Nodes that are not tried"), make_rejected_row, self);
  gtk_widget_set_visible (GTK_WIDGET (self->attempts_group), g_list_model_get_n_items (tried) > 0);
  show_label (self->rest_label, rest);
  gtk_widget_set_visible (GTK_WIDGET (self->rejected_group), g_list_model_get_n_items (rejected) > 0 || rest != NULL);
}

void
vmp_plan_view_set_plan (VmpPlanView *self,
                        JsonObject  *plan)
{
  g_return_if_fail (VMP_IS_PLAN_VIEW (self));

  vmp_more_list_clear (self->attempts_list);
  vmp_more_list_clear (self->rejected_list);
  if (plan != NULL)
    json_object_ref (plan);
  g_clear_pointer (&self->plan, json_object_unref);
  self->plan = plan;
  gtk_widget_set_visible (GTK_WIDGET (self), plan != NULL);
  if (plan != NULL)
    show_plan (self);
}

static void
vmp_plan_view_dispose (GObject *object)
{
  VmpPlanView *self = VMP_PLAN_VIEW (object);

  if (self->attempts_list != NULL)
    vmp_more_list_clear (self->attempts_list);
  if (self->rejected_list != NULL)
    vmp_more_list_clear (self->rejected_list);
  self->attempts_list = NULL;
  self->rejected_list = NULL;
  g_clear_pointer (&self->plan, json_object_unref);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_plan_view_parent_class)->dispose (object);
}

static void
vmp_plan_view_class_init (VmpPlanViewClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_plan_view_dispose;
}

static GtkLabel *
add_label (GtkWidget  *box,
           const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  gtk_box_append (GTK_BOX (box), label);

  return GTK_LABEL (label);
}

static AdwPreferencesGroup *
add_group (VmpPlanView  *self,
           const char   *title,
           VmpMoreList **list)
{
  GtkWidget *group = g_object_new (ADW_TYPE_PREFERENCES_GROUP, "title", title, NULL);

  *list = VMP_MORE_LIST (vmp_more_list_new ());
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), GTK_WIDGET (*list));
  gtk_box_append (GTK_BOX (self), group);

  return ADW_PREFERENCES_GROUP (group);
}

static void
vmp_plan_view_init (VmpPlanView *self)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 18);
  self->how_label = add_label (GTK_WIDGET (self), NULL);
  self->problem_label = add_label (GTK_WIDGET (self), "error");
  self->attempts_group = add_group (self, _("Tried in This Order"), &self->attempts_list);
  self->rejected_group = add_group (self, _("Not Tried"), &self->rejected_list);
  self->rest_label = add_label (GTK_WIDGET (self), "dim-label");
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

GtkWidget *
vmp_plan_view_new (VmpMirror *mirror)
{
  VmpPlanView *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_PLAN_VIEW, NULL);
  self->mirror = g_object_ref (mirror);

  return GTK_WIDGET (self);
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-models.h.
 */

#include "app/windows/vmp-node-models.h"

#include <glib/gi18n.h>

#include "app/mirror/vmp-item.h"
#include "app/windows/vmp-ui-text.h"

/* Rows are widgets, of which a page makes so many at a time without a gap in its drawing. */
#define ROWS_AT_FIRST 8
#define ROWS_MORE 40

struct _VmpNodeModels {
  AdwBin parent_instance;

  AdwPreferencesGroup *group;
  GtkListBox *list;
  GtkWidget *more_button;
  GPtrArray *models;     /* of VmpItem, loaded ones first; NULL: not read yet */
  guint n_rows;
  guint n_wanted;
};

G_DEFINE_FINAL_TYPE (VmpNodeModels, vmp_node_models, ADW_TYPE_BIN)

/* -- One model ----------------------------------------------------------------------------- */

static const char *
get_title (VmpItem *model)
{
  const char *title = vmp_item_get_string (model, "display_name");

  return title != NULL && *title != '\0' ? title : vmp_item_get_id (model);
}

static void
add_part (GString    *text,
          const char *part)
{
  if (part != NULL && *part != '\0')
    g_string_append_printf (text, "%s%s", text->len > 0 ? " · " : "", part);
}

/* "Text · 4B · Q4_K_M · 2.5 GB · qwen/qwen3-4b" */
static char *
describe (VmpItem *model)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *size = vmp_ui_text_bytes (vmp_item_get_int (model, "size_bytes", -1));

  add_part (text, vmp_ui_text_model_kind (vmp_item_get_string (model, "kind")));
  add_part (text, vmp_item_get_string (model, "parameters"));
  add_part (text, vmp_item_get_string (model, "quantization"));
  add_part (text, size);
  if (g_strcmp0 (get_title (model), vmp_item_get_id (model)) != 0)
    add_part (text, vmp_item_get_id (model));

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* How many requests it answers at a time; 0: not known. */
static guint
count_slots (VmpItem *model)
{
  JsonArray *instances = vmp_item_get_array (model, "instances");
  guint n = instances != NULL ? json_array_get_length (instances) : 0;
  guint slots = 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (instances, i);
      JsonNode *parallel = JSON_NODE_HOLDS_OBJECT (node)
                             ? vmp_document_find (json_node_get_object (node), "parallel") : NULL;

      if (parallel != NULL && json_node_get_value_type (parallel) == G_TYPE_INT64)
        slots += CLAMP (json_node_get_int (parallel), 0, G_MAXINT16);
    }

  return slots;
}

/* "Loaded, 4K context, 4 slots" */
static char *
describe_loaded (VmpItem *model)
{
  g_autoptr (GString) text = g_string_new (_("Loaded"));
  g_autofree char *context = vmp_ui_text_context (vmp_item_get_int (model, "context_window", 0));
  guint slots = count_slots (model);

  if (*context != '\0')
    g_string_append_printf (text, "\n%s", context);
  if (slots > 0)
    {
      g_string_append (text, "\n");
      g_string_append_printf (text, ngettext ("%u slot", "%u slots", slots), slots);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static GtkWidget *
make_row (VmpItem *model)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *subtitle = describe (model);
  GtkWidget *label;

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), get_title (model));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 2);
  if (vmp_item_get_boolean (model, "loaded"))
    {
      g_autofree char *loaded = describe_loaded (model);

      label = gtk_label_new (loaded);
      gtk_label_set_justify (GTK_LABEL (label), GTK_JUSTIFY_RIGHT);
      gtk_label_set_xalign (GTK_LABEL (label), 1);
      gtk_widget_add_css_class (label, "caption");
      gtk_widget_add_css_class (label, "numeric");
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), label);
    }

  return row;
}

/* -- All of them --------------------------------------------------------------------------- */

static void
add_rows (VmpNodeModels *self)
{
  guint n = self->models != NULL ? self->models->len : 0;
  g_autofree char *text = NULL;
  guint left;

  for (; self->n_rows < MIN (n, self->n_wanted); self->n_rows++)
    gtk_list_box_append (self->list, make_row (g_ptr_array_index (self->models, self->n_rows)));

  left = n - self->n_rows;
  text = g_strdup_printf (ngettext ("Show %u More", "Show %u More", MIN (left, ROWS_MORE)), MIN (left, ROWS_MORE));
  gtk_button_set_label (GTK_BUTTON (self->more_button), text);
  gtk_widget_set_visible (self->more_button, left > 0);
  gtk_widget_set_visible (GTK_WIDGET (self->list), n > 0);
}

static void
rebuild (VmpNodeModels *self)
{
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (self->list, 0)) != NULL)
    gtk_list_box_remove (self->list, GTK_WIDGET (row));
  self->n_rows = 0;
  adw_preferences_group_set_description (self->group, self->models != NULL && self->models->len == 0
                                                        ? _("None are known.") : NULL);
  add_rows (self);
}

static void
more_cb (VmpNodeModels *self)
{
  self->n_wanted = self->n_rows + ROWS_MORE;
  add_rows (self);
}

static int
compare_models (gconstpointer a,
                gconstpointer b)
{
  VmpItem *one = *(VmpItem * const *) a;
  VmpItem *other = *(VmpItem * const *) b;
  gboolean is_loaded = vmp_item_get_boolean (one, "loaded");

  if (is_loaded != vmp_item_get_boolean (other, "loaded"))
    return is_loaded ? -1 : 1;

  return g_utf8_collate (get_title (one), get_title (other));
}

static GPtrArray *
read_models (JsonArray *array)
{
  GPtrArray *models = g_ptr_array_new_with_free_func (g_object_unref);
  guint n = json_array_get_length (array);

  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      JsonNode *id = JSON_NODE_HOLDS_OBJECT (node) ? vmp_document_find (json_node_get_object (node), "id") : NULL;

      if (id != NULL && json_node_get_string (id) != NULL)
        g_ptr_array_add (models, vmp_item_new (json_node_get_string (id), json_node_get_object (node)));
    }
  g_ptr_array_sort (models, compare_models);

  return models;
}

/* Whether a row would look the same. */
static gboolean
is_same_model (VmpItem *one,
               VmpItem *other)
{
  return json_object_equal (vmp_item_get_document (one), vmp_item_get_document (other));
}

static gboolean
is_same (GPtrArray *before,
         GPtrArray *now)
{
  if (before == NULL || now == NULL || before->len != now->len)
    return before == now;

  for (guint i = 0; i < now->len; i++)
    {
      if (!is_same_model (g_ptr_array_index (before, i), g_ptr_array_index (now, i)))
        return FALSE;
    }

  return TRUE;
}

void
vmp_node_models_set (VmpNodeModels *self,
                     JsonArray     *models)
{
  g_autoptr (GPtrArray) before = NULL;

  g_return_if_fail (VMP_IS_NODE_MODELS (self));

  before = g_steal_pointer (&self->models);
  self->models = models != NULL ? read_models (models) : NULL;
  if (!is_same (before, self->models))
    rebuild (self);
}

static void
vmp_node_models_finalize (GObject *object)
{
  g_clear_pointer (&VMP_NODE_MODELS (object)->models, g_ptr_array_unref);

  G_OBJECT_CLASS (vmp_node_models_parent_class)->finalize (object);
}

static void
vmp_node_models_class_init (VmpNodeModelsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmp_node_models_finalize;
}

static void
vmp_node_models_init (VmpNodeModels *self)
{
  GtkWidget *list = gtk_list_box_new ();

  self->n_wanted = ROWS_AT_FIRST;

  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  adw_preferences_group_set_title (self->group, _("Models"));
  self->list = GTK_LIST_BOX (list);
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_widget_set_visible (list, FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (list), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Models"), -1);
  adw_preferences_group_add (self->group, list);

  self->more_button = gtk_button_new ();
  gtk_widget_set_halign (self->more_button, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_top (self->more_button, 6);
  gtk_widget_add_css_class (self->more_button, "flat");
  gtk_widget_set_visible (self->more_button, FALSE);
  g_signal_connect_swapped (self->more_button, "clicked", G_CALLBACK (more_cb), self);
  adw_preferences_group_add (self->group, self->more_button);

  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
}

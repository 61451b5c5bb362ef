/* SPDX-License-Identifier: MIT
 *
 * See vmp-model-view.h.
 */

#include "app/windows/vmp-model-view.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-model-place-row.h"
#include "app/windows/vmp-model-row.h"
#include "app/windows/vmp-more-list.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

struct _VmpModelView {
  AdwBin parent_instance;

  VmpMirror *mirror;
  VmpModelGroup *group;

  GtkWidget *back_button;
  GtkLabel *title_label;
  GtkLabel *state_label;
  GtkStack *stack;
  AdwBin *can_bin;
  GtkWidget *chat_button;
  VmpMoreList *places_list;
  VmpFactRow *id_row;
  VmpFactRow *kind_row;
  VmpFactRow *publisher_row;
  VmpFactRow *parameters_row;
  VmpFactRow *quantization_row;
  VmpFactRow *context_row;
  VmpFactRow *size_row;
  VmpFactRow *format_row;
  VmpFactRow *efforts_row;
};

enum {
  BACK,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpModelView, vmp_model_view, ADW_TYPE_BIN)

/* -- Facts --------------------------------------------------------------------------------- */

/* @value: (transfer full) */
static void
set_fact (VmpFactRow *row,
          char       *value)
{
  vmp_fact_row_set_value (row, value);
  g_free (value);
}

/* "gguf · qwen3". (transfer full) */
static char *
describe_format (VmpItem *place)
{
  const char *format = vmp_item_get_string (place, "format");
  const char *architecture = vmp_item_get_string (place, "architecture");

  if (format != NULL && architecture != NULL)
    return g_strdup_printf ("%s · %s", format, architecture);

  return g_strdup (format != NULL ? format : architecture);
}

/* "low, medium, high". (transfer full) */
static char *
describe_efforts (VmpItem *place)
{
  JsonArray *efforts = vmp_item_get_array (place, "capabilities.reasoning_options");
  guint n = efforts != NULL ? json_array_get_length (efforts) : 0;
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    {
      JsonNode *effort = json_array_get_element (efforts, i);

      if (JSON_NODE_HOLDS_VALUE (effort) && json_node_get_value_type (effort) == G_TYPE_STRING)
        g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", json_node_get_string (effort));
    }
  return g_string_free (text, FALSE);
}

static void
update (VmpModelView *self)
{
  VmpItem *place = vmp_model_group_get_place (self->group);
  g_autofree char *state = vmp_model_group_dup_state (self->group);
  int context;

  gtk_label_set_text (self->title_label, vmp_model_group_get_title (self->group));
  gtk_label_set_text (self->state_label, state);
  gtk_widget_set_visible (GTK_WIDGET (self->state_label), *state != '\0');
  gtk_stack_set_visible_child_name (self->stack, place != NULL ? "content" : "gone");
  if (place == NULL)
    return;

  vmp_model_row_update_can (adw_bin_get_child (self->can_bin), self->group);
  gtk_widget_set_visible (self->chat_button, g_strcmp0 (vmp_model_group_get_kind (self->group), "embedding") != 0);
  vmp_fact_row_set_value (self->id_row, vmp_model_group_get_id (self->group));
  vmp_fact_row_set_value (self->kind_row, vmp_ui_text_model_kind (vmp_model_group_get_kind (self->group)));
  vmp_fact_row_set_value (self->publisher_row, vmp_item_get_string (place, "publisher"));
  vmp_fact_row_set_value (self->parameters_row, vmp_item_get_string (place, "parameters"));
  vmp_fact_row_set_value (self->quantization_row, vmp_item_get_string (place, "quantization"));
  context = (int) CLAMP (vmp_item_get_int (place, "max_context_length", 0), 0, G_MAXINT);
  set_fact (self->context_row, context > 0 ? g_strdup_printf (ngettext ("%d token", "%d tokens", (gulong) context),
                                                              context) : NULL);
  set_fact (self->size_row, vmp_ui_text_bytes (vmp_item_get_int (place, "size_bytes", -1)));
  set_fact (self->format_row, describe_format (place));
  set_fact (self->efforts_row, describe_efforts (place));
}

static GtkWidget *
make_place_row (gpointer item,
                gpointer user_data)
{
  return vmp_model_place_row_new (VMP_MODEL_VIEW (user_data)->mirror, VMP_ITEM (item));
}

/* -- Actions ------------------------------------------------------------------------------- */

static void
back_cb (VmpModelView *self)
{
  g_signal_emit (self, signals[BACK], 0);
}

static void
chat_cb (VmpModelView *self)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.chat-with", "s", vmp_model_group_get_id (self->group));
}

static void
copy_cb (VmpModelView *self)
{
  vmp_ui_copy (GTK_WIDGET (self), vmp_model_group_get_id (self->group), _("Model ID copied"));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_model_view_dispose (GObject *object)
{
  VmpModelView *self = VMP_MODEL_VIEW (object);

  if (self->group != NULL)
    g_signal_handlers_disconnect_by_data (self->group, self);
  if (self->places_list != NULL)
    vmp_more_list_clear (self->places_list);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_MODEL_VIEW);
  g_clear_object (&self->group);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_model_view_parent_class)->dispose (object);
}

static void
vmp_model_view_class_init (VmpModelViewClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_model_view_dispose;
  signals[BACK] = g_signal_new ("back", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 0);

  g_type_ensure (VMP_TYPE_FACT_ROW);
  g_type_ensure (VMP_TYPE_MORE_LIST);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/model-view.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, back_button);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, title_label);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, state_label);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, can_bin);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, chat_button);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, places_list);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, id_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, kind_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, publisher_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, parameters_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, quantization_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, context_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, size_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, format_row);
  gtk_widget_class_bind_template_child (widget_class, VmpModelView, efforts_row);
  gtk_widget_class_bind_template_callback (widget_class, back_cb);
  gtk_widget_class_bind_template_callback (widget_class, chat_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_cb);
}

static void
vmp_model_view_init (VmpModelView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  adw_bin_set_child (self->can_bin, vmp_model_row_make_can ());
}

GtkWidget *
vmp_model_view_new (VmpMirror     *mirror,
                    VmpModelGroup *group)
{
  VmpModelView *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror) && VMP_IS_MODEL_GROUP (group), NULL);

  self = g_object_new (VMP_TYPE_MODEL_VIEW, NULL);
  self->mirror = g_object_ref (mirror);
  self->group = g_object_ref (group);
  g_signal_connect_swapped (group, "changed", G_CALLBACK (update), self);
  vmp_more_list_set_model (self->places_list, vmp_model_group_get_places (group), _("Nodes that have this model"),
                           make_place_row, self);
  update (self);

  return GTK_WIDGET (self);
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-fact-row.h.
 */

#include "app/windows/vmp-fact-row.h"

struct _VmpFactRow {
  GtkListBoxRow parent_instance;

  GtkWidget *caption_label;
  GtkWidget *value_label;
  gboolean fixed;
};

enum {
  PROP_0,
  PROP_CAPTION,
  PROP_VALUE,
  PROP_FIXED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (VmpFactRow, vmp_fact_row, GTK_TYPE_LIST_BOX_ROW)

static void
set_fixed (VmpFactRow *self,
           gboolean    fixed)
{
  self->fixed = fixed;
  gtk_label_set_selectable (GTK_LABEL (self->value_label), fixed);
  if (fixed)
    gtk_widget_add_css_class (self->value_label, "monospace");
  else
    gtk_widget_remove_css_class (self->value_label, "monospace");
}

static void
vmp_fact_row_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  VmpFactRow *self = VMP_FACT_ROW (object);

  switch (prop_id)
    {
    case PROP_CAPTION:
      g_value_set_string (value, gtk_label_get_text (GTK_LABEL (self->caption_label)));
      break;

    case PROP_VALUE:
      g_value_set_string (value, vmp_fact_row_get_value (self));
      break;

    case PROP_FIXED:
      g_value_set_boolean (value, self->fixed);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
vmp_fact_row_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  VmpFactRow *self = VMP_FACT_ROW (object);
  const char *text;

  switch (prop_id)
    {
    case PROP_CAPTION:
      text = g_value_get_string (value);
      gtk_label_set_text (GTK_LABEL (self->caption_label), text != NULL ? text : "");
      break;

    case PROP_VALUE:
      vmp_fact_row_set_value (self, g_value_get_string (value));
      break;

    case PROP_FIXED:
      set_fixed (self, g_value_get_boolean (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
vmp_fact_row_class_init (VmpFactRowClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->get_property = vmp_fact_row_get_property;
  object_class->set_property = vmp_fact_row_set_property;

  properties[PROP_CAPTION] = g_param_spec_string ("caption", NULL, NULL, NULL,
                                                  G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_VALUE] = g_param_spec_string ("value", NULL, NULL, NULL,
                                                G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  properties[PROP_FIXED] = g_param_spec_boolean ("fixed", NULL, NULL, FALSE,
                                                 G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static GtkWidget *
add_label (GtkBox     *box,
           const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  gtk_box_append (box, label);

  return label;
}

static void
vmp_fact_row_init (VmpFactRow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);

  gtk_widget_set_margin_top (box, 8);
  gtk_widget_set_margin_bottom (box, 8);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);

  self->caption_label = add_label (GTK_BOX (box), "caption");
  gtk_widget_add_css_class (self->caption_label, "dim-label");
  self->value_label = add_label (GTK_BOX (box), NULL);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_RELATION_LABELLED_BY,
                                  self->caption_label, self->value_label, NULL, -1);

  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (self), FALSE);
  gtk_list_box_row_set_selectable (GTK_LIST_BOX_ROW (self), FALSE);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (self), box);
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

GtkWidget *
vmp_fact_row_new (const char *caption)
{
  return g_object_new (VMP_TYPE_FACT_ROW, "caption", caption, NULL);
}

void
vmp_fact_row_set_value (VmpFactRow *self,
                        const char *value)
{
  g_return_if_fail (VMP_IS_FACT_ROW (self));

  if (value != NULL && *value == '\0')
    value = NULL;
  if (g_strcmp0 (value, vmp_fact_row_get_value (self)) == 0)
    return;

  gtk_label_set_text (GTK_LABEL (self->value_label), value != NULL ? value : "");
  gtk_widget_set_visible (GTK_WIDGET (self), value != NULL);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VALUE]);
}

const char *
vmp_fact_row_get_value (VmpFactRow *self)
{
  const char *value;

  g_return_val_if_fail (VMP_IS_FACT_ROW (self), NULL);

  value = gtk_label_get_text (GTK_LABEL (self->value_label));
  return *value != '\0' ? value : NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-model-row.h.
 */

#include "app/windows/vmp-model-row.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-card-list.h"
#include "app/windows/vmp-ui.h"

struct _VmpModelRow {
  GtkBox parent_instance;

  VmpMirror *mirror;
  VmpModelGroup *group;   /* NULL: nothing is shown */
  gulong changed;

  GtkLabel *title_label;
  GtkLabel *state_label;
  GtkLabel *summary_label;
  GtkLabel *where_label;
  GtkWidget *can_box;
};

G_DEFINE_FINAL_TYPE (VmpModelRow, vmp_model_row, GTK_TYPE_BOX)

/* -- What it can --------------------------------------------------------------------------- */

static const struct {
  VmpModelCan can;
  const char *icon;
  const char *name;
} capabilities[] = {
  { VMP_MODEL_CAN_VISION, "image-x-generic-symbolic", NC_("capability", "Vision") },
  { VMP_MODEL_CAN_TOOLS, "applications-engineering-symbolic", NC_("capability", "Tools") },
  { VMP_MODEL_CAN_REASON, "emoji-objects-symbolic", NC_("capability", "Reasoning") },
};

static GtkWidget *
make_chip (const char *icon_name,
           const char *name)
{
  GtkWidget *chip = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *icon = gtk_image_new_from_icon_name (icon_name);
  GtkWidget *label = gtk_label_new (name);

  gtk_image_set_pixel_size (GTK_IMAGE (icon), 12);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (chip, "vmp-chip");
  gtk_box_append (GTK_BOX (chip), icon);
  gtk_box_append (GTK_BOX (chip), label);
  gtk_widget_set_valign (chip, GTK_ALIGN_CENTER);

  return chip;
}

GtkWidget *
vmp_model_row_make_can (void)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  for (gsize i = 0; i < G_N_ELEMENTS (capabilities); i++)
    {
      const char *name = g_dpgettext2 (NULL, "capability", capabilities[i].name);

      gtk_box_append (GTK_BOX (box), make_chip (capabilities[i].icon, name));
    }
  gtk_box_append (GTK_BOX (box), make_chip ("view-grid-symbolic", C_("capability", "Embeddings")));

  return box;
}

void
vmp_model_row_update_can (GtkWidget     *box,
                          VmpModelGroup *group)
{
  VmpModelCan can = vmp_model_group_get_can (group);
  gboolean embeds = g_strcmp0 (vmp_model_group_get_kind (group), "embedding") == 0;
  GtkWidget *chip = gtk_widget_get_first_child (box);

  for (gsize i = 0; i < G_N_ELEMENTS (capabilities); i++)
    {
      gtk_widget_set_visible (chip, (can & capabilities[i].can) != 0);
      chip = gtk_widget_get_next_sibling (chip);
    }
  gtk_widget_set_visible (chip, embeds);
  gtk_widget_set_visible (box, can != 0 || embeds);
}

/* As a screen reader says it. (transfer full) */
static char *
describe_can (VmpModelGroup *group)
{
  VmpModelCan can = vmp_model_group_get_can (group);
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (capabilities); i++)
    {
      if ((can & capabilities[i].can) != 0)
        g_string_append_printf (text, ", %s", g_dpgettext2 (NULL, "capability", capabilities[i].name));
    }
  return g_string_free (text, FALSE);
}

/* -- Use ----------------------------------------------------------------------------------- */

static void
update (VmpModelRow *self)
{
  g_autofree char *summary = vmp_model_group_dup_summary (self->group);
  g_autofree char *where = vmp_model_group_dup_where (self->group, self->mirror);
  g_autofree char *state = vmp_model_group_dup_state (self->group);
  g_autofree char *can = describe_can (self->group);
  g_autofree char *spoken = NULL;

  gtk_label_set_text (self->title_label, vmp_model_group_get_title (self->group));
  gtk_label_set_text (self->summary_label, summary);
  gtk_label_set_text (self->where_label, where);
  gtk_label_set_text (self->state_label, state);
  gtk_widget_set_visible (GTK_WIDGET (self->state_label), *state != '\0');
  vmp_model_row_update_can (self->can_box, self->group);

  spoken = g_strdup_printf ("%s, %s, %s, %s%s", vmp_model_group_get_title (self->group),
                            *state != '\0' ? state : _("Not loaded"), where, summary, can);
  vmp_card_list_set_spoken (GTK_WIDGET (self), spoken);
}

void
vmp_model_row_set_group (VmpModelRow   *self,
                         VmpModelGroup *group)
{
  g_return_if_fail (VMP_IS_MODEL_ROW (self));

  g_clear_signal_handler (&self->changed, self->group);
  g_clear_object (&self->group);
  if (group == NULL)
    return;

  self->group = g_object_ref (group);
  self->changed = g_signal_connect_swapped (group, "changed", G_CALLBACK (update), self);
  update (self);
}

static void
vmp_model_row_dispose (GObject *object)
{
  VmpModelRow *self = VMP_MODEL_ROW (object);

  vmp_model_row_set_group (self, NULL);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_model_row_parent_class)->dispose (object);
}

static void
vmp_model_row_class_init (VmpModelRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_model_row_dispose;
}

static void
vmp_model_row_init (VmpModelRow *self)
{
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *arrow = gtk_image_new_from_icon_name ("go-next-symbolic");

  gtk_box_set_spacing (GTK_BOX (self), 12);
  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (self), texts);

  gtk_box_append (GTK_BOX (texts), head);
  self->title_label = vmp_ui_add_label (head, NULL);
  gtk_widget_set_hexpand (GTK_WIDGET (self->title_label), TRUE);
  self->state_label = vmp_ui_add_label (head, "vmp-busy");
  gtk_widget_add_css_class (GTK_WIDGET (self->state_label), "numeric");
  gtk_widget_set_valign (GTK_WIDGET (self->state_label), GTK_ALIGN_CENTER);

  self->summary_label = vmp_ui_add_label (texts, "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->summary_label), "dim-label");
  self->where_label = vmp_ui_add_label (texts, "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->where_label), "dim-label");
  self->can_box = vmp_model_row_make_can ();
  gtk_box_append (GTK_BOX (texts), self->can_box);

  gtk_widget_add_css_class (arrow, "dim-label");
  gtk_box_append (GTK_BOX (self), arrow);
}

GtkWidget *
vmp_model_row_new (VmpMirror *mirror)
{
  VmpModelRow *self = g_object_new (VMP_TYPE_MODEL_ROW, NULL);

  self->mirror = g_object_ref (mirror);

  return GTK_WIDGET (self);
}

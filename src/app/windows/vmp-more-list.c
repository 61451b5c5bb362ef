/* SPDX-License-Identifier: MIT
 *
 * See vmp-more-list.h.
 */

#include "app/windows/vmp-more-list.h"

#include <glib/gi18n.h>

/* Rows at first, and with each press of the button; and how many of them a frame has time for. */
#define STEP 40
#define ROWS_A_FRAME 2

struct _VmpMoreList {
  GtkBox parent_instance;

  GtkListBox *list;
  GtkWidget *button;
  GtkSliceListModel *slice;  /* NULL: no model */
  guint n_wanted;            /* rows */
  guint growing;             /* tick callback; 0: there are as many */
};

G_DEFINE_FINAL_TYPE (VmpMoreList, vmp_more_list, GTK_TYPE_BOX)

static gboolean
grow_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  VmpMoreList *self = VMP_MORE_LIST (widget);
  guint n = g_list_model_get_n_items (gtk_slice_list_model_get_model (self->slice));
  guint size = MIN (gtk_slice_list_model_get_size (self->slice) + ROWS_A_FRAME, self->n_wanted);

  gtk_slice_list_model_set_size (self->slice, size);
  if (size < MIN (n, self->n_wanted))
    return G_SOURCE_CONTINUE;

  self->growing = 0;

  return G_SOURCE_REMOVE;
}

static void
update (VmpMoreList *self)
{
  GListModel *model = self->slice != NULL ? gtk_slice_list_model_get_model (self->slice) : NULL;
  guint n = model != NULL ? g_list_model_get_n_items (model) : 0;
  g_autofree char *label = NULL;

  gtk_widget_set_visible (GTK_WIDGET (self->list), n > 0);
  gtk_widget_set_visible (self->button, n > self->n_wanted);
  if (self->growing == 0 && n > 0 && gtk_slice_list_model_get_size (self->slice) < MIN (n, self->n_wanted))
    self->growing = gtk_widget_add_tick_callback (GTK_WIDGET (self), grow_cb, NULL, NULL);
  if (n <= self->n_wanted)
    return;

  label = g_strdup_printf (ngettext ("Show %u More", "Show %u More", n - self->n_wanted), n - self->n_wanted);
  gtk_button_set_label (GTK_BUTTON (self->button), label);
}

static void
more_cb (VmpMoreList *self)
{
  self->n_wanted += STEP;
  update (self);
}

void
vmp_more_list_clear (VmpMoreList *self)
{
  g_return_if_fail (VMP_IS_MORE_LIST (self));

  if (self->slice == NULL)
    return;

  if (self->growing != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->growing);
  self->growing = 0;
  g_signal_handlers_disconnect_by_data (gtk_slice_list_model_get_model (self->slice), self);
  gtk_list_box_bind_model (self->list, NULL, NULL, NULL, NULL);
  g_clear_object (&self->slice);
}

static void
vmp_more_list_dispose (GObject *object)
{
  VmpMoreList *self = VMP_MORE_LIST (object);

  if (self->list != NULL)
    vmp_more_list_clear (self);
  self->list = NULL;

  G_OBJECT_CLASS (vmp_more_list_parent_class)->dispose (object);
}

static void
vmp_more_list_class_init (VmpMoreListClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_more_list_dispose;
}

static void
vmp_more_list_init (VmpMoreList *self)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 12);

  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "boxed-list");
  gtk_widget_set_visible (GTK_WIDGET (self->list), FALSE);
  gtk_box_append (GTK_BOX (self), GTK_WIDGET (self->list));

  self->button = gtk_button_new ();
  gtk_widget_set_halign (self->button, GTK_ALIGN_CENTER);
  gtk_widget_set_visible (self->button, FALSE);
  g_signal_connect_swapped (self->button, "clicked", G_CALLBACK (more_cb), self);
  gtk_box_append (GTK_BOX (self), self->button);
}

GtkWidget *
vmp_more_list_new (void)
{
  return g_object_new (VMP_TYPE_MORE_LIST, NULL);
}

void
vmp_more_list_set_model (VmpMoreList               *self,
                         GListModel                *model,
                         const char                *label,
                         GtkListBoxCreateWidgetFunc make,
                         gpointer                   user_data)
{
  g_return_if_fail (VMP_IS_MORE_LIST (self));
  g_return_if_fail (G_IS_LIST_MODEL (model));

  vmp_more_list_clear (self);
  self->slice = gtk_slice_list_model_new (g_object_ref (model), 0, ROWS_A_FRAME);
  self->n_wanted = STEP;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_list_box_bind_model (self->list, G_LIST_MODEL (self->slice), make, user_data, NULL);
  g_signal_connect_swapped (model, "items-changed", G_CALLBACK (update), self);
  update (self);
}

/* SPDX-License-Identifier: MIT
 *
 * A box that draws what is seen. GTK hands all of a scrolled box to the renderer, and a chat of two hundred messages
 * has some ten thousand pieces: drawn in software that takes longer than a frame.
 */

#include "app/windows/vmp-chat-rows.h"

/* Pixels between two rows. */
#define SPACING 18

struct _VmpChatRows {
  GtkWidget parent_instance;
};

G_DEFINE_FINAL_TYPE (VmpChatRows, vmp_chat_rows, GTK_TYPE_WIDGET)

void
vmp_chat_rows_snapshot_seen (GtkWidget   *widget,
                             GtkSnapshot *snapshot)
{
  GtkWidget *viewport = gtk_widget_get_ancestor (widget, GTK_TYPE_VIEWPORT);
  graphene_rect_t seen;
  gboolean is_known = viewport != NULL && gtk_widget_compute_bounds (viewport, widget, &seen);

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      graphene_rect_t bounds;

      if (!is_known || !gtk_widget_compute_bounds (child, widget, &bounds)
          || graphene_rect_intersection (&seen, &bounds, NULL))
        gtk_widget_snapshot_child (widget, child, snapshot);
    }
}

static void
vmp_chat_rows_dispose (GObject *object)
{
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (object))) != NULL)
    gtk_widget_unparent (child);

  G_OBJECT_CLASS (vmp_chat_rows_parent_class)->dispose (object);
}

static void
vmp_chat_rows_class_init (VmpChatRowsClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_chat_rows_dispose;
  widget_class->snapshot = vmp_chat_rows_snapshot_seen;

  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BOX_LAYOUT);
}

static void
vmp_chat_rows_init (VmpChatRows *self)
{
  GtkLayoutManager *layout = gtk_widget_get_layout_manager (GTK_WIDGET (self));

  gtk_orientable_set_orientation (GTK_ORIENTABLE (layout), GTK_ORIENTATION_VERTICAL);
  gtk_box_layout_set_spacing (GTK_BOX_LAYOUT (layout), SPACING);
}

void
vmp_chat_rows_append (VmpChatRows *self,
                      GtkWidget   *row)
{
  g_return_if_fail (VMP_IS_CHAT_ROWS (self));
  g_return_if_fail (GTK_IS_WIDGET (row));

  gtk_widget_set_parent (row, GTK_WIDGET (self));
}

void
vmp_chat_rows_remove (VmpChatRows *self,
                      GtkWidget   *row)
{
  g_return_if_fail (VMP_IS_CHAT_ROWS (self));
  g_return_if_fail (gtk_widget_get_parent (row) == GTK_WIDGET (self));

  gtk_widget_unparent (row);
}

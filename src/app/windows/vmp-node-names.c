/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-names.h.
 */

#include "app/windows/vmp-node-names.h"

#include "app/windows/vmp-node-words.h"

static void
set_up_cb (GtkSignalListItemFactory *factory,
           GtkListItem              *list_item)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_list_item_set_child (list_item, label);
}

static void
bind_cb (GtkSignalListItemFactory *factory,
         GtkListItem              *list_item)
{
  GtkLabel *label = GTK_LABEL (gtk_list_item_get_child (list_item));

  gtk_label_set_text (label, vmp_node_words_title (gtk_list_item_get_item (list_item)));
}

void
vmp_node_names_set_up (GtkListView *view,
                       GListModel  *nodes)
{
  g_autoptr (GtkNoSelection) model = gtk_no_selection_new (g_object_ref (nodes));
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  g_signal_connect (factory, "setup", G_CALLBACK (set_up_cb), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_cb), NULL);
  gtk_list_view_set_factory (view, factory);
  gtk_list_view_set_model (view, GTK_SELECTION_MODEL (model));
}

/* SPDX-License-Identifier: MIT
 *
 * A list view whose rows look like boxed lists, however many there are: only those on screen exist. Pages with long
 * lists give it their model and make, fill and clear rows; headings between the rows are items of the model.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_CARD_HEADING (vmp_card_heading_get_type ())
/* Property "text" (string). An item that is shown as a heading above the cards that follow it. */
G_DECLARE_FINAL_TYPE (VmpCardHeading, vmp_card_heading, VMP, CARD_HEADING, GObject)

VmpCardHeading *vmp_card_heading_new (const char *text);

typedef struct {
  /* An empty row. */
  GtkWidget *(*make) (gpointer user_data);
  void (*fill) (gpointer   user_data,
                GtkWidget *row,
                gpointer   item);
  /* It listens to nothing after that. */
  void (*clear) (gpointer   user_data,
                 GtkWidget *row);
} VmpCardListFuncs;

/* @model: (transfer none): of VmpCardHeading and of what @funcs know. It is let go of by gtk_list_view_set_model
 * (NULL), which has to be called before @user_data goes. */
void vmp_card_list_set_up (GtkListView            *view,
                           GListModel             *model,
                           const VmpCardListFuncs *funcs,
                           gpointer                user_data);

/* What is at this place of the view, as its signal "activate" names it; the model may have changed since. (transfer
 * full) (nullable) */
gpointer vmp_card_list_get_item (GtkListView *view,
                                 guint        position);

/* Fills the rows on screen once more: what they show depends on more than their items, such as the names of nodes. */
void vmp_card_list_refill (GtkListView *view);

/* What a screen reader says of the row, which is somewhere in the list. */
void vmp_card_list_set_spoken (GtkWidget  *row,
                               const char *text);

G_END_DECLS

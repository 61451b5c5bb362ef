/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-row.h.
 */

#include "app/windows/vmp-node-row.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-node-words.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"

struct _VmpNodeRow {
  GtkBox parent_instance;

  GObject *item;        /* what is shown: a VmpItem or a VmpNodesHeading; NULL */
  gulong changed;

  GtkWidget *heading;
  GtkLabel *heading_label;
  GtkLabel *count_label;

  GtkWidget *card;
  GtkImage *icon;
  GtkLabel *title_label;
  GtkLabel *summary_label;
  GtkLabel *busy_label;
  GtkWidget *review_button;
};

G_DEFINE_FINAL_TYPE (VmpNodeRow, vmp_node_row, GTK_TYPE_BOX)

static void
set_class (GtkWidget  *widget,
           const char *css_class,
           gboolean    has_it)
{
  if (has_it)
    gtk_widget_add_css_class (widget, css_class);
  else
    gtk_widget_remove_css_class (widget, css_class);
}

/* The list's own widget around it is what a screen reader meets. */
static void
set_spoken (VmpNodeRow *self,
            const char *text)
{
  GtkWidget *around = gtk_widget_get_parent (GTK_WIDGET (self));

  if (around != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (around), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

/* -- A heading ----------------------------------------------------------------------------- */

static const char *
get_heading (VmpNodesSection section)
{
  switch (section)
    {
    case VMP_NODES_WAITING:
      return _("Waiting for Approval");

    case VMP_NODES_BLOCKED:
      return _("Blocked");

    case VMP_NODES_APPROVED:
    case VMP_N_NODES_SECTIONS:
    default:
      return _("Approved");
    }
}

static void
update_heading (VmpNodeRow *self)
{
  VmpNodesHeading *heading = VMP_NODES_HEADING (self->item);
  g_autofree char *count = g_strdup_printf ("%u", vmp_nodes_heading_get_count (heading));
  g_autofree char *spoken = NULL;

  gtk_label_set_text (self->heading_label, get_heading (vmp_nodes_heading_get_section (heading)));
  gtk_label_set_text (self->count_label, count);
  /* Translators: a heading and how many nodes are below it, for screen readers */
  spoken = g_strdup_printf (C_("heading", "%s: %s"), gtk_label_get_text (self->heading_label), count);
  set_spoken (self, spoken);
}

/* -- A node -------------------------------------------------------------------------------- */

static const char *
get_colour (VmpItem *node)
{
  const char *status = vmp_item_get_string (node, "status");

  if (g_strcmp0 (vmp_item_get_string (node, "approval"), "approved") != 0)
    return "dim-label";
  if (g_strcmp0 (status, "online") == 0)
    return "success";
  if (g_strcmp0 (status, "offline") == 0)
    return "error";

  return g_strcmp0 (status, "degraded") == 0 || g_strcmp0 (status, "quarantine") == 0 ? "warning" : "dim-label";
}

static gboolean
has_token_trouble (VmpItem *node)
{
  static const char * const states[] = { "needed", "refused", "locked", NULL };
  const char *state = vmp_item_get_string (node, "token.state");

  return state != NULL && g_strv_contains (states, state);
}

void
vmp_node_row_set_icon (GtkImage *image,
                       VmpItem  *node)
{
  static const char * const colours[] = { "success", "warning", "error", "dim-label" };
  const char *approval = vmp_item_get_string (node, "approval");
  const char *icon = vmp_ui_icon_for_status (vmp_item_get_string (node, "status"));
  const char *colour = get_colour (node);

  if (g_strcmp0 (approval, "pending") == 0)
    icon = "dialog-question-symbolic";
  else if (g_strcmp0 (approval, "blocked") == 0)
    icon = "action-unavailable-symbolic";
  else if (has_token_trouble (node))
    {
      icon = "dialog-password-symbolic";
      colour = "warning";
    }

  gtk_image_set_from_icon_name (image, icon);
  for (gsize i = 0; i < G_N_ELEMENTS (colours); i++)
    set_class (GTK_WIDGET (image), colours[i], g_str_equal (colours[i], colour));
}

static void
update_node (VmpNodeRow *self)
{
  VmpItem *node = VMP_ITEM (self->item);
  gboolean is_waiting = g_strcmp0 (vmp_item_get_string (node, "approval"), "pending") == 0;
  g_autofree char *summary = vmp_node_words_summary (node);
  g_autofree char *busy = vmp_node_words_busy (node);
  g_autofree char *spoken = NULL;

  gtk_label_set_text (self->title_label, vmp_node_words_title (node));
  gtk_label_set_text (self->summary_label, summary);
  gtk_label_set_text (self->busy_label, busy);
  gtk_widget_set_visible (GTK_WIDGET (self->busy_label), *busy != '\0');
  vmp_node_row_set_icon (self->icon, node);
  gtk_widget_set_visible (self->review_button, is_waiting);

  spoken = g_strjoin (", ", vmp_node_words_title (node), summary, *busy != '\0' ? busy : NULL, NULL);
  set_spoken (self, spoken);
}

/* -- Use ----------------------------------------------------------------------------------- */

void
vmp_node_row_clear (VmpNodeRow *self)
{
  g_return_if_fail (VMP_IS_NODE_ROW (self));

  g_clear_signal_handler (&self->changed, self->item);
  g_clear_object (&self->item);
}

void
vmp_node_row_set_heading (VmpNodeRow      *self,
                          VmpNodesHeading *heading)
{
  g_return_if_fail (VMP_IS_NODE_ROW (self));

  vmp_node_row_clear (self);
  self->item = g_object_ref (G_OBJECT (heading));
  self->changed = g_signal_connect_swapped (heading, "notify::count", G_CALLBACK (update_heading), self);
  gtk_widget_set_visible (self->heading, TRUE);
  gtk_widget_set_visible (self->card, FALSE);
  update_heading (self);
}

void
vmp_node_row_set_node (VmpNodeRow *self,
                       VmpItem    *node,
                       gboolean    is_first,
                       gboolean    is_last)
{
  g_return_if_fail (VMP_IS_NODE_ROW (self));

  vmp_node_row_clear (self);
  self->item = g_object_ref (G_OBJECT (node));
  self->changed = g_signal_connect_swapped (node, "notify::document", G_CALLBACK (update_node), self);
  gtk_widget_set_visible (self->heading, FALSE);
  gtk_widget_set_visible (self->card, TRUE);
  set_class (self->card, "first", is_first);
  set_class (self->card, "last", is_last);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->review_button), "s", vmp_item_get_id (node));
  update_node (self);
}

static void
vmp_node_row_dispose (GObject *object)
{
  vmp_node_row_clear (VMP_NODE_ROW (object));

  G_OBJECT_CLASS (vmp_node_row_parent_class)->dispose (object);
}

static void
vmp_node_row_class_init (VmpNodeRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_node_row_dispose;
}

static void
make_heading (VmpNodeRow *self)
{
  self->heading = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  gtk_widget_add_css_class (self->heading, "vmp-cards-heading");
  self->heading_label = vmp_ui_add_label (self->heading, "heading");
  self->count_label = vmp_ui_add_label (self->heading, "dim-label");
  gtk_widget_set_visible (self->heading, FALSE);
  gtk_box_append (GTK_BOX (self), self->heading);
}

static void
make_card (VmpNodeRow *self)
{
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *arrow = gtk_image_new_from_icon_name ("go-next-symbolic");

  self->card = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  gtk_widget_add_css_class (self->card, "vmp-card");

  self->icon = GTK_IMAGE (gtk_image_new ());
  gtk_box_append (GTK_BOX (self->card), GTK_WIDGET (self->icon));

  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  self->title_label = vmp_ui_add_label (texts, NULL);
  self->summary_label = vmp_ui_add_label (texts, "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->summary_label), "dim-label");
  gtk_box_append (GTK_BOX (self->card), texts);

  self->busy_label = vmp_ui_add_label (self->card, "vmp-busy");
  gtk_widget_add_css_class (GTK_WIDGET (self->busy_label), "numeric");
  gtk_label_set_ellipsize (self->busy_label, PANGO_ELLIPSIZE_NONE);
  gtk_widget_set_valign (GTK_WIDGET (self->busy_label), GTK_ALIGN_CENTER);

  self->review_button = gtk_button_new_with_label (_("Review…"));
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->review_button), "s", "");
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->review_button), "app.review");
  gtk_widget_set_valign (self->review_button, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (self->card), self->review_button);

  gtk_widget_add_css_class (arrow, "dim-label");
  gtk_box_append (GTK_BOX (self->card), arrow);
  gtk_box_append (GTK_BOX (self), self->card);
}

static void
vmp_node_row_init (VmpNodeRow *self)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  make_heading (self);
  make_card (self);
}

GtkWidget *
vmp_node_row_new (void)
{
  return g_object_new (VMP_TYPE_NODE_ROW, NULL);
}

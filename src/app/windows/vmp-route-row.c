/* SPDX-License-Identifier: MIT
 *
 * See vmp-route-row.h.
 */

#include "app/windows/vmp-route-row.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-card-list.h"
#include "app/windows/vmp-plan-words.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

/* Targets that are named; a route may have hundreds. */
#define NAMED 2

struct _VmpRouteRow {
  GtkBox parent_instance;

  VmpMirror *mirror;
  VmpItem *item;      /* NULL: nothing is shown */
  gulong changed;

  GtkLabel *title_label;
  GtkLabel *strategy_label;
  GtkLabel *about_label;
  GtkLabel *missing_label;
  GtkMenuButton *menu_button;
  GtkWidget *try_button;
};

G_DEFINE_FINAL_TYPE (VmpRouteRow, vmp_route_row, GTK_TYPE_BOX)

/* -- In words ------------------------------------------------------------------------------ */

gboolean
vmp_route_row_is_own (VmpItem *item)
{
  return vmp_item_get_string (item, "virtual_model") != NULL;
}

static const char *
get_title (VmpItem *item)
{
  const char *title = vmp_item_get_string (item, "virtual_model");

  return title != NULL ? title : vmp_item_get_id (item);
}

static void
add_target (GString    *text,
            VmpMirror  *mirror,
            JsonObject *target)
{
  const char *node = vmp_json_get_string (target, "node");
  const char *model = vmp_json_get_string (target, "model");

  if (node == NULL || model == NULL)
    return;
  if (text->len > 0)
    g_string_append (text, ", ");
  g_string_append_printf (text, C_("target", "%s on %s"), model, vmp_mirror_get_node_name (mirror, node));
}

char *
vmp_route_row_describe (VmpItem   *item,
                        VmpMirror *mirror)
{
  JsonArray *targets = vmp_item_get_array (item, "targets");
  const char *fallback = vmp_item_get_string (item, "fallback");
  guint n = targets != NULL ? json_array_get_length (targets) : 0;
  guint n_named = n <= NAMED + 1 ? n : NAMED;
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n_named; i++)
    {
      JsonNode *target = json_array_get_element (targets, i);

      if (JSON_NODE_HOLDS_OBJECT (target))
        add_target (text, mirror, json_node_get_object (target));
    }
  if (n == 0)
    g_string_append (text, _("Any model that fits"));
  if (n > n_named)
    g_string_append_printf (text, ngettext (", and %u more", ", and %u more", n - n_named), n - n_named);
  if (fallback != NULL)
    g_string_append_printf (text, _("; if none can answer, %s"), fallback);

  return g_string_free (text, FALSE);
}

/* -- Showing it ---------------------------------------------------------------------------- */

static void
append_item (GMenu      *menu,
             const char *label,
             const char *action,
             const char *target)
{
  g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

  g_menu_item_set_action_and_target (item, action, "s", target);
  g_menu_append_item (menu, item);
}

static void
update_menu (VmpRouteRow *self)
{
  const char *id = vmp_item_get_id (self->item);
  g_autoptr (GMenu) menu = g_menu_new ();
  g_autoptr (GMenu) danger = g_menu_new ();

  append_item (menu, _("_Change…"), "routes.edit", id);
  append_item (menu, _("_Duplicate…"), "routes.copy", id);
  append_item (menu, _("_What Would Happen…"), "routes.explain", id);
  append_item (menu, _("Copy _Name"), "routes.copy-name", get_title (self->item));
  append_item (danger, _("_Remove…"), "routes.remove", id);
  g_menu_append_section (menu, NULL, G_MENU_MODEL (danger));
  gtk_menu_button_set_menu_model (self->menu_button, G_MENU_MODEL (menu));
}

static void
update (VmpRouteRow *self)
{
  gboolean is_own = vmp_route_row_is_own (self->item);
  const char *title = get_title (self->item);
  const char *about = vmp_item_get_string (self->item, "about");
  const char *strategy = vmp_plan_words_strategy (vmp_item_get_string (self->item, "strategy"));
  gboolean is_missing = !is_own && !vmp_item_get_boolean (self->item, "available");
  g_autofree char *described = is_own ? vmp_route_row_describe (self->item, self->mirror) : g_strdup (about);
  g_autofree char *spoken = NULL;

  if (*strategy == '\0')
    strategy = vmp_plan_words_strategy ("round_robin");
  gtk_label_set_text (self->title_label, title);
  gtk_label_set_text (self->strategy_label, strategy);
  gtk_label_set_text (self->about_label, described != NULL ? described : "");
  gtk_widget_set_visible (GTK_WIDGET (self->missing_label), is_missing);
  gtk_widget_set_visible (GTK_WIDGET (self->menu_button), is_own);
  gtk_widget_set_visible (self->try_button, !is_own);
  spoken = g_strjoin (", ", title, strategy, described, is_missing ? _("No model fits now") : NULL, NULL);
  vmp_card_list_set_spoken (GTK_WIDGET (self), spoken);
}

void
vmp_route_row_set_item (VmpRouteRow *self,
                        VmpItem     *item)
{
  g_return_if_fail (VMP_IS_ROUTE_ROW (self));

  g_clear_signal_handler (&self->changed, self->item);
  g_clear_object (&self->item);
  if (item == NULL)
    return;

  self->item = g_object_ref (item);
  self->changed = g_signal_connect_swapped (item, "notify::document", G_CALLBACK (update), self);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->try_button), "s", vmp_item_get_id (item));
  if (vmp_route_row_is_own (item))
    update_menu (self);
  update (self);
}

static void
vmp_route_row_dispose (GObject *object)
{
  VmpRouteRow *self = VMP_ROUTE_ROW (object);

  vmp_route_row_set_item (self, NULL);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_route_row_parent_class)->dispose (object);
}

static void
vmp_route_row_class_init (VmpRouteRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_route_row_dispose;
}

static GtkLabel *
add_wrapped_label (GtkWidget  *box,
                   const char *css_class)
{
  GtkLabel *label = vmp_ui_add_label (box, css_class);

  gtk_label_set_ellipsize (label, PANGO_ELLIPSIZE_NONE);
  gtk_label_set_wrap (label, TRUE);
  gtk_label_set_wrap_mode (label, PANGO_WRAP_WORD_CHAR);

  return label;
}

static void
vmp_route_row_init (VmpRouteRow *self)
{
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);

  gtk_box_set_spacing (GTK_BOX (self), 12);
  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (self), texts);

  self->title_label = vmp_ui_add_label (texts, NULL);
  self->strategy_label = vmp_ui_add_label (texts, "caption");
  self->about_label = add_wrapped_label (texts, "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->about_label), "dim-label");
  self->missing_label = add_wrapped_label (texts, "caption");
  gtk_label_set_text (self->missing_label, _("No model fits now"));
  gtk_widget_add_css_class (GTK_WIDGET (self->missing_label), "warning");

  self->try_button = gtk_button_new_with_mnemonic (_("Test…"));
  gtk_widget_set_tooltip_text (self->try_button, _("See Where a Request Would Go"));
  gtk_widget_set_valign (self->try_button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (self->try_button, "flat");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->try_button), "s", "");
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->try_button), "routes.try");
  gtk_box_append (GTK_BOX (self), self->try_button);

  self->menu_button = GTK_MENU_BUTTON (gtk_menu_button_new ());
  gtk_menu_button_set_icon_name (self->menu_button, "view-more-symbolic");
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->menu_button), _("Route Menu"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->menu_button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Route Menu"),
                                  -1);
  gtk_widget_set_valign (GTK_WIDGET (self->menu_button), GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (GTK_WIDGET (self->menu_button), "flat");
  gtk_box_append (GTK_BOX (self), GTK_WIDGET (self->menu_button));
}

GtkWidget *
vmp_route_row_new (VmpMirror *mirror)
{
  VmpRouteRow *self = g_object_new (VMP_TYPE_ROUTE_ROW, NULL);

  self->mirror = g_object_ref (mirror);

  return GTK_WIDGET (self);
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-token.h.
 */

#include "app/windows/vmp-node-token.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui.h"

struct _VmpNodeToken {
  AdwBin parent_instance;

  VmpMirror *mirror;
  VmpItem *node;
  gboolean is_asking;

  AdwPreferencesGroup *group;
  GtkWidget *entry_row;
  GtkWidget *remove_button;
  GtkWidget *unlock_row;
};

G_DEFINE_FINAL_TYPE (VmpNodeToken, vmp_node_token, ADW_TYPE_BIN)

static gboolean
has_state (VmpNodeToken *self,
           const char   *state)
{
  return g_strcmp0 (vmp_item_get_string (self->node, "token.state"), state) == 0;
}

static const char *
describe (VmpNodeToken *self)
{
  if (has_state (self, "set"))
    return _("There is one. It goes to this node alone and is never shown.");
  if (has_state (self, "needed"))
    return _("This node asks for one. In LM Studio, make it in the server settings, under Manage Tokens.");
  if (has_state (self, "refused"))
    return _("This node refuses the one that it was given. It may have been revoked there.");
  if (has_state (self, "locked"))
    return _("There is one, in a keyring that is locked.");

  return _("This node does not ask for one.");
}

static void
update (VmpNodeToken *self)
{
  gboolean has_token = has_state (self, "set") || has_state (self, "refused") || has_state (self, "locked");

  adw_preferences_group_set_description (self->group, describe (self));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->entry_row), has_token ? _("New Token") : _("Token"));
  gtk_widget_set_visible (self->remove_button, has_token);
  gtk_widget_set_visible (self->unlock_row, has_state (self, "locked"));
  gtk_widget_set_sensitive (GTK_WIDGET (self->group), !self->is_asking);
}

/* -- Asking -------------------------------------------------------------------------------- */

static void
set_asking (VmpNodeToken *self,
            gboolean      is_asking)
{
  self->is_asking = is_asking;
  update (self);
}

/* @user_data: what to say; NULL: nothing */
static void
done_cb (GtkWidget *widget,
         JsonNode  *answer,
         gpointer   user_data)
{
  gtk_editable_set_text (GTK_EDITABLE (VMP_NODE_TOKEN (widget)->entry_row), "");
  set_asking (VMP_NODE_TOKEN (widget), FALSE);
  if (user_data != NULL)
    vmp_ui_toast (widget, user_data);
}

static void
failed_cb (GtkWidget  *widget,
           const char *problem,
           gpointer    user_data)
{
  set_asking (VMP_NODE_TOKEN (widget), FALSE);
  vmp_ui_toast (widget, problem);
}

static void
ask (VmpNodeToken *self,
     const char   *method,
     char         *path,
     JsonNode     *body,
     const char   *said)
{
  set_asking (self, TRUE);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, method, path, body, done_cb, failed_cb, g_strdup (said), g_free);
}

static void
apply_cb (VmpNodeToken *self)
{
  const char *token = gtk_editable_get_text (GTK_EDITABLE (self->entry_row));

  if (*token != '\0')
    ask (self, "PUT", vmp_client_path ("/vampire/v1/nodes/", vmp_item_get_id (self->node), "/token", NULL),
         vmp_ui_object ("token", "s", token, NULL), _("Token kept"));
}

static void
remove_cb (VmpNodeToken *self)
{
  ask (self, "DELETE", vmp_client_path ("/vampire/v1/nodes/", vmp_item_get_id (self->node), "/token", NULL), NULL,
       _("Token removed"));
}

/* The desktop asks for the password, which takes as long as its owner does. */
static void
unlock_cb (VmpNodeToken *self)
{
  ask (self, "POST", g_strdup ("/vampire/v1/keyring/unlock"), NULL, NULL);
}

/* -- Life ---------------------------------------------------------------------------------- */

void
vmp_node_token_set_node (VmpNodeToken *self,
                         VmpMirror    *mirror,
                         VmpItem      *node)
{
  g_return_if_fail (VMP_IS_NODE_TOKEN (self));
  g_return_if_fail (VMP_IS_MIRROR (mirror) && VMP_IS_ITEM (node));

  g_set_object (&self->mirror, mirror);
  if (self->node != node)
    {
      if (self->node != NULL)
        g_signal_handlers_disconnect_by_data (self->node, self);
      g_set_object (&self->node, node);
      g_signal_connect_object (node, "notify::document", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
    }
  update (self);
}

static void
vmp_node_token_dispose (GObject *object)
{
  VmpNodeToken *self = VMP_NODE_TOKEN (object);

  if (self->node != NULL)
    g_signal_handlers_disconnect_by_data (self->node, self);
  g_clear_object (&self->node);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_node_token_parent_class)->dispose (object);
}

static void
vmp_node_token_class_init (VmpNodeTokenClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_node_token_dispose;
}

static void
vmp_node_token_init (VmpNodeToken *self)
{
  GtkWidget *unlock_button = gtk_button_new_with_mnemonic (_("_Unlock…"));

  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  adw_preferences_group_set_title (self->group, _("Token"));

  self->unlock_row = adw_action_row_new ();
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->unlock_row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->unlock_row), _("Keyring Is Locked"));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->unlock_row), _("Your desktop asks for its password."));
  gtk_widget_set_valign (unlock_button, GTK_ALIGN_CENTER);
  g_signal_connect_swapped (unlock_button, "clicked", G_CALLBACK (unlock_cb), self);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self->unlock_row), unlock_button);
  adw_preferences_group_add (self->group, self->unlock_row);

  self->entry_row = adw_password_entry_row_new ();
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->entry_row), FALSE);
  adw_entry_row_set_show_apply_button (ADW_ENTRY_ROW (self->entry_row), TRUE);
  g_signal_connect_swapped (self->entry_row, "apply", G_CALLBACK (apply_cb), self);
  self->remove_button = gtk_button_new_from_icon_name ("user-trash-symbolic");
  gtk_widget_set_valign (self->remove_button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (self->remove_button, "flat");
  gtk_widget_set_tooltip_text (self->remove_button, _("Remove Token"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->remove_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _("Remove Token"), -1);
  g_signal_connect_swapped (self->remove_button, "clicked", G_CALLBACK (remove_cb), self);
  adw_entry_row_add_suffix (ADW_ENTRY_ROW (self->entry_row), self->remove_button);
  adw_preferences_group_add (self->group, self->entry_row);

  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
}

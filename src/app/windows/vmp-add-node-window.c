/* SPDX-License-Identifier: MIT
 *
 * See vmp-add-node-window.h. What is wrong with what was typed is said by the gateway, in its own words, at the field.
 */

#include "app/windows/vmp-add-node-window.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/windows/vmp-identity.h"
#include "app/windows/vmp-node-words.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-url.h"

#define LM_STUDIO_PORT "1234"

struct _VmpAddNodeWindow {
  AdwWindow parent_instance;

  VmpMirror *mirror;
  char *node_id;     /* of the node that was added, whose token was not taken; NULL */

  GtkWidget *form;
  GtkWidget *add_button;
  GtkSpinner *spinner;
  AdwEntryRow *address_row;
  GtkLabel *address_problem;
  AdwEntryRow *name_row;
  AdwEntryRow *token_row;
  GtkLabel *token_problem;
};

G_DEFINE_FINAL_TYPE (VmpAddNodeWindow, vmp_add_node_window, ADW_TYPE_WINDOW)

/* -- What was typed ------------------------------------------------------------------------ */

static gboolean
has_port (const char *rest)
{
  const char *host_end = *rest == '[' ? strchr (rest, ']') : rest;
  const char *colon = host_end != NULL ? strchr (host_end, ':') : NULL;
  const char *slash = strchr (rest, '/');

  return colon != NULL && (slash == NULL || colon < slash);
}

/* An IPv6 address without its brackets, which an URL needs. */
static gboolean
is_bare_ipv6 (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  return address != NULL && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
}

char *
vmp_add_node_complete_address (const char *typed)
{
  g_autofree char *text = g_strstrip (g_strdup (typed));
  const char *slash;

  if (*text == '\0' || strstr (text, "://") != NULL)
    return g_steal_pointer (&text);
  if (is_bare_ipv6 (text))
    return g_strdup_printf ("http://[%s]:" LM_STUDIO_PORT, text);
  if (has_port (text))
    return g_strconcat ("http://", text, NULL);

  slash = strchr (text, '/');
  if (slash == NULL)
    return g_strconcat ("http://", text, ":" LM_STUDIO_PORT, NULL);

  return g_strdup_printf ("http://%.*s:" LM_STUDIO_PORT "%s", (int) (slash - text), text, slash);
}

static const char *
get_text (AdwEntryRow *row)
{
  return gtk_editable_get_text (GTK_EDITABLE (row));
}

static void
set_problem (GtkLabel    *label,
             AdwEntryRow *row,
             const char  *problem)
{
  gtk_label_set_text (label, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (label), problem != NULL);
  if (problem != NULL)
    {
      gtk_widget_add_css_class (GTK_WIDGET (row), "error");
      gtk_widget_grab_focus (GTK_WIDGET (row));
    }
  else
    {
      gtk_widget_remove_css_class (GTK_WIDGET (row), "error");
    }
  gtk_accessible_update_state (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_STATE_INVALID,
                               problem != NULL ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE, -1);
}

static void
changed_cb (VmpAddNodeWindow *self)
{
  g_autofree char *typed = g_strstrip (g_strdup (get_text (self->address_row)));

  set_problem (self->address_problem, self->address_row, NULL);
  set_problem (self->token_problem, self->token_row, NULL);
  gtk_widget_set_sensitive (self->add_button, *typed != '\0');
}

/* The approved node that has this address already; NULL. */
static VmpItem *
find_approved (VmpAddNodeWindow *self,
               const char       *address)
{
  GListModel *nodes = G_LIST_MODEL (vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES));
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (address, NULL);
  guint n = g_list_model_get_n_items (nodes);

  for (guint i = 0; url != NULL && i < n; i++)
    {
      g_autoptr (VmpItem) node = g_list_model_get_item (nodes, i);

      if (g_strcmp0 (vmp_item_get_string (node, "base_url"), url->text) == 0
          && g_strcmp0 (vmp_item_get_string (node, "approval"), "approved") == 0)
        return node;
    }

  return NULL;
}

/* -- Adding -------------------------------------------------------------------------------- */

static void
set_busy (VmpAddNodeWindow *self,
          gboolean          is_busy)
{
  gtk_widget_set_sensitive (self->form, !is_busy);
  gtk_widget_set_sensitive (self->add_button, !is_busy);
  gtk_spinner_set_spinning (self->spinner, is_busy);
}

static void
token_set_cb (GtkWidget *widget,
              JsonNode  *answer,
              gpointer   user_data)
{
  gtk_window_close (GTK_WINDOW (widget));
}

static void
token_not_set_cb (GtkWidget  *widget,
                  const char *problem,
                  gpointer    user_data)
{
  VmpAddNodeWindow *self = VMP_ADD_NODE_WINDOW (widget);
  g_autofree char *text = g_strdup_printf (_("The node was added, but its token was not kept: %s"), problem);

  set_busy (self, FALSE);
  set_problem (self->token_problem, self->token_row, text);
}

static void
set_token (VmpAddNodeWindow *self)
{
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "PUT",
                   vmp_client_path ("/vampire/v1/nodes/", self->node_id, "/token", NULL),
                   vmp_ui_object ("token", "s", get_text (self->token_row), NULL),
                   token_set_cb, token_not_set_cb, NULL, NULL);
}

static void
added_cb (GtkWidget *widget,
          JsonNode  *answer,
          gpointer   user_data)
{
  VmpAddNodeWindow *self = VMP_ADD_NODE_WINDOW (widget);
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (self));
  JsonNode *id = NULL;

  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    id = vmp_document_find (json_node_get_object (answer), "id");
  g_free (self->node_id);
  self->node_id = id != NULL ? json_node_dup_string (id) : NULL;

  if (*get_text (self->token_row) != '\0' && self->node_id != NULL)
    {
      set_token (self);
      return;
    }
  if (parent != NULL)
    vmp_ui_toast (GTK_WIDGET (parent), _("Node added"));
  gtk_window_close (GTK_WINDOW (self));
}

static void
not_added_cb (GtkWidget  *widget,
              const char *problem,
              gpointer    user_data)
{
  VmpAddNodeWindow *self = VMP_ADD_NODE_WINDOW (widget);

  set_busy (self, FALSE);
  set_problem (self->address_problem, self->address_row, problem);
}

static void
add_cb (VmpAddNodeWindow *self)
{
  g_autofree char *address = vmp_add_node_complete_address (get_text (self->address_row));
  g_autofree char *name = g_strstrip (g_strdup (get_text (self->name_row)));
  VmpItem *known = find_approved (self, address);

  /* Adding one that is there anew would take its tags and its name away. */
  if (known != NULL && g_strcmp0 (vmp_item_get_id (known), self->node_id) != 0)
    {
      g_autofree char *quoted = vmp_identity_quote (vmp_node_words_title (known));
      g_autofree char *text = g_strdup_printf (_("That is the address of %s, which is approved already."), quoted);

      set_problem (self->address_problem, self->address_row, text);
      return;
    }

  set_busy (self, TRUE);
  if (known != NULL && self->node_id != NULL)
    set_token (self);
  else
    vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/nodes"),
                     vmp_ui_object ("base_url", "s", address, "name", "s", *name != '\0' ? name : NULL, NULL),
                     added_cb, not_added_cb, NULL, NULL);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_add_node_window_dispose (GObject *object)
{
  VmpAddNodeWindow *self = VMP_ADD_NODE_WINDOW (object);

  g_clear_pointer (&self->node_id, g_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_ADD_NODE_WINDOW);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_add_node_window_parent_class)->dispose (object);
}

static void
vmp_add_node_window_class_init (VmpAddNodeWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_add_node_window_dispose;

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/add-node-window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, form);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, add_button);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, spinner);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, address_problem);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, name_row);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, token_row);
  gtk_widget_class_bind_template_child (widget_class, VmpAddNodeWindow, token_problem);
  gtk_widget_class_bind_template_callback (widget_class, add_cb);
  gtk_widget_class_bind_template_callback (widget_class, changed_cb);
}

static void
vmp_add_node_window_init (VmpAddNodeWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

VmpAddNodeWindow *
vmp_add_node_window_present (GtkWidget *parent,
                             VmpMirror *mirror)
{
  VmpAddNodeWindow *self;
  GtkRoot *root;

  g_return_val_if_fail (GTK_IS_WIDGET (parent) && VMP_IS_MIRROR (mirror), NULL);

  root = gtk_widget_get_root (parent);
  self = g_object_new (VMP_TYPE_ADD_NODE_WINDOW, "transient-for", GTK_IS_WINDOW (root) ? root : NULL, NULL);
  self->mirror = g_object_ref (mirror);
  gtk_window_set_focus (GTK_WINDOW (self), GTK_WIDGET (self->address_row));
  gtk_window_present (GTK_WINDOW (self));

  return self;
}

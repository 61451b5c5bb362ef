/* SPDX-License-Identifier: MIT
 *
 * See vmp-new-key-window.h. The key is nowhere but in this window, and gone with it.
 */

#include "app/windows/vmp-new-key-window.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-qr-code.h"
#include "app/windows/vmp-share-words.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

struct _VmpNewKeyWindow {
  AdwWindow parent_instance;

  VmpMirror *mirror;
  char *key;               /* NULL: not made yet */
  char *name;
  GtkStringList *addresses;

  AdwWindowTitle *title;
  GtkStack *stack;
  GtkEditable *name_row;
  AdwComboRow *duration_row;
  GtkLabel *problem_label;
  GtkWidget *create_button;
  GtkLabel *key_heading;
  VmpFactRow *key_row;
  AdwComboRow *address_row;
  VmpFactRow *address_fact;
  GtkWidget *copy_button;
  GtkWidget *copy_address_button;
  VmpQrCode *qr_code;
  GtkLabel *qr_label;
};

G_DEFINE_FINAL_TYPE (VmpNewKeyWindow, vmp_new_key_window, ADW_TYPE_WINDOW)

static void
set_problem (VmpNewKeyWindow *self,
             const char      *problem)
{
  gtk_label_set_text (self->problem_label, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem_label), problem != NULL);
}

/* -- Showing it ---------------------------------------------------------------------------- */

/* (transfer full); NULL: other computers reach none now */
static char *
make_base_url (VmpNewKeyWindow *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->addresses));
  guint selected = adw_combo_row_get_selected (self->address_row);

  if (n == 0)
    return NULL;

  return g_strdup_printf ("http://%s/v1", gtk_string_list_get_string (self->addresses, selected < n ? selected : 0));
}

static void
show_code (VmpNewKeyWindow *self)
{
  g_autofree char *base_url = make_base_url (self);
  g_autofree char *connection = NULL;
  g_autofree char *spoken = NULL;
  gboolean has_code;

  if (base_url != NULL && self->key != NULL)
    connection = vmp_share_words_connection (base_url, self->key);
  has_code = vmp_qr_code_set_text (self->qr_code, connection) && connection != NULL;
  gtk_widget_set_visible (GTK_WIDGET (self->qr_code), has_code);
  vmp_fact_row_set_value (self->address_fact, base_url);
  gtk_widget_set_visible (self->copy_address_button, base_url != NULL);
  gtk_label_set_text (self->qr_label, has_code
                                      ? _("The code holds the base URL and the key, as two lines of text. Whoever "
                                          "scans it can use your models until you take the key back.")
                                      : _("Sharing is off: the key works as soon as you share, at the address that the "
                                          "page of sharing shows then."));

  spoken = g_strdup_printf (_("QR code with the address and the key of “%s”"), self->name != NULL ? self->name : "");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->qr_code), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void
address_changed_cb (VmpNewKeyWindow *self)
{
  if (self->addresses != NULL)
    show_code (self);
}

/* Sharing may be switched on while the window is open. */
static void
share_changed_cb (GtkWidget *widget)
{
  VmpNewKeyWindow *self = VMP_NEW_KEY_WINDOW (widget);
  JsonObject *share = vmp_mirror_get_document (self->mirror, VMP_TOPIC_SHARE);
  JsonArray *listeners = share != NULL ? vmp_json_get_array (share, "listeners") : NULL;
  guint n = listeners != NULL ? json_array_get_length (listeners) : 0;
  GtkStringList *addresses = gtk_string_list_new (NULL);

  for (guint i = 0; i < n; i++)
    {
      JsonNode *listener = json_array_get_element (listeners, i);

      if (JSON_NODE_HOLDS_VALUE (listener) && json_node_get_value_type (listener) == G_TYPE_STRING)
        gtk_string_list_append (addresses, json_node_get_string (listener));
    }
  g_clear_object (&self->addresses);
  self->addresses = addresses;
  adw_combo_row_set_model (self->address_row, G_LIST_MODEL (addresses));
  gtk_widget_set_visible (GTK_WIDGET (self->address_row), g_list_model_get_n_items (G_LIST_MODEL (addresses)) > 1);
  show_code (self);
}

static void
show_key (VmpNewKeyWindow *self,
          const char      *key)
{
  g_autofree char *heading = g_strdup_printf (_("Key for “%s”"), self->name);

  self->key = g_strdup (key);
  gtk_label_set_text (self->key_heading, heading);
  vmp_fact_row_set_value (self->key_row, key);
  adw_window_title_set_title (self->title, _("Client Key"));
  gtk_window_set_title (GTK_WINDOW (self), _("Client Key"));
  gtk_stack_set_visible_child_name (self->stack, "key");
  show_code (self);
  gtk_widget_grab_focus (self->copy_button);
}

/* -- Making it ----------------------------------------------------------------------------- */

static void
created_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  VmpNewKeyWindow *self = VMP_NEW_KEY_WINDOW (widget);
  const char *key = answer != NULL && JSON_NODE_HOLDS_OBJECT (answer)
                    ? vmp_json_get_string (json_node_get_object (answer), "key") : NULL;

  if (key == NULL)
    {
      gtk_widget_set_sensitive (self->create_button, TRUE);
      set_problem (self, _("The gateway answered without a key."));
      return;
    }
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_KEYS);
  show_key (self, key);
}

static void
not_created_cb (GtkWidget  *widget,
                const char *problem,
                gpointer    user_data)
{
  VmpNewKeyWindow *self = VMP_NEW_KEY_WINDOW (widget);

  gtk_widget_set_sensitive (self->create_button, TRUE);
  set_problem (self, problem);
}

static void
create_cb (VmpNewKeyWindow *self)
{
  static const char * const durations[] = { NULL, "8h", "7d", "30d", "365d" };
  guint selected = adw_combo_row_get_selected (self->duration_row);

  if (!gtk_widget_get_sensitive (self->create_button))
    return;

  g_free (self->name);
  self->name = g_strstrip (g_strdup (gtk_editable_get_text (self->name_row)));
  set_problem (self, NULL);
  gtk_widget_set_sensitive (self->create_button, FALSE);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/keys"),
                   vmp_ui_object ("name", "s", self->name,
                                  "duration", "s", durations[MIN (selected, G_N_ELEMENTS (durations) - 1)], NULL),
                   created_cb, not_created_cb, NULL, NULL);
}

static void
name_changed_cb (VmpNewKeyWindow *self)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (self->name_row)));

  gtk_widget_set_sensitive (self->create_button, *name != '\0');
}

/* -- Copying it ---------------------------------------------------------------------------- */

static void
copy_key_cb (VmpNewKeyWindow *self)
{
  if (self->key != NULL)
    vmp_ui_copy (GTK_WIDGET (self), self->key, _("Key copied"));
}

static void
copy_address_cb (VmpNewKeyWindow *self)
{
  g_autofree char *base_url = make_base_url (self);

  if (base_url != NULL)
    vmp_ui_copy (GTK_WIDGET (self), base_url, _("Address copied"));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_new_key_window_dispose (GObject *object)
{
  VmpNewKeyWindow *self = VMP_NEW_KEY_WINDOW (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_NEW_KEY_WINDOW);
  g_clear_object (&self->addresses);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_new_key_window_parent_class)->dispose (object);
}

static void
vmp_new_key_window_class_init (VmpNewKeyWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_new_key_window_dispose;

  g_type_ensure (VMP_TYPE_FACT_ROW);
  g_type_ensure (VMP_TYPE_QR_CODE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/new-key-window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, title);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, name_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, duration_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, problem_label);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, create_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, key_heading);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, key_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, address_fact);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, copy_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, copy_address_button);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, qr_code);
  gtk_widget_class_bind_template_child (widget_class, VmpNewKeyWindow, qr_label);
  gtk_widget_class_bind_template_callback (widget_class, name_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, create_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_key_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_address_cb);
  gtk_widget_class_bind_template_callback (widget_class, address_changed_cb);
}

static void
vmp_new_key_window_init (VmpNewKeyWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_sensitive (self->create_button, FALSE);
}

VmpNewKeyWindow *
vmp_new_key_window_present (GtkWidget *parent,
                            VmpMirror *mirror)
{
  VmpNewKeyWindow *self;
  GtkRoot *root;

  g_return_val_if_fail (GTK_IS_WIDGET (parent) && VMP_IS_MIRROR (mirror), NULL);

  root = gtk_widget_get_root (parent);
  self = g_object_new (VMP_TYPE_NEW_KEY_WINDOW, "transient-for", GTK_IS_WINDOW (root) ? root : NULL, NULL);
  self->mirror = g_object_ref (mirror);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_SHARE, share_changed_cb);
  gtk_window_present (GTK_WINDOW (self));
  gtk_widget_grab_focus (GTK_WIDGET (self->name_row));

  return self;
}

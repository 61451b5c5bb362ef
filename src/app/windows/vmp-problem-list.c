/* SPDX-License-Identifier: MIT
 *
 * See vmp-problem-list.h. The rows are made anew when the doctor says something else, which is seldom.
 */

#include "app/windows/vmp-problem-list.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

/* What the app can do about a check. Those that are not here are for their owner. */
typedef struct {
  const char *check;
  const char *label;
  const char *action;
  const char *target;   /* a string; NULL: it takes none */
} Remedy;

static const Remedy remedies[] = {
  { "default_node", N_("Show _Nodes"), "win.show-page", "nodes" },
  { "lan_nodes", N_("Show _Nodes"), "win.show-page", "nodes" },
  { "tokens", N_("Show _Nodes"), "win.show-page", "nodes" },
  { "sharing", N_("Show _Sharing"), "win.show-page", "sharing" },
  { "firewall", N_("Show _Sharing"), "win.show-page", "sharing" },
  { "listeners", N_("Open _Preferences"), "app.preferences", NULL },
  { "dns_sd", N_("Open _Preferences"), "app.preferences", NULL },
};

struct _VmpProblemList {
  AdwBin parent_instance;

  AdwPreferencesGroup *group;
  GtkListBox *list;
  VmpMirror *mirror;
  char *shown;           /* the document that the rows were made of, as text */
};

G_DEFINE_FINAL_TYPE (VmpProblemList, vmp_problem_list, ADW_TYPE_BIN)

/* -- Rows ---------------------------------------------------------------------------------- */

static GtkWidget *
make_label (const char *text,
            const char *css_class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_natural_wrap_mode (GTK_LABEL (label), GTK_NATURAL_WRAP_NONE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);

  return label;
}

static void
mended_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  vmp_mirror_refresh (VMP_PROBLEM_LIST (widget)->mirror, VMP_TOPIC_DOCTOR);
}

static void
unlock_cb (VmpProblemList *self)
{
  vmp_ui_ask (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/keyring/unlock"), NULL, mended_cb,
              NULL);
}

/* It has no keyring and that is as it should be. */
static void
use_file_cb (VmpProblemList *self)
{
  vmp_ui_ask (GTK_WIDGET (self), self->mirror, "PATCH", g_strdup ("/vampire/v1/settings"),
              vmp_ui_object ("token_storage", "s", "file", NULL), mended_cb, NULL);
}

/* "locked", "file", …; "" while it is not known */
static const char *
get_keyring_state (VmpProblemList *self)
{
  JsonObject *status = vmp_mirror_get_document (self->mirror, VMP_TOPIC_STATUS);
  JsonObject *keyring = status != NULL ? vmp_json_get_object (status, "keyring") : NULL;
  const char *state = keyring != NULL ? vmp_json_get_string (keyring, "state") : NULL;

  return state != NULL ? state : "";
}

static GtkWidget *
make_keyring_button (VmpProblemList *self)
{
  gboolean is_locked = g_str_equal (get_keyring_state (self), "locked");
  GtkWidget *button;

  if (!is_locked && !g_str_equal (get_keyring_state (self), "file"))
    return NULL;

  button = gtk_button_new_with_mnemonic (is_locked ? _("_Unlock") : _("_Keep Them in the File"));
  g_signal_connect_object (button, "clicked", is_locked ? G_CALLBACK (unlock_cb) : G_CALLBACK (use_file_cb), self,
                           G_CONNECT_SWAPPED);

  return button;
}

/* NULL: there is nothing that the app can do. */
static GtkWidget *
make_button (VmpProblemList *self,
             const char     *check)
{
  GtkWidget *button;

  if (g_strcmp0 (check, "keyring") == 0)
    return make_keyring_button (self);

  for (gsize i = 0; i < G_N_ELEMENTS (remedies); i++)
    if (g_strcmp0 (remedies[i].check, check) == 0)
      {
        button = gtk_button_new_with_mnemonic (_(remedies[i].label));
        if (remedies[i].target != NULL)
          gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", remedies[i].target);
        gtk_actionable_set_action_name (GTK_ACTIONABLE (button), remedies[i].action);
        return button;
      }

  return NULL;
}

static void
add_row (VmpProblemList *self,
         JsonObject     *check,
         gboolean        is_problem)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *icon = gtk_image_new_from_icon_name (is_problem ? "dialog-error-symbolic" : "dialog-warning-symbolic");
  GtkWidget *button = make_button (self, vmp_json_get_string (check, "id"));
  const char *message = vmp_json_get_string (check, "message");
  const char *remedy = vmp_json_get_string (check, "remedy");

  gtk_widget_add_css_class (icon, is_problem ? "error" : "warning");
  gtk_widget_set_valign (icon, GTK_ALIGN_START);
  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_margin_top (box, 12);
  gtk_widget_set_margin_bottom (box, 12);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);

  gtk_box_append (GTK_BOX (texts), make_label (message != NULL ? message : "", NULL));
  if (remedy != NULL)
    gtk_box_append (GTK_BOX (texts), make_label (remedy, "dim-label"));
  if (button != NULL)
    {
      gtk_widget_set_halign (button, GTK_ALIGN_START);
      gtk_box_append (GTK_BOX (texts), button);
    }
  gtk_box_append (GTK_BOX (box), icon);
  gtk_box_append (GTK_BOX (box), texts);

  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, message != NULL ? message : "",
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, remedy != NULL ? remedy : "",
                                  -1);
  gtk_list_box_append (self->list, row);
}

/* Those of one status. Nodes that wait have a banner of their own. */
static guint
add_rows (VmpProblemList *self,
          JsonArray      *checks,
          const char     *status)
{
  guint n_checks = json_array_get_length (checks);
  guint n_rows = 0;

  for (guint i = 0; i < n_checks; i++)
    {
      JsonNode *node = json_array_get_element (checks, i);
      JsonObject *check = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

      if (check == NULL || g_strcmp0 (vmp_json_get_string (check, "status"), status) != 0 ||
          g_strcmp0 (vmp_json_get_string (check, "id"), "pending") == 0)
        continue;

      add_row (self, check, g_str_equal (status, "problem"));
      n_rows++;
    }
  return n_rows;
}

/* Whatever the rows depend on, to be compared. (transfer full) */
static char *
print_checks (JsonArray  *checks,
              const char *keyring_state)
{
  g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), checks);
  g_autofree char *text = json_to_string (node, FALSE);

  return g_strconcat (keyring_state, " ", text, NULL);
}

static void
update (GtkWidget *widget)
{
  VmpProblemList *self = VMP_PROBLEM_LIST (widget);
  JsonObject *document = vmp_mirror_get_document (self->mirror, VMP_TOPIC_DOCTOR);
  JsonArray *checks = document != NULL ? vmp_json_get_array (document, "checks") : NULL;
  g_autofree char *text = NULL;
  GtkWidget *row;
  guint n_rows;

  if (checks == NULL)
    {
      gtk_widget_set_visible (widget, FALSE);
      return;
    }

  text = print_checks (checks, get_keyring_state (self));
  if (g_strcmp0 (text, self->shown) == 0)
    return;

  g_free (self->shown);
  self->shown = g_steal_pointer (&text);
  while ((row = gtk_widget_get_first_child (GTK_WIDGET (self->list))) != NULL)
    gtk_list_box_remove (self->list, row);

  n_rows = add_rows (self, checks, "problem") + add_rows (self, checks, "warning");
  gtk_widget_set_visible (widget, n_rows > 0);
}

void
vmp_problem_list_set_mirror (VmpProblemList *self,
                             VmpMirror      *mirror)
{
  g_return_if_fail (VMP_IS_PROBLEM_LIST (self));
  g_return_if_fail (self->mirror == NULL);

  self->mirror = g_object_ref (mirror);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_DOCTOR, update);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_STATUS, update);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_problem_list_dispose (GObject *object)
{
  VmpProblemList *self = VMP_PROBLEM_LIST (object);

  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_problem_list_parent_class)->dispose (object);
}

static void
vmp_problem_list_finalize (GObject *object)
{
  g_free (VMP_PROBLEM_LIST (object)->shown);

  G_OBJECT_CLASS (vmp_problem_list_parent_class)->finalize (object);
}

static void
vmp_problem_list_class_init (VmpProblemListClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmp_problem_list_dispose;
  G_OBJECT_CLASS (class)->finalize = vmp_problem_list_finalize;
}

static void
vmp_problem_list_init (VmpProblemList *self)
{
  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "boxed-list");
  adw_preferences_group_set_title (self->group, _("To Look After"));
  adw_preferences_group_add (self->group, GTK_WIDGET (self->list));
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

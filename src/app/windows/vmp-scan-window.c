/* SPDX-License-Identifier: MIT
 *
 * See vmp-scan-window.h. The search is the gateway's: closing the window leaves it running, and the page of nodes shows
 * it then.
 */

#include "app/windows/vmp-scan-window.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/windows/vmp-identity.h"
#include "app/windows/vmp-node-words.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"

/* What is found is on the page of nodes as well; here are the first ones. */
#define SHOWN_NODES 50

struct _VmpScanWindow {
  AdwWindow parent_instance;

  VmpMirror *mirror;
  VmpScanProgress *progress;
  char *job;              /* the one that was begun here; NULL: none yet */
  gint64 n_shown;         /* how many it had found when they were last asked for */
  gboolean asking;

  AdwEntryRow *subnets_row;
  GtkLabel *problem_label;
  GtkWidget *start_button;
  GtkWidget *progress_box;
  GtkProgressBar *progress_bar;
  GtkLabel *progress_label;
  GtkWidget *cancel_button;
  GtkListBox *found_list;
  GtkLabel *more_label;
};

G_DEFINE_FINAL_TYPE (VmpScanWindow, vmp_scan_window, ADW_TYPE_WINDOW)

static void
set_problem (VmpScanWindow *self,
             const char    *problem)
{
  gtk_label_set_text (self->problem_label, problem != NULL ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (self->problem_label), problem != NULL);
}

/* -- What was found ------------------------------------------------------------------------ */

static void
review_cb (GtkButton *button)
{
  GtkWindow *window = GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (button)));
  const char *node_id = g_object_get_data (G_OBJECT (button), "node-id");

  gtk_widget_activate_action (GTK_WIDGET (button), "app.review", "s", node_id);
  gtk_window_close (window);
}

static void
add_found (VmpScanWindow *self,
           JsonObject    *document)
{
  JsonNode *id = vmp_document_find (document, "id");
  g_autoptr (VmpItem) item = NULL;
  GtkWidget *row;
  GtkWidget *button;

  if (id == NULL || json_node_get_string (id) == NULL)
    return;

  item = vmp_item_new (json_node_get_string (id), document);
  row = adw_action_row_new ();
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), vmp_node_words_title (item));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), vmp_node_words_address (item));
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
  if (g_strcmp0 (vmp_item_get_string (item, "approval"), "pending") == 0)
    {
      button = gtk_button_new_with_label (_("Review…"));
      gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
      g_object_set_data_full (G_OBJECT (button), "node-id", g_strdup (vmp_item_get_id (item)), g_free);
      g_signal_connect (button, "clicked", G_CALLBACK (review_cb), NULL);
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
    }
  else
    {
      GtkWidget *label = gtk_label_new (vmp_ui_text_approval (vmp_item_get_string (item, "approval")));

      gtk_widget_add_css_class (label, "dim-label");
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), label);
    }
  gtk_list_box_append (self->found_list, row);
}

/* @nodes: (nullable): none */
static void
show_found (VmpScanWindow *self,
            JsonArray     *nodes)
{
  guint n = nodes != NULL ? json_array_get_length (nodes) : 0;
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (self->found_list, 0)) != NULL)
    gtk_list_box_remove (self->found_list, GTK_WIDGET (row));

  for (guint i = 0; i < MIN (n, SHOWN_NODES); i++)
    {
      JsonNode *node = json_array_get_element (nodes, i);

      if (JSON_NODE_HOLDS_OBJECT (node))
        add_found (self, json_node_get_object (node));
    }
  gtk_widget_set_visible (GTK_WIDGET (self->found_list), n > 0);
  if (n > SHOWN_NODES)
    gtk_label_set_text (self->more_label, _("All others are on the page of nodes."));
  gtk_widget_set_visible (GTK_WIDGET (self->more_label), n > SHOWN_NODES);
}

static void update (gpointer user_data);

static void
found_cb (GtkWidget *widget,
          JsonNode  *answer,
          gpointer   user_data)
{
  VmpScanWindow *self = VMP_SCAN_WINDOW (widget);
  JsonNode *nodes = NULL;

  self->asking = FALSE;
  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    nodes = vmp_document_find (json_node_get_object (answer), "nodes");
  if (nodes != NULL && JSON_NODE_HOLDS_ARRAY (nodes))
    show_found (self, json_node_get_array (nodes));
  update (self);
}

static void
not_found_cb (GtkWidget  *widget,
              const char *problem,
              gpointer    user_data)
{
  VMP_SCAN_WINDOW (widget)->asking = FALSE;
}

/* The list of searches says how many it has found, and this who they are. */
static void
ask_found (VmpScanWindow *self,
           gint64         n_found)
{
  self->asking = TRUE;
  self->n_shown = n_found;
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "GET",
                   vmp_client_path ("/vampire/v1/discover/jobs/", self->job, NULL), NULL,
                   found_cb, not_found_cb, NULL, NULL);
}

/* -- Its progress -------------------------------------------------------------------------- */

static void
update (gpointer user_data)
{
  VmpScanWindow *self = user_data;
  gboolean is_ours = self->job != NULL && g_strcmp0 (vmp_scan_progress_get_id (self->progress), self->job) == 0;
  gboolean is_running = is_ours && vmp_scan_progress_is_running (self->progress);
  g_autofree char *text = NULL;

  gtk_widget_set_visible (self->progress_box, is_ours);
  gtk_widget_set_visible (self->cancel_button, is_running);
  gtk_widget_set_visible (self->start_button, !is_running);
  gtk_widget_set_sensitive (GTK_WIDGET (self->subnets_row), !is_running);
  if (!is_ours)
    return;

  gtk_button_set_label (GTK_BUTTON (self->start_button), _("_Look Again"));
  text = vmp_scan_progress_dup_text (self->progress);
  gtk_label_set_text (self->progress_label, text);
  gtk_progress_bar_set_fraction (self->progress_bar,
                                 is_running ? vmp_scan_progress_get_fraction (self->progress) : 1);
  if (!self->asking && vmp_scan_progress_get_found (self->progress) != self->n_shown)
    ask_found (self, vmp_scan_progress_get_found (self->progress));
}

static void
cancel_cb (VmpScanWindow *self)
{
  vmp_scan_progress_cancel (self->progress, GTK_WIDGET (self));
}

/* -- Starting it --------------------------------------------------------------------------- */

static void
started_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  VmpScanWindow *self = VMP_SCAN_WINDOW (widget);
  JsonNode *id = NULL;

  gtk_widget_set_sensitive (self->start_button, TRUE);
  if (answer != NULL && JSON_NODE_HOLDS_OBJECT (answer))
    id = vmp_document_find (json_node_get_object (answer), "id");
  g_free (self->job);
  self->job = id != NULL ? json_node_dup_string (id) : NULL;
  self->n_shown = 0;
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_SEARCHES);
  update (self);
}

static void
not_started_cb (GtkWidget  *widget,
                const char *problem,
                gpointer    user_data)
{
  VmpScanWindow *self = VMP_SCAN_WINDOW (widget);

  gtk_widget_set_sensitive (self->start_button, TRUE);
  set_problem (self, problem);
}

/* @subnets: as they were typed, apart by spaces or commas */
static JsonNode *
make_request (const char *subnets)
{
  static const char * const methods[] = { "local", "mdns", "lan_scan" };
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autofree char *stripped = g_strstrip (g_strdelimit (g_strdup (subnets), ",;\t", ' '));
  g_auto (GStrv) words = g_strsplit (stripped, " ", -1);

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "background");
  json_builder_add_boolean_value (builder, TRUE);
  json_builder_set_member_name (builder, "methods");
  json_builder_begin_array (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    json_builder_add_string_value (builder, methods[i]);
  json_builder_end_array (builder);

  if (*stripped != '\0')
    {
      json_builder_set_member_name (builder, "subnets");
      json_builder_begin_array (builder);
      for (gsize i = 0; words[i] != NULL; i++)
        {
          if (*words[i] != '\0')
            json_builder_add_string_value (builder, words[i]);
        }
      json_builder_end_array (builder);
    }
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

static void
start_cb (VmpScanWindow *self)
{
  set_problem (self, NULL);
  show_found (self, NULL);
  gtk_widget_set_sensitive (self->start_button, FALSE);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/discover"),
                   make_request (gtk_editable_get_text (GTK_EDITABLE (self->subnets_row))),
                   started_cb, not_started_cb, NULL, NULL);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_scan_window_dispose (GObject *object)
{
  VmpScanWindow *self = VMP_SCAN_WINDOW (object);

  g_clear_pointer (&self->progress, vmp_scan_progress_free);
  g_clear_pointer (&self->job, g_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_SCAN_WINDOW);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_scan_window_parent_class)->dispose (object);
}

static void
vmp_scan_window_class_init (VmpScanWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_scan_window_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/scan-window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, subnets_row);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, problem_label);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, start_button);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, progress_box);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, progress_bar);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, progress_label);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, cancel_button);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, found_list);
  gtk_widget_class_bind_template_child (widget_class, VmpScanWindow, more_label);
  gtk_widget_class_bind_template_callback (widget_class, start_cb);
  gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
}

static void
vmp_scan_window_init (VmpScanWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

VmpScanWindow *
vmp_scan_window_present (GtkWidget *parent,
                         VmpMirror *mirror)
{
  VmpScanWindow *self;
  GtkRoot *root;

  g_return_val_if_fail (GTK_IS_WIDGET (parent) && VMP_IS_MIRROR (mirror), NULL);

  root = gtk_widget_get_root (parent);
  self = g_object_new (VMP_TYPE_SCAN_WINDOW, "transient-for", GTK_IS_WINDOW (root) ? root : NULL, NULL);
  self->mirror = g_object_ref (mirror);
  self->progress = vmp_scan_progress_new (mirror, update, self);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_SEARCHES);
  update (self);
  gtk_window_present (GTK_WINDOW (self));

  return self;
}

/* SPDX-License-Identifier: MIT
 *
 * See vmp-activity-page.h. It lists what the mirror has, newest first, and opens the view of one request. The seconds
 * of those that run are counted here, by one timer and only while some of them are on screen.
 */

#include "app/windows/vmp-activity-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-card-list.h"
#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-request-row.h"
#include "app/windows/vmp-request-view.h"
#include "app/windows/vmp-request-words.h"
#include "app/windows/vmp-ui-settings.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"

/* The choices that are always there. */
enum {
  STATE_ALL,
  STATE_RUNNING,
  STATE_FAILED
};

enum {
  CLIENT_ANY,
  CLIENT_HERE,
  CLIENT_FIRST_KEY
};

struct _VmpActivityPage {
  AdwBin parent_instance;

  VmpMirror *mirror;
  VmpItemWatch *watch;
  GtkCustomFilter *filter;
  GtkFilterListModel *filtered;
  GtkStringList *clients;
  GPtrArray *key_ids;       /* of char *: of the clients from CLIENT_FIRST_KEY on */
  GPtrArray *rows;          /* of VmpRequestRow, not owned: those that show a request now */
  guint idle;
  guint ticker;
  guint state;              /* what is chosen */
  guint client;
  char *key;                /* id of the chosen client key; NULL */
  gboolean is_updating;     /* the choices change by themselves */

  GtkStack *pages;
  GtkWidget *list_page;
  GtkDropDown *state_choice;
  GtkDropDown *client_choice;
  GtkLabel *note_label;
  GtkStack *stack;
  GtkLabel *trouble_label;
  GtkListView *list_view;
};

G_DEFINE_FINAL_TYPE (VmpActivityPage, vmp_activity_page, ADW_TYPE_BIN)

static VmpItemList *
get_requests (VmpActivityPage *self)
{
  return vmp_mirror_get_list (self->mirror, VMP_TOPIC_REQUESTS);
}

/* -- Which of its states ------------------------------------------------------------------- */

static void
update (VmpActivityPage *self)
{
  const char *trouble = vmp_mirror_get_trouble (self->mirror, VMP_TOPIC_REQUESTS);
  const char *name;

  if (vmp_item_list_get_length (get_requests (self)) > 0)
    name = g_list_model_get_n_items (G_LIST_MODEL (self->filtered)) > 0 ? "requests" : "nothing";
  else if (trouble != NULL)
    name = "trouble";
  else
    name = vmp_mirror_has (self->mirror, VMP_TOPIC_REQUESTS) ? "empty" : "loading";

  if (trouble != NULL)
    gtk_label_set_text (self->trouble_label, trouble);
  gtk_stack_set_visible_child_name (self->stack, name);
}

static void
topic_changed_cb (GtkWidget *widget)
{
  update (VMP_ACTIVITY_PAGE (widget));
}

static void
settings_changed_cb (GtkWidget *widget)
{
  VmpActivityPage *self = VMP_ACTIVITY_PAGE (widget);
  JsonObject *setting = vmp_ui_settings_find (self->mirror, "trace_limit");
  gint64 limit = VMP_LIMIT_TRACES;
  g_autofree char *text = NULL;

  if (setting != NULL)
    vmp_json_get_int (setting, "value", &limit);
  if (limit <= 0)
    {
      gtk_label_set_text (self->note_label, _("Without what was asked or answered. Requests that have ended are not "
                                              "kept."));
      return;
    }
  text = g_strdup_printf (ngettext ("Without what was asked or answered. The last %d request is kept in memory, until "
                                    "Vampire stops.",
                                    "Without what was asked or answered. The last %d requests are kept in memory, "
                                    "until Vampire stops.", (gulong) limit), (int) CLAMP (limit, 0, G_MAXINT));
  gtk_label_set_text (self->note_label, text);
}

static void
retry_cb (VmpActivityPage *self)
{
  vmp_link_retry (vmp_mirror_get_link (self->mirror));
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_REQUESTS);
}

/* -- Choosing among them ------------------------------------------------------------------- */

static gboolean
is_chosen (gpointer item,
           gpointer user_data)
{
  VmpActivityPage *self = user_data;
  VmpItem *request = VMP_ITEM (item);
  const char *key = vmp_item_get_string (request, "client_key");

  if (self->state == STATE_RUNNING && !vmp_request_words_is_running (request))
    return FALSE;
  if (self->state == STATE_FAILED && !vmp_request_words_has_failed (request))
    return FALSE;
  if (self->client == CLIENT_HERE)
    return key == NULL && !vmp_item_get_boolean (request, "shared");

  return self->client < CLIENT_FIRST_KEY || g_strcmp0 (key, self->key) == 0;
}

/* The ids of the keys that are in the list, each once. (transfer full) */
static GPtrArray *
find_keys (VmpActivityPage *self)
{
  GListModel *requests = G_LIST_MODEL (get_requests (self));
  guint n = g_list_model_get_n_items (requests);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);

  if (self->key != NULL)
    {
      g_ptr_array_add (keys, g_strdup (self->key));
      g_hash_table_add (seen, g_ptr_array_index (keys, 0));
    }
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) request = g_list_model_get_item (requests, i);
      const char *key = vmp_item_get_string (request, "client_key");

      if (key == NULL || g_hash_table_contains (seen, key))
        continue;
      g_ptr_array_add (keys, g_strdup (key));
      g_hash_table_add (seen, g_ptr_array_index (keys, keys->len - 1));
    }
  return keys;
}

static int
compare_keys (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  return g_utf8_collate (vmp_request_words_key (*(const char * const *) a, user_data),
                         vmp_request_words_key (*(const char * const *) b, user_data));
}

static gboolean
has_keys (VmpActivityPage *self,
          GPtrArray       *keys)
{
  if (self->key_ids->len != keys->len)
    return FALSE;

  for (guint i = 0; i < keys->len; i++)
    {
      const char *id = g_ptr_array_index (keys, i);

      if (!g_str_equal (g_ptr_array_index (self->key_ids, i), id) ||
          !g_str_equal (gtk_string_list_get_string (self->clients, CLIENT_FIRST_KEY + i),
                        vmp_request_words_key (id, self->mirror)))
        return FALSE;
    }
  return TRUE;
}

static void
update_clients (VmpActivityPage *self)
{
  g_autoptr (GPtrArray) keys = find_keys (self);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  g_ptr_array_sort_with_data (keys, compare_keys, self->mirror);
  if (has_keys (self, keys))
    return;

  self->is_updating = TRUE;
  for (guint i = 0; i < keys->len; i++)
    {
      const char *id = g_ptr_array_index (keys, i);

      g_ptr_array_add (names, (gpointer) vmp_request_words_key (id, self->mirror));
      if (g_strcmp0 (self->key, id) == 0)
        self->client = CLIENT_FIRST_KEY + i;
    }
  g_ptr_array_add (names, NULL);
  gtk_string_list_splice (self->clients, CLIENT_FIRST_KEY, self->key_ids->len, (const char * const *) names->pdata);
  g_ptr_array_unref (self->key_ids);
  self->key_ids = g_steal_pointer (&keys);
  gtk_drop_down_set_selected (self->client_choice, self->client);
  self->is_updating = FALSE;
}

static void
filter_changed_cb (VmpActivityPage *self)
{
  if (self->is_updating || self->filter == NULL)
    return;

  self->state = gtk_drop_down_get_selected (self->state_choice);
  self->client = gtk_drop_down_get_selected (self->client_choice);
  g_clear_pointer (&self->key, g_free);
  if (self->client >= CLIENT_FIRST_KEY && self->client - CLIENT_FIRST_KEY < self->key_ids->len)
    self->key = g_strdup (g_ptr_array_index (self->key_ids, self->client - CLIENT_FIRST_KEY));
  gtk_filter_changed (GTK_FILTER (self->filter), GTK_FILTER_CHANGE_DIFFERENT);
  update (self);
}

/* -- The seconds --------------------------------------------------------------------------- */

/* A list view has some two hundred rows beside those that are seen. */
static gboolean
is_seen (VmpActivityPage *self,
         GtkWidget       *row)
{
  GtkWidget *view = GTK_WIDGET (self->list_view);
  graphene_rect_t bounds;

  return gtk_widget_compute_bounds (row, view, &bounds) && bounds.origin.y + bounds.size.height > 0
         && bounds.origin.y < (float) gtk_widget_get_height (view);
}

static gboolean
tick_cb (gpointer user_data)
{
  VmpActivityPage *self = user_data;
  gboolean any = FALSE;

  for (guint i = 0; i < self->rows->len; i++)
    {
      gpointer row = g_ptr_array_index (self->rows, i);

      any |= !is_seen (self, row) || vmp_request_row_tick (row);
    }
  if (any)
    return G_SOURCE_CONTINUE;

  self->ticker = 0;
  return G_SOURCE_REMOVE;
}

static void
update_ticker (VmpActivityPage *self)
{
  if (self->ticker == 0 && self->rows->len > 0 && gtk_widget_get_mapped (GTK_WIDGET (self)))
    self->ticker = g_timeout_add_seconds (1, tick_cb, self);
}

static void
unmapped_cb (VmpActivityPage *self)
{
  g_clear_handle_id (&self->ticker, g_source_remove);
}

/* -- What changes -------------------------------------------------------------------------- */

static gboolean
idle_cb (gpointer user_data)
{
  VmpActivityPage *self = user_data;

  self->idle = 0;
  update_clients (self);
  if (self->state != STATE_ALL || self->client != CLIENT_ANY)
    gtk_filter_changed (GTK_FILTER (self->filter), GTK_FILTER_CHANGE_DIFFERENT);
  update (self);
  update_ticker (self);

  return G_SOURCE_REMOVE;
}

static void
requests_changed_cb (gpointer user_data,
                     VmpItem *request)
{
  VmpActivityPage *self = user_data;

  if (self->idle == 0)
    self->idle = g_idle_add (idle_cb, self);
}

/* Rows name nodes and keys. */
static void
names_changed_cb (GtkWidget *widget)
{
  vmp_card_list_refill (VMP_ACTIVITY_PAGE (widget)->list_view);
  update_clients (VMP_ACTIVITY_PAGE (widget));
}

/* -- Rows ---------------------------------------------------------------------------------- */

static GtkWidget *
make_row (gpointer user_data)
{
  return vmp_request_row_new (VMP_ACTIVITY_PAGE (user_data)->mirror);
}

static void
fill_row (gpointer   user_data,
          GtkWidget *row,
          gpointer   item)
{
  VmpActivityPage *self = user_data;

  vmp_request_row_set_request (VMP_REQUEST_ROW (row), VMP_ITEM (item));
  g_ptr_array_add (self->rows, row);
  update_ticker (self);
}

static void
clear_row (gpointer   user_data,
           GtkWidget *row)
{
  VmpActivityPage *self = user_data;

  vmp_request_row_set_request (VMP_REQUEST_ROW (row), NULL);
  g_ptr_array_remove_fast (self->rows, row);
}

static const VmpCardListFuncs list_funcs = {
  .make = make_row,
  .fill = fill_row,
  .clear = clear_row,
};

/* -- One request --------------------------------------------------------------------------- */

static void
go_back (VmpActivityPage *self)
{
  if (gtk_stack_get_visible_child (self->pages) == self->list_page)
    return;

  gtk_stack_set_visible_child (self->pages, self->list_page);
  gtk_widget_grab_focus (GTK_WIDGET (self->list_view));
}

void
vmp_activity_page_show_request (VmpActivityPage *self,
                                const char      *request_id)
{
  GtkWidget *before;
  GtkWidget *page;

  g_return_if_fail (VMP_IS_ACTIVITY_PAGE (self));
  g_return_if_fail (request_id != NULL);

  before = gtk_stack_get_child_by_name (self->pages, "request");
  if (before != NULL)
    gtk_stack_remove (self->pages, before);

  page = vmp_request_view_new (self->mirror, request_id);
  g_signal_connect_object (page, "back", G_CALLBACK (go_back), self, G_CONNECT_SWAPPED);
  gtk_stack_add_named (self->pages, page, "request");
  gtk_stack_set_visible_child (self->pages, page);
  gtk_widget_child_focus (page, GTK_DIR_TAB_FORWARD);
}

static void
activated_cb (GtkListView     *view,
              guint            position,
              VmpActivityPage *self)
{
  g_autoptr (VmpItem) request = vmp_card_list_get_item (view, position);

  if (request != NULL)
    vmp_activity_page_show_request (self, vmp_item_get_id (request));
}

static void
back_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  go_back (VMP_ACTIVITY_PAGE (widget));
}

static void
cancel_action (GtkWidget  *widget,
               const char *name,
               GVariant   *request_id)
{
  vmp_request_view_cancel (widget, VMP_ACTIVITY_PAGE (widget)->mirror, g_variant_get_string (request_id, NULL));
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_activity_page_dispose (GObject *object)
{
  VmpActivityPage *self = VMP_ACTIVITY_PAGE (object);

  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_handle_id (&self->ticker, g_source_remove);
  g_clear_pointer (&self->watch, vmp_item_watch_free);
  if (self->list_view != NULL)
    gtk_list_view_set_model (self->list_view, NULL);
  /* The list model keeps the filter longer than this page lives. */
  if (self->filter != NULL)
    gtk_custom_filter_set_filter_func (self->filter, NULL, NULL, NULL);
  g_clear_object (&self->filtered);
  g_clear_object (&self->filter);
  g_clear_object (&self->clients);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_ACTIVITY_PAGE);
  g_clear_pointer (&self->key, g_free);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_activity_page_parent_class)->dispose (object);
}

static void
vmp_activity_page_finalize (GObject *object)
{
  g_ptr_array_unref (VMP_ACTIVITY_PAGE (object)->rows);
  g_ptr_array_unref (VMP_ACTIVITY_PAGE (object)->key_ids);

  G_OBJECT_CLASS (vmp_activity_page_parent_class)->finalize (object);
}

static void
vmp_activity_page_class_init (VmpActivityPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_activity_page_dispose;
  G_OBJECT_CLASS (class)->finalize = vmp_activity_page_finalize;

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/activity-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, pages);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, list_page);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, state_choice);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, client_choice);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, note_label);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, VmpActivityPage, list_view);
  gtk_widget_class_bind_template_callback (widget_class, filter_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, retry_cb);
  gtk_widget_class_install_action (widget_class, "activity-page.back", NULL, back_action);
  gtk_widget_class_install_action (widget_class, "activity-page.cancel", "s", cancel_action);
}

static void
vmp_activity_page_init (VmpActivityPage *self)
{
  const char *fixed[] = { _("Everybody"), _("This Computer"), NULL };

  self->rows = g_ptr_array_new ();
  self->key_ids = g_ptr_array_new_with_free_func (g_free);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->clients = gtk_string_list_new (fixed);
  gtk_drop_down_set_model (self->client_choice, G_LIST_MODEL (self->clients));
  g_signal_connect (self, "map", G_CALLBACK (update_ticker), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (unmapped_cb), NULL);
}

GtkWidget *
vmp_activity_page_new (VmpMirror *mirror)
{
  VmpActivityPage *self;
  VmpItemList *requests;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_ACTIVITY_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  requests = get_requests (self);
  self->filter = gtk_custom_filter_new (is_chosen, self, NULL);
  self->filtered = gtk_filter_list_model_new (g_object_ref (G_LIST_MODEL (requests)),
                                              g_object_ref (GTK_FILTER (self->filter)));
  vmp_card_list_set_up (self->list_view, G_LIST_MODEL (self->filtered), &list_funcs, self);
  self->watch = vmp_item_watch_new (requests, requests_changed_cb, self);

  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_REQUESTS);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_SETTINGS);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_KEYS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_REQUESTS, topic_changed_cb);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_SETTINGS, settings_changed_cb);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_NODES, names_changed_cb);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_KEYS, names_changed_cb);
  update_clients (self);

  return GTK_WIDGET (self);
}

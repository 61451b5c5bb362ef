/* SPDX-License-Identifier: MIT
 *
 * See vmp-sharing-page.h. The mirror's document is what the page shows; each change of its owner's goes to the gateway
 * at once while it shares, and is kept for the switch while it does not.
 */

#include "app/windows/vmp-sharing-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-choice.h"
#include "app/windows/vmp-more-list.h"
#include "app/windows/vmp-new-key-window.h"
#include "app/windows/vmp-route-options.h"
#include "app/windows/vmp-share-words.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

#define N_MODES 4

static const char * const modes[N_MODES] = { "personal", "family", "business", "event" };

struct _VmpSharingPage {
  AdwBin parent_instance;

  VmpMirror *mirror;
  GListStore *addresses;      /* of VmpItem: {"address", "own"} */
  guint ticker;
  gboolean is_updating;       /* what the widgets do is not their owner's doing */
  gboolean is_asking;
  gboolean has_choices;       /* they show what the gateway had once */

  GtkStack *stack;
  GtkLabel *trouble_label;
  AdwActionRow *share_row;
  GtkSwitch *share_switch;
  AdwActionRow *problem_row;
  GtkLabel *problem_label;
  GtkCheckButton *personal_radio;
  GtkCheckButton *family_radio;
  GtkCheckButton *business_radio;
  GtkCheckButton *event_radio;
  AdwComboRow *duration_row;
  GtkEditable *own_duration_row;
  VmpChoice *model_choice;
  VmpMoreList *keys_list;
  GtkLabel *keys_label;
  VmpMoreList *clients_list;
  GtkLabel *clients_label;
  VmpMoreList *addresses_list;
  GtkLabel *addresses_label;
};

G_DEFINE_FINAL_TYPE (VmpSharingPage, vmp_sharing_page, ADW_TYPE_BIN)

static JsonObject *
get_share (VmpSharingPage *self)
{
  return vmp_mirror_get_document (self->mirror, VMP_TOPIC_SHARE);
}

static gboolean
is_on (JsonObject *share)
{
  gboolean value = FALSE;

  return share != NULL && vmp_json_get_boolean (share, "open", &value) && value;
}

static GtkCheckButton *
get_radio (VmpSharingPage *self,
           guint           mode)
{
  GtkCheckButton *radios[N_MODES] = { self->personal_radio, self->family_radio, self->business_radio,
                                      self->event_radio };

  return radios[mode];
}

static void
set_text (GtkLabel   *label,
          const char *text)
{
  gtk_label_set_text (label, text != NULL ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (label), text != NULL);
}

/* -- The state ----------------------------------------------------------------------------- */

static void
update_state (VmpSharingPage *self)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *state = vmp_share_words_state (get_share (self), now);

  adw_action_row_set_subtitle (self->share_row, state);
}

/* The time that is left is a fact of the clock: no event tells of it. */
static gboolean
tick_cb (gpointer user_data)
{
  update_state (VMP_SHARING_PAGE (user_data));

  return G_SOURCE_CONTINUE;
}

static void
update_ticker (VmpSharingPage *self)
{
  JsonObject *share = get_share (self);
  gboolean has_end = is_on (share) && vmp_json_get_string (share, "ends_at") != NULL;

  if (!has_end || !gtk_widget_get_mapped (GTK_WIDGET (self)))
    g_clear_handle_id (&self->ticker, g_source_remove);
  else if (self->ticker == 0)
    self->ticker = g_timeout_add_seconds (1, tick_cb, self);
}

/* A check of the doctor that is not well; NULL. */
static JsonObject *
find_check (VmpSharingPage *self,
            const char     *id)
{
  JsonObject *document = vmp_mirror_get_document (self->mirror, VMP_TOPIC_DOCTOR);
  JsonArray *checks = document != NULL ? vmp_json_get_array (document, "checks") : NULL;
  guint n = checks != NULL ? json_array_get_length (checks) : 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (checks, i);
      JsonObject *check = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      const char *status = vmp_json_get_string (check, "status");

      if (g_strcmp0 (vmp_json_get_string (check, "id"), id) == 0)
        return g_strcmp0 (status, "problem") == 0 || g_strcmp0 (status, "warning") == 0 ? check : NULL;
    }
  return NULL;
}

static void
update_trouble (VmpSharingPage *self)
{
  JsonObject *share = get_share (self);
  const char *trouble = share != NULL ? vmp_json_get_string (share, "trouble") : NULL;
  JsonObject *check = find_check (self, "sharing");
  const char *remedy;

  if (check == NULL && trouble == NULL && is_on (share))
    check = find_check (self, "firewall");
  remedy = check != NULL ? vmp_json_get_string (check, "remedy") : NULL;
  if (trouble == NULL && check != NULL)
    trouble = vmp_json_get_string (check, "message");

  gtk_widget_set_visible (GTK_WIDGET (self->problem_row), trouble != NULL);
  if (trouble == NULL)
    return;

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->problem_row), trouble);
  adw_action_row_set_subtitle (self->problem_row, remedy != NULL ? remedy : "");
}

/* -- The choices --------------------------------------------------------------------------- */

static void
show_choices (VmpSharingPage *self,
              JsonObject     *share)
{
  const char *mode = vmp_json_get_string (share, is_on (share) ? "mode" : "last_mode");
  const char *model = vmp_json_get_string (share, "model");
  const char *duration = vmp_json_get_string (share, "duration");
  VmpShareFor choice = adw_combo_row_get_selected (self->duration_row);

  for (guint i = 0; i < N_MODES; i++)
    {
      if (g_strcmp0 (mode, modes[i]) == 0)
        gtk_check_button_set_active (get_radio (self, i), TRUE);
    }
  /* What it had while it was on is not what its owner wants the next time. */
  if (!is_on (share))
    return;

  choice = vmp_share_words_choice (duration, choice);
  adw_combo_row_set_selected (self->duration_row, choice);
  if (choice == VMP_SHARE_FOR_OTHER && duration != NULL && !g_str_has_suffix (duration, "s"))
    gtk_editable_set_text (self->own_duration_row, duration);
  gtk_widget_set_visible (GTK_WIDGET (self->own_duration_row), choice == VMP_SHARE_FOR_OTHER);
  vmp_choice_set_id (self->model_choice, model != NULL ? model : "");
}

static void
update_addresses (VmpSharingPage *self);

static void
share_changed_cb (GtkWidget *widget)
{
  VmpSharingPage *self = VMP_SHARING_PAGE (widget);
  JsonObject *share = get_share (self);
  const char *trouble = vmp_mirror_get_trouble (self->mirror, VMP_TOPIC_SHARE);

  if (share == NULL)
    {
      if (trouble != NULL)
        gtk_label_set_text (self->trouble_label, trouble);
      gtk_stack_set_visible_child_name (self->stack, trouble != NULL ? "trouble" : "loading");
      return;
    }

  gtk_stack_set_visible_child_name (self->stack, "content");
  self->is_updating = TRUE;
  gtk_switch_set_active (self->share_switch, is_on (share));
  if (!self->is_asking)
    show_choices (self, share);
  self->is_updating = FALSE;
  self->has_choices = TRUE;
  update_state (self);
  update_ticker (self);
  update_trouble (self);
  update_addresses (self);
}

static void
doctor_changed_cb (GtkWidget *widget)
{
  update_trouble (VMP_SHARING_PAGE (widget));
}

static void
models_changed_cb (GtkWidget *widget)
{
  VmpSharingPage *self = VMP_SHARING_PAGE (widget);
  g_autoptr (GListModel) models = vmp_route_options_models (self->mirror, _("All Models"));

  vmp_choice_set_options (self->model_choice, models);
}

static void
retry_cb (VmpSharingPage *self)
{
  vmp_link_retry (vmp_mirror_get_link (self->mirror));
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_SHARE);
}

/* -- Changing it --------------------------------------------------------------------------- */

static void
set_cb (GtkWidget *widget,
        JsonNode  *answer,
        gpointer   user_data)
{
  VmpSharingPage *self = VMP_SHARING_PAGE (widget);

  self->is_asking = FALSE;
  set_text (self->problem_label, NULL);
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_SHARE);
}

static void
not_set_cb (GtkWidget  *widget,
            const char *problem,
            gpointer    user_data)
{
  VmpSharingPage *self = VMP_SHARING_PAGE (widget);

  /* What was chosen stays, so that it can be put right; the switch says how it is. */
  self->is_updating = TRUE;
  gtk_switch_set_active (self->share_switch, is_on (get_share (self)));
  self->is_updating = FALSE;
  self->is_asking = FALSE;
  set_text (self->problem_label, problem);
  vmp_ui_announce (widget, problem);
}

static const char *
get_mode (VmpSharingPage *self)
{
  for (guint i = 0; i < N_MODES; i++)
    {
      if (gtk_check_button_get_active (get_radio (self, i)))
        return modes[i];
    }
  return modes[0];
}

/* @keeps_end: the time that is left goes on */
static void
set_share (VmpSharingPage *self,
           gboolean        enabled,
           gboolean        keeps_end)
{
  JsonObject *share = get_share (self);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  const char *model = vmp_choice_get_id (self->model_choice);
  g_autofree char *duration = NULL;

  if (enabled && keeps_end)
    duration = vmp_share_words_rest (vmp_json_get_string (share, "ends_at"), now);
  else if (enabled)
    duration = vmp_share_words_duration (adw_combo_row_get_selected (self->duration_row),
                                         gtk_editable_get_text (self->own_duration_row), now);
  if (!enabled || (model != NULL && *model == '\0'))
    model = NULL;

  self->is_asking = TRUE;
  set_text (self->problem_label, NULL);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/share"),
                   vmp_ui_object ("mode", "s", get_mode (self), "enabled", "b", enabled, "duration", "s", duration,
                                  "model", "s", model, NULL),
                   set_cb, not_set_cb, NULL, NULL);
}

static void
switched_cb (VmpSharingPage *self)
{
  if (!self->is_updating && self->has_choices)
    set_share (self, gtk_switch_get_active (self->share_switch), FALSE);
}

/* Of the models and of the own duration. */
static void
apply_cb (VmpSharingPage *self,
          GtkWidget      *widget)
{
  if (self->has_choices && !self->is_updating && is_on (get_share (self)))
    set_share (self, TRUE, widget != GTK_WIDGET (self->own_duration_row));
}

static void
mode_toggled_cb (VmpSharingPage *self,
                 GtkCheckButton *radio)
{
  /* Each change is told of twice: by the one that is not chosen any more, too. */
  if (self->has_choices && !self->is_updating && gtk_check_button_get_active (radio) && is_on (get_share (self)))
    set_share (self, TRUE, TRUE);
}

static void
duration_changed_cb (VmpSharingPage *self)
{
  gboolean is_other = adw_combo_row_get_selected (self->duration_row) == VMP_SHARE_FOR_OTHER;

  if (self->mirror == NULL)
    return;

  gtk_widget_set_visible (GTK_WIDGET (self->own_duration_row), is_other);
  if (self->is_updating)
    return;
  if (is_other)
    gtk_widget_grab_focus (GTK_WIDGET (self->own_duration_row));
  else if (is_on (get_share (self)))
    set_share (self, TRUE, FALSE);
}

/* -- Keys and clients ---------------------------------------------------------------------- */

typedef struct {
  VmpSharingPage *page;
  char *key_id;
} Revoking;

static void
revoking_free (gpointer data)
{
  Revoking *self = data;

  g_object_unref (self->page);
  g_free (self->key_id);
  g_free (self);
}

static void
revoked_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  VmpSharingPage *self = VMP_SHARING_PAGE (widget);

  vmp_mirror_refresh (self->mirror, VMP_TOPIC_KEYS);
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_CLIENTS);
  vmp_ui_toast (widget, _("Key revoked"));
}

static void
revoke_now (gpointer user_data)
{
  Revoking *self = user_data;

  vmp_ui_ask (GTK_WIDGET (self->page), self->page->mirror, "DELETE",
              vmp_client_path ("/vampire/v1/keys/", self->key_id, NULL), NULL, revoked_cb, NULL);
}

/* @name: (nullable) */
static void
ask_revoke (VmpSharingPage *self,
            const char     *key_id,
            const char     *name)
{
  g_autofree char *heading = g_strdup_printf (_("Revoke the Key of “%s”?"), name != NULL ? name : key_id);
  Revoking *revoking = g_new0 (Revoking, 1);

  revoking->page = g_object_ref (self);
  revoking->key_id = g_strdup (key_id);
  vmp_ui_confirm (GTK_WIDGET (self), heading,
                  _("Whoever uses it is disconnected at once, and what runs under it ends. It cannot be undone; you "
                    "can make another key."), _("_Revoke"), TRUE, revoke_now, revoking, revoking_free);
}

/* Key ids are not secret; keys are, and are not here. */
static void
revoke_action (GtkWidget  *widget,
               const char *action,
               GVariant   *parameter)
{
  const char *key_id;
  const char *name;

  g_variant_get (parameter, "(&s&s)", &key_id, &name);
  ask_revoke (VMP_SHARING_PAGE (widget), key_id, name);
}

static void
copy_action (GtkWidget  *widget,
             const char *action,
             GVariant   *parameter)
{
  vmp_ui_copy (widget, g_variant_get_string (parameter, NULL), _("Address copied"));
}

static GtkWidget *
make_row (VmpItem    *item,
          GtkWidget **button,
          const char *label)
{
  GtkWidget *row = g_object_new (ADW_TYPE_ACTION_ROW, "use-markup", FALSE, "title-lines", 0, "subtitle-lines", 0, NULL);

  *button = gtk_button_new_with_mnemonic (label);
  gtk_widget_set_valign (*button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (*button, "flat");
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), *button);
  g_object_set_data (G_OBJECT (row), "vmp-button", *button);

  return row;
}

static void
set_revokes (GtkWidget  *row,
             const char *key_id,
             const char *name,
             const char *spoken)
{
  GtkWidget *button = g_object_get_data (G_OBJECT (row), "vmp-button");

  gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "(ss)", key_id, name);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "sharing.revoke");
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void
update_key_row (VmpItem    *key,
                GParamSpec *pspec,
                GtkWidget  *row)
{
  const char *name = vmp_item_get_string (key, "name");
  g_autofree char *text = vmp_share_words_key (key);
  g_autofree char *spoken = NULL;

  if (name == NULL)
    name = vmp_item_get_id (key);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
  spoken = g_strdup_printf (_("Revoke the key of %s"), name);
  set_revokes (row, vmp_item_get_id (key), name, spoken);
}

static GtkWidget *
make_key_row (gpointer item,
              gpointer user_data)
{
  GtkWidget *button;
  GtkWidget *row = make_row (item, &button, _("Revoke…"));

  g_signal_connect_object (item, "notify::document", G_CALLBACK (update_key_row), row, 0);
  update_key_row (item, NULL, row);

  return row;
}

static void
update_client_row (VmpItem    *client,
                   GParamSpec *pspec,
                   GtkWidget  *row)
{
  const char *name = vmp_item_get_string (client, "client_key");
  const char *key_id = vmp_item_get_string (client, "key_id");
  g_autofree char *text = vmp_share_words_client (client);
  g_autofree char *spoken = NULL;

  if (name == NULL)
    name = _("Another computer");
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
  spoken = g_strdup_printf (_("Disconnect %s by revoking its key"), name);
  if (key_id != NULL)
    set_revokes (row, key_id, name, spoken);
}

static GtkWidget *
make_client_row (gpointer item,
                 gpointer user_data)
{
  GtkWidget *button;
  GtkWidget *row = make_row (item, &button, _("Disconnect…"));
  GtkWidget *icon = gtk_image_new_from_icon_name ("computer-symbolic");

  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
  gtk_widget_set_tooltip_text (button, _("Revokes the key that it uses"));
  g_signal_connect_object (item, "notify::document", G_CALLBACK (update_client_row), row, 0);
  update_client_row (item, NULL, row);

  return row;
}

static void
keys_changed_cb (VmpSharingPage *self)
{
  gboolean is_empty = vmp_item_list_get_length (vmp_mirror_get_list (self->mirror, VMP_TOPIC_KEYS)) == 0;

  set_text (self->keys_label, is_empty && vmp_mirror_has (self->mirror, VMP_TOPIC_KEYS)
                              ? _("There are no keys yet: nobody but this computer gets in.") : NULL);
}

static void
clients_changed_cb (VmpSharingPage *self)
{
  gboolean is_empty = vmp_item_list_get_length (vmp_mirror_get_list (self->mirror, VMP_TOPIC_CLIENTS)) == 0;

  set_text (self->clients_label, is_empty ? _("No other computer is connected.") : NULL);
}

static void
topic_changed_cb (GtkWidget *widget)
{
  keys_changed_cb (VMP_SHARING_PAGE (widget));
  clients_changed_cb (VMP_SHARING_PAGE (widget));
}

static void
new_key_cb (VmpSharingPage *self)
{
  vmp_new_key_window_present (GTK_WIDGET (self), self->mirror);
}

/* -- Addresses ----------------------------------------------------------------------------- */

static gboolean
has_address (GPtrArray  *items,
             const char *address)
{
  for (guint i = 0; i < items->len; i++)
    {
      if (g_strcmp0 (vmp_item_get_id (g_ptr_array_index (items, i)), address) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
add_addresses (GPtrArray  *items,
               JsonObject *document,
               gboolean    is_own)
{
  JsonArray *listeners = document != NULL ? vmp_json_get_array (document, "listeners") : NULL;
  guint n = listeners != NULL ? json_array_get_length (listeners) : 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *listener = json_array_get_element (listeners, i);
      g_autoptr (JsonObject) address = NULL;

      /* The status names those for others, too. */
      if (!JSON_NODE_HOLDS_VALUE (listener) || json_node_get_value_type (listener) != G_TYPE_STRING ||
          has_address (items, json_node_get_string (listener)))
        continue;
      address = json_object_new ();
      json_object_set_boolean_member (address, "own", is_own);
      g_ptr_array_add (items, vmp_item_new (json_node_get_string (listener), address));
    }
}

static gboolean
has_addresses (VmpSharingPage *self,
               GPtrArray      *items)
{
  if (g_list_model_get_n_items (G_LIST_MODEL (self->addresses)) != items->len)
    return FALSE;

  for (guint i = 0; i < items->len; i++)
    {
      g_autoptr (VmpItem) before = g_list_model_get_item (G_LIST_MODEL (self->addresses), i);
      VmpItem *item = g_ptr_array_index (items, i);

      if (!g_str_equal (vmp_item_get_id (before), vmp_item_get_id (item)) ||
          vmp_item_get_boolean (before, "own") != vmp_item_get_boolean (item, "own"))
        return FALSE;
    }
  return TRUE;
}

static void
update_addresses (VmpSharingPage *self)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->addresses));

  add_addresses (items, get_share (self), FALSE);
  add_addresses (items, vmp_mirror_get_document (self->mirror, VMP_TOPIC_STATUS), TRUE);
  if (!has_addresses (self, items))
    g_list_store_splice (self->addresses, 0, n, items->pdata, items->len);
  set_text (self->addresses_label, items->len == 0 ? _("Nowhere.") : NULL);
}

static void
status_changed_cb (GtkWidget *widget)
{
  update_addresses (VMP_SHARING_PAGE (widget));
}

static GtkWidget *
make_address_row (gpointer item,
                  gpointer user_data)
{
  gboolean is_own = vmp_item_get_boolean (item, "own");
  g_autofree char *url = g_strdup_printf ("http://%s/v1", vmp_item_get_id (item));
  GtkWidget *row = g_object_new (ADW_TYPE_ACTION_ROW, "use-markup", FALSE, "title", url, "title-lines", 0,
                                 "subtitle", is_own ? _("For programs on this computer") : _("For others, with a key"),
                                 NULL);
  GtkWidget *button = gtk_button_new_from_icon_name ("edit-copy-symbolic");

  gtk_widget_set_tooltip_text (button, _("Copy Address"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Copy Address"), -1);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (button, "flat");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", url);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "sharing.copy-address");
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);

  return row;
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_sharing_page_dispose (GObject *object)
{
  VmpSharingPage *self = VMP_SHARING_PAGE (object);

  g_clear_handle_id (&self->ticker, g_source_remove);
  /* First, or the template would take the bin's own child away under it. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_SHARING_PAGE);
  g_clear_object (&self->addresses);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_sharing_page_parent_class)->dispose (object);
}

static void
vmp_sharing_page_class_init (VmpSharingPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_sharing_page_dispose;

  g_type_ensure (VMP_TYPE_CHOICE);
  g_type_ensure (VMP_TYPE_MORE_LIST);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/sharing-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, share_row);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, share_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, problem_row);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, problem_label);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, personal_radio);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, family_radio);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, business_radio);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, event_radio);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, duration_row);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, own_duration_row);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, model_choice);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, keys_list);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, keys_label);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, clients_list);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, clients_label);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, addresses_list);
  gtk_widget_class_bind_template_child (widget_class, VmpSharingPage, addresses_label);
  gtk_widget_class_bind_template_callback (widget_class, switched_cb);
  gtk_widget_class_bind_template_callback (widget_class, mode_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, duration_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, apply_cb);
  gtk_widget_class_bind_template_callback (widget_class, new_key_cb);
  gtk_widget_class_bind_template_callback (widget_class, retry_cb);
  gtk_widget_class_install_action (widget_class, "sharing.revoke", "(ss)", revoke_action);
  gtk_widget_class_install_action (widget_class, "sharing.copy-address", "s", copy_action);
}

static void
vmp_sharing_page_init (VmpSharingPage *self)
{
  self->addresses = g_list_store_new (VMP_TYPE_ITEM);
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_check_button_set_active (self->personal_radio, TRUE);
  vmp_choice_set_label (self->model_choice, _("Models that are shared"));
  g_signal_connect (self, "map", G_CALLBACK (update_ticker), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (update_ticker), NULL);
}

GtkWidget *
vmp_sharing_page_new (VmpMirror *mirror)
{
  VmpSharingPage *self;
  VmpItemList *keys;
  VmpItemList *clients;
  GtkWidget *widget;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_SHARING_PAGE, NULL);
  widget = GTK_WIDGET (self);
  self->mirror = g_object_ref (mirror);
  keys = vmp_mirror_get_list (mirror, VMP_TOPIC_KEYS);
  clients = vmp_mirror_get_list (mirror, VMP_TOPIC_CLIENTS);
  vmp_more_list_set_model (self->keys_list, G_LIST_MODEL (keys), _("Client Keys"), make_key_row, self);
  vmp_more_list_set_model (self->clients_list, G_LIST_MODEL (clients), _("Connected Now"), make_client_row, self);
  vmp_more_list_set_model (self->addresses_list, G_LIST_MODEL (self->addresses), _("Addresses"), make_address_row,
                           self);
  g_signal_connect_object (keys, "items-changed", G_CALLBACK (keys_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (clients, "items-changed", G_CALLBACK (clients_changed_cb), self, G_CONNECT_SWAPPED);

  vmp_ui_hold_while_mapped (widget, mirror, VMP_TOPIC_KEYS);
  vmp_ui_hold_while_mapped (widget, mirror, VMP_TOPIC_CLIENTS);
  vmp_ui_hold_while_mapped (widget, mirror, VMP_TOPIC_MODELS);
  vmp_ui_hold_while_mapped (widget, mirror, VMP_TOPIC_DOCTOR);
  vmp_ui_watch (widget, mirror, VMP_TOPIC_MODELS, models_changed_cb);
  vmp_ui_watch (widget, mirror, VMP_TOPIC_SHARE, share_changed_cb);
  vmp_ui_watch (widget, mirror, VMP_TOPIC_STATUS, status_changed_cb);
  vmp_ui_watch (widget, mirror, VMP_TOPIC_DOCTOR, doctor_changed_cb);
  vmp_ui_watch (widget, mirror, VMP_TOPIC_KEYS, topic_changed_cb);
  vmp_ui_watch (widget, mirror, VMP_TOPIC_CLIENTS, topic_changed_cb);

  return widget;
}

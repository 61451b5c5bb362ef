/* SPDX-License-Identifier: MIT
 *
 * See vmp-setting-row.h. One editor, by the kind of the setting; the mirror's document is what it shows unless its
 * owner is in the middle of changing it.
 */

#include "app/windows/vmp-setting-row.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/windows/vmp-ui-settings.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"

#define SETTINGS_PATH "/vampire/v1/settings"

typedef enum {
  KIND_SWITCH,
  KIND_NUMBER,
  KIND_TEXT,
  KIND_LIST,    /* several texts, with commas between */
  KIND_CHOICE,
  KIND_SECRET,  /* never shown: whether there is one, and a new one */
  N_KINDS
} Kind;

static const char * const kind_names[N_KINDS] = {
  [KIND_SWITCH] = "switch",
  [KIND_NUMBER] = "number",
  [KIND_TEXT] = "text",
  [KIND_LIST] = "list",
  [KIND_CHOICE] = "choice",
  [KIND_SECRET] = "secret",
};

struct _VmpSettingRow {
  AdwPreferencesRow parent_instance;

  char *key;
  char *subtitle;
  Kind kind;

  GtkWidget *editor;
  GtkWidget *clear_button;  /* of a secret; NULL */
  GtkLabel *title_label;
  GtkLabel *note_label;

  VmpMirror *mirror;
  char *shown;              /* the value in the editor as the gateway has it, as text; NULL: none */
  gboolean is_updating;     /* what the editor does is not its owner's doing */
  gboolean is_asking;
  gboolean is_refused;      /* the note is the gateway's reason */
};

G_DEFINE_FINAL_TYPE (VmpSettingRow, vmp_setting_row, ADW_TYPE_PREFERENCES_ROW)

enum {
  PROP_0,
  PROP_KEY,
  PROP_KIND,
  PROP_SUBTITLE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* -- Values -------------------------------------------------------------------------------- */

/* As people write it. (transfer full); NULL: there is none */
static char *
value_to_text (JsonNode *value)
{
  GString *text;
  JsonArray *array;
  guint n_entries;

  if (value == NULL || JSON_NODE_HOLDS_NULL (value))
    return NULL;
  if (JSON_NODE_HOLDS_VALUE (value))
    {
      if (json_node_get_value_type (value) == G_TYPE_STRING)
        return g_strdup (json_node_get_string (value));
      return json_to_string (value, FALSE);
    }
  if (!JSON_NODE_HOLDS_ARRAY (value))
    return NULL;

  text = g_string_new (NULL);
  array = json_node_get_array (value);
  n_entries = json_array_get_length (array);
  for (guint i = 0; i < n_entries; i++)
    {
      JsonNode *entry = json_array_get_element (array, i);

      if (JSON_NODE_HOLDS_VALUE (entry) && json_node_get_value_type (entry) == G_TYPE_STRING)
        g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", json_node_get_string (entry));
    }
  return g_string_free (text, FALSE);
}

/* Numbers that are none go as they were typed: the gateway says what it takes. (transfer full) */
static JsonNode *
text_to_value (VmpSettingRow *self,
               const char    *text)
{
  JsonNode *value = json_node_alloc ();
  g_auto (GStrv) entries = NULL;
  JsonArray *array;
  gint64 number;

  switch (self->kind)
    {
    case KIND_SWITCH:
      return json_node_init_boolean (value, g_str_equal (text, "true"));

    case KIND_NUMBER:
      if (g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &number, NULL))
        return json_node_init_int (value, number);
      return json_node_init_string (value, text);

    case KIND_LIST:
      array = json_array_new ();
      entries = g_strsplit (text, ",", -1);
      for (guint i = 0; entries[i] != NULL; i++)
        if (*g_strstrip (entries[i]) != '\0')
          json_array_add_string_element (array, entries[i]);
      json_node_init_array (value, array);
      json_array_unref (array);
      return value;

    case KIND_TEXT:
    case KIND_CHOICE:
    case KIND_SECRET:
    case N_KINDS:
    default:
      return json_node_init_string (value, text);
    }
}

/* What a word of the gateway is called here. */
static const char *
word_to_label (const char *word)
{
  static const struct {
    const char *word;
    const char *label;
  } labels[] = {
    { "system", NC_("setting value", "As the System") },
    { "light", NC_("setting value", "Light") },
    { "dark", NC_("setting value", "Dark") },
    { "auto", NC_("setting value", "Keyring, or a File") },
    { "keyring", NC_("setting value", "Keyring Only") },
    { "file", NC_("setting value", "File") },
    { "error", NC_("setting value", "Errors") },
    { "warning", NC_("setting value", "Warnings") },
    { "info", NC_("setting value", "Normal") },
    { "debug", NC_("setting value", "Everything") },
    { "residency", NC_("setting value", "Loaded and Free First") },
    { "round_robin", NC_("setting value", "In Turn") },
    { "weighted_round_robin", NC_("setting value", "In Turn, by Weight") },
    { "least_busy", NC_("setting value", "Least Busy") },
    { "least_latency", NC_("setting value", "First Word Soonest") },
    { "highest_tokens_per_second", NC_("setting value", "Fastest Writer") },
    { "best_available", NC_("setting value", "Best of All") },
    { "model_affinity", NC_("setting value", "Loaded, in Turn") },
    { "prefix_affinity", NC_("setting value", "Who Knows the Conversation") },
    { "context_window", NC_("setting value", "Smallest Context That Fits") },
    { "trusted_only", NC_("setting value", "Trusted Nodes Only") },
    { "power_saver", NC_("setting value", "Least Power") },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (labels); i++)
    if (g_str_equal (labels[i].word, word))
      return g_dpgettext2 (NULL, "setting value", labels[i].label);

  return word;
}

/* -- Asking -------------------------------------------------------------------------------- */

static void update (GtkWidget *widget);

static void
set_note (VmpSettingRow *self,
          const char    *note,
          gboolean       is_error)
{
  gtk_label_set_text (self->note_label, note != NULL ? note : "");
  gtk_widget_set_visible (GTK_WIDGET (self->note_label), note != NULL);
  if (is_error)
    gtk_widget_add_css_class (GTK_WIDGET (self->note_label), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->note_label), "error");
  if (is_error)
    gtk_widget_add_css_class (self->editor, "error");
  else
    gtk_widget_remove_css_class (self->editor, "error");
  if (note != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->editor), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, note, -1);
  else if (self->subtitle != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->editor), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                    self->subtitle, -1);
}

static void
changed_cb (GtkWidget *widget,
            JsonNode  *answer,
            gpointer   user_data)
{
  VmpSettingRow *self = VMP_SETTING_ROW (widget);

  self->is_asking = FALSE;
  self->is_refused = FALSE;
  /* What it is now, in the gateway's own words. */
  g_clear_pointer (&self->shown, g_free);
  if (self->kind == KIND_SECRET)
    {
      self->is_updating = TRUE;
      gtk_editable_set_text (GTK_EDITABLE (self->editor), "");
      self->is_updating = FALSE;
    }
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_SETTINGS);
}

static void
refused_cb (GtkWidget  *widget,
            const char *problem,
            gpointer    user_data)
{
  VmpSettingRow *self = VMP_SETTING_ROW (widget);

  self->is_asking = FALSE;
  self->is_refused = TRUE;
  set_note (self, problem, TRUE);
  vmp_ui_announce (widget, problem);

  /* What was typed stays to be mended; a switch or a choice says what is so. */
  if (self->kind == KIND_SWITCH || self->kind == KIND_CHOICE)
    {
      g_clear_pointer (&self->shown, g_free);
      update (widget);
    }
}

/* @value: (transfer full) (nullable): NULL: back to the default */
static void
ask (VmpSettingRow *self,
     JsonNode      *value)
{
  JsonObject *object = json_object_new ();
  JsonNode *body = json_node_init_object (json_node_alloc (), object);

  json_object_set_member (object, self->key, value != NULL ? value : json_node_init_null (json_node_alloc ()));
  json_object_unref (object);

  self->is_asking = TRUE;
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "PATCH", g_strdup (SETTINGS_PATH), body, changed_cb, refused_cb,
                   NULL, NULL);
}

/* -- Editors ------------------------------------------------------------------------------- */

static void
apply_text (VmpSettingRow *self)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->editor));

  if (self->is_updating || self->is_asking || self->mirror == NULL)
    return;
  if (g_strcmp0 (text, self->shown != NULL ? self->shown : "") == 0)
    {
      /* Put back to what it was: there is nothing to complain about any more. */
      if (self->is_refused)
        {
          self->is_refused = FALSE;
          update (GTK_WIDGET (self));
        }
      return;
    }
  if (self->kind == KIND_SECRET && *text == '\0')
    return;

  ask (self, *text != '\0' ? text_to_value (self, text) : NULL);
}

static void
focus_left_cb (VmpSettingRow *self)
{
  /* A token is only set by Enter: half of one locks its owner out. */
  if (self->kind != KIND_SECRET)
    apply_text (self);
}

static void
switched_cb (VmpSettingRow *self)
{
  gboolean is_on = gtk_switch_get_active (GTK_SWITCH (self->editor));

  if (!self->is_updating && self->mirror != NULL)
    ask (self, text_to_value (self, is_on ? "true" : "false"));
}

static void
chosen_cb (VmpSettingRow *self)
{
  GObject *item = gtk_drop_down_get_selected_item (GTK_DROP_DOWN (self->editor));
  const char *word = item != NULL ? g_object_get_data (item, "vmp-word") : NULL;

  if (!self->is_updating && self->mirror != NULL && word != NULL)
    ask (self, text_to_value (self, word));
}

static void
clear_cb (VmpSettingRow *self)
{
  if (self->mirror != NULL)
    ask (self, NULL);
}

static GtkWidget *
make_entry (VmpSettingRow *self)
{
  GtkWidget *entry = self->kind == KIND_SECRET ? gtk_password_entry_new () : gtk_entry_new ();
  GtkEventController *focus = gtk_event_controller_focus_new ();

  if (self->kind == KIND_NUMBER)
    {
      gtk_editable_set_width_chars (GTK_EDITABLE (entry), 6);
      gtk_editable_set_max_width_chars (GTK_EDITABLE (entry), 8);
      gtk_editable_set_alignment (GTK_EDITABLE (entry), 1);
      gtk_entry_set_input_purpose (GTK_ENTRY (entry), GTK_INPUT_PURPOSE_NUMBER);
      gtk_widget_set_valign (entry, GTK_ALIGN_CENTER);
    }
  else
    {
      gtk_widget_set_hexpand (entry, TRUE);
    }
  g_signal_connect_object (entry, "activate", G_CALLBACK (apply_text), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (focus, "leave", G_CALLBACK (focus_left_cb), self, G_CONNECT_SWAPPED);
  gtk_widget_add_controller (entry, focus);

  return entry;
}

static GtkWidget *
make_editor (VmpSettingRow *self)
{
  GtkWidget *editor;

  switch (self->kind)
    {
    case KIND_SWITCH:
      editor = gtk_switch_new ();
      gtk_widget_set_valign (editor, GTK_ALIGN_CENTER);
      g_signal_connect_object (editor, "notify::active", G_CALLBACK (switched_cb), self, G_CONNECT_SWAPPED);
      return editor;

    case KIND_CHOICE:
      editor = gtk_drop_down_new (NULL, NULL);
      gtk_widget_set_valign (editor, GTK_ALIGN_CENTER);
      g_signal_connect_object (editor, "notify::selected", G_CALLBACK (chosen_cb), self, G_CONNECT_SWAPPED);
      return editor;

    case KIND_NUMBER:
    case KIND_TEXT:
    case KIND_LIST:
    case KIND_SECRET:
    case N_KINDS:
    default:
      return make_entry (self);
    }
}

/* -- Showing ------------------------------------------------------------------------------- */

/* The words that may be chosen, made once: they do not change while a gateway runs. */
static void
fill_choices (VmpSettingRow *self,
              JsonObject    *setting)
{
  JsonArray *values = vmp_json_get_array (setting, "values");
  guint n_values = values != NULL ? json_array_get_length (values) : 0;
  g_autoptr (GtkStringList) list = NULL;

  if (gtk_drop_down_get_model (GTK_DROP_DOWN (self->editor)) != NULL)
    return;

  list = gtk_string_list_new (NULL);
  for (guint i = 0; i < n_values; i++)
    {
      JsonNode *value = json_array_get_element (values, i);
      g_autofree char *word = value_to_text (value);

      if (word != NULL)
        {
          g_autoptr (GObject) item = NULL;

          gtk_string_list_append (list, word_to_label (word));
          item = g_list_model_get_item (G_LIST_MODEL (list), g_list_model_get_n_items (G_LIST_MODEL (list)) - 1);
          g_object_set_data_full (item, "vmp-word", g_steal_pointer (&word), g_free);
        }
    }
  gtk_drop_down_set_model (GTK_DROP_DOWN (self->editor), G_LIST_MODEL (list));
}

static void
choose (VmpSettingRow *self,
        const char    *word)
{
  GListModel *list = gtk_drop_down_get_model (GTK_DROP_DOWN (self->editor));
  guint n_items = list != NULL ? g_list_model_get_n_items (list) : 0;

  for (guint i = 0; i < n_items; i++)
    {
      g_autoptr (GObject) item = g_list_model_get_item (list, i);

      if (g_strcmp0 (g_object_get_data (item, "vmp-word"), word) == 0)
        gtk_drop_down_set_selected (GTK_DROP_DOWN (self->editor), i);
    }
}

static void
show_value (VmpSettingRow *self,
            const char    *text)
{
  switch (self->kind)
    {
    case KIND_SWITCH:
      gtk_switch_set_active (GTK_SWITCH (self->editor),
                             g_strcmp0 (text, "true") == 0 || g_strcmp0 (text, "yes") == 0);
      break;

    case KIND_CHOICE:
      choose (self, text);
      break;

    case KIND_SECRET:
      g_object_set (self->editor, "placeholder-text", text != NULL ? _("One is set") : _("None"), NULL);
      gtk_widget_set_visible (self->clear_button, text != NULL);
      break;

    case KIND_NUMBER:
    case KIND_TEXT:
    case KIND_LIST:
    case N_KINDS:
    default:
      gtk_editable_set_text (GTK_EDITABLE (self->editor), text != NULL ? text : "");
      break;
    }
}

/* Its owner has typed something that is not applied. */
static gboolean
is_being_edited (VmpSettingRow *self)
{
  return GTK_IS_EDITABLE (self->editor) && self->kind != KIND_SECRET && self->shown != NULL &&
         g_strcmp0 (gtk_editable_get_text (GTK_EDITABLE (self->editor)), self->shown) != 0;
}

/* (transfer full); NULL: there is nothing to say */
static char *
find_note (JsonObject *setting)
{
  const char *source = vmp_json_get_string (setting, "source");
  gboolean is_pending = FALSE;

  if (vmp_ui_settings_is_ruled (setting))
    return g_str_has_prefix (source, "--")
           ? g_strdup_printf (_("Vampire was started with %s, which rules over this."), source)
           : g_strdup_printf (_("The variable %s rules over this."), source);

  vmp_json_get_boolean (setting, "restart_pending", &is_pending);
  if (is_pending)
    return g_strdup (_("Takes effect when Vampire is started again."));

  return NULL;
}

static void
update (GtkWidget *widget)
{
  VmpSettingRow *self = VMP_SETTING_ROW (widget);
  JsonObject *setting = vmp_ui_settings_find (self->mirror, self->key);
  g_autofree char *text = NULL;
  g_autofree char *note = NULL;

  gtk_widget_set_visible (widget, setting != NULL);
  if (setting == NULL)
    return;

  text = value_to_text (json_object_get_member (setting, "value"));
  gtk_widget_set_sensitive (self->editor, !vmp_ui_settings_is_ruled (setting));
  if (self->clear_button != NULL)
    gtk_widget_set_sensitive (self->clear_button, !vmp_ui_settings_is_ruled (setting));

  if (!is_being_edited (self) && !self->is_asking)
    {
      self->is_updating = TRUE;
      if (self->kind == KIND_CHOICE)
        fill_choices (self, setting);
      show_value (self, text);
      self->is_updating = FALSE;
      g_free (self->shown);
      self->shown = g_strdup (text != NULL ? text : "");
    }

  if (!self->is_refused)
    {
      note = find_note (setting);
      set_note (self, note, FALSE);
    }
}

void
vmp_setting_row_set_mirror (VmpSettingRow *self,
                            VmpMirror     *mirror)
{
  g_return_if_fail (VMP_IS_SETTING_ROW (self));
  g_return_if_fail (self->mirror == NULL);

  self->mirror = g_object_ref (mirror);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_SETTINGS, update);
}

/* -- The object ---------------------------------------------------------------------------- */

static GtkLabel *
make_label (const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_natural_wrap_mode (GTK_LABEL (label), GTK_NATURAL_WRAP_NONE);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);

  return GTK_LABEL (label);
}

/* A click on the words of a switch is one on the switch. */
static void
clicked_cb (VmpSettingRow *self)
{
  if (gtk_widget_is_sensitive (self->editor))
    gtk_widget_activate (self->editor);
}

static GtkWidget *
make_texts (VmpSettingRow *self)
{
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);

  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  self->title_label = make_label (NULL);
  g_object_bind_property (self, "title", self->title_label, "label", G_BINDING_SYNC_CREATE);
  gtk_box_append (GTK_BOX (texts), GTK_WIDGET (self->title_label));
  if (self->subtitle != NULL)
    {
      GtkLabel *label = make_label ("subtitle");

      gtk_label_set_text (label, self->subtitle);
      gtk_box_append (GTK_BOX (texts), GTK_WIDGET (label));
    }
  if (self->kind == KIND_SWITCH)
    {
      GtkGesture *click = gtk_gesture_click_new ();

      g_signal_connect_object (click, "released", G_CALLBACK (clicked_cb), self, G_CONNECT_SWAPPED);
      gtk_widget_add_controller (texts, GTK_EVENT_CONTROLLER (click));
    }
  return texts;
}

static void
vmp_setting_row_constructed (GObject *object)
{
  VmpSettingRow *self = VMP_SETTING_ROW (object);
  gboolean is_wide = self->kind == KIND_TEXT || self->kind == KIND_LIST || self->kind == KIND_SECRET;
  GtkWidget *all = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *line = gtk_box_new (is_wide ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL, is_wide ? 6 : 12);

  G_OBJECT_CLASS (vmp_setting_row_parent_class)->constructed (object);

  self->editor = make_editor (self);
  self->note_label = make_label ("caption");
  gtk_box_append (GTK_BOX (line), make_texts (self));
  if (self->kind == KIND_SECRET)
    {
      GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

      self->clear_button = gtk_button_new_with_mnemonic (_("_Remove"));
      g_signal_connect_object (self->clear_button, "clicked", G_CALLBACK (clear_cb), self, G_CONNECT_SWAPPED);
      gtk_box_append (GTK_BOX (box), self->editor);
      gtk_box_append (GTK_BOX (box), self->clear_button);
      gtk_box_append (GTK_BOX (line), box);
    }
  else
    {
      gtk_box_append (GTK_BOX (line), self->editor);
    }
  gtk_box_append (GTK_BOX (all), line);
  gtk_box_append (GTK_BOX (all), GTK_WIDGET (self->note_label));
  gtk_widget_set_visible (GTK_WIDGET (self->note_label), FALSE);
  gtk_widget_add_css_class (all, "vmp-setting");

  gtk_accessible_update_relation (GTK_ACCESSIBLE (self->editor),
                                  GTK_ACCESSIBLE_RELATION_LABELLED_BY, self->title_label, NULL, -1);
  set_note (self, NULL, FALSE);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (self), FALSE);
  gtk_widget_set_focusable (GTK_WIDGET (self), FALSE);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (self), all);
}

static void
vmp_setting_row_set_property (GObject      *object,
                              guint         id,
                              const GValue *value,
                              GParamSpec   *spec)
{
  VmpSettingRow *self = VMP_SETTING_ROW (object);

  switch (id)
    {
    case PROP_KEY:
      self->key = g_value_dup_string (value);
      break;

    case PROP_KIND:
      for (guint i = 0; i < N_KINDS; i++)
        if (g_strcmp0 (g_value_get_string (value), kind_names[i]) == 0)
          self->kind = (Kind) i;
      break;

    case PROP_SUBTITLE:
      self->subtitle = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
vmp_setting_row_dispose (GObject *object)
{
  g_clear_object (&VMP_SETTING_ROW (object)->mirror);

  G_OBJECT_CLASS (vmp_setting_row_parent_class)->dispose (object);
}

static void
vmp_setting_row_finalize (GObject *object)
{
  VmpSettingRow *self = VMP_SETTING_ROW (object);

  g_free (self->key);
  g_free (self->subtitle);
  g_free (self->shown);

  G_OBJECT_CLASS (vmp_setting_row_parent_class)->finalize (object);
}

static void
vmp_setting_row_class_init (VmpSettingRowClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GParamFlags flags = G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->constructed = vmp_setting_row_constructed;
  object_class->set_property = vmp_setting_row_set_property;
  object_class->dispose = vmp_setting_row_dispose;
  object_class->finalize = vmp_setting_row_finalize;

  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL, flags);
  properties[PROP_KIND] = g_param_spec_string ("kind", NULL, NULL, NULL, flags);
  properties[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmp_setting_row_init (VmpSettingRow *self)
{
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self), FALSE);
}

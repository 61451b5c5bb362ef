/* SPDX-License-Identifier: MIT
 *
 * The control API's settings: those that are in force, and changes of the settings file. It turns JSON into the texts
 * of that file and back; what a setting may be is judged where the settings are read. It never shows a secret.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <string.h>

/* What stands for an empty list where nothing means the default. */
#define NONE "none"

/* -- Showing ------------------------------------------------------------------------------- */

static void
add_list (JsonBuilder *builder,
          const char  *text)
{
  g_auto (GStrv) entries = g_strsplit (g_str_equal (text, NONE) ? "" : text, ",", -1);

  json_builder_begin_array (builder);
  for (guint i = 0; entries[i] != NULL; i++)
    {
      if (*g_strstrip (entries[i]) != '\0')
        json_builder_add_string_value (builder, entries[i]);
    }
  json_builder_end_array (builder);
}

static void
add_enum (JsonBuilder           *builder,
          const VmpSettingValue *setting,
          const char            *text)
{
  const char *word = vmp_setting_value_find_word (setting, text);

  json_builder_add_string_value (builder, word != NULL ? word : text);
}

/* A text of the settings file as JSON of the setting's type. It was checked when it was read. */
static void
add_value (JsonBuilder           *builder,
           const char            *name,
           const VmpSettingValue *setting,
           const char            *text)
{
  json_builder_set_member_name (builder, name);
  if (text == NULL || (setting->is_secret && *text == '\0'))
    {
      json_builder_add_null_value (builder);
      return;
    }

  switch (setting->type)
    {
    case VMP_SETTING_BOOLEAN:
      json_builder_add_boolean_value (builder, vmp_setting_text_is_true (text));
      break;

    case VMP_SETTING_INT:
      json_builder_add_int_value (builder, g_ascii_strtoll (text, NULL, 10));
      break;

    case VMP_SETTING_NUMBER:
      json_builder_add_double_value (builder, g_ascii_strtod (text, NULL));
      break;

    case VMP_SETTING_LIST:
      add_list (builder, text);
      break;

    case VMP_SETTING_ENUM:
      add_enum (builder, setting, text);
      break;

    case VMP_SETTING_STRING:
    case VMP_N_SETTING_TYPES:
    default:
      json_builder_add_string_value (builder, text);
      break;
    }
}

static void
build_setting (const VmpSettingValue *setting,
               gboolean               is_pending,
               JsonBuilder           *builder)
{
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "key", setting->key);
  add_value (builder, "value", setting, setting->value);
  add_value (builder, "default", setting, setting->fallback);
  vmp_json_add_string (builder, "source", setting->source);
  vmp_json_add_string (builder, "type", vmp_setting_type_to_string (setting->type));
  if (setting->words != NULL)
    vmp_json_add_strings (builder, "values", setting->words);
  else
    vmp_json_add_null (builder, "values");
  vmp_json_add_boolean (builder, "needs_restart", setting->needs_restart);
  vmp_json_add_boolean (builder, "restart_pending", is_pending);
  vmp_json_add_boolean (builder, "can_change", setting->can_change);
  vmp_json_add_boolean (builder, "secret", setting->is_secret);
  vmp_json_add_string (builder, "about", setting->about);
  json_builder_end_object (builder);
}

static void
answer_settings (VmpControlRequest *request)
{
  VmpSettingsKeeper *keeper = request->gateway->keeper;
  const VmpSettings *started = vmp_settings_keeper_get_started (keeper);
  const VmpSettings *settings = vmp_settings_keeper_get (keeper);
  g_autoptr (GPtrArray) list = vmp_settings_list_values (settings);
  g_autofree const char **late = vmp_settings_list_changes (started, settings);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.settings");
  vmp_json_add_string (builder, "file", settings->config_file);
  json_builder_set_member_name (builder, "data");
  json_builder_begin_array (builder);
  for (guint i = 0; i < list->len; i++)
    {
      const VmpSettingValue *setting = g_ptr_array_index (list, i);

      build_setting (setting, setting->needs_restart && g_strv_contains (late, setting->key), builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* FALSE, having answered, where the gateway was made with settings that nobody keeps. */
static gboolean
has_keeper (VmpControlRequest *request)
{
  if (request->gateway->keeper != NULL)
    return TRUE;

  vmp_control_problem (request, VMP_PROBLEM_NOT_FOUND,
                       "The settings of this gateway were given to it by the program that runs it, and cannot be "
                       "looked at or changed here.", NULL);

  return FALSE;
}

static void
handle_list (VmpControlRequest *request)
{
  if (has_keeper (request))
    answer_settings (request);
}

/* -- Changing ------------------------------------------------------------------------------ */

static gboolean
is_plain (const char *text)
{
  if (!g_utf8_validate (text, -1, NULL) || g_utf8_strlen (text, -1) > VMP_LIMIT_DOCUMENT_STRING_CHARS)
    return FALSE;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    {
      if (!vmp_text_is_plain (g_utf8_get_char (text)))
        return FALSE;
    }

  return TRUE;
}

/* An array of texts as one, with commas. NULL: it is none. (transfer full) */
static char *
list_to_text (JsonArray             *array,
              const VmpSettingValue *setting)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);
      const char *entry = JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_STRING
                          ? json_node_get_string (element) : NULL;

      /* A comma would make two of it. */
      if (entry == NULL || *entry == '\0' || strchr (entry, ',') != NULL || !is_plain (entry))
        return NULL;
      g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "", entry);
    }

  if (text->len == 0 && setting->fallback != NULL && *setting->fallback != '\0')
    g_string_assign (text, NONE);

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* A JSON value as a text of the settings file: of the setting's own type, or the text itself. NULL: it is neither.
 * (transfer full) */
static char *
value_to_text (JsonNode              *node,
               const VmpSettingValue *setting)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  GType type;

  if (JSON_NODE_HOLDS_ARRAY (node))
    return setting->type == VMP_SETTING_LIST ? list_to_text (json_node_get_array (node), setting) : NULL;
  if (!JSON_NODE_HOLDS_VALUE (node))
    return NULL;

  type = json_node_get_value_type (node);
  if (type == G_TYPE_STRING)
    return is_plain (json_node_get_string (node)) ? g_strstrip (g_strdup (json_node_get_string (node))) : NULL;
  if (type == G_TYPE_BOOLEAN && setting->type == VMP_SETTING_BOOLEAN)
    return g_strdup (json_node_get_boolean (node) ? "yes" : "no");
  if (type == G_TYPE_INT64 && (setting->type == VMP_SETTING_INT || setting->type == VMP_SETTING_NUMBER))
    return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
  if (type == G_TYPE_DOUBLE && setting->type == VMP_SETTING_NUMBER)
    return g_strdup (g_ascii_formatd (number, sizeof number, "%.6g", json_node_get_double (node)));

  return NULL;
}

static const VmpSettingValue *
find_setting (GPtrArray  *list,
              const char *key)
{
  for (guint i = 0; i < list->len; i++)
    {
      const VmpSettingValue *setting = g_ptr_array_index (list, i);

      if (g_str_equal (setting->key, key))
        return setting;
    }

  return NULL;
}

static void
refuse_key (VmpControlRequest *request,
            const char        *key)
{
  g_autofree const char **keys = vmp_settings_list_keys ();
  g_autofree char *shown = vmp_text_display (key, VMP_LIMIT_NAME_CHARS);
  const char *nearest = vmp_text_nearest (key, keys);
  g_autofree char *message = nearest != NULL
                             ? g_strdup_printf ("There is no setting %s; did you mean %s?", shown, nearest)
                             : g_strdup_printf ("There is no setting %s; GET /vampire/v1/settings lists them.", shown);

  vmp_control_invalid (request, "body", shown, message, NULL);
}

static void
refuse_value (VmpControlRequest     *request,
              const VmpSettingValue *setting)
{
  static const char * const words[VMP_N_SETTING_TYPES] = {
    [VMP_SETTING_STRING] = "a text of one line",
    [VMP_SETTING_BOOLEAN] = "true or false",
    [VMP_SETTING_INT] = "a whole number",
    [VMP_SETTING_NUMBER] = "a number",
    [VMP_SETTING_LIST] = "a list of texts without commas in them",
    [VMP_SETTING_ENUM] = "one of the words that GET /vampire/v1/settings lists",
  };
  g_autofree char *message = g_strdup_printf ("%s must be %s, or null for the default.", setting->key,
                                              words[setting->type]);

  vmp_control_invalid (request, "body", setting->key, message, NULL);
}

/* What is to be changed; NULL after having answered. (transfer full) */
static GArray *
read_changes (VmpControlRequest *request)
{
  g_autoptr (GPtrArray) list = vmp_settings_list_values (request->gateway->settings);
  g_autoptr (GArray) changes = vmp_setting_changes_new ();
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init_ordered (&iter, request->body);
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      const VmpSettingValue *setting = find_setting (list, key);
      g_autofree char *text = NULL;

      if (setting == NULL)
        {
          refuse_key (request, key);
          return NULL;
        }

      if (!JSON_NODE_HOLDS_NULL (value))
        {
          text = value_to_text (value, setting);
          if (text == NULL)
            {
              refuse_value (request, setting);
              return NULL;
            }
        }
      vmp_setting_changes_add (changes, key, text != NULL && *text != '\0' ? text : NULL);
    }

  return g_steal_pointer (&changes);
}

static void
changed_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  VmpSettingsKeeper *keeper = VMP_SETTINGS_KEEPER (source);
  g_autoptr (GError) error = NULL;
  VmpControlRequest *request;

  if (vmp_settings_keeper_change_finish (keeper, result, &error))
    {
      answer_settings (user_data);
      return;
    }
  /* Then the request is no more. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  request = user_data;
  if (g_error_matches (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_OVERRIDDEN))
    vmp_control_problem (request, VMP_PROBLEM_CONFLICT, error->message, NULL);
  else if (g_error_matches (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID))
    vmp_control_invalid (request, "body", NULL, error->message, NULL);
  else
    vmp_control_problem (request, VMP_PROBLEM_NOT_STORED, error->message, NULL);
}

/* The change is made all the same; nobody waits to be told. */
static void
stop_changing (VmpControlRequest *request)
{
  g_cancellable_cancel (request->cancellable);
}

static void
handle_change (VmpControlRequest *request)
{
  g_autoptr (GArray) changes = NULL;

  if (!has_keeper (request))
    return;
  changes = read_changes (request);
  if (changes == NULL)
    return;
  if (changes->len == 0)
    {
      answer_settings (request);
      return;
    }

  request->cancellable = g_cancellable_new ();
  vmp_control_wait_for (request, stop_changing);
  vmp_settings_keeper_change_async (request->gateway->keeper, changes, request->cancellable, changed_cb, request);
}

/* -- The table ----------------------------------------------------------------------------- */

/* Its members are the settings' keys, each of the type that GET tells. */
static const VmpField change_fields[] = {
  { NULL }
};

static const VmpField setting_fields[] = {
  { "key", VMP_FIELD_STRING, TRUE },
  { "value", VMP_FIELD_ANY, TRUE, TRUE,
    .about = "That in force, of the JSON type that suits type; \"(set)\" in place of a secret; null: none." },
  { "default", VMP_FIELD_ANY, TRUE, TRUE },
  { "source", VMP_FIELD_STRING, TRUE,
    .about = "default; \"key KEY in FILE\"; or the variable or flag that rules over the file, such as VAMPIRE_PORT or "
             "--port." },
  { "type", VMP_FIELD_STRING, TRUE, .about = "bool, int, number, string, list (an array of strings) or enum." },
  { "values", VMP_FIELD_STRINGS, TRUE, TRUE, .about = "Of an enum." },
  { "needs_restart", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether a change takes effect at the next start." },
  { "restart_pending", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether one has been made since this start." },
  { "can_change", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether it can be changed here: no flag or variable rules." },
  { "secret", VMP_FIELD_BOOLEAN, TRUE },
  { "about", VMP_FIELD_STRING, TRUE },
  { NULL }
};

static const VmpField settings_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE, .about = "vampire.settings" },
  { "file", VMP_FIELD_STRING, TRUE, .about = "The settings file." },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = setting_fields },
  { NULL }
};

const VmpEndpoint vmp_control_setting_endpoints[] = {
  { "GET", "/vampire/v1/settings", handle_list, NULL,
    "All settings, and where each comes from.", "getSettings", settings_answer },
  { "PATCH", "/vampire/v1/settings", handle_change, change_fields,
    "Changes settings in the settings file, all that are given or none: {\"KEY\": value}; null takes one back to its "
    "default.", "changeSettings", settings_answer },
  { NULL }
};

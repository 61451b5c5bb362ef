/* SPDX-License-Identifier: MIT
 *
 * See vmp-ui-settings.h.
 */

#include "app/windows/vmp-ui-settings.h"

#include "core/vmp-json.h"

JsonObject *
vmp_ui_settings_find (VmpMirror  *mirror,
                      const char *key)
{
  JsonObject *document = vmp_mirror_get_document (mirror, VMP_TOPIC_SETTINGS);
  JsonArray *data = document != NULL ? vmp_json_get_array (document, "data") : NULL;
  guint n_settings = data != NULL ? json_array_get_length (data) : 0;

  for (guint i = 0; i < n_settings; i++)
    {
      JsonNode *node = json_array_get_element (data, i);

      if (JSON_NODE_HOLDS_OBJECT (node) &&
          g_strcmp0 (vmp_json_get_string (json_node_get_object (node), "key"), key) == 0)
        return json_node_get_object (node);
    }
  return NULL;
}

const char *
vmp_ui_settings_get_string (VmpMirror  *mirror,
                            const char *key)
{
  JsonObject *setting = vmp_ui_settings_find (mirror, key);

  return setting != NULL ? vmp_json_get_string (setting, "value") : NULL;
}

gboolean
vmp_ui_settings_is_ruled (JsonObject *setting)
{
  const char *source = vmp_json_get_string (setting, "source");
  gboolean can_change = TRUE;

  vmp_json_get_boolean (setting, "can_change", &can_change);

  return !can_change && source != NULL && (g_str_has_prefix (source, "VAMPIRE_") || g_str_has_prefix (source, "--"));
}

/* SPDX-License-Identifier: MIT
 *
 * Implementation of the plain removal: on strings whose escapes are undone.
 */

#include "naive-volatile.h"

#include <string.h>

#include "core/vmp-json.h"

static const char *
skip_line_end (const char *p)
{
  if (*p == '\r')
    p++;
  if (*p == '\n')
    p++;

  return p;
}

/* What of the text is left, or NULL if it does not begin with the line. */
static const char *
after_line (const char *text)
{
  static const char header[] = "x-anthropic-billing-header:";
  g_autofree char *line = NULL;

  text += strspn (text, " \t\r\n");
  if (g_ascii_strncasecmp (text, header, strlen (header)) != 0)
    return NULL;

  line = g_strndup (text, strcspn (text, "\r\n"));
  if (strstr (line, "cch=") == NULL)
    return NULL;

  return skip_line_end (skip_line_end (text + strlen (line)));
}

static gboolean
strip_member (JsonObject *object,
              const char *name)
{
  const char *text = vmp_json_get_string (object, name);
  JsonArray *parts = vmp_json_get_array (object, name);
  JsonNode *first = parts != NULL && json_array_get_length (parts) > 0 ? json_array_get_element (parts, 0) : NULL;
  const char *rest;

  if (first != NULL && JSON_NODE_HOLDS_OBJECT (first))
    {
      object = json_node_get_object (first);
      name = "text";
      text = vmp_json_get_string (object, name);
    }

  rest = text != NULL ? after_line (text) : NULL;
  if (rest == NULL)
    return FALSE;

  if (*rest == '\0' && parts != NULL && json_array_get_length (parts) > 1)
    {
      json_array_remove_element (parts, 0);
    }
  else
    {
      g_autofree char *copy = g_strdup (rest);

      json_object_set_string_member (object, name, copy);
    }

  return TRUE;
}

gboolean
naive_volatile_strip (JsonNode *request)
{
  JsonObject *object = json_node_get_object (request);
  JsonArray *messages = vmp_json_get_array (object, "messages");
  JsonNode *first = NULL;
  const char *role;

  if (strip_member (object, "system"))
    return TRUE;

  if (messages != NULL && json_array_get_length (messages) > 0)
    first = json_array_get_element (messages, 0);
  if (first == NULL || !JSON_NODE_HOLDS_OBJECT (first))
    return FALSE;

  role = vmp_json_get_string (json_node_get_object (first), "role");
  if (g_strcmp0 (role, "system") != 0 && g_strcmp0 (role, "developer") != 0)
    return FALSE;

  return strip_member (json_node_get_object (first), "content");
}

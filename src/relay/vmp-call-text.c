/* SPDX-License-Identifier: MIT
 *
 * What is read of and written into the text of calls and answers.
 */

#include "relay/vmp-call-text.h"

#include "core/vmp-json.h"

#include <string.h>

/* Bytes of an id that can be one. */
#define ID_BYTES 256

gboolean
vmp_call_makes_response (const VmpCall *call)
{
  static const char end[] = "/responses";

  return call->path.len >= strlen (end)
         && memcmp (call->path.data + call->path.len - strlen (end), end, strlen (end)) == 0;
}

char *
vmp_answer_find_id (const char *data,
                    gsize       len)
{
  static const char key[] = "\"id\"";
  const char *end = data + len;
  const char *start = memmem (data, len, key, strlen (key));
  const char *stop;

  if (start == NULL)
    return NULL;
  start += strlen (key);
  while (start < end && (*start == ' ' || *start == ':'))
    start++;
  if (start == end || *start != '"')
    return NULL;
  start++;
  stop = memchr (start, '"', MIN (end - start, ID_BYTES));

  return stop != NULL ? g_strndup (start, stop - start) : NULL;
}

char *
vmp_call_rename_model (const VmpCall *call,
                       const char    *model,
                       gsize         *len)
{
  const VmpJsonMember *member;
  g_autoptr (JsonNode) name = NULL;
  g_autofree char *json = NULL;
  gsize json_len;
  char *body;

  if (model == NULL || call->scan == NULL || g_strcmp0 (model, call->model) == 0)
    return NULL;

  member = &call->scan->members[VMP_MEMBER_MODEL];
  if (member->type == VMP_JSON_ABSENT)
    return NULL;

  name = json_node_init_string (json_node_alloc (), model);
  json = vmp_json_print (name);
  json_len = strlen (json);
  *len = call->body_len - (member->value.end - member->value.start) + json_len;
  body = g_malloc (*len + 1);
  memcpy (body, call->body, member->value.start);
  memcpy (body + member->value.start, json, json_len);
  memcpy (body + member->value.start + json_len, call->body + member->value.end, call->body_len - member->value.end);
  body[*len] = '\0';

  return body;
}

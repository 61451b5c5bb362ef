/* SPDX-License-Identifier: MIT
 *
 * The request's side of a continued stream: which calls can be continued, and what the next node is asked. Functions of
 * their arguments; of the body they change what they must and no other byte.
 */

#include "relay/vmp-splice-private.h"

#include <string.h>

#include "core/vmp-json.h"

/* A body's edits: its model, its end, two limits. */
#define MOST_EDITS 4

static const VmpMember limits[] = { VMP_MEMBER_MAX_TOKENS, VMP_MEMBER_MAX_COMPLETION_TOKENS };

static gboolean
ends_with (VmpSlice    path,
           const char *end)
{
  gsize len = strlen (end);

  return path.len >= len && memcmp (path.data + path.len - len, end, len) == 0;
}

static VmpSlice
member_value (const VmpCall *call,
              VmpMember      member)
{
  VmpSpan span = call->scan->members[member].value;

  return (VmpSlice) { call->body + span.start, span.end - span.start };
}

static gboolean
is_absent_or (const VmpCall *call,
              VmpMember      member,
              const char    *value)
{
  VmpJsonType type = call->scan->members[member].type;

  return type == VMP_JSON_ABSENT || type == VMP_JSON_NULL || vmp_slice_equal (member_value (call, member), value);
}

/* Constrained output begins anew with each answer: a node that is given half an object would write another one. */
static gboolean
wants_text (const VmpCall *call)
{
  VmpSpliceWalk walk;
  VmpSlice key, value;

  if (is_absent_or (call, VMP_MEMBER_RESPONSE_FORMAT, "null"))
    return TRUE;
  if (call->scan->members[VMP_MEMBER_RESPONSE_FORMAT].type != VMP_JSON_OBJECT)
    return FALSE;

  walk = vmp_splice_walk (member_value (call, VMP_MEMBER_RESPONSE_FORMAT));
  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      if (vmp_slice_equal (key, "type"))
        return vmp_slice_equal (value, "\"text\"");
    }

  return FALSE;
}

/* Whether the last message is somebody else's. After one of the assistant the client has begun the answer itself, and
 * two in a row would be two turns. */
static gboolean
has_turn (const VmpCall *call)
{
  VmpSpliceWalk walk;
  VmpSlice key, value, role = { NULL, 0 };
  VmpSlice last = { NULL, 0 };

  if (call->scan->members[VMP_MEMBER_MESSAGES].type != VMP_JSON_ARRAY)
    return FALSE;

  walk = vmp_splice_walk (member_value (call, VMP_MEMBER_MESSAGES));
  while (vmp_splice_walk_next (&walk, &key, &value))
    last = value;
  if (last.len == 0 || last.data[0] != '{')
    return FALSE;

  walk = vmp_splice_walk (last);
  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      if (vmp_slice_equal (key, "role"))
        role = value;
    }

  return role.len > 2 && role.data[0] == '"' && memchr (role.data, '\\', role.len) == NULL
         && !vmp_slice_equal (role, "\"assistant\"");
}

/* Whether the answer is what follows the prompt, and no more. */
static gboolean
has_plain_prompt (const VmpCall *call)
{
  VmpSpliceWalk walk;
  VmpSlice key, value;

  if (call->scan->members[VMP_MEMBER_PROMPT].type != VMP_JSON_STRING)
    return FALSE;

  walk = (VmpSpliceWalk) { (const char *) memchr (call->body, '{', call->body_len) + 1, call->body + call->body_len };
  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      if (vmp_slice_equal (key, "echo") && vmp_slice_equal (value, "true"))
        return FALSE;
      if (vmp_slice_equal (key, "suffix") && !vmp_slice_equal (value, "null") && !vmp_slice_equal (value, "\"\""))
        return FALSE;
      if (vmp_slice_equal (key, "best_of") && !vmp_slice_equal (value, "null") && !vmp_slice_equal (value, "1"))
        return FALSE;
    }

  return TRUE;
}

gboolean
vmp_splice_is_chat (const VmpCall *call)
{
  return ends_with (call->path, "/chat/completions");
}

gboolean
vmp_splice_fits (const VmpCall *call)
{
  if (!vmp_slice_equal (call->method, "POST") || !call->is_stream || call->scan == NULL || call->scan->has_lookalike
      || !is_absent_or (call, VMP_MEMBER_N, "1") || !wants_text (call))
    return FALSE;

  if (vmp_splice_is_chat (call))
    return has_turn (call);

  return ends_with (call->path, "/completions") && has_plain_prompt (call);
}

/* -- What the next node is asked --------------------------------------------------------------- */

static char *
make_string (const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), text);

  return vmp_json_print (node);
}

gboolean
vmp_splice_is_spent (const VmpCall *call,
                     gint64         spent)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      gint64 limit = vmp_splice_read_number (member_value (call, limits[i]));

      if (limit > 0 && spent >= limit)
        return TRUE;
    }

  return FALSE;
}

/* A message of the assistant to follow the others. (transfer full) */
static char *
make_turn (VmpSlice text)
{
  GString *turn = g_string_sized_new (text.len + 64);

  g_string_append (turn, ",{\"role\":\"assistant\",\"content\":\"");
  g_string_append_len (turn, text.data, (gssize) text.len);
  g_string_append (turn, "\"}");

  return g_string_free (turn, FALSE);
}

/* Before the last byte of a value: a bracket or a quote. */
static VmpSpliceEdit
insert_at_end (VmpSlice value,
               VmpSlice text)
{
  return (VmpSpliceEdit) { { value.data + value.len - 1, 0 }, text };
}

char *
vmp_splice_write_body (const VmpCall *call,
                       const char    *model,
                       VmpSlice       text,
                       gint64         spent,
                       gsize         *len)
{
  VmpSpliceEdit edits[MOST_EDITS];
  char numbers[G_N_ELEMENTS (limits)][24];
  g_autofree char *model_json = NULL;
  g_autofree char *turn = NULL;
  VmpBuffer body = { NULL };
  guint n = 0;
  guint i;

  if (model != NULL && call->scan->members[VMP_MEMBER_MODEL].type != VMP_JSON_ABSENT)
    {
      model_json = make_string (model);
      edits[n++] = (VmpSpliceEdit) { member_value (call, VMP_MEMBER_MODEL), vmp_slice (model_json) };
    }

  for (i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      VmpSlice value = member_value (call, limits[i]);
      gint64 limit = vmp_splice_read_number (value);

      if (limit <= 0)
        continue;
      g_snprintf (numbers[i], sizeof numbers[i], "%" G_GINT64_FORMAT, MAX (limit - spent, 1));
      edits[n++] = (VmpSpliceEdit) { value, vmp_slice (numbers[i]) };
    }

  if (text.len > 0 && vmp_splice_is_chat (call))
    {
      turn = make_turn (text);
      edits[n++] = insert_at_end (member_value (call, VMP_MEMBER_MESSAGES), vmp_slice (turn));
    }
  else if (text.len > 0)
    {
      edits[n++] = insert_at_end (member_value (call, VMP_MEMBER_PROMPT), text);
    }

  vmp_splice_edit ((VmpSlice) { call->body, call->body_len }, edits, n, &body);
  vmp_buffer_append (&body, "", 1);
  *len = vmp_buffer_len (&body) - 1;

  return body.data;
}

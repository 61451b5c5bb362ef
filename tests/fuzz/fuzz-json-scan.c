/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the span scanner. The fast scanner, the portable one and the plain one must say the same; what is
 * taken for an object must be one for json-glib, too; and each member that is cut must be gone, the rest intact.
 */

#include "fuzz.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "core/vmp-json-scan.h"
#include "naive-json.h"

/* The same scanner, compiled without SSE2. */
gboolean portable_json_scan (const char  *data,
                             gsize        len,
                             VmpJsonScan *scan);

static void
check_same (const VmpJsonScan *a,
            const VmpJsonScan *b)
{
  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      const VmpJsonMember *x = &a->members[i];
      const VmpJsonMember *y = &b->members[i];

      g_assert_cmpint (x->type, ==, y->type);
      g_assert_cmpuint (x->value.start, ==, y->value.start);
      g_assert_cmpuint (x->value.end, ==, y->value.end);
      g_assert_cmpuint (x->cut.start, ==, y->cut.start);
      g_assert_cmpuint (x->cut.end, ==, y->cut.end);
    }
}

static void
check_spans (const char          *text,
             gsize                len,
             const VmpJsonMember *member)
{
  if (member->type == VMP_JSON_ABSENT)
    {
      g_assert_cmpuint (member->value.start + member->value.end + member->cut.start + member->cut.end, ==, 0);
      return;
    }

  g_assert_cmpuint (member->cut.start, >, 0);
  g_assert_cmpuint (member->cut.start, <, member->value.start);
  g_assert_cmpuint (member->value.start, <, member->value.end);
  g_assert_cmpuint (member->value.end, <=, member->cut.end);
  g_assert_cmpuint (member->cut.end, <, len);
  g_assert_true (text[member->cut.start] == ',' || text[member->cut.start] == '"');
}

static void
check_cut (const char        *text,
           gsize              len,
           const VmpJsonScan *scan,
           VmpMember          which)
{
  VmpSpan cut = scan->members[which].cut;
  gsize rest_len = len - (cut.end - cut.start);
  g_autofree char *rest = g_malloc (rest_len);
  VmpJsonScan rescan;

  memcpy (rest, text, cut.start);
  memcpy (rest + cut.start, text + cut.end, len - cut.end);
  g_assert_true (vmp_json_scan (rest, rest_len, &rescan));

  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      const VmpJsonMember *before = &scan->members[i];
      const VmpJsonMember *after = &rescan.members[i];

      /* One of answers may have come before; then it counts now. */
      if (i == (int) which)
        {
          g_assert_true (after->type == VMP_JSON_ABSENT || which >= VMP_MEMBER_ERROR);
          continue;
        }

      g_assert_cmpint (after->type, ==, before->type);
      if (after->type != VMP_JSON_ABSENT)
        g_assert_cmpmem (text + before->value.start, before->value.end - before->value.start,
                         rest + after->value.start, after->value.end - after->value.start);
    }
}

static gboolean
is_type (JsonNode   *node,
         VmpJsonType type)
{
  GType holds = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;

  switch (type)
    {
    case VMP_JSON_STRING:
      return holds == G_TYPE_STRING;

    case VMP_JSON_NUMBER:
      return holds == G_TYPE_INT64 || holds == G_TYPE_DOUBLE;

    case VMP_JSON_TRUE:
    case VMP_JSON_FALSE:
      return holds == G_TYPE_BOOLEAN && json_node_get_boolean (node) == (type == VMP_JSON_TRUE);

    case VMP_JSON_NULL:
      return JSON_NODE_HOLDS_NULL (node);

    case VMP_JSON_OBJECT:
      return JSON_NODE_HOLDS_OBJECT (node);

    case VMP_JSON_ARRAY:
      return JSON_NODE_HOLDS_ARRAY (node);

    case VMP_JSON_ABSENT:
    default:
      return FALSE;
    }
}

/* Whether there may be an escaped NUL or surrogate: json-glib cuts the one, and refuses the other when it is not
 * one of a pair, which the grammar allows. */
static gboolean
is_odd_for_json_glib (const char *text,
                      gsize       len)
{
  for (gsize i = 0; i + 6 <= len; i++)
    {
      if (memcmp (text + i, "\\u", 2) == 0
          && (g_ascii_tolower (text[i + 2]) == 'd' || memcmp (text + i + 2, "0000", 4) == 0))
        return TRUE;
    }

  return FALSE;
}

/* What is a valid string here reads the same there. */
static void
check_with_json_glib (const char        *text,
                      gsize              len,
                      const VmpJsonScan *scan)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *object;

  json_parser_load_from_data (parser, text, (gssize) len, &error);
  g_assert_no_error (error);
  object = json_node_get_object (json_parser_get_root (parser));

  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      g_autofree char *says = vmp_json_scan_dup_string (text, &scan->members[i]);

      if (scan->members[i].type == VMP_JSON_ABSENT)
        continue;
      g_assert_true (is_type (json_object_get_member (object, naive_json_members[i]), scan->members[i].type));
      if (says != NULL)
        g_assert_cmpstr (says, ==, json_object_get_string_member (object, naive_json_members[i]));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const char *text = (const char *) data;
  VmpJsonScan scan, other;
  gboolean is_object = vmp_json_scan (text, size, &scan);

  g_assert_cmpint (portable_json_scan (text, size, &other), ==, is_object);
  check_same (&scan, &other);
  g_assert_cmpint (naive_json_scan (text, size, &other), ==, is_object);
  check_same (&scan, &other);

  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      check_spans (text, size, &scan.members[i]);
      if (scan.members[i].type != VMP_JSON_ABSENT)
        check_cut (text, size, &scan, (VmpMember) i);
    }

  if (is_object && !is_odd_for_json_glib (text, size))
    check_with_json_glib (text, size, &scan);

  return 0;
}

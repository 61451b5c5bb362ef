/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the search for the line that changes with every request. An input is a body. What is left without the
 * cut must be the same document but for that line, which the plain removal, on a tree, must have found as well.
 */

#include "fuzz.h"

#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-volatile.h"
#include "naive-volatile.h"

/* Whether that occurs once at most: of members that come twice the search takes the first, a tree the last. */
static gboolean
is_rare (const char *text,
         gsize       len,
         const char *word)
{
  const char *first = g_strstr_len (text, (gssize) len, word);

  return first == NULL || g_strstr_len (first + 1, (gssize) (len - (gsize) (first + 1 - text)), word) == NULL;
}

/* Whether the search and a tree are bound to see the same members: names with escapes are others to the search. */
static gboolean
is_unambiguous (const char *text,
                gsize       len)
{
  return g_strstr_len (text, (gssize) len, "\\u") == NULL && is_rare (text, len, "\"role\"")
         && is_rare (text, len, "\"content\"") && is_rare (text, len, "\"text\"");
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const char *body = (const char *) data;
  g_autoptr (JsonNode) expected = NULL;
  g_autoptr (JsonNode) stripped = NULL;
  g_autoptr (GString) without = NULL;
  g_autofree char *expected_text = NULL;
  g_autofree char *stripped_text = NULL;
  VmpSpan cut = { 0, 0 };
  VmpJsonScan scan;
  gboolean found;

  if (!vmp_json_scan (body, size, &scan))
    return 0;

  found = vmp_volatile_find (body, &scan, &cut);
  g_assert_cmpuint (cut.start, <=, cut.end);
  g_assert_cmpuint (cut.end, <, size);
  if (!found)
    g_assert_cmpuint (cut.end, ==, 0);

  without = g_string_new_len (body, (gssize) size);
  g_string_erase (without, (gssize) cut.start, (gssize) (cut.end - cut.start));
  g_assert_true (vmp_json_scan (without->str, without->len, &scan));

  /* Deep or odd documents have no tree. */
  expected = vmp_json_parse (body, size, NULL);
  if (expected == NULL || !is_unambiguous (body, size))
    return 0;

  stripped = vmp_json_parse (without->str, without->len, NULL);
  g_assert_nonnull (stripped);
  if (naive_volatile_strip (expected) != found)
    g_assert_true (!found && size > VMP_LIMIT_VOLATILE_BYTES);
  if (found)
    {
      expected_text = vmp_json_print (expected);
      stripped_text = vmp_json_print (stripped);
      g_assert_cmpstr (stripped_text, ==, expected_text);
    }

  return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Tests of the search for the line that changes with every request: by examples, and by comparison with the plain
 * removal over every combination of the shapes that requests have.
 */

#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-volatile.h"
#include "naive-volatile.h"

#define LINE "x-anthropic-billing-header: cc_version=2.1.0.abc; cc_entrypoint=cli; cch=1a2b3;"

/* -- Helpers ------------------------------------------------------------------------------------------ */

/* (transfer full): the body without the line; NULL if none is found. The search reads a copy that ends where its memory
 * ends, so that a read past the end is seen by the tools that look for it. */
static char *
strip (const char *body)
{
  gsize len = strlen (body);
  g_autofree char *copy = g_malloc (MAX (len, 1));
  VmpSpan cut = { 1, 2 };
  VmpJsonScan scan;
  char *without;

  memcpy (copy, body, len);
  g_assert_true (vmp_json_scan (copy, len, &scan));
  if (!vmp_volatile_find (copy, &scan, &cut))
    {
      g_assert_cmpuint (cut.start, ==, 0);
      g_assert_cmpuint (cut.end, ==, 0);
      return NULL;
    }

  g_assert_cmpuint (cut.start, <, cut.end);
  g_assert_cmpuint (cut.end, <, len);
  without = g_strdup_printf ("%.*s%s", (int) cut.start, body, body + cut.end);
  g_assert_true (vmp_json_scan (without, strlen (without), &scan));

  return without;
}

static void
assert_stripped (const char *body,
                 const char *expected)
{
  g_autofree char *without = strip (body);

  g_assert_cmpstr (without, ==, expected);
}

static void
assert_untouched (const char *body)
{
  assert_stripped (body, NULL);
}

static JsonNode *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = vmp_json_parse (text, strlen (text), &error);

  g_assert_no_error (error);

  return node;
}

/* What remains is the same document but for that text, and there is no second line that the plain one would see. */
static void
assert_as_naive (const char *body)
{
  g_autofree char *without = strip (body);
  g_autoptr (JsonNode) expected = parse (body);
  g_autoptr (JsonNode) stripped = NULL;
  g_autofree char *expected_text = NULL;
  g_autofree char *stripped_text = NULL;

  if (naive_volatile_strip (expected) != (without != NULL))
    g_error ("%s a line: %s", without != NULL ? "found" : "overlooked", body);
  if (without == NULL)
    return;

  stripped = parse (without);
  expected_text = vmp_json_print (expected);
  stripped_text = vmp_json_print (stripped);
  g_assert_cmpstr (stripped_text, ==, expected_text);
}

/* -- Where it is found -------------------------------------------------------------------------------- */

static void
test_system_string (void)
{
  assert_stripped ("{\"system\":\"" LINE "\\nYou are.\",\"model\":\"m\"}", "{\"system\":\"You are.\",\"model\":\"m\"}");
  assert_stripped ("{\"system\":\"" LINE "\\n\\nYou are.\"}", "{\"system\":\"You are.\"}");
  assert_stripped ("{\"system\":\"" LINE "\\n\\n\\nYou are.\"}", "{\"system\":\"\\nYou are.\"}");
  assert_stripped ("{\"system\":\"" LINE "\\r\\n\\r\\nYou are.\"}", "{\"system\":\"You are.\"}");
  assert_stripped ("{\"system\":\"" LINE "\\u000A\\u000aYou are.\"}", "{\"system\":\"You are.\"}");
  assert_stripped ("{\"system\":\"\\n \\t" LINE "\\nYou are.\"}", "{\"system\":\"You are.\"}");
  assert_stripped ("{\"system\":\"" LINE "\"}", "{\"system\":\"\"}");
  assert_stripped ("{\"system\":\"" LINE "\\n\"}", "{\"system\":\"\"}");
}

static void
test_system_parts (void)
{
  /* As Claude Code sends it: a part of its own. */
  assert_stripped ("{\"system\":[{\"type\":\"text\",\"text\":\"" LINE "\"},{\"type\":\"text\",\"text\":\"You are.\"}]}",
                   "{\"system\":[{\"type\":\"text\",\"text\":\"You are.\"}]}");
  assert_stripped ("{ \"system\" : [ { \"text\" : \"" LINE "\" , \"x\" : [ { } , \"]}\" ] } , 1 , 2 ] }",
                   "{ \"system\" : [  1 , 2 ] }");
  assert_stripped ("{\"system\":[{\"type\":\"text\",\"text\":\"" LINE "\\n\\nYou are.\"},{\"type\":\"text\"}]}",
                   "{\"system\":[{\"type\":\"text\",\"text\":\"You are.\"},{\"type\":\"text\"}]}");
  assert_stripped ("{\"system\":[{\"type\":\"text\",\"text\":\"" LINE "\"}]}",
                   "{\"system\":[{\"type\":\"text\",\"text\":\"\"}]}");
}

static void
test_first_message (void)
{
  assert_stripped ("{\"messages\":[{\"role\":\"system\",\"content\":\"" LINE "\\nYou are.\"},{\"role\":\"user\"}]}",
                   "{\"messages\":[{\"role\":\"system\",\"content\":\"You are.\"},{\"role\":\"user\"}]}");
  assert_stripped ("{\"messages\":[{\"content\":\"" LINE "\\nYou are.\",\"role\":\"developer\"}]}",
                   "{\"messages\":[{\"content\":\"You are.\",\"role\":\"developer\"}]}");
  assert_stripped ("{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"" LINE "\"},"
                   "{\"type\":\"text\",\"text\":\"You are.\"}]}]}",
                   "{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"You are.\"}]}]}");
  assert_stripped ("{\"system\":\"You are.\",\"messages\":[{\"role\":\"system\",\"content\":\"" LINE "\"}]}",
                   "{\"system\":\"You are.\",\"messages\":[{\"role\":\"system\",\"content\":\"\"}]}");
}

static void
test_case_of_the_name (void)
{
  assert_stripped ("{\"system\":\"X-Anthropic-Billing-Header:cch=0\\nA\"}", "{\"system\":\"A\"}");
}

/* One line at a time: a caller that wants both asks again. */
static void
test_system_comes_first (void)
{
  g_autofree char *once = strip ("{\"messages\":[{\"role\":\"system\",\"content\":\"" LINE "\\nB\"}],"
                                 "\"system\":\"" LINE "\\nA\"}");

  g_assert_cmpstr (once, ==, "{\"messages\":[{\"role\":\"system\",\"content\":\"" LINE "\\nB\"}],\"system\":\"A\"}");
  assert_stripped (once, "{\"messages\":[{\"role\":\"system\",\"content\":\"B\"}],\"system\":\"A\"}");
}

/* -- Where it stays ----------------------------------------------------------------------------------- */

static void
test_stays_where_it_is_quoted (void)
{
  static const char * const bodies[] = {
    /* further on in the text, or in the list */
    "{\"system\":\"See: " LINE "\\n\"}",
    "{\"system\":\"A\\n" LINE "\\n\"}",
    "{\"system\":[{\"type\":\"text\",\"text\":\"A\"},{\"type\":\"text\",\"text\":\"" LINE "\"}]}",
    "{\"system\":[\"" LINE "\"]}",
    "{\"system\":[[{\"text\":\"" LINE "\"}]]}",
    "{\"system\":[{\"type\":\"text\",\"cache\":{\"text\":\"" LINE "\"}}]}",
    "{\"system\":{\"text\":\"" LINE "\"}}",
    /* a user's message, a later one, another's member */
    "{\"messages\":[{\"role\":\"user\",\"content\":\"" LINE "\\nWhat is this?\"}]}",
    "{\"messages\":[{\"content\":\"" LINE "\\nWhat is this?\",\"role\":\"user\"}]}",
    "{\"messages\":[{\"content\":\"" LINE "\\nWhat is this?\"}]}",
    "{\"messages\":[{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"system\",\"content\":\"" LINE "\\nB\"}]}",
    "{\"messages\":[{\"role\":\"system\",\"name\":\"" LINE "\",\"content\":\"A\"}]}",
    "{\"messages\":[[{\"role\":\"system\",\"content\":\"" LINE "\"}]]}",
    "{\"messages\":{\"role\":\"system\",\"content\":\"" LINE "\"}}",
    "{\"prompt\":\"" LINE "\",\"input\":\"" LINE "\",\"instructions\":\"" LINE "\"}",
    "{\"x\":{\"system\":\"" LINE "\"}}",
    "{\"metadata\":[{\"role\":\"system\",\"content\":\"" LINE "\"}]}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      assert_untouched (bodies[i]);
      assert_as_naive (bodies[i]);
    }
}

static void
test_stays_without_hash (void)
{
  assert_untouched ("{\"system\":\"x-anthropic-billing-header: cc_version=2;\\nA\"}");
  assert_untouched ("{\"system\":\"x-anthropic-billing-header: cc_version=2;\\ncch=1\"}");
  assert_untouched ("{\"system\":\"x-anthropic-billing-header: cc_version=2;\\rcch=1\"}");
  assert_untouched ("{\"system\":\"x-anthropic-billing-header: cc_version=2;\\u000acch=1\"}");
  assert_untouched ("{\"system\":\"x-anthropic-billing-header: \\ucccch=1\"}");
  assert_untouched ("{\"system\":\"x-anthropic-billing-headers cch=1\"}");
  assert_untouched ("{\"system\":\"x-anthropic-billing-header\"}");
  assert_untouched ("{\"system\":\"\"}");
  assert_untouched ("{\"system\":[]}");
  assert_untouched ("{\"system\":[{}]}");
  assert_untouched ("{\"system\":null,\"messages\":null}");
  assert_untouched ("{\"messages\":[]}");
  assert_untouched ("{\"messages\":[{}]}");
  assert_untouched ("{}");
}

/* Nothing is looked for behind the first bytes, nor is a line taken for one that goes on for ever. */
static void
test_only_at_the_beginning (void)
{
  for (int back = -8; back <= 8; back++)
    {
      g_autofree char *fill = g_strnfill ((gsize) (VMP_LIMIT_VOLATILE_BYTES - (int) strlen (LINE) + back), 'a');
      g_autofree char *in_line = g_strdup_printf ("{\"system\":\"" LINE "%s\\nYou are.\"}", fill);
      g_autofree char *before = g_strdup_printf ("{\"system\":[{\"a\":\"%s\",\"text\":\"" LINE "\\nA\"}]}", fill);
      g_autofree char *without = strip (in_line);

      if (without != NULL)
        g_assert_cmpstr (without, ==, "{\"system\":\"You are.\"}");
      g_assert_cmpint (without != NULL, ==, back < -2);
      assert_untouched (before);
    }
}

/* -- Every shape -------------------------------------------------------------------------------------- */

static const char * const heads[] = {
  "", " ", "\\n", "\\r\\n\\t ", "a", "\\u000a", "\\\\n", "\\\"", "\xe2\x82\xac", "\\u00e9",
};

static const char * const lines[] = {
  LINE,
  "X-ANTHROPIC-Billing-Header:cch=\\u00e9\\\\n\\\"\\/\xf0\x9f\xa6\x87\\ud83e\\udd87",
  "x-anthropic-billing-header: cch",
  "x-anthropic-billing-header: \\\\cch=\\\\",
};

static const char * const tails[] = {
  "", "\\n", "\\n\\n", "\\r\\n\\r\\nYou", "\\r\\rYou", "\\n\\u000d\\nYou are.\\n", "\\n\\n\\n", "\\\\nYou", "\\tYou",
  "\\nx-anthropic-billing-header: cch=2;\\nYou", "\\n\\ud83e\\udd87", "\\n\xf0\x9f\xa6\x87",
};

/* %s is the text. */
static const char * const shapes[] = {
  "{\"system\":\"%s\"}",
  "{\"model\":\"m\",\"system\" :\n\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}",
  "{\"system\":[{\"type\":\"text\",\"text\":\"%s\"}]}",
  "{\"system\":[{\"text\":\"%s\",\"type\":\"text\"},{\"type\":\"text\",\"text\":\"B\"}],\"n\":1}",
  "{\"system\":[ { \"type\" : \"text\", \"cache_control\" : {\"a\":[\"]\",{}]}, \"text\" :\t\"%s\" }\n,\n\"B\" ]}",
  "{\"system\":[\"%s\",{\"type\":\"text\",\"text\":\"B\"}]}",
  "{\"system\":[{\"type\":\"text\",\"text\":\"A\"},{\"type\":\"text\",\"text\":\"%s\"}]}",
  "{\"messages\":[{\"role\":\"system\",\"content\":\"%s\"}]}",
  "{\"messages\":[ {\"content\":\"%s\", \"n\":-1.5e3,\"role\" : \"developer\" },{\"role\":\"user\",\"content\":\"\"}]}",
  "{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"},{\"type\":\"text\"}]},{}]}",
  "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"system\":\"A\"}",
  "{\"messages\":[{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"system\",\"content\":\"%s\"}]}",
  "{\"messages\":[{\"role\":[\"system\"],\"content\":\"%s\"}]}",
};

static void
test_shapes (void)
{
  guint n_stripped = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (heads) * G_N_ELEMENTS (lines) * G_N_ELEMENTS (tails); i++)
    {
      const char *head = heads[i % G_N_ELEMENTS (heads)];
      const char *line = lines[i / G_N_ELEMENTS (heads) % G_N_ELEMENTS (lines)];
      const char *tail = tails[i / G_N_ELEMENTS (heads) / G_N_ELEMENTS (lines)];
      g_autofree char *text = g_strconcat (head, line, tail, NULL);

      for (gsize j = 0; j < G_N_ELEMENTS (shapes); j++)
        {
          g_auto (GStrv) pieces = g_strsplit (shapes[j], "%s", 2);
          g_autofree char *body = g_strjoinv (text, pieces);
          g_autofree char *without = strip (body);

          assert_as_naive (body);
          n_stripped += without != NULL;
        }
    }

  /* The comparison is worth something. */
  g_assert_cmpuint (n_stripped, >, 500);
}

/* Bodies that break off or are damaged, at every byte: what is still JSON is judged as the plain one does. */
static void
test_damaged (void)
{
  static const char body[] =
    "{\"system\":[{\"type\":\"text\",\"text\":\"\\n" LINE "\\r\\n\"},{\"text\":\"A\"}],"
    "\"messages\":[{\"content\":\"" LINE "\\nB\",\"role\":\"system\"}]}";
  static const char others[] = "\"\\{}[],: nu0a";
  guint n_whole = 0;

  for (gsize i = 0; i < strlen (body); i++)
    {
      for (const char *other = others; *other != '\0'; other++)
        {
          g_autofree char *text = g_strdup (body);
          g_autoptr (JsonNode) node = NULL;
          VmpJsonScan scan;

          text[i] = *other;
          if (!vmp_json_scan (text, strlen (text), &scan))
            continue;

          /* A document that it cannot read has no plain answer. */
          n_whole++;
          node = vmp_json_parse (text, strlen (text), NULL);
          if (node != NULL)
            assert_as_naive (text);
        }
    }

  g_assert_cmpuint (n_whole, >, 1000);
}

/* A look at a body without the line is brief, however long the body: far less than its scan takes. */
static void
test_speed (void)
{
  g_autofree char *fill = g_strnfill (4 * 1000 * 1000, 'a');
  g_autofree char *body = g_strdup_printf ("{\"messages\":[{\"content\":\"%s\",\"role\":\"system\"},"
                                           "{\"role\":\"user\",\"content\":\"Hi\"}]}", fill);
  const guint n = 10 * 1000;
  guint n_found = 0;
  VmpJsonScan scan;
  gint64 start, scanned, looked;

  start = g_get_monotonic_time ();
  g_assert_true (vmp_json_scan (body, strlen (body), &scan));
  scanned = g_get_monotonic_time () - start;

  start = g_get_monotonic_time ();
  for (guint i = 0; i < n; i++)
    {
      VmpSpan cut;

      n_found += vmp_volatile_find (body, &scan, &cut);
    }
  looked = g_get_monotonic_time () - start;
  g_assert_cmpuint (n_found, ==, 0);
  g_test_message ("%.0f ns a look", 1e3 * (double) looked / n);
  g_assert_cmpint (looked, <, scanned * (n / 100));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/volatile/found/system-string", test_system_string);
  g_test_add_func ("/volatile/found/system-parts", test_system_parts);
  g_test_add_func ("/volatile/found/first-message", test_first_message);
  g_test_add_func ("/volatile/found/case-of-the-name", test_case_of_the_name);
  g_test_add_func ("/volatile/found/system-comes-first", test_system_comes_first);
  g_test_add_func ("/volatile/stays/quoted", test_stays_where_it_is_quoted);
  g_test_add_func ("/volatile/stays/without-hash", test_stays_without_hash);
  g_test_add_func ("/volatile/stays/behind-the-beginning", test_only_at_the_beginning);
  g_test_add_func ("/volatile/as-parsed/shapes", test_shapes);
  g_test_add_func ("/volatile/as-parsed/damaged", test_damaged);
  g_test_add_func ("/volatile/speed", test_speed);

  return g_test_run ();
}

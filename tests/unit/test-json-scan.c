/* SPDX-License-Identifier: MIT
 *
 * Tests of the span scanner. The same file is built twice: against the library, and against the scanner
 * compiled without SSE2.
 */

#include <string.h>

#include "core/vmp-json-scan.h"
#include "core/vmp-limits.h"
#include "naive-json.h"

/* -- Helpers --------------------------------------------------------------------------------------- */

/* Scans a copy that ends where its memory ends, so that a read past the end is seen by the tools that look for it. */
static gboolean
scan_bytes (const char  *data,
            gsize        len,
            VmpJsonScan *scan)
{
  g_autofree char *copy = g_malloc (MAX (len, 1));

  if (len > 0)
    memcpy (copy, data, len);

  return vmp_json_scan (copy, len, scan);
}

static void
assert_all_absent (const VmpJsonScan *scan)
{
  static const VmpJsonScan nothing = { 0 };

  g_assert_cmpmem (scan->members, sizeof scan->members, nothing.members, sizeof nothing.members);
}

static void
assert_opaque (const char *text)
{
  VmpJsonScan scan;

  memset (&scan, 0xff, sizeof scan);
  if (scan_bytes (text, strlen (text), &scan))
    g_error ("taken for an object: %s", text);
  assert_all_absent (&scan);
}

static void
assert_object (const char *text)
{
  VmpJsonScan scan;

  if (!scan_bytes (text, strlen (text), &scan))
    g_error ("taken for opaque: %s", text);
}

/* The scanner says what the plain one says. */
static void
assert_as_naive (const char *data,
                 gsize       len)
{
  VmpJsonScan expected;
  VmpJsonScan scan;
  gboolean is_object = naive_json_scan (data, len, &expected);

  if (scan_bytes (data, len, &scan) != is_object)
    {
      g_autofree char *shown = g_strescape (data, NULL);

      g_error ("should be %s: %s", is_object ? "an object" : "opaque", shown);
    }
  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      g_assert_cmpint (scan.members[i].type, ==, expected.members[i].type);
      g_assert_cmpuint (scan.members[i].value.start, ==, expected.members[i].value.start);
      g_assert_cmpuint (scan.members[i].value.end, ==, expected.members[i].value.end);
      g_assert_cmpuint (scan.members[i].cut.start, ==, expected.members[i].cut.start);
      g_assert_cmpuint (scan.members[i].cut.end, ==, expected.members[i].cut.end);
    }
}

static char *
text_of (const char *text,
         VmpSpan     span)
{
  return g_strndup (text + span.start, span.end - span.start);
}

static char *
text_without (const char *text,
              VmpSpan     span)
{
  return g_strdup_printf ("%.*s%s", (int) span.start, text, text + span.end);
}

/* -- What is found ----------------------------------------------------------------------------------- */

static void
test_finds_members (void)
{
  static const char text[] =
    " {\"messages\":[{\"role\":\"user\",\"content\":\"Hi, \\\"you\\\"\"}],\"model\" : \"qwen3-4b\" ,\n"
    "\"stream\":true,\"vampire\":{\"strategy\":\"fastest\",\"model\":\"no\"},\"user\":null,\"temperature\":0.7,"
    "\"stream_options\":{\"include_usage\":true}} \n";
  static const struct {
    VmpMember member;
    VmpJsonType type;
    const char *value;
    const char *cut;
  } expected[] = {
    { VMP_MEMBER_MODEL, VMP_JSON_STRING, "\"qwen3-4b\"", ",\"model\" : \"qwen3-4b\"" },
    { VMP_MEMBER_STREAM, VMP_JSON_TRUE, "true", ",\n\"stream\":true" },
    { VMP_MEMBER_VAMPIRE, VMP_JSON_OBJECT, "{\"strategy\":\"fastest\",\"model\":\"no\"}",
      ",\"vampire\":{\"strategy\":\"fastest\",\"model\":\"no\"}" },
    { VMP_MEMBER_USER, VMP_JSON_NULL, "null", ",\"user\":null" },
    { VMP_MEMBER_STREAM_OPTIONS, VMP_JSON_OBJECT, "{\"include_usage\":true}",
      ",\"stream_options\":{\"include_usage\":true}" },
  };
  VmpJsonScan scan;

  g_assert_true (scan_bytes (text, strlen (text), &scan));
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      const VmpJsonMember *member = &scan.members[expected[i].member];
      g_autofree char *value = text_of (text, member->value);
      g_autofree char *cut = text_of (text, member->cut);

      g_assert_cmpint (member->type, ==, expected[i].type);
      g_assert_cmpstr (value, ==, expected[i].value);
      g_assert_cmpstr (cut, ==, expected[i].cut);
    }
}

static void
test_tells_types (void)
{
  static const struct {
    const char *value;
    VmpJsonType type;
  } cases[] = {
    { "\"\"", VMP_JSON_STRING },
    { "\"a long enough string to fill a whole block of sixteen\"", VMP_JSON_STRING },
    { "0", VMP_JSON_NUMBER },
    { "-0", VMP_JSON_NUMBER },
    { "-12.5e+3", VMP_JSON_NUMBER },
    { "1E400", VMP_JSON_NUMBER },
    { "123456789012345678901234567890", VMP_JSON_NUMBER },
    { "true", VMP_JSON_TRUE },
    { "false", VMP_JSON_FALSE },
    { "null", VMP_JSON_NULL },
    { "{}", VMP_JSON_OBJECT },
    { "{ \"a\" : [ ] }", VMP_JSON_OBJECT },
    { "[]", VMP_JSON_ARRAY },
    { "[[],{},\"\",[1,2,[3]]]", VMP_JSON_ARRAY },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"user\":%s}", cases[i].value);
      g_autofree char *value = NULL;
      VmpJsonScan scan;

      g_assert_true (scan_bytes (text, strlen (text), &scan));
      value = text_of (text, scan.members[VMP_MEMBER_USER].value);
      g_assert_cmpstr (value, ==, cases[i].value);
      g_assert_cmpint (scan.members[VMP_MEMBER_USER].type, ==, cases[i].type);
    }
}

static void
test_absent_members (void)
{
  static const char * const texts[] = {
    "{}",
    " \t\r\n{ \n} ",
    "{\"temperature\":1}",
    "{\"nested\":{\"model\":\"m\",\"stream\":true},\"list\":[{\"vampire\":1,\"user\":2}]}",
    "{\"mode\":1,\"models\":2,\"Model\":3,\"MODEL\":4,\" model\":5,\"model \":6,\"\":7}",
    "{\"model\\u0000\":1,\"\\u0000model\":2,\"mod\\ud800el\":3,\"mod\\\\u0065l\":4}",
    "{\"stream_option\":1,\"stream_options_\":2,\"streamoptions\":3}",
    "{\"key\":\"model\",\"also\":\"\\\"model\\\":1\"}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      VmpJsonScan scan;

      g_assert_true (scan_bytes (texts[i], strlen (texts[i]), &scan));
      assert_all_absent (&scan);
    }
}

/* What a server that overlooks case would take for the model's name. */
static void
test_lookalikes (void)
{
  static const struct {
    const char *text;
    gboolean is_one;
  } texts[] = {
    { "{\"model\":\"m\"}", FALSE },
    { "{\"model\":\"m\",\"models\":1,\"mode\":2,\"STREAM\":3,\"x\":{\"Model\":4}}", FALSE },
    { "{\"model\":\"m\",\"Model\":\"n\"}", TRUE },
    { "{\"MODEL\":\"n\",\"model\":\"m\"}", TRUE },
    { "{\"mod\\u0045l\":\"n\"}", TRUE },
    { "{\"Model\":\"n\"", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      VmpJsonScan scan;

      scan_bytes (texts[i].text, strlen (texts[i].text), &scan);
      g_assert_cmpint (scan.has_lookalike, ==, texts[i].is_one);
    }
}

static void
test_undoes_escapes_in_keys (void)
{
  static const char * const keys[] = {
    "model", "mod\\u0065l", "\\u006dodel", "mode\\u006c", "mode\\u006C", "\\u006d\\u006f\\u0064\\u0065\\u006c",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"a\":0,\"%s\":\"m\"}", keys[i]);
      VmpJsonScan scan;

      g_assert_true (scan_bytes (text, strlen (text), &scan));
      g_assert_cmpint (scan.members[VMP_MEMBER_MODEL].type, ==, VMP_JSON_STRING);
    }
}

/* The longest name, wholly escaped, is still found; one byte more is another key. */
static void
test_longest_escaped_key (void)
{
  g_autoptr (GString) text = g_string_new ("{\"");
  VmpJsonScan scan;

  for (const char *c = "max_completion_tokens"; *c != '\0'; c++)
    g_string_append_printf (text, "\\u%04x", (guint) *c);
  g_string_append (text, "\":{}}");
  g_assert_true (scan_bytes (text->str, text->len, &scan));
  g_assert_cmpint (scan.members[VMP_MEMBER_MAX_COMPLETION_TOKENS].type, ==, VMP_JSON_OBJECT);

  g_string_insert (text, 2, "x");
  g_assert_true (scan_bytes (text->str, text->len, &scan));
  assert_all_absent (&scan);
}

/* Each member by its name, plain and with an escape, beside all the others. */
static void
test_every_member (void)
{
  for (int escaped = 0; escaped < 2; escaped++)
    {
      g_autoptr (GString) text = g_string_new ("{");
      VmpJsonScan scan;

      for (int i = 0; i < VMP_N_MEMBERS; i++)
        {
          const char *name = naive_json_members[i];

          g_string_append (text, i > 0 ? "," : "");
          if (escaped)
            g_string_append_printf (text, "\"\\u%04x%s\":%d", (guint) name[0], name + 1, i);
          else
            g_string_append_printf (text, "\"%s\":%d", name, i);
        }
      g_string_append (text, "}");

      g_assert_true (scan_bytes (text->str, text->len, &scan));
      for (int i = 0; i < VMP_N_MEMBERS; i++)
        {
          g_autofree char *value = text_of (text->str, scan.members[i].value);
          g_autofree char *expected = g_strdup_printf ("%d", i);

          g_assert_cmpint (scan.members[i].type, ==, VMP_JSON_NUMBER);
          g_assert_cmpstr (value, ==, expected);
        }
      assert_as_naive (text->str, text->len);
    }
}

/* Names that are nearly one: with each of their bytes another one, missing or doubled. */
static void
test_near_names (void)
{
  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      const char *name = naive_json_members[i];
      int len = (int) strlen (name);

      for (int at = 0; at < len; at++)
        {
          g_autofree char *replaced = g_strdup_printf ("{\"%.*s~%s\":1}", at, name, name + at + 1);
          g_autofree char *missing = g_strdup_printf ("{\"%.*s%s\":1}", at, name, name + at + 1);
          g_autofree char *doubled = g_strdup_printf ("{\"%.*s%s\":1}", at + 1, name, name + at);
          g_autofree char *upper = g_strdup_printf ("{\"%.*s%c%s\":1}", at, name, g_ascii_toupper (name[at]),
                                                    name + at + 1);

          assert_as_naive (replaced, strlen (replaced));
          assert_as_naive (missing, strlen (missing));
          assert_as_naive (doubled, strlen (doubled));
          assert_as_naive (upper, strlen (upper));
        }
    }
}

static void
test_twice_is_opaque (void)
{
  for (int i = 0; i < VMP_MEMBER_ERROR; i++)
    {
      const char *key = naive_json_members[i];
      g_autofree char *plain = g_strdup_printf ("{\"%s\":1,\"a\":2,\"%s\":1}", key, key);
      g_autofree char *escaped = g_strdup_printf ("{\"%s\":1,\"\\u%04x%s\":1}", key, (guint) key[0], key + 1);

      assert_opaque (plain);
      assert_opaque (escaped);
    }

  /* Others may be there twice: nobody reads them here. */
  assert_object ("{\"a\":1,\"a\":1}");
}

/* Of what only answers have the last one counts, as for most who read JSON. */
static void
test_twice_in_answers (void)
{
  for (int i = VMP_MEMBER_ERROR; i < VMP_N_MEMBERS; i++)
    {
      const char *key = naive_json_members[i];
      g_autofree char *text = g_strdup_printf ("{\"%s\":1,\"model\":\"m\",\"%s\":{}}", key, key);
      g_autofree char *without = NULL;
      VmpJsonScan scan;

      g_assert_true (scan_bytes (text, strlen (text), &scan));
      g_assert_cmpint (scan.members[i].type, ==, VMP_JSON_OBJECT);
      g_assert_cmpint (scan.members[VMP_MEMBER_MODEL].type, ==, VMP_JSON_STRING);
      without = text_without (text, scan.members[i].cut);
      g_assert_true (scan_bytes (without, strlen (without), &scan));
      g_assert_cmpint (scan.members[i].type, ==, VMP_JSON_NUMBER);
    }
}

/* An answer, and an event of one. */
static void
test_answers (void)
{
  static const char failed[] = "{\"error\":{\"message\":\"No models loaded\",\"type\":\"x\",\"usage\":0,\"id\":0}}";
  static const char event[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[],"
    "\"usage\":{\"prompt_tokens\":1,\"error\":true},\"stats\":{}}";
  VmpJsonScan scan;

  g_assert_true (scan_bytes (failed, strlen (failed), &scan));
  g_assert_cmpint (scan.members[VMP_MEMBER_ERROR].type, ==, VMP_JSON_OBJECT);
  g_assert_cmpint (scan.members[VMP_MEMBER_USAGE].type, ==, VMP_JSON_ABSENT);
  g_assert_cmpint (scan.members[VMP_MEMBER_ID].type, ==, VMP_JSON_ABSENT);

  g_assert_true (scan_bytes (event, strlen (event), &scan));
  g_assert_cmpint (scan.members[VMP_MEMBER_ERROR].type, ==, VMP_JSON_ABSENT);
  g_assert_cmpint (scan.members[VMP_MEMBER_USAGE].type, ==, VMP_JSON_OBJECT);
  g_assert_cmpint (scan.members[VMP_MEMBER_ID].type, ==, VMP_JSON_STRING);
  g_assert_cmpint (scan.members[VMP_MEMBER_MODEL].type, ==, VMP_JSON_STRING);
}

/* -- What is cut ------------------------------------------------------------------------------------- */

static void
test_cuts (void)
{
  static const struct {
    const char *text;
    const char *without;
  } cases[] = {
    { "{\"vampire\":1}", "{}" },
    { " { \"vampire\" : { \"a\" : [ 1 ] } } ", " {  } " },
    { "{\"vampire\":1,\"b\":2}", "{\"b\":2}" },
    { "{ \"vampire\" : 1 , \"b\" : 2 }", "{  \"b\" : 2 }" },
    { "{\"a\":1,\"vampire\":\"x\",\"b\":2}", "{\"a\":1,\"b\":2}" },
    { "{\n  \"a\": 1,\n  \"vampire\": \"x\",\n  \"b\": 2\n}", "{\n  \"a\": 1,\n  \"b\": 2\n}" },
    { "{\"a\":1,\"vampire\":[]}", "{\"a\":1}" },
    { "{\"a\" : 1 ,\t\"vampire\" : [] }", "{\"a\" : 1  }" },
    { "{\"a\":\",\",\"vampire\":\",\",\"b\":\",\"}", "{\"a\":\",\",\"b\":\",\"}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *without = NULL;
      VmpJsonScan scan;

      g_assert_true (scan_bytes (cases[i].text, strlen (cases[i].text), &scan));
      without = text_without (cases[i].text, scan.members[VMP_MEMBER_VAMPIRE].cut);
      g_assert_cmpstr (without, ==, cases[i].without);
      g_assert_true (scan_bytes (without, strlen (without), &scan));
      assert_all_absent (&scan);
    }
}

/* Members in every order; each is cut until none is left, and what remains is an object each time. */
static void
test_cuts_one_after_another (void)
{
  static const char * const members[] = { "\"model\":\"m\"", "\"user\":[1,2]", "\"vampire\":{}", "\"other\":0" };
  static const VmpMember known[] = { VMP_MEMBER_MODEL, VMP_MEMBER_USER, VMP_MEMBER_VAMPIRE };

  for (guint order = 0; order < 256; order++)
    {
      const char *a = members[order & 3];
      const char *b = members[order >> 2 & 3];
      const char *c = members[order >> 4 & 3];
      const char *d = members[order >> 6];
      g_autofree char *text = NULL;
      VmpJsonScan scan;

      if (a == b || a == c || a == d || b == c || b == d || c == d)
        continue;

      text = g_strdup_printf ("{%s , %s,%s ,%s}", a, b, c, d);
      for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
        {
          char *without;

          g_assert_true (scan_bytes (text, strlen (text), &scan));
          g_assert_cmpint (scan.members[known[i]].type, !=, VMP_JSON_ABSENT);
          without = text_without (text, scan.members[known[i]].cut);
          g_free (text);
          text = without;
        }
      g_assert_true (scan_bytes (text, strlen (text), &scan));
      assert_all_absent (&scan);
      g_assert_nonnull (strstr (text, "\"other\":0"));
    }
}

/* -- What is opaque ---------------------------------------------------------------------------------- */

static void
test_opaque (void)
{
  static const char * const texts[] = {
    /* not one object */
    "", " ", "null", "1", "\"model\"", "[]", "[{\"model\":\"m\"}]", "model=m", "{}{}", "{} x", "{},", "\xef\xbb\xbf{}",
    "{}\v", "\f{}", "\xc2\xa0{}", "<html>", "}", "{", "{{}}", "data: {}",
    /* members */
    "{\"a\"}", "{\"a\":}", "{:1}", "{1:1}", "{a:1}", "{'a':1}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}", "{\"a\"::1}", "{\"a\",1}", "{\"a\":1;\"b\":2}", "{\"a\":1]", "{\"a\" 1}", "{\"a\":1:2}",
    "{\"a\":1 // why\n}", "{/**/}", "{null:1}",
    /* nested values */
    "{\"a\":[}", "{\"a\":[1}", "{\"a\":{]}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[1:2]}",
    "{\"a\":{\"b\"}}", "{\"a\":{\"b\":}}", "{\"a\":{\"b\":1,}}", "{\"a\":{1:2}}", "{\"a\":[\"b\":1]}",
    "{\"a\":[[[]]}", "{\"a\":[]]}", "{\"a\":{}}}", "{\"a\":{\"b\":1]}", "{\"a\":[{]}]}",
    /* words and numbers */
    "{\"a\":tru}", "{\"a\":truee}", "{\"a\":TRUE}", "{\"a\":nul}", "{\"a\":nulll}", "{\"a\":fals}", "{\"a\":falsee}",
    "{\"a\":undefined}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":01}", "{\"a\":-01}",
    "{\"a\":00}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1.e1}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":1e1.5}",
    "{\"a\":0x10}", "{\"a\":1_000}", "{\"a\":--1}", "{\"a\":1-1}", "{\"a\":12345678901a}", "{\"a\":1234567/}",
    "{\"a\":1234567:}",
    /* strings */
    "{\"a\":\"}", "{\"a\":\"b}", "{\"a\":'b'}", "{\"a\":\"\\\"}", "{\"a\":\"\\x\"}",
    "{\"a\":\"\\'\"}", "{\"a\":\"\\U0041\"}", "{\"a\":\"\\u\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u123\"}",
    "{\"a\":\"\\u123g\"}", "{\"a\":\"\\u 123\"}",
    "{\"a\":\"\\u+123\"}", "{\"a\":\"a raw line\nbreak\"}", "{\"a\":\"\t\"}", "{\"a\":\"\x01\"}", "{\"a\":\"\x1f\"}",
    "{\"a\nb\":1}", "{\"a\\\":1}", "{\"model\":\"\\uD83D\\uZZZZ\"}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      assert_opaque (texts[i]);
      assert_as_naive (texts[i], strlen (texts[i]));
    }
}

static void
test_nul_is_opaque (void)
{
  static const char inside[] = "{\"a\":\"x\0y\"}";
  static const char between[] = "{\"a\":\0" "1}";
  static const char after[] = "{\"a\":1}\0";
  VmpJsonScan scan;

  g_assert_false (scan_bytes (inside, sizeof inside - 1, &scan));
  g_assert_false (scan_bytes (between, sizeof between - 1, &scan));
  g_assert_false (scan_bytes (after, sizeof after - 1, &scan));
  g_assert_true (scan_bytes (after, sizeof after - 2, &scan));
  g_assert_false (vmp_json_scan (NULL, 0, &scan));
}

static const char whole_body[] =
  "{ \"model\": \"qwen\\u0033\", \"messages\": [ { \"role\": \"system\", \"content\": \"Be brief.\\n\\n\" },\r\n"
  "\t{ \"role\": \"user\", \"content\": [ { \"type\": \"text\",\n"
  "        \"text\": \"Gr\xc3\xbc\xc3\x9f Gott \xe2\x82\xac \xf0\x9f\xa6\x87\" },\n"
  "      { \"type\": \"image_url\",\n"
  "        \"image_url\": { \"url\": \"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEA\" } } ] } ],\n"
  "  \"stream\": true, \"stream_options\": { \"include_usage\": true }, \"seed\": -12345678901, \"top_p\": 0.95e-2,\n"
  "  \"logit_bias\": {}, \"stop\": [], \"user\": null, \"x\": [[1,2,3],[],[[[false]]]],\n"
  "  \"vampire\": { \"a\": \"\\\\\\\"\" } }";

static void
test_truncated_is_opaque (void)
{
  gsize len = strlen (whole_body);
  VmpJsonScan scan;

  g_assert_true (scan_bytes (whole_body, len, &scan));
  for (gsize i = 0; i < len; i++)
    g_assert_false (scan_bytes (whole_body, i, &scan));
}

/* Every byte of a body, replaced by every other byte, removed, or doubled. */
static void
test_damaged_as_naive (void)
{
  gsize len = strlen (whole_body);
  g_autofree char *text = g_malloc (len + 2);

  for (gsize i = 0; i < len; i++)
    {
      for (int byte = 0; byte < 256; byte++)
        {
          memcpy (text, whole_body, len + 1);
          text[i] = (char) byte;
          assert_as_naive (text, len);
        }

      memcpy (text, whole_body, i);
      memcpy (text + i, whole_body + i + 1, len - i);
      assert_as_naive (text, len - 1);

      memcpy (text, whole_body, i + 1);
      memcpy (text + i + 1, whole_body + i, len - i + 1);
      assert_as_naive (text, len + 1);
    }
}

/* -- Nesting ----------------------------------------------------------------------------------------- */

static char *
nested (guint    levels,
        gboolean objects,
        gboolean closed)
{
  GString *text = g_string_new ("{\"a\":");

  for (guint i = 1; i < levels; i++)
    g_string_append (text, objects || i % 3 == 0 ? "{\"a\":" : "[");
  if (closed)
    {
      g_string_append (text, "1");
      for (guint i = levels - 1; i >= 1; i--)
        g_string_append (text, objects || i % 3 == 0 ? "}" : "]");
      g_string_append (text, "}");
    }

  return g_string_free (text, FALSE);
}

static void
test_nesting (void)
{
  for (int objects = 0; objects < 2; objects++)
    {
      for (guint levels = 1; levels <= VMP_LIMIT_JSON_DEPTH + 70; levels++)
        {
          g_autofree char *text = nested (levels, objects, TRUE);

          if (levels <= VMP_LIMIT_JSON_DEPTH)
            assert_object (text);
          else
            assert_opaque (text);
          assert_as_naive (text, strlen (text));
        }
    }
}

/* An empty container is a level, too. */
static void
test_nesting_of_empty (void)
{
  static const char * const empty[] = { "{}", "[]", "{ }", "[\n]" };

  for (gsize i = 0; i < G_N_ELEMENTS (empty); i++)
    {
      for (guint more = 0; more < 2; more++)
        {
          g_autoptr (GString) text = g_string_new ("{\"a\":");
          guint around = VMP_LIMIT_JSON_DEPTH - 2 + more;

          for (guint level = 0; level < around; level++)
            g_string_append_c (text, '[');
          g_string_append (text, empty[i]);
          for (guint level = 0; level < around; level++)
            g_string_append_c (text, ']');
          g_string_append_c (text, '}');

          if (more)
            assert_opaque (text->str);
          else
            assert_object (text->str);
        }
    }
}

static void
test_nesting_without_end (void)
{
  for (int objects = 0; objects < 2; objects++)
    {
      g_autofree char *text = nested (200 * 1000, objects, FALSE);

      assert_opaque (text);
    }
}

/* Brackets of both kinds in every order, to a depth where the bits of one word end. */
static void
test_brackets_match (void)
{
  GRand *rand = g_rand_new_with_seed (7777);

  for (int i = 0; i < 2000; i++)
    {
      g_autoptr (GString) text = g_string_new ("{\"a\":");
      g_autoptr (GString) ends = g_string_new ("}");
      guint levels = (guint) g_rand_int_range (rand, 1, 140);

      for (guint level = 0; level < levels; level++)
        {
          gboolean object = g_rand_boolean (rand);

          g_string_append (text, object ? "{\"a\":" : "[");
          g_string_prepend_c (ends, object ? '}' : ']');
        }
      g_string_append (text, "0");
      if (g_rand_boolean (rand))
        ends->str[g_rand_int_range (rand, 0, (gint32) ends->len)] ^= '}' ^ ']';
      g_string_append (text, ends->str);
      assert_as_naive (text->str, text->len);
    }

  g_rand_free (rand);
}

/* -- Strings: at every place of a block --------------------------------------------------------------- */

#define PLACES 40

/* Puts @piece into a string, with @before bytes of text before it and @after behind it. */
static GString *
text_around (const char *piece,
             gsize       len,
             guint       before,
             guint       after)
{
  GString *text = g_string_new ("{\"user\":\"");

  for (guint i = 0; i < before; i++)
    g_string_append_c (text, 'a');
  g_string_append_len (text, piece, (gssize) len);
  for (guint i = 0; i < after; i++)
    g_string_append_c (text, 'z');
  g_string_append (text, "\"}");

  return text;
}

static void
assert_as_naive_everywhere (const char *piece,
                            gsize       len)
{
  for (guint before = 0; before < PLACES; before++)
    {
      for (guint after = 0; after <= PLACES; after += PLACES / 2)
        {
          g_autoptr (GString) text = text_around (piece, len, before, after);

          assert_as_naive (text->str, text->len);
        }
    }
}

static void
test_strings_everywhere (void)
{
  static const char * const pieces[] = {
    "", "\"", "\\\"", "\\\\", "\\\\\"", "\\\\\\\"", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\",
    "\\/\\b\\f\\n\\r\\t", "\\q", "\\", "\\u0041", "\\uD83E\\uDD87", "\\uD83E", "\\u00e9\\u00E9\\u0000", "\\u00g0",
    "\\u12", "\x1f", "\x7f", " ",
    "\\n\\u0041\\n\\u0041\\n\\u0041\\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa6\x87", "\xc3\xa9\\n\xc3\xa9",
    "\xe2\x82\\n", "\xe2\x82\\u0041", "\xf0\x9f\xa6\"",
    "\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x87\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x87",
    "\\n\xe2\x82\xac\\n\xe2\x82\xac\\n\xe2\x82\xac\\n\xe2\x82\xac\\n\xe2\x82\xac\\n\xe2\x82\xac",
    "\xf0\x9f\xa6\x87\x80",
    "\\\xe2\x82\xac", "\\u00\xe2\x82\xac",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pieces); i++)
    assert_as_naive_everywhere (pieces[i], strlen (pieces[i]));
}

static void
test_control_characters_everywhere (void)
{
  for (int byte = 0; byte < 0x20; byte++)
    {
      char piece = (char) byte;

      assert_as_naive_everywhere (&piece, 1);
    }
}

/* Sequences of four of the bytes at which the rules of UTF-8 change, at the places of a block where they matter. */
static void
test_utf8 (void)
{
  static const guint8 edges[] = {
    0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
    0xf1, 0xf3, 0xf4, 0xf5, 0xff,
  };
  static const guint places[] = { 0, 5, 12, 13, 14, 15 };
  const gsize n = G_N_ELEMENTS (edges);

  for (gsize place = 0; place < G_N_ELEMENTS (places); place++)
    {
      g_autoptr (GString) text = text_around ("abcd", 4, places[place], 20);
      char *piece = text->str + strlen ("{\"user\":\"") + places[place];

      for (gsize i = 0; i < n * n * n * n; i++)
        {
          VmpJsonScan scan;

          piece[0] = (char) edges[i % n];
          piece[1] = (char) edges[i / n % n];
          piece[2] = (char) edges[i / n / n % n];
          piece[3] = (char) edges[i / n / n / n];
          if (vmp_json_scan (text->str, text->len, &scan) != g_utf8_validate_len (text->str, text->len, NULL))
            g_error ("misjudged at %u: %02x %02x %02x %02x", places[place], (guchar) piece[0], (guchar) piece[1],
                     (guchar) piece[2], (guchar) piece[3]);
        }
    }
}

/* White space of every length between tokens. */
static void
test_space (void)
{
  static const char space[] = " \n\r\t";

  for (guint length = 0; length < PLACES; length++)
    {
      g_autoptr (GString) gap = g_string_new (NULL);
      g_auto (GStrv) pieces = g_strsplit ("~{~\"a\"~:~[~1~,~{~}~]~,~\"model\"~:~\"m\"~}~", "~", -1);
      g_autofree char *text = NULL;
      VmpJsonScan scan;

      for (guint i = 0; i < length; i++)
        g_string_append_c (gap, space[(i + length) % 4]);
      text = g_strjoinv (gap->str, pieces);
      g_assert_true (scan_bytes (text, strlen (text), &scan));
      g_assert_cmpint (scan.members[VMP_MEMBER_MODEL].type, ==, VMP_JSON_STRING);
      assert_as_naive (text, strlen (text));
    }
}

/* Numbers of every length, with another byte at every place. */
static void
test_numbers (void)
{
  static const char others[] = "/:.eE+-, x\x80";

  for (guint length = 1; length < 25; length++)
    {
      for (guint place = 0; place <= length; place++)
        {
          for (const char *other = others; *other != '\0'; other++)
            {
              g_autofree char *digits = g_strnfill (length, '7');
              g_autofree char *text = g_strdup_printf ("{\"a\":%.*s%c%s}", (int) place, digits, *other, digits + place);
              g_autofree char *in_list = g_strdup_printf ("{\"a\":[%.*s%c%s]}", (int) place, digits, *other,
                                                          digits + place);

              assert_as_naive (text, strlen (text));
              assert_as_naive (in_list, strlen (in_list));
            }
        }
    }
}

/* -- Values as strings -------------------------------------------------------------------------------- */

static void
test_dup_string (void)
{
  static const struct {
    const char *value;
    const char *says;
  } cases[] = {
    { "\"\"", "" },
    { "\"qwen3-4b\"", "qwen3-4b" },
    { "\"a \\\"b\\\" \\\\ \\/ /\"", "a \"b\" \\ / /" },
    { "\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t" },
    { "\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac" },
    { "\"\\uD83E\\uDD87\"", "\xf0\x9f\xa6\x87" },
    { "\"\\uD83E\\uDD87\\uDBFF\\uDFFF\\uD800\\uDC00\"", "\xf0\x9f\xa6\x87\xf4\x8f\xbf\xbf\xf0\x90\x80\x80" },
    { "\"\xf0\x9f\xa6\x87 \xc3\xa9\"", "\xf0\x9f\xa6\x87 \xc3\xa9" },
    { "\"\\uD7FF\\uE000\\uFFFF\"", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf" },
    { "\"\\u0001\"", "\x01" },
    { "\"\\\\u0041\"", "\\u0041" },
    { "\"\\u0000\"", NULL },
    { "\"a\\u0000b\"", NULL },
    { "\"\\uD83E\"", NULL },
    { "\"\\uD83Ex\"", NULL },
    { "\"\\uD83E\\n\"", NULL },
    { "\"\\uD83E\\u0041\"", NULL },
    { "\"\\uD83E\\uD83E\\uDD87\"", NULL },
    { "\"\\uDD87\"", NULL },
    { "\"\\uDD87\\uD83E\"", NULL },
    { "1", NULL },
    { "null", NULL },
    { "true", NULL },
    { "[\"a\"]", NULL },
    { "{\"a\":\"b\"}", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"model\":%s}", cases[i].value);
      g_autofree char *says = NULL;
      VmpJsonScan scan;

      g_assert_true (scan_bytes (text, strlen (text), &scan));
      says = vmp_json_scan_dup_string (text, &scan.members[VMP_MEMBER_MODEL]);
      g_assert_cmpstr (says, ==, cases[i].says);
    }
}

static void
test_dup_string_of_absent (void)
{
  static const char text[] = "{\"stream\":false}";
  VmpJsonScan scan;

  g_assert_true (vmp_json_scan (text, strlen (text), &scan));
  g_assert_null (vmp_json_scan_dup_string (text, &scan.members[VMP_MEMBER_MODEL]));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/json-scan/members/found", test_finds_members);
  g_test_add_func ("/json-scan/members/every-one", test_every_member);
  g_test_add_func ("/json-scan/members/near-names", test_near_names);
  g_test_add_func ("/json-scan/members/of-answers", test_answers);
  g_test_add_func ("/json-scan/members/types", test_tells_types);
  g_test_add_func ("/json-scan/members/absent", test_absent_members);
  g_test_add_func ("/json-scan/members/lookalikes", test_lookalikes);
  g_test_add_func ("/json-scan/members/escaped-keys", test_undoes_escapes_in_keys);
  g_test_add_func ("/json-scan/members/longest-escaped-key", test_longest_escaped_key);
  g_test_add_func ("/json-scan/members/twice-is-opaque", test_twice_is_opaque);
  g_test_add_func ("/json-scan/members/twice-in-answers", test_twice_in_answers);
  g_test_add_func ("/json-scan/cut/first-middle-last-only", test_cuts);
  g_test_add_func ("/json-scan/cut/one-after-another", test_cuts_one_after_another);
  g_test_add_func ("/json-scan/opaque/table", test_opaque);
  g_test_add_func ("/json-scan/opaque/nul", test_nul_is_opaque);
  g_test_add_func ("/json-scan/opaque/truncated", test_truncated_is_opaque);
  g_test_add_func ("/json-scan/opaque/damaged", test_damaged_as_naive);
  g_test_add_func ("/json-scan/nesting/limit", test_nesting);
  g_test_add_func ("/json-scan/nesting/empty-containers-count", test_nesting_of_empty);
  g_test_add_func ("/json-scan/nesting/without-end", test_nesting_without_end);
  g_test_add_func ("/json-scan/nesting/brackets-match", test_brackets_match);
  g_test_add_func ("/json-scan/strings/everywhere", test_strings_everywhere);
  g_test_add_func ("/json-scan/strings/control-characters", test_control_characters_everywhere);
  g_test_add_func ("/json-scan/strings/utf8", test_utf8);
  g_test_add_func ("/json-scan/space", test_space);
  g_test_add_func ("/json-scan/numbers", test_numbers);
  g_test_add_func ("/json-scan/dup-string/table", test_dup_string);
  g_test_add_func ("/json-scan/dup-string/absent", test_dup_string_of_absent);

  return g_test_run ();
}

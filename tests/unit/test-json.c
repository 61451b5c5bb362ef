/* SPDX-License-Identifier: MIT
 *
 * Tests of whole JSON documents: what is taken for one, what the getters say, and what is written.
 */

#include "core/vmp-json.h"

#include <locale.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "core/vmp-limits.h"

/* -- Helpers ------------------------------------------------------------------------------- */

/* Reads a copy that ends where its memory ends, so that a read past the end is seen by the tools that look for it. */
static JsonNode *
parse_bytes (const char *data,
             gsize       len,
             GError    **error)
{
  g_autofree char *copy = g_malloc (MAX (len, 1));

  memcpy (copy, data, len);

  return vmp_json_parse (copy, len, error);
}

static JsonObject *
parse_object (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = parse_bytes (text, strlen (text), &error);

  g_assert_no_error (error);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (root));

  return json_node_dup_object (root);
}

static void
assert_refused (const char *data,
                gsize       len,
                const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = parse_bytes (data, len, &error);

  if (root != NULL)
    g_error ("taken for JSON: %.*s", (int) len, data);
  g_assert_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE);
  g_assert_true (g_str_has_prefix (error->message, "is no JSON: "));
  if (message != NULL)
    g_assert_cmpstr (error->message, ==, message);
}

static void
assert_reads_as (const char *text,
                 const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = parse_bytes (text, strlen (text), &error);
  g_autofree char *printed = NULL;

  g_assert_no_error (error);
  printed = vmp_json_print (root);
  g_assert_cmpstr (printed, ==, expected);
}

static char *
repeat (const char *text,
        guint       times)
{
  GString *repeated = g_string_new (NULL);

  while (times-- > 0)
    g_string_append (repeated, text);

  return g_string_free (repeated, FALSE);
}

static JsonBuilder *
begin_object (void)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);

  return builder;
}

static void
assert_built (JsonBuilder *builder,
              const char  *expected)
{
  g_autofree char *printed = NULL;

  json_builder_end_object (builder);
  printed = vmp_json_builder_print (builder);
  g_assert_cmpstr (printed, ==, expected);
}

/* -- What is JSON -------------------------------------------------------------------------- */

static void
test_takes_json (void)
{
  assert_reads_as ("{}", "{}");
  assert_reads_as (" [ ] \r\n\t", "[]");
  assert_reads_as ("\"alone\"", "\"alone\"");
  assert_reads_as ("null", "null");
  assert_reads_as ("true", "true");
  assert_reads_as (" -0 ", "0");
  assert_reads_as ("{ \"a\" : [ 1 , -2 , false , { \"b\" : null } ] , \"c\" : \"d\" }",
                   "{\"a\":[1,-2,false,{\"b\":null}],\"c\":\"d\"}");
  assert_reads_as ("[0.5,1E2,1e-2,1.5e+1]", "[0.5,100.0,0.01,15.0]");
  assert_reads_as ("[1e22,-1E22,0.5e-30,1e999]", "[1e+22,-1e+22,5e-31,null]");
  assert_reads_as ("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é😀\"]",
                   "[\"\\\"\\\\/\\u0008\\u000c\\n\\r\\té😀é😀\"]");
  assert_reads_as ("{\"\":\"\"}", "{\"\":\"\"}");
}

static void
test_refuses_what_is_not (void)
{
  static const char * const texts[] = {
    "", " ", "{", "[", "]", "}", "\"", "\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[1", "[1,", "tru", "nul",
    "-",
    "{\"a\":1,}", "[1,]", "[,1]", "[1,,2]", "[1 2]", "{\"a\" 1}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}",
    "{,}",
    "['a']", "[01]", "[-01]", "[+1]", "[.5]", "[1.]", "[1.e1]", "[1e]", "[1e+]", "[0x10]", "[- 1]", "[NaN]",
    "[Infinity]",
    "[-Infinity]", "[True]", "[undefined]", "[truefalse]", "[nullnull]", "{} {}", "[] x", "1 1", "// c\n1", "/* c */ 1",
    "[1] // c", "# c\n1", "var a = {}", "\xef\xbb\xbf{}", "[\"\t\"]", "[\"\n\"]", "[\"\x01\"]", "[\"\\x41\"]",
    "[\"\\u12\"]",
    "[\"\\u12g4\"]", "[\"\\'\"]", "[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]",
    "\xc2\xa0{}",
    "\v1", "\f1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (texts[i], strlen (texts[i]), NULL);

  assert_refused ("[1]\0", 4, NULL);
  assert_refused ("\0", 1, NULL);
  assert_refused ("[\"a\0b\"]", 7, NULL);
  assert_refused ("{\"a\":true\0}", 11, NULL);
}

static void
test_refuses_half_characters (void)
{
  static const char * const texts[] = {
    "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"",
    "{\"\\u0000\":1}",
    "{\"\\ud83d\":1}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (texts[i], strlen (texts[i]), NULL);
}

/* In a list they spoil only what they are in. */
static void
test_list_has_gaps (void)
{
  static const char text[] = "[{\"a\":\"\\u0000\"},{\"a\":\"x\\ud800\"},{\"a\":\"b\",\"\\ud800\":1}]";
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = vmp_json_parse_list (text, strlen (text), &error);
  g_autofree char *printed = NULL;

  g_assert_no_error (error);
  printed = vmp_json_print (root);
  g_assert_cmpstr (printed, ==, "[{\"a\":null},{\"a\":null},{\"a\":\"b\",\"\":1}]");
  g_assert_null (vmp_json_parse_list ("[\"\xff\"]", 5, NULL));
}

static void
test_says_where (void)
{
  assert_refused ("{\"a\": nope}", 11, "is no JSON: an unknown word at byte 6");
  assert_refused ("{\"a\"", 4, "is no JSON: a colon is missing at byte 4");
  assert_refused ("", 0, "is no JSON: it ends too early at byte 0");
  assert_refused ("<html>", 6, "is no JSON: neither a value nor its end at byte 0");
  assert_refused ("{}{}", 4, "is no JSON: something follows its end at byte 2");
}

/* A beginning of a document is none. */
static void
test_refuses_every_beginning (void)
{
  const char *text = "{\"a\":[1.5e3,\"\\u00e9é\",{\"b\":null,\"c\":true}],\"d\":false}";

  for (gsize len = 0; len < strlen (text); len++)
    assert_refused (text, len, NULL);
}

/* -- Limits -------------------------------------------------------------------------------- */

static void
test_depth (void)
{
  g_autofree char *open = repeat ("[", VMP_LIMIT_DOCUMENT_DEPTH);
  g_autofree char *close = repeat ("]", VMP_LIMIT_DOCUMENT_DEPTH);
  g_autofree char *deepest = g_strconcat (open, close, NULL);
  g_autofree char *too_deep = g_strconcat ("[", deepest, "]", NULL);
  g_autofree char *abyss = repeat ("[", 1000000);
  g_autofree char *objects = repeat ("{\"a\":", 200000);

  assert_reads_as (deepest, deepest);
  assert_refused (too_deep, strlen (too_deep), "is no JSON: nested too deeply at byte 64");
  assert_refused (abyss, strlen (abyss), "is no JSON: nested too deeply at byte 64");
  assert_refused (objects, strlen (objects), "is no JSON: nested too deeply at byte 320");
}

static void
test_depth_counts_what_is_open (void)
{
  g_autofree char *siblings = repeat ("[[]],", 1000);
  g_autofree char *text = g_strdup_printf ("[%s[]]", siblings);

  assert_reads_as (text, text);
}

static void
test_members (void)
{
  GString *text = g_string_new ("{");
  g_autofree char *most = NULL;
  g_autofree char *too_many = NULL;

  for (guint i = 0; i < VMP_LIMIT_DOCUMENT_MEMBERS; i++)
    g_string_append_printf (text, "%s\"m%u\":%u", i > 0 ? "," : "", i, i);
  most = g_strdup_printf ("%s}", text->str);
  too_many = g_strdup_printf ("%s,\"m0\":0}", text->str);
  g_string_free (text, TRUE);

  assert_reads_as (most, most);
  assert_refused (too_many, strlen (too_many), NULL);
}

static void
test_values (void)
{
  g_autofree char *most = repeat ("[],", VMP_LIMIT_DOCUMENT_VALUES - 2);
  g_autofree char *fits = g_strdup_printf ("[%s[]]", most);
  g_autofree char *too_many = g_strdup_printf ("[%s[],[]]", most);
  g_autoptr (JsonNode) root = vmp_json_parse (fits, strlen (fits), NULL);

  g_assert_nonnull (root);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (root)), ==, VMP_LIMIT_DOCUMENT_VALUES - 1);
  assert_refused (too_many, strlen (too_many), NULL);
}

/* The square of a megabyte would take minutes. */
static void
test_colliding_names_are_cheap (void)
{
  GString *text = g_string_new ("[");
  g_autoptr (JsonNode) root = NULL;
  clock_t began;

  /* "Az" and "BY" have one hash; so do all texts made of them. */
  while (text->len < 1000 * 1000)
    {
      g_string_append_c (text, text->len > 1 ? ',' : ' ');
      for (guint i = 0; i < VMP_LIMIT_DOCUMENT_MEMBERS; i++)
        {
          g_string_append (text, i > 0 ? ",\"" : "{\"");
          for (guint bit = 0; bit < 9; bit++)
            g_string_append (text, (i >> bit) & 1 ? "Az" : "BY");
          g_string_append (text, "\":0");
        }
      g_string_append_c (text, '}');
    }
  g_string_append_c (text, ']');

  began = clock ();
  root = vmp_json_parse (text->str, text->len, NULL);
  g_assert_nonnull (root);
  g_assert_cmpint (clock () - began, <, 5 * CLOCKS_PER_SEC);

  g_string_free (text, TRUE);
}

/* -- Members ------------------------------------------------------------------------------- */

static void
test_the_last_of_two_counts (void)
{
  assert_reads_as ("{\"a\":1,\"b\":2,\"a\":\"x\"}", "{\"a\":\"x\",\"b\":2}");
  assert_reads_as ("{\"a\":1,\"\\u0061\":2}", "{\"a\":2}");
}

static void
test_getters (void)
{
  g_autoptr (JsonObject) object =
    parse_object ("{\"s\":\"text\",\"i\":7,\"d\":0.5,\"b\":true,\"n\":null,\"o\":{\"s\":\"in\"},\"a\":[1]}");
  gboolean boolean = FALSE;
  double number = 0;
  gint64 integer = 0;

  g_assert_cmpstr (vmp_json_get_string (object, "s"), ==, "text");
  g_assert_cmpstr (vmp_json_get_string (vmp_json_get_object (object, "o"), "s"), ==, "in");
  g_assert_cmpuint (json_array_get_length (vmp_json_get_array (object, "a")), ==, 1);
  g_assert_true (vmp_json_get_boolean (object, "b", &boolean));
  g_assert_true (boolean);
  g_assert_true (vmp_json_get_int (object, "i", &integer));
  g_assert_cmpint (integer, ==, 7);
  g_assert_true (vmp_json_get_double (object, "d", &number));
  g_assert_cmpfloat (number, ==, 0.5);
  g_assert_true (vmp_json_get_double (object, "i", &number));
  g_assert_cmpfloat (number, ==, 7);
}

static void
test_another_type_is_not_there (void)
{
  static const char * const names[] = { "s", "i", "d", "b", "n", "o", "a", "missing", "" };
  g_autoptr (JsonObject) object =
    parse_object ("{\"s\":\"text\",\"i\":7,\"d\":0.5,\"b\":true,\"n\":null,\"o\":{},\"a\":[]}");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *name = names[i];
      gboolean boolean = 42;
      double number = 42;
      gint64 integer = 42;

      g_assert_cmpint (vmp_json_get_string (object, name) != NULL, ==, strcmp (name, "s") == 0);
      g_assert_cmpint (vmp_json_get_object (object, name) != NULL, ==, strcmp (name, "o") == 0);
      g_assert_cmpint (vmp_json_get_array (object, name) != NULL, ==, strcmp (name, "a") == 0);
      g_assert_cmpint (vmp_json_get_boolean (object, name, &boolean), ==, strcmp (name, "b") == 0);
      g_assert_cmpint (vmp_json_get_int (object, name, &integer), ==, strcmp (name, "i") == 0);
      g_assert_cmpint (vmp_json_get_double (object, name, &number), ==, name[0] == 'i' || name[0] == 'd');
      g_assert_true (name[0] == 'b' || boolean == 42);
      g_assert_true (name[0] == 'i' || integer == 42);
    }

  g_assert_null (vmp_json_get_string (NULL, "s"));
  g_assert_null (vmp_json_get_object (NULL, "o"));
  g_assert_null (vmp_json_get_array (NULL, "a"));
}

static void
test_numbers (void)
{
  static const struct {
    const char *text;
    gboolean is_int;
    gint64 integer;
    gboolean is_double;
  } numbers[] = {
    { "0", TRUE, 0, TRUE },
    { "-0", TRUE, 0, TRUE },
    { "4096.0", TRUE, 4096, TRUE },
    { "4.096e3", TRUE, 4096, TRUE },
    { "-1e0", TRUE, -1, TRUE },
    { "0.5", FALSE, 0, TRUE },
    { "9223372036854775807", TRUE, G_MAXINT64, TRUE },
    { "-9223372036854775808", TRUE, G_MININT64, TRUE },
    { "9223372036854775808", FALSE, 0, TRUE },
    { "-9223372036854775809", FALSE, 0, TRUE },
    { "18446744073709551615", FALSE, 0, TRUE },
    { "18446744073709551616", FALSE, 0, TRUE },
    { "9.3e18", FALSE, 0, TRUE },
    { "1e308", FALSE, 0, TRUE },
    { "1e-999", TRUE, 0, TRUE },
    { "1e309", FALSE, 0, FALSE },
    { "-1e309", FALSE, 0, FALSE },
    { "1e99999999999999999999", FALSE, 0, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"n\":%s}", numbers[i].text);
      g_autoptr (JsonObject) object = parse_object (text);
      gint64 integer = 0;
      double number;

      g_test_message ("%s", numbers[i].text);
      g_assert_cmpint (vmp_json_get_int (object, "n", &integer), ==, numbers[i].is_int);
      g_assert_cmpint (integer, ==, numbers[i].integer);
      g_assert_cmpint (vmp_json_get_double (object, "n", &number), ==, numbers[i].is_double);
    }
}

static void
test_long_numbers (void)
{
  g_autofree char *digits = repeat ("7", 900000);
  g_autofree char *fraction = g_strdup_printf ("[0.%s]", digits);
  g_autofree char *huge = g_strdup_printf ("[%s]", digits);
  g_autoptr (JsonNode) root = vmp_json_parse (fraction, strlen (fraction), NULL);

  g_assert_nonnull (root);
  g_assert_cmpfloat_with_epsilon (json_array_get_double_element (json_node_get_array (root), 0), 7.0 / 9, 1e-12);
  assert_reads_as (huge, "[null]");
}

/* -- Building ------------------------------------------------------------------------------ */

static void
test_builds (void)
{
  static const char * const words[] = { "one", "t\"wo", NULL };
  g_autoptr (JsonBuilder) builder = begin_object ();

  vmp_json_add_string (builder, "string", "line\nend");
  vmp_json_add_string (builder, "no_string", NULL);
  vmp_json_add_int (builder, "int", G_MININT64);
  vmp_json_add_double (builder, "double", 2.5);
  vmp_json_add_boolean (builder, "boolean", TRUE);
  vmp_json_add_null (builder, "null");
  vmp_json_add_strings (builder, "strings", words);
  vmp_json_add_strings (builder, "empty", words + 2);
  vmp_json_add_strings (builder, "no_strings", NULL);

  assert_built (builder,
                "{\"string\":\"line\\nend\",\"no_string\":null,\"int\":-9223372036854775808,\"double\":2.5,"
                "\"boolean\":true,\"null\":null,\"strings\":[\"one\",\"t\\\"wo\"],\"empty\":[],\"no_strings\":null}");
}

static void
test_builds_elements (void)
{
  g_autoptr (JsonBuilder) builder = begin_object ();

  json_builder_set_member_name (builder, "a");
  json_builder_begin_array (builder);
  vmp_json_add_string (builder, NULL, "x");
  vmp_json_add_int (builder, NULL, 1);
  vmp_json_add_null (builder, NULL);
  json_builder_end_array (builder);

  assert_built (builder, "{\"a\":[\"x\",1,null]}");
}

static void
test_builds_utf8_of_anything (void)
{
  static const char * const words[] = { "\xff", NULL };
  g_autoptr (JsonBuilder) builder = begin_object ();

  vmp_json_add_string (builder, "a", "\xc3\x28" "b");
  vmp_json_add_strings (builder, "c", words);

  assert_built (builder, "{\"a\":\"\357\277\275(b\",\"c\":[\"\357\277\275\"]}");
}

static void
test_doubles_that_are_no_numbers (void)
{
  g_autoptr (JsonBuilder) builder = begin_object ();

  vmp_json_add_double (builder, "nan", NAN);
  vmp_json_add_double (builder, "inf", INFINITY);
  vmp_json_add_double (builder, "minus_inf", -INFINITY);

  assert_built (builder, "{\"nan\":null,\"inf\":null,\"minus_inf\":null}");
}

/* With a locale that writes 2,5, if the machine has one. */
static void
test_doubles_in_any_locale (void)
{
  g_autofree char *before = g_strdup (setlocale (LC_NUMERIC, NULL));
  g_autoptr (JsonBuilder) builder = begin_object ();

  if (setlocale (LC_NUMERIC, "de_DE.UTF-8") == NULL && setlocale (LC_NUMERIC, "fr_FR.UTF-8") == NULL)
    {
      g_test_skip ("no locale with a decimal comma");
      return;
    }

  vmp_json_add_double (builder, "d", 2.5);
  assert_built (builder, "{\"d\":2.5}");
  assert_reads_as ("[2.5]", "[2.5]");

  setlocale (LC_NUMERIC, before);
}

static void
test_times (void)
{
  g_autoptr (JsonBuilder) builder = begin_object ();

  vmp_json_add_time (builder, "never", 0);
  vmp_json_add_time (builder, "then", G_GINT64_CONSTANT (1795315021250999));
  vmp_json_add_time (builder, "before", -1);
  vmp_json_add_time (builder, "second", G_USEC_PER_SEC);
  vmp_json_add_time (builder, "absurd", G_MAXINT64);

  assert_built (builder,
                "{\"never\":null,\"then\":\"2026-11-22T02:37:01.250Z\",\"before\":\"1969-12-31T23:59:59.999Z\","
                "\"second\":\"1970-01-01T00:00:01.000Z\",\"absurd\":null}");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/json/parse/takes-json", test_takes_json);
  g_test_add_func ("/json/parse/refuses-what-is-not", test_refuses_what_is_not);
  g_test_add_func ("/json/parse/refuses-half-characters", test_refuses_half_characters);
  g_test_add_func ("/json/parse/list-has-gaps", test_list_has_gaps);
  g_test_add_func ("/json/parse/says-where", test_says_where);
  g_test_add_func ("/json/parse/refuses-every-beginning", test_refuses_every_beginning);
  g_test_add_func ("/json/limits/depth", test_depth);
  g_test_add_func ("/json/limits/depth-counts-what-is-open", test_depth_counts_what_is_open);
  g_test_add_func ("/json/limits/members", test_members);
  g_test_add_func ("/json/limits/values", test_values);
  g_test_add_func ("/json/limits/colliding-names-are-cheap", test_colliding_names_are_cheap);
  g_test_add_func ("/json/members/the-last-of-two-counts", test_the_last_of_two_counts);
  g_test_add_func ("/json/members/getters", test_getters);
  g_test_add_func ("/json/members/another-type-is-not-there", test_another_type_is_not_there);
  g_test_add_func ("/json/members/numbers", test_numbers);
  g_test_add_func ("/json/members/long-numbers", test_long_numbers);
  g_test_add_func ("/json/build/members", test_builds);
  g_test_add_func ("/json/build/elements", test_builds_elements);
  g_test_add_func ("/json/build/utf-8-of-anything", test_builds_utf8_of_anything);
  g_test_add_func ("/json/build/doubles-that-are-no-numbers", test_doubles_that_are_no_numbers);
  g_test_add_func ("/json/build/doubles-in-any-locale", test_doubles_in_any_locale);
  g_test_add_func ("/json/build/times", test_times);

  return g_test_run ();
}

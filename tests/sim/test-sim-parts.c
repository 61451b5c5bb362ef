/* SPDX-License-Identifier: MIT
 *
 * Tests of the parts of lmstudio-sim that are functions on values: reading requests cut anywhere,
 * tokens, values for schemas, JSON text, timers.
 */

#include "sim-head.h"
#include "sim-json.h"
#include "sim-schema.h"
#include "sim-text.h"
#include "sim-timer.h"

#include <string.h>

static void
test_head_cut_anywhere (void)
{
  static const char request[] = "\r\nPOST /a%20b?q=1&q=2 HTTP/1.1\r\nHost: x\r\nX-Two:one\r\nx-two:  two \t\r\n"
                                "content-length: 5\r\nEXPECT: 100-Continue\r\n\r\nhello";
  gsize end = sizeof request - 1 - strlen ("hello");

  for (gsize n = 0; n < end; n++)
    {
      SimHead *head = NULL;
      gsize used = 0;

      g_assert_cmpint (sim_head_read (request, n, &head, &used), ==, SIM_READ_MORE);
    }
  for (gsize n = end; n < sizeof request; n++)
    {
      SimHead *head = NULL;
      gsize used = 0;

      g_assert_cmpint (sim_head_read (request, n, &head, &used), ==, SIM_READ_DONE);
      g_assert_cmpuint (used, ==, end);
      g_assert_cmpstr (head->method, ==, "POST");
      g_assert_cmpstr (head->target, ==, "/a%20b?q=1&q=2");
      g_assert_cmpstr (head->path, ==, "/a%20b");
      g_assert_cmpstr (head->query, ==, "q=1&q=2");
      g_assert_cmpuint (head->fields->len, ==, 5);
      g_assert_cmpstr (g_array_index (head->fields, SimField, 2).value, ==, "two");
      g_assert_cmpstr (sim_head_get (head, "X-TWO"), ==, "one");
      g_assert_cmpint (head->length, ==, 5);
      g_assert_true (head->expects_continue);
      g_assert_true (head->keep_alive);
      sim_head_free (head);
    }
}

static void
test_dechunk_cut_anywhere (void)
{
  static const char coded[] = "4;a=b\r\nWiki\r\n6\r\npedia \r\n00e\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\nGET";
  gsize end = sizeof coded - 1 - strlen ("GET");

  for (gsize cut = 0; cut <= end; cut++)
    {
      g_autoptr (GByteArray) body = g_byte_array_new ();
      SimDechunk dechunk = { 0 };
      gsize first = 0;
      gsize second = 0;
      SimRead read = sim_dechunk (&dechunk, coded, cut, &first, body);

      g_assert_cmpuint (first, ==, cut);
      if (cut < end)
        {
          g_assert_cmpint (read, ==, SIM_READ_MORE);
          read = sim_dechunk (&dechunk, coded + cut, sizeof coded - 1 - cut, &second, body);
        }
      g_assert_cmpint (read, ==, SIM_READ_DONE);
      g_assert_cmpuint (first + second, ==, end);
      g_assert_cmpmem (body->data, body->len, "Wikipedia in \r\n\r\nchunks.", 24);
    }
}

static void
test_tokens (void)
{
  static const char * const texts[] = {
    "", " ", "Hello, world!", "  two  spaces\n\n\nlines", "internationalization 1234567",
    "Grüße aus 日本 🧛‍♂️ — déjà vu…", "{\"a\":[1,2.5,\"x\"]}", "\t\r\n\x01",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      gsize len = strlen (texts[i]);
      guint64 n = 0;

      for (gsize from = 0; from < len;)
        {
          gsize end = sim_text_token_end (texts[i], from, len);

          g_assert_cmpuint (end, >, from);
          g_assert_cmpuint (end, <=, len);
          g_assert_true (g_utf8_validate (texts[i] + from, (gssize) (end - from), NULL));
          from = end;
          n++;
        }
      g_assert_cmpuint (sim_text_count_tokens (texts[i], len), ==, n);
    }
  g_assert_cmpuint (sim_text_count_tokens ("Hello, world!", 13), ==, 4);
}

static void
test_answers (void)
{
  static const struct {
    const char *question;
    const char *has;
  } cases[] = {
    { "What is the capital of France?", "the capital of France" },
    { "Reply with exactly: pong", "pong" },
    { "Say \"hello there\" to me", "hello there" },
    { "Count to 3", "1, 2, 3." },
    { "Give me a list of ideas for lunch", "1. " },
    { "Write some python code", "```python" },
    { "", "did not get a question" },
    { "?!", "did not get a question" },
    { "日本の首都はどこですか", "日本の首都はどこですか" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint64 seed = 0; seed < 50; seed++)
      {
        SimTopic topic = { .question = cases[i].question, .node_name = "", .seed = seed };
        g_autoptr (GString) one = g_string_new (NULL);
        g_autoptr (GString) two = g_string_new (NULL);

        sim_text_write_answer (&topic, one);
        sim_text_write_answer (&topic, two);
        g_assert_cmpstr (one->str, ==, two->str);
        g_assert_true (g_utf8_validate (one->str, (gssize) one->len, NULL));
        g_assert_null (strstr (one->str, "%s"));
        if (strstr (one->str, cases[i].has) == NULL)
          g_error ("\"%s\" is not in the answer to \"%s\": %s", cases[i].has, cases[i].question, one->str);
      }
}

static void
test_tool_matching (void)
{
  g_assert_true (sim_text_calls_for_tool ("What's the weather in Rome?", "get_current_weather", ""));
  g_assert_true (sim_text_calls_for_tool ("Please search the web", "webSearch", ""));
  g_assert_true (sim_text_calls_for_tool ("Turn on the kitchen lights", "x1", "Turns the lights of a room on or off"));
  g_assert_false (sim_text_calls_for_tool ("Why is the sky blue?", "get_weather", "The weather of a city"));
  g_assert_false (sim_text_calls_for_tool ("", "get_weather", "The weather of a city"));
}

static void
test_schemas (void)
{
  static const struct {
    const char *schema;
    const char *question;
    gboolean is_argument;
    const char *value;   /* NULL: any JSON */
  } cases[] = {
    { "{\"type\":\"string\"}", "Weather in New York City, please", TRUE, "\"New York City\"" },
    { "{\"type\":\"string\"}", "look up 'blue whale' now", TRUE, "\"blue whale\"" },
    { "{\"type\":\"string\",\"maxLength\":3}", "Weather in Paris", TRUE, "\"Par\"" },
    { "{\"type\":\"string\",\"format\":\"date\"}", "x", FALSE, "\"2025-06-01\"" },
    { "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10}", "order 4000 of them", TRUE, "10" },
    { "{\"type\":\"number\"}", "it costs 2.5 euros", TRUE, "2.5" },
    { "{\"type\":\"integer\",\"multipleOf\":4}", "take 5", TRUE, "8" },
    { "{\"enum\":[\"red\",\"green\"]}", "Make it GREEN", TRUE, "\"green\"" },
    { "{\"enum\":[\"red\",\"green\"]}", "any", TRUE, "\"red\"" },
    { "{\"const\":42}", "x", FALSE, "42" },
    { "{\"type\":[\"null\",\"boolean\"]}", "x", TRUE, "true" },
    { "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"const\":1},\"minItems\":3}", "x", TRUE, "[1,1,1]" },
    { "{\"type\":\"array\",\"items\":{\"const\":1},\"maxItems\":1}", "x", FALSE, "[1]" },
    { "{\"anyOf\":[{\"const\":1},{\"const\":2}]}", "x", FALSE, "1" },
    { "{\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2}},\"required\":[\"b\"]}", "x", TRUE, "{\"b\":2}" },
    { "{\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2}},\"required\":[\"b\"]}", "x", FALSE,
      "{\"a\":1,\"b\":2}" },
    { "{\"$ref\":\"#/definitions/n\",\"definitions\":{\"n\":{\"type\":\"object\",\"properties\":{\"n\":"
      "{\"$ref\":\"#/definitions/n\"}},\"required\":[\"n\"]}}}", "x", FALSE, NULL },
    { "{\"$ref\":\"#\"}", "x", FALSE, NULL },
    { "{\"$ref\":\"nowhere/at/all\"}", "x", FALSE, NULL },
    { "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"minItems\":1e9},\"minItems\":1e9}", "x", FALSE, NULL },
    { "{\"type\":\"integer\",\"minimum\":9,\"maximum\":1}", "x", FALSE, NULL },
    { "{\"type\":\"nonsense\"}", "x", FALSE, NULL },
    { "{}", "x", FALSE, NULL },
  };
  g_autoptr (GString) none = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (JsonNode) schema = json_from_string (cases[i].schema, NULL);
      g_autoptr (GString) out = g_string_new (NULL);
      g_autoptr (JsonNode) value = NULL;

      g_assert_nonnull (schema);
      sim_schema_write (json_node_get_object (schema), cases[i].question, cases[i].is_argument, i, out);
      if (cases[i].value != NULL)
        g_assert_cmpstr (out->str, ==, cases[i].value);
      value = json_from_string (out->str, NULL);
      if (value == NULL)
        g_error ("no JSON for %s: %s", cases[i].schema, out->str);
    }
  sim_schema_write (NULL, "x", TRUE, 1, none);
  g_assert_cmpstr (none->str, ==, "{}");
}

static void
test_json_text (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  SimJson json = { .out = out };
  g_autoptr (JsonNode) back = NULL;
  JsonObject *object;

  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "s", "\"\\\b\f\n\r\t\x01\x1f/é🧛");
  sim_json_string (&json, "none", NULL);
  sim_json_begin (&json, "a", '[');
  sim_json_int (&json, NULL, G_MININT64);
  sim_json_bool (&json, NULL, TRUE);
  sim_json_begin (&json, NULL, '{');
  sim_json_end (&json, '}');
  sim_json_end (&json, ']');
  sim_json_number (&json, "n", 0.1);
  sim_json_end (&json, '}');

  g_assert_true (g_str_has_suffix (out->str, "\"n\":0.1}"));
  back = json_from_string (out->str, NULL);
  g_assert_nonnull (back);
  object = json_node_get_object (back);
  g_assert_cmpstr (json_object_get_string_member (object, "s"), ==, "\"\\\b\f\n\r\t\x01\x1f/é🧛");
  g_assert_true (json_object_get_null_member (object, "none"));
  g_assert_cmpint (json_array_get_int_element (json_object_get_array_member (object, "a"), 0), ==, G_MININT64);
}

static void
test_json_depth (void)
{
  g_autoptr (GString) shallow = g_string_new (NULL);
  g_autoptr (GString) deep = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  for (guint i = 0; i < 512; i++)
    g_string_append_c (shallow, '[');
  for (guint i = 0; i < 512; i++)
    g_string_append_c (shallow, ']');
  node = sim_json_parse (shallow->str, shallow->len, &error);
  g_assert_no_error (error);
  g_assert_nonnull (node);

  for (guint i = 0; i < 513; i++)
    g_string_append_c (deep, '{');
  g_assert_null (sim_json_parse (deep->str, deep->len, &error));
  g_assert_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE);

  /* Brackets in strings are text. */
  g_clear_error (&error);
  g_clear_pointer (&node, json_node_unref);
  g_string_assign (deep, "\"\\\"");
  for (guint i = 0; i < 1000; i++)
    g_string_append_c (deep, '[');
  g_string_append_c (deep, '"');
  node = sim_json_parse (deep->str, deep->len, &error);
  g_assert_no_error (error);
}

typedef struct {
  SimTimers *timers;
  guint fired;
  gint64 last;
} Clock;

typedef struct {
  Clock *clock;
  SimTimer timer;
} Tick;

static void
tick_fired (gpointer data)
{
  Tick *tick = data;

  /* In the order of their times, whatever the order of their arming. */
  g_assert_cmpint (tick->timer.when, >=, tick->clock->last);
  g_assert_cmpint (tick->timer.when, <=, g_get_monotonic_time ());
  g_assert_false (sim_timer_is_armed (&tick->timer));
  tick->clock->last = tick->timer.when;
  tick->clock->fired++;
}

static void
test_timers (void)
{
  Clock clock = { .timers = sim_timers_new () };
  Tick ticks[200];
  gint64 start = g_get_monotonic_time () + 5000;
  guint64 seed = 7;

  for (guint i = 0; i < G_N_ELEMENTS (ticks); i++)
    {
      ticks[i].clock = &clock;
      sim_timer_init (&ticks[i].timer, tick_fired, &ticks[i]);
      sim_timer_arm_at (clock.timers, &ticks[i].timer, start + (gint64) (sim_random_next (&seed) % 20000));
    }
  /* Every third is moved, every fifth is taken out. */
  for (guint i = 0; i < G_N_ELEMENTS (ticks); i += 3)
    sim_timer_arm_at (clock.timers, &ticks[i].timer, start + (gint64) (sim_random_next (&seed) % 20000));
  for (guint i = 0; i < G_N_ELEMENTS (ticks); i += 5)
    sim_timer_disarm (clock.timers, &ticks[i].timer);

  while (clock.fired < G_N_ELEMENTS (ticks) - G_N_ELEMENTS (ticks) / 5)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (ticks); i++)
    g_assert_false (sim_timer_is_armed (&ticks[i].timer));
  sim_timers_free (clock.timers);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sim/parts/head-cut-anywhere", test_head_cut_anywhere);
  g_test_add_func ("/sim/parts/dechunk-cut-anywhere", test_dechunk_cut_anywhere);
  g_test_add_func ("/sim/parts/tokens", test_tokens);
  g_test_add_func ("/sim/parts/answers", test_answers);
  g_test_add_func ("/sim/parts/tool-matching", test_tool_matching);
  g_test_add_func ("/sim/parts/schemas", test_schemas);
  g_test_add_func ("/sim/parts/json-text", test_json_text);
  g_test_add_func ("/sim/parts/json-depth", test_json_depth);
  g_test_add_func ("/sim/parts/timers", test_timers);

  return g_test_run ();
}

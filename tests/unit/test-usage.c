/* SPDX-License-Identifier: MIT
 *
 * Tests of what is read of an answer's usage as it passes: streams and documents of the four kinds, text and numbers
 * that try to deceive, and each way of cutting a stream between its events.
 */

#include <string.h>

#include "relay/vmp-usage.h"

#define CHUNK(text) "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define LAST "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE(object) "data: {\"id\":\"c1\",\"choices\":[],\"usage\":" object "}\n\n"
#define DONE "data: [DONE]\n\n"

static VmpUsage
read_events (const char *text)
{
  VmpUsage usage = { 0 };

  vmp_usage_read_events (&usage, text, strlen (text));

  return usage;
}

static VmpUsage
read_body (const char *text)
{
  VmpUsage usage = { 0 };

  vmp_usage_read_body (&usage, text, strlen (text));

  return usage;
}

static void
assert_told (VmpUsage usage,
             gint64   prompt,
             gint64   completion)
{
  g_assert_true (usage.has_usage);
  g_assert_cmpint (usage.prompt_tokens, ==, prompt);
  g_assert_cmpint (usage.completion_tokens, ==, completion);
}

/* -- Events -------------------------------------------------------------------------------- */

static void
test_chat_tells (void)
{
  VmpUsage usage = read_events (CHUNK ("Hel") CHUNK ("lo") LAST
                                USAGE ("{\"prompt_tokens\":11,\"completion_tokens\":2,\"total_tokens\":13}") DONE);

  assert_told (usage, 11, 2);
  g_assert_cmpuint (usage.events, ==, 5);
  g_assert_cmpint (vmp_usage_get_completion_tokens (&usage), ==, 2);
}

static void
test_counts_events (void)
{
  static const struct {
    const char *text;
    guint64 events;
  } cases[] = {
    { "", 0 },
    { "\n\n\n", 0 },
    { ": comment\n\n", 0 },
    { "event: ping\n\n", 0 },
    { "database: x\n\n", 0 },
    { "dat: x\n\n", 0 },
    { "data: x\n\n", 1 },
    { "data:x\r\n\r\n", 1 },
    { "data:x\r\r", 1 },
    { "data\n\n", 1 },
    { "\ndata: x\n\n", 1 },
    { "data: x\ndata: y\n\n", 1 },
    { "event: e\ndata: x\nid: 7\n\n", 1 },
    { ": comment\n\ndata: x\n\n: comment\ndata: y\n\n", 2 },
    { "data: x\r\n\r\ndata: y\n\ndata: z\r\r", 3 },
    { "data: x\n\ndata: y", 2 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpuint (read_events (cases[i].text).events, ==, cases[i].events);
}

static void
test_guesses_without_usage (void)
{
  VmpUsage usage = read_events (CHUNK ("a") CHUNK ("b") CHUNK ("c") LAST DONE);

  g_assert_false (usage.has_usage);
  g_assert_cmpint (usage.prompt_tokens, ==, 0);
  g_assert_cmpint (vmp_usage_get_completion_tokens (&usage), ==, 3);
  usage = read_events (DONE);
  g_assert_cmpint (vmp_usage_get_completion_tokens (&usage), ==, 0);
  usage = (VmpUsage) { 0 };
  g_assert_cmpint (vmp_usage_get_completion_tokens (&usage), ==, 0);
}

/* OpenAI's own streams have `"usage":null` in all events but one. */
static void
test_null_is_no_usage (void)
{
  VmpUsage usage = read_events (USAGE ("null") USAGE ("null"));

  g_assert_false (usage.has_usage);
  usage = read_events (USAGE ("{\"prompt_tokens\":3,\"completion_tokens\":4}") USAGE ("null"));
  assert_told (usage, 3, 4);
}

static void
test_last_wins (void)
{
  assert_told (read_events (USAGE ("{\"prompt_tokens\":3,\"completion_tokens\":1}")
                            USAGE ("{\"prompt_tokens\":3,\"completion_tokens\":2}")), 3, 2);
  assert_told (read_body ("{\"x\":{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}},"
                          "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}"), 3, 4);
}

static void
test_anthropic (void)
{
  static const char start[] =
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
    "event: ping\ndata: {\"type\": \"ping\"}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Hi\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"!\"}}\n\n";
  VmpUsage usage = read_events (start);

  /* Broken off here, the one token of the first event is not all there was. */
  assert_told (usage, 25, -1);
  g_assert_cmpint (vmp_usage_get_completion_tokens (&usage), ==, 2);

  {
    static const char end[] = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},"
                              "\"usage\":{\"output_tokens\":15}}\n\nevent: message_stop\n"
                              "data: {\"type\":\"message_stop\"}\n\n";

    vmp_usage_read_events (&usage, end, strlen (end));
  }
  assert_told (usage, 25, 15);
}

static void
test_responses (void)
{
  assert_told (read_events ("event: response.created\ndata: {\"response\":{\"id\":\"r\",\"usage\":null}}\n\n"
                            "event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":36,"
                            "\"input_tokens_details\":{\"cached_tokens\":7,\"input_tokens\":1},\"output_tokens\":87,"
                            "\"output_tokens_details\":{\"output_tokens\":2},\"total_tokens\":123}}}\n\n"), 36, 87);
}

/* What events that come together tell does not depend on where they are cut. */
static void
test_pushes (void)
{
  static const char * const events[] = {
    CHUNK ("a"), ": \"usage\":{\n\n", "\r\n", CHUNK ("b"), "data: {\"u\r\n\r\n", LAST,
    USAGE ("{ \"completion_tokens\" : 2 , \"prompt_tokens\" : 9 }"), DONE,
  };

  for (guint mask = 0; mask < 1u << G_N_ELEMENTS (events); mask++)
    {
      VmpUsage usage = { 0 };
      g_autoptr (GString) push = g_string_new (NULL);

      for (guint i = 0; i < G_N_ELEMENTS (events); i++)
        {
          g_string_append (push, events[i]);
          if (mask & 1u << i)
            {
              vmp_usage_read_events (&usage, push->str, push->len);
              g_string_truncate (push, 0);
            }
        }
      vmp_usage_read_events (&usage, push->str, push->len);

      /* One that does not end hides what comes with it, and no more. */
      g_assert_cmpuint (usage.events, ==, 6);
      if (mask & 1u << 1)
        assert_told (usage, 9, 2);
    }
}

/* The name at every distance from the start and the end of what is read at a time. */
static void
test_everywhere (void)
{
  for (guint before = 0; before < 80; before++)
    for (guint after = 0; after < 40; after++)
      {
        g_autofree char *x = g_strnfill (before, 'x');
        g_autofree char *y = g_strnfill (after, 'y');
        g_autofree char *event = g_strdup_printf ("data: {\"%s\":1,\"usage\":{\"completion_tokens\":12345},"
                                                  "\"%s\":2}\n\n", x, y);
        g_autofree char *exact = g_memdup2 (event, strlen (event));
        VmpUsage usage = { 0 };

        vmp_usage_read_events (&usage, exact, strlen (event));
        assert_told (usage, -1, 12345);
        g_assert_cmpuint (usage.events, ==, 1);
      }
}

/* -- Deceit -------------------------------------------------------------------------------- */

static void
test_text_is_no_usage (void)
{
  static const char * const texts[] = {
    CHUNK ("\\\"usage\\\":{\\\"prompt_tokens\\\":1,\\\"completion_tokens\\\":2}"),
    CHUNK ("\\\\\\\"usage\\\":{\\\"prompt_tokens\\\":1}"),
    CHUNK ("usage\\\":{\\\"prompt_tokens\\\":1}"),
    CHUNK ("usage"),
    "data: {\"usage\"}\n\n",
    "data: [\"usage\",{\"prompt_tokens\":1}]\n\n",
    "data: {\"usage\":[{\"prompt_tokens\":1}]}\n\n",
    "data: {\"usage\":\"{\\\"prompt_tokens\\\":1}\"}\n\n",
    "data: {\"Usage\":{\"prompt_tokens\":1}}\n\n",
    "data: {\"usages\":{\"prompt_tokens\":1}}\n\n",
    "data: {\"usage\":{\"properties\":{\"prompt_tokens\":1}}}\n\n",
    "data: {\"usage\":{\"x\":[{\"prompt_tokens\":1}],\"y\":\"\\\"prompt_tokens\\\":1\"}}\n\n",
    "data: {\"usage\":{}}\n\n",
    "data: {\"usage\":{\"prompt_tokens\":1\n\n",
    "data: {\"usage\":{\"prompt_tokens\n\n",
    "data: {\"usage\":{\"a\\",
    "data: {\"usage\":",
    "data: {\"usage\"",
    "data: {\"usage",
    "data: {\"u",
    "data: {\"",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *exact = g_memdup2 (texts[i], strlen (texts[i]));
      VmpUsage usage = { 0 };

      vmp_usage_read_events (&usage, exact, strlen (texts[i]));
      g_assert_false (usage.has_usage);
      g_assert_cmpuint (usage.events, ==, 1);
      vmp_usage_read_body (&usage, exact, strlen (texts[i]));
      g_assert_false (usage.has_usage);
    }
}

static void
test_numbers (void)
{
  static const struct {
    const char *number;
    gint64 value;
  } cases[] = {
    { "0", 0 }, { "7", 7 }, { " 7 ", 7 }, { "7.9", 7 }, { "9007199254740992", 9007199254740992 },
    { "9007199254740993", 9007199254740992 }, { "18446744073709551616", 9007199254740992 },
    { "99999999999999999999999999999999999999999999", 9007199254740992 },
    { "-1", -1 }, { "1e9", -1 }, { "\"7\"", -1 }, { "null", -1 }, { "{}", -1 }, { "x", -1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *event = g_strdup_printf (USAGE ("{\"prompt_tokens\":1,\"completion_tokens\":%s}"),
                                                cases[i].number);

      assert_told (read_events (event), 1, cases[i].value);
    }
}

/* Names without end would take the square of their number, if each were read to the end. */
static void
test_is_linear (void)
{
  g_autoptr (GString) text = g_string_new ("data: ");
  VmpUsage usage = { 0 };

  for (guint i = 0; i < 400000; i++)
    g_string_append (text, "{\"usage\":{\"x\":");
  vmp_usage_read_events (&usage, text->str, text->len);
  vmp_usage_read_body (&usage, text->str, text->len);
  g_assert_false (usage.has_usage);

  /* The same for usages that could be those of a message's start. */
  g_string_assign (text, "data: [");
  for (guint i = 0; i < 300000; i++)
    g_string_append (text, "{\"usage\":{\"input_tokens\":1}},");
  vmp_usage_read_events (&usage, text->str, text->len);
  g_assert_true (usage.has_usage);
}

/* -- Documents ----------------------------------------------------------------------------- */

static void
test_documents (void)
{
  VmpUsage usage;

  assert_told (read_body ("{\n  \"id\": \"x\",\n  \"usage\": {\n    \"prompt_tokens\": 5,\n"
                          "    \"completion_tokens\": 6\n  }\n}\n"), 5, 6);
  assert_told (read_body ("{\"type\":\"message\",\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}"), 5, 6);

  /* The last part of one that is long. */
  assert_told (read_body ("used text\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}"), 5, 6);

  /* Embeddings say nothing, and nothing is what they cost. */
  usage = read_body ("{\"data\":[],\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}");
  assert_told (usage, 5, -1);
  g_assert_cmpint (vmp_usage_get_completion_tokens (&usage), ==, 0);

  usage = read_body ("");
  g_assert_false (usage.has_usage);
}

/* Where it stands among text of any length before and after it, it is found. */
static void
test_long_documents (void)
{
  gsize before;
  gsize after;

  for (before = 0; before < 600; before += 37)
    {
      for (after = 0; after < 1200; after++)
        {
          g_autoptr (GString) text = g_string_new ("{\"text\":\"");

          while (text->len < before)
            g_string_append (text, "\\\"usage\\\" ");
          g_string_append (text, "\",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6},\"more\":\"");
          g_string_set_size (text, text->len + after);
          memset (text->str + text->len - after, 'x', after);
          g_string_append (text, "\"}");
          assert_told (read_body (text->str), 5, 6);
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/usage/events/chat", test_chat_tells);
  g_test_add_func ("/usage/events/counted", test_counts_events);
  g_test_add_func ("/usage/events/guess-without-usage", test_guesses_without_usage);
  g_test_add_func ("/usage/events/null", test_null_is_no_usage);
  g_test_add_func ("/usage/events/last-wins", test_last_wins);
  g_test_add_func ("/usage/events/anthropic", test_anthropic);
  g_test_add_func ("/usage/events/responses", test_responses);
  g_test_add_func ("/usage/events/any-push", test_pushes);
  g_test_add_func ("/usage/events/any-place", test_everywhere);
  g_test_add_func ("/usage/deceit/text", test_text_is_no_usage);
  g_test_add_func ("/usage/deceit/numbers", test_numbers);
  g_test_add_func ("/usage/deceit/linear", test_is_linear);
  g_test_add_func ("/usage/documents", test_documents);
  g_test_add_func ("/usage/documents/long", test_long_documents);

  return g_test_run ();
}

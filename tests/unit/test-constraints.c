/* SPDX-License-Identifier: MIT
 *
 * Constraints, weights and strategies' names, as clients and owners write them.
 */

#include "core/vmp-constraints.h"

#include "core/vmp-strategy.h"

#include <string.h>

/* Reads more of them into what is there. (transfer full) (nullable) */
static char *
read_more (const char     *json,
           VmpConstraints *constraints)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = vmp_json_parse (json, strlen (json), &error);

  g_assert_no_error (error);

  return vmp_constraints_read (json_node_get_object (root), constraints);
}

static char *
build (const VmpConstraints *constraints)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  vmp_constraints_build (constraints, builder);

  return vmp_json_builder_print (builder);
}

static void
assert_reads (const char *json,
              const char *expected)
{
  VmpConstraints constraints = { 0 };
  VmpConstraints again = { 0 };
  g_autofree char *fault = read_more (json, &constraints);
  g_autofree char *built = build (&constraints);
  g_autofree char *fault_again = NULL;

  g_assert_cmpstr (fault, ==, NULL);
  g_assert_cmpstr (built, ==, expected);

  /* What we write is read as the same. */
  fault_again = read_more (built, &again);
  g_assert_cmpstr (fault_again, ==, NULL);
  g_assert_cmpmem (&again, sizeof again, &constraints, sizeof constraints);
}

static void
assert_refused (const char *json,
                const char *expected)
{
  VmpConstraints constraints = { 0 };
  g_autofree char *fault = read_more (json, &constraints);

  g_assert_cmpstr (fault, ==, expected);
}

static void
test_nothing (void)
{
  assert_reads ("{}", "{}");
  assert_reads ("{\"min_context_window\":null,\"trusted_only\":null,\"required_capabilities\":null,"
                "\"max_latency_ms\":null,\"max_queue_depth\":null,\"vision\":null}", "{}");
  assert_reads ("{\"trusted_only\":false,\"local_only\":false,\"vision\":false,\"min_context_window\":0,"
                "\"max_latency_ms\":0,\"required_capabilities\":[]}", "{}");
}

static void
test_all (void)
{
  assert_reads ("{\"min_context_window\":16000,\"max_latency_ms\":150,\"max_queue_depth\":4,\"trusted_only\":true,"
                "\"local_only\":true,\"required_capabilities\":[\"chat\",\"streaming\"]}",
                "{\"min_context_window\":16000,\"max_latency_ms\":150.0,\"max_queue_depth\":4,\"trusted_only\":true,"
                "\"local_only\":true}");
  assert_reads ("{\"minimum_context_tokens\":8192.0,\"tool_calling\":true,\"vision\":true,\"reasoning\":true}",
                "{\"min_context_window\":8192,\"required_capabilities\":[\"vision\",\"tools\",\"reasoning\"]}");
  assert_reads ("{\"required_capabilities\":[\"tool_calling\",\"vision\",\"tools\"]}",
                "{\"required_capabilities\":[\"vision\",\"tools\"]}");

  /* No queue at all is something else than no word about it. */
  assert_reads ("{\"max_queue_depth\":0}", "{\"max_queue_depth\":0}");

  /* Both names of the same. */
  assert_reads ("{\"min_context_window\":10,\"minimum_context_tokens\":20}", "{\"min_context_window\":20}");
}

static void
test_unknown_members (void)
{
  assert_reads ("{\"preferred_colour\":{\"a\":[1]},\"trusted\":1}", "{}");
}

static void
test_faults (void)
{
#define A_CONTEXT "min_context_window must be a whole number from 0 to 1073741824."
#define A_LIST "required_capabilities must be a list of texts, such as [\"vision\", \"tools\"]."
  assert_refused ("{\"min_context_window\":\"16k\"}", A_CONTEXT);
  assert_refused ("{\"min_context_window\":-1}", A_CONTEXT);
  assert_refused ("{\"min_context_window\":1.5}", A_CONTEXT);
  assert_refused ("{\"min_context_window\":1073741825}", A_CONTEXT);
  assert_refused ("{\"min_context_window\":1e300}", A_CONTEXT);
  assert_refused ("{\"min_context_window\":true}", A_CONTEXT);
  assert_refused ("{\"minimum_context_tokens\":[]}",
                  "minimum_context_tokens must be a whole number from 0 to 1073741824.");
  assert_refused ("{\"max_queue_depth\":4294967296}", "max_queue_depth must be a whole number from 0 to 65536.");
  assert_refused ("{\"max_latency_ms\":-0.1}", "max_latency_ms must be a number of milliseconds from 0 on.");
  assert_refused ("{\"max_latency_ms\":1e999}", "max_latency_ms must be a number of milliseconds from 0 on.");
  assert_refused ("{\"max_latency_ms\":\"1\"}", "max_latency_ms must be a number of milliseconds from 0 on.");
  assert_refused ("{\"trusted_only\":1}", "trusted_only must be true or false.");
  assert_refused ("{\"local_only\":\"true\"}", "local_only must be true or false.");
  assert_refused ("{\"vision\":{}}", "vision must be true or false.");
  assert_refused ("{\"required_capabilities\":\"vision\"}", A_LIST);
  assert_refused ("{\"required_capabilities\":[\"vision\",1]}", A_LIST);
  assert_refused ("{\"required_capabilities\":[null]}", A_LIST);
  assert_refused ("{\"required_capabilities\":[[]]}", A_LIST);
  assert_refused ("{\"required_capabilities\":[\"vis\\u001bion\"]}",
                  "required_capabilities names \"vis\357\277\275ion\", which is none; "
                  "there are chat, streaming, vision, tools and reasoning.");
}

static void
test_long_words_are_cut (void)
{
  g_autofree char *word = g_strnfill (8000, 'x');
  g_autofree char *json = g_strdup_printf ("{\"required_capabilities\":[\"%s\"]}", word);
  VmpConstraints constraints = { 0 };
  g_autofree char *fault = read_more (json, &constraints);

  g_assert_nonnull (fault);
  g_assert_cmpuint (strlen (fault), <, 250);
}

/* Of two, the stricter one rules, whichever comes first. */
static void
test_both_hold (void)
{
  static const char a[] = "{\"min_context_window\":100,\"max_latency_ms\":50,\"max_queue_depth\":7,"
                          "\"trusted_only\":true,\"vision\":true}";
  static const char b[] = "{\"min_context_window\":200,\"max_latency_ms\":40,\"max_queue_depth\":9,"
                          "\"local_only\":true,\"tool_calling\":true}";
  static const char both[] = "{\"min_context_window\":200,\"max_latency_ms\":40.0,\"max_queue_depth\":7,"
                             "\"trusted_only\":true,\"local_only\":true,"
                             "\"required_capabilities\":[\"vision\",\"tools\"]}";
  VmpConstraints first = { 0 }, second = { 0 }, read = { 0 }, none = { 0 };
  char *built;

  g_assert_null (read_more (a, &first));
  g_assert_null (read_more (b, &second));
  g_assert_null (read_more (b, &read));
  g_assert_null (read_more (a, &read));
  built = build (&read);
  g_assert_cmpstr (built, ==, both);
  g_free (built);

  vmp_constraints_add (&second, &none);
  vmp_constraints_add (&none, &second);
  vmp_constraints_add (&none, &first);
  built = build (&none);
  g_assert_cmpstr (built, ==, both);
  g_free (built);
}

static void
test_needs (void)
{
  VmpNeeds needs;

  g_assert_true (vmp_needs_from_string ("tools", &needs));
  g_assert_cmpint (needs, ==, VMP_NEED_TOOLS);
  g_assert_true (vmp_needs_from_string ("tool_calling", &needs));
  g_assert_cmpint (needs, ==, VMP_NEED_TOOLS);
  g_assert_true (vmp_needs_from_string ("chat", &needs));
  g_assert_cmpint (needs, ==, VMP_NEED_NOTHING);
  g_assert_false (vmp_needs_from_string ("flight", &needs));
  g_assert_false (vmp_needs_from_string ("", &needs));
}

/* -- Weights ------------------------------------------------------------------------------- */

static char *
read_weights (const char *json,
              double      weights[VMP_N_WEIGHTS],
              gboolean   *has_weights)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = vmp_json_parse (json, strlen (json), &error);

  g_assert_no_error (error);

  return vmp_weights_read (json_node_get_object (root), weights, has_weights);
}

static void
test_weights_sum_up (void)
{
  double weights[VMP_N_WEIGHTS] = { 9, 9, 9, 9 };
  gboolean has_weights;

  g_assert_null (read_weights ("{\"taste\":3,\"latency\":null}", weights, &has_weights));
  g_assert_false (has_weights);
  g_assert_cmpfloat (weights[VMP_WEIGHT_LATENCY], ==, 9);

  g_assert_null (read_weights ("{\"latency\":3,\"quality_score\":1.0,\"queue_depth\":0}", weights, &has_weights));
  g_assert_true (has_weights);
  g_assert_cmpfloat (weights[VMP_WEIGHT_LATENCY], ==, 0.75);
  g_assert_cmpfloat (weights[VMP_WEIGHT_TOKENS_PER_SECOND], ==, 0);
  g_assert_cmpfloat (weights[VMP_WEIGHT_QUEUE_DEPTH], ==, 0);
  g_assert_cmpfloat (weights[VMP_WEIGHT_QUALITY_SCORE], ==, 0.25);
}

static void
test_weights_faults (void)
{
  static const struct {
    const char *json;
    const char *fault;
  } cases[] = {
    { "{\"latency\":-1}", "latency must be a number from 0 to 1000000." },
    { "{\"latency\":1e300}", "latency must be a number from 0 to 1000000." },
    { "{\"queue_depth\":\"1\"}", "queue_depth must be a number from 0 to 1000000." },
    { "{\"queue_depth\":0}", "latency, tokens_per_second, queue_depth and quality_score must not all be 0." },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      double weights[VMP_N_WEIGHTS];
      gboolean has_weights = TRUE;
      g_autofree char *fault = read_weights (cases[i].json, weights, &has_weights);

      g_assert_cmpstr (fault, ==, cases[i].fault);
      g_assert_false (has_weights);
    }
}

/* -- Strategies' names --------------------------------------------------------------------- */

static void
test_strategy_names (void)
{
  const char * const *names = vmp_strategy_names ();
  guint i;

  g_assert_cmpuint (g_strv_length ((char **) names), ==, VMP_N_STRATEGIES);
  for (i = 0; i < VMP_N_STRATEGIES; i++)
    {
      VmpStrategy strategy = VMP_N_STRATEGIES;

      g_assert_true (vmp_strategy_from_string (names[i], &strategy));
      g_assert_cmpint (strategy, ==, i);
      g_assert_cmpstr (vmp_strategy_to_string (i), ==, names[i]);
      g_assert_true (g_str_has_suffix (vmp_strategy_get_about (i), "."));
    }
}

static void
test_strategy_former_names (void)
{
  VmpStrategy strategy;

  g_assert_true (vmp_strategy_from_string ("least_loaded", &strategy));
  g_assert_cmpint (strategy, ==, VMP_STRATEGY_LEAST_BUSY);
  g_assert_true (vmp_strategy_from_string ("lowest_latency", &strategy));
  g_assert_cmpint (strategy, ==, VMP_STRATEGY_LEAST_LATENCY);
  g_assert_true (vmp_strategy_from_string ("best_quality", &strategy));
  g_assert_cmpint (strategy, ==, VMP_STRATEGY_QUALITY_SCORE);

  g_assert_false (vmp_strategy_from_string ("", &strategy));
  g_assert_false (vmp_strategy_from_string ("Residency", &strategy));
  g_assert_false (g_strv_contains (vmp_strategy_names (), "least_loaded"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/constraints/nothing", test_nothing);
  g_test_add_func ("/constraints/all", test_all);
  g_test_add_func ("/constraints/unknown-members", test_unknown_members);
  g_test_add_func ("/constraints/faults", test_faults);
  g_test_add_func ("/constraints/long-words-are-cut", test_long_words_are_cut);
  g_test_add_func ("/constraints/both-hold", test_both_hold);
  g_test_add_func ("/constraints/needs", test_needs);
  g_test_add_func ("/constraints/weights/sum-up", test_weights_sum_up);
  g_test_add_func ("/constraints/weights/faults", test_weights_faults);
  g_test_add_func ("/strategy/names", test_strategy_names);
  g_test_add_func ("/strategy/former-names", test_strategy_former_names);

  return g_test_run ();
}

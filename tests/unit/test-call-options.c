/* SPDX-License-Identifier: MIT
 *
 * What clients ask of the gateway, by fields and by the body: what each means, which one wins, what is refused in which
 * words, and how a session and a deadline are told.
 */

#include "gateway/vmp-call-options.h"

#include "core/vmp-constraints.h"
#include "core/vmp-limits.h"

#include <string.h>

/* A few fields, "Name: value" each, ended by NULL. */
typedef struct {
  VmpHttpField fields[16];
  guint n_fields;
} Fields;

static Fields
split_fields (const char * const *lines)
{
  Fields self = { .n_fields = 0 };

  for (; lines != NULL && *lines != NULL; lines++)
    {
      const char *colon = strchr (*lines, ':');

      g_assert_cmpuint (self.n_fields, <, G_N_ELEMENTS (self.fields));
      self.fields[self.n_fields++] = (VmpHttpField) {
        .name = { *lines, colon - *lines },
        .value = vmp_slice_trim (vmp_slice (colon + 1)),
      };
    }

  return self;
}

#define FIELDS(...) ((const char * const[]) { __VA_ARGS__, NULL })
#define NO_FIELDS ((const char * const[]) { NULL })

/* Options that are read without a fault. */
static void
read_options (const char * const *lines,
              const char         *vampire,
              gboolean            is_virtual,
              VmpCallOptions     *options)
{
  Fields fields = split_fields (lines);
  VmpProblem problem = VMP_N_PROBLEMS;
  g_autofree char *fault = NULL;

  vmp_call_options_clear (options);
  fault = vmp_call_options_read (fields.fields, fields.n_fields, vampire, vampire != NULL ? strlen (vampire) : 0,
                                 is_virtual, options, &problem);
  g_assert_cmpstr (fault, ==, NULL);
}

static void
assert_refused (const char * const *lines,
                const char         *vampire,
                gboolean            is_virtual,
                VmpProblem          expected_problem,
                const char         *expected)
{
  Fields fields = split_fields (lines);
  VmpProblem problem = VMP_N_PROBLEMS;
  g_auto (VmpCallOptions) options = { 0 };
  g_autofree char *fault = vmp_call_options_read (fields.fields, fields.n_fields, vampire,
                                                  vampire != NULL ? strlen (vampire) : 0,
                                                  is_virtual, &options, &problem);

  g_assert_cmpstr (fault, ==, expected);
  g_assert_cmpint (problem, ==, expected_problem);
}

static void
assert_opted_in (const char * const *lines,
                 const char         *vampire,
                 gboolean            expected)
{
  g_auto (VmpCallOptions) options = { 0 };

  read_options (lines, vampire, FALSE, &options);
  g_assert_cmpint (options.opted_in, ==, expected);
}

/* -- Opting in ----------------------------------------------------------------------------- */

static void
test_nothing (void)
{
  static const VmpCallOptions nothing = { 0 };
  static const char * const bodies[] = { NULL, "{}", "null", "[]", "[{\"mode\":\"route\"}]", "\"route\"", "1", "true" };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_auto (VmpCallOptions) options = { 0 };

      read_options (FIELDS ("Host: localhost", "X-Varnish-Mode: route", "X-Vampire: x", "Authorization: Bearer t"),
                    bodies[i], FALSE, &options);
      g_assert_cmpmem (&options, sizeof options, &nothing, sizeof nothing);
    }
}

static void
test_opt_in (void)
{
  assert_opted_in (FIELDS ("X-Vampire-Mode: route"), NULL, TRUE);
  assert_opted_in (FIELDS ("x-vampire-mode: fallback"), NULL, TRUE);
  assert_opted_in (FIELDS ("X-VAMPIRE-ROUTE: r"), NULL, TRUE);
  assert_opted_in (FIELDS ("X-Vampire-Route:"), NULL, TRUE);
  assert_opted_in (NO_FIELDS, "{\"mode\":\"route\"}", TRUE);
  assert_opted_in (NO_FIELDS, "{\"mode\":\"fallback\"}", TRUE);

  assert_opted_in (FIELDS ("X-Vampire-Strategy: least_busy"), NULL, FALSE);
  assert_opted_in (FIELDS ("X-Vampire-Mode: turbo"), NULL, FALSE);
  assert_opted_in (FIELDS ("X-Vampire-Mode:"), NULL, FALSE);
  assert_opted_in (NO_FIELDS, "{\"mode\":\"turbo\"}", FALSE);
  assert_opted_in (NO_FIELDS, "{\"mode\":null,\"route\":\"r\",\"routing\":{\"strategy\":\"least_busy\"}}", FALSE);
}

/* The field's word counts also when it means nothing. */
static void
test_mode_field_wins (void)
{
  assert_opted_in (FIELDS ("X-Vampire-Mode: turbo"), "{\"mode\":\"route\"}", FALSE);
  assert_opted_in (FIELDS ("X-Vampire-Mode: route"), "{\"mode\":\"turbo\"}", TRUE);
  assert_opted_in (FIELDS ("X-Vampire-Mode: route"), "{\"mode\":\"fusion\"}", TRUE);
  assert_opted_in (FIELDS ("X-Vampire-Mode:"), "{\"mode\":\"route\"}", TRUE);

  /* The first of two. */
  assert_opted_in (FIELDS ("X-Vampire-Mode: turbo", "X-Vampire-Mode: route"), NULL, FALSE);
}

static void
test_modes_to_come (void)
{
  assert_refused (NO_FIELDS, "{\"mode\":\"fusion\"}", FALSE, VMP_PROBLEM_INVALID_FIELD,
                  "vampire.mode is \"fusion\", which this version of Vampire does not have; "
                  "there are route and fallback.");
  assert_refused (FIELDS ("X-Vampire-Mode: race"), "{\"mode\":\"route\"}", FALSE, VMP_PROBLEM_INVALID_FIELD,
                  "X-Vampire-Mode is \"race\", which this version of Vampire does not have; "
                  "there are route and fallback.");
}

static void
test_route (void)
{
  g_auto (VmpCallOptions) options = { 0 };

  read_options (FIELDS ("X-Vampire-Route: one"), "{\"route\":\"two\"}", FALSE, &options);
  g_assert_cmpstr (options.route, ==, "one");
  read_options (FIELDS ("X-Vampire-Route:"), "{\"route\":\"two\"}", FALSE, &options);
  g_assert_cmpstr (options.route, ==, "two");
  read_options (NO_FIELDS, "{\"route\":\"two\",\"mode\":\"route\"}", FALSE, &options);
  g_assert_cmpstr (options.route, ==, "two");
  read_options (NO_FIELDS, "{\"route\":\"two\"}", TRUE, &options);
  g_assert_cmpstr (options.route, ==, "two");

  /* The body's alone does not make a route of a plain request. */
  read_options (NO_FIELDS, "{\"route\":\"two\"}", FALSE, &options);
  g_assert_cmpstr (options.route, ==, NULL);
}

/* -- Strategies ---------------------------------------------------------------------------- */

static void
test_strategy (void)
{
  g_auto (VmpCallOptions) options = { 0 };

  read_options (FIELDS ("X-Vampire-Strategy: least_busy"),
                "{\"strategy\":\"residency\",\"routing\":{\"strategy\":\"round_robin\"}}", TRUE, &options);
  g_assert_cmpstr (options.strategy, ==, "least_busy");
  read_options (NO_FIELDS, "{\"strategy\":\"residency\",\"routing\":{\"strategy\":\"round_robin\"}}", TRUE, &options);
  g_assert_cmpstr (options.strategy, ==, "round_robin");
  read_options (NO_FIELDS, "{\"strategy\":\"residency\",\"routing\":{\"strategy\":null}}", TRUE, &options);
  g_assert_cmpstr (options.strategy, ==, "residency");
  read_options (NO_FIELDS, "{\"routing\":{\"strategy\":\"best_quality\"}}", TRUE, &options);
  g_assert_cmpstr (options.strategy, ==, "quality_score");
}

static void
test_unknown_strategy (void)
{
#define NAMES "round_robin, weighted_round_robin, least_busy, least_latency, highest_tokens_per_second, " \
              "best_available, model_affinity, context_window, trusted_only, power_saver, fallback_chain, " \
              "quality_score, cost_score, privacy_policy, residency, prefix_affinity."
  g_auto (VmpCallOptions) options = { 0 };

  assert_refused (FIELDS ("X-Vampire-Strategy: best_of_n"), NULL, TRUE, VMP_PROBLEM_UNSUPPORTED_STRATEGY,
                  "There is no strategy \"best_of_n\"; there are " NAMES);
  assert_refused (FIELDS ("X-Vampire-Mode: route"), "{\"routing\":{\"strategy\":\"x\\u0007\"}}", FALSE,
                  VMP_PROBLEM_UNSUPPORTED_STRATEGY, "There is no strategy \"x\357\277\275\"; there are " NAMES);
  assert_refused (FIELDS ("X-Vampire-Route: r"), "{\"strategy\":\"x\"}", FALSE,
                  VMP_PROBLEM_UNSUPPORTED_STRATEGY, "There is no strategy \"x\"; there are " NAMES);

  /* Nobody asked for routing. */
  read_options (FIELDS ("X-Vampire-Strategy: best_of_n"), NULL, FALSE, &options);
  g_assert_cmpstr (options.strategy, ==, NULL);
}

/* -- The other members --------------------------------------------------------------------- */

static void
test_everything (void)
{
  static const char json[] =
    "{\"mode\":\"route\",\"strategy\":\"best_available\",\"trace\":true,\"session\":\"project-alpha\","
    "\"route\":\"route-id\",\"routing\":{\"strategy\":\"least_busy\",\"trusted_only\":true,\"fallback\":true,"
    "\"weights\":{\"latency\":0.25,\"tokens_per_second\":0.25,\"queue_depth\":0.25,\"quality_score\":0.25}},"
    "\"constraints\":{\"min_context_window\":16000,\"max_latency_ms\":150,\"max_queue_depth\":4,"
    "\"local_only\":true,\"required_capabilities\":[\"chat\",\"streaming\"]},"
    "\"requirements\":{\"minimum_context_tokens\":20000,\"tool_calling\":true},"
    "\"privacy\":{\"classification\":\"internal\",\"external_services\":true},"
    "\"verification\":{\"schema_validation\":true},\"limits\":{\"maximum_models\":3},"
    "\"fallback\":{\"allowed\":true,\"minimum_quality\":\"standard\",\"continue\":true},"
    "\"quality\":\"fast\",\"max_latency_seconds\":30,\"objective\":{\"accuracy\":0.9},"
    "\"response\":{\"include_metadata\":true}}";
  g_auto (VmpCallOptions) options = { 0 };
  guint i;

  read_options (NO_FIELDS, json, FALSE, &options);
  g_assert_true (options.opted_in);
  g_assert_cmpstr (options.strategy, ==, "least_busy");
  g_assert_cmpstr (options.route, ==, "route-id");
  g_assert_cmpstr (options.session, ==, "project-alpha");
  g_assert_cmpint (options.trace, ==, VMP_TRACE_ON);
  g_assert_true (options.has_weights);
  for (i = 0; i < VMP_N_WEIGHTS; i++)
    g_assert_cmpfloat (options.weights[i], ==, 0.25);
  g_assert_cmpint (options.constraints.min_context, ==, 20000);
  g_assert_cmpfloat (options.constraints.max_latency_ms, ==, 150);
  g_assert_true (options.constraints.has_max_queue_depth);
  g_assert_cmpuint (options.constraints.max_queue_depth, ==, 4);
  g_assert_cmpint (options.constraints.needs, ==, VMP_NEED_TOOLS);
  g_assert_true (options.constraints.trusted_only);
  g_assert_true (options.constraints.local_only);
  g_assert_false (options.only_one_attempt);
  g_assert_true (options.has_continue);
  g_assert_true (options.continues);
  g_assert_true (options.include_metadata);
}

static void
test_trace (void)
{
  static const struct {
    const char *field;
    const char *body;
    VmpTraceMode trace;
  } cases[] = {
    { "X-Vampire-Trace: true", NULL, VMP_TRACE_ON },
    { "X-Vampire-Trace: stream", NULL, VMP_TRACE_STREAM },
    { "X-Vampire-Trace: True", NULL, VMP_TRACE_ON },
    { "X-Vampire-Trace: false", "{\"trace\":true}", VMP_TRACE_OFF },
    { "X-Vampire-Trace: stream", "{\"trace\":true}", VMP_TRACE_STREAM },
    { "X-Vampire-Trace: loud", "{\"trace\":true}", VMP_TRACE_ON },
    { "X-Vampire-Trace: loud", NULL, VMP_TRACE_OFF },
    { "Host: x", "{\"trace\":\"stream\"}", VMP_TRACE_STREAM },
    { "Host: x", "{\"trace\":false}", VMP_TRACE_OFF },
    { "Host: x", "{\"trace\":null}", VMP_TRACE_OFF },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (VmpCallOptions) options = { 0 };

      read_options (FIELDS (cases[i].field), cases[i].body, FALSE, &options);
      g_assert_cmpint (options.trace, ==, cases[i].trace);
      g_assert_false (options.opted_in);
    }
}

static void
test_privacy (void)
{
  static const struct {
    const char *json;
    gboolean local_only;
    gboolean trusted_only;
  } cases[] = {
    { "{\"privacy\":{}}", FALSE, FALSE },
    { "{\"privacy\":{\"external_services\":false}}", TRUE, FALSE },
    { "{\"privacy\":{\"classification\":\"public\"}}", FALSE, FALSE },
    { "{\"privacy\":{\"classification\":\"internal\"}}", FALSE, FALSE },
    { "{\"privacy\":{\"classification\":\"confidential\"}}", TRUE, FALSE },
    { "{\"privacy\":{\"classification\":\"restricted\"}}", TRUE, TRUE },

    /* The stricter word counts. */
    { "{\"privacy\":{\"classification\":\"restricted\",\"external_services\":true}}", TRUE, TRUE },
    { "{\"privacy\":{\"external_services\":true},\"constraints\":{\"local_only\":true}}", TRUE, FALSE },
    { "{\"privacy\":{\"classification\":\"restricted\"},\"constraints\":{\"local_only\":false}}", TRUE, TRUE },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (VmpCallOptions) options = { 0 };

      read_options (NO_FIELDS, cases[i].json, FALSE, &options);
      g_assert_cmpint (options.constraints.local_only, ==, cases[i].local_only);
      g_assert_cmpint (options.constraints.trusted_only, ==, cases[i].trusted_only);
    }
}

static void
test_attempts (void)
{
  g_auto (VmpCallOptions) options = { 0 };

  read_options (NO_FIELDS, "{\"fallback\":{\"allowed\":false}}", FALSE, &options);
  g_assert_true (options.only_one_attempt);
  g_assert_false (options.has_continue);
  read_options (NO_FIELDS, "{\"routing\":{\"fallback\":false},\"fallback\":{\"allowed\":true}}", FALSE, &options);
  g_assert_true (options.only_one_attempt);

  /* Against the owner's setting. */
  read_options (NO_FIELDS, "{\"fallback\":{\"continue\":false}}", FALSE, &options);
  g_assert_true (options.has_continue);
  g_assert_false (options.continues);
}

static void
test_latency (void)
{
  g_auto (VmpCallOptions) options = { 0 };

  read_options (NO_FIELDS, "{\"max_latency_seconds\":1.5}", FALSE, &options);
  g_assert_cmpfloat (options.constraints.max_latency_ms, ==, 1500);
  read_options (NO_FIELDS, "{\"max_latency_seconds\":1,\"constraints\":{\"max_latency_ms\":10}}", FALSE, &options);
  g_assert_cmpfloat (options.constraints.max_latency_ms, ==, 10);
}

/* -- What is refused ----------------------------------------------------------------------- */

static void
test_faults (void)
{
  static const struct {
    const char *json;
    const char *fault;
  } cases[] = {
    { "{\"mode\":1}", "vampire.mode must be a text." },
    { "{\"route\":[]}", "vampire.route must be a text." },
    { "{\"session\":7}", "vampire.session must be a text." },
    { "{\"strategy\":{}}", "vampire.strategy must be a text." },
    { "{\"trace\":\"loud\"}", "vampire.trace must be true, false or \"stream\"." },
    { "{\"trace\":1}", "vampire.trace must be true, false or \"stream\"." },
    { "{\"routing\":\"least_busy\"}", "vampire.routing must be an object." },
    { "{\"routing\":{\"strategy\":1}}", "vampire.routing.strategy must be a text." },
    { "{\"routing\":{\"trusted_only\":1}}", "vampire.routing.trusted_only must be true or false." },
    { "{\"routing\":{\"fallback\":\"no\"}}", "vampire.routing.fallback must be true or false." },
    { "{\"routing\":{\"weights\":[1]}}", "vampire.routing.weights must be an object." },
    { "{\"routing\":{\"weights\":{\"latency\":-1}}}",
      "vampire.routing.weights.latency must be a number from 0 to 1000000." },
    { "{\"constraints\":[]}", "vampire.constraints must be an object." },
    { "{\"constraints\":{\"min_context_window\":-1}}",
      "vampire.constraints.min_context_window must be a whole number from 0 to 1073741824." },
    { "{\"requirements\":{\"tool_calling\":\"yes\"}}", "vampire.requirements.tool_calling must be true or false." },
    { "{\"privacy\":1}", "vampire.privacy must be an object." },
    { "{\"privacy\":{\"classification\":\"secret\"}}",
      "vampire.privacy.classification must be public, internal, confidential or restricted." },
    { "{\"privacy\":{\"external_services\":0}}", "vampire.privacy.external_services must be true or false." },
    { "{\"fallback\":true}", "vampire.fallback must be an object." },
    { "{\"fallback\":{\"continue\":1}}", "vampire.fallback.continue must be true or false." },
    { "{\"max_latency_seconds\":-1}", "vampire.max_latency_seconds must be a number of seconds from 0 on." },
    { "{\"response\":{\"include_metadata\":\"x\"}}", "vampire.response.include_metadata must be true or false." },

    /* The first one of two, and before a strategy that there is not. */
    { "{\"mode\":\"route\",\"strategy\":\"x\",\"session\":1,\"fallback\":1}", "vampire.session must be a text." },
    { "{\"session\":\"a\\u0000\"}", "vampire is no JSON: a string with a NUL or half a character at byte 11." },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_refused (NO_FIELDS, cases[i].json, TRUE, VMP_PROBLEM_INVALID_FIELD, cases[i].fault);
}

static void
test_hostile_bodies (void)
{
  g_autoptr (GString) json = g_string_new ("{\"x\":");
  g_autofree char *much = g_strnfill (VMP_LIMIT_OPTIONS_BYTES, ' ');
  g_autofree char *large = g_strconcat ("{", much, "}", NULL);
  int i;

  for (i = 0; i < 10000; i++)
    g_string_append_c (json, '[');
  assert_refused (NO_FIELDS, json->str, FALSE, VMP_PROBLEM_INVALID_FIELD,
                  "vampire is no JSON: nested too deeply at byte 68.");

  g_string_assign (json, "{\"x\":[");
  for (i = 0; i < 10000; i++)
    g_string_append (json, "1,");
  g_string_append (json, "1]}");
  assert_refused (NO_FIELDS, json->str, FALSE, VMP_PROBLEM_INVALID_FIELD,
                  "vampire is no JSON: too many values at byte 1026.");

  assert_refused (NO_FIELDS, large, FALSE, VMP_PROBLEM_INVALID_FIELD, "vampire must have at most 65536 bytes.");
}

/* -- Sessions ------------------------------------------------------------------------------ */

static char *
read_session (const char           *client,
              const char * const   *lines,
              const char           *body,
              const VmpCallOptions *options)
{
  Fields fields = split_fields (lines);
  VmpJsonScan scan;
  VmpCall call = {
    .client = client,
    .fields = fields.fields,
    .n_fields = fields.n_fields,
    .options = options,
    .body = body,
    .body_len = body != NULL ? strlen (body) : 0,
  };

  if (body != NULL)
    {
      g_assert_true (vmp_json_scan (body, call.body_len, &scan));
      call.scan = &scan;
    }

  return vmp_call_read_session (&call);
}

static void
assert_session (const char           *client,
                const char * const   *lines,
                const char           *body,
                const VmpCallOptions *options,
                const char           *expected)
{
  g_autofree char *session = read_session (client, lines, body, options);

  g_assert_cmpstr (session, ==, expected);
}

/* Each source wins over those after it. */
static void
test_session_sources (void)
{
  static const char * const lines[] = {
    "x-vampire-session: a", "X-OpenWebUI-Chat-Id: b", "x-claude-code-session-id: c", "X-Session-ID: d",
    "X-Litellm-Session-Id: e", "X-Olla-Session-ID: f", "session-id: g", NULL
  };
  static const char * const expected[] = { "k a", "k b", "k c", "k d", "k e", "k f", "k g", "k h", "k i" };
  static const char body[] = "{\"user\":\"i\",\"prompt_cache_key\":\"h\"}";
  const char *reversed[G_N_ELEMENTS (lines)] = { NULL };
  gsize n = G_N_ELEMENTS (lines) - 1;
  gsize i, k;

  for (i = 0; i <= n; i++)
    {
      assert_session ("k", lines + i, body, NULL, expected[i]);

      /* Whatever their order. */
      for (k = i; k < n; k++)
        reversed[k - i] = lines[n - 1 - (k - i)];
      reversed[n - i] = NULL;
      assert_session ("k", reversed, body, NULL, expected[i]);
    }
  assert_session ("k", NO_FIELDS, "{\"user\":\"i\"}", NULL, "k i");
  assert_session ("k", NO_FIELDS, "{}", NULL, NULL);
  assert_session ("k", NO_FIELDS, NULL, NULL, NULL);
}

static void
test_session_of_options (void)
{
  g_auto (VmpCallOptions) options = { 0 };

  read_options (FIELDS ("X-Vampire-Session: field"), "{\"session\":\"body\"}", FALSE, &options);
  g_assert_cmpstr (options.session, ==, "field");
  read_options (NO_FIELDS, "{\"session\":\"body\"}", FALSE, &options);
  assert_session ("k", FIELDS ("X-OpenWebUI-Chat-Id: chat"), "{\"user\":\"u\"}", &options, "k body");

  read_options (NO_FIELDS, "{\"session\":\"\"}", FALSE, &options);
  assert_session ("k", FIELDS ("X-OpenWebUI-Chat-Id: chat"), NULL, &options, "k chat");
}

static void
test_session_passes_over_rubbish (void)
{
  assert_session ("k", FIELDS ("X-OpenWebUI-Chat-Id:", "X-Session-ID: d"), NULL, NULL, "k d");
  assert_session ("k", FIELDS ("X-Session-IE: d", "User-Agent: x", "Accept: y"), "{\"user\":1}", NULL, NULL);
  assert_session ("k", NO_FIELDS, "{\"prompt_cache_key\":\"\",\"user\":\"u\"}", NULL, "k u");
  assert_session ("k", NO_FIELDS, "{\"prompt_cache_key\":\"a\\u0000\",\"user\":\"u\"}", NULL, "k u");
  assert_session ("k", NO_FIELDS, "{\"prompt_cache_key\":\"\\ud800\",\"user\":{}}", NULL, NULL);
  assert_session (NULL, NO_FIELDS, "{\"user\":\"u\"}", NULL, " u");
}

static void
test_sessions_of_clients_differ (void)
{
  g_autofree char *one = read_session ("10.0.0.1", FIELDS ("X-Session-ID: s"), NULL, NULL);
  g_autofree char *other = read_session ("10.0.0.2", FIELDS ("X-Session-ID: s"), NULL, NULL);
  g_autofree char *again = read_session ("10.0.0.1", FIELDS ("X-Session-ID: s"), NULL, NULL);

  g_assert_cmpstr (one, !=, other);
  g_assert_cmpstr (one, ==, again);
}

static void
test_long_sessions (void)
{
  g_autofree char *most = g_strnfill (VMP_LIMIT_SESSION_BYTES - 2, 'x');
  g_autofree char *fits = g_strconcat ("X-Session-ID: ", most, NULL);
  g_autofree char *longer = g_strconcat ("X-Session-ID: ", most, "y", NULL);
  g_autofree char *another = g_strconcat ("X-Session-ID: ", most, "z", NULL);
  g_autofree char *endless = g_strnfill (10 * VMP_LIMIT_OPTIONS_BYTES, 'x');
  g_autofree char *body = g_strconcat ("{\"user\":\"", endless, "\"}", NULL);
  g_autofree char *whole = read_session ("k", FIELDS (fits), NULL, NULL);
  g_autofree char *one = read_session ("k", FIELDS (longer), NULL, NULL);
  g_autofree char *two = read_session ("k", FIELDS (another), NULL, NULL);
  g_autofree char *of_other = read_session ("l", FIELDS (longer), NULL, NULL);

  g_assert_cmpuint (strlen (whole), ==, VMP_LIMIT_SESSION_BYTES);
  g_assert_true (g_str_has_suffix (whole, most));
  g_assert_cmpuint (strlen (one), ==, 64);
  g_assert_cmpuint (strlen (two), ==, 64);
  g_assert_cmpstr (one, !=, two);
  g_assert_cmpstr (one, !=, of_other);

  assert_session ("k", NO_FIELDS, body, NULL, NULL);
}

/* -- Deadlines ----------------------------------------------------------------------------- */

static void
test_deadline (void)
{
  static const struct {
    const char *value;
    gint64 us; /* -1: none */
  } cases[] = {
    { "600", 600000000 }, { "600.0", 600000000 }, { "0.25", 250000 }, { ".5", 500000 }, { "1.", 1000000 },
    { "0", -1 }, { "0.0", -1 }, { "-1", -1 }, { "", -1 }, { ".", -1 }, { "1.2.3", -1 }, { "1e3", -1 }, { "0x10", -1 },
    { "inf", -1 }, { "nan", -1 }, { "600s", -1 }, { "99999999999999999999", -1 }, { "1 2", -1 },
    { "0000000000000000000000000000000000000000000000000000000001", -1 },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *line = g_strconcat ("X-Stainless-Read-Timeout: ", cases[i].value, NULL);
      Fields fields = split_fields (FIELDS ("X-Stainless-Retry-Count: 5", line));
      VmpCall call = { .started = 1000, .fields = fields.fields, .n_fields = fields.n_fields };

      g_assert_cmpint (vmp_call_read_deadline (&call), ==, cases[i].us < 0 ? 0 : 1000 + cases[i].us);
    }
}

static void
test_no_deadline (void)
{
  Fields fields = split_fields (FIELDS ("X-Stainless-Timeout: 5", "X-Stainless-Read-Timeouts: 5", "Host: x"));
  VmpCall call = { .started = 1000, .fields = fields.fields, .n_fields = fields.n_fields };

  g_assert_cmpint (vmp_call_read_deadline (&call), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/call-options/nothing", test_nothing);
  g_test_add_func ("/call-options/opt-in", test_opt_in);
  g_test_add_func ("/call-options/mode-field-wins", test_mode_field_wins);
  g_test_add_func ("/call-options/modes-to-come", test_modes_to_come);
  g_test_add_func ("/call-options/route", test_route);
  g_test_add_func ("/call-options/strategy", test_strategy);
  g_test_add_func ("/call-options/unknown-strategy", test_unknown_strategy);
  g_test_add_func ("/call-options/everything", test_everything);
  g_test_add_func ("/call-options/trace", test_trace);
  g_test_add_func ("/call-options/privacy", test_privacy);
  g_test_add_func ("/call-options/attempts", test_attempts);
  g_test_add_func ("/call-options/latency", test_latency);
  g_test_add_func ("/call-options/faults", test_faults);
  g_test_add_func ("/call-options/hostile-bodies", test_hostile_bodies);
  g_test_add_func ("/call-options/session/sources", test_session_sources);
  g_test_add_func ("/call-options/session/of-options", test_session_of_options);
  g_test_add_func ("/call-options/session/passes-over-rubbish", test_session_passes_over_rubbish);
  g_test_add_func ("/call-options/session/of-clients-differ", test_sessions_of_clients_differ);
  g_test_add_func ("/call-options/session/long-ones", test_long_sessions);
  g_test_add_func ("/call-options/deadline", test_deadline);
  g_test_add_func ("/call-options/no-deadline", test_no_deadline);

  return g_test_run ();
}

/* SPDX-License-Identifier: MIT
 *
 * `vampire requests` and `vampire explain`: which requests there are and were, what became of one, and why.
 */

#include "cli/vmp-cli-traces.h"

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-plan.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"
#include "core/vmp-text.h"

#define REQUESTS "/vampire/v1/requests"
#define TRACES "/vampire/v1/traces/"

/* Characters of a line, whose names come from clients and nodes. */
#define LINE_CHARS 1000

/* -- Numbers ------------------------------------------------------------------------------- */

char *
vmp_cli_duration (JsonObject *object,
                  const char *name)
{
  double ms;

  if (!vmp_json_get_double (object, name, &ms))
    return NULL;
  if (ms >= 1000)
    return g_strdup_printf ("%.1f s", ms / 1000);

  return g_strdup_printf (ms >= 10 ? "%.0f ms" : "%.1f ms", ms);
}

static gboolean
is_positive (JsonObject *object,
             const char *name)
{
  double value;

  return vmp_json_get_double (object, name, &value) && value > 0;
}

/* -- The table of requests ----------------------------------------------------------------- */

/* "running", "200", "client gone": the shortest that says how it is. (transfer full) */
static char *
describe_state (JsonObject *request)
{
  const char *outcome = vmp_json_get_string (request, "outcome");
  gint64 status = 0;

  if (outcome == NULL)
    return g_strdup ("running");
  if (g_str_equal (outcome, "done") && vmp_json_get_int (request, "status", &status))
    return g_strdup_printf ("%" G_GINT64_FORMAT, status);

  return g_strdup (outcome);
}

static void
add_row (VmpCliTable *table,
         JsonObject  *request)
{
  g_autofree char *state = describe_state (request);
  g_autofree char *duration = vmp_cli_duration (request, "duration_ms");
  g_autofree char *first = vmp_cli_duration (request, "first_event_ms");
  g_autofree char *tokens = vmp_cli_value (request, "completion_tokens");
  g_autofree char *received = vmp_cli_time (vmp_json_get_string (request, "received_at"));

  vmp_cli_table_add (table, vmp_json_get_string (request, "id"));
  vmp_cli_table_add (table, state);
  vmp_cli_table_add (table, vmp_json_get_string (request, "model"));
  vmp_cli_table_add (table, vmp_json_get_string (request, "node"));
  vmp_cli_table_add (table, duration);
  vmp_cli_table_add (table, first);
  vmp_cli_table_add (table, tokens);
  vmp_cli_table_add (table, received);
}

char *
vmp_cli_requests_table (JsonArray *requests,
                        guint      columns)
{
  static const char * const headers[] = {
    "REQUEST", "STATE", "MODEL", "NODE", "TIME", "FIRST", "TOKENS", "RECEIVED", NULL
  };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);

  for (guint i = 0; requests != NULL && i < json_array_get_length (requests); i++)
    {
      JsonObject *request = vmp_cli_list_object (requests, i);

      if (request != NULL)
        add_row (table, request);
    }

  return vmp_cli_table_count_rows (table) > 0 ? vmp_cli_table_print (table, columns) : g_strdup ("");
}

static char *
show_requests (JsonNode *answer,
               guint     columns)
{
  g_autofree char *table = vmp_cli_requests_table (vmp_cli_list (answer, "data"), columns);

  return *table != '\0' ? g_steal_pointer (&table) : g_strdup ("No requests.\n");
}

static int
run_list (const VmpCliArgs *args)
{
  const char *limit = vmp_cli_args_flag (args, "limit");
  GString *path = g_string_new (REQUESTS);

  if (limit != NULL)
    g_string_append_printf (path, "?limit=%" G_GINT64_FORMAT, g_ascii_strtoll (limit, NULL, 10));
  if (vmp_cli_args_flag (args, "running") != NULL)
    g_string_append_printf (path, "%cstate=running", limit != NULL ? '&' : '?');

  return vmp_cli_call (args, "GET", g_string_free (path, FALSE), NULL, show_requests);
}

static char *
show_cancelled (JsonNode *answer,
                guint     columns)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;

  if (g_strcmp0 (vmp_json_get_string (object, "status"), "cancelled") == 0)
    return g_strdup ("Cancelled.\n");

  return g_strdup ("It was over before.\n");
}

static int
run_cancel (const VmpCliArgs *args)
{
  char *path = vmp_client_path (REQUESTS "/", vmp_cli_args_word (args, 0), NULL);

  return vmp_cli_call (args, "DELETE", path, NULL, show_cancelled);
}

/* -- One request explained ----------------------------------------------------------------- */

/* A line, made plain. */
static void
append_line (GString    *out,
             const char *format,
             ...) G_GNUC_PRINTF (2, 3);

static void
append_line (GString    *out,
             const char *format,
             ...)
{
  g_autofree char *text = NULL;
  g_autofree char *plain = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  plain = vmp_text_display (text, LINE_CHARS);
  g_string_append_printf (out, "%s\n", plain);
}

static const char *
or_dash (const char *text)
{
  return text != NULL ? text : "-";
}

static void
explain_question (GString    *out,
                  JsonObject *trace)
{
  JsonObject *request = vmp_json_get_object (trace, "request");
  JsonObject *timing = vmp_json_get_object (trace, "timing");
  const char *key = vmp_json_get_string (request, "client_key");
  g_autofree char *received = vmp_cli_time (vmp_json_get_string (timing, "received_at"));
  gboolean is_stream = FALSE;

  vmp_json_get_boolean (request, "stream", &is_stream);
  append_line (out, "Request %s, %s", or_dash (vmp_json_get_string (trace, "id")), or_dash (received));
  append_line (out, "  Asked for    %s at %s%s%s%s", or_dash (vmp_json_get_string (request, "model")),
               or_dash (vmp_json_get_string (request, "endpoint")), is_stream ? ", as a stream" : "",
               key != NULL ? ", by key " : "", key != NULL ? key : "");
}

/* Why a candidate came where it did: its place among the attempts, or why not. */
static void
explain_candidate (GString    *out,
                   JsonObject *candidate)
{
  const char *node = or_dash (vmp_json_get_string (candidate, "node"));
  const char *model = vmp_json_get_string (candidate, "model");
  const char *rejected = vmp_json_get_string (candidate, "rejected");
  gboolean is_loaded = FALSE;
  gint64 active = 0;

  vmp_json_get_boolean (candidate, "loaded", &is_loaded);
  vmp_json_get_int (candidate, "active", &active);
  if (rejected != NULL)
    append_line (out, "    %s%s%s: not tried: %s", node, model != NULL ? ", " : "", model != NULL ? model : "",
                 vmp_cli_rejection_words (rejected));
  else
    append_line (out, "    %s%s%s: fit, %s, %" G_GINT64_FORMAT " under way", node, model != NULL ? ", " : "",
                 model != NULL ? model : "", is_loaded ? "loaded" : "not loaded", active);
}

static void
explain_choice (GString    *out,
                JsonObject *trace)
{
  JsonObject *routing = vmp_json_get_object (trace, "routing");
  JsonObject *plan = vmp_json_get_object (routing, "plan");
  JsonArray *candidates = vmp_json_get_array (plan, "candidates");
  gint64 fallbacks = 0;
  guint n = candidates != NULL ? json_array_get_length (candidates) : 0;

  vmp_json_get_int (routing, "fallbacks", &fallbacks);
  append_line (out, "  Decided by   route %s, %s", or_dash (vmp_json_get_string (routing, "route")),
               or_dash (vmp_json_get_string (routing, "strategy")));
  if (fallbacks > 0)
    append_line (out, "               after %" G_GINT64_FORMAT " had stood aside", fallbacks);
  if (plan == NULL)
    {
      append_line (out, "  Looked at    what the plan was made of is not kept any more");
      return;
    }

  append_line (out, "  Looked at    %u", n);
  for (guint i = 0; i < n; i++)
    {
      JsonObject *candidate = vmp_cli_list_object (candidates, i);

      if (candidate != NULL)
        explain_candidate (out, candidate);
    }
}

static void
explain_attempt (GString    *out,
                 JsonObject *attempt,
                 guint       number)
{
  const char *status = or_dash (vmp_json_get_string (attempt, "status"));
  const char *reason = vmp_json_get_string (attempt, "reason");
  g_autofree char *code = vmp_cli_value (attempt, "http_status");
  g_autofree char *asked = vmp_cli_duration (attempt, "asked_ms");
  g_autofree char *took = vmp_cli_duration (attempt, "latency_ms");
  gboolean is_load = FALSE;
  gboolean is_continued = FALSE;

  vmp_json_get_boolean (attempt, "load", &is_load);
  vmp_json_get_boolean (attempt, "continued", &is_continued);
  append_line (out, "    %u. %s, %s: asked after %s, %s after %s more%s%s%s%s%s%s", number,
               or_dash (vmp_json_get_string (attempt, "node")), or_dash (vmp_json_get_string (attempt, "model")),
               or_dash (asked), status, or_dash (took), code != NULL ? ", status " : "", code != NULL ? code : "",
               is_load ? ", had to load the model" : "", is_continued ? ", went on where the one before broke off" : "",
               reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

static void
explain_attempts (GString    *out,
                  JsonObject *trace)
{
  JsonArray *stages = vmp_json_get_array (trace, "stages");
  guint n = stages != NULL ? json_array_get_length (stages) : 0;

  append_line (out, n > 0 ? "  Attempts" : "  Attempts     none");
  for (guint i = 0; i < n; i++)
    {
      JsonObject *stage = vmp_cli_list_object (stages, i);

      if (stage != NULL)
        explain_attempt (out, stage, i + 1);
    }
}

/* Adds ", waited 1.5 s for a place", unless it did not. */
static void
add_part (GString    *text,
          JsonObject *timing,
          const char *name,
          const char *before,
          const char *after)
{
  g_autofree char *duration = vmp_cli_duration (timing, name);

  if (is_positive (timing, name))
    g_string_append_printf (text, ", %s%s%s", before, duration, after);
}

static void
explain_end (GString    *out,
             JsonObject *trace)
{
  JsonObject *timing = vmp_json_get_object (trace, "timing");
  JsonObject *usage = vmp_json_get_object (trace, "usage");
  JsonObject *result = vmp_json_get_object (trace, "result");
  const char *problem = vmp_json_get_string (result, "problem");
  const char *outcome = vmp_json_get_string (result, "outcome");
  g_autofree char *status = result != NULL ? vmp_cli_value (result, "status") : NULL;
  g_autofree char *latency = vmp_cli_duration (timing, "latency_ms");
  g_autofree char *prompt = usage != NULL ? vmp_cli_value (usage, "prompt_tokens") : NULL;
  g_autofree char *completion = usage != NULL ? vmp_cli_value (usage, "completion_tokens") : NULL;
  g_autoptr (GString) times = g_string_new (or_dash (latency));
  double rate;

  add_part (times, timing, "planning_ms", "planned within ", "");
  add_part (times, timing, "queued_ms", "waited ", " for a place");
  add_part (times, timing, "loading_ms", "waited ", " for a load");
  add_part (times, timing, "first_event_ms", "first event after ", "");
  append_line (out, "  Ended        %s%s%s%s%s", outcome != NULL ? outcome : "not yet: it runs",
               status != NULL ? ", status " : "", status != NULL ? status : "", problem != NULL ? ", " : "",
               problem != NULL ? problem : "");
  append_line (out, "  Took         %s", times->str);
  if (prompt == NULL && completion == NULL)
    return;

  if (vmp_json_get_double (usage, "tokens_per_second", &rate))
    append_line (out, "  Tokens       %s in, %s out, %.1f per second", prompt != NULL ? prompt : "?",
                 completion != NULL ? completion : "?", rate);
  else
    append_line (out, "  Tokens       %s in, %s out", prompt != NULL ? prompt : "?",
                 completion != NULL ? completion : "?");
}

static char *
show_trace (JsonNode *answer,
            guint     columns)
{
  GString *out = g_string_new (NULL);
  JsonObject *trace = JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;

  explain_question (out, trace);
  explain_choice (out, trace);
  explain_attempts (out, trace);
  explain_end (out, trace);

  return g_string_free (out, FALSE);
}

static int
run_explain (const VmpCliArgs *args)
{
  char *path = vmp_client_path (TRACES, vmp_cli_args_word (args, 0), NULL);

  return vmp_cli_call (args, "GET", path, NULL, show_trace);
}

/* -- The tables ---------------------------------------------------------------------------- */

static const VmpCliFlag list_flags[] = {
  { "limit", "N", VMP_CLI_WHOLE, .help = "So many at most, by default 100." },
  { "running", NULL, .help = "Only those that are under way." },
  { NULL }
};

const VmpCliCommand vmp_cli_requests_commands[] = {
  { "list", "", "Show requests under way and the last ones that ended. The verb alone does the same.", list_flags,
    .run = run_list },
  { "cancel", "ID", "End a request that is under way.", .run = run_cancel },
  { NULL }
};

const VmpCliCommand vmp_cli_explain_commands[] = {
  { "", "ID", "", .run = run_explain },
  { NULL }
};

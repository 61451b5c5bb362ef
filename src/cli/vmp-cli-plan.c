/* SPDX-License-Identifier: MIT
 *
 * Implementation of showing a plan: what was applied, a table of the attempts, one of those that are not tried.
 */

#include "cli/vmp-cli-plan.h"

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "core/vmp-text.h"

/* Characters of a text that a line shows. */
#define SHOWN_CHARS 300

/* What the gateway calls it, and what people do. */
static const struct {
  const char *name;
  const char *words;
} readinesses[] = {
  { "now", "now" },
  { "cold", "after loading it" },
  { "loading", "when it is loaded" },
  { "full", "when one has ended" },
  { "occupied", "when the others have ended" },
};

static const struct {
  const char *name;
  const char *words;
} rejections[] = {
  { "pending", "not approved" },
  { "draining", "out of service" },
  { "offline", "off" },
  { "breaker_open", "keeps failing" },
  { "token_missing", "asks for a token" },
  { "request_loop", "the request came from there" },
  { "excluded", "has just failed" },
  { "model_missing", "does not have the model" },
  { "wrong_kind", "no model of that kind" },
  { "capability_missing", "cannot do what is asked for" },
  { "context_window_too_small", "too little context" },
  { "not_trusted", "not trusted" },
  { "not_local", "not in a private network" },
  { "too_slow", "too slow" },
  { "queue_full", "too many requests wait there" },
};

static const char *
describe_readiness (const char *name)
{
  for (gsize i = 0; name != NULL && i < G_N_ELEMENTS (readinesses); i++)
    {
      if (g_str_equal (readinesses[i].name, name))
        return readinesses[i].words;
    }

  return name;
}

const char *
vmp_cli_rejection_words (const char *name)
{
  for (gsize i = 0; name != NULL && i < G_N_ELEMENTS (rejections); i++)
    {
      if (g_str_equal (rejections[i].name, name))
        return rejections[i].words;
    }

  return name;
}

static void
append_line (GString    *text,
             const char *before,
             const char *value,
             const char *after)
{
  g_autofree char *shown = NULL;

  if (value == NULL)
    return;

  shown = vmp_text_display (value, SHOWN_CHARS);
  g_string_append_printf (text, "%s%s%s", before, shown, after);
}

/* "1200 ms" (transfer full) (nullable) */
static char *
describe_wait (JsonObject *attempt)
{
  JsonObject *scores = vmp_json_get_object (attempt, "scores");
  double wait;

  if (!vmp_json_get_double (scores, "wait_ms", &wait) || wait < 1)
    return NULL;

  return g_strdup_printf ("%.0f ms", wait);
}

static void
append_attempts (GString   *text,
                 JsonArray *attempts,
                 guint      columns)
{
  static const char * const headers[] = { "TRY", "NODE", "MODEL", "READY", "BEGINS IN", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  g_autofree char *printed = NULL;

  for (guint i = 0; i < json_array_get_length (attempts); i++)
    {
      JsonObject *attempt = vmp_cli_list_object (attempts, i);
      g_autofree char *number = g_strdup_printf ("%u", i + 1);
      g_autofree char *wait = describe_wait (attempt);

      vmp_cli_table_add (table, number);
      vmp_cli_table_add (table, vmp_json_get_string (attempt, "node"));
      vmp_cli_table_add (table, vmp_json_get_string (attempt, "model"));
      vmp_cli_table_add (table, describe_readiness (vmp_json_get_string (attempt, "readiness")));
      vmp_cli_table_add (table, wait);
    }

  printed = vmp_cli_table_print (table, columns);
  g_string_append_printf (text, "\n%s", printed);
}

static void
append_rejected (GString   *text,
                 JsonArray *candidates,
                 guint      columns)
{
  static const char * const headers[] = { "NOT TRIED", "MODEL", "BECAUSE", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  g_autofree char *printed = NULL;

  for (guint i = 0; candidates != NULL && i < json_array_get_length (candidates); i++)
    {
      JsonObject *candidate = vmp_cli_list_object (candidates, i);
      const char *rejected = vmp_json_get_string (candidate, "rejected");

      if (rejected == NULL)
        continue;
      vmp_cli_table_add (table, vmp_json_get_string (candidate, "node"));
      vmp_cli_table_add (table, vmp_json_get_string (candidate, "model"));
      vmp_cli_table_add (table, vmp_cli_rejection_words (rejected));
    }

  if (vmp_cli_table_count_rows (table) == 0)
    return;

  printed = vmp_cli_table_print (table, columns);
  g_string_append_printf (text, "\n%s", printed);
}

/* Those that the document does not show. */
static void
append_others (GString    *text,
               JsonObject *plan,
               JsonArray  *candidates)
{
  guint n_shown = candidates != NULL ? json_array_get_length (candidates) : 0;
  gint64 n_looked_at;

  if (vmp_json_get_int (plan, "looked_at", &n_looked_at) && n_looked_at > n_shown)
    g_string_append_printf (text, "and %" G_GINT64_FORMAT " more\n", n_looked_at - n_shown);
}

char *
vmp_cli_show_plan (JsonNode *answer,
                   guint     columns)
{
  JsonObject *plan = JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  JsonArray *attempts = vmp_json_get_array (plan, "attempts");
  JsonArray *candidates = vmp_json_get_array (plan, "candidates");
  const char *problem = vmp_json_get_string (plan, "problem");
  GString *text = g_string_new (NULL);

  append_line (text, "", vmp_json_get_string (plan, "model"), "");
  append_line (text, " by ", vmp_json_get_string (plan, "strategy"), "");
  append_line (text, " (", vmp_json_get_string (plan, "route"), ")");
  append_line (text, ": ", vmp_json_get_string (plan, "about"), "");
  g_string_append_c (text, '\n');
  append_line (text, "\n", problem, "\n");
  if (attempts != NULL && json_array_get_length (attempts) > 0)
    append_attempts (text, attempts, columns);
  append_rejected (text, candidates, columns);
  append_others (text, plan, candidates);

  return g_string_free (text, FALSE);
}

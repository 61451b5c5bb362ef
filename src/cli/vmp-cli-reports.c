/* SPDX-License-Identifier: MIT
 *
 * The verbs that only look: status, metrics, doctor, and where the dashboard is.
 */

#include <gio/gio.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"
#include "core/vmp-text.h"

/* Characters of a line of the doctor's. */
#define LINE_CHARS 1000

/* -- Status -------------------------------------------------------------------------------- */

static int
run_status (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup ("/vampire/v1/status"), NULL, NULL);
}

/* -- Metrics ------------------------------------------------------------------------------- */

static char *
show_metrics (JsonNode *answer,
              guint     columns)
{
  static const char * const headers[] = { "NODE", "HEALTH", "ACTIVE", "REQUESTS", "ERRORS", "LATENCY MS", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  JsonArray *nodes = vmp_cli_list (answer, "nodes");
  JsonNode *cluster = JSON_NODE_HOLDS_OBJECT (answer)
                        ? json_object_get_member (json_node_get_object (answer), "cluster")
                        : NULL;
  g_autofree char *summary = cluster != NULL ? vmp_cli_describe (cluster, columns) : NULL;
  g_autofree char *rows = NULL;

  for (guint i = 0; nodes != NULL && i < json_array_get_length (nodes); i++)
    {
      JsonObject *node = vmp_cli_list_object (nodes, i);

      if (node == NULL)
        continue;
      vmp_cli_add_cell (table, node, "node");
      vmp_cli_add_cell (table, node, "health");
      vmp_cli_add_cell (table, node, "active_requests");
      vmp_cli_add_cell (table, node, "requests_total");
      vmp_cli_add_cell (table, node, "errors_total");
      vmp_cli_add_cell (table, node, "avg_latency_ms");
    }
  rows = vmp_cli_table_print (table, columns);

  return summary != NULL ? g_strconcat (summary, "\n", rows, NULL) : g_steal_pointer (&rows);
}

static int
run_metrics (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup ("/vampire/v1/metrics"), NULL, show_metrics);
}

/* -- Doctor -------------------------------------------------------------------------------- */

static void
append_line (GString    *out,
             const char *before,
             const char *text)
{
  g_autofree char *plain = vmp_text_display (text, LINE_CHARS);

  g_string_append_printf (out, "%s%s\n", before, plain);
}

/* The mark, the title, what is so, and what to do about it. */
static char *
show_checks (JsonNode *answer,
             guint     columns)
{
  JsonArray *checks = vmp_cli_list (answer, "checks");
  GString *out = g_string_new (NULL);

  for (guint i = 0; checks != NULL && i < json_array_get_length (checks); i++)
    {
      JsonObject *check = vmp_cli_list_object (checks, i);
      const char *status = check != NULL ? vmp_json_get_string (check, "status") : NULL;
      const char *title = check != NULL ? vmp_json_get_string (check, "title") : NULL;
      const char *message = check != NULL ? vmp_json_get_string (check, "message") : NULL;
      const char *remedy = check != NULL ? vmp_json_get_string (check, "remedy") : NULL;
      g_autofree char *mark = vmp_text_display (status != NULL ? status : "unknown", LINE_CHARS);

      g_string_append_printf (out, "%-9s", mark);
      append_line (out, "", title != NULL ? title : "-");
      if (message != NULL && *message != '\0')
        append_line (out, "         ", message);
      if (remedy != NULL && *remedy != '\0')
        append_line (out, "         What to do: ", remedy);
    }

  return g_string_free (out, FALSE);
}

static gboolean
has_problem (JsonNode *answer)
{
  JsonArray *checks = vmp_cli_list (answer, "checks");

  for (guint i = 0; checks != NULL && i < json_array_get_length (checks); i++)
    {
      JsonObject *check = vmp_cli_list_object (checks, i);

      if (check != NULL && g_strcmp0 (vmp_json_get_string (check, "status"), "problem") == 0)
        return TRUE;
    }

  return FALSE;
}

/* What the gateway would say, were it there: one check that failed. */
static int
report_problem (const VmpCliArgs *args,
                const char       *id,
                const char       *title,
                const char       *message,
                const char       *remedy)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autoptr (VmpClientAnswer) answer = g_new0 (VmpClientAnswer, 1);

  json_builder_set_member_name (body, "checks");
  json_builder_begin_array (body);
  json_builder_begin_object (body);
  vmp_json_add_string (body, "id", id);
  vmp_json_add_string (body, "message", message);
  vmp_json_add_string (body, "remedy", remedy);
  vmp_json_add_string (body, "status", "problem");
  vmp_json_add_string (body, "title", title);
  json_builder_end_object (body);
  json_builder_end_array (body);
  vmp_json_add_string (body, "status", "problem");

  answer->status = 200;
  answer->json = vmp_cli_body_end (body);
  vmp_cli_print_answer (args, answer, show_checks);

  return VMP_EXIT_FAILED;
}

/* Settings that cannot be read are the first thing to know of, and the gateway cannot tell of them. */
static int
run_doctor (const VmpCliArgs *args)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpSettings) settings = vmp_cli_load_settings (&error);
  g_autoptr (VmpClient) client = NULL;
  g_autoptr (VmpClientAnswer) answer = NULL;
  int status = VMP_EXIT_FAILED;

  if (settings == NULL)
    return report_problem (args, "settings", "Settings", error->message,
                           "Correct it; until then Vampire does not start, and a running one keeps the old settings.");

  client = vmp_cli_connect (args, &status);
  if (client == NULL)
    return status;

  answer = vmp_client_ask (client, "GET", "/vampire/v1/doctor", NULL, &error);
  if (answer == NULL)
    {
      g_autofree char *remedy =
        g_strdup_printf ("Start the gateway with \"vampire serve\". By default it is at http://127.0.0.1:7777; the "
                         "settings of this computer say port %u. One that runs elsewhere is asked with "
                         "--gateway=URL.", settings->port);

      return report_problem (args, "gateway", "Gateway", error->message, remedy);
    }

  status = vmp_cli_print_answer (args, answer, show_checks);
  if (status == VMP_EXIT_DONE && answer->json != NULL && has_problem (answer->json))
    status = VMP_EXIT_FAILED;

  return status;
}

/* -- Dashboard ----------------------------------------------------------------------------- */

static int
run_dashboard (const VmpCliArgs *args)
{
  g_autoptr (VmpClient) client = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;
  int status = VMP_EXIT_FAILED;

  client = vmp_cli_connect (args, &status);
  if (client == NULL)
    return status;

  line = g_strconcat (vmp_client_get_url (client), "\n", NULL);
  status = vmp_cli_print (line);
  if (vmp_cli_args_flag (args, "open") != NULL &&
      !g_app_info_launch_default_for_uri (vmp_client_get_url (client), NULL, &error))
    status = vmp_cli_fail (VMP_EXIT_FAILED, "The browser cannot be opened: %s.", error->message);

  return status;
}

/* -- The tables ---------------------------------------------------------------------------- */

static const VmpCliFlag dashboard_flags[] = {
  { "open", NULL, .help = "Open it in the browser too." },
  { NULL }
};

const VmpCliCommand vmp_cli_status_commands[] = {
  { "", "", "", .run = run_status },
  { NULL }
};

const VmpCliCommand vmp_cli_metrics_commands[] = {
  { "", "", "", .run = run_metrics },
  { NULL }
};

const VmpCliCommand vmp_cli_doctor_commands[] = {
  { "", "", "", .run = run_doctor },
  { NULL }
};

const VmpCliCommand vmp_cli_dashboard_commands[] = {
  { "", "", "", dashboard_flags, .run = run_dashboard },
  { NULL }
};

/* SPDX-License-Identifier: MIT
 *
 * `vampire share`, `vampire clients`, `vampire pause` and `vampire resume`: whether other computers may use this
 * gateway, how long, and with which model; which of them are connected; and whether anybody gets answers at all.
 */

#include <stdio.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"

#define SHARE "/vampire/v1/share"

/* -- Share --------------------------------------------------------------------------------- */

static int
run_share (const VmpCliArgs *args)
{
  const char *mode = vmp_cli_args_word (args, 0);
  const char *state = vmp_cli_args_word (args, 1);
  gboolean is_off = g_str_equal (mode, "off") || g_str_equal (mode, "stop");
  g_autoptr (JsonBuilder) body = NULL;

  if (g_str_equal (mode, "status"))
    {
      if (state != NULL)
        return vmp_cli_fail (VMP_EXIT_USAGE, "\"vampire share status\" takes no words after it.");
      return vmp_cli_call (args, "GET", g_strdup (SHARE), NULL, NULL);
    }

  if (is_off && state != NULL)
    {
      fputs ("share off/stop do not accept an on/off state\n", stderr);
      return VMP_EXIT_USAGE;
    }

  if (g_str_equal (mode, "on"))
    mode = "local";
  else if (is_off)
    mode = "off";

  body = vmp_cli_body_new ();
  vmp_json_add_string (body, "mode", mode);
  vmp_json_add_boolean (body, "enabled", !is_off && g_strcmp0 (state, "off") != 0);
  vmp_cli_body_add_flag (body, args, "duration", "duration");
  vmp_cli_body_add_flag (body, args, "model", "model");

  return vmp_cli_call (args, "POST", g_strdup (SHARE), vmp_cli_body_end (body), NULL);
}

/* -- Clients ------------------------------------------------------------------------------- */

static char *
show_clients (JsonNode *answer,
              guint     columns)
{
  static const char * const headers[] = { "KEY", "ADDRESS", "CONNECTED", "REQUESTS", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  JsonArray *clients = vmp_cli_list (answer, "data");

  for (guint i = 0; clients != NULL && i < json_array_get_length (clients); i++)
    {
      JsonObject *client = vmp_cli_list_object (clients, i);
      g_autofree char *since = NULL;

      if (client == NULL)
        continue;
      since = vmp_cli_time (vmp_json_get_string (client, "connected_at"));
      vmp_cli_add_cell (table, client, "client_key");
      vmp_cli_add_cell (table, client, "address");
      vmp_cli_table_add (table, since);
      vmp_cli_add_cell (table, client, "active_requests");
    }

  if (vmp_cli_table_count_rows (table) == 0)
    return g_strdup ("No other computer is connected.\n");

  return vmp_cli_table_print (table, columns);
}

static int
run_clients (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup ("/vampire/v1/clients"), NULL, show_clients);
}

/* -- Pause --------------------------------------------------------------------------------- */

static char *
show_paused (JsonNode *answer,
             guint     columns)
{
  gint64 active = 0;

  if (JSON_NODE_HOLDS_OBJECT (answer))
    vmp_json_get_int (json_node_get_object (answer), "active_requests", &active);
  if (active == 0)
    return g_strdup ("Vampire is paused. \"vampire resume\" lets requests in again.\n");

  return g_strdup_printf ("Vampire is paused; %" G_GINT64_FORMAT " running request%s to %s end. \"vampire resume\" "
                          "lets others in again.\n", active, active == 1 ? " goes on" : "s go on",
                          active == 1 ? "its" : "their");
}

static char *
show_resumed (JsonNode *answer,
              guint     columns)
{
  return g_strdup ("Vampire answers requests again.\n");
}

static int
set_paused (const VmpCliArgs *args,
            gboolean          paused)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();

  vmp_json_add_boolean (body, "paused", paused);

  return vmp_cli_call (args, "POST", g_strdup ("/vampire/v1/pause"), vmp_cli_body_end (body),
                       paused ? show_paused : show_resumed);
}

static int
run_pause (const VmpCliArgs *args)
{
  return set_paused (args, TRUE);
}

static int
run_resume (const VmpCliArgs *args)
{
  return set_paused (args, FALSE);
}

/* -- The tables ---------------------------------------------------------------------------- */

static const VmpCliFlag flags[] = {
  { "duration", "TIME", .help = "How long, such as 90s, 30m, 8h or PT8H. Without it, until it is turned off." },
  { "model", "MODEL", .help = "Share this model only." },
  { NULL }
};

const VmpCliCommand vmp_cli_share_commands[] = {
  { "", "on|off|local|personal|family|business|event|stop|status [on|off]", "", flags, .run = run_share },
  { NULL }
};

const VmpCliCommand vmp_cli_clients_commands[] = {
  { "", "", "", .run = run_clients },
  { NULL }
};

const VmpCliCommand vmp_cli_pause_commands[] = {
  { "", "", "", .run = run_pause },
  { NULL }
};

const VmpCliCommand vmp_cli_resume_commands[] = {
  { "", "", "", .run = run_resume },
  { NULL }
};

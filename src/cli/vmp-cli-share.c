/* SPDX-License-Identifier: MIT
 *
 * `vampire share`: whether other computers may use this gateway, how long, and with which model.
 */

#include <stdio.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli.h"

#define SHARE "/vampire/v1/share"

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

static const VmpCliFlag flags[] = {
  { "duration", "TIME", .help = "How long, such as 90s, 30m, 8h or PT8H. Without it, until it is turned off." },
  { "model", "MODEL", .help = "Share this model only." },
  { NULL }
};

const VmpCliCommand vmp_cli_share_commands[] = {
  { "", "on|off|local|personal|family|business|event|stop|status [on|off]", "", flags, .run = run_share },
  { NULL }
};

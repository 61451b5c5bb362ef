/* SPDX-License-Identifier: MIT
 *
 * The command line: a verb and what follows it. vmp-cli.c finds the verb; what verbs do is in the files
 * vmp-cli-VERB.c. Errors are one sentence on stderr after `vampire: `; results go to stdout and nowhere else.
 */

#pragma once

#include "cli/vmp-cli-args.h"

G_BEGIN_DECLS

/* What the program ends with. */
enum {
  VMP_EXIT_DONE = 0,
  VMP_EXIT_FAILED = 1,
  VMP_EXIT_USAGE = 2 /* the command line, a variable or the settings file says something that cannot be */
};

/* Runs the command line, and returns the exit status. */
int vmp_cli_main (int    argc,
                  char **argv);

/* Says one sentence on stderr. Returns @status, for the caller to return. */
int vmp_cli_fail (int         status,
                  const char *format,
                  ...) G_GNUC_PRINTF (2, 3);

/* Writes to stdout. Returns the exit status: VMP_EXIT_FAILED, and says so, when it could not be written. */
int vmp_cli_print (const char *text);

/* The verbs but serve and help, each a table of its sub-verbs. */
extern const VmpCliCommand vmp_cli_clients_commands[];
extern const VmpCliCommand vmp_cli_config_commands[];
extern const VmpCliCommand vmp_cli_dashboard_commands[];
extern const VmpCliCommand vmp_cli_discover_commands[];
extern const VmpCliCommand vmp_cli_doctor_commands[];
extern const VmpCliCommand vmp_cli_events_commands[];
extern const VmpCliCommand vmp_cli_explain_commands[];
extern const VmpCliCommand vmp_cli_keys_commands[];
extern const VmpCliCommand vmp_cli_metrics_commands[];
extern const VmpCliCommand vmp_cli_models_commands[];
extern const VmpCliCommand vmp_cli_nodes_commands[];
extern const VmpCliCommand vmp_cli_pause_commands[];
extern const VmpCliCommand vmp_cli_requests_commands[];
extern const VmpCliCommand vmp_cli_resume_commands[];
extern const VmpCliCommand vmp_cli_route_commands[];
extern const VmpCliCommand vmp_cli_share_commands[];
extern const VmpCliCommand vmp_cli_status_commands[];
extern const VmpCliCommand vmp_cli_top_commands[];

/* `vampire serve`: the gateway in the foreground. @args are the words after the verb. */
int vmp_cli_serve (const char * const *args);

/* What `vampire help serve` says. (transfer full) */
char *vmp_cli_serve_help (void);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The command line: a verb and what follows it. vmp-cli.c finds the verb; each verb has a file of its
 * own. Errors are one sentence on stderr after `vampire: `; results go to stdout and nowhere else.
 */

#pragma once

#include <glib.h>

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

/* `vampire serve`: the gateway in the foreground. @args are the words after the verb. */
int vmp_cli_serve (const char * const *args);

/* What `vampire help serve` says. (transfer full) */
char *vmp_cli_serve_help (void);

G_END_DECLS

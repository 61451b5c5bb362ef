/* SPDX-License-Identifier: MIT
 *
 * What may follow a verb, as tables: its sub-verbs with their words and flags. One table reads the command line,
 * prints the help, and is what the man page and the completions are held to. It never asks the gateway.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_CLI_TEXT,
  VMP_CLI_WHOLE,  /* a whole number */
  VMP_CLI_NUMBER
} VmpCliFlagKind;

typedef struct {
  const char *name;      /* without its dashes; NULL ends a table */
  const char *argument;  /* as the help names it, "a|b" for one of these words; NULL: the flag stands alone */
  VmpCliFlagKind kind;
  gboolean repeated;     /* each counts; else the last one does */
  const char *help;
} VmpCliFlag;

typedef struct _VmpCliArgs VmpCliArgs;

typedef struct {
  const char *name;        /* "add", "token set"; "" for a verb that has no sub-verbs; NULL ends a table */
  const char *words;       /* "ID [on|off]": those in brackets may be left out; "" for none */
  const char *summary;
  const VmpCliFlag *flags; /* NULL: none but those of all verbs */
  gboolean is_local;       /* does not ask the gateway, so it takes no token */
  int (*run) (const VmpCliArgs *args);
} VmpCliCommand;

/* The first command of a table is also what the verb alone means, when it needs no words. */
int vmp_cli_run_command (const char          *verb,
                         const VmpCliCommand *commands,
                         const char * const  *argv);

/* What `vampire help VERB` says below the usage. (transfer full) */
char *vmp_cli_command_help (const char          *verb,
                            const VmpCliCommand *commands);

/* -- One command line that was understood ---------------------------------------------------- */

/* The word after the sub-verb, counted from 0, or NULL. */
const char *vmp_cli_args_word (const VmpCliArgs *self,
                               guint             i);

/* The value of a flag, "" for one that stands alone; NULL when it was not given. */
const char *vmp_cli_args_flag (const VmpCliArgs *self,
                               const char       *name);

/* All values of a flag, NULL-terminated. (transfer container) */
const char **vmp_cli_args_flags (const VmpCliArgs *self,
                                 const char       *name);

/* "vampire nodes add", for messages. */
const char *vmp_cli_args_call (const VmpCliArgs *self);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * What tests of the program `vampire` share: a home of its own for each test, and ways to run the program in it.
 * VAMPIRE_BIN names the program.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *home;
  char *file;                    /* the settings file; not there at first */
  GSubprocessLauncher *launcher; /* an environment with HOME and PATH only */

  /* The running `vampire serve`, if any. */
  GSubprocess *server;
  GDataInputStream *output;
  GDataInputStream *log;
} Fixture;

void fixture_set_up (Fixture      *fixture,
                     gconstpointer data);
void fixture_tear_down (Fixture      *fixture,
                        gconstpointer data);

void fixture_set_variable (Fixture    *fixture,
                           const char *name,
                           const char *value);

/* Writes the settings file. */
void fixture_write_file (Fixture    *fixture,
                         const char *text);

GSubprocess *fixture_spawn (Fixture            *fixture,
                            const char * const *args);

/* Runs to the end. A NULL stands for anything. */
void fixture_assert_run (Fixture            *fixture,
                         const char * const *args,
                         int                 status,
                         const char         *output,
                         const char         *errors);

/* Runs to a good end that says nothing on stderr. (transfer full) */
char *fixture_run_for_output (Fixture            *fixture,
                              const char * const *args);

#define ARGS(...) ((const char * const[]) { __VA_ARGS__, NULL })
#define NO_ARGS ((const char * const[]) { NULL })

G_END_DECLS

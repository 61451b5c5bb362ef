/* SPDX-License-Identifier: MIT
 *
 * What the verbs that ask the gateway share: who is asked, what is said when nobody answers, and how an answer is
 * printed. The verbs say what they ask and what a person wants to see of it.
 */

#pragma once

#include "cli/vmp-cli-args.h"
#include "client/vmp-client.h"

G_BEGIN_DECLS

/* What a person at a terminal of so many columns sees of an answer. (transfer full) */
typedef char *(*VmpCliShow) (JsonNode *answer,
                             guint     columns);

/* The settings as far as the command line needs them: to know where the gateway is. */
VmpSettings *vmp_cli_load_settings (GError **error);

/* Whom to ask; NULL after having said why there is nobody, with @status then to be returned. */
VmpClient *vmp_cli_connect (const VmpCliArgs *args,
                            int              *status);

/* Says on stderr that the gateway did not answer. Returns the exit status. */
int vmp_cli_say_unreachable (const VmpCliArgs *args,
                             const GError     *error);

/* Asks; NULL after having said that nobody answered. @body: (transfer full) (nullable) */
VmpClientAnswer *vmp_cli_ask (const VmpCliArgs *args,
                              VmpClient        *client,
                              const char       *method,
                              const char       *path,
                              JsonNode         *body);

/* Whether people read the output, and how many columns they have; else 0. */
guint vmp_cli_people (const VmpCliArgs *args);

/* Prints an answer to stdout, or for people what was wrong to stderr. @show: (nullable). Returns the exit status. */
int vmp_cli_print_answer (const VmpCliArgs      *args,
                          const VmpClientAnswer *answer,
                          VmpCliShow             show);

/* All of it. @path: (transfer full), @body: (transfer full) (nullable) */
int vmp_cli_call (const VmpCliArgs *args,
                  const char       *method,
                  char             *path,
                  JsonNode         *body,
                  VmpCliShow        show);

/* A body for vmp_cli_call(): an object is begun, and ended. */
JsonBuilder *vmp_cli_body_new (void);
JsonNode *vmp_cli_body_end (JsonBuilder *builder);

/* Adds the value of a flag, if it was given, under a name. */
void vmp_cli_body_add_flag (JsonBuilder      *body,
                            const VmpCliArgs *args,
                            const char       *flag,
                            const char       *name);

/* The list @name of the answer, usually "data"; NULL when there is none. (transfer none) */
JsonArray *vmp_cli_list (JsonNode   *answer,
                         const char *name);

/* The element if it is an object, else NULL. */
JsonObject *vmp_cli_list_object (JsonArray *list,
                                 guint      i);

G_END_DECLS

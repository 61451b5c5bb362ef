/* SPDX-License-Identifier: MIT
 *
 * What the client's files share: a client's parts, the making of its messages, and its sentences. For src/client/
 * alone.
 */

#pragma once

#include <libsoup/soup.h>

#include "client/vmp-client.h"

G_BEGIN_DECLS

/* As gateway/vmp-owner-file.h has it, which is not ours to include: the file is the seam between two programs. */
#define VMP_CLIENT_OWNER_FILE "gateway.json"

#define VMP_CLIENT_EVENTS_PATH "/vampire/v1/events"

struct _VmpClient {
  gatomicrefcount count;
  SoupSession *session;
  char *url;   /* without a slash at the end */
  char *token; /* NULL: none is sent */
};

/* A message with all that each one has. @read_seconds: between two pieces of the answer; 0: it may take its time. NULL
 * when there is no such address. (transfer full) */
SoupMessage *vmp_client_make_message (VmpClient  *self,
                                      const char *method,
                                      const char *path,
                                      guint       read_seconds);

/* @json: what vmp_json_print() made of it. (transfer full) */
void vmp_client_set_body (SoupMessage *message,
                          char        *json);

/* Why no answer came, as a sentence. @fault: (nullable): as it came from below; NULL: there was no message to send */
void vmp_client_set_unreachable (VmpClient    *self,
                                 const GError *fault,
                                 GError      **error);

/* Reads the rest of an answer without blocking. */
void vmp_client_read_answer_async (VmpClient          *self,
                                   SoupMessage        *message,
                                   GInputStream       *stream,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);

/* What a document says was wrong, fit to be shown; NULL: nothing. (transfer full) (nullable) */
char *vmp_client_dup_problem (JsonNode *document);

G_END_DECLS

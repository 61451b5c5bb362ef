/* SPDX-License-Identifier: MIT
 *
 * A client of the control API, for the command line and the windows. It finds the gateway of this user on this
 * computer and its owner token by itself; others are named. It knows addresses and bodies, not what they mean.
 */

#pragma once

#include <gio/gio.h>

#include "core/vmp-json.h"
#include "core/vmp-settings.h"

G_BEGIN_DECLS

typedef struct _VmpClient VmpClient;

/**
 * vmp_client_new:
 * @gateway: (nullable): base URL of the gateway; NULL: the one that runs here, by its file in the data directory, else
 *   http://127.0.0.1 with the port of the settings
 * @token: (nullable): NULL: VAMPIRE_TOKEN, else the one in that file when it is that gateway's, else the settings'
 * @settings: those of this computer
 * @env: as from g_get_environ()
 *
 * Returns: (transfer full): a client, or NULL with an error that is a whole sentence
 */
VmpClient *vmp_client_new (const char         *gateway,
                           const char         *token,
                           const VmpSettings  *settings,
                           const char * const *env,
                           GError            **error);
/* (transfer full) */
VmpClient *vmp_client_ref (VmpClient *self);
/* Drops a reference. With the last one all that is under way ends. */
void vmp_client_free (VmpClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpClient, vmp_client_free)

const char *vmp_client_get_url (VmpClient *self);

/* An answer. */
typedef struct {
  guint status;
  char *text;       /* the body as it came, NUL-terminated */
  JsonNode *json;   /* the body, if it is JSON; NULL */
} VmpClientAnswer;

void vmp_client_answer_free (VmpClientAnswer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpClientAnswer, vmp_client_answer_free)

/* A path with parts that come from people, each percent-encoded: vmp_client_path ("/vampire/v1/nodes/", id, "/approve",
 * NULL) takes literal and part in turn. (transfer full) */
char *vmp_client_path (const char *literal,
                       ...) G_GNUC_NULL_TERMINATED;

/* Asks, and waits for the whole answer. @body: (nullable). NULL with an error that is a whole sentence when the gateway
 * cannot be reached; an answer of any status otherwise. */
VmpClientAnswer *vmp_client_ask (VmpClient  *self,
                                 const char *method,
                                 const char *path,
                                 JsonNode   *body,
                                 GError    **error);

/**
 * vmp_client_ask_async:
 * @body: (nullable): printed before this returns
 * @callback: gets no source object
 *
 * The same without waiting, and without a limit on how long the answer takes to come. One that is long is parsed on
 * another thread. Uses the thread-default main context. A client that asks so is for this alone.
 */
void vmp_client_ask_async (VmpClient          *self,
                           const char         *method,
                           const char         *path,
                           JsonNode           *body,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
VmpClientAnswer *vmp_client_ask_finish (GAsyncResult *result,
                                        GError      **error);

/* What the gateway said was wrong: error.message, or detail, or the status. (transfer full) */
char *vmp_client_answer_dup_problem (const VmpClientAnswer *answer);

/* @id, @type and @data of one server-sent event; FALSE ends the stream. */
typedef gboolean (*VmpClientEventFunc) (gpointer    user_data,
                                        const char *id,
                                        const char *type,
                                        const char *data);

/* Follows /vampire/v1/events until @func returns FALSE, which is no error, or the connection ends, which is
 * G_IO_ERROR_CONNECTION_CLOSED. */
gboolean vmp_client_follow (VmpClient         *self,
                            const char        *last_event_id,
                            VmpClientEventFunc func,
                            gpointer           user_data,
                            GError           **error);

G_END_DECLS

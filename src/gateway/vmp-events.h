/* SPDX-License-Identifier: MIT
 *
 * What happens in the gateway, numbered, for those who want to follow: the windows, the dashboard, `vampire events`.
 * The last ones are kept, VMP_LIMIT_EVENTS of them and VMP_LIMIT_EVENTS_BYTES in all, so that a reader that lost its
 * connection goes on where it was. Events carry names, states and counts; never prompts, answers or tokens.
 */

#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct _VmpEvents VmpEvents;

/* (transfer full) */
VmpEvents *vmp_events_new (void);
/* Ends all readers' streams. */
void vmp_events_free (VmpEvents *self);

/* Ends all readers' streams, which never end by themselves: a gateway that stops does not wait for them. */
void vmp_events_end (VmpEvents *self);

/* @type: "node", "approval", "share", "request", "metric", "discovery", "key", "route". @data: (transfer full): a JSON
 * object on one line; in the place of one longer than VMP_LIMIT_EVENT_DATA_BYTES readers get a `reset` */
void vmp_events_add (VmpEvents  *self,
                     const char *type,
                     char       *data);

/* Whether anybody reads: costly events need not be made for nobody. (Events are kept nevertheless.) */
gboolean vmp_events_has_readers (VmpEvents *self);

/**
 * vmp_events_follow:
 * @message: a GET, whose answer becomes a stream of server-sent events until its client leaves
 * @last_event_id: (nullable): as the client sent it. Events after it are repeated; when they are no longer kept (or it
 *   is of another start of the gateway) the first event is `reset`: what the reader knows is to be read anew
 *
 * Each event has `id: INSTANCE-N`, `event: TYPE`, `data: {…}`. A comment is sent every VMP_LIMIT_EVENT_COMMENT_S, so
 * that both sides notice a dead connection.
 *
 * Returns: FALSE when there are VMP_LIMIT_EVENT_READERS already; the message is untouched then
 */
gboolean vmp_events_follow (VmpEvents         *self,
                            SoupServerMessage *message,
                            const char        *last_event_id);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * Server-sent events out of bytes that come as they come: what the command line and the windows read streams with.
 * Rules: https://html.spec.whatwg.org/multipage/server-sent-events.html. It bounds what it keeps, and knows nothing of
 * what events mean.
 */

#pragma once

#include "client/vmp-client.h"

G_BEGIN_DECLS

typedef struct _VmpEventReader VmpEventReader;

/* @func gets each whole event that has data; once it returns FALSE it is called no more. */
VmpEventReader *vmp_event_reader_new (VmpClientEventFunc func,
                                      gpointer           user_data);
void vmp_event_reader_free (VmpEventReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpEventReader, vmp_event_reader_free)

/* The next bytes, cut anywhere. FALSE: an event is longer than VMP_LIMIT_CLIENT_EVENT_BYTES. */
gboolean vmp_event_reader_push (VmpEventReader *self,
                                const char     *bytes,
                                gsize           n);

/* Whether its function wants no more. */
gboolean vmp_event_reader_is_ended (const VmpEventReader *self);

G_END_DECLS

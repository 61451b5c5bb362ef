/* SPDX-License-Identifier: MIT
 *
 * What the mirror's two files share: vmp-mirror.c keeps and reads the topics, vmp-mirror-events.c knows what an event
 * of the gateway changes in them.
 */

#pragma once

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

/* Something has changed: it is to be read anew, @delay_ms from now at the earliest, so that more of the same is one
 * reading. While nobody holds it that is only remembered. */
void vmp_mirror_want (VmpMirror *self,
                      VmpTopic   topic,
                      guint      delay_ms);

gboolean vmp_mirror_is_held (VmpMirror *self,
                             VmpTopic   topic);

/* The document of a topic came whole with an event. One that is being read is older. */
void vmp_mirror_take_document (VmpMirror  *self,
                               VmpTopic    topic,
                               JsonObject *document);

/* If the topic's list is being read, that list may be older than this event, which is to come once more after it. */
void vmp_mirror_repeat_after_reading (VmpMirror  *self,
                                      VmpTopic    topic,
                                      JsonObject *data);

/* Whether another event of a request may be shown at once: a flood of them is not, for the next reading comes. */
gboolean vmp_mirror_take_request_event (VmpMirror *self);

/* What an event changes. */
void vmp_mirror_learn (VmpMirror  *self,
                       const char *type,
                       JsonObject *data);
/* The same for an event that comes once more: it changes its item and nothing else. */
void vmp_mirror_learn_again (VmpMirror  *self,
                             VmpTopic    topic,
                             JsonObject *data);

/* All may have changed. */
void vmp_mirror_learn_all (VmpMirror *self);

void vmp_mirror_emit_metric (VmpMirror  *self,
                             JsonObject *data);

/* Of a load or a model: "NODE MODEL". (transfer full) (nullable) */
char *vmp_mirror_make_model_id (JsonObject *document);

G_END_DECLS

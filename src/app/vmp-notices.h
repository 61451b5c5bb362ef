/* SPDX-License-Identifier: MIT
 *
 * The notifications of nodes that wait for their owner's approval: one for each, which only leads to the window where
 * the decision is made, and never grants anything by itself. A network full of strangers cannot shout: what is too much
 * becomes one notification for all.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmpNotices VmpNotices;

/* @application: not owned. Its actions app.review (s: a node's id, "" for the first) and app.show (s: a page) are what
 * notifications lead to. (transfer full) */
VmpNotices *vmp_notices_new (GApplication *application);
/* Those that are shown go. */
void vmp_notices_free (VmpNotices *self);

/* A node that waits. */
typedef struct {
  char *id;
  char *name;     /* plain text */
  char *address;  /* such as "http://192.168.1.5:1234" */
} VmpWaitingNode;

void vmp_waiting_node_free (VmpWaitingNode *self);

/* All that wait now. The first time nobody is told: those were there before. @now: monotonic, µs */
void vmp_notices_set_waiting (VmpNotices *self,
                              GPtrArray  *waiting,
                              gint64      now);

/* The node is, or is no more, on the screen in the window of approvals. */
void vmp_notices_set_seen (VmpNotices *self,
                           const char *node_id,
                           gboolean    seen);

G_END_DECLS

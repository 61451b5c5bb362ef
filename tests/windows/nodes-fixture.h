/* SPDX-License-Identifier: MIT
 *
 * A fixture of windows whose gateway has the nodes that the test wants, and tells of what becomes of them.
 */

#pragma once

#include "windows-fixture.h"

G_BEGIN_DECLS

typedef struct {
  WindowsFixture windows;
  GHashTable *nodes;   /* id -> JsonObject, as the gateway has them */
  GPtrArray *order;    /* of ids */
} NodesFixture;

/* The mirror follows, and has read that there are no nodes. */
void nodes_fixture_set_up (NodesFixture *self,
                           gconstpointer data);
void nodes_fixture_tear_down (NodesFixture *self,
                              gconstpointer data);

/* Adds a node; @more: JSON members that are other than usual, such as "\"name\": \"studio\"". The gateway tells of it,
 * and the mirror has heard it when this returns. Its base URL is http://192.168.1.50:1234. */
void nodes_fixture_add (NodesFixture *self,
                        const char   *id,
                        const char   *more);
/* Changes members of it in the same way. */
void nodes_fixture_change (NodesFixture *self,
                           const char   *id,
                           const char   *more);
/* The same without an event: the mirror does not hear of it. */
void nodes_fixture_change_silently (NodesFixture *self,
                                    const char   *id,
                                    const char   *more);
void nodes_fixture_remove (NodesFixture *self,
                           const char   *id);

/* "POST /vampire/v1/nodes/ID/approve" is answered from now on. */
void nodes_fixture_answer (NodesFixture *self,
                           const char   *method,
                           const char   *id,
                           const char   *rest,
                           guint         status,
                           const char   *body);
/* How often it was asked. */
guint nodes_fixture_count (NodesFixture *self,
                           const char   *method,
                           const char   *id,
                           const char   *rest);
/* The body of the last such request; NULL: there was none. */
const char *nodes_fixture_get_body (NodesFixture *self,
                                    const char   *method,
                                    const char   *id,
                                    const char   *rest);

/* What @id is in the template of @TYPE, whose @widget is one. */
#define child_of(widget, TYPE, id) \
  ((gpointer) gtk_widget_get_template_child (GTK_WIDGET (widget), TYPE, id))

G_END_DECLS

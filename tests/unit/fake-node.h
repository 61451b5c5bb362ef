/* SPDX-License-Identifier: MIT
 *
 * A server of models for tests: it runs on the test's own main context, on a loopback address, with or without TLS, and
 * remembers what was sent to it. And names that stand for the addresses a test says.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
  FAKE_ANSWERS,
  FAKE_SILENT,   /* it reads requests and says nothing */
  FAKE_TRICKLES, /* a head, then spaces, one now and then, for as long as somebody listens */
  FAKE_FLOODS    /* a head that promises 100 MB, and as much of them as is taken */
} FakeManner;

typedef struct {
  GSocketService *service;
  GTlsCertificate *certificate; /* NULL: without TLS */
  guint16 port;
  GHashTable *answers;          /* "GET /path" -> the whole answer as text */
  FakeManner manner;
  GQueue connections;
  guint n_accepted;
  guint n_waiting;              /* requests that are held: FAKE_SILENT */
  guint most_waiting;
  gsize bytes_in;
  gsize bytes_out;
  GPtrArray *requests;          /* each as text, head and body */
} FakeNode;

/* @port: 0: any */
FakeNode *fake_node_new (const char      *address,
                         guint16          port,
                         GTlsCertificate *certificate);
void fake_node_free (FakeNode *self);

/* Ends all connections, kept ones too. */
void fake_node_hang_up (FakeNode *self);

/* What it says to a request from now on; without an answer it says 404. @fields: more fields, each with its CRLF. */
void fake_node_answer (FakeNode   *self,
                       const char *request,
                       guint       status,
                       const char *fields,
                       const char *body);

/* Held requests get the answers that are there for them, and new ones at once. */
void fake_node_wake (FakeNode *self);

/* How many requests it had whose text holds this. */
guint fake_node_count (FakeNode   *self,
                       const char *text);

/* A certificate for any name, signed by its own new key. @pin: (out) (nullable) (transfer full): of its key, as
 * "sha256//…" */
GTlsCertificate *fake_certificate_new (char **pin);

/* From now on a name stands for these addresses, numeric, NULL-terminated. */
void fake_name (const char *name,
                ...) G_GNUC_NULL_TERMINATED;

/* Looking up a name takes until fake_names_wake(). */
void fake_name_slow (const char *name);
void fake_names_wake (void);

/* How many look-ups of a name there were. */
guint fake_name_count (const char *name);

G_END_DECLS

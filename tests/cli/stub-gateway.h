/* SPDX-License-Identifier: MIT
 *
 * A gateway for tests of its clients: it keeps what it was asked, and answers what it was told to, in that order. A
 * thread of its own accepts, and each connection has one, so that a test may wait in its main thread.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _StubGateway StubGateway;

typedef struct {
  char *method;
  char *target;  /* as it was sent: percent-encoded */
  char *head;    /* all of it, each line with its end */
  char *body;
} StubRequest;

void stub_request_free (StubRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StubRequest, stub_request_free)

/* The value of a header of the request, or NULL. (transfer full) */
char *stub_request_dup_header (const StubRequest *self,
                               const char        *name);

StubGateway *stub_gateway_new (void);
/* Ends all connections. */
void stub_gateway_free (StubGateway *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StubGateway, stub_gateway_free)

guint16 stub_gateway_get_port (StubGateway *self);
/* "http://127.0.0.1:PORT" */
const char *stub_gateway_get_url (StubGateway *self);

/* The next answers. A request for which there is none waits for it. */
void stub_gateway_answer (StubGateway *self,
                          guint        status,
                          const char  *body);
/* One with other headers, each line with its end. */
void stub_gateway_answer_with (StubGateway *self,
                               guint        status,
                               const char  *headers,
                               const char  *body);
/* A stream of events, which stays open. */
void stub_gateway_answer_stream (StubGateway *self);

/* Sends on the stream that is open, once it is. NULL ends it. */
void stub_gateway_send (StubGateway *self,
                        const char  *text);

/* The next request that came, waiting for it. (transfer full) */
StubRequest *stub_gateway_take (StubGateway *self);

/* That no request came that was not taken. */
void stub_gateway_assert_idle (StubGateway *self);

G_END_DECLS

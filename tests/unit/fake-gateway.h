/* SPDX-License-Identifier: MIT
 *
 * A gateway for tests of what follows one without blocking: it runs on the test's own main context, so that both sides
 * happen in one order. It says what it was told to say to each request, holds answers back, keeps streams open, floods,
 * and hangs up. A request is named as "GET /vampire/v1/nodes": without its query, unless the test names that, too.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FakeGateway FakeGateway;

#define FAKE_EVENTS "GET /vampire/v1/events"
#define FAKE_STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

/* On 127.0.0.1; @port: 0: any. Its event stream is there from the beginning; to the rest it says 404. */
FakeGateway *fake_gateway_new (guint16 port);
/* Hangs up on all. */
void fake_gateway_free (FakeGateway *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeGateway, fake_gateway_free)

guint16 fake_gateway_get_port (FakeGateway *self);
const char *fake_gateway_get_url (FakeGateway *self);

/* What it says to a request from now on: a JSON document. */
void fake_gateway_answer (FakeGateway *self,
                          const char  *request,
                          guint        status,
                          const char  *body);
/* The same as all the bytes there are, after which the connection stays open. */
void fake_gateway_answer_raw (FakeGateway *self,
                              const char  *request,
                              const char  *text);
/* What it repeats after that for as long as somebody takes it. */
void fake_gateway_flood (FakeGateway *self,
                         const char  *request,
                         const char  *piece);

/* Answers to this request wait until it is let go. */
void fake_gateway_hold (FakeGateway *self,
                        const char  *request);
void fake_gateway_let_go (FakeGateway *self,
                          const char  *request);

/* Bytes on each connection that is open after this request. */
void fake_gateway_send (FakeGateway *self,
                        const char  *request,
                        const char  *text);
/* An event with the next id, "fake-1" first. */
void fake_gateway_send_event (FakeGateway *self,
                              const char  *type,
                              const char  *data);
/* Ends these connections after what is on its way. */
void fake_gateway_finish (FakeGateway *self,
                          const char  *request);
/* The same at once. @request: NULL: all of them */
void fake_gateway_hang_up (FakeGateway *self,
                           const char  *request);

/* How often this was asked, and how many connections are open that asked it last. */
guint fake_gateway_count (FakeGateway *self,
                          const char  *request);
guint fake_gateway_count_open (FakeGateway *self,
                               const char  *request);
/* How many bytes of any answers were taken. */
guint64 fake_gateway_get_bytes_out (FakeGateway *self);

/* The last request of that name, head and body; NULL: there was none. */
const char *fake_gateway_get_request (FakeGateway *self,
                                      const char  *request);

/* Runs the main context until it holds; a test in which it does not has failed. */
#define await(condition) \
  G_STMT_START { \
    gint64 await_until = g_get_monotonic_time () + 20 * G_USEC_PER_SEC; \
    while (!(condition) && g_get_monotonic_time () < await_until) \
      fake_gateway_iterate (); \
    g_assert_true (condition); \
  } G_STMT_END

/* One turn of the main context, which waits for something to happen, but not for ever. */
void fake_gateway_iterate (void);

G_END_DECLS

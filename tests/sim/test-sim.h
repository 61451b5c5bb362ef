/* SPDX-License-Identifier: MIT
 *
 * For the tests of lmstudio-sim: starts the program on free ports, speaks raw HTTP to it, and reads
 * answers byte for byte, whole or broken. Nothing in here sleeps; what does not come ends the test.
 */

#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct {
  GSubprocess *process;
  guint16 port;
  guint16 control_port;
} TestSim;

/* Starts the program with --fast and these flags, in the shell's notation. */
TestSim *test_sim_start (const char *flags);

TestSim *test_sim_startf (const char *format,
                          ...) G_GNUC_PRINTF (1, 2);

/* SIGTERM; the program must end well. */
void test_sim_stop (TestSim *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestSim, test_sim_stop)

/* Turns knobs. */
void test_sim_set (TestSim    *self,
                   const char *json);

/* Turns knobs that the program must refuse. */
void test_sim_set_refused (TestSim    *self,
                           const char *json);

void test_sim_reset (TestSim *self);

/* @what: the JSON of /sim/v1/drop */
void test_sim_drop (TestSim    *self,
                    const char *what);

/* Waits for a counter to be at least, or at most, @n. */
void test_sim_await (TestSim    *self,
                     const char *counter,
                     gint64      n);

void test_sim_await_at_most (TestSim    *self,
                             const char *counter,
                             gint64      n);

gint64 test_sim_count (TestSim    *self,
                       const char *counter);

/* A value of /sim/v1/stats by JSONPath. (transfer full) */
char *test_sim_stat (TestSim    *self,
                     const char *path);

typedef enum {
  TEST_END_WHOLE,    /* as long as it said, the connection still open */
  TEST_END_CLOSED,   /* the end of the connection is the end of the answer */
  TEST_END_EARLY,    /* FIN before the end */
  TEST_END_RESET,    /* RST before the end */
  TEST_END_BAD       /* framing that nobody could read */
} TestEnd;

typedef struct {
  TestEnd end;
  guint status;      /* 0: no status line came */
  char *head;        /* with its empty line */
  GString *body;     /* without chunk framing */
  gsize wire_bytes;
  guint n_chunks;
  JsonNode *json;    /* nullable: the body, if it is JSON */
} TestReply;

void test_reply_free (TestReply *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestReply, test_reply_free)

/* A field of the head. (transfer full) (nullable) */
char *test_reply_field (TestReply  *self,
                        const char *name);

/* A value of the body by JSONPath, as text: strings bare, others as JSON. (transfer full) (nullable) */
char *test_reply_get (TestReply  *self,
                      const char *path);

/* Asserts what test_reply_get () finds; NULL: nothing. */
void test_reply_expect (TestReply  *self,
                        const char *path,
                        const char *value);

typedef struct {
  char *name;        /* nullable: of the event field */
  char *data;
  JsonNode *json;    /* nullable */
} TestEvent;

/* The body's server-sent events, of TestEvent. */
GPtrArray *test_reply_events (TestReply *self);

/* The values at @path of all events, put together. (transfer full) */
char *test_events_join (GPtrArray  *events,
                        const char *path);

/* A value of one event. (transfer full) (nullable) */
char *test_event_get (GPtrArray  *events,
                      guint       index,
                      const char *path);

/* The names of the events, each once in a row, joined by blanks. (transfer full) */
char *test_events_names (GPtrArray *events);

typedef struct {
  GSocketConnection *connection;
  GString *buffer;   /* received and not read yet */
  gboolean is_over;
  gboolean is_reset;
} TestConn;

TestConn *test_conn_open (TestSim *sim);

/* For what may be refused. */
TestConn *test_conn_try (TestSim *sim,
                         GError **error);

void test_conn_close (TestConn *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestConn, test_conn_close)

void test_conn_send (TestConn   *self,
                     const char *text,
                     gssize      len);

/* JSON that is written with ' for ", as all bodies and knobs in these tests are. (transfer full) */
char *test_json (const char *text);

/* Sends a request. @body: (nullable): see test_json (); @fields: (nullable): each with CRLF */
void test_conn_request (TestConn   *self,
                        const char *method,
                        const char *target,
                        const char *fields,
                        const char *body);

TestReply *test_conn_read (TestConn *self);

/* Reads until this many of the program's answers' bytes contain @text. */
void test_conn_read_until (TestConn   *self,
                           const char *text);

/* Asserts that the program ends the connection, and that it said nothing more before. */
void test_conn_expect_end (TestConn *self);

/* One request on a connection of its own. */
TestReply *test_request (TestSim    *sim,
                         const char *method,
                         const char *target,
                         const char *fields,
                         const char *body);

TestReply *test_post (TestSim    *sim,
                      const char *target,
                      const char *body);

TestReply *test_get (TestSim    *sim,
                     const char *target);

G_END_DECLS

/* SPDX-License-Identifier: MIT
 *
 * The rules of a transfer: what it may connect to, whose key may answer, how long and how much. Each is tried on real
 * connections, since it is the connection that must not be made, or must not be used.
 */

#include "fake-node.h"

#include "upstream/vmp-upstream.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "GET /hello"

typedef struct {
  VmpPoll *poll;
  VmpUpstream *upstream;
  FakeNode *node;      /* on 127.0.0.1 */
  FakeNode *tls_node;
  char *pin;           /* of the latter's key */
} Fixture;

/* One transfer and what became of it. */
typedef struct {
  Fixture *fixture;
  VmpBaseUrl *base_url;
  VmpTransfer *transfer;
  VmpTransfer *in_head; /* what was started in head() */
  gboolean starts_in_head;
  guint status;         /* 0: no head came */
  gsize body_len;
  gboolean done;
  VmpTransferEnd end;
  char *reason;
  char *address;        /* in done() */
  char *key;            /* the same */
} Asked;

static void ask (Fixture        *self,
                 Asked          *asked,
                 const char     *base_url,
                 const VmpReach *reach,
                 guint           timeout_ms,
                 gsize           max_body_bytes);

static void
head_cb (gpointer               user_data,
         const VmpTransferHead *head)
{
  Asked *asked = user_data;

  asked->status = head->status;
}

static gboolean
body_cb (gpointer    user_data,
         const char *data,
         gsize       len)
{
  ((Asked *) user_data)->body_len += len;

  return TRUE;
}

static void
done_cb (gpointer       user_data,
         VmpTransferEnd end,
         const char    *reason)
{
  Asked *asked = user_data;

  asked->done = TRUE;
  asked->end = end;
  asked->reason = g_strdup (reason);
  asked->address = g_strdup (vmp_transfer_get_address (asked->transfer));
  asked->key = vmp_transfer_dup_key (asked->transfer);
}

static const VmpTransferEvents events = { head_cb, body_cb, done_cb };

static void
ask (Fixture        *self,
     Asked          *asked,
     const char     *base_url,
     const VmpReach *reach,
     guint           timeout_ms,
     gsize           max_body_bytes)
{
  VmpTransferRequest request = {
    .method = VMP_SLICE_LITERAL ("GET"),
    .target = VMP_SLICE_LITERAL ("/hello"),
    .reach = reach,
    .timeout_ms = timeout_ms,
    .max_body_bytes = max_body_bytes,
  };

  *asked = (Asked) { .fixture = self };
  asked->base_url = vmp_base_url_parse (base_url, NULL);
  g_assert_nonnull (asked->base_url);
  request.base_url = asked->base_url;
  asked->transfer = vmp_upstream_start (self->upstream, &request, &events, asked);
}

static void
await (Asked *asked)
{
  while (!asked->done)
    g_main_context_iteration (NULL, TRUE);
}

static void
clear (Asked *asked)
{
  g_free (asked->reason);
  g_free (asked->address);
  g_free (asked->key);
  vmp_base_url_free (asked->base_url);
}

/* Asks, waits and compares how it ended; for the tests to which nothing else matters. */
static void
assert_end (Fixture        *self,
            const char     *base_url,
            const VmpReach *reach,
            VmpTransferEnd  end,
            const char     *reason)
{
  Asked asked;

  ask (self, &asked, base_url, reach, 0, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, end);
  if (reason == NULL)
    g_assert_cmpstr (asked.reason, ==, NULL);
  else
    g_assert_nonnull (strstr (asked.reason, reason));
  g_assert_cmpuint (asked.status, ==, end == VMP_TRANSFER_DONE ? 200 : 0);
  clear (&asked);
}

static char *
url_of (const char     *scheme,
        const char     *host,
        const FakeNode *node)
{
  return g_strdup_printf ("%s://%s:%u", scheme, host, node->port);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autoptr (GTlsCertificate) certificate = fake_certificate_new (&self->pin);

  self->poll = vmp_poll_new (NULL);
  self->upstream = vmp_upstream_new (self->poll);
  self->node = fake_node_new ("127.0.0.1", 0, NULL);
  fake_node_answer (self->node, HELLO, 200, NULL, "hello");
  self->tls_node = fake_node_new ("127.0.0.1", 0, certificate);
  fake_node_answer (self->tls_node, HELLO, 200, NULL, "hello");
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  fake_node_free (self->node);
  fake_node_free (self->tls_node);
  g_clear_pointer (&self->upstream, vmp_upstream_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_poll_free (self->poll);
  g_free (self->pin);
}

/* -- Addresses ----------------------------------------------------------------------------- */

static void
test_address_is_told (Fixture      *self,
                      gconstpointer data)
{
  g_autofree char *url = url_of ("http", "localhost", self->node);
  Asked asked;

  ask (self, &asked, url, NULL, 0, 0);
  g_assert_cmpstr (vmp_transfer_get_address (asked.transfer), ==, "");
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_DONE);
  g_assert_cmpstr (asked.address, ==, "127.0.0.1");
  g_assert_null (asked.key);
  clear (&asked);

  /* The same connection again. */
  ask (self, &asked, url, NULL, 0, 0);
  await (&asked);
  g_assert_cmpstr (asked.address, ==, "127.0.0.1");
  g_assert_cmpuint (self->node->n_accepted, ==, 1);
  clear (&asked);
}

static void
test_public_refused (Fixture      *self,
                     gconstpointer data)
{
  VmpReach open = { .allow_public = TRUE };

  fake_name ("public.test", "8.8.8.8", "2606:4700::1111", NULL);
  fake_name ("metadata.test", "169.254.169.254", NULL);

  assert_end (self, "http://8.8.8.8:1", NULL, VMP_TRANSFER_NOT_ALLOWED, "allow_public_nodes");
  assert_end (self, "https://[2606:4700::1111]:1", NULL, VMP_TRANSFER_NOT_ALLOWED, "public Internet");
  assert_end (self, "http://[::ffff:8.8.8.8]:1", NULL, VMP_TRANSFER_NOT_ALLOWED, "public Internet");
  assert_end (self, "http://public.test:1", NULL, VMP_TRANSFER_NOT_ALLOWED, "public Internet");
  assert_end (self, "http://metadata.test:80", NULL, VMP_TRANSFER_NOT_ALLOWED, "none that a computer");
  assert_end (self, "http://metadata.test:80", &open, VMP_TRANSFER_NOT_ALLOWED, "none that a computer");
  assert_end (self, "http://0.0.0.0:1", &open, VMP_TRANSFER_NOT_ALLOWED, "none that a computer");
}

static void
test_allowed_one_of_several (Fixture      *self,
                             gconstpointer data)
{
  g_autofree char *url = url_of ("http", "mixed.test", self->node);
  Asked asked;

  fake_name ("mixed.test", "8.8.8.8", "2606:4700::1111", "169.254.169.254", "127.0.0.1", NULL);
  ask (self, &asked, url, NULL, 0, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_DONE);
  g_assert_cmpstr (asked.address, ==, "127.0.0.1");
  clear (&asked);

  /* The one that may be asked decides, also when it does not answer. */
  assert_end (self, "http://mixed.test:1", NULL, VMP_TRANSFER_NO_CONNECTION, "connection refused");
}

static void
test_bound_to_another (Fixture      *self,
                       gconstpointer data)
{
  static const char * const addresses[] = { "127.0.0.9", "fe80::1", NULL };
  static const char * const none[] = { NULL };
  g_autofree char *url = url_of ("http", "localhost", self->node);
  VmpReach reach = { .addresses = addresses };

  assert_end (self, url, &reach, VMP_TRANSFER_MOVED, "not the address that was approved");
  reach.addresses = none;
  assert_end (self, url, &reach, VMP_TRANSFER_MOVED, "not the address that was approved");
  g_assert_cmpuint (self->node->n_accepted, ==, 0);
}

static void
test_bound (Fixture      *self,
            gconstpointer data)
{
  static const char * const addresses[] = { "10.0.0.1", "::ffff:127.0.0.1", NULL };
  g_autofree char *url = url_of ("http", "localhost", self->node);
  VmpReach reach = { .addresses = addresses };

  assert_end (self, url, &reach, VMP_TRANSFER_DONE, NULL);
  assert_end (self, "http://localhost:1", &reach, VMP_TRANSFER_NO_CONNECTION, "connection refused");
}

/* A public address that it is bound to is still one that the setting has to allow. */
static void
test_bound_to_public (Fixture      *self,
                      gconstpointer data)
{
  static const char * const addresses[] = { "8.8.8.8", NULL };
  VmpReach reach = { .addresses = addresses };

  assert_end (self, "http://8.8.8.8:1", &reach, VMP_TRANSFER_NOT_ALLOWED, "allow_public_nodes");
  assert_end (self, "http://8.8.4.4:1", &reach, VMP_TRANSFER_MOVED, "8.8.4.4");
}

/* Nothing of a request that is bound elsewhere may go over a connection that was there before. */
static void
test_kept_connection_is_judged (Fixture      *self,
                                gconstpointer data)
{
  static const char * const addresses[] = { "127.0.0.9", NULL };
  g_autofree char *url = url_of ("http", "localhost", self->node);
  VmpReach reach = { .addresses = addresses };
  gsize bytes_before;

  assert_end (self, url, NULL, VMP_TRANSFER_DONE, NULL);
  bytes_before = self->node->bytes_in;
  assert_end (self, url, &reach, VMP_TRANSFER_MOVED, "127.0.0.1");
  g_assert_cmpuint (self->node->bytes_in, ==, bytes_before);
  g_assert_cmpuint (self->node->n_accepted, ==, 1);

  assert_end (self, url, NULL, VMP_TRANSFER_DONE, NULL);
}

/* A connection to where a node was before does not keep it from being found where it is. */
static void
test_kept_connection_is_replaced (Fixture      *self,
                                  gconstpointer data)
{
  static const char * const addresses[] = { "127.0.0.2", NULL };
  g_autofree char *url = url_of ("http", "two.test", self->node);
  FakeNode *other = fake_node_new ("127.0.0.2", self->node->port, NULL);
  VmpReach reach = { .addresses = addresses };
  Asked asked;

  fake_node_answer (other, HELLO, 200, NULL, "hello");
  fake_name ("two.test", "127.0.0.1", "127.0.0.2", NULL);
  assert_end (self, url, NULL, VMP_TRANSFER_DONE, NULL);
  g_assert_cmpuint (self->node->requests->len, ==, 1);

  ask (self, &asked, url, &reach, 0, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_DONE);
  g_assert_cmpstr (asked.address, ==, "127.0.0.2");
  g_assert_cmpuint (self->node->requests->len, ==, 1);
  g_assert_cmpuint (other->requests->len, ==, 1);
  clear (&asked);
  fake_node_free (other);
}

/* The rules belong to the caller only until the transfer has begun. */
static void
test_rules_are_copied (Fixture      *self,
                       gconstpointer data)
{
  g_autofree char *url = url_of ("http", "localhost", self->node);
  g_auto (GStrv) addresses = g_strsplit ("127.0.0.9", ",", -1);
  VmpReach reach = { .addresses = (const char * const *) addresses };
  Asked asked;

  ask (self, &asked, url, &reach, 0, 0);
  strcpy (addresses[0], "127.0.0.1");
  reach.addresses = NULL;
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_MOVED);
  clear (&asked);
}

/* -- Keys ---------------------------------------------------------------------------------- */

static void
test_key_unknown (Fixture      *self,
                  gconstpointer data)
{
  g_autofree char *url = url_of ("https", "localhost", self->tls_node);

  assert_end (self, url, NULL, VMP_TRANSFER_KEY_UNKNOWN, "no authority");
  g_assert_cmpuint (self->tls_node->requests->len, ==, 0);
}

static void
test_key_pinned (Fixture      *self,
                 gconstpointer data)
{
  g_autofree char *url = url_of ("https", "localhost", self->tls_node);
  VmpReach reach = { .key = self->pin };
  Asked asked;

  assert_end (self, url, &reach, VMP_TRANSFER_DONE, NULL);
  ask (self, &asked, url, &reach, 0, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_DONE);
  g_assert_cmpstr (asked.address, ==, "127.0.0.1");
  g_assert_cmpuint (self->tls_node->n_accepted, ==, 1);
  clear (&asked);
}

static void
test_key_changed (Fixture      *self,
                  gconstpointer data)
{
  g_autofree char *url = url_of ("https", "localhost", self->tls_node);
  g_autofree char *other_pin = NULL;
  G_GNUC_UNUSED g_autoptr (GTlsCertificate) other = fake_certificate_new (&other_pin);
  VmpReach reach = { .key = other_pin };

  assert_end (self, url, &reach, VMP_TRANSFER_KEY_CHANGED, "another key");
  reach.key = "sha256//nonsense";
  assert_end (self, url, &reach, VMP_TRANSFER_KEY_CHANGED, "another key");
  reach.key = "";
  assert_end (self, url, &reach, VMP_TRANSFER_KEY_CHANGED, "another key");
  g_assert_cmpuint (self->tls_node->requests->len, ==, 0);
}

static void
test_key_is_learnt (Fixture      *self,
                    gconstpointer data)
{
  g_autofree char *url = url_of ("https", "localhost", self->tls_node);
  VmpReach reach = { .any_key = TRUE };
  guint i;

  for (i = 0; i < 3; i++)
    {
      Asked asked;

      ask (self, &asked, url, &reach, 0, 0);
      await (&asked);
      g_assert_cmpint (asked.end, ==, VMP_TRANSFER_DONE);
      g_assert_cmpstr (asked.key, ==, self->pin);
      clear (&asked);
    }
}

/* A pooled connection is used only by transfers with the very rules it was made under. */
static void
test_key_rules_do_not_mix (Fixture      *self,
                           gconstpointer data)
{
  g_autofree char *url = url_of ("https", "localhost", self->tls_node);
  g_autofree char *plain_url = url_of ("http", "localhost", self->node);
  g_autofree char *other_pin = NULL;
  G_GNUC_UNUSED g_autoptr (GTlsCertificate) other = fake_certificate_new (&other_pin);
  VmpReach pinned = { .key = self->pin };
  VmpReach pinned_to_other = { .key = other_pin };
  VmpReach any = { .any_key = TRUE };
  guint i;

  for (i = 0; i < 2; i++)
    {
      assert_end (self, url, &pinned, VMP_TRANSFER_DONE, NULL);
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
      assert_end (self, url, NULL, VMP_TRANSFER_KEY_UNKNOWN, "no authority");
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
      assert_end (self, url, &pinned_to_other, VMP_TRANSFER_KEY_CHANGED, "another key");
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
      assert_end (self, url, &any, VMP_TRANSFER_DONE, NULL);
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
      assert_end (self, url, NULL, VMP_TRANSFER_KEY_UNKNOWN, "no authority");
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
      assert_end (self, url, &any, VMP_TRANSFER_DONE, NULL);
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
      assert_end (self, url, &pinned_to_other, VMP_TRANSFER_KEY_CHANGED, "another key");
      assert_end (self, plain_url, NULL, VMP_TRANSFER_DONE, NULL);
    }
  g_assert_cmpuint (self->tls_node->requests->len, ==, 6);

  /* Nor do the rules of https have connections of http thrown away. Those are used often: idle ones grow too old. */
  g_assert_cmpuint (self->node->n_accepted, ==, 1);
}

static void
test_no_tls_there (Fixture      *self,
                   gconstpointer data)
{
  g_autofree char *url = url_of ("https", "localhost", self->node);
  VmpReach any = { .any_key = TRUE };
  Asked asked;

  /* The fake node waits for the rest of what it takes for a request. */
  ask (self, &asked, url, &any, 100, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_TIMED_OUT);
  g_assert_null (asked.key);
  clear (&asked);
}

/* -- Time and length ----------------------------------------------------------------------- */

static void
test_silent_node_times_out (Fixture      *self,
                            gconstpointer data)
{
  g_autofree char *url = url_of ("http", "localhost", self->node);
  Asked asked;

  self->node->manner = FAKE_SILENT;
  ask (self, &asked, url, NULL, 50, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_TIMED_OUT);
  g_assert_cmpstr (asked.reason, ==, "no answer within 0.05 seconds");
  g_assert_cmpuint (asked.status, ==, 0);
  clear (&asked);
}

static void
test_trickling_node_times_out (Fixture      *self,
                               gconstpointer data)
{
  g_autofree char *url = url_of ("http", "localhost", self->node);
  Asked asked;

  self->node->manner = FAKE_TRICKLES;
  ask (self, &asked, url, NULL, 200, 0);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_TIMED_OUT);
  g_assert_cmpuint (asked.status, ==, 200);
  g_assert_cmpuint (asked.body_len, >, 0);
  clear (&asked);
}

/* What is used again must not keep the last one's time. */
static void
test_no_time_out_is_inherited (Fixture      *self,
                               gconstpointer data)
{
  g_autofree char *url = url_of ("http", "localhost", self->node);
  Asked first;
  Asked patient;
  Asked second;

  self->node->manner = FAKE_SILENT;
  ask (self, &first, url, NULL, 50, 0);
  await (&first);
  ask (self, &patient, url, NULL, 0, 0);
  ask (self, &second, url, NULL, 150, 0);
  await (&second);
  g_assert_cmpint (second.end, ==, VMP_TRANSFER_TIMED_OUT);
  g_assert_false (patient.done);
  fake_node_wake (self->node);
  await (&patient);
  g_assert_cmpint (patient.end, ==, VMP_TRANSFER_DONE);
  clear (&first);
  clear (&patient);
  clear (&second);
}

/* Neither running out of time nor being cancelled waits for the resolver, which may take a minute. */
static void
test_slow_name (Fixture      *self,
                gconstpointer data)
{
  g_autofree char *url = url_of ("http", "slow.test", self->node);
  Asked timed_out;
  Asked cancelled;

  fake_name ("slow.test", "127.0.0.1", NULL);
  fake_name_slow ("slow.test");
  ask (self, &cancelled, url, NULL, 0, 0);
  ask (self, &timed_out, url, NULL, 50, 0);
  await (&timed_out);
  g_assert_cmpint (timed_out.end, ==, VMP_TRANSFER_TIMED_OUT);
  vmp_transfer_cancel (cancelled.transfer);
  g_assert_false (cancelled.done);
  g_assert_cmpuint (fake_name_count ("slow.test"), >, 0);
  fake_names_wake ();

  assert_end (self, url, NULL, VMP_TRANSFER_DONE, NULL);
  clear (&timed_out);
  clear (&cancelled);
}

static void
test_too_long (Fixture      *self,
               gconstpointer data)
{
  g_autofree char *url = url_of ("http", "localhost", self->node);
  Asked asked;

  self->node->manner = FAKE_FLOODS;
  ask (self, &asked, url, NULL, 0, 1024 * 1024);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_TOO_LONG);
  g_assert_cmpstr (asked.reason, ==, "its answer is longer than 1024 KB");
  g_assert_cmpuint (asked.body_len, <=, 1024 * 1024);
  clear (&asked);
  while (self->node->connections.length > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (self->node->bytes_out, <, 16 * 1024 * 1024); /* what sockets hold, and not 100 MB */

  self->node->manner = FAKE_ANSWERS;
  ask (self, &asked, url, NULL, 0, strlen ("hello"));
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_DONE);
  clear (&asked);
  ask (self, &asked, url, NULL, 0, strlen ("hello") - 1);
  await (&asked);
  g_assert_cmpint (asked.end, ==, VMP_TRANSFER_TOO_LONG);
  clear (&asked);
}

/* -- Inside libcurl's callbacks ------------------------------------------------------------- */

typedef struct {
  Asked outer;
  Asked inner;
  Asked cancelled;
  char *url;
} Nested;

static void
nested_head_cb (gpointer               user_data,
                const VmpTransferHead *head)
{
  Nested *nested = user_data;
  Fixture *fixture = nested->outer.fixture;

  ask (fixture, &nested->inner, nested->url, NULL, 0, 0);
  ask (fixture, &nested->cancelled, nested->url, NULL, 0, 0);
  vmp_transfer_cancel (nested->cancelled.transfer);
}

static void
nested_done_cb (gpointer       user_data,
                VmpTransferEnd end,
                const char    *reason)
{
  ((Nested *) user_data)->outer.done = TRUE;
}

static void
test_start_in_a_callback (Fixture      *self,
                          gconstpointer data)
{
  static const VmpTransferEvents nested_events = { nested_head_cb, body_cb, nested_done_cb };
  Nested nested = { .outer.fixture = self, .url = url_of ("http", "localhost", self->node) };
  VmpTransferRequest request = { .method = VMP_SLICE_LITERAL ("GET"), .target = VMP_SLICE_LITERAL ("/hello") };

  nested.outer.base_url = vmp_base_url_parse (nested.url, NULL);
  request.base_url = nested.outer.base_url;
  vmp_upstream_start (self->upstream, &request, &nested_events, &nested);
  await (&nested.outer);
  await (&nested.inner);
  g_assert_cmpint (nested.inner.end, ==, VMP_TRANSFER_DONE);
  g_assert_false (nested.cancelled.done);
  clear (&nested.outer);
  clear (&nested.inner);
  clear (&nested.cancelled);
  g_free (nested.url);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

/* A node that is quicker than anything on a network: it answers inside the call that sends it a request, once there
 * is a connection. */
typedef struct {
  int listener;
  int connection; /* -1: none was made yet */
  int client;     /* the other end of it */
} QuickNode;

static QuickNode *quick_node; /* NULL: it does not listen */

/* Sends a text, and waits for the client's end to have some of it. */
static void
send_text (QuickNode  *self,
           const char *text)
{
  struct pollfd client = { .fd = self->client, .events = POLLIN };

  g_assert_cmpint (sendto (self->connection, text, strlen (text), MSG_NOSIGNAL, NULL, 0), ==, strlen (text));
  g_assert_cmpint (poll (&client, 1, -1), ==, 1);
}

static void
answer_half (QuickNode *self)
{
  char request[4096];

  if (self->connection < 0)
    self->connection = accept (self->listener, NULL, NULL);
  g_assert_cmpint (recv (self->connection, request, sizeof request, 0), >, 0);
  send_text (self, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
}

static gboolean
answer_half_cb (gpointer user_data)
{
  answer_half (user_data);

  return G_SOURCE_REMOVE;
}

/* In the place of the C library's: libcurl sends with it. The first answer comes when libcurl waits for it. */
ssize_t
send (int         fd,
      const void *data,
      size_t      len,
      int         flags)
{
  ssize_t n = sendto (fd, data, len, flags, NULL, 0);

  if (quick_node != NULL)
    quick_node->client = fd;
  if (quick_node != NULL && quick_node->connection < 0)
    g_idle_add (answer_half_cb, quick_node);
  else if (quick_node != NULL)
    answer_half (quick_node);

  return n;
}

typedef struct {
  QuickNode node;
  gboolean paused;
  gsize body_len;
  gboolean done;
  VmpTransferEnd end;
} Quick;

static void
quick_head_cb (gpointer               user_data,
               const VmpTransferHead *head)
{
}

static gboolean
quick_body_cb (gpointer    user_data,
               const char *data,
               gsize       len)
{
  Quick *self = user_data;

  if (self->body_len == 0 && !self->paused)
    {
      self->paused = TRUE;
      return FALSE;
    }
  self->body_len += len;

  return TRUE;
}

static void
quick_done_cb (gpointer       user_data,
               VmpTransferEnd end,
               const char    *reason)
{
  Quick *self = user_data;

  self->done = TRUE;
  self->end = end;
}

/* An answer may be there, and be paused, before libcurl says that it waits for the connection. It is not idle then. */
static void
test_paused_at_once (Fixture      *self,
                     gconstpointer data)
{
  static const VmpTransferEvents quick_events = { quick_head_cb, quick_body_cb, quick_done_cb };
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;
  g_autoptr (VmpBaseUrl) base_url = NULL;
  g_autofree char *url = NULL;
  Quick quick = { .node.connection = -1 };

  quick.node.listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (quick.node.listener, (struct sockaddr *) &address, len), ==, 0);
  g_assert_cmpint (listen (quick.node.listener, 1), ==, 0);
  g_assert_cmpint (getsockname (quick.node.listener, (struct sockaddr *) &address, &len), ==, 0);
  url = g_strdup_printf ("http://127.0.0.1:%u", g_ntohs (address.sin_port));
  base_url = vmp_base_url_parse (url, NULL);
  quick_node = &quick.node;

  /* The first makes the connection, the others use it again. */
  for (guint i = 0; i < 3; i++)
    {
      VmpTransferRequest request = {
        .base_url = base_url, .method = VMP_SLICE_LITERAL ("GET"), .target = VMP_SLICE_LITERAL ("/hello"),
      };
      VmpTransfer *transfer;

      quick.paused = quick.done = FALSE;
      quick.body_len = 0;
      transfer = vmp_upstream_start (self->upstream, &request, &quick_events, &quick);
      while (!quick.paused)
        g_main_context_iteration (NULL, TRUE);

      /* The rest is there, and the loop has seen it. */
      send_text (&quick.node, "world");
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_assert_false (quick.done);

      vmp_transfer_resume (transfer);
      while (!quick.done)
        g_main_context_iteration (NULL, TRUE);
      g_assert_cmpint (quick.end, ==, VMP_TRANSFER_DONE);
      g_assert_cmpuint (quick.body_len, ==, 10);
    }

  quick_node = NULL;
  close (quick.node.connection);
  close (quick.node.listener);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/upstream/address/is-told", test_address_is_told);
  ADD ("/upstream/address/public-refused", test_public_refused);
  ADD ("/upstream/address/allowed-one-of-several", test_allowed_one_of_several);
  ADD ("/upstream/address/bound", test_bound);
  ADD ("/upstream/address/bound-to-another", test_bound_to_another);
  ADD ("/upstream/address/bound-to-public", test_bound_to_public);
  ADD ("/upstream/address/kept-connection-is-judged", test_kept_connection_is_judged);
  ADD ("/upstream/address/kept-connection-is-replaced", test_kept_connection_is_replaced);
  ADD ("/upstream/address/rules-are-copied", test_rules_are_copied);
  ADD ("/upstream/key/unknown", test_key_unknown);
  ADD ("/upstream/key/pinned", test_key_pinned);
  ADD ("/upstream/key/changed", test_key_changed);
  ADD ("/upstream/key/is-learnt", test_key_is_learnt);
  ADD ("/upstream/key/rules-do-not-mix", test_key_rules_do_not_mix);
  ADD ("/upstream/key/no-tls-there", test_no_tls_there);
  ADD ("/upstream/time/silent-node", test_silent_node_times_out);
  ADD ("/upstream/time/trickling-node", test_trickling_node_times_out);
  ADD ("/upstream/time/none-is-inherited", test_no_time_out_is_inherited);
  ADD ("/upstream/time/slow-name", test_slow_name);
  ADD ("/upstream/length", test_too_long);
  ADD ("/upstream/start-in-a-callback", test_start_in_a_callback);
  ADD ("/upstream/paused-at-once", test_paused_at_once);

  return g_test_run ();
}
